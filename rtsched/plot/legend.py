"""What the signs in the picture of a schedule mean: those that it has."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import units
from rtsched.plot.hardware import PLANS, SUSPENSION, outages, suspensions
from rtsched.plot.lanes import COST, DEADLINE, DONE, DRAIN, LATER, LOST, RELEASE, WAITS
from rtsched.plot.look import MISS
from rtsched.plot.scene import OTHERS, Scene
from rtsched.plot.sections import BLOCKED, LONGEST, RAISED, SECTION, hatch
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, KILLED, LATE, OK, OVERHEAD, PREEMPTED
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The size of its text, and the room beside each, in points.
SIZE, BESIDE = 8.0, 40.0
#: More resources than this share one sign.
MOST_RESOURCES = 6


def draw_legend(figure: Figure, scene: Scene, column: int | None, shows: set[str]) -> int:
    """The signs below the picture, in as many rows as they need (the answer); `shows` are the kinds of things it has.

    With areas (of `column` ns) instead of single pieces, what those mean.
    """
    entries = _areas(scene, column) if column is not None else _pieces(scene, shows)
    entries += _hardware(scene, shows)
    width = 72 * float(figure.get_size_inches()[0]) - 10
    entries = [entry for entry in entries if entry.get_label()]
    for entry in entries:
        entry.set_label(scene.ruler.fit(str(entry.get_label()), width - BESIDE, SIZE))
    wide = [scene.ruler.measure(str(entry.get_label()), SIZE) + BESIDE for entry in entries]
    if not entries:
        return 0
    beside = _beside(wide, width)
    figure.legend(
        handles=entries, loc="outside lower center", ncols=beside, fontsize=SIZE, frameon=False, columnspacing=1.4,
        handletextpad=0.6, borderpad=0.2,
    )  # fmt: skip
    return ceil(len(entries) / beside)


def _beside(wide: list[float], width: float) -> int:
    """How many columns fit: each is filled from the top, and as wide as its widest entry."""
    for deep in range(1, len(wide)):
        count = ceil(len(wide) / deep)
        rows, longer = divmod(len(wide), count)
        sizes = [rows + (column < longer) for column in range(count)]
        begins = np.concatenate(([0], np.cumsum(sizes)))
        if sum(max(wide[a:b]) for a, b in pairwise(begins)) <= width:
            return count
    return 1


def _line(label: str, **style: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **({"linestyle": ""} | style))


def _patch(label: str, **style: Any) -> Any:
    from matplotlib.patches import Patch

    return Patch(label=label, **style)


def _areas(scene: Scene, column: int) -> list[Any]:
    wide = units.format_duration(column, digits=3)
    entries = [_patch(f"height: how much of each {wide} it ran", facecolor="#BBBBBB", edgecolor="black")]
    outcomes = _outcomes(scene)
    if outcomes & {LATE, DROPPED, ABORTED}:
        entries.append(_line("late, dropped or aborted", marker="|", color=MISS))
        if LATE in outcomes:
            entries.append(_patch("after the deadline", **LATER))
    return entries


def _outcomes(scene: Scene) -> set[int]:
    return set(scene.trace.jobs["outcome"][np.isin(scene.trace.jobs["task"], scene.tasks)].tolist())


def _pieces(scene: Scene, shows: set[str]) -> list[Any]:
    outcomes = _outcomes(scene)
    entries = []
    if "task" in shows:
        entries += [
            _line("release", marker="^", color=RELEASE, markersize=5),
            _line("deadline", marker="v", color=DEADLINE, markersize=5),
        ]
        if outcomes & {OK, LATE}:
            look = {"markerfacecolor": DONE["facecolor"], "markeredgecolor": DONE["edgecolor"]}
            entries.append(_line("done", marker=DONE["marker"], markersize=4, **look))
    if "waits" in shows:
        entries.append(_patch("waits", **WAITS))
    if LATE in outcomes:
        entries.append(_line("miss", marker="X", color=MISS, markeredgecolor="black"))
        entries.append(_patch("after the deadline", **LATER))
    if outcomes & {DROPPED, ABORTED}:
        entries.append(_line("dropped or aborted", marker="x", color=MISS))
    if (scene.slices["reason"] == PREEMPTED).any():
        entries.append(_line("preempted", color="black", linewidth=1.8, marker="|"))
    return entries + _locks(scene, shows)


def _locks(scene: Scene, shows: set[str]) -> list[Any]:
    """The protocol of each resource stands beside how its sections look."""
    trace, entries = scene.trace, []
    if "section" in shows:
        protocols = [trace.system.protocols.get(name, "none") for name in trace.resources]
        if len(protocols) <= MOST_RESOURCES:
            for number, (name, protocol) in enumerate(zip(trace.resources, protocols, strict=True)):
                label = f"holds {cut(name, LONGEST)} ({_called(protocol)})"
                entries.append(_patch(label, hatch=hatch(number), **SECTION))
        else:
            kinds = ", ".join(map(_called, dict.fromkeys(protocols)))
            entries.append(_patch(f"holds a resource ({kinds})", hatch=hatch(0), **SECTION))
    if "blocked" in shows:
        entries.append(_patch("waits for a resource", **BLOCKED))
    if "raised" in shows:
        entries.append(_line("priority raised", linestyle="-", **RAISED))
    return entries


def _called(protocol: str) -> str:
    return "no protocol" if protocol == "none" else protocol


def _hardware(scene: Scene, shows: set[str]) -> list[Any]:
    trace, reasons, entries = scene.trace, scene.slices["reason"], []
    if (reasons == OVERHEAD).any():
        entries.append(_patch("overhead", **COST))
    if "other" in shows:
        entries.append(_patch("other tasks", **OTHERS))
    if (reasons == KILLED).any():
        entries.append(_patch("work lost", **LOST))
    if trace.deadlocks:
        entries.append(_line("deadlock", color=MISS, linewidth=1.6, linestyle=":"))
    if (reasons == DRAINED).any():
        entries.append(_patch("drains", **DRAIN))
    if len(trace.waits):
        entries.append(_patch("waiting on the GPU", facecolor="white", edgecolor="black", linestyle=(0, (3, 2))))
    if "processor" in shows and len(suspensions(trace)):
        entries.append(_line("suspended", **SUSPENSION))
    if "processor" in shows and outages(trace):
        entries.append(_patch("out of service", facecolor="#F2F2F2", hatch="xx", edgecolor="#777777"))
    if "processor" in shows and len(trace.plans):
        entries.append(_patch("decides", **PLANS))
    return entries
