"""`rtsched diff`: two policies, or two values."""

from __future__ import annotations

from tests.cli.command import answer, ended, rtsched


def test_two_policies() -> None:
    lines = rtsched("diff", "buttazzo_rm_edf", "rm", "edf").output.splitlines()
    assert lines[:2] == ["A: RateMonotonic, preemptive", "B: EDF, preemptive"]
    assert lines[3:6] == [
        "The first decision that differs is at 5 ms:",
        "  A: start short[1] on cpu; preempt long[0] on cpu",
        "  B: nothing of the kind",
    ]
    assert "long[0]   8 ms late  6 ms ok" in lines


def test_another_value() -> None:
    found = answer(
        "diff", "priority_inversion_lock", "file", "--change", "resources.R.protocol=inheritance",
    )  # fmt: skip
    assert found["time"] == 4_000_000
    assert found["decisions"] == [["start middle[0] on cpu"], ["resume low[0] on cpu"]]
    assert found["jobs"][0] == {
        "job": "high[0]", "id": None, "responses": [13_000_000, 7_000_000], "outcomes": ["late", "ok"]
    }  # fmt: skip


def test_mistakes() -> None:
    same = ended("diff", "dhall", "edf")
    assert same.exit_code == 2
    assert "name another policy B, or --change a value" in same.stderr
    assert ended("diff", "dhall", "edf", "nobody").exit_code == 2
