"""Small random windows, and the best of each by trying everything: an oracle that knows no solver.

A window is written twice from the same draws: as a system file, and as plain jobs that are tried at every instant.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Node:
    """A node: its time on each processor (None: not there), and the nodes before it."""

    times: tuple[int | None, ...]
    before: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """A job of task number `task`, and the ways to answer it, each by some nodes (by their places) with their times."""

    task: int
    release: int
    deadline: int
    weight: int
    ways: tuple[tuple[tuple[int, Node], ...], ...]


@dataclass(frozen=True)
class Small:
    """A window: which processors can be preempted, and the jobs in order of their release."""

    preemptive: tuple[bool, ...]
    jobs: tuple[Job, ...]
    document: dict[str, Any]
    until: int


def small(seed: int) -> Small:
    """A random window: one to three processors, up to four jobs of one to three nodes, variants, exits."""
    draw = random.Random(seed)
    count = draw.choice((1, 1, 2, 2, 2, 3))
    preemptive = tuple(draw.random() < 0.6 for _ in range(count))
    names = [f"p{place}" for place in range(count)]
    processors = {
        name: {"kind": "cpu", "service": "preemptive" if free else "run-to-completion"}
        for name, free in zip(names, preemptive, strict=True)
    }
    jobs: list[Job] = []
    tasks: list[dict[str, Any]] = []
    left = draw.randint(2, 4)
    while left > 0:
        repeats = min(left, draw.choice((1, 1, 2)))
        left -= repeats
        task, made = _task(draw, len(tasks), names, repeats)
        tasks.append(task)
        jobs += made
    document = {"platform": {"name": "small", "processors": processors}, "scheduler": "edf", "tasks": tasks}
    until = 1 + max(job.release for job in jobs)
    return Small(preemptive, tuple(sorted(jobs, key=lambda job: job.release)), document, until)


def _task(draw: random.Random, number: int, names: list[str], repeats: int) -> tuple[dict[str, Any], list[Job]]:
    offset, period = draw.randint(0, 3), draw.randint(2, 4)
    deadline = draw.randint(2, 6)
    weight = draw.choice((1, 1, 2, 3))
    nodes = _graph(draw, names)
    task: dict[str, Any] = {
        "name": f"t{number}", "offset": f"{offset} ns", "period": f"{period} ns", "deadline": f"{deadline} ns",
        "count": repeats, "weight": weight, "graph": _written(nodes, names),
    }  # fmt: skip
    ways = [tuple(enumerate(nodes))]
    kind = draw.random()
    if kind < 0.25:
        last = draw.randrange(len(nodes))
        task["exits"] = [{"node": f"n{last}", "accuracy": 1.0}]
        ways = [tuple((place, node) for place, node in enumerate(nodes) if place in _needed(nodes, last))]
    elif kind < 0.5 and len(nodes) > 1:
        gone = draw.randrange(len(nodes))
        skips = {"name": "less", "accuracy": 0.999999999, "skip": [f"n{gone}"]}
        task["variants"] = [{"name": "all", "accuracy": 1.0, "scale": 1}, skips]
        ways.append(tuple(_without(nodes, gone)))
    overlaps = draw.random() < 0.2
    if overlaps:
        task["overlap"] = True
    made = []
    for index in range(repeats):
        release = offset + index * period
        alone = -1 - 10 * number - index if overlaps else number
        made.append(Job(alone, release, release + deadline, weight, tuple(ways)))
    return task, made


def _graph(draw: random.Random, names: list[str]) -> list[Node]:
    nodes = []
    for place in range(draw.choice((1, 1, 2, 2, 3))):
        times = [draw.randint(1, 3) if draw.random() < 0.6 else None for _ in names]
        if not any(times):
            times[draw.randrange(len(names))] = draw.randint(1, 3)
        nodes.append(Node(tuple(times), tuple(each for each in range(place) if draw.random() < 0.6)))
    return nodes


def _written(nodes: list[Node], names: list[str]) -> dict[str, Any]:
    return {
        "nodes": {
            f"n{place}": {
                "wcet": {name: f"{time} ns" for name, time in zip(names, node.times, strict=True) if time is not None}
            }
            for place, node in enumerate(nodes)
        },
        "edges": [[f"n{before}", f"n{place}"] for place, node in enumerate(nodes) for before in node.before],
    }


def _without(nodes: list[Node], gone: int) -> Iterator[tuple[int, Node]]:
    """The nodes without one of them: who waits for it waits for those before it."""
    for place, node in enumerate(nodes):
        if place != gone:
            before = {each for each in node.before if each != gone}
            before |= set(nodes[gone].before) if gone in node.before else set()
            yield place, Node(node.times, tuple(sorted(before)))


def _needed(nodes: list[Node], last: int) -> set[int]:
    """A node and all that it waits for."""
    return {last}.union(*(_needed(nodes, before) for before in nodes[last].before))


def best(window: Small) -> int:
    """The most weight of jobs that all end in time, by trying every choice of jobs and every schedule of them."""
    every = [(None, *job.ways) for job in window.jobs]
    found = 0
    for chosen in itertools.product(*every):
        weight = sum(job.weight for job, way in zip(window.jobs, chosen, strict=True) if way is not None)
        if weight > found and _feasible(window, chosen):
            found = weight
    return found


def _feasible(window: Small, chosen: tuple[Any, ...]) -> bool:
    """Whether all nodes of the chosen ways can end in time: every assignment is tried at every instant."""
    nodes = [(place, key, node) for place, way in enumerate(chosen) if way is not None for key, node in way]
    index = {(place, key): at for at, (place, key, _) in enumerate(nodes)}
    jobs = window.jobs
    waits = [
        [index[place, each] for each in node.before]
        + [
            index[other, key]
            for other in range(place)
            if chosen[other] is not None and jobs[other].task == jobs[place].task
            for key, _ in chosen[other]
        ]
        for place, _, node in nodes
    ]

    @cache
    def search(now: int, left: tuple[Fraction, ...], held: tuple[int, ...]) -> bool:
        if not any(left):
            return True
        for at, (place, _, node) in enumerate(nodes):
            least = min(time for time in node.times if time is not None)
            if left[at] and now + left[at] * least > jobs[place].deadline:
                return False
        options = []
        for processor, holder in enumerate(held):
            if holder >= 0:
                options.append([holder])
                continue
            ready = [
                at
                for at, (place, _, node) in enumerate(nodes)
                if left[at]
                and at not in held
                and node.times[processor] is not None
                and jobs[place].release <= now
                and not any(left[before] for before in waits[at])
            ]
            options.append([*ready, -1])
        for picked in itertools.product(*options):
            busy = [at for at in picked if at >= 0]
            if len(set(busy)) < len(busy):
                continue
            after = list(left)
            kept = [-1] * len(held)
            for processor, at in enumerate(picked):
                if at >= 0:
                    after[at] = max(Fraction(0), left[at] - Fraction(1, nodes[at][2].times[processor]))
                    if after[at] and not window.preemptive[processor]:
                        kept[processor] = at
            if search(now + 1, tuple(after), tuple(kept)):
                return True
        return False

    return search(0, (Fraction(1),) * len(nodes), (-1,) * len(window.preemptive))
