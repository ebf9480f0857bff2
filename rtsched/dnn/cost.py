"""What operators cost where nothing was measured: a roofline per cluster, calibrated on the latency tables.

An operator takes max(multiply-accumulates / rate, bytes / bandwidth) + overhead, with one rate for depthwise
convolutions and one for everything else (Williams, Waterman and Patterson, CACM 52(4), 2009). The four figures are
fitted to measured networks whose operators are known; how far the fit is off on networks that it has not seen is part
of the model, and depends on how unlike they are (`rtsched.dnn.calibration`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched import units
from rtsched.dnn.network import Network, Operator
from rtsched.errors import InputError
from rtsched.model.platform import Platform

Rows = Sequence[Mapping[str, str]]
Matrix = NDArray[np.float64]

#: Networks of the latency tables whose operators are those of a network file: (network, source or "") -> file.
#: Only the same topology at the same input size; what AI Hub calls Inception-v3, for one, has another input.
SAME = {
    ("mobilenet", "ncnn"): "mobilenet_v1",
    ("mobilenet_v2", ""): "mobilenet_v2",
    ("mobilenet_v3", "ncnn"): "mobilenet_v3_large",
    ("shufflenet_v2", ""): "shufflenet_v2_x1_0",
    ("resnet18", ""): "resnet18",
    ("mobilenet_v3_large", "aihub"): "mobilenet_v3_large",
    ("mobilenet_v3_small", "aihub"): "mobilenet_v3_small",
    ("mobilenet_v1", "coral"): "mobilenet_v1",
    ("inception_v3", "tflite"): "inception_v3",
    ("mobilenet_v1_1.0_224", "tflite"): "mobilenet_v1",
    ("mobilenet_v2_1.0_224", "tflite"): "mobilenet_v2",
    ("mobilenetv1", "paddleclas"): "mobilenet_v1",
    ("mobilenetv2", "paddleclas"): "mobilenet_v2",
    ("mobilenetv3_large_x1_0", "paddleclas"): "mobilenet_v3_large",
    ("mobilenetv3_small_x1_0", "paddleclas"): "mobilenet_v3_small",
    ("shufflenetv2", "paddleclas"): "shufflenet_v2_x1_0",
}

#: Operators that no run-time executes on their own: they only rename, or are fused into what is before them.
FREE = frozenset(
    {
        "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout", "Shape", "Relu", "Clip", "LeakyRelu",
        "PRelu", "HardSwish", "HardSigmoid", "Sigmoid", "BatchNormalization",
        "QuantizeLinear", "DequantizeLinear",
    }
)  # fmt: skip

#: Bytes of an element by precision, as a share of the 4 bytes that network files count.
WIDTH = {"int8": 0.25, "uint8": 0.25, "w8a8": 0.25, "fp16": 0.5, "w8a16": 0.5, "bf16": 0.5}

#: Which of the four figures a model has: the form is taken that does best on networks held back.
FORMS = ((0,), (0, 1), (0, 3), (0, 2), (0, 1, 3), (0, 1, 2), (0, 2, 3), (0, 1, 2, 3))

#: A model is fitted to this many measured networks at least.
LEAST_ROWS = 4


@dataclass(frozen=True)
class CostModel:
    """The roofline of one cluster. Times per unit in ns: multiply-accumulate, depthwise one, byte, operator.

    `width` is what a number of four bytes takes at the precision of the model, as a share of that. `rows` networks were
    fitted, those of the network files `fitted`; `errors` are the relative errors on each of them when it was held back.
    `kind` is that of the cluster.
    """

    cluster: str
    precision: str
    mac: float
    depthwise_mac: float
    byte: float
    overhead: float
    rows: int
    errors: tuple[float, ...]
    assumed: str = ""
    width: float = 1.0
    kind: str = ""
    fitted: tuple[str, ...] = ()

    def time(self, operator: Operator, clock: float = 1.0) -> float:
        """The time of one operator in ns; `clock` is the present one as a share of the measured one."""
        if operator.kind in FREE:
            return 0.0
        if operator.macs is None or not operator.sized:
            raise InputError(f"operator {operator.name!r} ({operator.kind}) is not understood: it has no cost")
        compute = operator.macs * (self.depthwise_mac if operator.depthwise else self.mac) / clock
        return max(compute, operator.moved(self.width) * self.byte) + self.overhead * operator.launches / clock

    def network(self, network: Network, clock: float = 1.0) -> float:
        """The time of a whole network in ns."""
        return sum(self.time(operator, clock) for operator in network.operators)

    @property
    def error(self) -> float:
        """The median of the relative errors on fitted networks when each was held back."""
        return median(abs(error) for error in self.errors)

    @property
    def note(self) -> str:
        """How good the model is on what it was fitted to, in words."""
        worst = max(abs(error) for error in self.errors)
        text = f"roofline fitted to {self.rows} networks; held back they are off by {100 * self.error:.0f} % "
        return text + f"(median; at most {100 * worst:.0f} %)" + (f"; {self.assumed}" if self.assumed else "")


def unknown(network: Network) -> str:
    """Why a network has no cost, in words; empty if it has one."""
    costly = [operator for operator in network.operators if operator.kind not in FREE]
    reasons = (
        ("of unknown multiply-accumulates", [each for each in costly if not each.known]),
        ("that move unknown bytes", [each for each in costly if each.known and not each.sized]),
    )
    found = []
    for words, operators in reasons:
        if operators:
            some = ", ".join(f"{each.name} ({each.kind})" for each in operators[:3])
            found.append(f"{len(operators)} operators {words}: {some}" + (", …" if len(operators) > 3 else ""))
    return "; ".join(found)


def effort(operator: Operator) -> float:
    """What shares out a measured time where there is no model: multiply-accumulates and bytes."""
    if operator.kind in FREE:
        return 0.0
    return (operator.macs or 0) + 4.0 * ((operator.input_bytes or 0) + (operator.output_bytes or 0))


def operators_of(row: Mapping[str, str]) -> str | None:
    """The network file that holds the operators of a row of a latency table, if one does."""
    return SAME.get((row["network"], row["source"])) or SAME.get((row["network"], ""))


def model_for(
    platform: Platform, cluster: str, rows: Rows, precision: str | None = None, leave_out: str | None = None
) -> CostModel | None:
    """The model of a cluster (single-threaded on CPU cores), fitted to its rows; None if fewer than four fit.

    `precision` chooses among the table's; `leave_out` names a network file that the fit must not see. Rows that name
    only the kind of processor stand for the fastest cluster of that kind, which the model says.
    """
    mine, assumed = measured_on(platform, cluster, rows, precision)
    found: dict[str, float] = {}
    for row in mine:
        name = operators_of(row)
        if name is not None and name != leave_out:
            time = float(row["latency_ms"]) * units.MS
            found[name] = min(found.get(name, time), time)
    if len(found) < LEAST_ROWS:
        return None
    width = WIDTH.get(precision or "", 1.0)
    names = sorted(found)
    errors, (mac, depthwise, byte, overhead) = _best_form(tuple(names), tuple(found[name] for name in names), width)
    return CostModel(
        cluster, precision or "", mac, depthwise, byte, overhead, len(names), errors, assumed, width,
        platform.processors[cluster].kind, tuple(names),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _best_form(
    names: tuple[str, ...], measured: tuple[float, ...], width: float
) -> tuple[tuple[float, ...], tuple[float, float, float, float]]:
    """The errors on networks held back, and the figures, of the form that does best: a study asks for it each time."""
    tables, times = [_table(name) for name in names], np.array(measured)
    tried = [(_held_back(tables, times, width, columns), columns) for columns in FORMS]
    errors, columns = min(tried, key=lambda item: sum(error * error for error in item[0]))
    return errors, _fit(tables, times, width, columns)


def measured_on(platform: Platform, cluster: str, rows: Rows, precision: str | None) -> tuple[Rows, str]:
    """The rows that a cluster's model may see (single-threaded on CPU cores), and what is assumed of them."""
    here = platform.processors[cluster]
    mine = _rows(platform, cluster, rows)
    assumed = ""
    if not mine and cluster == _fastest(platform, here.kind):
        mine = _rows(platform, here.kind, rows)
        assumed = f"the tables name only a {here.kind}, taken for the fastest cluster" if mine else ""
    if here.kind == "cpu":
        mine = [row for row in mine if row["threads"] in ("", "1")]
    return [row for row in mine if precision is None or _alike(row["precision"], precision)], assumed


