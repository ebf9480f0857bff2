"""Shares of a unit, and caps on memory traffic, that a policy gives to what runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from rtsched.api import simulate
from rtsched.engine.chip.shares import Grant, Shares
from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.job import Job, Segment
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import CAP, FULL_SPEED, Trace
from rtsched.units import MS
from tests.chips import changes, loaded, run, slices

QUARTER = FULL_SPEED // 4

NPU = """
platform: {name: chip, processors: {npu: {kind: npu, contexts: %s}}}
tasks:
  - {name: a, wcet: {npu: 6 ms}, period: 100 ms}
  - {name: b, wcet: {npu: 2 ms}, period: 100 ms}
"""


class Fill(Scheduler):
    """Starts what is ready on what is free; then `act` is called with the handle and the segments by task's name."""

    preemption = "nonpreemptive"

    def __init__(self, act: Callable[[Any, dict[str, Any]], None], timers: tuple[int, ...] = ()) -> None:
        self.act, self.timers = act, timers

    def setup(self, soc: Any) -> None:
        for time in self.timers:
            soc.wake_at(time)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free:
                self.soc.start(segment.job, segment, free[0])
        self.act(self.soc, {segment.job.task.name: segment for segment in self.soc.running()})


def fixed(**parts: Any) -> Fill:
    """Everybody has this share from its start on."""

    def act(soc: Any, running: dict[str, Any]) -> None:
        for name, segment in running.items():
            if name in parts:
                soc.share(segment, parts[name])

    return Fill(act)


def ends(trace: Trace) -> dict[str, float]:
    """When the last slice of every task ended, in ms."""
    return {name: end for name, _, _, end, _ in slices(trace)}


def test_each_goes_at_its_share_and_the_rest_is_idle() -> None:
    # a at 3/4: 6 / (3/4) = 8. b at 1/4: 2 / (1/4) = 8; it keeps its quarter though nothing else would need the rest.
    trace = run(NPU % 2, scheduler=fixed(a=Fraction(3, 4), b=0.25), until="100 ms")
    assert ends(trace) == {"a": 8, "b": 8}
    assert ends(run(NPU % 2, scheduler=fixed(a=Fraction(1, 2), b=0.25), until="100 ms")) == {"a": 12, "b": 8}


def test_a_share_changes_while_it_runs_and_no_work_is_lost() -> None:
    # a at 1/4 and b at 1/2 until 2: a did 0.5, b 1. Then the other way round: b's second ms takes 4, to 6; a did 2 more.
    # From 6 a is alone without a share: 3.5 left, to 9.5.
    def act(soc: Any, running: dict[str, Any]) -> None:
        for segment in running.values():
            soc.share(segment)
        if "b" in running:
            early = soc.now < 2 * MS
            soc.share(running["a"], 0.25 if early else 0.5)
            soc.share(running["b"], 0.5 if early else 0.25)

    trace = run(NPU % 2, scheduler=Fill(act, timers=(2 * MS,)), until="100 ms")
    assert ends(trace) == {"a": 9.5, "b": 6}
    assert changes(trace, "share") == [
        (0, "share", 0, QUARTER), (0, "share", 1, 2 * QUARTER),
        (2, "share", 0, 2 * QUARTER), (2, "share", 1, QUARTER),
        (6, "share", 0, 0), (6, "share", 1, 0),
    ]  # fmt: skip


def test_who_was_given_nothing_shares_what_is_left_equally() -> None:
    text = NPU % 3 + "  - {name: c, wcet: {npu: 1 ms}, period: 100 ms}\n"
    # a has 1/2; b and c 1/4 each: c ends at 4; b then has 1/2: its other ms takes 2, to 6. a has done 3, and is alone.
    assert ends(run(text, scheduler=fixed(a=0.5), until="100 ms")) == {"a": 12, "b": 6, "c": 4}
    # a has all of it: the others stand still until it ends at 6, then share it: c to 8, b to 9.
    assert ends(run(text, scheduler=fixed(a=1), until="100 ms")) == {"a": 6, "b": 9, "c": 8}


