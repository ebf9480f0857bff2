"""What a node draws beyond an idle processor, where that is a plain figure: clocks that stand still, no leakage."""

from __future__ import annotations

from collections.abc import Callable

from rtsched.dnn.processors import top_frequency
from rtsched.model.power import active_powers
from rtsched.model.taskgraph import NodeSpec, SystemSpec, UnitSpec

#: The energy in nJ that a node draws in so many ns on a processor beyond idling; None where it is not known.
Draws = Callable[[NodeSpec, int, int], int | None]

#: Powers are in nW: a nJ per ns is a W.
NANOWATTS_PER_NJ_PER_NS = 10**9


def powers(system: SystemSpec, place: int) -> Draws:
    """What nodes draw on processor `place`."""
    busy, idle = _busy_and_idle(system, place)

    def draws(node: NodeSpec, at: int, time: int) -> int | None:
        energies = () if node.hardware is None else node.hardware.energy
        own = energies[at] if energies else None
        if own is None and busy is None:
            return None
        whole = own if own is not None else (busy or 0) * time // NANOWATTS_PER_NJ_PER_NS
        return max(0, whole - idle * time // NANOWATTS_PER_NJ_PER_NS)

    return draws


def _busy_and_idle(system: SystemSpec, place: int) -> tuple[int | None, int]:
    """The powers of a processor in nW; none when busy where it depends on more than that."""
    hardware = system.hardware
    unit = None if hardware is None else next((each for each in hardware.units if place in each.processors), None)
    if hardware is None or hardware.power is None or unit is None:
        return None, 0
    power = unit.description.power
    idle = 0 if power is None else power.idle * 1000
    governor = hardware.power.clusters.get(unit.cluster, hardware.power.governor)
    if governor.name != "performance" or (power is not None and power.leakage is not None):
        return None, idle
    return _active(unit, hardware.caps.get(unit.cluster)), idle


def _active(unit: UnitSpec, cap: int | None) -> int | None:
    points = unit.description.operating_points or ()
    found, unknown = active_powers(points, unit.description.power, top_frequency(unit.description))
    return None if unknown or cap is not None else found[-1]
