"""Jobs at known instants on one preemptive processor: Horn's rule and fixed priorities, against the engine."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

import rtsched
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.schedulability.search.margins import breakdown, sensitivity
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.preemptive_jobs import (
    Job,
    PreemptiveJobs,
    completions,
    fp_releases,
    horn_edf,
    overload,
)
from rtsched.verify.verification import Verification, verify

MS = 1_000_000


def listed(rows: list[tuple[int, int, int]], order: Any = "EDF", jitter: int = 0) -> PreemptiveJobs:
    """Jobs out of (release, C, absolute deadline), each of its own task, by their place in priority."""
    jobs = tuple(Job(f"j{i}", r, r + jitter, 1, C, d, i, i) for i, (r, C, d) in enumerate(rows))
    return PreemptiveJobs(jobs, tuple(job.name for job in jobs), order)


def described(order: str, tasks: str) -> System:
    """A system of one core."""
    return validate(System, parse_yaml(f"platform: uniprocessor\nscheduler: {{ordering: {order}}}\n{tasks}"))


def verified(order: str, tasks: str, runs: int = 3) -> Verification:
    """What is known of it."""
    return verify(described(order, tasks), runs=runs)


def test_the_textbook_example_is_decided() -> None:
    found = verify("buttazzo_horn", runs=0)
    assert (found.verdict, found.proven) == ("schedulable", True)
    assert [bound.wcrt for bound in found.bounds] == [1 * MS, 5 * MS, 2 * MS, 6 * MS, 2 * MS]
    assert all(bound.exact and bound.test == "horn-edf" for bound in found.bounds)
    assert found.breakdown == 1


@pytest.mark.parametrize("order", ["fp", "edf"])
def test_ends_are_those_of_the_engine(order: str) -> None:
    chosen = random.Random(7)
    for _ in range(60):
        rows = []
        for _ in range(chosen.randint(1, 8)):
            release = chosen.randint(0, 12)
            rows.append((release, chosen.randint(1, 5), release + chosen.randint(1, 14)))
        model = listed(rows, order.upper())
        jobs = "\n".join(
            f"  - {{name: j{i}, release: {r} ns, wcet: {C} ns, deadline: {d} ns}}" for i, (r, C, d) in enumerate(rows)
        )
        system = described(order, f"simulate: {{drain: all}}\njobs:\n{jobs}")
        trace = rtsched.simulate(system)
        ends = dict(zip(trace.jobs["task"].tolist(), trace.jobs["finish"].tolist(), strict=True))
        assert completions(model) == [ends[i] for i in range(len(rows))]
        late = any(end > row[2] for end, row in zip(completions(model), rows, strict=True))
        theorem = horn_edf if order == "edf" else fp_releases
        assert theorem(model).verdict == ("unschedulable" if late else "schedulable")


def test_demand_with_jitter_is_exact() -> None:
    """Against every combination of releases of small sets."""
    from itertools import product

    chosen = random.Random(3)
    seen = {"schedulable": 0, "unschedulable": 0}
    for _ in range(80):
        rows = []
        for _ in range(chosen.randint(2, 4)):
            release = chosen.randint(0, 6)
            rows.append((release, chosen.randint(1, 3), release + chosen.randint(3, 9)))
        model = listed(rows, jitter=2)
        failing = False
        for delays in product(range(3), repeat=len(rows)):
            moved = [(r + delay, C, d) for (r, C, d), delay in zip(rows, delays, strict=True)]
            ends = completions(listed(moved))
            failing |= any(end > row[2] for end, row in zip(ends, rows, strict=True))
        result = horn_edf(model)
        assert result.verdict == ("unschedulable" if failing else "schedulable")
        assert (overload(model.jobs) is not None) == failing
        seen[result.verdict] += 1
    assert min(seen.values()) > 10


def test_a_late_job_is_named() -> None:
    result = horn_edf(listed([(0, 9, 24), (3, 20, 25)]))
    assert result.verdict == "unschedulable"
    assert result.first_failure is not None
    assert (result.first_failure.task, result.first_failure.needed, result.first_failure.available) == ("j1", 26, 22)
    assert result.responses == [9, 26]


def test_recorded_arrivals_are_decided_as_they_are() -> None:
    """Two of them come within a period in which both would not fit at every phase: these instants do."""
    tasks = """tasks:
  - {name: a, wcet: 4 ms, deadline: 8 ms, arrival: {kind: trace, times: [0 ms, 5 ms, 30 ms]}}
  - {name: b, wcet: 5 ms, deadline: 9 ms, arrival: {kind: trace, times: [10 ms, 20 ms]}}
