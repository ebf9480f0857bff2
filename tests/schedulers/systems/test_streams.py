"""Stream priorities for several networks on one GPU: gates and admission on worked examples."""

from __future__ import annotations

import pytest

from rtsched import SchedulerError, summary
from tests.chips import run, slices

GPU = """
platform:
  processors: {gpu: {kind: gpu, block_level: {sms: 2, threads: 1024, streams: 2, priorities: 2}}}
scheduler: stream-priority-style
simulate: {until: 40 ms}
tasks:
  - name: high
    period: 10 ms
    deadline: DEADLINE ms
    offset: 1 ms
    kernels: [{blocks: 2, threads: 1024, time: 2 ms}]
  - name: low
    period: 40 ms
    graph:
      nodes:
        k1: {kernels: [{blocks: BLOCKS, threads: 1024, time: 4 ms}]}
        k2: {kernels: [{blocks: BLOCKS, threads: 1024, time: 4 ms}]}
      edges: [[k1, k2]]
"""


def gpu(deadline: int, blocks: int) -> str:
    return GPU.replace("DEADLINE", str(deadline)).replace("BLOCKS", str(blocks))


def test_a_low_kernel_starts_beside_high_ones_if_they_can_bear_its_blocks() -> None:
    # high: 2 ms, and 4 ms of blocking: 6 <= 7. k1 runs [0, 4), high waits until 4; k2 is issued at 4, too: it is no
    # longer than what high can bear, and follows high's blocks
    trace = run(gpu(7, 2))
    assert slices(trace)[:3] == [
        ("low", "gpu.1", 0, 4, "completed"),
        ("high", "gpu.0", 1, 6, "completed"),
        ("low", "gpu.1", 4, 10, "completed"),
    ]
    assert summary(trace).misses == 0


def test_a_low_kernel_that_is_too_long_waits_for_an_idle_gpu() -> None:
    # deadline 5: 2 + 4 > 5, so high can bear no blocking. k1 starts on the idle GPU at 0; k2 is held until high is done.
    trace = run(gpu(5, 2))
    low = [row for row in slices(trace) if row[0] == "low"]
    assert [row[2:4] for row in low] == [(0, 4), (6, 10)]


def test_a_low_kernel_that_fits_beside_runs_at_once() -> None:
    # one block each: an SM is left for it, but two blocks of high fill both SMs; k2 meets nobody
    trace = run(gpu(5, 1).replace("blocks: 2, threads: 1024, time: 2 ms", "blocks: 1, threads: 1024, time: 2 ms"))
    assert slices(trace)[:3] == [
        ("low", "gpu.1", 0, 4, "completed"),
        ("high", "gpu.0", 1, 3, "completed"),
        ("low", "gpu.1", 4, 8, "completed"),
    ]


def test_a_task_that_cannot_meet_its_deadline_is_refused() -> None:
    text = gpu(7, 2).replace("period: 40 ms", "period: 40 ms\n    deadline: 9 ms")  # 8 ms of its own and 2 of high
    refused = summary(run(text))
    assert refused.tasks[1].dropped == refused.tasks[1].jobs == 1
    assert refused.tasks[0].misses == 0
    taken = summary(
        run(text.replace("scheduler: stream-priority-style", "scheduler: {name: stream-priority-style, admit: false}"))
    )
    assert taken.tasks[1].dropped == 0


def test_it_needs_streams() -> None:
    with pytest.raises(SchedulerError, match="block_level"):
        run(
            "platform: multicore:2\nscheduler: stream-priority-style\nsimulate: {until: 1 s}\ntasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n".replace(
                "platform: multicore:2", "platform: {processors: {cpu: {}}}"
            )
        )
