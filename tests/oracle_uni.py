"""Exhaustive truth for tiny sporadic sets on one processor, tick by tick, sharing nothing with the analyses."""

from __future__ import annotations

from itertools import accumulate, product

from rtsched.schedulability.models import Sporadic

#: Per task the ticks since its last arrival (at most T) and the work left; who runs, and the rest of its region.
State = tuple[tuple[tuple[int, int], ...], int | None, int]


def worst_responses(tasks: tuple[Sporadic, ...], order: str, mode: str) -> list[int] | None:
    """The worst response of every task over all integer arrivals at least T apart; None if a deadline can be missed."""
    regions = [task.regions if mode == "limited" else (task.C,) for task in tasks]
    start: State = (tuple((task.T, 0) for task in tasks), None, 0)
    worst = [0] * len(tasks)
    seen, todo = {start}, [start]
    while todo:
        ages, running, rest = todo.pop()
        may = [i for i, (age, left) in enumerate(ages) if age >= tasks[i].T and not left]
        for choice in product((False, True), repeat=len(may)):
            arrived = {i for i, yes in zip(may, choice, strict=True) if yes}
            now = [(0, tasks[i].C) if i in arrived else pair for i, pair in enumerate(ages)]
            chosen, region = running, rest
            if chosen is None or mode == "preemptive":
                ready = [i for i, (_, left) in enumerate(now) if left]
                chosen = min(ready, key=lambda i: urgency(tasks[i], now[i][0], i, order), default=None)
                if chosen is not None:
                    done = tasks[chosen].C - now[chosen][1]
                    region = next(end - done for end in accumulate(regions[chosen]) if end > done)
            after = []
            for i, (age, left) in enumerate(now):
                left -= i == chosen
                if i == chosen and not left:
                    worst[i] = max(worst[i], age + 1)
                if left and age + 1 >= tasks[i].D:
                    return None
                after.append((min(age + 1, tasks[i].T), left))
            ended = chosen is None or region <= 1
            state: State = (tuple(after), None if ended else chosen, 0 if ended else region - 1)
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return worst


def urgency(task: Sporadic, age: int, index: int, order: str) -> tuple[int, int, int]:
    """Smaller goes first: R4 of the simulator."""
    return (task.D - age, -age, index) if order == "EDF" else (index, 0, 0)
