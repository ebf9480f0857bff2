"""Runs: their timeline in a frame, and their figures."""

from __future__ import annotations

from html import escape

from rtsched.metrics.figures import Summary
from rtsched.metrics.summary import summary as figures_of
from rtsched.notebook.tables import folded, headed, line, percent, table, time, whole
from rtsched.notebook.window import window
from rtsched.page.pack import safe_json
from rtsched.page.page import page
from rtsched.trace.trace import Trace

#: A frame may run the page's own scripts and nothing else: it has no address, no storage, no way to the notebook.
FRAME = (
    '<iframe title="timeline of the run" sandbox="allow-scripts" '
    'style="width:100%;height:38rem;border:1px solid #8888;resize:vertical" srcdoc="{}"></iframe>'
)


def trace(found: Trace) -> str:
    """A run as its page, of a long one the page of a window; figures where no trace was kept."""
    figures = figures_of(found)
    if not found.kept:
        return whole(line("This run kept no trace: there is no timeline."), summary(figures))
    part = window(found)
    if part is None:
        shown, note, view = page(found), "", ""
    else:
        note = line(
            f"Of {len(found.slices):,} slices the timeline shows {len(part.trace.slices):,}, {part.why}: from "
            f"{time(part.start)} to {time(part.end)}. Figures are those of the whole run; "
            "rtsched.write(trace, 'run.html') writes the page of all of it."
        )
        shown = page(part.trace, figures=figures, explained=part.inside)
        view = f"from={part.start}&to={part.end}"
    return whole(note, framed(shown, view))


def framed(document: str, view: str = "") -> str:
    """A page in a frame of its own, opened where `view` says, as the address of a page does."""
    if view:
        before, end, after = document.rpartition("</body>")
        document = f"{before}<script>location.hash = {safe_json(view)};</script>\n{end}{after}"
    return FRAME.format(escape(document))


def summary(figures: Summary) -> str:
    """A row for each task; and what to look at."""
    span = f"jobs released for {time(figures.until)}, seed {figures.seed}"
    if figures.planned is not None:
        span += f" (PARTIAL: interrupted before {time(figures.planned)})"
    head = ["task", "jobs", "misses", "miss %", "mean", "p95", "max", "deadline", "dropped"]
    rows = [
        [
            task.name, task.jobs, task.misses, percent(task.miss_ratio), time(task.response.mean),
            time(task.response.p95), time(task.response.max), time(task.deadline), task.dropped + task.aborted,
        ]
        for task in figures.tasks
    ]  # fmt: skip
    if any(task.id for task in figures.tasks):
        head = ["task", "id", *head[1:]]
        rows = [[row[0], task.id or "", *row[1:]] for row, task in zip(rows, figures.tasks, strict=True)]
    if figures.measures:
        head += ["accuracy", "effective"]
        rows = [
            [*row, percent(task.accuracy), percent(task.effective_accuracy)]
            for row, task in zip(rows, figures.tasks, strict=True)
        ]
    used = [[each.name, percent(each.utilisation), each.preemptions, each.migrations] for each in figures.processors
            if each.starts]  # fmt: skip
    return whole(
        headed(f"{figures.system} under {figures.scheduler}", span),
        table(head, rows),
        table(["processor", "busy", "preemptions", "migrations"], used),
        line(figures.headline),
        folded("assumed", figures.assumed),
    )
