"""EDF on one processor: the demand of every interval beside its length, what QPA looks at, and response times."""

from __future__ import annotations

from fractions import Fraction
from heapq import heapify, heapreplace

from rtsched.schedulability.models import Mode, Sporadic, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.loads import load, shares
from rtsched.schedulability.steps.numbers import MOST_ITERATES, Scale, joined, name, row
from rtsched.schedulability.steps.responses import MOST_KEPT
from rtsched.schedulability.theorems.edf import blocking, dbf, finish, horizon, np_overload, qpa, responses
from rtsched.schedulability.theorems.fixpoint import NotConverged


def formula(model: Uniprocessor) -> str:
    """The demand test, without the terms of which no task has any."""
    J = " + J" if any(task.J for task in model.tasks) else ""
    dbf = f"dbf(t) = Σ (⌊(t − D{J})/T⌋ + 1)·C"
    if model.mode == "preemptive":
        return f"U ≤ 1, and at each deadline t: {dbf} ≤ t"
    return f"U ≤ 1, and at each deadline t: b(t) + dbf(t) ≤ t, with {dbf}, b(t) the longest region of those with D > t"


def processor_demand(model: Uniprocessor, result: Result, scale: Scale) -> list[BoardLine]:
    """U beside 1; how far to look; the demand at the deadlines; the instants at which the test looked."""
    tasks, mode = model.tasks, model.mode
    lines = [load("U", shares(tasks), Fraction(1), "", scale)]
    if model.U > 1:
        return lines
    behind = max(task.region(mode) - 1 for task in tasks) if mode != "preemptive" else 0
    busy: list[int] = []
    end = horizon(tasks, behind, busy)
    crossing = result.details.get("overload_at_ns")
    if len(busy) > 1 and busy[-1] <= busy[-2] <= end:
        far = f"the busy period ends: L = {row([scale(value) for value in busy])}; no deadline after it counts"
    else:
        far = f"no deadline after {_why_so_far(model, behind)} = {scale(end)} counts"
    lines.append(BoardLine("words", far, data={"horizon_ns": end}))
    lines += _deadlines(tasks, mode, end, crossing, scale)
    seen: list[tuple[int, int]] = []
    try:
        if mode == "preemptive":
            qpa(tasks, seen)
        else:
            np_overload(tasks, mode, seen)
    except NotConverged as cut:
        return [*lines, BoardLine("words", str(cut))]
    if seen:
        lines.append(_looked(seen, scale))
    return lines


def _why_so_far(model: Uniprocessor, behind: int) -> str:
    """What bounds the deadlines where the busy period does not: the same cases as in `horizon`."""
    if model.U == 1:
        return "lcm T + max D"
    slope = "Σ U·max(0, T − D + J)" if any(task.J for task in model.tasks) else "Σ U·max(0, T − D)"
    return f"max(max D, ⌈{f'({slope} + max b)' if behind else slope}/(1 − U)⌉)"


