"""The picture of a schedule put together: its rows and panels, its time axis, its legend, and room for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import units
from rtsched.errors import InputError
from rtsched.plot import words
from rtsched.plot.choice import Choice
from rtsched.plot.density import COLUMNS, columns, draw_processors, draw_tasks, is_dense
from rtsched.plot.hardware import (
    draw_gpu,
    draw_outages,
    draw_panel,
    draw_plans,
    draw_suspensions,
    gpus,
    has_panel,
    outages,
    suspensions,
)
from rtsched.plot.lanes import has_waits, processor_lanes, task_lanes
from rtsched.plot.legend import draw_legend
from rtsched.plot.look import LONGEST_NAME, MISS, NAMES, TITLE, look_of
from rtsched.plot.scene import Row, Scene
from rtsched.plot.sections import LockSigns, draw_locks
from rtsched.plot.ticks import period_ticks
from rtsched.trace.trace import Trace
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Without a size: inches of the width, of each row (with sections, in which names stand), of each panel below, of all
#: the rest without title and legend; the most of the height.
WIDTH, ROW, LOCKING, PANEL, REST, HIGHEST = 10.0, 0.52, 0.7, 1.2, 0.62, 20.0
#: The least height of a row, in inches, and the most of the width that names may take.
LOWEST, BESIDE = 0.1, 0.3
#: What about stands left and right of the axes beside the names, in points.
MARGINS = 50.0
#: How much of the width a title surely has.
ROOM = 0.8


def draw(trace: Trace, chosen: Choice, start: int, end: int, title: str, part: str) -> Figure:
    """The picture of a window [start, end) ns; `part` says which part of a run it is. Raises InputError: too low."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    slices = trace.slices[(trace.slices["end"] > start) & (trace.slices["start"] < end)]
    scale, unit = scale_of(end - start)
    scene = Scene(trace, start, end, scale, chosen.tasks, _rows(trace, chosen), slices)
    used = _used(trace, chosen)
    devices = gpus(trace) if chosen.rows != "task" else []
    panel = has_panel(trace) and chosen.rows != "task"
    heights = [len(scene.rows) + 0.5] * bool(scene.rows) + [len(used) + 0.3] * bool(used)
    heights += [2.2] * (panel + len(devices))
    width, height = chosen.size or (WIDTH, None)
    figure = Figure(figsize=(width, height or 1), layout="constrained")
    FigureCanvasAgg(figure)
    every = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    lanes = every[: bool(scene.rows) + bool(used)]
    if scene.rows:
        lane(
            every[0],
            scene,
            [cut(row.name, LONGEST_NAME) for row in scene.rows],
            "node" if chosen.rows == "node" else "task",
            width,
        )
    if used:
        lane(
            lanes[-1],
            scene,
            [cut(trace.system.processors[index].name, LONGEST_NAME) for index in used],
            "processor",
            width,
        )
    for axes, device in zip(every[len(lanes) :], devices, strict=False):
        looks = [look_of(task.index) if task.index in chosen.tasks else ("#E4E4E4", "") for task in trace.system.tasks]
        draw_gpu(axes, trace, device, scale, looks)
    if panel:
        draw_panel(every[-1], trace, start, end, scale)
    dense = is_dense(trace, scene.tasks, slices, start, end)
    locks = LockSigns(scene) if scene.rows and not dense and len(trace.locks) else None
    lines = _lines(scene, [*title.split("\n"), part], 72 * width)
    below = draw_legend(figure, scene, (end - start) // COLUMNS if dense else None, _shows(scene, used, locks))
    if height is None:
        rows = (LOCKING if locks is not None else ROW) * (len(scene.rows) + 0.4 * bool(scene.rows)) + ROW * len(used)
        rest = REST + 0.25 * bool(used) + PANEL * (panel + len(devices)) + 0.19 * (len(lines) + below)
        figure.set_size_inches(width, min(HIGHEST, rows + rest))
    every[-1].set_xlabel(f"time ({unit})", fontsize=NAMES)
    every[-1].tick_params(axis="x", labelsize=NAMES)
    every[-1].set_xlim(start / scale, end / scale)
    _settle(figure, scene, every, lanes, lines)
    edges = columns(start, end)
    if scene.rows and dense:
        draw_tasks(every[0], scene, edges)
    elif scene.rows:
        task_lanes(every[0], scene, locks is not None)
    if locks is not None:
        draw_locks(every[0], scene, locks)
    if used:
        if dense:
            draw_processors(lanes[-1], scene, used, edges)
        else:
            processor_lanes(lanes[-1], scene, used, alone=not scene.rows)
        draw_outages(lanes[-1], trace, used, scale)
        draw_suspensions(lanes[-1], trace, used, scale)
        draw_plans(lanes[-1], trace, used, scale)
    for deadlock in trace.deadlocks:
        every[0].axvline(deadlock.time / scale, color=MISS, linewidth=1.6, linestyle=":", zorder=6)
    name = title.split("\n", 1)[0]
    figure.set_label(f"{name}\n{words.description(trace, chosen, start, end)}")
    return figure


def _lines(scene: Scene, lines: list[str], width: float) -> list[str]:
    """The lines of a title; what is too long for one line has its system and its policy on two."""
    found: list[str] = []
    for line in filter(None, lines):
        wide = scene.ruler.measure(line, NAMES) > ROOM * width
        found += line.split(" – ", 1) if wide else [line]
    return found


def scale_of(span: int) -> tuple[int, str]:
    """The unit of the time axis, in ns and by name."""
    for unit, scale in (("s", units.S), ("ms", units.MS), ("us", units.US)):
        if span >= 4 * scale:
            return scale, unit
    return 1, "ns"


def _rows(trace: Trace, chosen: Choice) -> list[Row]:
    """The rows of tasks, or of their nodes."""
    if chosen.rows == "processor":
        return []
    rows = []
    for index in chosen.tasks:
        task = trace.system.tasks[index]
        if chosen.rows == "node" and len(task.nodes) > 1:
            rows += [Row(index, node.index, f"{task.name}.{node.name}") for node in task.nodes]
        else:
            rows.append(Row(index, None, task.name))
    return rows


def _used(trace: Trace, chosen: Choice) -> list[int]:
    """The processors that have rows: those of the tasks drawn, and those on which something happened."""
    if chosen.rows in ("task", "node"):
        return []
    mine = trace.slices["processor"][np.isin(trace.jobs["task"][trace.slices["job"]], chosen.tasks)]
    used = sorted({*mine.tolist(), *outages(trace), *trace.plans["subject"].tolist()})
    several = len(used) > 1 or len(trace.plans) > 0 or len(suspensions(trace)) > 0
    return used if several or chosen.rows is not None else []


def _shows(scene: Scene, used: list[int], locks: LockSigns | None) -> set[str]:
    """What kinds of things there are, for the legend."""
    found = set() if locks is None else locks.kinds()
    if scene.rows:
        found |= {"task"} | ({"waits"} if has_waits(scene) else set())
    if used:
        here = np.isin(scene.slices["processor"], used)
        found |= {"processor"} | ({"other"} if not np.isin(scene.owner[here], scene.tasks).all() else set())
    return found


def lane(axes: Any, scene: Scene, names: list[str], label: str, width: float) -> None:
    """Axes with a row for each name, from the top."""
    size = NAMES
    most = BESIDE * 72 * width
    axes.set_yticks(range(len(names)), [scene.ruler.fit(name, most, size) for name in names], fontsize=size)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)  # also where somebody else draws the figure again
    axes.set_ylim(len(names) - 0.35, -0.75)
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=NAMES)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.hlines(np.arange(len(names)) + 0.3, 0, 1, transform=axes.get_yaxis_transform(), color="#888888",
                linewidth=0.6, zorder=1)  # fmt: skip


