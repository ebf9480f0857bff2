"""Task graphs as they are written: nodes, edges that may carry bytes, and branches of which inputs go one way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rtsched.model.base import Model, Size, problem
from rtsched.model.work import Work


class NodeModel(Work):
    """A node of a task graph."""

    @model_validator(mode="after")
    def _has_time(self) -> NodeModel:
        if self.sources_of_time != 1:
            raise problem("a node has either a 'wcet' or a 'network'")
        return self


def _edge(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) not in (2, 3):
            raise problem("an edge is [from, to] or [from, to, bytes], e.g. [a, b, 4 MB]")
        return dict(zip(("from", "to", "bytes"), value, strict=False))
    return value


class EdgeModel(Model):
    """An edge of a task graph: `to` needs `from`, and `bytes` travel when they run on linked clusters."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    bytes: Size = 0


class Branch(Model):
    """A conditional branch: after its node each input goes one of the ways `to`, with these probabilities.

    ``by: difficulty`` sends the easiest inputs the first way and the hardest the last, ``draw`` any input any way.
    """

    to: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(min_length=2)
    by: Literal["draw", "difficulty"] = "draw"

    @model_validator(mode="after")
    def _sums_to_one(self) -> Branch:
        total = sum(self.to.values())
        if abs(total - 1) > 1e-6:
            raise problem(f"the probabilities of the ways sum to {total:g}; make it 1")
        return self


class GraphModel(Model):
    """A DAG of nodes. After a node that `branches` names only one of its successors is run: the input decides which."""

    nodes: dict[str, NodeModel] = Field(min_length=1)
    edges: tuple[Annotated[EdgeModel, BeforeValidator(_edge)], ...] = ()
    branches: dict[str, Branch] = {}

    @model_validator(mode="after")
    def _is_a_dag(self) -> GraphModel:
        after: dict[str, list[str]] = {name: [] for name in self.nodes}
        waiting = dict.fromkeys(self.nodes, 0)
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in self.nodes:
                    raise problem(f"an edge names {end!r}, which is no node; known: {', '.join(self.nodes)}")
            after[edge.source].append(edge.target)
            waiting[edge.target] += 1
        free = [name for name, count in waiting.items() if not count]
        for name in free:
            for target in after[name]:
                waiting[target] -= 1
                if not waiting[target]:
                    free.append(target)
        if len(free) < len(self.nodes):
            done = set(free)
            left = [name for name in self.nodes if name not in done]
            raise problem(f"the graph has a cycle through {', '.join(left[:6])}; remove one of its edges")
        for node, branch in self.branches.items():
            followers = after.get(node, [])
            if set(branch.to) != set(followers):
                raise problem(
                    f"the branch after {node!r} must name the nodes that follow it: {', '.join(followers) or 'none'}"
                )
        return self
