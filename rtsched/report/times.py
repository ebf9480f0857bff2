"""The section of execution times: every node on every unit, what its time claims to be, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtsched.model.origin import CONDITIONAL, Provenance
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.report.blocks import Block, Table, Text
from rtsched.report.facts import counted, listed
from rtsched.report.section import section
from rtsched.verify import words

if TYPE_CHECKING:
    from rtsched.report.content import Report

NOT_STATED = "not stated"
#: Kinds that come from runs, of which the conditions count.
MEASURED = frozenset({*CONDITIONAL, "percentile", "typical"})
#: More rows than this are left to the data.
MOST = 1_000


@section("Execution times", 5)
def times(report: Report) -> tuple[Block, ...]:
    """What the proof takes for the execution time of each node, and where from."""
    system = report.found.system
    rows = [row for task in system.tasks for row in _rows(system, task)]
    head = ("task", "node", "unit", "time", "kind")
    lead = (
        "the time for which everything here holds, as it was resolved from files, tables, statistics and modes; a "
        "shorter one changes nothing where the tests are sustainable."
    )
    blocks: list[Block] = [Text(lead, strong="C of every node:")]
    title = "Resolved execution times"
    blocks.append(Table(title, head, tuple(rows[:MOST]), (3, 3, 2, 1.2, 1.6), frozenset({3})))
    if len(rows) > MOST:
        blocks.append(Text(f"{counted(len(rows) - MOST, 'row')} more stand in the data (“resolved”).", note=True))
    origins = tuple(row for task in system.tasks for row in _origins(report, task))
    heads = ("task", "figure", "statistic", "n", "margin", "source", "row", "date")
    blocks.append(Table("Where they are from", heads, origins, (1.7, 3, 1, 0.7, 0.8, 1.9, 1.8, 1.1), frozenset({3, 4})))
    return (*blocks, *_labels(system))


def _rows(system: SystemSpec, task: TaskSpec) -> Iterator[tuple[str, ...]]:
    for node in task.nodes:
        for unit, time in units(system, node):
            yield task.name, node.name if len(task.nodes) > 1 else "–", unit, words.time(time), task.basis


def _origins(report: Report, task: TaskSpec) -> Iterator[tuple[str, ...]]:
    """Where the times of a task are from, one row for each; what nobody said is not stated."""
    for origin in task.origins:
        yield (
            task.name,
            origin.text,
            origin.statistic or "–",
            str(origin.n) if origin.n is not None else NOT_STATED if origin.basis in MEASURED else "–",
            f"{origin.margin:g}" if origin.margin != 1 else "–",
            origin.source or NOT_STATED,
            origin.row or "–",
            origin.date or NOT_STATED,
        )
    if not task.origins:
        yield task.name, "declared in the system's file", "–", "–", "–", _source(report, task), "–", NOT_STATED


#: What a label has, as a file may say it, in the order in which it is printed.
LABEL = (
    "date", "board", "clocks", "power_mode", "temperature", "co_runners", "inputs", "driver", "runtime", "timer",
    "file", "sha256", "author", "document", "tool", "version", "reason", "enforced_by", "overrun",
)  # fmt: skip


def _labels(system: SystemSpec) -> Iterator[Block]:
    """The conditions of each time that has any: what is known, and what is not stated."""
    found: dict[Provenance, list[str]] = {}
    for task in system.tasks:
        for origin in task.origins:
            if origin.about is not None:
                found.setdefault(origin.about, []).append(task.name)
    rows: dict[str, list[str]] = {}
    for task in system.tasks:
        for origin in task.origins:
            if origin.about is None and origin.row:
                rows.setdefault(origin.row, []).append(task.name)
    if rows:
        text = "; ".join(f"{listed(list(dict.fromkeys(names)))}: {row}" for row, names in rows.items())
        more = f"What these rows and their sources do not say of clocks, temperature or co-runners is {NOT_STATED}."
        yield Text(f"{text}. {more}", note=True, strong="Conditions are those of the rows:")
    for about, names in found.items():
        known = [(key, getattr(about, key)) for key in LABEL]
        said = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in known if value is not None)
        conditions = LABEL[:10] if about.kind in MEASURED else ("date", "author", "document")
        silent = [key.replace("_", " ") for key, value in known if value is None and key in conditions]
        text = (f"{said}. " if said else "") + (f"{NOT_STATED.capitalize()}: {', '.join(silent)}." if silent else "")
        yield Text(text.strip(), note=True, strong=f"Conditions of {listed(list(dict.fromkeys(names)))}:")


def units(system: SystemSpec, node: NodeSpec) -> list[tuple[str, int]]:
    """Where a node may run and how long it takes there; processors of one cluster and time together."""
    found: dict[tuple[str, int], list[int]] = {}
    for processor, time in zip(system.processors, node.times, strict=True):
        if time is not None:
            found.setdefault((processor.cluster, time), []).append(processor.index)
    made = []
    for (cluster, time), places in found.items():
        whole = [each.index for each in system.processors if each.cluster == cluster]
        names = [system.processors[place].name for place in places]
        made.append((cluster if places == whole else ", ".join(names), time))
    return made


def _source(report: Report, task: TaskSpec) -> str:
    """What the file says of where a declared time is from."""
    described = report.found.loaded.system
    name = task.name.partition("[")[0]
    own = next((each.sources for each in described.tasks if each.name == name), {})
    given = [own.get(key) or described.sources.get(f"tasks.{name}.{key}") for key in ("wcet", "graph", "network")]
    return next((each for each in (*given, described.sources.get("tasks")) if each), NOT_STATED)
