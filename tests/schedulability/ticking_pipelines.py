"""Pipelines under fixed priorities, tick by tick: an adversary by chance, who knows nothing of the engine."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rtsched.schedulability.models import Mode, Pipelines, PipelineTask, Stage


@dataclass
class _Turn:
    """A stage of a job that waits or runs: its task (also its priority), its arrival, its place, what is left of it."""

    task: int
    arrival: int
    stage: int
    left: int


def drawn(random_: random.Random) -> Pipelines:
    """Two to four tasks of up to five stages on up to three processors; half of them cannot be preempted."""
    processors = ["a", "b", "c"][: random_.choice([1, 2, 2, 3])]
    modes: dict[str, Mode] = {name: random_.choice(["preemptive", "nonpreemptive"]) for name in processors}
    n = random_.randint(2, 4)
    tasks = []
    for i in range(n):
        T = random_.choice([8, 10, 14, 20, 30, 45])
        longest = T // (3 * n) + 1
        stages = [Stage(random_.choice(processors), random_.randint(1, longest)) for _ in range(random_.randint(1, 5))]
        tasks.append(PipelineTask(f"t{i}", tuple(stages), T, T, random_.choice([0, 0, 0, 2])))
    random_.shuffle(tasks)
    return Pipelines(tuple(tasks), modes)


def _arrivals(model: Pipelines, random_: random.Random, end: int, style: int) -> list[tuple[int, int, int]]:
    """Releases with their arrivals and tasks: together and as often as can be, or apart, or with gaps."""
    found = []
    for i, task in enumerate(model.tasks):
        at = random_.randrange(task.T) if style else 0
        while at < end:
            found.append((at + random_.randint(0, task.J), at, i))
            at += task.T + (0 if random_.random() < 0.6 else random_.randint(0, task.T // 2 if style == 2 else 2))
    return sorted(found)


def longest_responses(model: Pipelines, random_: random.Random, runs: int) -> list[int]:
    """The longest response of each task in so many runs of twelve of the longest periods; times at most C."""
    worst = [0] * len(model.tasks)
    for style in range(runs):
        end = 12 * max(task.T for task in model.tasks)
        coming = _arrivals(model, random_, end, style % 3)
        ready: dict[str, list[_Turn]] = {name: [] for name in model.modes}
        running: dict[str, _Turn | None] = dict.fromkeys(model.modes)
        for t in range(end + 200):
            while coming and coming[0][0] <= t:
                _, arrival, i = coming.pop(0)
                _begin(model, ready, random_, i, arrival, 0)
            for name, mode in model.modes.items():
                now = running[name]
                if mode == "preemptive" and now is not None:
                    ready[name].append(now)
                    now = None
                if now is None and ready[name]:
                    now = min(ready[name], key=lambda turn: (turn.task, turn.arrival))
                    ready[name].remove(now)
                running[name] = now
            ended = []
            for name, turn in running.items():
                if turn is not None:
                    turn.left -= 1
                    if not turn.left:
                        running[name] = None
                        ended.append(turn)
            for turn in ended:
                if turn.stage + 1 < len(model.tasks[turn.task].stages):
                    _begin(model, ready, random_, turn.task, turn.arrival, turn.stage + 1)
                else:
                    worst[turn.task] = max(worst[turn.task], t + 1 - turn.arrival)
    return worst


def _begin(
    model: Pipelines, ready: dict[str, list[_Turn]], random_: random.Random, i: int, arrival: int, k: int
) -> None:
    stage = model.tasks[i].stages[k]
    chance = random_.random()
    time = stage.C if chance < 0.6 else random_.randint(1, stage.C) if chance < 0.8 else 1
    ready[stage.processor].append(_Turn(i, arrival, k, time))
