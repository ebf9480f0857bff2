"""Adaptations: which variant a job runs, how deep it goes, when its answer is good enough.

An adaptation is told the events of a scheduler (the methods it overrides) and acts by ``soc.reconfigure``,
``soc.finish`` and ``soc.drop``. It stands beside an ordering and a placement, and leaves both alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.errors import SchedulerError
from rtsched.model.policy import AdaptationTraits

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.source import Source
    from rtsched.model.taskgraph import VariantSpec
    from rtsched.schedulers.estimate import Estimator
    from rtsched.schedulers.outlook import Outlook

#: The events that an adaptation may override; the signatures are those of ``Scheduler``.
EVENTS = ("on_release", "on_ready", "on_start", "on_completion", "on_deadline")


class Adaptation:
    """A rule of how much to compute. Override the events it needs; `settle` runs before each dispatch.

    `estimator` (there from `setup` on) says how long jobs are believed to need, placed and ordered as they are.

    One that only ever shortens a job (it drops none, and its largest variant bounds it) says so by ``shrinks = True``
    in its own class: proofs then take the largest variant. A class derived from it has to say so again.
    """

    shrinks: ClassVar[bool] = False
    soc: Soc
    estimator: Estimator

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.shrinks = vars(cls).get("shrinks", False)

    def traits(self, name: str) -> AdaptationTraits:
        """What proofs may rely on."""
        fixed = type(self) is Fixed
        builtin = type(self).__module__.startswith("rtsched.")
        return AdaptationTraits(name, self.shrinks, fixed, getattr(self, "variant", 0) if fixed else 0, not builtin)

    def setup(self, soc: Soc) -> None:
        """Prepare, before time starts."""
        self.soc = soc

    def on_release(self, job: Job) -> None:
        """A job was released; it runs the best variant unless it is reconfigured."""

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        """Segments can start."""

    def on_start(self, segment: Segment, processor: Processor) -> None:
        """A node of a task with variants is about to start."""

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A node is done; at an exit `observation` has its number and a confidence."""

    def on_deadline(self, job: Job) -> None:
        """The deadline of an unfinished job passes now."""

    def settle(self) -> None:
        """All events of this instant are delivered, and dispatch is next."""

    def overrides(self, event: str) -> bool:
        """Whether this adaptation wants to be told of `event`."""
        return getattr(type(self), event) is not getattr(Adaptation, event)


def variants_of(task: Source) -> tuple[VariantSpec, ...]:
    """The variants of a task, the best first; empty if it has none."""
    quality = task.spec.quality
    return () if quality is None else quality.variants


class Fixed(Adaptation):
    """Every job runs one variant, for good: the one called `variant`, or the number of that rank (0 best, -1 least).

    The baseline of all adaptations (static scaling). It needs nothing and adapts to nothing.
    """

    shrinks = True

    def __init__(self, variant: str | int = 0) -> None:
        self.variant = variant

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.numbers: dict[int, int] = {}
        for task in soc.tasks:
            if variants_of(task):
                self.numbers[task.index] = self._number(task)
        if not self.numbers:
            raise SchedulerError("adaptation 'fixed': no task has variants; give one some")

    def _number(self, task: Source) -> int:
        names = [variant.name for variant in variants_of(task)]
        wanted = str(self.variant)
        if wanted in names:
            return names.index(wanted)
        try:
            number = int(self.variant)
        except ValueError:
            number = len(names)
        if not -len(names) <= number < len(names):
            raise SchedulerError(
                f"adaptation 'fixed': task {task.name!r} has no variant {self.variant!r}; it has {', '.join(names)}"
            )
        return number % len(names)

    def on_release(self, job: Job) -> None:
        number = self.numbers.get(job.task.index, 0)
        if number:
            self.soc.reconfigure(job, number)


class VariantAdaptation(Adaptation):
    """What the adaptations that choose among variants by time share."""

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


