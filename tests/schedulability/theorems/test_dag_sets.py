"""DAGs on shared pools: what others can do in a window, by trying all alignments; who waits behind how many regions."""

from __future__ import annotations

import inspect
import random
import textwrap
from dataclasses import replace
from typing import Any

import pytest

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Cluster, Dag, DagTask, Sporadic, TypedPools, Vertex
from rtsched.schedulability.theorems import dag_sets, dag_windows, multiprocessor
from rtsched.schedulability.theorems.interference import JobWork, Looks, due_within, joint_fixpoint
from rtsched.verify.examine import examine
from rtsched.verify.generate import processors_of
from tests.schedulability.drawn_policies import bounds_that_hold


def nodes(cores: int, *works: int) -> tuple[NodeSpec, ...]:
    """Nodes side by side on equal cores."""
    return tuple(NodeSpec(place, f"n{place}", (work,) * cores) for place, work in enumerate(works))


def system(cores: int, *rows: tuple[int, int, tuple[int, ...]]) -> SystemSpec:
    """Tasks of a period, a deadline and nodes side by side; the most urgent first."""
    tasks = [TaskSpec(k, f"t{k}", nodes(cores, *works), T, D, k) for k, (T, D, works) in enumerate(rows)]
    return SystemSpec(processors_of(("cpu", "cpu", cores)), tuple(tasks), "mutant")


#: The second job of the second task waits for the first; the last node for those before it; half a tick is none.
ROW = system(1, (70, 70, (26,)), (100, 130, (62,)))
FORK = system(2, (60, 60, (3, 3, 2, 9)))
WIDE = system(2, (10, 10, (1,)), (20, 20, (1, 1, 1, 1)))
NARROW = system(2, (20, 20, (3,)), (20, 20, (5, 5)))
ONE_OF_FOUR = Dag((Vertex("v", 4, "cpu"),))


def done_in(work: JobWork, x: int) -> int:
    """The most that a job does in x ticks: at its rate, and on each of its chains a tick of work in a tick."""
    beside = work.volume - sum(work.chains)
    return min(work.volume, work.rate * x, sum(min(c, x) for c in work.chains) + beside) if x > 0 else 0


def inside(work: JobWork, arrival: int, L: int) -> int:
    """The most that a job can do in [0, L): within its response time, at its rate."""
    return done_in(work, min(arrival + work.response, L) - max(arrival, 0))


def drawn(chance: random.Random, chains: bool = False) -> JobWork:
    rate, T = chance.randint(1 + chains, 3), chance.randint(2, 12)
    response = chance.randint(1, T)
    if chains:
        found = sorted((chance.randint(1, response) for _ in range(chance.randint(1, rate - 1))), reverse=True)
        beside = chance.randint(0, found[-1] * (rate - len(found)))
        return JobWork(T, response, sum(found) + beside, rate, chains=tuple(found))
    return JobWork(T, response, chance.randint(1, rate * response), rate)


