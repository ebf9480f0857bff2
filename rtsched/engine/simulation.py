"""One run: a system and a scheduler in, a trace out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.engine.core import Core
from rtsched.engine.event_loop import NEVER, EventLoop
from rtsched.engine.execution_time import InputTimes, drawn, sampler
from rtsched.engine.recorder import Recorder
from rtsched.engine.release import arrivals, blocks
from rtsched.engine.soc import Soc
from rtsched.engine.spawns import Spawns
from rtsched.engine.streams import Streams
from rtsched.engine.task_state import TaskState
from rtsched.engine.under_way import InterruptError, UnderWay, drain_out, named
from rtsched.engine.veil import Veiled, is_ours
from rtsched.model.collector import collector_paused
from rtsched.model.task import Constant, Periodic, Spawned, TraceArrivals
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.trace.columns import is_wide
from rtsched.trace.trace import INPUTS, ProcessorCounters, Trace

if TYPE_CHECKING:
    from rtsched.schedulers.base import Scheduler

#: What a task needs beyond its description: the truth of a segment's demand, for replays of recorded runs.
Truth = Callable[[Any, Any, int], int]


def run(
    system: SystemSpec,
    scheduler: Scheduler,
    *,
    until: int,
    seed: int = 0,
    warm_up: int = 0,
    drain: str = "deadline",
    tally: Any = None,
    truths: dict[int, Truth] | None = None,
    most_events: int | None = None,
    watch: Callable[[UnderWay], None] | None = None,
    reasons: bool = False,
) -> Trace:
    """Simulate `system` under `scheduler` with releases in [0, until) and return what happened.

    The run ends as design.md §4.5 says (`drain` "deadline"), or when every job is done ("all"). With a `tally` no trace
    is kept: ended jobs go to ``tally.update`` in blocks and are forgotten, so that memory stays flat.
    With `most_events` a run that needs more raises EndlessError. `watch` is given the run before time starts: to look
    at from another thread, or to interrupt. With `reasons` the trace has what the policy went by, too.
    """
    loop = EventLoop()
    if most_events is not None:
        loop.ration(most_events)
    record = Recorder(
        tally is None,
        None if tally is None else lambda block: tally.update(block),
        None if tally is None else lambda block: tally.judge(block),
        None if tally is None else lambda block: tally.changes.update(block),
        is_wide(system),
    )
    policy = scheduler if is_ours(scheduler) else Veiled(scheduler)
    with collector_paused():
        core = Core(system, policy, loop, until, record, seed)
        core.soc = Soc(core)
        policy.begin(core.soc)
        if core.locks is not None:
            core.locks.settle(policy)
        if reasons:
            from rtsched.engine.grounds import Grounds

            core.grounds = Grounds(core, policy)
        core.listen(policy)
        _prepare_all(core, truths)
    dispatch = policy.dispatcher()
    if core.planner is not None:
        dispatch = core.planner.around(dispatch)
    if core.copies is not None:
        dispatch = core.copies.around(dispatch)
    stop = NEVER if drain == "all" else until + max(_longest_deadline(task) for task in system.tasks)
    if core.chip is not None:
        core.chip.start(core.processors, stop, tally is None)
        dispatch = core.chip.around(dispatch)
    if watch is not None:
        watch(UnderWay(loop, core, warm_up))
    standstill = planned = None
    try:
        if stop == NEVER:
            loop.drain(core.changed, dispatch, until - 1)
            standstill = drain_out(loop, core, dispatch)
        else:
            loop.drain(core.changed, dispatch, stop)
        last = loop._now if core.chip is None else core.chip.last
        if standstill is not None and core.chip is None:
            last = standstill
        end = min(max(last, until), stop)
        if stop != NEVER and (core.open_jobs() or core.drains.since):
            end = stop  # whatever is open goes on until then, also where nothing more happens
    except InterruptError:
        end = max(1, loop._now)
        planned, until = until, min(until, end)
    if core.chip is not None:
        core.chip.finish(end)
    stranded = core.open_jobs() if stop == NEVER and planned is None else []
    core.end(end, forever=bool(stranded))
    record.pack()
    jobs = record.job_table()
    return Trace(
        system=system,
        scheduler=scheduler.described(system),
        ranking=policy.ranking(core.tasks),
        seed=seed,
        until=until,
        end=end,
        warm_up=warm_up,
        kept=record.kept,
        jobs=jobs,
        slices=record.slice_table(),
        logged=record.decision_table(),
        processors=tuple(
            ProcessorCounters(p.busy, p.overhead_total, p.starts, p.preemptions, p.migrations, p.waited)
            for p in core.processors
        ),
        dispatches=loop.dispatches,
        events=next(loop._eid),
        tally=tally,
        changes=record.change_table(),
        waves=record.wave_table(),
        waits=record.wait_table(),
        answers=record.answer_table(),
        choices=record.choice_table(),
        locks=record.lock_table(),
        batches=record.batch_table(),
        launches=record.launch_table(),
        inputs=_inputs(core, jobs),
        splits=record.split_table(),
        powers=record.power_table(),
        deadlocks=tuple(record.deadlocks),
        deadlock_count=record.deadlock_count,
        stranded=named(stranded),
        stranded_count=len(stranded),
        standstill=standstill,
        planned=planned,
        energy=None if core.chip is None else core.chip.energy(),
        random=core.world.drawn,
        reasons=None if core.grounds is None else core.grounds.reasons,
        peak_temperature=None if core.chip is None or core.chip.heat is None else core.chip.heat.peak,
    )


def _inputs(core: Core, jobs: NDArray[Any]) -> NDArray[Any]:
    """Which recorded input each job has: drawn once more, since draw k belongs to job k whatever became of it."""
    rows: list[tuple[int, int]] = []
    for task in core.tasks:
        inputs = task.spec.inputs
        if core.record.kept and inputs is not None and task.truth is None:
            mine = np.flatnonzero(jobs["task"] == task.index).tolist()
            rows += zip(mine, drawn(inputs, Streams(core.world, task.name).input), strict=False)
    return np.array(sorted(rows), INPUTS)


def _longest_deadline(task: TaskSpec) -> int:
    if isinstance(task.arrival, TraceArrivals) and task.arrival.deadlines is not None:
        return max(task.deadline, *task.arrival.deadlines)
    return task.deadline


def _prepare_all(core: Core, truths: dict[int, Truth] | None) -> None:
    _tie_followers(core.tasks)
    for source in core.tasks:
        source.truth = None if truths is None else truths.get(source.index)
        _prepare(source, core)
    if any(isinstance(source.spec.arrival, Spawned) for source in core.tasks):
        core.spawns = Spawns(core)


def _tie_followers(sources: tuple[TaskState, ...]) -> None:
    """Let every source know those that its completed jobs release; in one pass, since there may be many."""
    followers: dict[int, list[TaskState]] = {}
    for source in sources:
        if source.spec.after is not None:
            followers.setdefault(source.spec.after, []).append(source)
    for index, those in followers.items():
        sources[index].followers = tuple(those)


def _prepare(source: TaskState, core: Core) -> None:
    """Give a source its random streams and its arrivals."""
    spec = source.spec
    random = Streams(core.world, spec.name)
    if spec.inputs is not None:
        source.factors = map(partial(InputTimes, spec.inputs), drawn(spec.inputs, random.input)).__next__
    elif not isinstance(spec.execution, Constant):
        source.factors = sampler(spec.execution, spec.volume, random.execution)
    if isinstance(spec.arrival, TraceArrivals):
        source.executions = spec.arrival.execution
        source.deadlines = spec.arrival.deadlines
    source.watch = spec.on_miss in ("abort", "drop_at_start", "drop_if_hopeless") or core.on_deadline is not None
    if spec.after is not None:
        if spec.probability < 1:
            source.chance = blocks(random.trigger.random).__next__
        source.prepare(iter(()), 0)
    elif isinstance(spec.arrival, Spawned):
        source.deadlines = {}
        source.prepare(iter(()), 0)
    elif spec.count is not None:
        source.prepare(islice(arrivals(spec, random), spec.count), 0)
    elif isinstance(spec.arrival, Periodic) and spec.release is None and not spec.jitter and spec.period:
        source.prepare(iter([(spec.offset, spec.offset)]), spec.period)
    else:
        source.prepare(arrivals(spec, random), 0)
