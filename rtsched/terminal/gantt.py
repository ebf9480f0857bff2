"""The schedule as text: two lines for each task, one for each processor, a column for each tick.

A tick that divides every instant loses nothing. Where so many columns do not fit, they are rounded, and the picture
says so: then a column is full if anything ran in it, and no miss is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.columns import fitting, padded, shortened, width
from rtsched.errors import InputError
from rtsched.page.contents import over
from rtsched.terminal.signs import MEANING, Signs
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, KILLED, LATE, OVERHEAD, PREEMPTED, Trace
from rtsched.units import DURATIONS, format_duration
from rtsched.visible import cut

#: A run with more slices is shown in part, unless somebody says which.
MANY, PART = 60, 40
#: The widest name before a row, and the fewest columns that are worth drawing.
NAME, LEAST = 20, 10
#: How far a label may go beyond the last column.
LABEL = 5
#: The units of an axis.
UNITS = ("s", "ms", "us", "ns")
#: What tasks are called on the rows of processors.
LETTERS = ascii_lowercase + ascii_uppercase + digits
MISSED = (LATE, DROPPED, ABORTED)


@dataclass(frozen=True)
class TickScale:
    """Columns of `tick` ns from `start` on; `exact` where every instant that is shown begins one."""

    start: int
    tick: int
    count: int
    exact: bool

    @property
    def end(self) -> int:
        """Where the last column ends."""
        return self.start + self.tick * self.count

    def column(self, time: int) -> int:
        """The column that an instant is in."""
        return (time - self.start) // self.tick

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The columns in which an interval lies, each with how many ns of it."""
        start, end = max(start, self.start), min(end, self.end)
        for place in range(self.column(start), self.column(max(start, end - 1)) + 1) if start < end else ():
            begin = self.start + place * self.tick
            yield place, min(end, begin + self.tick) - max(start, begin)


def text_gantt(
    trace: Trace, columns: int = 80, *, start: int | None = None, end: int | None = None, signs: Signs | None = None
) -> str:
    """The schedule between two instants (ns) in so many columns; without them all of it, or what is worth a look.

    Raises InputError where there is no trace, or nothing between the instants.
    """
    if not trace.kept:
        raise InputError("this run kept no trace to draw; run it with a trace")
    picture = Picture(trace, signs or Signs())
    said = ""
    if start is None and end is None:
        start, end, said = picture.part(columns)
    start, end = start or 0, picture.end if end is None else end
    if end <= start:
        raise InputError(f"the picture ends at {format_duration(end)}, before it begins; give a later end")
    scale = picture.scale(start, end, columns)
    lines = [*picture.lines(scale), "", *picture.about(scale, columns)]
    return "\n".join([*lines, said] if said else lines)


