"""Nodes that have begun and go on as another variant, at the ends of their regions: what is done stays done."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from rtsched import SchedulerError, analyse, summary
from rtsched.engine.job import READY, RUNNING, Segment
from rtsched.engine.switches import Switches
from rtsched.errors import InputError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from rtsched.units import MS
from tests.chips import loaded, run, slices

NET = """
platform: {processors: {PROCESSORS}}
simulate: {until: 20 ms}
tasks:
  - name: net
    period: 20 ms
    wcet: WCET
    regions: [2 ms, 2 ms, 4 ms]
    variants:
      switch: region
      choices: [{name: full, scale: 1, accuracy: 0.9}, {name: half, scale: 0.5, accuracy: 0.8}, {name: third, scale: 0.3, accuracy: 0.6}]
"""
NPU = NET.replace("PROCESSORS", "npu: {kind: npu}").replace("WCET", "{npu: 8 ms}")
CPUS = NET.replace("PROCESSORS", "cpu: {cores: 2}").replace("WCET", "8 ms")
#: Three nodes in a row, the first two with regions.
ROW = """
platform: {processors: {npu: {kind: npu}}}
simulate: {until: 20 ms}
tasks:
  - name: net
    period: 20 ms
    graph:
      nodes: {a: {wcet: {npu: 4 ms}, regions: [2 ms, 2 ms]}, b: {wcet: {npu: 4 ms}, regions: [1 ms, 3 ms]}, c: {wcet: {npu: 2 ms}}}
      edges: [[a, b], [b, c]]
    variants: {switch: region, choices: [{name: full, scale: 1, accuracy: 0.9}, {name: half, scale: 0.5, accuracy: 0.5}]}
