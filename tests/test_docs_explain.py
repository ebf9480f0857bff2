"""The page on explanations says what the command prints, and every cause."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

from rtsched.trace.causes.pieces import UNEXPLAINED, WORDS
from rtsched.whatif.answer import KINDS
from tests.cli.command import rtsched as command

PATH = Path(__file__).parents[1] / "docs" / "explain.md"
PAGE = PATH.read_text()


def test_what_is_shown_is_what_is_printed() -> None:
    shown = re.findall(r"^```console\n\$ rtsched ([^\n]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 3
    for line, printed in shown:
        assert command(*shlex.split(line)).output == printed, line


def test_the_python_gives_what_it_says() -> None:
    failed, tried = doctest.testfile(str(PATH), module_relative=False)
    assert tried > 0
    assert failed == 0


def test_every_cause_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(WORDS) - {UNEXPLAINED}


def test_every_kind_of_change_is_in_the_other() -> None:
    assert tuple(re.findall(r"^\| ([a-zC ]+) \| [^|]+\|$", PAGE, re.MULTILINE)) == ("cause", "kind", *KINDS)
