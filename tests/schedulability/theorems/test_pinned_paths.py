"""Whole paths of graphs that are pinned: numbers by hand, what it adds, and mutants that a run must notice."""

from __future__ import annotations

import inspect
import random
import textwrap
from dataclasses import replace
from typing import Any

import pytest

from rtsched.schedulability.models import DagTask, Order
from rtsched.schedulability.theorems import pinned_visits as module
from rtsched.schedulability.theorems.pinned_graphs import pinned_graphs
from rtsched.schedulability.theorems.pinned_paths import pinned_paths
from rtsched.verify.examine import examine
from tests.schedulability import ticking_graphs
from tests.schedulability.theorems.test_pinned_graphs import drawn, graph, pools, system

THERE_AND_BACK = ((0, 1), (1, 2))


def test_a_job_that_comes_once_delays_both_visits_once() -> None:
    often = DagTask("often", graph("a3"), 20, 20)
    path = DagTask("path", graph("a2 b6 a2", *THERE_AND_BACK), 40, 40)
    assert pinned_graphs(pools([often, path], "ab")).responses == [3, 2 + 3 + 6 + 2 + 3]
    assert pinned_paths(pools([often, path], "ab")).responses == [3, 2 + 6 + 2 + 3]
    long = DagTask("path", graph("a2 b16 a2", *THERE_AND_BACK), 60, 60)
    assert pinned_paths(pools([often, long], "ab")).responses == [3, 2 + 16 + 2 + 2 * 3]  # it comes at 0, and at 20


def test_a_region_blocks_one_visit_and_another_one_the_next() -> None:
    path = DagTask("path", graph("a2 b1 a2", *THERE_AND_BACK), 60, 60)
    one = DagTask("one", graph("a9"), 60, 60)
    two = DagTask("two", graph("a5"), 60, 60)
    assert pinned_paths(pools([path, one], "ab", "nonpreemptive")).responses[0] == 5 + 8
    assert pinned_graphs(pools([path, one], "ab", "nonpreemptive")).responses[0] == 5 + 8 + 8
    assert pinned_paths(pools([path, one, two], "ab", "nonpreemptive")).responses[0] == 5 + 8 + 4


def test_an_own_region_is_over_when_the_next_visit_is_ready() -> None:
    """Behind its first vertex, 9 long, more urgent work of 4 piles up, and waits 8 ticks that the job does not."""
    urgent = DagTask("urgent", graph("a4"), 30, 30)
    path = DagTask("path", graph("a9 b40 a2", *THERE_AND_BACK), 90, 90)
    # a9 waits for 4; a2 for the 4 that comes while a9 is there or later, and not for a region of its own
    assert pinned_paths(pools([urgent, path], "ab", "nonpreemptive")).responses == [8 + 4, 4 + 9 + 40 + 4 + 2]
    often = DagTask("often", graph("a4"), 12, 12)  # behind a region it is there again before the visit is
    assert pinned_paths(pools([often, path], "ab", "nonpreemptive")).responses == [12, 8 + 9 + 40 + 8 + 2]


def test_vertices_of_a_job_go_in_their_order() -> None:
    """The first of two branches never waits for the second; the second does, once."""
    fork = ((0, 1), (0, 2))
    assert pinned_paths(pools([DagTask("t", graph("a2 b5 b4", *fork), 20, 20)], "ab")).responses == [2 + 5 + 4]
    last = DagTask("t", graph("a2 b5 b4 a9", *fork, (1, 3)), 40, 40)
    assert pinned_paths(pools([last], "ab")).responses == [2 + 5 + 9]
    assert pinned_graphs(pools([last], "ab")).responses == [2 + 5 + 4 + 9]


def test_what_it_adds() -> None:
    """Twelve sets of a load of 1.4 on four processors that run vertices to their end: never worse, at times better."""
    gained = 0
    for seed in range(12):
        model = drawn(seed, 4, 1.4, "nonpreemptive")
        by_vertex, by_path = pinned_graphs(model), pinned_paths(model)
        if by_vertex.verdict == "schedulable":
            pairs = zip(by_path.responses, by_vertex.responses, strict=True)
            assert all(a is not None and b is not None and a <= b for a, b in pairs)
        gained += by_path.verdict == "schedulable" != by_vertex.verdict
    assert gained == 4


