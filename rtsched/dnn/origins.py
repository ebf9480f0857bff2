"""Where the execution times of a lowered system are from: what files say of them, and what samples raise."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.inputs import InputsSpec
from rtsched.model.origin import BASES, CONDITIONAL, PROVING, Basis, Origin, Provenance
from rtsched.model.task import Arrival, Autocorrelated, Empirical, Execution, TraceArrivals
from rtsched.model.taskgraph import NodeSpec, TaskSpec
from rtsched.model.work import ANY, Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering


def origins_of(lowering: Lowering, what: str, work: Work, times: list[int | None]) -> list[Origin | None]:
    """Where the `times` of a node are from, by processor: as its file says, or the tables; empty if nobody says it.

    With ``wcet: max*F`` a time that was measured is made longer, unless the margin it has is at least that.
    """
    if work.network is not None:
        return lowering.told.get(id(work), [])
    if work.origin is None:
        return []
    origins: list[Origin | None] = [None] * len(times)
    written = lowering.where.written(what, work)
    made: dict[tuple[str, bool], Origin | None] = {}
    for place, name in enumerate(lowering.where.keys(what, work)):
        time = times[place]
        if name is None or time is None:
            continue
        about = work.origin.get(name) or work.origin.get(ANY)
        if about is None:
            continue
        if about.kind in _MEASURED and lowering.factor > Fraction(repr(about.margin or 1.0)):
            longer = lowering.factor / Fraction(repr(about.margin or 1.0))
            times[place] = -(-time * longer.numerator // longer.denominator)
        scaled = time != written[place]
        if (name, scaled) not in made:
            made[name, scaled] = _origin(what, name, about, scaled, lowering.factor)
        origins[place] = made[name, scaled]
    return origins


#: Kinds that ``max*F`` makes longer.
_MEASURED = frozenset(BASES) - frozenset(PROVING) - {"pwcet"}


def _origin(what: str, name: str, about: Provenance, scaled: bool, factor: Fraction) -> Origin:
    """What a file says of a time; one that is `scaled` to another speed, or number of threads, was not measured."""
    basis: Basis = about.kind
    margin = Fraction(repr(about.margin or 1.0))
    figure, statistic = about.figure, about.kind
    if basis in _MEASURED and factor > margin:
        figure = about.model_copy(update={"margin": float(factor)}).figure
        margin = factor
    if scaled:
        basis = "declared" if basis in PROVING else "modelled"
        figure += ", scaled to this processor"
    where = f"{what.partition(': ')[2] or what}" + ("" if name == ANY else f" on {name}")
    source = f" ({about.source})" if about.source else ""
    return Origin(
        basis,
        f"{where}: {figure}{source}",
        _STATISTICS.get(about.kind, statistic) + (f"*{float(margin):g}" if margin != 1 else ""),
        about.source,
        n=about.n,
        margin=float(margin),
        date=about.date or "",
        about=about,
    )


#: The statistic that a kind is, where that has another name.
_STATISTICS: dict[str, str] = {"high-water": "max"}


def kept(
    lowering: Lowering, origins: Sequence[Origin | None], times: Sequence[int | None]
) -> tuple[Origin | None, ...]:
    """The origins of the `times` that are left, which the lowering remembers; empty if there is none."""
    if not origins:
        return ()
    found = tuple(None if time is None else origin for origin, time in zip(origins, times, strict=True))
    for origin in dict.fromkeys(found):
        if origin is not None:
            lowering.note(origin)
    return lowering.origins_shared.setdefault(found, found) if any(found) else ()


def exceeding(
    execution: Execution,
    arrival: Arrival,
    nodes: Sequence[NodeSpec],
    inputs: InputsSpec | None,
    others: Sequence[Origin],
) -> tuple[Origin, ...]:
    """Where the longest time of a task comes from if a sample, an input or a recorded time exceeds what is planned.

    The planned time then bounds nothing: proofs take the larger one, and the origin says by how much it is larger.
    """
    if inputs is not None and max(inputs.largest.values()) > 1:
        count, most = len(inputs.shares), max(inputs.largest.values())
        text = f"the largest of {count} recorded inputs: {float(most):.4g} times what is planned"
        return (Origin("high-water", text, "max", n=count), *others)
    marginal = execution.marginal if isinstance(execution, Autocorrelated) else execution
    samples = (marginal.samples or ()) if isinstance(marginal, Empirical) else ()
    what = "samples"
    if isinstance(arrival, TraceArrivals) and arrival.execution:
        samples, what = arrival.execution, "recorded execution times"
    planned = sum(node.fastest for node in nodes)
    if not samples or max(samples) <= planned:
        return tuple(others)
    longest, time = max(samples), units.format_duration
    text = (
        f"the largest of {len(samples)} {what}, {time(longest, digits=4)}, above the planned {time(planned, digits=4)}"
    )
    return (Origin("high-water", text, "max", n=len(samples)),)


def check_bounds(tasks: Sequence[TaskSpec]) -> None:
    """Refuse execution times that are no bounds, of all tasks at once: what ``wcet: bound`` asks for."""
    lacking = [task for task in tasks if task.basis not in PROVING]
    if not lacking:
        return
    problems = []
    for task in lacking:
        worst = next(origin for origin in task.origins if origin.basis == task.basis)
        weak = "measured" if task.basis in CONDITIONAL else "no bound"
        problems.append(
            f"task {task.name!r}: wcet 'bound' asks for bounds, and its time is {weak} ({task.basis}: {worst.text}); "
            "give a 'wcet' that somebody declares, or ask for max"
        )
    raise InputError(*problems)