class SubFlow(VariantAdaptation):
    """SubFlow's subnets: the largest whose expected time fits what is left until the deadline.

    Chosen when the job is released; and, where the variants share what is done (``switch: node``), again before each
    node for all that is left, so that waiting and overruns shrink the subnet. What fits nowhere runs the smallest. It
    needs times per subnet; it guarantees nothing about the deadlines, since it does not know what will preempt it; it
    fails by starting large and then having to finish small. Lee and Nirjon, "SubFlow: a dynamic induced-subgraph
    strategy toward real-time DNN inference and training", RTAS 2020 (the families are the artefact's; the run-time rule
    is as usually told, the paper itself was not read).
    """

    shrinks = True

    def on_release(self, job: Job) -> None:
        if variants_of(job.task):
            self.soc.reconfigure(job, self.fitting(job, job.deadline - self.soc.now, self.estimator.outlook(job)))

    def on_start(self, segment: Segment, processor: Processor) -> None:
        job = segment.job
        if variants_of(job.task) and self.soc.changeable(job):
            at = {segment.node.index: processor.index}
            number = self.fitting(job, job.deadline - self.soc.now, self.estimator.outlook(job), at)
            if number != job.course.variant:
                self.soc.reconfigure(job, number)


class Resolution(VariantAdaptation):
    """Slack-driven scaling: on release the best variant that still meets the deadline behind what is ahead of it.

    Ahead are what runs and cannot be taken off, and all jobs that come before it, as expected. `margin` keeps that
    share of the relative deadline free. It needs times per variant and expectations of the others; it guarantees
    nothing, since later releases may come first; it fails by giving all the slack to whoever asks first. Our definition
    of the dynamic resolution scaling that is common practice.
    """

    shrinks = True

    def __init__(self, margin: float = 0.0) -> None:
        if not 0 <= margin < 1:
            raise ValueError("margin must lie in [0, 1)")
        self.margin = margin
        self.fresh: list[Job] = []

    def on_release(self, job: Job) -> None:
        if variants_of(job.task):
            self.fresh.append(job)

    def settle(self) -> None:
        fresh, self.fresh = self.fresh, []
        for job in sorted(fresh, key=lambda job: (job.deadline, job.number)):
            if job.outcome < 0 and job.start < 0 and self.soc.changeable(job):
                spare = int(self.margin * job.task.deadline)
                budget = job.deadline - self.soc.now - spare
                self.soc.reconfigure(job, self.fitting(job, budget, self.estimator.ahead(job)))


class MultiPath(VariantAdaptation):
    """In the style of multi-path networks: the most accurate path whose time is within a limit.

    Heo, Cho, Kim and Kim, "Real-time object detection system with multi-path neural networks", RTAS 2020; the paper was
    not read; our definition is: at the first start of a job take the most accurate variant whose expected time is at
    most what is left until the deadline (or `limit` of the relative deadline, if that is less). It needs times per
    path; alone on its processor it meets the deadline whenever some path does; it fails under preemption.
    """

    shrinks = True

    def __init__(self, limit: float = 1.0) -> None:
        if not 0 < limit <= 1:
            raise ValueError("limit must lie in (0, 1]")
        self.limit = limit

    def on_start(self, segment: Segment, processor: Processor) -> None:
        job = segment.job
        if job.start < 0 and variants_of(job.task) and self.soc.changeable(job):
            budget = min(job.deadline - self.soc.now, int(self.limit * job.task.deadline))
            at = {segment.node.index: processor.index}
            self.soc.reconfigure(job, self.fitting(job, budget, self.estimator.outlook(job), at))


class Drop(Adaptation):
    """Admission: a job that not even its quickest variant could finish in time is dropped on release.

    Counted are the job's own expected time (its smallest variant, up to its first exit, the short way at branches) and,
    with `backlog`, what is ahead of it (what runs and cannot be taken off, and all jobs that come before it). It needs
    expectations; it guarantees nothing; it fails by refusing what a preemption would have saved.
    """

    def __init__(self, backlog: bool = True) -> None:
        self.count_backlog = backlog

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.fresh: list[Job] = []

    def on_release(self, job: Job) -> None:
        self.fresh.append(job)

    def settle(self) -> None:
        fresh, self.fresh = self.fresh, []
        for job in fresh:
            if job.outcome < 0 and job.start < 0 and self.soc.now + self._least(job) > job.deadline:
                self.soc.drop(job)

    def _least(self, job: Job) -> int:
        """The least expected time in ns until `job` has an answer."""
        ahead = self.estimator.ahead(job) if self.count_backlog else self.estimator.idle()
        quality = job.task.spec.quality
        if quality is not None and quality.variants:
            return min(ahead.copy().run(job, variant.index, least=True) for variant in quality.variants)
        return ahead.run(job, exit_=0 if quality is not None and quality.exits else None, least=True)
