"""How a GPU, an NPU or a DSP serves, beyond one segment at a time: blocks, contexts, checkpoints, weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rtsched.model.base import Bandwidth, Duration, Frequency, Model, PositiveDuration, Size, problem

Percentage = Annotated[float, Field(gt=0, le=100)]


#: The memory slices, of eight, that come with so many of the seven compute slices of a MIG instance, and with each the
#: same share of the memory's bandwidth (NVIDIA, MIG user guide, profiles of the A100 and the H100).
MEMORY_SLICES = {1: 1, 2: 2, 3: 4, 4: 4, 7: 8}


class KernelShape(Model):
    """Equal thread blocks; `threads`, `shared_memory` and (threads x `registers`) are what one occupies."""

    blocks: int = Field(ge=1, le=10**7)
    threads: int = Field(default=256, ge=1)
    shared_memory: Size = 0
    registers: int = Field(default=0, ge=0, description="registers per thread")


class Kernel(KernelShape):
    """One GPU kernel: equal thread blocks, each of which takes `time` alone on a multiprocessor."""

    time: PositiveDuration


class ComputedKernel(KernelShape):
    """A GPU kernel whose time follows from what one of its blocks computes and moves, by the GPU's `waves`."""

    macs: int = Field(default=0, ge=0, description="multiply-accumulates of a block")
    bytes: Size = Field(default=0, description="what a block reads from memory and writes there")

    @model_validator(mode="after")
    def _some_work(self) -> ComputedKernel:
        if not self.macs and not self.bytes:
            raise problem("a kernel without a 'time' computes or moves something: give it 'macs' or 'bytes' of a block")
        return self


class Copy(Model):
    """One transfer between host and GPU memory; it takes `time`, or its size over the GPU's copy bandwidth."""

    copy_: Literal["in", "out"] = Field(alias="copy")
    time: PositiveDuration | None = None
    size: Size | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Copy:
        if (self.time is None) == (self.size is None):
            raise problem("a copy has either a 'time' or a 'size'")
        return self


def _operation(value: Any) -> str:
    """What a mapping is meant as: with the key 'copy' a copy, with 'macs' or 'bytes' a kernel of that work."""
    if not isinstance(value, dict):
        return type(value).__name__ if isinstance(value, Copy | ComputedKernel) else "Kernel"
    if "copy" in value:
        return "Copy"
    return "ComputedKernel" if "macs" in value or "bytes" in value else "Kernel"


#: What a node launches on a GPU.
GpuOperation = Annotated[
    Annotated[Kernel, Tag("Kernel")] | Annotated[ComputedKernel, Tag("ComputedKernel")] | Annotated[Copy, Tag("Copy")],
    Discriminator(_operation),
]


class Waves(Model):
    """What a GPU's multiprocessors compute, and its kernels are left of the memory: the times of computed kernels.

    `lanes` multiply-accumulates per cycle of `clock` on each multiprocessor; `bandwidth` is what kernels get of the
    memory at least, whatever else uses it. After Heo et al., RTAS 2020 (``rtsched.dnn.waves``).
    """

    lanes: int = Field(ge=1, description="multiply-accumulates a multiprocessor does in a cycle")
    clock: Frequency
    bandwidth: Bandwidth | None = Field(default=None, description="of the memory, left to its kernels at least")


class AssumedKernels(Model):
    """How kernels are derived when only the total time of a node is known.

    The time is cut into kernels of about `length`, each one full wave of blocks on `occupancy` of the GPU's block
    slots. Alone the node takes exactly its measured time; side by side such nodes share what occupancy leaves.
    """

    length: PositiveDuration = 100_000
    occupancy: Annotated[float, Field(gt=0, le=1)] = 1.0
    threads: int = Field(default=256, ge=1)


