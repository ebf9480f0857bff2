"""``rtsched optimum``: what nobody can exceed in a window, whoever decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import echo_json, fitted, tell, want_standard_output
from rtsched.files import check_outputs, picture_format
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.optimum import Optimum

#: The most jobs that are named of those that nobody can answer, and of those that give way to others.
SHOWN = 10


@click.command()
@click.argument("system")
@options.platform()
@options.until("The window: how long jobs are released, e.g. '100 ms'.")
@click.option("--seed", type=options.SEEDS, help="Seed of everything random: the optimum knows what it brings.")
@options.overrides()
@options.effort()
@click.option(
    "--limit", type=click.FloatRange(0, 86_400, min_open=True), metavar="SECONDS",
    help="Stop after so long on this machine with what is found; another machine may find something else.",
)  # fmt: skip
@options.as_json("Print JSON instead of text, the schedule included.")
@options.file("-o", "--gantt", "picture", text="Draw the schedule (.png, .svg or .pdf).")
def optimum(
    system: str,
    platform: str | None,
    until: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    effort: float | None,
    limit: float | None,
    as_json: bool,
    picture: Path | None,
) -> None:
    """Find the most weighted accuracy in time that any policy can reach on SYSTEM, and prove that none exceeds it."""
    from rtsched.optimum import EFFORT
    from rtsched.optimum import optimum as search

    want_standard_output(as_json, picture)
    if picture is not None:
        picture_format(picture)
    check_outputs(picture)
    found = search(
        system, until=until, seed=seed, platform=platform, overrides=overrides, effort=effort or EFFORT, limit=limit
    )  # fmt: skip
    if picture is not None:
        from rtsched.plot.gantt import gantt

        gantt(found.trace, picture, end=found.trace.end)
    if as_json:
        echo_json(found.to_dict())
    else:
        tell(fitted("\n".join, _lines(found)), picture)


def _lines(found: Optimum) -> list[str]:
    """The answer in words."""
    from rtsched import units

    span = units.format_duration(found.until, digits=4)
    lines = [
        f"{visible(found.system)}: jobs released for {span}, seed {found.seed}: {found.jobs} jobs, {found.nodes} nodes",
        f"the most that can be reached: {_amount(found.bound)} of {_amount(found.most)}"
        + (" (an upper bound)" if found.relaxed else ""),
        f"a schedule that reaches {_amount(found.worth)}: {_gap(found)}",
    ]
    if found.energy is not None:
        lines.append(f"energy beyond idling, the least with that: {found.energy / 1e9:.4g} J")
    lines += [f"relaxed: {visible(each)}" for each in found.relaxed]
    hopeless = [f"{each.job} ({each.why})" for each in found.unmet if each.why]
    others = [each.job for each in found.unmet if not each.why]
    if hopeless:
        lines.append(f"nobody can answer rightly and in time: {_some(hopeless)}")
    if others:
        lines.append(f"give way to others in the schedule: {_some(others)}")
    return lines


def _amount(value: float) -> str:
    return f"{value:.6g}"


def _gap(found: Optimum) -> str:
    if found.proven:
        return "there is none better"
    if not found.gap:
        return "no other does better in what is modelled"
    more = "stopped at the limit; more time" if found.stopped else "more --effort"
    share = "100" if found.gap > 0.994 else f"{100 * found.gap:.2g}"
    return f"a gap of {share} % is left ({more} may close it)"


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return visible(", ".join(names[:SHOWN])) + (f" and {more} more" if more > 0 else "")
