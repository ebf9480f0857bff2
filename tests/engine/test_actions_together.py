"""Actions meet each other and what a file may declare: shares, batches, loads, reservations, decisions that take time."""

from __future__ import annotations

import random
import re
from collections import Counter
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest

import rtsched
from rtsched.engine.job import DRAINING, RUNNING
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import ACTIONS, CHANGES_KINDS


class Everything(Scheduler):
    """Loads, reserves, batches, shares, spawns, splits, duplicates and kills, at random."""

    preemption = "nonpreemptive"
    reads = frozenset({"batch", "reservable", "values", "spawned", "split"})

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def dispatch(self) -> None:
        if self.random.random() < 0.15:
            self.soc.spawn(self.soc.tasks[-1], self.random.choice([None, 7_000_000]))
        for processor in self.soc.processors:
            running = processor.segment
            if running is not None and running.state == DRAINING:
                assert self.soc.preempt(processor, "kill") is None
            elif running is not None and running.state != RUNNING:  # out of service, or kept for the next decision
                with pytest.raises(SchedulerError, match="not to be had"):
                    self.soc.preempt(processor, "kill")
            elif running is not None and processor.kind == "npu" and self.random.random() < 0.2:
                self.soc.preempt(processor, "kill")
            ready = [each for each in self.soc.ready if each.node.times[processor.index] is not None]
            if processor.segment is None and self.random.random() < 0.5:
                self._double(processor)
            if ready and processor.segment is None and self.random.random() < 0.8:
                self._begin(ready, processor)

    def _double(self, processor: Any) -> None:
        running = [each for each in self.soc.running() if each.node.times[processor.index] is not None]
        if running:
            try:
                self.soc.duplicate(self.random.choice(running), processor)
            except SchedulerError as error:
                if not re.search(
                    "in a batch|runs twice already|where the planner decides|a part of a node|blocks on",
                    str(error),
                ):
                    raise

    def _begin(self, ready: list[Any], processor: Any) -> None:
        same = [each for each in ready if each.job.task is ready[0].job.task][:2]
        if processor.kind == "npu":
            self.soc.load(self.soc.tasks[0], processor)
        if self.soc.system.reservable:
            self.soc.reserve("kv", 5, same[0].job)
        idle = [each for each in self.soc.processors if each.segment is None and each.kind != "gpu"] or [processor]
        able = [each for each in ready if self.soc.expected_split(each, dict.fromkeys(idle, Fraction(1, len(idle))))]
        if len(idle) > 1 and able and self.random.random() < 0.5:
            self.soc.split(able[0], dict.fromkeys(idle, Fraction(1, len(idle))))
        elif len(same) > 1 and self.soc.expected_batch(same[0], processor, 2):
            self.soc.start_batch(same, processor)
        else:
            self.soc.start(ready[0].job, ready[0], processor)
        if processor.kind != "cpu":
            parts = [0.25, 0.5] if processor.kind == "npu" else [0.25, Fraction(1, 3)]
            self.soc.share(processor, self.random.choice(parts))


SYSTEM: dict[str, Any] = {
    "platform": {
        "name": "chip",
        "processors": {
            "cpu": {"kind": "cpu"},
            "npu": {
                "kind": "npu", "contexts": 2, "sharing": "equal",
                "weights": {"capacity": "30 MB", "bandwidth": "10 GB/s"},
            },
            "gpu": {"kind": "gpu", "block_level": {"sms": 8, "streams": 3, "assumed_kernels": {"length": "300 us"}}},
        },
    },
    "tasks": [
        *(
            {"name": name, "overlap": True, "wcet": {"npu": "2 ms"}, "period": period, "deadline": "40 ms",
             "weights": "12 MB", "batch": {"2": 1.5}}
            for name, period in (("a", "5 ms"), ("b", "6 ms"))
        ),
        {"name": "c", "wcet": {"cpu": "5 ms", "npu": "4 ms"}, "period": "10 ms", "split": {"join": "50 us"}},
        {"name": "e", "overlap": True, "wcet": {"gpu": "3 ms"}, "period": "2 ms", "deadline": "40 ms"},
        {"name": "d", "overlap": True, "wcet": {"npu": "2 ms"}, "deadline": "30 ms", "arrival": {"kind": "spawned"},
         "weights": "12 MB", "batch": {"2": 1.5}},
    ],
    "simulate": {"until": "100 ms"},
}  # fmt: skip
DECLARED: dict[str, Any] = {
    "planner": {"core": "cpu", "cost": "100 us"},
    "reservable": {"kv": 20},
    "estimates": {"noise": 0.3, "learning": 0.2},
    "faults": [{"processor": "npu", "at": "40 ms", "lasts": "20 ms"}],
    "power": {},
}
MIXES = [keys for count in range(len(DECLARED) + 1) for keys in combinations(DECLARED, count)]


@pytest.mark.parametrize("keys", MIXES, ids=lambda keys: "+".join(keys) or "nothing")
def test_actions_meet_each_other(keys: tuple[str, ...]) -> None:
    system = {**SYSTEM, **{key: DECLARED[key] for key in keys}}
    trace = rtsched.simulate(system, scheduler=Everything(1))
    assert trace.check() == []
    again = rtsched.simulate(system, scheduler=Everything(1))
    for table in ("slices", "changes", "waves", "waits", "splits", "batches", "logged"):
        assert getattr(trace, table).tobytes() == getattr(again, table).tobytes()
    kinds = Counter(CHANGES_KINDS[what] for what in trace.changes["what"])
    assert kinds["share"] > 10
    assert kinds["spawn"] == len(trace.jobs_of(4)) > 5
    assert kinds["load"] > 0
    assert (kinds["plan"] > 0, kinds["reserve"] > 0, kinds["down"] > 0) == tuple(
        key in keys for key in ("planner", "reservable", "faults")
    )
    assert len(trace.batches) > 0
    assert len(trace.waves) > 0
    assert len(trace.splits) > 0
    doubled = Counter(ACTIONS[action] for action in trace.logged["action"])
    assert doubled["duplicate"] >= doubled["cancel"] > 0


@pytest.mark.parametrize("keys", [(), tuple(DECLARED)], ids=["nothing", "everything"])
def test_actions_meet_recorded_inputs(keys: tuple[str, ...]) -> None:
    times = {
        "a": ("1 ms", "4 ms"),
        "b": ("2 ms", "3 ms"),
        "c": ("500 us", "2 ms"),
        "d": ("1 ms", "20 ms"),
        "e": ("2 ms", "3 ms"),
    }
    tasks = [
        {**task, "inputs": [{"0": {"time": time, "values": {"size": len(time)}}} for time in times[task["name"]]]}
        for task in SYSTEM["tasks"]
    ]
    system = {**SYSTEM, "tasks": tasks, **{key: DECLARED[key] for key in keys}}
    told: list[Any] = []

    class Listens(Everything):
        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            assert self.soc.seen(segment) == observation
            told.append((segment.job.number, observation["size"]))

    trace = rtsched.simulate(system, scheduler=Listens(1))
    assert trace.check() == []
    world = dict(trace.inputs.tolist())
    names = [task.name for task in trace.system.tasks]
    assert len(told) > 20
    assert len(trace.batches) > 0
    assert all(size == len(times[names[trace.jobs["task"][job]]][world[job]]) for job, size in told)
