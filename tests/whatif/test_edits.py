"""Changed systems: what sums still sums, and what cannot be changed is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.model.task import Empirical
from rtsched.model.taskgraph import BranchSpec, NodeSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.whatif.edits import in_parts, in_variant, shortened
from tests.helpers import cpus, simulate, task


def system(*tasks: TaskSpec) -> SystemSpec:
    return SystemSpec(cpus(), tasks)


def diamond() -> TaskSpec:
    """0 before 1 and 2, both before 3."""
    ways = (((), (1, 2)), ((0,), (3,)), ((0,), (3,)), ((1, 2), ()))
    nodes = (NodeSpec(at, f"n{at}", (7 + at,), before, after) for at, (before, after) in enumerate(ways))
    return replace(task(0, 1, 100), nodes=tuple(nodes))


def test_a_node_in_parts_stands_where_it_stood() -> None:
    nodes = in_parts(system(diamond()), 0, 1, 3).tasks[0].nodes
    assert [node.name for node in nodes] == ["n0", "n1/1", "n1/2", "n1/3", "n2", "n3"]
    assert [node.index for node in nodes] == list(range(6))
    assert [node.times[0] for node in nodes] == [7, 2, 3, 3, 9, 10]
    assert [node.predecessors for node in nodes] == [(), (0,), (1,), (2,), (0,), (3, 4)]
    assert [node.successors for node in nodes] == [(1, 4), (2,), (3,), (5,), (5,), ()]


@pytest.mark.parametrize("node", range(4))
def test_a_divided_graph_runs_as_long(node: int) -> None:
    spec = in_parts(system(diamond()), 0, node, 4)
    trace = simulate(list(spec.tasks), until=1)
    assert trace.jobs["finish"].tolist() == [34]


def test_all_nodes_are_shorter_alike() -> None:
    nodes = shortened(system(diamond()), 0, 17).tasks[0].nodes
    assert [node.times for node in nodes] == [(3,), (4,), (4,), (5,)]
    assert shortened(system(diamond()), 0, 34) == system(diamond())


def test_regions_and_sections_are_shorter_with_their_node() -> None:
    one = task(0, 12, 100, regions=(3, 4, 5), sections=(SectionSpec("R", 2, 6),))
    node = shortened(system(one), 0, 6).tasks[0].nodes[0]
    assert (node.regions, node.sections) == ((1, 2, 3), (SectionSpec("R", 1, 3),))
    with pytest.raises(InputError, match="critical sections would last less than 1 ns"):
        shortened(system(one), 0, 1)
    assert shortened(system(task(0, 12, 100, regions=(3, 4, 5))), 0, 1).tasks[0].nodes[0].regions == (1,)


def test_one_variant_is_all_there_is() -> None:
    spec = rtsched.load("satellite_jetson_nano").lower()
    number = next(each.index for each in spec.tasks if each.quality is not None and each.quality.variants)
    quality = spec.tasks[number].quality
    changed = in_variant(spec, number, 1).tasks[number]
    assert quality is not None
    assert changed.quality is not None
    assert changed.nodes == quality.variants[1].nodes == changed.quality.variants[0].nodes
    assert (len(changed.quality.variants), changed.quality.accuracy) == (1, quality.variants[1].accuracy)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (task(0, 12, 100, sections=(SectionSpec("R", 2, 6),)), "critical sections"),
        (task(0, 1, 100), "shorter than 2 ns"),
        (replace(diamond(), branches=(BranchSpec(0, (1, 2), (0.5, 1.0)),)), "branches"),
    ],
)
def test_what_cannot_be_divided(changed: TaskSpec, said: str) -> None:
    with pytest.raises(InputError, match=said):
        in_parts(system(changed), 0, 0, 2)


def test_what_cannot_be_shorter() -> None:
    drawn = replace(task(0, 12, 100), execution=Empirical(kind="empirical", samples=(5, 12)))
    with pytest.raises(InputError, match="were recorded"):
        shortened(system(drawn), 0, 6)
    blocks = rtsched.load("gpu_priorities").lower()
    with pytest.raises(InputError, match="kernels"):
        shortened(blocks, 0, blocks.tasks[0].volume - 1)
