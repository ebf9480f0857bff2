"""What is known of a system on each board, in each power mode, under each policy: for programs, and in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rtsched.columns import aligned, padded, width, wrapped
from rtsched.display import Displayed
from rtsched.model.origin import Basis
from rtsched.units import format_duration
from rtsched.verify.basis import short
from rtsched.verify.words import moved
from rtsched.visible import cell, cut, visible

#: The number of the JSON's shape; a change that readers would notice makes it larger.
FORMAT = 1
#: How many names are told before the others are counted.
MOST_NAMED = 6


@dataclass(frozen=True)
class Energy:
    """Energy of the run that the file declares: in all in nJ, its mean in mW; None where the board has no figures.

    `without` are the units that were busy and have no figure, so that the rest is the least it can be.
    """

    total: int | None
    mean_power: float | None
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.total is None or self.mean_power is None:
            return "not known"
        return f"{'at least ' * bool(self.without)}{self.mean_power:.4g} mW"


@dataclass(frozen=True)
class Alternative:
    """A system on a board, in a power mode, under a policy, and what an analysis says of it.

    `mode` None: the clocks as they are without one. `verdict` is ``refused`` where the system cannot be analysed there,
    for the `reason`. `breakdown` is the factor of all execution times up to which everything is proven (None: there is
    none, or no theorem speaks of a part), `slack` the least share of a deadline that is left by the bounds, that of
    `tightest`. `open` are the tasks that are not proven. `carried` are tasks whose times nobody measured on this board:
    those of the file are taken; `violated` the assumptions of which the file says that they do not hold.
    """

    platform: str
    mode: str | None
    scheduler: str
    policy: str
    own: bool
    verdict: str
    basis: Basis | None
    breakdown: float | None
    slack: float | None
    tightest: str | None
    open: tuple[str, ...]
    reason: str
    carried: tuple[str, ...]
    energy: Energy | None
    violated: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The verdict by what it rests on: ``conditional`` on measured maxima, ``no proof`` at typical times."""
        if self.verdict != "schedulable" or self.basis is None:
            return self.verdict
        return short("schedulable", self.basis, self.violated)

    @property
    def margin(self) -> str:
        """By how much all execution times together may grow, or must shrink, for a proof of everything."""
        return "–" if self.breakdown is None else moved(self.breakdown)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        made = asdict(self)
        energy = made.pop("energy")
        made["energy_nj"] = None if energy is None else energy["total"]
        made["mean_power_mw"] = None if energy is None else energy["mean_power"]
        made["without_power_figures"] = [] if energy is None else list(energy["without"])
        return {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}


