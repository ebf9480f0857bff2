"""What `rtsched show [KIND] NAME` says: one thing of the catalogue, with its sources and what is assumed."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from rtsched import units
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.accelerator import BlockLevel
from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PowerLaw
from rtsched.model.platform import Cluster, Link, ModeLimit, Platform
from rtsched.model.power import OperatingPoint, Thermal
from rtsched.registry import GROUPS, REGISTRY

KINDS = ("platform", "workload", "network", *GROUPS)

#: Lines are broken here.
WIDTH = 110

#: Clusters that are no part of the chip: they have neither its operating points nor its power.
OUTSIDE = ("link", "cloud")


@dataclass(frozen=True)
class View:
    """An answer as text for people and as data for programs; `platform` is what can be drawn."""

    text: str
    data: dict[str, Any]
    kind: str
    platform: Platform | None = None


def describe(name: str, kind: str | None = None) -> View:
    """The view of whatever is called `name`, or of the `kind` (one of KINDS) called so."""
    if kind is None:
        return _anything(name)
    if kind == "platform":
        return _platform(name)
    if kind == "workload":
        return _workload(name)
    if kind in GROUPS:
        return _policy(kind, name)
    if kind != "network":
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"kinds: {', '.join(KINDS)}"
        raise InputError(f"no kind of thing is called {kind!r}; {hint}")
    table = catalogue.latency_table()
    rows = [row for row in table if row["network"] == name]
    if not rows:
        close = difflib.get_close_matches(name, {row["network"] for row in table}, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list networks` names them"
        raise InputError(f"no network is called {name!r}; {hint}")
    return _network(name, rows)


def _anything(name: str) -> View:
    """What is called `name`, whatever its kind."""
    if catalogue.is_path(name):
        return _platform(name) if catalogue.is_platform_file(name) else _workload(name)
    known: dict[str, list[str]] = {kind: catalogue.names(kind) for kind in ("platforms", "workloads")}
    known |= {kind: REGISTRY.names(kind) for kind in GROUPS}
    if name.split(":")[0] in known["platforms"]:
        return _platform(name)
    if name in known["workloads"]:
        return _workload(name)
    for kind in GROUPS:
        if name in known[kind]:
            return _policy(kind, name)
    rows = [row for row in catalogue.latency_table() if row["network"] == name]
    if rows:
        return _network(name, rows)
    try:
        return _platform(name)  # an alias
    except InputError:
        pass
    if name in KINDS:
        raise InputError(f"{name!r} is a kind of thing; write `rtsched show {name} NAME`")
    everything = {each for names in known.values() for each in names}
    everything |= {row["network"] for row in catalogue.latency_table()}
    close = difflib.get_close_matches(name, everything, n=4)
    hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list` names everything"
    raise InputError(f"nothing is called {name!r}; {hint}")


# ---- platforms: what is there ----------------------------------------------------------------------------------------


def _platform(name: str) -> View:
    platform = catalogue.load_platform(name, None)
    lines = [f"{platform.name}: {platform.title or 'a platform'}"]
    if platform.aliases:
        lines.append(f"also called {', '.join(platform.aliases)}")
    lines += ["", "processors"]
    for cluster_name, cluster in platform.processors.items():
        lines += [f"  {cluster_name}: {_identity(cluster)}", *_table(_cluster(cluster), indent=4)]
    for heading, rows in (
        ("links", [(link_name, _link(link)) for link_name, link in platform.links.items()]),
        ("memory", _memory(platform.memory)),
        ("power and heat", _heat(platform)),
    ):
        if rows:
            lines += ["", heading, *_table(rows)]
    lines += _power_modes(platform.power_modes)
    abilities_ = abilities(platform, catalogue.latency_table())
    lines += ["", "what can be simulated"]
    lines += _table([(ability.name, f"{ability.answer}: {ability.reason}") for ability in abilities_])
    if not any(ability.answer != "no" for ability in abilities_[1:]):
        lines += ["", "  Only task sets with execution times of your own can be simulated on this platform."]
    lines += _notes(platform)
    data = platform.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return View("\n".join(lines), data, "platform", platform)


def _table(rows: Sequence[tuple[str, str]], indent: int = 2) -> list[str]:
    """Lines of two columns, the second one wrapped."""
    width = max((len(label) for label, _ in rows), default=0)
    lines = []
    for label, text in rows:
        lines += _wrapped(text, f"{' ' * indent}{label:<{width}}  ")
    return lines


def _wrapped(text: str, first: str) -> list[str]:
    """`text` after `first`, broken into lines that begin where it began."""
    room = max(40, WIDTH - len(first))
    parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [first + parts[0], *(" " * len(first) + part for part in parts[1:])]


def _identity(cluster: Cluster) -> str:
    names = [part for part in (cluster.core, cluster.model) if part]
    what = f"{', '.join(names)} ({cluster.kind})" if names else cluster.kind
    return f"{cluster.cores} × {what}" if cluster.cores > 1 else what


_SERVICE = {
    "preemptive": "preemptive",
    "node": "preemptible between nodes",
    "run-to-completion": "runs a segment to its end",
}


def _cluster(cluster: Cluster) -> list[tuple[str, str]]:
    """What is known of a cluster, one row per aspect."""
    service = _SERVICE[cluster.serves] if cluster.block_level is None else "block by block"
    rows = [("service", service + _costs(cluster))]
    if cluster.speeds:
        rows.append(("speeds", ", ".join(map(str, cluster.speeds))))
    elif cluster.speed != 1:
        rows.append(("speed", str(cluster.speed)))
    if cluster.frequency_max:
        rows.append(("clock", f"up to {units.format_rate(cluster.frequency_max)}"))
    if cluster.operating_points:
        rows.append(("operating points", _points(cluster.operating_points)))
    if cluster.frequency_domains:
        domains = " | ".join(" ".join(map(str, domain)) for domain in cluster.frequency_domains)
        rows.append(("frequency domains", f"cores {domains}"))
    if cluster.switch_latency:
        rows.append(("frequency change", f"takes {units.format_duration(cluster.switch_latency)}"))
    if cluster.power is not None:
        rows.append(("power", _power(cluster)))
    if cluster.peak:
        rows.append(("peak", ", ".join(f"{precision} {rate}" for precision, rate in cluster.peak.items())))
    if cluster.threads:
        speedups = ", ".join(f"{count}: {speedup:g}" for count, speedup in sorted(cluster.threads.items()))
        rows.append(("one server", f"speed-up per number of threads {speedups}"))
    if cluster.contexts > 1:
        shared = "which share its speed" if cluster.sharing == "equal" else "each at its whole speed"
        rows.append(("contexts", f"{cluster.contexts} a core, {shared}"))
    if cluster.block_level is not None:
        rows += _block_level(cluster.block_level)
    if cluster.checkpoint is not None:
        state, width = cluster.checkpoint.state, cluster.checkpoint.bandwidth
        rows.append(("checkpoint", f"{_size(state)} over {units.format_bandwidth(width)}, each way"))
    if cluster.weights is not None:
        size, width = cluster.weights.capacity, cluster.weights.bandwidth
        rows.append(("weights", f"room for {_size(size)}, loaded at {units.format_bandwidth(width)}"))
    if cluster.facts:
        rows.append(("facts", ", ".join(f"{key} {value}" for key, value in cluster.facts.items())))
    return rows


def _costs(cluster: Cluster) -> str:
    costs = (("context switch", cluster.context_switch), ("migration", cluster.migration))
    return "".join(f", {what} {units.format_duration(time)}" for what, time in costs if time)


def _points(points: Sequence[OperatingPoint]) -> str:
    """How many operating points there are, their range, and what is known at them."""
    megahertz = _range([Fraction(point.frequency, 10**6) for point in points], "MHz")
    millivolts = [Fraction(point.microvolt, 1000) for point in points if point.microvolt is not None]
    milliwatts = [Fraction(repr(point.milliwatt)) for point in points if point.milliwatt is not None]
    known = [
        f"{what} known{'' if len(values) == len(points) else f' at {len(values)} of them'} ({_range(values, unit)})"
        for what, values, unit in (("voltage", millivolts, "mV"), ("power of a busy core", milliwatts, "mW"))
        if values
    ]
    return f"{len(points)}, {megahertz}, {' and '.join(known) or 'neither voltage nor power known'}"


def _range(values: Sequence[Fraction], unit: str) -> str:
    low, high = (f"{float(value):.10g}" for value in (min(values), max(values)))
    return f"{low} {unit}" if low == high else f"{low}–{high} {unit}"


def _power(cluster: Cluster) -> str:
    power = cluster.power
    assert power is not None
    parts = [f"active {units.format_power(power.active)}"] if power.active is not None else []
    parts.append(f"idle {units.format_power(power.idle)}")
    if power.coefficient is not None:
        parts.append(f"coefficient {power.coefficient:g} uW / (MHz V²)")
    return ", ".join(parts) + (" (each processor)" if cluster.cores > 1 else "")


def _block_level(gpu: BlockLevel) -> list[tuple[str, str]]:
    """A GPU's limits per multiprocessor and per block, its queues, and how contexts share it."""
    limits = [f"{gpu.threads} threads"]
    limits += [f"shared memory {_size(gpu.shared_memory)}"] if gpu.shared_memory is not None else []
    limits += [f"{gpu.registers} registers"] if gpu.registers is not None else []
    limits += [f"{gpu.blocks} block slots"] if gpu.blocks is not None else []
    block = [f"{gpu.max_threads} threads"]
    block += [f"shared memory {_size(gpu.max_shared_memory)}"] if gpu.max_shared_memory is not None else []
    block += [f"{gpu.max_registers} registers"] if gpu.max_registers is not None else []
    copies = f"{gpu.copy_engines} copy engine{'s' if gpu.copy_engines > 1 else ''}"
    copies += f" at {units.format_bandwidth(gpu.copy_bandwidth)}" if gpu.copy_bandwidth is not None else ""
    channels = f", {gpu.channels} channels a context ({gpu.channel_order})" if gpu.channels is not None else ""
    null = " (stream 0 is the NULL stream)" if gpu.null_stream else ""
    rows = [
        (
            "block level",
            f"{gpu.sms} SMs of {', '.join(limits)}; a block has at most {', '.join(block)}; mode {gpu.mode}",
        ),
        ("streams", f"{gpu.streams}{null}, {gpu.priorities} priorities set by the {gpu.assign}{channels}; {copies}"),
        ("blocks", f"placed {gpu.placement}; {gpu.sms_per_tpc} SMs a TPC"),
    ]
    if gpu.time_slice is not None or gpu.context_switch:
        turn = f"time slice {units.format_duration(gpu.time_slice)}" if gpu.time_slice is not None else "no time slice"
        switch = f", switch {units.format_duration(gpu.context_switch)}" if gpu.context_switch else ""
        rows.append(("GPU contexts", turn + switch))
    if gpu.mps:
        rows.append(("MPS", ", ".join(f"{context} {share:g} % of the SMs" for context, share in gpu.mps.items())))
    if gpu.mig:
        rows.append(("MIG", f"instances of {', '.join(map(str, gpu.mig))} sevenths"))
    if gpu.masks:
        rows.append(("TPC masks", ", ".join(f"{task} {mask:#x}" for task, mask in gpu.masks.items())))
    return rows


