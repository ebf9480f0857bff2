"""Lowering of what a node asks of the hardware: kernels, memory traffic, energy, weights."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rtsched import units
from rtsched.dnn.waves import timed
from rtsched.errors import InputError
from rtsched.model.accelerator import BlockLevel, ComputedKernel, Copy, Kernel, MemoryUse
from rtsched.model.taskgraph import MemorySpec, NodeHardware
from rtsched.model.work import ANY, NetworkUse, Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: A node may launch this many derived kernels; longer nodes get longer kernels.
MOST_KERNELS = 10_000


def hardware_of(lowering: Lowering, what: str, work: Work, times: list[int | None]) -> NodeHardware | None:
    """What the hardware needs to know of a node; fills in `times` where kernels say how long it takes."""
    gpus = lowering.where.gpus
    kernels: list[tuple[Kernel | Copy, ...] | None] = []
    if gpus:
        kernels = [None] * len(times)
        for place, gpu in gpus.items():
            if work.kernels is not None:
                kernels[place] = tuple(_checked(what, item, gpu) for item in work.kernels)
                if any(isinstance(item, ComputedKernel) for item in work.kernels):
                    lowering.rests(
                        "modelled", f"{what}: times of kernels by waves, from multiply-accumulates and bytes"
                    )
                times[place] = alone(kernels[place] or (), gpu)
            elif times[place] is not None:
                kernels[place] = derived(times[place] or 1, gpu)
                lowering.assume(
                    f"{what}: kernels derived from its total time, each of about "
                    f"{units.format_duration(gpu.assumed_kernels.length)} on {gpu.assumed_kernels.occupancy:.0%} "
                    "of the block slots"
                )
    elif work.kernels is not None and work.wcet is None:
        raise InputError(f"{what}: 'kernels' need a GPU served block by block; give it a 'block_level', or a 'wcet'")
    memory = _memory(lowering, what, work, times)
    energy = _energy(lowering, what, work, times)
    network = ""
    if work.network is not None:
        network = work.network.network if isinstance(work.network, NetworkUse) else work.network
    if not (any(kernels) or memory or energy or work.weights or work.state is not None):
        return None
    return NodeHardware(
        memory=memory,
        kernels=tuple(kernels) if any(kernels) else (),
        energy=energy,
        edp=_products(lowering, work, times) if energy else (),
        network=network or what,
        weights=work.weights or 0,
        state=work.state,
    )


def _checked(what: str, item: Kernel | ComputedKernel | Copy, gpu: BlockLevel) -> Kernel | Copy:
    """The kernel or copy, if a block of it can ever run on the GPU; what is given by its size gets its time."""
    if isinstance(item, Copy):
        if item.time is not None:
            return item
        if gpu.copy_bandwidth is None:
            raise InputError(f"{what}: a copy of a 'size' needs the GPU's 'copy_bandwidth'; give it, or a 'time'")
        time = max(1, -(-(item.size or 0) * units.S // gpu.copy_bandwidth))
        return Copy.model_validate({"copy": item.copy_, "time": time})
    registers = item.registers * item.threads
    limits = (
        ("threads", item.threads, min(gpu.max_threads, gpu.threads)),
        ("bytes of shared memory", item.shared_memory, _least(gpu.max_shared_memory, gpu.shared_memory)),
        ("registers", registers, _least(gpu.max_registers, gpu.registers)),
    )
    for name, needs, limit in limits:
        if limit is not None and needs > limit:
            raise InputError(f"{what}: a block of {needs} {name} can never run on an SM: the limit is {limit}")
    return timed(what, item, gpu) if isinstance(item, ComputedKernel) else item


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def slots(gpu: BlockLevel, kernel: Kernel) -> int:
    """How many blocks of `kernel` the whole GPU holds at a time."""
    room = gpu.threads // kernel.threads
    if gpu.shared_memory is not None and kernel.shared_memory:
        room = min(room, gpu.shared_memory // kernel.shared_memory)
    if gpu.registers is not None and kernel.registers:
        room = min(room, gpu.registers // (kernel.registers * kernel.threads))
    if gpu.blocks is not None:
        room = min(room, gpu.blocks)
    return room * gpu.sms


def alone(items: tuple[Kernel | Copy, ...], gpu: BlockLevel) -> int:
    """The time in ns of kernels and copies one after the other, with nothing else on the GPU."""
    total = 0
    for item in items:
        waves = -(-item.blocks // slots(gpu, item)) if isinstance(item, Kernel) else 1
        total += waves * (item.time or 1)
    return total


def derived(time: int, gpu: BlockLevel) -> tuple[Kernel, ...]:
    """Kernels for a node of which only the total time is known: equal ones, a single full wave each.

    They take exactly `time` alone. How much of the GPU a real kernel fills, and how long it is, is not known: both are
    parameters of the platform (``assumed_kernels``), and every run that uses them says so.
    """
    guess = gpu.assumed_kernels
    count = max(1, min(round(time / guess.length), MOST_KERNELS, time))
    probe = Kernel(blocks=1, threads=min(guess.threads, gpu.max_threads), time=1)
    blocks = max(1, round(slots(gpu, probe) * guess.occupancy))
    each, rest = divmod(time, count)
    return tuple(
        Kernel(blocks=blocks, threads=probe.threads, time=each + (1 if number < rest else 0)) for number in range(count)
    )


def _memory(lowering: Lowering, what: str, work: Work, times: list[int | None]) -> tuple[MemorySpec | None, ...]:
    if work.memory is None:
        return ()
    found: list[MemorySpec | None] = [None] * len(times)
    for exact in (False, True):
        for name, use in work.memory.items():
            if (name != ANY) == exact:
                for place in lowering.where.of(what, name) if name != ANY else range(len(times)):
                    found[place] = _demand(use, times[place])
    return tuple(found)


def _demand(use: MemoryUse, time: int | None) -> MemorySpec | None:
    if time is None:
        return None
    demand = float(use.demand or 0)
    if use.traffic is not None:
        demand = use.traffic * units.S / time
    return MemorySpec(use.bound, demand, use.class_ or "")


def _energy(lowering: Lowering, what: str, work: Work, times: list[int | None]) -> tuple[int | None, ...]:
    """Energy in nJ per processor: as given, or as measured with the latency that is used."""
    if lowering.system.power is None:
        return ()
    found: list[int | None] = [None] * len(times)
    for _, cluster, row in lowering.rows.get(id(work), ()):
        if row.get("energy_mj"):
            for place in lowering.where.members[cluster]:
                found[place] = round(Decimal(row["energy_mj"]) * 10**6)
    for exact in (False, True):
        for name, value in (work.energy or {}).items():
            if (name != ANY) == exact:
                for place in lowering.where.of(what, name) if name != ANY else range(len(times)):
                    found[place] = value
    return tuple(found) if any(value is not None for value in found) else ()


def _products(lowering: Lowering, work: Work, times: list[int | None]) -> tuple[float | None, ...]:
    """Energy-delay products per processor, where the latency tables have any."""
    found: list[float | None] = [None] * len(times)
    for _, cluster, row in lowering.rows.get(id(work), ()):
        if row.get("edp_ms_mj"):
            for place in lowering.where.members[cluster]:
                found[place] = float(row["edp_ms_mj"])
    return tuple(found) if any(value is not None for value in found) else ()
