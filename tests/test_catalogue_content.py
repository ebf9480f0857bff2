"""The catalogue's files: every one is valid, every number has a source, and known sets have the published numbers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from rtsched.dnn.lowering import Lowering
from rtsched.model.platform import Platform
from rtsched.model.system import System

ROOT = Path(__file__).parent.parent
PLATFORMS = sorted(path.stem for path in (ROOT / "platforms").glob("*.yaml"))
WORKLOADS = sorted(path.stem for path in (ROOT / "workloads").glob("*.yaml"))
HEADER = (
    "platform,network,input,processor,threads,precision,runtime,latency_ms,p50_ms,p99_ms,p99_9_ms,max_ms,"
    "energy_mj,memory_mb,status,source"
)
MS = 1_000_000
#: What names things or says how long to look, and is no fact about the world.
NO_FACTS = frozenset(
    ("name", "title", "why", "notes", "sources", "chosen", "assumed", "simulate", "network", "platform", "parameters")
)


def raw(folder: str, name: str) -> dict[str, Any]:
    data = yaml.safe_load((ROOT / folder / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def platform(name: str) -> Platform:
    """A platform by name; `multicore:4` gives the file's only parameter the value 4."""
    base, _, value = name.partition(":")
    data = raw("platforms", base)
    parameters = data.pop("parameters", {})
    if value:
        parameters = dict.fromkeys(parameters, int(value))
    for cluster in data["processors"].values():
        cluster.update({key: parameters[word] for key, word in cluster.items() if str(word) in parameters})
    return Platform.model_validate(data, context={"file": f"{base}.yaml"})


def system(name: str) -> System:
    return System.model_validate(raw("workloads", name), context={"file": f"{name}.yaml"})


def latency_rows() -> list[dict[str, str]]:
    with (ROOT / "platforms" / "latency.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def source_keys() -> set[str]:
    notice = (ROOT / "platforms" / "NOTICE.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)` \|", notice, re.MULTILINE))


def numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all numbers other than zero; the items of a list go by their names."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in NO_FACTS:
                yield from numbers(item, (*path, str(key)))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            name = item.get("name", position) if isinstance(item, dict) else position
            yield from numbers(item, (*path, str(name)))
    elif re.match(r"[0-9.]*[1-9]", str(value)):
        yield path


def covered(path: tuple[str, ...], entries: list[str]) -> bool:
    """Whether an entry is the path or a beginning of it, or a single field such as `rate`, wherever it stands."""
    beginnings = {".".join(path[:length]) for length in range(1, len(path) + 1)}
    return any(entry in beginnings or entry == path[-1] for entry in entries)


