"""What a verdict rests on: the weakest kind of the execution times that it depends on, and how that is said.

A proof for typical times is none, and one for the largest times measured holds on condition that no job takes longer.
So nothing that is not proven for bounds is called schedulable without saying for which times, nor drawn as a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rtsched.model.origin import BASES, CONDITIONAL, PROVING, Basis, Origin, weakest
from rtsched.model.taskgraph import NodeSpec, TaskSpec
from rtsched.schedulability.lowering.delays import delaying
from rtsched.schedulability.result import Verdict

if TYPE_CHECKING:
    from rtsched.verify.verification import Verification

#: What execution times of a kind are called.
NAMES: dict[Basis, str] = {
    "analysed": "analysed bounds",
    "budget": "enforced budgets",
    "declared": "declared bounds",
    "high-water": "the measured maxima",
    "pwcet": "the probabilistic bounds",
    "percentile": "percentiles",
    "typical": "typical values",
    "modelled": "modelled values",
}


# ---- on which execution times a verdict depends ----------------------------------------------------------------------


def behind(found: Verification, index: int) -> frozenset[int]:
    """The tasks on whose execution times the verdict on a task depends, itself among them.

    Of its part those that can delay it, directly or through others (``rtsched.schedulability.lowering.delays``). All of
    them where nothing says who waits for whom: a plan of its own, processors that take turns.
    """
    tasks = found.system.tasks
    view = found.analysis.part_of(tasks[index].name).view
    part = frozenset(view.tasks)
    if not view.queues:
        return part
    releases = {place: after for place in part if (after := tasks[place].after) is not None}
    places = {tasks[place].name: place for place in part}
    blockers = {places[name]: [places[each.task] for each in those] for name, those in view.blockers.items()}
    return delaying(view.queues, releases, index, blockers)


def basis_of(found: Verification, tasks: Iterable[int]) -> Basis:
    """The weakest kind of the execution times on which the verdicts on these tasks depend."""
    places = frozenset[int]().union(*(behind(found, index) for index in tasks))
    return weakest(found.system.tasks[place].basis for place in sorted(places))


def node_origins(task: TaskSpec, node: NodeSpec) -> dict[tuple[int, tuple[Origin, ...]], list[int]]:
    """The times of a node with where they come from, and the processors on which each holds.

    What a task says of all its nodes (shares of a family, samples) holds for each of them; a time of which nobody says
    anything is declared.
    """
    own = {origin for each in task.all_nodes for origin in each.origins}
    shared = tuple(origin for origin in task.origins if origin not in own)
    found: dict[tuple[int, tuple[Origin, ...]], list[int]] = {}
    for place in node.eligible:
        origin = node.origins[place] if node.origins else None
        origins = shared if origin is None else (origin, *shared)
        found.setdefault((node.times[place] or 0, origins), []).append(place)
    return found


# ---- how it is said --------------------------------------------------------------------------------------------------


def claim(verdict: Verdict, basis: Basis, violated: Sequence[str] = ()) -> str:
    """A verdict on a part of a system in a few words: ``in time at typical values (no proof)``.

    Nothing is proven by what the file says is `violated`.
    """
    if verdict == "schedulable" and violated:
        return f"in time {'for' if basis in PROVING else 'at'} {NAMES[basis]} (no proof)"
    if verdict != "schedulable" or basis in PROVING:
        return verdict
    if basis in CONDITIONAL:
        return f"schedulable if no job exceeds {NAMES[basis]}"
    return f"in time at {NAMES[basis]} (no proof)"


def short(verdict: Verdict, basis: Basis, violated: Sequence[str] = ()) -> str:
    """A verdict in one word or two: ``schedulable`` of bounds alone, else ``conditional`` or ``no proof``."""
    if verdict == "schedulable" and violated:
        return "no proof"
    if verdict != "schedulable" or basis in PROVING:
        return verdict
    return "conditional" if basis in CONDITIONAL else "no proof"


def headline(found: Verification) -> tuple[str, str]:
    """The word of a verdict, and what it rests on: ``("schedulable", " for declared bounds")``."""
    verdict, basis = found.verdict, found.basis
    tasks = found.system.tasks
    if verdict == "schedulable":
        if found.violated:
            at = "for" if basis in PROVING else "at"
            return "no proof", f": violated: {', '.join(found.violated)} (all is in time {at} {NAMES[basis]})"
        if basis in PROVING:
            return verdict, f" for {NAMES[basis]}"
        if basis in CONDITIONAL:
            return verdict, f" if no job exceeds {_conditions(tasks)}"
        return "no proof", f": {NAMES[basis]} (all is in time at these)"
    if verdict == "unschedulable":
        return verdict, _refuted({task.basis for task in tasks})
    return verdict, ""


def _conditions(tasks: Sequence[TaskSpec]) -> str:
    """What no job may exceed, for the verdict to hold: ``the measured maxima (n = 8 to 1000, × 1.2)``."""
    kinds = {task.basis for task in tasks}
    origins = dict.fromkeys(origin for task in tasks for origin in task.origins)
    said = []
    if "high-water" in kinds:
        mine = [origin for origin in origins if origin.basis == "high-water"]
        counts = sorted({origin.n for origin in mine if origin.n is not None})
        runs = " to ".join(dict.fromkeys(map(str, (counts[0], counts[-1])))) if counts else ""
        unknown = any(origin.n is None for origin in mine)
        text = f"n = {runs}{', or not stated' if unknown else ''}" if runs else "n not stated"
        margins = sorted({origin.margin for origin in mine})
        if margins != [1.0]:
            text += f", × {' to '.join(dict.fromkeys(f'{each:g}' for each in (margins[0], margins[-1])))}"
        said.append(f"the measured maxima ({text})")
    if "pwcet" in kinds:
        chances = [origin.about.p for origin in origins if origin.about is not None and origin.about.p is not None]
        said.append("its probabilistic bound" + (f" (p = {max(chances):g} per run)" if chances else ""))
    return " nor ".join(said)


def _refuted(kinds: set[Basis]) -> str:
    """At which times a miss is known: ``: not met even at typical values``; nothing of declared bounds."""
    strongest = min(kinds, key=BASES.index)
    if strongest in PROVING:
        weak = [NAMES[kind] for kind in BASES if kind in kinds and kind not in PROVING]
        return f" at {', '.join([NAMES[strongest], *weak[:-1]])} and {weak[-1]}" if weak else ""
    if strongest in CONDITIONAL:
        return f" if jobs take {NAMES[strongest]}"
    return f": not met even at {NAMES[strongest]}" if strongest != "modelled" else f" at {NAMES[strongest]}"
