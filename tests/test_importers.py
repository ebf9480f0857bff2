"""Files of SimSo and rt-app become systems; what cannot come along is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtsched.api import Loaded, load, simulate, summary
from rtsched.errors import InputError
from rtsched.importers import ImportResult, import_file
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.platform import Platform
from rtsched.model.system import System
from tests.conftest import DATA
from tests.test_cli import rtsched

US, MS = 1_000, 1_000_000


def imported(name: str) -> ImportResult:
    result = import_file(str(DATA / "import" / name))
    assert validate(System, parse_yaml(to_yaml(result.system))) == result.system
    assert summary(simulate(result.system)).jobs > 0
    return result


def platform(result: ImportResult) -> Platform:
    assert isinstance(result.system.platform, Platform)
    return result.system.platform


def test_simso() -> None:
    result = imported("simso.xml")
    system = result.system
    cpu = platform(result).processors["cpu"]
    assert (cpu.cores, [float(speed) for speed in cpu.speeds or ()]) == (2, [1.0, 0.5])
    assert (cpu.context_switch, cpu.migration, system.overheads.scheduling) == (5 * US, 3 * US, 2 * US)
    assert system.scheduler == {"ordering": "rm", "placement": "first-fit"}
    assert system.simulate.until == 420 * MS
    first, second, third = system.tasks
    assert (first.wcet, first.period, first.deadline, first.offset) == ({"any": 3_250_000}, 10 * MS, 10 * MS, 2_500_000)
    assert (first.on_miss, second.on_miss) == ("abort", "continue")
    assert first.execution.model_dump() == {
        "kind": "normal",
        "mean": 1.5 / 3.25,
        "std": 0.25 / 3.25,
        "low": 1e-6,
        "high": 1,
    }
    assert second.arrival.times == (1 * MS, 7_500_000)  # type: ignore[union-attr]
    assert third.after is not None
    assert (third.after.task, third.deadline) == ("TASK T1", 20 * MS)
    assert result.warnings == (
        "overhead_terminate is not simulated; add it to the execution times",
        "the tasks' field 'criticality' is not carried over",
        "task 'TASK T1': preemption_cost is not simulated; use 'overheads:'",
    )


def test_rtapp() -> None:
    result = imported("rtapp.json")
    system = result.system
    assert platform(result).processors["cpu"].cores == 2
    assert system.scheduler == {"ordering": "fp"}
    assert system.simulate.until == 2000 * MS
    control, camera, logger = system.tasks
    assert (control.wcet, control.period, control.offset, control.priority) == (
        {"any": 1500 * US},
        10 * MS,
        500 * US,
        80,
    )
    assert [(s.resource, s.start, s.length) for s in control.sections] == [("m", 0, 1000 * US)]
    assert control.processors == ("cpu1",)
    assert (camera.wcet, camera.period, camera.instances, camera.priority) == ({"any": 500 * US}, 33 * MS, 2, 90)
    assert [(s.start, s.length) for s in camera.sections] == [(200 * US, 300 * US)]
    assert system.resources["m"].protocol == "inheritance"
    assert logger.after is not None
    assert (logger.after.task, logger.wcet, logger.priority) == ("control", {"any": 100 * US}, 95)
    assert result.warnings == ("logger: 'mem' is not carried over",)


def test_rtapp_with_deadline_threads() -> None:
    result = imported("rtapp_deadline.json")
    system = result.system
    video, batch = system.tasks
    assert system.scheduler == {"name": "cbs"}
    assert (video.budget, video.server_period, video.period) == (4 * MS, 10 * MS, 10 * MS)
    assert (batch.period, batch.budget) == (5 * MS, None)
    assert result.warnings == (
        "batch: sleeps for a while there; here its period is run + sleep",
        "the run has no end of its own: 10 s are taken",
        "threads beside SCHED_DEADLINE run in the background, in order of arrival",
    )


def test_the_command_writes_a_system_that_runs(tmp_path: Path) -> None:
    target = tmp_path / "system.yaml"
    assert rtsched("import", DATA / "import" / "simso.xml", "-o", target).exit_code == 0
    assert summary(simulate(load(target))).jobs == 42 + 42 + 2
    printed = rtsched("import", DATA / "import" / "rtapp.json", "--json").output
    assert json.loads(printed[printed.index("{") :])["tasks"][0]["name"] == "control"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><simulation>&b;</simulation>'
SHELL = "<simulation><sched class='EDF'/><processors><processor name='a' id='1'/></processors><tasks>{}</tasks></simulation>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, ":1: has a document type or entity"),
        ("<a>" * 100 + "</a>" * 100, "nested deeper than 32"),
        ("<simulation>", ":1:13: is not XML"),
        ("<model/>", "the root is <model>"),
        ("<simulation/>", "has no processor"),
        (SHELL.format("<task name='a' id='1' period='-5' WCET='1' deadline='5'/>"), "task a: period: '-5' is negative"),
        (
            SHELL.format("<task name='a' id='1' period='x' WCET='1' deadline='5'/>"),
            "task a: period: 'x' is not a number",
        ),
        (
            SHELL.format("<task name='a' id='1' period='5' WCET='0' deadline='5'/>"),
            "tasks.0.wcet.any: must be positive",
        ),
        (SHELL.format("<task name='a' id='1' period='5' WCET='1' deadline='5' followed_by='9'/>"), "is no task's id"),
        (SHELL.format(""), "needs at least one task"),
        ("[" * 10_000, "neither SimSo XML"),
        ('{"tasks": ' + '{"a": ' * 100, "nested deeper than 32"),
        ('{"tasks": {"a": {"run": 5, }', ":1:2"),
        ('{"jobs": {}}', "has no object 'tasks'"),
        ('{"tasks": {"a": 5}}', "tasks.a is no object"),
        ('{"tasks": {"a": {"run": -5, "timer": {"period": 9}}}}', "tasks.a.run: -5 is negative"),
        ('{"tasks": {"a": {"run": 5, "timer": {}}}}', "tasks.a.timer needs a 'period'"),
        ('{"tasks": {"a": {"run": NaN, "timer": {"period": 9}}}}', "is not a time below 100 years"),
        ('{"tasks": {"a": {"unlock": "m", "run": 5}}}', "unlocks 'm' without a lock"),
        ('{"tasks": {"a": {"lock": "m", "run": 5, "timer": {"period": 9}}}}', "never unlocks 'm'"),
        ('{"tasks": {"a": {"sleep": 5}}}', "no thread does anything"),
        ("hello", "neither SimSo XML"),
    ],
)
def test_hostile_and_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        import_file(str(path))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_an_imported_system_can_be_loaded() -> None:
    result = import_file(str(DATA / "import" / "simso.xml"))
    loaded = load(result.system)
    assert isinstance(loaded, Loaded)
    assert [processor.speed for processor in loaded.lower().processors] == [1, 0.5]
