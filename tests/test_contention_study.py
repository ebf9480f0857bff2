"""The study of the contention models: its page says what its scripts find, and the simulation what a hand can compute."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

STUDY = Path(__file__).resolve().parent.parent / "analysis" / "contention"
if not STUDY.is_dir():
    pytest.skip("the studies come with the repository only", allow_module_level=True)


def _script(name: str) -> ModuleType:
    label = f"contention_study_{name}"
    spec = importlib.util.spec_from_file_location(label, STUDY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[label] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


haxconn, tx2 = _script("haxconn"), _script("tx2")


def _page() -> str:
    return (STUDY / "README.md").read_text(encoding="utf-8")


def _tables(text: str) -> list[list[list[str]]]:
    """The tables of a page as rows of cells, headings first."""
    found: list[list[list[str]]] = []
    for before, line in pairwise(["", *text.splitlines()]):
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def _numbers(cell: str) -> list[str]:
    return re.findall(r"-?\d+(?:\.\d+)?", cell)


def test_the_page_says_what_the_scripts_find() -> None:
    printed = _tables("\n\n".join("\n".join(table) for table in [*haxconn.tables(), *tx2.tables()]))
    written = _tables(_page())
    assert [table[0] for table in sorted(written)] == [table[0] for table in sorted(printed)]
    for ours in written:
        theirs = next(table for table in printed if table[0] == ours[0])
        assert [row[0] for row in ours] == [row[0] for row in theirs]
        for our_row, their_row in zip(ours[2:], theirs[2:], strict=True):
            for our_cell, their_cell in zip(our_row[1:], their_row[1:], strict=True):
                assert _numbers(our_cell) == _numbers(their_cell), our_row[0]
                assert our_cell == their_cell


def test_the_copy_of_the_data_is_complete() -> None:
    kinds = [key[0] for key in haxconn.facts()]
    assert kinds.count("two_dnn_makespan") == 25
    assert kinds.count("emc_utilisation") == 25
    assert kinds.count("gpu_group_time") == 10
    assert f"({len(kinds)} numbers" in _page()
    known = len(list(haxconn.cases()))
    unknown = sum(len(places) for _, places, _ in haxconn.UNDETERMINED) + len(haxconn.ORIN)
    assert known + unknown == kinds.count("two_dnn_makespan") + kinds.count("starter_guide")
    assert f"{unknown} of the {known + unknown} published" in " ".join(_page().split())


def test_two_networks_side_by_side_as_computed_by_hand() -> None:
    # A needs 2 ms of the GPU and is slowed 1.6 times: it ends at 3.2. B, slowed 1.25 times, has by then done
    # 3.2 / 1.25 = 2.56 of its 6 ms, and goes on alone: 3.2 + 3.44 = 6.64.
    parameters = haxconn.Parameters(resnet_gpu=0, resnet_dla=6, alexnet_gpu=2, gpu=1.6, dla=1.25)
    case = haxconn.Case("AlexNet+ResNet101", "GPU, DLA", "longer", 0.0)
    assert haxconn.simulated(case, "pairwise", parameters) == pytest.approx(6.64, abs=1e-5)
    total = replace(case, statistic="sum")
    assert haxconn.simulated(total, "pairwise", parameters) == pytest.approx(9.84, abs=1e-5)


def test_two_networks_that_share_the_gpu_as_computed_by_hand() -> None:
    # Half a GPU each: A of 2 ms ends at 4; then 3 of B's 5 ms are left: 7.
    parameters = haxconn.Parameters(resnet_gpu=5, resnet_dla=0, alexnet_gpu=2, gpu=1, dla=1)
    case = haxconn.Case("AlexNet+ResNet101", "both GPU", "sum", 0.0)
    assert haxconn.simulated(case, "pairwise", parameters) == pytest.approx(4 + 7)


def test_a_published_cut_as_computed_by_hand() -> None:
    parameters = haxconn.fit("pairwise")
    case = next(case for case in haxconn.cases() if case.name == "GoogleNet+ResNet101, cut")
    (_, front), (_, back) = haxconn.placed(case, parameters)["GoogleNet"]
    (_, start), (_, rest) = haxconn.placed(case, parameters)["ResNet101"]
    # Both begin at once, GoogleNet on the GPU, ResNet101 on the DLA. ResNet101 leaves the DLA at t1; GoogleNet has done
    # t1 / s(gpu) of its part. They share the GPU until GoogleNet has gone, at t2; then it works on the DLA, slowed
    # s(dla) times, and slows the rest of ResNet101.
    t1 = start * parameters.dla
    left = front - t1 / parameters.gpu
    t2 = t1 + 2 * left
    beside = back * parameters.dla
    remaining = rest - left
    end = t2 + remaining + beside * (1 - 1 / parameters.gpu)
    assert end > t2 + beside  # ResNet101 is the longer
    assert haxconn.simulated(case, "pairwise") == pytest.approx(end, abs=1e-4)


def test_fitted_cells_are_exact_and_slowdowns_are_no_gains() -> None:
    for case in haxconn.cases():
        if case.fitted:
            assert haxconn.simulated(case, "pairwise") == pytest.approx(case.measured, abs=1e-4)
    for low, high in haxconn.ranges().values():
        assert 1 < low < high


def test_symmetric_is_what_the_power_law_gives() -> None:
    parameters = haxconn.fit("symmetric")
    case = next(case for case in haxconn.cases() if case.mapping == "GPU, DLA")
    networks = haxconn.placed(case, parameters)
    demand = {"bound": 0.3, "demand": "30 GB/s"}
    a = (parameters.gpu - 1) / (60 / 136.5) ** 0.5
    ends = haxconn.latencies(networks, {"model": "power-law", "a": a, "b": 0.5}, {"gpu": demand, "dla": demand})
    assert max(ends.values()) == pytest.approx(haxconn.simulated(case, "symmetric"), abs=1e-4)
    assert f"= {parameters.gpu - 1:.2f}, by" in _page()


def test_the_other_reading_of_one_cell_contradicts_another() -> None:
    parameters = haxconn.fit("pairwise")
    alexnet = 13.4 - parameters.resnet_gpu
    cut = next(case for case in haxconn.cases() if case.name == "AlexNet+ResNet101, cut")
    found = haxconn.simulated(cut, "pairwise", replace(parameters, alexnet_gpu=alexnet))
    assert (f"{alexnet:.2f}", f"{found:.1f}") == ("7.26", "12.3")
    text = " ".join(_page().split())
    assert "would give AlexNet 7.26 ms" in text
    assert "would have to take 12.3 ms" in text


def test_the_utilisation_that_a_factor_of_two_would_need_is_rare() -> None:
    found = haxconn.listed("emc_utilisation")
    rare, mean = sum(value >= 80 for value in found), sum(found) / len(found)
    assert f"{rare} does (mean {mean:.0f} %)" in _page()


def test_a_kernel_beside_stressors_as_computed_by_hand() -> None:
    # 30 of the kernel and 4 x 15 GB/s for a usable 47.76: F = 1.8844; half of the kernel waits for memory.
    found = tx2.slowdown(tx2.proportional(0.8), 4, 15.0, 30.0, 0.5)
    assert found == pytest.approx(1 + 0.5 * (90 / (0.8 * 59.7) - 1), abs=1e-6)
    # Three regions, intensive: 2 x 10 GB/s of others at 2 % each leave 60 % of the speed.
    assert tx2.slowdown(tx2.regions(0.02, 30.0), 2, 10.0, 45.0) == pytest.approx(1 / 0.6, abs=1e-6)


def test_within_the_facts_no_simulation_exceeds_the_published_bound() -> None:
    nanosecond = 1 / tx2.KERNEL
    for found, model, bound in tx2.within_the_facts():
        assert 1 <= found <= bound + nanosecond, model


def test_the_figure_is_small() -> None:
    assert (STUDY / "haxconn.png").stat().st_size < 150_000
