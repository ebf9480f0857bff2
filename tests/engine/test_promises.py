"""What the engine promises a policy: the promises of docs/design.md §7.1 that no other test of the engine holds."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import ProcessorSpec, SystemSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.events import EVENTS
from tests.helpers import simulate, task


class Diary(Scheduler):
    """First in, first out on the lowest free processor; keeps what it was told between two dispatches."""

    preemption = "nonpreemptive"

    def __init__(self) -> None:
        self.fresh: list[str] = []
        self.pages: list[tuple[int, list[str]]] = []

    def on_release(self, job: Any) -> None:
        self.fresh.append(f"release {job.task.name}{job.index}")

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        self.fresh.append(f"completion {segment.job.task.name}{segment.job.index} after {observation['time']}")

    def on_deadline(self, job: Any) -> None:
        self.fresh.append(f"deadline {job.task.name}{job.index}")

    def dispatch(self) -> None:
        """Turn the page, and start what can start."""
        self.pages.append((self.soc.now, self.fresh))
        self.fresh = []
        for segment in self.soc.ready:
            free = [self.soc.processors[i] for i in segment.node.eligible if self.soc.processors[i].segment is None]
            if free:
                self.soc.start(segment.job, segment, free[0])


def test_one_dispatch_sees_the_whole_instant() -> None:
    diary = Diary()
    simulate([task(0, 5, 5), task(1, 2, 10, deadline=5)], diary, until=6)
    assert diary.pages[:2] == [
        (0, ["release a0", "release b0"]),
        (5, ["completion a0 after 5", "deadline b0", "release a1"]),
    ]
    assert len({now for now, _ in diary.pages}) == len(diary.pages)


def test_the_end_of_a_job_is_followed_by_another_dispatch() -> None:
    class Second(Scheduler):
        """Ends what runs at its second dispatch, and must be asked again at that instant."""

        asked: list[tuple[int, int]] = []

        def dispatch(self) -> None:
            soc = self.soc
            self.asked.append((soc.now, len(soc.ready)))
            if len(self.asked) == 2:
                soc.drop(next(soc.running()).job)
            elif soc.ready and soc.processors[0].segment is None:
                soc.start(soc.ready[0].job, soc.ready[0], soc.processors[0])

    policy = Second()
    trace = simulate([task(0, 9, 20), task(1, 2, 20, offset=3)], policy, until=10)
    assert policy.asked[:3] == [(0, 1), (3, 1), (3, 1)]
    assert [tuple(row) for row in trace.slices[["start", "end"]]] == [(0, 3), (3, 5)]


def test_an_illegal_action_changes_nothing() -> None:
    class Stubborn(Diary):
        """Tries what is not allowed first, and goes on."""

        refused = 0

        def dispatch(self) -> None:
            soc = self.soc
            cpu, gpu = soc.processors
            for segment in soc.ready:
                busy = cpu if cpu.segment is not None else gpu
                with pytest.raises(SchedulerError, match="start of node"):
                    soc.start(segment.job, segment, busy)
                with pytest.raises(SchedulerError, match="no node 7"):
                    soc.start(segment.job, [0, 7], cpu)
                self.refused += 1
            super().dispatch()

    def played(policy: Diary) -> list[bytes]:
        processors = (ProcessorSpec(0, "cpu", "cpu"), ProcessorSpec(1, "gpu", "gpu", "gpu", "node"))
        system = SystemSpec(processors, (task(0, (2, None), 10), task(1, (3, None), 10)))
        trace = run(system, policy, until=20)
        return [table.tobytes() for table in (trace.jobs, trace.slices, trace.decisions)]

    stubborn = Stubborn()
    assert played(stubborn) == played(Diary())
    assert stubborn.refused > 3


def test_an_event_nobody_wants_is_not_delivered() -> None:
    class Plain(Scheduler):
        """Overrides no event."""

        def dispatch(self) -> None:
            pass

    events = list(EVENTS)
    assert len(events) > 5
    assert all(Plain().listener(event) is None for event in events)
    wanted = {event for event in events if Diary().listener(event) is not None}
    assert wanted == {"on_release", "on_completion", "on_deadline"}
