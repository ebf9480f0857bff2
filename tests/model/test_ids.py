"""Ids of requirements: what they may be, whose they are, and where they are carried to."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.errors import InputError
from rtsched.export.tables import columns
from rtsched.model.config import to_yaml
from rtsched.verify.criticality import levels
from rtsched.verify.requirements import requirements, stated
from rtsched.verify.verification import verify

SEEN = """
name: seen
id: ITEM-1
platform: {name: chip, processors: {cpu: {kind: cpu, cores: 2}, npu: {kind: npu}}}
scheduler: {ordering: dm, placement: pinned}
simulate: {until: 300 ms}
tasks:
  - {name: cam, wcet: {cpu: 2 ms}, period: 30 ms, pin: cpu0, criticality: hard}
  - {name: det, wcet: {npu: 13 ms}, deadline: 20 ms, pin: npu, after: cam, id: REQ-017}
  - {name: ctrl, wcet: {cpu: 500 us}, period: 5 ms, pin: cpu0}
  - {name: tracker, wcet: {cpu: 1 ms}, period: 20 ms, pin: cpu1, instances: 2, id: REQ-018}
chains:
  - {name: see, tasks: [cam, det], max_latency: 16 ms, id: REQ-020}
  - {name: act, tasks: [cam, det, ctrl], max_reaction: 60 ms, max_age: 60 ms}
  - {name: bare, tasks: [ctrl, cam], id: REQ-021}
