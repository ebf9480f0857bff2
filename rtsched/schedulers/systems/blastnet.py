"""BlastNet: every block may run on either processor, and where is decided when it starts, by what it leaves in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY
from rtsched.model.paths import critical_paths
from rtsched.schedulers.base import GUESTS, Scheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: What each processor has before it by now: what runs there, then who was decided to wait for it.
Lines = dict[int, list["Segment"]]


class BlastNet(Scheduler):
    """In the style of BlastNet: each block on CPU or GPU, as it starts, with the least loss that keeps the deadline.

    Ling, Huang, Zhao, Guan, Yan and Xing, "BlastNet: exploiting duo-blocks for cross-processor real-time DNN
    inference", SenSys 2022; the abstract was read; our definition is: a duo-block is a node with a time, and perhaps a
    `loss`, on each processor that it may run on. Whenever something happens the blocks that are ready go by deadline,
    then as they were released. Each looks at all its processors, also those that are busy: when it would end there,
    behind what runs and those before it that wait for it, and whether its job would be in time then if what follows ran
    where it is fastest (the longest path; copies behind it are not counted). Of those in time it takes the one with the
    least loss, then the earliest end; if there are none, the earliest end. It starts if that one is idle; else it
    waits, and is looked at anew next time. Nothing is preempted. The search for blocks, the paper's other half, happens
    before: blocks and their times come with the file.

    It guarantees nothing, and idles beside what waits for better. It needs blocks as nodes with times on several kinds
    of processors; where there is nothing to choose, it is EDF. It fails where what comes later needs what it has taken.
    """

    believes = ALWAYS
    preemption = "nonpreemptive"
    claims = frozenset({"symmetric"})
    takes = frozenset(GUESTS)

    def setup(self, soc: Soc) -> None:
        self.estimator = Estimator(soc, Global())
        #: the beliefs on which `paths` rest, and by task and variant the longest path from the start of each node
        self.version = soc.beliefs.version
        self.paths: dict[tuple[int, int], list[int]] = {}

    def beliefs(self, soc: Soc) -> Estimator:
        return self.estimator

    def on_processor(self, processor: Processor, change: str) -> None:
        """A dispatch follows: that is all it takes."""

    def dispatch(self) -> None:
        processors = self.soc.processors
        lines: Lines = {each.index: [each.segment] if each.segment is not None else [] for each in processors}
        for segment in sorted(self.soc.ready, key=_rank):
            place = self._best(segment, lines) if segment.state == READY else None
            if place is None:
                continue
            if processors[place].segment is None:
                self.soc.start(segment.job, segment, processors[place])
            if processors[place].segment is not None:  # else it was left out as it was to start
                lines[place].append(segment)

    def _best(self, segment: Segment, lines: Lines) -> int | None:
        """The processor on which a block would lose least in time, else end first; None if all are down."""
        node, now = segment.node, self.soc.now
        latest = segment.job.deadline - self._behind(segment)
        found = []
        for place in node.eligible:
            if self.soc.available(self.soc.processors[place]):
                end = now + self.estimator.idle().queue([*lines[place], segment], place)
                loss = node.losses[place] if node.losses else 0.0
                found.append((end > latest, loss if end <= latest else 0.0, end, place))
        return min(found)[-1] if found else None

    def _behind(self, segment: Segment) -> int:
        """The time in ns that is believed to be needed behind a block, at least."""
        if self.soc.beliefs.version != self.version:
            self.version = self.soc.beliefs.version
            self.paths.clear()
        job = segment.job
        key = (job.task.index, max(0, job.path.variant) if variants_of(job.task) else -1)
        if key not in self.paths:
            self.paths[key] = self._paths(job.task, key[1])
        return max((self.paths[key][later] for later in segment.node.successors), default=0)

    def _paths(self, task: TaskState, number: int) -> list[int]:
        variant = variants_of(task)[number] if number >= 0 else None
        return critical_paths(task.spec, variant, time=self.soc.beliefs.fastest)


def _rank(segment: Segment) -> tuple[int, ...]:
    job = segment.job
    return (job.deadline, job.release, job.task.index, job.index, segment.node.index)
