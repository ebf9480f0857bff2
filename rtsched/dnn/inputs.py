"""Lowering of recorded inputs: what each node took for each of them, relative to what is planned, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.inputs import TOLD, InputsSpec, RecordedNode
from rtsched.model.tables import read_inputs
from rtsched.model.task import Task, TraceArrivals
from rtsched.model.taskgraph import NodeSpec

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: What one input took and showed at each node: its time in ns, and side values.
Recorded = Mapping[str, tuple[int, Mapping[str, float]]]


def lower_inputs(lowering: Lowering, task: Task, nodes: Sequence[NodeSpec]) -> InputsSpec | None:
    """The recorded inputs of a task with these `nodes`. Raises InputError where they do not fit them."""
    if task.inputs is None:
        return None
    place, arrival = lowering.place(task, "inputs"), lowering.arrival(task)
    if isinstance(arrival, TraceArrivals) and arrival.execution is not None:
        raise InputError(f"{place}: the file of the arrivals has execution times, too; leave one out")
    rows = _of_file(lowering, task, task.inputs) if isinstance(task.inputs, str) else _written(task.inputs)
    first = next(iter(rows.values()))
    numbers = _numbered(place, nodes, first)
    for name, row in rows.items():
        odd = next((node for node in (*first, *row) if node not in row or node not in first), None)
        if odd is not None:
            raise InputError(f"{place}: input {name} differs from the first in node {odd!r}; record the same of all")
        odd = next((node for node, (_, values) in row.items() if values.keys() != first[node][1].keys()), None)
        if odd is not None:
            raise InputError(f"{place}: input {name} shows other values at {odd!r} than the first; record the same")
    return InputsSpec(
        shares=tuple(
            {numbers[node]: Fraction(time, nodes[numbers[node]].fastest) for node, (time, _) in row.items()}
            for row in rows.values()
        ),
        values=tuple({numbers[node]: dict(values) for node, (_, values) in row.items()} for row in rows.values()),
        means={
            numbers[node]: {value: sum(row[node][1][value] for row in rows.values()) / len(rows) for value in values}
            for node, (_, values) in first.items()
        },
    )


def _written(inputs: Sequence[Mapping[str, RecordedNode]]) -> dict[str, Recorded]:
    """The inputs that stand in the system file, by number."""
    return {
        str(number): {node: (each.time, each.values) for node, each in one.items()} for number, one in enumerate(inputs)
    }


def _of_file(lowering: Lowering, task: Task, file: str) -> dict[str, Recorded]:
    """The inputs of a CSV file by their names, in the order in which they come."""
    found: dict[str, dict[str, tuple[int, Mapping[str, float]]]] = {}
    for row in read_inputs(lowering.path(file)):
        taken = next((name for name in row.values if name in TOLD), None)
        if taken is not None:
            raise InputError(f"{row.place}: no side value can be called {taken!r}; rename the column")
        one = found.setdefault(row.input, {})
        if row.node in one:
            raise InputError(f"{row.place}: input {row.input} has node {row.node!r} twice; leave one row out")
        one[row.node] = (row.time, row.values)
    return dict(found)


def _numbered(place: str, nodes: Sequence[NodeSpec], named: Recorded) -> dict[str, int]:
    """The number of each node that inputs name, or number."""
    known = {str(node.index): node.index for node in nodes} | {node.name: node.index for node in nodes}
    for name in named:
        if name not in known:
            raise InputError(
                f"{place}: {name!r} is no node of it; known: {', '.join(node.name for node in nodes[:10])} "
                f"(or numbers, 0 to {len(nodes) - 1})"
            )
    numbers = {name: known[name] for name in named}
    if len(set(numbers.values())) < len(numbers):
        raise InputError(f"{place}: a node is named and numbered; do one of both")
    return numbers
