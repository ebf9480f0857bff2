"""A trace as tables: names for numbers, decisions in order, files whole."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rtsched.errors import InputError
from rtsched.export.tables import columns, write_csv
from rtsched.model.system import Overheads
from rtsched.trace.trace import ACTIONS, Trace
from tests.helpers import cpus, simulate, task


def overloaded() -> Trace:
    """a takes the core from b at 5; b misses, and its second job is aborted."""
    return simulate([task(0, 2, 5), task(1, 4, 7, on_miss="abort")], until=10)


def decided(trace: Trace) -> list[str]:
    """Every decision as ``time action job processor``."""
    tasks = trace.system.tasks
    rows = []
    for row in trace.decisions:
        job = trace.jobs[row["job"]]
        rows.append(
            f"{row['time']} {ACTIONS[row['action']]} {tasks[job['task']].name}{job['index']} p{row['processor']}"
        )
    return rows


def test_decisions_are_complete_and_in_order() -> None:
    assert decided(overloaded()) == [
        "0 start a0 p0", "2 start b0 p0", "5 preempt b0 p0", "5 start a1 p0", "7 abort b0 p-1", "7 start b1 p0",
    ]  # fmt: skip


def test_migrations_and_resumes_are_told_apart() -> None:
    tasks = [task(0, (2, 2), 20, offset=1), task(1, (4, 4), 20, offset=1), task(2, (6, 6), 20)]
    trace = simulate(tasks, processors=cpus(2), until=2)
    assert decided(trace) == ["0 start c0 p0", "1 preempt c0 p0", "1 start a0 p1", "1 start b0 p0", "3 migrate c0 p1"]
    alone = simulate([task(0, 2, 20, offset=1), task(1, 6, 20)], until=2)
    assert decided(alone) == ["0 start b0 p0", "1 preempt b0 p0", "1 start a0 p0", "3 resume b0 p0"]


def test_a_start_is_decided_before_its_overhead() -> None:
    trace = simulate([task(0, 2, 20, offset=5), task(1, 3, 20)], until=6, overheads=Overheads(context_switch=1))
    assert decided(trace) == ["0 start b0 p0", "5 start a0 p0"]


def test_csv_has_names_and_nanoseconds(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_csv(overloaded(), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["decisions.csv", "jobs.csv", "slices.csv"]
    with open(folder / "jobs.csv", newline="") as stream:
        jobs = list(csv.DictReader(stream))
    assert [(row["task"], row["index"], row["finish"], row["outcome"]) for row in jobs] == [
        ("a", "0", "2", "ok"), ("b", "0", "-1", "aborted"), ("a", "1", "7", "ok"), ("b", "1", "11", "ok"),
    ]  # fmt: skip
    with open(folder / "slices.csv", newline="") as stream:
        first = next(csv.DictReader(stream))
    assert first == {
        "start": "0", "end": "2", "job": "0", "node": "a", "processor": "cpu0", "reason": "completed", "task": "a",
        "index": "0",
    }  # fmt: skip


def test_a_file_in_the_way_is_an_error_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="cannot be made"):
        write_csv(overloaded(), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_unknown_tables_are_refused() -> None:
    with pytest.raises(InputError, match="no table is called 'joobs'; known: jobs, slices, decisions"):
        columns(overloaded(), "joobs")