def test_without_a_share_nothing_is_different() -> None:
    plain = run(NPU % 2, scheduler=Fill(lambda *_: None), until="100 ms")
    taken_back = run(NPU % 2, scheduler=Fill(lambda soc, running: [soc.share(each) for each in running.values()]))
    assert plain.changes.tobytes() == taken_back.changes.tobytes()
    assert ends(plain) == {"a": 8, "b": 4}


@pytest.mark.parametrize("how", ["kill", "checkpoint", "drop"])
def test_a_share_ends_with_its_stay(how: str) -> None:
    # b has 3/4 until 2 ms, when it is taken off; a then has all: 0.5 done, 5.5 left. Nothing of b's share remains.
    text = (NPU % "2, checkpoint: {state: 1 kB, bandwidth: 1 GB/s}, reset: 1 us").replace("npu: 2 ms", "npu: 50 ms")
    gone: list[Job] = []

    class Stop(Fill):
        def on_timer(self, tag: Any) -> None:
            segment: Segment = self.soc.processors[1].segment  # type: ignore[assignment]
            gone.append(segment.job)
            if how in ("kill", "checkpoint"):
                self.soc.preempt(self.soc.processors[1], how)
            else:
                self.soc.drop(segment.job)

        def dispatch(self) -> None:
            if not gone:
                super().dispatch()

    trace = run(text, scheduler=Stop(fixed(b=0.75).act, timers=(2 * MS,)), until="100 ms")
    assert changes(trace, "share") == [(0, "share", 1, 3 * QUARTER), (2, "share", 1, 0)]
    shared = 0.001  # for the reset, or the state that is put aside, the context is busy: an equal turn of it
    assert ends(trace)["a"] == pytest.approx(7.5 + shared / 2, abs=1e-6)


def test_a_failure_ends_a_share() -> None:
    text = NPU % 2 + "faults: [{processor: npu.1, at: 2 ms, lasts: 1 ms}]\n"
    trace = run(text, scheduler=fixed(a=0.25, b=0.25), until="100 ms")
    assert changes(trace, "share")[2:4] == [(2, "share", 1, 0), (3, "share", 1, QUARTER)]


def test_a_run_of_nodes_goes_on_with_its_share() -> None:
    text = """
platform: {name: chip, processors: {npu: {kind: npu, contexts: 2}}}
tasks:
  - name: a
    period: 100 ms
    graph: {nodes: {x: {wcet: {npu: 1 ms}}, y: {wcet: {npu: 2 ms}}}, edges: [[x, y]]}
"""

    class Run(Scheduler):
        preemption = "nonpreemptive"

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, (0, 1), self.soc.processors[0])
                self.soc.share(self.soc.processors[0], Fraction(1, 2))

    trace = run(text, scheduler=Run(), until="100 ms")
    assert [row[2:4] for row in slices(trace)] == [(0, 2), (2, 6)]


def test_energy_follows_time_and_not_the_share() -> None:
    text = (NPU % "2, power: {active: 2 W}") + "power: {}\n"
    # two at a half end at 4 and 8; alone at a half each would be busy as long, and the unit draws all its power.
    energy = [simulate(loaded(text), scheduler=fixed(a=part, b=part), until="100 ms").energy for part in (0.5, 0.25)]
    assert [each.units[0].active for each in energy if each is not None] == [24_000_000, 48_000_000]


def test_a_share_of_a_slowed_unit_is_a_share_of_what_is_left() -> None:
    text = NPU % 2 + "faults: [{processor: npu, at: 0 ms, lasts: 90 ms, speed: 0.5}]\n"
    assert ends(run(text, scheduler=fixed(a=Fraction(3, 4), b=0.25), until="100 ms")) == {"a": 16, "b": 16}


