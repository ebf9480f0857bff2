"""One system under one policy: what happens there, and in systems that differ from it in one thing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from rtsched import api
from rtsched.conformance.pace import FINE, MOST_EVENTS
from rtsched.conformance.watched import Watched
from rtsched.engine.simulation import Truth, run
from rtsched.errors import EndlessError, RtschedError
from rtsched.experiment.limit import OutOfTimeError, limited
from rtsched.model.system import System
from rtsched.registry import foreign
from rtsched.verify.patterns import horizon
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.conformance.candidate import Candidate
    from rtsched.loading import Loaded
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulers.base import Scheduler
    from rtsched.trace.trace import Trace
    from rtsched.verify.pencil import Document

#: About so many jobs are released in a run.
JOBS = 40
#: What makes the record of a run.
TABLES = ("jobs", "slices", "logged", "changes", "waves", "answers", "choices", "locks", "batches", "splits")


class RefusedError(Exception):
    """The policy does not take this system, and says why."""


@dataclass(frozen=True)
class Conduct:
    """What a policy did with a system; without a `trace` it was given up, and `endless` says why."""

    watched: Watched
    trace: Trace | None = None
    endless: str = ""
    hung: bool = False

    @property
    def failure(self) -> str:
        """What went wrong because of the policy, in words; empty where it came to its end."""
        error = self.watched.error
        return self.endless or ("" if error is None else described(error))

    @property
    def lost(self) -> str:
        """What waits for ever beside a processor that could serve it."""
        return self.watched.last.get("idle", "") if self.trace is not None and self.trace.stranded_count else ""

    @cached_property
    def digest(self) -> str:
        """The same for runs in which the same happened."""
        if self.trace is None:
            return "none"
        found = hashlib.sha256(str(self.trace.end).encode())
        for name in TABLES:
            found.update(getattr(self.trace, name).tobytes())
        return found.hexdigest()


def described(error: Exception) -> str:
    """An error in words: of the engine about an action as it is, of somebody's own code with its place."""
    place = foreign(error)
    if isinstance(error, RtschedError):
        return str(error) + (f" ({place})" if place else "")
    return f"its own code fails: {cut(f'{type(error).__name__}: {error}', 300)}" + (f" ({place})" if place else "")


@dataclass
class Trial:
    """A system, as a file has it, and the policy that is to run it; `limit` is ns of the host's time for a run."""

    candidate: Candidate
    loaded: Loaded
    seed: int
    limit: int = 0
    document: Document = field(default_factory=dict)

    @cached_property
    def spec(self) -> SystemSpec:
        """The lowered system. Raises InputError."""
        return self.loaded.lower()

    @cached_property
    def claims(self) -> frozenset[str]:
        """What the policy claims."""
        return self.candidate.make().claimed()

    @cached_property
    def plain(self) -> Conduct:
        """The system as it is. Raises RefusedError."""
        return self.run()

    def run(self, spec: SystemSpec | None = None, truths: Mapping[int, Truth] | None = None) -> Conduct:
        """A new scheduler on this system, or on another one like it, until every job is done. Raises RefusedError."""
        system = self.spec if spec is None else spec
        try:
            watched = Watched(api.scheduler_of(self.loaded, self.candidate.make()))
        except RtschedError as error:
            raise RefusedError(str(error)) from error
        try:
            with limited(self.limit):
                return self._run(system, watched, truths)
        except OutOfTimeError:
            return Conduct(watched, None, f"no end within {self.limit / 1e9:g} s of this machine's time", hung=True)

    def trace(self, spec: SystemSpec | None = None, truths: Mapping[int, Truth] | None = None) -> Trace | None:
        """What happens there; None where the policy fails, or refuses it."""
        try:
            found = self.run(spec, truths)
        except RefusedError:
            return None
        return None if found.failure else found.trace

    def _run(self, system: SystemSpec, watched: Watched, truths: Mapping[int, Truth] | None) -> Conduct:
        until = _until(system)
        try:
            policy = cast("Scheduler", watched)
            trace = run(
                system, policy, until=until, seed=self.seed % 2**32, drain="all",
                truths=None if truths is None else dict(truths), most_events=MOST_EVENTS, watch=watched.watch,
            )  # fmt: skip
        except EndlessError as error:
            if watched.pace.gets_on(watched.run.core):
                raise RefusedError(FINE) from None
            return Conduct(watched, None, str(error))
        except Exception as error:
            if isinstance(error, RtschedError) and not watched.begun:
                raise RefusedError(str(error)) from error
            if not isinstance(error, RtschedError) and foreign(error) is None:
                raise  # rtsched's own
            watched.error = error
            return Conduct(watched)
        if watched.pace.fine:
            raise RefusedError(FINE)
        watched.settle(trace.end)
        return Conduct(watched, trace)


def _until(system: SystemSpec) -> int:
    """As long as about so many jobs come, and every task has its turn."""
    rate = sum(1 / task.period for task in system.tasks if task.period) or 1.0
    longest = max((task.period or task.release or 1) + task.offset for task in system.tasks)
    return min(horizon(system), max(2 * longest, int(JOBS / rate)))


def trial_of(candidate: Candidate, document: Document, seed: int, limit: int = 0) -> Trial:
    """The trial that a document describes. Raises InputError where it is no system."""
    loaded = api.load(System.model_validate(document, context={"file": True}))
    return Trial(candidate, loaded, seed, limit, document)
