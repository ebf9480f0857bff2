"""Why one job took as long as it did: the interval from its arrival to its end, cut at every event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rtsched.columns import listed
from rtsched.display import Displayed
from rtsched.errors import InputError
from rtsched.trace.causes.history import History, Visit, Who
from rtsched.trace.causes.path import Leg, legs
from rtsched.trace.causes.pieces import ANSWERED, EARLIER, JITTER, WORDS, Episode, joined
from rtsched.trace.causes.running import there
from rtsched.trace.causes.waiting import away
from rtsched.trace.causes.words import Words
from rtsched.trace.trace import DRAINED, LATE, OK, OUTCOMES
from rtsched.trace.trace import OVERHEAD as COSTS
from rtsched.units import format_duration
from rtsched.visible import cut, visible

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace


@dataclass(frozen=True)
class Explanation(Displayed):
    """Where the time of a job went: `pieces`, one after the other, from its arrival to its end; their sum is `span`.

    `job` is its number in the trace. Times are ns.
    """

    trace: Trace
    job: int
    pieces: tuple[Episode, ...]

    @property
    def name(self) -> str:
        """The job as ``task[index]``."""
        return name_of(self.trace, self.job)

    @property
    def outcome(self) -> str:
        """What became of the job: ok, late, dropped, aborted or unfinished."""
        return OUTCOMES[int(self.trace.jobs["outcome"][self.job])]

    @property
    def span(self) -> int:
        """From its arrival to its end: its response, if it finished."""
        return self.pieces[-1].end - self.pieces[0].start if self.pieces else 0

    @property
    def sums(self) -> dict[str, int]:
        """How long each cause lasted in all, in the order of ``WORDS``."""
        found = dict.fromkeys(WORDS, 0)
        for piece in self.pieces:
            found[piece.cause] += piece.length
        return {cause: time for cause, time in found.items() if time}

    @property
    def words(self) -> Words:
        """What there is to say of it."""
        return Words(self.trace, self.job)

    @property
    def headline(self) -> str:
        """What became of the job, in a sentence."""
        row = self.trace.jobs[self.job]
        arrival, deadline, finish = (int(row[each]) for each in ("arrival", "deadline", "finish"))
        relative = f"deadline {_time(deadline - arrival)}"
        if finish >= 0:
            spare = deadline - finish
            kept = f"was in time, with {_time(spare)} to spare" if spare >= 0 else f"missed by {_time(-spare)}"
            return f"{self.name} {kept}: response {_time(finish - arrival)}, {relative}."
        if self.outcome in ("dropped", "aborted"):
            return f"{self.name} was {self.outcome} {_time(self.span)} after its arrival; {relative}."
        return f"{self.name} was not done when the run was over, {_time(self.span)} after its arrival; {relative}."

    def text(self, most: int = 40) -> str:
        """The explanation for people: where its time went, the longest first, then up to `most` pieces in order."""
        words = self.words
        id = self.trace.system.tasks[self.trace.jobs["task"][self.job]].id
        lines = [self.headline, *([f"The id of its task is {visible(id)}."] if id else []), *words.gone(), ""]
        lines += listed([[_time(time), said] for time, said in words.items(self.pieces)], right=[0])
        if len(self.pieces) > 1:
            rows = [[_time(each.start), _time(each.length), words.said([each])] for each in self.pieces[:most]]
            lines += ["", *listed([["from", "for", "what"], *rows], right=[0, 1])]
        if len(self.pieces) > most:
            lines.append(f"… and {len(self.pieces) - most} more pieces")
        return "\n".join(lines).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """The explanation for programs: names and ns."""
        row = self.trace.jobs[self.job]
        names = ("arrival", "release", "deadline", "start", "finish")
        return {
            "job": self.name,
            "task": self.trace.system.tasks[row["task"]].name,
            "id": self.trace.system.tasks[row["task"]].id,
            "index": int(row["index"]),
            "outcome": self.outcome,
            **{name: int(row[name]) if row[name] >= 0 else None for name in names},
            "response": response(self.trace, self.job),
            "span": self.span,
            "given_up": self._given_up(),
            "causes": self.sums,
            "pieces": [self._piece(piece) for piece in self.pieces],
        }

    def _given_up(self) -> dict[str, Any] | None:
        gone = None if self.trace.reasons is None else self.trace.reasons.gone.get(self.job)
        return None if gone is None else gone._asdict()

    def _piece(self, piece: Episode) -> dict[str, Any]:
        task = self.trace.system.tasks[self.trace.jobs["task"][self.job]]
        return {
            "start": piece.start,
            "end": piece.end,
            "cause": piece.cause,
            "node": None if piece.node < 0 else task.nodes[piece.node].name,
            "processor": None if piece.place < 0 else self.trace.system.processors[piece.place].name,
            "culprits": [name_of(self.trace, job) for job, _ in piece.culprits],
            "words": self.words.said([piece]),
        }

    def __repr__(self) -> str:
        return f"<Explanation: {cut(self.headline, 200)}>"

    def __str__(self) -> str:
        return self.text()


def explain(trace: Trace, job: int) -> Explanation:
    """Why job number `job` of a trace took as long as it did."""
    history = trace.history
    return Explanation(trace, job, tuple(joined(list(_pieces(history, job)))))


def _pieces(history: History, job: int) -> Iterator[Episode]:
    arrival, release = history.jobs[job][2:4]
    yield Episode(arrival, release, JITTER)
    for other, start, end in history.earlier(job):
        yield Episode(start, end, EARLIER, culprits=((other, -1),))
    for leg in legs(history, job):
        if leg.node < 0:
            yield Episode(leg.start, leg.end, ANSWERED)
        else:
            yield from _leg(history, job, leg)


def _leg(history: History, job: int, leg: Leg) -> Iterator[Episode]:
    """The pieces of one node's leg: where it was, and why it was nowhere in between."""
    who = (job, leg.node)
    stays = _one_at_a_time(history, who)
    start = leg.start
    for stay in stays:
        if stay.end <= start:
            continue
        if stay.start >= leg.end:
            break
        if stay.start > start:
            yield from away(history, who, start, stay.start, stay)
            start = stay.start
        until = min(stay.end, leg.end)
        yield from there(history, stay, start, until)
        start = until
    if start < leg.end:
        following = next((stay for stay in stays if stay.start >= leg.end), None)
        yield from away(history, who, start, leg.end, following)


