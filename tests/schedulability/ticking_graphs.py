"""Graphs pinned to processors under fixed priorities, tick by tick: an adversary by chance, who knows no engine."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rtsched.schedulability.models import Dag, DagTask, Mode, TypedPools, Vertex


@dataclass
class _Turn:
    """A vertex of a job that waits or runs: its task (also its priority), its job, its place, what is left of it."""

    task: int
    job: int
    vertex: int
    left: int


def drawn(random_: random.Random) -> TypedPools:
    """Two to four tasks of up to six vertices on up to three processors; most of them cannot be preempted."""
    kinds = ["a", "b", "c"][: random_.choice([1, 2, 2, 3])]
    modes: dict[str, Mode] = {kind: random_.choice(["preemptive", "nonpreemptive", "nonpreemptive"]) for kind in kinds}
    n = random_.randint(2, 4)
    tasks = []
    for i in range(n):
        T = random_.choice([8, 10, 14, 20, 30, 45])
        longest, count = T // (2 * n) + 1, random_.randint(1, 6)
        vertices = tuple(Vertex(f"v{k}", random_.randint(1, longest), random_.choice(kinds)) for k in range(count))
        edges = tuple((a, b) for b in range(count) for a in range(b) if random_.random() < 0.4)
        tasks.append(DagTask(f"t{i}", Dag(vertices, edges), T, T, random_.choice([0, 0, 0, 2])))
    random_.shuffle(tasks)
    return TypedPools(tuple(tasks), dict.fromkeys(kinds, 1), "FP", modes)


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

        def ready(i: int, job: int, v: int, waiting: dict[str, list[_Turn]] = waiting) -> None:
            vertex = model.tasks[i].dag.vertices[v]
            left = vertex.c if random_.random() < 0.8 else random_.randint(1, vertex.c)
            waiting[vertex.type].append(_Turn(i, job, v, left))

        for t in range(end + 200):
            while coming and coming[0][0] <= t:
                _, job, i = coming.pop(0)
                dag = model.tasks[i].dag
                missing[i, job] = [len(before) for before in dag.predecessors]
                for v in dag.order:
                    if not dag.predecessors[v]:
                        ready(i, job, v)
            ended = []
            for kind in model.cores:
                turn = running[kind]
                if turn is not None and model.mode(kind) == "preemptive":
                    waiting[kind].append(turn)
                    turn = None
                if turn is None and waiting[kind]:
                    turn = min(waiting[kind], key=lambda each: (each.task, each.job, each.vertex))
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
                            ready(turn.task, turn.job, b)
    return worst
