"""Measuring a model on this machine's CPU with onnxruntime, as a row of a latency table and node by node.

End to end it is measured without the profiler, which slows small nodes down; the medians of the nodes out of a profiled
run are then scaled so that they sum to the median of the whole. Means are not used: one interruption ruins them.

Medians are typical times. Beside them stands the largest time of each node and of the whole: the largest that was
measured, which is no bound either, but the least that a proof may take.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.model.catalogue import LATENCY_COLUMNS
from rtsched.model.document import cut
from rtsched.visible import cell

#: The columns of a table that this writes: those that must be there, and the percentiles.
COLUMNS = (
    "platform", "network", "input", "processor", "threads", "precision", "runtime", "latency_ms", "p50_ms", "p99_ms",
    "p99_9_ms", "max_ms", "energy_mj", "memory_mb", "status", "source", "n",
)  # fmt: skip

#: The timer of the profiler counts microseconds: nodes shorter than this are joined to a neighbour.
LEAST_US = 20.0


@dataclass(frozen=True)
class Figures:
    """Times of repeated runs in microseconds."""

    median: float
    p99: float
    max: float
    count: int


@dataclass(frozen=True)
class NodeFigures:
    """A node that was executed (fused ones under one name), and its share of the whole in microseconds.

    `runs` are its times in their order.
    """

    name: str
    operator: str
    times: Figures
    scaled: float
    runs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A model measured end to end, and its nodes in the order of execution."""

    network: str
    threads: int
    inputs: str
    whole: Figures
    nodes: tuple[NodeFigures, ...]
    runs: tuple[float, ...] = ()

    def largest(self, node: NodeFigures) -> float:
        """The largest time of a node in us, more where all nodes' together are less than the largest of the whole."""
        together = sum(each.times.max for each in self.nodes)
        return node.times.max * max(1.0, self.whole.max / together) if together else 0.0


def figures(times: Sequence[float]) -> Figures:
    """Median, 99th percentile (nearest rank), maximum and count.

    >>> figures([3.0, 1.0, 2.0, 10.0])
    Figures(median=2.5, p99=10.0, max=10.0, count=4)
    """
    ordered = sorted(times)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Figures(median, ordered[math.ceil(0.99 * len(ordered)) - 1], ordered[-1], len(ordered))


def node_figures(events: Iterable[Mapping[str, Any]], warm_up: int, whole: Figures) -> tuple[NodeFigures, ...]:
    """The nodes of a profile that onnxruntime wrote, without the first `warm_up` runs, scaled to the whole's median."""
    times: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith("_kernel_time"):
            name = name.removesuffix("_kernel_time")
            times.setdefault(name, []).append(float(event["dur"]))
            kinds[name] = str(event.get("args", {}).get("op_name", ""))
    kept = {name: tuple(each[warm_up:]) for name, each in times.items() if len(each) > warm_up}
    measured = {name: figures(each) for name, each in kept.items()}
    total = sum(each.median for each in measured.values())
    scale = whole.median / total if total else 0.0
    return tuple(
        NodeFigures(name, kinds[name], each, each.median * scale, kept[name]) for name, each in measured.items()
    )


def joined(nodes: Sequence[NodeFigures], least: float = LEAST_US) -> list[tuple[tuple[str, ...], float]]:
    """Runs of nodes of at least `least` microseconds (scaled), in order: what is shorter joins the one after it.

    A short rest at the end joins the last.
    """
    found: list[tuple[tuple[str, ...], float]] = []
    names: tuple[str, ...] = ()
    total = 0.0
    for node in nodes:
        names += (node.name,)
        total += node.scaled
        if total >= least:
            found.append((names, total))
            names, total = (), 0.0
    if names:
        before, time = found.pop() if found else ((), 0.0)
        found.append((before + names, time + total))
    return found


# ---- measuring -------------------------------------------------------------------------------------------------------


