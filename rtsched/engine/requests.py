"""What a policy asked for, checked before it takes effect: what it may not have is refused, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.engine.job import CLAIMED, DONE, READY, STATES, WAITING, Job, Segment
from rtsched.engine.processor import Processor
from rtsched.errors import SchedulerError
from rtsched.model.base import whole_number
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core


#: A whole number as policies hand it over, Python's own or numpy's: compiled code would refuse all but an `int`, and in
#: Python's words, so that what is given for one is checked by `whole`.
Whole = SupportsIndex


def whole(number: Any, what: str) -> int:
    """A whole number as Python's own, whoever made it (numpy, for one); `what` says what it is, for the error."""
    if number.__class__ is int:
        return number
    found = whole_number(number)
    if found is None:
        raise SchedulerError(f"{what} is a whole number (found {number!r})")
    return found


def claimed(core: Core, job: Job, nodes: Any, processor: Processor) -> Segment:
    """The segment of one node by number, or of the first of several, the others claimed for the same run."""
    if isinstance(nodes, Segment):  # a part of one that is split
        return nodes
    several = list(nodes) if isinstance(nodes, Iterable) else [nodes]
    numbers = [whole(number, f"start of {job!r}: the number of a node") for number in several]
    known = range(len(job.segments))  # a node's number is its place
    unknown = [number for number in numbers if number not in known]
    if unknown or not numbers:
        which = unknown[0] if unknown else "in this run"
        raise SchedulerError(
            f"start of nodes {numbers} of {job!r}: it has no node {which} to start "
            f"({len(job.task.nodes)} nodes; a job that has ended has none)"
        )
    run = tuple(job.segments[number] for number in numbers)
    first = run[0]
    if len(run) > 1:
        if first.state != READY or processor.segment is not None or first.node.times[processor.index] is None:
            refuse_start(core, job, first, processor)
        _check_run(core, run, processor)
        for segment in run[1:]:
            segment.state = CLAIMED
        first.points = first.points or ()
        first.run = run[1:]
    return first


def _check_run(core: Core, run: tuple[Segment, ...], processor: Processor) -> None:
    """Each node of a run must wait for nothing outside, and be able to run there."""
    inside = {run[0].node.index}
    if core.paths is not None and run[0].job.task.adaptive:
        core.paths.check_run(run)
    for segment in run[1:]:
        what = f"run of nodes {[each.node.index for each in run]} of {run[0].job!r} on {processor!r}"
        open_ones = [
            before
            for before in segment.node.predecessors
            if before not in inside and segment.job.segments[before].state != DONE
        ]
        if open_ones:
            raise SchedulerError(
                f"{what}: node {segment.node.index} waits for node {open_ones[0]}, which is not before it"
            )
        if segment.state not in (WAITING, READY) or segment.node.index in inside:
            raise SchedulerError(f"{what}: node {segment.node.index} is {STATES[segment.state]} or named twice")
        if segment.node.times[processor.index] is None:
            raise SchedulerError(f"{what}: node {segment.node.index} cannot run there")
        inside.add(segment.node.index)


def set_priority(processor: Processor, asked: Whole) -> None:
    """The priority of a stream of a GPU that is served block by block."""
    if not isinstance(processor, StreamProcessor):
        raise SchedulerError(f"start on {processor!r} with a priority: it is no stream of a GPU with a 'block_level'")
    levels = processor.gpu.spec.priorities
    priority = whole(asked, f"start on {processor!r}: a priority")
    if not -levels < priority <= 0:
        raise SchedulerError(f"start on {processor!r}: priority {priority} is not in {1 - levels}..0")
    processor.priority = priority


def refuse_start(core: Core, job: Job, segment: Segment, processor: Processor) -> NoReturn:
    """Say why `segment` cannot start on `processor` now."""
    what = f"start of {segment!r} on {processor!r} at t={core.loop._now} ns"
    if segment.job is not job:
        raise SchedulerError(f"{what}: it is not a node of {job!r}; pass the job it belongs to")
    if segment.state != READY:
        raise SchedulerError(f"{what}: it is {STATES[segment.state]}; only ready segments can start")
    if not core.soc.available(processor):
        raise SchedulerError(f"{what}: the processor is down; wait for on_processor(processor, 'up')")
    if processor.segment is not None and processor.segment.job.number < 0:
        raise SchedulerError(f"{what}: the processor is not to be had ({processor.segment!r}); start it in dispatch")
    if processor.segment is not None:
        raise SchedulerError(f"{what}: the processor is busy with {processor.segment!r}; preempt it first")
    names = ", ".join(core.processors[index].name for index in segment.node.eligible)
    raise SchedulerError(f"{what}: it cannot run there (it can on {names})")


def refuse_preemption(core: Core, processor: Processor, segment: Segment) -> NoReturn:
    """Say why `segment` cannot be taken off `processor` at once."""
    what = f"preemption of {segment!r} on {processor!r} at t={core.loop._now} ns"
    if processor.mode != "preemptive":
        raise SchedulerError(f"{what}: the scheduler is declared {processor.mode}")
    if not processor.preemptible:
        raise SchedulerError(
            f"{what}: the processor's service is {processor.service}; use how='boundary', 'checkpoint' or 'kill'"
        )
    raise SchedulerError(f"{what}: the node is declared non-preemptive; use how='boundary'")


def check_answer(core: Core, job: Job) -> None:
    """Refuse to accept an answer that is not there: no exit is reached, or, where there are none, a node is left."""
    paths = core.paths if job.task.adaptive else None
    quality = job.task.spec.quality
    if paths is not None and quality is not None and quality.exits:
        if paths.reached(job) < 0:
            raise SchedulerError(f"finish {job!r}: it has reached no exit, so there is no answer yet; drop it, or wait")
        return
    left = [each for each in job.segments if each.state != DONE]
    left = [each for each in left if paths is None or not paths.leaves_out(job, each.node.index)]
    if left or not job.segments:
        raise SchedulerError(
            f"finish {job!r}: it has no exits, and its answer is there when all of its nodes are done; drop it, wait, "
            "or give its task 'exits' if there is an answer before that"
        )


def check_alive(job: Job, action: str) -> None:
    """Refuse to act on a job that has ended."""
    if job.number < 0:
        raise SchedulerError(
            f"{action} of {job!r}: it stands for a processor that is not to be had; nobody released it"
        )
    if job.outcome != OPEN:
        raise SchedulerError(f"{action} of {job!r}: it has ended already; act on jobs that are open")
