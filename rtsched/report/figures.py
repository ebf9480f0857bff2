"""The six figures of a report: what bounds consist of, the critical instant, responses, sensitivity, chains, paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.report import facts
from rtsched.report.drawing import BOUND, DASHES, DEADLINE, GREY, INK, Drawing, empty, scale, short, tidy
from rtsched.report.section import number_of
from rtsched.schedulability.analyse import GroupAnalysis, apply, combine
from rtsched.schedulability.result import KINDS, Bound
from rtsched.schedulability.search import margins
from rtsched.verify import words
from rtsched.verify.verification import Verification
from rtsched.visible import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colour and hatch of each part of a bound.
PARTS = {
    "own": ("#56B4E9", ""),
    "blocking": ("#D55E00", "xxxx"),
    "interference": ("#F0B840", "////"),
    "suspension": ("#8FD0B8", "...."),
    "jitter": ("#E3B5CF", "\\\\\\\\"),
    "overhead": ("#444444", ""),
}
#: Bars, histograms and curves are drawn of so many tasks, the tightest.
MOST_BARS, MOST_HISTOGRAMS, MOST_CURVES = 36, 6, 8
#: Bars longer than this many deadlines are cut off.
MOST_DEADLINES = 3.0
#: Factors of all execution times at which bounds are computed.
FACTORS = tuple(Fraction(percent, 100) for percent in range(50, 151, 5))


def drawings(found: Verification) -> list[Drawing]:
    """All figures in their order, those that do not apply as a sentence why."""
    from rtsched.report.critical import critical
    from rtsched.report.graph import graphs

    made = [bars(found), critical(found), histograms(found), sensitivity(found), chains(found), *graphs(found)]
    return [shown(each) for each in made]


# ---- (a) what the bounds consist of ----------------------------------------------------------------------------------


def bars(found: Verification) -> Drawing:
    """(a) One bar per task, its bound by parts, against its deadline."""
    title = "(a) What each bound consists of"
    order = [place for place in facts.closest(found) if found.bounds[place].wcrt is not None]
    if not any(found.bounds[place].parts for place in order):
        why = "no task has a bound on its response time" if not order else "the tests give no breakdown of their bounds"
        return Drawing("fa", title, f"Left out: {why}.")
    shown = order[:MOST_BARS]
    text = "The bound on the response time of each task as a share of its deadline, the tightest first."
    missing = len(found.bounds) - len(order)
    if missing:
        text += f" {facts.counted(missing, 'task')} without a bound {'is' if missing == 1 else 'are'} not shown."
    if len(order) > len(shown):
        text += f" Only the {len(shown)} tightest of {len(order)} tasks are shown."
    return Drawing("fa", title, text, lambda: _bars([found.bounds[place] for place in shown]))


def _bars(bounds: list[Bound]) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure = empty(0.95 + 0.27 * len(bounds))
    axes = figure.subplots()
    limit = 100 * min(MOST_DEADLINES, max(1.0, *((bound.wcrt or 0) / bound.deadline for bound in bounds)))
    seen: dict[str, Any] = {}
    for row, bound in enumerate(bounds):
        left = 0.0
        whole = 100 * (bound.wcrt or 0) / bound.deadline
        if not bound.parts:
            axes.barh(row, whole, 0.62, facecolor="white", edgecolor=INK, linewidth=0.6)
        for kind in KINDS:
            width = 100 * bound.total(kind) / bound.deadline
            if width:
                colour, hatch = PARTS[kind]
                axes.barh(row, width, 0.62, left, facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.6)
                seen[kind] = Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.6, label=kind)
                left += width
        text = f"{'→ ' if whole > limit else ''}{words.time(bound.wcrt)} of {words.time(bound.deadline)}"
        late = bool(bound.wcrt and bound.wcrt > bound.deadline)
        axes.text(1.01, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7,
                  color=DEADLINE if late else INK, fontweight="bold" if late else "normal")  # fmt: skip
    axes.axvline(100, color=DEADLINE, linewidth=1.6, linestyle="--")
    axes.set_yticks(range(len(bounds)), [short(bound.task) for bound in bounds])
    axes.set_ylim(len(bounds) - 0.45, -0.55)
    axes.set_xlim(0, limit * 1.02)
    axes.set_xlabel("share of the deadline (%)")
    tidy(axes)
    handles = [seen[kind] for kind in KINDS if kind in seen]
    handles.append(Line2D([], [], color=DEADLINE, linewidth=1.6, linestyle="--", label="deadline"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7, frameon=False)
    return figure


# ---- (c) response times ----------------------------------------------------------------------------------------------


def histograms(found: Verification) -> Drawing:
    """(c) How often which response time was seen, against bound and deadline."""
    title = "(c) Response times seen in simulation"
    if found.observation is None:
        return Drawing("fc", title, "Left out: nothing was simulated.")
    responses = [values[values >= 0] for values in found.observation.responses]
    shown = [place for place in facts.closest(found) if len(responses) > place and len(responses[place])]
    if not shown:
        return Drawing("fc", title, "Left out: no job ended in the simulated runs.")
    text = "How many jobs took how long (logarithmic), with bound and deadline: evidence beside the proof."
    if len(shown) > MOST_HISTOGRAMS:
        text += f" The {MOST_HISTOGRAMS} tightest of {len(shown)} tasks."
    if any(found.bounds[place].wcrt is None for place in shown[:MOST_HISTOGRAMS]):
        text += " Where no line is drawn for the bound there is none."
    return Drawing("fc", title, text, lambda: _histograms(found, shown[:MOST_HISTOGRAMS], responses))


def _histograms(found: Verification, places: list[int], responses: Sequence[Any]) -> Figure:
    from matplotlib.ticker import FuncFormatter, LogLocator

    columns = min(2, len(places))
    rows = math.ceil(len(places) / columns)
    figure = empty(0.45 + 1.5 * rows)
    cells = figure.subplots(rows, columns, squeeze=False).flat
    for axes in list(cells)[len(places) :]:
        axes.set_axis_off()
    for axes, place in zip(figure.axes, places, strict=False):
        bound, values = found.bounds[place], responses[place]
        most = max(int(values.max()), bound.deadline, bound.wcrt or 0)
        size, unit = scale(most)
        axes.hist(
            values / size, (edges(most, bound) / size).tolist(), facecolor="#BBD7EA", edgecolor="#33546B", linewidth=0.5
        )
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))
        axes.set_ylim(0.6, None)
        if bound.wcrt is not None:
            axes.axvline(bound.wcrt / size, color=BOUND, linewidth=1.6)
        axes.axvline(bound.deadline / size, color=DEADLINE, linewidth=1.6, linestyle="--")
        axes.set_xlim(0, 1.04 * most / size)
        axes.set_title(short(bound.task, 40), fontsize=8, loc="left")
        axes.set_xlabel(f"response time ({unit})", fontsize=7)
        axes.set_ylabel("jobs", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.minorticks_off()
        tidy(axes, "y")
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=DEADLINE, linewidth=1.6, linestyle="--", label="deadline")]
    if any(found.bounds[place].wcrt is not None for place in places):
        handles.insert(0, Line2D([], [], color=BOUND, linewidth=1.6, label="bound"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=7, frameon=False)
    return figure


def edges(most: int, bound: Bound) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Where the bars of a histogram begin and end: no bar lies on both sides of the bound or of the deadline.

    Half a nanosecond beyond them, so that a response that is equal to one is counted on its left.
    """
    grid = np.linspace(0, 1.04 * most, 53)
    fixed = [value + 0.5 for value in (bound.wcrt, bound.deadline) if value is not None]
    apart = np.min([np.abs(grid - value) for value in fixed], axis=0) > 0.4 * grid[1]
    return np.unique(np.concatenate([[0.0], grid[apart], fixed, grid[-1:]]))


