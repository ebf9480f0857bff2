"""A plug-in as a stranger would write it: a policy of their own, and an ordering to compose."""

from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.orderings.base import Ordering


class FirstComeFirstServed(Scheduler):
    """First come, first served, without preemption, on the lowest free processor."""

    preemption = "nonpreemptive"

    def __init__(self, backwards: bool = False) -> None:
        self.backwards = backwards

    def dispatch(self) -> None:
        """Start what is ready wherever there is room."""
        soc = self.soc
        for segment in sorted(soc.ready, key=lambda segment: segment.since, reverse=self.backwards):
            for index in segment.node.eligible:
                if soc.processors[index].segment is None:
                    soc.start(segment.job, segment, soc.processors[index])
                    break


class LongestFirst(Ordering):
    """The longest first."""

    def key(self, segment):
        """Minus the expected time."""
        return (-segment.node.fastest,)
