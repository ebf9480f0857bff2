"""A GPU kernel beside memory-hungry CPU programs on a Jetson TX2: which parameters give the published 3 times?

Usage: ``python analysis/contention/tx2.py``; prints the tables of README.md, where the reasoning stands.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import rtsched

#: Worst slow-downs observed beside CPU memory traffic: Ali and Yun, ECRTS 2018 (TX2) and arXiv:1712.08738v3 (TK1).
OBSERVED: Final = {"TX2": 3.0, "TK1": 4.0}
#: Read-only stressors can miss the worst case by more than this: Carletti et al., arXiv:2309.12864 (ZU9EG, TX2).
UNDERESTIMATED: Final = 9.0
#: The CPU cores of the chip: two Denver 2 and four Cortex-A57.
CORES: Final = 6
#: The kernel's time alone, in ns.
KERNEL: Final = 10_000_000
GB: Final = 1e9
#: What nobody published: the usable share of the peak, and the regions in GB/s and speed (assumed, to show the shape).
USABLE: Final = 0.8
MINOR_BELOW: Final = 10.0
INTENSIVE_FROM: Final = 40.0
MINOR_LOSS: Final = 0.05


@cache
def chip() -> dict[str, Any]:
    """The catalogue's Jetson TX2, as data."""
    task = {"name": "kernel", "wcet": {"gpu": KERNEL}, "release": 0, "deadline": "1 s"}
    system = rtsched.System.model_validate({"platform": "jetson_tx2", "tasks": [task]})
    return rtsched.load(system).platform.model_dump(mode="json", by_alias=True, exclude_none=True)


@cache
def peak() -> float:
    """The DRAM's peak bandwidth in GB/s."""
    memory = rtsched.Platform.model_validate(chip()).memory
    assert memory is not None
    assert memory.bandwidth is not None
    return memory.bandwidth / GB


def board(contention: dict[str, Any]) -> rtsched.Platform:
    """The chip with a contention model."""
    return rtsched.Platform.model_validate({**chip(), "memory": {**chip()["memory"], "contention": contention}})


def proportional(usable: float = USABLE) -> dict[str, Any]:
    """Proportional share."""
    return {"model": "proportional", "usable": usable}


def regions(rate: float, balance: float) -> dict[str, Any]:
    """Three regions for the GPU; the CPU cores have no parameters and keep their speed."""
    gpu = {
        "minor_below": MINOR_BELOW,
        "intensive_from": INTENSIVE_FROM,
        "rate": rate,
        "minor_loss": MINOR_LOSS,
        "balance": balance,
        "knee": USABLE * peak(),
    }
    return {"model": "pccs", "processors": {"gpu": gpu}}


def slowdown(contention: dict[str, Any], stressors: int, each: float, demand: float, bound: float = 1.0) -> float:
    """How many times as long a kernel takes beside CPU programs that ask for `each` GB/s; it asks for `demand`."""
    kernel = {"wcet": {"gpu": KERNEL}, "memory": {"bound": bound, "demand": round(demand * GB)}}
    hungry = {"wcet": "1 s", "memory": {"bound": 1, "demand": max(1, round(each * GB))}}
    tasks = [{"name": "kernel", **kernel}, *({"name": f"stressor{n}", **hungry} for n in range(stressors))]
    system = rtsched.System.model_validate(
        {
            "platform": "jetson_tx2",
            "tasks": [{**task, "release": 0, "deadline": "60 s"} for task in tasks],
            "simulate": {"until": "1 s", "drain": "all"},
        }
    )
    trace = rtsched.simulate(system, platform=board(contention), scheduler="fifo+global")
    return int(trace.jobs["finish"][0]) / KERNEL


# ---- which parameters give a published bound -------------------------------------------------------------------------


def traffic_for(bound_of_observation: float, usable: float, bound: float) -> float:
    """The CPUs' whole demand in GB/s at which a kernel that takes all the usable bandwidth alone is slowed so much.

    1 + m (F - 1) with F = (usable B + CPUs) / (usable B).
    """
    return (bound_of_observation - 1) / bound * usable * peak()


def loss_for(bound_of_observation: float) -> float:
    """The product rate x balance of three regions whose floor is this slow-down."""
    return 1 - 1 / bound_of_observation


