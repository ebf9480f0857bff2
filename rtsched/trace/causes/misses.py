"""Why deadlines were missed, in a sentence a task: for whom its latest job waited, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.trace.causes.explanation import Explanation, explain
from rtsched.trace.causes.pieces import ANSWERED, LOCK, RUNNING, UNEXPLAINED, WORDS
from rtsched.trace.trace import ABORTED, DROPPED, LATE
from rtsched.units import format_duration

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: So many tasks are told of; of a job so many of those it waited for.
MOST_TASKS, MOST_NAMED = 3, 3
#: A trace with more slices than this is not looked through: that would take longer than some runs.
LARGEST = 200_000


@dataclass(frozen=True)
class MissReason:
    """Why the latest job of a task that missed was late: `waited` for which tasks, in ns, the longest first.

    `others` are causes without another task behind them; `text` says it in a sentence.
    """

    task: str
    job: str
    late: int | None
    waited: dict[str, int]
    others: dict[str, int]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """For programs: names and ns."""
        return {
            "task": self.task,
            "job": self.job,
            "late": self.late,
            "waited": [{"task": task, "time": time} for task, time in self.waited.items()],
            "text": self.text,
        }


def can_tell(trace: Trace) -> bool:
    """Whether a run kept a trace that is small enough to be looked through."""
    return trace.kept and len(trace.slices) <= LARGEST


def miss_reasons(trace: Trace, most: int = MOST_TASKS) -> tuple[MissReason, ...]:
    """Why tasks missed deadlines: hard ones first, then those that missed most; () where that cannot be told."""
    if not can_tell(trace):
        return ()
    jobs = trace.jobs
    missed = np.flatnonzero(np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED)))
    counts = np.bincount(jobs["task"][missed], minlength=len(trace.system.tasks))
    tasks = sorted(
        (task for task in trace.system.tasks if counts[task.index]),
        key=lambda task: (task.criticality != "hard", -int(counts[task.index]), task.index),
    )
    return tuple(_of(trace, missed[jobs["task"][missed] == task.index]) for task in tasks[:most])


def _of(trace: Trace, missed: np.ndarray[Any, Any]) -> MissReason:
    """The reason of the latest of some jobs of a task: who never finished counts until the end of what is known."""
    ends = np.array(trace.history.ends)[missed]
    job = int(missed[np.argmax(ends - trace.jobs["deadline"][missed])])
    found = explain(trace, job)
    own = int(trace.jobs["task"][job])
    waited: dict[str, int] = {}
    others: dict[str, int] = {}
    for piece in found.pieces:
        who = trace.system.tasks[int(trace.jobs["task"][piece.culprits[0][0]])] if piece.culprits else None
        if who is not None and (who.index != own or piece.cause == LOCK):
            waited[who.name] = waited.get(who.name, 0) + piece.length
        elif piece.cause not in (ANSWERED, UNEXPLAINED):
            others[piece.cause] = others.get(piece.cause, 0) + piece.length
    waited = dict(sorted(waited.items(), key=lambda item: -item[1]))
    row = trace.jobs[job]
    late = int(row["finish"] - row["deadline"]) if row["finish"] >= 0 else None
    task = trace.system.tasks[own].name
    return MissReason(task, found.name, late, waited, others, _text(found, late, waited, others))


def _text(found: Explanation, late: int | None, waited: dict[str, int], others: dict[str, int]) -> str:
    what = f"missed by {_time(late)}" if late is not None else f"was {found.outcome}"
    parts = [f"{'waited ' * (not place)}{_time(time)} for {task}" for place, (task, time) in enumerate(waited.items())]
    if len(parts) > MOST_NAMED:
        rest = sum(list(waited.values())[MOST_NAMED - 1 :])
        parts = [*parts[: MOST_NAMED - 1], f"{_time(rest)} for {len(waited) - MOST_NAMED + 1} others"]
    parts += [f"{_time(time)} of {WORDS[cause]}" for cause, time in sorted(others.items(), key=_order)]
    return f"{found.name} {what}: {', '.join(parts) or 'nothing of it ran'}"


def _order(item: tuple[str, int]) -> tuple[bool, int]:
    return item[0] == RUNNING, -item[1]


def _time(nanoseconds: int) -> str:
    return format_duration(nanoseconds, digits=4)
