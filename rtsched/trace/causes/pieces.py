"""What an explanation is made of: intervals, each with the one cause that it had, and who was behind it."""

from __future__ import annotations

from typing import Final, NamedTuple

from rtsched.trace.causes.history import Who

#: The causes, in the order in which they are looked for and told. Names are for programs; `WORDS` are for people.
JITTER: Final = "jitter"
EARLIER: Final = "earlier"
RUNNING: Final = "running"
SLOWED: Final = "slowed"
LOST: Final = "lost"
OVERHEAD: Final = "overhead"
LOAD: Final = "load"
TRANSFER: Final = "transfer"
GPU: Final = "gpu"
LOCK: Final = "lock"
INVERSION: Final = "inversion"
HIGHER: Final = "higher"
LOWER: Final = "lower"
AHEAD: Final = "ahead"
SIBLING: Final = "sibling"
LEFTOVER: Final = "leftover"
DOWN: Final = "down"
DECIDING: Final = "deciding"
BATCH: Final = "batch"
IDLE: Final = "idle"
ANSWERED: Final = "answered"
UNEXPLAINED: Final = "unexplained"

WORDS = {
    RUNNING: "own work",
    SLOWED: "slower than at full speed",
    LOST: "work that was thrown away",
    OVERHEAD: "costs of its own starts",
    LOAD: "waiting for its weights",
    TRANSFER: "transfers of its own data",
    GPU: "on its stream, while blocks of others had the GPU",
    EARLIER: "waiting for an earlier job of its task",
    LOCK: "blocked by a lock, while its holder went on",
    INVERSION: "blocked by a lock, while others ran instead of its holder",
    HIGHER: "waiting while a more urgent job ran",
    LOWER: "blocked by a less urgent job",
    AHEAD: "waiting while another job had the processor",
    SIBLING: "waiting for another node of its own",
    LEFTOVER: "waiting for what ran on of a job that was over",
    DOWN: "the processor was out of service",
    DECIDING: "the planner was deciding",
    BATCH: "waiting for others of its batch",
    IDLE: "left waiting by the policy, with the processor idle",
    JITTER: "arrived, and not yet released",
    ANSWERED: "with nothing left to do, and not yet accepted",
    UNEXPLAINED: "not explained",
}


# What follows the name of the resource in `how`: the holder waited for what the blocked one held; or only the ceiling
# of the resource was in the way.
DEADLOCK: Final = ", deadlock"
BY_CEILING: Final = ", ceiling"


class Episode(NamedTuple):
    """An interval [start, end) in ns and its cause.

    `node` is the one on the job's way (-1: none), `place` the processor that matters (-1: none), `culprits` who was
    there or held what was wanted, as (job, node), the most important first; `how` says more of a cause.
    """

    start: int
    end: int
    cause: str
    node: int = -1
    place: int = -1
    culprits: tuple[Who, ...] = ()
    how: str = ""

    @property
    def length(self) -> int:
        """How long it lasted, in ns."""
        return self.end - self.start

    def follows(self, other: Episode) -> bool:
        """Whether it goes on as another one ended."""
        return self[2:] == other[2:] and self.start == other.end


def joined(pieces: list[Episode]) -> list[Episode]:
    """Pieces without empty ones, those that are alike and touch as one."""
    found: list[Episode] = []
    for piece in pieces:
        if piece.end <= piece.start:
            continue
        if found and piece.follows(found[-1]):
            found[-1] = found[-1]._replace(end=piece.end)
        else:
            found.append(piece)
    return found
