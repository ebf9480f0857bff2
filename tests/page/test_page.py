"""The page of a run: what it holds is what happened, it needs nothing from outside, and names are only text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rtsched import api
from rtsched.cli import cli
from rtsched.errors import InputError
from rtsched.export.exporter import write
from rtsched.model.taskgraph import SystemSpec
from rtsched.page.contents import over
from rtsched.page.page import SCRIPTS, SEVERAL, asset, page
from rtsched.trace.trace import Deadlock, Trace
from tests.helpers import cpus, simulate, task
from tests.page.reading import element, facts, tables

HOSTILE = "</script><img src=x onerror=alert(1)> \"'`${x} שלום \u202e\u2028 <!--" + "w" * 400


def overloaded() -> Trace:
    """a takes the core from b at 5; b misses, and its first job is aborted at its deadline."""
    return simulate([task(0, 2, 5), task(1, 4, 7, on_miss="abort")], until=10)


def test_the_columns_are_the_rows_of_the_trace() -> None:
    trace = overloaded()
    found = tables(page(trace))
    for name in ("jobs", "slices"):
        rows = getattr(trace, name)
        assert {key: rows[key].tolist() for key in rows.dtype.names}.items() <= found[name].items()
    assert found["jobs"]["over"] == [2, 7, 7, 11]
    assert found["jobs"]["preempted"] == [0, 1, 0, 0]


@pytest.mark.parametrize("name", ["gpu_priorities", "npu_failure", "priority_inversion_inheritance", "drone_exits"])
def test_so_are_those_of_runs_with_more_to_show(name: str) -> None:
    trace = api.simulate(name, until="1 s")
    found = tables(page(trace))
    assert found["slices"]["end"] == trace.slices["end"].tolist()
    assert found["jobs"]["finish"] == trace.jobs["finish"].tolist()
    assert found["waits"]["start"] == trace.waits["start"].tolist()
    assert len(found["holds"]["job"]) == int((trace.locks["what"] == 1).sum())
    assert (len(found["spans"]["kind"]) > 0) == (name == "npu_failure")
    assert set(found["jobs"]["variant"]) >= set(trace.answers["variant"].tolist())


def test_times_beyond_what_four_bytes_hold_stay_exact() -> None:
    hour = 3600 * 10**9
    trace = simulate([task(0, hour + 1, 7 * hour)], until=15 * hour)
    assert tables(page(trace))["jobs"]["finish"] == [hour + 1, 8 * hour + 1, 15 * hour + 1]


def test_a_job_without_an_end_is_never_over() -> None:
    trace = simulate([task(0, 6, 5, on_miss="continue")], until=5)
    jobs = trace.jobs.copy()
    jobs["finish"] = -1
    assert over(replace(trace, jobs=jobs)).tolist() == [-1] * len(jobs)


def test_a_page_is_whole_and_asks_nobody() -> None:
    text = page(overloaded(), "name: here")
    assert text.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)\s*=|https?:|url\(|@import", text)
    assert not any(re.search(r"\bfetch\(|XMLHttpRequest|innerHTML|\beval\(|https?:", asset(name)) for name in SCRIPTS)
    assert facts(text)["given"] == "name: here"
    assert page(overloaded(), "name: here") == text


def test_hostile_names_are_only_text() -> None:
    tasks = [replace(task(0, 2, 5), name=HOSTILE), task(1, 2, 9)]
    machine = replace(cpus()[0], name=HOSTILE)
    trace = simulate(tasks, processors=(machine,), until=10)
    trace = replace(trace, scheduler=HOSTILE, system=replace(trace.system, name=HOSTILE))
    text = page(trace, HOSTILE)
    assert "<img" not in text
    assert text.count("</script") == text.count("<script") == 4
    assert "<" not in element(text, "facts")
    assert not {"\u2028", "\u202e"} & set(text)
    found = facts(text)
    shown = [found["system"], found["scheduler"], found["tasks"][0]["name"], found["processors"][0]]
    assert [len(name) for name in shown] == [100, 100, 300, 300]
    assert all(name.startswith("</script><img") and "\\u202e" in name for name in shown)


def test_a_small_page_is_small_and_a_large_one_bearable() -> None:
    assert len(page(simulate([task(number, 1, 10) for number in range(3)], until=100))) < 60_000
    trace = simulate([task(0, 3, 10), task(1, 17, 41), task(2, 20, 103)], until=500)
    many = -(-100_000 // len(trace.slices))
    random = np.random.default_rng(1)

    def repeated(rows: np.ndarray, *times: str) -> np.ndarray:
        found = np.tile(rows, many)
        for name in times:  # instants to the nanosecond, which compress badly
            found[name] = found[name] * 10**6 + np.repeat(np.arange(many) * 500 * 10**6, len(rows))
            found[name] += random.integers(0, 10**5, len(found))
        return found

    jobs = repeated(trace.jobs, "release", "arrival", "deadline", "start", "finish")
    slices = repeated(trace.slices, "start", "end")
    slices["job"] += np.repeat(np.arange(many) * len(trace.jobs), len(trace.slices)).astype("i4")
    large = replace(trace, jobs=jobs, slices=slices, until=many * 500 * 10**6)
    assert len(slices) >= 100_000
    assert len(page(large)) < 2_000_000


def test_the_command_and_the_exporter_write_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["run", "dhall", "--html", str(tmp_path / "run.html")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "run.html").read_text()
    assert "name: dhall" in facts(text)["given"]
    write(api.simulate("dhall", reasons=True), tmp_path / "other.html")
    other = (tmp_path / "other.html").read_text()
    assert tables(other) == tables(text)
    assert facts(other) == facts(text) | {"given": None, "command": None}


def test_it_says_what_is_assumed_and_that_a_run_was_interrupted() -> None:
    trace = overloaded()
    found = facts(page(replace(trace, planned=50, system=replace(trace.system, assumed=("a guess",)))))
    assert found["planned"] == 50
    assert "PARTIAL" in found["text"]
    assert found["text"].endswith("\nassumed: a guess")


def test_deadlocks_are_told() -> None:
    circle = Deadlock(3, (("a[0]", "r", "s"), ("b[0]", "s", "r")))
    found = facts(page(replace(overloaded(), deadlocks=(circle,), deadlock_count=1)))
    assert [time for time, _ in found["deadlocks"]] == [3]
    assert "a[0] holds r and waits for s" in found["deadlocks"][0][1]


def test_without_a_trace_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kept no trace to show"):
        page(api.simulate("dhall", trace=False))
    done = CliRunner().invoke(cli, ["run", "dhall", "--no-trace", "--html", str(tmp_path / "run.html")])
    assert isinstance(done.exception, InputError)
    assert "leave it out, or --html" in str(done.exception)


def test_a_run_in_which_nothing_happened_has_a_page() -> None:
    trace = simulate([task(0, 1, 10, offset=50)], until=10)
    assert isinstance(trace.system, SystemSpec)
    assert tables(page(trace))["slices"]["start"] == []


def test_no_two_scripts_give_a_name_twice() -> None:
    """They are one script in the page, where the later one would take the name."""
    names = [
        name
        for script in (*SCRIPTS, *SEVERAL)
        for name in re.findall(r"^(?:async )?(?:const|let|function) (\w+)", asset(script), re.MULTILINE)
    ]
    assert len(names) > 100
    assert {name for name in names if names.count(name) > 1} == set()
