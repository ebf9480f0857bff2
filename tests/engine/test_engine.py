"""The engine on two or three tasks, slice by slice."""

from __future__ import annotations

from fractions import Fraction

import pytest

from rtsched import summary
from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.metrics.tally import Tally
from rtsched.model.system import Overheads
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.orderings.least_slack import LeastLaxityFirst, LeastSlackTime
from rtsched.schedulers.orderings.round_robin import RoundRobin
from rtsched.schedulers.orderings.shortest_job_first import ShortestJobFirst
from rtsched.schedulers.placements.earliest_finish import EarliestFinish
from tests.helpers import cpus, edf, finishes, fp, outcomes, simulate, slices, task


def test_preemption_keeps_progress() -> None:
    trace = simulate([task(0, 2, 5), task(1, 4, 10)], until=10)
    assert slices(trace) == ["a0 0-2 completed", "b0 2-5 preempted", "a1 5-7 completed", "b0 7-8 completed"]


def test_finishing_at_the_deadline_is_on_time() -> None:
    assert outcomes(simulate([task(0, 5, 5)], until=15)) == {"a": ["ok", "ok", "ok"]}
    assert outcomes(simulate([task(0, 5, 5, deadline=4)], until=5)) == {"a": ["late"]}


def test_jobs_of_one_task_do_not_overlap_unless_it_says_so() -> None:
    late = [task(0, 3, 2, deadline=9)]
    assert finishes(simulate(late, until=6)) == {"a": [3, 6, 9]}
    both = [task(0, (3, 3), 2, deadline=9, overlap=True)]
    assert finishes(simulate(both, until=4, processors=cpus(2))) == {"a": [3, 5]}


def test_two_tasks_that_swap_fast_and_slow_cores_both_end_at_ten() -> None:
    """Work is conserved over speeds: C = 6 at speeds 1.0 and 0.2, swapped at t = 5."""

    class Swap(Scheduler):
        def dispatch(self) -> None:
            now, (fast, slow) = self.soc.now, self.soc.processors
            if now == 0:
                first, second = list(self.soc.ready)
                self.soc.start(first.job, first, fast)
                self.soc.start(second.job, second, slow)
                self.soc.wake_at(5, "swap")
            elif now == 5:
                first, second = self.soc.preempt(fast), self.soc.preempt(slow)
                assert first is not None
                assert second is not None
                self.soc.start(first.job, first, slow)
                self.soc.start(second.job, second, fast)

    cores = (ProcessorSpec(0, "fast", "fast"), ProcessorSpec(1, "slow", "slow", speed=Fraction(1, 5)))
    trace = simulate([task(0, (6, 30), 100), task(1, (6, 30), 100)], Swap(), processors=cores, until=1)
    assert finishes(trace) == {"a": [10], "b": [10]}


def test_global_edf_takes_the_fastest_core_and_moves_up_when_it_is_idle() -> None:
    cores = (ProcessorSpec(0, "little", "little"), ProcessorSpec(1, "big", "big"))
    tasks = [task(0, (8, 2), 100), task(1, (12, 3), 100)]
    trace = simulate(tasks, edf(), processors=cores, until=1)
    # a (same deadline, first by index) takes the big core; b does 2/12 on the little one, then 5/6 of 3, rounded up
    assert slices(trace) == ["b0 0-2 p0 preempted", "a0 0-2 p1 completed", "b0 2-5 p1 completed"]


def test_a_more_urgent_job_takes_the_fast_core_and_pushes_the_other_down() -> None:
    cores = (ProcessorSpec(0, "little", "little"), ProcessorSpec(1, "big", "big"))
    tasks = [task(0, (8, 4), 100, offset=2), task(1, (20, 10), 100)]
    trace = simulate(tasks, fp(), processors=cores, until=3)
    # b: 2/10 on big, then 4/20 on little while a has big, then the rest, 6/10, on big
    assert slices(trace) == [
        "b0 0-2 p1 preempted", "b0 2-6 p0 preempted", "a0 2-6 p1 completed", "b0 6-12 p1 completed",
    ]  # fmt: skip


