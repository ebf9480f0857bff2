"""``rtsched profile``: measure a model on this machine's CPU."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from rtsched.cli import options
from rtsched.cli.console import tell, want_standard_output
from rtsched.errors import InputError


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--runs", default=60, show_default=True, type=click.IntRange(2), help="How often, after the warm-up.")
@click.option("--warm-up", default=10, show_default=True, type=click.IntRange(0), help="Runs that do not count.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of one inference.")
@options.shapes()
@options.file("-o", "--output", text="A latency table to put it into.")
@options.platform("With -o: the platform that this machine stands for.")
@click.option("--processor", default="cpu", show_default=True, help="With -o: the cluster that ran.")
@click.option("--network", help="With -o: the name in the table; default: the file's.")
@options.file("--nodes", text="Write the nodes' times as CSV.")
@options.file("--samples", text="Write the time of every run as CSV, for `rtsched wcet`.")
@options.as_json()
def profile(
    model: Path,
    runs: int,
    warm_up: int,
    threads: int,
    shapes: tuple[str, ...],
    output: Path | None,
    platform: str | None,
    processor: str,
    network: str | None,
    nodes: Path | None,
    samples: Path | None,
    as_json: bool,
) -> None:
    """Measure MODEL (ONNX) on this machine's CPU: end to end, and node by node; medians and the largest times.

    With -o FOLDER/platforms/latency.csv and RTSCHED_PATH=FOLDER, system files can name the network.
    """
    from rtsched.dnn import profiler
    from rtsched.files import check_outputs, make_folder, write_whole
    from rtsched.model.document import read_text

    want_standard_output(as_json, output, nodes, samples)
    check_outputs(nodes, samples)
    if output is not None and platform is None:
        raise InputError("-o: a row of a latency table names its platform; add --platform NAME")
    found = profiler.measure(
        model, runs=runs, warm_up=warm_up, threads=threads, shapes=dict(map(read_shape, shapes)), progress=_progress
    )
    if output is not None and platform is not None:
        table = read_text(output) if output.is_file() else ""
        make_folder(output.parent)
        row = profiler.table_row(found, platform, processor, network)
        write_whole(output, profiler.merged(table, output, row))
    if nodes is not None:
        write_whole(nodes, profiler.node_table(found))
    if samples is not None:
        write_whole(samples, profiler.samples_table(found, processor))

    def say(text: str) -> None:
        tell(text, output, nodes, samples)

    if as_json:
        from dataclasses import asdict

        data = asdict(found)
        for entry, node in zip(data["nodes"], found.nodes, strict=True):
            entry["largest"] = found.largest(node)
            del entry["runs"]
        del data["runs"]
        say(json.dumps({"format": 1, **data}, indent=2))
        return
    whole = found.whole
    say(f"{found.network} ({found.inputs}), {threads} thread{'s' * (threads > 1)}, {whole.count} runs")
    say(f"  median {whole.median / 1000:.4g} ms, p99 {whole.p99 / 1000:.4g} ms, max {whole.max / 1000:.4g} ms")
    slowest = sorted(found.nodes, key=lambda node: -node.scaled)[:8]
    for node in slowest:
        share = node.scaled / whole.median if whole.median else 0.0
        most = f"max {found.largest(node) / 1000:.4g} ms"
        say(f"  {node.scaled / 1000:9.4g} ms  {share:6.1%}  {most:<14}  {node.operator:<12} {node.name}")
    if output is not None:
        say(f"wrote {output}")
    if nodes is not None:
        say(f"wrote {nodes}")
    if samples is not None:
        say(f"wrote {samples}")


def read_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """The name and the sizes in ``INPUT=1x3x224x224``."""
    name, equals, sizes = text.rpartition("=")
    parts = sizes.split("x")
    if not equals or not all(part.isascii() and part.isdecimal() and 0 < len(part) < 10 for part in parts):
        raise InputError(f"--shape {text!r}: write INPUT=1x3x224x224")
    return name, tuple(int(part) for part in parts)


def _progress(runs: Iterable[int]) -> Iterable[Any]:
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(runs, unit="run", leave=False, disable=not sys.stderr.isatty())
    return bar