@dataclass(frozen=True)
class Picture:
    """A run to be drawn with these signs."""

    trace: Trace
    signs: Signs

    @cached_property
    def over(self) -> NDArray[Any]:
        """When each job was over; where it never was, the end of the picture."""
        found = over(self.trace)
        found[found < 0] = self.end
        return found

    @cached_property
    def end(self) -> int:
        """Where the picture of all of it ends."""
        missed = self.trace.jobs["deadline"][np.isin(self.trace.jobs["outcome"], MISSED)]
        ends = (self.trace.slices["end"].max(initial=0), missed.max(initial=0))
        return max(1, self.trace.until, *map(int, ends))

    @cached_property
    def used(self) -> list[int]:
        """The processors on which anything ran."""
        return sorted(set(self.trace.slices["processor"].tolist()))

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """How tasks and the used processors are called at their rows."""
        tasks = [cut(task.name, 200) for task in self.trace.system.tasks]
        if len(self.used) > 1:
            tasks = [f"{self.letter(number)} {name}" for number, name in enumerate(tasks)]
        places = [cut(self.trace.system.processors[place].name, 200) for place in self.used]
        return tasks, places if len(self.used) > 1 else []

    def letter(self, task: int) -> str:
        """What a task is called on the rows of processors."""
        return LETTERS[task % len(LETTERS)]

    @cached_property
    def gutter(self) -> int:
        """The columns before the picture: those of the longest name, and a blank."""
        with fitting(None):
            return min(NAME, max(map(width, (*UNITS, *self.names[0], *self.names[1])))) + 1

    def room(self, columns: int) -> int:
        """How many columns are left for the picture; a few more have the marks and the label at its end."""
        return max(LEAST, columns - self.gutter - LABEL)

    def part(self, columns: int) -> tuple[int, int, str]:
        """What to show when nobody says: everything, or the surroundings of the first miss, or the beginning."""
        if len(self.trace.slices) <= MANY or self._fine(0, self.end) * self.room(columns) >= self.end:
            return 0, self.end, ""
        missed = self.trace.jobs[np.isin(self.trace.jobs["outcome"], MISSED)]
        note, begin, last = "beginning", 0, 0
        if len(missed):
            first = missed[np.argmin(missed["deadline"])]
            span = int(first["deadline"] - first["arrival"])
            note, begin, last = "first miss", max(0, int(first["arrival"]) - span), int(first["deadline"]) + span // 2
        later = np.sort(self.trace.slices["end"][self.trace.slices["end"] > begin])
        last = max(last, int(later[min(len(later), PART) - 1]))
        said = (
            f"The {note} of a run of {format_duration(self.trace.until, digits=4)}; --from and --to show other parts."
        )
        return begin, min(last, self.end), said

    def scale(self, start: int, end: int, columns: int) -> TickScale:
        """The coarsest tick that loses nothing, or else the finest round one that fits."""
        room = self.room(columns)
        tick = self._fine(start, end)
        if -(-(end - start) // tick) <= room:
            return TickScale(start, tick, -(-(end - start) // tick), True)
        least = -(-(end - start) // room)
        tick = next(each for each in _round() if each >= least)
        if start % tick:  # begin a little earlier, where a column does
            start -= start % tick
            return self.scale(start, end, columns)
        return TickScale(start, tick, -(-(end - start) // tick), False)

    def window(self, start: int, tick: int, columns: int) -> TickScale:
        """As many columns of `tick` as there is room for."""
        count = min(self.room(columns), -(-(self.end - start) // tick))
        return TickScale(start, tick, count, self._fine(start, start + count * tick) % tick == 0)

    def _fine(self, start: int, end: int) -> int:
        """The greatest common divisor of all instants that are shown, from `start` on."""
        slices, jobs, waits = self._slices(start, end), self._jobs(start, end), self.trace.waits
        found = [self.trace.jobs[name][jobs] for name in ("release", "deadline")]
        found += [slices["start"], slices["end"], waits["start"], waits["end"], self.over[jobs], np.array([end])]
        times = np.unique(np.concatenate(found))
        return gcd(*((times[(times >= start) & (times <= end)] - start).tolist())) or 1

    def _slices(self, start: int, end: int) -> Any:
        rows = self.trace.slices
        return rows[(rows["start"] < end) & (rows["end"] > start)]

    def _jobs(self, start: int, end: int) -> Any:
        """The numbers of the jobs that have anything between two instants, both included."""
        rows = self.trace.jobs
        return np.flatnonzero((rows["release"] <= end) & (np.maximum(self.over, rows["deadline"]) >= start))

    # ---- rows --------------------------------------------------------------------------------------------------------

    def lines(self, scale: TickScale, until: int | None = None) -> list[str]:
        """The rows below an axis, until an instant: each task, its marks above what it did, and the processors."""
        shown = scale.count if until is None else min(scale.count, max(0, scale.column(until)))
        found = list(self._axis(scale))
        slices = self._slices(scale.start, scale.end).tolist()
        jobs, owner = self._jobs(scale.start, scale.end), self.trace.jobs["task"]
        for task, name in enumerate(self.names[0]):
            mine = jobs[owner[jobs] == task].tolist()
            found.append(self._row("", self._marks(scale, mine)[: shown + 1]))
            own = [row for row in slices if owner[row[2]] == task]
            found.append(self._row(name, self._bar(scale, mine, own)[:shown]))
        for place, name in zip(self.used, self.names[1], strict=False):
            found.append(self._row(name, self._place(scale, [row for row in slices if row[4] == place])[:shown]))
        return found

    def _row(self, name: str, cells: Iterable[str]) -> str:
        return (padded(shortened(name, self.gutter - 1), self.gutter) + "".join(cells)).rstrip()

    def _axis(self, scale: TickScale) -> Iterator[str]:
        """Instants, and a line with a tick at each."""
        unit, size = _unit(scale.end - scale.start)
        wide = 2 + max(len(f"{time / size:.6g}") for time in (scale.start, scale.end))
        step = next(each for each in _round() if each >= max(5, wide))
        first = -(-scale.start // (step * scale.tick)) * step * scale.tick - scale.start
        first = first // scale.tick if first % scale.tick == 0 else 0
        texts, line = [" "] * (scale.count + 1 + wide), [self.signs.axis] * (scale.count + 1)
        for place in range(first, scale.count + 1, step):
            label = f"{(scale.start + place * scale.tick) / size:.6g}"
            line[place] = self.signs.tick
            if place + len(label) <= scale.count + LABEL:
                texts[place : place + len(label)] = label
        yield self._row(padded(unit, self.gutter - 1, right=True), "".join(texts).rstrip())
        yield self._row("", line)

    def _marks(self, scale: TickScale, jobs: Sequence[int]) -> list[str]:
        """Releases, deadlines and misses of a task; a miss goes before all others."""
        rows = self.trace.jobs
        releases = {scale.column(int(rows["release"][job])) for job in jobs}
        deadlines = {scale.column(int(rows["deadline"][job])) for job in jobs}
        missed = {scale.column(int(rows["deadline"][job])) for job in jobs if rows["outcome"][job] in MISSED}
        signs = self.signs
        return [
            signs.miss if place in missed
            else signs.both if place in releases and place in deadlines
            else signs.release if place in releases
            else signs.deadline if place in deadlines
            else signs.idle
            for place in range(scale.count + 1)
        ]  # fmt: skip

    def _bar(self, scale: TickScale, jobs: Sequence[int], slices: Sequence[Any]) -> list[str]:
        """What a task did: it ran if it ran at all in a column, or else it waited."""
        rows, cells = self.trace.jobs, [self.signs.idle] * scale.count
        for job in jobs:
            for place, _ in scale.parts(int(rows["release"][job]), self.over[job]):
                cells[place] = self.signs.wait
        for _, end, _, _, _, reason in slices:
            place = scale.column(end)
            if reason == PREEMPTED and 0 <= place < scale.count and cells[place] == self.signs.wait:
                cells[place] = self.signs.preempted
        spent = {
            self.signs.cost: [0] * scale.count,
            self.signs.run: [0] * scale.count,
            self.signs.late: [0] * scale.count,
        }
        still = self.still
        for start, end, job, node, place, reason in slices:
            deadline = min(end, max(start, int(rows["deadline"][job])))
            begun = [(self.signs.cost, start, end, 1)] if reason == OVERHEAD else [
                (self.signs.run, start, deadline, 1), (self.signs.late, deadline, end, 1),
            ]  # fmt: skip
            for since, until in () if reason == OVERHEAD else still.get((job, node, place), ()):
                since, until = max(start, since), min(end, until)
                begun += [
                    (self.signs.run, since, min(until, deadline), -1),
                    (self.signs.late, max(since, deadline), until, -1),
                ]
            for sign, since, until, way in begun:
                for column, time in scale.parts(since, until):
                    spent[sign][column] += way * time
        for sign, times in spent.items():
            for column, time in enumerate(times):
                cells[column] = sign if time else cells[column]
        return cells

    @cached_property
    def still(self) -> dict[tuple[int, int, int], list[tuple[int, int]]]:
        """When nothing of a (job, node, processor) ran while it was on a stream of a GPU."""
        found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for start, end, *who in self.trace.waits[["start", "end", "job", "node", "processor"]].tolist():
            found.setdefault((who[0], who[1], who[2]), []).append((start, end))
        return found

    def _place(self, scale: TickScale, slices: Sequence[Any]) -> list[str]:
        """Who was on a processor: in each column the one that was there for the longest."""
        spent: list[dict[str, int]] = [{} for _ in range(scale.count)]
        for start, end, job, _, _, reason in slices:
            sign = self.signs.cost if reason == OVERHEAD else self.letter(int(self.trace.jobs["task"][job]))
            for place, time in scale.parts(start, end):
                spent[place][sign] = spent[place].get(sign, 0) + time
        return [max(sorted(each), key=each.__getitem__) if each else self.signs.idle for each in spent]

    # ---- what is said below ------------------------------------------------------------------------------------------

    def about(self, scale: TickScale, columns: int) -> list[str]:
        """What a column is, and what the signs mean that are used."""
        one = f"One column is {format_duration(scale.tick)}"
        if not scale.exact:
            one += ", rounded: it is full if anything ran in it; no miss is left out"
        drawn = "".join(line[self.gutter :] for line in self.lines(scale)[2 : 2 + 2 * len(self.names[0])])
        used = [
            f"{getattr(self.signs, key)} {said}" for key, said in MEANING.items() if getattr(self.signs, key) in drawn
        ]
        lost = int(np.isin(self._slices(scale.start, scale.end)["reason"], (KILLED, DRAINED)).sum())
        if lost:
            used.append(f"{lost} slice{'s' * (lost > 1)} lost, or drained after the job")
        return [f"{one}.", *_packed(used, columns)]


def _round() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, …"""
    return (factor * 10**power for power in range(20) for factor in (1, 2, 5))


def _unit(span: int) -> tuple[str, int]:
    """The largest unit of time that a span has ten of, and its ns."""
    unit = next((unit for unit in UNITS if span >= 10 * DURATIONS[unit]), UNITS[-1])
    return unit, DURATIONS[unit]


def _packed(words: Sequence[str], columns: int) -> list[str]:
    """Words in lines that fit."""
    lines: list[str] = []
    for word in words:
        if lines and width(lines[-1]) + 3 + width(word) <= columns:
            lines[-1] += f"   {word}"
        else:
            lines.append(word)
    return lines
