"""AegisDNN's protected layers, by hand and against all choices."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.schedulers.adaptations.aegis import demand_fits, ways
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS


def network(name: str, period: int, protected: list[int], plain: list[int], **more: Any) -> dict[str, Any]:
    """A chain whose layers take so long in ms; all plain it is right on 0.8, all protected on 0.9."""
    names = [f"l{number}" for number in range(len(protected))]
    nodes = {layer: {"wcet": f"{time} ms"} for layer, time in zip(names, protected, strict=True)}
    shares = {layer: time / all_ for layer, time, all_ in zip(names, plain, protected, strict=True)}
    choices = [
        {"name": "protected", "scale": 1, "accuracy": 0.9},
        {"name": "plain", "nodes": shares, "accuracy": 0.8},
    ]
    edges = [[before, after] for before, after in pairwise(names)]
    variants = {"switch": "node", "choices": choices, "shares": more.pop("shares")}
    graph = {"nodes": nodes, "edges": edges}
    return {"name": name, "period": f"{period} ms", "graph": graph, "variants": variants} | more


def run(*tasks: dict[str, Any], limit: float | None = None, until: str = "40 ms", **policy: Any) -> Trace:
    adaptation = {"name": "aegisdnn-style"} | ({} if limit is None else {"limit": limit})
    scheduler = {"ordering": "edf", "adaptation": adaptation} | policy
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": list(tasks)}, scheduler=scheduler, until=until)
    assert trace.check() == []
    return trace


def layers(trace: Trace, job: int) -> list[int]:
    """The times of a job's layers in ms."""
    rows = trace.slices[trace.slices["job"] == job]
    return [int((rows["end"] - rows["start"])[rows["node"] == node].sum()) // MS for node in np.unique(rows["node"])]


#: Protected 4 + 6 + 2 ms, plain 2 + 2 + 1; of the 0.1 that faults take from plain ones the layers cost 0.02, 0.05, 0.03.
VULNERABLE = network("net", 20, [4, 6, 2], [2, 2, 1], shares={"l0": 0.2, "l1": 0.5, "l2": 0.3}, deadline="9 ms")


def test_the_most_dependable_layers_that_fit() -> None:
    """5 ms plain, 9 until the deadline. With 4 ms more: the second layer (+4 ms, 0.05), or the others (+2 + 1, 0.05).

    Both leave 0.05; the others in 8 ms, not 9: of equals the quicker. So it is right on 0.9 - 0.05.
    """
    trace = run(VULNERABLE)
    assert layers(trace, 0) == [4, 2, 2]
    assert trace.answers["accuracy"].tolist() == [850_000] * 2
    assert layers(run(VULNERABLE | {"deadline": "10 ms"}), 0) == [2, 6, 2]  # 10 ms: 0.02 are left
    assert layers(run(VULNERABLE | {"deadline": "12 ms"}), 0) == [4, 6, 2]
    assert layers(run(VULNERABLE | {"deadline": "5 ms"}), 0) == [2, 2, 1]


def test_a_requirement_that_deadlines_do_not_leave_room_for_is_refused() -> None:
    assert layers(run(VULNERABLE, limit=0.05), 0) == [4, 2, 2]
    with pytest.raises(SchedulerError, match=r"with the least protection that loses at most 0\.04"):
        run(VULNERABLE, limit=0.04)


def test_all_tasks_keep_their_requirement_before_one_has_more() -> None:
    """Each needs its first layer, 3 ms instead of 1 (0.06 of 0.1), to lose 0.05 at most: 3 + 1 for both in 10 ms.

    2 ms are left. The first network has them for its other layer; alone, without a limit, it would have taken 4.
    """
    shares = {"l0": 0.6, "l1": 0.4}
    a, b = (network(name, 10, [3, 3], [1, 1], shares=shares) for name in "ab")
    trace = run(a, b, limit=0.05, until="10 ms")
    assert [layers(trace, job) for job in range(2)] == [[3, 3], [3, 1]]
    assert trace.answers["accuracy"].tolist() == [900_000, 860_000]
    greedy = run(a, b, until="10 ms")
    assert [layers(greedy, job) for job in range(2)] == [[3, 3], [3, 1]]
    assert (greedy.jobs["outcome"] == OK).all()


def test_other_work_counts_in_the_test_of_deadlines() -> None:
    """A loop of 2 ms every 5 leaves a network with the deadline 15 ms 9: 6 ms of the loop come first."""
    loop = {"name": "loop", "wcet": "2 ms", "period": "5 ms", "deadline": "5 ms"}
    net = network("net", 20, [4, 4, 4], [2, 2, 2], shares={"l0": 1, "l1": 1, "l2": 1}, deadline="15 ms")
    trace = run(loop, net)
    assert (trace.jobs["outcome"] == OK).all()
    # a layer of 4 ms that cannot be taken off leaves the loop no time; plain ones of 2 ms do
    job = int(np.flatnonzero(trace.jobs["task"] == 1)[0])
    assert layers(trace, job) == [2, 2, 2]


# ---- against all choices -----------------------------------------------------------------------------------------


def test_the_ways_are_those_of_trying_everything() -> None:
    random = np.random.default_rng(3)
    for _ in range(60):
        chosen = [
            [
                (int(time), float(loss))
                for time, loss in zip(random.integers(1, 30, 2), (0.0, random.random()), strict=True)
            ]
            for _ in range(int(random.integers(1, 7)))
        ]
        every = [
            (sum(layer[kind][0] for layer, kind in zip(chosen, kinds, strict=True)),
             sum(layer[kind][1] for layer, kind in zip(chosen, kinds, strict=True)))
            for kinds in product((0, 1), repeat=len(chosen))
        ]  # fmt: skip
        found = ways(chosen)
        for budget in range(0, 200, 7):
            fitting = [loss for time, loss in every if time <= budget]
            mine = [loss for time, loss, _ in found if time <= budget]
            assert bool(fitting) == bool(mine)
            assert not mine or min(mine) == pytest.approx(min(fitting))


def test_what_is_found_of_very_many_layers_takes_no_longer_than_it_says() -> None:
    random = np.random.default_rng(4)
    chosen = [
        [(int(2 * t), 0.0), (int(t), float(loss))]
        for t, loss in zip(random.integers(1e5, 1e6, 40), random.random(40), strict=True)
    ]
    for time, loss, kinds in ways(chosen)[::500]:
        assert sum(layer[kind][0] for layer, kind in zip(chosen, kinds, strict=True)) <= time
        assert sum(layer[kind][1] for layer, kind in zip(chosen, kinds, strict=True)) == pytest.approx(loss)


def test_what_passes_keeps_its_deadlines_under_every_mode_of_preemption_and_the_requirement() -> None:
    random, kept = np.random.default_rng(9), 0
    for number in range(30):
        tasks = []
        for index in range(2):
            plain = [int(each) for each in random.integers(1, 4, 3)]
            protected = [each + int(more) for each, more in zip(plain, random.integers(0, 4, 3), strict=True)]
            period = int(random.integers(15, 40))
            shares = {f"l{layer}": float(each) for layer, each in enumerate(random.integers(1, 9, 3))}
            tasks.append(network(f"n{index}", period, protected, plain, shares=shares))
        try:
            trace = run(
                *tasks, limit=0.06, until="400 ms", preemption=("preemptive", "limited", "nonpreemptive")[number % 3]
            )
        except SchedulerError:
            continue
        kept += 1
        assert (trace.jobs["outcome"] == OK).all()
        assert (trace.answers["accuracy"] >= 840_000 - 1).all()
    assert kept > 8


def test_fixed_priorities_have_a_test_of_their_own() -> None:
    """An urgent loop of 1 ms has 3 to spare: layers of 4 and 6 ms that could hold it up stay plain, one of 2 does not."""
    loop = {"name": "loop", "wcet": "1 ms", "period": "10 ms", "deadline": "4 ms"}
    trace = run(loop, VULNERABLE | {"deadline": "20 ms"}, ordering="dm", limit=0.08, until="200 ms")
    job = int(np.flatnonzero(trace.jobs["task"] == 1)[0])
    assert layers(trace, job) == [2, 2, 2]  # 0.07 are lost by the first two
    assert (trace.jobs["outcome"] == OK).all()


def test_demand_is_edfs() -> None:
    assert demand_fits([(4, 4, [1] * 4)])
    assert not demand_fits([(4, 4, [1] * 5)])
    assert demand_fits([(4, 4, [2]), (8, 8, [1, 1, 1, 1])])
    assert not demand_fits([(4, 4, [2]), (8, 8, [3, 1])])  # three at once leave the first 4 - 3
    assert not demand_fits([(10, 3, [2]), (10, 3, [2])])


# ---- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"jitter": "1 ms"}, "its jobs are not some period apart"),
        ({"overlap": True}, "its jobs are not some period apart"),
        ({"arrival": {"kind": "poisson"}}, "its jobs are not some period apart"),
        ({"variants": VULNERABLE["variants"] | {"switch": "start", "shares": None}}, "need 'switch: node'"),
        (
            {"variants": {"switch": "node", "choices": [{"scale": s, "accuracy": s} for s in (0.9, 0.8, 0.7)]}},
            "two variants",
        ),
        ({"variants": {"switch": "node", "choices": [{"scale": 1}, {"scale": 0.8}]}}, "two variants of known accuracy"),
    ],
)
def test_it_says_what_it_does_not_know(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SchedulerError, match=said):
        run(VULNERABLE | change)


