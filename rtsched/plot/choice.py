"""What of a run is drawn, and how large: which tasks in which order, which kinds of rows, which size."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.errors import InputError
from rtsched.model.policy import told_by_cluster
from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.trace import Trace
from rtsched.visible import as_found, cut

#: The kinds of rows: tasks, processors, both, or the nodes of tasks.
ROWS = ("task", "processor", "both", "node")
#: Sizes: how many of a unit make an inch, and the least and most inches of a side.
UNITS = {"in": 1.0, "cm": 2.54, "mm": 25.4, "px": 150.0}
LEAST, MOST = 1.5, 40.0

_NUMBER = r"(\d+(?:\.\d+)?)"
_SIZE = re.compile(rf"\s*{_NUMBER}\s*(?:[x×]\s*{_NUMBER}\s*)?({'|'.join(UNITS)})\s*")

#: Inches; without a height it is that of the rows.
Size = tuple[float, float | None]


@dataclass(frozen=True)
class Choice:
    """What is drawn: `tasks` from the top, by index; `rows` of ``ROWS`` (None: as fits the run); `size` in inches.

    `order` says in words how tasks are ordered.
    """

    tasks: tuple[int, ...]
    order: str
    rows: str | None = None
    size: Size | None = None


def choice(
    trace: Trace, tasks: str | Sequence[str] | None, rows: str | None, size: str | Sequence[float] | None
) -> Choice:
    """What somebody wants to see of a run. Raises InputError for names that there are not, and for odd sizes."""
    if rows is not None and rows not in ROWS:
        raise InputError(f"rows are {', '.join(ROWS)} (found {cut(repr(rows))})")
    inches = None if size is None else size_of(size)
    if tasks is not None:
        return Choice(tasks_of(trace.system.tasks, tasks), "in the order that was asked for", rows, inches)
    if trace.ranking:
        first = "cluster by cluster, " if told_by_cluster(trace.scheduler) else ""
        order = f"{first}in the order of their priorities, the most urgent on top"
        return Choice(trace.ranking, order, rows, inches)
    return Choice(tuple(range(len(trace.system.tasks))), "in the order of the file", rows, inches)


def tasks_of(tasks: Sequence[TaskSpec], names: str | Sequence[str]) -> tuple[int, ...]:
    """The tasks with these names (a text: separated by commas), by index, in that order.

    ``camera`` stands for all of ``camera[0]``, ``camera[1]``, …, too. Raises InputError.
    """
    found: dict[str, list[int]] = {}
    for task in tasks:
        found.setdefault(task.name, []).append(task.index)
        copy = re.fullmatch(r"(.+)\[\d+\]", task.name, re.DOTALL)
        if copy is not None:
            found.setdefault(copy[1], []).append(task.index)
    if isinstance(names, str):
        names = [names] if names in found else [name.strip() for name in names.split(",")]
    if not names or not any(names):
        raise InputError("no task is named to be drawn; name some, e.g. --tasks control,camera")
    for name in names:
        if name not in found:
            known = [task.name for task in tasks]
            text = name if isinstance(name, str) else as_found(name)
            close = difflib.get_close_matches(text[:100], known, n=3, cutoff=0.5)
            hint = f"did you mean {cut(', '.join(close))}?" if close else f"they are {cut(', '.join(known), 300)}"
            raise InputError(f"tasks to draw: no task is called {cut(text)!r}; {hint}")
    return tuple(dict.fromkeys(index for name in names for index in found[name]))


def size_of(size: str | Sequence[float]) -> Size:
    """Width and height in inches, of a text with its unit or of two numbers of inches. Raises InputError."""
    form = "say it as WIDTHxHEIGHT with a unit, e.g. '16x9 in', '88x40 mm' or '1600x900 px' (or only a width: '88 mm')"
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None:
            raise InputError(f"size of a picture: {cut(repr(size))} is none; {form}")
        width, height, unit = match.groups()
        found: Size = (float(width) / UNITS[unit], None if height is None else float(height) / UNITS[unit])
    else:
        numbers = list(size)
        if len(numbers) != 2 or not all(isinstance(each, int | float) for each in numbers):
            raise InputError(f"size of a picture: {as_found(size)} is none; give (width, height) in inches, or {form}")
        found = (float(numbers[0]), float(numbers[1]))
    for side in found:
        if side is not None and not LEAST <= side <= MOST:
            raise InputError(
                f"size of a picture: a side of {side:.4g} in is none; its sides are {LEAST:g} to {MOST:g} in"
            )
    return found
