"""Figures of studies: what of a study each kind shows. How it is drawn stands in ``rtsched.plot``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rtsched.experiment.figures.ask import Ask, StudyView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rtsched.experiment.results import Results

__all__ = ["KINDS", "Ask", "figure", "write"]

#: The kinds of figures, each with what it shows; its module has its name.
KINDS = {
    "curves": "a metric over an axis, a curve for each policy",
    "ecdf": "how the systems of a point share out over the values of a metric",
    "heat": "one metric over two axes",
    "pareto": "accuracy against misses, the policies that no other beats in both",
    "scatter": "bound against observed response of each task (do: both, per_task: true)",
}


def figure(results: Results, kind: str, ask: Ask) -> Figure:
    """A figure of a study. Raises InputError where the study has not what the kind shows."""
    return import_module(f"rtsched.experiment.figures.{kind}").figure(StudyView(results, ask))  # type: ignore[no-any-return]


def write(made: Figure, results: Results, path: Path, title: str, command: str) -> None:
    """Write a figure, whole or not at all, in the format of the path's ending, with what it was made by inside."""
    from rtsched.files import picture_format, write_whole
    from rtsched.plot.paper import file

    outline = results.outline
    about = {"title": title, "command": command, "version": f"rtsched {outline.version}", "study": outline.digest}
    write_whole(path, file(made, picture_format(path), about))
