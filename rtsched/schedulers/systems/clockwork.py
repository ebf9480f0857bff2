"""Clockwork: one model at a time on each accelerator, in batches, by the latest start that keeps a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.job import READY
from rtsched.errors import SchedulerError
from rtsched.schedulers.devices import PLAIN, Device, DeviceScheduler, batch_of, in_line, needs_devices
from rtsched.schedulers.parameters import duration

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec


class Instance:
    """A model on a device: for each batch size a queue of requests, as only some can wait for larger batches."""

    def __init__(self, number: int, device: Device, sizes: tuple[int, ...]) -> None:
        self.number = number
        self.device = device
        self.queues: dict[int, list[Segment]] = {size: [] for size in sizes}

    def tidy(self) -> None:
        """Leave out what has been started elsewhere, or is over."""
        for size, queue in self.queues.items():
            self.queues[size] = [segment for segment in queue if segment.state == READY]


class Clockwork(DeviceScheduler):
    """Batches by latest start: the strategy (model, batch size) that must start first, then the largest batch in time.

    Gujarati et al., "Serving DNNs like clockwork: performance predictability from the bottom up", OSDI 2020, with the
    rules of its public code (the controller ``infer5``). A request (a node of a job, due when the job is, less what
    must follow it) joins a queue for each batch size of its model. Whenever a device is free the strategy with the
    least latest start is looked at: the deadline of the first in its queue, less the expected time of the batch. From
    each queue of that model those leave that cannot be in time in such a batch; it takes the largest size up to which
    all queues hold enough, and if that is less than the strategy asked for the next one is looked at. Requests before
    the last taken one leave with it. Who is in no queue of any device any more is refused, and so is who waits at its
    deadline: nothing starts that is not expected in time. Queues are in the order of deadlines (the code: of arrival,
    for deadlines that are all as long). `buffer` is how much before its deadline a request shall be done (the code:
    5 ms, for its network).

    Models are what one `batch` name says, else a node of a task. Where the memory for weights of a device does not hold
    one, it is loaded while others compute, one at a time: that with the largest sum of time / deadline over its
    waiting requests, those first that no device holds (the code's tracker is finer). Here the controller is beside the
    device: nothing is sent ahead, and a window never closes on the way. Guarantees that with correct estimates all
    that starts is in time; fails on models that are rarely asked for, where loading takes most of the deadline. A
    task's CPU nodes go by priority.
    """

    claims = frozenset({"symmetric"})  # it waits for windows
    preemption = "nonpreemptive"
    reads = frozenset({"batch"})
    alone = "it starts batches of whole models in the time that was planned for them"

    def __init__(self, buffer: int | str | None = None) -> None:
        self.buffer = 0 if buffer is None else duration(buffer, "clockwork: buffer")

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "clockwork")
        for task in soc.tasks:
            if task.adaptive:
                raise SchedulerError(
                    f"clockwork: task {task.name!r} may go several ways, and a batch is planned for one; leave its "
                    "variants, exits and branches out"
                )
        #: by task and node, the time that what follows is believed to need
        self.after = [_tails(soc, task.nodes) for task in soc.tasks]
        self.instances: dict[tuple[object, int], Instance] = {}
        self.memories = [self._has_memory(place) for place in soc.processors]

    def _has_memory(self, place: Processor) -> bool:
        """Whether weights have to be brought to a processor."""
        hardware = self.soc.system.hardware
        if hardware is None or place.kind in PLAIN:
            return False
        memory = hardware.platform.memory
        unit = next(unit for unit in hardware.units if place.index in unit.processors)
        return unit.description.weights is not None or (memory is not None and memory.load_bandwidth is not None)

    # ---- requests --------------------------------------------------------------------------------------------------

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        super().on_ready(job, segments)
        for segment in self.waiting:
            if segment.job is job and segment in segments:
                for instance in self.instances_of(segment):
                    for queue in instance.queues.values():
                        queue.append(segment)
                        queue.sort(key=self.rank)

    def on_deadline(self, job: Job) -> None:
        if any(segment.job is job and segment.state == READY for segment in self.waiting):
            self.soc.drop(job, reason="no device was free for it before its deadline")

    def instances_of(self, segment: Segment) -> list[Instance]:
        """Its model on each device that can run it; one by itself where it cannot be in a batch."""
        node, found = segment.node, []
        single = segment.processor is not None or bool(node.copies)
        for device in self.devices:
            place = self.processor(node, device)
            if place is not None:
                model: object = segment
                if not single:
                    name = (segment.job.task.index, node.index)
                    model = name if node.batch is None else batch_of(node, place.index)
                key = (model, device.index)
                if key not in self.instances:
                    about = () if node.batch is None or single else node.batch.sizes[place.index]
                    sizes = tuple(dict.fromkeys((1, *(size for size, _ in about))))
                    self.instances[key] = Instance(len(self.instances), device, sizes)
                found.append(self.instances[key])
        return found

    def processor(self, node: NodeSpec, device: Device) -> Processor | None:
        """Where on a device a node would run: it has one model at a time, whatever it is seen as."""
        return next((each for each in device.processors if each.index in node.eligible), None)

    def due(self, segment: Segment) -> int:
        """When a request shall be done."""
        return segment.job.deadline - self.after[segment.job.task.index][segment.node.index] - self.buffer

    def rank(self, segment: Segment) -> tuple[int, ...]:
        """By the time at which requests are due, then first come, first served."""
        return (self.due(segment), *in_line(segment))

    def expected(self, segment: Segment, device: Device, size: int) -> int:
        """The time in ns that a batch of so many like it is believed to need there."""
        place = self.processor(segment.node, device)
        assert place is not None
        time = self.soc.expected_batch(segment, place, size)
        assert time is not None
        return time

    # ---- decisions -------------------------------------------------------------------------------------------------

    def share(self) -> None:
        for device in self.devices:
            if all(each.segment is None for each in device.processors):
                self._serve(device)
            self._load(device)
        alive = {segment for each in self.instances.values() for segment in each.queues[1]}
        for segment in self.waiting:
            if segment.state == READY and segment not in alive:
                self.soc.drop(segment.job, reason="no batch on any device would have it done in time")

    def _serve(self, device: Device) -> None:
        """Take the strategies of a device, the least latest start first, until one can be started."""
        mine = [each for each in self.instances.values() if each.device is device]
        most: dict[Instance, int] = {}
        for instance in mine:
            instance.tidy()
            if instance.queues[1] and self._missing(instance) is None:
                most[instance] = max(instance.queues)
        while most:
            strategies = [
                (self.due(queue[0]) - self.expected(queue[0], device, size), size, instance.number, instance)
                for instance, limit in most.items()
                for size, queue in instance.queues.items()
                if size <= limit and queue
            ]
            _, size, _, instance = min(strategies, key=lambda strategy: strategy[:3])
            if self._dequeue(instance, size):
                return
            most[instance] = size - 1
            most = {each: limit for each, limit in most.items() if limit and each.queues[1]}

    def _dequeue(self, instance: Instance, least: int) -> bool:
        """Start the largest batch of a model that is in time, if it is not smaller than `least`."""
        now, device, queues = self.soc.now, instance.device, instance.queues
        for size, queue in queues.items():
            while queue and self.due(queue[0]) < now + self.expected(queue[0], device, size):
                queue.pop(0)
        chosen = 1
        for size, queue in queues.items():
            if len(queue) < size:
                break
            chosen = size
        if chosen < least or len(queues[chosen]) < chosen:
            return False
        batch = queues[chosen][:chosen]
        last = self.rank(batch[-1])
        for size, queue in queues.items():
            queues[size] = [segment for segment in queue if self.rank(segment) > last]
        place = self.processor(batch[0].node, device)
        assert place is not None
        self.soc.start_batch(batch, place)
        return True

    # ---- weights ---------------------------------------------------------------------------------------------------

    def _missing(self, instance: Instance) -> str | None:
        """The network of a model whose weights are not (yet) in the memory of its device, if that has one."""
        node = instance.queues[1][0].node
        place = self.processor(node, instance.device)
        if place is None or node.hardware is None or not node.hardware.weights or not self.memories[place.index]:
            return None
        network = node.hardware.network
        return None if self.soc.resident(place).get(network, 1) == 0 else network

    def _load(self, device: Device) -> None:
        """Bring the model that is missed most to a device, one at a time; without room it is started as it is."""
        place = device.processors[0]
        if not self.memories[place.index] or any(self.soc.resident(place).values()):
            return
        missed = [each for each in self.instances.values() if each.device is device and each.queues[1]]
        missed = [each for each in missed if self._missing(each) is not None]
        if not missed:
            return
        instance = min(missed, key=lambda each: (self._held(each), -self._demand(each), each.number))
        network, there = self._missing(instance), self.processor(instance.queues[1][0].node, device)
        assert network is not None
        assert there is not None
        if not self.soc.load(network, there) and all(each.segment is None for each in device.processors):
            self._dequeue(instance, 1)

    def _held(self, instance: Instance) -> bool:
        """Whether another device has the model."""
        node = instance.queues[1][0].node
        name = "" if node.hardware is None else node.hardware.network
        others = [each.processors[0] for each in self.devices if each is not instance.device]
        return any(name in self.soc.resident(place) for place in others)

    def _demand(self, instance: Instance) -> Fraction:
        """How much of the device the requests that wait for a model ask for."""
        queue, device = instance.queues[1], instance.device
        return sum((Fraction(self.expected(each, device, 1), each.job.task.deadline) for each in queue), Fraction(0))


def _tails(soc: Soc, nodes: Sequence[NodeSpec]) -> list[int]:
    """For each node the longest time that the nodes behind it are believed to need, on their fastest processors."""
    found: dict[int, int] = {}

    def tail(node: NodeSpec) -> int:
        if node.index not in found:
            later = [nodes[index] for index in node.successors]
            found[node.index] = max((soc.beliefs.fastest(each) + tail(each) for each in later), default=0)
        return found[node.index]

    return [tail(node) for node in nodes]
