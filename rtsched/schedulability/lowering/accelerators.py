"""Tasks that compute on cores under fixed priorities and wait for an accelerator that they share, as theorems see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.model.policy import AcceleratorTraits
from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.lowering.obstacles import Obstacle
from rtsched.schedulability.lowering.pieces import is_chain
from rtsched.schedulability.lowering.slices import turn, unit_in_turns
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator

if TYPE_CHECKING:
    from rtsched.schedulability.lowering.group import TaskGroup

#: Processors on which a task computes; it waits while it uses any other.
CORES = ("cpu", "mcu")
#: What may leave a segment running of a job that is over.
STOPPING = ("abort", "drop_if_hopeless")

_NOTES = {
    "fifo": "{} serves requests in the order in which they come, each to its end",
    "server": "{} serves the most urgent request first, each to its end, and nobody else until that is answered",
    "gcaps": "of {} only the most urgent context that asks for it has anything, from that instant on",
}


def _core(group: TaskGroup, place: int) -> bool:
    return group.system.processors[place].kind in CORES


def clients(group: TaskGroup, traits: AcceleratorTraits) -> list[TaskSpec]:
    """All tasks but the server."""
    return [task for task in group.specs if not traits.server or task.name != traits.server]


def obstacle(group: TaskGroup, traits: AcceleratorTraits) -> Obstacle | None:
    """Chains whose nodes have two places at most: a core, and an accelerator; none, if that is so."""
    if not group.single:
        return Obstacle("where a node runs is decided by the policy", "pin every node to one processor")
    return next(filter(None, (of_client(group, task, traits) for task in clients(group, traits))), None) or _of_server(
        group, traits
    )


def of_client(group: TaskGroup, task: TaskSpec, traits: AcceleratorTraits) -> Obstacle | None:
    """What keeps one task that computes and asks an accelerator out of the models; None if nothing does."""
    pieces = group.pieces[task.index]
    used = {place for piece in pieces for place in group.pools[piece.pool][:1]}
    cores = {place for place in used if _core(group, place)}
    kinds = {group.system.processors[place].kind for place in used}
    if kinds & {"link", "cloud"}:
        return Obstacle(
            f"{task.name!r} uses a link or a cloud, which no driver of an accelerator serves",
            "let its nodes use one core and one accelerator",
        )
    if len(cores) > 1:
        return Obstacle(f"{task.name!r} computes on {len(cores)} cores", "pin its nodes to one core")
    if len(used) - len(cores) > 1:
        return Obstacle(
            f"{task.name!r} uses {len(used) - len(cores)} accelerators, and the analysis knows one of a task",
            "let no task use more than one of them",
        )
    if task.after is not None or task.jitter:
        return Obstacle(
            f"{task.name!r} has a trigger or jitter, which the analysis of shared accelerators does not know",
            "give it a period, and no jitter",
        )
    if not is_chain(task):
        return Obstacle(f"nodes of {task.name!r} may run side by side", "let them follow each other")
    if any(not piece.preemptible for piece in pieces if group.pools[piece.pool][0] in cores):
        return Obstacle(
            f"{task.name!r} cannot be preempted everywhere on its core, and more urgent tasks would wait for it",
            "leave its nodes preemptible, on a core that is",
        )
    if traits.sharing == "gcaps" and not all(piece.preemptible for piece in pieces):
        return Obstacle(
            f"{task.name!r} cannot be preempted everywhere, and less urgent contexts have to give way at once",
            "write 'service: preemptive' for the accelerator, with what a switch costs as its context_switch",
        )
    return None


def _of_server(group: TaskGroup, traits: AcceleratorTraits) -> Obstacle | None:
    """A server that computes in one piece, at once when it has to."""
    if not traits.server:
        return None
    server = next(task for task in group.specs if task.name == traits.server)
    pieces = group.pieces[server.index]
    if len(pieces) > 1:
        return Obstacle(f"the server {server.name!r} is a graph", "give it one execution time")
    if pieces[0].c > server.deadline:
        return Obstacle(f"the server {server.name!r} takes longer than its own deadline", "give it a later deadline")
    return None


def shared(group: TaskGroup, traits: AcceleratorTraits) -> SharedAccelerator:
    """Tasks by their priorities; every start, and the return of whom it displaces, is inside its node."""
    found = clients(group, traits)
    if group.policy.plan is not None:
        found.sort(key=lambda task: (task.priority, task.index))
    tasks = tuple(gpu_task(group, task) for task in found)
    epsilon, core, D = 0, "", 0
    for task in group.specs:
        if traits.server and task.name == traits.server:
            (piece,) = group.pieces[task.index]
            epsilon, core, D = piece.c, group.system.processors[group.pools[piece.pool][0]].name, task.deadline
            group.note(f"the server {task.name!r} goes before all others on {core!r}, twice for each request")
    names = sorted({task.device for task in tasks if task.device})
    if traits.sharing in _NOTES:
        each = "each of " * (len(names) > 1) + (" and ".join(map(repr, names)) or "an accelerator")
        group.note(_NOTES[traits.sharing].format(each))
    stops = any(task.on_miss in STOPPING for task in found)
    name = names[0] if len(names) == 1 else "accelerator"
    return SharedAccelerator(
        tasks, traits.sharing, epsilon, server=traits.server, server_core=core, server_D=D, stops=stops, name=name
    )


# ---- time slices -----------------------------------------------------------------------------------------------------

TURNS = AcceleratorTraits("time-slicing")


def takes_turns(group: TaskGroup) -> bool:
    """Whether the tasks share a GPU of several streams, whose contexts take turns (others have been refused)."""
    return unit_in_turns(group.system, group.processors) is not None


def turns_obstacle(group: TaskGroup) -> Obstacle | None:
    """What keeps tasks out of the model of time slices: they compute on one core each, and use no other accelerator."""
    unit = unit_in_turns(group.system, group.processors)
    assert unit is not None
    for task in group.specs:
        for piece in group.pieces[task.index]:
            places = group.pools[piece.pool]
            if len(places) > 1 and places != unit.processors:
                return Obstacle(
                    f"{task.name!r} may use only some of the streams of {unit.name!r}, or several cores",
                    "let it use all streams, and pin its other nodes to one core",
                )
            if len(places) == 1 and places[0] in unit.processors:
                return Obstacle(f"{task.name!r} is pinned to a stream", "let it use all streams")
    return next(filter(None, (of_client(group, task, TURNS) for task in group.specs)), None)


def in_turn(group: TaskGroup) -> SharedAccelerator:
    """Tasks whose contexts have the GPU one after the other."""
    unit = unit_in_turns(group.system, group.processors)
    assert unit is not None
    assert unit.block_level is not None
    Lts, theta = turn(unit.block_level)
    group.exact = False
    declared = f"contexts have {unit.name!r} in turn, one at a time, and are taken off when their time slice ends"
    group.notes.append(Assumption(declared, "declared", "Bakita, Anderson, RTAS 2024 (R4)"))
    found = shared(group, TURNS)
    tasks = tuple(replace(task, device="") for task in found.tasks)
    return replace(found, tasks=tasks, Lts=Lts, theta=theta, name=unit.name)


def gpu_task(group: TaskGroup, task: TaskSpec) -> GpuTask:
    """What a chain asks of its core in all, and of its accelerator piece by piece."""
    core, device, C = f"none of {task.name}", "", 0
    segments: list[int] = []
    for piece in group.pieces[task.index]:
        places: Sequence[int] = group.pools[piece.pool]
        if _core(group, places[0]):
            core, C = group.system.processors[places[0]].name, C + piece.c
        else:
            device = group.system.processors[places[0]].name
            segments.append(piece.c)
    return GpuTask(task.name, core, C, group.T(task), group.D(task), tuple(segments), device=device)
