"""What of a valid file deserves a look: times that prove nothing, assumed figures, what nothing is asked of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.model.system import instance_names
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.export.problems import Problem
    from rtsched.loading import Loaded
    from rtsched.model.taskgraph import SystemSpec


def warnings(loaded: Loaded, system: SystemSpec, file: str) -> list[Problem]:
    """All of them, in the order of the file: each says where, and what to do."""
    from rtsched.export.problems import warning

    found = [*_times(loaded, system), *_chains(loaded), *_clocks(loaded), *_violated(loaded), *_assumed(loaded, system)]
    return [warning(rule, text, file) for rule, text in dict.fromkeys(found)]


def _times(loaded: Loaded, system: SystemSpec) -> Iterator[tuple[str, str]]:
    """Tasks of which no proof is possible, for their times are typical, percentiles or modelled."""
    index = 0
    for place, task in enumerate(loaded.system.tasks):
        spec = system.tasks[index]
        index += len(instance_names(task))
        if spec.basis in PROVING or spec.basis in CONDITIONAL:
            continue
        weak = next((each.text for each in spec.origins if each.basis == spec.basis), "of this kind")
        yield (
            "weak-time",
            f"{_at(loaded, task.name, 'tasks', place)}the times of {task.name!r} prove nothing ({spec.basis}: {weak}); "
            "measure their maxima (rtsched wcet), or give a 'wcet' that somebody declares",
        )


def _chains(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Chains that a requirement names, though none is given."""
    for place, chain in enumerate(loaded.system.chains):
        if chain.id is not None and not chain.requires:
            yield (
                "no-limit",
                f"{_at(loaded, chain.name, 'chains', place)}{chain.id} names {chain.name!r}, of which nothing is "
                "required; limit one of its quantities (max_reaction, max_age, …)",
            )


def _clocks(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Clocks that time one task alone: a name that is written in two ways holds nothing."""
    count = Counter(each.clock for each in loaded.system.tasks for _ in instance_names(each))
    for place, task in enumerate(loaded.system.tasks):
        if task.clock is not None and count[task.clock] == 1:
            others = ", ".join(repr(cut(each)) for each in count if each not in (None, task.clock))
            yield (
                "lone-clock",
                f"{_at(loaded, task.name, 'tasks', place)}the clock {task.clock!r} times no other task, so it holds no "
                f"phase; {f'there is {others}, too; ' if others else ''}name the clock that it shares, or leave it out",
            )


def _violated(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Assumptions of which the file itself says that they do not hold."""
    for name, said in loaded.system.assumptions.items():
        if said.state == "violated":
            yield (
                "violated-assumption",
                f"{_at(loaded, name, 'assumptions', name)}the file says that this does not hold, so no verdict "
                "counts as proven; mend the system, or model it",
            )


def _assumed(loaded: Loaded, system: SystemSpec) -> Iterator[tuple[str, str]]:
    """Figures that somebody assumed or derived: notes, at the task that they name."""
    places = {task.name: place for place, task in enumerate(loaded.system.tasks)}
    for note in system.assumed:
        name = next((each for each in places if note.startswith((f"{each}:", f"{each} on "))), None)
        where = _at(loaded, "") if name is None else _at(loaded, name, "tasks", places[name])
        yield "assumed", f"{where}{note if name is None else note.removeprefix(f'{name}: ')}"


def _at(loaded: Loaded, name: str, *place: str | int) -> str:
    """``file:line:column: tasks.'detect': ``."""
    shown = f"{place[0]}.{name!r}: " if place else ""
    return shown if loaded.document is None else f"{loaded.document.where(place)}: {shown}"
