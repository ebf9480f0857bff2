"""BPNet's exit sets, by hand and against all sets."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import api
from rtsched.errors import SchedulerError
from rtsched.schedulers.orderings.bpnet import THRESHOLDS, ExitSet, best_set, outcomes
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS


def network(*accuracies: float, reliability: float = 1.0, **more: Any) -> dict[str, Any]:
    """Stages of 2, 3 and 4 ms; after each of the first two a head of 1 ms, whose answer is an exit."""
    nodes = {name: {"wcet": f"{time} ms"} for name, time in (("s1", 2), ("h1", 1), ("s2", 3), ("h2", 1), ("s3", 4))}
    edges = [["s1", "h1"], ["s1", "s2"], ["s2", "h2"], ["s2", "s3"]]
    exits = [{"node": node, "accuracy": each} for node, each in zip(("h1", "h2", "s3"), accuracies, strict=True)]
    task = {"name": "net", "period": "20 ms", "graph": {"nodes": nodes, "edges": edges}, "exits": exits}
    return task | {"difficulty": {"reliability": reliability}} | more


def run(*tasks: dict[str, Any], until: str = "10 s", platform: Any = "uniprocessor", **policy: Any) -> Trace:
    scheduler = {"ordering": {"name": "bpnet-style"} | policy}
    trace = rtsched.simulate({"platform": platform, "tasks": list(tasks)}, scheduler=scheduler, until=until)
    assert trace.check() == []
    return trace


def nodes(trace: Trace) -> set[int]:
    return set(trace.slices["node"].tolist())


def mean(trace: Trace) -> float:
    """What a job takes on average, in ms."""
    return float((trace.slices["end"] - trace.slices["start"]).sum()) / MS / len(trace.jobs)


def test_an_exit_at_which_few_leave_is_pruned() -> None:
    """Confidences are certain: 0.6 of all inputs leave at the first exit, 0.05 more could at the second, of 0.9.

    No exit: 9 ms. The first: 0.6 x 3 + 0.4 x 10 = 5.8. Both: 1.8 + 0.05 x 7 + 0.35 x 11 = 6.0. The second: 7.4.
    """
    trace = run(network(0.6, 0.65, 0.9))
    assert nodes(trace) == {0, 1, 2, 4}  # the second head never runs
    assert mean(trace) == pytest.approx(5.8, abs=0.5)
    first, other = (next(each for each in trace.answers if each["exit"] == number) for number in (0, 2))
    rows = {int(each["job"]): trace.slices[trace.slices["job"] == each["job"]] for each in (first, other)}
    assert rows[int(first["job"])]["node"].tolist() == [0, 1]
    assert rows[int(other["job"])]["node"].tolist() == [0, 1, 2, 4]
    assert trace.answers["right"].mean() == pytest.approx(0.9, abs=0.05)


def test_an_exit_at_which_many_leave_is_kept() -> None:
    """With 0.8 at the second: 1.8 + 0.2 x 7 + 0.2 x 11 = 5.4."""
    trace = run(network(0.6, 0.8, 0.9))
    assert nodes(trace) == {0, 1, 2, 3, 4}
    assert mean(trace) == pytest.approx(5.4, abs=0.5)


def test_where_no_head_pays_it_is_edf() -> None:
    """0.05 leave at each: 3 ms, and 1 ms more for all others."""
    other = {"name": "loop", "wcet": "2 ms", "period": "10 ms"}
    trace = run(network(0.05, 0.1, 0.9), other, until="1 s")
    assert nodes(trace) == {0, 2, 4}
    assert (trace.jobs["outcome"] == OK).all()


def test_the_search_finds_what_trying_everything_finds() -> None:
    random = np.random.default_rng(2)
    for _ in range(6):
        count = int(random.integers(1, 4))
        works = [int(each) for each in random.integers(1, 9, 2 * count + 1)]
        trunk = [frozenset(range(0, 2 * number + 1, 2)) for number in range(count + 1)]
        needed = [*(each | {2 * number + 1} for number, each in enumerate(trunk[:-1])), trunk[-1]]
        sure, right = outcomes(sorted(float(each) for each in random.random(count + 1)), 0.9)
        sure, right = sure[:, ::40], right[:, ::40]
        best = best_set(needed, works, sure, right, 0.02)
        tried = []
        for size in range(count + 1):
            for exits in combinations(range(count), size):
                for threshold in THRESHOLDS:
                    time = good = 0
                    for column in range(sure.shape[1]):
                        leaves = next((e for e in exits if sure[e, column] >= threshold), count)
                        done = frozenset().union(*(needed[e] for e in exits if e < leaves), needed[leaves])
                        time += sum(works[node] for node in done)
                        good += bool(right[leaves, column])
                    if good / sure.shape[1] >= right[count].mean() - 0.02 - 1e-9:
                        tried.append(time / sure.shape[1])
        assert best.time == pytest.approx(min(tried))


def test_it_keeps_its_accuracy_and_takes_what_it_says() -> None:
    scheduler = api.scheduler({"ordering": {"name": "bpnet-style", "loss": 0.02}})
    system = {"platform": "uniprocessor", "tasks": [network(0.7, 0.85, 0.92, reliability=0.9)]}
    trace = rtsched.simulate(system, scheduler=scheduler, until="40 s")
    chosen: ExitSet = scheduler.ordering.chosen[0]
    assert chosen.accuracy >= 0.9 - 1e-9
    assert abs(trace.answers["right"].mean() - chosen.accuracy) < 4 * (0.1 * 0.9 / 2000) ** 0.5
    assert mean(trace) == pytest.approx(chosen.time / MS, rel=0.05)
    assert mean(trace) < 9


def test_an_allowed_loss_buys_time() -> None:
    task = network(0.7, 0.85, 0.92, reliability=0.9)
    times = [mean(run(task, until="2 s", loss=loss)) for loss in (0.0, 0.05, 0.3)]
    assert times == sorted(times, reverse=True)
    assert times[-1] == pytest.approx(3.0)  # all leave at the first


def test_exits_without_heads_cost_nothing_and_may_stand_anywhere() -> None:
    exits = [{"node": "x", "accuracy": 0.6}, {"node": "y", "accuracy": 0.9}]
    graph = {"nodes": {"x": {"wcet": "1 ms"}, "y": {"wcet": "5 ms"}}, "edges": [["x", "y"]]}
    task = {"name": "t", "period": "10 ms", "graph": graph, "exits": exits, "difficulty": {"reliability": 1.0}}
    assert mean(run(task, until="5 s", platform="multicore:2")) == pytest.approx(0.6 * 1 + 0.4 * 6, abs=0.3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"errors": "independent", "difficulty": {}}, "its errors are not nested"),
        ({"exits": []}, "no task has 'exits'"),
    ],
)
def test_it_says_what_it_does_not_know(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SchedulerError, match=said):
        run(network(0.6, 0.65, 0.9) | ({"difficulty": {}} | change), until="20 ms")


def test_it_wants_one_processor_for_heads_and_few_exits() -> None:
    with pytest.raises(SchedulerError, match="heads that are pruned would run"):
        run(network(0.6, 0.65, 0.9), platform="multicore:2", until="20 ms")
    names = [f"n{number}" for number in range(11)]
    graph = {"nodes": {name: {"wcet": "1 ms"} for name in names}, "edges": list(pairwise(names))}
    exits = [{"node": name, "accuracy": 0.5} for name in names]
    with pytest.raises(SchedulerError, match="it has 11 exits; 9 are the most"):
        run({"name": "t", "period": "20 ms", "graph": graph, "exits": exits}, until="20 ms")