def within_the_facts() -> Iterator[tuple[float, str, float]]:
    """(simulated slow-down, model, its limit) over a grid: no traffic beyond the peak, no floor below 1/3.

    The kernel alone never asks for more than the usable bandwidth, the CPUs together never for more than the peak.
    """
    for usable in (0.75, 0.8, 0.9):
        for bound in (0.5, 1.0):
            for own in (0.5, 1.0):
                for share in (0.25, 0.5, 1.0):
                    for stressors in (1, 3, CORES):
                        found = slowdown(
                            proportional(usable), stressors, share * peak() / stressors, own * usable * peak(), bound
                        )
                        yield found, "proportional", OBSERVED["TX2"]
    for product in (0.2, 0.4, loss_for(OBSERVED["TX2"])):
        for balance in (0.25, 0.5, 1.0):
            for own in (5.0, 20.0, USABLE * peak()):
                for stressors in (1, 3, CORES):
                    contention = regions(product / (balance * peak()), balance * peak())
                    yield slowdown(contention, stressors, peak(), own), "three regions", OBSERVED["TX2"]


# ---- what is shown ---------------------------------------------------------------------------------------------------

BOUNDS: Final = (0.25, 0.5, 0.75, 1.0)


def proportional_table() -> list[str]:
    """Slow-down by stressors and memory-bound share; the demands are those that just give 3 times at the corner."""
    own = USABLE * peak()
    each = traffic_for(OBSERVED["TX2"], USABLE, 1.0) / CORES
    rows = ["| stressors | " + " | ".join(f"m = {bound}" for bound in BOUNDS) + " |", "|---|---|---|---|---|"]
    for count in range(CORES + 1):
        found = (slowdown(proportional(), count, each, own, bound) for bound in BOUNDS)
        rows.append(f"| {count} | " + " | ".join(f"{value:.2f}" for value in found) + " |")
    return rows


def regions_table() -> list[str]:
    """Slow-down by stressors and the region of the kernel's own demand; the floor is 1/3."""
    balance = USABLE * peak()
    contention = regions(loss_for(OBSERVED["TX2"]) / balance, balance)
    each = traffic_for(OBSERVED["TX2"], USABLE, 1.0) / CORES
    owns = {"minor, 5 GB/s": 5.0, "normal, 20 GB/s": 20.0, "intensive, 47.8 GB/s": USABLE * peak()}
    rows = ["| beside stressors | " + " | ".join(owns) + " |", "|---|---|---|---|"]
    for count in range(CORES + 1):
        found = (slowdown(contention, count, each, own) for own in owns.values())
        rows.append(f"| {count} | " + " | ".join(f"{value:.2f}" for value in found) + " |")
    return rows


def needed_table() -> list[str]:
    """What the proportional model needs for 3 times, and what it gives when the CPUs ask for the whole peak."""
    rows = [
        "| usable share | CPUs for 3 times, m = 1, GB/s | over the peak | the same, m = 0.5 | slow-down at the peak |",
        "|---|---|---|---|---|",
    ]
    for usable in (0.5, 0.75, 0.8, 0.9):
        full, half = (traffic_for(OBSERVED["TX2"], usable, bound) for bound in (1.0, 0.5))
        at_peak = slowdown(proportional(usable), CORES, peak() / CORES, usable * peak())
        rows.append(f"| {usable} | {full:.1f} | {full / peak():.2f} | {half / peak():.2f} | {at_peak:.2f} |")
    return rows


def reach_table() -> list[str]:
    """Per slow-down: rate x balance of three regions, and the usable share at which traffic of the peak suffices."""
    rows = ["| slow-down | anchor | rate x balance | usable share, CPUs at the peak |", "|---|---|---|---|"]
    anchors = {
        OBSERVED["TX2"]: "TX2, observed",
        OBSERVED["TK1"]: "TK1, observed",
        OBSERVED["TX2"] * UNDERESTIMATED: "TX2, if those stressors were read-only and 9 times too mild",
    }
    for value, anchor in anchors.items():
        rows.append(f"| {value:.0f} | {anchor} | {loss_for(value):.3f} | {1 / (value - 1):.3f} |")
    return rows


def grid_table() -> list[str]:
    """The largest simulated slow-down within the facts."""
    found = list(within_the_facts())
    rows = ["| model | runs | largest slow-down | bound |", "|---|---|---|---|"]
    for model in ("proportional", "three regions"):
        values = [(value, bound) for value, name, bound in found if name == model]
        rows.append(f"| {model} | {len(values)} | {max(v for v, _ in values):.2f} | {values[0][1]:.0f} |")
    return rows


def tables() -> list[list[str]]:
    """All tables of the README that this script makes."""
    return [proportional_table(), regions_table(), needed_table(), grid_table(), reach_table()]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print("\n\n".join("\n".join(table) for table in tables()))


if __name__ == "__main__":
    main()
