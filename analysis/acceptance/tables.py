"""The counts behind the figures: a row a curve and load, what is drawn of them, and the table of the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from judge import Known
from panels import FIGURES, Panel

from rtsched.files import write_whole
from rtsched.schedulability.theorem import theorems

#: At most so many theorems, or policies, in a panel.
MOST = 6
#: What is drawn besides: all theorems together; what no necessary test refutes; what nothing refutes, nor a run.
UNION, POSSIBLE, OPEN = "all tests", "necessary", "not refuted"
PAGE = Path(__file__).parents[2] / "docs" / "acceptance.md"
BEGIN, END = "<!-- table -->\n", "<!-- end -->"


@dataclass(frozen=True)
class Count:
    """Of `sets` sets at load `x`, `accepted` are in a curve: `kind` theorem, policy, union, possible or open.

    `drawn`: whether the figure has it; `also`: another theorem that accepts the same sets, and is not drawn.
    """

    panel: str
    curve: str
    kind: str
    x: float
    accepted: int
    sets: int
    drawn: int
    also: str = ""

    @property
    def share(self) -> float:
        """In per cent."""
        return 100 * self.accepted / self.sets


def rows(panel: Panel, known: Mapping[int, Sequence[Mapping[str, Known]]]) -> list[Count]:
    """All curves of a panel."""
    policies = list(next(iter(known.values()))[0])
    if policies == [""]:
        return _theorems(panel, {place: [each[""] for each in sets] for place, sets in known.items()})
    found = []
    for policy in policies:
        mine = {place: [each[policy] for each in sets] for place, sets in known.items()}
        found += _count(panel, policy, "policy", {place: [k.union for k in each] for place, each in mine.items()}, 1)
        seen = {place: [_open(k) for k in each] for place, each in mine.items()}
        found += _count(panel, f"{policy}: {OPEN}", "open", seen, 0)
    limit = {place: [any(not k.impossible for k in each.values()) for each in sets] for place, sets in known.items()}
    return [*found, *_count(panel, POSSIBLE, "possible", limit, 1)]


def _open(known: Known) -> bool:
    """Whether nothing refutes it."""
    return not known.impossible and known.exact is not False and not known.missed


def _count(
    panel: Panel, curve: str, kind: str, found: Mapping[int, Sequence[bool]], drawn: int, also: str = ""
) -> list[Count]:
    return [
        Count(panel.name, curve, kind, panel.xs[place], sum(found[place]), len(found[place]), drawn, also)
        for place in sorted(found)
    ]


def _theorems(panel: Panel, known: Mapping[int, Sequence[Known]]) -> list[Count]:
    names = sorted({name for each in known.values() for one in each for name in one.accepted})
    accepted = {
        name: {
            (place, number) for place, each in known.items() for number, one in enumerate(each) if name in one.accepted
        }
        for name in names
    }
    drawn = chosen(accepted)
    found = []
    for name in names:
        mine = {place: [name in one.accepted for one in each] for place, each in known.items()}
        same = [other for other in names if other not in drawn and accepted[other] == accepted[name]]
        found += _count(panel, name, "theorem", mine, int(name in drawn), same[0] if name in drawn and same else "")
    found += _count(panel, UNION, "union", {p: [one.union for one in each] for p, each in known.items()}, 1)
    found += _count(panel, OPEN, "open", {p: [_open(one) for one in each] for p, each in known.items()}, 1)
    limit = {p: [not one.impossible for one in each] for p, each in known.items()}
    return [*found, *_count(panel, POSSIBLE, "possible", limit, 1)]


def chosen(accepted: Mapping[str, set[tuple[int, int]]]) -> list[str]:
    """The theorems that are drawn: of those that accept the same sets one, of too many those that accept most.

    What accepts only sets that another one accepts goes first.
    """
    order = sorted(accepted, key=lambda name: (not _published(name), -len(accepted[name]), name))
    alone = [
        name for place, name in enumerate(order) if all(accepted[name] != accepted[other] for other in order[:place])
    ]
    ranked = sorted(
        alone,
        key=lambda name: (any(accepted[name] < accepted[other] for other in alone), -len(accepted[name]), name),
    )
    return sorted(ranked[: MOST - 1])


def _published(name: str) -> bool:
    known = theorems().get(name)
    return known is not None and known.published


def write(path: Path, counts: Iterable[Count]) -> None:
    """As CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Count)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, counts))
    write_whole(path, text.getvalue())


def read(path: Path) -> list[Count]:
    """From CSV."""
    with path.open(newline="") as file:
        return [
            Count(row["panel"], row["curve"], row["kind"], float(row["x"]), int(row["accepted"]), int(row["sets"]),
                  int(row["drawn"]), row["also"])
            for row in csv.DictReader(file)
        ]  # fmt: skip


def knee(counts: Sequence[Count], panel: Panel) -> float:
    """The load at which all tests (of policies: their mean) come closest to half of the sets; the larger of two."""
    mine = [count for count in counts if count.panel == panel.name and count.kind in ("union", "policy")]
    shares = {x: [count.share for count in mine if count.x == x] for x in panel.xs}
    return max(panel.xs, key=lambda x: (-abs(sum(shares[x]) / len(shares[x]) - 50), x))


def lines(counts: Sequence[Count], panel: Panel) -> str:
    """The row of the table for one panel."""
    x = knee(counts, panel)
    here = [count for count in counts if count.panel == panel.name and count.x == x]
    alone = sorted((c for c in here if c.kind in ("theorem", "policy")), key=lambda c: (-c.accepted, c.curve))
    best = ", ".join(f"{c.curve} {c.share:.0f}" for c in alone[:4] if c.accepted)
    of = {c.kind: f"{c.share:.0f}" for c in here if c.kind in ("union", "possible")}
    opened = [c for c in here if c.kind == "open"]
    seen = f"{opened[0].share:.0f}" if len(opened) == 1 else ""
    return f"| {panel.title} | {x:g} | {here[0].sets} | {best} | {of.get('union', '')} | {seen} | {of['possible']} |"


def table(folder: Path) -> str:
    """The table of the page: at the knee what accepts most, all together, and what is left, in per cent."""
    found = ["| panel | U | sets | accept most | all tests | not refuted | necessary |", "|" + "---|" * 7]
    for figure in FIGURES:
        path = folder / f"{figure.name}.csv"
        if path.exists():
            counts = read(path)
            found.append(f"| **{figure.name}** | | | | | | |")
            found += [lines(counts, panel) for panel in figure.panels]
    return "\n".join(found) + "\n"


def page(folder: Path) -> None:
    """Put the table into the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    write_whole(PAGE, f"{before}{BEGIN}{table(folder)}{END}{after}")
