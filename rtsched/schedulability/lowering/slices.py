"""GPUs served block by block whose contexts take turns: when each turn has the work of one task alone."""

from __future__ import annotations

from rtsched.model.accelerator import BlockLevel, Copy
from rtsched.model.policy import Policy
from rtsched.model.taskgraph import SystemSpec, TaskSpec, UnitSpec


def users(system: SystemSpec, unit: UnitSpec) -> list[TaskSpec]:
    """The tasks that may use a unit."""
    places = unit.processors
    return [t for t in system.tasks if any(node.times[place] for node in t.all_nodes for place in places)]


def in_turns(system: SystemSpec, policy: Policy, unit: UnitSpec) -> str | None:
    """Why the kernels of several tasks may meet on a GPU; None if each has the whole of it in its time slices.

    Then every task has a context of its own and finds a free stream, and nothing but kernels is launched.
    """
    gpu = unit.block_level
    assert gpu is not None
    tasks = users(system, unit)
    contexts = {task.context for task in tasks}
    if gpu.time_slice is None or gpu.mps is not None:
        return "no 'time_slice' keeps its contexts apart"
    if gpu.null_stream:
        return "it has a NULL stream"
    if len(contexts) < len(tasks):
        return "several tasks share a context"
    if len(unit.processors) < len(tasks):
        return f"there are {len(unit.processors)} streams for {len(tasks)} tasks"
    if any(_copies(task, unit) for task in tasks):
        return "copies take turns of their own"
    if policy.plan is not None or policy.whole is not None or policy.order != "FP" or policy.preemption != "preemptive":
        return "the cores are not under preemptive fixed priorities"
    return None


def _copies(task: TaskSpec, unit: UnitSpec) -> bool:
    """Whether a task copies anything to or from a unit by the copy engine."""
    return any(
        isinstance(item, Copy)
        for node in task.all_nodes
        if node.hardware is not None and node.hardware.kernels
        for place in unit.processors
        for item in node.hardware.kernels[place] or ()
    )


def unit_in_turns(system: SystemSpec, places: tuple[int, ...]) -> UnitSpec | None:
    """The unit with several streams that one of these processors belongs to, if there is one."""
    units = () if system.hardware is None else system.hardware.units
    return next((u for u in units if u.block_level and len(u.processors) > 1 and set(u.processors) & set(places)), None)


def turn(gpu: BlockLevel) -> tuple[int, int]:
    """(Lts, θ): a slice, and what the turn of another context costs besides: the switch to it, and the one back."""
    assert gpu.time_slice is not None
    return gpu.time_slice, 2 * gpu.context_switch
