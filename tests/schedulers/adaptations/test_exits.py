"""Early exits, optional parts and layer placements: each against its rule on examples worked by hand."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import InputError, load, simulate, summary
from rtsched.schedulers.adaptations import stages
from rtsched.schedulers.adaptations.exit_budget import leaving
from rtsched.schedulers.adaptations.stages import best_depths
from rtsched.schedulers.quality import times_to_exits
from rtsched.trace.trace import ACTIONS
from rtsched.units import MS
from tests.chips import asked, loaded, run, slices

GPU = "platform: {processors: {gpu: {kind: gpu, service: node}}}\n"

STAGES = (
    GPU
    + """
simulate: {until: UNTIL}
tasks:
  - name: net
    period: 10 ms
    difficulty: {reliability: 0.8}
    graph:
      nodes: {s1: {wcet: {gpu: 2 ms}}, s2: {wcet: {gpu: 3 ms}}, s3: {wcet: {gpu: 4 ms}}}
      edges: [[s1, s2], [s2, s3]]
    exits: [{node: s1, accuracy: 0.6}, {node: s2, accuracy: 0.8}, {node: s3, accuracy: 0.9}]
"""
)


def policy(name: str, **parameters: object) -> dict[str, object]:
    return {"ordering": "edf", "adaptation": {"name": name, **parameters}}


def test_times_to_exits_hold_all_that_an_exit_needs() -> None:
    system = loaded(STAGES.replace("UNTIL", "1 s"))
    assert asked(system, lambda each, job: times_to_exits(each, job.task)) == [2_000_000, 5_000_000, 9_000_000]


#: The heads of exits lie beside what goes on; the engine serves the nodes of a job in the order of their numbers.
HEADS = """
platform: {processors: {cpu: {cores: CORES}}}
simulate: {until: 1 s}
tasks:
  - name: net
    release: 0 ms
    deadline: DEADLINE ms
    graph:
      nodes: {s1: {wcet: 1 ms}, head: {wcet: 3 ms}, s2: {wcet: 2 ms}, s3: {wcet: 4 ms}}
      edges: [[s1, head], [s1, s2], [s2, s3]]
    exits: [{node: head, accuracy: 0.6}, {node: s3, accuracy: 0.9}]
"""


@pytest.mark.parametrize(("cores", "times"), [(1, [4, 10]), (2, [4, 7])])
def test_what_an_exit_does_not_need_but_is_served_before_it_takes_its_time(cores: int, times: list[int]) -> None:
    """One core: 1 + 3, and then 2 + 4 for the second exit, which does not need the first's head. Two: 1 + 2 + 4."""
    text = HEADS.replace("CORES", str(cores)).replace("DEADLINE", "20")
    assert asked(loaded(text), lambda each, job: times_to_exits(each, job.task)) == [time * MS for time in times]
    trace = run(text, scheduler={"ordering": "edf"})
    assert {int(row["node"]): int(row["end"]) // MS for row in trace.slices if row["node"] in (1, 3)} == {
        1: times[0], 3: times[1],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["stage-dp-style", "rtdeepensemble-style"])
@pytest.mark.parametrize(("deadline", "answer", "end"), [(4, "head", 4), (9, "head", 4), (10, "s3", 10)])
def test_who_looks_ahead_leaves_at_the_exit_that_is_in_time(name: str, deadline: int, answer: str, end: int) -> None:
    """The second exit is reached after 10 ms, though what it needs takes 7: until 9 the first is the one to take."""
    trace = run(HEADS.replace("CORES", "1").replace("DEADLINE", str(deadline)), scheduler=policy(name))
    assert trace.jobs["finish"].tolist() == [end * MS]
    assert trace.answers["accuracy"].tolist() == [{"head": 600_000, "s3": 900_000}[answer]]


# ---- confidence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "exits"), [(0.0, {"s1"}), (1.0, {"s1", "s2", "s3"})])
def test_the_extremes_of_the_threshold(threshold: float, exits: set[str]) -> None:
    task = summary(run(STAGES.replace("UNTIL", "2 s"), scheduler=policy("early-exit", threshold=threshold))).tasks[0]
    used = {name for name, count in task.variants.items() if count}
    assert used <= exits
    assert "s1" in used or threshold == 1.0


