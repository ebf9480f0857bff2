"""REEF on worked examples: resets, requests one at a time, padding; that padding costs the urgent nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import SchedulerError, load, simulate
from rtsched.trace.trace import Trace
from tests.chips import changes, run, slices

#: Four multiprocessors of 1024 threads, each a TPC of its own; a reset takes 0.5 ms.
GPU = "gpu: {kind: gpu, reset: 0.5 ms, block_level: {sms: 4, threads: 1024, sms_per_tpc: 1, streams: 3}}"
FULL = "{blocks: 4, threads: 1024, time: 1 ms}"


def board(*tasks: str, gpu: str = GPU) -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors:\n    {gpu}\n    cpu: {{}}\ntasks:\n{rows}\n"


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


def reef(text: str, until: str = "20 ms", **parameters: Any) -> list[tuple[str, float, float]]:
    return spans(run(text, scheduler={"name": "reef", **parameters}, until=until))


BATCH = f"name: batch, kernels: [{FULL}, {FULL}, {FULL}, {FULL}], period: 100 ms"
#: It fills half of the GPU for 2 ms.
URGENT = (
    "name: urgent, kernels: [{blocks: 2, threads: 1024, time: 2 ms}], offset: 1.5 ms, period: 100 ms, criticality: hard"
)


def test_what_runs_is_reset_and_runs_again() -> None:
    # the second kernel of batch dies at 1.5; from 2 on urgent runs; the other three follow
    found = reef(board(BATCH, URGENT), padding=False)
    assert found == [("batch", 0, 1.5), ("batch", 1.5, 2), ("urgent", 2, 4), ("batch", 4, 7)]


def test_a_kernel_pads_what_is_left_if_it_ends_in_time() -> None:
    # on the two SMs that urgent leaves the second kernel's four blocks need two waves, 2 ms; then there are two left
    found = reef(board(BATCH, URGENT))
    assert found == [("batch", 0, 1.5), ("batch", 1.5, 2), ("urgent", 2, 4), ("batch", 2, 4), ("batch", 4, 6)]
    trace = run(board(BATCH, URGENT), scheduler="reef", until="20 ms")
    waves = [
        (row["start"] / 1e6, row["blocks"]) for row in trace.waves if row["job"] == 0 and 2e6 <= row["start"] < 4e6
    ]
    assert waves == [(2, 2), (3, 2)]
    assert [row[:2] for row in changes(trace, "share")][:2] == [(2, "share"), (2, "share")]
    slow = board(BATCH.replace("time: 1 ms", "time: 1.1 ms"), URGENT)  # 2.2 ms are too many
    assert reef(slow)[2] == ("urgent", 2, 4)
    wide = board(BATCH, URGENT.replace("blocks: 2", "blocks: 4"))  # nothing is left
    assert reef(wide)[2] == ("urgent", 2, 4)


def test_layers_leave_multiprocessors_free() -> None:
    # of 5 blocks on 4 SMs, in two layers, each has 3, on as many SMs; the fourth is for one-block kernels
    five = "name: five, kernels: [{blocks: 5, threads: 1024, time: 1 ms}], period: 100 ms, criticality: hard"
    one = "name: one, kernels: [{blocks: 1, threads: 1024, time: 2 ms}], period: 100 ms"
    assert reef(board(five, one)) == [("five", 0, 2), ("one", 0, 2)]
    assert reef(board(five, one), padding=False) == [("five", 0, 2), ("one", 2, 4)]


def test_a_kernel_that_would_lower_the_occupancy_does_not_pad() -> None:
    # two blocks of 512 threads are together on an SM; with 64 KiB of shared memory in each there would be one
    gpu = GPU.replace("threads: 1024, sms_per_tpc", "threads: 1024, shared_memory: 96 KiB, sms_per_tpc")
    net = "name: net, kernels: [{blocks: 6, threads: 512, time: 1 ms}], period: 100 ms, criticality: hard"
    pad = "name: pad, kernels: [{blocks: 1, threads: 512, SHARED time: 1 ms}], period: 100 ms"
    assert reef(board(net, pad.replace("SHARED", ""), gpu=gpu)) == [("net", 0, 1), ("pad", 0, 1)]
    assert reef(board(net, pad.replace("SHARED", "shared_memory: 64 KiB,"), gpu=gpu)) == [("net", 0, 1), ("pad", 1, 2)]


def test_requests_run_one_at_a_time_and_best_effort_side_by_side() -> None:
    small = "kernels: [{blocks: 1, threads: 1024, time: 2 ms}], period: 100 ms"
    text = board(*(f"name: {name}, {small}" for name in "abcd"))
    assert reef(text, realtime=["c", "d"], padding=False) == [("c", 0, 2), ("d", 2, 4), ("a", 4, 6), ("b", 4, 6)]


def test_what_may_not_be_interrupted_is_waited_beside() -> None:
    # urgent's kernel is next after the second one, at 2; the third has two SMs beside it, the fourth follows
    found = reef(board(BATCH + ", preemptive: false", URGENT), padding=False)
    assert found == [("batch", 0, 5), ("urgent", 1.5, 4)]


@pytest.mark.parametrize("seed", range(6))
def test_padding_costs_the_real_time_requests_nothing_and_nobody_waits_for_ever(seed: int) -> None:
    draw = random.Random(seed)
    rows = []
    for number in range(4):
        kernels = [
            f"{{blocks: {draw.randint(1, 6)}, threads: {draw.choice((512, 1024))}, time: {draw.randint(1, 5)} ms}}"
            for _ in range(draw.randint(1, 3))
        ]
        nodes = ", ".join(f"k{place}: {{kernels: [{kernel}]}}" for place, kernel in enumerate(kernels))
        edges = ", ".join(f"[k{place}, k{place + 1}]" for place in range(len(kernels) - 1))
        hard = ", criticality: hard" if number == 0 else ""
        period = draw.choice((30, 40, 60))
        rows.append(f"name: t{number}, graph: {{nodes: {{{nodes}}}, edges: [{edges}]}}, period: {period} ms{hard}")
    text = board(*rows).replace("tasks:", "simulate: {drain: all}\ntasks:")
    plain, padded = (run(text, scheduler={"name": "reef", "padding": pad}, until="240 ms") for pad in (False, True))
    assert (padded.jobs["finish"] >= 0).all()
    own = [trace.jobs["finish"][trace.jobs["task"] == 0].tolist() for trace in (plain, padded)]
    waits = 500_000  # a request may find what pads in the middle of its reset, or nothing
    assert all(late <= soon + waits for soon, late in zip(*own, strict=True))
    assert run(text, scheduler="reef", until="240 ms").slices.tobytes() == padded.slices.tobytes()


def test_it_runs_on_the_catalogue_and_needs_streams() -> None:
    trace = simulate(load("gpu_priorities"), scheduler="reef")
    assert trace.check() == []
    assert trace.jobs["finish"].tolist()[1] == 2_200_000_000  # 0.2 and 2 s of its own: nothing was in its way
    with pytest.raises(SchedulerError, match="reef: no GPU has a 'block_level' with 2 streams or more"):
        simulate(load("adas_agx_orin"), scheduler="reef")
    with pytest.raises(SchedulerError, match="reef: 'lidar' is no task"):
        reef(board(BATCH), realtime=["lidar"])