def test_nonpreemptive_processor_under_a_preemptive_policy() -> None:
    npu = (ProcessorSpec(0, "npu", "npu", "npu", "run-to-completion"),)
    trace = simulate([task(0, 2, 10, offset=1), task(1, 5, 20)], processors=npu, until=10)
    assert slices(trace) == ["b0 0-5 completed", "a0 5-7 completed"]


def test_nonpreemptive_node_on_a_preemptive_core() -> None:
    trace = simulate([task(0, 2, 10, offset=1), task(1, 5, 20, preemptive=False)], until=10)
    assert slices(trace) == ["b0 0-5 completed", "a0 5-7 completed"]


def test_limited_preemption_waits_for_the_end_of_the_region() -> None:
    tasks = [task(0, 2, 20, offset=1), task(1, 6, 20, regions=(3, 3))]
    assert slices(simulate(tasks, fp(preemption="limited"), until=2)) == [
        "b0 0-3 boundary", "a0 3-5 completed", "b0 5-8 completed",
    ]  # fmt: skip


def test_undisturbed_regions_are_one_slice() -> None:
    trace = simulate([task(0, 6, 20, regions=(1, 2, 3))], fp(preemption="limited"), until=1)
    assert slices(trace) == ["a0 0-6 completed"]


def test_a_graph_runs_in_order_and_in_parallel() -> None:
    nodes = (
        NodeSpec(0, "x", (2, 2), successors=(1, 2)),
        NodeSpec(1, "y", (3, 3), predecessors=(0,), successors=(3,)),
        NodeSpec(2, "z", (1, 1), predecessors=(0,), successors=(3,)),
        NodeSpec(3, "w", (1, 1), predecessors=(1, 2)),
    )
    trace = simulate([TaskSpec(0, "a", nodes, 10, 10, 0)], processors=cpus(2), until=1)
    assert [tuple(int(value) for value in row) for row in trace.node_times()] == [
        (0, 0, 0, 2, 0), (0, 1, 2, 5, 0), (0, 2, 2, 3, 1), (0, 3, 5, 6, 0),
    ]  # fmt: skip


# ---- misses ----------------------------------------------------------------------------------------------------------


def overloaded(on_miss: str) -> list[TaskSpec]:
    """The second task is starved until 6, its deadline is 4 after each release, its period 8."""
    return [task(0, 6, 16), task(1, 3, 8, deadline=7, on_miss=on_miss)]


@pytest.mark.parametrize(
    ("on_miss", "finish", "outcome"),
    [
        ("continue", [9, 12], ["late", "ok"]),
        ("abort", [-1, 11], ["aborted", "ok"]),
        ("drop_at_start", [9, 12], ["late", "ok"]),
        ("drop_if_hopeless", [-1, 11], ["dropped", "ok"]),
        ("skip_next", [9, -1], ["late", "dropped"]),
    ],
)
def test_what_happens_on_a_miss(on_miss: str, finish: list[int], outcome: list[str]) -> None:
    trace = simulate(overloaded(on_miss), until=16)
    assert finishes(trace)["b"] == finish
    assert outcomes(trace)["b"] == outcome


def test_drop_at_start_drops_what_could_not_start_before_its_deadline() -> None:
    trace = simulate([task(0, 8, 20), task(1, 1, 10, deadline=7, on_miss="drop_at_start")], until=20)
    assert outcomes(trace)["b"] == ["dropped", "ok"]


def test_a_job_that_runs_on_at_the_end_is_late() -> None:
    trace = simulate([task(0, 50, 10, deadline=10)], until=10, drain="deadline")
    assert outcomes(trace) == {"a": ["late"]}
    assert (trace.end, slices(trace)) == (20, ["a0 0-20 end"])


def test_a_job_whose_deadline_lies_in_the_drain_is_judged_though_nothing_happens_any_more() -> None:
    # a runs in [0, 9), b from 9 to 29; its deadline is 25, the drain ends at 28, and the last event before is at 9
    tasks = [
        TaskSpec(0, "a", (NodeSpec(0, "a", (9,)),), None, 24, 0, release=0),
        TaskSpec(1, "b", (NodeSpec(0, "b", (20,)),), None, 22, 1, release=3),
    ]
    trace = simulate(tasks, edf(), until=4, drain="deadline")
    assert outcomes(trace) == {"a": ["ok"], "b": ["late"]}
    assert (trace.end, slices(trace)) == (28, ["a0 0-9 completed", "b0 9-28 end"])
    assert outcomes(simulate(tasks, edf(), until=4)) == {"a": ["ok"], "b": ["late"]}
    flat = run(trace.system, edf(), until=4, tally=Tally(trace.system, 0))
    assert summary(flat).misses == summary(trace).misses == 1


