"""The same run again with something changed, and what became of one job and of all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.errors import InputError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import OK, OUTCOMES, UNFINISHED, Trace
from rtsched.whatif.answer import Aftermath

if TYPE_CHECKING:
    from rtsched.loading import Loaded
    from rtsched.model.taskgraph import SystemSpec

#: A job: the number of its task, and its index.
Name = tuple[int, int]


class Trials:
    """Runs of a system under the policy and with the seed of `trace`, in which job number `job` is looked at."""

    def __init__(
        self, loaded: Loaded, trace: Trace, job: int, scheduler: str | Mapping[str, Any] | None = None
    ) -> None:
        if isinstance(scheduler, Scheduler):
            raise InputError("every run needs a scheduler of its own; give its description, e.g. 'edf'")
        self.loaded = loaded
        self.trace = trace
        self.choice = scheduler
        self.spec = trace.system
        row = trace.jobs[job]
        self.task = int(row["task"])
        self.name: Name = self.task, int(row["index"])
        self.deadline = int(row["deadline"])
        self.missed = missed(trace)
        self._prepared = api.prepare(loaded, trace.until)
        self._check()

    def _check(self) -> None:
        """Raise InputError where the trace is none of this system, or of this policy."""
        here = api.scheduler_of(self.loaded, self.choice).described(self.spec)
        if here != self.trace.scheduler:
            raise InputError(f"the trace was run under {self.trace.scheduler}, and this is {here}; name its scheduler")
        spec = self._prepared.spec
        if (spec.tasks, spec.processors) != (self.spec.tasks, self.spec.processors):
            raise InputError("the trace is the run of another system; give the one that it was run with")

    def with_system(self, loaded: Loaded) -> SystemSpec:
        """Another system, lowered, which must have the same tasks."""
        return api.prepare(loaded, self.trace.until).spec

    def run(self, spec: SystemSpec, until: int | None = None) -> Trace:
        """The run with `spec` instead. Raises RtschedError."""
        prepared = replace(self._prepared, spec=spec, until=self.trace.until if until is None else until)
        return prepared.run(api.scheduler_of(self.loaded, self.choice), self.trace.seed)

    def meets(self, spec: SystemSpec) -> bool:
        """Whether the job meets its deadline with `spec`: jobs that come later are left out, they cannot matter."""
        trace = self.run(spec, min(self.trace.until, self.deadline + 1))
        number = _number(trace, self.name)
        return number is not None and trace.jobs["outcome"][number] == OK

    def fate(self, spec: SystemSpec) -> Aftermath:
        """What becomes of all jobs with `spec`, in the whole run."""
        trace = self.run(spec)
        number, others = _number(trace, self.name), missed(trace) - {self.name}
        before = self.missed - {self.name}
        row = None if number is None else trace.jobs[number]
        return Aftermath(
            met=row is not None and int(row["outcome"]) == OK,
            outcome=None if row is None else OUTCOMES[int(row["outcome"])],
            late=None if row is None or row["finish"] < 0 else int(row["finish"] - row["deadline"]),
            lost=self._names(others - before),
            still=self._names(others & before),
            saved=len(before - others),
        )

    def _names(self, jobs: set[Name]) -> tuple[str, ...]:
        return tuple(f"{self.spec.tasks[task].name}[{index}]" for task, index in sorted(jobs))


def missed(trace: Trace) -> set[Name]:
    """The jobs that missed their deadlines: late, given up, or not done when it had passed."""
    jobs = trace.jobs
    early = (jobs["outcome"] == UNFINISHED) & (jobs["deadline"] > trace.end)
    rows = jobs[(jobs["outcome"] != OK) & ~early]
    return set(zip(rows["task"].tolist(), rows["index"].tolist(), strict=True))


def _number(trace: Trace, name: Name) -> int | None:
    mine = trace.numbers(name[0])
    found = mine[trace.jobs["index"][mine] == name[1]]
    return int(found[0]) if len(found) else None
