"""Adaptations: which variant a job runs, how deep it goes, when its answer is good enough.

An adaptation is told the events of a scheduler (the methods it overrides) and acts by ``soc.reconfigure``,
``soc.finish`` and ``soc.drop``. It stands beside an ordering and a placement, or a whole scheduler that takes one, and
leaves them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rtsched.engine.beliefs import ALWAYS, NEVER
from rtsched.model.policy import AdaptationTraits
from rtsched.schedulers.part import Part
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.schedulers.outlook import Outlook


class Adaptation(Part):
    """A rule of how much to compute. Override the events it needs; `settle` runs before each dispatch.

    One that only ever shortens a job (it drops none, and its largest variant bounds it) says so by ``shrinks = True``
    in its own class: proofs then take the largest variant. A class derived from it has to say so again.
    """

    kind = "adaptation"
    shrinks: ClassVar[bool] = False
    #: which keys of `estimates` matter to it: all, where it asks its `estimator`
    believes: frozenset[str] = NEVER

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.shrinks = vars(cls).get("shrinks", False)

    def traits(self, name: str) -> AdaptationTraits:
        """What proofs may rely on."""
        return AdaptationTraits(name, self.shrinks, declared=not type(self).__module__.startswith("rtsched."))


class VariantAdaptation(Adaptation):
    """What the adaptations that choose among variants by time share."""

    believes = ALWAYS

    def time(self, job: Job, number: int, outlook: Outlook, at: Mapping[int, int] | None = None) -> int:
        """The expected time in ns until `job` is done as variant `number`, behind what is in `outlook`.

        Where its load throws the weights of another variant out, bringing those back is counted too, since the next job
        may need them: else variants that do not fit into a memory together would take turns, and be late for it.
        """
        trial = outlook.copy()
        return trial.run(job, number, at=at) + trial.owed(job.task)

    def fitting(self, job: Job, budget: int, outlook: Outlook, at: Mapping[int, int] | None = None) -> int:
        """The best variant of `job` that is done within `budget` ns behind what is in `outlook`, else the quickest.

        `at` names the processor of a node that is about to start.
        """
        times = []
        for variant in variants_of(job.task):
            time = self.time(job, variant.index, outlook, at)
            if time <= budget:
                return variant.index
            times.append((time, variant.index))
        return min(times)[1]