# ---- bandwidth -----------------------------------------------------------------------------------------------------

BANDWIDTH = """
platform:
  name: chip
  processors: {gpu: {kind: gpu}, npu: {kind: npu}}
  memory: {bandwidth: 20 GB/s, contention: {model: proportional, usable: 1}}
tasks:
  - {name: a, wcet: {gpu: 10 ms}, memory: {bound: 0.5, demand: 20 GB/s}, period: 100 ms}
  - {name: b, wcet: {npu: 10 ms}, memory: {bound: 1, demand: 10 GB/s}, period: 100 ms}
"""


def capped(**caps: int) -> Fill:
    def act(soc: Any, running: dict[str, Any]) -> None:
        for name, segment in running.items():
            if name in caps:
                soc.share(segment, bandwidth=caps[name])

    return Fill(act)


def test_a_cap_slows_its_own_and_spares_the_others() -> None:
    # without: 30 of 20 GB/s: a's half and all of b take 1.5 times as long; a is at 0.8 speed, to 12.5, b at 2/3;
    # b did 8 1/3 by then, and ends alone at 14 1/6
    trace = run(BANDWIDTH, scheduler=capped(), until="100 ms")
    assert ends(trace) == {"a": 12.5, "b": pytest.approx(14 + 1 / 6, abs=1e-5)}
    # a capped to 10: its half takes twice as long, it is at 2/3 speed, to 15; b is not slowed at all: 10
    trace = run(BANDWIDTH, scheduler=capped(a=10 * 10**9), until="100 ms")
    assert ends(trace) == {"a": pytest.approx(15, abs=1e-5), "b": 10}
    assert changes(trace, "cap")[:1] == [(0, "cap", 0, 10 * 10**9)]
    # a cap above what is asked for changes nothing
    assert ends(run(BANDWIDTH, scheduler=capped(a=20 * 10**9), until="100 ms"))["a"] == 12.5


def test_a_cap_counts_what_goes_at_a_share() -> None:
    # at a half b asks for 5 of its 10 GB/s: a cap of 5 changes nothing, one of 2.5 makes it wait twice as long
    text = BANDWIDTH.replace("{kind: npu}", "{kind: npu, contexts: 2}").replace(
        "name: a, wcet: {gpu", "name: a, wcet: {npu"
    )

    def act(cap: int) -> Fill:
        return Fill(lambda soc, running: [soc.share(each, 0.5, cap) for name, each in running.items() if name == "b"])

    ended = [ends(run(text, scheduler=act(cap), until="100 ms"))["b"] for cap in (5 * 10**9, 25 * 10**8)]
    assert ended == [20, 40]


def test_a_stream_of_a_gpu_may_be_capped() -> None:
    text = BANDWIDTH.replace("{kind: gpu}", "{kind: gpu, block_level: {sms: 4, assumed_kernels: {length: 1 ms}}}")
    free = ends(run(text, scheduler=capped(), until="100 ms"))
    held = ends(run(text, scheduler=capped(a=10 * 10**9), until="100 ms"))
    assert held["b"] == 10 < free["b"]
    assert free["a"] < held["a"] == pytest.approx(15, abs=1e-4)


def test_who_waits_for_a_copy_keeps_its_share_idle() -> None:
    # a is on the npu from 2 ms with a half, its input comes over the link at 6; c has the other half and no more
    text = """
platform:
  name: chip
  processors: {npu: {kind: npu, contexts: 2}, cpu: {}}
  links: {bus: {between: [cpu, npu], bandwidth: 1 MB/s}}
tasks:
  - name: a
    period: 100 ms
    graph: {nodes: {x: {wcet: {cpu: 2 ms}}, y: {wcet: {npu: 1 ms, cpu: 9 ms}}}, edges: [[x, y, 4 kB]]}
  - {name: c, wcet: {npu: 5 ms}, period: 100 ms}
"""

    def act(soc: Any, running: dict[str, Any]) -> None:
        if "a" in running and running["a"].processor.cluster == "npu":
            soc.share(running["a"], 0.5)

    trace = run(text, scheduler=Fill(act), until="100 ms")
    assert ends(trace)["a"] == 8
    assert ends(trace)["c"] == 8  # 2 alone, 6 at a half


