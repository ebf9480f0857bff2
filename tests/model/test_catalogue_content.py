"""The catalogue's files: every one is valid, every number has a source, and known sets have the published numbers."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from rtsched.dnn.lowering import Lowering
from rtsched.model import catalogue
from rtsched.model.platform import Platform
from rtsched.model.system import System

ROOT = Path(__file__).parents[2]
PLATFORMS = sorted(path.stem for path in (ROOT / "platforms").glob("*.yaml"))
WORKLOADS = sorted(path.stem for path in (ROOT / "workloads").glob("*.yaml"))
HEADER = (
    "platform,network,input,processor,threads,precision,runtime,latency_ms,p50_ms,p99_ms,p99_9_ms,max_ms,"
    "energy_mj,memory_mb,status,source,edp_ms_mj,n"
)
TEXTBOOK = ("accelerator", "multicore", "uniprocessor")
#: Platforms with latencies.
BOARDS = (
    "coral_dev_board", "dimensity_9300", "jetson_agx_orin_64", "jetson_nano", "jetson_orin_nano", "jetson_tx2",
    "jetson_xavier_nx", "kirin_990", "rk3588", "snapdragon_845", "snapdragon_855", "snapdragon_865", "snapdragon_888",
    "snapdragon_8gen2", "snapdragon_8gen3", "stm32h7a3",
)  # fmt: skip
#: Another view of a board, whose latencies it uses.
VIEWS = {
    "jetson_orin_nano_blocks": "jetson_orin_nano", "jetson_tx2_blocks": "jetson_tx2",
    "jetson_xavier_nx_blocks": "jetson_xavier_nx", "rk3588_clusters": "rk3588",
    "snapdragon_845_clusters": "snapdragon_845", "snapdragon_865_clusters": "snapdragon_865",
}  # fmt: skip
SPECIFICATIONS = (
    "apple_a16", "apple_a17_pro", "apple_a18_pro", "dimensity_800u", "dimensity_9200_plus", "dimensity_9300_plus",
    "exynos_2400", "jetson_orin_nx_8", "kirin_9000", "kirin_985", "snapdragon_750g", "snapdragon_765g",
    "snapdragon_7plus_gen2", "snapdragon_870", "tensor_g3", "tesla_fsd",
)  # fmt: skip
#: Known for its power and heat; no latencies.
HEAT = ("odroid_xu3",)
XRBENCH = tuple(
    f"xrbench_{name}"
    for name in (
        "dual_4k_biglittle_ws_os", "dual_4k_littlebig_ws_os", "dual_4k_os_os", "dual_4k_rs_rs", "dual_4k_ws_os",
        "dual_4k_ws_ws", "quad_4k_os_os_os_os", "quad_4k_rs_rs_rs_rs", "quad_4k_ws_os_ws_os", "quad_4k_ws_ws_ws_ws",
        "single_4k_os", "single_4k_rs", "single_4k_ws",
    )
)  # fmt: skip
#: Every chip of the survey's tables 1 and 3, and its file.
SURVEY = {
    "Dimensity 9200+": "dimensity_9200_plus", "Snapdragon 8 Gen 3": "snapdragon_8gen3",
    "Snapdragon 8 Gen 2": "snapdragon_8gen2", "Snapdragon 7+ Gen 2": "snapdragon_7plus_gen2",
    "Snapdragon 765G": "snapdragon_765g", "Kirin 985": "kirin_985", "Snapdragon 865": "snapdragon_865",
    "Dimensity 800U": "dimensity_800u", "Snapdragon 870": "snapdragon_870", "Snapdragon 750G": "snapdragon_750g",
    "Tegra X2": "jetson_tx2", "Tegra X1": "jetson_nano", "FSD chip": "tesla_fsd", "Orin NX": "jetson_orin_nx_8",
    "Xavier NX": "jetson_xavier_nx", "Kirin 9000": "kirin_9000", "Exynos 2400": "exynos_2400",
    "Tensor G3": "tensor_g3", "Dimensity 9300": "dimensity_9300", "Dimensity 9300+": "dimensity_9300_plus",
    "Apple A16": "apple_a16", "Apple A17 Pro": "apple_a17_pro", "Apple A18 Pro": "apple_a18_pro",
}  # fmt: skip
MS = 1_000_000
#: What names things or says how long to look, and is no fact about the world.
NO_FACTS = frozenset(
    ("name", "title", "why", "notes", "sources", "chosen", "assumed", "simulate", "network", "platform", "parameters")
)


def raw(folder: str, name: str) -> dict[str, Any]:
    text = (ROOT / folder / f"{name}.yaml").read_text(encoding="utf-8")
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
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
    assert sorted([*TEXTBOOK, *BOARDS, *VIEWS, *SPECIFICATIONS, *HEAT, *XRBENCH]) == PLATFORMS
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
    chip = platform(described.platform) if isinstance(described.platform, str) else described.platform
    spec = Lowering(described, chip, latency_rows()).lower()
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


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_number_of_a_platform_is_covered_by_the_beginning_of_its_path(name: str) -> None:
    data = raw("platforms", name)
    entries = set(data.get("sources", {}))
    bare = [path for path in numbers(data) if not entries & {".".join(path[:end]) for end in range(1, len(path) + 1)}]
    assert bare == []
    for entry in entries:
        place: Any = data
        for key in entry.split("."):
            assert key in place, f"{entry} covers nothing"
            place = place[key]


@pytest.mark.parametrize("name", sorted(set(SURVEY.values())))
def test_a_chip_of_the_survey_cites_it(name: str) -> None:
    assert "survey" in {key.strip() for value in raw("platforms", name)["sources"].values() for key in value.split(",")}


@pytest.mark.parametrize("name", PLATFORMS)
def test_operating_points_ascend_to_the_highest_frequency(name: str) -> None:
    for cluster in platform(name).processors.values():
        points = [point.frequency for point in cluster.operating_points or ()]
        assert points == sorted(set(points))
        if points and cluster.frequency_max is not None:
            assert points[-1] == cluster.frequency_max


@pytest.mark.parametrize("name", PLATFORMS)
def test_power_modes_lie_within_the_cluster(name: str) -> None:
    board = platform(name)
    for limits in board.power_modes.values():
        for cluster, limit in limits.items():
            whole = board.processors[cluster]
            assert limit.cores is None or limit.cores <= whole.cores
            assert limit.frequency_max is None or limit.frequency_max <= (whole.frequency_max or limit.frequency_max)


def test_an_alias_names_one_file_or_a_file_goes_before_it() -> None:
    seen: dict[str, str] = {}
    for name in PLATFORMS:
        for alias in raw("platforms", name).get("aliases", []):
            assert seen.setdefault(alias, name) == name
    assert {alias for alias in seen if alias in PLATFORMS} == set(VIEWS.values())
    for view, board in VIEWS.items():
        assert board in platform(view).aliases
        assert catalogue.load_platform(board).name == board


@pytest.mark.parametrize(
    ("name", "cluster", "expected"),
    [
        ("rk3588", "big", {"switch_latency": 40_000, "frequency_max": 2_400 * MS}),
        ("snapdragon_8gen3", "gold", {"cores": 5, "frequency_domains": ((0, 1, 2), (3, 4))}),
        ("tensor_g3", "prime", {"cores": 1, "frequency_max": 2_914 * MS}),
        ("kirin_990", "big_a", {"cores": 2, "frequency_max": 2_860 * MS}),
        ("exynos_2400", "mid", {"cores": 3, "frequency_max": 2_590 * MS}),
        ("stm32h7a3", "mcu", {"kind": "mcu", "frequency_max": 280 * MS}),
    ],
)
def test_a_cluster_is_as_published(name: str, cluster: str, expected: dict[str, Any]) -> None:
    found = platform(name).processors[cluster]
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "cluster", "megahertz", "milliwatt"),
    [
        ("snapdragon_865", "prime", 2841, 984.2),
        ("snapdragon_888", "prime", 2841, 1635.9),
        ("snapdragon_855", "silver", 300, 52.4),
        ("snapdragon_870", "prime", 3187, 1552.9),
        ("tensor_g3", "mid", 1836, 335.4),
        ("dimensity_800u", "big", 2400, 679.6),
    ],
)
def test_a_power_is_as_measured(name: str, cluster: str, megahertz: int, milliwatt: float) -> None:
    points = platform(name).processors[cluster].operating_points or ()
    assert [point.milliwatt for point in points if point.frequency == megahertz * MS] == [milliwatt]


@pytest.mark.parametrize(
    ("name", "mode", "cluster", "cores", "megahertz"),
    [
        ("jetson_tx2", "maxq", "denver", 0, None),
        ("jetson_tx2", "maxp_core_all", "a57", 4, "1400"),
        ("jetson_xavier_nx", "mode_10w_desktop", "gpu", None, "510"),
        ("jetson_agx_orin_64", "mode_30w", "cpu", 8, "1728"),
        ("jetson_agx_orin_64", "maxn", "cpu", 12, None),
        ("jetson_orin_nano", "7w", "cpu", 4, "960"),
        ("jetson_orin_nx_8", "20w", "gpu", None, "408"),
    ],
)
def test_a_power_mode_is_as_published(
    name: str, mode: str, cluster: str, cores: int | None, megahertz: str | None
) -> None:
    limit = platform(name).power_modes[mode][cluster]
    assert limit.cores == cores
    assert limit.frequency_max == (None if megahertz is None else int(Decimal(megahertz) * MS))


def test_power_coefficients_stand_where_no_power_was_measured() -> None:
    found = {}
    for name in PLATFORMS:
        for key, cluster in platform(name).processors.items():
            if cluster.power is not None and name not in HEAT:
                assert not any(point.milliwatt for point in cluster.operating_points or ())
                found[name, key] = cluster.power.coefficient
    assert found == {
        ("snapdragon_8gen2", "silver"): 251,
        ("snapdragon_8gen2", "gold_a"): 447,
        ("snapdragon_8gen2", "gold_b"): 447,
        ("snapdragon_8gen2", "prime"): 1057,
        ("snapdragon_8gen3", "silver"): 100,
        ("snapdragon_8gen3", "gold"): 238,
        ("snapdragon_8gen3", "prime"): 588,
    }


def test_the_gpu_of_the_tx2_has_the_published_limits() -> None:
    blocks = platform("jetson_tx2_blocks").processors["gpu"].block_level
    assert blocks is not None
    assert (blocks.sms, blocks.threads, blocks.shared_memory, blocks.registers) == (2, 2048, 65536, 65536)
    assert (blocks.max_threads, blocks.max_shared_memory, blocks.max_registers) == (1024, 49152, 32768)
    assert (blocks.priorities, blocks.copy_engines, blocks.time_slice) == (2, 1, 1_024_000)
    assert platform("jetson_tx2").processors["gpu"].block_level is None


def test_only_the_views_with_servers_have_speed_ups() -> None:
    servers = {
        (name, key): cluster.threads
        for name in PLATFORMS
        for key, cluster in platform(name).processors.items()
        if cluster.threads
    }
    assert servers == {
        ("rk3588_clusters", "little"): {1: 1, 4: 3.306},
        ("rk3588_clusters", "big"): {1: 1, 4: 3.178},
        ("snapdragon_845_clusters", "gold"): {1: 1, 4: 2.225},
        ("snapdragon_865_clusters", "big"): {1: 1, 4: 2.225},
    }


def test_the_speed_up_that_is_assumed_is_a_median_of_another_chip() -> None:
    rows = [row for row in latency_rows() if (row["platform"], row["source"]) == ("snapdragon_855", "paddleclas")]
    times = {(row["network"], row["threads"]): Decimal(row["latency_ms"]) for row in rows}
    ratios = sorted(times[network, "1"] / times[network, "4"] for network, threads in times if threads == "1")
    assert len(ratios) == 40
    assert float(round((ratios[19] + ratios[20]) / 2, 3)) == 2.225
    for name in ("snapdragon_845_clusters", "snapdragon_865_clusters"):
        assert any("Snapdragon 855 (1.25 to 5.44)" in note for note in platform(name).assumed)


@pytest.mark.parametrize("cluster", ["little", "big"])
def test_a_speed_up_is_the_median_over_the_networks(cluster: str) -> None:
    rows = [row for row in latency_rows() if (row["platform"], row["processor"]) == ("rk3588", cluster)]
    times = {(row["network"], row["threads"]): Decimal(row["latency_ms"]) for row in rows}
    ratios = sorted(times[network, "1"] / times[network, "4"] for network, threads in times if threads == "1")
    (threads,) = (platform("rk3588_clusters").processors[cluster].threads or {},)
    assert len(ratios) == 33
    assert float(round(ratios[16], 3)) == threads[4]


# ---- XRBench --------------------------------------------------------------------------------------------------------


def test_the_generated_files_are_what_their_script_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("build_platforms", ROOT / "analysis" / "build_platforms.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    lines = ["organisation,dataflow,accelerator,pes"]
    for organisation, (combinations, *_) in script.ORGANISATIONS.items():
        for flow in combinations:
            processors = raw("platforms", f"xrbench_{organisation}_{flow}".lower())["processors"].values()
            lines += [f"{organisation},{flow},{place},{acc['facts']['pes']}" for place, acc in enumerate(processors)]
    (tmp_path / "xrbench").mkdir()
    (tmp_path / "xrbench" / "profile.csv").write_text("\n".join(lines) + "\n")
    files = script.platforms(tmp_path)
    assert sorted(files) == sorted(XRBENCH)
    for name, text in files.items():
        assert (ROOT / "platforms" / f"{name}.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", XRBENCH)
def test_an_organisation_has_4096_elements_and_all_predictions(name: str) -> None:
    accelerators = platform(name).processors
    assert sum(int((acc.facts or {})["pes"]) for acc in accelerators.values()) == 4096
    assert {acc.serves for acc in accelerators.values()} == {"run-to-completion"}
    rows = [row for row in latency_rows() if row["platform"] == name]
    assert len({row["network"] for row in rows}) == 12
    assert len(rows) == 12 * len(accelerators)
    assert {(row["status"], row["runtime"], row["source"]) for row in rows} == {("predicted", "maestro", "xrbench")}
    assert all(Decimal(row["energy_mj"]) > 0 for row in rows)


# ---- latency.csv ----------------------------------------------------------------------------------------------------


def test_the_latency_table_has_known_columns_sources_platforms_and_processors() -> None:
    assert (ROOT / "platforms" / "latency.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    places = {name: {p for c, k in platform(name).processors.items() for p in (c, k.kind)} for name in PLATFORMS}
    for row in latency_rows():
        assert row["processor"] in places[row["platform"]], row
        assert row["source"] in source_keys(), row
        assert row["status"] in ("measured", "derived", "bound", "predicted"), row
        assert row["network"] == row["network"].lower().strip() != "", row


def test_the_latencies_are_positive_ordered_and_unique() -> None:
    rows = latency_rows()
    for row in rows:
        levels = [Decimal(row[column]) for column in ("p50_ms", "p99_ms", "p99_9_ms", "max_ms") if row[column]]
        assert Decimal(row["latency_ms"]) > 0, row
        assert levels == sorted(levels), row
    keys = [tuple(row.values())[:7] for row in rows]
    assert keys == sorted(set(keys))


def test_every_board_has_latencies_and_no_other_file() -> None:
    assert {row["platform"] for row in latency_rows()} == {*BOARDS, *XRBENCH}


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
        (("jetson_nano", "resnet50", "224x224", "gpu", ""), "29.8"),
        (("jetson_tx2", "mobilenet_v2", "", "gpu", ""), "7.22"),
        (("dimensity_9300", "resnet18", "", "little", "4"), "9.49"),
        (("coral_dev_board", "deeplabv3", "513x513", "npu", ""), "241"),
        (("coral_dev_board", "inception_v4", "299x299", "cpu", ""), "3157"),
        (("stm32h7a3", "vww", "", "mcu", ""), "50.335"),
        (("snapdragon_8gen3", "whisper_tiny-hfwhisperencoder", "", "npu", ""), "12.989"),
        (("snapdragon_8gen2", "resnet18", "", "gpu", ""), "22.76"),
        (("snapdragon_855", "mobilenetv2_ssld", "", "cpu", "4"), "8.10"),
        (("xrbench_single_4k_ws", "es_ritnet", "", "acc0", ""), "1.503136"),
        (("xrbench_single_4k_os", "kd_res8_narrow", "", "acc0", ""), "0.038400"),
    ],
)
def test_a_row_is_as_published(key: tuple[str, ...], latency: str) -> None:
    assert [row["latency_ms"] for row in latency_rows() if tuple(row.values())[:5] == key] == [latency]


def test_flagged_and_batched_rows_are_left_out() -> None:
    rows = latency_rows()
    assert not [row for row in rows if row["network"].endswith("_int8") and row["processor"] == "gpu"]
    assert "145.6" not in {row["latency_ms"] for row in rows}


@pytest.mark.parametrize(
    ("key", "energy"),
    [
        (("stm32h7a3", "kws", "mcu", "x-cube-ai-8.0"), "2.362103"),
        (("snapdragon_865", "resnet152", "dsp", "tflite/mnn"), "30"),
        (("xrbench_single_4k_os", "asr_em_24l", "acc0", "maestro"), "491.200218"),
    ],
)
def test_an_energy_is_as_published(key: tuple[str, ...], energy: str) -> None:
    columns = ("platform", "network", "processor", "runtime")
    assert [row["energy_mj"] for row in latency_rows() if tuple(row[c] for c in columns) == key] == [energy]


@pytest.mark.parametrize(
    ("name", "network", "precision", "latency", "runtime"),
    [
        ("snapdragon_8gen2", "yamnet", "fp16", "0.211", "qnn_dlc"),
        ("snapdragon_8gen2", "midas", "int8", "1.065", "tflite"),
        ("snapdragon_8gen2", "deeplabv3_plus_mobilenet", "fp16", "10.182", "onnx"),
        ("snapdragon_8gen3", "unet_segmentation", "int8", "26.398", "tflite"),
        ("snapdragon_8gen3", "face_det_lite", "fp16", "1.408", "onnx"),
    ],
)
def test_the_npu_row_is_the_fastest_runtime(
    name: str, network: str, precision: str, latency: str, runtime: str
) -> None:
    rows = [row for row in latency_rows() if (row["platform"], row["network"]) == (name, network)]
    found = [
        (row["latency_ms"], row["runtime"])
        for row in rows
        if (row["processor"], row["precision"]) == ("npu", precision)
    ]
    assert found == [(latency, runtime)]


def test_of_a_run_done_twice_the_longer_one_counts_and_no_broken_one() -> None:
    rows = [row for row in latency_rows() if (row["platform"], row["processor"]) == ("snapdragon_8gen2", "gpu")]
    assert len([row for row in rows if row["source"] == "ncnn"]) == 27
    assert "0.97853" not in {row["latency_ms"] for row in latency_rows()}


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
