"""DART's pipelines over CPU and accelerator, by hand and against all cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import OK, Trace

PIPELINE = {"ordering": "rm", "placement": "dart-style", "preemption": "nonpreemptive"}
CHIP = {"name": "chip", "processors": {"cpu": {}, "gpu": {"kind": "gpu", "service": "node"}}}


def network(name: str, period: int, *layers: tuple[int | None, int | None], **more: Any) -> dict[str, Any]:
    """A chain of layers with (cpu, gpu) times in ms; None: it cannot run there."""
    nodes = {}
    for number, times in enumerate(layers):
        able = zip(("cpu", "gpu"), times, strict=True)
        nodes[f"l{number}"] = {"wcet": {place: f"{time} ms" for place, time in able if time is not None}}
    edges = [[f"l{number}", f"l{number + 1}"] for number in range(len(layers) - 1)]
    return {"name": name, "period": f"{period} ms", "graph": {"nodes": nodes, "edges": edges}, **more}


def run(*tasks: dict[str, Any], platform: Any = CHIP, until: str = "60 ms") -> Trace:
    trace = rtsched.simulate({"platform": platform, "tasks": list(tasks)}, scheduler=PIPELINE, until=until)
    assert trace.check() == []
    return trace


def homes(trace: Trace, task: int) -> str:
    """The cluster of each node of the jobs of a task, by its first letter."""
    found = {
        int(row["node"]): trace.system.processors[row["processor"]].name[0]
        for row in trace.slices
        if trace.jobs["task"][row["job"]] == task
    }
    return "".join(found[node] for node in sorted(found))


def test_a_chain_is_cut_where_the_larger_stage_is_least() -> None:
    """All on the GPU: 9 ms. GPU first: 6 and 4 with l2 on the CPU, 2 and 10 with l1, too. CPU first: 6 and 7, 12 and 3."""
    trace = run(network("net", 10, (6, 2), (6, 4), (4, 3)))
    assert homes(trace, 0) == "ggc"
    # it is a pipeline: with jobs that overlap every 7 ms, which 9 ms on the GPU alone could not serve
    fast = run(network("net", 7, (6, 2), (6, 4), (4, 3), deadline="14 ms", overlap=True), until="70 ms")
    assert (fast.jobs["outcome"] == OK).all()


def test_networks_share_what_there_is() -> None:
    """Both on the GPU: 12 of 10. a leaves it one layer: 3 + 6 there, 4 on the CPU. Then b does: 3 + 3 and 4 + 4."""
    trace = run(network("a", 10, (8, 3), (4, 3)), network("b", 10, (8, 3), (4, 3)))
    assert [homes(trace, 0), homes(trace, 1)] == ["gc", "gc"]


def test_layers_that_can_run_on_one_only_stay_there() -> None:
    """The first and last, 1 ms each, on the CPU. Between: 8 and 2; with l2 there, too, 4 and 7; with l1 instead 4 and 11."""
    trace = run(network("net", 20, (1, None), (9, 4), (5, 4), (1, None)))
    assert homes(trace, 0) == "cgcc"


def test_several_cores_share_a_stage() -> None:
    """On one core 6 and 4 as above, 2 and 10 with l1 there, too. On four that is 2 and (6 + 4) / 4 = 2.5 a core."""
    four = {"name": "chip", "processors": {"cpu": {"cores": 4}, "gpu": {"kind": "gpu", "service": "node"}}}
    assert homes(run(network("net", 20, (6, 2), (6, 4), (4, 3)), platform=four), 0) == "gcc"


def loads(layers: list[tuple[int, int]], places: str) -> int:
    """The larger stage."""
    return max(sum(t[p == "g"] for t, p in zip(layers, places, strict=True) if p == place) for place in "cg")


def test_no_cut_of_one_network_has_a_smaller_stage() -> None:
    random = np.random.default_rng(5)
    split = 0
    for _ in range(40):
        layers = [(int(random.integers(1, 12)), int(random.integers(1, 6))) for _ in range(int(random.integers(1, 7)))]
        found = homes(run(network("net", 100, *layers), until="100 ms"), 0)
        count = len(layers)
        cuts = [a * cut + b * (count - cut) for a, b in ("cg", "gc") for cut in range(count + 1)]
        assert found in cuts
        assert loads(layers, found) == min(loads(layers, cut) for cut in cuts)
        split += len(set(found)) == 2
    assert split > 20


def test_it_wants_chains_and_both_sides() -> None:
    fork = network("fork", 20, (1, 1), (1, 1), (1, 1))
    fork["graph"]["edges"] = [["l0", "l1"], ["l0", "l2"]]
    with pytest.raises(SchedulerError, match="task 'fork' is no chain at its node 'l2'; write its nodes in a row"):
        run(fork)
    with pytest.raises(SchedulerError, match="no node can run on a gpu"):
        run(network("net", 10, (1, None)))
