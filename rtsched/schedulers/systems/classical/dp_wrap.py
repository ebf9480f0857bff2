"""DP-WRAP and boundary-fair scheduling: fair at every release, and laid out by McNaughton's rule in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched import units
from rtsched.schedulers.parameters import duration
from rtsched.schedulers.systems.classical.fluid import Fluid

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc


class DPWrap(Fluid):
    """Deadline partitioning: the shares of the time between two releases are laid end to end and cut into processors.

    Who lies across a cut runs at the end of one slice and at the beginning of the next; every second layout is
    mirrored, so that who runs last goes on. No periodic set of U <= m and D >= T misses; at most m - 1 tasks migrate in
    each interval. Levin, Funk, Sadowski, Pye and Brandt, "DP-FAIR: a simple model for understanding optimal
    multiprocessor scheduling", ECRTS 2010; mirrored as in SimSo's code. Shares are whole ns (see `Fluid`).
    """

    called = "dp-wrap"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        #: (processor, begin, end, task) of the present interval
        self.layout: list[tuple[int, int, int, int]] = []
        self.mirrored = True

    def dispatch(self) -> None:
        alive, now = self.charge(), self.soc.now
        if now >= self.end:
            self.layout = self._laid_out(alive, self.share_out(alive))
        wanted: dict[int, Segment] = {}
        for place, begin, end, index in self.layout:
            segment = self.live(index)
            if begin <= now < end and segment is not None:
                wanted[place] = segment
        self.put(wanted)
        if alive:
            edges = [edge for _, begin, end, _ in self.layout for edge in (begin, end) if edge > now]
            self.wake(min([self.end, *edges]))

    def _laid_out(self, alive: list[int], length: int) -> list[tuple[int, int, int, int]]:
        """McNaughton's wrap-around rule, from left to right or from right to left in turn."""
        now = self.soc.now
        self.mirrored = not self.mirrored
        found, at = [], 0
        for index in alive:
            left = self.local[index]
            while left:
                number, begin = divmod(at, length)
                size = min(left, length - begin)
                low = length - begin - size if self.mirrored else begin
                found.append((self.places[number], now + low, now + low + size, index))
                at += size
                left -= size
        return found

    def describe(self) -> str:
        return "DP-WRAP"


class BoundaryFair(DPWrap):
    """BF, boundary-fair scheduling: as `dp-wrap`, in whole quanta: fair to one `quantum` at every release of any task.

    Zhu, Mossé and Melhem, "Multiple-resource periodic scheduling problem: how much fairness is necessary?", RTSS 2003;
    who gets the odd quanta is decided as PD² would (BF²: Nelissen, Su, Guo, Zhu, Nélis and Goossens, Real-Time Systems
    50, 2014), since SimSo's form of the first rule misses. Needs C, T and offsets in whole quanta.
    """

    called = "bf"

    def __init__(self, quantum: int | str = units.MS) -> None:
        self.quantum = duration(quantum, "quantum")

    def describe(self) -> str:
        return f"BF, quantum {units.format_duration(self.quantum)}"
