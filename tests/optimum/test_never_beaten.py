"""No policy reaches more than the bound: on random systems with all that the engine has, under all kinds of policies."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import api
from rtsched.engine.simulation import run
from rtsched.errors import InputError, RtschedError
from rtsched.optimum import of_window
from rtsched.optimum.draws import DrawnJob
from rtsched.schedulers.base import Scheduler
from rtsched.verify.acting import Acting, scheduler_of
from rtsched.verify.documents import random_document
from rtsched.verify.draw import Draw
from rtsched.verify.pencil import FOCI

pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")

POLICIES = (
    "edf", "llf", "edf+nonpreemptive", "fifo+nonpreemptive", "sjf+limited", "edf+earliest-finish", "edf+subflow",
    "edf+early-exit", "band-heft", "band-lsf",
)  # fmt: skip
#: Foci that are refused as a whole, or nearly: nothing is bounded there.
BOUNDED = tuple(focus for focus in FOCI if focus not in ("blocks", "faults"))
MOST = 40


def policies(own: dict[str, Any]) -> list[Scheduler]:
    """The system's own, several known ones, and some that act at random."""
    acting = own.get("name") in ("acting", "stranger") or isinstance(own.get("adaptation"), dict)
    named = [*([] if acting else [scheduler_of(own)]), *map(api.scheduler, POLICIES)]
    return [*named, *(Acting(seed) for seed in range(3)), Acting(3, "nonpreemptive")]


def beaten(number: int) -> tuple[int, str]:
    """How many runs were held against the bound of a random window, and what broke it."""
    draw = Draw(np.random.default_rng([20, number]))
    document, (spec, own) = random_document(draw, draw.pick(BOUNDED))
    longest = max(task.deadline for task in spec.tasks)
    until, seed = max(2, draw.integer(longest // 2 + 1, longest * 3)), draw.integer(0, 99)
    try:
        best = of_window(spec, until, seed, effort=1)
    except InputError:
        return 0, ""
    if best.nodes > MOST:
        return 0, ""
    runs = 0
    for policy in policies(own):
        with suppress(RtschedError):  # not every policy can run every system
            trace = run(spec, policy, until=until, seed=seed, most_events=100_000)
            runs += 1
            reached = rtsched.evaluate(trace, "worth")["worth"] or 0.0
            if reached > best.bound + 1e-9:
                return runs, f"{number}: {policy.describe()} reached {reached}, the bound is {best.bound}: {document}"
    return runs, ""


def test_no_policy_exceeds_the_bound() -> None:
    found = [beaten(number) for number in range(8)]
    assert [text for _, text in found if text] == []
    assert sum(runs for runs, _ in found) > 40


@pytest.mark.slow
def test_no_policy_exceeds_the_bound_on_a_thousand_windows() -> None:
    windows = number = 0
    while windows < 1000:
        runs, text = beaten(number)
        assert not text
        windows += runs > 0
        number += 1


def test_a_bound_that_is_too_low_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the model is wrong: every node takes twice as long as in a run."""
    monkeypatch.setattr(DrawnJob, "takes", lambda self, node, time: 2 * time)
    assert any(beaten(number)[1] for number in range(8))
