"""How the tests call the command line: in this process, ended as `main` ends it, or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import click
from click.testing import CliRunner, Result

from rtsched.cli import cli, ending
from rtsched.export.documents import FILES
from tests.schemas import check

COMMAND = [sys.executable, "-m", "rtsched.cli"]

#: The first name in the file of `named`, as it is and as a console shows it.
EXACT = "a\x1b[31mred\n\u202eb\u200b\a$x_1"
SEEN = r"a\x1b[31mred\n\u202eb\u200b\x07$x_1"


def rtsched(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def answer(*arguments: str) -> dict[str, Any]:
    """The JSON a command prints, held against its schema."""
    result = rtsched(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    data: dict[str, Any] = json.loads(result.output)
    if arguments[0] not in FILES:
        check(str(arguments[0]), data)
    return data


def process(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | options
    options["env"] = {**os.environ, **options.get("env", {})}
    return subprocess.run([*COMMAND, *map(str, arguments)], check=False, **options)


def ended(*arguments: Any) -> Result:
    """A command in this process, ended as `main` ends it: exit code and one line instead of exceptions."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def main(words: Sequence[str]) -> None:
        # no function of these tests lies between: an exit through one would be taken for a policy's own
        raise SystemExit(ending.ended(partial(cli, list(words), prog_name="rtsched", standalone_mode=False)))

    return CliRunner().invoke(main, ["--", *map(str, arguments)])
