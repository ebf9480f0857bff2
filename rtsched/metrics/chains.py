"""Cause-effect chains in a run: how long they take to react, and how old their outputs become."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtsched.metrics.figures import ChainFigures
from rtsched.model.taskgraph import ChainSpec
from rtsched.trace.trace import Trace

Integers = NDArray[np.int64]


def _finished(trace: Trace, task: int) -> tuple[Integers, Integers]:
    """Start and finish of the finished jobs of a task, by start."""
    rows = trace.jobs_of(task)
    rows = rows[rows["finish"] >= 0]
    rows = rows[np.argsort(rows["start"], kind="stable")]
    return rows["start"], rows["finish"]


def begun(trace: Trace, chain: ChainSpec) -> int | None:
    """The first instant in ns at which every task of a chain has started a job; None if one never does."""
    first = []
    for task in chain.tasks:
        starts = trace.jobs_of(task)["start"]
        if not (starts >= 0).any():
            return None
        first.append(int(starts[starts >= 0].min()))
    return max(first)


def reaction_times(trace: Trace, chain: ChainSpec, window: tuple[int, int] | None = None) -> Integers:
    """How long the chain takes to react to a stimulus that comes just after a read of its first task, in ns each.

    Implicit communication: a job reads when it starts and writes when it finishes. The stimulus that one job of the
    first task just missed is read by the next one; from there the first job that starts at or after each finish is
    followed. `window` restricts the starts of the job that missed it. Duerr et al. (ACM TECS 18(5s), 2019).
    """
    starts, finishes = _finished(trace, chain.tasks[0])
    stimulus, reached = starts[:-1], finishes[1:]
    for task in chain.tasks[1:]:
        starts, finishes = _finished(trace, task)
        position = np.searchsorted(starts, reached, side="left")
        there = position < len(starts)
        stimulus, reached = stimulus[there], finishes[position[there]]
    times = reached - stimulus
    if window is not None:
        times = times[(stimulus >= window[0]) & (stimulus < window[1])]
    return times


def data_ages(
    trace: Trace, chain: ChainSpec, window: tuple[int, int] | None = None, *, reduced: bool = False
) -> Integers:
    """How old the chain's output becomes before the next one replaces it (`reduced`: when it appears), in ns each.

    Followed backwards from each job of the last task: the latest job of the preceding task that finished at or before
    the start. `window` restricts the starts of the first task's job so found.
    """
    starts, finishes = _finished(trace, chain.tasks[-1])
    ends = finishes if reduced else np.append(finishes[1:], -1)
    read = starts
    for task in reversed(chain.tasks[:-1]):
        earlier_starts, earlier_finishes = _finished(trace, task)
        position = np.searchsorted(earlier_finishes, read, side="right") - 1
        there = position >= 0
        ends, read = ends[there], earlier_starts[position[there]]
    keep = ends >= 0
    if window is not None:
        keep &= (read >= window[0]) & (read < window[1])
    return (ends - read)[keep]


def chain_figures(trace: Trace, chain: ChainSpec) -> ChainFigures:
    """The longest reaction time and data ages of a chain, and whether it keeps what is required of it."""

    def most(values: Integers) -> int | None:
        return int(values.max()) if len(values) else None

    window = (trace.warm_up, trace.until) if trace.warm_up else None
    reaction = most(reaction_times(trace, chain, window))
    age = most(data_ages(trace, chain, window, reduced=True))
    return ChainFigures(
        name=chain.name,
        tasks=tuple(trace.system.tasks[task].name for task in chain.tasks),
        reaction_time_max=reaction,
        data_age_max=most(data_ages(trace, chain, window)),
        reduced_data_age_max=age,
        max_reaction=chain.max_reaction,
        max_age=chain.max_age,
        kept=_kept(trace, chain, reaction, age),
    )


def _kept(trace: Trace, chain: ChainSpec, reaction: int | None, age: int | None) -> bool | None:
    """Whether a chain keeps what is required of it; one that never reacts, in a run that is long enough, does not."""
    if not trace.kept or (chain.max_reaction is None and chain.max_age is None):
        return None
    if reaction is None and chain.max_reaction is not None and trace.until > chain.max_reaction:
        return False
    pairs = ((reaction, chain.max_reaction), (age, chain.max_age))
    answers = [seen <= limit for seen, limit in pairs if seen is not None and limit is not None]
    return all(answers) if answers else None
