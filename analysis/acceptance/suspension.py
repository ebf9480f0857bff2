"""How many random sets of suspending tasks each test accepts: ours, and beside them those of another tool.

    python analysis/acceptance/suspension.py                          # ours alone, into suspension.csv and .png
    python analysis/acceptance/suspension.py --beside PATH            # PATH: a checkout of SSSEvaluation
    python analysis/acceptance/suspension.py --draw                   # the figure from the data that are there

The sets are those of SSSEvaluation (TU Dortmund), drawn here anew: ten tasks, UUniFast, T uniform in 100 to 1,000 and
in 1,000 to 10,000 in turns, D = T, two segments of execution, S a uniform share of T - C. With `--beside` the tests of
that tool answer the same sets; what they say is kept in the data, none of their code is.
"""

from __future__ import annotations

import argparse
import copy
import csv
import importlib
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rtsched.files import write_whole
from rtsched.plot import paper
from rtsched.schedulability.models import Pipelines, PipelineTask, Sporadic, Stage, Uniprocessor
from rtsched.schedulability.theorems.priorities import audsley
from rtsched.schedulability.theorems.suspending import assignable
from rtsched.schedulability.theorems.suspending_edf import edf_suspension_windows
from rtsched.schedulability.theorems.suspension import edf_suspension, self_suspension
from rtsched.schedulability.theorems.suspension_framework import suspension_assignable, suspension_framework

HERE = Path(__file__).parent
SEED, SETS, TASKS = 2026, 200, 10
#: S as a share of T - C.
SHARES = {"short": (0.01, 0.1), "moderate": (0.1, 0.3), "long": (0.3, 0.6)}
LOADS = tuple(load / 10 for load in range(1, 11))
#: Beside ours, in the same panel, by the names of the other tool.
PANELS = {
    "EDF": ("edf-suspension", "edf-suspension-windows", "SCEDF", "RTEDF", "EL-EDF"),
    "fixed priorities": (
        "self-suspension", "suspension-framework", "suspension-assignable", "pipelines-suspending", "UNIFRAMEWORK",
        "PASS-OPA", "SCAIR-OPA",
    ),
}  # fmt: skip
Row = dict[str, Any]


def drawn(chance: random.Random, load: float, share: tuple[float, float]) -> list[Row]:
    """One set, as the other tool writes it."""
    left, rows = load, []
    for place in range(TASKS):
        rest = left * chance.random() ** (1 / (TASKS - 1 - place)) if place < TASKS - 1 else 0.0
        low = 100 * 10 ** (place % 2)
        T = chance.uniform(low, 10 * low)
        C = (left - rest) * T
        left = rest
        S = chance.uniform(*share) * (T - C)
        cut = chance.random()
        segments = [max(1, int(C * (1 - cut))), max(1, int(C * cut))]
        waits = max(1, int(S))
        T = math.ceil(T)
        row = {"period": T, "deadline": T, "execution": sum(segments), "sslength": waits, "minSr": 0}
        path = {"Cseg": segments, "Sseg": [waits], "deadline": [-1, -1]}
        rows.append({**row, "utilization": sum(segments) / T, "Cseg": segments, "Sseg": [waits], "paths": [path]})
    return sorted(rows, key=lambda row: int(row["period"]))


def ours(rows: Sequence[Row]) -> dict[str, bool]:
    """What each test here says; an order of its own is found where one may be."""
    tasks = tuple(
        Sporadic(str(place), row["execution"], row["period"], row["deadline"], S=row["sslength"])
        for place, row in enumerate(rows)
    )
    stages = tuple(
        PipelineTask(
            str(place),
            (Stage("cpu", row["Cseg"][0]), Stage(f"npu{place}", row["Sseg"][0]), Stage("cpu", row["Cseg"][1])),
            row["period"],
            row["deadline"],
        )
        for place, row in enumerate(rows)
    )
    chains = Pipelines(stages, {"cpu": "preemptive"} | {f"npu{place}": "nonpreemptive" for place in range(len(rows))})
    fixed, edf = Uniprocessor(tasks), Uniprocessor(tasks, "EDF")
    if fixed.U > 1:
        return dict.fromkeys(name for panel in PANELS.values() for name in panel if name.islower())  # type: ignore[return-value]
    return {
        "edf-suspension": edf_suspension(edf).verdict == "schedulable",
        "edf-suspension-windows": edf_suspension_windows(edf).verdict == "schedulable",
        "self-suspension": self_suspension(fixed).verdict == "schedulable",
        "suspension-framework": suspension_framework(fixed).verdict == "schedulable",
        "suspension-assignable": audsley(fixed, suspension_assignable) is not None,
        "pipelines-suspending": audsley(chains, assignable) is not None,
    }


