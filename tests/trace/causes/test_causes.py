"""One job after the other, each with the pieces that were found by hand."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.engine.simulation import run
from rtsched.errors import InputError, SchedulerError
from rtsched.model.system import Overheads
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from tests.helpers import cpus, edf, fp, task

MS = 1_000_000


def simulate(tasks: list[Any], scheduler: Scheduler | None = None, **options: Any) -> Trace:
    """A run in plain nanoseconds, with reasons."""
    processors, overheads = options.pop("processors", cpus()), options.pop("overheads", Overheads())
    system = SystemSpec(processors, tuple(tasks), overheads=overheads)
    return run(system, scheduler or fp(), drain="all", reasons=True, **options)


def told(trace: Trace, name: str, index: int = 0, unit: int = 1) -> list[str]:
    """Every piece as ``start-end cause culprits (how)``."""
    found = []
    for piece in trace.explain(name, index).pieces:
        jobs = [trace.jobs[job] for job, _ in piece.culprits]
        who = "".join(f" {trace.system.tasks[row['task']].name}{row['index']}" for row in jobs)
        how = f" ({piece.how})" if piece.how else ""
        found.append(f"{piece.start / unit:g}-{piece.end / unit:g} {piece.cause}{who}{how}")
    return found


def test_a_more_urgent_one_runs() -> None:
    trace = simulate([task(0, 2, 5), task(1, 4, 20)], until=10)
    assert told(trace, "b") == ["0-2 higher a0", "2-5 running", "5-7 higher a1", "7-8 running"]
    assert trace.explain("b", 0).sums == {"running": 4, "higher": 4}
    assert trace.explain(1, 0).span == 8


def test_a_less_urgent_one_that_is_not_interrupted() -> None:
    tasks = [task(0, 2, 10, offset=1), task(1, 4, 20)]
    assert told(simulate(tasks, fp(preemption="nonpreemptive"), until=10), "a") == ["1-4 lower b0", "4-6 running"]
    assert told(simulate(tasks, until=10), "a") == ["1-3 running"]


def test_without_reasons_nobody_knows_who_is_more_urgent() -> None:
    system = SystemSpec(cpus(), (task(0, 2, 10, offset=1), task(1, 4, 20)))
    trace = run(system, fp(preemption="nonpreemptive"), until=10)
    assert told(trace, "a") == ["1-4 ahead b0", "4-6 running"]


def test_an_earlier_job_of_the_task() -> None:
    trace = simulate([task(0, 5, 4, deadline=9)], until=12)
    assert told(trace, "a", 1) == ["4-5 earlier a0", "5-10 running"]
    assert told(trace, "a", 2) == ["8-10 earlier a1", "10-15 running"]


def test_jitter_is_before_the_release() -> None:
    trace = simulate([task(0, 1, 10, jitter=5)], until=100)
    late = next(row for row in trace.jobs if row["release"] > row["arrival"])
    start, release = int(late["arrival"]), int(late["release"])
    pieces = told(trace, "a", int(late["index"]))
    assert pieces == [f"{start}-{release} jitter", f"{release}-{release + 1} running"]


def test_costs_of_a_start() -> None:
    trace = simulate([task(0, 2, 10, offset=3), task(1, 6, 20)], until=10, overheads=Overheads(context_switch=1))
    assert told(trace, "b") == ["0-1 overhead", "1-3 running", "3-6 higher a0", "6-7 overhead", "7-11 running"]


def test_the_tie_goes_by_the_number_of_the_task() -> None:
    trace = simulate([task(0, 2, 10), task(1, 2, 10)], edf(), until=10)
    assert told(trace, "b") == ["0-2 higher a0", "2-4 running"]


class Lazy(Scheduler):
    """Starts what is ready, but nothing before 5."""

    def setup(self, soc: Any) -> None:
        soc.wake_at(5)

    def on_timer(self, tag: Any) -> None:
        pass

    def dispatch(self) -> None:
        for segment in self.soc.ready if self.soc.now >= 5 else ():
            if self.soc.processors[0].segment is None:
                self.soc.start(segment.job, segment, self.soc.processors[0])


def test_a_policy_that_leaves_it_waiting() -> None:
    trace = simulate([task(0, 2, 20)], Lazy(), until=10)
    assert told(trace, "a") == ["0-5 idle", "5-7 running"]


def test_a_processor_that_stands_still() -> None:
    trace = simulate([task(0, 4, 20)], until=10, processors=cpus(blackouts=((1, 3),)))
    assert told(trace, "a") == ["0-1 running", "1-3 down", "3-6 running"]


def test_the_way_through_a_graph_is_that_of_the_node_that_is_done_last() -> None:
    trace = rtsched.simulate("graham_more_processors", reasons=True)
    pieces = trace.explain(0, 0).pieces
    assert sum(piece.length for piece in pieces) == trace.jobs["finish"][0]
    assert trace.explain(0, 0).sums["sibling"] == 3 * trace.jobs["finish"][0] // 15


def test_a_lock_and_the_third_task_that_runs_instead_of_its_holder() -> None:
    trace = rtsched.simulate("priority_inversion_lock", reasons=True)
    assert told(trace, "high", unit=MS) == [
        "3-4 running",
        "4-10 inversion middle0 low0 (R)",
        "10-13 lock low0 (R)",
        "13-16 running",
    ]


def test_a_holder_whose_urgency_is_lent() -> None:
    trace = rtsched.simulate("priority_inversion_inheritance", reasons=True)
    assert told(trace, "high", unit=MS) == ["3-4 running", "4-7 lock low0 (R)", "7-10 running"]
    assert told(trace, "middle", unit=MS) == ["4-7 lower low0 (R)", "7-10 higher high0", "10-16 running"]


def test_a_lock_of_whose_holder_waits_itself() -> None:
    sections = [
        {"resource": "R", "start": "0 ms", "length": "4 ms"},
        {"resource": "S", "start": "1 ms", "length": "1 ms"},
    ]
    system = {
        "platform": "multicore:3",
        "scheduler": {"ordering": "fp", "placement": "pinned"},
        "simulate": {"until": "10 ms", "drain": "all"},
        "resources": {"R": {"protocol": "none"}, "S": {"protocol": "none"}},
        "tasks": [
            {"name": "a", "wcet": "2 ms", "pin": "cpu0", "release": "2 ms", "deadline": "20 ms",
             "sections": [{"resource": "R", "start": "0 ms", "length": "1 ms"}]},
            {"name": "b", "wcet": "5 ms", "pin": "cpu1", "release": "0 ms", "deadline": "20 ms", "sections": sections},
            {"name": "c", "wcet": "6 ms", "pin": "cpu2", "release": "0 ms", "deadline": "20 ms",
             "sections": [{"resource": "S", "start": "0 ms", "length": "3 ms"}]},
        ],
    }  # fmt: skip
    trace = rtsched.simulate(system, reasons=True)
    assert told(trace, "b", unit=MS) == ["0-1 running", "1-3 lock c0 (S)", "3-7 running"]
    assert told(trace, "a", unit=MS) == ["2-3 lock c0 (S)", "3-6 lock b0 (R)", "6-8 running"]


def test_blocks_of_others_on_a_gpu() -> None:
    trace = rtsched.simulate("gpu_head_of_line", reasons=True)
    assert told(trace, "second", unit=MS) == ["200-1000 gpu first0", "1000-2000 running"]


def test_work_that_a_failure_throws_away() -> None:
    trace = rtsched.simulate("npu_failure", until="400 ms", reasons=True)
    assert told(trace, "detector", 9, MS) == ["297-305 lost", "305-345 running"]


def test_weights_that_come_first() -> None:
    trace = rtsched.simulate("model_switching", until="100 ms", reasons=True)
    assert told(trace, "detect", 1, MS)[1:] == ["42-50 load (task 'detect')", "50-56 running"]


def test_slower_than_at_full_speed() -> None:
    trace = rtsched.simulate("memory_contention", until="100 ms", reasons=True)
    found = trace.explain(0, 0)
    slowed = [piece for piece in found.pieces if piece.cause == "slowed"]
    assert slowed
    assert all(piece.how == "contention" and piece.culprits for piece in slowed)
    assert found.sums["running"] == trace.system.tasks[0].nodes[0].times[int(trace.slices["processor"][0])]


def test_the_heat() -> None:
    trace = rtsched.simulate("throttling_865", until="60 s", reasons=True)
    late = trace.jobs[trace.jobs["finish"] > trace.jobs["deadline"]]
    last = trace.jobs[-1] if not len(late) else late[-1]
    assert "slowed (heat)" in " ".join(told(trace, "camera", int(last["index"])))


def test_waiting_for_the_others_of_a_batch() -> None:
    batch = {"name": "net", "times": {2: 1.5}}
    tasks = [
        {"name": name, "wcet": "4 ms", "release": release, "deadline": "50 ms", "batch": batch}
        for name, release in (("a", "0 ms"), ("b", "2 ms"))
    ]
    system = {"platform": "uniprocessor", "tasks": tasks, "simulate": {"until": "10 ms"}}
    trace = rtsched.simulate(system, scheduler=Pair(), reasons=True)
    assert told(trace, "a", unit=MS) == ["0-2 batch b0", "2-8 running"]
    assert told(trace, "b", unit=MS) == ["2-8 running"]


class Pair(Scheduler):
    """Starts two together, as soon as there are two."""

    reads = frozenset({"batch"})

    def dispatch(self) -> None:
        ready = list(self.soc.ready)
        if len(ready) == 2:
            self.soc.start_batch(ready, self.soc.processors[0])


def test_the_planner_decides() -> None:
    system = {
        "platform": "multicore:2",
        "scheduler": {"ordering": "fp", "placement": "pinned"},
        "planner": {"core": "cpu1", "cost": "2 ms"},
        "tasks": [{"name": "a", "wcet": "3 ms", "period": "20 ms", "pin": "cpu0"}],
        "simulate": {"until": "20 ms"},
    }
    trace = rtsched.simulate(system, reasons=True)
    assert told(trace, "a", unit=MS) == ["0-2 deciding", "2-5 running"]


def test_what_is_no_job_is_refused() -> None:
    trace = simulate([task(0, 2, 5)], until=10)
    with pytest.raises(InputError, match=r"a\[7\] is no job of this run: its jobs are \[0\] to \[1\]"):
        trace.explain("a", 7)
    with pytest.raises(InputError, match="no task is called 'x'; these are: a"):
        trace.explain("x", 0)
    with pytest.raises(InputError, match="there is no task 3"):
        trace.explain(3, 0)
    with pytest.raises(InputError, match="needs the trace"):
        rtsched.simulate("dhall", trace=False).explain(0, 0)
    with pytest.raises(InputError, match="reasons are kept with the trace"):
        rtsched.simulate("dhall", trace=False, reasons=True)


def test_a_job_that_is_dropped_has_the_estimate_of_its_policy() -> None:
    system = rtsched.load("dhall", overrides=["scheduler={ordering: edf, admission: drop-hopeless}"])
    trace = rtsched.simulate(system, until="50 ms", reasons=True)
    assert str(trace.explain("heavy", 0)).splitlines()[:3] == [
        "heavy[0] was dropped 0 ns after its arrival; deadline 11 ms.",
        'Given up: the policy gave it up: "even at its quickest it would be late".',
        "At that instant its deadline was 11 ms away; its own work that was left, as believed: 10 ms; what was ahead of "
        "it: 2 ms; so it was expected in 12 ms.",
    ]


def test_a_policy_says_in_words_why_it_drops() -> None:
    said = "\x1b[2J</script>\u202e" + 1000 * "w"

    class Refuses(Scheduler):
        def __init__(self, reason: Any) -> None:
            self.reason = reason

        def on_release(self, job: Any) -> None:
            self.soc.drop(job, reason=self.reason)

        def dispatch(self) -> None:
            pass

    def dropped(reason: Any) -> Trace:
        return simulate([task(0, 1, 10)], Refuses(reason), until=10)

    found = dropped(said).explain("a", 0)
    told = found.to_dict()["given_up"]["reason"]
    assert told.startswith("\\x1b[2J</script>\\u202ewww")
    assert len(told) == 200
    assert str(found).splitlines()[1] == f'Given up: the policy gave it up: "{told}".'
    assert str(dropped(None).explain("a", 0)).splitlines()[1] == "Given up: the policy gave it up."
    with pytest.raises(SchedulerError, match="its reason is int 3; say it in words"):
        dropped(3)


def test_why_jobs_are_given_up() -> None:
    def why(on_miss: str, **more: Any) -> list[str]:
        tasks = [task(0, 4, 20, deadline=3, on_miss=on_miss, **more), task(1, 1, 20)]
        reasons = simulate(tasks, until=40).reasons
        assert reasons is not None
        return [gone.why for gone in reasons.gone.values()]

    assert why("abort") == ["deadline", "deadline"]
    assert why("drop_if_hopeless") == ["hopeless", "hopeless"]
    assert why("skip_next") == ["skip"]
    trace = rtsched.simulate("npu_failure", until="400 ms", reasons=True)
    assert trace.reasons is not None
    assert {gone.why for gone in trace.reasons.gone.values()} <= {"fault"}
