"""What to do about a system that is not proven: each sort of change, applied as it is told, gives the verdict told."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from rtsched import api
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.verify.actions import Action, Actions, actions
from rtsched.verify.actions.action import KINDS
from rtsched.verify.actions.trials import FEWEST, MOST_TRIES, most_tries
from rtsched.verify.verification import verify

ONE = "{name: chip, processors: {cpu: {kind: cpu}}}"
NPU = "{name: chip, processors: {cpu: {kind: cpu}, npu: {kind: npu, cores: 2}}}"


def system(*tasks: str, platform: str = ONE, scheduler: str = "{ordering: fp}", more: str = "") -> System:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    text = f"name: s\nplatform: {platform}\nscheduler: {scheduler}\n{more}\ntasks:\n{rows}\n"
    return validate(System, parse_yaml(text))


def applied(source: Any, action: Action) -> tuple[str, str]:
    """The verdict and its basis once the action's settings are given as ``--set`` would give them."""
    found = verify(api.load(source, overrides=action.settings), runs=0)
    return found.verdict, found.basis


def of(source: Any) -> Actions:
    return actions(verify(source, runs=0))


WRONG_ORDER = ("name: a, wcet: 6 ms, period: 40 ms", "name: b, wcet: 2 ms, period: 7 ms, deadline: 5 ms")
LONG = ("name: a, wcet: 1 ms, period: 10 ms, deadline: 4 ms", "name: b, wcet: 8 ms, period: 80 ms")
ON_NPU = (
    "name: a, wcet: {npu: 1 ms}, period: 10 ms, pin: npu0",
    "name: b, wcet: {npu: 20 ms}, period: 90 ms, pin: npu0",
)
SHAPES = {
    "priorities": system(*WRONG_ORDER),
    "split, on a core": system(*LONG, scheduler="{ordering: fp, preemption: nonpreemptive}"),
    "split, on an npu": system(*(task.replace("npu: ", "cpu: ").replace("npu0", "cpu") for task in ON_NPU[:0]),
                               *(task.replace(", pin: npu0", "") for task in ON_NPU),
                               platform="{name: chip, processors: {npu: {kind: npu}}}"),
    "processor": system(*ON_NPU, platform=NPU),
    "variant": system("name: a, period: 10 ms, variants: [{name: full, wcet: 12 ms, accuracy: 0.9}, "
                      "{name: half, wcet: 6 ms, accuracy: 0.8}]"),
    "shorten": system("name: a, wcet: 11 ms, period: 10 ms"),
    "rarer": system("name: a, wcet: 5 ms, period: 10 ms, deadline: 6 ms", "name: b, wcet: 10 ms, period: 20 ms, deadline: 19 ms"),
    "hostile names": system("name: 'a=b', wcet: 11 ms, period: 10 ms", "name: 'x.wcet', wcet: 1 ms, period: 10 ms",
                            "name: x, wcet: 1 ms, period: 10 ms", "name: \"'; rm -rf ~\", wcet: 1 ms, period: 20 ms"),
    "a chain": system("name: a, wcet: 2 ms, period: 10 ms", "name: b, wcet: 2 ms, period: 40 ms",
                      more="chains: [{name: c, tasks: [a, b], max_reaction: 45 ms}]"),
    "a graph": system("name: a, period: 10 ms, graph: {nodes: {x: {wcet: 6 ms}, y: {wcet: 6 ms}}, edges: [[x, y]]}"),
    "instances": system("name: a, wcet: 3 ms, period: 10 ms, instances: 4"),
}  # fmt: skip


@pytest.mark.parametrize("shape", [*SHAPES, "can_revised", "dhall", "smart_camera_coral"])
def test_an_action_that_is_applied_gives_the_verdict_told(shape: str) -> None:
    source = SHAPES.get(shape, shape)
    before = verify(source, runs=0)
    for action in of(source):
        assert action.kind.split("+")[0] in KINDS
        assert applied(source, action) == (action.verdict, action.basis), action
        assert action.cost
        assert action.gained or before.verdict == "unschedulable"
        assert [word.partition("--set ")[0] for word in shlex.split(action.options)][::2] == ["--set"] * len(
            action.settings
        )
        assert shlex.split(action.options)[1::2] == list(action.settings)