def test_a_higher_threshold_costs_time_and_buys_accuracy() -> None:
    runs = [
        summary(run(STAGES.replace("UNTIL", "60 s"), scheduler=policy("early-exit", threshold=value)))
        for value in (0.5, 0.7, 0.9, 0.98)
    ]
    times = [each.tasks[0].response.mean for each in runs]
    accuracies = [each.tasks[0].accuracy for each in runs]
    assert times == sorted(times)
    assert times[0] < times[-1]
    assert accuracies == sorted(accuracies)
    assert accuracies[0] < accuracies[-1] - 0.02


def test_the_threshold_follows_the_queue() -> None:
    overload = STAGES.replace("UNTIL", "20 s").replace(
        "period: 10 ms", "period: 6 ms\n    overlap: true\n    deadline: 12 ms"
    )
    fixed = summary(run(overload, scheduler=policy("early-exit", threshold=0.95)))
    moving = summary(run(overload, scheduler=policy("early-exit", threshold=0.95, gain=0.05)))
    assert fixed.miss_ratio > 0.5
    assert moving.miss_ratio < 0.2
    assert moving.accuracy < fixed.accuracy  # bounded loss: it is what the deadlines cost
    assert moving.effective_accuracy > fixed.effective_accuracy


# ---- budget and deadline ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [0.3, 0.5, 0.7, 0.9])
def test_the_budget_is_the_mean_time(budget: float) -> None:
    trace = run(STAGES.replace("UNTIL", "100 s"), scheduler=policy("exit-budget", budget=budget))
    mean = summary(trace).tasks[0].response.mean
    assert mean == pytest.approx(budget * 9e6, rel=0.02)


def test_the_shares_that_leave_are_geometric() -> None:
    shares = leaving([2.0, 5.0, 9.0], 4.5)
    assert sum(shares) == pytest.approx(1)
    assert sum(share * time for share, time in zip(shares, (2.0, 5.0, 9.0), strict=True)) == pytest.approx(4.5)
    assert shares[1] / shares[0] == pytest.approx(shares[2] / shares[1])
    assert leaving([2.0, 5.0, 9.0], 1.0) == [1.0, 0.0, 0.0]
    assert leaving([2.0, 5.0, 9.0], 9.0) == [0.0, 0.0, 1.0]


def test_at_the_deadline_the_answer_that_is_there_is_taken() -> None:
    text = STAGES.replace("UNTIL", "10 ms").replace("period: 10 ms", "period: 10 ms\n    deadline: 6 ms")
    assert summary(run(text)).misses == 1
    trace = run(text, scheduler="edf+anytime")
    assert slices(trace) == [
        ("net", "gpu", 0, 2, "completed"),
        ("net", "gpu", 2, 5, "completed"),
        ("net", "gpu", 5, 6, "stopped"),
        ("net", "gpu", 6, 9, "drained"),  # a GPU served by nodes does not stop at once
    ]
    assert (summary(trace).misses, trace.answers["accuracy"].tolist()) == (0, [800_000])
    late = run(text.replace("deadline: 6 ms", "deadline: 1 ms"), scheduler="edf+anytime")
    assert summary(late).misses == 1  # there was no answer yet


# ---- mandatory and optional ------------------------------------------------------------------------------------------

TWO = (
    GPU
    + """
simulate: {until: 20 ms}
tasks:
  - name: a
    period: 20 ms
    deadline: 9 ms
    graph:
      nodes: {m: {wcet: {gpu: 2 ms}}, o: {wcet: {gpu: 6 ms}}}
      edges: [[m, o]]
    exits: [{node: m, accuracy: 0.5}, {node: o, accuracy: GOOD}]
  - name: b
    period: 20 ms
    deadline: 10 ms
    graph:
      nodes: {m: {wcet: {gpu: 3 ms}}, o: {wcet: {gpu: 4 ms}}}
      edges: [[m, o]]
    exits: [{node: m, accuracy: 0.5}, {node: o, accuracy: 0.9}]
"""
)


