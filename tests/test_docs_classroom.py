"""The page of the class's questions says what the commands print; the doors of the README lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import rtsched
from rtsched.cli import cli
from rtsched.show.protocols import PROTOCOLS
from rtsched.units import format_duration
from tests.consoles import check, shown

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "classroom.md").read_text()
SHOWN = shown(PAGE)
NAMED = re.findall(r"rtsched (?:run|explain|analyse) (\w+)", PAGE)


@pytest.mark.parametrize(("line", "printed"), SHOWN, ids=[line for line, _ in SHOWN])
def test_what_is_shown_is_what_is_printed(line: str, printed: str) -> None:
    check(line, printed)


def test_every_question_has_its_command() -> None:
    questions = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert len(questions) >= 10
    assert all("rtsched " in question for question in questions)
    known = {rtsched.load(name).system.name for name in set(NAMED) - {"NAME"}}
    assert known == set(NAMED) - {"NAME"}


def test_the_responses_under_each_protocol() -> None:
    """The table, and what the `why` of the workload says."""
    rows = re.findall(r"^\| (\w+) \((\d+ ms)\) \| (.*) \|$", PAGE, re.MULTILINE)
    told = {name: cells.split(" | ") for name, _, cells in rows}
    found: dict[str, list[str]] = {name: [] for name in told}
    missing = {}
    for protocol in PROTOCOLS:
        both = [f"resources.{lock}.protocol={protocol}" for lock in "RS"]
        trace = rtsched.simulate(rtsched.load("chained_blocking", overrides=both))
        figures = rtsched.summary(trace)
        missing[protocol] = [task.name for task in figures.tasks if task.misses]
        for task, spec in zip(figures.tasks, trace.system.tasks, strict=True):
            row = trace.jobs_of(spec.index)[0]
            found[task.name].append(format_duration(int(row["finish"] - row["arrival"])))
    assert found == told
    assert missing == {"none": ["high"], "inheritance": ["high"], "ceiling": ["sensor"], "original-ceiling": []}


@pytest.mark.parametrize("protocol", ["ceiling", "original-ceiling"])
def test_no_ceiling_lets_a_deadlock_happen(protocol: str) -> None:
    both = [f"resources.{lock}.protocol={protocol}" for lock in "RS"]
    trace = rtsched.simulate(rtsched.load("deadlock", overrides=both))
    assert not trace.deadlock_count
    assert (trace.jobs["outcome"] == 0).all()


def test_the_three_doors_of_the_readme_have_three_commands_each() -> None:
    doors = (ROOT / "README.md").read_text().partition("## Three doors")[2].partition("\n## ")[0]
    lines = re.findall(r"^    rtsched (.*?)(?:  +#.*)?$", doors, re.MULTILINE)
    assert len(lines) == 3 * len(re.findall(r"^\*\*You ", doors, re.MULTILINE)) == 9
    for line in lines:
        name, *words = shlex.split(line)
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, line
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, line
        if name in ("compare", "explain", "analyse", "report", "diff"):
            assert rtsched.load(words[0]), line
