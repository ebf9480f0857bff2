"""C=D: partitioned EDF, with at most one task of each processor split off to the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.model.policy import PlanTraits, Policy, SplitPiece, Splits
from rtsched.schedulers.placements.fitting import Tenant, demand
from rtsched.schedulers.systems.classical.plain import PlainTasks

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec, TaskSpec


class CEqualsD(PlainTasks):
    """C=D semi-partitioning: each processor is filled under EDF, and of the task that no longer fits it takes a piece.

    The piece's deadline is its own length, so that it runs at once from the release on; what is left of the task goes
    to another processor, with the time that is left to its deadline, and may be split again. Burns, Davis, Wang, Zhang,
    "Partitioned EDF scheduling for multiprocessors using a C=D task splitting scheme", Real-Time Systems 48(1), 2012;
    the order of filling is that of schedcat (first fit by decreasing density). With ``partition_first`` whatever fits
    whole does so before anything is split, as in schedcat's FFFD (Brandenburg and Gül, RTSS 2016; from its code): then
    it holds whatever first fit holds, which it does not without. No deadline is missed where all fits: the demand on
    each processor is tested exactly. What fits nowhere goes to the last processor, unproven. Needs
    periodic or sporadic tasks; a deadline beyond the period counts as the period. It fails near full load with many
    short deadlines, and splits pay with a migration a job.
    """

    claims = frozenset({"symmetric"})
    called = "c-equals-d"
    sporadic = True
    implicit = False

    def __init__(self, partition_first: bool = False) -> None:
        self.partition_first = partition_first

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.splits = self.split(soc.system)
        #: the piece that each task is at, and how much of it is done
        self.at = [0] * len(soc.tasks)
        self.done = [0] * len(soc.tasks)

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        super().on_ready(job, segments)
        self.at[job.task.index] = self.done[job.task.index] = 0

    def dispatch(self) -> None:
        self._advance()
        first: dict[int, tuple[tuple[int, int, int], Segment]] = {}
        for index, pieces in enumerate(self.splits):
            segment = self.live(index)
            if segment is not None:
                piece = pieces[self.at[index]]
                key = (segment.job.arrival + piece.deadline, segment.job.release, index)
                if piece.place not in first or key < first[piece.place][0]:
                    first[piece.place] = (key, segment)
        self.put({place: segment for place, (_, segment) in first.items()})
        for _, segment in first.values():
            index = segment.job.task.index
            if self.at[index] + 1 < len(self.splits[index]):
                self.wake(self.soc.now + self.splits[index][self.at[index]].length - self.done[index])

    def _advance(self) -> None:
        """Who has run the length of a piece goes on to the next."""
        for index, ran in self.used().items():
            self.done[index] += ran
            while self.at[index] + 1 < len(self.splits[index]):
                length = self.splits[index][self.at[index]].length
                if self.done[index] < length:
                    break
                self.done[index] -= length
                self.at[index] += 1

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Its pieces, for proofs."""
        return self.planned(names, PlanTraits(self.refuses, splits=self.split))

    def split(self, system: SystemSpec) -> Splits:
        """The pieces of every task in their order, from the description alone."""
        return split(system, self.partition_first)

    def describe(self) -> str:
        return "C=D semi-partitioned EDF"


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a task: `length` ns, from `begin` ns after each arrival on, and the pieces before that."""

    task: TaskSpec
    length: int
    begin: int = 0
    before: tuple[SplitPiece, ...] = ()

    @property
    def period(self) -> int:
        """The least distance between two arrivals."""
        return self.task.period or self.task.deadline

    @property
    def deadline(self) -> int:
        """When it is due after the arrival; the next job comes no earlier than that."""
        return min(self.task.deadline, self.period)

    @property
    def tenant(self) -> Tenant:
        """As the demand test sees it."""
        return Tenant(self.length, self.period, self.deadline - self.begin, 0)

    def density(self) -> Fraction:
        """What it asks for of the time that is left to it."""
        return Fraction(self.length, max(1, self.deadline - self.begin))

    def pieces(self, place: int) -> tuple[SplitPiece, ...]:
        """All pieces of its task, when the rest goes to one processor."""
        return (*self.before, SplitPiece(place, self.length, self.begin, self.deadline))

    def without(self, length: int, place: int) -> Rest:
        """What is left when a piece that is due at once has gone to a processor."""
        end = self.begin + length
        return Rest(self.task, self.length - length, end, (*self.before, SplitPiece(place, length, self.begin, end)))


def split(system: SystemSpec, partition_first: bool = False) -> Splits:
    """The pieces of every task in their order, from the description alone."""
    places = system.tasks[0].nodes[0].eligible
    left = [Rest(task, task.volume) for task in system.tasks]
    found: Splits = [()] * len(left)
    there: dict[int, list[Tenant]] = {place: [] for place in places}
    for splitting in (False, True) if partition_first else (True,):
        for place in places:
            fill(place, there[place], left, found, splitting and place != places[-1])
    for rest in left:
        found[rest.task.index] = rest.pieces(places[-1])
    return found


def fill(place: int, there: list[Tenant], left: list[Rest], found: Splits, splitting: bool) -> None:
    """Put what fits of what is `left` on a processor, the densest first, up to one that is split if it may be."""
    for rest in sorted(left, key=lambda each: (-each.density(), each.task.index)):
        if demand([*there, rest.tenant]):
            there.append(rest.tenant)
            found[rest.task.index] = rest.pieces(place)
            left.remove(rest)
            continue
        length = longest(there, rest.tenant) if splitting else 0
        if length:
            left[left.index(rest)] = rest.without(length, place)
            break


def longest(there: Sequence[Tenant], whole: Tenant) -> int:
    """The longest piece, due at once, of a task that does not fit whole beside those that are there; 0 if none does.

    >>> longest([Tenant(14, 40, 40, 0), Tenant(16, 48, 48, 0)], Tenant(6, 16, 16, 0))   # as schedcat's test has it
    5
    """
    free = 1 - sum((each.load for each in there), Fraction(0))
    low, high = 0, min(whole.C - 1, int(free * whole.T))
    while low < high:
        length = (low + high + 1) // 2
        if demand([*there, Tenant(length, whole.T, length, 0)]):
            low = length
        else:
            high = length - 1
    return low
