"""The section of the tool: what stands behind each theorem used, for whoever judges how far the tool may be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched import __version__
from rtsched.report.blocks import Block, Facts, Table, Text
from rtsched.report.content import CHECKS, checked, fuzzed
from rtsched.report.section import number_of, section

if TYPE_CHECKING:
    from rtsched.report.content import Report

IMPACT = (
    "an error of this tool can lead to a missed deadline that nobody sees (ISO 26262-8: TI2; IEC 61508-3: class T2; "
    "DO-330: a verification tool). How likely it is that such an error is noticed depends on the checks of whoever "
    "uses it, so no level of confidence or qualification is claimed here. This is the material for that judgement."
)

NO_ANOMALY = "none is recorded with this version; CHANGELOG.md names those that were mended"


@section("Tool", 11)
def tool(report: Report) -> tuple[Block, ...]:
    """Version, impact, and the evidence behind each test that a verdict or a bound rests on."""
    cited = tuple(
        (
            item["test"],
            item["parts"],
            item["title"],
            item["strength"],
            item["corpus"],
            item["mutants"],
            item["citation"],
        )
        for item in report.citations
    )
    head = ("test", "parts", "statement", "strength", "records passed", "mutants noticed", "source")
    blocks: list[Block] = [Text(IMPACT, strong="Impact:")]
    if cited:
        title = "Tests that a verdict or a bound rests on"
        blocks.append(Table(title, head, cited, (1.5, 1.1, 2.3, 1.1, 0.9, 0.9, 2.8)))
    others = _others(report)
    if others:
        blocks.append(Text(f"{others}.", strong="Also applied:", note=True))
    run = checked()
    fuzz = run["fuzz"]
    hours = fuzz["minutes"] * fuzz["processes"] / 60
    anomalies = run.get("anomalies", [])
    rows = (
        ("Version", f"rtsched {__version__}"),
        ("Fuzzing", f"{hours:.1f} processor hours in the last long run, {fuzz['systems']} random systems, "
         f"{fuzz['violations']} violations"),
        ("Known anomalies", "; ".join(anomalies) or NO_ANOMALY),
        ("Beside the proof", _beside(report)),
        ("What remains to do", f"judge the assumptions (section {number_of('assumptions')}) and the execution times "
         f"(section {number_of('times')}): no tool sees whether they hold"),
    )  # fmt: skip
    mutants = (
        " A mutant is a theorem with one rule broken on purpose: each must make a record, a published example or a "
        "comparison fail."
    )
    return (*blocks, Facts(rows), Text(CHECKS + fuzzed() + mutants))


def _beside(report: Report) -> str:
    seen = report.found.observation
    if seen is None:
        return "nothing was simulated for this report"
    return "every simulated response was compared with its bound; one above it would have stopped the tool"


def _others(report: Report) -> str:
    """The tests that were applied and on which nothing rests."""
    used = {item["test"] for item in report.citations}
    names = {item.theorem.name for part in report.found.analysis.parts for item in part.applied}
    return ", ".join(sorted(names - used))
