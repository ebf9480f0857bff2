"""What a verdict rests on: what the tool checked, and what a person has to sign."""

from __future__ import annotations

from rtsched.schedulability.result import Assumption
from rtsched.verify.verification import Verification


def assumptions(found: Verification) -> list[Assumption]:
    """All assumptions: those checked while the system was lowered, then the declared ones."""
    checked: dict[str, Assumption] = {}
    for part in found.analysis.parts:
        for item in part.result.assumptions:
            checked.setdefault(item.text, item)
    return [*checked.values(), *declared(found)]


def declared(found: Verification) -> list[Assumption]:
    """What cannot be checked from a file: where times come from, contention, clocks, the platform's behaviour."""
    described, system = found.loaded.system, found.system
    texts = []
    sources = _sources(found)
    origin = f" (from {', '.join(sources)})" if sources else ""
    texts.append(
        f"the execution times{origin} are upper bounds: no job takes longer, with whatever margin was measured or added"
    )
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
    texts += list(system.assumed)
    return [Assumption(text, "declared") for text in dict.fromkeys(texts)]


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
