"""SDRM3: urgency and fairness, after every layer."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.errors import InputError
from tests.schedulers.orderings.test_dysta import NPU, run

SYSTEM = {
    "platform": NPU,
    "tasks": [
        {"name": "p", "wcet": {"npu": "4 ms"}, "release": "0 ms", "deadline": "20 ms"},
        {
            "name": "q",
            "graph": {
                "nodes": {"x": {"wcet": {"npu": "2 ms"}}, "y": {"wcet": {"npu": "2 ms"}}},
                "edges": [["x", "y"]],
            },
            "release": "0 ms",
            "deadline": "8 ms",
        },
    ],
}


def test_who_waits_for_a_short_layer_gains() -> None:
    """At 0: p has 4 / 20 = 0.2, q has 4 / 8 = 0.5. At 2 ms: p has 4 / 18 + 2 / 4 = 0.72, q has 2 / 6 and goes last."""
    assert run(SYSTEM, "sdrm3") == [(1, 0, 2), (0, 2, 6), (1, 6, 8)]


def test_without_alpha_only_urgency_counts() -> None:
    assert run(SYSTEM, {"ordering": {"name": "sdrm3", "alpha": 0.0}}) == [(1, 0, 2), (1, 2, 4), (0, 4, 8)]


def test_who_is_late_is_as_urgent_as_can_be() -> None:
    """a is late at 4 ms: urgency 1 and 4 ms of waiting; the artefact's score would be negative, and b first."""
    tasks = [
        {"name": name, "wcet": {"npu": "4 ms"}, "release": "0 ms", "deadline": deadline}
        for name, deadline in (("first", "1 ms"), ("a", "2 ms"), ("b", "30 ms"))
    ]
    assert [job for job, _, _ in run({"platform": NPU, "tasks": tasks}, "sdrm3")] == [0, 1, 2]


def test_an_alpha_below_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="alpha must be a number from 0 on"):
        rtsched.scheduler({"ordering": {"name": "sdrm3", "alpha": -1.0}})
