"""Speeds: at which operating point each clock of the chip stands. A governor that is part of the policy.

A speed part acts by ``soc.set_speed`` on the clocks that the platform leaves to it: those of ``power: {governor:
userspace}``. It is told events after all other parts, and settles last, so that it sees which jobs there are.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rtsched.errors import SchedulerError
from rtsched.model.power import time_scales
from rtsched.schedulers.part import Part

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.model.platform import Cluster
    from rtsched.model.taskgraph import HardwareSpec


class Clock(NamedTuple):
    """One clock: the processors that it drives, and how many times as long compute takes at each of its points.

    Points are numbered from 0, the slowest; times hold where the scale is 1, which a power mode may keep out of reach.
    """

    cluster: str
    processors: tuple[int, ...]
    scales: tuple[float, ...]

    def level(self, share: Fraction) -> int:
        """The lowest point that does at least `share` of the work of full speed in the same time, else the highest."""
        fast = (level for level, scale in enumerate(self.scales) if Fraction(scale) * share <= 1)
        return next(fast, len(self.scales) - 1)


class Speed(Part):
    """A rule of clocks. Override the events it needs, and set the `clocks` that are its own, from the first event on.

    Proofs know nothing of it: how long a node takes depends on what it did before. Clocks begin at the highest point.
    """

    kind = "speed"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        hardware = soc.system.hardware
        self.clocks = [] if hardware is None else clocks_of(hardware)
        if not self.clocks:
            raise SchedulerError(
                f"{type(self).__name__} sets clocks, and none is left to the policy; write "
                "'power: {governor: userspace}', for clusters with operating points"
            )

    def set(self, clock: Clock, level: int) -> None:
        """Let a clock go to operating point `level`; what stands there already stays."""
        self.soc.set_speed(self.soc.processors[clock.processors[0]], level=level)


def clocks_of(hardware: HardwareSpec) -> list[Clock]:
    """The clocks that the platform leaves to the policy, in the order of the platform."""
    power, found = hardware.power, []
    for name, cluster in hardware.platform.processors.items():
        if power is None or power.clusters.get(name, power.governor).name != "userspace":
            continue
        points = cluster.operating_points or ()
        top = max([cluster.frequency_max or 0, *(point.frequency for point in points[-1:])])
        most = hardware.caps.get(name, top)
        scales = time_scales(points, top)[: sum(point.frequency <= most for point in points)] if points else []
        places = [unit.processors for unit in hardware.units if unit.cluster == name]
        for group in _groups(cluster, len(places)) if scales else ():
            driven = tuple(place for member in group for place in places[member])
            found.append(Clock(name, driven, tuple(scales)))
    return found


def _groups(cluster: Cluster, units: int) -> tuple[tuple[int, ...], ...]:
    """The units of a cluster that share a clock: as declared, where all of its cores are units; else all."""
    groups = cluster.frequency_domains
    return (tuple(range(units)),) if groups is None or units != cluster.cores else groups