@pytest.mark.parametrize("drain", ["all", "deadline"])
def test_a_job_that_never_starts_is_late(drain: str) -> None:
    class Idle(Scheduler):
        def dispatch(self) -> None:
            pass

    trace = simulate([task(0, 2, 10)], Idle(), until=10, drain=drain)
    assert outcomes(trace) == {"a": ["late"]}


def test_a_job_that_ends_exactly_with_its_deadline_and_the_drain_is_on_time() -> None:
    trace = simulate([task(0, 7, 10, deadline=7)], until=1, drain="deadline")
    assert outcomes(trace) == {"a": ["ok"]}


def test_a_triggered_task_is_released_by_each_completion() -> None:
    tasks = [task(0, 2, 10), TaskSpec(1, "b", (NodeSpec(0, "b", (1,)),), None, 5, 1, after=0)]
    trace = simulate(tasks, until=20)
    assert trace.jobs["release"][trace.jobs["task"] == 1].tolist() == [2, 12]
    assert finishes(trace)["b"] == [3, 13]


def test_a_probable_trigger_gives_every_policy_the_same_world() -> None:
    tasks = [task(0, 2, 10), TaskSpec(1, "b", (NodeSpec(0, "b", (1,)),), None, 5, 1, after=0, probability=0.5)]
    one = simulate(tasks, fp(), until=2000, seed=7)
    two = simulate(tasks, edf(preemption="nonpreemptive"), until=2000, seed=7)
    released = [trace.jobs["release"][trace.jobs["task"] == 1].tolist() for trace in (one, two)]
    assert released[0] == released[1]
    assert 70 < len(released[0]) < 130
    other = simulate(tasks, fp(), until=2000, seed=8)
    assert other.jobs["release"][other.jobs["task"] == 1].tolist() != released[0]


# ---- costs -----------------------------------------------------------------------------------------------------------


def test_context_switches_cost_time_before_the_work() -> None:
    tasks = [task(0, 2, 6), task(1, 5, 24)]
    trace = simulate(tasks, until=12, overheads=Overheads(context_switch=1))
    assert slices(trace) == [
        "a0 0-1 overhead", "a0 1-3 completed", "b0 3-4 overhead", "b0 4-6 preempted", "a1 6-7 overhead",
        "a1 7-9 completed", "b0 9-10 overhead", "b0 10-13 completed",
    ]  # fmt: skip
    assert trace.processors[0].overhead == 4


def test_overhead_that_is_cut_short_does_no_work() -> None:
    tasks = [task(0, 2, 20, offset=1), task(1, 3, 20)]
    trace = simulate(tasks, until=2, overheads=Overheads(context_switch=2))
    assert finishes(trace) == {"a": [5], "b": [10]}


def test_migration_costs_only_on_another_core() -> None:
    tasks = [task(0, (2, 2), 20, offset=1), task(1, (4, 4), 20, offset=1), task(2, (6, 6), 20)]
    trace = simulate(tasks, processors=cpus(2), until=2, overheads=Overheads(migration=3))
    # c leaves core 0 to b at 1 and resumes on core 1 when a ends
    assert finishes(trace) == {"a": [3], "b": [5], "c": [11]}
    assert trace.processors[0].migrations + trace.processors[1].migrations == 1


# ---- shared resources ------------------------------------------------------------------------------------------------


def inversion(protocol: str) -> dict[str, list[int]]:
    """Sha, Rajkumar and Lehoczky's case: c holds R when a wants it, and b comes in between."""
    tasks = [
        TaskSpec(0, "a", (NodeSpec(0, "a", (4,), sections=(SectionSpec("R", 1, 3),)),), None, 99, 0, release=3),
        TaskSpec(1, "b", (NodeSpec(0, "b", (6,)),), None, 99, 1, release=4),
        TaskSpec(2, "c", (NodeSpec(0, "c", (7,), sections=(SectionSpec("R", 1, 6),)),), None, 99, 2, release=0),
    ]
    return finishes(simulate(tasks, until=5, protocols={"R": protocol}))


