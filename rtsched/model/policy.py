"""What a policy is to those who prove: its order, its places, how it preempts; declared by its parts, read by proofs.

A part declares itself by what it inherits: an ordering whose key is that of `FixedPriority`, `EDF` or `FIFO` has that
order, whatever its name, and one that writes a key of its own has none that a theorem knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rtsched.model.known import known_task
from rtsched.model.taskgraph import SystemSpec, TaskSpec

Mode = Literal["preemptive", "limited", "nonpreemptive"]
#: ``optimal``: it meets all deadlines of periodic tasks with D >= T wherever any schedule of equal processors does.
#: ``EDZL``: EDF, but what has no laxity left, by the C of its task, goes before all others.
Order = Literal["FP", "EDF", "EDZL", "FIFO", "optimal", "any"]
#: How a placement finds the processors of a node; proofs compute the same for themselves.
Rule = Literal["global", "pinned", "clustered", "first-fit", "best-fit", "worst-fit", "next-fit"]

#: Where each node may run, per task and node, ascending; None where that is decided at run time.
Homes = list[list[tuple[int, ...] | None]]


@dataclass(frozen=True, slots=True)
class SplitPiece:
    """A piece of each job of a task: `length` ns on processor `place`, from `begin` to `deadline` after its arrival."""

    place: int
    length: int
    begin: int
    deadline: int


#: How tasks are split over processors: the pieces of each, in the order in which its jobs run them.
Splits = list[tuple[SplitPiece, ...]]


@dataclass(frozen=True, slots=True)
class OrderingTraits:
    """An ordering: how theorems call it, the fixed level of a task (FP), whether keys stay while a segment waits.

    `first`: the indices of the tasks that go before all others, of which the rest is EDF.
    """

    name: str = "edf"
    order: Order = "EDF"
    level: Callable[[TaskSpec], Any] | None = None
    steady: bool = True
    first: Callable[[Sequence[TaskSpec]], frozenset[int]] | None = None


@dataclass(frozen=True, slots=True)
class PlacementTraits:
    """A placement: a `rule` that proofs know, or `homes` as a plug-in declares them; neither if it chooses in time."""

    name: str = "global"
    rule: Rule | None = "global"
    homes: Callable[[SystemSpec], Homes] | None = None


@dataclass(frozen=True, slots=True)
class AdaptationTraits:
    """An adaptation: whether it only ever shortens a job, or runs one `variant` (by name or rank) for good."""

    name: str
    shrinks: bool = False
    fixed: bool = False
    variant: str | int = 0
    declared: bool = False


#: How a server of a task gets its budget back (see ``rtsched.schedulability.theorems.servers``); ``bandwidth``: it is
#: served by a deadline of its own.
ServerKind = Literal["polling", "deferrable", "sporadic", "bandwidth"]


@dataclass(frozen=True, slots=True)
class ServerTraits:
    """What servers are: tasks with a `budget` have it each `server_period`; `level` is the fixed priority of a task.

    `several`: they are served on all processors that their tasks may use, wherever one is free.
    """

    kind: ServerKind
    level: Callable[[TaskSpec], int] | None = None
    several: bool = False


#: Who is served next by an accelerator that several tasks share (see ``rtsched.schedulability.theorems.accelerators``).
Sharing = Literal["fifo", "server", "gcaps", "time-slicing"]


@dataclass(frozen=True, slots=True)
class AcceleratorTraits:
    """Cores under the fixed priorities of the file, and how the accelerator is shared that their tasks wait for.

    `server` names the task that is the server of the accelerator, if one has to compute for each request.
    """

    sharing: Sharing
    server: str = ""


@dataclass(frozen=True, slots=True)
class PlanTraits:
    """A scheduler that is no composition: whom it refuses, and what proofs may rely on for the others.

    `optimal`: all deadlines are met up to a load of all processors. `splits`: each processor is EDF over the pieces.
    `mixed`: hard tasks are in time whatever others lose, one processor by EDF with virtual deadlines. `servers`: tasks
    with a budget are served so. `accelerator`: tasks on cores of their own wait for one that they share.
    """

    refuses: Callable[[SystemSpec], str | None]
    optimal: bool = False
    splits: Callable[[SystemSpec], Splits] | None = None
    mixed: bool = False
    servers: ServerTraits | None = None
    accelerator: AcceleratorTraits | None = None


@dataclass(frozen=True, slots=True)
class ClusterTraits:
    """What serves the queue of one `cluster`; `acts` names an ordering that is told events."""

    cluster: str
    ordering: OrderingTraits
    preemption: Mode
    acts: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A scheduler as it declares itself; `whole` names one that is not composed of parts, and so is not proven.

    Unless it has a `plan`. `acts` names an ordering or a placement that is told events, at which it may do anything; an
    `oracle` sees the truth. `clusters` have an ordering and a mode of their own; `others` says whether there are any
    that have not, and go by those of the whole.
    """

    ordering: OrderingTraits = field(default_factory=OrderingTraits)
    placement: PlacementTraits = field(default_factory=PlacementTraits)
    preemption: Mode = "preemptive"
    adaptation: AdaptationTraits | None = None
    admission: str | None = None
    whole: str | None = None
    plan: PlanTraits | None = None
    speed: str | None = None
    acts: str | None = None
    oracle: bool = False
    clusters: tuple[ClusterTraits, ...] = ()
    others: bool = True

    def of(self, clusters: Iterable[str]) -> Policy:
        """The policy of these clusters alone.

        Without clusters of its own where they all go by one ordering in one mode; else its own ordering is none that a
        theorem knows, and each cluster has its traits.
        """
        if not self.clusters:
            return self
        own = {each.cluster: each for each in self.clusters}
        rest = ClusterTraits("", self.ordering, self.preemption, self.acts)
        found = [replace(own.get(name, rest), cluster=name) for name in dict.fromkeys(clusters)]
        first = found[0]
        if all(replace(each, cluster=first.cluster) == first for each in found):
            return replace(
                self, ordering=first.ordering, preemption=first.preemption, acts=first.acts, clusters=(), others=True
            )
        mixed = OrderingTraits(" and ".join(dict.fromkeys(each.ordering.name for each in found)), "any", None,
                               all(each.ordering.steady for each in found))  # fmt: skip
        modes = {each.preemption for each in found}
        mode: Mode = next((mode for mode in ("limited", "preemptive") if mode in modes), "nonpreemptive")
        acts = next((each.acts for each in found if each.acts), None)
        return replace(self, ordering=mixed, preemption=mode, acts=acts, clusters=tuple(found), others=False)

    def on(self, system: SystemSpec) -> Policy:
        """The same, which knows whether the system has clusters without a rule of their own."""
        named = {each.cluster for each in self.clusters}
        return replace(self, others=any(each.cluster not in named for each in system.processors if each.kind != "link"))

    @property
    def order(self) -> Order:
        """How theorems call the ordering."""
        return self.ordering.order

    def level(self, task: TaskSpec) -> tuple[Any, int]:
        """The fixed priority of a task with its tie, by index; without fixed priorities that of the file."""
        level = task.priority if self.ordering.level is None else self.ordering.level(known_task(task))
        return (level, task.index)

    def __str__(self) -> str:
        parts = (self.adaptation and self.adaptation.name, self.admission, self.speed)
        extra = "".join(f" + {part}" for part in parts if part)
        oracle = ", oracle" if self.oracle else ""
        if self.whole is not None:
            return f"{self.whole}{extra}{oracle}"
        if not self.clusters:
            return f"{self.ordering.name} + {self.placement.name}{extra}, {self.preemption}{oracle}"
        rules = [(each.cluster, each.ordering.name, each.preemption) for each in self.clusters]
        rules += [("others", self.ordering.name, self.preemption)] if self.others else []
        return f"{told_rules(rules, self.preemption, self.placement.name + extra)}{oracle}"


def told_by_cluster(described: str) -> bool:
    """Whether a policy that is described so has rules for clusters: `told_rules` wrote it.

    >>> told_by_cluster("cpu: fp · npu: fifo + global, preemptive"), told_by_cluster("fp + global, preemptive")
    (True, False)
    """
    return ": " in described


def told_rules(rules: Sequence[tuple[str, str, str]], mode: str, beside: str) -> str:
    """Rules of clusters (cluster, ordering, mode) as one line; a mode that is not the whole's stands with its cluster.

    >>> told_rules([("cpu", "fp", "preemptive"), ("npu", "fifo", "nonpreemptive")], "preemptive", "global")
    'cpu: fp · npu: fifo, nonpreemptive + global, preemptive'
    """
    told = [f"{cluster}: {name}" + (f", {own}" if own != mode else "") for cluster, name, own in rules]
    used = any(own == mode for _, _, own in rules)
    return f"{' · '.join(told)} + {beside}" + (f", {mode}" if used else "")
