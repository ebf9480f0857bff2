"""AMALTHEA models become systems with the bounds that others computed; what has no place here is refused by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtsched.errors import InputError
from rtsched.importers import ImportResult, import_file
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.system import System
from tests.cli.command import rtsched
from tests.conftest import DATA

BRAKE = DATA / "import" / "brake.amxmi"
#: Of Rubus-ICE, as published with the model that brake.amxmi takes its numbers from: worst response times in us.
RUBUS = {
    "pBrakePedalLDM": 795, "pBrakeTorqueMap": 765, "pGlobalBrakeController": 720, "ABS_FL_Pt": 660, "ABS_FR_Pt": 585,
    "ABS_RL_Pt": 510, "ABS_RR_Pt": 435, "pLDM_Brake_FL": 360, "pLDM_Brake_FR": 270, "pLDM_Brake_RL": 180,
    "pLDM_Brake_RR": 90,
}  # fmt: skip

NAMESPACES = (
    'xmi:version="2.0" xmlns:xmi="http://www.omg.org/XMI" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:am="http://app4mc.eclipse.org/amalthea/{version}"'
)
CALL = '<items xsi:type="am:RunnableCall" runnable="{}?type=Runnable"/>'
TICKS = '<items xsi:type="am:Ticks"><default xsi:type="am:DiscreteValueConstant" value="{}"/></items>'
TRIGGER = '<items xsi:type="am:InterProcessTrigger" stimulus="go?type=InterProcessStimulus"/>'
TEN = '<stimuli xsi:type="am:PeriodicStimulus" name="ten"><recurrence value="10" unit="ms"/></stimuli>'
CORE = (
    '<modules xsi:type="am:ProcessingUnit" name="c0" frequencyDomain="f?type=FrequencyDomain" '
    'definition="cpu?type=ProcessingUnitDefinition"/>'
)


def semaphore(access: str, name: str = "s") -> str:
    return f'<items xsi:type="am:SemaphoreAccess" semaphore="{name}?type=Semaphore" access="{access}"/>'


def model(
    first: str = TICKS.format(1_000_000),
    second: str = TICKS.format(2_000_000),
    *,
    stimuli: str = TEN,
    woken: str = "ten",
    more: str = "",
    version: str = "0.9.5",
) -> str:
    """Two tasks on one core of 1 GHz under OSEK: `a` (priority 2) every ten ms, `b` (priority 1) by another stimulus."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<am:Amalthea {NAMESPACES.format(version=version)}>
