"""What is found of measured execution times, as text."""

from __future__ import annotations

from rtsched import units
from rtsched.columns import aligned, listed
from rtsched.samples.assessment import Assessment
from rtsched.samples.independence import Test
from rtsched.samples.order import Percentile
from rtsched.samples.tails import Gumbel

#: With fewer runs than these a tail that is heavier than it should be is often not seen (docs/samples.md).
SEEN = 5_000


def time(nanoseconds: float | None) -> str:
    """A time in four digits."""
    return "-" if nanoseconds is None else units.format_duration(round(nanoseconds), 4)


def share(value: float) -> str:
    """A chance, small ones with an exponent."""
    return f"{value:.3g}"


def text(found: Assessment) -> str:
    """All that is found, the claim last."""
    wanted, series = found.wanted, found.series
    lines = [f"{series.name}: {found.n:,} runs ({series.file}, column {series.column})", ""]
    margin = "" if wanted.margin == 1 else f", times {float(wanted.margin):g}: {wanted.reason}"
    rows = [["largest", f"{time(found.largest)}{margin}"]]
    allowed = f"up to {share(found.allowed)} a run (95 %){_hourly(found, found.allowed)}"
    rows.append(["may be exceeded", f"{allowed}, if the runs are independent"])
    lines += listed(rows, indent="  ")
    lines += ["", aligned([["percentile", "time", "at least", "at most (95 % each)"], *map(_row, found.percentiles)])]
    if not found.independent:
        lines += ["The limits hold for independent runs of one kind, and a test below speaks against that."]
    lines += ["", *listed(list(map(_test, found.tests)), indent="  ")]
    if found.tail is not None:
        lines += _tail(found)
    for each in found.fresh:
        word = "held" if each.passed else "BROKEN"
        may = f"{share(each.claimed)} each" if each.claimed else "none"
        rest = f"; they still allow {share(each.allowed)}" if not each.count else ""
        lines.append(
            f"  fresh runs: {each.count} of {each.n:,} exceed {time(each.time)} (may: {may}): {word}, "
            f"p = {each.p:.3g}{rest}"
        )
    return "\n".join([*lines, "", _claim(found)])


def _hourly(found: Assessment, chance: float) -> str:
    hourly = found.hourly(chance)
    return "" if hourly is None else f": {hourly:.3g} an hour"


def _row(each: Percentile) -> list[str]:
    name = f"{each.q * 100:g} %"
    if each.estimate is None:
        return [name, "refused", "-", f"too few runs: it takes {each.needed:,}"]
    upper = f"too few runs: it takes {each.needed:,}" if each.upper is None else time(each.upper)
    return [name, time(each.estimate), time(each.lower), upper]


def _test(test: Test) -> list[str]:
    return [test.name, "passed" if test.passed else "FAILED", test.found, test.asks]


def _tail(found: Assessment) -> list[str]:
    tail = found.tail
    assert tail is not None
    rest = tail.tests[len(found.tests) :]
    lines = ["", f"The tail, at a chance of {share(tail.p)} a run{_hourly(found, tail.p)}"]
    lines += listed(list(map(_test, rest)), indent="  ")
    for each in tail.tails:
        fit, shape = each.fit, each.shape
        what = (
            f"{fit.blocks} blocks of {fit.size}" if isinstance(fit, Gumbel)
            else f"{fit.excesses} runs above {time(fit.threshold)}"
        )  # fmt: skip
        lines.append(
            f"  {each.fit.method} ({what}): expects {time(each.estimate)}, limit {time(each.limit)} (95 %); shape "
            f"{shape.value:.3f} in [{shape.lower:.3f}, {shape.upper:.3f}]"
        )
    if tail.time is not None and tail.steep is not None and tail.steep > tail.time:
        lines.append(f"  with the largest shape that the runs do not exclude it would be {time(tail.steep)}")
    if tail.time is not None and tail.n < SEEN:
        lines.append(f"  fewer than {SEEN:,} runs: heavier tails are often not seen")
    return lines


def _claim(found: Assessment) -> str:
    wanted = found.wanted
    if found.time is None:
        what = {"pwcet": "no pWCET", "percentile": "no percentile", "high-water": "no claim"}[wanted.kind]
        return f"{what}: {'; '.join(found.refused)}. Keep the maximum, {units.format_duration(found.largest)}."
    exact = units.format_duration(found.time)
    broken = [each for each in found.fresh if not each.passed]
    if broken:
        most = max(each.largest for each in broken)
        return f"{exact} does not hold for the fresh runs, of which the longest is {units.format_duration(most)}."
    if wanted.kind == "pwcet" and wanted.p is not None:
        hourly = _hourly(found, wanted.p)
        chance = f"{share(wanted.p)} a run{hourly}"
        return f"pWCET {exact}: exceeded with a chance of at most {chance}, if the runs are like operation."
    if wanted.kind == "percentile" and wanted.q is not None:
        return (
            f"percentile {wanted.q:g}: {exact} at most (95 %); no bound: {share(1 - wanted.q)} of the runs exceed it."
        )
    times = "" if wanted.margin == 1 else f" x {float(wanted.margin):g}"
    return f"high-water mark {exact} (n = {found.n:,}{times}); no bound: nothing longer was seen."
