"""Strange consoles, closed pipes, full disks behind the standard output, machines without a home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtsched.cli import COMMANDS, cli, console
from tests import forked
from tests.cli.command import COMMAND, SEEN, process


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_console_shows_a_table(encoding: str, named: Path) -> None:
    done = process("run", named, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert SEEN in text
    assert ("─────" if encoding == "utf-8" else "-----") in text
    assert done.stderr == b""


def test_a_machine_without_a_locale_reads_and_writes(named: Path) -> None:
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = process("analyse", named, "--runs", "1", env=bare)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert process("show", named, "--json", env=bare).stdout.isascii()


def test_what_an_encoding_lacks_is_written_in_ascii() -> None:
    console.prepare()
    assert "≤ 5 µs – ±2 × 3 → é".encode("ascii", "rtsched") == rb"<= 5 us - +-2 x 3 -> \xe9"
    assert "5 µs – é ≤".encode("cp1252", "rtsched").decode("cp1252") == "5 µs – é <="
    assert "\udcff".encode("utf-8", "rtsched") == rb"\udcff"


def test_help_is_ascii() -> None:
    for words in ([], *([name] for name in COMMANDS)):
        assert CliRunner().invoke(cli, [*words, "--help"]).output.isascii(), words


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["run", "dhall", "--json"],
        ["--help"],
        ["schema"],
        ["report", "dhall", "--runs", "0", "--format", "md", "-o", "-"],
    ],
)
def test_a_closed_pipe_is_silent(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = forked.command(*arguments, out=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_is_silent_when_python_ends() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stream:
        done = process("run", "dhall", stdout=stream)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_the_standard_output_is_told() -> None:
    with open("/dev/full", "wb") as full:
        done = process("run", "dhall", stdout=full)
    assert done.returncode == 2
    assert done.stderr == (b"standard output: cannot be written: No space left on device; choose another place\n")


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("closed", "written"), [(">&-", "--csv ."), ("2>&-", "--csv ."), ("<&- >&- 2>&-", "--csv . --gantt x.png")]
)
def test_closed_streams_are_no_reason_to_fail(closed: str, written: str, here: Path) -> None:
    line = f'"{sys.executable}" -m rtsched.cli run dhall {written} {closed}'
    assert subprocess.run(["sh", "-c", line], check=False, timeout=60).returncode == 0
    assert (here / "jobs.csv").read_text().startswith("job,task,")
    if "x.png" in written:
        assert (here / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_machine_without_a_home_draws(here: Path) -> None:
    line = [*COMMAND, "run", "dhall", "--gantt", "x.pdf"]
    done = subprocess.run(line, env={"HOME": f"{os.devnull}/none"}, check=False, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert subprocess.run([*COMMAND, "list"], env={}, check=False, capture_output=True, timeout=120).returncode == 0
    assert (here / "x.pdf").read_bytes().startswith(b"%PDF")
