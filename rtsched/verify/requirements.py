"""What is required, one by one: each deadline, each limit of misses or of a chain; what is proven, what was seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rtsched import units
from rtsched.columns import aligned
from rtsched.model.misses import Misses, not_of_each
from rtsched.model.origin import CONDITIONAL, PROVING, weakest
from rtsched.model.quantities import QUANTITIES, trigger_path
from rtsched.model.taskgraph import Basis
from rtsched.schedulability.lowering.system_chains import bound_of, test_of
from rtsched.schedulability.result import Verdict
from rtsched.verify.basis import basis_of
from rtsched.verify.loads import Load, judged
from rtsched.verify.verification import Verification
from rtsched.visible import cut

#: Of what a requirement can be.
SYSTEM, TASK, CHAIN, LOAD = "system", "task", "chain", "load"
#: The quantity of a task that counts misses.
MISSES = "misses"


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a load, per server: the limit, the most that is asked for (None: not bounded), and what is left."""

    limit: float
    bound: float | None
    slack: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Of any `of` jobs of a task in a row: how many may miss, do at most (None: not bounded), and were seen to."""

    limit: int
    of: int
    bound: int | None
    slack: int | None
    observed: int | None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One limit on one quantity of a task or a chain, or on all of a system; times in ns.

    `quantity` is ``response``, a code of `rtsched.model.quantities`, or ``all``; it lies between the events `begins`
    and `ends`. `bound` holds for every run, `observed` is the longest of `count` that were seen (a lower bound on the
    worst). `slack` is the limit less the bound. `basis` is the weakest of what the execution times claim that it rests
    on. `reason` says why it is not proven. A limit of None: the id names something of which nothing is required.
    Beside what the file says is `violated` nothing is proven. Of a load (``utilisation``) limit, bound and slack stand
    in `shares`, and none of them is a time; of ``misses`` in `counts`.
    """

    id: str | None
    of: str
    name: str
    quantity: str
    called: str
    begins: str
    ends: str
    sampling: str
    limit: int | None
    bound: int | None
    slack: int | None
    observed: int | None
    count: int
    observed_in: str
    verdict: Verdict
    basis: Basis
    test: str
    reason: str
    shares: Shares | None = None
    counts: Counts | None = None
    violated: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether it is kept in every run, for execution times of which a proof is one."""
        return self.verdict == "schedulable" and self.basis in PROVING and not self.violated

    @property
    def word(self) -> str:
        """``proven``, ``conditional`` (on what was measured), ``met, no proof``, ``refuted`` or ``open``."""
        if self.verdict == "schedulable":
            conditional = self.basis in CONDITIONAL and not self.violated
            return "proven" if self.proven else "conditional" if conditional else "met, no proof"
        return "refuted" if self.verdict == "unschedulable" else "open"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        times = ("limit", "bound", "slack", "observed")
        made = {f"{key}_ns" if key in times else key: value for key, value in asdict(self).items()}
        del made["violated"]  # it stands once, at the top
        return made

    def told(self, what: Literal["limit", "bound", "slack", "observed"]) -> str:
        """A time, of a load a share, of misses how many; a dash where there is none."""
        if self.counts is not None:
            number = getattr(self.counts, what)
            return "–" if number is None else str(number)
        if self.shares is None or what == "observed":
            return time(getattr(self, what))
        share = getattr(self.shares, what)
        return "–" if share is None else f"{100 * share:.4g} %"


def requirements(found: Verification) -> tuple[Requirement, ...]:
    """All of them: of the system where it has an id, of each task deadline and misses, of chains and loads limits."""
    made = [] if found.system.id is None else [_whole(found)]
    for index, task in enumerate(found.system.tasks):
        made.append(_deadline(found, index))
        if task.misses is not None:
            made.append(_misses(found, index, task.misses))
    for place, chain in enumerate(found.system.chains):
        made += [_limit(found, place, code) for code in chain.limits]
        if chain.id is not None and not chain.limits:
            made.append(_nothing(found, place))
    made += map(_load, judged(found))
    return tuple(_beside(found.violated, each) for each in made)


def _beside(violated: tuple[str, ...], each: Requirement) -> Requirement:
    """A requirement beside assumptions that do not hold, which say why it is not proven where nothing else does."""
    if not violated:
        return each
    return replace(each, violated=violated, reason=each.reason or f"violated: {', '.join(violated)}")


def stated(found: Verification) -> tuple[Requirement, ...]:
    """Those that somebody has stated: with an id, or as a limit of a chain, of a load or of misses."""
    those = requirements(found)
    return tuple(each for each in those if each.id is not None or each.of in (CHAIN, LOAD) or each.quantity == MISSES)


def missing(found: Verification) -> str:
    """The limits of misses in a row in a few words, those first that are broken."""
    those = [each for each in requirements(found) if each.quantity == MISSES]
    told = {word: [each.name for each in those if each.word == word] for word in MISSING}
    return "; ".join(f"{word}: {', '.join(map(cut, names))}" for word, names in told.items() if names)


#: The words of limits of misses, as they are told.
MISSING = ("refuted", "open", "met, no proof", "conditional", "proven")
HEADER = ("requirement", "of", "quantity", "limit", "bound", "slack", "seen", "n", "verdict")


def rows(those: tuple[Requirement, ...]) -> list[list[str]]:
    """A row each: what is required, what is proven, what was seen."""
    return [
        [
            each.id or "–",
            each.name,
            each.called
            if each.quantity in ("response", "all", "utilisation", MISSES)
            else f"{each.called} ({each.quantity})",
            each.told("limit"),
            each.told("bound"),
            each.told("slack"),
            each.told("observed"),
            str(each.count) if each.told("observed") != "–" else "–",
            each.word,
        ]
        for each in those
    ]


def table(found: Verification) -> list[str]:
    """The requirements that somebody has stated as text: a row each, and why those are open that are."""
    those = stated(found)
    if not those:
        return []
    why = [f"{each.id or each.name}, {each.called}: {each.word}, {each.reason}" for each in those if each.reason]
    return [aligned([list(HEADER), *rows(those)], names=(0, 1, 2)), *dict.fromkeys(why)]


def time(value: int | None) -> str:
    """A duration to four digits; a dash where there is none."""
    return "–" if value is None else units.format_duration(value, digits=4)


# ---- one of them -----------------------------------------------------------------------------------------------------


def _whole(found: Verification) -> Requirement:
    parts = _parts_of_whole(found)
    limits = [each for each in parts if each.of == LOAD]
    verdict, basis = found.verdict, weakest([found.basis, *(each.basis for each in limits)])
    if any(each.verdict == "unschedulable" for each in limits):
        verdict = "unschedulable"
    elif verdict == "schedulable" and any(each.verdict == "unknown" for each in limits):
        verdict = "unknown"
    open_ones = [each for each in parts if each.verdict != "schedulable"]
    reason = f"deadlines and limits that are not proven: {len(open_ones)}" if verdict != "schedulable" else ""
    return Requirement(
        id=found.system.id, of=SYSTEM, name=found.system.name, quantity="all",
        called="all deadlines and chains" + " and loads" * bool(limits), begins="", ends="", sampling="",
        limit=None, bound=None, slack=None, observed=None, count=0, observed_in="",
        verdict=verdict, basis=basis, test="", reason=reason,
    )  # fmt: skip


def _load(load: Load) -> Requirement:
    limit, most = load.limit, load.most
    left = None if most is None else float(limit.max_utilisation - most)
    return Requirement(
        id=limit.id, of=LOAD, name=limit.of, quantity="utilisation", called="utilisation",
        begins="", ends="", sampling="",
        limit=None, bound=None, slack=None, observed=None, count=0, observed_in="",
        verdict=load.verdict, basis=load.basis, test="sum of C/T", reason=load.reason,
        shares=Shares(float(limit.max_utilisation), None if most is None else float(most), left),
    )  # fmt: skip


def _parts_of_whole(found: Verification) -> list[Requirement]:
    made = [_deadline(found, index) for index in range(len(found.system.tasks))]
    chains = enumerate(found.system.chains)
    made += [_limit(found, place, code) for place, chain in chains for code in chain.limits]
    return made + list(map(_load, judged(found)))


def _deadline(found: Verification, index: int) -> Requirement:
    task, bound, seen = found.system.tasks[index], found.bounds[index], found.observation
    worst = None if seen is None else seen.worst[index]
    count = 0 if seen is None else seen.ended[index]
    verdict = found.task_verdict(index)
    why = "" if verdict == "schedulable" else _why(found, index)
    if why and task.misses is not None:
        why = f"{not_of_each(task.misses.most, task.misses.of)}: {why}"
    return Requirement(
        id=task.id, of=TASK, name=task.name, quantity="response", called="response time",
        begins="the arrival of a job", ends="the end of that job", sampling="",
        limit=task.deadline, bound=bound.wcrt, slack=bound.slack,
        observed=None if worst is None else worst.response, count=count, observed_in="" if worst is None else worst.run,
        verdict=verdict, basis=_basis(found, [index]),
        test=bound.test or ", ".join(found.analysis.part_of(task.name).proven_by()[:1]),
        reason=why,
    )  # fmt: skip


def _misses(found: Verification, index: int, limit: Misses) -> Requirement:
    """What is required of misses in a row: broken in a run, kept by a theorem (or where none can be), or open."""
    task, bound = found.system.tasks[index], found.analysis.misses[index]
    seen = None if found.observation is None else found.observation.windows.get(index)
    verdict: Verdict = "unknown"
    reason = ""
    if seen is not None and seen.misses > limit.most:
        verdict, reason = "unschedulable", f"{seen.misses} of {limit.of} jobs in a row missed in a run: {seen.run}"
    elif bound.most is None:
        reason = bound.reason
    elif bound.most <= limit.most:
        verdict = "schedulable"
    else:
        reason = f"up to {bound.most} of {limit.of} jobs in a row may miss by {bound.test} (allowed: {limit.most})"
    slack = None if bound.most is None else limit.most - bound.most
    return Requirement(
        id=task.id, of=TASK, name=task.name, quantity=MISSES, called=f"misses of any {limit.of} jobs",
        begins="", ends="", sampling="",
        limit=None, bound=None, slack=None, observed=None, count=0 if seen is None else seen.count,
        observed_in="" if seen is None else seen.run,
        verdict=verdict, basis=_basis(found, [index]), test=bound.test, reason=reason,
        counts=Counts(limit.most, limit.of, bound.most, slack, None if seen is None else seen.misses),
    )  # fmt: skip


def _why(found: Verification, index: int) -> str:
    """Why a task is not proven to be in time."""
    name = found.system.tasks[index].name
    seen = 0 if found.observation is None else found.observation.misses[index]
    if found.counterexample is not None and found.counterexample.task == name:
        return str(found.counterexample)
    if seen:
        return f"{seen} missed deadlines were seen"
    bound, result = found.bounds[index], found.analysis.part_of(name).result
    if bound.wcrt is not None and bound.wcrt > bound.deadline:
        return f"its bound {time(bound.wcrt)} is beyond its deadline {time(bound.deadline)}"
    return str(result.first_failure) if result.first_failure is not None else result.reason or "no test proves it"


def _limit(found: Verification, place: int, code: str) -> Requirement:
    chain, result, about = found.system.chains[place], found.analysis.chains[place], QUANTITIES[code]
    limit, bound, seen = chain.limits[code], bound_of(result, code), found.worst_chain(place)
    worst, verdict = seen[code], found.end_verdict(place, code)
    reason = ""
    if verdict == "unschedulable":
        lost = code == "triggered" and seen.lost and (worst.time is None or worst.time <= limit)
        reason = f"{seen.lost} jobs were lost on the way" if lost else f"{time(worst.time)} in a run: {worst.run}"
    elif verdict == "unknown":
        reason = result.reason if bound is None else f"its bound {time(bound)} is beyond {time(limit)}"
    return Requirement(
        id=chain.id, of=CHAIN, name=chain.name, quantity=code, called=about.name,
        begins=about.begins, ends=about.ends, sampling=about.sampling,
        limit=limit, bound=bound, slack=None if bound is None else limit - bound,
        observed=worst.time, count=worst.count, observed_in=worst.run,
        verdict=verdict, basis=_basis(found, chain.tasks),
        test="sum of responses" if code == "triggered" else test_of(result, code), reason=reason,
    )  # fmt: skip


def _nothing(found: Verification, place: int) -> Requirement:
    chain = found.system.chains[place]
    keys = ", ".join(each.key for each in QUANTITIES.values())
    return Requirement(
        id=chain.id, of=CHAIN, name=chain.name, quantity="all", called="no quantity",
        begins="", ends="", sampling="",
        limit=None, bound=None, slack=None, observed=None, count=0, observed_in="",
        verdict="unknown", basis=_basis(found, chain.tasks), test="",
        reason=f"nothing is required of it; limit one of {keys}",
    )  # fmt: skip


def _basis(found: Verification, tasks: list[int] | tuple[int, ...]) -> Basis:
    """The weakest of the execution times on which bounds of these tasks depend."""
    after = [task.after for task in found.system.tasks]
    behind = set(trigger_path(after, tasks) or tasks) | set(tasks)
    return basis_of(found, sorted(behind))
