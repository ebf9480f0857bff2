"""A trace as CSV files, numpy arrays or pandas frames, with names instead of numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.export.exporter import exporter
from rtsched.files import STANDARD_OUTPUT, make_folder, write_whole
from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.trace import ACTIONS, CHANGES_KINDS, LOCKINGS, OUTCOMES, REASONS, Trace
from rtsched.visible import cell

TABLES = (
    "jobs", "slices", "decisions", "changes", "waves", "waits", "answers", "choices", "locks", "batches", "launches",
    "inputs", "splits",
)  # fmt: skip


def columns(trace: Trace, table: str) -> dict[str, list[Any]]:
    """The columns of a table by name: times in ns (-1: never), tasks, nodes, processors and codes as text.

    Where a task has an id, each table with a column of tasks has one of their ids, too (empty: it has none).
    """
    if table not in TABLES:
        raise InputError(f"no table is called {table!r}; known: {', '.join(TABLES)}")
    found = _columns(trace, table)
    ids = {task.name: task.id for task in trace.system.tasks if task.id is not None}
    return {**found, "id": [ids.get(name, "") for name in found["task"]]} if ids and "task" in found else found


def _columns(trace: Trace, table: str) -> dict[str, list[Any]]:
    rows = getattr(trace, table)
    tasks = trace.system.tasks
    raw = {name: rows[name].tolist() for name in rows.dtype.names}
    if table == "jobs":
        raw["task"] = [tasks[index].name for index in raw["task"]]
        raw["outcome"] = [OUTCOMES[code] for code in raw["outcome"]]
        return {"job": list(range(len(rows))), **raw}
    if table == "changes":
        places = dict(enumerate(processor.name for processor in trace.system.processors))
        what = [CHANGES_KINDS[code] for code in raw["what"]]
        named = zip(raw.pop("subject"), what, strict=True)
        named_by = {"reserve": list(trace.system.reservable), "spawn": [task.name for task in tasks]}
        subjects = [
            f"trip {n}" if kind == "temperature" else named_by[kind][n] if kind in named_by else places.get(n, "")
            for n, kind in named
        ]
        return {"time": raw["time"], "what": what, "subject": subjects, "value": raw["value"]}
    if table == "inputs":
        return _inputs(trace)
    owner = trace.jobs["task"][rows["job"]].tolist()
    if table == "answers":
        return {**raw, "task": [tasks[index].name for index in owner], **_ways(trace, rows)}
    names = [[node.name for node in task.pieces] for task in tasks]
    raw["node"] = [names[task][node] if node >= 0 else "" for task, node in zip(owner, raw["node"], strict=True)]
    if table == "choices":
        raw["variant"] = [_way(tasks[task], number) for task, number in zip(owner, raw["variant"], strict=True)]
        return {**raw, "task": [tasks[task].name for task in owner]}
    if table == "locks":
        raw["resource"] = [trace.resources[number] for number in raw["resource"]]
        raw["what"] = [LOCKINGS[code] for code in raw["what"]]
        index = trace.jobs["index"][rows["job"]].tolist()
        return {**raw, "task": [tasks[task].name for task in owner], "index": index}
    machines = [processor.name for processor in trace.system.processors]
    raw["processor"] = [machines[index] if index >= 0 else "" for index in raw["processor"]]
    if table == "slices":
        raw["reason"] = [REASONS[code] for code in raw["reason"]]
    elif table == "decisions":
        raw["action"] = [ACTIONS[code] for code in raw["action"]]
    task_names = [tasks[task].name for task in owner]
    index = trace.jobs["index"][rows["job"]].tolist()
    return {**raw, "task": task_names, "index": index}


def _inputs(trace: Trace) -> dict[str, list[Any]]:
    """What was recorded for the input of each job, a row a node and value; its time as a share of what is planned."""
    names = ("job", "task", "index", "input", "node", "what", "value")
    found: list[tuple[Any, ...]] = []
    for job, number in trace.inputs.tolist():
        task = trace.system.tasks[trace.jobs["task"][job]]
        assert task.inputs is not None
        for node, share in task.inputs.shares[number].items():
            told = {"share": float(share), **task.inputs.values[number][node]}
            who = (job, task.name, int(trace.jobs["index"][job]), number, task.nodes[node].name)
            found += [(*who, what, value) for what, value in told.items()]
    return dict(zip(names, map(list, zip(*found, strict=True)), strict=True)) if found else {name: [] for name in names}


def _ways(trace: Trace, rows: Any) -> dict[str, list[str]]:
    """The variant and the exit of every answer by name."""
    tasks = [trace.system.tasks[index] for index in rows["task"]]
    return {
        "variant": [_way(task, number) for task, number in zip(tasks, rows["variant"], strict=True)],
        "exit": [
            "" if number < 0 or task.quality is None else task.quality.exits[number].name
            for task, number in zip(tasks, rows["exit"], strict=True)
        ],
    }


def _way(task: TaskSpec, number: int) -> str:
    return "" if number < 0 or task.quality is None else task.quality.variants[number].name


def write_csv(trace: Trace, directory: str | Path) -> None:
    """Write jobs.csv, slices.csv, decisions.csv and, where there are any, the other tables into `directory`.

    The folder is made if need be; each file is written whole or not at all.
    """
    directory = Path(directory)
    if directory == STANDARD_OUTPUT:
        raise InputError("'-' is standard output, and these are several tables; name a folder")
    make_folder(directory)
    for name, text in csv_files(trace).items():
        write_whole(directory / name, text)


@exporter()
def csv_files(trace: Trace) -> dict[str, str]:
    """A folder of CSV files: jobs, slices, decisions and, where there are any, the other tables."""
    wanted = [table for table in TABLES if table in TABLES[:3] or len(getattr(trace, table))]
    return {f"{table}.csv": _text(columns(trace, table)) for table in wanted}


def _text(table: dict[str, list[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*map(_cells, table.values()), strict=True))
    return stream.getvalue()


def _cells(values: list[Any]) -> list[Any]:
    """A column as cells: few names, many rows."""
    if not values or not isinstance(values[0], str):
        return values
    known = {name: cell(name) for name in set(values)}
    return [known[name] for name in values]


def frame(trace: Trace, table: str) -> Any:
    """A table as a pandas DataFrame (the extra ``pandas``)."""
    return pandas().DataFrame(columns(trace, table))


def pandas() -> Any:
    """The module of that name. Raises InputError where it is not installed."""
    try:
        import pandas as found
    except ImportError:
        raise InputError("pandas is not installed; pip install 'rtsched[pandas]'") from None
    return found
