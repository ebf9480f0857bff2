"""The constraint program of a window: which way each job takes, and when its nodes run.

Nodes that cannot be interrupted are intervals. For those that can there are two programs (see docs/optimum.md):
``pieces`` cuts each into a number of intervals, so that what it finds is a schedule; ``fluid`` only says how much of
each may run when, so that what it proves is a bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from math import gcd, lcm
from typing import Any

from rtsched.optimum.window import Mode, Step, TimeWindow, Way, WindowJob

#: What is interrupted begins and ends at one of so many instants: over finer ones bounds that move by single steps take
#: for ever.
GRID = 2048

#: Weights are counted in whole parts; where they have no common one, in these, rounded up.
PARTS = 10**6


@dataclass(slots=True)
class StepVariables:
    """When a step begins and ends, whether each of its modes is chosen, and the pieces that it runs in.

    A piece is (pool, begin, end, whether it is there). `key` are the places of the job, the way and the step, and
    `span` are its head and tail in ns.
    """

    key: tuple[int, int, int]
    step: Step
    span: tuple[int, int]
    head: int
    tail: int
    start: Any
    end: Any
    modes: list[Any]
    pieces: list[tuple[int, Any, Any, Any]] = field(default_factory=list)


@dataclass(slots=True)
class WayVariables:
    """Whether a way is taken, and its steps."""

    way: Way
    taken: Any
    steps: list[StepVariables]


@dataclass(slots=True)
class JobVariables:
    """The ways of a job, whether it runs at all, when it ends, and whether it is in time."""

    job: WindowJob
    ways: list[WayVariables]
    runs: Any
    end: Any
    timely: Any


class Program:
    """The variables and constraints that both programs share; `interruptible` nodes are added by each.

    Times are in units of `unit` ns. `value` is the sum of the parts of weights, of which one is 1 / `scale`.
    """

    def __init__(self, window: TimeWindow, unit: int) -> None:
        from ortools.sat.python import cp_model

        self.window = window
        self.unit = unit
        self.model = cp_model.CpModel()
        self.intervals: list[list[Any]] = [[] for _ in window.pools]
        self.leads = {job.follows for job in window.jobs if job.follows is not None}
        self.scale = scale_of(window)
        self.energies: list[Any] | None = [] if window.has_energy else None
        self.terms: list[Any] = []
        self.jobs: list[JobVariables] = []
        for place, job in enumerate(window.jobs):
            self.jobs.append(self._job(place, job))
        for earlier, later in window.waits:
            self._wait(self.jobs[earlier], self.jobs[later])
        self.capacities()
        self.value = sum(self.terms)

    @property
    def choices(self) -> list[Any]:
        """Whether each way of each job is taken, in order."""
        return [way.taken for job in self.jobs for way in job.ways]

    # ---- jobs --------------------------------------------------------------------------------------------------------

    def _job(self, place: int, job: WindowJob) -> JobVariables:
        begin, last = self.instant(job.release), job.last // self.unit
        end = self.model.new_int_var(min(begin, last), max(begin, last), "")
        ways = [self._way((place, number), way, job) for number, way in enumerate(job.ways)]
        self.model.add_at_most_one(each.taken for each in ways)
        runs = self.model.new_bool_var("")
        self.model.add(sum(each.taken for each in ways) == runs)
        found = JobVariables(job, ways, runs, end, None)
        for each in ways:
            self._ends(each, end, exactly=place in self.leads)
        if job.follows is not None:
            self._follow(self.jobs[job.follows], found)
        if place in self.leads:
            found.timely = self.model.new_bool_var("")
            if job.follows is None:
                self.model.add(end * self.unit <= job.deadline).only_enforce_if(found.timely)
        self._worth(found)
        return found

    def _way(self, key: tuple[int, int], way: Way, job: WindowJob) -> WayVariables:
        taken = self.model.new_bool_var("")
        steps: list[StepVariables] = []
        for step, span in zip(way.steps, way.windows(job.release, job.last), strict=True):
            found = self._step((*key, len(steps)), step, span, taken)
            for before in step.before:
                self.model.add(found.start >= steps[before].end).only_enforce_if(taken)
            steps.append(found)
        if way.budget is not None:
            chosen = [(m, mode.loss) for each in steps for m, mode in zip(each.modes, each.step.modes, strict=True)]
            self.model.add(sum(loss * m for m, loss in chosen) <= way.budget).only_enforce_if(taken)
        return WayVariables(way, taken, steps)

    def _ends(self, way: WayVariables, end: Any, exactly: bool) -> None:
        """The job ends with the last step of the way."""
        picks = []
        for place in way.way.sinks:
            last = way.steps[place].end
            self.model.add(end >= last).only_enforce_if(way.taken)
            if exactly:
                picks.append(self.model.new_bool_var(""))
                self.model.add(end <= last).only_enforce_if(picks[-1])
        if exactly:
            self.model.add_bool_or(picks).only_enforce_if(way.taken)

    def _follow(self, lead: JobVariables, job: JobVariables) -> None:
        """A job that another one triggers, before the releases end, and from whose end on its time counts."""
        runs = job.runs
        self.model.add_implication(runs, lead.runs)
        self.model.add(lead.end <= (self.window.until - 1) // self.unit).only_enforce_if(runs)
        for way in job.ways:
            for each in way.steps:
                if not each.step.before:
                    self.model.add(each.start >= lead.end).only_enforce_if(way.taken)

    def _worth(self, job: JobVariables) -> None:
        weight = -(-(job.job.weight * self.scale).numerator // (job.job.weight * self.scale).denominator)
        place = len(self.jobs)
        due = None if job.job.follows is None else self.jobs[job.job.follows].end + self.wait(job.job.span)
        if place in self.leads and due is not None:
            self.model.add(job.end <= due).only_enforce_if(job.timely)
        elif due is not None:
            self.model.add(job.end <= due).only_enforce_if(job.runs)
        for way in job.ways:
            if not way.way.worth or not weight:
                continue
            counted = way.taken
            if place in self.leads:
                counted = self.model.new_bool_var("")
                self.model.add_implication(counted, way.taken)
                self.model.add_implication(counted, job.timely)
            self.terms.append(weight * counted)

    def _wait(self, earlier: JobVariables, later: JobVariables) -> None:
        """A job begins when the one before it of its task has ended."""
        for way in later.ways:
            for each in way.steps:
                if not each.step.before:
                    self.model.add(each.start >= earlier.end).only_enforce_if([way.taken, earlier.runs])

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _step(self, key: tuple[int, int, int], step: Step, span: tuple[int, int], taken: Any) -> StepVariables:
        head, tail = self.instant(span[0]), span[1] // self.unit
        low, high = min(head, tail), max(head, tail)
        start, end = self.model.new_int_var(low, high, ""), self.model.new_int_var(low, high, "")
        single = len(step.modes) == 1
        modes = [taken if single else self.model.new_bool_var("") for _ in step.modes]
        if not single:
            self.model.add(sum(modes) == taken)
        found = StepVariables(key, step, span, head, tail, start, end, modes)
        self.model.add(end >= start + self.least(step.least)).only_enforce_if(taken)
        for mode, chosen in zip(step.modes, modes, strict=True):
            if mode.rigid:
                self._rigid(found, mode, chosen)
        self.interruptible(found)
        return found

    def _rigid(self, step: StepVariables, mode: Mode, chosen: Any) -> None:
        """One interval in one of the pools, of the whole time there; none where it is left out."""
        if not mode.times:
            return
        places = []
        for place in mode.pools:
            time = self.duration(mode.times[place] or 0)
            here = chosen if len(mode.pools) == 1 else self.model.new_bool_var("")
            self.intervals[place].append(self.model.new_optional_interval_var(step.start, time, step.end, here, ""))
            step.pieces.append((place, step.start, step.end, here))
            self.occupy(step, place, mode.times[place] or 0, here)
            self.draws(mode, place, here)
            places.append(here)
        if len(mode.pools) > 1:
            self.model.add(sum(places) == chosen)

    def draws(self, mode: Mode, place: int, here: Any) -> None:
        """What is drawn if a mode runs there, as far as that is known."""
        energy = mode.energy[place] if mode.energy else None
        if energy is None:
            self.energies = None
        elif self.energies is not None:
            self.energies.append(energy * here)

    # Times that are no multiples of the unit are rounded so that what fits in units fits; `fluid` rounds the other way.

    def instant(self, time: int) -> int:
        """The first instant in units from `time` on."""
        return -(-time // self.unit)

    def duration(self, time: int) -> int:
        """What takes `time`, in units."""
        return -(-time // self.unit)

    def least(self, time: int) -> int:
        """How far apart begin and end of something are that takes `time` or more, in units."""
        return self.duration(time)

    def wait(self, time: int) -> int:
        """How long something may take, in units."""
        return time // self.unit

    def interruptible(self, step: StepVariables) -> None:
        """The modes that can be interrupted somewhere."""
        raise NotImplementedError

    def occupy(self, step: StepVariables, place: int, time: int, here: Any) -> None:
        """A rigid step takes so many ns of a pool, if it runs there."""

    def capacities(self) -> None:
        """No pool serves more at once than it has processors."""
        for pool, intervals in zip(self.window.pools, self.intervals, strict=True):
            if pool.size == 1:
                self.model.add_no_overlap(intervals)
            elif len(intervals) > pool.size:
                self.model.add_cumulative(intervals, [1] * len(intervals), pool.size)


def scale_of(window: TimeWindow) -> int:
    """How many parts a weight of 1 has."""
    wanted = lcm(*(job.weight.denominator for job in window.jobs))
    return wanted if wanted <= PARTS else PARTS


def shares(times: list[int], terms: int) -> tuple[int, list[int]]:
    """A whole, and how much of it a unit of time is in each of these times of it, rounded up; `terms` are added up.

    Exact where the times have a small common multiple.
    """
    whole = lcm(*times)
    if whole * terms >= 2**60:
        whole = 10**6 * max(times)
    return whole, [-(-whole // time) for time in times]


def interruptible(window: TimeWindow) -> bool:
    """Whether a node can be interrupted anywhere."""
    return any(not mode.rigid for mode in modes_of(window))


def modes_of(window: TimeWindow) -> list[Mode]:
    """The modes of all steps that are not left out."""
    steps = (step for job in window.jobs for way in job.ways for step in way.steps)
    return [mode for step in steps for mode in step.modes if mode.times]


def grain_of(window: TimeWindow) -> int:
    """The greatest common divisor of all times and instants, in ns."""
    times = [time for mode in modes_of(window) for time in mode.times if time is not None]
    instants = [
        part
        for job in window.jobs
        if job.ways
        for part in (job.release, job.deadline if job.follows is None else job.span)
    ]
    return reduce(gcd, (*times, *instants), 0) or 1


def divisible(window: TimeWindow) -> bool:
    """Whether a best schedule may have to cut at any instant.

    So it is where an interrupted node may go on in another pool, or beside one that cannot be interrupted; else sums of
    the times are enough (see docs/optimum.md).
    """
    modes = modes_of(window)
    loose = [mode for mode in modes if not mode.rigid]
    shared = {place for mode in loose for place in mode.pools}
    mixed = any(mode.rigid and shared & set(mode.pools) for mode in modes)
    return mixed or any(len(mode.pools) > 1 for mode in loose)


def unit_of(window: TimeWindow) -> int:
    """The largest unit in ns that loses nothing."""
    return 1 if divisible(window) else grain_of(window)


def unit_for(window: TimeWindow) -> int:
    """A unit in ns that instants are counted in where nodes can be interrupted: not too fine."""
    grain = grain_of(window)
    coarse = -(-(max(job.last for job in window.jobs) - min(job.release for job in window.jobs)) // GRID)
    return grain if grain >= coarse or not interruptible(window) else -(-coarse // grain) * grain
