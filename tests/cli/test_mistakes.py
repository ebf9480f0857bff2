"""Mistakes in files and arguments: one line each, with its place, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtsched.errors import RtschedError
from tests.cli.command import ended, process, rtsched

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
        done = ended(*arguments)
        assert done.exit_code == 2, arguments
        assert "Traceback" not in done.stderr, arguments
        assert done.stderr.strip(), arguments
    alone = process("run", tmp_path / "bad.yaml", env={"PYTHONPATH": ""})
    assert alone.returncode == 2
    assert alone.stderr.decode() == ended("run", tmp_path / "bad.yaml").stderr


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with open(path, "wb") as stream:
        stream.truncate(2 * 10**9)
    result = rtsched("run", path)
    assert "is larger than 64 MiB" in str(result.exception)
