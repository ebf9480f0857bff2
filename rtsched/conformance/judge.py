"""Checking a policy: random systems (or one that is given), every check on each, and the smallest example of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from rtsched import api
from rtsched.conformance import elsewhere
from rtsched.conformance.candidate import Candidate, Choice, candidate
from rtsched.conformance.checks import CHECKS, Check
from rtsched.conformance.drawing import drawn
from rtsched.conformance.looking import Looker, Sighting, answer_of, looked_at, seen_of
from rtsched.conformance.result import Conformance, Example, Finding
from rtsched.conformance.trial import Trial, trial_of
from rtsched.errors import InputError
from rtsched.loading import Source
from rtsched.model.base import whole_number
from rtsched.verify import documents
from rtsched.verify.pencil import Document
from rtsched.verify.shrink import greedily
from rtsched.visible import as_found

#: Systems, and seconds of the host's time that one run may take, unless asked otherwise.
SYSTEMS, LIMIT = 100, 10.0
#: So many times as many systems are drawn at most, to find enough that are for the policy; and no fewer than so many.
DRAWN, LEAST = 10, 100
#: Systems that are tried while an example is made smaller.
MOST_TRIES = 400
Progress = Callable[[int], None]


def check_scheduler(
    policy: Choice,
    *,
    systems: int = SYSTEMS,
    seed: int = 0,
    only: Sequence[str] = (),
    system: Source | None = None,
    limit: float = LIMIT,
    shrink: bool = True,
    others: bool = True,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Conformance:
    """Whether a policy keeps the contracts that every policy must keep, and what it claims of itself.

    `policy` is a name, a mapping, ``module:Class``, ``file.py:Class``, a class, or a function that makes one. It is run
    on so many random systems of this seed, or on the one that is given (`seed` is then that of its run), by all checks
    or `only` these. `limit` is how many seconds a run may take. `shrink`: look for the smallest example of what does
    not hold; `others`: run everything once more in another process. `jobs` processes look at the systems, and find what
    one would. `progress` is told how many systems are done. Raises InputError.

    >>> check_scheduler("fifo", systems=3, others=False).failed
    ()
    """
    who = candidate(policy)
    count = whole_number(systems)
    if count is None or not 0 < count <= 10**6:
        raise InputError(f"systems: how many, at least one (found {as_found(systems)}); e.g. 100")
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 86_400:
        raise InputError(f"limit: seconds that a run may take, above 0 (found {as_found(limit)}); e.g. 10")
    workers = whole_number(jobs)
    if workers is None or not 0 < workers <= 1024:
        raise InputError(f"jobs: processes, at least one (found {as_found(jobs)}); e.g. 4")
    claims = who.make().claimed()
    chosen = _chosen(only)
    found = Conformance(who.name, who.command, tuple(sorted(claims)), api.checked_seed(seed))
    found.rows = [Finding(check, check.name in claims) for check in chosen]
    nanoseconds = int(limit * 1e9)
    if system is None:
        looker = Looker(policy, who, found.seed, tuple(check.name for check in chosen), nanoseconds)
        _campaign(found, looker, count, workers, progress)
    else:
        _take(found, seen_of(Trial(who, api.load(system), found.seed, nanoseconds), chosen))
    if others and any(check.name == "determinism" for check in chosen):
        _ask_others(found, who, None if system is None else system)
    if shrink and not found.hung:
        for row in found.rows:
            row.example = row.example and _smallest(row.check, row.example)
    return found


def _chosen(only: Sequence[str]) -> list[Check]:
    names = [check.name for check in CHECKS]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise InputError(f"no check is called {unknown[0]!r}; there are {', '.join(names)}")
    return [check for check in CHECKS if not only or check.name in only]


# ---- one system after the other --------------------------------------------------------------------------------------


def _campaign(found: Conformance, looker: Looker, count: int, jobs: int, progress: Progress | None) -> None:
    """Look at systems until there are so many that the policy takes."""
    for seen in looked_at(looker, range(max(LEAST, DRAWN * count)), jobs):
        if seen is not None:
            _take(found, seen)
        done = found.systems - found.refused
        if progress is not None:
            progress(done)
        if found.hung or done == count:
            return


def _take(found: Conformance, seen: Sighting) -> None:
    """What every check says of one system."""
    found.systems += 1
    if seen.refusal:
        found.refused += 1
        found.refusal = found.refusal or seen.refusal
        return
    found.costs += seen.costs
    found.hung = seen.hung
    found.digests[seen.number] = seen.digest
    for row in found.rows:
        answer = seen.answers.get(row.check.name)
        row.asked += answer is not None
        if answer:
            row.broken += 1
            row.example = row.example or Example(answer, seen.trial, seen.number)


def _ask_others(found: Conformance, who: Candidate, system: Source | None) -> None:
    """The same runs in another process, in which names have other hashes."""
    row = found.row("determinism")
    if row.broken or found.hung or not found.digests:
        return
    told = elsewhere.digests(who, found.seed, list(found.digests), system)
    if isinstance(told, str):
        found.elsewhere = told
        return
    found.elsewhere = "another process has the same traces"
    policy = who.make()
    for number, digest in told.items():
        if digest != found.digests[number]:
            row.broken += 1
            document, own = drawn(found.seed, number, policy)
            text = "another process has another trace: is there a set of names, or a hash, that decides?"
            row.example = row.example or Example(text, trial_of(who, document, own), number)
            found.elsewhere = "another process has other traces"


# ---- the smallest example --------------------------------------------------------------------------------------------


def _smallest(check: Check, example: Example) -> Example:
    """The same in the smallest system; as it is where it cannot be seen in this process, or is somebody's own file."""
    trial = example.trial
    if not trial.document or not answer_of(check, trial):
        return example

    def seen(document: Document) -> str | None:
        with suppress(Exception):  # whatever is no system, or not for this policy
            return answer_of(check, trial_of(trial.candidate, document, trial.seed, trial.limit))
        return None

    best = greedily(trial.document, documents.smaller, documents.weight, lambda each: bool(seen(each)), MOST_TRIES)
    text = seen(best)
    if not text:
        return replace(example, small=True)
    return Example(text, trial_of(trial.candidate, best, trial.seed, trial.limit), example.number, small=True)
