"""Each network is cut in two stages, one for the CPU and one for the accelerator, so that both are loaded evenly."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.placements.layers import Homes, Layers

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: The loads of the two clusters, the larger first, then the time of a whole job (ns).
Cost = tuple[Fraction, Fraction, int]


class DART(Layers):
    """In the style of DART: networks are pipelines of stages over the CPU and an accelerator.

    Xiang and Kim, "Pipelined data-parallel CPU/GPU scheduling for multi-DNN real-time inference", RTSS 2019; the paper
    was not read; our definition is: a chain is cut once, what is before the cut runs on one of the two clusters and
    what is behind it on the other (or all on one); a layer that can run on one only stays there. All networks start on
    the accelerator. Task by task the cut is taken that makes the larger load of the two clusters least (expected time
    per period and core; then the other's load, then the time of a job, then the earliest cut that starts on the
    accelerator), again and again until no task can better it. Copies are not counted, and of data parallelism for best
    effort there is none here.

    Needs chains with times on both. Stages have their place before time starts, so responses can be bounded as those
    of any pipeline; the larger load is never above that of all on the accelerator, and least of all for one network.
    It looks at loads and not at deadlines, and fails where the even split takes a job too long.
    """

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        for task in soc.tasks:
            self._check(task)
        cores = [each.cluster for each in soc.processors]
        self.cores = {cluster: cores.count(cluster) for cluster in (self.fast, self.slow)}
        self.homes = self.everything_on(self.fast)
        self.loads = [self._loads(task, self.homes)[0] for task in soc.tasks]
        while sum(map(self._cut, soc.tasks)):
            pass  # every cut is better than the one before, so that it ends

    def _check(self, task: TaskState) -> None:
        """Refuse what is no chain."""
        for node in task.nodes:
            if node.predecessors != ((node.index - 1,) if node.index else ()):
                raise SchedulerError(
                    f"placement 'dart-style': task {task.name!r} is no chain at its node {node.name!r}; write its "
                    "nodes in a row, each after the one before, or choose a placement of single layers"
                )

    def _cut(self, task: TaskState) -> bool:
        """Take the best cut of a task beside what the others have; whether it is better than what it had."""
        before = self._cost(task, self.homes)
        cost, own = min(((self._cost(task, own), own) for own in self._cuts(task)), key=lambda found: found[0])
        if cost >= before:
            return False
        self.homes |= own
        self.loads[task.index] = self._loads(task, own)[0]
        return True

    def _cuts(self, task: TaskState) -> Iterator[Homes]:
        """The homes of the nodes of a task under each cut."""
        free = [(node.index, can) for node in task.nodes if (can := self.choices(node))]
        for first, second in ((self.fast, self.slow), (self.slow, self.fast)):
            for cut in range(len(task.nodes), 0, -1):
                wanted = [(index, first if index < cut else second, can) for index, can in free]
                yield {(task.index, index): want if want in can else can[0] for index, want, can in wanted}

    def _cost(self, task: TaskState, homes: Homes) -> Cost:
        own, whole = self._loads(task, homes)
        others = [load for index, load in enumerate(self.loads) if index != task.index]
        fast, slow = (sum(loads, Fraction(0)) for loads in zip(own, *others, strict=True))
        return max(fast, slow), min(fast, slow), whole

    def _loads(self, task: TaskState, homes: Homes) -> tuple[tuple[Fraction, Fraction], int]:
        """What a task asks of a core of either cluster per time, and the time of a whole job in ns."""
        times = {self.fast: 0, self.slow: 0}
        for node in task.nodes:
            home = homes.get((task.index, node.index))
            if home is not None:
                times[home] += self.time(node, home) or 0
        period = task.period or task.deadline
        fast, slow = (Fraction(time, period * self.cores[cluster]) for cluster, time in times.items())
        return (fast, slow), sum(times.values())
