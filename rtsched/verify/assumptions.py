"""What a verdict rests on: what the tool checked, and what a person has to sign."""

from __future__ import annotations

from dataclasses import replace

from rtsched.model.assumption import Validation
from rtsched.model.taskgraph import Basis
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorem import theorems
from rtsched.verify.surroundings import surroundings
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
    system = found.system
    made = [Assumption(text, "declared", id=f"times.{kind}") for kind, text in times(found).items()]
    if any(task.release is None for task in system.tasks):
        text = "arrivals of a task are never closer than its period, in any phase to the others"
        made.append(Assumption(text, "declared", id="arrivals"))
    texts = dict.fromkeys(text for bound in found.analysis.misses.values() for text in bound.rests_on)
    made += [Assumption(text, "declared", id=f"arrivals.{number}") for number, text in enumerate(texts, 1)]
    texts = dict.fromkeys(item.text for result in found.analysis.chains for item in result.assumptions)
    made += [Assumption(text, "declared", id=f"sampling.{number}") for number, text in enumerate(texts, 1)]
    made += surroundings(found)
    made += [Assumption(text, "declared", id=f"theorem.{name}") for name, text in claims(found)]
    given = dict.fromkeys(system.assumed)
    made += [Assumption(text, "declared", id=f"given.{number}") for number, text in enumerate(given, 1)]
    known = found.loaded.system.assumptions
    return [item if item.id not in known else _validated(item, known[item.id]) for item in made]


def _validated(item: Assumption, said: Validation) -> Assumption:
    how = ", ".join(word for word in (said.how, said.date) if word)
    return replace(item, state=said.state, owner=said.owner or "", how=how)


def claims(found: Verification) -> list[tuple[str, str]]:
    """The theorems of other packages that a verdict or a bound rests on, by name: each is a claim of its author."""
    used = {bound.test for part in found.analysis.parts for bound in part.result.bounds}
    used |= {
        item.test
        for result in (*(part.result for part in found.analysis.parts), *found.analysis.chains)
        if result.verdict != "unknown"
        for item in result.evidence
    }
    known = theorems()
    return [
        (name, f"{name} holds: package {known[name].package} claims it, and rtsched has not checked it")
        for name in sorted(used & known.keys())
        if known[name].package
    ]


#: What execution times are claimed to be, the weakest claim first.
_CLAIMS: dict[Basis, str] = {
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


def times(found: Verification) -> dict[Basis, str]:
    """What the execution times are claimed to be, by kind, of which tasks, the weakest claim first."""
    tasks = found.system.tasks
    made: dict[Basis, str] = {}
    for basis, claim in _CLAIMS.items():
        mine = [task for task in tasks if task.basis == basis]
        if not mine:
            continue
        if basis == "declared":
            origins = dict.fromkeys(o.text for task in mine for o in task.origins if o.basis == basis)
            who = f" of {_listed([repr(task.name) for task in mine])}" if len(mine) < len(tasks) else ""
            sources = list(origins) + ([] if who else _sources(found))
            made[basis] = claim.format(who=who + (f" (from {_listed(sources)})" if sources else ""))
            continue
        origins = dict.fromkeys(o.text for task in mine for o in task.origins if o.basis == basis)
        made[basis] = claim.format(
            who=_listed([repr(task.name) for task in mine]), origins=_listed(list(origins), "; ")
        )
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
