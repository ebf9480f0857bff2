"""What the hardware did in a run: energy, clocks, heat, failures, loads. Pure functions of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtsched.trace.energy import NANOJOULE
from rtsched.trace.trace import BANDWIDTH, CHECKPOINT, DOWN, EVICT, FREQUENCY, LOAD, TEMPERATURE, Trace

if TYPE_CHECKING:
    from rtsched.metrics.tally import Changes


@dataclass(frozen=True)
class UnitUse:
    """Energy of one unit (a core, an accelerator), in nJ."""

    name: str
    active: int
    idle: int


@dataclass(frozen=True)
class TaskUse:
    """Active energy of a task's jobs in nJ: all, and per job released."""

    name: str
    total: int
    per_job: float | None


@dataclass(frozen=True)
class EnergyFigures:
    """Where the energy went, in nJ; `mean_power` in mW over the run."""

    total: int
    mean_power: float
    base: int
    memory: int
    units: tuple[UnitUse, ...]
    tasks: tuple[TaskUse, ...]


@dataclass(frozen=True)
class BatteryFigures:
    """A battery: charges as shares of its capacity, energies in nJ.

    `harvested` came in, `lost` of it because it was full; `short` was drawn when there was nothing left. `off` is the
    share of the run for which the chip was off for want of energy, `stops` how often it went off.
    """

    start: float
    end: float
    least: float
    harvested: int
    lost: int
    short: int
    off: float
    stops: int


@dataclass(frozen=True)
class ClockFigures:
    """The clock of one domain (named after its first processor): the mean over time in Hz, and how often it changed."""

    name: str
    mean: float
    changes: int


@dataclass(frozen=True)
class HeatFigures:
    """The highest temperature in °C, the share of the run under a trip's caps, and how often a trip was met."""

    highest: float
    throttled: float
    trips: int


@dataclass(frozen=True)
class FailureFigures:
    """One processor: how often it failed, the share of the run it was down, and the segments it hit."""

    name: str
    failures: int
    down: float
    hit: int


@dataclass(frozen=True)
class LinkFigures:
    """The mean bandwidth over time of a link whose bandwidth varies, in bytes per second."""

    name: str
    mean: float


@dataclass(frozen=True)
class HardwareFigures:
    """What the hardware did; parts that a run does not use are None or empty."""

    energy: EnergyFigures | None
    battery: BatteryFigures | None
    clocks: tuple[ClockFigures, ...]
    heat: HeatFigures | None
    failures: tuple[FailureFigures, ...]
    links: tuple[LinkFigures, ...]
    loads: int
    loaded_bytes: int
    evictions: int
    checkpoints: int


def hardware(trace: Trace, jobs: list[int], changes: Changes) -> HardwareFigures | None:
    """The figures of a run whose system uses more than plain processors; `jobs` counts those of each task."""
    if trace.system.hardware is None:
        return None
    return HardwareFigures(
        energy=_energy(trace, jobs),
        battery=_battery(trace),
        clocks=tuple(
            ClockFigures(_name(trace, place), course.mean(course.first, trace.end), course.count - 1)
            for place, course in changes.of(FREQUENCY).items()
        ),
        heat=_heat(trace, changes),
        failures=_failures(trace, changes),
        links=_links(trace, changes),
        loads=changes.counts[LOAD],
        loaded_bytes=changes.loaded,
        evictions=changes.counts[EVICT],
        checkpoints=changes.counts[CHECKPOINT],
    )


def _name(trace: Trace, processor: int) -> str:
    return trace.system.processors[processor].name


def _energy(trace: Trace, jobs: list[int]) -> EnergyFigures | None:
    report = trace.energy
    if report is None:
        return None
    names = [task.name for task in trace.system.tasks]
    return EnergyFigures(
        total=report.total,
        mean_power=1000 * report.total / trace.end if trace.end else 0.0,
        base=report.base,
        memory=report.memory,
        units=tuple(UnitUse(unit.name, unit.active, unit.idle) for unit in report.units),
        tasks=tuple(
            TaskUse(name, total, total / count if count else None)
            for name, total, count in zip(names, report.tasks, jobs, strict=True)
        ),
    )


def _battery(trace: Trace) -> BatteryFigures | None:
    store = None if trace.energy is None else trace.energy.store
    if store is None:
        return None
    return BatteryFigures(
        start=store.start / store.capacity,
        end=store.end / store.capacity,
        least=store.least / store.capacity,
        harvested=store.harvested // NANOJOULE,
        lost=store.lost // NANOJOULE,
        short=store.short // NANOJOULE,
        off=store.off / trace.end if trace.end else 0.0,
        stops=store.stops,
    )


def _heat(trace: Trace, changes: Changes) -> HeatFigures | None:
    if trace.peak_temperature is None:
        return None
    capped = changes.of(TEMPERATURE).get(0)
    return HeatFigures(trace.peak_temperature, 0.0 if capped is None else capped.mean(0, trace.end), changes.trips)


def _failures(trace: Trace, changes: Changes) -> tuple[FailureFigures, ...]:
    return tuple(
        FailureFigures(_name(trace, place), changes.failures[place], course.mean(0, trace.end), changes.hits[place])
        for place, course in changes.of(DOWN).items()
    )


def _links(trace: Trace, changes: Changes) -> tuple[LinkFigures, ...]:
    spec = trace.system.hardware
    found = []
    for place, course in changes.of(BANDWIDTH).items():
        name = _name(trace, place)
        nominal = 0 if spec is None else spec.platform.links[name].bandwidth or 0
        found.append(LinkFigures(name, course.mean(nominal, trace.end)))
    return tuple(found)
