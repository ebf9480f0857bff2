"""Dispatch by rule R6 over a pool: processors that share at least one segment they could run.

Three pools, fastest first. `PreemptiveQueue`: equal preemptive processors that serve the same segments; the m most
urgent run, and who runs stays where it is. `RegionQueue`: nobody is ever taken off a processor (nonpreemptive and
limited modes, accelerators). `GeneralQueue` (see `rtsched.schedulers.general_queues`): everything else in preemptive
mode: pins beside free segments, several speeds, processors of mixed service, keys that change with time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import DEAD, DONE, READY, RUNNING

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.schedulers.orderings.base import Ordering

#: How many stale entries a heap may hold beside as many as are valid, before it is searched for them.
SPARE = 256
#: The states of a segment that a policy left out, or whose job it ended, when it (or another one) was about to start.
GONE = (DONE, DEAD)

#: (key…, task, job, node, segment): total order, explicit ties.
Entry = tuple[Any, ...]


class ReadyQueue:
    """Processors and the segments that wait for them."""

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        self.soc = soc
        self.processors = tuple(processors)
        self.ordering = ordering
        self.ready_queue = self
        for processor in processors:
            processor.ready_queue = self

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        """How ready segments that may use the `eligible` processors are put in."""
        raise NotImplementedError

    def doubt(self, entry: Entry) -> None:
        """What a waiting segment needs is not what it was when it came."""

    def dispatch(self) -> None:
        """Apply R6 now."""
        raise NotImplementedError


class EntryHeap:
    """A heap of waiting entries that may all use the `eligible` processors.

    Entries of what does not wait any more are thrown away when they come first, or when they are the most.
    """

    __slots__ = ("eligible", "heap", "limit")

    def __init__(self, eligible: tuple[int, ...]) -> None:
        self.eligible = eligible
        self.heap: list[Entry] = []
        self.limit = SPARE

    def push(self, entry: Entry) -> None:
        """Let a ready segment wait."""
        heap = self.heap
        heappush(heap, entry)
        if len(heap) > self.limit:
            self.limit = sweep(heap)

    def renew(self, ordering: Ordering) -> None:
        """Ask for the keys of all that wait."""
        self.heap[:] = [renewed(entry, ordering) for entry in self.heap if valid(entry)]
        heapify(self.heap)

    def head(self) -> Entry | None:
        """The first entry that stands for a ready segment."""
        heap = self.heap
        while heap:
            entry: Entry = heap[0]
            segment: Segment = entry[-1]
            if segment.state == READY and segment.entry is entry:
                return heap[0]
            heappop(heap)
        return None


class NoQueue(ReadyQueue):
    """Processors that serve nothing; they may still change (fail, for one)."""

    def dispatch(self) -> None:
        pass


class PreemptiveQueue(ReadyQueue):
    """m equal preemptive processors: the m most urgent segments run; a new one takes the lowest idle processor.

    Urgency never changes here (no locks, no dynamic keys); a start fails only for what is left out at the last moment.
    With `lasting`, nobody who waits is given up: then no entry goes stale without coming first.
    """

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering, lasting: bool = False) -> None:
        super().__init__(soc, processors, ordering)
        self.lasting = lasting
        self.queue = EntryHeap(())
        self.waiting = self.queue.heap
        # What runs, ascending; entries of what has ended meanwhile are thrown away when they come last.
        self.running: list[Entry] = []

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        return partial(heappush, self.waiting) if self.lasting else self.queue.push

    def dispatch(self) -> None:
        waiting = self.waiting
        if not waiting:
            return
        soc = self.soc
        running = self.running
        idle = [processor for processor in self.processors if processor.segment is None]
        idle.reverse()
        while waiting:
            entry = waiting[0]
            segment: Segment = entry[-1]
            if segment.state != READY:
                heappop(waiting)
                continue
            if idle:
                heappop(waiting)
                processor = idle.pop()
            else:
                worst = running[-1]
                last: Segment = worst[-1]
                while last.state != RUNNING:
                    running.pop()
                    worst = running[-1]
                    last = worst[-1]
                if worst < entry:
                    break
                running.pop()
                assert last.processor is not None
                processor = last.processor
                soc.preempt(processor)
                heapreplace(waiting, worst)
            soc.start(segment.job, segment, processor)
            if processor.segment is None:  # it was left out at the last moment
                idle.append(processor)
            else:
                insort(running, entry)
        if len(running) > 4 * len(self.processors):
            running[:] = [entry for entry in running if entry[-1].state == RUNNING]


class SingleQueue(PreemptiveQueue):
    """As `PreemptiveQueue`, on one processor: the most urgent segment runs."""

    def dispatch(self) -> None:
        waiting = self.waiting
        processor = self.processors[0]
        while waiting:
            entry = waiting[0]
            segment: Segment = entry[-1]
            if segment.state != READY:
                heappop(waiting)
                continue
            running = processor.segment
            if running is None:
                heappop(waiting)
            elif entry < running.entry:
                self.soc.preempt(processor)
                heapreplace(waiting, running.entry)
            else:
                return
            self.soc.start(segment.job, segment, processor)
            if processor.segment is not None:  # else it was left out at the last moment
                return


class RegionQueue(ReadyQueue):
    """Nobody is taken off a processor: in key order each waiting segment takes the lowest free one it may use.

    Segments of one class (equal eligible processors) wait in one heap. When all may use the same processors
    (`uniform`), a segment that has just come to a boundary and is chosen again stays where it is (R6a); otherwise R6
    holds to the letter. Keys that drift are asked for when their segment comes, or comes back from a boundary; those
    that are `changing` at any time, and those of which somebody doubts one, at each dispatch.
    """

    def __init__(
        self, soc: Soc, processors: Sequence[Processor], ordering: Ordering, uniform: bool, changing: bool = False
    ) -> None:
        super().__init__(soc, processors, ordering)
        self.uniform = uniform
        self.changing = self.stale = changing
        self.queues: dict[tuple[int, ...], EntryHeap] = {}

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        push = self.queues.setdefault(eligible, EntryHeap(eligible)).push
        if self.changing or not self.ordering.dynamic:
            return push
        return lambda entry: push(renewed(entry, self.ordering))

    def doubt(self, entry: Entry) -> None:
        self.stale = self.ordering.dynamic

    def dispatch(self) -> None:
        if self.stale:
            self.stale = self.changing
            for queue in self.queues.values():
                queue.renew(self.ordering)
        free = [processor for processor in self.processors if processor.segment is None]
        if not free:
            return
        if self.uniform:
            for queue in self.queues.values():
                self._dispatch_uniform(queue, free)
        else:
            self._dispatch_letter({processor.index for processor in free})

    def _dispatch_uniform(self, queue: EntryHeap, free: list[Processor]) -> None:
        while self._fill(queue, free):
            free = [processor for processor in free if processor.segment is None]

    def _fill(self, queue: EntryHeap, free: list[Processor]) -> bool:
        """Let the first that wait have the free processors; whether one was left out at the last moment."""
        chosen: list[Segment] = []
        while len(chosen) < len(free) and (head := queue.head()) is not None:
            heappop(queue.heap)
            chosen.append(head[-1])
        now = self.soc.now
        stays = {
            segment: segment.processor
            for segment in chosen
            if segment.stopped == now and segment.processor is not None and segment.processor.segment is None
        }
        if stays:
            kept = {processor.index for processor in stays.values()}
            free = [processor for processor in free if processor.index not in kept]
        others = iter(free)
        for segment in chosen:
            processor = stays.get(segment)
            if segment.state == READY:  # else the start of another one left it out
                self.soc.start(segment.job, segment, next(others) if processor is None else processor)
        return any(segment.state in GONE for segment in chosen)

    def _dispatch_letter(self, free: set[int]) -> None:
        processors = self.soc.processors
        while free:
            best: tuple[Entry, EntryHeap] | None = None
            for queue in self.queues.values():
                if free.isdisjoint(queue.eligible):
                    continue
                head = queue.head()
                if head is not None and (best is None or head < best[0]):
                    best = (head, queue)
            if best is None:
                return
            entry, queue = best
            heappop(queue.heap)
            processor = processors[next(index for index in queue.eligible if index in free)]
            segment: Segment = entry[-1]
            self.soc.start(segment.job, segment, processor)
            if processor.segment is not None:
                free.discard(processor.index)


def valid(entry: Entry) -> bool:
    """Whether an entry still stands for a segment that waits."""
    segment: Segment = entry[-1]
    return segment.state == READY and segment.entry is entry


def renewed(entry: Entry, ordering: Ordering) -> Entry:
    """The entry of the same segment with its key of now."""
    segment: Segment = entry[-1]
    found: Entry = (*ordering.key(segment), *entry[-4:])
    segment.entry = found
    return found


def sweep(heap: list[Entry]) -> int:
    """Throw away what is stale in a heap, wherever it stands; returns at which length to do so again."""
    heap[:] = {id(entry): entry for entry in heap if valid(entry)}.values()
    heapify(heap)
    return SPARE + 2 * len(heap)
