"""Preconditions of theorems: each says why a model does not meet it, or None. Reports and theorems share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtsched import units
from rtsched.schedulability.models import Cluster, Pipelines, TypedPools, Uniprocessor

_ns = units.format_duration

#: Tasks up to which each is compared with all others: time and parts of bounds grow with the square (half a minute).
MOST_TASKS = 2_000


def few_tasks(model: Any) -> str | None:
    """At most MOST_TASKS tasks."""
    count = len(getattr(model, "tasks", ()))
    if count <= MOST_TASKS:
        return None
    return (
        f"it compares each task with all others, and {count} tasks on {model.name!r} are more than the {MOST_TASKS} "
        "for which that is tried; join small tasks, or spread them over more processors (placement first-fit)"
    )


def constrained_deadlines(model: Any) -> str | None:
    """D <= T."""
    for task in model.tasks:
        if task.D > task.T:
            return f"it needs D <= T: task {task.name!r} has D = {_ns(task.D)} > T = {_ns(task.T)}"
    return None


def implicit_deadlines(model: Any) -> str | None:
    """D = T."""
    for task in model.tasks:
        if task.D != task.T:
            return f"it needs D = T: task {task.name!r} has D = {_ns(task.D)}, T = {_ns(task.T)}"
    return None


def deadlines_from_periods(model: Any) -> str | None:
    """D >= T."""
    for task in model.tasks:
        if task.D < task.T:
            return f"it needs D >= T: task {task.name!r} has D = {_ns(task.D)} < T = {_ns(task.T)}"
    return None


def no_jitter(model: Any) -> str | None:
    """J = 0."""
    for task in model.tasks:
        if task.J:
            return f"it knows no release jitter: task {task.name!r} has J = {_ns(task.J)}"
    return None


def some_jitter(model: Any) -> str | None:
    """Some J > 0: without, the exact test says more."""
    return None if any(task.J for task in model.tasks) else "no task has release jitter: np-edf is exact"


def no_blocking(model: Uniprocessor | Cluster) -> str | None:
    """B = 0."""
    for task in model.tasks:
        if task.B:
            return f"it knows no blocking by locks: task {task.name!r} has B = {_ns(task.B)}"
    return None


def no_suspension(model: Uniprocessor | Cluster) -> str | None:
    """S = 0."""
    for task in model.tasks:
        if task.S:
            return f"it knows no self-suspension: task {task.name!r} suspends for up to {_ns(task.S)}"
    return None


def suspends(model: Uniprocessor | Cluster) -> str | None:
    """Some S > 0: without, the exact analyses say more."""
    return None if any(task.S for task in model.tasks) else "no task suspends itself"


def order(*wanted: str) -> Callable[[Any], str | None]:
    """The scheduler orders by one of `wanted`: FP, EDF, FIFO, any."""

    def check(model: Any) -> str | None:
        if model.order in wanted:
            return None
        if getattr(model, "queues", None) is not None:
            return f"it is about {' or '.join(wanted)} everywhere, and each pool has an order of its own"
        return f"it is about {' or '.join(wanted)}, the policy orders by {model.order}"

    check.__doc__ = f"Order: {' or '.join(wanted)}."
    return check


def own_orders(model: TypedPools) -> str | None:
    """Each pool has an order of its own."""
    return None if model.queues is not None else "all pools are served by one order"


def priorities_everywhere(model: Pipelines) -> str | None:
    """Fixed priorities serve every queue."""
    for processor in model.modes:
        if not model.by_priority(processor):
            return f"it is about fixed priorities, and those do not serve the queue of {processor!r}"
    return None


def mode(*wanted: str) -> Callable[[Uniprocessor | Cluster], str | None]:
    """The preemption mode is one of `wanted`."""

    def check(model: Uniprocessor | Cluster) -> str | None:
        if model.mode in wanted:
            return None
        return f"it is about {' or '.join(wanted)} scheduling, {model.name!r} is {model.mode}"

    check.__doc__ = f"Mode: {' or '.join(wanted)}."
    return check


def regions_given(model: Uniprocessor) -> str | None:
    """Regions, where given, sum to C."""
    for task in model.tasks:
        if task.regions and sum(task.regions) != task.C:
            return f"the regions of task {task.name!r} sum to {_ns(sum(task.regions))}, not to C = {_ns(task.C)}"
    return None


def one_task(model: TypedPools) -> str | None:
    """A single DAG, with the processors to itself."""
    return None if len(model.tasks) == 1 else f"it is about one DAG alone; there are {len(model.tasks)} tasks"


def one_type(model: TypedPools) -> str | None:
    """All vertices have one type."""
    kinds = {vertex.type for task in model.tasks for vertex in task.dag.vertices}
    return None if len(kinds) <= 1 else f"it is about identical processors; there are {', '.join(sorted(kinds))}"


def served(model: TypedPools) -> str | None:
    """Every type that occurs has processors."""
    for task in model.tasks:
        for kind in task.dag.volumes:
            if model.cores.get(kind, 0) < 1:
                return f"task {task.name!r} needs a processor of type {kind!r}, and there is none"
    return None


def preemptive_pools(model: TypedPools) -> str | None:
    """Every pool is preemptive."""
    for kind in model.cores:
        if model.mode(kind) != "preemptive":
            return f"it is about preemptive scheduling, pool {kind!r} is {model.mode(kind)}"
    return None


def nodes_in_order(model: TypedPools) -> str | None:
    """Of the vertices of a job those that stand first go first."""
    for kind in model.cores:
        if not model.serves_in_order(kind):
            return f"it is about FP or EDF, which take the nodes of a job in their order; {kind!r} has another order"
    return None


def stages_preemptive(model: Pipelines) -> str | None:
    """Every processor is preemptive."""
    for processor, mode in model.modes.items():
        if mode != "preemptive":
            return f"it is about preemptive processors, {processor!r} is {mode}"
    return None
