"""What a page shows of a run: names and figures as plain data, everything with many rows as columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.export.text import render_table
from rtsched.metrics.figures import Summary
from rtsched.metrics.summary import summary
from rtsched.model.taskgraph import TaskSpec
from rtsched.page import causes, queues
from rtsched.page import rows as more
from rtsched.page.measured import measured
from rtsched.page.pack import PREVIOUS, Packed
from rtsched.page.rows import LONGEST
from rtsched.plot.gantt import COLOURS, LONGEST_TITLE
from rtsched.plot.hardware import clocks, outages, suspensions
from rtsched.trace.trace import (
    ABORT,
    BANDWIDTH,
    BATTERY,
    DROP,
    FINISH,
    GIVE,
    LATE,
    OUTCOMES,
    PREEMPTED,
    REASONS,
    TAKE,
    TEMPERATURE,
    Trace,
)
from rtsched.visible import cut, visible


def facts(trace: Trace, figures: Summary | None = None, moved: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Names, figures and codes: what is short; its `figures` and counters (`moved`) are made unless they are given."""
    figures = summary(trace) if figures is None else figures
    about = trace.system
    moved = counters(trace) if moved is None else moved
    said = [render_table(figures), *(f"assumed: {visible(note)}" for note in about.assumed)]
    if any(each.get("alone") for each in moved):
        said.append("the powers of the chip's parts are not shown: this trace does not tell them")
    return {
        "system": cut(about.name, LONGEST_TITLE),
        "scheduler": cut(trace.scheduler, LONGEST_TITLE),
        "seed": str(trace.seed),
        "until": figures.until,
        "end": _end(trace),
        "headline": cut(figures.headline, 2 * LONGEST),
        "tasks": [_task(task) for task in about.tasks],
        "processors": [cut(each.name, LONGEST) for each in about.processors],
        "used": _used(trace),
        "resources": [cut(name, LONGEST) for name in trace.resources],
        "outcomes": OUTCOMES,
        "reasons": REASONS,
        "deadlocks": [[each.time, cut(each.text, LONGEST)] for each in figures.deadlocks],
        "figures": [_figures(each) for each in figures.tasks],
        "text": "\n".join(said),
        "planned": trace.planned,
        "looks": causes.LOOK_OF,
        "ranks": queues.facts(trace),
        "order": more.order(trace),
        "chains": [
            {
                "name": cut(f"{each.id} {each.name}" if each.id else each.name, LONGEST),
                "tasks": each.tasks,
                "most": each.max_latency if more.by_trigger(about, each) else each.max_reaction,
            }
            for each in more.chains(about)
        ],
        "devices": more.devices(trace),
        "too many waves": len(trace.waves) > more.MOST_WAVES,
        "counters": [{key: value for key, value in each.items() if key != "rows"} for each in moved],
    }


def _task(task: TaskSpec) -> dict[str, Any]:
    quality = task.quality
    return {
        "name": cut(task.name, LONGEST),
        "id": task.id or "",
        "colour": COLOURS[task.index % len(COLOURS)],
        "deadline": task.deadline,
        "nodes": [cut(node.name, LONGEST) for node in task.pieces] if len(task.pieces) > 1 else [],
        "before": [node.predecessors for node in task.pieces] if len(task.pieces) > 1 else [],
        "variants": [cut(each.name, LONGEST) for each in quality.variants] if quality else [],
        "exits": [cut(each.name, LONGEST) for each in quality.exits] if quality else [],
    }


def _figures(figures: Any) -> list[Any]:
    """A row of the run's table; None where there is nothing to say."""
    response = figures.response
    mean = None if response.mean is None else round(response.mean)
    lost = figures.dropped + figures.aborted
    return [figures.jobs, figures.misses, lost, mean, response.p95, response.max, figures.deadline]


def _used(trace: Trace) -> list[int]:
    """The processors on which anything happened."""
    return sorted({*trace.slices["processor"].tolist(), *outages(trace), *trace.plans["subject"].tolist()})


def _end(trace: Trace) -> int:
    """Where the timeline ends: nothing that happened, and no miss, lies beyond it."""
    late = trace.jobs["deadline"][trace.jobs["outcome"] == LATE]
    return max(trace.until, int(trace.slices["end"].max(initial=0)), int(late.max(initial=0)), 1)


