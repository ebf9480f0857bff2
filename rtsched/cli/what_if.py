"""``rtsched what-if``: a system on other boards, in other power modes, under other policies."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo, echo_json, fitted, tell, want_standard_output
from rtsched.cli.ending import INTERRUPTED
from rtsched.cli.policies import split
from rtsched.cli.waiting import counting
from rtsched.files import check_outputs, write_whole


@click.command()
@click.argument("system")
@click.option(
    "--platforms",
    multiple=True,
    metavar="A,B,...",
    help="Boards by name or file; 'file' is the system's own, 'all' the catalogue. Default: its own, its family, and "
    "all that have measured times of everything.",
)
@click.option(
    "--modes",
    multiple=True,
    metavar="A,B,...",
    help="Power modes; 'file' is the system's own. Default: all of each board.",
)
@click.option(
    "-s",
    "--schedulers",
    multiple=True,
    metavar="A,B,...",
    help="Policies; 'file' is the system's own. Default: it, and EDF and DM, global and partitioned.",
)
@options.overrides("Change one value of the system.")
@options.wcet()
@click.option(
    "--runs",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Random release patterns simulated beside each proof.",
)
@click.option("--seed", type=options.SEEDS, default=0, help="Seed of the random patterns, and of the runs of --energy.")
@click.option("--energy", is_flag=True, help="Also the mean power of one run of each, where figures of it are known.")
@options.until("How long jobs are released in the runs of --energy: '10 s'.")
@options.as_json()
@options.file("--csv", "table", text="One line per alternative.")
def what_if(
    system: str,
    platforms: tuple[str, ...],
    modes: tuple[str, ...],
    schedulers: tuple[str, ...],
    overrides: tuple[str, ...],
    wcet: str | None,
    runs: int,
    seed: int,
    energy: bool,
    until: str | None,
    as_json: bool,
    table: Path | None,
) -> None:
    """Analyse SYSTEM on other boards, in other power modes, under other policies, and print what holds where.

    Of a board that cannot run it everything that it lacks is told at once.
    """
    from rtsched.alternatives import alternatives
    from rtsched.errors import InputError

    want_standard_output(as_json, table)
    check_outputs(table)
    if until is not None and not energy:
        raise InputError("--until says how long the runs of --energy are; give --energy, too")
    with counting(" alternatives") as progress, alone_for(as_json, table):
        answer = alternatives(
            system,
            platforms=_names(platforms),
            modes=_names(modes),
            schedulers=[name for group in schedulers for name in split(group)] or None,
            overrides=overrides,
            wcet=wcet,
            runs=runs,
            seed=seed,
            energy=energy,
            until=until,
            progress=progress,
            keep_partial=True,
        )
    if table is not None:
        write_whole(table, answer.csv())
    if as_json:
        echo_json(answer.to_dict())
    else:
        tell(fitted(answer.text), table)
    if answer.left:
        echo("interrupted: the alternatives are those analysed until then", err=True)
        raise SystemExit(INTERRUPTED)


def _names(groups: tuple[str, ...]) -> list[str] | None:
    """Names between commas; None where none are given."""
    return [name.strip() for group in groups for name in group.split(",") if name.strip()] or None
