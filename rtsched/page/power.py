"""What each piece of hardware drew over time, out of a trace: its slices, clocks and speeds, and its table of powers.

The engine counts energy (`rtsched.engine.chip.power`) and keeps no powers. Here they are found again, by themselves:
whoever runs when, at which clock, draws what. The sum over time is then compared with the energy that was reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from rtsched.model.power import PowerOptions, active_powers, cluster_powers
from rtsched.model.taskgraph import UnitSpec
from rtsched.plot.hardware import outages
from rtsched.trace.checks.demands import Demands
from rtsched.trace.energy import NANOJOULE
from rtsched.trace.speeds import Speeds
from rtsched.trace.trace import COMPLETED, FREQUENCY, FULL_SPEED, OVERHEAD, SPEED, TEMPERATURE, Trace

#: Who "runs" while a planner decides.
NOBODY = (-1, 0)
#: Room temperature, at which a chip without a thermal model leaks; 0 °C in kelvin.
ROOM, KELVIN = 25.0, 273.15
#: By how much of it the sum of the powers may differ from the energy reported: traces hold temperatures in 1/1000 °C.
CLOSE = 1e-4

#: (time in ns, power in nW from then on), by time; the last holds until the end of the run.
Course = list[tuple[int, int]]


@dataclass(frozen=True)
class Powers:
    """What each unit, the chip's base and its memory drew over time, and how many bytes per second were moved.

    `exact`: the sums over time are the energies that the run reports, to the nanojoule; else they are close to them.
    """

    units: dict[str, Course]
    base: Course
    memory: Course
    traffic: Course
    exact: bool = True

    @property
    def total(self) -> Course:
        """What the whole chip drew."""
        return summed([*self.units.values(), self.base, self.memory])


def powers(trace: Trace) -> Powers | None:
    """The powers of a run; None where no energy was counted, or where the trace does not tell them."""
    if trace.energy is None or not trace.kept:
        return None
    return _compared(trace, _Sweep(trace).found())


def traffic(trace: Trace) -> Course:
    """The bytes per second that all who ran moved at their speeds; empty where no node says what it moves."""
    nodes = (node for task in trace.system.tasks for node in task.all_nodes)
    moved = any(node.hardware is not None and any(node.hardware.memory) for node in nodes)
    return _Sweep(trace).found().traffic if moved and trace.system.hardware is not None else []


def energy(course: Course, end: int) -> int:
    """The integral of a power until `end`, in nW ns (1e-18 J)."""
    ends = [*(time for time, _ in course[1:]), end]
    return sum(power * (until - time) for (time, power), until in zip(course, ends, strict=True))


def summed(courses: Iterable[Course]) -> Course:
    """The sum of courses."""
    steps: defaultdict[int, int] = defaultdict(int)
    for course in courses:
        before = 0
        for time, power in course:
            steps[time] += power - before
            before = power
    found: Course = []
    total = 0
    for time in sorted(steps):
        total += steps[time]
        if not found or found[-1][1] != total:
            found.append((time, total))
    return found


def _compared(trace: Trace, found: Powers) -> Powers | None:
    """The powers, if their sums are the energies that the run reports."""
    report = trace.energy
    assert report is not None
    pairs = [(energy(found.base, trace.end), report.base), (energy(found.memory, trace.end), report.memory)]
    pairs += [(energy(found.units[unit.name], trace.end), unit.active + unit.idle) for unit in report.units]
    exact = all(0 <= mine // NANOJOULE - theirs <= 1 for mine, theirs in pairs)  # active and idle are rounded down
    close = all(abs(mine / NANOJOULE - theirs) <= 1 + CLOSE * theirs for mine, theirs in pairs)
    if not close:
        return None
    return replace(found, exact=exact)


class _Sweep:
    """All that a power depends on, brought forward from instant to instant."""

    def __init__(self, trace: Trace) -> None:
        hardware = trace.system.hardware
        assert hardware is not None
        self.trace, self.hardware, self.options = trace, hardware, hardware.power or PowerOptions()
        self.unit_of = {place: unit for unit in hardware.units for place in unit.processors}
        self.serves: dict[int, dict[tuple[int, int], Any]] = defaultdict(dict)  # by processor: who, what its slice is
        self.clock: dict[int, int] = {}
        self.speed: dict[int, int] = {}
        self.down: set[int] = set()
        self.celsius = ROOM
        self._domains()
        self._tables()

    def _domains(self) -> None:
        """The units that share a clock, the first processor of each such group, and their tables of powers."""
        self.groups: dict[int, list[UnitSpec]] = {}
        self.first: dict[int, int] = {}
        self.points: dict[str, tuple[list[int], list[int], list[tuple[int, ...]] | None, list[float]]] = {}
        for name, cluster in self.hardware.platform.processors.items():
            units = [unit for unit in self.hardware.units if unit.cluster == name]
            points = cluster.operating_points or ()
            if not points or not units:
                continue
            top = max(cluster.frequency_max or 0, points[-1].frequency)
            volts = [(point.microvolt or 0) / 1e6 for point in points]
            table, _ = active_powers(points, cluster.power, top)
            self.points[name] = ([point.frequency for point in points], table, cluster_powers(points), volts)
            shared = cluster.frequency_domains
            if shared is None or len(units) != cluster.cores:
                shared = (tuple(range(len(units))),)
            for members in shared:
                own = [units[member] for member in members]
                for unit in own:
                    self.groups[unit.index], self.first[unit.index] = own, own[0].processors[0]

    def _tables(self) -> None:
        """What nodes with a measured energy really took, in ns at full speed, by (job, node, processor)."""
        self.took: dict[tuple[int, int, int], int] = {}
        trace, rows = self.trace, self.trace.slices
        if not any(node.hardware and node.hardware.energy for task in trace.system.tasks for node in task.all_nodes):
            return
        demands, speeds = Demands(trace), Speeds(trace)
        done: defaultdict[tuple[int, int, int], Any] = defaultdict(int)
        for start, end, job, node, place, reason in rows.tolist():
            key = (job, node, place)
            if reason == OVERHEAD:
                continue
            if int(trace.jobs["task"][job]) in demands.fixed:
                self.took[key] = demands.time(job, node, place, start) or 0
                continue
            done[key] += speeds.work(place, start, end)
            if reason == COMPLETED:
                self.took[key] = int(done[key])

    # ---- from instant to instant ---------------------------------------------------------------------------------

    def found(self) -> Powers:
        """Everything that is drawn and moved, from each instant on at which it changes."""
        units = self.hardware.units
        power, moved = [0] * len(units), dict.fromkeys(self.unit_of, 0.0)
        courses: list[Course] = [[] for _ in units]
        base: Course = []
        memory: Course = []
        moves: Course = []
        restart = self.options.battery is not None and self.options.battery.restart is not None
        happened = self._happened()
        for time in sorted({0, *happened}):
            dirty = set() if time else {unit.index for unit in units}
            for what, place, about in happened.get(time, ()):
                dirty |= getattr(self, f"_{what}")(place, about)
            off = restart and len(self.down) == len(self.trace.system.processors)
            for unit in units:
                if unit.index in dirty:
                    power[unit.index] = self._draws(unit, moved)
                    note(courses[unit.index], time, 0 if off else power[unit.index])
            note(base, time, 0 if off else self.hardware.platform.base_power * 1000)
            each = 0.0 if off else sum(moved.values())
            note(moves, time, round(each))
            note(memory, time, round(each * self.options.bytes_energy / 1000))
        return Powers({unit.name: courses[unit.index] for unit in units}, base, memory, moves)

    def _happened(self) -> dict[int, list[tuple[str, int, Any]]]:
        """What begins and ends when, as (what, where, who or how much); ends come first."""
        found: defaultdict[int, list[tuple[str, int, Any]]] = defaultdict(list)
        begins: list[tuple[int, tuple[str, int, Any]]] = []
        trace = self.trace
        for start, end, job, node, place, reason in trace.slices.tolist():
            if start == end or place not in self.unit_of or (reason == OVERHEAD and self._awaits(job, node)):
                continue
            found[end].append(("leaves", place, (job, node)))
            begins.append((start, ("comes", place, (job, node))))
        for time, _, place, value in trace.plans.tolist():
            found[time].append(("leaves", place, NOBODY))
            begins.append((time - value, ("comes", place, NOBODY)))
        names = {FREQUENCY: "clocked", SPEED: "paced", TEMPERATURE: "heated"}
        for time, what, place, value in trace.changes.tolist():
            if what in names:
                begins.append((time, (names[what], place, value)))
        for place, spans in outages(trace).items():
            for start, end in spans:
                found[end].append(("up", place, None))
                begins.append((start, ("fails", place, None)))
        for time, each in begins:
            found[time].append(each)
        return found

    def _awaits(self, job: int, node: int) -> bool:
        """Whether what comes before the work of a node is a copy that it waits for: its processor idles then."""
        return bool(self.trace.node(job, node).copies)

    # Each of these says which units it may have changed.

    def _comes(self, place: int, who: tuple[int, int]) -> set[int]:
        self.serves[place][who] = None
        return self._around(place)

    def _leaves(self, place: int, who: tuple[int, int]) -> set[int]:
        self.serves[place].pop(who, None)
        return self._around(place)

    def _clocked(self, place: int, value: int) -> set[int]:
        self.clock[place] = value
        return {unit.index for unit in self.groups.get(self.unit_of[place].index, ())}

    def _paced(self, place: int, value: int) -> set[int]:
        self.speed[place] = value
        return self._around(place)

    def _heated(self, _: int, value: int) -> set[int]:
        self.celsius = value / 1000
        return set(self.groups)

    def _fails(self, place: int, _: None) -> set[int]:
        self.down.add(place)
        return {unit.index for unit in self.hardware.units}  # all of them, if it is the last one

    def _up(self, place: int, _: None) -> set[int]:
        self.down.discard(place)
        return {unit.index for unit in self.hardware.units}

    def _around(self, place: int) -> set[int]:
        """The unit of a processor, and those whose power depends on how many of them are busy."""
        unit = self.unit_of.get(place)
        if unit is None:
            return set()
        together = unit.index in self.groups and self.points[unit.cluster][2] is not None
        return {each.index for each in self.groups[unit.index]} if together else {unit.index}

    # ---- what a unit draws ---------------------------------------------------------------------------------------

    def _at_work(self, unit: UnitSpec) -> list[int]:
        return [place for place in unit.processors if self.serves[place] and place not in self.down]

    def _draws(self, unit: UnitSpec, moved: dict[int, float]) -> int:
        """The power of a unit in nW; the bytes per second of each of its processors go into `moved`."""
        work = self._at_work(unit)
        for place in unit.processors:
            moved[place] = self._moves(*next(iter(self.serves[place])), place) if place in work else 0.0
        if not work:
            about = unit.description.power
            return 0 if about is None else about.idle * 1000 + self._leakage(unit)
        each, total = self._active(unit) // len(work), 0
        for place in work:
            own = self._measured(*next(iter(self.serves[place])), place)
            total += each if own is None else own
        return total

    def _active(self, unit: UnitSpec) -> int:
        if unit.index not in self.groups:
            about = unit.description.power
            return 0 if about is None else (about.active or 0) * 1000
        clocks, table, together, _ = self.points[unit.cluster]
        index = clocks.index(self.clock[self.first[unit.index]])
        if together is None:
            return table[index] + self._leakage(unit)
        row = together[index]
        busy = min(len(row), max(1, sum(bool(self._at_work(each)) for each in self.groups[unit.index])))
        return row[busy - 1] // busy + self._leakage(unit)

    def _leakage(self, unit: UnitSpec) -> int:
        about = unit.description.power
        if about is None or about.leakage is None or unit.index not in self.groups:
            return 0
        clocks, _, _, volts = self.points[unit.cluster]
        volt = volts[clocks.index(self.clock[self.first[unit.index]])]
        kelvin, leaks = KELVIN + self.celsius, about.leakage
        return round(1e9 * volt * (leaks.c1 * kelvin**2 * exp(-leaks.c2 / kelvin) + leaks.gate))

    def _measured(self, job: int, node: int, place: int) -> int | None:
        """The power that spreads a node's measured energy over its work."""
        about = None if job < 0 else self.trace.node(job, node).hardware
        nanojoules = about.energy[place] if about is not None and about.energy else None
        took = self.took.get((job, node, place))
        if nanojoules is None or not took:
            return None
        return nanojoules * NANOJOULE * self.speed.get(place, FULL_SPEED) // (took * FULL_SPEED)

    def _moves(self, job: int, node: int, place: int) -> float:
        about = None if job < 0 else self.trace.node(job, node).hardware
        use = about.memory[place] if about is not None and about.memory else None
        return 0.0 if use is None else use.demand * self.speed.get(place, FULL_SPEED) / FULL_SPEED


def note(course: Course, time: int, power: int) -> None:
    """Write down what holds from `time` on, where it is something else than before."""
    if not course or course[-1][1] != power:
        course.append((time, power))
