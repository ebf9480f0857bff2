"""One piece of hardware at run time: a core, an accelerator, a GPU, with the processors it serves as."""

from __future__ import annotations

from math import ceil, exp
from typing import TYPE_CHECKING, SupportsIndex

from rtsched.engine.chip.power import Domain, point_index
from rtsched.engine.chip.residency import Residency
from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.gpu.blocks import ONE
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.job import Segment
from rtsched.engine.processor import Processor
from rtsched.model.taskgraph import NodeSpec, UnitSpec
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip

#: Powers are in nW: a nJ per ns is a W.
NANOWATTS_PER_NJ_PER_NS = 10**9


class Unit:
    """One piece of hardware at run time, with the processors it serves as."""

    def __init__(self, spec: UnitSpec, chip: Chip) -> None:
        self.spec = spec
        self.chip = chip
        self.processors: list[VariableSpeedProcessor] = []
        self.domain: Domain | None = None
        self.gpu: Gpu | None = None
        self.busy = 0
        self.working = False
        cluster = spec.description
        weights = cluster.weights
        self.weights = None if weights is None else Residency(weights.capacity, weights.bandwidth, self._moved)
        self.checkpoint = cluster.checkpoint
        self.isolated = cluster.block_level is not None and cluster.block_level.mig is not None
        self.shared = cluster.contexts > 1 and cluster.sharing == "equal"
        self.costly = weights is not None or chip.storage is not None or self.checkpoint is not None

    def _moved(self, network: str, size: int, came: bool) -> None:
        place = self.spec.processors[0]
        self.chip.note(log.LOAD if came else log.EVICT, place, size)

    # ---- costs before a start ------------------------------------------------------------------------------------

    def state(self, segment: Segment) -> int:
        """The bytes that a checkpoint of `segment` puts aside here."""
        assert self.checkpoint is not None
        about = segment.node.hardware
        own = None if about is None else about.state
        return self.checkpoint.state if own is None else own

    def moving_time(self, state: int) -> int:
        """The time in ns to put so many bytes aside, or to bring them back."""
        assert self.checkpoint is not None
        return max(1, -(-state * 10**9 // self.checkpoint.bandwidth))

    def saving_time(self, segment: Segment) -> int:
        """The time in ns to put a running segment aside, and to bring it back here."""
        return self.moving_time(self.state(segment))

    def extra(self, processor: VariableSpeedProcessor, segment: Segment, after: int) -> int:
        """The time in ns that `segment` still waits for its weights when `after` ns have passed."""
        return self._fetch(processor, segment, self.chip.loop._now + after)

    def rest(self, processor: VariableSpeedProcessor, segment: Segment, after: int) -> int:
        """As `extra`, for one that goes on at the instant at which it was stopped.

        They are where they were, but for what the policy itself moved.
        """
        return 0 if self.chip.loads is None else self.extra(processor, segment, after)

    def _fetch(self, processor: VariableSpeedProcessor, segment: Segment, at: int) -> int:
        """The time in ns from `at` until the weights of `segment` are here."""
        about = segment.node.hardware
        if about is None or not about.weights:
            return 0
        there = at
        if self.chip.storage is not None:
            there = self.chip.storage.fetch(about.network, about.weights, self.chip.networks_in_use(), there)
        if self.weights is not None:
            there = self.weights.fetch(about.network, about.weights, self.networks_in_use(processor), there)
        return there - at

    def networks_in_use(self, but: VariableSpeedProcessor | None = None) -> set[str]:
        """The networks whose nodes run here (on all its processors but one)."""
        others = [p.segment for p in self.processors if p is not but and p.segment is not None]
        return {other.node.hardware.network for other in others if other.node.hardware is not None}

    # ---- powers --------------------------------------------------------------------------------------------------

    def active_power(self) -> int:
        """What it draws when busy, in nW."""
        if self.domain is not None:
            return self.domain.power() + self._leakage()
        power = self.spec.description.power
        return 0 if power is None else (power.active or 0) * 1000

    def idle_power(self) -> int:
        """What it draws when idle, in nW."""
        power = self.spec.description.power
        return 0 if power is None else power.idle * 1000 + self._leakage()

    def _leakage(self) -> int:
        """Static power in nW at the present voltage and the temperature last noted."""
        power = self.spec.description.power
        if power is None or power.leakage is None or self.domain is None:
            return 0
        heat = self.chip.heat
        kelvin = 273.15 + (25.0 if heat is None else heat.temperature)
        volts = self.domain.volts[self.domain.index]
        about = power.leakage
        return round(1e9 * volts * (about.c1 * kelvin**2 * exp(-about.c2 / kelvin) + about.gate))

    def table_power(self, processor: VariableSpeedProcessor, segment: Segment) -> int | None:
        """The power that spreads a node's measured energy over its work; None if it has none."""
        about = segment.node.hardware
        energy = about.energy[processor.index] if about is not None and about.energy else None
        if energy is None or not segment.demand:
            return None
        batches = self.chip.core.batches
        if batches is not None:
            energy = batches.believed(segment, energy)  # of a batch as much more as it takes longer
        return energy * NANOWATTS_PER_NJ_PER_NS * processor.speed // (segment.demand * ONE)

    def at_clock(
        self, processor: Processor, segment: Segment, frequency: SupportsIndex | None, time: int
    ) -> tuple[int, int]:
        """(time in ns, energy in nJ) of a whole node, alone, at one of the clocks (None: the highest).

        `time` is what it takes at the clock for which times are given.
        """
        power, index = self.active_power(), None
        if self.domain is not None:
            domain = self.domain
            index = domain.highest if frequency is None else point_index(domain, None, frequency)
            power = domain.powers[index]
        taken = self.time_at(segment.node, processor.index, index, time)
        about = segment.node.hardware
        energy = about.energy[processor.index] if about is not None and about.energy else None
        return taken, power * taken // NANOWATTS_PER_NJ_PER_NS if energy is None else energy

    def time_at(self, node: NodeSpec, place: int, point: int | None, time: int) -> int:
        """The time in ns of a whole node on processor `place`, alone, at an operating point (None: without one).

        `time` is what it takes at the clock for which times are given.
        """
        if self.domain is None or point is None:
            return time
        use = node.hardware.memory[place] if node.hardware is not None and node.hardware.memory else None
        bound = 0.0 if use is None else use.bound
        return ceil(time * ((1 - bound) * self.domain.scales[point] + bound))

    def traffic(self, processor: VariableSpeedProcessor, segment: Segment) -> float:
        """The bytes per second that `segment` moves at present."""
        about = segment.node.hardware
        use = about.memory[processor.index] if about is not None and about.memory else None
        return 0.0 if use is None else use.demand * processor.speed / ONE
