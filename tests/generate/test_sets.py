"""Whole systems: what they hold, what they reach, and what they depend on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw, key, text
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System

FOUR_AND_NPU = {"processors": {"cpu": {"cores": 4}, "npu": {"kind": "npu"}}}


def total(system: dict[str, Any]) -> float:
    """The sum of the utilisations."""
    return sum(time(task) / (task.get("period") or task["rate"]) for task in system["tasks"])


def time(task: dict[str, Any]) -> int:
    wcet = task["wcet"]
    return int(wcet if isinstance(wcet, int) else next(iter(wcet.values())))


def test_a_system_is_a_mapping_that_loads_runs_and_is_analysed() -> None:
    (system,) = rtsched.generate(tasks=5, utilisation=0.6, scheduler="edf", simulate={"until": "1 s"}, seed=3)
    assert [task["name"] for task in system["tasks"]] == ["t0", "t1", "t2", "t3", "t4"]
    assert total(system) == pytest.approx(0.6, rel=1e-4)
    assert rtsched.simulate(system).check() == []
    assert rtsched.analyse(system).verdict == "schedulable"


def test_without_parameters_there_is_one_plain_system() -> None:
    (system,) = rtsched.generate()
    assert system["platform"] == "uniprocessor"
    assert len(system["tasks"]) == 10
    assert total(system) == pytest.approx(0.7, rel=1e-3)
    assert set(system["tasks"][0]) == {"name", "wcet", "period"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"utilisation": 0.7, "platform": "multicore:4"}, 2.8),
        ({"total_utilisation": 2.8, "platform": "multicore:4"}, 2.8),
        ({"utilisation": 0.5, "platform": {"processors": {"cpu": {"cores": 2, "speed": 0.5}}}}, 0.5),
        ({"utilisation": 0.5, "platform": {"processors": {"cpu": {"cores": 2, "speeds": [1, 0.5]}}}}, 0.75),
        ({"utilisation": {"cpu": 0.5, "npu": 0.3}, "platform": FOUR_AND_NPU}, 2.3),
    ],
)
def test_utilisation_is_the_mean_load_of_what_the_processors_serve(keys: dict[str, Any], expected: float) -> None:
    for system in rtsched.generate(keys, count=20):
        assert total(system) == pytest.approx(expected, rel=1e-2)


def test_each_cluster_gets_its_own_load_and_tasks() -> None:
    keys = {"platform": FOUR_AND_NPU, "utilisation": {"cpu": 0.6, "npu": 0.3}, "tasks": {"cpu": 8, "npu": 3}}
    system = draw(keys)
    npu = [task for task in system["tasks"] if isinstance(task["wcet"], dict)]
    assert len(system["tasks"]) == 11
    assert [list(task["wcet"]) for task in npu] == [["npu"]] * 3
    assert sum(time(task) / task["period"] for task in npu) == pytest.approx(0.3, rel=1e-2)
    assert system["generated"]["clusters"]["cpu"]["target"] == pytest.approx(0.6)
    assert rtsched.simulate(system, until="1 s").check() == []


def test_tasks_go_to_clusters_in_proportion_to_what_they_serve() -> None:
    system = draw({"platform": FOUR_AND_NPU, "tasks": 12, "utilisation": 0.5})
    assert (
        sum(isinstance(task["wcet"], dict) for task in system["tasks"]) == 3
    )  # one each, and a fifth of the other ten


def test_the_document_says_what_was_asked_for_and_what_is_reached() -> None:
    generated = draw({"tasks": 4, "utilisation": 0.55, "periods": "harmonic"}, seed=5, index=7)["generated"]
    assert generated["parameters"] == {"tasks": 4, "utilisation": 0.55, "periods": {"kind": "harmonic"}}
    assert (generated["seed"], generated["index"], generated["target"]) == (5, 7, 0.55)
    assert generated["reached"] == pytest.approx(0.55, rel=1e-6)
    assert draw(generated["parameters"], seed=5, index=7)["generated"] == generated


def test_reached_is_exactly_what_the_tasks_sum_to() -> None:
    keys = Generate(tasks=30, utilisation=3e-4, periods={"shortest": "1 ms", "longest": "5 ms"})
    for index in range(50):
        system = draw(keys, index=index)
        assert system["generated"]["reached"] == pytest.approx(total(system), rel=1e-12)
        assert abs(total(system) / 3e-4 - 1) <= 0.01


def test_utilisations_lost_in_rounding_are_refused() -> None:
    with pytest.raises(InputError, match=r"more than 1 % off; ask for a higher utilisation, fewer tasks or longer"):
        draw({"tasks": 10, "utilisation": 1e-9})


@pytest.mark.parametrize("deadlines", ["implicit", "constrained", {"kind": "constrained", "least": 0.5}, "arbitrary"])
def test_deadlines_lie_where_their_law_says(deadlines: Any) -> None:
    for system in rtsched.generate(tasks=20, deadlines=deadlines, count=20):
        for task in system["tasks"]:
            if deadlines == "implicit":
                assert "deadline" not in task
            elif deadlines == "arbitrary":
                assert task["wcet"] <= task["deadline"] <= 2 * task["period"]
            else:
                least = deadlines["least"] if isinstance(deadlines, dict) else 0
                lowest = task["wcet"] + least * (task["period"] - task["wcet"])
                assert lowest - 1 <= task["deadline"] <= task["period"]


def test_offsets_and_jitter_are_parts_of_the_period() -> None:
    system = draw({"tasks": 200, "offsets": 1, "jitter": {"least": 0.1, "most": 0.2}})
    parts = [(task["offset"] / task["period"], task["jitter"] / task["period"]) for task in system["tasks"]]
    assert min(parts)[0] < 0.05
    assert 0.95 < max(parts)[0] < 1
    assert all(0.0999 < jitter < 0.2 for _, jitter in parts)


def test_what_only_adds_to_a_set_leaves_its_loads_and_periods_as_they_are() -> None:
    plain = draw({"platform": "multicore:2"}, seed=4, index=9)["tasks"]
    more = {"deadlines": "constrained", "offsets": 1, "jitter": 0.1, "scheduler": "rm+first-fit"}
    added = draw({"platform": "multicore:2", **more}, seed=4, index=9)["tasks"]
    assert [{name: task[name] for name in ("name", "wcet", "period")} for task in added] == plain
    other = draw({"platform": "multicore:2", "periods": "uniform"}, seed=4, index=9)["tasks"]
    assert [task["wcet"] for task in other] != [task["wcet"] for task in plain]


def test_sets_of_several_points_seeds_and_indices_are_independent() -> None:
    drawn = [
        draw({"utilisation": load}, seed=seed, index=index)["tasks"][0]["period"]
        for load in (0.1, 0.2, 0.3)
        for seed in (0, 1)
        for index in (0, 1, 2)
    ]
    assert len(set(drawn)) > 12


PROGRAM = """
import json, sys
from rtsched.generate import Generate, draw, key, text
for keys in json.loads(sys.argv[1]):
    for number in range(int(sys.argv[2])):
        draw(keys, seed=9, index=number)
    system = draw(keys, seed=2, index=31)
    print(json.dumps([system, key(keys, seed=2, index=31), text(system)]))
