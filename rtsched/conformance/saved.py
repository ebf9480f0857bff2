"""What is kept of an example: the system, its picture, and the command that shows it again."""

from __future__ import annotations

import shlex
from pathlib import Path

from rtsched.conformance.result import Conformance, Example
from rtsched.files import make_folder, write_whole


def command(found: Conformance, check: str, seed: int, system: str = "system.yaml") -> str | None:
    """The command that asks the same of one system; None where the policy has no name on a command line."""
    if found.command is None:
        return None
    words = ["rtsched", "check-scheduler", found.command, "--system", system, "--seed", str(seed), "--only", check]
    return shlex.join(words)


def save(found: Conformance, folder: Path) -> list[Path]:
    """Write every example into a folder of its own, called as its check; the folders. Raises InputError."""
    made = []
    for row in found.rows:
        if row.example is not None:
            path = folder / row.check.name
            make_folder(path)
            _save(found, row.check.name, row.example, path)
            made.append(path)
    return made


def _save(found: Conformance, check: str, example: Example, path: Path) -> None:
    from rtsched.plot.gantt import png

    again = command(found, check, example.trial.seed, str(path / "system.yaml"))
    write_whole(path / "what.txt", f"{check}: {example.text}\n" + (f"{again}\n" if again else ""))
    if example.yaml:
        write_whole(path / "system.yaml", example.yaml)
    trace = example.trial.plain.trace
    if trace is not None:
        write_whole(path / "gantt.png", png(trace))