def _held_back(tables: list[Matrix], times: Any, width: float, columns: tuple[int, ...]) -> tuple[float, ...]:
    """The relative error on each network of the model that was fitted to all others."""
    errors = []
    for index in range(len(tables)):
        rest = [place for place in range(len(tables)) if place != index]
        seen = _fit([tables[place] for place in rest], times[rest], width, columns)
        errors.append(float(_predict(tables[index], seen, width) / times[index] - 1))
    return tuple(errors)


def _rows(platform: Platform, processor: str, rows: Rows) -> list[Mapping[str, str]]:
    names = (platform.name, *platform.aliases)
    return [row for row in rows if row["platform"] in names and row["processor"] == processor]


def _alike(have: str, wanted: str) -> bool:
    return have == wanted or (not have and wanted in ("fp32", "float"))


def _fastest(platform: Platform, kind: str) -> str:
    """The cluster of a kind with the highest clock (the last of equals)."""
    same = [(cluster.frequency_max or 0, name) for name, cluster in platform.processors.items() if cluster.kind == kind]
    return max(same, key=lambda item: item[0])[1]


@lru_cache(maxsize=64)
def _table(name: str) -> Matrix:
    """Per operator of a network file: multiply-accumulates (dense, depthwise), bytes; what is free is left out."""
    from rtsched.dnn.network_file import load

    return np.array(
        [
            (
                0 if operator.depthwise else operator.macs or 0,
                (operator.macs or 0) if operator.depthwise else 0,
                operator.moved(),
            )
            for operator in load(name).operators
            if operator.kind not in FREE
        ],
        float,
    )


