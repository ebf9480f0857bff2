"""Zygarde's units and its energy gate, by hand."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError, SchedulerError
from rtsched.trace.trace import DROPPED, Trace
from rtsched.units import MS


def network(name: str, **more: Any) -> dict[str, Any]:
    """Two units of 2 ms, with an answer after each that is nearly always right, and known to be."""
    return {
        "name": name,
        "period": "10 ms",
        "graph": {"nodes": {"x": {"wcet": "2 ms"}, "y": {"wcet": "2 ms"}}, "edges": [["x", "y"]]},
        "exits": [{"node": "x", "accuracy": 0.999}, {"node": "y", "accuracy": 0.9999}],
        "difficulty": {"reliability": 1.0},
        **more,
    }


def run(system: dict[str, Any], policy: Any, until: str) -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def pieces(trace: Trace) -> list[tuple[int, int, int]]:
    """(job, node, start in ms)."""
    return [(int(s["job"]), int(s["node"]), int(s["start"]) // MS) for s in trace.slices]


def test_every_job_has_an_answer_before_any_has_a_better_one() -> None:
    system = {"platform": "uniprocessor", "tasks": [network("a", deadline="8 ms"), network("b", deadline="9 ms")]}
    assert pieces(run(system, "edf+nonpreemptive", "10 ms")) == [(0, 0, 0), (0, 1, 2), (1, 0, 4), (1, 1, 6)]
    # both are sure after their first unit: then a is nearer to its deadline
    units = run(system, {"ordering": "zygarde-style", "preemption": "nonpreemptive"}, "10 ms")
    assert pieces(units) == [(0, 0, 0), (1, 0, 2), (0, 1, 4), (1, 1, 6)]


def test_who_is_unsure_goes_on_before_who_is_sure() -> None:
    """b's first answer is a guess: its second unit is mandatory, and goes before that of a."""
    guess = network("b", deadline="9 ms") | {"exits": [{"node": "x", "accuracy": 0.01}, {"node": "y", "accuracy": 0.9}]}
    system = {"platform": "uniprocessor", "tasks": [network("a", deadline="8 ms"), guess]}
    units = run(system, {"ordering": "zygarde-style", "preemption": "nonpreemptive"}, "10 ms")
    assert pieces(units) == [(0, 0, 0), (1, 0, 2), (1, 1, 4), (0, 1, 6)]


BATTERY: dict[str, Any] = {
    "platform": {"name": "node", "processors": {"mcu": {"power": {"active": "1 W"}}}},
    "power": {"battery": {"capacity": "30 mJ"}},
    "tasks": [network("a")],
}


def test_the_charge_says_how_much_is_run() -> None:
    """A unit takes 2 of 30 mJ. Four jobs run both units (charge 1, 26/30, 22/30, 18/30 before); from 14/30, below a half,
    six run one each; the eleventh, at 2/30, is below a tenth and dropped, like all that follow."""
    policy = {"ordering": "zygarde-style", "adaptation": "zygarde-energy-style", "preemption": "nonpreemptive"}
    trace = run(BATTERY, policy, "130 ms")
    units = [sum(int(s["job"]) == job for s in trace.slices) for job in range(13)]
    assert units == [2] * 4 + [1] * 6 + [0] * 3
    assert (trace.jobs["outcome"][10:] == DROPPED).all()
    assert len(run(BATTERY, "zygarde-style+nonpreemptive", "130 ms").slices) == 26


def test_without_a_battery_there_is_nothing_to_gate() -> None:
    system = {"platform": "uniprocessor", "tasks": [network("a")]}
    with pytest.raises(SchedulerError, match="zygarde-energy-style': there is no battery"):
        run(system, "zygarde-style+zygarde-energy-style", "10 ms")


@pytest.mark.parametrize(
    "policy",
    [
        {"ordering": {"name": "zygarde-style", "threshold": 2}},
        {"ordering": {"name": "zygarde-style", "urgency": -1}},
        {"ordering": "edf", "adaptation": {"name": "zygarde-energy-style", "least": 0.6}},
    ],
)
def test_what_is_no_weight_or_charge_is_refused(policy: Any) -> None:
    with pytest.raises(InputError, match="threshold a probability"):
        run(BATTERY, policy, "10 ms")
