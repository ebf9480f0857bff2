"""The rows of the picture of a schedule, piece by piece: what ran, what waited, what was due, what was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.plot.hardware import merged
from rtsched.plot.look import INSIDE, MISS
from rtsched.plot.scene import HEIGHT, NARROW, OTHERS, TOP, Row, Scene
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, KILLED, LATE, OVERHEAD, PREEMPTED, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What runs on for nothing after its job.
DRAIN: dict[str, Any] = {"facecolor": "white", "hatch": "....", "edgecolor": "#888888"}
LATER: dict[str, Any] = {"facecolor": "white", "hatch": "xxxxxx", "edgecolor": MISS}
LOST: dict[str, Any] = {"facecolor": "white", "hatch": "||||", "edgecolor": "#888888"}
COST: dict[str, Any] = {"facecolor": "#333333", "hatch": ""}
#: A job that is released and not over, where nothing of it runs.
WAITS: dict[str, Any] = {"facecolor": "white", "edgecolor": "#666666", "linewidth": 0.6}
DONE: dict[str, Any] = {"marker": "o", "facecolor": "white", "edgecolor": "black", "linewidth": 0.8}
RELEASE, DEADLINE = "black", "#555555"

#: What stands between a job's number (or a task's name) and its variant.
WAY = " · "


def way(trace: Trace, row: Any) -> str:
    """The variant that a slice ran as, where its task has any; of several one after the other."""
    quality = trace.system.tasks[trace.jobs["task"][row["job"]]].quality
    job, node = int(row["job"]), int(row["node"])
    if quality is None or (job, node) not in trace.chosen:
        return ""
    numbers = [number for *_, number in trace.variants(job, node, int(row["start"]), int(row["end"]))]
    return WAY + "→".join(quality.variants[number].name for number in numbers)


def task_lanes(axes: Axes, scene: Scene, locks: bool) -> None:
    """A row for each task (or node): its slices and waits, an arrow up for each release, one down for each deadline."""
    trace, jobs = scene.trace, scene.trace.jobs
    for lane, row in enumerate(scene.rows):
        if row.node is None:
            scene.strip(axes, waits(scene, row.task), lane + 0.16, 0.14, 1.4, **WAITS)
        mine = scene.slices[scene.of(row)]
        _pieces(axes, scene, mine, lane, row.task, late=True)
        labelled = mine[~np.isin(mine["reason"], (OVERHEAD, DRAINED))]
        if (
            len(trace.system.tasks[row.task].nodes) > 1
        ):  # nodes run side by side: one number a job, on its longest slice
            labelled = labelled[np.argsort(labelled["start"] - labelled["end"], kind="stable")]
            labelled = labelled[np.unique(labelled["job"], return_index=True)[1]]
        height = lane + (0.15 if locks else 0.025)  # below sections
        for piece in labelled if (0.35 if locks else 0.6) * scene.high > INSIDE else ():
            number, variant = f"{jobs['index'][piece['job']]}", way(trace, piece)
            scene.write(axes, int(piece["start"]), int(piece["end"]), height, number + variant, number)
        _cuts(axes, scene, mine, lane)
        if scene.heads[row.task] == lane:
            _marks(axes, scene, row, lane)
        _rings(axes, scene, row, mine, lane)


def waits(scene: Scene, task: int) -> list[tuple[int, int]]:
    """From when to when any job of a task was released and not over, in the window."""
    trace = scene.trace
    numbers = trace.numbers(task)
    ends = np.array([trace.history.ends[number] for number in numbers.tolist()], np.int64)
    release = trace.jobs["release"][numbers]
    seen = (release < scene.end) & (ends > scene.start)
    return merged(list(zip(release[seen].tolist(), ends[seen].tolist(), strict=True)))


def has_waits(scene: Scene) -> bool:
    """Whether any job waits in the window: is released, not over, and nowhere."""
    for row in (each for each in scene.rows if each.node is None):
        mine = scene.slices[scene.of(row)]
        ran = merged(list(zip(mine["start"].tolist(), mine["end"].tolist(), strict=True)))
        if _visible(scene, waits(scene, row.task)) > _visible(scene, ran):
            return True
    return False


def _visible(scene: Scene, spans: list[tuple[int, int]]) -> int:
    return sum(max(0, min(right, scene.end) - max(left, scene.start)) for left, right in spans)


def _pieces(axes: Axes, scene: Scene, mine: Any, lane: int, task: int, late: bool) -> None:
    """The bars of slices of one task; with `late` what ran after the deadline looks so."""
    scene.bars(axes, mine[mine["reason"] == DRAINED], lane, task, **DRAIN)
    mine = mine[mine["reason"] != DRAINED]
    work = mine[mine["reason"] != OVERHEAD]
    if late:
        due = scene.trace.jobs["deadline"][work["job"]]
        after = work.copy()
        after["start"] = np.maximum(after["start"], due)
        work = work.copy()
        work["end"] = np.minimum(work["end"], due)
        work = work[work["end"] > work["start"]]
        scene.work(axes, work, lane, task)
        scene.work(axes, after[after["end"] > after["start"]], lane, task, **LATER)
    else:
        scene.work(axes, work, lane, task)
    scene.bars(axes, mine[mine["reason"] == OVERHEAD], lane, task, **COST)
    scene.bars(axes, mine[mine["reason"] == KILLED], lane, task, **LOST)


def _cuts(axes: Axes, scene: Scene, mine: Any, lane: int) -> None:
    """A stroke where something was preempted."""
    cut = mine[(mine["reason"] == PREEMPTED) & (mine["end"] <= scene.end)]
    narrow = (cut["end"] - cut["start"]) / (scene.end - scene.start) * scene.width < 2 * NARROW
    for ends, width in ((cut["end"][~narrow], 1.8), (cut["end"][narrow], 0.4)):
        if len(ends):
            axes.vlines(ends / scene.scale, lane + TOP, lane + TOP + HEIGHT, color="black", linewidth=width, zorder=3)


def _marks(axes: Axes, scene: Scene, row: Row, lane: int) -> None:
    """Arrows up for releases, down for deadlines; crosses over what was missed."""
    jobs, start, end, scale = scene.trace.jobs_of(row.task), scene.start, scene.end, scene.scale
    foot, head = lane + 0.3, lane - 0.52
    for instants, tip, marker, colour, shift in (
        (jobs["release"], head, "^", RELEASE, 0.07),
        (jobs["deadline"], foot, "v", DEADLINE, -0.06),
    ):
        seen = np.unique(instants[(instants >= start) & (instants <= end)]) / scale
        if len(seen):
            axes.vlines(seen, head + 0.07, foot - 0.05, color=colour, linewidth=0.9, zorder=4, clip_on=False)
            axes.scatter(
                seen, np.full(len(seen), tip + shift), marker=marker, s=14, color=colour, linewidth=0, zorder=4.1,
                clip_on=False, gid=f"{'release' if marker == '^' else 'deadline'} {lane}",
            )  # fmt: skip
    crosses(axes, scene, jobs, lane - 0.55)


def _rings(axes: Axes, scene: Scene, row: Row, mine: Any, lane: int) -> None:
    """Where jobs were done; of nodes in the row of the last."""
    jobs = scene.trace.jobs_of(row.task)
    done = jobs["finish"][(jobs["finish"] > scene.start) & (jobs["finish"] <= scene.end)]
    if row.node is not None:
        done = done[np.isin(done, mine["end"])]
    if len(done):
        axes.scatter(done / scene.scale, np.full(len(done), lane + TOP), s=11, zorder=4.5, clip_on=False, **DONE)


def crosses(axes: Axes, scene: Scene, jobs: Any, height: float) -> None:
    """A cross at the deadline of each job that missed it, was dropped or aborted."""
    for outcomes, marker, size in (((LATE,), "X", 60), ((DROPPED, ABORTED), "x", 45)):
        rows = jobs[np.isin(jobs["outcome"], outcomes)]
        rows = rows[(rows["deadline"] >= scene.start) & (rows["deadline"] <= scene.end)]
        if len(rows):
            axes.scatter(
                rows["deadline"] / scene.scale, np.full(len(rows), height), marker=marker, s=size, color=MISS,
                linewidth=1.6 if marker == "x" else 0.5, edgecolor=None if marker == "x" else "black", zorder=5,
                clip_on=False,
            )  # fmt: skip


def processor_lanes(axes: Axes, scene: Scene, used: list[int], alone: bool) -> None:
    """A row for each processor that was used: the slices of all tasks, those not asked for in grey.

    Where they stand `alone`, without the rows of tasks, they show what was missed, too.
    """
    trace, system = scene.trace, scene.trace.system
    for lane, processor in enumerate(used):
        here = scene.slices["processor"] == processor
        other = here & ~np.isin(scene.owner, scene.tasks)
        scene.bars(axes, scene.slices[other], lane, 0, **OTHERS)
        for task in (system.tasks[index] for index in np.unique(scene.owner[here & ~other])):
            mine = scene.slices[here & (scene.owner == task.index)]
            _pieces(axes, scene, mine, lane, task.index, late=alone)
            for piece in mine[~np.isin(mine["reason"], (OVERHEAD, DRAINED))]:
                name = f"{task.name}.{task.pieces[piece['node']].name}" if len(task.nodes) > 1 else task.name
                scene.write(
                    axes, int(piece["start"]), int(piece["end"]), lane + 0.025, name + way(trace, piece), name
                )  # fmt: skip
            _cuts(axes, scene, mine, lane)
    if alone:
        jobs = trace.jobs[np.isin(trace.jobs["task"], scene.tasks)]
        crosses(axes, scene, jobs, -0.6)
