"""Exits that pay for themselves: which of a network's exits to ask at all, and how sure they must be."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rtsched.engine.beliefs import AT_SETUP
from rtsched.errors import InputError, SchedulerError
from rtsched.model.answers import NORMAL, confidence
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: Synthetic inputs on which exits are chosen, as a validation set would be used.
INPUTS = 2000
#: How sure an exit may have to be: these are tried.
THRESHOLDS = tuple(number / 40 for number in range(41))
#: All sets of exits are looked at where a network has at most so many before its last.
MOST = 8
#: Accuracies that differ by no more are equal.
SAME = 1e-9


class ExitSet(NamedTuple):
    """The exits that are asked, and how sure they must be; what that takes (in ns) and gets right, on average."""

    time: float
    accuracy: float
    exits: tuple[int, ...]
    threshold: float


class BPNet(Ordering):
    """In the style of BPNet: EDF in which the exits of a network are pruned to those that pay.

    Park, Oh and Yi, "Branch-pruned conditional neural network for systematic time-accuracy trade-off", DAC 2020; the
    paper was not read; our definition is: the nodes that an exit needs and the last exit does not are its head. Before
    time starts every set of exits is tried with every threshold of confidence (one for the whole set, in steps of 1/40)
    on synthetic inputs of the task; of those that lose at most `loss` of the last exit's accuracy the one with the
    least mean time stands. At run time jobs go by deadline; within one, heads of the set go before what else is ready,
    and heads that were pruned after it, so that they never run: a job ends at the first exit of the set that is sure
    enough, and at the last one. (There a genetic search sets a threshold for each exit.)

    Needs exits, at most 9, whose errors are nested, and one processor for a network that has heads. It promises the
    mean accuracy on inputs like those, and no deadline; it fails when the inputs in use are harder. Adaptations that
    choose exits do not belong beside it.
    """

    believes = AT_SETUP
    claims = frozenset({"work-conserving", "bounded-inversion", "monotone"})

    def __init__(self, loss: float = 0.01) -> None:
        if not 0 <= loss <= 1:
            raise InputError("loss is a share of the answers: between 0 and 1")
        self.loss = loss

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        networks = [task for task in soc.tasks if exits_of(task)]
        if not networks:
            raise SchedulerError("ordering 'bpnet-style': no task has 'exits'; give one some")
        #: by task what each of its exits needs, and the exits that are asked
        self.needs = {task.index: needs(task) for task in networks}
        self.chosen = {task.index: self._search(task) for task in networks}

    def _search(self, task: TaskState) -> ExitSet:
        quality = exits_of(task)
        assert quality is not None
        needed = self.needs[task.index]
        wrong = None
        if quality.errors is not None:
            wrong = "its errors are not nested, as those of the inputs are on which exits are chosen"
        elif task.spec.branches:
            wrong = "which of its nodes run is not known; leave out the 'branches'"
        elif len(needed) > MOST + 1:
            wrong = f"it has {len(needed)} exits; {MOST + 1} are the most"
        elif any(each - needed[-1] for each in needed) and len({at for n in task.nodes for at in n.eligible}) > 1:
            wrong = "where there are several processors, heads that are pruned would run; pin it to one"
        if wrong:
            raise SchedulerError(f"ordering 'bpnet-style': task {task.name!r}: {wrong}")
        works = [min(self.soc.beliefs.time(node, place) or 0 for place in node.eligible) for node in task.nodes]
        return best_set(
            needed, works, *outcomes([each.accuracy for each in quality.exits], quality.reliability), self.loss
        )

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (job.deadline, job.release, self._rank(job.task.index, segment.node.index))

    def _rank(self, task: int, node: int) -> int:
        """0 for the heads of exits that are asked, 1 for what the last exit needs, 2 for heads that were pruned."""
        needed = self.needs.get(task)
        if needed is None or node in needed[-1]:
            return 1
        return 0 if any(node in needed[exit_] for exit_ in self.chosen[task].exits) else 2

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        job = segment.job
        if "exit" not in observation or job.left <= 1:
            return
        chosen, number = self.chosen[job.task.index], observation["exit"]
        last = number == len(self.needs[job.task.index]) - 1
        if last or (number in chosen.exits and observation["confidence"] >= chosen.threshold):
            self.soc.finish(job)


def needs(task: TaskState) -> list[frozenset[int]]:
    """The nodes that must have run for each exit of a task."""
    quality = exits_of(task)
    assert quality is not None
    found = []
    for exit_ in quality.exits:
        before, waiting = {exit_.node}, [exit_.node]
        while waiting:
            new = set(task.nodes[waiting.pop()].predecessors) - before
            before |= new
            waiting += new
        found.append(frozenset(before))
    return found


def outcomes(accuracies: Sequence[float], reliability: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """How sure each exit is on each of the synthetic inputs, and where it is right: a row for each exit."""
    levels = (np.arange(INPUTS) + 0.5) / INPUTS
    scores = np.array([NORMAL.inv_cdf(level) for level in levels.tolist()])
    random = np.random.Generator(np.random.PCG64(0))
    sure = []
    for accuracy in accuracies:
        seen = reliability * scores + (1 - reliability**2) ** 0.5 * random.standard_normal(INPUTS)
        sure.append([confidence(accuracy, each, reliability) for each in seen.tolist()])
    return np.array(sure), np.array([levels < accuracy for accuracy in accuracies])


def best_set(
    needed: Sequence[frozenset[int]], works: Sequence[int], sure: NDArray[Any], right: NDArray[Any], loss: float
) -> ExitSet:
    """The exits and the threshold of the least mean time that lose at most `loss` of the last exit's accuracy.

    Of equals the more accurate, then that of fewer exits, earlier ones, and the lower threshold.
    """
    last = len(needed) - 1
    least = float(right[last].mean()) - loss - SAME
    found = []
    for exits in (each for count in range(last + 1) for each in combinations(range(last), count)):
        times = _times(needed, works, exits)
        for threshold in THRESHOLDS if exits else (1.0,):
            staying, time, good = np.ones(sure.shape[1], bool), 0.0, 0
            for exit_ in (*exits, last):
                leaving = staying if exit_ == last else staying & (sure[exit_] >= threshold)
                staying = staying & ~leaving
                time += times[exit_] * int(leaving.sum())
                good += int((right[exit_] & leaving).sum())
            found.append((time / sure.shape[1], -good / sure.shape[1], len(exits), exits, threshold))
    time, wrong, _, exits, threshold = min(each for each in found if -each[1] >= least)
    return ExitSet(time, -wrong, exits, threshold)


def _times(needed: Sequence[frozenset[int]], works: Sequence[int], exits: Sequence[int]) -> dict[int, int]:
    """The time in ns until each exit of a set has answered, with the heads of those before it."""
    run: frozenset[int] = frozenset()
    found = {}
    for exit_ in (*exits, len(needed) - 1):
        run |= needed[exit_]
        found[exit_] = sum(works[node] for node in run)
    return found
