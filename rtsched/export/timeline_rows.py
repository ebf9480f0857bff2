"""What stands on the tracks of a timeline: slices, jobs and their marks, blocks, holders, what was out of service."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from rtsched.export.flows import flows
from rtsched.export.identifiers import labels
from rtsched.export.ready import over
from rtsched.export.timeline import (
    Label,
    Marks,
    Numbers,
    Said,
    Spans,
    Timeline,
)
from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.reasons import GONE, Rank, Reasons
from rtsched.trace.trace import (
    ABORT,
    ABORTED,
    DRAINED,
    DROP,
    DROPPED,
    KILLED,
    LATE,
    OUTCOMES,
    OVERHEAD,
    PREEMPTED,
    REASONS,
    Trace,
)
from rtsched.visible import cut

Say = Callable[[Numbers], list[Said]]
#: The longest text that is said of anything.
LONGEST = 300
#: Numbers below this fit into 64 bits.
MOST = 1 << 63

# ---- processors ------------------------------------------------------------------------------------------------------


def processors(trace: Trace, made: Timeline, tracks: Numbers) -> None:
    """What ran where: each processor's first lane holds what it was busy with, further ones who ran in batches."""
    slices = trace.slices
    leads = np.ones(len(slices), bool)
    if len(trace.batches):
        first = set(trace.leading[["start", "job", "node", "processor"]].tolist())
        leads = np.array([row in first for row in slices[["start", "job", "node", "processor"]].tolist()], bool)
        leads |= slices["reason"] == OVERHEAD
    place = tracks[slices["processor"]] if len(slices) else np.empty(0, np.int64)
    if not leads.all():
        rest = slices[~leads]
        place[~leads] = made.spread(rest["start"], rest["end"], place[~leads], first=1)
    made.spans.append(
        Spans(
            slices["start"].astype(np.int64), slices["end"].astype(np.int64), place, _slices(trace),
            flows(trace, slices),
        )
    )  # fmt: skip
    plans = trace.plans
    if len(plans):
        end, lasted = plans["time"].astype(np.int64), plans["value"].astype(np.int64)
        decides = always(Label("decides", "overhead"))
        made.spans.append(Spans(end - lasted, end, tracks[plans["subject"]], decides))


def always(label: Label) -> Say:
    """The same is said of every row."""
    return lambda rows: [(label, ())] * len(rows)


def _slices(trace: Trace) -> Say:
    links = [processor.kind == "link" for processor in trace.system.processors]
    names = names_of(trace)
    known: dict[tuple[int, int, bool, int, str], Label] = {}
    chosen = trace.chosen if len(trace.choices) else {}
    ranks = _Ranks(trace.reasons) if trace.reasons is not None and trace.reasons.rows else None

    def label(task: int, node: int, link: bool, reason: int, variant: str) -> Label:
        about, several = trace.system.tasks[task], len(names[task]) > 1
        texts: list[tuple[str, str]] = [("task", cut(about.name, LONGEST)), *_id(about)]
        if several:
            texts.append(("node", cut(about.pieces[node].name, LONGEST)))
        if variant:
            texts.append(("variant", variant))
        texts.append(("ended", REASONS[reason]))
        copy = link or node >= len(about.nodes)
        category = {OVERHEAD: "overhead", DRAINED: "drain", KILLED: "lost"}.get(reason, "transfer" if copy else "exec")
        return Label("overhead" if reason == OVERHEAD else names[task][node], category, tuple(texts), ("job",))

    def say(rows: Numbers) -> list[Said]:
        mine = trace.slices[rows]
        owner, index = trace.jobs["task"][mine["job"]].tolist(), trace.jobs["index"][mine["job"]].tolist()
        found: list[Said] = []
        for task, number, (start, end, job, node, place, reason) in zip(owner, index, mine.tolist(), strict=True):
            variant = _variant(trace, job, node, start, end) if (job, node) in chosen else ""
            key = (task, node, links[place], reason, variant)
            if key not in known:
                known[key] = label(*key)
            said = (known[key], (number,))
            found.append(said if ranks is None else ranks.of(said, (job, node), start))
        return found

    return say


def _id(task: TaskSpec) -> list[tuple[str, str]]:
    """What the requirement on a task is called, where it has a name."""
    return [] if task.id is None else [("id", task.id)]


def names_of(trace: Trace) -> list[list[str]]:
    """What the nodes of each task are called: as the task, where it has one alone."""
    own = labels(task.name for task in trace.system.tasks)
    return [
        [name] if len(task.pieces) == 1 else [f"{name}.{cut(node.name, LONGEST)}" for node in task.pieces]
        for name, task in zip(own, trace.system.tasks, strict=True)
    ]


def _variant(trace: Trace, job: int, node: int, start: int, end: int) -> str:
    quality = trace.system.tasks[trace.jobs["task"][job]].quality
    assert quality is not None
    return cut("→".join(quality.variants[number].name for *_, number in trace.variants(job, node, start, end)), LONGEST)


