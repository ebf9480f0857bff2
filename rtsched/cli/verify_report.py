"""``rtsched verify-report``: compute the digest and the verdict of a report again."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_json
from rtsched.cli.waiting import proving


@click.command("verify-report")
@click.argument("report", type=click.Path(dir_okay=False, path_type=Path))
@options.as_json()
def verify_report(report: Path, as_json: bool) -> None:
    """Recompute the digest of REPORT (.json), and prove and simulate again what it says, from its data alone.

    Exit code 0: confirmed; 1: the digest or an answer differs, and which; 2: no report.
    """
    from rtsched.report.rerun import read, rerun, text

    with proving() as progress:
        done = rerun(read(report), progress)
    if as_json:
        echo_json(done.to_dict())
    else:
        for line in text(done):
            echo(line)
    if not done.confirmed:
        raise SystemExit(1)