def milliseconds(work: Any) -> tuple[int, ...]:
    """The only execution time, the period and the deadline of a task, in ms."""
    (wcet,) = work.wcet.values()
    return (wcet // MS, work.gap // MS, (work.deadline or work.gap) // MS)


# ---- all files ------------------------------------------------------------------------------------------------------


def test_the_catalogue_is_complete() -> None:
    assert PLATFORMS == [
        "accelerator",
        "jetson_agx_orin_64",
        "jetson_xavier_nx",
        "multicore",
        "rk3588",
        "snapdragon_865",
        "uniprocessor",
    ]
    assert {"liu_layland", "burns_wellings", "graham", "dhall", "drone_xavier_nx", "mixed_rk3588"} <= set(WORKLOADS)


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_is_valid_and_called_after_its_file(name: str) -> None:
    assert platform(name).name == name
    assert platform(name).title


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_valid_and_can_be_lowered_on_its_platform(name: str) -> None:
    described = system(name)
    assert described.name == name
    assert described.title
    assert described.why
    assert isinstance(described.platform, str)
    spec = Lowering(described, platform(described.platform), latency_rows()).lower()
    assert len(spec.tasks) == sum(task.instances for task in described.tasks) + len(described.jobs)


@pytest.mark.parametrize(
    ("folder", "name"), [("platforms", name) for name in PLATFORMS] + [("workloads", name) for name in WORKLOADS]
)
def test_every_number_has_a_source_or_is_ours(folder: str, name: str) -> None:
    data = raw(folder, name)
    sources: dict[str, str] = data.get("sources", {})
    entries = [*sources, *data.get("chosen", [])]
    assert [".".join(path) for path in numbers(data) if not covered(path, entries)] == []
    used = {key.strip() for value in sources.values() for key in value.split(",")}
    assert used <= source_keys()


# ---- latency.csv ----------------------------------------------------------------------------------------------------


def test_the_latency_table_has_known_columns_sources_platforms_and_processors() -> None:
    assert (ROOT / "platforms" / "latency.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    places = {name: {p for c, k in platform(name).processors.items() for p in (c, k.kind)} for name in PLATFORMS}
    for row in latency_rows():
        assert row["processor"] in places[row["platform"]], row
        assert row["source"] in source_keys(), row
        assert row["status"] in ("measured", "derived", "bound"), row
        assert row["network"] == row["network"].lower().strip() != "", row


def test_the_latencies_are_positive_ordered_and_unique() -> None:
    rows = latency_rows()
    for row in rows:
        levels = [Decimal(row[column]) for column in ("p50_ms", "p99_ms", "p99_9_ms", "max_ms") if row[column]]
        assert Decimal(row["latency_ms"]) > 0, row
        assert levels == sorted(levels), row
    keys = [tuple(row.values())[:7] for row in rows]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("key", "latency"),
    [
        (("rk3588", "mobilenet_v2", "", "little", "1"), "132.44"),
        (("rk3588", "mobilenet_v2", "", "big", "4"), "8.76"),
        (("rk3588", "mobilenet_v2", "", "gpu", ""), "10.25"),
        (("rk3588", "yolov8n", "640x640", "npu", ""), "13.605"),
        (("snapdragon_865", "picodet-l", "640x640", "cpu", "4"), "108.1"),
        (("jetson_agx_orin_64", "yolov8m", "960", "gpu", ""), "12.1991"),
        (("jetson_xavier_nx", "fcn-resnet18-deepscene", "576x320", "gpu", ""), "38.462"),
    ],
)
def test_a_row_is_as_published(key: tuple[str, ...], latency: str) -> None:
    assert [row["latency_ms"] for row in latency_rows() if tuple(row.values())[:5] == key] == [latency]


def test_flagged_and_batched_rows_are_left_out() -> None:
    rows = latency_rows()
    assert not [row for row in rows if row["network"].endswith("_int8") and row["processor"] == "gpu"]
    assert "145.6" not in {row["latency_ms"] for row in rows}


# ---- scenarios ------------------------------------------------------------------------------------------------------

DRONE = {
    "obstacle_det": ("5.5261", 30, "hard", 1),
    "tracker_reid": ("2.419", 30, "soft", 2),
    "landing_seg": ("38.462", 10, "soft", 1),
    "mapping_det": ("10.9638", 10, "soft", 1),
    "small_obj": ("1.342", 30, "soft", 1),
}
ADAS = {
    "front_det": ("12.1991", 30, "hard", 1),
    "sign_det": ("2.1301", 30, "hard", 1),
    "surround_det": ("3.1769", 15, "soft", 4),
    "drivable_seg": ("5.714", 30, "hard", 1),
    "rear_det": ("11.56", 10, "soft", 1),
    "driver_monitor": ("1.1648", 15, "soft", 1),
}


@pytest.mark.parametrize(
    ("name", "expected", "load"), [("drone_xavier_nx", DRONE, "0.845"), ("adas_agx_orin", ADAS, "0.925")]
)
def test_a_scenario_has_its_latencies_rates_and_load(
    name: str, expected: dict[str, tuple[str, int, str, int]], load: str
) -> None:
    described = system(name)
    assert isinstance(described.platform, str)
    spec = Lowering(described, platform(described.platform), latency_rows()).lower()
    times = {task.name.partition("[")[0]: task.nodes[0].fastest for task in spec.tasks}
    assert times == {task: int(Decimal(latency) * MS) for task, (latency, *_) in expected.items()}
    for task in described.tasks:
        _, rate, criticality, instances = expected[task.name]
        assert (task.gap, task.criticality, task.instances) == (round(1000 * MS / rate), criticality, instances)
        assert task.deadline is None
    total = sum(Decimal(latency) * rate * instances / 1000 for latency, rate, _, instances in expected.values())
    assert round(total, 3) == Decimal(load)


@pytest.mark.parametrize(("name", "task"), [("drone_xavier_nx", "landing_seg"), ("adas_agx_orin", "drivable_seg")])
def test_a_figure_from_another_board_is_marked(name: str, task: str) -> None:
    assert [t.name for t in system(name).tasks if t.assumed] == [task]
    spec = Lowering(system(name), platform(str(system(name).platform)), latency_rows()).lower()
    assert any("bound" in note for note in spec.assumed)


# ---- textbook sets: (execution time, period, deadline) in ms --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("burns_wellings", [(10, 30, 30), (10, 40, 40), (12, 50, 50)]),
        ("burns_wellings_c", [(5, 20, 20), (10, 40, 40), (40, 80, 80)]),
        ("burns_wellings_d", [(3, 7, 7), (3, 12, 12), (5, 20, 20)]),
        ("buttazzo_rm_edf", [(2, 5, 5), (4, 7, 7)]),
        ("lehoczky", [(26, 70, 70), (62, 100, 200)]),
        ("dhall", [(2, 10, 10)] * 4 + [(10, 11, 11)]),
        ("dhall_partitioned", [(2, 10, 10)] * 4 + [(10, 11, 11)]),
        ("can_revised", [(4, 10, 10), (4, 14, 13), (4, 14, 13)]),
    ],
)
def test_a_periodic_set_has_the_published_numbers(name: str, expected: list[tuple[int, int, int]]) -> None:
    assert [milliseconds(task) for task in system(name).tasks] == expected


