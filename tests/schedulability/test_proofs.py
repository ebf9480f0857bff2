"""The theorems: traps that published analyses fell into, and mutants of ours that the corpus must notice."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from rtsched.errors import RtschedError
from rtsched.schedulability.models import (
    Cluster,
    Dag,
    DagTask,
    Mode,
    Order,
    Pipelines,
    PipelineTask,
    Queues,
    Sporadic,
    Stage,
    TypedPools,
    Uniprocessor,
    Vertex,
)
from rtsched.schedulability.result import Bound, Contribution, Result
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems import (
    chains,
    dag_sets,
    dag_windows,
    edf,
    exhaustive,
    federated,
    fixed_priority,
    multiprocessor,
    offsets,
    pipelines,
    sampled_chains,
    suspending,
    suspending_edf,
    suspension,
    suspension_framework,
    typed_dag,
    utilisation,
)
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from tests.conftest import DATA
from tests.corpus.discovery import discover
from tests.corpus.proofs import PROOFS, checked, never_optimistic
from tests.oracle_uni import worst_responses
from tests.schedulability.exhaustive_suspension import beaten
from tests.schedulability.theorems.test_offsets import not_beaten


def tasks(*rows: tuple[int, ...]) -> tuple[Sporadic, ...]:
    """Tasks from (C, T, D, J), the most urgent first."""
    return tuple(
        Sporadic(str(i + 1), row[0], row[1], row[2] if len(row) > 2 else row[1], row[3] if len(row) > 3 else 0)
        for i, row in enumerate(rows)
    )


# ---- a Result is three-valued ----------------------------------------------------------------------------------------


def test_a_result_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="three-valued"):
        bool(Result("schedulable"))


def test_the_parts_of_a_bound_sum_to_it() -> None:
    Bound("a", 5, 9, (Contribution("own", "a", 3), Contribution("interference", "b", 2)))
    with pytest.raises(AssertionError, match="do not sum"):
        Bound("a", 6, 9, (Contribution("own", "a", 3), Contribution("interference", "b", 2)))


def test_every_theorem_says_what_it_is() -> None:
    for name, theorem in theorems().items():
        assert theorem.strength in ("exact", "sufficient", "necessary"), name
        assert len(theorem.citation) > 8, name
        assert theorem.title, name
        assert inspect.getdoc(theorem.function), name
        assert theorem.reason(object()) is not None, name


def test_a_precondition_that_fails_names_task_and_numbers() -> None:
    model = Cluster(tasks((1, 4), (2, 5, 9)), 2)
    result = theorems()["global-rta"](model)
    assert result.verdict == "unknown"
    assert "task '2' has D = 9 ns > T = 5 ns" in result.reason


def test_a_cut_search_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_priority, "CAP", 2)
    result = theorems()["fp-rta"](Uniprocessor(tasks((1, 2), (2, 5), (1, 12))))
    assert result.verdict == "unknown"
    assert "too many to look at" in result.reason


def test_a_long_busy_period_whose_first_job_is_late_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_priority, "CAP", 3)
    assert theorems()["fp-rta"](Uniprocessor(tasks((1, 2), (2, 5), (1, 12, 3)))).verdict == "unschedulable"


@pytest.mark.parametrize("mode", ["preemptive", "limited", "nonpreemptive"])
@pytest.mark.parametrize("order", ["FP", "EDF"])
def test_overload_never_hangs(order: Any, mode: Mode) -> None:
    for rows in ([(5, 9), (5, 9)], [(1, 10**12, 10**12), (10**12 - 1, 10**12)], [(1, 1), (1, 10**15)]):
        model = Uniprocessor(tasks(*rows), order, mode)
        verdicts = {theorem(model).verdict for theorem in theorems().values() if theorem.reason(model) is None}
        if model.U > 1:
            assert "unschedulable" in verdicts
            assert "schedulable" not in verdicts


# ---- the traps -------------------------------------------------------------------------------------------------------


def test_the_second_instance_is_the_late_one_without_preemption() -> None:
    """Davis et al. 2007, in units of 0.01 ms."""
    result = fixed_priority.np_fp_rta(
        Uniprocessor(tasks((100, 250), (100, 350, 325), (100, 350, 325)), mode="nonpreemptive")
    )
    assert result.responses == [199, 299, 350]


def test_the_third_instance_is_the_worst_with_a_deadline_beyond_the_period() -> None:
    """Lehoczky 1990: responses 114, 102, 116, 104, 118, 106, 94."""
    assert fixed_priority.fp_rta(Uniprocessor(tasks((26, 70), (62, 100, 200)))).responses == [26, 118]


def test_busy_period_with_full_utilisation_and_jitter_has_no_end() -> None:
    model = Uniprocessor(tasks((2, 4), (4, 8, 8, 1)))
    assert fixed_priority.fp_rta(model).responses == [2, None]
    by_deadline = Uniprocessor(tasks((2, 4, 9, 1), (4, 8, 40, 1)), "EDF")
    assert edf.edf_qpa(by_deadline).verdict == "schedulable"  # the demand test is cut at lcm + max D


def test_a_job_may_arrive_with_its_deadline_passed() -> None:
    model = Uniprocessor(tasks((1, 10, 3, 4)), "EDF")
    result = edf.edf_qpa(model)
    assert result.verdict == "unschedulable"
    assert result.details["overload_at_ns"] == -1


def test_non_preemptive_edf_is_tested_from_the_first_deadline() -> None:
    """Before it nothing has to be done: a region of 6 and a first deadline of 7 leave room for 1, in integer time."""
    ok = Uniprocessor(tasks((1, 20, 7), (7, 20, 20)), "EDF", "nonpreemptive")
    late = Uniprocessor(tasks((2, 20, 7), (7, 20, 20)), "EDF", "nonpreemptive")
    assert edf.np_edf(ok).verdict == "schedulable"
    assert edf.np_edf(late).verdict == "unschedulable"


def test_suspension_is_not_jitter() -> None:
    model = Uniprocessor((Sporadic("1", 1, 2, 2), Sporadic("2", 5, 20, 20, S=5), Sporadic("3", 1, 40, 40)))
    wrong = least_fixpoint(lambda R: 1 + -(-R // 2) * 1 + -(-(R + 5) // 20) * 5, 1)
    assert wrong == 12
    assert suspension.self_suspension(model).responses[2] == 22


def test_graham_over_all_types_is_unsound() -> None:
    """Three vertices of one type on one processor of it take 9; the other type's processors do not help."""
    dag = Dag(tuple(Vertex(str(i), 3, "gpu") for i in range(3)))
    cores = {"gpu": 1, "cpu": 3}
    assert typed_dag.graham(dag, sum(cores.values())) < 9
    assert typed_dag.han1(dag, cores)[0] == 9
    assert typed_dag.jaffe(dag, {"gpu": 1}) == 9