def order(trace) -> list[tuple[str, str, float, float]]:
    return [
        (name, trace.system.tasks[trace.jobs["task"][row["job"]]].nodes[row["node"]].name, start, end)
        for row, (name, _, start, end, _) in zip(trace.slices, slices(trace), strict=True)
    ]


def test_edf_lets_one_optional_part_ruin_anothers_mandatory_one() -> None:
    trace = run(TWO.replace("GOOD", "0.6"), scheduler="edf+anytime")
    assert order(trace)[:3] == [("a", "m", 0, 2), ("a", "o", 2, 8), ("b", "m", 8, 11)]
    assert summary(trace).misses == 1


def test_mandatory_first_then_optional_by_deadline() -> None:
    trace = run(TWO.replace("GOOD", "0.6"), scheduler="mandatory-first+anytime")
    assert order(trace) == [("a", "m", 0, 2), ("b", "m", 2, 5), ("a", "o", 5, 9), ("a", "o", 9, 11)]
    assert slices(trace)[-1][-1] == "drained"  # of no use to a any more, and in b's way
    assert summary(trace).misses == 0
    assert trace.answers["accuracy"].tolist() == [500_000, 500_000]  # neither optional part was ready in time


def test_best_return_runs_the_optional_part_that_gains_most_per_time() -> None:
    # certain gains (nothing was seen of the input): a 0.1 for 6 ms, b 0.4 for 4 ms
    text = TWO.replace("GOOD", "0.6").replace("    exits", "    difficulty: {reliability: 0}\n    exits")
    trace = run(text, scheduler="best-return+anytime")
    assert order(trace) == [("a", "m", 0, 2), ("b", "m", 2, 5), ("b", "o", 5, 9)]
    assert trace.answers["accuracy"].tolist() == [500_000, 900_000]


def test_the_dp_runs_the_stages_that_fit_for_the_most_accuracy() -> None:
    # both mandatory parts take 5 of 9 (10) ms; of the optional ones b's 4 ms gain 0.4 and fit by 10 ms (2 + 3 + 4 = 9)
    text = TWO.replace("GOOD", "0.6").replace("    exits", "    difficulty: {reliability: 0}\n    exits")
    trace = run(text, scheduler="edf+stage-dp-style")
    assert order(trace) == [("a", "m", 0, 2), ("b", "m", 2, 5), ("b", "o", 5, 9)]
    assert trace.answers["accuracy"].tolist() == [500_000, 900_000]


def test_the_dp_drops_optional_stages_that_confidence_makes_useless() -> None:
    text = STAGES.replace("UNTIL", "20 s").replace("reliability: 0.8", "reliability: 0.99")
    all_stages = summary(run(text)).tasks[0]
    fewer = summary(run(text, scheduler=policy("stage-dp-style", worth=0.05))).tasks[0]
    assert fewer.response.mean < 0.6 * all_stages.response.mean
    assert fewer.accuracy > all_stages.accuracy - 0.03


@st.composite
def plans(draw) -> list[tuple[int, list[tuple[int, int, float]]]]:
    left, jobs = 0, []
    for _ in range(draw(st.integers(1, 4))):
        left += draw(st.integers(1, 10))
        count = draw(st.integers(1, 3))
        times = sorted(draw(st.lists(st.integers(1, 10), min_size=count, max_size=count)))
        worth = sorted(draw(st.lists(st.integers(1, 99), min_size=count, max_size=count)))
        jobs.append((left, [(n, time, value / 100) for n, (time, value) in enumerate(zip(times, worth, strict=True))]))
    return jobs


@given(plans())
@settings(max_examples=200)
def test_the_dp_equals_the_best_of_all(plan) -> None:
    best = -1.0
    for choice in product(*(range(len(options)) for _, options in plan)):
        end, fits = 0, True
        for (left, options), place in zip(plan, choice, strict=True):
            end += options[place][1]
            fits = fits and end <= left
        if fits:
            best = max(best, sum(options[place][2] for (_, options), place in zip(plan, choice, strict=True)))
    if best >= 0:
        chosen = best_depths(plan).depths
        assert sum(options[place][2] for (_, options), place in zip(plan, chosen, strict=True)) == pytest.approx(best)


