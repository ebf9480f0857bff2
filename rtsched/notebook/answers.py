"""Answers: proofs, comparisons, studies, optima, checks of policies."""

from __future__ import annotations

from html import escape

from rtsched.alternatives.answer import Alternatives
from rtsched.conformance.result import Conformance
from rtsched.conformance.words import lines
from rtsched.experiment.compare import Comparison as Compared
from rtsched.experiment.compare import title
from rtsched.experiment.contrast import contrast, figure, legend
from rtsched.experiment.results import Results
from rtsched.experiment.words import figures_of, heading, remarks
from rtsched.notebook.runs import trace
from rtsched.notebook.tables import folded, headed, line, table, time, whole
from rtsched.optimum.result import Optimum
from rtsched.verify import requirements as wanted
from rtsched.verify import words
from rtsched.verify.verification import Verification

#: The first metrics of a study are shown.
METRICS = 12


def verification(found: Verification) -> str:
    """A verdict with what it rests on, and a row for each task."""
    seen = found.observation
    beside = "" if seen is None else (
        f"Seen in {seen.runs} simulated runs, {seen.jobs} jobs: evidence beside the proof, no proof."
    )  # fmt: skip
    parts = [each for part in found.analysis.parts for each in words.part(found, part)]
    those = wanted.stated(found)
    return whole(
        headed(found.system.name, words.outcome(found)),
        line(words.scope(found)),
        table(words.HEADER, words.rows(found), left=[0, len(words.HEADER) - 1]),
        *map(line, [*parts, *words.chains(found)]),
        table(wanted.HEADER, wanted.rows(those), left=[0, 1, 2, len(wanted.HEADER) - 1]) if those else "",
        line(beside) if beside else "",
        folded("assumptions", words.assumed(found)),
    )


def alternatives(found: Alternatives) -> str:
    """A row for each board, mode and policy; then what is to be said of them, and what other boards lack."""
    return whole(
        headed(found.called, "what if it ran elsewhere?"),
        table(found.header(), found.table(), left=range(5)),
        *map(line, found.remarks()),
        folded("what boards lack", found.lacks()),
    )


def comparison(found: Compared) -> str:
    """A row for each policy, and one of differences below it."""
    rows = []
    for row in found.rows:
        rows.append([row.policy, *(figure(row.cells[metric], metric) for metric in found.metrics)])
        if row.policy != found.baseline:
            rows.append(["  difference", *(contrast(row.cells[metric], metric) for metric in found.metrics)])
    count = len(found.seeds)
    told = ["All seeds gave the same: nothing in this system is random."]
    if not found.fixed:
        told = " ".join(legend({row.policy: row.cells for row in found.rows}, found.baseline, count)).split("\n")
    return whole(
        headed(found.called, f"{count} seeds, jobs released for {time(found.until)}, the same for every policy"),
        table(["policy", *map(title, found.metrics)], rows),
        line(" ".join(told)),
        *map(line, found.notes),
        folded("assumed", found.assumed),
    )


def results(found: Results) -> str:
    """A table for each metric: a row for each point of a study, a column for each policy."""
    outline = found.outline
    shape = f"{len(outline.points)} points, {outline.sets} sets, {len(outline.seeds)} seeds"
    parts = []
    for metric in found.metrics[:METRICS]:
        head, *rows = figures_of(found, metric)
        parts.append(line(heading(found, metric)) + table(head, rows, left=()))
    if len(found.metrics) > METRICS:
        parts.append(line(f"… and {len(found.metrics) - METRICS} more metrics: {', '.join(found.metrics[METRICS:])}"))
    lost = found.known.notes.total()
    return whole(
        headed(outline.name or "study", shape), *parts, *map(line, remarks(found)),
        line(f"{lost} runs came to nothing; failures() has them.") if lost else "",
        folded("assumed", outline.notes),
    )  # fmt: skip


def optimum(found: Optimum) -> str:
    """What nobody can exceed, what was found, and its schedule."""
    rows = [
        ["the most that can be reached", f"{found.bound:.6g} of {found.most:.6g}"],
        ["the schedule below reaches", f"{found.worth:.6g}"],
        ["gap", f"{100 * found.gap:.2g} %"],
    ]
    unmet = [f"{each.job}: {each.why or 'gives way to others'}" for each in found.unmet]
    return whole(
        headed(found.system, f"{found.jobs} jobs released for {time(found.until)}, seed {found.seed}"),
        table(["the best that anybody can do", ""], rows),
        folded("relaxed", found.relaxed),
        folded("not answered rightly and in time", unmet),
        trace(found.trace),
    )


def conformance(found: Conformance) -> str:
    """The checks of a policy, as they are printed."""
    told = "\n".join(lines(found))
    return whole(f"<pre>{escape(told)}</pre>")
