"""The verdict of each criticality: hard tasks may be proven beside soft ones that are not."""

from __future__ import annotations

from dataclasses import dataclass

from rtsched.model.origin import CONDITIONAL, PROVING, Basis
from rtsched.schedulability.result import Verdict
from rtsched.verify.basis import NAMES, basis_of, claim
from rtsched.verify.verification import Verification

#: The most critical first.
LEVELS = ("hard", "firm", "soft")


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of the tasks of one criticality, each named by what is known of it.

    `chains` are those with such a task, and no more critical one, of which what is required is not proven. `basis` is
    the weakest of what the execution times claim that these tasks depend on; `violated` are the assumptions of which
    the file says that they do not hold: nothing is proven beside them.
    """

    criticality: str
    verdict: Verdict
    basis: Basis
    proven: tuple[str, ...]
    refuted: tuple[str, ...]
    open: tuple[str, ...]
    chains: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether all its tasks are schedulable, for bounds, or if no job takes longer than was measured."""
        return self.verdict == "schedulable" and self.basis in PROVING + CONDITIONAL and not self.violated

    @property
    def is_declared(self) -> bool:
        """Whether all its tasks are schedulable, for execution times that are declared, or stronger."""
        return self.verdict == "schedulable" and self.basis in PROVING and not self.violated

    def __str__(self) -> str:
        count = f"{len(self.proven)} of {len(self.proven) + len(self.refuted) + len(self.open)}"
        chains = "".join(f", chain {name} not" for name in self.chains)
        said = claim(self.verdict, self.basis, self.violated)
        if said != self.verdict:
            said = said.removesuffix(" (no proof)")
            more = "; no proof" if self.violated or self.basis not in CONDITIONAL else ""
            return f"{self.criticality}: {said} ({count}{chains}{more})"
        how = "proven" if self.basis in PROVING and not self.violated else f"in time at {NAMES[self.basis]}"
        return f"{self.criticality}: {said} ({count} {how}{chains})"


def levels(found: Verification) -> tuple[Level, ...]:
    """The verdict of each criticality that some task has, the most critical first.

    Schedulable: each of its tasks is proven, with its whole part or by a bound that holds whatever the others do.
    Unschedulable: a miss of one of them was seen or is exact; or their part cannot keep all deadlines, and all others
    in it are proven.
    """
    tasks = found.system.tasks
    verdicts = {task.index: found.task_verdict(task.index) for task in tasks}
    made = []
    for name in LEVELS:
        mine = [task.index for task in tasks if task.criticality == name]
        if not mine:
            continue
        named = {
            verdict: tuple(tasks[index].name for index in mine if verdicts[index] == verdict)
            for verdict in ("schedulable", "unschedulable", "unknown")
        }
        chains = {place: found.chain_verdict(place) for place in _chains(found, name)}
        chained = set(mine).union(*(found.system.chains[place].tasks for place in chains))
        parts = [part for part in found.analysis.parts if not chained.isdisjoint(part.view.tasks)]
        failing = (
            {index for index in part.view.tasks if verdicts[index] != "schedulable"}
            for part in parts
            if part.result.verdict == "unschedulable"
        )
        refuted = named["unschedulable"] or any(some and some <= set(mine) for some in failing)
        verdict: Verdict = "unknown"
        if refuted or "unschedulable" in chains.values():
            verdict = "unschedulable"
        elif len(named["schedulable"]) == len(mine) and set(chains.values()) <= {"schedulable"}:
            verdict = "schedulable"
        broken = tuple(found.system.chains[place].name for place, each in chains.items() if each != "schedulable")
        basis = basis_of(found, sorted(chained))
        proven, late, left = named["schedulable"], named["unschedulable"], named["unknown"]
        made.append(Level(name, verdict, basis, proven, late, left, broken, found.violated))
    return tuple(made)


def _chains(found: Verification, name: str) -> list[int]:
    """The chains of which something is required, and whose most critical task is of this criticality."""
    made = []
    for place, chain in enumerate(found.system.chains):
        most = min(LEVELS.index(found.system.tasks[index].criticality) for index in chain.tasks)
        if LEVELS[most] == name and chain.limits:
            made.append(place)
    return made
