"""What would have met a deadline: worked by hand, simulated again, and told with what it costs others."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.whatif import what_if
from rtsched.whatif.answer import Remedy, WhatIf
from tests.cli.command import answer
from tests.cli.command import rtsched as command
from tests.helpers import fp

MS = 1_000_000


def asked(tasks: list[dict[str, Any]], task: str, index: int = 0, scheduler: str = "fp", **keys: Any) -> WhatIf:
    """What if, of a job of these tasks."""
    loaded = rtsched.load({"platform": "uniprocessor", "simulate": {"until": "7 ms"}, "tasks": tasks, **keys})
    trace = rtsched.simulate(loaded, scheduler=scheduler, reasons=True)
    return what_if(loaded, trace, task, index, scheduler=scheduler)


def only(found: WhatIf, kind: str) -> Remedy:
    """The only change of a kind."""
    (change,) = found.of(kind)
    return change


#: b runs in [3, 5) and [8, 9): it misses 7 by 2. In time with C_b = 2, and with C_a = 2 (b in [2, 5)).
PAIR = [
    {"name": "a", "wcet": "3 ms", "period": "5 ms"},
    {"name": "b", "wcet": "3 ms", "period": "7 ms"},
]


def test_less_c_of_the_task_and_of_the_one_ahead() -> None:
    own, ahead = asked(PAIR, "b").of("less C")
    assert (own.task, own.now, own.then, own.met) == ("b", 3 * MS, 2 * MS, True)
    assert (ahead.task, ahead.now, ahead.then, ahead.met) == ("a", 3 * MS, 2 * MS, True)
    assert own.words == "C of b: 2 ms in place of 3 ms (33.3 % shorter, by bisection)"


def test_a_rank_that_saves_one_and_loses_another() -> None:
    rank = only(asked(PAIR, "b"), "other rank")  # b in [0, 3), a in [3, 6), whose deadline is 5
    assert rank.words == "priority of b: -1 in place of 1"
    assert str(rank.fate) == "met; but a[0] then misses"


def test_the_setting_brings_it_about() -> None:
    found = asked(PAIR, "b")
    source = {"platform": "uniprocessor", "simulate": {"until": "7 ms"}, "tasks": PAIR}
    settings = [change.setting for change in found.changes if change.met]
    assert settings == ["--set tasks.b.wcet=2000000ns", "--set tasks.a.wcet=2000000ns", "--set tasks.b.priority=-1"]
    for setting in settings:
        loaded = rtsched.load(source, overrides=[str(setting).removeprefix("--set ")])
        assert rtsched.simulate(loaded, scheduler="fp").explain("b", 0).outcome == "ok"
    loaded = rtsched.load(source, overrides=["tasks.b.wcet=2000001ns"])
    assert rtsched.simulate(loaded, scheduler="fp").explain("b", 0).outcome == "late"


#: b is not interrupted, and runs in [0, 6); a, there at 1, in [6, 8): it misses 6 by 2, and would with any C.
BLOCKED = [
    {"name": "a", "wcet": "2 ms", "period": "10 ms", "deadline": "5 ms", "offset": "1 ms"},
    {"name": "b", "wcet": "6 ms", "period": "20 ms"},
]


def test_a_blocker_is_shorter_or_divided() -> None:
    found = asked(BLOCKED, "a", scheduler="fp+nonpreemptive")
    own, other = found.of("less C")
    assert (own.then, own.met, own.note) == (None, False, "missed with an eighth less, two, …, and with 1 ns")
    assert (other.task, other.then, other.met) == ("b", 4 * MS, True)
    split = only(found, "split")  # in halves: b in [0, 3), a in [3, 5)
    assert (split.words, split.then, str(split.fate)) == ("b in 2 equal nodes", 2, "met; no other misses")
    assert only(found, "other rank").note == "nothing more urgent was ahead of it"


def test_halves_may_be_too_long() -> None:
    tasks = [{**BLOCKED[0], "deadline": "3 ms"}, BLOCKED[1]]  # a must begin by 2: sixths would do, thirds (at 2), too
    parts = asked(tasks, "a", scheduler="fp+nonpreemptive").of("split")
    assert [(change.then, change.met) for change in parts] == [(2, False), (3, True)]
    assert str(parts[0].fate) == "missed by 1 ms"


def test_smaller_variants_in_order() -> None:
    scales = [{"name": "full", "scale": 1.0}, {"name": "half", "scale": 0.75}, {"name": "least", "scale": 0.5}]
    tasks = [PAIR[0], {**PAIR[1], "wcet": "4 ms", "variants": scales}]  # 2 ms are left of [0, 7): least only
    own, other = asked(tasks, "b").of("smaller variant")[:2], asked(tasks, "b").of("smaller variant")[2:]
    assert [(change.then, change.met) for change in own] == [("half", False), ("least", True)]
    assert [change.note for change in other] == ["a has no variants"]


def test_each_processor_that_it_may_use() -> None:
    """At 1 b leaves cpu0 for a, and pays 3 ms: done at 7. On cpu1 alone it is done at 4; on cpu0 it waits 3 ms."""
    tasks = [
        {"name": "a", "wcet": "3 ms", "period": "10 ms", "offset": "1 ms", "pin": "cpu0"},
        {"name": "b", "wcet": "4 ms", "period": "10 ms", "deadline": "5 ms"},
    ]
    found = asked(tasks, "b", platform="multicore:2", overheads={"migration": "3 ms"})
    assert [(change.then, str(change.fate)) for change in found.of("other processor")] == [
        ("cpu0", "missed by 2 ms"),
        ("cpu1", "met; no other misses"),
    ]
    assert found.of("other processor")[1].setting == "--set tasks.b.pin=cpu1"


def test_the_holder_of_a_lock_passes_who_keeps_it_from_running() -> None:
    loaded = rtsched.load("priority_inversion_lock")
    rank = only(what_if(loaded, rtsched.simulate(loaded, reasons=True), "high", 0), "other rank")
    assert (rank.task, rank.then, rank.met) == ("low", 0, True)


def test_what_was_in_time_needs_nothing() -> None:
    found = asked(PAIR, "a")
    assert found.changes == ()
    assert found.text() == "a[0] missed no deadline: there is nothing to change."


def test_the_run_is_that_of_the_system_and_the_policy() -> None:
    loaded = rtsched.load("dhall")
    trace = rtsched.simulate(loaded, scheduler="fp")
    with pytest.raises(InputError, match="every run needs a scheduler of its own"):
        what_if(loaded, trace, "heavy", 0, scheduler=fp())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"run under FixedPriority .*, and this is EDF"):
        what_if(loaded, trace, "heavy", 0)
    other = rtsched.load("dhall", overrides=["tasks.heavy.wcet=9ms"])
    with pytest.raises(InputError, match="run of another system"):
        what_if(other, trace, "heavy", 0, scheduler="fp")


def test_the_command_tells_and_gives_data() -> None:
    line = ("explain", "dhall", "heavy[0]", "--what-if")
    printed = command(*line).output
    assert "C of heavy: 9 ms in place of 10 ms (10 % shorter, by bisection)  met; no other misses" in printed
    assert "heavy on cpu3 only" in printed
    data = answer(*line)
    assert data["job"] == "heavy[0]"
    assert data["what_if"][0]["then"] == 9 * MS
    assert data["what_if"][0]["fate"]["lost"] == []
    assert "what_if" not in answer(*line[:-1])
    loaded = rtsched.load("dhall")
    same = what_if(loaded, rtsched.simulate(loaded, reasons=True), "heavy", 0).to_dict()
    assert json.loads(json.dumps(same))["changes"] == data["what_if"]
