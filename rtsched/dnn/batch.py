"""Lowering of times by batch size: which nodes go together, and how long so many take where."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.taskgraph import BatchSpec
from rtsched.model.work import ANY, NetworkUse, Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering


def batch_name(work: Work) -> str | None:
    """What a batch of this work is called: as it says, else as its network; None if it goes with its own jobs only."""
    if work.batch is not None and work.batch.name is not None:
        return work.batch.name
    return work.network.network if isinstance(work.network, NetworkUse) else work.network


def lower_batch(lowering: Lowering, what: str, work: Work, times: tuple[int | None, ...]) -> BatchSpec | None:
    """The times by batch size of a node, on each processor that it may use. Raises InputError where it has none."""
    if work.batch is None:
        return None
    found: list[tuple[tuple[int, Fraction], ...]] = [()] * len(times)
    blocks = lowering.where.gpus
    for exact in (False, True):  # what holds anywhere first
        for name, sizes in work.batch.times.items():
            if (name != ANY) != exact:
                continue
            ratios = tuple((size, Fraction(str(sizes[size]))) for size in sorted(sizes))
            for place in lowering.where.of(what, name) if exact else range(len(times)):
                if exact and place in blocks:
                    raise InputError(f"{what}: 'batch' of {name!r}: a GPU served block by block runs no batches")
                if times[place] is not None and place not in blocks:
                    found[place] = ratios
    if not any(found):
        raise InputError(f"{what}: 'batch' has no effect: nothing that it may run on has times by batch size")
    return BatchSpec(batch_name(work) or what, tuple(found))
