"""What draws a document: its random choices, its unit of time, and how likely a feature is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtsched.verify.draw import Draw

Document = dict[str, Any]

#: What a document is drawn around, and how often; those of the keys that only some policies read less often than those
#: that theorems are about.
WEIGHTS = {
    **dict.fromkeys(
        (
            "anything", "arrivals", "blocks", "clocks", "contention", "faults", "links", "sections", "overheads",
            "policies", "services", "variants",
        ),
        4,
    ),
    "actions": 2,
    "beliefs": 1,
    "inputs": 1,
    "rules": 3,
    "unread": 1,
}  # fmt: skip
FOCI = tuple(WEIGHTS)
#: What only policies that act read, or are for them.
READ = ("batch", "split", "speedup", "reservable", "spawned", "launch", "values", "regions")
#: Foci of several features, for systems in which these come together: keys for policies that act, under one that does
#: and under those that do not; what policies believe; what hardware has beside its times.
GROUPS: dict[str, frozenset[str]] = {
    "actions": frozenset((*READ, "clocks", "loads", "shared")),
    "unread": frozenset(READ),
    "beliefs": frozenset(("estimates", "planner", "guests")),
    "inputs": frozenset(("values",)),
    "policies": frozenset(("guests",)),
    "variants": frozenset(("regions",)),
    "blocks": frozenset(("launch", "versions")),
}
#: How likely a feature is in its focus, in a focus of several, and elsewhere; in every other document, a narrow one,
#: hardly ever elsewhere, since most combinations are beyond all theorems, and only a proof can be wrong.
LIKELY, OFTEN, RARE, HARDLY = 0.75, 0.4, 0.08, 0.02
#: How many documents have keys that theorems do not look at, whatever their focus (narrow ones, others), and how likely
#: each of these keys is there; and each key of what is there only for the sake of such a key.
SPICED, SPICE, MORE = (0.04, 0.15), 0.2, 0.5


class Pencil:
    """Draws one document: what all that stands in it is drawn with."""

    def __init__(self, draw: Draw, focus: str) -> None:
        self.draw, self.focus = draw, focus
        self.narrow = focus != "anything" and draw.chance(0.5)
        self.spiced = draw.chance(SPICED[not self.narrow])
        self.unit = draw.pick(("ns", "ns", "us", "ms"))
        self.document: Document = {}

    def has(self, feature: str, share: float = RARE) -> bool:
        """Whether the document has a feature: likely where it is the focus, or one of its group."""
        if self.focus == feature:
            return self.draw.chance(LIKELY)
        if feature in GROUPS.get(self.focus, ()):
            return self.draw.chance(OFTEN)
        return self.draw.chance(min(share, HARDLY) if self.narrow else share)

    def spice(self, share: float = SPICE, /, **makers: Callable[[], Any]) -> Document:
        """Some of these keys, each made by its maker; in most documents none."""
        return {key: make() for key, make in makers.items() if self.spiced and self.draw.chance(share)}

    def time(self, amount: float) -> str:
        """A duration of so many units, at least one."""
        return f"{max(1, round(amount))} {self.unit}"

    def some(self, least: int, most: int) -> str:
        """A random duration of so many units."""
        return self.time(self.draw.integer(least, most))

    def per_unit(self) -> str:
        """A bandwidth of bytes per unit of time."""
        return {"ns": "GB/s", "us": "MB/s", "ms": "kB/s"}[self.unit]
