"""Operators that hold graphs, functions, quantised networks: what counts, how often, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rtsched.api import load as load_system
from rtsched.cli import cli
from rtsched.dnn import cost, network_file
from rtsched.dnn.graph import trimmed
from rtsched.dnn.network import Network
from rtsched.dnn.onnx import load
from rtsched.dnn.onnx.macs import MOVES, PRODUCTS
from rtsched.errors import InputError

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

node = onnx.helper.make_node
info = onnx.helper.make_tensor_value_info
FAMILIES = Path(__file__).parents[1] / "data" / "graphs_more"


def constant(name: str, values: Any, kind: str = "int64") -> Any:
    return onnx.numpy_helper.from_array(np.array(values, kind), name)


def weight(name: str, *dims: int, type_: int = 1) -> Any:
    """An initializer without a payload."""
    return onnx.TensorProto(name=name, dims=dims, data_type=type_)


def network(
    tmp_path: Path,
    nodes: Sequence[Any],
    inputs: dict[str, Any],
    outputs: Sequence[str],
    weights: Sequence[Any] = (),
    functions: Sequence[Any] = (),
    opset: int = 21,
    shapes: dict[str, tuple[int, ...]] | None = None,
) -> Network:
    """The network of a model; inputs are floats of a shape, or what `info` makes."""
    given = [info(name, 1, each) if isinstance(each, (list, tuple)) else each for name, each in inputs.items()]
    left = [onnx.ValueInfoProto(name=name) for name in outputs]
    made = onnx.helper.make_graph(list(nodes), "made", given, left, list(weights))
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("my", 1)]
    model = onnx.helper.make_model(made, opset_imports=opsets, functions=list(functions), ir_version=10)
    path = tmp_path / "made.onnx"
    path.write_bytes(model.SerializeToString())
    return load(path, shapes)


def body(nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[str]) -> Any:
    return onnx.helper.make_graph(
        list(nodes), "body", list(inputs), [onnx.ValueInfoProto(name=name) for name in outputs]
    )


def loop_body(*nodes: Any, condition: str = "c") -> Any:
    """A body with one state, of no stated shape: s -> s2."""
    inputs = [info("i", 7, []), info("c", 9, []), onnx.ValueInfoProto(name="s")]
    return body([*nodes, node("Identity", [condition], ["c2"])], inputs, ["c2", "s2"])


STEP = node("MatMul", ["s", "w"], ["s2"])


# ---- what is not listed is not understood ----------------------------------------------------------------------------


def test_no_operator_is_in_both_lists() -> None:
    assert not MOVES & set(PRODUCTS)


def test_standard_operators_that_nobody_looked_at_are_unknown(tmp_path: Path) -> None:
    standard = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    open_ones = standard - MOVES - set(PRODUCTS) - {"If", "Loop", "Scan"}
    assert {"DFT", "STFT", "Det", "SequenceMap"} <= open_ones  # they do multiply, and no rule of ours says how much
    found = network(tmp_path, [node("Det", ["x"], ["y"])], {"x": [3, 8, 8]}, ["y"])
    assert found.macs is None
    assert found.operators[0].output_bytes == 12  # its shape is known all the same


def test_a_foreign_operator_is_not_the_standard_one_of_its_name(tmp_path: Path) -> None:
    for kind in ("Relu", "Conv", "QuantizeLinear", "Constant"):
        found = network(
            tmp_path, [node(kind, ["x", "w"], ["y"], domain="com.acme")], {"x": [1, 2]}, ["y"], [weight("w", 2)]
        )
        assert found.macs is None
        assert found.custom == (f"com.acme:{kind}",)
        assert "1 operators of unknown" in cost.unknown(trimmed(found))


# ---- loops -----------------------------------------------------------------------------------------------------------


def test_a_trip_count_computed_from_a_shape(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "second"], ["five"]),
        node("Add", ["five", "two"], ["seven"]),
        node("Loop", ["seven", "", "h"], ["y"], body=loop_body(STEP)),
    ]
    found = network(
        tmp_path,
        nodes,
        {"x": [3, 5], "h": [4, 6]},
        ["y"],
        [constant("second", 1), constant("two", 2), weight("w", 6, 6)],
    )
    assert found.macs == 7 * 4 * 6 * 6
    assert found.notes == ()
    assert found.operators[-1].launches == 7
    assert found.unknown == ()  # the state keeps its shape


def test_a_trip_count_from_constants_and_sizes(tmp_path: Path) -> None:
    nodes = [
        node("Constant", [], ["k"], value=constant("k", [5.0], "float32")),
        node("Cast", ["k"], ["whole"], to=7),
        node("Squeeze", ["whole"], ["five"]),
        node("Loop", ["five", "", "h"], ["a"], body=loop_body(STEP)),
        node("Size", ["h"], ["all"]),
        node("Loop", ["all", "", "a"], ["y"], body=loop_body(STEP)),
    ]
    found = network(tmp_path, nodes, {"h": [4, 6]}, ["y"], [weight("w", 6, 6)])
    assert found.macs == (5 + 24) * 144


def test_what_a_loop_collects_is_as_long_as_it_runs_often(tmp_path: Path) -> None:
    collects = body(
        [STEP, node("Identity", ["c"], ["c2"]), node("Identity", ["s2"], ["o"])],
        [info("i", 7, []), info("c", 9, []), onnx.ValueInfoProto(name="s")],
        ["c2", "s2", "o"],
    )
    nodes = [node("Loop", ["ten", "", "h"], ["last", "all"], body=collects), node("MatMul", ["all", "w"], ["y"])]
    found = network(tmp_path, nodes, {"h": [4, 6]}, ["y"], [weight("w", 6, 6), constant("ten", 10)])
    assert [operator.macs for operator in found.operators] == [10 * 144, 10 * 144]


def test_a_loop_that_may_end_early_counts_its_worst_case_and_says_so(tmp_path: Path) -> None:
    step = loop_body(
        STEP, node("ReduceMax", ["s2"], ["m"], keepdims=0), node("Less", ["m", "one"], ["l"]), condition="l"
    )
    weights = [weight("w", 6, 6), constant("ten", 10), constant("one", 1, "float32")]
    found = network(tmp_path, [node("Loop", ["ten", "", "h"], ["y"], body=step)], {"h": [4, 6]}, ["y"], weights)
    assert found.macs == 10 * 144
    assert "worst case" in found.notes[0]


@pytest.mark.parametrize(("start", "goes_on", "trips"), [(True, False, 1), (False, True, 0), (True, True, 10)])
def test_conditions_that_are_known_decide(start: bool, goes_on: bool, trips: int, tmp_path: Path) -> None:
    step = loop_body(STEP, node("And", ["c", "on"], ["l"]), condition="l")
    weights = [weight("w", 6, 6), constant("ten", 10), constant("go", start, "bool"), constant("on", goes_on, "bool")]
    found = network(tmp_path, [node("Loop", ["ten", "go", "h"], ["y"], body=step)], {"h": [4, 6]}, ["y"], weights)
    assert found.macs == trips * 144
    assert found.notes == ()


def test_an_unknown_count_does_not_matter_where_nothing_multiplies(tmp_path: Path) -> None:
    loop = node("Loop", ["n", "", "h"], ["y"], body=loop_body(node("Relu", ["s"], ["s2"])))
    after = node("MatMul", ["y", "w"], ["z"])
    found = network(tmp_path, [loop, after], {"n": info("n", 7, []), "h": [4, 6]}, ["z"], [weight("w", 6, 6)])
    assert found.macs == 144
    sums = loop_body(node("Softmax", ["s"], ["s2"]))
    found = network(
        tmp_path, [node("Loop", ["n", "", "h"], ["y"], body=sums)], {"n": info("n", 7, []), "h": [4, 6]}, ["y"]
    )
    assert found.macs == 0
    assert "unknown bytes" in cost.unknown(found)  # but it takes an unknown time


def test_a_state_that_grows_has_no_count(tmp_path: Path) -> None:
    grows = loop_body(node("MatMul", ["s", "w"], ["t"]), node("Concat", ["s", "t"], ["s2"], axis=0))
    weights = [weight("w", 6, 6), constant("ten", 10)]
    found = network(tmp_path, [node("Loop", ["ten", "", "h"], ["y"], body=grows)], {"h": [4, 6]}, ["y"], weights)
    assert found.macs is None


def test_loops_in_loops_and_branches_in_loops(tmp_path: Path) -> None:
    inner = onnx.helper.make_graph(
        [node("MatMul", ["p", "w"], ["q"]), node("Identity", ["d"], ["d2"])], "inner",
        [info("j", 7, []), info("d", 9, []), info("p", 1, [4, 6])], [info("d2", 9, []), info("q", 1, [4, 6])],
    )  # fmt: skip
    way = onnx.helper.make_graph([node("Relu", ["t"], ["a"])], "way", [], [info("a", 1, [4, 6])])
    other = onnx.helper.make_graph([node("MatMul", ["t", "w"], ["b"])], "other", [], [info("b", 1, [4, 6])])
    step = loop_body(
        node("Loop", ["three", "", "s"], ["t"], body=inner),
        node("If", ["which"], ["s2"], then_branch=way, else_branch=other),
    )
    weights = [weight("w", 6, 6), constant("three", 3), constant("five", 5)]
    given = {"h": [4, 6], "which": info("which", 9, [])}
    found = network(tmp_path, [node("Loop", ["five", "", "h"], ["y"], body=step)], given, ["y"], weights)
    assert found.macs == 5 * (3 + 1) * 144
    assert "conditional" in found.notes[0]
    known = [*weights, constant("which", True, "bool")]
    found = network(tmp_path, [node("Loop", ["five", "", "h"], ["y"], body=step)], {"h": [4, 6]}, ["y"], known)
    assert (found.macs, found.notes) == (5 * 3 * 144, ())


def test_an_unknown_branch_makes_the_network_unknown(tmp_path: Path) -> None:
    small = onnx.helper.make_graph([node("Relu", ["x"], ["a"])], "small", [], [info("a", 1, [4, 6])])
    odd = onnx.helper.make_graph([node("Magic", ["x"], ["b"], domain="com.acme")], "odd", [], [info("b", 1, [4, 6])])
    which = node("If", ["c"], ["y"], then_branch=small, else_branch=odd)
    found = network(tmp_path, [which], {"x": [4, 6], "c": info("c", 9, [])}, ["y"])
    assert found.macs is None
    assert found.custom == ("com.acme:Magic",)


@pytest.mark.parametrize(("axis", "shape"), [(0, [7, 5]), (1, [5, 7]), (-1, [5, 7])])
def test_scans_along_any_axis(axis: int, shape: list[int], tmp_path: Path) -> None:
    cell = body(
        [node("MatMul", ["e", "w"], ["t"]), node("Add", ["t", "s"], ["s2"]), node("Relu", ["s2"], ["o"])],
        [onnx.ValueInfoProto(name="s"), onnx.ValueInfoProto(name="e")],
        ["s2", "o"],
    )
    scan = node("Scan", ["h", "x"], ["last", "y"], body=cell, num_scan_inputs=1, scan_input_axes=[axis])
    after = node("MatMul", ["y", "v"], ["z"])  # 7 x 6
    found = network(tmp_path, [scan, after], {"h": [6], "x": shape}, ["z"], [weight("w", 5, 6), weight("v", 6, 2)])
    assert [operator.macs for operator in found.operators] == [7 * 5 * 6, 7 * 6 * 2]
    assert found.operators[0].launches == 14  # the activation goes with what is before it


# ---- formulas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("ij,jk->ik", [[2, 3], [3, 5]], 30),
        ("ij,jk", [[2, 3], [3, 5]], 30),  # what appears once stays
        ("ij,ij->ij", [[2, 3], [2, 3]], 0),
        ("...ij,...jk->...ik", [[4, 1, 2, 3], [7, 3, 5]], 4 * 7 * 30),
        ("ij,jk,kl->il", [[2, 3], [3, 5], [5, 7]], 2 * 3 * 5 + 2 * 5 * 7),
        ("ii->i", [[3, 3]], 0),
        ("i,i->", [[9], [9]], 9),
    ],
)
def test_einsum(equation: str, shapes: list[list[int]], macs: int, tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(len(shapes))]
    given = dict(zip(names, shapes, strict=True))
    found = network(tmp_path, [node("Einsum", names, ["y"], equation=equation)], given, ["y"])
    assert found.macs == macs


def test_recurrent_cells_in_either_layout(tmp_path: Path) -> None:
    weights = [weight("w", 2, 4 * 8, 5), weight("r", 2, 4 * 8, 8)]
    for layout, shape in ((0, [10, 3, 5]), (1, [3, 10, 5])):
        cell = node("LSTM", ["x", "w", "r"], ["y"], direction="bidirectional", hidden_size=8, layout=layout)
        assert network(tmp_path, [cell], {"x": shape}, ["y"], weights).macs == 2 * 10 * 3 * 4 * 8 * (5 + 8)


def test_attention_sees_the_past(tmp_path: Path) -> None:
    given = {"q": [2, 8, 5, 16], "k": [2, 4, 7, 16], "v": [2, 4, 7, 12], "pk": [2, 4, 9, 16], "pv": [2, 4, 9, 12]}
    attention = node("Attention", ["q", "k", "v", "", "pk", "pv"], ["y", "nk", "nv"])
    assert network(tmp_path, [attention], given, ["y"], opset=23).macs == 2 * 8 * 5 * (7 + 9) * (16 + 12)


def test_a_shape_that_depends_on_data_leaves_what_comes_after_unknown(tmp_path: Path) -> None:
    nodes = [node("NonZero", ["x"], ["n"]), node("Cast", ["n"], ["f"], to=1), node("MatMul", ["w", "f"], ["y"])]
    found = network(tmp_path, nodes, {"x": [4, 6]}, ["y"], [weight("w", 3, 2)])
    assert found.macs is None
    assert [operator.known for operator in found.operators] == [True, True, False]


# ---- functions -------------------------------------------------------------------------------------------------------


def function(name: str, nodes: Sequence[Any], inputs: Sequence[str], outputs: Sequence[str], *attributes: str) -> Any:
    imports = [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid("my", 1)]
    return onnx.helper.make_function("my", name, inputs, outputs, list(nodes), imports, list(attributes))


def test_functions_in_functions_for_the_shapes_and_attributes_of_each_call(tmp_path: Path) -> None:
    gemm = node("Gemm", ["a", "b"], ["c"])
    gemm.attribute.append(onnx.AttributeProto(name="transB", ref_attr_name="turned", type=onnx.AttributeProto.INT))
    functions = [
        function("Product", [gemm], ["a", "b"], ["c"], "turned"),
        function("Twice", [node("Product", ["a", "b"], ["t"], domain="my", turned=0), node("Relu", ["t"], ["c"])], ["a", "b"], ["c"]),
    ]  # fmt: skip
    nodes = [
        node("Twice", ["x", "w"], ["t"], domain="my"),
        node("Product", ["t", "v"], ["y"], domain="my", turned=1),
    ]
    found = network(tmp_path, nodes, {"x": [3, 5]}, ["y"], [weight("w", 5, 7), weight("v", 2, 7)], functions)
    assert found.macs == 3 * 5 * 7 + 3 * 7 * 2
    assert found.custom == ()
    assert found.nodes == 2


def test_functions_that_would_exhaust_the_machine_are_refused(tmp_path: Path) -> None:
    def calls(name: str) -> list[Any]:
        return [node(name, ["a"], ["b"], domain="my"), node(name, ["b"], ["c"], domain="my")]

    bomb = [function(f"F{level}", calls(f"F{level + 1}"), ["a"], ["c"]) for level in range(40)]
    bomb.append(function("F40", [node("Relu", ["a"], ["c"])], ["a"], ["c"]))
    with pytest.raises(InputError, match="more than 500000 nodes once its functions"):
        network(tmp_path, [node("F0", ["x"], ["y"], domain="my")], {"x": [1]}, ["y"], functions=bomb)
    circle = [function("A", calls("B"), ["a"], ["c"]), function("B", calls("A"), ["a"], ["c"])]
    with pytest.raises(InputError, match="calls itself"):
        network(tmp_path, [node("A", ["x"], ["y"], domain="my")], {"x": [1]}, ["y"], functions=circle)


def test_functions_that_cannot_stand_in_are_unknown_or_refused(tmp_path: Path) -> None:
    older = function("Old", [node("MatMul", ["a", "b"], ["c"])], ["a", "b"], ["c"])
    older.opset_import[0].version = 9
    found = network(tmp_path, [node("Old", ["x", "x"], ["y"], domain="my")], {"x": [4, 4]}, ["y"], functions=[older])
    assert found.macs == 64  # converted to the version of the model
    shadow = function("Relu", [node("MatMul", ["a", "a"], ["c"])], ["a"], ["c"])
    shadow.domain = ""
    with pytest.raises(InputError, match="redefines the operator 'Relu'"):
        network(tmp_path, [node("Relu", ["x"], ["y"])], {"x": [4, 4]}, ["y"], functions=[shadow])


def test_graphs_too_deep_or_too_often_visited_are_refused(tmp_path: Path) -> None:
    step = loop_body(node("Relu", ["s"], ["s2"]))
    for _ in range(14):
        step = loop_body(node("Loop", ["ten", "", "s"], ["s2"], body=step))
    with pytest.raises(InputError, match="deep"):
        network(
            tmp_path, [node("Loop", ["ten", "", "h"], ["y"], body=step)], {"h": [4, 6]}, ["y"], [constant("ten", 10)]
        )


def test_a_trip_count_of_astronomical_size_is_refused(tmp_path: Path) -> None:
    weights = [weight("w", 6, 6), constant("many", 2**62)]
    with pytest.raises(InputError, match=r"more than 2\^48"):
        network(tmp_path, [node("Loop", ["many", "", "h"], ["y"], body=loop_body(STEP))], {"h": [4, 6]}, ["y"], weights)


def test_attributes_that_would_exhaust_or_hang_the_library_are_not_passed_on(tmp_path: Path) -> None:
    split = node("Split", ["x"], ["y"], axis=1, num_outputs=2**31)
    assert network(tmp_path, [split], {"x": [1, 4]}, ["y"]).unknown == ("y",)
    einsum = node("Einsum", ["x", "x"], ["y"], equation="i\x01j,jk->ik")
    assert network(tmp_path, [einsum], {"x": [4, 4]}, ["y"]).macs is None


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    content = (FAMILIES / "einsum_pairs.onnx").read_bytes()
    assert content.count(b"einsum_1") == 1
    (tmp_path / "x.onnx").write_bytes(content.replace(b"einsum_1", b"einsum\xff\xfe"))
    with pytest.raises(InputError, match="names that are no text"):
        load(tmp_path / "x.onnx")


def test_values_are_only_computed_where_they_are_small(tmp_path: Path) -> None:
    nodes = [node("Expand", ["one", "shape"], ["big"]), node("MatMul", ["big", "w"], ["y"])]
    weights = [constant("one", [[1.0]], "float32"), constant("shape", [2**20, 2**20]), weight("w", 2**20, 4)]
    assert network(tmp_path, nodes, {"x": [1]}, ["y"], weights).macs == 2**42


# ---- open shapes -----------------------------------------------------------------------------------------------------


def test_only_an_open_batch_is_assumed(tmp_path: Path) -> None:
    nodes, weights = [node("MatMul", ["x", "w"], ["y"])], [weight("w", 6, 2)]
    found = network(tmp_path, nodes, {"x": ["batch_size", 5, 6]}, ["y"], weights)
    assert found.macs == 60
    assert "batch_size' is assumed to be 1" in found.notes[0]
    assert found.inputs == {"x": (None, 5, 6)}
    for other in ("length", "N", "batch*heads"):
        assert network(tmp_path, nodes, {"x": [other, 5, 6]}, ["y"], weights).macs is None
    assert network(tmp_path, nodes, {"x": [None, 5, 6]}, ["y"], weights).macs is None
    given = network(tmp_path, nodes, {"x": ["length", 5, 6]}, ["y"], weights, shapes={"x": (3, 5, 6)})
    assert (given.macs, given.notes, given.inputs) == (180, (), {"x": (3, 5, 6)})


def test_one_name_is_one_size(tmp_path: Path) -> None:
    nodes = [node("Concat", ["x", "z"], ["a"], axis=1), node("MatMul", ["a", "w"], ["y"])]
    given = {"x": ["frames", 2], "z": ["frames", 4]}
    assert network(tmp_path, nodes, given, ["y"], [weight("w", 6, 5)], shapes={"x": (7, 2)}).macs == 7 * 6 * 5
    with pytest.raises(InputError, match="a dimension is 8, where the model has 7"):
        network(tmp_path, nodes, given, ["y"], [weight("w", 6, 5)], shapes={"x": (7, 2), "z": (8, 4)})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("y=1x3", "has no such input; it has x"),
        ("x=1x3x64", "has 4 dimensions, and 3 are given"),
        ("x=1x4x64x64", "a dimension is 4, where the model has 3"),
        ("x=0x3x64x64", "a dimension is 0"),
        ("x", "write INPUT=1x3x224x224"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(words: str, message: str) -> None:
    done = CliRunner().invoke(cli, ["import", str(FAMILIES / "dynamic_batch.onnx"), "--shape", words])
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


# ---- an unknown cost stays unknown -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["custom_operator", "loop_open", "nonzero_gather", "dynamic_size", "mha_microsoft"])
def test_what_is_not_known_has_no_cost_anywhere(file: str, tmp_path: Path) -> None:
    table = tmp_path / "net.csv"
    done = CliRunner().invoke(cli, ["import", str(FAMILIES / f"{file}.onnx"), "-o", str(table)])
    assert done.exit_code == 0
    assert "the network has no cost" in done.stderr
    again = network_file.read(table)
    assert again == load(FAMILIES / f"{file}.onnx")
    assert again.macs is None
    for path in (FAMILIES / f"{file}.onnx", table):
        shown = CliRunner().invoke(cli, ["show", str(path)]).output
        assert "cost" in shown
        assert "not known" in shown
        priced = CliRunner().invoke(cli, ["show", "cost", str(path), "--platform", "rk3588", "--json"])
        assert priced.exit_code == 0, priced.output
        assert '"macs": null' in priced.output
        assert '"no_cost": "' in priced.output
        assert '"predicted_ns": null' in priced.output
        for partition in ("", ", partition: layers", ", partition: 2"):
            system = tmp_path / "net.yaml"
            system.write_text(
                "platform: rk3588\nsimulate: {until: 1 s}\n"
                f"tasks: [{{name: a, network: {{network: '{path}'{partition}}}, rate: 2 Hz}}]\n"
            )
            with pytest.raises(InputError, match=r"the cost of network .* is not known"):
                load_system(str(system)).lower()


def test_bytes_that_depend_on_data_make_a_cost_unknown_too() -> None:
    found = load(FAMILIES / "detector_tail.onnx")
    assert found.macs == 82944
    assert found.operators[-1].output_bytes is None
    assert found.peak_bytes is None
    assert cost.unknown(found) == "1 operators that move unknown bytes: nonmaxsuppression_7 (NonMaxSuppression)"
    model = cost.CostModel("npu", "", mac=0.01, depthwise_mac=0.1, byte=0.5, overhead=100, rows=5, errors=(0.1,))
    with pytest.raises(InputError, match="has no cost"):
        model.network(found)


@pytest.mark.parametrize(
    "file", ["loop_counted", "qdq_conv_net", "detector_tail", "lstm_dynamic", "half_fp16", "if_two_ways"]
)
def test_network_files_keep_what_is_not_known_and_what_it_rests_on(file: str, tmp_path: Path) -> None:
    first = load(FAMILIES / f"{file}.onnx")
    path = tmp_path / f"{file}.csv"
    path.write_text(network_file.write(first))
    assert network_file.read(path) == first


def test_old_network_files_with_zeros_for_what_was_not_known(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    rows = ["a,Conv,100,0,10,40,8,8,2,1,", "m,Magic,0,0,0,0,8,8,2,1,0", "l,LSTM,0,0,10,40,8,8,2,1,1", "r,Relu,0,0,0,0,8,8,2,1,2",
            "c,Conv,7,0,1,4,8,0,0,0,3"]  # fmt: skip
    path.write_text("\n".join(["# custom: com.acme:Magic", ",".join(network_file.COLUMNS), *rows]) + "\n")
    assert [operator.macs for operator in network_file.read(path).operators] == [100, None, None, 0, None]


def test_notes_are_assumptions_of_a_system(tmp_path: Path) -> None:
    system = tmp_path / "net.yaml"
    path = FAMILIES / "dynamic_batch.onnx"
    system.write_text(
        f"platform: rk3588\nsimulate: {{until: 1 s}}\ntasks: [{{name: a, network: '{path}', rate: 2 Hz}}]\n"
    )
    assert any("'batch' is assumed to be 1" in note for note in load_system(str(system)).lower().assumed)


# ---- quantised networks ----------------------------------------------------------------------------------------------


def conv_net(tmp_path: Path, quantised: bool) -> Network:
    """Convolution, activation, depthwise convolution, pooling, classifier; with Q and DQ around each if asked."""
    nodes: list[Any] = []
    weights: list[Any] = []

    def coarse(name: str) -> str:
        if not quantised:
            return name
        nodes.extend(
            [
                node("QuantizeLinear", [name, "s", "z"], [f"{name}_q"]),
                node("DequantizeLinear", [f"{name}_q", "s", "z"], [f"{name}_d"]),
            ]
        )
        return f"{name}_d"

    def stored(name: str, *dims: int) -> str:
        weights.append(weight(name, *dims, type_=3 if quantised else 1))
        if quantised:
            nodes.append(node("DequantizeLinear", [name, "s", "z"], [f"{name}_d"]))
        return f"{name}_d" if quantised else name

    nodes.append(node("Conv", [coarse("x"), stored("w1", 16, 3, 3, 3)], ["a"], pads=[1] * 4))
    nodes.append(node("Relu", ["a"], ["b"]))
    nodes.append(node("Conv", [coarse("b"), stored("w2", 16, 1, 3, 3)], ["c"], pads=[1] * 4, group=16))
    nodes.append(node("GlobalAveragePool", [coarse("c")], ["d"]))
    nodes.append(node("Flatten", [coarse("d")], ["e"]))
    nodes.append(node("Gemm", [coarse("e"), stored("w3", 16, 10)], ["y"]))
    scale = [constant("s", 0.1, "float32"), constant("z", 0, "int8")]
    return network(tmp_path, nodes, {"x": [1, 3, 32, 32]}, ["y"], [*weights, *(scale if quantised else [])])


@pytest.mark.parametrize("width", [1.0, 0.5, 0.25])
@pytest.mark.parametrize("figures", [(0.02, 0.5, 0.1, 4000.0), (0.0, 0.0, 1.0, 0.0), (0.02, 0.5, 0.0, 50000.0)])
def test_quantising_does_not_slow_a_network_down(
    width: float, figures: tuple[float, float, float, float], tmp_path: Path
) -> None:
    plain, quantised = (trimmed(conv_net(tmp_path, kind)) for kind in (False, True))
    assert quantised.macs == plain.macs
    assert [operator.kind for operator in quantised.operators] == [operator.kind for operator in plain.operators]
    assert [operator.depthwise for operator in quantised.operators] == [each.depthwise for each in plain.operators]
    model = cost.CostModel("npu", "", *figures, rows=5, errors=(0.1,), width=width)
    for one, other in zip(quantised.operators, plain.operators, strict=True):
        assert model.time(one) <= model.time(other)
    if width == 0.25:  # at int8 both are the same network
        assert model.network(quantised) == pytest.approx(model.network(plain))


def test_half_floats_are_not_halved_twice() -> None:
    found = load(FAMILIES / "half_fp16.onnx")
    conv = found.operators[0]
    moved = (conv.input_bytes or 0) + (conv.output_bytes or 0) + conv.weight_bytes
    assert conv.narrow_bytes == moved
    assert conv.moved(0.5) == conv.moved(1.0) == moved
    assert conv.passed(0.5) == conv.output_bytes


def test_pieces_of_a_quantised_network_pass_on_their_bytes(tmp_path: Path) -> None:
    from rtsched.dnn.partition import crossing, per_layer

    plain, quantised = (trimmed(conv_net(tmp_path, kind)) for kind in (False, True))
    narrow, wide = (crossing(each, per_layer(each), 0.25) for each in (quantised, plain))
    assert narrow.keys() == wide.keys()
    assert narrow[1, 2] == wide[1, 2] == 16 * 32 * 32  # out of the activation, one byte a number