def test_priority_inversion_and_its_two_cures() -> None:
    assert inversion("none") == {"a": [16], "b": [10], "c": [17]}
    assert inversion("inheritance") == {"a": [10], "b": [16], "c": [17]}
    assert inversion("ceiling") == {"a": [10], "b": [16], "c": [17]}


def test_nested_sections_inherit_through_each_other() -> None:
    tasks = [
        TaskSpec(0, "a", (NodeSpec(0, "a", (2,), sections=(SectionSpec("R", 0, 1),)),), None, 99, 0, release=4),
        TaskSpec(1, "b", (NodeSpec(0, "b", (9,)),), None, 99, 1, release=5),
        TaskSpec(
            2, "c", (NodeSpec(0, "c", (4,), sections=(SectionSpec("R", 0, 4), SectionSpec("S", 1, 3))),), None, 99, 2,
            release=2,
        ),
        TaskSpec(3, "d", (NodeSpec(0, "d", (5,), sections=(SectionSpec("S", 0, 5),)),), None, 99, 3, release=0),
    ]  # fmt: skip
    # a waits for R of c, c waits for S of d: d runs at a's priority, so b waits for them all
    trace = simulate(tasks, until=6, protocols={"R": "inheritance", "S": "inheritance"})
    assert finishes(trace) == {"a": [11], "b": [20], "c": [9], "d": [6]}


def test_a_section_is_entered_only_by_who_runs() -> None:
    # at t = 1 the low one is about to enter, but the urgent one is released then and goes first
    tasks = [
        TaskSpec(0, "a", (NodeSpec(0, "a", (2,), sections=(SectionSpec("R", 0, 2),)),), None, 99, 0, release=1),
        TaskSpec(1, "b", (NodeSpec(0, "b", (4,), sections=(SectionSpec("R", 1, 3),)),), None, 99, 1, release=0),
    ]
    assert finishes(simulate(tasks, until=2, protocols={"R": "none"})) == {"a": [3], "b": [6]}


# ---- orderings -------------------------------------------------------------------------------------------------------


def test_orderings_choose_as_the_textbook_says() -> None:
    tasks = [
        TaskSpec(0, "a", (NodeSpec(0, "a", (5,)),), None, 12, 2, release=0),
        TaskSpec(1, "b", (NodeSpec(0, "b", (3,)),), None, 11, 1, release=0),
        TaskSpec(2, "c", (NodeSpec(0, "c", (1,)),), None, 13, 0, release=0),
    ]
    expected = {
        FIFO: [5, 8, 9],
        FixedPriority: [9, 4, 1],
        EDF: [8, 3, 9],
        ShortestJobFirst: [9, 4, 1],
        LeastSlackTime: [5, 8, 9],
    }
    for ordering, finish in expected.items():
        trace = simulate(tasks, ComposedScheduler(ordering()), until=1)
        assert [finishes(trace)[name][0] for name in "abc"] == finish, ordering


def test_least_laxity_alternates_by_its_quantum() -> None:
    tasks = [task(0, 4, 10), task(1, 4, 10)]
    trace = simulate(tasks, ComposedScheduler(LeastLaxityFirst(quantum=2)), until=1)
    # equal laxities: a runs 2 (then b is 2 ahead), b runs 2 + 2 until a is ahead again by the quantum
    assert [row.split()[:2] for row in slices(trace)] == [["a0", "0-2"], ["b0", "2-6"], ["a0", "6-8"]]


def test_round_robin_takes_turns() -> None:
    tasks = [task(0, 5, 20), task(1, 3, 20), task(2, 2, 20)]
    trace = simulate(tasks, ComposedScheduler(RoundRobin(quantum=2)), until=1)
    assert [row.split()[:2] for row in slices(trace)] == [
        ["a0", "0-2"], ["b0", "2-4"], ["c0", "4-6"], ["a0", "6-8"], ["b0", "8-9"], ["a0", "9-10"],
    ]  # fmt: skip


