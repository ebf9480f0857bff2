"""Who waited: the intervals in which a node of a job could have run, and was on no processor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.causes.running import split
from rtsched.trace.trace import ABORT, COMPLETED, DRAINED, DROP, Trace

#: A node waited in [start, end) for the processor that served it next; -1: none did, and it might use several.
READY = np.dtype([("start", "i8"), ("end", "i8"), ("job", "i4"), ("node", "i4"), ("processor", "i4")])

Table = NDArray[Any]


def over(trace: Trace) -> Table:
    """When each job was over, in ns: finished, given up, or the run was."""
    found = trace.jobs["finish"].copy()
    gone = trace.logged[np.isin(trace.logged["action"], (DROP, ABORT))]
    open_ones = found[gone["job"]] < 0
    found[gone["job"][open_ones]] = gone["time"][open_ones]
    ended: Table = np.where(found < 0, np.maximum(trace.end, trace.jobs["release"]), found)
    return ended


def activations(trace: Trace) -> Table:
    """When each job might begin: when it was released, and the one before it of its task was over (R2)."""
    ends, found = over(trace), trace.jobs["release"].copy()
    for task in trace.system.tasks:
        mine = trace.numbers(task.index)
        if task.overlap or len(mine) < 2:
            continue
        before = np.maximum.accumulate(ends[mine])[:-1]
        found[mine[1:]] = np.maximum(found[mine[1:]], np.minimum(before, ends[mine[1:]]))
    return found


def ready(trace: Trace) -> Table:
    """All such intervals, by their start; without those in which it waited for a resource."""
    rows = trace.remained[trace.remained["reason"] != DRAINED]
    rows = rows[np.lexsort((rows["end"], rows["start"], rows["node"], rows["job"]))]
    first = np.ones(len(rows), bool)
    first[1:] = (rows["job"][1:] != rows["job"][:-1]) | (rows["node"][1:] != rows["node"][:-1])
    last = np.append(first[1:], True) if len(rows) else first
    since, never = _readiness(trace, rows, first)
    ends = over(trace)
    before = np.empty(len(rows), np.int64)
    before[1:] = rows["end"][:-1]
    before[first] = np.minimum(since, rows["start"][first])
    if len(trace.splits):
        _through_parts(trace, rows, first, before)
    done = np.zeros(len(rows), bool)
    groups = np.cumsum(first) - 1
    done[np.isin(groups, groups[rows["reason"] == COMPLETED])] = True
    open_ones = rows[last & ~done]
    found = np.concatenate(
        (
            _table(before, rows["start"], rows["job"], rows["node"], rows["processor"]),
            _table(
                open_ones["end"], ends[open_ones["job"]], open_ones["job"], open_ones["node"], open_ones["processor"]
            ),
            never,
        )
    )
    found = found[found["start"] < found["end"]]
    if len(trace.locks):
        found = _without_locks(trace, found)
    ordered: Table = found[np.lexsort((found["node"], found["job"], found["start"]))]
    return ordered


def _table(start: Any, end: Any, job: Any, node: Any, processor: Any) -> Table:
    table = np.empty(len(start), READY)
    for name, values in zip(READY.names or (), (start, end, job, node, processor), strict=True):
        table[name] = values
    return table


def _readiness(trace: Trace, rows: Table, first: Table) -> tuple[Table, Table]:
    """When each node that ran became ready, in the order of `first`; and the intervals of those that never ran."""
    begun, ends = activations(trace), over(trace)
    starts = rows[first]
    since = begun[starts["job"]]
    done = rows[rows["reason"] == COMPLETED]
    owner = trace.jobs["task"]
    never = [np.empty(0, READY)]
    for task in trace.system.tasks:
        mine = trace.numbers(task.index)
        ran = np.flatnonzero(owner[starts["job"]] == task.index)
        ended = done[owner[done["job"]] == task.index]
        place = np.searchsorted(mine, starts["job"][ran])
        there = np.zeros((len(task.nodes), len(mine)), bool)
        there[starts["node"][ran], place] = True
        finished = np.full((len(task.nodes), len(mine)), -1, np.int64)
        finished[ended["node"], np.searchsorted(mine, ended["job"])] = ended["end"]
        able = _able(task, begun[mine], finished, there)
        since[ran] = able[starts["node"][ran], place]
        some = there.any(axis=0)
        for node in task.nodes:
            fitting = [index for index, time in enumerate(node.times) if time is not None]
            waits = ~there[node.index] & (able[node.index] >= 0)
            if task.branches or (task.quality is not None and task.quality.variants):  # it may be left out
                waits &= ~some & (not node.predecessors)
            jobs = mine[waits]
            where = np.full(len(jobs), fitting[0] if len(fitting) == 1 else -1)
            never.append(_table(able[node.index][waits], ends[jobs], jobs, np.full(len(jobs), node.index), where))
    return since, np.concatenate(never)


def _able(task: TaskSpec, begun: Table, finished: Table, there: Table) -> Table:
    """When each node of each job of a task might run; -1: one before it was never done.

    What its variant or its way leaves out hands on what is before it.
    """
    able = np.full(finished.shape, -1, np.int64)
    handed: dict[int, Table] = {}

    def visit(number: int) -> Table:
        if number not in handed:
            befores = [visit(before) for before in task.nodes[number].predecessors]
            able[number] = begun
            for before in befores:
                able[number] = np.where((before < 0) | (able[number] < 0), -1, np.maximum(able[number], before))
            skipped = np.zeros(len(begun), bool)
            if task.branches or task.quality is not None:
                skipped = ~there[number]
            handed[number] = np.where(skipped, able[number], finished[number])
        return handed[number]

    for node in _in_order(task):
        visit(node)
    return able


def _in_order(task: TaskSpec) -> list[int]:
    """The nodes of a task, each after those before it: so that nothing has to look far."""
    found: list[int] = []
    waiting = {node.index: set(node.predecessors) for node in task.nodes}
    after: dict[int, list[int]] = {}
    for node in task.nodes:
        for before in node.predecessors:
            after.setdefault(before, []).append(node.index)
    able = [number for number, befores in waiting.items() if not befores]
    while able:
        number = able.pop()
        found.append(number)
        for following in after.get(number, ()):
            waiting[following].discard(number)
            if not waiting[following]:
                able.append(following)
    return found


def _through_parts(trace: Trace, rows: Table, first: Table, before: Table) -> None:
    """Of a node in parts: until when any of it was anywhere before each slice."""
    parts = set(trace.splits[["job", "node"]].tolist())
    until = 0
    for index, (job, node, end) in enumerate(rows[["job", "node", "end"]].tolist()):
        if not first[index] and (job, node) in parts:
            before[index] = until
        until = end if first[index] else max(until, end)


def _without_locks(trace: Trace, table: Table) -> Table:
    """The intervals without the time in which a resource was waited for."""
    blocked = trace.history.blocked
    found = []
    for start, end, job, node, place in table.tolist():
        spans = [(each.start, each.end) for each in blocked.get((job, node), ())]
        found += [(begin, until, job, node, place) for begin, until, held in split(start, end, spans) if not held]
    return np.array(found, READY)
