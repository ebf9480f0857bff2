"""EDF until zero laxity: who would be late if it waited on goes first."""

from __future__ import annotations

from typing import Any

import rtsched
from rtsched.generate import Generate, draw
from rtsched.trace.trace import Trace

THIRDS = {
    "platform": "multicore:2",
    "tasks": [{"name": name, "wcet": "2 ms", "period": "3 ms"} for name in "abc"],
}


def run(system: Any, policy: str, until: str) -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def misses(trace: Trace) -> int:
    return sum(task.misses for task in rtsched.summary(trace).tasks)


def test_two_processors_are_used_up_wholly() -> None:
    """Three tasks of 2/3: c has no laxity left at 1 ms and takes the processor of b, which has some."""
    trace = run(THIRDS, "edzl", "3 ms")
    assert misses(run(THIRDS, "edf", "3 ms")) == 1
    assert [(int(s["job"]), int(s["start"]), int(s["end"])) for s in trace.slices] == [
        (0, 0, 2_000_000), (1, 0, 1_000_000), (2, 1_000_000, 3_000_000), (1, 2_000_000, 3_000_000),
    ]  # fmt: skip
    assert not misses(run(THIRDS, "edzl", "300 ms"))


def test_it_is_never_worse_than_edf_and_sometimes_better() -> None:
    asked = Generate(platform="multicore:3", tasks=5, utilisation=0.9, periods={"longest": "50 ms"})  # type: ignore[arg-type]
    better = 0
    for index in range(60):
        system = draw(asked, seed=2, index=index)
        by_edf, by_edzl = (misses(run(system, policy, "200 ms")) for policy in ("edf", "edzl"))
        assert by_edf or not by_edzl
        better += by_edf > 0 and not by_edzl
    assert better > 10


def test_the_path_behind_a_node_is_not_laxity() -> None:
    """The first of two nodes has 6 ms behind it: with 10 ms to its deadline it cannot wait longer than 2 ms."""
    chain = {"nodes": {"first": {"wcet": "2 ms"}, "second": {"wcet": "6 ms"}}, "edges": [["first", "second"]]}
    system = {
        "platform": "uniprocessor",
        "tasks": [
            {"name": "short", "wcet": "4 ms", "release": "0 ms", "deadline": "9 ms"},
            {"name": "chain", "graph": chain, "release": "0 ms", "deadline": "10 ms"},
        ],
    }
    slices = run(system, "edzl", "1 s").slices
    assert [(int(s["job"]), int(s["start"])) for s in slices][:2] == [(0, 0), (1, 2_000_000)]


def test_without_preemption_laxities_are_looked_at_when_a_processor_comes_free() -> None:
    """At 5 ms, when the long one ends, b has no laxity left; a, whose deadline is earlier, has."""
    long = {"name": "long", "wcet": "5 ms", "release": "0 ms", "deadline": "5 ms"}
    a = {"name": "a", "wcet": "1 ms", "release": "1 ms", "deadline": "9 ms"}
    b = {"name": "b", "wcet": "9 ms", "release": "1 ms", "deadline": "13 ms"}
    trace = run({"platform": "uniprocessor", "tasks": [long, a, b]}, "edzl+nonpreemptive", "1 s")
    assert [int(s["job"]) for s in trace.slices] == [0, 2, 1]
