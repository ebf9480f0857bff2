"""``rtsched analyse``: what can be proven of a system, with a simulation beside the proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo, echo_json, fitted, tell, want_standard_output
from rtsched.cli.ending import INTERRUPTED
from rtsched.cli.waiting import proving
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format, write_whole
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.verify.verification import Verification


@click.command()
@click.argument("system")
@options.scheduler()
@options.platform()
@options.overrides()
@options.patterns
@click.option("--margins", is_flag=True, help="Also how far each task can move by itself (slower).")
@click.option("--parts", is_flag=True, help="What each bound consists of.")
@click.option("--steps", is_flag=True, help="The calculation: every test with the numbers put in.")
@options.file("--plot", text="Draw the calculation (.png, .svg or .pdf).")
@options.file("--counterexample", "miss", text="Write the run that missed as a system file (.yaml).")
@options.file("--html", text="Write a page of the run that the file declares, with what is proven (docs/page.md).")
@options.as_json()
@options.fail_on(
    "unschedulable",
    "unproven",
    "hard-unproven",
    text="Exit with 1 if a miss is possible; if not all is proven (typical times prove nothing); or if not all hard "
    "tasks are.",
)
def analyse(
    system: str,
    scheduler: str | None,
    platform: str | None,
    overrides: tuple[str, ...],
    runs: int,
    seed: int,
    margins: bool,
    parts: bool,
    steps: bool,
    plot: Path | None,
    miss: Path | None,
    html: Path | None,
    as_json: bool,
    fail_on: str | None,
) -> None:
    """Prove, refute, or say why neither: does every job of SYSTEM meet its deadline, whatever happens?"""
    from rtsched.verify.verification import verify

    want_standard_output(as_json, miss, html, plot)
    if plot is not None:
        picture_format(plot)
    check_outputs(miss, html, plot)
    with alone_for(as_json, miss, html, plot), proving() as progress:
        found = verify(
            system, scheduler=scheduler, platform=platform, overrides=overrides, runs=runs, seed=seed,
            progress=progress, keep_partial=True,
        )  # fmt: skip
    if miss is not None:
        from rtsched.verify.witness import witness

        write_whole(miss, witness(found))
    if html is not None:
        from rtsched.model.config import to_yaml
        from rtsched.page.page import write
        from rtsched.verify.shown import declared_run, proof

        write(declared_run(found), html, to_yaml(found.loaded.system), proof=proof(found))
    if plot is not None:
        from rtsched.plot.steps import draw

        draw([board.to_dict() for board in found.steps()], plot, found.system.name)
    if as_json:
        from rtsched.verify.document import to_dict

        echo_json(to_dict(found, margins=margins, steps=steps))
    else:
        tell(fitted(_text, found, margins, parts, steps), miss, html, plot)
    if found.interrupted:
        echo("interrupted: fewer runs were simulated than asked for", err=True)
        raise SystemExit(INTERRUPTED)
    if fail_on is not None and _fails(found, fail_on):
        raise SystemExit(1)


def _fails(found: Verification, on: str) -> bool:
    """Whether the answer is no."""
    from rtsched.verify.criticality import levels

    if on == "unschedulable":
        return found.verdict == "unschedulable"
    if on == "unproven":
        return not (found.proven or found.conditional)
    hard = next((level for level in levels(found) if level.criticality == "hard"), None)
    if hard is None:
        raise InputError(
            f"--fail-on hard-unproven: no task of {found.system.name!r} is hard; add 'criticality: hard' where it is"
        )
    return not hard.is_proven


def _actions(found: Verification) -> list[str]:
    """What to do, each with its cost and the options that bring it about."""
    from rtsched.verify.actions import actions

    if found.verdict == "schedulable":
        return []
    made = actions(found)
    lines = []
    for action in made:
        lines.append(visible(f"to do ({action.part}): {action.text}"))
        lines += [visible(f"  cost: {action.cost}"), visible(f"  {action.options}")]
    return [*lines, made.note if lines else f"to do: {made.note} None makes a part provable."]


def _text(found: Verification, margins: bool, parts: bool, steps: bool) -> str:
    from rtsched.verify import words
    from rtsched.verify.requirements import table

    lines = [words.verdict(found), "", words.table(found), ""]
    for part in found.analysis.parts:
        lines += map(visible, words.part(found, part))
    lines += map(visible, words.chains(found))
    stated = table(found)
    lines += ["", *(visible(each, lines=True) for each in stated)] if stated else []
    if parts:
        lines += ["", words.parts(found)]
    if margins:
        lines += ["", words.margins(found), "", *_actions(found)]
    if steps:
        boards = found.steps()
        for board in boards:
            lines += ["", *map(visible, board.text(elsewhere=len(boards) == 1))]
    if found.observation is not None:
        seen = found.observation
        partial = " (PARTIAL: interrupted)" if found.interrupted else ""
        lines += [
            "",
            f"seen in {seen.runs} simulated runs{partial}, {seen.jobs} jobs: evidence beside the proof, no proof",
        ]
    return "\n".join([*lines, *map(visible, words.assumed(found))])
