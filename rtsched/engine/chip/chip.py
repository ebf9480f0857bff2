"""The hardware of a run beyond plain processors: units and their speeds, what they need, draw and suffer."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from rtsched.engine.chip.battery import Store
from rtsched.engine.chip.components import Hardware
from rtsched.engine.chip.faults import Announcement, Breakdown, FaultCourse
from rtsched.engine.chip.gpus import Gpus
from rtsched.engine.chip.launches import Launches
from rtsched.engine.chip.loads import Loads
from rtsched.engine.chip.memory import Effects, SharedMemory, User
from rtsched.engine.chip.power import Domain, Meter
from rtsched.engine.chip.residency import Residency
from rtsched.engine.chip.shares import Shares
from rtsched.engine.chip.thermal import Heat
from rtsched.engine.chip.unit import Unit
from rtsched.engine.chip.variable_speed import StreamProcessor, VariableSpeedProcessor
from rtsched.engine.event_loop import NEVER, EventLoop
from rtsched.engine.gpu.blocks import ONE
from rtsched.engine.job import BATCHED, CLAIMED, DRAINING, READY, RUNNING, SPLIT, Job, Segment
from rtsched.engine.processor import Processor
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import HardwareSpec, NodeSpec, ProcessorSpec, TaskSpec
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.trace.energy import EnergyReport


class Chip(Hardware):
    """All of it. Created before the processors, which it makes."""

    def __init__(self, spec: HardwareSpec, core: Core, loop: EventLoop) -> None:
        super().__init__(loop, core.changed)
        self.spec = spec
        self.core = core
        self.horizon = NEVER
        self.processors: tuple[Processor, ...] = ()
        memory = spec.platform.memory
        self.memory = SharedMemory(spec)
        self.storage: Residency | None = None
        if memory is not None and memory.load_bandwidth is not None:
            self.storage = Residency(memory.capacity or 1 << 62, memory.load_bandwidth, lambda *_: None)
        #: what the policy moves itself, as soon as it does
        self.loads: Loads | None = None
        #: how many launches the policy allows in flight, as soon as it says so
        self.launches: Launches | None = None
        self.units = [Unit(each, self) for each in spec.units]
        self.unit_of = {place: unit for unit in self.units for place in unit.spec.processors}
        #: whether anything can be put aside, to come back from memory wherever it goes on
        self.keeps_states = any(unit.checkpoint is not None for unit in self.units)
        self.rated: list[VariableSpeedProcessor] = []
        self.gpus = Gpus(self)
        self._out_of_service: Segment | None = None
        self.domains: list[Domain] = []
        self.courses: dict[str, FaultCourse] = {}
        self.meter: Meter | None = None
        self.store: Store | None = None
        self.heat: Heat | None = None
        self.recorded: dict[int, int] = {}
        self.shares = Shares(self)
        self.failed: dict[int, int] = {}
        #: by processor: the share of its speed that each fault leaves it
        self.slowed: dict[int, dict[int, float]] = {}
        self.since = 0
        self.living = True
        self.last = 0
        self.over = NEVER
        #: the processors that can fail
        self.fallible = {
            place
            for fault in spec.faults
            if fault.speed is None
            for place in spec.rated
            if fault.processor in (core.system.processors[place].name, core.system.processors[place].cluster)
        }
        if spec.power is not None and spec.power.battery is not None and spec.power.battery.restart is not None:
            self.fallible = set(spec.rated)

    @property
    def out_of_service(self) -> Segment:
        """What "runs" on a processor that is down: nobody can start anything there, and nobody can take this off."""
        if self._out_of_service is None:
            node = NodeSpec(0, "out of service", (), preemptive=False)
            task = TaskState(TaskSpec(-1, node.name, (node,), None, 0, 0), self.core)
            self._out_of_service = Segment(Job(task, 0, -1, 0, 0, 0), node, 0)
        return self._out_of_service

    def processor(self, spec: ProcessorSpec, costly: bool) -> Processor:
        """The processor for a description: a plain one where nothing special is used."""
        core = self.core
        unit = self.unit_of.get(spec.index)
        costly = costly or self.keeps_states
        if spec.index not in self.spec.rated:
            return Processor(spec, self.loop, core.ended, costly)
        made: VariableSpeedProcessor
        if unit is not None and unit.spec.block_level is not None:
            gpu = self.gpus.of(unit, spec.index)
            made = StreamProcessor(spec, self.loop, core.ended, costly, self, unit, gpu)
        else:
            made = VariableSpeedProcessor(spec, self.loop, core.ended, costly, self, unit)
        if unit is not None:
            unit.processors.append(made)
        self.rated.append(made)
        return made

    def start(self, processors: tuple[Processor, ...], horizon: int, keep_jobs: bool) -> None:
        """Before time starts: domains, meters, heat, faults, links."""
        self.processors = processors
        self.horizon = horizon
        options = self.spec.power
        if options is not None:
            self._make_domains()
            self.meter = Meter(self, options, len(self.core.tasks), keep_jobs)
            if options.battery is not None:
                self.store = Store(self, options.battery)
            thermal = options.thermal or self.spec.platform.thermal
            if thermal is not None:
                self.heat = Heat(self, thermal, options.ambient)
            if self.store is not None:
                self.store.begin()
            for domain in self.domains:
                domain.start()
            if self.heat is not None:
                self.heat.start()
        for name in self.spec.courses:
            self.courses[name] = FaultCourse(self, name)
            self.courses[name].start()
        for position, fault in enumerate(self.spec.faults):
            Breakdown(self, fault, position).start()
        for change in self.spec.environment:
            Announcement(self, change).start()
        self.settle()

    def _make_domains(self) -> None:
        assert self.spec.power is not None
        for name, cluster in self.spec.platform.processors.items():
            if not cluster.operating_points:
                continue
            units = [unit for unit in self.units if unit.spec.cluster == name]
            top = max(cluster.frequency_max or 0, cluster.operating_points[-1].frequency)
            groups = cluster.frequency_domains
            if groups is None or len(units) != cluster.cores:
                groups = (tuple(range(len(units))),)
            for number, members in enumerate(groups):
                own = [units[member] for member in members]
                label = name if len(groups) == 1 else f"{name}[{number}]"
                domain = Domain(label, cluster, own, self.spec.power, self, (top, self.spec.caps.get(name, top)))
                self.domains.append(domain)
                for unit in own:
                    unit.domain = domain

    # ---- the end of an instant -----------------------------------------------------------------------------------

    def settle(self) -> None:
        now = self.loop._now
        self.account(now)
        self._pace(now)
        for gpu in self.gpus.all:
            gpu.settle(now)
        for unit in self.units:
            unit.working = any(p.working for p in unit.processors)
        if self.meter is not None:
            self.meter.read()
            if self.heat is not None:
                self.heat.settle(now)
            if self.store is not None:
                self.store.settle(now)
            self.meter.note(now)
        if self.living:
            self.last = now
            self.living = self.alive()

    def account(self, now: int) -> None:
        """Charge time and energy up to now."""
        if not self.living:
            return
        passed = now - self.since
        if passed:
            self.since = now
            for unit in self.units:
                if unit.working:
                    unit.busy += passed
        if self.meter is not None:
            self.meter.charge(now)
            if self.store is not None:
                self.store.account(now)

    def alive(self, always: bool = False) -> bool:
        """Whether anything is still to come: releases, or open jobs."""
        return (
            always
            or self.loop._now < self.core.until
            or (any(task.active is not None or task.overlapping for task in self.core.tasks) and not self._stuck())
            or bool(self.core.drains.since)
            or (self.core.planner is not None and self.core.planner.begun >= 0)
        )

    def _stuck(self) -> bool:
        """Whether a deadlock is all that is left: nobody runs or could start, and no deadline is to come."""
        if not self.core.record.deadlock_count:
            return False
        jobs = self.core.open_jobs()
        return self.loop._now > max(job.deadline for job in jobs) and not any(
            segment.state in (READY, RUNNING, CLAIMED, DRAINING, BATCHED, SPLIT)
            for job in jobs
            for segment in job.segments
        )

    def finish(self, end: int) -> None:
        """The run is over at `end`."""
        self.living = True
        self.over = end
        self.account(end)
        if self.heat is not None:
            self.heat.settle(end)

    def energy(self) -> EnergyReport | None:
        """Where the energy went; None where none is counted."""
        return None if self.meter is None else self.meter.report(None if self.store is None else self.store.report())

    def _pace(self, now: int) -> None:
        """Give everybody who runs the speed that holds from now on."""
        users: list[User] = []
        running: list[tuple[VariableSpeedProcessor, float, float, Fraction | None]] = []
        granted = bool(self.shares.grants) and self.shares.prune()
        contended = self.memory.limits or granted
        for processor in self.rated:
            segment = processor.segment
            if segment is None or not processor.working or processor.saving:
                if processor.saving:
                    self._set_speed(processor, ONE, now)
                continue
            scale, bound, demand, label = self._alone(processor, segment)
            part = self.shares.part(processor) if granted else None
            rate = self.shares.speed(processor, segment, part) if granted else None
            if scale <= 0 or (part is not None and not part and processor.work):
                self._set_speed(processor, 0, now)
                continue
            running.append((processor, scale, bound, rate))
            if contended:
                asked = demand / (bound + (1 - bound) * scale)
                users.append(User(processor.cluster, label, bound, asked if rate is None else asked * rate, part))
        effects = [(1.0, 1.0)] * len(running)
        if contended:
            effects = self._contend([each[0] for each in running], users, granted)
        for (processor, scale, bound, rate), (factor, share) in zip(running, effects, strict=True):
            unit = processor.unit
            taken = (1 - bound) * scale + bound * factor
            if unit is not None and unit.shared and rate is None:
                taken *= sum(p.working for p in unit.processors)
            for slow in self.slowed.get(processor.index, {}).values():
                share *= slow
            speed = ONE * share / taken
            self._set_speed(processor, max(1, ceil(speed if rate is None else Fraction(speed) * rate)), now)
        if granted or self.shares.noted:
            self.shares.settle()

    def _contend(self, running: Sequence[VariableSpeedProcessor], users: list[User], granted: bool) -> Effects:
        """What all who run feel of each other in the memory, and of the caps on their own traffic."""
        units = [processor.unit for processor in running]
        if not granted:
            return self.memory.effects(units, users)
        throttled = self.shares.throttle(running, users)
        return [
            (factor * throttle, share)
            for (factor, share), throttle in zip(self.memory.effects(units, users), throttled, strict=True)
        ]

    def _alone(self, processor: VariableSpeedProcessor, segment: Segment) -> tuple[float, float, float, str]:
        """How many times as long the compute part takes at the present clock (0: it stands still); the memory use."""
        unit = processor.unit
        if unit is None:  # a link
            course = self.courses.get(processor.name)
            return (1.0 if course is None else course.nominal / course.bandwidth), 0.0, 0.0, ""
        about = segment.node.hardware
        use = about.memory[processor.index] if about is not None and about.memory else None
        bound, demand, label = (0.0, 0.0, "") if use is None else (use.bound, use.demand, use.label)
        domain = unit.domain
        if domain is None:
            return 1.0, bound, demand, label
        if domain.switching and domain.stall:
            return 0.0, bound, demand, label
        return domain.scales[domain.index], bound, demand, label

    def _set_speed(self, processor: VariableSpeedProcessor, speed: int, now: int) -> None:
        if processor.speed != speed or processor.since == now:
            processor.pace(speed, now)
        if self.recorded.get(processor.index, ONE) != speed:
            self.recorded[processor.index] = speed
            if self.core.record.kept:
                self.note(log.SPEED, processor.index, speed)

    # ---- what the processors ask ---------------------------------------------------------------------------------

    def lead(self, processor: VariableSpeedProcessor) -> int:
        """The part of a transfer that no bandwidth shortens: the latency of the link."""
        link = self.spec.platform.links.get(processor.name) if processor.unit is None else None
        return 0 if link is None else link.latency

    def clocks(self) -> tuple[int, ...]:
        """What the times of nodes depend on now, as far as it is known to a policy: operating points and bandwidths."""
        points = tuple(domain.index for domain in self.domains)
        return points + tuple(course.bandwidth for course in self.courses.values()) if self.courses else points

    def time_now(self, node: NodeSpec, place: int, time: int) -> int:
        """The time in ns of a whole node on processor `place`, alone, at the present clock (or bandwidth).

        `time` is what it takes at the clock (or bandwidth) for which times are given.
        """
        unit = self.unit_of.get(place)
        if unit is not None:
            return unit.time_at(node, place, None if unit.domain is None else unit.domain.index, time)
        spec = self.core.system.processors[place]
        course = self.courses.get(spec.name)
        if course is None:
            return time
        latency = min(time, self.spec.platform.links[spec.name].latency)
        return latency + -(-(time - latency) * course.nominal // course.bandwidth) if course.bandwidth else NEVER

    def place(self, link: str) -> int:
        """The processor of a link."""
        return next(p.index for p in self.core.system.processors if p.name == link)

    def memories(self, place: int) -> list[tuple[int, Residency]]:
        """The memories that must hold weights before their nodes run on a processor: (its unit or -1: all, memory)."""
        unit = self.unit_of.get(place)
        found = []
        if unit is not None and self.storage is not None:
            found.append((-1, self.storage))
        if unit is not None and unit.weights is not None:
            found.append((unit.spec.index, unit.weights))
        return found

    def networks_in_use(self) -> set[str]:
        """The networks whose nodes run anywhere."""
        segments = [p.segment for p in self.rated if p.segment is not None and not p.down]
        return {segment.node.hardware.network for segment in segments if segment.node.hardware is not None}

    # ---- putting aside -------------------------------------------------------------------------------------------

    def save(self, processor: VariableSpeedProcessor, segment: Segment) -> None:
        """Put a running segment aside: its progress is kept, the processor is busy with its state for a while."""
        unit = processor.unit
        if unit is None or unit.checkpoint is None:
            raise SchedulerError(
                f"{processor!r} has no checkpoints; use how='kill', or give its cluster a 'checkpoint'"
            )
        if processor.saving:
            return  # it is on its way off
        now = self.loop._now
        self.core.steps.stop(processor, segment, now, log.PREEMPTED)
        processor.preemptions += 1
        processor.segment = segment
        processor.started = now
        time = unit.saving_time(segment)
        processor.overhead = time
        processor.overhead_total += time
        processor.begin(0, now)
        processor.saving = time
        self.note(log.CHECKPOINT, processor.index, segment.job.number)
        self.touch()

    def saved(self, processor: VariableSpeedProcessor, segment: Segment, now: int) -> None:
        """The state is put aside: the processor is free, the segment ready."""
        core = self.core
        core.steps.stop(processor, segment, now, log.PREEMPTED)
        assert processor.unit is not None
        core.start_costs.put_aside(segment, processor.unit)
        segment.state = READY
        core.changed[0] = True
        if core.on_ready is not None:
            core.on_ready(segment.job, (segment,))
        if core.on_processor is not None:
            core.on_processor(processor, "idle")

    # ---- telling -------------------------------------------------------------------------------------------------

    def note(self, what: int, subject: int, value: int) -> None:
        """Log a change of the hardware; without a trace only what comes before the run is over, as figures count it."""
        now = self.loop._now
        if self.core.record.kept or now <= self.last or (self.living and now <= self.over):
            changes = self.core.record.changes
            changes.buffer += (now, what, subject, value)
            if len(changes.buffer) >= changes.limit:
                changes.pack()

    def tell(self, places: Sequence[int], change: str) -> None:
        """Tell the policy that processors have changed by themselves."""
        self.core.changed[0] = True
        self.touch()
        if self.core.on_processor is not None:
            for place in places:
                self.core.on_processor(self.processors[place], change)

    def announce(self, change: dict[str, Any]) -> None:
        """Tell the policy that something outside has changed."""
        self.core.changed[0] = True
        self.touch()
        if self.core.on_environment is not None:
            self.core.on_environment(change)
