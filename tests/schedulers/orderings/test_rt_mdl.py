"""RT-mDL's joint choice of variants and fixed priorities, by hand and at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS

JOINT = {"ordering": "rt-mdl-style", "preemption": "nonpreemptive"}


def task(name: str, period: int, cpu: float, gpu: float, smaller: float | None = None, **more: Any) -> dict[str, Any]:
    """One stage on the CPU, one on the GPU (ms), and perhaps a variant whose GPU stage is `smaller` times as long."""
    graph = {
        "nodes": {"pre": {"wcet": {"cpu": f"{cpu} ms"}}, "net": {"wcet": {"gpu": f"{gpu} ms"}}},
        "edges": [["pre", "net"]],
    }
    small = {"accuracy": 0.7, "nodes": {"net": smaller}}
    variants = {"variants": [{"accuracy": 0.9}, small]} if smaller else {}
    return {"name": name, "period": f"{period} ms", "graph": graph, **variants, **more}


def system(*tasks: dict[str, Any]) -> dict[str, Any]:
    platform = {"name": "board", "processors": {"cpu": {}, "gpu": {"kind": "gpu", "service": "node"}}}
    return {"platform": platform, "tasks": list(tasks)}


def run(asked: dict[str, Any], policy: Any, until: str) -> Trace:
    trace = rtsched.simulate(asked, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def variants(trace: Trace) -> list[int]:
    """The variant that the jobs of each task ran, which is always the same."""
    found = [
        {int(c["variant"]) for c in trace.choices if trace.jobs["task"][c["job"]] == t.index}
        for t in trace.system.tasks
    ]
    return [each.pop() if len(each) == 1 else -1 for each in found]


def test_the_variant_that_costs_least_gives_way() -> None:
    """Both full: near takes 1 + 4 and waits for 1 + 8 of far: 14 > 12; behind far it is later. With near small it is
    3 + 9 = 12 <= 12, and far 9 + 3 x 3 = 18 <= 24; with far small near is 5 + 5 = 10, and far 5 + 3 x 5 = 20 <= 24 (a
    third job of near may come late). Both lose the same; the earlier task keeps the better variant.
    """
    near, far = task("near", 12, 1, 4, 0.5), task("far", 24, 1, 8, 0.5)
    trace = run(system(near, far), JOINT, "48 ms")
    assert variants(trace) == [0, 1]
    assert (trace.jobs["outcome"] == OK).all()
    heavy = run(system(near, far | {"weight": 2}), JOINT, "48 ms")
    assert variants(heavy) == [1, 0]
    assert (heavy.jobs["outcome"] == OK).all()


def test_priorities_are_chosen_too() -> None:
    """rare has the longer period (40 > 11) and deadline (12 > 11), and the lesser slack (12 - 8 = 4 < 11 - 2.5 = 8.5).

    With often first rare may meet two of its jobs: 8 + 2 x 2.5 = 13 > 12. With rare first it takes 8 + 2.5 = 10.5, and
    often 2.5 + 8 = 10.5 <= 11: all in full.
    """
    choices = {"variants": [{"accuracy": 0.9}, {"accuracy": 0.7, "scale": 0.5}]}
    often = {"name": "often", "wcet": {"gpu": "2.5 ms"}, "period": "11 ms", **choices}
    rare = {"name": "rare", "wcet": {"gpu": "8 ms"}, "period": "40 ms", "deadline": "12 ms", **choices}
    trace = run(system(often, rare), JOINT, "80 ms")
    assert variants(trace) == [0, 0]
    assert [(int(s["job"]), int(s["start"]) / MS) for s in trace.slices[:2]] == [(1, 0), (0, 8)]
    assert (trace.jobs["outcome"] == OK).all()
    by_deadline = run(system(often, rare), {"ordering": "dm", "preemption": "nonpreemptive"}, "80 ms")
    assert [int(s["job"]) for s in by_deadline.slices[:2]] == [0, 1]


def test_what_passes_keeps_its_deadlines_and_what_does_not_runs_its_least() -> None:
    random = np.random.default_rng(11)
    kept = mixed = 0
    for _ in range(40):
        tasks = []
        for index in range(3):
            period = int(random.integers(12, 60))
            tasks.append(task(f"t{index}", period, *(int(random.integers(1, most)) for most in (4, 9)), 0.5))
        for mode in ("preemptive", "nonpreemptive"):
            trace = run(system(*tasks), JOINT | {"preemption": mode}, "400 ms")
            chosen = variants(trace)
            if chosen != [1, 1, 1]:
                kept += 1
                mixed += chosen != [0, 0, 0]
                assert (trace.jobs["outcome"] == OK).all()
    assert kept > 20
    assert mixed > 10


def test_beyond_all_choices_tasks_step_down_one_by_one() -> None:
    """Eleven tasks have 2^11 choices. big full leaves light tasks no time: 2 + 18 + 31 k > 200. It loses 0.2 for 15 of
    every 40 ms, light ones 0.2 for 0.5 of 200: it steps down, and the last has 20 + 2 x 16 = 52 ms.
    """
    light = [task(f"light{number}", 200, 1, 1, 0.5) for number in range(10)]
    trace = run(system(task("big", 40, 1, 30, 0.5), *light), JOINT, "200 ms")
    assert variants(trace) == [1] + [0] * 10
    assert (trace.jobs["outcome"] == OK).all()


def test_it_wants_variants_on_chains_whose_places_are_known() -> None:
    with pytest.raises(SchedulerError, match="no task has variants"):
        run(system(task("t", 10, 1, 1)), JOINT, "10 ms")
    either = task("t", 10, 1, 1, 0.5)
    either["graph"]["nodes"]["net"] = {"wcet": {"cpu": "2 ms", "gpu": "1 ms"}}
    with pytest.raises(SchedulerError, match="node 'net' of task 't' may run on cpu, gpu; pin it"):
        run(system(either), JOINT, "10 ms")
    fork = task("t", 10, 1, 1, 0.5)
    fork["graph"]["nodes"]["other"] = {"wcet": {"cpu": "1 ms"}}
    fork["graph"]["edges"].append(["pre", "other"])
    with pytest.raises(SchedulerError, match="node 'pre' of task 't' is no link of a chain"):
        run(system(fork), JOINT, "10 ms")
