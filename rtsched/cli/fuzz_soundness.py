"""``rtsched fuzz-soundness``: random systems, simulation against every schedulability bound that applies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_json, fitted
from rtsched.cli.ending import INTERRUPTED
from rtsched.cli.waiting import progress_bar
from rtsched.errors import InputError
from rtsched.files import make_folder

if TYPE_CHECKING:
    from rtsched.verify.fuzz import Campaign, Found


@click.command()
@click.option(
    "--minutes", type=click.FloatRange(0, 100_000, min_open=True), default=1.0, show_default=True, help="How long."
)
@click.option("--systems", type=click.IntRange(1, 10**9), help="So many systems instead of a time.")
@click.option("--seed", type=options.SEEDS, default=0, show_default=True, help="Seed of everything.")
@options.jobs(1024)
@options.folder("--output", default=Path(), text="Folder for the replay files of violations; default: here.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Look again at the system of a replay file.",
)
@options.as_json()
def fuzz_soundness(
    minutes: float, systems: int | None, seed: int, jobs: int | None, output: Path, replay: Path | None, as_json: bool
) -> None:
    """Try to break a proof: simulate random systems and hold every run against every theorem that applies.

    A violation is shrunk to the smallest system that shows it and written to a file for --replay. Exit code 1 if there
    is one.
    """
    from rtsched.verify.fuzz import fuzz, write

    if replay is not None:
        _again(replay, as_json)
        return
    with progress_bar(total=systems, unit=" systems") as bar:

        def progress(campaign: Campaign) -> None:
            bar.update(campaign.systems - bar.n)
            bar.set_postfix(violations=sum(campaign.violated.values()))

        campaign = fuzz(seed=seed, systems=systems, minutes=minutes, jobs=jobs, progress=progress, keep_partial=True)
    problem = None
    files = [Path("not written")] * len(campaign.found)
    try:
        if campaign.found:
            make_folder(output)
            files = [write(found, output) for found in campaign.found]
    except InputError as error:  # what was found is told first: it may have taken hours
        problem = error
    if as_json:
        echo_json(campaign.to_dict())
    else:
        echo(fitted(_text, campaign, files, prose=False))
    if problem is not None:
        raise problem
    if campaign.interrupted:
        echo("interrupted: what was looked at until then; violations are not shrunk", err=True)
        raise SystemExit(INTERRUPTED)
    if campaign.found:
        raise SystemExit(1)


def _again(path: Path, as_json: bool) -> None:
    from rtsched.verify.fuzz import again

    found, now = again(path)
    if as_json:
        answer = {"violated": now is not None, "now": None if now is None else str(now)}
        echo_json({"format": 1, "replayed": found.to_dict(), **answer})
    else:
        echo(found.yaml)
        echo(f"then: {found.violation.text or found.violation}")
        echo(f"now:  {now if now is not None else 'no violation'}")
    if now is not None:
        raise SystemExit(1)


def _text(campaign: Campaign, files: list[Path]) -> str:
    return "\n".join(_lines(campaign, files))


def _lines(campaign: Campaign, files: list[Path]) -> list[str]:
    from rtsched.columns import aligned

    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(campaign.verdicts.items()))
    partial = " (PARTIAL: interrupted)" if campaign.interrupted else ""
    lines = [f"{campaign.systems} systems{partial} ({verdicts}), {campaign.runs} simulations, {campaign.jobs} jobs", ""]
    header = ["theorem", "applied", "yes", "no", "miss found", "bounds", "attained", "max seen/bound", "mean"]
    rows = [header]
    for name, tally in sorted(campaign.tallies.items()):
        mean = tally.total / tally.bounds if tally.bounds else None
        rows.append(
            [
                name,
                str(tally.applied),
                str(tally.schedulable),
                str(tally.unschedulable),
                str(tally.refuted),
                str(tally.bounds),
                str(tally.attained),
                "–" if mean is None else f"{tally.tightest:.3f}",
                "–" if mean is None else f"{mean:.3f}",
            ]
        )
    lines += [aligned(rows), ""]
    if not campaign.found:
        return [*lines, "no violation found"]
    for name, count in sorted(campaign.violated.items()):
        lines.append(f"VIOLATED: {name} in {count} of {campaign.systems} systems")
    for found, path in zip(campaign.found, files, strict=True):
        lines += ["", *_violation(found, path)]
    return lines


def _violation(found: Found, path: Path) -> list[str]:
    how = "the smallest system found" if found.small else "the system"
    return [
        str(found.violation),
        f"{how} (number {found.number}, seed of its patterns {found.seed}; replay: {path}):",
        found.yaml.rstrip(),
    ]