@given(plans())
@settings(max_examples=100)
def test_a_coarse_plan_fits_too_and_is_near_the_best(plan) -> None:
    best = best_depths(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "PAIRS", 4)
        coarse = best_depths(plan)

    def outcome(depths: list[int]) -> tuple[bool, float]:
        end, fits, value = 0, True, 0.0
        for (left, options), depth in zip(plan, depths, strict=True):
            end += options[depth][1]
            fits = fits and end <= left
            value += options[depth][2]
        return fits, value

    assert not best.coarse
    fits, value = outcome(best.depths)
    if fits:
        fits_too, near = outcome(coarse.depths)
        assert fits_too
        assert near >= value - len(plan) * value / 4
        assert coarse.coarse or near == pytest.approx(value)


def test_a_plan_for_many_jobs_is_coarse_and_says_so() -> None:
    text = (
        GPU
        + """
simulate: {until: 20 ms}
tasks:
  - name: any
    instances: 30
    period: 1 s
    deadline: 900 ms
    graph:
      nodes: {s1: {wcet: {gpu: 4.123457 ms}}, s2: {wcet: {gpu: 5.345679 ms}}, s3: {wcet: {gpu: 8.765431 ms}}, s4: {wcet: {gpu: 20.111113 ms}}}
      edges: [[s1, s2], [s2, s3], [s3, s4]]
    exits: [{node: s1, accuracy: 0.7}, {node: s2, accuracy: 0.76}, {node: s3, accuracy: 0.85}, {node: s4, accuracy: 0.91}]
"""
    )
    policy = {"ordering": "edf", "preemption": "nonpreemptive", "adaptation": "stage-dp-style"}
    trace = run(text.replace("s1, accuracy: 0.7", "s1, accuracy: 0.701"), scheduler=policy)
    assert summary(trace).misses == 0
    assert "coarse" in {ACTIONS[action] for action in trace.decisions["action"]}
    alone = run(text.replace("instances: 30", "instances: 2"), scheduler=policy)
    assert "coarse" not in {ACTIONS[action] for action in alone.decisions["action"]}


BESIDE = (
    GPU
    + """
simulate: {until: 2 s}
tasks:
  - {name: control, wcet: {gpu: WCET ms}, period: PERIOD ms}
  - name: any
    period: 20 ms
    difficulty: {reliability: 0}
    graph:
      nodes: {s1: {wcet: {gpu: 4 ms}}, s2: {wcet: {gpu: 5 ms}}, s3: {wcet: {gpu: 7 ms}}}
      edges: [[s1, s2], [s2, s3]]
    exits: [{node: s1, accuracy: 0.7}, {node: s2, accuracy: 0.85}, {node: s3, accuracy: 0.92}]
"""
)


@pytest.mark.parametrize(
    ("wcet", "period", "depth"),
    [
        (10, 20, "s2"),  # 10 of every 20 ms are left: 9 for two stages
        (2, 10, "s3"),  # 2 + 16 + 2, since the control to come counts as well
        (3, 10, "s2"),  # 3 + 16 + 3 do not fit: without the second the plan would say they do
        (6, 10, "s1"),
    ],
)
@pytest.mark.parametrize("preemption", ["preemptive", "nonpreemptive"])
def test_tasks_without_exits_have_their_place_in_the_plan(wcet: int, period: int, depth: str, preemption: str) -> None:
    text = BESIDE.replace("WCET", str(wcet)).replace("PERIOD", str(period))
    trace = run(text, scheduler={**policy("stage-dp-style", worth=0.0), "preemption": preemption})
    assert summary(trace).misses == 0
    used = summary(trace).tasks[1].variants
    assert used is not None
    assert {name for name, count in used.items() if count} == {depth}


def test_the_plan_knows_of_periodic_jobs_to_come() -> None:
    # 3 x 3 of 30 ms are control's: 22 for three stages are one too many. Who does not look ahead starts the third at 15,
    # and the control of 20 ends at 31.
    text = BESIDE.replace("WCET", "3").replace("PERIOD", "10").replace("period: 20 ms", "period: 30 ms")
    text = text.replace("gpu: 7 ms", "gpu: 13 ms")
    trace = run(text, scheduler={**policy("stage-dp-style", worth=0.0), "preemption": "nonpreemptive"})
    assert [task.misses for task in summary(trace).tasks] == [0, 0]


