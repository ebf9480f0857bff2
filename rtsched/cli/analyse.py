"""``rtsched analyse``: what can be proven of a system, with a simulation beside the proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo, echo_json, fitted, tell, want_standard_output
from rtsched.cli.ending import INTERRUPTED, NO
from rtsched.cli.failing import fail_on_proof, fails
from rtsched.cli.junit import errors_into, junit_option, write_proof
from rtsched.cli.waiting import proving
from rtsched.files import check_outputs, picture_format, write_whole
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.verify.verification import Verification


@click.command()
@click.argument("system")
@options.scheduler()
@options.platform()
@options.overrides()
@options.wcet()
@options.patterns
@click.option("--margins", is_flag=True, help="Also how far each task can move by itself (slower).")
@click.option("--parts", is_flag=True, help="What each bound consists of.")
@click.option("--steps", is_flag=True, help="The calculation: every test with the numbers put in.")
@options.file("--plot", text="Draw the calculation (.png, .svg or .pdf).")
@options.file("--counterexample", "miss", text="Write the run that missed as a system file (.yaml).")
@options.file("--html", text="Write a page of the run that the file declares, with what is proven (docs/page.md).")
@junit_option()
@options.as_json()
@fail_on_proof()
def analyse(
    system: str,
    scheduler: str | None,
    platform: str | None,
    overrides: tuple[str, ...],
    wcet: str | None,
    runs: int,
    seed: int,
    margins: bool,
    parts: bool,
    steps: bool,
    plot: Path | None,
    miss: Path | None,
    html: Path | None,
    junit: Path | None,
    as_json: bool,
    fail_on: str | None,
) -> None:
    """Prove, refute, or say why neither: does every job of SYSTEM meet its deadline, whatever happens?"""
    from rtsched.verify.verification import verify

    want_standard_output(as_json, miss, html, plot, junit)
    if plot is not None:
        picture_format(plot)
    check_outputs(miss, html, plot, junit)
    with (
        alone_for(as_json, miss, html, plot, junit),
        errors_into(junit, system, "analyse"),
        proving() as progress,
    ):
        found = verify(
            system, scheduler=scheduler, platform=platform, overrides=overrides, wcet=wcet, runs=runs,
            seed=seed, progress=progress, keep_partial=True,
        )  # fmt: skip
    if junit is not None:
        write_proof(junit, found, fail_on)
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
        tell(fitted(_text, found, margins, parts, steps), miss, html, plot, junit)
    if found.interrupted:
        echo("interrupted: fewer runs were simulated than asked for", err=True)
        raise SystemExit(INTERRUPTED)
    if fails(found, fail_on):
        raise SystemExit(NO)


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
    elif found.unrun:
        lines += ["", visible(f"nothing was simulated: the policy does not run this system ({found.unrun})")]
    return "\n".join([*lines, *map(visible, words.assumed(found))])
