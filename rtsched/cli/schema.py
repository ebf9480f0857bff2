"""``rtsched schema``: what files may hold, for editors and programs."""

from __future__ import annotations

import click

from rtsched.cli.console import echo_json


@click.command()
@click.argument(
    "what",
    type=click.Choice(["system", "workload", "platform", "generate", "summary", "steps", "wcet", "alternatives"]),
    default="system",
)
def schema(what: str) -> None:
    """Print the JSON Schema of system files, platform files, parameters of `generate`, or of what is printed.

    summary: by `run --json`. steps: by `analyse --json --steps` under that key. wcet: by `wcet --json`.
    """
    from rtsched.model.config import json_schema
    from rtsched.model.platform import Platform
    from rtsched.model.system import System

    if what == "generate":
        from rtsched.generate import Generate

        answer = json_schema(Generate)
    elif what == "summary":
        from rtsched.export.schema import SUMMARY_SCHEMA

        answer = SUMMARY_SCHEMA
    elif what == "alternatives":
        from rtsched.export.schema_alternatives import ALTERNATIVES_SCHEMA

        answer = ALTERNATIVES_SCHEMA
    elif what == "steps":
        from rtsched.export.schema_steps import STEPS_SCHEMA

        answer = STEPS_SCHEMA
    elif what == "wcet":
        from rtsched.export.schema_wcet import WCET_SCHEMA

        answer = WCET_SCHEMA
    else:
        answer = json_schema(Platform if what == "platform" else System)
    echo_json(answer)
