"""Measuring a model: the arithmetic on recorded profiles, and (where onnxruntime is installed) for real."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.dnn.profiler import (
    Figures,
    NodeFigures,
    Profile,
    figures,
    joined,
    merged,
    node_figures,
    node_table,
    table_row,
)
from rtsched.errors import InputError
from rtsched.model.catalogue import LATENCY_COLUMNS


def event(name: str, duration: float, operator: str = "Conv") -> dict[str, Any]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": duration, "args": {"op_name": operator}}


def test_percentiles_by_hand() -> None:
    assert figures([5.0]) == Figures(5.0, 5.0, 5.0, 1)
    assert figures([float(value) for value in range(1, 101)]) == Figures(50.5, 99.0, 100.0, 100)


def test_nodes_are_scaled_to_the_whole_and_the_warm_up_is_dropped() -> None:
    events: list[dict[str, Any]] = [{"cat": "Session", "name": "model_run", "dur": 999}]
    for conv, gemm in ((500, 90), (30, 11), (28, 9), (32, 10)):
        events += [
            event("conv", conv),
            event("gemm", gemm, "Gemm"),
            {"cat": "Node", "name": "conv_fence_before", "dur": 5},
        ]
    nodes = node_figures(events, 1, Figures(20.0, 25.0, 30.0, 3))
    assert [(node.name, node.operator, node.times.median, node.times.max) for node in nodes] == [
        ("conv", "Conv", 30, 32),
        ("gemm", "Gemm", 10, 11),
    ]
    assert [node.scaled for node in nodes] == [15.0, 5.0]  # 30 : 10 of the 20 us of the whole


def test_short_nodes_join_the_next_one() -> None:
    nodes = [
        NodeFigures(name, "", Figures(1, 1, 1, 1), scaled)
        for name, scaled in (("a", 5), ("b", 30), ("c", 25), ("d", 3))
    ]
    assert joined(nodes) == [(("a", "b"), 35), (("c", "d"), 28)]
    assert joined(nodes[:1]) == [(("a",), 5)]


PROFILE = Profile(
    "net", 2, "x=1x3x8x8", Figures(1234.5, 2000, 3000, 60), (NodeFigures("a", "Conv", Figures(1, 2, 3, 60), 1234.5),)
)


def test_a_row_replaces_the_one_of_the_same_thing() -> None:
    path = Path("latency.csv")
    first = merged("", path, table_row(PROFILE, "mine", "cpu"))
    other = merged(first, path, table_row(PROFILE, "mine", "cpu", network="other"))
    again = merged(other, path, {**table_row(PROFILE, "mine", "cpu"), "latency_ms": "9"})
    rows = list(csv.DictReader(io.StringIO(again)))
    assert [(row["network"], row["latency_ms"], row["threads"], row["input"]) for row in rows] == [
        ("other", "1.2345", "2", "1x3x8x8"),
        ("net", "9", "2", "1x3x8x8"),
    ]
    with pytest.raises(InputError, match="is it a latency table"):
        merged("a,b\n1,2\n", path, table_row(PROFILE, "mine", "cpu"))


def test_a_workload_can_name_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "platforms"
    folder.mkdir()
    (folder / "latency.csv").write_text(
        merged("", folder, {**table_row(PROFILE, "uniprocessor", "cpu"), "threads": "1"})
    )
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    system = tmp_path / "system.yaml"
    system.write_text("platform: uniprocessor\nsimulate: {until: 1 s}\ntasks: [{name: a, network: net, rate: 10 Hz}]\n")
    assert rtsched.load(str(system)).lower().tasks[0].nodes[0].times == (1_234_500,)


def test_the_table_of_nodes() -> None:
    assert node_table(PROFILE).splitlines() == [
        "node,operator,median_us,p99_us,max_us,count,scaled_us,largest_us",
        "a,Conv,1,2,3,60,1234.500,3000.000",
    ]


def test_the_largest_times_are_kept_and_never_below_what_the_whole_took() -> None:
    nodes = (NodeFigures("a", "Conv", Figures(10, 15, 30, 9), 8.0), NodeFigures("b", "Gemm", Figures(5, 7, 10, 9), 4.0))
    usual = Profile("net", 1, "x=1", Figures(12, 20, 25, 9), nodes)
    assert [usual.largest(node) for node in nodes] == [30, 10]  # more than the whole ever took: each its own
    slow = Profile("net", 1, "x=1", Figures(12, 60, 80, 9), nodes)
    assert [slow.largest(node) for node in nodes] == [60, 20]  # interrupted between nodes: together what the whole took
    row = table_row(Profile("net", 1, "x=1", Figures(1.0, 2.0, 1234567.891, 9), nodes), "mine", "cpu")
    assert (row["latency_ms"], row["max_ms"]) == ("0.001", "1234.567891")
    assert "median of 9 runs" in row["source"]


def test_a_table_without_a_column_for_the_largest_gets_one() -> None:
    old = "platform,network,input,processor,threads,precision,runtime,latency_ms,energy_mj,status,source\n"
    assert set(LATENCY_COLUMNS) <= set(old.strip().split(","))
    rows = list(csv.DictReader(io.StringIO(merged(old, Path("latency.csv"), table_row(PROFILE, "mine", "cpu")))))
    assert (rows[0]["latency_ms"], rows[0]["max_ms"]) == ("1.2345", "3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.csv"], "names its platform"),
        (["--shape", "x"], "write INPUT=1x3x224x224"),
        (["--shape", "x=1xax3"], "write INPUT=1x3x224x224"),
    ],
)
def test_mistakes_on_the_command_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["profile", str(tmp_path / "no.onnx"), *arguments])
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_without_onnxruntime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = CliRunner().invoke(cli, ["profile", str(tmp_path / "no.onnx")])
    assert "pip install 'rtsched[onnxruntime]'" in str(done.exception)


# ---- for real --------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    pytest.importorskip("onnxruntime", reason="the extra 'onnxruntime' is not installed")
    import numpy as np

    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(random.standard_normal((16, 3, 3, 3)).astype("float32"), "w1"),
        numpy_helper.from_array(random.standard_normal((16, 16, 3, 3)).astype("float32"), "w2"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["y"], "second", pads=[1, 1, 1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", 1, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("y", 1, None)],
        weights,
    )
    path = tmp_path / "made.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    )
    return path


def test_a_model_is_measured(model: Path, tmp_path: Path) -> None:
    table, nodes = tmp_path / "out" / "latency.csv", tmp_path / "nodes.csv"
    words = [
        "profile",
        str(model),
        "--shape",
        "x=1x3x64x64",
        "--runs",
        "20",
        "-o",
        str(table),
        "--platform",
        "mine",
        "--nodes",
        str(nodes),
    ]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    row = next(csv.DictReader(table.open()))
    assert float(row["latency_ms"]) > 0
    assert float(row["latency_ms"]) <= float(row["p99_ms"]) <= float(row["max_ms"])
    scaled = [float(each["scaled_us"]) for each in csv.DictReader(nodes.open())]
    assert sum(scaled) == pytest.approx(float(row["latency_ms"]) * 1000, rel=1e-3)
    assert len(scaled) >= 2
    largest = [float(each["largest_us"]) for each in csv.DictReader(nodes.open())]
    assert sum(largest) >= float(row["max_ms"]) * 1000 - 1e-6


def test_an_open_input_must_be_given(model: Path) -> None:
    done = CliRunner().invoke(cli, ["profile", str(model)])
    assert "add --shape x=" in str(done.exception)


def test_a_broken_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra 'onnxruntime' is not installed")
    (tmp_path / "bad.onnx").write_bytes(b"\x00" * 100)
    done = CliRunner().invoke(cli, ["profile", str(tmp_path / "bad.onnx")])
    assert "onnxruntime cannot load it" in str(done.exception)


def test_a_table_that_begins_with_an_empty_line_loses_nothing() -> None:
    path = Path("latency.csv")
    first = merged("", path, table_row(PROFILE, "mine", "cpu"))
    other = table_row(PROFILE, "mine", "cpu", network="other")
    assert merged("\n\r\n" + first, path, other) == merged(first, path, other)


def test_every_run_is_written_for_wcet(tmp_path) -> None:
    from rtsched.dnn import profiler
    from rtsched.samples import read_series

    whole = profiler.figures([3.0, 1.0])
    nodes = (profiler.NodeFigures("=conv", "Conv", whole, 1.0, (2.5, 1.25)),)
    found = profiler.Profile("net", 1, "x=1", whole, nodes, (3.0, 1.0))
    (tmp_path / "runs.csv").write_text(profiler.samples_table(found, "cpu"))
    read = read_series(tmp_path / "runs.csv")
    assert [(each.name, each.times) for each in read] == [
        ("net cpu 1", (3000, 1000)),
        ("net '=conv cpu 1", (2500, 1250)),
    ]
