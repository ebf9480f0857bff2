"""Every instant of every job has one cause: of the whole catalogue, and of random systems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rtsched
from rtsched.engine.simulation import run
from rtsched.errors import RtschedError
from rtsched.trace.causes import explanation
from rtsched.trace.causes.explanation import explain
from rtsched.trace.causes.pieces import AHEAD, ANSWERED, HIGHER, LOWER, UNEXPLAINED
from rtsched.trace.trace import ABORTED, DROPPED, Trace
from rtsched.verify.acting import scheduler_of
from rtsched.verify.documents import random_document
from rtsched.verify.draw import Draw
from rtsched.verify.pencil import FOCI

WORKLOADS = sorted(path.stem for path in (Path(__file__).parents[3] / "workloads").glob("*.yaml"))


def wrong(trace: Trace, job: int) -> str:
    """What does not hold of a job's explanation; empty if all does. Its end is found anew, from the tables alone."""
    row = trace.jobs[job]
    gone = trace.logged[(trace.logged["job"] == job) & np.isin(trace.logged["action"], (5, 6))]["time"].tolist()
    given_up = row["outcome"] in (DROPPED, ABORTED)
    end = int(row["finish"]) if row["finish"] >= 0 else gone[0] if given_up else trace.end
    pieces = explain(trace, job).pieces
    edges = [int(row["arrival"]), *(piece.end for piece in pieces)]
    if [piece.start for piece in pieces] != edges[:-1] or edges[-1] != end:
        return f"pieces {pieces} are not [{edges[0]}, {end})"
    if any(piece.end <= piece.start or piece.cause in (ANSWERED, UNEXPLAINED) for piece in pieces):
        return f"pieces {pieces}: empty, or not explained"
    if any(piece.culprits == () for piece in pieces if piece.cause in (HIGHER, LOWER, AHEAD)):
        return f"pieces {pieces} blame nobody"
    return ""


def check(trace: Trace) -> None:
    """No job of a trace is explained wrongly."""
    found = {job: said for job in range(len(trace.jobs)) if (said := wrong(trace, job))}
    assert not found


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_job_of_the_catalogue(name: str) -> None:
    check(rtsched.simulate(name, until="120 ms", reasons=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKLOADS)
def test_every_job_of_the_catalogue_to_its_end(name: str) -> None:
    check(rtsched.simulate(name, reasons=True))


def random_run(seed: int) -> Trace | None:
    """A run of a random system of the fuzzer, under its policy; None where the policy refuses it."""
    try:
        _, (system, policy) = random_document(Draw(np.random.default_rng([77, seed])), FOCI[seed % len(FOCI)])
        until = 4 * max(task.period or task.deadline for task in system.tasks)
        return run(system, scheduler_of(policy), until=until, seed=seed, most_events=20_000, reasons=True)
    except RtschedError:
        return None


def check_random(seeds: range) -> None:
    """No job of the random runs of these seeds is explained wrongly."""
    jobs = 0
    for seed in seeds:
        trace = random_run(seed)
        if trace is not None:
            check(trace)
            jobs += len(trace.jobs)
    assert jobs > 10 * len(seeds)


def test_every_job_of_random_systems() -> None:
    check_random(range(120))


@pytest.mark.slow
def test_every_job_of_many_random_systems() -> None:
    check_random(range(1000, 2500))


def test_asking_for_reasons_changes_nothing_else() -> None:
    for name in ("priority_inversion_inheritance", "band_phone", "gpu_priorities"):
        plain = rtsched.simulate(name, until="200 ms")
        asked = rtsched.simulate(name, until="200 ms", reasons=True)
        assert plain.reasons is None
        assert asked.reasons is not None
        for table in ("jobs", "slices", "logged", "locks", "changes", "waves"):
            assert getattr(plain, table).tobytes() == getattr(asked, table).tobytes()
        assert (plain.events, plain.dispatches) == (asked.events, asked.dispatches)


def test_the_sums_notice_what_is_left_out_or_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = rtsched.simulate("priority_inversion_lock", reasons=True)
    assert wrong(trace, 0) == ""
    plain = explanation.away
    monkeypatch.setattr(explanation, "away", lambda *_: iter(()))
    assert "are not [0, 17000000)" in wrong(trace, 0)
    monkeypatch.setattr(explanation, "away", lambda *given: [*plain(*given), *plain(*given)])
    assert "are not [0, 17000000)" in wrong(trace, 0)
