"""Servers under fixed priorities, on the examples of the textbooks."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched import units
from rtsched.errors import InputError, SchedulerError


def requests(budget: str, period: str, *jobs: tuple[float, float], deadline: str = "100 ms") -> dict[str, Any]:
    """A task of requests (arrival and length in ms) with a server."""
    times, lengths = [f"{at} ms" for at, _ in jobs], [f"{length} ms" for _, length in jobs]
    return {
        "name": "requests", "wcet": "5 ms", "deadline": deadline, "budget": budget, "server_period": period,
        "arrival": {"kind": "trace", "times": times, "execution": lengths},
    }  # fmt: skip


def periodic(name: str, wcet: str, period: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "wcet": wcet, "period": period, **more}


def schedule(policy: str, until: str, *tasks: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms."""
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": list(tasks)}, scheduler=policy, until=until)
    assert trace.check() == []
    names = [task["name"] for task in tasks]
    rows = [(trace.jobs["task"][s["job"]], s["start"] / units.MS, s["end"] / units.MS) for s in trace.slices]
    return [(names[task], float(start), float(end)) for task, start, end in rows]


def test_the_polling_server_of_the_book() -> None:
    """Buttazzo, figure 5.3: budget 2 each 5 between 1/4 and 2/6; it polls in vain at 1, at 11 with 1 left, and so on."""
    served = requests("2 ms", "5 ms", (2, 2), (8, 1), (12, 2), (19, 1))
    found = schedule("polling-server", "24 ms", periodic("a", "1 ms", "4 ms"), periodic("b", "2 ms", "6 ms"), served)
    assert [each for each in found if each[0] == "requests"] == [
        ("requests", 5, 7), ("requests", 10, 11), ("requests", 15, 16), ("requests", 17, 18), ("requests", 21, 22),
    ]  # fmt: skip
    assert [each for each in found if each[0] == "b"] == [
        ("b", 1, 3), ("b", 7, 8), ("b", 9, 10), ("b", 13, 15), ("b", 18, 20),
    ]  # fmt: skip


def test_a_request_is_in_time_while_the_server_waits_for_its_turn() -> None:
    """The poll of 5 comes at 7, when a is done: the request of 6 is there by then, that of 10.5 is too late at 10."""
    served = requests("1 ms", "5 ms", (6, 1), (10.5, 1))
    found = schedule("polling-server", "12 ms", periodic("a", "2 ms", "4.9 ms", offset="5 ms", count=1), served)
    assert [each for each in found if each[0] == "requests"] == [("requests", 7, 8), ("requests", 15, 16)]


def test_the_deferrable_server_of_the_book() -> None:
    """Liu, 7.2: budget 1 each 3, the most urgent. 0.2 before the budget is full again at 3, 1 after, 0.5 from 6 on."""
    served = requests("1 ms", "3 ms", (2.8, 1.7))
    tasks = (periodic("a", "1.5 ms", "3.5 ms", offset="2 ms"), periodic("b", "0.5 ms", "6.5 ms"))
    found = schedule("deferrable-server", "7 ms", *tasks, served)
    assert [each for each in found if each[0] == "requests"] == [("requests", 2.8, 4), ("requests", 6, 6.5)]


def test_the_sporadic_server_of_the_book_between_two_tasks() -> None:
    """Buttazzo, figure 5.17: budget 5 each 10. Active at 4 until 7, a's slice included: 2 come back at 14."""
    tasks = (periodic("a", "1 ms", "5 ms"), periodic("b", "4 ms", "15 ms"))
    served = requests("5 ms", "10 ms", (4, 2), (8, 2))
    assert schedule("sporadic-server", "11 ms", *tasks, served) == [
        ("a", 0, 1), ("b", 1, 4), ("requests", 4, 5), ("a", 5, 6), ("requests", 6, 7), ("b", 7, 8),
        ("requests", 8, 10), ("a", 10, 11),
    ]  # fmt: skip
    more = requests("5 ms", "10 ms", (4, 2), (8, 2), (11, 5))  # 1 is left; 2 come back at 14, 2 at 18
    found = [each for each in schedule("sporadic-server", "20 ms", *tasks, more) if each[0] == "requests"]
    assert found[3:] == [("requests", 11, 12), ("requests", 14, 15), ("requests", 16, 17), ("requests", 18, 20)]


def test_the_sporadic_server_of_the_book_before_all_tasks() -> None:
    """Figure 5.18: budget 2 each 8, used up by 4 and back at 10; a request waits from 6 on, and that is back at 18."""
    tasks = (periodic("a", "3 ms", "10 ms"), periodic("b", "4 ms", "15 ms"))
    served = requests("2 ms", "8 ms", (2, 2), (6, 2), (13, 1))
    found = schedule("sporadic-server", "20 ms", *tasks, served)
    assert [each for each in found if each[0] == "requests"] == [
        ("requests", 2, 4), ("requests", 10, 12), ("requests", 18, 19),
    ]  # fmt: skip


@pytest.mark.parametrize("policy", ["polling-server", "deferrable-server", "sporadic-server"])
def test_no_server_gives_more_than_its_budget_in_a_period(policy: str) -> None:
    """Always more asked for than there is: from one multiple of the period to the next, or from when it was active."""
    served = requests("2 ms", "7 ms", *((3.5 * k, 4.3) for k in range(25)), deadline="1 s")
    found = schedule(policy, "90 ms", periodic("a", "1 ms", "5 ms"), periodic("b", "3 ms", "9 ms"), served)
    mine = [(start, end) for name, start, end in found if name == "requests"]
    starts, length = [7.0 * k for k in range(12)], 7.0
    if policy == "sporadic-server":  # active for at most the 1 ms of a before it runs
        starts, length = [start for start, _ in mine], 6.0
    for begin in starts:
        assert sum(max(0, min(end, begin + length) - max(start, begin)) for start, end in mine) <= 2
    assert sum(end - start for start, end in mine if end <= 84) >= 20


@pytest.mark.parametrize("policy", ["polling-server", "deferrable-server", "sporadic-server"])
def test_what_they_do_not_know_is_refused(policy: str) -> None:
    tasks = [periodic("a", "1 ms", "5 ms", budget="2 ms"), periodic("b", "1 ms", "5 ms")]
    one = {"platform": "uniprocessor", "tasks": tasks}
    with pytest.raises(SchedulerError, match=f"{policy}: it serves one processor, and the tasks may use 2"):
        rtsched.simulate({**one, "platform": "multicore:2"}, scheduler=policy)
    with pytest.raises(SchedulerError, match=f"{policy}: a server is preempted"):
        rtsched.simulate({**one, "tasks": [{**tasks[0], "preemptive": False}]}, scheduler=policy)
    with pytest.raises(InputError, match="priorities: must be rm or file"):
        rtsched.simulate(one, scheduler={"name": policy, "priorities": "dm"})


def test_priorities_may_be_those_of_the_file() -> None:
    served = {**requests("2 ms", "5 ms", (0, 1)), "priority": 2}
    found = schedule(
        {"name": "sporadic-server", "priorities": "file"},
        "3 ms",
        {**periodic("a", "2 ms", "9 ms"), "priority": 1},
        served,
    )  # type: ignore[arg-type]
    assert found == [("a", 0, 2), ("requests", 2, 3)]