def test_what_the_plan_gives_up_answers_at_once() -> None:
    # At 3 there is time for a (5 ms) and s2; s1 is done at 4, a runs to 9. At 5 comes b: 4 + 5 + 8 ms do not fit into 15.
    text = (
        GPU
        + """
simulate: {until: 20 ms}
tasks:
  - name: any
    release: 0 ms
    deadline: 20 ms
    graph: {nodes: {s1: {wcet: {gpu: 4 ms}}, s2: {wcet: {gpu: 8 ms}}}, edges: [[s1, s2]]}
    exits: [{node: s1, accuracy: 0.6}, {node: s2, accuracy: 0.9}]
  - {name: a, release: 3 ms, deadline: 8 ms, wcet: {gpu: 5 ms}}
  - {name: b, release: 5 ms, deadline: 10 ms, wcet: {gpu: 5 ms}}
"""
    )
    trace = run(text, scheduler={**policy("stage-dp-style"), "preemption": "nonpreemptive"})
    assert order(trace) == [("any", "s1", 0, 4), ("a", "a", 4, 9), ("b", "b", 9, 14)]
    assert trace.jobs["finish"].tolist() == [5_000_000, 9_000_000, 14_000_000]


# ---- accuracy of published families ----------------------------------------------------------------------------------


def test_a_published_network_with_its_exits() -> None:
    """BranchyNet, Table I, B-LeNet on a CPU: 94.3 % leave at the first exit, 0.62 ms on average, 99.25 % are right."""
    spec = load("drone_exits").lower()
    quality = spec.tasks[0].quality
    assert quality is not None
    assert [(exit_.name, round(exit_.accuracy, 4)) for exit_ in quality.exits] == [("exit1", 0.9355), ("exit2", 0.9925)]
    times = asked(load("drone_exits"), lambda each, job: times_to_exits(each, job.task))
    assert times == [pytest.approx(455_961, abs=1000), pytest.approx(3_370_000, abs=1)]
    one = load("drone_exits", overrides=["tasks.classifier.instances=1", "simulate.until=60s"])
    task = summary(simulate(one, scheduler=policy("early-exit", threshold=0.5), trace=False)).tasks[0]
    assert task.response.mean == pytest.approx(0.62e6, rel=0.06)
    assert task.variants is not None
    assert task.variants["exit1"] / task.jobs == pytest.approx(0.943, abs=0.02)
    assert task.accuracy == pytest.approx(0.9925, abs=0.015)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("exit_family: branchynet_b_alexnet_cifar10", "its source does not say"),
        ("exit_family: branchynet", "did you mean branchynet_b_"),
        ("exit_family: branchynet_b_lenet_mnist, accuracy: 0.9", "leave the task's own out"),
        (
            "exit_family: branchynet_b_lenet_mnist, variants: [{scale: 1, accuracy: 0.9}]",
            "leave 'graph', 'exits' and 'variants' out",
        ),
    ],
)
def test_families_of_exits_that_cannot_be_used(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(
            GPU + f"simulate: {{until: 1 s}}\ntasks: [{{name: a, rate: 10 Hz, wcet: {{gpu: 5 ms}}, {line}}}]\n"
        ).lower()


@pytest.mark.parametrize(
    ("share", "message"), [("1.2", "no share between 0 and 1"), ("x", "no share"), ("-0.1", "no share")]
)
def test_tables_of_exits_are_checked_by_line(
    share: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "exits.csv").write_text(
        "family,network,exit,share,accuracy,relative_cost,status,source\n"
        f"mine,n,1,{share},,0.3,measured,me\nmine,n,2,0.4,,1,measured,me\nmine,n,all,,0.9,,measured,me\n"
    )
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        loaded(
            GPU + "simulate: {until: 1 s}\ntasks: [{name: a, rate: 10 Hz, wcet: {gpu: 5 ms}, exit_family: mine}]\n"
        ).lower()
    assert "exits.csv:2" in str(caught.value)
