"""``rtsched wcet``."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rtsched.export.schema_wcet import WCET_SCHEMA
from tests.cli.command import ended, rtsched

SYSTEM = "platform: uniprocessor\ntasks:\n  - name: a\n    wcet: 2 ms  # a guess\n    period: 5 ms\n"


def runs(path, values) -> None:
    path.write_text("time_us\n" + "".join(f"{value:.3f}\n" for value in values))


@pytest.fixture
def files(here):
    rng = np.random.default_rng(2)
    runs(here / "good.csv", 1000 + 50 * rng.gumbel(size=3000))
    runs(here / "slower.csv", 1500 + 50 * rng.gumbel(size=500))
    runs(here / "drift.csv", 1000 + 50 * (rng.normal(size=1500) + np.linspace(0, 2, 1500)))
    (here / "s.yaml").write_text(SYSTEM)
    return here


def test_a_time_and_its_past_go_into_a_system_file_that_is_valid(files) -> None:
    words = ("--margin", "1.2", "--reason", "two boards", "--into", "s.yaml", "--task", "a", "--state", "board=x: y")
    result = ended("wcet", "good.csv", *words, "-o", "new.yaml")
    assert result.exit_code == 0, result.output
    new = (files / "new.yaml").read_text()
    assert "# a guess" in new
    assert 'board: "x: y"' in new
    assert "margin: 1.2" in new
    assert (files / "s.yaml").read_text() == SYSTEM
    assert ended("validate", "new.yaml").exit_code == 0
    assert json.loads(rtsched("analyse", "new.yaml", "--json", "--runs", "0").output)["basis"] == "high-water"
    again = ended("wcet", "good.csv", *words, "-o", "new.yaml")
    assert (again.exit_code, "--overwrite" in again.output) == (2, True)


def test_what_is_refused_ends_with_one_and_writes_no_system(files) -> None:
    result = rtsched("wcet", "drift.csv", "--p", "1e-9", "--into", "s.yaml", "--task", "a", "-o", "new.yaml")
    assert result.exit_code == 1
    assert "no pWCET: Ljung-Box (p < 1e-15) failed" in result.output
    assert "Keep the maximum" in result.output
    assert not (files / "new.yaml").exists()
    assert rtsched("wcet", "good.csv", "--fresh", "slower.csv").exit_code == 1


def test_json_is_what_its_schema_says(files) -> None:
    result = ended("wcet", "good.csv", "--p", "1e-9", "--rate", "30 Hz", "--fresh", "good.csv", "--json")
    assert result.exit_code == 0
    conforms(json.loads(result.output), WCET_SCHEMA)
    conforms(json.loads(rtsched("wcet", "drift.csv", "--p", "1e-9", "--json").output), WCET_SCHEMA)
    assert json.loads(rtsched("schema", "wcet").output) == WCET_SCHEMA


def conforms(data, schema) -> None:
    """The parts of JSON Schema that the schema uses."""
    if "oneOf" in schema:
        return conforms(data, schema["oneOf"][data is not None])
    if "enum" in schema or "const" in schema:
        assert data in schema.get("enum", [schema.get("const")])
        return None
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
             "null": type(None)}  # fmt: skip
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(data, kinds[kind]) for kind in named), (data, schema)
    if isinstance(data, dict) and "properties" in schema:
        assert set(data) == set(schema["properties"])
        for key, value in data.items():
            conforms(value, schema["properties"][key])
    elif isinstance(data, list):
        for value in data:
            conforms(value, schema["items"])
    return None


def test_the_picture_is_the_same_each_time(files) -> None:
    for name in ("one.svg", "two.svg"):
        assert ended("wcet", "good.csv", "--p", "1e-9", "--plot", name).exit_code == 0
    assert (files / "one.svg").read_bytes() == (files / "two.svg").read_bytes()
    assert "chance of a longer run" in (files / "one.svg").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--margin", "1.2"], "--reason"),
        (["--margin", "0.5", "--reason", "x"], "a factor from 1"),
        (["--margin", "nan", "--reason", "x"], "is no factor"),
        (["--kind", "pwcet"], "--p 1e-9"),
        (["--kind", "percentile"], "--q"),
        (["--task", "a"], "--into"),
        (["--into", "s.yaml", "-o", "n.yaml"], "--task"),
        (["--into", "s.yaml", "--task", "a"], "-o"),
        (["--into", "s.yaml", "--task", "z", "-o", "n.yaml"], "no task 'z'"),
        (["--state", "shoe=9", "--into", "s.yaml", "--task", "a", "-o", "n.yaml"], "shoe"),
        (["--rate", "often"], "--rate"),
    ],
)
def test_mistakes_are_one_line(files, words, said) -> None:
    result = ended("wcet", "good.csv", *words)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1
