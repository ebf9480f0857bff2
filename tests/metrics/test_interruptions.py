"""The metrics `preemptions` and `migrations`: how often work is interrupted, and goes on elsewhere, a job."""

from __future__ import annotations

import rtsched


def figures(policy: str) -> tuple[object, object]:
    """Two cores; a and b (2 of 3 ms) and c (2 of 3 ms) together fill them: somebody has to be split."""
    system = {
        "platform": "multicore:2",
        "tasks": [{"name": name, "wcet": "2 ms", "period": "3 ms"} for name in "abc"],
        "simulate": {"until": "3 ms"},
    }
    found = rtsched.evaluate(rtsched.simulate(system, scheduler=policy), ["preemptions", "migrations"])
    return found["preemptions"], found["migrations"]


def test_a_job_across_the_cut_is_interrupted_once_and_moves_once() -> None:
    """McNaughton: a has [0, 2) of core 0; b [2, 3) of it and [0, 1) of core 1; c [1, 3) of core 1. b of three jobs moves."""
    assert figures("dp-wrap") == (1 / 3, 1 / 3)


def test_who_runs_to_the_end_is_never_interrupted() -> None:
    assert figures("fifo+nonpreemptive") == (0, 0)
