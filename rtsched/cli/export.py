"""``rtsched export``: a study as files that other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import echo_json, tell, want_standard_output
from rtsched.files import check_outputs

#: What may become of a run.
STATUSES = ("ok", "error", "timeout")


@click.command()
@click.argument("study", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--metric", metavar="NAME", help="What a .tex table shows; default: the first one measured.")
@options.as_json("Print what was written as JSON.")
def export(study: Path, file: Path, metric: str | None, as_json: bool) -> None:
    """Write a STUDY, the database of `rtsched sweep`, to a FILE whose ending says how.

    .csv and .parquet: the long table, a row for each value of a run or of a task of it. .db: a SQLite database with
    plain tables. .json: the study and its estimates. .tex: a table of one metric with intervals. `-` is standard
    output, as CSV.
    """
    from rtsched.experiment.results import Results

    want_standard_output(as_json, file)
    check_outputs(file)
    results = Results.open(study)
    results.write(file, metric)
    counts, total = results.statuses(), results.outline.total
    done = counts.total()
    if as_json:
        named = {"format": 1, "file": str(file), "study": results.outline.name, "digest": results.outline.digest}
        echo_json(named | {"runs": done, "total": total, **{status: counts[status] for status in STATUSES}})
        return
    rest = "" if done == total else f"; {total - done} are not there: not run yet, or not needed"
    failed = "".join(f", {counts[status]} {status}" for status in ("error", "timeout") if counts[status])
    tell(f"{file}: {done} of {total} runs{failed}{rest}", file)
