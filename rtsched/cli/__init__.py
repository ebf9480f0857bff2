"""The command line.

Exit codes: 0 fine; 1 the answer is no (asked with --fail-on, or a proof that fuzz-soundness broke), and nothing else;
2 bad input, or an output that cannot be written; 3 an internal error or a simulation that beats a proof, with what a
report needs saved in a file; 130 interrupted. A closed pipe is no fault, and nothing is ever a traceback (`ending`).

Answers go to standard output, warnings and errors to standard error; where an output is `-`, nothing else goes to
standard output. What a console cannot show is written in ASCII; names are shown with what cannot be seen escaped, but
in JSON (`console`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched import __version__
from rtsched.cli.analyse import analyse
from rtsched.cli.compare import compare
from rtsched.cli.console import echo, echo_document, echo_json, leave, prepare, tell, want_standard_output
from rtsched.cli.ending import INTERRUPTED, ended, stopped
from rtsched.cli.fuzz import fuzz_soundness
from rtsched.cli.profile import profile
from rtsched.cli.report import report
from rtsched.cli.waiting import waiting
from rtsched.errors import InputError
from rtsched.files import check_outputs, picture_format
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.metrics.summary import Summary

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


class _Commands(click.Group):
    """Interruptions and closed pipes end commands as `ending` has it; click would exit with 1, which is an answer."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with stopped():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        with stopped():
            return super().invoke(context)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rtsched")
def cli() -> None:
    """Real-time multi-DNN scheduling on heterogeneous chips: simulate it, prove it, show it.

    Start with `rtsched run drone_xavier_nx`, or `rtsched list` for what the catalogue holds.
    """


@cli.command()
@click.argument("system")
@click.option("--scheduler", help="Another policy: edf, rm+first-fit, fp+nonpreemptive, ...")
@click.option("--platform", help="Another platform: a catalogue name (multicore:4) or a file.")
@click.option("--until", help="How long jobs are released: '10 s', or 'hyperperiod'.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of everything random.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change one value, e.g. tasks.detector.period=20ms."
)
@_JSON
@click.option(
    "--gantt", type=click.Path(dir_okay=False, path_type=Path), help="Draw the schedule (.png, .svg or .pdf)."
)
@click.option("--from", "start", help="Where the picture begins, e.g. '100 ms'.")
@click.option("--to", "end", help="Where the picture ends.")
@click.option(
    "--csv", "directory", type=click.Path(file_okay=False, path_type=Path), help="Write the trace as CSV files."
)
@click.option("--no-trace", is_flag=True, help="Keep sums only: flat memory, for very long runs.")
@click.option(
    "--fail-on",
    type=click.Choice(["miss", "hard-miss"]),
    help="Exit with 1 if a job (of a hard task) missed, or a chain (with a hard task) broke what is required of it.",
)
def run(
    system: str,
    scheduler: str | None,
    platform: str | None,
    until: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
    gantt: Path | None,
    start: str | None,
    end: str | None,
    directory: Path | None,
    no_trace: bool,
    fail_on: str | None,
) -> None:
    """Simulate SYSTEM (a catalogue name or a YAML file) and say what happened."""
    from rtsched import api
    from rtsched.export.text import render_table
    from rtsched.metrics import summary as metrics

    want_standard_output(as_json, gantt, directory)
    check_outputs(gantt)
    if gantt is not None:
        picture_format(gantt)
    if no_trace and (gantt or directory):
        raise InputError("--no-trace keeps no trace to draw or write; leave it out, or --gantt and --csv")
    first, last = _instant(start), None if end is None else _instant(end)

    def loaded() -> api.Loaded:  # kept nowhere: kilobytes for every task, which are not needed while time runs
        found = api.load(system, platform=platform, overrides=overrides)
        if no_trace and fail_on and any(chain.max_reaction or chain.max_age for chain in found.system.chains):
            raise InputError("--no-trace keeps no jobs to measure chains by; leave it out, or --fail-on")
        return found

    with waiting() as watch:
        trace = api.simulate(loaded(), scheduler=scheduler, until=until, seed=seed, trace=not no_trace, watch=watch)
    figures = metrics.summary(trace)
    if as_json:
        echo_json(figures.to_dict())
    else:
        tell(render_table(figures), gantt)
        for note in trace.system.assumed:
            tell(f"assumed: {visible(note)}", gantt)
    if gantt is not None:
        from rtsched.plot.gantt import gantt as draw

        draw(trace, gantt, start=first, end=last)
    if directory is not None:
        from rtsched.export.tables import write_csv

        write_csv(trace, directory)
    if figures.planned is not None:
        echo("interrupted: the figures are those until then", err=True)
        raise SystemExit(INTERRUPTED)
    if fail_on is not None and _failed(figures, fail_on):
        raise SystemExit(1)