def test_jaffe_can_grow_with_processors() -> None:
    dag = Dag((Vertex("a", 10, "cpu"), Vertex("b", 1, "gpu")), ((0, 1),))
    assert typed_dag.jaffe(dag, {"cpu": 1, "gpu": 1}) < typed_dag.jaffe(dag, {"cpu": 1, "gpu": 4})


def test_long_paths_are_disjoint() -> None:
    """A chain beside a fork: the path, then each of the two other ends; the same path twice would cover nothing new."""
    dag = Dag(tuple(Vertex(str(i), 2, "cpu") for i in range(5)), ((0, 1), (1, 2), (0, 3), (0, 4)))
    assert typed_dag.long_paths(dag, 3) == 6
    assert typed_dag.graham(dag, 3) == 6 + Fraction(4, 3)


def test_only_the_last_region_is_protected() -> None:
    """Two regions of 3: the urgent task delays the second; with "C less the first region" protected it would not."""
    low = Sporadic("low", 6, 30, 30, regions=(3, 3))
    result = fixed_priority.limited_fp_rta(Uniprocessor((Sporadic("high", 2, 9, 9), low), mode="limited"))
    assert result.responses == [4, 8]


def test_sets_exactly_on_a_bound_are_accepted() -> None:
    on_hyperbolic = Uniprocessor(tasks((1, 2), (1, 3)))  # (3/2)(4/3) = 2
    assert utilisation.hyperbolic(on_hyperbolic).verdict == "schedulable"
    on_gfb = Cluster(tasks((1, 3), (1, 3), (1, 3), (1, 3), (1, 3)), 2, "EDF")  # 5/3 = 2 - 1/3
    assert multiprocessor.gfb(on_gfb).verdict == "schedulable"


def test_simultaneous_release_is_not_the_worst_case_of_global_priorities() -> None:
    """Exhaustive search: the last task is worse off than when all arrive at once, and a bound has to cover that."""
    random_ = random.Random(5)
    worse = 0
    for _ in range(40):
        rows = tasks(*((random_.randint(1, 4), T, T) for T in (random_.randint(4, 7) for _ in range(4))))
        model = Cluster(rows, 2)
        worst = exhaustive.worst_responses(model) if all(task.C <= task.D for task in rows) else None
        if worst is None:
            continue
        together = synchronous(model)
        assert all(a <= b for a, b in zip(together, worst, strict=True))
        worse += together != worst
        assert all(
            bound is None or bound >= truth
            for bound, truth in zip(multiprocessor.global_rta_lc(model).responses, worst, strict=True)
        )
    assert worse > 0


