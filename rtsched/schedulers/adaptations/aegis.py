"""Which layers to protect from silent corruption, so that answers stay dependable and deadlines are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.engine.beliefs import AT_SETUP
from rtsched.errors import InputError, SchedulerError
from rtsched.model.task import Periodic, Sporadic
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.chain_responses import response_times
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: At most so many ways through the layers of a network are kept; beyond, times are rounded up to this part of all.
STEPS = 4096
#: Losses that differ by no more are equal.
SAME = 1e-9
#: A busy period of more than so many times the longest deadline is too long to look through.
MANY = 1000
#: The period in ns of a task that has one job.
NEVER_AGAIN = 1 << 62

#: A way through the layers: its time in ns, what it loses, and the variant of each layer.
Way = tuple[int, float, tuple[int, ...]]


class AegisDNN(Adaptation):
    """In the style of AegisDNN: the layers to protect, so that faults corrupt few answers and deadlines are kept.

    Xiang and others, "AegisDNN: dependable and timely execution of DNN tasks with SGX", RTSS 2021; the paper was not
    read; our definition is: a network has two variants that ``switch: node``, one with every layer protected (inside an
    enclave, slower) and one with none, whose lower accuracy says how many answers silent corruption costs then; a layer
    that is not protected costs its share of that (`shares`). Before time starts, dynamic programming over the layers
    finds all ways that are not both longer and worse than another. Each network takes the quickest that loses at most
    `limit`; then, one network after the other, the least loss with which the test of all tasks still passes. What is
    chosen stands for every job.

    Needs one processor, and tasks whose jobs are some period apart; it raises SchedulerError where no choice keeps the
    limit, or the quickest that do fail the test. What passes keeps its deadlines, in any mode of preemption, under EDF
    (by processor demand; under fixed priorities, by response times) while layers take at most what is expected. Systems
    with failures, locks or costs of switching are refused; loads and contention are not in its test. Corruption is what
    the plain variant loses: `faults` of processors corrupt nothing. It fails where what a layer costs depends on which
    others are protected.
    """

    claims = GREEDY - {"symmetric"}
    believes = AT_SETUP
    shrinks = True

    def __init__(self, limit: float = 1.0) -> None:
        if not 0 <= limit <= 1:
            raise InputError("limit is a share of the answers: between 0 and 1")
        self.limit = limit

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        networks = [task for task in soc.tasks if variants_of(task)]
        if not networks:
            raise SchedulerError("adaptation 'aegisdnn-style': no task has variants; give one some")
        for task in soc.tasks:
            self._check(task)
        #: by task the ways through its layers, the quickest first, and the number of the one that is taken
        self.layers = [self._layers(task) for task in soc.tasks]
        self.ways = [ways(layers) for layers in self.layers]
        self.taken = [0] * len(self.ways)
        for task in networks:
            self.taken[task.index] = self._dependable(task)
        if not self._passes(self.taken):
            raise SchedulerError(
                f"adaptation 'aegisdnn-style': deadlines are not kept with the least protection that loses at most "
                f"{self.limit:g}; raise the 'limit', or lower the load"
            )
        for task in networks:
            at = task.index
            better = range(len(self.ways[at]) - 1, self.taken[at], -1)
            self.taken[at] = next((way for way in better if self._allows(at, way)), self.taken[at])

    def _check(self, task: TaskState) -> None:
        """Refuse what the test of deadlines, or the choice of layers, knows nothing of."""
        spec, variants = task.spec, variants_of(task)
        wrong = None
        if spec.after is not None or spec.jitter or task.overlap or not isinstance(spec.arrival, Periodic | Sporadic):
            wrong = "its jobs are not some period apart, one at a time"
        elif {place for node in task.nodes for place in self.estimator.places(task, node)} != self._place():
            wrong = "it does not run on the one processor of all others; pin it there"
        elif any(place in self.soc.fallible for place in self._place()):
            wrong = "its processor may fail or slow down, which the test of deadlines does not know"
        elif any(node.sections for node in task.nodes):
            wrong = "it holds locks, and the test of deadlines knows none"
        elif self._switching():
            wrong = "switches cost time, which the test of deadlines does not know; leave the overheads out"
        elif variants and (len(variants) != 2 or any(each.accuracy is None or each.skipped for each in variants)):
            wrong = "a network has two variants of known accuracy: all layers protected, and none"
        elif len(variants) == 2 and len(task.nodes) > 1 and spec.quality is not None and not spec.quality.switch:
            wrong = "its variants need 'switch: node', to choose layer by layer"
        if wrong:
            raise SchedulerError(f"adaptation 'aegisdnn-style': task {task.name!r}: {wrong}")

    def _switching(self) -> bool:
        """Whether anything costs time beside the work itself."""
        overheads = self.soc.system.overheads
        own = any(self.soc.processors[place].spec.context_switch for place in self._place())
        return own or bool(overheads.context_switch or overheads.scheduling)

    def _place(self) -> set[int]:
        first = self.soc.tasks[0]
        return {self.estimator.places(first, first.nodes[0])[0]}

    def _layers(self, task: TaskState) -> list[list[tuple[int, float]]]:
        """Per layer the (expected time in ns, loss) of each variant."""
        (place,) = self._place()
        quality, variants = task.spec.quality, variants_of(task)
        if quality is None or not variants:
            return [[(self.estimator.time(node, place), 0.0)] for node in task.nodes]
        best = quality.accuracy or 0.0
        shares = [each / sum(quality.shares) for each in quality.shares]
        return [
            [
                (self.estimator.time(each.nodes[at], place), shares[at] * (best - (each.accuracy or 0.0)))
                for each in variants
            ]
            for at in range(len(task.nodes))
        ]

    def _dependable(self, task: TaskState) -> int:
        """The quickest way of a network that loses at most the limit."""
        for number, (_, loss, _) in enumerate(self.ways[task.index]):
            if loss <= self.limit + SAME:
                return number
        raise SchedulerError(
            f"adaptation 'aegisdnn-style': task {task.name!r} loses more than {self.limit:g} even with all layers "
            "protected; raise the 'limit'"
        )

    def _allows(self, index: int, way: int) -> bool:
        return self._passes([way if at == index else each for at, each in enumerate(self.taken)])

    def _passes(self, taken: Sequence[int]) -> bool:
        """Whether all deadlines are kept with these ways: by EDF's demand, or by the response times of priorities."""
        demands = []
        for task, layers, known, number in zip(self.soc.tasks, self.layers, self.ways, taken, strict=True):
            times = [layer[kind][0] for layer, kind in zip(layers, known[number][2], strict=True)]
            demands.append((task.period or NEVER_AGAIN, task.deadline, times))
        levels = self.estimator.levels
        if levels is None:
            return demand_fits(demands)
        if any(deadline > period for period, deadline, _ in demands):
            return False
        order = sorted(range(len(demands)), key=lambda index: (levels[index], index))
        return math.inf not in response_times([(*demands[each][:2], {"": demands[each][2]}) for each in order])

    def on_release(self, job: Job) -> None:
        kinds = self.ways[job.task.index][self.taken[job.task.index]][2]
        if not any(kinds):
            return
        self.soc.reconfigure(job, 1)
        protected = [node for node, kind in enumerate(kinds) if kind == 0]
        if protected:
            self.soc.reconfigure(job, 0, protected)


