"""What a start costs has to pass before the segment makes progress, also for one that was taken off meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.engine.start_costs import StartCosts
from rtsched.model.taskgraph import Overheads
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from rtsched.units import MS
from tests import chips, helpers
from tests.helpers import cpus, task


class Scripted(Scheduler):
    """Does at given instants what it is told: start the first that is ready on a processor, or take off what runs."""

    def __init__(self, *steps: tuple[float, str, int], unit: int = 1) -> None:
        self.steps = [(round(time * unit), how, place) for time, how, place in steps]

    def setup(self, soc: Any) -> None:
        for time in sorted({time for time, _, _ in self.steps if time}):
            soc.wake_at(time)

    def dispatch(self) -> None:
        while self.steps and self.steps[0][0] == self.soc.now:
            ready, (_, how, place) = list(self.soc.ready), self.steps[0]
            processor = self.soc.processors[place]
            if how == "start" and ready:
                self.soc.start(ready[0].job, ready[0], processor)
            elif how == "start":
                return  # it is on its way off
            elif how == "second":
                self.soc.start(ready[1].job, ready[1], processor)
            else:
                self.soc.preempt(processor, how)
            self.steps.pop(0)


def rows(trace: Trace, unit: int = 1) -> list[tuple[str, float, float, str]]:
    """(processor, start, end, reason)."""
    return [(place, start, end, reason) for _, place, start, end, reason in chips.slices(trace, unit)]


# ---- the rest of what has not passed ---------------------------------------------------------------------------------


def one(*steps: tuple[float, str, int], **options: Any) -> Trace:
    """One job of 3 ns, after 4 ns for the switch to it, and 5 more on another core than before."""
    costs = Overheads(context_switch=4, migration=5)
    return helpers.simulate(
        [task(0, (3, 3), 99)], Scripted(*steps), processors=cpus(2, **options), until=1, overheads=costs
    )


def test_who_goes_on_at_once_pays_the_rest() -> None:
    trace = one((0, "start", 0), (1, "now", 0), (1, "start", 0))
    assert rows(trace) == [("cpu0", 0, 1, "overhead"), ("cpu0", 1, 4, "overhead"), ("cpu0", 4, 7, "completed")]
    assert trace.processors[0].overhead == 4


def test_the_rest_is_paid_however_often_it_is_cut_short() -> None:
    trace = one(*[(time, how, 0) for time in (0, 1, 2, 3) for how in ("now", "start") if time or how == "start"])
    assert rows(trace)[-1] == ("cpu0", 4, 7, "completed")
    assert trace.processors[0].overhead == 4


def test_when_they_have_passed_nothing_is_owed() -> None:
    trace = one((0, "start", 0), (5, "now", 0), (5, "start", 0))
    assert rows(trace) == [("cpu0", 0, 4, "overhead"), ("cpu0", 4, 5, "preempted"), ("cpu0", 5, 7, "completed")]


def test_who_goes_on_later_pays_the_rest_if_nobody_else_was_there() -> None:
    trace = one((0, "start", 0), (1, "now", 0), (2, "start", 0))
    assert rows(trace) == [("cpu0", 0, 1, "overhead"), ("cpu0", 2, 5, "overhead"), ("cpu0", 5, 8, "completed")]
    assert trace.processors[0].overhead == 4


def test_what_never_passed_is_no_overhead() -> None:
    trace = one((0, "start", 0), (1, "now", 0), (2, "start", 1))
    assert rows(trace)[1:] == [("cpu1", 2, 11, "overhead"), ("cpu1", 11, 14, "completed")]
    assert [each.overhead for each in trace.processors] == [1, 9]


def test_a_migration_that_was_cut_short_is_paid_anew() -> None:
    # a has 1 of 3 done on core 0, then begins to move to core 1: 4 to switch and 5 to migrate, of which 2 pass.
    # b is there from 7 to 12; a needs both anew
    costs, tasks = Overheads(context_switch=4, migration=5), [task(0, (3, 3), 99), task(1, (1, 1), 99, release=7)]
    steps = [(0, "start", 0), (5, "now", 0), (5, "start", 1), (7, "now", 1), (7, "second", 1), (12, "start", 1)]
    trace = helpers.simulate(tasks, Scripted(*steps), processors=cpus(2), until=8, overheads=costs)
    assert rows(trace) == [
        ("cpu0", 0, 4, "overhead"), ("cpu0", 4, 5, "preempted"), ("cpu1", 5, 7, "overhead"), ("cpu1", 7, 11, "overhead"),
        ("cpu1", 11, 12, "completed"), ("cpu1", 12, 21, "overhead"), ("cpu1", 21, 23, "completed"),
    ]  # fmt: skip


def test_in_a_blackout_no_costs_pass() -> None:
    # core 0 is away in [1, 3): of the 4 of the switch 1 has passed at 3, and 3 are left
    trace = one((0, "start", 0), (3, "now", 0), (3, "start", 0), blackouts=((1, 3),))
    assert trace.jobs["finish"].tolist() == [9]


def test_who_is_pushed_aside_by_a_decision_pays_the_rest_when_it_is_over() -> None:
    text = """
    platform: {name: chip, processors: {cpu: {context_switch: 4 ms}}}
    scheduler: fp
    planner: {core: cpu, cost: 2 ms}
    tasks:
      - {name: a, wcet: 3 ms, period: 100 ms}
      - {name: b, wcet: 1 ms, period: 100 ms, offset: 3 ms}
    """
    # decided at 2; 1 of the switch has passed when b calls at 3; it goes on at 5, and works from 8 on
    found = [row for row in chips.slices(chips.run(text, until="50 ms")) if row[0] == "a"]
    assert found == [
        ("a", "cpu", 2, 3, "overhead"),
        ("a", "cpu", 5, 8, "overhead"),
        ("a", "cpu", 8, 11, "completed"),
    ]


# ---- what was put aside ----------------------------------------------------------------------------------------------

BOARD = """
platform:
  name: board
  processors:
    npu: {kind: npu, checkpoint: {state: 1 MB, bandwidth: 2 GB/s}}
    dsp: {kind: dsp, service: run-to-completion, checkpoint: {state: 4 MB, bandwidth: 1 GB/s}}
    cpu: {cores: 1}
