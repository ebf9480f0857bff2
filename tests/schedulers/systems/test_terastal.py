"""Terastal-style: layers have deadlines, and the variant that keeps them."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.schedulers.systems.terastal import Terastal
from rtsched.trace.trace import Trace
from tests.schedulers.systems.test_dream import TWO, one, slices
from tests.schedulers.systems.test_dream import run as plain

CHOICES = [{"name": "full", "scale": 1, "accuracy": 0.9}, {"name": "lite", "scale": 0.5, "accuracy": 0.8}]


def run(tasks: list[dict[str, Any]], policy: Any = "terastal-style") -> Trace:
    return plain({"platform": TWO, "tasks": tasks, "simulate": {"drain": "all"}}, policy)


def net(name: str, deadline: float, switch: str = "node", **more: Any) -> dict[str, Any]:
    """Layers x (2 ms on a, 6 on b: 4 in the mean) and y (4 ms on both), in full, or in half the time."""
    nodes = {"x": {"wcet": {"a": "2 ms", "b": "6 ms"}}, "y": {"wcet": {"a": "4 ms", "b": "4 ms"}}}
    graph = {"nodes": nodes, "edges": [["x", "y"]]}
    variants = {"switch": switch, "choices": CHOICES}
    return {"name": name, "graph": graph, "release": "0 ms", "deadline": f"{deadline} ms", "variants": variants, **more}


def test_a_slow_accelerator_is_taken_if_the_budget_lets_it() -> None:
    """Budgets of 8 ms each: x of the second on b takes 6 of them, in full. Then y by their virtual deadlines, all at 16."""
    found = run([net("n", 16), net("m", 16)])
    assert sorted(slices(found)) == [(0, 0, 0, 2), (0, 0, 2, 6), (1, 0, 6, 10), (1, 1, 0, 6)]


def test_a_smaller_variant_keeps_a_tight_budget() -> None:
    """Budgets of 5 ms: x of the second on b takes 6 in full and 3 as lite. Its y has until 10 ms: in full."""
    found = run([net("n", 10), net("m", 10)])
    assert sorted(slices(found)) == [(0, 0, 0, 2), (0, 0, 2, 6), (1, 1, 0, 3), (1, 1, 3, 7)]
    assert rtsched.evaluate(found, ["miss_ratio"])["miss_ratio"] == 0


def test_what_cannot_be_kept_ends_first() -> None:
    """Budgets of 2 ms: on b x takes at least 3, as lite. Its y, until 4 ms, would end at 7 or 5."""
    found = run([net("n", 4, on_miss="continue"), net("m", 4, on_miss="continue")])
    assert sorted(slices(found)) == [(0, 0, 0, 2), (0, 0, 2, 4), (1, 1, 0, 3), (1, 1, 3, 5)]


def test_variants_of_whole_networks_are_chosen_with_the_first_layer() -> None:
    """As lite for x alone, and y as lite, too, since nothing else may follow."""
    found = run([net("n", 10, "start"), net("m", 10, "start")])
    assert sorted(slices(found)) == [(0, 0, 0, 2), (0, 0, 2, 6), (1, 1, 0, 3), (1, 1, 3, 5)]


def test_the_loss_of_a_processor_counts() -> None:
    """On b in time, but with a loss of 0.05; on a lite is in time, and loses 0.1; full would be late there."""
    task = {**one("n", {"a": 8, "b": 5}, 6), "variants": {"switch": "node", "choices": CHOICES}, "loss": {"b": 0.05}}
    assert slices(run([task])) == [(0, 1, 0, 5)]
    assert slices(run([{**task, "loss": {"b": 0.2}}])) == [(0, 0, 0, 4)]


def test_in_a_graph_the_longest_path_behind_a_layer_counts() -> None:
    """From x to y (6 ms) and z (2 ms): of 16 ms x has until 4, both others until 16."""
    nodes = {name: {"wcet": {"a": f"{time} ms"}} for name, time in (("x", 2), ("y", 6), ("z", 2))}
    graph = {"nodes": nodes, "edges": [["x", "y"], ["x", "z"]]}
    policy = Terastal()
    run([{"name": "fork", "graph": graph, "release": "0 ms", "deadline": "16 ms"}], policy)
    assert policy.budgets == [[4_000_000, 16_000_000, 16_000_000]]


def test_virtual_deadlines_order_the_layers() -> None:
    """One layer of 2 ms is due at 9 ms; x of net, due at 10 itself, until 5 ms, and goes first; y, due at 10, last."""
    nodes = {"x": {"wcet": {"a": "2 ms"}}, "y": {"wcet": {"a": "2 ms"}}}
    chain = {"nodes": nodes, "edges": [["x", "y"]]}
    tasks = [one("other", {"a": 2}, 9), {"name": "net", "graph": chain, "release": "0 ms", "deadline": "10 ms"}]
    assert slices(run(tasks)) == [(1, 0, 0, 2), (0, 0, 2, 4), (1, 0, 4, 6)]


@pytest.mark.parametrize("system", ["drone_xavier_nx", "npu_failure", "drone_exits", "mixed_rk3588", "model_switching",
                                    "drone_subnets", "offload_wifi"])  # fmt: skip
def test_it_runs_on_the_catalogue(system: str) -> None:
    trace = plain(system, "terastal-style", until="350 ms")
    assert rtsched.evaluate(trace, ["finished"])["finished"]


def test_it_takes_no_adaptation() -> None:
    with pytest.raises(InputError, match="takes no adaptation: it chooses the variants of layers itself"):
        rtsched.scheduler("terastal-style+subflow")
