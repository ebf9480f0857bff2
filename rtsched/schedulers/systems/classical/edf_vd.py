"""EDF-VD: mixed criticality on one processor, with earlier deadlines for what must be done in any case."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.systems.classical.plain import PlainTasks

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec, TaskSpec


class EDFVD(PlainTasks):
    """EDF with virtual deadlines: tasks that are `hard` run by x T until one needs more than its `budget`.

    A hard (HI) task has two execution times: its `budget`, C(LO), and its wcet, C(HI); all others (LO) their wcet. With
    x = U_HI(LO) / (1 - U_LO(LO)) the deadline of hard jobs is a virtual one, x T after the arrival. When a hard job has
    used up its budget and is not done, the mode is HI: all other jobs are dropped, now and as they come, and hard jobs
    go by their own deadlines, until none of them is left. Where U_LO(LO) + U_HI(HI) <= 1 it is EDF, and drops nobody.
    No hard job is ever late where x U_LO(LO) + U_HI(HI) <= 1, and no job at all while budgets hold. Baruah, Bonifaci,
    D'Angelo, Li, Marchetti-Spaccamela, van der Ster and Stougie, "The preemptive uniprocessor scheduling of
    mixed-criticality implicit-deadline sporadic task systems", ECRTS 2012. Needs D >= T. It fails in that one
    job that takes long costs all that are not hard.
    """

    claims = frozenset({"work-conserving", "symmetric"})
    called = "edf-vd-style"
    sporadic = True
    reads = frozenset({"budget"})

    def refuses(self, system: SystemSpec) -> str | None:
        reason = super().refuses(system)
        if reason is not None:
            return reason
        if len(system.tasks[0].nodes[0].eligible) > 1:
            return "it serves one processor, and the tasks may use several"
        for task in system.tasks:
            if task.budget is not None and task.criticality != "hard":
                return f"task {task.name!r} has a budget (of low criticality), and is not hard"
            if task.budget is not None and task.budget > task.volume:
                return f"task {task.name!r} has a budget above its execution time, which is that of high criticality"
        return None

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        specs = [task.spec for task in soc.tasks]
        self.hard = [spec.criticality == "hard" for spec in specs]
        self.budgets = [spec.volume if spec.budget is None else spec.budget for spec in specs]
        self.x = scale(specs)
        self.had = [0] * len(specs)
        #: whether a hard job has used up its budget, and others have to go
        self.high = False

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        super().on_ready(job, segments)
        self.had[job.task.index] = 0

    def dispatch(self) -> None:
        now = self.soc.now
        for index, ran in self.used().items():
            self.had[index] += ran
        alive = {index: segment for index in range(len(self.hard)) if (segment := self.live(index)) is not None}
        if self.x is not None:
            self._mode(alive, now)
        first = min(alive, key=lambda index: (self._deadline(index, alive[index]), index), default=None)
        self.put({} if first is None else {self.places[0]: alive[first]})
        if first is not None and self.hard[first] and not self.high:
            self.wake(now + self.budgets[first] - self.had[first])

    def _mode(self, alive: dict[int, Segment], now: int) -> None:
        """Which criticality holds from now on; in that of hard jobs all others go."""
        if self.high:  # until all hard jobs that came before now are done
            self.high = any(self.hard[index] and segment.job.release < now for index, segment in alive.items())
        over = [index for index in alive if self.hard[index] and self.had[index] >= self.budgets[index]]
        self.high = self.high or any(self.had[index] < self.soc.tasks[index].spec.volume for index in over)
        if self.high:
            for index in [index for index in alive if not self.hard[index]]:
                self.soc.drop(alive.pop(index).job, reason="a hard job had used its budget: hard ones alone go on")

    def _deadline(self, index: int, segment: Segment) -> Fraction:
        virtual = self.x is not None and self.hard[index] and not self.high
        return segment.job.arrival + ((self.x or 1) if virtual else 1) * Fraction(self.soc.tasks[index].period or 0)

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Two criticalities, for proofs."""
        return self.planned(names, PlanTraits(self.refuses, mixed=True))

    def describe(self) -> str:
        return "EDF-VD"


def scale(tasks: list[TaskSpec]) -> Fraction | None:
    """The x by which hard tasks' periods become virtual deadlines; None where EDF does all."""
    low, high_low, high = Fraction(0), Fraction(0), Fraction(0)
    for task in tasks:
        period = task.period or task.deadline
        if task.criticality == "hard":
            high_low += Fraction(task.volume if task.budget is None else task.budget, period)
            high += Fraction(task.volume, period)
        else:
            low += Fraction(task.volume, period)
    if low + high <= 1:
        return None
    return high_low / (1 - low) if low < 1 and high_low < 1 - low else Fraction(1)
