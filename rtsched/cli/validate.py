"""``rtsched validate``: what is wrong with a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_json, tell, want_standard_output
from rtsched.cli.ending import BAD_INPUT, answered
from rtsched.errors import InputError, told
from rtsched.files import check_outputs, write_whole
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.export.problems import Problem


@click.command()
@click.argument("systems", nargs=-1, required=True)
@options.as_json()
@options.file("--sarif", text="Write the problems as SARIF 2.1.0, for code scanning and editors.")
def validate(systems: tuple[str, ...], as_json: bool, sarif: Path | None) -> None:
    """Check system (or platform) files: every value, every name, every processor."""
    from rtsched.export.problems import problem

    want_standard_output(as_json, sarif)
    check_outputs(sarif)
    with answered(sarif, _failure):
        found = {name: problems(name) for name in systems}
    placed = {name: [problem(text, name) for text in texts] for name, texts in found.items()}
    if sarif is not None:
        _write(sarif, [each for those in placed.values() for each in those])
    if as_json:
        echo_json({"format": 2, "files": [_plain(name, found[name], placed[name]) for name in found]})
    else:
        for name, texts in found.items():
            if texts:
                echo(told(texts), err=True)
            else:
                tell(visible(f"{name}: valid"), sarif)
    if any(found.values()):
        raise SystemExit(BAD_INPUT)


def problems(name: str) -> tuple[str, ...]:
    """Everything that is wrong with a file, as far as one can look: values, then names, times and the scheduler."""
    from rtsched import api
    from rtsched.model import catalogue

    found: list[str] = []

    def tried(action: Callable[[], Any]) -> Any:
        try:
            return action()
        except InputError as error:
            found.extend(error.problems)
            return None

    if tried(lambda: catalogue.is_platform_file(name)):
        tried(lambda: catalogue.load_platform(name, None))
    elif not found:
        loaded = tried(lambda: api.load(name))
        if loaded is not None:
            tried(loaded.lower)
            tried(lambda: api.scheduler_of(loaded, None))
    return tuple(dict.fromkeys(found))


def _plain(name: str, texts: tuple[str, ...], placed: list[Problem]) -> dict[str, Any]:
    from dataclasses import asdict

    return {"file": name, "valid": not texts, "problems": list(texts), "results": [asdict(each) for each in placed]}


def _write(path: Path, found: list[Problem], failure: str | None = None) -> None:
    from rtsched import __version__
    from rtsched.export.sarif import sarif

    write_whole(path, json.dumps(sarif(found, __version__, failure), indent=2, ensure_ascii=False) + "\n")


def _failure(path: Path, error: Exception) -> None:
    """A log that says that validating failed."""
    _write(path, [], f"{type(error).__name__}: {error}")
