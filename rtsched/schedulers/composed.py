"""The composed scheduler: an ordering says which first, a placement where, an adaptation how much. Most are this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import READY
from rtsched.engine.veil import is_ours, unveiled
from rtsched.engine.views import raw
from rtsched.errors import SchedulerError
from rtsched.model.collector import collector_paused
from rtsched.model.policy import Policy
from rtsched.schedulers.base import GUESTS, Preemption, Scheduler
from rtsched.schedulers.claims import CLAIMS, GREEDY, PREDICTABLE
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.general_queues import ChangingQueue, EqualQueue, GeneralQueue
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.part import Part, checked, handle, in_turn
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.ready_queues import Entry, NoQueue, PreemptiveQueue, ReadyQueue, RegionQueue, SingleQueue
from rtsched.schedulers.seen import seen_ordering, seen_placement, veil_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec, SystemSpec


#: A pool and how to put a segment's entry into it.
Door = tuple[ReadyQueue, Callable[[Entry], None]]


class ComposedScheduler(Scheduler):
    """An ordering and a placement, dispatched by rule R6 in one of three preemption modes.

    Work-conserving per pool of processors (dynamic placements: per queue). Preemption is what the policy, the
    processor and the node all allow. An `adaptation` chooses variants and depths, an `admission` refuses jobs, `speed`
    sets clocks. All parts are told of events before the rest acts on them: admission, adaptation, placement, ordering,
    speed.
    """

    takes = frozenset(GUESTS)
    #: what its parts claim together: how they are put together takes nothing away
    claims = frozenset(CLAIMS)
    ready_queues: list[ReadyQueue]

    def __init__(
        self,
        ordering: Ordering | None = None,
        placement: Placement | None = None,
        preemption: Preemption = "preemptive",
        adaptation: Part | None = None,
        admission: Part | None = None,
        speed: Part | None = None,
    ) -> None:
        self.ordering = ordering or EDF()
        self.placement = placement or Global()
        self.preemption = preemption
        self.oracle = bool(getattr(self.ordering, "oracle", False))
        checked(self.ordering, "ordering")
        checked(self.placement, "placement")
        self.placement.beside(self.ordering.traits(type(self.ordering).__name__), preemption)
        for kind, part in (("adaptation", adaptation), ("admission", admission), ("speed", speed)):
            if part is not None:
                self.take(kind, part)

    def parts(self) -> Sequence[Part]:
        if not self.guests:
            return (self.placement, self.ordering)
        guests = dict(self.guests)
        last = guests.pop("speed", None)
        return [*guests.values(), self.placement, self.ordering, *([last] if last is not None else ())]

    @collector_paused()
    def setup(self, soc: Soc) -> None:
        self.soc = soc
        #: what changed since the last dispatch: pools, and processors, which know theirs
        self.changed: dict[ReadyQueue | Processor, str] = {}
        for ordering, mode in self.rules():
            ordering.setup(handle(soc, ordering))
            if ordering.dynamic and mode == "preemptive" and soc.lends:
                raise SchedulerError(
                    f"{type(ordering).__name__}: its urgencies change as time goes by, and what the inheritance "
                    "protocol lends would not last; choose an ordering whose urgencies stand (fp, rm, dm, edf, …), or "
                    "protocol: none"
                )
        self.placement.setup(handle(soc, self.placement))
        #: the two as the queues may ask them, who have no views
        self.order = seen_ordering(self.ordering, veil_of(self.ordering, soc))
        self.places = seen_placement(self.placement, veil_of(self.placement, soc))
        self.key = self.order.key
        acting = any(part.heard() for part in self.parts())
        behind = unveiled(soc)  # as the queues have it
        if acting or self.guests or self.placement.dynamic or any(ordering.estimates for ordering, _ in self.rules()):
            self.placement.estimator = Estimator(behind, self.places, self.order)
            for ordering, _ in self.rules():
                ordering.estimator = self.placement.estimator
        if self.placement.dynamic:
            self._queues(behind)
        else:
            self._partition(behind)
        NoQueue(behind, [processor for processor in behind.processors if processor.ready_queue is None], self.order)

    def rules(self) -> Sequence[tuple[Ordering, Preemption]]:
        """The orderings, each with the mode of preemption that it stands beside; here there is one."""
        return ((self.ordering, self.preemption),)

    def rule_at(self, part: tuple[int, ...]) -> tuple[Ordering, Preemption]:
        """The ordering, as queues may ask it, and the mode of the processors of one pool."""
        return self.order, self.preemption

    def beliefs(self, soc: Soc) -> Estimator:
        return self.placement.estimator

    def decision(self) -> Callable[[], None]:
        return self.ready_queues[0].dispatch if self._alone() else self.dispatch

    def _alone(self) -> bool:
        """Whether there is a single pool, which is dispatched whatever has changed."""
        return len(self.ready_queues) == 1 and type(self).dispatch is ComposedScheduler.dispatch

    def own_listener(self, event: str) -> Callable[..., None] | None:
        """Its own interest in an event, and that of a class derived from it."""
        own, derived = self._interest(event), getattr(type(self), event) is not getattr(ComposedScheduler, event)
        if not derived:
            return own
        listener: Callable[..., None] = getattr(self, event)
        return listener if own is None or event != "on_processor" else in_turn(event, [listener], own)

    def _interest(self, event: str) -> Callable[..., None] | None:
        if event in ("on_processor", "on_timer") and self._alone():
            return None  # nobody need tell which pool has changed
        if event == "on_processor" and self.placement.dynamic and self.soc.fallible:
            return self._moved
        if event == "on_processor":
            return self.changed.__setitem__  # note the processor, without a Python call
        return super().own_listener(event)

    def _queues(self, soc: Soc) -> None:
        """One pool per processor."""
        self.ready_queues = [
            self._ready_queue(soc, (index,), True, True, False) for index in range(len(soc.processors))
        ]
        self.queues: list[Door] = [
            self._door(ready_queue, (index,)) for index, ready_queue in enumerate(self.ready_queues)
        ]
        self.doors: list[list[Door]] = []

    def _partition(self, soc: Soc) -> None:
        """One pool per set of processors that share segments, directly or through others."""
        places = [[self.places.where(task, node) for node in task.nodes] for task in soc.tasks]
        parts = _connected([eligible for nodes in places for eligible in nodes])
        part_of = {index: number for number, part in enumerate(parts) for index in part}
        inside: list[list[tuple[TaskState, NodeSpec, tuple[int, ...]]]] = [[] for _ in parts]
        for task, nodes in zip(soc.tasks, places, strict=True):
            for node, eligible in zip(task.nodes, nodes, strict=True):
                inside[part_of[eligible[0]]].append((task, node, eligible))
        by_processor: dict[int, ReadyQueue] = {}
        self.ready_queues = []
        for part, those in zip(parts, inside, strict=True):
            uniform = all(eligible == part for _, _, eligible in those)
            times = itemgetter(*part, part[0])
            forms = [each for task, node, _ in those for each in _forms(task, node)] if uniform else []
            equal = uniform and all(len(set(times(each.times))) == 1 for each in forms)
            simple = equal and all(each.preemptive for each in forms)
            ready_queue = self._ready_queue(soc, part, uniform, equal, simple)
            self.ready_queues.append(ready_queue)
            by_processor.update(dict.fromkeys(part, ready_queue))
        self.doors = [[self._door(by_processor[eligible[0]], eligible) for eligible in nodes] for nodes in places]

    def _door(self, ready_queue: ReadyQueue, eligible: tuple[int, ...]) -> Door:
        """A pool, and how to put in what may use the `eligible` processors; nothing that waits there is a view."""
        push = ready_queue.door(eligible)
        return ready_queue, push if unveiled(self.soc) is self.soc else _unveiling(push)

    def _ready_queue(self, soc: Soc, part: tuple[int, ...], uniform: bool, equal: bool, simple: bool) -> ReadyQueue:
        """The pool for some processors: `uniform` if all segments may use all, `equal` if also at one speed.

        `simple` if all of them may be preempted, too.
        """
        processors = [soc.processors[index] for index in part]
        order, mode = self.rule_at(part)
        preemptible = [processor.preemptible and mode == "preemptive" for processor in processors]
        # the queue that a dynamic placement chose is not found again when a variant changes
        lost = order.dynamic and self.placement.dynamic and soc.adaptive
        changing = lost or not order.is_steady()
        if not any(preemptible):
            return RegionQueue(soc, processors, order, uniform, changing)
        steady = set(soc.fallible).isdisjoint(part)
        if simple and steady and all(preemptible) and not order.dynamic and not soc.locking:
            kind = SingleQueue if len(processors) == 1 else PreemptiveQueue
            return kind(soc, processors, order, self._lasting(soc))
        if changing:
            return ChangingQueue(soc, processors, order)
        return (EqualQueue if equal else GeneralQueue)(soc, processors, order)

    def _lasting(self, soc: Soc) -> bool:
        """Whether no job is ever given up while it waits: neither the tasks nor a policy beside this one do so."""
        alone = is_ours(self) and not self.guests and not any(part.heard() for part in self.parts())
        return alone and all(task.spec.on_miss == "continue" for task in soc.tasks)

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        task = job.task
        for segment in segments:
            node = segment.node
            entry = segment.entry
            if entry is None:
                entry = segment.entry = self.key(segment) + (task.index, job.index, node.index, segment)  # noqa: RUF005 - 60 ns
            ready_queue, push = self.doors[task.index][node.index] if self.doors else self._queue_of(segment)
            push(entry)
            self.changed[ready_queue] = "ready"

    def on_timer(self, tag: Any) -> None:
        if isinstance(tag, ReadyQueue):
            self.changed[tag] = "review"
        else:
            self.stirred()

    def stirred(self) -> None:
        for ready_queue in self.ready_queues:
            self.changed[ready_queue] = "timer"

    def _queue_of(self, segment: Segment) -> Door:
        """Dynamic placement: the queue chosen for the segment, once and for all (unless its processor fails)."""
        here = segment.processor
        stays = here is not None and self.soc.available(here)
        return self.queues[here.index if stays and here is not None else self.places.choose(segment)]

    def _moved(self, processor: Processor, change: str) -> None:
        """Dynamic placement where processors can fail: when one does, everything that waits is placed anew."""
        self.changed[processor] = change
        if change == "down":
            waiting = [segment for segment in self.soc.ready if segment.entry is not None]
            for segment in waiting:
                segment.entry = None  # what stands in a queue is stale
                self.places.forget(segment)
            for segment in waiting:
                self.on_ready(segment.job, (segment,))

    def dispatch(self) -> None:
        changed = self.changed
        if len(changed) == 1:
            changed.popitem()[0].ready_queue.dispatch()
            return
        ready_queues = {item.ready_queue: None for item in changed}
        changed.clear()
        for ready_queue in ready_queues:
            ready_queue.dispatch()

    def rekey(self, segment: Segment, entry: Any) -> None:
        raw(segment).entry = _unveiled_entry(entry)
        if segment.state == READY:
            self.on_ready(segment.job, (segment,))

    def reconfigured(self, segment: Segment) -> None:
        if segment.entry is not None and self.doors:
            self.doors[segment.job.task.index][segment.node.index][0].doubt(raw(segment).entry)

    def level(self, task: TaskState) -> Any:
        return self.order.urgency(task)

    def places_of(self, task: TaskState, node: NodeSpec) -> Sequence[int]:
        return node.eligible if self.placement.dynamic else self.places.where(task, node)

    def ranks(self) -> tuple[str, ...] | None:
        return None if self.ordering.dynamic else self.ordering.ranks

    def pools(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(each.index for each in queue.processors) for queue in self.ready_queues)

    def policy(self, names: Mapping[str, str]) -> Policy:
        if type(self) is not ComposedScheduler:
            return super().policy(names)
        return self.composition(names)

    def composition(self, names: Mapping[str, str]) -> Policy:
        """What its parts declare together; what a class of others makes of them, they do not know."""

        def called(part: str, chosen: object) -> str:
            return names.get(part, type(chosen).__name__)

        return Policy(
            self.ordering.traits(called("ordering", self.ordering)),
            self.placement.traits(called("placement", self.placement)),
            self.preemption,
            acts=next((called(part.kind, part) for part in (self.ordering, self.placement) if part.heard()), None),
            oracle=self.oracle,
            **self.guest_traits(names),
        )

    def claimed(self) -> frozenset[str]:
        found = super().claimed()
        return found if self.preemption == "preemptive" else found - (PREDICTABLE - GREEDY)

    def describe(self) -> str:
        guests = (self.guests[kind] for kind in ("adaptation", "admission", "speed") if kind in self.guests)
        return (
            " + ".join(type(part).__name__ for part in (self.ordering, self.placement, *guests))
            + f", {self.preemption}"
        )

    def ranking(self, tasks: Sequence[TaskState]) -> tuple[int, ...]:
        levels = self.order.urgencies(tasks)
        return () if levels is None else tuple(sorted(range(len(tasks)), key=lambda index: (levels[index], index)))

    def described(self, system: SystemSpec | None = None) -> str:
        found = self.describe()
        if type(self.placement) is Global and system is not None and len(system.processors) == 1:
            found = found.replace(" + Global", "", 1)  # nobody has a choice
        return found + ", oracle" * self.oracle


def _unveiled_entry(entry: Entry) -> Entry:
    """An entry of the segment itself, where it may be one of its view."""
    segment = raw(entry[-1])
    return entry if segment is entry[-1] else (*entry[:-1], segment)


def _unveiling(push: Callable[[Entry], None]) -> Callable[[Entry], None]:
    """How a scheduler of somebody else's puts its entries, which are of views, into a queue."""

    def put(entry: Entry) -> None:
        found = _unveiled_entry(entry)
        found[-1].entry = found
        push(found)

    return put


def _forms(task: TaskState, node: NodeSpec) -> list[NodeSpec]:
    """A node in all variants of its task."""
    quality = task.spec.quality
    if quality is None or not quality.variants:
        return [node]
    return [variant.nodes[node.index] for variant in quality.variants]


def _connected(sets: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The connected components of processors that occur together in a set, each ascending, by lowest member."""
    above: dict[int, int] = {}  # towards the lowest member of its component

    def lowest(index: int) -> int:
        while (up := above.setdefault(index, index)) != index:
            above[index] = index = above[up]
        return index

    for members in dict.fromkeys(sets):
        for index in members:
            first, second = sorted((lowest(members[0]), lowest(index)))
            above[second] = first
    parts: dict[int, list[int]] = {}
    for index in sorted(above):
        parts.setdefault(lowest(index), []).append(index)
    return [tuple(part) for part in parts.values()]
