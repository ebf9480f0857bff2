"""Copies over links to where a node was started, for nodes whose cluster is chosen at run time.

A node that is started away from what it reads holds its processor until that is there. Each copy is served by its link
like a transfer between fixed clusters: alone, at the bandwidth of the moment, not while the link is down. It goes on
when its reader is taken off meanwhile, or its job ends: what a cluster has been brought it has.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import TYPE_CHECKING

from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.event_loop import NEVER
from rtsched.engine.job import COPYING, DONE, READY, WAITING, Job, Segment
from rtsched.engine.processor import Processor, whole
from rtsched.engine.splits import owner
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.model.taskgraph import CopySpec
from rtsched.trace import trace as log
from rtsched.trace.trace import OPEN
from rtsched.units import LONGEST

if TYPE_CHECKING:
    from rtsched.engine.core import Core


class Delivery(Segment):
    """One copy on its way: what `target` reads, to the cluster `to`; sent for at `since`."""

    __slots__ = ("target", "to")

    def __init__(self, target: Segment, copy: CopySpec, link: int, to: str, now: int) -> None:
        super().__init__(target.job, copy.node, 0)
        time = copy.node.times[link]
        assert time is not None
        self.target = target
        self.to = to
        self.since = now
        self.demand = self.remaining = time


def _key(one: Segment) -> tuple[int, int, int, int]:
    """First come, first served; of one instant by task, job and node (that of the reader, for a copy)."""
    node = one.target.node if isinstance(one, Delivery) else one.node
    return one.since, one.job.task.index, one.job.index, node.index


class Copies(AroundSteps):
    """The copies of a run: those that wait for their link, and the segments that wait for them."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.queues: dict[int, list[Delivery]] = {}
        #: by reader: what was sent for it, by (source node, origin, cluster to bring it to)
        self.sent: dict[Segment, dict[tuple[int, str, str], Delivery]] = {}
        #: by reader that holds a processor: that one, the one it had before, and whether it goes on inside a run
        self.held: dict[Segment, tuple[Processor, Processor | None, bool]] = {}
        for processor in core.processors:
            if processor.kind == "link":
                self.queues[processor.index] = []
        #: the tasks with transfers of their own on a link: their turns are the policy's
        self.others = {
            link: [task for task in core.tasks if any(node.times[link] is not None for node in task.nodes)]
            for link in self.queues
        }

    # ---- readers -------------------------------------------------------------------------------------------------

    def hold(self, segment: Segment, processor: Processor, before: Processor | None) -> bool:
        """Whether `segment` has to wait on `processor` for what it reads; what nobody sent for yet is sent for."""
        now = self.core.loop._now
        reader = owner(segment)
        sent = self.sent.setdefault(reader, {})
        for key, copy, link in self._needed(segment, processor):
            if key not in sent:
                sent[key] = Delivery(reader, copy, link, processor.cluster, now)
                insort(self.queues[link], sent[key], key=_key)
        if self._complete(segment, processor.cluster):
            return False
        self.held[segment] = (processor, before, self.core.inside_run)
        processor.waiting = True
        processor.overhead = NEVER
        processor.begin(segment.remaining, now)
        return True

    def _needed(self, segment: Segment, processor: Processor) -> list[tuple[tuple[int, str, str], CopySpec, int]]:
        """The copies that bring to `processor` what `segment` reads, each with its link."""
        found = []
        for copy in segment.node.copies:
            for origin in self._origins(segment.job, copy.source):
                link = copy.links.get((origin, processor.cluster))
                if link is not None:
                    found.append(((copy.source, origin, processor.cluster), copy, link))
        return found

    def _origins(self, job: Job, node: int) -> list[str]:
        """The clusters from which the output of a node comes: where it ran.

        A node that the variant leaves out hands on what it would have read; one on a way not taken has nothing.
        """
        segment = job.segments[node]
        if segment.processor is not None:
            return [segment.processor.cluster]
        if job.task.adaptive and node in job.path.left_out:
            return []
        before = [origin for earlier in segment.node.predecessors for origin in self._origins(job, earlier)]
        return list(dict.fromkeys(before))

    def _complete(self, segment: Segment, cluster: str) -> bool:
        return all(each.state == DONE for each in self.sent[owner(segment)].values() if each.to == cluster)

    def _go(self, delivery: Delivery, now: int) -> None:
        """A copy is there: its reader (or a part of that) begins, if it holds a processor there and has everything."""
        splits = self.core.splits
        for target in (delivery.target,) if splits is None else splits.readers(delivery.target):
            self._begin(target, now)

    def _begin(self, target: Segment, now: int) -> None:
        if target not in self.held:
            return
        processor, before, inside = self.held[target]
        if not processor.waiting or processor.segment is not target:
            del self.held[target]  # it was taken off meanwhile
            return
        if not self._complete(target, processor.cluster):
            return
        del self.held[target]
        core = self.core
        waited = now - processor.started
        processor.waiting = False
        processor.busy += waited
        processor.overhead_total += waited
        if core.slices is not None and waited:
            row = (processor.started, now, target.job.number, target.node.index, processor.index, log.OVERHEAD)
            core.slices += row
        processor.started = now
        core.inside_run = inside
        processor.overhead = core.start_costs.pay(target, processor, before, now)
        core.inside_run = False
        processor.last = target
        processor.begin(core.next_piece(target), now)

    def close(self, job: Job, now: int, outcome: int) -> None:
        """`job` leaves: what nobody carries yet of it is not sent for any more."""
        for segment in job.segments:
            for each in self.sent.pop(segment, {}).values():
                if each.state == WAITING:
                    for queue in self.queues.values():
                        if each in queue:
                            queue.remove(each)
            self.held.pop(segment, None)
        self.inner.close(job, now, outcome)

    # ---- links ---------------------------------------------------------------------------------------------------

    def around(self, dispatch: Callable[[], None]) -> Callable[[], None]:
        """`dispatch`, with the idle links served: before it by age, and after it what the policy has left them."""
        links = [self.core.processors[link] for link in self.queues]

        def dispatch_and_serve() -> None:
            for link in links:
                queue = self.queues[link.index]
                if queue and not self._older(link.index, queue[0]):
                    self._take_first(link)
            dispatch()
            if not self.core.changed[0]:
                for link in links:
                    self._take_first(link)

        return dispatch_and_serve

    def _older(self, link: int, first: Delivery) -> bool:
        """Whether a transfer of the policy's has waited for longer."""
        key = _key(first)
        return any(
            segment.state == READY and segment.node.times[link] is not None and _key(segment) < key
            for task in self.others[link]
            for job in ((task.active,) if task.active is not None else task.overlapping)
            for segment in job.segments
        )

    def _take_first(self, link: Processor) -> None:
        queue = self.queues[link.index]
        if not queue or link.segment is not None:
            return
        delivery = queue.pop(0)
        now = self.core.loop._now
        delivery.state = COPYING
        delivery.processor = link
        link.segment = link.last = delivery
        link.started = now
        link.starts += 1
        link.overhead = 0
        link.done = self._ended
        link.begin(delivery.remaining, now)
        if self.core.chip is not None:
            self.core.chip.touch()

    def _ended(self, link: Processor, delivery: Segment, now: int) -> None:
        """What the link carried is there."""
        assert isinstance(delivery, Delivery)
        self._leave(link, delivery, now, log.COMPLETED)
        delivery.state = DONE
        self._go(delivery, now)
        self.core.changed[0] = True
        if self.core.on_processor is not None:
            self.core.on_processor(link, "idle")

    def _leave(self, link: Processor, delivery: Delivery, now: int, reason: int) -> None:
        link.segment = None
        link.done = self.core.ended
        link.busy += now - link.started
        if self.core.slices is not None:
            self.core.record.slice(link, delivery, now, reason)

    def lose(self, link: VariableSpeedProcessor, delivery: Delivery, now: int) -> None:
        """A link fails under a copy: it begins anew, goes on later, or its job is dropped, as its task says."""
        job = delivery.job
        fate = job.task.spec.on_fault
        done = link.progress(now)
        self._leave(link, delivery, now, log.FAILED if fate == "resume" else log.KILLED)
        link.leave()
        delivery.state = WAITING
        if job.outcome != OPEN:
            return
        if fate == "drop":
            self.core.give_up(job, "fault")
            return
        if fate == "resume":
            delivery.remaining -= done
        insort(self.queues[link.index], delivery, key=_key)

    def end(self, now: int) -> None:
        """The run is over: what is on a link stays there."""
        for index in self.queues:
            link = self.core.processors[index]
            if isinstance(link.segment, Delivery):
                self._leave(link, link.segment, now, log.OPEN_END)

    # ---- what a policy may expect --------------------------------------------------------------------------------

    def expected(self, segment: Segment, processor: Processor) -> int:
        """The believed wait in ns of `segment` for what it reads, if it started on `processor` now."""
        if not segment.job.segments:
            return 0  # its job has ended, and it only runs out
        sent = self.sent.get(segment, {})
        ahead: dict[int, int] = {}
        for key, copy, link in self._needed(segment, processor):
            known = sent.get(key)
            if known is not None and known.state == DONE:
                continue
            if not self._available(link):
                return LONGEST
            if link not in ahead:
                ahead[link] = self.load(link)
            if known is None:
                ahead[link] += copy.node.times[link] or 0
        return max(ahead.values(), default=0)

    def _available(self, link: int) -> bool:
        processor = self.core.processors[link]
        return not (isinstance(processor, VariableSpeedProcessor) and processor.down)

    def load(self, link: int) -> int:
        """What a link has to carry still, in ns at its nominal bandwidth; transfers yet to be started do not count."""
        processor = self.core.processors[link]
        load = sum(whole(each.remaining) for each in self.queues[link])
        running = processor.segment
        return load if running is None else load + whole(running.remaining - processor.progress(self.core.loop._now))
