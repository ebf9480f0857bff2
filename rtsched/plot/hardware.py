"""What the hardware did, under the schedule: processors out of service, clocks, temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.accelerator import Kernel
from rtsched.model.taskgraph import UnitSpec
from rtsched.trace.trace import DOWN, FREQUENCY, FULL_SPEED, SHARE, SUSPEND, TEMPERATURE, UP, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How decisions are drawn.
PLANS: dict[str, Any] = {
    "facecolor": "#DDDDDD", "edgecolor": "#333333", "hatch": "....", "linewidth": 0.4, "zorder": 1.6,
}  # fmt: skip

#: How it is marked that nothing more is launched.
SUSPENSION: dict[str, Any] = {
    "marker": "v", "linestyle": "", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 5,
}  # fmt: skip

#: How it is drawn how much of a GPU's multiprocessors streams were given.
GIVEN: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.2}

LINES = ("-", "--", "-.", ":")


def outages(trace: Trace) -> dict[int, list[tuple[int, int]]]:
    """The half-open intervals in ns in which each processor was down; one that stays down ends with the run."""
    found: dict[int, list[tuple[int, int]]] = {}
    begun: dict[int, int] = {}
    for row in trace.changes[np.isin(trace.changes["what"], (DOWN, UP))]:
        place, time = int(row["subject"]), int(row["time"])
        if row["what"] == DOWN:
            begun[place] = time
        else:
            found.setdefault(place, []).append((begun.pop(place), time))
    for place, time in begun.items():
        found.setdefault(place, []).append((time, trace.end))
    return found


def draw_outages(axes: Axes, trace: Trace, lanes: list[int], scale: int) -> None:
    """Cross out the lanes of processors while they are down."""
    for place, spans in outages(trace).items():
        if place in lanes:
            bars = [(begin / scale, (end - begin) / scale) for begin, end in spans]
            axes.broken_barh(
                bars, (lanes.index(place) - 0.25, 0.55), facecolor="#F2F2F2", edgecolor="#777777", hatch="xx",
                linewidth=0.4, zorder=1.5,
            )  # fmt: skip


def draw_plans(axes: Axes, trace: Trace, lanes: list[int], scale: int) -> None:
    """Hatch the lane of the core on which decisions are made while it makes them."""
    planner = trace.system.planner
    if planner is not None and len(trace.plans):
        bars = [((end - time) / scale, time / scale) for end, time in trace.plans[["time", "value"]].tolist()]
        axes.broken_barh(bars, (lanes.index(planner.processor) - 0.25, 0.55), **PLANS)


def suspensions(trace: Trace) -> list[tuple[int, int]]:
    """When a policy suspended what ran on which stream, wherever something did run: nothing more of it is launched."""
    rows = trace.changes[trace.changes["what"] == SUSPEND]
    used = set(trace.slices["processor"].tolist())
    return [(time, place) for time, place in rows[["time", "subject"]].tolist() if place in used]


def draw_suspensions(axes: Axes, trace: Trace, lanes: list[int], scale: int) -> None:
    """Mark them."""
    for time, place in suspensions(trace):
        axes.plot([time / scale], [lanes.index(place) - 0.33], zorder=4, **SUSPENSION)


def split_waits(trace: Trace, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pieces of slices: those in which something ran, and those in which a stream only waited."""
    if not len(trace.waits):
        return rows, rows[:0]
    found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    for wait in trace.waits:
        key = (int(wait["job"]), int(wait["node"]), int(wait["processor"]))
        found.setdefault(key, []).append((int(wait["start"]), int(wait["end"])))
    running, waiting = [], []
    for row in rows:
        at, end = int(row["start"]), int(row["end"])
        for begin, stop in found.get((int(row["job"]), int(row["node"]), int(row["processor"])), ()):
            begin, stop = max(begin, at), min(stop, end)
            if begin < stop:
                running.append(_piece(row, at, begin))
                waiting.append(_piece(row, begin, stop))
                at = stop
        running.append(_piece(row, at, end))
    ran = np.array(running, rows.dtype)
    return ran[ran["end"] > ran["start"]], np.array(waiting, rows.dtype)


