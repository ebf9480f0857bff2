"""Published figures beside ours: each on the nearest system that there is, with what explains the difference.

    python analysis/shelf/papers.py papers.csv            # some minutes on one core

A figure is a quotient: of what a policy does in what another does. The evidence is what was read: the paper or its code
(`read`), its abstract (`abstract`), what we saw of its published code (`run`), or nothing (`recalled`: check the paper
before quoting it).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import rtsched
from rtsched import api
from rtsched.loading import Loaded

XRBENCH = (
    "vr_gaming", "ar_gaming", "ar_assistant", "social_interaction_a", "social_interaction_b", "outdoor_activity_a",
    "outdoor_activity_b",
)  # fmt: skip
#: Two accelerators of unlike dataflow, as in DREAM's and Terastal's experiments.
DUAL = "xrbench_dual_4k_ws_os"
#: How often a system is run where something in it is random.
SEEDS = 5
FIFO = "fifo+nonpreemptive"
#: Where somebody misses nothing a quotient has this.
LEAST = 0.001
#: Quotients this near to 1 show no difference.
SAME = 0.02


@cache
def figure(metric: str, system: str, policy: str, platform: str | None = None, setting: str = "") -> float:
    """A metric's mean over the seeds; `setting` is one value of the system, as `--set` has it."""
    loaded = api.load(system, platform=platform, overrides=[setting] if setting else [])
    prepared = api.prepare(loaded, until="10 s")
    found = [rtsched.evaluate(prepared.run(api.scheduler(policy), seed), metric)[metric] for seed in range(SEEDS)]
    return float(np.mean([each for each in found if isinstance(each, int | float)]))


def quotient(metric: str, system: str, policy: str, other: str, **how: str) -> float:
    """A policy's figure in another's."""
    return figure(metric, system, policy, **how) / figure(metric, system, other, **how)


def in_time(system: str, policy: str, other: str, **how: str) -> float:
    """The share of jobs in time, in another policy's."""
    return (1 - figure("miss_ratio", system, policy, **how)) / (1 - figure("miss_ratio", system, other, **how))


def xrbench(metric: str, policy: str, *others: str) -> float:
    """Over XRBench's seven on two accelerators, a figure's geometric mean in that of the best of others there."""
    found = []
    for name in XRBENCH:
        here = {each: figure(metric, f"xrbench_{name}", each, platform=DUAL) for each in (policy, *others)}
        found.append((here[policy] + LEAST) / (min(here[each] for each in others) + LEAST))
    return float(np.exp(np.mean(np.log(found))))


def missed(policy: str, other: str, *systems: str) -> float:
    """The mean of the miss ratios, in another policy's."""
    mine, theirs = (sum(figure("miss_ratio", each, name) for each in systems) for name in (policy, other))
    return mine / theirs


def faster(system: str, load: float) -> Loaded:
    """A system with all its rates multiplied."""
    periods = {each.name: each.period or 0 for each in api.load(system).lower().tasks}
    return api.load(
        system, overrides=[f"tasks.{name}.period={round(each / load)} ns" for name, each in periods.items()]
    )


def on_time(system: str, policy: str, load: float) -> float:
    """The share of jobs in time at a multiple of the rates."""
    summary = rtsched.summary(api.prepare(faster(system, load), until="2 s").run(api.scheduler(policy), 0))
    return 1 - float(summary.miss_ratio or 0)


@cache
def most_load(system: str, policy: str) -> float:
    """At how many times its rates a system still has 19 of 20 jobs in time, in steps of a tenth from one half on."""
    steps = [step / 10 for step in range(5, 81)]
    return next((load - 0.1 for load in steps if on_time(system, policy, load) < 0.95), steps[-1])


@dataclass(frozen=True)
class Claim:
    """A published figure, its quotient, the evidence for it, and how we find ours."""

    policy: str
    what: str
    published: float
    evidence: str
    ours: Callable[[], float]
    why: str

    def row(self) -> tuple[str, ...]:
        """A line of the table; the direction is right where both are on the same side of 1, none near 1."""
        ours = self.ours()
        right = "right" if (ours - 1) * (self.published - 1) >= 0 else "wrong"
        apart = max(ours, self.published) / max(min(ours, self.published), LEAST)
        verdict = f"{'none' if abs(ours - 1) < SAME else right}, {f'{apart:.1f}' if apart < 100 else 'far'}"
        return self.policy, self.what, f"{self.published:.3g}", self.evidence, f"{ours:.3g}", verdict, self.why


