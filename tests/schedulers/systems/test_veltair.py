"""Veltair-style: blocks of layers, and the cores that they need."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import Trace
from tests.schedulers.systems.test_planaria import board, ends, one
from tests.schedulers.systems.test_planaria import run as plain


def run(tasks: list[dict[str, Any]], cores: int = 4) -> Trace:
    return plain({"platform": board(cores), "tasks": tasks}, "veltair-style")


def chain(name: str, times: list[float], deadline: float, release: float = 0, **speedups: Any) -> dict[str, Any]:
    nodes: dict[str, Any] = {f"l{n}": {"wcet": {"npu": f"{time} ms"}} for n, time in enumerate(times)}
    for node, speedup in speedups.items():
        nodes[node]["speedup"] = speedup
    graph = {"nodes": nodes, "edges": [[f"l{n}", f"l{n + 1}"] for n in range(len(times) - 1)]}
    return {"name": name, "graph": graph, "release": f"{release} ms", "deadline": f"{deadline} ms"}


def test_each_has_the_cores_that_its_deadline_needs() -> None:
    """On all four 4 ms: in 8 ms two cores do, in 16 ms one. Both have what they need, and end at their deadlines."""
    assert ends(run([one("a", 4, 8), one("b", 4, 16)])) == [8.0, 16.0]


def test_a_conflict_starts_with_what_is_left() -> None:
    """a needs three (3 ms in 4), b, too: of that one is left, which it keeps to its end."""
    assert ends(run([one("a", 3, 4), one("b", 3, 4.1, on_miss="continue")])) == [4.0, 12.0]


SLOW = {"1/2": 0.4, "3/4": 0.75}


def test_layers_below_the_threshold_are_one_block() -> None:
    """Three layers of 2 ms in 12, 4 ms each: two cores of four do, but of l1 three. Alone the threshold is 4.

    So all are one block, with three cores: in proportion 2 / 0.75 ms each.
    """
    assert ends(run([chain("net", [2, 2, 2], 12, l1=SLOW)])) == [8.0]


def test_a_layer_above_the_threshold_is_a_block_of_its_own() -> None:
    """With another job in the system (3 ms in 40: one core, 12 ms) the threshold is 2: two, three, and two cores."""
    found = ends(run([chain("net", [2, 2, 2], 12, l1=SLOW), one("other", 3, 40)]))
    assert found == [10.667, 12.0]  # 4 + 2 / 0.75 + 4


def test_what_it_needs_is_said() -> None:
    with pytest.raises(SchedulerError, match=r"veltair-style: no cluster of this platform can be divided"):
        rtsched.simulate("drone_xavier_nx", scheduler="veltair-style")
