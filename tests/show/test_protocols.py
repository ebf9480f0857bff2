"""`rtsched show ceiling [SYSTEM]`: a locking protocol in words, its ceilings and its blocking."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import get_args

import pytest

from rtsched.model.system import Resource
from rtsched.show.protocols import PROTOCOLS
from tests.cli.command import answer, ended, rtsched

NAMES = get_args(Resource.model_fields["protocol"].annotation)


def test_every_protocol_is_explained_and_listed() -> None:
    assert tuple(PROTOCOLS) == NAMES
    assert list(answer("list", "protocols")["protocols"]) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_one(name: str) -> None:
    text = rtsched("show", name).output
    assert text.startswith(f"{name} (protocol)\n")
    assert f"{{protocol: {name}}}" in text
    assert answer("show", "protocol", name)["shown"]["rule"] == PROTOCOLS[name].rule


@pytest.mark.parametrize("line", [line for about in PROTOCOLS.values() for line in about.see])
def test_the_commands_run(line: str) -> None:
    result = rtsched(*shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_the_ceilings_and_the_blocking_of_a_system() -> None:
    text = rtsched("show", "original-ceiling", "chained_blocking").output
    assert "  R         1 (high)  high (1 ms), low (4 ms)\n" in text
    assert "  1     high    –     8 ms         4 ms     4 ms\n" in text
    found = answer("show", "original-ceiling", "chained_blocking")["shown"]["system"]
    assert found["resources"][1] == {"resource": "S", "ceiling": 1, "users": {"high": 1_000_000, "middle": 4_000_000}}
    assert found["blocking"]["inheritance"]["high"] == 8_000_000
    assert "deadlock" in answer("show", "ceiling", "deadlock")["shown"]["system"]["no_bound"]["inheritance"]


def test_what_has_no_ceilings_is_told() -> None:
    result = ended("show", "ceiling", "dhall")
    assert result.exit_code == 2
    assert "'dhall' has no critical sections" in result.stderr
    assert "no protocol is called 'pcp'; protocols: none, inheritance" in ended("show", "protocol", "pcp").stderr


def test_ceilings_without_fixed_priorities(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = (Path(__file__).parents[2] / "workloads" / "chained_blocking.yaml").read_text()
    path.write_text(text.replace("ordering: fp", "ordering: edf"))
    text = rtsched("show", "ceiling", str(path)).output
    assert "ceilings need fixed priorities (fp, rm, dm), and edf has none" in text
    assert "  R         –        " in text


def test_names_of_any_kind_stay_in_their_columns(tmp_path: Path) -> None:
    resource, name = "r\x1b[31m\u202e" + "x" * 500, "<b>" + "q" * 190
    section = {"resource": resource, "start": "0 ms", "length": "1 ms"}
    task = {"name": name, "wcet": "3 ms", "release": "1 ms", "deadline": "9 ms", "sections": [section]}
    path = tmp_path / "odd.json"
    path.write_text(
        json.dumps({"platform": "uniprocessor", "scheduler": "fp", "resources": {resource: {}}, "tasks": [task]})
    )
    lines = rtsched("show", "ceiling", str(path)).output.partition("under fp")[2].splitlines()
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines[1:])) <= 120
    assert answer("show", "ceiling", str(path))["shown"]["system"]["resources"][0]["resource"] == resource
