"""What cannot be stopped at once: it drains or is reset, and the processor is busy meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched import analyse
from rtsched.errors import InputError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import ACTIONS
from tests.chips import loaded, run, slices

PLATFORM = "platform: {processors: {npu: {kind: npu%s}}%s}\n"

ABORT = """
scheduler: {ordering: edf, preemption: nonpreemptive}
simulate: {until: 30 ms}
tasks:
  - {name: long, wcet: {npu: 20 ms}, release: 0 ms, deadline: 5 ms, on_miss: %s}
  - {name: next, wcet: {npu: 2 ms}, release: 1 ms, deadline: 25 ms}
"""

DRAINED = [("long", 0, 5, "stopped"), ("long", 5, 20, "drained"), ("next", 20, 22, "completed")]
RESET = [("long", 0, 5, "stopped"), ("long", 5, 5.04, "drained"), ("next", 5.04, 7.04, "completed")]
STOPPED = [("long", 0, 5, "stopped"), ("next", 5, 7, "completed")]


def short(trace: Any) -> list[tuple[Any, ...]]:
    return [(name, start, end, reason) for name, _, start, end, reason in slices(trace)]


@pytest.mark.parametrize(
    ("cluster", "more", "expected"),
    [
        ("", "", DRAINED),
        (", reset: 40 us", "", RESET),
        (", service: node", "", DRAINED),
        (", service: node, reset: 40 us", "", RESET),
        (", service: preemptive", "", STOPPED),
        (", contexts: 1, checkpoint: {state: 1 MB, bandwidth: 1 GB/s}", "", DRAINED),
        (", operating_points: [{frequency: 1 GHz}], power: {idle: 1 mW, active: 2 mW}", "", DRAINED),
        (", reset: 40 us, weights: {capacity: 1 MB, bandwidth: 1 GB/s}", "", RESET),
        (", reset: 40 us", ", memory: {bandwidth: 10 GB/s, capacity: 1 GB, load_bandwidth: 1 GB/s}", RESET),
    ],
)
def test_an_aborted_job_keeps_a_processor_that_does_not_stop(cluster: str, more: str, expected: Any) -> None:
    text = PLATFORM % (cluster, more) + ABORT % "abort"
    if "power" in cluster:
        text += "power: {}\n"
    trace = run(text)
    assert short(trace) == expected
    assert trace.processors[0].overhead == (40_000 if "reset" in cluster else 0)
    assert [ACTIONS[row["action"]] for row in trace.decisions] == ["start", "abort", "start"]


def test_energy_is_used_by_what_drains() -> None:
    points = ", operating_points: [{frequency: 1 GHz}], power: {idle: 0 mW, active: 2 mW}"
    trace = run(PLATFORM % (points, "") + "power: {}\n" + ABORT % "abort")
    assert trace.energy is not None
    assert trace.energy.jobs == {0: 40_000, 1: 4_000}  # 20 ms and 2 ms of 2 mW


def test_a_hopeless_job_is_dropped_while_it_runs_and_drains() -> None:
    text = """
platform: {processors: {npu: {kind: npu}, cpu: {}}}
scheduler: {ordering: fp}
simulate: {until: 30 ms}
tasks:
  - name: two
    period: 30 ms
    deadline: 10 ms
    on_miss: drop_if_hopeless
    graph: {nodes: {a: {wcet: {npu: 8 ms}}, b: {wcet: {cpu: 4 ms}}}}
  - {name: other, period: 30 ms, wcet: {npu: 1 ms}}
"""
    hog = "  - {name: hog, period: 30 ms, priority: -1, wcet: {cpu: 7 ms}}\n"
    assert short(run(text + hog)) == [
        ("two", 0, 6.000001, "stopped"),
        ("hog", 0, 7, "completed"),
        ("two", 6.000001, 8, "drained"),
        ("other", 8, 9, "completed"),
    ]


class Policy(Scheduler):
    """Takes the first free processor in the order of tasks; ends job 0 of the first task at 3 ms in a given way."""

    preemption = "nonpreemptive"

    def __init__(self, act: str, run: int = 1) -> None:
        self.act, self.run = act, run

    def setup(self, soc: Any) -> None:
        self.soc = soc
        soc.wake_at(3_000_000, "act")

    def on_timer(self, tag: Any) -> None:
        job = self.soc.tasks[0].active
        if job is not None:
            getattr(self.soc, self.act)(job)

    def dispatch(self) -> None:
        for segment in sorted(self.soc.ready, key=lambda each: each.job.task.index):
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free and segment.state == 1:
                nodes = list(range(segment.node.index, segment.node.index + self.run))[: len(segment.job.segments)]
                self.soc.start(segment.job, nodes if segment.job.task.index == 0 else segment, free[0])


def test_a_job_that_a_policy_gives_up_drains_too() -> None:
    text = PLATFORM % ("", "") + ABORT % "continue"
    expected = [("long", 0, 3, "stopped"), ("long", 3, 20, "drained"), ("next", 20, 22, "completed")]
    assert short(run(text, scheduler=Policy("drop"))) == expected


CHAIN = """
simulate: {until: 30 ms}
tasks:
  - name: net
    period: 30 ms
    graph: {nodes: {a: {wcet: {WHERE: 4 ms}}, b: {wcet: {WHERE: 4 ms}}, c: {wcet: {WHERE: 4 ms}}}, edges: [[a, b], [b, c]]}
  - {name: next, wcet: {WHERE: 2 ms}, period: 30 ms, offset: 1 ms}
