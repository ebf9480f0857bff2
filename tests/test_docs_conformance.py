"""docs/conformance.md: the example fails as the page says, every check and claim is on the page, and the fixture works."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtsched.conformance.checks import CHECKS
from rtsched.schedulers.claims import CLAIMS
from tests.cli.command import rtsched

PAGE = (Path(__file__).parents[1] / "docs" / "conformance.md").read_text()
FILES = re.findall(r"^```python\n(# (\w+\.py)\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    (command, printed)
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for command, printed in re.findall(r"^\$ rtsched (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a reader who has saved the files of the page."""
    for text, name in FILES:
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for _, name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[command.split()[1] for command, _ in COMMANDS])
def test_a_command_says_what_the_page_says(command: str, printed: str, folder: Path) -> None:
    said = rtsched(*shlex.split(command)).output
    assert doctest.OutputChecker().check_output(printed.replace("…", "..."), said, doctest.ELLIPSIS), said


def test_every_check_and_every_claim_is_on_the_page() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert named == [check.name for check in CHECKS]
    assert [check.name for check in CHECKS if check.is_claim] == list(CLAIMS)


def test_the_fixture_fails_the_test_with_the_example(folder: Path) -> None:
    test = folder / "test_patient.py"
    test.write_text(test.read_text().replace("systems=50", "systems=4, only=['wake-ups']"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.name]
    as_users = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, env=as_users)
    assert ended.returncode == 1
    assert re.search("FAILS: wake-ups: .* where it could run, idles from", ended.stdout)
    assert "DOES NOT CONFORM: wake-ups" in ended.stdout
    assert "1 failed" in ended.stdout
