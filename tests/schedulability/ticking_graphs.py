"""Graphs pinned to processors in any order, tick by tick: an adversary by chance, who knows no engine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

from rtsched.schedulability.models import Dag, DagTask, Mode, Order, TypedPools, Vertex


@dataclass
class _Turn:
    """A vertex of a job that waits or runs: its task, its job, its place, since when it is ready, what is left of it."""

    task: int
    job: int
    vertex: int
    since: int
    left: int


def key(model: TypedPools, turn: _Turn) -> tuple[int, ...]:
    """Who goes first; among equal deadlines, and under FIFO, chance has drawn the order of the tasks."""
    if model.order == "EDF":
        return turn.job + model.tasks[turn.task].D, turn.task, turn.job, turn.vertex
    if model.order == "FIFO":
        return turn.since, turn.task, turn.job, -turn.vertex
    return turn.task, turn.job, turn.vertex


def drawn(random_: random.Random, order: Order = "FP") -> TypedPools:
    """Two to four tasks of up to six vertices on up to three processors; most of them cannot be preempted.

    Under EDF deadlines lie between half and one and a half of the periods.
    """
    kinds = ["a", "b", "c"][: random_.choice([1, 2, 2, 3])]
    modes: dict[str, Mode] = {kind: random_.choice(["preemptive", "nonpreemptive", "nonpreemptive"]) for kind in kinds}
    n = random_.randint(2, 4)
    tasks = []
    for i in range(n):
        T = random_.choice([8, 10, 14, 20, 30, 45])
        longest, count = T // (2 * n) + 1, random_.randint(1, 6)
        vertices = tuple(Vertex(f"v{k}", random_.randint(1, longest), random_.choice(kinds)) for k in range(count))
        edges = tuple((a, b) for b in range(count) for a in range(b) if random_.random() < 0.4)
        J = random_.choice([0, 0, 0, 2])
        D = random_.choice([T, T, T // 2, T * 3 // 4, T * 3 // 2]) if order == "EDF" else T
        tasks.append(DagTask(f"t{i}", Dag(vertices, edges), T, D, J))
    random_.shuffle(tasks)
    return TypedPools(tuple(tasks), dict.fromkeys(kinds, 1), order, modes)


def longest_responses(model: TypedPools, random_: random.Random, runs: int) -> list[int]:
    """The longest response of each task in so many runs of eight of the longest periods; times at most c."""
    worst = [0] * len(model.tasks)
    for style in range(runs):
        end = 8 * max(task.T for task in model.tasks)
        coming: list[tuple[int, int, int]] = []
        for i, task in enumerate(model.tasks):
            at = random_.randrange(task.T) if style % 3 else 0
            while at < end:
                coming.append((at + random_.randint(0, task.J), at, i))
                at += task.T + (random_.randint(0, 3) if style % 3 == 2 and random_.random() < 0.4 else 0)
        coming.sort()
        missing: dict[tuple[int, int], list[int]] = {}
        waiting: dict[str, list[_Turn]] = {kind: [] for kind in model.cores}
        running: dict[str, _Turn | None] = dict.fromkeys(model.cores)

        def ready(i: int, job: int, v: int, now: int, waiting: dict[str, list[_Turn]] = waiting) -> None:
            vertex = model.tasks[i].dag.vertices[v]
            left = vertex.c if random_.random() < 0.8 else random_.randint(1, vertex.c)
            waiting[vertex.type].append(_Turn(i, job, v, now, left))

        for t in range(end + 200):
            while coming and coming[0][0] <= t:
                _, job, i = coming.pop(0)
                dag = model.tasks[i].dag
                missing[i, job] = [len(before) for before in dag.predecessors]
                for v in dag.order:
                    if not dag.predecessors[v]:
                        ready(i, job, v, t)
            ended = []
            for kind in model.cores:
                turn = running[kind]
                if turn is not None and model.mode(kind) == "preemptive":
                    waiting[kind].append(turn)
                    turn = None
                if turn is None and waiting[kind]:
                    turn = min(waiting[kind], key=partial(key, model))
                    waiting[kind].remove(turn)
                running[kind] = turn
                if turn is not None:
                    turn.left -= 1
                    if not turn.left:
                        running[kind] = None
                        ended.append(turn)
            for turn in ended:
                worst[turn.task] = max(worst[turn.task], t + 1 - turn.job)
                left = missing[turn.task, turn.job]
                for a, b in model.tasks[turn.task].dag.edges:
                    if a == turn.vertex:
                        left[b] -= 1
                        if not left[b]:
                            ready(turn.task, turn.job, b, t + 1)
    return worst
