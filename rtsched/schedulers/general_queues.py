"""The pools of everything in preemptive mode that `rtsched.schedulers.ready_queues` has no quicker one for.

`GeneralQueue` serves keys that stay as they are while a segment waits: those of what runs may drift. `ChangingQueue`
serves keys that may change at any time, and asks for all of them at each dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop
from typing import TYPE_CHECKING

from rtsched.engine.job import READY, RUNNING
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.ready_queues import GONE, Entry, EntryHeap, ReadyQueue, renewed, valid

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc


class GeneralQueue(ReadyQueue):
    """R6, R6a and R9 in full: at each dispatch everything that is not held is placed anew, in key order.

    A pinned segment takes its pin. Where all processors of a segment are equal it takes the lowest (R6), but who runs
    is not moved while another idle processor would do (R6a, and no migration that changes nothing). Where they differ
    in time (R9) it takes the fastest free one; who runs moves only when preempted, or to a faster processor that is
    idle after every waiting segment is served.

    Those that wait stand in one heap for each set of processors they may use, so that a dispatch costs what it places.
    Where keys drift while segments run, a key is asked for anew when its segment runs, and when it comes to wait.
    """

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        super().__init__(soc, processors, ordering)
        self.queues: dict[tuple[int, ...], EntryHeap] = {}
        #: by task and node
        self.eligible: dict[tuple[int, int], tuple[int, ...]] = {}
        #: what has come to wait since the last dispatch, and whose variant has changed while it waits; if keys drift
        self.fresh: list[Entry] = []
        self.doubted: list[Entry] = []
        self.drifts = ordering.dynamic
        self.reviews = ordering.dynamic and getattr(ordering.review, "__func__", None) is not Ordering.review
        self.alarm_at = -1

    def door(self, eligible: tuple[int, ...]) -> Callable[[Entry], None]:
        queue = self.queues.setdefault(eligible, EntryHeap(eligible))
        wait = self.fresh.append if self.drifts else queue.push

        def push(entry: Entry) -> None:
            self.eligible[entry[-4], entry[-2]] = eligible
            wait(entry)

        return push

    def doubt(self, entry: Entry) -> None:
        """The key of a waiting segment may not be what it was."""
        if self.drifts:
            self.doubted.append(entry)

    def dispatch(self) -> None:
        self._settle()
        free, movable = self._open()
        places = self._place(self._in_order(movable, free), free)
        chosen = [segment.entry for segment in places]
        self._keep(places, free)
        self._apply(places, movable)
        self._put_back(chosen + movable)
        if any(segment.state in GONE for segment in places):  # left out at the last moment: its processor is free
            self.dispatch()
            return
        self._speed_up(free)
        if self.reviews:
            self._review()

    def _settle(self) -> None:
        """The keys of what has come to wait, as they are now."""
        came = self.fresh + self.doubted
        self.fresh.clear()
        self.doubted.clear()
        for entry in came:
            if valid(entry):
                self.queues[self.eligible[entry[-4], entry[-2]]].push(renewed(entry, self.ordering))

    def _open(self) -> tuple[set[int], list[Entry]]:
        """The processors that are idle or could be, and the entries of what could be taken off them."""
        free: set[int] = set()
        movable: list[Entry] = []
        for processor in self.processors:
            if processor.segment is None:
                free.add(processor.index)
            elif self.soc.preemptible(processor):
                free.add(processor.index)
                movable.append(processor.segment.entry)
        if self.drifts:
            movable = [renewed(entry, self.ordering) for entry in movable]
        return free, movable

    def _in_order(self, movable: list[Entry], free: set[int]) -> Iterator[Entry]:
        """What runs and what waits in key order, without what could go only where nothing is free any more."""
        running = sorted(movable, reverse=True)
        last: Entry | None = None
        while free:
            best = running[-1] if running else None
            source: EntryHeap | None = None
            for queue in self.queues.values():
                if free.isdisjoint(queue.eligible):
                    continue
                head = queue.head()
                if head is not None and (best is None or head < best):
                    best, source = head, queue
            if best is None:
                return
            if source is None:
                running.pop()
            else:
                heappop(source.heap)
            if best is not last:
                last = best
                yield best

    def _put_back(self, entries: list[Entry]) -> None:
        """Those of `entries` that did not get a processor, or have lost theirs, wait on."""
        for entry in entries:
            if valid(entry):
                if self.drifts:
                    self.fresh.append(entry)
                else:
                    self.queues[self.eligible[entry[-4], entry[-2]]].push(entry)

    def _first(self) -> Entry | None:
        """The most urgent entry that waits."""
        heads = [head for queue in self.queues.values() if (head := queue.head()) is not None]
        return min(heads + self.fresh, default=None)

    # ---- who gets what -------------------------------------------------------------------------------------------

    def _place(self, candidates: Iterable[Entry], free: set[int]) -> dict[Segment, int]:
        """Who gets which processor, in key order; `free` keeps what nobody got."""
        places: dict[Segment, int] = {}
        for entry in candidates:
            if not free:
                break
            segment: Segment = entry[-1]
            here = segment.processor
            times = segment.node.times
            eligible = self.eligible[entry[-4], entry[-2]]
            options = [index for index in eligible if index in free]
            if not options:
                continue
            if _one_speed(times, eligible):
                choice = options[0]
            elif segment.state == RUNNING and here is not None and here.index in free:
                choice = here.index
            else:
                choice = min(options, key=lambda index: (times[index], index))
            places[segment] = choice
            free.discard(choice)
        return places

    def _keep(self, places: dict[Segment, int], free: set[int]) -> None:
        """Let chosen segments that run stay where they are, wherever that changes nobody's times."""
        classes: dict[tuple[int, ...], list[Segment]] = {}
        for segment in places:
            eligible = self._eligible(segment)
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

    def _eligible(self, segment: Segment) -> tuple[int, ...]:
        return self.eligible[segment.job.task.index, segment.node.index]

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
            better = [
                index
                for index in self._eligible(segment)
                if index in idle and times[index] < times[here.index]  # type: ignore[operator]
            ]
            if better:
                target = min(better, key=lambda index: (times[index], index))
                soc.preempt(here)
                soc.start(segment.job, segment, soc.processors[target])
                idle.remove(target)
                idle.append(here.index)

    def _review(self) -> None:
        """Come back when a waiting segment may have overtaken a running one."""
        first = self._first()
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


