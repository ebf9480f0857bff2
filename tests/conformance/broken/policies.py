"""Whole schedulers, each of which breaks one contract."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from rtsched.schedulers.base import Scheduler


class Sound(Scheduler):
    """First come, first served; the others differ from it in one thing."""

    preemption = "nonpreemptive"
    claims: ClassVar[frozenset[str]] = frozenset({"work-conserving", "symmetric"})

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=lambda segment: (segment.job.release, segment.job.task.spec.priority))

    def free(self, segment: Any) -> Any:
        places = (self.soc.processors[index] for index in segment.node.eligible)
        return next((each for each in places if each.segment is None and self.soc.available(each)), None)

    def dispatch(self) -> None:
        for segment in self.choose(list(self.soc.ready)):
            place = self.free(segment)
            if place is not None:
                self.soc.start(segment.job, segment, place)


class Dice(Sound):
    """Who goes first is drawn, without a seed."""

    def choose(self, waiting: list[Any]) -> list[Any]:
        return random.sample(waiting, len(waiting))


class Hashed(Sound):
    """The names of tasks go through a set, whose order is another in every process."""

    def choose(self, waiting: list[Any]) -> list[Any]:
        names = list({segment.job.task.spec.name for segment in waiting})
        return sorted(waiting, key=lambda segment: names.index(segment.job.task.spec.name))


class Remembers(Sound):
    """Runs are no longer the same once it has seen one: its notes stand in its class."""

    seen: ClassVar[list[int]] = []

    def setup(self, soc: Any) -> None:
        self.seen.append(1)

    def choose(self, waiting: list[Any]) -> list[Any]:
        return super().choose(waiting)[:: -1 if len(self.seen) % 2 else 1]


class Sleeper(Sound):
    """Decides when something is done or comes; when a job is given up it sleeps on, if nothing else happens."""

    claims: ClassVar[frozenset[str]] = frozenset()
    awake = False

    def on_release(self, job: Any) -> None:
        self.awake = not any(job.index for job in [job])  # only the first job of each task wakes it

    def dispatch(self) -> None:
        if self.awake:
            super().dispatch()
        self.awake = False


class Idler(Sound):
    """Lets every job wait for a quarter of its deadline first, and claims that nobody idles."""

    claims: ClassVar[frozenset[str]] = frozenset({"work-conserving"})

    def dispatch(self) -> None:
        for segment in self.choose(list(self.soc.ready)):
            place, begin = self.free(segment), segment.job.release + segment.job.task.spec.deadline // 4
            if self.soc.now < begin:
                self.soc.wake_at(begin)
            elif place is not None:
                self.soc.start(segment.job, segment, place)


class Undertaker(Sound):
    """Keeps who was ready in a list of its own, and starts from that, the dead as well."""

    def setup(self, soc: Any) -> None:
        self.kept: list[Any] = []

    def on_ready(self, job: Any, segments: Any) -> None:
        self.kept += segments

    def dispatch(self) -> None:
        for segment in list(self.kept):
            place = self.free(segment)
            if place is not None:
                self.kept.remove(segment)
                self.soc.start(segment.job, segment, place)


class Seer(Sound):
    """Asks a segment how much of it is really left."""

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=lambda segment: segment.demand)


class Burglar(Sound):
    """Looks behind the views: the shortest in truth goes first."""

    claims: ClassVar[frozenset[str]] = frozenset()

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=self.truth)

    def truth(self, segment: Any) -> Any:
        factor, place = segment._raw.job.factor, self.soc.processors[segment.node.eligible[0]]
        return factor(segment._raw, place._raw, 0) if callable(factor) else segment.node.fastest


class Upside(Sound):
    """Serves the least urgent first, and claims that nothing less urgent does."""

    claims: ClassVar[frozenset[str]] = frozenset({"bounded-inversion"})

    def key(self, segment: Any) -> Any:
        return (segment.job.deadline,)

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=self.key, reverse=True)


class Declared(Sound):
    """Serves tasks as they are declared, and claims that this decides nothing."""

    claims: ClassVar[frozenset[str]] = frozenset({"symmetric"})

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=lambda segment: segment.job.task.index)


class Loser(Sound):
    """Takes off what runs when something shorter comes, and forgets what it took off."""

    preemption = "preemptive"
    claims: ClassVar[frozenset[str]] = frozenset()

    def setup(self, soc: Any) -> None:
        self.waiting: list[Any] = []

    def on_ready(self, job: Any, segments: Any) -> None:
        self.waiting += segments

    def dispatch(self) -> None:
        self.waiting = [segment for segment in self.waiting if segment.job.outcome == -1 and segment in self.soc.ready]
        for segment in list(self.waiting):
            for processor in self.soc.processors:
                running = processor.segment
                longer = running is not None and running.node.fastest > segment.node.fastest
                if processor.index in segment.node.eligible and longer and self.soc.preemptible(processor):
                    self.soc.preempt(processor)
            place = self.free(segment)
            if place is not None:
                self.waiting.remove(segment)
                self.soc.start(segment.job, segment, place)


class Endless(Sound):
    """Never comes back from a decision."""

    def dispatch(self) -> None:
        while True:
            pass


class Restless(Sound):
    """Wakes itself every ns for nothing, for as long as anybody waits; nobody is ever served."""

    def dispatch(self) -> None:
        self.soc.wake_at(self.soc.now + 1)


class Broken(Sound):
    """Its own code fails."""

    def dispatch(self) -> None:
        raise KeyError("the plan")


class Hasty(Sound):
    """Whoever is shortest in plan goes first; claims that less to do makes nobody later, and cannot be interrupted."""

    claims: ClassVar[frozenset[str]] = frozenset(
        {"sustainable-execution", "sustainable-release", "sustainable-processors"}
    )

    def choose(self, waiting: list[Any]) -> list[Any]:
        return sorted(waiting, key=lambda segment: segment.node.fastest)


class Refuses(Sound):
    """Takes no system at all."""

    def setup(self, soc: Any) -> None:
        from rtsched.errors import SchedulerError

        raise SchedulerError("Refuses: it wants a quantum computer")


class Needs(Sound):
    """Cannot be made without being told more."""

    def __init__(self, quantum: int) -> None:
        self.quantum = quantum


class Boaster(Sound):
    """Claims what nobody can check."""

    claims: ClassVar[frozenset[str]] = frozenset({"work-conservng"})