def test_under_edf_only_what_is_due_by_then_goes_first() -> None:
    """What comes every 20 ticks, and is due 20 later, beside a path of which the deadline lies before or behind that."""
    often, dag = DagTask("often", graph("a3"), 20, 20), graph("a2 b6 a2", *THERE_AND_BACK)
    late = pools([often, DagTask("path", dag, 40, 40)], "ab", order="EDF")
    assert pinned_graphs(late).responses == [7, 20]
    assert pinned_paths(late).responses == [3, 13]  # often is always due first, and comes once within 13 ticks
    # both visits may be due before often: 3 + 4. Of often, due by 15, not before -5, 2 ticks at most are left at 0
    soon = pinned_paths(pools([often, DagTask("path", dag, 40, 15)], "ab", order="EDF"))
    assert soon.responses == [7, 12]
    assert [(part.kind, part.amount) for part in soon.bounds[1].parts] == [("own", 4), ("interference", 2), ("own", 6)]


def test_a_region_under_edf_is_of_anybody_who_is_due_later() -> None:
    """The other task's 9 ticks run to their end: in front of it where they began before, as one region."""
    path, other = DagTask("path", graph("a2 b1", (0, 1)), 60, 12), DagTask("other", graph("a9 b1", (0, 1)), 60, 60)
    assert pinned_paths(pools([path, other], "ab", "nonpreemptive", "EDF")).responses[0] == 2 + 8 + 1


def test_what_it_adds_under_edf() -> None:
    """Twelve sets of each of two loads on four processors: all are proven, where vertex by vertex hardly any is."""
    for load, before in ((1.0, 2), (1.4, 0)):
        models = [replace(drawn(seed, 4, load, "preemptive"), order="EDF") for seed in range(12)]
        assert sum(pinned_graphs(model).verdict == "schedulable" for model in models) == before
        assert all(pinned_paths(model).verdict == "schedulable" for model in models)


