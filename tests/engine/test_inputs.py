"""Recorded inputs: what jobs take by them, the same for every policy; and what policies see of nodes that are done."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.engine import execution_time
from rtsched.engine.core import Core
from rtsched.engine.execution_time import InputTimes
from rtsched.engine.views import HiddenError
from rtsched.errors import InputError, SchedulerError
from rtsched.export.tables import columns
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.base import Ordering
from rtsched.trace.trace import Trace
from tests.chips import slices

MS = 1_000_000
SPARSE = {"x": {"time": "1 ms", "values": {"sparsity": 0.8}}, "y": {"time": "2 ms", "values": {"sparsity": 0.7}}}
DENSE = {"x": {"time": "3 ms", "values": {"sparsity": 0.2}}, "y": {"time": "6 ms", "values": {"sparsity": 0.1}}}


def system(*inputs: Any, task: dict[str, Any] | None = None, npu: dict[str, Any] | None = None) -> dict[str, Any]:
    """A chain of two nodes, planned for 2 and 4 ms, every 20 ms on an NPU."""
    graph = {"nodes": {"x": {"wcet": {"npu": "2 ms"}}, "y": {"wcet": {"npu": "4 ms"}}}, "edges": [["x", "y"]]}
    plain = {"name": "net", "period": "20 ms", "graph": graph, "inputs": inputs or (SPARSE, DENSE)}
    return {
        "platform": {"name": "chip", "processors": {"npu": {"kind": "npu", **(npu or {})}}},
        "simulate": {"until": "200 ms", "seed": 1},
        "tasks": [plain | (task or {})],
    }


class Reader(Scheduler):
    """First come, first served; notes what it was told, and what it can see, of every node at every instant."""

    preemption = "nonpreemptive"
    reads = frozenset({"values"})

    def __init__(self, together: bool = False) -> None:
        self.together = together
        self.told: list[Any] = []
        self.seen: list[Any] = []
        self.segments: list[Any] = []

    def on_ready(self, job: Any, segments: Any) -> None:
        self.segments += [each for each in job.segments if each not in self.segments]

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        self.told.append((segment.job.index, segment.node.name, dict(observation)))
        assert self.soc.seen(segment) == observation

    def dispatch(self) -> None:
        for segment in self.segments:
            self.seen.append((self.soc.now, segment.job.index, segment.node.name, self.soc.seen(segment)))
        for segment in list(self.soc.ready):
            if segment.state == 1 and self.soc.processors[0].segment is None:
                whole = [0, 1] if self.together and segment.node.index == 0 else segment
                self.soc.start(segment.job, whole, self.soc.processors[0])


def simulate(source: dict[str, Any], policy: Any = "edf+nonpreemptive", **more: Any) -> Trace:
    trace = rtsched.simulate(source, scheduler=policy, **more)
    assert trace.check() == []
    return trace


def ends(trace: Trace) -> list[tuple[float, float]]:
    return [(start, end) for _, _, start, end, _ in slices(trace)]


def test_each_job_takes_what_was_recorded_for_its_input() -> None:
    trace = simulate(system(), until="60 ms", seed=3)
    assert set(trace.inputs["input"].tolist()) == {0, 1}
    expected = []
    for job, number in trace.inputs.tolist():
        first, second = ((1, 2), (3, 6))[number]
        expected += [(20 * job, 20 * job + first), (20 * job + first, 20 * job + first + second)]
    assert ends(trace) == expected


def test_every_policy_meets_the_same_inputs() -> None:
    other = {"name": "other", "wcet": {"npu": "5 ms"}, "period": "15 ms"}
    source = system()
    alone = simulate(source).inputs["input"].tolist()
    source["tasks"] = [*source["tasks"], other]
    for policy in ("edf", "fp+nonpreemptive", "fifo", Reader()):
        assert simulate(source, policy).inputs["input"].tolist() == alone
    dropping = {**system(task={"on_miss": "drop_at_start", "period": "5 ms"})}
    assert len(set(simulate(dropping).jobs["outcome"].tolist())) > 1
    assert simulate(dropping).inputs["input"].tolist()[:10] == alone
    assert simulate(system(), seed=2).inputs["input"].tolist() != alone


def test_inputs_to_come_change_nothing_before() -> None:
    plain = simulate(system(), seed=3)
    first = int(np.flatnonzero(plain.inputs["input"] == 1)[0])
    assert first > 0
    longer = {**DENSE, "x": {"time": "4 ms", "values": {"sparsity": 0.15}}}
    other = simulate(system(SPARSE, longer), seed=3)
    before = plain.slices[plain.slices["job"] < first]
    assert before.tobytes() == other.slices[other.slices["job"] < first].tobytes()
    assert ends(other)[2 * first][1] == 20 * first + 4


# ---- what is seen ----------------------------------------------------------------------------------------------------


def test_a_completion_tells_the_values_of_its_node_and_they_can_be_seen_from_then_on() -> None:
    reader = Reader()
    trace = simulate(system(), reader, until="60 ms", seed=3)
    recorded = [
        (job, node, {"time": MS * int(each["time"][0]), **each["values"]})
        for job, number in trace.inputs.tolist()
        for node, each in (SPARSE, DENSE)[number].items()
    ]
    assert reader.told == recorded
    done = {(row["job"], "xy"[row["node"]]): row["end"] for row in trace.slices}
    assert len(reader.seen) > 20
    known = {(job, node): shown for job, node, shown in recorded}
    for now, job, node, shown in reader.seen:
        assert shown == (known[job, node] if done[job, node] <= now else None)


def test_what_was_seen_cannot_be_changed_and_its_name_is_no_way_around() -> None:
    class Curious(Reader):
        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            with pytest.raises(TypeError):
                self.soc.seen(segment)["sparsity"] = 1.0
            observation["sparsity"] = 2.0
            assert self.soc.seen(segment)["sparsity"] < 1
            for thing, name in ((segment, "seen"), (segment.job, "factor"), (segment.job, "inputs")):
                with pytest.raises(AttributeError):
                    getattr(thing, name)
            with pytest.raises(HiddenError):
                segment.seen = {}
            inputs = segment.job.task.spec.inputs
            assert (inputs.shares, inputs.values) == ((), ()) == (self.soc.system.tasks[0].inputs.shares, ())
            with pytest.raises(SchedulerError, match="ask of a segment"):
                self.soc.seen(segment.job)

    simulate(system(), Curious())


def test_an_oracle_has_the_truth_of_inputs() -> None:
    class Oracle(Reader):
        oracle = True

        def on_ready(self, job: Any, segments: Any) -> None:
            self.told.append((job.index, job.factor.number))
            assert len(job.task.spec.inputs.shares) == 2

        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            pass

    oracle = Oracle()
    trace = simulate(system(), oracle)
    assert dict(oracle.told) == dict(trace.inputs.tolist())


def test_who_does_not_read_values_sees_none() -> None:
    class Blind(Reader):
        reads = frozenset()

        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            self.told.append(set(observation))
            with pytest.raises(SchedulerError, match=r"its class .or that of its part. says reads"):
                self.soc.seen(segment)

        def dispatch(self) -> None:
            self.segments = []
            super().dispatch()

    blind = Blind()
    trace = simulate(system(), blind)
    assert set.union(*blind.told) == {"time"}
    assert trace.slices.tobytes() == simulate(system(), Reader()).slices.tobytes()


def test_a_part_reads_values_too() -> None:
    class Sparsest(Ordering):
        reads = frozenset({"values"})

        def key(self, segment: Any) -> Any:
            seen = [self.soc.seen(each) for each in segment.job.segments]
            return (-min((each["sparsity"] for each in seen if each), default=0.0), segment.job.number)

    both = system()
    both["tasks"] = [*both["tasks"], {**both["tasks"][0], "name": "twin"}]
    trace = simulate(both, ComposedScheduler(Sparsest(), preemption="nonpreemptive"))
    assert trace.slices.tobytes() != simulate(both, "fifo+nonpreemptive").slices.tobytes()


def test_the_mean_of_a_value_is_what_is_expected() -> None:
    found: list[Any] = []

    class Asking(Reader):
        def on_ready(self, job: Any, segments: Any) -> None:
            for each in segments:
                found.append([self.soc.expected_value(each, name) for name in ("sparsity", "tokens")])

    simulate(system(), Asking(), until="1 ms")
    assert found == [[pytest.approx(0.5), None], [pytest.approx(0.4), None]]


def test_inside_a_run_of_nodes_nobody_is_told_but_it_can_be_seen() -> None:
    reader = Reader(together=True)
    trace = simulate(system(), reader, until="20 ms")
    (number,) = trace.inputs["input"].tolist()
    row = (SPARSE, DENSE)[number]
    assert [node for _, node, _ in reader.told] == ["y"]
    assert {node: shown for _, _, node, shown in reader.seen[-2:]} == {
        node: {"time": MS * int(each["time"][0]), **each["values"]} for node, each in row.items()
    }


def test_exits_and_branches_are_seen_in_the_same_way() -> None:
    nodes = {"x": {"wcet": {"npu": "2 ms"}}, "y": {"wcet": {"npu": "4 ms"}}, "z": {"wcet": {"npu": "1 ms"}}}
    graph = {"nodes": nodes, "edges": [["x", "y"], ["x", "z"]], "branches": {"x": {"to": {"y": 0.5, "z": 0.5}}}}
    reader = Reader()
    simulate(system(SPARSE, DENSE, task={"graph": graph, "accuracy": 0.9}), reader)
    ways = {job: shown["branch"] for job, node, shown in reader.told if node == "x"}
    assert set(ways.values()) == {1, 2}
    last = {(job, node): shown for _, job, node, shown in reader.seen}
    for job, way in list(ways.items())[:-1]:
        assert last[job, "yz"[way - 1]] is not None
        assert last[job, "yz"[2 - way]] is None  # left out: nothing was seen of it
    exits = [{"node": "x", "accuracy": 0.6}, {"node": "y", "accuracy": 0.9}]
    for together in (False, True):
        leaving = Reader(together)
        simulate(system(task={"exits": exits}), leaving)
        found = next(shown for _, job, node, shown in leaving.seen if node == "x" and shown)
        assert set(found) == {"time", "exit", "confidence", "sparsity"}
        assert found["exit"] == 0


def test_without_recorded_inputs_the_times_are_seen() -> None:
    reader = Reader()
    source = system()
    del source["tasks"][0]["inputs"]
    simulate(source, reader, until="20 ms")
    assert reader.told == [(0, "x", {"time": 2 * MS}), (0, "y", {"time": 4 * MS})]


# ---- what it meets ---------------------------------------------------------------------------------------------------


class Pairs(Scheduler):
    """Two jobs at a time in a batch."""

    preemption = "nonpreemptive"
    reads = frozenset({"batch"})

    def dispatch(self) -> None:
        if len(self.soc.ready) == 2 and self.soc.processors[0].segment is None:
            self.soc.start_batch(self.soc.ready, self.soc.processors[0])


def pairs() -> dict[str, Any]:
    inputs = [{"0": {"time": "1 ms"}}, {"0": {"time": "3 ms"}}]
    plain = {"wcet": {"npu": "2 ms"}, "period": "20 ms", "batch": {"name": "n", "times": {2: 1.5}}, "inputs": inputs}
    return {**system(), "tasks": [{"name": name, **plain} for name in "ab"]}


class Stops(Scheduler):
    """Runs what is ready on the first free processor in its order; stops what runs at the given instants in ms."""

    def __init__(self, how: str, *at: float, order: Any = ()) -> None:
        self.how, self.at, self.order = how, at, order

    def setup(self, soc: Any) -> None:
        for time in self.at:
            soc.wake_at(int(time * MS), "stop")

    def on_timer(self, tag: Any) -> None:
        for processor in self.soc.processors:
            if processor.segment is not None:
                self.soc.preempt(processor, self.how)
                if self.order:
                    self.order = self.order[1:]

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            places = [self.order[0]] if self.order else range(len(self.soc.processors))
            for place in places:
                if segment.state == 1 and self.soc.processors[place].segment is None:
                    self.soc.start(segment.job, segment, self.soc.processors[place])


def test_who_is_killed_has_the_same_input_again() -> None:
    trace = simulate(system(DENSE), Stops("kill", 2), until="20 ms")
    assert ends(trace) == [(0, 2), (2, 5), (5, 11)]


def test_who_moves_takes_his_share_there() -> None:
    source = {
        "platform": {"name": "chip", "processors": {"cpu": {"speed": 1}, "slow": {"speed": 0.5}}},
        "simulate": {"until": "20 ms"},
        "tasks": [{"name": "t", "wcet": "4 ms", "period": "50 ms", "inputs": [{"t": {"time": "6 ms"}}]}],
    }
    # 6 ms where it is fastest; 2 of them are done at 2 ms, and 4 take 8 on the slow core
    assert ends(simulate(source, Stops("now", 2, order=(0, 1)))) == [(0, 2), (2, 10)]


def test_a_batch_takes_as_long_as_the_longest_of_its_inputs() -> None:
    trace = simulate(pairs(), Pairs())
    longest = [max(trace.inputs["input"][job : job + 2]) for job in range(0, len(trace.jobs), 2)]
    assert [end - start for start, end in ends(trace)[::2]] == [(1.5, 4.5)[number] for number in longest]
    assert set(longest) == {0, 1}


def test_a_variant_takes_the_same_share_of_its_own_time() -> None:
    choices = [{"name": "full", "accuracy": 0.9}, {"name": "half", "scale": 0.5, "accuracy": 0.8}]
    source = system(DENSE, task={"variants": choices})
    policy = {"ordering": "edf", "preemption": "nonpreemptive", "adaptation": {"name": "fixed", "variant": "half"}}
    assert ends(simulate(source, policy, until="20 ms")) == [(0, 1.5), (1.5, 4.5)]


def test_a_copy_between_nodes_takes_what_it_takes() -> None:
    source = system(DENSE)
    source["platform"]["processors"]["cpu"] = {}
    source["platform"]["links"] = {"bus": {"between": ["npu", "cpu"], "bandwidth": "1 GB/s"}}
    graph = source["tasks"][0]["graph"]
    graph["nodes"]["y"] = {"wcet": {"cpu": "4 ms"}}
    graph["edges"] = [["x", "y", "1 MB"]]
    assert ends(simulate(source, until="20 ms")) == [(0, 3), (3, 4), (4, 10)]


def test_the_blocks_of_a_gpu_take_their_share() -> None:
    kernels = [{"blocks": 1, "time": "1 ms"}, {"blocks": 1, "time": "1 ms"}]
    source = {
        "platform": {"name": "chip", "processors": {"gpu": {"kind": "gpu", "block_level": {"sms": 1, "streams": 1}}}},
        "simulate": {"until": "20 ms"},
        "tasks": [{"name": "t", "kernels": kernels, "period": "20 ms", "inputs": [{"t": {"time": "3 ms"}}]}],
    }
    assert ends(simulate(source)) == [(0, 3)]


def test_a_failure_and_a_checkpoint_keep_the_input() -> None:
    source = system(DENSE) | {"faults": [{"processor": "npu", "at": "1 ms", "lasts": "1 ms"}]}
    assert ends(simulate(source, until="20 ms")) == [(0, 1), (2, 5), (5, 11)]
    put_aside = {"checkpoint": {"state": "1 MB", "bandwidth": "1 GB/s"}}
    trace = simulate(system(DENSE, npu=put_aside), Stops("checkpoint", 2), until="20 ms")
    work = [end - start for _, _, start, end, reason in slices(trace) if reason != "overhead"]
    assert sum(work) == 9


def test_the_figures_without_a_trace_are_the_same() -> None:
    kept, sums = (rtsched.simulate(system(), scheduler="edf", trace=trace) for trace in (True, False))
    assert len(sums.inputs) == 0
    assert rtsched.summary(kept).to_dict()["tasks"] == rtsched.summary(sums).to_dict()["tasks"]


def test_the_table_names_what_each_job_had() -> None:
    trace = simulate(system(), until="20 ms", seed=3)
    (number,) = trace.inputs["input"].tolist()
    row = (SPARSE, DENSE)[number]
    table = columns(trace, "inputs")
    assert table["node"] == ["x", "x", "y", "y"]
    assert table["what"] == ["share", "sparsity"] * 2
    share = (0.5, 1.5)[number]
    assert table["value"] == [share, row["x"]["values"]["sparsity"], share, row["y"]["values"]["sparsity"]]
    assert columns(rtsched.simulate("dhall"), "inputs")["job"] == []


# ---- proofs ----------------------------------------------------------------------------------------------------------


def test_a_proof_takes_the_largest_of_each_node() -> None:
    found = rtsched.analyse(system(task={"period": "10 ms"}), scheduler="edf+nonpreemptive")
    assert found.verdict == "schedulable"
    (bound,) = found.bounds
    assert bound.wcrt == 9 * MS
    assert any("largest recorded time" in str(each) for part in found.analysis.parts for each in part.view.assumptions)


def test_maxima_of_different_inputs_refute_nothing() -> None:
    inputs = [{"x": {"time": "6 ms"}, "y": {"time": "1 ms"}}, {"x": {"time": "1 ms"}, "y": {"time": "6 ms"}}]
    found = rtsched.analyse(system(*inputs, task={"period": "10 ms"}), scheduler="edf+nonpreemptive")
    assert found.verdict == "unknown"
    late = rtsched.analyse(system(DENSE, task={"period": "8 ms"}), scheduler="edf+nonpreemptive")
    assert late.verdict == "unschedulable"


@pytest.mark.parametrize("seed", range(12))
def test_random_systems_keep_their_inputs_and_no_run_beats_a_bound(seed: int) -> None:
    draw = random.Random(seed)
    source: dict[str, Any] = {
        "platform": {"name": "chip", "processors": {"cpu": {"cores": draw.choice([1, 2])}, "slow": {"speed": 0.5}}},
        "tasks": [],
    }
    for number in range(draw.randint(1, 3)):
        nodes = {name: {"wcet": f"{draw.randint(1, 4)} ms"} for name in "xyz"[: draw.randint(1, 3)]}
        names = list(nodes)
        recorded = names[: draw.randint(1, len(names))]
        source["tasks"].append(
            {
                "name": f"t{number}",
                "period": f"{draw.choice([20, 25, 40])} ms",
                "graph": {"nodes": nodes, "edges": [list(pair) for pair in pairwise(names)]},
                "inputs": [
                    {name: {"time": f"{draw.randint(200, 6000)} us"} for name in recorded}
                    for _ in range(draw.randint(1, 4))
                ],
            }
        )
    for policy in ("fp", "edf+nonpreemptive", "edf+first-fit", "llf"):
        simulate(source, policy, until="400 ms", seed=seed)
        rtsched.analyse(source, scheduler=policy, runs=5)  # raises SoundnessError where a run beats a bound
    for how in ("now", "kill"):
        simulate(source, Stops(how, 1, 3.3, 21, 26.7, 43), until="100 ms", seed=seed)


# ---- files -----------------------------------------------------------------------------------------------------------

RECORDED = "input,node,overall_sparsity,time_us\n0,0,0.8,1000\n0,1,0.7,2000\n9,0,0.2,3000\n9,1,0.1,6000\n"


def recorded(folder: Path, text: str) -> Trace:
    path = folder / "recorded.csv"
    path.write_text(text)
    return simulate(system(task={"inputs": str(path)}), seed=3)


def test_inputs_come_out_of_a_file_by_input_and_node(tmp_path: Path) -> None:
    trace = recorded(tmp_path, RECORDED)
    assert trace.slices.tobytes() == simulate(system(), seed=3).slices.tobytes()
    inputs = trace.system.tasks[0].inputs
    assert inputs is not None
    assert inputs.values[1] == {0: {"overall_sparsity": 0.2}, 1: {"overall_sparsity": 0.1}}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("node,time_us\n0,5\n", "the columns 'input' and 'node' .found: node, time_us."),
        ("input,node\n0,5\n", "column 'time' is missing"),
        ("input,node,time_us\n", "no inputs; add a row"),
        ("input,node,time_us\n0,0,-1\n", "recorded.csv:2:3: time: must be positive"),
        ("input,node,time_us,s\n0,0,5,much\n", "recorded.csv:2:4: s: 'much' is no number"),
        ("input,node,time_us,s\n0,0,5,nan\n", "'nan' is no number"),
        ("input,node,time_us,exit\n0,0,5,1\n", "no side value can be called 'exit'"),
        ("input,node,time_us\n0,0,5\n0,0,6\n", "recorded.csv:3: input 0 has node '0' twice"),
        ("input,node,time_us\n0,0,5\n1,1,6\n", "tasks.0.inputs: input 1 differs from the first in node '0'"),
        ("input,node,time_us\n0,z,5\n", "tasks.0.inputs: 'z' is no node of it; known: x, y .or numbers, 0 to 1."),
    ],
)
def test_a_file_of_inputs_that_cannot_be_read_is_told_where(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        recorded(tmp_path, text)


def test_a_recorded_arrival_with_times_has_no_inputs(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text("release_ms,execution_ms\n0,3\n")
    path = tmp_path / "inputs.csv"
    path.write_text(RECORDED)
    arrival = {"kind": "trace", "file": str(tmp_path / "arrivals.csv")}
    for inputs in (str(path), [DENSE]):
        with pytest.raises(InputError, match=r"tasks.0.inputs: the file of the arrivals has execution times, too"):
            simulate(system(task={"inputs": inputs, "arrival": arrival}))


# ---- mutants ---------------------------------------------------------------------------------------------------------


def test_check_notices_another_time_than_the_recorded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: Any, segment: Any, processor: Any, now: int) -> int:
        return execution_time.demand(self.shares[0], segment.node.times[processor.index])  # that of the first node

    monkeypatch.setattr(InputTimes, "__call__", late)
    source = system({"x": {"time": "1 ms"}, "y": {"time": "6 ms"}})
    assert any("did" in each for each in rtsched.simulate(source, scheduler="edf").check())


def test_check_notices_an_input_that_is_drawn_anew_when_work_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    restart = Core.restart

    def anew(self: Any, segment: Any) -> None:
        factor = segment.job.factor
        segment.job.factor = InputTimes(factor.inputs, 1 - factor.number)
        segment.demand = segment.job.factor(segment, segment.processor, 0)
        restart(self, segment)

    monkeypatch.setattr(Core, "restart", anew)
    assert any("did" in each for each in rtsched.simulate(system(), scheduler=Stops("kill", 0.5)).check())


def test_check_notices_a_job_that_skips_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Core.enrich

    def skips(self: Any, task: Any, job: Any) -> None:
        task.factors()
        plain(self, task, job)

    monkeypatch.setattr(Core, "enrich", skips)
    assert any("did" in each for each in rtsched.simulate(system(), scheduler="edf").check())


def test_check_notices_a_move_that_forgets_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.engine.core.restated", lambda factor, segment, processor: segment.demand)
    source = {
        "platform": {"name": "chip", "processors": {"cpu": {"speed": 1}, "slow": {"speed": 0.5}}},
        "simulate": {"until": "20 ms"},
        "tasks": [{"name": "t", "wcet": "4 ms", "period": "50 ms", "inputs": [{"t": {"time": "6 ms"}}]}],
    }
    assert any("did" in each for each in rtsched.simulate(source, scheduler=Stops("now", 2, order=(0, 1))).check())


def test_check_notices_a_job_without_an_input() -> None:
    from dataclasses import replace

    trace = simulate(system())
    assert "job 9 of 'net' has none of the recorded inputs" in replace(trace, inputs=trace.inputs[:-1]).check()


def test_check_notices_a_batch_that_takes_the_time_of_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.engine.batches.max", lambda times: next(iter(times)), raising=False)
    assert any("did" in each for each in rtsched.simulate(pairs(), scheduler=Pairs()).check())
