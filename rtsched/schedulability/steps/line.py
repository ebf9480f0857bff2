"""What stands on a board: lines of text, each with the same numbers as data; by test, and by part of a system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Literal

from rtsched.schedulability.result import Strength, Verdict
from rtsched.visible import cut

#: Reasons are cut to so many characters in the text.
LONGEST = 400
#: What a line shows: a value beside its limit, the iterates of a fixpoint, the numbers put into a formula, demands by
#: deadline, the instants that QPA looks at, sections that block, the parts of a bound, or words alone.
Kind = Literal["load", "iterates", "sum", "demand", "qpa", "blocking", "bound", "words"]
KINDS: tuple[Kind, ...] = ("load", "iterates", "sum", "demand", "qpa", "blocking", "bound", "words")


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One line: its text in the unit of the board, and its numbers (times in ns) as `data`.

    `holds` says whether the comparison that it ends with holds; None where it has none.
    """

    kind: Kind
    text: str
    task: str = ""
    holds: bool | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {"kind": self.kind, "text": self.text, "task": self.task, "holds": self.holds, "data": self.data}


@dataclass(frozen=True, slots=True)
class Working:
    """What one test calculated: its formula, and line by line the numbers; `reason` says why it is silent.

    One that is `aside` adds nothing to an exact answer on a simpler model: the text has its first line alone.
    """

    test: str
    title: str
    strength: Strength
    verdict: Verdict
    formula: str
    lines: tuple[BoardLine, ...]
    reason: str = ""
    aside: bool = False

    def text(self) -> Iterator[str]:
        """Line by line, as on a board."""
        reason = f": {cut(self.reason, LONGEST)}" if self.reason else ""
        yield f"{self.test} ({self.strength}): {self.verdict}{reason}"
        if self.formula:
            yield f"  {self.formula}"
        for line in self.lines:
            yield f"    {line.text}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "test": self.test,
            "title": self.title,
            "strength": self.strength,
            "verdict": self.verdict,
            "reason": self.reason,
            "formula": self.formula,
            "aside": self.aside,
            "lines": [line.to_dict() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class Board:
    """The calculation for one part of a system: the tasks as the theorems saw them, test by test, and who is silent.

    `silent` are the tests that did not apply, each with why; `elsewhere` those that speak of other systems, and of
    which. `unit` is that of all numbers.
    """

    name: str
    unit: str
    tasks: tuple[str, ...]
    given: tuple[BoardLine, ...]
    workings: tuple[Working, ...]
    silent: tuple[tuple[str, str], ...]
    elsewhere: tuple[tuple[str, str], ...] = ()

    def text(self, elsewhere: bool = True) -> Iterator[str]:
        """Line by line; without `elsewhere` the tests about other systems are counted, not named."""
        yield f"The calculation for {self.name}" + (f", times in {self.unit}" if self.workings else "")
        yield from (f"  {line.text}" for line in self.given)
        for working in self.workings:
            if not working.aside:
                yield ""
                yield from working.text()
        asides = [next(working.text()) for working in self.workings if working.aside]
        if asides:
            yield ""
            yield "Besides, on graphs and pools, where one processor is a pool:"
            yield from (f"  {text}" for text in asides)
        shown = [line.text for working in self.workings if not working.aside for line in working.lines]
        if any("ε" in text for text in shown):
            yield ""
            yield "ε = 1 ns: a region that blocks has begun at least so much earlier"
        if any("∞" in text for text in shown):
            yield ""
            yield "∞: it arrives once (the proof takes a period of 200 years)"
        if self.silent or self.elsewhere:
            yield ""
            yield "Silent:"
            for reason, tests in _by_reason(self.silent):
                yield f"  {', '.join(tests)}: {cut(reason, LONGEST)}"
        if self.elsewhere and not elsewhere:
            yield f"  {len(self.elsewhere)} tests are about other systems than this part"
        elif self.elsewhere:
            each = "; ".join(f"{', '.join(tests)} ({about})" for about, tests in _by_reason(self.elsewhere))
            yield from wrap(f"About other systems: {each}", 118, initial_indent="  ", subsequent_indent="    ",
                            break_long_words=False, break_on_hyphens=False)  # fmt: skip

    def working(self, test: str) -> Working:
        """The working of a test by its name; KeyError if it has none."""
        for working in self.workings:
            if working.test == test:
                return working
        raise KeyError(test)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "part": self.name,
            "unit": self.unit,
            "tasks": list(self.tasks),
            "given": [line.to_dict() for line in self.given],
            "tests": [working.to_dict() for working in self.workings],
            "silent": [{"test": test, "reason": reason} for test, reason in self.silent],
            "elsewhere": [{"test": test, "about": about} for test, about in self.elsewhere],
        }


def _by_reason(tests: tuple[tuple[str, str], ...]) -> list[tuple[str, list[str]]]:
    """Tests by what is said of them."""
    found: dict[str, list[str]] = {}
    for test, reason in tests:
        found.setdefault(reason, []).append(test)
    return list(found.items())
