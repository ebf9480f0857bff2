"""A change of a file that makes more of it provable: in words, with its cost, and as the user can apply it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rtsched.model.taskgraph import Basis
from rtsched.schedulability.result import Verdict

#: The kinds of changes, the gentlest first: in this order they are tried, and told.
KINDS = (
    "priorities", "policy", "processor", "pins", "clock", "split", "variant", "board", "shorten", "period", "faster"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is worth a try: each of `settings` is a ``PATH=VALUE`` for ``--set``.

    `carried`: the tasks whose times were not measured where the change takes them.
    """

    kind: str
    text: str
    cost: str
    settings: tuple[str, ...]
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A change that makes `part` provable (``system``: everything), as an analysis of the changed file showed.

    `kind` is its sort (of a combination both, joined by ``+``), `text` says what to do and `cost` what that costs.
    `settings` are the change itself, each a ``PATH=VALUE`` for ``--set``. With it the whole system has this `verdict`
    and `basis`, and `gained` are the tasks (and chains) that are proven only then.
    """

    part: str
    kind: str
    text: str
    cost: str
    settings: tuple[str, ...]
    verdict: Verdict
    basis: Basis
    gained: tuple[str, ...]

    @property
    def options(self) -> str:
        """The change as it is written on a command line."""
        return " ".join(f"--set {shlex.quote(each)}" for each in self.settings)

    @property
    def status(self) -> str:
        """What was verified."""
        if self.part == "system":
            return "verified: with it everything is provable"
        return f"verified: with it {self.part} is provable, and nothing else is lost"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "part": self.part,
            "kind": self.kind,
            "text": self.text,
            "cost": self.cost,
            "set": list(self.settings),
            "verdict": self.verdict,
            "basis": self.basis,
            "gained": list(self.gained),
        }


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions of a system, the gentlest first, and how many changes were tried for them, of at most so many."""

    made: tuple[Action, ...] = ()
    tried: int = 0
    most: int = 0

    def __iter__(self) -> Iterator[Action]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)

    @property
    def ended_early(self) -> bool:
        """Whether more changes were left to be tried."""
        return self.tried >= self.most > 0

    @property
    def note(self) -> str:
        """How much was tried, in a sentence."""
        if not self.tried:
            return "No change was tried."
        count = "One change was" if self.tried == 1 else f"{self.tried} changes were"
        end = "; the search ended there, and others may help" if self.ended_early else ""
        return f"{count} tried, each by analysing the changed file{end}."
