"""Parts of a policy that are broken."""

from __future__ import annotations

from typing import Any, ClassVar

from rtsched.schedulers.adaptations.base import Adaptation


class Contrary(Adaptation):
    """The more time there is, the smaller the variant; claims the opposite."""

    claims: ClassVar[frozenset[str]] = frozenset({"monotone"})

    def on_release(self, job: Any) -> None:
        if job.task.spec.quality is not None and job.task.spec.quality.variants:
            full = sum(node.fastest for node in job.task.nodes)
            self.soc.reconfigure(job, 0 if job.deadline - job.release < 2 * full else 1)
