"""The fuzzer of proofs: it finds what is planted, shrinks it, always says the same, and finds nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rtsched.api import Loaded
from rtsched.cli.fuzz_soundness import fuzz_soundness
from rtsched.dnn import lowering
from rtsched.engine.processor import Processor
from rtsched.errors import InputError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.platform import Cluster, Platform
from rtsched.model.system import System
from rtsched.model.taskgraph import HardwareSpec, TaskSpec, UnitSpec
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.lowering import claims, group, kernels, pieces
from rtsched.schedulability.lowering.claims import CLAIMS, harmless, opened
from rtsched.schedulability.models import Mode, Sporadic
from rtsched.schedulability.theorems import (
    compositional,
    dag_windows,
    edf,
    fixed_priority,
    multiprocessor,
    pipelines,
    suspending,
)
from rtsched.verify import examine as examine_module
from rtsched.verify import fuzz as fuzz_module
from rtsched.verify import replay
from rtsched.verify.acting import policy_of
from rtsched.verify.documents import lowered
from rtsched.verify.examine import Violation, examine
from rtsched.verify.fuzz import Campaign, Found, case, fuzz, look, read, smallest, write
from rtsched.verify.generate import random_system
from rtsched.verify.pencil import FOCI
from rtsched.verify.replay import document_yaml
from rtsched.verify.shrink import weight
from tests.schemas import check

# ---- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(0, 300, 3))
def test_a_random_system_survives_its_file_and_its_dump(number: int) -> None:
    system, scheduler = random_system(np.random.default_rng(number))
    assert replay.load(json.loads(json.dumps(replay.dump(system)))) == system
    model = validate(System, parse_yaml(replay.to_yaml(system, scheduler)))
    assert isinstance(model.platform, Platform)
    assert replace(Loaded(model, model.platform).lower(), assumed=()) == system
    assert model.scheduler == scheduler


def test_the_drawn_systems_are_worth_looking_at() -> None:
    """From 15 to 60 % provable (the rest is overloaded or beyond the theorems), and every kind of model occurs."""
    applied: set[str] = set()
    provable = 0
    for number in range(400):
        system, scheduler, *_ = case(4, number)
        analysis = analyse(system, policy_of(scheduler))
        provable += analysis.verdict == "schedulable"
        applied |= {item.theorem.name for each in analysis.parts for item in each.applied}
    assert 0.15 < provable / 400 < 0.6
    wanted = {
        "fp-rta", "np-fp-rta", "limited-fp-rta", "edf-rta", "fifo-rta", "global-rta", "a6-fp", "a6-edf", "graham",
        "han2", "holistic", "compositional", "edf-triggered", "np-job-sets",
    }  # fmt: skip
    assert wanted <= applied


# ---- planted defects -------------------------------------------------------------------------------------------------


def without_blocking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fixed_priority, "longest_region", lambda below, mode: (0, ""))


def first_job_only(patch: pytest.MonkeyPatch) -> None:
    true = fixed_priority.busy_period
    patch.setattr(
        fixed_priority, "busy_period", lambda demand: None if true(demand) is None else max(1, demand.T - demand.J)
    )


def without_jitter_above(patch: pytest.MonkeyPatch) -> None:
    true = fixed_priority.demand

    def demand(model: Any, index: int) -> Any:
        made = true(model, index)
        return replace(made, above=tuple(replace(other, J=0) for other in made.above))

    patch.setattr(fixed_priority, "demand", demand)


def last_region_is_all(patch: pytest.MonkeyPatch) -> None:
    def last_region(task: Sporadic, mode: Mode) -> int:
        return task.C if mode != "preemptive" and not task.preemptible else 1

    patch.setattr(Sporadic, "last_region", last_region)


def locks_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "blocking_by_locks", lambda *_: (0, ""))


def switches_forgotten(patch: pytest.MonkeyPatch) -> None:
    true = group.TaskGroup._piece

    def piece(self: Any, task: Any, node: Any) -> Any:
        made = true(self, task, node)
        regions = made.node.regions if made.regions else ()
        return replace(made, c=made.c - made.overhead, overhead=0, regions=regions)

    patch.setattr(group.TaskGroup, "_piece", piece)


def edf_without_blocking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edf, "blocking", lambda tasks, t, mode: 0)


def edf_synchronous_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edf, "_arrivals", lambda tasks, task, L: [0])


def trigger_blocking_forgotten(patch: pytest.MonkeyPatch) -> None:
    true = compositional._respond

    def respond(network: Any, index: int, streams: Any) -> Any:
        return true(replace(network, modes=dict.fromkeys(network.modes, "preemptive")), index, streams)

    patch.setattr(compositional, "_respond", respond)


def one_processor_too_many(patch: pytest.MonkeyPatch) -> None:
    for name in ("_delay", "_explained"):
        true = getattr(multiprocessor, name)
        patch.setattr(multiprocessor, name, lambda task, m, *rest, true=true: true(task, m + 1, *rest))


def regions_of_pools_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dag_windows, "largest_regions", lambda model, kind, tasks, missing: [])


def own_stage_never_blocks(patch: pytest.MonkeyPatch) -> None:
    true = pipelines.stage_demand
    for module in (pipelines, suspending):
        patch.setattr(module, "stage_demand", lambda *given, **more: replace(true(*given, **more), blocking=0))


PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], str, set[str], int]] = [
    (without_blocking, "one", {"np-fp-rta", "limited-fp-rta"}, 150),
    (first_job_only, "one", {"np-fp-rta", "limited-fp-rta", "fp-rta"}, 300),
    (without_jitter_above, "one", {"np-fp-rta", "limited-fp-rta", "fp-rta"}, 150),
    (last_region_is_all, "one", {"limited-fp-rta", "edf-rta"}, 300),
    (locks_forgotten, "locks", {"fp-rta"}, 100),
    (switches_forgotten, "one", {"fp-rta", "np-fp-rta", "limited-fp-rta", "edf-rta"}, 150),
    (edf_without_blocking, "one", {"np-edf", "edf-rta", "limited-edf", "np-edf-jitter"}, 150),
    (edf_synchronous_only, "one", {"edf-rta"}, 150),
    (trigger_blocking_forgotten, "triggered", {"compositional"}, 300),
    (one_processor_too_many, "cluster", {"global-rta", "global-rta-lc"}, 200),
    (regions_of_pools_forgotten, "typed", {"a6-fp", "a6-edf", "a6-work-conserving"}, 200),
    (own_stage_never_blocks, "pipelines", {"holistic"}, 300),
]


def hunt(family: str, wanted: set[str], most: int) -> Found | None:
    """The first violation of a wanted theorem within so many systems of a family."""
    for number in range(most):
        for found in look(0, number, family).found:
            if found.violation.theorem in wanted:
                return found
    return None


#: Those that take longest to find are left to the soak runs.
LONG = {first_job_only, edf_without_blocking, trigger_blocking_forgotten, regions_of_pools_forgotten}


@pytest.mark.parametrize(
    ("plant", "family", "wanted", "most"),
    [pytest.param(*each, id=each[0].__name__, marks=[pytest.mark.slow] if each[0] in LONG else []) for each in PLANTED],
)
def test_a_planted_defect_is_found_and_shrunk(
    plant: Callable[[pytest.MonkeyPatch], None],
    family: str,
    wanted: set[str],
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    found = hunt(family, wanted, most)
    assert found is not None
    small = smallest(found)
    assert small.violation.key == found.violation.key
    assert len(small.system.tasks) <= 3
    assert weight(small.system, small.scheduler) <= weight(found.system, found.scheduler)
    monkeypatch.undo()
    assert not examine(small.system, small.scheduler, small.seed).violations


# ---- the same again --------------------------------------------------------------------------------------------------


def test_two_runs_say_the_same_with_any_number_of_processes() -> None:
    alone = fuzz(seed=5, systems=12, jobs=1)
    spread = fuzz(seed=5, systems=12, jobs=2)
    assert json.dumps(alone.to_dict()) == json.dumps(spread.to_dict())
    assert alone.systems == 12
    other = fuzz(seed=6, systems=12, jobs=1)
    assert json.dumps(other.to_dict()["theorems"]) != json.dumps(alone.to_dict()["theorems"])


def test_a_system_does_not_depend_on_those_before_it() -> None:
    assert case(5, 17) == case(5, 17)
    assert case(5, 17) != case(5, 18)
    assert look(5, 17).to_dict() == look(5, 17).to_dict()


def test_nothing_is_found() -> None:
    report = fuzz(seed=6, systems=40, jobs=1)
    assert report.found == [], [str(found.violation) for found in report.found]
    assert all(tally.tightest <= 1 for tally in report.tallies.values())
    assert report.tallies["fp-rta"].attained


def test_a_run_that_never_ends_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def anew(processor: Processor) -> None:
        processor.loop.arm(processor.alarm, processor.loop._now + 1)

    monkeypatch.setattr(Processor, "fire", anew)
    monkeypatch.setattr(examine_module, "MOST_EVENTS", 10_000)
    found = look(0, 0, "one").found
    assert [(each.violation.theorem, each.violation.kind) for each in found] == [("engine: EndlessError", "crash")]
    assert "more than 10000 events" in str(found[0].violation)


def test_a_policy_that_plans_by_periods_is_not_tried_with_arrivals_made_to_measure() -> None:
    drawn = case(31, 835)
    assert drawn.scheduler == {"name": "edf-vd-style"}
    assert look(31, 835).found == []


def never(_seed: int, _first: int, _count: int) -> Campaign:
    time.sleep(60)
    raise AssertionError


def test_a_process_that_never_comes_back_is_a_violation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fuzz_module, "look_at", never)
    monkeypatch.setattr(fuzz_module, "PATIENCE", 0.5)
    before = time.monotonic()
    done = CliRunner().invoke(fuzz_soundness, ["--systems", "25", "-j", "2", "--output", str(tmp_path)])
    assert time.monotonic() - before < 30
    assert done.exit_code == 1
    assert "examine: hang" in done.output
    assert "systems 0 to 9" in done.output
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_nothing_is_found_in_ten_minutes() -> None:
    report = fuzz(seed=2, minutes=10)
    assert report.found == [], [str(found.violation) for found in report.found]


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_was_looked_at(tmp_path: Path) -> None:
    done = CliRunner().invoke(fuzz_soundness, ["--systems", "6", "-j", "1", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "6 systems" in done.output
    assert "no violation found" in done.output
    done = CliRunner().invoke(fuzz_soundness, ["--systems", "6", "-j", "1", "--json"])
    check("fuzz-soundness", json.loads(done.output))
    document = json.loads(done.output)
    assert document["systems"] == 6
    assert document["violations"] == []
    assert not list(tmp_path.iterdir())


def test_a_violation_is_written_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as planted:
        without_blocking(planted)
        given = ["--systems", "3", "--seed", "1", "-j", "1", "--output", str(tmp_path)]
        done = CliRunner().invoke(fuzz_soundness, given)
        assert done.exit_code == 1
        assert "VIOLATED: np-fp-rta (bound)" in done.output
        path = next(tmp_path.glob("soundness-np-fp-rta-bound-*.json"))
        assert str(path) in done.output.replace("\n", "")
        found = read(path)
        check("fuzz-soundness", Campaign(0, found=[found]).to_dict())
        again = CliRunner().invoke(fuzz_soundness, ["--replay", str(path)])
        assert again.exit_code == 1
        assert f"now:  {found.violation}" in again.output
        shown = CliRunner().invoke(fuzz_soundness, ["--replay", str(path), "--json"])
        assert json.loads(shown.output)["violated"] is True
        check("replay", json.loads(shown.output))
        assert read(write(found, tmp_path)) == found
    mended = CliRunner().invoke(fuzz_soundness, ["--replay", str(path)])
    assert mended.exit_code == 0
    assert "no violation" in mended.output


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"format": "rtsched fuzz-soundness 2"}'])
def test_another_file_is_no_replay(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"other\.json"):
        read(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seed", -1), ("number", "one"), ("theorem", []), ("scheduler", 3), ("system.tasks.0.nodes.0", "x"),
        ("system.tasks.0.nodes.0.times", [-5]), ("system.processors", []), ("system.chains", [{"tasks": [99]}]),
    ],
)  # fmt: skip
def test_a_replay_file_that_was_changed_is_refused(place: str, value: object, tmp_path: Path) -> None:
    drawn = next(each for each in (case(5, number) for number in range(99)) if each.document is None)
    found = Found(0, 5, Violation("np-fp-rta", "bound"), drawn.system, drawn.scheduler)
    document = json.loads(json.dumps(found.to_dict()))
    *above, last = place.split(".")
    here = document
    for step in above:
        here = here[int(step) if isinstance(here, list) else step]
    here[int(last) if isinstance(here, list) else last] = value
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"changed\.json"):
        read(path)


# ---- system files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("focus", FOCI)
def test_documents_are_drawn_around_their_focus_and_lowered_on_the_users_way(focus: str) -> None:
    first, second = case(3, 1, focus), case(3, 1, focus)
    assert first.document == second.document
    assert first.document is not None
    found = lowered(first.document)
    assert found is not None
    assert found[0] == first.system
    text = document_yaml(first.document)
    assert validate(System, parse_yaml(text)) == System.model_validate(first.document)


def test_a_file_that_breaks_the_way_in_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering.Lowering, "lower", lambda self: 1 // 0)
    (found,) = look(0, 0, "anything").found
    assert found.violation.key == ("lowering: ZeroDivisionError", "crash")
    assert found.document is not None
    assert len(found.document["tasks"]) == 1


def test_a_violation_in_a_file_is_shrunk_written_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: faults are taken for harmless."""
    with monkeypatch.context() as planted:
        forget(planted, HardwareSpec, "faults")
        found = next(found for number in range(60) for found in look(7, number, "faults").found)
        small = smallest(found)
        assert small.document is not None
        assert len(small.document["tasks"]) == 1
        assert "faults" in small.document
        path = write(small, tmp_path)
        assert read(path).document == small.document
        again = CliRunner().invoke(fuzz_soundness, ["--replay", str(path)])
        assert again.exit_code == 1
        assert "faults:" in again.output
    claims._claims.cache_clear()
    mended = CliRunner().invoke(fuzz_soundness, ["--replay", str(path)])
    assert mended.exit_code == 0, mended.output


