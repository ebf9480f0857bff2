"""A long schedule as a picture: where single pieces are narrower than a pixel, how much of each column of time ran.

Every lane is an area whose height is the share of the column in which its task (or its processor) ran; what ran after
its deadline stands on top, hatched. No miss is lost: each column with one has its tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.plot.hardware import split_waits
from rtsched.plot.look import MISS, look_of
from rtsched.plot.scene import OTHERS, Scene
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, LATE, OVERHEAD, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

#: Columns in a picture, and the most pieces (or jobs) that are drawn one by one.
COLUMNS = 600
MOST_PIECES = 1500

Edges = NDArray[np.int64]


def is_dense(trace: Trace, tasks: Sequence[int], shown: NDArray[Any], start: int, end: int) -> bool:
    """Whether a window has more of these tasks than can be drawn one by one."""
    jobs = trace.jobs[np.isin(trace.jobs["task"], tasks)]
    return max(len(shown), int(((jobs["deadline"] >= start) & (jobs["release"] < end)).sum())) > MOST_PIECES


def columns(start: int, end: int) -> Edges:
    """The edges of the columns, in ns."""
    return np.unique(np.linspace(start, end, COLUMNS + 1).astype(np.int64))


def shares(rows: NDArray[Any], edges: Edges) -> NDArray[np.float64]:
    """The share of each column that the rows, from `start` to `end`, fill; above 1 where they overlap."""
    filled: NDArray[np.float64] = np.diff(_passed(rows["start"], edges) - _passed(rows["end"], edges))
    return filled / np.diff(edges)


def _passed(instants: NDArray[Any], edges: Edges) -> NDArray[np.float64]:
    """The time between each instant and each edge after it, summed by edge."""
    ordered = np.sort(instants).astype(np.float64)
    sums = np.concatenate((np.zeros(1), np.cumsum(ordered)))
    before = np.searchsorted(ordered, edges)
    passed: NDArray[np.float64] = np.multiply(before, edges, dtype=np.float64) - sums[before]
    return passed


def draw_tasks(axes: Axes, scene: Scene, edges: Edges) -> None:
    """An area for each row, and a tick in each column in which a deadline of its jobs was missed."""
    trace, shown = scene.trace, scene.slices
    for lane, row in enumerate(scene.rows):
        own = scene.of(row) & (shown["reason"] != DRAINED)
        running = split_waits(trace, shown[own & (shown["reason"] != OVERHEAD)])[0]
        deadline = trace.jobs["deadline"][running["job"]]
        in_time, after = running.copy(), running.copy()
        in_time["end"] = np.maximum(np.minimum(running["end"], deadline), running["start"])
        after["start"] = np.minimum(np.maximum(running["start"], deadline), running["end"])
        cost = shown[own & (shown["reason"] == OVERHEAD)]
        colour, hatch = look_of(row.task)
        layers = [
            (shares(in_time, edges), {"facecolor": colour, "hatch": hatch}),
            (shares(after, edges), {"facecolor": "white", "hatch": "xxxxxx", "edgecolor": MISS}),
            (shares(cost, edges), {"facecolor": "#333333"}),
        ]
        _stack(axes, lane, edges, scene.scale, layers)
        if scene.heads[row.task] == lane:
            _misses(axes, trace.jobs_of(row.task), lane, edges, scene.scale)


def draw_processors(axes: Axes, scene: Scene, used: list[int], edges: Edges) -> None:
    """An area for each processor, stacked by task; overheads and what drains are dark, tasks not asked for grey.

    Without the rows of tasks, misses are ticks above all.
    """
    trace, shown, owner = scene.trace, scene.slices, scene.owner
    for lane, processor in enumerate(used):
        here = shown["processor"] == processor
        idle = np.isin(shown["reason"], (OVERHEAD, DRAINED))
        wanted = np.isin(owner, scene.tasks)
        layers: list[tuple[NDArray[np.float64], dict[str, Any]]] = []
        for task in np.unique(owner[here & wanted]).tolist():
            colour, hatch = look_of(task)
            mine = split_waits(trace, shown[here & ~idle & (owner == task)])[0]
            layers.append((shares(mine, edges), {"facecolor": colour, "hatch": hatch}))
        layers.append((shares(shown[here & idle & wanted], edges), {"facecolor": "#333333"}))
        layers.append((shares(shown[here & ~wanted], edges), OTHERS))
        _stack(axes, lane, edges, scene.scale, layers)
    if not scene.rows:
        _misses(axes, trace.jobs[np.isin(trace.jobs["task"], scene.tasks)], 0, edges, scene.scale)


def _stack(
    axes: Axes, lane: int, edges: Edges, scale: int, layers: list[tuple[NDArray[np.float64], dict[str, Any]]]
) -> None:
    """Areas on top of each other, from the foot of a lane; a lane that is more than full is cut at its top."""
    foot, height = lane + 0.3, 0.75
    low = np.zeros(len(edges) - 1)
    for share, style in layers:
        if share.any():
            high = np.minimum(1.0, low + share)
            bottom, top = (np.append(foot - height * each, foot - height * each[-1]) for each in (low, high))
            look: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.3} | style
            axes.fill_between(edges / scale, bottom, top, _until_the_next(share > 0), step="post", **look)
            low = high


def _until_the_next(filled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Both edges of each column that is filled."""
    return np.append(filled, False) | np.insert(filled, 0, False)


def _misses(axes: Axes, jobs: NDArray[Any], lane: int, edges: Edges, scale: int) -> None:
    due = jobs["deadline"][np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED))]
    due = np.sort(due[(due >= edges[0]) & (due <= edges[-1])])
    first = np.unique(np.searchsorted(edges, due, side="right"), return_index=True)[1]
    axes.vlines(due[first] / scale, lane - 0.59, lane - 0.47, color=MISS, linewidth=1.2, zorder=5, clip_on=False)
