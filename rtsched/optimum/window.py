"""A window of time as plain data: the jobs that come, what each way of answering them takes, and where.

Times are integers in ns. Nothing here knows of a solver, or of an engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


@dataclass(frozen=True, slots=True)
class ProcessorPool:
    """Processors that no node can tell apart, by their numbers."""

    processors: tuple[int, ...]
    name: str

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.processors)


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of running a node: its time in ns in each pool (None: not there); without any it is left out.

    `loose` says of each pool whether the node can be interrupted there; `loss` counts against the budget of the way,
    and `energy` is that of the whole node in nJ in each pool.
    """

    times: tuple[int | None, ...] = ()
    loose: tuple[bool, ...] = ()
    loss: int = 0
    energy: tuple[int | None, ...] = ()
    name: str = ""

    @property
    def least(self) -> int:
        """The shortest of its times; 0 where it is left out."""
        return min((time for time in self.times if time is not None), default=0)

    @property
    def pools(self) -> tuple[int, ...]:
        """Where it may run."""
        return tuple(place for place, time in enumerate(self.times) if time is not None)

    @property
    def rigid(self) -> bool:
        """Whether it cannot be interrupted anywhere."""
        return not any(self.loose[place] for place in self.pools)


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a way: the modes it may run in, and the places in the way of the steps before it."""

    node: int
    modes: tuple[Mode, ...]
    before: tuple[int, ...] = ()

    @property
    def least(self) -> int:
        """The shortest time of any mode."""
        return min(mode.least for mode in self.modes)


@dataclass(frozen=True)
class Way:
    """One way to an answer: steps (each after those before it), what the answer is worth, and how it is called.

    The losses of the modes that are chosen may add up to `budget`.
    """

    steps: tuple[Step, ...]
    worth: int = 1
    budget: int | None = None
    name: str = ""

    @cached_property
    def sinks(self) -> tuple[int, ...]:
        """The steps that none comes after."""
        followed = {place for step in self.steps for place in step.before}
        return tuple(place for place in range(len(self.steps)) if place not in followed)

    @property
    def length(self) -> int:
        """The time of its longest path, every node in its quickest mode and place."""
        return max(
            (head + step.least for step, (head, _) in zip(self.steps, self.windows(0, 0), strict=True)), default=0
        )

    def windows(self, begin: int, end: int) -> list[tuple[int, int]]:
        """For each step when it can begin at the earliest, and must have ended at the latest."""
        heads: list[int] = []
        for step in self.steps:
            heads.append(max([begin, *(heads[each] + self.steps[each].least for each in step.before)]))
        tails = [end] * len(self.steps)
        for place in reversed(range(len(self.steps))):
            for each in self.steps[place].before:
                tails[each] = min(tails[each], tails[place] - self.steps[place].least)
        return list(zip(heads, tails, strict=True))

    def fits(self, begin: int, end: int) -> bool:
        """Whether its longest path fits between two instants."""
        return all(
            head + step.least <= tail for step, (head, tail) in zip(self.steps, self.windows(begin, end), strict=True)
        )


@dataclass(frozen=True, slots=True)
class WindowJob:
    """A job that comes (or may be triggered), and the ways to answer it.

    It may run from `release` on, and is worth its task's `weight` if it ends by `deadline`, both in ns; `last` is when
    it must have ended at all. One that `follows` another job (its place in the window) is released when that ends,
    which must then be before `until`, and is due `span` ns later.
    """

    task: int
    index: int
    name: str
    arrival: int
    release: int
    deadline: int
    last: int
    weight: Fraction
    ways: tuple[Way, ...]
    follows: int | None = None
    span: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Everything that the solvers see. `waits` are pairs of jobs of which the second begins when the first has ended.

    `relaxed` says in words what of the system is left out, all of which only slows or forbids.
    """

    pools: tuple[ProcessorPool, ...]
    jobs: tuple[WindowJob, ...]
    waits: tuple[tuple[int, int], ...]
    until: int
    relaxed: tuple[str, ...] = ()
    has_energy: bool = False

    @property
    def steps(self) -> int:
        """How many nodes there are: of each job those of its longest way."""
        return sum(max((len(way.steps) for way in job.ways), default=0) for job in self.jobs)