@pytest.mark.parametrize(("load", "fewer"), [(1.0, 50), (1.5, 50), (1.0, 0)])
def test_intervals_say_as_much_as_every_instant(load: float, fewer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first vertex of a part is ready at any instant, as the intervals have it; at the worst, mostly just so."""
    monkeypatch.setattr(module, "MOST_FEWER", fewer)
    checked = exact = 0
    for seed in range(4):
        search = module.PathSearch(replace(drawn(seed, 3, load, "preemptive"), order="EDF"))
        if search.run() is not None:
            continue
        for i, graph_ in enumerate(search.known):
            search._forget()
            for path in graph_.paths[-1][:3]:
                for place in range(1, len(path)):
                    part = path[place:]
                    first, last = graph_.earliest[part[0]], search.ready(i, part[0])
                    search.late = {}
                    found = search._late(i, part, module.Route(10**9, (), 0, 0))
                    instants = {*range(first, last + 1, 7), last, found.since, found.until}
                    worst = max(r + sum(search.taken(i, part, r).values()) for r in instants)
                    assert worst <= found.end
                    checked += 1
                    exact += worst == found.end
    assert checked > 10
    assert not fewer or exact > checked // 2


@pytest.mark.parametrize("order", ["FP", "EDF", "FIFO"])
def test_no_schedule_tick_by_tick_beats_it(order: Order) -> None:
    bounds = attained = 0
    for seed in range(60 if order == "FP" else 120):
        random_ = random.Random(seed)
        model = ticking_graphs.drawn(random_, order)
        result = pinned_paths(model)
        if result.verdict != "schedulable":
            continue
        for bound, seen in zip(result.bounds, ticking_graphs.longest_responses(model, random_, 6), strict=True):
            assert bound.wcrt is not None
            assert seen <= bound.wcrt, (seed, bound.task)
            bounds += 1
            attained += seen == bound.wcrt
    assert bounds > 15
    assert attained > bounds // 3


def test_deadlines_beyond_the_period() -> None:
    """A bound within the period holds whatever the deadline; one beyond it is none."""
    path = DagTask("path", graph("a2 b6 a2", *THERE_AND_BACK), 12, 30)
    assert pinned_paths(pools([path], "ab")).responses == [10]
    late = pinned_paths(pools([DagTask("path", graph("a2 b6 a2", *THERE_AND_BACK), 9, 30)], "ab"))
    assert late.reason == "v2 of 'path' may end later than the period after its arrival"


def test_too_many_paths_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PATHS", 3)
    wide = DagTask("wide", graph("a2 b1 b1 a2", (0, 1), (0, 2), (1, 3), (2, 3)), 60, 60)
    assert pinned_paths(pools([wide], "ab")).reason == "pinned-paths: 'wide' has more than 3 paths"


#: What is left out of the proof, where, and a system whose runs notice it.
MUTANTS: dict[str, tuple[str, str, str, Any, str]] = {
    "H forgotten": (
        "group", "for other in above:", "for other in ():",
        system([(10, [(0, 3, ())]), (40, [(0, 2, ()), (1, 6, (0,)), (0, 2, (1,))])], 2), "preemptive",
    ),
    "one tick less": (
        "group", "_largest(visits.blocks, blocked, y + 1), y + 1", "_largest(visits.blocks, blocked, y + 1), y",
        system([(7, [(0, 2, ())]), (40, [(0, 6, ()), (1, 2, (0,))])], 2), "preemptive",
    ),
    "a region once for all visits": (
        "group", "(0, 1 + later)", "(0, 1)",
        system([(90, [(0, 2, ()), (1, 2, (0,)), (0, 2, (1,))]), (90, [(0, 9, ())]), (90, [(0, 9, ())])], 2),
        "nonpreemptive",
    ),
    "siblings forgotten": (
        "_known", "first = {u for v in visits for u in graph.beside[v] if u < v or not ordered}", "first = set()",
        system([(40, [(0, 2, ()), (1, 5, (0,)), (1, 4, (0,)), (0, 1, (1, 2))])], 2), "preemptive",
    ),
    "who stands behind never blocks": (
        "_known", "for u in beside - first for piece in mine[u]", "for u in () for piece in mine[u]",
        system([(60, [(0, 2, ()), (1, 1, (0,)), (0, 2, (1,)), (0, 9, (0,)), (1, 9, (2,))])], 2), "nonpreemptive",
    ),
}  # fmt: skip


#: What is left out of the proof for other orders, where, and the system by chance whose schedule notices it.
OTHER_ORDERS: dict[str, tuple[Order, str, str, str, int]] = {
    "H forgotten": ("EDF", "group", "for other in above:", "for other in ():", 0),
    "others are never late": ("EDF", "_works", "ends[u] - earliest[u]", "self.ready(j, u) - earliest[u]", 25),
    "due a tick less": ("EDF", "_above", ".D - e", ".D - e - 1", 2346),
    "over when they begin": ("EDF", "_due", "work.response + b", "0", 4),
    "who is due later never blocks": (
        "EDF", "_known", "not (self.ranked(kind) and self.precedes(j, i, kind))", "not self.precedes(j, i, kind)", 63,
    ),
    "vertices in order": ("FIFO", "_known", 'in ("FP", "EDF")', 'in ("FP", "EDF", "FIFO")', 157),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_ORDERS)
def test_ticks_notice_what_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    order, where, old, new, seed = OTHER_ORDERS[name]
    model = ticking_graphs.drawn(random_ := random.Random(seed), order)
    seen = ticking_graphs.longest_responses(model, random_, 6)
    assert all(bound is None or took <= bound for took, bound in zip(seen, pinned_paths(model).responses, strict=True))
    mutate(where, old, new, monkeypatch)
    pairs = zip(seen, pinned_paths(model).responses, strict=True)
    assert any(bound is not None and took > bound for took, bound in pairs)


def mutate(where: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = textwrap.dedent(inspect.getsource(getattr(module.PathSearch, where)))
    assert old in source
    made: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), module.__dict__, made)
    monkeypatch.setattr(module.PathSearch, where, made[where])


@pytest.mark.parametrize("name", MUTANTS)
def test_a_run_notices_what_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, old, new, what, mode = MUTANTS[name]
    scheduler = {"ordering": "fp", "placement": "pinned", "preemption": mode}
    assert examine(what, scheduler, 1).violations == []
    mutate(where, old, new, monkeypatch)
    assert any(each.theorem == "pinned-paths" for each in examine(what, scheduler, 1).violations)


def test_ticks_notice_that_what_piles_up_behind_an_own_region_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ticking_graphs.drawn(random_ := random.Random(1706))
    took = ticking_graphs.longest_responses(model, random_, 12)[1]
    assert pinned_paths(model).responses[1] is None
    mutate("group", "((0, 1 + later), (visits.over, later))", "((0, 1 + later),)", monkeypatch)
    bound = pinned_paths(model).responses[1]
    assert bound is not None
    assert bound < took
