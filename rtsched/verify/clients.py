"""Random systems of tasks that compute on cores and wait for an accelerator, for fuzzing: short integer times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rtsched.model.system import Overheads
from rtsched.model.task import Spawned
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.verify.draw import Draw


def clients(draw: Draw, cores: tuple[ProcessorSpec, ...]) -> tuple[SystemSpec, dict[str, Any]]:
    """Chains over cores and an accelerator, which is the last of them, under a policy that shares it.

    Some stand behind a server that has to compute.
    """
    policy: dict[str, Any] = {"name": draw.pick(("fifo-driver", "gpu-server"))}
    system = chains(draw, cores)
    if policy["name"] == "fifo-driver":
        policy["waiting"] = draw.pick(("suspend", "spin"))
    elif policy["name"] == "gpu-server" and draw.chance(0.5):
        core, count = draw.integer(0, len(cores) - 2), len(system.tasks)
        times = tuple(draw.integer(1, 2) if each.index == core else None for each in cores)
        arrival = Spawned(kind="spawned")
        server = TaskSpec(count, f"t{count}", (NodeSpec(0, f"t{count}", times),), None, 100, 0, arrival=arrival)
        return replace(system, tasks=(*system.tasks, server)), policy | {"server": server.name}
    return system, policy


def chains(draw: Draw, processors: tuple[ProcessorSpec, ...]) -> SystemSpec:
    """Chains, each over a core and the last processor."""
    last = len(processors) - 1
    count = draw.integer(2, 4)
    shares = [float(each) for each in draw.random.dirichlet([1.0] * count) * draw.random.uniform(0.3, 1.2)]
    tasks = []
    for index, share in enumerate(shares):
        core, length = draw.integer(0, last - 1), draw.integer(1, 4)
        period = draw.integer(2 * length, 40)
        works = draw.split(max(length, round(share * period)), length)
        on = [last if draw.chance(0.5) else core for _ in works]
        nodes = tuple(
            NodeSpec(
                place,
                f"n{place}" if length > 1 else f"t{index}",
                tuple(work if here == at else None for here in range(len(processors))),
                (place - 1,) if place else (),
                (place + 1,) if place + 1 < len(works) else (),
            )
            for place, (work, at) in enumerate(zip(works, on, strict=True))
        )
        tasks.append(TaskSpec(index, f"t{index}", nodes, period, period, draw.integer(0, 3)))
    costs = Overheads(context_switch=1) if draw.chance(0.2) else Overheads()
    return SystemSpec(processors, tuple(tasks), "drawn", overheads=costs)
