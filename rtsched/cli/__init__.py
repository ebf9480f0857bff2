"""The command line.

Exit codes: 0 fine; 1 the answer is no (asked with --fail-on, a proof that fuzz-soundness broke, or a policy that
check-scheduler does not pass), and nothing else;
2 bad input, or an output that cannot be written; 3 an internal error or a simulation that beats a proof, with what a
report needs saved in a file; 130 interrupted. A closed pipe is no fault, and nothing is ever a traceback (`ending`).

Answers go to standard output, warnings and errors to standard error; where an output is `-`, nothing else goes to
standard output. What a console cannot show is written in ASCII; names are shown with what cannot be seen escaped, but
in JSON (`console`).
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from rtsched import __version__
from rtsched.build import build
from rtsched.cli.console import leave, prepare
from rtsched.cli.ending import ended, stopped

#: The commands, each with the module and the function in it; imported when somebody asks for it.
COMMANDS = {
    "analyse": "analyse",
    "check-scheduler": "check_scheduler",
    "compare": "compare",
    "diff": "diff",
    "explain": "explain",
    "export": "export",
    "fuzz-soundness": "fuzz_soundness",
    "generate": "generate",
    "import": "import_",
    "list": "list_",
    "optimum": "optimum",
    "plot": "plot",
    "profile": "profile",
    "report": "report",
    "run": "run",
    "schema": "schema",
    "show": "show",
    "sweep": "sweep",
    "validate": "validate",
    "verify-report": "verify_report",
    "wcet": "wcet",
    "what-if": "what_if",
}


class _Commands(click.Group):
    """Interruptions and closed pipes end commands as `ending` has it; click would exit with 1, which is an answer."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"rtsched.cli.{COMMANDS[name]}"), COMMANDS[name])
        return found

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with stopped():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        with stopped():
            return super().invoke(context)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(f"{__version__} ({build()})", prog_name="rtsched")
def cli() -> None:
    """Real-time multi-DNN scheduling on heterogeneous chips: simulate it, prove it, show it.

    Start with `rtsched run drone_xavier_nx`, or `rtsched list` for what the catalogue holds.
    """


def main() -> None:
    """Run the command line and leave with its exit code, whatever happens."""
    prepare()
    sys.exit(leave(ended(lambda: cli(standalone_mode=False))))
