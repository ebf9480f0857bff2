"""Measured execution times as a picture: in the order of the runs, how often each is exceeded, and both fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.files import picture_format
from rtsched.plot import paper
from rtsched.samples.assessment import Assessment
from rtsched.samples.tails import Exponential, blocks_of, excesses_of
from rtsched.samples.text import share, time
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: More runs than these are drawn as the smallest and the largest of as many stretches.
MOST_POINTS = 4_000
RUNS, FITTED, OTHER, CLAIM = "#0072B2", "#D55E00", "#009E73", "#000000"
UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def picture(found: Assessment, path: Path, version: str) -> bytes:
    """The bytes of the picture, in the format that the name of its file says. The same for the same runs."""
    figure = draw(found)
    return paper.file(
        figure, picture_format(path), {"title": f"execution times of {found.series.name}", "version": version}
    )


def draw(found: Assessment) -> Figure:
    """The figure: two panels, four where a tail was fitted."""
    import numpy as np

    scale, unit = next((size, name) for size, name in UNITS if found.largest >= size or size == 1)
    values = np.asarray(found.series.times, dtype=np.float64)
    with paper.settings():
        fitted = found.tail is not None and bool(found.tail.tails)
        figure = paper.sheet("double", 5.2 if fitted else 2.9)
        cells = figure.add_gridspec(2 if fitted else 1, 2)
        places = [figure.add_subplot(cells[row, column]) for row in range(2 if fitted else 1) for column in range(2)]
        room = (paper.WIDTHS["double"] / 2 - 0.45, 2.2)
        for axes in places:
            paper.dress(axes)
        _series(places[0], found, values / scale)
        paper.named(places[0], "run", f"execution time ({unit})", "", room)
        _exceedance(places[1], found, values, scale)
        paper.named(places[1], f"execution time ({unit})", "chance of a longer run", "", room)
        if fitted:
            _quantiles(places[2], found, values, scale, False)
            paper.named(places[2], f"as fitted ({unit})", f"largest of a block ({unit})", "", room)
            _quantiles(places[3], found, values, scale, True)
            paper.named(places[3], f"as fitted ({unit})", f"runs above the threshold ({unit})", "", room)
        figure.suptitle(f"{cut(found.series.name, 60)}: {found.n:,} runs; {_claim(found)}", fontsize=paper.FONT)
        failed = [test.said for test in (found.tail.tests if found.tail else found.tests) if not test.passed]
        paper.said(figure, [f"failed: {', '.join(failed)}" if failed else "no test failed"])
        return figure


def _claim(found: Assessment) -> str:
    wanted = found.wanted
    if found.time is None:
        return f"{wanted.kind} refused"
    detail = {"pwcet": f" (p = {share(wanted.p or 0)})", "percentile": f" (q = {wanted.q})", "high-water": ""}
    return f"{wanted.kind}{detail[wanted.kind]} {time(found.time)}"


def _series(axes: Any, found: Assessment, values: Any) -> None:
    """The runs in their order, the largest so far, and where the second half begins."""
    import numpy as np

    n = len(values)
    if n <= MOST_POINTS:
        axes.plot(np.arange(1, n + 1), values, ".", markersize=2.2, color=RUNS, rasterized=n > 1_000)
    else:
        edges = np.linspace(0, n, MOST_POINTS // 4 + 1).astype(int)
        low = np.minimum.reduceat(values, edges[:-1])
        high = np.maximum.reduceat(values, edges[:-1])
        axes.vlines((edges[:-1] + edges[1:]) / 2, low, high, color=RUNS, linewidth=0.6, rasterized=True)
    axes.plot(np.arange(1, n + 1), np.maximum.accumulate(values), color=FITTED, linewidth=1.0, drawstyle="steps-post",
              label="largest so far")  # fmt: skip
    axes.axvline(n / 2, color=paper.GREY, linewidth=0.7, linestyle=":", label="halves")
    _legend(axes, "best")
    axes.locator_params(axis="x", nbins=5)


def _exceedance(axes: Any, found: Assessment, values: Any, scale: int) -> None:
    """How often each time was exceeded, its 95 % limits, the fits down to the chance asked for, and the claim."""
    import numpy as np
    from scipy.stats import beta

    n = len(values)
    ordered = np.sort(values)
    ranks = np.unique(np.concatenate([np.linspace(1, n, 400), n - np.geomspace(1, n, 300) + 1]).round().astype(int))
    times = ordered[ranks - 1] / scale
    above = n - ranks
    shown = above > 0
    axes.plot(times[shown], above[shown] / n, color=RUNS, linewidth=1.4, label="measured")
    high = beta.ppf(0.95, above + 1, ranks)
    low = np.where(above > 0, beta.ppf(0.05, np.maximum(above, 1), ranks + 1), np.nan)
    axes.plot(times, high, color=RUNS, linewidth=0.7, linestyle=":", label="its limits (95 % each)")
    axes.plot(times[shown], low[shown], color=RUNS, linewidth=0.7, linestyle=":")
    least = 0.3 / n
    tail = found.tail
    if tail is not None and tail.tails:
        least = min(least, tail.p / 3)
        for each, colour, style in zip(tail.tails, (FITTED, OTHER), ("--", "-."), strict=True):
            start = each.fit.share if isinstance(each.fit, Exponential) else 1 / each.fit.size
            chances = np.geomspace(start * 0.99, tail.p, 40)
            expected = [each.fit.estimate(chance) / scale for chance in chances]
            axes.plot(expected, chances, color=colour, linestyle=style, linewidth=1.0, label=f"{each.fit.method}")
            limits = [each.fit.limit(chance) / scale for chance in chances[::3]]
            axes.plot(limits, chances[::3], color=colour, linestyle=style, linewidth=0.5)
    if found.time is not None:
        axes.axvline(found.time / scale, color=CLAIM, linewidth=0.9, label="claim")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda chance, _: f"{chance:g}")
    axes.set_ylim(least, 1.5)
    _legend(axes, "upper right")
    axes.locator_params(axis="x", nbins=6)


def _quantiles(axes: Any, found: Assessment, values: Any, scale: int, excesses: bool) -> None:
    """Measured against fitted quantiles: on the line where the fit is right."""
    import numpy as np

    assert found.tail is not None
    if excesses:
        fit: Any = found.tail.tails[1].fit
        ordered, threshold = excesses_of(values)
        measured = (ordered + threshold) / scale
        chances = (np.arange(len(measured)) + 0.5) / len(measured)
        fitted = (fit.threshold - fit.scale * np.log1p(-chances)) / scale
    else:
        fit = found.tail.tails[0].fit
        measured = np.sort(blocks_of(values)[0]) / scale
        chances = (np.arange(len(measured)) + 0.5) / len(measured)
        fitted = (fit.location - fit.scale * np.log(-np.log(chances))) / scale
    ends = [min(fitted[0], measured[0]), max(fitted[-1], measured[-1])]
    axes.plot(ends, ends, color=paper.GREY, linewidth=0.8)
    colour, marker = (OTHER, "s") if excesses else (FITTED, "o")
    axes.plot(fitted, measured, marker, color=colour, markersize=2.4, markerfacecolor="none", markeredgewidth=0.6)
    axes.locator_params(nbins=5)


def _legend(axes: Any, place: str) -> None:
    axes.legend(loc=place, frameon=True, framealpha=0.85, edgecolor="none", fontsize=paper.SMALL, handlelength=2.0,
                borderpad=0.2, labelspacing=0.25)  # fmt: skip
