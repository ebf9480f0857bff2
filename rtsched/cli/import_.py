"""``rtsched import``: somebody else's file as one of ours."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_document, tell
from rtsched.errors import InputError


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@options.file("-o", "--output", text="Write here instead of printing.")
@options.shapes("The shape of an open input (ONNX).")
@click.option("--format", "wanted", metavar="NAME", help="The importer (see `rtsched list importers`).")
@options.as_json()
def import_(file: str, output: Path | None, shapes: tuple[str, ...], wanted: str | None, as_json: bool) -> None:
    """Turn a model of SimSo, rt-app, AMALTHEA or MAST into a system file, an ONNX model into a network file.

    The file says by its ending, or by how it begins, who reads it; --format, whatever it is called.
    """
    if file.endswith(".onnx") and wanted is None:
        text = _imported_network(file, shapes, as_json)
    elif shapes:
        raise InputError(f"--shape: {file} is no ONNX model; leave it out")
    else:
        from rtsched.importers import import_file
        from rtsched.model.config import to_yaml

        result = import_file(file, wanted)
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
