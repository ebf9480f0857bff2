"""ApNet with layer sharing: who waits for the same layer shares it, and what that saves lowers the approximation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.job import READY
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.apnet import best_layers
from rtsched.schedulers.devices import DeviceScheduler, batch_of, in_line, needs_devices
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import BatchSpec, NodeSpec


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a task where it is at home: the (time, loss) of each degree; layers of one `key` can be shared.

    `cost` is what a start costs there in ns; of layers that are not shared the key is None.
    """

    degrees: tuple[tuple[int, float], ...]
    place: int
    cost: int
    key: Hashable
    batch: BatchSpec | None

    @property
    def most(self) -> int:
        """How many may share it."""
        return 1 if self.key is None or self.batch is None else self.batch.sizes[self.place][-1][0]

    def shared(self, count: int) -> list[tuple[int, float]]:
        """The time of each degree if so many share it, and what they lose together."""
        ratio = None if self.batch is None else self.batch.ratio(self.place, count)
        times = count if ratio is None else ratio
        return [(self.cost + ceil(time * times), loss * count) for time, loss in self.degrees]


class ApNetSharing(DeviceScheduler):
    """In the style of ApNet with its sharing: requests for one layer run as one, and all are approximated less for it.

    Bateni and Liu, "ApNet: approximation-aware real-time neural network", RTSS 2018; the abstract was read; our
    definition is: each accelerator has a queue of layers, in which requests for the same layer (a `batch` of that name,
    alike in all degrees) stand together, up to the largest batch, in the place of their earliest deadline. When it is
    free the first goes, with as many of those beside it, by deadline, as make nobody late at the least degrees. The
    degree (variant) is chosen for the layer and all that follow in that first job, as `apnet-style` does: the least
    loss, of all who share, within a budget. It is chosen anew at each layer.

    Who shares now is taken to go on sharing as long as layers are the same. The budget lies between the times of the
    job at its least and at its best degrees: as far from the least, in proportion, as would leave all jobs that wait
    there in time, in the order of deadlines, if all lay so; a job that is late in any case asks for nothing, and has
    its least. Only `share` of what is left until each deadline counts.

    Needs chains, whose variants allow ``switch: node`` and leave nothing out, and times by batch size. Loads and copies
    are not counted. Where one accelerator serves all, and nothing is shared, jobs that are there and would keep their
    deadlines at the least degrees keep them, as far as expectations hold; it fails where later ones need the time
    (`share` leaves them some). Other processors go by priority.
    """

    preemption = "nonpreemptive"
    reads = frozenset({"batch"})
    takes = frozenset({"admission", "speed"})
    alone = "it chooses the degree of each layer itself"

    def __init__(self, share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise InputError(f"apnet-sharing-style: share {share!r} is no part of the deadline above 0 and at most 1")
        self.part = share

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "apnet-sharing-style")
        for task in soc.tasks:
            _check(task)
        self.version = soc.beliefs.version
        self.layers: dict[tuple[int, int], Layer] = {}

    # ---- layers --------------------------------------------------------------------------------------------------

    def layer(self, task: TaskState, index: int) -> Layer:
        """A node of a task in all its degrees."""
        if self.soc.beliefs.version != self.version:
            self.version = self.soc.beliefs.version
            self.layers.clear()
        found = self.layers.get((task.index, index))
        if found is None:
            found = self.layers[task.index, index] = self._layer(task, index)
        return found

    def _layer(self, task: TaskState, index: int) -> Layer:
        forms = [each.nodes[index] for each in variants_of(task)] or [task.nodes[index]]
        place = min(forms[0].eligible, key=lambda place: (self._time(forms[0], place), place))
        alike = place in self.device_of and all(
            each.batch is not None and each.batch.sizes[place] and not each.copies for each in forms
        )
        key = tuple(batch_of(each, place) for each in forms) if alike else None
        losses = _losses(task, index)
        degrees = tuple((self._time(each, place), loss) for each, loss in zip(forms, losses, strict=True))
        cost = self.soc.scheduling + self.soc.processors[place].context_switch
        return Layer(degrees, place, cost, key, forms[0].batch)

    def rest(self, segment: Segment) -> list[Layer]:
        """The layers of a job from one on that is ready; one that has begun goes on alone, as it is."""
        task = segment.job.task
        found = [self.layer(task, index) for index in range(segment.node.index, len(task.nodes))]
        if segment.processor is not None:
            found[0] = Layer(((self.soc.remaining(segment), 0.0),), segment.processor.index, found[0].cost, None, None)
        return found

    # ---- the queue -----------------------------------------------------------------------------------------------

    def share(self) -> None:
        for device in self.devices:
            line = sorted((each for each in self.waiting if self.device(each) is device), key=_rank)
            while line and all(each.segment is None for each in device.processors):
                self._serve(self._gathered(line))
                line = [each for each in line if each.state == READY]

    def _gathered(self, line: Sequence[Segment]) -> list[list[Segment]]:
        """Who waits for the same layer, together, in the order of the earliest deadlines."""
        groups: list[list[Segment]] = []
        last: dict[Hashable, list[Segment]] = {}
        for segment in line:
            layer = self.rest(segment)[0]
            group = last.get(layer.key) if layer.key is not None else None
            if group is None or len(group) >= layer.most:
                group = last[layer.key] = []
                groups.append(group)
            group.append(segment)
        return groups

    def _serve(self, groups: list[list[Segment]]) -> None:
        """Start the layer of the first group, in the best degree that all deadlines allow."""
        groups = self._divided(groups)
        group = groups[0]
        layers = next(self._shares(group))[1]
        degree = best_layers(layers, self._budget(groups))[0]
        for segment in group:
            self._choose(segment, degree)
        processor = self.soc.processors[self.rest(group[0])[0].place]
        if len(group) == 1:
            self.soc.start(group[0].job, group[0], processor)
        else:
            self.soc.start_batch(group, processor)

    def _divided(self, groups: list[list[Segment]]) -> list[list[Segment]]:
        """The groups, the first with as many as make nobody late at the least degrees; the rest of it apart."""
        group, others = groups[0], groups[1:]
        ways = [[group[:count], *others, group[count:]] for count in range(1, len(group))]
        late = [sum(spare < 0 for *_, spare in self._needs(way)) for way in (*ways, groups)]
        best = max(number for number, each in enumerate(late) if each <= late[0])
        return (*ways, groups)[best]

    def _shares(self, group: Sequence[Segment]) -> Iterator[tuple[Segment, list[list[tuple[int, float]]]]]:
        """Each of a group with the layers that it runs; a shared one is run by the first of those who share it."""
        rests = [self.rest(each) for each in group]
        marks = [[(step, each.key) for step, each in enumerate(rest)] for rest in rests]
        counts = Counter(mark for each in marks for mark in each if mark[1] is not None)
        done: set[tuple[int, Hashable]] = set()
        for segment, rest, own in zip(group, rests, marks, strict=True):
            todo = [(layer, mark) for layer, mark in zip(rest, own, strict=True) if mark not in done]
            yield segment, [layer.shared(counts.get(mark, 1)) for layer, mark in todo]
            done.update(mark for mark in own if mark[1] is not None)

    def _needs(self, groups: Sequence[Sequence[Segment]]) -> list[tuple[int, int, int]]:
        """Of all jobs by deadline: their time at the least degrees, at the best, and what the least leave to spare."""
        jobs = [(_rank(each), _least(own), _full(own)) for group in groups for each, own in self._shares(group)]
        found, before = [], 0
        for (due, *_), least, full in sorted(jobs):
            before += least
            found.append((least, full, int((due - self.soc.now) * self.part) - before))
        return found

    def _budget(self, groups: Sequence[Sequence[Segment]]) -> int:
        """The time in ns that the first job may take from now on; of one that is late in any case its least."""
        needs = self._needs(groups)
        least, full, spare = needs[0]
        if spare < 0:
            return least
        part, more = Fraction(1), 0
        for quickest, best, spare in needs:
            more += best - quickest
            if 0 <= spare < more:
                part = min(part, Fraction(spare, more))
        return least + int(part * (full - least))

    def _choose(self, segment: Segment, degree: int) -> None:
        quality = segment.job.task.spec.quality
        if quality is not None and quality.variants and segment.processor is None:
            self.soc.reconfigure(segment.job, degree, [segment.node.index] if quality.switch else None)


