"""``rtsched check-scheduler``: whether a policy keeps the contracts, on random systems."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import answer_alone, echo, echo_json, fitted
from rtsched.cli.ending import NO
from rtsched.cli.waiting import progress_bar


@click.command()
@click.argument("policy")
@click.option("--systems", type=click.IntRange(1, 10**6), default=100, show_default=True, help="How many systems.")
@click.option(
    "--seed", type=options.SEEDS, default=0, show_default=True, help="Seed of the systems; of a --system, its own."
)
@click.option("--only", multiple=True, metavar="CHECK", help="This check alone, as often as wanted.")
@click.option("--system", metavar="SYSTEM", help="This system (a name or a file) instead of random ones.")
@options.folder("--save", text="Write each example here: system.yaml, gantt.png, and the command that shows it again.")
@click.option(
    "--limit", type=click.FloatRange(0, 86_400, min_open=True), default=10.0, show_default=True,
    help="Seconds that one run may take.",
)  # fmt: skip
@click.option("--cost", is_flag=True, help="With --json: what its decisions took of this machine's time, too.")
@options.jobs(1024)
@options.as_json()
def check_scheduler(
    policy: str,
    systems: int,
    seed: int,
    only: tuple[str, ...],
    system: str | None,
    save: Path | None,
    limit: float,
    cost: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Hold POLICY to what every policy must keep, and to what it claims of itself, on random systems.

    POLICY is a name, a description as -s of compare takes it, module:Class or file.py:Class. What does not hold is
    shown in the smallest system that was found. Exit code 1 if something fails, or if the policy refuses every system.
    """
    from rtsched.conformance.judge import check_scheduler as check
    from rtsched.conformance.saved import save as write

    with progress_bar(total=1 if system else systems, unit=" systems") as bar, answer_alone():
        found = check(
            policy, systems=systems, seed=seed, only=only, system=system, limit=limit, jobs=jobs or os.cpu_count() or 1,
            progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    if as_json:
        echo_json(found.to_dict(cost=cost))
    else:
        echo(fitted(str, found, prose=False))
    if save is not None:
        for path in write(found, save):
            echo(f"saved: {path}", err=True)
    if not found.fits:
        raise SystemExit(NO)
