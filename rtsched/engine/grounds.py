"""What a policy goes by, written down for explanations: a run that is not to be explained has none of it."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.job import DONE
from rtsched.model.paths import critical_paths
from rtsched.trace.reasons import LONGEST_REASON, Gone, Reasons
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.veil import Veiled
    from rtsched.schedulers.base import Scheduler

Ready = Callable[["Job", tuple["Segment", ...]], None]


class Grounds:
    """The ranks that nodes get as they come to wait, of a policy whose ranks stand."""

    def __init__(self, core: Core, policy: Scheduler | Veiled) -> None:
        self.core = core
        names = policy.ranks()
        self.ranked = names is not None
        self.reasons = Reasons(core.preemption, names or (), pools=policy.pools(), rules=policy.rules_at())
        #: of the job that the policy drops at present: when it expects its end, and why it drops it
        self.told: tuple[int | None, str | None] = (None, None)

    def hearing(self, told: Ready | None) -> Ready | None:
        """The listener to segments that become ready, who ranks them; then their ranks are noted."""
        if told is None or not self.ranked:
            return told
        note, loop = self.reasons.rows.extend, self.core.loop

        def hear(job: Job, segments: tuple[Segment, ...]) -> None:
            told(job, segments)
            for segment in segments:
                entry = segment.entry
                if entry is not None:
                    note((loop._now, job.number, segment.node.index, self._is_lent(segment), entry[:-1]))

        return hear

    def gave_up(self, job: Job, why: str) -> None:
        """A job is given up: what of it was left, as believed, and how far away its deadline was."""
        left = {segment.node.index: self._left(segment) for segment in job.segments}
        fastest = self.core.beliefs.fastest
        own = max(critical_paths(job.task.spec, None, lambda node: left[node.index] if left else fastest(node)))
        expected, reason = self.told
        said = None if reason is None else cut(reason, LONGEST_REASON)
        self.reasons.gone[job.number] = Gone(why, job.deadline - self.core.loop._now, own, expected, said)

    def _left(self, segment: Segment) -> int:
        """What is left of a node, in ns, as it is believed to take on the fastest processor."""
        if segment.state == DONE:
            return 0
        time = self.core.beliefs.fastest(segment.node)
        begun = segment.processor is not None and segment.demand > 0
        return ceil(time * segment.remaining / segment.demand) if begun else time

    def lent(self, segment: Segment) -> None:
        """A protocol lends a segment an urgency, or takes it back."""
        entry = segment.entry
        if self.ranked and entry is not None:
            row = (self.core.loop._now, segment.job.number, segment.node.index, self._is_lent(segment), entry[:-1])
            self.reasons.rows.extend(row)

    def _is_lent(self, segment: Segment) -> bool:
        """Whether its urgency is not its own (of those that hold a resource, that is kept)."""
        locks = self.core.locks
        return locks is not None and segment.entry != locks.own.get(segment, segment.entry)
