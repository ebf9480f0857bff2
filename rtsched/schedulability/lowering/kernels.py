"""How long a node takes alone on a GPU that is served block by block: its kernels in waves, each rounded by itself.

Where one stream serves the GPU (see ``obstacles``), kernels and copies follow each other, and a kernel of b blocks runs
in ceil(b / slots) waves, slots being what the multiprocessors hold that its task may use: those that its mask leaves,
and of these no more than the MPS percentage of its context. A job that takes d instead of the planned P takes
round(t d / P) ns for each wave of t, at least 1 (the rounding is done per kernel): never less for a larger d, so the
largest d gives the bound. Before them passes the time of a launch: once, since nobody who is proven limits launches.
"""

from __future__ import annotations

from fractions import Fraction

from rtsched.model.accelerator import BlockLevel, Kernel
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec, UnitSpec


def unit_of(system: SystemSpec, place: int) -> UnitSpec | None:
    """The hardware unit that a processor belongs to; None where a run has no hardware beyond plain processors."""
    units = () if system.hardware is None else system.hardware.units
    return next((unit for unit in units if place in unit.processors), None)


def multiprocessors(gpu: BlockLevel, task: TaskSpec) -> int:
    """How many multiprocessors the kernels of a task may use at a time: its mask and its context's share hold."""
    mask = gpu.masks.get(task.name.partition("[")[0], 0)
    allowed = sum(not mask >> (sm // gpu.sms_per_tpc) & 1 for sm in range(gpu.sms))
    share = None if gpu.mps is None else gpu.mps.get(task.context or "")
    return allowed if share is None else min(allowed, -int(-share * gpu.sms // 100))


def longest(gpu: BlockLevel, task: TaskSpec, node: NodeSpec, place: int, demand: int) -> int:
    """The time in ns of a node alone, whose job takes up to `demand` instead of what is planned, no less than that."""
    planned = node.times[place]
    items = node.hardware.kernels[place] if node.hardware is not None and node.hardware.kernels else None
    assert planned is not None
    assert items is not None
    sms = multiprocessors(gpu, task)
    total = gpu.launch
    for item in items:
        waves = -(-item.blocks // (gpu.blocks_at_once(item) * sms)) if isinstance(item, Kernel) else 1
        time = item.time or 1
        total += waves * (time if demand == planned else max(time, round(Fraction(time * demand, planned))))
    return total
