"""What a proof assumes of the chip and the world: all of it is asked for, with what a source and a person say of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import rtsched
from rtsched.cli import failing
from rtsched.errors import InputError
from rtsched.model.assumption import ASSUMPTIONS
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.schedulability.result import Assumption
from rtsched.verify import words
from rtsched.verify.assumptions import assumptions
from rtsched.verify.criticality import levels
from rtsched.verify.requirements import requirements

BOARD = """
name: board
platform:
  name: board
  processors:
    cpu: {kind: cpu, cores: 2}
    npu:
      kind: npu
      driver: {name: vendor, version: "1.2", order: fifo, interrupts: never, evidence: its manual}
scheduler: {ordering: dm, placement: pinned}
tasks:
  - {name: control, wcet: {cpu: 2 ms}, period: 10 ms, pin: cpu0}
  - {name: log, wcet: {cpu: 1 ms}, period: 50 ms, pin: cpu0}
  - {name: detect, wcet: {npu: 9 ms}, period: 30 ms, pin: npu}
"""


def found(text: str = BOARD, **changed: Any) -> dict[str, Assumption]:
    """The assumptions of a proof, by name."""
    system = yaml.safe_load(text) | changed
    items = assumptions(rtsched.analyse(system, runs=0))
    names = [item.id for item in items if item.status == "declared"]
    assert len(set(names)) == len(names)
    assert {name.partition(".")[0] for name in names} <= set(ASSUMPTIONS)
    return {item.id: item for item in items if item.id}


def test_all_that_nothing_models_is_asked_for() -> None:
    names = set(found())
    assert names == {
        "times.declared", "arrivals", "service.cpu0", "service.npu", "order", "order.npu", "switches", "decisions", "caches",
        "interrupts", "submission", "other-load", "timers", "frequency", "temperature", "memory", "faults", "contention",
    }  # fmt: skip


def test_one_overhead_does_not_stand_for_the_others() -> None:
    free, given = found(), found(overheads={"context_switch": "20 us"})
    assert given.keys() == free.keys()
    assert free["switches"].text == "a switch from one task to another takes no time beyond the execution times"
    assert given["switches"].text == "no switch takes longer than 20 us"
    assert "contains refilling the caches" in given["caches"].text
    assert all(given[name] == free[name] for name in ("decisions", "interrupts", "submission"))
    other = found(overheads={"scheduling": "5 us"})
    assert other["decisions"].text == "no decision of the scheduler takes longer than 5 us"
    assert other["switches"] == free["switches"]


def test_who_may_move_may_lose_time_by_it() -> None:
    assert "migrations" not in found()
    tasks = [{"name": name, "wcet": "1 ms", "period": "10 ms"} for name in "abc"]
    moving = found(platform="multicore:2", scheduler="fp", tasks=tasks)
    assert moving["migrations"].text.startswith("a job that goes on on another processor")
    assert "submission" not in moving  # nothing but cores


def test_a_driver_stands_beside_what_is_assumed_of_it() -> None:
    asked = found()
    assert asked["order.npu"].against
    assert asked["order.npu"].evidence == "vendor 1.2: its manual"
    assert "its driver serves first come, first served" in asked["order.npu"].text
    assert not asked["service.npu"].against
    assert asked["service.npu"].text == "npu never interrupts a node once started"
    assert not asked["order"].evidence
    assert "npu" not in asked["order"].text
    fifo = found(scheduler={"ordering": "fifo", "placement": "pinned"})
    assert not fifo["order.npu"].against
    assert "the same instant: the task that stands first in the file" in fifo["order.npu"].text


def test_a_driver_that_never_interrupts_contradicts_a_proof_that_needs_it() -> None:
    system = yaml.safe_load(BOARD)
    system["platform"]["processors"]["npu"]["service"] = "preemptive"
    asked = found(yaml.safe_dump(system))
    assert asked["service.npu"].text == "npu can be preempted at any time"
    assert asked["service.npu"].against


def test_the_catalogue_says_how_the_npu_of_an_rk3588_is_served() -> None:
    asked = {item.id: item for item in assumptions(rtsched.analyse("mixed_rk3588", runs=0))}
    assert asked["order.npu"].against
    assert "the order of their submission" in asked["order.npu"].evidence


def test_what_is_modelled_is_not_asked_for() -> None:
    faults = [{"processor": "npu", "at": "20 ms", "lasts": "10 ms"}]
    assert "faults" in found()
    assert "faults" not in found(faults=faults)


def test_a_person_says_what_was_validated_and_what_is_violated() -> None:
    known = {
        "submission": {"state": "validated", "owner": "A. Meyer", "how": "measured", "date": "2026-05-04"},
        "other-load": {"owner": "B. Sato"},
        "migrations": {"state": "validated"},
    }
    verified = rtsched.analyse(yaml.safe_load(BOARD) | {"assumptions": known}, runs=0)
    asked = {item.id: item for item in assumptions(verified)}
    assert (asked["submission"].state, asked["submission"].how) == ("validated", "measured, 2026-05-04")
    assert (asked["other-load"].state, asked["other-load"].owner) == ("open", "B. Sato")
    assert verified.proven
    assert not verified.violated
    page = html(Report(verified, "2026-05-05"))
    assert page.count("☑") == 2
    assert "that this proof does not need: migrations" in page
    assert verified.inputs_sha256 != rtsched.analyse(yaml.safe_load(BOARD), runs=0).inputs_sha256


def test_nothing_is_proven_while_an_assumption_is_violated() -> None:
    known = {"other-load": {"state": "violated", "how": "a compositor runs on cpu0"}}
    verified = rtsched.analyse(yaml.safe_load(BOARD) | {"assumptions": known}, runs=0)
    assert verified.verdict == "schedulable"
    assert verified.violated == ("other-load",)
    assert not verified.proven
    assert "violated: other-load" in words.outcome(verified)
    page = html(Report(verified, "2026-05-05"))
    assert '<div class="verdict unknown">' in page
    assert "the system file says that these do not hold: other-load." in page
    assert "✓</td>" not in page  # nothing that looks like a proof
    assert words.outcome(verified).startswith("no proof: violated: other-load (all is in time")
    assert {each.word for each in requirements(verified)} == {"met, no proof"}
    assert not any(level.is_proven or level.is_declared for level in levels(verified))
    assert failing.fails(verified, "unproven")
    assert "proven" not in words.verdict(verified)


def test_a_screen_tells_what_somebody_has_looked_at() -> None:
    known = {"other-load": {"state": "violated", "how": "a compositor"}, "caches": {"state": "validated"}}
    lines = words.assumed(rtsched.analyse(yaml.safe_load(BOARD) | {"assumptions": known}, runs=0))
    assert any(
        line.startswith("declared: nothing else runs on") and line.endswith("[violated: a compositor]")
        for line in lines
    )
    assert any("caches as it left them" in line and line.endswith("[validated]") for line in lines)
    assert "declared: no late timers, slower clocks, throttling, paging or faults" in lines


def test_an_unknown_assumption_is_refused() -> None:
    with pytest.raises(InputError, match="no proof assumes anything called 'other_load'; known: times, arrivals"):
        found(assumptions={"other_load": {}})


def test_a_screen_has_one_sentence_for_what_costs_nothing() -> None:
    lines = words.assumed(rtsched.analyse(yaml.safe_load(BOARD), runs=0))
    free = [line for line in lines if "is lost to" in line]
    assert free == [
        "declared: nothing beyond the execution times is lost to switches, scheduling decisions, refilled caches, "
        "interrupts or submitting to accelerators and waiting for them"
    ]
    assert "declared: no other load, late timers, slower clocks, throttling, paging or faults" in lines
    assert any("(vendor 1.2: its manual)" in line for line in lines)
