"""``rtsched schema``: what files may hold, for editors and programs."""

from __future__ import annotations

import click

from rtsched.cli.console import echo_json
from rtsched.export.documents import ALIASES, DOCUMENTS

#: Files that rtsched reads.
FILES = ("system", "workload", "platform", "generate")


@click.command()
@click.argument("what", type=click.Choice([*FILES, *sorted([*DOCUMENTS, *ALIASES])]), default="system")
def schema(what: str) -> None:
    """Print the JSON Schema of system files, platform files, parameters of `generate`, or of what is printed.

    run, analyse, compare, ...: what that command prints with --json. steps: `analyse --json --steps` under that key.
    replay: `fuzz-soundness --replay`. soundness: the file that a contradiction leaves. summary is run.
    """
    if what not in FILES:
        echo_json(DOCUMENTS[ALIASES.get(what, what)].schema)
        return
    from rtsched.model.config import json_schema

    if what == "generate":
        from rtsched.generate import Generate

        echo_json(json_schema(Generate))
        return
    from rtsched.model.platform import Platform
    from rtsched.model.system import System

    echo_json(json_schema(Platform if what == "platform" else System))