def _size(size: int) -> str:
    """A size in decimal or binary units, whichever is shorter."""
    texts = [units.format_size(size)]
    texts += [
        f"{size >> bits} {unit}" for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)) if not size % (1 << bits)
    ]
    return min(texts, key=len)


def _link(link: Link) -> str:
    parts = [" – ".join(link.between), f"latency {units.format_duration(link.latency)}"]
    parts.append(units.format_bandwidth(link.bandwidth) if link.bandwidth else "unlimited bandwidth")
    if isinstance(link.trace, str):
        parts.append(f"varying as in {link.trace}")
    elif link.trace is not None:
        parts.append(f"varying at {len(link.trace)} instants")
    elif link.markov is not None:
        parts.append(f"varying at random between {len(link.markov.states)} states")
    return ", ".join(parts)


def _memory(memory: Memory | None) -> list[tuple[str, str]]:
    if memory is None:
        return []
    rows = []
    if memory.bandwidth is not None:
        rows.append(("bandwidth", units.format_bandwidth(memory.bandwidth)))
    if memory.capacity is not None:
        rows.append(("capacity", _size(memory.capacity)))
    if memory.load_bandwidth is not None:
        rows.append(("loading", f"evicted networks come back at {units.format_bandwidth(memory.load_bandwidth)}"))
    if memory.contention is not None:
        rows.append(("contention", _contention(memory.contention)))
    return rows


