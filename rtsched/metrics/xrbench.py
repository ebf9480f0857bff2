"""The scores of XRBench: real time, energy and quality of experience of a trace (Kwon et al., MLSys 2023)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtsched.errors import InputError
from rtsched.trace.trace import ABORT, ABORTED, DROP, DROPPED, Trace

#: Millijoules at which the energy score is 0, and the steepness of the real-time score per ms.
ENERGY_LIMIT = 1500.0
STEEPNESS = 15.0


@dataclass(frozen=True)
class ModelScore:
    """The scores of one model: means over its executed frames (0 without any), and its share of the scenario."""

    name: str
    realtime: float
    energy: float
    qoe: float
    score: float
    executed: int
    dropped: int


@dataclass(frozen=True)
class ScenarioScore:
    """The score of a scenario between 0 and 100, and those of its models in name order."""

    overall: float
    models: tuple[ModelScore, ...]


def scores(trace: Trace) -> ScenarioScore:
    """The scores of a run whose tasks have measured energies (``power: {}``).

    Under the policy `xrbench` a frame that is dropped before its deadline was thrown away at the end, or never
    injected, and one that is aborted ran when the run was over: they count nowhere. Under any other policy whatever is
    dropped or aborted counts as dropped.
    """
    models = tuple(_model(trace, task) for task in sorted(trace.system.tasks, key=lambda task: task.name))
    logged = [model for model in models if model.executed + model.dropped]
    overall = 100 * math.fsum(model.score * model.qoe for model in logged) / len(logged) if logged else 0.0
    return ScenarioScore(overall, models)


def _model(trace: Trace, task: object) -> ModelScore:
    from rtsched.model.taskgraph import TaskSpec

    assert isinstance(task, TaskSpec)
    about = task.nodes[0].hardware
    if about is None or not about.energy:
        raise InputError(f"task {task.name!r} has no energy per inference; add 'power: {{}}' and measured energies")
    mine = trace.numbers(task.index)
    places = {int(row["job"]): int(row["processor"]) for row in trace.slices}
    times = {int(row["job"]): int(row["time"]) for row in trace.logged if row["action"] in (DROP, ABORT)}
    own = trace.scheduler.startswith("XRBench")
    realtime, energy, both = [], [], []
    dropped = 0
    for number in mine.tolist():
        job = trace.jobs[number]
        if job["finish"] >= 0:
            delay = (int(job["finish"]) - int(job["deadline"])) / 1e6
            realtime.append(1 / (1 + math.exp(min(STEEPNESS * delay, 700.0))))
            millijoules = (about.energy[places[number]] or 0) / 1e6
            energy.append((ENERGY_LIMIT - millijoules) / ENERGY_LIMIT)
            both.append(realtime[-1] * energy[-1])
        elif job["outcome"] == DROPPED and own:
            dropped += times[number] > job["deadline"]
        elif job["outcome"] in (DROPPED, ABORTED) and not own:
            dropped += 1
    count = len(both) + dropped
    return ModelScore(
        name=task.name,
        realtime=math.fsum(realtime) / len(both) if both else 0.0,
        energy=math.fsum(energy) / len(both) if both else 0.0,
        qoe=1 - dropped / count if count else 0.0,
        score=math.fsum(both) / count if count else 0.0,
        executed=len(both),
        dropped=dropped,
    )
