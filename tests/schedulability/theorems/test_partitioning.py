"""Partitioning: each packing rule on its example and against the simulator's, exact assignment against brute force."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulability.models import Mode
from rtsched.schedulability.result import unknown
from rtsched.schedulability.theorems import partitioning
from rtsched.schedulability.theorems.edf import edf_qpa, np_edf
from rtsched.schedulability.theorems.fixed_priority import np_fp_rta
from rtsched.schedulability.theorems.partitioning import (
    MEASURES,
    RULES,
    PlacedTask,
    Rule,
    Unrelated,
    assign,
    pack,
    partitioned,
    uniprocessor_test,
    unrelated_load,
    well_formed,
)
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.placements.packing import (
    BestFitDecreasing,
    FirstFitDecreasing,
    NextFitDecreasing,
    WorstFitDecreasing,
)
from tests.helpers import cpus, simulate, task

SIMULATED = {
    "first-fit": FirstFitDecreasing,
    "best-fit": BestFitDecreasing,
    "worst-fit": WorstFitDecreasing,
    "next-fit": NextFitDecreasing,
}


def shares(tenths: list[int], cores: int = 3, **options: Any) -> Unrelated:
    """Tasks with T = D = 10 on identical processors."""
    names = tuple(f"cpu{index}" for index in range(cores))
    tasks = [PlacedTask("abcdefgh"[i], dict.fromkeys(names, C), 10, 10) for i, C in enumerate(tenths)]
    return Unrelated(tuple(tasks), names, **options)


def homes(model: Unrelated, rule: Rule, **options: Any) -> list[int] | None:
    found = pack(model, rule, **options)
    return None if found is None else [model.processors.index(found.places[task.name]) for task in model.tasks]


def random_system(rng: random.Random, load: float, **options: Any) -> Unrelated:
    """Up to six tasks on up to three unrelated processors; some cannot run everywhere."""
    m, n = rng.randint(1, 3), rng.randint(1, 6)
    names = tuple(f"p{index}" for index in range(m))
    tasks = []
    for name in "abcdef"[:n]:
        T = rng.choice([4, 6, 8, 10, 12, 15, 20])
        able = rng.sample(names, rng.randint(1, m))
        times = {p: max(1, round(T * load * m / n * rng.uniform(0.4, 1.6))) for p in able}
        tasks.append(PlacedTask(name, times, T, rng.randint(max(1, T * 2 // 3), T)))
    return Unrelated(tuple(tasks), names, **options)


# ---- packing ---------------------------------------------------------------------------------------------------------


def test_each_rule_on_an_example() -> None:
    # 6 -> 0, 5 -> 1, then 4, 2 and 1 fill up: the example of the simulator's packings, with the same answers
    model = shares([6, 5, 4, 2, 1])
    assert homes(model, "first-fit") == [0, 1, 0, 1, 1]
    assert homes(model, "best-fit") == [0, 1, 0, 1, 1]
    assert homes(model, "worst-fit") == [0, 1, 2, 2, 1]
    assert homes(model, "next-fit") == [0, 1, 1, 2, 2]
    # and one on which first and best fit differ: 2 fits beside 5 (leaving 3) and beside 7 (leaving 1)
    times = [{"p": 5}, {"q": 7}, {"p": 2, "q": 2}]
    model = Unrelated(
        tuple(PlacedTask(name, each, 10, 10) for name, each in zip("abc", times, strict=True)), ("p", "q")
    )
    assert homes(model, "first-fit") == [0, 1, 0]
    assert homes(model, "best-fit") == [0, 1, 1]


def test_packing_goes_by_the_smallest_share_of_a_task() -> None:
    # a takes 9 or 1, so it comes last, though it is the largest on p
    tasks = (PlacedTask("a", {"p": 9, "q": 1}, 10, 10), PlacedTask("b", {"p": 6}, 10, 10))
    found = pack(Unrelated(tasks, ("p", "q")))
    assert found is not None
    assert found.places == {"a": "q", "b": "p"}
    assert found.loads == {"p": Fraction(6, 10), "q": Fraction(1, 10)}
    assert found.largest == Fraction(6, 10)
    assert found.rule == "first-fit by utilisation"
    assert [task.C for task in found.models["q"].tasks] == [1]


def test_by_density() -> None:
    # b is lighter, but denser: 3 of 4 against 5 of 10; in sum 1.25 > 1, though the utilisation is 0.8
    names = ("p", "q")
    a, b = PlacedTask("a", dict.fromkeys(names, 5), 10, 10), PlacedTask("b", dict.fromkeys(names, 3), 10, 4)
    model = Unrelated((a, b), names)
    assert homes(model, "first-fit") == [0, 0]
    assert homes(model, "first-fit", by="density") == [1, 0]
    found = pack(model, by="density")
    assert found is not None
    assert found.loads == {"p": Fraction(3, 10), "q": Fraction(5, 10)}  # utilisations all the same


def test_what_fits_nowhere() -> None:
    assert pack(shares([8, 8, 5], 2)) is None
    assert pack(shares([], 2)) is not None


@pytest.mark.parametrize("rule", RULES)
def test_packing_as_the_simulator_places(rule: Rule) -> None:
    rng = random.Random(7)
    packed = 0
    for _ in range(120):
        model = random_system(rng, 0.75)
        specs = [
            task(i, tuple(each.times.get(p) for p in model.processors), each.T) for i, each in enumerate(model.tasks)
        ]
        placement = SIMULATED[rule](strict=True)
        mine = homes(model, rule)
        try:
            simulate(specs, ComposedScheduler(EDF(), placement), processors=cpus(len(model.processors)), until=1)
        except SchedulerError as error:
            assert "fits on no processor" in str(error)
            assert mine is None
            continue
        assert [[(place,)] for place in mine or ()] == placement.assigned
        packed += 1
    assert 30 < packed < 110


def test_packing_with_a_test() -> None:
    # in load all fit on one processor; without preemption b's 6 make a (D = 4) late
    names = ("p", "q")
    a, b = PlacedTask("a", dict.fromkeys(names, 1), 10, 4), PlacedTask("b", dict.fromkeys(names, 6), 20, 20)
    model = Unrelated((a, b), names, modes=dict.fromkeys(names, "nonpreemptive"))
    assert homes(model, "first-fit") == [0, 0]
    assert homes(model, "first-fit", test=np_fp_rta) == [1, 0]
    edf = Unrelated((a, b), names, "EDF", model.modes)
    assert homes(edf, "first-fit", test=np_edf) == [1, 0]
    assert homes(Unrelated((a, b), names, "EDF"), "first-fit", test=edf_qpa) == [0, 0]
    assert homes(model, "first-fit", test=lambda each: unknown("nothing is known")) is None


@pytest.mark.parametrize(("order", "mode"), [*product(["FP", "EDF"], ["preemptive", "nonpreemptive", "limited"])])
def test_every_processor_of_a_packing_passes_its_test(order: Any, mode: Mode) -> None:
    rng = random.Random(11)
    packed = 0
    for _ in range(40):
        model = random_system(rng, 0.55, order=order, modes={"p0": mode, "p1": mode, "p2": mode})
        for rule, by in product(RULES, MEASURES):
            found = pack(model, rule, by, uniprocessor_test)
            if found is None:
                continue
            packed += 1
            assert set(found.places) == {each.name for each in model.tasks}
            for each in found.models.values():
                assert uniprocessor_test(each).verdict == "schedulable"
                assert found.loads[each.name] == each.U
                names = [task.name for task in each.tasks]
                assert names == sorted(names)  # the priorities of the model
    assert packed > 20


# ---- the model -------------------------------------------------------------------------------------------------------


def test_malformed_models() -> None:
    good = PlacedTask("a", {"p": 1}, 4, 4)
    bad = {
        "task 'b' can run on no processor": ((PlacedTask("b", {}, 4, 4),), ("p",)),
        "task 'a' has a time on 'p', which is not among the processors": ((good,), ("q",)),
        "two tasks are called 'a'": ((good, good), ("p",)),
        "two processors have the same name": ((good,), ("p", "p")),
        "the regions of task 'b' on 'p' do not sum to its time there": (
            (PlacedTask("b", {"p": 5}, 9, 9, regions={"p": (2, 2)}),),
            ("p",),
        ),
    }
    for why, (tasks, processors) in bad.items():
        model = Unrelated(tasks, processors)
        assert well_formed(model) == why
        assert partitioned(model).reason == f"partitioned does not apply: {why}"
        for function in (pack, assign):
            with pytest.raises(InputError, match=why):
                function(model)
    with pytest.raises(InputError, match="packing rule 'last-fit' by 'utilisation': take one of first-fit"):
        pack(Unrelated((good,), ("p",)), "last-fit")  # type: ignore[arg-type]


def test_regions_and_modes_per_processor() -> None:
    net = PlacedTask("net", {"cpu": 8, "npu": 4}, 20, 20, J=1, regions={"cpu": (5, 3)})
    model = Unrelated((net,), ("cpu", "npu"), modes={"cpu": "limited", "npu": "nonpreemptive"})
    on = model.on("cpu", [net])
    assert (on.mode, on.tasks[0].regions, on.tasks[0].J) == ("limited", (5, 3), 1)
    assert (model.on("npu", [net]).mode, model.on("npu", [net]).tasks[0].regions) == ("nonpreemptive", ())
    assert Unrelated((net,), ("cpu", "npu")).mode("cpu") == "preemptive"


# ---- exact assignment ------------------------------------------------------------------------------------------------


def smallest(model: Unrelated) -> Fraction:
    """The smallest largest load, by trying all assignments."""
    best: Fraction | None = None
    for choice in product(*(each.times for each in model.tasks)):
        loads = dict.fromkeys(model.processors, Fraction(0))
        for each, home in zip(model.tasks, choice, strict=True):
            loads[home] += each.u(home)
        if best is None or max(loads.values()) < best:
            best = max(loads.values())
    assert best is not None
    return best


def test_exact_assignment_against_all_assignments() -> None:
    rng = random.Random(5)
    for _ in range(150):
        model = random_system(rng, rng.uniform(0.5, 1.3))
        found = assign(model)
        assert found.largest == smallest(model)
        assert found.optimal
        assert found.note == ""
        assert all(found.places[each.name] in each.times for each in model.tasks)


def test_exact_assignment_with_periods_that_share_nothing() -> None:
    # the common denominator is out of reach of the solver: the loads are exact all the same, Z within the tolerance
    rng = random.Random(6)
    for _ in range(40):
        names = ("p", "q", "r")
        tasks = []
        for name in "abcdef":
            T = rng.randint(10**6, 10**9)
            times = {p: rng.randint(T // 10, T * 2 // 3) for p in rng.sample(names, rng.randint(1, 3))}
            tasks.append(PlacedTask(name, times, T, T))
        model = Unrelated(tuple(tasks), names)
        found = assign(model)
        assert 0 <= found.largest - smallest(model) < Fraction(1, 10**5)
        loads = dict.fromkeys(names, Fraction(0))
        for each in tasks:
            loads[found.places[each.name]] += each.u(found.places[each.name])
        assert found.loads == loads


def test_exact_assignment_beats_packing() -> None:
    # a is the heaviest and could go anywhere, b only to p, where the rules have put a
    names = ("p", "q")
    model = Unrelated((PlacedTask("a", dict.fromkeys(names, 6), 6, 6), PlacedTask("b", {"p": 8}, 15, 13)), names, "EDF")
    assert [pack(model, rule) for rule in RULES] == [None] * 4
    found = assign(model)
    assert (found.places, found.largest, found.optimal) == ({"a": "q", "b": "p"}, 1, True)
    assert assign(model) == found
    result = partitioned(model)
    assert (result.verdict, result.responses) == ("schedulable", [6, 8])
    assert result.details["rule"] == "exact assignment"


def test_exact_assignment_leaves_out_where_a_task_is_late_alone() -> None:
    # b on q would even out the load, but takes 13 there and has 11
    names = ("p", "q")
    a, b = PlacedTask("a", dict.fromkeys(names, 4), 6, 4), PlacedTask("b", {"p": 10, "q": 13}, 20, 11)
    result = partitioned(Unrelated((a, b), names, "EDF"))
    assert result.details["assignment"] == {"a": "q", "b": "p"}
    assert result.details["rule"] == "exact assignment"


def test_a_solver_that_is_wrong_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def says(x: list[float] | None, status: int) -> Any:
        monkeypatch.setattr(partitioning, "_milp", lambda *_: SimpleNamespace(x=x, status=status, message="stopped"))
        return assign(shares([6, 5], 2))

    # x is a on cpu0, a on cpu1, b on cpu0, b on cpu1, and Z, in tenths
    good = says([1, 0, 0, 1, 6], 0)
    assert (good.places, good.rule, good.optimal, good.note) == (
        {"a": "cpu0", "b": "cpu1"},
        "exact assignment",
        True,
        "",
    )
    worse = says([1, 0, 1, 0, 11], 0)
    assert (worse.places, worse.rule, worse.optimal) == (good.places, "worst-fit by utilisation", False)
    assert worse.note == "the solver calls a largest load of 1.1 the smallest; worst fit has 0.6"
    assert (
        says([1, 0, 1, 0, 6], 0).note
        == "the solver takes the largest load for 1, within its tolerance; it is above by 0.1"
    )
    assert says([0.4, 0.6, 0.7, 0.3, 5.5], 0).note == "the solver reports a largest load of 0.55; exactly it is 0.6"
    assert (says([1, 0, 0, 1, 6], 1).optimal, says(None, 1).note) == (False, "the solver found no assignment: stopped")


def test_exact_assignment_that_fails_its_test() -> None:
    # in load both fit on p, and neither may be on q: but without preemption b makes a late
    tasks = (PlacedTask("a", {"p": 1, "q": 5}, 10, 4), PlacedTask("b", {"p": 6, "q": 25}, 20, 20))
    model = Unrelated(tasks, ("p", "q"), modes={"p": "nonpreemptive"})
    result = partitioned(model)
    assert result.verdict == "unknown"
    assert result.reason == (
        "'a' fits on no processor under first-fit, and no other rule finds a partition; "
        "the exact assignment, with at most 40.0 % on 'p', fails on 'p'"
    )


def test_a_load_within_the_tolerance_of_the_solver_is_reported() -> None:
    second = 10**9
    tasks = (PlacedTask("a", {"p": 500_000_000}, second, second), PlacedTask("b", {"p": 500_000_001}, second, second))
    found = assign(Unrelated(tasks, ("p",)))
    assert found.largest == 1 + Fraction(1, second)
    assert found.note == "the solver takes the largest load for 1, within its tolerance; it is above by 1e-09"


def test_limits_of_the_solver() -> None:
    rng = random.Random(1)
    names = tuple(f"p{index}" for index in range(6))
    tasks = [PlacedTask(f"t{i}", {p: rng.randint(100, 900) for p in names}, 2003, 2003) for i in range(40)]
    none = assign(Unrelated(tuple(tasks), names), time_limit=0.0)
    assert (none.rule, none.optimal) == ("worst-fit by utilisation", False)
    assert none.note.startswith("the solver found no assignment: ")
    cut = assign(Unrelated(tuple(tasks), names), node_limit=1)
    assert set(cut.places) == {each.name for each in tasks}
    assert assign(Unrelated(tuple(tasks), names), node_limit=1).places == cut.places


# ---- theorems --------------------------------------------------------------------------------------------------------


def passing(model: Unrelated) -> bool:
    """Whether any assignment at all passes the test on every processor."""
    for choice in product(*(each.times for each in model.tasks)):
        given = {home: [each for each, at in zip(model.tasks, choice, strict=True) if at == home] for home in choice}
        if all(uniprocessor_test(model.on(p, tasks)).verdict == "schedulable" for p, tasks in given.items()):
            return True
    return False


@pytest.mark.parametrize(("order", "mode"), [*product(["FP", "EDF"], ["preemptive", "nonpreemptive"])])
def test_partitioned_against_all_assignments(order: Any, mode: Mode) -> None:
    rng = random.Random(8)
    found = missed = overloaded = 0
    for _ in range(150):
        model = random_system(rng, 0.7, order=order, modes=dict.fromkeys(("p0", "p1", "p2"), mode))
        result = partitioned(model)
        load = unrelated_load(model)
        if result.verdict == "schedulable":
            found += 1
            assert load.verdict == "unknown"
            assert [bound.task for bound in result.bounds] == [each.name for each in model.tasks]
            places = result.details["assignment"]
            for p in set(places.values()):
                there = model.on(p, [each for each in model.tasks if places[each.name] == p])
                alone = uniprocessor_test(there)
                assert alone.verdict == "schedulable"
                bounds = tuple(result.bound(each.name) for each in there.tasks)
                assert order == "EDF" or bounds == alone.bounds
                assert all(bound.wcrt is None or bound.wcrt <= bound.deadline for bound in bounds)
            continue
        assert result.verdict == "unknown"
        some = passing(model)
        missed += some
        if load.verdict == "unschedulable":
            overloaded += 1
            assert not some
    assert found > 40
    assert overloaded > 10
    assert missed < found / 10


@pytest.mark.parametrize("order", ["FP", "EDF"])
def test_bounds_hold_in_the_simulator(order: Any) -> None:
    rng = random.Random(13)
    tight = 0
    for _ in range(40):
        model = random_system(rng, 0.7, order=order)
        result = partitioned(model)
        if result.verdict != "schedulable":
            continue
        places = result.details["assignment"]
        specs = []
        for i, each in enumerate(model.tasks):
            times = tuple(each.times[p] if places[each.name] == p else None for p in model.processors)
            specs.append(task(i, times, each.T, deadline=each.D))
        ordering = EDF() if order == "EDF" else FixedPriority()
        trace = simulate(specs, ComposedScheduler(ordering), processors=cpus(len(model.processors)), until=240)
        for i, each in enumerate(model.tasks):
            jobs = trace.jobs[trace.jobs["task"] == i]
            seen, bound = int((jobs["finish"] - jobs["release"]).max()), result.bound(each.name).wcrt
            assert bound is not None
            assert seen <= bound <= each.D
            tight += seen == bound
    assert tight > 20


def test_what_partitioned_says() -> None:
    result = partitioned(shares([6, 5, 4, 2, 1]))
    assert result.verdict == "schedulable"
    assert result.details == {
        "assignment": {"a": "cpu0", "b": "cpu1", "c": "cpu0", "d": "cpu1", "e": "cpu1"},
        "rule": "first-fit by utilisation",
        "loads": {"cpu0": 1.0, "cpu1": 0.8, "cpu2": 0.0},
    }
    assert [item.test for item in result.evidence] == ["partitioned", "fp-rta"]
    assert [item.strength for item in result.evidence] == ["sufficient", "exact"]
    assert [(item.text, item.status) for item in result.assumptions] == [
        ("every task runs only on the processor that the assignment gives it", "declared")
    ]
    assert {bound.test for bound in result.bounds} == {"fp-rta"}
    assert json.loads(json.dumps(result.to_dict()))["details"]["rule"] == "first-fit by utilisation"
    assert partitioned(Unrelated((), ("p",))).verdict == "schedulable"


def test_the_test_fits_order_mode_jitter_and_regions() -> None:
    def tests(order: Any, mode: Mode, J: int = 0) -> str:
        model = Unrelated((PlacedTask("a", {"p": 4}, 10, 10, J, {"p": (3, 1)}),), ("p",), order, {"p": mode})
        result = partitioned(model)
        assert result.verdict == "schedulable"
        return result.evidence[1].test

    assert tests("FP", "preemptive") == "fp-rta"
    assert tests("FP", "nonpreemptive") == "np-fp-rta"
    assert tests("FP", "limited") == "limited-fp-rta"
    assert tests("EDF", "preemptive", 2) == "edf-qpa"
    assert tests("EDF", "nonpreemptive") == "np-edf"
    assert tests("EDF", "nonpreemptive", 2) == "np-edf-jitter"
    assert tests("EDF", "limited") == "limited-edf"


def test_more_than_all_processors_can_do() -> None:
    result = unrelated_load(shares([8, 8, 8, 8], 3))
    assert result.verdict == "unschedulable"
    assert [item.strength for item in result.evidence] == ["necessary"]
    assert result.first_failure is not None
    assert result.first_failure.task == "a"
    assert str(result.first_failure) == (
        "4 tasks can run on cpu0, cpu1, cpu2 only, and take at least 320.0 % of one processor; largest share: a, 80.0 %"
    )
    again = partitioned(shares([8, 8, 8, 8], 3))
    assert (again.verdict, again.reason) == ("unknown", result.first_failure.why)
    assert unrelated_load(shares([10, 10, 10], 3)).verdict == "unknown"  # just full
    # no two processors are overloaded by what must run there, but all three are
    pairs = [("p", "q"), ("q", "r"), ("p", "r")] * 2
    tasks = [PlacedTask("abcdef"[i], dict.fromkeys(pair, 6), 10, 10) for i, pair in enumerate(pairs)]
    assert unrelated_load(Unrelated(tuple(tasks), ("p", "q", "r"))).verdict == "unschedulable"
    assert unrelated_load(Unrelated(tuple(tasks[:5]), ("p", "q", "r"))).verdict == "unknown"


def test_a_task_too_long_for_every_processor() -> None:
    model = Unrelated((PlacedTask("a", {"p": 8, "q": 5}, 10, 6, J=2),), ("p", "q"))
    result = unrelated_load(model)
    assert result.verdict == "unschedulable"
    assert result.first_failure is not None
    assert result.first_failure.why == "'a' may need 7 ns where it is quickest and alone, and has 6 ns"
    assert (result.first_failure.needed, result.first_failure.available) == (7, 6)
