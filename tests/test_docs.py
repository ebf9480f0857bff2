"""What the documentation shows works: doctests, and the README's examples."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest

import rtsched
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.system import System
from rtsched.registry import REGISTRY
from rtsched.schedulers.base import Scheduler
from tests.cli.command import rtsched as rtsched_command
from tests.compiled import is_compiled

README = (Path(__file__).parents[1] / "README.md").read_text()


PACKAGE = Path(rtsched.__file__).parent
DOCTESTS = sorted(
    ".".join(("rtsched", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", DOCTESTS)
def test_doctests(name: str) -> None:
    module = importlib.import_module(name)
    if is_compiled(module):
        pytest.skip("compiled code has no docstrings")
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def block(start: str) -> str:
    """The indented block of the README that begins with `start`, dedented."""
    begin = README.index("    " + start)
    lines = []
    for line in README[begin:].splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines)


def test_the_system_file_of_the_readme_is_valid_and_runs() -> None:
    system = validate(System, parse_yaml(block("platform: uniprocessor")))
    assert [task.name for task in system.tasks] == ["control", "camera", "logger"]
    assert rtsched.simulate(system).check() == []


def test_the_policy_of_the_readme_runs() -> None:
    names: dict[str, object] = {}
    code = block("from rtsched import Scheduler").replace(
        'trace = rtsched.simulate("dhall"', 'trace = simulate("dhall"'
    )
    exec("from rtsched import simulate\n" + code, names)
    assert issubclass(names["FirstComeFirstServed"], Scheduler)  # type: ignore[arg-type]
    assert names["trace"].check() == []  # type: ignore[attr-defined]


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(block("import rtsched\n"), {})
    assert "deadlines" in capsys.readouterr().out


HARDWARE = (Path(__file__).parents[1] / "docs" / "hardware.md").read_text()
EXAMPLES = re.findall(r"^## (.*?)$.*?^```yaml\n(.*?)^```", HARDWARE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("title", "text"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_the_systems_of_the_hardware_page_run(title: str, text: str) -> None:
    system = validate(System, parse_yaml(text))
    trace = rtsched.simulate(system, until="2 s")
    assert trace.check() == []
    assert trace.system.hardware is not None
    assert rtsched.summary(trace).hardware is not None


NETWORKS = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()
VARIED = re.findall(r"^## (.*?)$.*?^```yaml\n(.*?)^```", NETWORKS, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("title", "text"), VARIED, ids=[title for title, _ in VARIED])
def test_the_systems_of_the_networks_page_run(title: str, text: str) -> None:
    trace = rtsched.simulate(validate(System, parse_yaml(text)))
    assert trace.check() == []
    if "cut" not in title and title != "Recorded inputs":
        measures = rtsched.summary(trace).measures
        assert measures
        assert all(measure.effective_accuracy is not None and measure.effective_accuracy > 0.5 for measure in measures)


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES + VARIED], ids=[title for title, _ in EXAMPLES + VARIED])
def test_the_examples_are_written_out_and_read_back_equal(text: str) -> None:
    system = validate(System, parse_yaml(text))
    assert validate(System, parse_yaml(to_yaml(system))) == system


def test_every_part_of_the_hardware_has_an_example() -> None:
    assert [title for title, _ in EXAMPLES] == [
        "GPUs, block by block", "Accelerators", "Shared memory", "Clocks, energy, heat",
        "Links, faults, announced changes",
    ]  # fmt: skip


ESTIMATES = (Path(__file__).parents[1] / "docs" / "estimates.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", ESTIMATES, re.MULTILINE | re.DOTALL))
def test_the_systems_of_the_estimates_page_run(text: str) -> None:
    system = validate(System, parse_yaml(text))
    assert rtsched.simulate(system).check() == []
    assert validate(System, parse_yaml(to_yaml(system))) == system


ANALYSIS = (Path(__file__).parents[1] / "docs" / "analysis.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", ANALYSIS, re.MULTILINE | re.DOTALL))
def test_the_systems_of_the_analysis_page_are_proven(text: str) -> None:
    found = rtsched.analyse(validate(System, parse_yaml(text)), runs=3)
    assert found.proven
    assert all(found.chain_verdict(place) == "schedulable" for place in range(len(found.system.chains)))


def test_the_python_of_the_analysis_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for code in re.findall(r"^```python\n(.*?)^```", ANALYSIS, re.MULTILINE | re.DOTALL):
        exec(code, {})
    said = capsys.readouterr().out
    assert "np-fp-rta exact applies" in said
    assert "('edf', 'schedulable'" in said


def test_the_analysis_page_lists_every_theorem() -> None:
    from rtsched.schedulability.theorem import theorems

    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*) \| (.*) \|$", ANALYSIS, re.MULTILINE)
    assert rows == [(name, t.strength, t.title, t.citation) for name, t in theorems().items()]
    table = ANALYSIS[ANALYSIS.index("## What bounds what") : ANALYSIS.index("## In Python")]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) <= {*theorems(), *REGISTRY.names("scheduler"), "solver"}


def test_the_python_of_the_metrics_page_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsched.REGISTRY, "own", {})
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert "'miss_ratio': 0.0" in capsys.readouterr().out


def test_the_python_of_the_statistics_page_gives_what_it_says() -> None:
    page = Path(__file__).parents[1] / "docs" / "statistics.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 15
    assert failed == 0


def test_the_python_of_the_page_on_the_optimum_gives_what_it_says() -> None:
    pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")
    page = Path(__file__).parents[1] / "docs" / "optimum.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried >= 5
    assert failed == 0


def test_the_page_on_the_optimum_names_all_that_is_relaxed_or_refused() -> None:
    """What `claims` relaxes or refuses by a plain word stands on the page by that word."""
    from rtsched.optimum.claims import CLAIMS

    page = (Path(__file__).parents[1] / "docs" / "optimum.md").read_text()
    named = {
        name for claims in CLAIMS.values() for name, claim in claims.items() if claim.how in ("relaxed", "refused")
    }
    words = {
        "overheads": "overheads", "planner": "planners", "context_switch": "context switches", "migration": "migrations",
        "scheduling": "overheads", "blackouts": "blackouts", "sections": "sections", "copies": "copies",
        "batch": "batches", "split": "splits", "decay": "decay", "inside": "change inside a node", "caps": "clocks",
        "block_level": "block by", "thermal": "heat", "checkpoint": "checkpoints", "weights": "weights",
        "load_bandwidth": "weights",
    }  # fmt: skip
    assert named == set(words)
    assert [word for word in words.values() if word not in page] == []


def test_the_tables_of_the_statistics_page_are_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[1] / "docs" / "statistics.md").read_text()
    (study,) = re.findall(r"`pairs.yaml`:\n\n```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("pairs.yaml").write_text(study)
    shown = re.findall(r"^```console\n\$ rtsched ([^\n]*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [command.split()[0] for command, _ in shown] == ["compare", "sweep"]
    for command, printed in shown:
        said = rtsched_command(*shlex.split(command), "-j", "1").output
        wanted = re.sub("^…$", "...", printed, flags=re.MULTILINE)
        assert doctest.OutputChecker().check_output(wanted, said, doctest.ELLIPSIS), said


def test_the_statistics_page_names_every_function() -> None:
    from rtsched.experiment import statistics

    page = (Path(__file__).parents[1] / "docs" / "statistics.md").read_text()
    assert {name for name in statistics.__all__ if name[0].islower()} - set(re.findall(r"\w+", page)) == set()


DOCS = Path(__file__).parents[1] / "docs"
DESIGN = (DOCS / "design.md").read_text()

#: How a citation of a paper's own numbers begins: its author, or its year, right before them.
PAPER = r"(?:\b(?:Amert|Bakita)|\b(?:19|20)\d\d)[, (]+(?:[A-Z]\d+(?:-[A-Z]?\d+)?(?:, | and ))*(?:[A-Z]\d+-)?$"
CITATION = re.compile(
    r"§ ?(?P<section>\d+(?:\.\d+)?)|(?<![#\w])(?<![a-z]-)(?P<number>R\d+a?|A\d{1,2}(?:-[A-Z])?)\b(?!-[a-z])"
)


def citations(text: str) -> list[str]:
    """The sections, rules and analyses of our own that a text cites; those of papers name the paper."""
    found = []
    for line in text.splitlines():
        for match in CITATION.finditer(line):
            before = line[: match.start()]
            if re.search(PAPER, before):
                continue
            own = match["number"] or f"§{match['section']}"
            found.append(own if match["number"] or before.endswith("design.md ") else f"{own} of what? name its page")
    return found


def known() -> set[str]:
    """Every numbered heading of the plan, and every numbered analysis."""
    sections = re.findall(r"^##+ (\d+(?:\.\d+)?)\.? ", DESIGN, re.MULTILINE)
    rules = re.findall(r"^### (R\d+a?)\. ", DESIGN, re.MULTILINE)
    return {*(f"§{number}" for number in sections), *rules, *(number for number, _ in numbered_analyses())}


def numbered_analyses() -> list[tuple[str, str]]:
    """The rows of the table of analyses: a number, and the theorems."""
    return re.findall(r"^\| (A\d+(?:-[A-Z])?) \| .* \| (.*) \|$", ANALYSIS, re.MULTILINE)


CITING = [
    path
    for path in (*sorted(PACKAGE.rglob("*.py")), *sorted(DOCS.glob("*.md")), *sorted(DOCS.parent.glob("*.md")))
    if CITATION.search(path.read_text())
]


@pytest.mark.parametrize("path", CITING, ids=lambda path: path.name)
def test_every_citation_of_our_own_plan_resolves(path: Path) -> None:
    assert {each for each in citations(path.read_text()) if each not in known()} == set()


def test_a_citation_is_told_from_that_of_a_paper() -> None:
    assert citations("by R6a and R12 (see design.md §4.5), with A6-W; R1-R8") == [
        "R6a",
        "R12",
        "§4.5",
        "A6-W",
        "R1",
        "R8",
    ]
    assert citations("Amert R1-R3, A2; RTSS 2017 (G1, R4-R5); RTSS 1998, §3.2; on an A100, #A40000, Cortex-A76") == []
    assert citations("§9") == ["§9 of what? name its page"]
    assert "R12" not in known()
    assert {"R1", "R6a", "R9", "§4.5", "§9.4", "A6-E", "A11"} <= known()


def test_the_numbers_of_analyses_are_those_of_the_theorems() -> None:
    from rtsched.schedulability.theorem import theorems

    listed = {name: number for number, names in numbered_analyses() for name in re.findall(r"`([\w-]+)`", names)}
    titled = {name: re.search(r"\((A\d+(?:-[A-Z])?)\b", theorem.title) for name, theorem in theorems().items()}
    assert listed == {name: match[1] for name, match in titled.items() if match is not None}


def test_every_test_that_the_plan_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", DESIGN)
    assert len(named) > 15
    for path, name in named:
        assert f"def {name}(" in (DOCS.parent / path).read_text() if name else (DOCS.parent / path).is_file()


def test_every_room_is_in_the_table_and_in_the_picture() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    rooms -= {"__init__", "pytest_plugin"}
    rows = re.findall(r"^\| (.*?) \|", DESIGN[DESIGN.index("## 3.") : DESIGN.index("## 4.")], re.MULTILINE)
    assert {
        word for row in rows for words in re.findall(r"`([^`]+)`", row.split("(")[0]) for word in words.split()
    } == rooms
    picture = (DOCS / "data_flow.svg").read_text()
    drawn = set(re.findall(r">(\w+)(?:, (\w+))?</text>", picture[picture.index("<g>") :]))
    assert {"model", "dnn", "engine", "schedulers", "schedulability", "metrics", "verify", "report"} <= {
        word for words in drawn for word in words
    } & rooms


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for page in (*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in anchors(there.read_text()), f"{page.name}: {target}"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


GLOSSARY = (DOCS / "glossary.md").read_text()
WORDS = re.findall(r"^\| \*\*(\w+)\*\* \| .* \| `(rtsched\.[\w.]+)` \|$", GLOSSARY, re.MULTILINE)


def public_classes() -> dict[str, list[str]]:
    """The public classes of the package by name, with the modules that define one so called."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(), re.MULTILINE):
            found.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    return found


@pytest.mark.parametrize(("word", "place"), WORDS, ids=[word for word, _ in WORDS])
def test_every_word_of_the_glossary_has_its_place_in_the_code(word: str, place: str) -> None:
    module, _, name = place.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_the_glossary_has_every_word_of_the_plan_once() -> None:
    words = [word for word, _ in WORDS]
    assert len(words) == len(set(words)) == GLOSSARY.count("| **")
    assert {
        "Platform", "Processor", "Network", "Variant", "TaskGraph", "Task", "Job", "Segment", "Region", "Slice", "System",
        "Scheduler", "Trace", "Verdict", "Ordering", "Placement", "Adaptation", "Admission", "Soc",
    } <= set(words)  # fmt: skip


def test_the_words_that_occur_twice_are_those_of_the_code() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", GLOSSARY[GLOSSARY.index("## Words that occur twice") :], re.MULTILINE)
    classes = public_classes()
    twice = {name for name, places in classes.items() if len(places) > 1}
    lent = {word for word, place in WORDS if word in classes and not place.endswith(f".{word}")}
    assert listed == sorted(twice | lent)
