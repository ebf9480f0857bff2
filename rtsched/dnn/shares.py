"""Families without times on a platform: shares of a task's own time, estimated from multiply-accumulates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.dnn.calibration import Stated

if TYPE_CHECKING:
    from rtsched.dnn.families import Family

#: The share of the largest variant's time that a variant takes whatever its size; the rest follows its
#: multiply-accumulates.
FIXED = 0.1
#: Variants with less than this share of the largest one's multiply-accumulates are off by more.
LEAST = 0.25
#: How far that is off, measured on the families that have both (or sizes of pictures) on a CPU or a GPU: half, nine in
#: ten, all of their variants. NPUs are not among them.
WITHIN = {"cpu": Stated(0.07, 0.17, 0.40), "gpu": Stated(0.03, 0.10, 0.31)}
BELOW = {"cpu": Stated(0.50, 1.80, 2.60), "gpu": Stated(0.25, 0.70, 1.70)}


def can_be_shared(family: Family) -> bool:
    """Whether the multiply-accumulates of every variant are known, and tell some of them apart."""
    return all(row.mmacs for row in family.rows) and len({row.mmacs for row in family.rows}) > 1


def share(macs: float, largest: float) -> float:
    """The time of a variant in that of the one with the most multiply-accumulates.

    >>> share(50, 100)
    0.55
    """
    return 1.0 if macs == largest else FIXED + (1 - FIXED) * macs / largest


def by_macs(family: Family) -> tuple[Family, str]:
    """The same family with shares of the time of its largest variant instead of times, and what to say of them."""
    sizes = {row.value: row.mmacs or 0.0 for row in family.rows}
    full = max(sizes, key=lambda value: sizes[value])
    rows = [
        replace(row, time=None, platform="", processor="", relative_time=share(sizes[row.value], sizes[full]))
        for row in family.rows
    ]
    smallest = min(sizes.values()) / sizes[full]
    errors = WITHIN if smallest >= LEAST else BELOW
    note = (
        f"the task's own time counts as that of {full}; shares of it are estimated from multiply-accumulates (a tenth "
        "for any size, the rest in proportion): "
        + ", ".join(f"on a {kind.upper()} {_said(error)}" for kind, error in errors.items())
        + ", on other processors how far is not known"
    )
    return replace(family, rows=tuple(rows)), note


def _said(error: Stated) -> str:
    typical, most, worst = (f"{100 * value:.0f} %" for value in (error.typical, error.most, error.worst))
    return f"half of those timed are within {typical}, nine in ten within {most}, all within {worst}"
