"""What came of checking a policy: a row for each check, the smallest examples, and what its decisions cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtsched import __version__
from rtsched.display import Displayed
from rtsched.verify.replay import document_yaml
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.conformance.checks import Check
    from rtsched.conformance.trial import Trial


@dataclass(frozen=True)
class Example:
    """A system in which a check does not hold, and what is seen there; the smallest one found where `small` is set."""

    text: str
    trial: Trial = field(repr=False)
    number: int = 0
    small: bool = False

    @property
    def yaml(self) -> str:
        """The system as a file."""
        return document_yaml(self.trial.document) if self.trial.document else ""


@dataclass
class Finding:
    """One check: of how many systems it was asked, in how many it does not hold, and the first of these."""

    check: Check
    claimed: bool
    asked: int = 0
    broken: int = 0
    example: Example | None = None

    @property
    def fails(self) -> bool:
        """Whether that is a fault: of what every policy must keep, or of what this one claims."""
        return bool(self.broken) and (self.claimed or not self.check.is_claim)

    @property
    def outcome(self) -> str:
        """The answer in a word or two."""
        if not self.asked:
            return "not asked"
        if self.fails:
            return f"FAILS in {self.broken}"
        if self.broken:
            return f"does not hold in {self.broken}"
        return "fits" if self.claimed or not self.check.is_claim else "holds"


@dataclass
class Conformance(Displayed):
    """Whether a policy keeps the contracts that every policy must keep, and what it claims of itself.

    `refused` of the `systems` were not for it, for the `refusal` that the first of them met; `costs` are the ns of this
    machine's time that its decisions took. `elsewhere` says how other processes were asked, or why they were not.
    """

    policy: str
    command: str | None
    claims: tuple[str, ...]
    seed: int
    systems: int = 0
    refused: int = 0
    refusal: str = ""
    rows: list[Finding] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    elsewhere: str = ""
    #: what happened in each system, by number: for another process to compare
    digests: dict[int, str] = field(default_factory=dict, repr=False)
    hung: bool = False

    @property
    def failed(self) -> tuple[str, ...]:
        """The checks that it fails, by name."""
        return tuple(row.check.name for row in self.rows if row.fails)

    @property
    def fits(self) -> bool:
        """Whether it was checked on anything, and fails nothing."""
        return self.refused < self.systems and not self.failed

    def row(self, check: str) -> Finding:
        """The row of a check, by its name."""
        return next(row for row in self.rows if row.check.name == check)

    def cost(self) -> dict[str, float | int]:
        """Decisions in all, how many a second, and the median and 99th percentile of their cost in ns of host time."""
        costs = sorted(self.costs) or [0]
        return {
            "decisions": len(self.costs),
            "a_second": round(len(self.costs) * 1e9 / max(1, sum(costs))),
            "median_ns": costs[len(costs) // 2],
            "p99_ns": costs[len(costs) * 99 // 100],
        }

    def to_dict(self, *, cost: bool = False) -> dict[str, Any]:
        """For JSON: without clock or path, so that two runs can be compared, but for the `cost` if it is asked for."""
        made: dict[str, Any] = {
            "format": 1,
            "version": __version__,
            "policy": self.policy,
            "claims": list(self.claims),
            "seed": self.seed,
            "systems": self.systems,
            "refused": self.refused,
            "refusal": self.refusal or None,
            "fits": self.fits,
            "failed": list(self.failed),
            "other_process": self.elsewhere,
            "checks": [_row(row) for row in self.rows],
        }
        return made | ({"cost": self.cost()} if cost else {})

    def __repr__(self) -> str:
        what = "fits" if self.fits else f"fails {', '.join(self.failed)}" if self.failed else "not checked"
        return f"<Conformance of {cut(self.policy)!r} on {self.systems} systems: {what}>"

    def __str__(self) -> str:
        from rtsched.conformance.words import lines

        return "\n".join(lines(self))


def _row(row: Finding) -> dict[str, Any]:
    found = row.example
    return {
        "check": row.check.name,
        "question": row.check.question,
        "claimed": row.claimed if row.check.is_claim else None,
        "outcome": row.outcome,
        "asked": row.asked,
        "broken": row.broken,
        "fails": row.fails,
        "example": found
        and {
            "text": found.text,
            "number": found.number,
            "seed": found.trial.seed,
            "smallest": found.small,
            "yaml": found.yaml,
        },
    }
