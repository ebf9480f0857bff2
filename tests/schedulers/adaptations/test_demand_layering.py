"""Demand Layering: its pipelines by hand and by their closed form, its memory, and what it meets."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.demand_layering import DemandLayering
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.trace.trace import Trace
from tests.chips import MS, changes, run, slices

#: Reads (ms at 1 GB/s: MB) and kernels (ms) of a chain's layers.
Chain = list[tuple[int, int]]


def chain(layers: Chain, name: str = "net", period: int = 100, more: str = "") -> str:
    """A task whose nodes have so many MB of weights and compute for so many ms."""
    nodes = ", ".join(
        f"n{place}: {{wcet: {{npu: {kernel} ms}}" + (f", weights: {read} MB}}" if read else "}")
        for place, (read, kernel) in enumerate(layers)
    )
    edges = ", ".join(f"[n{a}, n{b}]" for a, b in pairwise(range(len(layers))))
    return f"  - {{name: {name}, period: {period} ms, {more}graph: {{nodes: {{{nodes}}}, edges: [{edges}]}}}}\n"


def system(tasks: str, capacity: int, pipeline: str = "asynchronous", more: str = "", policy: str = "") -> str:
    return f"""
platform: {{name: chip, processors: {{npu: {{kind: npu, weights: {{capacity: {capacity} MB, bandwidth: 1 GB/s}}{more}}}}}}}
simulate: {{until: 100 ms, drain: all}}
scheduler: {{ordering: edf, adaptation: {{name: demand-layering, pipeline: {pipeline}{policy}}}}}
tasks:
{tasks}"""


def finish(trace: Trace, job: int = 0) -> float:
    return float(trace.jobs["finish"][job] / MS)


def held(trace: Trace) -> list[int]:
    """The MB in the memory after each change."""
    levels = [0]
    for _, what, _, size in changes(trace, "load", "evict"):
        levels.append(levels[-1] + (size if what == "load" else -size) // 1_000_000)
    return levels


# Reads of 2, 1 and 5 ms, kernels of 6, 1 and 3 ms.
THREE: Chain = [(2, 6), (1, 1), (5, 3)]


@pytest.mark.parametrize(
    ("pipeline", "capacity", "done"),
    [
        ("sequential", 8, 18),  # 2 + 6, 1 + 1, 5 + 3
        ("synchronous", 8, 16),  # 2, then 6 beside 1, then 5 beside 1, then 3
        ("asynchronous", 8, 12),  # read at 2, 3 and 8; computed at 8, 9 and 12
        ("asynchronous", 6, 16),  # the third (5 MB) finds room when the first (2 MB) is done: from 8 to 13
        ("asynchronous", 5, 17),  # and here when the second is: from 9 to 14
    ],
)
def test_the_pipelines_by_hand(pipeline: str, capacity: int, done: int) -> None:
    trace = run(system(chain(THREE), capacity, pipeline))
    assert finish(trace) == done
    assert max(held(trace)) <= capacity
    assert held(trace)[-1] == 0


def test_a_layer_goes_when_it_is_done_and_comes_while_the_one_before_computes() -> None:
    trace = run(system(chain(THREE), 8, "synchronous"))
    assert changes(trace) == [
        (0, "load", 0, 2_000_000), (0, "load", 0, 1_000_000), (2, "loaded", 0, 2_000_000),
        (3, "loaded", 0, 1_000_000), (8, "evict", 0, 2_000_000), (8, "load", 0, 5_000_000),
        (9, "evict", 0, 1_000_000), (13, "loaded", 0, 5_000_000), (16, "evict", 0, 5_000_000),
    ]  # fmt: skip
    assert [each[2:] for each in slices(trace)] == [
        (0, 2, "overhead"), (2, 8, "completed"), (8, 9, "completed"), (9, 13, "overhead"), (13, 16, "completed")
    ]  # fmt: skip


def closed_form(layers: Chain, pipeline: str, capacity: int) -> int:
    """When the pipeline of two stages, read and kernel, is done (ms)."""
    if pipeline == "sequential":
        return sum(map(sum, layers))
    if pipeline == "synchronous":
        steps = pairwise([*layers, (0, 0)])
        return layers[0][0] + sum(max(kernel, after[0]) for (_, kernel), after in steps)
    read = 0
    done = [0]
    for place, (size, kernel) in enumerate(layers):
        first = next(each for each in range(place + 1) if sum(s for s, _ in layers[each : place + 1]) <= capacity)
        read = max(read, done[first]) + size if size else read
        done.append(max(done[-1], read if size else 0) + kernel)
    return done[-1]


LAYERS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=3, max_size=8).filter(
    lambda layers: sum(read > 0 for read, _ in layers) > 1
)


@given(LAYERS, st.sampled_from(["sequential", "synchronous", "asynchronous"]), st.integers(0, 12))
@settings(max_examples=60)
def test_the_response_is_that_of_the_pipeline_and_the_memory_no_more_than_the_buffer(
    layers: Chain, pipeline: str, more: int
) -> None:
    reads = [read for read, _ in layers]
    least = max(map(sum, pairwise(reads))) if pipeline == "synchronous" else max(reads)
    trace = run(system(chain(layers, period=200), least + more, pipeline))
    assert finish(trace) == closed_form(layers, pipeline, least + more)
    assert max(held(trace)) <= least + more
    assert held(trace)[-1] == 0


@given(LAYERS, st.integers(0, 6))
@settings(max_examples=20)
def test_more_memory_never_makes_a_chain_later(layers: Chain, more: int) -> None:
    least = max(read for read, _ in layers)
    small, large = (
        finish(run(system(chain(layers, period=200), 50, policy=f", buffer: {buffer} MB")))
        for buffer in (least + more, least + more + 2)
    )
    assert large <= small


def test_the_buffer_is_less_than_the_memory() -> None:
    trace = run(system(chain(THREE), 50, policy=", buffer: 6 MB"))
    assert finish(trace) == 16
    assert max(held(trace)) == 6


# ---- what it meets -----------------------------------------------------------------------------------------------------


def test_the_next_job_reads_all_of_it_again_behind_the_one_that_runs() -> None:
    # two tasks, b due later: a's layers are read at 2 and 4, b's at 6 and 8; a computes from 2 to 8
    two = chain([(2, 3), (2, 3)], "a", 50) + chain([(2, 3), (2, 3)], "b", 60)
    trace = run(system(two, 8).replace("until: 100 ms", "until: 10 ms"))
    assert [each[0] + f"@{each[2]:g}-{each[3]:g}" for each in slices(trace) if each[4] == "completed"] == [
        "a@2-5", "a@5-8", "b@8-11", "b@11-14"
    ]  # fmt: skip
    again = run(system(chain([(2, 3), (2, 3)], "a", 50), 8))
    assert [finish(again), finish(again, 1)] == [8, 58]  # nothing was kept for the second job


def test_what_is_one_network_stays_in_the_memory() -> None:
    text = system(chain(THREE, period=50) + "  - {name: whole, wcet: {npu: 1 ms}, weights: 3 MB, period: 50 ms}\n", 50)
    trace = run(text, until="100 ms")
    assert [size for _, what, _, size in changes(trace, "load") if size == 3_000_000] == [3_000_000]


@pytest.mark.parametrize("preemption", ["preemptive", "limited", "nonpreemptive"])
def test_a_more_urgent_job_brings_its_own_layer_and_both_go_on(preemption: str) -> None:
    urgent = chain([(2, 1), (2, 1)], "urgent", 50, "offset: 4 ms, deadline: 12 ms, ")
    text = system(chain(THREE) + urgent, 8, more=", service: preemptive")
    text = text.replace("ordering: edf", f"ordering: edf, preemption: {preemption}")
    trace = run(text, until="50 ms")
    assert (trace.jobs["finish"] > 0).all()
    assert max(held(trace)) <= 8
    assert held(trace)[-1] == 0


def test_a_job_that_is_given_up_leaves_nothing_behind() -> None:
    trace = run(system(chain(THREE, more="on_miss: abort, deadline: 7 ms, "), 8))
    # the second layer goes at once, the third when it has come (8), the first when the node has drained
    assert [(when, size) for when, _, _, size in changes(trace, "evict")] == [
        (7, 1_000_000), (8, 5_000_000), (8, 2_000_000)
    ]  # fmt: skip
    assert held(trace)[-1] == 0


def test_an_answer_at_an_exit_throws_out_what_was_read_ahead() -> None:
    class Hasty(DemandLayering):
        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            self.soc.finish(segment.job)

    exits = "exits: [{node: n0, accuracy: 0.7}, {node: n2, accuracy: 0.9}], "
    trace = run(system(chain(THREE, more=exits), 8), scheduler=ComposedScheduler(adaptation=Hasty()))
    assert finish(trace) == 8
    assert len(changes(trace, "evict")) == 3
    assert held(trace)[-1] == 0


def test_what_a_variant_skips_is_not_read() -> None:
    class Least(DemandLayering):
        def on_release(self, job: Any) -> None:
            super().on_release(job)
            self.soc.reconfigure(job, 1)

    variants = "variants: [{accuracy: 0.9}, {skip: [n1], accuracy: 0.8}], "
    trace = run(system(chain(THREE, more=variants), 8), scheduler=ComposedScheduler(adaptation=Least()))
    assert finish(trace) == 11  # read at 2 and 7, computed at 8 and 11
    assert [size for _, _, _, size in changes(trace, "load")] == [2_000_000, 5_000_000]


def test_a_processor_that_fails_keeps_what_it_has_and_goes_on() -> None:
    text = system(chain(THREE), 8) + "faults: [{processor: npu, at: 3 ms, lasts: 10 ms}]\n"
    trace = run(text)
    assert finish(trace) == 13 + 6 + 1 + 3  # begun anew; all is there by then
    assert held(trace)[-1] == 0


def test_cpu_and_gpu_that_share_a_memory_share_the_buffer() -> None:
    text = """
