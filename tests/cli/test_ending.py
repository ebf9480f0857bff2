"""How commands end: exit codes, one line, and what a bug report needs saved."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import rtsched.cli
from rtsched.cli import ending
from rtsched.errors import InputError, RtschedError, SoundnessError
from tests.cli.command import COMMAND, ended


def raising(error: BaseException) -> Callable[[], None]:
    """A function of rtsched's that raises."""
    space: dict[str, Any] = {"__name__": "rtsched.cli", "error": error}
    exec("def command(): raise error", space)
    command: Callable[[], None] = space["command"]
    return command


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (InputError("x.yaml:1:1: a"), 2, "x.yaml:1:1: a\n"),
        (InputError("one", "two\x1b"), 2, "one\ntwo\\x1b\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (SystemExit(1), 1, ""),
        (click.UsageError("no such option"), 2, "Error: no such option\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            2,
            "/x: this machine cannot go on: No space left on device; make room, or run it elsewhere\n",
        ),
        (
            MemoryError(),
            2,
            "there is not enough memory for this; ask for a shorter time, or for less to be kept (run --no-trace)\n",
        ),
        (SoundnessError("a bound is beaten"), 3, "a bound is beaten; both sides saved in "),
        (KeyError("x"), 3, "internal error: KeyError: 'x'; this is rtsched's own bug, not your mistake: please"),
    ],
)
def test_the_exit_code_and_one_line_say_how_a_command_ended(
    raised: BaseException, code: int, line: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending.ended(raising(raised)) == code
    told = capsys.readouterr().err
    if code == 3:
        assert (told.startswith(line), told.count("\n")) == (True, 1)
    else:
        assert told == line


def test_nothing_that_fails_on_the_way_to_a_command_reads_as_an_answer(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsched.cli, "prepare", raising(OSError("no streams")))
    with pytest.raises(SystemExit) as left:
        rtsched.cli.main()
    assert left.value.code == 3


def test_an_internal_error_leaves_its_traceback_in_a_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rtsched", "run", "my system"])
    assert ending.ended(raising(RuntimeError("oh"))) == 3
    (saved,) = here.glob("rtsched-error-*.txt")
    assert str(saved) in capsys.readouterr().err
    text = saved.read_text()
    assert "command: rtsched run 'my system'\n" in text
    assert "python: 3" in text
    assert text.rstrip().endswith("RuntimeError: oh")
    assert "in command" in text


def test_what_cannot_be_saved_is_told_all_the_same(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert ending.ended(raising(KeyError("x"))) == 3
    assert "(the traceback not saved: " in capsys.readouterr().err


def test_a_beaten_proof_saves_both_sides(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.verify.observation import Observer

    def beaten(self: Observer, task: str, response: int, pattern: Any, trace: Any) -> None:
        raise self._beaten(f"{task!r} took {response} ns", "rta", 1, pattern, trace)

    monkeypatch.setattr(Observer, "_check", beaten)
    assert issubclass(rtsched.SoundnessError, RtschedError)
    result = ended("analyse", "lehoczky", "--runs", "1")
    assert result.exit_code == 3
    (saved,) = here.glob("rtsched-soundness-*.json")
    assert str(saved) in result.stderr
    data = json.loads(saved.read_text())
    assert data["analysis"][0]["verdict"] == "schedulable"
    assert len(data["trace"]["jobs"]["finish"]) > 0
    assert [task["name"] for task in data["system"]["tasks"]] == ["t1", "t2"] or data["system"]["tasks"]


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="signals of POSIX")
def test_an_interruption_ends_with_130_and_one_line(here: Path) -> None:
    (here / "waits.py").write_text(
        "import sys, time\nfrom rtsched import Scheduler\nclass Waits(Scheduler):\n"
        "    def dispatch(self):\n        print('ready', flush=True)\n        time.sleep(60)\n"
    )
    command = [*COMMAND, "analyse", "dhall", "--scheduler", "waits:Waits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        told = running.stderr.read()
        assert (told.startswith(b"interrupted"), told.count(b"\n")) == (True, 1)
