"""Single jobs: where the time of one went, what would have met its deadline, and how the jobs of two runs differ."""

from __future__ import annotations

from rtsched.notebook.tables import exact, headed, line, percent, table, time, whole
from rtsched.trace.causes.explanation import Explanation
from rtsched.trace.differing import Difference, Fared
from rtsched.whatif.answer import WhatIf


def explanation(found: Explanation) -> str:
    """Where the time of a job went: the longest first, then one after the other."""
    words, span = found.words, found.span
    sums = [[time(each), percent(each / span if span else None), said] for each, said in words.items(found.pieces)]
    pieces = [[time(each.start), time(each.length), words.said([each])] for each in found.pieces]
    one_by_one = table(["from", "for", "what"], pieces, left=[2])
    more = f"<details><summary>one after the other</summary>{one_by_one}</details>" if len(pieces) > 1 else ""
    return whole(
        headed(found.name, found.headline.removeprefix(found.name).lstrip()),
        *map(line, words.gone()),
        table(["time", "share", "what"], sums, left=[2]),
        more,
    )


def whatif(found: WhatIf) -> str:
    """A row for each change that was tried."""
    if not found.missed:
        return line(found.text())
    tried = [[each.kind, each.words, each.note if each.fate is None else str(each.fate)] for each in found.changes
             if each.words]  # fmt: skip
    unasked = [[each.kind, each.note] for each in found.changes if not each.words]
    return whole(
        headed(found.job, f"what would have met its deadline, in this run (each simulated again, seed {found.seed})"),
        table(["kind", "change", "its deadline"], tried, left=range(3)),
        line("Not asked:") + table(["kind", "why"], unasked, left=range(2)) if unasked else "",
    )


def difference(found: Difference) -> str:
    """The first decision that differs, and a row for each job that did not fare alike."""
    runs = [f"{letter}: {trace.scheduler}" for letter, trace in zip("AB", found.traces, strict=True)]
    first = "Both runs decide the same."
    if found.time is not None:
        did = ["; ".join(map(found.said, each)) or "nothing of the kind" for each in found.only]
        first = f"The first decision that differs is at {exact(found.time)}. A: {did[0]}. B: {did[1]}."
    rows = [[found.name(job), *map(_fared, fates)] for job, fates in found.jobs.items()]
    return whole(
        headed(found.traces[0].system.name, "; ".join(runs)),
        line(f"{first} {found.alike} jobs fare alike, {len(rows)} do not{':' if rows else '.'}"),
        table(["job", "A", "B"], rows) if rows else "",
    )


def _fared(fate: Fared) -> str:
    if fate.outcome is None:
        return "no such job"
    return fate.outcome if fate.response is None else f"{time(fate.response)} {fate.outcome}"
