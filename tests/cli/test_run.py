"""`rtsched run`: what it prints, one change at a time, and the same bytes in every process."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from rtsched.export.schema import SUMMARY_SCHEMA
from tests import forked
from tests.cli.command import COMMAND, answer, rtsched
from tests.metrics.test_summary import validate

MS = 1_000_000


def misses(figures: dict[str, Any]) -> dict[str, int]:
    return {task["name"]: task["misses"] for task in figures["tasks"]}


def test_run_prints_a_table(system: Path) -> None:
    result = rtsched("run", system)
    assert result.exit_code == 0
    assert "system under RateMonotonic, preemptive: jobs released for 35 ms, seed 0" in result.output
    assert "long misses 20 % of its deadlines, by up to 1 ms; cpu is busy 97.1 % of the time." in result.output


def test_run_prints_json_by_its_schema(system: Path) -> None:
    figures = answer("run", system)
    validate(figures, SUMMARY_SCHEMA)
    assert misses(figures) == {"short": 0, "long": 1}
    assert json.loads(rtsched("schema", "summary").output) == SUMMARY_SCHEMA


def test_one_thing_changes_at_a_time(system: Path) -> None:
    assert misses(answer("run", system, "--scheduler", "edf")) == {"short": 0, "long": 0}
    assert misses(answer("run", system, "--scheduler", "edf+nonpreemptive")) == {"short": 0, "long": 0}
    assert misses(answer("run", system, "--platform", "multicore:2")) == {"short": 0, "long": 0}
    assert answer("run", system, "--until", "70 ms")["jobs"] == 24
    assert misses(answer("run", system, "--set", "tasks.long.wcet=3 ms")) == {"short": 0, "long": 0}
    assert answer("run", system, "--set", "tasks.short.period=10ms", "--set", "simulate.until=70ms")["jobs"] == 17
    assert answer("run", system, "--seed", "9")["seed"] == 9


def test_setting_a_rate_takes_the_period_away(system: Path) -> None:
    figures = answer("run", system, "--set", "tasks.short.rate=100 Hz")
    assert figures["tasks"][0]["deadline"] == 10 * MS


def test_no_trace_gives_the_same_sums(system: Path) -> None:
    kept, flat = answer("run", system), answer("run", system, "--no-trace")
    assert misses(kept) == misses(flat)
    assert rtsched("run", system, "--no-trace", "--gantt", "x.png").exception is not None


def test_fail_on_says_no_with_its_exit_code(system: Path) -> None:
    assert rtsched("run", system, "--fail-on", "miss").exit_code == 1
    assert rtsched("run", system, "--fail-on", "hard-miss").exit_code == 0
    assert rtsched("run", system, "--fail-on", "miss", "--scheduler", "edf").exit_code == 0


def test_the_main_job_in_a_process_of_its_own() -> None:
    command = [*COMMAND, "run", "drone_xavier_nx", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    figures = json.loads(done.stdout)
    assert figures["jobs"] == 1404
    assert figures["assumed"] != []


def test_same_seed_same_bytes_in_any_process(tmp_path: Path) -> None:
    path = tmp_path / "random.yaml"
    path.write_text(
        "platform: multicore:2\nsimulate: {until: 2 s, seed: 5}\ntasks:\n"
        "  - {name: a, wcet: 3 ms, period: 7 ms, jitter: 2 ms, execution: {kind: uniform, low: 0.2}}\n"
        "  - {name: b, wcet: 4 ms, period: 9 ms, on_miss: abort, arrival: {kind: sporadic, mean_extra: 1 ms}}\n"
        "  - {name: c, wcet: 9 ms, period: 11 ms, arrival: {kind: poisson}, execution: {kind: lognormal, mean: 0.5, std: 0.2}}\n"
        "  - {name: d, wcet: 2 ms, deadline: 9 ms, after: {task: a, probability: 0.5}}\n"
    )
    written = []
    for hash_seed in ("0", "1", "random"):
        folder = tmp_path / f"out{hash_seed}"
        environment = dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONPATH="")
        line = [*COMMAND, "run", str(path), "--json", "--csv", str(folder)]
        done = subprocess.run(line, capture_output=True, env=environment, timeout=60, check=True)
        written.append([done.stdout, *(file.read_bytes() for file in sorted(folder.iterdir()))])
    assert written[0] == written[1] == written[2]
    assert len(written[0]) > 3
    assert sum(map(len, written[0])) > 10_000


LOUD = """
import os, rtsched
from rtsched.schedulers.composed import ComposedScheduler

class Loud(ComposedScheduler):
    'Prints, as people do who look for a mistake.'

    def setup(self, soc):
        super().setup(soc)
        print('printed')
        os.write(1, b'written\\n')
"""


def test_what_a_policy_prints_is_not_in_an_answer_for_programs(system: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("loud.py").write_text(LOUD)
    loud = partial(forked.command, path=(tmp_path,))
    named = (str(system), "--scheduler", "loud:Loud")
    for words in (["run", "--json"], ["analyse", "--json", "--runs", "1"]):
        done = loud(*words, *named)
        assert json.loads(done.stdout), done.stderr
        assert "printed\n" in done.stderr
        assert "written\n" in done.stderr
    exported = loud("run", "--export", "-", "--format", "svg", *named)
    assert exported.stdout.startswith("<?xml"), exported.stderr
    for_people = loud("run", *named)
    assert "printed\n" in for_people.stdout


def test_who_missed_is_told_for_whom_it_waited(system: Path) -> None:
    printed = rtsched("run", system).output
    assert "Why: long[" in printed
    assert "for short" in printed
    (reason,) = answer("run", system)["reasons"]
    assert reason["task"] == "long"
    assert [each["task"] for each in reason["waited"]] == ["short"]
    assert "Why: not told, since no trace was kept" in rtsched("run", system, "--no-trace").output
    assert "Why" not in rtsched("run", system, "--scheduler", "edf").output
