"""Kernels on fewer multiprocessors, by hand: Miriam-style beside critical ones, Aaron-style beside each other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, simulate
from rtsched.trace.trace import Trace
from tests.chips import run, slices

#: Four multiprocessors, each of which holds one block of 1024 threads and is a TPC of its own.
GPU = "gpu: {kind: gpu, block_level: {sms: 4, threads: 1024, sms_per_tpc: 1, streams: 3}}"


def board(*tasks: str, gpu: str = GPU) -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors:\n    {gpu}\nsimulate: {{drain: all}}\ntasks:\n{rows}\n"


def net(name: str, *kernels: tuple[int, float], more: str = "") -> str:
    """A task that launches kernels of (blocks, ms), one after the other."""
    items = ", ".join(f"{{blocks: {blocks}, threads: 1024, time: {time} ms}}" for blocks, time in kernels)
    return f"name: {name}, kernels: [{items}], period: 100 ms{more}"


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


def ran(text: str, name: str, **parameters: Any) -> list[tuple[str, float, float]]:
    return spans(run(text, scheduler={"name": name, **parameters}, until="20 ms"))


BACK = net("back", (4, 1.5), (4, 1.5), (4, 1.5))
CRITICAL = net("critical", (1, 1), (2, 1), more=", offset: 1.5 ms, criticality: hard")


def test_a_critical_node_keeps_what_its_widest_kernel_needs() -> None:
    # critical keeps two SMs from 1.5 on, of which its first kernel uses one; back's second kernel, on the other two,
    # takes two waves, [1.5, 3) and [3, 4.5); its third has all
    assert ran(board(BACK, CRITICAL), "miriam-style") == [("back", 0, 6), ("critical", 1.5, 3.5)]
    # by stream priorities alone back's second kernel has three SMs, and critical's second is not done before 4
    only = board(BACK, CRITICAL, gpu=GPU.replace("streams: 3", "streams: 3, assign: criticality"))
    assert ran(only, "fifo")[1] == ("critical", 1.5, 4)


def test_where_critical_kernels_leave_nothing_best_effort_waits() -> None:
    wide = CRITICAL.replace("blocks: 2", "blocks: 4")
    assert ran(board(BACK, wide), "miriam-style") == [("back", 0, 6.5), ("critical", 1.5, 3.5)]
    assert ran(board(BACK, wide), "miriam-style", critical=["back"]) == [("back", 0, 4.5), ("critical", 1.5, 6.5)]


def test_a_second_critical_node_has_what_the_first_leaves() -> None:
    # one SM for its three blocks, until 6; c has room from 2 on, and is behind b's last block, which begins at 4
    two = board(net("a", (3, 2)), net("b", (3, 2)), net("c", (1, 1)))
    assert ran(two, "miriam-style", critical=["a", "b"]) == [("a", 0, 2), ("b", 0, 6), ("c", 0, 5)]


def test_a_version_is_the_least_number_of_multiprocessors_that_is_not_much_slower() -> None:
    # a and b take as long on two as on four, c on three; a third of c would wait for a second wave
    text = board(
        net("a", (2, 2), more=", deadline: 10 ms"),
        net("b", (2, 2), more=", deadline: 20 ms"),
        net("c", (3, 1), more=", deadline: 30 ms"),
    )
    assert ran(text, "aaron-style") == [("a", 0, 2), ("b", 0, 2), ("c", 2, 3)]
    # twice as slow: a and b on one each, c on two. All start, but a's second wave keeps the queue to itself until 2,
    # and b's until 4
    assert ran(text, "aaron-style", slower=2) == [("a", 0, 4), ("b", 0, 6), ("c", 0, 6)]


def test_whole_tpcs_are_given_and_the_first_in_line_is_not_overtaken() -> None:
    pairs = GPU.replace("sms_per_tpc: 1", "sms_per_tpc: 2")
    text = board(net("a", (1, 3)), net("b", (4, 1)), net("c", (1, 1)), gpu=pairs)
    assert ran(text, "aaron-style") == [("a", 0, 3), ("b", 3, 4), ("c", 4, 5)]  # c would have fitted beside a


@pytest.mark.parametrize("name", ["miriam-style", "aaron-style"])
@pytest.mark.parametrize("seed", range(4))
def test_nobody_waits_for_ever_and_the_same_run_twice_is_the_same(name: str, seed: int) -> None:
    draw = random.Random(seed)
    rows = []
    for number in range(5):
        kernels = [(draw.randint(1, 9), draw.randint(1, 4)) for _ in range(draw.randint(1, 4))]
        row = net(f"t{number}", *kernels, more=f", offset: {draw.randint(0, 9)} ms")
        rows.append(row.replace("period: 100", f"period: {draw.choice((50, 70, 90))}"))
    text = board(*rows)
    first, second = (run(text, scheduler=name, until="300 ms") for _ in range(2))
    assert (first.jobs["finish"] >= 0).all()
    assert first.slices.tobytes() == second.slices.tobytes()


@pytest.mark.parametrize("name", ["miriam-style", "aaron-style"])
def test_they_run_on_the_catalogue_and_need_streams(name: str) -> None:
    for system in ("gpu_priorities", "gpu_head_of_line"):
        trace = simulate(load(system), scheduler=name)
        assert trace.check() == []
        assert (trace.jobs["finish"] >= 0).all()
    with pytest.raises(SchedulerError, match=f"{name}: no GPU has a 'block_level'"):
        simulate(load("adas_agx_orin"), scheduler=name)


def test_what_they_refuse() -> None:
    with pytest.raises(InputError, match=r"slower 0\.5 is not at least 1"):
        ran(board(BACK), "aaron-style", slower=0.5)
    masked = board(BACK, gpu=GPU.replace("streams: 3", "streams: 3, masks: {back: 1}"))
    with pytest.raises(SchedulerError, match="'gpu' divides its multiprocessors already"):
        ran(masked, "aaron-style")
    with pytest.raises(SchedulerError, match="miriam-style: 'lidar' is no task"):
        ran(board(BACK), "miriam-style", critical=["lidar"])


@pytest.mark.parametrize("name", ["miriam-style", "aaron-style", "reef"])
def test_what_drains_keeps_its_multiprocessors(name: str) -> None:
    # a is given up at 1, and its kernel goes on until 4; the next job of a, and b, come meanwhile
    given_up = net("a", (4, 4), more=", deadline: 1 ms, on_miss: abort, criticality: hard").replace("100 ms", "2 ms")
    text = board(given_up, net("b", (2, 1), more=", offset: 1 ms, criticality: hard"), net("c", (1, 1)))
    found = spans(run(text, scheduler=name, until="2 ms"))
    assert ("a", 1, 4) in found
    assert [row for row in found if row[0] == "b"][-1][2] == 5