tasks:
  - {name: slow, wcet: {npu: 10 ms, dsp: 10 ms, cpu: 20 ms}, period: 100 ms}
"""
ASIDE = ((0, "start", 0), (3, "checkpoint", 0))
PUT = [("npu", 0, 3, "preempted"), ("npu", 3, 3.5, "overhead")]


def board(*steps: tuple[float, str, int], text: str = BOARD) -> list[tuple[str, float, float, str]]:
    return rows(chips.run(text, scheduler=Scripted(*ASIDE, *steps, unit=MS), until="50 ms"), MS)


def test_it_comes_back_at_the_bandwidth_of_where_it_goes_on() -> None:
    # 1 MB was put aside, in 0.5 ms; the other unit reads it at 1 GB/s
    found = board((3.5, "start", 1))
    assert found == [*PUT, ("dsp", 3.5, 4.5, "overhead"), ("dsp", 4.5, 11.5, "completed")]


def test_where_no_bandwidth_is_declared_it_comes_at_that_of_where_it_was_put_aside() -> None:
    found = board((3.5, "start", 2))
    assert found == [*PUT, ("cpu", 3.5, 4, "overhead"), ("cpu", 4, 18, "completed")]


def test_it_comes_back_at_the_very_instant_at_which_it_was_put_aside() -> None:
    found = board((3.5, "start", 0))
    assert found == [*PUT, ("npu", 3.5, 4, "overhead"), ("npu", 4, 11, "completed")]


def test_it_comes_back_once() -> None:
    # from the processor core it goes back to the unit that put it aside: all of it is there already
    found = board((3.5, "start", 2), (8, "now", 2), (8, "start", 0))
    assert found == [
        *PUT, ("cpu", 3.5, 4, "overhead"), ("cpu", 4, 8, "preempted"), ("npu", 8, 13, "completed"),
    ]  # fmt: skip


def test_what_was_cut_short_on_its_way_back_goes_on_there_and_comes_anew_elsewhere() -> None:
    cut = [*PUT, ("cpu", 3.5, 3.75, "overhead")]
    for time in (3.75, 5):
        there = board((3.5, "start", 2), (3.75, "now", 2), (time, "start", 2))
        assert there == [*cut, ("cpu", time, time + 0.25, "overhead"), ("cpu", time + 0.25, time + 14.25, "completed")]
    elsewhere = board((3.5, "start", 2), (3.75, "now", 2), (5, "start", 1))
    assert elsewhere == [*cut, ("dsp", 5, 6, "overhead"), ("dsp", 6, 13, "completed")]


def test_what_was_killed_has_no_state_to_bring_back() -> None:
    found = board((3.5, "start", 2), (3.75, "kill", 2), (5, "start", 1))
    assert [row for row in found if row[1] >= 3.75 and row[1] < row[2]] == [("dsp", 5, 15, "completed")]


def test_a_node_brings_back_what_it_put_aside_itself() -> None:
    text = BOARD.replace("period: 100 ms", "state: 3 MB, period: 100 ms")
    found = board((4.5, "start", 1), text=text)
    assert found[1:] == [("npu", 3, 4.5, "overhead"), ("dsp", 4.5, 7.5, "overhead"), ("dsp", 7.5, 14.5, "completed")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_trace_shows_a_state_that_did_not_come_back(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StartCosts, "time_back", lambda *_: 0)
    steps = Scripted(*ASIDE, (3.5, "start", place), unit=MS)
    found = rtsched.simulate(chips.loaded(BOARD), scheduler=steps, until="50 ms").check()
    assert found == [
        f"job 0 of 'slow' works on at 3500000 on {('npu', 'dsp', 'cpu')[place]!r} before its state is back"
    ]
