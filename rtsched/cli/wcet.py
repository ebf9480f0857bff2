"""``rtsched wcet``: measured execution times, and what may be claimed of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo_json, fitted, tell, want_standard_output
from rtsched.errors import InputError
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.samples.assessment import Assessment, Wanted
    from rtsched.samples.reader import Series

NO = 1
#: What may be stated of runs, as `origin` in a system file has it.
STATED = (
    "date", "board", "clocks", "power_mode", "temperature", "co_runners", "inputs", "driver", "runtime", "timer",
    "author", "document",
)  # fmt: skip


@click.command()
@click.argument("samples", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--column", "columns", multiple=True, metavar="NAME", help="The column of times; as often as wanted.")
@click.option("--unit", type=click.Choice(["ns", "us", "ms", "s"]), help="The unit of plain numbers.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Part the rows by it; default: task, node, processor, ...")
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only rows with this value.")
@click.option(
    "--kind", type=click.Choice(["high-water", "percentile", "pwcet"]),
    help="What is claimed; default: high-water, with --p a pwcet.",
)  # fmt: skip
@click.option("--margin", metavar="FACTOR", help="On the largest time, e.g. 1.2; needs a reason.")
@click.option("--reason", default="", help="Why the margin is enough.")
@click.option("--q", type=float, help="A percentile, e.g. 0.999.")
@click.option("--p", type=float, help="A chance of exceeding, a run, e.g. 1e-9: the tail is fitted and tested.")
@click.option("--rate", help="Runs a second, e.g. '30 Hz': chances are also said by the hour.")
@click.option("--fresh", type=click.Path(dir_okay=False, path_type=Path), help="Other runs, to test the claim on.")
@options.file("--plot", text="A picture: .png, .svg or .pdf.")
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), help="A system file to put the time into.")
@click.option("--task", help="With --into: whose time.")
@click.option("--node", help="With --into: the node of its graph.")
@click.option("--cluster", help="With --into: the cluster, where it has a time for each.")
@click.option("--state", multiple=True, metavar="KEY=TEXT", help=f"With --into, of the runs: {', '.join(STATED)}.")
@options.file("-o", "--output", text="With --into: the new system file.")
@click.option("--overwrite", is_flag=True, help="With -o: replace a file that is there.")
@options.as_json()
def wcet(
    samples: Path, columns: tuple[str, ...], unit: str | None, by: tuple[str, ...], where: tuple[str, ...],
    fresh: Path | None, plot: Path | None, as_json: bool, **asked: Any,
) -> None:  # fmt: skip
    """Say what the execution times in SAMPLES (CSV, one row a run, in order) allow to claim.

    The largest with a margin; percentiles with exact limits; with --p a time that a run exceeds with that chance, from
    a fit of the tail. Where a test of the runs or the fit fails there is none, and the exit code is 1.
    """
    from rtsched import __version__
    from rtsched.files import check_outputs, write_whole
    from rtsched.samples.assessment import assess
    from rtsched.samples.data import document
    from rtsched.samples.reader import read_series
    from rtsched.samples.text import text

    output = asked["output"]
    want_standard_output(as_json, plot, output)
    check_outputs(plot, output)
    wanted, stated = _wanted(asked), _stated(asked["state"])
    _check_into(asked)
    parts: dict[str, Any] = {"columns": columns, "unit": unit, "by": by, "where": tuple(map(_pair, where))}
    every = read_series(samples, **parts)
    if len(every) > 1 and (plot is not None or asked["into"] is not None):
        known = ", ".join(cut(each.name, 40) for each in every[:8])
        raise InputError(f"{samples}: {len(every)} series ({known}); --plot and --into take one: add --where")
    others = {each.group: each for each in read_series(fresh, **parts)} if fresh is not None else {}
    found = [assess(each, wanted, _other(others, each, fresh)) for each in every]
    origins = [each.origin(stated, __version__) for each in found]
    drawn = None
    if plot is not None:
        from rtsched.samples.picture import picture

        drawn = picture(found[0], plot, f"rtsched {__version__}")
    holds = all(each.holds for each in found)
    placed = _placed(asked, found[0], origins[0]) if asked["into"] is not None and holds else None
    if plot is not None and drawn is not None:
        write_whole(plot, drawn)
    if output is not None and placed is not None:
        write_whole(output, placed)
    if as_json:
        echo_json(document(found, origins))
    else:
        tell("\n\n".join(fitted(text, each, prose=False) for each in found), plot, output)
        for path in (plot, output if placed is not None else None):
            if path is not None:
                tell(f"wrote {path}", path)
    if not holds:
        if output is not None:
            click.echo(f"{output}: not written", err=True)
        raise SystemExit(NO)


def _wanted(asked: dict[str, Any]) -> Wanted:
    from rtsched import units
    from rtsched.samples.assessment import Wanted

    try:
        margin = Fraction(asked["margin"]) if asked["margin"] is not None else Fraction(1)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"--margin {cut(asked['margin'])}: is no factor; give e.g. 1.2") from None
    try:
        rate = units.parse_rate(asked["rate"]) if asked["rate"] is not None else None
    except ValueError as error:
        raise InputError(f"--rate: {error}") from None
    kind: Any = asked["kind"] or ("pwcet" if asked["p"] is not None else "high-water")
    return Wanted(kind, margin, asked["reason"], asked["q"], asked["p"], rate)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{cut(text)}: is no NAME=VALUE; e.g. --where task=camera, --state board=rk3588")
    return name.strip(), value.strip()


def _stated(texts: tuple[str, ...]) -> dict[str, str]:
    found = dict(map(_pair, texts))
    for name, value in found.items():
        if name not in STATED:
            raise InputError(f"--state {cut(name)}: there is no such word; there are {', '.join(STATED)}")
        if not 0 < len(value) <= 500:
            raise InputError(f"--state {name}: say it in 1 to 500 letters")
    return {name: found[name] for name in STATED if name in found}


def _check_into(asked: dict[str, Any]) -> None:
    """Options of --into that lack it, or each other."""
    if asked["into"] is None:
        lone = next((name for name in ("task", "node", "cluster", "output") if asked[name] is not None), None)
        lone = lone or ("state" if asked["state"] else None) or ("overwrite" if asked["overwrite"] else None)
        if lone is not None:
            raise InputError(f"--{lone} goes with --into SYSTEM.yaml, which is missing")
        return
    if asked["task"] is None:
        raise InputError("--into: say whose time it is, with --task NAME")
    if asked["output"] is None:
        raise InputError("--into: say with -o where the new system file is to be; the old one stays as it is")
    from rtsched.files import is_standard_output

    if asked["output"].exists() and not asked["overwrite"] and not is_standard_output(asked["output"]):
        raise InputError(f"{asked['output']}: is there already; name another file, or add --overwrite")


def _other(others: dict[Any, Series], series: Series, fresh: Path | None) -> tuple[int, ...]:
    if fresh is None:
        return ()
    if series.group not in others:
        raise InputError(f"{fresh}: has no runs of {cut(series.name)}; --fresh has the same columns as the samples")
    return others[series.group].times


def _placed(asked: dict[str, Any], found: Assessment, origin: dict[str, Any]) -> str:
    """The text of the new system file; it has to be one."""
    from rtsched.model.config import validate
    from rtsched.model.document import parse_yaml, read_text
    from rtsched.model.system import System
    from rtsched.samples.into import Place, put

    assert found.time is not None
    path = str(asked["into"])
    old = read_text(path)
    validate(System, parse_yaml(old, path))
    text = put(old, path, Place(asked["task"], asked["node"], asked["cluster"]), found.time, origin)
    validate(System, parse_yaml(text, path))
    return text
