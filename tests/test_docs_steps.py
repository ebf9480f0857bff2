"""The page on the calculation shows what is printed, but for what it says it leaves out."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

from tests.cli.command import rtsched as command

PATH = Path(__file__).parents[1] / "docs" / "steps.md"
PAGE = PATH.read_text()
GAP = "[…]\n"


def test_what_is_shown_is_what_is_printed() -> None:
    shown = re.findall(r"^```console\n\$ rtsched ([^\n]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 4
    for line, printed in shown:
        output, at = command(*shlex.split(line)).output, 0
        for piece in printed.split(GAP):
            found = output.find(piece, at)
            assert found >= 0, f"{line}:\n{piece}\nis not in\n{output}"
            at = found + len(piece)


def test_the_python_gives_what_it_says() -> None:
    failed, tried = doctest.testfile(str(PATH), module_relative=False)
    assert tried > 0
    assert failed == 0
