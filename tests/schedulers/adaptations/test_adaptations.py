"""Adaptations that choose variants: each against its rule on examples worked by hand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import SchedulerError, scheduler, summary
from rtsched.errors import InputError
from rtsched.schedulers.adaptations.apnet import best_layers
from rtsched.schedulers.adaptations.rtscale import exact, greedy
from tests.chips import run, slices

GPU = "platform: {processors: {gpu: {kind: gpu, service: node}}}\n"


def ran(trace) -> list[tuple[str, float, float, str]]:
    """(task, start, end in ms, variant) of every slice."""
    names = {
        task.name: [variant.name for variant in task.quality.variants] if task.quality is not None else []
        for task in trace.system.tasks
    }
    rows = []
    for row, (name, _, start, end, _) in zip(trace.slices, slices(trace), strict=True):
        number = trace.chosen.get((int(row["job"]), int(row["node"])))
        rows.append((name, start, end, "" if number is None else names[name][number]))
    return rows


# ---- one variant for good --------------------------------------------------------------------------------------------

LADDER = (
    GPU
    + """
simulate: {until: 20 ms}
tasks:
  - name: det
    period: 20 ms
    deadline: 12 ms
    variants:
      - {name: "960", wcet: {gpu: 10 ms}, accuracy: 0.9}
      - {name: "640", wcet: {gpu: 6 ms}, accuracy: 0.8}
      - {name: "320", wcet: {gpu: 3 ms}, accuracy: 0.6}
"""
)


@pytest.mark.parametrize(("wanted", "got"), [("640", "640"), (0, "960"), (-1, "320"), (2, "320")])
def test_fixed_takes_a_variant_by_name_or_rank(wanted: object, got: str) -> None:
    trace = run(LADDER, scheduler={"ordering": "edf", "adaptation": {"name": "fixed", "variant": wanted}})
    assert ran(trace)[0][3] == got


def test_fixed_knows_what_there_is() -> None:
    with pytest.raises(SchedulerError, match="it has 960, 640, 320"):
        run(LADDER, scheduler={"ordering": "edf", "adaptation": {"name": "fixed", "variant": "1280"}})


# ---- SubFlow ---------------------------------------------------------------------------------------------------------

SUBNETS = (
    GPU
    + """
simulate: {until: 100 ms}
tasks:
  - {name: hog, release: 0 ms, deadline: 1 ms, wcet: {gpu: 2 ms}, priority: 0}
  - name: net
    release: RELEASE ms
    deadline: 10 ms
    graph:
      nodes: {l1: {wcet: {gpu: 4 ms}}, l2: {wcet: {gpu: 4 ms}}}
      edges: [[l1, l2]]
    variants:
      switch: node
      choices: [{name: "1.0", scale: 1, accuracy: 0.9}, {name: "0.5", scale: 0.5, accuracy: 0.8}, {name: "0.25", scale: 0.25, accuracy: 0.5}]
"""
)


def test_subflow_takes_the_largest_subnet_that_fits_the_time_left() -> None:
    # alone, 8 ms fit into 10 ms
    trace = run(SUBNETS.replace("RELEASE", "50"), scheduler="fp+nonpreemptive+subflow")
    assert ran(trace)[1:] == [("net", 50, 54, "1.0"), ("net", 54, 58, "1.0")]


def test_subflow_chooses_anew_before_each_layer() -> None:
    # At 52 the second hog takes the GPU between the layers for 5 ms: at 59, 1 ms of the 10 is left for l2.
    text = SUBNETS.replace("RELEASE", "50").replace(
        "release: 0 ms, deadline: 1 ms, wcet: {gpu: 2 ms}", "release: 52 ms, deadline: 9 ms, wcet: {gpu: 5 ms}"
    )
    trace = run(text, scheduler="fp+nonpreemptive+subflow")
    assert ran(trace) == [("net", 50, 54, "1.0"), ("hog", 54, 59, ""), ("net", 59, 60, "0.25")]
    assert trace.jobs["finish"].max() == 60_000_000  # on time to the millisecond
    # half of the loss of 0.25: 0.9 - (0.9 - 0.5) / 2
    assert trace.answers["accuracy"].tolist() == [700_000]


def test_subflow_without_nested_subnets_chooses_at_the_first_start_for_good() -> None:
    text = (
        SUBNETS.replace("RELEASE", "0")
        .replace("switch: node", "switch: start")
        .replace("wcet: {gpu: 2 ms}, priority", "wcet: {gpu: 5 ms}, priority")
    )
    trace = run(text, scheduler="fp+nonpreemptive+subflow")
    assert ran(trace)[1:] == [("net", 5, 7, "0.5"), ("net", 7, 9, "0.5")]  # 5 ms left at the start: 4 fit


# ---- slack -----------------------------------------------------------------------------------------------------------

PAIR = (
    GPU
    + """