def test_earliest_finish_weighs_queues_against_speed() -> None:
    cores = (ProcessorSpec(0, "fast", "fast"), ProcessorSpec(1, "slow", "slow"))
    tasks = [task(index, (4, 10), 100) for index in range(3)]
    trace = simulate(tasks, ComposedScheduler(FIFO(), EarliestFinish()), processors=cores, until=1)
    # fast: 4, then 8, and the third would end at 12 there but at 10 on the slow one
    assert finishes(trace) == {"a": [4], "b": [8], "c": [10]}


# ---- wrong actions ---------------------------------------------------------------------------------------------------


class Wrong(Scheduler):
    """Acts illegally in one way."""

    def __init__(self, how: str) -> None:
        self.how = how
        if how == "preempt although nonpreemptive":
            self.preemption = "nonpreemptive"

    def dispatch(self) -> None:
        soc = self.soc
        if soc.now > 0:
            return
        first, second = list(soc.ready)
        cpu, gpu = soc.processors
        soc.start(first.job, first, cpu)
        if self.how == "twice":
            soc.start(first.job, first, gpu)
        elif self.how == "busy":
            soc.start(second.job, second, cpu)
        elif self.how == "elsewhere":
            soc.start(second.job, second, gpu)
        elif self.how == "idle":
            soc.preempt(gpu)
        elif self.how == "past":
            soc.wake_at(0)
        elif self.how == "dead":
            soc.drop(first.job)
            soc.start(first.job, first, cpu)
        elif self.how == "dead drop":
            soc.drop(first.job)
            soc.drop(first.job)
        else:
            soc.preempt(cpu)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("twice", "start of node 'a' of job 0 of 'a' on processor 'gpu' at t=0 ns: it is running; only ready"),
        ("busy", "start of node 'b' of job 0 of 'b' on processor 'cpu' at t=0 ns: the processor is busy with node 'a'"),
        (
            "elsewhere",
            "start of node 'b' of job 0 of 'b' on processor 'gpu' at t=0 ns: it cannot run there (it can on cpu",
        ),
        ("idle", "processor 'gpu' is idle: there is nothing to preempt"),
        ("past", "wake_at(0): the time now is 0"),
        ("dead", "it is dead; only ready segments can start"),
        ("dead drop", "drop of job 0 of 'a': it has ended already"),
        ("preempt although nonpreemptive", "the scheduler is declared nonpreemptive"),
    ],
)
def test_an_illegal_action_names_job_processor_and_rule(how: str, message: str) -> None:
    processors = (ProcessorSpec(0, "cpu", "cpu"), ProcessorSpec(1, "gpu", "gpu", "gpu", "node"))
    system = SystemSpec(processors, (task(0, (2, 2), 10), task(1, (2, None), 10)))
    with pytest.raises(SchedulerError) as caught:
        run(system, Wrong(how), until=1)
    assert message in str(caught.value)


def test_a_policy_that_drops_everything_ends() -> None:
    class Refuse(Scheduler):
        def dispatch(self) -> None:
            for segment in list(self.soc.ready):
                self.soc.drop(segment.job)

    trace = simulate([task(0, 2, 5), task(1, 2, 5)], Refuse(), until=20)
    assert outcomes(trace) == {"a": ["dropped"] * 4, "b": ["dropped"] * 4}


def test_a_policy_that_never_rests_is_stopped() -> None:
    class Restless(Scheduler):
        def dispatch(self) -> None:
            self.soc._soc.core.changed[0] = True  # type: ignore[attr-defined]

    with pytest.raises(SchedulerError, match="does not come to rest"):
        simulate([task(0, 2, 5)], Restless(), until=20)


# ---- runs of nodes: one segment of several nodes ---------------------------------------------------------------------


def diamond(index: int = 0, **options: object) -> TaskSpec:
    """x before y and z, both before w; 2, 3, 1 and 1 long, on two processors."""
    nodes = (
        NodeSpec(0, "x", (2, 2), successors=(1, 2)),
        NodeSpec(1, "y", (3, 3), predecessors=(0,), successors=(3,)),
        NodeSpec(2, "z", (1, 1), predecessors=(0,), successors=(3,)),
        NodeSpec(3, "w", (1, 1), predecessors=(1, 2)),
    )
    return TaskSpec(index, "abc"[index], nodes, 20, 20, index, **options)  # type: ignore[arg-type]


