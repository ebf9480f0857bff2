"""How long a run lasts: as asked, the hyperperiod, or what suits the system."""

from __future__ import annotations

import math

from rtsched import units
from rtsched.errors import HorizonError
from rtsched.model.system import AUTO, HYPERPERIOD
from rtsched.model.taskgraph import SystemSpec

#: A run that is not told how long to be covers the hyperperiod if that releases at most this many jobs, else AUTO_TIME.
AUTO_JOBS = 20_000
AUTO_TIME = 10 * units.S
#: A hyperperiod with more jobs than this is refused: hours of simulation.
MOST_JOBS = 20_000_000


def hyperperiod(system: SystemSpec) -> int | None:
    """The least common multiple of all periods in ns; None when some task has none."""
    periods = [task.period for task in system.tasks if task.after is None and task.release is None]
    if any(period is None for period in periods):
        return None
    return math.lcm(*(period for period in periods if period is not None)) if periods else 0


def last_offset(system: SystemSpec) -> int:
    """The latest first arrival, in ns."""
    return max((task.offset if task.release is None else task.release for task in system.tasks), default=0)


def _longest_way(system: SystemSpec) -> int:
    """How long anything may take through the longest chain while all tasks are in time, in ns: ``Σ (T + D)``."""
    return max(
        sum((task.period or 0) + task.deadline for task in map(system.tasks.__getitem__, chain.tasks))
        for chain in system.chains
    )


def horizon(system: SystemSpec, until: int | str) -> int:
    """How long releases go on, in ns: as asked; the hyperperiod after the last offset; or what suits the system.

    What suits is the hyperperiod, so many times that something comes through each chain, if that are few jobs.
    """
    if isinstance(until, int):
        return until
    period = hyperperiod(system)
    if period is None:
        if until == HYPERPERIOD:
            raise HorizonError("not every task is periodic, so there is no hyperperiod; ask for e.g. '10 s'")
        return AUTO_TIME
    if period == 0:
        return last_offset(system) + 1
    length = period if not last_offset(system) else last_offset(system) + 2 * period
    if until == AUTO and system.chains:
        length += -(-_longest_way(system) // period) * period
    jobs = sum(length // task.period for task in system.tasks if task.period)
    if until == AUTO:
        return length if jobs <= AUTO_JOBS else AUTO_TIME
    if jobs > MOST_JOBS or length > units.LONGEST:
        years = length / (365 * 86_400 * units.S)
        span = f"{years:.3g} years" if years > 1 else units.format_duration(length, digits=3)
        raise HorizonError(
            f"the hyperperiod is {span} ({jobs:.3g} jobs), too long to simulate; "
            "ask for a time, e.g. '10 s', or choose periods with a small common multiple (1, 2, 5, 10 ms)"
        )
    return length
