"""`rtsched explain`: one job of a run, by name or by what became of it."""

from __future__ import annotations

import pytest

from tests.cli.command import answer, ended, rtsched


def headline(*arguments: str) -> str:
    """The sentence on the job that was chosen."""
    result = rtsched("explain", *arguments)
    assert result.exit_code == 0, result.output
    return str(result.output.splitlines()[2])


def test_a_job_by_name() -> None:
    assert headline("dhall", "heavy[0]").startswith("heavy[0] missed by 1 ms: response 12 ms")
    assert headline("dhall", "light2[1]", "--until", "20 ms").startswith("light2[1] was in time, with 8 ms to spare")


def test_without_a_job_the_first_miss_or_else_the_latest() -> None:
    assert headline("dhall").startswith("heavy[0] missed")
    assert headline("dhall", "light1").startswith("light1[0] was in time")
    assert headline("drone_xavier_nx", "--until", "200 ms").startswith("small_obj[1] was in time, with 4.792 ms")


def test_the_worst_and_the_first() -> None:
    late = ("phone_assistant_sd8gen3", "--until", "400 ms")
    assert " missed by " in headline(*late, "--first-miss")
    first = answer("explain", *late, "--first-miss")
    worst = answer("explain", *late, "--worst")
    assert worst["finish"] - worst["deadline"] > first["finish"] - first["deadline"] > 0
    assert answer("explain", *late[:1], worst["task"], *late[1:], "--worst")["job"] == worst["job"]


def test_names_with_brackets() -> None:
    assert headline("drone_xavier_nx", "tracker_reid[1]", "--until", "100 ms").startswith("tracker_reid[1][")
    assert headline("drone_xavier_nx", "tracker_reid[1][2]", "--until", "100 ms").startswith("tracker_reid[1][2] was")


def test_the_data_are_those_of_python() -> None:
    found = answer("explain", "priority_inversion_lock", "high[0]")
    assert found["scheduler"] == "FixedPriority, preemptive"
    assert found["causes"] == {"running": 4_000_000, "lock": 3_000_000, "inversion": 6_000_000}


def test_other_policies_and_values() -> None:
    rm = ("buttazzo_rm_edf", "long[2]", "--set", "tasks.long.offset=1ms")
    assert headline(*rm).startswith("long[2] missed by 1 ms")
    assert headline(*rm, "--scheduler", "edf").startswith("long[2] was in time")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dhall", "nobody"), "no task is called 'nobody', and it is no job as 'camera[2]'; the tasks are: light1"),
        (("dhall", "nobody[0]"), "no task is called 'nobody'; these are: light1"),
        (("dhall", "heavy[99]"), "heavy[99] is no job of this run: its jobs are [0] to [9]"),
        (("dhall", "heavy[0]", "--worst"), "'heavy[0]' is one job, and --first-miss or --worst another"),
        (("dhall", "--first-miss", "--worst"), "--first-miss and --worst are two jobs; leave one out"),
        (("dhall", "light1", "--first-miss"), "no job of light1 missed its deadline in this run; ask for --worst"),
        (("nothing_such",), "nothing_such"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str) -> None:
    result = ended("explain", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
