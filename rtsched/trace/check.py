"""What must hold in every run, whatever the policy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from rtsched.model.accelerator import BlockLevel, Kernel
from rtsched.model.task import Spawned, TraceArrivals
from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.batches import wrong_batches
from rtsched.trace.check_launches import launches
from rtsched.trace.check_planner import decisions
from rtsched.trace.check_shares import shares
from rtsched.trace.check_spawns import spawned
from rtsched.trace.demands import Demands
from rtsched.trace.duplicates import discarded, duplicates
from rtsched.trace.speeds import Speeds
from rtsched.trace.splits import split_nodes, wrong_splits
from rtsched.trace.trace import (
    ABORT,
    ABORTED,
    CANCEL,
    COMPLETED,
    DRAINED,
    DROP,
    DROPPED,
    EVICT,
    FINISH,
    GIVE,
    KILLED,
    LATE,
    LOAD,
    LOADED,
    OK,
    OUTCOMES,
    OVERHEAD,
    RESERVE,
    TAKE,
    Trace,
)
from rtsched.units import S


def violations(trace: Trace) -> list[str]:
    """Every rule that the trace breaks, as sentences that name job, processor and time."""
    if not trace.kept:
        return []
    checks = (
        _processors_serve_one, _nodes_run_once, _order, _copies, _all_nodes, _after_the_end, _outcomes, _deadlines,
        _no_overlap, _holders, _sections, _busy, _work, _blocks, _threads, shares, _weights, decisions, _reserved,
        _batches, launches, _inputs, spawned, duplicates, _splits,
    )  # fmt: skip
    return [sentence for check in checks for sentence in check(trace)]


def _name(trace: Trace, job: Any) -> str:
    row = trace.jobs[job]
    return f"job {row['index']} of {trace.system.tasks[row['task']].name!r}"


def _processors_serve_one(trace: Trace) -> Iterator[str]:
    rows = trace.leading[np.lexsort(tuple(trace.leading[key] for key in ("end", "start", "processor")))]
    clash = (rows["processor"][1:] == rows["processor"][:-1]) & (rows["start"][1:] < rows["end"][:-1])
    for index in np.flatnonzero(clash):
        first, second = rows[index], rows[index + 1]
        name = trace.system.processors[first["processor"]].name
        both = f"{_name(trace, first['job'])} and {_name(trace, second['job'])}"
        yield f"processor {name!r} runs {both} at {second['start']}"
    for row in rows[rows["end"] < rows["start"]]:
        yield f"a slice of {_name(trace, row['job'])} ends at {row['end']} before it starts at {row['start']}"


def _nodes_run_once(trace: Trace) -> Iterator[str]:
    keys = ("end", "start", "node", "job")
    rows = trace.remained[np.lexsort(tuple(trace.remained[key] for key in keys))]
    if len(trace.splits):  # their parts run at once
        rows = rows[~split_nodes(trace, rows)]
    same = (rows["job"][1:] == rows["job"][:-1]) & (rows["node"][1:] == rows["node"][:-1])
    for index in np.flatnonzero(same & (rows["start"][1:] < rows["end"][:-1])):
        row = rows[index + 1]
        yield f"node {row['node']} of {_name(trace, row['job'])} runs twice at {row['start']}"
    for index in np.flatnonzero(same & (rows["reason"][:-1] == COMPLETED)):
        row = rows[index + 1]
        yield f"node {row['node']} of {_name(trace, row['job'])} runs at {row['start']} after its end"


def _order(trace: Trace) -> Iterator[str]:
    early = trace.slices["start"] < trace.jobs["release"][trace.slices["job"]]
    for row in trace.slices[early]:
        yield f"{_name(trace, row['job'])} runs at {row['start']} before its release"
    graphs = {task.index for task in trace.system.tasks if len(task.nodes) > 1}
    if not graphs:
        return
    times = trace.node_times()
    found = {(int(row["job"]), int(row["node"])): (int(row["start"]), int(row["finish"])) for row in times}
    for (job, node), (start, _) in found.items():
        task = trace.system.tasks[trace.jobs["task"][job]]
        for before in task.nodes[node].predecessors:
            if (job, before) not in found and (task.quality is not None or task.branches):
                continue  # its variant, or its way, leaves that node out
            finish = found.get((job, before), (-1, -1))[1]
            if finish < 0 or finish > start:
                yield f"node {node} of {_name(trace, job)} starts at {start} before node {before} has ended"


def _all_nodes(trace: Trace) -> Iterator[str]:
    """A job that finished ran all its nodes, but for those that its way or its variant leaves out."""
    done = trace.own[trace.own["reason"] == COMPLETED]
    counts = np.bincount(done["job"], minlength=len(trace.jobs))
    accepted = set(trace.logged["job"][trace.logged["action"] == FINISH].tolist())
    for task in trace.system.tasks:
        if task.branches or (task.quality is not None and task.quality.variants):
            continue
        mine = trace.numbers(task.index)
        for job in mine[(trace.jobs["finish"][mine] >= 0) & (counts[mine] < len(task.nodes))]:
            if int(job) not in accepted:
                yield f"{_name(trace, job)} finished with {counts[job]} of its {len(task.nodes)} nodes"


def _after_the_end(trace: Trace) -> Iterator[str]:
    """Nothing of a job runs when it has ended, but what drains; and nothing drains before."""
    ends = np.where(trace.jobs["finish"] >= 0, trace.jobs["finish"], np.iinfo(np.int64).max)
    given_up = trace.logged[np.isin(trace.logged["action"], (DROP, ABORT))]
    ends[given_up["job"]] = given_up["time"]
    slices = trace.own  # a copy that is under way goes on
    end = ends[slices["job"]]
    drained = slices["reason"] == DRAINED
    for row in slices[~drained & (slices["end"] > end)]:
        yield f"node {row['node']} of {_name(trace, row['job'])} runs until {row['end']}, after the end of its job"
    cancelled = set(trace.logged[trace.logged["action"] == CANCEL][["job", "node", "time"]].tolist())
    killed = set(slices["job"][slices["reason"] == KILLED].tolist())  # a reset may outlast its job
    for row in slices[drained & (slices["start"] < end)]:
        if int(row["job"]) not in killed and (row["job"], row["node"], row["start"]) not in cancelled:
            yield f"node {row['node']} of {_name(trace, row['job'])} drains at {row['start']}, before its job is over"


def _deadlines(trace: Trace) -> Iterator[str]:
    """A job's deadline is its arrival and its task's relative deadline, or its own out of a recording."""
    for task in trace.system.tasks:
        if isinstance(task.arrival, Spawned):
            continue  # as the policy says, see `spawned`
        mine = trace.jobs_of(task.index)
        own = task.arrival.deadlines if isinstance(task.arrival, TraceArrivals) else None
        relative = task.deadline if own is None else np.array(own, np.int64)[mine["index"]]
        for row in mine[mine["deadline"] != mine["arrival"] + relative]:
            yield f"job {row['index']} of {task.name!r} has the deadline {row['deadline']}, which is not its own"


def _holders(trace: Trace) -> Iterator[str]:
    """A resource is held by one node at a time, and given back by who holds it."""
    holder: dict[int, tuple[int, int]] = {}
    for row in trace.locks:
        who, what = (int(row["job"]), int(row["node"])), int(row["resource"])
        if row["what"] == TAKE and what in holder:
            both = f"{_name(trace, holder[what][0])} and {_name(trace, who[0])}"
            yield f"{both} hold {trace.resources[what]!r} at {row['time']}"
        if row["what"] == GIVE and holder.pop(what, None) != who:
            yield f"{_name(trace, who[0])} gives {trace.resources[what]!r} back at {row['time']} and does not hold it"
        if row["what"] == TAKE:
            holder[what] = who


def _sections(trace: Trace) -> Iterator[str]:
    """Seen from the slices alone: no two nodes are inside their sections of one resource at a time.

    For nodes that completed on processors of a fixed speed.
    """
    tasks = {task.index for task in trace.system.tasks if any(node.sections for node in task.all_nodes)}
    if not tasks:
        return
    plain = _plain_processors(trace.system)
    rows = trace.own[trace.own["reason"] != OVERHEAD]
    rows = rows[np.isin(trace.jobs["task"][rows["job"]], list(tasks))]
    rows = rows[np.lexsort((rows["start"], rows["node"], rows["job"]))]
    pieces: dict[tuple[int, int], list[tuple[int, int]]] = {}
    elsewhere: set[tuple[int, int]] = set()
    held: dict[str, list[tuple[int, int, int]]] = {}
    for row in rows:
        key = (int(row["job"]), int(row["node"]))
        pieces.setdefault(key, []).append((int(row["start"]), int(row["end"])))
        if row["reason"] == KILLED:
            pieces[key].clear()
        if int(row["processor"]) not in plain:
            elsewhere.add(key)
        if row["reason"] != COMPLETED or key in elsewhere:
            continue
        node = trace.node(*key)
        demand = sum(end - start for start, end in pieces[key])
        for section in node.sections:
            bounds = (section.start * demand // node.fastest, section.end * demand // node.fastest)
            if bounds[0] < bounds[1]:
                begin, end = _instant(pieces[key], bounds[0] + 1) - 1, _instant(pieces[key], bounds[1])
                held.setdefault(section.resource, []).append((begin, end, key[0]))
    for resource, spans in held.items():
        spans.sort()
        for first, second in pairwise(spans):
            if second[0] < first[1]:
                both = f"{_name(trace, first[2])} and {_name(trace, second[2])}"
                yield f"{both} are in their sections of {resource!r} at {second[0]}"


def _instant(pieces: list[tuple[int, int]], work: int) -> int:
    """When `work` ns were done in these intervals."""
    for start, end in pieces:
        if work <= end - start:
            return start + work
        work -= end - start
    return pieces[-1][1]


def _plain_processors(system: SystemSpec) -> set[int]:
    rated = frozenset[int]() if system.hardware is None else system.hardware.rated
    return {each.index for each in system.processors if each.index not in rated and not each.blackouts}


def _copies(trace: Trace) -> Iterator[str]:
    """What a node reads has come over the link between the two clusters before it runs there."""
    system = trace.system
    if all(len(task.pieces) == len(task.nodes) for task in system.tasks):
        return
    cluster = [processor.cluster for processor in system.processors]
    ended = trace.slices[trace.slices["reason"] == COMPLETED]
    ends: dict[tuple[int, int], list[tuple[int, int]]] = {}  # by job and node: (end, processor)
    for row in ended:
        ends.setdefault((int(row["job"]), int(row["node"])), []).append((int(row["end"]), int(row["processor"])))
    ran = (trace.own["reason"] != OVERHEAD) & (trace.own["end"] > trace.own["start"])
    for row in trace.own[ran]:
        job, node, start = int(row["job"]), int(row["node"]), int(row["start"])
        for copy in trace.node(job, node).copies:
            for _, origin in ends.get((job, copy.source), ())[:1]:
                link = copy.links.get((cluster[origin], cluster[row["processor"]]))
                there = [end for end, by in ends.get((job, copy.node.index), ()) if by == link]
                if link is not None and (not there or there[0] > start):
                    name = system.processors[link].name
                    yield f"node {node} of {_name(trace, job)} runs at {start} before {name!r} has brought its input"


def _outcomes(trace: Trace) -> Iterator[str]:
    jobs = trace.jobs
    done = jobs["finish"] >= 0
    wrong = (jobs["outcome"] == OK) & (~done | (jobs["finish"] > jobs["deadline"]))
    wrong |= (jobs["outcome"] == LATE) & done & (jobs["finish"] <= jobs["deadline"])
    wrong |= ((jobs["outcome"] == DROPPED) | (jobs["outcome"] == ABORTED)) & done
    wrong |= (jobs["outcome"] < 0) | (jobs["release"] < jobs["arrival"])
    for job in np.flatnonzero(wrong):
        row = jobs[job]
        code = int(row["outcome"])
        name = OUTCOMES[code] if code >= 0 else "open"
        yield f"{_name(trace, job)} is {name} with finish {row['finish']} and deadline {row['deadline']}"


def _no_overlap(trace: Trace) -> Iterator[str]:
    """Jobs of a task run one after the other (R2), unless it lets them overlap."""
    if not len(trace.own):
        return
    first = np.full(len(trace.jobs), np.iinfo(np.int64).max)
    last = np.full(len(trace.jobs), -1)
    slices = trace.own[trace.own["reason"] != DRAINED]
    np.minimum.at(first, slices["job"], slices["start"])
    np.maximum.at(last, slices["job"], slices["end"])
    for task in trace.system.tasks:
        if task.overlap:
            continue
        mine = trace.numbers(task.index)
        mine = mine[last[mine] >= 0]
        for index in np.flatnonzero(first[mine[1:]] < last[mine[:-1]]):
            yield f"{_name(trace, mine[index + 1])} starts before {_name(trace, mine[index])} is over"


def _busy(trace: Trace) -> Iterator[str]:
    totals = np.zeros(len(trace.processors), np.int64)
    np.add.at(totals, trace.leading["processor"], trace.leading["end"] - trace.leading["start"])
    plans = trace.plans
    np.add.at(totals, plans["subject"], plans["value"])
    for index, counters in enumerate(trace.processors):
        total = int(totals[index])
        if total != counters.busy:
            name = trace.system.processors[index].name
            yield f"processor {name!r}: slices of {total} ns, but busy for {counters.busy}"


def _work(trace: Trace) -> Iterator[str]:
    """Sum of speed dt / C over the slices of a completed node is 1, up to the last nanosecond of each of its pieces.

    Regions and sections begin and end at whole nanoseconds, whatever the speed of the moment. Work that a kill or a
    failure threw away counts as not done. Not for GPUs served block by block, whose kernels have no speed of their own,
    nor for links, whose latency no bandwidth shortens.
    """
    system = trace.system
    if any(processor.blackouts for processor in system.processors) or not len(trace.slices):
        return
    demands = Demands(trace)
    speeds = Speeds(trace)
    rows = trace.slices[~np.isin(trace.slices["reason"], (OVERHEAD, DRAINED)) & ~discarded(trace)]
    if len(trace.splits):
        rows = rows[~split_nodes(trace, rows)]
    rows = rows[np.lexsort((rows["end"], rows["start"], rows["node"], rows["job"]))]
    done: Any = Fraction(0)
    current = (-1, -1)
    for row in rows:
        job, node, processor = int(row["job"]), int(row["node"]), int(row["processor"])
        task = int(trace.jobs["task"][job])
        if (job, node) != current:
            current, done = (job, node), Fraction(0)
        start, end = int(row["start"]), int(row["end"])
        if row["reason"] == KILLED or demands.begins_anew(job, node, processor, start, end):
            done = Fraction(0)
        if row["reason"] == KILLED or task not in demands.fixed or processor in demands.exempt:
            continue
        about = trace.node(job, node)
        time, pieces = demands.time(job, node, processor, start), max(1, len(about.regions)) + 2 * len(about.sections)
        if time is None or done is None:  # in a batch with one that takes what it wants: who knows what is left
            done = None
            continue
        done += speeds.work(processor, start, end) / time
        if row["reason"] == COMPLETED and not 1 <= done < 1 + Fraction(pieces, time):
            yield f"node {node} of {_name(trace, job)} did {float(done):.6f} of its work by {row['end']}"


def _batches(trace: Trace) -> Iterator[str]:
    """What runs in a batch goes together, with whom it began; all begin together, and none ends after the leader."""
    for place, start, job, what in wrong_batches(trace):
        name = trace.system.processors[place].name
        yield f"the batch on {name!r} at {start}, {_name(trace, job)} in it, {what}"


def _inputs(trace: Trace) -> Iterator[str]:
    """Each job of a task with recorded inputs has one of them."""
    has = dict(trace.inputs.tolist())
    for task in trace.system.tasks:
        if task.inputs is not None:
            for job in trace.numbers(task.index).tolist():
                if not 0 <= has.get(job, -1) < len(task.inputs.shares):
                    yield f"{_name(trace, job)} has none of the recorded inputs"


def _splits(trace: Trace) -> Iterator[str]:
    """Parts of a node run at once, do its work between them, and are done and joined when it completes."""
    for (job, node), what in wrong_splits(trace):
        yield f"node {node} of {_name(trace, job)} {what}"


def _gpus(trace: Trace) -> Iterator[tuple[BlockLevel, Any]]:
    """Each GPU that is served block by block in exact mode, with its waves."""
    spec = trace.system.hardware
    for unit in () if spec is None else spec.units:
        if unit.block_level is not None and unit.block_level.mode == "exact":
            waves = trace.waves[np.isin(trace.waves["processor"], unit.processors) & (trace.waves["blocks"] > 0)]
            yield unit.block_level, waves


def _kernel(trace: Trace, wave: Any) -> Kernel:
    about = trace.node(int(wave["job"]), int(wave["node"])).hardware
    assert about is not None
    kernels = about.kernels[wave["processor"]]
    assert kernels is not None
    kernel = kernels[wave["kernel"]]
    assert isinstance(kernel, Kernel)
    return kernel


def _blocks(trace: Trace) -> Iterator[str]:
    """Every block of every kernel of a node that completed on a GPU ran there, once."""
    ended = trace.slices[trace.slices["reason"] == COMPLETED]
    begun = {(int(row["job"]), int(row["node"]), int(row["processor"])): int(row["start"]) for row in ended}
    for _, waves in _gpus(trace):
        done: dict[tuple[int, int, int, int], int] = {}
        wanted: dict[tuple[int, int, int, int], int] = {}
        for wave in waves:
            node = (int(wave["job"]), int(wave["node"]), int(wave["processor"]))
            if node in begun and wave["start"] >= begun[node]:  # not those of an attempt that was killed
                kernel = (*node, int(wave["kernel"]))
                done[kernel] = done.get(kernel, 0) + int(wave["blocks"])
                wanted[kernel] = _kernel(trace, wave).blocks
        for kernel, blocks in done.items():
            if blocks != wanted[kernel]:
                yield f"kernel {kernel[3]} of {_name(trace, kernel[0])} ran {blocks} of its {wanted[kernel]} blocks"


def _threads(trace: Trace) -> Iterator[str]:
    """No GPU runs more threads at a time than its multiprocessors hold (contexts that take turns apart)."""
    for gpu, waves in _gpus(trace):
        if gpu.time_slice is not None or not len(waves):
            continue
        load = [_kernel(trace, wave).threads * int(wave["blocks"]) for wave in waves]
        edges = sorted(
            [(int(wave["end"]), -size) for wave, size in zip(waves, load, strict=True)]
            + [(int(wave["start"]), size) for wave, size in zip(waves, load, strict=True)]
        )
        running = 0
        for time, change in edges:
            running += change
            if running > gpu.threads * gpu.sms:
                yield f"a GPU of {gpu.sms} SMs runs {running} threads at {time}"
                break


def _weights(trace: Trace) -> Iterator[str]:
    """No memory for weights holds more than it can; what is loaded ahead of time comes no faster than its bandwidth."""
    spec = trace.system.hardware
    for unit in () if spec is None else spec.units:
        about = unit.description.weights
        if about is None:
            continue
        name = trace.system.processors[unit.processors[0]].name
        held = last = 0
        rows = trace.changes[trace.changes["subject"] == unit.processors[0]]
        for row in rows[np.isin(rows["what"], (LOAD, EVICT, LOADED))]:
            time, what, size = int(row["time"]), int(row["what"]), int(row["value"])
            held += size * ((what == LOAD) - (what == EVICT))
            if what == LOAD and held > about.capacity:
                yield f"the memory of {name!r} holds {held} bytes of weights at {time}, of {about.capacity}"
            if what == EVICT and held < 0:
                yield f"the memory of {name!r} loses weights at {time} that it does not hold"
            if what == LOADED:
                if (time - last) * about.bandwidth < size * S:
                    yield f"the memory of {name!r} takes {size} bytes of weights from {last} to {time}: too fast"
                last = time


def _reserved(trace: Trace) -> Iterator[str]:
    """Never is more reserved than there is, and nothing when all is over."""
    rows = trace.changes[trace.changes["what"] == RESERVE]
    for number, (resource, capacity) in enumerate(trace.system.reservable.items()):
        mine = rows[rows["subject"] == number]
        for row in mine[(mine["value"] > capacity) | (mine["value"] < 0)]:
            yield f"{row['value']} of {resource!r} are reserved at {row['time']}, of {capacity}"
        if len(mine) and mine["value"][-1]:
            yield f"{mine['value'][-1]} of {resource!r} are still reserved when all is over"
