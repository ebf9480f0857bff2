"""What a seed brings: the jobs that come, how long they take and how hard they are, whatever a policy does.

The engine itself is asked, by runs under a policy that writes each job down and drops it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from rtsched.engine.execution_time import InputTimes, demand
from rtsched.engine.job import Job
from rtsched.engine.job_path import JobPath
from rtsched.engine.simulation import run
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.optimum.judges import is_random
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class DrawnJob:
    """A job as it comes: its instants in ns, the factor of its times (by node, or of all), its input, whom it triggers.

    `arrival` is -1, and the other instants are relative to it, for a job that another one triggers.
    """

    index: int
    arrival: int
    release: int
    deadline: int
    factor: Fraction | float | InputTimes | None
    path: JobPath | None
    chances: dict[int, float]

    def takes(self, node: int, time: int) -> int:
        """What a node of this number takes in ns where `time` is planned, as the engine has it."""
        if self.factor is None:
            return time
        share = self.factor.shares.get(node, 1) if isinstance(self.factor, InputTimes) else self.factor
        return demand(share, time)

    @property
    def difficulty(self) -> float:
        """How hard its input is; 0 where no answer can be wrong."""
        return 0.0 if self.path is None else self.path.difficulty


class _Witness(Scheduler):
    """Write down every job that is released, and drop it."""

    def __init__(self) -> None:
        self.jobs: dict[int, list[DrawnJob]] = {}

    def on_release(self, job: Job) -> None:
        path = job.path if job.task.adaptive else None
        chances = getattr(job, "chances", {})
        mine = self.jobs.setdefault(job.task.index, [])
        mine.append(DrawnJob(job.index, job.arrival, job.release, job.deadline, job.factor, path, chances))
        self.soc.drop(job)

    def dispatch(self) -> None:
        """Nothing is left to run."""


def draw(system: SystemSpec, until: int, seed: int) -> tuple[dict[int, list[DrawnJob]], Trace]:
    """The jobs of each task that has any, and the trace of a run that drops them all.

    Of a task that another one triggers they are as many as there can be, numbered as if all came.
    """
    bare = replace(
        system,
        tasks=tuple(replace(task, on_miss="continue") for task in system.tasks),
        hardware=None, planner=None, reservable={}, protocols={},
    )  # fmt: skip
    witness = _Witness()
    trace = run(bare, witness, until=until, seed=seed)
    found = dict(witness.jobs)
    random = trace.random
    waiting = [task for task in system.tasks if task.after is not None]
    while waiting:
        ready = [task for task in waiting if task.after not in {each.index for each in waiting}]
        waiting = [task for task in waiting if task not in ready]
        for task in ready:
            assert task.after is not None
            found[task.index] = _triggered(bare, task, len(found.get(task.after, ())), seed)
            random = random or is_random(task)
    return found, replace(trace, system=system, random=random)


def _triggered(system: SystemSpec, task: TaskSpec, count: int, seed: int) -> list[DrawnJob]:
    """What `count` jobs of a triggered task draw: the engine is told that they all come at once."""
    if not count:
        return []
    arrival = TraceArrivals(kind="trace", times=(0,) * count)
    alone = replace(
        task, after=None, probability=1.0, period=None, offset=0, jitter=0, arrival=arrival, on_miss="continue"
    )
    others = tuple(alone if each.index == task.index else replace(each, count=0) for each in system.tasks)
    witness = _Witness()
    run(replace(system, tasks=others), witness, until=1, seed=seed)
    return [replace(each, arrival=-1) for each in witness.jobs[task.index]]


def best(jobs: Iterable[DrawnJob]) -> DrawnJob:
    """A job that takes no longer than any of these, on an input that is no harder."""
    every = list(jobs)
    first = every[0]
    paths = [each.path for each in every if each.path is not None]
    easiest = min(paths, key=lambda path: path.difficulty, default=None)
    return replace(first, factor=_least([each.factor for each in every]), path=easiest)


def _least(factors: list[Fraction | float | InputTimes | None]) -> Fraction | float | InputTimes | None:
    inputs = [each for each in factors if isinstance(each, InputTimes)]
    if not inputs:
        return min((each for each in factors if not isinstance(each, InputTimes) and each is not None), default=None)
    least = InputTimes(inputs[0].inputs, inputs[0].number)
    least.shares = {node: min(each.shares[node] for each in inputs) for node in least.shares}
    return least
