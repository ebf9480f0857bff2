"""A composed scheduler whose clusters have orderings and modes of preemption of their own: what serves which queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError, SchedulerError
from rtsched.model.policy import ClusterTraits, OrderingTraits, Policy, told_rules
from rtsched.schedulers.claims import GREEDY, PREDICTABLE
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.part import Part, checked
from rtsched.schedulers.seen import seen_ordering, veil_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulers.base import Preemption
    from rtsched.schedulers.orderings.base import Ordering


@dataclass(frozen=True, eq=False)
class ClusterRule:
    """What serves the queue of a cluster: an ordering, in a mode of preemption. Equal ones are one and the same."""

    ordering: Ordering
    preemption: Preemption = "preemptive"


class PerCluster(ComposedScheduler):
    """A `ComposedScheduler` in which the named clusters go by a `ClusterRule` of their own, the others by the whole's.

    Placement, adaptation, admission and speed are the system's: they are about jobs, and about where nodes go. Clusters
    between which a node may move have to go by one rule; a dynamic placement chooses the queue, and so the rule, when a
    segment becomes ready. What is lent by a lock has to be comparable: its users stand under one ordering.
    """

    def __init__(self, clusters: Mapping[str, ClusterRule], **parts: Any) -> None:
        super().__init__(
            **{kind: part for kind, part in parts.items() if kind not in ("adaptation", "admission", "speed")}
        )
        self.clusters = dict(clusters)
        self.modes = {name: rule.preemption for name, rule in self.clusters.items()}
        self.whole = ClusterRule(self.ordering, self.preemption)
        for name, rule in self.clusters.items():
            checked(rule.ordering, f"{name}: ordering")
            self.oracle = self.oracle or bool(getattr(rule.ordering, "oracle", False))
        mixed = any(rule.ordering is not self.ordering for rule in self.clusters.values())
        known = (
            OrderingTraits("of each cluster", "any") if mixed else self.ordering.traits(type(self.ordering).__name__)
        )
        for mode in dict.fromkeys((self.preemption, *self.modes.values())):
            self.placement.beside(known, mode)
        for kind in ("adaptation", "admission", "speed"):
            if parts.get(kind) is not None:
                self.take(kind, parts[kind])

    # ---- who serves what -----------------------------------------------------------------------------------------

    def rules(self) -> Sequence[tuple[Ordering, Preemption]]:
        found = {id(rule.ordering): rule.ordering for rule in (self.whole, *self.clusters.values())}
        used = {number: [r.preemption for r in (self.whole, *self.clusters.values()) if r.ordering is ordering]
                for number, ordering in found.items()}  # fmt: skip
        return [(ordering, next((mode for mode in used[number] if mode == "preemptive"), used[number][0]))
                for number, ordering in found.items()]  # fmt: skip

    def rule_of(self, cluster: str) -> ClusterRule:
        """What serves the queue of a cluster."""
        return self.clusters.get(cluster, self.whole)

    def rule_at(self, part: tuple[int, ...]) -> tuple[Ordering, Preemption]:
        clusters = list(dict.fromkeys(self.soc.processors[index].cluster for index in part))
        rule = self.rule_of(clusters[0])
        for other in clusters[1:]:
            if not _alike(self.rule_of(other), rule):
                raise SchedulerError(
                    f"{self._mover(part)} may run on {clusters[0]!r} and on {other!r}, whose queues are "
                    f"served by other rules ({_told(rule)}; {_told(self.rule_of(other))}); pin it, or use a placement "
                    "that gives each node one cluster (clustered, first-fit)"
                )
        return seen_ordering(rule.ordering, veil_of(rule.ordering, self.soc)), rule.preemption

    def _mover(self, part: tuple[int, ...]) -> str:
        """A node that may run in more than one cluster of a pool."""
        for task in self.soc.tasks:
            for node in task.nodes:
                places = self.places_of(task, node)
                rules = [self.rule_of(self.soc.processors[place].cluster) for place in places]
                if set(places) <= set(part) and any(not _alike(rule, rules[0]) for rule in rules):
                    return (
                        f"task {task.name!r}" if len(task.nodes) == 1 else f"node {node.name!r} of task {task.name!r}"
                    )
        return "work"

    # ---- the run -------------------------------------------------------------------------------------------------

    def setup(self, soc: Soc) -> None:
        known = list(dict.fromkeys(processor.cluster for processor in soc.processors if processor.kind != "link"))
        unknown = [name for name in self.clusters if name not in known]
        if unknown:
            raise InputError(f"{unknown[0]!r} is no cluster of this platform ({', '.join(known)})")
        super().setup(soc)
        self._settle_locks(soc)

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        task = job.task
        for segment in segments:
            node = segment.node
            ready_queue, push = self.doors[task.index][node.index] if self.doors else self._queue_of(segment)
            entry = segment.entry
            if entry is None or (not self.doors and segment.processor is None):  # it may have been given another queue
                key = ready_queue.ordering.key(segment)
                entry = segment.entry = key + (task.index, job.index, node.index, segment)  # noqa: RUF005
            push(entry)
            self.changed[ready_queue] = "ready"

    def rank(self, segment: Segment) -> tuple[Any, ...]:
        """How urgent a segment is in its queue; ranks of segments of other queues do not compare with it."""
        place = None if segment.processor is None else segment.processor.index
        if place is None and self.placement.dynamic:
            place = self.places.chosen(segment)
        if place is None:
            place = self.places_of(segment.job.task, segment.node)[0]
        ordering = self.rule_of(self.soc.processors[place].cluster).ordering
        return seen_ordering(ordering, veil_of(ordering, self.soc)).key(segment)

    def _settle_locks(self, soc: Soc) -> None:
        """Raises SchedulerError where a protocol would have to compare the ranks of two queues."""
        self.key = self.rank
        protocols = soc.system.protocols
        ceilings: list[tuple[str, Ordering]] = []
        for name in dict.fromkeys(s.resource for t in soc.tasks for n in t.nodes for s in n.sections):
            if protocols.get(name, "none") == "none":
                continue
            clusters = {
                soc.processors[place].cluster: None
                for task in soc.tasks
                for node in task.nodes
                if any(section.resource == name for section in node.sections)
                for place in self.places_of(task, node)
            }
            orderings = [self.rule_of(cluster).ordering for cluster in clusters]
            if any(each is not orderings[0] for each in orderings):
                raise SchedulerError(
                    f"resource {name!r} is used on clusters whose queues have other orderings "
                    f"({', '.join(clusters)}): what protocol {protocols[name]!r} lends means nothing there; "
                    "use it on one of them, or write protocol: none"
                )
            if protocols[name] != "inheritance":
                ceilings.append((name, orderings[0]))
        self.ceilings = ceilings[0][1] if ceilings else self.ordering
        for name, ordering in ceilings[1:]:
            if ordering is not self.ceilings:
                raise SchedulerError(
                    f"resources {ceilings[0][0]!r} and {name!r} are used under two orderings, and ceilings are "
                    "priorities of one; use protocol: inheritance for one of them"
                )

    def level(self, task: TaskState) -> Any:
        return seen_ordering(self.ceilings, veil_of(self.ceilings, self.soc)).urgency(task)

    # ---- what it says of itself ----------------------------------------------------------------------------------

    def parts(self) -> Sequence[Part]:
        found = list(super().parts())
        own = dict.fromkeys(rule.ordering for rule in self.clusters.values() if rule.ordering is not self.ordering)
        at = found.index(self.ordering) + 1
        return [*found[:at], *own, *found[at:]]

    def ranks(self) -> tuple[str, ...] | None:
        return () if any(not ordering.dynamic for ordering, _ in self.rules()) else None

    def rules_at(self) -> tuple[tuple[str, str, tuple[str, ...] | None], ...]:
        found = []
        for processor in self.soc.processors:
            rule = self.rule_of(processor.cluster)
            names = None if rule.ordering.dynamic else rule.ordering.ranks
            found.append((rule.ordering.order, str(rule.preemption), names))
        return tuple(found)

    def ranking(self, tasks: Sequence[TaskState]) -> tuple[int, ...]:
        """Cluster by cluster, a task where its first node runs: by priority where it has any there, else as filed."""
        places = [self.soc.processors[self.places_of(task, task.nodes[0])[0]] for task in tasks]
        clusters = list(dict.fromkeys(processor.cluster for processor in self.soc.processors))
        found: list[int] = []
        fixed = False
        for cluster in clusters:
            those = [index for index, place in enumerate(places) if place.cluster == cluster]
            ordering = self.rule_of(cluster).ordering
            levels = seen_ordering(ordering, veil_of(ordering, self.soc)).urgencies([tasks[index] for index in those])
            if levels is not None and those:
                fixed = True
                those = [index for _, index in sorted(zip(levels, those, strict=True))]
            found += those
        return tuple(found) if fixed else ()

    def policy(self, names: Mapping[str, str]) -> Policy:
        if type(self) is not PerCluster:
            return super().policy(names)
        whole, clusters = self.composition(names), []
        for name, rule in self.clusters.items():
            own = names.get(f"{name}.ordering", names.get("ordering") if rule.ordering is self.ordering else None)
            called = own or type(rule.ordering).__name__
            acts = called if rule.ordering.heard() else whole.placement.name if self.placement.heard() else None
            clusters.append(ClusterTraits(name, rule.ordering.traits(called), rule.preemption, acts))
        return replace(whole, clusters=tuple(clusters))

    def claimed(self) -> frozenset[str]:
        found = super().claimed()
        return found if set(self.modes.values()) <= {"preemptive"} else found - (PREDICTABLE - GREEDY)

    def describe(self) -> str:
        return self._described({*self.clusters, "others"})

    def described(self, system: SystemSpec | None = None) -> str:
        clusters = {*self.clusters, "others"}
        if system is not None:
            clusters = {processor.cluster for processor in system.processors if processor.kind != "link"}
        return self._described(clusters) + ", oracle" * self.oracle

    def _described(self, clusters: set[str]) -> str:
        """The rules of the named clusters, and of the others, where there are any among `clusters`."""
        rules = [(name, _named(rule), str(rule.preemption)) for name, rule in self.clusters.items()]
        if clusters - set(self.clusters):
            rules.append(("others", _named(self.whole), str(self.preemption)))
        guests = (self.guests[kind] for kind in ("adaptation", "admission", "speed") if kind in self.guests)
        return told_rules(rules, self.preemption, " + ".join(type(part).__name__ for part in (self.placement, *guests)))


def _alike(one: ClusterRule, other: ClusterRule) -> bool:
    return one.ordering is other.ordering and one.preemption == other.preemption


def _told(rule: ClusterRule) -> str:
    return f"{_named(rule)}, {rule.preemption}"


def _named(rule: ClusterRule) -> str:
    return type(rule.ordering).__name__