class BlockLevel(Model):
    """A GPU served block by block: streams, priorities, multiprocessor limits, copy engines, channels, contexts.

    Limits are per multiprocessor (SM), `max_…` per block. `streams` are what the scheduler sees as processors.
    Rules: Amert et al., RTSS 2017; Bakita and Anderson, RTAS 2024. Masks, MPS percentages and what a policy gives
    (``soc.share``) say where blocks may go; they do not lift head-of-line blocking, since there is one queue per
    priority all the same. Where a limit has no
    source there is none, except for the 1024 threads of a block (CUDA manual, all devices in use).
    """

    sms: int = Field(ge=1, le=4096)
    threads: int = Field(default=2048, ge=1)
    shared_memory: Size | None = None
    registers: int | None = Field(default=None, ge=1)
    blocks: int | None = Field(default=None, ge=1, description="block slots")
    max_threads: int = Field(default=1024, ge=1, description="threads a block may have")
    max_shared_memory: Size | None = None
    max_registers: int | None = Field(default=None, ge=1, description="registers a block may have")
    streams: int = Field(default=4, ge=1, le=1024)
    null_stream: bool = Field(default=False, description="stream 0 is the NULL stream")
    priorities: int = Field(default=2, ge=1, le=64)
    assign: Literal["policy", "criticality", "priority", "deadline"] = Field(
        default="policy", description="who sets a stream's priority when a segment starts"
    )
    copy_engines: Literal[1, 2] = 1
    copy_bandwidth: Bandwidth | None = None
    channels: int | None = Field(default=None, ge=1, description="compute channels per context")
    channel_order: Literal["fifo", "lifo", "seeded"] = "fifo"
    launch: Duration = Field(
        default=0, description="from the launch of a node's kernels (of each batch, under a limit) to the GPU having it"
    )
    time_slice: PositiveDuration | None = Field(default=None, description="between contexts")
    context_switch: Duration = 0
    mps: dict[str, Percentage] | None = Field(
        default=None, description="contexts run side by side; each with the given percentage of the SMs"
    )
    mig: tuple[Annotated[int, Field(ge=1, le=7)], ...] | None = Field(
        default=None, description="isolated instances of so many compute slices each, of seven"
    )
    sms_per_slice: int | None = Field(
        default=None, ge=1, description="SMs of a MIG compute slice; default: a seventh, in whole TPCs"
    )
    sms_per_tpc: int = Field(default=2, ge=1)
    masks: dict[str, int] = Field(default={}, description="per task the TPCs its kernels may not use, as bits")
    placement: Literal["spread", "pack"] = "spread"
    mode: Literal["exact", "fluid"] = "exact"
    assumed_kernels: AssumedKernels = AssumedKernels()
    waves: Waves | None = Field(default=None, description="what times of kernels follow from that are given by 'macs'")

    def blocks_at_once(self, kernel: KernelShape) -> int:
        """How many blocks of `kernel` one multiprocessor holds."""
        limits = [self.threads // kernel.threads]
        if self.blocks is not None:
            limits.append(self.blocks)
        if self.shared_memory is not None and kernel.shared_memory:
            limits.append(self.shared_memory // kernel.shared_memory)
        if self.registers is not None and kernel.registers:
            limits.append(self.registers // (kernel.registers * kernel.threads))
        return min(limits)

    @model_validator(mode="after")
    def _consistent(self) -> BlockLevel:
        if self.max_threads > self.threads:
            raise problem(f"a block of {self.max_threads} threads exceeds the {self.threads} threads of an SM")
        if self.mig is not None:
            self._check_slices(self.mig)
        elif self.sms_per_slice is not None:
            raise problem("'sms_per_slice' belongs to 'mig', which divides the GPU; give both")
        if self.mps is not None and self.time_slice is not None:
            raise problem("'mps' merges contexts, so there is no 'time_slice' between them; give one of the two")
        if self.null_stream and self.channels is not None:
            raise problem(
                "'null_stream' and 'channels' together can wait for each other for ever, and no published rule says "
                "how they meet; give one of the two"
            )
        if self.context_switch and self.time_slice is None:
            raise problem("'context_switch' has no effect without a 'time_slice' between contexts", "context_switch")
        if self.channel_order != "fifo" and self.channels is None:
            raise problem("'channel_order' has no effect without 'channels'", "channel_order")
        enabled = (1 << -(-self.sms // self.sms_per_tpc)) - 1
        for task, mask in self.masks.items():
            if mask < 0 or mask & enabled == enabled:
                raise problem(f"the mask {mask:#x} of {task!r} leaves no TPC of {enabled.bit_length()}")
        return self

    def _check_slices(self, instances: tuple[int, ...]) -> None:
        if sum(instances) > 7:
            raise problem(f"the MIG instances take {sum(instances)} sevenths of the GPU; there are 7")
        for slices in instances:
            if slices not in MEMORY_SLICES:
                known = ", ".join(map(str, MEMORY_SLICES))
                raise problem(f"there is no MIG instance of {slices} slices; they have {known}")
        if self.slice_sms * sum(instances) > self.sms:
            raise problem(
                f"the MIG instances take {sum(instances)} slices of {self.slice_sms} SMs; the GPU has {self.sms}"
            )

    @property
    def slice_sms(self) -> int:
        """The SMs of one MIG compute slice: as given, else a seventh of them, in whole TPCs where it has any."""
        if self.sms_per_slice is not None:
            return self.sms_per_slice
        seventh = max(1, self.sms // 7)
        return seventh - seventh % self.sms_per_tpc or seventh


class Checkpoint(Model):
    """What it takes to put a running segment aside and to bring it back: `state` over `bandwidth`, each way."""

    state: Size
    bandwidth: Bandwidth


class Weights(Model):
    """Memory for the weights of networks, on the chip of an accelerator: least recently used ones give way.

    Starting a node whose network is not there loads its weights first, at `bandwidth`.
    """

    capacity: Size
    bandwidth: Bandwidth


class MemoryUse(Model):
    """What a node asks of the shared memory when it runs alone: the part of its time, and the traffic.

    `bound` is the share of its time that waits for memory. The demand is given, or it is `traffic` over that time.
    `class` names its row in a measured pairwise matrix.
    """

    bound: Annotated[float, Field(ge=0, le=1)] = 0.0
    demand: Bandwidth | None = None
    traffic: Size | None = None
    class_: str | None = Field(default=None, alias="class")

    @model_validator(mode="after")
    def _one_demand(self) -> MemoryUse:
        if self.demand is not None and self.traffic is not None:
            raise problem("'demand' and 'traffic' say the same thing twice; give one")
        return self
