"""GRUB: constant-bandwidth servers that share out what the others do not use."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.systems.cbs import ConstantBandwidthServer, Server

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc


class GRUB(ConstantBandwidthServer):
    """Greedy reclamation of unused bandwidth: as `cbs`, but a budget is used up at the rate of the active bandwidth.

    A server is active while it has work, and after that until its budget would last to its deadline at its own rate
    (the 0-lag time); of others the bandwidth is inactive, and of the time that runs only the rest is charged:
    dq = -(1 - U_inactive - U_extra) dt, where U_extra is what no server has. Lipari and Baruah, "Greedy reclamation of
    unused bandwidth in constant-bandwidth servers", ECRTS 2000; this is SCHED_DEADLINE with SCHED_FLAG_RECLAIM and all
    of the processor to be reclaimed (Linux leaves 5 %). Guarantees are those of `cbs`: no server takes what another
    one may still claim. Needs one processor and a total bandwidth of at most 1; tasks without a budget get only what no
    active server wants.
    """

    claims = frozenset({"symmetric"})
    takes = frozenset()
    several = False
    alone = "it counts the active bandwidth of the one processor"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        places = {place for task in soc.tasks for node in task.nodes for place in node.eligible}
        self.bandwidths = {
            server.task.index: Fraction(server.full, server.period)
            for server in self.servers
            if server.full is not None
        }
        total = sum(self.bandwidths.values(), Fraction(0))
        if len(places) > 1:
            raise SchedulerError(f"grub: it shares out one processor, and the tasks may use {len(places)}; choose cbs")
        if total > 1:
            raise SchedulerError(f"grub: the servers have {float(total):.3f} of the processor; give smaller budgets")
        #: the active bandwidth since the last dispatch
        self.rate = Fraction(1)

    def dispatch(self) -> None:
        """As servers do, with the rate that holds from now on."""
        now = self.soc.now
        for server in self.servers:
            if server.full is not None:
                self._take(server, now)  # at the rate that held until now
        self.rate = sum((self.bandwidths[each.task.index] for each in self._active(now)), Fraction(0))
        super().dispatch()

    def _active(self, now: int) -> list[Server]:
        """The servers that may claim their bandwidth; those without work are looked at again at their 0-lag times."""
        found = []
        for server in self.servers:
            if server.full is None:
                continue
            if server.head() is None:
                zero_lag = ceil(server.deadline - server.budget / self.bandwidths[server.task.index])
                if now >= zero_lag:
                    continue
                self.soc.wake_at(zero_lag, "0-lag")
            found.append(server)
        return found

    def _worth(self, ran: int) -> Fraction:
        return ran * self.rate

    def _used_up(self, server: Server) -> bool:
        """It stops before a tick that its budget is not enough for, and keeps the rest: others may need theirs."""
        return bool(server.budget < self.rate)

    def _lasts(self, server: Server) -> int:
        left: Fraction = server.budget / self.rate
        return max(1, floor(left))

    def describe(self) -> str:
        return f"GRUB, {'throttled' if self.throttle else 'soft'}"
