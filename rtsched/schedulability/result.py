"""What a schedulability analysis says: a verdict of three, bounds whose parts sum, evidence and assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from rtsched import units

Verdict = Literal["schedulable", "unschedulable", "unknown"]
Strength = Literal["exact", "sufficient", "necessary"]
ContributionKind = Literal["own", "blocking", "interference", "jitter", "suspension", "overhead"]

#: The parts of a bound, in the order in which reports show them.
KINDS: tuple[ContributionKind, ...] = ("own", "blocking", "interference", "suspension", "jitter", "overhead")


@dataclass(frozen=True, slots=True)
class Contribution:
    """A share of a response-time bound: `amount` ns caused by `source` (a task, a region, a driver)."""

    kind: ContributionKind
    source: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What is known of one task: its worst-case response time from the arrival, in ns, and what it consists of.

    `wcrt` None: no finite bound was found (`converged` False), or the theorem gives a verdict without one. The amounts
    of `parts` sum to `wcrt`. `test` names the theorem, `exact` says whether the value is attained.
    """

    task: str
    wcrt: int | None
    deadline: int
    parts: tuple[Contribution, ...] = ()
    converged: bool = True
    test: str = ""
    exact: bool = False

    def __post_init__(self) -> None:
        if self.parts and sum([part.amount for part in self.parts]) != self.wcrt:
            raise AssertionError(f"the parts of the bound of {self.task!r} do not sum to {self.wcrt}: {self.parts}")

    def of(self, test: str) -> Bound:
        """The same, given by the theorem `test` (as `replace` would have it, at a third of its cost)."""
        return Bound(self.task, self.wcrt, self.deadline, self.parts, self.converged, test, self.exact)

    @property
    def slack(self) -> int | None:
        """Deadline minus bound in ns; negative where the bound is late."""
        return None if self.wcrt is None else self.deadline - self.wcrt

    @property
    def largest(self) -> Contribution | None:
        """The part, other than its own execution, that contributes most."""
        others = [part for part in self.parts if part.kind != "own" and part.amount > 0]
        return max(others, key=lambda part: part.amount, default=None)

    def total(self, kind: ContributionKind) -> int:
        """The sum of the parts of one kind, in ns."""
        return sum(part.amount for part in self.parts if part.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "task": self.task,
            "wcrt_ns": self.wcrt,
            "deadline_ns": self.deadline,
            "slack_ns": self.slack,
            "exact": self.exact,
            "test": self.test,
            "converged": self.converged,
            "parts": [{"kind": part.kind, "source": part.source, "amount_ns": part.amount} for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something a proof rests on: ``checked`` by the tool on this very model, or ``declared``, to be signed.

    `id` names it from one report to the next, `evidence` is what a source says of it. `against`: the source says
    something else than the proof assumes. `state`, `owner` and `how` are what a person says of it.
    """

    text: str
    status: Literal["checked", "declared"] = "checked"
    by: str = ""
    id: str = ""
    evidence: str = ""
    against: bool = False
    state: Literal["open", "validated", "violated"] = "open"
    owner: str = ""
    how: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the sentence, whether it was checked, by what, its name, what a source and a person say of it."""
        return {
            "id": self.id,
            "text": self.text,
            "status": self.status,
            "by": self.by,
            "evidence": self.evidence,
            "against": self.against,
            "state": self.state,
            "owner": self.owner,
            "how": self.how,
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a verdict holds: a theorem, a counterexample, or an exhaustive search."""

    kind: Literal["theorem", "counterexample", "exhaustive"]
    test: str
    citation: str
    strength: Strength

    def to_dict(self) -> dict[str, str]:
        """For JSON: the theorem (or search), where it stands, and how strong it is."""
        return {"kind": self.kind, "test": self.test, "citation": self.citation, "strength": self.strength}


@dataclass(frozen=True, slots=True)
class Failure:
    """The first task that fails, in words: what it needs, what there is (ns), and what to do about it."""

    task: str
    why: str
    needed: int | None = None
    available: int | None = None
    hint: str = ""
    trace: Any = None

    def __str__(self) -> str:
        return f"{self.why}; {self.hint}" if self.hint else self.why

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "task": self.task,
            "why": self.why,
            "needed_ns": self.needed,
            "available_ns": self.available,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one theorem, or of several combined. Compare `verdict`; a Result has no truth value."""

    verdict: Verdict
    bounds: tuple[Bound, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    first_failure: Failure | None = None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> NoReturn:
        raise TypeError("a Result is three-valued: compare .verdict with 'schedulable', 'unschedulable' or 'unknown'")

    def bound(self, task: str) -> Bound:
        """The bound of a task by name; KeyError if there is none."""
        for bound in self.bounds:
            if bound.task == task:
                return bound
        raise KeyError(task)

    @property
    def responses(self) -> list[int | None]:
        """The response-time bounds in ns, in the order of the model's tasks."""
        return [bound.wcrt for bound in self.bounds]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "bounds": [bound.to_dict() for bound in self.bounds],
            "evidence": [item.to_dict() for item in self.evidence],
            "assumptions": [item.to_dict() for item in self.assumptions],
            "first_failure": None if self.first_failure is None else self.first_failure.to_dict(),
            "details": self.details,
        }


def unknown(reason: str, bounds: Sequence[Bound] = ()) -> Result:
    """No theorem decides; `reason` says why."""
    return Result("unknown", tuple(bounds), reason=reason)


def from_bounds(bounds: Sequence[Bound], *, exact: bool) -> Result:
    """The verdict that response-time bounds give: an exact bound over a deadline is a no, a sufficient one unknown."""
    bounds = tuple(replace(bound, exact=exact) if bound.exact != exact else bound for bound in bounds)
    failed = next((bound for bound in bounds if bound.wcrt is None or bound.wcrt > bound.deadline), None)
    if failed is None:
        return Result("schedulable", bounds)
    failure = explain(failed)
    return Result(
        "unschedulable" if exact else "unknown", bounds, first_failure=failure, reason="" if exact else failure.why
    )


def explain(bound: Bound) -> Failure:
    """Why a task fails, with the largest contributor."""
    deadline = units.format_duration(bound.deadline, digits=6)
    if bound.wcrt is None:
        return Failure(
            bound.task, f"no response time within {deadline} can be shown for {bound.task!r}", None, bound.deadline
        )
    response = units.format_duration(bound.wcrt, digits=6)
    late = units.format_duration(bound.wcrt - bound.deadline, digits=6)
    hint = ""
    largest = bound.largest
    if largest is not None:
        amount = units.format_duration(largest.amount, digits=6)
        hint = f"largest contributor: {largest.kind} by {largest.source}, {amount}"
    why = f"{bound.task!r} may need {response} and has {deadline}, {late} too little"
    return Failure(bound.task, why, bound.wcrt, bound.deadline, hint)