def ways(layers: Sequence[Sequence[tuple[int, float]]]) -> list[Way]:
    """The ways through layers that no other beats in time and loss at once, the quickest first.

    Exact up to 4096 of them; beyond, times are rounded up.

    >>> ways([[(10, 0.0), (4, 0.5)], [(10, 0.0), (7, 0.25)]])
    [(11, 0.75, (1, 1)), (14, 0.5, (1, 0)), (17, 0.25, (0, 1)), (20, 0.0, (0, 0))]
    """
    grain = max(1, -(-sum(max(time for time, _ in layer) for layer in layers) // STEPS))
    kept: list[Way] = [(0, 0.0, ())]
    for layer in layers:
        if len(kept) > STEPS:
            kept = _undominated([(-(-time // grain) * grain, loss, kinds) for time, loss, kinds in kept])
        grown = [
            (time + more, loss + lost, (*kinds, kind))
            for time, loss, kinds in kept
            for kind, (more, lost) in enumerate(layer)
        ]
        kept = _undominated(grown)
    return kept


def _undominated(found: list[Way]) -> list[Way]:
    """Only those that lose less than every quicker one."""
    kept: list[Way] = []
    for way in sorted(found):
        if not kept or way[1] < kept[-1][1] - SAME:
            kept.append(way)
    return kept


def demand_fits(demands: Sequence[tuple[int, int, Sequence[int]]]) -> bool:
    """Whether EDF on one processor keeps all deadlines of tasks (period, deadline, times of the nodes), all in ns.

    Processor demand with blocking by the longest node of what is due later: Baruah, Rosier and Howell, Real-Time
    Systems 2 (1990); Baruah, ECRTS 2005. Sufficient in any mode of preemption.

    >>> demand_fits([(10, 5, [2]), (10, 10, [3, 3])]), demand_fits([(10, 4, [2]), (10, 10, [3, 3])])
    (True, False)
    """
    work = [sum(times) for _, _, times in demands]
    if sum(work[index] / period for index, (period, _, _) in enumerate(demands)) > 1:
        return False
    latest = max(deadline for _, deadline, _ in demands)
    busy = _busy([(period, each) for (period, _, _), each in zip(demands, work, strict=True)], MANY * latest)
    if busy is None:
        return False
    end = max(busy, latest)  # nothing that is due later blocks beyond the latest deadline
    points = {deadline + job * period for period, deadline, _ in demands for job in range(-(-end // period))}
    for point in sorted(each for each in points if each <= end):
        due = sum(
            work[index] * max(0, (point - deadline) // period + 1)
            for index, (period, deadline, _) in enumerate(demands)
        )
        if due + max((max(times) for _, deadline, times in demands if deadline > point), default=0) > point:
            return False
    return True


def _busy(tasks: Sequence[tuple[int, int]], limit: int) -> int | None:
    """How long one processor is busy when all tasks (period, work) begin together; None if for more than `limit` ns."""
    length, total = 0, sum(work for _, work in tasks)
    while length != total:
        length, total = total, sum(-(-total // period) * work for period, work in tasks)
        if length > limit:
            return None
    return length
