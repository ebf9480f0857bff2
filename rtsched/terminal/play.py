"""A run played in a terminal, one event after the other: the frames, and what the keys do."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from rtsched.columns import fitting, padded, shortened, width, wrapped
from rtsched.terminal.gantt import MISSED, Picture, TickScale
from rtsched.terminal.signs import Signs
from rtsched.trace.causes.explanation import name_of
from rtsched.trace.trace import OUTCOMES, OVERHEAD, PREEMPTED, Trace
from rtsched.units import format_duration
from rtsched.visible import cut

NEXT, BACK, MISS, QUIT = "next", "back", "miss", "quit"
#: What each key means; sequences are those of arrows.
KEYS = {
    " ": NEXT, "\r": NEXT, "\n": NEXT, "\x1b[C": NEXT, "b": BACK, "\x7f": BACK, "\x1b[D": BACK, "n": MISS, "q": QUIT,
    "\x1b": QUIT, "\x04": QUIT, "": QUIT,
}  # fmt: skip
HELP = "space: next event   b: back   n: next miss   q: quit"


class Player:
    """A run at one of its events: where it is, and how that looks."""

    def __init__(self, trace: Trace, signs: Signs) -> None:
        self.trace = trace
        self.picture = Picture(trace, signs)
        self.place = 0

    @cached_property
    def instants(self) -> list[int]:
        """The instants at which anything happened."""
        slices, jobs = self.trace.slices, self.trace.jobs
        late = jobs["deadline"][np.isin(jobs["outcome"], MISSED)]
        times = np.concatenate((slices["start"], slices["end"], jobs["release"], self.picture.over, late))
        return np.unique(times).tolist() or [0]

    @cached_property
    def misses(self) -> list[int]:
        """The deadlines that were missed."""
        jobs = self.trace.jobs
        found: list[int] = np.unique(jobs["deadline"][np.isin(jobs["outcome"], MISSED)]).tolist()
        return found

    @property
    def now(self) -> int:
        """The instant that is shown."""
        return self.instants[self.place]

    def go(self, way: str) -> None:
        """To the next event, the one before, or the next miss; where there is none, stay."""
        if way == MISS:
            later = self.misses[bisect_right(self.misses, self.now) :]
            self.place = bisect_left(self.instants, later[0]) if later else self.place
        else:
            self.place = max(0, min(len(self.instants) - 1, self.place + (1 if way == NEXT else -1)))

    # ---- how it looks ------------------------------------------------------------------------------------------------

    def frame(self, columns: int, lines: int) -> list[str]:
        """What is shown on a screen of so many columns and lines: no more of both."""
        trace = self.trace
        where = f"{format_duration(self.now)}, event {self.place + 1} of {len(self.instants)}"
        with fitting(columns):
            name = shortened(f"{cut(trace.system.name)} under {cut(trace.scheduler)}", columns - width(where) - 2)
            head = padded(name, columns - width(where)) + where
            told = [*self._wrap(self._happened(), 2), ""]
            state = ["", *self._wrap(self._running(), 2), *self._wrap(self._waiting(), 2)]
        drawn = self._drawn(columns)
        room = max(2, lines - 2 - len(told) - len(state))
        if len(drawn) > room:
            drawn = [*drawn[: room - 1], f"… and {len(drawn) - room + 1} more lines: a higher terminal shows them"]
        found = [head, *told, *drawn, *state]
        return [shortened(line, columns) for line in [*found[: lines - 1], HELP]]

    def _wrap(self, text: str, most: int) -> list[str]:
        """At most so many lines of a text."""
        found = wrapped(text, "", "  ")
        return [*found[: most - 1], f"{found[most - 1]} …"] if len(found) > most else found

    def _drawn(self, columns: int) -> list[str]:
        """The schedule until now, and an arrow at it."""
        scale = self._scale(columns)
        lines = self.picture.lines(scale, self.now)
        blank = " " * (self.picture.gutter + scale.column(self.now))
        return [*lines, f"{blank}{self.picture.signs.here} {format_duration(self.now)}"]

    def _scale(self, columns: int) -> TickScale:
        """The part of the run that the present instant is in: one after the other, each a little over the last one."""
        start, end, _ = self.picture.part(columns)
        scale = self.picture.scale(start, end, columns)
        if scale.start == 0 and scale.end >= self.picture.end:
            return scale
        step = max(1, self.picture.room(columns) * 3 // 4) * scale.tick
        return self.picture.window(self.now // step * step, scale.tick, columns)

    def _happened(self) -> str:
        """What happened at the present instant."""
        trace, now = self.trace, self.now
        jobs, slices = trace.jobs, trace.slices
        over = self.picture.over
        ended = np.flatnonzero(over == now)
        missed = np.flatnonzero((jobs["deadline"] == now) & np.isin(jobs["outcome"], MISSED))
        stopped = slices[(slices["end"] == now) & (slices["reason"] == PREEMPTED)]["job"]
        parts = [
            ("MISSED", self._names(missed)),
            ("over", [f"{name_of(trace, job)} {OUTCOMES[jobs['outcome'][job]]}" for job in ended.tolist()]),
            ("released", self._names(np.flatnonzero(jobs["release"] == now))),
            ("preempted", self._names(stopped)),
        ]
        return "; ".join(f"{what}: {_some(names)}" for what, names in parts if names) or "a slice begins or ends"

    def _names(self, jobs: Sequence[int] | np.ndarray) -> list[str]:
        return [name_of(self.trace, int(job)) for job in jobs]

    def _now(self) -> list[tuple[int, int, int, int]]:
        """The slices of the present instant: (processor, job, since, reason)."""
        rows = self.trace.slices
        here = rows[(rows["start"] <= self.now) & (rows["end"] > self.now)]
        return [(row[4], row[2], row[0], row[5]) for row in here.tolist()]

    def _running(self) -> str:
        """Who is on which processor."""
        told = []
        here = self._now()
        for place in self.picture.used:
            mine = [each for each in here if each[0] == place]
            who = ", ".join(
                f"{name_of(self.trace, job)}{' (overhead)' * (reason == OVERHEAD)} since {format_duration(since)}"
                for _, job, since, reason in mine
            )
            told.append(f"{self.trace.system.processors[place].name}: {who or 'idle'}")
        return "; ".join(told)

    def _waiting(self) -> str:
        """Who is released, not over, and does not run."""
        running = {job for _, job, _, _ in self._now()}
        jobs = self.trace.jobs
        open_ones = np.flatnonzero((jobs["release"] <= self.now) & (self.picture.over > self.now)).tolist()
        names = [
            f"{name_of(self.trace, job)} (deadline {format_duration(int(jobs['deadline'][job]))})"
            for job in open_ones
            if job not in running
        ]
        return f"not running: {_some(names)}" if names else "nobody waits"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def pressed(read: Callable[[], str]) -> Iterator[str]:
    """What is to be done, key by key: NEXT, BACK, MISS; ends with QUIT, or where there is nothing more to read."""
    while True:
        text = read()
        for key in [text] if text in KEYS or text.startswith("\x1b") else list(text):
            way = KEYS.get(key)
            if way == QUIT:
                return
            if way is not None:
                yield way


def play(
    player: Player, read: Callable[[], str], show: Callable[[list[str]], None], size: Callable[[], tuple[int, int]]
) -> None:
    """Show the first event and wait for keys, until somebody has seen enough."""
    show(player.frame(*size()))
    for way in pressed(read):
        player.go(way)
        show(player.frame(*size()))