"""


@pytest.mark.parametrize(
    ("service", "ends"),
    [("run-to-completion", [(0, 4), (1, 8), (2, 12)]), ("node", [(0, 4)])],
)
def test_a_run_of_nodes_drains_to_its_end_or_to_its_next_boundary(service: str, ends: list[tuple[int, int]]) -> None:
    text = PLATFORM % (f", service: {service}", "") + CHAIN.replace("WHERE", "npu")
    trace = run(text, scheduler=Policy("drop", run=3))
    drained = trace.slices[trace.slices["reason"] == 8]
    assert [(row["node"], row["end"] / 1e6) for row in drained] == ends
    assert short(trace)[-1] == ("next", ends[-1][1], ends[-1][1] + 2, "completed")


def test_in_limited_mode_a_region_is_the_boundary() -> None:
    text = PLATFORM % ("", "") + (ABORT % "abort").replace("nonpreemptive", "limited")
    text = text.replace("wcet: {npu: 20 ms}", "wcet: {npu: 20 ms}, regions: [4 ms, 3 ms, 13 ms]")
    assert short(run(text))[-2:] == [("long", 5, 7, "drained"), ("next", 7, 9, "completed")]


def test_what_drains_in_a_section_keeps_its_resource_to_the_end() -> None:
    text = """
platform: {processors: {npu: {kind: npu}, cpu: {}}}
scheduler: {ordering: fp}
simulate: {until: 30 ms}
resources: {r: {protocol: inheritance}}
tasks:
  - {name: net, period: 30 ms, deadline: 5 ms, on_miss: abort, wcet: {npu: 10 ms}, sections: [{resource: r, start: 1 ms, length: 6 ms}]}
  - {name: reader, period: 30 ms, offset: 2 ms, wcet: {cpu: 1 ms}, sections: [{resource: r, start: 0 ms, length: 1 ms}]}
"""
    assert short(run(text)) == [
        ("net", 0, 5, "stopped"),
        ("net", 5, 10, "drained"),
        ("reader", 7, 8, "completed"),
    ]
    # a reset throws the section's work away, and with it the resource
    assert short(run(text.replace("kind: npu", "kind: npu, reset: 40 us")))[1:] == [
        ("net", 5, 5.04, "drained"),
        ("reader", 5, 6, "completed"),
    ]


def test_the_next_job_of_the_task_need_not_wait_for_what_drains_elsewhere() -> None:
    text = """
platform: {processors: {npu: {kind: npu, cores: 2}}}
scheduler: {ordering: fp}
simulate: {until: 10 ms}
tasks: [{name: a, period: 5 ms, wcet: {npu: 7 ms}, on_miss: abort}]
"""
    assert [row[:4] for row in slices(run(text))] == [
        ("a", "npu0", 0, 5),
        ("a", "npu0", 5, 7),
        ("a", "npu1", 5, 10),
        ("a", "npu1", 10, 12),
    ]


def test_a_transfer_under_way_keeps_its_link() -> None:
    text = """
platform:
  processors: {big: {}, gpu: {kind: gpu}}
  links: {bus: {between: [big, gpu], bandwidth: 1 GB/s}}
scheduler: {ordering: fp}
simulate: {until: 30 ms}
tasks:
  - name: a
    period: 30 ms
    deadline: 5 ms
    on_miss: abort
    graph: {nodes: {x: {wcet: {big: 1 ms}}, y: {wcet: {gpu: 1 ms}}}, edges: [[x, y, 10 MB]]}
  - name: b
    period: 30 ms
    graph: {nodes: {x: {wcet: {big: 1 ms}}, y: {wcet: {gpu: 1 ms}}}, edges: [[x, y, 1 MB]]}
