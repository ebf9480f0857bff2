"""The schedule as a picture: who ran when, what was released, what was due, what was missed.

Conventions of the field: an arrow up is a release, an arrow down a deadline; one lane per task, and below one per
processor when several were used. Misses stand out in black and white too: a cross at the deadline, and what runs
after it hatched densely. A thin hollow strip is a job that waits, a ring the end of one; sections on a resource are
hatched bands in the upper part of a bar, and who waits for one is grey. Hollow is, too, what a slice on a stream of a
GPU spent waiting, with nothing of it running. Colours are Okabe and Ito's, hatches repeat them for print.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import units
from rtsched.errors import InputError
from rtsched.export.exporter import exporter
from rtsched.files import picture_format, write_whole
from rtsched.plot import words
from rtsched.plot.choice import choice
from rtsched.plot.look import COLOURS as COLOURS
from rtsched.plot.look import LONGEST_TITLE as LONGEST_TITLE
from rtsched.plot.look import plain
from rtsched.plot.picture import draw
from rtsched.trace.trace import ABORTED, DROPPED, LATE, Trace
from rtsched.visible import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A run with more slices than this is shown in part, around its first miss: about PART_SLICES of them.
MOST_SLICES = 150
PART_SLICES = 60


def gantt(
    trace: Trace,
    path: str | Path | None = None,
    *,
    start: int = 0,
    end: int | None = None,
    title: str | None = None,
    tasks: str | Sequence[str] | None = None,
    rows: str | None = None,
    size: str | Sequence[float] | None = None,
) -> Figure:
    """Draw the slices of `trace` in [start, end) ns; write to `path` (.png, .svg or .pdf) if given.

    Without `end`, a long run is shown around its first miss (the title says so). `tasks` are the names of those to be
    drawn, from the top; without them, all, by priority where the policy has standing ones. `rows` is ``"task"``,
    ``"processor"``, ``"both"`` or ``"node"``; `size` a text such as ``"16x9 in"`` or ``"88 mm"``, or (width, height) in
    inches. Raises InputError when there is no trace, the window is empty, the format or a task unknown, or the size too
    small for the rows. The figure's label is a description in words.
    """
    path = None if path is None else Path(path)
    kind = picture_format(path) if path is not None else "png"
    if not trace.kept:
        raise InputError("this run kept no trace to draw; run it with a trace")
    chosen = choice(trace, tasks, rows, size)
    part = ""
    if end is None:
        start, end, part = _window(trace, chosen.tasks, start)
    if end <= start:
        raise InputError(f"the picture ends at {units.format_duration(end)}, before it begins; give a later end")
    trace = replace(trace, system=shown(trace.system))
    if title is None:
        title = "\n".join(filter(None, (words.title(trace), words.protocols(trace))))
    with plain():
        figure = draw(trace, chosen, start, end, title, part)
    if path is not None:
        write_whole(path, render(figure, kind))
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure: the same for the same figure. Its label is its description, the first line the title."""
    name, _, text = str(figure.get_label()).partition("\n")
    known = {"Title": name} if name else {}
    facts: dict[str, dict[str, Any]] = {
        "png": known | ({"Description": text} if text else {}),
        "svg": known | {"Date": None},
        "pdf": known | ({"Subject": text} if text else {}) | {"CreationDate": None},
    }
    stream = io.BytesIO()
    with plain():
        figure.savefig(stream, format=kind, dpi=150, metadata=facts[kind])
    content = stream.getvalue()
    return words.in_svg(content, name, text) if kind == "svg" and name else content


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


def _window(trace: Trace, tasks: tuple[int, ...], start: int) -> tuple[int, int, str]:
    """What to show when nobody says: everything, or the surroundings of the first miss, or the beginning."""
    jobs = trace.jobs[np.isin(trace.jobs["task"], tasks)]
    slices = trace.slices[np.isin(trace.jobs["task"][trace.slices["job"]], tasks)]
    never = jobs[(jobs["outcome"] == LATE) & (jobs["finish"] < 0)]
    whole = max(trace.until, int(slices["end"].max(initial=0)), int(never["deadline"].max(initial=0)))
    late = slices[slices["end"] > start]
    if len(late) <= MOST_SLICES:
        return start, whole, ""
    missed = jobs[np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED)) & (jobs["deadline"] >= start)]
    note = "beginning of"
    if len(missed):
        first = missed[np.argmin(missed["deadline"])]
        span = int(first["deadline"] - first["arrival"])
        start = max(start, int(first["arrival"]) - span)
        late = slices[slices["end"] > start]
        note = "first miss of"
    last = int(np.sort(late["end"])[min(len(late), PART_SLICES) - 1])
    if len(missed):
        last = max(last, int(first["deadline"]) + span // 2)
    return start, min(last, whole), f"{note} a run of {units.format_duration(trace.until, digits=4)}"
