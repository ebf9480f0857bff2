"""Units of networks by urgency, doubt, and whether an answer is there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class Zygarde(Ordering):
    """In the style of Zygarde: the next unit by urgency, by how unsure its job is, and by whether it must be.

    Islam and Nirjon, "Zygarde: time-sensitive on-device deep inference and adaptation on intermittently-powered
    systems", IMWUT 2020; the paper was not read; our definition is: a unit is what lies up to the next exit; a job is
    mandatory until the confidence at an exit reaches `threshold` (one without exits, always). The largest of `urgency`
    x (1 - time left / relative deadline, between 0 and 1) + `doubt` x (1 - confidence, 1 before the first exit) +
    `mandatory` x (1 if mandatory) goes first, equals by deadline; compared at every dispatch. Beside it
    ``zygarde-energy-style`` says what the energy is enough for. It guarantees nothing; with `mandatory` above the sum
    of the others no optional unit goes before a mandatory one. Units run to their end: ``preemption: nonpreemptive``.
    """

    claims = GREEDY - {"bounded-inversion"}  # scores change while segments wait
    dynamic = True

    def __init__(
        self, urgency: float = 1.0, doubt: float = 1.0, mandatory: float = 2.0, threshold: float = 0.8
    ) -> None:
        if min(urgency, doubt, mandatory) < 0 or not 0 <= threshold <= 1:
            raise InputError("urgency, doubt and mandatory are weights from 0 on, threshold a probability")
        self.weights, self.threshold = (urgency, doubt, mandatory), threshold

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        #: the confidence at the last exit of each job that has reached one
        self.confidence: dict[Job, float] = {}

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        if "exit" in observation:
            self.confidence[segment.job] = observation["confidence"]

    def on_job_end(self, job: Job) -> None:
        self.confidence.pop(job, None)

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        sure = self.confidence.get(job, 0.0)
        late = 1 - (job.deadline - self.soc.now) / job.task.deadline
        wanted = exits_of(job.task) is None or sure < self.threshold
        urgency, doubt, mandatory = self.weights
        score = urgency * min(1.0, max(0.0, late)) + doubt * (1 - sure) + mandatory * wanted
        return (-score, job.deadline, job.release)
