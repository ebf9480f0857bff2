"""Two networks on the GPU and the DLA of an AGX Xavier: what the published figures say about contention.

Usage: ``python analysis/contention/haxconn.py [--table] [--png FILE] [--data DIR]``. Reads ``haxconn.csv`` beside it;
``--data`` compares that file with the raw table it was copied from. The reasoning stands in README.md.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import rtsched

HERE: Final = Path(__file__).resolve().parent
RAW: Final = "haxconn_transition_emc.csv"
RAW_KINDS: Final = {
    "gpu_group_time",
    "gpu_transition_cost",
    "dla_transition_cost",
    "emc_utilisation",
    "two_dnn_makespan",
}
#: Half of the last digit that the measured cells print, in ms.
ROUNDING: Final = 0.05
#: The share of the DRAM's peak that the proportional model takes for usable (its default).
USABLE: Final = 0.8


# ---- the data --------------------------------------------------------------------------------------------------------


@cache
def facts() -> dict[tuple[str, str, str, str], float]:
    """(kind, subject, at, device) -> value, as copied into ``haxconn.csv``."""
    with (HERE / "haxconn.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["kind"], row["subject"], row["at"], row["device"]): float(row["value"]) for row in csv.DictReader(file)
        }


def fact(kind: str, subject: str, at: str, device: str = "AGX Xavier") -> float:
    """One number."""
    return facts()[kind, subject, at, device]


def listed(kind: str, subject: str | None = None, at: str = "") -> list[float]:
    """All numbers of a kind (and subject, and beginning of the place), in the order of the file."""
    return [
        value
        for (a_kind, a_subject, a_place, _), value in facts().items()
        if a_kind == kind and subject in (None, a_subject) and a_place.startswith(at)
    ]


def differences(folder: Path) -> list[str]:
    """Where ``haxconn.csv`` and the raw table disagree; empty when it is a faithful copy."""
    with (folder / RAW).open(encoding="utf-8", newline="") as file:
        raw = {
            (row["kind"], row["net_or_layer"], row["at"], row["device"]): float(row["value"])
            for row in csv.DictReader(file)
        }
    copied = {key: value for key, value in facts().items() if key[0] in RAW_KINDS}
    return [
        f"{', '.join(key)}: {copied.get(key)} here, {raw.get(key)} there"
        for key in sorted(copied.keys() | raw.keys())
        if copied.get(key) != raw.get(key)
    ]


# ---- the parameters and how they are fitted --------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameters:
    """Times alone in ms, and the slow-downs by the neighbour. `gpu`: of the GPU while the DLA works; `dla`: reverse."""

    resnet_gpu: float
    resnet_dla: float
    alexnet_gpu: float
    gpu: float
    dla: float


@dataclass(frozen=True)
class Cells:
    """The five measured cells that are fitted, in ms."""

    both_gpu: float  # GoogleNet and ResNet101, the longer
    split: float  # GoogleNet on the GPU, ResNet101 on the DLA, the longer
    split_sum: float  # the same, both added
    swapped_sum: float  # ResNet101 on the GPU, GoogleNet on the DLA, both added
    alexnet_sum: float  # AlexNet and ResNet101 on the GPU, both added


def measured() -> Cells:
    """The fitted cells as published."""
    pair, starter = ("two_dnn_makespan", "GoogleNet+ResNet101"), ("starter_guide", "GoogleNet+ResNet101")
    return Cells(
        fact(*pair, "only_gpu"),
        fact(*pair, "gpu_dla_naive"),
        fact(*starter, "resnet_dla_googlenet_gpu"),
        fact(*starter, "resnet_gpu_googlenet_dla"),
        fact("two_dnn_makespan", "AlexNet+ResNet101", "only_gpu"),
    )


def fit(model: str, cells: Cells | None = None) -> Parameters:
    """The parameters of ``none``, ``symmetric``, ``proportional`` or ``pairwise``; closed forms, one per cell.

    A GPU that shares its time equally needs G + R for both. GoogleNet beside the longer ResNet101 then takes 2 G (and
    AlexNet 2 A), hence A from the sum 3 A + R. Beside a neighbour that works for t, whoever is slowed s times ends
    t (1 - 1/s) later than alone.
    """
    cells = cells or measured()
    g_gpu, g_dla = fact("whole_time", "googlenet", "gpu"), fact("whole_time", "googlenet", "dla")
    r_gpu = cells.both_gpu - g_gpu
    alexnet = (cells.alexnet_sum - r_gpu) / 3
    gpu = (cells.split_sum - cells.split) / g_gpu  # GoogleNet's own latency beside the DLA, over its time alone
    swapped = (cells.swapped_sum - r_gpu) / g_dla  # = dla + dla (1 - 1/gpu)
    if model == "none":
        gpu = dla = 1.0
    elif model == "symmetric":
        # both cells are linear in s: split + g s, and R + g_dla (2 s - 1); least squares of the relative errors
        slopes = (g_gpu / cells.split_sum, 2 * g_dla / cells.swapped_sum)
        wanted = (
            (cells.split_sum - cells.split) / cells.split_sum,
            (cells.swapped_sum - r_gpu + g_dla) / cells.swapped_sum,
        )
        gpu = dla = sum(a * b for a, b in zip(slopes, wanted, strict=True)) / sum(a * a for a in slopes)
    elif model in ("proportional", "pairwise"):
        if model == "proportional":
            gpu = min(gpu, 2.0)  # two users that ask for at most the usable bandwidth each: factor 2 at most
        dla = swapped / (2 - 1 / gpu)
    else:
        raise ValueError(f"no model {model!r}")
    return Parameters(r_gpu, cells.split - gpu * g_gpu * (1 - 1 / dla), alexnet, gpu, dla)


MODELS: Final = ("none", "symmetric", "proportional", "pairwise")


def ranges(model: str = "pairwise") -> dict[str, tuple[float, float]]:
    """How far the parameters of a model move when every fitted cell may be off by its rounding."""
    centre = measured()
    names = tuple(Cells.__dataclass_fields__)
    corners = [
        fit(model, replace(centre, **{n: getattr(centre, n) + d for n, d in zip(names, signs, strict=True)}))
        for signs in itertools.product((-ROUNDING, ROUNDING), repeat=len(names))
    ]
    return {
        name: (min(getattr(c, name) for c in corners), max(getattr(c, name) for c in corners))
        for name in Parameters.__dataclass_fields__
    }


# ---- the simulation --------------------------------------------------------------------------------------------------


class EachToItsUnit(rtsched.Scheduler):
    """Starts what is ready on the unit that its node names, as soon as there is room. No deadlines, no preemption."""

    preemption = "nonpreemptive"

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            for index in segment.node.eligible:
                if self.soc.processors[index].segment is None:
                    self.soc.start(segment.job, segment, self.soc.processors[index])
                    break


#: A network as the pieces it is cut into: (unit, time alone in ms).
Pieces = tuple[tuple[str, float], ...]


def board(contention: dict[str, Any]) -> rtsched.Platform:
    """The two units; two processes share the GPU's time equally."""
    return rtsched.Platform.model_validate(
        {
            "name": "agx_xavier",
            "processors": {"gpu": {"kind": "gpu", "contexts": 2}, "dla": {"kind": "dla"}},
            "memory": {"bandwidth": f"{fact('bandwidth', 'memory', 'peak')} GB/s", "contention": contention},
        }
    )


