"""Times on unrelated clusters: what is fast on one need not be fast on another."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from rtsched.generate.groups import BESIDE
from rtsched.model.base import Model
from rtsched.model.platform import Platform


class UnrelatedClusters(Model):
    """Each piece of work takes a time of its own on each cluster: its shortest, times a factor of up to `most`.

    The range-based way of Ali, Siegel, Maheswaran and Hensgen 2000. `consistent`: the clusters are in the same order,
    from fast to slow, for all work of a system. A cluster can run a piece with the chance `supported`, and at least one
    can.
    """

    most: Annotated[float, Field(ge=1, le=1000)] = 4.0
    speeds: Literal["inconsistent", "consistent"] = "inconsistent"
    supported: Annotated[float, Field(ge=0, le=1)] = 1.0

    def factors(self, random: np.random.Generator, work: int, clusters: int) -> Any:
        """Factors of the shortest time by work and cluster, of which each work has one that is 1; NaN: cannot run."""
        order = np.argsort(random.random(clusters), kind="stable")
        factors = 1 + (self.most - 1) * random.random((work, clusters))
        able = random.random((work, clusters)) < self.supported
        one = (random.random(work) * clusters).astype(np.int64)
        if self.speeds == "consistent":
            factors = np.sort(factors, axis=1)[:, np.argsort(order)]
        able[np.arange(work), one] |= ~able.any(axis=1)
        factors = np.where(able, factors, np.nan)
        return factors / np.nanmin(factors, axis=1, keepdims=True)


def slow_downs(platform: Platform) -> dict[str, float]:
    """By cluster, how much longer a time is written than it takes: a CPU cluster that is one server divides it."""
    return {
        name: 1.0 if cluster.threads is None else max(cluster.threads.values())
        for name, cluster in platform.processors.items()
        if cluster.kind not in BESIDE
    }
