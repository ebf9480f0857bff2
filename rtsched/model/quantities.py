"""The end-to-end quantities of cause-effect chains: one name, one quantity, in files, runs, proofs and pictures.

A job reads when it starts and writes when it ends (implicit communication), or reads at its arrival and writes at its
deadline (logical execution time). *Forward* from a job leads the first job of
the next task that reads when, or after, it has written; *backward* the last one of the task before that has written by
the time of the read. Maxima over all jobs, as in Günzel et al. (ECRTS 2023, read in abstract): a faster reader repeats
data, so that ages grow; a slower one loses some, so that reactions do. What is required by a *Reaction* of TADL2 (and
AUTOSAR's timing extensions) is the reduced reaction time where its stimulus is a sample, and the reaction time where it
is anything that the first task may just have missed; to the letter it is undefined for a sample that is overwritten,
which has no response of its own: here the next sample serves it. Their *Age* is the reduced data age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """What is measured from one event of a chain to another: `code` names it on outputs, `key` limits it in a file.

    `begins` and `ends` are the two events; `sampling` says what of the first task's sampling lies between them.
    """

    code: str
    name: str
    key: str
    begins: str
    ends: str
    sampling: str


_INSIDE: Final = "the wait for the next read of the first task lies inside"
_OUTSIDE: Final = (
    "the sampling lies before: where a physical event begins what is required, up to a period of the first task (and "
    "the exposure of its sensor) comes on top"
)

#: All of them, by their codes.
QUANTITIES: Final[dict[str, EndToEnd]] = {
    each.code: each
    for each in (
        EndToEnd(
            "mrt",
            "reaction time",
            "max_reaction",
            "a stimulus that a read of the first task just missed",
            "the end of the first output of the last task that knows of it",
            _INSIDE,
        ),
        EndToEnd(
            "mrrt",
            "reduced reaction time",
            "max_reduced_reaction",
            "a read of the first task",
            "the end of the first output of the last task that knows of it",
            _OUTSIDE,
        ),
        EndToEnd(
            "mda",
            "data age",
            "max_age",
            "the read of the first task behind an output of the last",
            "the end of the next output",
            "the time for which an output is in use lies inside",
        ),
        EndToEnd(
            "mrda",
            "reduced data age",
            "max_reduced_age",
            "the read of the first task behind an output of the last",
            "the end of that output",
            "the time for which an output is in use comes on top: up to a period of the last task",
        ),
        EndToEnd(
            "triggered",
            "latency",
            "max_latency",
            "the arrival of a job of the first task",
            "the end of the job of the last task that it led to",
            _OUTSIDE,
        ),
    )
}


def trigger_path(after: Sequence[int | None], tasks: Sequence[int]) -> tuple[int, ...] | None:
    """All tasks from the first of a chain to its last, where each releases the next (`after`); None: not all do.

    `after[i]` is the task that releases task i. Tasks in between that the chain leaves out are filled in.

    >>> trigger_path([None, 0, 1], [0, 2]), trigger_path([None, 0, None], [0, 1, 2])
    ((0, 1, 2), None)
    """
    path = [tasks[0]]
    for task in tasks[1:]:
        step: list[int] = []
        at: int | None = task
        while at is not None and at != path[-1]:
            step.append(at)
            at = after[at]
        if at is None or not step:
            return None
        path += reversed(step)
    return tuple(path)
