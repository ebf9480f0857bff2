"""What policies miss of the best that anybody can do, in each of the worlds that they are compared in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError

if TYPE_CHECKING:
    from rtsched.api import Prepared
    from rtsched.metrics.metric import Values
    from rtsched.optimum import Optimum


def regrets(prepared: Prepared, seeds: Sequence[int], results: Sequence[Values], effort: float | None) -> Iterator[str]:
    """Add the `regret` to the values of each run, policy after policy, seed after seed; what to know of it, in lines.

    Where no bound is known there is none, and the line says why. Raises InputError without OR-tools.
    """
    from rtsched.optimum.claims import relaxations
    from rtsched.optimum.solver import available

    available()
    try:
        relaxations(prepared.spec)
    except InputError as error:
        for values in results:
            values["regret"] = None
        yield from (f"regret: - ({problem})" for problem in error.problems)
        return
    windows = _windows(prepared, seeds, effort)
    for place, values in enumerate(results):
        reached = values["worth"]
        values["regret"] = None if reached is None else windows[place % len(seeds)].regret(float(reached))
    yield from _about(windows)


def _windows(prepared: Prepared, seeds: Sequence[int], effort: float | None) -> list[Optimum]:
    """The optimum of each world; one for all where nothing is random."""
    from rtsched.optimum import EFFORT, of_window

    found: list[Optimum] = []
    for seed in seeds:
        if found and not found[0].trace.random:
            found.append(found[0])
        else:
            warm_up = prepared.options.warm_up
            found.append(of_window(prepared.spec, prepared.until, seed, warm_up, effort or EFFORT))
    return found


def _about(windows: Sequence[Optimum]) -> Iterator[str]:
    """Against what the regret is."""
    open_ = [each.gap for each in windows if each.gap]
    if not windows[0].relaxed and not open_:
        yield "regret: what is missing to the best that anybody can do who knows all beforehand (rtsched optimum)"
        return
    yield "regret: against an upper bound on what anybody can do who knows all beforehand (rtsched optimum)"
    yield from (f"relaxed: {each}" for each in windows[0].relaxed)
    if open_:
        many = len(open_)
        yield f"in {many} of {len(windows)} windows up to {100 * max(open_):.2g} % of the bound may be out of reach"
