"""Theorems: functions from a model to a Result, registered with what they need and who proved them.

>>> sorted(theorems())[:3]
['a6-edf', 'a6-fp', 'a6-work-conserving']
>>> theorems()["np-fp-rta"].citation
'Davis, Burns, Bril, Lukkien, Real-Time Systems 35(3), 2007'
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, wraps
from importlib import import_module
from typing import Any

from rtsched.schedulability.result import Evidence, Result, Strength, unknown
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: A precondition: a reason why the model does not meet it, or None.
Need = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Theorem:
    """A published (or derived) statement and the function that applies it.

    `model` is the class it speaks of, `needs` its preconditions, `sustainable` the parameters that may improve without
    harm (C: bisection over execution times is valid). An `interlocked` test assumes its own bounds of the other tasks:
    it counts for all tasks or none. `opa` says that Audsley's priority assignment may use it.
    """

    name: str
    title: str
    strength: Strength
    citation: str
    model: type
    function: Callable[[Any], Result]
    needs: tuple[Need, ...] = ()
    sustainable: frozenset[str] = frozenset("C")
    interlocked: bool = False
    opa: bool = False

    def reason(self, model: Any) -> str | None:
        """Why the theorem does not apply to `model`; None if it does."""
        if not isinstance(model, self.model):
            return f"it speaks of a {self.model.__name__}, not of a {type(model).__name__}"
        for need in self.needs:
            reason = need(model)
            if reason is not None:
                return reason
        return None

    @property
    def evidence(self) -> Evidence:
        """What a verdict of this theorem rests on."""
        return Evidence("theorem", self.name, self.citation, self.strength)

    def __call__(self, model: Any) -> Result:
        """Apply it; ``unknown`` with the reason where a precondition fails or a search is cut off."""
        reason = self.reason(model)
        if reason is not None:
            return unknown(f"{self.name} does not apply: {reason}")
        try:
            result = self.function(model)
        except NotConverged as cut:
            return unknown(f"{self.name}: {cut}")
        bounds = tuple(bound if bound.test else replace(bound, test=self.name) for bound in result.bounds)
        return replace(result, bounds=bounds, evidence=(self.evidence, *result.evidence))


_REGISTERED: dict[str, Theorem] = {}


def theorem(
    name: str,
    *,
    title: str,
    strength: Strength,
    citation: str,
    model: type,
    needs: Sequence[Need] = (),
    sustainable: str = "C",
    interlocked: bool = False,
    opa: bool = False,
) -> Callable[[Callable[[Any], Result]], Callable[[Any], Result]]:
    """Register a function as a theorem. What is returned checks the needs and adds the evidence."""

    def register(function: Callable[[Any], Result]) -> Callable[[Any], Result]:
        if name in _REGISTERED:
            raise ValueError(f"two theorems are called {name!r}")
        made = Theorem(
            name, title, strength, citation, model, function, tuple(needs), frozenset(sustainable), interlocked, opa
        )
        _REGISTERED[name] = made

        @wraps(function)
        def apply(model: Any) -> Result:
            return made(model)

        apply.theorem = made  # type: ignore[attr-defined]
        return apply

    return register


@cache
def theorems() -> dict[str, Theorem]:
    """All theorems by name, of every module in their room: adding one is adding a function."""
    import rtsched.schedulability.theorems as here

    for module in sorted(info.name for info in pkgutil.iter_modules(here.__path__)):
        import_module(f"{here.__name__}.{module}")
    return dict(sorted(_REGISTERED.items()))
