"""The page on the calculation shows what is printed, but for what it says it leaves out."""

from __future__ import annotations

from pathlib import Path

from tests.consoles import check, check_python, shown

PATH = Path(__file__).parents[1] / "docs" / "steps.md"
PAGE = PATH.read_text()


def test_what_is_shown_is_what_is_printed() -> None:
    consoles = shown(PAGE)
    assert len(consoles) >= 4
    for line, printed in consoles:
        check(line, printed)


def test_the_python_gives_what_it_says() -> None:
    check_python(PATH)