def _failed(figures: Summary, on: str) -> bool:
    """Whether a job missed or a chain broke what is required of it; only hard tasks, or chains with one, may count."""
    counted = {task.name for task in figures.tasks if on == "miss" or task.criticality == "hard"}
    missed = any(task.misses for task in figures.tasks if task.name in counted)
    return missed or any(chain.kept is False and not counted.isdisjoint(chain.tasks) for chain in figures.chains)


def _instant(text: str | None) -> int:
    from rtsched import units

    if text is None:
        return 0
    try:
        return units.parse_duration(text)
    except ValueError as error:
        raise InputError(f"--from/--to: {error}") from None


@cli.command()
@click.argument("systems", nargs=-1, required=True)
@_JSON
def validate(systems: tuple[str, ...], as_json: bool) -> None:
    """Check system (or platform) files: every value, every name, every processor."""
    from rtsched import api
    from rtsched.model import catalogue

    answers: list[dict[str, Any]] = []
    for name in systems:
        try:
            if catalogue.is_platform_file(name):
                catalogue.load_platform(name, None)
            else:
                loaded = api.load(name)
                loaded.lower()
                api.scheduler_of(loaded, None)
            answers.append({"file": name, "valid": True, "problems": []})
        except InputError as error:
            answers.append({"file": name, "valid": False, "problems": list(error.problems)})
    if as_json:
        echo_json(answers)
    else:
        for answer in answers:
            if answer["valid"]:
                echo(visible(f"{answer['file']}: valid"))
            for problem in answer["problems"]:
                echo(problem, err=True)
    if not all(answer["valid"] for answer in answers):
        raise SystemExit(2)


@cli.command()
@click.argument("what", type=click.Choice(["system", "workload", "platform", "summary"]), default="system")
def schema(what: str) -> None:
    """Print the JSON Schema of system files, platform files, or of what `run --json` prints."""
    from rtsched.model.config import json_schema
    from rtsched.model.platform import Platform
    from rtsched.model.system import System

    if what == "summary":
        from rtsched.export.schema import SUMMARY_SCHEMA

        answer = SUMMARY_SCHEMA
    else:
        answer = json_schema(Platform if what == "platform" else System)
    echo_json(answer)


KINDS = (
    "workloads",
    "platforms",
    "networks",
    "schedulers",
    "orderings",
    "placements",
    "adaptations",
    "admissions",
    "speeds",
    "families",
    "theorems",
)


