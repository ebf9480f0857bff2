"""``rtsched analyse --steps`` and ``--plot``: the calculation as text, as data and as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtsched.export.schema_steps import DATA, STEPS_SCHEMA
from rtsched.schedulability.steps.line import KINDS
from tests.cli.command import answer, ended, rtsched
from tests.schemas import check

TEXTBOOK = """
name: textbook
platform: uniprocessor
scheduler: rm
tasks:
  - {name: a, wcet: 1 ms, period: 4 ms}
  - {name: b, wcet: 2 ms, period: 6 ms}
  - {name: c, wcet: 3 ms, period: 10 ms}
"""


@pytest.fixture
def textbook(tmp_path: Path) -> str:
    path = tmp_path / "textbook.yaml"
    path.write_text(TEXTBOOK)
    return str(path)


def test_the_iterates_stand_on_the_board(textbook: str) -> None:
    text = rtsched("analyse", textbook, "--runs", "0", "--steps").output
    assert "    c: 3 → 6 → 7 → 9 → 10 → 10 ≤ 10\n" in text
    assert "The calculation" not in rtsched("analyse", textbook, "--runs", "0").output


def test_the_data_keep_their_schema() -> None:
    assert set(DATA) == set(KINDS)
    assert json.loads(rtsched("schema", "steps").output) == STEPS_SCHEMA
    seen = set()
    for system, *more in (
        ("can_revised",), ("buttazzo_rm_edf", "-s", "edf"), ("priority_inversion_inheritance",), ("dhall", "-s", "edf"),
        ("graham",), ("throttling_865",), ("xrbench_vr_gaming",), ("requests_mcu",),
    ):  # fmt: skip
        found = json.loads(rtsched("analyse", system, "--runs", "0", "--steps", "--json", *more).output)["steps"]
        check("steps", found)
        seen |= {line["kind"] for part in found for test in part["tests"] for line in test["lines"]}
        seen |= {line["kind"] for part in found for line in part["given"]}
    assert seen == set(KINDS)
    assert "steps" not in answer("analyse", "can_revised", "--runs", "0")


def test_a_picture_is_written_whole_or_not_at_all(textbook: str, tmp_path: Path) -> None:
    picture = tmp_path / "board.svg"
    assert rtsched("analyse", textbook, "--runs", "0", "--plot", picture).exit_code == 0
    text = picture.read_text()
    assert "c: R = 10 ≤ 10 ms (fp-rta)" in text
    wrong = ended("analyse", textbook, "--runs", "0", "--plot", tmp_path / "board.gif")
    assert (wrong.exit_code, (tmp_path / "board.gif").exists()) == (2, False)
    none = ended("analyse", "throttling_865", "--runs", "0", "--plot", tmp_path / "none.png")
    assert none.exit_code == 2
    assert "no test that applied has a picture" in none.output
    assert not (tmp_path / "none.png").exists()


def test_steps_and_a_picture_on_standard_output(textbook: str) -> None:
    both = ended("analyse", textbook, "--runs", "0", "--plot", "-", "--json")
    assert both.exit_code == 2
    assert "only one thing can go there" in both.output
