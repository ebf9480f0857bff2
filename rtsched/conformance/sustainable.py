"""Whether less to do makes anybody later: a shorter execution, a later release, one processor more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from rtsched.conformance.trial import Trial
from rtsched.engine.execution_time import InputTimes
from rtsched.model.inputs import InputsSpec
from rtsched.model.system import Estimates, Overheads
from rtsched.model.task import Constant, Periodic
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import Trace

#: So many tasks are changed, each by itself.
VICTIMS = 3
#: Jobs of a task with the instants at which they are done.
Ends = dict[tuple[str, int], int]


def shorter_execution(trial: Trial) -> str | None:
    """One task needs half of what is planned."""
    if not _asked(trial, "sustainable-execution"):
        return None
    half = Fraction(1, 2)
    answer = None
    for task in trial.spec.tasks[:VICTIMS]:
        if task.execution != Constant() or task.inputs is not None:
            continue
        shares = dict.fromkeys(range(len(task.nodes)), half)
        truth = InputTimes(InputsSpec((shares,), ({},), {}), 0)
        answer = _later(trial, trial.trace(truths={task.index: truth}), f"with {task.name!r} in half of its time")
        if answer:
            return answer
    return answer


def later_release(trial: Trial) -> str | None:
    """All jobs of one task come later."""
    if not _asked(trial, "sustainable-release"):
        return None
    answer = None
    for task in trial.spec.tasks[:VICTIMS]:
        delay = 1 + trial.seed % max(1, (task.period or task.deadline) // 2)
        moved = _delayed(task, delay)
        if moved is not None:
            text = f"with {task.name!r} {delay} ns later"
            answer = _later(trial, trial.trace(_with(trial.spec, moved)), text, {task.name: delay})
        if answer:
            return answer
    return answer


def one_processor_more(trial: Trial) -> str | None:
    """There is one more of the first processor."""
    spec = trial.spec
    several = any(task.quality is not None and task.quality.variants for task in spec.tasks)
    if several or not _asked(trial, "sustainable-processors") or any(map(_is_tabled, _nodes(spec))):
        return None
    first = spec.processors[0]
    more = replace(first, index=len(spec.processors), name=f"{first.name}+")
    tasks = tuple(_task_on_one_more(spec, task) for task in spec.tasks)
    larger = replace(spec, processors=(*spec.processors, more), tasks=tasks)
    return _later(trial, trial.trace(larger), f"with one more of {first.name!r}")


# ---- where it is asked -----------------------------------------------------------------------------------------------


def _asked(trial: Trial, claim: str) -> bool:
    """Whoever claims it is asked where the claim holds: about independent jobs; others wherever it can be tried."""
    if trial.spec.hardware is not None or trial.plain.failure:
        return False
    return claim not in trial.claims or independent(trial.spec)


def independent(spec: SystemSpec) -> bool:
    """Whether jobs are of one node that can be interrupted, on processors that are alike, and nobody is given up."""
    plain = spec.overheads == Overheads() and spec.planner is None and spec.estimates == Estimates()
    same = all(each.service == "preemptive" and not each.blackouts for each in spec.processors)
    return plain and same and all(map(_is_plain, spec.tasks)) and _one_pool(spec)


def _is_plain(task: TaskSpec) -> bool:
    node = task.nodes[0]
    alone = len(task.nodes) == 1 and task.quality is None and task.after is None and task.on_miss == "continue"
    return alone and not node.sections and node.preemptive and len({node.times[place] for place in node.eligible}) == 1


def _one_pool(spec: SystemSpec) -> bool:
    """Either all may run everywhere, or each on one processor."""
    counts = {len(node.eligible) for node in _nodes(spec)}
    return counts in ({1}, {len(spec.processors)}) and not any(map(_costs, spec.processors))


def _costs(processor: object) -> bool:
    return bool(getattr(processor, "context_switch", 0) or getattr(processor, "migration", 0))


def _nodes(spec: SystemSpec) -> list[NodeSpec]:
    return [node for task in spec.tasks for node in task.all_nodes]


# ---- what is changed -------------------------------------------------------------------------------------------------


def _with(spec: SystemSpec, task: TaskSpec) -> SystemSpec:
    return replace(spec, tasks=tuple(task if each.index == task.index else each for each in spec.tasks))


def _delayed(task: TaskSpec, delay: int) -> TaskSpec | None:
    """The task with jobs that come later; None where others release them."""
    if task.release is not None:
        return replace(task, release=task.release + delay)
    if task.period is None or task.arrival != Periodic():
        return None
    return replace(task, offset=task.offset + delay)


def _is_tabled(node: NodeSpec) -> bool:
    """Whether it says more of each processor than its time there."""
    return bool(node.batch or node.losses or node.speedup or node.copies)


def _task_on_one_more(spec: SystemSpec, task: TaskSpec) -> TaskSpec:
    """The task, in all its variants, with nodes that may use one more of the first processor."""
    quality = task.quality
    if quality is not None:
        variants = (
            replace(each, nodes=tuple(_on_one_more(spec, node) for node in each.nodes)) for each in quality.variants
        )
        quality = replace(quality, variants=tuple(variants))
    return replace(task, nodes=tuple(_on_one_more(spec, node) for node in task.nodes), quality=quality)


def _on_one_more(spec: SystemSpec, node: NodeSpec) -> NodeSpec:
    """The node may use one more of the first processor if it may use all of its cluster."""
    cluster = spec.processors[0].cluster
    everywhere = all(node.times[each.index] is not None for each in spec.processors if each.cluster == cluster)
    return replace(node, times=(*node.times, node.times[0] if everywhere and not node.pinned else None))


# ---- what came of it -------------------------------------------------------------------------------------------------


def _later(trial: Trial, changed: Trace | None, text: str, allowed: dict[str, int] | None = None) -> str | None:
    """The first job that is later than it was, by more than it may; None where nobody can tell."""
    plain = trial.plain.trace
    if changed is None or plain is None:
        return None
    before, after = dict(_ends(plain)), dict(_ends(changed))
    for (task, index), end in sorted(before.items(), key=lambda each: each[1]):
        then = after.get((task, index))
        limit = end + (allowed or {}).get(task, 0)
        if end >= 0 and then is not None and (then < 0 or then > limit):
            now = f"at {then} ns" if then >= 0 else "never"
            return f"{text}, job {index} of {task!r} is done {now} instead of at {end} ns"
    return ""


def _ends(trace: Trace) -> Iterator[tuple[tuple[str, int], int]]:
    """The jobs that are not given up, with the instants at which they are done."""
    names = [task.name for task in trace.system.tasks]
    for row in trace.jobs:
        yield (names[row["task"]], int(row["index"])), int(row["finish"])
