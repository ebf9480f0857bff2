"""Planaria: an accelerator is divided by need and weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import Trace


def board(cores: int, **more: Any) -> dict[str, Any]:
    return {"name": "board", "processors": {"npu": {"kind": "npu", "contexts": cores, "sharing": "equal", **more}}}


def one(name: str, time: float, deadline: float, release: float = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "wcet": {"npu": f"{time} ms"},
        "release": f"{release} ms",
        "deadline": f"{deadline} ms",
        **more,
    }


def run(system: Any, policy: Any = "planaria", **options: Any) -> Trace:
    drained = system if isinstance(system, str) else {"simulate": {"drain": "all"}, **system}
    trace = rtsched.simulate(drained, scheduler=policy, **options)
    assert trace.check() == []
    return trace


def ends(trace: Trace) -> list[float]:
    """When every job ended, in ms, to a microsecond."""
    return [round(int(job["finish"]) / 1e6, 3) for job in trace.jobs]


def test_needs_first_then_spare_cores_by_score() -> None:
    """Of 4 cores a (4 ms on all) needs 2 for its 10 ms, b (2 ms) 1 for its 8 ms. Left on these are 8 ms each.

    Scores are 3 / 8 and 1 / 8: of the spare core a gets round(0.75) = 1. So a has 3 and ends at 16 / 3 ms; b has done
    2 / 3 by then, needs 1 core still, gets all four, and ends 2 / 3 ms later.
    """
    system = {"platform": board(4), "tasks": [one("a", 4, 10, weight=3), one("b", 2, 8)]}
    assert ends(run(system)) == [5.333, 6.0]


def test_what_rounding_leaves_goes_to_the_highest_weight() -> None:
    """Both need 1 of 4 cores and have a score alike: round(2 * 0.5) = 1 each; of 3 cores round(0.5) = 0, and a gets it."""
    tasks = [one("b", 2, 12), one("a", 2, 12, weight=1.2)]
    assert ends(run({"platform": board(4), "tasks": tasks})) == [4.0, 4.0]
    assert ends(run({"platform": board(3), "tasks": tasks})) == [
        4.0,
        3.0,
    ]  # a at 2/3; then b has 2/3 of its 2 ms, on all


def test_needs_that_do_not_fit_go_by_score() -> None:
    """a needs 3 of 4 cores (6 ms on all, 9 ms), b 2 (4 ms, 9 ms): scores 1 / 27 and 1 / 18. b has 2, the rest is spare.

    Of 2 spare cores a gets round(2 * 0.4) = 1, b 1: 3 and 1. So b ends at 16 / 3 ms; a has done 4 / 3 of its 6 ms.
    """
    system = {"platform": board(4), "tasks": [one("a", 6, 9), one("b", 4, 9)]}
    assert ends(run(system))[1] == 5.333
    assert ends(run({**system, "tasks": [{**each, "on_miss": "continue"} for each in system["tasks"]]})) == [
        10.0,
        5.333,
    ]


def test_the_hopeless_have_what_nobody_else_needs() -> None:
    """Lost (20 ms of work, 10 ms) gets nothing beside a (2 ms, 10 ms), and all four cores when a has ended at 2 ms."""
    tasks = [one("lost", 20, 10, on_miss="continue"), one("a", 2, 10)]
    trace = run({"platform": board(4), "tasks": tasks})
    assert ends(trace) == [22.0, 2.0]
    assert int(trace.jobs[0]["start"]) == 2_000_000


def test_the_hopeless_share_by_weight() -> None:
    """Two of 20 ms in 10 ms: weights 3 and 1 of four cores; after 80 / 3 ms the first is done."""
    tasks = [one("x", 20, 10, weight=3, on_miss="continue"), one("y", 20, 10, on_miss="continue")]
    assert ends(run({"platform": board(4), "tasks": tasks})) == [26.667, 40.0]


def test_who_runs_and_cannot_be_stopped_keeps_one_core() -> None:
    """At 2 ms lost has no need that fits, and urgent needs all four for its 8 ms of work in 9: it gets three of them."""
    tasks = [one("lost", 20, 10, on_miss="continue"), one("urgent", 8, 9, release=2, on_miss="continue")]
    trace = run({"platform": board(4), "tasks": tasks})
    assert ends(trace)[1] == pytest.approx(2 + 8 * 4 / 3, abs=0.001)


def test_measured_speeds_are_what_it_goes_by() -> None:
    """On half of it a is at 0.9 of its speed: 4 / 0.9 = 4.44 ms are enough for 5 ms; so b has the other half.

    When that ends at 4 ms a has 0.4 ms left, and all of it.
    """
    tasks = [one("a", 4, 5, speedup={"1/2": 0.9}), one("b", 2, 4.2)]
    assert ends(run({"platform": board(2), "tasks": tasks})) == [4.4, 4.0]


def test_a_job_that_drains_keeps_its_cores() -> None:
    """Two in equal parts; x is aborted at 4 ms and drains to 12; y must not get what it still has."""
    tasks = [one("x", 6, 4, on_miss="abort"), one("y", 6, 40), one("z", 6, 40, release=5)]
    trace = run({"platform": board(4), "tasks": tasks})
    assert int(trace.jobs[0]["finish"]) == -1
    assert all(end > 0 for end in ends(trace)[1:])


def test_layers_of_a_network_keep_its_cores() -> None:
    nodes = {name: {"wcet": {"npu": "2 ms"}} for name in "xyz"}
    chain = {
        "name": "net",
        "graph": {"nodes": nodes, "edges": [["x", "y"], ["y", "z"]]},
        "release": "0 ms",
        "deadline": "30 ms",
    }
    trace = run({"platform": board(4), "tasks": [chain, one("other", 6, 30)]})
    assert ends(trace) == [12.0, 12.0]  # two cores each


def test_it_meets_what_equal_turns_miss() -> None:
    total = {"planaria": 0, "edf": 0}
    for seed in range(6):
        random = np.random.default_rng(seed)
        tasks = []
        for name in "abcd":
            period = int(random.integers(10, 60))
            within = f"{period * float(random.uniform(0.3, 1)):.3f} ms"
            tasks.append(
                {"name": name, "wcet": {"npu": f"{period / 5} ms"}, "period": f"{period} ms", "deadline": within}
            )
        for policy in total:
            trace = run({"platform": board(8), "tasks": tasks}, policy, until="1 s")
            total[policy] += sum(task.misses for task in rtsched.summary(trace).tasks)
    assert total["planaria"] < total["edf"] / 2


def test_what_it_needs_is_said() -> None:
    with pytest.raises(
        SchedulerError, match=r"no cluster of this platform can be divided.*contexts: 16, sharing: equal"
    ):
        rtsched.simulate("drone_xavier_nx", scheduler="planaria")
    processors = {**board(2)["processors"], "cpu": {"kind": "cpu"}}
    tasks = [one("a", 1, 9), {"name": "b", "wcet": {"cpu": "1 ms"}, "release": "0 ms", "deadline": "9 ms"}]
    with pytest.raises(SchedulerError, match=r"node 'b' of task 'b' may not run on all of 'npu', which is divided"):
        rtsched.simulate(
            {"platform": {"name": "board", "processors": processors}, "tasks": tasks}, scheduler="planaria"
        )


def test_the_workload_is_what_it_says() -> None:
    """The camera is late in one frame of twelve where all take equal turns, and never where the cores are divided."""
    late = {}
    for policy in ("edf", "planaria", "veltair-style"):
        late[policy] = [(task.misses, task.jobs) for task in rtsched.summary(run("divided_npu", policy)).tasks]
    assert late["edf"] == [(10, 120), (0, 61), (0, 30), (0, 20)]
    assert late["planaria"] == late["veltair-style"] == [(0, 120), (0, 61), (0, 30), (0, 20)]
