"""Orion on worked examples: kinds, multiprocessors, the limit on what is outstanding, turns; what it promises."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, simulate
from rtsched.trace.trace import Trace
from tests.chips import run, slices

#: Four multiprocessors, each of which holds one block of 1024 threads.
GPU = "gpu: {kind: gpu, block_level: {sms: 4, threads: 1024, streams: 4}}"


def board(*tasks: str, more: str = "") -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors:\n    {GPU}\n    cpu: {{}}\n{more}tasks:\n{rows}\n"


def kernel(name: str, blocks: int, time: int, more: str = "") -> str:
    return f"name: {name}, kernels: [{{blocks: {blocks}, threads: 1024, time: {time} ms}}], period: 100 ms{more}"


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


def orion(text: str, **parameters: Any) -> list[tuple[str, float, float]]:
    return spans(run(text, scheduler={"name": "orion", **parameters}, until="20 ms"))


HIGH = kernel("high", 2, 4)


def test_what_competes_for_the_same_waits_for_the_high_priority_client() -> None:
    text = board(HIGH, kernel("same", 2, 1), kernel("other", 2, 1))
    kinds = {"high": "compute", "same": "compute", "other": "memory"}
    assert orion(text, kinds=kinds, duration=1) == [("high", 0, 4), ("other", 0, 1), ("same", 4, 5)]
    # of unknown kind: different from all
    assert orion(text, kinds={"high": "compute"}, duration=1) == [("high", 0, 4), ("same", 0, 1), ("other", 0, 2)]


def test_kinds_follow_from_what_nodes_say_of_their_memory() -> None:
    memory = "  memory: {bandwidth: 100 GB/s, contention: {model: proportional}}\n"
    bound = ", memory: {bound: BOUND, demand: 1 GB/s}"
    text = board(*(kernel(name, 2, 4 if name == "high" else 1, bound) for name in ("high", "low")), more=memory)

    def end(high: float, low: float) -> float:
        found = orion(text.replace("BOUND", str(high), 1).replace("BOUND", str(low), 1), duration=1)
        return found[-1][2]

    assert end(0.7, 0.8) == 5  # both wait for memory
    assert end(0.1, 0.2) == 5  # both compute
    assert end(0.1, 0.7) == 1
    assert end(0.5, 0.7) == 1  # neither


def test_the_multiprocessors_of_what_is_outstanding_are_limited() -> None:
    text = board(HIGH, kernel("a", 3, 1), kernel("b", 2, 1))
    assert orion(text, duration=1) == [("high", 0, 4), ("a", 0, 2), ("b", 2, 3)]  # 3 and 2 are more than 4
    # beside high there are two SMs: a's third block, and the first of b, begin at 1, the last of b at 2
    assert orion(text, duration=1, sms=5) == [("high", 0, 4), ("a", 0, 2), ("b", 0, 3)]
    assert orion(text, duration=1, sms=2) == [("high", 0, 4), ("b", 0, 1), ("a", 4, 5)]


def test_beyond_a_part_of_the_high_job_others_wait_until_nothing_is_outstanding() -> None:
    # 2.5 % of 4 ms are exceeded by each: one at a time, in turn, each with its next
    two = ", ".join(f"{name}: {{kernels: [{{blocks: 1, threads: 1024, time: 1 ms}}]}}" for name in "xy")
    graph = f"graph: {{nodes: {{{two}}}, edges: [[x, y]]}}, period: 100 ms"
    text = board(HIGH, *(f"name: {name}, {graph}" for name in "abc"))
    assert orion(text)[1:] == [("a", 0, 1), ("b", 1, 2), ("c", 2, 3), ("a", 3, 4), ("b", 4, 5), ("c", 5, 6)]
    # of three quarters, 3 ms, the fourth is too many: it still starts, then all wait for it
    some = orion(text, duration=0.75, sms=99)
    assert [row[:2] for row in some[1:]] == [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 2), ("c", 2)]


def test_the_high_priority_client_is_first_at_the_next_boundary_of_blocks() -> None:
    # alone on the GPU low has its first four blocks until 1; high's four come before its last
    text = board(kernel("low", 8, 1), kernel("high", 4, 1, ", offset: 0.5 ms, priority: -1"))
    assert orion(text) == [("low", 0, 3), ("high", 0.5, 2)]
    assert orion(text, high="low") == [("low", 0, 2), ("high", 0.5, 3)]


def test_copies_are_submitted_at_once() -> None:
    copy = "name: copy, kernels: [{copy: in, time: 1 ms}], period: 100 ms"
    text = board(HIGH, kernel("same", 2, 1), copy)
    found = orion(text, kinds={"high": "memory", "same": "memory", "copy": "memory"})
    assert found == [("high", 0, 4), ("copy", 0, 1), ("same", 4, 5)]


def drawn(seed: int) -> tuple[str, int, int]:
    """Random kernels: the work of the high-priority client in ms, the longest operation of the others."""
    draw = random.Random(seed)
    works = [[(draw.randint(1, 4), draw.randint(1, 5)) for _ in range(draw.randint(1, 3))] for _ in range(4)]
    rows = []
    for number, work in enumerate(works):
        nodes = ", ".join(
            f"k{n}: {{kernels: [{{blocks: {blocks}, threads: 1024, time: {time} ms}}]}}"
            for n, (blocks, time) in enumerate(work)
        )
        edges = ", ".join(f"[k{n}, k{n + 1}]" for n in range(len(work) - 1))
        graph = f"graph: {{nodes: {{{nodes}}}, edges: [{edges}]}}"
        rows.append(
            f"name: t{number}, {graph}, period: {draw.choice((40, 50, 70))} ms, offset: {draw.randint(0, 9)} ms"
        )
    longest = max(time for work in works[1:] for _, time in work)
    return board(*rows, more="simulate: {drain: all}\n"), sum(time for _, time in works[0]), longest


@pytest.mark.parametrize("seed", range(6))
def test_beside_nothing_but_its_own_kind_the_high_client_waits_for_one_operation_at_most(seed: int) -> None:
    text, work, longest = drawn(seed)
    kinds = {f"t{number}": "compute" for number in range(4)}
    trace = run(text, scheduler={"name": "orion", "kinds": kinds}, until="300 ms")
    mine = trace.jobs[trace.jobs["task"] == 0]
    assert max(mine["finish"] - mine["release"]) <= (work + longest) * 10**6
    assert (trace.jobs["finish"] >= 0).all()  # nobody waits for ever
    again = run(text, scheduler={"name": "orion", "kinds": kinds}, until="300 ms")
    assert again.slices.tobytes() == trace.slices.tobytes()


def test_it_runs_on_the_catalogue_and_says_what_it_needs() -> None:
    for name in ("gpu_priorities", "gpu_head_of_line"):
        trace = simulate(load(name), scheduler="orion")
        assert trace.check() == []
        assert (trace.jobs["finish"] >= 0).all()
    with pytest.raises(SchedulerError, match="orion: no GPU has a 'block_level' with 2 streams or more"):
        simulate(load("adas_agx_orin"), scheduler="orion")
    with pytest.raises(SchedulerError, match="orion: 'hihg' is no task"):
        orion(board(HIGH), high="hihg")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"sms": 0}, "sms 0 is no whole number from 1"),
        ({"duration": 0}, "duration 0 is no part of a job above 0"),
        ({"kinds": {"high": "both"}}, "the kind 'both' of 'high' is not one of compute, memory, unknown"),
    ],
)
def test_parameters_that_are_none_are_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        orion(board(HIGH), **parameters)
