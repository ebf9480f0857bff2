"""The schedule as a picture: who ran when, what was released, what was due, what was missed.

Conventions of the field: an arrow up is a release, an arrow down a deadline; one lane per task, and below one per
processor when several were used. Misses stand out in black and white too: a cross at the deadline, and what runs
after it hatched densely. Hollow is what a slice on a stream of a GPU spent waiting, with nothing of it running.
Colours are Okabe and Ito's, hatches repeat them for print.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import units
from rtsched.errors import InputError
from rtsched.export.exporter import exporter
from rtsched.files import picture_format, write_whole
from rtsched.plot.density import COLUMNS, columns, draw_processors, draw_tasks, is_dense
from rtsched.plot.hardware import (
    PLANS,
    SUSPENSION,
    draw_gpu,
    draw_outages,
    draw_panel,
    draw_plans,
    draw_suspensions,
    gpus,
    has_panel,
    outages,
    split_waits,
    suspensions,
)
from rtsched.plot.look import plain
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, KILLED, LATE, OVERHEAD, PREEMPTED, Trace
from rtsched.visible import cut, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#0072B2", "#D55E00", "#BBBBBB")
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "oo", "++")
MISS = "#C00000"
#: What runs on for nothing after its job.
DRAIN: dict[str, Any] = {"facecolor": "white", "hatch": "....", "edgecolor": "#888888"}

#: The width of a label's character, as a share of the axes.
CHARACTER = 0.0065

#: The most characters of a name beside a lane or above all, and of what a policy is called.
LONGEST_NAME, LONGEST_TITLE = 60, 100

#: A run with more slices than this is shown in part, around its first miss: about PART_SLICES of them.
MOST_SLICES = 150
PART_SLICES = 60


def gantt(
    trace: Trace, path: str | Path | None = None, *, start: int = 0, end: int | None = None, title: str | None = None
) -> Figure:
    """Draw the slices of `trace` in [start, end) ns; write to `path` (.png, .svg or .pdf) if given.

    Without `end`, a long run is shown around its first miss (the title says so). Raises InputError when there is no
    trace, the window is empty or the format unknown.
    """
    path = None if path is None else Path(path)
    kind = picture_format(path) if path is not None else "png"
    if not trace.kept:
        raise InputError("this run kept no trace to draw; run it with a trace")
    part = ""
    if end is None:
        start, end, part = _window(trace, start)
    if end <= start:
        raise InputError(f"the picture ends at {units.format_duration(end)}, before it begins; give a later end")
    trace = replace(trace, system=shown(trace.system))
    heading = title or f"{cut(trace.system.name, LONGEST_NAME)} – {cut(trace.scheduler, LONGEST_TITLE)}"
    with plain():
        figure = _draw(trace, start, end, heading + part)
    if path is not None:
        write_whole(path, render(figure, kind))
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure: the same for the same figure."""
    stream = io.BytesIO()
    with plain():
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        figure.savefig(stream, format=kind, dpi=150, metadata=metadata)
    return stream.getvalue()


@exporter(".png")
def png(trace: Trace) -> bytes:
    """The schedule as a picture (PNG)."""
    return render(gantt(trace), "png")


@exporter(".svg")
def svg(trace: Trace) -> bytes:
    """The schedule as a picture (SVG)."""
    return render(gantt(trace), "svg")


@exporter(".pdf")
def pdf(trace: Trace) -> bytes:
    """The schedule as a picture (PDF)."""
    return render(gantt(trace), "pdf")