class _Ranks:
    """What is said of slices, and how urgent the policy held them to be."""

    def __init__(self, reasons: Reasons) -> None:
        self.reasons = reasons
        self.names = tuple(f"rank: {name}" for name in reasons.names)
        self.known: dict[tuple[Label, bool, int], Label] = {}

    def of(self, said: Said, who: tuple[int, int], time: int) -> Said:
        """What is said, with the rank that a node had then; whole numbers as such, what else there is as text."""
        rank = self.reasons.rank(who, time)
        if rank is None:
            return said
        label, numbers = said
        if all(type(part) is int and -MOST < part < MOST for part in rank.key):
            key = (label, rank.lent, len(rank.key))
            if key not in self.known:
                self.known[key] = self._label(label, rank, self.names[: len(rank.key)])
            return self.known[key], (*numbers, *rank.key[: len(self.names)])
        parts = list(zip(self.names, rank.key, strict=False))
        texts = [(name, cut(str(part), LONGEST)) for name, part in parts]
        return self._label(label, rank, (), texts), numbers

    @staticmethod
    def _label(label: Label, rank: Rank, names: tuple[str, ...], more: Iterable[tuple[str, str]] = ()) -> Label:
        lent = (("lent by a protocol", "yes"),) if rank.lent else ()
        return Label(label.name, label.category, (*label.texts, *lent, *more), (*label.numbers, *names))


# ---- jobs ------------------------------------------------------------------------------------------------------------


def jobs(trace: Trace, made: Timeline, tracks: Numbers) -> None:
    """Each job from its release until it was over; releases, deadlines, misses, and what was given up."""
    table, ends = trace.jobs, over(trace)
    place = tracks[table["task"]] if len(table) else np.empty(0, np.int64)
    release = table["release"].astype(np.int64)
    made.spans.append(Spans(release, ends, made.spread(release, ends, place), _jobs(trace)))
    missed = np.flatnonzero(np.isin(table["outcome"], (LATE, DROPPED, ABORTED)))
    everyone = np.arange(len(table))
    for name, rows, times in (
        ("release", everyone, release), ("deadline", everyone, table["deadline"]),
        ("miss", missed, table["deadline"][missed]),
    ):  # fmt: skip
        made.marks.append(_marks(trace, name, np.asarray(times, np.int64), place[rows], rows))
    for name, action in (("drop", DROP), ("abort", ABORT)):
        gone = trace.logged[trace.logged["action"] == action]
        if len(gone):
            which = gone["job"].astype(np.int64)
            made.marks.append(_marks(trace, name, gone["time"].astype(np.int64), place[which], which))


def _marks(trace: Trace, name: str, times: Numbers, tracks: Numbers, which: Numbers) -> Marks:
    label = Label(name, name, (), ("job",))
    return Marks(times, tracks, lambda rows: [(label, (each,)) for each in trace.jobs["index"][which[rows]].tolist()])


def _jobs(trace: Trace) -> Say:
    own = labels(task.name for task in trace.system.tasks)
    variants, exits = _answers(trace)
    cuts = np.bincount(trace.slices["job"][trace.slices["reason"] == PREEMPTED], minlength=len(trace.jobs))
    known: dict[tuple[int, int, int, int, str, bool], Label] = {}
    gone = {} if trace.reasons is None else trace.reasons.gone

    def label(task: int, outcome: int, variant: int, leave: int, why: str, done: bool) -> Label:
        quality = trace.system.tasks[task].quality
        texts = [("outcome", OUTCOMES[outcome] if outcome >= 0 else "open"), *_id(trace.system.tasks[task])]
        if quality is not None and 0 <= variant < len(quality.variants):
            texts.append(("variant", cut(quality.variants[variant].name, LONGEST)))
        if quality is not None and 0 <= leave < len(quality.exits):
            texts.append(("exit", cut(quality.exits[leave].name, LONGEST)))
        if why:
            texts.append(("given up", GONE[why]))
        numbers = ("job", "arrival (ns)", "deadline (ns)", "preempted")
        return Label(own[task], "job", tuple(texts), (*numbers, "response (ns)") if done else numbers)

    def say(rows: Numbers) -> list[Said]:
        mine = trace.jobs[rows]
        others = (variants[rows].tolist(), exits[rows].tolist(), cuts[rows].tolist())
        found: list[Said] = []
        for number, row, variant, leave, times in zip(rows.tolist(), mine.tolist(), *others, strict=True):
            task, index, arrival, _, deadline, _, finish, outcome = row
            why = gone[number].why if number in gone else ""
            key = (task, outcome, variant, leave, why, finish >= 0)
            if key not in known:
                known[key] = label(*key)
            numbers = (index, arrival, deadline, times)
            found.append((known[key], (*numbers, finish - arrival) if finish >= 0 else numbers))
        return found

    return say


def _answers(trace: Trace) -> tuple[Numbers, Numbers]:
    """The variant and the exit of each job, -1 for none: those of its answer, else the variant that it last took."""
    variant, leave = np.full(len(trace.jobs), -1), np.full(len(trace.jobs), -1)
    variant[trace.choices["job"]] = trace.choices["variant"]
    variant[trace.answers["job"]] = trace.answers["variant"]
    leave[trace.answers["job"]] = trace.answers["exit"]
    return variant, leave
