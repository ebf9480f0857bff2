"""DREAM: a score of task and accelerator whose weights are searched for at run time, frames dropped, nets switched."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY, RUNNING
from rtsched.errors import InputError
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.latencies import Latencies
from rtsched.schedulers.parameters import duration
from rtsched.schedulers.pattern_search import PatternSearch
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.quality import variants_of
from rtsched.schedulers.requests import Requests
from rtsched.trace.trace import DROPPED, OK

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc

#: Of the last so many frames of a task no more than so many are dropped.
RECENT, CAP = 10, 2


class Dream(Scheduler):
    """In the style of DREAM: layer by layer, the largest MapScore of a ready layer and an idle accelerator.

    Kim et al., "DREAM: a dynamic scheduler for dynamic real-time multi-model ML workloads", ASPLOS 2023; the paper was
    not read; our definition is: MapScore = urgency * preference + alpha * starvation + beta * energy, where

    * urgency is min(1, ToGo / slack), 1 without slack; ToGo adds up, over the layers to come, their mean time over the
      processors that can run them;
    * preference is the sum of the layer's times on all its processors over that on this one, starvation the time since
      the job last ran over the layer's mean time;
    * energy is the same preference in energies, less what a switch to another job costs here (switching and loading
      weights, over the time of the layer); 0 in a run that counts no energy.

    Alpha and beta start where they are given and are searched for in [0, 2] by a pattern search (radius 0.5, halved
    after each of five steps): every `window` one point is tried, and costs the UXCost of the jobs that ended in it (see
    the metric `uxcost`; energies as believed). Without a `window` they stay. With `drop`, a frame none of whose layers
    runs is given up if its least time to go is above its slack, another job is expected to miss (ToGo above slack), no
    task follows its own, and at most one of the last nine frames of its task was dropped; first the one with the most
    least time over slack. Before each layer a task with variants takes the best whose ToGo fits its slack, else the
    shortest, as far as they may still change.

    It guarantees nothing. It needs layers as nodes, with times (and energies) on unlike processors; it fails where the
    windows that it compares differ in what arrives.
    """

    # Not monotone: ToGo is what layers take, so that a better variant is late where its start costs what was left.
    claims = frozenset({"work-conserving", "symmetric"})
    believes = ALWAYS
    preemption = "nonpreemptive"
    takes = frozenset({"speed"})
    alone = "it drops frames and chooses variants itself"

    def __init__(
        self, alpha: float = 1.0, beta: float = 1.0, window: int | str | None = "500 ms", drop: bool = True
    ) -> None:
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 <= value <= 2:
                raise InputError(f"dream-style: {name} must lie between 0 and 2 (found {value!r})")
        self.start = (float(alpha), float(beta))
        self.window = None if window is None else duration(window, "window")
        self.drop = drop

    def setup(self, soc: Soc) -> None:
        self.requests = Requests(soc, 0)
        self.latencies = Latencies(soc)
        self.search = PatternSearch(self.start, 0.5, 2.0, 5 if self.window else 0)
        self.estimator = Estimator(soc, Global())
        self.followed = {task.after for task in soc.system.tasks}
        #: of each task whether its last frames were dropped
        self.dropped: list[deque[bool]] = [deque(maxlen=RECENT - 1) for _ in soc.tasks]
        self._open_window()

    # ---- alpha and beta ------------------------------------------------------------------------------------------

    def _open_window(self) -> None:
        tasks = self.soc.tasks
        self.ended, self.missed = [0] * len(tasks), [0] * len(tasks)
        self.used, self.worst = [0] * len(tasks), [0] * len(tasks)
        if self.search.left and self.window is not None:
            self.soc.wake_at(self.soc.now + self.window)

    def on_timer(self, tag: Any) -> None:
        if any(self.ended):
            self.search.tell(self._uxcost())
            self._open_window()
        elif self.window is not None:
            self.soc.wake_at(self.soc.now + self.window)

    def _uxcost(self) -> float:
        """Of the jobs that ended in this window; a task without energies counts as if it had used the worst."""
        seen = [task.index for task in self.soc.tasks if self.ended[task.index]]
        rates = sum((self.missed[index] or 0.5) / self.ended[index] for index in seen)
        return rates * sum(self.used[index] / self.worst[index] if self.worst[index] else 1.0 for index in seen)

    # ---- what happens --------------------------------------------------------------------------------------------

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.requests.ready(job)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        self.requests.served(segment, observation)
        energies = self._energies(segment)
        if energies and segment.processor is not None:
            self.used[segment.job.task.index] += energies[segment.processor.index]
            self.worst[segment.job.task.index] += max(energies.values())

    def on_job_end(self, job: Job) -> None:
        self.requests.ended(job)
        index = job.task.index
        self.ended[index] += 1
        self.missed[index] += job.outcome != OK
        self.dropped[index].append(job.outcome == DROPPED)

    def _energies(self, segment: Segment) -> dict[int, int]:
        """By processor, in nJ; empty where any is unknown."""
        places = segment.node.eligible
        found = {place: self.soc.expected_energy(segment, self.soc.processors[place]) for place in places}
        return {place: energy for place, energy in found.items() if energy} if all(found.values()) else {}

    # ---- what runs -----------------------------------------------------------------------------------------------

    def dispatch(self) -> None:
        if self.drop:
            while (hopeless := self._hopeless()) is not None:
                self.soc.drop(
                    hopeless, reason="even at the least it is late, the worst of all, and another frame is late, too"
                )
        for segment in self.soc.ready:
            self._switch(segment.job)
        while (best := self._best()) is not None:
            self.soc.start(best[0].job, *best)

    def _best(self) -> tuple[Segment, Processor] | None:
        """The largest score; of equals that of the earlier job, then by task, job, node and processor."""
        waiting, free = self.soc.ready, {each.index for each in self.soc.processors if each.segment is None}
        waiting.sort(key=lambda each: (each.job.arrival, each.job.task.index, each.job.index, each.node.index))
        pairs = [(each, place) for each in waiting if free for place in each.node.eligible if place in free]
        if not pairs:
            return None
        segment, place = max(pairs, key=lambda pair: self.score(*pair))
        return segment, self.soc.processors[place]

    def score(self, segment: Segment, place: int) -> float:
        """The MapScore of a layer on a processor."""
        alpha, beta = self.search.point
        times = self.latencies.on(segment.node)
        mean, slack = sum(times.values()) / len(times), self._slack(segment.job)
        to_go = self.latencies.rest(segment.job, self.latencies.mean)
        urgency = min(1.0, to_go / slack) if slack > 0 else 1.0
        starvation = self.requests.waited(segment.job) / mean
        return urgency * sum(times.values()) / times[place] + alpha * starvation + beta * self._energy(segment, place)

    def _energy(self, segment: Segment, place: int) -> float:
        energies, processor = self._energies(segment), self.soc.processors[place]
        if not energies:
            return 0.0
        changes = processor.last is None or processor.last.job is not segment.job
        switch = self.estimator.idle().cost(segment.node, place, look=True) if changes else 0
        return sum(energies.values()) / energies[place] - switch / self.latencies.on(segment.node)[place]

    def _slack(self, job: Job) -> int:
        return job.deadline - self.soc.now

    # ---- frames and variants -------------------------------------------------------------------------------------

    def _jobs(self) -> list[Job]:
        """The jobs of which anything is ready or runs."""
        return list(dict.fromkeys(segment.job for segment in (*self.soc.ready, *self.soc.running())))

    def _hopeless(self) -> Job | None:
        """The frame to drop, if any."""
        jobs, latencies = self._jobs(), self.latencies
        late = [job for job in jobs if latencies.rest(job, latencies.mean) > self._slack(job)]
        found: tuple[float, Job] | None = None
        for job in jobs:
            least, slack = latencies.rest(job, latencies.least), self._slack(job)
            if least <= slack or job.task.index in self.followed or not any(other is not job for other in late):
                continue
            if sum(self.dropped[job.task.index]) >= CAP or any(each.state == RUNNING for each in job.segments):
                continue
            ratio = least / slack if slack > 0 else math.inf
            if found is None or ratio > found[0]:
                found = (ratio, job)
        return None if found is None else found[1]

    def _switch(self, job: Job) -> None:
        """Take the best variant that fits the slack."""
        if variants_of(job.task) and self.soc.changeable(job) and any(each.state == READY for each in job.segments):
            number = self.latencies.heaviest(job, self.latencies.mean, self._slack(job))
            if number != job.path.variant:
                self.soc.reconfigure(job, number)
