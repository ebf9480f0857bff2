"""What the documentation shows works: doctests, and the README's examples."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import rtsched
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.system import System
from rtsched.schedulers.base import Scheduler

README = (Path(__file__).parents[1] / "README.md").read_text()


PACKAGE = Path(rtsched.__file__).parent
DOCTESTS = sorted(
    ".".join(("rtsched", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", DOCTESTS)
def test_doctests(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
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


def test_the_readme_names_every_policy_and_no_other() -> None:
    from rtsched.registry import PARTS, REGISTRY

    row = {kind: re.search(rf"\| {kind} \| (.*) \|", README) for kind in PARTS}
    for kind, match in row.items():
        assert match is not None
        named = set(match.group(1).split("`")[1].split()) | ({"partitioned"} if kind == "placement" else set())
        assert named == set(REGISTRY.names(kind))


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
    if "cut" not in title:
        measures = rtsched.summary(trace).measures
        assert measures
        assert all(measure.effective_accuracy is not None and measure.effective_accuracy > 0.5 for measure in measures)


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES + VARIED], ids=[title for title, _ in EXAMPLES + VARIED])
def test_the_examples_are_written_out_and_read_back_equal(text: str) -> None:
    system = validate(System, parse_yaml(text))
    assert validate(System, parse_yaml(to_yaml(system))) == system


def test_the_networks_page_names_every_policy_beyond_the_classic_ones() -> None:
    from rtsched.registry import REGISTRY

    named = set(
        re.findall(r"`([a-z-]+)`", NETWORKS[NETWORKS.index("## Which policy") : NETWORKS.index("## Comparing")])
    )
    for kind in ("adaptation", "admission"):
        assert set(REGISTRY.names(kind)) <= named
    assert set(REGISTRY.names("scheduler")) - {"cbs", "composed"} <= named


def test_every_part_of_the_hardware_has_an_example() -> None:
    assert [title for title, _ in EXAMPLES] == [
        "GPUs, block by block", "Accelerators", "Shared memory", "Clocks, energy, heat",
        "Links, faults, announced changes",
    ]  # fmt: skip


ANALYSIS = (Path(__file__).parents[1] / "docs" / "analysis.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", ANALYSIS, re.MULTILINE | re.DOTALL))
def test_the_systems_of_the_analysis_page_are_proven(text: str) -> None:
    found = rtsched.analyse(validate(System, parse_yaml(text)), runs=3)
    assert found.proven
    assert all(found.chain_verdict(place) == "schedulable" for place in range(len(found.system.chains)))


def test_the_python_of_the_analysis_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", ANALYSIS, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert "np-fp-rta exact applies" in capsys.readouterr().out


def test_the_analysis_page_lists_every_theorem() -> None:
    from rtsched.schedulability.theorem import theorems

    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*) \| (.*) \|$", ANALYSIS, re.MULTILINE)
    assert rows == [(name, t.strength, t.title, t.citation) for name, t in theorems().items()]
    table = ANALYSIS[ANALYSIS.index("## What bounds what") : ANALYSIS.index("## In Python")]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) <= {*theorems(), "solver"}


def test_the_python_of_the_metrics_page_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsched.REGISTRY, "own", {})
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert "'miss_ratio': 0.0" in capsys.readouterr().out
