"""What rows a page has beside those of tasks and processors: nodes, chains, GPUs; and in which order they can stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rtsched.metrics.chains import triggers_of
from rtsched.metrics.reading import reads, writes
from rtsched.model.accelerator import Kernel
from rtsched.model.taskgraph import ChainSpec, SystemSpec
from rtsched.plot.hardware import gpus
from rtsched.trace.trace import Trace
from rtsched.visible import cut

#: The longest name that a page holds.
LONGEST = 300
#: More waves of blocks than this are no picture any more: they are left out, and the page says so.
MOST_WAVES = 200_000


def order(trace: Trace) -> list[int] | None:
    """The tasks by the policy's own ranks, the most urgent first; None of a policy without fixed ones."""
    return list(trace.ranking) or None


# ---- chains ----------------------------------------------------------------------------------------------------------


def chains(system: SystemSpec) -> list[ChainSpec]:
    """The chains that are declared; and from each task that others come `after` all ways through these to the last."""
    followers: dict[int, list[int]] = {}
    for task in system.tasks:
        if task.after is not None:
            followers.setdefault(task.after, []).append(task.index)
    ways = [[task.index] for task in system.tasks if task.after is None and task.index in followers]
    found = list(system.chains)
    while ways:
        way = ways.pop(0)
        if way[-1] not in followers:
            found.append(ChainSpec(" → ".join(system.tasks[each].name for each in way), tuple(way)))
        ways += [[*way, each] for each in followers.get(way[-1], ())]
    declared = {chain.tasks for chain in system.chains}
    return found[: len(declared)] + [each for each in found[len(system.chains) :] if each.tasks not in declared]


def by_trigger(system: SystemSpec, chain: ChainSpec) -> bool:
    """Whether instances of a chain follow what released what: where that is limited, and where nobody declared it."""
    declared = any(chain.tasks == each.tasks and chain.name == each.name for each in system.chains)
    return not declared or (chain.max_latency is not None and chain.max_reaction is None)


def instances(trace: Trace) -> list[tuple[int, ...]]:
    """Through which jobs each chain went, from each job of its first task: (chain, instance, job, time in ns).

    From one task to the next leads the first job that reads when the one before has written (as in
    `rtsched.metrics.chains`, whose reaction times these are; -1 for the first job). Where a latency is limited,
    and in chains that nobody declared, it leads to the job that was triggered; the time is then the latency. An
    instance that never got to the end is left out.
    """
    found: list[tuple[int, ...]] = []
    for number, chain in enumerate(chains(trace.system)):
        triggered = by_trigger(trace.system, chain)
        if triggered:
            path = triggers_of(trace.system, chain)
            assert path is not None
            chain = replace(chain, tasks=path)
        following = [_nexts(trace, task, triggered) for task in chain.tasks[1:]]
        starts, numbers = _nexts(trace, chain.tasks[0], False)
        count = 0
        for before, job in zip((-1, *starts.tolist()), numbers.tolist(), strict=False):
            way = _way(trace, job, following, triggered)
            if way is not None:
                since = int(trace.jobs["arrival"][way[0]]) if triggered else before
                reaction = -1 if since < 0 else _written(trace, way[-1], triggered) - since
                found += [(number, count, each, reaction) for each in way]
                count += 1
    return found


def _nexts(trace: Trace, task: int, triggered: bool) -> tuple[Any, Any]:
    """When the jobs of a task arrived, or read (finished ones only), ascending; and their numbers."""
    numbers = trace.numbers(task)
    if not triggered:
        numbers = numbers[trace.jobs["finish"][numbers] >= 0]
    times = trace.jobs["arrival"][numbers] if triggered else reads(trace, task, numbers)
    by_time = np.argsort(times, kind="stable")
    return times[by_time], numbers[by_time]


def _way(trace: Trace, job: int, following: list[tuple[Any, Any]], triggered: bool) -> list[int] | None:
    """The jobs from one of the first task to one of the last; None: it never got there."""
    way = [job]
    for times, numbers in following:
        finish = _written(trace, way[-1], triggered)
        at = int(np.searchsorted(times, finish, side="left"))
        if finish < 0 or at == len(times) or (triggered and times[at] != finish):
            return None
        way.append(int(numbers[at]))
    return way if trace.jobs["finish"][way[-1]] >= 0 else None


def _written(trace: Trace, job: int, triggered: bool) -> int:
    """When a job ended, or (`triggered` false) wrote; -1: it did not."""
    if triggered:
        return int(trace.jobs["finish"][job])
    return int(writes(trace, int(trace.jobs["task"][job]), np.array([job]))[0])


# ---- GPUs ------------------------------------------------------------------------------------------------------------


def devices(trace: Trace) -> list[dict[str, Any]]:
    """The GPUs served block by block that had anything to do: how many threads each holds, how many copy engines."""
    found = []
    for unit in gpus(trace):
        about = unit.block_level
        assert about is not None
        name = cut(unit.name, LONGEST)
        found.append({"name": name, "threads": about.threads * about.sms, "copies": about.copy_engines})
    return found


def waves(trace: Trace) -> list[tuple[int, ...]]:
    """The blocks that ran together: (start, end, job, device, kernel, blocks, threads); of a copy both are 0."""
    if len(trace.waves) > MOST_WAVES:
        return []
    device = {place: number for number, unit in enumerate(gpus(trace)) for place in unit.processors}
    threads: dict[tuple[int, int, int, int], int] = {}
    found: list[tuple[int, ...]] = []
    for start, end, job, node, place, kernel, blocks in trace.waves.tolist():
        key = (job, node, place, kernel)
        if key not in threads:
            about = trace.node(job, node).hardware
            launched = None if about is None else about.kernels[place]
            what = None if launched is None else launched[kernel]
            threads[key] = what.threads if isinstance(what, Kernel) else 0
        found.append((start, end, job, device[place], kernel, blocks, blocks * threads[key]))
    return found