class EqualQueue(GeneralQueue):
    """As `GeneralQueue`, where all segments may use all processors, at one speed: the most urgent run, and stay."""

    def dispatch(self) -> None:
        if self.fresh or self.doubted:
            self._settle()
        soc = self.soc
        again = False
        open_ones = []
        movable = []
        for processor in self.processors:
            segment = processor.segment
            if segment is None:
                open_ones.append(processor)
            elif soc.preemptible(processor):
                open_ones.append(processor)
                movable.append(renewed(segment.entry, self.ordering) if self.drifts else segment.entry)
        if open_ones:
            for queue in self.queues.values():
                head = queue.head()
                if head is not None and (len(movable) < len(open_ones) or head < max(movable)):
                    again |= self._exchange(queue, open_ones, movable)
        if again:
            self.dispatch()
            return
        if self.reviews:
            self._review()

    def _exchange(self, queue: EntryHeap, open_ones: list[Processor], movable: list[Entry]) -> bool:
        """The most urgent of what runs and what waits get the open processors; who is new the lowest that are left.

        Returns whether one was left out at the last moment.
        """
        running = sorted(movable)
        fresh: list[Entry] = []
        stays = 0
        while stays + len(fresh) < len(open_ones):
            head = queue.head()
            if stays < len(running) and (head is None or running[stays] < head):
                stays += 1
            elif head is not None:
                heappop(queue.heap)
                if not fresh or head is not fresh[-1]:
                    fresh.append(head)
            else:
                break
        soc = self.soc
        kept = {entry[-1].processor.index for entry in running[:stays]}
        left = [processor for processor in open_ones if processor.index not in kept]
        for processor in left:
            if processor.segment is not None:
                soc.preempt(processor)
        for entry, processor in zip(fresh, left, strict=False):
            segment = entry[-1]
            if segment.state == READY:
                soc.start(segment.job, segment, processor)
        self._put_back(fresh + running[stays:])
        return any(entry[-1].state in GONE for entry in fresh)

    # ---- who waits -----------------------------------------------------------------------------------------------


class ChangingQueue(GeneralQueue):
    """As `GeneralQueue`, for keys that may change at any time: all of them are asked for at each dispatch."""

    def __init__(self, soc: Soc, processors: Sequence[Processor], ordering: Ordering) -> None:
        super().__init__(soc, processors, ordering)
        self.reviews = True
        self.candidates: list[Entry] = []

    def _settle(self) -> None:
        """Everybody who waits stands in `fresh`."""
        self.fresh[:] = [renewed(entry, self.ordering) for entry in self.fresh if valid(entry)]

    def doubt(self, entry: Entry) -> None:
        """All are doubted always."""

    def _in_order(self, movable: list[Entry], free: set[int]) -> Iterator[Entry]:
        self.candidates = sorted(self.fresh + movable)
        self.fresh.clear()  # acting may put in more: a lock that is given back, an urgency that is lent
        return iter(self.candidates)

    def _put_back(self, entries: list[Entry]) -> None:
        self.fresh += [entry for entry in self.candidates if valid(entry)]
        self.candidates = []


def _one_speed(times: tuple[int | None, ...], eligible: tuple[int, ...]) -> bool:
    first = times[eligible[0]]
    return all(times[index] == first for index in eligible)
