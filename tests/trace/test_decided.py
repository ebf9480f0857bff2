"""What was decided, told from the slices of a trace."""

from __future__ import annotations

from typing import Any

from rtsched.model.taskgraph import Overheads
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import ACTIONS, Trace
from rtsched.units import MS
from tests import helpers
from tests.chips import run
from tests.helpers import cpus, fp, task


class Script(Scheduler):
    """Does at given instants, in ms or ns, what it is told to."""

    def __init__(self, acts: dict[float, Any], unit: int = 1) -> None:
        self.acts = {round(time * unit): act for time, act in acts.items()}

    def setup(self, soc: Any) -> None:
        for time in self.acts:
            if time:
                soc.wake_at(time)

    def dispatch(self) -> None:
        act = self.acts.get(self.soc.now)
        if act is not None and act(self.soc, self.soc.processors):
            del self.acts[self.soc.now]


def start(place: int) -> Any:
    """Starts what is ready, if anything is by now."""
    return lambda soc, places: [soc.start(each.job, each, places[place]) for each in list(soc.ready)]


def stop(how: str) -> Any:
    return lambda soc, places: [soc.preempt(places[0], how)]


def decided(trace: Trace, unit: int = 1) -> list[tuple[float, str, int]]:
    """(time, what, processor)."""
    return [(row["time"] / unit, ACTIONS[row["action"]], int(row["processor"])) for row in trace.decisions]


def test_who_migrates_to_where_a_copy_of_it_was_just_taken_off_migrates() -> None:
    def take_over(soc: Any, places: Any) -> bool:
        soc.preempt(places[1], "kill")
        again = soc.preempt(places[0], "now")
        soc.start(again.job, again, places[1])
        return True

    copy = lambda soc, places: soc.duplicate(places[0].segment, places[1]) is None  # noqa: E731
    acts = {0: start(0), 5: copy, 7: take_over}
    costs = Overheads(context_switch=4)
    trace = helpers.simulate([task(0, (9, 9), 99)], Script(acts), processors=cpus(2), until=1, overheads=costs)
    assert decided(trace) == [
        (0, "start", 0), (5, "duplicate", 1), (7, "preempt", 0), (7, "cancel", 1), (7, "migrate", 1),
    ]  # fmt: skip


def test_who_is_preempted_in_the_costs_of_its_start_is_so_and_resumes() -> None:
    tasks = [task(0, 2, 20, offset=1), task(1, 3, 20)]
    trace = helpers.simulate(tasks, fp(), until=2, overheads=Overheads(context_switch=2))
    assert decided(trace) == [(0, "start", 0), (1, "preempt", 0), (1, "start", 0), (5, "resume", 0)]
    again = Script({0: start(0), 1: lambda soc, places: [soc.preempt(places[0]), *start(0)(soc, places)]})
    trace = helpers.simulate([task(0, 2, 20)], again, until=1, overheads=Overheads(context_switch=2))
    assert decided(trace) == [(0, "start", 0), (1, "preempt", 0), (1, "resume", 0)]
    assert trace.processors[0].preemptions == 1


def test_who_is_dropped_in_the_costs_of_its_start_is_not_preempted() -> None:
    drop = Script({0: start(0), 1: lambda soc, places: soc.drop(places[0].segment.job) is None})
    trace = helpers.simulate([task(0, 2, 20)], drop, until=1, overheads=Overheads(context_switch=2))
    assert decided(trace) == [(0, "start", 0), (1, "abort", -1)]


NPU = """
platform: {name: chip, processors: {npu: {kind: npu, KEY}}}
tasks: [{name: a, wcet: {npu: 9 ms}, period: 100 ms}]
"""


def test_to_put_a_state_aside_is_no_start_and_what_follows_at_once_is_one() -> None:
    text = NPU.replace("KEY", "checkpoint: {state: 1 MB, bandwidth: 2 GB/s}")
    for time in (3.5, 6):
        acts = {0: start(0), 3: stop("checkpoint"), time: start(0)}
        found = decided(run(text, scheduler=Script(acts, MS), until="50 ms"), MS)
        assert found == [(0, "start", 0), (3, "preempt", 0), (time, "resume", 0)]


def test_a_reset_is_no_start_and_what_follows_at_once_is_one() -> None:
    text = NPU.replace("KEY", "reset: 1 ms")
    for time in (4, 6):
        acts = {0: start(0), 3: stop("kill"), time: start(0)}
        found = decided(run(text, scheduler=Script(acts, MS), until="50 ms"), MS)
        assert found == [(0, "start", 0), (3, "preempt", 0), (time, "resume", 0)]


def test_who_leads_a_batch_after_another_has_left_it_began_once() -> None:
    text = """
platform: {name: chip, processors: {npu: {kind: npu, context_switch: 1 ms}}}
tasks:
  - {name: a, instances: 2, wcet: {npu: 4 ms}, batch: {"2": 1.5}, period: 100 ms}
"""

    class Together(Script):
        reads = frozenset({"batch"})

    acts = {
        0: lambda soc, places: soc.start_batch(list(soc.ready), places[0]),
        3: lambda soc, places: soc.drop(places[0].segment.job) is None,
    }
    found = decided(run(text, scheduler=Together(acts, MS), until="50 ms"), MS)
    assert [each[:2] for each in found] == [(0, "start"), (1, "start"), (3, "abort")]