def _contention(model: Contention) -> str:
    """A contention model with its parameters."""
    if isinstance(model, PowerLaw):
        return f"power-law, a {model.a:g}, b {model.b:g}"
    if isinstance(model, Pairwise):
        pairs = "; ".join(f"{pair.victim} beside {pair.beside} × {pair.slowdown:g}" for pair in model.pairs)
        return f"pairwise, measured, at most × {model.cap:g}: {pairs}"
    if isinstance(model, Pccs):
        each = (
            f"{name} ({', '.join(f'{key} {value:g}' for key, value in parameters.model_dump().items())})"
            for name, parameters in model.processors.items()
        )
        return f"pccs: {'; '.join(each)}"
    return f"proportional, {model.usable * 100:g} % of the bandwidth usable"


def _heat(platform: Platform) -> list[tuple[str, str]]:
    rows = []
    if platform.base_power:
        rows.append(("base power", units.format_power(platform.base_power)))
    thermal = platform.thermal
    if thermal is not None:
        rows.append(("thermal model", _thermal(thermal)))
        rows += [
            (
                f"above {trip.temperature:g} °C",
                ", ".join(f"{cluster} at most {units.format_rate(cap)}" for cluster, cap in trip.caps.items()),
            )
            for trip in thermal.trips
        ]
    return rows