def synchronous(model: Cluster) -> list[int]:
    """The responses of the first jobs when all arrive at 0 under global fixed priorities, tick by tick."""
    left = [task.C for task in model.tasks]
    finish = [0] * len(left)
    for t in range(1_000):
        running = [i for i, rest in enumerate(left) if rest][: model.m]
        for i in running:
            left[i] -= 1
            finish[i] = t + 1
    return finish


def test_a_shorter_execution_can_be_worse_in_a_pipeline() -> None:
    """A corpus record where the worst case with shorter times exceeds the one at the WCETs; the bound covers it."""
    records = [r for kind, _, r in discover(DATA / "corpus").records if kind == "pipeline"]
    differ = [r for r in records if r["expected"]["variable"] != r["expected"]["fixed"] and r["expected"]["variable"]]
    assert differ
    for record in differ:
        PROOFS["pipeline"](record)


def test_first_in_first_out_of_jobs_that_wait_for_their_predecessors() -> None:
    """Behind the long job the short task falls back by several periods, and queues up anew with every job of its."""
    crowded = Uniprocessor(tasks((3, 24), (15, 31), (1, 3), (1, 18)), "FIFO")
    assert edf.fifo_rta(crowded).responses == [None] * 4
    assert edf.fifo_rta(Uniprocessor(tasks((3, 24), (15, 31), (1, 21)), "FIFO")).responses == [19, 19, 19]


def test_fixpoints_take_no_floats() -> None:
    with pytest.raises(TypeError, match="round it up"):
        least_fixpoint(lambda x: x / 2 + 3, 1)  # type: ignore[arg-type, return-value]
    with pytest.raises(NotConverged):
        least_fixpoint(lambda x: x + 1, 0)


def test_volume_over_processors_is_rounded_down_at_the_end() -> None:
    dag = Dag(tuple(Vertex(str(i), 1, "cpu") for i in range(3)))
    model = TypedPools((DagTask("dag", dag, 10, 10),), {"cpu": 2})
    assert typed_dag.graham_bound(model).responses == [2]  # 1 + 2/2
    assert typed_dag.han1_bound(model).responses == [2]  # 1/2 + 3/2
    assert dag_sets.melani(model).responses == [2]
    assert typed_dag.graham(dag, 2) == 2
    wider = Dag(tuple(Vertex(str(i), 1, "cpu") for i in range(4)))
    assert typed_dag.graham_bound(TypedPools((DagTask("dag", wider, 10, 10),), {"cpu": 2})).responses == [
        2
    ]  # 2.5: a whole tick


def test_a_bound_beyond_the_period_is_no_bound() -> None:
    """A job that outlasts the period delays the next one, which the bound of a DAG alone does not know."""
    dag = Dag((Vertex("a", 9, "cpu"),))
    model = TypedPools((DagTask("dag", dag, 6, 6),), {"cpu": 2})
    assert typed_dag.graham_bound(model).responses == [None]


# ---- what dominates what, and what is equal to what ------------------------------------------------------------------


def random_dag(random_: random.Random, kinds: str) -> Dag:
    count = random_.randint(1, 8)
    vertices = tuple(Vertex(str(i), random_.randint(1, 6), random_.choice(kinds)) for i in range(count))
    edges = tuple((u, v) for v in range(count) for u in range(v) if random_.random() < 0.35)
    return Dag(vertices, edges)


def paths(dag: Dag) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []

    def walk(path: tuple[int, ...]) -> None:
        after = dag.successors[path[-1]]
        if not after:
            found.append(path)
        for target in after:
            walk((*path, target))

    for start in range(len(dag.vertices)):
        if not dag.predecessors[start]:
            walk((start,))
    return found


def test_the_second_bound_of_han_by_enumerating_all_paths() -> None:
    random_ = random.Random(7)
    for _ in range(400):
        dag = random_dag(random_, "abc")
        cores = {kind: random_.randint(1, 3) for kind in "abc"}
        beside = typed_dag.parallel(dag)
        best = Fraction(0)
        for path in paths(dag):
            mask = 0
            for index in path:
                mask |= beside[index]
            value = Fraction(sum(dag.vertices[i].c for i in path))
            for index, vertex in enumerate(dag.vertices):
                if mask >> index & 1:
                    value += Fraction(vertex.c, cores[vertex.type])
            best = max(best, value)
        value, path = typed_dag.han2(dag, cores)
        assert value == best
        assert path in paths(dag)
        assert value <= typed_dag.han1(dag, cores)[0]