def test_liu_layland_is_just_within_the_bound() -> None:
    first, second = (milliseconds(task) for task in system("liu_layland").tasks)
    assert first[0] / first[1] + second[0] / second[1] < 0.8284 < first[0] / first[1] + (second[0] + 1) / second[1]


def test_dhall_partitioned_gives_the_heavy_task_a_core_of_its_own() -> None:
    assert [task.pin for task in system("dhall_partitioned").tasks] == ["cpu0", "cpu1", "cpu2", "cpu0", "cpu3"]


def test_horns_jobs_have_the_published_numbers() -> None:
    jobs = system("buttazzo_horn").jobs
    assert not isinstance(jobs, str)
    found = [(job.release // MS, job.wcet["any"] // MS, job.deadline // MS) for job in jobs]
    assert found == [(0, 1, 2), (0, 2, 5), (2, 2, 4), (3, 2, 10), (6, 2, 9)]


@pytest.mark.parametrize(
    ("name", "cores", "wcets"),
    [
        ("graham", 3, [3, 2, 2, 2, 4, 4, 4, 4, 9]),
        ("graham_more_processors", 4, [3, 2, 2, 2, 4, 4, 4, 4, 9]),
        ("graham_shorter", 3, [2, 1, 1, 1, 3, 3, 3, 3, 8]),
    ],
)
def test_grahams_graph_has_the_published_numbers(name: str, cores: int, wcets: list[int]) -> None:
    described = system(name)
    spec = Lowering(described, platform(str(described.platform))).lower()
    assert len(spec.processors) == cores
    assert [node.fastest // MS for node in spec.tasks[0].nodes] == wcets
    assert [node.successors for node in spec.tasks[0].nodes] == [(8,), (), (), (4, 5, 6, 7), (), (), (), (), ()]


@pytest.mark.parametrize(
    ("name", "protocol"), [("priority_inversion_lock", "none"), ("priority_inversion_inheritance", "inheritance")]
)
def test_the_lock_examples_have_the_known_code(name: str, protocol: str) -> None:
    spec = Lowering(system(name), platform("uniprocessor")).lower()
    code = [
        (task.release or 0, task.nodes[0].fastest, [(s.resource, s.start, s.end) for s in task.nodes[0].sections])
        for task in spec.tasks
    ]
    assert code == [
        (3 * MS, 4 * MS, [("R", 1 * MS, 3 * MS)]),
        (4 * MS, 6 * MS, []),
        (0, 7 * MS, [("R", 1 * MS, 6 * MS)]),
    ]
    assert spec.protocols == {"R": protocol}


def test_the_mixed_workload_uses_every_kind_of_processor() -> None:
    spec = Lowering(system("mixed_rk3588"), platform("rk3588"), latency_rows()).lower()
    classifier = next(task for task in spec.tasks if task.name == "classifier").nodes[0]
    clusters = {spec.processors[place].cluster: time for place, time in enumerate(classifier.times)}
    assert clusters == {"little": 132_440_000, "big": 27_290_000, "gpu": 10_250_000, "npu": 2_219_000}
    camera = next(task for task in spec.tasks if task.name == "camera")
    where = [{spec.processors[place].cluster for place in node.eligible} for node in camera.nodes]
    assert where == [{"little"}, {"big"}, {"npu"}, {"gpu"}, {"big"}, {"little"}]