BUSY = {"setting": "tasks.scenes.period=560 ms"}
FIRST = "{ordering: edf, adaptation: {name: early-exit, threshold: 0}}"
SPARSE, ALONE = "`sparse_npu`, 80 % load", {"setting": "tasks.classifier.rate=20 Hz"}
TWO = "XRBench's seven on two accelerators"
VARIANTS = ("service_robot_8gen2", "satellite_jetson_nano", "drone_subnets", "adas_resolution")
CLAIMS = (
    Claim(
        "PREMA",
        "FIFO's turnaround in its",
        7.8,
        "abstract",
        lambda: quotient("antt", "sparse_npu", FIFO, "prema"),
        f"{SPARSE}; the figure is the load's, see the next",
    ),
    Claim(
        "PREMA",
        "FIFO's turnaround in its",
        7.8,
        "abstract",
        lambda: quotient("antt", "sparse_npu", FIFO, "prema", **BUSY),
        "the same at 94 % load",
    ),
    Claim(
        "PREMA",
        "its throughput (STP) in FIFO's",
        1.4,
        "abstract",
        lambda: quotient("stp", "sparse_npu", "prema", FIFO),
        f"{SPARSE}",
    ),
    Claim(
        "PREMA",
        "its jobs in time in FIFO's",
        4.8,
        "abstract",
        lambda: in_time("sparse_npu", "prema", FIFO, **BUSY),
        "94 % load; deadlines are ten times the time alone; theirs vary",
    ),
    Claim(
        "Dysta",
        "FIFO's turnaround in its",
        2.72,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "dysta"),
        f"{SPARSE}; the published simulator with traces of our own",
    ),
    Claim(
        "Dysta's oracle",
        "FIFO's turnaround in its",
        2.79,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "dysta-oracle"),
        "the same",
    ),
    Claim(
        "SJF",
        "FIFO's turnaround in its",
        2.54,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "sjf"),
        "the same",
    ),
    Claim(
        "PREMA",
        "FIFO's turnaround in its",
        2.24,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "prema"),
        "the same",
    ),
    Claim(
        "Planaria in time",
        "FIFO's turnaround in its",
        2.09,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "planaria-time"),
        "the same",
    ),
    Claim(
        "SDRM3",
        "FIFO's turnaround in its",
        1.0,
        "run",
        lambda: quotient("antt", "sparse_npu", "fifo", "sdrm3"),
        "the same; it weighs waiting against urgency, and our requests wait longer",
    ),
    Claim(
        "Dysta",
        "the best other's turnaround in its",
        4.0,
        "abstract",
        lambda: min(
            quotient("antt", "sparse_npu", each, "dysta") for each in ("sjf", "prema", "sdrm3", "planaria-time")
        ),
        f"{SPARSE}; neither here nor in its own simulator (1.07) is anything like that seen",
    ),
    Claim(
        "DREAM-style",
        "its UXCost in the best other's",
        0.678,
        "abstract",
        lambda: xrbench("uxcost", "dream-style", "fifo", "edf", "sjf", "planaria-time"),
        f"{TWO}; ours is in its style, scenarios and accelerators are not its own",
    ),
    Claim(
        "Terastal-style",
        "its misses in FIFO's",
        0.594,
        "abstract",
        lambda: xrbench("miss_ratio", "terastal-style", "fifo"),
        f"{TWO}; our definition, and these have no layer variants",
    ),
    Claim(
        "Terastal-style",
        "its misses in EDF's",
        0.695,
        "abstract",
        lambda: xrbench("miss_ratio", "terastal-style", "edf"),
        "the same",
    ),
    Claim(
        "Terastal-style",
        "its misses in DREAM's",
        0.637,
        "abstract",
        lambda: xrbench("miss_ratio", "terastal-style", "dream-style"),
        "the same; DREAM drops frames early, and keeps more of the others",
    ),
    Claim(
        "XRBench",
        "the score of VR gaming",
        86.466141,
        "run",
        lambda: figure("xrbench", "xrbench_vr_gaming", "xrbench"),
        "one accelerator of 4K, weight-stationary; a test holds all cells",
    ),
    Claim(
        "RT-mDL-style",
        "its misses in EDF's",
        0.599,
        "abstract",
        lambda: missed("rt-mdl-style", "edf", *VARIANTS),
        "four systems with variants; here it finds variants with which nobody is ever late",
    ),
    Claim(
        "EDF + DNN-SAM-style",
        "EDF's response in its",
        4.8,
        "abstract",
        lambda: quotient("response", "drone_subnets", "edf", "edf+dnn-sam-style"),
        "`drone_subnets`; 4.8 to 9.7 there; the more EDF is overloaded, the more",
    ),
    Claim(
        "EDF + DNN-SAM-style",
        "its accuracy in EDF's",
        2.0,
        "abstract",
        lambda: quotient("kept_accuracy", "satellite_jetson_nano", "edf+dnn-sam-style", "edf"),
        "`satellite_jetson_nano`, all of the picture; 2.0 to 3.7 there, in the critical region",
    ),
    Claim(
        "EDF + RTDeepEnsemble-style",
        "its accuracy in the base network's",
        1.1,
        "abstract",
        lambda: quotient("kept_accuracy", "drone_exits", "edf+rtdeepensemble-style", FIRST),
        "`drone_exits`: exits stand for members; the first is nearly as good",
    ),
    Claim(
        "EDF + stages (Yao)",
        "its accuracy in the first stage's",
        1.1,
        "abstract",
        lambda: quotient("kept_accuracy", "drone_exits", "edf+stage-dp-style", FIRST),
        "the same; 1.1 to 1.2 there",
    ),
    Claim(
        "Zygarde-style",
        "its jobs in time in EDF's",
        1.09,
        "abstract",
        lambda: in_time("drone_exits", "zygarde-style", "edf"),
        "`drone_exits`; 1.09 to 1.34 there; all alike here, and a confident unit ends no job without `early-exit`",
    ),
    Claim(
        "EDF + early exit",
        "the whole network's time in its",
        4.0,
        "read",
        lambda: quotient("response", "drone_exits", "edf", "edf+early-exit", **ALONE),
        "`drone_exits` at 20 frames a second; BranchyNet says 2 to 6",
    ),
    Claim(
        "EDF cycle-conserving",
        "its energy in EDF's",
        0.7,
        "recalled",
        lambda: quotient("energy", "camera_clocks_865", "edf+cycle-conserving", "edf"),
        "`camera_clocks_865`; 20 to 40 % less there, of other clocks",
    ),
    Claim(
        "Planaria",
        "the load that it bears in PREMA's",
        7.4,
        "recalled",
        lambda: most_load("divided_npu", "planaria") / most_load("divided_npu", "prema"),
        "`divided_npu`: eight pieces, not sixteen; without a plan all take equal turns, not one the undivided whole",
    ),
    Claim(
        "Veltair-style",
        "the load that it bears in FIFO's",
        1.62,
        "abstract",
        lambda: most_load("divided_npu", "veltair-style") / most_load("divided_npu", FIFO),
        "`divided_npu`; 1.45 to 1.71 there, on a server's cores with several versions of each layer",
    ),
    Claim(
        "MoCA-style",
        "its jobs in time in PREMA's",
        1.8,
        "abstract",
        lambda: on_time("divided_npu", "moca-style", 1.5) / on_time("divided_npu", "prema", 1.5),
        "`divided_npu` at 1.5 times its rates: where turns are equal anyway, caps on traffic cost more than they gain",
    ),
    Claim(
        "Band HEFT",
        "its throughput in the fixed worker's",
        5.04,
        "abstract",
        lambda: 3.59,
        "[analysis/band](../band/README.md)",
    ),
    Claim(
        "Band HEFT",
        "its jobs in time in the fixed worker's",
        3.76,
        "abstract",
        lambda: 3.64,
        "[analysis/band](../band/README.md)",
    ),
)


def main(path: str) -> None:
    """The table, a line as it comes."""
    with Path(path).open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("policy", "figure", "published", "evidence", "here", "factor", "why"))
        for claim in CLAIMS:
            table.writerow(claim.row())
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1])
