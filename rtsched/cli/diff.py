"""``rtsched diff``: two runs of one system, where they part, and what followed."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import alone_for, echo_json, tell, want_standard_output
from rtsched.errors import InputError
from rtsched.files import check_outputs


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
@options.file("--html", text="Write a page with both runs on one axis (docs/page.md).")
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
    html: Path | None,
) -> None:
    """Simulate SYSTEM under the policies A and B: the first decision that differs, and what followed for each job.

    'file' is the system's own policy; without B it is A, with the changes. Both see the same world.
    """
    from rtsched import api
    from rtsched.model.config import to_yaml
    from rtsched.trace.differing import difference

    if second is None and not changes:
        raise InputError("two runs that are the same do not differ; name another policy B, or --change a value in it")
    want_standard_output(as_json, html)
    check_outputs(html)
    runs, given = [], []
    with alone_for(as_json, html):
        for policy, more in ((first, ()), (second or first, changes)):
            loaded = api.load(system, platform=platform, overrides=(*overrides, *more))
            if html is not None:
                given.append(to_yaml(loaded.system))
            choice = None if policy == api.OWN else policy
            runs.append(api.simulate(loaded, scheduler=choice, until=until, seed=seed, reasons=html is not None))
    answer = difference(runs[0], runs[1])
    changed = f" with {', '.join(changes)}" if changes else ""
    said = f"A: {runs[0].scheduler}\nB: {runs[1].scheduler}{changed}\n\n{answer.text()}"
    if html is not None:
        from rtsched.page.several import write_comparison

        labels = first, f"{second or first}{changed}"
        traces = dict(zip(labels, runs, strict=True)) if labels[0] != labels[1] else runs
        write_comparison(traces, html, given[0], said)
    if as_json:
        echo_json(answer.to_dict())
    else:
        tell(said, html)
