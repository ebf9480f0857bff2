"""LLREF: fair at every release, and between two of them the largest local remaining execution first."""

from __future__ import annotations

from rtsched.schedulers.systems.classical.fluid import Fluid


class LLREF(Fluid):
    """Largest local remaining execution first: all tasks keep to their fluid rates from release to release of any.

    Each interval between two releases (a T-L plane) has a local execution for every task, its share of the interval.
    The m largest that remain run; the choice is made anew when one of them is done, or when another has to run on to
    the end of the plane (events B and C). No periodic set of U <= m and D >= T misses. Cho, Ravindran and Jensen, "An
    optimal real-time scheduling algorithm for multiprocessors", RTSS 2006. Shares are whole ns (see
    `Fluid`). It pays with preemptions and migrations at every release, and leaves processors idle.
    """

    called = "llref"

    def dispatch(self) -> None:
        alive, now = self.charge(), self.soc.now
        if now >= self.end:
            self.share_out(alive)
        able = sorted((index for index in alive if self.local[index] > 0), key=lambda index: -self.local[index])
        chosen, waiting = able[: len(self.places)], able[len(self.places) :]
        self.spread(segment for index in chosen if (segment := self.live(index)) is not None)
        if alive:
            done = [now + self.local[index] for index in chosen]
            urgent = [self.end - self.local[index] for index in waiting]
            self.wake(min([self.end, *done, *urgent]))

    def describe(self) -> str:
        return "LLREF"
