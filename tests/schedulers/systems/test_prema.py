"""PREMA: who has waited long enough, and who is short; and how the one that runs gives way."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError, SchedulerError
from tests.schedulers.orderings.test_dysta import NPU, run

#: A millisecond to put the state aside, and another to bring it back.
KEEPS = {
    "name": "board",
    "processors": {"npu": {"kind": "npu", "checkpoint": {"state": "4 MB", "bandwidth": "4 GB/s"}}},
}


def one(name: str, time: int, release: str, weight: int) -> dict[str, Any]:
    return {"name": name, "wcet": f"{time} ms", "release": release, "weight": weight, "deadline": "1 s"}


def urgent(release: str) -> dict[str, Any]:
    """20 ms without weight, and 2 ms with much, which come in between."""
    tasks = [one("long", 20, "0 ms", 1), one("short", 2, release, 9)]
    return {"platform": KEEPS, "tasks": [{**task, "wcet": {"npu": task["wcet"]}} for task in tasks]}


@pytest.mark.parametrize(
    ("how", "slices"),
    [
        # 9 tokens are enough, 1 is not. 15 * 20 > 2 * 2: long is put aside from 5 to 6, and brought back from 8 to 9
        ("dynamic", [(0, 0, 5), (0, 5, 6), (1, 6, 8), (0, 8, 9), (0, 9, 24)]),
        ("checkpoint", [(0, 0, 5), (0, 5, 6), (1, 6, 8), (0, 8, 9), (0, 9, 24)]),
        ("kill", [(0, 0, 5), (1, 5, 7), (0, 7, 27)]),
        ("drain", [(0, 0, 20), (1, 20, 22)]),
    ],
)
def test_how_to_preempt(how: str, slices: list[tuple[int, int, int]]) -> None:
    assert run(urgent("5 ms"), {"name": "prema", "how": how}) == slices


def test_what_has_little_left_is_let_go_on() -> None:
    """At 19.9 ms long has 0.1 ms left: 0.1 * 20 <= 2 * 2."""
    assert run(urgent("19.9 ms"), "prema") == [(0, 0, 20), (1, 20, 22)]
    assert run(urgent("19.7 ms"), "prema") != [(0, 0, 20), (1, 20, 22)]  # 0.3 * 20 > 2 * 2


def test_tokens_let_the_long_one_run_at_last() -> None:
    """All have a weight of 1 and are decided about when they are first seen at the end of another.

    At 10 ms b and c have 1: c is shorter. At 12 ms b has 1 + 11 / 8 = 2.4, still below 3: d. At 14 ms b has 2.4 +
    13 / 8 = 4: enough is 3, which e has not.
    """
    times = (("a", 10, 0), ("b", 8, 1), ("c", 2, 9), ("d", 2, 11), ("e", 2, 13))
    tasks = [{**one(name, time, f"{at} ms", 1), "wcet": {"npu": f"{time} ms"}} for name, time, at in times]
    system = {"platform": NPU, "tasks": tasks}
    assert run(system, "prema") == [(0, 0, 10), (2, 10, 12), (3, 12, 14), (1, 14, 22), (4, 22, 24)]


def test_an_epoch_gives_tokens_while_somebody_runs() -> None:
    """At 4 ms short is seen, and has 1; at 8 ms 1 + 7 / 2 = 4.5, so that 3 is enough, and it is shorter."""
    system = {"platform": "uniprocessor", "tasks": [one("long", 20, "0 ms", 3), one("short", 2, "1 ms", 1)]}
    assert run(system, "prema") == [(0, 0, 20), (1, 20, 22)]
    assert run(system, {"name": "prema", "epoch": "4 ms"}) == [(0, 0, 8), (1, 8, 10), (0, 10, 22)]


def test_who_loses_a_processor_takes_another_that_is_free() -> None:
    """Short may use one processor only, which long, that may use both, then leaves for the other at that instant."""
    processors = {"a": {"kind": "cpu"}, "b": {"kind": "cpu"}}
    tasks = [
        {**one("long", 10, "0 ms", 1), "wcet": {"a": "10 ms", "b": "10 ms"}},
        {**one("short", 2, "4 ms", 9), "wcet": {"a": "2 ms"}},
    ]
    system = {"platform": {"name": "two", "processors": processors}, "tasks": tasks}
    assert run(system, "prema") == [(0, 0, 4), (1, 4, 6), (0, 4, 10)]


def test_where_nothing_can_be_put_aside_layers_are_the_boundaries() -> None:
    """Long is a chain of 8 and 12 ms on an accelerator without checkpoints."""
    nodes = {"x": {"wcet": {"npu": "8 ms"}}, "y": {"wcet": {"npu": "12 ms"}}}
    long, short = ({**task} for task in urgent("5 ms")["tasks"])
    del long["wcet"]
    system = {"platform": NPU, "tasks": [{**long, "graph": {"nodes": nodes, "edges": [["x", "y"]]}}, short]}
    assert run(system, "prema") == [(0, 0, 8), (1, 8, 10), (0, 10, 22)]


@pytest.mark.parametrize("how", ["dynamic", "kill", "drain"])
@pytest.mark.parametrize("system", ["drone_xavier_nx", "npu_failure", "drone_exits", "mixed_rk3588"])
def test_it_runs_on_the_catalogue(system: str, how: str) -> None:
    trace = rtsched.simulate(system, scheduler={"name": "prema", "how": how}, until="350 ms")
    assert trace.check() == []
    assert rtsched.evaluate(trace, ["finished"])["finished"]


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(SchedulerError, match="no processor of this platform can put aside what runs"):
        rtsched.simulate({"platform": NPU, "tasks": [{**one("a", 1, "0 ms", 1), "wcet": {"npu": "1 ms"}}]},
                         scheduler={"name": "prema", "how": "checkpoint"})  # fmt: skip
    with pytest.raises(InputError, match="how 'abort' is not one of dynamic, checkpoint, kill, drain"):
        rtsched.scheduler({"name": "prema", "how": "abort"})
