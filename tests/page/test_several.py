"""Several runs in one page: what it holds, what it says of their first difference, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtsched import api
from rtsched.errors import InputError
from rtsched.page.page import SEVERAL, asset
from rtsched.page.several import MOST, comparison, write_comparison
from rtsched.trace.trace import Trace
from tests.cli.command import ended, rtsched
from tests.helpers import cpus, edf, simulate, task
from tests.page.reading import element, facts, several
from tests.page.test_page import HOSTILE

SYSTEM = "buttazzo_rm_edf"
MS = 10**6


def both() -> dict[str, Trace]:
    """The textbook's example: under RM `long` misses, under EDF nobody does."""
    return {policy: api.simulate(SYSTEM, scheduler=policy) for policy in ("rm", "edf")}


def test_the_columns_are_the_rows_of_each_trace() -> None:
    traces = both()
    text = comparison(traces)
    found = several(text)
    for trace, tables in zip(traces.values(), found, strict=True):
        for name in ("jobs", "slices"):
            rows = getattr(trace, name)
            assert {key: rows[key].tolist() for key in rows.dtype.names}.items() <= tables[name].items()
    about = facts(text)
    assert [(run["letter"], run["label"], run["end"]) for run in about["runs"]] == [
        ("A", "rm", 35 * MS), ("B", "edf", 35 * MS),
    ]  # fmt: skip
    assert about["runs"][0]["scheduler"] == "RateMonotonic + Global, preemptive"
    assert comparison(traces) == text


def test_where_runs_part_is_said_of_both() -> None:
    (parted,) = facts(comparison(both()))["parted"]
    assert parted == {
        "run": 1,
        "time": 5 * MS,
        "said": ["start short[1] on cpu; preempt long[0] on cpu", "long[0] on cpu goes on"],
    }
    waiting = [task(0, 2, 10, offset=4), task(1, 3, 20)]
    late = [waiting[0], replace(waiting[1], offset=1)]
    (parted,) = facts(comparison([simulate(waiting, until=20), simulate(late, until=20)]))["parted"]
    assert parted["time"] == 0
    assert parted["said"] == ["start b[0] on cpu0", "cpu0 stays idle"]


def test_runs_that_decide_the_same_never_part() -> None:
    trace = simulate([task(0, 2, 5)], until=10)
    assert facts(comparison([trace, trace]))["parted"] == []


def test_the_figures_of_whole_runs() -> None:
    totals = facts(comparison(both()))["totals"]
    assert totals["head"][:4] == ["jobs", "missed", "longest response / deadline", "misses"]
    assert [row[:4] for row in totals["rows"]] == [["12", "1", "1.143", "8.33 %"], ["12", "0", "0.8571", "0.00 %"]]
    answers = {policy: api.simulate("drone_exits", scheduler=policy, until="1 s") for policy in ("edf", "fifo")}
    assert any("accuracy" in title for title in facts(comparison(answers))["totals"]["head"])


def test_all_runs_share_the_longest_time() -> None:
    tasks = [task(0, 6, 5, on_miss="continue"), task(1, 1, 50)]
    runs = [simulate(tasks, until=50), simulate(tasks, until=50, scheduler=edf())]
    about = facts(comparison(runs))["runs"]
    assert {run["end"] for run in about} == {max(int(trace.slices["end"].max()) for trace in runs)}


def test_a_page_of_several_is_whole_and_asks_nobody() -> None:
    text = comparison(both(), "name: here")
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"(?:src|href)\s*=|https?:|url\(|@import", text)
    assert not any(re.search(r"\bfetch\(|XMLHttpRequest|innerHTML|\beval\(|https?:", asset(name)) for name in SEVERAL)
    assert facts(text)["given"] == "name: here"


def test_hostile_labels_are_only_text() -> None:
    tasks = [replace(task(0, 2, 5), name=HOSTILE), task(1, 2, 9)]
    machine = replace(cpus()[0], name=HOSTILE)
    traces = [simulate(tasks, processors=(machine,), until=10, scheduler=how) for how in (None, edf())]
    text = comparison({HOSTILE: traces[0], f"{HOSTILE}2": traces[1]}, HOSTILE, HOSTILE, HOSTILE)
    assert text.count("</script") == text.count("<script") == 4
    assert "<" not in element(text, "facts")
    assert not {"\u2028", "\u202e"} & set(text)
    assert [len(run["label"]) for run in facts(text)["runs"]] == [100, 100]


