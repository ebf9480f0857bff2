"""Clockwork on worked examples: latest starts, batches, refusals, loads; that what starts is in time."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, simulate
from rtsched.trace.trace import OUTCOMES, Trace
from tests.chips import changes, run, slices

#: One takes 10 ms, two 15, three or four 25.
NET = 'wcet: {npu: 10 ms}, batch: {name: net, times: {"2": 1.5, "4": 2.5}}'


def board(*tasks: str, npu: str = "kind: npu") -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{npu: {{{npu}}}}}\ntasks:\n{rows}\n"


def once(name: str, deadline: int, release: int = 0, what: str = NET) -> str:
    return f"name: {name}, {what}, release: {release} ms, deadline: {deadline} ms"


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


def clockwork(text: str, until: str = "1 ms", **parameters: Any) -> Trace:
    return run(text, scheduler={"name": "clockwork", **parameters}, until=until)


def outcomes(trace: Trace) -> list[str]:
    return [OUTCOMES[each] for each in trace.jobs["outcome"]]


def test_the_strategy_that_must_start_first_is_the_largest_batch_that_all_can_join() -> None:
    trace = clockwork(board(*(once(name, 100) for name in "abcd")))
    assert spans(trace) == [(name, 0, 25) for name in "abcd"]


def test_a_batch_is_as_large_as_those_in_time_for_it_and_who_came_before_is_refused() -> None:
    # latest starts: of a alone 12 - 10, in two -3, in four -13. Four first: by 25 neither a nor b is done, c waits for
    # it alone. Two: by 15 a is not, b and c are. So two are taken instead of the four, and looked at when the strategy
    # of one (2) comes up: b and c start, and a, which came before them, leaves with them.
    trace = clockwork(board(once("a", 12), once("b", 20), once("c", 100)))
    assert spans(trace) == [("b", 0, 15), ("c", 0, 15)]
    assert outcomes(trace) == ["dropped", "ok", "ok"]
    alone = clockwork(board(once("a", 12), once("c", 14)))  # for two c is too early, too; who is first goes alone
    assert spans(alone) == [("a", 0, 10)]
    assert outcomes(alone) == ["ok", "dropped"]


def test_models_are_taken_by_their_latest_start() -> None:
    # at 4 the NPU is free: big must start by 30 - 12 = 18, net by 25 - 10 = 15, before it in spite of its later request
    text = board(
        once("first", 100, what="wcet: {npu: 4 ms}"),
        once("big", 29, 1, "wcet: {npu: 12 ms}"),
        once("net", 23, 2, "wcet: {npu: 10 ms}"),
    )
    assert spans(clockwork(text, "3 ms")) == [("first", 0, 4), ("net", 4, 14), ("big", 14, 26)]
    # done 6 before its deadline net must start by 9, and big by 12: there is no time for both
    early = clockwork(text, "3 ms", buffer="6 ms")
    assert spans(early) == [("first", 0, 4), ("net", 4, 14)]
    assert outcomes(early) == ["ok", "dropped", "ok"]


def test_what_must_follow_a_node_comes_off_its_deadline() -> None:
    graph = "graph: {nodes: {see: {wcet: {npu: 4 ms}}, act: {wcet: {npu: 5 ms}}}, edges: [[see, act]]}"
    text = board(f"name: a, {graph}, release: 0 ms, deadline: 20 ms", once("b", 12, what="wcet: {npu: 4 ms}"))
    assert spans(clockwork(text)) == [("b", 0, 4), ("a", 4, 8), ("a", 8, 13)]  # b must start by 8, see by 20 - 5 - 4
    late = clockwork(text.replace("deadline: 20 ms", "deadline: 12 ms"))  # see by 3, then act by 7: b would end at 13
    assert spans(late) == [("a", 0, 4), ("a", 4, 9)]
    assert outcomes(late) == ["ok", "dropped"]


def test_weights_come_while_others_compute_and_the_least_recently_used_go() -> None:
    # 8 ms each; room for two. detect's come first, segment's while it runs; classify's throw detect's out. At 33
    # segment runs while detect's come back, for which classify's go: they are in nobody's use
    trace = simulate(load("model_switching"), scheduler="clockwork", until="34 ms")
    assert trace.check() == []
    assert spans(trace) == [
        ("detect", 8, 14), ("segment", 16, 22), ("classify", 24, 30),
        ("segment", 33, 39), ("detect", 41, 47), ("classify", 49, 55),
    ]  # fmt: skip
    assert [row[0] for row in changes(trace, "load")] == [0, 8, 16, 33, 41]
    first = simulate(load("model_switching"), scheduler="fifo", until="34 ms")
    assert max(spans(first))[2] > 55


def test_weights_that_never_fit_are_streamed() -> None:
    text = board(
        once("a", 100, what="wcet: {npu: 4 ms}, weights: 8 MB"),
        npu="kind: npu, weights: {capacity: 4 MB, bandwidth: 1 GB/s}",
    )
    assert outcomes(clockwork(text)) == ["ok"]


@pytest.mark.parametrize("seed", range(8))
def test_what_starts_is_in_time_and_nobody_waits_for_ever(seed: int) -> None:
    draw = random.Random(seed)
    rows = []
    for number in range(8):
        wcet, period = draw.randint(3, 12), draw.choice((20, 30, 45))
        batch = draw.choice(("", f', batch: {{name: net{wcet}, times: {{"2": 1.4, "4": 2.2}}}}'))
        rows.append(
            f"name: t{number}, wcet: {{npu: {wcet} ms}}{batch}, period: {period} ms, deadline: {draw.randint(12, period)} ms"
        )
    trace = clockwork(board(*rows, npu="kind: npu") + "simulate: {drain: all}\n", "400 ms")
    assert set(outcomes(trace)) == {"ok", "dropped"}
    again = clockwork(board(*rows, npu="kind: npu") + "simulate: {drain: all}\n", "400 ms")
    assert again.slices.tobytes() == trace.slices.tobytes()


def test_a_request_that_no_device_looked_at_is_refused_at_its_deadline() -> None:
    down = "faults: [{at: 1 ms, processor: npu, lasts: 1 s}]\n"
    trace = clockwork(board(once("a", 20, 2)) + down, "3 ms")
    assert outcomes(trace) == ["dropped"]


def test_what_it_refuses() -> None:
    with pytest.raises(SchedulerError, match="task 'a' may go several ways"):
        clockwork(board(once("a", 20) + ", variants: [{name: x, accuracy: 0.9}, {name: y, accuracy: 0.8, scale: 0.5}]"))
    with pytest.raises(SchedulerError, match="clockwork: it shares accelerators"):
        simulate(load("dhall"), scheduler="clockwork")
    with pytest.raises(InputError, match="buffer must be positive"):
        clockwork(board(once("a", 20)), buffer="0 ms")


def test_its_headline_on_the_catalogue() -> None:
    trace = simulate(load("model_switching"), scheduler="clockwork")
    assert set(outcomes(trace)) == {"ok"}  # where loading on demand loses most
    assert "late" in outcomes(simulate(load("model_switching")))


def test_weights_come_to_the_context_that_needs_them() -> None:
    """`a` may use the second context of the device alone: its weights were asked for in the first, and refused."""
    trace = clockwork(
        board(
            once("a", 20, what="wcet: {npu.1: 4 ms}, weights: 2 MB"),
            once("b", 40, what="wcet: {npu: 4 ms}, weights: 2 MB"),
            npu="kind: npu, contexts: 2, weights: {capacity: 4 MB, bandwidth: 1 GB/s}",
        )
    )
    assert outcomes(trace) == ["ok", "ok"]
