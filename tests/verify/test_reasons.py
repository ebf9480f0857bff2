"""Each task that is not proven has a reason of its own."""

from __future__ import annotations

from typing import Any

from rtsched.verify.document import to_dict
from rtsched.verify.reasons import reason
from rtsched.verify.verification import verify

MS = 1_000_000


def reasons(*tasks: dict[str, Any], **more: Any) -> dict[str, str]:
    """By task, for a chip of one core."""
    platform = {"name": "chip", "processors": {"cpu": {"kind": "cpu"}}}
    found = verify({"platform": platform, "scheduler": "fp", "tasks": list(tasks), **more}, runs=0)
    made = {task.name: reason(found, task.index) for task in found.system.tasks}
    assert [task["reason"] for task in to_dict(found)["tasks"]] == list(made.values())
    return made


def task(name: str, wcet: float, period: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "wcet": int(wcet * MS), "period": int(period * MS), **more}


def test_what_is_proven_has_none_and_what_is_late_is_told_by_how_much_and_by_whom() -> None:
    made = reasons(task("a", 6, 10), task("b", 4, 20, deadline=8 * MS))
    assert made["a"] == ""
    assert made["b"].startswith("'b' may need")
    assert "interference by a" in made["b"]


def test_who_is_in_nobodys_way_is_told_who_is_in_its_own() -> None:
    made = reasons(task("a", 1, 10), task("loose", 1, 10, arrival={"kind": "poisson"}))
    assert made["a"].startswith(
        "nothing of its own is in the way, but it shares cpu with others, of which: the arrivals"
    )
    assert made["loose"].startswith("the arrivals of 'loose' are poisson")
    assert "to make it provable: give 'loose' a minimum distance" in made["loose"]


def test_an_overload_names_the_task_at_which_the_tests_end() -> None:
    made = reasons(task("a", 9, 10), task("b", 9, 20), task("c", 1, 30), scheduler="edf")
    assert all(made.values())
    assert len(set(made.values())) >= 2


def test_a_miss_that_was_seen_is_the_reason() -> None:
    platform = {"name": "chip", "processors": {"cpu": {"kind": "cpu"}}}
    tasks = [task("a", 6, 10), task("b", 4, 20, deadline=8 * MS)]
    found = verify({"platform": platform, "scheduler": "fp", "tasks": tasks, "simulate": {"until": 60 * MS}}, runs=1)
    assert "in simulation; 'b' may need" in reason(found, 1)