def _thermal(thermal: Thermal) -> str:
    if thermal.node is not None:
        model = f"one node of {thermal.node.resistance:g} K/W and {thermal.node.capacitance:g} J/K"
    else:
        assert thermal.network is not None
        model = f"a network of {len(thermal.network.a)} points heated by {', '.join(thermal.network.inputs)}"
    parts = [model, f"ambient {thermal.ambient:g} °C"]
    parts += [f"initially {thermal.initial:g} °C"] if thermal.initial is not None else []
    parts += [f"sampled every {units.format_duration(thermal.period)}"] if thermal.period is not None else []
    parts += [f"hysteresis {thermal.hysteresis:g} K"] if thermal.trips else []
    return ", ".join(parts)


def _power_modes(modes: Mapping[str, Mapping[str, ModeLimit]]) -> list[str]:
    """Power modes as a table: a row per mode, a column per cluster that any of them limits."""
    if not modes:
        return []
    clusters = list(dict.fromkeys(cluster for limits in modes.values() for cluster in limits))
    cells = [["", *clusters]]
    cells += [[mode, *(_limit(limits.get(cluster)) for cluster in clusters)] for mode, limits in modes.items()]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rows = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells)
    return ["", "power modes", *(f"  {row}".rstrip() for row in rows)]


def _limit(limit: ModeLimit | None) -> str:
    if limit is None:
        return "–"
    parts = [] if limit.cores is None else ["off" if limit.cores == 0 else f"{limit.cores} cores"]
    parts += [] if limit.frequency_max is None else [units.format_rate(limit.frequency_max)]
    return ", ".join(parts) or "–"


def _notes(platform: Platform) -> list[str]:
    lines: list[str] = []
    covered: dict[str, list[str]] = {}
    for where, source in platform.sources.items():
        for key in source_keys(source):
            covered.setdefault(key, []).append(where)
    for label, texts in (
        ("note", platform.notes),
        ("assumed", platform.assumed),
        ("source", [f"{key}: {', '.join(places)}" for key, places in covered.items()]),
    ):
        if texts:
            lines.append("")
        for text in texts:
            lines += _wrapped(text, f"  {label}: ")
    return lines


def source_keys(source: str) -> list[str]:
    """The keys in one value of `sources`: ``"ncnn, press"`` has two, a sentence is one by itself."""
    parts = [part.strip() for part in source.split(",")]
    return parts if all(re.fullmatch(r"[\w.+-]+", part) for part in parts) else [source]


# ---- platforms: what can be simulated --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ability:
    """Something that can, can in part, or cannot be simulated on a platform, and why."""

    name: str
    answer: Literal["yes", "in part", "no"]
    reason: str


def abilities(platform: Platform, latencies: Iterable[Mapping[str, str]]) -> list[Ability]:
    """What the facts of a platform and the latency table allow, the classic task sets first."""
    names = (platform.name, *platform.aliases)
    latencies = [row for row in latencies if row["platform"] in names]
    return [
        Ability("task sets", "yes", "give the execution times: a 'wcet', per kind or cluster if they differ"),
        _networks(platform, latencies),
        _frequency_scaling(platform),
        _energy(platform, latencies),
        _throttling(platform),
        _memory_contention(platform),
        _with(platform, "GPU block level", "block_level", "its GPU serves one node at a time", kinds=("gpu",)),
        _with(platform, "weight loading", "weights", "networks are always in place"),
        _transfers(platform),
    ]


