"""What a scheduler reads of the chip, and does to it: clocks, and the weights in its memories."""

from __future__ import annotations

from rtsched.engine.chip.loads import Loads, refuse_load
from rtsched.engine.chip.power import Domain, point_index
from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.processor import Processor
from rtsched.engine.readings import Readings
from rtsched.engine.requests import Whole
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError


class ChipHandle(Readings):
    """The part of the handle that is about the chip beside its processors."""

    def set_speed(self, cluster: str | Processor, level: Whole | None = None, frequency: Whole | None = None) -> None:
        """Set the operating point of a cluster (or of a processor's clock domain): a `level` from 0, or a `frequency`.

        A frequency between two points is rounded up to the next. It holds as soon as the switch is over, and as far as
        heat allows. Raises SchedulerError if the run has no power side, or the clock belongs to another governor.
        """
        domains = self._domains(cluster)
        for domain in domains:
            if domain.governor.name != "userspace":
                raise SchedulerError(
                    f"set_speed of {domain.name}: its clock belongs to the governor {domain.governor.name!r}; "
                    "write 'power: {governor: userspace}'"
                )
        for domain in domains:
            domain.ask(point_index(domain, level, frequency))

    def frequency(self, processor: Processor) -> int | None:
        """The clock of a processor in Hz; None where it has no operating points or the run no power side."""
        unit = None if self.core.chip is None else self.core.chip.unit_of.get(processor.index)
        return None if unit is None or unit.domain is None else unit.domain.frequency

    def frequencies(self, cluster: str | Processor) -> list[int]:
        """The clocks in Hz that a cluster can run at, ascending: level 0 is the first."""
        return list(self._domains(cluster)[0].points)

    def available(self, processor: Processor) -> bool:
        """Whether a processor is in service (it may be busy)."""
        return not (isinstance(processor, VariableSpeedProcessor) and processor.down)

    @property
    def temperature(self) -> float | None:
        """The temperature of the hottest point in °C, as last observed; None without a thermal model."""
        return None if self.core.chip is None or self.core.chip.heat is None else self.core.chip.heat.temperature

    @property
    def charge(self) -> float | None:
        """The share of the battery that is left; None without a battery."""
        return None if self.core.chip is None or self.core.chip.store is None else self.core.chip.store.charge

    @property
    def harvest(self) -> int | None:
        """The power in uW that comes into the battery now; None without a battery."""
        return None if self.core.chip is None or self.core.chip.store is None else self.core.chip.store.harvest

    def resident(self, processor: Processor) -> dict[str, int]:
        """The networks whose weights are in the memory next to `processor`, least recently used first.

        With each the ns until it is there: 0 if it is (or if a node that starts is fetching it). Empty without a memory
        for weights.
        """
        memories = [] if self.core.chip is None else self.core.chip.memories(processor.index)
        if not memories:
            return {}
        memory = memories[-1][1]
        return {network: max(0, memory.arrives.get(network, 0) - self.now) for network in memory.inside}

    def load(self, what: str | TaskState, processor: Processor) -> bool:
        """Begin to bring the weights of a network, or of a task, to `processor`, whatever that computes meanwhile.

        A memory loads one network at a time, in the order in which they were asked for; the least recently used that
        nobody runs give way at once. ``on_processor(processor, "loaded")`` says that one has come. Returns whether all
        are there or on their way: what finds no room is left out. Raises SchedulerError where there is no memory for
        weights, or nothing that needs these.
        """
        return self._loads("load", what, processor).load(what, processor)

    def evict(self, what: str | TaskState, processor: Processor) -> bool:
        """Throw the weights of a network, or of a task, out of the memory next to `processor`, if it is not in use.

        Returns whether none of them is left there: what runs, or is on its way, stays. Raises as `load` does.
        """
        return self._loads("evict", what, processor).evict(what, processor)

    def _loads(self, action: str, what: str | TaskState, processor: Processor) -> Loads:
        chip = self.core.chip
        if chip is None or not chip.memories(processor.index):
            refuse_load(action, what, processor)
        if chip.loads is None:
            chip.loads = Loads(chip)
        return chip.loads

    def _domains(self, cluster: str | Processor) -> list[Domain]:
        domains = [] if self.core.chip is None else self.core.chip.domains
        if isinstance(cluster, Processor):
            found = [d for d in domains if any(cluster.index in unit.spec.processors for unit in d.units)]
        else:
            found = [d for d in domains if cluster in (d.name, d.units[0].spec.cluster)]
        if not found:
            known = ", ".join(domain.name for domain in domains) or "none: give the system a 'power' section"
            raise SchedulerError(f"{cluster!r} has no operating points to choose from; these have: {known}")
        return found
