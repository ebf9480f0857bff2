"""What a policy sees of jobs, segments, processors and tasks: beliefs and history, to read and not to write.

Policies of others get these; those of rtsched itself get the objects behind them, for speed, and are tested through
these, and for reading no truth. A view stands for one object for good: what was equal is equal.

With ``oracle: true`` a policy sees the truth besides: what a segment really takes, when it will end, how hard an input
is, what was recorded. It cannot change that either.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

from rtsched.engine.job import Job, Segment
from rtsched.engine.job_path import JobPath
from rtsched.engine.processor import Processor
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import TaskSpec


class HiddenError(SchedulerError, AttributeError):
    """A policy asked for what it cannot see, or set what is not its own."""


def _shown(name: str, meaning: str) -> Any:
    """An attribute as it is."""
    return property(attrgetter(f"_raw.{name}"), doc=meaning)


class View:
    """Stands for one object of the engine."""

    __slots__ = ("_raw",)
    _raw: Any
    #: what belongs to the policy: it may set these
    _own: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, raw: Any) -> None:
        object.__setattr__(self, "_raw", raw)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._own:
            raise HiddenError(
                f"{self!r}: {name!r} is not the policy's to set; act by the methods of soc, and keep notes of your own"
            )
        setattr(self._raw, name, value)

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_") and hasattr(type(self._raw), name):
            raise HiddenError(
                f"{self!r}: a policy does not see {name!r}; ask soc for what is believed of it (soc.expected, "
                "soc.remaining), or write 'oracle: true' beside the scheduler"
            )
        seen = ", ".join(each for each in dir(type(self)) if not each.startswith("_"))
        raise AttributeError(f"{self!r} has no {name!r}; it has {seen}")

    def __repr__(self) -> str:
        return repr(self._raw)


class PathView(View):
    """What one job has chosen, where it may go several ways."""

    __slots__ = ()
    variant = _shown("variant", "The variant that what has not started runs as: 0 is the best; -1 without variants.")
    left_out = _shown("left_out", "The numbers of the nodes on ways that the job does not take.")

    @property
    def chosen(self) -> Mapping[int, int]:
        """The nodes with a variant of their own."""
        return MappingProxyType(self._raw.chosen)

    @property
    def ran(self) -> Mapping[int, int]:
        """The variant that each node started, or was left out, under."""
        return MappingProxyType(self._raw.ran)


class JobView(View):
    """One instance of a task. Instants in ns, -1 where not yet (or never) reached; `deadline` is absolute."""

    __slots__ = ()
    index = _shown("index", "Its number among the jobs of its task, from 0.")
    number = _shown("number", "Its number among all jobs of the run, in the order of release.")
    arrival = _shown("arrival", "When it arrived: response times and deadlines count from here.")
    release = _shown("release", "When it was released: the arrival, or later by the release jitter.")
    deadline = _shown("deadline", "Its absolute deadline.")
    start = _shown("start", "When its first node started.")
    finish = _shown("finish", "When it was done.")
    outcome = _shown("outcome", "-1 while it is in the system, then as ``rtsched.trace.trace.OUTCOMES`` has them.")
    left = _shown("left", "How many of its nodes are not done.")

    @property
    def task(self) -> TaskView:
        """The task it belongs to."""
        return self._raw.task.view  # type: ignore[no-any-return]

    @property
    def segments(self) -> tuple[SegmentView, ...]:
        """Its nodes at run time, by number; none before it may run, and after it ended."""
        return tuple([view(segment, self._kinds[Segment]) for segment in self._raw.segments])

    @property
    def path(self) -> PathView:
        """What it has chosen; only jobs of tasks with variants, exits or branches have one."""
        return self._kinds[JobPath](self._raw.path)  # type: ignore[no-any-return]

    _kinds: ClassVar[dict[type, type]] = {}


class SegmentView(View):
    """A node of a job at run time (or a run of nodes that goes on without the scheduler being asked)."""

    __slots__ = ()
    _own = frozenset({"entry", "memo"})
    node = _shown("node", "Its node as planned: ``times`` by processor in ns (None: not there), ``eligible``, …")
    state = _shown("state", "As ``rtsched.engine.job.STATES`` has them.")
    since = _shown("since", "When it first became ready, in ns.")
    stopped = _shown("stopped", "When it was last stopped, in ns.")
    waits = _shown("waits", "How many nodes it still waits for.")
    memo = _shown("memo", "The policy's: whatever it notes.")

    @property
    def entry(self) -> Any:
        """The policy's: its place in a queue; compared where urgencies are lent."""
        entry = self._raw.entry
        if isinstance(entry, tuple) and entry and isinstance(entry[-1], Segment):  # in a queue of rtsched's own
            return (*entry[:-1], view(entry[-1], self._kinds[Segment]))
        return entry

    @property
    def job(self) -> JobView:
        """The job it belongs to."""
        return view(self._raw.job, self._kinds[Job])  # type: ignore[no-any-return]

    @property
    def processor(self) -> ProcessorView | None:
        """Where it runs, or last ran."""
        processor = self._raw.processor
        return None if processor is None else processor.view

    _kinds: ClassVar[dict[type, type]] = {}


