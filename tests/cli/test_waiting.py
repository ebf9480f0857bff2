"""Long runs: what a user is told before and while they last, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import rtsched
from rtsched import api
from rtsched.forecast import JOB_BYTES, NODE_BYTES, Forecast, expected_jobs, forecast, machine_memory, warning
from tests.chips import loaded

termios = pytest.importorskip("termios", reason="there are such terminals on POSIX systems only")

LONG = """
platform: uniprocessor
tasks:
  - {name: a, wcet: 1 ms, period: 3 ms}
  - {name: b, wcet: 1 ms, period: 7 ms}
"""


# ---- before ----------------------------------------------------------------------------------------------------------

KINDS = """
platform: {name: chip, processors: {cpu: {}}}
tasks:
  - {name: periodic, wcet: 1 us, period: 3 ms, offset: 2 ms}
  - {name: few, wcet: 1 us, period: 3 ms, count: 5}
  - {name: late, wcet: 1 us, period: 5 s, offset: 20 s}
  - {name: recorded, wcet: 1 us, deadline: 1 ms, arrival: {kind: trace, times: [0 ms, 1 s, 9999 ms, 10 s]}}
  - {name: follower, wcet: 1 us, after: halved, deadline: 1 ms}
  - {name: halved, wcet: 1 us, after: {task: periodic, probability: 0.5}, deadline: 1 ms}
  - {name: sporadic, wcet: 1 us, period: 2 ms, arrival: {kind: sporadic, mean_extra: 3 ms}}
  - {name: poisson, wcet: 1 us, period: 2 ms, arrival: {kind: poisson}}
  - name: bursty
    wcet: 1 us
    deadline: 1 s
    arrival: {kind: bursty, states: [{gap: 10 ms, dwell: 100 ms}, {gap: 1 ms, dwell: 20 ms}]}
"""
EXACT = ("periodic", "few", "late", "recorded")


def test_a_forecast_counts_the_jobs_that_a_run_has() -> None:
    prepared = api.prepare(loaded(KINDS), "10 s")
    jobs = rtsched.simulate(loaded(KINDS), until="10 s").jobs
    for task, expected in zip(prepared.spec.tasks, expected_jobs(prepared.spec, prepared.until), strict=True):
        seen = int((jobs["task"] == task.index).sum())
        assert expected == (seen if task.name in EXACT else pytest.approx(seen, rel=0.1)), task.name
    assert forecast(prepared.spec, prepared.until, trace=False).memory == 0


def test_a_forecast_of_memory_counts_jobs_and_nodes() -> None:
    graph = "graph: {nodes: {x: {wcet: 1 ms}, y: {wcet: 1 ms}}, edges: [[x, y]]}"
    prepared = api.prepare(
        loaded(f"platform: {{name: p, processors: {{cpu: {{}}}}}}\ntasks: [{{name: a, period: 10 ms, {graph}}}]"),
        "10 s",
    )
    assert forecast(prepared.spec, prepared.until) == Forecast(1000, 1000 * (JOB_BYTES + 2 * NODE_BYTES))


def test_only_long_or_large_runs_are_warned_of() -> None:
    assert warning(Forecast(10**7, 10**9), 4 * 10**9) is None
    assert warning(Forecast(10**7, 10**9), None) is None
    assert warning(Forecast(2 * 10**7, 0), 10**9) == (
        "this run will have about 2e+07 jobs; a shorter --until makes it shorter"
    )
    assert warning(Forecast(10**6, 3 * 10**9), 4 * 10**9) == (
        "this run will have about 1e+06 jobs, and its trace about 3 GB of this machine's 4 GB; --no-trace keeps memory "
        "flat, a shorter --until makes it shorter"
    )
    assert (machine_memory() or 10**9) > 10**7


# ---- while it lasts --------------------------------------------------------------------------------------------------


class Ended(NamedTuple):
    """How a command ended: its exit code, what it printed, and what stood on the terminal of its errors."""

    code: int
    output: str
    screen: str


def interrupted(*arguments: str, at: str, folder: Path) -> Ended:
    """A command whose errors go to a terminal, interrupted as by Ctrl-C once `at` (a pattern) stands there."""
    screen, errors = os.openpty()
    termios.tcsetwinsize(errors, (24, 100))
    command = [sys.executable, "-m", "rtsched.cli", *arguments]
    with (folder / "output").open("w+b") as output:
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=folder, start_new_session=True)
        os.close(errors)
        seen, sent, end = b"", False, time.monotonic() + 120
        while time.monotonic() < end:
            if not select.select([screen], [], [], 0.1)[0]:
                continue
            try:
                more = os.read(screen, 4096)
            except OSError:  # nobody writes there any more
                break
            seen += more
            if not sent and re.search(at.encode(), seen):
                os.killpg(process.pid, signal.SIGINT)
                sent = True
        os.close(screen)
        code = process.wait(timeout=60)
        output.seek(0)
        return Ended(code, output.read().decode(), seen.decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "long.yaml").write_text(LONG)
    return tmp_path


def test_an_interrupted_run_prints_the_figures_until_then(folder: Path) -> None:
    ended = interrupted(
        "run", "long.yaml", "--until", "1000000 s", "--no-trace", "--json", at=r"%.*jobs", folder=folder
    )
    assert "this run will have about 4.76e+08 jobs; a shorter --until makes it shorter" in ended.screen
    assert re.search(r"0% \|.*\| .* s of 1000000 s, [\d,]+ jobs \[", ended.screen)
    assert ended.screen.rstrip().endswith("interrupted: the figures are those until then")
    assert ended.code == 130
    figures = json.loads(ended.output)
    assert figures["planned"] == 10**15
    assert 0 < figures["until"] == figures["end"] < 10**15
    assert figures["jobs"] == pytest.approx(figures["until"] / 2_100_000, rel=0.01)
    assert figures["misses"] == 0


def test_an_interrupted_analysis_prints_the_proof_and_what_was_seen(folder: Path) -> None:
    ended = interrupted("analyse", "long.yaml", "--runs", "100000", at="runs", folder=folder)
    assert ended.code == 130
    assert "SCHEDULABLE" in ended.output
    assert re.search(r"seen in \d+ simulated runs \(PARTIAL: interrupted\), \d+ jobs", ended.output)
    assert "Traceback" not in ended.screen


def test_a_long_proof_says_that_it_is_under_way(folder: Path) -> None:
    tasks = [f"{{name: t{n}, wcet: 1 ms, period: {1000 + n} ms}}" for n in range(700)]
    (folder / "many.yaml").write_text("platform: uniprocessor\ntasks:\n" + "".join(f"  - {task}\n" for task in tasks))
    ended = interrupted("analyse", "many.yaml", "--runs", "0", at=r"proving \[00:0[2-9]\]", folder=folder)
    assert (ended.code, ended.output) == (130, "")
    assert ended.screen.rstrip().endswith("interrupted")
    assert "Traceback" not in ended.screen


def test_an_interrupted_search_prints_what_was_looked_at(folder: Path) -> None:
    ended = interrupted("fuzz-soundness", "--minutes", "30", "-j", "2", at="[1-9]0 systems", folder=folder)
    assert ended.code == 130
    assert re.search(r"^[1-9]\d* systems \(PARTIAL: interrupted\) \(", ended.output)
    assert "Traceback" not in ended.screen


def test_where_nobody_looks_there_is_no_bar(folder: Path) -> None:
    command = [sys.executable, "-m", "rtsched.cli", "run", "long.yaml", "--until", "400 s", "--no-trace"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
