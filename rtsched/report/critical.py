"""Figure (b): the run in which the tightest task responded slowest, or the miss that refutes the system."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rtsched import api
from rtsched.report import facts
from rtsched.report.drawing import DEADLINE, HIGHEST, WIDTH, Drawing, short
from rtsched.trace.trace import Trace
from rtsched.verify import words
from rtsched.verify.patterns import Pattern, horizon, patterns
from rtsched.verify.verification import Verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "(b) The critical instant"
#: More slices than this in the window are too many to read.
MOST_SLICES = 1_500
#: Of more tasks than this, those are shown that worked most.
MOST_LANES = 24
#: The window ends at the deadline if that comes within so many responses.
FAR = 2.5


def critical(found: Verification) -> Drawing:
    """(b) The schedule around the counterexample, or else around the worst response of the tightest task."""
    if found.observation is None:
        return Drawing("fb", TITLE, "Left out: nothing was simulated.")
    counter = found.counterexample
    if counter is not None:
        text = f"A missed deadline of {counter.task!r} ({counter.run}, seed {counter.seed}): the counterexample."
        return _drawing(found, counter.trace, counter.job, text)
    places = [place for place in facts.closest(found) if found.observation.worst[place] is not None]
    if not places:
        return Drawing("fb", TITLE, "Left out: no job ended in the simulated runs.")
    place = places[0]
    worst = found.observation.worst[place]
    assert worst is not None
    trace = again(found, worst.run, worst.seed)
    jobs = trace.jobs
    rows = np.flatnonzero((jobs["task"] == place) & (jobs["finish"] - jobs["arrival"] == worst.response))
    name = found.system.tasks[place].name
    bound = found.bounds[place]
    text = (
        f"The largest response of {name!r} that was seen, {words.time(worst.response)} ({worst.run}, seed {worst.seed})"
    )
    if bound.wcrt is None:
        text += "; it has no bound."
    elif worst.response == bound.wcrt:
        text += ": its bound is attained."
    else:
        text += f"; its bound is {words.time(bound.wcrt)}."
    return _drawing(found, trace, int(rows[0]), text)


def again(found: Verification, run: str, seed: int) -> Trace:
    """One of the simulated runs a second time, its trace kept."""
    from rtsched.engine.simulation import run as simulate

    assert found.observation is not None
    pattern = Pattern(run, found.system, horizon(found.system), seed)
    for each in patterns(found.system, found.observation.runs, found.seed):
        if (each.name, each.seed) == (run, seed):
            pattern = each
            break
    return simulate(pattern.system, api.scheduler(found.description), until=pattern.until, seed=pattern.seed)


def window(trace: Trace, row: int) -> tuple[int, int]:
    """From a little before the job (and before what it waits for began) to a little after it."""
    job = trace.jobs[row]
    begin, finish = int(job["arrival"]), int(job["finish"])
    deadline = int(job["deadline"])
    if finish < 0:
        ends = trace.slices["end"][trace.slices["job"] == row]
        finish = max(deadline, int(ends.max(initial=0)))
    end = max(finish, deadline) if deadline - begin <= FAR * (finish - begin) else finish
    mine = trace.slices["processor"][trace.slices["job"] == row]
    running = (trace.slices["start"] < begin) & (trace.slices["end"] > begin) & np.isin(trace.slices["processor"], mine)
    earlier = int(trace.slices["start"][running].min(initial=begin))
    span = end - begin
    return max(0, max(earlier, begin - span // 2) - span // 12), end + span // 10


def _drawing(found: Verification, trace: Trace, row: int, text: str) -> Drawing:
    start, end = window(trace, row)
    part = found.analysis.part_of(found.system.tasks[int(trace.jobs["task"][row])].name)
    slices = trace.slices
    count = int(((slices["end"] > start) & (slices["start"] < end)).sum())
    if count > MOST_SLICES:
        return Drawing(
            "fb", TITLE, f"Left out: {facts.counted(count, 'slice')} in {words.time(end - start)} are too many."
        )
    shown = only(trace, row, sorted(part.view.tasks), part.view.processors, start, end)
    more = len(found.system.tasks) - len(shown.system.tasks)
    if more:
        why = "that did least" if len(shown.system.tasks) == MOST_LANES else "with nothing to do"
        text += f" Not shown: {facts.counted(more, 'task')} {why} on these processors at this time."
    return Drawing("fb", TITLE, text, lambda: _draw(shown, row, start, end))


def only(trace: Trace, row: int, tasks: list[int], processors: tuple[int, ...], start: int, end: int) -> Trace:
    """The trace with those tasks only that have to do with a part in a window; of many, those that worked most."""
    jobs, slices = trace.jobs.copy(), trace.slices
    inside = (slices["end"] > start) & (slices["start"] < end) & np.isin(slices["processor"], processors)
    busy = set(jobs["task"][slices["job"][inside]].tolist())
    due = set(jobs["task"][(jobs["release"] < end) & (jobs["deadline"] > start)].tolist())
    kept = [index for index in tasks if index in busy | due]
    if len(kept) > MOST_LANES:
        work = np.zeros(len(trace.system.tasks), dtype=np.int64)
        spans = np.minimum(slices["end"], end) - np.maximum(slices["start"], start)
        np.add.at(work, jobs["task"][slices["job"][inside]], spans[inside])
        work[jobs["task"][row]] = end  # more than any other can have
        kept = sorted(sorted(kept, key=lambda index: (-work[index], index))[:MOST_LANES])
    new = np.full(len(trace.system.tasks) + 1, -1)
    new[kept] = range(len(kept))
    jobs["task"] = new[jobs["task"]]
    slices = slices[(jobs["task"][slices["job"]] >= 0) & (slices["end"] > start) & (slices["start"] < end)]
    old = trace.system
    specs = tuple(replace(old.tasks[index], index=place) for place, index in enumerate(kept))
    system = replace(old, tasks=specs, hardware=None)
    ranking = tuple(int(new[index]) for index in trace.ranking if new[index] >= 0)
    return replace(trace, jobs=jobs, slices=slices, system=system, ranking=ranking)


def _draw(trace: Trace, row: int, start: int, end: int) -> Figure:
    """The house's Gantt chart at the size of the page, the job framed."""
    from matplotlib.patches import Rectangle

    from rtsched.plot.gantt import gantt
    from rtsched.plot.picture import scale_of
    from rtsched.trace.trace import ABORTED, DROPPED

    specs = tuple(replace(task, name=short(task.name)) for task in trace.system.tasks)
    places = tuple(replace(processor, name=short(processor.name)) for processor in trace.system.processors)
    trace = replace(trace, system=replace(trace.system, tasks=specs, processors=places))
    job = trace.jobs[row]
    name = trace.system.tasks[int(job["task"])].name
    begin, finish = int(job["arrival"]), int(job["finish"])
    ends = finish if finish >= 0 else end
    late = finish - int(job["deadline"])
    took = f"responds after {words.time(finish - begin)}" + (f", {words.time(late)} late" if late > 0 else "")
    if finish < 0:
        took = {DROPPED: "was dropped", ABORTED: "was aborted"}.get(int(job["outcome"]), "was not done in time")
    title = f"framed: job {int(job['index'])} of {name} {took}"
    figure = gantt(trace, start=start, end=end, title=title, size=f"{WIDTH} in")
    if figure.get_size_inches()[1] > HIGHEST:
        figure = gantt(trace, start=start, end=end, title=title, size=(WIDTH, HIGHEST))
    size, _ = scale_of(end - start)
    task = int(job["task"])
    lane = trace.ranking.index(task) if trace.ranking else task
    frame = Rectangle((begin / size, lane - 0.6), (ends - begin) / size, 0.98, facecolor="#FFF3C4", edgecolor=DEADLINE,
                      linewidth=1.1, linestyle=(0, (4, 2)), zorder=0.4, clip_on=True)  # fmt: skip
    figure.axes[0].add_patch(frame)
    frame.set_in_layout(False)
    figure.set_layout_engine("constrained")  # a page of the PDF lays it out once more
    return figure
