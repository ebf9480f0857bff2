"""What a policy went by, recorded when asked for: how urgent each node was to it, and why jobs were dropped."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Rank(NamedTuple):
    """How urgent a node was: `key`, smaller before larger; whether a locking protocol lent it; when it came to wait."""

    time: int
    key: tuple[Any, ...]
    lent: bool = False


class Gone(NamedTuple):
    """Why a job was given up: `why` is one of ``GONE``.

    Its deadline was `left` ns away, and its own work as believed was `own` ns, at the quickest; `expected` is the
    instant at which the policy expected its end (None: not said).
    """

    why: str
    left: int
    own: int
    expected: int | None = None


#: Why jobs are given up: by their task's `on_miss` or `on_fault`, or by the policy.
GONE = {
    "deadline": "its deadline had passed (on_miss)",
    "skip": "the job before it missed (on_miss: skip_next)",
    "hopeless": "not even alone, at the quickest and as planned, could it be in time (on_miss: drop_if_hopeless)",
    "fault": "what it ran on failed (on_fault: drop)",
    "policy": "the policy gave it up",
}


@dataclass(frozen=True)
class Reasons:
    """The ranks of every (job, node) by time, and what the parts of such a rank are called (`names`).

    There are none of policies that do not compare ranks that stand; `preemption` is the policy's. `gone` says of every
    job that was given up why it was.
    """

    preemption: str
    names: tuple[str, ...] = ()
    ranks: dict[tuple[int, int], list[Rank]] = field(default_factory=dict)
    gone: dict[int, Gone] = field(default_factory=dict)

    def rank(self, who: tuple[int, int], time: int) -> Rank | None:
        """How urgent a node was at an instant; None: nobody knows."""
        those = self.ranks.get(who, [])
        index = bisect_right(those, time, key=_time) - 1
        return those[index] if index >= 0 else None

    def own(self, who: tuple[int, int]) -> Rank | None:
        """How urgent a node is by itself."""
        return next((rank for rank in self.ranks.get(who, ()) if not rank.lent), None)


def _time(rank: Rank) -> int:
    return rank.time
