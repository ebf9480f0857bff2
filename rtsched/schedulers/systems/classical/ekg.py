"""EKG: EDF on each processor, and tasks that two neighbours share by slots at the ends of every interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.systems.classical.plain import PlainTasks
from rtsched.schedulers.systems.classical.shares import boundary, grid, shares, why_too_much

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec


@dataclass(slots=True)
class Desk:
    """What one processor serves: tasks of its own by EDF, and the shares of those it has with its neighbours, per step.

    `group` numbers the processors that plan together.
    """

    place: int
    group: int
    own: list[int] = field(default_factory=list)
    left: tuple[int, int] | None = None
    right: tuple[int, int] | None = None
    filled: int = 0


class EKG(PlainTasks):
    """EDF with task splitting and k processors in a group: who no longer fits on one is shared with the next.

    Tasks that load a processor by k/(k+1) or more have one each; the others are laid one after the other on groups of k
    processors, those at the seams in part on both. Between any two releases in its group, a shared task runs at the
    beginning on one of its processors and at the end on the other, in turn; all others by EDF in between. With k = m
    (the default) no periodic set of U <= m and D >= T misses, with fewer none of U <= m k/(k+1), and less migrates.
    Andersson and Tovar, "Multiprocessor scheduling with few preemptions", RTCSA 2006; the slots change their places in
    turn as in SimSo's code. Shares are whole ns of the common divisor of all periods and offsets, rounded up: what then
    does not fit is refused.
    """

    called = "ekg"

    def __init__(self, k: int | None = None) -> None:
        if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
            raise InputError(f"k: must be a whole number of processors, 1 or more (found {k!r})")
        self.k = k

    def refuses(self, system: SystemSpec) -> str | None:
        reason = super().refuses(system)
        if reason is None:
            found = lay_out(system, self.k)
            reason = found if isinstance(found, str) else None
        return reason

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        found = lay_out(soc.system, self.k)
        assert not isinstance(found, str)
        self.desks = found
        self.step = grid(soc.system)
        self.members: dict[int, list[int]] = {}
        for desk in found:
            shared = [each[0] for each in (desk.left, desk.right) if each is not None]
            self.members.setdefault(desk.group, []).extend([*desk.own, *shared])
        #: the interval that each group is in, and whether its slots stand the other way round
        self.intervals = dict.fromkeys(self.members, (0, 0, True))

    def dispatch(self) -> None:
        wanted: dict[int, Segment] = {}
        for desk in self.desks:
            segment = self._slot(desk) or self._first(desk)
            if segment is not None:
                wanted[desk.place] = segment
        self.put(wanted)

    def _interval(self, group: int) -> tuple[int, int, bool]:
        """The present interval of a group: between two boundaries of its tasks."""
        begin, end, turned = self.intervals[group]
        now = self.soc.now
        if now >= end:
            specs = [self.soc.tasks[index].spec for index in self.members[group]]
            begin = max((boundary(each, now) - (each.period or 0) for each in specs if now >= each.offset), default=0)
            end = min(boundary(each, now) for each in specs)
            turned = not turned
            self.intervals[group] = (begin, end, turned)
        if any(self.live(index) for index in self.members[group]):
            self.wake(end)
        return begin, end, turned

    def _slot(self, desk: Desk) -> Segment | None:
        """The shared task whose slot it is, if it has work."""
        if desk.left is None and desk.right is None:
            return None
        begin, end, turned = self._interval(desk.group)
        first, last = (desk.right, desk.left) if turned else (desk.left, desk.right)
        now, steps = self.soc.now, (end - begin) // self.step
        if first is not None:
            until = begin + first[1] * steps
            if now < until:
                self.wake(until)
                return self.live(first[0])
        if last is not None:
            since = end - last[1] * steps
            if now >= since:
                return self.live(last[0])
            self.wake(since)
        return None

    def _first(self, desk: Desk) -> Segment | None:
        """The one of its own tasks that is due first; the deadline that counts is the next release."""
        waiting = [(index, segment) for index in desk.own if (segment := self.live(index)) is not None]
        periods = self.soc.tasks
        due = [(each.job.arrival + (periods[i].period or 0), each.job.release, i) for i, each in waiting]
        return self.live(min(due)[2]) if due else None

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Whom it does not refuse it serves in time."""
        return self.planned(names, PlanTraits(self.refuses, optimal=True))

    def describe(self) -> str:
        return "EKG" if self.k is None else f"EKG, k = {self.k}"


def lay_out(system: SystemSpec, k: int | None) -> list[Desk] | str:
    """Who is where, or why not all find room. Tasks in their order, on processors in theirs."""
    places = system.tasks[0].nodes[0].eligible
    reason = why_too_much(system, len(places))
    if reason is not None:
        return reason
    step = grid(system)
    size = min(k or len(places), len(places))
    most = Fraction(step) if size == len(places) else Fraction(step * size, size + 1)
    sizes = shares(system, step)
    heavy = [index for index, share in enumerate(sizes) if share >= most]
    if len(heavy) > len(places):
        return f"{len(heavy)} tasks want a processor each, and there are {len(places)}; give a larger k"
    desks = [Desk(place, number, [index]) for number, (place, index) in enumerate(zip(places, heavy, strict=False))]
    light = [Desk(place, len(heavy) + number // size) for number, place in enumerate(places[len(heavy) :])]
    at = 0
    for index, share in enumerate(sizes):
        if index in heavy:
            continue
        if at < len(light) and light[at].filled == step:
            at += 1
        if at < len(light) and light[at].filled + share > step:
            at += 1
            if at < len(light) and light[at].group == light[at - 1].group:
                room = step - light[at - 1].filled
                light[at - 1].right = (index, room)
                light[at - 1].filled = step
                light[at].left = (index, share - room)
                light[at].filled = share - room
                continue
        if at == len(light):
            return f"task {system.tasks[index].name!r} finds no room in groups of {size}; give a larger k"
        light[at].own.append(index)
        light[at].filled += share
    return [*desks, *light]
