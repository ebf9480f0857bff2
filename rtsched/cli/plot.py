"""``rtsched plot``: figures of a study, for papers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo_json, tell, want_standard_output
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format

KINDS = ("curves", "ecdf", "heat", "pareto", "scatter")


@click.command()
@click.argument("study", type=click.Path(dir_okay=False, path_type=Path))
@options.file("-o", "--output", text="The figure: .pdf, .svg or .png.", required=True)
@click.option("--kind", type=click.Choice(KINDS), default="curves", show_default=True, help="What is drawn.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="What is shown: one or more; default: the first."
)
@click.option("--policy", "policies", multiple=True, metavar="LABEL", help="These policies alone.")
@click.option("--over", multiple=True, metavar="AXIS", help="The axis to draw along; two for heat.")
@click.option("--at", "at", multiple=True, metavar="AXIS=VALUE", help="Only points with this value of an axis.")
@click.option("--weighted", is_flag=True, help="Weighted schedulability: one number over all utilisations.")
@click.option(
    "--size", type=click.Choice(["single", "double"]), default="single", show_default=True,
    help="One column (3.5 in) or two (7.16 in).",
)  # fmt: skip
@options.as_json("Print what was drawn as JSON.")
def plot(study: Path, output: Path, at: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Draw a STUDY, the database of `rtsched sweep`.

    curves: a metric over an axis. ecdf: how systems share out over a metric. heat: a metric over two axes. pareto:
    accuracy against misses. scatter: bounds against observed responses. Axes that are not drawn along become panels.
    """
    from rtsched.experiment.results import Results

    want_standard_output(as_json, output)
    picture_format(output)
    check_outputs(output)
    results = Results.open(study)
    command = _command(study.name, asked | {"at": at})
    results.plot(
        asked["kind"], metric=asked["metrics"], policies=asked["policies"], over=asked["over"], at=_values(at),
        weighted=asked["weighted"], size=asked["size"], path=output, command=command,
    )  # fmt: skip
    name, digest = results.outline.name or study.stem, results.outline.digest
    if as_json:
        about = {"format": 1, "file": str(output), "kind": asked["kind"], "study": name, "digest": digest}
        echo_json(about | {"command": command})
        return
    tell(f"{output}: {asked['kind']} of study {name} ({digest})", output)


def _values(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--at {text}: is no AXIS=VALUE; e.g. --at generate.tasks=10")
        found[name.strip()] = value.strip()
    return found


def _command(study: str, asked: Mapping[str, Any]) -> str:
    """What draws the same figure again, wherever the study lies and whatever the file is called."""
    words = ["rtsched", "plot", study, "--kind", asked["kind"], "--size", asked["size"]]
    for option, name in (("--metric", "metrics"), ("--policy", "policies"), ("--over", "over"), ("--at", "at")):
        words += [word for value in asked[name] for word in (option, value)]
    return shlex.join([*words, *(["--weighted"] if asked["weighted"] else [])])
