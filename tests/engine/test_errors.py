"""Answers whose errors are not nested, in runs: what members are right on, what is seen of them, who gains."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.trace.trace import Trace

MAJORITY = {"correlation": 0, "combine": "majority"}
RECORDED = {
    "recorded": [{"right": ["m0", "m1", "m2"], "share": 0.5}, {"right": ["m0"], "share": 0.2},
                 {"right": ["m1", "m2"], "share": 0.2}, {"share": 0.1}],
    "combine": "majority",
}  # fmt: skip


def members(errors: Any, *accuracies: float, **more: Any) -> dict[str, Any]:
    """A task of one ms for each member, in a row, every 20 ms."""
    names = [f"m{number}" for number in range(len(accuracies))]
    graph = {"nodes": {name: {"wcet": "1 ms"} for name in names}, "edges": list(pairwise(names))}
    exits = [{"node": name, "accuracy": accuracy} for name, accuracy in zip(names, accuracies, strict=True)]
    task = {"name": "net", "period": "20 ms", "graph": graph, "exits": exits} | more
    return {"platform": "uniprocessor", "tasks": [task if errors is None else task | {"errors": errors}]}


def variants(errors: Any, **more: Any) -> dict[str, Any]:
    choices = [{"name": "large", "scale": 1, "accuracy": 0.9}, {"name": "small", "scale": 0.5, "accuracy": 0.7}]
    task = {"name": "net", "period": "20 ms", "wcet": "2 ms", "variants": choices, "errors": errors}
    return {"platform": "uniprocessor", "tasks": [task | more]}


def run(system: dict[str, Any], policy: Any = "edf", until: str = "40 s", **more: Any) -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, until=until, **more)
    assert trace.check() == []
    return trace


def right(trace: Trace) -> np.ndarray[Any, Any]:
    return trace.answers["right"].astype(bool)


def near(found: float, wanted: float, count: int) -> bool:
    return abs(found - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / count)


# ---- what ensembles gain -----------------------------------------------------------------------------------------


def test_an_ensemble_gains_over_its_best_member() -> None:
    """Three independent members of 0.7: a majority is right on 0.7³ + 3 x 0.7² x 0.3 = 0.784; and so is that many."""
    trace = run(members(MAJORITY, 0.7, 0.7, 0.7), {"ordering": "edf", "adaptation": "rtdeepensemble-style"})
    assert set(trace.answers["accuracy"].tolist()) == {784_000}
    assert near(right(trace).mean(), 0.784, len(trace.answers))
    assert rtsched.evaluate(trace, ["accuracy", "kept_accuracy"]) == {
        "accuracy": pytest.approx(right(trace).mean()),
        "kept_accuracy": 1.0,
    }


def test_nested_members_of_one_accuracy_gain_nothing_and_none_of_them_runs() -> None:
    trace = run(members(None, 0.7, 0.7, 0.7), {"ordering": "edf", "adaptation": "rtdeepensemble-style"}, until="1 s")
    assert set(trace.slices["node"].tolist()) == {0}


@pytest.mark.parametrize(
    ("errors", "wanted"),
    [
        ({"correlation": 0}, 0.7),
        ({"correlation": 0.5, "combine": "average"}, 0.739646783),  # of sqrt(0.5 + 0.5 / 3) times the spread of one
        (RECORDED, 0.7),  # two of three at least: 0.5 + 0.2
    ],
)
def test_as_many_are_right_as_the_model_says(errors: Any, wanted: float) -> None:
    trace = run(members(errors, 0.7, 0.7, 0.7))
    assert trace.answers["accuracy"][0] == round(wanted * 1e6)
    assert near(right(trace).mean(), wanted, len(trace.answers))


def test_a_small_variant_is_right_where_a_large_one_errs_unless_they_are_nested() -> None:
    by_name = {}
    for name in ("large", "small"):
        policy = {"ordering": "edf", "adaptation": {"name": "fixed", "variant": name}}
        by_name[name] = [right(run(variants(errors), policy, until="10 s")) for errors in ("nested", "independent")]
    assert not (by_name["small"][0] & ~by_name["large"][0]).any()
    assert near((by_name["small"][1] & ~by_name["large"][1]).mean(), 0.7 * 0.1, 500)
    assert near(by_name["large"][1].mean(), 0.9, 500)


def test_nested_is_what_holds_where_nothing_is_said() -> None:
    policy = {"ordering": "edf", "adaptation": {"name": "early-exit", "threshold": 0.8}}
    said, unsaid = (run(members(errors, 0.6, 0.8), policy, until="2 s") for errors in ("nested", None))
    assert (said.answers == unsaid.answers).all()
    assert (said.slices == unsaid.slices).all()


# ---- inputs --------------------------------------------------------------------------------------------------------


def test_every_policy_meets_the_same_inputs() -> None:
    """Draw k belongs to job k, and the last member errs alike whoever else has been heard."""
    whole = right(run(members({"correlation": 0.3}, 0.6, 0.8), until="4 s"))
    early = run(members({"correlation": 0.3}, 0.6, 0.8), "edf+early-exit", until="4 s")
    late = early.answers["exit"] == 1
    assert 10 < late.sum() < 190
    assert (right(early)[late] == whole[late]).all()


def test_members_err_on_successive_inputs_alike_where_these_resemble_each_other() -> None:
    for correlation, alike in ((0.0, False), (0.9, True)):
        found = right(run(members("independent", 0.5, 0.5, difficulty={"correlation": correlation}), until="20 s"))
        same = float((found[1:] == found[:-1]).mean())  # 1/2 + arcsin(0.9)/π = 0.856 of two normals
        assert near(same, 0.5 + math.asin(correlation) / math.pi, 200)
        assert (same > 0.7) == alike


# ---- what is seen --------------------------------------------------------------------------------------------------


class Curious(ComposedScheduler):
    """EDF, which notes what it is told at each exit, and what it expects of the last one."""

    def setup(self, soc: Any) -> None:
        super().setup(soc)
        self.said: list[list[tuple[float, float, int]]] = [[], [], []]

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        if "exit" in observation:
            number, job = observation["exit"], segment.job
            assert observation["confidence"] == self.soc.expected_accuracy(job, 0.5, number)
            self.said[number].append((observation["confidence"], self.soc.expected_accuracy(job, 0.5, 2), job.number))
        super().on_completion(segment, observation)


@pytest.mark.parametrize(
    "errors", [MAJORITY, {"correlation": 0.5, "combine": "average"}, {"correlation": 0.5}, RECORDED]
)
def test_confidences_come_true_as_often_as_they_say(errors: Any) -> None:
    scheduler = Curious()
    trace = run(members(errors, 0.7, 0.7, 0.7), scheduler, until="20 s")
    was = dict(zip(trace.answers["job"].tolist(), right(trace).tolist(), strict=True))
    for number in range(3):
        for low, high in ((0, 0.6), (0.6, 0.85), (0.85, 1.01)):
            group = [(hope, was[job]) for _, hope, job in scheduler.said[number] if low <= hope < high]
            if group:
                said, found = (sum(column) / len(group) for column in zip(*group, strict=True))
                assert abs(said - found) < 4 * math.sqrt(0.25 / len(group))
    spread = [np.std([hope for _, hope, _ in said]) for said in scheduler.said]
    assert spread == sorted(spread)  # who has heard more members knows more


def test_an_accuracy_alone_does_not_say_whose_answer_it_is() -> None:
    class Careless(ComposedScheduler):
        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            self.soc.expected_accuracy(segment.job, 0.7)

    with pytest.raises(SchedulerError, match="its answers err apart, so say whose it is"):
        run(members("independent", 0.7, 0.8), Careless(), until="100 ms")


def test_before_an_exit_an_answer_is_worth_what_all_inputs_say() -> None:
    class Early(ComposedScheduler):
        def on_release(self, job: Any) -> None:
            self.told = [self.soc.expected_accuracy(job, 0.0, number) for number in range(-1, 3)]
            super().on_release(job)

    scheduler = Early()
    run(members(MAJORITY, 0.7, 0.7, 0.7), scheduler, until="20 ms")
    assert scheduler.told == pytest.approx([0, 0.7, 0.7, 0.784])
    run(members({"correlation": 0.5}, 0.7, 0.7, 0.7, difficulty={"predictor": 0.9}), scheduler, until="20 ms")
    assert len({round(each, 9) for each in scheduler.told}) == 2  # all that is seen is what they share
    assert 0.69 < scheduler.told[1] < 0.695  # this input looks a little harder than most


@pytest.mark.parametrize(
    "policy",
    ["edf+early-exit", "edf+anytime", "edf+stage-dp-style", "best-return", "mandatory-first+anytime", "zygarde-style"],
)
def test_whoever_reads_answers_runs_with_all_kinds_of_errors(policy: str) -> None:
    for errors in (MAJORITY, {"correlation": 0.5, "combine": "average"}, RECORDED):
        tasks = [members(errors, 0.7, 0.7, 0.7, period="8 ms", deadline="5 ms", name=name)["tasks"][0] for name in "ab"]
        trace = run({"platform": "uniprocessor", "tasks": tasks}, policy, until="200 ms")
        assert len(trace.answers) == 50


def test_rtscale_weighs_what_a_predictor_says_of_each_variant() -> None:
    policy = {"ordering": "edf", "adaptation": "rtscale-style"}
    tight = variants({"correlation": 0.4}, deadline="3 ms", instances=2, difficulty={"predictor": 0.9})
    trace = run(tight, policy, until="2 s")
    assert set(trace.answers["variant"].tolist()) == {0, 1}
    assert (trace.jobs["outcome"] == 0).all()


def test_thresholds_that_are_set_on_nested_inputs_are_refused() -> None:
    with pytest.raises(SchedulerError, match="the errors of task 'net' are not nested"):
        run(members("independent", 0.7, 0.8), "edf+exit-budget")


# ---- beside it -----------------------------------------------------------------------------------------------------


def test_no_instant_and_no_proof_depends_on_errors() -> None:
    plain, apart = members(None, 0.7, 0.8), members(MAJORITY, 0.7, 0.8)
    assert (run(plain, until="1 s").slices == run(apart, until="1 s").slices).all()
    verdicts = [rtsched.analyse(each | {"scheduler": "edf"}).verdict for each in (plain, apart)]
    assert verdicts == ["schedulable"] * 2


def test_outputs_say_what_an_ensemble_is_worth_by_the_model() -> None:
    trace = run(members(MAJORITY, 0.7, 0.7, 0.7), until="20 ms")
    note = "net: a member more at each exit, by majority; right together, by the model: 0.7, 0.7, 0.784"
    assert note in trace.system.assumed


def test_without_a_trace_the_figures_are_the_same() -> None:
    policy = {"ordering": "edf", "adaptation": "rtdeepensemble-style"}
    kept, sums = (run(members(MAJORITY, 0.7, 0.7, 0.7), policy, until="4 s", trace=trace) for trace in (True, False))
    assert rtsched.evaluate(kept, "accuracy") == rtsched.evaluate(sums, "accuracy")


class Leaving(ComposedScheduler):
    """EDF, which leaves at the exit of this number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        super().on_completion(segment, observation)
        if observation["exit"] == self.number and segment.job.left > 1:
            self.soc.finish(segment.job)


