"""Looking at one system after the other, in this process or in several: what is seen is the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from rtsched import api
from rtsched.conformance.candidate import Candidate, Choice, candidate
from rtsched.conformance.checks import CHECKS, Check
from rtsched.conformance.drawing import drawn
from rtsched.conformance.trial import Conduct, RefusedError, Trial, trial_of
from rtsched.conformance.watched import Watched
from rtsched.errors import InputError
from rtsched.experiment.pool import Processes, Spread
from rtsched.units import format_duration


@dataclass(frozen=True)
class Looker:
    """What is asked of a policy, by all or `only` some checks; other processes make the policy out of `choice`."""

    choice: Choice
    who: Candidate | None = field(repr=False)
    seed: int
    only: tuple[str, ...]
    limit: int

    @cached_property
    def candidate(self) -> Candidate:
        """Who is looked at."""
        return self.who or candidate(self.choice)

    def trial(self, number: int) -> Trial:
        """The trial of system number so. Raises InputError for one of the few that no file can say."""
        document, own = drawn(self.seed, number, self.candidate.make())
        return trial_of(self.candidate, document, own, self.limit)

    def look(self, number: int) -> Sighting | None:
        """What the checks say of system number so; None where there is none."""
        try:
            trial = self.trial(number)
        except InputError:
            return None
        return replace(seen_of(trial, [check for check in CHECKS if check.name in self.only]), number=number)


@dataclass
class Sighting:
    """What was seen of a policy in system number so: why it refused that, or what each check says of it.

    The `trial` stays with who has looked; who is told of it makes it again.
    """

    trial: Trial = field(repr=False)
    number: int = 0
    refusal: str = ""
    costs: list[int] = field(default_factory=list)
    hung: bool = False
    digest: str = ""
    answers: dict[str, str | None] = field(default_factory=dict)


def seen_of(trial: Trial, checks: Sequence[Check]) -> Sighting:
    """What these checks say of one trial."""
    try:
        run = trial.plain
    except RefusedError as error:
        return Sighting(trial, refusal=str(error))
    answers = {check.name: answer_of(check, trial) for check in checks}
    return Sighting(trial, 0, "", run.watched.costs, run.hung, run.digest, answers)


def answer_of(check: Check, trial: Trial) -> str | None:
    """What a check says of a trial; None also where the policy refuses it, or one like it."""
    try:
        return check.look(trial)
    except RefusedError:  # a system like this one is not for the policy
        return None


def looked_at(looker: Looker, numbers: Sequence[int], jobs: int) -> Iterator[Sighting | None]:
    """What is seen of the systems with these numbers, in their order."""
    if jobs == 1:
        yield from map(looker.look, numbers)
        return
    crew = Processes(jobs)
    lost = partial(_lost, looker)
    spread = Spread(Told(replace(looker, who=None)), crew, lost, patience=looker.limit / 1e9)
    try:
        for number, seen in _in_order(pair for part in spread.run(numbers) for pair in part):
            yield seen if seen is None else replace(seen, trial=_again(looker, number, seen))
    finally:
        crew.close()


class Told:
    """In a worker: looks at a system, and says what it has seen without the trial itself."""

    def __init__(self, looker: Looker) -> None:
        self.looker = looker

    def __call__(self, number: int) -> tuple[int, Sighting | None]:
        """The number, and what was seen."""
        seen = self.looker.look(number)
        return number, seen if seen is None else replace(seen, trial=None)  # type: ignore[arg-type]


def _lost(looker: Looker, number: int, seconds: float) -> tuple[int, Sighting | None]:
    """A system whose worker dies each time; also because it did not heed the limit."""
    why = "the process that ran it was killed each time (is there enough memory?)"
    if seconds * 1e9 > looker.limit:
        why = f"no end within {format_duration(looker.limit)} of this machine's time, and it had to be killed"
    return number, Sighting(looker.trial(number), number, hung=True, digest="none", answers={"ends": why})


def _in_order(pairs: Iterable[tuple[int, Sighting | None]]) -> Iterator[tuple[int, Sighting | None]]:
    """What comes in any order, from number 0 on."""
    waiting: dict[int, Sighting | None] = {}
    following = 0
    for number, seen in pairs:
        waiting[number] = seen
        while following in waiting:
            yield following, waiting.pop(following)
            following += 1


def _again(looker: Looker, number: int, seen: Sighting) -> Trial:
    """The trial in this process, where nobody has run it; nor will anybody, if it hangs."""
    trial = looker.trial(number)
    if seen.hung:
        watched = Watched(api.scheduler_of(trial.loaded, trial.candidate.make()))
        trial.__dict__["plain"] = Conduct(watched, None, seen.answers.get("ends") or "it hangs", hung=True)
    return trial