@cli.command(name="list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@_JSON
def list_(kind: str | None, as_json: bool) -> None:
    """List what is known: workloads, platforms, networks, variant families, schedulers and their parts, theorems."""
    answer: dict[str, dict[str, str]] = {}
    for each in [kind] if kind else KINDS:
        try:
            answer[each] = _known(each)
        except InputError as error:  # one broken file or package hides nothing else
            _warn(error)
            answer[each] = {}
    if as_json:
        echo_json(answer)
        return
    for each, rows in answer.items():
        echo(each)
        width = max((len(name) for name in rows), default=0)
        for name, line in rows.items():
            echo(visible(f"  {name:<{width}}  {line}".rstrip()))


def _warn(error: InputError) -> None:
    echo(str(error), err=True)


def _known(kind: str) -> dict[str, str]:
    """Names and one line each; what cannot be read is told on standard error."""
    from rtsched.model import catalogue

    if kind in ("workloads", "platforms"):
        return _lines(catalogue.names(kind), lambda name: catalogue.title(kind, name))
    if kind == "families":
        from rtsched.dnn.families import load_families, variant_rows

        return {name: family.title for name, family in sorted(load_families(variant_rows(_warn)).items())}
    if kind == "theorems":
        from rtsched.schedulability.theorem import theorems

        return {name: f"{theorem.strength}: {theorem.title}" for name, theorem in theorems().items()}
    if kind == "networks":
        found: dict[str, set[str]] = {}
        for row in catalogue.latency_table(_warn):
            found.setdefault(row["network"], set()).add(row["platform"])
        for name in catalogue.network_names():
            found.setdefault(name, set()).add("its operators")
        return {name: ", ".join(sorted(found[name])) for name in sorted(found)}
    from rtsched.registry import REGISTRY

    single = kind.removesuffix("s")
    return _lines(REGISTRY.names(single), lambda name: _first_line(REGISTRY.find(single, name)))


def _lines(names: Iterable[str], line: Callable[[str], str]) -> dict[str, str]:
    """The line of every name; those that have none, since they are broken, are told on standard error."""
    found = {}
    for name in names:
        try:
            found[name] = line(name)
        except InputError as error:
            _warn(error)
    return found


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


@cli.command()
@click.argument("words", nargs=-1, required=True, metavar="[KIND] NAME")
@click.option(
    "--png", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw a platform (.png, .svg or .pdf)."
)
@click.option("--platform", help="With 'cost NETWORK': on which platform.")
@_JSON
def show(words: tuple[str, ...], picture: Path | None, platform: str | None, as_json: bool) -> None:
    """Show one thing by name: a workload, a platform, a network or a policy, with its sources.

    KIND (platform, workload, network, scheduler, ordering, ...) tells things of one name apart. `show cost NETWORK
    --platform P` compares measured times with those of the cost model.
    """
    from rtsched import show as views

    want_standard_output(as_json, picture)
    if len(words) > 2:
        raise InputError(f"show: {' '.join(words)!r} is no [KIND] NAME; write `rtsched show platform rk3588`")
    if len(words) == 2 and words[0] == "cost":
        from rtsched.show.cost import describe_cost

        answer = describe_cost(words[1], platform)
    elif platform is not None:
        raise InputError(
            "--platform goes with 'cost NETWORK'; write `rtsched show cost mobilenet_v2 --platform rk3588`"
        )
    else:
        answer = views.describe(words[-1], words[0] if len(words) == 2 else None)
    if picture is not None:
        if answer.platform is None:
            raise InputError(f"--png draws platforms, and {words[-1]!r} is none ({answer.kind}); leave --png out")
        from rtsched.plot.platform import block_diagram

        block_diagram(answer.platform, picture)
    if as_json:
        echo_json(answer.data)
    else:
        tell(answer.text, picture)


@cli.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of printing.")
@click.option(
    "--shape", "shapes", multiple=True, metavar="INPUT=1x3x224x224", help="The shape of an open input (ONNX)."
)
@_JSON
def import_(file: str, output: Path | None, shapes: tuple[str, ...], as_json: bool) -> None:
    """Turn a SimSo XML or an rt-app JSON into a system file, an ONNX model into a network file."""
    if file.endswith(".onnx"):
        text = _imported_network(file, shapes, as_json)
    elif shapes:
        raise InputError(f"--shape: {file} is no ONNX model; leave it out")
    else:
        from rtsched.importers import import_file
        from rtsched.model.config import to_yaml

        result = import_file(file)
        for warning in result.warnings:
            echo(f"{file}: {warning}", err=True)
        if as_json:
            text = result.system.model_dump_json(exclude_defaults=True, by_alias=True, indent=2) + "\n"
        else:
            text = to_yaml(result.system)
    if output is None:
        echo_document(text)
    else:
        from rtsched.files import write_whole

        write_whole(output, text)
        tell(f"wrote {output}", output)


cli.add_command(analyse)
cli.add_command(report)
cli.add_command(fuzz_soundness)
cli.add_command(compare)
cli.add_command(profile)


def _imported_network(file: str, shapes: tuple[str, ...], as_json: bool) -> str:
    """The network file of an ONNX model; what is not known of it goes to standard error, with what to do."""
    from rtsched.cli.profile import read_shape
    from rtsched.dnn import cost, network_file, onnx

    network = onnx.load(file, dict(map(read_shape, shapes)))
    for note in network.notes:
        echo(f"{file}: {note}", err=True)
    if network.unknown:
        echo(
            f"{file}: {len(network.unknown)} tensors have no shape, e.g. {', '.join(network.unknown[:5])}; give open "
            "inputs a size with --shape",
            err=True,
        )
    why = cost.unknown(network)
    if why:
        echo(
            f"{file}: the network has no cost: {why}; give open inputs a --shape, or measure it (`rtsched profile`)",
            err=True,
        )
    if as_json:
        import json

        return json.dumps(network_file.as_data(network), indent=2, ensure_ascii=False) + "\n"
    return network_file.write(network)


def main() -> None:
    """Run the command line and leave with its exit code, whatever happens."""
    prepare()
    sys.exit(leave(ended(lambda: cli(standalone_mode=False))))
