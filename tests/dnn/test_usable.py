"""What `list` says of each family is so: where it runs as it is, and that a task's own time makes it run anywhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import rtsched
from rtsched.dnn.families import Family, known_families
from rtsched.dnn.shares import BELOW, FIXED, LEAST, WITHIN, share
from rtsched.dnn.usable import Standing, standing, timed_platforms
from rtsched.errors import InputError
from rtsched.trace.trace import OK
from rtsched.units import MS

FAMILIES = known_families()
PLATFORMS = timed_platforms(FAMILIES)
STANDINGS = {name: standing(family, PLATFORMS) for name, family in FAMILIES.items()}


def system(family: str, platform: str, **task: Any) -> dict[str, Any]:
    return {"platform": platform, "tasks": [{"name": "eye", "period": "20 s", "variants": {"family": family}, **task}]}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_runs_where_the_list_says_and_is_refused_elsewhere(name: str) -> None:
    for platform in STANDINGS[name].platforms[:1]:
        assert rtsched.simulate(system(name, platform), until="1 ns").jobs["outcome"].tolist() == [OK]
    for platform, about in PLATFORMS.items():
        if platform in STANDINGS[name].platforms:
            assert len(rtsched.load(system(name, platform)).lower().tasks) == 1
        elif {platform, *about.aliases} & set(FAMILIES[name].platforms):
            with pytest.raises(InputError, match=f"family '{name}'|no processor on which all its variants have times"):
                rtsched.load(system(name, platform)).lower()


@pytest.mark.parametrize("name", [name for name, each in STANDINGS.items() if each.own])
def test_a_tasks_own_time_makes_it_run_anywhere(name: str) -> None:
    trace = rtsched.simulate(system(name, "uniprocessor", wcet="10 ms"), until="1 ns")
    assert trace.jobs["outcome"].tolist() == [OK]
    estimated = any("estimated from multiply-accumulates" in note for note in trace.system.assumed)
    assert estimated == (not FAMILIES[name].relative)


def test_no_family_is_without_use_and_how_many_there_are() -> None:
    """The numbers are to be known: they change with the tables, and then here, knowingly."""
    assert Counter(kind(each) for each in STANDINGS.values()) == {
        "as it is": 112,  # of them 26 only on a platform whose big cores are one server
        "with a task's own time, measured shares": 1,
        "with a task's own time, estimated shares": 48,
    }
    threaded = [each for each in STANDINGS.values() if each.platforms and all("_clusters" in x for x in each.platforms)]
    assert len(threaded) == 26


def kind(of: Standing) -> str:
    if of.platforms:
        return "as it is"
    return "refused" if not of.own else f"with a task's own time, {of.own.split()[-1]} shares"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fcn_resnet18_voc", "runs on jetson_nano"),
        ("picodet_l", "runs on snapdragon_865_clusters"),
        ("timm_resnet50", "no times on any platform; shares of a task's own time, estimated"),
        ("subflow_lenet5_mnist", "no times on any platform; shares of a task's own time, measured"),
        (
            "ofa_lg_g8",
            "only has times on lg_g8, which the catalogue does not have; shares of a task's own time, estimated",
        ),
        ("tflite_mobilenet_v1_int8", "runs on snapdragon_845_clusters"),
    ],
)
def test_the_words(name: str, words: str) -> None:
    assert STANDINGS[name].text.startswith(words)


def test_what_is_missing_is_named() -> None:
    chips = {name: about for name, about in PLATFORMS.items() if not name.endswith("_clusters")}
    threaded = standing(FAMILIES["tflite_inception_v3"], chips)
    assert threaded.text == "refused on snapdragon_845: times of 4 threads on gold, which is no server"
    unclear = standing(FAMILIES["picodet_m"], chips)
    assert unclear.missing == "refused on snapdragon_865: times on cpu, and it is not known on which cluster"


def test_a_time_of_four_threads_is_the_measured_one() -> None:
    for name, platform in (
        ("tflite_inception_v3", "snapdragon_845_clusters"),
        ("picodet_l", "snapdragon_865_clusters"),
    ):
        quality = rtsched.load(system(name, platform)).lower().tasks[0].quality
        assert quality is not None
        board = platform.removesuffix("_clusters")
        measured = [row.time for row in FAMILIES[name].rows if row.platform == board and row.threads == 4]
        assert sorted(each.nodes[0].fastest for each in quality.variants) == pytest.approx(sorted(measured), abs=2)


# ---- estimated shares ------------------------------------------------------------------------------------------------


def test_shares_by_hand() -> None:
    """ResNet-18: 1,820 million multiply-accumulates at 224 pixels and 3,010 at 288: 0.1 + 0.9 * 1820 / 3010 of 10 ms."""
    spec = rtsched.load(system("timm_resnet18", "uniprocessor", wcet="10 ms")).lower().tasks[0]
    assert spec.quality is not None
    assert [(each.name, each.nodes[0].fastest) for each in spec.quality.variants] == [
        ("288", 10 * MS),
        ("224", round(10 * MS * (FIXED + (1 - FIXED) * 1820 / 3010))),
    ]
    chosen = {"family": "timm_resnet18", "values": [224, 256], "between": "monotone"}
    between = rtsched.load(system("timm_resnet18", "uniprocessor", wcet="10 ms", variants=chosen)).lower().tasks[0]
    assert between.quality is not None
    assert between.quality.variants[0].nodes[0].fastest == pytest.approx(8.22 * MS, rel=0.01)  # half way


def test_what_is_estimated_is_proven_by_nothing() -> None:
    found = rtsched.analyse(system("timm_resnet18", "rk3588", network="resnet18", processors=["gpu"]))
    assert (found.verdict, found.basis, found.proven) == ("schedulable", "modelled", False)


def test_without_an_own_time_it_is_refused_with_both_ways_out() -> None:
    with pytest.raises(InputError, match="give each choice a 'wcet' instead, or the task its own 'wcet' or 'network'"):
        rtsched.load(system("timm_resnet18", "rk3588")).lower()


def test_times_of_the_platform_go_before_estimates() -> None:
    trace = rtsched.load(system("mobilenet_v3_large", "snapdragon_845", wcet={"gold": "1 s"})).lower()
    assert not any("estimated" in note for note in trace.assumed)


def errors(kind: str, below: bool) -> list[float]:
    """How far shares of the largest variant's time are off, over all families with times and sizes (or areas)."""
    found = []
    for family in FAMILIES.values():
        for platform in family.platforms:
            for processor, sizes in timed(family, platform).items():
                if (processor == "gpu") != (kind == "gpu"):
                    continue
                largest = max(sizes)
                for size, time in sizes.items():
                    if size < largest and (size < LEAST * largest) == below:
                        found.append(abs(share(size, largest) * sizes[largest] / time - 1))
    return sorted(found)


