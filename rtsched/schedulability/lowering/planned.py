"""Schedulers that are no compositions, but say what proofs may rely on: their tasks in the models of theorems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.model.known import known_before
from rtsched.model.policy import PlanTraits, ServerTraits
from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.lowering import accelerators
from rtsched.schedulability.lowering.obstacles import Obstacle, limited, trace_gap
from rtsched.schedulability.models import Sporadic
from rtsched.schedulability.theorems.mixed_criticality import MixedCriticality, MixedTask
from rtsched.schedulability.theorems.semi_partitioned import SplitTask, SplitTasks
from rtsched.schedulability.theorems.servers import ServedTask, ServedTasks

if TYPE_CHECKING:
    from rtsched.schedulability.lowering.group import TaskGroup


def obstacle(group: TaskGroup, plan: PlanTraits) -> Obstacle | None:
    """What keeps tasks out of the model of a plan."""
    if plan.servers is not None:
        return _beside_servers(group, plan.servers)
    if plan.accelerator is not None:
        return accelerators.obstacle(group, plan.accelerator)
    for task in group.specs:
        (piece,) = group.pieces[task.index]
        if piece.c > piece.node.fastest:
            return Obstacle(
                f"{task.name!r} may take longer than {group.policy.whole!r} plans for (switches, factors above 1)",
                "put what it may take into its execution time, and leave the overheads out",
            )
    return None


def models(group: TaskGroup, plan: PlanTraits) -> list[Any]:
    """Tasks under a scheduler that plans them itself."""
    if plan.servers is not None:
        return [_served(group, plan.servers)]
    if plan.accelerator is not None:
        return [accelerators.shared(group, plan.accelerator)]
    cluster = group.cluster()
    if plan.mixed:
        group.note("a hard task's budget is its execution time of low criticality: what it takes beyond costs others")
        pairs = zip(cluster.tasks, group.specs, strict=True)
        both = (MixedTask(task, spec.budget or task.C, spec.criticality == "hard") for task, spec in pairs)
        return [MixedCriticality(tuple(both), group.name)]
    if plan.splits is None:
        group.note("jobs are released by their periods from their offsets on: the policy takes no others")
        return [replace(cluster, order="optimal" if plan.optimal else "any")]
    splits = plan.splits(known_before(group.system))
    tasks = tuple(
        SplitTask(task, tuple(splits[spec.index])) for task, spec in zip(cluster.tasks, group.specs, strict=True)
    )
    return [replace(cluster, order="any"), SplitTasks(tasks, group.name)]


# ---- servers ---------------------------------------------------------------------------------------------------------


def _beside_servers(group: TaskGroup, servers: ServerTraits) -> Obstacle | None:
    """Tasks released by a clock, on one processor that can be taken from them at any instant and at no cost."""
    whole = repr(group.policy.whole)
    pieces = [piece for task in group.specs for piece in group.pieces[task.index]]
    graph = next((task.name for task in group.specs if len(task.nodes) > 1), None)
    if len(group.processors) > 1 and (not servers.several or len(group.pools) > 1):
        return Obstacle(
            f"servers are analysed on one processor, and {whole} may use {len(group.processors)} for these tasks",
            "pin every task to one processor",
        )
    if group.triggered:
        return Obstacle("a task that another one releases comes at no least distance here", "give it a period")
    if any(piece.overhead for piece in pieces):
        return Obstacle(
            f"how often {whole} switches is not bounded here, and every switch costs time", "leave them out"
        )
    if not all(piece.preemptible for piece in pieces):
        return Obstacle("a server is preempted when its budget is used up, and not all can be", "make all preemptible")
    if graph is not None and servers.kind == "bandwidth":
        return Obstacle(
            f"{graph!r} is a graph: between two of its nodes its server looks idle, and may begin a new period",
            "join its nodes",
        )
    return None


def _served(group: TaskGroup, servers: ServerTraits) -> ServedTasks:
    """Tasks with their servers; those with fixed priorities the most urgent first."""
    specs: Sequence[TaskSpec] = group.specs
    level = servers.level
    if level is not None:
        specs = sorted(specs, key=lambda task: (level(task), task.index))
        group.note("every server has the priority of a task, and gives no more than its budget each server period")
    found = tuple(_served_task(group, task) for task in specs)
    model = ServedTasks(found, servers.kind, group.name, len(group.processors))
    load, kernel = sum(model.loads, Fraction(0)), Fraction(95, 100) * model.m
    if servers.several:
        admits = "Linux admits that by default" if load <= kernel else "Linux admits 95 % by default, so not that"
        group.note(f"the servers have {100 * float(load / model.m):.1f} % of {group.name!r}: {admits}")
    return model


def _served_task(group: TaskGroup, task: TaskSpec) -> ServedTask:
    C = sum(piece.c for piece in group.pieces[task.index])
    budget, period = task.budget or 0, (task.server_period or task.period or task.deadline) if task.budget else 0
    if task.budget and (not limited(task) or trace_gap(task) == 0):
        group.note(f"{task.name!r} may arrive at any time: its server limits what that does to others")
        group.exact = False
        return ServedTask(Sporadic(task.name, C, units.LONGEST, group.D(task)), budget, period, bounded=False)
    return ServedTask(Sporadic(task.name, C, group.T(task), group.D(task), task.jitter), budget, period)
