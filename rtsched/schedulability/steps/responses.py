"""Response times under fixed priorities: the iterates, as the analyses made them, and the numbers put in."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import Scale, decimal, joined, name, row
from rtsched.schedulability.theorems.fixed_priority import Demand, busy_period, demand, request, response
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: So many iterates of one fixpoint go into the data; of a staircase so many corners.
MOST_KEPT, MOST_CORNERS = 1_000, 400


def formula(model: Uniprocessor) -> str:
    """The formula, without the terms of which no task has any."""
    B = "B + " if model.mode != "preemptive" or any(task.B for task in model.tasks) else ""
    J = any(task.J for task in model.tasks)
    late = " + J" if J else ""
    if model.mode == "preemptive":
        one = f"w = {B}C + Σ ⌈(w + J)/T⌉·C" if J else f"R = {B}C + Σ ⌈R/T⌉·C"
        text = f"{one} over the more urgent" + (", R = w + J" if J else "")
        again = any(task.D > task.T for task in model.tasks)
        return text + (f"; job q + 1 of a busy period: (q + 1)·C, R = w − q·T{late}" if again else "")
    inside = "(s + J)/T" if J else "s/T"
    own, last = ("q·C", "C") if model.mode == "nonpreemptive" else ("(q + 1)·C − F", "F")
    text = f"job q + 1: s = {B}{own} + Σ (⌊{inside}⌋ + 1)·C over the more urgent, R = s + {last} − q·T{late}"
    return text + ("" if model.mode == "nonpreemptive" else " (F: its last region)")


def fixed_priority(model: Uniprocessor, result: Result, scale: Scale) -> list[BoardLine]:
    """For each task the iterates of its worst job, of its first one, and how many jobs its busy period holds."""
    names = [task.name for task in model.tasks]
    bounds = {bound.task: bound for bound in result.bounds}
    places = chosen(names, result)
    lines = []
    for place in places:
        bound = bounds.get(names[place])
        if bound is not None:  # what comes after a search that was cut off was not looked at
            lines += _task(demand(model, place), bound, scale)
    return lines + left_out(names, places)


def _task(each: Demand, bound: Bound, scale: Scale) -> list[BoardLine]:
    busy: list[int] = []
    try:
        L = busy_period(each, busy)
        if L is None:
            U = Fraction(each.C, each.T) + sum((Fraction(h.C, h.T) for h in each.above), Fraction(0))
            text = f"{name(each.name)}: its busy period has no end: down to it U = {decimal(U, 4)}"
            return [BoardLine("words", text, each.name, False)]
        jobs = -(-(L + each.J) // each.T)
        worst = response(each).q
    except NotConverged as cut:
        return [BoardLine("words", f"{name(each.name)}: {cut}", each.name)]
    rows: dict[int, list[int]] = {0: [], worst: []}
    response(each, rows=rows)
    lines = []
    if jobs > 1:
        shown = row([scale(value) for value in busy])
        text = f"{name(each.name)}: busy period L = {shown}, so {jobs} jobs are looked at"
        lines.append(BoardLine("words", text, each.name, data={"busy_period_ns": L, "jobs": jobs}))
    for q, values in sorted(rows.items()):
        lines.append(_job(each, bound, q, jobs, worst, values, scale))
    if each.above or (each.blocking and each.C > each.last) or (each.blocking and worst):
        lines.append(_put_in(each, worst, rows[worst][-1], scale))
    return lines


def _job(each: Demand, bound: Bound, q: int, jobs: int, worst: int, values: Sequence[int], scale: Scale) -> BoardLine:
    """The iterates of one job: of its end where it can be preempted to the last tick, else of when F begins."""
    whole = each.last == 1
    ends = [value + 1 for value in values] if whole else list(values)
    R = values[-1] + each.last - q * each.T + each.J
    plain = whole and not q and not each.J
    who = name(each.name) + (f", job {q + 1} of {jobs}" if jobs > 1 else "")
    sign = "≤" if R <= bound.deadline else ">"
    text = f"{who}: {'' if plain else 'w = ' if whole else 's = '}{row([scale(end) for end in ends])}"
    if not plain:
        text += f"; R = {scale(ends[-1])}" + ("" if whole else f" + {scale(each.last)}")
        text += (f" − {scale(q * each.T)}" if q else "") + (f" + {scale(each.J)} (jitter)" if each.J else "")
        text += f" = {scale(R)}"
    text += f" {sign} {scale(bound.deadline)}" + (", the worst" if q == worst and jobs > 1 else "")
    data = {
        "job": q,
        "jobs": jobs,
        "worst": q == worst,
        "of": "end" if whole else "last region",
        "values_ns": ends[:MOST_KEPT],
        "left_out": max(0, len(ends) - MOST_KEPT),
        "response_ns": R,
        "deadline_ns": bound.deadline,
        "due_ns": q * each.T - each.J + bound.deadline - (0 if whole else each.last),
        "corners_ns": corners(each, q, ends[-1]),
    }
    return BoardLine("iterates", text, each.name, R <= bound.deadline, data)


def corners(each: Demand, q: int, last: int) -> list[list[int]]:
    """Where the staircase of requests rises, up to `last`: from just after t on it is at W; none where too many."""
    shift = 1 if each.last == 1 else 0
    if sum((last + h.J) // h.T + 1 for h in each.above) > MOST_CORNERS:
        return []
    steps = {k * h.T - h.J for h in each.above for k in range(1, (last + h.J) // h.T + 1)}
    asked = request(each, q)
    return [[t, asked(t) + shift] for t in [0, *sorted(step for step in steps if 0 < step <= last)]]


def _put_in(each: Demand, q: int, s: int, scale: Scale) -> BoardLine:
    """The fixpoint with the numbers put in."""
    whole = each.last == 1
    left = s + 1 if whole else s
    terms = [f"{scale(each.blocking)} (B: {name(each.blocker)})"] if each.blocking else []
    if whole or q or each.C > each.last:
        own = f"{q + 1}·{scale(each.C)}" if q else scale(each.C)
        terms.append(own + ("" if whole else f" − {scale(each.last)}"))
    for h in each.above:
        inside = f"({scale(left)} + {scale(h.J)})" if h.J else scale.inside(left)
        count = f"⌈{inside}/{scale.inside(h.T)}⌉" if whole else f"(⌊{inside}/{scale.inside(h.T)}⌋ + 1)"
        terms.append(f"{count}·{scale.inside(h.C)}")
    amounts = {
        "blocking_ns": each.blocking,
        "blocker": each.blocker,
        "own_ns": (q + 1) * each.C - (0 if whole else each.last),
        "terms": [
            {"task": h.name, "times": (s + h.J) // h.T + 1, "C_ns": h.C, "T_ns": h.T, "J_ns": h.J} for h in each.above
        ],
        "value_ns": left,
    }
    text = f"{' ' * (len(name(each.name)) + 2)}{scale(left)} = {joined(terms) or '0'}"
    return BoardLine("sum", text, each.name, data=amounts)
