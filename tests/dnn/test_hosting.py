"""What a platform lacks is told all at once."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched import api
from rtsched.dnn.hosting import carried, family

MS = 1_000_000


def lacks(platform: Any, *tasks: dict[str, Any], **more: Any) -> tuple[str, ...]:
    source = {"platform": "rk3588", "tasks": [{"period": 10 * MS, **task} for task in tasks], **more}
    return api.load(source, platform=platform).lacks()


def test_all_tasks_and_all_nodes_are_named() -> None:
    nodes = {"x": {"wcet": {"npu": MS}}, "y": {"wcet": {"npu": MS}}, "z": {"wcet": MS}}
    found = lacks(
        "uniprocessor",
        {"name": "a", "wcet": {"npu": MS}},
        {"name": "b", "network": "yolov8n"},
        {"name": "c", "graph": {"nodes": nodes}},
        {"name": "d", "wcet": MS},
    )
    assert [text.split(":")[0] for text in found] == [
        "task 'a'",
        "task 'b'",
        "task 'c', node 'x'",
        "task 'c', node 'y'",
    ]


def test_a_pin_and_a_time_that_are_not_there_are_both_told() -> None:
    found = lacks("uniprocessor", {"name": "a", "wcet": {"npu": MS}, "pin": "npu0"})
    assert len(found) == 1 or any("pin" in text for text in found)
    assert any("'npu' is no processor" in text for text in found)


def test_power_modes_faults_links_and_planners_are_told_beside_tasks() -> None:
    found = lacks(
        "uniprocessor",
        {"name": "a", "network": "yolov8n"},
        power={"mode": "maxn", "clusters": {"big": "powersave"}},
        faults=[{"processor": "npu", "at": MS, "lasts": MS}, {"processor": "gpu", "at": MS, "lasts": MS}],
        planner={"core": "big0", "cost": 1000},
    )
    for word in ("'maxn'", "yolov8n", "'big' is no cluster", "faults.0: 'npu'", "faults.0: 'gpu'", "planner.core"):
        assert any(word in text for text in found), (word, found)


def test_weights_that_do_not_fit_are_told_by_size() -> None:
    small = {"name": "small", "processors": {"cpu": {"kind": "cpu"}}, "memory": {"capacity": 1000}}
    one = {"wcet": MS, "weights": 600}
    assert lacks(small, {"name": "a", **one}) == ()
    assert "1.2 kB of weights do not fit into" in lacks(small, {"name": "a", **one}, {"name": "b", **one})[0]
    assert "task 'a': its 2 kB of weights" in lacks(small, {"name": "a", "wcet": MS, "weights": 2000})[0]


def test_a_board_that_lacks_nothing_has_an_empty_list_and_its_own_file_does() -> None:
    assert lacks("multicore:4", {"name": "a", "wcet": MS}) == ()
    assert api.load("drone_xavier_nx").lacks() == ()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("jetson_nano", "jetson"),
        ("rk3588_clusters", "rk"),
        ("stm32h7a3", "stm"),
        ("multicore:4", "multicore"),
        ("3x", "3x"),
    ],
)
def test_families_are_vendors_lines(name: str, line: str) -> None:
    assert family(name) == line


def test_times_of_the_file_are_those_that_nobody_measured_elsewhere() -> None:
    tasks = [{"name": "a", "wcet": MS, "period": 10 * MS}, {"name": "b", "network": "yolov8n", "period": 10 * MS}]
    assert carried(api.load({"platform": "rk3588", "tasks": tasks}).system) == ("a",)
