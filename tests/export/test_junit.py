"""JUnit XML: the elements that servers know, unique names, nothing that XML forbids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rtsched.export.junit import Tested, broken, junit
from tests.cli.command import ended, rtsched
from tests.cli.conftest import here as here

TEXT = re.compile(r".*", re.DOTALL)
COUNT = re.compile(r"\d+")
#: What each element may hold: its attributes (those that it must have first), its children in their order, whether it
#: has text. As the schema of Jenkins (junit-10.xsd) has it, but for the properties of a test case, which came later.
RULES: dict[str, tuple[dict[str, re.Pattern[str]], dict[str, re.Pattern[str]], tuple[str, ...], bool]] = {
    "testsuite": (
        {"name": TEXT, "tests": COUNT, "failures": COUNT, "errors": COUNT},
        {"skipped": COUNT, "time": re.compile(r"\d+(\.\d+)?")},
        ("properties", "testcase"),
        False,
    ),
    "testcase": (
        {"name": TEXT, "classname": TEXT},
        {"time": TEXT},
        ("properties", "failure", "skipped", "error", "system-out"),
        False,
    ),
    "properties": ({}, {}, ("property",), False),
    "property": ({"name": TEXT, "value": TEXT}, {}, (), False),
    "failure": ({"type": TEXT, "message": TEXT}, {}, (), True),
    "error": ({"type": TEXT, "message": TEXT}, {}, (), True),
    "skipped": ({"message": TEXT}, {"type": TEXT}, (), True),
    "system-out": ({}, {}, (), True),
}
#: How often a child may be there.
ONCE = {"properties", "failure", "skipped", "error", "system-out"}


def check(element: ElementTree.Element) -> None:
    """Hold an element to the rules, and all in it."""
    needed, more, children, text = RULES[element.tag]
    assert set(needed) <= set(element.attrib) <= {*needed, *more}, element.tag
    for name, value in element.attrib.items():
        assert (needed | more)[name].fullmatch(value), (element.tag, name, value)
    tags = [child.tag for child in element]
    assert [children.index(tag) for tag in tags] == sorted(children.index(tag) for tag in tags)
    assert all(tags.count(tag) <= 1 for tag in ONCE & set(tags))
    assert text or not (element.text or "").strip()
    for child in element:
        check(child)


def suite(text: str) -> ElementTree.Element:
    """The suite of a text that keeps the rules, with counts that are right and names that are unique."""
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuite"
    check(root)
    tests = root.findall("testcase")
    assert int(root.attrib["tests"]) == len(tests)
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(root.attrib[count]) == len(root.findall(f"testcase/{tag}"))
    assert len({test.attrib["name"] for test in tests}) == len(tests)
    for test in tests:
        told = [(each.attrib["name"], each.attrib["value"]) for each in test.iter("property")]
        if told:
            assert test.findtext("system-out") == "\n".join(f"{name}: {value}" for name, value in told)
    return root


def outcomes(root: ElementTree.Element) -> dict[str, str]:
    """What became of each test: passed, or the tag and type of what it holds."""
    found = {}
    for test in root.findall("testcase"):
        ends = [child for child in test if child.tag in ("failure", "skipped", "error")]
        found[test.attrib["name"]] = " ".join([ends[0].tag, ends[0].attrib.get("type", "")]) if ends else "passed"
    return found


def facts(root: ElementTree.Element, name: str) -> dict[str, str]:
    """The properties of a test."""
    (test,) = (each for each in root.findall("testcase") if each.attrib["name"] == name)
    return {each.attrib["name"]: each.attrib["value"] for each in test.iter("property")}


CHAINED = """\
name: cell
platform: uniprocessor
scheduler: rm
tasks:
  - {name: sense, wcet: 1 ms, period: 5 ms, criticality: hard}
  - {name: act, wcet: 2 ms, period: 10 ms}
chains:
  - {name: grip, tasks: [sense, act], max_reaction: 40 ms, max_age: 2 ms}
