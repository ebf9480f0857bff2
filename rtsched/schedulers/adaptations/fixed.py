"""One variant for good: static scaling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.model.policy import AdaptationTraits
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class Fixed(Adaptation):
    """Every job runs one variant, for good: the one called `variant`, or the number of that rank (0 best, -1 least).

    The baseline of all adaptations (static scaling). It needs nothing and adapts to nothing.
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def __init__(self, variant: str | int = 0) -> None:
        self.variant = variant

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.numbers: dict[int, int] = {}
        for task in soc.tasks:
            if variants_of(task):
                self.numbers[task.index] = self._number(task)
        if not self.numbers:
            raise SchedulerError("adaptation 'fixed': no task has variants; give one some")

    def _number(self, task: TaskState) -> int:
        names = [variant.name for variant in variants_of(task)]
        wanted = str(self.variant)
        if wanted in names:
            return names.index(wanted)
        try:
            number = int(self.variant)
        except ValueError:
            number = len(names)
        if not -len(names) <= number < len(names):
            raise SchedulerError(
                f"adaptation 'fixed': task {task.name!r} has no variant {self.variant!r}; it has {', '.join(names)}"
            )
        return number % len(names)

    def traits(self, name: str) -> AdaptationTraits:
        traits = super().traits(name)
        return replace(traits, fixed=True, variant=self.variant) if type(self) is Fixed else traits

    def on_release(self, job: Job) -> None:
        number = self.numbers.get(job.task.index, 0)
        if number:
            self.soc.reconfigure(job, number)
