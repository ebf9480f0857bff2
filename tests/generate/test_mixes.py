"""Mixes of networks: measured times, usual rates, and the load that is asked for on each unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw, mixes
from rtsched.generate.mixes import Networks, measured
from rtsched.model import catalogue

BOARD = "rk3588"
KEYS: dict[str, Any] = {
    "platform": BOARD,
    "networks": "all",
    "utilisation": {"npu": 0.6, "big": 0.3},
    "tasks": {"npu": 5, "big": 4},
}


def loads(system: dict[str, Any]) -> dict[str, float]:
    """The load of each cluster, out of the times that a run takes."""
    lowered = rtsched.load(system).lower()
    found: dict[str, float] = {}
    for task in lowered.tasks:
        places = [place for place, time in enumerate(task.nodes[0].times) if time is not None]
        cluster = lowered.processors[places[0]].cluster
        found[cluster] = found.get(cluster, 0.0) + (task.nodes[0].times[places[0]] or 0) / (task.period or 1)
    return found


def test_a_mix_loads_each_unit_as_asked_in_the_times_of_a_run() -> None:
    for system in rtsched.generate(KEYS, count=5):
        assert len(system["tasks"]) == 9
        found = loads(system)
        assert found["npu"] / 3 == pytest.approx(0.6, rel=0.01)  # three cores
        assert found["big"] / 4 == pytest.approx(0.3, rel=0.01)
        assert system["generated"]["clusters"]["npu"]["reached"] == pytest.approx(found["npu"] / 3)


def test_a_mix_runs_and_is_analysed() -> None:
    system = draw({**KEYS, "deadlines": "constrained", "scheduler": "edf"}, index=2)
    assert rtsched.simulate(system, until="1 s").check() == []
    assert rtsched.analyse(system).verdict in ("unknown", "unschedulable")
    assert all(task["deadline"] <= task["rate"] for task in system["tasks"])


def test_each_pair_of_network_and_rate_is_as_likely_where_every_load_is_welcome() -> None:
    networks = {"of": ["mobilenet_v2", "resnet18"], "rates": ["5 Hz", "10 Hz"], "tolerance": 0.5}
    chip = catalogue.load_platform(BOARD)
    asked = Generate(networks=networks).networks
    assert asked is not None
    options = measured(asked, chip)["gpu"]
    mean = np.mean([option.time / rate for option in options for rate in asked.rates])
    keys = {"platform": BOARD, "networks": networks, "tasks": {"gpu": 40}, "utilisation": {"gpu": float(40 * mean)}}
    drawn = [(str(task["network"]), task["rate"]) for s in rtsched.generate(keys, count=40) for task in s["tasks"]]
    numbers = [drawn.count(pair) for pair in sorted(set(drawn))]
    assert len(numbers) == 2 * len(options)
    assert stats.chisquare(numbers).pvalue > 1e-4


def test_without_names_all_units_with_measured_networks_are_loaded() -> None:
    system = draw({"platform": BOARD, "networks": "all", "tasks": 8, "utilisation": 0.4})
    assert set(system["generated"]["clusters"]) == {"little", "big", "gpu", "npu"}


FAMILIES: dict[str, Any] = {
    "platform": "snapdragon_845",
    "networks": {"variants": True, "units": ["gpu"]},
    "tasks": 4,
    "utilisation": 0.8,
}


def test_a_mix_of_families_loads_a_unit_by_their_best_variants() -> None:
    system = draw(FAMILIES, index=3)
    lowered = rtsched.load(system).lower()
    assert loads(system) == {"gpu": pytest.approx(0.8, rel=0.01)}
    for task in lowered.tasks:
        assert task.quality is not None
        accuracies = [variant.accuracy for variant in task.quality.variants]
        assert len(accuracies) > 1
        assert None not in accuracies
        assert task.nodes == task.quality.variants[0].nodes
        assert task.quality.accuracy == max(accuracies)


def test_units_are_named_or_meant_by_their_kind() -> None:
    for keys, wanted in (
        (["npu", "gpu"], {"npu", "gpu"}),
        (["big", "npu"], {"big", "npu"}),
        (["cpu"], {"little", "big"}),
    ):
        system = draw(
            {"platform": BOARD, "networks": {"units": keys, "tolerance": 0.5}, "tasks": 8, "utilisation": 0.4}
        )
        assert set(system["generated"]["clusters"]) == wanted


def test_mixes_of_families_rest_on_their_table(monkeypatch: pytest.MonkeyPatch) -> None:
    families = Networks(variants=True)
    before = families.tables()
    assert families.tables() == before != Networks().tables()
    assert not any(isinstance(fact, Path) for row in before for fact in row)  # wherever it lies
    known = mixes.known_families()
    monkeypatch.setattr(mixes, "known_families", lambda: dict(list(known.items())[1:]))
    assert families.tables() != before


CUT: dict[str, Any] = {
    "platform": "snapdragon_8gen2",
    "networks": {
        "of": ["mobilenet_v2", "resnet18", "deeplabv3_mobilenet_v3"],
        "precision": "fp16",
        "supported": {"npu": 0.5},
        "always": ["Conv"],
    },
    "utilisation": {"npu": 0.1},
    "tasks": {"npu": 4},
}


def lacking(chance: float, index: int) -> tuple[list[Any], set[str]]:
    """The mix of a set, and the kinds of operators that the NPU lacks."""
    system = draw({**CUT, "networks": CUT["networks"] | {"supported": {"npu": chance}}}, seed=2, index=index)
    mix = [(task["network"]["network"], task["rate"]) for task in system["tasks"]]
    each = [task["network"].get("unsupported", {}).get("npu", []) for task in system["tasks"]]
    return mix, {kind for kinds in each for kind in kinds}


def test_what_a_unit_supports_at_a_lower_chance_it_supports_at_a_higher_one() -> None:
    shares = []
    for index in range(30):
        sets = [lacking(chance, index) for chance in (0, 0.5, 1)]
        assert all(mix == sets[0][0] for mix, _ in sets)
        none, half, full = (kinds for _, kinds in sets)
        assert full == set()
        assert half <= none
        assert "Conv" not in none
        shares.append(len(half) / len(none))
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


def test_cut_networks_fall_back_to_who_supports_their_operators_and_load_as_if_nothing_lacked() -> None:
    system = draw(CUT, index=1)
    lowered = rtsched.load(system).lower()
    assert system["generated"]["reached"] == pytest.approx(0.1, rel=0.01)
    assert len({len(node.eligible) for task in lowered.tasks for node in task.nodes}) > 1
    assert rtsched.simulate(system, scheduler="band-lsf", until="500 ms").check() == []


@pytest.mark.parametrize(
    ("networks", "error"),
    [
        ({"always": ["Konv"]}, r"networks: always: no network has a 'Konv'; they have Add, "),
        ({"supported": {"tpu": 1}}, r"networks: supported: 'tpu' is no cluster of platform 'snapdragon_8gen2'"),
        ({"of": None}, r"networks.supported: needs networks whose operators are known; name some in 'of'"),
        ({"supported": None}, r"networks.always: has no effect where all operators are supported"),
        ({"variants": True}, r"networks.supported: has no effect on families of variants"),
    ],
)
def test_coverage_that_means_nothing_is_refused(networks: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        draw({**CUT, "networks": CUT["networks"] | networks})


def test_keys_that_say_nothing_leave_the_draws_as_they_were() -> None:
    plain = Generate(**KEYS)
    assert plain == Generate(**{**KEYS, "networks": {"variants": False, "units": None}})
    assert "variants" not in plain.content
    assert not any(key in plain.content for key in ("units", "precision", "supported", "always"))


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"networks": ["nosuchnet"]}, r"networks: .*nosuchnet"),
        (
            {"utilisation": {"npu": 3.9, "big": 0.3}},
            r"networks: of 100000 mixes of 5 networks for npu none comes within",
        ),
        ({"networks": {"units": ["gpu"]}}, r"networks: 'units' have no effect where 'utilisation' names the clusters"),
        (
            {**FAMILIES, "networks": {"units": ["tpu"]}},
            r"networks: 'tpu' is neither a cluster of platform .* nor a kind",
        ),
        (
            {**FAMILIES, "networks": {"variants": True, "units": ["dsp"]}},
            r"networks: on dsp none of them was measured on platform 'snapdragon_845'",
        ),
        (
            {**FAMILIES, "networks": {"variants": True, "of": ["nosuchfamily"]}},
            r"networks: .*no family is called 'nosuchfamily'",
        ),
        ({"networks": {"rates": ["100 kHz"]}}, r"networks: on npu of platform 'rk3588' no network is fast enough"),
        ({"platform": "kirin_9000"}, r"utilisation: 'big' is no cluster of platform"),
        (
            {"platform": "kirin_9000", "utilisation": 0.5, "tasks": 4},
            r"networks: none of them was measured on platform",
        ),
        ({"platform": "jetson_xavier_nx", "utilisation": {"dla": 0.5}, "tasks": 2}, r"dla .*no network was measured"),
        ({"periods": "uniform"}, r"periods: 'periods' has no effect beside 'networks': they come at their 'rates'"),
        ({"utilisations": "uunifast"}, r"'utilisations' has no effect beside 'networks'"),
        ({"graph": {"kind": "layered"}, "tasks": 5}, r"'graph' has no effect beside 'networks'"),
        ({"unrelated": {}, "tasks": 5, "utilisation": 0.5}, r"'unrelated' has no effect beside 'networks'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(keys: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        draw({**KEYS, **keys})
