"""Problems as SARIF 2.1.0: what the format requires, places that are right, names that last."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from rtsched.export.problems import RULES, WARNINGS, problem
from rtsched.export.sarif import sarif
from tests.cli.command import answer, ended
from tests.cli.conftest import here as here


def thing(**keys: Any) -> dict[str, Any]:
    """An object that needs the keys, and may have no others; those that end in _ may be missing."""
    known = {key.rstrip("_").replace("dollar", "$"): value for key, value in keys.items()}
    needed = [key for key in keys if not key.endswith("_")]
    return {"type": "object", "properties": known, "required": needed, "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
MESSAGE = thing(text=TEXT)
#: What the standard requires of the properties that are used (§3 of SARIF 2.1.0), and those properties alone.
LOG = thing(
    dollarschema_={"type": "string", "format": "uri"},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": thing(
            tool=thing(
                driver=thing(
                    name={"const": "rtsched"},
                    version=TEXT,
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": thing(
                            id={"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
                            shortDescription=MESSAGE,
                            defaultConfiguration=thing(level={"enum": ["error", "warning", "note"]}),
                        ),
                    },
                )
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            invocations={
                "type": "array",
                "items": thing(
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications_={
                        "type": "array",
                        "items": thing(level={"enum": ["none", "note", "warning", "error"]}, message=MESSAGE),
                    },
                ),
            },
            results={
                "type": "array",
                "items": thing(
                    ruleId={"enum": [*RULES, *WARNINGS]},
                    ruleIndex={"type": "integer", "minimum": 0},
                    level={"enum": ["none", "note", "warning", "error"]},
                    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
                    message=MESSAGE,
                    locations={
                        "type": "array",
                        "minItems": 1,
                        "items": thing(
                            physicalLocation=thing(
                                artifactLocation=thing(uri=TEXT, uriBaseId_={"const": "%SRCROOT%"}),
                                region_=thing(
                                    startLine={"type": "integer", "minimum": 1},
                                    startColumn_={"type": "integer", "minimum": 1},
                                ),
                            )
                        ),
                    },
                    partialFingerprints={"type": "object", "additionalProperties": TEXT, "minProperties": 1},
                ),
            },
        ),
    },
)


def results(text: str) -> list[dict[str, Any]]:
    """The results of a log that is as the standard has it."""
    log = json.loads(text)
    Draft202012Validator(LOG).validate(log)
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    found: list[dict[str, Any]] = run["results"]
    for each in found:
        assert ids[each["ruleIndex"]] == each["ruleId"]
        assert each["kind"] == "fail" or each["level"] == "none"  # §3.27.10
    prints = [each["partialFingerprints"]["rtschedProblem/v1"] for each in found]
    assert len(set(prints)) == len(prints)
    return found


def place(result: dict[str, Any]) -> tuple[str, int | None, int | None]:
    where = result["locations"][0]["physicalLocation"]
    region = where.get("region", {})
    return where["artifactLocation"]["uri"], region.get("startLine"), region.get("startColumn")


BAD = """\
platform: uniprocessor
scheduler: nosuch
tasks:
- {name: a, network: nope, period: 5 ms}
- {name: b, network: yolov8n, period: 5 ms}
- {name: c, wcet: {gpu: 1 ms}, period: 5 ms}
"""


def test_all_that_is_wrong_is_there_in_one_go(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "a b.yaml").write_text(BAD)
    (here / "keys.yaml").write_text(
        "platform: uniprocessor\ntasks:\n  - {name: ä, wcet: 1, perod: 5 ms}\n  - {wcet: 1 ms, period: 5 ms}\n"
    )
    (here / "yaml.yaml").write_text("platform: [x\ntasks: []\n")
    files = ["sub/a b.yaml", "keys.yaml", "yaml.yaml", "nowhere.yaml", "dhall"]
    done = ended("validate", *files, "--sarif", "out.sarif")
    assert done.exit_code == 2
    found = results((here / "out.sarif").read_text())
    assert [(each["ruleId"], *place(each)) for each in found] == [
        ("missing-latency", "sub/a%20b.yaml", 4, 13),
        ("missing-latency", "sub/a%20b.yaml", 5, 13),
        ("unknown-name", "sub/a%20b.yaml", 6, 3),
        ("unknown-name", "sub/a%20b.yaml", 2, 12),
        ("wrong-value", "keys.yaml", 3, 21),
        ("unknown-key", "keys.yaml", 3, 24),
        ("missing-key", "keys.yaml", 4, 5),
        ("syntax", "yaml.yaml", 2, 6),
        ("unreadable", "nowhere.yaml", None, None),
    ]
    assert done.stderr.count("\n") == len(found)
    assert str(here) not in (here / "out.sarif").read_text()


def test_the_same_problem_is_the_same_when_lines_and_values_change(here: Path) -> None:
    prints = []
    for text in (
        "platform: uniprocessor\ntasks:\n  - {name: a, wcet: 1, period: 5 ms}\n",
        "platform: uniprocessor\n# more\n\ntasks:\n  - {name: a,   wcet: 17, period: 5 ms}\n",
    ):
        (here / "x.yaml").write_text(text)
        (result,) = results(ended("validate", "x.yaml", "--sarif", "-").stdout)
        prints.append(result["partialFingerprints"])
    assert prints[0] == prints[1]
    assert ended("validate", "x.yaml", "--sarif", "-").stdout == ended("validate", "x.yaml", "--sarif", "-").stdout


def test_what_is_valid_has_no_results(here: Path) -> None:
    done = ended("validate", "dhall", "--sarif", "-")
    assert (done.exit_code, results(done.stdout)) == (0, [])
    assert ended("validate", "dhall", "--json", "--sarif", "-").exit_code == 2


def test_who_fails_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.loading.Loaded.lower", partial(int, "x"))
    assert ended("validate", "dhall", "--sarif", "out.sarif").exit_code == 3
    (run,) = json.loads((here / "out.sarif").read_text())["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "ValueError" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert results((here / "out.sarif").read_text()) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a.yaml:1:1: is empty; write 'key: value' lines", "syntax"),
        ("a.yaml:3:7: tasks.a.wcet: '1 lightyear' has an unknown unit; write e.g. '5 ms'", "wrong-value"),
        ("a.yaml:3:7: tasks.a.priority: 'priority' has no effect under edf; leave it out", "no-effect"),
        ("a.yaml: tasks.a: two things that do not fit", "inconsistent"),
        ("odd: text: without a place", "inconsistent"),
        ("b.csv:2: more cells than columns; put text with commas in double quotes", "syntax"),
    ],
)
def test_the_kind_of_a_problem_lasts(text: str, rule: str) -> None:
    assert problem(text, "a.yaml").rule == rule


def test_hostile_names_of_files_stay_names(here: Path) -> None:
    for path in ("a:1:2: b.yaml", "ü#?%.yaml", "../out.yaml", "\ud800.yaml", "x" * 5000):
        (result,) = results(json.dumps(sarif([problem(f"{path}:4:5: is \x1b odd", path)], "1")))
        uri, line, column = place(result)
        assert (line, column) == (4, 5)
        assert uri.isascii()
        assert "\x1b" not in result["message"]["text"]
        if "/" not in path and path.isprintable():
            assert unquote(uri) == path


WEAK = """\
platform: uniprocessor
tasks:
- {name: a, wcet: 1 ms, period: 5 ms, origin: {kind: typical}}
- name: b
  wcet: 1 ms
  period: 9 ms
  instances: 2
  origin: {kind: high-water, n: 9}
