"""Band against one processor per network, over load: ``python analysis/band/band.py [--table]``.

The workload `band_phone`, its rates multiplied; deadlines stay those of the plain rates, jobs may overlap. Two chips:
the NPU as measured (some twelve times as fast as the GPU), and one whose NPU takes five times as long, nearer to the
phones that Band was measured on. Throughput counts jobs in time per second, the SLO rate their share.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtsched import api, load, summary
from rtsched.model.taskgraph import NodeSpec, SystemSpec

HERE = Path(__file__).parent
POLICIES = (
    "band-fixed-worker", "band-round-robin", "band-sel", "band-heft", "band-heft-reserved", "band-lsf",
)  # fmt: skip
LOADS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12)
CHIPS = {"as measured": 1, "NPU five times slower": 5}
SEED, UNTIL = 1, 2_000_000_000


def slowed(node: NodeSpec, npu: int, factor: int) -> NodeSpec:
    times = tuple(time if index != npu or time is None else time * factor for index, time in enumerate(node.times))
    return replace(node, times=times)


def system(factor: int, load_factor: float) -> SystemSpec:
    """The workload with a slower NPU and higher rates."""
    spec = load("band_phone").lower()
    npu = next(processor.index for processor in spec.processors if processor.name == "npu")
    tasks = tuple(
        replace(
            task,
            nodes=tuple(slowed(node, npu, factor) for node in task.nodes),
            period=round((task.period or 0) / load_factor),
            overlap=True,
        )
        for task in spec.tasks
    )
    return replace(spec, tasks=tasks)


def policy(name: str, spec: SystemSpec) -> Any:
    """A policy; the planned ones look at ten requests, as in the examples that come with Band."""
    if name in ("band-fixed-worker", "band-round-robin"):
        return api.scheduler(name)
    return api.scheduler({"name": name, "window": 10})


def measure() -> list[dict[str, Any]]:
    rows = []
    for chip, factor in CHIPS.items():
        for times in LOADS:
            spec = system(factor, times)
            prepared = api.Prepared(spec, load("band_phone").system.simulate, UNTIL, {})
            for name in POLICIES:
                figures = summary(prepared.run(policy(name, spec), SEED, trace=False))
                good = sum(task.ok for task in figures.tasks)
                rows.append(
                    {
                        "chip": chip, "load": times, "policy": name, "released": figures.jobs,
                        "throughput": good / (UNTIL / 1e9), "slo": good / figures.jobs,
                    }
                )  # fmt: skip
    return rows


def ratios(rows: list[dict[str, Any]]) -> list[tuple[str, str, float, float]]:
    """Per chip and policy: the best throughput, and the largest SLO rate at any load, both over fixed-worker's."""
    found = []
    for chip in CHIPS:
        mine = [row for row in rows if row["chip"] == chip]
        best = {name: max(row["throughput"] for row in mine if row["policy"] == name) for name in POLICIES}
        rate = {(row["policy"], row["load"]): row["slo"] for row in mine}
        for name in POLICIES:
            gain = max(rate[name, load_] / rate[POLICIES[0], load_] for load_ in LOADS)
            found.append((chip, name, best[name] / best[POLICIES[0]], gain))
    return found


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["chip                    policy              throughput x   SLO rate x (at the load where most)"]
    lines += [f"{chip:<23} {name:<20}{one:>10.2f}{two:>13.2f}" for chip, name, one, two in ratios(rows)]
    return "\n".join([*lines, "published (Band, other phones, other networks): up to 5.04 and 3.76"])


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    colours = ("#777777", "#999999", "#E69F00", "#0072B2", "#56B4E9", "#D55E00")
    for column, chip in enumerate(CHIPS):
        for name, colour, marker in zip(POLICIES, colours, "sv^oDP", strict=True):
            mine = [row for row in rows if row["chip"] == chip and row["policy"] == name]
            loads = [row["load"] for row in mine]
            style = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1.3, "label": name}
            axes[0][column].plot(loads, [row["throughput"] for row in mine], **style)
            axes[1][column].plot(loads, [100 * row["slo"] for row in mine], **style)
        axes[0][column].set_title(chip, fontsize=10)
        axes[1][column].set_xlabel("rates, times those of the workload")
        axes[1][column].set_xscale("log", base=2)
        axes[1][column].set_xticks([1, 2, 4, 8, 12], ["1", "2", "4", "8", "12"])
        axes[1][column].minorticks_off()
    axes[0][0].set_ylabel("jobs in time per second")
    axes[1][0].set_ylabel("jobs in time (%)")
    for row in axes:
        for each in row:
            each.grid(color="#E5E5E5", linewidth=0.6)
            each.set_ylim(bottom=0)
    axes[0][0].legend(fontsize=8, frameon=False, loc="upper left")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, default=HERE / "band.png")
    parser.add_argument("--table", action="store_true", help="print only, draw nothing")
    arguments = parser.parse_args()
    results = measure()
    print(table(results))
    if not arguments.table:
        plot(results, arguments.plot)
