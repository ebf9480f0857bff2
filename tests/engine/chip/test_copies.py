"""Copies over links to nodes whose cluster is chosen at run time: they are transfers like any other."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.schedulers.base import Scheduler
from rtsched.units import LONGEST, MS
from tests.chips import changes, run, slices

EDGE = """
platform:
  name: edge
  processors: {cpu: {}, cloud: {kind: cloud}}
  links: {wifi: {between: [cpu, cloud], latency: 3 ms, bandwidth: 20 MB/s%s}}
scheduler: {ordering: edf, placement: PLACEMENT, preemption: nonpreemptive}
tasks:
  - name: net
    graph: {nodes: {head: {wcet: {cpu: 9 ms}}, tail: {wcet: {cloud: 6 ms, cpu: 25 ms}}}, edges: [[head, tail, 200 kB]]}
    period: 100 ms
    deadline: 60 ms
"""


def edge(link: str = "", more: str = "", placement: str = "earliest-finish", **options: Any) -> Any:
    """One head on the CPU and 13 ms of copying to the tail."""
    return run(EDGE.replace("PLACEMENT", placement) % link + more, **{"until": "100 ms", **options})


def on(trace: Any, place: str) -> list[tuple[float, float, str]]:
    return [row[2:] for row in slices(trace) if row[1] == place]


def test_a_copy_is_a_slice_on_the_link_while_its_reader_holds_its_processor() -> None:
    trace = edge()
    assert on(trace, "wifi") == [(9, 22, "completed")]
    assert on(trace, "cloud") == [(9, 22, "overhead"), (22, 28, "completed")]
    assert [counters.busy / MS for counters in trace.processors] == [9, 19, 13]
    assert trace.processors[1].overhead == 13 * MS


def test_without_a_trace_the_sums_are_the_same() -> None:
    system = rtsched.System.model_validate(
        {
            "platform": {
                "processors": {"cpu": {}, "cloud": {"kind": "cloud"}},
                "links": {"wifi": {"between": ["cpu", "cloud"], "bandwidth": 20_000_000}},
            },
            "scheduler": {"ordering": "edf", "placement": "earliest-finish"},
            "tasks": [
                {
                    "name": "net",
                    "period": 50 * MS,
                    "graph": {
                        "nodes": {"head": {"wcet": {"cpu": MS}}, "tail": {"wcet": {"cloud": MS, "cpu": 30 * MS}}},
                        "edges": [["head", "tail", 200_000]],
                    },
                }
            ],
        }
    )
    kept = rtsched.simulate(system, until="1 s")
    assert rtsched.simulate(system, until="1 s", trace=False).processors == kept.processors
    assert kept.processors[2].busy == 20 * 10 * MS


@pytest.mark.parametrize(
    ("link", "more", "spans"),
    [
        # by 15 ms 3 ms of latency and 60 kB are done; the other 140 kB take 14 ms
        (", trace: [{at: 0 s, bandwidth: 20 MB/s}, {at: 15 ms, bandwidth: 10 MB/s}]", "", [(9, 29, "completed")]),
        ("", "environment: [{at: 15 ms, link: wifi, bandwidth: 10 MB/s}]", [(9, 29, "completed")]),
        ("", "faults: [{processor: wifi, at: 15 ms, speed: 0.5}]", [(9, 29, "completed")]),
        ("", "faults: [{processor: wifi, at: 15 ms, lasts: 10 ms}]", [(9, 15, "killed"), (25, 38, "completed")]),
    ],
)
def test_it_feels_what_the_link_feels(link: str, more: str, spans: list[Any]) -> None:
    trace = edge(link, more)
    assert on(trace, "wifi") == spans
    assert on(trace, "cloud")[-1] == (spans[-1][1], spans[-1][1] + 6, "completed")


def test_it_resumes_after_an_outage_or_its_job_is_dropped_as_its_task_says() -> None:
    fault = "    on_fault: %s\nfaults: [{processor: wifi, at: 15 ms, lasts: 10 ms}]"
    resumed = edge("", fault % "resume")
    assert on(resumed, "wifi") == [(9, 15, "failed"), (25, 32, "completed")]
    assert changes(resumed, "down") == [(15, "down", 2, 0)]
    dropped = edge("", fault % "drop")
    assert on(dropped, "wifi") == [(9, 15, "killed")]
    assert on(dropped, "cloud") == [(9, 15, "overhead")]
    assert dropped.jobs["outcome"].tolist() == [3]


def test_while_the_link_is_down_the_tail_runs_here_or_waits() -> None:
    outage = "faults: [{processor: wifi, at: 100 ms, lasts: 200 ms}]\n"
    trace = edge("", outage, until="500 ms")
    assert [end for _, end, _ in on(trace, "cpu")] == [9, 109, 134, 209, 234, 309, 409]  # two tails of 25 ms
    assert (trace.jobs["outcome"] == 0).all()
    # who has no other way waits, and holds the cloud
    alone = EDGE.replace("cloud: {kind: cloud}", "cloud: {kind: cloud}, dsp: {kind: dsp}").replace("cpu: 25", "dsp: 99")
    blind = run(alone.replace("PLACEMENT", "global") % "" + outage, until="200 ms")
    assert on(blind, "wifi") == [(9, 22, "completed")]
    assert on(blind, "cloud")[2:] == [(109, blind.end / MS, "overhead")]


def test_a_link_that_wanders_decides_the_time_of_each_copy() -> None:
    states = ", markov: {states: [{bandwidth: 20 MB/s, dwell: 300 ms}, {bandwidth: 200 kB/s, dwell: 300 ms}]}"
    trace = edge(states, until="20 s", seed=1)
    lengths = {end - start for start, end, reason in on(trace, "wifi") if reason == "completed"}
    assert min(lengths) == 13
    assert max(lengths) > 200
    assert (trace.jobs["outcome"] == 1).any()


BUS = """
platform:
  name: chip
  processors: {cpu: {cores: 2}, npu: {kind: npu, cores: 2}, gpu: {kind: gpu, cores: 2}}
  links: {bus: {between: [cpu, npu], bandwidth: 200 MB/s}}