class ProcessorView(View):
    """One server of work and what it is doing."""

    __slots__ = ()
    _own = frozenset({"ready_queue"})
    index = _shown("index", "Its number.")
    name = _shown("name", "Its name.")
    cluster = _shown("cluster", "The cluster it belongs to.")
    kind = _shown("kind", "cpu, gpu, npu, dsp, link, …")
    service = _shown("service", "preemptive, by nodes, or run-to-completion.")
    preemptible = _shown("preemptible", "Whether what runs can be taken off at any time.")
    spec = _shown("spec", "Its description.")
    started = _shown("started", "Since when what runs has been there, in ns.")
    overhead = _shown("overhead", "The overhead in ns with which it began.")
    waiting = _shown("waiting", "Whether what has been started is held for a copy over a link.")
    context_switch = _shown("context_switch", "The cost in ns of starting another segment than the last one.")
    migration = _shown("migration", "The cost in ns of a segment that comes from another processor.")
    starts = _shown("starts", "How many starts there were.")
    preemptions = _shown("preemptions", "How many preemptions.")
    migrations = _shown("migrations", "How many segments came from another processor.")
    busy = _shown("busy", "How long it has been busy until what runs now began, in ns.")
    ready_queue = _shown("ready_queue", "The policy's.")

    @property
    def segment(self) -> SegmentView | None:
        """What it runs, carries or is out of service with; None when it is idle."""
        segment = self._raw.segment
        return None if segment is None else view(segment, self._kinds[Segment])

    @property
    def last(self) -> SegmentView | None:
        """What it ran last."""
        segment = self._raw.last
        return None if segment is None else view(segment, self._kinds[Segment])

    block_level = _shown("block_level", "How the GPU that it is a stream of is served; None if it is no such stream.")

    def progress(self, now: int) -> Any:
        """The work in ns of this processor that what runs has done since it started here."""
        return self._raw.progress(now)

    _kinds: ClassVar[dict[type, type]] = {}


class TaskView(View):
    """A task and the state of its jobs."""

    __slots__ = ()
    index = _shown("index", "Its number.")
    name = _shown("name", "Its name.")
    nodes = _shown("nodes", "Its nodes as planned.")
    period = _shown("period", "Its period (or shortest gap) in ns; None without one.")
    deadline = _shown("deadline", "Its relative deadline in ns.")
    priority = _shown("priority", "Its priority: smaller is more urgent.")
    criticality = _shown("criticality", "hard, soft, …")
    weight = _shown("weight", "Its weight.")
    overlap = _shown("overlap", "Whether its jobs may overlap.")
    single = _shown("single", "Its node, if it has but one.")
    adaptive = _shown("adaptive", "Whether its jobs may go several ways.")
    count = _shown("count", "How many of its jobs have been released.")
    misses = _shown("misses", "How many of them missed: late, dropped, aborted.")

    @property
    def spec(self) -> TaskSpec:
        """Its description, without what was recorded and is to come."""
        task: TaskState = self._raw
        return task.core.system_known.tasks[task.index] if task.index >= 0 else task.spec

    @property
    def active(self) -> JobView | None:
        """Its job that may run, where jobs do not overlap."""
        job = self._raw.active
        return None if job is None else view(job, self._kinds[Job])

    @property
    def pending(self) -> tuple[JobView, ...]:
        """Its jobs that wait for the one before them."""
        return tuple([view(job, self._kinds[Job]) for job in self._raw.pending])

    @property
    def overlapping(self) -> tuple[JobView, ...]:
        """Its jobs that may run, where they overlap."""
        return tuple([view(job, self._kinds[Job]) for job in self._raw.overlapping])

    _kinds: ClassVar[dict[type, type]] = {}


# ---- the same with the truth -------------------------------------------------------------------------------------


class OraclePath(PathView):
    """With the truth about the input."""

    __slots__ = ()
    difficulty = _shown("difficulty", "How hard the input is, 0 … 1: nested answers of a higher accuracy are right.")
    routes = _shown("routes", "The draws that decide its way at branches.")
    noise = _shown("noise", "The noise in what exits show of it.")
    scores = _shown("scores", "Its score for each exit or variant, where errors are not nested: low ones are right.")


class OracleJob(JobView):
    """With the truth about its execution times."""

    __slots__ = ()
    factor = _shown("factor", "What its nodes take, relative to what is planned (None: as planned; or a function).")
    chances = _shown("chances", "The draws that decide which tasks follow it.")


class OracleSegment(SegmentView):
    """With the truth about its execution time."""

    __slots__ = ()
    demand = _shown("demand", "What it takes in all, in ns of the processor that it last ran on; 0 before it starts.")
    remaining = _shown("remaining", "What was left of that when it last started or stopped.")


class OracleProcessor(ProcessorView):
    """With the truth about what runs."""

    __slots__ = ()
    end = _shown("end", "When what runs will end, or reach the next point of its plan, at the present speed, in ns.")


class OracleTask(TaskView):
    """With what was recorded and is to come."""

    __slots__ = ()
    spec = _shown("spec", "Its description.")
    next_release = _shown("release", "When its next job is released.")


def _bind(kinds: dict[type, type]) -> dict[type, type]:
    for kind in kinds.values():
        kind._kinds = kinds  # type: ignore[attr-defined]
    return kinds


#: The view of each kind of object, for those who see beliefs, and for oracles.
BELIEFS = _bind({Job: JobView, Segment: SegmentView, Processor: ProcessorView, TaskState: TaskView, JobPath: PathView})
TRUTHS = _bind(
    {Job: OracleJob, Segment: OracleSegment, Processor: OracleProcessor, TaskState: OracleTask, JobPath: OraclePath}
)


def view(raw: Any, kind: type) -> Any:
    """The one view of an object; made when it is first asked for."""
    try:
        return raw.view
    except AttributeError:
        made = raw.view = kind(raw)
        return made


def raw(thing: Any) -> Any:
    """What is behind a view, also of those in a tuple or a list, or that something is given for; else as it is."""
    if isinstance(thing, Mapping) and any(isinstance(key, View) for key in thing):
        return {raw(key): value for key, value in thing.items()}
    if isinstance(thing, tuple | list):
        return type(thing)([raw(each) for each in thing])
    return thing._raw if isinstance(thing, View) else thing