# ---- (d) sensitivity -------------------------------------------------------------------------------------------------


def scaled_bounds(found: Verification, part: GroupAnalysis, factor: Fraction) -> dict[str, int | None]:
    """The bounds of a part's tasks with all its execution times scaled."""
    due = {found.system.tasks[index].name: found.system.tasks[index].deadline for index in part.view.tasks}
    applied, _ = apply([margins.scaled(model, C=factor) for model in part.view.models])
    return {bound.task: bound.wcrt for bound in combine(part.view, applied, due).bounds}


def sensitivity(found: Verification) -> Drawing:
    """(d) Bound over deadline as all execution times shrink or grow together."""
    title = "(d) Sensitivity to all execution times"
    usable = {found.system.tasks[i].name for part in found.analysis.parts if part.view.models for i in part.view.tasks}
    order = [p for p in facts.closest(found) if found.system.tasks[p].name in usable]
    places = [p for p in order if found.bounds[p].wcrt is not None] + [p for p in order if found.bounds[p].wcrt is None]
    if not places:
        return Drawing("fd", title, "Left out: no theorem speaks of this system, so there is no bound to follow.")
    shown = [found.system.tasks[place] for place in places[:MOST_CURVES]]
    factors = FACTORS
    if found.breakdown is not None and FACTORS[0] < found.breakdown < FACTORS[-1]:
        factors = tuple(sorted({*FACTORS, found.breakdown}))
    curves: dict[str, list[float]] = {task.name: [] for task in shown}
    for part in found.analysis.parts:
        mine = [task for task in shown if task.index in part.view.tasks]
        for factor in factors if mine else ():
            bounds = scaled_bounds(found, part, factor)
            for task in mine:
                wcrt = bounds.get(task.name)
                curves[task.name].append(math.nan if wcrt is None else wcrt / task.deadline)
    if all(math.isnan(value) for values in curves.values() for value in values):
        why = "the tests decide without response times, or find none at any of these factors"
        return Drawing("fd", title, f"Left out: {why}.")
    text = (
        f"Bound over deadline when {words.together(found)} are scaled, in steps of 5 %{_most(places)}. A line "
        "ends where no finite bound is found any more."
    )
    without = sum(all(map(math.isnan, values)) for values in curves.values())
    if without:
        text += f" {facts.counted(without, 'task')} {'has' if without == 1 else 'have'} no bound at any factor."
    if found.breakdown is not None:
        text += f" The breakdown factor is {float(found.breakdown):.3f}."
    return Drawing("fd", title, text, lambda: _sensitivity(factors, curves, found.breakdown))


