"""Variants with kernels of their own: what is lowered of them, how they are ranked, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtsched import InputError, load
from rtsched.model.accelerator import Kernel
from rtsched.verify.verification import LATER, _without

GPU = {"kind": "gpu", "block_level": {"sms": 2, "threads": 1024, "streams": 2}}
FULL = [{"blocks": 4, "threads": 1024, "time": "2 ms"}]
SMALL = [{"blocks": 2, "threads": 512, "time": "3 ms"}]


def system(**task: Any) -> Any:
    platform = {"processors": {"gpu": GPU, "cpu": {}}}
    return {"platform": platform, "tasks": [{"name": "t", "period": "50 ms", **task}]}


def variants(**task: Any) -> Any:
    """The variants of the only task, from the best down."""
    quality = load(system(**task)).lower().tasks[0].quality
    assert quality is not None
    return quality.variants


def ms(node: Any) -> tuple[float | None, ...]:
    """Its time on a stream of the GPU and on the CPU."""
    return tuple(None if node.times[place] is None else node.times[place] / 1e6 for place in (0, 2))


def test_a_version_takes_what_its_kernels_take_and_elsewhere_what_the_task_does() -> None:
    # four blocks of 1024 threads are two waves on two SMs, two blocks of 512 threads one
    full, small = variants(kernels=FULL, wcet={"cpu": "9 ms"}, variants=[{"name": "full"}, {"kernels": SMALL}])
    assert [ms(each.nodes[0]) for each in (full, small)] == [(4, 9), (3, 9)]
    kernels = small.nodes[0].hardware.kernels
    assert kernels[:2] == ((Kernel(blocks=2, threads=512, time=3_000_000),),) * 2
    assert kernels[2] is None


def test_versions_of_one_accuracy_rank_as_written() -> None:
    # of variants that are shares the longest comes first
    one, two = {"kernels": SMALL, "accuracy": 0.9, "name": "small"}, {"accuracy": 0.9, "name": "full"}
    assert [each.name for each in variants(kernels=FULL, variants=[one, two])] == ["small", "full"]
    assert [each.name for each in variants(kernels=FULL, variants=[two, one])] == ["full", "small"]
    better = {"kernels": SMALL, "accuracy": 0.95, "name": "better"}
    assert [each.name for each in variants(kernels=FULL, variants=[two, better])] == ["better", "full"]
    loaded = load(system(kernels=FULL, variants=[{"name": "full"}, {"kernels": SMALL}])).lower()
    assert "t: accuracies of its variants are not known; the first is taken for the best" in loaded.assumed


def test_every_variant_may_have_kernels_and_an_energy_of_its_own() -> None:
    one, two = variants(variants=[{"kernels": FULL}, {"kernels": SMALL, "wcet": {"cpu": "9 ms"}}])
    assert [ms(each.nodes[0]) for each in (one, two)] == [(4, None), (3, None)]  # where both can run
    powered = system(
        kernels=FULL, energy="5 mJ", variants=[{}, {"kernels": SMALL}, {"kernels": SMALL, "energy": "2 mJ"}]
    )
    quality = load({**powered, "power": {}}).lower().tasks[0].quality
    assert quality is not None
    assert [each.nodes[0].hardware.energy[0] for each in quality.variants] == [5e6, 5e6, 2e6]  # type: ignore[union-attr]


def test_in_a_graph_versions_are_of_nodes() -> None:
    graph = {
        "nodes": {"x": {"kernels": FULL}, "y": {"kernels": FULL}, "z": {"wcet": {"cpu": "4 ms"}}},
        "edges": [["x", "y"]],
    }
    choices = [{}, {"kernels": {"x": SMALL}}, {"kernels": {"x": SMALL}, "nodes": {"y": 0.5}, "skip": ["z"]}]
    full, version, share = variants(graph=graph, variants=choices)
    assert [[ms(node)[0] for node in each.nodes[:2]] for each in (full, version, share)] == [[4, 4], [3, 4], [3, 2]]
    assert share.skipped == {2}
    assert all(each.nodes[1].predecessors == (0,) for each in (full, version, share))


def test_traffic_spreads_over_the_time_of_the_version() -> None:
    full, small = variants(kernels=FULL, memory={"traffic": "12 kB"}, variants=[{}, {"kernels": SMALL}])
    assert [each.nodes[0].hardware.memory[0].demand for each in (full, small)] == [3e6, 4e6]


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ({"kernels": FULL, "variants": [{}, {"kernels": {"x": SMALL}}]}, "without a graph its 'kernels' are a list"),
        ({"graph": {"nodes": {"x": {"kernels": FULL}}}, "variants": [{}, {"kernels": SMALL}]}, "'any' is none; known: x"),
        ({"graph": {"nodes": {"x": {"kernels": FULL}}}, "variants": [{}, {"kernels": {"q": SMALL}}]}, "'q' is none"),
        ({"wcet": {"cpu": "9 ms"}, "variants": [{}, {"kernels": SMALL}]}, "kernels where the task itself cannot run"),
        (
            {"kernels": FULL, "variants": [{}, {"kernels": [{"blocks": 1, "threads": 2048, "time": "1 ms"}]}]},
            "variant 'variant 1': task 't': a block of 2048 threads can never run",
        ),
        ({"kernels": FULL, "variants": [{}, {"kernels": SMALL, "scale": 0.5}]}, "no share of the full one's"),
        ({"kernels": FULL, "variants": [{}, {"scale": 0.5, "energy": "1 mJ"}]}, "goes with times of its own"),
        (
            {"kernels": FULL, "variants": {"choices": [{}, {"kernels": SMALL}], "switch": "region"}},
            "as shares of one network",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(task: Any, error: str) -> None:
    with pytest.raises(InputError, match=error):
        load(system(**task)).lower()


def test_a_network_that_is_cut_has_no_versions() -> None:
    cut = system(network={"network": "mobilenet_v2", "partition": 2}, variants=[{}, {"kernels": SMALL}])
    cut["platform"] = {"name": "rk3588", "processors": {"big": {"cores": 4, "threads": {"1": 1, "4": 3}}, "gpu": GPU}}
    with pytest.raises(InputError, match="'kernels' does not go with a network that is cut"):
        load(cut).lower()


def test_without_such_a_gpu_a_version_has_no_effect_and_says_so() -> None:
    plain = system(wcet={"cpu": "9 ms"}, variants=[{}, {"name": "small", "kernels": SMALL}])
    del plain["platform"]["processors"]["gpu"]
    note = "t, variant 'small': 'kernels' has no effect on"
    assert any(each.startswith(note) for each in load(plain).lower().assumed)


def test_files_without_versions_keep_their_fingerprint() -> None:
    described = load(system(kernels=FULL, variants=[{}, {"scale": 0.5}])).system.model_dump(mode="json", by_alias=True)
    task = _without(described, LATER)["tasks"][0]
    assert LATER["kernels"] == {}
    assert "kernels" not in task["variants"]["choices"][0]
    assert task["kernels"]  # those of the task stay


def test_an_error_says_where_the_kernels_stand(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "platform: {processors: {gpu: {kind: gpu, block_level: {sms: 2, threads: 1024}}}}\n"
        "tasks:\n"
        "  - name: t\n"
        "    period: 50 ms\n"
        "    kernels: [{blocks: 4, time: 2 ms}]\n"
        "    variants:\n"
        "      - {name: full}\n"
        "      - {name: small, kernels: [{blocks: 4, threads: 2048, time: 2 ms}]}\n"
    )
    with pytest.raises(InputError, match=r"a\.yaml:8:32: tasks\.0\.variants\.choices\.1\.kernels: variant 'small': "):
        load(tmp_path / "a.yaml").lower()
