"""The scenarios of the catalogue: each says in its `why` what one policy keeps and another loses, and that is so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

import rtsched
from rtsched.metrics.figures import Summary
from rtsched.model import catalogue


def fixed(variant: str, **policy: Any) -> dict[str, Any]:
    return {"ordering": "edf", "adaptation": {"name": "fixed", "variant": variant}, **policy}


#: By workload the policies of its `why` (None: the file's own), and what they make of each task, in per cent of its jobs
#: that miss, rounded; a task that is not named misses nothing.
TOLD: dict[str, list[tuple[Any, dict[str, int]]]] = {
    "home_hub_rk3588": [
        (None, {"answer": 4}),
        ("edf+worst-fit", {"doorbell": 3, "visitor": 3, "answer": 22}),
        ("sjf", {"doorbell": 4}),
    ],
    "factory_line_orin_nano": [
        (None, {}),
        ("fifo", {"operator": 40}),
        ("sjf", {"surface": 33}),
        ("edf+first-fit", {"motion": 71, "plc_scan": 64}),
    ],
    "inspection_batches": [
        (None, {}),
        ("edf+nonpreemptive", {"surface": 25, "label": 100}),
        ("edf+nonpreemptive+drop-hopeless", {"surface": 12}),
        ("deeprt-style", {"surface": 50}),
    ],
    "service_robot_8gen2": [
        (None, {"floor": 79, "depth": 100, "people": 100, "pose": 100, "hear": 20}),
        ("edf+nonpreemptive+resolution", {"depth": 5, "people": 80, "pose": 95}),
        ("edf+nonpreemptive+rtscale-style", {}),
    ],
    "v2x_roadside": [
        (None, {"ahead": 7, "junction": 15}),
        ("edf+first-fit", {"junction": 33}),
        ("edf+clustered", {"junction": 24}),
        ("band-lsf", {"junction": 4}),
    ],
    "satellite_jetson_nano": [
        (None, {"clouds": 4, "ground": 53, "heat": 6}),
        ("edf+nonpreemptive+resolution", {"ground": 2}),
        (fixed("1024x512", preemption="nonpreemptive"), {}),
    ],
    "wearable_harvest": [(None, {}), ("edf+nonpreemptive", {"sound": 0}), (fixed("loudness"), {})],
    "gpu_robot_orin_nano": [
        (None, {}),
        ("fifo", {"obstacles": 35}),
        ("stream-priority-style", {"obstacles": 13}),
        ("orion", {}),
        ("miriam-style", {}),
    ],
    "gpu_inference_v100": [(None, {}), ("fifo", {"mobilenet_v2": 8}), ("aaron-style", {"mobilenet_v2": 38})],
    "gpu_disb_a": [(None, {}), ("fifo", {"vgg19": 100}), ("reef", {})],
}


@cache
def run(name: str, which: int) -> tuple[Summary, rtsched.Trace]:
    trace = rtsched.simulate(name, scheduler=TOLD[name][which][0])
    return rtsched.summary(trace), trace


def missed(figures: Summary) -> Mapping[str, int]:
    """The misses of each task with those of its instances, in per cent."""
    counts: dict[str, list[int]] = {}
    for task in figures.tasks:
        mine = counts.setdefault(task.name.partition("[")[0], [0, 0])
        mine[0] += task.misses
        mine[1] += task.jobs
    return {name: round(100 * misses / jobs) for name, (misses, jobs) in counts.items() if misses}


@pytest.mark.parametrize(
    ("name", "which"), [(name, which) for name, told in TOLD.items() for which in range(len(told))]
)
def test_a_policy_keeps_and_loses_what_the_file_says(name: str, which: int) -> None:
    assert missed(run(name, which)[0]) == TOLD[name][which][1]


@pytest.mark.parametrize("name", TOLD)
def test_the_good_policies_lose_nothing_hard(name: str) -> None:
    figures = [run(name, which)[0] for which in range(len(TOLD[name]))]
    best = min(figures, key=lambda each: each.misses)
    assert not any(task.misses for task in best.tasks if task.criticality == "hard")


def energy(name: str, which: int) -> float:
    """The energy of a run in J."""
    found = rtsched.evaluate(run(name, which)[1], "energy")["energy"]
    assert found is not None
    return found


def test_the_satellite_has_energy_for_the_middle_size_only() -> None:
    capacity = 526.0
    assert energy("satellite_jetson_nano", 1) > 2 * capacity
    assert energy("satellite_jetson_nano", 2) < capacity
    kept = rtsched.evaluate(run("satellite_jetson_nano", 2)[1], "kept_accuracy")["kept_accuracy"]
    assert kept == pytest.approx(0.873 / 0.896, abs=1e-4)


def test_the_wearable_outlives_its_store_by_listening_for_loudness_alone() -> None:
    harvest = 0.4e-3 * 540 + 5e-3 * 60  # watts and seconds, as the environment has them
    assert energy("wearable_harvest", 0) > 0.5 + harvest > energy("wearable_harvest", 2)
    assert run("wearable_harvest", 0)[0].misses == 0


def test_the_robots_accuracies_are_of_four_kinds_on_one_scale() -> None:
    figures, trace = run("service_robot_8gen2", 2)
    assert [measure.name for measure in figures.measures] == ["miou", "delta1", "map", "top1"]
    assert figures.accuracy is None
    assert rtsched.evaluate(trace, "kept_accuracy")["kept_accuracy"] == pytest.approx(0.9997, abs=2e-4)


def test_streams_as_they_are_served_take_what_was_measured_of_them() -> None:
    trace = run("gpu_disb_a", 1)[1]
    done = trace.jobs[(trace.jobs["finish"] >= 0) & (trace.jobs["finish"] <= 150_000_000)]  # while both are asked for
    mean = [(done["finish"] - done["start"])[done["task"] == task].mean() / 1e6 for task in (0, 1)]
    assert mean == pytest.approx([2.975, 5.241], rel=0.05)


def test_the_robots_map_runs_as_its_narrow_version_beside_critical_work() -> None:
    narrow = run("gpu_robot_orin_nano", 4)[1].choices["variant"].tolist()
    assert set(narrow) == {1}
    assert set(run("gpu_robot_orin_nano", 1)[1].choices["variant"].tolist()) == {0}


@pytest.mark.parametrize("name", TOLD)
def test_a_scenario_says_what_to_look_at(name: str) -> None:
    system = rtsched.load(name).system
    assert name in catalogue.names("workloads")
    assert any(note.startswith("What to look at") for note in system.notes)
    for policy, _ in TOLD[name]:
        assert policy is None or isinstance(policy, Mapping) or policy in f"{system.why} {system.notes}"
