"""Recorded inputs: what each node of a task took for an input, and what was seen of it there (sparsity, tokens, …)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from rtsched.model.base import Model, PositiveDuration, problem

#: What a completion tells of by itself: no side value can be called so.
TOLD = ("time", "batch", "split", "exit", "confidence", "branch")


def checked_name(name: str) -> str:
    """The name of a side value, if nothing else is called so."""
    if name in TOLD:
        raise problem(f"no side value can be called {name!r}: that is what a completion tells by itself; rename it")
    return name


class RecordedNode(Model):
    """What a node did with one input: its `time` where it is fastest, and side `values` that were seen of it there."""

    time: PositiveDuration
    values: dict[Annotated[str, Field(min_length=1), AfterValidator(checked_name)], float] = Field(
        default={}, description="e.g. {sparsity: 0.6}; for policies that read values"
    )


#: One input: what each node, by its name or number, did with it.
RecordedInput = Annotated[dict[str, RecordedNode], Field(min_length=1)]


@dataclass(frozen=True)
class InputsSpec:
    """The recorded inputs of a task: each of its jobs has one of them, and any is as likely as any other.

    ``shares[k][node]`` is the time that a node takes for input k, relative to what is planned, and ``values[k][node]``
    what is seen of it when it is done. `means` are those of the values, by node: all that is known before.
    """

    shares: tuple[Mapping[int, Fraction], ...] = field(repr=False)
    values: tuple[Mapping[int, Mapping[str, float]], ...] = field(repr=False)
    means: Mapping[int, Mapping[str, float]]

    @cached_property
    def largest(self) -> dict[int, Fraction]:
        """The largest share of each recorded node."""
        nodes = self.shares[0] if self.shares else ()
        return {node: max(each[node] for each in self.shares) for node in nodes}

    @property
    def together(self) -> bool:
        """Whether one input has the largest share of every node."""
        return any(all(each[node] == most for node, most in self.largest.items()) for each in self.shares)

    def known(self) -> InputsSpec:
        """What is known of them before any is met."""
        return InputsSpec((), (), self.means)
