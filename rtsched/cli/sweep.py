"""``rtsched sweep``: a study in many processes, into a database from which it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options, pairs
from rtsched.cli.console import answer_alone, echo, echo_json, fitted
from rtsched.cli.policies import split
from rtsched.cli.waiting import counting, looking
from rtsched.errors import InputError
from rtsched.files import check_outputs
from rtsched.visible import visible

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rtsched.experiment.results import Results

#: A look at the shape of the curves, and no more.
PREVIEW = 100


@click.command()
@click.argument("study", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-s", "--schedulers", multiple=True, metavar="A,B,...", help="Policies instead of the study's.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one value of the study: sets=200.")
@options.wcet()
@click.option("--preview", is_flag=True, help=f"{PREVIEW} sets a point: a look, whose intervals are wide.")
@options.file("-o", "--database", text="Where the runs go; default: the study's name with .db.")
@options.jobs()
@click.option(
    "--dask", metavar="ADDRESS", help="Let a Dask cluster do it, e.g. tcp://10.0.0.1:8786 (extra: distributed)."
)
@click.option("--again", multiple=True, type=click.Choice(["error", "timeout"]), help="Run again what ended so before.")
@click.option("--paired", metavar="POLICY", help="Compare all others with this one, set by set.")
@options.as_json()
def sweep(
    study: Path,
    schedulers: tuple[str, ...],
    overrides: tuple[str, ...],
    wcet: str | None,
    preview: bool,
    database: Path | None,
    jobs: int | None,
    dask: str | None,
    again: tuple[str, ...],
    paired: str | None,
    as_json: bool,
) -> None:
    """Do a STUDY: systems x policies x seeds. The same command goes on where it was stopped, however that was.

    A study is a YAML file; docs/studies.md says what stands in it. `rtsched plot` and `rtsched export` take the
    database that it goes into.
    """
    from rtsched.experiment.sweep import sweep as perform

    path = database or Path(f"{study.stem}.db")
    check_outputs(path)
    more = [*overrides, *([f"set.wcet={wcet}"] if wcet else []), *([f"sets={PREVIEW}"] if preview else [])]
    named = [name for group in schedulers for name in split(group)]
    policies = {"policies": named} if named else {}
    if paired is not None:
        _check_baseline(paired, study, more, named)
    with _executor(dask) as executor, _kept(path) as far, looking() as look, counting() as progress, answer_alone():
        results = perform(
            study,
            overrides=more,
            database=path,
            executor=executor,
            jobs=jobs,
            progress=lambda *counts: progress(*_noted(far, counts)),
            look=look,
            again=again,
            **policies,
        )
    if as_json:
        echo_json(results.to_dict(baseline=paired))
    else:
        echo(fitted(render, results, path, paired))


def _check_baseline(baseline: str, study: Path, overrides: list[str], policies: list[str]) -> None:
    """Refuse a baseline that the study does not have, before anything runs. Raises InputError."""
    from rtsched.experiment.policies import choices
    from rtsched.experiment.study import read

    found = read(study, overrides)
    known = [*(each.label for each in choices(policies or found.policies)), *found.tests]
    if baseline not in known:
        raise InputError(f"--paired {baseline}: no policy of this study is called so; there are {', '.join(known)}")
    if len(known) < 2:
        raise InputError(f"--paired {baseline}: there is no other policy to compare with it; add one ('policies', -s)")


@contextmanager
def _kept(path: Path) -> Iterator[list[int]]:
    """Notes how far it is; who interrupts is told what is kept, when no bar is there any more."""
    far = [0, 0, 0]
    try:
        yield far
    except KeyboardInterrupt:
        done, total, _ = far
        if path.exists():
            said = f"{done} of {total} runs are" if total else "what was done before is"
            echo(f"{said} in {path}; the same command goes on from there", err=True)
        raise


def _noted(far: list[int], counts: tuple[int, int, int]) -> tuple[int, int, int]:
    far[:] = counts
    return counts


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    """The cluster at an address; nothing without one."""
    if address is None:
        yield None
        return
    from rtsched.experiment.cluster import executor

    with executor(address) as found:
        yield found


def render(results: Results, path: Path, paired: str | None = None) -> str:
    """What came of a study, as tables for a terminal."""
    from rtsched.columns import aligned
    from rtsched.experiment.words import figures_of, heading, remarks

    outline = results.outline
    policies = _counted("policy", len(outline.policies) - outline.tests)
    tests = f" and {_counted('test', outline.tests)}" if outline.tests else ""
    points, sets, seeds = (
        _counted(*pair)
        for pair in (("point", len(outline.points)), ("set", outline.sets), ("seed", len(outline.seeds)))
    )
    shape = f"{points} x {sets} x {policies}{tests} x {seeds}"
    lines = [f"{visible(outline.name or 'study')} ({outline.digest}): {shape}, in {path}"]
    for metric in results.metrics:
        lines += ["", heading(results, metric), aligned(list(figures_of(results, metric)), names=())]
    if results.known.random or outline.sets > 1:
        what = "run" if outline.sets == 1 else "system"
        lines.append(
            f"95 % intervals in brackets, over {what}s" + " (each the mean over its seeds)" * (what == "system")
        )
    else:
        lines.append("Nothing in these systems is random: there is nothing to estimate.")
    if paired is not None:
        lines += pairs.lines(results, paired)
    lines += [*_failed(results), *map(visible, remarks(results))]
    lines += [f"assumed: {visible(note)}" for note in outline.notes]
    return "\n".join(lines)


def _counted(thing: str, count: int) -> str:
    return f"{count} " + (thing if count == 1 else f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s")


def _failed(results: Results) -> list[str]:
    """The runs that came to nothing: how many, and the first of each kind."""
    notes, first = results.known.notes, results.known.first
    if not notes:
        return []
    lines = [f"{notes.total()} runs came to nothing (--again error runs them again):"]
    for note in list(notes)[:5]:
        run = first[note]
        lines.append(visible(f"  {notes[note]} x, first at point {run.point}, set {run.set}: {note}"))
    return [*lines, *([f"  ... and {len(notes) - 5} other messages"] if len(notes) > 5 else [])]
