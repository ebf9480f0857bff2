"""What co-runners do to each other through the shared memory: one small class per model of contention.

Each answers, for all who run at one moment, two numbers per user: how many times as long its memory-bound part takes,
and at what share of its speed the whole of it goes. Demands are those of running alone: nothing is iterated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PccsProcessor, PowerLaw, Proportional
from rtsched.model.taskgraph import HardwareSpec

if TYPE_CHECKING:
    from rtsched.engine.chip.unit import Unit

GB = 1e9


@dataclass(slots=True)
class User:
    """Who runs: the names of its place (cluster, or cluster/class), its bound share and its demand alone in B/s.

    Where shares of its unit were given, `part` is its own, and the demand is that part of its demand.
    """

    cluster: str
    label: str
    bound: float
    demand: float
    part: Fraction | None = None


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


class SharedMemory:
    """The memory of a chip at run time: what all who run feel of each other there, and of what is theirs alone."""

    def __init__(self, spec: HardwareSpec) -> None:
        memory = spec.platform.memory
        self.contention = contender(memory)
        usable = memory.contention.usable if memory is not None and isinstance(memory.contention, Proportional) else 1.0
        #: what each isolated instance of a GPU has of the bandwidth, in bytes per second
        self.own = {unit.index: usable * unit.bandwidth for unit in spec.units if unit.bandwidth is not None}
        #: whether it slows anybody
        self.limits = self.contention is not None or bool(self.own)

    def effects(self, units: Sequence[Unit | None], users: Sequence[User]) -> Effects:
        """What each of `users` feels on its unit (None: a link) while all of them run."""
        effects = [(1.0, 1.0)] * len(users)
        if self.contention is not None:
            self._contend(self.contention, units, users, effects)
        if self.own:
            self._limit_instances(units, users, effects)
        return effects

    def _contend(self, model: Contender, units: Sequence[Unit | None], users: Sequence[User], effects: Effects) -> None:
        """The model's answer for all who run.

        Instances of a divided GPU (MIG) stay out of it. Segments that share one unit take turns on it: to the others
        they are one user, of their mean demand, and to each other they are nothing.
        """
        groups: dict[int, list[int]] = {}
        for place, unit in enumerate(units):
            if unit is None:
                groups[-1 - place] = [place]
            elif not unit.isolated:
                groups.setdefault(unit.spec.index if unit.shared else -1 - place, []).append(place)
        if all(len(members) == 1 for members in groups.values()):
            places = [members[0] for members in groups.values()]
            for place, effect in zip(places, model.effects([users[p] for p in places]), strict=True):
                effects[place] = effect
            return
        merged = {key: _as_one([users[place] for place in members]) for key, members in groups.items()}
        for key, members in groups.items():
            others = [user for other, user in merged.items() if other != key]
            for place in members:
                own = users[place]
                me = User(own.cluster, own.label, own.bound, merged[key].demand)
                effects[place] = model.effects([me, *others])[0]

    def _limit_instances(self, units: Sequence[Unit | None], users: Sequence[User], effects: Effects) -> None:
        """Who runs on an instance of a divided GPU has its share of the bandwidth, alone too, and meets nobody else."""
        wanted: dict[int, float] = {}
        for unit, user in zip(units, users, strict=True):
            if unit is not None and unit.isolated:
                wanted[unit.spec.index] = wanted.get(unit.spec.index, 0.0) + user.demand
        for place, unit in enumerate(units):
            if unit is not None and unit.isolated:
                effects[place] = (max(1.0, wanted[unit.spec.index] / self.own[unit.spec.index]), 1.0)


def _as_one(users: list[User]) -> User:
    """Segments in turn on one unit, as the others see them: of their mean demand, named after the most demanding."""
    most = max(users, key=lambda user: user.demand)
    if most.part is not None:  # parts of the unit that go on side by side, each with its own traffic
        parts = [float(user.part or 0) for user in users]
        bounds = [part * user.bound for part, user in zip(parts, users, strict=True)]
        mean = sum(bounds, 0.0) / (sum(parts, 0.0) or 1.0)  # floats from the start: compiled code keeps types apart
        return User(most.cluster, most.label, mean, sum(user.demand for user in users))
    count = len(users)
    bound = sum(user.bound for user in users) / count
    return User(most.cluster, most.label, bound, sum(user.demand for user in users) / count)
