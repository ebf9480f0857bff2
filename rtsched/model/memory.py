"""The shared memory of a chip, and three models of what happens when several processors use it at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rtsched.model.base import Bandwidth, Model, Size, problem

Slowdown = Annotated[float, Field(gt=0, le=1000)]


class Proportional(Model):
    """Proportional share: up to `usable` of the peak bandwidth nobody slows; beyond, all get their share of it.

    speed = 1 / ((1 - m) + m max(1, sum of demands / (usable B))), m the memory-bound part.
    """

    model: Literal["proportional"]
    usable: Annotated[float, Field(gt=0, le=1)] = 0.8


class PccsProcessor(Model):
    """The six parameters of one processor (bandwidths in GB/s, speeds relative to alone).

    `minor_below`, `intensive_from`: the borders of the three regions of the own demand; `rate`: relative speed lost
    per GB/s of others' demand; `minor_loss`: the flat loss of the minor region; `balance`: the others' demand beyond
    which nothing gets worse; `knee`: the total demand at which the normal region begins to fall.
    """

    minor_below: Annotated[float, Field(ge=0)]
    intensive_from: Annotated[float, Field(ge=0)]
    rate: Annotated[float, Field(ge=0)]
    minor_loss: Annotated[float, Field(ge=0, lt=1)]
    balance: Annotated[float, Field(ge=0)]
    knee: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _never_stops(self) -> PccsProcessor:
        if self.minor_below > self.intensive_from:
            raise problem("'minor_below' must not exceed 'intensive_from'")
        if self.rate * self.balance >= 1:
            raise problem(
                f"rate x balance = {self.rate * self.balance:g}: the processor would stop; it must stay below 1"
            )
        return self


class Pccs(Model):
    """Three regions of the own demand, in the style of PCCS (Xu et al., MICRO 2021; only its abstract was read)."""

    model: Literal["pccs"]
    processors: dict[str, PccsProcessor] = Field(min_length=1)


class PowerLaw(Model):
    """slow-down = 1 + a (sum of demands / B)^b when two or more run: a published re-implementation's simpler form."""

    model: Literal["power-law"]
    a: Annotated[float, Field(ge=0)]
    b: Annotated[float, Field(ge=0, le=8)]


class Pair(Model):
    """Measured: what runs as `victim` takes `slowdown` times as long while `beside` runs.

    Both are a cluster, or ``cluster/class`` for nodes of one memory class.
    """

    victim: str
    beside: str
    slowdown: Slowdown


class Pairwise(Model):
    """A measured matrix of slow-downs; those of several neighbours multiply, up to `cap`."""

    model: Literal["pairwise"]
    pairs: tuple[Pair, ...] = Field(min_length=1)
    cap: Annotated[float, Field(ge=1)] = 10.0
    speedups: bool = Field(default=False, description="allow entries below 1")

    @model_validator(mode="after")
    def _slow(self) -> Pairwise:
        seen = set()
        for pair in self.pairs:
            if pair.slowdown < 1 and not self.speedups:
                raise problem(
                    f"{pair.victim} beside {pair.beside}: a slow-down of {pair.slowdown} is a gain; "
                    "correct it, or allow it with 'speedups: true'",
                    "speedups",
                )
            if (pair.victim, pair.beside) in seen:
                raise problem(f"{pair.victim} beside {pair.beside} is given twice")
            seen.add((pair.victim, pair.beside))
        return self


Contention = Annotated[Proportional | Pccs | PowerLaw | Pairwise, Field(discriminator="model")]


class Memory(Model):
    """The DRAM all processors share. `load_bandwidth` is that of the storage from which evicted networks come back."""

    bandwidth: Bandwidth | None = None
    capacity: Size | None = None
    load_bandwidth: Bandwidth | None = None
    contention: Contention | None = None

    @model_validator(mode="after")
    def _complete(self) -> Memory:
        if isinstance(self.contention, Proportional | PowerLaw) and self.bandwidth is None:
            raise problem(f"the contention model {self.contention.model!r} needs the memory's 'bandwidth'")
        return self


def contenders(model: Contention) -> set[str]:
    """The clusters that a model of contention names."""
    if isinstance(model, Pccs):
        return set(model.processors)
    if isinstance(model, Pairwise):
        return {name.partition("/")[0] for pair in model.pairs for name in (pair.victim, pair.beside)}
    return set()
