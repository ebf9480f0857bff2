"""One metric of a study as a table for LaTeX (booktabs): a row for each point, a column for each policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.experiment.words import AXES, Quantity, of_metric, population, told_points
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.experiment.results import Estimate, Results

#: What LaTeX takes for its own.
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "µ": r"\textmu{}",
}  # fmt: skip


def table(results: Results, metric: str | None = None) -> str:
    """A ``tabular`` of a metric (the first one measured, unless named) with its 95 % intervals, to be included.

    What has no value is a dash; how many systems lack one stands behind it. Raises InputError where nobody has it.
    """
    outline, metric = results.outline, metric or results.metrics[0]
    estimates = results.estimates(metric)
    quantity = of_metric(outline, metric, [each.band.mean for each in estimates if each.band is not None])
    found = {(each.point, each.policy): each for each in estimates}
    axes, wide = len(outline.axes) or 1, len(outline.policies)
    names = [AXES.get(name, name.removeprefix("generate.")) for name in outline.axes] or [""]
    rows = [
        [
            *(map(escaped, values) if values else ["all"]),
            *(_cell(found[place, who], quantity) for who in outline.policies),
        ]
        for place, values in enumerate(told_points(outline))
    ]
    said = population(results, [each.count for each in estimates])
    return "\n".join(
        [
            f"% rtsched {outline.version}, study {visible(outline.name)} ({outline.digest}): {said}, 95 % intervals.",
            r"% Needs \usepackage{booktabs}.",
            rf"\begin{{tabular}}{{{'l' * axes}{'r' * wide}}}",
            r"\toprule",
            rf"{'& ' * axes}\multicolumn{{{wide}}}{{c}}{{{escaped(quantity.label)}}} \\",
            rf"\cmidrule(lr){{{axes + 1}-{axes + wide}}}",
            _line([escaped(name) for name in (*names, *outline.policies)]),
            r"\midrule",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(estimate: Estimate, quantity: Quantity) -> str:
    lacking = f" ({estimate.lacking} lacking)" if estimate.lacking else ""
    band = estimate.band
    if band is None:
        return f"--{lacking}"
    ends = "" if band.low is None or band.high is None else f" [{quantity.show(band.low)}, {quantity.show(band.high)}]"
    return f"{quantity.show(band.mean)}{ends}{lacking}"


def escaped(text: str) -> str:
    r"""Text with what LaTeX takes for its own written out.

    >>> print(escaped("a_b & 5 %"))
    a\_b \& 5 \%
    """
    return "".join(SPECIAL.get(char, char) for char in visible(text))
