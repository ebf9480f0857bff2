"""Figure (f): a task graph on typed processors, and the path through it that its bound counts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from rtsched.report.drawing import HIGHEST, INK, Drawing, empty, short
from rtsched.schedulability.models import Dag, TypedPools
from rtsched.verify import words
from rtsched.verify.verification import Verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "(f) The path that attains the bound"
MOST_NODES = 60
#: Graphs of at most so many tasks are drawn.
MOST_GRAPHS = 4
#: Graphs with more layers run down the page instead of along it.
ALONG = 6
LOOKS = (("#56B4E9", ""), ("#F0B840", "////"), ("#8FD0B8", "...."), ("#E3B5CF", "\\\\\\\\"), ("#DDDDDD", "xxxx"),
         ("#F4F0A0", "----"))  # fmt: skip


def graphs(found: Verification) -> list[Drawing]:
    """(f) One drawing per task graph whose bound comes with a path."""
    made: list[Drawing] = []
    sentences: list[str] = []
    graphs = [task.name for task in found.system.tasks if len(task.nodes) > 1]
    if not graphs:
        return [Drawing("ff", TITLE, "Left out: no task is a graph of several nodes.")]
    for name in graphs:
        path = attained(found, name)
        if path is None:
            bound = next(bound for bound in found.bounds if bound.task == name)
            none = f"{name!r} has no bound"
            sentences.append(
                none if bound.wcrt is None else f"{bound.test} counts no path through the graph of {name!r}"
            )
            continue
        dag, way, test = path
        if len(dag.vertices) > MOST_NODES:
            sentences.append(f"the graph of {name!r} has {len(dag.vertices)} nodes, too many to draw")
        elif len(made) == MOST_GRAPHS:
            sentences.append(f"the graph of {name!r} is one too many")
        else:
            text = (
                f"Thick: the path of {name!r} that the test {test} counts; the other nodes run beside it or delay it."
            )
            made.append(Drawing(f"ff{len(made)}", f"{TITLE}: {name}", text, _drawer(dag, way)))
    if not made:
        return [Drawing("ff", TITLE, f"Left out: {'; '.join(sentences)}.")]
    if sentences:
        last = made[-1]
        made[-1] = Drawing(last.key, last.title, f"{last.text} Not drawn: {'; '.join(sentences)}.", last.draw)
    return made


def attained(found: Verification, name: str) -> tuple[Dag, tuple[int, ...], str] | None:
    """The graph of a task, the path that its best bound counts, and the test; None where the bound has no path."""
    part = found.analysis.part_of(name)
    bound = next(bound for bound in found.bounds if bound.task == name)
    for item in part.applied:
        path = item.result.details.get("path", {}).get(name)
        if item.theorem.name == bound.test and path and isinstance(item.model, TypedPools):
            task = next(task for task in item.model.tasks if task.name == name)
            return task.dag, tuple(path), bound.test
    return None


def _drawer(dag: Dag, path: tuple[int, ...]) -> Callable[[], Figure]:
    return lambda: _draw(dag, path)


def layers(dag: Dag) -> list[list[int]]:
    """The vertices by their distance from the sources, ordered so that few edges cross (barycentres, both ways)."""
    depth = [0] * len(dag.vertices)
    for index in dag.order:
        for target in dag.successors[index]:
            depth[target] = max(depth[target], depth[index] + 1)
    rows: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for index in dag.order:
        rows[depth[index]].append(index)
    for sweep in range(4):
        place = {index: spot / max(1, len(row) - 1) for row in rows for spot, index in enumerate(row)}
        near = dag.predecessors if sweep % 2 == 0 else dag.successors
        for row in rows:
            row.sort(key=lambda index: (_mean([place[each] for each in near[index]], place[index]), index))
            place |= {index: spot / max(1, len(row) - 1) for spot, index in enumerate(row)}
    return rows


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _draw(dag: Dag, path: tuple[int, ...]) -> Figure:
    from matplotlib.patches import FancyBboxPatch, Patch

    rows = layers(dag)
    along = len(rows) <= ALONG
    widest = max(map(len, rows))
    cells = (len(rows), widest) if along else (widest, len(rows))
    figure = empty(min(HIGHEST, 0.5 + (0.62 if along else 0.5) * cells[1]))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.5, cells[0] - 0.5)
    axes.set_ylim(cells[1] - 0.5, -0.5)
    spot = {}
    for depth, row in enumerate(rows):
        for place, index in enumerate(row):
            beside = place + (widest - len(row)) / 2
            spot[index] = (depth, beside) if along else (beside, depth)
    width, height = 0.78 if along else 0.86, 0.6
    kinds = list(dag.volumes)
    on_path = set(path)
    steps = set(pairwise(path))
    for source, target in sorted(set(dag.edges), key=lambda edge: edge in steps):
        (x0, y0), (x1, y1) = spot[source], spot[target]
        begin, end = (
            ((x0 + width / 2, y0), (x1 - width / 2, y1)) if along else ((x0, y0 + height / 2), (x1, y1 - height / 2))
        )
        thick = (source, target) in steps
        axes.annotate("", end, begin, arrowprops={
            "arrowstyle": "-|>", "color": INK if thick else "#999999", "linewidth": 2.2 if thick else 0.8,
            "mutation_scale": 9 if thick else 6, "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    size = 7.0 if cells[0] <= 7 else 5.5
    length = max(4, int(WIDE / cells[0] / size))
    for index, (x, y) in spot.items():
        vertex = dag.vertices[index]
        colour, hatch = LOOKS[kinds.index(vertex.type) % len(LOOKS)]
        axes.add_patch(FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour,
            hatch=hatch, edgecolor=INK, linewidth=2.4 if index in on_path else 0.6, zorder=3,
            linestyle="-" if index in on_path else "--"))  # fmt: skip
        label = f"{short(vertex.name, length)}\n{words.time(vertex.c)}"
        axes.text(x, y, label, ha="center", va="center", fontsize=size, zorder=4, linespacing=1.05,
                  fontweight="bold" if index in on_path else "normal", bbox=PAPER)  # fmt: skip
    handles = [
        Patch(facecolor=LOOKS[i % len(LOOKS)][0], hatch=LOOKS[i % len(LOOKS)][1], edgecolor=INK, label=kind)
        for i, kind in enumerate(kinds)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(kinds)), fontsize=7, frameon=False)
    return figure


#: What letters stand on.
PAPER = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
#: Points across the page that a layer's names may fill, over the width of a letter as a share of its size.
WIDE = 7.0 * 72 * 0.78 / 0.62
