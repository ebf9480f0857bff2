"""Dispatch by rule R6 over a pool: processors that share at least one segment they could run.

Three pools, fastest first. `PreemptivePool`: equal preemptive processors that serve the same segments; the m most
urgent run, and who runs stays where it is. `RegionPool`: nobody is ever taken off a processor (nonpreemptive and
limited modes, accelerators). `GeneralPool`: everything else in preemptive mode: pins beside free segments, several
speeds, processors of mixed service, keys that change with time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import READY, RUNNING

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.schedulers.ordering import Ordering

#: (key…, task, job, node, segment): total order, explicit ties.
Entry = tuple[Any, ...]


class Pool:
    """Processors and the segments that wait for them."""

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        self.soc = soc
        self.processors = tuple(processors)
        self.ordering = ordering
        self.pool = self
        for processor in processors:
            processor.pool = self

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        """How ready segments that may use the `eligible` processors are put in."""
        raise NotImplementedError

    def dispatch(self) -> None:
        """Apply R6 now."""
        raise NotImplementedError


class NoPool(Pool):
    """Processors that serve nothing; they may still change (fail, for one)."""

    def dispatch(self) -> None:
        pass


class PreemptivePool(Pool):
    """m equal preemptive processors: the m most urgent segments run; a new one takes the lowest idle processor.

    Urgency never changes here (no locks, no dynamic keys), and a start always succeeds.
    """

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        super().__init__(soc, processors, ordering)
        self.waiting: list[Entry] = []
        # What runs, ascending; entries of what has ended meanwhile are thrown away when they come last.
        self.running: list[Entry] = []
        if len(processors) == 1:
            self.dispatch = self._dispatch_single  # type: ignore[method-assign]

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        return partial(heappush, self.waiting)

    def _dispatch_single(self) -> None:
        waiting = self.waiting
        processor = self.processors[0]
        while waiting:
            entry = waiting[0]
            segment = entry[-1]
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
            return

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
            segment = entry[-1]
            if segment.state != READY:
                heappop(waiting)
                continue
            if idle:
                heappop(waiting)
                soc.start(segment.job, segment, idle.pop())
            else:
                while running[-1][-1].state != RUNNING:
                    running.pop()
                if running[-1] < entry:
                    break
                worst = running.pop()
                processor = worst[-1].processor
                soc.preempt(processor)
                heapreplace(waiting, worst)
                soc.start(segment.job, segment, processor)
            insort(running, entry)
        if len(running) > 4 * len(self.processors):
            running[:] = [entry for entry in running if entry[-1].state == RUNNING]


class RegionPool(Pool):
    """Nobody is taken off a processor: in key order each waiting segment takes the lowest free one it may use.

    Segments of one class (equal eligible processors) wait in one heap. When all may use the same processors
    (`uniform`), a segment that has just come to a boundary and is chosen again stays where it is (R6a); otherwise R6
    holds to the letter.
    """

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering, uniform: bool) -> None:
        super().__init__(soc, processors, ordering)
        self.uniform = uniform
        self.classes: dict[tuple[int, ...], list[Entry]] = {}

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        return partial(heappush, self.classes.setdefault(eligible, []))

    def dispatch(self) -> None:
        free = [processor for processor in self.processors if processor.segment is None]
        if not free:
            return
        if self.uniform:
            for waiting in self.classes.values():
                self._dispatch_uniform(waiting, free)
        else:
            self._dispatch_letter({processor.index for processor in free})

    def _dispatch_uniform(self, waiting: list[Entry], free: list[Processor]) -> None:
        chosen: list[Segment] = []
        while len(chosen) < len(free) and (head := _head(waiting)) is not None:
            heappop(waiting)
            chosen.append(head[-1])
        now = self.soc.kernel._now
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
            self.soc.start(segment.job, segment, next(others) if processor is None else processor)

    def _dispatch_letter(self, free: set[int]) -> None:
        processors = self.soc.processors
        while free:
            best: tuple[Entry, tuple[int, ...]] | None = None
            for eligible, waiting in self.classes.items():
                if free.isdisjoint(eligible):
                    continue
                head = _head(waiting)
                if head is not None and (best is None or head < best[0]):
                    best = (head, eligible)
            if best is None:
                return
            entry, eligible = best
            heappop(self.classes[eligible])
            processor = processors[next(index for index in eligible if index in free)]
            segment = entry[-1]
            self.soc.start(segment.job, segment, processor)
            if processor.segment is not None:
                free.discard(processor.index)


class GeneralPool(Pool):
    """R6, R6a and R9 in full: at each dispatch everything that is not held is placed anew, in key order.

    A pinned segment takes its pin. Where all processors of a segment are equal it takes the lowest (R6), but who runs
    is not moved while another idle processor would do (R6a, and no migration that changes nothing). Where they differ
    in time (R9) it takes the fastest free one; who runs moves only when preempted, or to a faster processor that is
    idle after every waiting segment is served.
    """

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        super().__init__(soc, processors, ordering)
        self.waiting: list[Entry] = []
        self.eligible: dict[Segment, tuple[int, ...]] = {}
        self.alarm_at = -1

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        def push(entry: Entry) -> None:
            self.waiting.append(entry)
            self.eligible[entry[-1]] = eligible

        return push

    def dispatch(self) -> None:
        waiting = [entry for entry in self.waiting if _valid(entry)]
        free: set[int] = set()
        movable: list[Entry] = []
        for processor in self.processors:
            if processor.segment is None:
                free.add(processor.index)
            elif self.soc.preemptible(processor):
                free.add(processor.index)
                movable.append(processor.segment.entry)
        if self.ordering.dynamic:
            waiting = [self._renewed(entry) for entry in waiting]
            movable = [self._renewed(entry) for entry in movable]
        candidates = sorted(waiting + movable)
        places = self._place(candidates, free)
        self._keep(places, free)
        self.waiting = []  # acting may put in more: a lock that is given back, an urgency that is lent
        self._apply(places, movable)
        self.waiting += [entry for entry in candidates if _valid(entry)]
        self._speed_up(free)
        if len(self.eligible) > 64 + 4 * len(candidates):
            alive = [entry[-1] for entry in self.waiting]
            alive += [processor.segment for processor in self.processors if processor.segment is not None]
            self.eligible = {segment: self.eligible[segment] for segment in alive if segment in self.eligible}
        if self.ordering.dynamic:
            self._review()

    def _renewed(self, entry: Entry) -> Entry:
        segment = entry[-1]
        renewed: Entry = (*self.ordering.key(segment), *entry[-4:])
        segment.entry = renewed
        return renewed

    def _place(self, candidates: list[Entry], free: set[int]) -> dict[Segment, int]:
        """Who gets which processor, in key order; `free` keeps what nobody got."""
        places: dict[Segment, int] = {}
        for entry in candidates:
            if not free:
                break
            segment = entry[-1]
            times = segment.node.times
            options = [index for index in self.eligible[segment] if index in free]
            if not options:
                continue
            if _one_speed(times, self.eligible[segment]):
                choice = options[0]
            elif segment.state == RUNNING and segment.processor.index in free:
                choice = segment.processor.index
            else:
                choice = min(options, key=lambda index: (times[index], index))
            places[segment] = choice
            free.discard(choice)
        return places

    def _keep(self, places: dict[Segment, int], free: set[int]) -> None:
        """Let chosen segments that run stay where they are, wherever that changes nobody's times."""
        classes: dict[tuple[int, ...], list[Segment]] = {}
        for segment in places:
            eligible = self.eligible[segment]
            if len(eligible) > 1 and _one_speed(segment.node.times, eligible):
                classes.setdefault(eligible, []).append(segment)
        for eligible, segments in classes.items():
            open_ones = {places[segment] for segment in segments} | free.intersection(eligible)
            free.difference_update(open_ones)
            movers = []
            for segment in segments:
                here = segment.processor.index if segment.state == RUNNING and segment.processor is not None else -1
                if here in open_ones:
                    places[segment] = here
                    open_ones.discard(here)
                else:
                    movers.append(segment)
            rest = sorted(open_ones)
            for segment, index in zip(movers, rest, strict=False):
                places[segment] = index
            free.update(rest[len(movers) :])

    def _apply(self, places: dict[Segment, int], movable: list[Entry]) -> None:
        soc = self.soc
        for entry in movable:
            segment = entry[-1]
            if places.get(segment) != segment.processor.index:
                soc.preempt(segment.processor)
        for segment, index in places.items():
            if segment.state == READY:
                soc.start(segment.job, segment, soc.processors[index])

    def _speed_up(self, free: set[int]) -> None:
        """R9: running segments move to idle faster processors, the most urgent first."""
        soc = self.soc
        idle = [index for index in free if soc.processors[index].segment is None]
        if not idle:
            return
        running = [p.segment for p in self.processors if p.segment is not None and soc.preemptible(p)]
        for segment in sorted(running, key=lambda segment: segment.entry):
            times = segment.node.times
            here = segment.processor
            assert here is not None
            better = [index for index in self.eligible[segment] if index in idle and times[index] < times[here.index]]  # type: ignore[operator]
            if better:
                target = min(better, key=lambda index: (times[index], index))
                soc.preempt(here)
                soc.start(segment.job, segment, soc.processors[target])
                idle.remove(target)
                idle.append(here.index)

    def _review(self) -> None:
        """Come back when a waiting segment may have overtaken a running one."""
        first = min(self.waiting, default=None)
        times = [
            self.ordering.review(processor.segment, first)
            for processor in self.processors
            if processor.segment is not None and self.soc.preemptible(processor)
        ]
        due = min((time for time in times if time is not None), default=None)
        now = self.soc.now
        if due is not None and not now < self.alarm_at <= due:
            self.alarm_at = due
            self.soc.wake_at(due, self)


def _valid(entry: Entry) -> bool:
    segment = entry[-1]
    return segment.state == READY and segment.entry is entry


def _head(waiting: list[Entry]) -> Entry | None:
    """The first entry of a heap that still stands for a ready segment; stale ones are thrown away."""
    while waiting:
        if _valid(waiting[0]):
            return waiting[0]
        heappop(waiting)
    return None


def _one_speed(times: tuple[int | None, ...], eligible: tuple[int, ...]) -> bool:
    first = times[eligible[0]]
    return all(times[index] == first for index in eligible)
