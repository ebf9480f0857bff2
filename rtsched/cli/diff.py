"""``rtsched diff``: two runs of one system, where they part, and what followed."""

from __future__ import annotations

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo, echo_json, fitted
from rtsched.errors import InputError


@click.command()
@click.argument("system")
@click.argument("first", metavar="A")
@click.argument("second", metavar="[B]", required=False)
@click.option("--change", "changes", multiple=True, metavar="PATH=VALUE", help="Change one value in B alone.")
@options.platform()
@options.until()
@click.option("--seed", type=options.SEEDS, help="Seed of everything random.")
@options.overrides("Change one value in both.")
@options.as_json()
def diff(
    system: str,
    first: str,
    second: str | None,
    changes: tuple[str, ...],
    platform: str | None,
    until: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Simulate SYSTEM under the policies A and B: the first decision that differs, and what followed for each job.

    'file' is the system's own policy; without B it is A, with the changes. Both see the same world.
    """
    from rtsched import api
    from rtsched.trace.differing import difference

    if second is None and not changes:
        raise InputError("two runs that are the same do not differ; name another policy B, or --change a value in it")
    runs = []
    with alone_for(as_json):
        for policy, more in ((first, ()), (second or first, changes)):
            loaded = api.load(system, platform=platform, overrides=(*overrides, *more))
            choice = None if policy == api.OWN else policy
            runs.append(api.simulate(loaded, scheduler=choice, until=until, seed=seed))
    answer = difference(runs[0], runs[1])
    if as_json:
        echo_json(answer.to_dict())
        return
    changed = f" with {', '.join(changes)}" if changes else ""
    echo(fitted(lambda: f"A: {runs[0].scheduler}\nB: {runs[1].scheduler}{changed}\n\n{answer.text()}"))
