"""DREAM-style: scores of layers and accelerators, their weights, dropped frames, switched networks."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.schedulers.systems.dream import Dream
from rtsched.trace.trace import Trace

TWO = {"name": "board", "processors": {"a": {"kind": "npu"}, "b": {"kind": "npu"}}}
FIXED = {"name": "dream-style", "window": None}


def one(name: str, times: dict[str, float], deadline: float, release: float = 0) -> dict[str, Any]:
    wcet = {place: f"{time} ms" for place, time in times.items()}
    return {"name": name, "wcet": wcet, "release": f"{release} ms", "deadline": f"{deadline} ms"}


def run(system: Any, policy: Any = FIXED, **options: Any) -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, **options)
    assert trace.check() == []
    return trace


def slices(trace: Trace) -> list[tuple[int, int, int, int]]:
    """Of every slice the job, its processor, start and end in ms."""
    keys = ("job", "processor", "start", "end")
    return [(job, place, start // 10**6, end // 10**6) for job, place, start, end in (
        tuple(int(each[key]) for key in keys) for each in trace.slices)]  # fmt: skip


def test_the_largest_score_goes_first_and_where_it_is_best() -> None:
    """At 0: x has an urgency of 4 / 10, and prefers a by 8 / 2: 1.6, b by 8 / 6: 0.5. y has 3 / 12 and 6 / 3 on both: 0.5.

    So x goes to a, and y, though it is no slower on a, to b. z is as y is, but with more slack (3 / 30), and waits: at 2
    ms its starvation is the same on a and b, and a is free.
    """
    tasks = [one("x", {"a": 2, "b": 6}, 10), one("y", {"a": 3, "b": 3}, 12), one("z", {"a": 3, "b": 3}, 30)]
    found = slices(run({"platform": TWO, "tasks": tasks}))
    assert found == [(0, 0, 0, 2), (1, 1, 0, 3), (2, 0, 2, 5)]


def test_alpha_weighs_waiting() -> None:
    """At 4 ms: p is urgent (3 / 6, times 1 place), q has waited 3 ms for a layer of 2: 0.1 + 2 alpha."""
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    tasks = [one("first", {"a": 4}, 5), one("p", {"a": 3}, 6.5, 3.5), one("q", {"a": 2}, 20, 1)]
    order = {}
    for alpha in (0.0, 1.0):
        policy = {**FIXED, "alpha": alpha}
        order[alpha] = [job for job, *_ in slices(run({"platform": npu, "tasks": tasks}, policy))]
    assert order == {0.0: [0, 2, 1], 1.0: [0, 1, 2]}


def test_energy_decides_where_times_are_equal() -> None:
    """Both take 3 ms; b draws a quarter of what a does, so that its preference in energies is 5 / 1, that of a 5 / 4."""
    processors = {"a": {"kind": "npu", "power": {"active": "4 W"}}, "b": {"kind": "npu", "power": {"active": "1 W"}}}
    system = {"platform": {"name": "board", "processors": processors}, "tasks": [one("x", {"a": 3, "b": 3}, 20)]}
    assert slices(run({**system, "power": {}})) == [(0, 1, 0, 3)]
    assert slices(run({**system, "power": {}}, {**FIXED, "beta": 0.0})) == [(0, 0, 0, 3)]
    assert slices(run(system)) == [(0, 0, 0, 3)]


LATE = [one("lost", {"a": 9}, 5), one("tight", {"a": 4}, 6), one("easy", {"a": 2}, 40)]


def test_a_lost_frame_is_dropped_if_another_would_be_late() -> None:
    """Of lost 9 ms do not fit into 5. While first runs nobody looks; at 3 ms tight has 4 ms in 3: it would be late."""
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    first = one("first", {"a": 3}, 30)
    with_drops = run({"platform": npu, "tasks": [first, *LATE]})
    summary = {task.name: task.dropped for task in rtsched.summary(with_drops).tasks}
    assert summary["lost"] == 0  # at 0 nobody else was expected to miss, so it began
    tight = [one("first", {"a": 3}, 30), *(dict(task, release="1 ms") for task in LATE)]
    tight[2]["deadline"] = "5 ms"  # due at 6: at 3 ms it has 4 ms in 3
    dropped = run({"platform": npu, "tasks": tight})
    assert {task.name: task.dropped for task in rtsched.summary(dropped).tasks} == {
        "first": 0, "lost": 1, "tight": 0, "easy": 0,
    }  # fmt: skip
    kept = run({"platform": npu, "tasks": tight}, {**FIXED, "drop": False})
    assert not any(task.dropped for task in rtsched.summary(kept).tasks)


def test_of_ten_frames_no_more_than_two_are_dropped() -> None:
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    tasks = [
        {"name": name, "wcet": {"a": "12 ms"}, "period": "20 ms", "deadline": "10 ms", "overlap": True} for name in "xy"
    ]
    trace = run({"platform": npu, "tasks": tasks}, until="1 s")
    for number in (0, 1):
        dropped = [int(job["outcome"]) == 2 for job in trace.jobs if int(job["task"]) == number]
        assert 2 <= sum(dropped[:20]) <= 4
        assert all(sum(dropped[start : start + 10]) <= 2 for start in range(len(dropped) - 10))


def test_who_is_followed_is_not_dropped() -> None:
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    tight = [one("first", {"a": 3}, 30), *(dict(task, release="1 ms") for task in LATE)]
    tight[2]["deadline"] = "5 ms"
    after = {"name": "after", "wcet": {"a": "1 ms"}, "after": "lost", "deadline": "90 ms"}
    trace = run({"platform": npu, "tasks": [*tight, after]})
    assert [task.name for task in rtsched.summary(trace).tasks if task.dropped] == ["tight"]


def test_the_best_variant_that_fits_the_slack() -> None:
    """10, 5 or 2 ms. Begun at 0, 5, 9 ms: of 12 ms 12, 7 and then 3 are left."""
    choices = [{"name": name, "scale": scale, "accuracy": accuracy}
               for name, scale, accuracy in (("full", 1.0, 0.9), ("half", 0.5, 0.8), ("least", 0.2, 0.6))]  # fmt: skip
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    for ahead, took in ((0, 10), (5, 5), (9, 2)):
        net = {**one("net", {"a": 10}, 12), "variants": {"choices": choices}}
        first = [one("first", {"a": ahead}, ahead)] if ahead else []
        found = slices(run({"platform": npu, "tasks": [*first, net]}, {**FIXED, "drop": False}))
        assert found[-1][2:] == (ahead, ahead + took)


def test_variants_may_switch_between_layers() -> None:
    """Two layers of 4 ms, due at 8: the second one begins at 6, behind another job, and runs at half."""
    choices = [{"name": "full", "scale": 1, "accuracy": 0.9}, {"name": "half", "scale": 0.5, "accuracy": 0.8}]
    graph = {"nodes": {"x": {"wcet": {"a": "4 ms"}}, "y": {"wcet": {"a": "4 ms"}}}, "edges": [["x", "y"]]}
    net = {"name": "net", "graph": graph, "release": "0 ms", "deadline": "9 ms",
           "variants": {"switch": "node", "choices": choices}}  # fmt: skip
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    other = one("other", {"a": 2}, 2.5, 3)
    found = slices(run({"platform": npu, "tasks": [net, other]}, FIXED))
    assert found == [(0, 0, 0, 4), (1, 0, 4, 6), (0, 0, 6, 8)]


def test_weights_are_searched_for_and_then_stay() -> None:
    policy = Dream(window="50 ms")
    tasks = [
        {"name": name, "wcet": {"a": f"{time} ms"}, "period": f"{period} ms"}
        for name, time, period in (("x", 3, 10), ("y", 9, 25), ("z", 8, 30))
    ]
    npu = {"name": "board", "processors": {"a": {"kind": "npu"}}}
    seen = []
    tell = policy._uxcost
    policy._uxcost = lambda: seen.append(tell()) or seen[-1]  # type: ignore[method-assign, func-returns-value]
    run({"platform": npu, "tasks": tasks}, policy, until="3 s")
    assert policy.search.left == 0
    assert 5 * 3 <= len(seen) <= 5 * 5  # five steps, of three points at a corner, five inside
    assert all(0 <= each <= 2 for each in policy.search.best)
    # every task counts with a rate of 1 / (2 n) at least, and without energies with 1
    assert min(seen) > 0


@pytest.mark.parametrize("system", ["drone_xavier_nx", "npu_failure", "drone_exits", "mixed_rk3588", "model_switching",
                                    "xrbench_vr_gaming", "offload_wifi"])  # fmt: skip
def test_it_runs_on_the_catalogue(system: str) -> None:
    trace = run(system, "dream-style", until="350 ms")
    assert rtsched.evaluate(trace, ["finished"])["finished"]


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match="alpha must lie between 0 and 2"):
        rtsched.scheduler({"name": "dream-style", "alpha": 3.0})
    with pytest.raises(InputError, match="takes no adaptation: it drops frames and chooses variants itself"):
        rtsched.scheduler("dream-style+subflow")
