"""Theorems: functions from a model to a Result, described by what they need and who proved them.

All are found by name in the registry (group ``rtsched.theorems``), whoever wrote them; what another package claims is
named as its claim wherever a verdict rests on it.

>>> sorted(theorems())[:3]
['a6-edf', 'a6-fp', 'a6-queues']
>>> theorems()["np-fp-rta"].citation
'Davis, Burns, Bril, Lukkien, Real-Time Systems 35(3), 2007'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, wraps
from typing import Any

from rtsched.errors import InputError
from rtsched.registry import REGISTRY
from rtsched.schedulability.result import Evidence, Result, Strength, unknown
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: A precondition: a reason why the model does not meet it, or None.
Need = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Theorem:
    """A published (or derived) statement and the function that applies it.

    `model` is the class it speaks of, `needs` its preconditions, `sustainable` the parameters that may improve without
    harm (C: bisection over execution times is valid). An `interlocked` test assumes its own bounds of the other tasks:
    it counts for all tasks or none. `opa` says that Audsley's priority assignment may use it. `package` names the one
    that claims it; empty: rtsched's own.
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
    package: str = ""

    @property
    def published(self) -> bool:
        """Whether it stands in a paper, rather than with its proof in rtsched or another package only."""
        return not self.package and not self.citation.startswith("derived here")

    def __reduce__(self) -> Any:
        return find, (self.name,)  # another process finds it by its name

    def reason(self, model: Any) -> str | None:
        """Why the theorem does not apply to `model`; None if it does."""
        if not isinstance(model, self.model):
            return f"it speaks of a {self.model.__name__}, not of a {type(model).__name__}"
        for need in self.needs:
            reason = self._ask(need, model) if self.package else need(model)
            if reason is not None:
                return reason
        return None

    @property
    def evidence(self) -> Evidence:
        """What a verdict of this theorem rests on."""
        claim = f" (claimed by package {self.package}, not by rtsched)" if self.package else ""
        return Evidence("theorem", self.name, self.citation + claim, self.strength)

    @property
    def called(self) -> str:
        """Its name, with the package that claims it where that is not rtsched."""
        return f"{self.name} (claimed by package {self.package})" if self.package else self.name

    def __call__(self, model: Any) -> Result:
        """Apply it; ``unknown`` with the reason where a precondition fails or a search is cut off."""
        reason = self.reason(model)
        if reason is not None:
            return unknown(f"{self.name} does not apply: {reason}")
        return self.answer(model)

    def answer(self, model: Any) -> Result:
        """Apply it to a model of which it has been asked already that no precondition fails."""
        try:
            result: Result = self._ask(self.function, model)
        except NotConverged as cut:
            return unknown(f"{self.name}: {cut}")
        if not isinstance(result, Result):
            found = type(result).__name__
            raise InputError(f"{REGISTRY.called('theorem', self.name)} gives a {found}; it has to give a Result")
        bounds = tuple([bound if bound.test else bound.of(self.name) for bound in result.bounds])
        return replace(result, bounds=bounds, evidence=(self.evidence, *result.evidence))

    def _ask(self, function: Callable[[Any], Any], model: Any) -> Any:
        """What its function or a need says; one of another package that fails is named."""
        if not self.package:
            return function(model)
        return REGISTRY.call("theorem", self.name, function, model, passing=NotConverged)


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
    """Describe a function of a model as a theorem. What is returned checks the needs and adds the evidence.

    An entry point in ``rtsched.theorems``, or ``REGISTRY.register("theorem", name, function)``, makes it take part in
    every analysis.
    """

    def describe(function: Callable[[Any], Result]) -> Callable[[Any], Result]:
        made = Theorem(
            name, title, strength, citation, model, function, tuple(needs), frozenset(sustainable), interlocked, opa
        )

        @wraps(function)
        def apply(model: Any) -> Result:
            return made(model)

        apply.theorem = made  # type: ignore[attr-defined]
        return apply

    return describe


def theorems() -> dict[str, Theorem]:
    """All theorems by name, those of plug-ins, too."""
    return _known(registered())


def speaking_of(kind: type) -> list[Theorem]:
    """The theorems about models of a class."""
    own = registered()
    return [_known(own)[name] for name in _names_for(kind, own)]


#: The theorems that are registered in this process, besides the installed ones.
Registered = tuple[tuple[str, Callable[..., Any]], ...]


def registered() -> Registered:
    """What is registered in this process: whatever is remembered of theorems holds for these."""
    return tuple((name, function) for (kind, name), function in REGISTRY.own.items() if kind == "theorem")


@cache
def _known(_own: Registered) -> dict[str, Theorem]:
    """All theorems, found once for what is registered in this process."""
    return {name: find(name) for name in REGISTRY.names("theorem")}


@cache
def _names_for(kind: type, own: Registered) -> tuple[str, ...]:
    return tuple(name for name, theorem in _known(own).items() if issubclass(kind, theorem.model))


def find(name: str) -> Theorem:
    """The theorem called `name`. Raises InputError where there is none, or it is called otherwise where it stands."""
    made = getattr(REGISTRY.find("theorem", name), "theorem", None)
    if not isinstance(made, Theorem):
        raise InputError(f"{REGISTRY.called('theorem', name)} is none; put @rtsched.theorem(...) over it")
    if made.name != name:
        raise InputError(f"{REGISTRY.called('theorem', name)} calls itself {made.name!r}; give both one name")
    return replace(made, package=REGISTRY.package("theorem", name))
