"""What a policy went by, recorded when asked for: how urgent each node was to it, and why jobs were dropped."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple


class Rank(NamedTuple):
    """How urgent a node was: `key`, smaller before larger; whether a locking protocol lent it; when it came to wait."""

    time: int
    key: tuple[Any, ...]
    lent: bool = False


#: So many characters of the reason that a policy gives are kept.
LONGEST_REASON: Final = 200


class Gone(NamedTuple):
    """Why a job was given up: `why` is one of ``GONE``.

    Its deadline was `left` ns away, and its own work as believed was `own` ns, at the quickest; `expected` is the
    instant at which the policy expected its end, `reason` what it said of it, on one line (None: not said).
    """

    why: str
    left: int
    own: int
    expected: int | None = None
    reason: str | None = None


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
    """What a policy went by: its `preemption`, and what the parts of its ranks are called (`names`).

    `pools` are the processors that share a queue of what is ready, by number; empty: the policy has no such queues.

    `rows` are the ranks one after the other, as (time, job, node, lent, key), five numbers and keys each; there are
    none of policies that do not compare ranks that stand. `gone` says of every job that was given up why it was.

    `rules` are, by processor, the order, the preemption and the names of ranks (None: none stand), where these differ;
    ranks of two nodes then compare only under the same rule.
    """

    preemption: str
    names: tuple[str, ...] = ()
    rows: list[Any] = field(default_factory=list)
    gone: dict[int, Gone] = field(default_factory=dict)
    pools: tuple[tuple[int, ...], ...] = ()
    rules: tuple[tuple[str, str, tuple[str, ...] | None], ...] = ()

    def mode(self, place: int) -> str:
        """How the policy preempts on a processor."""
        return self.rules[place][1] if self.rules else self.preemption

    def called(self, place: int) -> tuple[str, ...] | None:
        """What the parts of ranks are called on a processor; None: ranks do not stand there."""
        return self.rules[place][2] if self.rules else self.names

    @cached_property
    def ranks(self) -> dict[tuple[int, int], list[Rank]]:
        """The ranks of every (job, node) by time."""
        found: dict[tuple[int, int], list[Rank]] = {}
        each = iter(self.rows)
        for time, job, node, lent, key in zip(each, each, each, each, each, strict=True):
            found.setdefault((job, node), []).append(Rank(time, key, lent))
        return found

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