simulate: {until: 20 ms}
tasks:
  - name: left
    period: 20 ms
    deadline: 12 ms
    variants: &scales
      - {name: "960", wcet: {gpu: 10 ms}, accuracy: 0.9}
      - {name: "640", wcet: {gpu: 6 ms}, accuracy: 0.8}
      - {name: "320", wcet: {gpu: 3 ms}, accuracy: 0.6}
  - {name: right, period: 20 ms, deadline: 14 ms, variants: *scales}
"""
)


def test_resolution_scaling_counts_what_is_ahead() -> None:
    # left takes 10 of its 12 ms; right has 14 - 10 = 4 left: only 320 fits
    trace = run(PAIR, scheduler="edf+nonpreemptive+resolution")
    assert ran(trace) == [("left", 0, 10, "960"), ("right", 10, 13, "320")]


def test_resolution_scaling_keeps_a_margin() -> None:
    policy = {"ordering": "edf", "preemption": "nonpreemptive", "adaptation": {"name": "resolution", "margin": 0.25}}
    # left: 12 - 3 = 9 ms: 640 (6 ms); right: 14 - 3.5 - 6 = 4.5 ms: 320
    assert ran(run(PAIR, scheduler=policy)) == [("left", 0, 6, "640"), ("right", 6, 9, "320")]


def test_rtscale_scales_the_images_of_one_instant_together() -> None:
    # All at 960: 20 ms, right is late. The cheapest step per ms saved of either is to 640 (0.1 for 4 ms); left's comes
    # first by order; then 6 + 10 = 16 > 14: right's 640 (0.1 / 4) beats left's 320 (0.2 / 3): 12 ms.
    trace = run(PAIR, scheduler="edf+nonpreemptive+rtscale-style")
    assert ran(trace) == [("left", 0, 6, "640"), ("right", 6, 12, "640")]


def test_rtscale_waits_for_what_runs() -> None:
    text = PAIR.replace("simulate: {until: 20 ms}", "simulate: {until: 20 ms}").replace(
        "- name: left", "- {name: hog, release: 0 ms, deadline: 5 ms, wcet: {gpu: 5 ms}}\n  - name: left"
    )
    text = text.replace(
        "period: 20 ms\n    deadline: 12 ms", "period: 20 ms\n    offset: 1 ms\n    deadline: 12 ms"
    ).replace("right, period: 20 ms", "right, period: 20 ms, offset: 1 ms")
    # At 1 the hog needs 4 ms more: left must end within 8 ms behind it, right within 10. Left goes to 640 for its own sake;
    # then right to 640 (0.1 for 4 ms); then both offer 0.2 for 3 ms, and the first in order goes down.
    trace = run(text, scheduler="edf+nonpreemptive+rtscale-style")
    assert [row[3] for row in ran(trace)] == ["", "320", "640"]


@st.composite
def plans(draw) -> list[tuple[int, list[tuple[int, int, float]]]]:
    jobs = []
    left = 0
    for _ in range(draw(st.integers(1, 4))):
        left += draw(st.integers(0, 12))
        count = draw(st.integers(1, 4))
        times = sorted(draw(st.lists(st.integers(1, 12), min_size=count, max_size=count)), reverse=True)
        accuracies = sorted(draw(st.lists(st.integers(1, 99), min_size=count, max_size=count)), reverse=True)
        jobs.append(
            (
                left,
                [
                    (number, time, accuracy / 100)
                    for number, (time, accuracy) in enumerate(zip(times, accuracies, strict=True))
                ],
            )
        )
    return jobs


def fits(plan, choice) -> bool:
    end = 0
    for (left, options), place in zip(plan, choice, strict=True):
        end += options[place][1]
        if end > left:
            return False
    return True


@given(plans())
@settings(max_examples=200)
def test_the_exact_choice_is_the_best_of_all_and_greedy_is_no_better(plan) -> None:
    every = [choice for choice in product(*(range(len(options)) for _, options in plan)) if fits(plan, choice)]
    chosen = [exact(plan), greedy(plan)]
    assert fits(plan, chosen[1]) == bool(
        every
    )  # greedy ends with the quickest of all, so it finds a fit if there is one
    if every:
        worth = [sum(options[place][2] for (_, options), place in zip(plan, choice, strict=True)) for choice in every]
        best = max(worth)
        found, quick = (
            sum(options[place][2] for (_, options), place in zip(plan, choice, strict=True)) for choice in chosen
        )
        assert found == pytest.approx(best)
        assert fits(plan, chosen[0])
        assert quick <= best + 1e-9


# ---- paths and layers ------------------------------------------------------------------------------------------------


def test_multi_path_takes_the_most_accurate_path_within_the_limit() -> None:
    assert ran(run(LADDER, scheduler="edf+multi-path-style"))[0][3] == "960"
    policy = {"ordering": "edf", "adaptation": {"name": "multi-path-style", "limit": 0.5}}
    assert ran(run(LADDER, scheduler=policy))[0][3] == "640"  # 6 of 12 ms


LAYERS = (
    GPU
    + """
