"""What pages of the documentation show of a console, held against what is printed."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

from tests.cli.command import rtsched as command

#: Stands for lines that are left out.
GAP = "[…]\n"


def shown(page: str) -> list[tuple[str, str]]:
    """Each command of a page, without `rtsched`, and what the page says that it prints."""
    return re.findall(r"^```console\n\$ rtsched ([^\n]*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def check(line: str, printed: str) -> None:
    """The command prints this, but for its gaps nothing else."""
    output, at = command(*shlex.split(line)).output, 0
    pieces = printed.split(GAP)
    for number, piece in enumerate(pieces):
        found = output.find(piece, at)
        assert found >= 0 if number else found == 0, f"{line}:\n{piece}\nis not in\n{output}"
        at = found + len(piece)
    assert not pieces[-1] or at == len(output), f"{line}:\n{output[at:]}\nis not on the page"


def check_python(path: Path) -> None:
    """The examples of a page in Python give what it says, and there are some."""
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried > 0
    assert failed == 0