def test_a6_of_one_task_is_the_second_bound_of_han_or_that_of_the_order_of_nodes() -> None:
    random_, better = random.Random(8), 0
    for _ in range(200):
        dag = random_dag(random_, "ab")
        cores = {kind: random_.randint(1, 3) for kind in "ab"}
        model = TypedPools((DagTask("dag", dag, 1000, 1000),), cores)
        in_order = typed_dag.node_order_bound(model).responses
        any_order = typed_dag.han2_bound(model).responses
        fits = len(dag.volumes) == 1 and all(dag.width(kind) <= cores[kind] for kind in dag.volumes)  # it never waits
        assert dag_sets.a6_fp(model).responses == ([dag.length] if fits else in_order)
        assert dag_sets.a6_work_conserving(replace(model, order="any")).responses == (
            [dag.length] if fits else any_order
        )
        better += in_order != any_order
    assert better > 50


def test_shares_are_never_more_than_the_formula_of_li_for_one_type() -> None:
    random_, fewer = random.Random(9), 0
    for _ in range(200):
        dag = random_dag(random_, "a")
        D = random_.randint(dag.length, dag.volume + 3)
        found = federated.shares(DagTask("dag", dag, D, D), {"a": 50})
        if dag.length == D and dag.volume > dag.length:
            continue  # the formula divides by nothing
        needed = 1 if dag.volume <= D else -(-(dag.volume - dag.length) // (D - dag.length))
        assert found is not None
        assert found["a"] <= needed
        assert found["a"] * D >= dag.volume
        fewer += found["a"] < needed
    assert fewer > 20


def test_a_share_serves_until_the_next_job_also_where_the_deadline_lies_beyond() -> None:
    wide = Dag(tuple(Vertex(str(k), 4, "a") for k in range(3)))
    assert federated.shares(DagTask("dag", wide, 8, 20), {"a": 3}) == {"a": 2}  # one core would take 12 of 8
    assert federated.shares(DagTask("dag", wide, 12, 20), {"a": 3}) == {"a": 1}


def test_limited_carry_in_is_never_worse() -> None:
    random_ = random.Random(10)
    better = 0
    for _ in range(300):
        n, m = random_.randint(2, 7), random_.randint(2, 3)
        periods = sorted(random_.randint(8, 60) for _ in range(n))
        model = Cluster(tasks(*((random_.randint(1, T // 2), T) for T in periods)), m)
        plain, limited = multiprocessor.global_rta(model).responses, multiprocessor.global_rta_lc(model).responses
        for a, b in zip(plain, limited, strict=True):
            assert a is None or (b is not None and b <= a)
            better += a != b
    assert better > 10


def edf_by_exhaustive_search() -> None:
    """Global EDF on two processors, and EDF on one, where the responses are mostly attained."""
    random_ = random.Random(11)
    accepted = attained = 0
    for _ in range(150):
        periods = [random_.randint(3, 7) for _ in range(3)]
        rows = tasks(*((random_.randint(1, T - 1), T) for T in periods))
        result = checked(multiprocessor.global_edf_rta(Cluster(rows, 2, "EDF")))
        worst = exhaustive.worst_responses(Cluster(rows, 2, "EDF"))
        if result.verdict == "schedulable":
            accepted += 1
            assert worst is not None
            assert all((b or 0) >= w for b, w in zip(result.responses, worst, strict=True))
        light = tasks(*((random_.randint(1, max(1, T // 3)), T, random_.randint(T // 2 + 1, T)) for T in periods))
        truth = exhaustive.worst_responses(Cluster(light, 1, "EDF"))
        alone = Uniprocessor(light, "EDF")
        assert (edf.edf_qpa(alone).verdict == "schedulable") == (truth is not None)
        if truth is not None:
            bounds = edf.edf_rta(alone).responses
            assert all((b or 0) >= w for b, w in zip(bounds, truth, strict=True))
            attained += sum(b == w for b, w in zip(bounds, truth, strict=True))
    assert accepted > 20
    assert attained > 100


def jitter_of_edf() -> None:
    """A job that may come with a deadline passed, and one whose jitter leaves it one tick for two of work."""
    for rows, witness in (([(1, 10, 3, 4)], -1), ([(2, 5, 3, 2), (2, 5, 4)], 1)):
        result = edf.edf_qpa(Uniprocessor(tasks(*rows), "EDF"))
        assert result.verdict == "unschedulable"
        assert result.details["overload_at_ns"] == witness


def shorter_stages() -> None:
    """Every stage but the first may begin a tick after the one before it did."""
    camera = PipelineTask("camera", (Stage("cpu", 2), Stage("gpu", 8), Stage("cpu", 1)), 20, 20)
    mapping = PipelineTask("mapping", (Stage("gpu", 10), Stage("cpu", 3)), 66, 66)
    found = pipelines.holistic_ends(Pipelines((camera, mapping), {"cpu": "preemptive", "gpu": "nonpreemptive"}))
    assert not isinstance(found, str)
    assert found[0] == [[2, 19, 20], [27, 34]]


def suspension_by_exhaustive_search() -> None:
    assert beaten() == []


def stages_that_suspend() -> None:
    """By hand: the urgent NPU stage comes up to 8 late, so twice in the window of the low one: 2 + 2 + 3, then 2 + 1."""
    urgent = PipelineTask("urgent", (Stage("cpu", 2), Stage("npu", 2)), 10, 10)
    low = PipelineTask("low", (Stage("npu", 3), Stage("cpu", 1)), 30, 30)
    model = Pipelines((urgent, low), {"cpu": "preemptive", "npu": "nonpreemptive"})
    assert suspending.pipelines_suspending(model).responses == [6, 10]


def stages_behind_their_own() -> None:
    """By hand: while the first stage runs to its end, more urgent work piles up in front of the second.

    The first waits for 3 and takes 2. Both others may come just after it began, and twice before 7 ticks are over from
    then on: the second waits for 2 * 1 + 2 * 2 and takes 1; the last takes 1. A run takes 11.
    """
    one, two = PipelineTask("one", (Stage("cpu", 1),), 4, 4), PipelineTask("two", (Stage("cpu", 2),), 5, 5)
    low = PipelineTask("low", (Stage("cpu", 2), Stage("cpu", 1), Stage("npu", 1)), 20, 20)
    model = Pipelines((one, two, low), {"cpu": "nonpreemptive", "npu": "nonpreemptive"})
    assert suspending.pipelines_suspending(model).responses == [2, 4, 13]


def stages_in_their_order() -> None:
    """Schedules tick by tick, which a broken rule was seen to fall below."""
    not_beaten((0, 3, 6, 82, 88, 365, 508), 6)


def global_by_the_letter() -> None:
    """The published recurrences of global fixed priorities, tick by tick."""
    random_ = random.Random(12)
    for _ in range(150):
        n, m = random_.randint(2, 6), random_.randint(2, 3)
        periods = [random_.randint(5, 40) for _ in range(n)]
        rows = tasks(*((random_.randint(1, T // 2), T, random_.randint(T // 2, T)) for T in periods))
        model = Cluster(rows, m)
        assert multiprocessor.global_rta(model).responses == letter(rows, m, limited=False)
        assert multiprocessor.global_rta_lc(model).responses == letter(rows, m, limited=True)


def letter(rows: tuple[Sporadic, ...], m: int, limited: bool) -> list[int | None]:
    found: list[int | None] = []
    for k, task in enumerate(rows):
        R: int | None = task.C
        while R is not None:
            cap = R - task.C + 1
            plain, carry = [], []
            for h, R_h in zip(rows[:k], found, strict=True):
                if R_h is None:
                    return [*found, *[None] * (len(rows) - k)]
                L = R + R_h - h.C
                plain.append(min(L // h.T * h.C + min(h.C, L - L // h.T * h.T), cap))
                y = max(R - h.C, 0)
                CI = min(y // h.T * h.C + h.C + min(max(y % h.T - (h.T - R_h), 0), h.C - 1), cap)
                NC = min(R // h.T * h.C + min(R % h.T, h.C), cap)
                carry.append((NC, max(0, CI - NC)))
            if limited:
                total = sum(NC for NC, _ in carry) + sum(sorted((d for _, d in carry), reverse=True)[: m - 1])
            else:
                total = sum(plain)
            following = task.C + total // m
            if following <= R:
                break
            R = following if following <= task.D else None
        found.append(R)
        if R is None:
            return [*found, *[None] * (len(rows) - k - 1)]
    return found


def one_processor_by_exhaustive_search() -> None:
    """Every theorem about one processor, in both orders and all three modes: never optimistic, the exact ones equal."""
    random_ = random.Random(13)
    for _ in range(40):
        rows = []
        for i in range(random_.randint(2, 3)):
            T = random_.randint(3, 8)
            C = random_.randint(1, max(1, T // 2))
            cut = random_.randint(1, C)
            rows.append(Sporadic(str(i), C, T, random_.randint(C, T), regions=(cut, C - cut) if cut < C else (C,)))
        for order, mode in product(("FP", "EDF"), ("preemptive", "limited", "nonpreemptive")):
            worst = worst_responses(tuple(rows), order, mode)
            model = Uniprocessor(tuple(rows), order, mode)  # type: ignore[arg-type]
            never_optimistic(model, worst is not None, worst)


def queues_of_several_orders() -> None:
    """Chains over a core of fixed priorities and an NPU behind a FIFO driver, or of other priorities: by hand."""

    def chain(name: str, T: int, *stages: tuple[str, int]) -> DagTask:
        vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
        return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)

    def bounds(theorem: str, order: Order, queues: Queues | None = None) -> list[int | None]:
        tasks = (chain("a", 30, ("cpu", 2), ("npu", 5)), chain("b", 60, ("cpu", 9), ("npu", 4)))
        pools = TypedPools(tasks, {"cpu": 1, "npu": 1}, order, {"npu": "nonpreemptive"}, queues=queues)
        return theorems()[theorem](pools).responses

    ranks = {"cpu": ("a", "b"), "npu": ("b", "a")}
    # a: 2 + 5 behind the 4 of b; b: 9 + 4 behind the 2 and the 5 of a, which under its priorities is all but a tick
    assert bounds("a6-queues", "any", Queues({"cpu": "FP", "npu": "FIFO"}, ranks)) == [11, 20]
    assert bounds("a6-queues", "any", Queues({"cpu": "FP", "npu": "FP"}, ranks)) == [11, 19]
    assert bounds("a6-fp", "FP") == [10, 20]  # a behind all but a tick of b's 4
    assert bounds("a6-work-conserving", "any") == [20, 27]  # a behind the 13 of b; b behind 7 of a, twice


CHECKS: dict[str, Callable[[], None]] = {
    "queues of several orders": queues_of_several_orders,
    "one processor by exhaustive search": one_processor_by_exhaustive_search,
    "EDF by exhaustive search": edf_by_exhaustive_search,
    "jitter of EDF": jitter_of_edf,
    "shorter stages": shorter_stages,
    "stages that suspend": stages_that_suspend,
    "suspension by exhaustive search": suspension_by_exhaustive_search,
    "stages behind their own": stages_behind_their_own,
    "stages in their order": stages_in_their_order,
    "global by the letter": global_by_the_letter,
}


@pytest.mark.parametrize("name", CHECKS)
def test_against(name: str) -> None:
    CHECKS[name]()


def test_pipelines_are_covered_by_a6_and_holistic_alike() -> None:
    """One processor per type, chains, fixed priorities: both bounds hold, so neither may be below the other's truth."""
    camera = PipelineTask("camera", (Stage("cpu", 2), Stage("gpu", 8), Stage("cpu", 1)), 33, 33)
    mapping = PipelineTask("mapping", (Stage("cpu", 3), Stage("gpu", 10)), 66, 66)
    modes: dict[str, Mode] = {"cpu": "preemptive", "gpu": "nonpreemptive"}
    chains_ = pipelines.holistic(Pipelines((camera, mapping), modes))
    pools = dag_sets.a6_fp(
        TypedPools(
            tuple(
                DagTask(
                    t.name,
                    Dag(
                        tuple(Vertex(str(k), s.C, s.processor) for k, s in enumerate(t.stages)),
                        tuple((k, k + 1) for k in range(len(t.stages) - 1)),
                    ),
                    t.T,
                    t.D,
                )
                for t in (camera, mapping)
            ),
            {"cpu": 1, "gpu": 1},
            modes=modes,
        )
    )
    assert chains_.responses == [20, 33]
    assert pools.responses == [20, 35]


def test_let_reaction_of_a_chain_of_one_period() -> None:
    assert chains.let_reaction_time([10, 10, 10]) == 40


# ---- mutants: a broken rule must be noticed --------------------------------------------------------------------------

MUTANTS: dict[str, tuple[ModuleType | type, str, str, str, tuple[str, ...]]] = {
    "first job only": (fixed_priority, "response", "for q in range(jobs):", "for q in range(1):", ("rta", "fp_rta")),
    "jitter forgotten": (fixed_priority, "request", "((s + h.J) // h.T + 1)", "(s // h.T + 1)", ("rta",)),
    "own jitter forgotten": (fixed_priority, "response", "w + F - q * T + J", "w + F - q * T", ("rta",)),
    "blocking of C": (
        fixed_priority,
        "longest_region",
        "worst.region(mode) - 1, worst",
        "worst.region(mode), worst",
        ("rta",),
    ),
    "no blocking": (fixed_priority, "demand", "blocking=region + task.B", "blocking=task.B", ("rta", "sporadic_uni")),
    "last region is all": (fixed_priority, "demand", "last=task.last_region(model.mode)", "last=task.C", ("rta",)),
    "C less the first region": (
        fixed_priority,
        "demand",
        "last=task.last_region(model.mode)",
        "last=task.C - (task.regions[0] if len(task.regions) > 1 else 0)",
        ("rta",),
    ),
    "utilisation as EDF test": (edf, "qpa", "demand > t", "False", ("edf", "edf_demand")),
    "demand without jitter": (edf, "dbf", "t - task.D + task.J", "t - task.D", ("jitter of EDF",)),
    "no blocking under EDF": (
        edf,
        "blocking",
        "task.region(mode) - 1",
        "0",
        ("edf", "sporadic_uni", "one processor by exhaustive search"),
    ),
    "C blocks under EDF": (edf, "blocking", "task.region(mode) - 1", "task.region(mode)", ("edf", "sporadic_uni")),
    "EDF response of the synchronous job": (
        edf,
        "_arrivals",
        "return sorted(found)",
        "return [0]",
        ("EDF by exhaustive search",),
    ),
    "suspension as jitter": (suspension, "jitter_bound", "R_h - h.C if h.S else 0", "h.S", ("self_suspension",)),
    "suspension delays never": (suspension, "blocking_bound", "min(h.C, h.S)", "0", ("self_suspension",)),
    "the own suspension left out of a window": (
        suspending_edf,
        "window_bound",
        "demand += other.C + other.S",
        "demand += other.C",
        ("suspension by exhaustive search",),
    ),
    "no suspension in a chain": (
        suspending_edf,
        "window_bound",
        "(e, other.S, 0) for",
        "(e, 0, 0) for",
        ("suspension by exhaustive search",),
    ),
    "no later deadlines in a window": (
        suspending_edf,
        "window_bound",
        "(e, other.C, 0) for",
        "(e, 0, 0) for",
        ("suspension by exhaustive search",),
    ),
    "no earlier jobs of its own": (
        suspending_edf,
        "window_bound",
        "(e, other.C + other.S, 0) for",
        "(e, 0, 0) for",
        ("suspension by exhaustive search",),
    ),
    "nothing carried into a window": (
        suspending_edf,
        "window_bound",
        "JobWork(other.T, R[i], other.C, 1)",
        "JobWork(other.T, other.C, other.C, 1)",
        ("suspension by exhaustive search",),
    ),
    "nothing carried in later": (
        suspending_edf,
        "window_bound",
        "[(start, 0, 1)] if start >= 0 else []",
        "[]",
        ("suspension by exhaustive search",),
    ),
    "late windows without suspension": (
        suspending_edf,
        "late_bound",
        "own = task.C + task.S",
        "own = task.C",
        ("suspension by exhaustive search",),
    ),
    "late windows for nothing": (
        suspending_edf,
        "late_bound",
        "return b + own",
        "return own",
        ("suspension by exhaustive search",),
    ),
    "overlap in late windows": (
        suspending_edf,
        "late_bound",
        "min(task.D, task.T) if",
        "task.D if",
        ("suspension by exhaustive search",),
    ),
    "suspension as blocking for nothing": (
        suspension_framework,
        "_framework",
        "behind += h.S if place in chosen else 0",
        "pass",
        ("suspension by exhaustive search",),
    ),
    "nothing carried in where suspension is jitter": (
        suspension_framework,
        "_framework",
        "JobWork(h.T, R[place], h.C, 1)",
        "JobWork(h.T, h.C, h.C, 1)",
        ("suspension by exhaustive search",),
    ),
    "an order of the more urgent assumed": (
        suspension_framework,
        "_framework",
        "behind if ordered else whole",
        "behind",
        ("suspension by exhaustive search",),
    ),
    "one suspension for all jobs in a row": (
        suspension_framework,
        "_solve",
        "q * (task.C + task.S)",
        "q * task.C + task.S",
        ("suspension by exhaustive search",),
    ),
    "only the first job in a row": (
        suspension_framework,
        "_solve",
        "if x <= q * task.T",
        "if True",
        ("suspension by exhaustive search",),
    ),
    "suspension of others not executed": (
        suspension_framework,
        "executing_bound",
        "(h.C + h.S)",
        "h.C",
        ("suspension by exhaustive search",),
    ),
    "in time at once": (
        suspension_framework,
        "assignable_bound",
        "R = [h.D for",
        "R = [h.C for",
        ("suspension by exhaustive search",),
    ),
    "one pool of all types": (typed_dag, "jaffe", "cores[kind]) for", "sum(cores.values())) for", ("dag",)),
    "critical path as makespan": (typed_dag, "graham", "+ Fraction(dag.volume - dag.length, m)", "", ("dag",)),
    "types ignored by Han": (
        typed_dag,
        "han1",
        "Fraction(v, cores[kind])",
        "Fraction(v, sum(cores.values()))",
        ("dag",),
    ),
    "parallel of other types": (
        typed_dag,
        "parallel",
        "kinds[vertex.type] & ~",
        "sum(kinds.values()) & ~",
        ("dag",),
    ),
    "long paths overlap": (typed_dag, "long_paths", "left[index] = 0", "pass", ("dag",)),
    "WCETs only in a pipeline": (
        pipelines,
        "best_starts",
        "stage.C if model.fixed_times else stage.least",
        "stage.C",
        ("shorter stages",),
    ),
    "stages never late": (
        suspending,
        "stage_jitter",
        "max(0, task.D - sum(stage.least for stage in task.stages))",
        "0",
        ("stages that suspend",),
    ),
    "no region in front of a stage": (suspending, "stage_response", "demand.blocking)", "0)", ("stages that suspend",)),
    "no push-through": (pipelines, "stage_demand", "[i] * own", "[]", ("pipeline",)),
    "nothing piles up behind a stage": (
        suspending,
        "stage_response",
        "stages[:k]",
        "stages[:0]",
        ("stages behind their own",),
    ),
    "stages ready at once": (offsets, "in_order", "w + late", "w", ("stages in their order",)),
    "no stage carried in": (offsets, "in_order", "carried(visitor, u, w) +", "", ("stages in their order",)),
    "one job fewer that follows": (offsets, "following", ") - 1", ") - 2", ("stages in their order",)),
    "stages late by one less": (
        offsets,
        "visitors",
        "ends[j][k - 1] if k",
        "ends[j][k - 1] - task.stages[k - 1].C if k",
        ("stages in their order",),
    ),
    "one region for all stages": (offsets, "wait_from", "* (len(here) - 1)", "* 0", ("stages in their order",)),
    "no time elsewhere": (offsets, "wait_from", "+ _sum(elsewhere)", "", ("stages in their order",)),
    "no region in front of a job": (
        offsets,
        "wait_altogether",
        "blocking * sum",
        "0 * sum",
        ("stages in their order",),
    ),
    "from the release at once": (
        offsets,
        "job_waits",
        "(*found[first - 1], *together) if first else together",
        "together",
        ("stages in their order",),
    ),
    "no carry-in": (multiprocessor, "carrying_works", "R + R_h - h.C", "R", ("global by the letter",)),
    "everybody carries in": (
        multiprocessor,
        "limited_works",
        "[: model.m - 1]",
        "",
        ("global by the letter",),
    ),
    "EDF slack assumed": (
        multiprocessor,
        "edf_bounds",
        "slack = [0] * len(model.tasks)",
        "slack = [task.D - task.C for task in model.tasks]",
        ("EDF by exhaustive search",),
    ),
    "a FIFO queue delays nobody": (
        dag_windows.QueueWindow,
        "works",
        "self.queues.may_precede(kind,",
        "self.queues.orders[kind] == 'FP' and self.queues.may_precede(kind,",
        ("queues of several orders",),
    ),
    "no regions in a queue of priorities": (
        dag_windows.QueueWindow,
        "blockers",
        "for other in others if not",
        "for other in () if not",
        ("queues of several orders",),
    ),
    "no regions on pools": (dag_windows, "largest_regions", "if not tasks", "if tasks", ("queues of several orders",)),
    "a job less in a window of pools": (
        dag_windows.ProblemWindow,
        "_end",
        "(1 + whole) * amount",
        "whole * amount",
        ("queues of several orders",),
    ),
    "chains without periods": (chains, "reaction_parts", "T[i + 1] + late", "late", ("chain",)),
    "clocks that wait for nobody": (sampled_chains, "_known", "step.writes(arrival)", "arrival", ("chain",)),
}


def mutate(monkeypatch: pytest.MonkeyPatch, module: ModuleType | type, name: str, old: str, new: str) -> None:
    """Replace a piece of the own text of a function, or of a method of a class."""
    function = getattr(module, name)
    source = dedent(inspect.getsource(inspect.unwrap(function)))
    assert old in source, f"{name} no longer says {old!r}"
    lines = source.replace(old, new).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("def "))
    made: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + "\n".join(lines[start:]), inspect.unwrap(function).__globals__, made)
    wrong: Callable[..., Any] = made[name]
    theorem = getattr(function, "theorem", None)
    if theorem is None:
        monkeypatch.setattr(module, name, wrong)
        return
    import dataclasses

    changed = dataclasses.replace(theorem, function=wrong)
    monkeypatch.setitem(theorems(), theorem.name, changed)
    monkeypatch.setattr(module, name, changed)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_corpus_notices_a_broken_rule(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, old, new, kinds = MUTANTS[name]
    mutate(monkeypatch, module, function, old, new)
    noticed = 0
    for name in set(kinds) & set(CHECKS):
        try:
            CHECKS[name]()
        except (AssertionError, RtschedError, NotConverged):
            noticed += 1
    for kind, _, record in discover(DATA / "corpus").records:
        if kind in kinds:
            try:
                PROOFS[kind](record)
            except (AssertionError, RtschedError, NotConverged):
                noticed += 1
    assert noticed
