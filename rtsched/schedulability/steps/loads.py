"""Utilisations, densities and their bounds, term by term."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from rtsched.schedulability.models import Cluster, Sporadic, TypedPools, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import (
    MOST_TERMS,
    Scale,
    decimal,
    exact,
    fraction,
    joined,
    name,
    scale_of,
    told_apart,
)
from rtsched.schedulability.theorems.heavy_first import HeavyFirst
from rtsched.schedulability.theorems.mixed_criticality import MixedCriticality
from rtsched.schedulability.theorems.servers import ServedTasks, most

#: A share of a processor: whose, and how much work in how much time (ns).
Share = tuple[str, int, int]


#: Bits of a power beyond which it is not worked out once more.
LARGE = 100_000


def shares(tasks: Sequence[Sporadic]) -> list[Share]:
    """C / T of each."""
    return [(task.name, task.C, task.T) for task in tasks]


def load(
    symbol: str, terms: Sequence[Share], limit: Fraction, of: str, scale: Scale, places: str = "C_ns T_ns"
) -> BoardLine:
    """A sum of shares beside its limit: ``U = 1/4 + 2/6 = 7/12 ≈ 0.5833 ≤ 1``; `of` says what the limit is."""
    total = sum((Fraction(above, below) for _, above, below in terms), Fraction(0))
    digits = told_apart(total, limit)
    sign = "≤" if total <= limit else ">"
    summed = joined([f"{scale.inside(above)}/{scale.inside(below)}" for _, above, below in terms])
    value = fraction(total, digits)
    end = decimal(limit, digits) + (f" = {of}" if of else "")
    first, second = places.split()
    return BoardLine(
        "load",
        f"{symbol} = {summed}{' ' if value.startswith('≈') else ' = '}{value} {sign} {end}",
        holds=total <= limit,
        data={
            "symbol": symbol,
            "value": float(total),
            "exact": exact(total),
            "limit": float(limit),
            "of": of,
            "terms": [{"task": who, first: above, second: below} for who, above, below in terms],
        },
    )


def overload(model: Uniprocessor | Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """U beside the number of processors; on several, also each C beside its D."""
    m = model.m if isinstance(model, Cluster) else 1
    lines = [load("U", shares(model.tasks), Fraction(m), f"{m} processors" if m > 1 else "", scale)]
    late = [task for task in model.tasks if task.C > task.D] if isinstance(model, Cluster) else []
    return lines + [_longer(task.name, "C", task.C, "D", task.D, scale) for task in late[:MOST_TERMS]]


def _longer(who: str, what: str, amount: int, than: str, limit: int, scale: Scale) -> BoardLine:
    sign = "≤" if amount <= limit else ">"
    text = f"{name(who)}: {what} = {scale(amount)} {sign} {scale(limit)} = {than}"
    return BoardLine(
        "sum", text, who, amount <= limit, {"what": what, "value_ns": amount, "than": than, "limit_ns": limit}
    )


def liu_layland(model: Uniprocessor, result: Result, scale: Scale) -> list[BoardLine]:
    """U beside n(2^(1/n) - 1), and the same as it is decided: (U/n + 1)^n beside 2."""
    n = len(model.tasks)
    bound = Fraction(n * (2 ** (1 / n) - 1)) if n > 1 else Fraction(1)
    holds = result.verdict == "schedulable"
    first = load("U", shares(model.tasks), bound, f"{n}·(2^(1/{n}) − 1)", scale)
    if (model.U <= bound) != holds:  # the bound is irrational, and the double for it lies on the other side
        first = load("U", shares(model.tasks), model.U, f"{n}·(2^(1/{n}) − 1), to the last digit", scale)
    if n * model.U.denominator.bit_length() > LARGE:
        return [first]  # the power has more digits than anybody reads, and took the test long enough
    power = (model.U / n + 1) ** n
    digits = told_apart(power, Fraction(2))
    decided = BoardLine(
        "load",
        f"exactly: (U/{n} + 1)^{n} = {decimal(power, digits)} {'≤' if holds else '>'} 2",
        holds=holds,
        data={"symbol": f"(U/{n} + 1)^{n}", "value": float(power), "exact": None, "limit": 2.0, "of": "", "terms": []},
    )
    return [first, decided]


def hyperbolic(model: Uniprocessor, result: Result, scale: Scale) -> list[BoardLine]:
    """The product of all (U + 1) beside 2."""
    product = Fraction(1)
    for task in model.tasks:
        product *= task.U + 1
    digits = told_apart(product, Fraction(2))
    sign = "≤" if product <= 2 else ">"
    terms = joined([f"({scale.inside(task.C)}/{scale.inside(task.T)} + 1)" for task in model.tasks], " · ")
    value = fraction(product, digits)
    return [
        BoardLine(
            "load",
            f"Π (U + 1) = {terms}{' ' if value.startswith('≈') else ' = '}{value} {sign} 2",
            holds=product <= 2,
            data={
                "symbol": "Π (U + 1)",
                "value": float(product),
                "exact": exact(product),
                "limit": 2.0,
                "of": "",
                "terms": [{"task": task.name, "C_ns": task.C, "T_ns": task.T} for task in model.tasks],
            },
        )
    ]


def gfb(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """The densities beside m - (m - 1) max δ."""
    m = model.m
    terms = [(task.name, task.C, min(task.D, task.T)) for task in model.tasks]
    who, most = max(((who, Fraction(above, below)) for who, above, below in terms), key=lambda item: item[1])
    of = f"{m} − {m - 1} · {decimal(most, 4)} (max δ, {name(who)})"
    return [load("Σ δ", terms, m - (m - 1) * most, of, scale, "C_ns window_ns")]


def optimal_load(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """U beside m, and each C beside its T."""
    lines = [load("U", shares(model.tasks), Fraction(model.m), f"{model.m} processors", scale)]
    longest = max(model.tasks, key=lambda task: task.U)
    return [*lines, _longer(longest.name, "C", longest.C, "T", longest.T, scale)]


def pool_overload(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """The longest path of each graph beside its D, and the load of each type beside its processors."""
    late = [task for task in model.tasks if task.dag.length > task.D]
    lines = [_longer(task.name, "longest path", task.dag.length, "D", task.D, scale) for task in late[:MOST_TERMS]]
    if late:
        return lines
    for kind, m in model.cores.items():
        terms = [(task.name, task.dag.volumes.get(kind, 0), task.T) for task in model.tasks]
        loads = [term for term in terms if term[1]]
        if loads:
            of = f"{name(kind)}: {m} processor{'s' if m > 1 else ''}"
            lines.append(load("Σ vol/T", loads, Fraction(m), of, scale, "vol_ns T_ns"))
    return lines


def heavy_first(model: HeavyFirst, result: Result, scale: Scale) -> list[BoardLine]:
    """Each heavy task beside its window, and the density bound of the others on the processors that are left."""
    heavy = [task for task in model.tasks if task.name in model.first]
    light = tuple(task for task in model.tasks if task.name not in model.first)
    lines = [_longer(task.name, "C", task.C, "min(D, T)", min(task.D, task.T), scale) for task in heavy[:MOST_TERMS]]
    left = model.cluster.m - len(heavy)
    lines.append(BoardLine("words", f"{left} of {model.cluster.m} processors are left to the {len(light)} others"))
    if light and left > 0:
        lines += gfb(Cluster(light, left, "EDF", name=model.name), result, scale)
    return lines


def edf_vd(model: MixedCriticality, result: Result, scale: Scale) -> list[BoardLine]:
    """U of all at their own criticality beside 1; else x U_LO(LO) + U_HI(HI)."""
    low = [(each.task.name, each.task.C, each.task.T) for each in model.tasks if not each.hard]
    high = [(each.task.name, each.task.C, each.task.T) for each in model.tasks if each.hard]
    plain = [(each.task.name, each.low, each.task.T) for each in model.tasks if each.hard]
    lines = [load("U_LO(LO) + U_HI(HI)", low + high, Fraction(1), "", scale)]
    if lines[0].holds:
        return lines
    U_low, U_high, U_plain = (
        sum((Fraction(above, below) for _, above, below in terms), Fraction(0)) for terms in (low, high, plain)
    )
    if U_low >= 1:
        return [*lines, BoardLine("words", f"U_LO(LO) = {decimal(U_low, 4)} leaves no room for virtual deadlines")]
    x = U_plain / (1 - U_low)
    value = x * U_low + U_high
    digits = told_apart(value, Fraction(1))
    text = (
        f"x = U_HI(LO) / (1 − U_LO(LO)) = {decimal(U_plain, 4)} / (1 − {decimal(U_low, 4)}) = {decimal(x, 4)}; "
        f"x U_LO(LO) + U_HI(HI) = {decimal(value, digits)} {'≤' if value <= 1 else '>'} 1"
    )
    data = {"symbol": "x U_LO(LO) + U_HI(HI)", "value": float(value), "exact": None, "limit": 1.0, "of": ""}
    return [*lines, BoardLine("load", text, holds=value <= 1, data={**data, "terms": []})]


def bandwidth_servers(model: ServedTasks, result: Result, scale: Scale) -> list[BoardLine]:
    """The budgets beside the processors, and of each server how many periods a job takes."""
    terms = [(each.name, each.budget, each.period) for each in model.tasks if each.budget]
    largest = fraction(max(model.loads, default=Fraction(0)))
    limit = "" if model.m == 1 else f"m − (m − 1) max Q/P = {model.m} − {model.m - 1}·{largest}"
    lines = [load("Σ Q/P", terms, most(model), limit, scale, "Q_ns P_ns")]
    for each, bound in list(zip(model.tasks, result.bounds, strict=True))[:20]:
        if bound.wcrt is None:
            continue
        text = (
            f"{name(each.name)}: n = ⌈{scale(each.task.C)}/{scale(each.budget)}⌉ = {each.chunks}; "
            f"R = {each.chunks}·{scale(each.period)}"
            + (f" + {scale(each.task.J)} (jitter)" if each.task.J else "")
            + f" = {scale(bound.wcrt)} {'≤' if bound.wcrt <= bound.deadline else '>'} {scale(bound.deadline)}"
        )
        data = {"what": "R", "value_ns": bound.wcrt, "than": "D", "limit_ns": bound.deadline}
        lines.append(BoardLine("sum", text, each.name, bound.wcrt <= bound.deadline, data))
    return lines


def plain_scale(model: object) -> Scale:
    """The unit for the execution times of a model, whatever it is."""
    times: list[int] = []
    tasks: Sequence[object] = getattr(model, "tasks", ()) or getattr(model, "components", ())
    for task in tasks:
        inner = getattr(task, "task", task)
        dag, stages = getattr(inner, "dag", None), getattr(inner, "stages", ())
        if dag is not None:
            times += [vertex.c for vertex in dag.vertices]
        elif stages:
            times += [stage.C for stage in stages]
        else:
            times.append(int(getattr(inner, "C", getattr(inner, "worst", 0))))
    times += [job.c_max for job in getattr(model, "jobs", ())]
    return scale_of(times)


#: What writes out the lines of a test.
Writer = Callable[..., list[BoardLine]]
