"""Files of SimSo and rt-app become systems; what cannot come along is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtsched.api import Loaded, load, simulate, summary
from rtsched.errors import InputError
from rtsched.importers import ImportResult, import_file, rtapp
from rtsched.importers.common import reached
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.platform import Platform
from rtsched.model.system import System
from tests.cli.command import rtsched
from tests.conftest import DATA

US, MS = 1_000, 1_000_000


def imported(name: str) -> ImportResult:
    result = import_file(str(DATA / "import" / name))
    dumped = result.system.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    assert System.model_validate(dumped, context={"file": name}) == result.system
    assert validate(System, parse_yaml(to_yaml(result.system))) == result.system
    assert summary(simulate(result.system)).jobs > 0
    return result


def platform(result: ImportResult) -> Platform:
    assert isinstance(result.system.platform, Platform)
    return result.system.platform


def dumped(result: ImportResult) -> list[dict[str, Any]]:
    """The tasks as they would stand in a file."""
    tasks: list[dict[str, Any]] = result.system.model_dump(mode="json", exclude_defaults=True, by_alias=True)["tasks"]
    return tasks


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "file"
    path.write_text(text)
    return str(path)


def thread(events: str) -> str:
    """An rt-app file with one thread."""
    return '{"tasks": {"a": {' + events + "}}}"


# ---- SimSo -----------------------------------------------------------------------------------------------------------


def test_simso() -> None:
    result = imported("simso.xml")
    system = result.system
    cpu = platform(result).processors["cpu"]
    assert (cpu.cores, [float(speed) for speed in cpu.speeds or ()]) == (2, [1.0, 0.5])
    assert (cpu.context_switch, cpu.migration, system.overheads.scheduling) == (5 * US, 3 * US, 2 * US)
    assert system.scheduler == {"ordering": "rm", "placement": "worst-fit"}
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
        "simulation: 'alpha' is not carried over",
        "task: 'criticality' is not carried over",
        "the scheduler P_RM: it packs the tasks in the order of the file there, by decreasing utilisation here",
        "overhead_terminate is not simulated; add it to the execution times",
        "the scheduler's overhead is charged for each decision there, for each start of a job here",
        "contexts are saved and loaded at each interruption there, together at each switch here",
        "execution times beyond the WCET are drawn again here, cut to the WCET there",
        "TASK T1: preemption_cost is not simulated; use 'overheads:'",
        "TASK T2: its ACET does not lie between 0 and its WCET: every job takes the WCET",
        "TASK T3: its ACET does not lie between 0 and its WCET: every job takes the WCET",
    )


def test_simso_with_priorities_caches_and_a_circle() -> None:
    result = imported("simso_fp.xml")
    assert result.system.scheduler == {"ordering": "fp"}
    assert result.system.simulate.until == 100 * MS
    assert dumped(result) == [
        {
            "name": "high",
            "wcet": {"any": "125 us"},
            "period": "4 ms",
            "deadline": "4 ms",
            "priority": -7,
            "on_miss": "abort",
        },
        {
            "name": "low",
            "wcet": {"any": "1 ms"},
            "period": "8 ms",
            "deadline": "8 ms",
            "priority": 3,
            "on_miss": "abort",
        },
        {
            "name": "ping",
            "wcet": {"any": "2 ms"},
            "after": {"task": "low"},
            "deadline": "9 ms",
            "priority": 0,
            "on_miss": "abort",
        },
        {
            "name": "pong",
            "wcet": {"any": "1 ms"},
            "after": {"task": "ping"},
            "deadline": "9 ms",
            "priority": 0,
            "on_miss": "abort",
        },
    ]
    assert result.warnings == (
        "the scheduler's parameter 'quantum' is not carried over",
        "caches are not simulated: put their effect into the execution times",
        "processor: 'island' is not carried over",
        "the scheduler is the file './FP.py': by its name it is taken for FP",
        "ping: follows several tasks; here only 'low'",
        "the execution-time model 'cache' is not simulated: every job takes its WCET",
        "'instructions' describes the use of caches and is not carried over",
        "'stack' describes the use of caches and is not carried over",
        "never: is never activated and is left out",
        "ping: has arrivals of its own and follows 'low': only the latter is taken",
    )


SHELL = (
    "<simulation>\n<sched class='simso.schedulers.{}'/>\n"
    "<processors><processor name='a' id='1'/><processor name='b' id='2'/></processors>\n<tasks>\n{}</tasks></simulation>"
)
TASK = "<task name='t' id='1' period='5' WCET='1' deadline='5'/>"


@pytest.mark.parametrize(
    ("name", "policy", "warning"),
    [
        ("EDF", {"ordering": "edf"}, ""),
        ("P_EDF", {"ordering": "edf", "placement": "first-fit"}, ""),
        ("RM", {"ordering": "rm"}, ""),
        ("RM_mono", {"ordering": "rm"}, "RM_mono: it serves the first processor only there"),
        ("LLF", {"ordering": "llf"}, "LLF: laxities that meet alternate there"),
        ("EDZL", {"ordering": "edzl"}, ""),
        ("ER_PD2", {"ordering": "pd2"}, ""),
        ("PD2", {"ordering": "pd2"}, "PD2: no quantum begins before its window there"),
        ("PriD", {"ordering": "edf-k"}, ""),
        ("EDF_US", {"ordering": "edf-us"}, "EDF_US: tasks of more than 1/2 go first there"),
        ("BF", {"name": "bf"}, "BF: it gives odd units by another rule there"),
        ("DP_WRAP", {"name": "dp-wrap"}, "DP_WRAP: it may be late by what it rounds there"),
        ("EKG", {"name": "ekg"}, ""),
        ("LLREF", {"name": "llref"}, "LLREF: it may be late by what it rounds there"),
        ("RUN", {"name": "run"}, ""),
        ("WC_RUN", {"name": "run"}, "WC_RUN: who is done early leaves the time to others there"),
        ("U_EDF", {"ordering": "edf"}, "'simso.schedulers.U_EDF' is unknown here: edf is taken"),
    ],
)
def test_schedulers_of_simso(tmp_path: Path, name: str, policy: dict[str, str], warning: str) -> None:
    result = import_file(write(tmp_path, SHELL.format(name, TASK)))
    assert result.system.scheduler == policy
    assert [warning in each for each in result.warnings] == [True] * bool(warning)
    assert summary(simulate(result.system, until="10 ms")).jobs == 2


def test_a_circle_of_followers_is_opened(tmp_path: Path) -> None:
    tasks = [
        f"<task name='{name}' id='{name}' period='5' WCET='1' deadline='5' followed_by='{to}'/>"
        for name, to in ("ab", "ba")
    ]
    result = import_file(write(tmp_path, SHELL.format("EDF", "".join(tasks))))
    first, second = result.system.tasks
    assert (first.period, first.after, second.after and second.after.task) == (5 * MS, None, "a")
    assert "a: follows 'b' in a circle, which is opened here" in result.warnings


def test_who_ever_runs() -> None:
    assert reached("abcd", {"a"}, {"b": "a", "c": "b"}) == ({"a", "b", "c"}, set())
    assert reached("abc", {"b"}, {"a": "c", "b": "a", "c": "b"}) == ({"a", "b", "c"}, {"b"})
    assert reached("ab", set(), {"a": "b", "b": "a"}) == (set(), set())


# ---- rt-app ----------------------------------------------------------------------------------------------------------


def test_rtapp() -> None:
    result = imported("rtapp.json")
    system = result.system
    assert platform(result).processors["cpu"].cores == 2
    assert system.scheduler == {"ordering": "fp"}
    assert system.simulate.until == 2000 * MS
    control, camera, logger = system.tasks
    assert (control.wcet, control.period, control.offset) == ({"any": 1500 * US}, 10 * MS, 500 * US)
    assert [(s.resource, s.start, s.length) for s in control.sections] == [("m", 0, 1000 * US)]
    assert (control.pin, control.priority) == ("cpu1", 80)
    assert (camera.wcet, camera.period, camera.instances, camera.priority) == ({"any": 500 * US}, 33 * MS, 2, 90)
    assert camera.processors == ("cpu0", "cpu1")
    assert [(s.start, s.length) for s in camera.sections] == [(200 * US, 300 * US)]
    assert system.resources["m"].protocol == "inheritance"
    assert logger.after is not None
    assert (logger.after.task, logger.wcet, logger.priority) == ("control", {"any": 100 * US}, 95)
    assert result.warnings == (
        "logger: 'mem' is not carried over",
        "logger: has no deadline of its own: the period at the head of its chain, 10 ms, is taken",
        "the file does not say how many CPUs there are: 2 taken",
    )


def test_rtapp_with_deadline_threads() -> None:
    result = imported("rtapp_deadline.json")
    system = result.system
    video, batch = system.tasks
    assert system.scheduler == {"name": "cbs"}
    assert system.simulate.until == "auto"
    assert (video.budget, video.server_period, video.period) == (4 * MS, 10 * MS, 10 * MS)
    assert (batch.period, batch.budget) == (5 * MS, None)
    assert result.warnings == (
        "the run has no end of its own: rtsched chooses one",
        "batch: sleeps, so its period grows with delays there; here it is run + sleep",
        "the file does not say how many CPUs there are: 1 taken",
        "threads beside SCHED_DEADLINE run in the background, in order of arrival",
    )


def test_rtapp_with_a_clock_and_a_chain() -> None:
    result = imported("rtapp_chain.json")
    common = {"priority": 1000}
    assert dumped(result) == [
        {
            "name": "out",
            "wcet": {"any": "5 ms"},
            "period": "30 ms",
            "deadline": "30 ms",
            "processors": ["cpu0", "cpu2"],
            **common,
        },
        {
            "name": "decoder",
            "wcet": {"any": "1.0005 ms"},
            "after": {"task": "out"},
            "deadline": "30 ms",
            "sections": [
                {"resource": "b", "start": "100 us", "length": "250 us"},
                {"resource": "a", "start": "0 ns", "length": "350 us"},
            ],
            **common,
        },
        {"name": "logger", "wcet": {"any": "100 us"}, "period": "50 ms", "deadline": "50 ms", **common},
        {"name": "left", "wcet": {"any": "10 ms"}, "release": "0 ns", "deadline": "10 s", **common},
        {"name": "hog", "wcet": {"any": "6 ms"}, "release": "0 ns", "deadline": "10 s", **common},
    ]
    assert result.system.resources["a"].protocol == "none"
    assert result.warnings == (
        "global: 'frag' is not carried over",
        "tick: its 2 phases are merged: one loop through all of them is one job",
        "decoder: unlocks 'a' before what it locked later; here together with that",
        "decoder: 'signal' is not carried over",
        "right: has no instances and is left out",
        "hog: 'util_min' is not carried over",
        "the run has no end of its own: rtsched chooses one",
        "out: resumes 'decoder' in the middle of its work; here at its end",
        "left: resumes 'right', for which no other thread waits",
        "tick: never runs and is left out: only its pace is kept",
        "out: is released every 30 ms, at 'tick''s pace",
        "decoder: has no deadline of its own: the period at the head of its chain, 30 ms, is taken",
        "logger: pauses 2 times a loop; here its work is one piece",
        "left: suspends itself for good: it is a single job, due at the end of the run",
        "hog: never pauses: its 3 loops are a single job, due at the end of the run",
        "deaf: suspends itself, nobody resumes it, and it is left out",
        "out: its nice value is not carried over",
        "the file does not say how many CPUs there are: 3 taken",
        "the fair scheduling of SCHED_OTHER is approximated by round robin with turns of 4 ms",
    )


def test_threads_that_resume_each_other_take_turns(tmp_path: Path) -> None:
    threads = '"a": {"run": 10, "resume": "b", "suspend": "a"}, "b": {"suspend": "b", "run": 20, "resume": "a"}'
    result = import_file(write(tmp_path, '{"tasks": {' + threads + "}}"))
    first, second = result.system.tasks
    assert (first.period, second.after and second.after.task) == (30 * US, "a")
    assert "a: threads resume each other in a circle; here it starts one every 30 us" in result.warnings


def test_the_only_phase_has_settings_of_its_own(tmp_path: Path) -> None:
    phase = '{"policy": "SCHED_RR", "priority": 42, "cpus": [1], "loop": 9, "run": 5, "timer": {"period": 20}}'
    path = write(tmp_path, thread(f'"cpus": [0], "phases": {{"p": {phase}}}'))
    result = import_file(path)
    (task,) = result.system.tasks
    assert (task.pin, task.priority, task.period) == ("cpu1", 58, 20 * US)
    assert result.warnings == (
        "the run has no end of its own: rtsched chooses one",
        "equal priorities take turns under SCHED_RR; here they go by their order in the file",
    )
    assert platform(rtapp.read(path, cores=4)).processors["cpu"].cores == 4
    with pytest.raises(InputError, match="names CPU 1, but there are 1; give more cores"):
        rtapp.read(path, cores=1)


def test_settings_of_several_phases_are_warned_about(tmp_path: Path) -> None:
    phases = '"p": {"cpus": [1], "run": 5, "loop": 3}, "q": {"run": 7, "sleep": 78}'
    result = import_file(write(tmp_path, thread(f'"cpus": [0], "loop": 2, "phases": {{{phases}}}')))
    (task,) = result.system.tasks
    assert (task.pin, task.wcet, task.period) == ("cpu", {"any": 22 * US}, 100 * US)
    assert "a: 'p.cpus' is not carried over" in result.warnings
    assert "a: ends after 2 loops there, runs on here" in result.warnings


# ---- both ------------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_system_that_runs(tmp_path: Path) -> None:
    target = tmp_path / "system.yaml"
    assert rtsched("import", DATA / "import" / "simso.xml", "-o", target).exit_code == 0
    assert summary(simulate(load(target))).jobs == 42 + 42 + 2
    printed = rtsched("import", DATA / "import" / "rtapp.json", "--json").output
    assert json.loads(printed[printed.index("{") :])["tasks"][0]["name"] == "control"


def test_an_imported_system_can_be_loaded() -> None:
    result = import_file(str(DATA / "import" / "simso.xml"))
    loaded = load(result.system)
    assert isinstance(loaded, Loaded)
    assert [processor.speed for processor in loaded.lower().processors] == [1, 0.5]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><simulation>&b;</simulation>'


def simso(attributes: str) -> str:
    return SHELL.format("EDF", f"<task name='a' id='1' {attributes}/>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, ":1: has a document type or entity"),
        ("<simulation>\n<!DOCTYPE html>", ":2:3: is not XML"),
        ("<a>" * 100 + "</a>" * 100, ":1: is nested deeper than 32"),
        ("<a>" + "<b/>" * 100_001 + "</a>", "more than 100000 elements"),
        ("<simulation>", ":1:13: is not XML"),
        ("<model/>", ":1: the root is <model>"),
        ("<simulation/>", "has no processor"),
        ("<simulation cycles_per_ms='0'/>", ":1: simulation: cycles_per_ms is 0"),
        (simso("period='-5' WCET='1' deadline='5'"), ":5: task a: period: '-5' is negative"),
        (simso("period='x' WCET='1' deadline='5'"), ":5: task a: period: 'x' is not a number"),
        (
            simso("period='1e999999999' WCET='1' deadline='5'"),
            ":5: task a: period: '1e999999999' is no time below 100 years",
        ),
        (simso("period='5' WCET='0' deadline='5'"), ":5: task a: WCET is 0; give a positive time"),
        (
            simso("period='5' WCET='1e-7' deadline='5'"),
            "task a: WCET: '1e-7' ms is shorter than the resolution of 1 ns",
        ),
        (simso("period='5' WCET='1'"), ":5: task a: 'deadline' is missing"),
        (simso("period='5' WCET='1' deadline='5' followed_by='9'"), ":5: task a: followed_by='9' is no task's id"),
        (simso("period='5' WCET='1' deadline='5' priority='1.5'"), ":5: task a: priority=1.5 is no whole number"),
        (
            simso("period='5' WCET='1' deadline='5' task_type='Sporadic' list_activation_dates='1;2'"),
            "'1;2' is not a number",
        ),
        (SHELL.format("EDF", TASK + TASK), ":5: task t: the id '1' is used twice"),
        (
            SHELL.format("EDF", TASK.replace("'t'", "'a&#10;b'").replace("'1'", "'x'", 2)),
            "task a\\nb: WCET: 'x' is not",
        ),
        (SHELL.format("EDF", ""), "needs at least one task"),
        ("[" * 10_000, "neither SimSo XML"),
        ('{"tasks":\n' + '{"a": ' * 100, ":2: is nested deeper than 32"),
        ('{"tasks": [' + "0," * 100_001 + "0]}", "more than 100000 values"),
        ('{"tasks": {"a": {"run": 5, }', ":1:2"),
        ('{"tasks": {"a": /* never\n closed', ":2:8: is not JSON"),
        ('{"a": ' + '\\"' * 1_000_000, ":1:7: is not JSON"),
        ('{"tasks": ' + "/*x" * 1_000_000, ":1:3000011: is not JSON"),
        (thread('"run": 1e99999999999999999999'), "is not JSON"),
        (thread('"run": ' + "9" * 5000), "is not JSON: Exceeds the limit"),
        ('{"jobs": {}}', "has no object 'tasks'"),
        ('{"tasks": {"a": 5}}', "tasks.a: is no object"),
        ('{"tasks": {"a": {"run": 5}, "a": {"run": 5}}}', "tasks.a: two threads have this name"),
        (thread('"run": -5, "timer": {"period": 9}'), "tasks.a.run: '-5' is negative"),
        (thread('"run": "5"'), "tasks.a.run: '5' is not a number"),
        (thread('"run": 5, "timer": {}'), "tasks.a.timer: has no 'period'"),
        (thread('"run": 5, "timer": {"period": -9}'), "tasks.a.timer: '-9' is negative"),
        (thread('"run": NaN, "timer": {"period": 9}'), "'nan' is no time below 100 years"),
        (thread('"run": 5, "policy": "SCHED_BATCH"'), "tasks.a.policy: 'SCHED_BATCH' is none of SCHED_OTHER, "),
        (thread('"run": 5, "policy": "SCHED_DEADLINE"'), "no 'dl-runtime'"),
        (thread('"run": 5, "cpus": [1024]'), "tasks.a.cpus: cores are numbered 0 to 1023"),
        (thread('"run": 5, "cpus": 1'), "tasks.a.cpus: is no list of numbers"),
        (thread('"phases": {"p": {"run": 5, "loop": 9999}, "q": {"loop": 2, "run": 1}}'), "more than 10000 phases"),
        (thread('"unlock": "m", "run": 5'), "unlocks 'm' without a lock"),
        (thread('"lock": "m", "run": 5, "timer": {"period": 9}'), "never unlocks 'm'"),
        (thread('"sleep": 5'), "no thread does anything"),
        ('{"tasks": {"a": {"run": 5}}, "global": {"duration": -2}}', "global.duration: '-2' is negative"),
        ('{"tasks": {"a\\ud800": {"run": 5}}}', "must be a valid string"),
        ("hello", "neither SimSo XML"),
    ],
)
def test_hostile_and_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        import_file(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_large_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, " " * (16 * 2**20 + 1))
    with pytest.raises(InputError, match="is larger than 16 MiB"):
        import_file(path)
