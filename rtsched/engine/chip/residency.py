"""Weights of networks in a memory of limited capacity: loading takes time, the least recently used give way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection

from rtsched import units


class Residency:
    """What is in one memory, or on its way there. `note` hears of loads and evictions: (network, bytes, came or went).

    What a node's start fetches counts as inside at once: the node itself waits for it. What a policy loads ahead of
    time has its room at once, too, and its instant in `arrives` until it is there; such loads come one after the other.
    """

    def __init__(self, capacity: int, bandwidth: int, note: Callable[[str, int, bool], None]) -> None:
        self.capacity = capacity
        self.bandwidth = bandwidth
        self.note = note
        self.inside: OrderedDict[str, int] = OrderedDict()
        self.used = 0
        #: what is loaded ahead of time and on its way: when it will be there
        self.arrives: dict[str, int] = {}
        #: until when loads ahead of time keep the bandwidth, and until when the fetches of starts do
        self.booked = self.fetching = 0

    def there(self, network: str, size: int, at: int) -> int:
        """When the weights of `network` would be here for a node that starts at `at`: then, if they are."""
        if network in self.inside:
            return max(at, self.arrives.get(network, 0))
        return max(at, self.booked) + self.time(size)

    def fetch(self, network: str, size: int, in_use: Collection[str], at: int) -> int:
        """When the weights of `network` are here for a node that starts at `at`; they are on their way now.

        What does not fit, even with everything thrown out that is neither in use nor on its way, is streamed: it takes
        the same time and stays nowhere.
        """
        there = self.there(network, size, at)
        if network in self.inside:
            self.inside.move_to_end(network)
            return there
        self.fetching = max(self.fetching, there)
        if self.has_room(network, size, in_use):
            self._take(network, size, in_use)
        return there

    def load(self, network: str, size: int, in_use: Collection[str], at: int) -> int:
        """When the weights of `network` are here, if their load is ready to begin at `at`; for those there is room."""
        self._take(network, size, in_use)
        there = max(at, self.booked, self.fetching) + self.time(size)
        self.booked = self.arrives[network] = there
        return there

    def has_room(self, network: str, size: int, in_use: Collection[str]) -> bool:
        """Whether `network` is here, or would fit if everything went that is neither in use nor on its way."""
        fixed = sum(held for name, held in self.inside.items() if name in in_use or name in self.arrives)
        return network in self.inside or fixed + size <= self.capacity

    def _take(self, network: str, size: int, in_use: Collection[str]) -> None:
        for name in [name for name in self.inside if name not in in_use and name not in self.arrives]:
            if self.used + size <= self.capacity:
                break
            self._throw_out(name)
        self.inside[network] = size
        self.used += size
        self.note(network, size, True)

    def evict(self, network: str, in_use: Collection[str]) -> bool:
        """Throw `network` out, unless it is in use or on its way; whether it is not here now."""
        if network in self.inside:
            if network in in_use or network in self.arrives:
                return False
            self._throw_out(network)
        return True

    def _throw_out(self, network: str) -> None:
        gone = self.inside.pop(network)
        self.used -= gone
        self.note(network, gone, False)

    def time(self, size: int) -> int:
        """The time in ns to bring `size` bytes here."""
        return -(-size * units.S // self.bandwidth)

    def imagined(self, note: Callable[[str, int, bool], None]) -> Residency:
        """A copy to try loads on: what is inside now, or on its way, with another listener."""
        copy = Residency(self.capacity, self.bandwidth, note)
        copy.inside = self.inside.copy()
        copy.used = self.used
        copy.arrives = self.arrives.copy()
        copy.booked, copy.fetching = self.booked, self.fetching
        return copy
