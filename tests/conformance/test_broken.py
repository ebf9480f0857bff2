"""Every broken policy fails, by the check that is about what it breaks, in a small system; what is sound passes."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.conformance.candidate import candidate
from rtsched.conformance.checks import CHECKS
from rtsched.conformance.drawing import drawn
from rtsched.conformance.judge import answer_of
from rtsched.conformance.result import Example
from rtsched.conformance.trial import trial_of
from rtsched.verify.documents import weight
from tests.conformance.broken import parts, policies


def first(policy: type, check: str) -> Example:
    """The first random system in which a check does not hold; far enough on there is one for everybody."""
    who = candidate(policy)
    asked = next(each for each in CHECKS if each.name == check)
    for number in range(400):
        document, seed = drawn(0, number, who.make())
        trial = trial_of(who, document, seed)
        text = answer_of(asked, trial)
        if text:
            return Example(text, trial, number)
    raise AssertionError(f"{check} holds everywhere")


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
    (policies.Hasty, "sustainable-release", "ns later, job"),
    (policies.Hasty, "sustainable-processors", "with one more of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "check", "says"), BROKEN, ids=[f"{policy.__name__}-{check}" for policy, check, _ in BROKEN]
)
def test_a_broken_policy_fails_for_the_right_reason(policy: type, check: str, says: str) -> None:
    example = first(policy, check)
    assert says in example.text
    found = rtsched.check_scheduler(
        policy, system=example.trial.document, seed=example.trial.seed, only=[check], others=False
    )
    assert found.failed == (check,)
    assert not found.fits
    assert says in found.row(check).example.text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("policy", "check", "tasks"), [(policies.Idler, "work-conserving", 1), (policies.Loser, "wake-ups", 2)]
)
def test_what_is_wrong_is_shown_in_the_smallest_system(policy: type, check: str, tasks: int) -> None:
    """An idler needs one job to be late for, a loser one to take off and one that comes."""
    found = rtsched.check_scheduler(policy, systems=4, only=[check], others=False)
    example = found.row(check).example
    assert example is not None
    assert example.small
    assert len(example.trial.document["tasks"]) == tasks
    assert len(example.trial.document["platform"]["processors"]) == 1
    assert weight(example.trial.document)[0] < 20


def test_the_sound_one_passes_everything() -> None:
    found = rtsched.check_scheduler(policies.Sound, systems=6, others=False, shrink=False)
    assert found.fits
    assert found.failed == ()
    assert found.row("work-conserving").outcome == "fits"
    assert found.row("work-conserving").asked > 1


def test_who_breaks_one_thing_breaks_no_other() -> None:
    """What a check says is about what it is called: the idler wakes, acts legally, sees no truth."""
    found = rtsched.check_scheduler(policies.Idler, systems=4, others=False, shrink=False)
    assert found.failed == ("work-conserving",)


def test_who_never_comes_back_is_stopped_at_the_first_system() -> None:
    found = rtsched.check_scheduler(policies.Endless, only=["ends"], limit=0.2)
    assert found.failed == ("ends",)
    assert found.systems == 1
    assert found.hung
    assert found.row("ends").example.text == "no end within 0.2 s of this machine's time"  # type: ignore[union-attr]


def test_who_wakes_for_ever_for_nothing_has_lost_a_wake_up() -> None:
    system = {
        "platform": "uniprocessor",
        "tasks": [{"name": "a", "wcet": "1 ns", "release": "0 ns", "deadline": "5 ns"}],
    }
    found = rtsched.check_scheduler(policies.Restless, system=system, only=["ends", "wake-ups"])
    example = found.row("wake-ups").example
    assert found.failed == ("wake-ups",)
    assert example is not None
    assert example.text.endswith(
        "node 'a' of job 0 of 'a' is ready, and processor 'cpu', where it could run, idles from 0 ns on"
    )


def test_a_set_of_names_is_found_by_another_process() -> None:
    found = rtsched.check_scheduler(policies.Hashed, systems=6, only=["determinism"])
    assert found.failed == ("determinism",)
    assert "another process has another trace" in found.row("determinism").example.text  # type: ignore[union-attr]
