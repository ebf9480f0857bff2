"""``--junit``: the requirements of a system as test cases, whole or not at all, also where a command failed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from rtsched.cli import options
from rtsched.cli.ending import answered
from rtsched.files import write_whole

if TYPE_CHECKING:
    from rtsched.export.junit import Tested
    from rtsched.metrics.figures import Summary
    from rtsched.verify.verification import Verification


def junit_option() -> options.Option:
    """``--junit``."""
    return options.file("--junit", text="Write a test case for each requirement (JUnit XML, for CI servers).")


def errors_into(path: Path | None, system: str, what: str) -> AbstractContextManager[None]:
    """An error within becomes a test in error in the file, so that no older answer is read there."""

    def answer(to: Path, error: Exception) -> None:
        from rtsched.export.junit import broken

        write_whole(to, broken(Path(system).stem, what, error))

    return answered(path, answer)


def write_proof(path: Path, found: Verification, fail_on: str | None) -> None:
    """The test cases of a verification."""
    from rtsched.verify.cases import cases
    from rtsched.verify.words import outcome

    facts = [
        ("verdict", outcome(found)),
        ("basis", found.basis),
        ("policy", str(found.analysis.policy)),
        ("inputs_sha256", found.inputs_sha256),
    ]
    _write(path, found.system.name, cases(found, fail_on), facts)


def write_run(path: Path, figures: Summary, fail_on: str | None = None) -> None:
    """The test cases of one run."""
    from rtsched.export.junit_run import requirements

    facts = [("scheduler", figures.scheduler), ("seed", str(figures.seed)), ("until_ns", str(figures.until))]
    _write(path, figures.system, requirements(figures, fail_on), facts)


def _write(path: Path, name: str, cases: Sequence[Tested], facts: list[tuple[str, str]]) -> None:
    from rtsched import __version__
    from rtsched.export.junit import junit

    write_whole(path, junit(name, cases, [("rtsched", __version__), *facts]))
