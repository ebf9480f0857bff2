"""Every JSON document has a number and a schema, and is as its schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rtsched.cli import COMMANDS, cli
from rtsched.cli.failing import ANSWERS
from rtsched.export.documents import ALIASES, DOCUMENTS, FILES
from rtsched.export.problems import RULES
from tests.cli.command import answer, ended, rtsched
from tests.schemas import check

CHAIN = """\
name: cell
platform: uniprocessor
scheduler: rm
simulate: {until: 40 ms}
tasks:
  - {name: sense, wcet: 1 ms, period: 5 ms, criticality: hard}
  - {name: act, wcet: 2 ms, period: 10 ms, execution: {kind: uniform, low: 0.5, high: 1.0}}
chains:
  - {name: grip, tasks: [sense, act], max_reaction: 40 ms, max_age: 2 ms}
"""
#: What each document is taken from: `{}` is a system file with a chain and something random. All that `answer` asks
#: for in other tests is held against its schema, too.
SAMPLES: dict[str, list[list[str]]] = {
    "analyse": [["analyse", "{}", "--runs", "1", "--margins", "--steps"]],
    "compare": [["compare", "{}", "-s", "edf,rm", "--seeds", "2", "-j", "1"]],
    "diff": [["diff", "{}", "edf", "rm"]],
    "explain": [["explain", "dhall"]],
    "list": [["list", "metrics"]],
    "run": [["run", "{}", "--metric", "preemptions"]],
    "show": [["show", "rk3588"], ["show", "dhall"], ["show", "edf"]],
    "validate": [["validate", "{}", "dhall"]],
    "what-if": [["what-if", "{}", "--platforms", "file", "-s", "file,edf"]],
}
#: Those that other tests take, and where.
ELSEWHERE = {
    "check-scheduler": "conformance/test_judge.py",
    "export": "cli/test_export.py",
    "fuzz-soundness": "verify/test_fuzz_soundness.py",
    "optimum": "cli/test_optimum.py",
    "plot": "cli/test_export.py",
    "profile": "test_documents.py",
    "replay": "verify/test_fuzz_soundness.py",
    "report": "test_documents.py",
    "soundness": "cli/test_contradiction.py",
    "steps": "cli/test_analyse_steps.py",
    "sweep": "experiment/test_paired.py",
    "verify-report": "test_documents.py",
    "wcet": "test_documents.py",
}


def commands_with_json() -> Iterator[str]:
    with click.Context(cli) as context:
        for name in COMMANDS:
            command = cli.get_command(context, name)
            assert command is not None
            if any("--json" in option.opts for option in command.params):
                yield name


def test_every_command_with_json_has_a_schema() -> None:
    assert set(commands_with_json()) - set(FILES) <= set(DOCUMENTS)
    assert set(SAMPLES) | set(ELSEWHERE) == set(DOCUMENTS)
    for name, where in ELSEWHERE.items():
        text = (Path(__file__).parent / where).read_text()
        assert f'answer("{name}"' in text or f'check("{name}"' in text, name
    for name, document in DOCUMENTS.items():
        assert (document.number is None) == (name == "steps"), name
        assert json.loads(rtsched("schema", name).output) == document.schema
    for other, name in ALIASES.items():
        assert rtsched("schema", other).output == rtsched("schema", name).output


def test_the_page_lists_every_document_with_its_number() -> None:
    page = (Path(__file__).parents[1] / "docs" / "ci.md").read_text()
    for name, document in DOCUMENTS.items():
        assert f"| `{name}` | {document.number or '–'} | " in page
    for rule in RULES:
        assert f"`{rule}`" in page
    for on in ANSWERS:
        assert f"`{on}`" in page or f"`--fail-on {on}`" in page or on == "unschedulable"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a system."""
    path = tmp_path_factory.mktemp("documents")
    (path / "cell.yaml").write_text(CHAIN)
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_printed_is_as_its_schema_says(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for words in SAMPLES[name]:
        found = answer(*(word.format("cell.yaml") for word in words))
        assert found["format"] == DOCUMENTS[name].number


def test_what_is_not_as_it_should_be_has_one_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("bad.yaml").write_text("platform: uniprocessor\ntasks:\n  - {name: a, wcet: 1, perod: 5 ms}\n")
    Path("odd.yaml").write_text("platform: [unclosed\n")
    found = json.loads(ended("validate", "bad.yaml", "odd.yaml", "nowhere.yaml", "--json").stdout)
    check("validate", found)
    assert [each["valid"] for each in found["files"]] == [False] * 3


def test_a_report_is_as_its_schema_says(folder: Path) -> None:
    text = rtsched("report", folder / "cell.yaml", "-o", "-", "--format", "json", "--runs", "1").stdout
    check("report", json.loads(text))
    (folder / "report.json").write_text(text)
    assert answer("verify-report", folder / "report.json")["confirmed"]


def test_assessed_samples_are_as_their_schema_says(folder: Path) -> None:
    (folder / "runs.csv").write_text("run_ns\n" + "".join(f"{1000 + 7 * k % 13}\n" for k in range(40)))
    check("wcet", json.loads(rtsched("wcet", folder / "runs.csv", "--json").stdout))


def test_a_measured_model_is_as_its_schema_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.dnn import profiler

    times = profiler.Figures(1.0, 2.0, 3.0, 9)
    measured = profiler.Profile("net", 1, "x=1", times, (profiler.NodeFigures("a", "Conv", times, 1.0),))
    monkeypatch.setattr(profiler, "measure", lambda *_, **__: measured)
    check("profile", answer("profile", "net.onnx"))


@pytest.mark.parametrize("words", [["generate"], ["generate", "--count", "2"]])
def test_what_is_a_file_is_as_files_are(words: list[str]) -> None:
    """Without a number: rtsched reads it again."""
    found = json.loads(rtsched(*words, "--json").output)
    assert all("format" not in system and system["tasks"] for system in (found if isinstance(found, list) else [found]))


def test_times_that_leave_their_origin_unstated_keep_the_schema(tmp_path: Path) -> None:
    origins = [
        {"kind": "analysed"}, {"kind": "budget", "enforced_by": "the watchdog"}, {"kind": "declared"},
        {"kind": "high-water"}, {"kind": "pwcet", "p": 1e-9}, {"kind": "percentile", "q": 0.9, "n": 40},
        {"kind": "typical"}, {"kind": "modelled"},
    ]  # fmt: skip
    tasks = [{"name": f"t{n}", "wcet": "1 ms", "period": "50 ms", "origin": each} for n, each in enumerate(origins)]
    (tmp_path / "s.json").write_text(json.dumps({"platform": "uniprocessor", "scheduler": "rm", "tasks": tasks}))
    check("analyse", answer("analyse", tmp_path / "s.json", "--runs", "0"))
    ended("report", str(tmp_path / "s.json"), "--runs", "0", "-o", str(tmp_path / "r.json"))
    check("report", json.loads((tmp_path / "r.json").read_text()))
