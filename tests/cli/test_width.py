"""What commands print fits the columns that there are: names give way, numbers stay."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtsched.cli import cli, console
from rtsched.columns import width

LONG = "obstacle_detection_by_the_camera_on_the_left"
WIDE = "任务調度器的攝影機辨識模型と物体検出タスク"
SYSTEM = f"""\
platform: uniprocessor
scheduler: {{ordering: rm}}
simulate: {{until: 60 ms}}
tasks:
  - {{name: {LONG}, wcet: 2 ms, period: 5 ms}}
  - {{name: {WIDE}, wcet: 4 ms, period: 7 ms}}
  - {{name: c, wcet: 1 ms, period: 20 ms}}
assumed: ["{" ".join(["the times of the tasks are those of another chip"] * 6)}"]
"""


def printed(*words: str, columns: int | None = None, charset: str = "utf-8") -> list[str]:
    environment = {"COLUMNS": None if columns is None else str(columns)}
    result = CliRunner(charset=charset, env=environment).invoke(cli, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output.split("\n")


@pytest.fixture
def long(tmp_path: Path) -> str:
    path = tmp_path / "long.yaml"
    path.write_text(SYSTEM, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "words",
    [
        ("run",), ("analyse", "--runs", "0", "--parts"), ("explain", "--what-if"), ("diff", "rm", "edf"),
        ("compare", "-s", "rm+nonpreemptive,edf", "--seeds", "1"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_it_fits_the_columns(words: tuple[str, ...], long: str) -> None:
    command, *more = words
    whole = printed(command, long, *more)
    assert any(width(line) > 200 for line in whole[-4:]) == (command in ("run", "compare", "analyse"))
    numbers = sorted(re.findall(r"\b\d[\d.]* (?:ms|us|%)", " ".join(whole)))
    for columns in (80, 60, 200):
        lines = printed(command, long, *more, columns=columns)
        lines = [line for line in lines if " " in line.strip()]  # a word has the width that it has
        assert max(map(width, lines)) <= columns, columns
        assert not set(numbers) - set(re.findall(r"\b\d[\d.]* (?:ms|us|%)", " ".join(map(str.strip, lines))))


def test_lists_and_views_fit_the_columns() -> None:
    for words in (("list", "metrics"), ("show", "rk3588"), ("list", "platforms")):
        for columns in (60, 80):
            lines = printed(*words, columns=columns)
            wordless = [line for line in lines if max(map(len, line.split()), default=0) < columns // 2]
            assert max(map(width, wordless)) <= columns
    assert max(map(width, printed("list", "metrics"))) > 110


def test_without_a_terminal_lines_have_their_width(long: str) -> None:
    assert printed("run", long) == printed("run", long, columns=1000)
    assert console.room() is None


@pytest.mark.parametrize(
    ("said", "room"), [("80", 80), ("5", 20), ("", None), ("wide", None), ("-3", None), ("0", None)]
)
def test_how_many_columns_there_are(said: str, room: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", said)
    assert console.room() == room


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo terminals")
def test_a_terminal_says_how_wide_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import struct
    import termios

    main, end = os.openpty()
    try:
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
        with os.fdopen(os.dup(end), "w", encoding="ascii") as stream:
            monkeypatch.setattr("sys.stdout", stream)
            assert console.room() == 72
            with console.page():
                assert console.fitted("".join, "a " * 60).count("\n") == 1
    finally:
        os.close(main)
        os.close(end)


def test_json_is_the_same_in_every_width(long: str) -> None:
    assert printed("run", long, "--json") == printed("run", long, "--json", columns=40)
