"""Utilisation bounds: necessary (more than there is) and sufficient (Liu and Layland, hyperbolic); exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster, TypedPools, Uniprocessor, total
from rtsched.schedulability.result import Bound, Failure, Result, unknown
from rtsched.schedulability.theorem import theorem


def rate_monotonic_order(model: Uniprocessor) -> str | None:
    """The tasks stand in the order of their periods."""
    for earlier, later in zip(model.tasks, model.tasks[1:], strict=False):
        if earlier.T > later.T:
            return f"it is about rate-monotonic priorities: {earlier.name!r} stands above {later.name!r}"
    return None


_RM = (
    needs.order("FP"),
    needs.mode("preemptive"),
    needs.implicit_deadlines,
    needs.no_jitter,
    needs.no_blocking,
    needs.no_suspension,
    rate_monotonic_order,
)


#: Binary places with which a power or a product is tried first, and those beyond which a product is worked out whole.
PLACES, MOST_PLACES = 128, 4096


def _shares(loads: Sequence[tuple[int, int]], places: int) -> list[int]:
    """C / T of each in units of 2^-places, rounded down."""
    return [(C << places) // T for C, T in loads]


def _power(base: int, n: int, places: int, up: int) -> int:
    """base^n in units of 2^-places, every product rounded down, or `up` where that is 1; base is at least one."""
    found = 1 << places
    while n:
        if n & 1:
            found = (found * base >> places) + up
        base = (base * base >> places) + up
        n >>= 1
    return found


def within_liu_layland(loads: Sequence[tuple[int, int]]) -> bool:
    """Whether U <= n(2^(1/n) - 1), exactly, for (C, T) of each task.

    (U/n + 1)^n is compared with 2 from below and from above, in ever more places: it is 2 only where n is 1, as no
    other root of 2 is a fraction. (Of 1500 periods without a common divisor the power itself has 70 million digits.)

    >>> within_liu_layland([(7, 7)]), within_liu_layland([(41, 99), (41, 99)]), within_liu_layland([(29, 70)] * 2)
    (True, True, False)
    """
    n, places = len(loads), PLACES
    if n < 2:
        return all(C <= T for C, T in loads)
    while True:
        one = 1 << places
        low = sum(_shares(loads, places))  # short of U by less than n
        if low > one or _power(one + low // n, n, places, 0) > 2 * one:
            return False
        if _power(one + low // n + 2, n, places, 1) <= 2 * one:
            return True
        places *= 2


def within_hyperbolic(loads: Sequence[tuple[int, int]]) -> bool:
    """Whether the product of (C/T + 1) is at most 2, exactly, as `within_liu_layland`; a product may also be 2.

    >>> within_hyperbolic([(1, 2), (1, 3)]), within_hyperbolic([(10**40, 2 * 10**40), (10**40 + 1, 3 * 10**40)])
    (True, False)
    """
    places = PLACES
    while places <= MOST_PLACES:
        one = 1 << places
        low = high = one
        for share in _shares(loads, places):
            low = low * (one + share) >> places
            high = (high * (one + share + 1) >> places) + 1
            if low > 2 * one:
                return False
        if high <= 2 * one:
            return True
        places *= 8
    product = Fraction(1)
    for C, T in loads:
        product *= Fraction(C + T, T)
    return product <= 2


def _accepted(model: Uniprocessor, accepted: bool, rule: str) -> Result:
    bounds = tuple(Bound(task.name, None, task.D) for task in model.tasks)
    return Result("schedulable", bounds) if accepted else unknown(f"the utilisation exceeds the {rule} bound", bounds)


@theorem(
    "liu-layland",
    title="Rate monotonic, utilisation bound n(2^(1/n) - 1)",
    strength="sufficient",
    citation="Liu, Layland, JACM 20(1), 1973, theorem 5",
    model=Uniprocessor,
    needs=_RM,
    sustainable="CT",
)
def liu_layland(model: Uniprocessor) -> Result:
    """U <= n(2^(1/n) - 1), compared exactly as (U/n + 1)^n <= 2.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> liu_layland(Uniprocessor((Sporadic("1", 2, 5, 5), Sporadic("2", 4, 7, 7)))).verdict    # U = 0.971
    'unknown'
    """
    return _accepted(model, within_liu_layland([(task.C, task.T) for task in model.tasks]), "Liu-Layland")


@theorem(
    "hyperbolic",
    title="Rate monotonic, hyperbolic bound",
    strength="sufficient",
    citation="Bini, Buttazzo, Buttazzo, IEEE Trans. Computers 52(7), 2003",
    model=Uniprocessor,
    needs=_RM,
    sustainable="CT",
)
def hyperbolic(model: Uniprocessor) -> Result:
    """The product of (u + 1) is at most 2; dominates Liu-Layland. Exact, so a set on the bound is accepted."""
    return _accepted(model, within_hyperbolic([(task.C, task.T) for task in model.tasks]), "hyperbolic")


def _load(name: str, U: Fraction, m: int, heaviest: str, share: Fraction) -> Result:
    if U <= m:
        return unknown(f"the utilisation {float(U):.3f} of {name!r} does not exceed {m}: that decides nothing")
    there = "it" if m == 1 else f"its {m} processors"
    why = f"the tasks of {name!r} ask for {float(100 * U):.1f} % of {there}: the backlog grows without end"
    hint = f"largest share: {heaviest}, {float(100 * share):.1f} %"
    return Result("unschedulable", first_failure=Failure(heaviest, why, hint=hint))


@theorem(
    "overload",
    title="Utilisation above one",
    strength="necessary",
    citation="Liu, Layland, JACM 20(1), 1973",
    model=Uniprocessor,
)
def overload(model: Uniprocessor) -> Result:
    """No policy meets all deadlines when more work arrives than a processor can do."""
    heaviest = max(model.tasks, key=lambda task: task.U)
    return _load(model.name, model.U, 1, heaviest.name, heaviest.U)


@theorem(
    "cluster-overload",
    title="Utilisation above the number of processors",
    strength="necessary",
    citation="Horn 1974",
    model=Cluster,
)
def cluster_overload(model: Cluster) -> Result:
    """No policy meets all deadlines when U > m, or when a task alone has C > D."""
    for task in model.tasks:
        if task.C > task.D:
            why = f"{task.name!r} takes {needs._ns(task.C)} alone and has {needs._ns(task.D)}"
            return Result("unschedulable", first_failure=Failure(task.name, why, task.C, task.D))
    heaviest = max(model.tasks, key=lambda task: task.U)
    return _load(model.name, model.U, model.m, heaviest.name, heaviest.U)


@theorem(
    "pool-overload",
    title="More work of a type than its processors can do, or a path longer than the deadline",
    strength="necessary",
    citation="folklore: no schedule has more processors than there are",
    model=TypedPools,
)
def pool_overload(model: TypedPools) -> Result:
    """No policy meets all deadlines when vol/T of a type sums above its processors, or a longest path exceeds D."""
    for task in model.tasks:
        if task.dag.length > task.D:
            why = f"the longest path of {task.name!r} takes {needs._ns(task.dag.length)} and has {needs._ns(task.D)}"
            return Result("unschedulable", first_failure=Failure(task.name, why, task.dag.length, task.D))
    for kind, m in model.cores.items():
        loads = [(task.dag.volumes.get(kind, 0), task.T) for task in model.tasks]
        U = total(loads)
        if U > m:
            share, heaviest = max((Fraction(*load), task.name) for load, task in zip(loads, model.tasks, strict=True))
            return _load(kind, U, m, heaviest, share)
    return unknown("no pool is overloaded: that decides nothing")
