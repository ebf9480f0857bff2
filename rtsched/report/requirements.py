"""The requirements of a report: what is required, its verdict and where that stands; and back from the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.model.quantities import QUANTITIES
from rtsched.report import facts
from rtsched.report.blocks import Block, Bullets, Table, Text
from rtsched.report.section import number_of, section
from rtsched.verify.requirements import CHAIN, LOAD, SYSTEM, TASK, Requirement, requirements, stated

if TYPE_CHECKING:
    from rtsched.report.content import Report

HEADER = ("", "id", "of", "quantity", "limit", "bound", "slack", "seen (of)", "verdict", "basis", "section")
WIDTHS = (0.5, 1.4, 2.0, 1.6, 1.0, 1.05, 1.05, 1.6, 1.4, 1.3, 0.9)
#: More names than this are counted.
MOST = 30


@section("Requirements", 3)
def required(report: Report) -> tuple[Block, ...]:
    """Each requirement that somebody has stated with its verdict, why those are open that are, and what has none."""
    those = stated(report.found)
    where = number_of("tasks")
    if not those:
        text = (
            "no task, chain or system has an id, and no chain, load or number of misses a limit: what is required are "
            "the deadlines of "
        )
        return (Text(f"{text}section {where}.", strong="None is stated:"),)
    marked = frozenset(place for place, each in enumerate(those) if each.verdict == "unschedulable")
    blocks: list[Block] = [
        Table("Requirements", HEADER, tuple(_row(each) for each in those), WIDTHS, frozenset(range(4, 8)), marked),
        Text(
            f"{facts.PROVEN} kept in every run, proven; {facts.CONDITIONALLY} if no job exceeds what was "
            f"measured; {facts.UNPROVEN} at times that jobs exceed, or beside a violated assumption, no proof; "
            f"{facts.REFUTED} a run or an exact test breaks it; {facts.OPEN} neither. "
            "slack is the limit less the bound; seen is the longest in "
            "simulation (and of how many), a lower bound on the worst. The response time of a job counts from its "
            "arrival (a release that comes later, by jitter, is inside) to its end. A load is bounded by all that may "
            "run there, and broken by what runs nowhere else. Misses are counted in any so many consecutive jobs.",
            note=True,
        ),
    ]
    used = [about for code, about in QUANTITIES.items() if any(each.quantity == code for each in those)]
    if used:
        blocks.append(Text("from which event to which each lies:", strong="Quantities"))
        blocks.append(
            Bullets(
                tuple(
                    f"{each.name} ({each.code}): from {each.begins} to {each.ends}; {each.sampling}." for each in used
                )
            )
        )
    for each in those:
        if each.reason:
            blocks.append(Text(f"{each.called}: {each.reason}.", strong=f"{each.id or each.name}, {each.word}:"))
    return (*blocks, *_back(report))


def _row(each: Requirement) -> tuple[str, ...]:
    mark = {
        "proven": facts.PROVEN,
        "refuted": facts.REFUTED,
        "conditional": facts.CONDITIONALLY,
        "met, no proof": facts.UNPROVEN,
    }.get(each.word, facts.OPEN)
    code = f" ({each.quantity})" if each.quantity in QUANTITIES else ""
    number = {SYSTEM: number_of("verdict"), LOAD: number_of("resources")}.get(each.of, number_of("tasks"))
    return (
        mark,
        each.id or "–",
        each.name,
        each.called + code,
        each.told("limit"),
        each.told("bound"),
        each.told("slack").replace("-", "−"),
        "–" if each.told("observed") == "–" else f"{each.told('observed')} ({each.count})",
        each.word,
        each.basis,
        str(number_of("open") if each.word == "open" and each.of not in (SYSTEM, LOAD) else number),
    )


def _back(report: Report) -> list[Block]:
    """What has no evidence, and which tasks no requirement speaks of."""
    found = report.found
    without = [each for each in stated(found) if each.told("bound") == each.told("observed") == "–" and each.of != LOAD]
    bare = [each.id or each.name for each in without]
    bare = [name for name in bare if name != found.system.id]
    named = {each.name for each in requirements(found) if each.of == TASK and each.id is not None}
    for place, chain in enumerate(found.system.chains):
        if chain.id is not None or any(each.of == CHAIN and each.name == chain.name for each in stated(found)):
            named |= {found.system.tasks[index].name for index in found.system.chains[place].tasks}
    silent = [task.name for task in found.system.tasks if task.name not in named]
    return [
        Text(f"{_some(bare)}.", strong="Requirements without a bound or a run:"),
        Text(f"{_some(silent)}.", strong="Tasks of which no stated requirement speaks:"),
    ]


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