def test_what_cannot_stand_beside_each_other_is_refused(tmp_path: Path) -> None:
    trace = simulate([task(0, 2, 5)], until=10)
    for count in (0, 1, MOST + 1):
        with pytest.raises(InputError, match=rf"2 to {MOST} policies .*found {count}"):
            comparison([trace] * count)
    with pytest.raises(InputError, match="of the same tasks"):
        comparison([trace, simulate([task(0, 2, 5), task(1, 1, 9)], until=10)])
    with pytest.raises(InputError, match="kept no trace"):
        write_comparison([api.simulate("dhall"), api.simulate("dhall", trace=False)], tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_sizes() -> None:
    assert len(comparison([simulate([task(number, 1, 10) for number in range(3)], until=100)] * 2)) < 70_000
    trace = simulate([task(0, 3, 10), task(1, 17, 41), task(2, 20, 103)], until=500)
    many = -(-50_000 // len(trace.slices))
    slices, random = np.tile(trace.slices, many), np.random.default_rng(1)
    for name in ("start", "end"):  # instants to the nanosecond, which compress badly
        slices[name] = slices[name] * MS + np.repeat(np.arange(many) * 500 * MS, len(trace.slices))
        slices[name] += random.integers(0, 10**5, len(slices))
    slices["job"] += np.repeat(np.arange(many) * len(trace.jobs), len(trace.slices)).astype("i4")
    large = replace(trace, jobs=np.tile(trace.jobs, many), slices=slices, until=many * 500 * MS)
    assert len(comparison([large, large])) < 2_500_000


def test_compare_shows_the_runs_of_one_seed(tmp_path: Path) -> None:
    path = tmp_path / "compare.html"
    system = {
        "platform": "uniprocessor",
        "tasks": [
            {"name": "a", "wcet": "2 ms", "period": "5 ms", "execution": {"kind": "uniform", "low": 0.5}},
            {"name": "b", "wcet": "4 ms", "period": "7 ms"},
        ],
    }
    (tmp_path / "system.yaml").write_text(str(system))
    options = ["-s", "rm,edf", "--seeds", "3", "-j", "1", "--until", "35ms"]
    arguments = ("compare", str(tmp_path / "system.yaml"), *options)
    done = rtsched(*arguments, "--html", str(path), "--shown", "2")
    assert done.exit_code == 0, done.output
    text = path.read_text()
    about = facts(text)
    assert [run["label"] for run in about["runs"]] == ["rm", "edf"]
    assert {run["seed"] for run in about["runs"]} == {"2"}
    assert about["note"] == "One of the 3 seeds that the table below compares."
    assert about["figures"].splitlines() == done.output.splitlines()
    run = api.simulate(system, scheduler="edf", until="35 ms", seed=2)
    assert several(text)[1]["jobs"]["finish"] == run.jobs["finish"].tolist()
    assert rtsched(*arguments, "--html", str(path)).exit_code == 0
    assert {run["seed"] for run in facts(path.read_text())["runs"]} == {"0"}


def test_compare_refuses_before_anything_runs(tmp_path: Path) -> None:
    path = str(tmp_path / "x.html")
    for arguments, why in (
        (["-s", "rm", "--html", path], "found 1"),
        (["-s", "rm,edf", "--seeds", "2", "--html", path, "--shown", "2"], "0 to 1 (found 2)"),
        (["-s", "rm,edf", "--shown", "0"], "give --html, too"),
    ):
        done = ended("compare", SYSTEM, *arguments)
        assert done.exit_code == 2
        assert why in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_diff_writes_the_same_page(tmp_path: Path) -> None:
    path = tmp_path / "diff.html"
    done = rtsched("diff", SYSTEM, "rm", "--change", "tasks.long.wcet=3ms", "--html", str(path))
    about = facts(path.read_text())
    assert [run["label"] for run in about["runs"]] == ["rm", "rm with tasks.long.wcet=3ms"]
    assert about["figures"] == done.output.rstrip("\n")
    assert rtsched("diff", SYSTEM, "rm", "rm", "--html", str(path)).exit_code == 0
    assert len(facts(path.read_text())["runs"]) == 2
