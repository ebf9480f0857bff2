"""``rtsched analyse --steps`` and ``--plot``: the calculation as text, as data and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtsched.export.schema_steps import DATA, STEPS_SCHEMA
from rtsched.schedulability.steps.line import KINDS
from tests.cli.command import answer, ended, rtsched

TEXTBOOK = """
name: textbook
platform: uniprocessor
scheduler: rm
tasks:
  - {name: a, wcet: 1 ms, period: 4 ms}
  - {name: b, wcet: 2 ms, period: 6 ms}
  - {name: c, wcet: 3 ms, period: 10 ms}
"""


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}


def validate(value: Any, schema: dict[str, Any]) -> None:
    """What of JSON Schema the schema of steps uses."""
    if "oneOf" in schema:
        (schema,) = [each for each in schema["oneOf"] if each["properties"]["kind"]["const"] == value["kind"]]
    if "enum" in schema or "const" in schema:
        assert value in schema.get("enum", [schema.get("const")]), schema
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    is_bool = isinstance(value, bool)
    assert ("boolean" in kinds) if is_bool else any(isinstance(value, TYPES[k]) for k in kinds if k != "boolean"), (
        value,
        schema,
    )
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= set(value), (schema["required"], value)
        others = schema.get("additionalProperties", True)
        for name, item in value.items():
            found = schema.get("properties", {}).get(name, others)
            assert found is not False, name
            if found is not True:
                validate(item, found)
    elif isinstance(value, list):
        for item in value:
            validate(item, schema["items"])


@pytest.fixture
def textbook(tmp_path: Path) -> str:
    path = tmp_path / "textbook.yaml"
    path.write_text(TEXTBOOK)
    return str(path)


def test_the_iterates_stand_on_the_board(textbook: str) -> None:
    text = rtsched("analyse", textbook, "--runs", "0", "--steps").output
    assert "    c: 3 → 6 → 7 → 9 → 10 → 10 ≤ 10\n" in text
    assert "The calculation" not in rtsched("analyse", textbook, "--runs", "0").output


def test_the_data_keep_their_schema() -> None:
    assert set(DATA) == set(KINDS)
    assert json.loads(rtsched("schema", "steps").output) == STEPS_SCHEMA
    seen = set()
    for system, *more in (
        ("can_revised",), ("buttazzo_rm_edf", "-s", "edf"), ("priority_inversion_inheritance",), ("dhall", "-s", "edf"),
        ("graham",), ("throttling_865",), ("xrbench_vr_gaming",), ("requests_mcu",),
    ):  # fmt: skip
        found = answer("analyse", system, "--runs", "0", "--steps", *more)["steps"]
        validate(found, STEPS_SCHEMA)
        seen |= {line["kind"] for part in found for test in part["tests"] for line in test["lines"]}
        seen |= {line["kind"] for part in found for line in part["given"]}
    assert seen == set(KINDS)
    assert "steps" not in answer("analyse", "can_revised", "--runs", "0")


def test_a_picture_is_written_whole_or_not_at_all(textbook: str, tmp_path: Path) -> None:
    picture = tmp_path / "board.svg"
    assert rtsched("analyse", textbook, "--runs", "0", "--plot", picture).exit_code == 0
    text = picture.read_text()
    assert "c: R = 10 ≤ 10 ms (fp-rta)" in text
    wrong = ended("analyse", textbook, "--runs", "0", "--plot", tmp_path / "board.gif")
    assert (wrong.exit_code, (tmp_path / "board.gif").exists()) == (2, False)
    none = ended("analyse", "throttling_865", "--runs", "0", "--plot", tmp_path / "none.png")
    assert none.exit_code == 2
    assert "no test that applied has a picture" in none.output
    assert not (tmp_path / "none.png").exists()


def test_steps_and_a_picture_on_standard_output(textbook: str) -> None:
    both = ended("analyse", textbook, "--runs", "0", "--plot", "-", "--json")
    assert both.exit_code == 2
    assert "only one thing can go there" in both.output
