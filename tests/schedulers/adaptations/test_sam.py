"""DNN-SAM's two policies: mandatory parts in full, optional ones as the slack allows, by hand and at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import InputError, SchedulerError
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS

SLACK = {"ordering": "edf", "adaptation": "dnn-sam-style"}
FIRST = {"ordering": "split-first-style", "adaptation": {"name": "dnn-sam-style", "policy": "mandatory-first"}}


def camera(name: str, period: int, deadline: int, crop: int, whole: int, **more: Any) -> dict[str, Any]:
    """A task that looks at a cut-out in full, then at the whole image in full, in half or not at all (times in ms)."""
    return {
        "name": name,
        "period": f"{period} ms",
        "deadline": f"{deadline} ms",
        "graph": {
            "nodes": {"crop": {"wcet": f"{crop} ms"}, "whole": {"wcet": f"{whole} ms"}},
            "edges": [["crop", "whole"]],
        },
        "variants": {
            "switch": "node",
            "choices": [
                {"name": "full", "accuracy": 0.9},
                {"name": "half", "nodes": {"whole": 0.5}, "accuracy": 0.8},
                {"name": "none", "skip": ["whole"], "accuracy": 0.6},
            ],
        },
        **more,
    }


def system(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"platform": "uniprocessor", "tasks": list(tasks)}


def run(asked: dict[str, Any], policy: Any, until: str) -> Trace:
    trace = rtsched.simulate(asked, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def pieces(trace: Trace) -> list[tuple[int, int, int, int]]:
    """(job, node, start, end) in ms."""
    return [(int(s["job"]), int(s["node"]), int(s["start"]) // MS, int(s["end"]) // MS) for s in trace.slices]


TWO = system(camera("near", 20, 12, 2, 6), camera("far", 20, 14, 3, 8))


def test_slack_is_given_in_the_order_of_deadlines() -> None:
    """near: 2 + 6 by 12, and far's 3 by 14: 11 in all, so near is full. far: 8 + 3 + 8 > 14; with half, 15 > 14: none."""
    assert pieces(run(TWO, SLACK, "20 ms")) == [(0, 0, 0, 2), (0, 1, 2, 8), (1, 0, 8, 11)]


def test_mandatory_first_reaches_every_crop_first() -> None:
    """The crops end at 2 and 5. near then has 5 + 6 by 12: full, to 11; far has nothing left by 14 but half of 8: none."""
    assert pieces(run(TWO, FIRST, "20 ms")) == [(0, 0, 0, 2), (1, 0, 2, 5), (0, 1, 5, 11)]


def test_what_is_to_come_is_left_its_time() -> None:
    """A control loop of 3 ms every 10 (deadline 5) will be due at 15, before camera's 16: 3 + 4 + 8 + 3 > 16, so half."""
    control = {"name": "control", "wcet": "3 ms", "period": "10 ms", "deadline": "5 ms"}
    trace = run(system(camera("camera", 40, 16, 4, 8), control), SLACK, "40 ms")
    assert trace.choices["variant"][0] == 1
    assert (trace.jobs["outcome"] == OK).all()
    alone = run(system(camera("camera", 40, 16, 4, 8)), SLACK, "40 ms")
    assert alone.choices["variant"][0] == 0


@pytest.mark.parametrize("policy", [SLACK, FIRST], ids=["slack", "mandatory-first"])
def test_no_deadline_is_missed_where_the_mandatory_parts_fit(policy: Any) -> None:
    """On one preemptive processor: those sets that EDF keeps with the least variants, it keeps with what is bought."""
    random = np.random.default_rng(6)
    kept = grown = 0
    for _ in range(40):
        tasks = []
        for index in range(3):
            period = int(random.integers(8, 30))
            crop, whole = (int(random.integers(1, 1 + period // most)) for most in (4, 2))
            tasks.append(camera(f"c{index}", period, int(random.integers(period // 2, period + 1)), crop, whole))
        least = {"ordering": policy["ordering"], "adaptation": {"name": "fixed", "variant": -1}}
        if (run(system(*tasks), least, "300 ms").jobs["outcome"] == OK).all():
            kept += 1
            trace = run(system(*tasks), policy, "300 ms")
            assert (trace.jobs["outcome"] == OK).all()
            grown += bool((trace.choices["variant"] < 2).any())
    assert kept > 10
    assert grown > 10


def test_it_wants_variants_and_one_of_its_policies() -> None:
    plain = system({"name": "t", "wcet": "1 ms", "period": "5 ms"})
    with pytest.raises(SchedulerError, match="no task has 'variants'"):
        run(plain, SLACK, "10 ms")
    with pytest.raises(InputError, match="policy: must be mandatory-first or slack"):
        run(TWO, {"ordering": "edf", "adaptation": {"name": "dnn-sam-style", "policy": "first"}}, "10 ms")


def test_nothing_is_skipped_before_it_is_decided() -> None:
    """`crop` and `whole` wait for nothing, and variants are chosen at the start: all of it fits, so all of it runs."""
    graph = {"nodes": {"crop": {"wcet": "2 ms"}, "whole": {"wcet": "3 ms"}}}
    variants = {"choices": [{"accuracy": 0.9}, {"skip": ["whole"], "accuracy": 0.6}]}
    system = {
        "platform": "uniprocessor",
        "tasks": [{"name": "net", "graph": graph, "variants": variants, "period": "10 ms"}],
    }
    trace = rtsched.simulate(system, scheduler=SLACK, until="20 ms")
    assert trace.jobs["finish"].tolist() == [5 * MS, 15 * MS]
    assert trace.answers["accuracy"].tolist() == [900_000] * 2
