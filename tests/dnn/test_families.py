"""Families of variants: published facts in the tables, the reader's checks, and values between the measured ones."""

from __future__ import annotations

import csv
import importlib.util
import os
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rtsched import api, summary
from rtsched.cli import cli
from rtsched.dnn.families import Family, VariantRow, load_families, read_variants, variant_rows
from rtsched.dnn.lowering import Lowering
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.catalogue import load_platform
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.model.taskgraph import TaskSpec

ROOT = Path(__file__).parents[2]
US = 1_000
MS = 1_000_000
HEADER = (
    "family,network,knob,value,metric,accuracy,mmacs,params_m,latency_ms,relative_time,platform,processor,threads,input,"
    "precision,runtime,status,source,note"
)
SHIPPED = load_families(list(read_variants(ROOT / "platforms" / "variants.csv")))


def table(name: str) -> list[dict[str, str]]:
    with (ROOT / "platforms" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def accuracies(family: str) -> dict[str, float | None]:
    return {variant.value: variant.accuracy for variant in SHIPPED[family].variants()}


def times(family: str, platform: str) -> dict[str, dict[str, int]]:
    return {variant.value: dict(variant.times) for variant in SHIPPED[family].variants([platform])}


# ---- what was published ----------------------------------------------------------------------------------------------


def test_subflow_has_ten_subnets_and_a_derived_relative_time() -> None:
    found = SHIPPED["subflow_lenet5_mnist"].variants(["any_platform_at_all"])
    assert [variant.value for variant in found] == [f"{tenth / 10:.1f}" for tenth in range(1, 11)]
    assert (found[0].accuracy, found[-1].accuracy) == (0.9456, 0.9918)
    assert (found[0].relative_time, found[-1].relative_time) == (0.658, 1)  # published: 55.591 ms of 84.563 ms
    assert abs(55.591 / 84.563 - 0.658) < 0.001
    assert all(not variant.times and any("0.62 + 0.38 u" in note for note in variant.notes) for variant in found)


def test_mobilenet_v2_has_22_points_by_width_and_resolution() -> None:
    assert len(accuracies("mobilenet_v2")) == 22
    assert accuracies("mobilenet_v2")["1.0/224"] == 0.718
    assert times("mobilenet_v2", "pixel_1")["1.0/224"] == {"cpu": 73_800 * US}
    (full,) = [variant for variant in SHIPPED["mobilenet_v2"].variants() if variant.value == "1.0/224"]
    assert (full.mmacs, full.params_m) == (300, 3.47)


def test_mobilenet_v3_in_int8_is_faster_on_the_big_cores_of_a_snapdragon_845() -> None:
    assert accuracies("mobilenet_v3_large_precision") == {"fp32": 0.752, "int8": 0.739}
    assert times("mobilenet_v3_large_precision", "snapdragon_845") == {
        "fp32": {"gold": 44 * MS},
        "int8": {"gold": 32 * MS},
    }


def test_fcn_resnet18_has_pixel_accuracy_and_times_by_resolution() -> None:
    assert accuracies("fcn_resnet18_cityscapes") == {"512x256": 0.833, "1024x512": 0.873, "2048x1024": 0.896}
    assert times("fcn_resnet18_cityscapes", "jetson_agx_xavier")["512x256"] == {"gpu": 2_083 * US}  # 480 frames/s
    assert times("fcn_resnet18_cityscapes", "jetson_nano")["2048x1024"] == {"gpu": 333_333 * US}
    (bound, *_) = SHIPPED["fcn_resnet18_cityscapes"].variants(["jetson_agx_orin_64"])
    assert bound.notes == ("times on gpu are bound (jetson_inference)",)


def test_once_for_all_has_measured_subnets_and_no_batches() -> None:
    assert accuracies("ofa_pixel_1")["ofa-pixel1-20"] == 0.714
    assert times("ofa_pixel_1", "pixel_1")["ofa-pixel1-143"] == {"cpu": 143 * MS}
    assert sum(row["source"] == "ofa" for row in table("variants")) == 58 - 12
    assert not any("gpu" in row["value"] or "v100" in row["value"] for row in table("variants"))


def test_picodet_ran_with_four_threads() -> None:
    assert accuracies("picodet_l") == {"320": 0.361, "416": 0.394, "640": 0.426}
    largest = SHIPPED["picodet_l"].variants(["snapdragon_865"])[-1]
    assert (largest.times, largest.threads) == ({"cpu": 108_100 * US}, {"cpu": 4})


def test_yolo_has_times_by_size_and_no_accuracy() -> None:
    families = {name: family for name, family in SHIPPED.items() if name.startswith("trt_yolo")}
    assert len(families) == 15
    assert all(set(accuracies(name).values()) == {None} for name in families)
    assert times("trt_yolov8m", "jetson_agx_orin_64")["960"] == {"gpu": 12_199_100}
    assert "jetson_orin_nano" in SHIPPED["trt_yolov8m"].platforms


def test_precisions_on_the_npu_have_the_accuracy_of_the_runtime_that_was_timed() -> None:
    assert accuracies("aihub_mobilenet_v2") == {
        "fp16": 0.724, "int8": 0.706, "w8a16": 0.703, "w8a16_mixed_int16": 0.722
    }  # fmt: skip
    assert {value: time["npu"] for value, time in times("aihub_mobilenet_v2", "snapdragon_8gen3").items()} == {
        "fp16": 523_000, "int8": 289_000, "w8a16": 572_000, "w8a16_mixed_int16": 618_000
    }  # fmt: skip


def test_tflite_has_cpu_and_gpu_times() -> None:
    assert accuracies("tflite_mobilenet_v1_1.0_224") == {"fp32": 0.71, "int8": 0.7}
    assert times("tflite_mobilenet_v1", "snapdragon_845")["1.0/224"] == {"gold": 24 * MS, "gpu": 6_500 * US}


def test_slimmable_and_timm_have_accuracies_only() -> None:
    assert accuracies("slimmable_s_mobilenet_v1") == {"0.25": 0.531, "0.50": 0.648, "0.75": 0.695, "1.00": 0.715}
    assert accuracies("timm_mobilenetv3_large_100") == {"224": 0.7631, "256": 0.77182}
    for name, family in SHIPPED.items():
        if name.startswith(("slimmable_", "timm_")):
            assert not family.platforms, name


@pytest.mark.parametrize(
    ("family", "shares", "accuracy", "baseline", "mean"),
    [
        ("branchynet_b_lenet_mnist", ["0.943", "0.0563"], "0.9925", ("0.992", "3.37"), "0.62"),
        ("branchynet_b_alexnet_cifar10", ["0.656", "0.252", "0.092"], "0.7919", ("0.7838", "9.56"), "6.32"),
        ("branchynet_b_resnet_cifar10", ["0.415", "0.138", "0.447"], "0.7917", ("0.807", "137.2"), "73.5"),
    ],
)
def test_exits_have_the_published_shares_and_only_two_have_times(
    family: str, shares: list[str], accuracy: str, baseline: tuple[str, str], mean: str
) -> None:
    rows = {row["exit"]: row for row in table("exits") if row["family"] == family}
    exits = [rows[str(number + 1)] for number in range(len(shares))]
    assert [row["share"] for row in exits] == shares
    assert (rows["all"]["accuracy"], rows["all"]["latency_ms"]) == (accuracy, mean)
    assert (rows["baseline"]["accuracy"], rows["baseline"]["latency_ms"]) == baseline
    assert not any(row["accuracy"] for row in exits)
    if len(shares) == 2:
        weighted = [Decimal(row["share"]) * Decimal(row["latency_ms"]) for row in exits]
        assert abs(sum(weighted, Decimal(0)) / sum(map(Decimal, shares), Decimal(0)) - Decimal(mean)) < Decimal(
            "0.0001"
        )
        assert {row["status"] for row in exits} == {"derived"}
    else:
        assert not any(row["latency_ms"] or row["relative_cost"] for row in exits)


# ---- the tables as a whole -------------------------------------------------------------------------------------------


def test_the_tables_name_known_sources_and_processors() -> None:
    assert (ROOT / "platforms" / "variants.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    notice = (ROOT / "platforms" / "NOTICE.md").read_text(encoding="utf-8")
    known = catalogue.names("platforms")
    places = {
        name: {place for cluster, about in catalogue.load_platform(name).processors.items() for place in (cluster, about.kind)}
        for name in known
    }  # fmt: skip
    for row in table("variants") + table("exits"):
        assert f"| `{row['source']}` |" in notice, row
    for row in table("variants"):
        assert row["status"] in ("measured", "derived", "bound", ""), row
        assert row["platform"] not in known or row["processor"] in places[row["platform"]], row


def test_every_family_is_a_choice() -> None:
    assert len(SHIPPED) > 150
    for name, family in SHIPPED.items():
        assert len(family.variants()) >= 2, name
        for platform in family.platforms:
            found = family.variants([platform])
            assert found, name
            assert all(variant.times for variant in found), name


def test_the_tables_are_what_their_script_writes(tmp_path: Path) -> None:
    data = os.environ.get("RTSCHED_DATA")
    if not data:
        pytest.skip("RTSCHED_DATA does not name the folder of the raw tables")
    spec = importlib.util.spec_from_file_location("variant_tables", ROOT / "analysis" / "build_variant_tables.py")
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.main([data, str(tmp_path)]) == 0
    for name in ("variants.csv", "exits.csv"):
        assert (tmp_path / name).read_bytes() == (ROOT / "platforms" / name).read_bytes()


# ---- reading ---------------------------------------------------------------------------------------------------------

#: family,network,knob,value,metric,accuracy,mmacs,params_m,latency_ms,relative_time,platform,processor,threads,…
FULL = "mine,net,width,1.0,top1,0.7,300,3,8,,board,cpu,1,,,,measured,me,\n"
HALF = "mine,net,width,0.5,top1,0.6,100,2,4,,board,cpu,1,,,,measured,me,\n"


def read(tmp_path: Path, *lines: str) -> dict[str, Family]:
    path = tmp_path / "variants.csv"
    path.write_text(HEADER + "\n" + "".join(lines))
    return load_families(list(read_variants(path)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (HALF.replace("0.6", "60"), "variants.csv:3: accuracy: must be a fraction from 0 to 1, e.g. 0.718 (got '60')"),
        (HALF.replace("0.6", "-0.1"), "variants.csv:3: accuracy: must be a fraction"),
        (HALF.replace("0.6", "nan"), "variants.csv:3: accuracy: must be a fraction"),
        (HALF.replace(",4,,board", ",0,,board"), "variants.csv:3: latency_ms: must be positive (got '0')"),
        (HALF.replace(",4,,board", ",fast,,board"), "variants.csv:3: latency_ms: 'fast' is not a number"),
        (HALF.replace(",4,,board", ",,,board"), "variants.csv:3: latency_ms, platform and processor belong together"),
        (HALF.replace("width", "colour"), "variants.csv:3: knob: 'colour' is not known"),
        (HALF.replace("mine", ""), "variants.csv:3: family: is empty"),
        (HALF.replace("width", "resolution"), "variants.csv:3: family 'mine' has one knob and one metric: those of line 2"),
        (FULL.replace("0.7", "0.8").replace("cpu", "gpu"), "variants.csv:3: value '1.0' of family 'mine' differs from line 2"),
        (FULL, "variants.csv:3: value '1.0' of family 'mine' stands in line 2, too"),
        (HALF.strip() + ",more\n", "variants.csv:3: more cells than columns"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, FULL, line)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "variants.csv").write_text("family,value\na,1\n")
    with pytest.raises(InputError, match=r"variants\.csv:1:1: column 'network' is missing"):
        list(read_variants(tmp_path / "variants.csv"))


def test_own_families_hide_shipped_ones_and_leave_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "platforms").mkdir()
    read(tmp_path / "platforms", FULL.replace("mine", "picodet_l"), HALF.replace("mine", "picodet_l"))
    shipped = load_families(variant_rows())
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    families = load_families(variant_rows())
    assert families["picodet_l"].platforms == ("board",)
    assert families["picodet_m"] == shipped["picodet_m"]


def test_a_family_without_times_on_the_platform_says_where_it_has_some() -> None:
    with pytest.raises(
        InputError, match=r"'trt_yolov8n' has no times on 'rk3588'; it has on jetson_agx_orin_64, jetson_"
    ):
        SHIPPED["trt_yolov8n"].variants(["rk3588"])
    with pytest.raises(InputError, match="has no times on 'rk3588'; it has on none"):
        SHIPPED["timm_resnet50"].variants(["rk3588"])


def test_an_alias_finds_the_times_too() -> None:
    family = SHIPPED["trt_yolov8n"]
    assert family.variants(["jetson_orin_nano", "jetson_orin_nano_8"]) == family.variants(["jetson_orin_nano"])
    assert family.variants(["my_view", "jetson_orin_nano"]) == family.variants(["jetson_orin_nano"])


# ---- between measured values -----------------------------------------------------------------------------------------


def test_the_staircase_is_on_the_safe_side(tmp_path: Path) -> None:
    family = read(tmp_path, HALF, FULL)["mine"]
    found = family.between(0.75, platforms=["board"])
    assert (found.accuracy, found.times, found.mmacs, found.interpolated) == (0.6, {"cpu": 8 * MS}, 300, True)


def test_the_line_goes_half_way(tmp_path: Path) -> None:
    found = read(tmp_path, HALF, FULL)["mine"].between(0.75, "monotone", ["board"])
    assert (found.times, found.mmacs, found.interpolated) == ({"cpu": 6 * MS}, 200, True)
    assert found.accuracy == pytest.approx(0.65)
    assert "0.75 lies between 0.5 and 1.0: monotone" in found.notes


def test_a_measured_value_is_itself(tmp_path: Path) -> None:
    family = read(tmp_path, HALF, FULL)["mine"]
    for variant in family.variants(["board"]):
        assert family.between(float(variant.value), "staircase", ["board"]) == variant
        assert family.between(float(variant.value), "monotone", ["board"]) == variant
        assert not variant.interpolated


@pytest.mark.parametrize("value", [0.4, 1.1, float("nan")])
def test_outside_the_measured_range_nothing_is_known(tmp_path: Path, value: float) -> None:
    with pytest.raises(InputError, match=r"was measured from 0\.5 to 1\.0, not at"):
        read(tmp_path, HALF, FULL)["mine"].between(value, platforms=["board"])


@pytest.mark.parametrize("family", ["mobilenet_v2", "aihub_resnet50", "ofa_pixel_1", "fcn_resnet18_voc"])
def test_values_that_are_no_plain_numbers_have_nothing_between(family: str) -> None:
    with pytest.raises(InputError, match="is no plain number; choose measured values"):
        SHIPPED[family].between(0.5)


def test_an_unknown_way_between_is_refused(tmp_path: Path) -> None:
    how: Any = "cubic"
    with pytest.raises(InputError, match="'cubic' is no way between variants"):
        read(tmp_path, HALF, FULL)["mine"].between(0.7, how)


def test_unknown_accuracies_stay_unknown() -> None:
    found = SHIPPED["trt_yolov8n"].between(500, "monotone", ["jetson_xavier_nx"])
    assert found.accuracy is None
    low, high = (times("trt_yolov8n", "jetson_xavier_nx")[size]["gpu"] for size in ("480", "640"))
    assert low < found.times["gpu"] < high


def rising(points: list[tuple[int, int]]) -> Family:
    """A family whose times and accuracies never fall with the value: steps of (time, accuracy in 1/1000)."""
    rows, time, accuracy = [], 0, 0
    for number, (more_time, more_accuracy) in enumerate(points):
        time, accuracy = time + more_time, min(1000, accuracy + more_accuracy)
        rows.append(
            VariantRow(
                Path("made"), number + 2, "made", "net", "width", str(number), "top1", accuracy / 1000, None, None, time,
                None, "board", "cpu", 1, "measured", "me", "",
            )
        )  # fmt: skip
    return load_families(rows)["made"]


@given(
    st.lists(st.tuples(st.integers(1, 10**10), st.integers(0, 300)), min_size=2, max_size=6),
    st.lists(st.floats(0, 1), min_size=2, max_size=8),
    st.sampled_from(["staircase", "monotone"]),
)
def test_what_rises_at_the_measured_points_rises_between_them(
    points: list[tuple[int, int]], places: list[float], how: Any
) -> None:
    family = rising(points)
    found = [family.between(place * (len(points) - 1), how, ["board"]) for place in sorted(places)]
    for before, after in pairwise(found):
        assert before.times["cpu"] <= after.times["cpu"]
        assert (before.accuracy or 0) <= (after.accuracy or 0)


@given(st.sampled_from(["slimmable_us_mobilenet_v1", "subflow_lenet5_mnist", "slimmable_s_resnet_50"]), st.floats(0, 1))
def test_the_staircase_never_promises_more_than_the_line(name: str, place: float) -> None:
    family = SHIPPED[name]
    values = sorted(float(variant.value) for variant in family.variants())
    value = min(max(values[0] + place * (values[-1] - values[0]), values[0]), values[-1])
    safe, line = family.between(value), family.between(value, "monotone")
    assert (safe.accuracy or 0) <= (line.accuracy or 0) <= max(accuracy or 0 for accuracy in accuracies(name).values())
    assert (safe.mmacs or 0) >= (line.mmacs or 0)
    assert (safe.relative_time or 0) >= (line.relative_time or 0)


# ---- in a task -------------------------------------------------------------------------------------------------------


def lower(platform: str, **task: Any) -> tuple[TaskSpec, Lowering]:
    system = System.model_validate(
        {"platform": platform, "tasks": [{"name": "eye", "period": "100 ms", **task}]}, context={"file": "eye.yaml"}
    )
    lowering = Lowering(system, catalogue.load_platform(platform))
    return lowering.lower().tasks[0], lowering


def variants_of(spec: TaskSpec) -> list[tuple[str, int, float | None]]:
    assert spec.quality is not None
    return [(each.name, each.nodes[0].fastest, each.accuracy) for each in spec.quality.variants]


def test_a_task_runs_a_family_with_the_platforms_times() -> None:
    spec, lowering = lower("jetson_nano", variants="fcn_resnet18_deepscene")
    assert variants_of(spec) == [("864x480", 71_429 * US, 0.969), ("576x320", 38_462 * US, 0.964)]
    assert "fcn_resnet18_deepscene: times on gpu are derived (jetson_inference)" in lowering.assumed


def test_subflow_takes_shares_of_the_tasks_own_time() -> None:
    chosen = {"family": "subflow_lenet5_mnist", "values": [0.1, 1.0]}
    spec, lowering = lower("uniprocessor", wcet="10 ms", variants=chosen)
    assert variants_of(spec) == [("1.0", 10 * MS, 0.9918), ("0.1", 6_580 * US, 0.9456)]
    assert any("the only two published times" in note for note in lowering.assumed)


def test_a_value_between_two_is_chosen_on_request_only() -> None:
    chosen: dict[str, Any] = {"family": "trt_yolov8n", "values": [320, 500]}
    with pytest.raises(
        InputError, match=r"'eye': family 'trt_yolov8n' has no value '500\.0' here; .*'between: staircase'"
    ):
        lower("jetson_xavier_nx", variants=chosen)
    spec, _ = lower("jetson_xavier_nx", variants=chosen | {"between": "staircase"})
    upper = times("trt_yolov8n", "jetson_xavier_nx")
    assert [time for _, time, _ in variants_of(spec)] == [upper["640"]["gpu"], upper["320"]["gpu"]]


def test_a_mistyped_family_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"task 'eye': no family is called 'trt_yolo8n'; did you mean trt_yolov8n"):
        lower("jetson_xavier_nx", variants="trt_yolo8n")


def test_a_family_measured_elsewhere_is_refused_with_the_platforms_it_has() -> None:
    with pytest.raises(
        InputError, match="task 'eye': family 'picodet_l' has no times on 'rk3588'; it has on snapdragon_865"
    ):
        lower("rk3588", variants="picodet_l")


def test_a_time_of_four_threads_needs_a_cluster_that_is_one_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError, match=r"'picodet_l' at 320 has times for cpu \(4 threads\), and 'snapdragon_865' has no"
    ):
        lower("snapdragon_865", variants="picodet_l")
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "my_865.yaml").write_text(
        "aliases: [snapdragon_865]\nprocessors: {cpu: {kind: cpu, cores: 4, threads: {'1': 1, '4': 3.2}}}\n"
    )
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    spec, lowering = lower("my_865", variants="picodet_l")
    assert [time for _, time, _ in variants_of(spec)] == [108_100 * US, 42_230 * US, 25_210 * US]
    assert "picodet_l: times on cpu were measured with 4 threads" in lowering.assumed


