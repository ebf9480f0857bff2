"""Sections of reports: functions from a report to blocks, under a title.

All are found by name in the registry (group ``rtsched.sections``), whoever wrote them. Those of rtsched come first, in
their places; those of other packages follow, in the order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from rtsched.errors import InputError
from rtsched.registry import REGISTRY
from rtsched.report.blocks import Block
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.report.content import Report

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Maker:
    """What is known of a section beside its function: its title, and its place among those of rtsched."""

    name: str
    title: str
    place: int | None
    function: Callable[[Report], Any]

    def blocks(self, report: Report) -> tuple[Block, ...]:
        """What it says of a report. Raises InputError where one of another package fails or gives no blocks."""
        found = REGISTRY.call("section", self.name, self.function, report)
        if not isinstance(found, Sequence) or not all(isinstance(block, get_args(Block)) for block in found):
            who = REGISTRY.called("section", self.name)
            raise InputError(f"{who} gives {cut(repr(found))}; it has to give blocks of rtsched.report.blocks")
        return tuple(found)


def section(title: str, place: int | None = None) -> Callable[[Function], Function]:
    """Describe a function of a report as a section; it gives a tuple of blocks (``rtsched.report.blocks``).

    An entry point in ``rtsched.sections``, or ``REGISTRY.register("section", name, function)``, puts it into every
    report. Only rtsched's own have a `place`: the others follow them.
    """

    def describe(function: Function) -> Function:
        function.section = Maker("", title, place, function)  # type: ignore[attr-defined]
        return function

    return describe


def number_of(name: str) -> int:
    """The number under which one of rtsched's own sections stands, for texts that point to it."""
    return next(number for number, made in enumerate(makers(), 1) if made.name == name)


def makers() -> list[Maker]:
    """All sections, in their order. Raises InputError where something else has the name of one."""
    found = []
    for name in REGISTRY.names("section"):
        made = getattr(REGISTRY.find("section", name), "section", None)
        if not isinstance(made, Maker):
            raise InputError(f"{REGISTRY.called('section', name)} is none; put @rtsched.section('Title') over it")
        own = not REGISTRY.package("section", name)
        found.append(replace(made, name=name, place=made.place if own else None))
    return sorted(found, key=lambda made: (made.place is None, made.place, made.name))