"""
    assert [row[:4] for row in slices(run(text)) if row[1] == "bus"] == [
        ("a", "bus", 1, 5),
        ("a", "bus", 5, 11),
        ("b", "bus", 11, 12),
    ]


def test_a_context_that_drains_has_its_share_of_the_unit() -> None:
    text = (
        PLATFORM % (", contexts: 2", "")
        + """
scheduler: {ordering: fp}
simulate: {until: 30 ms}
tasks:
  - {name: a, period: 30 ms, deadline: 4 ms, on_miss: abort, wcet: {npu: 4 ms}}
  - {name: b, period: 30 ms, wcet: {npu: 5 ms}}
"""
    )
    # both at half speed; a would have ended at 8, and does so for nothing; b has 1 ms left then
    assert short(run(text)) == [("a", 0, 4, "stopped"), ("b", 0, 9, "completed"), ("a", 4, 8, "drained")]


@pytest.mark.parametrize("fate", ["restart", "drop"])
def test_nothing_drains_on_a_processor_that_fails(fate: str) -> None:
    text = (
        PLATFORM % ("", "")
        + (ABORT % f"abort, on_fault: {fate}")
        + "faults: [{processor: npu, at: 7 ms, lasts: 1 ms}]\n"
    )
    assert short(run(text)) == [("long", 0, 5, "stopped"), ("long", 5, 7, "drained"), ("next", 8, 10, "completed")]
    early = text.replace("at: 7 ms", "at: 2 ms")
    first = short(run(early))[0]
    assert first == ("long", 0, 2, "killed" if fate == "restart" else "stopped")


def test_a_run_that_ends_first_cuts_what_drains() -> None:
    text = (
        PLATFORM % ("", "")
        + """
scheduler: {ordering: fp}
simulate: {until: 2 ms}
tasks: [{name: a, period: 2 ms, wcet: {npu: 9 ms}, on_miss: abort}]
"""
    )
    trace = run(text)
    assert (trace.end, short(trace)[-1]) == (4_000_000, ("a", 2, 4, "drained"))


def test_a_preemptive_processor_has_no_reset() -> None:
    with pytest.raises(InputError, match="a preemptive processor stops at once"):
        loaded("platform: {processors: {cpu: {reset: 40 us}}}\ntasks: [{name: a, wcet: 1 ms, period: 9 ms}]")


def test_the_proof_counts_on_the_whole_of_what_drains() -> None:
    # next comes just after long has started, and waits for all of it, aborted or not
    text = PLATFORM % ("", "") + (ABORT % "abort").replace("release: 0 ms, deadline: 5 ms", "period: 100 ms")
    text = text.replace("release: 1 ms, deadline: 25 ms", "period: 100 ms, deadline: 25 ms")
    bounds = {bound.task: bound.wcrt for bound in analyse(loaded(text), runs=0).bounds}
    assert bounds["next"] == 22_000_000 - 1


def test_what_ran_before_an_abort_at_the_end_of_a_section_is_not_drained() -> None:
    text = """
platform: {processors: {npu: {kind: npu}}}
scheduler: {ordering: fp}
simulate: {until: 30 ms}
resources: {r: {}}
tasks:
  - {name: net, period: 30 ms, deadline: 5 ms, on_miss: abort, wcet: {npu: 10 ms}, sections: [{resource: r, start: 1 ms, length: 4 ms}]}
"""
    assert short(run(text)) == [("net", 0, 5, "boundary"), ("net", 5, 10, "drained")]


def test_what_drains_with_a_fraction_of_a_nanosecond_left_ends() -> None:
    """Found by the fuzzer: moved to a faster processor after 3/7 of its work, 20/7 ns are left there, ended at 3."""
    trace = run(
        """
platform: {processors: {cpu: {}, npu: {kind: npu}}}
scheduler: {ordering: edf}
simulate: {until: 20 ns}
tasks:
  - {name: first, wcet: {npu: 3 ns}, release: 0 ns, deadline: 4 ns}
  - {name: moved, wcet: {cpu: 7 ns, npu: 5 ns}, release: 0 ns, deadline: 5 ns, on_miss: abort}
"""
    )
    rows = [(row[0], row[1], row[2] * 1e6, row[3] * 1e6, row[4]) for row in slices(trace)]
    assert [
        (name, place, round(start), round(end), why) for name, place, start, end, why in rows if name == "moved"
    ] == [
        ("moved", "cpu", 0, 3, "preempted"),
        ("moved", "npu", 3, 5, "stopped"),
        ("moved", "npu", 5, 6, "drained"),
    ]
