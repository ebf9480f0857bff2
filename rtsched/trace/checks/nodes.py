"""What must hold of nodes: each runs once, after those before it, with what it reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtsched.trace.checks.common import name_of
from rtsched.trace.splits import split_nodes
from rtsched.trace.trace import COMPLETED, FINISH, OVERHEAD, Trace


def nodes_run_once(trace: Trace) -> Iterator[str]:
    """A node runs on one processor at a time, and not after its end."""
    keys = ("end", "start", "node", "job")
    rows = trace.remained[np.lexsort(tuple(trace.remained[key] for key in keys))]
    if len(trace.splits):  # their parts run at once
        rows = rows[~split_nodes(trace, rows)]
    same = (rows["job"][1:] == rows["job"][:-1]) & (rows["node"][1:] == rows["node"][:-1])
    for index in np.flatnonzero(same & (rows["start"][1:] < rows["end"][:-1])):
        row = rows[index + 1]
        yield f"node {row['node']} of {name_of(trace, row['job'])} runs twice at {row['start']}"
    for index in np.flatnonzero(same & (rows["reason"][:-1] == COMPLETED)):
        row = rows[index + 1]
        yield f"node {row['node']} of {name_of(trace, row['job'])} runs at {row['start']} after its end"


def order(trace: Trace) -> Iterator[str]:
    """A node runs after the release of its job and after the nodes before it."""
    early = trace.slices["start"] < trace.jobs["release"][trace.slices["job"]]
    for row in trace.slices[early]:
        yield f"{name_of(trace, row['job'])} runs at {row['start']} before its release"
    graphs = {task.index for task in trace.system.tasks if len(task.nodes) > 1}
    if not graphs:
        return
    times = trace.node_times()
    found = {(int(row["job"]), int(row["node"])): (int(row["start"]), int(row["finish"])) for row in times}
    for (job, node), (start, _) in found.items():
        task = trace.system.tasks[trace.jobs["task"][job]]
        for before in task.nodes[node].predecessors:
            if (job, before) not in found and (task.quality is not None or task.branches):
                continue  # its variant, or its way, leaves that node out
            finish = found.get((job, before), (-1, -1))[1]
            if finish < 0 or finish > start:
                yield f"node {node} of {name_of(trace, job)} starts at {start} before node {before} has ended"


def copies(trace: Trace) -> Iterator[str]:
    """What a node reads has come over the link between the two clusters before it runs there."""
    system = trace.system
    if all(len(task.pieces) == len(task.nodes) for task in system.tasks):
        return
    cluster = [processor.cluster for processor in system.processors]
    ended = trace.slices[trace.slices["reason"] == COMPLETED]
    ends: dict[tuple[int, int], list[tuple[int, int]]] = {}  # by job and node: (end, processor)
    for row in ended:
        ends.setdefault((int(row["job"]), int(row["node"])), []).append((int(row["end"]), int(row["processor"])))
    ran = (trace.own["reason"] != OVERHEAD) & (trace.own["end"] > trace.own["start"])
    for row in trace.own[ran]:
        job, node, start = int(row["job"]), int(row["node"]), int(row["start"])
        for copy in trace.node(job, node).copies:
            for _, origin in ends.get((job, copy.source), ())[:1]:
                link = copy.links.get((cluster[origin], cluster[row["processor"]]))
                there = [end for end, by in ends.get((job, copy.node.index), ()) if by == link]
                if link is not None and (not there or there[0] > start):
                    name = system.processors[link].name
                    yield f"node {node} of {name_of(trace, job)} runs at {start} before {name!r} has brought its input"


def all_nodes(trace: Trace) -> Iterator[str]:
    """A job that finished ran all its nodes, or one with an exit; but for what its way or its variant leaves out."""
    done = trace.own[trace.own["reason"] == COMPLETED]
    counts = np.bincount(done["job"], minlength=len(trace.jobs))
    accepted = set(trace.logged["job"][trace.logged["action"] == FINISH].tolist())
    ended = set(done[["job", "node"]].tolist()) if accepted else set()
    for task in trace.system.tasks:
        if task.branches or (task.quality is not None and task.quality.variants):
            continue
        mine = trace.numbers(task.index)
        exits = () if task.quality is None else task.quality.exits
        for job in mine[(trace.jobs["finish"][mine] >= 0) & (counts[mine] < len(task.nodes))].tolist():
            if job not in accepted or not any((job, exit_.node) in ended for exit_ in exits):
                yield f"{name_of(trace, job)} finished with {counts[job]} of its {len(task.nodes)} nodes"


def inputs(trace: Trace) -> Iterator[str]:
    """Each job of a task with recorded inputs has one of them."""
    has = dict(trace.inputs.tolist())
    for task in trace.system.tasks:
        if task.inputs is not None:
            for job in trace.numbers(task.index).tolist():
                if not 0 <= has.get(job, -1) < len(task.inputs.shares):
                    yield f"{name_of(trace, job)} has none of the recorded inputs"
