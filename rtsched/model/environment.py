"""What changes around a chip during a run: link bandwidths, faults, announced events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rtsched.model.base import Bandwidth, Duration, Model, PositiveDuration, problem


class BandwidthPoint(Model):
    """From `at` on the link has this bandwidth."""

    at: Duration
    bandwidth: Bandwidth


class BandwidthState(Model):
    """One state of a Markov link: it lasts an exponential time of mean `dwell`."""

    bandwidth: Bandwidth
    dwell: PositiveDuration


class Markov(Model):
    """A link whose bandwidth jumps between states; `to[i]` are the odds of the next (default: all others alike)."""

    states: tuple[BandwidthState, ...] = Field(min_length=2, max_length=64)
    to: tuple[tuple[Annotated[float, Field(ge=0)], ...], ...] | None = None

    @model_validator(mode="after")
    def _square(self) -> Markov:
        if self.to is not None:
            size = len(self.states)
            if len(self.to) != size or any(len(row) != size or sum(row) <= 0 for row in self.to):
                raise problem(f"'to' needs {size} rows of {size} odds, at least one of each row positive")
        return self


class Fault(Model):
    """A processor (or all of a cluster) fails or slows down: once, or again and again at random.

    Once: from `at` for `lasts` (for good without it). At random: exponential times of mean `mean_up` and `mean_down`.
    With a `speed` below 1 it goes on at that share of its speed instead of standing still.
    """

    processor: str
    at: Duration | None = None
    lasts: PositiveDuration | None = None
    mean_up: PositiveDuration | None = None
    mean_down: PositiveDuration | None = None
    speed: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Fault:
        random = self.mean_up is not None or self.mean_down is not None
        if random == (self.at is not None) or (random and (self.mean_up is None or self.mean_down is None)):
            raise problem("a fault is either planned ('at', 'lasts') or random ('mean_up' and 'mean_down')")
        if random and self.lasts is not None:
            raise problem("'lasts' belongs to a planned fault; a random one has 'mean_down'")
        return self


class Change(Model):
    """Something that policies are told at `at`: a link's new bandwidth, or any named value of theirs."""

    at: Duration
    link: str | None = None
    bandwidth: Bandwidth | None = None
    name: str | None = None
    value: float | str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Change:
        if (self.link is None) == (self.name is None):
            raise problem("a change names either a 'link' (with a 'bandwidth') or a 'name' (with a 'value')")
        if (self.link is None) != (self.bandwidth is None) or (self.name is None) != (self.value is None):
            raise problem("a 'link' comes with a 'bandwidth', a 'name' with a 'value'")
        return self