def theirs(checkout: Path) -> dict[str, Callable[[list[Row]], bool]]:
    """The tests of the other tool, by its names; it spoils what it is given."""
    sys.path.insert(0, str(checkout))
    found = {
        name: importlib.import_module(f"schedTest.{name}")
        for name in ("SCEDF", "RTEDF", "EL_Config", "UNIFRAMEWORK", "pass_opa")
    }
    return {
        "SCEDF": found["SCEDF"].SC_EDF,
        "RTEDF": found["RTEDF"].RTEDF,
        "EL-EDF": lambda rows: found["EL_Config"].check("EL-EDF", rows, 5),
        "UNIFRAMEWORK": found["UNIFRAMEWORK"].UniFramework,
        "PASS-OPA": lambda rows: found["pass_opa"].PASS_OPA(rows, "PASS-OPA"),
        "SCAIR-OPA": lambda rows: found["pass_opa"].PASS_OPA(rows, "SCAIR-OPA"),
    }


def count(sets: int, shares: Sequence[str], beside: Path | None) -> list[Row]:
    """A row for each share of suspension, load and test: how many of the sets it accepts."""
    others = {} if beside is None else theirs(beside)
    table = []
    for share in shares:
        for load in LOADS:
            accepted: dict[str, int] = {}
            for number in range(sets):
                rows = drawn(random.Random(f"{SEED} {share} {load} {number}"), load, SHARES[share])
                said = ours(rows)
                if others and sum(row["execution"] / row["period"] for row in rows) <= 1:
                    said |= {name: bool(test(copy.deepcopy(rows))) for name, test in others.items()}
                for name, yes in said.items():
                    accepted[name] = accepted.get(name, 0) + bool(yes)
            for name, how_many in accepted.items():
                table.append({"suspension": share, "U": load, "test": name, "accepted": how_many, "sets": sets})
            print(share, load, accepted, flush=True)
    return table


def picture(table: Sequence[Row]) -> Any:
    """A column for each share of suspension, a row for each order."""
    shares = [share for share in SHARES if any(row["suspension"] == share for row in table)]
    with paper.settings():
        sheet = paper.sheet("double", 4.6)
        cells = sheet.add_gridspec(len(PANELS), len(shares))
        for line, (title, names) in enumerate(PANELS.items()):
            for column, share in enumerate(shares):
                axes = sheet.add_subplot(cells[line, column])
                paper.dress(axes)
                low, high = SHARES[share]
                axes.set_title(f"S: {low:g} to {high:g} of T − C", pad=4)
                axes.set_ylim(-3, 103)
                for place, name in enumerate(names):
                    here = [row for row in table if row["suspension"] == share and row["test"] == name]
                    look = paper.look(place)
                    axes.plot(
                        [float(row["U"]) for row in here],
                        [100 * int(row["accepted"]) / int(row["sets"]) for row in here],
                        color=look.colour,
                        marker=look.marker,
                        markersize=0.6 * look.size,
                        linewidth=1.5 if name.islower() else 0.8,
                        linestyle="-" if name.islower() else (0, (4, 1.5)),
                        label=name,
                    )
                axes.set_xlabel("U", labelpad=2)
                axes.set_ylabel("" if column else f"{title}\nsets accepted (%)", labelpad=3)
                if column == (0 if line else len(shares) - 1):  # where no curve is
                    axes.legend(fontsize=6, loc="lower left" if line else "upper right", frameon=False)
        return sheet


def main(words: Sequence[str] | None = None) -> None:
    """Count, or read what was counted, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--shares", nargs="+", choices=tuple(SHARES), default=tuple(SHARES))
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE)
    asked = parser.parse_args(words)
    data = asked.out / "suspension.csv"
    if not asked.draw:
        table = count(asked.sets, asked.shares, asked.beside)
        lines = ["suspension,U,test,accepted,sets"]
        lines += [",".join(str(value) for value in row.values()) for row in table]
        write_whole(data, "\n".join(lines) + "\n")
    with data.open() as file:
        picture(list(csv.DictReader(file))).savefig(asked.out / "suspension.png", dpi=200)


if __name__ == "__main__":
    main()
