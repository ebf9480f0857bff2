"""Where a segment meets region boundaries and critical sections on its way."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Any, Final

from rtsched.engine.job import Segment

# What a segment meets, in the order of one instant.
LEAVE: Final = 0
REGION_END: Final = 1
ENTER: Final = 2
NEXT_NODE: Final = 3
SWITCH: Final = 4


def mark_pieces(segments: Iterable[Segment]) -> None:
    """Let those with regions or sections make a plan when they start; without the mark a segment runs in one piece."""
    for segment in segments:
        if segment.node.regions or segment.node.sections:
            segment.points = ()


def lay_out(segment: Segment, ends: int | None) -> list[tuple[int, int, Any]]:
    """The points (progress, what, which) of a segment, nearest last, scaled to what it really takes.

    `ends` is what the end of a region is: a REGION_END, where it competes anew; a SWITCH, where it may go on as another
    variant; or nothing. With it stands how many regions are over, with sections their resource.
    """
    node = segment.node
    planned, demand = node.fastest, segment.demand  # such nodes have one execution time (see dnn.lowering)
    points: list[tuple[int, int, Any]] = []
    if ends is not None:
        over = {end * demand // planned: number for number, end in enumerate(accumulate(node.regions[:-1]), 1)}
        points += [(position, ends, number) for position, number in over.items() if 0 < position < demand]
    for section in reversed(node.sections):  # of those that begin together the outer one is entered first
        start, end = section.start * demand // planned, section.end * demand // planned
        if start < end:  # a job that is short enough does not meet the section at all
            points += [(start, ENTER, section.resource), (end, LEAVE, section.resource)]
    points.sort(key=lambda point: point[:2], reverse=True)
    return points
