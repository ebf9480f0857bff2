"""``rtsched explain``: why one job took as long as it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo, echo_json, fitted
from rtsched.cli.ending import INTERRUPTED
from rtsched.cli.waiting import waiting

if TYPE_CHECKING:
    from rtsched.loading import Loaded
    from rtsched.trace.trace import Trace
    from rtsched.whatif.answer import WhatIf


@click.command()
@click.argument("system")
@click.argument("job", required=False, metavar="[TASK[INDEX]]")
@click.option("--first-miss", is_flag=True, help="The first job (of TASK) that missed its deadline.")
@click.option("--worst", is_flag=True, help="The job (of TASK) that was the latest against its deadline.")
@click.option("--what-if", is_flag=True, help="Which changes would have met its deadline: simulates many times.")
@options.scheduler()
@options.platform()
@options.until()
@click.option("--seed", type=options.SEEDS, help="Seed of everything random.")
@options.overrides()
@options.wcet()
@options.as_json()
def explain(
    system: str,
    job: str | None,
    first_miss: bool,
    worst: bool,
    what_if: bool,
    scheduler: str | None,
    platform: str | None,
    until: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    wcet: str | None,
    as_json: bool,
) -> None:
    """Simulate SYSTEM and say where the time of one job went, from its arrival to its end, and who had it.

    TASK[INDEX] is the job, counted from 0: 'camera[2]' is the third. Without an index, or a job at all, it is the first
    that missed its deadline; where none did, the latest.
    """
    from rtsched import api
    from rtsched.trace.causes.choice import chosen
    from rtsched.trace.causes.explanation import explain as explained

    with alone_for(as_json), waiting() as watch:
        loaded = api.load(system, platform=platform, overrides=options.chosen(overrides, wcet))
        trace = api.simulate(loaded, scheduler=scheduler, until=until, seed=seed, watch=watch, reasons=True)
    number = chosen(trace, job, first_miss=first_miss, worst=worst)
    answer = explained(trace, number)
    changes = _changes(loaded, trace, number, scheduler, as_json) if what_if and trace.planned is None else None
    if as_json:
        run = {"format": 1, "system": trace.system.name, "scheduler": trace.scheduler, "seed": trace.seed}
        echo_json(run | answer.to_dict() | ({} if changes is None else {"what_if": changes.to_dict()["changes"]}))
    else:
        echo(fitted(lambda: "\n\n".join([_run(trace), answer.text(), *([] if changes is None else [changes.text()])])))
    if trace.planned is not None:
        echo("interrupted: the run is explained until then", err=True)
        raise SystemExit(INTERRUPTED)


def _changes(loaded: Loaded, trace: Trace, number: int, scheduler: str | None, as_json: bool) -> WhatIf:
    """What would have met the deadline of the job."""
    from rtsched.whatif.ask import asked
    from rtsched.whatif.trials import Trials

    with alone_for(as_json):
        return asked(Trials(loaded, trace, number, scheduler), number)


def _run(trace: Trace) -> str:
    """Of which run this is the explanation."""
    from rtsched.units import format_duration

    until = format_duration(trace.until, digits=4)
    return f"{trace.system.name} under {trace.scheduler}: jobs released for {until}, seed {trace.seed}"