platform:
  name: board
  processors: {cpu: {}, gpu: {kind: gpu, service: node}}
  memory: {load_bandwidth: 1 GB/s, capacity: 1 GB}
simulate: {until: 100 ms, drain: all}
scheduler: {ordering: edf, adaptation: {name: demand-layering, buffer: 8 MB}}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes:
        a: {wcet: {gpu: 6 ms}, weights: 2 MB}
        b: {wcet: {cpu: 1 ms}, weights: 1 MB}
        c: {wcet: {gpu: 3 ms}, weights: 5 MB}
      edges: [[a, b], [b, c]]
"""
    assert finish(run(text)) == 12
    assert finish(run(text.replace("8 MB", "6 MB"))) == 16


def test_two_memories_are_read_and_copied_one_after_the_other() -> None:
    # reads at 1, 1.5 and 4 ms (2 GB/s), copies behind them at 3, 4 and 9; kernels at 9, 10 and 13
    text = system(chain(THREE), 8).replace("  processors", "processors").replace(
        "platform: {name: chip", "platform: {name: chip, memory: {capacity: 20 MB, load_bandwidth: 2 GB/s}"
    )  # fmt: skip
    trace = run(text)
    assert finish(trace) == 13
    assert max(held(trace)) <= 8


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_on_a_gpu_served_block_by_block_kernels_wait_for_their_layer(mode: str) -> None:
    text = system(chain(THREE).replace("npu", "gpu"), 8, more=f", block_level: {{sms: 2, threads: 1024, mode: {mode}}}")
    trace = run(text.replace("npu: {kind: npu", "gpu: {kind: gpu"))
    assert finish(trace) == 12


def test_contexts_of_a_unit_share_the_buffer() -> None:
    two = chain([(2, 3), (2, 3)], "a", 50) + chain([(2, 3), (2, 3)], "b", 60)
    trace = run(system(two, 4, more=", contexts: 2"))
    assert (trace.jobs["finish"] > 0).all()
    assert max(held(trace)) <= 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (system(chain(THREE), 4), "weights of node 'n2' of task 'net' are 5 MB, and the buffer holds 4 MB"),
        (system(chain(THREE), 8, policy=", buffer: 3 MB"), "and the buffer holds 3 MB"),
        (system("  - {name: a, wcet: {npu: 1 ms}, weights: 1 MB, period: 9 ms}\n", 8), "no task has layers"),
        (system(chain(THREE), 8).replace("weights: {capacity: 8 MB, bandwidth: 1 GB/s}", ""), "no task has layers"),
    ],
)
def test_what_it_cannot_stream_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(SchedulerError, match=reason):
        run(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (system(chain(THREE), 8, "parallel"), "pipeline: must be sequential, synchronous, asynchronous"),
        (system(chain(THREE), 8, policy=", buffer: 0"), "buffer: must be positive"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        run(text)


def test_a_memory_without_end_needs_a_buffer() -> None:
    text = system(chain(THREE), 8).replace("weights: {capacity: 8 MB, bandwidth: 1 GB/s}", "")
    text = text.replace("platform: {name: chip", "platform: {name: chip, memory: {load_bandwidth: 1 GB/s}")
    with pytest.raises(SchedulerError, match="the memory has no end"):
        run(text)
    assert finish(run(text.replace("pipeline: asynchronous", "buffer: 8 MB"))) == 12
