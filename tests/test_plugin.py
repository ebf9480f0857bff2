"""A plug-in package, installed beside rtsched, is used by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rtsched as package
from rtsched.errors import InputError
from rtsched.registry import REGISTRY, Registry, build
from rtsched.schedulers.base import Scheduler
from tests import forked

PLUGIN = Path(__file__).parent / "plugin"

SYSTEM = """
platform: uniprocessor
tasks:
  - {name: short, wcet: 1 ms, period: 10 ms}
  - {name: long, wcet: 6 ms, period: 20 ms}
"""


def rtsched(*arguments: str, plugin: bool = True) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with or without the plug-in's folder on the path."""
    return forked.command(*arguments, path=(PLUGIN,) if plugin else ())


@pytest.fixture
def system(tmp_path: Path) -> str:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM)
    return str(path)


def worst(output: str) -> dict[str, int]:
    return {task["name"]: task["response"]["max"] for task in json.loads(output)["tasks"]}


def test_a_plugged_in_scheduler_runs_by_name(system: str) -> None:
    answer = rtsched("run", system, "--scheduler", "example-fcfs", "--until", "20 ms", "--json")
    assert answer.returncode == 0, answer.stderr
    assert worst(answer.stdout) == {"short": 1_000_000, "long": 7_000_000}


def test_a_plugged_in_scheduler_takes_its_parameters_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM + "scheduler: {name: example-fcfs, backwards: true}\n")
    assert rtsched("validate", str(path)).returncode == 0
    path.write_text(SYSTEM + "scheduler: {name: example-fcfs, forwards: true}\n")
    refused = rtsched("run", str(path))
    assert refused.returncode == 2
    assert "system.yaml:6:" in refused.stderr
    assert "has no parameter 'forwards'; it has backwards" in refused.stderr


def test_a_plugged_in_ordering_composes(system: str) -> None:
    answer = rtsched("run", system, "--scheduler", "ordering=longest-first", "--until", "20 ms", "--json")
    assert answer.returncode == 0, answer.stderr
    assert worst(answer.stdout) == {"short": 7_000_000, "long": 6_000_000}


def test_it_is_listed_and_shown_and_gone_without_the_package(system: str) -> None:
    assert "example-fcfs" in rtsched("list", "schedulers").stdout
    assert "First come, first served" in rtsched("show", "example-fcfs").stdout
    gone = rtsched("run", system, "--scheduler", "example-fcfs", plugin=False)
    assert gone.returncode == 2
    assert "no scheduler is called 'example-fcfs'" in gone.stderr


def test_names_come_from_the_process_first_and_from_modules_last() -> None:
    registry = Registry()
    assert registry.find("ordering", "edf").__name__ == "EDF"
    registry.register("ordering", "mine", dict)
    assert registry.find("ordering", "mine") is dict
    assert registry.find("ordering", "rtsched.schedulers.orderings.fifo:FIFO").__name__ == "FIFO"
    with pytest.raises(InputError, match="no ordering is called 'edff'; did you mean 'edf'"):
        registry.find("ordering", "edff")
    with pytest.raises(InputError, match="cannot be imported"):
        registry.find("ordering", "no.such:Thing")


def test_a_policy_in_the_working_folder_runs_by_module_and_class(system: str, tmp_path: Path) -> None:
    (tmp_path / "my_policy.py").write_text((PLUGIN / "rtsched_example.py").read_text())
    text = (tmp_path / "my_policy.py").read_text()
    name = text[text.index("class ") + 6 :].split("(")[0]
    program = Path(sys.executable).parent / "rtsched"
    line = [str(program), "run", system, "--scheduler", f"my_policy:{name}", "--until", "20 ms", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert worst(done.stdout)["long"] == 7_000_000


def test_parameters_are_checked_whether_or_not_a_module_postpones_its_annotations() -> None:
    class Eager(Scheduler):
        """Its annotations are classes; those of rtsched's own modules are text."""

        def __init__(self, often, names=None) -> None:
            pass

    Eager.__init__.__annotations__ |= {"often": int, "names": str | None}
    REGISTRY.register("scheduler", "eager", Eager)
    try:
        assert build("scheduler", "eager", {"often": 3, "names": None})
        with pytest.raises(InputError, match="scheduler 'eager': often: must be a whole number \\(found 'seldom'\\)"):
            build("scheduler", "eager", {"often": "seldom"})
        with pytest.raises(InputError, match="scheduler 'eager': names: must be text \\(found 3\\)"):
            build("scheduler", "eager", {"often": 3, "names": 3})
    finally:
        del REGISTRY.own["scheduler", "eager"]


def test_a_class_that_is_mended_while_the_program_runs_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    class Eager(Scheduler):
        def __init__(self, often: int = 1) -> None:
            self.often = often

    monkeypatch.setitem(REGISTRY.own, ("scheduler", "eager"), Eager)
    assert build("scheduler", "eager", {"often": 3}).often == 3

    def mended(self, seldom: int = 1) -> None:
        self.seldom = seldom

    monkeypatch.setattr(Eager, "__init__", mended)
    assert build("scheduler", "eager", {"seldom": 3}).seldom == 3
    with pytest.raises(InputError, match="scheduler 'eager' has no parameter 'often'; it has seldom"):
        build("scheduler", "eager", {"often": 3})


@pytest.mark.parametrize("line", ["{name: 'os:mkdir', path: PATH}", "{ordering: {name: 'os:mkdir', path: PATH}}"])
def test_a_file_cannot_name_code(tmp_path: Path, line: str) -> None:
    path = tmp_path / "system.yaml"
    trap = tmp_path / "trap"
    path.write_text(SYSTEM + f"scheduler: {line.replace('PATH', str(trap))}\n")
    with pytest.raises(InputError, match=r"system.yaml:.*: scheduler: 'os:mkdir' names code, which a file may not"):
        package.load(path)  # nor through a System, which does not know where it came from
    for command in ("run", "validate"):
        refused = rtsched(command, str(path))
        assert refused.returncode == 2
        assert "names code, which a file may not" in refused.stderr
    assert not trap.exists()


def test_a_package_that_takes_a_name_of_ours_is_refused(system: str, tmp_path: Path) -> None:
    """A proof says "rm": nobody else may be called so, not even as another kind of part."""
    info = tmp_path / "rtsched_impostor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rtsched-impostor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtsched.orderings]\nband-heft = rtsched_example:LongestFirst\n")
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join([str(PLUGIN), str(tmp_path)])}
    command = [sys.executable, "-m", "rtsched.cli", "run", system, "--scheduler", "rm"]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert answer.returncode == 2
    assert "rtsched-impostor" in answer.stderr
    assert "the name of rtsched's own scheduler" in answer.stderr
