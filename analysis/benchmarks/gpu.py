"""How many GPU blocks per CPU-second the block-level GPU simulates, in fluid and in exact mode.

A GPU of 16 SMs serves 4 streams, one above the others in priority, each with kernels of 16 to 4096 blocks (log-uniform)
of 64 to 1024 threads and 5 to 500 us a block: sizes as profilers show them for convolutions. The same seeded
program runs in both modes; CPU time is that of the whole run, launches included.

    python analysis/benchmarks/gpu.py            # JSON lines
    python analysis/benchmarks/gpu.py --table    # the same for people
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from typing import Any

from rtsched import units
from rtsched.engine.chip.components import Hardware
from rtsched.engine.event_loop import NEVER, RELEASE, Alarm, EventLoop
from rtsched.engine.gpu.blocks import Operation
from rtsched.engine.gpu.fluid import FluidGpu
from rtsched.engine.gpu.gpu import Gpu
from rtsched.model.accelerator import BlockLevel

STREAMS = 4
KERNELS = 1500


def program(seed: int) -> list[list[tuple[int, int, int]]]:
    """Per stream the kernels as (blocks, threads, ns a block)."""
    draw = random.Random(seed)
    return [
        [
            (
                round(math.exp(draw.uniform(math.log(16), math.log(4096)))),
                draw.choice((64, 128, 256, 512, 1024)),
                draw.randint(5 * units.US, 500 * units.US),
            )
            for _ in range(KERNELS)
        ]
        for _ in range(STREAMS)
    ]


def once(mode: str, seed: int) -> dict[str, Any]:
    """One run: blocks, kernels, events, CPU seconds, simulated seconds."""
    spec = BlockLevel(sms=16, threads=2048, blocks=16, priorities=2, mode=mode)
    kernels = program(seed)
    kernel, changed = EventLoop(), [False]
    hardware = Hardware(kernel, changed)
    gpu = (FluidGpu if mode == "fluid" else Gpu)(spec, kernel, hardware.touch)
    hardware.parts.append(gpu)
    streams = [gpu.stream(number) for number in range(STREAMS)]
    left = [iter(each) for each in kernels]

    def launch(number: int) -> None:
        following = next(left[number], None)
        if following is not None:
            blocks, threads, length = following
            operation = Operation(number, length, blocks, threads, done=lambda now: launch(number))
            gpu.launch(streams[number], operation, -1 if number == 0 else 0)

    for number in range(STREAMS):
        kernel.arm(Alarm(kernel, RELEASE + number, lambda number=number: launch(number)), 0)
    start = time.process_time()
    kernel.drain(changed, lambda: None, NEVER)
    spent = time.process_time() - start
    blocks = sum(count for each in kernels for count, _, _ in each)
    return {"mode": mode, "blocks": blocks, "seconds": spent, "simulated": kernel._now / units.S}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for mode in ("fluid", "exact"):
        runs = [once(mode, seed) for seed in range(options.rounds)]
        rate = statistics.median(run["blocks"] / run["seconds"] for run in runs)
        row = {
            "mode": mode,
            "blocks_per_cpu_second": round(rate),
            "kernels_per_cpu_second": round(STREAMS * KERNELS / statistics.median(run["seconds"] for run in runs)),
            "simulated_seconds": [run["simulated"] for run in runs],
        }
        if options.table:
            print(f"{mode:<6} {rate:>12,.0f} blocks/s {row['kernels_per_cpu_second']:>9,} kernels/s")
        else:
            print(json.dumps(row))


if __name__ == "__main__":
    main()
