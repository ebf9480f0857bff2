"""Two runs of one system beside each other: the first decision that differs, and what followed for each job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any

from rtsched.columns import listed
from rtsched.display import Displayed
from rtsched.errors import InputError
from rtsched.trace.trace import ACTIONS, OUTCOMES, Trace
from rtsched.units import format_duration
from rtsched.visible import cut

#: What was decided about which job, named by its task and index, since numbers may differ between runs.
Decision = tuple[int, int, int, int, int]
#: A job: the number of its task, and its index.
Name = tuple[int, int]


@dataclass(frozen=True)
class Fared:
    """What became of a job: its response in ns (None: it never finished), its outcome (None: there is no such job)."""

    response: int | None
    outcome: str | None


@dataclass(frozen=True)
class Difference(Displayed):
    """How two runs differ.

    At `time` (ns; None: nowhere) decisions differ for the first time: those of `only` were made by one run and not by
    the other. `jobs` are all whose fates differ, by arrival; `alike` counts the others.
    """

    traces: tuple[Trace, Trace]
    time: int | None
    only: tuple[tuple[Decision, ...], tuple[Decision, ...]]
    jobs: dict[Name, tuple[Fared, Fared]]
    alike: int

    def __repr__(self) -> str:
        when = "nowhere" if self.time is None else f"first at {format_duration(self.time)}"
        what = f"decisions differ {when}, {len(self.jobs)} jobs fare otherwise, {self.alike} alike"
        return f"<Difference on {cut(self.traces[0].system.name)!r}: {what}>"

    def __str__(self) -> str:
        return self.text()

    def name(self, job: Name) -> str:
        """A job as ``task[index]``."""
        return f"{self.traces[0].system.tasks[job[0]].name}[{job[1]}]"

    def id(self, job: Name) -> str | None:
        """What the requirement on the task of a job is called elsewhere."""
        return self.traces[0].system.tasks[job[0]].id

    def said(self, decision: Decision) -> str:
        """A decision in words."""
        task, index, node, place, action = decision
        system = self.traces[0].system
        nodes = system.tasks[task].pieces if node >= 0 else ()
        of = f", node {nodes[node].name}" if len(system.tasks[task].nodes) > 1 and node >= 0 else ""
        on = f" on {system.processors[place].name}" if place >= 0 else ""
        return f"{ACTIONS[action]} {self.name((task, index))}{of}{on}"

    def to_dict(self) -> dict[str, Any]:
        """The difference for programs: names and ns."""
        return {
            "format": 1,
            "system": self.traces[0].system.name,
            "id": self.traces[0].system.id,
            "runs": [trace.scheduler for trace in self.traces],
            "time": self.time,
            "decisions": [[self.said(each) for each in those] for those in self.only],
            "alike": self.alike,
            "jobs": [
                {"job": self.name(job), "id": self.id(job), "responses": [fate.response for fate in fates],
                 "outcomes": [fate.outcome for fate in fates]}
                for job, fates in self.jobs.items()
            ],
        }  # fmt: skip

    def text(self, most: int = 20) -> str:
        """The difference for people, with up to `most` of the jobs."""
        if self.time is None:
            return "Both runs decide the same, and every job fares the same." if not self.jobs else self._fates(most)
        lines = [f"The first decision that differs is at {format_duration(self.time)}:"]
        for letter, those in zip("AB", self.only, strict=True):
            lines.append(f"  {letter}: {'; '.join(map(self.said, those)) or 'nothing of the kind'}")
        return "\n".join([*lines, "", self._fates(most)])

    def _fates(self, most: int) -> str:
        better = [_compared(fates) for fates in self.jobs.values()]
        counts = [better.count(way) for way in (-1, 1)]
        lines = [f"Of {self.alike + len(self.jobs)} jobs {counts[0]} fare better in B, {counts[1]} worse; {self.alike} "
                 "finish alike."]  # fmt: skip
        ids = any(self.id(job) for job in self.jobs)
        rows = [["job", *["id"] * ids, "A", "B"]]
        for job, fates in self.jobs.items():
            rows.append([self.name(job), *[self.id(job) or "–"] * ids, *map(_shown, fates)])
        shown = rows[: most + 1] if self.jobs else []
        lines += listed(shown)
        if len(rows) > most + 1:
            lines.append(f"… and {len(rows) - most - 1} more")
        return "\n".join(lines)


def difference(one: Trace, other: Trace) -> Difference:
    """How two runs of the same tasks differ. Raises InputError where they have other tasks, or kept no trace."""
    names = [[task.name for task in trace.system.tasks] for trace in (one, other)]
    if names[0] != names[1]:
        raise InputError("two runs are compared of the same tasks, in the same order; these have others")
    if not (one.kept and other.kept):
        raise InputError("a run that kept no trace cannot be compared decision by decision; leave out trace=False")
    time, only = _first(one, other)
    fates = [_fates(trace) for trace in (one, other)]
    absent = Fared(None, None)
    arrivals = {name: arrival for trace in (other, one) for name, arrival in _arrivals(trace)}
    jobs = {
        name: pair
        for name in sorted(arrivals, key=lambda name: (arrivals[name], name))
        if (pair := (fates[0].get(name, absent), fates[1].get(name, absent)))[0] != pair[1]
    }
    return Difference((one, other), time, only, jobs, len(arrivals) - len(jobs))


def _first(one: Trace, other: Trace) -> tuple[int | None, tuple[tuple[Decision, ...], tuple[Decision, ...]]]:
    """The first instant at which not the same was decided, and what only one of the two did."""
    for mine, theirs in zip_longest(_instants(one), _instants(other)):
        if mine == theirs:
            continue
        times = [each[0] for each in (mine, theirs) if each is not None]
        time = min(times)
        first = mine[1] if mine is not None and mine[0] == time else []
        second = theirs[1] if theirs is not None and theirs[0] == time else []
        only = tuple(each for each in first if each not in second), tuple(each for each in second if each not in first)
        return time, only
    return None, ((), ())


def _instants(trace: Trace) -> Iterator[tuple[int, list[Decision]]]:
    """What was decided, instant by instant."""
    jobs = trace.jobs[["task", "index"]].tolist()
    for time, rows in groupby(trace.decisions.tolist(), key=itemgetter(0)):
        yield time, sorted((*jobs[job], node, place, action) for _, job, node, place, action in rows)


def _fates(trace: Trace) -> dict[Name, Fared]:
    keys = ["task", "index", "arrival", "finish", "outcome"]
    return {
        (task, index): Fared(finish - arrival if finish >= 0 else None, OUTCOMES[outcome])
        for task, index, arrival, finish, outcome in trace.jobs[keys].tolist()
    }


def _arrivals(trace: Trace) -> Iterator[tuple[Name, int]]:
    for task, index, arrival in trace.jobs[["task", "index", "arrival"]].tolist():
        yield (task, index), arrival


def _compared(fates: tuple[Fared, Fared]) -> int:
    """-1: the second is better (in time where the first is not, or earlier), 1: worse, 0: neither."""
    keys = [(fate.outcome != "ok", fate.response is None, fate.response or 0) for fate in fates]
    return (keys[1] > keys[0]) - (keys[1] < keys[0])


def _shown(fate: Fared) -> str:
    if fate.outcome is None:
        return "no such job"
    return fate.outcome if fate.response is None else f"{format_duration(fate.response, digits=4)} {fate.outcome}"
