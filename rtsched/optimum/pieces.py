"""The program whose answers are schedules: a node that can be interrupted runs in a number of pieces.

Where every such node has one processor to run on, and as many pieces as others can interrupt it, nothing is lost: what
the solver proves then holds for every schedule (see docs/optimum.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rtsched.optimum.program import Program, StepVariables, interruptible, shares, unit_for, unit_of
from rtsched.optimum.window import Mode, Step, TimeWindow, Way

#: The most pieces of a node; and those of one that may go on elsewhere, where no number is known to be enough.
MOST, WANDERING = 6, 3


@dataclass(slots=True)
class PieceVariables:
    """A piece of a node: when it begins and ends, whether it is in each pool, and how long it is there."""

    begin: Any
    end: Any
    here: dict[int, Any]
    size: dict[int, Any]

    @property
    def there(self) -> Any:
        """Whether it is anywhere."""
        return sum(self.here.values())


class PieceProgram(Program):
    """Nodes in pieces. `exact` says whether no schedule needs more of them than there are, nor other instants."""

    def __init__(self, window: TimeWindow) -> None:
        unit = unit_for(window)
        self.exact = unit == unit_of(window) or not interruptible(window)
        super().__init__(window, unit)

    def interruptible(self, step: StepVariables) -> None:
        """Pieces one after the other, in the pools of the modes, which add up to the whole of the one chosen."""
        loose = [(mode, m) for mode, m in zip(step.step.modes, step.modes, strict=True) if not mode.rigid]
        if not loose:
            return
        pools = sorted({place for mode, _ in loose for place in mode.pools})
        most = {place: max(self.duration(mode.times[place] or 0) for mode, _ in loose) for place in pools}
        pieces = [self._piece(step, most) for _ in range(self._count(step, pools))]
        self.model.add(pieces[0].there == sum(m for _, m in loose))
        for _, m in loose:
            self.model.add(step.start == pieces[0].begin).only_enforce_if(m)
        for before, after in pairwise(pieces):
            self.model.add(after.there <= before.there)
            for each in after.here.values():
                self.model.add(after.begin >= before.end).only_enforce_if(each)
        self._end(step, pieces)
        for mode, m in loose:
            self._whole(mode, m, pieces)
            if len(mode.pools) == 1:
                self.draws(mode, mode.pools[0], m)
            else:
                self.energies = None

    def _piece(self, step: StepVariables, most: dict[int, int]) -> PieceVariables:
        low, high = min(step.head, step.tail), max(step.head, step.tail)
        model = self.model
        piece = PieceVariables(model.new_int_var(low, high, ""), model.new_int_var(low, high, ""), {}, {})
        for place, longest in most.items():
            here, size = model.new_bool_var(""), model.new_int_var(0, longest, "")
            model.add(size >= 1).only_enforce_if(here)
            model.add(size == 0).only_enforce_if(~here)
            self.intervals[place].append(model.new_optional_interval_var(piece.begin, size, piece.end, here, ""))
            step.pieces.append((place, piece.begin, piece.end, here))
            piece.here[place], piece.size[place] = here, size
        model.add_at_most_one(piece.here.values())
        return piece

    def _end(self, step: StepVariables, pieces: list[PieceVariables]) -> None:
        """The step ends with its last piece."""
        for number, piece in enumerate(pieces):
            after = [~each for later in pieces[number + 1 : number + 2] for each in later.here.values()]
            for each in piece.here.values():
                self.model.add(step.end >= piece.end).only_enforce_if(each)
                self.model.add(step.end <= piece.end).only_enforce_if([each, *after])

    def _whole(self, mode: Mode, m: Any, pieces: list[PieceVariables]) -> None:
        """The pieces add up to the whole of a mode, if it is the one chosen.

        None is where it cannot run, and none follows one that cannot be interrupted.
        """
        times = {place: self.duration(time) for place, time in enumerate(mode.times) if time is not None}
        for number, piece in enumerate(pieces):
            for place, here in piece.here.items():
                if place not in times:
                    self.model.add_implication(m, ~here)
                elif not mode.loose[place] and number + 1 < len(pieces):
                    self.model.add(pieces[number + 1].there == 0).only_enforce_if([m, here])
        whole, parts = shares(list(times.values()), len(times) * len(pieces))
        work = sum(part * piece.size[place] for piece in pieces for place, part in zip(times, parts, strict=True))
        if len(set(parts)) == 1:
            self.model.add(work == whole).only_enforce_if(m)
        else:
            self.model.add(work >= whole).only_enforce_if(m)

    def _count(self, step: StepVariables, pools: list[int]) -> int:
        """How many pieces a step has: one more than others that can interrupt it, as far as that is a number."""
        if len(pools) > 1 or self.window.pools[pools[0]].size > 1:
            self.exact = False
            return WANDERING
        rivals = _rivals(self.window, step.key, pools[0])
        if rivals >= MOST:
            self.exact = False
        return min(MOST, rivals + 1)


def _rivals(window: TimeWindow, key: tuple[int, int, int], pool: int) -> int:
    """How many other steps, of one way of each job, may come to a pool while this step of it is not done."""
    job, way, place = key
    mine = window.jobs[job]
    head, tail = mine.ways[way].windows(mine.release, mine.last)[place]
    found = len(_beside(mine.ways[way], place, pool))
    for number, other in enumerate(window.jobs):
        if number != job and other.release < tail and other.last > head:
            found += max(
                (_meeting(each, other.release, other.last, head, tail, pool) for each in other.ways), default=0
            )
    return found


def _meeting(way: Way, release: int, last: int, head: int, tail: int, pool: int) -> int:
    """How many steps of a way may be in a pool between two instants."""
    spans = zip(way.steps, way.windows(release, last), strict=True)
    return sum(begin < tail and end > head and _uses(step, pool) for step, (begin, end) in spans)


def _uses(step: Step, pool: int) -> bool:
    return any(mode.times and mode.times[pool] is not None for mode in step.modes)


def _beside(way: Way, place: int, pool: int) -> set[int]:
    """The steps of a way in a pool that come neither before nor after one."""
    before: list[set[int]] = []
    for step in way.steps:
        before.append(set(step.before).union(*(before[each] for each in step.before)))
    return {
        each
        for each, step in enumerate(way.steps)
        if each != place and each not in before[place] and place not in before[each] and _uses(step, pool)
    }