"""


class Acts(Scheduler):
    """First come first served on the first processors; acts as it is told: a list of (ms, what to do with the policy)."""

    preemption = "nonpreemptive"

    def __init__(self, *acts: tuple[float, Callable[[Any], Any]], run: bool = False) -> None:
        self.acts = acts
        self.whole = run
        self.answers: list[Any] = []

    def setup(self, soc: Any) -> None:
        for time, act in self.acts:
            soc.wake_at(round(time * MS), act)

    def on_timer(self, tag: Callable[[Any], Any]) -> None:
        self.answers.append(tag(self))

    @property
    def job(self) -> Any:
        return self.soc.tasks[-1].active

    @property
    def first(self) -> Any:
        return self.job.segments[0]

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free and segment.state == READY:
                self.take(segment, free[0])

    def take(self, segment: Any, processor: Any) -> None:
        run = self.whole and segment.processor is None
        nodes = range(segment.node.index, len(segment.job.segments)) if run else segment
        self.soc.start(segment.job, nodes, processor)


def to(number: int, nodes: list[int] | None = None) -> Callable[[Acts], bool]:
    return lambda policy: policy.soc.reconfigure(policy.job, number, nodes)


def switched(trace: Trace) -> list[tuple[int, float, int]]:
    """(node, ms, variant), with what nodes started as."""
    return [(int(row["node"]), row["time"] / MS, int(row["variant"])) for row in trace.choices]


@pytest.mark.parametrize("mode", ["nonpreemptive", "limited", "preemptive"])
@pytest.mark.parametrize("text", [NPU, CPUS], ids=["npu", "cpu"])
def test_what_is_done_stays_done_and_the_rest_is_a_share_of_the_new_time(text: str, mode: str) -> None:
    policy = Acts((1, to(1)))
    policy.preemption = mode
    trace = run(text, scheduler=policy)
    # a quarter was done at the boundary at 2; three quarters of 4 ms are left
    assert [row[2:] for row in slices(trace)] == [(0, 5, "completed")]
    assert switched(trace) == [(0, 0, 0), (0, 2, 1)]
    assert policy.answers == [True]


def test_it_may_change_at_every_boundary_and_back() -> None:
    trace = run(NPU, scheduler=Acts((1, to(2)), (2.3, to(0))))
    # [0, 2) a quarter; [2, 2.6) a quarter of 2.4 ms; half of 8 ms
    assert [row[2:] for row in slices(trace)] == [(0, 6.6, "completed")]
    assert switched(trace) == [(0, 0, 0), (0, 2, 2), (0, 2.6, 0)]


def test_the_last_wish_before_the_boundary_counts() -> None:
    trace = run(NPU, scheduler=Acts((1, to(2)), (1.5, to(1)), (2.5, to(2)), (2.6, to(1))))
    assert switched(trace) == [(0, 0, 0), (0, 2, 1)]
    assert trace.jobs["finish"].tolist() == [5 * MS]


def test_past_its_last_boundary_a_node_keeps_its_variant() -> None:
    policy = Acts((5, to(1)))
    trace = run(NPU, scheduler=policy)
    assert policy.answers == [False]
    assert trace.jobs["finish"].tolist() == [8 * MS]
    assert switched(trace) == [(0, 0, 0)]


def test_without_regions_inside_a_node_keeps_its_variant_and_what_follows_changes() -> None:
    policy = Acts((8.5, to(1)), (8.6, to(1, [2])), (8.7, to(1, [0, 1])))
    trace = run(ROW, scheduler=policy)
    assert policy.answers == [False, False, False]  # a and b are done, c has begun
    text = ROW.replace("switch: region", "switch: node").replace(", regions: [2 ms, 2 ms]", "")
    policy = Acts((1, to(1, [0])), (1.1, to(1, [1, 2])))
    trace = run(text.replace(", regions: [1 ms, 3 ms]", ""), scheduler=policy)
    assert policy.answers == [False, True]
    assert trace.jobs["finish"].tolist() == [7 * MS]


def test_some_nodes_alone() -> None:
    policy = Acts((1, to(1, [1])))
    trace = run(ROW, scheduler=policy)
    assert policy.answers == [True]
    assert switched(trace) == [(0, 0, 0), (1, 4, 1), (2, 6, 0)]


def test_a_node_that_went_through_two_variants_counts_as_the_worse() -> None:
    trace = run(ROW, scheduler=Acts((1, to(1, [0]))))
    assert switched(trace)[:2] == [(0, 0, 0), (0, 2, 1)]
    # four of ten parts lose 0.4
    assert trace.answers["accuracy"].tolist() == [740_000]
    assert trace.answers["variant"].tolist() == [1]
    back = run(ROW, scheduler=Acts((1, to(1, [0])), (2.5, to(0, [0]))))
    assert back.answers["accuracy"].tolist() == [740_000]


# ---- runs of nodes ---------------------------------------------------------------------------------------------------


def test_later_nodes_of_a_run_are_reconfigured_and_so_is_what_runs_of_it() -> None:
    trace = run(ROW, scheduler=Acts((1, to(1)), run=True))
    assert [(row["node"], row["start"] / MS, row["end"] / MS) for row in trace.slices] == [
        (0, 0, 3),
        (1, 3, 5),
        (2, 5, 6),
    ]
    assert switched(trace) == [(0, 0, 0), (0, 2, 1), (1, 3, 1), (2, 5, 1)]


def test_later_nodes_of_a_run_are_reconfigured_where_variants_change_between_nodes() -> None:
    text = ROW.replace("switch: region", "switch: node").replace(", regions: [2 ms, 2 ms]", "")
    policy = Acts((1, to(1)), run=True)
    trace = run(text.replace(", regions: [1 ms, 3 ms]", ""), scheduler=policy)
    assert policy.answers == [True]
    assert switched(trace) == [(0, 0, 0), (1, 4, 1), (2, 6, 1)]
    assert trace.jobs["finish"].tolist() == [7 * MS]


def test_a_run_that_stops_at_a_boundary_inside_a_node_stays_together() -> None:
    policy = Acts((1, to(1)), (1.5, lambda it: it.soc.preempt(it.soc.processors[0], "boundary")), run=True)
    trace = run(ROW.replace("kind: npu", "kind: npu, service: node"), scheduler=policy)
    assert [(row["node"], row["start"] / MS, row["end"] / MS) for row in trace.slices] == [
        (0, 0, 3),
        (1, 3, 5),
        (2, 5, 6),
    ]
    assert trace.processors[0].starts == 4  # a at 2 once more


# ---- what waits ------------------------------------------------------------------------------------------------------

BUSY = CPUS.replace("cores: 2", "cores: 1").replace(
    "tasks:\n", "tasks:\n  - {name: hi, period: 20 ms, offset: OFFSET ms, wcet: 3 ms}\n"
)


class First(Acts):
    """Task `hi` goes first."""

    preemption = "preemptive"

    def dispatch(self) -> None:
        cpu = self.soc.processors[0]
        hi = [each for each in self.soc.ready if each.job.task.name == "hi"]
        if hi and cpu.segment is not None:
            self.soc.preempt(cpu)
        if cpu.segment is None:
            for segment in [*hi, *self.soc.ready][:1]:
                self.soc.start(segment.job, segment, cpu)


def test_one_that_was_preempted_at_a_boundary_changes_at_once() -> None:
    policy = First((3, to(1)), (3.5, lambda it: it.first.node.times))
    trace = run(BUSY.replace("OFFSET", "2"), scheduler=policy)
    assert policy.answers == [True, (4 * MS,)]
    assert switched(trace) == [(0, 0, 0), (0, 3, 1)]
    assert [row[2:4] for row in slices(trace)] == [(0, 2), (2, 5), (5, 8)]


def test_one_that_was_preempted_inside_a_region_changes_at_its_end() -> None:
    policy = First((3, to(1)), (3.5, lambda it: it.first.node.times))
    trace = run(BUSY.replace("OFFSET", "1"), scheduler=policy)
    assert policy.answers == [True, (8 * MS,)]
    assert switched(trace) == [(0, 0, 0), (0, 5, 1)]
    assert [row[2:4] for row in slices(trace)] == [(0, 1), (1, 4), (4, 8)]


def test_one_that_was_killed_begins_anew_as_the_other_and_its_past_does_not_count() -> None:
    def kill(policy: Acts) -> Any:
        return policy.soc.preempt(policy.soc.processors[0], "kill")

    trace = run(NPU, scheduler=Acts((1, to(2)), (2.5, kill), (3, to(0))))
    assert next(row[2:] for row in slices(trace)) == (0, 2.5, "killed")
    # it restarts as the third that it was; full from its first boundary on, and counts as the third all the same
    assert trace.answers["variant"].tolist() == [2]

    class Kills(Acts):
        def on_timer(self, tag: Any) -> None:
            self.soc.preempt(self.soc.processors[0], "kill")
            self.soc.reconfigure(self.job, 0)

    trace = run(NPU, scheduler=Kills((2.5, None)))  # type: ignore[arg-type]
    assert trace.answers["variant"].tolist() == [0]
    assert trace.jobs["finish"].tolist() == [round(10.5 * MS)]


def test_what_was_killed_as_the_worse_and_restarts_as_the_better_counts_as_the_better() -> None:
    class Kills(Acts):
        def on_timer(self, tag: Any) -> None:
            if tag == "half":
                self.soc.reconfigure(self.job, 1)
            else:
                self.soc.preempt(self.soc.processors[0], "kill")
                self.soc.reconfigure(self.job, 0)

    trace = run(NPU, scheduler=Kills((1, "half"), (2.5, "kill")))  # type: ignore[arg-type]
    assert switched(trace) == [(0, 0, 0), (0, 2, 1), (0, 2.5, 0)]
    assert trace.answers["accuracy"].tolist() == [900_000]


# ---- choosing before each region -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["nonpreemptive", "limited"])
def test_a_policy_is_asked_before_each_region(mode: str) -> None:
    class Asked(Acts):
        def on_start(self, segment: Any, processor: Any) -> None:
            self.answers.append(self.soc.now / MS)
            if self.soc.now == 2 * MS:
                self.soc.reconfigure(segment.job, 1)

    policy = Asked()
    policy.preemption = mode
    trace = run(NPU, scheduler=policy)
    assert policy.answers == [0, 2, 3]
    assert trace.jobs["finish"].tolist() == [5 * MS]


def test_a_job_that_is_given_up_at_a_boundary_goes_no_further() -> None:
    class Gives(Acts):
        def on_start(self, segment: Any, processor: Any) -> None:
            if self.soc.now == 2 * MS:
                self.soc.drop(segment.job)

        def on_processor(self, processor: Any, change: str) -> None:
            self.answers.append((self.soc.now / MS, change))

    policy = Gives()
    trace = run(NPU, scheduler=policy)
    assert [row[2:4] for row in slices(trace)] == [(0, 2)]
    assert policy.answers == [(2, "idle")]


def test_subflow_shrinks_inside_a_node_when_others_took_its_time() -> None:
    text = """
