"""The page on explanations says what the command prints, and every cause."""

from __future__ import annotations

import re
from pathlib import Path

from rtsched.trace.causes.pieces import UNEXPLAINED, WORDS
from rtsched.whatif.answer import KINDS
from tests.consoles import check, check_python, shown

PATH = Path(__file__).parents[1] / "docs" / "explain.md"
PAGE = PATH.read_text()


def test_what_is_shown_is_what_is_printed() -> None:
    consoles = shown(PAGE)
    assert len(consoles) >= 3
    for line, printed in consoles:
        check(line, printed)


def test_the_python_gives_what_it_says() -> None:
    check_python(PATH)


def test_every_cause_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(WORDS) - {UNEXPLAINED}


def test_every_kind_of_change_is_in_the_other() -> None:
    assert tuple(re.findall(r"^\| ([a-zC ]+) \| [^|]+\|$", PAGE, re.MULTILINE)) == ("cause", "kind", *KINDS)
