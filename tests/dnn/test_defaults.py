"""What a task says of itself when it has a graph holds for its nodes."""

from __future__ import annotations

import pytest

from rtsched.api import summary
from rtsched.errors import InputError
from rtsched.model.config import parse_yaml
from rtsched.model.taskgraph import NodeSpec, TaskSpec
from tests.chips import loaded, run, slices

CHIP = """
platform:
  name: bl
  processors: {big: {cores: 1}, little: {cores: 1}, npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}
  memory: {bandwidth: 10 GB/s, contention: {model: proportional, usable: 0.8}}
simulate: {until: 100 ms}
power: {}
tasks:
  - name: net
    period: 100 ms
"""
WHOLE = "    weights: 5 MB\n    energy: {npu: 3 mJ}\n"
ONE = "    graph: {nodes: {a: {wcet: {npu: 75 ms}}}}\n"
TWO = "    graph: {nodes: {a: {wcet: {npu: 25 ms}}, b: {wcet: {npu: 50 ms}}}, edges: [[a, b]]}\n"


def task(text: str) -> TaskSpec:
    return loaded(CHIP + text).lower().tasks[0]


def energies(node: NodeSpec) -> tuple[int | None, ...]:
    assert node.hardware is not None
    return node.hardware.energy


@pytest.mark.parametrize("shape", [ONE, TWO, "    wcet: {npu: 75 ms}\n"])
def test_weights_and_energy_of_the_whole_are_the_same_in_one_node_or_two(shape: str) -> None:
    """5 MB at 1 GB/s take 5 ms, once; 3 mJ in 75 ms are 40 mW, also while the weights come: 3.2 mJ in 80 ms."""
    trace = run(CHIP + WHOLE + shape)
    assert trace.jobs["finish"].tolist() == [80_000_000]
    figures = summary(trace).hardware
    assert figures is not None
    assert figures.energy is not None
    assert figures.energy.tasks[0].total == pytest.approx(3.2e6, rel=1e-6)


def test_energy_is_shared_by_the_times_and_sums_exactly() -> None:
    thirds = "    energy: {npu: 100 nJ}\n    graph: {nodes: {a: {wcet: {npu: 1 ms}}, b: {wcet: {npu: 1 ms}}, c: {wcet: {npu: 1 ms}}}}\n"
    assert [energies(node)[2] for node in task(thirds).nodes] == [33, 34, 33]
    assert [energies(node)[2] for node in task(WHOLE + TWO).nodes] == [1_000_000, 2_000_000]


def test_loss_and_traffic_are_shared_by_the_times() -> None:
    a, b = task("    accuracy: 0.9\n    loss: {npu: 0.3}\n    memory: {traffic: 75 MB}\n" + TWO).nodes
    assert (a.losses[2], b.losses[2]) == pytest.approx((0.1, 0.2))
    for node in (a, b):  # 75 MB in 75 ms
        assert node.hardware is not None
        assert [use and use.demand for use in node.hardware.memory] == [None, None, 1e9]


def test_a_node_that_says_so_itself_goes_its_own_way() -> None:
    nodes = task(
        "    pin: little\n    preemptive: false\n    energy: {little: 3 mJ}\n    weights: 5 MB\n"
        "    graph:\n      nodes:\n"
        "        a: {wcet: {big: 1 ms, little: 3 ms}}\n"
        "        b: {wcet: {big: 1 ms, little: 3 ms}, processors: [big], energy: {big: 9 mJ}, weights: 1 MB}\n"
        "        c: {wcet: {big: 1 ms, little: 3 ms}, preemptive: true}\n"
    ).nodes
    assert [node.eligible for node in nodes] == [(1,), (0,), (1,)]
    assert [node.pinned for node in nodes] == [True, False, True]
    assert [node.preemptive for node in nodes] == [False, False, True]
    assert [energies(node) for node in nodes] == [
        (None, 1_500_000, None),
        (9_000_000, None, None),
        (None, 1_500_000, None),
    ]
    about = [node.hardware for node in nodes]
    assert [each and (each.network, each.weights) for each in about] == [
        ("task 'net'", 5_000_000),
        ("task 'net', node 'b'", 1_000_000),
        ("task 'net'", 5_000_000),
    ]


def test_a_pin_holds_for_the_graph() -> None:
    trace = run(CHIP + "    pin: little\n    graph: {nodes: {a: {wcet: {big: 25 ms, little: 75 ms}}}}\n")
    assert slices(trace) == [("net", "little", 0, 75, "completed")]


def test_a_task_that_cannot_be_preempted_has_a_graph_that_cannot() -> None:
    text = CHIP + (
        "    preemptive: false\n    processors: [big]\n    graph: {nodes: {a: {wcet: 30 ms}}}\n"
        "  - {name: hi, wcet: {big: 1 ms}, period: 10 ms, offset: 1 ms}\n"
    )
    assert slices(run(text))[0] == ("net", "big", 0, 30, "completed")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "    pin: big\n" + TWO,
            "<text>:11:10: tasks.0.pin: task 'net', node 'a': no processor of 'bl' that it may use can run it",
        ),
        (
            "    weights: 11 MB\n" + TWO,
            "<text>:11:14: tasks.0.weights: 11 MB of weights for the whole graph do not fit",
        ),
        (
            "    graph:\n      nodes:\n        a: {wcet: {npu: 1 ms}, pin: dsp}\n",
            "<text>:13:32: tasks.'net', node 'a': pin 'dsp' is no processor",
        ),
    ],
)
def test_what_no_node_can_follow_is_refused_where_it_stands(text: str, error: str) -> None:
    from rtsched.api import Loaded

    system = loaded(CHIP + text)
    with pytest.raises(InputError) as caught:
        Loaded(system.system, system.platform, parse_yaml(CHIP + text)).lower()
    assert str(caught.value).startswith(error)


def test_one_node_may_be_too_large_for_the_memory_of_its_accelerator() -> None:
    """It streams its weights, as a task without a graph does."""
    assert run(CHIP + "    weights: 11 MB\n" + ONE).jobs["finish"].tolist() == [86_000_000]


CUT = """
platform: {name: rk3588, processors: {big: {cores: 4, threads: {"1": 1, "4": 3}}, gpu: {kind: gpu}}}
tasks: [{name: c, rate: 2 Hz, network: {network: mobilenet_v2, partition: 3}}]
"""


def test_a_cut_network_is_pinned_and_runs_on_as_many_threads_as_its_task_says() -> None:
    spec = loaded(CUT.replace("rate: 2 Hz", "rate: 2 Hz, pin: big, threads: 1")).lower().tasks[0]
    assert {node.eligible for node in spec.nodes} == {(0,)}
    single = sum(node.fastest for node in spec.nodes)
    most = sum(
        node.fastest for node in loaded(CUT.replace("rate: 2 Hz", "rate: 2 Hz, pin: big")).lower().tasks[0].nodes
    )
    inside = loaded(
        CUT.replace("rate: 2 Hz", "rate: 2 Hz, pin: big").replace("partition: 3", "partition: 3, threads: 1")
    )
    assert single == pytest.approx(27.29e6, abs=3)  # as measured whole, with one thread
    assert most == pytest.approx(single / 3, abs=3)
    assert sum(node.fastest for node in inside.lower().tasks[0].nodes) == single


def test_exits_of_a_family_share_the_loss_of_their_task() -> None:
    text = "    wcet: {npu: 10 ms}\n    loss: {npu: 0.5}\n    exit_family: branchynet_b_lenet_mnist\n"
    assert sum(node.losses[2] for node in task(text).nodes) == pytest.approx(0.5, abs=0.01)
