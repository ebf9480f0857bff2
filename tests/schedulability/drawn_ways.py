"""Random graphs whose jobs go several ways, which join again: branches, variants that skip nodes, early exits.

Beside them an adaptation that does whatever one that only shortens jobs may do: any variant before any node, any exit.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rtsched.errors import SchedulerError
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import (
    BranchSpec,
    ExitSpec,
    NodeSpec,
    ProcessorSpec,
    QualitySpec,
    SystemSpec,
    TaskSpec,
    VariantSpec,
)
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.verify import acting
from rtsched.verify.acting import ActingPart
from rtsched.verify.draw import Draw
from rtsched.verify.generate import processors_of

Edges = set[tuple[int, int]]


class Moody(ActingPart):
    """Any variant of any nodes, whenever it is told something; any exit."""

    shrinks = True
    reads = frozenset()

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)

    def setup(self, soc: Any) -> None:
        Adaptation.setup(self, soc)

    def settle(self) -> None:
        """It acts in events only."""

    def choose(self, job: Any, share: float) -> None:
        """At times another variant, for all that is left or for some nodes."""
        quality = job.task.spec.quality
        if quality is None or not quality.variants or self.random.random() > share:
            return
        count = len(job.task.spec.nodes)
        some = self.random.sample(range(count), self.random.randint(1, count))
        with suppress(SchedulerError):
            self.soc.reconfigure(
                job, self.random.randrange(len(quality.variants)), some if self.random.random() < 0.4 else None
            )

    def on_release(self, job: Any) -> None:
        self.choose(job, 0.6)

    def on_start(self, segment: Any, processor: Any) -> None:
        self.choose(segment.job, 0.4)

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        if "exit" in observation and self.random.random() < 0.5 and segment.job.left > 1:
            self.soc.finish(segment.job)
        else:
            self.choose(segment.job, 0.3)

    def on_ready(self, job: Any, segments: Any) -> None:
        """Nothing: nodes are about to start, and it is told of that."""

    on_job_end = on_deadline = on_timer = on_environment = lambda self, _: None

    def on_processor(self, processor: Any, change: str) -> None:
        """Nothing."""


acting.PARTS["moody"] = Moody


def gated(draw: Draw) -> tuple[int, Edges, tuple[BranchSpec, ...]]:
    """Nodes in a row of gates, each with ways that join again (some of them, most often all), and with sides."""
    edges: Edges = set()
    gates: list[tuple[int, list[int]]] = []
    count = last = 1
    sides: list[int] = []
    last = 0
    for _ in range(draw.integer(1, 2)):
        if draw.chance(0.5) and last not in dict(gates):
            sides.append(count)  # beside all that comes
            count += 1
        ways, ends = [], []
        for _ in range(draw.integer(2, 3)):
            end = count
            ways.append(end)
            edges.add((last, end))
            count += 1
            if draw.chance(0.4):
                edges.add((end, count))
                end, count = count, count + 1
            ends.append(end)
        gates.append((last, ways))
        last = count
        count += 1
        edges |= {(end, last) for end in ends if draw.chance(0.8)}
        edges |= {(side, last) for side in sides if draw.chance(0.6)}
    branches = tuple(
        BranchSpec(gate, tuple(ways), tuple((way + 1) / len(ways) for way in range(len(ways)))) for gate, ways in gates
    )
    return count, edges, branches


def nodes_of(
    draw: Draw, processors: tuple[ProcessorSpec, ...], works: tuple[int, ...], edges: Edges, pinned: bool, whole: bool
) -> tuple[NodeSpec, ...]:
    """A graph whose nodes each run on one processor, or on one cluster; `whole` ones have no regions."""
    found = []
    for place, work in enumerate(works):
        at = draw.pick(processors)
        mine = [each.index for each in processors if (each is at if pinned else each.cluster == at.cluster)]
        regions = () if whole or work < 3 or draw.chance(0.75) else draw.split(work, 2)
        found.append(
            NodeSpec(
                place, f"n{place}", tuple(work if each.index in mine else None for each in processors),
                tuple(sorted(a for a, b in edges if b == place)), tuple(sorted(b for a, b in edges if a == place)),
                pinned=pinned, regions=regions,
            )
        )  # fmt: skip
    return tuple(found)


def variants(draw: Draw, nodes: tuple[NodeSpec, ...]) -> QualitySpec:
    """The whole, and one or two with less of some nodes, and without others."""
    found = [VariantSpec(0, "full", nodes, 0.9)]
    for number in range(1, draw.integer(2, 3)):
        shorter = tuple(
            replace(node, times=tuple(time and max(1, time * draw.integer(1, 4) // 4) for time in node.times))
            for node in nodes
        )
        skipped = frozenset(each.index for each in nodes[1:] if draw.chance(0.4))
        found.append(VariantSpec(number, f"v{number}", shorter, 0.9 - number / 10, skipped))
    return QualitySpec(0.9, tuple(found), switch=draw.chance(0.7), shares=(1 / len(nodes),) * len(nodes))


def exits(draw: Draw, nodes: tuple[NodeSpec, ...]) -> QualitySpec:
    """Exits anywhere, at nodes beside others, too."""
    chosen = [each.index for each in nodes if draw.chance(0.5)] or [len(nodes) - 1]
    found = tuple(ExitSpec(rank, f"n{node}", node, 0.5 + rank / 20) for rank, node in enumerate(chosen))
    return QualitySpec(0.9, exits=found)


def task_of(draw: Draw, index: int, share: float, processors: tuple[ProcessorSpec, ...], pinned: bool) -> TaskSpec:
    """A task of one of these shapes; some arrive as recorded, with deadlines of their own."""
    kind = draw.pick(("branches", "variants", "exits", "branches", "plain"))
    branches: tuple[BranchSpec, ...] = ()
    if kind == "branches":
        count, edges, branches = gated(draw)
    else:
        count, density = draw.integer(2, 6), draw.pick((0.2, 0.4, 0.6))
        edges = {(a, b) for b in range(count) for a in range(b) if draw.chance(density)}
    works = draw.split(max(count, round(share * draw.integer(10, 40))), count)
    nodes = nodes_of(draw, processors, works, edges, pinned, kind == "variants")
    quality = variants(draw, nodes) if kind == "variants" else exits(draw, nodes) if kind == "exits" else None
    period = max(2, round(sum(works) / max(share, 0.05)))
    deadline = draw.pick((period, period, draw.integer(max(1, period // 2), period), draw.integer(period, 2 * period)))
    jitter = draw.integer(1, max(1, period // 3)) if draw.chance(0.1) else 0
    found = TaskSpec(
        index, f"t{index}", nodes, period, deadline, draw.integer(0, 3), jitter=jitter, quality=quality,
        branches=branches, on_miss=draw.pick(("continue",) * 9 + ("abort", "drop_if_hopeless", "skip_next")),
    )  # fmt: skip
    if not draw.chance(0.15):
        return found
    times = [draw.integer(period, 2 * period) for _ in range(draw.integer(2, 8))]
    arrival = TraceArrivals.model_construct(
        kind="trace", times=tuple(sum(times[: place + 1]) for place in range(len(times))), file=None,
        deadlines=tuple(draw.integer(max(1, period // 2), 2 * period) for _ in times), execution=None,
    )  # fmt: skip
    return replace(found, arrival=arrival, period=None, jitter=0)


def ways(draw: Draw) -> tuple[SystemSpec, dict[str, Any]]:
    """Such tasks on a cluster of cores, often beside accelerators, served in any way."""
    clusters = [("cpu", "cpu", draw.integer(1, 3)), ("npu", "npu", draw.pick((1, 1, 2))), ("gpu", "gpu", 1)]
    processors = processors_of(*clusters[: draw.integer(1, 3)])  # type: ignore[arg-type]
    names = list(dict.fromkeys(each.cluster for each in processors))
    served: dict[str, Any] = {
        name: draw.pick(("preemptive", "preemptive", "run-to-completion", "node")) for name in names
    }
    processors = tuple(replace(each, service=served[each.cluster]) for each in processors)
    pinned, count = draw.chance(0.5), draw.integer(1, 4)
    shares = draw.random.dirichlet([1.0] * count) * draw.random.uniform(0.15, 0.35 + 0.2 * len(processors))
    tasks = tuple(task_of(draw, i, min(1.5, float(each)), processors, pinned) for i, each in enumerate(shares))
    policy: dict[str, Any] = {
        "ordering": draw.pick(("fp", "fp", "dm", "edf", "edf", "fifo", "llf")),
        "placement": "pinned" if pinned else "global",
        "preemption": draw.pick(("preemptive", "preemptive", "limited", "nonpreemptive")),
    }
    if any(task.quality is not None for task in tasks) and draw.chance(0.9):
        policy["adaptation"] = {"name": "moody", "seed": draw.integer(0, 9999)}
    if len(names) > 1 and draw.chance(0.3):
        for name in names:
            policy[name] = {"ordering": draw.pick(("fp", "dm", "edf", "fifo"))}
    return SystemSpec(processors, tasks, "drawn"), policy
