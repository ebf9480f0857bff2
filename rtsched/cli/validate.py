"""``rtsched validate``: what is wrong with a file."""

from __future__ import annotations

from typing import Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_json
from rtsched.errors import InputError
from rtsched.visible import visible


@click.command()
@click.argument("systems", nargs=-1, required=True)
@options.as_json()
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