scheduler: {ordering: fp, placement: global, preemption: nonpreemptive}
tasks:
  - {name: a, period: 100 ms, graph: {nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {npu: 2 ms, gpu: 40 ms}}}, edges: [[x, y, 2 MB]]}}
"""
OTHER = "  - {name: b, period: 100 ms, graph: {nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {npu: 2 ms%s}}}, edges: [[x, y, 2 MB]]}}\n"


@pytest.mark.parametrize("fixed", [False, True])
def test_copies_and_transfers_share_a_link_one_after_the_other(fixed: bool) -> None:
    trace = run(BUS + OTHER % ("" if fixed else ", gpu: 40 ms"), until="100 ms")
    assert [row for row in slices(trace) if row[1] == "bus"] == (
        [("b", "bus", 1, 11, "completed"), ("a", "bus", 11, 21, "completed")]
        if fixed  # the policy has the first say on an idle link
        else [("a", "bus", 1, 11, "completed"), ("b", "bus", 11, 21, "completed")]
    )
    assert sorted((trace.jobs["finish"] / MS).tolist()) == [13, 23]


def test_the_one_who_asked_first_is_first() -> None:
    """A transfer of the policy's that has waited for longer goes before a copy, and the other way round."""
    third = OTHER.replace("name: b", "name: c, offset: 1 ms") % ", gpu: 40 ms"
    text = BUS.replace("cores: 2}, npu", "cores: 3}, npu").replace("npu, cores: 2", "npu, cores: 3")
    later = text + (OTHER % "").replace("name: b", "name: b, offset: 2 ms") + third
    trace = run(later, until="100 ms")
    assert [(row[0], row[2]) for row in slices(trace) if row[1] == "bus"] == [("a", 1), ("c", 11), ("b", 21)]
    earlier = text + OTHER % "" + third.replace("offset: 1 ms", "offset: 2 ms")
    trace = run(earlier, until="100 ms")
    assert [(row[0], row[2]) for row in slices(trace) if row[1] == "bus"] == [("b", 1), ("a", 11), ("c", 21)]


