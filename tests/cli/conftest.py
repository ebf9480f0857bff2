"""Where the tests of the command line work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SYSTEM = """\
platform: uniprocessor
scheduler: {ordering: rm}
simulate: {until: hyperperiod}
tasks:
  - {name: short, wcet: 2 ms, period: 5 ms}
  - name: long
    wcet: 4 ms
    period: 7 ms
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM)
    return path


NAMES = r"""
platform: uniprocessor
tasks:
  - {name: "a\e[31mred\n\u202Eb\u200b\a$x_1", wcet: 1 ms, period: 5 ms}
  - {name: "=cmd()", wcet: 1 ms, period: 5 ms}
  - {name: "-5", wcet: 1 ms, period: 5 ms}
  - {name: "$\\frac{", wcet: 1 ms, period: 5 ms}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own, from which policies are imported, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture
def named(here: Path) -> Path:
    path = here / "named.yaml"
    path.write_text(NAMES)
    return path
