"""PREMA: tokens for those who wait, the shortest among those who have enough, and a choice of how to preempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.base import GUESTS, Scheduler
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.parameters import duration
from rtsched.schedulers.requests import Requests

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc

LEVELS = (1, 3, 9)
HOW = ("dynamic", "checkpoint", "kill", "drain")


class Prema(Scheduler):
    """PREMA: of the jobs with enough tokens the one with the least left runs; what runs then may have to give way.

    A job has its task's `weight` (meant: 1, 3 or 9) as tokens at the first decision after its release, and at every
    later one so many times idle / (gamma iso) more (gamma, est, iso and idle as in `dysta`). Enough is the highest of
    1, 3 and 9 that the most tokens reach; of those who have it the least gamma est goes first, then the others.
    Decisions are taken when a processor is free for somebody, and every `epoch`, if given.

    Who is released or passes the threshold while another runs may take its place. `how` says in which way:
    ``checkpoint`` (its state is put aside; what can be taken off at any time is, for nothing; without checkpoints, and
    with critical sections, it drains), ``kill`` (it begins anew), ``drain`` (it runs on), or ``dynamic``: drain iff
    left(running) / iso(other) <= left(other) / iso(running), and else checkpoint.

    It bounds how long the short may overtake the long, and guarantees nothing else; deadlines are not looked at. It
    needs weights, and networks long enough that a checkpoint pays; it fails where all soon have 9 tokens, and the
    shortest goes first. Choi and Rhu, "PREMA: a predictive multi-task scheduling algorithm for preemptible neural
    processing units", HPCA 2020: the tokens are those of the published simulator of Fan et al., MICRO 2023, but that
    who is new counts for the threshold at once; how to preempt is in the style of the paper, which was not read: the
    rule of ``dynamic`` is our definition. Several processors are served so, each the fastest that is free.
    """

    claims = GREEDY - {"bounded-inversion"}  # tokens grow while segments wait
    believes = ALWAYS
    reads = frozenset({"values"})
    takes = frozenset(GUESTS)

    def __init__(self, how: str = "dynamic", epoch: int | str | None = None) -> None:
        if how not in HOW:
            raise InputError(f"prema: how {how!r} is not one of {', '.join(HOW)}")
        self.how = how
        self.epoch = None if epoch is None else duration(epoch, "epoch")

    def setup(self, soc: Soc) -> None:
        if self.how == "checkpoint" and not _keeps_states(soc):
            raise SchedulerError(
                "prema: how 'checkpoint': no processor of this platform can put aside what runs; give a cluster a "
                "'checkpoint: {state: …, bandwidth: …}', or leave 'how' out"
            )
        self.requests = Requests(soc)
        self.tokens: dict[int, float] = {}
        self.granted = -1
        self.rang = False
        if self.epoch is not None:
            soc.wake_at(soc.now + self.epoch)

    # ---- tokens --------------------------------------------------------------------------------------------------

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.requests.ready(job)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        self.requests.served(segment, observation)

    def on_job_end(self, job: Job) -> None:
        self.requests.ended(job)
        self.tokens.pop(job.number, None)

    def on_timer(self, tag: Any) -> None:
        assert self.epoch is not None
        self.rang = True
        self.soc.wake_at(self.soc.now + self.epoch)

    def _has(self, job: Job) -> float:
        return self.tokens.get(job.number, job.task.weight)

    def _grant(self, rivals: list[Segment]) -> None:
        """A decision: who is seen for the first time has its weight, all others get more for what they have waited."""
        self.granted = self.soc.now
        for job in dict.fromkeys(segment.job for segment in rivals):
            if job.number in self.tokens:
                alone = max(1.0, self.requests.density(job) * self.requests.alone(job))
                self.tokens[job.number] += job.task.weight * self.requests.waited(job) / alone
            else:
                self.tokens[job.number] = job.task.weight

    # ---- who runs ------------------------------------------------------------------------------------------------

    def dispatch(self) -> None:
        while self._serve():
            pass

    def _serve(self) -> bool:
        """Go through those who wait, the best first; whether somebody lost a processor and waits now, too."""
        waiting = self.soc.ready
        if not waiting:
            return False
        rivals = [*waiting, *self.soc.running()]
        if self.granted < self.soc.now and (self.rang or any(map(self._free, waiting))):
            self._grant(rivals)
        self.rang = False
        most = max(self._has(segment.job) for segment in rivals)
        enough = max((level for level in LEVELS if level <= most), default=0)
        rank = {each: (self._has(each.job) < enough, self._left(each)) for each in rivals}
        taken: set[Processor] = set()
        for segment in sorted(waiting, key=lambda each: (rank[each], each.job.arrival)):
            free = self._free(segment)
            if segment.state != READY:
                continue  # a part has dropped it, or left it out, when another one was about to start
            if free:
                self.soc.start(
                    segment.job, segment, min(free, key=lambda each: (self._time(segment, each), each.index))
                )
                continue
            busy = {
                running: processor
                for running in rivals
                if (processor := self._runs_on(running)) is not None
                and processor not in taken
                and self._time(segment, processor)
                and rank[segment] < rank[running]
            }
            if busy:
                worst = max(busy, key=lambda each: (rank[each], busy[each].index))
                taken.add(busy[worst])
                if self._preempt(worst, busy[worst], segment):
                    self.soc.start(segment.job, segment, busy[worst])
                    return True
        return False

    def _left(self, segment: Segment) -> float:
        return self.requests.density(segment.job) * self.requests.left(segment.job)

    def _time(self, segment: Segment, processor: Processor) -> int:
        """The time that a segment is believed to need on a processor; 0 where it cannot run."""
        return self.soc.expected(segment, processor) or 0

    def _free(self, segment: Segment) -> list[Processor]:
        every = (self.soc.processors[index] for index in segment.node.eligible)
        return [each for each in every if each.segment is None]

    def _runs_on(self, segment: Segment) -> Processor | None:
        """Where a segment runs, if it could be there that another takes its place."""
        processor = segment.processor
        return (
            processor if processor is not None and processor.segment is segment and processor.kind != "link" else None
        )

    def _preempt(self, running: Segment, processor: Processor, other: Segment) -> bool:
        """Let `running` give way as the policy does; whether its processor is free at once."""
        how = self._choice(running, other)
        if how == "checkpoint" and self.soc.preemptible(processor):
            how = "now"
        elif how == "checkpoint" and (running.node.sections or not self.soc.expected_checkpoint(running, processor)):
            how = "drain"
        self.soc.preempt(processor, how)
        return processor.segment is None

    def _choice(self, running: Segment, other: Segment) -> str:
        if self.how != "dynamic":
            return self.how
        alone, others = self.requests.alone(running.job), self.requests.alone(other.job)
        return "drain" if self._left(running) * alone <= self._left(other) * others else "checkpoint"


def _keeps_states(soc: Soc) -> bool:
    """Whether anything can be taken off any processor and go on later."""
    units = () if soc.system.hardware is None else soc.system.hardware.units
    return any(each.preemptible for each in soc.processors) or any(each.description.checkpoint for each in units)