simulate: {until: 20 ms}
tasks:
  - name: net
    period: 20 ms
    deadline: DEADLINE ms
    graph:
      nodes: {l1: {wcet: {gpu: 8 ms}}, l2: {wcet: {gpu: 4 ms}}, l3: {wcet: {gpu: 4 ms}}}
      edges: [[l1, l2], [l2, l3]]
    variants:
      switch: node
      shares: {l1: 1, l2: 2, l3: 1}
      choices: [{name: full, scale: 1, accuracy: 0.9}, {name: rank2, scale: 0.5, accuracy: 0.8}, {name: rank4, scale: 0.25, accuracy: 0.5}]
"""
)


@pytest.mark.parametrize(
    ("deadline", "degrees", "accuracy"),
    [
        (16, ["full", "full", "full"], 0.9),
        (12, ["rank2", "full", "full"], 0.9 - 0.25 * 0.1),  # l1 saves 4 ms for a quarter of the loss
        (11, ["rank2", "full", "rank2"], 0.9 - 0.5 * 0.1),
        (8, ["rank2", "rank2", "rank2"], 0.8),
        (3, ["rank4", "rank4", "rank4"], 0.5),  # nothing fits: the quickest
    ],
)
def test_apnet_approximates_where_it_costs_least(deadline: int, degrees: list[str], accuracy: float) -> None:
    trace = run(LAYERS.replace("DEADLINE", str(deadline)), scheduler="edf+apnet-style")
    assert [row[3] for row in ran(trace)] == degrees
    assert trace.answers["accuracy"].tolist() == [pytest.approx(accuracy * 1e6, abs=1)]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 30), st.integers(0, 50)), min_size=1, max_size=3), min_size=1, max_size=4
    ),
    st.integers(1, 100),
)
@settings(max_examples=200)
def test_the_layers_chosen_lose_least(layers, budget) -> None:
    options = [[(time, loss / 100) for time, loss in layer] for layer in layers]
    chosen = best_layers(options, budget)
    every = [
        sum(layer[place][1] for layer, place in zip(options, choice, strict=True))
        for choice in product(*(range(len(layer)) for layer in options))
        if sum(layer[place][0] for layer, place in zip(options, choice, strict=True)) <= budget
    ]
    if every:
        assert sum(layer[place][0] for layer, place in zip(options, chosen, strict=True)) <= budget
        assert sum(layer[place][1] for layer, place in zip(options, chosen, strict=True)) == pytest.approx(min(every))
    else:
        assert [layer[place][0] for layer, place in zip(options, chosen, strict=True)] == [
            min(layer)[0] for layer in options
        ]


# ---- admission, and what an overload becomes -------------------------------------------------------------------------


def test_admission_drops_what_could_not_be_in_time() -> None:
    text = PAIR.replace("deadline: 12 ms", "deadline: 11 ms")
    trace = run(
        text,
        scheduler={
            "ordering": "edf",
            "preemption": "nonpreemptive",
            "admission": "drop-hopeless",
            "adaptation": "fixed",
        },
    )
    # the admission speaks first: left's quickest (3 ms) fits, right's (10 + 3 <= 14) as well; both run the best
    assert [row[0] for row in ran(trace)] == ["left", "right"]
    text = text.replace("deadline: 14 ms", "deadline: 12 ms")
    trace = run(
        text,
        scheduler={
            "ordering": "edf",
            "preemption": "nonpreemptive",
            "admission": "drop-hopeless",
            "adaptation": "fixed",
        },
    )
    assert [row[0] for row in ran(trace)] == ["left"]
    assert summary(trace).tasks[1].dropped == 1


OVERLOAD = (
    GPU
    + """
scheduler: {ordering: edf}
simulate: {until: 4 s}
tasks:
  - name: cam
    instances: 3
    rate: 30 Hz
    variants:
      - {name: "960", wcet: {gpu: 15 ms}, accuracy: 0.9}
      - {name: "640", wcet: {gpu: 10 ms}, accuracy: 0.85}
      - {name: "320", wcet: {gpu: 4 ms}, accuracy: 0.7}
"""
)


def test_an_overload_becomes_a_bounded_loss_of_accuracy() -> None:
    plain, slack, joint = (
        summary(run(OVERLOAD, scheduler=f"edf+nonpreemptive{policy}"))
        for policy in ("", "+resolution", "+rtscale-style")
    )
    assert plain.miss_ratio is not None
    assert plain.miss_ratio > 0.9
    assert joint.misses == 0
    assert joint.effective_accuracy is not None
    assert joint.effective_accuracy > 0.75
    # who asks first gets all the slack, and the last one is late: the joint choice is better
    assert slack.effective_accuracy is not None
    assert plain.effective_accuracy is not None
    assert plain.effective_accuracy < slack.effective_accuracy < joint.effective_accuracy


def test_unknown_adaptations_are_named() -> None:
    with pytest.raises(InputError, match="did you mean 'subflow'"):
        scheduler({"ordering": "edf", "adaptation": "subflo"})
    with pytest.raises(InputError, match="margin must lie"):
        scheduler({"ordering": "edf", "adaptation": {"name": "resolution", "margin": 2}})
