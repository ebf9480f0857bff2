"""The course of jobs that may go several ways: variants, early exits, conditional branches, and what answers are worth.

Only runs whose tasks have any of these come here; `JobPaths` takes the place of a few of the engine's own steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import BLOCKED, CLAIMED, DONE, READY, WAITING, Job, Segment, make_ready
from rtsched.engine.points import mark_pieces
from rtsched.engine.release import blocks
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.engine.streams import Streams
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import QualitySpec, TaskSpec, VariantSpec
from rtsched.trace.trace import LATE, NO_ANSWER, OK, OPEN, UNKNOWN

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor
    from rtsched.engine.task_state import TaskState

NORMAL = NormalDist()

#: Accuracies and worths are kept in the trace as integers: parts per million.
PPM = 10**6


def confidence(accuracy: float, seen: float, reliability: float) -> float:
    """The probability that an answer of `accuracy` is right, for who knows only the noisy standard score `seen`.

    The input's own standard score z is normal, `seen` = reliability z + sqrt(1 - reliability²) noise, and the answer is
    right iff z lies below the accuracy's quantile: so confidences are calibrated, and their mean is the accuracy.

    >>> round(confidence(0.9, 0.0, 0.9), 3)
    0.998
    """
    if accuracy <= 0 or accuracy >= 1:
        return float(accuracy >= 1)
    spread = math.sqrt(1 - reliability * reliability)
    gap = NORMAL.inv_cdf(accuracy) - reliability * seen
    return float(gap > 0) if spread == 0 else NORMAL.cdf(gap / spread)


@contextmanager
def asked(core: Core, segments: Sequence[Segment], processors: Sequence[Processor]) -> Iterator[None]:
    """Segments are about to start at once: the policy chooses how, and what is then refused has not been chosen."""
    paths = core.paths
    if paths is None:
        yield
        return
    try:
        paths.ask_all(segments, processors)
        yield
    finally:
        paths.asked.clear()


class JobPath:
    """What one job has met and chosen: its input's difficulty, its variant (-1: none), and what each node ran as.

    `difficulty` and `noise` are the truth, not for policies. `chosen` are the nodes with a variant of their own; `ran`
    maps nodes to the variant that they started, or were left out, under; of several that one ran as, to the least.
    """

    __slots__ = ("chosen", "difficulty", "left_out", "noise", "ran", "routes", "variant")

    def __init__(self, difficulty: float, noise: tuple[float, ...], routes: tuple[float, ...], variant: int) -> None:
        self.difficulty = difficulty
        self.noise = noise
        self.routes = routes
        self.variant = variant
        self.left_out: frozenset[int] = frozenset()
        self.chosen: dict[int, int] = {}
        self.ran: dict[int, int] = {}


class JobPaths(AroundSteps):
    """The steps of the engine for tasks that may go several ways; the others take the plain ones as before."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.draws: dict[int, Iterator[JobPath]] = {}
        for task in core.tasks:
            if task.spec.quality is not None or task.spec.branches:
                task.adaptive = True
                self.draws[task.index] = _courses(task.spec, Streams(core.world, task.spec.name))
        self.on_start: Callable[[Segment, Processor], None] | None = None
        #: of which the policy has chosen how they start, though that has not been written down
        self.asked: set[Segment] = set()

    def listen(self, on_start: Callable[[Segment, Processor], None] | None) -> None:
        """Pass completions on with what a policy may see of the answer."""
        self.on_start = on_start
        inner = self.core.on_completion
        if inner is not None:

            def told(segment: Segment, observation: dict[str, Any]) -> None:
                if segment.job.task.adaptive:
                    observation.update(self.observed(segment))
                inner(segment, observation)

            self.core.on_completion = told

    def enter(self, job: Job) -> None:
        """A job is released: draw its input."""
        job.path = next(self.draws[job.task.index])
        if job.factor is None:
            job.factor = 1  # so that a start asks `start` below

    def activate(self, task: TaskState, job: Job) -> None:
        """`job` may run: as the plain step, with the nodes of its variant and without those it leaves out."""
        if not task.adaptive:
            self.inner.activate(task, job)
            return
        if task.overlap:
            task.overlapping[job] = None
        else:
            task.active = job
        nodes = self._nodes(job)
        job.left = len(nodes)
        job.segments = tuple(Segment(job, node, len(node.predecessors)) for node in nodes)
        mark_pieces(job.segments)
        self.offer(job, [segment for segment in job.segments if not segment.waits])

    def _nodes(self, job: Job) -> tuple[Any, ...]:
        quality = job.task.spec.quality
        if quality is None or not quality.variants:
            return job.task.nodes
        return tuple(quality.variants[self._number(job, node.index)].nodes[node.index] for node in job.task.nodes)

    def _number(self, job: Job, node: int) -> int:
        """The variant that a node of `job` runs as, or is left out by, if it starts now; -1 without variants."""
        return job.path.chosen.get(node, job.path.variant)

    def leaves_out(self, job: Job, node: int) -> bool:
        """Whether `job`, as it is now meant to go, passes over a node: its variant or its way does not have it."""
        if node in job.path.left_out:
            return True
        number, quality = self._number(job, node), job.task.spec.quality
        return number >= 0 and quality is not None and node in quality.variants[number].skipped

    def offer(self, job: Job, segments: list[Segment]) -> None:
        """Segments that nothing holds back: those that the job leaves out are done at once, the others are ready."""
        fresh: list[Segment] = []
        while segments:
            segment = segments.pop(0)
            at = segment.node.index
            if not self.leaves_out(job, at):
                fresh.append(segment)
                continue
            if at not in job.path.left_out:
                job.path.ran[at] = self._number(job, at)
            segment.state = DONE
            job.left -= 1
            segments += self._freed(segment)
        if fresh:
            fresh.sort(key=lambda segment: segment.node.index)
            make_ready(fresh, self.core.loop._now)
            if self.core.on_ready is not None:
                self.core.on_ready(job, tuple(fresh))
        if not job.left:
            now = self.core.loop._now
            job.finish = now
            self.core.steps.close(job, now, OK if now <= job.deadline else LATE)

    def _freed(self, segment: Segment) -> list[Segment]:
        freed = []
        for index in segment.node.successors:
            follower = segment.job.segments[index]
            follower.waits -= 1
            if not follower.waits and follower.state == WAITING:
                freed.append(follower)
        return freed

    def ask(self, segment: Segment, processors: Sequence[Processor]) -> None:
        """A node is about to start for the first time on these processors: the last moment to choose how.

        It is ready no more where the choice leaves it out, or ended its job: then it does not start.
        """
        job = segment.job
        self.consult(segment, processors)
        if job.outcome == OPEN and self.leaves_out(job, segment.node.index):
            self._pass_over(job)

    def ask_all(self, segments: Sequence[Segment], processors: Sequence[Processor]) -> None:
        """The same of several that start at once, before any does: that may still be refused."""
        for segment in segments:
            if segment.job.task.adaptive and segment.processor is None and segment.state == READY:
                self.ask(segment, processors)
                self.asked.add(segment)

    def start(self, segment: Segment, processor: Processor) -> None:
        """A node starts for the first time, if the policy, asked for a last time, lets it: write down how."""
        if segment in self.asked:
            self.asked.discard(segment)
        else:
            self.ask(segment, [processor])
        job, at = segment.job, segment.node.index
        course = job.path
        if course.variant < 0 or segment.state != READY:
            return
        course.ran[at] = self._number(job, at)
        choices = self.core.record.choices
        if choices is not None:
            choices.buffer += (self.core.loop._now, job.number, at, course.ran[at])

    def consult(self, segment: Segment, processors: Sequence[Processor]) -> None:
        """Let the policy choose how a node is to run on these processors, which are for nobody else meanwhile."""
        if self.on_start is None:
            return
        self.on_start(segment, processors[0])
        for processor in processors:
            if segment.state == READY and processor.segment is not None:
                raise SchedulerError(
                    f"start of {segment!r} on {processor!r} at t={self.core.loop._now} ns: on_start has started "
                    f"{processor.segment!r} there; it may start others elsewhere, or drop this one's job first"
                )

    def changeable(self, job: Job) -> bool:
        """Whether another variant may still be chosen for `job`: always if they share what is done, else before that.

        What it has left out already is done, too: another variant may need it.
        """
        quality = job.task.spec.quality
        return quality is not None and (quality.switch or (job.start < 0 and not job.path.ran))

    def reconfigure(self, job: Job, number: int, nodes: tuple[int, ...] | None) -> bool:
        """Let what of `job` has not started run as variant `number`: all of it, or some `nodes`.

        Returns whether anything of that can still change, what has begun included.
        """
        quality = job.task.spec.quality
        count = 0 if quality is None else len(quality.variants)
        what = f"reconfigure {job!r} to variant {number}"
        if quality is None or not 0 <= number < count:
            raise SchedulerError(f"{what}: it has {count} variants")
        if number != job.path.variant and not self.changeable(job):
            raise SchedulerError(
                f"{what}: it has started, and its variants do not share what is done; "
                "choose before the first start, or give the variants 'switch: node'"
            )
        variant = quality.variants[number]
        unknown = [node for node in nodes or () if not 0 <= node < len(variant.nodes)]
        if unknown:
            names = ", ".join(f"{node.index} ({node.name})" for node in variant.nodes)
            raise SchedulerError(f"{what} for some nodes: it has no node {unknown[0]}; its nodes are {names}")
        if nodes is None:
            job.path.variant = number
            job.path.chosen.clear()
        elif not quality.switch:
            raise SchedulerError(f"{what} for some nodes: its variants have no 'switch: node'")
        else:
            job.path.chosen.update(dict.fromkeys(nodes, number))
        some = not job.segments  # it may not run yet
        for segment in job.segments:
            if nodes is not None and segment.node.index not in nodes:
                continue
            if segment.processor is not None:
                switches = self.core.switches
                some |= switches is not None and switches.ask(segment, number)
            elif segment.state in (WAITING, READY, BLOCKED, CLAIMED):
                some = True
                segment.node = variant.nodes[segment.node.index]
                if segment.state == READY:
                    self.core.scheduler.reconfigured(segment)
        if variant.skipped:
            self._pass_over(job)
        return some

    def _pass_over(self, job: Job) -> None:
        """Leave out the ready nodes that `job` does not have any more, and go on behind them."""
        out = [
            each
            for each in job.segments
            if each.state == READY and each.processor is None and self.leaves_out(job, each.node.index)
        ]
        if out:
            self.core.changed[0] = True
            for segment in out:
                segment.state = WAITING
            self.offer(job, out)

    def check_run(self, run: tuple[Segment, ...]) -> None:
        """A run of nodes may end at a branch but not go past it, and holds nothing that its variant leaves out."""
        job = run[0].job
        forks = {branch.node for branch in job.task.spec.branches}
        for segment in run[:-1]:
            if segment.node.index in forks:
                raise SchedulerError(
                    f"run of nodes of {job!r}: which way it goes after node {segment.node.index} is not known yet; "
                    "end the run there"
                )
        for segment in run:
            if self.leaves_out(job, segment.node.index):
                raise SchedulerError(f"run of nodes of {job!r}: its variant leaves out node {segment.node.index}")

    # ---- answers -------------------------------------------------------------------------------------------------

    def reached(self, job: Job) -> int:
        """The last exit whose answer is there: its number, or -1."""
        quality = job.task.spec.quality
        found = -1
        for exit_ in () if quality is None or not job.segments else quality.exits:
            if job.segments[exit_.node].state == DONE:
                found = exit_.index
        return found

    def expected(self, job: Job, accuracy: float) -> float:
        """What is to be expected of an answer of `accuracy`, after what the job's exits (or a predictor) have shown."""
        quality = job.task.spec.quality
        if quality is None:  # its task has branches alone, where nothing shows how hard an input is
            return accuracy
        number = self.reached(job)
        if number >= 0:
            return confidence(accuracy, self.sight(job, number), quality.reliability)
        if quality.predictor is not None:
            return confidence(accuracy, self.sight(job, -1), quality.predictor)
        return accuracy

    def sight(self, job: Job, place: int) -> float:
        """The noisy standard score of the input as seen at exit number `place`; -1 is the predictor."""
        quality = job.task.spec.quality
        assert quality is not None
        rho = quality.reliability if place >= 0 else quality.predictor or 0.0
        own = NORMAL.inv_cdf(min(max(job.path.difficulty, 1e-12), 1 - 1e-12))
        return rho * own + math.sqrt(1 - rho * rho) * job.path.noise[place]

    def observed(self, segment: Segment) -> dict[str, Any]:
        """What a policy learns when a node is done: at an exit its number and confidence, at a branch the way."""
        job = segment.job
        quality = job.task.spec.quality
        found: dict[str, Any] = {}
        for exit_ in () if quality is None else quality.exits:
            if exit_.node == segment.node.index and quality is not None:
                found["exit"] = exit_.index
                found["confidence"] = confidence(exit_.accuracy, self.sight(job, exit_.index), quality.reliability)
        for number, branch in enumerate(job.task.spec.branches):
            if branch.node == segment.node.index:
                found["branch"] = branch.targets[self._way(job, number)]
        return found

    def _way(self, job: Job, number: int) -> int:
        branch = job.task.spec.branches[number]
        draw = job.path.difficulty if branch.by_difficulty else job.path.routes[number]
        return next((way for way, bound in enumerate(branch.bounds) if draw < bound), len(branch.bounds) - 1)

    def successors(self, segment: Segment) -> None:
        """A node is done: free what follows, on the way that the input takes."""
        job = segment.job
        if not job.task.adaptive:
            self.inner.successors(segment)
            return
        for number, branch in enumerate(job.task.spec.branches):
            if branch.node == segment.node.index:
                taken = branch.targets[self._way(job, number)]
                self._leave_out(job, [target for target in branch.targets if target != taken])
        self.offer(job, self._freed(segment))

    def _leave_out(self, job: Job, targets: list[int]) -> None:
        """The ways not taken: their nodes, and all nodes that only such nodes lead to."""
        out = set(job.path.left_out) | set(targets)
        for segment in job.segments:
            before = segment.node.predecessors
            if before and out.issuperset(before):
                out.add(segment.node.index)
        job.path.left_out = frozenset(out)

    def answer(self, job: Job) -> tuple[int, float | None]:
        """The exit reached (-1: none) and the accuracy of the answer that `job` has by now; None: not known."""
        quality = job.task.spec.quality
        if quality is None or not quality.measured:
            return -1, None
        accuracy: float
        if quality.exits:
            number = self.reached(job)
            accuracy = 0.0 if number < 0 else quality.exits[number].accuracy
        else:
            number, accuracy = -1, self._accuracy(job, quality)
        for segment in job.segments:
            if segment.node.losses and segment.state == DONE and segment.processor is not None:
                lost = None if self.core.splits is None else self.core.splits.losses.get(segment)
                accuracy -= segment.node.losses[segment.processor.index] if lost is None else lost
        return number, max(0.0, accuracy)

    def _accuracy(self, job: Job, quality: QualitySpec) -> float:
        assert quality.accuracy is not None
        if not quality.variants:
            return quality.accuracy
        ran = job.path.ran
        kinds = set(ran.values())
        if len(kinds) < 2:
            return _known(quality.variants[kinds.pop() if kinds else job.path.variant])
        total = sum(quality.shares[node] for node in ran) or 1.0
        loss = sum(
            quality.shares[node] * (quality.accuracy - _known(quality.variants[number])) for node, number in ran.items()
        )
        return quality.accuracy - loss / total

    def close(self, job: Job, now: int, outcome: int) -> None:
        """`job` leaves: write down what its answer was worth."""
        quality = job.task.spec.quality
        if quality is not None:
            number, accuracy = self.answer(job)
            delivered = job.finish >= 0
            right = delivered and accuracy is not None and job.path.difficulty < accuracy
            worth = PPM if right else 0
            if right and job.finish > job.deadline:
                late = job.finish - job.deadline
                worth = 0 if quality.decay is None else max(0, PPM - PPM * late // quality.decay)
            shown = NO_ANSWER if not delivered else UNKNOWN if accuracy is None else round(accuracy * PPM)
            answers = self.core.record.answers
            answers.buffer += (
                job.number, job.task.index, job.release, self._ran_as(job), number, shown, int(right), worth,
            )  # fmt: skip
            if len(answers.buffer) >= answers.limit:
                answers.pack()
        self.inner.close(job, now, outcome)

    def _ran_as(self, job: Job) -> int:
        """The variant that gave the answer: of several that its nodes ran as (or were left out by) the least."""
        return max(job.path.ran.values(), default=job.path.variant)


def _known(variant: VariantSpec) -> float:
    assert variant.accuracy is not None
    return variant.accuracy


def _courses(task: TaskSpec, streams: Streams) -> Iterator[JobPath]:
    """The inputs of a task's jobs, in order: draw k belongs to job k."""
    quality = task.quality
    variant = 0 if quality is not None and quality.variants else -1
    sights = 0 if quality is None else len(quality.exits) + 1  # the last is the predictor's
    uniform = blocks(streams.difficulty.standard_normal)
    noise = blocks(streams.confidence.standard_normal) if sights else iter(())
    route = blocks(streams.routing.random) if task.branches else iter(())
    rho = 0.0 if quality is None else quality.correlation
    state: float | None = None
    while True:
        draw = next(uniform)
        state = draw if state is None else rho * state + math.sqrt(1 - rho * rho) * draw
        yield JobPath(
            NORMAL.cdf(state),
            tuple(next(noise) for _ in range(sights)),
            tuple(next(route) for _ in task.branches),
            variant,
        )
