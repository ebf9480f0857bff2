"""What came of the changes: for programs, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rtsched.columns import WIDEST, listed, padded, room, width
from rtsched.display import Displayed
from rtsched.units import format_duration
from rtsched.visible import cut

#: So many jobs are named one by one.
MOST_NAMED = 4
#: The kinds of changes, in the order in which they are told.
KINDS = ("less C", "other rank", "other processor", "smaller variant", "split")
COLUMN = max(map(len, KINDS))
#: Less room than this is too little for what came of a change.
ROOM = 30


@dataclass(frozen=True)
class Aftermath:
    """What became of the job, and of all others, in the run of a change.

    `outcome` is None where the job did not exist; `late` ns after its deadline it was done (less than 0: before; None:
    never). `lost` are the others that missed, and had not; `still` those that missed before, too; `saved` counts those
    that no longer did.
    """

    met: bool
    outcome: str | None
    late: int | None
    lost: tuple[str, ...]
    still: tuple[str, ...]
    saved: int

    def __str__(self) -> str:
        if self.met:
            return f"met; {self._others()}"
        if self.late is not None and self.outcome == "late":
            return f"missed by {format_duration(self.late, 4)}"
        return "missed: no such job" if self.outcome is None else f"missed: {self.outcome}"

    def _others(self) -> str:
        said = f"; {self.saved} that missed no longer {'does' if self.saved == 1 else 'do'}" * bool(self.saved)
        if self.lost:
            return f"but {named(self.lost)} then {'misses' if len(self.lost) == 1 else 'miss'}{said}"
        if self.still:
            return f"{named(self.still)} {'misses' if len(self.still) == 1 else 'miss'} as before{said}"
        return f"no other misses{said}"


@dataclass(frozen=True)
class Remedy:
    """A remedy: a change of one kind to one task, from `now` to `then`, and what came of it.

    Execution times are in ns. `fate` is None where no run was whole: then `note` says why, without `words` if there was
    nothing to try. `setting` is what brings it about by ``--set``, where that is one value of the file.
    """

    kind: str
    task: str
    words: str = ""
    now: int | str | None = None
    then: int | str | None = None
    fate: Aftermath | None = None
    note: str = ""
    setting: str | None = None

    @property
    def met(self) -> bool:
        """Whether the deadline was met in the run with it."""
        return self.fate is not None and self.fate.met

    def to_dict(self) -> dict[str, Any]:
        """The change for programs."""
        return asdict(self) | {"met": self.met}


@dataclass(frozen=True)
class WhatIf(Displayed):
    """The changes that were tried for a job, by kind; each was simulated with the seed of the run.

    A change that meets the deadline does so in this run: nothing is proven of others.
    """

    job: str
    seed: int
    missed: bool
    changes: tuple[Remedy, ...]

    def of(self, kind: str) -> tuple[Remedy, ...]:
        """The changes of one kind, in the order in which they were tried."""
        return tuple(change for change in self.changes if change.kind == kind)

    def text(self) -> str:
        """For people: a line for each change."""
        if not self.missed:
            return f"{self.job} missed no deadline: there is nothing to change."
        lines = [f"What would have met this deadline, in this run (each simulated again, seed {self.seed}):"]
        tried = list(self._rows(said=True))
        lines += ["", *_columns(tried)] * bool(tried)
        unasked = [(padded(kind, COLUMN), why) for kind, _, why in self._rows(said=False)]
        lines += ["", "Not asked:", *listed(unasked)] * bool(unasked)
        return "\n".join(lines)

    def _rows(self, *, said: bool) -> Iterator[tuple[str, str, str]]:
        """Each change: its kind, what it is, and what came of it; or those of which there is only to say why not."""
        for kind in KINDS:
            changes = [change for change in self.of(kind) if bool(change.words) == said]
            for number, change in enumerate(changes):
                came = change.note if change.fate is None else str(change.fate)
                yield kind * (number == 0), change.words, came

    def to_dict(self) -> dict[str, Any]:
        """For programs: names and ns."""
        return {
            "job": self.job,
            "seed": self.seed,
            "missed": self.missed,
            "changes": [change.to_dict() for change in self.changes],
        }

    def __repr__(self) -> str:
        met = sum(change.met for change in self.changes)
        tried = sum(bool(change.words) for change in self.changes)
        return f"<WhatIf for {cut(self.job)}: {tried} changes tried, {met} would have met its deadline>"

    def __str__(self) -> str:
        return self.text()


def _columns(tried: list[tuple[str, str, str]]) -> list[str]:
    """Changes and what came of them in columns of their own, where there is room for them."""
    rows = [(padded(kind, COLUMN), words, came) for kind, words, came in tried]
    widest = max(width(words) for _, words, _ in tried) + COLUMN
    if widest <= WIDEST if room() is None else widest + ROOM <= (room() or 0):
        return listed(rows)
    return listed([(kind, f"{words}: {came}") for kind, words, came in rows])


def named(jobs: Sequence[str]) -> str:
    """Jobs by name; of many how many more."""
    shown = list(jobs[:MOST_NAMED])
    if len(jobs) > MOST_NAMED:
        shown = [*jobs[: MOST_NAMED - 1], f"{len(jobs) - MOST_NAMED + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
