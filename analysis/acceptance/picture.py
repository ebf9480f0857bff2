"""The figures: curves that are told apart in grey, each panel with its own legend below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from panels import Figure
from tables import OPEN, POSSIBLE, UNION, Count

from rtsched.files import write_whole
from rtsched.plot import paper

HEIGHT = 2.1
BLACK, GREY, MIDDLE, LIGHT = "#000000", "#777777", "#A8A8A8", "#EDEDED"


def draw(figure: Figure, counts: Sequence[Count]) -> Any:
    """A figure of a page's width: the panels beside each other, or two by two."""
    with paper.settings():
        panels = [panel for panel in figure.panels if any(each.panel == panel.name for each in counts)]
        count = len(panels)
        beside = 2 if count in (1, 2, 4) else 3
        rows = -(-count // beside)
        longest = max(len(_curves(counts, panel.name)) for panel in panels) + 2
        legend = 0.135 * (-(-longest // (2 if beside == 2 else 1)))
        sheet = paper.sheet("double", rows * (HEIGHT + legend + 0.3))
        cells = sheet.add_gridspec(rows, beside)
        looks = _looks([list(_curves(counts, panel.name)) for panel in panels])
        for place, panel in enumerate(panels):
            axes = sheet.add_subplot(cells[divmod(place, beside)])
            mine = [each for each in counts if each.panel == panel.name]
            _panel(axes, mine, panel.title, 2 if beside == 2 else 1, looks)
            paper.numbered(axes, panel.xs)
            axes.set_xlabel(figure.x, labelpad=2)
            axes.set_ylabel("sets accepted (%)" if place % beside == 0 else "", labelpad=3)
        return sheet


def _curves(counts: Sequence[Count], panel: str) -> dict[str, list[Count]]:
    """The theorems or policies that are drawn, in the order of the data."""
    found: dict[str, list[Count]] = {}
    for each in counts:
        if each.panel == panel and each.drawn and each.kind in ("theorem", "policy"):
            found.setdefault(each.curve, []).append(each)
    return found


def _looks(names: Sequence[Sequence[str]]) -> dict[str, int]:
    """Which look a curve has: the same in all panels, and no look twice in one of them."""
    found: dict[str, int] = {}
    for panel in names:
        for name in panel:
            if name not in found:
                beside = {other for each in names if name in each for other in each}
                taken = {found[other] for other in beside if other in found}
                free = [place for place in range(paper.MOST_LOOKS) if place not in taken]
                found[name] = free[0] if free else len(found) % paper.MOST_LOOKS
    return found


def _panel(axes: Any, counts: Sequence[Count], title: str, columns: int, looks: Mapping[str, int]) -> None:
    paper.dress(axes)
    axes.set_title(title, pad=4)
    axes.set_ylim(-3, 103)
    of = {kind: [each for each in counts if each.kind == kind] for kind in ("union", "possible", "open")}
    xs = [each.x for each in of["possible"]]
    if of["union"]:
        union, opened = ([each.share for each in of[kind]] for kind in ("union", "open"))
        axes.fill_between(xs, union, opened, color=LIGHT, linewidth=0, zorder=1)
        axes.plot(xs, union, color=MIDDLE, linewidth=4.5, zorder=2, label=UNION, solid_capstyle="round")
        axes.plot(
            xs, opened, color=BLACK, linewidth=0.8, linestyle=(0, (4, 1.5)), zorder=2, label=f"{OPEN} (also by runs)"
        )
    axes.plot(
        xs, [each.share for each in of["possible"]], color=GREY, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=1.5,
        label=f"{POSSIBLE} conditions",
    )  # fmt: skip
    for place, (name, mine) in enumerate(_curves(counts, counts[0].panel).items()):
        look = paper.look(looks[name])
        axes.plot(
            [each.x for each in mine], [each.share for each in mine], color=look.colour, marker=look.marker,
            linestyle=look.style, markersize=look.size * 0.75, markerfacecolor="white", markeredgewidth=0.9,
            linewidth=1.1, zorder=3 + place / 10, label=_named(mine[0]), clip_on=False,
        )  # fmt: skip
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns, frameon=False, fontsize=6.5, handlelength=2.8,
        labelspacing=0.25, columnspacing=1.0, borderpad=0,
    )  # fmt: skip


def _named(count: Count) -> str:
    """A curve with the one that accepts the same sets."""
    return f"{count.curve} (= {count.also})" if count.also else count.curve


def ratios(found: Mapping[str, Sequence[float]]) -> Any:
    """How the bounds of chains, and the longest that was seen, compare with Davare's: a distribution a curve."""
    with paper.settings():
        sheet = paper.sheet("single", 3.2)
        axes = sheet.add_subplot()
        paper.dress(axes)
        for place, (name, values) in enumerate(found.items()):
            look, ordered = paper.look(place), sorted(values)
            ys = [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))]
            axes.step(
                [ordered[0], *ordered], [0, *ys], where="post", color=look.colour, linestyle=look.style, linewidth=1.3,
                label=f"{name} (mean {sum(values) / len(values):.2f})",
            )  # fmt: skip
        axes.set_xlim(0.2, 1.02)
        axes.set_ylim(0, 103)
        axes.set_xlabel("maximum reaction time / Davare's bound", labelpad=2)
        axes.set_ylabel("chains (%)", labelpad=3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False, fontsize=6.5)
        return sheet


def save(path: Path, figure: Any) -> None:
    """As PNG, the same bytes for the same figure."""
    about = {"title": path.stem, "version": "rtsched analysis/acceptance"}
    write_whole(path, paper.file(figure, "png", about))
