"""Weakly hard deadlines of a file: broken in runs, proven by theorems that speak of it, open with a reason elsewhere."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtsched import api
from rtsched.cli.failing import fails
from rtsched.errors import InputError, SoundnessError
from rtsched.metrics.single import most_misses
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.schedulability.lowering.miss_windows import MissBound
from rtsched.trace.trace import ABORTED, DROPPED, LATE, OK, UNFINISHED
from rtsched.verify import words
from rtsched.verify.assumptions import assumptions
from rtsched.verify.cases import cases
from rtsched.verify.observation import Observer
from rtsched.verify.requirements import MISSES, Requirement, requirements, stated, table
from rtsched.verify.verification import Verification, verify
from tests.cli.command import rtsched
from tests.consoles import check, shown

PAGE = (Path(__file__).parents[2] / "docs" / "misses.md").read_text()
SEEDS = (2, 5, 9, 18, 27, 29)
CHIP = {"name": "chip", "processors": {"cpu": {"kind": "cpu"}}}
RARE = {"kind": "sporadic", "mean_extra": "50 ms"}


def task(name: str, C: int, T: int, most: int | None = None, of: int = 10, **more: Any) -> dict[str, Any]:
    limit = {} if most is None else {"misses": {"most": most, "of": of}}
    return {"name": name, "wcet": {"cpu": f"{C} ms"}, "period": f"{T} ms"} | limit | more


def system(tasks: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The example of the theorem: a recovery makes one job of `a` late, and two of `b` in a row."""
    own = [task("recover", 9, 200, deadline="9 ms", arrival=RARE), task("a", 2, 10, 1), task("b", 6, 12, 2)]
    return {"name": "s", "platform": CHIP, "scheduler": "dm", "tasks": tasks or own} | more


def limits(found: Verification) -> list[Requirement]:
    return [each for each in requirements(found) if each.quantity == MISSES]


def told(tasks: list[dict[str, Any]] | None = None, runs: int = 0, **more: Any) -> list[tuple[str, int | None, str]]:
    found = limits(verify(system(tasks, **more), runs=runs))
    return [(each.word, each.counts.bound, each.test) for each in found if each.counts is not None]


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in re.findall(r"^```yaml\n# (.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        name, _, file = text.partition("\n")
        Path(name).write_text(f"# {name}\n{file}")
    assert len(shown(PAGE)) == 2
    for line, printed in shown(PAGE):
        check(line, printed)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"most": 3, "of": 3}, "3 misses of any 3 jobs require nothing; write fewer, e.g. most: 2"),
        ({"most": -1, "of": 3}, "tasks.a.misses.most"),
        ({"most": 0, "of": 0}, "tasks.a.misses.of"),
        ({"most": 1}, "tasks.a.misses: 'of' is missing"),
        ({"most": 0.5, "of": 2}, "tasks.a.misses.most"),
    ],
)
def test_what_requires_nothing_is_refused(limit: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        api.load(system([task("a", 1, 10, misses=limit)]))


def test_proven_by_the_theorem_of_rare_overload() -> None:
    by = "typical-worst-case"
    assert told() == [("proven", 1, by), ("proven", 2, by)]
    tight = [task("recover", 9, 200, deadline="9 ms", arrival=RARE), task("a", 2, 10, 0), task("b", 6, 12, 1)]
    assert told(tight) == [("open", 1, by), ("open", 2, by)]
    assert [word for word, *_ in told(tight, runs=1)] == ["refuted", "refuted"]  # the bounds are attained
    often = [task("recover", 9, 200, deadline="9 ms"), task("b", 6, 12, 3, of=100), task("a", 2, 10)]
    assert told(often) == [("open", 14, by)]  # seven recoveries fit, two misses each


def test_proven_by_the_schedule_of_a_clock() -> None:
    """The example of the theorem under fixed priorities: b ends at 7 and 12."""
    pair = [task("a", 2, 4, clock="x"), task("b", 3, 6, 1, 2, clock="x")]
    assert told(pair, scheduler="fp", runs=1) == [("proven", 1, "mk-firm")]
    loose = [pair[0], {**pair[1], "clock": "y"}]
    assert told(loose, scheduler="fp") == [("open", None, "")]
    late = [{**each, "offset": offset} for each, offset in zip(pair, ("1 ms", "0 ms"), strict=True)]
    (held,) = limits(verify(system(late, scheduler="fp"), runs=1))
    assert (held.word, held.counts and held.counts.bound, held.counts and held.counts.observed) == ("proven", 0, 0)


def test_proven_where_the_deadline_is() -> None:
    assert told([task("a", 2, 10, 1), task("b", 3, 12, 0)]) == [("proven", 0, "fp-rta"), ("proven", 0, "fp-rta")]
    assert told([task("a", 2, 10, 1, on_miss="abort")], scheduler="edf")[0][:2] == ("proven", 0)


OPEN: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"on_miss": "abort"}, {}, "late jobs of 'b' do not run on (on_miss: abort)"),
    ({"arrival": RARE}, {}, "'b' is sporadic"),
    ({"overlap": True}, {}, "overlap"),
    ({"priority": 1}, {"scheduler": "fp"}, "two tasks have one priority"),
    ({}, {"scheduler": "edf"}, "under EDF misses are bounded where one clock holds all tasks"),
    ({}, {"scheduler": "fifo"}, "on one preemptive processor under fixed priorities or EDF only"),
    ({}, {"scheduler": {"ordering": "dm", "preemption": "nonpreemptive"}}, "on one preemptive processor"),
    ({}, {"scheduler": {"ordering": "dm", "admission": "drop-hopeless"}}, "drop"),
    ({}, {"overheads": {"context_switch": "10 us"}}, "without costs of switches"),
    ({"sections": [{"resource": "r", "start": "0 ms", "length": "1 ms"}]}, {"resources": {"r": {}}}, "a lock without"),
    ({"misses": {"most": 3, "of": 10}, "deadline": "7 ms"}, {"scheduler": "fp"}, "without any rarer task"),
]


