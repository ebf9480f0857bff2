"""Every broken policy fails, by the check that is about what it breaks, in a small system; what is sound passes."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.conformance.result import Conformance
from rtsched.verify.documents import weight
from tests.conformance.broken import parts, policies


def checked(policy: type, check: str, systems: int = 40, shrink: bool = False, limit: float = 10.0) -> Conformance:
    return rtsched.check_scheduler(policy, systems=systems, only=[check], others=False, shrink=shrink, limit=limit)


BROKEN = [
    (policies.Dice, "determinism", "the same run again"),
    (policies.Remembers, "determinism", "the same run again"),
    (policies.Sleeper, "wake-ups", "where it could run, idles"),
    (policies.Idler, "work-conserving", "where it could run, idles"),
    (policies.Undertaker, "legal-actions", "only ready segments can start"),
    (policies.Seer, "honesty", "does not see 'demand'"),
    (policies.Burglar, "honesty", "it knows what it cannot know"),
    (policies.Upside, "bounded-inversion", "which is more urgent"),
    (policies.Declared, "symmetric", "declared the other way round"),
    (parts.Contrary, "monotone", "has an answer of accuracy"),
    (policies.Loser, "wake-ups", "where it could run, idles"),
    (policies.Broken, "legal-actions", "its own code fails: KeyError: 'the plan'"),
    (policies.Hasty, "sustainable-execution", "in half of its time, job"),
]  # fmt: skip


#: Systems that it takes to meet one in which it shows, where that is rare: tasks with variants, jobs that are aborted.
ENOUGH = {parts.Contrary: 41, policies.Hasty: 93, policies.Undertaker: 25}


@pytest.mark.parametrize(("policy", "check", "says"), BROKEN, ids=[policy.__name__ for policy, *_ in BROKEN])
def test_a_broken_policy_fails_for_the_right_reason(policy: type, check: str, says: str) -> None:
    found = checked(policy, check, ENOUGH.get(policy, 12))
    assert found.failed == (check,)
    assert not found.fits
    assert says in found.row(check).example.text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("policy", "check", "tasks", "entries"),
    [
        (policies.Idler, "work-conserving", 1, 9),
        (policies.Loser, "wake-ups", 2, 17),
    ],
)
def test_what_is_wrong_is_shown_in_the_smallest_system(policy: type, check: str, tasks: int, entries: int) -> None:
    example = checked(policy, check, 4, shrink=True).row(check).example
    assert example is not None
    assert example.small
    assert len(example.world.document["tasks"]) == tasks
    assert weight(example.world.document)[0] <= entries


def test_the_sound_one_passes_everything() -> None:
    found = rtsched.check_scheduler(policies.Sound, systems=15, others=False, shrink=False)
    assert found.fits
    assert found.failed == ()
    assert found.row("work-conserving").outcome == "fits"
    assert found.row("work-conserving").asked > 5
    assert found.row("symmetric").asked > 1


def test_who_breaks_one_thing_breaks_no_other() -> None:
    """What a check says is about what it is called: the idler wakes, acts legally, sees no truth."""
    found = rtsched.check_scheduler(policies.Idler, systems=8, others=False, shrink=False)
    assert found.failed == ("work-conserving",)


def test_who_never_comes_back_is_stopped_at_the_first_system() -> None:
    found = checked(policies.Endless, "ends", limit=0.2)
    assert found.failed == ("ends",)
    assert found.systems == 1
    assert found.hung
    assert found.row("ends").example.text == "no end within 0.2 s of this machine's time"  # type: ignore[union-attr]


def test_who_wakes_for_ever_for_nothing_has_lost_a_wake_up() -> None:
    system = {
        "platform": "uniprocessor",
        "tasks": [{"name": "a", "wcet": "1 ns", "release": "0 ns", "deadline": "5 ns"}],
    }
    found = rtsched.check_scheduler(policies.Restless, system=system, others=False)
    example = found.row("wake-ups").example
    assert found.failed == ("wake-ups",)
    assert example is not None
    assert example.text.endswith(
        "node 'a' of job 0 of 'a' is ready, and processor 'cpu', where it could run, idles from 0 ns on"
    )


def test_a_set_of_names_is_found_by_another_process() -> None:
    found = rtsched.check_scheduler(policies.Hashed, systems=12, only=["determinism"])
    assert found.failed == ("determinism",)
    assert "another process has another trace" in found.row("determinism").example.text  # type: ignore[union-attr]