def _one_at_a_time(history: History, who: Who) -> list[Visit]:
    """The slices of a node; of several at once the one that works, and began first."""
    stays = [stay for stay in history.stays.get(who, ()) if stay.end > stay.start]
    if who not in history.several:
        return stays
    edges = sorted({edge for stay in stays for edge in (stay.start, stay.end)})
    found: list[Visit] = []
    for start, end in pairwise(edges):
        here = [stay for stay in stays if stay.start <= start and end <= stay.end]
        if here:
            best = min(here, key=lambda stay: (stay.reason in (COSTS, DRAINED), stay.start, stay.place))
            found.append(best._replace(start=start, end=end))
    return found


def _time(nanoseconds: int) -> str:
    return format_duration(nanoseconds, digits=4)


def name_of(trace: Trace, job: int) -> str:
    """A job as ``task[index]``."""
    row = trace.jobs[job]
    return f"{trace.system.tasks[row['task']].name}[{row['index']}]"


def number_of(trace: Trace, task: str | int, index: int) -> int:
    """The number of a job by its task (a name, or its number) and its index. Raises InputError."""
    if not trace.kept:
        raise InputError("an explanation needs the trace, and this run kept none; leave out trace=False")
    names = [each.name for each in trace.system.tasks]
    if isinstance(task, str):
        if task not in names:
            raise InputError(f"no task is called {task!r}; these are: {', '.join(names)}")
        task = names.index(task)
    if not 0 <= task < len(names):
        raise InputError(f"there is no task {task}; they are numbered from 0 to {len(names) - 1}")
    mine = trace.numbers(task)
    found = mine[trace.jobs["index"][mine] == index].tolist()
    if not found:
        last = int(trace.jobs["index"][mine[-1]]) if len(mine) else -1
        many = f"its jobs are [0] to [{last}]" if len(mine) else "it has none in this run"
        raise InputError(f"{names[task]}[{index}] is no job of this run: {many}; run for longer, or name another")
    return int(found[0])


def response(trace: Trace, job: int) -> int | None:
    """The response time of a job in ns; None: it never finished."""
    row = trace.jobs[job]
    return int(row["finish"] - row["arrival"]) if row["outcome"] in (OK, LATE) and row["finish"] >= 0 else None