"""


def test_each_requirement_is_a_test_with_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(CHAINED)
    root = suite(rtsched("analyse", path, "--runs", "1", "--junit", "-").stdout)
    assert outcomes(root) == {
        "sense: deadline": "passed",
        "act: deadline": "passed",
        "grip: reaction time (mrt)": "passed",
        "grip: data age (mda)": "failure refuted",
    }
    known = facts(root, "act: deadline")
    assert (known["basis"], known["bound_ns"], known["deadline_ns"]) == ("declared", "3000000", "10000000")
    assert (known["observed_ns"], known["criticality"]) == ("3000000", "soft")
    assert known["test"]
    assert {test.attrib["classname"] for test in root.findall("testcase")} == {"cell.task", "cell.chain"}


@pytest.mark.parametrize(
    ("system", "asked", "code", "ends"),
    [
        ("lehoczky", "unproven", 0, {"passed"}),
        ("dhall", "unproven", 1, {"failure refuted"}),
        ("mixed_rk3588", None, 0, {"skipped "}),
        ("mixed_rk3588", "unproven", 1, {"failure unproven"}),
    ],
)
def test_what_fails_is_what_was_asked_for(
    system: str, asked: str | None, code: int, ends: set[str], tmp_path: Path
) -> None:
    """Exit code and tests tell the same: what is only typical never passes."""
    path = tmp_path / "out.xml"
    runs = "1" if system == "dhall" else "0"
    more = () if asked is None else ("--fail-on", asked)
    assert rtsched("analyse", system, "--runs", runs, "--junit", path, *more).exit_code == code
    assert ends <= set(outcomes(suite(path.read_text())).values())
    if system != "lehoczky":  # of one of them the report, too
        return
    report = rtsched("report", system, "-o", tmp_path / "r.json", "--runs", runs, "--junit", tmp_path / "2.xml", *more)
    assert report.exit_code == code
    assert (tmp_path / "2.xml").read_text() == path.read_text()


def test_who_asks_for_hard_tasks_alone_has_no_other_failure(tmp_path: Path) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(CHAINED.replace("wcet: 1 ms", "wcet: 3 ms").replace("wcet: 2 ms", "wcet: 6 ms"))
    root = suite(rtsched("analyse", path, "--runs", "0", "--junit", "-", "--fail-on", "hard-unproven").stdout)
    found = outcomes(root)
    assert found["sense: deadline"] == "passed"
    assert found["grip: reaction time (mrt)"] == "failure unproven"  # a chain with a hard task
    assert found["act: deadline"].startswith(("failure refuted", "skipped"))


def test_a_run_has_its_tests_too(tmp_path: Path) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(CHAINED.replace("wcet: 2 ms", "wcet: 9 ms"))
    root = suite(rtsched("run", path, "--until", "100 ms", "--junit", "-").stdout)
    found = outcomes(root)
    assert (found["sense: deadline"], found["act: deadline"]) == ("passed", "failure missed")
    assert facts(root, "act: deadline")["basis"] == "one simulated run"
    assert found["grip: data age (mda)"] == "failure missed"
    refused = rtsched("run", path, "--until", "100 ms", "--junit", tmp_path / "o.xml", "--no-trace")
    assert (refused.exit_code, "--junit" in str(refused.exception)) == (1, True)


def test_who_comes_to_no_answer_leaves_an_error(here: Path) -> None:
    """An older file in that place would be read as this command's answer."""
    for command in (
        ["analyse", "no_such_system"],
        ["run", "no_such_system"],
        ["report", "no_such_system", "-o", "r.md"],
    ):
        (here / "out.xml").write_text("old")
        assert ended(*command, "--junit", "out.xml").exit_code == 2
        assert outcomes(suite((here / "out.xml").read_text())) == {f"{command[0]}": "error error"}
    assert "two" not in broken("x", "analyse", ValueError("a\x00b"))
    assert r"a\x00b" in broken("x", "analyse", ValueError("a\x00b"))


HOSTILE = [
    "a\x1b[31m\x00\ud800",
    "a\\x1b[31m\\x00\\ud800",
    "]]>&<\"'\n",
    "\u202eb\ufffe",
    "x" * 10_000,
    "x" * 9_000,
    "",
]


def test_hostile_names_are_shown_and_stay_apart() -> None:
    cases = [
        Tested("task", name, "deadline", "refuted", name, (("test", name), ("bound_ns", None)), key=name or None)
        for name in HOSTILE
    ]
    made = junit(HOSTILE[0], cases, [("verdict", HOSTILE[2])])
    names = [test.attrib["name"] for test in suite(made).findall("testcase")]
    assert all(name.isprintable() and len(name) < 250 for name in names)
    assert all(name.endswith((": deadline", "(2)")) for name in names)
    assert made == junit(HOSTILE[0], cases, [("verdict", HOSTILE[2])])


def test_two_things_on_standard_output_are_refused(tmp_path: Path) -> None:
    wanted: list[Any] = ["analyse", "dhall", "--runs", "0", "--junit", "-"]
    assert ended(*wanted, "--json").exit_code == 2
    assert ended("report", "dhall", "-o", "-", "--junit", "-", "--runs", "0").exit_code == 2


@pytest.mark.parametrize(
    ("asked", "code", "ended_as"),
    [(None, 0, "skipped "), ("unproven", 0, "skipped "), ("conditional", 1, "failure unproven")],
)
def test_what_holds_for_measured_maxima_never_passes(
    asked: str | None, code: int, ended_as: str, tmp_path: Path
) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(
        "name: cell\nid: SYS-1\nplatform: uniprocessor\ntasks:\n"
        "  - {name: a, id: REQ-1, wcet: 1 ms, period: 5 ms, origin: {kind: high-water, n: 5000}}\n"
    )
    more = () if asked is None else ("--fail-on", asked)
    done = rtsched("analyse", path, "--runs", "0", "--junit", tmp_path / "o.xml", *more)
    assert done.exit_code == code, done.output
    root = suite((tmp_path / "o.xml").read_text())
    assert outcomes(root) == {"SYS-1 cell": ended_as, "REQ-1 a: deadline": ended_as}
    assert facts(root, "REQ-1 a: deadline")["basis"] == "high-water"
