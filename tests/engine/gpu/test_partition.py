"""Multiprocessors in parts: which whole TPCs are picked, and what a kernel may use."""

from __future__ import annotations

import pytest

from rtsched.engine.event_loop import EventLoop
from rtsched.engine.gpu.blocks import Operation
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.gpu.partition import Partition, clusters, pick
from rtsched.model.accelerator import BlockLevel


@pytest.mark.parametrize(
    ("most", "picked"), [(0, ()), (1, (4,)), (2, (0, 1)), (3, (0, 1, 4)), (4, (0, 1, 2, 3)), (5, (0, 1, 2, 3, 4))]
)
def test_whole_tpcs_are_picked_as_long_as_they_fit(most: int, picked: tuple[int, ...]) -> None:
    spec = BlockLevel(sms=5, sms_per_tpc=2)
    assert clusters(spec) == [(0, 1), (2, 3), (4,)]
    assert pick(clusters(spec), most) == picked


def test_what_runs_goes_on_and_a_kernel_that_has_begun_keeps_its_set() -> None:
    spec = BlockLevel(sms=4, sms_per_tpc=1, threads=1024)
    gpu = Gpu(spec, EventLoop(), lambda: None)
    first, second = gpu.stream("first", mask=8), gpu.stream("second")
    begun, fresh = Operation("begun", 1, 8, 1024), Operation("fresh", 1, 8, 1024)
    begun.stream, fresh.stream = first, second
    whole = first.context.multiprocessors
    assert whole.take(begun, 2) == [(0, 1), (1, 1)]
    begun.left -= 2
    partition = Partition(spec, whole)
    partition.given = {first: (0,)}
    assert partition.allowed(second) == (1, 2, 3)
    assert partition.take(begun, 8) == [(2, 1)]  # it may still use 0 to 2
    assert partition.take(fresh, 8) == [(3, 1)]  # 1 and 2 are not free yet
    partition.given = {second: (1, 3)}
    assert partition.allowed(first) == (0, 2)  # its mask keeps it off 3 in any case
