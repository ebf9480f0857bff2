"""What orderings of requests share: one accelerator, a decision after every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.beliefs import ALWAYS
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.requests import Requests

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class ByRequest(Ordering):
    """An ordering whose keys rest on requests (see there); those that learn from what is seen have `look`."""

    believes = ALWAYS
    dynamic = True
    reads: ClassVar[frozenset[str]] = frozenset({"values"})
    #: how many of the last layers of a job speak for its density: None all of them, 0 none
    look: int | None = None

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.requests = Requests(soc, self.look, self.oracle)

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.requests.ready(job)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        self.requests.served(segment, observation)

    def on_job_end(self, job: Job) -> None:
        self.requests.ended(job)