platform: {processors: {cpu: {cores: 1}}}
scheduler: {ordering: fp, adaptation: subflow}
simulate: {until: 20 ms}
tasks:
  - {name: hi, period: 20 ms, offset: 1 ms, wcet: 2 ms}
  - name: net
    period: 20 ms
    deadline: 9 ms
    wcet: 8 ms
    regions: [2 ms, 2 ms, 4 ms]
    variants: {switch: region, choices: [{scale: 1, accuracy: 0.9}, {scale: 0.75, accuracy: 0.8}, {scale: 0.5, accuracy: 0.6}]}
"""
    trace = run(text)
    # at 4, with a quarter done, 5 ms are left: six would be needed in full, 4.5 at three quarters
    assert switched(trace) == [(0, 0, 0), (0, 4, 1)]
    assert trace.jobs["finish"].tolist() == [round(8.5 * MS), 3 * MS]
    assert summary(trace).tasks[1].variants == {"variant 0": 0, "variant 1": 1, "variant 2": 0}
    before = run(text.replace("switch: region", "switch: node").replace("    regions: [2 ms, 2 ms, 4 ms]\n", ""))
    assert before.jobs["finish"].tolist() == [10 * MS, 3 * MS]


# ---- what it meets ---------------------------------------------------------------------------------------------------


def test_clocks_slow_what_is_left_and_energy_is_that_of_what_was_done() -> None:
    text = NPU.replace("simulate:", "power: {}\nsimulate:").replace("wcet:", "energy: {npu: 80 mJ}\n    wcet:")
    trace = run(text, scheduler=Acts((1, to(1))))
    figures = summary(trace).hardware
    assert figures is not None
    assert figures.energy is not None
    # a quarter of 80 mJ, and three quarters of 40
    assert figures.energy.tasks[0].total == pytest.approx(50 * 10**6, rel=1e-6)


def test_a_share_goes_on() -> None:
    text = NPU.replace("kind: npu", "kind: npu, contexts: 2, sharing: equal")
    policy = Acts((0.5, lambda it: it.soc.share(it.first, Fraction(1, 2))), (1, to(1)))
    trace = run(text, scheduler=policy)
    # half a ms alone, the rest of 2 ms of work at half speed: 3.5; then 3 ms of work take 6
    assert switched(trace)[1:] == [(0, 3.5, 1)]
    assert trace.jobs["finish"].tolist() == [round(9.5 * MS)]


def test_a_checkpoint_keeps_the_wish() -> None:
    text = NPU.replace("kind: npu", "kind: npu, checkpoint: {state: 1 MB, bandwidth: 1 GB/s}")
    checkpoint = lambda it: it.soc.preempt(it.soc.processors[0], "checkpoint")  # noqa: E731
    trace = run(text, scheduler=Acts((1, to(1)), (1.5, checkpoint)))
    # 1.5 ms done, 1 ms aside and 1 ms back, 0.5 ms to the boundary, then 3 ms
    assert switched(trace)[1:] == [(0, 4, 1)]
    assert trace.jobs["finish"].tolist() == [7 * MS]


@pytest.mark.parametrize(("fate", "at", "finish"), [("resume", 3, 6), ("restart", 2.5, 6.5)])
def test_a_failure_keeps_the_wish(fate: str, at: float, finish: float) -> None:
    text = NPU.replace("simulate:", "faults: [{processor: npu, at: 1.5 ms, lasts: 1 ms}]\nsimulate:")
    trace = run(text.replace("    wcet:", f"    on_fault: {fate}\n    wcet:"), scheduler=Acts((1, to(1))))
    assert switched(trace)[1:] == [(0, at, 1)]  # where nothing is done, at once
    assert trace.jobs["finish"].tolist() == [round(finish * MS)]


@pytest.mark.parametrize(("service", "end"), [("node", 4), ("run-to-completion", 8)])
def test_what_drains_changes_no_more(service: str, end: float) -> None:
    text = NPU.replace("kind: npu", f"kind: npu, service: {service}")
    trace = run(text, scheduler=Acts((2.5, to(1)), (3, lambda it: it.soc.drop(it.job))))
    assert [row[2:] for row in slices(trace)] == [(0, 3, "stopped"), (3, end, "drained")]
    assert switched(trace) == [(0, 0, 0)]


def test_it_moves_and_goes_on_elsewhere() -> None:
    class Moves(Acts):
        preemption = "preemptive"

        def take(self, segment: Any, processor: Any) -> None:
            self.soc.start(segment.job, segment, self.soc.processors[self.soc.now > 0])

    trace = run(CPUS, scheduler=Moves((1, to(1)), (1.5, lambda it: it.soc.preempt(it.soc.processors[0]))))
    assert [row[1:4] for row in slices(trace)] == [("cpu0", 0, 1.5), ("cpu1", 1.5, 5)]
    assert switched(trace)[1:] == [(0, 2, 1)]


def test_what_a_job_really_takes_scales_the_rest() -> None:
    text = NPU.replace("    wcet:", "    execution: {kind: uniform, low: 0.5, high: 0.5}\n    wcet:")
    trace = run(text, scheduler=Acts((0.5, to(1))))
    assert trace.jobs["finish"].tolist() == [round(2.5 * MS)]


def test_a_switched_node_teaches_no_estimate() -> None:
    text = NPU.replace("simulate: {until: 20 ms}", "estimates: {learning: 1}\nsimulate: {until: 40 ms}")
    seen: list[Any] = []

    class Learns(Acts):
        reads = frozenset({"estimates"})

        def on_release(self, job: Any) -> None:
            seen.append(self.soc.beliefs.time(job.task.nodes[0], 0))

    run(text, scheduler=Learns((1, to(1))))
    assert seen == [8 * MS, 8 * MS]


def test_believed_is_what_is_left_in_the_new_variant() -> None:
    left = lambda it: it.soc.remaining(it.first)  # noqa: E731
    policy = Acts((1, to(1)), (1.5, left), (2, left), (3, left))
    run(NPU, scheduler=policy)
    assert policy.answers == [True, round(6.5 * MS), 3 * MS, 2 * MS]


def test_the_picture_names_both() -> None:
    from rtsched.plot.lanes import way

    trace = run(NPU, scheduler=Acts((1, to(1))))
    assert way(trace, trace.slices[0]).endswith("full→half")
    assert trace.variants(0, 0, 0, 5 * MS) == [(0, 2 * MS, 0), (2 * MS, 5 * MS, 1)]


def test_proofs_take_the_largest_variant_and_know_nothing_of_changed_regions() -> None:
    text = NPU.replace("simulate:", "scheduler: {ordering: fp, preemption: MODE, adaptation: subflow}\nsimulate:")
    whole = analyse(loaded(text.replace("MODE", "nonpreemptive")))
    assert whole.verdict == "schedulable"
    assert whole.bounds[0].wcrt == 8 * MS
    limited = analyse(loaded(text.replace("MODE", "limited")), runs=0)
    assert limited.verdict == "unknown"
    assert "changes inside it" in str(limited.analysis.parts[0].result)
    fixed = text.replace("MODE", "limited").replace("subflow", "{name: fixed, variant: half}")
    assert analyse(loaded(fixed)).bounds[0].wcrt == 4 * MS


# ---- what a file may not say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NPU.replace("switch: region", "switch: node"), "neither regions nor sections; write 'switch: region'"),
        (NPU.replace("    regions: [2 ms, 2 ms, 4 ms]\n", ""), "'switch: region' needs nodes with 'regions'"),
        (NPU.replace("[2 ms, 2 ms, 4 ms]", "[8 ms]"), "'switch: region' needs nodes with 'regions'"),
        (NPU.replace("scale: 0.5", "wcet: {npu: 4 ms}"), "as shares of one network"),
        (NPU.replace("[2 ms, 2 ms, 4 ms]", "[1 ns, 7999999 ns]"), "regions of 'net' are shorter than 1 ns in variant"),
        (
            NPU.replace("regions: [2 ms, 2 ms, 4 ms]", "sections: [{resource: r, start: 0 ms, length: 1 ms}]").replace(
                "simulate:", "resources: {r: {protocol: inheritance}}\nsimulate:"
            ),
            "neither regions nor sections",
        ),
        (
            NPU.replace("{kind: npu}", "{kind: gpu, block_level: {sms: 2, streams: 1}}"),
            "served block by block knows neither regions",
        ),
        (NPU.replace("    wcet:", "    batch: {'2': 1.5}\n    wcet:"), "runs in no batch"),
    ],
)
def test_what_has_no_boundaries_inside_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(text).lower()


def test_nothing_acts_on_the_dead() -> None:
    class Late(Acts):
        def on_job_end(self, job: Any) -> None:
            self.soc.reconfigure(job, 1)

    with pytest.raises(SchedulerError, match="ended already"):
        run(NPU, scheduler=Late())


# ---- whatever is asked for, work is conserved ------------------------------------------------------------------------

WORLD = """
platform:
  processors:
    cpu: {cores: 2, context_switch: 30 us, migration: 20 us}
    npu: {kind: npu, service: node, contexts: 2, sharing: equal, RESETcheckpoint: {state: 100 kB, bandwidth: 1 GB/s}}
