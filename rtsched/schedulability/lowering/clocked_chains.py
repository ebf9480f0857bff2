"""The cause-effect chains of a system as the theorem of clocks knows them: phases that are held, and LET."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rtsched.model.task import Sporadic
from rtsched.model.taskgraph import ChainSpec, TaskSpec
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorems.clocked_jobs import Clocked, latest_ends
from rtsched.schedulability.theorems.sampled_chains import SampledChain, Sampler
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.schedulability.analyse import SystemAnalysis


def longest_gap(task: TaskSpec) -> int | None:
    """The longest that two arrivals of a task that comes by itself can lie apart; None: they may come ever more rarely.

    A task with a last job has no longest gap either.
    """
    if task.period is None or task.count is not None or task.release is not None:
        return None
    if task.arrival.kind == "periodic":
        return task.period
    return task.arrival.max_gap if isinstance(task.arrival, Sporadic) else None


def sampled_chain(
    analysis: SystemAnalysis,
    chain: ChainSpec,
    steps: Sequence[Sequence[TaskSpec]],
    roots: Sequence[TaskSpec],
    within: Sequence[int],
    ahead: Sequence[bool],
) -> SampledChain | str:
    """The chain as samplers, or why not: each step arrives with its root and has written `within` that long after.

    A root whose releases can overtake each other (its jitter is a period or more) has no order.
    """
    made = []
    for step, root, R in zip(steps, roots, within, strict=True):
        gap = longest_gap(root)
        assert gap is not None
        if root.jitter >= gap:
            return f"the jitter of {root.name!r} is no shorter than its period"
        let = step[0].communication == "let"
        clock = root.clock or ""
        made.append(
            Sampler(
                " → ".join(task.name for task in step),
                gap,
                step[0].deadline if let else R,
                0 if let else root.jitter,
                let,
                clock,
                root.offset if clock else 0,
                _ends(analysis, step[0]) if clock and not let and len(step) == 1 and step[0] is root else (),
            )
        )
    return SampledChain(chain.name, tuple(made), tuple(ahead), chain.max_reaction)


def rests_on(tasks: Sequence[TaskSpec], roots: Sequence[TaskSpec]) -> tuple[Assumption, ...]:
    """What bounds of a chain rest on besides its tasks: clocks with several roots, longest gaps, times of LET."""
    clocks = [root.clock for root in roots if root.clock is not None]
    texts = [
        f"the clock {cut(clock, 40)!r} keeps the phases that the offsets of its tasks say"
        for clock in clocks
        if clocks.count(clock) > 1
    ]
    texts += [
        f"no two arrivals of {root.name!r} lie further apart than its max_gap"
        for root in roots
        if root.arrival.kind == "sporadic"
    ]
    texts += [
        f"{task.name!r} reads just as it arrives and writes just at its deadline"
        for task in tasks
        if task.communication == "let"
    ]
    return tuple(Assumption(text, "declared", id="sampling") for text in dict.fromkeys(texts))


def _ends(analysis: SystemAnalysis, task: TaskSpec) -> tuple[int, ...]:
    """The latest end of each job of a task in a hyperperiod; empty where its processor is no such one.

    All tasks there have to be of its clock, periodic without jitter, of one node, without locks or costs of switches,
    preempted at once, and of different fixed priorities.
    """
    view = analysis.part_of(task.name).view
    model = next((model for model in view.models if isinstance(model, Uniprocessor)), None)
    if model is None or (model.order, model.mode) != ("FP", "preemptive") or any(view.overheads.values()):
        return ()
    tasks = [analysis.system.tasks[index] for index in view.tasks]
    policy = analysis.policy.of(analysis.system.processors[place].cluster for place in view.processors)
    levels = {policy.level(each)[0] for each in tasks}
    plain = all(
        each.clock == task.clock
        and not each.jitter
        and len(each.nodes) == 1
        and not each.nodes[0].sections
        and (each.on_miss == "continue" or analysis.proves(each.index))
        for each in tasks
    )
    if policy.order != "FP" or len(levels) < len(tasks) or not plain or any(each.B or each.S for each in model.tasks):
        return ()
    tasks.sort(key=policy.level)
    found = _known(tuple(Clocked(view.costs[each.name], each.period or 1, each.offset) for each in tasks))
    return () if found is None else found[tasks.index(task)]


@lru_cache(maxsize=32)
def _known(tasks: tuple[Clocked, ...]) -> list[tuple[int, ...]] | None:
    """The ends on one processor, found once for all chains and tasks of it."""
    return latest_ends(tasks)
