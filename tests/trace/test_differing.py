"""Two runs beside each other: where they part, and what follows."""

from __future__ import annotations

import json

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.trace.differing import difference
from tests.helpers import cpus, edf, fp, simulate, task


def test_the_first_decision_that_differs_and_what_followed() -> None:
    tasks = [task(0, 2, 5), task(1, 4, 7)]
    found = difference(simulate(tasks, fp(), until=8), simulate(tasks, edf(), until=8))
    assert found.time == 5
    assert [[found.said(each) for each in those] for those in found.only] == [
        ["start a[1] on cpu0", "preempt b[0] on cpu0"],
        [],
    ]
    fates = {found.name(job): tuple(fate.response for fate in pair) for job, pair in found.jobs.items()}
    assert fates == {"b[0]": (8, 6), "a[1]": (2, 3)}
    assert found.alike == 2  # a[0], and b[1], which ends at 12 in both
    assert "Of 4 jobs 1 fare better in B, 1 worse; 2 finish alike." in found.text()


def test_equal_runs() -> None:
    tasks = [task(0, 2, 5), task(1, 4, 20)]
    found = difference(simulate(tasks, until=8), simulate(tasks, until=8))
    assert (found.time, found.only, found.jobs) == (None, ((), ()), {})
    assert found.text() == "Both runs decide the same, and every job fares the same."


def test_a_job_that_one_run_lacks() -> None:
    tasks = [task(0, 2, 5)]
    found = difference(simulate(tasks, until=5), simulate(tasks, until=10))
    assert found.time == 5
    assert found.text().splitlines()[-1].split() == ["a[1]", "no", "such", "job", "2", "ns", "ok"]
    back = difference(simulate(tasks, until=10), simulate(tasks, until=5))
    assert [[back.said(each) for each in those] for those in back.only] == [["start a[1] on cpu0"], []]


def test_many_jobs_are_cut_and_the_data_hold_all() -> None:
    tasks = [task(0, 2, 5), task(1, 4, 7)]
    found = difference(simulate(tasks, fp(), until=70), simulate(tasks, edf(), until=70))
    assert len(found.jobs) > 3
    assert found.text(most=3).endswith(f"… and {len(found.jobs) - 3} more")
    data = found.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert len(data["jobs"]) == len(found.jobs)
    assert data["alike"] + len(data["jobs"]) == 24


def test_other_tasks_and_no_trace_are_refused() -> None:
    one = simulate([task(0, 2, 5)], until=5)
    with pytest.raises(InputError, match="of the same tasks"):
        difference(one, simulate([task(0, 2, 5), task(1, 1, 5)], until=5, processors=cpus()))
    quiet = rtsched.simulate("dhall", trace=False)
    with pytest.raises(InputError, match="kept no trace"):
        difference(quiet, quiet)


def test_ids_stand_beside_the_names() -> None:
    tasks = [
        {"name": "a", "id": "REQ-2", "wcet": "2 ms", "period": "5 ms"},
        {"name": "b", "wcet": "4 ms", "period": "7 ms"},
    ]
    system = {"name": "s", "id": "REQ-1", "platform": "uniprocessor", "scheduler": "fp", "tasks": tasks}
    answer = difference(*(rtsched.simulate(system, scheduler=name, until="8 ms") for name in ("fp", "edf")))
    data = answer.to_dict()
    assert (data["id"], {each["job"][0]: each["id"] for each in data["jobs"]}) == ("REQ-1", {"a": "REQ-2", "b": None})
    assert "id" in answer.text()
    assert "REQ-2" in answer.text()
