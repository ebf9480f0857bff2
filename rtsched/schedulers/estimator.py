"""Estimates: how long jobs are believed to need still, where and at the pace at which they would really run.

One `Estimator` serves all adaptations and plans of a scheduler. It knows what a policy may know: expected times (never
what a node really takes), the present clocks and bandwidths, what runs, and what lies in the memories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import COPYING, DONE
from rtsched.engine.veil import SocView, unveiled
from rtsched.engine.views import raw
from rtsched.schedulers.outlook import Form, Outlook
from rtsched.schedulers.seen import seen_ordering, seen_placement
from rtsched.units import LONGEST

if TYPE_CHECKING:
    from rtsched.engine.chip.residency import Residency
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec
    from rtsched.schedulers.orderings.base import Ordering
    from rtsched.schedulers.placements.base import Placement

_NONE: frozenset[int] = frozenset()


class Estimator:
    """What is believed of the time that jobs need still: one for all adaptations and plans of a scheduler.

    Counted are the processors that the placement uses (the pin, the partition, the earliest finish; of a pool the one
    that is free first, the fastest where the pool serves so), the clock in force (heat included) and the bandwidth of
    links, weights that must be loaded, copies, the costs of switching and of the scheduler, and what stands in the way
    now: what runs and cannot be taken off, or comes before the job. Nodes that share a processor come one after the
    other, in the order in which they can start (a list schedule); so the time to an exit has in it what is served
    before, needed or not. Each node's time is the expected one, alone.

    Not counted: contention for memory, faults to come, critical sections, later releases, and moves of what runs to a
    faster processor that falls idle. Streams of a GPU that is served block by block, and contexts that share a unit,
    are taken for one processor that serves in turn.

    What single nodes need is asked of ``soc.beliefs``, which errs as the system's `estimates` say, and nowhere else.
    """

    def __init__(self, soc: Soc, placement: Placement, ordering: Ordering | None = None) -> None:
        if isinstance(soc, SocView):  # it asks about what is behind the views
            placement = seen_placement(placement, soc.show)
            ordering = None if ordering is None else seen_ordering(ordering, soc.show)
            soc = unveiled(soc)
        self._soc = soc
        self._core = soc.core
        #: whether a node takes what its description says, whatever happens
        self.plain = soc.core.chip is None and not soc.beliefs.errs
        self._placement = placement
        self.levels = _levels(soc, ordering)
        self.shared = _shared(soc)
        #: for each processor the one that stands for it: itself, or the first of a unit whose contexts take turns
        self.servers = [self.shared.get(processor.index, processor.index) for processor in soc.processors]
        #: the clocks, and the version of the beliefs, on which all that follows rests
        self._basis: tuple[tuple[int, ...], int] = ((), 0)
        self._times: dict[tuple[int, int], int] = {}
        self._forms: dict[tuple[int, int], Form] = {}
        self._ways: dict[tuple[int, bool, frozenset[int], frozenset[int]], frozenset[int]] = {}

    # ---- what is believed ----------------------------------------------------------------------------------------

    def time(self, node: NodeSpec, place: int) -> int:
        """The time in ns that a whole node needs on processor `place` at the present clock, alone, once it is there."""
        if self.plain:
            time = node.times[place]
            assert time is not None
            return time
        key = (id(node), place)
        known = self._times.get(key)
        if known is None:
            alone, chip = self._alone(node, place), self._core.chip
            known = self._times[key] = alone if chip is None else chip.time_now(node, place, alone)
        return known

    def _alone(self, node: NodeSpec, place: int) -> int:
        """The time in ns that a node needs on a processor at the highest clock."""
        time = self._soc.beliefs.time(node, place)
        assert time is not None
        return time

    def left(self, segment: Segment) -> int:
        """The time in ns that a segment that has begun needs still, where it last ran; costs under way included."""
        segment = raw(segment)
        processor = segment.processor
        assert processor is not None
        left = self._soc.remaining(segment)
        if not self.plain:
            now_takes = self.time(segment.node, processor.index)
            takes = self._alone(segment.node, processor.index)
            if now_takes != takes:
                left = -(-left * now_takes // takes)
        if processor.segment is segment and processor.waiting:
            left += self._soc.expected_wait(segment, processor)
        elif processor.segment is segment and processor.overhead:
            left += max(0, processor.started + processor.overhead - self._soc.now)
        return left

    def may_switch(self, segment: Segment) -> bool:
        """Whether a segment that has begun can still go on as another variant."""
        switches = self._soc.core.switches
        return switches is not None and switches.may_change(segment)

    def copy(self, node: NodeSpec, link: int) -> int:
        """The time in ns that a link needs for one copy, at its present bandwidth; LONGEST while it is down."""
        return self.time(node, link) if self._soc.available(self._soc.processors[link]) else LONGEST

    def before(self, one: Job, other: Job) -> bool:
        """Whether `one` is believed to be served before `other`: by priority where fixed, else by deadline."""
        one, other = raw(one), raw(other)
        return self._rank(one) < self._rank(other)

    def _rank(self, job: Job) -> tuple[Any, ...]:
        urgency = job.deadline if self.levels is None else self.levels[job.task.index]
        return (urgency, job.release, job.task.index, job.index)

    def places(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        """The processors on which the placement may run a node of a task (in any of its variants), ascending."""
        task = raw(task)
        if self._placement.dynamic:
            places = node.eligible
        else:
            allowed = self._placement.where(task, task.nodes[node.index])
            places = tuple(place for place in allowed if node.times[place] is not None) or node.eligible
        if self._core.chip is not None and self._core.chip.fallible:
            up = tuple(place for place in places if self._soc.available(self._soc.processors[place]))
            places = up or places
        return places

    def usual(self, task: TaskState, node: NodeSpec) -> int:
        """The processor on which a node runs when all that it may use are free."""
        task = raw(task)
        places = self.places(task, node)
        if self._placement.dynamic:
            return min(places, key=lambda place: (self.time(node, place), place))
        return min(places, key=lambda place: (self.preference(node, place, places), place))

    def preference(self, node: NodeSpec, place: int, places: Sequence[int]) -> int:
        """What the pool of `places` looks at first, the less the better: planned times (R9), or nothing (R6)."""
        by_speed = any(self._soc.processors[each].yields for each in places)
        return (node.times[place] or 0) if by_speed else 0

    # ---- the state of things -------------------------------------------------------------------------------------

    def idle(self) -> Outlook:
        """All processors free; the memories, and the links between them, as they are."""
        if not self.plain:
            basis = (self._soc.clocks(), self._soc.beliefs.version)
            if basis != self._basis:
                self._basis = basis
                self._times.clear()
                self._forms.clear()
                self._ways.clear()
        outlook = Outlook(self)
        if self._core.copies is not None:
            outlook.free = {link: load for link in self._core.copies.queues if (load := self._core.copies.load(link))}
        return outlook

    def outlook(self, job: Job | None = None) -> Outlook:
        """The processors as they are for `job`: taken by what runs and cannot be taken off, or comes before it."""
        job = raw(job)
        outlook = self.idle()
        for processor, segment in self._held():
            other = segment.job
            if other is not job:
                free = self._soc.preemptible(processor)
                if job is None or not free or self.before(other, job):
                    outlook.occupy(segment)
        return outlook

    def _held(self) -> Iterator[tuple[Processor, Segment]]:
        """The processors that are in service and busy, with what keeps them so."""
        for processor in self._soc.processors:
            segment = processor.segment
            if segment is None or segment.processor is not processor or segment.state == COPYING:
                continue
            if self._soc.available(processor):
                yield processor, segment

    def ahead(self, job: Job, besides: Sequence[Job] = ()) -> Outlook:
        """As `outlook`, and all open jobs that come before `job` served first, as they are now meant to run.

        Those in `besides` are left out.
        """
        job, besides = raw(job), [raw(each) for each in besides]
        outlook = self.outlook(job)
        others = [
            other
            for task in self._soc.tasks
            for other in (*((task.active,) if task.active is not None else ()), *task.overlapping, *task.pending)
            if other is not job and other not in besides and self.before(other, job)
        ]
        for other in sorted(others, key=self._rank):
            outlook.run(other)
        return outlook

    def rest(self, job: Job, number: int | None = None, exit_: int | None = None) -> int:
        """The time in ns until `job` is done as variant `number` (None: as it is now meant to run), or at an exit.

        As if it were served from now on, behind what stands in its way at this instant.
        """
        return self.outlook(job).run(job, number, exit_)

    def work(self, task: TaskState, nodes: Iterable[int]) -> int:
        """The time in ns that some nodes of a task need where they usually run, one after the other."""
        task = raw(task)
        self.idle()
        return sum(self.time(task.nodes[index], self.usual(task, task.nodes[index])) for index in nodes)

    # ---- the forms of tasks --------------------------------------------------------------------------------------

    def form(self, task: TaskState, number: int) -> Form:
        """A task in its variant `number` (0 where it has none)."""
        task = raw(task)
        key = (task.index, number)
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._formed(task, number)
        return form

    def _formed(self, task: TaskState, number: int) -> Form:
        quality = task.spec.quality
        nodes, skipped = task.nodes, _NONE
        if quality is not None and quality.variants:
            nodes, skipped = quality.variants[number].nodes, quality.variants[number].skipped
        form = Form(nodes, skipped, _topological(nodes))
        server = self._one_server(task, form)
        if server < 0:
            return form
        line = [0]
        outlook = Outlook(self)
        for index in reversed(form.order):
            own = 0 if index in skipped else outlook.cost(nodes[index], server) + self.time(nodes[index], server)
            line.append(line[-1] + own)
        return form._replace(line=tuple(reversed(line)), server=server)

    def _one_server(self, task: TaskState, form: Form) -> int:
        """The processor of a chain that only ever uses one, and never loads or copies; else -1."""
        chain = all(len(node.predecessors) <= 1 and len(node.successors) <= 1 for node in form.nodes)
        roots = sum(not node.predecessors for node in form.nodes)
        if not chain or roots != 1 or task.spec.branches or self._placement.dynamic:
            return -1
        places = {place for node in form.nodes for place in self.places(task, node)}
        place = min(places)
        if len(places) > 1 or self._soc.processors[place].supply is not None:
            return -1
        if any(node.copies or (self._core.chip is not None and self._memories(node, place)) for node in form.nodes):
            return -1
        return place if self._core.chip is None or not self._core.chip.fallible else -1

    def loading(self, node: NodeSpec, place: int) -> int:
        """The time in ns until the weights of a node would be there if it started on a processor now."""
        there = now = self._soc.now
        for _, memory in self._memories(node, place):
            assert node.hardware is not None
            there = memory.there(node.hardware.network, node.hardware.weights, there)
        return there - now

    def _memories(self, node: NodeSpec, place: int) -> list[tuple[int, Residency]]:
        """The memories that must hold the weights of a node before it runs on a processor, each with its number."""
        chip = self._core.chip
        about = node.hardware
        return [] if chip is None or about is None or not about.weights else chip.memories(place)

    def left_out(self, job: Job, least: bool) -> frozenset[int]:
        """The nodes of ways not taken: as known, and where it is open the way with the most work is expected.

        With `least`, that with the least.
        """
        job = raw(job)
        task = job.task
        if not task.spec.branches:
            return _NONE
        known = job.path.left_out
        decided = frozenset(b.node for b in task.spec.branches if job.segments and job.segments[b.node].state == DONE)
        key = (task.index, least, known, decided)
        if key not in self._ways:
            out = known
            for branch in task.spec.branches:
                if branch.node not in decided and branch.node not in out:
                    ways = [_without(task.nodes, out, branch.targets, target) for target in branch.targets]
                    fastest = self._soc.beliefs.fastest
                    work = [sum(fastest(n) for n in task.nodes if n.index not in way) for way in ways]
                    out = ways[work.index((min if least else max)(work))]
            self._ways[key] = out
        return self._ways[key]


def _levels(soc: Soc, ordering: Ordering | None) -> list[Any] | None:
    """The fixed priorities of the tasks, if the ordering has any."""
    return None if ordering is None else ordering.urgencies(soc.tasks)


def _shared(soc: Soc) -> dict[int, int]:
    """The processors of units that serve several at once, each with the first of its unit."""
    return {
        place: unit.spec.processors[0]
        for unit in (() if soc.core.chip is None else soc.core.chip.units)
        if unit.shared or unit.spec.block_level is not None
        for place in unit.spec.processors
    }


def _topological(nodes: Sequence[NodeSpec]) -> tuple[int, ...]:
    waits = [len(node.predecessors) for node in nodes]
    order = [node.index for node in nodes if not node.predecessors]
    for index in order:
        for later in nodes[index].successors:
            waits[later] -= 1
            if not waits[later]:
                order.append(later)
    return tuple(order)


def _without(nodes: Sequence[NodeSpec], out: frozenset[int], targets: Sequence[int], taken: int) -> frozenset[int]:
    """What is left out if a branch goes to `taken`: the other targets, and all that only they lead to."""
    gone = set(out) | (set(targets) - {taken})
    for index in _topological(nodes):
        before = nodes[index].predecessors
        if before and gone.issuperset(before):
            gone.add(index)
    return frozenset(gone)
