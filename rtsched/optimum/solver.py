"""Solving a window: the best schedule that is found, and what is proven that nobody can exceed.

One worker, a fixed seed and a limit in the solver's own (deterministic) time: the same window gives the same answer,
but where somebody asks for it within so many seconds of this machine's time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

from rtsched.errors import InputError
from rtsched.optimum.fluid import FluidProgram
from rtsched.optimum.pieces import PieceProgram
from rtsched.optimum.program import Program, StepVariables
from rtsched.optimum.window import TimeWindow

#: What a linear relaxation may be off by, where a bound is a whole number.
NOISE = 1e-6

#: A solver that ends without an answer before this part of its limit was interrupted.
EARLY = 0.5

#: Seconds: a solver that ends so shortly before the limit in this machine's time ends because of it.
CLOSE = 0.01

MISSING = "the optimum is found by OR-tools, which is not installed; pip install 'rtsched[optimum]'"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a node that runs on processor number `processor` from `start` to `end` (ns); `final` ends the node.

    `job` is its place in the window, `mode` what the node runs as (a variant or an exit, or nothing).
    """

    job: int
    node: int
    processor: int
    start: int
    end: int
    final: bool
    mode: str


@dataclass(frozen=True, slots=True)
class Solution:
    """What came of a window: the worth of the best schedule found, in weights, and a bound on that of any.

    `ways` are the jobs that are answered (by their places in the window) with the way that each takes, `timely` those
    that are worth anything; `energy` in nJ is the least with that worth, where it is known and was proven. `exact`
    says that nothing about interruptions was relaxed, `effort` how much of the solver's time it took, `stopped` that
    this machine's time was up.
    """

    worth: Fraction
    bound: Fraction
    ways: dict[int, int]
    timely: frozenset[int]
    runs: tuple[Stretch, ...]
    exact: bool
    effort: float
    energy: int | None = None
    stopped: bool = False


class Patience:
    """How many seconds of this machine's time are left of `limit`; without one there is no end of it."""

    def __init__(self, limit: float | None) -> None:
        self.end = None if limit is None else time.monotonic() + limit
        self.stopped = False

    @property
    def left(self) -> float:
        """In seconds; infinite without a limit."""
        return float("inf") if self.end is None else max(0.0, self.end - time.monotonic())

    def ends(self, solver: Any, seconds: float) -> bool:
        """Whether a solver that was not done had used up its seconds."""
        used_up: bool = solver.wall_time > seconds - CLOSE
        self.stopped = self.stopped or used_up
        return used_up


@dataclass(frozen=True, slots=True)
class _Solved:
    """A solver that has looked: whether it found anything, what it has proven (in weights), how long it took."""

    solver: Any
    found: bool
    bound: Fraction
    effort: float


def available() -> None:
    """Raise InputError where OR-tools is not installed."""
    try:
        import ortools.sat.python.cp_model  # noqa: F401
    except ImportError:
        raise InputError(MISSING) from None


def solve(window: TimeWindow, effort: float, limit: float | None = None) -> Solution:
    """The best answer found with so much effort (about seconds), and the bound. Raises InputError without OR-tools.

    With a `limit` in seconds of this machine's time it is what was found by then.
    """
    available()
    patience = Patience(limit)
    answer = _answer(window, effort, patience)
    return replace(answer, stopped=True) if patience.stopped else answer


def _answer(window: TimeWindow, effort: float, patience: Patience) -> Solution:
    bound = _possible(window)
    if not bound:
        return Solution(Fraction(0), Fraction(0), {}, frozenset(), (), True, 0.0)
    pieces = PieceProgram(window)
    hints: list[bool] = []
    spent = 0.0
    if not pieces.exact:
        fluid = FluidProgram(window)
        first = _solved(fluid, effort / 2, patience, 0.5, hints)
        bound, spent = min(bound, first.bound), first.effort
        hints = [first.solver.boolean_value(literal) for literal in fluid.choices] if first.found else []
    pieces.model.add(pieces.value <= floor(bound * pieces.scale))
    second = _solved(pieces, effort - spent, patience, 1.0, hints)
    if pieces.exact:
        bound = min(bound, second.bound)
    answer = _read(pieces, second, bound, spent + second.effort)
    if answer.worth == bound and pieces.exact and pieces.energies and not window.relaxed:
        return _sparing(pieces, answer, effort, patience)
    return answer


def _possible(window: TimeWindow) -> Fraction:
    """The weights of the jobs that have a way to a right answer in time."""
    return sum((job.weight for job in window.jobs if any(way.worth for way in job.ways)), Fraction(0))