@pytest.mark.parametrize("errors", [{"correlation": 0.2}, MAJORITY, RECORDED])
def test_the_optimum_knows_who_is_right(errors: Any) -> None:
    """Alone and with time enough: on each input of the run some exit is right, or none."""
    pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")
    system = members(errors, 0.7, 0.7, 0.7) | {"scheduler": "edf"}
    leaving = [right(run(system, Leaving(number), until="600 ms")) for number in range(3)]
    answer = rtsched.optimum(system, until="600 ms")
    assert answer.bound == answer.worth == np.logical_or.reduce(leaving).sum() > max(map(np.sum, leaving))


def test_the_optimum_refuses_them_where_inputs_depend_on_what_came_before() -> None:
    pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")
    system = members(MAJORITY, 0.7, 0.8)
    (task,) = system["tasks"]
    follower = {key: value for key, value in task.items() if key != "period"}
    follower |= {"after": {"task": "lead", "probability": 0.5}, "deadline": "20 ms"}
    lead = {"name": "lead", "wcet": "1 ms", "period": "20 ms"}
    with pytest.raises(InputError, match="who errs on its inputs depends on how many were triggered before"):
        rtsched.optimum({"platform": "uniprocessor", "scheduler": "edf", "tasks": [lead, follower]}, until="100 ms")
