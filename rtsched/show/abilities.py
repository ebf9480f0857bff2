"""What can be simulated with a platform, as far as its file goes: one line per ability, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rtsched import units
from rtsched.model.platform import Cluster, Platform

#: Clusters that are no part of the chip: they have neither its operating points nor its power.
OUTSIDE = ("link", "cloud")


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
    if any(point.busy_milliwatt is not None for point in points):
        return "by the measured power of as many busy cores, f V^2 between the measured points"
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