"""


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """The system as a file."""
    path = tmp_path / "seen.yaml"
    path.write_text(SEEN)
    return path


def told(path: Path, text: str) -> str:
    """What is wrong with a text as a file."""
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        rtsched.load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "id: REQ-020",
            "id: REQ-017",
            "chains.see.id: 'REQ-017' is the id of task 'det', too; give each its own (the ",
        ),
        ("id: REQ-018", "id: ITEM-1", "tasks.tracker.id: 'ITEM-1' is the id of the system, too; give each its own"),
        ("id: REQ-021", "id: REQ-020", "chains.bare.id: 'REQ-020' is the id of chain 'see', too"),
        ("id: REQ-018", 'id: "a\\u202eb"', "tasks.tracker.id: an id is printable text of at most 60 letters"),
        ("id: REQ-018", 'id: " "', "an id is printable text"),
        ("id: REQ-018", f"id: {'x' * 61}", "an id is printable text"),
        ("id: REQ-018", "id: 17", "must be text (got 17); put it in quotes"),
        ("[cam, det], max", "[cam, ctrl], max", "chains.see.max_latency: a latency is that of tasks of which each rel"),
        ("[cam, det], max", "[det, cam], max", "'cam' does not come 'after' 'det'"),
    ],
)
def test_an_id_is_printable_and_of_one_thing(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert said in told(tmp_path / "bad.yaml", SEEN.replace(old, new))


def test_both_places_of_an_id_are_named(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    said = told(path, SEEN.replace("id: REQ-020", "id: REQ-017"))
    line = next(number for number, each in enumerate(SEEN.split("\n"), 1) if "name: det" in each)
    assert said.startswith(f"{path}:13:")
    assert f"(the other: {path}:{line}:" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("{name: a, wcet: 1 ms, period: 5 ms}", "4:6: tasks.a.name: two tasks are called 'a'; rename one"),
        (
            "{name: b, wcet: 1 ms, deadline: 9 ms, after: c}",
            "4:43: tasks.b.after: task 'b' comes after 'c', which is no task",
        ),
        (
            "{name: b, wcet: 1 ms, deadline: 9 ms, after: b}",
            "4:43: tasks.b.after: the 'after' of task 'b' goes round in a circle",
        ),
        (
            "{name: b, wcet: 1 ms, deadline: 9 ms, after: a}",
            "4:43: tasks.b.after: task 'b' is released by the end of 'a', which writes",
        ),
    ],
)
def test_what_two_tasks_have_wrong_stands_at_one_of_them(changed: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    one = "{name: a, wcet: 1 ms, period: 5 ms, communication: let}"
    assert told(path, f"platform: uniprocessor\ntasks:\n  - {one}\n  - {changed}\n").startswith(f"{path}:{said}")


def test_a_chain_of_unknown_tasks_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = "platform: uniprocessor\ntasks: [{name: a, wcet: 1 ms, period: 5 ms}]\nchains: [{name: c, tasks: [a, b]}]\n"
    assert told(path, text).startswith(f"{path}:3:31: chains.c.tasks.1: chain 'c' names 'b', which is no task")


def test_instances_have_the_id_of_their_task_and_files_keep_it(seen: Path) -> None:
    system = rtsched.load(seen).lower()
    assert [task.id for task in system.tasks] == [None, "REQ-017", None, "REQ-018", "REQ-018"]
    assert (system.id, [chain.id for chain in system.chains]) == ("ITEM-1", ["REQ-020", None, "REQ-021"])
    assert to_yaml(rtsched.load(seen).system).count("REQ-") == 4


def test_an_id_changes_no_fingerprint_where_there_is_none(seen: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.yaml"
    plain.write_text("platform: uniprocessor\ntasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n")
    described = verify(plain, runs=0).loaded.system.model_dump(mode="json")
    assert described["id"] is None  # there, and left out of the fingerprint (LATER)
    assert verify(seen, runs=0).inputs_sha256 != verify(seen, runs=0, overrides=["id=ITEM-2"]).inputs_sha256


# ---- what is required --------------------------------------------------------------------------------------------------


def test_every_requirement_has_its_verdict(seen: Path) -> None:
    found = verify(seen, runs=2)
    those = {(each.name, each.quantity): each for each in stated(found)}
    assert [*those] == [
        ("seen", "all"), ("det", "response"), ("tracker[0]", "response"), ("tracker[1]", "response"),
        ("see", "triggered"), ("act", "mrt"), ("act", "mda"), ("bare", "all"),
    ]  # fmt: skip
    see = those["see", "triggered"]
    assert (see.id, see.limit, see.bound, see.slack, see.word) == ("REQ-020", 16_000_000, 15_500_000, 500_000, "proven")
    assert 15_000_000 < (see.observed or 0) <= 15_500_000
    assert see.count > 10
    assert "arrival" in see.begins
    assert "sampling lies before" in see.sampling
    assert those["bare", "all"].word == "open"
    assert "nothing is required of it" in those["bare", "all"].reason
    assert len(requirements(found)) == len(those) + 2  # the deadlines of cam and ctrl, which nobody named


def test_a_latency_that_is_beyond_its_limit_counts_and_is_a_counterexample(seen: Path, tmp_path: Path) -> None:
    found = verify(seen, runs=1, overrides=["chains.see.max_latency=15 ms"])
    assert (found.verdict, found.chain_verdict(0), found.counterexample) == ("unschedulable", "unschedulable", None)
    assert found.broken is not None
    assert (found.broken.chain, found.broken.quantity, found.broken.task) == ("see", "triggered", "det")
    assert str(found.broken).startswith("the latency of chain 'see' was 15.")
    hard = levels(found)[0]
    assert (hard.criticality, hard.verdict, hard.chains) == ("hard", "unschedulable", ("see",))
    miss = tmp_path / "miss.yaml"
    answer = ask("analyse", seen, "--set", "chains.see.max_latency=15 ms", "--runs", "1", "--counterexample", str(miss))
    assert "REQ-020, latency: refuted, 15.5 ms in a run" in answer
    again = CliRunner().invoke(cli, ["run", str(miss), "--fail-on", "miss"])
    assert again.exit_code == 1  # the file shows it; each instance has an id of its own there
    assert "REQ-018[1]" in again.output


def test_an_open_limit_says_why(seen: Path) -> None:
    found = verify(seen, runs=0, overrides=["tasks.tracker.wcet={cpu: 12 ms}", "chains.see.max_latency=15400 us"])
    those = {each.name: each for each in stated(found)}
    assert those["see"].reason == "its bound 15.5 ms is beyond 15.4 ms"
    assert (those["see"].word, those["see"].slack) == ("open", -100_000)
    assert (those["tracker[0]"].word, those["tracker[1]"].word) == ("proven", "refuted")  # 24 ms of every 20
    assert those["tracker[1]"].reason


# ---- carried to every output -------------------------------------------------------------------------------------------


def ask(command: str, path: Path, *arguments: str) -> str:
    """What a command says of a file."""
    answer = CliRunner().invoke(cli, [command, str(path), *arguments])
    assert answer.exit_code in (0, 1), answer.output
    return answer.output


def test_the_commands_print_it(seen: Path, tmp_path: Path) -> None:
    tables, chrome, btf = tmp_path / "tables", tmp_path / "trace.json", tmp_path / "trace.btf"
    text = ask("run", seen, "--csv", str(tables), "--export", str(chrome), "--export", str(btf))
    assert text.startswith("ITEM-1 seen under")
    assert re.search(r"REQ-018 +tracker\[1\] +response +20 ms", text)
    rows = [*csv.DictReader((tables / "jobs.csv").open())]
    assert {row["task"]: row["id"] for row in rows}["tracker[1]"] == "REQ-018"
    assert {row["id"] for row in csv.DictReader((tables / "slices.csv").open())} == {"", "REQ-017", "REQ-018"}
    assert '"id":"REQ-017"' in chrome.read_text().replace('": "', '":"')
    assert "# REQ-017 is the id of task det" in btf.read_text()
    data = json.loads(ask("analyse", seen, "--json", "--runs", "0"))
    assert (data["id"], data["tasks"][1]["id"], data["chains"][0]["id"]) == ("ITEM-1", "REQ-017", "REQ-020")
    assert {each["id"] for each in data["requirements"]} == {"ITEM-1", None, "REQ-017", "REQ-018", "REQ-020", "REQ-021"}
    assert [each["quantity"] for each in data["chains"][0]["ends"]] == ["mrt", "mrrt", "mda", "mrda", "triggered"]
    assert "The id of its task is REQ-017." in ask("explain", seen, "det[1]")


def test_the_report_traces_both_ways(seen: Path) -> None:
    from rtsched.report.content import Report
    from rtsched.report.markdown import markdown

    text = markdown(Report(verify(seen, runs=1), "2025-01-31"))
    part = text.partition("Requirements\n")[2].partition("\n## ")[0]
    assert "| ✓ | REQ-020 | see | latency (triggered) | 16 ms | 15.5 ms | 500 us |" in part
    assert "reaction time (mrt): from a stimulus that a read of the first task just missed to the end of" in part
    assert "REQ-021" in part.partition("without a bound or a run")[2].split("\n")[0]
    assert "speaks:** none." in part
    bare = markdown(Report(verify(rtsched.load("buttazzo_rm_edf"), runs=0), "2025-01-31"))
    assert "no task, chain or system has an id" in bare


def test_the_page_and_a_notebook_have_it(seen: Path, tmp_path: Path) -> None:
    from rtsched.page.contents import facts

    trace = rtsched.simulate(seen)
    found: dict[str, Any] = facts(trace)
    assert found["tasks"][1]["id"] == "REQ-017"
    assert found["chains"][0] == {"name": "REQ-020 see", "tasks": (0, 1), "most": 16_000_000}
    assert "REQ-017" in rtsched.summary(trace)._repr_html_()
    assert "REQ-020" in verify(seen, runs=0)._repr_html_()
    assert "id" not in columns(rtsched.simulate("buttazzo_rm_edf"), "jobs")


def test_hostile_ids_are_only_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(SEEN.replace("REQ-017", '"<script>alert(1)</script>"').replace("REQ-018", '"=1+1"'))
    assert "<script>" not in verify(path, runs=0)._repr_html_() + rtsched.summary(rtsched.simulate(path))._repr_html_()
    ask("run", path, "--csv", str(tmp_path / "tables"))
    assert "'=1+1" in (tmp_path / "tables" / "jobs.csv").read_text()
