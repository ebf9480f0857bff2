"""Times on unrelated clusters: each piece of work fast on one, slower on the others, or not there at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import rtsched
from rtsched.errors import InputError
from rtsched.generate import draw

CHIP = {"processors": {"big": {"cores": 2}, "little": {"cores": 2}, "npu": {"kind": "npu"}}}
NAMES = ["big", "little", "npu"]


def times(count: int = 300, **unrelated: Any) -> list[dict[str, int]]:
    keys = {"platform": CHIP, "tasks": 20, "utilisation": 0.5, "unrelated": unrelated}
    return [task["wcet"] for system in rtsched.generate(keys, count=count // 20) for task in system["tasks"]]


def test_each_task_is_fastest_somewhere_and_slower_by_a_limited_factor() -> None:
    for each in times(most=3.0):
        assert list(each) == NAMES
        assert max(each.values()) <= 3 * min(each.values()) + 2


def test_the_load_counts_each_task_where_it_is_fastest() -> None:
    for system in rtsched.generate(platform=CHIP, tasks=8, utilisation=0.4, unrelated={}, count=20):
        least = sum(min(task["wcet"].values()) / task["period"] for task in system["tasks"])
        assert least == pytest.approx(0.4 * 5, rel=1e-2)
        assert system["generated"]["reached"] == pytest.approx(least / 5)


def test_inconsistent_clusters_are_fastest_alike() -> None:
    fastest = [NAMES.index(min(each, key=each.__getitem__)) for each in times(3000)]
    assert stats.chisquare(np.bincount(fastest)).pvalue > 1e-4


def test_consistent_clusters_have_one_order_for_all_tasks_of_a_system() -> None:
    orders = []
    for system in rtsched.generate(platform=CHIP, tasks=10, utilisation=0.3, unrelated="consistent", count=60):
        found = {tuple(sorted(task["wcet"], key=task["wcet"].__getitem__)) for task in system["tasks"]}
        assert len(found) == 1
        orders.append(found.pop())
    assert len(set(orders)) == 6  # each order of three clusters comes up


def test_what_is_not_supported_has_no_time_but_somewhere() -> None:
    found = times(3000, supported=0.6)
    assert all(found)
    counts = np.bincount([len(each) for each in found], minlength=4)[1:]
    none, one, two, three = (stats.binom.pmf(number, 3, 0.6) for number in range(4))
    assert stats.chisquare(counts, np.array([none + one, two, three]) * len(found)).pvalue > 1e-4
    assert {len(each) for each in times(supported=0)} == {1}


def test_nodes_of_graphs_have_times_of_their_own() -> None:
    keys = {"platform": CHIP, "tasks": 3, "graph": {"kind": "fork-join"}, "unrelated": {"supported": 0.7}}
    system = draw({**keys, "utilisation": 0.4})
    least = sum(
        min(node["wcet"].values()) / task["period"]
        for task in system["tasks"]
        for node in task["graph"]["nodes"].values()
    )
    assert least == pytest.approx(2.0, rel=1e-2)
    assert rtsched.simulate(system, scheduler="edf", until="1 s").check() == []


def test_a_cluster_that_is_one_server_takes_what_is_drawn() -> None:
    """Times of such a cluster are written for one thread, and divided by its speed-up."""
    chip = {"processors": {"cpu": {"cores": 4, "threads": {1: 1.0, 4: 2.5}}, "npu": {"kind": "npu"}}}
    system = draw({"platform": chip, "tasks": 6, "utilisation": 0.5, "unrelated": {"most": 2.0}})
    lowered = rtsched.load(system).lower()
    fastest = sum(min(filter(None, task.nodes[0].times)) / (task.period or 1) for task in lowered.tasks)
    assert fastest == pytest.approx(2 * 0.5, rel=1e-2)


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"utilisation": {"big": 0.5}}, r"utilisation: times on unrelated clusters load no cluster of their own"),
        ({"tasks": {"big": 5}}, r"tasks: with 'unrelated' no task belongs to one cluster alone"),
        ({"unrelated": "random"}, r"unrelated.speeds: must be 'inconsistent' or 'consistent'"),
    ],
)
def test_what_has_no_meaning_beside_it_is_refused(keys: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        draw({"platform": CHIP, "unrelated": {}, **keys})