@pytest.mark.parametrize(("changed", "more", "why"), OPEN, ids=[why for *_, why in OPEN])
def test_open_where_the_theorems_say_nothing(changed: dict[str, Any], more: dict[str, Any], why: str) -> None:
    tasks = system()["tasks"]
    tasks[2] |= changed
    (limit,) = [each for each in limits(verify(system(tasks, **more), runs=0)) if each.name == "b"]
    assert limit.word == "open"
    assert why in limit.reason


def test_a_neighbour_that_gives_up_its_late_jobs_opens_it() -> None:
    tasks = system()["tasks"]
    tasks[0]["on_miss"] = "skip_next"
    assert {word for word, *_ in told(tasks)} == {"open"}


def test_it_changes_no_run_and_no_verdict() -> None:
    with_it, without = system(), system([{**each, "misses": None} for each in system()["tasks"]])
    assert api.simulate(with_it).jobs.tobytes() == api.simulate(without).jobs.tobytes()
    one, other = verify(with_it, runs=2), verify(without, runs=2)
    assert (one.verdict, one.bounds) == (other.verdict, other.bounds)
    assert one.observation is not None
    assert one.observation.misses == other.observation.misses  # type: ignore[union-attr]
    plain = system([{key: each[key] for key in each if key != "misses"} for each in system()["tasks"]])
    assert verify(plain, runs=0).inputs_sha256 == other.inputs_sha256 != one.inputs_sha256


def test_it_is_a_requirement_everywhere(tmp_path: Path) -> None:
    tasks = system()["tasks"]
    tasks[1] |= {"id": "REQ-7"}
    tasks[2] |= {"misses": {"most": 1, "of": 10}}
    found = verify(system(tasks), runs=1)
    assert "Limits of misses in a row refuted: b; proven: a." in words.verdict(found)
    assert [each.name for each in stated(found)] == ["a", "a", "b"]
    assert re.search(r"b +misses of any 10 jobs +1 +2 +-1 +2 +\d+ +refuted", "\n".join(table(found)))
    tests = {case.title: (case.state, dict(case.facts).get("seen")) for case in cases(found)}
    assert tests["REQ-7 a: misses of any 10 jobs"] == ("met", "1")
    assert tests["b: misses of any 10 jobs"] == ("refuted", "2")
    late = {case.title: case for case in cases(found)}["REQ-7 a: deadline"]
    assert (late.state, late.message[:47]) == ("open", "not required of each job, 1 of any 10 may miss:")
    asked = {on: {case.title: case.state for case in cases(found, on)} for on in ("unproven", "misses-unproven")}
    assert {on: each["REQ-7 a: deadline"] for on, each in asked.items()} == {
        "unproven": "refuted",
        "misses-unproven": "open",
    }
    page = html(Report(found, "2026-01-01"))
    assert "Limits of misses in a row" in page
    assert "misses of any 10 jobs" in page
    assert any("'a' arrives each period and skips none" in each.text for each in assumptions(found))
    path = tmp_path / "s.json"
    path.write_text(json.dumps(system(tasks)))
    assert rtsched("analyse", str(path), "--runs", "0", "--fail-on", "misses-unproven").exit_code == 1
    path.write_text(json.dumps(system()))
    assert rtsched("analyse", str(path), "--runs", "0", "--fail-on", "misses-unproven").exit_code == 0
    with pytest.raises(InputError, match="no task of 's' limits its misses"):
        fails(verify(system([task("a", 1, 10)]), runs=0), "misses-unproven")