def _networks(platform: Platform, rows: Sequence[Mapping[str, str]]) -> Ability:
    usable = [row for row in rows if row["processor"] in platform.processors]
    counts = Counter(row["processor"] for row in usable)
    stray = Counter(row["processor"] for row in rows if row["processor"] not in platform.processors)
    aside = "".join(
        f"; {count} more {'is' if count == 1 else 'are'} of {processor!r}, no cluster, and not looked up"
        for processor, count in stray.items()
    )
    if not usable:
        return Ability("networks by name", "no", f"no latency is known here: give a 'wcet'{aside}")
    where = ", ".join(f"{cluster} {counts[cluster]}" for cluster in platform.processors if counts[cluster])
    missing = [name for name, cluster in platform.processors.items() if not counts[name] and cluster.kind != "link"]
    without = f"; none on {', '.join(missing)}: give a 'wcet'" if missing else ""
    many = len({row["network"] for row in usable})
    rows_ = f"{len(usable)} latenc{'ies' if len(usable) > 1 else 'y'} of {many} network{'s' if many > 1 else ''}"
    reason = f"{rows_} ({where}){without}{aside}"
    return Ability("networks by name", "in part" if missing else "yes", reason)


def _graded(name: str, known: Mapping[str, str], unknown: Sequence[str], none: str, missing: str) -> Ability:
    """Yes with what is known of each cluster, in part if others lack it, no if all do."""
    if not known:
        return Ability(name, "no", none)
    groups: dict[str, list[str]] = {}
    for cluster, how in known.items():
        groups.setdefault(how, []).append(cluster)
    reason = "; ".join(f"{', '.join(clusters)} {how}" for how, clusters in groups.items())
    if not unknown:
        return Ability(name, "yes", reason)
    return Ability(name, "in part", f"{reason}; {missing} {', '.join(unknown)}")


def _on_chip(platform: Platform) -> dict[str, Cluster]:
    return {name: cluster for name, cluster in platform.processors.items() if cluster.kind not in OUTSIDE}


def _frequency_scaling(platform: Platform) -> Ability:
    chip = _on_chip(platform)
    known = {
        name: f"({len(cluster.operating_points)} points)"
        for name, cluster in chip.items()
        if cluster.operating_points is not None and len(cluster.operating_points) > 1
    }
    unknown = [name for name in chip if name not in known]
    none = "no cluster has several operating points: all run at one speed"
    return _graded("frequency scaling", known, unknown, none, "no operating points of")


def _energy_of(cluster: Cluster) -> str | None:
    """What the energy of a cluster is computed from; None if nothing is known."""
    points = cluster.operating_points or ()
    power = cluster.power
    if points and all(point.milliwatt is not None for point in points):
        return "by the measured power of each operating point"
    if power is None or (power.active is None and power.coefficient is None):
        return None
    volts = bool(points) and all(point.microvolt is not None for point in points)
    if volts:
        return "by voltage and " + ("coefficient" if power.coefficient is not None else "active power")
    if power.active is None:
        return None
    return "by active power" + (", which is taken to fall with the clock alone" if len(points) > 1 else " only")


def _energy(platform: Platform, rows: Sequence[Mapping[str, str]]) -> Ability:
    chip = _on_chip(platform)
    known = {name: how for name, cluster in chip.items() if (how := _energy_of(cluster)) is not None}
    unknown = [name for name in chip if name not in known]
    ability = _graded("energy", known, unknown, "no power is known of any cluster", "no power known of")
    count = sum(row["processor"] in chip and bool(row.get("energy_mj")) for row in rows)
    if not count:
        return ability
    answer = "in part" if ability.answer == "no" else ability.answer
    return Ability("energy", answer, f"{ability.reason}; an energy per inference for {count} of the latencies")


def _throttling(platform: Platform) -> Ability:
    if platform.thermal is None:
        return Ability("heat and throttling", "no", "no thermal model here; a workload can bring one")
    if not any(_energy_of(cluster) for cluster in _on_chip(platform).values()):
        return Ability(
            "heat and throttling", "no", "there is a thermal model, but no power is known that would heat it"
        )
    trips = ", ".join(f"{trip.temperature:g}" for trip in platform.thermal.trips)
    if not trips:
        return Ability(
            "heat and throttling", "in part", "a thermal model without trips: it heats up, nothing slows down"
        )
    return Ability("heat and throttling", "yes", f"a thermal model with trips at {trips} °C")


