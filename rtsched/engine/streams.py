"""Random streams: each belongs to a name and a purpose, and nothing else in the system changes what it draws."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """The generator of who is named: it depends on the seed and the names alone.

    >>> [int(generator(1, "task", name, "arrival").integers(100)) for name in ("camera", "radar", "camera")]
    [49, 60, 49]
    """
    digest = hashlib.sha256(json.dumps(names).encode()).digest()
    words = tuple(int.from_bytes(digest[at : at + 4], "big") for at in range(0, 16, 4))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))


class World:
    """The random world of a run. Where nothing was `drawn` from it, every other seed gives the same run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.drawn = False

    def generator(self, *names: str) -> np.random.Generator:
        """The generator of who is named."""
        self.drawn = True
        return generator(self.seed, *names)


class Streams:
    """The independent generators of one task, one per purpose, made when first used.

    They depend on (seed, name of the task, purpose) only: neither other tasks nor the order in which they are written
    nor other purposes change them (design.md §4.4).
    """

    def __init__(self, world: World, task: str) -> None:
        self.world = world
        self.task = task
        self._made: dict[str, np.random.Generator] = {}

    def _generator(self, purpose: str) -> np.random.Generator:
        """The one for a purpose. (Kept here: to mypyc a cached property is one that is worked out each time.)"""
        made = self._made.get(purpose)
        if made is None:
            made = self._made[purpose] = self.world.generator("task", self.task, purpose)
        return made

    @property
    def arrival(self) -> np.random.Generator:
        """For gaps between arrivals."""
        return self._generator("arrival")

    @property
    def jitter(self) -> np.random.Generator:
        """For the delay of releases behind arrivals."""
        return self._generator("jitter")

    @property
    def execution(self) -> np.random.Generator:
        """For execution times."""
        return self._generator("execution")

    @property
    def trigger(self) -> np.random.Generator:
        """For triggers with a probability."""
        return self._generator("trigger")

    @property
    def difficulty(self) -> np.random.Generator:
        """For the difficulty of inputs."""
        return self._generator("difficulty")

    @property
    def confidence(self) -> np.random.Generator:
        """For the noise in confidences."""
        return self._generator("confidence")

    @property
    def errors(self) -> np.random.Generator:
        """For what each exit or variant has of its own on an input, where errors are not nested."""
        return self._generator("errors")

    @property
    def routing(self) -> np.random.Generator:
        """For the ways that inputs take at branches."""
        return self._generator("routing")

    @property
    def input(self) -> np.random.Generator:
        """For which of the recorded inputs a job has."""
        return self._generator("input")
