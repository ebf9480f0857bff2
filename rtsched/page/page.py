"""The page of a run: ``rtsched run SYSTEM --html out.html``.

One file that needs nothing else and asks nobody: the template, the style and the scripts of `assets`, in which the
contents of a run are put. A page's own policy forbids it whatever lies outside of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.export.exporter import exporter
from rtsched.files import write_whole
from rtsched.metrics.figures import Summary
from rtsched.page.contents import columns, counters, facts
from rtsched.page.pack import letters, safe_json
from rtsched.trace.trace import Trace
from rtsched.visible import cut, visible

#: The scripts in the order in which they run; each is a file of its own in `assets`. Those of `SEVERAL` have what only
#: a page of several runs needs, and come before the last, which begins.
SCRIPTS = (
    "data.js",
    "view.js",
    "rows.js",
    "draw.js",
    "marks.js",
    "overview.js",
    "causes.js",
    "queues.js",
    "job.js",
    "kinds.js",
    "tables.js",
    "histograms.js",
    "hands.js",
    "start.js",
)
SEVERAL = ("policies.js", "beside.js")
STYLE = "page.css"
TEMPLATE = "page.html"
LOADER = "loader.js"
#: Comments on lines of their own, empty lines, indents: a tenth of the scripts. No text in them goes over a line's end.
MERELY_READ = re.compile(r"^[ ]+|^[ ]*(?://.*|/\*\*.*\*/)?\n", re.MULTILINE)


@exporter(".html", ".htm")
def html(trace: Trace) -> str:
    """The run as one page that opens from disk: a timeline to explore, and a table of all jobs."""
    return page(trace)


def page(
    trace: Trace,
    given: str | None = None,
    command: str | None = None,
    *,
    proof: dict[str, Any] | None = None,
    figures: Summary | None = None,
    explained: Collection[int] | None = None,
) -> str:
    """The text of the page; `given` is the system as it was written, to be shown below. Raises InputError.

    `command` explains a job of the run on a command line, with JOB in the place of its name. `proof` is what is proven
    of this very system: `words`, and in `bounds` of each task the `most` that a job of it takes in ns (or None), its
    `verdict`, and what is to be said of that (`words`), and the calculation (`steps`). With `figures` those are shown:
    of the whole run, where `trace` is a part of it; then the jobs `explained` are those that are whole there.
    """
    if not trace.kept:
        raise InputError("this run kept no trace to show; run it with a trace")
    moved = counters(trace)
    packed = columns(trace, moved, explained)
    data = facts(trace, figures, moved=moved) | {"index": packed.index}
    data |= {"given": None if given is None else visible(given, lines=True)}
    data |= {"command": None if command is None else visible(command)} | ({} if proof is None else {"proof": proof})
    return filled(f"{cut(trace.system.name)} – {cut(trace.scheduler)}", data, packed.blob())


def filled(title: str, data: dict[str, Any], blob: str) -> str:
    """The template with a page's title, facts and columns."""
    parts = {
        "TITLE": escape(title),
        "STYLE": asset(STYLE),
        "FACTS": safe_json(data),
        "COLUMNS": blob,
        "SCRIPTS": scripts("runs" in data),
        "LOADER": asset(LOADER),
    }
    pieces = asset(TEMPLATE).split("%%")  # text, name, text, name, …, text
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def write(
    trace: Trace,
    path: str | Path,
    given: str | None = None,
    command: str | None = None,
    *,
    proof: dict[str, Any] | None = None,
) -> None:
    """Write the page of a trace into a file, whole or not at all."""
    write_whole(Path(path), page(trace, given, command, proof=proof))


@cache
def scripts(several: bool = False) -> str:
    """All scripts as one, without comments and indents, compressed: what `loader.js` unpacks and runs."""
    names = (*SCRIPTS[:-1], *SEVERAL * several, SCRIPTS[-1])
    text = "\n".join(['"use strict";', *map(asset, names)])
    return letters((MERELY_READ.sub("", text) + "//# sourceURL=rtsched-page.js\n").encode())


@cache
def asset(name: str) -> str:
    """The text of a file of `assets`."""
    return resources.files("rtsched.page").joinpath("assets", name).read_text(encoding="utf-8")
