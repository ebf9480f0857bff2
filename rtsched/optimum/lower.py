"""From a lowered system and what a seed draws to a window: plain data that the solvers see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.optimum.claims import relaxations
from rtsched.optimum.draws import DrawnJob, best
from rtsched.optimum.judges import is_random
from rtsched.optimum.ways import NodePlaces, ways
from rtsched.optimum.window import ProcessorPool, TimeWindow, WindowJob


def lower(system: SystemSpec, drawn: dict[int, list[DrawnJob]], until: int, warm_up: int) -> TimeWindow:
    """The window [0, until) of `system`, of which these jobs were drawn. Raises InputError for what is not modelled."""
    relaxed = relaxations(system)
    pools = tuple(_pools(system))
    jobs = _Jobs(system, NodePlaces(system, pools), until, warm_up)
    for task in _in_order(system):
        jobs.add(task, drawn.get(task.index, []))
    power = None if system.hardware is None else system.hardware.power
    return TimeWindow(pools, tuple(jobs.found), tuple(jobs.waits()), until, relaxed, power is not None)


def _pools(system: SystemSpec) -> Iterator[ProcessorPool]:
    """The processors that some node may use, those together that no node, way of serving or power tells apart."""
    nodes = [node for task in system.tasks for node in task.all_nodes]
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, processor in enumerate(system.processors):
        times = tuple(node.times[place] for node in nodes)
        if any(time is not None for time in times):
            energies = tuple(_energy(node, place) for node in nodes)
            key = (processor.cluster, processor.service, times, energies)
            alike.setdefault(key, []).append(place)
    for (cluster, *_), places in alike.items():
        name = system.processors[places[0]].name if len(places) == 1 else str(cluster)
        yield ProcessorPool(tuple(places), name)


def _energy(node: NodeSpec, place: int) -> int | None:
    energies = () if node.hardware is None else node.hardware.energy
    return energies[place] if energies else None


def _in_order(system: SystemSpec) -> list[TaskSpec]:
    """The tasks, each after the one that triggers it."""
    found: list[TaskSpec] = []
    while len(found) < len(system.tasks):
        known = {task.index for task in found}
        found += [
            task for task in system.tasks if task.index not in known and (task.after is None or task.after in known)
        ]
    return found


@dataclass(slots=True)
class _Jobs:
    """The jobs of a window, as they are found."""

    system: SystemSpec
    places: NodePlaces
    until: int
    warm_up: int
    found: list[WindowJob] = field(default_factory=list)
    of_task: dict[int, list[int]] = field(default_factory=dict)
    #: by job, what its draws say of whom it triggers
    chances: list[dict[int, float]] = field(default_factory=list)

    def add(self, task: TaskSpec, drawn: Sequence[DrawnJob]) -> None:
        """The jobs of one task; those before it are known."""
        leads = any(other.after == task.index for other in self.system.tasks)
        self.of_task[task.index] = []
        if task.after is None:
            for each in drawn:
                self._add(task, each, None, leads)
            return
        shared = best(drawn) if drawn and is_random(task) else None
        # as many were drawn as there could be of the task before; some of those are known never to come
        for each, before in zip(drawn, self.of_task[task.after], strict=False):
            if self._may_trigger(task, before):
                self._add(task, each if shared is None else replace(shared, index=each.index), before, leads)

    def _may_trigger(self, task: TaskSpec, before: int) -> bool:
        """Whether a job triggers one of `task`, if it ends: known of jobs that come by themselves."""
        lead = self.found[before]
        chance = self.chances[before].get(task.index) if lead.follows is None else None
        return chance is None or chance < task.probability

    def _add(self, task: TaskSpec, drawn: DrawnJob, before: int | None, leads: bool) -> None:
        if before is None:
            arrival, release, deadline = drawn.arrival, drawn.release, drawn.deadline
        else:
            lead = self.found[before]
            arrival = release = lead.release + min((way.length for way in lead.ways), default=0)
            deadline = min(lead.last, self.until - 1) + task.deadline
        last = max(deadline, self.until - 1) if leads else deadline
        decay = None if task.quality is None else task.quality.decay
        if decay is not None:
            deadline, last = deadline + decay, max(last, deadline + decay)
        every = ways(task, drawn, self.places) if before is None or self.found[before].ways else ()
        good = [way for way in every if way.worth and way.fits(release, deadline)]
        kept = [way for way in every if way.fits(release, last)] if leads else good
        why = "" if good else "too long even alone" if any(way.worth for way in every) else "no answer is right"
        if not every:
            why = f"{self.found[before or 0].name} cannot end"
        self.chances.append(drawn.chances)
        self.of_task[task.index].append(len(self.found))
        self.found.append(
            WindowJob(
                task=task.index,
                index=drawn.index,
                name=f"{task.name}[{drawn.index}]",
                arrival=arrival,
                release=release,
                deadline=deadline,
                last=last,
                weight=Fraction(0)
                if before is None and release < self.warm_up
                else Fraction(Decimal(repr(task.weight))),
                ways=tuple(kept),
                follows=before,
                span=task.deadline + (decay or 0),
                why=why,
            )
        )

    def waits(self) -> Iterator[tuple[int, int]]:
        """Pairs of jobs of one task that does not let them overlap, as far as their order is known."""
        for task in self.system.tasks:
            lead = None if task.after is None else self.system.tasks[task.after]
            if task.overlap or (lead is not None and (lead.overlap or lead.after is not None)):
                continue
            mine = self.of_task[task.index]
            for place, earlier in enumerate(mine):
                last = self.found[earlier].last
                meeting = takewhile(lambda later: self.found[later].release < last, mine[place + 1 :])  # noqa: B023
                yield from ((earlier, later) for later in meeting)
