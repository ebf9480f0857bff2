"""A run as a Value Change Dump (IEEE 1364), which viewers of waveforms read: GTKWave, Surfer, PulseView.

Scopes: `tasks` (wires: running, ready; events: release, deadline, miss, if there are any), `processors` (a wire: busy;
what runs, as a string, which is GTKWave's extension), `resources` (who holds them) and `counters` (real numbers). The
time scale is 1 ns. What takes no time leaves no trace on wires and strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.export.courses import count, courses
from rtsched.export.exporter import exporter, need_trace
from rtsched.export.identifiers import identifiers
from rtsched.export.ready import ready
from rtsched.export.timeline_devices import held
from rtsched.trace.trace import ABORTED, DRAINED, DROPPED, LATE, Trace
from rtsched.visible import cut

Numbers = NDArray[np.int64]
#: What a string says where there is nothing to say.
IDLE = "-"
#: So many changes are handed on at once.
AT_ONCE = 8192


class Variable(NamedTuple):
    """A signal: its place, kind and name, what it is at first, when it changes, and how such a value is written."""

    scope: tuple[str, ...]
    kind: str
    name: str
    first: str
    times: Numbers
    values: Numbers
    written: Callable[[int], str]


@exporter(".vcd")
def vcd(trace: Trace) -> Iterator[str]:
    """A Value Change Dump, for GTKWave and other viewers of waveforms."""
    need_trace(trace)
    signals = list(_signals(trace))
    codes = [_code(number) for number in range(len(signals))]
    yield "".join(_header(trace, signals, codes))
    first = [f"{signal.first}{code}\n" for signal, code in zip(signals, codes, strict=True) if signal.first]
    yield f"#0\n$dumpvars\n{''.join(first)}$end\n"
    times = np.concatenate([np.empty(0, np.int64), *(signal.times for signal in signals)])
    values = np.concatenate([np.empty(0, np.int64), *(signal.values for signal in signals)])
    which = np.repeat(np.arange(len(signals)), [len(signal.times) for signal in signals])
    order = np.lexsort((which, times))
    now = 0
    for begin in range(0, len(order), AT_ONCE):
        chunk = order[begin : begin + AT_ONCE]
        lines = []
        columns = (times[chunk].tolist(), which[chunk].tolist(), values[chunk].tolist())
        for time, number, value in zip(*columns, strict=True):
            if time != now:
                lines.append(f"#{time}\n")
                now = time
            lines.append(f"{signals[number].written(value)}{codes[number]}\n")
        yield "".join(lines)
    if trace.end > now:
        yield f"#{trace.end}\n"


def _code(number: int) -> str:
    """The short name of a signal: of the 94 visible characters of ASCII."""
    found = ""
    while True:
        number, digit = divmod(number, 94)
        found += chr(33 + digit)
        if not number:
            return found
        number -= 1


def _header(trace: Trace, signals: list[Variable], codes: list[str]) -> Iterator[str]:
    from rtsched import __version__

    yield f"$version rtsched {__version__} $end\n"
    yield f"$comment {_plain(trace.system.name)} under {_plain(trace.scheduler)}, seed {trace.seed} $end\n"
    for task in trace.system.tasks:
        if task.id is not None:
            yield f"$comment {_plain(task.id)} is the id of task {_plain(task.name)} $end\n"
    yield "$timescale 1 ns $end\n"
    inside: tuple[str, ...] = ()
    for signal, code in zip(signals, codes, strict=True):
        common = 0
        while common < min(len(inside), len(signal.scope)) and inside[common] == signal.scope[common]:
            common += 1
        yield "$upscope $end\n" * (len(inside) - common)
        yield from (f"$scope module {name} $end\n" for name in signal.scope[common:])
        inside = signal.scope
        yield f"$var {signal.kind} {64 if signal.kind == 'real' else 1} {code} {signal.name} $end\n"
    yield "$upscope $end\n" * len(inside)
    yield "$enddefinitions $end\n"


def _plain(text: str) -> str:
    """Text for a comment: one line of ASCII in which nothing ends the comment."""
    return cut(text, 200).encode("ascii", "backslashreplace").decode().replace("$", "\\x24")


# ---- the signals -----------------------------------------------------------------------------------------------------


def _signals(trace: Trace) -> Iterator[Variable]:
    tasks = identifiers(task.name for task in trace.system.tasks)
    yield from _of_tasks(trace, tasks)
    yield from _of_processors(trace, tasks)
    if len(trace.locks):
        table = np.array(held(trace), np.int64).reshape(-1, 4)
        names = _jobs(trace, tasks)
        for number, name in enumerate(identifiers(trace.resources)):
            mine = table[table[:, 3] == number]
            yield _says(("resources",), f"{name}_held_by", mine[:, 0], mine[:, 1], mine[:, 2], names)
    every = list(courses(trace))
    for course, name in zip(every, identifiers(f"{each.name} {each.unit}" for each in every), strict=True):
        yield Variable(("counters",), "real", name, "r0 ", course.times, course.values, _real(course.scale))


def _of_tasks(trace: Trace, names: list[str]) -> Iterator[Variable]:
    waits, slices = ready(trace), trace.slices[trace.slices["reason"] != DRAINED]
    owner, waiting = trace.jobs["task"][slices["job"]], trace.jobs["task"][waits["job"]]
    for task, name in zip(trace.system.tasks, names, strict=True):
        scope = ("tasks", name)
        yield _wire(scope, f"{name}_running", slices[owner == task.index])
        yield _wire(scope, f"{name}_ready", waits[waiting == task.index])
        jobs = trace.jobs_of(task.index)
        missed = jobs[np.isin(jobs["outcome"], (LATE, DROPPED, ABORTED))]
        for what, times in (("release", jobs["release"]), ("deadline", jobs["deadline"]), ("miss", missed["deadline"])):
            instants = np.unique(times).astype(np.int64)
            if len(instants):  # GTKWave draws one at 0 where there is none
                yield Variable(scope, "event", f"{name}_{what}", "", instants, np.ones(len(instants), np.int64), str)


def _of_processors(trace: Trace, tasks: list[str]) -> Iterator[Variable]:
    names = _jobs(trace, tasks)
    rows = trace.leading[trace.leading["end"] > trace.leading["start"]]
    plans = trace.plans
    for processor, name in zip(
        trace.system.processors, identifiers(each.name for each in trace.system.processors), strict=True
    ):
        mine, decided = rows[rows["processor"] == processor.index], plans[plans["subject"] == processor.index]
        start = np.concatenate((mine["start"], decided["time"] - decided["value"])).astype(np.int64)
        end = np.concatenate((mine["end"], decided["time"])).astype(np.int64)
        spans = np.zeros(len(start), [("start", "i8"), ("end", "i8")])
        spans["start"], spans["end"] = start, end
        yield _wire(("processors", name), f"{name}_busy", spans)
        who = np.concatenate((mine["job"].astype(np.int64), np.full(len(decided), -2)))
        order = np.argsort(start, kind="stable")
        yield _says(("processors", name), f"{name}_runs", start[order], end[order], who[order], names)


def _wire(scope: tuple[str, ...], name: str, rows: NDArray[Any]) -> Variable:
    """A wire that is 1 while any of the intervals lasts."""
    times, counts = count(rows)
    values = (counts > 0).astype(np.int64)
    moved = np.append(values[:1] > 0, values[1:] != values[:-1])
    return Variable(scope, "wire", name, "0", times[moved], values[moved], str)


def _says(
    scope: tuple[str, ...], name: str, start: Numbers, end: Numbers, who: Numbers, names: Callable[[int], str]
) -> Variable:
    """A string that names somebody in each interval; they come in order, and do not overlap."""
    last = np.append(end[:-1] != start[1:], True) if len(start) else np.zeros(0, bool)
    times, values = np.concatenate((start, end[last])), np.concatenate((who, np.full(int(last.sum()), -1)))
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    moved = np.append(np.full(min(1, len(values)), True), values[1:] != values[:-1])
    return Variable(scope, "string", name, f"s{IDLE} ", times[moved], values[moved], names)


def _jobs(trace: Trace, tasks: list[str]) -> Callable[[int], str]:
    """How a string calls a job, by its number; -1: none, -2: the planner."""
    owner, index = trace.jobs["task"].tolist(), trace.jobs["index"].tolist()

    def name(job: int) -> str:
        if job < 0:
            return f"s{IDLE if job == -1 else 'decides'} "
        return f"s{tasks[owner[job]]}[{index[job]}] "

    return name


def _real(scale: int) -> Callable[[int], str]:
    """How a counter's value is written."""

    def written(value: int) -> str:
        return f"r{value // scale if value % scale == 0 else repr(value / scale)} "

    return written
