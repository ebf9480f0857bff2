"""``rtsched plot``."""

from __future__ import annotations

import pytest

import rtsched as package
from tests.cli.command import ended, process

SYSTEM = {"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "2 ms", "period": "5 ms"}]}


@pytest.fixture
def study(here):
    path = here / "s.db"
    package.sweep(system=SYSTEM, axes={"tasks.a.wcet": ["1 ms", "3 ms"]}, policies=["edf", "rm"], database=path, jobs=1)
    return path


def test_a_figure_says_how_it_was_made(study, here):
    options = ("--metric", "no_miss", "--policy", "rm", "--size", "double")
    for name in ("one.svg", "two.svg"):
        result = ended("plot", study, "-o", name, *options)
        assert (result.exit_code, result.output[:24]) == (0, f"{name}: curves of study s"[:24])
    content = (here / "one.svg").read_text()
    assert "command: rtsched plot s.db --kind curves --size double --metric no_miss --policy rm;" in content
    assert (here / "two.svg").read_text() == content
    assert str(here) not in content


def test_a_figure_goes_to_standard_output(study):
    done = process("plot", study, "-o", "-")
    assert done.stdout.startswith(b"\x89PNG")
    assert b"curves of study" in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("s.db", "-o", "x.gif"), "x.gif: pictures are .png, .svg, .pdf; rename it"),
        (("s.db", "-o", "x.pdf", "--at", "platform"), "--at platform: is no AXIS=VALUE; e.g. --at generate.tasks=10"),
        (("s.db", "-o", "x.pdf", "--kind", "heat"), "a map needs two axes"),
        (("x.db", "-o", "x.pdf"), "x.db: there is no such file"),
        (("s.db", "-o", "x.pdf", "--size", "triple"), "Invalid value for '--size'"),
    ],
)
def test_what_cannot_be_drawn_is_told(study, here, words, problem):
    result = ended("plot", *words)
    assert result.exit_code == 2
    assert problem in result.output
    assert not (here / "x.pdf").exists()
