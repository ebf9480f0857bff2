"""The picture of a schedule in words: its title, and a description for those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rtsched import units
from rtsched.plot.choice import Choice
from rtsched.plot.look import LONGEST_NAME, LONGEST_TITLE
from rtsched.trace.trace import ABORTED, DROPPED, LATE, Trace
from rtsched.visible import cut

#: So many misses, tasks and resources are named.
MOST_NAMED = 10


def title(trace: Trace) -> str:
    """The system and its policy."""
    return f"{cut(trace.system.name, LONGEST_NAME)} – {cut(trace.scheduler, LONGEST_TITLE)}"


def protocols(trace: Trace) -> str:
    """The protocols of the resources that somebody took, for the title; empty where nobody took any."""
    kinds = {trace.system.protocols.get(trace.resources[index], "none") for index in trace.locks["resource"].tolist()}
    said = {
        "none": "no locking protocol",
        "inheritance": "priority inheritance",
        "ceiling": "immediate priority ceiling",
        "original-ceiling": "priority ceiling",
    }
    return ", ".join(said.get(kind, kind) for kind in sorted(kinds))


def description(trace: Trace, chosen: Choice, start: int, end: int) -> str:
    """System, policy, window, rows, misses and locks in sentences."""

    def time(instant: int) -> str:
        return units.format_duration(instant, digits=6)

    tasks = [trace.system.tasks[index] for index in chosen.tasks]
    jobs = trace.jobs[np.isin(trace.jobs["task"], chosen.tasks)]
    jobs = jobs[(jobs["release"] < end) & (jobs["deadline"] >= start)]
    lost = jobs[np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED)) & (jobs["deadline"] <= end)]
    said = {LATE: "late", DROPPED: "dropped", ABORTED: "aborted"}
    parts = [
        f"A schedule of {cut(trace.system.name, LONGEST_NAME)} under {cut(trace.scheduler, LONGEST_TITLE)}, "
        f"from {time(start)} to {time(end)}.",
        f"Tasks {chosen.order}: {_named([cut(task.name, LONGEST_NAME) for task in tasks])}.",
        f"{len(jobs)} jobs; "
        + (_named([
            f"{cut(trace.system.tasks[row['task']].name, LONGEST_NAME)}[{row['index']}] {said[int(row['outcome'])]} "
            f"(deadline {time(int(row['deadline']))})" for row in lost
        ]) if len(lost) else "none missed its deadline") + ".",
    ]  # fmt: skip
    if len(trace.locks):
        used = [trace.resources[index] for index in np.unique(trace.locks["resource"]).tolist()]
        kinds = [f"{cut(name, LONGEST_NAME)} ({trace.system.protocols.get(name, 'none')})" for name in used]
        parts.append(f"Resources and their locking protocols: {_named(kinds)}.")
    if trace.deadlocks:
        parts.append(f"Deadlock at {time(trace.deadlocks[0].time)}.")
    return " ".join(parts)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def in_svg(content: bytes, text: str) -> bytes:
    """An SVG with a description behind its title, for screen readers."""
    head, title, rest = content.partition(b"</title>")
    description = f"\n <desc>{escape(text, quote=False)}</desc>".encode()
    return head.replace(b"<svg ", b'<svg role="img" ', 1) + title + description * bool(title) + rest
