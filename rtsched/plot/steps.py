"""The calculation behind a verdict as a picture: loads beside their bounds, staircases of responses, demand and time.

It is drawn for a screen in a lecture: large, and told apart by hatches and marks as well as by colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.files import picture_format, write_whole
from rtsched.plot.gantt import render
from rtsched.plot.look import plain
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: More panels than these are not drawn; so wide and high is one of them, in inches.
MOST_PANELS = 6
WIDTH, HEIGHT = 6.4, 4.3
#: Bars beside each other in one panel, and how long a name may be.
MOST_BARS, LONGEST = 8, 24
BLUE, ORANGE, INK, GREY = "#0072B2", "#D55E00", "#111111", "#777777"
SIZES = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}

Panel = tuple[float, Callable[["Axes"], None]]
Lines = Sequence[Mapping[str, Any]]


def draw(boards: Lines, path: str | Path | None = None, title: str = "") -> Figure:
    """Draw the boards (as `Board.to_dict` gives them); write to `path` (.png, .svg or .pdf) if given.

    Raises InputError where none of their tests has a picture.
    """
    path = None if path is None else Path(path)
    kind = picture_format(path) if path is not None else "png"
    panels = [panel for board in boards for panel in _panels(board)]
    if not panels:
        raise InputError(
            "--plot: no test that applied has a picture (loads, response times under fixed priorities, demand); "
            "--steps says what each of them did"
        )
    kept = sorted(sorted(range(len(panels)), key=lambda place: (panels[place][0], place))[:MOST_PANELS])
    with plain(**{"font.size": 12, "axes.titlesize": 13, "axes.labelsize": 12, "hatch.linewidth": 0.8}):
        figure = _figure([panels[place][1] for place in kept], title, len(panels) - len(kept))
    if path is not None:
        write_whole(path, render(figure, kind))
    return figure


def _figure(panels: Sequence[Callable[[Axes], None]], title: str, more: int) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 1 if len(panels) == 1 else 2 if len(panels) <= 4 else 3
    rows = -(-len(panels) // columns)
    size = (max(8.0, WIDTH * columns), HEIGHT * rows + 0.6)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        panel(axes)
    figure.suptitle(f"{cut(title, 60)}: the calculation", fontsize=15)
    if more:
        figure.supxlabel(
            f"{more} more panel{'s are' if more > 1 else ' is'} not drawn: of responses those with the most time left",
            fontsize=10, color=GREY,
        )  # fmt: skip
    return figure


def _panels(board: Mapping[str, Any]) -> list[Panel]:
    """What can be drawn of one board, each with its rank: loads and demand first, then by the share of D left."""
    size = SIZES[board["unit"]]
    panels: list[Panel] = []
    tests = [test for test in board["tests"] if not test["aside"]]
    loads: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for test in tests:
        for line in filter(_is_load, test["lines"]):
            if all(line["data"] != other["data"] for _, other in loads):  # U beside 1 belongs to several tests
                loads.append((test, line))
    if loads:
        panels.append((-2.0, lambda axes: _loads(axes, loads[:MOST_BARS], board["part"])))
    for test in tests:
        for line in test["lines"]:
            data = line["data"]
            if line["kind"] == "demand" and len(data["points_ns"]) > 1:
                panels.append((-1.0, lambda axes, test=test, data=data: _demand(axes, test, data, board, size)))  # type: ignore[misc]
            elif line["kind"] == "iterates" and data.get("worst") and data["corners_ns"] and len(data["values_ns"]) > 2:
                left = (data["deadline_ns"] - data["response_ns"]) / data["deadline_ns"]
                panels.append((left, lambda axes, test=test, line=line: _stairs(axes, test, line, board, size)))  # type: ignore[misc]
    return panels


def _is_load(line: Mapping[str, Any]) -> bool:
    return line["kind"] == "load" and bool(line["data"]["terms"]) and line["data"]["limit"] > 0


def _loads(axes: Axes, loads: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], part: str) -> None:
    """Bars of what each test adds up, as a share of its bound: a bar beyond the line is too long."""
    widest = max([line["data"]["value"] / line["data"]["limit"] for _, line in loads] + [1.0])
    for place, (_, line) in enumerate(loads):
        data, holds = line["data"], line["holds"]
        share = data["value"] / data["limit"]
        look: dict[str, Any] = {"facecolor": ORANGE, "edgecolor": INK}
        if holds:
            look = {"facecolor": "white", "edgecolor": BLUE, "hatch": "//"}
        axes.barh(place, share, height=0.5, linewidth=1.2, **look)
        digits = next((n for n in range(3, 12) if f"{data['value']:.{n}f}" != f"{data['limit']:.{n}f}"), 3)
        value, limit = f"{data['value']:.{digits}f}", f"{data['limit']:.{digits}f}"
        limit = limit.rstrip("0").rstrip(".") if float(limit) == round(float(limit)) else limit
        text = f"{data['symbol']} = {value} {'≤' if holds else '>'} {limit}"
        axes.text(0.01 * widest, place - 0.32, text, ha="left", va="bottom", color=INK)
    axes.axvline(1, color=INK, linewidth=2)
    axes.set_yticks(range(len(loads)), [test["test"] for test, _ in loads])
    axes.set_ylim(len(loads) - 0.4, -0.75)
    axes.set_xlim(0, 1.08 * widest)
    axes.set_xlabel("share of the bound (the line: all of it)")
    axes.set_title(f"{cut(part, LONGEST)}: loads and bounds", loc="left")


def _stairs(axes: Axes, test: Mapping[str, Any], line: Mapping[str, Any], board: Mapping[str, Any], size: int) -> None:
    """The work requested up to t beside the line y = t: the iterates climb until they meet it."""
    data, unit = line["data"], board["unit"]
    values = [value / size for value in data["values_ns"]]
    due, end = data["due_ns"] / size, values[-1]
    far = 1.12 * max(due, end)
    corners = [(t / size, w / size) for t, w in data["corners_ns"]]
    x, y = [], []
    for place, (t, w) in enumerate(corners):
        after = corners[place + 1][0] if place + 1 < len(corners) else far if end < due else max(end, t)
        x += [t, after]
        y += [w, w]
    known = end if end < far else far
    axes.plot([0, far], [0, far], color=GREY, linewidth=1.4, linestyle="--", zorder=1)
    axes.text(0.995 * far, 0.86 * far, "y = t", color=GREY, ha="right", va="top")
    axes.plot([min(each, max(known, corners[-1][0])) for each in x], y, color=BLUE, linewidth=2.4, zorder=3)
    path = [(values[0], 0.0)]
    for before, after in pairwise(values):
        path += [(before, after), (after, after)]
    axes.plot(*zip(*path, strict=True), color=INK, linewidth=1.1, marker="o", markersize=4, zorder=4)
    holds = bool(line["holds"])
    axes.axvline(due, color=ORANGE, linewidth=2.2, linestyle=(0, (5, 2)), zorder=2)
    axes.text(
        due,
        0.015 * far,
        f" {'due' if data['job'] else 'D'}{'' if data['of'] == 'end' else ' − F'}",
        color=ORANGE,
        ha="left",
        va="bottom",
    )
    axes.plot([end], [end], marker="o" if holds else "X", markersize=11, color=BLUE if holds else ORANGE, zorder=5,
              markeredgecolor=INK, linestyle="none")  # fmt: skip
    axes.set_xlim(0, far)
    axes.set_ylim(0, 1.05 * far)
    axes.set_xlabel(f"t ({unit})")
    axes.set_ylabel(f"requested before its {'end' if data['of'] == 'end' else 'last region'} ({unit})")
    job = f", job {data['job'] + 1}" if data["job"] else ""
    response, deadline = f"{data['response_ns'] / size:.6g}", f"{data['deadline_ns'] / size:.6g}"
    sign = "≤" if holds else ">"
    title = f"{cut(line['task'], LONGEST)}{job}: R = {response} {sign} {deadline} {unit} ({test['test']})"
    axes.set_title(title, loc="left")


def _demand(axes: Axes, test: Mapping[str, Any], data: Mapping[str, Any], board: Mapping[str, Any], size: int) -> None:
    """What is due by t beside the line y = t; the first crossing is marked."""
    points = [(t / size, (due + behind) / size) for t, due, behind in data["points_ns"] if t >= 0]
    cross = data["crossing_ns"]
    unit = board["unit"]
    far = 1.08 * max([points[-1][0], *(y for _, y in points)])
    x, y = [0.0], [0.0]
    for t, due in points:
        x += [t, t]
        y += [y[-1], due]
    gap = data["left_out"] > 0
    axes.plot([0, far], [0, far], color=GREY, linewidth=1.4, linestyle="--", zorder=1)
    axes.text(0.97 * far, 0.985 * far, "supply: y = t", color=GREY, ha="right", va="bottom")
    axes.plot([*x, far], [*y, y[-1]] if not gap else [*y, float("nan")], color=BLUE, linewidth=2.2, zorder=3)
    if cross is not None:
        t, due = cross / size, next(y for x, y in reversed(points) if x == max(cross, 0) / size)
        axes.plot([t], [due], marker="X", markersize=12, color=ORANGE, markeredgecolor=INK, linestyle="none", zorder=5)
        axes.annotate(f"first crossing\nt = {t:.6g}: {due:.6g}", (t, due), xytext=(-10, 4), ha="right", va="bottom",
                      textcoords="offset points", color=INK)  # fmt: skip
    axes.set_xlim(0, far)
    axes.set_ylim(0, 1.05 * far)
    axes.set_xlabel(f"t ({unit})")
    axes.set_ylabel(f"due within t{', with blocking' if any(b for _, _, b in data['points_ns']) else ''} ({unit})")
    more = f", {data['left_out']} deadlines left out" if gap else ""
    verdict = "demand ≤ supply" if cross is None else "demand > supply"
    axes.set_title(f"{cut(board['part'], LONGEST)}: {verdict} ({test['test']}{more})", loc="left")
