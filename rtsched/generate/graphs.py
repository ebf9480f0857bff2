"""Shapes of task graphs. Nodes are numbered so that every edge leads from a smaller number to a larger one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rtsched.errors import InputError
from rtsched.generate.streams import between
from rtsched.model.base import Model, problem, whole_number

Random = np.random.Generator
Chance = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=10**6)]

#: No graph has more nodes: a fork-join graph of that many is drawn in milliseconds, and one twice as deep is not.
MOST_NODES = 10_000


def _range(value: Any) -> Any:
    number = whole_number(value)
    ends = [number, number] if number is not None else value
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(whole_number(end) for end in ends):
        raise problem("is a whole number, or a range such as [5, 20]")
    low, high = (int(end) for end in ends)
    if not 1 <= low <= high <= MOST_NODES:
        raise problem(f"a range goes from 1 or more up to at most {MOST_NODES}, e.g. [5, 20]")
    return low, high


#: A whole number, or a range of which each number is as likely.
Range = Annotated[
    tuple[int, int],
    BeforeValidator(_range),
    WithJsonSchema(
        {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}], "examples": [10, [5, 20]]}
    ),
]


@dataclass(slots=True)
class Shape:
    """A DAG: so many nodes, and edges between their numbers."""

    count: int = 0
    edges: list[tuple[int, int]] = field(default_factory=list)

    def node(self, *before: int) -> int:
        """A new node behind others."""
        self.edges += [(each, self.count) for each in before]
        self.count += 1
        return self.count - 1

    def ends(self) -> tuple[list[int], list[int]]:
        """The nodes without predecessors, and those without successors."""
        targets, sources = {target for _, target in self.edges}, {source for source, _ in self.edges}
        nodes = range(self.count)
        return [node for node in nodes if node not in targets], [node for node in nodes if node not in sources]

    def longest(self, times: list[int]) -> int:
        """The time of the longest path."""
        ready = [0] * self.count
        for source, target in sorted(self.edges, key=lambda edge: edge[1]):
            ready[target] = max(ready[target], ready[source] + times[source])
        return max(start + time for start, time in zip(ready, times, strict=True))


class _Law(Model):
    """A law of graphs."""

    types: Annotated[dict[str, Weight], Field(min_length=1)] | None = Field(
        default=None, description="how often a node is for each cluster, relative to each other; default: alike"
    )

    def check(self, clusters: list[str]) -> None:
        """Refuse graphs that cannot have a node for each of the `clusters`. Raises InputError."""
        if len(clusters) > self.least:
            raise InputError(
                f"graph: a graph may have {self.least} node{'s' * (self.least > 1)}, and needs one for each of "
                f"{', '.join(clusters)}; ask for larger graphs, or name fewer clusters in 'utilisation'"
            )
        if self.types is not None and (len(clusters) == 1 or set(self.types) != set(clusters)):
            raise InputError(
                f"graph.types: must name the clusters that are loaded, {', '.join(clusters)}, where there are several "
                f"(found {', '.join(self.types)})"
            )

    @abstractmethod
    def draw(self, random: Random) -> Shape:
        """One graph."""

    @property
    @abstractmethod
    def least(self) -> int:
        """The fewest nodes that a graph can have."""

    @property
    @abstractmethod
    def most(self) -> int:
        """The most nodes that a graph can have."""


class _Ended(_Law):
    """A law whose graphs have as many sources and sinks as come about, or one that is added."""

    one_source: bool = Field(default=False, description="add a node before all others where there are several sources")
    one_sink: bool = Field(default=False, description="add a node after all others where there are several sinks")

    def _ended(self, shape: Shape) -> Shape:
        sources, sinks = shape.ends()
        if self.one_source and len(sources) > 1:
            edges = [(source + 1, target + 1) for source, target in shape.edges]
            shape = Shape(shape.count + 1, [(0, node + 1) for node in sources] + edges)
            sinks = [node + 1 for node in sinks]
        if self.one_sink and len(sinks) > 1:
            shape.node(*sinks)
        return shape


class ErdosRenyi(_Ended):
    """Ordered G(n, p): of two of the `nodes` the earlier precedes the later with `probability` (Cordeiro et al. 2010).

    Nothing is repaired: nodes may stay alone.
    """

    kind: Literal["erdos-renyi"]
    nodes: Range = (5, 20)
    probability: Chance = 0.2

    @property
    def least(self) -> int:
        """The fewest nodes."""
        return self.nodes[0]

    @property
    def most(self) -> int:
        """The most nodes, a source and a sink among them."""
        return self.nodes[1] + self.one_source + self.one_sink

    def draw(self, random: Random) -> Shape:
        """One graph."""
        count = between(random, *self.nodes)
        sources, targets = np.triu_indices(count, 1)
        kept = random.random(len(sources)) < self.probability
        return self._ended(Shape(count, list(zip(sources[kept].tolist(), targets[kept].tolist(), strict=True))))


class Layered(_Ended):
    """So many `layers` of `width` nodes each; a node follows each of the layer before with `probability`, one at least.

    The one is added where chance gave none, each as likely.
    """

    kind: Literal["layered"]
    layers: Range = (3, 6)
    width: Range = (1, 5)
    probability: Chance = 0.5

    @property
    def least(self) -> int:
        """The fewest nodes."""
        return self.layers[0] * self.width[0]

    @property
    def most(self) -> int:
        """The most nodes, a source and a sink among them."""
        return self.layers[1] * self.width[1] + self.one_source + self.one_sink

    @model_validator(mode="after")
    def _has_room(self) -> Layered:
        if self.layers[1] * self.width[1] > MOST_NODES:
            raise problem(
                f"the largest graph has more than {MOST_NODES} nodes; take fewer layers or less width", "width"
            )
        return self

    def draw(self, random: Random) -> Shape:
        """One graph."""
        shape, above = Shape(), list[int]()
        for _ in range(between(random, *self.layers)):
            layer = []
            for _ in range(between(random, *self.width)):
                before = [node for node, chance in zip(above, random.random(len(above)), strict=True)
                          if chance < self.probability]  # fmt: skip
                if above and not before:
                    before = [above[between(random, 0, len(above) - 1)]]
                layer.append(shape.node(*before))
            above = layer
        return self._ended(shape)


class ForkJoin(_Law):
    """Nested fork-join: a fork, `branches` and a join; a branch forks again with `probability`, up to `depth` deep.

    One source and one sink by construction (Melani et al. 2015).
    """

    kind: Literal["fork-join"]
    depth: int = Field(default=2, ge=1, le=20)
    branches: Range = (2, 4)
    probability: Chance = 0.5

    @property
    def least(self) -> int:
        """The fewest nodes."""
        return 2 + self.branches[0]

    @property
    def most(self) -> int:
        """The most nodes: every branch forks as deep as it can."""
        nodes = 1
        for _ in range(self.depth if self.probability else 1):
            nodes = 2 + self.branches[1] * nodes
        return nodes

    @model_validator(mode="after")
    def _has_room(self) -> ForkJoin:
        if self.most > MOST_NODES:
            raise problem(
                f"the largest graph has more than {MOST_NODES} nodes; take less depth or fewer branches", "depth"
            )
        return self

    def draw(self, random: Random) -> Shape:
        """One graph."""
        shape = Shape()
        self._fork(shape, random, self.depth, ())
        return shape

    def _fork(self, shape: Shape, random: Random, depth: int, before: tuple[int, ...]) -> int:
        """A fork with all its branches; the number of its join."""
        fork = shape.node(*before)
        ends = []
        for _ in range(between(random, *self.branches)):
            nested = depth > 1 and random.random() < self.probability
            ends.append(self._fork(shape, random, depth - 1, (fork,)) if nested else shape.node(fork))
        return shape.node(*ends)


Graph = Annotated[ErdosRenyi | Layered | ForkJoin, Field(discriminator="kind")]


def parts(random: Random, whole: int, count: int) -> list[int]:
    """A time in so many parts of at least 1 ns, uniform over all ways of sharing it out, but for whole ns."""
    weights = np.diff(np.concatenate(([0.0], np.sort(random.random(count - 1)), [1.0])))
    found: list[int] = (1 + np.floor((whole - count) * weights).astype(np.int64)).tolist()
    found[0] += whole - sum(found)
    return found


def types(random: Random, count: int, weights: list[float]) -> list[int]:
    """Of each node the number of its type, each at least once, in random order."""
    kinds = len(weights)
    edges = np.cumsum(weights)[:-1] / sum(weights)
    drawn = np.concatenate((np.arange(kinds), np.searchsorted(edges, random.random(count - kinds), side="right")))
    mixed: list[int] = drawn[np.argsort(random.random(count), kind="stable")].tolist()
    return mixed
