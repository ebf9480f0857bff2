"""What `rtsched show [KIND] NAME` says: one thing of the catalogue, with its sources and what is assumed."""

from __future__ import annotations

import difflib
import inspect
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.registry import OTHERS, POLICIES, REGISTRY
from rtsched.show.abilities import Ability, abilities
from rtsched.show.platform import describe_platform
from rtsched.show.protocols import PROTOCOLS, describe_protocol
from rtsched.show.text import Answer, table
from rtsched.visible import shown, visible

__all__ = ["KINDS", "PROTOCOLS", "Ability", "Answer", "abilities", "describe", "describe_protocol"]

KINDS = ("platform", "workload", "network", "family", "protocol", *POLICIES, *OTHERS)


def describe(name: str, kind: str | None = None) -> Answer:
    """The view of whatever is called `name`, or of the `kind` (one of KINDS) called so."""
    if kind is None:
        return _anything(name)
    if kind == "platform":
        return describe_platform(name)
    if kind == "workload":
        return _workload(name)
    if kind in POLICIES:
        return _policy(kind, name)
    if kind == "family":
        return _family(name)
    if kind == "theorem":
        return _theorem(name)
    if kind == "protocol":
        return describe_protocol(name)
    if kind in OTHERS:
        return _other(kind, name)
    if kind == "network" and (name.endswith((".onnx", ".csv")) or name in catalogue.network_names()):
        rows = [row for row in catalogue.latency_table() if row["network"] == name]
        operators = _operators(name)
        return (
            Answer(f"{_network(name, rows).text}\n\n{operators.text}", operators.data, "network") if rows else operators
        )
    if kind != "network":
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"kinds: {', '.join(KINDS)}"
        raise InputError(f"no kind of thing is called {kind!r}; {hint}")
    latencies = catalogue.latency_table()
    rows = [row for row in latencies if row["network"] == name]
    if not rows:
        close = difflib.get_close_matches(name, {row["network"] for row in latencies}, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list networks` names them"
        raise InputError(f"no network is called {name!r}; {hint}")
    return _network(name, rows)


def _anything(name: str) -> Answer:
    """What is called `name`, whatever its kind."""
    if name.endswith((".onnx", ".csv")):
        return _operators(name)
    if catalogue.is_path(name):
        return describe_platform(name) if catalogue.is_platform_file(name) else _workload(name)
    known: dict[str, list[str]] = {kind: catalogue.names(kind) for kind in ("platforms", "workloads")}
    known |= {kind: REGISTRY.names(kind) for kind in (*POLICIES, *OTHERS)}
    if name.split(":")[0] in known["platforms"]:
        return describe_platform(name)
    if name in known["workloads"]:
        return _workload(name)
    for kind in POLICIES:
        if name in known[kind]:
            return _policy(kind, name)
    if name in PROTOCOLS:
        return describe_protocol(name)
    if name in catalogue.network_names():
        return describe(name, "network")
    rows = [row for row in catalogue.latency_table() if row["network"] == name]
    if rows:
        return _network(name, rows)
    from rtsched.dnn.families import load_families, variant_rows

    if name in load_families(variant_rows()):
        return _family(name)
    for kind in OTHERS:
        if name in known[kind]:
            return describe(name, kind)
    try:
        return describe_platform(name)  # an alias
    except InputError:
        pass
    if name in KINDS:
        raise InputError(f"{name!r} is a kind of thing; write `rtsched show {name} NAME`")
    everything = {each for names in known.values() for each in names}
    everything |= (
        set(PROTOCOLS) | {row["network"] for row in catalogue.latency_table()} | set(catalogue.network_names())
    )
    close = difflib.get_close_matches(name, everything, n=4)
    hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list` names everything"
    raise InputError(f"nothing is called {name!r}; {hint}")


def _family(name: str) -> Answer:
    """The variants of a family: accuracy, size, and where they were timed."""
    from rtsched.dnn.families import load_families, variant_rows
    from rtsched.dnn.usable import standing, timed_platforms

    families = load_families(variant_rows())
    if name not in families:
        close = difflib.get_close_matches(name, families, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list families` names them"
        raise InputError(f"no family is called {name!r}; {hint}")
    family = families[name]
    variants = []
    for variant in family.variants():
        rows = [row for row in family.rows if row.value == variant.value and row.time is not None]
        times = [
            f"{units.format_duration(row.time or 0, digits=4)} on {row.platform}"
            + (f" {row.processor}" if row.processor else "")
            + (f" ({row.status})" if row.status != "measured" else "")
            for row in rows
        ]
        if variant.relative_time is not None:
            times.append(f"{variant.relative_time:.3g} of the full time")
        worth = "accuracy not known" if variant.accuracy is None else f"{100 * variant.accuracy:.4g} %"
        size = "" if variant.mmacs is None else f", {variant.mmacs:.4g} million MACs"
        variants.append((variant.value, f"{worth}{size}" + (f"; {', '.join(times)}" if times else "")))
    sources = ", ".join(dict.fromkeys(row.source for row in family.rows))
    use = standing(family, timed_platforms({name: family}))
    about = [("varies", f"{family.knob}; judged by {family.metric}"), ("use", use.text)]
    lines = [f"{name} (family of variants)", "", *table(about)]
    lines += ["", *table(variants), "", f"  source: {sources}"]
    data = {
        "name": name, "kind": "family", "knob": family.knob, "metric": family.metric, "sources": sources,
        "use": use.text,
        "variants": [{"value": value, "about": about} for value, about in variants],
    }  # fmt: skip
    return Answer("\n".join(lines), data, "family")


def _workload(name: str) -> Answer:
    from rtsched.api import load, parts_of

    loaded = load(name)
    system = loaded.system
    spec = shown(loaded.lower())
    lines = [f"{visible(system.name)}: {system.title or 'a system'}", f"  {system.why}" if system.why else ""]
    lines += [f"  platform {loaded.platform.name}, scheduler {_scheduler_text(parts_of(system.scheduler))}", ""]
    width = max(len(task.name) for task in spec.tasks)
    for task in spec.tasks:
        times = _times(task.nodes[0].times, spec) if len(task.nodes) == 1 else f"{len(task.nodes)} nodes"
        gap = f"every {units.format_duration(task.period, digits=5)}" if task.period else "one job, or triggered"
        gap = "spawned by the policy" if task.arrival.kind == "spawned" else gap
        lines.append(
            f"  {task.name:<{width}}  {times}; {gap}; deadline {units.format_duration(task.deadline, digits=5)}; "
            f"{task.criticality}"
        )
    lines += [""] + [visible(f"  note: {note}") for note in system.notes]
    lines += [visible(f"  chosen: {note}") for note in system.chosen]
    lines += [] if system.generated is None else [f"  generated: {_generated(system.generated)}"]
    lines += [f"  assumed: {note}" for note in spec.assumed]
    lines += [visible(f"  source: {where}: {source}") for where, source in system.sources.items()]
    text = "\n".join(line for line, before in zip(lines, ["x", *lines], strict=False) if line or before)
    return Answer(text.rstrip(), system.model_dump(mode="json", exclude_defaults=True, by_alias=True), "workload")


def _generated(about: dict[str, Any]) -> str:
    """Which random set a system is, and what load was asked for and is reached."""
    which = f"set {about.get('index')} of seed {about.get('seed')}"
    loads = [(name, about.get(name)) for name in ("target", "reached")]
    told = [f"{name} {load:.6g}" for name, load in loads if isinstance(load, float | int)]
    return visible(f"{which}; utilisation {', '.join(told)}" if told else which)


def _scheduler_text(description: dict[str, Any]) -> str:
    def said(value: Any) -> str:
        return f"({_scheduler_text(value)})" if isinstance(value, dict) else str(value)

    return ", ".join(f"{key} {said(value)}" for key, value in description.items())


def _times(times: tuple[int | None, ...], spec: Any) -> str:
    """Execution times by cluster."""
    by_cluster: dict[str, int] = {}
    for processor, time in zip(spec.processors, times, strict=True):
        if time is not None:
            by_cluster.setdefault(processor.cluster, time)
    return ", ".join(f"{cluster} {units.format_duration(time, digits=5)}" for cluster, time in by_cluster.items())


def _policy(kind: str, name: str) -> Answer:
    factory = REGISTRY.find(kind, name)
    text = inspect.getdoc(factory) or ""
    signature = inspect.signature(factory)
    parameters = [str(parameter) for parameter in signature.parameters.values()]
    lines = [f"{name} ({kind})", "", text]
    if parameters:
        lines += ["", f"parameters: {', '.join(parameters)}"]
    return Answer("\n".join(lines), {"name": name, "kind": kind, "text": text, "parameters": parameters}, kind)


def _other(kind: str, name: str) -> Answer:
    """A metric, an exporter, an importer or a section of reports: what it is, and whose."""
    text = inspect.getdoc(REGISTRY.find(kind, name)) or ""
    rows = [("package", REGISTRY.package(kind, name))] if REGISTRY.package(kind, name) else []
    if kind == "metric":
        from rtsched.metrics.metric import find

        metric = find(name)
        rows += [("title", metric.title), ("unit", metric.unit or "a plain number"), ("better", metric.better)]
        rows += [("needs", "the trace")] if metric.needs_trace else []
    about = ["", *table(rows)] if rows else []
    data = {"name": name, "kind": kind, **dict(rows), "text": text}
    return Answer("\n".join([f"{name} ({kind})", *about, "", text]), data, kind)


def _theorem(name: str) -> Answer:
    """A schedulability test: what it says, what it needs, and where it comes from."""
    from rtsched.schedulability.theorem import theorems

    known = theorems()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list theorems` names them"
        raise InputError(f"no theorem is called {name!r}; {hint}")
    theorem = known[name]
    needs = [(inspect.getdoc(need) or "").split("\n")[0] for need in theorem.needs]
    text = inspect.getdoc(theorem.function) or ""
    rows = [
        ("title", theorem.title),
        ("strength", theorem.strength),
        ("speaks of", theorem.model.__name__),
        ("needs", " ".join(filter(None, needs)) or "nothing beyond its model"),
        ("source", theorem.evidence.citation),
    ]
    data = {"name": name, "kind": "theorem", **dict(rows), "text": text}
    return Answer("\n".join([f"{name} (theorem)", "", *table(rows), "", text]), data, "theorem")


def _network(name: str, rows: list[Mapping[str, str]]) -> Answer:
    exact = rows
    columns = ("platform", "processor", "input", "precision", "runtime", "threads", "latency_ms", "status", "source")
    rows = [shown(row) for row in rows]
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns}
    lines = [f"{name} (network)", "", "  " + "  ".join(f"{column:<{widths[column]}}" for column in columns)]
    lines += ["  " + "  ".join(f"{row[column]:<{widths[column]}}" for column in columns).rstrip() for row in rows]
    return Answer("\n".join(lines), {"name": name, "kind": "network", "rows": exact}, "network")


def _size(count: int | None) -> str:
    return "not known" if count is None else units.format_size(count)


def _operators(path: str) -> Answer:
    """A network by its operators: what it computes, what it moves, what is not known of it."""
    from rtsched.dnn import cost
    from rtsched.dnn.network_file import load

    network = load(path)
    kinds = Counter(operator.kind for operator in network.operators)
    inputs = {
        name: "x".join("?" if size is None else str(size) for size in shape) for name, shape in network.inputs.items()
    }
    rows = [
        ("inputs", ", ".join(f"{name} {shape or 'scalar'}" for name, shape in inputs.items())),
        (
            "operators",
            f"{len(network.operators)} ({', '.join(f'{count} {kind}' for kind, count in kinds.most_common(8))})",
        ),
        ("MACs", "not known" if network.macs is None else f"{network.macs / 1e6:,.1f} million"),
        (
            "weights",
            f"{network.initializer_elements / 1e6:,.2f} million, {units.format_size(network.initializer_bytes)}",
        ),
        ("activations", f"{_size(network.activation_bytes)} written in all"),
        ("peak", f"{_size(network.peak_bytes)} read and written by one operator"),
    ]
    if network.macs:
        shares = ", ".join(f"{kind} {macs / network.macs:.1%}" for kind, macs in network.macs_by_kind.items())
        rows.insert(3, ("", shares))
    if network.unknown:
        rows.append(("unknown", f"{len(network.unknown)} tensors have no shape, e.g. {', '.join(network.unknown[:3])}: "
                     "give open inputs a size (`rtsched import --shape`)"))  # fmt: skip
    if network.custom:
        rows.append(("custom", f"{', '.join(network.custom)}: not understood"))
    why = cost.unknown(network)
    rows += [("cost", f"not known: {why}")] if why else []
    rows += [("note", note) for note in network.notes]
    data = {
        "name": network.name, "kind": "network", "inputs": inputs, "nodes": network.nodes,
        "operators": dict(kinds.most_common()), "macs": network.macs, "macs_by_kind": network.macs_by_kind,
        "weights": network.initializer_elements, "weight_bytes": network.initializer_bytes,
        "activation_bytes": network.activation_bytes, "peak_bytes": network.peak_bytes,
        "unknown": list(network.unknown), "custom": list(network.custom), "notes": list(network.notes),
        "known": network.macs is not None, "no_cost": why or None,
    }  # fmt: skip
    return Answer("\n".join([f"{network.name} (network, {path})", "", *table(rows)]), data, "network")