def timed(family: Family, platform: str) -> dict[str, dict[float, int]]:
    """By processor the times of the variants by their size, where sizes are known of all."""
    variants = family.variants([platform])
    if family.knob == "resolution" and not all(each.mmacs for each in variants):
        sizes = [float(each.value.split("x")[0]) * float(each.value.split("x")[-1]) for each in variants]
    elif all(each.mmacs for each in variants):
        sizes = [each.mmacs or 0.0 for each in variants]
    else:
        return {}
    shared = set.intersection(*[set(each.times) for each in variants])
    return {
        place: {size: each.times[place] for size, each in zip(sizes, variants, strict=True)} for place in sorted(shared)
    }


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
@pytest.mark.parametrize("below", [False, True])
def test_the_stated_errors_are_those_of_the_tables(kind: str, below: bool) -> None:
    found, stated = errors(kind, below), (BELOW if below else WITHIN)[kind]
    assert len(found) >= 20
    measured = found[len(found) // 2], found[int(0.9 * len(found))], found[-1]
    for is_, says in zip(measured, (stated.typical, stated.most, stated.worst), strict=True):
        assert is_ <= says <= 1.25 * is_ + 0.02


def test_pruned_and_distilled_networks_are_families() -> None:
    """ECA-ResNet-50d of timm: 80.634 % at 4.35 GMACs, 79.714 % at 2.53 GMACs when pruned."""
    spec = rtsched.load(system("timm_pruned_ecaresnet50d", "uniprocessor", wcet="100 ms")).lower().tasks[0]
    assert spec.quality is not None
    assert [(each.name, each.accuracy, each.nodes[0].fastest) for each in spec.quality.variants] == [
        ("full", 0.80634, 100 * MS),
        ("pruned", 0.79714, round(100 * MS * (0.1 + 0.9 * 2530 / 4350))),
    ]
    names = [name for name in FAMILIES if name.startswith(("timm_pruned_", "timm_distilled_"))]
    assert len(names) == 6
    assert {row.metric for name in names for row in FAMILIES[name].rows} == {"imagenet_top1"}
