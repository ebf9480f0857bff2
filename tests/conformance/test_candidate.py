"""Who can be checked, and who cannot, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched.conformance.candidate import candidate
from rtsched.errors import InputError
from rtsched.schedulers.orderings.edf import EDF
from tests.conformance.broken import policies

FILE = """
import rtsched
from rtsched import FixedPriority


class LeastWork(FixedPriority):
    def level(self, task):
        return task.volume
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "least_work.py").write_text(FILE)
    (tmp_path / "nothing.py").write_text("x = 1\n")
    (tmp_path / "wrong.py").write_text("import no_such_module\n")
    (tmp_path / "json.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("least_work", "nothing", "wrong"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ("edf", "EDF + Global, preemptive"),
        ("rm+first-fit", "RateMonotonic + FirstFitDecreasing, preemptive"),
        ({"ordering": {"name": "rr", "quantum": "2 ms"}}, "RoundRobin + Global, preemptive"),
        ("{ordering: {name: rr, quantum: 2 ms}}", "RoundRobin + Global, preemptive"),
        ("least_work.py", "LeastWork + Global, preemptive"),
        ("./least_work.py:LeastWork", "LeastWork + Global, preemptive"),
        ("least_work:LeastWork", "LeastWork + Global, preemptive"),
        ({"ordering": "least_work.py", "preemption": "limited"}, "LeastWork + Global, limited"),
        (EDF, "EDF + Global, preemptive"),
        (policies.Sound, "Sound"),
        (lambda: policies.Needs(3), "Needs"),
    ],
)  # fmt: skip
def test_whoever_can_be_made_can_be_checked(choice: Any, made: str, folder: Path) -> None:
    found = candidate(choice)
    assert found.make().described() == made
    assert found.make() is not found.make()


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("edff", "no scheduler is called 'edff'; did you mean"),
        ("no_such:Class", "cannot be imported: No module named 'no_such'"),
        ("missing.py:Class", "there is no file 'missing.py'; write e.g. my_policy.py:MyPolicy"),
        ("wrong.py", "wrong.py: cannot be imported: No module named 'no_such_module'"),
        ("nothing.py", "nothing.py: has no policy; say which"),
        ("least_work.py:Most", "least_work.py: has no 'Most'; it has LeastWork"),
        ("json.py", "json.py: 'json' is another module already"),
        (policies.Needs, "Needs cannot be made without quantum; give these a default, or write e.g."),
        ("tests.conformance.broken.policies:Needs", "Needs cannot be made without quantum"),
        (policies.Sound(), "Sound keeps what it has seen, and is run many times: give its class"),
        (policies.Boaster, "Boaster: claims 'work-conservng', which nobody can check; did you mean 'work-conserving'?"),
        (int, "int is no rtsched Scheduler, and no part of one"),
        (7, "a policy is a name, a mapping, a class or what makes one (found int 7)"),
        (lambda: 7, "<lambda> makes a int, which is no rtsched Scheduler"),
    ],
)  # fmt: skip
def test_whoever_cannot_is_refused_in_words(choice: Any, says: str, folder: Path) -> None:
    with pytest.raises(InputError) as refused:
        candidate(choice)
    assert says in str(refused.value)


def test_claims_that_are_no_set_are_refused() -> None:
    class Text(policies.Sound):
        claims = "symmetric"  # type: ignore[assignment]

    with pytest.raises(InputError, match="Text: claims is a set of names"):
        candidate(Text)


def test_a_class_that_is_derived_says_its_claims_again() -> None:
    class Derived(policies.Sound):
        pass

    assert policies.Sound().claimed() == {"work-conserving", "symmetric"}
    assert Derived().claimed() == set()
    assert rtsched.ComposedScheduler(type("Mine", (EDF,), {"__module__": "mine"})()).claimed() == set()