class Runs(Scheduler):
    """Starts the runs it is given as soon as their first nodes are ready, and preempts when told to."""

    def __init__(self, *runs: tuple[int, list[int]], stop: tuple[int, str] | None = None) -> None:
        self.runs = list(runs)
        self.stop = stop
        self.asked: list[int] = []

    def setup(self, soc: object) -> None:
        if self.stop is not None:
            self.soc.wake_at(self.stop[0])

    def on_ready(self, job: object, segments: tuple[object, ...]) -> None:
        self.asked += [segment.node.index for segment in segments]  # type: ignore[attr-defined]

    def dispatch(self) -> None:
        soc = self.soc
        if self.stop is not None and soc.now == self.stop[0]:
            soc.preempt(soc.processors[0], self.stop[1])
        for wanted in list(self.runs):
            processor = soc.processors[wanted[0]]
            head = [segment for segment in soc.ready if segment.node.index == wanted[1][0]]
            if head and processor.segment is None:
                soc.start(head[0].job, wanted[1], processor)
                self.runs.remove(wanted)


def test_a_run_of_nodes_goes_on_without_asking() -> None:
    policy = Runs((0, [0, 1]), (1, [2]), (0, [3]))
    gpu = (ProcessorSpec(0, "gpu", "gpu", "gpu", "node"), ProcessorSpec(1, "cpu", "cpu"))
    trace = simulate([diamond()], policy, processors=gpu, until=1)
    assert slices(trace) == [
        "a0 0-2 p0 completed", "a0 2-5 p0 completed", "a0 2-3 p1 completed", "a0 5-6 p0 completed",
    ]  # fmt: skip
    assert policy.asked == [0, 2, 3]  # y is nobody's business


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ([0, 1, 3], "node 3 waits for node 2, which is not before it"),
        ([0, 1, 1], "node 1 is waiting or named twice"),
        ([1, 3], "it is waiting; only ready segments can start"),
        ([0, 9], "it has no node 9 to start"),
        ([], "it has no node in this run to start"),
    ],
)
def test_a_run_must_be_able_to_run(run: list[int], message: str) -> None:
    class Once(Scheduler):
        def dispatch(self) -> None:
            if self.soc.now == 0:
                self.soc.start(self.soc.ready[0].job, run, self.soc.processors[0])

    with pytest.raises(SchedulerError, match=message):
        simulate([diamond()], Once(), processors=cpus(2), until=1)


def test_a_boundary_preemption_gives_the_rest_of_a_run_back() -> None:
    gpu = (ProcessorSpec(0, "gpu", "gpu", "gpu", "node"), ProcessorSpec(1, "cpu", "cpu"))
    policy = Runs((0, [0, 1, 2, 3]), (1, [1]), (0, [2]), (0, [3]), stop=(1, "boundary"))
    trace = simulate([diamond()], policy, processors=gpu, until=1)
    assert slices(trace) == [
        "a0 0-2 p0 completed", "a0 2-3 p0 completed", "a0 2-5 p1 completed", "a0 5-6 p0 completed",
    ]  # fmt: skip
    assert policy.asked == [0, 1, 2, 3]


def test_preempting_now_keeps_the_progress_of_the_node_and_frees_the_rest() -> None:
    policy = Runs((0, [0, 1, 2, 3]), (1, [0]), (0, [1]), (1, [2]), (1, [3]), stop=(1, "now"))
    trace = simulate([diamond()], policy, processors=cpus(2), until=1)
    assert slices(trace) == [
        "a0 0-1 p0 preempted", "a0 1-2 p1 completed", "a0 2-5 p0 completed", "a0 2-3 p1 completed",
        "a0 5-6 p1 completed",
    ]  # fmt: skip


def test_a_run_on_an_accelerator_that_runs_to_completion_is_not_stopped() -> None:
    npu = (ProcessorSpec(0, "npu", "npu", "npu", "run-to-completion"), ProcessorSpec(1, "cpu", "cpu"))
    with pytest.raises(SchedulerError, match=r"runs .* to completion, without boundaries"):
        simulate([diamond()], Runs((0, [0, 1, 2, 3]), stop=(1, "boundary")), processors=npu, until=1)


