"""Explanations as people read them."""

from __future__ import annotations

import json

import rtsched
from rtsched.trace.causes.pieces import WORDS
from tests.helpers import edf, fp, task
from tests.trace.causes.test_causes import simulate


def test_the_counterexample_of_the_drone() -> None:
    system = rtsched.load("drone_xavier_nx", overrides=["tasks.landing_seg.offset=33333332ns"])
    trace = rtsched.simulate(system, until="100 ms", reasons=True)
    lines = str(trace.explain("obstacle_det", 1)).splitlines()
    assert lines[:4] == [
        "obstacle_det[1] missed by 10.65 ms: response 43.99 ms, deadline 33.33 ms.",
        "",
        "38.46 ms  blocked: landing_seg[0], less urgent (deadline at 133.3 ms, after 66.67 ms), began 1 ns earlier, and gpu "
        "never interrupts a node",
        "5.526 ms  own work on gpu",
    ]


def test_locks_in_words() -> None:
    trace = rtsched.simulate("priority_inversion_lock", reasons=True)
    text = str(trace.explain("high", 0))
    assert "6 ms  blocked: low[0] held R, and middle[0] ran instead of it (priority inversion)" in text
    assert "3 ms  blocked: low[0] held R\n" in text
    trace = rtsched.simulate("priority_inversion_inheritance", reasons=True)
    assert "blocked: low[0] held R, and ran at the urgency that this lent it" in str(trace.explain("middle", 0))


def test_a_ceiling_in_words() -> None:
    both = [f"resources.{name}.protocol=original-ceiling" for name in "RS"]
    trace = rtsched.simulate(rtsched.load("chained_blocking", overrides=both), reasons=True)
    text = str(trace.explain("middle", 0))
    assert "3 ms  blocked by the ceiling of R, which low[0] held; it wanted S\n" in text
    assert "1 ms  blocked: low[0] held R\n" in str(trace.explain("high", 0))
    assert trace.explain("middle", 0).sums["lock"] == 3_000_000


def test_a_deadlock_in_words() -> None:
    """Who holds what this one wants, not this one itself."""
    trace = rtsched.simulate("deadlock", reasons=True)
    assert "26 ms  blocked: low[0] held R, and waited in turn: a deadlock\n" in str(trace.explain("high", 0))
    assert "26 ms  blocked: high[0] held S, and waited in turn: a deadlock\n" in str(trace.explain("low", 0))


def test_a_resource_of_any_name_in_words() -> None:
    held = {"resource": "a, b", "start": 0, "length": 3}
    system = {
        "platform": "uniprocessor",
        "scheduler": "fp",
        "resources": {"a, b": {"protocol": "inheritance"}},
        "tasks": [
            {"name": "high", "wcet": 3, "release": 1, "deadline": 9, "sections": [held]},
            {"name": "low", "wcet": 4, "release": 0, "deadline": 9, "sections": [held]},
        ],
    }
    text = str(rtsched.simulate(system, until=5, reasons=True).explain("high", 0))
    assert "2 ns  blocked: low[0] held a, b\n" in text


def test_ties_say_by_what_they_go() -> None:
    trace = simulate([task(0, 2, 10), task(1, 2, 10)], edf(), until=10)
    assert "(a tie, and its task comes first in the system)" in str(trace.explain("b", 0))


def test_many_jobs_of_a_task_are_counted() -> None:
    trace = simulate([task(0, 1, 4), task(1, 12, 40)], until=30)
    assert "4 ns  behind 4 jobs of a on cpu0, more urgent (priority 0, before 1)" in str(trace.explain("b", 0))


def test_what_never_ended() -> None:
    trace = simulate([task(0, 9, 10), task(1, 4, 10, on_miss="abort")], fp(), until=30)
    assert str(trace.explain("b", 0)).startswith(
        "b[0] was aborted 10 ns after its arrival; deadline 10 ns.\nGiven up: its "
    )


def test_the_dictionary_is_plain_and_whole() -> None:
    trace = rtsched.simulate("priority_inversion_lock", reasons=True)
    found = trace.explain("high", 0).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert (found["job"], found["outcome"], found["response"], found["span"]) == (
        "high[0]",
        "late",
        13_000_000,
        13_000_000,
    )
    assert found["causes"] == {"running": 4_000_000, "lock": 3_000_000, "inversion": 6_000_000}
    assert sum(piece["end"] - piece["start"] for piece in found["pieces"]) == found["span"]
    assert found["pieces"][1]["culprits"] == ["middle[0]", "low[0]"]
    assert set(found["causes"]) <= set(WORDS)