def _memory_contention(platform: Platform) -> Ability:
    memory = platform.memory
    if memory is not None and memory.contention is not None:
        over = f" over {units.format_bandwidth(memory.bandwidth)}" if memory.bandwidth else ""
        return Ability("memory contention", "yes", f"the model {memory.contention.model}{over}")
    if memory is not None and memory.bandwidth is not None:
        return Ability("memory contention", "no", "a bandwidth, but no contention model")
    return Ability("memory contention", "no", "neither bandwidth nor contention model is known")


def _with(platform: Platform, name: str, key: str, otherwise: str, kinds: tuple[str, ...] = ()) -> Ability:
    """Yes if some cluster has the part `key`."""
    having = [cluster for cluster, parts in platform.processors.items() if getattr(parts, key) is not None]
    if having:
        return Ability(name, "yes", f"{', '.join(having)} {'has' if len(having) == 1 else 'have'} a {key!r}")
    if kinds and not any(cluster.kind in kinds for cluster in platform.processors.values()):
        return Ability(name, "no", f"there is no {' or '.join(kinds)}".replace("gpu", "GPU"))
    return Ability(name, "no", f"no cluster has a {key!r}: {otherwise}")


def _transfers(platform: Platform) -> Ability:
    if platform.links:
        return Ability("transfers over links", "yes", ", ".join(platform.links))
    reason = "no links are described" + (": data moves in no time" if len(platform.processors) > 1 else "")
    return Ability("transfers over links", "no", reason)


# ---- workloads, policies, networks -----------------------------------------------------------------------------------


def _workload(name: str) -> View:
    from rtsched.api import load

    loaded = load(name)
    system = loaded.system
    spec = loaded.lower()
    lines = [f"{system.name}: {system.title or 'a system'}", f"  {system.why}" if system.why else ""]
    lines += [f"  platform {loaded.platform.name}, scheduler {_scheduler_text(system.scheduler)}", ""]
    width = max(len(task.name) for task in spec.tasks)
    for task in spec.tasks:
        times = _times(task.nodes[0].times, spec) if len(task.nodes) == 1 else f"{len(task.nodes)} nodes"
        gap = f"every {units.format_duration(task.period, digits=5)}" if task.period else "one job, or triggered"
        lines.append(
            f"  {task.name:<{width}}  {times}; {gap}; deadline {units.format_duration(task.deadline, digits=5)}; "
            f"{task.criticality}"
        )
    lines += [""] + [f"  note: {note}" for note in system.notes]
    lines += [f"  chosen: {note}" for note in system.chosen]
    lines += [f"  assumed: {note}" for note in spec.assumed]
    lines += [f"  source: {where}: {source}" for where, source in system.sources.items()]
    text = "\n".join(line for line, before in zip(lines, ["x", *lines], strict=False) if line or before)
    return View(text.rstrip(), system.model_dump(mode="json", exclude_defaults=True, by_alias=True), "workload")


def _scheduler_text(description: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in description.items())


def _times(times: tuple[int | None, ...], spec: Any) -> str:
    """Execution times by cluster."""
    by_cluster: dict[str, int] = {}
    for processor, time in zip(spec.processors, times, strict=True):
        if time is not None:
            by_cluster.setdefault(processor.cluster, time)
    return ", ".join(f"{cluster} {units.format_duration(time, digits=5)}" for cluster, time in by_cluster.items())


def _policy(kind: str, name: str) -> View:
    factory = REGISTRY.find(kind, name)
    text = inspect.getdoc(factory) or ""
    signature = inspect.signature(factory)
    parameters = [str(parameter) for parameter in signature.parameters.values()]
    lines = [f"{name} ({kind})", "", text]
    if parameters:
        lines += ["", f"parameters: {', '.join(parameters)}"]
    return View("\n".join(lines), {"name": name, "kind": kind, "text": text, "parameters": parameters}, kind)


def _network(name: str, rows: list[dict[str, str]]) -> View:
    columns = ("platform", "processor", "input", "precision", "runtime", "threads", "latency_ms", "status", "source")
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns}
    lines = [f"{name} (network)", "", "  " + "  ".join(f"{column:<{widths[column]}}" for column in columns)]
    lines += ["  " + "  ".join(f"{row[column]:<{widths[column]}}" for column in columns).rstrip() for row in rows]
    return View("\n".join(lines), {"name": name, "kind": "network", "rows": rows}, "network")