def _most(places: list[int]) -> str:
    return f", for the {MOST_CURVES} tightest of {len(places)} tasks" if len(places) > MOST_CURVES else ""


def _sensitivity(factors: Sequence[Fraction], curves: dict[str, list[float]], breakdown: Fraction | None) -> Figure:
    figure = empty(3.3)
    axes = figure.subplots()
    x = np.array([float(factor) for factor in factors])
    groups: dict[tuple[float, ...], list[str]] = {}
    for name, values in curves.items():
        if not all(map(math.isnan, values)):
            groups.setdefault(tuple(-1.0 if math.isnan(v) else v for v in values), []).append(name)
    highest = 1.0
    for number, (key, names) in enumerate(groups.items()):
        y = np.array([math.nan if value < 0 else value for value in key])
        highest = max(highest, float(np.nanmax(y)))
        label = short(names[0]) + (f" (and {len(names) - 1} alike)" if len(names) > 1 else "")
        axes.plot(x, y, color=_SHADES[number], linestyle=DASHES[number], marker="osD^v<>P"[number], markersize=3.2,
                  linewidth=1.3, markevery=(number % 2, 2), label=label)  # fmt: skip
        ended = np.flatnonzero(~np.isnan(y))[-1]
        if ended < len(x) - 1:
            axes.plot(x[ended], y[ended], marker="x", markersize=7, color=_SHADES[number], markeredgewidth=1.6)
    axes.axhline(1, color=DEADLINE, linewidth=1.6, linestyle="--")
    axes.axvline(1, color=GREY, linewidth=0.8)
    top = min(highest * 1.06, MOST_DEADLINES)
    axes.set_ylim(0, top)
    axes.set_xlim(0.49, 1.51)
    axes.text(0.495, 1 + 0.012 * top, "deadline", color=DEADLINE, fontsize=7, va="bottom")
    if breakdown is not None and 0.5 <= breakdown <= 1.5:
        axes.axvline(float(breakdown), color=BOUND, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.text(float(breakdown), 1.01, f"breakdown {float(breakdown):.3f}", transform=axes.get_xaxis_transform(),
                  fontsize=7, color=BOUND, ha="center", va="bottom")  # fmt: skip
    axes.set_xlabel("factor of all execution times (1: as given)")
    axes.set_ylabel("bound / deadline")
    tidy(axes, "both")
    figure.legend(loc="outside right upper", fontsize=7, frameon=False, handlelength=3.2)
    return figure


_SHADES = ("#0072B2", "#D55E00", "#009E73", "#111111", "#CC79A7", "#8A6D00", "#56B4E9", "#777777")


# ---- (e) chains ------------------------------------------------------------------------------------------------------


def chains(found: Verification) -> Drawing:
    """(e) Where the reaction time of each chain goes."""
    title = "(e) Latency budget of cause-effect chains"
    if not found.system.chains:
        return Drawing("fe", title, "Left out: the system has no cause-effect chains.")
    known = [
        (chain.name, result.bounds[0])
        for chain, result in zip(found.system.chains, found.analysis.chains, strict=True)
        if result.bounds
    ]
    if not known:
        return Drawing(
            "fe", title, f"Left out: no chain has a bound on its reaction time (section {number_of('open')} says why)."
        )
    text = (
        "The bound on the reaction time of each chain, step by step: a step waits for the next task and its response."
    )
    if len(known) < len(found.system.chains):
        text += f" {facts.counted(len(found.system.chains) - len(known), 'chain')} without a bound not shown."
    return Drawing("fe", title, text, lambda: _chains(known))


def _chains(known: list[tuple[str, Bound]]) -> Figure:
    most = max(bound.wcrt or 0 for _, bound in known)
    size, unit = scale(most)
    lines = sum(len(bound.parts) for _, bound in known)
    figure = empty(0.6 + 0.22 * lines + 0.35 * len(known))
    axes = figure.subplots()
    ticks, names = [], []
    row = 0.0
    for name, bound in known:
        left = 0
        axes.text(0, row, f"{short(name, 60)}: {words.time(bound.wcrt)}", fontsize=8, va="center", fontweight="bold")
        row += 1
        for number, part in enumerate(bound.parts):
            colour, hatch = (("#56B4E9", ""), ("#F0B840", "////"), ("#8FD0B8", "...."))[number % 3]
            axes.barh(row, part.amount / size, 0.75, left / size, facecolor=colour, hatch=hatch, edgecolor=INK,
                      linewidth=0.6)  # fmt: skip
            left += part.amount
            axes.text(left / size + 0.008 * most / size, row, words.time(part.amount), fontsize=7, va="center")
            ticks.append(row)
            names.append(short(part.source, 44))
            row += 1
        row += 0.4
    axes.set_yticks(ticks, names, fontsize=7)
    axes.set_ylim(row - 0.7, -0.7)
    axes.set_xlim(0, 1.12 * most / size)
    axes.set_xlabel(f"time since the event ({unit})")
    tidy(axes)
    return figure
