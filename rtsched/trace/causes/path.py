"""The way of a job to its end: node after node, each from when it might begin, back from the one that ended last."""

from __future__ import annotations

from typing import NamedTuple

from rtsched.trace.causes.history import History, Who


class Leg(NamedTuple):
    """A node on the way, from when it was ready until it was done (or the job was over); -1: none is left."""

    node: int
    start: int
    end: int


def legs(history: History, job: int) -> list[Leg]:
    """The legs of a job's way, one after the other, from when it might begin until it was over.

    Of the nodes before one the last that was done is on the way. Of a job that was given up or is not over the way ends
    with what ran last of all that is open.
    """
    begin, end = history.activations[job], history.ends[job]
    found: list[Leg] = []
    node = _last(history, job, end)
    if node is None:
        return [Leg(-1, begin, end)] if end > begin else []
    until = end
    done = history.done.get((job, node), end)
    if done < end:  # nothing was left to do
        found.append(Leg(-1, max(begin, done), end))
        until = max(begin, done)
    while node is not None:
        before, since = _before(history, (job, node))
        since = min(max(begin, since), until)
        found.append(Leg(node, since, until))
        node, until = before, since
    if until > begin:  # it began before the jobs of its task that came before were over
        found.append(Leg(found[-1].node, begin, until))
    return found[::-1]


def _last(history: History, job: int, end: int) -> int | None:
    """The node with which a job ended; None: it has none."""
    mine = history.nodes.get(job, [])
    done = {node: history.done[job, node] for node in mine if (job, node) in history.done}
    ending = [node for node, time in done.items() if time == end]
    if ending:
        return max(ending)
    open_ = [node for node in mine if node not in done]
    if open_:
        return max(open_, key=lambda node: (history.stays[job, node][-1].end, -node))
    task = history.system.tasks[history.task_of[job]]
    ready = [node.index for node in task.nodes if node.index not in done and all(p in done for p in node.predecessors)]
    if ready:
        return ready[0]
    return max(done, key=lambda node: (done[node], node), default=None)


def _before(history: History, who: Who) -> tuple[int | None, int]:
    """The node that was done last of those before one, and when; what its variant or its way leaves out hands on."""
    job, node = who
    latest: tuple[int | None, int] = (None, history.activations[job])
    for earlier in history.system.tasks[history.task_of[job]].nodes[node].predecessors:
        time = history.done.get((job, earlier))
        before = _before(history, (job, earlier)) if time is None else (earlier, time)
        if before[0] is not None and (latest[0] is None or before[1] > latest[1]):
            latest = before
    return latest
