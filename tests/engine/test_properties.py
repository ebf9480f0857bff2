"""Random systems against a second simulator: tick by tick, written from rules R1-R8 alone, sharing no code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtsched.engine.simulation import run
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority

TYPES = ("cpu", "gpu")


def tick_simulation(
    platform: list[str], tasks: list[dict[str, Any]], order: str, mode: str, horizon: int
) -> dict[Any, int]:
    """Finish of every (task, job, node), one tick at a time."""
    jobs: list[dict[str, Any]] = []
    for index, task in enumerate(tasks):
        for number in range(100):
            release = task["offset"] + number * task["period"]
            if release >= horizon:
                break
            jobs.append({"task": index, "job": number, "release": release, "deadline": release + task["deadline"]})
    state: dict[Any, dict[str, Any]] = {}
    finish: dict[Any, int] = {}
    held: dict[int, Any] = {}
    running: dict[int, Any] = {}
    total = sum(len(tasks[job["task"]]["nodes"]) for job in jobs)
    now = 0
    while len(finish) < total:
        for job in jobs:  # readiness (R2, R3)
            index, number = job["task"], job["job"]
            nodes = tasks[index]["nodes"]
            before = all((index, number - 1, n) in finish for n in range(len(nodes))) or number == 0
            if job["release"] > now or not before:
                continue
            for n in range(len(nodes)):
                name = (index, number, n)
                if name not in state and all((index, number, p) in finish for p in nodes[n]["before"]):
                    state[name] = {"ready": now, "left": None, "job": job, "node": nodes[n], "done": 0}

        def key(name: Any) -> Any:
            job = state[name]["job"]
            if order == "FP":
                return (name[0], *name)
            if order == "EDF":
                return (job["deadline"], job["release"], *name)
            return (state[name]["ready"], *name)

        waiting = sorted((name for name in state if name not in finish and name not in held.values()), key=key)
        free = [p for p in range(len(platform)) if p not in held]
        running = dict(held)
        for name in waiting:  # R6
            node = state[name]["node"]
            options = [p for p in free if platform[p] in node["wcet"] and node["pin"] in (None, p)]
            if options:
                free.remove(options[0])
                running[options[0]] = name
                if state[name]["left"] is None:
                    state[name]["left"] = node["wcet"][platform[options[0]]]
        held = {}
        now += 1
        for p, name in running.items():
            info = state[name]
            info["left"] -= 1
            info["done"] += 1
            if not info["left"]:
                finish[name] = now
            elif mode == "nonpreemptive" or (mode == "limited" and info["done"] not in boundaries(info["node"])):
                held[p] = name
        assert now < 10_000
    return finish


def boundaries(node: dict[str, Any]) -> set[int]:
    """The ends of the regions of a node."""
    ends, total = set(), 0
    for region in node["regions"]:
        total += region
        ends.add(total)
    return ends


@st.composite
def systems(draw: st.DrawFn) -> tuple[list[str], list[dict[str, Any]], str, str]:
    """A platform of 1-4 processors, 1-4 DAG tasks, an order and a mode."""
    platform = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    mode = draw(st.sampled_from(["preemptive", "limited", "nonpreemptive"]))
    tasks = []
    for _ in range(draw(st.integers(1, 4))):
        nodes = []
        for index in range(draw(st.integers(1, 4))):
            kinds = sorted(set(platform))
            if mode != "nonpreemptive":  # R7: one eligible type
                kinds = [draw(st.sampled_from(kinds))]
            wcet = {kind: draw(st.integers(1, 6)) for kind in kinds}
            pin = None
            if draw(st.integers(0, 3)) == 0:
                pin = draw(st.sampled_from([p for p, kind in enumerate(platform) if kind in wcet]))
            regions = []
            left = next(iter(wcet.values()))
            while mode == "limited" and left:
                regions.append(draw(st.integers(1, left)))
                left -= regions[-1]
            before = [p for p in range(index) if draw(st.integers(0, 2)) == 0]
            nodes.append({"wcet": wcet, "pin": pin, "regions": regions, "before": before})
        tasks.append(
            {
                "period": draw(st.integers(4, 20)),
                "deadline": draw(st.integers(1, 30)),
                "offset": draw(st.integers(0, 10)),
                "nodes": nodes,
            }
        )
    return platform, tasks, draw(st.sampled_from(["FP", "EDF", "FIFO"])), mode


def lowered(platform: list[str], tasks: list[dict[str, Any]]) -> SystemSpec:
    """The same system for the engine."""
    specs = []
    for index, task in enumerate(tasks):
        nodes = task["nodes"]
        specs.append(
            TaskSpec(
                index,
                str(index),
                tuple(
                    NodeSpec(
                        n,
                        str(n),
                        tuple(
                            node["wcet"].get(kind) if node["pin"] in (None, p) else None
                            for p, kind in enumerate(platform)
                        ),
                        predecessors=tuple(node["before"]),
                        successors=tuple(m for m, other in enumerate(nodes) if n in other["before"]),
                        regions=tuple(node["regions"]),
                    )
                    for n, node in enumerate(nodes)
                ),
                task["period"],
                task["deadline"],
                index,
                offset=task["offset"],
            )
        )
    return SystemSpec(tuple(ProcessorSpec(p, f"p{p}", kind) for p, kind in enumerate(platform)), tuple(specs))


def compare(system: tuple[list[str], list[dict[str, Any]], str, str]) -> None:
    platform, tasks, order, mode = system
    expected = tick_simulation(platform, tasks, order, mode, 40)
    ordering = {"FP": FixedPriority, "EDF": EDF, "FIFO": FIFO}[order]()
    policy = ComposedScheduler(ordering, preemption=mode)  # type: ignore[arg-type]
    trace = run(lowered(platform, tasks), policy, until=40, drain="all")
    assert trace.check() == []
    found = {
        (int(trace.jobs["task"][row["job"]]), int(trace.jobs["index"][row["job"]]), int(row["node"])): int(
            row["finish"]
        )
        for row in trace.node_times()
    }
    assert found == expected


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_every_node_ends_when_the_rules_say(system: tuple[list[str], list[dict[str, Any]], str, str]) -> None:
    compare(system)


@pytest.mark.slow
@settings(max_examples=10_000, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_every_node_ends_when_the_rules_say_at_length(system: tuple[list[str], list[dict[str, Any]], str, str]) -> None:
    compare(system)
