"""What stands on a board is what the theorem calculated: random systems, each line worked out again."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

import rtsched
from rtsched.schedulability.analyse import Applied, apply
from rtsched.schedulability.models import Cluster, Dag, DagTask, Mode, Order, Sporadic, TypedPools, Uniprocessor, Vertex
from rtsched.schedulability.steps.line import KINDS, Board, BoardLine, Working
from rtsched.schedulability.steps.numbers import Scale
from rtsched.schedulability.steps.steps import ABOUT, ORDER, SEARCHES, WRITERS, board, steps, working
from rtsched.schedulability.theorem import theorem, theorems
from tests.schedulability.test_analyse import analysed, flow

TICKS = Scale("ns", 1)


def sporadic(draw: random.Random, count: int, plain: bool, constrained: bool) -> tuple[Sporadic, ...]:
    """Some tasks with a load around one, with jitter, blocking and regions unless `plain`."""
    tasks = []
    for index in range(count):
        T = draw.randint(6, 40)
        C = max(1, round(T * draw.uniform(0.05, 1.8 / count)))
        D = draw.randint(min(C, T), T) if constrained or draw.random() < 0.6 else draw.randint(C, 2 * T)
        jitter = 0 if plain or draw.random() < 0.6 else draw.randint(0, 4)
        first = draw.randint(1, C)
        regions = (first, C - first) if first < C else (C,)
        blocking = 0 if plain or draw.random() < 0.7 else draw.randint(1, 4)
        tasks.append(Sporadic(f"t{index}", C, T, D, jitter, blocking, regions=regions))
    return tuple(sorted(tasks, key=lambda task: (task.T, task.name)))


def uniprocessors(seed: int) -> Iterator[Uniprocessor]:
    """Systems of one processor in every order and mode."""
    draw = random.Random(seed)
    orders: tuple[Order, ...] = ("FP", "EDF", "FIFO")
    modes: tuple[Mode, ...] = ("preemptive", "limited", "nonpreemptive")
    for order in orders:
        for mode in modes:
            for plain in (True, False):
                yield Uniprocessor(sporadic(draw, draw.randint(1, 5), plain, draw.random() < 0.5), order, mode)


def boards(model: Any) -> list[tuple[Applied, Working]]:
    """What every theorem that applies has to show."""
    return [(item, working(item, TICKS)) for item in apply([model])[0]]


def value(text: str) -> int:
    """What a sum comes to: ``5 (B: x) + ⌈20/8⌉·2`` is 11."""
    text = re.sub(r" \((?:B: [^)]*|b)\)", "", text).replace("·", "*").replace("−", "-")
    text = re.sub(r"⌈([^⌉]*)/(\d+)⌉", r"-(-(\1)//\2)", text)
    text = re.sub(r"⌊([^⌋]*)/(\d+)⌋", r"((\1)//\2)", text)
    return int(eval(text))


def check_sum(line: BoardLine) -> None:
    """Both sides of every ``20 = 5 + ⌈20/8⌉·2``, and ``t = 16: 4 + 2·3 = 10 ≤ 16`` as it says."""
    text = line.text.split(": ", 1)[1] if line.text.startswith("t = ") else line.text.strip()
    sides = re.split(r" (=|≤|>) ", text)
    numbers = [value(side) for side in sides[::2]]
    for sign, left, right in zip(sides[1::2], numbers, numbers[1:], strict=False):
        assert {"=": left == right, "≤": left <= right, ">": left > right}[sign], line.text


@pytest.mark.parametrize("seed", range(25))
def test_every_line_is_true_and_ends_in_the_bound(seed: int) -> None:
    for model in uniprocessors(seed):
        for item, found in boards(model):
            bounds = {bound.task: bound for bound in item.result.bounds}
            for line in found.lines:
                if line.kind == "load":
                    accepted = item.result.verdict == "schedulable"
                    if item.theorem.name in ("liu-layland", "hyperbolic"):
                        assert line.holds == accepted, line.text
                    assert (
                        line.holds == (line.data["value"] <= line.data["limit"])
                        or abs(line.data["value"] - line.data["limit"]) < 1e-9
                    )
                elif line.kind == "sum" and " = " in line.text:
                    check_sum(line)
                elif line.kind == "iterates":
                    values = line.data["values_ns"]
                    assert values[-1] == values[-2]
                    assert values == sorted(values)
                    assert line.holds == (line.data["response_ns"] <= line.data["deadline_ns"])
                    if item.theorem.name != "fifo-rta" and line.data.get("worst", True):
                        assert line.data["response_ns"] == bounds[line.task].wcrt, line.text


@pytest.mark.parametrize("seed", range(10))
def test_iterates_follow_the_formula(seed: int) -> None:
    for model in uniprocessors(seed):
        if model.order != "FP" or model.mode != "preemptive":
            continue
        for _, found in boards(model):
            for line in found.lines if found.test == "fp-rta" else ():
                if line.kind != "iterates":
                    continue
                place = [task.name for task in model.tasks].index(line.task)
                me, above, q = model.tasks[place], model.tasks[:place], line.data["job"]
                values = line.data["values_ns"]
                for before, after in pairwise(values):
                    work = sum(math.ceil((before + h.J) / h.T) * h.C for h in above)
                    assert after == me.B + (q + 1) * me.C + work
                for t, w in line.data["corners_ns"]:
                    work = sum((math.floor((t + h.J) / h.T) + 1) * h.C for h in above)
                    assert w == me.B + (q + 1) * me.C + work


@pytest.mark.parametrize("seed", range(25))
def test_the_first_crossing_is_the_first(seed: int) -> None:
    for model in uniprocessors(seed):
        for item, found in boards(model):
            for line in found.lines:
                if line.kind != "demand":
                    continue
                points, crossing = line.data["points_ns"], line.data["crossing_ns"]
                late = [t for t, due, behind in points if due + behind > max(t, 0)]
                assert late == ([] if crossing is None else [crossing])
                assert line.holds == (item.result.verdict == "schedulable")
                for t, due, _ in points[:20]:
                    assert due == sum(
                        max(0, math.floor((t - task.D + task.J) / task.T) + 1) * task.C for task in model.tasks
                    )
                looked = [each for each in found.lines if each.kind == "qpa"]
                for each in looked:
                    over = [t for t, due in each.data["points_ns"] if due > t]
                    assert bool(over) == (crossing is not None)


@pytest.mark.parametrize("seed", range(15))
def test_several_processors(seed: int) -> None:
    draw = random.Random(seed)
    for order in ("FP", "EDF"):
        model = Cluster(sporadic(draw, draw.randint(2, 6), True, True), draw.randint(2, 3), order)
        for item, found in boards(model):
            bounds = {bound.task: bound.wcrt for bound in item.result.bounds}
            for line in found.lines:
                if line.kind in ("iterates", "bound"):
                    assert line.data["response_ns"] == bounds[line.task]
                if line.kind == "iterates":
                    assert (line.data["values_ns"][-1] > line.data["deadline_ns"]) == (bounds[line.task] is None)
            if item.theorem.name in ("gfb", "bcl"):
                assert all(line.holds for line in found.lines) == (item.result.verdict == "schedulable")


@pytest.mark.parametrize("seed", range(10))
def test_graphs(seed: int) -> None:
    draw = random.Random(seed)
    for order, count in (("FP", 1), ("FP", 3), ("EDF", 2), ("any", 2)):
        tasks = []
        for index in range(count):
            vertices = tuple(Vertex(f"v{place}", draw.randint(1, 4), "cpu") for place in range(4))
            T = draw.randint(15, 60)
            tasks.append(DagTask(f"g{index}", Dag(vertices, ((0, 1), (0, 2), (1, 3), (2, 3))), T, T))
        model = TypedPools(tuple(tasks), {"cpu": 2}, order)  # type: ignore[arg-type]
        for item, found in boards(model):
            bounds = {bound.task: bound.wcrt for bound in item.result.bounds}
            together = item.theorem.interlocked and item.result.verdict != "schedulable"
            for line in found.lines:
                if line.kind in ("iterates", "bound") and not together and item.theorem.name != "a6-edf":
                    assert line.data["response_ns"] == bounds[line.task], (item.theorem.name, line.text)


def test_a_theorem_answers_the_same_beside_its_steps() -> None:
    for model in uniprocessors(99):
        before = [item.result for item, _ in boards(model)]
        assert [item.result for item, _ in boards(model)] == before


# ---- what a board says ---------------------------------------------------------------------------------------------


def of(text: str) -> Board:
    """The board of the first part of a system."""
    analysis = analysed(text)
    return board(analysis.parts[0], analysis)


def test_every_test_is_there_once() -> None:
    found = of(flow("name: a, wcet: 1 ms, period: 4 ms", "name: b, wcet: 2 ms, period: 6 ms"))
    names = [each.test for each in found.workings]
    names += [test for test, _ in found.silent] + [test for test, _ in found.elsewhere]
    assert sorted(names) == sorted(theorems())


def test_why_a_test_is_silent() -> None:
    found = of(flow("name: camera, wcet: 1 ms, period: 33 ms, deadline: 30 ms"))
    assert dict(found.silent)["liu-layland"] == "it needs D = T: task 'camera' has D = 30 ms, T = 33 ms"
    assert "  hyperbolic, liu-layland: it needs D = T: task 'camera' has D = 30 ms, T = 33 ms" in list(found.text())


def test_switches_stand_inside_the_time() -> None:
    found = of(
        flow(
            "name: a, wcet: 1 ms, period: 4 ms",
            "name: b, wcet: 2 ms, period: 6 ms",
            more="overheads: {context_switch: 10 us}",
        )
    )
    assert found.given[0].text == "a: C = 1.02 = 1 + 0.02 (switches), T = 4, D = 4"
    assert found.working("fp-rta").lines[1].text == "b: 2.02 → 3.04 → 3.04 ≤ 6"


def test_what_cannot_be_shown_says_so() -> None:
    found = of(flow("name: a, wcet: 1 ms, arrival: {kind: poisson}, rate: 10 Hz, deadline: 9 ms"))
    (line,) = found.given
    assert line.text.startswith("no test applies: ")
    assert "; to make it provable: " in line.text
    assert list(found.text()) == ["The calculation for cpu", f"  {line.text}"]


def test_what_arrives_once_has_a_period_without_end() -> None:
    found = of(flow("name: a, wcet: 1 ms, release: 0 ms, deadline: 9 ms", "name: b, wcet: 2 ms, period: 6 ms"))
    text = list(found.text())
    assert "  a: C = 1, T = ∞, D = 9" in text
    assert text[text.index("Silent:") - 2] == "∞: it arrives once (the proof takes a period of 200 years)"


def test_a_test_that_searches_says_what_it_looks_at() -> None:
    found = of(flow("name: a, wcet: 1 ms, release: 0 ms, deadline: 9 ms", scheduler="{ordering: edf}"))
    lines = [line.text for line in found.working("horn-edf").lines]
    assert lines[-1] == "no calculation on a board: it follows the one schedule of all jobs"


def test_a_test_of_a_plug_in_shows_the_parts_of_its_bounds() -> None:
    from rtsched.registry import REGISTRY
    from rtsched.schedulability.result import Bound, Contribution, Result

    @theorem("mine", title="Mine", strength="sufficient", citation="none", model=Uniprocessor)
    def mine(model: Uniprocessor) -> Result:
        task = model.tasks[0]
        return Result("schedulable", (Bound(task.name, task.C, task.D, (Contribution("own", task.name, task.C),)),))

    REGISTRY.register("theorem", "mine", mine)
    try:
        lines = of(flow("name: a, wcet: 1 ms, period: 4 ms")).working("mine").lines
    finally:
        del REGISTRY.own["theorem", "mine"]
    assert [line.text for line in lines] == [
        "a: R = 1 (own) = 1 ≤ 4",
        "the steps of mine are not written out; above are the parts of its bounds",
    ]


def test_hostile_and_long_names() -> None:
    hostile = '"<b>\\e[31m\\u202e"'
    found = of(flow(f"name: {hostile}, wcet: 1 ms, period: 4 ms", f"name: {'x' * 200}, wcet: 2 ms, period: 6 ms"))
    text = list(found.text())
    assert all(line.isprintable() and len(line) < 700 for line in text)
    assert found.tasks[0] == "<b>\x1b[31m\u202e"  # data is exact
    assert r"    <b>\x1b[31m\u202e: 1 → 1 ≤ 4" in text


def test_many_tasks_and_many_iterates_are_limited_with_a_word() -> None:
    rows = [f"name: t{index}, wcet: 1 ms, period: {100 + index} ms" for index in range(30)]
    found = of(flow(*rows, scheduler="{ordering: rm}"))
    assert "… 10 more tasks" in [line.text for line in found.given]
    lines = found.working("fp-rta").lines
    assert len({line.task for line in lines if line.kind == "iterates"}) == 20
    assert lines[-1].text == "… 10 more tasks: above are those with the least time left"
    assert "t29" in {line.task for line in lines}
    assert "… (22 more)" in found.working("overload").lines[0].text
    tasks = Sporadic("often", 1, 2, 2), Sporadic("seldom", 100, 1000, 1000)
    texts = [line.text for _, each in boards(Uniprocessor(tasks, "EDF")) for line in each.lines]
    assert any(re.search(r"^… at most \d+ more deadlines up to|^… \d+ more deadlines up to", text) for text in texts)
    slow = Sporadic("a", 999, 1000, 1000), Sporadic("b", 100, 10**6, 10**6)
    texts = [line.text for _, each in boards(Uniprocessor(slow)) for line in each.lines]
    assert any(re.search(r"→ … \(\d+ more\) → 100000 ≤ 1000000", text) for text in texts)


def test_it_is_json() -> None:
    found = steps(
        analysed(flow("name: a, wcet: 1 ms, period: 4 ms, jitter: 1 ms", "name: b, wcet: 2 ms, period: 6 ms"))
    )
    data = json.loads(json.dumps([each.to_dict() for each in found]))
    assert {line["kind"] for part in data for test in part["tests"] for line in test["lines"]} <= set(KINDS)


def test_a_verification_has_steps() -> None:
    found = rtsched.analyse("can_revised", runs=0)
    (one,) = found.steps()
    assert one.working("np-fp-rta").verdict == "unschedulable"
    with pytest.raises(KeyError):
        one.working("edf-qpa")


def test_what_is_named_exists() -> None:
    known = theorems()
    assert set(WRITERS) | set(SEARCHES) | set(ORDER) <= set(known)
    assert set(ABOUT) == {each.model.__name__ for each in known.values()}
