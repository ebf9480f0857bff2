"""What co-runners do to each other through the shared memory: one small class per model of contention.

Each answers, for all who run at one moment, two numbers per user: how many times as long its memory-bound part takes,
and at what share of its speed the whole of it goes. Demands are those of running alone: nothing is iterated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PccsProcessor, PowerLaw, Proportional

GB = 1e9


@dataclass(slots=True)
class User:
    """Who runs: the names of its place (cluster, or cluster/class), its bound share and its demand alone in B/s."""

    cluster: str
    label: str
    bound: float
    demand: float


#: (factor on the memory-bound part, share of the whole speed) of each user.
Effects = list[tuple[float, float]]


class Contender:
    """A model of contention; this one knows none."""

    def effects(self, users: Sequence[User]) -> Effects:
        """What each of `users` feels while all of them run."""
        return [(1.0, 1.0)] * len(users)


class ProportionalShare(Contender):
    """Beyond the usable bandwidth everybody's memory part slows by the same factor (MoCA-like, without its caps).

    Who is alone takes its time alone, whatever it asks for.

    >>> two = [User("gpu", "", 0.5, 30e9), User("npu", "", 0.5, 30e9)]
    >>> ProportionalShare(0.8, 50e9).effects(two)
    [(1.5, 1.0), (1.5, 1.0)]
    """

    def __init__(self, usable: float, bandwidth: float) -> None:
        self.usable = usable * bandwidth

    def effects(self, users: Sequence[User]) -> Effects:
        factor = 1.0 if len(users) < 2 else max(1.0, sum(user.demand for user in users) / self.usable)
        return [(factor, 1.0)] * len(users)


class ThreeRegions(Contender):
    """In the style of PCCS (Xu et al., MICRO 2021; only its abstract was read): the speed by own and others' demand.

    Below `minor_below` a flat small loss as soon as anybody else is there. Up to `intensive_from` no loss until own
    and others' demand reach the knee, then `rate` per GB/s of the others. Beyond, `rate` from the first GB/s on.
    Nothing gets worse once the others ask for more than `balance`.
    """

    def __init__(self, processors: dict[str, PccsProcessor]) -> None:
        self.processors = processors

    def effects(self, users: Sequence[User]) -> Effects:
        total = sum(user.demand for user in users)
        return [(1.0, self.speed(user.cluster, user.demand / GB, (total - user.demand) / GB)) for user in users]

    def speed(self, cluster: str, own: float, others: float) -> float:
        """The speed relative to running alone, for demands in GB/s."""
        about = self.processors.get(cluster)
        if about is None or others <= 0:
            return 1.0
        if own < about.minor_below:
            return 1.0 - about.minor_loss
        pressure = min(others, about.balance)
        if own < about.intensive_from:
            pressure = max(0.0, pressure - max(0.0, about.knee - own))
        return 1.0 - about.rate * pressure


class PowerLawSlowdown(Contender):
    """Two or more that move data at a time: each takes 1 + a (total / B)^b times as long."""

    def __init__(self, a: float, b: float, bandwidth: float) -> None:
        self.a, self.b, self.bandwidth = a, b, bandwidth

    def effects(self, users: Sequence[User]) -> Effects:
        if sum(1 for user in users if user.demand) < 2:
            return [(1.0, 1.0)] * len(users)
        slowdown = 1 + self.a * (sum(user.demand for user in users) / self.bandwidth) ** self.b
        return [(1.0, 1 / slowdown if user.demand else 1.0) for user in users]


class MeasuredPairs(Contender):
    """A measured matrix: the slow-downs by all neighbours multiply, up to the cap; unmeasured pairs count as 1."""

    def __init__(self, model: Pairwise) -> None:
        self.slowdowns = {(pair.victim, pair.beside): pair.slowdown for pair in model.pairs}
        self.cap = model.cap

    def effects(self, users: Sequence[User]) -> Effects:
        found: Effects = []
        for victim in users:
            slowdown = 1.0
            for other in users:
                if other is not victim:
                    slowdown *= self._pair(victim, other)
            found.append((1.0, 1 / min(slowdown, self.cap)))
        return found

    def _pair(self, victim: User, other: User) -> float:
        for one in (f"{victim.cluster}/{victim.label}", victim.cluster):
            for two in (f"{other.cluster}/{other.label}", other.cluster):
                if (one, two) in self.slowdowns:
                    return self.slowdowns[one, two]
        return 1.0


def contender(memory: Memory | None) -> Contender | None:
    """The model that a platform's memory asks for."""
    model: Contention | None = None if memory is None else memory.contention
    if memory is None or model is None:
        return None
    if isinstance(model, Pccs):
        return ThreeRegions(model.processors)
    if isinstance(model, Pairwise):
        return MeasuredPairs(model)
    assert memory.bandwidth is not None
    if isinstance(model, PowerLaw):
        return PowerLawSlowdown(model.a, model.b, memory.bandwidth)
    assert isinstance(model, Proportional)
    return ProportionalShare(model.usable, memory.bandwidth)
