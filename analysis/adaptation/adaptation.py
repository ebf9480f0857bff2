"""What adaptation makes of an overload: ``python analysis/adaptation/adaptation.py [--seeds N] [--plot FILE]``.

Three overloaded workloads, one for each way to give up accuracy for time: resolution (`adas_resolution`), subnets
(`drone_subnets`) and early exits (`drone_exits`). Each is run under plain EDF, under fixed choices, and under the
adaptations that fit it, on the same seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtsched.experiment.compare import Comparison, compare
from rtsched.plot.front import draw_points, label_points, points

HERE = Path(__file__).parent


def policy(adaptation: str, **parameters: Any) -> str:
    """EDF without preemption (but for exits, which run on a CPU) and an adaptation with parameters."""
    given = "".join(f", {name}: {value}" for name, value in parameters.items())
    return f"{{ordering: edf, preemption: nonpreemptive, adaptation: {{name: {adaptation}{given}}}}}"


PLAIN = "edf+nonpreemptive"
CASES = {
    "adas_resolution": {
        "always 2048x1024 (plain EDF)": PLAIN,
        "always 1024x512": policy("fixed", variant=1),
        "always 512x256": policy("fixed", variant=2),
        "SubFlow's rule": policy("subflow"),
        "slack": policy("resolution"),
        "RTScale-style": policy("rtscale-style"),
    },
    "drone_subnets": {
        "always 1.0 (plain EDF)": PLAIN,
        "always 0.4": policy("fixed", variant=3),
        "always 0.1": policy("fixed", variant=5),
        "SubFlow's rule": policy("subflow"),
        "slack": policy("resolution"),
        "ApNet-style": policy("apnet-style"),
    },
    "drone_exits": {
        "full depth (plain EDF)": "edf",
        "confidence 0.99": "{ordering: edf, adaptation: {name: early-exit, threshold: 0.99}}",
        "confidence 0.9": "{ordering: edf, adaptation: {name: early-exit, threshold: 0.9}}",
        "confidence 0.5": "{ordering: edf, adaptation: {name: early-exit, threshold: 0.5}}",
        "anytime": "edf+anytime",
        "best return, anytime": "best-return+anytime",
        "DP over stages": "edf+stage-dp-style",
    },
}


def draw(answers: dict[str, Comparison], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(1, len(answers))
    named = {}
    for each, (name, answer) in zip(axes, answers.items(), strict=True):
        labels = {text: label for label, text in CASES[name].items()}
        named[name] = [mark.called(labels[mark.name]) for mark in points(answer)[0]]
        draw_points(each, named[name], percent=True)
        each.set_title(name, fontsize=10, loc="left")
        each.set_xlabel("jobs that missed (%)")
    axes[0].set_ylabel("effective accuracy (%)")
    for each, marks in zip(axes, named.values(), strict=True):
        label_points(each, marks)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--plot", type=Path, default=HERE / "adaptation.png")
    parser.add_argument("--table", action="store_true", help="print only, draw nothing")
    arguments = parser.parse_args()
    answers = {name: compare(name, [*case.values()], arguments.seeds, until="10 s") for name, case in CASES.items()}
    for name, answer in answers.items():
        print(name)
        for label, row in zip(CASES[name], answer.rows, strict=True):
            misses, accuracy = row.cells["miss_ratio"], row.cells["effective_accuracy"]
            print(f"  {label:<30} misses {100 * misses.mean:6.2f} %   effective {100 * accuracy.mean:6.2f} %")
    if not arguments.table:
        draw(answers, arguments.plot)