def test_two_inputs_over_two_links_come_side_by_side() -> None:
    text = """
platform:
  name: chip
  processors: {cpu: {}, dsp: {kind: dsp}, npu: {kind: npu}, gpu: {kind: gpu}}
  links: {bus: {between: [cpu, npu], bandwidth: 1 GB/s}, wire: {between: [dsp, npu], bandwidth: 500 MB/s}}
scheduler: {ordering: fp, placement: earliest-finish, preemption: nonpreemptive}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {dsp: 1 ms}}, z: {wcet: {npu: 2 ms, gpu: 40 ms}}}
      edges: [[x, z, 2 MB], [y, z, 2 MB]]
"""
    trace = run(text, until="100 ms")
    assert on(trace, "bus") == [(1, 3, "completed")]
    assert on(trace, "wire") == [(1, 5, "completed")]
    assert on(trace, "npu") == [(1, 5, "overhead"), (5, 7, "completed")]
    # over one link they come one after the other
    one = text.replace("wire: {between: [dsp, npu]", "wire: {between: [dsp, gpu]").replace(
        "y: {wcet: {dsp", "y: {wcet: {cpu"
    )
    assert on(run(one, until="100 ms"), "bus") == [(2, 4, "completed"), (4, 6, "completed")]


PREEMPTED = """
platform:
  name: chip
  processors: {cpu: {}, fast: {}, other: {}}
  links: {bus: {between: [cpu, fast], bandwidth: 1 GB/s}}
scheduler: {ordering: fp, placement: earliest-finish}
tasks:
  - {name: urgent, wcet: {fast: 4 ms}, period: 100 ms, offset: 3 ms}
  - name: net
    period: 100 ms
    graph: {nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {fast: 2 ms, other: 50 ms}}}, edges: [[x, y, 5 MB]]}
"""


def test_a_copy_goes_on_while_its_reader_is_preempted_and_is_made_once() -> None:
    trace = run(PREEMPTED, until="100 ms")
    assert on(trace, "bus") == [(1, 6, "completed")]
    assert on(trace, "fast") == [(1, 3, "overhead"), (3, 7, "completed"), (7, 9, "completed")]
    assert trace.processors[1].overhead == 2 * MS


def test_a_reader_whose_processor_fails_finds_its_input_there_later() -> None:
    text = PREEMPTED.replace("  - {name: urgent, wcet: {fast: 4 ms}, period: 100 ms, offset: 3 ms}\n", "")
    trace = run(text + "faults: [{processor: fast, at: 2 ms, lasts: 2 ms}]\n", until="100 ms", scheduler="fp+first-fit")
    assert on(trace, "bus") == [(1, 6, "completed")]
    assert on(trace, "fast") == [(1, 2, "overhead"), (4, 6, "overhead"), (6, 8, "completed")]


def test_work_done_elsewhere_is_lost_with_the_processor_that_waits_for_a_copy() -> None:
    class Mover(Scheduler):
        """Runs the tail on the CPU for 1 ms, then in the cloud, until that fails."""

        def setup(self, soc: Any) -> None:
            soc.wake_at(10 * MS, None)

        def dispatch(self) -> None:
            cpu, cloud = self.soc.processors[:2]
            if self.soc.now == 10 * MS and cpu.segment is not None:
                self.soc.preempt(cpu)
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, cloud if self.soc.now == 10 * MS else cpu)

    text = (EDGE % "").replace("PLACEMENT", "global") + "faults: [{processor: cloud, at: 15 ms}]\n"
    trace = run(text, scheduler=Mover(), until="100 ms")
    assert on(trace, "cpu") == [(0, 9, "completed"), (9, 10, "preempted"), (15, 40, "completed")]
    assert on(trace, "cloud") == [(10, 15, "overhead"), (15, 15, "killed")]


def test_a_reader_that_moves_to_another_cluster_needs_it_there() -> None:
    class Mover(Scheduler):
        """Starts the tail in the cloud, and at 12 ms on the DSP instead."""

        def setup(self, soc: Any) -> None:
            soc.wake_at(12 * MS, None)

        def dispatch(self) -> None:
            soc = self.soc
            cloud, dsp = soc.processors[1:3]
            if soc.now == 12 * MS and cloud.segment is not None:
                soc.preempt(cloud, "kill")
            for segment in soc.ready:
                wanted = soc.processors[0] if segment.node.index == 0 else dsp if soc.now >= 12 * MS else cloud
                if wanted.segment is None:
                    soc.start(segment.job, segment, wanted)

    text = EDGE.replace("cloud: {kind: cloud}}", "cloud: {kind: cloud}, dsp: {kind: dsp}}").replace(
        "%s}}", "}, bus: {between: [cpu, dsp], bandwidth: 50 MB/s}}"
    )
    trace = run(
        text.replace("cpu: 25 ms", "dsp: 7 ms").replace("PLACEMENT", "global"), scheduler=Mover(), until="100 ms"
    )
    assert on(trace, "wifi") == [(9, 22, "completed")]  # nobody waits for it any more, but it is under way
    assert on(trace, "bus") == [(12, 16, "completed")]
    assert on(trace, "cloud") == [(9, 12, "overhead")]
    assert on(trace, "dsp") == [(12, 16, "overhead"), (16, 23, "completed")]