def measure(
    path: Path,
    *,
    runs: int = 60,
    warm_up: int = 10,
    threads: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Profile:
    """Run the model `runs` times after `warm_up`, first plain and then profiled, on random but always equal inputs.

    Dimensions that the model leaves open come from `shapes`. Raises InputError.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError("onnxruntime is not installed; pip install 'rtsched[onnxruntime]'") from None
    if runs < 2 or warm_up < 0 or threads < 1:
        raise InputError("profile: at least 2 runs and 1 thread")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = _session(onnxruntime, path, options)
    feeds = _feeds(session, path, shapes or {})
    times = []
    for number in progress(range(warm_up + runs)):
        start = time.perf_counter_ns()
        session.run(None, feeds)
        if number >= warm_up:
            times.append((time.perf_counter_ns() - start) / 1000)
    whole = figures(times)
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        profiled = _session(onnxruntime, path, options)
        for _ in progress(range(warm_up + runs)):
            profiled.run(None, feeds)
        events = json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8"))
    shown = "; ".join(f"{name}={'x'.join(map(str, value.shape))}" for name, value in feeds.items())
    return Profile(path.stem, threads, shown, whole, node_figures(events, warm_up, whole), tuple(times))


def _session(runtime: Any, path: Path, options: Any) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises what it likes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: onnxruntime cannot load it: {cut(reason)}") from None


#: numpy types by the names that onnxruntime gives them.
TYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip

#: An input of more elements than this is refused.
MOST_ELEMENTS = 1 << 28


def _feeds(session: Any, path: Path, shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Random inputs: the same for the same shapes; whole numbers are zeros, which every vocabulary has."""
    import numpy as np

    random = np.random.default_rng(0)
    known = {each.name for each in session.get_inputs()}
    for name in shapes:
        if name not in known:
            raise InputError(f"--shape {name}: the model has no such input; it has {', '.join(sorted(known))}")
    feeds = {}
    for each in session.get_inputs():
        shape = list(shapes.get(each.name, each.shape))
        if not all(isinstance(size, int) and size > 0 for size in shape):
            sizes = "x".join(str(size) for size in each.shape)
            raise InputError(
                f"{path}: input {each.name!r} of shape {sizes} is open; add --shape {each.name}=1x3x224x224"
            )
        if math.prod(shape) > MOST_ELEMENTS or each.type not in TYPES:
            raise InputError(f"{path}: input {each.name!r} of type {each.type} and shape {shape} cannot be made up")
        kind = TYPES[each.type]
        whole = kind.startswith(("int", "uint", "bool"))
        feeds[each.name] = np.zeros(shape, kind) if whole else random.standard_normal(shape).astype(kind)
    return feeds


# ---- tables ----------------------------------------------------------------------------------------------------------


def table_row(profile: Profile, platform: str, processor: str, network: str | None = None) -> dict[str, str]:
    """The row of a latency table."""
    whole = profile.whole
    for name in (network or profile.network, platform, processor):
        if cell(name) != name:
            raise InputError(f"{name!r}: a spreadsheet would take this name for a formula; give another one")
    sizes = [part.partition("=")[2] for part in profile.inputs.split("; ")]
    return {
        **dict.fromkeys(COLUMNS, ""),
        "platform": platform,
        "network": network or profile.network,
        "input": sizes[0] if len(sizes) == 1 else "",
        "processor": processor,
        "threads": str(profile.threads),
        "precision": "",
        "runtime": "onnxruntime",
        "latency_ms": _milliseconds(whole.median),
        "p50_ms": _milliseconds(whole.median),
        "p99_ms": _milliseconds(whole.p99),
        "max_ms": _milliseconds(whole.max),
        "status": "measured",
        "source": f"rtsched profile, median of {whole.count} runs",
        "n": str(whole.count),
    }


def _milliseconds(time: float) -> str:
    """Microseconds as milliseconds, to the nanosecond: a maximum must not be rounded down."""
    return f"{math.ceil(round(time * 1000, 3)) / 1e6:.6f}".rstrip("0").rstrip(".")


def merged(table: str, path: Path, row: Mapping[str, str]) -> str:
    """The text of a latency table with `row` in it, instead of one for the same thing if there is one."""
    reader = csv.DictReader(io.StringIO(table.lstrip("\r\n")))  # an empty line is no header
    header = list(reader.fieldnames or COLUMNS)
    missing = [name for name in LATENCY_COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path}:1:1: column {missing[0]!r} is missing; is it a latency table?")
    header += [name for name in COLUMNS if name not in header]
    key = ("platform", "network", "input", "processor", "threads", "precision", "runtime")
    rows = [each for each in reader if any(each[name] != row[name] for name in key)]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, lineterminator="\n", extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows([*rows, dict(row)])
    return stream.getvalue()


def samples_table(profile: Profile, processor: str) -> str:
    """Every run as CSV, in order: of the whole (no node), then of each node, in microseconds. `rtsched wcet` reads it.

    The nodes were measured by the profiler, in other runs than the whole.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("network", "node", "processor", "threads", "run", "time_us"))
    series = [("", profile.runs), *((node.name, node.runs) for node in profile.nodes)]
    for name, runs in series:
        for number, each in enumerate(runs, start=1):
            row = (cell(profile.network), cell(name), cell(processor), profile.threads, number, f"{each:.3f}")
            writer.writerow(row)
    return stream.getvalue()


def node_table(profile: Profile) -> str:
    """The nodes as CSV: times in microseconds.

    `median_us` and `scaled_us` are typical (the latter sum to the whole's median); `max_us` is the largest measured,
    and `largest_us` the same, raised until all together are the largest of the whole: what a proof may take.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("node", "operator", "median_us", "p99_us", "max_us", "count", "scaled_us", "largest_us"))
    for node in profile.nodes:
        each = node.times
        largest = math.ceil(round(profile.largest(node) * 1000, 3)) / 1000
        writer.writerow(
            (
                cell(node.name),
                cell(node.operator),
                each.median,
                each.p99,
                each.max,
                each.count,
                f"{node.scaled:.3f}",
                f"{largest:.3f}",
            )
        )
    return stream.getvalue()
