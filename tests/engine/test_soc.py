"""What a policy asks for is checked before it takes effect."""

from __future__ import annotations

import numpy as np
import pytest

from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from tests.chips import run
from tests.helpers import simulate, task


def test_numbers_of_numpy_are_taken_for_what_they_are() -> None:
    class Numpy(Scheduler):
        preemption = "nonpreemptive"

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                if self.soc.processors[0].segment is None:
                    self.soc.start(segment.job, np.int64(segment.node.index), self.soc.processors[np.int64(0)])  # type: ignore[arg-type]
                    self.soc.wake_at(np.int64(self.soc.now + 1))  # type: ignore[arg-type]

        def on_timer(self, tag: object) -> None:
            assert type(self.soc.now) is int

    trace = simulate([task(0, 2, 5)], Numpy(), until=20)
    assert [row["finish"] for row in trace.jobs] == [2, 7, 12, 17]


@pytest.mark.parametrize("nodes", [1.5, "ab", None, [0, 0.5]])
def test_what_is_no_number_is_refused_in_words(nodes: object) -> None:
    class Wrong(Scheduler):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, nodes, self.soc.processors[0])  # type: ignore[arg-type]

    with pytest.raises(SchedulerError, match="the number of a node is a whole number"):
        simulate([task(0, 2, 5)], Wrong(), until=20)


@pytest.mark.parametrize("time", [2.5, "3 ms", None])
def test_a_time_is_a_whole_number(time: object) -> None:
    class Wrong(Scheduler):
        def dispatch(self) -> None:
            self.soc.wake_at(time)  # type: ignore[arg-type]

    with pytest.raises(SchedulerError, match="a time in ns is a whole number"):
        simulate([task(0, 2, 5)], Wrong(), until=20)


@pytest.mark.parametrize("act", ["drop", "finish"])
def test_what_stands_for_a_failed_processor_is_no_job(act: str) -> None:
    class Wrong(Scheduler):
        def dispatch(self) -> None:
            segment = self.soc.processors[0].segment
            if segment is not None:
                getattr(self.soc, act)(segment.job)

    text = (
        "platform: {name: chip, processors: {cpu: {}}}\nsimulate: {until: 9 ms}\n"
        "faults: [{processor: cpu, at: 0 ms, lasts: 5 ms}]\ntasks: [{name: a, wcet: 2 ms, period: 9 ms}]\n"
    )
    with pytest.raises(SchedulerError, match="it stands for a processor that is not to be had"):
        run(text, scheduler=Wrong())
