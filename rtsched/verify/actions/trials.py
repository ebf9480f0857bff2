"""Changes tried: the changed file lowered and analysed anew, so many times and no more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rtsched import api
from rtsched.errors import RtschedError
from rtsched.model.overrides import parse_override
from rtsched.model.taskgraph import Basis, weakest
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulability.result import Verdict
from rtsched.verify.verification import Verification, describe

#: So many changes are tried of a small system; of a larger one so many nodes are analysed in all, but a few changes.
MOST_TRIES, MOST_NODES, FEWEST = 160, 8000, 16
#: Without a bound a task counts as this many deadlines late; a late one with its bound counts no more than that.
LATEST = 10.0


def most_tries(nodes: int) -> int:
    """How many changes of a system of so many nodes are tried."""
    return max(FEWEST, min(MOST_TRIES, MOST_NODES // max(1, nodes)))


@dataclass(frozen=True)
class Trial:
    """What an analysis said of a changed file."""

    analysis: SystemAnalysis

    @property
    def verdict(self) -> Verdict:
        """Of the whole system."""
        return self.analysis.verdict

    @property
    def basis(self) -> Basis:
        """What it rests on."""
        return weakest(task.basis for task in self.analysis.system.tasks)

    @cached_property
    def proven(self) -> frozenset[str]:
        """The tasks that are proven, and the chains that keep what is required of them."""
        system = self.analysis.system
        tasks = {task.name for task in system.tasks if self.analysis.proves(task.index)}
        chains = {
            f"chain {chain.name}"
            for chain, result in zip(system.chains, self.analysis.chains, strict=True)
            if result.verdict == "schedulable"
        }
        return frozenset(tasks | chains)

    @cached_property
    def lateness(self) -> float:
        """By how much the bounds exceed the deadlines in all, relative to them."""
        shares = (
            LATEST if bound.wcrt is None else min(LATEST, max(0.0, bound.wcrt / bound.deadline - 1))
            for bound in self.analysis.bounds
            if bound.task not in self.proven
        )
        return sum(shares)

    @cached_property
    def load(self) -> float:
        """How busy the busiest processor of an open part is; where tasks may move, they are shared out evenly."""
        system = self.analysis.system
        busy = [0.0] * len(system.processors)
        for part in self.analysis.parts:
            if part.result.verdict == "schedulable":
                continue
            for task in (system.tasks[place] for place in part.view.tasks):
                for node in task.nodes:
                    for place in node.eligible:
                        length = (node.times[place] or 0) / (task.period or task.deadline)
                        busy[place] += length / len(node.eligible)
        return max(busy)


class Trials:
    """The changes of one verified system."""

    def __init__(self, found: Verification, most: int | None = None) -> None:
        self.found = found
        self.most = most_tries(sum(len(task.nodes) for task in found.system.tasks)) if most is None else most
        self.tried = 0
        self.base = Trial(found.analysis)
        self._known: dict[tuple[str, ...], Trial | None] = {(): self.base}

    def spent(self, keep: int = 0) -> bool:
        """Whether no more than `keep` changes may still be tried."""
        return self.most - self.tried <= keep

    def trial(self, settings: tuple[str, ...]) -> Trial | None:
        """What becomes of the system with these settings; None where the file is refused, or nothing may be tried."""
        if settings not in self._known:
            if self.spent():
                return None
            self.tried += 1
            self._known[settings] = self._analysed(settings)
        return self._known[settings]

    def _analysed(self, settings: tuple[str, ...]) -> Trial | None:
        try:
            loaded = changed(self.found.loaded, settings)
            chosen = any(each.startswith("scheduler") for each in settings)
            description = describe(loaded, None if chosen else self.found.description)
            return Trial(prove(lowered(loaded), api.policy(description), declared=False))
        except RtschedError:
            return None


def changed(loaded: api.Loaded, settings: tuple[str, ...]) -> api.Loaded:
    """The system with these settings, as ``--set`` would give them. Raises InputError."""
    overrides = [parse_override(each) for each in settings]
    return loaded.with_({override.path: override.value for override in overrides})


def lowered(loaded: api.Loaded) -> Any:
    """The system as proofs take it."""
    return loaded.lower(largest=True)
