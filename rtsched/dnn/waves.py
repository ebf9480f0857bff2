"""The time of a kernel by its waves of blocks, from what a block computes and moves: Heo's bound, in its style.

Heo, Cho, Kim and Kim, "Real-time object detection system with multi-path neural networks", RTAS 2020, bound the time
of a layer by contention for processors and for memory, and that of a path by the sum of its layers. The paper was not
read; our definition is: a kernel of b blocks, of which each of n multiprocessors holds r at once, runs in
w = ceil(b / (n r)) waves. A wave takes as long as a full multiprocessor needs for the multiply-accumulates of its r
blocks, and all waves together take no less than their bytes need at the bandwidth that is left to them:

    max(w * r * macs / (lanes * clock), b * bytes / bandwidth)

each part rounded up, so that the waves are equal. The last wave counts in full, however few its blocks.
"""

from __future__ import annotations

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.accelerator import BlockLevel, ComputedKernel, Kernel


def timed(what: str, kernel: ComputedKernel, gpu: BlockLevel) -> Kernel:
    """The kernel with the time of a wave in ns. Raises InputError where the GPU does not say what it needs for that.

    >>> from rtsched.model.accelerator import Waves
    >>> gpu = BlockLevel(sms=2, threads=512, max_threads=512, waves=Waves(lanes=64, clock="1 GHz", bandwidth="8 GB/s"))
    >>> timed("x", ComputedKernel(blocks=10, threads=256, macs=64000), gpu).time  # 3 waves; 2 blocks of 1 us each
    2000
    >>> timed("x", ComputedKernel(blocks=10, threads=256, macs=64000, bytes="9600 B"), gpu).time  # 12 us in 3 waves
    4000
    """
    waves = gpu.waves
    if waves is None:
        raise InputError(
            f"{what}: a kernel of so many 'macs' or 'bytes' needs to know the GPU: give its 'block_level' 'waves: "
            "{lanes: 64, clock: 1 GHz, bandwidth: 20 GB/s}', or the kernel a 'time'"
        )
    if kernel.bytes and waves.bandwidth is None:
        raise InputError(f"{what}: a kernel of so many 'bytes' needs the 'bandwidth' of the GPU's 'waves'; give it")
    held = gpu.blocks_at_once(kernel)
    count = -(-kernel.blocks // (held * gpu.sms))
    compute = -(-held * kernel.macs * units.S // (waves.lanes * waves.clock))
    moving = -(-kernel.blocks * kernel.bytes * units.S // waves.bandwidth) if waves.bandwidth else 0
    shape = {"blocks": kernel.blocks, "threads": kernel.threads, "registers": kernel.registers}
    return Kernel(**shape, shared_memory=kernel.shared_memory, time=max(1, compute, -(-moving // count)))
