"""Why jobs took as long as they did, as a page holds it: the pieces, and the words, of `rtsched explain`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.collector import collector_paused
from rtsched.page.pack import PREVIOUS, Packed
from rtsched.trace.causes import pieces as causes
from rtsched.trace.causes.explanation import Explanation, explain
from rtsched.trace.causes.pieces import WORDS
from rtsched.trace.trace import ABORTED, DROPPED, LATE, Trace
from rtsched.visible import cut

#: So many jobs of a run are explained, of which the first missed ones are up to so many; with so many pieces in all,
#: and so many letters.
MOST_JOBS, MOST_MISSES, MOST_PIECES, MOST_LETTERS = 2000, 1500, 20_000, 1_000_000
#: The longest text, as much as names of `LONGEST` letters need.
LONGEST_TEXT = 2000
#: How causes look: its own work; more urgent ones; its own task; less urgent ones; the hardware; the policy; outside.
OWN, URGENT, SELF, BLOCKED, HARDWARE, LEFT, OUTSIDE = range(7)
LOOKS = {
    causes.RUNNING: OWN,
    causes.SLOWED: HARDWARE,
    causes.LOST: HARDWARE,
    causes.OVERHEAD: HARDWARE,
    causes.LOAD: HARDWARE,
    causes.TRANSFER: HARDWARE,
    causes.GPU: URGENT,
    causes.EARLIER: SELF,
    causes.LOCK: BLOCKED,
    causes.INVERSION: BLOCKED,
    causes.HIGHER: URGENT,
    causes.LOWER: BLOCKED,
    causes.AHEAD: URGENT,
    causes.SIBLING: SELF,
    causes.LEFTOVER: BLOCKED,
    causes.DOWN: OUTSIDE,
    causes.DECIDING: LEFT,
    causes.BATCH: LEFT,
    causes.IDLE: LEFT,
    causes.JITTER: OUTSIDE,
    causes.ANSWERED: LEFT,
    causes.UNEXPLAINED: OUTSIDE,
}
#: By the number of a cause in a page.
LOOK_OF = [LOOKS[cause] for cause in WORDS]
CODES = {cause: code for code, cause in enumerate(WORDS)}


@collector_paused()
def add(trace: Trace, packed: Packed) -> None:
    """The explanations of all jobs, or of as many as have room.

    Tables: `explained` (the sentences on a job), `items` (what is said of several pieces of a job), `pieces` (one after
    the other from its arrival; `item` counts those of its job), `blamed` (the culprits of a piece). Words are places
    in the list of `texts`, which is JSON, letter by letter.
    """
    places: dict[str, int] = {}
    explained: list[tuple[int, ...]] = []
    items: list[tuple[int, ...]] = []
    pieces: list[tuple[int, ...]] = []
    blamed: list[tuple[int, ...]] = []

    def place(text: str) -> int:
        return places.setdefault(text, len(places))

    for each in _found(trace):
        job = each.explanation.job
        explained += [(job, place(line)) for line in each.lines]
        items += [(job, place(said)) for said, _ in each.items]
        item_of = {piece: number for number, (_, those) in enumerate(each.items) for piece in those}
        for piece, said in zip(each.explanation.pieces, each.said, strict=True):
            blamed += [(len(pieces), culprit) for culprit in dict.fromkeys(who[0] for who in piece.culprits)]
            pieces.append((job, piece.length, CODES[piece.cause], piece.place, item_of[piece], place(said)))
    for name, rows, keys in (
        ("explained", explained, ("job", "said")),
        ("items", items, ("job", "said")),
        ("pieces", pieces, ("job", "length", "cause", "place", "item", "said")),
        ("blamed", blamed, ("piece", "job")),
    ):
        table = np.array(rows, np.int64).reshape(-1, len(keys))
        close = {key: PREVIOUS for key in keys if key in ("job", "piece", "said")}
        packed.table(name, {key: table[:, number] for number, key in enumerate(keys)}, **close)
    packed.table("texts", {"letter": np.frombuffer(json.dumps(list(places)).encode(), np.uint8)})


class _Said:
    """An explanation and all its words."""

    def __init__(self, explanation: Explanation) -> None:
        words = explanation.words
        self.explanation = explanation
        self.lines = [cut(line, LONGEST_TEXT) for line in (explanation.headline, *words.gone())]
        self.items = [(cut(said, LONGEST_TEXT), those) for said, those in words.grouped(explanation.pieces)]
        self.said = [cut(words.said([piece]), LONGEST_TEXT) for piece in explanation.pieces]

    def texts(self) -> set[str]:
        """All words, each text once."""
        return {*self.lines, *self.said, *(said for said, _ in self.items)}


def _found(trace: Trace) -> list[_Said]:
    """The explanations that have room, by the numbers of their jobs."""
    found: list[_Said] = []
    pieces, letters, tried, texts = 0, 0, 0, set[str]()
    for job in chosen(trace):
        if tried > 2 * MOST_PIECES:
            break  # what is left would take long, and there is little room
        one = _Said(explain(trace, job))
        more = one.texts() - texts
        tried += len(one.said)
        if pieces + len(one.said) <= MOST_PIECES and letters + sum(map(len, more)) <= MOST_LETTERS:
            pieces += len(one.said)
            letters += sum(map(len, more))
            texts |= more
            found.append(one)
    return sorted(found, key=lambda each: each.explanation.job)


def chosen(trace: Trace) -> list[int]:
    """The jobs to be explained, the most wanted first: those that missed first, then the latest of all others."""
    jobs = trace.jobs
    if len(jobs) <= MOST_JOBS:
        return list(range(len(jobs)))
    missed = np.flatnonzero(np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED)))
    first = missed[np.argsort(jobs["deadline"][missed], kind="stable")][:MOST_MISSES]
    lateness: NDArray[Any] = np.array(trace.history.ends) - jobs["deadline"]
    lateness[first] = np.iinfo(np.int64).max
    order = np.argsort(-lateness, kind="stable")
    rest = order[len(first) : MOST_JOBS].tolist()
    return [*first.tolist(), *rest]
