"""The section of the assumptions: what the tool read off the system, and what persons answer for, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.report import facts
from rtsched.report.blocks import Block, Bullets, Table, Text
from rtsched.report.section import section
from rtsched.schedulability.result import Assumption
from rtsched.verify.assumptions import assumptions, times

if TYPE_CHECKING:
    from rtsched.report.content import Report

#: The columns of those that are declared, and their widths.
HEADER = ("", "name", "assumption", "what a source says of the chip", "owner", "validated by, on")
WIDTHS = (3.0, 15.0, 38.0, 20.0, 9.0, 15.0)
#: What stands before one that nobody has looked at, that was validated, that does not hold.
STATES = {"open": "☐", "validated": "☑", "violated": "✗"}


@section("Assumptions", 2)
def rests_on(report: Report) -> tuple[Block, ...]:
    """What was checked, and what is to be signed."""
    found = report.found
    items = assumptions(found)
    blocks: list[Block] = []
    if found.basis not in PROVING + CONDITIONAL:
        text = "what this report says rests on execution times that are no bounds of the real ones. "
        blocks.append(Text(text + facts.sentence(next(iter(times(found).values()))), strong="No proof:"))
    if found.violated:
        blocks.append(
            Text(f"the system file says that these do not hold: {', '.join(found.violated)}.", strong="No proof:")
        )
    against = [item.id for item in items if item.against]
    if against:
        text = f"a source says something else of the chip than is assumed here: {', '.join(against)}."
        blocks.append(Text(text, strong="Look at these first:"))
    checked = tuple(facts.sentence(item.text) for item in items if item.status == "checked")
    blocks.append(Text("read off this very system, no signature needed:", strong="Checked by the tool"))
    blocks.append(Bullets(checked) if checked else Text("nothing was assumed on the way into the theorems."))
    text = "what no tool can see in a file. Whoever signs answers for each; the verdict holds as far as they do:"
    blocks.append(Text(text, strong="Declared by a person"))
    declared = [item for item in items if item.status == "declared"]
    marked = frozenset(row for row, item in enumerate(declared) if item.against or item.state == "violated")
    title = "Assumptions to be signed (☐ open, ☑ validated, ✗ violated)"
    blocks.append(Table(title, HEADER, tuple(map(_row, declared)), WIDTHS, frozenset(), marked))
    unused = sorted(set(found.loaded.system.assumptions) - {item.id for item in declared} - set(found.violated))
    if unused:
        text = f"the file speaks of assumptions that this proof does not need: {', '.join(unused)}."
        blocks.append(Text(text, note=True))
    return tuple(blocks)


def _row(item: Assumption) -> tuple[str, ...]:
    evidence = facts.sentence(item.evidence) if item.evidence else ""
    return STATES[item.state], item.id, facts.sentence(item.text), evidence, item.owner, item.how