def latencies(networks: dict[str, Pieces], contention: dict[str, Any], uses: dict[str, Any]) -> dict[str, float]:
    """When each network ends, in ms, all starting at once; `uses` is the use of the memory per unit."""
    tasks = []
    for name, pieces in networks.items():
        nodes = {
            f"p{number}": {"wcet": {unit: round(time * 1e6)}, "processors": [unit], "memory": uses[unit]}
            for number, (unit, time) in enumerate(pieces)
        }
        edges = [[one, two] for one, two in itertools.pairwise(nodes)]
        tasks.append({"name": name, "release": 0, "deadline": "1 s", "graph": {"nodes": nodes, "edges": edges}})
    system = rtsched.System.model_validate({"platform": "agx_xavier", "tasks": tasks, "simulate": {"until": "1 s"}})
    trace = rtsched.simulate(system, platform=board(contention), scheduler=EachToItsUnit())
    return {name: int(trace.jobs["finish"][row]) / 1e6 for row, name in enumerate(networks)}


def contended(model: str, parameters: Parameters) -> tuple[dict[str, Any], dict[str, Any]]:
    """The platform's contention model and each unit's use of the memory."""
    if model == "proportional":
        full = f"{USABLE * fact('bandwidth', 'memory', 'peak')} GB/s"
        return {"model": "proportional", "usable": USABLE}, {
            "gpu": {"bound": parameters.gpu - 1, "demand": full},
            "dla": {"bound": parameters.dla - 1, "demand": full},
        }
    pairs = [
        {"victim": "gpu", "beside": "dla", "slowdown": parameters.gpu},
        {"victim": "dla", "beside": "gpu", "slowdown": parameters.dla},
    ]
    return {"model": "pairwise", "pairs": pairs}, {"gpu": {"bound": 0}, "dla": {"bound": 0}}


