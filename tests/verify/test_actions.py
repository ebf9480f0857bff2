"""Changes that are said to be proven are proven: with overheads, nodes that cannot be preempted and longer jobs."""

from __future__ import annotations

import pytest

from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.verify.actions import actions
from rtsched.verify.verification import verify

BIG = "{name: soc, processors: {big: {kind: cpu, speed: 2}, little: {kind: cpu}}}"
ONE = "{name: chip, processors: {cpu: {kind: cpu}}}"


def kinds(*tasks: str, platform: str = BIG, scheduler: str = "{ordering: fp}", more: str = "") -> set[str]:
    """The sorts of changes that are offered."""
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    text = f"platform: {platform}\nscheduler: {scheduler}\n{more}\ntasks:\n{rows}\n"
    return {action.kind for action in actions(verify(validate(System, parse_yaml(text)), runs=0))}


FREE = [f"name: {name}, wcet: {{big: 4 ms, little: 8 ms}}, period: 10 ms" for name in "ab"]


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ("", "overheads: {context_switch: 2 ms}"),
        (", execution: {kind: uniform, low: 1, high: 1.4}", ""),
    ],
)
def test_pins_hold_with_all_that_costs_time(change: str, more: str) -> None:
    assert "pins" in kinds(*FREE)
    assert "pins" not in kinds(*(task + change for task in FREE), more=more)


def test_pins_hold_with_nodes_that_cannot_be_preempted() -> None:
    others = (
        "name: b, wcet: {big: 9 ms}, period: 10 ms",
        "name: c, wcet: {little: 1 ms}, period: 50 ms, deadline: 3 ms",
    )
    assert "pins" in kinds(FREE[0], *others, scheduler="{ordering: edf}")
    assert "pins" not in kinds(FREE[0] + ", preemptive: false", *others, scheduler="{ordering: edf}")


def test_other_priorities_are_proven_with_the_switches_they_cause() -> None:
    """Below the other one, a task that cannot be preempted displaces nobody; above it, it pays for a return."""
    wrong = ("name: a, wcet: 6 ms, period: 40 ms", "name: b, wcet: 2 ms, period: 7 ms, preemptive: {}")
    assert "priorities" in kinds(wrong[0], wrong[1].format("true"), platform=ONE)
    dear = "overheads: {context_switch: 2600 us}"  # 2 + 2.6 ms are in time, 2 + 5.2 are not
    assert "priorities" not in kinds(wrong[0], wrong[1].format("false"), platform=ONE, more=dear)


def test_regions_are_not_offered_where_each_would_cost_a_switch() -> None:
    tasks = ("name: a, wcet: 1 ms, period: 10 ms, deadline: 4 ms", "name: b, wcet: 8 ms, period: 80 ms")
    policy = "{ordering: fp, preemption: nonpreemptive}"
    assert "split" in kinds(*tasks, platform=ONE, scheduler=policy)
    assert "split" not in kinds(*tasks, platform=ONE, scheduler=policy, more="overheads: {context_switch: 10 us}")