def test_an_aborted_job_leaves_its_copy_on_the_link_and_frees_the_processor() -> None:
    text = EDGE.replace("period: 100 ms\n    deadline: 60 ms", "period: 15 ms\n    on_miss: abort").replace(
        "9 ms", "5 ms"
    )
    trace = run(text.replace("PLACEMENT", "earliest-finish") % "", until="30 ms")
    assert on(trace, "cloud") == [(5, 15, "overhead"), (20, 30, "overhead")]
    # the second one has to wait for what is left of the first one's
    slow = run(
        text.replace("PLACEMENT", "earliest-finish") % "" + "faults: [{processor: wifi, at: 5 ms, speed: 0.5}]",
        until="30 ms",
    )
    assert on(trace, "wifi") == [(5, 18, "completed"), (20, 33, "completed")]
    assert on(slow, "wifi") == [(5, 28, "completed"), (28, slow.end / MS, "end")]
    assert trace.jobs["outcome"].tolist() == slow.jobs["outcome"].tolist() == [3, 3]


def test_what_nobody_carries_yet_is_not_sent_for_any_more() -> None:
    text = BUS + (OTHER % ", gpu: 40 ms").replace("period: 100 ms", "period: 100 ms, deadline: 5 ms, on_miss: abort")
    trace = run(text, until="100 ms")
    assert [row[0] for row in slices(trace) if row[1] == "bus"] == ["a"]
    assert on(trace, "npu1") == [(1, 5, "overhead")]


def test_a_run_of_nodes_stops_for_what_comes_from_elsewhere() -> None:
    text = """
platform:
  name: chip
  processors: {cpu: {}, npu: {kind: npu}}
  links: {bus: {between: [cpu, npu], bandwidth: 1 GB/s}}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {a: {wcet: {cpu: 1 ms}}, b: {wcet: {npu: 2 ms, cpu: 9 ms}}, c: {wcet: {npu: 3 ms, cpu: 9 ms}}}
      edges: [[a, c, 4 MB], [b, c, 1 MB]]
"""

    class Runs(Scheduler):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                if segment.node.index == 0 and self.soc.processors[0].segment is None:
                    self.soc.start(segment.job, segment, self.soc.processors[0])
                elif segment.node.index == 1 and segment.job.segments[0].state == 4:
                    self.soc.start(segment.job, [1, 2], self.soc.processors[1])

    trace = run(text, scheduler=Runs(), until="100 ms")
    assert on(trace, "npu") == [(1, 3, "completed"), (3, 7, "overhead"), (7, 10, "completed")]
    assert on(trace, "bus") == [(3, 7, "completed")]


def test_what_a_variant_leaves_out_hands_on_what_it_would_have_read() -> None:
    text = """
platform:
  name: chip
  processors: {cpu: {}, npu: {kind: npu}, gpu: {kind: gpu}}
  links: {bus: {between: [cpu, npu], bandwidth: 1 GB/s}}
scheduler: {ordering: edf, placement: global, adaptation: {name: fixed, variant: 1}}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {a: {wcet: {cpu: 1 ms}}, b: {wcet: {npu: 2 ms, gpu: 9 ms}}, c: {wcet: {npu: 3 ms, gpu: 9 ms}}}
      edges: [[a, b, 4 MB], [b, c, 2 MB]]
    variants: {choices: [{name: full, accuracy: 0.9, scale: 1.0}, {name: small, accuracy: 0.8, skip: [b]}]}
"""
    trace = run(text, until="100 ms")
    assert on(trace, "bus") == [(1, 3, "completed")]
    assert on(trace, "npu") == [(1, 3, "overhead"), (3, 6, "completed")]
    # a variant that is half of everything copies half as much
    half = run(text.replace("skip: [b]", "scale: 0.5"), until="100 ms")
    assert on(half, "bus") == [(0.5, 2.5, "completed")]


