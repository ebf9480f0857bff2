"""What `rtsched show cost NETWORK --platform P` says: measured times, the model's, and how far the model is off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtsched import units
from rtsched.dnn import cost, network_file
from rtsched.dnn.calibration import stated
from rtsched.dnn.graph import trimmed
from rtsched.dnn.network import Network
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.platform import Platform
from rtsched.show.text import Answer, wrapped


def describe_cost(name: str, platform: str | None) -> Answer:
    """The view of the times of a network (by name, network file or ONNX model) on a platform."""
    if platform is None:
        raise InputError(f"show cost {name}: on which platform? add e.g. '--platform rk3588'")
    chip = catalogue.load_platform(platform)
    rows = catalogue.latency_table()
    named = [row for row in rows if row["network"] == name]
    here = [row for row in named if row["platform"] in (chip.name, *chip.aliases)]
    network, file = _operators(name, here or named)
    if not here and network is None:
        known = sorted({row["network"] for row in rows if row["platform"] in (chip.name, *chip.aliases)})
        raise InputError(
            f"network {name!r} was not measured on {chip.name!r}, and its operators are not known; give an ONNX model "
            f"or a network file, or one of {', '.join(known[:8])}, …"
        )
    why = "" if network is None else cost.unknown(network)
    lines = [f"{name} on {chip.name}", ""]
    clusters = []
    for cluster in chip.processors:
        mine = [row for row in here if row["processor"] == cluster]
        entry = _cluster(chip, cluster, rows, mine, None if why else network, file)
        clusters.append(entry)
        lines += _lines(entry)
    loose = [row for row in here if row["processor"] not in chip.processors]
    for row in loose:
        lines.append(f"  {row['processor']}: measured {_measured(row)}; which of its clusters is not told")
    if network is None:
        lines += ["", "Its operators are not known, so there is no model of it; import its ONNX model for one."]
    elif why:
        lines += ["", *wrapped(f"Its cost is not known: {why}.", "")]
    else:
        text = "The model adds, per operator, the longer of computing and moving bytes; "
        text += f"{(network.macs or 0) / 1e6:,.1f} million MACs"
        lines += ["", *wrapped(text + f" in {len(network.operators)} operators.", "")]
    for note in network.notes if network is not None else ():
        lines += wrapped(note, "")
    data = {
        "network": name, "platform": chip.name, "clusters": clusters, "macs": network and network.macs,
        "no_cost": why or None, "notes": list(network.notes) if network is not None else [],
    }  # fmt: skip
    return Answer("\n".join(lines), data, "cost")


def _operators(name: str, rows: list[Mapping[str, str]]) -> tuple[Network | None, str | None]:
    """The operators of a network, and the network file they came from; None where they are not known."""
    if name.endswith((".onnx", ".csv")):
        return trimmed(network_file.load(name)), None
    for row in rows:
        file = cost.operators_of(row)
        if file is not None:
            return trimmed(network_file.load(file)), file
    if name in catalogue.network_names():
        return trimmed(network_file.load(name)), name
    return None, None


def _cluster(
    chip: Platform,
    cluster: str,
    rows: cost.Rows,
    measured: list[Mapping[str, str]],
    network: Network | None,
    file: str | None,
) -> dict[str, Any]:
    """What is known of one cluster: its rows, and the model of each precision that has one."""
    precisions = sorted(
        {row["precision"] for row in rows if row["platform"] == chip.name and row["processor"] == cluster}
    )
    models = []
    for precision in dict.fromkeys(text or "fp32" for text in precisions or [""]):
        model = cost.model_for(chip, cluster, rows, precision)
        if model is None:
            continue
        unseen = model if file is None else cost.model_for(chip, cluster, rows, precision, leave_out=file)
        reckoned = stated(model, network)
        models.append(
            {
                "precision": precision,
                "predicted_ns": None if network is None else round(model.network(network)),
                "held_back_ns": None if network is None or unseen is None else round(unseen.network(network)),
                "networks": model.rows,
                "held_back_median": model.error,
                "held_back_max": max(abs(error) for error in model.errors),
                "error_median": reckoned.typical,
                "error_p90": reckoned.most,
                "error_max": reckoned.worst,
                "outside_calibrated_range": list(reckoned.outside),
                "note": f"{model.note}; {reckoned.note}",
            }
        )
    return {
        "cluster": cluster,
        "measured": [
            {name: row[name] for name in ("latency_ms", "precision", "runtime", "threads", "input", "status", "source")}
            for row in measured
        ],
        "models": models,
    }


def _lines(entry: dict[str, Any]) -> list[str]:
    lines = [f"  {entry['cluster']}"]
    for row in entry["measured"]:
        lines.append(f"    {row['status']:<9} {_measured(row)}")
    for model in entry["models"]:
        shown = "" if model["predicted_ns"] is None else units.format_duration(model["predicted_ns"], digits=4)
        if model["held_back_ns"] is not None and model["held_back_ns"] != model["predicted_ns"]:
            shown += f" ({units.format_duration(model['held_back_ns'], digits=4)} when it was held back)"
        lines += wrapped(f"{shown}  {model['precision'] or ''}  {model['note']}".strip(), "    model     ")
    if not entry["measured"] and not entry["models"]:
        lines.append("    nothing measured, and too few networks for a model")
    elif not entry["models"]:
        lines.append("    too few networks for a model")
    return lines


def _measured(row: Mapping[str, str]) -> str:
    about = [
        row["precision"],
        row["runtime"],
        f"{row['threads']} threads" if row["threads"] else "",
        row["input"],
        row["source"],
    ]
    return f"{row['latency_ms']} ms  ({', '.join(filter(None, about))})"
