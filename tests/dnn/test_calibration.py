"""The error that is stated for the cost model covers the true one, on networks that no model was fitted to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtsched.api import load as load_system
from rtsched.cli import cli
from rtsched.dnn import calibration, cost, network_file
from rtsched.dnn.graph import trimmed
from rtsched.dnn.network import Network
from rtsched.model import catalogue

#: Network files of well-known networks, made by analysis/cost/outside.py; those with these sources are the same.
UNSEEN = Path(__file__).parents[1] / "data" / "unseen"
SOURCES = ("ncnn", "aihub")


@cache
def network(name: str) -> Network:
    return network_file.read(UNSEEN / f"{name}.csv")


@cache
def figures() -> tuple[tuple[str, str, float, cost.CostModel, calibration.Stated], ...]:
    """Cluster, network, true error, model and stated error, wherever an unseen network was measured beside a model."""
    return tuple(_figures())


def _figures() -> Iterator[tuple[str, str, float, cost.CostModel, calibration.Stated]]:
    rows = catalogue.latency_table()
    names = {path.stem for path in UNSEEN.glob("*.csv")}
    for name in sorted(
        {row["platform"] for row in rows if row["network"] in names} & set(catalogue.names("platforms"))
    ):
        platform = catalogue.load_platform(name)
        for cluster in platform.processors:
            for precision in ("fp32", "fp16"):
                model = cost.model_for(platform, cluster, rows, precision)
                here, _ = cost.measured_on(platform, cluster, rows, precision)
                times = [row for row in here if row["network"] in names and row["source"] in SOURCES]
                for unseen in sorted({row["network"] for row in times}) if model is not None else ():
                    time = min(float(row["latency_ms"]) * 1e6 for row in times if row["network"] == unseen)
                    assert model is not None
                    error = abs(model.network(network(unseen)) / time - 1)
                    yield f"{name} {cluster}", unseen, error, model, calibration.stated(model, network(unseen))


def test_the_stated_error_covers_the_true_one() -> None:
    found = figures()
    assert len(found) == 114
    for kind in ("cpu", "gpu", "npu"):
        for outside in (False, True):
            mine = [(error, stated) for _, _, error, model, stated in found
                    if model.kind == kind and bool(stated.outside) == outside]  # fmt: skip
            assert len(mine) >= 4
            assert sum(error <= stated.typical for error, stated in mine) >= 0.75 * len(mine)
            assert sum(error <= stated.most for error, stated in mine) >= 0.9 * len(mine)
            assert all(error <= stated.worst for error, stated in mine)


def test_on_every_cluster_half_of_the_networks_outside_are_covered() -> None:
    clusters = sorted({(cluster, model.precision) for cluster, _, _, model, _ in figures()})
    assert len(clusters) > 15
    for cluster in clusters:
        mine = [(error, stated) for where, _, error, model, stated in figures()
                if (where, model.precision) == cluster and stated.outside]  # fmt: skip
        assert sum(error <= stated.typical for error, stated in mine) >= len(mine) / 2, cluster


def test_networks_held_back_do_not_show_the_error_on_others() -> None:
    outside = [(error, model.error) for _, _, error, model, stated in figures() if stated.outside]
    assert sum(error <= held_back for error, held_back in outside) < 0.25 * len(outside)


def test_what_is_within_the_range() -> None:
    within = {unseen for _, unseen, _, _, stated in figures() if not stated.outside}
    assert within == {"googlenet", "mnasnet", "mnasnet05"}
    platform, rows = catalogue.load_platform("rk3588"), catalogue.latency_table()
    model = cost.model_for(platform, "gpu", rows)
    assert model is not None
    for name in model.fitted:
        assert calibration.outside(model, trimmed(network_file.load(name))) == ()
    (why,) = calibration.outside(model, network("resnet50"))
    assert why == "4,089 million multiply-accumulates instead of 144.9 to 1,814"
    assert "weights among the bytes" in calibration.outside(model, network("alexnet"))[-1]
    assert "outside convolutions" in " ".join(calibration.outside(model, network("vit")))


def test_more_of_anything_leaves_the_range() -> None:
    model = cost.model_for(catalogue.load_platform("rk3588"), "gpu", catalogue.latency_table())
    assert model is not None
    tiny = network_file.load("kws_ds_cnn_s")
    assert any("2.657 million multiply-accumulates instead" in why for why in calibration.outside(model, tiny))
    bert = network_file.load("bert_tiny_L2_H128")
    assert any("100 % multiply-accumulates outside convolutions" in why for why in calibration.outside(model, bert))


def test_a_kind_of_processor_without_figures_has_the_widest_error() -> None:
    model = cost.CostModel("x", "", 0.1, 0.1, 0.1, 0.0, rows=4, errors=(0.1, -0.3), kind="dsp", fitted=("resnet18",))
    assert calibration.stated(model, network("resnet50")).typical == max(
        each.typical for each in calibration.OUTSIDE.values()
    )
    assert calibration.stated(model, None).worst == max(each.worst for each in calibration.WITHIN.values())


def test_an_error_on_networks_held_back_is_never_understated() -> None:
    model = cost.CostModel(
        "x", "", 0.1, 0.1, 0.1, 0.0, rows=4, errors=(2.0, -0.9, 3.0), kind="cpu", fitted=("resnet18",)
    )
    stated = calibration.stated(model, network_file.load("resnet18"))
    assert (stated.typical, stated.most, stated.worst) == (2.0, 3.0, 3.0)


@pytest.mark.parametrize(("name", "outside"), [("resnet50", True), ("googlenet", False)])
def test_the_range_is_told_wherever_the_model_is_used(name: str, outside: bool, tmp_path: Path) -> None:
    words = ["show", "cost", str(UNSEEN / f"{name}.csv"), "--platform", "rk3588"]
    shown = " ".join(CliRunner().invoke(cli, words).output.split())
    data = CliRunner().invoke(cli, [*words, "--json"]).output
    assert ("outside the calibrated range (" in shown) == outside
    assert ("outside the calibrated range (" in data) == outside
    assert f"reckon with an error of {140 if outside else 30} %" in shown
    system = tmp_path / "net.yaml"
    system.write_text(
        f"platform: rk3588\nsimulate: {{until: 1 s}}\ntasks: [{{name: a, network: '{UNSEEN / name}.csv', rate: 2 Hz}}]\n"
    )
    assumed = load_system(str(system)).lower().assumed
    assert any("outside the calibrated range" in note for note in assumed) == outside
    assert any("reckon with an error of" in note for note in assumed)


def test_the_documentation_has_the_stated_errors() -> None:
    text = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    for words, table in (("within", calibration.WITHIN), ("outside", calibration.OUTSIDE)):
        cells = [
            f"{100 * each.typical:.0f} % ({100 * each.most:.0f} %, {100 * each.worst:.0f} %)" for each in table.values()
        ]
        assert f"| {words} the calibrated range | {' | '.join(cells)} |" in text
