"""A trace by node, by processor and by resource: what explanations look up again and again, in plain numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rtsched.trace.trace import ABORT, CEILING, COMPLETED, DOWN, DROP, DUPLICATE, GIVE, KILLED, SPEED, TAKE, UP, WAIT

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: A node of a job, by numbers.
Who = tuple[int, int]
#: An interval [from, until) in ns.
Span = tuple[int, int]


class Visit(NamedTuple):
    """A slice: who was where, and why it ended."""

    start: int
    end: int
    job: int
    node: int
    place: int
    reason: int

    @property
    def who(self) -> Who:
        """Its node."""
        return self.job, self.node


class Blocked(NamedTuple):
    """A node waited for a resource; or `by_ceiling`: the ceiling of that kept it from another one."""

    start: int
    end: int
    resource: int
    by_ceiling: bool = False


class History:
    """The indexes of one trace, each made when it is first asked for."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.system = trace.system
        self.jobs: list[tuple[int, ...]] = trace.jobs.tolist()
        #: the tasks, as numbers by job
        self.task_of: list[int] = trace.jobs["task"].tolist()
        units = () if self.system.hardware is None else self.system.hardware.units
        self.unit_of = {place: unit for unit in units for place in unit.processors}
        self.streams = {place for unit in units if unit.block_level is not None for place in unit.processors}

    # ---- jobs ----------------------------------------------------------------------------------------------------

    @cached_property
    def ends(self) -> list[int]:
        """When each job was over, in ns: finished, given up, or the run was."""
        given_up = {
            job: time for time, job, _, _, action in self.trace.logged.tolist() if action in (DROP, ABORT)
        }  # fmt: skip
        return [row[6] if row[6] >= 0 else given_up.get(number, self.trace.end) for number, row in enumerate(self.jobs)]

    @cached_property
    def activations(self) -> list[int]:
        """When each job might begin: when it was released, and the one before it of its task was over (R2)."""
        found = [row[3] for row in self.jobs]
        for task in self.system.tasks:
            over = 0
            for number in () if task.overlap else self.trace.numbers(task.index).tolist():
                found[number] = min(max(found[number], over), max(found[number], self.ends[number]))
                over = max(over, self.ends[number])
        return found

    def earlier(self, job: int) -> Iterator[tuple[int, int, int]]:
        """The jobs of its task for which a job waited, one after the other: (job, from, until)."""
        start, stop = self.jobs[job][3], self.activations[job]
        if stop <= start:
            return
        mine = self.trace.numbers(self.task_of[job])
        for other in mine[: int(np.searchsorted(mine, job))].tolist():
            if self.ends[other] > start:
                yield other, start, min(stop, self.ends[other])
                start = min(stop, self.ends[other])

    # ---- nodes and processors ------------------------------------------------------------------------------------

    @cached_property
    def stays(self) -> dict[Who, list[Visit]]:
        """The slices of each node, by start; those of copies of it that went only where nothing else of it was."""
        found: dict[Who, list[Visit]] = {}
        for row in self.trace.slices.tolist():
            stay = Visit._make(row)
            found.setdefault((stay.job, stay.node), []).append(stay)
        return found

    @cached_property
    def nodes(self) -> dict[int, list[int]]:
        """The nodes of each job that were anywhere."""
        found: dict[int, list[int]] = {}
        for job, node in self.stays:
            if node < len(self.system.tasks[self.task_of[job]].nodes):
                found.setdefault(job, []).append(node)
        return found

    @cached_property
    def done(self) -> dict[Who, int]:
        """When each node was done that was."""
        return {
            who: stay.end for who, stays in self.stays.items() for stay in stays if stay.reason == COMPLETED
        }  # fmt: skip

    @cached_property
    def lost(self) -> dict[Who, int]:
        """Until when what a node did was thrown away later: it was killed then, and began anew."""
        return {who: stay.end for who, stays in self.stays.items() for stay in stays if stay.reason == KILLED}

    @cached_property
    def several(self) -> set[Who]:
        """The nodes that were in several places at once: in parts, or twice."""
        twice = self.trace.logged[self.trace.logged["action"] == DUPLICATE]
        return {who for table in (twice, self.trace.splits) for who in table[["job", "node"]].tolist()}

    @cached_property
    def _places(self) -> list[list[Visit]]:
        found: list[list[Visit]] = [[] for _ in self.system.processors]
        for row in self.trace.leading.tolist():
            if row[1] > row[0]:
                found[row[4]].append(Visit._make(row))
        return found

    @cached_property
    def _starts(self) -> list[list[int]]:
        return [[stay.start for stay in stays] for stays in self._places]

    def on(self, place: int, start: int, end: int) -> Iterator[Visit]:
        """Who was on a processor in [start, end), in order."""
        stays = self._places[place]
        index = max(0, bisect_right(self._starts[place], start) - 1)
        while index < len(stays) and stays[index].start < end:
            if stays[index].end > start:
                yield stays[index]
            index += 1

    def first_of(self, stay: Visit) -> int:
        """Since when who stays there has been there, without a break: its costs and earlier pieces included."""
        stays = self._places[stay.place]
        index = bisect_right(self._starts[stay.place], stay.start) - 1
        start = stay.start
        while index >= 0 and stays[index].who == stay.who and (stays[index].end == start or stays[index] is stay):
            start = stays[index].start
            index -= 1
        return start

    def places(self, who: Who) -> tuple[int, ...]:
        """The processors on which a node may run."""
        node = self.trace.node(*who)
        return tuple(place for place, time in enumerate(node.times) if time is not None)

    # ---- batches -------------------------------------------------------------------------------------------------

    @cached_property
    def batches(self) -> dict[Who, list[tuple[int, int, int]]]:
        """The batches of each node: (when it began, processor, with how many)."""
        found: dict[Who, list[tuple[int, int, int]]] = {}
        for start, job, node, place, size, _ in self.trace.batches.tolist():
            found.setdefault((job, node), []).append((start, place, size))
        return found

    @cached_property
    def members(self) -> dict[tuple[int, int], list[Who]]:
        """Who was in the batch that began at (instant, processor)."""
        found: dict[tuple[int, int], list[Who]] = {}
        for start, job, node, place, _, _ in self.trace.batches.tolist():
            found.setdefault((start, place), []).append((job, node))
        return found

    # ---- locks ---------------------------------------------------------------------------------------------------

    @cached_property
    def _locking(self) -> tuple[dict[Who, list[Blocked]], dict[int, list[tuple[int, int, Who]]]]:
        blocked: dict[Who, list[Blocked]] = {}
        held: dict[int, list[tuple[int, int, Who]]] = {}
        holder: dict[int, tuple[int, Who]] = {}
        waiting: dict[int, list[tuple[int, Who, bool]]] = {}
        for time, job, node, resource, what in self.trace.locks.tolist():
            if what == TAKE:
                holder[resource] = (time, (job, node))
            elif what in (WAIT, CEILING):
                waiting.setdefault(resource, []).append((time, (job, node), what == CEILING))
            elif what == GIVE:
                since, who = holder.pop(resource)
                held.setdefault(resource, []).append((since, time, who))
                for begun, waiter, by_ceiling in waiting.pop(resource, ()):
                    blocked.setdefault(waiter, []).append(Blocked(begun, time, resource, by_ceiling))
        for resource, (since, who) in holder.items():
            held.setdefault(resource, []).append((since, self.trace.end, who))
        for resource, those in waiting.items():
            for begun, waiter, by_ceiling in those:
                blocked.setdefault(waiter, []).append(Blocked(begun, self.trace.end, resource, by_ceiling))
        for spans in blocked.values():
            spans.sort()
        return blocked, held

    @property
    def blocked(self) -> dict[Who, list[Blocked]]:
        """When each node waited for which resource."""
        return self._locking[0]

    def wanted(self, who: Who, time: int) -> int | None:
        """The resource that a node takes first from an instant on; None if it never takes one."""
        rows = self.trace.locks
        mine = (rows["job"] == who[0]) & (rows["node"] == who[1]) & (rows["what"] == TAKE) & (rows["time"] >= time)
        return next(iter(rows["resource"][mine].tolist()), None)

    def held(self, resource: int, start: int, end: int) -> Iterator[tuple[int, int, Who]]:
        """Who held a resource in [start, end): (from, until, node), in order."""
        spans = self._locking[1].get(resource, [])
        for span in spans[bisect_right(spans, start, key=_until) :]:
            if span[0] >= end:
                return
            yield span

    def holds(self, who: Who, time: int) -> int | None:
        """A resource that a node holds at an instant."""
        for resource in self._locking[1]:
            if any(holder == who for _, _, holder in self.held(resource, time, time + 1)):
                return resource
        return None

    # ---- the hardware --------------------------------------------------------------------------------------------

    @cached_property
    def waits(self) -> dict[Who, list[tuple[int, int, int]]]:
        """When a node was on a stream (the third number) and nothing of it ran."""
        found: dict[Who, list[tuple[int, int, int]]] = {}
        for start, end, job, node, place in self.trace.waits.tolist():
            found.setdefault((job, node), []).append((start, end, place))
        return found

    @cached_property
    def _waves(self) -> dict[int, tuple[list[tuple[int, ...]], list[int], int]]:
        """By unit: its waves by start, their starts, and the longest of them."""
        found: dict[int, list[tuple[int, ...]]] = {}
        for row in self.trace.waves.tolist():
            found.setdefault(self.unit_of[row[4]].index, []).append(row)
        return {
            unit: (sorted(rows), sorted(row[0] for row in rows), max(row[1] - row[0] for row in rows))
            for unit, rows in found.items()
        }

    def beside(self, who: Who, place: int, start: int, end: int) -> tuple[Who, ...]:
        """Whose blocks and copies were on the GPU of a stream in [start, end), the longest there first."""
        rows, starts, longest = self._waves.get(self.unit_of[place].index, ([], [], 0))
        length: dict[Who, int] = {}
        for row in rows[bisect_left(starts, start - longest) : bisect_left(starts, end)]:
            there = min(row[1], end) - max(row[0], start)
            if there > 0 and row[2] != who[0]:
                length[row[2], row[3]] = length.get((row[2], row[3]), 0) + there
        return tuple(sorted(length, key=lambda each: (-length[each], each)))

    def _course(self, what: int) -> dict[int, tuple[list[int], list[int]]]:
        rows = self.trace.changes[self.trace.changes["what"] == what]
        found: dict[int, tuple[list[int], list[int]]] = {}
        for time, _, subject, value in rows.tolist():
            times, values = found.setdefault(subject, ([], []))
            times.append(time)
            values.append(value)
        return found

    @cached_property
    def speeds(self) -> dict[int, tuple[list[int], list[int]]]:
        """The speed of each processor over time: (from when, share in 1/2^40)."""
        return self._course(SPEED)

    @cached_property
    def courses(self) -> dict[int, dict[int, tuple[list[int], list[int]]]]:
        """What changed in the hardware, by kind: of each subject (from when, the value)."""
        return {int(what): self._course(int(what)) for what in np.unique(self.trace.changes["what"])}

    @cached_property
    def outages(self) -> list[list[Span]]:
        """When each processor was out of service, or stood still, in order."""
        found: list[list[Span]] = [list(processor.blackouts) for processor in self.system.processors]
        since: dict[int, int] = {}
        for time, what, place, _ in self.trace.changes.tolist():
            if what == DOWN:
                since.setdefault(place, time)
            elif what == UP and place in since:
                found[place].append((since.pop(place), time))
        for place, begun in since.items():
            found[place].append((begun, self.trace.end))
        return [sorted(spans) for spans in found]

    @cached_property
    def plans(self) -> list[tuple[int, int, int]]:
        """When the planner was deciding: (from, until, processor)."""
        return [(time - value, time, place) for time, _, place, value in self.trace.plans.tolist()]

    @cached_property
    def _plan_ends(self) -> list[int]:
        return [end for _, end, _ in self.plans]

    def planning(self, start: int, end: int) -> Iterator[Span]:
        """When the planner was deciding in [start, end)."""
        for plan in self.plans[bisect_right(self._plan_ends, start) :]:
            if plan[0] >= end:
                return
            yield max(plan[0], start), min(plan[1], end)


def _until(span: tuple[int, int, Who]) -> int:
    return span[1]
