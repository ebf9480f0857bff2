"""The errors a user can catch. Every other exception that leaves rtsched is a bug in rtsched."""

from __future__ import annotations

from typing import Any

from rtsched.visible import message

__all__ = ["EndlessError", "HorizonError", "InputError", "RtschedError", "SchedulerError", "SoundnessError"]


class RtschedError(Exception):
    """The base of all errors that a user can cause, and so catch."""


#: The most problems that are told at once.
MOST_TOLD = 20


class InputError(RtschedError):
    """A file or an option that cannot be used; each problem is one line `file:line:column: where: what; what to do`.

    `problems` has them all; as text only the first are told, and how many more there are.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(message, problems))
        super().__init__(told(self.problems))

    def __reduce__(self) -> Any:
        return type(self), self.problems  # between processes, too, a problem is a line


def told(problems: tuple[str, ...]) -> str:
    """Problems line by line: the first, and how many more there are."""
    more = [f"... and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
    return "\n".join([*problems[:MOST_TOLD], *more])


class HorizonError(InputError):
    """A run that would be astronomically long, with the suggestion what to ask for instead."""


class SchedulerError(RtschedError):
    """An illegal action of a scheduler: the message names the job, the processor and the rule that forbids it."""


class EndlessError(RtschedError):
    """A run went past the number of events that it was given: it may never end."""


class SoundnessError(RtschedError):
    """A simulation beats a bound that was proven: one of the two is wrong. Holds both: `analysis` and `trace`.

    `claim` says which bound, and by how much it was beaten; `source` is the system as it was loaded and the description
    of its scheduler, where they are known. The most valuable bug report there is: please send the files that are saved.
    """

    def __init__(
        self, message: str, analysis: Any = None, trace: Any = None, claim: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.analysis = analysis
        self.trace = trace
        self.claim = claim
        self.source: tuple[Any, dict[str, Any]] | None = None