def test_a_run_says_what_its_worst_window_was(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    tasks = system()["tasks"]
    tasks[2] |= {"misses": {"most": 1, "of": 10}}
    path.write_text(json.dumps(system(tasks)))
    figures = rtsched("run", str(path), "--json").stdout
    seen = [each["misses_in_a_row"] for each in json.loads(figures)["tasks"]]
    assert seen == [None, {"most": 1, "of": 10, "seen": 1}, {"most": 1, "of": 10, "seen": 2}]
    assert re.search(r"b +misses of any 10 jobs +1 +2 +\d+ +-1 +BROKEN", rtsched("run", str(path)).stdout)
    assert "2 of 10 jobs in a row missed, and 1 may" in rtsched("run", str(path), "--junit", "-").stdout
    runs = {on: rtsched("run", str(path), "--junit", "-", "--fail-on", on) for on in ("miss", "misses")}
    assert {on: each.exit_code for on, each in runs.items()} == {"miss": 1, "misses": 1}
    assert {on: each.stdout.count("<failure") for on, each in runs.items()} == {"miss": 3, "misses": 1}
    path.write_text(json.dumps(system()))
    assert rtsched("run", str(path), "--fail-on", "misses").exit_code == 0
    refused = rtsched("run", str(path), "--fail-on", "misses", "--no-trace")
    assert "keeps no jobs to count misses" in str(refused.exception)
    untraced = rtsched("run", str(path), "--no-trace", "--json").stdout
    assert {each["misses_in_a_row"] for each in json.loads(untraced)["tasks"]} == {None}


def test_the_board_has_the_steps_of_each_limit() -> None:
    tasks = [task("rare", 9, 200, deadline="9 ms"), task("a", 2, 10, misses={"most": 1, "of": 10}), task("b", 6, 12)]
    tasks[2] |= {"misses": {"most": 1, "of": 10}}
    boards = {board.name: "\n".join(board.text()) for board in verify(system(tasks), runs=0).steps()}
    assert "Ω(rare) = ⌈((10 − 1)·12 + 19 + 35 − 1 ns)/200⌉ = 1" in boards["misses of b"]
    assert "N(1 rare) = 2; without any none is late\n    at most 2 of 10 jobs > 1" in boards["misses of b"]
    assert "at most 1 of 10 jobs ≤ 1" in boards["misses of a"]
    held = [task("a", 2, 4, clock="t"), task("b", 3, 6, clock="t", misses={"most": 1, "of": 2})]
    boards = {board.name: "\n".join(board.text()) for board in verify(system(held), runs=0).steps()}
    assert "b: (x.); the worst 2 in a row have 1 late" in boards["misses of b"]
    slow = [task("a", 1, 4, misses={"most": 1, "of": 3}), task("b", 9, 6, misses={"most": 1, "of": 2})]
    boards = {board.name: "\n".join(board.text()) for board in verify(system(slow), runs=0).steps()}
    assert "no job is late (fp-rta, above): 0 of 3 ≤ 1" in boards["misses of a"]
    assert "no test bounds the misses of 2 jobs in a row: it may miss" in boards["misses of b"]


@pytest.mark.parametrize(("window", "most"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (9, 3)])
def test_windows_of_a_run(window: int, most: int) -> None:
    """Three of five jobs miss: one late, one aborted, one dropped."""
    trace = api.simulate(system([task("a", 1, 10)], simulate={"until": "50 ms"}))
    trace.jobs["outcome"] = [LATE, OK, ABORTED, OK, DROPPED]
    assert most_misses(trace, 0, window) == most
    trace.jobs["outcome"][0] = UNFINISHED
    assert most_misses(trace, 0, 5) == 2


def test_a_run_that_beats_a_bound_is_an_error() -> None:
    loaded = api.load(system())
    found = verify(loaded, runs=0)
    made = {index: MissBound(1, "typical-worst-case") for index in found.analysis.misses}
    observer = Observer(replace(found.analysis, misses=made), found.description, 0)
    with pytest.raises(SoundnessError, match=r"'b' missed 2 of 10 jobs in a row .* proves at most 1: one of"):
        observer.see_all([])


def drawn(seed: int) -> dict[str, Any]:
    """A few tasks beside rare ones, or held by a clock."""
    draw = random.Random(seed)
    held = seed % 3 == 0
    tasks = []
    if not held:
        jitter = f"{draw.choice((0, 5))} ms"
        tasks.append(task("rare", draw.randint(4, 12), draw.choice((60, 90, 150)), deadline="40 ms", jitter=jitter))
    for number in range(draw.randint(2, 3)):
        T = draw.choice((6, 8, 10, 12, 20))
        C = draw.randint(1, T // (2 if held else 3))
        more: dict[str, Any] = {"clock": "x", "offset": f"{draw.randint(0, T)} ms"} if held else {}
        tasks.append(task(f"t{number}", C, T, 1, draw.choice((2, 5, 10)), deadline=f"{draw.randint(C, T)} ms", **more))
    return system(tasks, scheduler="edf" if held and seed % 2 else "fp")


def test_no_run_beats_a_bound() -> None:
    found = [each for seed in SEEDS for each in limits(verify(drawn(seed), runs=3, seed=seed))]
    assert {each.test for each in found} >= {"typical-worst-case", "mk-firm", ""}
    counts = [each.counts for each in found if each.counts is not None and each.counts.bound]
    assert any(each.bound == each.observed for each in counts)
