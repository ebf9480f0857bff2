"""Terastal: a deadline for every layer, and for each layer the accelerator and the variant that keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY
from rtsched.model.paths import critical_paths
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.latencies import Latencies
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


class Terastal(Scheduler):
    """In the style of Terastal: virtual deadlines for layers, and the least loss of accuracy that keeps them.

    "Terastal", RTCSA 2026 (arXiv 2606.06818), of which the abstract was read; our definition is: before time starts the
    relative deadline of a task is split over its layers (of the best variant) in proportion to their mean time over the
    processors that can run them; in a graph the part behind the end of a layer is that of the longest path from there
    in the longest of all. At each decision the ready layers go by these virtual deadlines. Each takes, of the
    processors that are idle and the variants that it may still run as, those with the least loss (of the variant, and
    of the processor: `loss`) that are believed to end by its virtual deadline, of these the earliest; if there are
    none, the earliest of all. Variants that may switch before each node are chosen layer by layer, others with the
    first layer; one that leaves the layer out is not looked at. Without accuracies the later one loses more.

    It guarantees nothing: an idle processor is taken though a better one may soon be free. It needs layers as nodes,
    variants, and unlike processors; without variants it is EDF by layers, each where it ends first.
    """

    claims = frozenset({"work-conserving", "symmetric"})  # not monotone: a layer may use up what the next needs
    believes = ALWAYS
    preemption = "nonpreemptive"
    takes = frozenset({"admission", "speed"})
    alone = "it chooses the variants of layers itself"

    def setup(self, soc: Soc) -> None:
        self.estimator = Estimator(soc, Global())
        #: by task and node the part of the relative deadline after which a layer should have ended, in ns
        self.budgets = [self._budgets(task, Latencies(soc)) for task in soc.tasks]

    def _budgets(self, task: TaskState, latencies: Latencies) -> list[int]:
        means = [round(latencies.mean(node)) for node in task.nodes]
        paths = critical_paths(task.spec, time=lambda node: means[node.index])
        whole = max(paths)
        return [task.deadline * (whole - path + own) // whole for path, own in zip(paths, means, strict=True)]

    def dispatch(self) -> None:
        ready = self.soc.ready
        ready.sort(key=lambda each: (self.due(each), each.job.task.index, each.job.index, each.node.index))
        for segment in ready:
            idle = [place for place in segment.node.eligible if self.soc.processors[place].segment is None]
            if idle and segment.state == READY:
                self._start(segment, idle)

    def due(self, segment: Segment) -> int:
        """The virtual deadline of a layer."""
        return segment.job.arrival + self.budgets[segment.job.task.index][segment.node.index]

    def _start(self, segment: Segment, idle: list[int]) -> None:
        """Start a layer where, and as, it loses least in time; else where it ends first."""
        job, due = segment.job, self.due(segment)
        found = []
        for number, node in self._forms(segment):
            for place in idle:
                end = self._end(segment, node, place)
                loss = self._loss(job.task, number) + (node.losses[place] if node.losses else 0.0)
                found.append(((end > due, end if end > due else 0, loss, end, place), number, place))
        _, number, place = min(found)
        if number is not None and variants_of(job.task)[number].nodes[segment.node.index] is not segment.node:
            quality = job.task.spec.quality
            nodes = [segment.node.index] if quality is not None and quality.switch else None
            self.soc.reconfigure(job, number, nodes)
        self.soc.start(job, segment, self.soc.processors[place])

    def _forms(self, segment: Segment) -> list[tuple[int | None, NodeSpec]]:
        """The variants as which a layer may run, each by its number (None: as it is)."""
        index = segment.node.index
        if segment.processor is None and self.soc.changeable(segment.job):
            variants = [each for each in variants_of(segment.job.task) if index not in each.skipped]
            if variants:
                return [(each.index, each.nodes[index]) for each in variants]
        return [(None, segment.node)]

    def _end(self, segment: Segment, node: NodeSpec, place: int) -> int:
        processor = self.soc.processors[place]
        takes = self.soc.remaining(segment) if segment.processor is processor else self.estimator.time(node, place)
        ahead = self.estimator.idle().cost(node, place, look=True) + self.soc.expected_wait(segment, processor)
        return self.soc.now + ahead + takes

    def _loss(self, task: TaskState, number: int | None) -> float:
        """What a variant loses of the accuracy of the best."""
        variants = variants_of(task)
        if not number or not variants:
            return 0.0
        best, own = variants[0].accuracy, variants[number].accuracy
        return float(number) if best is None or own is None else best - own
