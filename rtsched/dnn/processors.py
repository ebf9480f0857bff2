"""Lowering of a platform: its processors, and what of its hardware a run uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.accelerator import MEMORY_SLICES, BlockLevel
from rtsched.model.memory import Pairwise
from rtsched.model.platform import Cluster, Link, ModeLimit, Platform
from rtsched.model.power import OperatingPoint, PowerOptions, active_powers
from rtsched.model.system import System
from rtsched.model.tables import TimeTable
from rtsched.model.taskgraph import HardwareSpec, NodeSpec, ProcessorSpec, UnitSpec

#: How many times a link may be faster than its nominal bandwidth, and how many times slower.
FASTEST, SLOWEST = 10**6, 10**9
#: A link's recorded bandwidth may have this many points.
MOST_POINTS = 1_000_000


def lower_platform(platform: Platform) -> tuple[tuple[ProcessorSpec, ...], tuple[UnitSpec, ...]]:
    """All processors in the order of the file, links last, and the hardware units they belong to.

    A cluster of one is called after its cluster, core i of several ``cluster{i}``; contexts and streams are counted
    after a dot: ``npu.0``, ``npu1.0``.
    """
    specs: list[ProcessorSpec] = []
    pieces: list[UnitSpec] = []
    for name, cluster in platform.processors.items():
        for core, unit, block_level in _units(name, cluster):
            own_bandwidth = _own_bandwidth(platform, cluster, core)
            count = cluster.contexts if block_level is None else block_level.streams
            own = range(len(specs), len(specs) + count)
            for number in range(count):
                lane = unit if block_level is None and count == 1 else f"{unit}.{number}"
                specs.append(_processor(len(specs), lane, name, core, cluster))
            pieces.append(UnitSpec(len(pieces), unit, name, tuple(own), cluster, block_level, own_bandwidth))
    for name in platform.links:
        specs.append(ProcessorSpec(len(specs), name, name, "link", "run-to-completion"))
    return tuple(specs), tuple(pieces)


def _units(name: str, cluster: Cluster) -> Iterable[tuple[int, str, BlockLevel | None]]:
    """The cores of a cluster, or the one server it is, or the MIG instances of a GPU: (core, name, block level)."""
    gpu = cluster.block_level
    if gpu is not None and gpu.mig is not None:
        for number, slices in enumerate(gpu.mig):
            changes = {"sms": gpu.slice_sms * slices, "mig": None, "sms_per_slice": None}
            yield number, f"{name}{number}", gpu.model_copy(update=changes)
        return
    cores = 1 if cluster.threads is not None else cluster.cores
    for core in range(cores):
        yield core, name if cores == 1 else f"{name}{core}", gpu


def _own_bandwidth(platform: Platform, cluster: Cluster, instance: int) -> int | None:
    """The memory bandwidth in bytes per second that an instance of a divided GPU (MIG) has to itself."""
    gpu, memory = cluster.block_level, platform.memory
    if gpu is None or gpu.mig is None or memory is None or memory.bandwidth is None:
        return None
    return memory.bandwidth * MEMORY_SLICES[gpu.mig[instance]] // 8


def _instances(platform: Platform, nodes: Sequence[NodeSpec]) -> Iterator[str]:
    """What is derived or not modelled about the instances of divided GPUs."""
    for name, cluster in platform.processors.items():
        gpu, memory = cluster.block_level, platform.memory
        if gpu is None or gpu.mig is None:
            continue
        if gpu.sms_per_slice is None:
            yield f"{name}: {gpu.slice_sms} SMs in each MIG slice, a seventh of its {gpu.sms} in whole TPCs"
        taken = sum(MEMORY_SLICES[slices] for slices in gpu.mig)
        if taken > 8:
            yield f"{name}: its MIG instances have {taken} eighths of the memory, which no device can give"
        if memory is not None and memory.load_bandwidth is not None:
            yield f"{name}: its MIG instances share the capacity of the memory, which a device divides"
        if any(node.hardware is not None and node.hardware.memory for node in nodes):
            if memory is None or memory.bandwidth is None:
                yield f"{name}: the memory's bandwidth is not known, so that of a MIG instance slows nobody"
            elif memory.contention is None or memory.contention.model != "proportional":
                yield f"{name}: of a MIG instance's memory only the bandwidth counts, not the model of contention"


def _processor(index: int, lane: str, name: str, core: int, cluster: Cluster) -> ProcessorSpec:
    return ProcessorSpec(
        index=index,
        name=lane,
        cluster=name,
        kind=cluster.kind,
        service=cluster.serves,
        speed=cluster.speed if cluster.speeds is None else cluster.speeds[core],
        context_switch=cluster.context_switch,
        migration=cluster.migration,
        reset=cluster.reset,
    )


def in_mode(platform: Platform, system: System) -> Platform:
    """The platform in the power mode that the system asks for: some cores off, some clocks capped.

    The operating points stay: what was measured at those above the cap says how fast the others are, and what they
    draw. `caps` says which remain.
    """
    limits = _limits(platform, system)
    if not limits:
        return platform
    clusters = dict(platform.processors)
    for name, limit in limits.items():
        cluster = clusters[name]
        if limit.cores == 0:
            del clusters[name]
            continue
        changes: dict[str, object] = {}
        if limit.cores is not None and limit.cores < cluster.cores:
            changes = _with_cores(name, cluster, limit.cores)
        if limit.frequency_max is not None and not cluster.operating_points and cluster.frequency_max is not None:
            point = OperatingPoint(frequency=min(limit.frequency_max, cluster.frequency_max))
            changes["operating_points"] = (point,)
        clusters[name] = cluster.model_copy(update=changes)
    links = {name: link for name, link in platform.links.items() if set(link.between) <= set(clusters)}
    return platform.model_copy(update={"processors": clusters, "links": links})


def _limits(platform: Platform, system: System) -> dict[str, ModeLimit]:
    """What the power mode in force leaves of each cluster that it limits."""
    mode = None if system.power is None else system.power.mode
    if mode is None:
        return {}
    if mode not in platform.power_modes:
        known = ", ".join(platform.power_modes) or "none"
        raise InputError(f"power.mode: {platform.name!r} has no power mode {mode!r}; known: {known}")
    return platform.power_modes[mode]


def _with_cores(name: str, cluster: Cluster, cores: int) -> dict[str, object]:
    """What changes in a cluster of which only the first cores are on."""
    changes: dict[str, object] = {"cores": cores}
    if cluster.speeds is not None:
        changes["speeds"] = cluster.speeds[:cores]
    if cluster.frequency_domains is not None:
        left = [tuple(core for core in domain if core < cores) for domain in cluster.frequency_domains]
        changes["frequency_domains"] = tuple(domain for domain in left if domain)
    if cluster.threads is not None:
        threads = {count: speedup for count, speedup in cluster.threads.items() if count <= cores}
        if not threads:
            counts = ", ".join(map(str, sorted(cluster.threads)))
            raise InputError(
                f"power.mode: it leaves {cores} core{'s' if cores > 1 else ''} of {name}, whose speed-up is known for "
                f"{counts} threads only; add one for fewer to its 'threads'"
            )
        changes["threads"] = threads
    return changes


def caps(platform: Platform, system: System, assume: Callable[[str], None]) -> dict[str, int]:
    """By cluster the highest frequency that the power mode in force allows; `platform` is the one in that mode."""
    found: dict[str, int] = {}
    for name, limit in _limits(platform, system).items():
        if limit.frequency_max is None or name not in platform.processors:
            continue
        points = platform.processors[name].operating_points
        if points is None:
            assume(f"{name}: its clock is not known, so the cap of the power mode changes no time")
        elif limit.frequency_max < points[0].frequency:
            raise InputError(
                f"power.mode: it caps {name} at {units.format_rate(limit.frequency_max)}, below its lowest operating "
                f"point, {units.format_rate(points[0].frequency)}; raise the cap, or add a point"
            )
        else:
            found[name] = limit.frequency_max
    return found


def top_frequency(cluster: Cluster) -> int | None:
    """The frequency at which execution times hold: the highest the cluster has."""
    known = [point.frequency for point in cluster.operating_points or ()]
    if cluster.frequency_max is not None:
        known.append(cluster.frequency_max)
    return max(known, default=None)


def lower_hardware(
    platform: Platform,
    system: System,
    processors: Sequence[ProcessorSpec],
    pieces: tuple[UnitSpec, ...],
    nodes: Sequence[NodeSpec],
    folder: Path | None,
    assume: Callable[[str], None],
) -> HardwareSpec | None:
    """What of the chip this run uses beyond plain processors; None if nothing. `assume` hears what is not measured."""
    rated: set[int] = set()
    contention = None if platform.memory is None else platform.memory.contention
    contended = isinstance(contention, Pairwise) or (  # a measured pair slows its victim whatever the two ask for
        contention is not None and any(node.hardware is not None and node.hardware.memory for node in nodes)
    )
    for piece in pieces:
        cluster = piece.description
        if (
            contended
            or system.power is not None
            or cluster.contexts > 1
            or cluster.checkpoint is not None
            or cluster.weights is not None
            or piece.block_level is not None
            or (platform.memory is not None and platform.memory.load_bandwidth is not None)
        ):
            rated.update(piece.processors)
    known = {processor.name for processor in processors} | {processor.cluster for processor in processors}
    for position, fault in enumerate(system.faults):
        if fault.processor not in known:
            raise InputError(
                f"faults.{position}: {fault.processor!r} is no processor or cluster; known: {', '.join(sorted(known))}"
            )
        hit = {p.index for p in processors if fault.processor in (p.name, p.cluster)}
        for piece in pieces:
            if hit & set(piece.processors):
                rated.update(piece.processors)
        rated |= hit
    if system.power is not None and system.power.battery is not None and system.power.battery.restart is not None:
        rated.update(processor.index for processor in processors)
    _check_gpus(pieces, system)
    for note in _instances(platform, nodes):
        assume(note)
    courses = {name: _course(name, link, folder) for name, link in platform.links.items() if _varies(link)}
    for position, change in enumerate(system.environment):
        if change.link is not None:
            if change.link not in platform.links or platform.links[change.link].bandwidth is None:
                raise InputError(f"environment.{position}: {change.link!r} is no link with a bandwidth")
            courses.setdefault(change.link, ())
    for name in courses:
        _check_swing(name, platform.links[name], courses[name], system)
    rated.update(p.index for p in processors if p.kind == "link" and p.name in courses)
    capped = caps(platform, system, assume)
    if system.power is not None:
        _check_power(platform, system, capped)
        used = {processors[place].cluster for node in nodes for place in node.eligible}
        for note in _unmeasured(platform, system.power, used):
            assume(note)
    if not rated and not system.environment:
        return None
    return HardwareSpec(
        platform=platform,
        units=pieces,
        rated=frozenset(rated),
        power=system.power,
        caps=capped,
        faults=system.faults,
        environment=system.environment,
        courses=courses,
    )


def _unmeasured(platform: Platform, options: PowerOptions, used: set[str]) -> Iterator[str]:
    """What is derived or assumed about the power and the speed of the clusters that tasks can use."""
    moved = options.mode is not None or options.thermal is not None or platform.thermal is not None
    for name, cluster in platform.processors.items():
        if name not in used:
            continue
        points = cluster.operating_points or ()
        how = active_powers(points, cluster.power, top_frequency(cluster))[1]
        if how:
            yield f"{name}: {how}"
        governor = options.clusters.get(name, options.governor)
        if (moved or governor.name != "performance") and any(point.score is None for point in points):
            yield f"{name}: compute time in inverse proportion to the clock"


def _check_gpus(pieces: tuple[UnitSpec, ...], system: System) -> None:
    """Masks name tasks, and MPS percentages contexts of tasks."""
    tasks = {task.name for task in system.tasks}
    contexts = {task.context for task in system.tasks if task.context is not None}
    for piece in pieces:
        gpu = piece.block_level
        if gpu is None:
            continue
        for key, named, known, what in (
            ("masks", gpu.masks, tasks, "task"),
            ("mps", gpu.mps or {}, contexts, "context of a task"),
        ):
            for name in named:
                if name not in known:
                    listed = ", ".join(sorted(known)) or "none"
                    raise InputError(f"{piece.cluster}.block_level.{key}: {name!r} is no {what}; known: {listed}")


def _varies(link: Link) -> bool:
    return link.trace is not None or link.markov is not None


def _course(name: str, link: Link, folder: Path | None) -> tuple[tuple[int, int], ...]:
    """The points (instant, bytes per second) of a recorded bandwidth; none for a Markov link."""
    if link.trace is None:
        return ()
    if isinstance(link.trace, str):
        points = _recorded(Path(link.trace) if folder is None else folder / link.trace)
    else:
        points = tuple((point.at, point.bandwidth) for point in link.trace)
    if not points or any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
        raise InputError(f"link {name!r}: the points of its trace must ascend in time, at least one")
    return points


def _check_swing(name: str, link: Link, points: tuple[tuple[int, int], ...], system: System) -> None:
    """A trace counts speeds in parts of the nominal one, in 64 bits: no bandwidth may be too far from it."""
    assert link.bandwidth is not None
    seen = [bandwidth for _, bandwidth in points]
    seen += [] if link.markov is None else [state.bandwidth for state in link.markov.states]
    seen += [each.bandwidth for each in system.environment if each.link == name and each.bandwidth is not None]
    for bandwidth in seen:
        if not link.bandwidth <= bandwidth * SLOWEST or bandwidth > link.bandwidth * FASTEST:
            raise InputError(
                f"link {name!r}: {units.format_bandwidth(bandwidth)} is too far from its nominal "
                f"{units.format_bandwidth(link.bandwidth)}; correct one of the two"
            )


def _recorded(path: Path) -> tuple[tuple[int, int], ...]:
    table = TimeTable(path, ("at",))
    cells = table.text("bandwidth")
    if cells is None:
        raise InputError(f"{path}:1:1: column 'bandwidth' is missing; add it, e.g. '20 MB/s'")
    points = []
    for number, (at, cell) in enumerate(zip(table.times("at"), cells, strict=True)):
        try:
            bandwidth = units.parse_bandwidth(cell)
        except ValueError as error:
            raise InputError(f"{path}:{number + 2}: {error}") from None
        if bandwidth <= 0:
            raise InputError(f"{path}:{number + 2}: the bandwidth must be positive; an outage is a fault of the link")
        points.append((at, bandwidth))
        if len(points) > MOST_POINTS:
            raise InputError(f"{path}: more than {MOST_POINTS} points; thin the trace out")
    return tuple(points)


def _check_power(platform: Platform, system: System, capped: dict[str, int]) -> None:
    """Governors and trips name clusters and frequencies that exist, in the power mode in force."""
    options = system.power
    assert options is not None
    chosen = {name: ("clusters." + name, governor) for name, governor in options.clusters.items()}
    for name, (place, _) in chosen.items():
        if name not in platform.processors:
            raise InputError(
                f"power.{place}: {name!r} is no cluster of {platform.name!r}; known: {', '.join(platform.processors)}"
            )
    for name, cluster in platform.processors.items():
        place, governor = chosen.get(name, ("governor", options.governor))
        if governor.frequency is not None and cluster.operating_points is not None:
            most = capped.get(name, cluster.operating_points[-1].frequency)
            have = [point.frequency for point in cluster.operating_points if point.frequency <= most]
            if governor.frequency not in have:
                listed = ", ".join(map(units.format_rate, have))
                raise InputError(
                    f"power.{place}: {name} has no operating point at {units.format_rate(governor.frequency)}; "
                    f"it has {listed}"
                )
        elif governor.frequency is not None and name in options.clusters:
            raise InputError(f"power.{place}: {name} has no operating points; leave its governor out")
    thermal = options.thermal or platform.thermal
    if thermal is None:
        return
    off = {name for name, limit in _limits(platform, system).items() if limit.cores == 0}
    for trip in thermal.trips:
        for name in trip.caps:
            if name in off:
                continue
            if name not in platform.processors:
                raise InputError(f"thermal: the trip at {trip.temperature} °C caps {name!r}, which is no cluster")
            points = platform.processors[name].operating_points
            if points is not None and trip.caps[name] < points[0].frequency:
                raise InputError(
                    f"thermal: the trip at {trip.temperature} °C caps {name} at "
                    f"{units.format_rate(trip.caps[name])}, below its lowest operating point"
                )
    if thermal.network is not None:
        for name in thermal.network.inputs:
            if name != "base" and name not in platform.processors and name not in off:
                raise InputError(f"thermal: the network's input {name!r} is no cluster (nor 'base')")
