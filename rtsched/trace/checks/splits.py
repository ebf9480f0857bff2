"""What must hold of nodes that ran on several processors at once: their parts are all of them, and are joined."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from rtsched.trace.checks.common import name_of
from rtsched.trace.checks.demands import Demands
from rtsched.trace.duplicates import discarded
from rtsched.trace.speeds import Speeds
from rtsched.trace.splits import Stay, Who, split_of, splits
from rtsched.trace.trace import COMPLETED, DRAINED, FULL_SPEED, KILLED, OVERHEAD, PART, Trace


def parts(trace: Trace) -> Iterator[str]:
    """Parts of a node run at once, do its work between them, and are done and joined when it completes."""
    for (job, node), what in _wrong_splits(trace):
        yield f"node {node} of {name_of(trace, job)} {what}"


def _wrong_splits(trace: Trace) -> Iterator[tuple[Who, str]]:
    """What is wrong with nodes that were split: (job and node, what). Blackouts hide how much was done."""
    if not len(trace.splits):
        return
    demands, speeds = Demands(trace), Speeds(trace)
    fixed = set() if any(each.blackouts for each in trace.system.processors) else demands.fixed
    rows: dict[Who, list[Any]] = {}
    for start, end, job, node, place, reason in trace.slices[~discarded(trace)].tolist():
        if reason != DRAINED:
            rows.setdefault((job, node), []).append((end, reason, start, place))
    for who, found in splits(trace).items():
        mine = sorted(rows.get(who, []), key=lambda row: (row[0], row[1] == COMPLETED, row[1] == KILLED))
        for what in (*_shares(found), *_apart(found, mine), *_end(trace, who, found, mine)):
            yield who, what
        if int(trace.jobs["task"][who[0]]) in fixed:
            yield from ((who, what) for what in _work(who, found, mine, demands, speeds))


def _shares(found: list[list[Stay]]) -> Iterator[str]:
    for split in found:
        total = sum(stay.share for stay in split)
        if not FULL_SPEED - len(split) <= total <= FULL_SPEED:  # each is rounded down
            yield f"is split at {split[0].start} into {total / FULL_SPEED:g} of it"
        if len({stay.processor for stay in split}) < len(split):
            yield f"has two parts on one processor at {split[0].start}"


def _apart(found: list[list[Stay]], mine: list[Any]) -> Iterator[str]:
    """Only the parts of one split run at once."""
    spans = sorted((split[0].start, max(stay.end for stay in split), index) for index, split in enumerate(found))
    resets = {(stay.end, stay.processor) for split in found for stay in split if not stay.done}
    alone = [row for row in mine if row[1] != OVERHEAD or row[2:] not in resets]
    alone = [row for row in alone if split_of(found, row[3], row[2], row[0]) is None]
    spans += [(start, end, -1) for end, _, start, _ in alone]
    spans.sort()
    for first, second in pairwise(spans):
        if second[0] < first[1]:
            yield f"runs at {second[0]} beside its parts"


def _end(trace: Trace, who: Who, found: list[list[Stay]], mine: list[Any]) -> Iterator[str]:
    """It completes when all parts are done and joined, and not before; and nothing of it runs then."""
    ends = [row for row in mine if row[1] == COMPLETED]
    if not ends:
        return
    time, _, start, place = ends[0]
    if any(row[0] > time or row[2] > time for row in mine):
        yield f"runs after its end at {time}"
    if start < time:  # it went on, on one processor
        return
    last = max(found[-1], key=lambda stay: (stay.end, stay.processor))
    join = trace.node(*who).split or 0
    if not all(stay.done for stay in found[-1]):
        yield f"completes at {time} with a part that is not done"
    elif place != last.processor or time < last.end + join:
        yield f"completes at {time}, before its parts are joined"


def _work(who: Who, found: list[list[Stay]], mine: list[Any], demands: Demands, speeds: Speeds) -> Iterator[str]:
    """What the parts did adds up to the node, and each did its share of what was left."""
    done = Fraction(0)
    slack = Fraction(0)
    before: dict[int, Fraction] = {}
    for end, reason, start, place in mine:
        if reason == KILLED or demands.begins_anew(*who, place, start, end):
            done = Fraction(0)
        if reason in (KILLED, OVERHEAD) or place in demands.exempt:
            continue
        time = demands.time(*who, place, start)
        if time is None:  # in a batch with one that takes what it wants: who knows what is left
            return
        split = split_of(found, place, start, end)
        if split is not None:
            before.setdefault(id(split), done)
        did = speeds.work(place, start, end) / time
        done += did
        slack += Fraction(1, time) + Fraction(2, FULL_SPEED)
        if split is not None and reason == PART:
            stay = next(stay for stay in split if stay.processor == place)
            share = Fraction(stay.share, FULL_SPEED) * (1 - before[id(split)])
            if not -slack < did - share < slack:
                yield f"did {float(did):.6f} of its work in a part of {float(share):.6f} that ends at {end}"
        if reason == COMPLETED and not 1 <= done < 1 + slack:
            yield f"did {float(done):.6f} of its work in parts by {end}"
