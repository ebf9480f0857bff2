"""Misses against accuracy: every policy a point, and the front of those that no other beats in both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.visible import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rtsched.experiment.compare import Comparison
    from rtsched.experiment.contrast import Cell

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"
#: The accuracies that can stand upright, the first that there is, and what is written beside them.
HEIGHTS = {"effective_accuracy": "effective accuracy (%)", "kept_accuracy": "accuracy kept, of each task's best (%)"}


@dataclass(frozen=True)
class Point:
    """A policy in the plane: its place, how far its interval goes in both directions, and whether nobody beats it.

    `dx` is left and right, `dy` down and up: 0 where all runs gave the same, or there is a single one.
    """

    name: str
    x: float
    y: float
    dx: tuple[float, float]
    dy: tuple[float, float]
    best: bool

    def called(self, name: str) -> Point:
        """The same under another name."""
        return replace(self, name=name)


def points(answer: Comparison) -> tuple[list[Point], str]:
    """The points of a comparison, and the metric on the upright axis: accuracy, or the tail of the response times.

    Where accuracies count different things it is what is kept of each task's best.
    """
    metric = next((name for name in HEIGHTS if name in answer.metrics), "p95")
    for needed in ("miss_ratio", metric):
        if needed not in answer.metrics:
            raise InputError("--plot draws misses against accuracy, and this comparison lacks one of them")
    sign = 1 if metric in HEIGHTS else -1
    scale = 100 if sign == 1 else 1
    places = [(visible(row.policy), row.cells["miss_ratio"], row.cells[metric]) for row in answer.rows]
    found = []
    for name, misses, height in places:
        beaten = any(
            other_x.mean <= misses.mean
            and sign * other_y.mean >= sign * height.mean
            and (other_x.mean, other_y.mean) != (misses.mean, height.mean)
            for _, other_x, other_y in places
        )
        ends = _ends(misses, 100), _ends(height, scale)
        found.append(Point(name, 100 * misses.mean, scale * height.mean, *ends, not beaten))
    return found, metric


def _ends(cell: Cell, scale: int) -> tuple[float, float]:
    """How far the interval of a figure goes down and up; the room that equal runs leave is told, not drawn."""
    if cell.low is None or cell.high is None or cell.half == 0:
        return 0.0, 0.0
    return scale * (cell.mean - cell.low), scale * (cell.high - cell.mean)


def front(answer: Comparison, path: str | Path) -> None:
    """Draw the comparison into `path` (.png, .svg or .pdf), whole or not at all."""
    from rtsched.files import picture_format, write_whole
    from rtsched.plot.gantt import render
    from rtsched.plot.look import plain

    path = Path(path)
    kind = picture_format(path)
    with plain():
        write_whole(path, render(_draw(answer), kind))


def _draw(answer: Comparison) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    marks, metric = points(answer)
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    accurate = metric in HEIGHTS
    draw_points(axes, marks, accurate)
    axes.set_xlabel("jobs that missed (%)")
    axes.set_ylabel(HEIGHTS.get(metric, "worst p95 / deadline of finished jobs"))
    count = len(answer.seeds)
    better = "up and to the left is better" if accurate else "down and to the left is better"
    notes = "".join(f"\n{visible(note)}" for note in [*answer.notes, *_without_bars(answer, metric)])
    name = visible(answer.system)
    axes.set_title(f"{name}, {count} seed{'s' * (count > 1)}: {better}{notes}", fontsize=10, loc="left")
    label_points(axes, marks)
    return figure


def _without_bars(answer: Comparison, metric: str) -> list[str]:
    """What the points without a bar leave open."""
    count = len(answer.seeds)
    places = [(row.cells["miss_ratio"], row.cells[metric]) for row in answer.rows]
    if answer.fixed or count < 2 or not any(cell.half == 0 for place in places for cell in place):
        return []
    room = 100 * answer.unseen
    return [f"no bar: the same in all {count} runs; up to {room:.2g} % of all runs may differ (rule of three)"]


def draw_points(axes: Any, marks: list[Point], percent: bool) -> None:
    """The points of one comparison with their intervals, and the front through the best; `percent` upwards, too."""
    best = sorted((point for point in marks if point.best), key=lambda point: (point.x, point.y))
    axes.plot([p.x for p in best], [p.y for p in best], color=BLUE, linewidth=1.2, zorder=1)
    for point in marks:
        colour = BLUE if point.best else GREY
        axes.errorbar(
            point.x, point.y, xerr=_bar(point.dx), yerr=_bar(point.dy), fmt="o" if point.best else "s",
            markersize=6, color=colour, capsize=2, linewidth=1, zorder=2,
        )  # fmt: skip
    axes.grid(color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.margins(0.14, 0.12)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -4), min(high, 104))
    if percent:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -4), min(high, 104))


def _bar(ends: tuple[float, float]) -> list[list[float]] | None:
    return [[end] for end in ends] if any(ends) else None


def label_points(axes: Any, marks: list[Point]) -> None:
    """Names beside the points, each at the first of several places where it meets no other name or point."""
    from matplotlib.text import Text

    axes.figure.draw_without_rendering()
    renderer = axes.figure.canvas.get_renderer()
    dots = [axes.transData.transform((point.x, point.y)) for point in marks]
    limits = axes.get_window_extent(renderer)
    taken: list[Any] = []
    for point, dot in sorted(zip(marks, dots, strict=True), key=lambda item: (-item[0].best, item[1][1], item[1][0])):
        text = None
        for place, (dx, dy) in enumerate([*PLACES, PLACES[0]]):
            text = axes.annotate(
                point.name, (point.x, point.y), (dx, dy), textcoords="offset points", fontsize=8,
                ha="left" if dx > 0 else "right" if dx < 0 else "center", va="center",
                color=BLUE if point.best else "#444444",
                arrowprops={"arrowstyle": "-", "color": "#BBBBBB", "linewidth": 0.6} if abs(dy) > 14 else None,
            )  # fmt: skip
            text.set_in_layout(False)
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer).padded(1)  # without the line that leads to it
            inside = limits.x0 <= box.x0 and box.x1 <= limits.x1 and limits.y0 <= box.y0 and box.y1 <= limits.y1
            others = [each for each in dots if tuple(each) != tuple(dot)]
            near = box.padded(5)  # a marker is larger than its middle
            free = not any(box.overlaps(other) for other in taken) and not any(near.contains(*each) for each in others)
            if (inside and free) or place == len(PLACES):
                taken.append(box)
                break
            text.remove()


#: Where a name may stand from its point, in points (1/72 inch), best first: beside it, else at the end of a line.
PLACES = [(8, 0), (-8, 0), (8, 10), (8, -10), (-8, 10), (-8, -10), (0, 12), (0, -12)] + [
    (side * (12 + step), up * (24 + 13 * step)) for step in range(12) for side in (1, -1) for up in (1, -1)
]