def test_a_way_not_taken_sends_nothing() -> None:
    text = """
platform:
  name: chip
  processors: {cpu: {}, npu: {kind: npu}, gpu: {kind: gpu}}
  links: {bus: {between: [cpu, npu], bandwidth: 1 GB/s}, wire: {between: [npu, gpu], bandwidth: 1 GB/s}}
scheduler: {ordering: edf, placement: global}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {a: {wcet: {cpu: 1 ms}}, b: {wcet: {npu: 2 ms, gpu: 9 ms}}, c: {wcet: {cpu: 2 ms}}, d: {wcet: {npu: 3 ms, cpu: 9 ms}}}
      edges: [[a, b, 4 MB], [a, c], [b, d, 2 MB], [c, d, 1 MB]]
      branches: {a: {to: {b: 0.000001, c: 0.999999}}}
"""
    assert on(run(text, until="100 ms"), "bus") == [(3, 4, "completed")]


def test_a_processor_that_waits_for_a_copy_is_idle_to_energy_and_to_others() -> None:
    power = EDGE.replace("cloud: {kind: cloud}", "cloud: {kind: cloud, power: {active: 10 W, idle: 1 W}}") % ""
    trace = run(power.replace("PLACEMENT", "earliest-finish") + "power: {}\n", until="100 ms")
    assert trace.energy is not None
    assert trace.energy.units[1].active == 6 * 10_000_000  # of the node alone
    assert trace.energy.units[1].idle == 94 * 1_000_000
    shared = EDGE.replace("cloud: {kind: cloud}", "cloud: {kind: cloud, contexts: 2}") % ""
    other = "  - {name: other, wcet: {cloud: 10 ms}, period: 100 ms, offset: 10 ms}\n"
    trace = run(shared.replace("PLACEMENT", "earliest-finish") + other, until="100 ms")
    assert [row for row in slices(trace) if row[0] == "other"] == [("other", "cloud.1", 10, 20, "completed")]


def test_policies_can_ask_how_long_they_would_wait() -> None:
    asked: list[Any] = []

    class Asking(Scheduler):
        def dispatch(self) -> None:
            soc = self.soc
            for segment in soc.ready:
                if segment.node.index == 1:
                    asked.append((soc.now / MS, [soc.expected_wait(segment, place) for place in soc.processors[:2]]))
                elif soc.processors[0].segment is None:
                    soc.start(segment.job, segment, soc.processors[0])

    run(
        (EDGE % "").replace("PLACEMENT", "global") + "faults: [{processor: wifi, at: 20 ms, lasts: 5 ms}]\n",
        scheduler=Asking(),
        until="100 ms",
    )
    assert asked == [(9, [0, 13 * MS]), (20, [0, LONGEST]), (25, [0, 13 * MS])]


def test_an_idle_link_that_fails_hits_nobody() -> None:
    trace = edge("", "faults: [{processor: wifi, at: 2 ms, lasts: 3 ms}]")
    assert changes(trace, "down") == [(2, "down", 2, -1)]
    assert on(trace, "wifi") == [(9, 22, "completed")]


def test_the_end_of_a_run_cuts_a_copy_off() -> None:
    trace = edge(", trace: [{at: 0 s, bandwidth: 20 MB/s}, {at: 10 ms, bandwidth: 20 kB/s}]", until="20 ms")
    assert on(trace, "wifi") == [(9, trace.end / MS, "end")]
    assert on(trace, "cloud") == [(9, trace.end / MS, "overhead")]


def test_tables_and_check_know_the_copies() -> None:
    from rtsched.export.tables import columns

    trace = edge()
    assert columns(trace, "slices")["node"] == ["head", "tail", "head>tail", "tail"]
    assert columns(trace, "decisions")["node"] == ["head", "tail", "head>tail"]
    early = trace.slices.copy()
    early["end"][2] += 3 * MS
    from dataclasses import replace

    broken = replace(trace, slices=early)
    assert any("before 'wifi' has brought its input" in sentence for sentence in broken.check())
