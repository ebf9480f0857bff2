"""The command line as a user meets it: answers, options, and one line for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rtsched.cli import cli
from rtsched.errors import RtschedError
from rtsched.export.schema import SUMMARY_SCHEMA
from tests.metrics.test_summary import validate

MS = 1_000_000

SYSTEM = """\
platform: uniprocessor
scheduler: {ordering: rm}
simulate: {until: hyperperiod}
tasks:
  - {name: short, wcet: 2 ms, period: 5 ms}
  - name: long
    wcet: 4 ms
    period: 7 ms
"""


def rtsched(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def answer(*arguments: str) -> dict[str, Any]:
    """The JSON a command prints."""
    result = rtsched(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    data: dict[str, Any] = json.loads(result.output)
    return data


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM)
    return path


def misses(figures: dict[str, Any]) -> dict[str, int]:
    return {task["name"]: task["misses"] for task in figures["tasks"]}


# ---- run -------------------------------------------------------------------------------------------------------------


def test_run_prints_a_table(system: Path) -> None:
    result = rtsched("run", system)
    assert result.exit_code == 0
    assert "system under RateMonotonic + Global, preemptive: jobs released for 35 ms, seed 0" in result.output
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
    command = [sys.executable, "-m", "rtsched.cli", "run", "drone_xavier_nx", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    figures = json.loads(done.stdout)
    assert figures["jobs"] == 1404
    assert figures["assumed"] != []


@pytest.mark.parametrize(
    "name", ["uniprocessor", "rk3588", "drone_xavier_nx", "edf", "first-fit", "cbs", "yolov8n", "multicore:3"]
)
def test_show_knows_everything_by_name(name: str) -> None:
    result = rtsched("show", name)
    assert result.exit_code == 0, result.exception
    assert name.split(":")[0] in result.output
    json.loads(rtsched("show", name, "--json").output)


def test_list_names_every_kind() -> None:
    known = answer("list")
    assert {"drone_xavier_nx", "adas_agx_orin", "dhall"} <= set(known["workloads"])
    assert {"rk3588", "snapdragon_865", "jetson_xavier_nx"} <= set(known["platforms"])
    assert set(known["orderings"]) == {
        "best-return", "dm", "edf", "fifo", "fp", "llf", "lst", "mandatory-first", "rm", "rr", "sjf",
    }  # fmt: skip
    assert all(line for line in known["placements"].values())


def test_every_workload_of_the_catalogue_is_valid_and_runs() -> None:
    for name in answer("list", "workloads")["workloads"]:
        assert rtsched("validate", name).exit_code == 0, name
        assert answer("run", name)["jobs"] > 0, name


def test_schemas_are_json() -> None:
    for what in ("system", "platform"):
        assert json.loads(rtsched("schema", what).output)["type"] == "object"


# ---- mistakes --------------------------------------------------------------------------------------------------------

HEAD = "platform: uniprocessor\ntasks:\n"

MISTAKES: dict[str, tuple[str, str]] = {
    "unknown key": (
        HEAD + "  - {name: a, wcet: 1 ms, perod: 5 ms}\n",
        ":3:27: tasks.a.perod: unknown key 'perod'; did you mean 'period'?",
    ),
    "wrong unit": (
        HEAD + "  - {name: a, wcet: 1 kg, period: 5 ms}\n",
        ":3:21: tasks.a.wcet: 'kg' is not a unit of a duration",
    ),
    "no unit": (HEAD + "  - {name: a, wcet: 1, period: 5 ms}\n", ":3:21: tasks.a.wcet: a duration needs a unit; write e.g. '5 ms' (got 1)"),
    "negative period": (
        HEAD + "  - {name: a, wcet: 1 ms, period: -5 ms}\n",
        ":3:35: tasks.a.period: must be positive; write e.g. '5 ms' (got '-5 ms')",
    ),
    "zero period": (HEAD + "  - {name: a, wcet: 1 ms, period: 0 ms}\n", ":3:35: tasks.a.period: must be positive"),
    "deadline missing": (
        HEAD + "  - {name: a, wcet: 1 ms, release: 0 ms}\n",
        ":3:5: tasks.a: the deadline is missing, and there is no period to take it from; add 'deadline: 10 ms'",
    ),
    "period missing": (HEAD + "  - {name: a, wcet: 1 ms}\n", ":3:5: tasks.a: the period is missing; add 'period: 10 ms'"),
    "two periods": (HEAD + "  - {name: a, wcet: 1 ms, period: 5 ms, rate: 5 Hz}\n", "say the same thing twice; give one"),
    "cyclic graph": (
        HEAD + "  - {name: a, period: 5 ms, graph: {nodes: {x: {wcet: 1 ms}, y: {wcet: 1 ms}}, edges: [[x, y], [y, x]]}}\n",
        ":3:36: tasks.a.graph: the graph has a cycle through x, y; remove one of its edges",
    ),
    "edge to nowhere": (
        HEAD + "  - {name: a, period: 5 ms, graph: {nodes: {x: {wcet: 1 ms}}, edges: [[x, z]]}}\n",
        "an edge names 'z', which is no node; known: x",
    ),
    "no processor": (
        HEAD + "  - {name: a, wcet: {npu: 1 ms}, period: 5 ms}\n",
        ":3:5: tasks.'a': 'npu' is no processor, cluster or kind of 'uniprocessor'; known: cpu",
    ),
    "pin to nowhere": (HEAD + "  - {name: a, wcet: 1 ms, period: 5 ms, pin: cpu7}\n", "pin 'cpu7' is no processor; known: cpu"),
    "missing platform": (
        "tasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n", ":1:1: 'platform' is missing; add it",
    ),
    "unknown platform": (
        "platform: rk3589\ntasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n",
        ":1:11: platform: no platform is called 'rk3589'; did you mean rk3588?",
    ),
    "duplicate names": (
        HEAD + "  - {name: a, wcet: 1 ms, period: 5 ms}\n  - {name: a, wcet: 1 ms, period: 5 ms}\n",
        "two tasks are called 'a'; rename one",
    ),
    "duplicate keys": (
        HEAD + "  - {name: a, wcet: 1 ms, wcet: 2 ms, period: 5 ms}\n",
        ":3:27: the key 'wcet' stands here a second time, first in line 3; remove one",
    ),
    "no tasks": ("platform: uniprocessor\n", "a system needs at least one task"),
    "not a number": (HEAD + "  - {name: a, wcet: 1 ms, period: 5 ms, weight: .nan}\n", ":3:49: .nan is not a finite number"),
    "deeply nested": ("platform: " + "[" * 5000 + "\n", "nested deeper than 64 levels"),
    "alias bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)),
        "aliases",
    ),
    "code": ("platform: !!python/object/apply:os.system ['true']\n", ":1:11: the tag"),
    "not YAML": ("platform: [\n", ":2:1: is not YAML"),
    "empty": ("", "is empty"),
    "a list": ("- 1\n", "must be a mapping"),
    "unknown ordering": (
        HEAD + "  - {name: a, wcet: 1 ms, period: 5 ms}\nscheduler: {ordering: edff}\n",
        ":4:23: scheduler.ordering: no ordering is called 'edff'; did you mean 'edf'",
    ),
    "unknown network": (HEAD + "  - {name: a, network: yolo99, period: 5 ms}\n", ":3:15: tasks.'a': network 'yolo99'"),
    "trace goes back": (
        HEAD + "  - {name: a, wcet: 1 ms, deadline: 5 ms, arrival: {kind: trace, times: [3 ms, 2 ms]}}\n",
        "arrival 1 lies before arrival 0; sort the trace by time",
    ),
    "after nobody": (HEAD + "  - {name: a, wcet: 1 ms, deadline: 5 ms, after: b}\n", "comes after 'b', which is no task"),
    "after itself": (
        HEAD + "  - {name: a, wcet: 1 ms, deadline: 5 ms, after: a}\n", "goes round in a circle",
    ),
    "regions": (
        HEAD + "  - {name: a, wcet: 5 ms, period: 9 ms, regions: [1 ms, 2 ms]}\n", "the regions must sum to the wcet",
    ),
    "section of nothing": (
        HEAD + "  - {name: a, wcet: 5 ms, period: 9 ms, sections: [{resource: R, start: 0 ms, length: 1 ms}]}\n",
        "section names the resource 'R', which is not declared",
    ),
    "endless hyperperiod": (
        HEAD + "".join(f"  - {{name: t{p}, wcet: 1 us, period: {p} us}}\n" for p in (10007, 10009, 10037, 10039, 10061))
        + "simulate: {until: hyperperiod}\n",
        ":8:19: simulate.until: the hyperperiod is",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    text, expected = MISTAKES[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = rtsched("run", path)
    assert isinstance(result.exception, RtschedError), result.output
    message = str(result.exception)
    assert expected in message
    assert message.startswith(str(path))
    assert "\n" not in message


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    environment = dict(os.environ, PYTHONPATH="")
    line = [sys.executable, "-m", "rtsched.cli", *arguments]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_mistakes_exit_with_two_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(HEAD + "  - {name: a, wcet: 1, period: 5 ms}\n")
    for arguments in (
        ("run", str(tmp_path / "bad.yaml")),
        ("run", str(tmp_path / "nowhere.yaml")),
        ("run", str(tmp_path)),
        ("run", "no_such_workload"),
        ("run", "dhall", "--scheduler", "no-such-policy"),
        ("run", "dhall", "--until", "soon"),
        ("run", "dhall", "--set", "tasks.nobody.wcet=1 ms"),
        ("run", "dhall", "--set", "nonsense"),
        ("run", "dhall", "--seed", "-1"),
        ("run", "dhall", "--gantt", str(tmp_path / "picture.doc")),
        ("run", "dhall", "--platform", "multicore:zero"),
        ("validate", str(tmp_path / "bad.yaml")),
        ("show", "no-such-thing"),
        ("nonsense",),
    ):
        done = command(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr, arguments
        assert done.stderr.strip(), arguments


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with open(path, "wb") as stream:
        stream.truncate(2 * 10**9)
    result = rtsched("run", path)
    assert "is larger than 64 MiB" in str(result.exception)


def test_validate_names_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        HEAD + "  - {name: a, wcet: 1, period: 5 ms}\n  - {name: b, wcet: 1 ms, perod: 5 ms, period: 0 ms}\n"
    )
    result = rtsched("validate", path, "--json")
    (entry,) = json.loads(result.output)
    assert result.exit_code == 2
    assert [problem.split(": ")[1] for problem in entry["problems"]] == [
        "tasks.a.wcet",
        "tasks.b.period",
        "tasks.b.perod",
    ]


# ---- the same bytes --------------------------------------------------------------------------------------------------


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
        line = [sys.executable, "-m", "rtsched.cli", "run", str(path), "--json", "--csv", str(folder)]
        done = subprocess.run(line, capture_output=True, env=environment, timeout=60, check=True)
        written.append([done.stdout, *(file.read_bytes() for file in sorted(folder.iterdir()))])
    assert written[0] == written[1] == written[2]
    assert len(written[0]) > 3
    assert sum(map(len, written[0])) > 10_000
