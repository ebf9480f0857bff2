"""analysis/shelf/gpu.py: its figures are those of its page, and what is cheap of them comes out again."""

from __future__ import annotations

import importlib.util
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import rtsched

SHELF = Path(__file__).parents[1] / "analysis" / "shelf"


@pytest.fixture(scope="module")
def gpu() -> Any:
    spec = importlib.util.spec_from_file_location("shelf_gpu", SHELF / "gpu.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shelf_gpu"] = module
    spec.loader.exec_module(module)
    return module


def rows() -> list[list[str]]:
    """The rows of the page: policy, figure, published, here, factor, what differs."""
    table = (SHELF / "gpu.md").read_text().partition("<!-- figures -->")[2].partition("<!-- end of figures -->")[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")
    ]
    return found[1:]


def test_every_figure_is_within_a_factor_of_1_5_or_explained() -> None:
    assert len(rows()) > 20
    for policy, what, _, here, factor, why in rows():
        assert float(here) > 0
        assert float(factor) <= 1.5 or len(why) > 20, (policy, what)
    named = {policy for policy, *_ in rows()}
    assert {"REEF", "Orion", "Miriam-style", "clockwork", "deeprt-style", "GCAPS-style", "XSched, level 1"} <= named


def test_the_page_names_every_experiment(gpu: Any) -> None:
    page = (SHELF / "gpu.md").read_text()
    listed = re.search(r"or some of: ([a-z ]+)\n", page)
    assert listed is not None
    assert listed[1].split() == list(gpu.EXPERIMENTS)


def test_a_network_takes_alone_what_was_measured_of_its_kernels(gpu: Any) -> None:
    for network in ("mobilenet_v2", "resnet50", "resnet101"):
        measured = sum(each.ns for each in gpu.kernels(network))
        assert gpu.alone(network) == pytest.approx(measured, rel=1e-4)  # waves round
    task = {"name": "urgent", **gpu.whole("mobilenet_v2"), "period": "10 ms"}
    trace = rtsched.simulate(rtsched.load({**gpu.board(task), "scheduler": "fifo"}), until="10 ms")
    assert trace.jobs["finish"].tolist() == [gpu.alone("mobilenet_v2")]


def test_versions_have_so_many_times_the_blocks_and_take_a_tenth_longer(gpu: Any) -> None:
    task = {"name": "urgent", **gpu.pieces("mobilenet_v2", finer=8), "period": "10 ms"}
    variants = rtsched.load(gpu.board(task)).lower().tasks[0].quality.variants  # type: ignore[union-attr]
    first = [variant.nodes[0].hardware.kernels[0][0] for variant in variants]  # type: ignore[index, union-attr]
    assert first[1].blocks == 8 * first[0].blocks  # type: ignore[union-attr]
    assert first[1].time == pytest.approx(1.1 * first[0].time / 8, rel=1e-3)  # type: ignore[operator]


def test_preemption_takes_what_is_in_flight_what_runs_or_an_interrupt(gpu: Any) -> None:
    found = list(gpu.levels())
    page = [here for _, what, _, here, *_ in rows() if what.startswith("P99 of preemption")]
    assert [f"{figure.here:.3g}" for figure in found] == page
    assert all(figure.factor < 1.05 for figure in found)


def test_who_is_held_back_no_longer_slows_down_who_is_urgent(gpu: Any) -> None:
    native, held = islice(gpu.xsched(0.04), 2)
    assert native.here > 1.4
    assert 1 <= held.here < 1.2