def _deadlines(
    tasks: tuple[Sporadic, ...], mode: Mode, end: int, crossing: int | None, scale: Scale
) -> list[BoardLine]:
    """The demand at the first deadlines up to `end`, or to the first crossing; how many more there are."""
    last = end if crossing is None else crossing
    heap = [(task.D - task.J, index) for index, task in enumerate(tasks) if task.D - task.J <= last]
    count = sum((last - first) // tasks[index].T + 1 for first, index in heap)
    heapify(heap)
    points: list[list[int]] = []
    while heap and heap[0][0] <= last and len(points) < MOST_KEPT:
        t, index = heap[0]
        heapreplace(heap, (t + tasks[index].T, index))
        if not points or points[-1][0] != t:
            points.append([t, dbf(tasks, t), blocking(tasks, t, mode)])
    everything = not heap or heap[0][0] > last
    if not everything and crossing is not None:
        points.append([crossing, dbf(tasks, crossing), blocking(tasks, crossing, mode)])
    lines = [_at(tasks, point, scale) for point in points[:MOST_ITERATES]]
    more = len(points) - len(lines) if everything else count - len(lines)
    if more > 0:
        about = "" if everything else "at most "
        lines.append(BoardLine("words", f"… {about}{more} more deadlines up to {scale(last)}"))
        if crossing is not None:
            lines.append(_at(tasks, points[-1], scale))
    data = {"points_ns": points, "left_out": 0 if everything else more, "end_ns": last, "crossing_ns": crossing}
    text = "at no deadline is more due than there is time for"
    if crossing is not None:
        text = f"the first crossing is at t = {scale(crossing)}"
    return [*lines, BoardLine("demand", text, holds=crossing is None, data=data)]


def _at(tasks: tuple[Sporadic, ...], point: list[int], scale: Scale) -> BoardLine:
    """The demand at one deadline, task by task."""
    t, due, behind = point
    terms = [f"{scale(behind)} (b)"] if behind else []
    for task in tasks:
        mine = dbf([task], t)
        if mine:
            times = mine // task.C
            terms.append(f"{times}·{scale(task.C)}" if times > 1 else scale(task.C))
    summed = f"{joined(terms)} = " if len(terms) > 1 or terms != [scale(due + behind)] else ""
    holds = due + behind <= max(t, 0)
    text = f"t = {scale(t)}: {summed}{scale(due + behind)} {'≤' if holds else '>'} {scale(t)}"
    return BoardLine("sum", text, holds=holds, data={"t_ns": t, "value_ns": due + behind, "limit_ns": max(t, 0)})


def _looked(seen: list[tuple[int, int]], scale: Scale) -> BoardLine:
    steps = [f"{scale(t)} (demand {scale(due)})" for t, due in seen]
    data = {"points_ns": [list(point) for point in seen[:MOST_KEPT]], "left_out": max(0, len(seen) - MOST_KEPT)}
    return BoardLine("qpa", f"QPA looks, from the last deadline down, only at t = {row(steps)}", data=data)


def rta_formula(model: Uniprocessor) -> str:
    """Of a job that arrives at a."""
    J = any(task.J for task in model.tasks)
    b = "" if model.mode == "preemptive" else "b + "
    before, there = ("⌊(a + J)/T⌋", "⌈(t + J)/T⌉") if J else ("⌊a/T⌋", "⌈t/T⌉")
    own = f"for a job that arrives at a: t = {b}({before} + 1)·C"
    return f"{own} + Σ min({there}, jobs due by a + D)·C over the others, R = t − a"


def edf_responses(model: Uniprocessor, result: Result, scale: Scale) -> list[BoardLine]:
    """For each task the arrival at which its response is worst, and the iterates of its end."""
    arrivals: dict[str, int] = {}
    responses(model, arrivals)
    names = [task.name for task in model.tasks]
    if not arrivals:
        return [BoardLine("words", f"{name(model.name)}: too many arrivals would have to be looked at")]
    places = chosen(names, result)
    lines = []
    for place in places:
        task, a, bound = model.tasks[place], arrivals[names[place]], result.bounds[place]
        seen: list[int] = []
        end = finish(model, place, a, seen)
        last = end - seen[-1]
        ends = [value + last for value in seen]
        R = max(task.C + task.J, end - a)
        text = f"{name(task.name)}: a = {scale(a)}: t = {row([scale(value) for value in ends])}; "
        text += f"R = {scale(end)} − {scale.inside(a)} = {scale(end - a)}"
        if R > end - a:
            text += f", at least C + J = {scale(R)}"
        if bound.wcrt is None:
            text += "; it counts only where no job of a task waits for the one before"
        else:
            text += f" {'≤' if R <= bound.deadline else '>'} {scale(bound.deadline)}"
        data = {
            "arrival_ns": a,
            "values_ns": ends[:MOST_KEPT],
            "left_out": max(0, len(ends) - MOST_KEPT),
            "response_ns": R,
            "deadline_ns": bound.deadline,
        }
        lines.append(BoardLine("iterates", text, task.name, R <= bound.deadline, data))
    return lines + left_out(names, places)
