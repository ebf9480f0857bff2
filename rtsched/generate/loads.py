"""How much each task takes and how often: utilisations times periods, in whole ns, to the load that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtsched.errors import InputError
from rtsched.generate.groups import Group
from rtsched.generate.periods import Periods
from rtsched.generate.utilisations import Utilisations

#: How far the utilisation of a group may be from what was asked for; sets that are farther are drawn anew, so often.
TOLERANCE, MOST_SETS = 0.01, 100


@dataclass(frozen=True, slots=True)
class TaskSet:
    """The tasks of a set as mappings; their execution times (or longest paths) and periods in ns; each group's load."""

    tasks: list[dict[str, Any]]
    times: Any
    periods: Any
    reached: list[float]


class LoadSampler:
    """Draws execution times and periods: of `parallel` tasks, which have work for every group, or of one group each."""

    def __init__(self, groups: Sequence[Group], utilisations: Utilisations, periods: Periods, parallel: bool) -> None:
        self.groups = groups
        self.parallel = parallel
        self.periods = periods
        self.samplers = [utilisations.sampler(group.count, group.total, parallel=parallel) for group in groups]
        self.limits = [
            (slice(end - group.count, end), group.total)
            for group, end in zip(groups, np.cumsum([group.count for group in groups]).tolist(), strict=True)
        ]

    def draw(self, random: np.random.Generator, least: int = 1) -> tuple[Any, Any, list[float]]:
        """Times and periods, group after group, and the load of each group. Raises InputError."""
        for _ in range(MOST_SETS):
            shares = [sampler(random) for sampler in self.samplers]
            wanted = shares[0] if len(shares) == 1 else np.concatenate(shares)
            periods = self.periods.draw(random, self.groups[0].count if self.parallel else len(wanted))
            if self.parallel and len(shares) > 1:
                periods = np.tile(periods, len(shares))
            times = np.maximum(np.rint(wanted * periods), least).astype(np.int64)
            loads = times / periods
            reached = [float(loads[place].sum()) for place, _ in self.limits]
            if all(abs(got - total) <= TOLERANCE * total for got, (_, total) in zip(reached, self.limits, strict=True)):
                return times, periods, reached
        raise InputError(
            f"utilisation: execution times are whole ns, and {MOST_SETS} sets in a row were more than 1 % off; ask "
            "for a higher utilisation, fewer tasks or longer periods"
        )
