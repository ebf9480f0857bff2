"""What the textbook's schedulers share: whom they refuse, who runs, how much of its time a job has had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.job import READY, RUNNING
from rtsched.errors import SchedulerError
from rtsched.model.plain import why_not_plain
from rtsched.schedulers.base import Scheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec


class PlainTasks(Scheduler):
    """Plans the time of plain tasks on equal processors; write `dispatch` with `live`, `used`, `put` or `spread`."""

    #: its name, for refusals
    called: ClassVar[str]
    #: whether it serves sporadic arrivals, and whether it needs D >= T
    sporadic: ClassVar[bool] = False
    implicit: ClassVar[bool] = True
    alone = "it plans the time of whole tasks ahead"

    def refuses(self, system: SystemSpec) -> str | None:
        """Why it does not run on a system, from the description alone; None where it does."""
        return why_not_plain(system, sporadic=self.sporadic, implicit=self.implicit)

    def setup(self, soc: Soc) -> None:
        """Check the system. Raises SchedulerError with the reason."""
        self.soc = soc
        reason = self.refuses(soc.system)
        if reason is None and soc.fallible:
            reason = "a processor may fail, or a planner use one, and what was planned there would be lost"
        if reason is not None:
            raise SchedulerError(f"{self.called}: {reason}; choose e.g. edf")
        self.places = soc.tasks[0].spec.nodes[0].eligible
        #: the segment of each task's present job
        self.current: list[Segment | None] = [None] * len(soc.tasks)
        #: who runs, by task, and since when it is to be charged
        self.on: dict[int, tuple[Segment, int]] = {}
        self.alarms: set[int] = set()

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        """Each job has one segment."""
        self.current[job.task.index] = segments[0]

    def on_timer(self, tag: Any) -> None:
        """A dispatch follows anyway."""
        self.alarms.discard(self.soc.now)

    def live(self, index: int) -> Segment | None:
        """The segment of a task that runs or could run."""
        segment = self.current[index]
        return segment if segment is not None and segment.state in (READY, RUNNING) else None

    def used(self) -> dict[int, int]:
        """How long the present job of each task has run since this was last asked, in ns."""
        now = self.soc.now
        return {index: now - since for index, (segment, since) in self.on.items() if self.current[index] is segment}

    def wake(self, time: int) -> None:
        """Ask for a dispatch at a later instant, once."""
        if time > self.soc.now and time not in self.alarms:
            self.alarms.add(time)
            self.soc.wake_at(time, "plan")

    def put(self, wanted: Mapping[int, Segment]) -> None:
        """Run these segments on these processors, and nobody else."""
        soc = self.soc
        for place in self.places:
            processor = soc.processors[place]
            if processor.segment is not None and processor.segment is not wanted.get(place):
                soc.preempt(processor)
        for place, segment in wanted.items():
            if segment.state == READY:
                soc.start(segment.job, segment, soc.processors[place])
        self.on = {segment.job.task.index: (segment, soc.now) for segment in wanted.values()}

    def spread(self, chosen: Iterable[Segment]) -> None:
        """Run these segments: who runs stays where it is, then who ran before goes back, the others take the rest."""
        free = list(self.places)
        wanted: dict[int, Segment] = {}
        new: list[Segment] = []
        for segment in chosen:
            if segment.state == RUNNING and segment.processor is not None:
                wanted[segment.processor.index] = segment
                free.remove(segment.processor.index)
            else:
                new.append(segment)
        for segment in sorted(new, key=lambda each: each.processor is None or each.processor.index not in free):
            last = None if segment.processor is None else segment.processor.index
            place = last if last in free else free[0]
            assert place is not None
            free.remove(place)
            wanted[place] = segment
        self.put(wanted)