def columns(
    trace: Trace, moved: list[dict[str, Any]] | None = None, explained: Collection[int] | None = None
) -> Packed:
    """Slices, jobs and what happened beside them, row by row.

    `moved` are the counters, where they are known; all jobs may be explained, or those in `explained`.
    """
    packed = Packed()
    jobs = {name: trace.jobs[name] for name in trace.jobs.dtype.names or ()}
    near = dict.fromkeys(("arrival", "deadline", "start", "finish", "over"), "release")
    packed.table("jobs", jobs | {"over": over(trace)} | _ways(trace), release=PREVIOUS, **near)
    slices = {name: trace.slices[name] for name in trace.slices.dtype.names or ()}
    packed.table("slices", slices, start=PREVIOUS, end="start", job=PREVIOUS)
    waits = {name: trace.waits[name] for name in trace.waits.dtype.names or ()}
    packed.table("waits", waits, start=PREVIOUS, end="start")
    packed.table("holds", _named(held(trace), ("start", "end", "job", "resource")), end="start")
    _more(packed, "ways", more.instances(trace), ("chain", "instance", "job", "reaction"), job=PREVIOUS)
    names = ("start", "end", "job", "device", "kernel", "blocks", "threads")
    _more(packed, "waves", more.waves(trace), names, start=PREVIOUS, end="start", job=PREVIOUS)
    packed.table("spans", _named(spans(trace), ("start", "end", "processor", "kind")), end="start")
    points = [
        (number, time, value)
        for number, each in enumerate(counters(trace) if moved is None else moved)
        for time, value in each["rows"]
    ]
    packed.table("points", _named(points, ("counter", "time", "value")), time=PREVIOUS, value=PREVIOUS)
    causes.add(trace, packed, explained)
    queues.add(trace, packed)
    return packed


def _more(packed: Packed, name: str, rows: list[tuple[int, ...]], names: tuple[str, ...], **minus: str) -> None:
    """A table that few runs have: without rows it is left out."""
    if rows:
        packed.table(name, _named(rows, names), **minus)


def _named(rows: Sequence[tuple[int, ...]], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    table = np.array(rows, np.int64).reshape(-1, len(names))
    return {name: table[:, place] for place, name in enumerate(names)}


def _ways(trace: Trace) -> dict[str, NDArray[Any]]:
    """The variant and the exit of each job, -1 for none: those of its answer, else the variant that it last took."""
    variant, leave = np.full(len(trace.jobs), -1), np.full(len(trace.jobs), -1)
    variant[trace.choices["job"]] = trace.choices["variant"]
    variant[trace.answers["job"]] = trace.answers["variant"]
    leave[trace.answers["job"]] = trace.answers["exit"]
    preempted = trace.slices["job"][trace.slices["reason"] == PREEMPTED]
    return {"variant": variant, "exit": leave, "preempted": np.bincount(preempted, minlength=len(trace.jobs))}


def over(trace: Trace) -> NDArray[Any]:
    """When each job was over: finished, dropped or aborted; -1 for never."""
    found: NDArray[Any] = trace.jobs["finish"].copy()
    ends = trace.logged[np.isin(trace.logged["action"], (FINISH, DROP, ABORT))]
    open_ones = found[ends["job"]] < 0
    found[ends["job"][open_ones]] = ends["time"][open_ones]
    return found


def held(trace: Trace) -> list[tuple[int, ...]]:
    """From when to when a job held a resource: (start, end, job, resource), by their ends."""
    found, begun = [], {}
    for row in trace.locks.tolist():
        time, job, node, resource, what = row
        if what == TAKE:
            begun[job, node, resource] = time
        elif what == GIVE and (job, node, resource) in begun:
            found.append((begun.pop((job, node, resource)), time, job, resource))
    return found + [(start, trace.end, job, resource) for (job, _, resource), start in begun.items()]


def spans(trace: Trace) -> list[tuple[int, ...]]:
    """Where a processor was out of service (kind 0), made decisions (1) or was told to launch no more (2)."""
    down = [(start, end, place, 0) for place, found in outages(trace).items() for start, end in found]
    planner = trace.system.planner
    plans = [] if planner is None else trace.plans[["time", "value"]].tolist()
    deciding = [(end - value, end, planner.processor, 1) for end, value in plans if planner is not None]
    return down + deciding + [(time, time, place, 2) for time, place in suspensions(trace)]


def counters(trace: Trace) -> list[dict[str, Any]]:
    """What moved: powers, clocks, temperature, bandwidth and charge, each with its unit and (time, value) in `rows`.

    Values are whole numbers: `scale` of them make one of the unit.
    """
    names = [cut(each.name, LONGEST) for each in trace.system.processors]
    found = [
        _counter(f"clock of {names[place]}", "MHz", 10**6, rows) for place, rows in clocks(trace).items()
    ]  # fmt: skip
    links = trace.changes[trace.changes["what"] == BANDWIDTH]
    for place in np.unique(links["subject"]).tolist():
        of = f" of {names[place]}" if 0 <= place < len(names) else ""
        found.append(_counter(f"bandwidth{of}", "MB/s", 10**6, links[links["subject"] == place]))
    for what, name, unit, scale in ((TEMPERATURE, "temperature", "°C", 1000), (BATTERY, "battery", "%", 10)):
        found.append(_counter(name, unit, scale, trace.changes[trace.changes["what"] == what]))
    return [*measured(trace), *(each for each in found if len(each["rows"]) > 1)]


def _counter(name: str, unit: str, scale: int, rows: NDArray[Any]) -> dict[str, Any]:
    return {"name": name, "unit": unit, "scale": scale, "rows": rows[["time", "value"]].tolist()}
