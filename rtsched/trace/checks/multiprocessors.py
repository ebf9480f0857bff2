"""What must hold of multiprocessors that a policy gives to streams of a GPU: nobody uses more, and they are his own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rtsched.model.accelerator import BlockLevel, Kernel
from rtsched.model.taskgraph import UnitSpec
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import DRAINED, FULL_SPEED, SHARE, Trace


@dataclass(slots=True)
class _Run:
    """A kernel that a stay on a stream launched: the waves (start, end, blocks) in which it ran, by their starts.

    A multiprocessor holds `room` of its blocks. It began in `since` or later: in fluid mode not all waves are known.
    """

    job: int
    place: int
    number: int
    blocks: int
    room: int
    since: int = 0
    waves: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.waves[0][0]

    def most(self) -> int:
        """How many blocks ran at once, at most."""
        edges = [(end, -count) for _, end, count in self.waves] + [(at, count) for at, _, count in self.waves]
        most = running = 0
        for _, change in sorted(edges):
            running += change
            most = max(most, running)
        return most


class _Given:
    """How many multiprocessors of one GPU each of its streams was given, and when."""

    def __init__(self, trace: Trace, unit: UnitSpec, gpu: BlockLevel) -> None:
        self.trace, self.unit, self.sms = trace, unit, gpu.sms
        self.rows: dict[int, list[tuple[int, int]]] = {place: [] for place in unit.processors}
        for time, _, place, value in trace.changes[trace.changes["what"] == SHARE].tolist():
            if place in self.rows:
                self.rows[place].append((time, round(value * gpu.sms / FULL_SPEED)))

    def between(self, place: int, low: int, high: int) -> list[int]:
        """What a stream had at any time from just before `low` to `high`."""
        rows = self.rows[place]
        first = bisect_left(rows, (low, -1)) - 1
        return ([0] if first < 0 else []) + [count for _, count in rows[max(0, first) : self._after(place, high)]]

    def since(self, place: int, time: int) -> int:
        """Since when it has had what it has at an instant."""
        return self.rows[place][self._after(place, time) - 1][0]

    def _after(self, place: int, time: int) -> int:
        return bisect_right(self.rows[place], (time, self.sms))

    def left(self, run: _Run) -> int:
        """What the others leave a kernel whose stream was given nothing."""
        about = context_of(self.trace, self.unit, run.place, run.start)
        others = [place for place in self.rows if place != run.place]
        if about is not None:
            others = [each for each in others if context_of(self.trace, self.unit, each, run.start) == about]
        return self.sms - sum(min(self.between(place, run.since, run.start)) for place in others)


def context_of(trace: Trace, unit: UnitSpec, place: int, time: int) -> str | None:
    """The context of what is on a stream at an instant where contexts take turns, of which each has all of the GPU."""
    gpu = unit.block_level
    if gpu is None or gpu.time_slice is None:
        return None
    rows = trace.slices[trace.slices["processor"] == place]
    there = rows["job"][(rows["start"] <= time) & (time < rows["end"])].tolist()
    return trace.system.tasks[trace.jobs["task"][there[0]]].context or "" if there else ""


def multiprocessors(trace: Trace) -> Iterator[str]:
    """No kernel runs on more multiprocessors than it may use, and those that were given are used by nobody else."""
    spec = trace.system.hardware
    shared = set(trace.changes["subject"][trace.changes["what"] == SHARE].tolist())
    for unit in () if spec is None or not shared else spec.units:
        gpu = unit.block_level
        if gpu is None or shared.isdisjoint(unit.processors):
            continue
        given = _Given(trace, unit, gpu)
        runs = _runs(trace, unit, gpu)
        for run in runs:
            own = given.between(run.place, run.since, run.start)
            most = max(count or given.left(run) for count in own)
            if run.most() > most * run.room:
                yield f"{_name(trace, run)} runs {run.most()} blocks at once, which {most} SMs do not hold"
        if gpu.mode == "exact" and gpu.mps is None and gpu.time_slice is None:
            yield from _alone(trace, given, runs)


def _alone(trace: Trace, given: _Given, runs: list[_Run]) -> Iterator[str]:
    """A kernel fills what its stream was given if all others who run then have begun since: nobody else is there."""
    running: list[_Run] = []
    for run in sorted(runs, key=lambda each: each.start):
        at = run.start
        running = [each for each in running if each.waves[-1][1] > at]
        own = given.between(run.place, at, at)
        if len(own) == 1 and own[0]:
            since = given.since(run.place, at)
            room = min(run.blocks, own[0] * run.room)
            if run.waves[0][2] < room and all(each.start > since for each in running):
                yield f"{_name(trace, run)} begins with {run.waves[0][2]} blocks, where its own SMs hold {room}"
        running.append(run)


def _runs(trace: Trace, unit: UnitSpec, gpu: BlockLevel) -> list[_Run]:
    """What ran on a GPU, kernel for kernel, each time that it was launched."""
    stays: dict[tuple[int, int, int], list[int]] = {}
    begun = trace.slices["reason"] != DRAINED  # what drains is still there
    for row in trace.slices[np.isin(trace.slices["processor"], unit.processors) & begun]:
        stays.setdefault((int(row["job"]), int(row["node"]), int(row["processor"])), []).append(int(row["start"]))
    found: dict[tuple[int, ...], _Run] = {}
    waves = trace.waves[np.isin(trace.waves["processor"], unit.processors) & (trace.waves["blocks"] > 0)]
    for start, end, job, node, place, number, blocks in sorted(waves.tolist()):
        starts = sorted(stays[job, node, place])
        stay = bisect_right(starts, start)
        key = (job, node, place, number, stay)
        if key not in found:
            kernel = _kernel(trace, job, node, place, number)
            since = start if gpu.mode == "exact" else starts[stay - 1]
            found[key] = _Run(job, place, number, kernel.blocks, gpu.blocks_at_once(kernel), since)
        found[key].waves.append((start, end, blocks))
    return list(found.values())


def _kernel(trace: Trace, job: int, node: int, place: int, number: int) -> Kernel:
    about = trace.node(job, node).hardware
    items: Any = () if about is None else about.kernels[place]
    kernel = items[number]
    assert isinstance(kernel, Kernel)
    return kernel


def _name(trace: Trace, run: _Run) -> str:
    return f"kernel {run.number} of {name_of(trace, run.job)} at {run.start}"
