"""Random systems with everything mixed: they run to their end, pass the trace's check, and come out the same again."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from rtsched.metrics.summary import summary
from rtsched.trace.trace import DRAINED, OVERHEAD, Trace
from tests.chips import run


def quantity(draw: random.Random, low: int, high: int) -> str:
    return f"{draw.randint(low, high)} us"


def gpu(draw: random.Random) -> str:
    keys = ["sms: 4", f"streams: {draw.randint(1, 3)}", f"priorities: {draw.randint(1, 3)}"]
    keys.append(f"mode: {draw.choice(['exact', 'fluid'])}")
    keys.append(f"assign: {draw.choice(['policy', 'criticality', 'priority', 'deadline'])}")
    keys.append(f"copy_engines: {draw.randint(1, 2)}")
    if draw.random() < 0.3:
        keys.append(f"channels: {draw.randint(1, 2)}, channel_order: {draw.choice(['fifo', 'lifo', 'seeded'])}")
    elif draw.random() < 0.3:
        keys.append("null_stream: true")
    keys.append(draw.choice(["time_slice: 1 ms, context_switch: 50 us", "mps: {A: 50}", "masks: {t0: 1}", "blocks: 8"]))
    return f"{{{', '.join(keys)}}}"


def kernels(draw: random.Random) -> str:
    items = []
    for _ in range(draw.randint(1, 4)):
        if draw.random() < 0.2:
            items.append(f"{{copy: {draw.choice(['in', 'out'])}, time: {quantity(draw, 10, 500)}}}")
        else:
            threads = draw.choice([64, 256, 512, 1024])
            items.append(f"{{blocks: {draw.randint(1, 40)}, threads: {threads}, time: {quantity(draw, 10, 500)}}}")
    return f"[{', '.join(items)}]"


def work(draw: random.Random, gpu_blocks: bool) -> str:
    places = draw.sample(["big", "little", "gpu", "npu"], draw.randint(1, 3))
    parts = []
    if gpu_blocks and draw.random() < 0.4:
        places = [place for place in places if place != "gpu"]
        parts.append(f"kernels: {kernels(draw)}")
    if places:
        times = ", ".join(f"{place}: {quantity(draw, 50, 6000)}" for place in places)
        parts.insert(0, f"wcet: {{{times}}}")
    if draw.random() < 0.7:
        parts.append(f"memory: {{bound: {draw.random():.2f}, demand: {draw.randint(1, 30)} GB/s}}")
    if draw.random() < 0.4:
        parts.append(f"weights: {draw.randint(1, 6)} MB")
    if draw.random() < 0.2:
        parts.append(f"energy: {draw.randint(1, 9)} mJ")
    return ", ".join(parts)


def system(seed: int) -> str:
    """A random system; every part of the hardware is there in some of them."""
    draw = random.Random(seed)
    blocks = draw.random() < 0.6
    points = "operating_points: [{frequency: 500 MHz, milliwatt: 100}, {frequency: 1 GHz, milliwatt: 300}, {frequency: 2 GHz, milliwatt: 1500}]"
    lines = ["platform:", "  name: chip", "  base_power: 200 mW", "  processors:"]
    lines.append(
        f"    big: {{cores: {draw.randint(2, 3)}, {points}, switch_latency: {draw.choice([0, 60])} us, power: {{idle: 9 mW}}}}"
    )
    lines.append(
        "    little: {cores: 2}" if draw.random() < 0.5 else "    little: {cores: 4, threads: {'1': 1, '4': 2.5}}"
    )
    resets = [draw.choice(["", ", reset: 40 us"]) for _ in range(2)]
    lines.append(f"    gpu: {{kind: gpu{', block_level: ' + gpu(draw) if blocks else ''}, {points}{resets[0]}}}")
    lines.append(
        f"    npu: {{kind: npu, contexts: {draw.randint(1, 3)}, sharing: {draw.choice(['equal', 'none'])}, "
        f"weights: {{capacity: {draw.randint(4, 12)} MB, bandwidth: 4 GB/s}}{resets[1]}}}"
    )
    course = draw.choice([
        "", ", trace: [{at: 10 ms, bandwidth: 300 MB/s}, {at: 30 ms, bandwidth: 2 GB/s}]",
        ", markov: {states: [{bandwidth: 1 GB/s, dwell: 9 ms}, {bandwidth: 100 MB/s, dwell: 4 ms}]}",
    ])  # fmt: skip
    lines.append(f"  links: {{bus: {{between: [big, npu], latency: 20 us, bandwidth: 1 GB/s{course}}}}}")
    model = draw.choice([
        "{model: proportional, usable: 0.7}", "{model: power-law, a: 0.4, b: 1.5}",
        "{model: pccs, processors: {gpu: {minor_below: 3, intensive_from: 20, rate: 0.02, minor_loss: 0.05, balance: 30, knee: 20}}}",
        "{model: pairwise, pairs: [{victim: gpu, beside: npu, slowdown: 1.6}, {victim: big, beside: gpu, slowdown: 1.2}]}",
    ])  # fmt: skip
    lines.append(f"  memory: {{bandwidth: 30 GB/s, capacity: 14 MB, load_bandwidth: 3 GB/s, contention: {model}}}")
    if draw.random() < 0.7:
        governor = draw.choice(
            ["performance", "powersave", "{name: ondemand, period: 3 ms}", "{name: schedutil, period: 5 ms}"]
        )
        thermal = draw.choice(
            [
                "",
                ", thermal: {node: {resistance: 40, capacitance: 0.0005}, trips: [{temperature: 40, caps: {big: 1 GHz, gpu: 500 MHz}}]}",
            ]
        )
        battery = draw.choice(["", ", battery: {capacity: 60 mJ}"])
        stall = draw.choice(["true", "false"])
        lines.append(f"power: {{governor: {governor}, stall: {stall}, bytes_energy: 50{thermal}{battery}}}")
    faults = [
        f"{{processor: {draw.choice(['big', 'big0', 'gpu', 'npu', 'bus', 'little'])}, mean_up: 20 ms, mean_down: 3 ms"
        f"{draw.choice(['', ', speed: 0.5'])}}}"
        for _ in range(draw.randint(0, 3))
    ]
    lines.append(f"faults: [{', '.join(faults)}]")
    ordering = draw.choice(["edf", "fp", "fifo", "rm", "lst", "sjf"])
    placement = draw.choice(["global", "earliest-finish", "partitioned", "clustered"])
    mode = draw.choice(["preemptive", "limited", "nonpreemptive"])
    lines.append(f"scheduler: {{ordering: {ordering}, placement: {placement}, preemption: {mode}}}")
    lines.append(f"simulate: {{drain: {draw.choice(['deadline', 'all'])}}}")
    lines.append("tasks:")
    for number in range(draw.randint(2, 6)):
        if draw.random() < 0.25:
            body = f"graph: {{nodes: {{x: {{{work(draw, blocks)}}}, y: {{{work(draw, blocks)}}}}}, edges: [[x, y, 100 kB]]}}"
        else:
            body = work(draw, blocks)
        lines.append(
            f"  - {{name: t{number}, {body}, period: {draw.choice([5, 8, 10, 20])} ms, deadline: {draw.randint(3, 30)} ms, "
            f"on_miss: {draw.choice(['continue', 'abort', 'drop_at_start', 'drop_if_hopeless', 'skip_next'])}, "
            f"on_fault: {draw.choice(['restart', 'resume', 'drop'])}, overlap: {draw.choice(['true', 'false'])}, "
            f"context: {draw.choice('AB') if number else 'A'}, criticality: {draw.choice(['hard', 'firm', 'soft'])}, "
            f"execution: {draw.choice(['{kind: constant}', '{kind: uniform, low: 0.4}'])}}}"
        )
    return "\n".join(lines)


def same(one: Trace, two: Trace) -> bool:
    names = ("jobs", "slices", "logged", "changes", "waves", "waits")
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in names) and one.energy == two.energy


def covered(spans: list[tuple[int, int]]) -> int:
    """The length of the union of intervals."""
    total = reached = 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def check_waits(trace: Trace) -> None:
    """On a stream of a GPU a slice either runs or waits, never both; where contexts take turns its waves stand still."""
    assert trace.system.hardware is not None
    units = [unit for unit in trace.system.hardware.units if unit.block_level is not None]
    streams = [place for unit in units for place in unit.processors]
    assert set(trace.waits["processor"].tolist()) <= set(streams)
    turns = any(unit.block_level is not None and unit.block_level.time_slice is not None for unit in units)
    exact = all(unit.block_level is not None and unit.block_level.mode == "exact" for unit in units)
    work = trace.slices[trace.slices["reason"] != OVERHEAD]
    for place in streams:
        waits, waves = ([(int(r["start"]), int(r["end"])) for r in table[table["processor"] == place]]
                        for table in (trace.waits, trace.waves))  # fmt: skip
        mine = work[work["processor"] == place]
        if trace.system.processors[place].reset is not None:  # what ends there is reset: neither runs nor waits
            mine = mine[mine["reason"] != DRAINED]
        spans = [(int(r["start"]), int(r["end"])) for r in mine]
        # who has lost its job in the costs of its start drains with the rest of them first
        costs = {
            int(r["end"])
            for r in trace.slices[(trace.slices["processor"] == place) & (trace.slices["reason"] == OVERHEAD)]
        }
        begun = sorted(start for start, _ in [*waits, *waves])
        spans = [
            (next((at for at in begun if at >= start), end), end) if start in costs and drained else (start, end)
            for (start, end), drained in zip(spans, mine["reason"] == DRAINED, strict=True)
        ]
        waited = sum(end - start for start, end in waits)
        assert waited == trace.processors[place].waiting == covered(waits)
        assert covered([*spans, *waits]) == covered(spans)
        if exact:
            assert covered([*waits, *waves]) == covered(spans)
            assert turns or covered(waves) + waited == covered(spans)


def check(seed: int) -> None:
    text = system(seed)
    options: dict[str, Any] = {"until": "60 ms", "seed": seed}
    trace = run(text, **options)
    assert same(trace, run(text, **options))
    check_waits(trace)
    sums = run(text, **options, trace=False)
    assert summary(sums) == summary(trace)
    if trace.energy is not None:
        assert sums.energy is not None
        assert (sums.energy.total, sums.energy.units) == (trace.energy.total, trace.energy.units)
        active = sum(unit.active for unit in trace.energy.units)
        assert sum(trace.energy.tasks) == pytest.approx(active, abs=len(trace.jobs) + 20)
    busy = [(int(row["start"]), int(row["end"])) for row in trace.waves if row["blocks"]]
    assert all(start < end for start, end in busy)


@pytest.mark.parametrize("seed", range(25))
def test_everything_mixed(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_everything_mixed_often(block: int) -> None:
    for seed in range(1000 + 25 * block, 1025 + 25 * block):
        check(seed)
