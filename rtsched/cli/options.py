"""Options that several commands have, each written once; where a command means another thing by one, it says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rtsched.errors import InputError
from rtsched.visible import cut

Command = Callable[..., Any]
Option = Callable[[Command], Command]

#: What numpy's seeds and the files of a run hold.
SEEDS = click.IntRange(0, 2**63 - 1)


def scheduler(text: str = "Another policy: edf, rm+first-fit, fp+nonpreemptive, ...") -> Option:
    """``-s``, ``--scheduler``: a policy instead of the file's own."""
    return click.option("-s", "--scheduler", help=text)


def platform(text: str = "Another platform: a catalogue name (multicore:4) or a file.") -> Option:
    """``--platform``."""
    return click.option("--platform", help=text)


def until(text: str = "How long jobs are released: '10 s', or 'hyperperiod'.") -> Option:
    """``--until``, a duration."""
    return click.option("--until", help=text)


def overrides(text: str = "Change one value, e.g. tasks.detector.period=20ms.") -> Option:
    """``--set``, as often as wanted."""
    return click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help=text)


def wcet(text: str = "Which measured time is C: typical, p99, max, max*1.2, bound.") -> Option:
    """``--wcet``: which of the times that were measured of a network is its execution time; checked at once."""
    return click.option("--wcet", metavar="WHICH", callback=_statistic, help=text)


def _statistic(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from pydantic_core import PydanticCustomError

    from rtsched.model.origin import statistic

    try:
        return statistic(value)
    except PydanticCustomError as error:
        raise InputError(f"--wcet {cut(value)!r}: {error.message()}") from None


def chosen(overrides: tuple[str, ...], wcet: str | None) -> tuple[str, ...]:
    """What ``--set`` and ``--wcet`` set in the system."""
    return overrides if wcet is None else (*overrides, f"wcet={wcet}")


def shapes(text: str = "The shape of an open input.") -> Option:
    """``--shape``, once for every input of a model that has no size."""
    return click.option("--shape", "shapes", multiple=True, metavar="INPUT=1x3x224x224", help=text)


def jobs(most: int | None = None) -> Option:
    """``--jobs``: processes."""
    return click.option("-j", "--jobs", type=click.IntRange(1, most), help="Processes; default: one per CPU.")


def metrics() -> Option:
    """``--metric``, as often as wanted."""
    return click.option(
        "--metric", "metrics", multiple=True, metavar="NAME", help="One more metric: see `rtsched list metrics`."
    )


def picture() -> Option:
    """What ``--gantt`` draws: ``--from``, ``--to``, ``--tasks``, ``--rows``, ``--size``."""
    every = [
        click.option("--from", "start", help="Where the picture begins, e.g. '100 ms'."),
        click.option("--to", "end", help="Where the picture ends."),
        click.option("--tasks", help="The tasks in the picture, from the top: control,camera."),
        click.option("--rows", metavar="KIND", help="The rows of the picture: task, processor, both or node."),
        click.option("--size", help="Its size: '16x9 in', '88x40 mm', '1600x900 px', or only a width: '88 mm'."),
    ]

    def give(command: Command) -> Command:
        for option in reversed(every):
            command = option(command)
        return command

    return give


def picture_of(given: dict[str, str | None], path: Path | None, *, text: bool = False) -> dict[str, Any]:
    """What `picture` was given, as `gantt` takes it. Raises InputError: instants that are none, nothing to draw.

    A schedule as `text` has instants, too.
    """
    from rtsched import units

    named = {"start": "from", "end": "to"}
    first = next((name for name, each in given.items() if each is not None and not (text and name in named)), None)
    if path is None and first is not None:
        raise InputError(f"--{named.get(first, first)} says what --gantt draws; give --gantt, too")
    found: dict[str, Any] = {name: each for name, each in given.items() if each is not None}
    try:
        return found | {name: units.parse_duration(found[name]) for name in named if name in found}
    except ValueError as error:
        raise InputError(f"--from/--to: {error}") from None


def effort() -> Option:
    """``--effort``: of a solver."""
    return click.option(
        "--effort",
        type=click.FloatRange(0.1, 1e6),
        help="About how many seconds the solver may take for a window, counted in its own work; default: 20.",
    )


def as_json(text: str = "Print JSON instead of text.") -> Option:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=text)


def patterns(command: Command) -> Command:
    """``--runs`` and ``--seed`` of the runs beside a proof."""
    seed = click.option("--seed", type=SEEDS, default=0, help="Seed of the random patterns.")
    runs = click.option(
        "--runs",
        type=click.IntRange(0, 100_000),
        default=20,
        show_default=True,
        help="Random release patterns simulated beside the proof; 0 only proves.",
    )
    return runs(seed(command))


def fail_on(*answers: str, text: str) -> Option:
    """``--fail-on``: the answers that end a command with exit code 1."""
    return click.option("--fail-on", type=click.Choice(answers), help=text)


def file(*names: str, text: str, required: bool = False) -> Option:
    """An option that names a file to write; ``-`` is the standard output."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option(*names, type=kind, required=required, help=text)


def folder(*names: str, text: str, default: Path | None = None) -> Option:
    """An option that names a folder to write into."""
    return click.option(*names, type=click.Path(file_okay=False, path_type=Path), default=default, help=text)
