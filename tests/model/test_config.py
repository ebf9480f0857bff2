"""YAML in and out: exact places, plain words, and nothing but InputError whatever a file contains."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import units
from rtsched.errors import InputError
from rtsched.model import document
from rtsched.model.config import (
    Document,
    json_schema,
    parse_yaml,
    read_yaml,
    to_yaml,
    validate,
)
from rtsched.model.overrides import parse_override
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.model.task import Task

MS = 1_000_000

SYSTEM = """\
platform: uniprocessor
tasks:
  - name: camera
    wcet: 2 ms
    period: 10 ms
  - name: detector.fast
    wcet: {big: 2 ms, little: 5 ms}
    rate: 30 Hz
    execution: {kind: uniform, low: 0.5}
"""


@pytest.fixture(params=["libyaml", "python"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with PyYAML's C parser and again without it."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


def problems(text: str, *overrides: str, model: type[Any] = System) -> list[str]:
    """What is wrong with a text, line by line."""
    with pytest.raises(InputError) as caught:
        validate(model, parse_yaml(text, "f.yaml"), [parse_override(each) for each in overrides])
    return list(caught.value.problems)


def task(lines: str) -> str:
    """A system of one task called cam; the given text begins in line 4, column 5."""
    return f"platform: uni\ntasks:\n  - name: cam\n    {lines}\n"


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("either_parser")
def test_a_document_knows_the_place_of_every_value() -> None:
    found = parse_yaml(SYSTEM, "f.yaml")
    assert found.data["tasks"][1]["wcet"] == {"big": "2 ms", "little": "5 ms"}
    assert found.where() == "f.yaml:1:1"
    assert found.where(("platform",)) == "f.yaml:1:11"
    assert found.where(("tasks", 0)) == "f.yaml:3:5"
    assert found.where(("tasks", 1, "wcet", "little")) == "f.yaml:7:31"
    assert found.where(("tasks", 1, "rate"), key=True) == "f.yaml:8:5"


def test_places_pass_over_what_is_not_in_the_file() -> None:
    found = parse_yaml(SYSTEM, "f.yaml")
    assert found.where(("tasks", 1, "execution", "uniform", "low")) == "f.yaml:9:37"
    assert found.where(("tasks", 0, "deadline")) == "f.yaml:3:5"
    assert Document({"tasks": []}, "python").where(("tasks", 0)) == "python"


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t:1:1: is empty; write 'key: value' lines"),
        ("# nothing\n", "t:1:1: is empty; write 'key: value' lines"),
        ("- a\n", "t:1:1: the file must be a mapping (got a list); write 'key: value' lines"),
        ("a: 1\nb: 2\na: 3\n", "t:3:1: the key 'a' stands here a second time, first in line 1; remove one"),
        ("on: 1\n", "t:1:1: the key on means true in YAML; put it in quotes: 'on'"),
        ("a: {3: x}\n", "t:1:5: the key 3 means 3 in YAML; put it in quotes: '3'"),
        ("? [a]\n: 1\n", "t:1:3: a key must be text; write 'key: value'"),
        ("a: .nan\n", "t:1:4: .nan is not a finite number; write a number, or put text in quotes"),
        ("a: [1.0e+400]\n", "t:1:5: 1.0e+400 is not a finite number; write a number, or put text in quotes"),
        ("a: 99999999999999999999\n", "t:1:4: 99999999999999999999 does not fit into 64 bits; put text in quotes"),
        ("a: !!int ''\n", "t:1:4: '' is not a valid int; put text in quotes"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "t:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not supported; remove it",
        ),
        ("a: !secret x\n", "t:1:4: the tag '!secret' is not supported; remove it"),
        ("a: 1\n---\nb: 2\n", "t:2:1: a second document begins; keep one per file"),
        ("a: &x [*x]\n", "t:1:8: the alias *x lies inside its own anchor; remove it"),
        ("a:\n\t- b\n", "t:2:1: a tab stands where only spaces may; indent with spaces"),
        ("a: @b\n", "t:1:4: is not YAML: '@' cannot begin a value; put the value in quotes"),
        ("a: b\x07\n", "t:1:5: the character U+0007 is not allowed; remove it"),
        ("a: b\ud800\n", "t:1:5: the character U+D800 is not allowed; remove it"),
        ("a: &x 1\n<<: *x\n", "t:1:4: '<<' merges mappings only; write '<<: *anchor'"),
    ],
)
def test_what_no_file_may_contain(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "t")
    assert str(caught.value) == message


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(
    ("text", "place"),
    [("a: 1 b: 2\n", "t:1:7: "), ("a: [1,\n", "t:2:1: "), ("a: *nobody\n", "t:1:4: "), ("a: 'x\n", "t:2:1: ")],
)
def test_syntax_errors_have_a_place(text: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "t")
    assert str(caught.value).startswith(place)
    assert len(caught.value.problems) == 1


@pytest.mark.usefixtures("either_parser")
def test_depth_is_bounded_also_through_aliases() -> None:
    assert parse_yaml("a: " + "[" * 63 + "]" * 63).data
    with pytest.raises(InputError, match="nested deeper than 64 levels"):
        parse_yaml("a: " + "[" * 64 + "]" * 64)
    with pytest.raises(InputError, match="nested deeper than 64 levels"):
        parse_yaml("a: " + "[" * 100_000)
    chained = f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}\n"
    with pytest.raises(InputError, match=r"t:2:44: nested deeper than 64 levels"):
        parse_yaml(chained, "t")


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 40)]
    start = time.process_time()
    with pytest.raises(InputError, match="more than 2000000 values with aliases written out"):
        parse_yaml("\n".join(lines))
    assert time.process_time() - start < 1


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_NODES", 100)
    assert len(parse_yaml(f"a: [{', '.join('x' * 97)}]").data["a"]) == 97
    with pytest.raises(InputError, match="more than 100 values"):
        parse_yaml(f"a: [{', '.join('x' * 98)}]")


def test_sexagesimal_numbers_of_any_length_are_quick() -> None:
    with pytest.raises(InputError, match="is not a valid int"):
        parse_yaml("a: 1" + ":1" * 100_000)


@pytest.mark.usefixtures("either_parser")
def test_values_are_what_the_safe_loader_makes_of_them() -> None:
    text = "a: [1, 0x10, 010, 1:30, 1_000, 0.5, 1.5e+3, yes, ~, 'yes', \"a\\nb\", x y, !!str 5, <<, 1e3]\nb: {}\nc: |\n  d\n"
    assert parse_yaml(text).data == {
        "a": [1, 16, 8, 90, 1000, 0.5, 1500.0, True, None, "yes", "a\nb", "x y", "5", "<<", "1e3"],
        "b": {},
        "c": "d\n",
    }
    assert parse_yaml("day: 2024-01-31").data == {"day": "2024-01-31"}  # a date stays text


@pytest.mark.usefixtures("either_parser")
def test_merge_keys_are_defaults_and_keep_their_places() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 5\n"
    found = parse_yaml(text, "t")
    assert found.data["c"] == {"y": 2, "z": 4, "x": 5} == yaml.safe_load(text)["c"]
    assert list(found.data["c"]) == list(yaml.safe_load(text)["c"])
    assert found.where(("c", "z")) == "t:2:17"
    assert found.where(("c", "x")) == "t:5:6"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    os.mkfifo(tmp_path / "fifo")
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    for name, message in [
        ("none.yaml", "none.yaml: cannot be read: No such file or directory; check the path"),
        ("", ": is a folder; name a file"),
        ("fifo", "fifo: is not a regular file; name a file"),
        ("a\0b", "b: cannot be read: no path has such characters; check the path"),
        ("a.yaml", "a.yaml:2:7: is not UTF-8 text (byte 0xe9); save it as UTF-8"),
    ]:
        with pytest.raises(InputError) as caught:
            read_yaml(str(tmp_path / name))
        assert str(caught.value).endswith(message)
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path).data == {"a": 1, "b": 2}
    assert read_yaml(path).where(("b",)) == f"{path}:2:4"
    monkeypatch.setattr(document, "MAX_BYTES", 5)
    with pytest.raises(InputError, match="is larger than"):
        read_yaml(path)


# ---- validating ------------------------------------------------------------------------------------------------------


def test_a_good_file_gives_the_model() -> None:
    system = validate(System, parse_yaml(SYSTEM))
    assert [task.gap for task in system.tasks] == [10 * MS, 33_333_333]
    assert system.tasks[1].wcet == {"big": 2 * MS, "little": 5 * MS}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("wcet: 2 ms\n    perod: 3 ms", "f.yaml:5:5: tasks.cam.perod: unknown key 'perod'; did you mean 'period'?"),
        ("wcet: 3", "f.yaml:4:11: tasks.cam.wcet: a duration needs a unit; write e.g. '5 ms' (got 3)"),
        (
            "wcet: 12:30",
            "f.yaml:4:11: tasks.cam.wcet: a duration needs a unit; write e.g. '5 ms' (got 12:30, which YAML reads as 750)",
        ),
        (
            "wcet: {big: 010}",
            "f.yaml:4:17: tasks.cam.wcet.big: a duration needs a unit; write e.g. '5 ms' (got 010, which YAML reads as 8)",
        ),
        ("wcet: -5 ms", "f.yaml:4:11: tasks.cam.wcet: must be positive; write e.g. '5 ms' (got '-5 ms')"),
        (
            "network: 5",
            "f.yaml:4:14: tasks.cam.network: must be text or a mapping (got 5); "
            "put it in quotes or write 'key: value' lines",
        ),
        (
            "criticality: hrad",
            "f.yaml:4:18: tasks.cam.criticality: must be 'hard', 'firm' or 'soft' (got 'hrad'); did you mean 'hard'?",
        ),
        (
            "arrival: {kind: poison}",
            "f.yaml:4:21: tasks.cam.arrival.kind: must be one of 'periodic', 'sporadic', 'poisson', 'bursty', "
            "'trace', 'spawned' "
            "(got 'poison'); did you mean 'poisson'?",
        ),
        (
            "arrival: {mean_extra: 1 ms}",
            "f.yaml:4:14: tasks.cam.arrival: 'kind' is missing; add one of periodic, sporadic, poisson, bursty, trace, "
            "spawned",
        ),
        (
            "arrival: {kind: bursty, states: [{gap: 1 ms}, {gap: 1 ms, dwell: 1 ms}]}",
            "f.yaml:4:38: tasks.cam.arrival.states.0: 'dwell' is missing; add it",
        ),
        (
            "arrival: {kind: bursty, states: []}",
            "f.yaml:4:37: tasks.cam.arrival.states: needs at least 2 (got 0); add one",
        ),
        (
            "pin: no",
            "f.yaml:4:10: tasks.cam.pin: must be text (got no, which YAML reads as false); put it in quotes",
        ),
        ("weight: heavy", "f.yaml:4:13: tasks.cam.weight: must be a number (got 'heavy')"),
        ("instances: 0", "f.yaml:4:16: tasks.cam.instances: must be greater than or equal to 1 (got 0)"),
        (
            "execution: {kind: autocorrelated, correlation: 0, marginal: {kind: uniform, lwo: 3}}",
            "f.yaml:4:81: tasks.cam.execution.marginal.lwo: unknown key 'lwo'; did you mean 'low'?",
        ),
        (
            "graph: {nodes: {a: {wcet: 1 ms}}, edges: [[a, b, 4 XB]]}",
            "f.yaml:4:47: tasks.cam.graph.edges.0.bytes: 'XB' is not a unit of a size; write e.g. '4 MB' "
            "(units: b, kb, mb, gb, tb, kib, mib, gib) (got '4 XB')",
        ),
    ],
)
def test_problems_have_place_name_and_remedy(lines: str, message: str) -> None:
    assert message in problems(task(lines))


def test_a_union_tells_of_the_branch_that_was_meant() -> None:
    assert problems(task("period: 1 ms\n    network: {inputs: 3}")) == [
        "f.yaml:5:14: tasks.cam.network: 'network' is missing; add it",
        "f.yaml:5:15: tasks.cam.network.inputs: unknown key 'inputs'; did you mean 'input'?",
    ]
    text = task("{wcet: 1 ms, period: 1 ms}").replace("platform: uni", "platform: {processors: {cpu: {cors: 2}}}")
    assert problems(text.replace("- name: cam\n    {", "- {name: cam, ")) == [
        "f.yaml:1:31: platform.processors.cpu.cors: unknown key 'cors'; did you mean 'cores'?"
    ]


def test_problems_of_the_whole_stand_at_its_beginning() -> None:
    assert problems("tasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n") == ["f.yaml:1:1: 'platform' is missing; add it"]
    assert problems("platform: uni\n") == ["f.yaml:1:1: a system needs at least one task (or job)"]
    assert problems(task("{wcet: 1 ms}").replace("name: cam\n    ", "")) == [
        "f.yaml:3:5: tasks.0: 'name' is missing; add it"
    ]
    text = "cores: 2\nfacts: {a: 1}\nclock: 3\n"
    with pytest.raises(InputError, match="unknown key 'clock'; known: name, title, aliases, processors, links"):
        validate(Platform, parse_yaml(text))


def test_many_problems_are_cut_and_quick() -> None:
    text = "platform: uni\ntasks:\n" + "".join(f"  - {{name: t{n}, wcett: 1 ms, period: 5}}\n" for n in range(5000))
    start = time.process_time()
    found = problems(text)
    assert time.process_time() - start < 10
    assert len(found) == 10_000
    lines = str(InputError(*found)).split("\n")
    assert (len(lines), lines[-1]) == (21, "... and 9980 more")


def test_a_problem_is_one_line_of_bounded_length() -> None:
    text = 'platform: uni\ntasks: [{name: "a\\nb", criticality: "' + "x" * 10_000 + '", "k\\ny": 1}]\n'
    found = problems(text)
    assert all("\n" not in line and len(line) <= 600 for line in found)
    assert f"(got '{'x' * 59}…')" in found[0]
    assert any("tasks.a\\nb.k\\ny: unknown key" in line for line in found)


# ---- overrides -------------------------------------------------------------------------------------------------------


def test_an_override_sets_by_name_and_by_number_and_leaves_the_document() -> None:
    before = parse_yaml(SYSTEM)
    overrides = ["tasks.camera.period=20ms", "tasks.1.execution.low=0.25", "tasks.detector.fast.wcet={big: 3 ms}"]
    system = validate(System, before, [parse_override(each) for each in overrides])
    assert system.tasks[0].period == 20 * MS
    assert system.tasks[1].execution.low == 0.25  # type: ignore[union-attr]
    assert system.tasks[1].wcet == {"big": 3 * MS}
    assert before.data == parse_yaml(SYSTEM).data


def test_an_override_of_a_shared_value_changes_one_place() -> None:
    text = "platform: uni\ntasks:\n  - &a {name: a, wcet: 1 ms, period: 5 ms, after: &x {task: b}, overlap: no}\n"
    text = text.replace("period: 5 ms, after: &x {task: b}", "period: 5 ms, execution: &x {kind: uniform, low: 0.5}")
    text += "  - {<<: *a, name: b}\n"
    system = validate(System, parse_yaml(text), [parse_override("tasks.a.execution.low=0.1")])
    assert [task.execution.low for task in system.tasks] == [0.1, 0.5]  # type: ignore[union-attr]


def test_period_and_rate_take_each_other_away() -> None:
    overrides = [parse_override("tasks.camera.rate=50 Hz"), parse_override("tasks.detector.fast.period=7 ms")]
    tasks = validate(System, parse_yaml(SYSTEM), overrides).tasks
    assert [(task.period, task.rate) for task in tasks] == [(None, 20 * MS), (7 * MS, None)]
    kept = validate(System, parse_yaml(SYSTEM), [parse_override("tasks.camera.rate=")])
    assert kept.tasks[0].period == 10 * MS


def test_an_override_may_add_keys() -> None:
    system = validate(
        System, parse_yaml(SYSTEM), [parse_override("simulate.until=5 s"), parse_override("simulate.seed=7")]
    )
    assert (system.simulate.until, system.simulate.seed) == (5_000 * MS, 7)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tasks.camera.period=20", "tasks.camera.period: a duration needs a unit; write e.g. '5 ms' (got 20)"),
        ("tasks.camera.perod=20ms", "tasks.camera.perod: unknown key 'perod'; did you mean 'period'?"),
        ("simulte.until=1 s", "simulte: unknown key 'simulte'; did you mean 'simulate'?"),
        ("tasks.kamera.period=20ms", "nothing here is called 'kamera'; did you mean 'camera'?"),
        ("tasks.7.period=20ms", "nothing here is called '7'; known: camera, detector.fast"),
        ("platform.cores=2", "'uniprocessor' has nothing inside; end the path before 'cores'"),
        ("tasks.camera.=2", "a part of the path is empty; write e.g. tasks.detector.period=20ms"),
        ("tasks.camera.pin=no", "tasks.camera.pin: must be text (got false); put it in quotes"),
    ],
)
def test_problems_of_an_override_stand_at_the_option(override: str, message: str) -> None:
    assert problems(SYSTEM, override) == [f"--set {override}: {message}"]


@pytest.mark.parametrize("text", ["", "a", "=1", "a=[1,", "a=!!python/none x", "a=" + "x" * 70_000, "a=\x07"])
def test_texts_that_are_no_override(text: str) -> None:
    with pytest.raises(InputError, match="--set"):
        parse_override(text)


def test_a_path_of_great_length_is_refused() -> None:
    assert "longer than 64 parts" in problems(SYSTEM, "a." * 1000 + "a=1")[0]


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_written_system_reads_as_a_person_would_write_it() -> None:
    assert to_yaml(validate(System, parse_yaml(SYSTEM))) == (
        "platform: uniprocessor\n"
        "tasks:\n"
        "- wcet: 2 ms\n"
        "  name: camera\n"
        "  period: 10 ms\n"
        "- wcet:\n"
        "    big: 2 ms\n"
        "    little: 5 ms\n"
        "  name: detector.fast\n"
        "  rate: 30 Hz\n"
        "  execution:\n"
        "    kind: uniform\n"
        "    low: 0.5\n"
    )


@pytest.mark.parametrize(
    ("period", "text"),
    [(33_333_333, "30 Hz"), (16_666_667, "60 Hz"), (1, "1000000000 Hz"), (units.LONGEST, None), (10**12 + 1, None)],
)
def test_a_rate_is_written_short_and_reads_back(period: int, text: str | None) -> None:
    task = Task(name="a", wcet={"any": 1}, rate=period)
    written = parse_yaml(to_yaml(task)).data["rate"]
    assert units.parse_period(written) == period
    assert text is None or written == text


durations = st.integers(1, units.LONGEST)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
factors = st.floats(1e-6, 1000, exclude_min=True)
executions = st.one_of(
    st.just({"kind": "constant"}),
    st.builds(lambda low, extra: {"kind": "uniform", "low": low, "high": min(1000.0, low + extra)}, factors, factors),
    st.fixed_dictionaries({"kind": st.just("empirical"), "samples": st.lists(durations, min_size=1, max_size=3)}),
)
arrivals = st.one_of(
    st.just({"kind": "periodic"}),
    st.fixed_dictionaries({"kind": st.just("sporadic"), "mean_extra": durations}),
    st.just({"kind": "poisson"}),
)
gaps = st.one_of(st.fixed_dictionaries({"period": durations}), st.fixed_dictionaries({"rate": durations}))
work = st.one_of(
    st.fixed_dictionaries({"wcet": st.dictionaries(texts, durations, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"wcet": durations}),
    st.fixed_dictionaries({"network": texts}),
    st.fixed_dictionaries(
        {
            "graph": st.builds(
                lambda first, second, bytes: {
                    "nodes": {"a": {"wcet": first}, "b": {"wcet": second}},
                    "edges": [{"from": "a", "to": "b", "bytes": bytes}],
                },
                durations,
                durations,
                st.integers(0, 2**62),
            )
        }
    ),
)
more = st.fixed_dictionaries(
    {"name": texts, "execution": executions, "arrival": arrivals},
    optional={
        "deadline": durations,
        "offset": durations,
        "priority": st.integers(-(2**63), 2**63),
        "weight": factors,
        "pin": texts,
        "criticality": st.sampled_from(["hard", "firm", "soft"]),
        "sources": st.dictionaries(texts, texts, max_size=2),
        "assumed": st.lists(texts, max_size=2),
    },
)
tasks = st.builds(
    lambda *parts: Task.model_validate({k: v for part in parts for k, v in part.items()}), more, gaps, work
)


@settings(max_examples=150)
@given(tasks)
def test_every_task_reads_back_as_it_was_written(task: Task) -> None:
    assert validate(Task, parse_yaml(to_yaml(task))) == task


@settings(max_examples=60)
@given(
    st.lists(tasks, min_size=1, max_size=3, unique_by=lambda task: task.name),
    st.fractions(min_value="1/1000", max_value=1000, max_denominator=10**6),
    st.integers(1, 2**60),
    texts,
)
def test_every_system_reads_back_as_it_was_written(some: list[Task], speed: Any, number: int, name: str) -> None:
    cluster = {"kind": "gpu", "speed": speed, "frequency_max": number}
    platform = Platform.model_validate({"name": name, "processors": {name: cluster}, "memory": {"bandwidth": number}})
    scheduler = {"ordering": "edf", "given": {"wcet": {"any": number}, "list": [1.5, None, name]}}
    system = System.model_validate(
        {"platform": platform, "tasks": some, "scheduler": scheduler, "simulate": {"until": number, "seed": number}}
    )
    assert validate(System, parse_yaml(to_yaml(system))) == system


def test_the_schema_names_the_keys() -> None:
    schema = json_schema(System)
    assert schema["required"] == ["platform"]
    assert {"platform", "scheduler", "tasks", "simulate"} <= set(schema["properties"])
    assert "from" in schema["$defs"]["EdgeModel"]["properties"]


# ---- anything at all -------------------------------------------------------------------------------------------------

marks = st.sampled_from([*"{}[]:,-&*!|>'\"%@`#?\n\t ~<=01.x", "<<: ", "&a ", "*a", "!!int ", "---\n", "tasks", "- "])


def refusal(act: Callable[[], Any]) -> tuple[str, ...]:
    """What an action is refused for, if it is; any other exception is a bug."""
    try:
        act()
    except InputError as error:
        return error.problems
    return ()


def survives(text: str, *overrides: str) -> None:
    """Reads and validates; only InputError may come out, with one line a problem."""
    found = refusal(lambda: validate(System, parse_yaml(text), [parse_override(each) for each in overrides]))
    assert all(problem and len(problem.splitlines()) == 1 for problem in found)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(marks, max_size=60).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    survives(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader", raising=False)
        survives(text)


@settings(max_examples=300)
@given(st.data())
def test_any_mutation_of_a_system_is_read_or_refused(data: st.DataObject) -> None:
    text = SYSTEM
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.one_of(marks, st.text(max_size=3))) + text[end:]
    survives(text)


@settings(max_examples=100)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(raw)
    assert all(problem.startswith(str(path)) for problem in refusal(lambda: read_yaml(path)))


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), texts
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
paths = st.lists(
    st.one_of(
        st.sampled_from(["tasks", "camera", "0", "execution", "wcet", "platform", "arrival", "kind", "graph"]), texts
    ),
    min_size=1,
    max_size=4,
).map(".".join)


@settings(max_examples=300)
@given(paths, values)
def test_any_override_is_taken_or_refused(path: str, value: Any) -> None:
    survives(SYSTEM, f"{path}={yaml.safe_dump(value, default_flow_style=True)}")


@pytest.mark.parametrize(
    ("contention", "message"),
    [
        (
            "{usable: 0.5}",
            "1:75: platform.memory.contention: 'model' is missing; add one of proportional, pccs, power-law, pairwise",
        ),
        ("{model: magic}", "1:83: platform.memory.contention.model: must be one of 'proportional', 'pccs'"),
        ("{model: power-law, a: 1}", "platform.memory.contention: 'b' is missing"),
    ],
)
def test_a_union_names_its_own_key(contention: str, message: str) -> None:
    text = f"platform: {{processors: {{cpu: {{}}}}, memory: {{bandwidth: 1 GB/s, contention: {contention}}}}}\n"
    with pytest.raises(InputError) as caught:
        validate(System, parse_yaml(text + "tasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n"))
    assert message in str(caught.value)


@pytest.mark.parametrize("seed", range(20))
def test_systems_with_hardware_read_back_equal(seed: int) -> None:
    from tests.engine.chip.test_hardware_fuzz import system

    described = validate(System, parse_yaml(system(seed)))
    assert validate(System, parse_yaml(to_yaml(described))) == described


def test_a_pair_of_one_says_what_is_missing() -> None:
    platform = {"processors": {"a": {}}, "links": {"bus": {"between": ["a"], "bandwidth": "1 GB/s"}}}
    with pytest.raises(InputError, match=r"platform\.links\.bus\.between: item 2 is missing; add it"):
        System.model_validate({"platform": platform, "tasks": [{"name": "t", "wcet": "1 ms", "period": "9 ms"}]})
