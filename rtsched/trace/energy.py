"""Where the energy of a run went."""

from __future__ import annotations

from dataclasses import dataclass

#: Attojoules (nW x ns) in a nanojoule.
NANOJOULE = 10**9


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """Energy of one unit over a run, in nJ."""

    name: str
    active: int
    idle: int


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What became of a battery over a run: energies in nW ns (1e-18 J), times in ns.

    What was there at the `start`, `harvested` and `drawn`, against what is there at the `end`, `lost` (brought when it
    was full), `short` (drawn when it was empty). `least` is the least charge; `off` the time for which the chip was off
    for want of energy, `stops` how often it went off.
    """

    capacity: int
    start: int
    harvested: int
    drawn: int
    end: int
    lost: int
    short: int
    least: int
    off: int
    stops: int


@dataclass(frozen=True)
class EnergyReport:
    """Where the energy of a run went, in nJ; `tasks` holds the active energy of each task's jobs.

    `jobs` maps job numbers to theirs, when a trace is kept; `store` says what became of a battery.
    """

    units: tuple[UnitEnergy, ...]
    base: int
    memory: int
    tasks: tuple[int, ...]
    jobs: dict[int, int]
    store: StoreReport | None = None

    @property
    def total(self) -> int:
        """All of it."""
        return self.base + self.memory + sum(unit.active + unit.idle for unit in self.units)
