"""Where the energy of a run went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """Energy of one unit over a run, in nJ."""

    name: str
    active: int
    idle: int


@dataclass(frozen=True)
class EnergyReport:
    """Where the energy of a run went, in nJ; `tasks` holds the active energy of each task's jobs.

    `jobs` maps job numbers to theirs, when a trace is kept.
    """

    units: tuple[UnitEnergy, ...]
    base: int
    memory: int
    tasks: tuple[int, ...]
    jobs: dict[int, int]

    @property
    def total(self) -> int:
        """All of it."""
        return self.base + self.memory + sum(unit.active + unit.idle for unit in self.units)
