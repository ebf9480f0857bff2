"""What the hardware did in a run: energy, clocks, heat, failures, loads. Pure functions of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.engine.trace import (
    BANDWIDTH,
    CHECKPOINT,
    DOWN,
    EVICT,
    FREQUENCY,
    LOAD,
    TEMPERATURE,
    UP,
    Trace,
)


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
    clocks: tuple[ClockFigures, ...]
    heat: HeatFigures | None
    failures: tuple[FailureFigures, ...]
    links: tuple[LinkFigures, ...]
    loads: int
    loaded_bytes: int
    evictions: int
    checkpoints: int


def hardware(trace: Trace, jobs: list[int]) -> HardwareFigures | None:
    """The figures of a run whose system uses more than plain processors; `jobs` counts those of each task."""
    if trace.system.hardware is None:
        return None
    loads = _rows(trace, LOAD)
    return HardwareFigures(
        energy=_energy(trace, jobs),
        clocks=_clocks(trace),
        heat=_heat(trace),
        failures=_failures(trace),
        links=_links(trace),
        loads=len(loads),
        loaded_bytes=int(loads["value"].sum()),
        evictions=len(_rows(trace, EVICT)),
        checkpoints=len(_rows(trace, CHECKPOINT)),
    )


def _rows(trace: Trace, *kinds: int) -> NDArray[Any]:
    return trace.changes[np.isin(trace.changes["what"], kinds)]


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


def _mean(rows: NDArray[Any], first: int, end: int) -> float:
    """The mean over [0, end) of a value that is `first` until the rows change it."""
    times = np.concatenate(([0], np.minimum(rows["time"], end), [end]))
    values = np.concatenate(([first], rows["value"])).astype(float)
    return float((values * np.diff(times)).sum() / end) if end else float(first)


def _clocks(trace: Trace) -> tuple[ClockFigures, ...]:
    changes = _rows(trace, FREQUENCY)
    found = []
    for place in np.unique(changes["subject"]).tolist():
        rows = changes[changes["subject"] == place]
        found.append(
            ClockFigures(_name(trace, place), _mean(rows[1:], int(rows["value"][0]), trace.end), len(rows) - 1)
        )
    return tuple(found)


def _heat(trace: Trace) -> HeatFigures | None:
    if trace.peak_temperature is None:
        return None
    rows = _rows(trace, TEMPERATURE)
    capped = rows.copy()
    capped["value"] = capped["subject"] >= 0
    met = np.flatnonzero(np.diff(rows["subject"]) > 0)
    return HeatFigures(trace.peak_temperature, _mean(capped, 0, trace.end), len(met))


def _failures(trace: Trace) -> tuple[FailureFigures, ...]:
    changes = _rows(trace, DOWN, UP)
    found = []
    for place in np.unique(changes["subject"]).tolist():
        rows = changes[changes["subject"] == place].copy()
        failures = rows[rows["what"] == DOWN]
        hit = int((failures["value"] >= 0).sum())
        rows["value"] = rows["what"] == DOWN
        found.append(FailureFigures(_name(trace, place), len(failures), _mean(rows, 0, trace.end), hit))
    return tuple(found)


def _links(trace: Trace) -> tuple[LinkFigures, ...]:
    spec = trace.system.hardware
    changes = _rows(trace, BANDWIDTH)
    found = []
    for place in np.unique(changes["subject"]).tolist():
        name = _name(trace, place)
        nominal = 0 if spec is None else spec.platform.links[name].bandwidth or 0
        found.append(LinkFigures(name, _mean(changes[changes["subject"] == place], nominal, trace.end)))
    return tuple(found)
