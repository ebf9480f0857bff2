"""A run in the Best Trace Format, which automotive tools read (Trace Compass, Eclipse APP4MC, TA Tool Suite).

Lines ``time,source,instance,type,target,instance,event[,note]`` as in the BTF specification 2.2 (Vector Informatik).
Each node of a task is a process, each of its jobs an instance, each processor a core: activated when its job is
released (or the nodes before it are done), then start, preempt, wait, release, resume and terminate. Locks are
semaphores. The format knows no deadlines, and no job that is given up while it is not running: those are comments.
Trace Compass knows cores by names that begin with ``Core`` and tasks by ``TASK``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.export.btf_processes import ProcessTable, processes
from rtsched.export.btf_semaphores import semaphores
from rtsched.export.exporter import exporter, need_trace
from rtsched.export.identifiers import identifiers
from rtsched.export.ready import over
from rtsched.trace.trace import ABORTED, DROPPED, FREQUENCY, LATE, OUTCOMES, Trace
from rtsched.visible import cut

#: At one instant: what is given back, what leaves a core, what is activated, what takes no time, what begins, what is
#: taken, what there is to say.
GIVES, LEAVES, WAKES, EMPTY, BEGINS, TAKES, SAYS = range(7)
#: So many lines are handed on at once.
AT_ONCE = 4096


@exporter(".btf")
def btf(trace: Trace) -> Iterator[str]:
    """A Best Trace Format file, for Trace Compass and automotive tools."""
    need_trace(trace)
    found = processes(trace)
    semaphore_names = [f"SEM_{name}" for name in identifiers(trace.resources)]
    yield "".join(_header(trace, found, semaphore_names))
    parts = [
        _activations(trace, found),
        _states(found),
        _clocks(trace, found),
        _comments(trace, found),
        semaphores(trace, found, semaphore_names),
    ]
    lines = [line for part in parts for line in part]
    lines.sort(key=lambda line: line[:2])
    for first in range(0, len(lines), AT_ONCE):
        yield "".join(f"{text}\n" for _, _, text in lines[first : first + AT_ONCE])


def _header(trace: Trace, found: ProcessTable, semaphore_names: list[str]) -> Iterator[str]:
    from rtsched import __version__

    yield f"#version 2.2.1\n#creator rtsched {__version__}\n#timescale ns\n"
    yield f"# {plain(trace.system.name)} under {plain(trace.scheduler)}, seed {trace.seed}\n"
    for task in trace.system.tasks:
        if task.id is not None:
            yield f"# {plain(task.id)} is the id of task {plain(task.name)}\n"
    for own, name in [*found.meanings, *zip(semaphore_names, trace.resources, strict=True)]:
        if own.split("_", 1)[1] != name:
            yield f"# {own} is {plain(name)}\n"
    for name in semaphore_names if len(trace.locks) else ():
        yield f"0,{name},0,SEM,{name},0,free,0\n"


def plain(text: str) -> str:
    """Text on one line, in ASCII."""
    return cut(text, 200).encode("ascii", "backslashreplace").decode()


#: A line of the file: when, in which order at that instant, and the line itself.
Line = tuple[int, int, str]


def _activations(trace: Trace, found: ProcessTable) -> Iterator[Line]:
    """A stimulus and an activation for every instance; one that is refused at once is beyond the limit."""
    refused = (over(trace) == trace.jobs["release"]) & np.isin(trace.jobs["outcome"], (DROPPED, ABORTED))
    refused[trace.slices["job"]] = False
    never = refused.tolist()
    index = trace.jobs["index"].tolist()
    for time, job, process in found.activations:
        name, number = found.names[process], index[job]
        stimulus = f"{time},STI_{name[5:]},{number}"
        yield time, WAKES, f"{stimulus},STI,STI_{name[5:]},{number},trigger"
        yield time, WAKES, f"{stimulus},T,{name},{number},{'mtalimitexceeded' if never[job] else 'activate'}"


def _states(found: ProcessTable) -> Iterator[Line]:
    """What becomes of each instance on the cores."""
    for start, end, process, number, core, begin, leave in found.stays:
        name, where = found.names[process], found.cores[core]
        order = EMPTY if start == end else BEGINS
        yield start, order, f"{start},{where},0,T,{name},{number},{begin}"
        if leave:
            yield end, EMPTY if start == end else LEAVES, f"{end},{where},0,T,{name},{number},{leave}"
    for time, process, number, core in found.releases:
        yield time, WAKES, f"{time},{found.cores[core]},0,T,{found.names[process]},{number},release"


def _clocks(trace: Trace, found: ProcessTable) -> Iterator[Line]:
    """The clocks, in Hz, of the first core of all that share one."""
    rows: NDArray[Any] = trace.changes[trace.changes["what"] == FREQUENCY]
    for time, _, place, hertz in rows.tolist():
        core = found.cores[place]
        yield time, WAKES, f"{time},{core},0,C,{core},0,set_frequence,{hertz}"


def _comments(trace: Trace, found: ProcessTable) -> Iterator[Line]:
    """Misses at their deadlines, and when jobs were given up: the format has no events for them."""
    ends = over(trace).tolist()
    names = [f"TASK_{name}" for name in found.tasks]
    for job, row in enumerate(trace.jobs.tolist()):
        task, index, _, _, deadline, _, _, outcome = row
        if outcome in (LATE, DROPPED, ABORTED):
            yield deadline, SAYS, f"# {deadline} {names[task]} {index} missed its deadline"
        if outcome in (DROPPED, ABORTED):
            yield ends[job], SAYS, f"# {ends[job]} {names[task]} {index} was {OUTCOMES[outcome]}"