@dataclass(frozen=True)
class Alternatives(Displayed):
    """The alternatives of a system, its own first; what other boards lack, all of it; and what was not looked at.

    `lacking` has for each board that was asked for, or is of the family, everything that keeps the system from it;
    `others` are further boards that lack something. `left` is how many alternatives were not analysed any more. `wcet`
    is which of the measured times all take (None: the largest that is known).
    """

    system: str
    rows: tuple[Alternative, ...]
    lacking: dict[str, tuple[str, ...]]
    others: tuple[str, ...] = ()
    left: int = 0
    until: int | None = None
    wcet: str | None = None
    id: str | None = None

    @property
    def called(self) -> str:
        """The system, with the id of the requirement on all of it where it has one."""
        return f"{self.id} {self.system}" if self.id else self.system

    @property
    def proven(self) -> tuple[Alternative, ...]:
        """Those in which everything is schedulable for bounds that somebody answers for."""
        return tuple(row for row in self.rows if row.short == "schedulable")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ns."""
        return {
            "format": FORMAT,
            "system": self.system,
            "id": self.id,
            "wcet": self.wcet,
            "until_ns": self.until,
            "partial": bool(self.left),
            "left": self.left,
            "alternatives": [row.to_dict() for row in self.rows],
            "lacking": [{"platform": name, "lacks": list(what)} for name, what in self.lacking.items()],
            "others_lacking": list(self.others),
        }

    def csv(self) -> str:
        """A line for each alternative."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            ["platform", "mode", "scheduler", "policy", "verdict", "basis", "breakdown", "least_slack", "tightest",
             "open", "energy_nj", "mean_power_mw", "reason"]
        )  # fmt: skip
        for row in self.rows:
            energy = row.energy or Energy(None, None)
            written = (row.platform, row.mode, row.scheduler, row.policy, row.verdict, row.basis, row.breakdown,
                       row.slack, row.tightest, len(row.open), energy.total, energy.mean_power, row.reason)  # fmt: skip
            writer.writerow([cell(each) if isinstance(each, str) else each for each in written])
        return stream.getvalue()

    def header(self) -> list[str]:
        """Of the table."""
        return ["board", "mode", "policy", "verdict", "basis", "execution times", "least slack", *self._power()]

    def _power(self) -> list[str]:
        return [] if self.until is None else ["mean power"]

    def table(self) -> list[list[str]]:
        """A row for each alternative, its names as they can be printed."""
        rows = []
        for row in self.rows:
            power = [] if self.until is None else ["not counted" if row.energy is None else str(row.energy)]
            star = "*" * bool(row.carried)
            least = "–" if row.slack is None else f"{100 * row.slack:.1f} %".replace("-", "−") + f" {row.tightest}"
            cells = [f"{row.platform}{' (the file)' * row.own}", row.mode or "–", row.scheduler, row.short,
                     (row.basis or "–") + star, row.margin, least, *power]  # fmt: skip
            rows.append([visible(each) for each in cells])
        return rows

    def notes(self) -> list[str]:
        """What is to be said of the table, and of boards that are not in it."""
        return [*self.remarks(), *self.lacks()]

    def remarks(self) -> list[str]:
        """What is to be said of the table."""
        lines = []
        violated = next((row.violated for row in self.rows if row.violated), ())
        proven = len(self.proven)
        count = len(self.rows)
        weak = {
            "in time if no job exceeds what was measured": sum(row.short == "conditional" for row in self.rows),
            "in time, and no proof" if violated else "in time at times that jobs exceed": sum(
                row.short == "no proof" for row in self.rows
            ),
        }
        more = "".join(f"; {text}: {number}" for text, number in weak.items() if number)
        lines.append(f"Proven: {proven or 'none'} of {count} alternative{'s' * (count != 1)}{more}.")
        if violated:
            lines.append(f"No proof anywhere: the file says that these do not hold: {', '.join(violated)}.")
        if self.wcet is not None:
            lines.append(f"Of measured times the figure {self.wcet!r} counts as C, everywhere.")
        if self.left:
            lines.append(f"PARTIAL: interrupted, {self.left} more were not analysed.")
        carried: dict[str, tuple[str, ...]] = {row.platform: row.carried for row in self.rows if row.carried}
        if carried:
            names = named(list(next(iter(carried.values()))))
            lines.append(
                f"* of {names} nobody measured a time there ({named(list(carried))}): those of the file are taken, "
                "which prove nothing."
            )
        reasons = {row.reason: row for row in self.rows if row.reason and row.verdict != "schedulable"}
        for reason, first in list(reasons.items())[:MOST_NAMED]:
            mode = f", {first.mode}" if first.mode else ""
            lines.append(f"{first.platform}{mode} under {first.scheduler}: {first.verdict}: {reason}")
        if len(reasons) > MOST_NAMED:
            lines.append(f"… and {len(reasons) - MOST_NAMED} other reasons (--json has them all)")
        if self.until is not None:
            lines.append(
                f"mean power: of one run as the file declares it, jobs released for {format_duration(self.until, 4)}; "
                "evidence, no bound."
            )
        return [visible(line) for line in lines]

    def lacks(self) -> list[str]:
        """What boards lack that are not in the table."""
        lines = []
        for name, what in self.lacking.items():
            lines += [f"{name} lacks:", *(f"  - {each}" for each in told(name, what))]
        if self.others:
            lines.append(f"{len(self.others)} other boards lack something, too: --platforms all says what.")
        return [visible(line) for line in lines]

    def text(self) -> str:
        """For people."""
        head = f"{visible(self.called)}: what if it ran elsewhere?"
        if not self.rows:
            return "\n".join([head, "", *self.notes()])
        rows = [self.header(), *self.table()]
        left = [max(width(row[column]) for row in rows) for column in range(5)]
        rows = [[padded(each, wide) for each, wide in zip(row, left, strict=False)] + row[len(left) :] for row in rows]
        return "\n".join([head, "", aligned(rows, names=(0, 1, 2)), "", *self._wrapped()])

    def _wrapped(self) -> Iterable[str]:
        for line in self.notes():
            inner = line.lstrip()
            indent = line[: len(line) - len(inner)]
            yield from wrapped(inner, indent, f"{indent}  ")

    def __repr__(self) -> str:
        return f"<Alternatives of {cut(self.system)!r}: {len(self.rows)} analysed, {len(self.proven)} proven>"

    def __str__(self) -> str:
        return self.text()


def told(platform: str, lacks: Iterable[str]) -> list[str]:
    """What a board lacks, that of several tasks in one line, without what the heading says already."""
    found: dict[str, list[str]] = {}
    for each in lacks:
        task, colon, what = each.partition(": ")
        what = what.replace(f" on {platform!r}", "").removesuffix("; give a 'wcet'")
        if colon and task.startswith("task "):
            found.setdefault(what, []).append(task.removeprefix("task "))
        else:
            found.setdefault(each, [])
    return [f"{'task' if len(tasks) == 1 else 'tasks'} {', '.join(tasks)}: {what}" if tasks else what
            for what, tasks in found.items()]  # fmt: skip


def named(names: list[str]) -> str:
    """Names, and how many more."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"