# ---- refusals ------------------------------------------------------------------------------------------------------


def refused(text: str, act: Callable[[Any, dict[str, Any]], None]) -> str:
    with pytest.raises(SchedulerError) as caught:
        simulate(loaded(text), scheduler=Fill(act), until="100 ms")
    return str(caught.value)


def test_more_than_all_of_a_unit_is_refused() -> None:
    def act(soc: Any, running: dict[str, Any]) -> None:
        soc.share(running["a"], Fraction(2, 3))
        soc.share(running["b"], Fraction(1, 2))

    said = refused(NPU % 2, act)
    assert "share of node 'b' of job 0 of 'b'" in said
    assert "1/2 beside the 2/3 that others have of 'npu' is more than all of it; lower theirs first" in said


def test_caps_above_the_bandwidth_are_refused() -> None:
    def act(soc: Any, running: dict[str, Any]) -> None:
        soc.share(running["a"], bandwidth=15 * 10**9)
        soc.share(running["b"], bandwidth=6 * 10**9)

    assert "6000000000 B/s beside the 15000000000 B/s of other caps is more than" in refused(BANDWIDTH, act)


@pytest.mark.parametrize("part", [0, -1, 1.01, Fraction(3, 2), float("nan"), "much", "1/0"])
def test_a_part_is_a_number_up_to_one(part: Any) -> None:
    assert "is not above 0 and at most 1" in refused(NPU % 2, lambda soc, running: soc.share(running["a"], part))


@pytest.mark.parametrize("cap", [0, -5, "fast", float("inf")])
def test_a_cap_is_a_number_of_bytes(cap: Any) -> None:
    said = refused(BANDWIDTH, lambda soc, running: soc.share(running["a"], bandwidth=cap))
    assert "is no positive number of bytes per second" in said


def test_only_what_runs_has_a_share() -> None:
    text = NPU % 2 + "  - {name: c, wcet: {npu: 1 ms}, period: 100 ms}\n"
    assert "it is ready; a share belongs to what runs" in refused(text, lambda soc, _: soc.share(soc.ready[0], 0.5))
    idle = (NPU % 3, lambda soc, _: soc.share(soc.processors[2], 0.5))
    assert "share of processor 'npu.2': it is idle" in refused(*idle)


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        ("{kind: npu}", "it serves one segment at a time; give its cluster 'contexts'"),
        ("{kind: npu, contexts: 2, sharing: none}", "each of its contexts has all of its unit"),
        ("{kind: cpu, cores: 2, threads: {'1': 1, '2': 1.5}}", "it serves one segment at a time"),
    ],
)
def test_who_shares_no_unit_has_no_part(cluster: str, why: str) -> None:
    text = f"platform: {{name: chip, processors: {{x: {cluster}}}}}\ntasks: [{{name: a, wcet: 1 ms, period: 9 ms}}]\n"
    assert why in refused(text, lambda soc, running: soc.share(running["a"], 0.5))


def test_no_bandwidth_no_cap() -> None:
    def act(soc: Any, running: dict[str, Any]) -> None:
        soc.share(running["a"], bandwidth=10**9)

    assert "there is no bandwidth to cap in this run" in refused(NPU % 2, act)
    pairs = "{model: pairwise, pairs: [{victim: gpu, beside: npu, slowdown: 1.5}]}"
    measured = BANDWIDTH.replace("{model: proportional, usable: 1}", pairs)
    assert "a measured matrix of slow-downs does not know what a cap" in refused(measured, act)


# ---- invariants, and what breaks them --------------------------------------------------------------------------------