def _least(layers: Sequence[Sequence[tuple[int, float]]]) -> int:
    """The time of some layers, each at its quickest degree."""
    return sum(min(degrees)[0] for degrees in layers)


def _full(layers: Sequence[Sequence[tuple[int, float]]]) -> int:
    """The time of some layers, each at its best degree."""
    return sum(degrees[0][0] for degrees in layers)


def _losses(task: TaskState, index: int) -> list[float]:
    """What each degree of a layer loses; without accuracies a later one loses more."""
    quality = task.spec.quality
    if quality is None or not quality.variants:
        return [0.0]
    best, part = quality.accuracy, quality.shares[index] if quality.shares else 1.0
    return [
        part * (float(each.index) if best is None or each.accuracy is None else best - each.accuracy)
        for each in quality.variants
    ]


def _rank(segment: Segment) -> tuple[int, ...]:
    return (segment.job.deadline, *in_line(segment))


def _check(task: TaskState) -> None:
    """Refuse what is no chain of layers that can be approximated one by one."""
    said = f"apnet-sharing-style: task {task.name!r}"
    node: NodeSpec | None = next((each for each in task.nodes[1:] if each.predecessors != (each.index - 1,)), None)
    if node is not None:
        raise SchedulerError(f"{said} is no chain at its node {node.name!r}; write its nodes in a row")
    quality = task.spec.quality
    if quality is not None and quality.variants and len(task.nodes) > 1 and not quality.switch:
        raise SchedulerError(f"{said}: its variants need 'switch: node'")
    if any(each.skipped for each in variants_of(task)):
        raise SchedulerError(f"{said}: a variant leaves out nodes; a degree has all of them")
