"""An explanation in words: what each cause was, who was behind it, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtsched.trace.causes import pieces as causes
from rtsched.trace.causes.history import History, Who
from rtsched.trace.causes.pieces import BY_CEILING, DEADLOCK, WORDS, Episode
from rtsched.trace.reasons import GONE
from rtsched.units import format_duration

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: So many culprits are named one by one.
MOST_NAMED = 3
#: The parts of ranks that are instants, or durations, in ns.
INSTANTS = frozenset({"deadline", "release", "ready time"})
DURATIONS = frozenset({"period", "relative deadline", "expected time"})


@dataclass
class _Item:
    """Pieces of one cause that have the same culprits, but for which of a task's jobs those are."""

    cause: str
    time: int = 0
    pieces: list[Episode] = field(default_factory=list)


class Words:
    """What there is to say of the pieces of one job."""

    def __init__(self, trace: Trace, job: int) -> None:
        self.trace = trace
        self.job = job
        self.history: History = trace.history
        self.system = trace.system

    def items(self, pieces: Sequence[Episode]) -> list[tuple[int, str]]:
        """What there was in all: (ns, in words), the longest first."""
        return [(sum(each.length for each in those), said) for said, those in self.grouped(pieces)]

    def grouped(self, pieces: Sequence[Episode]) -> list[tuple[str, list[Episode]]]:
        """Pieces by what is said of them in all, those first that are the longest together."""
        found: dict[tuple[object, ...], _Item] = {}
        for piece in pieces:
            tasks = tuple(self.history.task_of[job] for job, _ in piece.culprits)
            item = found.setdefault((piece.cause, tasks, piece.how, piece.place), _Item(piece.cause))
            item.time += piece.length
            item.pieces.append(piece)
        ordered = sorted(found.values(), key=lambda item: (-item.time, item.pieces[0].start))
        merged: dict[str, list[Episode]] = {}
        for item in ordered:
            merged.setdefault(self.said(item.pieces), []).extend(item.pieces)
        return sorted(merged.items(), key=lambda each: -sum(piece.length for piece in each[1]))

    def gone(self) -> Iterator[str]:
        """Why the job was given up, by parts, if it was and that is known."""
        reasons = self.trace.reasons
        gone = None if reasons is None else reasons.gone.get(self.job)
        if gone is None:
            return
        said = f': "{gone.reason}"' if gone.reason else ""
        yield f"Given up: {GONE[gone.why]}{said}."
        far = format_duration(abs(gone.left), 4)
        away = f"{far} away" if gone.left > 0 else f"{far} past" if gone.left else "now"
        parts = f"its own work that was left, as believed: {format_duration(gone.own, 4)}"
        if gone.expected is not None:
            end = gone.left + gone.expected - int(self.trace.jobs["deadline"][self.job])
            ahead = format_duration(max(0, end - gone.own), 4)
            parts += f"; what was ahead of it: {ahead}; so it was expected in {format_duration(end, 4)}"
        yield f"At that instant its deadline was {away}; {parts}."

    def said(self, pieces: Sequence[Episode]) -> str:
        """What the pieces of one item have in common, in words."""
        first = pieces[0]
        cause = first.cause
        if cause in (causes.HIGHER, causes.LOWER, causes.AHEAD):
            return self._behind(pieces)
        if cause in (causes.LOCK, causes.INVERSION):
            return self._locked(pieces)
        where = f" on {self.place(first.place)}" if first.place >= 0 else ""
        who = self.names([each.culprits[0] for each in pieces if each.culprits])
        if cause == causes.RUNNING:
            return f"own work{self._of(pieces)}{where}"
        if cause == causes.SLOWED:
            return f"slower than at full speed{where}{self._slow(first)}"
        if cause == causes.LOST:
            return f"work{where} that was thrown away: it began anew"
        if cause == causes.OVERHEAD:
            return f"costs of its starts{where}" + (f" ({first.how})" if first.how else "")
        if cause == causes.LOAD:
            return f"waiting for the weights of {first.how}{where}"
        if cause == causes.TRANSFER:
            return f"waiting for {self.place(first.place)}, which carried data of {who}" if who else f"transfers{where}"
        if cause == causes.GPU:
            blocks = f"blocks of {self.names(first.culprits)} had the GPU" if who else "nothing of it ran"
            return f"{where.strip()}, while {blocks}"
        if cause == causes.EARLIER:
            return f"behind {who}, which came earlier"
        if cause == causes.SIBLING:
            nodes = sorted({self.node(each.culprits[0]) for each in pieces})
            return f"behind node{'s' * (len(nodes) > 1)} {listed(nodes)} of its own{where}"
        if cause == causes.LEFTOVER:
            return f"behind {who}, which was over, but not off {self.place(first.place)} yet"
        if cause == causes.DOWN:
            return f"{self.place(first.place)} was out of service"
        if cause == causes.DECIDING:
            return "the planner was deciding"
        if cause == causes.BATCH:
            return f"waiting for {self.names(first.culprits)} of its batch"
        if cause == causes.IDLE:
            return f"left waiting by the policy, while {self.place(first.place)} was idle"
        return WORDS[cause]

    # ---- who was ahead -------------------------------------------------------------------------------------------

    def _behind(self, pieces: Sequence[Episode]) -> str:
        """Another job had the processor: by which rule, or why it was not interrupted."""
        first = pieces[0]
        other = first.culprits[0]
        who, where = self.names([each.culprits[0] for each in pieces]), self.place(first.place)
        rule = self.rule(first)
        if first.cause == causes.AHEAD:
            before = self._began(first)
            return f"behind {who} on {where}" + (f", which began {before} earlier" if before else "")
        if first.cause == causes.HIGHER:
            urgent = "ahead of it in the FIFO queue" if self._first_in(first) else "more urgent"
            return f"behind {who} on {where}, {urgent}{rule}"
        if first.how:
            return f"blocked: {who} held {first.how}, and ran at the urgency that this lent it"
        before = self._began(first)
        began = f"began {before} earlier" if before else "was there first"
        return f"blocked: {who}, less urgent{rule}, {began}{self._kept(first, other)}"

    def _first_in(self, piece: Episode) -> bool:
        """Whether the queue, one of several of other orders, is served first in, first out."""
        reasons = self.trace.reasons
        return reasons is not None and bool(reasons.rules) and reasons.rules[piece.place][0] == "FIFO"

    def _began(self, piece: Episode) -> str:
        """How long before a piece its culprit had begun; empty if it had not."""
        stay = next(self.history.on(piece.place, piece.start, piece.end))
        before = piece.start - self.history.first_of(stay)
        return format_duration(before, digits=4) if before > 0 else ""

    def _kept(self, piece: Episode, other: Who) -> str:
        """Why a less urgent one was not interrupted."""
        processor = self.system.processors[piece.place]
        reasons = self.trace.reasons
        mode = "preemptive" if reasons is None else reasons.mode(piece.place)
        if processor.service == "node":
            return f", and {processor.name} never interrupts a node"
        if processor.service == "run-to-completion":
            return f", and {processor.name} runs what it began to its end"
        if mode == "nonpreemptive":
            return ", and the policy never interrupts"
        if not self.trace.node(*other).preemptive:
            return ", and may not be interrupted"
        if mode == "limited":
            return ", and the policy interrupts at the ends of regions only"
        return ", and the policy left it there"

    def rule(self, piece: Episode) -> str:
        """By what part of their ranks one of the two goes first, as `` (deadline 3 ms before 5 ms)``."""
        reasons = self.trace.reasons
        who, other = (self.job, piece.node), piece.culprits[0]
        if reasons is None:
            return ""
        theirs = reasons.rank(other, piece.start) if piece.cause == causes.HIGHER else reasons.own(other)
        mine = reasons.rank(who, piece.start)
        if theirs is None or mine is None or theirs.lent or mine.lent:
            return ""
        unlike = (at for at, pair in enumerate(zip(theirs.key, mine.key, strict=False)) if pair[0] != pair[1])
        index, tie = next(unlike, None), len(mine.key) - 3
        if index is None:
            return ""
        if index >= tie:
            by = ("task comes first in the system", "job came first", "node comes first in its graph")[index - tie]
            first = "its" if piece.cause == causes.HIGHER else "this one's"
            return f" (a tie, and {first} {by})"
        names = reasons.called(piece.place)
        if names is None:
            return ""
        name = names[index] if index < len(names) else "rank"
        shown = _values(theirs.key[index], mine.key[index], name)
        at = " at" if name in INSTANTS else ""
        return f" ({name}{at} {shown[0]}, {'before' if piece.cause == causes.HIGHER else 'after'} {shown[1]})"

    # ---- locks, speeds -------------------------------------------------------------------------------------------

    def _locked(self, pieces: Sequence[Episode]) -> str:
        first = pieces[0]
        resource = first.how
        holder = self.names([each.culprits[-1] for each in pieces if each.culprits])
        if resource.endswith(BY_CEILING):
            return self._kept_out(first, resource.removesuffix(BY_CEILING), holder)
        if resource.endswith(DEADLOCK):
            held = f"{holder} held {resource.removesuffix(DEADLOCK)}"
            return f"blocked: {held}, and waited in turn: a deadlock"
        if first.cause == causes.INVERSION:
            third = self.names([each.culprits[0] for each in pieces])
            return f"blocked: {holder} held {resource}, and {third} ran instead of it (priority inversion)"
        return f"blocked: {holder} held {resource}"

    def _kept_out(self, piece: Episode, resource: str, holder: str) -> str:
        """The ceiling of what another held was in the way of what it wanted (original ceiling protocol)."""
        wanted = self.history.wanted((self.job, piece.node), piece.end)
        told = "" if wanted is None else f"; it wanted {self.trace.resources[wanted]}"
        return f"blocked by the ceiling of {resource}, which {holder} held{told}"

    def _slow(self, piece: Episode) -> str:
        if piece.how == "contention":
            return f", beside {self.names(piece.culprits)}"
        told = {"heat": "it was hot, and its clock was lowered", "clock": "its clock was below the highest",
                "bandwidth": "its bandwidth was below the nominal one"}  # fmt: skip
        return f": {told[piece.how]}" if piece.how in told else ""

    def _of(self, pieces: Sequence[Episode]) -> str:
        """Of which node, where a job has several and this is about one of them."""
        nodes = {piece.node for piece in pieces}
        several = len(self.system.tasks[self.history.task_of[self.job]].nodes) > 1
        return f" of {self.node((self.job, nodes.pop()))}" if several and len(nodes) == 1 else ""

    # ---- names ---------------------------------------------------------------------------------------------------

    def place(self, index: int) -> str:
        """The name of a processor."""
        return self.system.processors[index].name

    def node(self, who: Who) -> str:
        """The name of a node."""
        return self.trace.node(*who).name

    def names(self, culprits: Sequence[Who]) -> str:
        """Jobs by name; of many of one task only how many."""
        jobs = sorted({job for job, _ in culprits})
        by_task: dict[int, list[int]] = {}
        for job in jobs:
            by_task.setdefault(self.history.task_of[job], []).append(self.history.jobs[job][1])
        found = []
        for task, indices in by_task.items():
            name = self.system.tasks[task].name
            few = len(indices) <= MOST_NAMED
            found += [f"{name}[{index}]" for index in indices] if few else [f"{len(indices)} jobs of {name}"]
        return listed(found)


def listed(names: Sequence[str]) -> str:
    """Names as ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _values(one: object, other: object, name: str) -> tuple[str, str]:
    """Two values of a part of ranks, so that they look different where they are."""
    rough = _value(one, name, 4), _value(other, name, 4)
    return rough if rough[0] != rough[1] else (_value(one, name, None), _value(other, name, None))


def _value(value: object, name: str, digits: int | None) -> str:
    if name in INSTANTS | DURATIONS and isinstance(value, int):
        return format_duration(value, digits)
    return f"{value:g}" if isinstance(value, float) and digits else str(value)
