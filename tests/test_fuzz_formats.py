"""Hostile inputs of every format end well, or with an error that a person can read; see tests/fuzz_formats.py."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtsched.errors import InputError, RtschedError
from tests import fuzz_formats
from tests.fuzz_formats import fuzz, look, made
from tests.fuzz_readers import FORMATS, Format


def test_a_few_inputs_of_every_format() -> None:
    told = list(fuzz_formats._lines([*FORMATS, "--count=15", "--minutes=10"], 600))
    assert [each for each in told if each[2] is not None] == []
    assert [name for name, _, _ in told] == [name for name in FORMATS for _ in range(15)]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_ten_minutes_of_a_format(name: str) -> None:
    _, found = fuzz([name], seed=1, minutes=10)
    assert found == [], "\n\n".join(found)


def test_an_input_is_the_same_whenever_it_is_made() -> None:
    for name in FORMATS:
        data, random_ = made(name, 3, 5)
        again, alike = made(name, 3, 5)
        assert (data, random_.random()) == (again, alike.random()), name
        assert len({made(name, 3, number)[0] for number in range(20)}) > 15, name


# ---- the fuzzer finds what it is there to find -----------------------------------------------------------------------


@pytest.fixture
def alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, fuzz_formats._alarm)
    yield
    signal.signal(signal.SIGPROF, before)


def problem_of(monkeypatch: pytest.MonkeyPatch, folder: Path, fault: object) -> str | None:
    """What `look` says of a reader with this fault."""

    def read(_: Path, __: random.Random) -> None:
        if isinstance(fault, Exception):
            raise fault
        while fault == "endless":
            pass

    monkeypatch.setitem(FORMATS, "faulty", Format(lambda: [b"seed"], "text", read))
    monkeypatch.setattr(fuzz_formats, "SECONDS", 0.2)
    return look("faulty", 0, 0, folder)


@pytest.mark.usefixtures("alarm")
def test_what_counts_as_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def said(fault: object) -> str:
        return problem_of(monkeypatch, tmp_path, fault) or ""

    assert said(None) == said(InputError("in.yaml:1:1: a: is wrong; mend it")) == ""
    assert "KeyError: 'a'" in said(KeyError("a"))
    assert "took longer than 0.2 s" in said("endless")
    assert "without a text" in said(InputError(""))
    assert "40 lines" in said(RtschedError("\n".join(["wrong"] * 40)))


def test_a_process_that_dies_is_told_with_its_input() -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != fuzz_formats.MEMORY  # the limit is the worker's alone
    for limit in (2, 8, 32, 128):  # how long a busy machine takes until there is a first input
        told = list(fuzz_formats._lines(["scheduler", "--first=7", "--count=100000", "--minutes=10"], limit))
        if told[-1][1] >= 0:
            break
    assert [name for name, _, _ in told] == ["scheduler"] * len(told)
    assert told[-1][1] >= 7
    assert "the process ended with -9" in str(told[-1][2])