# ---- the cells -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One measured cell: what runs where, what the published figure adds or compares, and what it was used for."""

    pair: str
    mapping: str
    statistic: str
    measured: float
    fitted: str = ""

    @property
    def name(self) -> str:
        return f"{self.pair}, {self.mapping}"


def cases() -> Iterator[Case]:
    """The cells that the data determine."""
    one, two = "GoogleNet+ResNet101", "AlexNet+ResNet101"
    kind, starter = "two_dnn_makespan", "starter_guide"
    yield Case(one, "both GPU", "longer", fact(kind, one, "only_gpu"), "R gpu")
    yield Case(one, "GPU, DLA", "longer", fact(kind, one, "gpu_dla_naive"), "R dla")
    yield Case(one, "GPU, DLA", "sum", fact(starter, one, "resnet_dla_googlenet_gpu"), "slow-down gpu")
    yield Case(one, "DLA, GPU", "sum", fact(starter, one, "resnet_gpu_googlenet_dla"), "slow-down dla")
    yield Case(two, "both GPU", "sum", fact(kind, two, "only_gpu"), "A gpu")
    yield Case(one, "both GPU", "sum", fact(starter, one, "only_gpu"))
    yield Case(one, "cut", "longer", fact(kind, one, "hax-conn"))
    yield Case(one, "cut again", "longer", fact(starter, one, "hax-conn"))
    yield Case(two, "GPU, DLA", "longer", fact(kind, two, "gpu_dla_naive"))
    yield Case(two, "cut", "longer", fact(kind, two, "hax-conn"))


def placed(case: Case, parameters: Parameters) -> dict[str, Pieces]:
    """Both networks, cut and placed as in a cell."""
    first, second = case.pair.split("+")
    whole = {
        ("GoogleNet", "gpu"): fact("whole_time", "googlenet", "gpu"),
        ("GoogleNet", "dla"): fact("whole_time", "googlenet", "dla"),
        ("ResNet101", "gpu"): parameters.resnet_gpu,
        ("ResNet101", "dla"): parameters.resnet_dla,
        ("AlexNet", "gpu"): parameters.alexnet_gpu,
    }
    units = {"both GPU": ("gpu", "gpu"), "GPU, DLA": ("gpu", "dla"), "DLA, GPU": ("dla", "gpu")}
    if case.mapping in units:
        return {
            name: ((unit, whole[name, unit]),) for name, unit in zip((first, second), units[case.mapping], strict=True)
        }
    # The best published mapping: the first network leaves the GPU late, ResNet101 leaves the DLA after its first group.
    handover = {
        unit: sum(costs) / len(costs)
        for unit in ("gpu", "dla")
        for costs in [listed(f"{unit}_transition_cost", "googlenet")]
    }
    if first == "GoogleNet":
        groups = listed("gpu_group_time", "googlenet")
        front = sum(groups[:6]) / sum(groups) * whole[first, "gpu"] + fact("gpu_transition_cost", "googlenet", "81")
        back = fact("part_time", "googlenet", "dla 81-140")
    else:
        groups = listed("solver_group_time", "alexnet", "gpu")
        front = sum(groups[:6]) / sum(groups) * whole[first, "gpu"] + handover["gpu"]
        back = sum(listed("solver_group_time", "alexnet", "dla")[6:])
    start = fact("solver_group_time", "resnet", "dla 0") + handover["dla"]
    rest = whole[second, "gpu"] - fact("solver_group_time", "resnet", "gpu 0")
    return {first: (("gpu", front), ("dla", back)), second: (("dla", start), ("gpu", rest))}


