"""What `rtsched show NAME` says: one thing of the catalogue, with its sources and what is assumed."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from typing import Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.platform import Cluster, Platform
from rtsched.registry import GROUPS, REGISTRY


@dataclass(frozen=True)
class View:
    """An answer as text for people and as data for programs."""

    text: str
    data: dict[str, Any]


def describe(name: str) -> View:
    """The view of whatever is called `name`: a platform, a workload, a network or a policy."""
    looks_like_path = name.endswith((".yaml", ".yml")) or "/" in name
    if looks_like_path:
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
    everything = {each for names in known.values() for each in names}
    everything |= {row["network"] for row in catalogue.latency_table()}
    close = difflib.get_close_matches(name, everything, n=4)
    hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list` names everything"
    raise InputError(f"nothing is called {name!r}; {hint}")


def _platform(name: str) -> View:
    platform = catalogue.load_platform(name, None)
    lines = [f"{platform.name}: {platform.title or 'a platform'}", ""]
    for cluster_name, cluster in platform.processors.items():
        lines.append(f"  {cluster_name:<10} {_cluster(cluster)}")
    for link_name, link in platform.links.items():
        width = units.format_bandwidth(link.bandwidth) if link.bandwidth else "unlimited bandwidth"
        lines.append(
            f"  {link_name:<10} link {' – '.join(link.between)}, {units.format_duration(link.latency)}, {width}"
        )
    if platform.memory is not None and platform.memory.bandwidth:
        lines.append(f"  {'memory':<10} {units.format_bandwidth(platform.memory.bandwidth)}")
    lines += _notes(platform)
    rows = [row for row in catalogue.latency_table() if row["platform"] == platform.name]
    if rows:
        networks = sorted({row["network"] for row in rows})
        lines += ["", f"  {len(rows)} measured latencies of {len(networks)} networks: {', '.join(networks[:12])}"]
        if len(networks) > 12:
            lines[-1] += ", … (all: rtsched list networks)"
    return View("\n".join(lines), platform.model_dump(mode="json", exclude_defaults=True, by_alias=True))


def _cluster(cluster: Cluster) -> str:
    parts = [f"{cluster.cores} × {cluster.core or cluster.kind}" if cluster.cores > 1 else cluster.core or cluster.kind]
    if cluster.model:
        parts.append(cluster.model)
    if cluster.frequency_max:
        parts.append(f"up to {units.format_rate(cluster.frequency_max)}")
    if cluster.operating_points:
        parts.append(f"{len(cluster.operating_points)} operating points")
    if cluster.speeds:
        parts.append(f"speeds {', '.join(map(str, cluster.speeds))}")
    elif cluster.speed != 1:
        parts.append(f"speed {cluster.speed}")
    parts.append(
        {
            "preemptive": "preemptive",
            "node": "preemptible between nodes",
            "run-to-completion": "runs a segment to its end",
        }[cluster.serves]
    )
    return ", ".join(parts)


def _notes(platform: Platform) -> list[str]:
    lines = []
    if platform.notes:
        lines += ["", *(f"  note: {note}" for note in platform.notes)]
    if platform.assumed:
        lines += ["", *(f"  assumed: {note}" for note in platform.assumed)]
    if platform.sources:
        lines += ["", *(f"  source: {where}: {source}" for where, source in platform.sources.items())]
    return lines


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
    return View(text.rstrip(), system.model_dump(mode="json", exclude_defaults=True, by_alias=True))


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
    return View("\n".join(lines), {"name": name, "kind": kind, "text": text, "parameters": parameters})


def _network(name: str, rows: list[dict[str, str]]) -> View:
    columns = ("platform", "processor", "input", "precision", "runtime", "threads", "latency_ms", "status", "source")
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns}
    lines = [f"{name} (network)", "", "  " + "  ".join(f"{column:<{widths[column]}}" for column in columns)]
    lines += ["  " + "  ".join(f"{row[column]:<{widths[column]}}" for column in columns).rstrip() for row in rows]
    return View("\n".join(lines), {"name": name, "kind": "network", "rows": rows})
