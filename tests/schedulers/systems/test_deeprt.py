"""DeepRT-style windows on worked examples, with admission; what it promises, and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched import InputError, SchedulerError, summary
from rtsched.trace.trace import Trace
from tests.chips import run, slices

NET = 'wcet: {npu: 3 ms}, batch: {name: net, times: {"2": 1.5}}'


def board(*tasks: str) -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{npu: {{kind: npu}}, cpu: {{}}}}\ntasks:\n{rows}\n"


def deeprt(text: str, until: str = "5 ms", **parameters: Any) -> Trace:
    return run(text, scheduler={"name": "deeprt-style", **parameters}, until=until)


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


#: The window of the net is 10 ms, half of a's deadline, that of other 8.
A = f"name: a, {NET}, period: 20 ms"
B = f"name: b, {NET}, period: 40 ms, offset: 4 ms"
OTHER = "name: other, wcet: {npu: 4 ms}, period: 40 ms, deadline: 16 ms"


def test_the_requests_of_a_window_are_one_batch_when_it_ends() -> None:
    assert spans(deeprt(board(A, B))) == [("a", 10, 14.5), ("b", 10, 14.5)]
    # what comes as the window ends belongs to the next
    assert spans(deeprt(board(A, B.replace("4 ms", "10 ms")), "15 ms")) == [("a", 10, 13), ("b", 20, 23)]


def test_batches_go_by_deadline_to_their_end() -> None:
    # other's is there at 8, due at 16, and runs [8, 12); the net's, there at 10, follows
    assert spans(deeprt(board(A, B, OTHER))) == [("other", 8, 12), ("a", 12, 16.5), ("b", 12, 16.5)]
    # both there at 8: that of other is due at 16; that of the net at 16, too, if its window is 8; first by model
    same = board(A.replace("period: 20 ms", "period: 20 ms, deadline: 16 ms"), OTHER)
    assert spans(deeprt(same)) == [("a", 8, 11), ("other", 11, 15)]


def test_more_than_the_largest_batch_are_several() -> None:
    c = f"name: c, {NET}, period: 20 ms, offset: 1 ms"
    assert spans(deeprt(board(A, B, c))) == [("a", 10, 14.5), ("c", 10, 14.5), ("b", 14.5, 17.5)]


def test_a_task_with_which_the_imitation_misses_is_refused() -> None:
    # each window of 10: a request of a, 3 ms, and one of heavy, 9 ms
    heavy = "name: heavy, wcet: {npu: 9 ms}, period: 20 ms"
    refused = summary(deeprt(board(A, heavy), "100 ms"))
    assert [task.dropped for task in refused.tasks] == [0, 5]
    assert refused.tasks[0].misses == 0
    assert [task.dropped for task in summary(deeprt(board(A, heavy), "100 ms", admit=False)).tasks] == [0, 0]


def test_who_is_admitted_in_the_order_of_the_file_is_in_time() -> None:
    tasks = [f"name: t{n}, wcet: {{npu: {n + 3} ms}}, period: {20 + 7 * n} ms, offset: {n} ms" for n in range(5)]
    trace = deeprt(board(*tasks), "500 ms")
    admitted = [task for task in summary(trace).tasks if not task.dropped]
    assert len(admitted) == 3
    assert not any(task.misses for task in admitted)


def test_cpus_go_on_beside_it() -> None:
    assert spans(deeprt(board(A, "name: log, wcet: {cpu: 2 ms}, period: 40 ms"))) == [("log", 0, 2), ("a", 10, 13)]


def test_what_it_refuses() -> None:
    graph = "name: g, graph: {nodes: {x: {wcet: {npu: 1 ms}}, y: {wcet: {npu: 1 ms}}}, edges: [[x, y]]}, period: 9 ms"
    with pytest.raises(SchedulerError, match="task 'g' is a graph, or may go several ways"):
        deeprt(board(graph))
    with pytest.raises(InputError, match="windows 0 is no whole number from 1"):
        deeprt(board(A), windows=0)
