"""What a person knows of the assumptions of a proof: who answers for one, and how it was validated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rtsched.model.base import Model

#: What proofs assume of chips, software and the world, by name; some are asked for cluster by cluster (`order.npu`),
#: of each kind of execution time (`times.typical`), or as the files give them (`given.1`).
ASSUMPTIONS = (
    "times", "arrivals", "service", "order", "switches", "migrations", "decisions", "caches", "interrupts",
    "submission", "other-load", "timers", "frequency", "temperature", "memory", "faults", "contention", "theorem",
    "sampling", "given",
)  # fmt: skip


class Validation(Model):
    """Who answers for an assumption, and what came of looking: none of it changes a run."""

    state: Literal["open", "validated", "violated"] = "open"
    owner: str | None = None
    how: str | None = Field(default=None, description="how it was validated, or will be: a measurement, a document")
    date: str | None = None
