"""A report as one self-contained page: no script, nothing from outside, to be read on a screen or printed on A4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from rtsched import __version__
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
from rtsched.report.drawing import Drawing, style, svg
from rtsched.report.letters import families, given, spelled

#: What stands on the first page where letters are missing.
SPELLED = "Letters that no font of this machine has are written as codes (\\u65e5): no two names look alike."
FILL = '<span class="fill" role="img" aria-label="to be filled in"></span>'
#: Cells with more letters than this stay wide on a narrow screen.
LONG = 60
SIGNS = {"schedulable": "✓", "conditional": "(✓)", "unschedulable": "✗", "unknown": "?"}

CSS = """
@page { size: A4; margin: 16mm 15mm 21mm; font-family: Arial, "DejaVu Sans", sans-serif;
  @bottom-left { content: string(foot) "\\A SHA-256 of the data " string(digest); white-space: pre-line;
    font-size: 6.5pt; line-height: 1.5; color: #333; width: 88%; vertical-align: top; padding-top: 4mm; }
  @bottom-right { content: "page " counter(page) " of " counter(pages); font-size: 7.5pt; vertical-align: top;
    padding-top: 4mm; white-space: nowrap; } }
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 190mm; padding: 8mm 5mm; background: #fff; color: #111;
  font: 10pt/1.42 "Source Sans 3", "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums; overflow-wrap: anywhere; }
.running { string-set: foot attr(data-foot), digest attr(data-digest); margin: 0; height: 0; }
h1 { font-size: 19pt; line-height: 1.15; margin: 0 0 1mm; letter-spacing: -0.01em; }
.why { color: #444; margin: 0 0 4mm; max-width: 160mm; }
h2 { font-size: 13pt; margin: 8mm 0 2.5mm; padding-bottom: 0.8mm; border-bottom: 0.6pt solid #111; break-after: avoid; }
h3 { font-size: 10pt; margin: 4mm 0 1.5mm; break-after: avoid; }
p { margin: 0 0 2mm; orphans: 2; widows: 2; }
a { color: inherit; text-decoration: underline; text-decoration-thickness: 0.3pt; text-underline-offset: 0.15em; }
.note, figcaption { font-size: 8.5pt; color: #333; }
.front { margin: 4mm 0 0; }
.fill { display: inline-block; width: 100%; height: 1.15em; border: 0.5pt solid #777; vertical-align: middle; }
nav ol { list-style: none; margin: 0; padding: 0; columns: 2; column-gap: 8mm; font-size: 9pt; }
nav li { margin: 0; break-inside: avoid; } nav a { text-decoration: none; }
.verdict { border: 2pt solid #111; padding: 4mm 5mm; margin: 0 0 3mm; break-inside: avoid; }
.verdict.unschedulable { border-style: double; border-width: 5pt; }
.verdict.unknown, .verdict.conditional { border-style: dashed; }
.verdict .word { font-size: 17pt; font-weight: 700; letter-spacing: 0.06em; margin: 0 0 1mm;
  text-transform: uppercase; }
.verdict.schedulable .word { color: #00563B; } .verdict.unschedulable .word { color: #A40000; }
.verdict .word small { text-transform: none; letter-spacing: 0; }
.verdict p:last-child { margin: 0; }
dl { margin: 0 0 3mm; }
dl > div { display: grid; grid-template-columns: 38mm 1fr; gap: 0 4mm; margin: 0 0 0.8mm; break-inside: avoid; }
dt { font-weight: 600; } dd { margin: 0; min-width: 0; }
ul { margin: 0 0 2.5mm; padding-left: 5mm; } li { margin: 0 0 0.6mm; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; margin: 0 0 2mm;
  font-size: 7.8pt; line-height: 1.3; }
caption { text-align: left; font-weight: 600; font-size: 9pt; padding: 0 0 1mm; break-after: avoid; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th { text-align: left; font-weight: 600; border-top: 1pt solid #111; border-bottom: 0.6pt solid #111; }
th, td { padding: 0.7mm 0.9mm; vertical-align: top; hyphens: manual; }
td { border-bottom: 0.3pt solid #bbb; }
tbody tr:last-child td { border-bottom: 1pt solid #111; }
tbody th { border: 0; border-bottom: 0.3pt solid #bbb; } tbody tr:last-child th { border-bottom: 1pt solid #111; }
.number { text-align: right; white-space: nowrap; overflow-wrap: normal; } .mark { white-space: nowrap; }
th.number { white-space: normal; overflow-wrap: anywhere; }
.number + :not(.number) { padding-left: 2.2mm; }
.marked td { background: #f4e6e6; } .marked td:nth-child(-n+2) { font-weight: 700; }
.sign td, .sign th { padding: 1.4mm 0.9mm; }
.lines tbody td, .lines tbody th { height: 9mm; vertical-align: bottom; border-bottom: 0.6pt solid #111;
  font-weight: 400; }
figure { margin: 3mm 0 5mm; break-inside: avoid; }
figure svg { width: 100%; height: auto; display: block; }
@media print { figure svg { max-height: 104mm; } } /* two of them on a page */
figcaption b { color: #111; }
pre { font: 6.6pt/1.35 "DejaVu Sans Mono", Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 0 0 3mm; padding: 1mm 0; border-top: 0.4pt solid #999; columns: 2; column-gap: 6mm;
  column-rule: 0.4pt solid #bbb; }
pre.one { columns: 1; }
code { font-family: "DejaVu Sans Mono", Consolas, monospace; font-size: 0.85em; }
footer { margin-top: 8mm; border-top: 0.4pt solid #999; padding-top: 1mm; font-size: 8pt; color: #444; }
@media print { body { padding: 0; max-width: none; } .marked td, .marked th, .verdict { print-color-adjust: exact; }
  nav a::after { content: leader(". ") target-counter(attr(href url), page); } }
@media screen and (max-width: 640px) { body { padding: 4mm; } dl > div { grid-template-columns: 1fr; }
  table { display: block; overflow-x: auto; table-layout: auto; }
  th, td { min-width: 18mm; } td:first-child { min-width: 8mm; } td.long { min-width: 50mm; }
  nav ol, pre { columns: 1; } .verdict .word { font-size: 13pt; } }
""".strip()


def html(report: Report, fonts: Sequence[Path] = (), lacking: str = "") -> str:
    """The page. Figures are drawn with `fonts`, where given, before others; letters `lacking` anywhere are spelled."""
    system = report.found.loaded.system
    used, without = families(_names(report), given(fonts))
    with style(used, without + lacking):
        drawn = "\n".join(_figure(each, used) for each in report.drawings)
    body = []
    for section in report.sections:
        inner = "\n".join(drawn if isinstance(block, Figures) else _block(block) for block in section.blocks)
        title = f"{section.number}. {escape(section.title)}"
        body.append(f'<section>\n<h2 id="s{section.number}">{title}</h2>\n{inner}\n</section>')
    contents = "\n".join(
        f'<li><a href="#s{section.number}">{section.number}. {escape(section.title)}</a></li>'
        for section in report.sections
    )
    why = f'\n<p class="why">{escape(system.why.strip())}</p>' if system.why else ""
    title = escape(report.title)
    notes = f'\n<p class="note">{escape(SPELLED)}</p>' if lacking else ""
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="dcterms.created" content="{report.date}">\n'
        f'<meta name="generator" content="rtsched {__version__}">\n'
        f"<title>{title}</title>\n<style>\n{CSS}\n</style>\n</head>\n<body>\n"
        f'<p class="running" data-foot="{escape(report.footer)}" data-digest="{report.digest}"></p>\n'
        f"<header><h1>{title}</h1>{why}{notes}</header>\n"
        '<section class="front">\n' + "\n".join(map(_block, report.front)) + "\n</section>\n"
        f'<nav aria-label="Contents"><h3>Contents</h3>\n<ol>\n{contents}\n</ol></nav>\n<main>\n'
        + "\n".join(body)
        + f"\n</main>\n<footer>{escape(report.footer)}<br>SHA-256 of the data: <code>{report.digest}</code></footer>\n"
        "</body>\n</html>\n"
    )
    return _linked(spelled(page, lacking), len(report.sections))


def _names(report: Report) -> str:
    """What figures may show of a system."""
    system = report.found.system
    names = [task.name for task in system.tasks] + [chain.name for chain in system.chains]
    names += [each.name for each in system.processors] + [node.name for task in system.tasks for node in task.nodes]
    return "".join(names)


def _linked(page: str, sections: int) -> str:
    """The page with its mentions of sections as links."""

    def link(found: re.Match[str]) -> str:
        return f'<a href="#s{found[1]}">{found[0]}</a>' if 0 < int(found[1]) <= sections else found[0]

    head, start, rest = page.partition("<main>")
    parts = re.split(r"(<svg.*?</svg>|<pre[^>]*>.*?</pre>)", rest, flags=re.DOTALL)
    return (
        head
        + start
        + "".join(
            part if place % 2 else re.sub(r"\bsection (\d{1,3})\b", link, part) for place, part in enumerate(parts)
        )
    )


def _figure(drawing: Drawing, families: Sequence[str] = ()) -> str:
    title, text = escape(drawing.title), escape(drawing.text)
    if drawing.draw is None:
        return f'<p class="note"><b>{title}.</b> {text}</p>'
    picture = svg(drawing.draw(), drawing.key, f"{drawing.title}. {drawing.text}", families)
    return f"<figure>\n{picture}\n<figcaption><b>{title}.</b> {text}</figcaption>\n</figure>"


def _block(block: Block) -> str:
    if isinstance(block, Text):
        strong = f"<b>{escape(block.strong)}</b> " if block.strong else ""
        look = ' class="note"' if block.note else ""
        return f"<p{look}>{strong}{escape(block.text)}</p>"
    if isinstance(block, Facts):
        rows = "\n".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value) or FILL}</dd></div>" for name, value in block.rows
        )
        return f"<dl>\n{rows}\n</dl>"
    if isinstance(block, Bullets):
        return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in block.items) + "\n</ul>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, VerdictBox):
        named = f"{block.word}<small>{escape(block.basis)}</small>" if block.basis else block.word
        sign = "~" if block.look == "unknown" and block.word != "unknown" else SIGNS[block.look]
        word = f'<p class="word"><span aria-hidden="true">{sign}</span> {named}</p>'
        return f'<div class="verdict {block.look}">\n{word}\n<p>{escape(block.scope)}</p>\n</div>'
    if isinstance(block, Listing):
        look = "" if block.language else ' class="one"'
        return f"<h3>{escape(block.title)}</h3>\n<pre{look}>{escape(block.text.rstrip())}</pre>"
    if isinstance(block, Signatures):
        return _signatures(block)
    raise AssertionError(block)


def _signatures(block: Signatures) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{escape(role)}</th><td>{escape(name)}</td><td>{escape(independence)}</td><td></td>'
        f"<td>{escape(date)}</td></tr>"
        for role, name, independence, date in block.rows
    )
    heads = ("", "name, function", "independence", "signature", "date")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    columns = "".join(f'<col style="width:{width}%">' for width in (15, 28, 15, 27, 15))
    return (
        f'<table class="lines"><caption>Signatures</caption><colgroup>{columns}</colgroup>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )


#: Behind an underscore of a long name a line may end.
_JOINT = re.compile(r"(?<=[^\W_]_)(?=[^\W_])")
#: Words with more letters than this are long.
LONG_WORD = 14


def _breaking(text: str) -> str:
    """The text (escaped), its long names broken between their words rather than inside one."""
    words = text.split(" ")
    return " ".join(_JOINT.sub("<wbr>", word) if len(word) > LONG_WORD else word for word in words)


def _table(table: Table) -> str:
    total = sum(table.widths)
    columns = "".join(f'<col style="width:{100 * width / total:.2f}%">' for width in table.widths)

    def cell(tag: str, column: int, text: str) -> str:
        look = "number" if column in table.numeric else ""
        if tag == "td" and not look:
            look = "mark" if column == 0 and not table.header[0] else "long" if len(text) > LONG else ""
        named = f' class="{look}"' if look else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{named}>{_breaking(escape(text))}</{tag}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(table.header))
    rows = []
    for place, row in enumerate(table.rows):
        look = ' class="marked"' if place in table.marked else ""
        rows.append(f"<tr{look}>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>")
    hand = ' class="lines"' if table.by_hand else ""
    return (
        f"<table{hand}><caption>{escape(table.title)}</caption><colgroup>{columns}</colgroup>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{chr(10).join(rows)}\n</tbody></table>"
    )