@pytest.mark.parametrize(
    ("shape", "kind", "setting"),
    [
        ("priorities", "priorities", "tasks.b.priority=0"),
        ("priorities", "policy", "scheduler=edf+global+preemptive"),
        ("split, on a core", "split", "tasks.b.regions="),
        ("split, on an npu", "split", "tasks.b.graph="),
        ("processor", "processor", "tasks.b.pin=npu1"),
        ("variant", "variant", "half"),
        ("shorten", "shorten", "tasks.a.wcet=9.999 ms"),
        ("rarer", "period", "tasks.a.period=15.01 ms"),
        ("hostile names", "shorten", "tasks.0.wcet="),
        ("a graph", "faster", "tasks.a.graph.nodes.x.wcet="),
        ("instances", "faster", "tasks.a.wcet="),
    ],
)
def test_the_obvious_is_offered(shape: str, kind: str, setting: str) -> None:
    made = of(SHAPES[shape])
    assert any(setting in " ".join(action.settings) for action in made if action.kind == kind), made


def test_the_idle_unit_is_named_with_the_time_there_and_comes_before_more_work() -> None:
    made = list(of(SHAPES["processor"]))
    first = made[0]
    assert first.text == "run 'a' on npu1, which is idle now"
    assert "a job of 'a' takes 1 ms there, 1 ms where it runs now" in first.cost
    ranks = [KINDS.index(action.kind) for action in made]
    assert ranks == sorted(ranks)


def test_what_shrinks_is_said_to_shrink_and_a_target_proves_nothing() -> None:
    shorten = next(action for action in of(SHAPES["shorten"]) if action.kind == "shorten")
    assert shorten.text == "shorten 'a' by 9.1 % to 9.999 ms (now 11 ms)"
    assert shorten.basis == "modelled"


def test_two_changes_where_none_alone_does() -> None:
    """Each of two long networks delays the short one too much: each has to leave the unit."""
    tasks = (
        "name: a, wcet: {npu: 1 ms}, period: 10 ms, pin: npu0",
        "name: b, wcet: {npu: 20 ms, gpu: 20 ms}, period: 90 ms, processors: [npu], preemptive: false",
        "name: c, wcet: {npu: 20 ms, gpu: 20 ms}, period: 90 ms, processors: [npu], preemptive: false",
    )
    chip = "{name: chip, processors: {npu: {kind: npu}, gpu: {kind: gpu}}}"
    made = of(system(*(task.replace("npu0", "npu") for task in tasks), platform=chip))
    both = [action for action in made if action.kind == "processor"]
    assert both
    assert {each for action in both for each in action.settings} >= {"tasks.b.pin=gpu", "tasks.c.pin=gpu"}
    assert ", and " in both[0].text


def test_another_board_of_the_family_says_whose_times_were_not_measured_there() -> None:
    source = {
        "platform": "rk3588",
        "scheduler": "edf",
        "tasks": [{"name": "a", "wcet": {"npu": 11_000_000}, "period": 10_000_000, "pin": "npu0"}],
    }
    found = verify(source, runs=0)
    boards = [action for action in actions(found) if action.kind == "board"]
    assert all("were not measured there" in action.cost and action.basis == "modelled" for action in boards)


def test_a_power_mode_that_caps_the_clocks_is_left() -> None:
    chip = (
        "{name: chip, processors: {cpu: {kind: cpu, cores: 2}}, power_modes: {low: {cpu: {cores: 1}}, high: {cpu: "
        "{cores: 2}}}}"
    )
    tasks = ("name: a, wcet: 8 ms, period: 10 ms", "name: b, wcet: 8 ms, period: 10 ms")
    made = of(system(*tasks, platform=chip, scheduler="edf+first-fit", more="power: {mode: low}"))
    assert ("power.mode=high",) in [action.settings for action in made if action.kind == "clock"]


def test_the_search_is_bounded_says_so_and_gives_the_same_twice() -> None:
    assert (most_tries(1), most_tries(10_000)) == (MOST_TRIES, FEWEST)
    found = verify(SHAPES["instances"], runs=0)
    short = actions(found, 3)
    assert short.tried <= 3
    assert short.ended_early
    assert "the search ended there" in short.note
    assert of(SHAPES["instances"]).made == of(SHAPES["instances"]).made


def test_nothing_is_to_be_done_where_all_is_schedulable() -> None:
    assert not of(system("name: a, wcet: 1 ms, period: 10 ms")).made


def test_arrivals_without_a_bound_have_no_action_and_that_is_said() -> None:
    made = of(system("name: a, wcet: 1 ms, period: 10 ms, arrival: {kind: poisson}"))
    assert not made.made
    assert "tried" in made.note


def test_a_part_is_helped_only_where_nothing_else_is_lost() -> None:
    tasks = (*ON_NPU, "name: late, wcet: {cpu: 11 ms}, period: 12 ms, arrival: {kind: poisson}")  # fmt: skip
    made = of(system(*tasks, platform=NPU))
    assert made.made
    assert all(action.part != "system" and action.verdict == "unknown" for action in made)
