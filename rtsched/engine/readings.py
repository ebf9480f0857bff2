"""What a scheduler reads of the system: what is ready, what runs, and what is believed of times and answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np

from rtsched.engine.chip.sets import believed
from rtsched.engine.chip.shares import as_part
from rtsched.engine.core import Core
from rtsched.engine.job import BATCHED, DRAINING, READY, RUNNING, Job, Segment
from rtsched.engine.processor import Processor
from rtsched.engine.requests import Whole, whole
from rtsched.engine.seen import seen
from rtsched.engine.splits import shares_of
from rtsched.engine.task_state import TaskState
from rtsched.engine.truth import really


class Readings:
    """The half of the handle that only reads; the system must not be changed by looking at it."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.loop = core.loop
        #: every processor, by index
        self.processors = core.processors
        #: every task, by index
        self.tasks = core.tasks
        #: what is run, as declared
        self.system = core.system
        #: the end of the releases, in ns
        self.until = core.until
        #: what is believed of the times of nodes
        self.beliefs = core.beliefs

    @property
    def now(self) -> int:
        """The present instant in ns."""
        return self.loop._now

    @property
    def released(self) -> int:
        """How many jobs have been released so far."""
        return self.core.released

    def random(self, task: TaskState) -> np.random.Generator:
        """Draws for a task beside those of its world: the same in every run of this seed, and a policy's own."""
        return self.core.world.generator("task", task.spec.name, "policy")

    @property
    def scheduling(self) -> int:
        """What each start costs for the decision, in ns."""
        return self.core.start_costs.scheduling

    @property
    def adaptive(self) -> bool:
        """Whether any task may go several ways: variants, exits, branches."""
        return self.core.paths is not None

    @property
    def locking(self) -> bool:
        """Whether any task uses a shared resource."""
        return self.core.locks is not None

    @property
    def lends(self) -> bool:
        """Whether a protocol lends the urgency of those who wait to who holds a resource."""
        lending = ("inheritance", "original-ceiling")
        return self.core.locks is not None and any(kind in lending for kind in self.system.protocols.values())

    @property
    def fallible(self) -> Collection[int]:
        """The indices of the processors that can fail in this run, or be out of sight for a decision of a planner."""
        if self.core.planner is not None:
            return range(len(self.processors))
        return () if self.core.chip is None else self.core.chip.fallible

    def clocks(self) -> tuple[int, ...]:
        """The present speeds of everything whose speed may change, for who wants to know whether any did."""
        return () if self.core.chip is None else self.core.chip.clocks()

    @property
    def ready(self) -> list[Segment]:
        """The segments that could start, in the order in which they first became ready (then task, job, node)."""
        found = [
            segment
            for task in self.tasks
            for job in ((task.active,) if task.active is not None else task.overlapping)
            for segment in job.segments
            if segment.state == READY
        ]
        found.sort(key=_first_ready)
        return found

    def remaining(self, segment: Segment, believed: int | None = None) -> int:
        """The time in ns that `segment` is believed to need still, where it last ran (or at its fastest).

        Given what one that has begun is `believed` to need there in all, it rests on that instead.
        """
        processor = segment.processor
        if processor is None:
            return self.beliefs.fastest(segment.node)
        if self.core.splits is not None:
            rest = self.core.splits.remaining(segment)
            if rest is not None:
                return rest
        left: Any = segment.remaining
        under_way = segment.state in (RUNNING, DRAINING, BATCHED)
        if under_way:
            left = left - processor.progress(self.now)
        if believed is None:
            believed = self.beliefs.time(segment.node, processor.index)
            assert believed is not None
        if under_way and self.core.batches is not None:
            believed = self.core.batches.believed(segment, believed)
        return max(1, int(-(-(believed - segment.demand + left) // 1)))

    def expected(self, segment: Segment, processor: Processor, frequency: Whole | None = None) -> int | None:
        """The time in ns that `segment` is believed to need in all on `processor`; None if it cannot run there.

        With a `frequency` (one of ``frequencies(processor)``), at that clock, else at the highest; alone in any case.
        """
        time = self.beliefs.time(segment.node, processor.index)
        if frequency is None or time is None:
            return time
        return self._clocked(segment, processor, frequency)[0]

    def expected_batch(self, segment: Segment, processor: Processor, size: Whole) -> int | None:
        """The time in ns that a batch of so many like `segment` is believed to need on `processor`.

        None if it cannot run there, or has no times for so many. A size between two declared ones takes the larger's.
        """
        many = whole(size, "expected_batch: a size")
        about, time = segment.node.batch, self.beliefs.time(segment.node, processor.index)
        ratio = Fraction(1) if many == 1 else None if about is None else about.ratio(processor.index, many)
        return None if time is None or ratio is None else ceil(time * ratio)

    def expected_checkpoint(self, segment: Segment, processor: Processor) -> int | None:
        """The time in ns for which a checkpoint of `segment` keeps `processor` busy, and that bringing it back takes.

        None where nothing can be put aside.
        """
        unit = None if self.core.chip is None else self.core.chip.unit_of.get(processor.index)
        return None if unit is None or unit.checkpoint is None else unit.saving_time(segment)

    def expected_split(self, segment: Segment, shares: Mapping[Processor, Fraction | float]) -> int | None:
        """The time in ns that `segment` is believed to need in all if it is split so, with the join; alone.

        None if its node is not to be split, or cannot run on one of these processors. Raises SchedulerError for shares
        that do not add up to 1.
        """
        given = shares_of(f"expected_split of {segment!r}", shares)
        times = [(self.beliefs.time(segment.node, each.index), share) for each, share in given.items()]
        join = segment.node.split
        if join is None or any(time is None for time, _ in times):
            return None
        return max(ceil(time * share) for time, share in times if time is not None) + join * (len(given) > 1)

    def expected_share(self, segment: Segment, processor: Processor, part: Fraction | float) -> int | None:
        """The time in ns that `segment` is believed to need in all on a `part` of the unit of `processor`.

        By its measured speed there, if it declares one (`speedup`), else in proportion; on a GPU that is served block
        by block, of its kernels in waves on so many multiprocessors, alone. None if it cannot run there. Raises
        SchedulerError for a part that is not above 0 and at most 1, or is worth no multiprocessor.
        """
        said = f"expected_share of {segment!r}"
        wanted = as_part(said, part)
        time = self.beliefs.time(segment.node, processor.index)
        gpu = processor.block_level
        if gpu is not None and time is not None:
            return believed(said, gpu, segment.node, processor.index, wanted, time)
        return None if time is None else ceil(time / segment.node.speed_at(processor.index, wanted))

    def expected_energy(self, segment: Segment, processor: Processor, frequency: Whole | None = None) -> int | None:
        """The energy in nJ that `segment` is believed to need on `processor`, at a clock as in `expected`.

        None if it cannot run there, or the run counts no energy. Measured energy is taken as it was measured, any other
        is power times expected time.
        """
        if self.core.chip is None or self.core.chip.meter is None or segment.node.times[processor.index] is None:
            return None
        return self._clocked(segment, processor, frequency)[1]

    def expected_wait(self, segment: Segment, processor: Processor) -> int:
        """The time in ns that `segment` is believed to wait on `processor` for what it reads, if it started there now.

        0 where its input is there already, or needs no link. It counts what its links have to carry first, at their
        nominal bandwidth; ``rtsched.units.LONGEST`` while one of them is down.
        """
        copies = self.core.copies
        return 0 if copies is None or not segment.node.copies else copies.expected(segment, processor)

    def _clocked(self, segment: Segment, processor: Processor, frequency: Whole | None) -> tuple[int, int]:
        time = self.beliefs.time(segment.node, processor.index)
        assert time is not None
        unit = None if self.core.chip is None else self.core.chip.unit_of.get(processor.index)
        if unit is None:
            return time, 0
        return unit.at_clock(processor, segment, frequency, time)

    def really(self, segment: Segment) -> int:
        """The time in ns that `segment` really needs still, where it last ran (or at its fastest); 0 when it is done.

        The truth: raises SchedulerError for a policy without ``oracle: true``, and where nobody knows it (a replay).
        """
        return really(self.core, segment)

    def running(self) -> Iterator[Segment]:
        """The segments that run, in the order of their processors."""
        for processor in self.processors:
            if processor.segment is not None and processor.segment.state == RUNNING:
                yield processor.segment

    def preemptible(self, processor: Processor) -> bool:
        """Whether what runs on `processor` could be taken off it now."""
        segment = processor.segment
        if segment is None or not (processor.yields and segment.node.preemptive):
            return False
        return self.core.splits is None or self.core.splits.preemptible(segment)

    def changeable(self, job: Job) -> bool:
        """Whether `reconfigure` may still choose another variant for `job`: see there."""
        return self.core.paths is not None and job.task.adaptive and self.core.paths.changeable(job)

    def answer(self, job: Job) -> tuple[int, float | None]:
        """The answer that `job` has by now: the exit reached (-1: none) and its accuracy (None: not known)."""
        if self.core.paths is None or not job.task.adaptive:
            return -1, None
        return self.core.paths.answer(job)

    def seen(self, segment: Segment | Any) -> Mapping[str, Any] | None:
        """What was seen of a segment (a node of a job) that is done; None before, or if it was left out.

        What `on_completion` told: its `time` in ns, `exit` and `confidence`, `branch`, `batch`, `split`, and the side
        values of its input by their names. Raises SchedulerError for a policy whose class (or that of a part) does not
        read ``values``.
        """
        return seen(self.core, segment)

    def expected_value(self, segment: Segment, name: str) -> float | None:
        """The mean of a side value at the node of `segment`, over all recorded inputs; None where none is recorded."""
        inputs = segment.job.task.spec.inputs
        return None if inputs is None else inputs.means.get(segment.node.index, {}).get(name)

    def expected_accuracy(self, job: Job, accuracy: float, answer: int | None = None) -> float:
        """The probability that an answer of `accuracy` would be right on the input of `job`, from what is known of it.

        That is the accuracy itself until an exit has been reached (or a predictor has looked at the input). `answer` is
        the number of the exit or variant whose answer it is (-1: none yet, 0.0): where errors are not nested
        (``errors`` of a task) it is needed, and says it all. Raises SchedulerError where it is missing there.
        """
        if self.core.paths is None or not job.task.adaptive:
            return accuracy
        return self.core.paths.expected(job, accuracy, answer)


def _first_ready(segment: Segment) -> int:
    return segment.since