def test_kill_loses_the_work() -> None:
    class Kill(Scheduler):
        def dispatch(self) -> None:
            cpu = self.soc.processors[0]
            if self.soc.now == 3:
                self.soc.preempt(cpu, "kill")
            if self.soc.ready and cpu.segment is None:
                segment = next(iter(self.soc.ready))
                self.soc.start(segment.job, segment, cpu)
                if self.soc.now == 0:
                    self.soc.wake_at(3)

    system = SystemSpec(cpus(), (task(0, 5, 20),))
    assert run(system, Kill(), until=1, drain="all").jobs["finish"].tolist() == [8]


def test_blackouts_stop_the_core_but_not_the_job() -> None:
    core = cpus(1, blackouts=((2, 5), (5, 6), (8, 9)))
    trace = simulate([task(0, 1, 20, offset=7), task(1, 4, 20)], processors=core, until=8)
    # b: 0-2, stands still to 6, runs 6-7; a: 7-8; b: stands still to 9, ends at 10
    assert finishes(trace) == {"a": [8], "b": [10]}


def test_a_recorded_execution_time_is_that_of_the_whole_job() -> None:
    nodes = (NodeSpec(0, "x", (2,), successors=(1,)), NodeSpec(1, "y", (6,), predecessors=(0,)))
    arrivals = TraceArrivals(kind="trace", times=(0, 10), execution=(4, 8))
    trace = simulate([TaskSpec(0, "a", nodes, None, 10, 0, arrival=arrivals)], until=20)
    assert finishes(trace) == {"a": [4, 18]}


def test_a_job_refused_on_its_release_never_runs() -> None:
    class Refuse(Scheduler):
        def on_release(self, job) -> None:
            if job.index % 2 == 0:
                self.soc.drop(job)

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[0])

    trace = simulate([task(0, 2, 10)], Refuse(), until=40)
    assert slices(trace) == ["a1 10-12 completed", "a3 30-32 completed"]
    assert outcomes(trace) == {"a": ["dropped", "ok", "dropped", "ok"]}


def test_a_job_without_slack_is_not_looked_at_every_nanosecond() -> None:
    tight = task(0, 1_000_000, 1_000_000, on_miss="drop_if_hopeless")
    trace = simulate([tight], edf(), until=10_000_000)
    assert outcomes(trace) == {"a": ["ok"] * 10}
    assert trace.events < 100


def test_a_run_of_nodes_is_switched_to_once() -> None:
    class Pieces(Scheduler):
        preemption = "nonpreemptive"

        def __init__(self, together: bool) -> None:
            self.together = together

        def dispatch(self) -> None:
            for segment in self.soc.ready[:1]:
                self.soc.start(segment.job, [0, 1] if self.together else segment, self.soc.processors[0])

    nodes = (NodeSpec(0, "first", (4,), successors=(1,)), NodeSpec(1, "second", (4,), predecessors=(0,)))
    job = TaskSpec(0, "a", nodes, 100, 100, 0)
    costs = Overheads(context_switch=3, scheduling=2)
    for together, finish in ((True, 5 + 8), (False, 2 * 5 + 8)):
        trace = simulate([job], Pieces(together), until=100, overheads=costs)
        assert finishes(trace) == {"a": [finish]}


def test_skip_next_skips_one_job_for_each_that_was_late() -> None:
    """A job that is skipped is a miss as well, but skips nothing more: one late job does not silence its task."""
    tasks = [task(0, 8, 100, release=0), task(1, 3, 10, on_miss="skip_next")]
    trace = simulate(tasks, until=60)
    assert outcomes(trace)["b"] == ["late", "dropped", "ok", "ok", "ok", "ok"]


def test_skip_next_in_a_long_overload_ends() -> None:
    """Found by the fuzzer: jobs that queue up behind an endless overload were dropped in ever deeper calls."""
    tasks = [task(0, 9, 10), task(1, 9, 10, on_miss="skip_next")]
    trace = simulate(tasks, until=20_000)
    assert set(outcomes(trace)["b"]) == {"late", "dropped"}
