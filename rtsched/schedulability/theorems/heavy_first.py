"""Heavy tasks before all others on identical processors, and EDF on what these leave: EDF-US and EDF(k)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster, Sporadic
from rtsched.schedulability.result import Bound, Result, unknown
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.multiprocessor import gfb


@dataclass(frozen=True)
class HeavyFirst:
    """Tasks on identical processors, globally: those named in `first` before all others, these by EDF."""

    cluster: Cluster
    first: frozenset[str]

    @property
    def name(self) -> str:
        """Where they run."""
        return self.cluster.name

    @property
    def tasks(self) -> tuple[Sporadic, ...]:
        """All of them."""
        return self.cluster.tasks


def plain(model: HeavyFirst) -> str | None:
    """Preemptive, without jitter, blocking and suspension."""
    for need in (needs.mode("preemptive"), needs.no_jitter, needs.no_blocking, needs.no_suspension):
        reason = need(model.cluster)
        if reason is not None:
            return reason
    return None


@theorem(
    "heavy-first",
    title="Heavy tasks first, EDF on the processors that are left",
    strength="sufficient",
    citation="EDF(k): Goossens, Funk, Baruah, Real-Time Systems 25, 2003; EDF-US: Srinivasan, Baruah, Information "
    "Processing Letters 84(2), 2002",
    model=HeavyFirst,
    needs=(plain,),
)
def heavy_first(model: HeavyFirst) -> Result:
    """Each of h < m heavy tasks has C <= min(D, T), and the others pass the density bound of EDF on m - h processors.

    At any instant so many are left to the others. That is the bound of EDF(k), and it holds wherever that of EDF-US,
    U <= m^2 / (2m - 1), does: what is left of U is then at most m (m - h) / (2m - 1).

    >>> from rtsched.schedulability.models import Sporadic
    >>> heavy, light = Sporadic("c", 6, 6, 6), tuple(Sporadic(name, 1, 5, 5) for name in "ab")      # Dhall's effect
    >>> heavy_first(HeavyFirst(Cluster((*light, heavy), 2, "any"), frozenset("c"))).verdict
    'schedulable'
    """
    tasks = model.cluster.tasks
    bounds = tuple(Bound(task.name, None, task.D) for task in tasks)
    heavy = [task for task in tasks if task.name in model.first]
    light = tuple(task for task in tasks if task.name not in model.first)
    late = next((task for task in heavy if task.C > min(task.D, task.T)), None)
    if late is not None:
        return unknown(f"{late.name!r} is not done by its deadline, or the next release, even alone", bounds)
    left = model.cluster.m - len(heavy)
    if left < (1 if light else 0):
        return unknown(f"{len(heavy)} tasks go first, and leave none of {model.cluster.m} processors", bounds)
    if light:
        found = gfb(replace(model.cluster, tasks=light, m=left, order="EDF"))
        if found.verdict != "schedulable":
            return unknown(f"of the tasks that do not go first {found.reason}", bounds)
    return Result("schedulable", bounds)
