"""Execution times of networks out of the catalogue's latency tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.catalogue import UPPER
from rtsched.model.origin import Basis, Origin, fewest_runs
from rtsched.model.platform import Platform
from rtsched.model.work import NetworkUse, Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

Rows = Sequence[Mapping[str, str]]


def measured(lowering: Lowering, what: str, work: Work, *, typical: bool = False) -> list[int | None]:
    """The execution times of a network out of the latency tables, per cluster the fastest row that matches.

    With `typical` the medians, whatever is asked for: what regions and sections are written for.
    """
    use = NetworkUse(network=work.network) if isinstance(work.network, str) else work.network
    assert use is not None
    rows = [row for row in lowering.latency_here if row["network"] == use.network]
    servers = {unit.cluster: unit.description.threads for unit in lowering.units if unit.description.threads}
    matching = [row for row in rows if _matches(row, use, lowering.platform, row["processor"] in servers)]
    if not matching:
        raise InputError(f"{what}: {_no_latency(use, rows, lowering.latency, lowering.platform.name)}")
    inputs = sorted({_size(row["input"]) for row in matching} - {""})
    if len(inputs) > 1:
        raise InputError(
            f"{what}: network {use.network!r} was measured at several inputs; add 'input:' ({', '.join(inputs)})"
        )
    times: list[int | None] = [None] * len(lowering.processors)
    origins: list[Origin | None] = [None] * len(times)
    allowed = lowering.where.allowed(what, work)
    for cluster, places in lowering.where.members.items():
        mine = [row for row in matching if row["processor"] == cluster and _has_cores(row, lowering.platform, cluster)]
        speedup = 1.0
        if cluster in servers:
            mine, speedup = server_rows(lowering, mine, use.threads or work.threads, servers[cluster] or {})
        best = min(mine, key=lambda row: Decimal(row["latency_ms"]), default=None)
        if best is None:
            continue
        if best["status"] != "measured":
            known = (
                "an upper bound, not a measurement" if best["status"] == "bound" else f"{best['status']}, not measured"
            )
            lowering.assume(f"the time of {use.network} on {cluster} is {known} ({best['source']})")
        if typical:
            time = Decimal(best["latency_ms"])
        else:
            lowering.rows.setdefault(id(work), []).append((work, cluster, best))
            time, origin = told(lowering, best, cluster, scaled=speedup != 1)
            if not allowed.isdisjoint(places):
                lowering.note(origin)
            for place in places:
                origins[place] = origin
        for place in places:
            times[place] = max(1, round(time * units.MS / Decimal(repr(speedup))))
    if not typical:
        lowering.told[id(work)] = origins
    return times


#: What the time of a row is, by its status.
_FIGURES = {"derived": "a typical time, derived", "bound": "a limit of the typical time"}
#: The sources of the catalogue that publish means, or frames in a time, and no median.
MEANS = {"bolt": "mean", "jetson_inference": "1/frame rate", "ncnn": "mean", "rknn": "1/frame rate"}
#: The columns with the figure that a statistic asks for, the one that is preferred first.
_ASKED = {"typical": (), "p99": ("p99_ms", "p99_9_ms", "max_ms")}
_NAMES = {"latency_ms": "typical", "p99_ms": "p99", "p99_9_ms": "p99.9", "max_ms": "max"}
_WORDS = {"p99_ms": "the 99th percentile", "p99_9_ms": "the 99.9th percentile"}
_QUANTILES = {"p99_ms": 0.99, "p99_9_ms": 0.999}


def told(lowering: Lowering, row: Mapping[str, str], cluster: str, *, scaled: bool = False) -> tuple[Decimal, Origin]:
    """The time of a row in ms, and where it comes from: the figure that the system, or a proof, asks for.

    Without such a figure the typical time is taken, and the origin says so. A `scaled` one is that of a single thread,
    divided by a speed-up.
    """
    lowering.counted = True
    typical, statistic = Decimal(row["latency_ms"]), lowering.statistic.partition("*")[0]
    runs = int(row["n"]) if row.get("n") else None
    known = {name: Decimal(row[name]) for name in UPPER if row.get(name) and _has(name, runs)}
    largest = max(known.values(), default=typical)
    taken = next((name for name in _ASKED[statistic] if name in known), "") if statistic in _ASKED else ""
    if statistic not in _ASKED and known:
        taken = max(known, key=lambda name: (name == "max_ms", known[name]))
    time = max(typical, largest if taken == "max_ms" else known.get(taken, typical)) * lowering.factor.numerator
    basis, figure = _claim(row, scaled, taken if largest > typical else "", runs)
    name = _NAMES[taken or "latency_ms"] + lowering.times.replace(" × ", "*")
    more = ", no larger one is known" if largest <= typical and basis == "typical" else ""
    text = f"{row['network']} on {cluster}: {figure}{lowering.times}{more} ({row['source']})"
    return time / lowering.factor.denominator, Origin(
        basis, text, name, row["source"], row.get("row", ""), runs, float(lowering.factor), row.get("date", "")
    )


def _has(name: str, runs: int | None) -> bool:
    """Whether so many runs have a percentile: one of them at least has to lie beyond it."""
    return name == "max_ms" or runs is None or runs * (1000 - round(1000 * _QUANTILES[name])) >= 1000


def _claim(row: Mapping[str, str], scaled: bool, taken: str, runs: int | None) -> tuple[Basis, str]:
    """What the time of a row claims to be, where the figure in the column `taken` is (none: the typical time)."""
    if row["status"] == "predicted":
        return "modelled", "predicted, not measured"
    if scaled:
        return "modelled", "the time of one thread over the cluster's speed-up"
    if not taken:
        return "typical", f"{_FIGURES.get(row['status'], 'the typical time')} ({_which(row)})"
    if taken == "max_ms":
        return "high-water", "the largest time measured" if runs is None else f"the largest of {runs} runs"
    least = fewest_runs(_QUANTILES[taken])
    few = f" of {runs} runs, too few ({least} bound it at 95 %)" if runs is not None and runs < least else ""
    return "percentile", f"{_WORDS[taken]}{few}"


def _which(row: Mapping[str, str]) -> str:
    """Which figure the typical time of a row is: its median where the row has that, else what its source publishes."""
    typical, median = Decimal(row["latency_ms"]), row.get("p50_ms")
    if median and abs(typical - Decimal(median)) <= typical / 1000:  # some are rounded to whole µs
        return "median"
    return MEANS.get(row["source"], "mean or median: not stated")


def total(lowering: Lowering, use: NetworkUse, cluster: str, *, used: bool) -> float | None:
    """The measured time of a whole network on a cluster in ns (the fastest row that matches); None without one.

    On a CPU cluster that is one server that of one thread: the speed-up comes with the number of threads.
    """
    rows = [row for row in lowering.latency_here if row["network"] == use.network]
    if any(unit.cluster == cluster and unit.description.threads for unit in lowering.units):
        mine = [row for row in rows if row["processor"] == cluster and _matches(row, use, lowering.platform, True)]
        mine = [row for row in mine if row["threads"] in ("", "1")]
    else:
        loose = use.model_copy(update={"precision": None})  # tables often leave the precision of a CPU or a GPU out
        mine = [row for row in rows if row["processor"] == cluster and _matches(row, loose, lowering.platform)]
        mine = [row for row in mine if use.precision is None or row["precision"] in ("", use.precision)]
    best = min(mine, key=lambda row: Decimal(row["latency_ms"]), default=None)
    if best is None:
        return None
    time, origin = told(lowering, best, cluster)
    if used:
        lowering.note(origin)
    return float(time * units.MS)


def server_rows(
    lowering: Lowering, rows: list[Mapping[str, str]], threads: int | None, table: dict[int, float]
) -> tuple[list[Mapping[str, str]], float]:
    """The rows for a CPU cluster that is one server: those of so many threads, else the single-threaded ones."""
    count = max(table) if threads is None else threads
    exact = [row for row in rows if row["threads"] == str(count)]
    if exact or count not in table:
        return exact, 1.0
    single = [row for row in rows if row["threads"] in ("", "1")]
    if single and count > 1:
        lowering.assume(
            f"{single[0]['network']} on {count} threads: one-thread time over the cluster's median speed-up"
        )
    return single, table[count]


def _matches(row: Mapping[str, str], use: NetworkUse, platform: Platform, server: bool = False) -> bool:
    """Whether a row was measured that way; on a `server` of several threads any number of them, in any precision."""
    cluster = platform.processors.get(row["processor"])
    threads = use.threads or 1
    return (
        (use.input is None or _size(row["input"]) in (_size(use.input), ""))
        and (use.runtime is None or row["runtime"] == use.runtime)
        and (server or use.precision is None or row["precision"] == use.precision)
        and (server or cluster is None or cluster.kind != "cpu" or row["threads"] in ("", str(threads)))
    )


def _size(text: str) -> str:
    """The size of an input; of a square one side alone may stand in a table, or in a file.

    >>> _size("640"), _size("640x480")
    ('640x640', '640x480')
    """
    return f"{text}x{text}" if text.isdecimal() else text


def _has_cores(row: Mapping[str, str], platform: Platform, name: str) -> bool:
    """Whether a CPU cluster has the cores that a row was measured on: a power mode may have switched some off."""
    cluster = platform.processors.get(name)
    return cluster is None or cluster.kind != "cpu" or int(row["threads"] or 1) <= cluster.cores


def _no_latency(use: NetworkUse, rows: Rows, table: Rows, platform: str) -> str:
    """Why no row of the latency tables fits, and what would."""
    if rows:
        pairs = {(row["input"] or "–", row["precision"] or "any precision") for row in rows}
        have = [
            f"input {size}, {precision}" for size, precision in sorted(pairs, key=lambda each: (len(each[0]), each))
        ]
        more = f"; and {len(have) - 12} more" if len(have) > 12 else ""
        known = "; ".join(have[:12]) + more
        return f"network {use.network!r} was not measured on {platform!r} that way; it was with: {known}"
    elsewhere = sorted({row["platform"] for row in table if row["network"] == use.network})
    if elsewhere:
        return (
            f"network {use.network!r} has no latency on {platform!r} (it has on {', '.join(elsewhere)}); give a 'wcet'"
        )
    import difflib

    close = difflib.get_close_matches(use.network, {row["network"] for row in table}, n=3)
    hint = f"; did you mean {', '.join(close)}?" if close else "; `rtsched list networks` names the known ones"
    return f"network {use.network!r} is in no latency table{hint}"