class Restless(Fill):
    """Other shares at every turn, and now and then somebody is taken off."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        super().__init__(self._shuffle, timers=tuple(range(MS // 3, 60 * MS, MS // 3 + seed)))

    def _shuffle(self, soc: Any, running: dict[str, Any]) -> None:
        left = Fraction(1)
        for segment in running.values():
            soc.share(segment)
        for segment in running.values():
            part = Fraction(self.draw.randint(0, 7), 7 + self.draw.randint(0, 3)) * left
            if part:
                soc.share(segment, part, self.draw.choice([None, 3 * 10**9, 7 * 10**9]))
                left -= part

    def on_timer(self, tag: Any) -> None:
        running = list(self.soc.running())
        if running and not self.draw.randint(0, 9):
            self.soc.preempt(self.draw.choice(running).processor, self.draw.choice(["kill", "checkpoint", "drain"]))


RESTLESS = """
platform:
  name: chip
  processors: {npu: {kind: npu, contexts: 3, checkpoint: {state: 10 kB, bandwidth: 1 GB/s}, reset: 50 us}}
  memory: {bandwidth: 21 GB/s, contention: {model: proportional, usable: 0.5}}
faults: [{processor: npu, at: 20 ms, lasts: 3 ms}, {processor: npu.1, at: 8 ms, lasts: 9 ms, speed: 0.3}]
tasks:
  - {name: a, wcet: {npu: 3 ms}, period: 10 ms, memory: {bound: 0.5, demand: 9 GB/s}}
  - {name: b, wcet: {npu: 2 ms}, period: 7 ms, on_miss: abort, memory: {bound: 0.9, demand: 6 GB/s}}
  - {name: c, wcet: {npu: 1 ms}, period: 5 ms}
  - {name: d, wcet: {npu: 1 ms}, period: 15 ms, on_fault: resume}
"""


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_given_work_is_conserved(seed: int) -> None:
    trace = run(RESTLESS, scheduler=Restless(seed), until="60 ms")
    assert len(changes(trace, "share")) > 50
    assert (trace.jobs["finish"] >= 0).sum() > 10


def _nobody_is_held_to_it(self: Shares, processor: VariableSpeedProcessor) -> Fraction:
    return Fraction(1)


def _never_gone(self: Grant) -> bool:
    return self.processor.segment is not None


def _idle_keeps(self: Grant) -> bool:
    return True


def _nothing_given(self: Shares, processor: VariableSpeedProcessor) -> None:
    return None


@pytest.mark.parametrize(
    ("kind", "name", "wrong", "sentence"),
    [
        (Shares, "part", _nobody_is_held_to_it, "goes faster than by its share"),
        (Grant, "holds", _never_gone, "keeps the share given at"),
        (Grant, "holds", _idle_keeps, "keeps the share given at"),
        (Shares, "given", _nothing_given, "of unit 'npu' are given"),
    ],
)
def test_the_check_notices(kind: type, name: str, wrong: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, name, wrong)
    text = NPU % 2 + "  - {name: c, wcet: {npu: 1 ms}, period: 100 ms}\n"
    parts = (0.5, 0.25) if name == "holds" else (0.75, 0.5) if name == "given" else (0.25, 0.25)

    def act(soc: Any, running: dict[str, Any]) -> None:
        for segment, part in zip((running.get("a"), running.get("b")), parts, strict=True):
            if segment is not None:
                soc.share(segment, part)

    trace = simulate(loaded(text), scheduler=Fill(act), until="100 ms")
    assert any(sentence in said for said in trace.check()), trace.check()


def test_the_check_adds_caps_up() -> None:
    trace = run(BANDWIDTH, scheduler=capped(a=10 * 10**9, b=10 * 10**9), until="100 ms")
    trace.changes["value"][trace.changes["what"] == CAP] += 1
    assert any("caps of 20000000002 B/s are given at 0" in said for said in trace.check())
