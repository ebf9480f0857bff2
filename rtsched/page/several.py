"""Several runs of the same tasks in one page: ``rtsched compare SYSTEM -s rm,edf --html out.html``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from rtsched.errors import InputError
from rtsched.files import write_whole
from rtsched.metrics.figures import Summary
from rtsched.metrics.metric import Values, evaluate, of_value
from rtsched.metrics.summary import summary
from rtsched.page.contents import columns, facts
from rtsched.page.pack import Packed, joined
from rtsched.page.page import filled
from rtsched.page.rows import LONGEST
from rtsched.plot.gantt import LONGEST_TITLE
from rtsched.trace.differing import Difference, difference
from rtsched.trace.trace import Trace
from rtsched.visible import cut, visible

#: As many runs a page holds: with more nobody sees the lanes of a task beside each other.
MOST = 6
#: What is said of each run as a whole, where any of them has it.
SAID = ("miss_ratio", "effective_accuracy", "finished", "p95", "tardiness", "preemptions", "migrations", "energy")
#: As many of the decisions of one instant are said.
DECISIONS = 4

Traces = Sequence[Trace] | Mapping[str, Trace]


def write_comparison(
    traces: Traces, path: str | Path, given: str | None = None, figures: str | None = None, note: str = ""
) -> None:
    """Write the page of several runs into a file, whole or not at all; see `comparison`."""
    write_whole(Path(path), comparison(traces, given, figures, note))


def comparison(traces: Traces, given: str | None = None, figures: str | None = None, note: str = "") -> str:
    """The text of the page of several runs, a list of them or some by label; the first is what others differ from.

    `given` is the system as it was written, `figures` a table of more than these runs, `note` a sentence on which runs
    they are. Raises InputError where they have other tasks, kept no trace, or are fewer than two or more than MOST.
    """
    runs = dict(traces) if isinstance(traces, Mapping) else dict(enumerate(traces))
    refuse_other_than_some(len(runs))
    labels = [trace.scheduler if isinstance(key, int) else key for key, trace in runs.items()]
    several = list(runs.values())
    parted = [difference(several[0], other) for other in several[1:]]
    figures_of = [summary(trace) for trace in several]
    packs = [columns(trace) for trace in several]
    found = [
        _run(trace, about, pack) | {"label": cut(label, LONGEST_TITLE)}
        for trace, about, pack, label in zip(several, figures_of, packs, labels, strict=True)
    ]
    end = max(each["end"] for each in found)
    data = {
        "system": found[0]["system"],
        "runs": [each | {"end": end, "letter": letter} for each, letter in zip(found, ascii_uppercase, strict=False)],
        "parted": [_parted(each, place) for place, each in enumerate(parted, 1) if each.time is not None],
        "totals": _totals(several, figures_of),
        "note": cut(note, LONGEST),
        "figures": None if figures is None else visible(figures, lines=True),
        "given": None if given is None else visible(given, lines=True),
    }
    title = f"{cut(several[0].system.name)} – {' / '.join(cut(label) for label in labels)}"
    return filled(title, data, joined(packs))


def refuse_other_than_some(count: int) -> None:
    """Raise InputError unless so many runs can be seen beside each other."""
    if not 2 <= count <= MOST:
        raise InputError(f"a page shows 2 to {MOST} policies beside each other (found {count}); name those to be seen")


def _run(trace: Trace, figures: Summary, pack: Packed) -> dict[str, Any]:
    return facts(trace, figures) | {"index": pack.index}


def _parted(found: Difference, place: int) -> dict[str, Any]:
    """When a run parts from the first one, and what only the one and only the other then decides."""
    return {"run": place, "time": found.time, "said": [_said(found, side) or _instead(found, side) for side in (0, 1)]}


def _said(found: Difference, side: int) -> str:
    """What only this run decides at the first difference, in words."""
    words = [cut(found.said(each), LONGEST_TITLE) for each in found.only[side]]
    more = f" and {len(words) - DECISIONS} more" if len(words) > DECISIONS else ""
    return "; ".join(words[:DECISIONS]) + more


def _instead(found: Difference, side: int) -> str:
    """What goes on in a run that decides nothing there, on the processors that the other one decides about."""
    trace = found.traces[side]
    running = trace.slices[(trace.slices["start"] <= found.time) & (trace.slices["end"] > found.time)]
    words = []
    for place in sorted({decision[3] for decision in found.only[1 - side]} - {-1})[:DECISIONS]:
        jobs = dict.fromkeys(running["job"][running["processor"] == place].tolist())
        names = [found.name(tuple(trace.jobs[["task", "index"]][job].tolist())) for job in jobs]
        where = trace.system.processors[place].name
        words.append(cut(f"{', '.join(names)} on {where} goes on" if names else f"{where} stays idle", LONGEST_TITLE))
    return "; ".join(words) or "nothing of the kind"


def _totals(traces: Sequence[Trace], figures: Sequence[Summary]) -> dict[str, Any]:
    """Figures of whole runs as texts: those metrics of `SAID` that any of them has a value of."""
    values = [evaluate(trace, SAID, about) for trace, about in zip(traces, figures, strict=True)]
    all_keys = dict.fromkeys(key for each in values for key in each)
    keys = [key for key in all_keys if any(_of(each, key) for each in values)]
    rows = [
        [str(about.jobs), str(about.misses), _longest(about), *(_of(each, key) or "–" for key in keys)]
        for each, about in zip(values, figures, strict=True)
    ]
    return {"head": ["jobs", "missed", "longest response / deadline", *map(_heading, keys)], "rows": rows}


def _of(values: Values, key: str) -> str:
    value = values.get(key)
    return "" if value is None else of_value(key)[0].show(value)


def _heading(key: str) -> str:
    of, thing = of_value(key)
    return of.heading + (f" ({cut(thing)})" if thing else "")


def _longest(figures: Summary) -> str:
    shares = [task.response.max / task.deadline for task in figures.tasks if task.response.max is not None]
    return f"{max(shares):.4g}" if shares else "–"
