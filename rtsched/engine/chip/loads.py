"""Weights that a policy moves itself: loads ahead of time, which overlap computing, and evictions."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from rtsched.engine.chip.residency import Residency
from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.engine.processor import Processor
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip


class Loads:
    """What a policy asked to be loaded; a run in which no policy asks has none.

    Each memory loads one network at a time, in the order in which they were asked for. A load that goes through DRAM is
    first loaded there, then from there.
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def load(self, what: str | TaskState, processor: Processor) -> bool:
        """Begin to load a network, or those of a task, in the order of its nodes; whether all had room."""
        sizes = self._sizes(what, processor, "load")
        took = [self._load(network, size, processor) for network, size in sizes.items()]
        return all(took)

    def _load(self, network: str, size: int, processor: Processor) -> bool:
        chip = self.chip
        memories = [(memory, self._in_use(number)) for number, memory in chip.memories(processor.index)]
        if not all(memory.has_room(network, size, used) for memory, used in memories):
            return False
        at = chip.loop._now
        coming: list[tuple[Residency, int]] = []
        for memory, used in memories:
            if network in memory.inside:
                at = memory.fetch(network, size, used, at)
            else:
                at = memory.load(network, size, used, at)
                coming.append((memory, at))
        for position, (memory, there) in enumerate(coming, 1):
            arrive = partial(self._arrive, memory, network, processor, position == len(coming))
            chip.loop.arm(Alarm(chip.loop, TIMER, arrive), there)
        return True

    def _arrive(self, memory: Residency, network: str, processor: Processor, last: bool) -> None:
        """The weights are there: note it, and tell the policy when they have come all the way."""
        del memory.arrives[network]
        chip = self.chip
        if not chip.alive():
            return
        unit = chip.unit_of[processor.index]
        if memory is unit.weights:
            chip.note(log.LOADED, unit.spec.processors[0], memory.inside[network])
        if last:
            chip.tell([processor.index], "loaded")

    def evict(self, what: str | TaskState, processor: Processor) -> bool:
        """Throw a network, or those of a task, out of the memory next to a processor; whether none is left there."""
        sizes = self._sizes(what, processor, "evict")
        number, memory = self.chip.memories(processor.index)[-1]
        used = self._in_use(number)
        gone = [memory.evict(network, used) for network in sizes]
        return all(gone)

    def _in_use(self, number: int) -> Collection[str]:
        """The networks that run with their weights in a memory."""
        chip = self.chip
        return chip.networks_in_use() if number < 0 else chip.units[number].networks_in_use()

    def _sizes(self, what: str | TaskState, processor: Processor, action: str) -> dict[str, int]:
        """The networks that are meant, with the bytes of their weights."""
        if isinstance(what, TaskState):
            nodes = what.nodes
        else:
            nodes = tuple(node for task in self.chip.core.tasks for node in task.spec.all_nodes)
        sizes: dict[str, int] = {}
        for node in nodes:
            if node.hardware is not None and node.hardware.weights and node.times[processor.index] is not None:
                sizes.setdefault(node.hardware.network, node.hardware.weights)
        named = _named(action, what, processor)
        if isinstance(what, TaskState):
            if not sizes:
                raise SchedulerError(f"{named}: no node of this task has weights and can run there")
            return sizes
        if what not in sizes:
            needed = ", ".join(sizes) or "none"
            raise SchedulerError(f"{named}: no such weights are needed there (these are: {needed})")
        return {what: sizes[what]}


def _named(action: str, what: str | TaskState, processor: Processor) -> str:
    return f"{action} of {(what.name if isinstance(what, TaskState) else what)!r} on {processor!r}"


def refuse_load(action: str, what: str | TaskState, processor: Processor) -> NoReturn:
    """Say that weights cannot be moved where there is no memory for them."""
    raise SchedulerError(
        f"{_named(action, what, processor)}: it has no memory for weights; give its cluster "
        "'weights: {capacity: …, bandwidth: …}', or the platform's memory a 'load_bandwidth'"
    )