def _solver(effort: float, seconds: float) -> Any:
    """A solver that gives the same answer each time, if it has the seconds of this machine's time."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = max(effort, 0.1)
    if seconds != float("inf"):
        solver.parameters.max_time_in_seconds = seconds
    return solver


def _solved(program: Program, effort: float, patience: Patience, share: float, hints: list[bool]) -> _Solved:
    """Look for the greatest value, beginning with the ways that are hinted at, for a share of the time that is left."""
    from ortools.sat.python import cp_model

    program.model.maximize(program.value)
    for literal, value in zip(program.choices, hints, strict=False):
        program.model.add_hint(literal, value)
    seconds = patience.left * share
    solver = _solver(effort, seconds)
    status = solver.solve(program.model)
    found, spent = status in (cp_model.OPTIMAL, cp_model.FEASIBLE), solver.response_proto.deterministic_time
    if status in (cp_model.FEASIBLE, cp_model.UNKNOWN) and not patience.ends(solver, seconds):
        if spent < EARLY * max(effort, 0.1):
            raise KeyboardInterrupt  # the solver hears of it first, and ends with what it has
    proven = solver.best_objective_bound if found else float("inf")
    bound = _possible(program.window) if proven >= 2**53 else Fraction(floor(proven + NOISE), program.scale)
    return _Solved(solver, found, bound, spent)


#: A piece as it was found: begin and end in ns, the job, the node, the pool, the mode.
Found = tuple[int, int, int, int, int, str]


def _read(program: PieceProgram, solved: _Solved, bound: Fraction, effort: float) -> Solution:
    """The schedule that a solver has found, on processors."""
    if not solved.found:
        return Solution(Fraction(0), bound, {}, frozenset(), (), program.exact, effort)
    value = solved.solver.value
    ways: dict[int, int] = {}
    timely: set[int] = set()
    rows: list[Found] = []
    for place, job in enumerate(program.jobs):
        for number, way in enumerate(job.ways):
            if value(way.taken):
                ways[place] = number
                rows += [row for step in way.steps for row in _pieces(place, step, value, program.unit)]
                if way.way.worth and (job.timely is None or value(job.timely)):
                    timely.add(place)
    worth = sum((program.window.jobs[place].weight for place in timely), Fraction(0))
    runs = tuple(_placed(program.window, sorted(rows)))
    return Solution(worth, bound, ways, frozenset(timely), runs, program.exact, effort)


def _pieces(job: int, step: StepVariables, value: Any, unit: int) -> Iterator[Found]:
    """The pieces of a step until it is done, which may be before they end where units are coarse."""
    mode = next(mode for mode, m in zip(step.step.modes, step.modes, strict=True) if value(m))
    left = Fraction(1)
    for begin, end, pool in sorted(
        (value(begin) * unit, value(end) * unit, pool) for pool, begin, end, here in step.pieces if value(here)
    ):
        time = mode.times[pool] or 1
        end = min(end, begin + ceil(left * time))
        if end > begin:
            yield begin, end, job, step.step.node, pool, mode.name
        left -= Fraction(end - begin, time)


def _placed(window: TimeWindow, rows: list[Found]) -> Iterator[Stretch]:
    """Each piece on a processor of its pool: where the node was before, if that is free."""
    free = {place: 0 for pool in window.pools for place in pool.processors}
    last: dict[tuple[int, int], int] = {}
    ends: dict[tuple[int, int], int] = {}
    for _, end, job, node, *_ in rows:
        ends[job, node] = max(end, ends.get((job, node), 0))
    for begin, end, job, node, pool, mode in rows:
        idle = [place for place in window.pools[pool].processors if free[place] <= begin]
        before = last.get((job, node), -1)
        place = before if before in idle else idle[0]
        free[place] = end
        last[job, node] = place
        yield Stretch(job, node, place, begin, end, end == ends[job, node], mode)


def _sparing(program: PieceProgram, answer: Solution, effort: float, patience: Patience) -> Solution:
    """The answer of the same worth with the least energy, if the solver can prove that it is."""
    from ortools.sat.python import cp_model

    program.model.add(program.value == floor(answer.bound * program.scale))
    program.model.minimize(sum(program.energies or ()))
    seconds = patience.left
    solver = _solver(effort, seconds)
    if solver.solve(program.model) != cp_model.OPTIMAL:
        patience.ends(solver, seconds)
        return answer
    spent = answer.effort + solver.response_proto.deterministic_time
    again = _read(program, _Solved(solver, True, answer.bound, 0.0), answer.bound, spent)
    return replace(again, energy=round(solver.objective_value))
