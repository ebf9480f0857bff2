"""Figures of policies beside each other, from plain values: never a bare zero, no stars for rounding, one correction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtsched.cli.compare import render
from rtsched.experiment.compare import compare
from rtsched.experiment.contrast import Cell, cells, contrast, figure, legend
from rtsched.experiment.statistics import band, cohens_d, holm, rule_of_three, sign_flip, superiority, wilson
from rtsched.metrics.metric import Values, find
from rtsched.plot.front import front, points

COIN = {
    "platform": {"processors": {"gpu": {"kind": "gpu", "service": "node"}}},
    "simulate": {"until": "1 s"},
    "tasks": [
        {"name": "det", "wcet": {"gpu": "10 ms"}, "period": "20 ms", "execution": {"kind": "uniform", "low": 0.5}},
        {"name": "seg", "wcet": {"gpu": "14 ms"}, "period": "40 ms", "execution": {"kind": "uniform", "low": 0.2}},
    ],
}


def runs(metric: str = "miss_ratio", **policies: list[float]) -> dict[str, list[Values]]:
    """Runs with one metric."""
    return {name: [{metric: value} for value in values] for name, values in policies.items()}


def test_differences_that_are_rounding_alone_have_no_star_and_no_width() -> None:
    base = [0.1 + 0.2, 0.7, 0.1 * 3, 1.1 + 2.2, 0.6, 0.8, 0.9, 1.2, 1.3, 1.4]
    other = [value * (1 + 4e-16) for value in base]
    assert base != other
    assert sign_flip([a - b for a, b in zip(other, base, strict=True)]) < 0.01  # as it was done: two stars
    cell = cells(runs("p95", rm=base, edf=other), ["p95"], "rm")["edf"]["p95"]
    assert (cell.difference, cell.difference_half, cell.p, cell.d, cell.superiority) == (0, 0, 1, None, 0.5)
    assert contrast(cell, "p95") == "="
    equal = cells(runs("p95", rm=[0.1 + 0.2, 0.3, 0.3]), ["p95"], "rm")["rm"]["p95"]
    assert (equal.half, equal.low) == (0.0, None)
    assert figure(equal, "p95") == "0.3"


def test_a_small_difference_in_every_run_is_found() -> None:
    base = [100.0 + k for k in range(10)]
    cell = cells(runs("p95", rm=base, edf=[value + 1e-5 for value in base]), ["p95"], "rm")["edf"]["p95"]
    assert cell.p == 2 / 2**10
    assert contrast(cell, "p95").endswith("**")


def test_all_tests_of_a_table_are_corrected_together() -> None:
    values = {
        name: [{"miss_ratio": 0.1 * k + a, "p95": 1 + 0.01 * ((k * b) % 7)} for k in range(8)]
        for name, a, b in (("rm", 0.0, 1), ("edf", 0.1, 3), ("fifo", 0.2, 5))
    }
    table = cells(values, ["miss_ratio", "p95"], "rm")
    alone = [table[name][metric].p_alone for metric in ("miss_ratio", "p95") for name in ("edf", "fifo")]
    together = [table[name][metric].p for metric in ("miss_ratio", "p95") for name in ("edf", "fifo")]
    assert alone[:2] == [2 / 2**8] * 2
    assert together == holm(alone)
    assert together[0] == 4 * alone[0]  # type: ignore[operator]
    assert table["rm"]["p95"].p is None


def test_the_sizes_of_effects_are_those_of_the_differences() -> None:
    base, other = [0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.5, 0.8]
    cell = cells(runs(rm=base, edf=other), ["miss_ratio"], "rm")["edf"]["miss_ratio"]
    apart = [b - a for a, b in zip(base, other, strict=True)]
    assert cell.d == pytest.approx(cohens_d(apart))
    assert cell.superiority == superiority(apart) == 0.75


def test_none_and_all_are_never_bare() -> None:
    never = cells(runs(rm=[0.0] * 100), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert (never.half, never.low, never.high) == (0.0, 0.0, rule_of_three(100))
    assert figure(never, "miss_ratio") == "0 % (< 2.95 %)"
    always = cells(runs(rm=[1.0] * 100), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert figure(always, "miss_ratio") == "100 % (> 97.05 %)"
    added = cells(runs(rm=[sum([0.1] * 10)] * 100, edf=[1 + 2e-16] * 100), ["miss_ratio"], "rm")  # 1, but for rounding
    assert {figure(added[name]["miss_ratio"], "miss_ratio") for name in added} == {"100 % (> 97.05 %)"}
    assert "how far the mean may be from none" in "\n".join(legend({"rm": {"miss_ratio": never}}, "rm", 100))


def test_an_interval_that_is_not_even_is_told_by_its_ends() -> None:
    coin = cells(runs(rm=[0, 1, 1, 1]), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert (coin.half, coin.low, coin.high) == (None, *wilson(3, 4))
    assert figure(coin, "miss_ratio") == "75.00 % (30.06 % to 95.44 %)"
    rare = cells(runs(rm=[0.0, 0.0, 0.03]), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert figure(rare, "miss_ratio") == "1.00 % (0.00 % to 5.30 %)"
    plain = cells(runs("p95", rm=[1.0, 2.0, 3.0]), ["p95"], "rm")["rm"]["p95"]
    assert figure(plain, "p95") == "2 ± 2.5"
    same = cells(runs(rm=[0.5] * 3), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert same.high == band([0.5] * 3, bounded=True).high
    assert figure(same, "miss_ratio") == "50.00 %"  # the legend says that all runs gave the same


def test_a_share_beyond_one_of_somebody_elses_metric_has_students_interval() -> None:
    cell = cells(runs(rm=[0.5, 1.5, 1.0]), ["miss_ratio"], "rm")["rm"]["miss_ratio"]
    assert cell.high > 1  # type: ignore[operator]


def test_where_nothing_is_random_nothing_is_tested() -> None:
    fixed = cells(runs(rm=[0.0] * 3, edf=[0.5] * 3), ["miss_ratio"], "rm", fixed=True)
    assert fixed["rm"]["miss_ratio"] == Cell(0.0, None)
    assert fixed["edf"]["miss_ratio"] == Cell(0.5, None, 0.5)
    assert contrast(fixed["edf"]["miss_ratio"], "miss_ratio") == "+50.00 pp"
    one = cells(runs(rm=[0.0], edf=[0.5]), ["miss_ratio"], "rm")
    assert one == fixed
    assert legend(one, "rm", 1) == ["One run of each: how other seeds would come out is not known."]


def test_too_few_runs_for_a_star_are_told() -> None:
    table = cells(runs(rm=[0.1] * 5, edf=[0.2] * 5), ["miss_ratio"], "rm")
    assert table["edf"]["miss_ratio"].p == 2 / 2**5
    assert "5 runs are too few for a star: 6 are the fewest." in legend(table, "rm", 5)
    enough = cells(runs(rm=[0.1] * 6, edf=[0.2] * 6), ["miss_ratio"], "rm")
    assert contrast(enough["edf"]["miss_ratio"], "miss_ratio") == "+10.00 pp*"
    assert "too few" not in "\n".join(legend(enough, "rm", 6))


def test_differences_are_shown_in_their_unit() -> None:
    assert find("tardiness").show_difference(-1_500_000, 20_000) == "-1.5 ms ± 20 us"
    assert find("p95").show_difference(0.25) == "+0.25"
    assert find("miss_ratio").show_difference(0.25, 0.01) == "+25.00 ± 1.00 pp"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.00 %"), (1.0, "100.00 %"), (1e-6, "0.0001 %"), (1 - 1e-6, "99.9999 %"), (0.99996, "99.996 %"),
     (-2e-6, "-0.0002 %"), (0.3, "30.00 %"), (1e-17, "0.00 %"), (1 - 1e-16, "100.00 %")],
)  # fmt: skip
def test_a_share_reads_as_none_or_all_only_where_it_is(share: float, text: str) -> None:
    assert find("miss_ratio").show(share) == text


def test_a_comparison_shows_the_paired_difference_under_each_policy(tmp_path: Path) -> None:
    answer = compare(COIN, ["edf", "fifo+nonpreemptive"], 6, jobs=1)
    lines = render(answer).splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("fifo"))
    assert lines[place + 1].lstrip().startswith("difference")
    assert not lines[place - 1].lstrip().startswith("difference")  # edf is what it is taken to
    assert "difference to edf" in "\n".join(lines)
    data = json.loads(json.dumps(answer.to_dict()))
    cell = data["rows"][1]["cells"]["p95"]
    assert data["format"] == 2
    assert {"low", "high", "p", "p_alone", "d", "superiority", "difference_half"} <= set(cell)
    assert cell["low"] <= cell["mean"] <= cell["high"]
    mark = points(answer)[0][1]
    assert mark.dy == pytest.approx((cell["mean"] - cell["low"], cell["high"] - cell["mean"]))
    front(answer, tmp_path / "front.svg")
    never = answer.rows[0].cells["miss_ratio"]
    assert never.half == 0
    assert points(answer)[0][0].dx == (0, 0)
    assert "no bar: the same in all 6 runs; up to 39 % of all runs may differ" in (tmp_path / "front.svg").read_text()
    assert f"0 % (< {100 * rule_of_three(6):.2f} %)" in "\n".join(lines)
