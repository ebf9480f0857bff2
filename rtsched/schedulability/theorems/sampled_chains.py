"""A11: end-to-end latency of chains whose phases are held by clocks: periodic and sporadic, implicit and LET, mixed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rtsched.schedulability.result import Bound, Contribution, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: So many jobs of all steps of a piece are looked at, at most; its hyperperiod may hold no more.
MOST_JOBS = 50_000


@dataclass(frozen=True)
class Sampler:
    """A step of a chain: a task, or tasks of which each releases the next; its jobs follow each other in order.

    A job reads not before it arrives, has been released at most `late` after that, and has written at most `R` after
    it; with logical execution times (`let`) it reads as it arrives and writes just `R` = D after it. The arrivals lie
    at most `T` apart. With a `clock` they are periodic and come at `phase` + k T, by one clock for all of its name.
    `ends`, if known: that of the jobs of a hyperperiod of clocked tasks, in turn from `phase` on, each with its own R.
    """

    name: str
    T: int
    R: int
    late: int = 0
    let: bool = False
    clock: str = ""
    phase: int = 0
    ends: tuple[int, ...] = ()

    def writes(self, arrival: int) -> int:
        """The latest instant at which the job of this arrival has written."""
        if not self.ends:
            return arrival + self.R
        return arrival + self.ends[(arrival - self.phase) // self.T % len(self.ends)]

    def after(self, at: int) -> int:
        """The first arrival at or after an instant, of those that the clock gives."""
        return at + (self.phase - at) % self.T


@dataclass(frozen=True)
class SampledChain:
    """Steps from the sensing one to the acting one. `deadline` bounds the reaction time, if there is one.

    `ahead[i]`: a job of step i + 1 that arrives when, or after, one of step i has been released reads behind its
    write: both are implicit, on one processor, and i is the more urgent.
    """

    name: str
    steps: tuple[Sampler, ...]
    ahead: tuple[bool, ...]
    deadline: int | None = None


def pieces(chain: SampledChain) -> list[tuple[int, int]]:
    """The chain cut wherever two steps are not of one clock: (first, behind the last) of each piece."""
    cuts = [0]
    for place in range(1, len(chain.steps)):
        before, step = chain.steps[place - 1], chain.steps[place]
        if not step.clock or step.clock != before.clock:
            cuts.append(place)
    return [*zip(cuts, [*cuts[1:], len(chain.steps)], strict=True)]


def _known(chain: SampledChain, place: int, arrival: int) -> int:
    """From when on a job of the next step that arrives reads what the job of this arrival writes."""
    step = chain.steps[place]
    return arrival + step.late if place < len(chain.ahead) and chain.ahead[place] else step.writes(arrival)


def walk(chain: SampledChain, first: int, end: int, arrival: int) -> Iterator[int]:
    """The arrivals of the jobs that lead from one of step `first` to one of the last before `end`, at the latest."""
    yield arrival
    for place in range(first, end - 1):
        arrival = chain.steps[place + 1].after(_known(chain, place, arrival))
        yield arrival


def longest(chain: SampledChain, first: int, end: int, *, reduced: bool = False) -> tuple[int, int]:
    """The longest that a piece takes from a stimulus that a read just missed; and the arrival of that job.

    `reduced`: to the last output before, which knows nothing of it. Raises NotConverged where the hyperperiod of the
    piece holds too many jobs of its first step.
    """
    steps = chain.steps[first:end]
    head = steps[0]
    if not head.clock:
        return (0 if reduced else head.T) + _known(chain, first, 0), -head.T
    H = math.lcm(*(step.T * max(1, len(step.ends)) for step in steps))
    if H // head.T * len(steps) > MOST_JOBS:
        raise NotConverged(f"a hyperperiod holds {H // head.T} jobs of {head.name!r}, too many to look at")
    worst, at = 0, head.phase
    for missed in range(head.phase, head.phase + H, head.T):
        *_, last = walk(chain, first, end, missed + head.T)
        took = _known(chain, end - 1, last - steps[-1].T if reduced else last) - missed
        if took > worst:
            worst, at = took, missed
    return worst, at


def sampled_parts(chain: SampledChain) -> list[tuple[str, int]]:
    """The summands of the reaction time, by name: the latency budget of the chain along its longest ways."""
    parts: list[tuple[str, int]] = []
    for first, end in pieces(chain):
        took, missed = longest(chain, first, end)
        way = list(walk(chain, first, end, missed + chain.steps[first].T))
        parts.append((f"waits for {chain.steps[first].name}", chain.steps[first].T))
        for place, arrival, following in zip(range(first, end), way, way[1:], strict=False):
            parts.append((f"{chain.steps[place].name} to {chain.steps[place + 1].name}", following - arrival))
        parts.append((chain.steps[end - 1].name, missed + took - way[-1]))
    return parts


@theorem(
    "chain-clocks",
    title="Cause-effect chain with phases held by clocks, implicit and LET communication, periodic and sporadic (A11)",
    strength="sufficient",
    citation="Günzel, Ueter, Chen, Chen, RTNS 2023 (mixed); Günzel, Chen, Ueter, von der Brüggen, Dürr, Chen, RTAS "
    "2021 (clocks); Günzel, Teper, Chen, von der Brüggen, Chen, ECRTS 2023 (data age)",
    model=SampledChain,
)
def chain_clocks(chain: SampledChain) -> Result:
    """The reaction time: the sum over pieces of one clock of the longest way through each, over one hyperperiod.

    *One piece.* A job that arrives once the one before has written reads it; one that is less urgent on its processor
    does so from the release of the one before on. Jobs of a step read and write in order, so the job that reads first
    writes no later than any such one: from arrival to arrival the walk leads to a latest write. It repeats with the
    hyperperiod, for phases are held; jobs before the first can only be missing from a backward way, which ends it.
    *Several.* Between two pieces the read that just missed the write of one begins the next: their times add up.
    A sporadic step is a piece of its own. *Data age.* What an output does not know its chain has missed: the output
    that replaces it comes no later than the first that knows of the next read, so that the data age is at most the
    reaction time. The reduced reaction time lacks a period of the first; the reduced data age ends with the output
    before the one that knows.

    The first example is `let_reaction_time([10, 4])` of this room; the second the sum of Davare without clocks.

    >>> tasks = (Sampler("a", 10, 10, let=True, clock="c"), Sampler("b", 4, 4, let=True, clock="c"))
    >>> chain_clocks(SampledChain("see-act", tasks, (False,))).responses
    [26]
    >>> tasks = (Sampler("camera", 33, 8), Sampler("brake", 10, 2))
    >>> chain_clocks(SampledChain("see-act", tasks, (False,))).responses
    [53]
    """
    parts = tuple(
        Contribution("interference" if place else "own", name, amount)
        for place, (name, amount) in enumerate(sampled_parts(chain))
        if amount
    )
    total = sum(part.amount for part in parts)
    deadline = total if chain.deadline is None else chain.deadline
    first, end = pieces(chain)[-1]
    exact = len(pieces(chain)) == 1 and all(step.let and step.clock for step in chain.steps)
    details = {
        "mrt_ns": total,
        "mrrt_ns": total - chain.steps[0].T,
        "mda_ns": total,
        "mrda_ns": total - longest(chain, first, end)[0] + longest(chain, first, end, reduced=True)[0],
    }
    verdict = "schedulable" if total <= deadline else "unknown"
    return Result(verdict, (Bound(chain.name, total, deadline, parts, exact=exact),), details=details)  # type: ignore[arg-type]
