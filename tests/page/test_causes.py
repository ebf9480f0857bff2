"""The explanations in a page: what `rtsched explain` says, word for word and ns for ns, of as many jobs as have room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtsched import api
from rtsched.cli import cli
from rtsched.page import causes, queues
from rtsched.page.page import page
from rtsched.trace.causes.explanation import explain
from rtsched.trace.causes.pieces import WORDS
from rtsched.trace.trace import Trace
from tests.helpers import simulate, task
from tests.page.reading import facts, tables

Table = dict[str, list[int]]


def told(trace: Trace) -> dict[int, Any]:
    """What a page says of each job: sentences, sums and pieces, read back."""
    found = tables(page(trace))
    texts = json.loads(bytes(found["texts"]["letter"]))
    blamed: dict[int, list[int]] = {}
    for piece, job in zip(found["blamed"]["piece"], found["blamed"]["job"], strict=True):
        blamed.setdefault(piece, []).append(job)
    jobs: dict[int, Any] = {}
    for job, said in _rows(found["explained"], "job", "said"):
        jobs.setdefault(job, ([], [], []))[0].append(texts[said])
    for job, said in _rows(found["items"], "job", "said"):
        jobs[job][1].append([0, texts[said]])
    ends = dict(enumerate(found["jobs"]["arrival"]))
    rows = _rows(found["pieces"], "job", "length", "cause", "place", "item", "said")
    for number, (job, length, cause, place, item, said) in enumerate(rows):
        start, ends[job] = ends[job], ends[job] + length
        jobs[job][1][item][0] += length
        culprits = blamed.get(number, [])
        jobs[job][2].append((start, ends[job], list(WORDS)[cause], place, culprits, texts[said]))
    return jobs


def _rows(table: Table, *names: str) -> list[tuple[int, ...]]:
    return list(zip(*(table[name] for name in names), strict=True))


def explained(trace: Trace, job: int) -> Any:
    """The same, by `rtsched explain`."""
    found = explain(trace, job)
    words = found.words
    pieces = [
        (*each[:3], each.place, list(dict.fromkeys(job for job, _ in each.culprits)), words.said([each]))
        for each in found.pieces
    ]
    return [found.headline, *words.gone()], [list(each) for each in words.items(found.pieces)], pieces


@pytest.mark.parametrize(
    ("name", "scheduler", "until"),
    [
        ("buttazzo_rm_edf", None, None),
        ("priority_inversion_lock", None, None),
        ("priority_inversion_inheritance", None, None),
        ("dhall", "edf+drop-hopeless", "50 ms"),
        ("gpu_priorities", None, None),
        ("npu_failure", None, "500 ms"),
        ("band_phone", None, "100 ms"),
        ("offload_wifi", None, "200 ms"),
    ],
)
def test_the_page_says_of_every_job_what_explain_says(name: str, scheduler: str | None, until: str | None) -> None:
    trace = api.simulate(name, scheduler=scheduler, until=until, reasons=True)
    assert told(trace) == {job: explained(trace, job) for job in range(len(trace.jobs))}


def overloaded() -> Trace:
    """a runs 1 of 5, b misses most of its deadlines; c never does."""
    tasks = [task(0, 1, 5), task(1, 5, 6), task(2, 1, 100, deadline=90)]
    return simulate(tasks, until=100, reasons=True)


def test_in_long_runs_the_first_misses_and_the_latest_of_all_others_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace = overloaded()
    due = trace.jobs["deadline"]
    late = sorted((job for job, row in enumerate(trace.jobs) if row["outcome"] == 1), key=lambda job: due[job])
    lateness = trace.jobs["finish"] - due
    for name, most in (("MOST_JOBS", 5), ("MOST_MISSES", 2)):
        monkeypatch.setattr(causes, name, most)
    rest = sorted(set(range(len(trace.jobs))) - set(late[:2]), key=lambda job: (-lateness[job], job))
    assert causes.chosen(trace) == [*late[:2], *rest[:3]]
    assert set(told(trace)) == {*late[:2], *rest[:3]}
    lengths = [len(explain(trace, job).pieces) for job in late[:2]]
    monkeypatch.setattr(
        causes, "MOST_PIECES", min(lengths)
    )  # the second would take the room of both: another one may fit
    assert set(told(trace)) == {late[lengths.index(min(lengths))]}
    monkeypatch.setattr(causes, "MOST_LETTERS", 10)
    assert told(trace) == {}


def test_the_page_holds_the_command_that_explains_what_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    given = ["dhall", "--scheduler", "{ordering: edf, admission: drop-hopeless}", "--until", "50 ms", "--seed", "3"]
    done = CliRunner().invoke(cli, ["run", *given, "--set", "tasks.light1.wcet=1 ms", "--html", str(path)])
    assert done.exit_code == 0, done.output
    command = facts(path.read_text())["command"]
    assert command == (
        "rtsched explain dhall JOB '--scheduler={ordering: edf, admission: drop-hopeless}' '--until=50 ms' --seed=3 "
        "'--set=tasks.light1.wcet=1 ms'"
    )


def test_the_order_of_queues_is_that_of_the_ranks() -> None:
    found = tables(page(overloaded()))
    assert _rows(found["ranks"], "job", "after", "node", "order", "lent", "pool")[:4] == [
        (0, 0, 0, 0, 0, 0), (1, 0, 0, 1, 0, 0), (2, 0, 0, 2, 0, 0), (3, 0, 0, 0, 0, 0),
    ]  # fmt: skip
    lent = tables(page(api.simulate("priority_inversion_inheritance", reasons=True)))
    assert any(lent["ranks"]["lent"])
    assert len(lent["awaits"]["job"]) == 1


def test_why_there_is_no_order_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def why(trace: Trace) -> str:
        found = page(trace)
        text: str = facts(found)["ranks"]["why"]
        assert not text or not tables(found)["ranks"]["job"]
        return text

    assert why(overloaded()) == ""
    assert "without reasons" in why(simulate([task(0, 1, 5)], until=5))
    assert "no ranks that stand" in why(api.simulate("dhall", scheduler="lst", until="20 ms", reasons=True))
    monkeypatch.setattr(queues, "MOST_LETTERS", 10)  # the page itself then says that the run is too long
    assert tables(page(overloaded()))["ranks"]["job"] == []
    assert facts(page(api.simulate("dhall_partitioned", until="20 ms", reasons=True)))["ranks"]["pools"] == [
        [0], [1], [2], [3],
    ]  # fmt: skip
