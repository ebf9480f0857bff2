"""Replay of recorded runs of real DNNs: recorded demands and blackouts in, misses and responses out.

The rules and the gate are those of the recordings' README: releases at phase + k * period, a job's demand is its
recorded CPU time plus 40 us, blackouts stop the core, drop at start, queueing otherwise; a job that was dropped in
reality draws a seeded sample, another variant than the recorded one scales by the ratio of the medians.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rtsched.engine.job import Segment
from rtsched.engine.processor import Processor
from rtsched.engine.simulation import run
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import DROPPED, LATE, Trace

DISPATCH_NS = 40_000
UNSEEN_NS = 90_000
SEED = 2026

Mutation = Callable[[dict[str, Any]], None]


class ReleaseOrder(FIFO):
    """First in, first out by release: the recorded dispatcher queues jobs as they are released."""

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.job.release,)


@dataclass
class Recording:
    """One recorded run: its description, its jobs by task, its blackouts by core."""

    description: dict[str, Any]
    jobs: dict[str, list[dict[str, str]]]
    blackouts: dict[int, tuple[tuple[int, int], ...]]
    isolated: dict[str, Any] = field(repr=False)


def ns(microseconds: str | float) -> int:
    """Nanoseconds of a recorded time in us."""
    return round(float(microseconds) * 1000)


def read(description: Path, isolated: Path) -> Recording:
    """Load a run by its JSON; the jobs and blackouts lie beside it under its id."""
    run_info = json.loads(description.read_text())
    table = description.with_name(f"{run_info['id']}.csv.gz")
    jobs: dict[str, list[dict[str, str]]] = {task["name"]: [] for task in run_info["tasks"]}
    with gzip.open(table, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            jobs[row["task"]].append(row)
    for rows in jobs.values():
        rows.sort(key=lambda row: int(row["job"]))
    blackouts = {}
    for core in {task["core"] for task in run_info["tasks"]}:
        supply = description.with_name(f"{run_info['id']}.supply{core}.csv")
        lines = [line for line in supply.read_text().splitlines() if line and not line.startswith("#")]
        rows = list(csv.DictReader(lines))
        blackouts[core] = tuple((ns(r["t_us"]), ns(r["t_us"]) + ns(r["dur_us"])) for r in rows)
    return Recording(run_info, jobs, blackouts, json.loads(isolated.read_text()))


class Demand:
    """What each job of one task really takes: recorded, scaled or drawn."""

    def __init__(self, task: dict[str, Any], rows: list[dict[str, str]], isolated: dict[str, Any], core: int) -> None:
        self.task = task
        self.rows = rows
        self.fixed_variant = bool(task.get("fixed_variant"))
        self.stages = task["stages"]
        self.samples = {name: isolated[name]["thrash"]["cpu_us"] for name in task["models"]}
        self.medians = {name: float(np.median(samples)) for name, samples in self.samples.items()}
        pieces = [isolated.get(f"{task['models'][0]}.s{i}of{self.stages}") for i in range(self.stages)]
        weights = [float(np.median(piece["thrash"]["cpu_us"])) if piece else 1.0 for piece in pieces]
        self.shares = [weight / sum(weights) for weight in weights]
        self.random = np.random.default_rng([SEED, core, task["prio"]])
        self.draws: dict[int, float] = {}
        self.chosen: dict[int, int] = {}

    def variant(self, job: Any, now: int) -> str:
        """The largest variant whose budget fits the time left to the deadline, else the smallest."""
        models = self.task["models"]
        if len(models) == 1 or self.fixed_variant:
            return str(models[0])
        for model, budget in zip(models, self.task["budget_us"], strict=True):
            if ns(budget) <= job.deadline - now:
                return str(model)
        return str(models[-1])

    def total(self, job: Any, now: int) -> int:
        """The demand of a whole job that starts now, in ns."""
        model = self.variant(job, now)
        row = self.rows[job.index] if job.index < len(self.rows) else None
        if row is None or row["status"] == "dropped":
            return ns(float(self.random.choice(self.samples[model]))) + UNSEEN_NS
        recorded = ns(row["cpu_us"])
        if row["variant"] != model:
            recorded = round(recorded * self.medians[model] / self.medians[row["variant"]])
        return recorded + DISPATCH_NS

    def __call__(self, segment: Segment, processor: Processor, now: int) -> int:
        job = segment.job
        if segment.node.index == 0:
            self.chosen[job.index] = self.total(job, now)
        return max(1, round(self.chosen[job.index] * self.shares[segment.node.index]))


def system(recording: Recording) -> tuple[SystemSpec, dict[int, Demand]]:
    """The recorded machine and tasks, one processor a core."""
    info = recording.description
    cores = sorted(recording.blackouts)
    place = {core: index for index, core in enumerate(cores)}
    processors = tuple(
        ProcessorSpec(place[core], f"cpu{core}", "cpu", blackouts=recording.blackouts[core]) for core in cores
    )
    tasks, demands = [], {}
    for index, task in enumerate(info["tasks"]):
        stages = task["stages"]
        times = tuple(ns(task["C_ref_us"]) if place[task["core"]] == p else None for p in range(len(cores)))
        nodes = tuple(
            NodeSpec(
                stage,
                str(stage),
                times,
                predecessors=(stage - 1,) if stage else (),
                successors=(stage + 1,) if stage + 1 < stages else (),
            )
            for stage in range(stages)
        )
        tasks.append(
            TaskSpec(
                index,
                task["name"],
                nodes,
                ns(task["period_us"]),
                ns(task["deadline_us"]),
                priority=-task["prio"],
                offset=ns(task.get("phase_us", 0)),
                on_miss="drop_at_start",
            )
        )
        demands[index] = Demand(task, recording.jobs[task["name"]], recording.isolated, task["core"])
    return SystemSpec(processors, tuple(tasks)), demands


def scheduler(info: dict[str, Any]) -> ComposedScheduler:
    """Preemptive fixed priority, or a non-preemptive queue by deadline or by release."""
    orderings: dict[str, type[Ordering]] = {"rm": FixedPriority, "dm": FixedPriority, "fp": FixedPriority}
    orderings |= {"edf": EDF, "fifo": ReleaseOrder}
    preemption = info.get("preemption", "preemptive" if info["kind"] == "fp" else "nonpreemptive")
    return ComposedScheduler(orderings[info["policy"]](), preemption=preemption)


@dataclass
class Comparison:
    """Simulated beside recorded, for one task of one run. Responses in ns."""

    task: str
    jobs: int
    real_miss: float
    our_miss: float
    real_mean: float
    our_mean: float
    real_p95: float
    our_p95: float
    finished: int


def replay(recording: Recording) -> tuple[Trace, list[Comparison]]:
    """Simulate the recorded run and compare it task by task."""
    info = recording.description
    spec, demands = system(recording)
    trace = run(
        spec, scheduler(info), until=round(info["duration_s"] * 10**9), seed=SEED, drain="all", truths=dict(demands)
    )
    rows = []
    for index, task in enumerate(info["tasks"]):
        real = recording.jobs[task["name"]]
        jobs = trace.jobs[trace.jobs["task"] == index][: len(real)]
        missed = (jobs["outcome"] == LATE) | (jobs["outcome"] == DROPPED)
        finished = jobs[jobs["finish"] >= 0]
        ours = finished["finish"] - finished["arrival"]
        theirs = np.array([ns(row["finish_us"]) - ns(row["release_us"]) for row in real if row["finish_us"]])
        rows.append(
            Comparison(
                task["name"],
                len(real),
                float(np.mean([row["status"] != "ok" for row in real])),
                float(missed.mean()),
                float(theirs.mean()) if len(theirs) else 0.0,
                float(ours.mean()) if len(ours) else 0.0,
                float(np.percentile(theirs, 95)) if len(theirs) else 0.0,
                float(np.percentile(ours, 95)) if len(ours) else 0.0,
                min(len(theirs), len(ours)),
            )
        )
    return trace, rows


def run_gate(rows: list[Comparison]) -> list[str]:
    """The gate of one run: every task's miss ratio within 5 points (10 where the real one lies in 20..80 %)."""
    failures = []
    for row in rows:
        allowed = 0.10 if 0.2 <= row.real_miss <= 0.8 else 0.05
        if abs(row.our_miss - row.real_miss) > allowed:
            failures.append(f"{row.task}: {row.our_miss:.3f} simulated, {row.real_miss:.3f} recorded")
    return failures


def overall(rows: list[Comparison]) -> dict[str, float]:
    """Over all (run, task) pairs: miss-ratio MAE in points, mean and p95 response MAPE in per cent."""
    enough = [row for row in rows if row.finished >= 20]
    return {
        "miss_points": 100 * float(np.mean([abs(row.our_miss - row.real_miss) for row in rows])),
        "mean_percent": 100 * float(np.mean([abs(row.our_mean / row.real_mean - 1) for row in enough])),
        "p95_percent": 100 * float(np.mean([abs(row.our_p95 / row.real_p95 - 1) for row in enough])),
    }
