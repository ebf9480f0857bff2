"""A platform in words: clusters, links, memory, power and heat, notes and sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from rtsched import units
from rtsched.model import catalogue
from rtsched.model.accelerator import BlockLevel
from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PowerLaw
from rtsched.model.platform import Cluster, Link, ModeLimit, Platform
from rtsched.model.power import OperatingPoint, Thermal
from rtsched.show.abilities import abilities
from rtsched.show.text import Answer, table, wrapped
from rtsched.visible import shown


def describe_platform(name: str) -> Answer:
    """A platform by name: processors, memory, links, power and heat, each figure with its source."""
    platform = catalogue.load_platform(name, None)
    exact, platform = platform, shown(platform)
    lines = [f"{platform.name}: {platform.title or 'a platform'}"]
    if platform.aliases:
        lines.append(f"also called {', '.join(platform.aliases)}")
    lines += ["", "processors"]
    for cluster_name, cluster in platform.processors.items():
        lines += [f"  {cluster_name}: {_identity(cluster)}", *table(_cluster(cluster), indent=4)]
    for heading, rows in (
        ("links", [(link_name, _link(link)) for link_name, link in platform.links.items()]),
        ("memory", _memory(platform.memory)),
        ("power and heat", _heat(platform)),
    ):
        if rows:
            lines += ["", heading, *table(rows)]
    lines += _power_modes(platform.power_modes)
    abilities_ = abilities(platform, catalogue.latency_table())
    lines += ["", "what can be simulated"]
    lines += table([(ability.name, f"{ability.answer}: {ability.reason}") for ability in abilities_])
    if not any(ability.answer != "no" for ability in abilities_[1:]):
        lines += ["", "  Only task sets with execution times of your own can be simulated on this platform."]
    lines += _notes(platform)
    data = exact.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return Answer("\n".join(lines), data, "platform", exact)


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
    together = [point for point in points if point.busy_milliwatt is not None]
    if together:
        most = max(len(point.busy_milliwatt or ()) for point in together)
        known.append(f"power of 1 to {most} busy cores known at {len(together)} of them")
    if any(point.score is not None for point in points):
        known.append("measured work per second")
    return f"{len(points)}, {megahertz}, {' and '.join(known) or 'neither voltage nor power known'}"


def _range(values: Sequence[Fraction], unit: str) -> str:
    low, high = (f"{float(value):.10g}" for value in (min(values), max(values)))
    return f"{low} {unit}" if low == high else f"{low}–{high} {unit}"


def _power(cluster: Cluster) -> str:
    power = cluster.power
    assert power is not None
    parts = [f"active {units.format_power(power.active)}"] if power.active is not None else []
    if power.idle or not (power.leakage or power.coefficient):
        parts.append(f"idle {units.format_power(power.idle)}")
    if power.leakage is not None:
        parts.append("static power that grows with voltage and temperature")
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
    launch = f", launches of {units.format_duration(gpu.launch)}" if gpu.launch else ""
    rows = [
        (
            "block level",
            f"{gpu.sms} SMs of {', '.join(limits)}; a block has at most {', '.join(block)}; mode {gpu.mode}",
        ),
        (
            "streams",
            f"{gpu.streams}{null}, {gpu.priorities} priorities set by the {gpu.assign}{channels}{launch}; {copies}",
        ),
        ("blocks", f"placed {gpu.placement}; {gpu.sms_per_tpc} SMs a TPC"),
    ]
    if gpu.time_slice is not None or gpu.context_switch:
        turn = f"time slice {units.format_duration(gpu.time_slice)}" if gpu.time_slice is not None else "no time slice"
        switch = f", switch {units.format_duration(gpu.context_switch)}" if gpu.context_switch else ""
        rows.append(("GPU contexts", turn + switch))
    if gpu.mps:
        rows.append(("MPS", ", ".join(f"{context} {share:g} % of the SMs" for context, share in gpu.mps.items())))
    if gpu.mig:
        rows.append(("MIG", f"instances of {', '.join(map(str, gpu.mig))} sevenths, {gpu.slice_sms} SMs each"))
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
            lines += wrapped(text, f"  {label}: ")
    return lines


def source_keys(source: str) -> list[str]:
    """The keys in one value of `sources`: ``"ncnn, press"`` has two, a sentence is one by itself."""
    parts = [part.strip() for part in source.split(",")]
    return parts if all(re.fullmatch(r"[\w.+-]+", part) for part in parts) else [source]