LOCKING = {
    "name": "lock", "wcet": "1 ms", "period": "20 ms", "sections": [{"resource": "bus", "start": "0 ms", "length": "1 ms"}]
}  # fmt: skip


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ({"faults": [{"processor": "cpu", "at": "5 ms", "lasts": "1 ms"}]}, "its processor may fail"),
        ({"overheads": {"context_switch": "100 us"}}, "switches cost time"),
        ({"resources": {"bus": {}}, "tasks": [VULNERABLE, LOCKING]}, "it holds locks"),
    ],
)
def test_it_refuses_what_its_test_of_deadlines_leaves_out(around: dict[str, Any], said: str) -> None:
    system = {"platform": "uniprocessor", "tasks": [VULNERABLE]} | around
    with pytest.raises(SchedulerError, match=said):
        rtsched.simulate(system, scheduler={"ordering": "edf", "adaptation": "aegisdnn-style"}, until="20 ms")


def test_it_wants_variants_and_one_processor() -> None:
    with pytest.raises(SchedulerError, match="no task has variants"):
        run({"name": "t", "wcet": "1 ms", "period": "5 ms"})
    system = {"platform": "multicore:2", "tasks": [VULNERABLE]}
    with pytest.raises(SchedulerError, match="does not run on the one processor"):
        rtsched.simulate(system, scheduler={"ordering": "edf", "adaptation": "aegisdnn-style"}, until="20 ms")
    # a network with exits beside it is work like any other
    exits = {"name": "e", "period": "20 ms", "deadline": "20 ms", "exits": [{"node": "x", "accuracy": 0.7}],
             "graph": {"nodes": {"x": {"wcet": "1 ms"}, "y": {"wcet": "1 ms"}}, "edges": [["x", "y"]]}}  # fmt: skip
    assert (run(VULNERABLE, exits).jobs["outcome"] == OK).all()
