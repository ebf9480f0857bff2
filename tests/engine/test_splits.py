"""Splits: one node on several processors at once, each with a share of it, and a join in the end."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.engine import simulation
from rtsched.engine.job import READY, RUNNING
from rtsched.engine.splits import Splits
from rtsched.errors import InputError, SchedulerError
from rtsched.trace.trace import ACTIONS, OUTCOMES, REASONS

MS = 1_000_000
HALVES = {"cpu": 0.5, "npu": 0.5}


class Splitter(rtsched.Scheduler):
    """Splits all that is ready as told, where all places are free; `acts` are done at their times."""

    preemption = "preemptive"
    reads = frozenset({"split"})

    def __init__(
        self, shares: dict[str, Any] | None = None, acts: dict[int, Any] | None = None, again: Any = ""
    ) -> None:
        self.shares = HALVES if shares is None else shares
        self.acts = acts or {}
        self.again = again
        self.told: list[Any] = []
        self.heard: list[Any] = []

    def setup(self, soc: Any) -> None:
        self.places = {processor.name: processor for processor in soc.processors}
        for time, act in self.acts.items():
            soc.wake_at(time, act)

    def on_timer(self, tag: Any) -> None:
        tag(self.soc)

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        self.told.append((segment.node.name, observation["time"], observation.get("split")))

    def on_ready(self, job: Any, segments: Any) -> None:
        self.heard.append((self.soc.now, job.task.name))

    def on_processor(self, processor: Any, change: str) -> None:
        self.heard.append((self.soc.now, processor.name, change))

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            if segment.stopped >= 0 and self.again:
                alone = self.places[self.again]
                if alone.segment is None:
                    self.soc.start(segment.job, segment, alone)
                continue
            given = {self.places[name]: share for name, share in self.shares.items()}
            if all(each.segment is None and segment.node.times[each.index] is not None for each in given):
                self.soc.split(segment, given)


def system(*tasks: dict[str, Any], cpu: Any = None, npu: Any = None, **more: Any) -> dict[str, Any]:
    """Jobs that come once, on a CPU that takes 20 ms and an NPU that takes 10 ms."""
    plain = {"wcet": {"cpu": "20 ms", "npu": "10 ms"}, "release": "0 ms", "deadline": "100 ms"}
    plain |= {"split": {"join": "1 ms"}}
    chip = {"cpu": cpu or {}, "npu": {"kind": "npu", **(npu or {})}}
    return {
        "platform": {"name": "board", "processors": chip, **more.pop("platform", {})},
        "tasks": [{"name": f"t{number}", **plain, **task} for number, task in enumerate(tasks)],
        **more,
    }


def run(source: dict[str, Any], policy: Any = None, **more: Any) -> Any:
    trace = rtsched.simulate(source, scheduler=policy or Splitter(), until=more.pop("until", "1 ms"), **more)
    assert trace.check() == []
    return trace


def slices(trace: Any) -> list[tuple[Any, ...]]:
    """(start, end, processor, reason), in ms, by processor."""
    names = [processor.name for processor in trace.system.processors]
    rows = [
        (row["start"] / MS, row["end"] / MS, names[row["processor"]], REASONS[row["reason"]]) for row in trace.slices
    ]
    return sorted(rows, key=lambda row: (row[2], row[0]))


def actions(trace: Any) -> list[str]:
    return [ACTIONS[row["action"]] for row in trace.decisions]


# ---- the rule --------------------------------------------------------------------------------------------------------


def test_each_runs_its_share_and_the_last_one_joins() -> None:
    policy = Splitter()
    trace = run(system({}), policy)
    assert slices(trace) == [
        (0, 10, "cpu", "part"), (10, 11, "cpu", "overhead"), (11, 11, "cpu", "completed"), (0, 5, "npu", "part"),
    ]  # fmt: skip
    assert trace.jobs["finish"].tolist() == [11 * MS]
    assert [each.busy for each in trace.processors] == [11 * MS, 5 * MS]
    assert [each.overhead for each in trace.processors] == [MS, 0]
    assert policy.told == [("t0", 11 * MS, {"cpu": Fraction(1, 2), "npu": Fraction(1, 2)})]
    assert policy.heard == [(0, "t0"), (5 * MS, "npu", "idle"), (11 * MS, "cpu", "idle")]
    assert actions(trace) == ["start", "start"]
    keys = ["start", "end", "job", "node", "processor", "share", "done"]
    half = 1 << 39
    assert trace.splits[keys].tolist() == [(0, 10 * MS, 0, 0, 0, half, 1), (0, 5 * MS, 0, 0, 1, half, 1)]


def test_a_join_of_nothing_takes_no_time() -> None:
    trace = run(system({"split": {"join": "0 ms"}}))
    assert trace.jobs["finish"].tolist() == [10 * MS]
    assert trace.node_times()[["start", "finish"]].tolist() == [(0, 10 * MS)]


@pytest.mark.parametrize(
    "shares", [{"cpu": Fraction(1, 3), "npu": Fraction(2, 3)}, {"cpu": 0.3, "npu": np.float64(0.7)}]
)
def test_work_is_conserved_and_each_part_is_rounded_up(shares: dict[str, Any]) -> None:
    trace = run(system({}), Splitter(shares))
    part = Fraction(str(shares["cpu"])) if not isinstance(shares["cpu"], Fraction) else shares["cpu"]
    ends = {int(row["processor"]): int(row["end"]) for row in trace.splits}
    assert ends == {0: -(-part * 20 * MS // 1), 1: -(-(1 - part) * 10 * MS // 1)}


def test_on_equal_ends_the_last_processor_joins() -> None:
    trace = run(system({}), Splitter({"cpu": Fraction(1, 3), "npu": Fraction(2, 3)}))
    assert slices(trace)[-1][2:] == ("npu", "completed")


def test_all_on_one_is_a_plain_start() -> None:
    trace = run(system({"split": None}, {"release": "50 ms"}), Splitter({"npu": 1}), until="60 ms")
    assert slices(trace) == [(0, 10, "npu", "completed"), (50, 60, "npu", "completed")]
    assert len(trace.splits) == 0


def test_the_next_node_waits_for_the_join() -> None:
    times = {"cpu": "4 ms", "npu": "2 ms"}
    graph = {"nodes": {"a": {"wcet": times}, "b": {"wcet": times}}, "edges": [["a", "b"]]}
    trace = run(system({"wcet": None, "graph": graph}))
    assert trace.node_times()[["node", "start", "finish"]].tolist() == [(0, 0, 3 * MS), (1, 3 * MS, 6 * MS)]
    assert actions(trace) == ["start"] * 4


def test_execution_times_are_the_true_ones_everywhere() -> None:
    trace = run(system({"execution": {"kind": "uniform", "low": 0.5, "high": 0.5}}))
    assert [row[:3] for row in slices(trace)] == [(0, 5, "cpu"), (5, 6, "cpu"), (6, 6, "cpu"), (0, 2.5, "npu")]


def test_each_processor_pays_its_own_switch() -> None:
    trace = run(system({}, overheads={"context_switch": "1 ms"}))
    assert slices(trace) == [
        (0, 1, "cpu", "overhead"), (1, 11, "cpu", "part"), (11, 12, "cpu", "overhead"), (12, 12, "cpu", "completed"),
        (0, 1, "npu", "overhead"), (1, 6, "npu", "part"),
    ]  # fmt: skip
    assert actions(trace) == ["start", "start"]


def test_what_comes_after_a_join_on_its_processor_has_no_join() -> None:
    trace = run(system({}, {"release": "20 ms", "split": {"join": "0 ms"}}), until="21 ms")
    assert trace.jobs["finish"].tolist() == [11 * MS, 30 * MS]
    assert slices(trace)[3] == (20, 30, "cpu", "part")


# ---- taken off -------------------------------------------------------------------------------------------------------

BOTH = {"npu": {"service": "preemptive"}}


def preempting(name: str, how: str) -> Any:
    def act(soc: Any) -> None:
        found = next(processor for processor in soc.processors if processor.name == name)
        soc.preempt(found, how)

    return act


def test_preemption_of_one_part_stops_all_and_keeps_what_was_done() -> None:
    policy = Splitter(acts={2 * MS: preempting("cpu", "now")}, again="cpu")
    trace = run(system({}, **BOTH), policy)
    # 2 of 20 and 2 of 10 ms are done: 14 ms of the CPU are left
    assert slices(trace) == [(0, 2, "cpu", "preempted"), (2, 16, "cpu", "completed"), (0, 2, "npu", "preempted")]
    assert [each.preemptions for each in trace.processors] == [1, 1]
    assert actions(trace) == ["start", "start", "preempt", "preempt", "migrate"]
    assert [each.migrations for each in trace.processors] == [1, 0]  # it counts as having been on the last of them
    assert policy.heard[1:] == [(2 * MS, "npu", "idle"), (16 * MS, "cpu", "idle")]
    assert trace.splits["done"].tolist() == [0, 0]


def test_what_is_left_may_be_split_again() -> None:
    trace = run(system({}, **BOTH), Splitter(acts={2 * MS: preempting("cpu", "now")}))
    assert slices(trace)[1:4] == [(2, 9, "cpu", "part"), (9, 10, "cpu", "overhead"), (10, 10, "cpu", "completed")]
    assert slices(trace)[-1] == (2, 5.5, "npu", "part")


def test_a_part_that_is_done_stays_done() -> None:
    trace = run(system({}, **BOTH), Splitter(acts={6 * MS: preempting("cpu", "now")}, again="cpu"))
    assert slices(trace) == [
        (0, 6, "cpu", "preempted"), (6, 10, "cpu", "completed"), (0, 5, "npu", "part"),
    ]  # fmt: skip
    assert trace.jobs["finish"].tolist() == [10 * MS]  # one processor has nothing to join


def test_killing_one_part_kills_all() -> None:
    trace = run(system({}), Splitter(acts={6 * MS: preempting("cpu", "kill")}, again="npu"))
    assert slices(trace) == [(0, 6, "cpu", "killed"), (0, 5, "npu", "part"), (6, 16, "npu", "completed")]


def test_what_is_reset_holds_up_the_whole_segment() -> None:
    policy = Splitter(acts={2 * MS: preempting("cpu", "kill")}, again="cpu")
    trace = run(system({}, npu={"reset": "3 ms"}), policy)
    assert slices(trace) == [
        (0, 2, "cpu", "killed"), (5, 25, "cpu", "completed"), (0, 2, "npu", "killed"), (2, 5, "npu", "overhead"),
    ]  # fmt: skip
    assert policy.heard[1:] == [(5 * MS, "t0"), (5 * MS, "npu", "idle"), (25 * MS, "cpu", "idle")]


def test_a_kill_during_the_join_loses_all() -> None:
    trace = run(system({}), Splitter(acts={10 * MS + 1: preempting("cpu", "kill")}, again="npu"))
    assert trace.jobs["finish"].tolist() == [20 * MS + 1]
    assert slices(trace)[-1] == (10.000001, 20.000001, "npu", "completed")


def test_to_the_end_or_to_a_boundary_is_to_the_end() -> None:
    for how in ("drain", "boundary"):
        trace = run(system({}, npu={"service": "node"}), Splitter(acts={2 * MS: preempting("npu", how)}))
        assert trace.jobs["finish"].tolist() == [11 * MS]


@pytest.mark.parametrize(
    ("name", "how", "at", "source", "error"),
    [
        ("cpu", "now", 2, system({}), "another part of it cannot be taken off; use how='kill'"),
        ("npu", "now", 2, system({}), "the processor's service is"),
        ("cpu", "now", 10.5, system({}, **BOTH), "its parts are being joined; use how='kill'"),
        ("cpu", "now", 2, system({"preemptive": False}, **BOTH), "the node is declared non-preemptive"),
        ("npu", "boundary", 2, system({}, npu={"service": "run-to-completion"}), "to completion, without boundaries"),
        ("npu", "checkpoint", 2, system({}, npu={"checkpoint": {"state": "1 MB", "bandwidth": "1 GB/s"}}),
         "the state of a part is not put aside; use how='kill'"),
    ],
)  # fmt: skip
def test_preemptions_that_cannot_be_are_refused(name: str, how: str, at: float, source: Any, error: str) -> None:
    with pytest.raises(SchedulerError, match=error):
        run(source, Splitter(acts={int(at * MS): preempting(name, how)}))


def test_who_could_be_preempted_is_known() -> None:
    seen = []

    def look(soc: Any) -> None:
        seen.append([soc.preemptible(processor) for processor in soc.processors])

    run(system({}), Splitter(acts={MS: look}))
    run(system({}, **BOTH), Splitter(acts={MS: look, 7 * MS: look, 10 * MS + 1: look}))
    assert seen == [[False, False], [True, True], [True, False], [False, False]]


def dropping(soc: Any) -> None:
    soc.drop(soc.tasks[0].active)


def test_the_end_of_the_job_stops_all_parts_or_lets_them_drain() -> None:
    trace = run(system({}), Splitter(acts={2 * MS: dropping}))
    assert slices(trace) == [(0, 2, "cpu", "stopped"), (0, 2, "npu", "stopped"), (2, 5, "npu", "drained")]
    assert [OUTCOMES[code] for code in trace.jobs["outcome"]] == ["aborted"]
    assert [each.busy for each in trace.processors] == [2 * MS, 5 * MS]
    reset = run(system({}, npu={"reset": "1 ms"}), Splitter(acts={2 * MS: dropping}))
    assert [each.busy for each in reset.processors] == [2 * MS, 3 * MS]


def test_a_deadline_aborts_a_join() -> None:
    trace = run(system({"deadline": "10500 us", "on_miss": "abort"}))
    assert slices(trace)[:2] == [(0, 10, "cpu", "part"), (10, 10.5, "cpu", "overhead")]
    assert [OUTCOMES[code] for code in trace.jobs["outcome"]] == ["aborted"]


def test_a_run_that_ends_in_the_middle_shows_the_parts() -> None:
    trace = run(system({"deadline": "3 ms"}), until="1 ms")
    assert {row[3] for row in slices(trace)} == {"end"}


@pytest.mark.parametrize(
    ("fate", "rows"),
    [
        ("restart", [(0, 2, "cpu", "killed"), (2, 22, "cpu", "completed"), (0, 2, "npu", "killed")]),
        ("resume", [(0, 2, "cpu", "preempted"), (2, 16, "cpu", "completed"), (0, 2, "npu", "failed")]),
        ("drop", [(0, 2, "cpu", "stopped"), (0, 2, "npu", "stopped")]),
    ],
)
def test_where_one_processor_fails_all_parts_stop_as_the_task_says(fate: str, rows: list[Any]) -> None:
    fault = {"processor": "npu", "at": "2 ms", "lasts": "50 ms"}
    policy = Splitter(again="cpu")
    trace = run(system({"on_fault": fate}, faults=[fault]), policy)
    assert slices(trace) == rows
    assert (2 * MS, "cpu", "idle") in policy.heard


def test_a_processor_whose_part_is_done_may_fail() -> None:
    trace = run(system({"on_fault": "drop"}, faults=[{"processor": "npu", "at": "6 ms", "lasts": "1 ms"}]))
    assert trace.jobs["finish"].tolist() == [11 * MS]


def test_a_failure_during_the_join_loses_all_even_where_work_is_kept() -> None:
    fault = {"processor": "cpu", "at": "10500 us", "lasts": "1 ms"}
    trace = run(system({"on_fault": "resume"}, faults=[fault]), Splitter(again="npu"))
    assert trace.jobs["finish"].tolist() == [20_500_000]


# ---- hardware --------------------------------------------------------------------------------------------------------


def test_energy_adds_up() -> None:
    power = {"power": {"active": "2 W", "idle": "0 W"}}
    trace = run(system({}, cpu=power, npu=power, power={}))
    assert [unit.active for unit in trace.energy.units] == [22 * MS, 10 * MS]  # nJ: the CPU joins, too
    assert trace.energy.tasks == (32 * MS,)
    no_join = {"energy": {"cpu": "8 mJ", "npu": "4 mJ"}, "split": {"join": "0 ms"}}
    measured = run(system(no_join, cpu=power, npu=power, power={}))
    assert [unit.active for unit in measured.energy.units] == pytest.approx([4 * MS, 2 * MS], rel=1e-6)


def test_each_part_goes_at_the_speed_of_its_own_processor() -> None:
    slow = {"processor": "npu", "at": "1 ms", "lasts": "50 ms", "speed": 0.25}
    trace = run(system({}, faults=[slow]))
    assert slices(trace)[0] == (0, 10, "cpu", "part")
    assert slices(trace)[1] == (0, 17, "npu", "part")  # 1 ms, and 4 ms at a quarter of the speed
    assert slices(trace)[2] == (17, 18, "npu", "overhead")  # the join is no work that a slow clock would stretch


def test_parts_contend_for_the_memory() -> None:
    memory = {"bandwidth": "1 GB/s", "contention": {"model": "proportional", "usable": 0.5}}
    use = {"memory": {"demand": "500 MB/s", "bound": 1.0}}
    trace = run(system(use, platform={"memory": memory}))
    assert slices(trace)[-1] == (0, 10, "npu", "part")  # both want what there is: half the speed
    assert slices(trace)[0] == (0, 15, "cpu", "part")  # from 10 ms on alone


def test_weights_are_loaded_at_every_processor() -> None:
    room = {"weights": {"capacity": "8 MB", "bandwidth": "1 GB/s"}}
    trace = run(system({"weights": "2 MB"}, npu=room, cpu=room))
    assert [row[:2] for row in slices(trace) if row[3] == "part"] == [(2, 12), (2, 7)]


def test_blackouts_hold_up_parts_and_joins() -> None:
    planned = rtsched.load(system({})).lower()
    cpu, npu = planned.processors
    gone = replace(cpu, blackouts=((2 * MS, 4 * MS), (12_500_000, 13 * MS)))
    trace = simulation.run(replace(planned, processors=(gone, npu)), Splitter(), until=MS)
    assert trace.check() == []
    assert trace.jobs["finish"].tolist() == [13_500_000]


LINKED = {"links": {"bus": {"between": ["cpu", "npu"], "bandwidth": "1 GB/s"}}}


def two_nodes() -> dict[str, Any]:
    nodes = {"a": {"wcet": {"cpu": "1 ms"}}, "b": {"wcet": {"cpu": "20 ms", "npu": "10 ms"}, "split": {"join": "1 ms"}}}
    return {"wcet": None, "split": None, "graph": {"nodes": nodes, "edges": [["a", "b", "4 MB"]]}}


class Both(Splitter):
    """Starts what cannot be split on the CPU."""

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            if segment.node.split is None and self.places["cpu"].segment is None:
                self.soc.start(segment.job, segment, self.places["cpu"])
        super().dispatch()


def test_input_is_sent_to_each_part() -> None:
    trace = run(system(two_nodes(), platform=LINKED), Both())
    assert slices(trace) == [
        (1, 5, "bus", "completed"),
        (0, 1, "cpu", "completed"), (1, 11, "cpu", "part"), (11, 12, "cpu", "overhead"), (12, 12, "cpu", "completed"),
        (1, 5, "npu", "overhead"), (5, 10, "npu", "part"),
    ]  # fmt: skip


def test_what_was_sent_for_a_part_is_not_sent_again() -> None:
    policy = Both(acts={6 * MS: preempting("cpu", "now")}, again="npu")
    trace = run(system(two_nodes(), platform=LINKED, **BOTH), policy)
    assert [row for row in slices(trace) if row[2] == "bus"] == [(1, 5, "bus", "completed")]
    assert slices(trace)[-1] == (6, 12.5, "npu", "completed")  # 5 of 20 and 1 of 10 ms were done


def test_a_part_that_waits_for_its_input_is_let_go() -> None:
    trace = run(system(two_nodes(), platform=LINKED), Both(acts={2 * MS: preempting("cpu", "kill")}, again="cpu"))
    assert [row for row in slices(trace) if row[2] == "cpu"][1:] == [
        (1, 2, "cpu", "killed"),
        (2, 22, "cpu", "completed"),
    ]


def test_contexts_of_one_unit_run_parts_and_have_shares() -> None:
    trace = run(system({}, npu={"contexts": 2, "sharing": "equal"}), Splitter({"npu.0": 0.5, "npu.1": 0.5}))
    assert [row[:2] for row in slices(trace) if row[3] == "part"] == [(0, 10), (0, 10)]

    def give(soc: Any) -> None:
        soc.share(soc.processors[1], 0.75)

    source = system({}, npu={"contexts": 2, "sharing": "equal"})
    trace = run(source, Splitter({"npu.0": 0.5, "npu.1": 0.5}, acts={4 * MS: give}))
    assert [row[:2] for row in slices(trace) if row[3] == "part"] == [(0, 8), (0, 10)]


def test_a_planner_waits_for_the_part_on_its_core() -> None:
    source = system({}, {"release": "2 ms", "wcet": {"cpu": "1 ms"}, "split": None}, **BOTH)
    trace = run(source | {"planner": {"core": "cpu", "cost": "1 ms"}}, until="3 ms")
    assert [row for row in slices(trace) if row[3] == "part"] == [(1, 11, "cpu", "part"), (1, 6, "npu", "part")]
    assert trace.plans["time"].tolist()[:2] == [MS, 13 * MS]


# ---- beliefs, variants, accuracy -------------------------------------------------------------------------------------


def test_what_is_left_and_what_to_expect() -> None:
    seen = []

    def look(soc: Any) -> None:
        parts = [soc.remaining(processor.segment) for processor in soc.processors if processor.segment is not None]
        seen.append((soc.remaining(soc.tasks[0].active.segments[0]), parts))
        segment, (cpu, npu) = soc.tasks[0].active.segments[0], soc.processors
        seen.append(
            [soc.expected_split(segment, {cpu: share, npu: 1 - share}) for share in (Fraction(1, 4), Fraction(1, 2))]
        )
        seen.append(soc.expected_split(segment, {npu: 1}))

    policy = Splitter(acts={2 * MS: look, 10_500_000: look})
    run(system({}, estimates={"bias": 0.5}), policy)
    assert seen[:3] == [(14 * MS, [13 * MS, 5_500_000]), [12_250_000, 16 * MS], 15 * MS]
    assert seen[3] == (MS // 2, [MS // 2])


def test_nothing_is_learnt_from_a_split() -> None:
    seen = []
    source = system({"execution": {"kind": "uniform", "low": 0.5, "high": 0.5}}, estimates={"learning": 1.0})
    run(source, Splitter(acts={20 * MS: lambda soc: seen.append(soc.beliefs.time(soc.tasks[0].nodes[0], 0))}))
    assert seen == [20 * MS]


def test_the_variant_is_chosen_before_the_parts_begin() -> None:
    choices = {"variants": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.7}]}

    class Chooses(Splitter):
        def on_start(self, segment: Any, processor: Any) -> None:
            self.asked = [*getattr(self, "asked", []), processor.name]
            self.soc.reconfigure(segment.job, 1)

    policy = Chooses()
    trace = run(system(choices), policy)
    assert policy.asked == ["cpu"]
    assert trace.jobs["finish"].tolist() == [6 * MS]

    class GivesUp(Splitter):
        def on_start(self, segment: Any, processor: Any) -> None:
            self.soc.drop(segment.job)

    assert slices(run(system(choices), GivesUp())) == []


def test_accuracy_is_lost_in_shares() -> None:
    trace = run(system({"accuracy": 0.9, "loss": {"npu": 0.2}}), Splitter({"cpu": 0.25, "npu": 0.75}))
    assert trace.answers["accuracy"].tolist() == [750_000]


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "error"),
    [
        ({"cpu": 0.5, "npu": 0.4}, "add up to 9/10, not to 1"),
        ({"cpu": 1 / 3, "npu": 2 / 3}, "write thirds as Fraction"),
        ({"cpu": 0, "npu": 1}, "0 is no share above 0 for processor 'cpu'; leave out who gets nothing"),
        ({"cpu": 1.5, "npu": -0.5}, "-0.5 is no share above 0"),
        ({"cpu": float("nan"), "npu": 1}, "nan is no share"),
        ({"cpu": True, "npu": 0.5}, "True is no share"),
        ({"cpu": "1/0", "npu": 0.5}, "is no share"),
        ({}, "shares are {processor: share"),
    ],
)
def test_shares_that_are_none_are_refused(shares: dict[str, Any], error: str) -> None:
    with pytest.raises(SchedulerError, match=error):
        run(system({}), Splitter(shares))


def refusing(act: Any, source: Any = None, **more: Any) -> str:
    with pytest.raises(SchedulerError) as caught:
        run(source or system({}), Splitter(acts={MS: act}), **more)
    return str(caught.value)


def test_splits_that_cannot_be_are_refused() -> None:
    def split(soc: Any, number: int = 0, places: Any = None) -> None:
        shares = {each: Fraction(1, 2) for each in (soc.processors if places is None else places)}
        soc.split(soc.tasks[number].active.segments[0], shares)

    assert "it is split over several processors; only ready" in refusing(split)
    assert "the processor is busy with 1/2 of node 't0'" in refusing(lambda soc: split(soc, 1), system({}, {}))
    source = system({"release": "90 ms"}, {"wcet": {"npu": "5 ms", "cpu": "9 ms"}, "split": None, "release": "1 ms"})
    assert "it is not to be split; give its node 'split: {join: …}'" in refusing(lambda _: None, source, until="2 ms")
    assert "shares are {processor: share" in refusing(lambda soc: soc.split(soc.tasks[0].active.segments[0], 5))
    assert "a share belongs to what runs" in refusing(lambda soc: soc.share(soc.tasks[0].active.segments[0], 0.5))


def test_a_processor_that_cannot_run_it_or_is_down_is_refused() -> None:
    class Anywhere(Splitter):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.split(segment, {each: Fraction(1, 3) for each in self.soc.processors})

    other = {"processors": {"cpu": {}, "npu": {"kind": "npu"}, "dsp": {"kind": "dsp"}}}
    with pytest.raises(SchedulerError, match="it cannot run there"):
        run(system({}, platform=other), Anywhere())
    fault = {"processor": "dsp", "at": "0 ms", "lasts": "5 ms"}
    times = {"cpu": "20 ms", "npu": "10 ms", "dsp": "9 ms"}
    with pytest.raises(SchedulerError, match="the processor is down"):
        run(system({"wcet": times, "release": "1 ms"}, platform=other, faults=[fault]), Anywhere(), until="2 ms")


def test_a_gpu_served_block_by_block_runs_no_parts() -> None:
    chip = {"processors": {"cpu": {"cores": 2}, "npu": {}, "gpu": {"kind": "gpu", "block_level": {"sms": 2}}}}
    source = system({"wcet": {"cpu": "20 ms", "gpu": "9 ms"}}, platform=chip)
    with pytest.raises(SchedulerError, match="a GPU served block by block, which runs no parts"):
        run(source, Splitter({"cpu0": 0.5, "gpu.0": 0.5}))
    with pytest.raises(InputError, match="takes two processors that can run it, and no GPU served block by block"):
        rtsched.load(system({"wcet": {"npu": "20 ms", "gpu": "9 ms"}}, platform=chip)).lower()


def test_a_policy_that_does_not_say_so_splits_nothing() -> None:
    class Silent(Splitter):
        reads = frozenset()

    with pytest.raises(SchedulerError, match="reads = frozenset"):
        run(system({}), Silent())


def test_a_run_of_nodes_and_a_batch_are_not_split() -> None:
    times = {"cpu": "4 ms", "npu": "2 ms"}
    graph = {"nodes": {"a": {"wcet": times}, "b": {"wcet": times}}, "edges": [["a", "b"]]}

    class Runs(Splitter):
        def dispatch(self) -> None:
            job = self.soc.tasks[0].active
            if job is not None and job.start < 0:
                self.soc.start(job, [0, 1], self.places["cpu"])
                self.soc.split(job.segments[1], {each: Fraction(1, 2) for each in self.soc.processors})

    with pytest.raises(SchedulerError, match="it is claimed by a run of nodes"):
        run(system({"wcet": None, "graph": graph}), Runs())

    def batch(soc: Any) -> None:
        soc.start_batch([soc.tasks[0].active.segments[0], soc.tasks[1].active.segments[0]], soc.processors[1])

    source = system({"batch": {2: 1.5}}, {"batch": {2: 1.5}})
    policy = Splitter(acts={MS: batch})
    policy.reads = frozenset({"split", "batch"})  # type: ignore[misc]
    with pytest.raises(SchedulerError, match="it is split over several processors"):
        run(source, policy)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"split": {}}, "join"),
        ({"split": {"join": "-1 ms"}}, "join"),
        ({"regions": ["4 ms", "6 ms"]}, "regions or sections is not split"),
        ({"wcet": {"npu": "5 ms"}}, "tasks.0.split: it has no effect: it takes two processors"),
        ({"pin": "npu"}, "it has no effect"),
        ({"on_miss": "drop_if_hopeless"}, "does not know how fast nodes are that may be split"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(more: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        rtsched.load(system(more)).lower()


def test_a_file_under_a_scheduler_that_splits_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="no effect under the file's own scheduler, which splits no nodes"):
        rtsched.simulate(system({}), until="1 ms")


# ---- the checks notice -----------------------------------------------------------------------------------------------


def broken(source: Any = None) -> str:
    trace = rtsched.simulate(source or system({}), scheduler=Splitter(), until="1 ms")
    return "\n".join(trace.check())


def test_the_checks_notice_shares_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: Any, segment: Any, shares: Any) -> Any:
        found = begin(self, segment, shares)
        for part in list(self.running[segment].parts):
            part.processor.end += MS  # one more than its share
        return found

    begin = Splits.start
    monkeypatch.setattr(Splits, "start", start)
    assert "of its work" in broken()


def test_the_checks_notice_a_join_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Splits._join

    def quick(self: Any, split: Any, processor: Any, part: Any, time: int, now: int) -> None:
        plain(self, split, processor, part, time // 2, now)

    monkeypatch.setattr(Splits, "_join", quick)
    assert "before its parts are joined" in broken()


def doctored(**columns: Any) -> str:
    """What the checks say of a trace in which a column of the first row of a table is another."""
    trace = run(system({}))
    for name, value in columns.items():
        table, column, row = name.split("__")
        getattr(trace, table)[column][int(row)] = value
    return "\n".join(trace.check())


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"splits__share__0": 1 << 38}, "is split at 0 into 0.75 of it"),
        ({"splits__share__0": 1 << 38, "splits__share__1": 3 << 38}, "of its work in a part of 0.25"),
        ({"splits__processor__0": 1}, "has two parts on one processor at 0"),
        ({"splits__done__1": 0}, "completes at 11000000 with a part that is not done"),
        ({"slices__start__3": 4 * MS, "slices__end__3": 4 * MS}, "runs after its end at 4000000"),
        ({"splits__end__1": 4 * MS}, "beside its parts"),
        ({"slices__reason__0": REASONS.index("killed")}, "did 0.000000 of its work in parts by 11000000"),
    ],
)
def test_the_checks_notice_what_cannot_be(columns: dict[str, int], error: str) -> None:
    assert error in doctored(**columns)


def test_the_checks_notice_a_part_that_starts_before_what_it_needs() -> None:
    times = {"cpu": "4 ms", "npu": "2 ms"}
    graph = {"nodes": {"a": {"wcet": times}, "b": {"wcet": times}}, "edges": [["a", "b"]]}
    trace = run(system({"wcet": None, "graph": graph}))
    first = int(np.flatnonzero(trace.slices["node"] == 1)[0])
    trace.slices["start"][first] -= MS
    assert "before node 0 has ended" in "\n".join(trace.check())


# ---- everything at random --------------------------------------------------------------------------------------------


class Anything(rtsched.Scheduler):
    """Splits, starts, batches, shares, reserves, loads, preempts, kills and drops at random."""

    preemption = "preemptive"
    reads = frozenset({"split", "batch", "reservable"})

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def setup(self, soc: Any) -> None:
        soc.wake_at(MS // 2)

    def on_timer(self, tag: Any) -> None:
        self.soc.wake_at(self.soc.now + self.random.randrange(1, 2 * MS))
        for processor in self.soc.processors:
            running = processor.segment
            if running is None or running.state != RUNNING or self.random.random() < 0.8:
                continue
            assert self.soc.remaining(running) > 0
            if self.soc.preemptible(processor) and self.random.random() < 0.6:
                self.soc.preempt(processor)
            elif self.random.random() < 0.5:
                self.soc.preempt(processor, "kill")
            elif self.random.random() < 0.3:
                self.soc.drop(running.job)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            if segment.state != READY:
                continue
            times = segment.node.times
            free = [each for each in self.soc.processors if each.segment is None and times[each.index] is not None]
            cuts = sorted(self.random.sample(range(1, 24), len(free) - 1)) if len(free) > 1 else []
            shares = [Fraction(b - a, 24) for a, b in pairwise([0, *cuts, 24])]
            same = [each for each in self.soc.ready if each.node is segment.node and each.stopped < 0]
            if "kv" in self.soc.system.reservable:
                self.soc.reserve("kv", 1, segment.job)
            if len(free) > 1 and segment.node.split is not None and self.random.random() < 0.7:
                given = dict(zip(free, shares, strict=True))
                assert self.soc.expected_split(segment, given) is not None
                self.soc.split(segment, given)
            elif free and len(same) > 1 and segment.stopped < 0 and not segment.node.copies:
                self.soc.start_batch(same[:2], free[0])
            elif free:
                self.soc.start(segment.job, segment, self.random.choice(free))
            for each in free:
                if each.cluster == "npu" and each.segment is not None and self.random.random() < 0.3:
                    self.soc.share(each, 0.5)


def anything() -> dict[str, Any]:
    """A chip with almost everything, and jobs that overlap on it."""
    room = {"capacity": "3 MB", "bandwidth": "2 GB/s"}
    nodes = {
        "a": {"wcet": {"cpu": "3 ms", "npu": "1 ms", "dsp": "1500 us"}, "split": {"join": "100 us"}, "weights": "1 MB"},
        "b": {"wcet": {"cpu": "2 ms", "npu": "1 ms"}, "split": {"join": "0 us"}, "memory": {"demand": "800 MB/s", "bound": 0.5}},
        "c": {"wcet": {"dsp": "1 ms"}},
    }  # fmt: skip
    tasks = [
        {"name": "net", "graph": {"nodes": nodes, "edges": [["a", "b", "1 MB"], ["b", "c", "500 kB"]]}, "period": "6 ms"},
        {"name": "one", "wcet": {"cpu": "3 ms", "npu": "2 ms"}, "split": {"join": "50 us"}, "batch": {2: 1.5},
         "period": "4 ms", "overlap": True, "deadline": "12 ms", "on_miss": "abort"},
        {"name": "many", "variants": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.7}], "wcet": {"cpu": "1 ms", "dsp": "2 ms"},
         "split": {"join": "10 us"}, "loss": {"dsp": 0.1}, "period": "9 ms"},
    ]  # fmt: skip
    return {
        "platform": {
            "name": "board",
            "processors": {
                "cpu": {"cores": 2, "context_switch": "20 us", "migration": "30 us"},
                "npu": {"kind": "npu", "contexts": 2, "sharing": "equal", "weights": room},
                "dsp": {"kind": "dsp", "service": "run-to-completion", "reset": "200 us"},
            },
            "links": {
                "bus": {"between": ["cpu", "npu"], "bandwidth": "2 GB/s"},
                "side": {"between": ["npu", "dsp"], "bandwidth": "1 GB/s", "latency": "50 us"},
            },
            "memory": {"bandwidth": "1 GB/s", "contention": {"model": "proportional", "usable": 0.7}},
        },
        "tasks": tasks,
    }


BESIDES: dict[str, Any] = {
    "planner": {"core": "cpu0", "cost": "100 us"},
    "reservable": {"kv": 20},
    "estimates": {"noise": 0.3, "learning": 0.2},
    "faults": [{"processor": "npu", "mean_up": "8 ms", "mean_down": "2 ms"},
               {"processor": "cpu1", "mean_up": "9 ms", "mean_down": "1 ms"},
               {"processor": "dsp", "at": "5 ms", "lasts": "20 ms", "speed": 0.5}],
    "power": {},
}  # fmt: skip


@pytest.mark.parametrize("fate", ["restart", "resume", "drop"])
@pytest.mark.parametrize("keys", [(), ("faults",), ("planner", "reservable"), tuple(BESIDES)], ids="+".join)
def test_splits_meet_everything_else(keys: tuple[str, ...], fate: str) -> None:
    source = anything() | {key: BESIDES[key] for key in keys}
    for task in source["tasks"]:
        task["on_fault"] = fate
        if "estimates" in keys:
            task["execution"] = {"kind": "uniform", "low": 0.4, "high": 1.0}
    counts: Counter[str] = Counter()
    for seed in range(2):
        trace = rtsched.simulate(source, scheduler=Anything(seed), until="100 ms", seed=seed)
        assert trace.check() == []
        again = rtsched.simulate(source, scheduler=Anything(seed), until="100 ms", seed=seed)
        assert (trace.slices.tobytes(), trace.splits.tobytes()) == (again.slices.tobytes(), again.splits.tobytes())
        counts.update(REASONS[code] for code in trace.slices["reason"])
    assert counts["part"] > 50
    assert min(counts["killed"], counts["stopped"], counts["completed"]) > 0
