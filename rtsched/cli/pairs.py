"""Paired comparisons of a study's policies, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.experiment.outline import Outline
    from rtsched.experiment.paired import Paired
    from rtsched.experiment.results import Results


def lines(results: Results, baseline: str) -> list[str]:
    """A table for each metric: a row for each point, and for all of them, a column for each policy."""
    from rtsched.columns import aligned
    from rtsched.experiment.paired import weighted

    outline = results.outline
    bands = weighted(results)
    found: list[str] = []
    pairs = results.paired(baseline)
    for metric in results.metrics:
        those = [each for each in pairs if each.metric == metric]
        if not those:
            continue
        found += ["", _title(outline, metric, baseline), aligned(list(_table(outline, those)), names=())]
        told = [
            f"{policy} {_share(band.mean)} ({_share(band.low)} to {_share(band.high)})"
            for (of, policy), band in bands.items()
            if of == metric and band.low is not None and band.high is not None
        ]
        if told:
            found.append(visible(f"weighted schedulability: {', '.join(told)}"))
    return [*found, *_legend(pairs)]


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _title(outline: Outline, metric: str, baseline: str) -> str:
    of, thing = outline.measure(metric)
    called = of.heading + (f" ({thing})" if thing else "")
    return visible(f"{called} less that of {baseline} ({of.better} is better)")


def _table(outline: Outline, those: Sequence[Paired]) -> Iterator[list[str]]:
    """The differences of one metric."""
    policies = list(dict.fromkeys(each.policy for each in those))
    found = {(each.point, each.weighted, each.policy): each for each in those}
    width = max(1, len(outline.axes))
    yield [*(outline.axes or ("",)), *map(visible, policies)]
    for point, values in enumerate(outline.points):
        cells = [_cell(outline, found.get((point, False, who))) for who in policies]
        yield [*(map(str, values) if values else [""]), *cells]
    for weighted, name in ((False, "all points"), (True, "weighted")):
        over = [found.get((None, weighted, who)) for who in policies]
        if any(over):
            yield [name, *[""] * (width - 1), *(_cell(outline, each) for each in over)]


def _cell(outline: Outline, each: Paired | None) -> str:
    from rtsched.experiment.contrast import stars

    if each is None or each.difference is None:
        return "–" if each is None or not each.lacking else f"– ({each.lacking} lacking)"
    lacking = f" ({each.lacking} lacking)" if each.lacking else ""
    if each.difference == 0 and not each.difference_half:
        return f"={lacking}"
    shown = outline.measure(each.metric)[0].show_difference(each.difference, each.difference_half)
    return shown + stars(each.p) + lacking


def _legend(pairs: Sequence[Paired]) -> list[str]:
    from rtsched.experiment.contrast import STAR, STARS
    from rtsched.experiment.statistics import fewest_pairs

    if not pairs:
        return ["", "No other policy has a metric of this one: there is nothing to compare."]
    tests = sum(each.p is not None for each in pairs)
    if not tests:
        return ["One pair of each: how others would come out is not known."]
    lines = [
        "±: 95 % confidence interval of the mean difference on the same systems; = none differs; "
        f"* p < {STAR:g}, ** p < {STARS:g}\n(McNemar's test where values are 0 or 1, else sign flips; "
        f"Holm's correction over the {tests} differences here)."
    ]
    most = max(each.pairs for each in pairs)
    if most < fewest_pairs(tests, STAR):
        lines.append(f"{most} pairs are too few for a star: {fewest_pairs(tests, STAR)} are the fewest.")
    return lines
