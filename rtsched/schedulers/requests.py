"""Requests served layer by layer: what is left of one, how long it has waited, how dense it looks.

What Dysta's simulator calls est, iso, idle and gamma (Fan et al., MICRO 2023); several policies rest on these.
"""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import DEAD, DONE, RUNNING

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: What tells how dense an input is, at a layer that is done.
SPARSITY = "sparsity"


class Requests:
    """The jobs of a run as requests. Its user hands on `ready`, `served` and `ended`; times are in ns, as believed.

    `look` is how many of the last layers of a job speak for its density: None all of them, 0 none. With `truth` what is
    left is what it really is, for an oracle.
    """

    def __init__(self, soc: Soc, look: int | None = None, truth: bool = False) -> None:
        self.soc = soc
        self.look = look
        self.truth = truth
        #: the jobs in the system of which something could run by now, with the end of their last layer (-1: none yet)
        self.last: dict[int, int] = {}
        self.ratios: dict[int, deque[float]] = {}
        #: the tasks whose nodes follow one another; of these the times behind each node, by task (and job, if true)
        self.chains = {task.index for task in soc.tasks if _is_chain(task)}
        self.sums: dict[tuple[int, int], list[int]] = {}
        self.whole: dict[int, int] = {}
        self.version = soc.beliefs.version

    def ready(self, job: Job) -> None:
        """Something of `job` is ready."""
        self.last.setdefault(job.number, -1)

    def served(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A layer of a job is done, and its input was seen there."""
        self.last[segment.job.number] = self.soc.now
        usual = self.soc.expected_value(segment, SPARSITY)
        if self.look != 0 and usual is not None and usual < 1 and SPARSITY in observation:
            ratio = (1 - observation[SPARSITY]) / (1 - usual)
            self.ratios.setdefault(segment.job.number, deque(maxlen=self.look)).append(ratio)

    def ended(self, job: Job) -> None:
        """`job` has ended in any way."""
        self.last.pop(job.number, None)
        self.ratios.pop(job.number, None)
        self.sums.pop((job.task.index, job.number), None)

    def density(self, job: Job) -> float:
        """Gamma: how much denser than usual its layers were so far; 1 before the first, and where nothing is seen."""
        found = self.ratios.get(job.number)
        return fmean(found) if found else 1.0

    def left(self, job: Job) -> int:
        """The time of the layers that are not done, as usual: est. Layers that were left out take none."""
        needs = self.soc.really if self.truth else self.soc.remaining
        if job.task.index in self.chains:  # at every decision, of all jobs: not added up anew
            head = job.segments[-job.left]
            return needs(head) + self._behind(job)[head.node.index]
        return sum(needs(each) for each in job.segments if each.state not in (DONE, DEAD))

    def _behind(self, job: Job) -> list[int]:
        """Of every layer of a chain the time of those that follow it; asked of one that has begun, or is the next."""
        self._keep_up()
        key = (job.task.index, job.number if self.truth else -1)
        if key not in self.sums:
            usual = self.soc.beliefs.fastest
            times = [self.soc.really(each) if self.truth else usual(each.node) for each in job.segments]
            self.sums[key] = list(accumulate(reversed(times[1:]), initial=0))[::-1]
        return self.sums[key]

    def alone(self, job: Job) -> int:
        """The time of all its layers, each where it is fastest: iso."""
        self._keep_up()
        index = job.task.index
        if index not in self.whole:
            self.whole[index] = sum(self.soc.beliefs.fastest(node) for node in job.task.nodes)
        return self.whole[index]

    def _keep_up(self) -> None:
        """Forget what was added up of other beliefs."""
        version = self.soc.beliefs.version
        if version != self.version:
            self.version = version
            self.sums.clear()
            self.whole.clear()

    def waited(self, job: Job) -> int:
        """The time since anything of it last ran, or since it arrived; 0 while something runs."""
        open_ones = job.segments[-job.left :] if job.task.index in self.chains else job.segments
        if any(each.state == RUNNING for each in open_ones):
            return 0
        stopped = max((each.stopped for each in open_ones), default=-1)
        return self.soc.now - max(job.arrival, self.last.get(job.number, -1), stopped)


def _is_chain(task: TaskState) -> bool:
    """Whether the nodes of a task follow one another in the order of their numbers, whatever happens."""
    return not task.adaptive and all(each.predecessors == (each.index - 1,) for each in task.nodes[1:])
