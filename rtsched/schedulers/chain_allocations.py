"""Where each node of several chains runs so that a response-time test passes: a search that misses no allocation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rtsched.schedulers.chain_responses import LATE, Demand, Visits, bound

#: The search ends without an answer where a chain has more ways than this that none of its others beats.
WAYS = 512


class LayerChain(NamedTuple):
    """A task: its period and deadline in ns, and for each node its time in ns on each resource that it may use."""

    period: int
    deadline: int
    nodes: Sequence[Mapping[str, int]]


class Placed(NamedTuple):
    """One allocation of a chain: what a job asks of each resource, and where each node runs."""

    visits: dict[str, Visits]
    places: tuple[str, ...]

    @property
    def total(self) -> int:
        """The time in ns that a job takes with nobody beside it."""
        return sum(each.total for each in self.visits.values())


class Allocation(NamedTuple):
    """Where each node of each chain runs (None: nothing was found), and whether the search came to its end."""

    places: list[tuple[str, ...]] | None
    settled: bool


def passing(chains: Sequence[LayerChain], steps: int) -> Allocation:
    """An allocation of chains, in the order of priority, that passes `response_times`; at most `steps` are looked at.

    A chain is put at a way of its own, one after the other, as long as no bound passes its deadline, whatever the
    chains behind it do; ways that ask for no less of anything than another one are left out. So if it ends before the
    steps do and finds none, there is none.
    """
    ways = []
    for chain in chains:
        front = _front(chain)
        if len(front) > WAYS:
            return Allocation(None, False)
        ways.append(sorted(front, key=lambda way: (way.total, way.places)))
    #: what of each resource the lower ones ask at least in one piece
    least = [_least(front) for front in ways]
    count = 0
    chosen: list[Placed] = []
    untried = [iter(ways[0])] if ways else []
    while untried:
        way = next(untried[-1], None)
        if way is None:
            untried.pop()
            if chosen:
                chosen.pop()
            continue
        count += 1
        if count > steps:
            return Allocation(None, False)
        chosen.append(way)
        if not _in_time(chains, chosen, least):
            chosen.pop()
        elif len(chosen) == len(chains):
            return Allocation([each.places for each in chosen], True)
        else:
            untried.append(iter(ways[len(chosen)]))
    return Allocation(None, True)


def _front(chain: LayerChain) -> list[Placed]:
    """The ways of a chain that no other one beats, node by node; many more than `WAYS` are not looked for."""
    front = [Placed({}, ())]
    for node in chain.nodes:
        longer = [_longer(way, name, time) for way in front for name, time in node.items()]
        front = list(_unbeaten([way for way in longer if way.total <= chain.deadline]))
        if len(front) > WAYS:
            break
    return front


def _longer(way: Placed, name: str, time: int) -> Placed:
    visits = way.visits.get(name, Visits(0, 0, 0))
    more = Visits(visits.total + time, visits.nodes + 1, max(visits.longest, time))
    return Placed({**way.visits, name: more}, (*way.places, name))


def _unbeaten(ways: list[Placed]) -> Iterator[Placed]:
    kept: list[Placed] = []
    for way in sorted(ways, key=lambda way: (way.total, way.places)):
        if not any(_beats(other, way) for other in kept):
            kept.append(way)
            yield way


def _beats(one: Placed, other: Placed) -> bool:
    """Whether one way asks for no more of anything than the other."""
    return all(
        name in other.visits and all(map(int.__le__, visits, other.visits[name])) for name, visits in one.visits.items()
    )


def _least(front: Sequence[Placed]) -> dict[str, int]:
    """The longest visit to each resource that no way of a chain goes below."""
    names = {name for way in front for name in way.visits}
    return {name: min(way.visits[name].longest if name in way.visits else 0 for way in front) for name in names}


def _in_time(chains: Sequence[LayerChain], chosen: Sequence[Placed], least: Sequence[Mapping[str, int]]) -> bool:
    """Whether no bound of the chosen ones passes a deadline, at the least that the others will ask."""
    behind = least[len(chosen) :]
    demands: list[Demand] = [
        (chain.period, chain.deadline, way.visits) for chain, way in zip(chains, chosen, strict=False)
    ]
    found: list[float] = []
    for rank in range(len(chosen)):
        below = [{name: visits.longest for name, visits in way.visits.items()} for way in chosen[rank + 1 :]]
        found.append(bound(demands, rank, [*below, *behind], found))
        if found[-1] == LATE:
            return False
    return True
