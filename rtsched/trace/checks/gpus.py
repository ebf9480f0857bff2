"""What must hold of GPUs that are served block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rtsched.model.accelerator import BlockLevel, Kernel
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import COMPLETED, Trace


def blocks(trace: Trace) -> Iterator[str]:
    """Every block of every kernel of a node that completed on a GPU ran there, once."""
    ended = trace.slices[trace.slices["reason"] == COMPLETED]
    begun = {(int(row["job"]), int(row["node"]), int(row["processor"])): int(row["start"]) for row in ended}
    for _, waves in _gpus(trace):
        done: dict[tuple[int, int, int, int], int] = {}
        wanted: dict[tuple[int, int, int, int], int] = {}
        for wave in waves:
            node = (int(wave["job"]), int(wave["node"]), int(wave["processor"]))
            if node in begun and wave["start"] >= begun[node]:  # not those of an attempt that was killed
                kernel = (*node, int(wave["kernel"]))
                done[kernel] = done.get(kernel, 0) + int(wave["blocks"])
                wanted[kernel] = _kernel(trace, wave).blocks
        for kernel, blocks in done.items():
            if blocks != wanted[kernel]:
                yield f"kernel {kernel[3]} of {name_of(trace, kernel[0])} ran {blocks} of its {wanted[kernel]} blocks"


def threads(trace: Trace) -> Iterator[str]:
    """No GPU runs more threads at a time than its multiprocessors hold (contexts that take turns apart)."""
    for gpu, waves in _gpus(trace):
        if gpu.time_slice is not None or not len(waves):
            continue
        load = [_kernel(trace, wave).threads * int(wave["blocks"]) for wave in waves]
        edges = sorted(
            [(int(wave["end"]), -size) for wave, size in zip(waves, load, strict=True)]
            + [(int(wave["start"]), size) for wave, size in zip(waves, load, strict=True)]
        )
        running = 0
        for time, change in edges:
            running += change
            if running > gpu.threads * gpu.sms:
                yield f"a GPU of {gpu.sms} SMs runs {running} threads at {time}"
                break


def _gpus(trace: Trace) -> Iterator[tuple[BlockLevel, Any]]:
    """Each GPU that is served block by block in exact mode, with its waves."""
    spec = trace.system.hardware
    for unit in () if spec is None else spec.units:
        if unit.block_level is not None and unit.block_level.mode == "exact":
            waves = trace.waves[np.isin(trace.waves["processor"], unit.processors) & (trace.waves["blocks"] > 0)]
            yield unit.block_level, waves


def _kernel(trace: Trace, wave: Any) -> Kernel:
    about = trace.node(int(wave["job"]), int(wave["node"])).hardware
    assert about is not None
    kernels = about.kernels[wave["processor"]]
    assert kernels is not None
    kernel = kernels[wave["kernel"]]
    assert isinstance(kernel, Kernel)
    return kernel