def _piece(row: Any, start: int, end: int) -> Any:
    piece = row.copy()
    piece["start"], piece["end"] = start, end
    return piece


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals put together where they overlap or touch, in order."""
    found: list[tuple[int, int]] = []
    for left, right in sorted(spans):
        if found and left <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def gpus(trace: Trace) -> list[UnitSpec]:
    """The GPUs served block by block that had anything to do."""
    spec = trace.system.hardware
    used = set(trace.waves["processor"].tolist())
    return [] if spec is None else [unit for unit in spec.units if used.intersection(unit.processors)]


def sms_given(trace: Trace, unit: UnitSpec) -> list[tuple[int, float]]:
    """How many of a GPU's multiprocessors were given to streams, in per cent, from each time on.

    Nothing where contexts take turns: each has all of them in its own.
    """
    gpu = unit.block_level
    if gpu is None or gpu.time_slice is not None:
        return []
    has: dict[int, int] = {}
    found: dict[int, float] = {}
    rows = trace.changes[(trace.changes["what"] == SHARE) & np.isin(trace.changes["subject"], unit.processors)]
    for time, place, value in rows[["time", "subject", "value"]].tolist():
        has[place] = value
        found[time] = 100 * sum(has.values()) / FULL_SPEED
    return list(found.items())


def draw_gpu(axes: Axes, trace: Trace, unit: UnitSpec, scale: int, looks: Sequence[tuple[str, str]]) -> None:
    """The threads that run on a GPU over time, stacked by task, in per cent of what its multiprocessors hold.

    `looks` are the (colour, hatch) of the tasks in turn. Dashed: how much of its multiprocessors streams were given.
    """
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    gpu = unit.block_level
    assert gpu is not None
    waves = trace.waves[np.isin(trace.waves["processor"], unit.processors) & (trace.waves["blocks"] > 0)]
    times = np.unique(np.concatenate((waves["start"], waves["end"])))
    owner = trace.jobs["task"][waves["job"]]
    bottom = np.zeros(len(times))
    for task in trace.system.tasks:
        height = np.zeros(len(times))
        for row in waves[owner == task.index]:
            about = trace.node(int(row["job"]), int(row["node"])).hardware
            assert about is not None
            kernels = about.kernels[row["processor"]]
            assert kernels is not None
            kernel = kernels[row["kernel"]]
            assert isinstance(kernel, Kernel)  # copies have no blocks
            inside = (times >= row["start"]) & (times < row["end"])
            height[inside] += 100 * kernel.threads * row["blocks"] / (gpu.threads * gpu.sms)
        if height.any():
            colour, hatch = looks[task.index % len(looks)]
            axes.fill_between(
                times / scale, bottom, bottom + height, step="post", facecolor=colour, hatch=hatch,
                edgecolor="black", linewidth=0.5,
            )  # fmt: skip
        bottom += height
    axes.set_ylim(0, 103)
    given = sms_given(trace, unit)
    if given:
        steps = [(0, 0.0), *given, (trace.end, given[-1][1])]
        axes.step([time / scale for time, _ in steps], [part for _, part in steps], where="post", **GIVEN)
    more = "\ndashed: SMs given" if given else ""
    axes.set_ylabel(f"{unit.name}: threads\nrunning (%){more}", fontsize=8)


def clocks(trace: Trace) -> dict[int, NDArray[Any]]:
    """The clock changes of each domain that has any beyond its first setting, by its first processor."""
    rows = trace.changes[trace.changes["what"] == FREQUENCY]
    places = np.unique(rows["subject"]).tolist()
    return {place: mine for place in places if len(mine := rows[rows["subject"] == place]) > 1}


def has_panel(trace: Trace) -> bool:
    """Whether clocks or temperature moved, so that they deserve a panel."""
    return bool(clocks(trace)) or int((trace.changes["what"] == TEMPERATURE).sum()) > 1


def draw_panel(axes: Axes, trace: Trace, start: int, end: int, scale: int) -> None:
    """Clocks as steps in GHz; the temperature where it was noted (samples, or trip points met) beside them."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    moving = clocks(trace)
    for number, (place, rows) in enumerate(moving.items()):
        times = np.append(rows["time"], max(end, trace.end)) / scale
        hertz = np.append(rows["value"], rows["value"][-1]) / 1e9
        name = trace.system.processors[place].name
        axes.step(times, hertz, where="post", color="black", linestyle=LINES[number % 4], linewidth=1, label=name)
    if moving:
        axes.set_ylabel("clock (GHz)", fontsize=8)
        axes.set_ylim(0, None)
        axes.legend(fontsize=6.5, loc="lower left", frameon=False, ncols=len(moving))
    rows = trace.changes[trace.changes["what"] == TEMPERATURE]
    if len(rows) > 1:
        other = axes.twinx() if moving else axes
        other.plot(rows["time"] / scale, rows["value"] / 1000, color="#D55E00", marker=".", markersize=4, linewidth=0.8)
        other.set_ylabel("°C", fontsize=8, color="#D55E00")
        other.tick_params(labelsize=7, colors="#D55E00", axis="y")
        other.set_xlim(start / scale, end / scale)
        for side in ("top", "left") if moving else ("top", "right"):
            other.spines[side].set_visible(False)
