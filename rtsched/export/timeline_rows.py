"""What stands on the tracks of a timeline: slices, jobs and their marks, blocks, holders, what was out of service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.export.flows import flows
from rtsched.export.identifiers import labels
from rtsched.export.ready import over
from rtsched.export.timeline import (
    BLOCKS,
    HARDWARE,
    RESOURCES,
    Label,
    Marks,
    Numbers,
    Said,
    Spans,
    Timeline,
)
from rtsched.trace.reasons import GONE
from rtsched.trace.trace import (
    ABORT,
    ABORTED,
    CHECKPOINT,
    DOWN,
    DRAINED,
    DROP,
    DROPPED,
    EVICT,
    GIVE,
    KILLED,
    LATE,
    LOAD,
    LOADED,
    OUTCOMES,
    OVERHEAD,
    PREEMPTED,
    REASONS,
    SUSPEND,
    TAKE,
    UP,
    WAIT,
    Trace,
)
from rtsched.visible import cut

Say = Callable[[Numbers], list[Said]]
#: The longest text that is said of anything.
LONGEST = 300

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
        label = Label("decides", "overhead")
        end, lasted = plans["time"].astype(np.int64), plans["value"].astype(np.int64)
        made.spans.append(Spans(end - lasted, end, tracks[plans["subject"]], lambda rows: [(label, ())] * len(rows)))


def _slices(trace: Trace) -> Say:
    links = [processor.kind == "link" for processor in trace.system.processors]
    names = _names(trace)
    known: dict[tuple[int, int, bool, int, str], Label] = {}
    chosen = trace.chosen if len(trace.choices) else {}
    ranked = trace.reasons is not None and bool(trace.reasons.rows)

    def label(task: int, node: int, link: bool, reason: int, variant: str) -> Label:
        about, several = trace.system.tasks[task], len(names[task]) > 1
        texts: list[tuple[str, str]] = [("task", cut(about.name, LONGEST))]
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
            found.append(_with_rank(trace, said, (job, node), start) if ranked else said)
        return found

    return say


def _names(trace: Trace) -> list[list[str]]:
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


def _with_rank(trace: Trace, said: Said, who: tuple[int, int], time: int) -> Said:
    """What is said, and how urgent the node was to the policy."""
    assert trace.reasons is not None
    rank = trace.reasons.rank(who, time)
    if rank is None:
        return said
    label, numbers = said
    texts: list[tuple[str, str]] = [("lent by a protocol", "yes")] if rank.lent else []
    more: list[tuple[str, int]] = []
    for name, part in zip(trace.reasons.names, rank.key, strict=False):
        if type(part) is int and abs(part) < 1 << 63:
            more.append((f"rank: {name}", part))
        else:
            texts.append((f"rank: {name}", cut(str(part), LONGEST)))
    own = Label(label.name, label.category, (*label.texts, *texts), (*label.numbers, *(name for name, _ in more)))
    return own, (*numbers, *(part for _, part in more))


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
        texts: list[tuple[str, str]] = [("outcome", OUTCOMES[outcome] if outcome >= 0 else "open")]
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


# ---- GPUs ------------------------------------------------------------------------------------------------------------


def blocks(trace: Trace, made: Timeline) -> None:
    """Waves of blocks, copies, and where a stream had something and nothing of it ran."""
    for rows, category, suffix in (
        (trace.waves[trace.waves["blocks"] > 0], "blocks", ""), (trace.waves[trace.waves["blocks"] == 0], "copy", " copies"),
        (trace.waits, "waiting", " waiting"),
    ):  # fmt: skip
        if len(rows):
            used = np.unique(rows["processor"])
            names = labels(trace.system.processors[place].name + suffix for place in used.tolist())
            place = made.add(BLOCKS, names)[np.searchsorted(used, rows["processor"])]
            start, end = rows["start"].astype(np.int64), rows["end"].astype(np.int64)
            made.spans.append(Spans(start, end, made.spread(start, end, place), _pieces(trace, rows, category)))


def _pieces(trace: Trace, table: NDArray[Any], category: str) -> Say:
    names = _names(trace)
    more = {"blocks": ("kernel", "blocks"), "copy": ("kernel",)}.get(category, ())
    known: dict[tuple[int, int], Label] = {}

    def say(rows: Numbers) -> list[Said]:
        mine = table[rows]
        owner, index = trace.jobs["task"][mine["job"]].tolist(), trace.jobs["index"][mine["job"]].tolist()
        nodes = mine["node"].tolist()
        values = list(zip(index, *(mine[name].tolist() for name in more), strict=True))
        for task, node in set(zip(owner, nodes, strict=True)) - known.keys():
            known[task, node] = Label(names[task][node], category, (), ("job", *more))
        return [(known[task, node], each) for task, node, each in zip(owner, nodes, values, strict=True)]

    return say


# ---- resources and hardware ------------------------------------------------------------------------------------------


def resources(trace: Trace, made: Timeline) -> None:
    """Who held each resource and from when on somebody waited for it; deadlocks."""
    if len(trace.locks):
        tracks = made.add(RESOURCES, labels(trace.resources))
        spans = held(trace)
        table = np.array(spans, np.int64).reshape(-1, 4)
        made.spans.append(
            Spans(table[:, 0], table[:, 1], tracks[table[:, 3]], _named(trace, table[:, 2], "lock", "")),
        )
        waits = trace.locks[trace.locks["what"] == WAIT]
        said = _named(trace, waits["job"].astype(np.int64), "lock", " waits")
        made.marks.append(Marks(waits["time"].astype(np.int64), tracks[waits["resource"]], said))
    if trace.deadlocks:
        track = made.add(RESOURCES, ["deadlocks"])
        said_of = [
            (Label("deadlock", "deadlock", (("what", cut(str(each), LONGEST)),)), ()) for each in trace.deadlocks
        ]
        times = np.array([each.time for each in trace.deadlocks], np.int64)
        made.marks.append(Marks(times, np.full(len(times), track[0]), lambda rows: [said_of[row] for row in rows]))


def held(trace: Trace) -> list[tuple[int, int, int, int]]:
    """From when to when a job held a resource: (start, end, job, resource), by start."""
    found: list[tuple[int, int, int, int]] = []
    begun: dict[tuple[int, int, int], int] = {}
    for time, job, node, resource, what in trace.locks.tolist():
        if what == TAKE:
            begun[job, node, resource] = time
        elif what == GIVE and (job, node, resource) in begun:
            found.append((begun.pop((job, node, resource)), time, job, resource))
    open_ones = [(start, max(start, trace.end), job, resource) for (job, _, resource), start in begun.items()]
    return sorted([*found, *open_ones])


def _named(trace: Trace, which: Numbers, category: str, suffix: str) -> Say:
    made = [Label(name + suffix, category, (), ("job",)) for name in labels(task.name for task in trace.system.tasks)]

    def say(rows: Numbers) -> list[Said]:
        mine = trace.jobs[which[rows]]
        both = zip(mine["task"].tolist(), mine["index"].tolist(), strict=True)
        return [(made[task], (index,)) for task, index in both]

    return say


#: Changes that are marked where they happen, with what their value means.
MARKED = {
    LOAD: ("load", "bytes"), EVICT: ("evict", "bytes"), LOADED: ("loaded", "bytes"), CHECKPOINT: ("checkpoint", ""),
    SUSPEND: ("suspend", "level"),
}  # fmt: skip


def hardware(trace: Trace, made: Timeline, tracks: Numbers) -> None:
    """When a processor was out of service; loads, evictions, checkpoints and suspensions where they happened."""
    for place, spans in sorted(outages(trace).items()):
        track = made.add(HARDWARE, labels([f"{trace.system.processors[place].name} out of service"]))
        label = Label("out of service", "fault")
        start, end = np.array(spans, np.int64).T
        made.spans.append(
            Spans(start, end, np.full(len(start), track[0]), lambda rows, label=label: [(label, ())] * len(rows))
        )
    memory: Numbers | None = None
    for what, (name, meaning) in MARKED.items():
        rows = trace.changes[trace.changes["what"] == what]
        if not len(rows):
            continue
        if memory is None and (rows["subject"] < 0).any():
            memory = made.add(HARDWARE, ["memory"])
        place_of = np.append(tracks, -1 if memory is None else memory[0])  # subject -1: the last
        label = Label(name, "hardware", (), (meaning,) if meaning else ())
        values = [(each,) if meaning else () for each in rows["value"].tolist()]
        made.marks.append(
            Marks(
                rows["time"].astype(np.int64), place_of[rows["subject"]],
                lambda rows, label=label, values=values: [(label, values[row]) for row in rows.tolist()],
            )
        )  # fmt: skip


def outages(trace: Trace) -> dict[int, list[tuple[int, int]]]:
    """When each processor was out of service or stood still, within the run."""
    found: dict[int, list[tuple[int, int]]] = {}
    for each in trace.system.processors:
        spans = [(start, min(end, trace.end)) for start, end in each.blackouts if start < trace.end]
        if spans:
            found[each.index] = spans
    since: dict[int, int] = {}
    for time, what, place, _ in trace.changes[np.isin(trace.changes["what"], (DOWN, UP))].tolist():
        if what == DOWN:
            since.setdefault(place, time)
        elif place in since:
            found.setdefault(place, []).append((since.pop(place), time))
    for place, time in since.items():
        found.setdefault(place, []).append((time, max(time, trace.end)))
    return {place: _joined(sorted(spans)) for place, spans in found.items()}


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