def _predict(table: Matrix, figures: tuple[float, ...], width: float) -> float:
    mac, depthwise, byte, overhead = figures
    compute = table[:, 0] * mac + table[:, 1] * depthwise
    return float(np.maximum(compute, table[:, 2] * width * byte).sum() + overhead * len(table))


def _fit(tables: list[Matrix], times: Any, width: float, columns: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The figures with the least squares of relative errors: by turns, what bounds each operator, and the rest."""
    bound = [table[:, 0] + table[:, 1] == 0 for table in tables]
    best, least = (0.0, 0.0, 0.0, 0.0), float("inf")
    for _ in range(30):
        features = np.array(
            [
                (
                    table[~memory, 0].sum(),
                    table[~memory, 1].sum(),
                    table[memory, 2].sum() * width,
                    len(table),
                )
                for table, memory in zip(tables, bound, strict=True)
            ]
        )
        figures = _nonnegative(features / times[:, None], columns)
        error = sum(
            (_predict(table, figures, width) / time - 1) ** 2 for table, time in zip(tables, times, strict=True)
        )
        if error < least - 1e-12:
            best, least = figures, error
        mac, depthwise, byte, _overhead = figures
        again = [table[:, 2] * width * byte > table[:, 0] * mac + table[:, 1] * depthwise for table in tables]
        if all((one == other).all() for one, other in zip(bound, again, strict=True)):
            break
        bound = again
    return best


def _nonnegative(features: Matrix, columns: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Non-negative least squares of ``features x = 1`` over a few columns, by trying every set of positive ones."""
    ones = np.ones(len(features))
    best, least = np.zeros(4), float("inf")
    for count in range(1, len(columns) + 1):
        for chosen in combinations(columns, count):
            part = features[:, chosen]
            if count > len(features) or not part.any(axis=0).all():
                continue
            solution = np.linalg.lstsq(part, ones, rcond=None)[0]
            error = float(((part @ solution - ones) ** 2).sum())
            if (solution > 0).all() and error < least - 1e-12:
                least = error
                best = np.zeros(4)
                best[list(chosen)] = solution
    return float(best[0]), float(best[1]), float(best[2]), float(best[3])
