"""Planaria's score on an accelerator that is not divided."""

from __future__ import annotations

from tests.schedulers.orderings.test_dysta import NPU, run


def test_weight_over_slack_decides_after_every_layer() -> None:
    """At 0: 1 / 10, 3 / 20, 2 / 12: c first. At 3 ms: 1 / 7 = 0.143 of a, 3 / 17 = 0.176 of b. At 6 ms a is alone."""
    tasks = [
        {"name": name, "wcet": {"npu": "3 ms"}, "release": "0 ms", "deadline": deadline, "weight": weight}
        for name, deadline, weight in (("a", "10 ms", 1), ("b", "20 ms", 3), ("c", "12 ms", 2))
    ]
    assert run({"platform": NPU, "tasks": tasks}, "planaria-time") == [(2, 0, 3), (1, 3, 6), (0, 6, 9)]


def test_who_is_late_goes_first_by_arrival() -> None:
    tasks = [
        {"name": name, "wcet": {"npu": "3 ms"}, "release": release, "deadline": deadline, "weight": weight}
        for name, release, deadline, weight in (
            ("a", "0 ms", "9 ms", 1),
            ("b", "1 ms", "2 ms", 1),
            ("c", "1 ms", "3 ms", 9),
        )
    ]
    assert [job for job, _, _ in run({"platform": NPU, "tasks": tasks}, "planaria-time")] == [0, 1, 2]


def test_equal_weights_make_it_edf() -> None:
    tasks = [
        {"name": str(n), "wcet": {"npu": f"{n} ms"}, "period": f"{6 * n} ms", "deadline": f"{5 * n} ms"}
        for n in (3, 2, 1)
    ]
    system = {"platform": NPU, "tasks": tasks}
    assert run(system, "planaria-time", until="300 ms") == run(system, "edf", until="300 ms")
