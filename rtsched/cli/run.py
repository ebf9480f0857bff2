"""``rtsched run``: a simulation, and what happened in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched.cli import options
from rtsched.cli.as_text import as_text, check_text, watch_it
from rtsched.cli.console import alone_for, echo, echo_json, fitted, tell, want_standard_output
from rtsched.cli.ending import INTERRUPTED
from rtsched.cli.junit import errors_into, junit_option, write_run
from rtsched.cli.waiting import waiting
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.trace.trace import Trace


@click.command()
@click.argument("system")
@options.scheduler()
@options.platform()
@options.until()
@click.option("--seed", type=options.SEEDS, help="Seed of everything random.")
@options.overrides()
@options.wcet()
@options.as_json()
@options.file("--html", text="Write a page to explore the run with (docs/page.md).")
@options.file("--pftrace", text="Write a trace for ui.perfetto.dev (docs/traces.md).")
@options.file("--gantt", text="Draw the schedule (.png, .svg or .pdf).")
@options.picture()
@click.option("--text-gantt", "drawn", is_flag=True, help="Print the schedule as text, too (docs/command_line.md).")
@click.option("--watch", "played", is_flag=True, help="Play the run in this terminal, event by event.")
@options.metrics()
@options.folder("--csv", "directory", text="Write the trace as CSV files.")
@click.option(
    "--export",
    "exports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the trace; its ending or --format says how (see `rtsched list exporters`).",
)
@click.option("--format", "wanted", metavar="NAME", help="The exporter of --export, whatever the file is called.")
@junit_option()
@click.option("--no-trace", is_flag=True, help="Keep sums only: flat memory, for very long runs.")
@options.fail_on(
    "miss",
    "hard-miss",
    "misses",
    text="Exit with 1 if a job (of a hard task) missed, or a chain (with a hard task) broke what is required of it; "
    "misses: if more jobs in a row missed than 'misses' of their task allows.",
)
def run(
    system: str,
    scheduler: str | None,
    platform: str | None,
    until: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    wcet: str | None,
    as_json: bool,
    html: Path | None,
    pftrace: Path | None,
    gantt: Path | None,
    drawn: bool,
    played: bool,
    metrics: tuple[str, ...],
    directory: Path | None,
    exports: tuple[Path, ...],
    wanted: str | None,
    junit: Path | None,
    no_trace: bool,
    fail_on: str | None,
    **picture: str | None,
) -> None:
    """Simulate SYSTEM (a catalogue name or a YAML file) and say what happened."""
    from rtsched import api
    from rtsched.export.exporter import exporter_for, write
    from rtsched.export.text import render_metrics, render_table
    from rtsched.metrics.metric import find, refuse_without_trace
    from rtsched.metrics.summary import summary
    from rtsched.metrics.usual import of_run
    from rtsched.model.config import to_yaml
    from rtsched.trace.causes.misses import miss_reasons

    want_standard_output(as_json, html, pftrace, gantt, directory, junit, *exports)
    check_text(drawn, played, as_json=as_json, kept=not no_trace)
    check_outputs(html, pftrace, gantt, junit, *exports)
    chosen = [find(name) for name in metrics]
    written = {path: exporter_for(path, wanted) for path in exports}
    if pftrace is not None:
        written[pftrace] = exporter_for(pftrace, "pftrace")
    if wanted is not None and not exports:
        raise InputError("--format says how --export writes; give --export, too")
    if gantt is not None:
        picture_format(gantt)
    seen = options.picture_of(picture, gantt, text=drawn)
    if no_trace and (html or gantt or directory or written):
        raise InputError(
            "--no-trace keeps no trace to draw or write; leave it out, or --html, --pftrace, --gantt, --csv, --export"
        )
    given: list[str] = []
    reasons = html is not None or gantt is not None or any(made.reasons for made in written.values())

    def loaded() -> api.Loaded:  # kept nowhere: kilobytes for every task, which are not needed while time runs
        found = api.load(system, platform=platform, overrides=options.chosen(overrides, wcet))
        if no_trace and (fail_on or junit) and any(chain.requires for chain in found.system.chains):
            raise InputError("--no-trace keeps no jobs to measure chains by; leave it out, or --fail-on and --junit")
        if fail_on == "misses" and all(task.misses is None for task in found.system.tasks):
            raise InputError(
                f"--fail-on misses: no task of {found.system.name!r} limits its misses; add e.g. "
                "'misses: {most: 1, of: 10}' where it may"
            )
        if no_trace and (junit or fail_on == "misses") and any(task.misses for task in found.system.tasks):
            raise InputError(
                "--no-trace keeps no jobs to count misses in a row; leave it out, or --fail-on and --junit"
            )
        if no_trace and any(each.needs_trace for each in chosen):
            refuse_without_trace(chosen, found.lower())
        if html is not None:
            given.append(to_yaml(found.system))
        return found

    with alone_for(as_json, html, gantt, directory, junit, *written), errors_into(junit, system, "run"):
        with waiting() as watch:
            trace = api.simulate(
                loaded(), scheduler=scheduler, until=until, seed=seed, trace=not no_trace, watch=watch, reasons=reasons
            )
        figures = summary(trace)
        values = of_run(trace, metrics, figures)
    if junit is not None:
        write_run(junit, figures, fail_on)
    if played and figures.planned is None:  # who interrupts has seen enough
        watch_it(trace)
    told = miss_reasons(trace) if figures.misses else ()
    if as_json:
        extra: dict[str, Any] = {"metrics": values} if values else {}
        if figures.misses:
            extra["reasons"] = [each.to_dict() for each in told]
        echo_json(figures.to_dict() | extra)
    else:
        tell(fitted(render_table, figures), html, gantt, junit, *written)
        for line in _why(trace, figures, [each.text for each in told], system):
            tell(fitted(visible, line), html, gantt, junit, *written)
        if values:
            tell("\n" + fitted(render_metrics, values), html, gantt, junit, *written)
        for note in trace.system.assumed:
            tell(fitted("assumed: {}".format, visible(note)), html, gantt, junit, *written)
        if drawn:
            tell(f"\n{as_text(trace, seen.get('start'), seen.get('end'))}", html, gantt, junit, *written)
    if html is not None:
        from rtsched.page.page import write as write_page

        asked = {"--scheduler": scheduler, "--platform": platform, "--until": until, "--seed": seed}
        write_page(trace, html, given[0], command=explaining(system, asked, overrides))
    if gantt is not None:
        from rtsched.plot.gantt import gantt as draw

        draw(trace, gantt, **seen)
    if directory is not None:
        from rtsched.export.tables import write_csv

        write_csv(trace, directory)
    for path, made in written.items():
        write(trace, path, made.name)
    if figures.planned is not None:
        echo("interrupted: the figures are those until then", err=True)
        raise SystemExit(INTERRUPTED)
    if fail_on is not None and _failed(figures, fail_on):
        raise SystemExit(1)


def _why(trace: Trace, figures: Summary, told: list[str], system: str) -> list[str]:
    """For whom those waited that missed; or why that is not told."""
    from rtsched.trace.causes.misses import can_tell

    if not figures.misses:
        return []
    if not can_tell(trace):
        kept = "the trace is too large to look through" if trace.kept else "no trace was kept (--no-trace)"
        return [
            f"Why: not told, since {kept}; `rtsched explain {shlex.quote(system)} --until …` explains a shorter run."
        ]
    lines = [f"Why: {text}" for text in told]
    more = sum(task.misses > 0 for task in figures.tasks) - len(told)
    return [*lines, *([f"Why: {more} more tasks missed; `rtsched explain` tells of any job."] if more > 0 else [])]


def explaining(system: str, asked: dict[str, str | int | None], overrides: tuple[str, ...]) -> str:
    """The command that explains JOB of this run."""
    values = [*asked.items(), *(("--set", each) for each in overrides)]
    told = [f"{name}={value}" for name, value in values if value is not None]
    return " ".join(["rtsched explain", shlex.quote(system), "JOB", *map(shlex.quote, told)])


def _failed(figures: Summary, on: str) -> bool:
    """Whether a job missed or a chain broke what is required of it; only hard tasks, or chains with one, may count.

    Or whether more jobs in a row missed than may.
    """
    if on == "misses":
        windows = [task.misses_in_a_row for task in figures.tasks if task.misses_in_a_row is not None]
        return not all(row.kept for row in windows)
    counted = {task.name for task in figures.tasks if on == "miss" or task.criticality == "hard"}
    missed = any(task.misses for task in figures.tasks if task.name in counted)
    return missed or any(chain.kept is False and not counted.isdisjoint(chain.tasks) for chain in figures.chains)
