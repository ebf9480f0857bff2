"""``rtsched compare``: policies side by side on the same worlds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import answer_alone, fitted, tell, want_standard_output
from rtsched.cli.policies import split
from rtsched.cli.waiting import counting
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format, write_whole
from rtsched.visible import cell, visible

if TYPE_CHECKING:
    from rtsched import api
    from rtsched.experiment.compare import Comparison

    #: A system, options with their values, and overrides, as they were given.
    Asked = tuple[str, dict[str, str | None], tuple[str, ...]]


@click.command()
@click.argument("system")
@click.option(
    "-s",
    "--schedulers",
    multiple=True,
    required=True,
    metavar="A,B,...",
    help="Policies: edf,rm+first-fit,edf+subflow,...; 'file' is the system's own.",
)
@click.option("--seeds", type=click.IntRange(1, 100_000), default=10, show_default=True, help="How many worlds.")
@click.option("--seed", type=click.IntRange(0), default=0, help="The first of the seeds.")
@options.until("How long jobs are released: '10 s'.")
@options.platform("Another platform.")
@options.overrides("Change one value of the system.")
@options.wcet()
@click.option("--baseline", metavar="POLICY", help="What differences are taken to; default: the first.")
@options.jobs()
@options.metrics()
@click.option("--regret", is_flag=True, help="Hold each run against the best that anybody can do (extra: optimum).")
@options.effort()
@options.as_json("Print JSON instead of text, every run included.")
@options.file("--csv", "table", text="One line per policy and seed.")
@options.file("--plot", "picture", text="Draw misses against accuracy.")
@options.file("--html", text="Write a page with the policies' runs of one seed on one axis (docs/page.md).")
@click.option("--shown", type=click.IntRange(0), metavar="SEED", help="Which seed --html shows; default: the first.")
def compare(
    system: str,
    schedulers: tuple[str, ...],
    seeds: int,
    seed: int,
    until: str | None,
    platform: str | None,
    overrides: tuple[str, ...],
    wcet: str | None,
    baseline: str | None,
    jobs: int | None,
    metrics: tuple[str, ...],
    regret: bool,
    effort: float | None,
    as_json: bool,
    table: Path | None,
    picture: Path | None,
    html: Path | None,
    shown: int | None,
) -> None:
    """Run several policies on SYSTEM, each on the same seeds, and say how they differ."""
    from rtsched import api
    from rtsched.experiment import compare as experiment

    want_standard_output(as_json, table, picture, html)
    if picture is not None:
        picture_format(picture)
    check_outputs(picture, table, html)
    overrides = options.chosen(overrides, wcet)
    policies = [name for group in schedulers for name in split(group)]
    numbers = range(seed, seed + seeds)
    if html is not None:
        _refuse(policies, numbers, shown)
    elif shown is not None:
        raise InputError("--shown says which seed --html shows; give --html, too")
    with counting() as progress, answer_alone():
        answer = experiment.compare(
            system, policies, numbers, until=until, platform=platform, overrides=overrides,
            jobs=jobs, baseline=baseline, metrics=metrics, progress=progress, regret=regret,
            effort=effort,
        )  # fmt: skip
        if html is not None:
            loaded = api.load(system, platform=platform, overrides=overrides)
            asked = system, {"--platform": platform, "--until": until}, overrides
            text = _page(answer, loaded, policies, answer.seeds[0] if shown is None else shown, asked)
    if table is not None:
        write_whole(table, _csv(answer))
    if picture is not None:
        from rtsched.plot.front import front

        front(answer, picture)
    if html is not None:
        write_whole(html, text)
    tell(json.dumps(answer.to_dict(), indent=2) if as_json else fitted(render, answer), table, picture, html)


def _refuse(policies: list[str], seeds: range, shown: int | None) -> None:
    """Raise InputError, before anything runs, where no page can show what is asked for."""
    from rtsched.experiment.policies import choices
    from rtsched.page.several import refuse_other_than_some

    refuse_other_than_some(len(choices(policies)))
    if shown is not None and shown not in seeds:
        raise InputError(f"--shown is one of the seeds that are compared, {seeds[0]} to {seeds[-1]} (found {shown})")


def _page(answer: Comparison, loaded: api.Loaded, policies: list[str], seed: int, asked: Asked) -> str:
    """The page of the runs of one seed, simulated again with their traces; `asked` is what the command was given."""
    from rtsched import api
    from rtsched.cli.run import explaining
    from rtsched.experiment.policies import choices
    from rtsched.model.config import to_yaml
    from rtsched.page.several import comparison

    system, options, overrides = asked
    traces, commands = {}, []
    for each in choices(policies):
        policy = None if each.own else each.make()
        traces[each.label] = api.simulate(loaded, scheduler=policy, until=options["--until"], seed=seed, reasons=True)
        told = {"--scheduler": None if each.own else each.label, **options, "--seed": seed}
        commands.append(explaining(system, told, overrides))
    note = f"One of the {len(answer.seeds)} seeds that the table below compares." if len(answer.seeds) > 1 else ""
    return comparison(traces, to_yaml(loaded.system), render(answer), note, commands)


def render(answer: Comparison) -> str:
    """The comparison as a table for a terminal: a line of figures a policy, and one of differences under it."""
    from rtsched import units
    from rtsched.columns import aligned
    from rtsched.experiment.compare import title
    from rtsched.experiment.contrast import contrast, figure, legend

    rows = [["policy", *(title(metric) for metric in answer.metrics)]]
    for row in answer.rows:
        rows.append([row.policy, *(figure(row.cells[metric], metric) for metric in answer.metrics)])
        if row.policy != answer.baseline:
            rows.append(["  difference", *(contrast(row.cells[metric], metric) for metric in answer.metrics)])
    span = units.format_duration(answer.until, digits=4)
    count = len(answer.seeds)
    name = visible(answer.called)
    lines = [f"{name}: {count} seed{'s' * (count > 1)}, jobs released for {span}, the same for every policy"]
    lines += ["", aligned(rows)]
    if answer.fixed:
        lines.append("All seeds gave the same: nothing in this system is random.")
    else:
        lines += legend({row.policy: row.cells for row in answer.rows}, visible(answer.baseline), count)
    lines += map(visible, [*answer.notes, *(f"assumed: {note}" for note in answer.assumed)])
    return "\n".join(lines)


def _csv(answer: Comparison) -> str:
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["policy", "seed", *answer.metrics])
    for row in answer.rows:
        for seed, values in zip(answer.seeds, row.runs, strict=True):
            writer.writerow([cell(row.policy), seed, *(values[metric] for metric in answer.metrics)])
    return stream.getvalue()
