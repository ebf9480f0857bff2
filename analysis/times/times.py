"""The catalogue's verdicts for typical times, for the largest measured, and for those with a margin of a fifth.

Usage: ``python analysis/times/times.py [--write] [SYSTEM ...]``. Without names all workloads of the catalogue whose
times are not all declared; ``--write`` puts the table into docs/times.md. Nothing is random: the same version writes
the same table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import rtsched
from rtsched.errors import RtschedError
from rtsched.model import catalogue
from rtsched.model.origin import BASES
from rtsched.verify.basis import short
from rtsched.verify.verification import Verification

PAGE = Path(__file__).parents[2] / "docs" / "times.md"
STATISTICS = ("typical", "max", "max*1.2")
#: Simulated beside each proof: enough to find the misses that the bad patterns show.
RUNS = 3
BEGIN, END = "<!-- the table of analysis/times/times.py -->", "<!-- its end -->"


def table(names: list[str]) -> list[str]:
    """The rows as Markdown, and a line on the systems whose times are all declared."""
    lines = ["| workload | kinds of times | `typical` | `max` | `max*1.2` |", "|---|---|---|---|---|"]
    declared = 0
    for name in names:
        found = row(name)
        if found is None:
            declared += 1
        else:
            lines.append(f"| {' | '.join(found)} |")
    if declared:
        lines += [
            "",
            f"The other {declared} workloads declare all of their times: their verdicts do not depend on this.",
        ]
    return lines


def row(name: str) -> tuple[str, ...] | None:
    """A workload: what its largest times are, and its verdict under each statistic; None if all times are declared."""
    system = rtsched.load(name).lower(largest=True)
    kinds = {task.basis for task in system.tasks}
    if kinds == {"declared"}:
        return None
    cells = [cell(name, which) for which in STATISTICS]
    return (f"`{name}`", ", ".join(kind for kind in BASES if kind in kinds), *cells)


def cell(name: str, which: str) -> str:
    """The verdict in a word or two, and the factor of all times up to which it is proven."""
    try:
        found: Verification = rtsched.analyse(name, wcet=which, runs=RUNS)
    except RtschedError as error:
        return f"refused: {str(error).splitlines()[0]}"
    word = short(found.verdict, found.basis)
    factor = found.breakdown
    return word + (f" ({float(factor):.3f})" if factor is not None and found.verdict != "unknown" else "")


def main() -> None:
    """Print the table, or put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SYSTEM")
    parser.add_argument("--write", action="store_true", help="put the table into docs/times.md")
    given = parser.parse_args()
    lines = table(given.names or catalogue.names("workloads"))
    if not given.write:
        print("\n".join(lines))
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
