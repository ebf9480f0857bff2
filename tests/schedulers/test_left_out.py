"""A node that is left out just when it would start leaves its processor to whoever waits next."""

from itertools import product

import pytest

import rtsched
from tests.chips import loaded
from tests.schedulability.drawn_policies import bounds_that_hold

SYSTEM = """
name: left_out
platform: {{name: chip, processors: {{cpu: {{cores: {cores}}}, npu: {{kind: npu}}}}}}
scheduler: {{ordering: {ordering}, adaptation: subflow, preemption: {preemption}}}
tasks:
  - {{name: urgent, wcet: {{cpu: 8 ms}}, period: 40 ms, deadline: 10 ms, priority: 0, instances: {cores}}}
  - name: net
    period: 40 ms
    deadline: 12 ms
    priority: 1
    graph:
      nodes: {{a: {{wcet: {{cpu: 3 ms}}}}, b: {{wcet: {{cpu: 3 ms}}}}, c: {{wcet: {{npu: 4 ms}}}}}}
      edges: [[a, c], [b, c]]
    variants: {{switch: node, choices: [{{accuracy: 0.9, scale: 1}}, {{accuracy: 0.8, skip: [a, b]}}]}}
  - {{name: low, wcet: {{cpu: 5 ms}}, period: 40 ms, deadline: 30 ms, priority: 2, instances: {cores}}}
{more}"""
#: keeps one core from being like the others
PIN = "  - {name: pinned, wcet: {cpu: 1 ms}, period: 40 ms, offset: 30 ms, priority: 3, pin: cpu0}\n"


@pytest.mark.parametrize(
    ("ordering", "preemption", "cores", "more"),
    [
        *product(("fp", "llf"), ("preemptive", "nonpreemptive"), (1, 2), ("",)),
        ("fp", "preemptive", 2, PIN),
        ("fp", "nonpreemptive", 2, PIN),
    ],
)
def test_who_is_left_out_at_the_last_moment_holds_nobody_up(ordering, preemption, cores, more):
    """At 8 ms the network has no time left for all of it: its first nodes do not run, and the cores are for the low."""
    system = SYSTEM.format(ordering=ordering, preemption=preemption, cores=cores, more=more)
    trace = rtsched.simulate(loaded(system), until="40 ms")
    tasks = [task.name for task in trace.system.tasks]
    found = {tasks[job["task"]]: job["finish"] for job in trace.jobs}
    assert found["net"] == 12_000_000
    assert {found[name] for name in found if name.startswith("low")} == {13_000_000}
    assert not trace.check()


@pytest.mark.parametrize(("first", "count"), [pytest.param(0, 400, marks=pytest.mark.slow), (21, 1), (26, 1)])
def test_no_run_of_jobs_that_go_several_ways_beats_a_bound(first, count):
    assert bounds_that_hold("ways", range(first, first + count)) > count
