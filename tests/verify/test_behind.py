"""On whose times a verdict rests: nobody outside changes what those inside do, and nobody inside is left out."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from rtsched import simulate
from rtsched.verify.basis import behind
from rtsched.verify.verification import Verification, verify

CPU = {"kind": "cpu"}
CHIP = {"name": "chip", "processors": {"cpu": CPU | {"cores": 1}, "npu": {"kind": "npu"}}}
DUAL = {"name": "dual", "processors": {"cpu": CPU | {"cores": 2}, "npu": {"kind": "npu"}}}
CORES = {"name": "two", "processors": {"a": CPU | {"cores": 1}, "b": CPU | {"cores": 1}}}


def task(name: str, period: int, *stages: tuple[str, int], **more: Any) -> dict[str, Any]:
    """A task of one stage (cluster, ms) after the other."""
    if len(stages) == 1:
        work: dict[str, Any] = {"wcet": {stages[0][0]: f"{stages[0][1]} ms"}}
    else:
        names = [f"n{place}" for place in range(len(stages))]
        nodes = {n: {"wcet": {kind: f"{time} ms"}} for n, (kind, time) in zip(names, stages, strict=True)}
        work = {"graph": {"nodes": nodes, "edges": [list(pair) for pair in pairwise(names)]}}
    return {"name": name, "period": f"{period} ms"} | work | more


def longer(one: dict[str, Any], times: int) -> dict[str, Any]:
    """A task that takes `times` as long."""
    made = deepcopy(one)
    for node in [made, *made.get("graph", {}).get("nodes", {}).values()]:
        if "wcet" in node:
            node["wcet"] = {kind: f"{int(text.split()[0]) * times} ms" for kind, text in node["wcet"].items()}
    return made


def ends(system: dict[str, Any], names: set[str]) -> dict[str, list[tuple[int, int]]]:
    """When the jobs of some tasks came and ended."""
    trace = simulate(system, until="400 ms")
    tasks = [each["name"] for each in system["tasks"]]
    rows = {name: trace.jobs_of(tasks.index(name)) for name in names}
    return {
        name: list(zip(each["release"].tolist(), each["finish"].tolist(), strict=True)) for name, each in rows.items()
    }


LOCKED = {"sections": [{"resource": "bus", "start": "0 ms", "length": "1 ms"}]}
FREE = [task("hi", 10, ("cpu", 2)), task("mid", 20, ("cpu", 4)), task("lo", 40, ("cpu", 6))]
STAGES = [
    task("ctl", 10, ("cpu", 1)),
    task("cam", 20, ("cpu", 1), ("npu", 4), ("cpu", 1)),
    task("det", 40, ("npu", 5)),
    task("log", 80, ("cpu", 5)),
]
CASES: dict[str, tuple[dict[str, Any], str]] = {
    # what delays each task, itself among them
    "preemptive": ({"platform": CHIP, "scheduler": "fp", "tasks": FREE}, "hi; hi mid; hi mid lo"),
    "edf": ({"platform": CHIP, "scheduler": "edf", "tasks": FREE}, "hi mid lo; hi mid lo; hi mid lo"),
    "nonpreemptive": (
        {"platform": CHIP, "scheduler": {"ordering": "fp", "preemption": "nonpreemptive"}, "tasks": FREE},
        "hi mid lo; hi mid lo; hi mid lo",
    ),
    "one that holds": (
        {"platform": CHIP, "scheduler": "fp", "tasks": [*FREE[:1], FREE[1] | {"preemptive": False}, FREE[2]]},
        "hi mid; hi mid; hi mid lo",
    ),
    "global": (
        {
            "platform": DUAL,
            "scheduler": {"ordering": "fp", "placement": "global"},
            "tasks": [*FREE, task("low", 40, ("cpu", 9))],
        },
        "hi; hi mid; hi mid lo; hi mid lo low",
    ),
    "graphs": (
        {"platform": CHIP, "scheduler": "dm", "tasks": STAGES},
        "ctl; ctl cam det; ctl cam det; ctl cam det log",
    ),
    "fifo behind a core": (
        {
            "platform": CHIP,
            "scheduler": {"cpu": {"ordering": "fp"}, "npu": {"ordering": "fifo"}},
            "tasks": [*STAGES[:2], task("det", 40, ("npu", 5)), task("log", 80, ("cpu", 5))],
        },
        "ctl; ctl cam det; ctl cam det; ctl cam det log",
    ),
    "a core of each order": (
        {
            "platform": CORES,
            "scheduler": {"a": {"ordering": "fp"}, "b": {"ordering": "edf"}},
            "tasks": [
                task("x", 10, ("a", 2)),
                task("y", 20, ("a", 2), ("b", 2)),
                task("z", 20, ("b", 3)),
                task("w", 40, ("a", 9)),
            ],
        },
        "x; x y z; x y z; x y z w",
    ),
    "triggered": (
        {
            "platform": CHIP,
            "scheduler": "fp",
            "tasks": [
                task("hi", 10, ("cpu", 1)),
                {"name": "then", "after": "src", "wcet": {"cpu": "1 ms"}, "deadline": "20 ms"},
                task("src", 20, ("cpu", 2)),
                task("lo", 40, ("cpu", 5)),
            ],
        },
        "hi; hi then src; hi then src; hi then src lo",
    ),
}


def rests_on(found: Verification) -> str:
    """By task the names of those behind it."""
    names = [each.name for each in found.system.tasks]
    return "; ".join(" ".join(names[place] for place in sorted(behind(found, i))) for i in range(len(names)))


@pytest.mark.parametrize("case", CASES)
def test_nobody_outside_can_be_felt(case: str) -> None:
    """Those who are left out take four times as long, and a run of the others is the same; without them, the bound."""
    system, expected = CASES[case]
    found = verify(system, runs=0)
    assert rests_on(found) == expected
    rows = system["tasks"]
    for index, each in enumerate(rows):
        inside = behind(found, index)
        if len(inside) == len(rows):
            continue
        names = {rows[place]["name"] for place in inside}
        changed = system | {"tasks": [row if row["name"] in names else longer(row, 4) for row in rows]}
        assert ends(changed, names) == ends(system, names)
        alone = verify(system | {"tasks": [row for row in rows if row["name"] in names]}, runs=0)
        bounds = {bound.task: bound.wcrt for bound in alone.bounds}
        assert bounds[each["name"]] == found.bounds[index].wcrt
        assert alone.verdict == found.task_verdict(index) == "schedulable"


@pytest.mark.parametrize("case", ["preemptive", "one that holds", "nonpreemptive"])
def test_each_one_inside_can_be_felt(case: str) -> None:
    """Nobody is named for nothing: what delays a task moves its bound, or ends it."""
    system, expected = CASES[case]
    found, rows = verify(system, runs=0), system["tasks"]
    for index, inside in enumerate(expected.split("; ")):
        for other in set(inside.split()) - {rows[index]["name"]}:
            changed = system | {"tasks": [longer(row, 2) if row["name"] == other else row for row in rows]}
            assert verify(changed, runs=0).bounds[index].wcrt != found.bounds[index].wcrt, (rows[index]["name"], other)


def test_a_lock_that_blocks_brings_in_the_whole_part() -> None:
    rows = [FREE[0], FREE[1] | LOCKED, FREE[2] | LOCKED]
    system = {"platform": CHIP, "scheduler": "fp", "resources": {"bus": {"protocol": "ceiling"}}, "tasks": rows}
    assert rests_on(verify(system, runs=0)) == "hi; hi mid lo; hi mid lo"


def test_a_plan_of_its_own_brings_in_the_whole_part() -> None:
    rows = [FREE[0] | {"budget": "2 ms"}, *FREE[1:]]
    found = verify({"platform": CHIP, "scheduler": "deferrable-server", "tasks": rows}, runs=0)
    assert rests_on(found) == "hi mid lo; hi mid lo; hi mid lo"