<swModel>
<tasks name="a" stimuli="ten?type=PeriodicStimulus" preemption="preemptive"><callGraph>{first}</callGraph></tasks>
<tasks name="b" stimuli="{woken}?type=S" preemption="preemptive"><callGraph>{second}</callGraph></tasks>
<runnables name="ra"><callGraph>{TICKS.format(3_000_000)}</callGraph></runnables>
<semaphores name="s" initialValue="0" maxValue="1" priorityCeilingProtocol="true"/>
</swModel>
<hwModel><definitions xsi:type="am:ProcessingUnitDefinition" name="cpu" features="Instructions/IPC?type=HwFeature"/>
<featureCategories name="Instructions" featureType="performance"><features name="IPC" value="2.0"/></featureCategories>
<structures name="ecu">{CORE}</structures>
<domains xsi:type="am:FrequencyDomain" name="f"><defaultValue value="1.0" unit="GHz"/></domains></hwModel>
<osModel><operatingSystems name="os">
<taskSchedulers name="the os"><schedulingAlgorithm xsi:type="am:OSEK"/></taskSchedulers></operatingSystems></osModel>
<stimuliModel>{stimuli}</stimuliModel>
{more}
<mappingModel>
<schedulerAllocation scheduler="the+os?type=TaskScheduler" responsibility="c0?type=ProcessingUnit"/>
<taskAllocation task="a?type=Task" scheduler="the+os?type=TaskScheduler"><schedulingParameters priority="2"/></taskAllocation>
<taskAllocation task="b?type=Task" scheduler="the+os?type=TaskScheduler"><schedulingParameters priority="1"/></taskAllocation>
</mappingModel>
</am:Amalthea>
"""


def imported(tmp_path: Path, text: str) -> ImportResult:
    (tmp_path / "m.amxmi").write_text(text)
    result = import_file(str(tmp_path / "m.amxmi"))
    assert validate(System, parse_yaml(to_yaml(result.system))) == result.system
    return result


def dumped(result: ImportResult) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = result.system.model_dump(mode="json", exclude_defaults=True, by_alias=True)["tasks"]
    return tasks


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as error:
        imported(tmp_path, text)
    return str(error.value).replace(str(tmp_path / "m.amxmi"), "m")


# ---- what comes along ------------------------------------------------------------------------------------------------


def test_the_bounds_are_those_of_another_tool(tmp_path: Path) -> None:
    written = tmp_path / "brake.yaml"
    assert rtsched("import", str(BRAKE), "-o", str(written)).exit_code == 0
    answer = json.loads(rtsched("analyse", str(written), "--runs", "0", "--json").output)
    assert {task["name"]: task["bound"]["wcrt_ns"] for task in answer["tasks"]} == {
        name: us * 1000 for name, us in RUBUS.items()
    }
    system = import_file(str(BRAKE)).system
    assert {task.id for task in system.tasks} == {f"REQ_{name}" for name in RUBUS}
    assert {task.criticality for task in system.tasks} == {"hard"}
    (chain,) = system.chains
    assert (chain.name, chain.id, chain.max_reaction) == ("Pedal_to_FL", "Latency_FL", 30_000_000)
    assert chain.tasks == ("pBrakePedalLDM", "pBrakeTorqueMap", "pGlobalBrakeController", "ABS_FL_Pt", "pLDM_Brake_FL")


def test_ticks_become_time_by_the_frequency_and_round_up(tmp_path: Path) -> None:
    text = model(TICKS.format(1_000_000) + CALL.format("ra"))
    a, b = dumped(imported(tmp_path, text))
    assert a == {"name": "a", "wcet": {"c0": "4 ms"}, "period": "10 ms", "deadline": "10 ms", "priority": -2}
    assert (b["wcet"], b["priority"]) == ({"c0": "2 ms"}, -1)
    uneven = imported(tmp_path, text.replace('"1.0" unit="GHz"', '"300" unit="MHz"'))
    assert dumped(uneven)[0]["wcet"] == {"c0": "13.333334 ms"}
    assert "execution times are rounded up to whole ns" in uneven.warnings


@pytest.mark.parametrize(
    ("item", "time"),
    [
        (
            '<graphEntries xsi:type="am:CallSequence"><calls xsi:type="am:TaskRunnableCall" runnable="ra?type=Runnable"/>'
            "</graphEntries>",
            "3 ms",
        ),
        (
            '<runnableItems xsi:type="am:RunnableInstructions"><default xsi:type="am:InstructionsDeviation"><deviation>'
            '<lowerBound xsi:type="am:LongObject" value="10"/><upperBound xsi:type="am:LongObject" value="2000000"/>'
            "</deviation></default></runnableItems>",
            "1 ms",  # two instructions a cycle
        ),
        (
            '<runnableItems xsi:type="am:ExecutionNeed"><default key="Instructions"><value xsi:type="am:NeedConstant" '
            'value="4000000"/></default></runnableItems>',
            "2 ms",
        ),
        (
            '<items xsi:type="am:Ticks"><default xsi:type="am:DiscreteValueConstant" value="1"/><extended '
            'key="cpu?type=ProcessingUnitDefinition"><value xsi:type="am:DiscreteValueConstant" value="7000000"/>'
            "</extended></items>",
            "7 ms",
        ),
    ],
)
def test_older_and_other_ways_of_writing_a_time(tmp_path: Path, item: str, time: str) -> None:
    assert dumped(imported(tmp_path, model(item)))[0]["wcet"] == {"c0": time}


def test_cores_with_quartzes_are_read(tmp_path: Path) -> None:
    old = (
        '<hwModel><coreTypes name="t" instructionsPerCycle="1"/><system name="s"><ecus name="e"><microcontrollers '
        'name="m"><cores name="c0" coreType="t?type=CoreType"><prescaler clockRatio="0.0" quartz="q?type=Quartz"/></cores>'
        '</microcontrollers></ecus><quartzes name="q"><frequency unit="Hz" value="5.0E8"/></quartzes></system></hwModel>'
    )
    text = model(version="0.8.2")
    text = text[: text.index("<hwModel>")] + old + text[text.index("</hwModel>") + 10 :]
    assert dumped(imported(tmp_path, text))[0]["wcet"] == {"c0": "2 ms"}


def test_of_a_switch_the_longest_branch_is_taken_and_said(tmp_path: Path) -> None:
    switch = (
        f'<items xsi:type="am:ModeSwitch"><entries>{TICKS.format(10)}</entries><entries>{TICKS.format(5_000_000)}'
        f"</entries><defaultEntry>{TICKS.format(7)}</defaultEntry></items>"
    )
    result = imported(tmp_path, model(switch))
    assert dumped(result)[0]["wcet"] == {"c0": "5 ms"}
    assert "a: of its switches the longest branch is taken, 5 ms" in result.warnings


def test_one_time_that_varies_is_drawn_and_several_take_the_most(tmp_path: Path) -> None:
    one = '<items xsi:type="am:Ticks"><default xsi:type="am:DiscreteValueUniformDistribution" {}/></items>'.format(
        'lowerBound="1000000" upperBound="3000000"'
    )
    task = dumped(imported(tmp_path, model(one + TICKS.format(1_000_000))))[0]
    assert (task["wcet"], task["execution"]) == ({"c0": "4 ms"}, {"kind": "uniform", "low": 0.5})
    result = imported(tmp_path, model(one + one))
    assert "execution" not in dumped(result)[0]
    assert "a: takes between 2 ms and 6 ms there; every job takes the most here" in result.warnings


def test_semaphores_are_sections(tmp_path: Path) -> None:
    held = TICKS.format(1_000_000) + semaphore("request") + TICKS.format(2_000_000) + semaphore("release")
    result = imported(tmp_path, model(held, held))
    assert dumped(result)[0]["sections"] == [{"resource": "s", "start": "1 ms", "length": "2 ms"}]
    assert result.system.resources["s"].protocol == "ceiling"


def test_what_is_released_at_the_end_comes_after(tmp_path: Path) -> None:
    go = '<stimuli xsi:type="am:InterProcessStimulus" name="go"/>'
    result = imported(tmp_path, model(TICKS.format(5) + TRIGGER, stimuli=TEN + go, woken="go"))
    assert dumped(result)[1]["after"] == {"task": "a"}
    likely = (
        f'<items xsi:type="am:ProbabilitySwitch"><entries probability="30">{TICKS.format(9)}{TRIGGER}</entries>'
        f'<entries probability="70">{TICKS.format(5)}</entries></items>'
    )
    task = dumped(imported(tmp_path, model(likely, stimuli=TEN + go, woken="go")))[1]
    assert task["after"] == {"task": "a", "probability": 0.3}
    assert task["deadline"] == "10 ms"


def test_an_earlier_release_is_refused_unless_the_other_has_to_wait(tmp_path: Path) -> None:
    go = '<stimuli xsi:type="am:InterProcessStimulus" name="go"/>'
    text = model(TRIGGER + TICKS.format(5), stimuli=TEN + go, woken="go")
    result = imported(tmp_path, text)
    assert any("it is less urgent on the same core" in each for each in result.warnings)
    assert "'a' releases 'b' before it ends" in refused(tmp_path, text.replace('priority="1"', 'priority="3"'))


@pytest.mark.parametrize(
    ("stimulus", "found"),
    [
        (
            '<stimuli xsi:type="am:PeriodicStimulus" name="x"><offset value="1" unit="ms"/><recurrence value="5" unit="ms"/>'
            '<jitter xsi:type="am:TimeUniformDistribution"><lowerBound value="1" unit="ms"/><upperBound value="3" '
            'unit="ms"/></jitter></stimuli>',
            {"period": "5 ms", "offset": "2 ms", "jitter": "2 ms"},
        ),
        (
            '<stimuli xsi:type="am:RelativePeriodicStimulus" name="x"><nextOccurrence xsi:type="am:TimeBoundaries">'
            '<lowerBound value="10" unit="ms"/><upperBound value="50" unit="ms"/></nextOccurrence></stimuli>',
            {"period": "10 ms", "arrival": {"kind": "sporadic", "mean_extra": "20 ms"}},
        ),
        (
            '<stimuli xsi:type="am:ArrivalCurveStimulus" name="x"><entries numberOfOccurrences="2"><lowerTimeBorder '
            'value="4" unit="ms"/></entries></stimuli>',
            {"period": "4 ms", "arrival": {"kind": "sporadic"}},
        ),
    ],
)
def test_stimuli(tmp_path: Path, stimulus: str, found: dict[str, Any]) -> None:
    task = dumped(imported(tmp_path, model(stimuli=TEN + stimulus, woken="x")))[1]
    assert {key: task[key] for key in found} == found


def test_a_single_activation_needs_a_limit_of_its_own(tmp_path: Path) -> None:
    single = '<stimuli xsi:type="am:SingleStimulus" name="x"><occurrence value="3" unit="ms"/></stimuli>'
    assert "has one job and no limit" in refused(tmp_path, model(stimuli=TEN + single, woken="x"))
    limit = (
        '<constraintsModel><requirements xsi:type="am:ProcessRequirement" name="q" process="b?type=Task" '
        'severity="Minor"><limit xsi:type="am:TimeRequirementLimit" limitType="UpperLimit" metric="ResponseTime">'
        '<limitValue value="6" unit="ms"/></limit></requirements></constraintsModel>'
    )
    task = dumped(imported(tmp_path, model(stimuli=TEN + single, woken="x", more=limit)))[1]
    assert (task["release"], task["deadline"], task["id"]) == ("3 ms", "6 ms", "q")
    other = limit.replace("ResponseTime", "StartDelay")
    assert any("requirement 'q' is not carried over" in w for w in imported(tmp_path, model(more=other)).warnings)


def chain(kind: str, begin: str, end: str = "terminate") -> str:
    return (
        f'<eventModel><events xsi:type="am:ProcessEvent" name="e1" eventType="{begin}" entity="a?type=Task"/>'
        f'<events xsi:type="am:ProcessEvent" name="e2" eventType="{end}" entity="b?type=Task"/></eventModel>'
        '<constraintsModel><eventChains name="c" stimulus="e1?type=ProcessEvent" response="e2?type=ProcessEvent"/>'
        f'<timingConstraints xsi:type="am:EventChainLatencyConstraint" name="L" scope="c?type=EventChain" type="{kind}">'
        '<maximum value="25" unit="ms"/></timingConstraints></constraintsModel>'
    )


def test_latencies_of_event_chains(tmp_path: Path) -> None:
    def limit(more: str, **how: str) -> dict[str, Any]:
        found = imported(tmp_path, model(more=more, **how)).system.chains[0]
        return {key: value for key, value in found if key.startswith("max_") and value is not None}

    assert limit(chain("Reaction", "start")) == {"max_reduced_reaction": 25_000_000}
    assert limit(chain("Reaction", "activate")) == {"max_reaction": 25_000_000}
    assert limit(chain("Age", "start")) == {"max_reduced_age": 25_000_000}
    go = TEN + '<stimuli xsi:type="am:InterProcessStimulus" name="go"/>'
    assert limit(chain("Reaction", "activate"), first=TICKS.format(5) + TRIGGER, stimuli=go, woken="go") == {
        "max_latency": 25_000_000
    }
    assert "let its chain begin with a start" in refused(tmp_path, model(more=chain("Age", "activate")))
    assert "not the termination" in refused(tmp_path, model(more=chain("Reaction", "start", "start")))


def test_two_cores_that_one_scheduler_serves_let_tasks_migrate(tmp_path: Path) -> None:
    text = model().replace(CORE, CORE + CORE.replace('"c0"', '"c1"'))
    text = text.replace('responsibility="c0?type=P', 'responsibility="c1?type=ProcessingUnit c0?type=P')
    system = imported(tmp_path, text).system
    assert system.scheduler == {"ordering": "fp", "placement": "global"}
    assert dict(system.tasks[0].wcet or {}).keys() == {"c0", "c1"}


def test_non_preemptive_tasks_and_schedule_points(tmp_path: Path) -> None:
    alone = model().replace('preemption="preemptive"', 'preemption="non_preemptive"', 1)
    assert dumped(imported(tmp_path, alone))[0]["preemptive"] is False
    points = model(TICKS.format(10) + '<items xsi:type="am:SchedulePoint"/>' + TICKS.format(20))
    together = points.replace('preemption="preemptive"', 'preemption="cooperative"')
    result = imported(tmp_path, together)
    assert dumped(result)[0]["regions"] == ["10 ns", "20 ns"]
    assert result.system.scheduler["preemption"] == "limited"
    one = points.replace('preemption="preemptive"', 'preemption="cooperative"', 1)
    assert "beside preemptive tasks" in refused(tmp_path, one)


# ---- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('priority="1"', 'priority="2"', "m:20: 'a' and 'b' have the same priority"),
        ('priority="1"', 'priority="high"', "no priority that is a whole number"),
        ("am:OSEK", "am:PriorityBasedRoundRobin", "m:14: the scheduling algorithm 'PriorityBasedRoundRobin'"),
        ("ten?type=PeriodicStimulus", "none?type=PeriodicStimulus", "m:4: stimuli='none?type=PeriodicStimulus' is the"),
        ('stimuli="ten?type=S"', 'stimuli="ten?type=S ten?type=S"', "m:5: task 'b' has 2 stimuli"),
        ('value="1.0" unit="GHz"', 'value="0.0" unit="GHz"', "m:12: defaultValue: the frequency is 0"),
        ('value="1.0" unit="GHz"', 'value="1.0" unit="furlongs"', "no unit of a frequency"),
        ('value="1000000"', 'value="1e400"', "give a number from 0 to 10^18"),
        ('value="1000000"', 'value="' + "9" * 5000 + '"', "give a number from 0 to 10^18"),
        ('value="1000000"', 'value="-5"', "give a number from 0 to 10^18"),
        ('value="1000000"', 'value="0"', "task 'a' takes no time"),
        ('"am:DiscreteValueConstant" value="1000000"', '"am:DiscreteValueGaussDistribution" mean="5"', "no upper bound"),
        ('<recurrence value="10" unit="ms"/>', "", "has no recurrence"),
        ('value="10" unit="ms"', 'value="10" unit="weeks"', "'weeks' is no unit of time"),
        ('name="b"', 'name="a"', "m:5: tasks: two are called 'a'; rename one"),
        ('name="b"', 'name="' + "b" * 10_000 + '"', "more than 200 letters"),
        ('responsibility="c0?type=ProcessingUnit"', "", "serves no core"),
        ("am:PeriodicStimulus", "am:VariableRateStimulus", "only periodic, relative"),
        (' preemption="preemptive"', ' preemption="sometimes"', "its preemption is 'sometimes'"),
        ('xsi:type="am:Ticks"', 'xsi:type="am:WhileLoop"', "a step of type 'WhileLoop' is not carried over"),
        ("http://app4mc.eclipse.org/amalthea/0.9.5", "http://www.amalthea.itea2.org/model/1.1.0", "migrate older models"),
        ("<am:Amalthea", "<!DOCTYPE x [<!ENTITY y 'z'>]><am:Amalthea", "m:2: has a document type or entity"),
    ],
)  # fmt: skip
def test_what_has_no_place_here_is_refused_by_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = model()
    assert old in text
    assert said in refused(tmp_path, text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (semaphore("release"), "which it does not hold"),
        (semaphore("request") + TICKS.format(5), "task 'a' never releases 's'"),
        (semaphore("request", "t") + TICKS.format(5), "is the name of nothing under 'semaphores'"),
        (TRIGGER + TICKS.format(5), "is the name of nothing under 'stimuli'"),
        (
            f'<items xsi:type="am:ModeSwitch"><entries>{semaphore("request")}{TICKS.format(3)}{semaphore("release")}</entries>'
            f"<entries>{TICKS.format(5)}</entries></items>",
            "a shorter branch holds a semaphore longer",
        ),
        (
            '<items xsi:type="am:ProbabilitySwitch"><entries probability="0"/></items>',
            "probabilities of its branches are 0",
        ),
        ("<items>" * 60 + "</items>" * 60, "nested deeper than 32"),
    ],
)
def test_steps_that_are_refused(tmp_path: Path, first: str, said: str) -> None:
    assert said in refused(tmp_path, model(first))


def test_calls_without_end_end(tmp_path: Path) -> None:
    def runnables(*found: tuple[str, str]) -> str:
        added = "".join(f'<runnables name="{name}"><callGraph>{calls}</callGraph></runnables>' for name, calls in found)
        return model(CALL.format("r0")).replace("<semaphores", added + "<semaphores")

    assert "'r0' calls itself" in refused(tmp_path, runnables(("r0", CALL.format("r1")), ("r1", CALL.format("r0"))))
    doubling = [(f"r{n}", CALL.format(f"r{n + 1}") * 2) for n in range(40)]
    assert "more than 50000 steps" in refused(tmp_path, runnables(*doubling, ("r40", TICKS.format(1))))
    deep = [(f"r{n}", CALL.format(f"r{n + 1}")) for n in range(300)]
    assert "deeper than 100" in refused(tmp_path, runnables(*deep, ("r300", TICKS.format(1))))


def test_tasks_that_only_wake_each_other_are_left_out(tmp_path: Path) -> None:
    circle = "".join(f'<stimuli xsi:type="am:InterProcessStimulus" name="{name}"/>' for name in ("go", "back"))
    back = TRIGGER.replace("go", "back")
    text = model(TICKS.format(5) + TRIGGER, TICKS.format(5) + back, stimuli=circle, woken="go")
    assert "no task is ever activated" in refused(tmp_path, text.replace("ten?type", "back?type"))
    self_waking = model(second=TICKS.format(5) + TRIGGER, stimuli=TEN + circle, woken="go")
    result = imported(tmp_path, self_waking)
    assert [task.name for task in result.system.tasks] == ["a"]
    assert "b: is never activated and is left out" in result.warnings


def test_the_ending_or_the_root_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text("<!-- no <ending> -->\n" + model().partition("?>\n")[2])
    assert len(import_file(str(tmp_path / "m.xml")).system.tasks) == 2
