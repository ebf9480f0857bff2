"""Random small systems for policies that stand beside a theorem of their own; what is proven of them may never miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.verify.clients import chains, clients
from rtsched.verify.draw import Draw
from rtsched.verify.examine import Examination, examine
from rtsched.verify.generate import processors_of
from tests.chips import loaded
from tests.schedulability.drawn_ways import ways

Case = tuple[SystemSpec, dict[str, Any]]
BOARD = processors_of(("cpu", "cpu", 2), ("gpu", "gpu", 1))


def plain(draw: Draw, index: int, share: float, longest: int, places: int, shortest: int = 2) -> TaskSpec:
    """A task of one node, that may use so many processors."""
    period = draw.integer(shortest, longest)
    work = max(1, min(period, round(share * period)))
    deadline = draw.pick((period, period, draw.integer(work, period)))
    jitter = draw.integer(1, max(1, period // 3)) if draw.chance(0.08) else 0
    return TaskSpec(
        index, f"t{index}", (NodeSpec(0, "x", (work,) * places),), period, deadline, draw.integer(0, 3), jitter=jitter
    )


def shares(draw: Draw, count: int, low: float, high: float) -> list[float]:
    """How a load is shared out."""
    return [float(each) for each in draw.random.dirichlet([1.0] * count) * draw.random.uniform(low, high)]


def bursts(draw: Draw, task: TaskSpec) -> TaskSpec:
    """The same with requests that come when they like, several at once, and take what they like."""
    times = sorted(draw.integer(0, 60) for _ in range(draw.integer(3, 12)))
    lengths = tuple(draw.integer(1, 9) for _ in times)
    arrival = TraceArrivals.model_construct(
        kind="trace", times=tuple(times), file=None, deadlines=None, execution=lengths
    )
    return replace(task, arrival=arrival, jitter=0, period=None, deadline=100)


def served(draw: Draw, task: TaskSpec, share: float) -> TaskSpec:
    """The same with a server."""
    period = draw.integer(2, 16)
    budget = max(1, min(period, round(share * period)))
    with_server = replace(task, budget=budget, server_period=period)
    if draw.chance(0.5):
        return bursts(draw, with_server)
    rarer = draw.integer(1, 4) * period + draw.integer(0, period)
    work = draw.integer(1, min(rarer, 2 * budget))
    return replace(
        with_server, nodes=(NodeSpec(0, "x", (work,)),), period=rarer, deadline=draw.integer(max(1, rarer // 2), rarer),
        jitter=0,
    )  # fmt: skip


def servers(draw: Draw, *policies: str) -> Case:
    """Servers and plain tasks on one processor."""
    count = draw.integer(2, 5)
    tasks = []
    for index, share in enumerate(shares(draw, count, 0.3, 1.0)):
        task = plain(draw, index, share, draw.pick((8, 16, 30)), 1)
        tasks.append(served(draw, task, share) if draw.chance(0.5) else task)
    policy: dict[str, Any] = {"name": draw.pick(policies)}
    if policy["name"] in ("cbs", "grub"):
        policy["throttle"] = draw.chance(0.5)
    elif draw.chance(0.4):
        policy["priorities"] = "file"
    return SystemSpec(processors_of(("cpu", "cpu", 1)), tuple(tasks), "drawn"), policy


def fixed_servers(draw: Draw) -> Case:
    """Polling, deferrable, sporadic."""
    return servers(draw, "polling-server", "deferrable-server", "sporadic-server")


def bandwidths(draw: Draw) -> Case:
    """Servers with deadlines."""
    return servers(draw, "cbs", "grub")


def global_bandwidths(draw: Draw) -> Case:
    """Servers with deadlines on two or three cores."""
    m = draw.integer(2, 3)
    tasks = []
    for index, share in enumerate(shares(draw, draw.integer(2, 6), 0.5, 0.9 * m)):
        task = plain(draw, index, min(share, 1.0), draw.pick((8, 16, 30)), m)
        task = served(draw, task, min(share, 1.0)) if draw.chance(0.85) else task
        wide = tuple(replace(node, times=node.times[:1] * m) for node in task.nodes)
        tasks.append(replace(task, nodes=wide))
    return SystemSpec(processors_of(("cpu", "cpu", m)), tuple(tasks), "drawn"), {
        "name": "cbs", "throttle": draw.chance(0.5)
    }  # fmt: skip


def laxities(draw: Draw) -> Case:
    """EDZL on equal cores, nearly loaded wholly."""
    m = draw.integer(2, 3)
    count = draw.integer(m + 1, m + 3)
    tasks = [
        plain(draw, index, min(1.0, share), 14, m)
        for index, share in enumerate(shares(draw, count, 0.55 * m, 0.95 * m))
    ]
    return SystemSpec(processors_of(("cpu", "cpu", m)), tuple(tasks), "drawn"), {"ordering": "edzl"}


def pinned(draw: Draw) -> Case:
    """Graphs with their vertices on processors of their own, of which some run nodes to their end."""
    m = draw.integer(1, 3)
    whole = ("preemptive", "preemptive", "run-to-completion")
    processors = tuple(
        replace(each, service=draw.pick(whole), context_switch=draw.integer(0, 1) if draw.chance(0.1) else 0)
        for each in processors_of(("cpu", "cpu", m))
    )
    tasks = []
    for index, share in enumerate(shares(draw, draw.integer(2, 4), 0.2, 0.4 + 0.3 * m)):
        count = draw.integer(1, 6)
        works = draw.split(max(count, round(share * draw.integer(10, 40))), count)
        period = max(2, round(sum(works) / max(share, 0.05)))
        edges = {(a, b) for b in range(count) for a in range(b) if draw.chance(0.35)}
        nodes = []
        for place, work in enumerate(works):
            on = draw.integer(0, m - 1)
            regions = tuple(draw.split(work, 2)) if work > 3 and draw.chance(0.4) else ()
            nodes.append(
                NodeSpec(
                    place, f"n{place}", tuple(work if here == on else None for here in range(m)),
                    tuple(a for a, b in sorted(edges) if b == place), tuple(b for a, b in sorted(edges) if a == place),
                    pinned=True, regions=regions,
                )
            )  # fmt: skip
        deadline = draw.pick((period, period, draw.integer(max(1, period // 2), period)))
        jitter = draw.integer(1, max(1, period // 3)) if draw.chance(0.15) else 0
        tasks.append(TaskSpec(index, f"t{index}", tuple(nodes), period, deadline, draw.integer(0, 3), jitter=jitter))
    policy = {
        "ordering": draw.pick(("fp", "fp", "dm", "edf", "fifo", "llf")), "placement": "pinned",
        "preemption": draw.pick(("preemptive", "limited", "nonpreemptive")),
    }  # fmt: skip
    return SystemSpec(processors, tuple(tasks), "drawn"), policy


def graphs(draw: Draw) -> Case:
    """Graphs on equal cores, at times beside an accelerator; deadlines before and beyond the periods."""
    m, beside = draw.integer(2, 4), draw.chance(0.3)
    processors = processors_of(("cpu", "cpu", m), *((("npu", "npu", 1),) if beside else ()))
    tasks = []
    for index, share in enumerate(shares(draw, draw.integer(1, 4), 0.1 * m, (0.4 if beside else 0.75) * m)):
        count = draw.integer(1, 7)
        works = draw.split(max(count, round(share * draw.integer(8, 30))), count)
        period = max(2, round(sum(works) / max(share, 0.05)))
        density = draw.pick((0.15, 0.4))
        edges = {(a, b) for b in range(count) for a in range(b) if draw.chance(density)}
        nodes = []
        for place, work in enumerate(works):
            times = (*(work,) * m, None) if beside else (work,) * m
            if beside and draw.chance(0.3):
                times = (*(None,) * m, work)
            regions = tuple(draw.split(work, 2)) if work > 3 and draw.chance(0.3) else ()
            before, after = (tuple(e[1 - k] for e in sorted(edges) if e[k] == place) for k in (1, 0))
            nodes.append(NodeSpec(place, f"n{place}", times, before, after, regions=regions))
        deadline = draw.pick((period, draw.integer(max(1, period // 2), period), draw.integer(period, 3 * period)))
        jitter = draw.integer(1, max(1, period // 2)) if draw.chance(0.15) else 0
        tasks.append(TaskSpec(index, f"t{index}", tuple(nodes), period, deadline, draw.integer(0, 3), jitter=jitter))
    policy = {
        "ordering": draw.pick(("fp", "fp", "dm", "edf", "edf", "fifo")), "placement": "global",
        "preemption": draw.pick(("preemptive", "preemptive", "limited", "nonpreemptive")),
    }  # fmt: skip
    return SystemSpec(processors, tuple(tasks), "drawn"), policy


def contexts(draw: Draw) -> Case:
    """Chains over two cores and a GPU that is preempted at once."""
    return chains(draw, own_costs(draw, "preemptive")), {"name": "gcaps-style"}


def drivers(draw: Draw) -> Case:
    """Chains over two cores and a GPU that is shared in all ways there are."""
    system, policy = clients(draw, own_costs(draw, draw.pick(("preemptive", "node"))))
    stopped = [draw.chance(0.2) and task.arrival.kind != "spawned" for task in system.tasks]
    tasks = [replace(t, on_miss="abort") if stop else t for t, stop in zip(system.tasks, stopped, strict=True)]
    return replace(system, tasks=tuple(tasks)), policy


def own_costs(draw: Draw, service: Any) -> tuple[ProcessorSpec, ...]:
    """Two cores and a GPU that is served so; some take time to switch."""
    return tuple(
        replace(
            each,
            service="preemptive" if each.kind == "cpu" else service,
            context_switch=draw.integer(0, 1) if draw.chance(0.3) else 0,
        )
        for each in BOARD
    )


def slices(draw: Draw) -> Case:
    """Chains over two cores and a GPU of several streams, whose contexts take turns."""
    count = draw.integer(2, 4)
    level = f"sms: 2, threads: 2048, streams: {count}, time_slice: {draw.integer(1, 6)} ns"
    level += draw.pick(("", f", context_switch: {draw.integer(1, 2)} ns"))
    level += draw.pick(("", "", f", launch: {draw.integer(1, 2)} ns")) + draw.pick(("", "", ", mode: fluid"))
    rows = []
    for index, share in enumerate(shares(draw, count, 0.3, 1.0)):
        period, length = draw.integer(8, 60), draw.integer(1, 4)
        works = draw.split(max(length, round(share * period)), length)
        nodes, core = [], draw.integer(0, 1)
        for place, work in enumerate(works):
            kind = draw.pick(("core", "total", "kernels"))
            what = {
                "core": f"wcet: {{cpu: {work} ns}}, pin: cpu{core}",
                "total": f"wcet: {{gpu: {work} ns}}",
                "kernels": f"kernels: [{{blocks: {draw.integer(1, 5)}, threads: 1024, time: {work} ns}}]",
            }[kind]
            nodes.append(f"n{place}: {{{what}}}")
        edges = ", ".join(f"[n{place}, n{place + 1}]" for place in range(len(nodes) - 1))
        graph = f"graph: {{nodes: {{{', '.join(nodes)}}}, edges: [{edges}]}}"
        rows.append(
            f"  - {{name: t{index}, context: c{index}, priority: {draw.integer(0, 3)}, period: {period} ns, {graph}}}"
        )
    board = f"platform:\n  processors:\n    cpu: {{cores: 2}}\n    gpu: {{kind: gpu, block_level: {{{level}}}}}\n"
    return loaded(board + "tasks:\n" + "\n".join(rows)).lower(), {"ordering": draw.pick(("fp", "rm", "dm"))}


def waiting(draw: Draw) -> Case:
    """Graphs that share a core, each with an accelerator of its own; or chains with one that serves by arrival."""
    count = draw.integer(2, 4)
    alone = draw.chance(0.6)
    kinds = [
        ("core", "cpu", 1),
        *((f"npu{i}", draw.pick(("npu", "gpu", "dsp")), 1) for i in range(count if alone else 1)),
    ]
    processors = tuple(
        replace(each, context_switch=draw.integer(0, 1) if draw.chance(0.1) else 0) for each in processors_of(*kinds)
    )
    tasks = []
    for index, share in enumerate(shares(draw, count, 0.3, 1.1)):
        length = draw.integer(1, 5)
        works = draw.split(max(length, round(share * draw.integer(8, 40))), length)
        period = max(2, round(sum(works) / max(share, 0.05)))
        on = [0 if place in (0, 2) or draw.chance(0.4) else (1 + index if alone else 1) for place in range(length)]
        edges = {
            (a, b)
            for b in range(length)
            for a in range(b)
            if (b == a + 1 and not alone) or (draw.chance(0.5) and alone)
        }
        nodes = tuple(
            NodeSpec(
                place, f"n{place}", tuple(work if here == on[place] else None for here in range(len(processors))),
                tuple(a for a, b in sorted(edges) if b == place), tuple(b for a, b in sorted(edges) if a == place),
                pinned=True,
            )
            for place, work in enumerate(works)
        )  # fmt: skip
        deadline = draw.pick(
            (period, period, draw.integer(max(1, period // 2), period), period + draw.integer(1, period))
        )
        jitter = draw.integer(1, max(1, period // 4)) if draw.chance(0.1) else 0
        miss = draw.pick(("continue", "continue", "abort", "drop_if_hopeless"))
        tasks.append(
            TaskSpec(
                index, f"t{index}", nodes, period, deadline, draw.integer(0, 3), jitter=jitter, on_miss=miss
            )
        )  # fmt: skip
    policy: dict[str, Any] = {"ordering": draw.pick(("fp", "dm", "edf", "edf")), "placement": "pinned"}
    if not alone:
        policy["npu0"] = {"ordering": "fifo"}
    return SystemSpec(processors, tuple(tasks), "drawn"), policy


#: By name; the number of a family stays when others come.
FAMILIES: dict[str, Callable[[Draw], Case]] = {
    "bandwidths": bandwidths,
    "fixed-servers": fixed_servers,
    "laxities": laxities,
    "contexts": contexts,
    "drivers": drivers,
    "slices": slices,
    "global-bandwidths": global_bandwidths,
    "pinned": pinned,
    "graphs": graphs,
    "waiting": waiting,
    "ways": ways,
}


def examined(family: str, number: int, effort: int = 1) -> Examination:
    """What all runs say of all theorems about the system of this number."""
    system, policy = FAMILIES[family](Draw(np.random.default_rng([number, list(FAMILIES).index(family)])))
    return examine(system, policy, number, effort=effort)


def bounds_that_hold(family: str, numbers: range) -> int:
    """How many bounds and proofs no run of so many systems beats."""
    found = 0
    for number in numbers:
        each = examined(family, number)
        assert each.violations == [], number
        found += sum(tally.bounds + tally.schedulable for tally in each.tallies.values())
    return found