faults: [{processor: npu, at: 41 ms, lasts: 3 ms}]
simulate: {until: 200 ms}
tasks:
  - name: one
    rate: 60 Hz
    wcet: {cpu: 7.000003 ms}
    regions: [1 ms, 2.000001 ms, 4.000002 ms]
    variants: {switch: region, choices: [{accuracy: 0.9}, {scale: 0.7, accuracy: 0.8}, {scale: 0.31, accuracy: 0.6}]}
  - name: two
    period: 21 ms
    deadline: 30 ms
    overlap: true
    on_fault: resume
    graph:
      nodes:
        a: {wcet: {npu: 5.01 ms}, regions: [1 ms, 1.007 ms, 1.003 ms, 2 ms]}
        b: {wcet: {npu: 2 ms}}
        c: {wcet: {npu: 3.3 ms}, regions: [1.1 ms, 1.1 ms, 1.1 ms]}
      edges: [[a, b], [b, c]]
    variants: {switch: region, choices: [{accuracy: 0.9}, {scale: 0.7, accuracy: 0.8}, {skip: [b], accuracy: 0.7}, {scale: 0.3, accuracy: 0.5}]}
  - {name: three, period: 9 ms, wcet: {cpu: 1 ms}}
"""


class Restless(Scheduler):
    """Starts, stops, shares, moves and reconfigures at random."""

    def __init__(self, seed: int, preemption: Any) -> None:
        self.preemption = preemption
        self.random = random.Random(seed)
        self.asked = {True: 0, False: 0}

    def setup(self, soc: Any) -> None:
        soc.wake_at(1, None)

    def on_timer(self, tag: Any) -> None:
        if self.soc.now < 240 * MS:
            self.soc.wake_at(self.soc.now + self.random.randrange(1, MS), None)

    def on_start(self, segment: Any, processor: Any) -> None:
        if self.random.random() < 0.3:
            self._reconfigure(segment.job)

    def _reconfigure(self, job: Any) -> None:
        number = self.random.randrange(len(job.task.spec.quality.variants))
        nodes = self.random.choice([None, None, [0]])
        self.asked[self.soc.reconfigure(job, number, nodes)] += 1

    def dispatch(self) -> None:
        for task in self.soc.tasks[:2]:
            for job in [*([task.active] if task.active else []), *task.overlapping]:
                if self.random.random() < 0.2:
                    self._reconfigure(job)
        for processor in self.soc.processors:
            segment = processor.segment
            if segment is not None and segment.state == RUNNING and self.random.random() < 0.15:
                self._stop(processor)
        for segment in self.random.sample(list(self.soc.ready), len(self.soc.ready)):
            places = [self.soc.processors[place] for place in segment.node.eligible]
            free = [each for each in places if each.segment is None]
            if free and segment.state == READY and self.random.random() < 0.9:
                self._begin(segment, self.random.choice(free))

    def _begin(self, segment: Any, processor: Any) -> None:
        if segment.job.task.name == "two" and segment.node.index == 0 and segment.processor is None:
            nodes = self.random.choice([[0], [0, 1], [0, 1, 2]])
            if 1 in nodes and (segment.job.path.variant == 2):
                nodes = [0]
            self.soc.start(segment.job, nodes, processor)
        else:
            self.soc.start(segment.job, segment, processor)
        if processor.kind == "npu" and processor.segment is not None and self.random.random() < 0.5:
            self.soc.share(processor, Fraction(1, self.random.choice([2, 3, 4])))

    def _stop(self, processor: Any) -> None:
        ways = ["boundary", "kill"] if processor.kind == "npu" else ["boundary", "kill", "now", "now"]
        if self.preemption != "preemptive":
            ways = ways[:2]
        how = self.random.choice(ways if self.random.random() < 0.3 else ["boundary", *ways[2:]])
        self.soc.preempt(processor, how)


@pytest.mark.parametrize("reset", ["", "reset: 50 us, "], ids=["drains", "resets"])
@pytest.mark.parametrize("preemption", ["preemptive", "limited", "nonpreemptive"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_asked_for_work_is_conserved(seed: int, preemption: str, reset: str) -> None:
    policy = Restless(seed, preemption)
    text = WORLD.replace("RESET", reset)
    trace = run(text, scheduler=policy)
    assert len(trace.switches) > 10
    assert min(policy.asked.values()) > 10
    again = run(text, scheduler=Restless(seed, preemption))
    assert (again.slices.tobytes(), again.choices.tobytes()) == (trace.slices.tobytes(), trace.choices.tobytes())


# ---- mutants ---------------------------------------------------------------------------------------------------------


def _loses(self: Switches, segment: Segment, number: int, over: int) -> None:
    change(self, segment, number, over)
    segment.remaining = segment.remaining // 2 + 1
    segment.points = ()


def _begins_anew(self: Switches, segment: Segment, number: int, over: int) -> None:
    change(self, segment, number, over)
    segment.remaining = segment.demand


def _at_once(self: Switches, segment: Segment) -> int | None:
    return over_(self, segment) if segment.state != READY else 0


change, over_ = Switches._change, Switches._over


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [
        ("_change", _loses, "of its work by"),
        ("_change", _begins_anew, "of its work by"),
        ("_over", _at_once, "inside a region"),
    ],
)
def test_the_check_notices(name: str, wrong: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched import simulate

    monkeypatch.setattr(Switches, name, wrong)
    trace = simulate(loaded(BUSY.replace("OFFSET", "1")), scheduler=First((0.5, to(1)), (3, to(2))))
    assert any(sentence in each for each in trace.check()), trace.check()


def test_the_check_notices_what_is_not_allowed() -> None:
    from dataclasses import replace

    trace = run(NPU, scheduler=Acts((1, to(1))))
    task = trace.system.tasks[0]
    assert task.quality is not None
    strict = replace(trace.system, tasks=(replace(task, quality=replace(task.quality, inside=False)),))
    assert any("do not allow" in each for each in replace(trace, system=strict).check())


@pytest.mark.parametrize("preemption", ["preemptive", "limited", "nonpreemptive"])
@pytest.mark.parametrize("adaptation", ["subflow", "resolution", "rtscale-style", "multi-path-style", "fixed"])
def test_our_policies_choose_before_each_region(adaptation: str, preemption: str) -> None:
    text = WORLD.replace("RESET", "").replace("cores: 2", "cores: 1").replace("rate: 60 Hz", "rate: 110 Hz")
    text = text.replace("period: 9 ms, wcet: {cpu: 1 ms}", "period: 6 ms, deadline: 3 ms, wcet: {cpu: 2 ms}")
    trace = run(text, scheduler={"ordering": "edf", "adaptation": adaptation, "preemption": preemption})
    assert (len(trace.switches) > 0) == (adaptation == "subflow")
