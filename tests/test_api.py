"""The Python door: what a system may be given as, how it is changed, and that nothing but our own errors come back."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.api import parts_of
from rtsched.errors import InputError
from rtsched.export.tables import write_csv
from rtsched.model import catalogue
from rtsched.model.config import to_yaml
from rtsched.model.system import Simulate
from rtsched.model.task import Periodic, Task
from rtsched.plot.front import front
from rtsched.plot.gantt import gantt
from rtsched.plot.platform import block_diagram

MS = 1_000_000

PAIR: dict[str, Any] = {
    "platform": "uniprocessor",
    "scheduler": "rm",
    "tasks": [{"name": "a", "wcet": 2 * MS, "period": "10 ms"}, {"name": "b", "wcet": "3 ms", "rate": "50 Hz"}],
}


def pair() -> rtsched.System:
    return rtsched.load(PAIR).system


def refusal(action: Any) -> str:
    """What an action is refused with."""
    with pytest.raises(InputError) as caught:
        action()
    return str(caught.value)


# ---- a mapping is a system -------------------------------------------------------------------------------------------


def test_a_mapping_is_a_system_wherever_one_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(
        "platform: uniprocessor\nscheduler: rm\n"
        "tasks: [{name: a, wcet: 2 ms, period: 10 ms}, {name: b, wcet: 3 ms, rate: 50 Hz}]"
    )
    assert rtsched.load(PAIR).system == rtsched.load(file).system
    jobs = [rtsched.simulate(source, until="100 ms").jobs.tolist() for source in (PAIR, file, pair())]
    assert jobs[0] == jobs[1] == jobs[2]
    assert len(jobs[0]) == 15
    assert rtsched.analyse(PAIR, runs=1).verdict == "schedulable"
    assert [row.policy for row in rtsched.compare(PAIR, ["rm", "edf"], 1, until="100 ms", jobs=1).rows] == ["rm", "edf"]


def test_a_mapping_is_a_platform_too() -> None:
    fast = {"processors": {"cpu": {"speed": np.int64(2)}}}
    assert rtsched.summary(rtsched.simulate(PAIR, platform=fast, until="10 ms")).tasks[0].response.max == MS
    assert rtsched.simulate(PAIR | {"platform": fast}, until="10 ms").jobs["finish"].tolist() == [MS, 5 * MS // 2]


def test_overrides_change_a_mapping_and_a_system() -> None:
    for source in (PAIR, pair()):
        assert rtsched.load(source, overrides=["tasks.a.period=20ms"]).system.tasks[0].period == 20 * MS
        text = refusal(lambda source=source: rtsched.load(source, overrides=["tasks.a.period=-20ms"]))
        assert text.startswith("--set tasks.a.period=-20ms: tasks.a.period: must be positive")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": [PAIR["tasks"][0] | {"wcet": -1}]}, "System: tasks.a.wcet: must be positive; write e.g. '5 ms' (got -1)"),
        ({"tasks": [PAIR["tasks"][0] | {"perod": 1}]}, "System: tasks.a.perod: unknown key 'perod'; did you mean 'period'?"),
        ({"tasks": [PAIR["tasks"][0] | {"wcet": "5"}]}, "System: tasks.a.wcet: '5' has no unit"),
        ({"tasks": []}, "System: a system needs at least one task (or job)"),
        ({"platform": {"processors": {"cpu": {"kind": "cpux"}}}}, "System: platform.processors.cpu.kind: must be 'cpu',"),
        ({"scheduler": "rm+frst-fit"}, "nothing is called 'frst-fit'; did you mean 'first-fit'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_mapping_are_named_by_their_place(change: dict[str, Any], message: str) -> None:
    assert message in refusal(lambda: rtsched.simulate(PAIR | change))


# ---- models ----------------------------------------------------------------------------------------------------------


def test_models_made_in_python_raise_our_error() -> None:
    assert (
        refusal(lambda: Task(name="a", wcet=-5, period=10))
        == "Task: wcet: must be positive; write e.g. '5 ms' (got -5)"
    )
    assert "'platform' is missing" in refusal(lambda: rtsched.System(tasks=()))
    assert "a positive time" in refusal(lambda: rtsched.System.model_validate(PAIR | {"simulate": {"until": 0}}))
    assert "Platform: processors" in refusal(lambda: rtsched.Platform(processors={}))
    assert "JSON" in refusal(lambda: rtsched.System.model_validate_json("{"))


def test_with_sets_fields_and_paths() -> None:
    system = pair()
    assert system.with_(scheduler="edf").scheduler == {"name": "edf"}
    changed = system.with_({"tasks.a.period": "20 ms", "simulate.seed": np.int64(3)}, title="slower")
    assert (changed.tasks[0].period, changed.simulate.seed, changed.title) == (20 * MS, 3, "slower")
    assert changed.tasks[1] == system.tasks[1]
    assert system.with_(tasks={"a": {"period": 20 * MS}, "b": {"priority": 1}}) == system.with_(
        {"tasks.a.period": "20 ms", "tasks.b.priority": 1}
    )
    rate = system.with_({"tasks.b.period": "5 ms"}).tasks[1]
    assert (rate.period, rate.rate) == (5 * MS, None)  # as --set: the other word for it goes
    task = system.tasks[0].with_(wcet="1 ms")
    assert system.with_(tasks=[task]).tasks == (task,)
    platform = catalogue.load_platform("rk3588")
    assert platform.with_({"processors.gpu.migration": "1 ms"}).processors["gpu"].migration == MS
    assert system.with_() == system == pair()


def test_with_keeps_the_files_of_a_system_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("processors: {cpu: {cores: 2}}")
    (tmp_path / "fast.yaml").write_text("processors: {cpu: {speed: 2}}")
    (tmp_path / "times.csv").write_text("release_ms\n0\n4\n")
    (tmp_path / "system.yaml").write_text(
        "platform: chip.yaml\ntasks: [{name: a, wcet: 2 ms, deadline: 9 ms, arrival: {kind: trace, file: times.csv}}]"
    )
    loaded = rtsched.load(tmp_path / "system.yaml")
    shorter = loaded.with_({"tasks.a.wcet": "1 ms"})
    assert rtsched.simulate(shorter).jobs["finish"].tolist() == [MS, 5 * MS]
    assert rtsched.simulate(shorter, platform="multicore:3").jobs["finish"].tolist() == [MS, 5 * MS]
    assert rtsched.simulate(shorter.with_(platform="fast.yaml")).jobs["finish"].tolist() == [MS // 2, 9 * MS // 2]
    assert rtsched.load(shorter, overrides=["tasks.a.wcet=3ms"]).system.tasks[0].wcet == {"any": 3 * MS}
    assert "tasks.a.wcet: must be positive" in refusal(lambda: loaded.with_({"tasks.a.wcet": 0}))
    replaced = replace(loaded, system=shorter.system)
    assert rtsched.simulate(replaced, platform="multicore:3").jobs["finish"].tolist() == [MS, 5 * MS]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks.a.period": 0}, "with_ tasks.a.period=0: tasks.a.period: must be positive"),
        ({"tasks.c.period": 5}, "with_ tasks.c.period=5: nothing here is called 'c'; known: a, b"),
        ({"schedular": "rm"}, "with_ schedular='rm': schedular: unknown key 'schedular'; did you mean 'scheduler'?"),
        ({"tasks": {"a": 5}}, "tasks: must be a list"),
        ("tasks.a.period", "with_ takes a mapping of paths to values"),
        ({"chains": [{"name": "c", "tasks": ["a", "x"]}]}, "chain 'c' names 'x', which is no task"),
    ],
)
def test_with_validates(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(lambda: pair().with_(changes))


def test_every_workload_goes_through_with_unchanged() -> None:
    for name in catalogue.names("workloads"):
        system = rtsched.load(name).system
        again = system.with_(title=system.title)
        assert again == system
        assert rtsched.load(name).platform.with_() == rtsched.load(name).platform


BROKEN = [
    ({"period": 0}, "tasks.a.period: must be positive"),
    ({"wcet": {"any": -5}}, "tasks.a.wcet.any: must be positive"),
    ({"nonsense": 1}, "tasks.a.nonsense: unknown key"),
    ({"weight": float("nan")}, "tasks.a.weight: must be"),
    ({"arrival": Periodic(), "period": None}, "the period is missing"),
]


@pytest.mark.parametrize(("update", "message"), BROKEN)
def test_what_pydantic_let_through_is_stopped_at_the_door(update: dict[str, Any], message: str) -> None:
    system = pair()
    broken = system.model_copy(update={"tasks": (system.tasks[0].model_copy(update=update), system.tasks[1])})
    raw = rtsched.System.model_construct(platform="uniprocessor", tasks=broken.tasks)
    loaded = replace(rtsched.load(PAIR), system=broken)
    for source in (broken, raw, loaded):
        for door in (rtsched.load, rtsched.simulate, rtsched.analyse):
            assert message in refusal(lambda source=source, door=door: door(source))
    assert message in refusal(lambda: rtsched.System(platform="uniprocessor", tasks=broken.tasks))
    assert message in refusal(lambda: system.with_(tasks=broken.tasks))
    good = system.tasks[0].model_copy(update={"period": 7 * MS})
    assert rtsched.load(system.model_copy(update={"tasks": (good,)})).system.tasks[0].period == 7 * MS


# ---- numbers and schedulers ------------------------------------------------------------------------------------------


def test_integers_of_numpy_are_integers() -> None:
    for kind in (np.int64, np.int32, np.uint16):
        task = Task(name="a", wcet=kind(500), period=kind(2000), priority=kind(3), instances=kind(2))
        assert task == Task(name="a", wcet=500, period=2000, priority=3, instances=2)
        assert type(task.period) is int
    assert Simulate(until=np.int64(5)).until == 5
    trace = rtsched.simulate(PAIR, until=np.int64(20 * MS), seed=np.int32(7))
    assert (trace.until, trace.seed, type(trace.seed)) == (20 * MS, 7, int)
    seeds = rtsched.compare(PAIR, "rm", np.arange(2), until="20 ms", jobs=1).seeds
    assert seeds == rtsched.compare(PAIR, "rm", np.int64(2), until="20 ms", jobs=1).seeds == (0, 1)
    for wrong in (np.True_, np.float64(5), True):
        assert "Task: period: a duration is text" in refusal(lambda wrong=wrong: Task(name="a", wcet=1, period=wrong))


def test_names_joined_by_plus_work_wherever_a_scheduler_is_named(tmp_path: Path) -> None:
    word = "rm+first-fit+limited"
    file = tmp_path / "system.yaml"
    file.write_text(f"platform: multicore:2\nscheduler: {word}\ntasks: [{{name: a, wcet: 2 ms, period: 10 ms}}]")
    two = PAIR | {"platform": "multicore:2"}
    ways = [
        rtsched.simulate(file),
        rtsched.simulate(two, scheduler=word),
        rtsched.simulate(two | {"scheduler": word}),
        rtsched.simulate(two | {"scheduler": {"name": "rm+limited", "placement": "first-fit"}}),
        rtsched.simulate(rtsched.load(two).system.with_(scheduler=word)),
    ]
    assert {trace.scheduler for trace in ways} == {"RateMonotonic + FirstFitDecreasing, limited"}
    assert parts_of({"name": word}) == parts_of(word)
    assert rtsched.analyse(file, runs=0).description == parts_of(word)
    policies = ["file", word, {"ordering": "rm", "placement": "first-fit", "preemption": "limited"}]
    rows = rtsched.compare(file, policies, 1, jobs=1).rows
    assert rows[0].runs == rows[1].runs == rows[2].runs
    assert rows[2].policy == "{ordering: rm, placement: first-fit, preemption: limited}"


def test_a_scheduler_in_a_file_is_blamed_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text("platform: uniprocessor\nscheduler: rm+frst-fit\ntasks: [{name: a, wcet: 2 ms, period: 10 ms}]")
    for door in (rtsched.simulate, rtsched.analyse, lambda source: rtsched.compare(source, ["file"], 1)):
        text = refusal(lambda door=door: door(str(file)))
        assert text.startswith(f"{file}:2:12: scheduler")
        assert "did you mean 'first-fit'" in text


def test_numbers_of_numpy_in_a_scheduler_are_numbers() -> None:
    system = pair().with_(scheduler={"ordering": {"name": "rr", "quantum": np.int64(MS)}})
    same = pair().with_(scheduler={"ordering": {"name": "rr", "quantum": MS}})
    assert to_yaml(system) == to_yaml(same)
    assert rtsched.simulate(system).jobs.tolist() == rtsched.simulate(same).jobs.tolist()


def test_pictures_and_tables_go_where_a_text_says(tmp_path: Path) -> None:
    trace = rtsched.simulate(PAIR)
    gantt(trace, str(tmp_path / "a.svg"))
    write_csv(trace, str(tmp_path / "tables"))
    front(rtsched.compare(PAIR, ["rm", "edf"], 1, jobs=1), str(tmp_path / "b.svg"))
    block_diagram(rtsched.load(PAIR).platform, str(tmp_path / "c.svg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "b.svg", "c.svg", "tables"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"name": "rm+global", "placement": "first-fit"}, "both 'global' and 'first-fit' are a placement; give one"),
        ({"name": "rm", "ordering": "edf"}, "both 'rm' and 'edf' are an ordering; give one"),
        ("rm+edf", "both 'rm' and 'edf' are a name; give one"),
        ("rm+limited+preemptive", "both 'limited' and 'preemptive' are a preemption; give one"),
        ("rm+nobody", "nothing is called 'nobody'"),
        (5, "a scheduler is a name, a mapping or a Scheduler (found int 5)"),
        (rtsched.Scheduler, "Scheduler is a class of schedulers; make one: Scheduler()"),
    ],
)
def test_a_scheduler_says_everything_once(choice: Any, message: str) -> None:
    assert message in refusal(lambda: rtsched.simulate(PAIR, scheduler=choice))


EDF_CODE = "rtsched.schedulers.orderings.edf:EDF"
DROP_CODE = "rtsched.schedulers.admissions.drop_hopeless:Drop"


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        (EDF_CODE, f"'{EDF_CODE}' is no scheduler, but a part of one (ordering); write 'ordering={EDF_CODE}'"),
        (f"{EDF_CODE}+first-fit", f"write 'ordering={EDF_CODE}'"),
        (DROP_CODE, f"a part of one (admission); write 'edf+admission={DROP_CODE}'"),
        ("misplaced", "'misplaced' is no scheduler, but a part of one (ordering); register it in rtsched.orderings"),
    ],
)
def test_a_part_that_is_called_a_scheduler_is_told_how_it_is_written(
    choice: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtsched.schedulers.orderings.edf import EDF

    monkeypatch.setattr(rtsched.REGISTRY, "own", {})
    rtsched.REGISTRY.register("scheduler", "misplaced", EDF)
    with pytest.raises(InputError, match=re.escape(hint)):
        rtsched.scheduler(choice)
    for written in re.findall("write '(.*)'", hint):
        assert rtsched.simulate("dhall", scheduler=written).check() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rtsched.simulate(5), "a system is a catalogue name, a path, a mapping or a System (found int 5)"),
        (lambda: rtsched.simulate("dhall", seed=-1), "a seed is a whole number, zero or more"),
        (lambda: rtsched.simulate("dhall", seed="x"), "a seed is a whole number, zero or more"),
        (lambda: rtsched.simulate("dhall", until=1.5), "a run lasts a positive time"),
        (lambda: rtsched.simulate("dhall", platform=3), "Platform: must be a mapping"),
        (lambda: rtsched.summary("dhall"), "a summary is made of a trace"),
        (lambda: rtsched.analyse("dhall", runs=-1), "runs: how many random patterns"),
        (lambda: rtsched.analyse("dhall", seed=-1), "a seed is a whole number, zero or more"),
        (lambda: rtsched.compare("dhall", []), "at least one policy"),
        (lambda: rtsched.compare("dhall", ["edf"], [-1]), "a seed is a whole number, zero or more"),
    ],
)
def test_arguments_are_checked_at_the_door(call: Any, message: str) -> None:
    assert message in refusal(call)
