"""More work than there are processors is refuted, also where the policy does not even begin; and what factors scale."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.errors import SchedulerError
from rtsched.report import facts
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.verify import words
from rtsched.verify.document import to_dict
from rtsched.verify.verification import Verification, verify
from tests.cli.command import answer, rtsched

DUAL = {"name": "dual", "processors": {"cpu": {"kind": "cpu", "cores": 2}}}


def found(C: int, scheduler: Any, runs: int = 1, **more: Any) -> Verification:
    """Four tasks of C ms each 10 ms on two cores."""
    tasks = [{"name": name, "wcet": f"{C} ms", "period": "10 ms"} for name in "abcd"]
    return verify({"name": "s", "platform": DUAL, "scheduler": scheduler, "tasks": tasks} | more, runs=runs)


@pytest.mark.parametrize("scheduler", ["run", "ekg", "dp-wrap"])
def test_a_load_above_the_processors_is_refuted_whoever_refuses_it(scheduler: str) -> None:
    """U = 2.4 on two cores; what is left of the times at 0.833 is 2, which an optimal policy takes."""
    late = found(6, scheduler)
    assert late.verdict == "unschedulable"
    assert float(late.breakdown or 0) == pytest.approx(0.833, abs=1e-3)
    assert [bound.deadline for bound in late.bounds] == [10_000_000] * 4
    assert float(late.sensitivity["a"].C or 0) == 0.333  # 2 of 6 ms: 20 less three times 6
    if scheduler != "dp-wrap":  # which runs what it cannot serve
        assert (late.observation, late.unrun) == (None, "the tasks load 2.400 processors, and there are 2")
        assert to_dict(late)["unrun"] == late.unrun
        assert "Nothing was simulated: the policy does not run this system (the tasks load" in html(
            Report(late, "2026-01-31")
        )
    assert found(5, scheduler).verdict == "schedulable"
    assert found(5, scheduler).unrun == ""


def test_what_is_refused_for_another_reason_is_no_refutation() -> None:
    """EKG in groups of one wants a processor for each, though 1.8 processors are asked for."""
    tasks = [{"name": name, "wcet": "6 ms", "period": "10 ms"} for name in "abc"]
    one = {"platform": DUAL, "scheduler": {"name": "ekg", "k": 1}, "tasks": tasks}
    assert verify(one, runs=0).verdict == "unknown"
    with pytest.raises(SchedulerError, match="want a processor each"):
        verify(one, runs=1)


def test_the_command_says_that_nothing_was_run() -> None:
    more = ("dhall", "--scheduler", "run", "--set", "tasks.heavy.wcet=40 ms", "--runs", "1")
    assert (
        "nothing was simulated: the policy does not run this system (the tasks load" in rtsched("analyse", *more).stdout
    )
    assert answer("analyse", *more)["simulated"] is None


def test_a_factor_says_that_it_scales_what_switches_cost() -> None:
    plain, switching = found(2, "fp", runs=0), found(2, "fp", runs=0, overheads={"context_switch": "10 us"})
    assert "(all execution times together may grow" in words.verdict(plain)
    assert "(all execution times, with what switches cost, together may grow" in words.verdict(switching)
    assert "all execution times, with what switches cost, together may grow" in facts.breakdown(switching)
    assert "its execution time (C, what switches cost in it)" in words.margins(switching)
    assert "its execution time (C)" in words.margins(plain)
