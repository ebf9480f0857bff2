"""What the processors and memories will be doing, as believed: jobs are put in one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rtsched.engine.job import DONE, RUNNING
from rtsched.engine.views import raw

if TYPE_CHECKING:
    from rtsched.engine.chip.residency import Residency
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec
    from rtsched.schedulers.estimator import Estimator


class Form(NamedTuple):
    """A task in one of its variants, as it is estimated.

    `order` is topological. `line`, only for a chain whose nodes all have one and the same processor and nothing to load
    or copy, holds the time in ns from each place in `order` to the end; `server` is that processor.
    """

    nodes: tuple[NodeSpec, ...]
    skipped: frozenset[int]
    order: tuple[int, ...]
    line: tuple[int, ...] | None = None
    server: int = -1


class Outlook:
    """Processors and memories from now on, as believed: jobs are put in one after the other, and take their place.

    `free` says for each processor that is taken when it is free, in ns from now; `thrown` lists what loads have thrown
    out of a memory: (network, time in ns to bring it back).
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.free: dict[int, int] = {}
        self.thrown: list[tuple[str, int]] = []
        self._memories: dict[int, Residency] = {}

    def copy(self) -> Outlook:
        """Another that goes on from here; nothing has been thrown out of its memories yet."""
        other = Outlook(self._estimator)
        other.free = self.free.copy()
        other._memories = {key: memory.imagined(other._note(memory)) for key, memory in self._memories.items()}
        return other

    def occupy(self, segment: Segment) -> None:
        """What runs keeps its processor to its end."""
        segment = raw(segment)
        assert segment.processor is not None
        place = segment.processor.index
        if place not in self._estimator.shared:  # of contexts that share a unit the others are free
            self._take(place, self._estimator.left(segment))

    def run(
        self,
        job: Job,
        number: int | None = None,
        exit_: int | None = None,
        at: Mapping[int, int] | None = None,
        least: bool = False,
    ) -> int:
        """The time in ns from now until `job` is done, or has reached an exit; it takes its place here.

        `number` is a variant for what has not started (None: as it is now meant to run); `at` gives nodes a processor.
        With `least` open branches go the short way.
        """
        job = raw(job)
        task = job.task
        estimator = self._estimator
        quality = task.spec.quality
        meant = job.path.variant if quality is not None and quality.variants else 0
        form = estimator.form(task, meant if number is None else number)
        last = _node_of(task, exit_)
        nodes = list(form.nodes)
        as_formed = True
        for segment in job.segments:
            index = segment.node.index
            if number is not None and index not in form.skipped and estimator.may_switch(segment):
                continue  # from its next boundary on, or at once
            if number is None or segment.processor is not None:
                as_formed = as_formed and (nodes[index] is segment.node or segment.processor is not None)
                nodes[index] = segment.node
        if form.line is not None and as_formed:
            return self._run_line(form, job.segments, last, nodes)
        out = form.skipped | estimator.left_out(job, least)
        return self._run_graph(task, nodes, form.order, job.segments, last, out, at or {})

    def run_task(self, task: TaskState, exit_: int | None = None) -> int:
        """The time in ns that the best variant of a task needs from the start of a job to its end, or to an exit."""
        task = raw(task)
        estimator = self._estimator
        form = estimator.form(task, 0)
        last = _node_of(task, exit_)
        if form.line is not None:
            return self._run_line(form, (), last)
        return self._run_graph(task, form.nodes, form.order, (), last, form.skipped, {})

    def _run_line(
        self, form: Form, segments: Sequence[Segment], last: int | None, nodes: Sequence[NodeSpec] = ()
    ) -> int:
        """A chain on one processor: what has begun, and the sum of what follows; to node `last`, or all of it."""
        line, order = form.line, form.order
        assert line is not None
        end = len(order) if last is None else order.index(last) + 1
        place = 0
        while segments and place < end and segments[order[place]].state == DONE:
            place += 1
        if place >= end:
            return 0
        time = 0
        first = segments[order[place]] if segments else None
        server = self._estimator.servers[form.server]
        begins = self.free.get(server, 0)
        if first is not None and first.processor is not None:
            time = self._left(first, nodes[order[place]])
            if first.state == RUNNING:
                begins = 0
            else:
                time += self.again(first, form.server)
            place += 1
        done = begins + time + line[place] - line[end]
        self._take(form.server, done)
        return done

    def _run_graph(
        self,
        task: TaskState,
        nodes: Sequence[NodeSpec],
        order: Sequence[int],
        segments: Sequence[Segment],
        last: int | None,
        out: frozenset[int],
        at: Mapping[int, int],
    ) -> int:
        """A list schedule: of the nodes that wait for no other, the one that can start first takes its processor.

        Until node `last` is done (None: all are); what it does not need, but can start before, goes before it.
        """
        where: dict[int, int] = dict(at)
        todo = []
        for index in order:
            done = segments[index] if segments and segments[index].state == DONE else None
            if done is None:
                todo.append(index)
            else:
                self._hand_on(nodes[index], -1 if done.processor is None else done.processor.index, where)
        if last is not None and last not in todo:
            return 0
        ready = dict.fromkeys(todo, 0)
        waits = {index: sum(before in ready for before in nodes[index].predecessors) for index in todo}
        waiting = [index for index in todo if not waits[index]]
        whole = 0
        while waiting:
            starts = []
            for index in waiting:
                segment = segments[index] if segments else None
                starts.append((*self._start(task, nodes[index], segment, ready[index], index in out, where), index))
            start, place, index = min(starts)
            waiting.remove(index)
            if start < 0:
                end = self._left(segments[index], nodes[index])
            elif place < 0:
                end = start  # it is left out; what has begun is not any more
            else:
                end = self._end(nodes[index], segments[index] if segments else None, place, start, where)
            if place >= 0:
                self._take(place, end)
            self._hand_on(nodes[index], place, where)
            if index == last:
                return end
            whole = max(whole, end)
            for later in nodes[index].successors:
                if later in ready:
                    ready[later] = max(ready[later], end)
                    waits[later] -= 1
                    if not waits[later]:
                        waiting.append(later)
        return whole

    def _hand_on(self, node: NodeSpec, place: int, where: dict[int, int]) -> None:
        """Note where what a node writes is: where it runs, or (-1: it is left out) where what it would read is."""
        known = [where[before] for before in node.predecessors if before in where]
        if place >= 0 or known:
            where[node.index] = place if place >= 0 else known[0]

    def _start(
        self, task: TaskState, node: NodeSpec, segment: Segment | None, ready: int, out: bool, where: Mapping[int, int]
    ) -> tuple[int, int]:
        """When a node can start, and on which processor; (-1, …) runs already, (…, -1) is left out."""
        if segment is not None and segment.processor is not None:
            place = segment.processor.index
            return (-1 if segment.state == RUNNING else max(ready, self.free_at(place))), place
        if out:
            return ready, -1
        estimator = self._estimator
        settled = where.get(node.index)
        if settled is None and segment is not None and estimator._placement.dynamic:
            settled = estimator._placement.chosen(segment)
        places = estimator.places(task, node) if settled is None else (settled,)
        if len(places) == 1:
            return max(ready, self.free_at(places[0])), places[0]
        found = []
        for place in places:
            start = max(ready, self.free_at(place))
            if estimator._placement.dynamic:
                begin = self._arrival(node, place, start, where, look=True)
                end = begin + self.cost(node, place, begin, look=True) + estimator.time(node, place)
                found.append((end, 0, place, start))
            else:
                found.append((start, estimator.preference(node, place, places), place, start))
        _, _, place, start = min(found)
        return start, place

    def _end(self, node: NodeSpec, segment: Segment | None, place: int, start: int, where: Mapping[int, int]) -> int:
        """When a node that starts at `start` (ns from now) on a processor is done."""
        estimator = self._estimator
        if segment is not None and segment.processor is not None:
            work = self._left(segment, node)
            here = segment.processor.index
            if here != place:
                work = -(-work * estimator.time(node, place) // estimator.time(node, here))
            work += self.again(segment, place)
        else:
            start = self._arrival(node, place, start, where)
            work = self.cost(node, place, start) + estimator.time(node, place)
        supply = estimator._soc.processors[place].supply
        if supply is None:
            return start + work
        now = estimator._soc.now
        return supply.finish(now + start, work) - now

    def _left(self, segment: Segment, node: NodeSpec) -> int:
        """The time that a node which has begun still needs where it is, if it goes on as `node` from now on."""
        left = self._estimator.left(segment)
        if node is segment.node or segment.processor is None:
            return left
        place = segment.processor.index
        return -(-left * self._estimator.time(node, place) // self._estimator.time(segment.node, place))

    def queue(self, segments: Sequence[Segment], place: int) -> int:
        """The time in ns until segments that are served on one processor in this order are all done."""
        segments = [raw(segment) for segment in segments]
        end = 0
        for segment in segments:
            if segment.state == RUNNING and segment.processor is not None and segment.processor.index == place:
                end = max(end, self._estimator.left(segment))
                continue
            node = segment.node
            sources = {
                copy.source: there.index
                for copy in node.copies
                if segment.job.segments and (there := segment.job.segments[copy.source].processor) is not None
            }
            end = self._end(node, segment, place, end, sources)
        return end

    # ---- what a start costs --------------------------------------------------------------------------------------

    def _arrival(self, node: NodeSpec, place: int, start: int, where: Mapping[int, int], look: bool = False) -> int:
        """When a node that is started at `start` has all that it reads, one copy after the other on each link.

        `where` says where that was (or will be) written. With `look` nothing is moved.
        """
        last = start
        processors = self._estimator._soc.processors
        busy = self.free.copy() if look and node.copies else self.free
        for copy in node.copies:
            if copy.source in where:
                link = copy.links.get((processors[where[copy.source]].cluster, processors[place].cluster))
                if link is not None:
                    busy[link] = max(start, busy.get(link, 0)) + self._estimator.copy(copy.node, link)
                    last = max(last, busy[link])
        return last

    def cost(self, node: NodeSpec, place: int, start: int = 0, look: bool = False) -> int:
        """The time in ns before a node makes progress on a processor: the scheduler, the switch, loads of weights.

        It starts at `start`, in ns from now: what is on its way then it waits for. With `look` nothing is moved.
        """
        soc = self._estimator._soc
        cost: int = soc.scheduling + soc.processors[place].context_switch
        about = node.hardware
        there = begin = soc.now + start
        for key, memory in self._estimator._memories(node, place):
            assert about is not None
            imagined = self._memories.get(key)
            if look:
                held = memory if imagined is None else imagined
                there = held.there(about.network, about.weights, there)
                continue
            if imagined is None:
                imagined = self._memories[key] = memory.imagined(self._note(memory))
            there = imagined.fetch(about.network, about.weights, (), there)
        return cost + there - begin

    def again(self, segment: Segment, place: int) -> int:
        """The time in ns before a segment that has been taken off makes progress on a processor."""
        segment = raw(segment)
        soc = self._estimator._soc
        processor = soc.processors[place]
        cost: int = soc.core.start_costs.expected(segment, processor) + soc.expected_wait(segment, processor)
        return cost

    def owed(self, task: TaskState) -> int:
        """The time in ns to bring back what loads have thrown out of the weights of a task's own variants."""
        task = raw(task)
        if not self.thrown:
            return 0
        own = {node.hardware.network for node in task.spec.all_nodes if node.hardware is not None}
        return sum(time for network, time in self.thrown if network in own)

    def _note(self, memory: Residency) -> Callable[[str, int, bool], None]:
        def note(network: str, size: int, came: bool) -> None:
            if not came:
                self.thrown.append((network, memory.time(size)))

        return note

    def free_at(self, place: int) -> int:
        """When a processor is free, in ns from now."""
        return self.free.get(self._estimator.servers[place], 0)

    def _take(self, place: int, until: int) -> None:
        server = self._estimator.servers[place]
        self.free[server] = max(until, self.free.get(server, 0))


def _node_of(task: TaskState, exit_: int | None) -> int | None:
    """The node whose end is exit number `exit_` of a task."""
    quality = task.spec.quality
    return None if exit_ is None or quality is None else quality.exits[exit_].node
