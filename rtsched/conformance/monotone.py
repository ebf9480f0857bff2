"""Whether more time never makes an answer worse: one job alone, with one deadline after the other.

Whoever claims it is asked where times are as planned: who dares more with more time cannot know that more is needed.
"""

from __future__ import annotations

from dataclasses import replace

from rtsched.conformance.trial import Trial
from rtsched.model.system import Estimates
from rtsched.model.task import Constant, Periodic
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import NO_ANSWER, OK, UNKNOWN

#: Deadlines that are tried, from half of what the least takes to twice what all takes.
DEADLINES = 8


def monotone(trial: Trial) -> str | None:
    """The accuracy of the answer that a job alone has in time never falls as its deadline is put off."""
    tasks = [task for task in trial.spec.tasks if task.quality is not None and _asked(trial, task)]
    if not tasks or trial.spec.hardware is not None or trial.plain.failure:
        return None
    task, best, at = tasks[0], NO_ANSWER, 0
    for deadline in _deadlines(task):
        trace = trial.trace(_alone(trial.spec, task, deadline))
        if trace is None or not len(trace.answers) or trace.answers["accuracy"][0] == UNKNOWN:
            return None
        accuracy = int(trace.answers["accuracy"][0]) if trace.jobs["outcome"][0] == OK else NO_ANSWER
        if accuracy < best:
            return (
                f"one job of {task.name!r} alone has an answer of {_shown(best)} with the deadline {at} ns, "
                f"and of {_shown(accuracy)} with {deadline} ns"
            )
        best, at = accuracy, deadline
    return ""


def _asked(trial: Trial, task: TaskSpec) -> bool:
    """Whoever claims it is asked where nothing takes longer than was planned; others everywhere."""
    plain = trial.spec.planner is None and trial.spec.estimates == Estimates()
    return "monotone" not in trial.claims or (plain and task.execution == Constant() and task.inputs is None)


def _shown(accuracy: int) -> str:
    return f"accuracy {accuracy / 1e6:g}" if accuracy >= 0 else "no accuracy (too late)"


def _deadlines(task: TaskSpec) -> list[int]:
    assert task.quality is not None
    forms = [variant.lasting for variant in task.quality.variants] or [task.nodes]
    least, most = max(1, min(map(_work, forms)) // 2), 2 * max(map(_work, forms)) + 2
    return [least + (most - least) * number // (DEADLINES - 1) for number in range(DEADLINES)]


def _work(nodes: tuple[NodeSpec, ...]) -> int:
    return sum(node.fastest for node in nodes)


def _alone(spec: SystemSpec, task: TaskSpec, deadline: int) -> SystemSpec:
    """A system with one job of this task."""
    once = replace(
        task, index=0, release=0, period=None, arrival=Periodic(), after=None, probability=1.0, offset=0, jitter=0,
        count=None, deadline=deadline,
    )  # fmt: skip
    return replace(spec, tasks=(once,), chains=())