def simulated(case: Case, model: str, parameters: Parameters | None = None) -> float | None:
    """The cell in ms; None where two processes meet on the GPU and the model would count them as neighbours.

    Each would count with its full demand though it has half of the GPU, so that sharing alone would slow both.
    """
    if model == "proportional" and case.mapping not in ("GPU, DLA", "DLA, GPU"):
        return None
    parameters = parameters or fit(model)
    ends = latencies(placed(case, parameters), *contended(model, parameters)).values()
    return max(ends) if case.statistic == "longer" else sum(ends)


def without_alexnet() -> Parameters:
    """The pairwise fit with nothing measured of AlexNet's pair: AlexNet's time from the solver's rounded groups.

    The groups miss what lies between them; they are stretched as GoogleNet's groups must be to give its whole time.
    """
    stretch = fact("whole_time", "googlenet", "gpu") / sum(listed("gpu_group_time", "googlenet"))
    return replace(fit("pairwise"), alexnet_gpu=stretch * sum(listed("solver_group_time", "alexnet", "gpu")))


#: The cells that the data do not determine, with what is missing.
UNDETERMINED: Final = (
    ("GoogleNet+ResNet101", ("herald", "h2h"), "ResNet101's times before and after its cut, on both units"),
    ("AlexNet+ResNet101", ("herald", "h2h"), "ResNet101's times before and after its cut, on both units"),
    ("Inception+ResNet152", ("only_gpu", "gpu_dla_naive"), "four times alone; the cells give one sum and one maximum"),
    ("Inception+ResNet152", ("herald", "h2h", "hax-conn"), "the same, and the parts of both networks"),
    ("VGG19+ResNet152", ("only_gpu", "gpu_dla_naive"), "four times alone; the cells give one sum and one maximum"),
    ("VGG19+ResNet152", ("herald", "h2h", "hax-conn"), "the same, and the parts of both networks"),
)
ORIN: Final = ("only_gpu", "gpu_dla_naive", "herald", "h2h", "hax-conn")


# ---- what is shown ---------------------------------------------------------------------------------------------------


def _error(value: float | None, truth: float) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} ({round(100 * (value / truth - 1), 1) + 0.0:+.1f} %)"  # + 0.0: no -0.0


