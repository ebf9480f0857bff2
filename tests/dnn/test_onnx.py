"""Networks out of ONNX files: exact counts on real topologies, and files that mean no good."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtsched.cli import cli
from rtsched.dnn.onnx import load
from rtsched.errors import InputError
from tests.corpus.adapters import check_onnx_counts

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

GRAPHS = Path(__file__).parents[1] / "data" / "graphs"
ROWS = list(csv.DictReader((GRAPHS / "EXPECTED.csv").read_text().splitlines()))

#: Graphs of every family of operators, small and without payloads: their counts were found by formula and by execution.
FAMILIES = Path(__file__).parents[1] / "data" / "graphs_more"
FAMILY_ROWS = list(csv.DictReader((FAMILIES / "EXPECTED.csv").read_text().splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_counts_are_exact(row: dict[str, str]) -> None:
    check_onnx_counts({**row, "folder": GRAPHS})


@pytest.mark.parametrize("row", [row for row in ROWS if row["published_mmacs"]], ids=lambda row: row["file"])
def test_counts_agree_with_what_was_published(row: dict[str, str]) -> None:
    published = float(row["published_mmacs"])
    slack = 0.04 if row["file"].startswith("efficientnet") else 0.012  # timm counts more than convolutions there
    assert load(GRAPHS / row["file"]).macs / 1e6 == pytest.approx(published, rel=slack)


def imported(path: Path, *words: str) -> tuple[dict[str, Any], str]:
    """What ``rtsched import FILE --json`` prints, and what it says beside that."""
    done = CliRunner().invoke(cli, ["import", str(path), "--json", *words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("row", FAMILY_ROWS, ids=[f"{row['file']}-{row['shape']}".rstrip("-") for row in FAMILY_ROWS])
def test_every_family_of_operators_is_counted_or_unknown(row: dict[str, str]) -> None:
    data, said = imported(FAMILIES / row["file"], *(["--shape", row["shape"]] if row["shape"] else []))
    counted = [operator["macs"] for operator in data["operators"]]
    if "unknown" in row["macs"] and data["macs"] is None:
        assert None in counted
        assert not data["known"]
        assert not all(operator["known"] for operator in data["operators"])
    else:
        assert data["macs"] == int(row["macs"].split("|")[0]) == sum(counted)
        assert data["known"]
        assert re.search(row["says"], " ".join(data["notes"]))
        assert re.search(row["says"], said)
    bytes_moved = sum((each["input_bytes"] or 0) + (each["output_bytes"] or 0) for each in data["operators"])
    if row["bytes_at_most"]:
        assert 0 < bytes_moved <= int(row["bytes_at_most"])


@pytest.mark.parametrize("row", FAMILY_ROWS, ids=[f"{row['file']}-{row['shape']}".rstrip("-") for row in FAMILY_ROWS])
def test_counts_of_every_family_are_exact(row: dict[str, str]) -> None:
    check_onnx_counts({**row, "folder": FAMILIES})


def test_a_large_file_without_shapes_has_them_inferred(tmp_path: Path) -> None:
    sizes = {"c": [16, 3, 3, 3], "g": [16384, 1100], "f": [1100, 10]}
    weights = [
        onnx.TensorProto(name=name, dims=dims, data_type=1, raw_data=bytes(4 * math.prod(dims)))
        for name, dims in sizes.items()
    ]
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "c"], ["a"], strides=[2, 2], pads=[1] * 4), node("Relu", ["a"], ["r"]),
        node("Flatten", ["r"], ["v"]), node("Gemm", ["v", "g"], ["m"]), node("MatMul", ["m", "f"], ["y"]),
    ]  # fmt: skip
    model = graph(nodes, {"x": ["batch", 3, 64, 64]}, {"y": ["batch", 10]}, initializer=weights)
    path = save(tmp_path, model)
    assert path.stat().st_size > 64 * 2**20
    one = 16 * 32 * 32 * 27 + 16384 * 1100 + 1100 * 10
    assert load(path).macs == one
    assert load(path, {"x": (3, 3, 64, 64)}).macs == 3 * one


def test_operators_are_a_dag_in_topological_order() -> None:
    network = load(GRAPHS / "inception_v3.onnx")
    for position, operator in enumerate(network.operators):
        assert operator.index == position
        assert all(before < position for before in operator.predecessors)
    assert sum(len(operator.predecessors) > 1 for operator in network.operators) > 10  # the branches come together


def graph(nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, Any], **more: Any) -> Any:
    info = onnx.helper.make_tensor_value_info
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            nodes,
            "made",
            [info(name, 1, shape) for name, shape in inputs.items()],
            [info(name, 1, shape) for name, shape in outputs.items()],
            **more,
        )
    )


def save(tmp_path: Path, model: Any) -> Path:
    path = tmp_path / "made.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_macs_by_hand(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    weights = [
        onnx.TensorProto(name="w", dims=[8, 3, 3, 3], data_type=1),
        onnx.TensorProto(name="t", dims=[8, 4, 2, 2], data_type=1),
        onnx.TensorProto(name="g", dims=[5, 64], data_type=10),
    ]
    model = graph(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            node("ConvTranspose", ["c", "t"], ["d"], strides=[2, 2]),
            node("Identity", ["g"], ["h"]),
            node("Gemm", ["y", "h"], ["z"], transA=1, transB=1),
        ],
        {"x": [1, 3, 10, 10], "y": [64, 2]},
        {"d": [1, 4, 20, 20], "z": [2, 5]},
        initializer=weights,
        value_info=[onnx.helper.make_tensor_value_info("c", 1, [1, 8, 10, 10])],
    )
    network = load(save(tmp_path, model))
    assert network.macs_by_kind == {"Conv": 800 * 27, "ConvTranspose": 800 * 16, "Gemm": 10 * 64}
    assert network.initializer_bytes == 4 * (216 + 128) + 2 * 320
    gemm = network.operators[-1]
    assert (gemm.weights, gemm.weight_bytes) == (320, 640)


def test_unknown_shapes_and_custom_operators_are_named(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    model = graph(
        [node("Conv", ["x", "w"], ["c"]), node("Magic", ["c"], ["m"], domain="com.acme")],
        {"x": ["batch", 3, None, 10]},
        {"m": None},
        initializer=[onnx.TensorProto(name="w", dims=[8, 3, 3, 3], data_type=1)],
    )
    network = load(save(tmp_path, model))
    assert network.custom == ("com.acme:Magic",)
    assert "m" in network.unknown
    assert not network.operators[0].known
    assert network.inputs == {"x": (None, 3, None, 10)}
    text = CliRunner().invoke(cli, ["show", str(tmp_path / "made.onnx")]).output
    assert "com.acme:Magic: not understood" in text
    assert "MACs         not known" in text
    assert "cost         not known: 2 operators of unknown multiply-accumulates" in text
    assert "tensors have no shape" in text


def test_missing_shapes_are_inferred(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    model = graph(
        [node("Relu", ["x"], ["a"]), node("MatMul", ["a", "w"], ["b"])],
        {"x": [4, 16]},
        {"b": [4, 8]},
        initializer=[onnx.TensorProto(name="w", dims=[16, 8], data_type=1)],
    )
    network = load(save(tmp_path, model))
    assert network.unknown == ()
    assert network.macs == 4 * 8 * 16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no operators"),
        (b"not a model at all, just text", "is no ONNX model, or is cut short|holds no operators"),
        ((GRAPHS / "resnet18.onnx").read_bytes()[:5000], "is no ONNX model, or is cut short"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "x.onnx")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load("nowhere.onnx")


def test_hostile_graphs(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    circle = graph([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"], name="second")], {}, {"b": [1]})
    with pytest.raises(InputError, match="has a cycle through node"):
        load(save(tmp_path, circle))
    negative = graph([node("Relu", ["x"], ["y"])], {"x": [1, -3]}, {"y": [1]})
    with pytest.raises(InputError, match="'x' has the negative dimension -3"):
        load(save(tmp_path, negative))
    huge = graph([node("Relu", ["x"], ["y"])], {"x": [2**40, 2**40]}, {"y": [1]})
    with pytest.raises(InputError, match=r"more than 2\^48 elements"):
        load(save(tmp_path, huge))
    twice = graph([node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])], {"x": [1]}, {"y": [1]})
    with pytest.raises(InputError, match="'y' is written twice"):
        load(save(tmp_path, twice))
    short = graph([node("MatMul", ["x"], ["y"])], {"x": [1]}, {"y": [1]})
    with pytest.raises(InputError, match="too few inputs"):
        load(save(tmp_path, short))


def test_external_data_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 64)
    weight = onnx.TensorProto(name="w", dims=[4, 4], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../../../../etc/passwd")
    model = graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [2, 4]}, {"y": [2, 4]}, initializer=[weight]
    )
    assert load(save(tmp_path, model)).macs == 32


def test_show_prints_a_network_file() -> None:
    answer = CliRunner().invoke(cli, ["show", "network", str(GRAPHS / "resnet18.onnx")])
    assert answer.exit_code == 0
    assert "1,814.1 million" in answer.output
    assert "input.1 1x3x224x224" in answer.output