"""
    for order, test in (("edf", "horn-edf"), ("fp", "fp-releases")):
        found = verified(order, tasks)
        assert found.verdict == "schedulable"
        assert [(bound.wcrt, bound.test) for bound in found.bounds] == [(4 * MS, test), (5 * MS, test)]


def test_deadlines_of_their_own() -> None:
    tasks = """tasks:
  - {name: a, wcet: 4 ms, deadline: 8 ms, arrival: {kind: trace, times: [0 ms, 10 ms], deadlines: [4 ms, 9 ms]}}
  - {name: b, wcet: 5 ms, deadline: 5 ms, release: 10 ms}
"""
    found = verified("edf", tasks)
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [9 * MS, 5 * MS]
    crossed = tasks.replace("[4 ms, 9 ms]", "[20 ms, 5 ms]")  # the second is due first, and has to wait for the first
    assert all(bound.test != "horn-edf" for bound in verify(described("edf", crossed), runs=0).bounds)


@pytest.mark.parametrize(
    ("order", "more", "test"),
    [
        ("edf", "jitter: 1 ms", "horn-edf"),
        ("fp", "jitter: 1 ms", None),
        ("fifo", "", None),
        ("edf", "preemptive: false", None),
        ("edf", "execution: {kind: uniform, low: 0.5, high: 1.5}", "horn-edf"),
    ],
)
def test_where_it_applies(order: str, more: str, test: str | None) -> None:
    tasks = f"tasks:\n  - {{name: a, wcet: 2 ms, release: 0 ms, deadline: 9 ms{', ' * bool(more)}{more}}}\n"
    tasks += "  - {name: b, wcet: 3 ms, release: 1 ms, deadline: 9 ms}\n"
    part = verified(order, tasks).analysis.parts[0]
    names = {item.theorem.name for item in part.applied}
    assert (test in names) if test else names.isdisjoint({"horn-edf", "fp-releases"})


def test_overheads_count_and_are_not_exact() -> None:
    tasks = "overheads: {context_switch: 100 us}\ntasks:\n"
    tasks += "  - {name: a, wcet: 2 ms, release: 0 ms, deadline: 9 ms}\n"
    tasks += "  - {name: b, wcet: 1 ms, release: 1 ms, deadline: 3 ms}\n"
    found = verified("edf", tasks)
    assert found.verdict == "schedulable"
    assert not any(bound.exact for bound in found.bounds)
    assert (found.bounds[1].wcrt or 0) >= 1_100_000


def test_margins_of_jobs() -> None:
    model = listed([(0, 2_000, 5_000), (1_000, 2_000, 9_000)])
    assert breakdown([model]) == Fraction(9, 4)
    margins = sensitivity([model], ["j0", "j1"])
    assert [(margin.C, margin.T) for margin in margins] == [(Fraction(5, 2), None), (Fraction(7, 2), None)]


def test_too_many_jobs_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.schedulability.theorems.preemptive_jobs.MOST_JOBS", 1)
    with pytest.raises(NotConverged):
        completions(listed([(0, 1, 2), (0, 1, 2)]))
    assert horn_edf(listed([(0, 1, 2), (0, 1, 2)])).verdict == "unknown"
