"""Everything at once on random systems: whatever is mixed, the invariants hold, and the same seed gives the same run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtsched.api import scheduler
from rtsched.engine.simulation import run
from rtsched.metrics.summary import summary
from rtsched.metrics.tally import Tally
from rtsched.model.system import Overheads
from rtsched.model.task import Poisson, Sporadic, Uniform
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import LATE, PREEMPT, UNFINISHED, Trace

ORDERINGS = ("fifo", "fp", "rm", "dm", "edf", "sjf", "lst", {"name": "llf", "quantum": 3}, {"name": "rr", "quantum": 2})
PLACEMENTS = ("global", "clustered", "first-fit", "best-fit", "worst-fit", "next-fit", "earliest-finish")
ON_MISS = ("continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next")


@st.composite
def processors(draw: st.DrawFn) -> tuple[ProcessorSpec, ...]:
    """One to four processors of up to three clusters, of any service."""
    kinds = draw(st.lists(st.sampled_from(["big", "little", "npu"]), min_size=1, max_size=4))
    services = {
        "big": "preemptive",
        "little": "preemptive",
        "npu": draw(st.sampled_from(["node", "run-to-completion"])),
    }
    return tuple(
        ProcessorSpec(
            index, f"{kind}{index}", kind, "npu" if kind == "npu" else "cpu", services[kind],  # type: ignore[arg-type]
            context_switch=draw(st.integers(0, 1)), migration=draw(st.integers(0, 1)),
        )
        for index, kind in enumerate(sorted(kinds))
    )  # fmt: skip


@st.composite
def nodes(draw: st.DrawFn, machines: tuple[ProcessorSpec, ...], locks: bool) -> tuple[NodeSpec, ...]:
    """A DAG of up to four nodes; times differ between clusters."""
    made: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 4))):
        times = {p.cluster: draw(st.one_of(st.none(), st.integers(1, 7))) for p in machines}
        if not any(times.values()):
            times[machines[0].cluster] = draw(st.integers(1, 7))
        single = len({time for time in times.values() if time}) == 1
        time = next(time for time in times.values() if time)
        sections: tuple[SectionSpec, ...] = ()
        regions: tuple[int, ...] = ()
        if single and locks and time > 1 and draw(st.booleans()):
            start = draw(st.integers(0, time - 1))
            sections = (SectionSpec(draw(st.sampled_from("RS")), start, draw(st.integers(start + 1, time))),)
        elif single and draw(st.booleans()):
            first = draw(st.integers(1, time))
            regions = (first, time - first) if time > first else (time,)
        before = tuple(p for p in range(index) if draw(st.integers(0, 2)) == 0)
        made.append({"times": times, "before": before, "sections": sections, "regions": regions})
    return tuple(
        NodeSpec(
            index, str(index), tuple(node["times"][p.cluster] for p in machines), predecessors=node["before"],
            successors=tuple(later for later, other in enumerate(made) if index in other["before"]),
            regions=node["regions"], sections=node["sections"], preemptive=draw(st.integers(0, 4)) > 0,
        )
        for index, node in enumerate(made)
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[SystemSpec, dict[str, Any]]:
    """A system and a policy."""
    machines = draw(processors())
    ordering = draw(st.sampled_from(ORDERINGS))
    locks = ordering in ("fp", "rm", "dm") and draw(st.booleans())
    tasks = []
    for index in range(draw(st.integers(1, 4))):
        period = draw(st.integers(4, 20))
        kinds = [Sporadic(kind="sporadic", mean_extra=3), Poisson(kind="poisson")]
        options: dict[str, Any] = {"jitter": draw(st.integers(0, 5))}
        if draw(st.integers(0, 2)) == 0:
            options["arrival"] = draw(st.sampled_from(kinds))
        if index and draw(st.integers(0, 3)) == 0:
            options = {"after": draw(st.integers(0, index - 1)), "probability": draw(st.sampled_from([0.5, 1.0]))}
        if draw(st.booleans()):
            options["execution"] = Uniform(kind="uniform", low=0.2, high=1.3)
        tasks.append(
            TaskSpec(
                index, str(index), draw(nodes(machines, locks)), period, draw(st.integers(1, 30)), index,
                offset=draw(st.integers(0, 9)), on_miss=draw(st.sampled_from(ON_MISS)),
                overlap=draw(st.integers(0, 4)) == 0, **options,
            )
        )  # fmt: skip
    costs = Overheads(scheduling=draw(st.integers(0, 1)), context_switch=draw(st.integers(0, 2)))
    alone = ["original-ceiling"] if len(machines) == 1 else []  # refused on several
    protocol = draw(st.sampled_from(["none", "inheritance", "ceiling", *alone]))
    system = SystemSpec(machines, tuple(tasks), protocols={"R": protocol, "S": protocol}, overheads=costs)
    policy = {
        "ordering": ordering,
        "placement": draw(st.sampled_from(PLACEMENTS)),
        "preemption": draw(st.sampled_from(["preemptive", "limited", "nonpreemptive"])),
    }
    return system, policy


def same(one: Trace, other: Trace) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("jobs", "slices", "decisions"))


def check(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    system, policy = case
    trace = run(system, scheduler(dict(policy)), until=60, seed=5, drain="all")
    assert trace.check() == []
    never = (trace.jobs["outcome"] == LATE) & (trace.jobs["finish"] < 0)
    assert trace.deadlock_count or not never.any(), "with drain all every job comes to an end, but for a deadlock"
    assert not (trace.jobs["outcome"] == UNFINISHED).any()
    assert same(trace, run(system, scheduler(dict(policy)), until=60, seed=5, drain="all"))
    short = run(system, scheduler(dict(policy)), until=60, seed=5)
    assert short.check() == []
    assert not (short.jobs["outcome"] == UNFINISHED).any(), "the drain reaches every deadline"
    preempted = (short.decisions["action"] == PREEMPT).sum()
    assert sum(processor.preemptions for processor in short.processors) >= preempted
    flat = run(system, scheduler(dict(policy)), until=60, seed=5, tally=Tally(system, 0))
    kept, streamed = summary(short), summary(flat)
    assert [task.misses for task in kept.tasks] == [task.misses for task in streamed.tasks]
    assert kept.processors == streamed.processors


SETTINGS: dict[str, Any] = {"suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=200, **SETTINGS)
@given(cases())
def test_invariants_hold_whatever_is_mixed(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=500, **SETTINGS)
@given(cases())
def test_invariants_hold_whatever_is_mixed_at_length(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    check(case)