def test_the_most_work_in_a_window_is_that_of_the_worst_alignment() -> None:
    chance, equal = random.Random(3), 0
    for _ in range(600):
        work, L = drawn(chance), chance.randint(1, 40)
        best = max(
            sum(inside(work, first + k * work.T, L) for k in range(L // work.T + 3))
            for first in range(-2 * work.T, work.T)
        )
        assert best <= work.within(L)
        if work.volume % work.rate == 0:  # else the worst alignment is between two ticks
            assert best == work.within(L)
            equal += 1
    assert equal > 200


def test_the_most_work_with_deadlines_by_the_end_is_that_of_the_worst_alignment() -> None:
    chance = random.Random(4)
    for _ in range(600):
        work, D = drawn(chance), chance.randint(1, 40)
        deadline = chance.randint(work.response, work.T)
        best = max(
            sum(done_in(work, last - k * work.T - deadline + work.response) for k in range(D // work.T + 3))
            for last in range(D - work.T, D + 1)
        )
        assert due_within(D, deadline, work) == best


def test_of_a_graph_the_most_work_in_a_window_is_that_of_the_worst_alignment() -> None:
    """Its chains do a tick of work in a tick; two jobs at the ends of the window share what is left of it evenly."""
    chance, less = random.Random(5), 0
    for _ in range(600):
        work, L = drawn(chance, chains=True), chance.randint(1, 40)
        starts = range(-work.response - work.T, work.T)
        best = max(sum(inside(work, first + k * work.T, L) for k in range(L // work.T + 4)) for first in starts)
        assert best == work.within(L)
        less += best < work._replace(chains=()).within(L)
        D, deadline = chance.randint(1, 40), chance.randint(work.response, work.T)
        due = max(
            sum(done_in(work, last - k * work.T - deadline + work.response) for k in range(D // work.T + 3))
            for last in range(D - work.T, D + 1)
        )
        assert due == due_within(D, deadline, work)
    assert less > 100


def test_chains_share_no_work() -> None:
    """The longest path, and the longest of what it left; a path may lead through what is counted already."""
    #: a crossing: 0 and 1 before 2 before 3 and 4
    cross = Dag(
        tuple(Vertex(str(k), c, "cpu") for k, c in enumerate((5, 4, 3, 2, 1))), ((0, 2), (1, 2), (2, 3), (2, 4))
    )
    assert cross.chains("cpu", 3) == (10, 5)
    assert cross.chains("cpu", 1) == (10,)
    assert cross.chains("gpu", 3) == ()
    typed = Dag((Vertex("a", 4, "cpu"), Vertex("b", 9, "gpu"), Vertex("c", 3, "cpu")), ((0, 1), (1, 2)))
    assert typed.chains("cpu", 3) == (7,)


#: A wide graph whose jobs do little at their ends, above another one; under EDF as well.
SPINDLE = Dag(tuple(Vertex(str(k), c, "cpu") for k, c in enumerate((6, 4, 4, 6))), ((0, 1), (0, 2), (1, 3), (2, 3)))
FORK_OF_THREE = Dag(tuple(Vertex(name, 9, "cpu") for name in "xyz"))
BESIDE = TypedPools((DagTask("spindle", SPINDLE, 18, 18), DagTask("fork", FORK_OF_THREE, 200, 200)), {"cpu": 2})


def test_a_job_does_little_where_its_graph_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dag_sets.a6_fp(BESIDE).responses == [16, 43]
    assert dag_sets.a6_edf(replace(BESIDE, order="EDF")).responses == [16, 43]
    monkeypatch.setattr(Dag, "chains", lambda *_: ())
    assert dag_sets.a6_fp(BESIDE).responses == [16, 48]


def test_a_graph_no_wider_than_its_processors_waits_for_others_only() -> None:
    """Two nodes of 5 beside 3 more urgent ticks: the second begins at 3; alone a fork takes its longest path."""
    fork = Dag((Vertex("x", 5, "cpu"), Vertex("y", 5, "cpu")))
    tasks = (DagTask("short", Dag((Vertex("s", 3, "cpu"),)), 20, 20), DagTask("fork", fork, 20, 20))
    model = TypedPools(tasks, {"cpu": 2})
    assert dag_sets.a6_fp(model).responses == [3, 8]
    assert [part.amount for part in dag_sets.a6_fp(model).bounds[1].parts] == [5, 3]
    assert dag_sets.a6_edf(replace(model, tasks=tasks[1:], order="EDF")).responses == [5]
    assert dag_sets.a6_work_conserving(replace(model, tasks=tasks[1:], order="any")).responses == [5]
    wider = replace(tasks[1], dag=Dag((*fork.vertices, Vertex("z", 1, "cpu"))))
    assert dag_sets.a6_fp(replace(model, tasks=(wider,))).responses == [7]


def test_one_core_takes_no_region_while_a_path_waits() -> None:
    """Four stages on two cores never preempted, beside regions of 40: at the first on both, then only more urgent work."""
    chain = Dag(tuple(Vertex(str(k), 2, "cpu") for k in range(4)), ((0, 1), (1, 2), (2, 3)))
    long = DagTask("long", Dag(tuple(Vertex(str(k), 40, "cpu") for k in range(4))), 900, 900)
    model = TypedPools((DagTask("chain", chain, 300, 300), long), {"cpu": 2}, modes={"cpu": "nonpreemptive"})
    (bound, _) = dag_sets.a6_fp(model).bounds
    assert bound.wcrt == 8 + 39  # vertex by vertex: 39 + 3 (39 / 2) more
    assert [(part.kind, part.amount) for part in bound.parts] == [("own", 8), ("blocking", 39)]
    urgent = DagTask("urgent", Dag((Vertex("u", 3, "cpu"),)), 100, 100)
    assert dag_sets.a6_fp(replace(model, tasks=(urgent, *model.tasks))).responses[1] == 8 + 39 + 3


def test_bounds_that_lean_on_each_other_are_the_least_or_there_are_none() -> None:
    def step(name: str, now: dict[str, int]) -> int | None:
        found = 2 + (now["b"] if name == "a" else now["a"]) // 2
        return found if found <= limit else None

    limit = 9
    assert joint_fixpoint({"a": 0, "b": 0}, step) == {"a": 3, "b": 3}  # type: ignore[arg-type]
    limit = 2
    assert joint_fixpoint({"a": 0, "b": 0}, step) is None  # type: ignore[arg-type]


def pool(cores: int, *stages: int) -> TypedPools:
    """A chain above two long tasks, on cores that are not preempted."""
    chain = Dag(
        tuple(Vertex(str(k), c, "cpu") for k, c in enumerate(stages)), tuple((k, k + 1) for k in range(len(stages) - 1))
    )
    long = Dag((Vertex("0", 11, "cpu"),))
    tasks = (DagTask("hi", chain, 100, 100), DagTask("lo", long, 200, 200), DagTask("lo2", long, 200, 200))
    return TypedPools(tasks, {"cpu": cores}, modes={"cpu": "nonpreemptive"})


@pytest.mark.parametrize(("cores", "stages", "bound"), [
    (2, (3,), 13),  # both cores have just begun 11 ticks
    (2, (3, 3), 16),  # its own core is free when the first stage is done, and takes no region while it waits
    (1, (3, 3, 3), 19),  # on one core only the first stage waits: this is attained
])  # fmt: skip
def test_who_follows_waits_behind_one_region_less(cores: int, stages: tuple[int, ...], bound: int) -> None:
    assert dag_sets.a6_fp(pool(cores, *stages)).responses[0] == bound


def test_one_that_follows_on_another_type_waits_behind_all() -> None:
    dag = Dag((Vertex("a", 3, "gpu"), Vertex("b", 3, "cpu")), ((0, 1),))
    low = Dag((Vertex("0", 11, "cpu"),))
    tasks = (DagTask("hi", dag, 100, 100), DagTask("lo", low, 200, 200), DagTask("lo2", low, 200, 200))
    model = TypedPools(tasks, {"cpu": 2, "gpu": 1}, modes={"cpu": "nonpreemptive"})
    assert dag_sets.a6_fp(model).responses[0] == 3 + 3 + 10


def test_the_width_of_a_graph_bounds_what_runs_at_once() -> None:
    fork = Dag(tuple(Vertex(str(k), 4, "cpu") for k in range(4)), ((0, 1), (0, 2), (1, 3), (2, 3)))
    assert (fork.width("cpu"), fork.width("gpu")) == (2, 1)
    line, other = DagTask("line", Dag((Vertex("0", 8, "cpu"),)), 10, 10), DagTask("fork", fork, 60, 60)
    model = TypedPools((line, other), {"cpu": 4})
    assert dag_sets.a6_fp(model).responses == [8, 16]  # 12 + 4 / 4 + W(16) / 4: a line takes one core of the four
    assert dag_sets.melani(model).responses == [8, 19]


def test_a_line_waits_only_while_all_processors_are_busy() -> None:
    line, other = DagTask("line", Dag((Vertex("0", 8, "cpu"),)), 10, 10), DagTask("other", ONE_OF_FOUR, 30, 30)
    assert dag_sets.a6_fp(TypedPools((line, other), {"cpu": 2})).responses == [8, 4]
    three = TypedPools((line, replace(line, name="line2"), other), {"cpu": 2})
    assert (
        dag_sets.a6_fp(three).responses
        == multiprocessor.global_rta(
            Cluster((Sporadic("line", 8, 10, 10), Sporadic("line2", 8, 10, 10), Sporadic("other", 4, 30, 30)), 2)
        ).responses
    )


def test_lines_are_bounded_as_sequential_tasks_are() -> None:
    """On equal preemptive processors a chain is a task: the bounds of both theories are the same."""
    chance, equal = random.Random(6), 0
    for _ in range(200):
        periods = sorted(chance.randint(6, 60) for _ in range(chance.randint(2, 6)))
        tasks = tuple(Sporadic(str(n), chance.randint(2, max(2, T // 2)), T, T) for n, T in enumerate(periods))
        m = chance.randint(1, 3)
        chains = tuple(
            DagTask(task.name, Dag((Vertex("a", 1, "cpu"), Vertex("b", task.C - 1, "cpu")), ((0, 1),)), task.T, task.D)
            for task in tasks
        )
        found = dag_sets.a6_fp(TypedPools(chains, {"cpu": m})).responses
        known = multiprocessor.global_rta(Cluster(tasks, m)).responses
        for ours, theirs in zip(found, known, strict=True):
            assert theirs is None or (ours is not None and ours <= theirs)
        equal += found == known
    assert equal > 150


def test_global_edf_of_graphs_accepts_what_deadlines_taken_for_responses_do_not() -> None:
    """Four graphs of utilisation 0.5 on four cores; deadlines taken for responses fill the window with their work."""
    fork = Dag(
        tuple(Vertex(str(k), 10, "cpu") for k in range(6)),
        tuple((0, k) for k in range(1, 5)) + tuple((k, 5) for k in range(1, 5)),
    )
    tasks = tuple(DagTask(f"t{index}", fork, 120, 120) for index in range(4))
    found = dag_sets.a6_edf(TypedPools(tasks, {"cpu": 4}, "EDF"))
    assert found.verdict == "schedulable"
    assert dag_sets.melani(TypedPools(tasks, {"cpu": 4}, "EDF")).verdict == "schedulable"
    assert max(response or 0 for response in found.responses) <= 120


def test_jobs_that_respond_later_than_their_period_do_not_overlap() -> None:
    """As the worst alignment, of what comes T apart, stays longer than T and is served one after the other."""
    chance = random.Random(5)
    for _ in range(300):
        rate, T = chance.randint(1, 3), chance.randint(2, 10)
        work = JobWork(T, chance.randint(T, 4 * T), chance.randint(1, rate * T), rate)
        L = chance.randint(1, 40)
        best = max(
            sum(inside(work, first + k * T, L) for k in range((L + work.response) // T + 3))
            for first in range(-work.response - T, T)
        )
        assert min(best, rate * L) <= work.within(L)


def test_a_bound_is_the_first_that_the_works_allow() -> None:
    """What is added up in one go is `JobWork.within`: tick by tick from below, for tasks of one node and for graphs."""
    chance = random.Random(6)
    bounded = 0
    for _ in range(60):
        lines = chance.random() < 0.5
        tasks = []
        for place in range(4):
            T, count = chance.randint(5, 14), 1 if lines else chance.randint(1, 3)
            vertices = tuple(Vertex(str(k), chance.randint(1, 4), "cpu") for k in range(count))
            tasks.append(DagTask(str(place), Dag(vertices), T, T))
        model = TypedPools(tuple(tasks), {"cpu": 2}, "EDF")
        for task in tasks:
            window = dag_windows.ProblemWindow(model, task, (), dag_windows.others_than(model, task), urgent=True)
            responses = {
                other.name: chance.randint(other.dag.volume, max(other.dag.volume, other.T)) for other in tasks
            }
            works = [each for other in window.others for each in window.works(other, responses[other.name])]

            def allows(y: int) -> bool:
                x = y - task.dag.volume + 1  # noqa: B023
                each = ((weight, work.within(y), work.rate * x) for weight, work in works)  # noqa: B023
                added = sum(weight * (min(most, cut) if window.line else most) for weight, most, cut in each)  # noqa: B023
                return int(window.base * window.scale + added) // window.scale <= y  # noqa: B023

            first = next(y for y in range(int(window.base), 1000) if y > task.D or allows(y))
            found = window.bound(responses, Looks())
            assert found == (None if first > task.D else first), (model, task, responses)
            bounded += found is not None
    assert 40 < bounded < 220


def test_a_row_of_jobs_by_hand() -> None:
    """Lehoczky's example on one processor: the jobs of the second task end 114, 102, 116, 104, 118 … after arrivals."""
    tasks = DagTask("a", Dag((Vertex("0", 26, "cpu"),)), 70, 70), DagTask("b", Dag((Vertex("0", 62, "cpu"),)), 100, 120)
    found = dag_sets.a6_fp(TypedPools(tasks, {"cpu": 1}))
    assert found.responses == [26, 118]
    assert [part.source for part in found.bounds[1].parts] == ["b", "all others, and jobs of b before it"]
    late = dag_sets.a6_fp(TypedPools((tasks[0], replace(tasks[1], D=117)), {"cpu": 1}))
    assert late.verdict == "unknown"
    fork = Dag(tuple(Vertex(str(k), 8, "cpu") for k in range(3)))
    alone = TypedPools((DagTask("fork", fork, 17, 40, J=2),), {"cpu": 2}, "any")  # the second one ends by 34
    assert dag_sets.a6_work_conserving(alone).responses == [8 + 16 // 2 + 2]
    assert dag_sets.a6_edf(replace(alone, order="EDF")).reason.startswith("a6-edf does not apply: it needs D <= T")


def test_vertices_behind_one_never_delay_it() -> None:
    dag = Dag((Vertex("long", 9, "cpu"), *(Vertex(str(k), 3, "cpu") for k in range(4))))
    task = DagTask("net", dag, 60, 60)
    last = DagTask("net", Dag(dag.vertices[::-1]), 60, 60)
    for order, first, behind in (("FP", 12, 15), ("EDF", 12, 15), ("any", 15, 15)):
        found = [
            dag_sets.a6_work_conserving(TypedPools((each,), {"cpu": 2}, order)).responses  # type: ignore[arg-type]
            for each in (task, last)
        ]
        assert found == [[first], [behind]]
    assert dag_sets.a6_fp(TypedPools((task,), {"cpu": 2}, modes={"cpu": "nonpreemptive"})).responses == [15]


def test_too_many_paths_leave_the_first_bound_of_han(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dag_windows, "MOST_LABELS", 1)
    dag = Dag(tuple(Vertex(name, c, "cpu") for name, c in (("a", 4), ("b", 5), ("c", 9), ("d", 2))), ((0, 1),))
    assert dag_sets.a6_fp(TypedPools((DagTask("net", dag, 60, 60),), {"cpu": 2})).responses == [9 // 2 + 20 // 2]


def test_no_run_beats_a_proof() -> None:
    assert bounds_that_hold("graphs", range(3, 4))


@pytest.mark.slow
def test_no_run_of_many_beats_a_proof() -> None:
    assert bounds_that_hold("graphs", range(2000)) > 4000


#: What is left out of a bound, of which function, and a system whose runs notice it.
MUTANTS: dict[str, tuple[str, str, str, SystemSpec]] = {
    "jobs in a row forgotten": ("bound", "if y + task.J <= (q + 1) * task.T or", "if True or", ROW),
    "a tick less": ("_end", "following = total // scale", "following = total // scale - 1", WIDE),
    "others need one processor more": ("_instead", "dag.width(kind) + 1", "dag.width(kind) + 2", NARROW),
    "the order the other way": ("_beside", "(1 << index) - 1", "~((1 << index) - 1)", FORK),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_run_notices_what_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, old, new, what = MUTANTS[name]
    source = textwrap.dedent(inspect.getsource(getattr(dag_windows.ProblemWindow, where)))
    assert old in source
    policy = {"ordering": "fp", "placement": "global", "preemption": "preemptive"}
    assert examine(what, policy, 1).violations == []
    made: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), dag_windows.__dict__, made)
    monkeypatch.setattr(dag_windows.ProblemWindow, where, made[where])
    assert any(each.theorem.startswith("a6") for each in examine(what, policy, 1).violations)