def forget(patch: pytest.MonkeyPatch, kind: type, field: str) -> None:
    """Plant a defect: what judges a field is taken out."""
    old = CLAIMS[kind][field]
    patch.setitem(CLAIMS[kind], field, opened() if old.how == "opened" else harmless("planted"))
    claims._claims.cache_clear()


@pytest.fixture(autouse=True)
def _claims_are_read_anew() -> Iterator[None]:
    yield
    claims._claims.cache_clear()


def nothing_displaces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pieces.Pieces, "_displaces", lambda *_: False)


def masks_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kernels, "longest", lambda level, task, form, place, demand: demand)


def judge_forgotten(kind: type, field: str) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        forget(patch, kind, field)

    plant.__name__ = f"judge_of_{field}_forgotten"
    return plant


#: Defects of joints: what is planted, and around what the files that show it are drawn.
PLANTED_IN_FILES: list[tuple[Callable[[pytest.MonkeyPatch], None], str]] = [
    (masks_forgotten, "blocks"),
    (nothing_displaces, "overheads"),
    (judge_forgotten(HardwareSpec, "faults"), "faults"),
    (judge_forgotten(HardwareSpec, "power"), "clocks"),
    (judge_forgotten(Cluster, "contexts"), "services"),
    (judge_forgotten(TaskSpec, "arrival"), "arrivals"),
    (judge_forgotten(UnitSpec, "block_level"), "blocks"),
]
LONG_IN_FILES = {
    "judge_of_arrival_forgotten",
    "judge_of_block_level_forgotten",
    "judge_of_contexts_forgotten",
    "masks_forgotten",
    "nothing_displaces",
}


@pytest.mark.parametrize(
    ("plant", "focus"),
    [
        pytest.param(*each, id=each[0].__name__, marks=[pytest.mark.slow] if each[0].__name__ in LONG_IN_FILES else [])
        for each in PLANTED_IN_FILES
    ],
)
def test_a_planted_defect_of_a_joint_is_found_in_files(
    plant: Callable[[pytest.MonkeyPatch], None], focus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    for number in range(300):
        if any(found.violation.kind in ("bound", "late") for found in look(0, number, focus).found):
            return
    pytest.fail("300 files, and nobody noticed")
