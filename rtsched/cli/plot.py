"""``rtsched plot``: figures of a study, for papers."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import tell
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format

KINDS = ("curves", "ecdf", "heat", "pareto", "scatter")


@click.command()
@click.argument("study", type=click.Path(dir_okay=False, path_type=Path))
@options.file("-o", "--output", text="The figure: .pdf, .svg or .png.", required=True)
@click.option("--kind", type=click.Choice(KINDS), default="curves", show_default=True, help="What is drawn.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="What is shown; default: the first metric.")
@click.option("--policy", "policies", multiple=True, metavar="LABEL", help="These policies alone.")
@click.option("--over", multiple=True, metavar="AXIS", help="The axis to draw along; two for heat.")
@click.option("--at", "at", multiple=True, metavar="AXIS=VALUE", help="Only points with this value of an axis.")
@click.option("--weighted", is_flag=True, help="Weighted schedulability: one number over all utilisations.")
@click.option(
    "--size", type=click.Choice(["single", "double"]), default="single", show_default=True,
    help="One column (3.5 in) or two (7.16 in).",
)  # fmt: skip
def plot(
    study: Path,
    output: Path,
    kind: str,
    metrics: tuple[str, ...],
    policies: tuple[str, ...],
    over: tuple[str, ...],
    at: tuple[str, ...],
    weighted: bool,
    size: str,
) -> None:
    """Draw a STUDY, the database of `rtsched sweep`.

    curves: a metric over an axis. ecdf: how systems share out over a metric. heat: a metric over two axes. pareto:
    accuracy against misses. scatter: bounds against observed responses. Axes that are not drawn along become panels.
    """
    from rtsched.experiment.results import Results

    picture_format(output)
    check_outputs(output)
    results = Results.open(study)
    results.plot(
        kind, metric=metrics, policies=policies, over=over, at=_values(at), weighted=weighted, size=size, path=output,
        command=_command(study.name, kind, metrics, policies, over, at, weighted, size),
    )  # fmt: skip
    tell(f"{output}: {kind} of study {results.outline.name or study.stem} ({results.outline.digest})", output)


def _values(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--at {text}: is no AXIS=VALUE; e.g. --at generate.tasks=10")
        found[name.strip()] = value.strip()
    return found


def _command(
    study: str,
    kind: str,
    metrics: tuple[str, ...],
    policies: tuple[str, ...],
    over: tuple[str, ...],
    at: tuple[str, ...],
    weighted: bool,
    size: str,
) -> str:
    """What draws the same figure again, wherever the study lies and whatever the file is called."""
    words = ["rtsched", "plot", study, "--kind", kind, "--size", size]
    for option, values in (("--metric", metrics), ("--policy", policies), ("--over", over), ("--at", at)):
        words += [word for value in values for word in (option, value)]
    return shlex.join([*words, *(["--weighted"] if weighted else [])])