- {name: c, wcet: 1 ms, period: 5 ms, assumed: [taken from another board], clock: ecu}
chains: [{name: way, id: REQ-1, tasks: [a, c]}, {name: more, id: REQ-2, tasks: [a, c], max_age: 1 s}]
assumptions: {caches: {state: violated}, interrupts: {state: validated}}
"""


def test_what_is_valid_and_weak_is_a_warning_and_what_is_assumed_a_note(here: Path) -> None:
    (here / "weak.yaml").write_text(WEAK)
    done = ended("validate", "weak.yaml", "--sarif", "-")
    assert done.exit_code == 0
    assert [(each["level"], each["ruleId"], *place(each)) for each in results(done.stdout)] == [
        ("warning", "weak-time", "weak.yaml", 3, 3),
        ("warning", "no-limit", "weak.yaml", 10, 10),
        ("warning", "lone-clock", "weak.yaml", 9, 3),
        ("warning", "violated-assumption", "weak.yaml", 11, 23),
        ("note", "assumed", "weak.yaml", 9, 3),
    ]
    said = ended("validate", "weak.yaml")
    assert (said.exit_code, said.stdout) == (0, "weak.yaml: valid\n")
    assert said.stderr.startswith("weak.yaml:3:3: warning: tasks.'a': the times of 'a' prove nothing (typical")
    assert said.stderr.count("\n") == said.stderr.count(": warning: ") == 4
    (entry,) = answer("validate", "weak.yaml")["files"]
    assert (entry["valid"], entry["results"]) == (True, [])
    assert [each["level"] for each in entry["warnings"]] == ["warning"] * 4 + ["note"]


def test_what_is_wrong_has_errors_alone(here: Path) -> None:
    (here / "bad.yaml").write_text(BAD + "  origin: {kind: typical}\n")
    assert {each["level"] for each in results(ended("validate", "bad.yaml", "--sarif", "-").stdout)} == {"error"}
