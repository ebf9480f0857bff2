"""Frequencies, governors and energy: what the clusters of a chip draw, and who sets their clocks.

Power is constant between instants, so energies are exact sums of power times time: nanowatts times nanoseconds, that is
1e-18 J, as integers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import index
from typing import TYPE_CHECKING, Any

from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.errors import SchedulerError
from rtsched.model.power import Governor, PowerOptions, active_powers, cluster_powers, time_scales
from rtsched.trace import trace as log
from rtsched.trace.energy import NANOJOULE, EnergyReport, StoreReport, UnitEnergy
from rtsched.units import format_rate

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.unit import Unit
    from rtsched.model.platform import Cluster


class Domain:
    """Units of one cluster that share a clock: operating points, the one in force, its governor, its thermal cap.

    Points are numbered from 0, the slowest. At point i compute-bound work takes ``scales[i]`` times as long. Of its
    `clocks` the first is that at which times hold, the second the highest that the power mode allows.
    """

    def __init__(
        self, name: str, cluster: Cluster, units: list[Unit], options: PowerOptions, chip: Chip, clocks: tuple[int, int]
    ) -> None:
        self.name = name
        self.chip = chip
        self.units = units
        points = cluster.operating_points or ()
        top, most = clocks
        self.points = [point.frequency for point in points if point.frequency <= most]
        self.powers, _ = active_powers(points, cluster.power, top)
        self.scales = time_scales(points, top)
        self.together = cluster_powers(points)
        self.volts = [(point.microvolt or 0) / 1e6 for point in points]
        self.governor: Governor = options.clusters.get(units[0].spec.cluster, options.governor)
        self.latency = cluster.switch_latency if options.switch_latency is None else options.switch_latency
        self.stall = options.stall
        self.highest = self.cap = len(self.points) - 1
        self.wanted = self.index = self._first()
        self.switching = False
        self.alarm = Alarm(chip.loop, TIMER, self._switched)
        self.sample = Alarm(chip.loop, TIMER, self._sample)
        self.busy_before = 0

    def _first(self) -> int:
        governor = self.governor
        if governor.name == "powersave":
            return 0
        if governor.name == "fixed" and governor.frequency in self.points:
            return self.points.index(governor.frequency)
        return self.highest

    def start(self) -> None:
        """Before time starts: note the first clock; the first sample of a governor that takes some."""
        self.chip.note(log.FREQUENCY, self.units[0].spec.processors[0], self.frequency)
        if self.governor.name in ("ondemand", "schedutil"):
            self.chip.loop.arm(self.sample, self.governor.period)

    def power(self) -> int:
        """What one busy unit draws now, in nW: its share of what was measured for as many as are busy."""
        if self.together is None:
            return self.powers[self.index]
        row = self.together[self.index]
        busy = min(len(row), max(1, sum(unit.working for unit in self.units)))
        return row[busy - 1] // busy

    @property
    def frequency(self) -> int:
        """The clock in force, in Hz."""
        return self.points[self.index]

    def ask(self, index: int) -> None:
        """Go to an operating point, as far as heat allows; work goes on at it when the switch is over."""
        self.wanted = index
        self._go()

    def limit(self, cap: int) -> None:
        """Heat allows no more than point `cap` from now on (or allows it again)."""
        self.cap = cap
        self._go()

    def _go(self) -> None:
        target = min(self.wanted, self.cap)
        if self.switching or target == self.index:
            return
        if self.latency:
            self.switching = True
            now = self.chip.loop._now
            self.chip.loop.arm(self.alarm, now + self.latency)
            self.chip.touch()
        else:
            self._set(target)

    def _switched(self) -> None:
        self.switching = False
        self._set(min(self.wanted, self.cap))

    def _set(self, index: int) -> None:
        if index == self.index:
            self.chip.touch()
            return
        self.index = index
        chip = self.chip
        chip.note(log.FREQUENCY, self.units[0].spec.processors[0], self.points[index])
        chip.tell([place for unit in self.units for place in unit.spec.processors], "frequency")

    def _sample(self) -> None:
        """The governor looks at the share of busy time since it last looked."""
        chip = self.chip
        governor = self.governor
        now = chip.loop._now
        chip.account(now)
        busy = sum(unit.busy for unit in self.units)
        share = (busy - self.busy_before) / (governor.period * len(self.units))
        self.busy_before = busy
        if governor.name == "schedutil":
            self.ask(min(self.highest, bisect_left(self.points, 1.25 * self.points[-1] * share)))
        elif share > governor.up:
            self.ask(self.highest)
        elif share < governor.down:
            self.ask(max(0, min(self.wanted, self.index) - 1))
        if chip.alive():
            chip.loop.arm(self.sample, now + governor.period)


class Meter:
    """Counts energy: at each instant the powers that held until then are charged."""

    def __init__(self, chip: Chip, options: PowerOptions, tasks: int, keep_jobs: bool) -> None:
        self.chip = chip
        self.base_power = chip.spec.platform.base_power * 1000
        self.byte_energy = options.bytes_energy
        self.active = [0] * len(chip.units)
        self.idle = [0] * len(chip.units)
        self.memory = self.base = 0
        self.tasks = [0] * (tasks + 1)  # the last: of no task, while a planner decides
        self.jobs: dict[int, int] | None = {} if keep_jobs else None
        self.since = 0
        self.total_power = self.base_draw = self.base_power
        #: (unit, task, job, power) of all that runs, (unit, power) of all that idles, power of the memory
        self.running: list[tuple[int, int, int, int]] = []
        self.idling: list[tuple[int, int]] = []
        self.memory_power = 0
        self.noted = -1

    def charge(self, now: int) -> None:
        """Charge what the last powers have used by now."""
        passed = now - self.since
        if passed <= 0:
            return
        self.since = now
        for unit, task, job, power in self.running:
            energy = power * passed
            self.active[unit] += energy
            self.tasks[task] += energy
            if self.jobs is not None and job >= 0:
                self.jobs[job] = self.jobs.get(job, 0) + energy
        for unit, power in self.idling:
            self.idle[unit] += power * passed
        self.base += self.base_draw * passed
        self.memory += self.memory_power * passed

    def read(self) -> None:
        """Take down the powers that hold from now on."""
        self.running.clear()
        self.idling.clear()
        store = self.chip.store
        if store is not None and store.off:
            self.total_power = self.base_draw = self.memory_power = 0
            return
        self.base_draw = self.base_power
        traffic = 0.0
        batches = self.chip.core.batches
        for unit in self.chip.units:
            work = [p for p in unit.processors if p.working]
            if not work:
                self.idling.append((unit.spec.index, unit.idle_power()))
                continue
            active = unit.active_power() // len(work)
            for processor in work:
                segment = processor.segment
                assert segment is not None
                own = unit.table_power(processor, segment)
                power = active if own is None else own
                if batches is not None and processor in batches.running:
                    for each, part in batches.shares(processor, power):
                        self.running.append((unit.spec.index, each.job.task.index, each.job.number, part))
                else:
                    self.running.append((unit.spec.index, segment.job.task.index, segment.job.number, power))
                traffic += unit.traffic(processor, segment)
        self.memory_power = round(traffic * self.byte_energy / 1000)  # B/s x pJ = pW
        self.total_power = (
            self.base_power
            + self.memory_power
            + sum(power for *_, power in self.running)
            + sum(power for _, power in self.idling)
        )

    def note(self, now: int) -> None:
        """Log what is drawn from now on, if a trace is kept."""
        powers = self.chip.core.record.powers
        if powers is not None and self.total_power != self.noted:
            self.noted = self.total_power
            powers.buffer += (now, self.total_power)
            if len(powers.buffer) >= powers.limit:
                powers.pack()

    @property
    def spent(self) -> int:
        """All energy up to the last charge, in nW ns."""
        return self.base + self.memory + sum(self.active) + sum(self.idle)

    def cluster_energy(self, cluster: str) -> int:
        """The energy of all units of a cluster (or ``base``) so far, in nW ns."""
        if cluster == "base":
            return self.base + self.memory
        return sum(
            self.active[unit.spec.index] + self.idle[unit.spec.index]
            for unit in self.chip.units
            if unit.spec.cluster == cluster
        )

    def report(self, store: StoreReport | None) -> EnergyReport:
        """The sums, in nJ, and what became of a `store`."""
        return EnergyReport(
            units=tuple(
                UnitEnergy(unit.spec.name, active // NANOJOULE, idle // NANOJOULE)
                for unit, active, idle in zip(self.chip.units, self.active, self.idle, strict=True)
            ),
            base=self.base // NANOJOULE,
            memory=self.memory // NANOJOULE,
            tasks=tuple(energy // NANOJOULE for energy in self.tasks[:-1]),
            jobs={job: energy // NANOJOULE for job, energy in (self.jobs or {}).items()},
            store=store,
        )


def point_index(domain: Domain, level: Any, frequency: Any) -> int:
    """The number of an operating point by level or frequency; SchedulerError names what there is."""
    if (level is None) == (frequency is None):
        raise SchedulerError("set_speed: give either a 'level' or a 'frequency'")
    if frequency is not None:
        if frequency > domain.points[-1]:
            raise SchedulerError(
                f"set_speed of {domain.name}: {format_rate(frequency)} is above its highest operating point, "
                f"{format_rate(domain.points[-1])}"
            )
        return min(bisect_right(domain.points, frequency - 1), domain.highest)
    number = index(level)
    if not 0 <= number <= domain.highest:
        raise SchedulerError(f"set_speed of {domain.name}: level {number} is not in 0..{domain.highest}")
    return number
