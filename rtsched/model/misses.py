"""Weakly hard deadlines: how many jobs of a task in a row may miss."""

from __future__ import annotations

from pydantic import Field, model_validator

from rtsched.model.base import Model, problem


class Misses(Model):
    """At most `most` of any `of` consecutive jobs may miss their deadlines: (m,k)-firm with m = of - most, k = of.

    Hamdaoui and Ramanathan (IEEE ToC 44(12), 1995) count the jobs in time, Bernat, Burns and Llamosí (IEEE ToC 50(4),
    2001) both. A job that is dropped or aborted is a miss.
    """

    most: int = Field(ge=0, description="how many of them may miss")
    of: int = Field(ge=1, le=100_000, description="how many consecutive jobs are looked at: any")

    @model_validator(mode="after")
    def _requires(self) -> Misses:
        if self.most >= self.of:
            raise problem(
                f"{self.most} misses of any {self.of} jobs require nothing; write fewer, e.g. most: {self.of - 1}",
                "most",
            )
        return self

    def __str__(self) -> str:
        return f"{self.most} of {self.of}"


def not_of_each(most: int, of: int) -> str:
    """What is said of a deadline that so many of any so many jobs may miss."""
    return f"not required of each job, {most} of any {of} may miss"