def cell_table() -> list[str]:
    """Measured against simulated, per cell and model."""
    rows = ["| cell | figure | fits | measured, ms | none | symmetric | proportional | pairwise |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for case in cases():
        found = " | ".join(_error(simulated(case, model), case.measured) for model in MODELS)
        rows.append(
            f"| {case.name} | {case.statistic} | {case.fitted or '**predicted**'} | {case.measured:.1f} | {found} |"
        )
    return rows


def error_table() -> list[str]:
    """Mean and largest absolute error over the predicted cells, per model."""
    rows = ["| model | predicted cells | mean error, % | largest, % |", "|---|---|---|---|"]
    for model in MODELS:
        found = [(simulated(case, model), case.measured) for case in cases() if not case.fitted]
        errors = [abs(100 * (value / truth - 1)) for value, truth in found if value is not None]
        rows.append(f"| {model} | {len(errors)} | {sum(errors) / len(errors):.1f} | {max(errors):.1f} |")
    return rows


def parameter_table() -> list[str]:
    """The fitted parameters, and how far the rounding of the cells lets them move."""
    names = {
        "resnet_gpu": "ResNet101 on the GPU, ms",
        "resnet_dla": "ResNet101 on the DLA, ms",
        "alexnet_gpu": "AlexNet on the GPU, ms",
        "gpu": "slow-down of the GPU beside the DLA",
        "dla": "slow-down of the DLA beside the GPU",
    }
    fits = {model: fit(model) for model in MODELS}
    bounds = ranges()
    rows = [
        "| parameter | none | symmetric | proportional | pairwise | pairwise, within rounding |",
        "|---|---|---|---|---|---|",
    ]
    for key, name in names.items():
        found = " | ".join(f"{getattr(fits[model], key):.2f}" for model in MODELS)
        rows.append(f"| {name} | {found} | {bounds[key][0]:.2f}..{bounds[key][1]:.2f} |")
    return rows


def left_out_table() -> list[str]:
    """AlexNet's pair, with no cell of that pair used."""
    rows = ["| cell, pair left out | figure | measured, ms | pairwise |", "|---|---|---|---|"]
    parameters = without_alexnet()
    for case in cases():
        if case.pair.startswith("AlexNet"):
            value = simulated(case, "pairwise", parameters)
            rows.append(f"| {case.name} | {case.statistic} | {case.measured:.1f} | {_error(value, case.measured)} |")
    return rows


def check_table() -> list[str]:
    """Times alone as fitted (or measured), against the rounded group times in the artefact's solver."""
    parameters = fit("pairwise")
    stretch = fact("whole_time", "googlenet", "gpu") / sum(listed("gpu_group_time", "googlenet"))
    rows = ["| time alone, ms | here | solver's groups | difference |", "|---|---|---|---|"]
    for name, value, subject, unit in (
        ("ResNet101 on the GPU, fitted", parameters.resnet_gpu, "resnet", "gpu"),
        ("AlexNet on the GPU, fitted", parameters.alexnet_gpu, "alexnet", "gpu"),
        ("GoogleNet on the DLA, measured", fact("whole_time", "googlenet", "dla"), "googlenet", "dla"),
        ("ResNet101 on the DLA, fitted", parameters.resnet_dla, "resnet", "dla"),
    ):
        groups = sum(listed("solver_group_time", subject, unit)) * (stretch if unit == "gpu" else 1.0)
        rows.append(f"| {name} | {value:.2f} | {groups:.2f} | {100 * (groups / value - 1):+.1f} % |")
    return rows


def undetermined_table() -> list[str]:
    """The measured cells about which nothing can be said."""
    rows = ["| not determined | measured, ms | missing |", "|---|---|---|"]
    for pair, places, missing in UNDETERMINED:
        values = ", ".join(f"{place} {fact('two_dnn_makespan', pair, place):.1f}" for place in places)
        rows.append(f"| {pair} | {values} | {missing} |")
    values = ", ".join(
        f"{place} {fact('two_dnn_makespan', 'GoogleNet+ResNet101', place, 'AGX Orin'):.2f}" for place in ORIN
    )
    rows.append(f"| GoogleNet+ResNet101, AGX Orin INT8 | {values} | every time alone |")
    return rows


def tables() -> list[list[str]]:
    """All tables of the README that this script makes."""
    return [parameter_table(), cell_table(), error_table(), left_out_table(), check_table(), undetermined_table()]


def draw(path: Path) -> None:
    """Measured and simulated latencies, the fitted cells above the predicted ones."""
    from matplotlib.figure import Figure

    shown = list(cases())
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    colours = {"none": "#bbbbbb", "symmetric": "#e69f00", "proportional": "#56b4e9", "pairwise": "#0072b2"}
    marks = {"none": "s", "symmetric": "D", "proportional": "^", "pairwise": "o"}
    for row, case in enumerate(shown):
        axes.vlines(case.measured, row - 0.38, row + 0.38, color="black", lw=2, label=None if row else "measured")
        for shift, model in zip((-0.24, -0.08, 0.08, 0.24), MODELS, strict=True):
            value = simulated(case, model)
            if value is not None:
                face = "none" if case.fitted else colours[model]
                axes.scatter(value, row + shift, 34, marker=marks[model], facecolors=face, edgecolors=colours[model])
    for model in MODELS:
        axes.scatter([], [], 34, marker=marks[model], color=colours[model], label=model)
    border = sum(bool(case.fitted) for case in shown) - 0.5
    axes.axhline(border, color="black", lw=0.8, ls=":")
    axes.text(16.2, border - 0.1, "used for the fit (hollow)", ha="right", va="bottom", fontsize=8)
    axes.text(16.2, border + 0.1, "predicted (filled)", ha="right", va="top", fontsize=8)
    axes.set_yticks(range(len(shown)), [f"{case.name}\n({case.statistic})" for case in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(6.5, 16.5)
    axes.set_xlabel("latency of the pair, ms (AGX Xavier, FP16)")
    axes.legend(fontsize=8, loc="upper right")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="print the tables (the default without other options)")
    parser.add_argument("--png", type=Path, help="write the figure")
    parser.add_argument("--data", type=Path, help="compare haxconn.csv with the raw table in this folder")
    options = parser.parse_args()
    if options.data:
        found = differences(options.data)
        print("\n".join(found) or "haxconn.csv agrees with the raw table")
    if options.png:
        draw(options.png)
    if options.table or not (options.png or options.data):
        print("\n\n".join("\n".join(table) for table in tables()))


if __name__ == "__main__":
    main()
