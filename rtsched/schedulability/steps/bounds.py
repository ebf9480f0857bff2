"""Bounds by their parts, for tests whose own steps are not written out: the parts are the proof's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtsched.schedulability.result import KINDS, Bound, Result
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import Scale, joined, name


def of_parts(bounds: Sequence[Bound], result: Result, scale: Scale) -> list[BoardLine]:
    """Each bound as the sum of its parts: ``net: R = 5 (own) + 3 (interference, a) = 8 ≤ 20``."""
    names = [bound.task for bound in bounds]
    places = chosen(names, result)
    return [of_bound(bounds[place], scale) for place in places] + left_out(names, places)


def of_bound(bound: Bound, scale: Scale) -> BoardLine:
    """One bound as the sum of its parts."""
    who = name(bound.task)
    if bound.wcrt is None:
        return BoardLine("words", f"{who}: no response time of its own", bound.task)
    terms = [
        f"{scale(part.amount)} ({'own' if part.kind == 'own' else f'{part.kind}, {name(part.source)}'})"
        for part in sorted(bound.parts, key=lambda part: KINDS.index(part.kind))
    ]
    holds = bound.wcrt <= bound.deadline
    summed = f"{joined(terms)} = " if terms else ""
    text = f"{who}: R = {summed}{scale(bound.wcrt)} {'≤' if holds else '>'} {scale(bound.deadline)}"
    data: dict[str, Any] = {
        "response_ns": bound.wcrt,
        "deadline_ns": bound.deadline,
        "parts": [{"kind": part.kind, "source": part.source, "amount_ns": part.amount} for part in bound.parts],
    }
    return BoardLine("bound", text, bound.task, holds, data)


def generic(model: Any, result: Result, scale: Scale) -> list[BoardLine]:
    """What can be said of any test: its bounds by their parts, where it gives any."""
    known = [bound for bound in result.bounds if bound.wcrt is not None]
    failed = result.first_failure
    if not known and failed is not None and failed.why != result.reason:
        return [BoardLine("words", str(failed), failed.task)]
    return of_parts(result.bounds, result, scale) if known else []
