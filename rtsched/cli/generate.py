"""``rtsched generate``: random systems, as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_document, echo_json
from rtsched.errors import InputError
from rtsched.files import is_standard_output

if TYPE_CHECKING:
    from rtsched.generate.parameters import Generate

#: What a folder of systems holds beside them: the parameters that they were drawn from.
PARAMETERS = "generate.yaml"
#: Options that stand for a key each.
SHORT = ("platform", "tasks", "utilisation", "periods", "deadlines", "scheduler")


@click.command()
@click.argument("parameters", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.platform("The chip: a catalogue name (multicore:4) or a file.")
@click.option("--tasks", metavar="N", help="How many tasks a system has; default: 10.")
@click.option("--utilisation", metavar="LOAD", help="Mean load of the processors; default: 0.7.")
@click.option("--periods", metavar="LAW", help="log-uniform, uniform, harmonic, camera-rates, automotive, ...")
@click.option("--deadlines", metavar="LAW", help="implicit, constrained, arbitrary.")
@options.scheduler("The policy that the systems name: edf, rm+first-fit, ...; default: none, which is edf.")
@options.overrides("Set one parameter, e.g. periods.longest='200 ms'.")
@click.option("--count", type=click.IntRange(1, 10_000_000), default=1, show_default=True, help="How many systems.")
@click.option("--seed", type=options.SEEDS, default=0, show_default=True, help="Seed of all of them.")
@click.option("--index", type=options.SEEDS, default=0, show_default=True, help="Number of the first one.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A folder; for one system a file, or - to print it."
)
@options.as_json("Print JSON instead of YAML.")
def generate(
    parameters: Path | None,
    overrides: tuple[str, ...],
    count: int,
    seed: int,
    index: int,
    output: Path | None,
    as_json: bool,
    **short: str | None,
) -> None:
    """Draw random systems: task sets, graphs or mixes of networks, of the load and the shape that PARAMETERS say.

    Set INDEX of a seed is the same on any machine and after any other. A folder gets one file for each system, named by
    its index, and the parameters as generate.yaml. PARAMETERS is a YAML file; docs/generators.md says what it may hold.
    """
    from rtsched.generate import draw, text
    from rtsched.generate.parameters import read
    from rtsched.model.document import parse_value
    from rtsched.model.overrides import Override, parse_override

    said = [(key, value) for key in SHORT if (value := short[key]) is not None]
    changes = [Override(key, parse_value(value, f"--{key}"), value, f"--{key}") for key, value in said]
    asked = read(parameters, [*changes, *map(parse_override, overrides)])
    if asked.scheduler is not None:
        from rtsched import api

        api.scheduler(asked.scheduler, code=False)  # the name must exist, and a file may name no code
    numbers = range(index, index + count)
    if as_json:
        if output is not None and not is_standard_output(output):
            raise InputError("--json prints what is drawn; leave --output out, or --json")
        systems = [draw(asked, seed=seed, index=number) for number in numbers]
        echo_json(systems[0] if count == 1 else systems)
    elif output is None or is_standard_output(output):
        if count > 1:
            raise InputError(f"--count {count}: name a folder for so many systems, e.g. --output systems")
        echo_document(text(draw(asked, seed=seed, index=index)))
    elif output.suffix in (".yaml", ".yml"):
        from rtsched.files import write_whole

        if count > 1:
            raise InputError(f"{output}: is one file for {count} systems; name a folder, e.g. --output systems")
        write_whole(output, text(draw(asked, seed=seed, index=index)))
        echo(f"wrote {output}")
    else:
        _write(asked, seed, numbers, output)
        echo(f"wrote {count} system{'s' * (count > 1)} to {output}")


def _write(asked: Generate, seed: int, numbers: range, folder: Path) -> None:
    """Each system in a file of its own, and the parameters beside them. Raises InputError."""
    from rtsched.cli.waiting import each
    from rtsched.files import make_folder, write_whole
    from rtsched.generate import draw, text

    width = len(str(numbers[-1]))
    names = {number: f"{number:0{width}d}.yaml" for number in numbers}
    _check_folder(folder, {*names.values(), PARAMETERS})
    make_folder(folder)
    write_whole(folder / PARAMETERS, _parameters(asked, seed, numbers))
    for number in each(numbers, len(numbers), " systems"):
        write_whole(folder / names[number], text(draw(asked, seed=seed, index=number)))


def _check_folder(folder: Path, names: set[str]) -> None:
    """Refuse a folder that holds anything but systems that are drawn again."""
    if not folder.is_dir():
        return
    try:
        found = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}; choose another folder") from None
    foreign = [name for name in found if name not in names]
    if found and PARAMETERS not in found:
        foreign = foreign or found
    if foreign:
        raise InputError(
            f"{folder}: holds something else ({foreign[0]!r}), or other systems; choose an empty folder, or clear it"
        )


def _parameters(asked: Generate, seed: int, numbers: range) -> str:
    """The parameters as a file that draws the same again."""
    import yaml

    from rtsched import __version__

    data: dict[str, Any] = json.loads(asked.shown)
    again = f"rtsched generate {PARAMETERS} --seed {seed} --index {numbers[0]} --count {len(numbers)} -o FOLDER"
    written = yaml.safe_dump(data, sort_keys=False, allow_unicode=True) if data else "{}\n"
    return f"# rtsched {__version__}: {again}\n{written}"
