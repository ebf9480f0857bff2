"""Weights that come layer by layer while the layer before computes, and go when their layer is done."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cmp_to_key
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rtsched import units
from rtsched.engine.job import DEAD, DONE, RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec

#: How many layers from the one at work on may be in the buffer (0: as many as fit).
DEPTHS = {"sequential": 1, "synchronous": 2, "asynchronous": 0}


class Buffer(NamedTuple):
    """The part of a memory that layers are streamed through: the memory's number and how many bytes."""

    number: int
    size: int


class Layer(NamedTuple):
    """The weights of a node: how many bytes, and a processor that they are brought to."""

    size: int
    processor: Processor


class DemandLayering(Adaptation):
    """Demand Layering: the weights of a network are read layer by layer while it computes, and kept for no longer.

    Ji et al., "Demand Layering for real-time DNN inference with minimized memory usage", RTSS 2022; the abstract and
    the public code of its pipelines were read. A layer is a node with weights of its own. Its weights are read from
    storage (the `bandwidth` of the memory's `weights`, or the `load_bandwidth`) in the order of the nodes, and thrown
    out when it is done. ``pipeline: sequential`` reads nothing ahead; ``synchronous`` the next node's while a node
    computes (two buffers, neither goes on before both are done); ``asynchronous`` reads on as long as `buffer` (a size,
    else the memory's capacity) holds what has been read and is not done. More of it costs memory and saves time. This
    is the code's pipeline of two stages, for memory that GPU and CPU share. Where DRAM and the processor both hold
    weights (its three stages, read and copy), a layer stays in DRAM until the room there is needed.

    With one network at work on a memory, and its nodes in a chain, no more than the buffer is ever held, and the
    response is that of the pipeline. What begins in another order brings its own weights at its start, beside the
    buffer; several jobs are in line as the policy is believed to serve them. It fails where layers are read for longer
    than they compute, and for whoever waits behind reads for others. Needs layers, and a buffer that holds the largest.
    """

    claims = GREEDY - {"symmetric"}

    def __init__(self, pipeline: str = "asynchronous", buffer: int | str | None = None) -> None:
        if pipeline not in DEPTHS:
            raise InputError(f"pipeline: must be {', '.join(DEPTHS)} (found {pipeline!r})")
        self.depth = DEPTHS[pipeline]
        self.size = units.parse_size(buffer) if isinstance(buffer, str) else buffer
        if self.size is not None and self.size <= 0:
            raise InputError(f"buffer: must be positive (found {buffer!r}); e.g. 16 MB")

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.open: dict[int, Job] = {}
        #: by task and node, the buffer of its layer
        self.buffers: dict[tuple[int, int], Buffer] = {}
        #: by memory, the layers that are streamed there, by name
        self.layers: dict[Buffer, dict[str, Layer]] = {}
        for task in soc.tasks:
            if len({node.hardware.network for node in _nodes(task) if node.hardware and node.hardware.weights}) > 1:
                for node in task.nodes:
                    self._place(task, node)
        if not any(self.layers.values()):
            raise SchedulerError(
                "adaptation 'demand-layering': no task has layers to read one by one; give the nodes of a graph "
                "'weights', and the cluster 'weights: {capacity: …, bandwidth: …}' (or the platform's memory a "
                "'load_bandwidth')"
            )

    def _place(self, task: TaskState, node: NodeSpec) -> None:
        """Note the buffer of a node and its layers, if the placement leaves it a single memory."""
        places = self.estimator.places(task, node)
        found = {buffer for place in places for buffer in self._next_to(place)}
        if len(found) != 1:
            return
        buffer = self.buffers[task.index, node.index] = found.pop()
        layers = self.layers.setdefault(buffer, {})
        for form in (node, *(variant.nodes[node.index] for variant in variants_of(task))):
            size = form.hardware.weights if form.hardware else 0
            if size > buffer.size:
                raise SchedulerError(
                    f"adaptation 'demand-layering': the weights of node {form.name!r} of task {task.name!r} are "
                    f"{units.format_size(size)}, and the buffer holds {units.format_size(buffer.size)}; give it more, "
                    "or split the node"
                )
            if form.hardware and size:
                layers[form.hardware.network] = Layer(size, self.soc.processors[places[0]])

    def _next_to(self, place: int) -> Iterator[Buffer]:
        """The buffer next to a processor: in the memory of its cluster, else in DRAM."""
        hardware = self.soc.system.hardware
        unit = next((unit for unit in hardware.units if place in unit.processors), None) if hardware else None
        if hardware is None or unit is None:
            return
        own, shared = unit.description.weights, hardware.platform.memory
        capacity: int | None = None
        number = unit.index
        if own is not None:
            capacity = own.capacity
        elif shared is not None and shared.load_bandwidth is not None:
            capacity, number = shared.capacity or self.size, -1
            if capacity is None:
                raise SchedulerError(
                    "adaptation 'demand-layering': the memory has no end; give it a 'capacity', or the policy a "
                    "'buffer'"
                )
        if capacity is not None:
            yield Buffer(number, min(capacity, self.size or capacity))

    # ---- events ----------------------------------------------------------------------------------------------------

    def on_release(self, job: Job) -> None:
        self.open[job.number] = job

    def on_job_end(self, job: Job) -> None:
        self.open.pop(job.number, None)

    def settle(self) -> None:
        for buffer in self.layers:
            self._stream(buffer)

    def _stream(self, buffer: Buffer) -> None:
        """Throw out what is done, and read what comes next, as far as the buffer holds it."""
        soc, layers = self.soc, self.layers[buffer]
        wanted, room = [], buffer.size
        for segment in islice(self._line(buffer), self.depth or None):
            name = "" if segment.node.hardware is None else segment.node.hardware.network
            if name in layers and name not in wanted:
                room -= layers[name].size
                if room < 0:
                    break
                wanted.append(name)
        some = next(iter(layers.values())).processor
        for name in soc.resident(some):
            if name in layers and name not in wanted:
                soc.evict(name, layers[name].processor)
        if self.depth == 1:
            return  # its start brings it
        inside = soc.resident(some)
        room = buffer.size - sum(layers[name].size for name in inside if name in layers)
        for name in wanted:
            if name not in inside:
                room -= layers[name].size
                if room < 0 or not soc.load(name, layers[name].processor):
                    return

    def _line(self, buffer: Buffer) -> Iterator[Segment]:
        """What is not done and streamed through a buffer: job by job, those that run first; nodes in their order."""
        for job in sorted(self.open.values(), key=cmp_to_key(self._compare)):
            skipped = self.estimator.form(job.task, job.path.variant).skipped if variants_of(job.task) else ()
            for segment in job.segments:
                index = segment.node.index
                if segment.state not in (DONE, DEAD) and index not in skipped:
                    if self.buffers.get((job.task.index, index)) == buffer:
                        yield segment

    def _compare(self, one: Job, other: Job) -> int:
        runs, other_runs = (any(each.state == RUNNING for each in job.segments) for job in (one, other))
        if runs != other_runs:
            return -1 if runs else 1
        return -1 if self.estimator.before(one, other) else 1


def _nodes(task: TaskState) -> Iterator[NodeSpec]:
    """The nodes of a task, in all of its variants."""
    yield from task.nodes
    for variant in variants_of(task):
        yield from variant.nodes
