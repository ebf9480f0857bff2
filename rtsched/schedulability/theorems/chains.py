"""A11: end-to-end latency of cause-effect chains: Davare, Dürr, and exact values under LET communication."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.schedulability.result import Bound, Contribution, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged


@dataclass(frozen=True)
class CauseEffectChain:
    """Tasks from the sensing one to the acting one, with their periods `T` and worst responses `R`.

    `ahead[i]`: task i and i+1 share a processor and i is the more urgent. `deadline` bounds the reaction time, if there
    is one.
    """

    name: str
    tasks: tuple[str, ...]
    T: tuple[int, ...]
    R: tuple[int, ...]
    ahead: tuple[bool, ...]
    deadline: int | None = None


def responses_within_periods(chain: CauseEffectChain) -> str | None:
    """All R <= T, where a step that is ahead of the next one makes the chain faster; else any R will do (Davare)."""
    if not any(chain.ahead):
        return None
    for name, T, R in zip(chain.tasks, chain.T, chain.R, strict=True):
        if R > T:
            return f"it needs R <= T: {name!r} has R = {R} > T = {T}"
    return None


def davare(chain: CauseEffectChain) -> int:
    """Σ (T + R) (Davare et al., DAC 2007)."""
    return sum(chain.T) + sum(chain.R)


def reaction_time(chain: CauseEffectChain) -> int:
    """T_1 + R_n + Σ_{i<n} max(R_i, T_{i+1} + p_i R_i) (Dürr et al. 2019); p_i = 0 where i is ahead of i+1."""
    return sum(amount for _, amount in reaction_parts(chain))


def reaction_parts(chain: CauseEffectChain) -> list[tuple[str, int]]:
    """The summands of the reaction time, by name: the latency budget of a chain."""
    T, R = chain.T, chain.R
    parts = [(f"waits for {chain.tasks[0]}", T[0])]
    for i in range(len(T) - 1):
        late = 0 if chain.ahead[i] else R[i]
        parts.append((f"{chain.tasks[i]} to {chain.tasks[i + 1]}", max(R[i], T[i + 1] + late)))
    return [*parts, (chain.tasks[-1], R[-1])]


def reduced_data_age(chain: CauseEffectChain) -> int:
    """The data age to the output, not to the next one: R_n + Σ_{i<n} (T_i + p_i R_i) (Dürr et al. 2019)."""
    pairs = zip(chain.T[:-1], chain.R[:-1], chain.ahead, strict=True)
    return chain.R[-1] + sum(T + (0 if ahead else R) for T, R, ahead in pairs)


@theorem(
    "chain-latency",
    title="Cause-effect chain of asynchronous tasks, implicit communication (A11)",
    strength="sufficient",
    citation="Davare et al., DAC 2007; Dürr, von der Brüggen, Chen, Chen, ACM TECS 18(5s), 2019",
    model=CauseEffectChain,
    needs=(responses_within_periods,),
)
def chain_latency(chain: CauseEffectChain) -> Result:
    """The reaction time: from an event to the end of the first output that knows of it; any processors, any phases.

    The reduced one begins with the first read, a period later. The data age ends with the next output, which comes at
    most a period after the one that the reduced data age ends with: both arrive a period apart, and the first does not
    read before it arrives.

    >>> chain = CauseEffectChain("see-act", ("camera", "brake"), (33, 10), (8, 2), (False,))
    >>> chain_latency(chain).responses, davare(chain), reduced_data_age(chain)
    ([53], 53, 43)
    """
    parts = tuple(
        Contribution("own" if place else "interference", name, amount)
        for place, (name, amount) in enumerate(reaction_parts(chain))
        if amount
    )
    total = sum(part.amount for part in parts)
    deadline = total if chain.deadline is None else chain.deadline
    bound = Bound(chain.name, total, deadline, parts)
    details = {
        "davare_ns": davare(chain),
        "mrt_ns": total,
        "mrrt_ns": total - chain.T[0],
        "mda_ns": reduced_data_age(chain) + chain.T[-1],
        "mrda_ns": reduced_data_age(chain),
    }
    verdict = "schedulable" if total <= deadline else "unknown"
    return Result(verdict, (bound,), details=details)  # type: ignore[arg-type]


def let_reaction_time(periods: Sequence[int], offsets: Sequence[int] | None = None) -> int:
    """The exact maximum reaction time with logical execution times: read at the release, write a period later.

    For consecutive reads a, b of the first task: a stimulus just after a is read at b, and followed through the chain;
    the value is the last write less a. One hyperperiod after all have started is enough.

    >>> let_reaction_time([10, 10]), let_reaction_time([10, 4])
    (30, 26)
    """
    phases = [0] * len(periods) if offsets is None else list(offsets)
    H = math.lcm(*periods)
    if H // periods[0] > CAP:
        raise NotConverged(f"the hyperperiod holds {H // periods[0]} jobs of the first task")
    begin = max(phases) + H
    first = phases[0] + -(-(begin - phases[0]) // periods[0]) * periods[0]
    worst = 0
    for a in range(first, first + H, periods[0]):
        at = a + 2 * periods[0]  # b = a + T reads it and writes a period later
        for T, O in zip(periods[1:], phases[1:], strict=True):
            at = O + -(-(at - O) // T) * T + T
        worst = max(worst, at - a)
    return worst
