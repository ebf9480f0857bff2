"""Random streams belong to names: what is added to a system changes nobody else's world."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.engine.streams import Streams, World, generator
from rtsched.trace.trace import REASONS, Trace
from tests.chips import run

PURPOSES = [name for name in vars(Streams) if not name.startswith("_") and name not in ("world", "task")]

#: Every task has processors of its own, so that it meets the others only in what is drawn.
WORLD = """
platform:
  processors: {one: {kind: cpu}, two: {kind: cpu}, three: {kind: cpu}, four: {kind: cpu}, far: {kind: cpu}, new: {kind: cpu}}
  links:
LINK    wifi: {between: [four, far], latency: 1 ms, bandwidth: 20 MB/s,
           markov: {states: [{bandwidth: 20 MB/s, dwell: 20 ms}, {bandwidth: 1 MB/s, dwell: 8 ms}]}}
faults:
FAULT  - {processor: one, mean_up: 30 ms, mean_down: 3 ms}
  - {processor: two, mean_up: 50 ms, mean_down: 2 ms, speed: 0.5}
scheduler: {ordering: edf, adaptation: {name: early-exit, threshold: 0.7}}
simulate: {until: 400 ms}
tasks:
FIRST  - {name: poisson, wcet: {one: 2 ms}, period: 10 ms, arrival: {kind: poisson}, deadline: 10 ms, jitter: 1 ms,
     execution: {kind: uniform, low: 0.5}}
  - name: net
    period: 10 ms
    difficulty: {reliability: 0.8}
    graph:
      nodes: {s1: {wcet: {two: 1 ms}}, s2: {wcet: {two: 1 ms}}, s3: {wcet: {two: 2 ms}}}
      edges: [[s1, s2], [s2, s3]]
    exits: [{node: s1, accuracy: 0.6}, {node: s2, accuracy: 0.8}, {node: s3, accuracy: 0.9}]
MIDDLE  - {name: seldom, wcet: {three: 1 ms}, after: {task: net, probability: 0.5}, deadline: 20 ms}
  - name: offloaded
    period: 40 ms
    graph:
      nodes: {head: {wcet: {four: 2 ms}}, tail: {wcet: {far: 2 ms}}}
      edges: [[head, tail, 100 kB]]
"""
NEW = "  - {name: NAME, wcet: {new: 1 ms}, period: 7 ms, arrival: {kind: poisson}, deadline: 9 ms, execution: {kind: uniform, low: 0.5}}\n"


def world(seed: int = 7, **more: str) -> Trace:
    text = WORLD
    for place in ("FIRST", "MIDDLE", "FAULT", "LINK"):
        text = text.replace(place, more.get(place.lower(), ""))
    return run(text, seed=seed)


def happened(trace: Trace, task: str) -> list[tuple[str, int, int, str]]:
    """When and where a task ran, and why each slice ended."""
    jobs = trace.jobs
    return [
        (trace.system.processors[row["processor"]].name, int(row["start"]), int(row["end"]), REASONS[row["reason"]])
        for row in trace.slices
        if trace.system.tasks[jobs["task"][row["job"]]].name == task
    ]


TASKS = ["poisson", "net", "seldom", "offloaded"]


@pytest.mark.parametrize(
    "more",
    [
        {"first": NEW.replace("NAME", "early")},
        {"middle": NEW.replace("NAME", "between")},
        {"first": NEW.replace("NAME", "early"), "middle": NEW.replace("NAME", "between")},
        {"fault": "  - {processor: new, mean_up: 20 ms, mean_down: 5 ms}\n"},
        {
            "link": "    lan: {between: [new, far], latency: 1 ms, bandwidth: 1 GB/s, markov: {states: "
            "[{bandwidth: 1 GB/s, dwell: 5 ms}, {bandwidth: 1 MB/s, dwell: 5 ms}]}}\n"
        },
    ],
    ids=["a task before all", "a task between", "two tasks", "a fault", "a link"],
)
def test_what_is_added_changes_nobody_elses_world(more: dict[str, str]) -> None:
    plain, changed = world(), world(**more)
    for task in TASKS:
        assert happened(plain, task) == happened(changed, task) != []


def test_everything_in_that_world_is_drawn() -> None:
    """Another seed changes each task, so that the test above compares what could differ."""
    plain, other = world(), world(seed=8)
    for task in TASKS:
        assert happened(plain, task) != happened(other, task)


def test_another_name_is_another_world() -> None:
    early, late = (world(first=NEW.replace("NAME", name)) for name in ("early", "late"))
    assert happened(early, "early") != happened(late, "late")


def test_streams_depend_on_seed_name_and_purpose_only() -> None:
    draws = {
        (seed, name, purpose): tuple(getattr(Streams(World(seed), name), purpose).integers(0, 2**62, 4).tolist())
        for seed in (0, 1)
        for name in ("a", "b", "aa", "kamera", "Kamera", "камера")
        for purpose in PURPOSES
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[1, "b", "trigger"] == tuple(Streams(World(1), "b").trigger.integers(0, 2**62, 4).tolist())


def test_names_that_run_together_are_told_apart() -> None:
    assert generator(1, "ab", "c").random() != generator(1, "a", "bc").random()


def test_run_says_whether_anything_was_random():
    """Where nothing was, every seed gives the same run; where something was drawn, it says so."""
    fixed = {
        "platform": "uniprocessor",
        "tasks": [{"name": "a", "wcet": "2 ms", "period": "5 ms"}],
        "simulate": {"until": "20 ms"},
    }
    drawn = {**fixed, "tasks": [{**fixed["tasks"][0], "execution": {"kind": "uniform", "low": 0.5, "high": 1}}]}
    believed = {**fixed, "scheduler": "sjf", "estimates": {"noise": 0.1}}
    assert [rtsched.simulate(each, seed=3).random for each in (fixed, drawn, believed)] == [False, True, True]
    one, other = (rtsched.simulate(fixed, seed=seed) for seed in (0, 1))
    assert one.jobs.tobytes() == other.jobs.tobytes()
