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
@options.file("--sarif", text="Write problems and warnings as SARIF 2.1.0, for code scanning and editors.")
def validate(systems: tuple[str, ...], as_json: bool, sarif: Path | None) -> None:
    """Check system (or platform) files: every value, every name, every processor.

    Of a valid system also what deserves a look: times that prove nothing, chains of which nothing is required.
    """
    from rtsched.export.problems import problem

    want_standard_output(as_json, sarif)
    check_outputs(sarif)
    with answered(sarif, _failure):
        checked = {name: _checked(name) for name in systems}
    found = {name: texts for name, (texts, _) in checked.items()}
    placed = {name: [problem(text, name) for text in texts] for name, texts in found.items()}
    warned = {name: those for name, (_, those) in checked.items()}
    if sarif is not None:
        _write(sarif, [each for name in found for each in (*placed[name], *warned[name])])
    if as_json:
        echo_json({"format": 2, "files": [_plain(name, found[name], placed[name], warned[name]) for name in found]})
    else:
        for name, texts in found.items():
            if texts:
                echo(told(texts), err=True)
                continue
            tell(visible(f"{name}: valid"), sarif)
            for each in warned[name]:
                if each.level == "warning":
                    echo(visible(f"{each.place}: warning: {each.message}"), err=True)
    if any(found.values()):
        raise SystemExit(BAD_INPUT)


def problems(name: str) -> tuple[str, ...]:
    """Everything that is wrong with a file, as far as one can look: values, then names, times and the scheduler."""
    return _checked(name)[0]


def _checked(name: str) -> tuple[tuple[str, ...], list[Problem]]:
    """What is wrong with a file; and, where nothing is, what of it deserves a look."""
    from rtsched import api
    from rtsched.cli.warned import warnings
    from rtsched.model import catalogue
    from rtsched.model.origin import PROVING

    found: list[str] = []
    warned: list[Problem] = []

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
            system = tried(loaded.lower)
            tried(lambda: api.scheduler_of(loaded, None))
            if not found and any(task.basis not in PROVING for task in system.tasks):
                system = tried(lambda: loaded.lower(largest=True))  # as proofs take it
            warned = [] if found else warnings(loaded, system, name)
    return tuple(dict.fromkeys(found)), warned


def _plain(name: str, texts: tuple[str, ...], placed: list[Problem], warned: list[Problem]) -> dict[str, Any]:
    from dataclasses import asdict

    results, more = ([asdict(each) for each in those] for those in (placed, warned))
    return {"file": name, "valid": not texts, "problems": list(texts), "results": results, "warnings": more}


def _write(path: Path, found: list[Problem], failure: str | None = None) -> None:
    from rtsched import __version__
    from rtsched.export.sarif import sarif

    write_whole(path, json.dumps(sarif(found, __version__, failure), indent=2, ensure_ascii=False) + "\n")


def _failure(path: Path, error: Exception) -> None:
    """A log that says that validating failed."""
    _write(path, [], f"{type(error).__name__}: {error}")
