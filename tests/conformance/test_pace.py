"""Too many events: of a policy that gets on with its work, and of one that does not."""

from __future__ import annotations

from typing import Any

import rtsched
from tests.conformance.broken import policies

#: Two jobs of 2 ms, which may take turns on one processor.
TURNS = {
    "platform": "uniprocessor",
    "tasks": [
        {"name": name, "wcet": "2 ms", "release": "0 ms", "deadline": f"{due} ms"} for name, due in (("a", 5), ("b", 6))
    ],
}


class Polling(policies.Sound):
    """Serves who comes first, and looks every ns whether there is anything new."""

    def dispatch(self) -> None:
        super().dispatch()
        self.soc.wake_at(self.soc.now + 1)


class Undecided(policies.Sound):
    """Begins with one, throws away what it has done a ns later, and begins with the other."""

    preemption = "preemptive"

    def choose(self, waiting: list[Any]) -> list[Any]:
        return waiting[:: 1 if self.soc.now % 2 else -1]

    def dispatch(self) -> None:
        processor = self.soc.processors[0]
        if processor.segment is not None:
            self.soc.preempt(processor, "kill")
        super().dispatch()
        self.soc.wake_at(self.soc.now + 1)


def test_turns_of_a_nanosecond_are_not_for_systems_of_milliseconds() -> None:
    for name in ("rr", "llf"):
        policy = {"ordering": {"name": name, "quantum": "1 ns"}}
        found = rtsched.check_scheduler(policy, system=TURNS, others=False)
        assert (found.refused, found.failed) == (1, ())
        assert found.refusal == (
            "it gets on, but needs more than the 50,000 events that are looked at; give it longer turns"
        )
    assert rtsched.check_scheduler(Polling, system=TURNS).refused == 1


def test_longer_turns_are_looked_at() -> None:
    found = rtsched.check_scheduler({"ordering": {"name": "rr", "quantum": "100 us"}}, system=TURNS, others=False)
    assert (found.fits, found.refused) == (True, 0)


def test_a_turn_of_a_nanosecond_conforms_where_times_are_as_short() -> None:
    found = rtsched.check_scheduler(
        {"ordering": {"name": "rr", "quantum": "1 ns"}}, systems=4, others=False, shrink=False, only=["ends", "rules"]
    )
    assert found.fits
    assert found.row("ends").asked == 4


def test_who_never_gets_on_has_no_end() -> None:
    found = rtsched.check_scheduler(Undecided, system=TURNS, only=["ends"])
    assert found.failed == ("ends",)
    assert "more than 50000 events" in found.row("ends").example.text  # type: ignore[union-attr]
    assert rtsched.check_scheduler(policies.Restless, system=TURNS, only=["wake-ups"]).failed == ("wake-ups",)