@pytest.mark.parametrize(
    ("family", "platform"), [("fcn_resnet18_cityscapes", "jetson_agx_orin_64"), ("aihub_resnet18", "snapdragon_8gen3")]
)
def test_the_averages_of_a_family_are_those_of_its_table(family: str, platform: str) -> None:
    """Every variant in use: the share of right answers is its accuracy, within four standard errors."""
    text = f"platform: {platform}\nsimulate: {{until: 400 s}}\ntasks: [{{name: a, rate: 10 Hz, variants: {family}}}]\n"
    prepared = api.prepare(api.Loaded(*_loaded(text)))
    quality = prepared.spec.tasks[0].quality
    assert quality is not None
    for variant in quality.variants:
        policy = api.scheduler({"ordering": "edf", "adaptation": {"name": "fixed", "variant": variant.index}})
        figures = summary(prepared.run(policy, 1, trace=False)).tasks[0]
        accuracy = variant.accuracy or 0.0
        error = (accuracy * (1 - accuracy) / figures.jobs) ** 0.5
        assert abs((figures.accuracy or 0.0) - accuracy) < 4 * error
        assert figures.variants is not None
        assert figures.variants[variant.name] == figures.jobs


def _loaded(text: str):
    system = validate(System, parse_yaml(text))
    return system, load_platform(str(system.platform))


def test_families_are_listed_and_shown() -> None:
    listed = CliRunner().invoke(cli, ["list", "families"])
    assert "fcn_resnet18_cityscapes" in listed.output
    shown = CliRunner().invoke(cli, ["show", "subflow_lenet5_mnist"])
    assert "94.56 %" in shown.output
    assert "source: subflow" in shown.output
    refused = CliRunner().invoke(cli, ["show", "family", "subflow_lenet"])
    assert "did you mean subflow_lenet5_mnist" in str(refused.exception)
