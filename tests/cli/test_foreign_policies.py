"""Somebody else's policies: those that cannot work are refused, those that fail are blamed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.command import ended

POLICIES = """\
from rtsched import Scheduler

class Fine(Scheduler):
    preemption = "nonpreemptive"
    def dispatch(self):
        for segment in self.soc.ready:
            for index in segment.node.eligible:
                if self.soc.processors[index].segment is None:
                    self.soc.start(segment.job, segment, self.soc.processors[index])
                    break

class Without(Scheduler):
    pass

class Async(Fine):
    async def dispatch(self): pass

class Yields(Fine):
    def dispatch(self):
        yield 1

class Listens(Fine):
    async def on_release(self, job): pass

class Wrong(Fine):
    def on_ready(self, job): pass

class Banana(Fine):
    preemption = "banana"

class Init(Fine):
    def __init__(self): raise KeyError("oh")

class Zero(Fine):
    def dispatch(self): 1 / 0

class Leaves(Fine):
    def dispatch(self): raise SystemExit(0)

class Nothing(Fine):
    def dispatch(self): self.soc.start(self.soc.ready[0].job, None, self.soc.processors[0])

number = 3
"""
REFUSED = {
    "sturdy_policies:Without": "has no dispatch; write 'def dispatch(self)'",
    "sturdy_policies:Async": "dispatch is async, and nobody waits for it; write 'def dispatch'",
    "sturdy_policies:Yields": "dispatch has a 'yield', so that calling it does nothing; write it without",
    "sturdy_policies:Listens": "on_release is async, and nobody waits for it; write 'def on_release'",
    "sturdy_policies:Wrong": "on_ready is called with job, segments; write 'def on_ready(self, job, segments)'",
    "sturdy_policies:Banana": "preemption 'banana' is not one of preemptive, limited, nonpreemptive",
    "sturdy_policies:Init": "scheduler 'sturdy_policies:Init': KeyError: 'oh' (",
    "sturdy_policies:Zero": "ZeroDivisionError: division by zero; this is not rtsched's code: mend it there",
    "sturdy_policies:Leaves": "SystemExit: 0; this is not rtsched's code: mend it there",
    "sturdy_policies:Nothing": ": the number of a node is a whole number (found None)",
    "sturdy_policies:number": "is a int; name a class",
    "sturdy_syntax:X": "cannot be imported: SyntaxError: ",
    "sturdy_raises:X": "cannot be imported: ZeroDivisionError: division by zero (",
    "sturdy_leaves:X": "cannot be imported: SystemExit: 0 (",
    "sturdy_nul:X": "cannot be imported: SyntaxError: ",
    ".:X": "cannot be imported: ",
    "builtins:dict": "name a class",
    "{name: xrbench, probability: x}": "probability: must be a mapping (found 'x')",
    "{name: xrbench, probability: {a: x}}": "probability: must be a mapping (found {'a': 'x'})",
    "{name: band-heft, window: banana}": "window: must be a whole number (found 'banana')",
    "{name: cbs, throttle: 5}": "throttle: must be true or false (found 5)",
    "{ordering: {name: rr, quantum: [1]}}": "quantum: must be a whole number or text (found [1])",
    "{placement: {name: first-fit, strict: perhaps}}": "strict: must be true or false (found 'perhaps')",
    "{ordering: {name: edf, x: 1}}": "ordering 'edf' has no parameter 'x'; it has none",
}  # fmt: skip


@pytest.fixture
def policies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sturdy_policies.py").write_text(POLICIES)
    (here / "sturdy_syntax.py").write_text("def (")
    (here / "sturdy_raises.py").write_text("1 / 0")
    (here / "sturdy_leaves.py").write_text("raise SystemExit(0)")
    (here / "sturdy_nul.py").write_bytes(bytes(100))
    for name in [name for name in sys.modules if name.startswith("sturdy_")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("policies")
def test_a_policy_that_cannot_work_is_refused_with_what_to_do() -> None:
    assert ended("run", "dhall", "--scheduler", "sturdy_policies:Fine").exit_code == 0
    for choice, told in REFUSED.items():
        option = "--scheduler" if choice[0] != "{" else "--set"
        result = ended("run", "dhall", option, choice if choice[0] != "{" else f"scheduler={choice}")
        assert (result.exit_code, result.stdout) == (2, ""), choice
        assert told in result.stderr, (choice, result.stderr)
        assert result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_policy_that_fails_in_another_process_is_blamed_as_well(jobs: str) -> None:
    for choice, told in (("Zero", "ZeroDivisionError: division by zero"), ("Leaves", "SystemExit: 0")):
        result = ended("compare", "dhall", "-s", f"sturdy_policies:{choice}", "--seeds", "2", "-j", jobs)
        assert result.exit_code == 2, result.output
        assert f"{told}; this is not rtsched's code: mend it there" in result.stderr