"""


def test_a_set_is_the_same_in_any_process_after_any_other() -> None:
    asked: list[dict[str, Any]] = [
        {},
        {"platform": FOUR_AND_NPU, "utilisation": {"cpu": 0.6, "npu": 0.3}, "deadlines": "arbitrary", "offsets": 1},
        {"utilisations": "dirichlet-rescale", "periods": "automotive", "deadlines": "constrained"},
    ]
    found = set()
    for before, seed in ((0, "0"), (3, "1"), (5, "random")):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM, json.dumps(asked), str(before)]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60).stdout)
    assert len(found) == 1
    for keys, line in zip(asked, found.pop().splitlines(), strict=True):
        system, known_as, _ = json.loads(line)
        assert (system, known_as) == (draw(keys, seed=2, index=31), key(keys, seed=2, index=31))


def test_a_set_stays_what_it_is_from_version_to_version() -> None:
    """The literal draws of one set: whoever changes them changes every published study."""
    tasks = draw({"tasks": 3}, seed=1, index=2)["tasks"]
    assert tasks == PINNED, tasks


PINNED = [
    {"name": "t0", "wcet": 10_473_270, "period": 70_000_000},
    {"name": "t1", "wcet": 915_657, "period": 36_000_000},
    {"name": "t2", "wcet": 103_939_496, "period": 198_000_000},
]


def test_whoever_changes_a_system_changes_no_other() -> None:
    keys = Generate(platform=FOUR_AND_NPU, scheduler={"ordering": "edf"}, execution={"kind": "uniform", "low": 0.5})
    first = draw(keys)
    first["platform"]["processors"].clear()
    first["scheduler"]["ordering"] = "rm"
    first["tasks"][0]["execution"]["low"] = 0.1
    first["generated"]["parameters"].clear()
    again = draw(keys)
    assert again["platform"]["processors"].keys() == {"cpu", "npu"}
    assert again["scheduler"]["ordering"] == "edf"
    assert all(task["execution"] == {"kind": "uniform", "low": 0.5} for task in again["tasks"])
    assert again["generated"]["parameters"] != {}


def test_the_yaml_of_a_system_reads_back_as_the_same_system() -> None:
    system = draw({"periods": "camera-rates", "deadlines": "constrained", "offsets": 1, "platform": FOUR_AND_NPU})
    assert validate(System, parse_yaml(text(system))) == System.model_validate(system)
    assert "rate: 30 Hz" in text(system)


def test_parameters_stand_in_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("name: chip\nprocessors: {big: {cores: 2}, npu: {kind: npu}}\n")
    path = tmp_path / "random.yaml"
    path.write_text("platform: chip.yaml\ntasks: 6\nutilisation: {big: 0.5, npu: 0.4}\n")
    (system,) = rtsched.generate(path, tasks=8)
    assert len(system["tasks"]) == 8
    assert rtsched.load(system).platform.name == "chip"


@pytest.mark.parametrize(
    ("text_", "error"),
    [
        ("tasks: 3\nutilisaton: 0.5\n", r":2:1: utilisaton: unknown key 'utilisaton'; did you mean 'utilisation'"),
        ("utilisation: 0.5\ntotal_utilisation: 2\n", r":1:1: utilisation: .*say the same thing twice"),
        ("tasks: 2\nutilisation: 2.5\n", r":1:1: utilisations: 2 tasks of at most 1 cannot sum to 2.5"),
        ("utilisation: {npu: 0.5}\n", r":1:14: utilisation: 'npu' is no cluster of platform 'uniprocessor'"),
        ("tasks: {cpu: 2, npu: 1}\n", r":1:\d+: tasks: must say how many there are for cpu \(found cpu, npu\)"),
        ("periods: {shortest: 5}\n", r":1:21: periods.shortest: a duration needs a unit"),
        ("deadlines: {kind: constrained, least: 0.9, most: 0.1}\n", r"deadlines.least: 'least' must not exceed 'most'"),
    ],
)
def test_what_is_wrong_in_a_file_has_its_place(text_: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "random.yaml"
    path.write_text(text_)
    with pytest.raises(InputError, match=error):
        rtsched.generate(path)


def test_parameters_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="parameters are a mapping, a file or a Generate"):
        rtsched.generate(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="count: must be a whole number"):
        rtsched.generate(count=-1)
