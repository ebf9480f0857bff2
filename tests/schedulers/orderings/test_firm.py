"""(m,k)-firm deadlines: distances and patterns, by hand and against what they promise."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw
from rtsched.schedulability.theorems.weakly_hard import satisfies
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS

OVERLOAD = {
    "platform": "uniprocessor",
    "tasks": [
        {"name": name, "wcet": "3 ms", "period": "4 ms", "on_miss": "abort"} for name in "ab"
    ],
}  # fmt: skip


def run(system: Any, policy: Any, until: str = "40 ms") -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def pieces(trace: Trace) -> list[tuple[int, int, int]]:
    """(task, start, end) in ms."""
    tasks = trace.jobs["task"]
    return [(int(tasks[s["job"]]), int(s["start"]) // MS, int(s["end"]) // MS) for s in trace.slices]


def missed(trace: Trace, task: int) -> list[bool]:
    """Whether each job of a task missed, in the order of release."""
    jobs = trace.jobs[trace.jobs["task"] == task]
    return [int(outcome) != OK for outcome in jobs["outcome"]]


def test_two_tasks_of_three_quarters_take_turns() -> None:
    """Both begin at distance 2. a runs first (3 ms), b is late: 1 for it at 4 ms, 2 for a: b runs, and so on."""
    trace = run(OVERLOAD, "dbp-style")
    assert [missed(trace, task) for task in (0, 1)] == [[False, True] * 5, [True, False] * 5]
    starved = run(OVERLOAD, "edf")
    assert not satisfies(missed(starved, 1), 1, 2)


def test_the_distance_is_that_of_the_release() -> None:
    """(2,3) for a, (1,3) for b: a is at 2, b at 3; after one miss b is at 2, too, and a, the first in the file, goes again.

    At 8 ms b has failed twice, distance 1, and runs; a fails once, distance 1 at 12 ms beside b's 3.
    """
    trace = run(OVERLOAD, {"ordering": {"name": "dbp-style", "tasks": {"a": [2, 3], "b": [1, 3]}}}, "24 ms")
    assert missed(trace, 0) == [False, False, True, False, False, True]
    assert missed(trace, 1) == [True, True, False, True, True, False]


def test_patterns_choose_what_is_mandatory() -> None:
    """Jobs 0 and 2 of four of a go before b, whose period is longer; 1 waits behind b. Deep-red: 0 and 1 go before it."""
    system = {
        "platform": "uniprocessor",
        "tasks": [
            {"name": "a", "wcet": "3 ms", "period": "4 ms", "on_miss": "abort"},
            {"name": "b", "wcet": "2 ms", "period": "6 ms", "on_miss": "abort"},
        ],
    }
    every_b: dict[str, Any] = {"name": "e-pattern-style", "tasks": {"a": [2, 4], "b": [2, 2]}}
    trace = run(system, {"ordering": every_b}, "12 ms")
    assert pieces(trace)[:2] == [(0, 0, 3), (1, 3, 5)]
    red = run(system, {"ordering": {**every_b, "pattern": "deep-red"}}, "12 ms")
    assert pieces(red)[:3] == [(0, 0, 3), (1, 3, 4), (0, 4, 7)]


@pytest.mark.parametrize("pattern", ["even", "deep-red"])
def test_where_the_mandatory_jobs_fit_every_window_holds(pattern: str) -> None:
    """Alone on the processor, without the optional jobs, the mandatory ones are in time; so they are beside them."""
    asked = Generate(
        platform="uniprocessor", tasks=3, utilisation=1.2, periods={"longest": "30 ms"}, task={"on_miss": "abort"}
    )  # type: ignore[arg-type]
    policy = {"ordering": {"name": "e-pattern-style", "m": 1, "k": 2, "pattern": pattern}}
    held = 0
    for index in range(25):
        system = draw(asked, seed=5, index=index)
        trace = run(system, policy, "600 ms")
        wanted = trace.jobs["index"] % 2 == 0
        if (trace.jobs["outcome"][wanted] == OK).all():
            held += 1
            for task in range(3):
                assert satisfies(missed(trace, task)[:-1], 1, 2)
    assert held > 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"m": 3, "k": 2}, r"m and k: must be whole numbers, 1 <= m <= k \(found \(3, 2\)\)"),
        ({"tasks": {"a": 2}}, r"tasks: a: must be whole numbers"),
        ({"tasks": {"z": [1, 2]}}, r"no task is called 'z'; there are a, b"),
    ],
)
@pytest.mark.parametrize("name", ["dbp-style", "e-pattern-style"])
def test_what_is_no_constraint_is_refused(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        run(OVERLOAD, {"ordering": {"name": name, **options}})


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="pattern: must be even or deep-red"):
        run(OVERLOAD, {"ordering": {"name": "e-pattern-style", "pattern": "odd"}})
