"""The page of the class's questions says what the commands print, and what the protocols make of four jobs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import rtsched
from rtsched.show.protocols import PROTOCOLS
from rtsched.units import format_duration
from tests.cli.command import rtsched as command

PAGE = (Path(__file__).parents[1] / "docs" / "classroom.md").read_text()
SHOWN = re.findall(r"^```console\n\$ rtsched ([^\n]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
#: What is no workload to look at is an option, a file, or stands for others.
NAMED = re.findall(r"rtsched (?:run|explain|analyse) (\w+)", PAGE)


@pytest.mark.parametrize(("line", "printed"), SHOWN, ids=[line for line, _ in SHOWN])
def test_what_is_shown_is_what_is_printed(line: str, printed: str) -> None:
    assert command(*shlex.split(line)).output == printed


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
