"""Answers found without rtsched: one test a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.edf import EDF
from tests.conftest import DATA
from tests.corpus.adapters import ADAPTERS, ORDERINGS, check_schedule
from tests.corpus.discovery import discover
from tests.corpus.replay import Comparison, overall, read, replay, run_gate

pytestmark = pytest.mark.corpus


def test_record(corpus_record: tuple[str, str, Any]) -> None:
    kind, _, record = corpus_record
    assert isinstance(record, dict), record
    ADAPTERS[kind](record)


def load(found: tuple[str, Path, Path | str]) -> Any:
    _, path, isolated = found
    assert isinstance(isolated, Path), isolated
    return read(path, isolated)


def test_recorded_run(recorded_run: tuple[str, Path, Path | str]) -> None:
    _, rows = replay(load(recorded_run))
    assert run_gate(rows) == []


def test_all_recorded_runs_together(recorded_runs: list[tuple[str, Path, Path | str]]) -> None:
    if not recorded_runs:
        pytest.skip("this corpus has no recorded runs")
    rows: list[Comparison] = []
    for found in recorded_runs:
        rows += replay(load(found))[1]
    error = overall(rows)
    assert error["miss_points"] <= 2
    assert error["mean_percent"] <= 3
    assert error["p95_percent"] <= 5


# ---- the checks can fail: wrong rules are noticed -------------------------------------------------------------------

WRONG = {
    "edf and fifo swapped": ("P05_npedf_A_090", lambda info: info.update(policy="fifo")),
    "fifo and edf swapped": ("P07_npfifo_A_090", lambda info: info.update(policy="edf")),
    "preemption lost": ("P03_fp_A_110", lambda info: info.update(preemption="nonpreemptive")),
    "preemption gained": ("P10_npedf_B_090", lambda info: info.update(preemption="preemptive")),
    "priorities reversed": ("P03_fp_A_110", lambda info: [t.update(prio=-t["prio"]) for t in info["tasks"]]),
    "stages ignored": ("P09_subedf_B_090", lambda info: [t.update(stages=1) for t in info["tasks"]]),
    "variant fixed": ("P12_var_F_110", lambda info: [t.update(fixed_variant=True) for t in info["tasks"]]),
}


@pytest.mark.parametrize("name", WRONG)
def test_replay_notices_a_wrong_rule(name: str) -> None:
    run_id, mutate = WRONG[name]
    folder = DATA / "traces"
    recording = read(folder / f"{run_id}.json", folder / "isolated_start.json")
    mutate(recording.description)
    for task in recording.description["tasks"]:
        task["prio"] = abs(task["prio"]) if task["prio"] > 0 else 200 + task["prio"]
    assert run_gate(replay(recording)[1]) != []


class EdfByIndex(EDF):
    """The classic error: ties by task index instead of by release."""

    def key(self, segment: Any) -> tuple[Any, ...]:
        return (segment.job.deadline,)


class NodesReversed(EDF):
    """The nodes of a job in reverse."""

    def key(self, segment: Any) -> tuple[Any, ...]:
        return (*super().key(segment), segment.job.task.index, segment.job.index, -segment.node.index)


MUTANTS: dict[str, tuple[dict[str, type[Ordering]], dict[str, str]]] = {
    "edf ties by index": ({"EDF": EdfByIndex}, {}),
    "node order reversed": ({"EDF": NodesReversed}, {}),
    "regions ignored": ({}, {"limited": "preemptive"}),
    "limited as nonpreemptive": ({}, {"limited": "nonpreemptive"}),
    "preemptive as nonpreemptive": ({}, {"preemptive": "nonpreemptive"}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_corpus_notices_a_wrong_rule(name: str) -> None:
    orderings, modes = MUTANTS[name]

    def make(policy: dict[str, Any]) -> ComposedScheduler:
        ordering = (ORDERINGS | orderings)[policy["order"]]()
        mode: Any = modes.get(policy["preemption"], policy["preemption"])
        return ComposedScheduler(ordering, preemption=mode)

    records = [record for kind, _, record in discover(DATA / "corpus").records if kind.startswith("sim_")]
    wrong = 0
    for record in records:
        try:
            check_schedule(record, make)
        except AssertionError:
            wrong += 1
    assert wrong >= 3
