"""What a verdict rests on: what the tool checked, and what a person has to sign."""

from __future__ import annotations

from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorem import theorems
from rtsched.verify.verification import Verification


def assumptions(found: Verification) -> list[Assumption]:
    """All assumptions: those checked while the system was lowered, then the declared ones."""
    checked: dict[str, Assumption] = {}
    for part in found.analysis.parts:
        for item in part.result.assumptions:
            checked.setdefault(item.text, item)
    return [*checked.values(), *declared(found)]


def declared(found: Verification) -> list[Assumption]:
    """What cannot be checked from a file: what times claim to be, contention, clocks, the platform's behaviour."""
    described, system = found.loaded.system, found.system
    texts = times(found)
    if any(task.release is None for task in system.tasks):
        texts.append("arrivals of a task are never closer than its period, in any phase to the others")
    if described.overheads == type(described.overheads)():
        texts.append(
            "switches, interrupts and drivers cost nothing beyond the execution times (no overheads are given)"
        )
    if len(system.processors) > 1:
        texts.append("the execution times were measured under the contention for memory that the whole system causes")
    texts.append("clocks and temperature stay where the execution times were measured")
    if any(task.after is None and task.release is None and task.count is None for task in system.tasks):
        texts.append("the scheduler does what the policy says: work-conserving, with the stated ties")
    texts += claims(found)
    texts += list(system.assumed)
    return [Assumption(text, "declared") for text in dict.fromkeys(texts)]


def claims(found: Verification) -> list[str]:
    """The theorems of other packages that a verdict or a bound rests on: each is a claim of its author."""
    used = {bound.test for part in found.analysis.parts for bound in part.result.bounds}
    used |= {
        item.test
        for result in (*(part.result for part in found.analysis.parts), *found.analysis.chains)
        if result.verdict != "unknown"
        for item in result.evidence
    }
    known = theorems()
    return [
        f"{name} holds: package {known[name].package} claims it, and rtsched has not checked it"
        for name in sorted(used & known.keys())
        if known[name].package
    ]


#: What execution times are claimed to be, the weakest claim first.
_CLAIMS = {
    "modelled": "the execution times of {who} are modelled, not measured ({origins}): they bound nothing",
    "typical": "the execution times of {who} are typical ({origins}): some jobs take longer, and of those nothing is "
    "said",
    "percentile": "the execution times of {who} are percentiles ({origins}): some jobs take longer, and of those "
    "nothing is said",
    "pwcet": "no job of {who} exceeds its probabilistic bound, and what was measured is representative ({origins})",
    "high-water": "no job of {who} takes longer than the largest time that was measured ({origins})",
    "declared": "the execution times{who} are upper bounds: no job takes longer, with whatever margin was measured or "
    "added",
    "budget": "no job of {who} takes longer than its budget, which is enforced ({origins})",
    "analysed": "the execution times of {who} are bounds, found by analysis ({origins})",
}
#: More names or origins than this are counted.
MOST = 4


def times(found: Verification) -> list[str]:
    """What the execution times are claimed to be, of which tasks, the weakest claim first."""
    tasks = found.system.tasks
    made = []
    for basis, claim in _CLAIMS.items():
        mine = [task for task in tasks if task.basis == basis]
        if not mine:
            continue
        if basis == "declared":
            origins = dict.fromkeys(o.text for task in mine for o in task.origins if o.basis == basis)
            who = f" of {_listed([repr(task.name) for task in mine])}" if len(mine) < len(tasks) else ""
            sources = list(origins) + ([] if who else _sources(found))
            made.append(claim.format(who=who + (f" (from {_listed(sources)})" if sources else "")))
            continue
        origins = dict.fromkeys(o.text for task in mine for o in task.origins if o.basis == basis)
        made.append(claim.format(who=_listed([repr(task.name) for task in mine]), origins=_listed(list(origins), "; ")))
    return made


def _listed(items: list[str], between: str = ", ") -> str:
    shown = between.join(items[:MOST])
    return shown + (f"{between}and {len(items) - MOST} more" if len(items) > MOST else "")


def _sources(found: Verification) -> list[str]:
    """The sources that the file names for its execution times."""
    named: dict[str, None] = {}
    for key, value in found.loaded.system.sources.items():
        if key.endswith((".network", ".wcet", ".graph")) or key == "tasks":
            named.update(dict.fromkeys(value.split(", ")))
    for task in found.loaded.system.tasks:
        for value in task.sources.values():
            named.update(dict.fromkeys(value.split(", ")))
    return list(named)
