"""Weights of networks in a memory of limited capacity: loading takes time, the least recently used give way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection

from rtsched import units


class Residency:
    """What is in one memory. `note` is told of every load and eviction as (network, bytes, came or went)."""

    def __init__(self, capacity: int, bandwidth: int, note: Callable[[str, int, bool], None]) -> None:
        self.capacity = capacity
        self.bandwidth = bandwidth
        self.note = note
        self.inside: OrderedDict[str, int] = OrderedDict()
        self.used = 0

    def fetch(self, network: str, size: int, in_use: Collection[str]) -> int:
        """The time in ns until the weights of `network` are here: none if they are.

        What does not fit, even with everything not in use thrown out, is streamed: it takes the same time and stays
        nowhere.
        """
        if network in self.inside:
            self.inside.move_to_end(network)
            return 0
        time = self.time(size)
        fixed = sum(held for name, held in self.inside.items() if name in in_use)
        if fixed + size > self.capacity:
            return time
        for name in [name for name in self.inside if name not in in_use]:
            if self.used + size <= self.capacity:
                break
            gone = self.inside.pop(name)
            self.used -= gone
            self.note(name, gone, False)
        self.inside[network] = size
        self.used += size
        self.note(network, size, True)
        return time

    def time(self, size: int) -> int:
        """The time in ns to bring `size` bytes here."""
        return -(-size * units.S // self.bandwidth)

    def imagined(self, note: Callable[[str, int, bool], None]) -> Residency:
        """A copy to try loads on: what is inside now, with another listener."""
        copy = Residency(self.capacity, self.bandwidth, note)
        copy.inside = self.inside.copy()
        copy.used = self.used
        return copy