def _settle(figure: Figure, scene: Scene, every: list[Any], lanes: list[Any], title: list[str]) -> None:
    """Find out how much room there is once all beside the rows has its own, and keep it so. Raises InputError."""
    every[0].set_title("\n".join("X" for _ in title), fontsize=TITLE, loc="left")
    room = 72 * float(figure.get_size_inches()[0])
    names = [text.get_text() for axes in lanes for text in axes.get_yticklabels()]
    width = room - max(scene.ruler.measure(name, NAMES) for name in names) - MARGINS
    ticks = period_ticks(scene.trace, scene.tasks, (scene.start, scene.end), scene.scale, width, scene.ruler)
    if ticks is not None:
        every[-1].set_xticks([time for time, _ in ticks], [text for _, text in ticks])
    layout: Any = figure.get_layout_engine()
    layout.execute(figure)
    figure.set_layout_engine("none")
    scene.width = _size(figure, every[0])[0]
    left = every[0].get_position().x0 * room
    most = max((scene.ruler.measure(line, TITLE) for line in title), default=0.0)
    size = max(NAMES, min(TITLE, TITLE * (room - left - 6) / (most or 1)))
    lines = [scene.ruler.fit(line, room - left - 6, size) for line in title]
    every[0].set_title("\n".join(lines), fontsize=size, loc="left")
    for axes in lanes:
        rows = len(axes.get_yticks())
        high = _size(figure, axes)[1] / (rows + 0.4)
        if axes is every[0]:
            scene.high = high
        if high < LOWEST * 72:
            raise InputError(
                f"size of a picture: too low for {rows} rows; give more height, or fewer --tasks or --rows"
            )
        if high < 1.25 * NAMES:
            axes.tick_params(axis="y", labelsize=high / 1.25)


def _size(figure: Figure, axes: Any) -> tuple[float, float]:
    """Width and height of axes, in points."""
    box, (width, height) = axes.get_position(), figure.get_size_inches()
    return float(72 * width * box.width), float(72 * height * box.height)
