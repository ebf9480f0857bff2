"""Bounds on the reaction time of chains with and without clocks, against Dürr's and against runs: `chains.png`.

Automotive tasks (periods by Kramer, Ziegenbein, Hamann, WATERS 2015), phases drawn, rate monotonic on one core, chains
of one to three periods with two to five tasks each. Every system goes through `rtsched.analyse` as a file would.
"""

from __future__ import annotations

import argparse
import random
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import rtsched
from rtsched import api
from rtsched.engine.simulation import run
from rtsched.metrics.summary import measured
from rtsched.model.system import System
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.schedulability.theorems.chains import CauseEffectChain, reaction_time
from rtsched.schedulability.theorems.sampled_chains import SampledChain, Sampler, chain_clocks
from rtsched.verify.verification import verify

#: Share of each period (us) among the tasks that are not bound to the crankshaft.
PERIODS = {1_000: 3, 2_000: 2, 5_000: 2, 10_000: 25, 20_000: 25, 50_000: 3, 100_000: 20, 200_000: 1}
LOADS = (0.5, 0.6, 0.7, 0.8, 0.9)
TASKS = 20


def system(draw: random.Random, load: float) -> dict[str, Any]:
    """A file: tasks of one clock in random phases, and chains through them."""
    periods = draw.choices(list(PERIODS), weights=list(PERIODS.values()), k=TASKS)
    weights = [draw.expovariate(1.0) for _ in periods]
    tasks = [
        {
            "name": f"t{place}",
            "period": f"{T} us",
            "offset": f"{draw.randrange(T)} us",
            "wcet": f"{max(1, int(load * weight / sum(weights) * T))} us",
            "priority": rank,
            "clock": "chip",
        }
        for rank, (T, place, weight) in enumerate(sorted(zip(periods, range(TASKS), weights, strict=True)))
    ]
    chains: list[dict[str, Any]] = []
    while len(chains) < 8:
        names: list[str] = []
        for T in draw.sample(sorted(set(periods)), min(len(set(periods)), draw.choices((1, 2, 3), (7, 2, 1))[0])):
            alike = [str(task["name"]) for task in tasks if task["period"] == f"{T} us"]
            names += draw.sample(alike, min(len(alike), draw.choices((2, 3, 4, 5), (3, 4, 2, 1))[0]))
        draw.shuffle(names)
        if len(names) > 1:
            chains.append({"name": f"chain {len(chains)}", "tasks": names})
    return {"platform": "uniprocessor", "scheduler": {"ordering": "fp"}, "tasks": tasks, "chains": chains}


def durr_and_releases(analysis: SystemAnalysis, number: int) -> tuple[int, int]:
    """Dürr's bound on a chain, and that of clocks by the worst responses alone."""
    tasks = [analysis.system.tasks[place] for place in analysis.system.chains[number].tasks]
    R = [analysis.bounds[task.index].wcrt or 0 for task in tasks]
    T = [task.period or 0 for task in tasks]
    ahead = tuple(a.priority < b.priority for a, b in pairwise(tasks))
    names = tuple(task.name for task in tasks)
    plain = CauseEffectChain("chain", names, tuple(T), tuple(R), ahead)
    steps = tuple(
        Sampler(task.name, t, r, clock="c", phase=task.offset) for task, t, r in zip(tasks, T, R, strict=True)
    )
    return reaction_time(plain), int(chain_clocks(SampledChain("chain", steps, ahead)).details["mrt_ns"])


def study(systems: int, seed: int) -> list[dict[str, Any]]:
    """A row for each chain: Dürr's bound, clocks by responses, clocks as analysed, the longest that was seen."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for load in LOADS:
        done = 0
        while done < systems:
            found = verify(System.model_validate(system(draw, load)), runs=0)
            if any(bound.wcrt is None or bound.wcrt > bound.deadline for bound in found.bounds):
                continue
            done += 1
            spec = found.analysis.system
            trace = run(spec, api.scheduler(found.description), until=700_000_000, seed=0)
            for number, (chain, result) in enumerate(zip(spec.chains, found.analysis.chains, strict=True)):
                durr, releases = durr_and_releases(found.analysis, number)
                best, seen = bound_of(result, "mrt") or 0, int(measured(trace, chain)["mrt"].times.max())
                assert seen <= best <= releases <= durr, (chain, seen, best, releases, durr)
                rows.append({"load": load, "durr": durr, "releases": releases, "best": best, "seen": seen})
    return rows


def draw_figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Ratios to Dürr's bound, sorted over all chains, and their means by load."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = {
        "releases": ("held phases, worst responses", "tab:blue"),
        "best": ("held phases, end of each job", "tab:green"),
        "seen": ("longest seen in a run", "black"),
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
    for key, (text, colour) in shown.items():
        ratios = sorted(row[key] / row["durr"] for row in rows)
        left.plot([100 * (n + 1) / len(ratios) for n in range(len(ratios))], ratios, color=colour, label=text)
        means = [mean(row[key] / row["durr"] for row in rows if row["load"] == load) for load in LOADS]
        right.plot(LOADS, means, color=colour, marker="o")
    left.set(xlabel="chains, sorted each by itself (%)", ylabel="of Dürr's bound", ylim=(0, 1.02), xlim=(0, 100))
    right.set(xlabel="utilisation", ylabel="of Dürr's bound, mean", ylim=(0, 1.02), xticks=LOADS)
    left.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the study, print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=20, help="systems for each utilisation")
    parser.add_argument("--seed", type=int, default=2021)
    given = parser.parse_args()
    rows = study(given.systems, given.seed)
    print(f"rtsched {rtsched.__version__}, {len(rows)} chains, of Dürr's bound: mean, median, least")
    for key in ("releases", "best", "seen"):
        ratios = [row[key] / row["durr"] for row in rows]
        print(f"{key:10} {mean(ratios):.3f} {median(ratios):.3f} {min(ratios):.3f}")
    tight = [row["seen"] / row["best"] for row in rows]
    print(
        f"seen/best  {mean(tight):.3f} {median(tight):.3f} {min(tight):.3f}, attained by {sum(t == 1 for t in tight)}"
    )
    draw_figure(rows, Path(__file__).with_name("chains.png"))


if __name__ == "__main__":
    main()
