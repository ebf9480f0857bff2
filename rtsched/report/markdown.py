"""A report as Markdown: everything but the figures."""

from __future__ import annotations

import re

from rtsched.report.blocks import (
    Block,
    Bullets,
    Facts,
    Figures,
    Listing,
    Signatures,
    Table,
    Text,
    VerdictBox,
)
from rtsched.report.content import Report

#: To be filled in by hand.
BLANK = "\\_" * 12


def markdown(report: Report) -> str:
    """The text."""
    lines = [f"# {plain(report.title)}", ""]
    for block in report.front:
        lines += [*_block(block), ""]
    for section in report.sections:
        lines += [f"## {section.number}. {section.title}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join([*lines, "---", "", plain(report.footer), "", f"SHA-256 of the data: `{report.digest}`", ""])


def plain(text: str) -> str:
    """A text in which nothing is markup, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(text.split()))


def _block(block: Block) -> list[str]:
    if isinstance(block, Text):
        return [(f"**{plain(block.strong)}** " if block.strong else "") + plain(block.text)]
    if isinstance(block, VerdictBox):
        return [f"> **{block.word.upper()}**{block.basis}", ">", f"> {plain(block.scope)}"]
    if isinstance(block, Facts):
        return [f"- **{plain(name)}:** {plain(value) or BLANK}" for name, value in block.rows]
    if isinstance(block, Bullets):
        return [f"- {plain(item)}" for item in block.items]
    if isinstance(block, Signatures):
        rows = [f"| {' | '.join(map(plain, (*row[:3], '', row[3])))} |" for row in block.rows]
        return ["| | name, function | independence | signature | date |", "|---|---|---|---|---|", *rows]
    if isinstance(block, Table):
        rule = ["---:" if column in block.numeric else "---" for column in range(len(block.header))]
        lines = [[plain(cell) for cell in block.header], rule]
        for place, row in enumerate(block.rows):
            cells = [plain(cell) for cell in row]
            lines.append([f"**{cell}**" if cell and place in block.marked else cell for cell in cells])
        return [f"**{plain(block.title)}**", "", *("| " + " | ".join(line) + " |" for line in lines)]
    if isinstance(block, Listing):
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
        return [
            f"**{plain(block.title)}**",
            "",
            f"{fence}{block.language}",
            block.text.rstrip(),
            fence,
        ]
    assert isinstance(block, Figures)
    return ["The figures are in the HTML and PDF forms of this report."]
