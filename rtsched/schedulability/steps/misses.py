"""The steps behind a limit of misses in a row: what is rare and how often it comes, or the one schedule there is."""

from __future__ import annotations

from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.lowering.miss_windows import held, rare
from rtsched.schedulability.result import Verdict
from rtsched.schedulability.steps.line import Board, BoardLine, Working
from rtsched.schedulability.steps.numbers import Scale, joined, name, scale_of
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems.miss_models import MissModel

#: By test how the misses are counted.
FORMULAS = {
    "mk-firm": "the jobs of the one schedule, x for a late one, those in brackets again and again",
    "typical-worst-case": "Ω = ⌈((k − 1)·T + R + L − 1 ns + J)/T⌉ jobs of what is rare matter to k jobs in a row; n "
    "of them in one busy period make N(n) late",
}
#: Of a pattern so many jobs are written out.
LONGEST = 60


def board(analysis: SystemAnalysis, index: int) -> Board:
    """The calculation for the misses in a row of one task."""
    task, bound = analysis.system.tasks[index], analysis.misses[index]
    assert task.misses is not None
    limit, k = task.misses.most, task.misses.of
    scale = scale_of([task.period or 0])
    called = f"misses of {name(task.name)}"
    if bound.most is None:
        line = BoardLine("words", f"no test bounds the misses of {k} jobs in a row: {bound.reason}", task.name)
        return Board(called, scale.unit, (task.name,), (line,), (), ())
    holds = bound.most <= limit
    if analysis.proves(index):
        text = f"no job is late ({bound.test}, above): 0 of {k} ≤ {limit}"
        return Board(called, scale.unit, (task.name,), (BoardLine("words", text, task.name, True),), (), ())
    theorem = theorems()[bound.test]
    last = BoardLine("words", f"at most {bound.most} of {k} jobs {'≤' if holds else '>'} {limit}", task.name, holds)
    lines = (*(_held(analysis, index, k) if bound.test == "mk-firm" else _rare(analysis, index, task, scale)), last)
    verdict: Verdict = "schedulable" if holds else "unknown"
    found = Working(theorem.name, theorem.title, theorem.strength, verdict, FORMULAS[bound.test], lines)
    return Board(called, scale.unit, (task.name,), (), (found,), ())


def _held(analysis: SystemAnalysis, index: int, k: int) -> list[BoardLine]:
    """The pattern of the jobs, and which are the worst in a row."""
    task, result = analysis.system.tasks[index], held(analysis, index)
    assert result is not None
    details = result.details[task.name]
    pattern = details["pattern"]
    more = f"… ({len(pattern)} letters)" if len(pattern) > LONGEST else ""
    shown = f"{name(task.name)}: {pattern[:LONGEST]}{more}; the worst {k} in a row have {details['worst']} late"
    return [BoardLine("words", shown, task.name)]


def _rare(analysis: SystemAnalysis, index: int, task: TaskSpec, scale: Scale) -> list[BoardLine]:
    """What is rare, the worst response and the longest busy period with all of it, and how it adds up."""
    found = rare(analysis, index)
    assert found is not None
    assert task.misses is not None
    model = found[1]
    level, k = model.level, task.misses.of
    rares = ", ".join(name(each.name) for each in level.overload)
    lines = [BoardLine("words", f"rare: {rares}; with all of it R = {scale(model.R)}, L = {scale(model.L)}", task.name)]
    for each, count in zip(level.overload, model.overload(k), strict=True):
        jitter = f" + {scale(each.J)}" if each.J else ""
        span = f"({k} − 1)·{scale(level.task.T)} + {scale(model.R)} + {scale(model.L)} − 1 ns{jitter}"
        lines.append(BoardLine("words", f"Ω({name(each.name)}) = ⌈({span})/{scale(each.T)}⌉ = {count}", task.name))
    lines += [BoardLine("words", text, task.name) for text in _worst(model)]
    return lines


def _worst(model: MissModel) -> list[str]:
    """How many jobs each amount of what is rare makes late, in one busy period."""
    terms = []
    for n, late in sorted(model.worst.items()):
        jobs = " + ".join(f"{count} {name(o.name)}" for count, o in zip(n, model.level.overload, strict=True) if count)
        terms.append(f"N({jobs}) = {late}")
    return [f"{joined(terms, ', ')}; without any none is late"] if terms else []
