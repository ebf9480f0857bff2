"""``rtsched optimum`` and ``rtsched compare --regret``: what they say, draw, refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import ended, rtsched
from tests.schemas import check

pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")

TIGHT = """\
platform: uniprocessor
tasks:
  - {name: light, wcet: 4 ms, deadline: 6 ms, release: 0 ms}
  - {name: heavy, wcet: 4 ms, deadline: 7 ms, release: 0 ms, weight: 3}
  - {name: long, wcet: 9 ms, deadline: 8 ms, release: 0 ms}
"""


@pytest.fixture
def tight(tmp_path: Path) -> str:
    path = tmp_path / "tight.yaml"
    path.write_text(TIGHT)
    return str(path)


def test_it_says_the_value_the_bound_and_who_gives_way(tight: str) -> None:
    assert rtsched("optimum", tight, "--until", "10 ms").output.splitlines() == [
        "tight: jobs released for 10 ms, seed 0: 3 jobs, 2 nodes",
        "the most that can be reached: 3 of 5",
        "a schedule that reaches 3: there is none better",
        "nobody can answer rightly and in time: long[0] (too long even alone)",
        "give way to others in the schedule: light[0]",
    ]


def test_what_is_found_within_a_limit(tight: str) -> None:
    lines = rtsched("optimum", tight, "--until", "10 ms", "--limit", "0.000001").output.splitlines()
    assert lines[1:3] == [
        "the most that can be reached: 4 of 5",
        "a schedule that reaches 0: a gap of 100 % is left (stopped at the limit; more time may close it)",
    ]
    enough = rtsched("optimum", tight, "--until", "10 ms", "--limit", "60").output
    assert enough == rtsched("optimum", tight, "--until", "10 ms").output


def test_as_json_with_the_schedule(tight: str) -> None:
    found = json.loads(rtsched("optimum", tight, "--until", "10 ms", "--json").output)
    check("optimum", found)
    assert (found["worth"], found["bound"], found["gap"], found["proven"], found["relaxed"]) == (3, 3, 0, True, [])
    ((row),) = found["schedule"]
    assert (row["job"], row["processor"], row["end"] - row["start"]) == ("heavy[0]", "cpu", 4_000_000)
    assert found["unmet"] == [{"job": "light[0]", "why": ""}, {"job": "long[0]", "why": "too long even alone"}]


def test_as_a_picture(tight: str, tmp_path: Path) -> None:
    picture = tmp_path / "best.svg"
    answer = rtsched("optimum", tight, "--until", "10 ms", "-o", str(picture))
    assert answer.exit_code == 0
    assert "heavy" in picture.read_text()
    refused = ended("optimum", tight, "-o", str(tmp_path / "best.txt"))
    assert (refused.exit_code, refused.stderr.endswith("pictures are .png, .svg, .pdf; rename it\n")) == (2, True)


def test_what_is_left_out_is_said() -> None:
    lines = rtsched("optimum", "model_switching", "--until", "50 ms").output.splitlines()
    assert lines[1].endswith("(an upper bound)")
    assert lines[2].endswith("no other does better in what is modelled")
    assert "relaxed: weights are loaded in no time" in lines


def test_what_has_no_known_bound_is_refused() -> None:
    answer = ended("optimum", "npu_failure", "--until", "50 ms")
    assert answer.exit_code == 2
    assert "no bound on what policies can reach is known here: processor 'npu' may fail" in answer.stderr


def test_compare_says_what_each_policy_misses(tight: str) -> None:
    """EDF serves light first, and heavy is late: of 3 it reaches 1. Least laxity does the same."""
    answer = rtsched("compare", tight, "-s", "edf,sjf", "--seeds", "2", "--until", "10 ms", "--regret", "-j", "1")
    lines = answer.output.splitlines()
    assert lines[2].split()[-1] == "regret"
    assert lines[4].split()[-2:] == ["66.67", "%"]
    assert "regret: what is missing to the best that anybody can do who knows all beforehand" in answer.output
    found = json.loads(rtsched("compare", tight, "-s", "edf", "--seeds", "1", "--regret", "--json", "-j", "1").output)
    assert found["rows"][0]["cells"]["regret"]["mean"] == pytest.approx(2 / 3)


def test_compare_says_against_which_bound() -> None:
    answer = rtsched(
        "compare", "model_switching", "-s", "edf", "--seeds", "1", "--until", "50 ms", "--regret", "-j", "1"
    )
    assert "regret: against an upper bound on what anybody can do" in answer.output
    assert "relaxed: weights are loaded in no time" in answer.output


def test_compare_says_why_there_is_no_regret() -> None:
    answer = rtsched("compare", "npu_failure", "-s", "edf", "--seeds", "1", "--until", "50 ms", "--regret", "-j", "1")
    assert answer.exit_code == 0
    assert "regret: - (no bound on what policies can reach is known here: processor 'npu' may fail" in answer.output


def test_an_effort_without_a_regret_has_no_effect(tight: str) -> None:
    answer = ended("compare", tight, "-s", "edf", "--effort", "3")
    assert answer.exit_code == 2
    assert "which only the regret asks for; add --regret" in answer.stderr
