"""A unit that a policy divides among jobs: its contexts are its cores, and each job has some of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.job import DEAD, DONE, READY, RUNNING
from rtsched.errors import SchedulerError

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc


class DividedUnit:
    """The first cluster with ``contexts: n, sharing: equal``: n `cores`, and so many jobs at once.

    `policy` is who divides it, for errors. Raises SchedulerError where there is no such cluster, or a node that cannot
    run there.
    """

    def __init__(self, soc: Soc, policy: str) -> None:
        self.soc = soc
        units = () if soc.system.hardware is None else soc.system.hardware.units
        found = [unit for unit in units if unit.description.contexts > 1 and unit.description.sharing == "equal"]
        if not found:
            raise SchedulerError(
                f"{policy}: no cluster of this platform can be divided; give one as many contexts as it has cores: "
                "{kind: npu, contexts: 16, sharing: equal}"
            )
        self.processors = [soc.processors[place] for place in found[0].processors]
        self.cores = len(self.processors)
        home = self.processors[0]
        for task in soc.tasks:
            for node in task.nodes:
                if any(each.index not in node.eligible for each in self.processors):
                    raise SchedulerError(
                        f"{policy}: node {node.name!r} of task {task.name!r} may not run on all of {home.cluster!r}, "
                        "which is divided; give it a time there and no 'pin', or run it under another policy"
                    )

    # ---- times ---------------------------------------------------------------------------------------------------

    def time(self, segment: Segment, cores: int) -> int:
        """The time in ns that a segment is believed to need still on so many cores."""
        home = self.processors[0]
        takes = self.soc.expected_share(segment, home, Fraction(cores, self.cores)) or 0
        if segment.processor is None:
            return takes
        whole = self.soc.expected(segment, home) or 1
        return ceil(Fraction(self.soc.remaining(segment) * takes, whole))

    def rest(self, job: Job, cores: int) -> int:
        """The same for what is left of a job, one node after the other."""
        return sum(self.time(each, cores) for each in job.segments if each.state not in (DONE, DEAD))

    # ---- who has what --------------------------------------------------------------------------------------------

    def heads(self) -> dict[Job, Segment]:
        """Of each job in the system the one segment that runs, or is next: by job, in the order of arrival."""
        found: dict[Job, Segment] = {}
        alive = [*self.soc.running(), *self.soc.ready]
        for segment in sorted(alive, key=lambda each: (each.job.arrival, each.job.number, each.state != RUNNING)):
            found.setdefault(segment.job, segment)
        return found

    def free(self) -> list[Processor]:
        """The idle contexts."""
        return [each for each in self.processors if each.segment is None]

    def usable(self) -> int:
        """The cores but those that what drains (the job is over, the node is not) or is put aside keeps to its end."""
        there = [each.segment for each in self.processors if each.segment is not None]
        return self.cores - sum(int(each.memo or 0) for each in there if each.state != RUNNING)

    def give(self, cores: Mapping[Job, int]) -> None:
        """Let the jobs have so many cores each: what runs has its part from now on, what is ready starts with it.

        Who runs and has none must have been taken off; who finds no context waits. Together they are no more than
        `usable`.
        """
        heads = self.heads()
        changes = [(cores[job] - each.memo, each, cores[job]) for job, each in heads.items() if each.state == RUNNING]
        for change, segment, wanted in sorted(changes, key=lambda each: each[0]):  # lower one before another is raised
            if change:
                self._share(segment, wanted)
        for job, segment in heads.items():
            free = self.free()
            if cores.get(job) and free and segment.state == READY:
                self.soc.start(job, segment, free[0])
                if segment.state == RUNNING:
                    self._share(segment, cores[job])

    def _share(self, segment: Segment, cores: int) -> None:
        segment.memo = cores
        self.soc.share(segment, Fraction(cores, self.cores))
