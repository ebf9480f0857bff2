"""What runs when a job has ended goes on on accelerators, beside the next job: no vertex is on one processor only."""

from __future__ import annotations

import pytest

import rtsched
from rtsched import api
from rtsched.schedulability.analyse import analyse
from tests.chips import loaded

HEAD = """
name: drains
platform: {name: chip, processors: {npu: {kind: npu, cores: 2}, cpu: {cores: 1}}}
scheduler: {ordering: ORDER, placement: global, preemption: nonpreemptive, adaptation: ADAPTATION}
tasks:
"""
ABORTED = (
    HEAD.replace(", adaptation: ADAPTATION", "")
    + """
  - {name: urgent, wcet: {npu: 2 ns}, period: 1 us, deadline: 120 ns, priority: 1, offset: 11 ns}
  - {name: long, wcet: {npu: 100 ns}, period: 10 ns, priority: 2, on_miss: abort}
"""
)
LEFT = (
    HEAD.replace("ADAPTATION", "{name: early-exit, threshold: 0}")
    + """
  - {name: urgent, wcet: {npu: 2 ns}, period: 1 us, deadline: 120 ns, priority: PRIORITY, offset: 12 ns}
  - name: long
    period: 10 ns
    priority: 2
    graph:
      nodes: {seen: {wcet: {cpu: 1 ns}}, rest: {wcet: {npu: 100 ns}}, end: {wcet: {cpu: 1 ns}}}
      edges: [[seen, end], [rest, end]]
    exits: [{node: seen, accuracy: 0.9}, {node: end, accuracy: 0.95}]
"""
)
#: Two jobs that come at nearly one instant, of a task that has time enough.
LATE = LEFT.replace("period: 10 ns", "period: 1 us\n    deadline: 3 us\n    jitter: 990 ns")


def bound(text: str, theorem: str) -> int | None:
    """What a theorem says of the urgent task."""
    system = loaded(text)
    found = analyse(system.lower(), api.policy(system.system.scheduler or "edf"), declared=False)
    result = next(each.result for each in found.parts[0].applied if each.theorem.name == theorem)
    return next(each.wcrt for each in result.bounds if each.task == "urgent")


def took(text: str) -> int:
    """The first response of the urgent task."""
    jobs = rtsched.simulate(loaded(text), until="40 ns").jobs
    return int(next(job["finish"] - job["arrival"] for job in jobs if job["task"] == 0))


@pytest.mark.parametrize(("text", "seen"), [(ABORTED, 91), (LEFT.replace("PRIORITY", "1"), 90)])
def test_a_region_that_drains_is_on_all_processors(text, seen):
    """Half of 99 is what one region of 100 on two processors can block: it is on both."""
    text = text.replace("ORDER", "fp")
    assert took(text) == seen <= bound(text, "a6-fp") == 101


@pytest.mark.parametrize(
    ("order", "priority", "theorem", "claimed"),
    [("fp", 1, "a6-fp", 101), ("fp", 3, "a6-work-conserving", 102), ("fifo", 1, "a6-work-conserving", 102)],
)
def test_a_task_of_one_vertex_keeps_all_processors_busy_where_it_drains(order, priority, theorem, claimed):
    """Nobody misses a deadline: the second job finds the first one's rest on the other processor."""
    text = LATE.replace("ORDER", order).replace("PRIORITY", str(priority))
    at_once = text.replace("period: 1 us\n    deadline: 3 us\n    jitter: 990 ns", "ARRIVAL").replace(
        "ARRIVAL", "arrival: {kind: trace, times: [0 ns, 10 ns]}\n    deadline: 3 us"
    )
    assert took(at_once) == 90 <= bound(text, theorem) == claimed


def test_what_cannot_drain_blocks_as_before():
    """On preemptive cores it is stopped; without the adaptation nobody leaves early; in time nobody is aborted."""
    text = LEFT.replace("ORDER", "fp").replace("PRIORITY", "1")
    assert bound(text.replace("kind: npu", "kind: cpu"), "a6-fp") == 51
    assert bound(text.replace("adaptation: {name: early-exit, threshold: 0}", ""), "a6-fp") == 51
    edf = ABORTED.replace("ORDER", "edf").replace("period: 10 ns", "period: 500 ns")
    assert bound(edf, "a6-edf") == 2
