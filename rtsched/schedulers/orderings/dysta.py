"""Dysta: what is seen of the layers that are done says how long the others will take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.errors import InputError
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.layers import ByRequest

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class Dysta(ByRequest):
    """Dysta: the least of what is left, corrected by the sparsity seen so far, and a little for slack and waiting.

    The score of a request is gamma est + `beta` (max(0, slack - gamma est) + (idle / iso) / n), in seconds: est is the
    believed time of its layers to come, iso that of all, idle the time since it last ran, n the number of requests that
    could run. Gamma is the mean, over its layers that are done, of (1 - sparsity) over (1 - mean sparsity) there; over
    the last `look` of them, if given; 1 before the first, and where no input has a value `sparsity`. Without `beta` it
    is the artefact's SJF.
    It guarantees nothing; it needs layers as nodes, and inputs whose early layers tell of the later ones. It fails by
    starving who is long, since 0.01 weighs little.
    Fan et al., "Sparse-DySta: sparsity-aware dynamic and static scheduling for sparse multi-DNN workloads", MICRO 2023,
    as its published simulator has it, but for its defects: a release at the very end of a layer is seen, and the mean
    of fewer than `look` layers is theirs.
    """

    claims = GREEDY - {"bounded-inversion"}  # scores change while segments wait

    def __init__(self, beta: float = 0.01, look: int | None = None) -> None:
        if look is not None and look < 0:
            raise InputError(
                f"dysta: look must be a number of layers, 0 for none (found {look!r}); leave it out for all"
            )
        if not 0 <= beta < math.inf:
            raise InputError(f"dysta: beta must be a number from 0 on (found {beta!r})")
        self.beta = beta
        self.look = look

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job, requests = segment.job, self.requests
        left = requests.density(job) * requests.left(job) / 1e9
        slack = max(0.0, (job.deadline - self.soc.now) / 1e9 - left)
        penalty = requests.waited(job) / requests.alone(job) / max(1, len(requests.last))
        return (left + self.beta * (slack + penalty),)


class DystaOracle(Dysta):
    """Dysta with the real time of every layer to come, and gamma 1: what looking could gain at best.

    It is an oracle: every output says so, and nothing is proven of it. Otherwise as `dysta`.
    """

    oracle = True
    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, beta: float = 0.01) -> None:
        super().__init__(beta, 0)
