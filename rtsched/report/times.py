"""The section of execution times: every node on every unit, what its time claims to be, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.report.blocks import Block, Table, Text
from rtsched.report.facts import counted
from rtsched.report.section import section
from rtsched.verify import words

if TYPE_CHECKING:
    from rtsched.report.content import Report

#: More rows than this are left to the data.
MOST = 1_000


@section("Execution times", 4)
def times(report: Report) -> tuple[Block, ...]:
    """What the proof takes for the execution time of each node, and where from."""
    system = report.found.system
    rows = list(_rows(report, system))
    head = ("task", "node", "unit", "time", "kind", "where it is from")
    lead = (
        "the time for which everything here holds, as it was resolved from files, tables and modes; a shorter one "
        "changes nothing. Of measured networks the largest time that is known is taken."
    )
    blocks: list[Block] = [Text(lead, strong="C of every node:")]
    blocks.append(
        Table("Resolved execution times", head, tuple(rows[:MOST]), (1.9, 1.6, 1.5, 1.0, 1.2, 3.4), frozenset({3}))
    )
    if len(rows) > MOST:
        blocks.append(Text(f"{counted(len(rows) - MOST, 'row')} more stand in the data (“resolved”).", note=True))
    return tuple(blocks)


def _rows(report: Report, system: SystemSpec) -> Iterator[tuple[str, ...]]:
    for task in system.tasks:
        source = _source(report, task)
        for number, node in enumerate(task.nodes):
            named = node.name if len(task.nodes) > 1 else "–"
            for place, (unit, time) in enumerate(units(system, node)):
                yield task.name, named, unit, words.time(time), task.basis, "as above" if number or place else source


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
    """Where the times of a task are from: the origins, or what the file says of it."""
    if task.origins:
        return "; ".join(dict.fromkeys(origin.text for origin in task.origins))
    described = report.found.loaded.system
    name = task.name.partition("[")[0]
    own = next((each.sources for each in described.tasks if each.name == name), {})
    given = [own.get(key) or described.sources.get(f"tasks.{name}.{key}") for key in ("wcet", "graph", "network")]
    found = [each for each in (*given, described.sources.get("tasks")) if each]
    return f"declared; source: {found[0]}" if found else "declared in the system's file; source not stated"