def _window(trace: Trace, start: int) -> tuple[int, int, str]:
    """What to show when nobody says: everything, or the surroundings of the first miss, or the beginning."""
    never = trace.jobs[(trace.jobs["outcome"] == LATE) & (trace.jobs["finish"] < 0)]
    whole = max(trace.until, int(trace.slices["end"].max(initial=0)), int(never["deadline"].max(initial=0)))
    late = trace.slices[trace.slices["end"] > start]
    if len(late) <= MOST_SLICES:
        return start, whole, ""
    missed = trace.jobs[np.isin(trace.jobs["outcome"], (LATE, DROPPED, ABORTED)) & (trace.jobs["deadline"] >= start)]
    note = "beginning of"
    if len(missed):
        first = missed[np.argmin(missed["deadline"])]
        span = int(first["deadline"] - first["arrival"])
        start = max(start, int(first["arrival"]) - span)
        late = trace.slices[trace.slices["end"] > start]
        note = "first miss of"
    last = int(np.sort(late["end"])[min(len(late), PART_SLICES) - 1])
    if len(missed):
        last = max(last, int(first["deadline"]) + span // 2)
    return start, min(last, whole), f"\n({note} a run of {units.format_duration(trace.until, digits=4)})"


# ---- drawing ---------------------------------------------------------------------------------------------------------


def _draw(trace: Trace, start: int, end: int, title: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tasks = trace.system.tasks
    used = sorted({*trace.slices["processor"].tolist(), *outages(trace), *trace.plans["subject"].tolist()})
    both = len(used) > 1 or len(trace.plans) > 0 or len(suspensions(trace)) > 0
    scale, unit = _scale(end - start)
    rows = len(tasks) + (len(used) if both else 0)
    panel, devices = has_panel(trace), gpus(trace)
    figure = Figure(
        figsize=(10, min(20.0, 1.3 + 0.52 * rows + 0.6 * both + 1.2 * (panel + len(devices)))), layout="constrained"
    )
    FigureCanvasAgg(figure)
    heights = [len(tasks) + 0.5] + [len(used) + 0.3] * both + [2.2] * (panel + len(devices))
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    shown = trace.slices[(trace.slices["end"] > start) & (trace.slices["start"] < end)]
    dense = is_dense(trace, shown, start, end)
    _lane(axes[0], [task.name for task in tasks], "task")
    if dense:
        edges = columns(start, end)
        draw_tasks(axes[0], trace, shown, edges, scale, _look, MISS)
    else:
        _task_lanes(axes[0], trace, shown, start, end, scale)
    if both:
        _lane(axes[1], [trace.system.processors[index].name for index in used], "processor")
        if dense:
            draw_processors(axes[1], trace, shown, used, edges, scale, _look)
        else:
            _processor_lanes(axes[1], trace, shown, used, start, end, scale)
        draw_outages(axes[1], trace, used, scale)
        draw_suspensions(axes[1], trace, used, scale)
        draw_plans(axes[1], trace, used, scale)
    for row, device in enumerate(devices, 1 + both):
        draw_gpu(axes[row], trace, device, scale, [_look(task.index) for task in tasks])
    if panel:
        draw_panel(axes[-1], trace, start, end, scale)
    for deadlock in trace.deadlocks:
        axes[0].axvline(deadlock.time / scale, color=MISS, linewidth=1.6, linestyle=":", zorder=6)
    axes[0].set_title(title, fontsize=10, loc="left")
    axes[-1].set_xlabel(f"time ({unit})", fontsize=9)
    axes[-1].set_xlim(start / scale, end / scale)
    _legend(figure, trace, shown, (end - start) // COLUMNS if dense else None)
    return figure


def _scale(span: int) -> tuple[int, str]:
    """The unit of the time axis."""
    for unit, scale in (("s", units.S), ("ms", units.MS), ("us", units.US)):
        if span >= 4 * scale:
            return scale, unit
    return 1, "ns"


def _lane(axes: Axes, names: list[str], label: str) -> None:
    axes.set_yticks(range(len(names)), [cut(name, LONGEST_NAME) for name in names], fontsize=8)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)  # also where somebody else draws the figure again
    axes.set_ylim(len(names) - 0.35, -0.75)
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    for row in range(len(names)):
        axes.axhline(row + 0.3, color="#888888", linewidth=0.6, zorder=1)


def _look(task: int) -> tuple[str, str]:
    """The colour and the hatch of a task."""
    return COLOURS[task % len(COLOURS)], HATCHES[(task + task // len(COLOURS)) % len(HATCHES)]


def _bars(axes: Axes, rows: Any, lane: int, scale: int, task: int, **style: Any) -> None:
    if len(rows):
        spans = [(row["start"] / scale, (row["end"] - row["start"]) / scale) for row in rows]
        colour, hatch = _look(task)
        look: dict[str, Any] = {
            "facecolor": colour, "hatch": hatch, "edgecolor": "black", "linewidth": 0.6, "zorder": 2,
        }  # fmt: skip
        axes.broken_barh(spans, (lane - 0.25, 0.55), **(look | style))


def _work(axes: Axes, trace: Trace, rows: Any, lane: int, scale: int, task: int, **style: Any) -> None:
    """Bars of work: filled where something ran, hollow where a stream of a GPU only waited."""
    running, waiting = split_waits(trace, rows)
    _bars(axes, running, lane, scale, task, **style)
    edge = style.get("edgecolor", "black")
    _bars(axes, waiting, lane, scale, task, facecolor="white", hatch="", edgecolor=edge, linestyle=(0, (3, 2)))


def _task_lanes(axes: Axes, trace: Trace, shown: Any, start: int, end: int, scale: int) -> None:
    """One lane per task: its slices, an arrow up for each release and down for each deadline."""
    owner = trace.jobs["task"][shown["job"]]
    deadline = trace.jobs["deadline"][shown["job"]]
    drained = shown["reason"] == DRAINED
    for task in trace.system.tasks:
        own = owner == task.index
        _bars(axes, shown[own & drained], task.index, scale, task.index, **DRAIN)
        mine, due = shown[own & ~drained], deadline[own & ~drained]
        work = mine["reason"] != OVERHEAD
        in_time, after = mine[work].copy(), mine[work].copy()
        in_time["end"] = np.minimum(in_time["end"], due[work])
        after["start"] = np.maximum(after["start"], due[work])
        _work(axes, trace, in_time[in_time["end"] > in_time["start"]], task.index, scale, task.index)
        _work(axes, trace, after[after["end"] > after["start"]], task.index, scale, task.index,
              facecolor="white", hatch="xxxxxx", edgecolor=MISS)  # fmt: skip
        _bars(axes, mine[~work], task.index, scale, task.index, facecolor="#333333", hatch="")
        lost = mine[mine["reason"] == KILLED]
        _bars(axes, lost, task.index, scale, task.index, facecolor="white", hatch="||||", edgecolor="#888888")
        labelled = mine[work]
        if len(task.nodes) > 1:  # nodes run side by side: one number a job is enough, on its longest slice
            labelled = labelled[np.argsort(labelled["start"] - labelled["end"], kind="stable")]
            labelled = labelled[np.unique(labelled["job"], return_index=True)[1]]
        ways = [_way(trace, row) for row in labelled]
        numbers = [f"{index}{way}" for index, way in zip(trace.jobs["index"][labelled["job"]], ways, strict=True)]
        _labels(axes, labelled, task.index, (start, end), scale, numbers)
        _arrows(axes, trace, task.index, start, end, scale)


#: What stands between a job's number (or a task's name) and its variant.
WAY = " · "


def _way(trace: Trace, row: Any) -> str:
    """The variant that a slice ran as, where its task has any; of several one after the other."""
    quality = trace.system.tasks[trace.jobs["task"][row["job"]]].quality
    job, node = int(row["job"]), int(row["node"])
    if quality is None or (job, node) not in trace.chosen:
        return ""
    numbers = [number for *_, number in trace.variants(job, node, int(row["start"]), int(row["end"]))]
    return WAY + "→".join(quality.variants[number].name for number in numbers)


def _arrows(axes: Axes, trace: Trace, task: int, start: int, end: int, scale: int) -> None:
    jobs = trace.jobs_of(task)
    foot, head = task + 0.3, task - 0.5
    for instants, begin, tip, colour in (
        (jobs["release"], foot, head, "black"),
        (jobs["deadline"], head, foot, "#555555"),
    ):
        for instant in instants[(instants >= start) & (instants <= end)].tolist():
            axes.annotate(
                "", (instant / scale, tip), (instant / scale, begin), annotation_clip=False, zorder=4,
                arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 0.9, "mutation_scale": 7,
                            "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
    for outcomes, marker, size in (((LATE,), "X", 60), ((DROPPED, ABORTED), "x", 45)):
        rows = jobs[np.isin(jobs["outcome"], outcomes)]
        rows = rows[(rows["deadline"] >= start) & (rows["deadline"] <= end)]
        if len(rows):
            axes.scatter(
                rows["deadline"] / scale, np.full(len(rows), task - 0.52), marker=marker, s=size, color=MISS,
                linewidth=1.6 if marker == "x" else 0.5, edgecolor=None if marker == "x" else "black", zorder=5,
                clip_on=False,
            )  # fmt: skip


def _labels(axes: Axes, rows: Any, lane: int, window: tuple[int, int], scale: int, texts: list[str]) -> None:
    """Write into every slice what its visible part has room for (all, or what is before the dot); mark preemptions."""
    for row, full in zip(rows, texts, strict=True):
        left, right = max(int(row["start"]), window[0]), min(int(row["end"]), window[1])
        room = (right - left) / (CHARACTER * (window[1] - window[0])) - 0.8
        text = next((each for each in (full, full.split(WAY)[0]) if len(each) < room), None)
        if text is not None:
            axes.text(
                (left + right) / 2 / scale, lane + 0.02, text, ha="center", va="center", fontsize=6.5, zorder=3,
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            )  # fmt: skip
        if row["reason"] == PREEMPTED and row["end"] <= window[1]:
            axes.plot([row["end"] / scale] * 2, [lane - 0.25, lane + 0.3], color="black", linewidth=1.8, zorder=3)


def _processor_lanes(axes: Axes, trace: Trace, shown: Any, used: list[int], start: int, end: int, scale: int) -> None:
    """One lane per processor that was used: the slices of all tasks."""
    owner = trace.jobs["task"][shown["job"]]
    for lane, processor in enumerate(used):
        here = shown["processor"] == processor
        for task in (trace.system.tasks[index] for index in np.unique(owner[here])):
            mine = shown[here & (owner == task.index)]
            _bars(axes, mine[mine["reason"] == DRAINED], lane, scale, task.index, **DRAIN)
            mine = mine[mine["reason"] != DRAINED]
            work = mine["reason"] != OVERHEAD
            _work(axes, trace, mine[work], lane, scale, task.index)
            _bars(axes, mine[~work], lane, scale, task.index, facecolor="#333333", hatch="")
            lost = mine[mine["reason"] == KILLED]
            _bars(axes, lost, lane, scale, task.index, facecolor="white", hatch="||||", edgecolor="#888888")
            graph = len(task.nodes) > 1
            texts = [
                (f"{task.name}.{task.pieces[row['node']].name}" if graph else task.name) + _way(trace, row)
                for row in mine[work]
            ]
            _labels(axes, mine[work], lane, (start, end), scale, texts)


def _legend(figure: Figure, trace: Trace, shown: Any, column: int | None) -> None:
    """What the signs mean; with areas (of so many ns a column) instead of single pieces, what those mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Any] = [
        Line2D([], [], marker="^", color="black", markersize=5, label="release"),
        Line2D([], [], marker="v", color="#555555", markersize=5, label="deadline"),
    ]
    if column is not None:
        wide = units.format_duration(column, digits=3)
        entries = [Patch(facecolor="#BBBBBB", edgecolor="black", label=f"height: how much of each {wide} it ran")]
    outcomes = set(trace.jobs["outcome"].tolist())
    if column is not None and outcomes & {LATE, DROPPED, ABORTED}:
        entries.append(Line2D([], [], marker="|", color=MISS, linestyle="", label="late, dropped or aborted"))
        if LATE in outcomes:
            entries.append(Patch(facecolor="white", hatch="xxxxxx", edgecolor=MISS, label="after the deadline"))
        outcomes = set()
    if LATE in outcomes:
        entries.append(Line2D([], [], marker="X", color=MISS, linestyle="", markeredgecolor="black", label="miss"))
        entries.append(Patch(facecolor="white", hatch="xxxxxx", edgecolor=MISS, label="after the deadline"))
    if outcomes & {DROPPED, ABORTED}:
        entries.append(Line2D([], [], marker="x", color=MISS, linestyle="", label="dropped or aborted"))
    if column is None and (shown["reason"] == PREEMPTED).any():
        entries.append(Line2D([], [], color="black", linewidth=1.8, marker="|", linestyle="", label="preempted"))
    if (shown["reason"] == OVERHEAD).any():
        entries.append(Patch(facecolor="#333333", label="overhead"))
    if (shown["reason"] == KILLED).any():
        entries.append(Patch(facecolor="white", hatch="||||", edgecolor="#888888", label="work lost"))
    if trace.deadlocks:
        entries.append(Line2D([], [], color=MISS, linewidth=1.6, linestyle=":", label="deadlock"))
    if (shown["reason"] == DRAINED).any():
        entries.append(Patch(label="drains", **DRAIN))
    if len(trace.waits):
        entries.append(Patch(facecolor="white", edgecolor="black", linestyle=(0, (3, 2)), label="waiting on the GPU"))
    if len(suspensions(trace)):
        entries.append(Line2D([], [], label="suspended", **SUSPENSION))
    if outages(trace):
        entries.append(Patch(facecolor="#F2F2F2", hatch="xx", edgecolor="#777777", label="out of service"))
    if len(trace.plans):
        entries.append(Patch(label="decides", **PLANS))
    figure.legend(handles=entries, loc="outside lower center", ncols=len(entries), fontsize=7, frameon=False)
