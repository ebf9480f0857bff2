"""Planaria: an accelerator that falls into pieces, as many cores for each network as its deadline needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import RUNNING
from rtsched.schedulers.base import GUESTS, Scheduler
from rtsched.schedulers.systems.divided import DividedUnit

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class Planaria(Scheduler):
    """Planaria: each job gets the fewest cores with which it meets its deadline, and the spare ones are shared out.

    The cores are the contexts of the first cluster with ``contexts: n, sharing: equal``; how fast a network is on some
    of them its `speedup` says (without, in proportion). Cores are given anew whenever a job comes or ends. A job's need
    is the least c for which what is left of it takes no longer on c cores than is left to its deadline; who has none is
    hopeless. If all needs fit, everybody gets his, and the spare cores are shared by score = weight / left(need). Else
    they go, as long as whole needs fit, by the score weight / (slack need), the spare ones in proportion to it; the
    hopeless get some only if all are, in proportion to weight / left(all cores). Shares are rounded; what that leaves
    goes to the highest weights, what it lacks comes from the lowest that have more than their need.

    Who runs and gets none is taken off, where that is possible at once, and else keeps one core, of whoever has most,
    to the end of its node; the paper's tiles are finer, and their ends are waited for. Ties go by arrival, where the
    artefact draws. Of a job one node runs at a time. It guarantees nothing, and fails in overload, where every arrival
    divides anew.
    Ghodrati et al., "Planaria: dynamic architecture fission for spatial multi-tenant acceleration of deep neural
    networks", MICRO 2020, as its published code has it. Not divided: `planaria-time`.
    """

    believes = ALWAYS
    reads = frozenset({"speedup"})
    takes = frozenset(GUESTS)

    def setup(self, soc: Soc) -> None:
        self.unit = DividedUnit(soc, "planaria")
        self.cores: dict[Job, int] = {}
        self.anew = True
        #: the cores that there were to give when they were given last
        self.usable = 0

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.anew |= job not in self.cores

    def on_job_end(self, job: Job) -> None:
        self.anew = True
        self.cores.pop(job, None)

    def dispatch(self) -> None:
        heads = self.unit.heads()
        usable = self.unit.usable()
        if self.anew or usable != self.usable:
            self.anew, self.usable = False, usable
            self.cores = self.allot(list(heads)) if usable else dict.fromkeys(heads, 0)
            self._take_off([each for each in heads.values() if each.state == RUNNING])
        self.unit.give(self.cores)

    def _take_off(self, running: list[Segment]) -> None:
        """Whoever runs and got no core makes room; who cannot keeps one of whoever has most, then the least weight."""
        stays = {each.job for each in running if each.processor and not self.soc.preemptible(each.processor)}
        for segment in running:
            job = segment.job
            if not self.cores[job] and job in stays:
                spare = {each: cores - (each in stays) for each, cores in self.cores.items()}
                self.cores[max(spare, key=lambda each: (spare[each], -each.task.weight))] -= 1
                self.cores[job] = 1
            elif not self.cores[job] and segment.processor is not None:
                self.soc.preempt(segment.processor)

    # ---- how many for whom ---------------------------------------------------------------------------------------

    def allot(self, jobs: list[Job]) -> dict[Job, int]:
        """The cores of each of these jobs, which are in the order of arrival."""
        every = self.usable
        needs = {job: self._need(job) for job in jobs}
        left = every - sum(need or every + 1 for need in needs.values())
        if left >= 0:
            given = {job: need or 0 for job, need in needs.items()}
            scores = {job: job.task.weight / self.unit.rest(job, given[job]) for job in jobs}
            return self._spare(given, scores, given)
        slack = {job: job.deadline - self.soc.now for job in jobs}
        scores = {job: job.task.weight / (slack[job] * need) for job, need in needs.items() if need is not None}
        given = dict.fromkeys(jobs, 0)
        for job in sorted(scores, key=lambda each: -scores[each]):
            need = needs[job] or 0
            if need <= every - sum(given.values()):
                given[job] = need
        if not scores:
            scores = {job: job.task.weight / self.unit.rest(job, every) for job in jobs}
        return self._spare(given, scores, dict(given))

    def _need(self, job: Job) -> int | None:
        """The fewest cores with which a job is believed to meet its deadline; None if all are too few."""
        slack = job.deadline - self.soc.now
        return next((cores for cores in range(1, self.usable + 1) if self.unit.rest(job, cores) <= slack), None)

    def _spare(self, given: dict[Job, int], scores: dict[Job, float], least: dict[Job, int]) -> dict[Job, int]:
        """What is left over is shared by score, in whole cores; nobody falls below `least`."""
        spare, total = self.usable - sum(given.values()), sum(scores.values())
        given = {
            job: cores + (round(spare * scores.get(job, 0) / total) if total else 0) for job, cores in given.items()
        }
        over = sum(given.values()) - self.usable
        heaviest = sorted(scores, key=lambda job: -job.task.weight)
        while over < 0 < len(heaviest):
            for job in heaviest[:-over]:
                given[job] += 1
                over += 1
        for job in reversed(heaviest):
            if over > 0 and given[job] > least[job]:
                given[job] -= 1
                over -= 1
        return given
