"""What happened: columns of slices, jobs and decisions, and a check of what must hold in every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rtsched.display import Displayed
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.units import format_duration
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.trace.causes.explanation import Explanation
    from rtsched.trace.causes.history import History
    from rtsched.trace.energy import EnergyReport
    from rtsched.trace.reasons import Reasons

# The outcomes of a job. OPEN jobs are in the system. (Final, each by itself: compiled code then has the number.)
OPEN: Final = -1
OK: Final = 0
LATE: Final = 1
DROPPED: Final = 2
ABORTED: Final = 3
UNFINISHED: Final = 4
OUTCOMES = ("ok", "late", "dropped", "aborted", "unfinished")

# Why a slice ended. What was drained (or reset) ran on after its job, on a processor that cannot stop at once.
# A part is done when its share of a node that was split is; the node completes, in no time, when all are joined.
COMPLETED: Final = 0
PREEMPTED: Final = 1
BOUNDARY: Final = 2
STOPPED: Final = 3
OVERHEAD: Final = 4
OPEN_END: Final = 5
KILLED: Final = 6
FAILED: Final = 7
DRAINED: Final = 8
PART: Final = 9
REASONS = (
    "completed", "preempted", "boundary", "stopped", "overhead", "end", "killed", "failed", "drained", "part",
)  # fmt: skip

# What was decided. The first four follow from the slices; the rest is logged (a deadlock for each job in the circle).
START, RESUME, MIGRATE, PREEMPT, FINISH, DROP, ABORT, DEADLOCK, COARSE, DUPLICATE, CANCEL = range(11)
# Of a node that runs twice DUPLICATE names the processor of the second copy, CANCEL that of the one that goes.
ACTIONS = (
    "start",
    "resume",
    "migrate",
    "preempt",
    "finish",
    "drop",
    "abort",
    "deadlock",
    "coarse",
    "duplicate",
    "cancel",
)

# What changed in the hardware. The subject is a processor, the trip in force, or -1; the value is in Hz, 1/1000 degree,
# B/s, bytes, the share of the nominal speed (or of the unit) in 1/2^40, the job that was hit (-1: none), thousandths of
# a charge, or the ns for which the processor has been deciding until then. A share, or a cap on the memory traffic, of
# 0 is one that is not given any more. Of RESERVE the subject is the resource (in the order of the system's
# `reservable`), the value what is reserved in all. Of LIMIT the value is how many commands may be in flight (0: all),
# of SUSPEND the level: 1 launch no more, 2 take back what has not begun, 3 interrupt what runs. Of SPAWN the subject is
# the task, a job of which the policy released then, and the value its relative deadline in ns.
(
    FREQUENCY, TEMPERATURE, BANDWIDTH, SPEED, DOWN, UP, LOAD, EVICT, CHECKPOINT, BATTERY, SHARE, CAP, LOADED, PLAN,
    RESERVE, LIMIT, SUSPEND, SPAWN,
) = range(18)  # fmt: skip
CHANGES_KINDS = (
    "frequency", "temperature", "bandwidth", "speed", "down", "up", "load", "evict", "checkpoint", "battery", "share",
    "cap", "loaded", "plan", "reserve", "limit", "suspend", "spawn",
)  # fmt: skip

#: The value of a SPEED change at full speed, and of a SHARE of all.
FULL_SPEED = 1 << 40

JOBS = np.dtype(
    [("task", "i4"), ("index", "i4"), ("arrival", "i8"), ("release", "i8"), ("deadline", "i8"), ("start", "i8"),
     ("finish", "i8"), ("outcome", "i1")]
)  # fmt: skip
SLICES = np.dtype(
    [("start", "i8"), ("end", "i8"), ("job", "i4"), ("node", "i2"), ("processor", "i2"), ("reason", "i1")]
)
CHANGES = np.dtype([("time", "i8"), ("what", "i1"), ("subject", "i4"), ("value", "i8")])
WAVES = np.dtype(
    [
        ("start", "i8"),
        ("end", "i8"),
        ("job", "i4"),
        ("node", "i2"),
        ("processor", "i2"),
        ("kernel", "i4"),
        ("blocks", "i4"),
    ]
)
#: Where a segment was on a stream of a GPU while nothing of it ran: neither blocks nor a copy.
WAITS = np.dtype([("start", "i8"), ("end", "i8"), ("job", "i4"), ("node", "i2"), ("processor", "i2")])
# What became of a resource: a node waits for it, holds it from now on, gives it back; or waits since its ceiling keeps
# it from another one.
WAIT, TAKE, GIVE, CEILING = range(4)
LOCKINGS = ("wait", "take", "give", "ceiling")
LOCKS = np.dtype([("time", "i8"), ("job", "i4"), ("node", "i2"), ("resource", "i2"), ("what", "i1")])
#: The slices (of the same start, job, node and processor) that ran in batches: begun with so many, of whom one leads.
BATCHES = np.dtype(
    [("start", "i8"), ("job", "i4"), ("node", "i2"), ("processor", "i2"), ("size", "i4"), ("leads", "i1")]
)
#: The kernels and copies that were launched under a limit: when, and when they ended (or were taken back, or cut off).
LAUNCHES = np.dtype(
    [
        ("launched", "i8"),
        ("end", "i8"),
        ("job", "i4"),
        ("node", "i2"),
        ("processor", "i2"),
        ("kernel", "i4"),
        ("ended", "i1"),
    ]
)
#: The parts of nodes that were split, each with its stay on a processor, its costs and waits included: the share in
#: 1/2^40 of the node (or of what was left of it), and whether all of it was done.
SPLITS = np.dtype(
    [
        ("start", "i8"),
        ("end", "i8"),
        ("job", "i4"),
        ("node", "i2"),
        ("processor", "i2"),
        ("share", "i8"),
        ("done", "i1"),
    ]
)
#: The answer of each job whose task says what answers are worth: accuracy and worth (after lateness) in 1/10^6.
#: Instead of an accuracy: there was no answer, or its accuracy is not known.
NO_ANSWER, UNKNOWN = -1, -2
ANSWERS = np.dtype(
    [
        ("job", "i4"),
        ("task", "i4"),
        ("release", "i8"),
        ("variant", "i2"),
        ("exit", "i2"),
        ("accuracy", "i4"),
        ("right", "i1"),
        ("worth", "i4"),
    ]
)
#: Which variant each node of a task with variants started under, and which it went on as, if that changed inside it.
CHOICES = np.dtype([("time", "i8"), ("job", "i4"), ("node", "i2"), ("variant", "i2")])
#: Which recorded input each job has, by its number, of tasks with recorded inputs.
INPUTS = np.dtype([("job", "i4"), ("input", "i4")])
#: What the chip drew from then on, in nW, of runs that count energy.
POWERS = np.dtype([("time", "i8"), ("value", "i8")])
DECISIONS = np.dtype([("time", "i8"), ("job", "i4"), ("node", "i2"), ("processor", "i2"), ("action", "i1")])


@dataclass(frozen=True, slots=True)
class Deadlock:
    """Jobs that have waited for each other's resources in a circle since `time` (ns), each for the next one's.

    `members` are (job as ``task[index]``, the resource it holds, the one it waits for).
    """

    time: int
    members: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        each = (f"{job} holds {holds} and waits for {waits}" for job, holds, waits in self.members)
        return f"deadlock at {format_duration(self.time)}: {', '.join(each)}"


@dataclass(frozen=True, slots=True)
class ProcessorCounters:
    """Totals of one processor over a run; `busy` in ns includes `overhead` and, on a stream of a GPU, `waiting`."""

    busy: int
    overhead: int
    starts: int
    preemptions: int
    migrations: int
    waiting: int = 0


@dataclass(frozen=True)
class Trace(Displayed):
    """The record of one run.

    `jobs` (row number = job number, in order of release), `slices` (by start, then processor) and `decisions` (by
    time) are structured arrays; empty when the run kept no trace (``kept`` is False), where `tally` has the sums.
    `logged` are the decisions that slices do not show: jobs dropped, aborted or accepted early, nodes that ran twice.
    Only where the system uses them: `changes` of the hardware (``CHANGES_KINDS``); `waves` of GPUs served block by
    block, with the blocks that ran together (0: a copy), and `waits`, where a slice on a stream had nothing running:
    its blocks waited for room or for their context's turn, its copy for the engine; `energy` says where the energy
    went, `peak_temperature` (°C) how hot the chip became. `answers` are those of tasks with accuracies or variants,
    `choices` the variants that nodes started under (and went on as). `locks` say who waited for, took and gave back
    which of the `resources`; `deadlocks` are the first of the `deadlock_count` that there were; `batches` say which
    slices ran as one; `launches` when each kernel was launched under a limit, and whether it ended; `inputs` which
    recorded input each job has; `splits` which are parts of a node that ran on several processors at once; `powers`
    what the chip drew. `stranded` are the first of the `stranded_count` jobs that can never finish, of a run that went
    on for as long as anything happened; where only timers were left in the end, `standstill` says since when. `planned`
    is the `until` that was asked for, of a run that was interrupted. Where nothing was `random`, every seed gives the
    same. `reasons` are what the policy went by, where that was asked for; `ranking` the tasks, the most urgent first,
    where their ranks stand (cluster by cluster where these have orderings of their own).
    Times are ns, -1 for never. Codes are indices into ``OUTCOMES``, ``REASONS`` and ``ACTIONS``.
    """

    system: SystemSpec
    scheduler: str
    seed: int
    until: int
    end: int
    warm_up: int
    kept: bool
    jobs: NDArray[Any]
    slices: NDArray[Any]
    logged: NDArray[Any]
    processors: tuple[ProcessorCounters, ...]
    dispatches: int
    events: int
    tally: Any = field(default=None, compare=False)
    changes: NDArray[Any] = field(default_factory=lambda: np.empty(0, CHANGES))
    waves: NDArray[Any] = field(default_factory=lambda: np.empty(0, WAVES))
    waits: NDArray[Any] = field(default_factory=lambda: np.empty(0, WAITS))
    energy: EnergyReport | None = None
    peak_temperature: float | None = None
    answers: NDArray[Any] = field(default_factory=lambda: np.empty(0, ANSWERS))
    choices: NDArray[Any] = field(default_factory=lambda: np.empty(0, CHOICES))
    locks: NDArray[Any] = field(default_factory=lambda: np.empty(0, LOCKS))
    deadlocks: tuple[Deadlock, ...] = ()
    deadlock_count: int = 0
    stranded: tuple[str, ...] = ()
    stranded_count: int = 0
    standstill: int | None = None
    planned: int | None = None
    batches: NDArray[Any] = field(default_factory=lambda: np.empty(0, BATCHES))
    launches: NDArray[Any] = field(default_factory=lambda: np.empty(0, LAUNCHES))
    inputs: NDArray[Any] = field(default_factory=lambda: np.empty(0, INPUTS))
    splits: NDArray[Any] = field(default_factory=lambda: np.empty(0, SPLITS))
    powers: NDArray[Any] = field(default_factory=lambda: np.empty(0, POWERS))
    random: bool = False
    reasons: Reasons | None = field(default=None, compare=False)
    ranking: tuple[int, ...] = ()

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """The names of the resources, by number."""
        return resources(self.system)

    @cached_property
    def chosen(self) -> dict[tuple[int, int], int]:
        """The variant that each (job, node) started under, for tasks with variants."""
        found: dict[tuple[int, int], int] = {}
        for row in self.choices:
            found.setdefault((int(row["job"]), int(row["node"])), int(row["variant"]))
        return found

    @cached_property
    def switches(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """When a (job, node) that had begun went on as another variant: (instant, variant) in the order of time."""
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for row in self.choices:
            found.setdefault((int(row["job"]), int(row["node"])), []).append((int(row["time"]), int(row["variant"])))
        return {key: rows[1:] for key, rows in found.items() if len(rows) > 1}

    @cached_property
    def _inputs(self) -> dict[int, int]:
        return dict(self.inputs.tolist())

    def recorded(self, job: int, node: int, planned: int) -> int:
        """The time in ns that a node takes for the input of `job`, where `planned` is; that itself without an input."""
        inputs, number = self.system.tasks[self.jobs["task"][job]].inputs, self._inputs.get(job)
        share = None if inputs is None or number is None else inputs.shares[number].get(node)
        return planned if share is None else max(1, round(share * planned))

    @cached_property
    def _by_task(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The numbers of all jobs, task after task, and where each task's begin."""
        order = np.argsort(self.jobs["task"], kind="stable")
        return order, np.searchsorted(self.jobs["task"][order], np.arange(len(self.system.tasks) + 1))

    def numbers(self, task: int) -> NDArray[Any]:
        """The numbers of the jobs of a task, ascending: the rows of `jobs` that are its own."""
        order, begin = self._by_task
        own: NDArray[Any] = order[begin[task] : begin[task + 1]]
        return own

    def jobs_of(self, task: int) -> NDArray[Any]:
        """The rows of `jobs` of a task, in order of release."""
        rows: NDArray[Any] = self.jobs[self.numbers(task)]
        return rows

    def node(self, job: int, node: int) -> NodeSpec:
        """Node number `node` of a job as it ran: that of its variant; after the nodes come `TaskSpec.pieces`."""
        task: TaskSpec = self.system.tasks[self.jobs["task"][job]]
        if node >= len(task.nodes):
            return task.pieces[node]
        number = self.chosen.get((job, node))
        if number is None or task.quality is None:
            return task.nodes[node]
        return task.quality.variants[number].nodes[node]

    def variants(self, job: int, node: int, start: int, end: int) -> list[tuple[int, int, int]]:
        """The variants that a node ran as between two instants: (from, until, number), one after the other."""
        found: list[tuple[int, int, int]] = []
        present = self.chosen[job, node]
        for time, following in [*self.switches.get((job, node), ()), (end, present)]:
            until = min(time, end)
            if start < until or (time == end and not found):
                found.append((start, until, present))
                start = until
            present = following
        return found

    def forms(self, job: int, node: int, start: int, end: int) -> list[tuple[int, int, NodeSpec]]:
        """As `variants`, with the node of each variant instead of its number; any task's node has at least one."""
        if (job, node) not in self.switches:
            return [(start, end, self.node(job, node))]
        quality = self.system.tasks[self.jobs["task"][job]].quality
        assert quality is not None
        return [
            (begin, until, quality.variants[number].nodes[node])
            for begin, until, number in self.variants(job, node, start, end)
        ]

    @cached_property
    def own(self) -> NDArray[Any]:
        """The slices of nodes, without those of copies over links to nodes whose cluster is chosen at run time."""
        if all(len(task.pieces) == len(task.nodes) for task in self.system.tasks):
            return self.slices
        counts = np.array([len(task.nodes) for task in self.system.tasks])
        own: NDArray[Any] = self.slices[self.slices["node"] < counts[self.jobs["task"][self.slices["job"]]]]
        return own

    @cached_property
    def remained(self) -> NDArray[Any]:
        """The slices of nodes as in `own`, without those of copies that went while another one of the node stayed."""
        from rtsched.trace.duplicates import discarded

        gone = discarded(self)
        if not gone.any():
            return self.own
        counts = np.array([len(task.nodes) for task in self.system.tasks])
        inside = self.slices["node"] < counts[self.jobs["task"][self.slices["job"]]]
        remained: NDArray[Any] = self.slices[inside & ~gone]
        return remained

    @cached_property
    def plans(self) -> NDArray[Any]:
        """The decisions of a planner: changes of a processor (`subject`) until `time`, for `value` ns."""
        rows: NDArray[Any] = self.changes[self.changes["what"] == PLAN]
        return rows

    @cached_property
    def leading(self) -> NDArray[Any]:
        """The slices without those that ran in the batch of another: each processor has one at a time."""
        if not len(self.batches):
            return self.slices
        keys = ["start", "job", "node", "processor"]
        others = {tuple(row) for row in self.batches[self.batches["leads"] == 0][keys].tolist()}
        alone = [row[:4] not in others or row[4] == OVERHEAD for row in self.slices[[*keys, "reason"]].tolist()]
        leading: NDArray[Any] = self.slices[np.array(alone, bool)]
        return leading

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return int(self.jobs.nbytes + self.slices.nbytes + self.logged.nbytes)

    def __repr__(self) -> str:
        about = f"<Trace of {cut(self.system.name)!r} under {cut(self.scheduler)}"
        if not self.kept:
            return f"{about}: sums only, until {format_duration(self.end, digits=4)}>"
        missed = int(np.isin(self.jobs["outcome"], (LATE, DROPPED, ABORTED)).sum())
        return (
            f"{about}: {len(self.jobs)} jobs, {missed} missed, {len(self.slices)} slices, "
            f"until {format_duration(self.end, digits=4)}>"
        )

    @cached_property
    def decisions(self) -> NDArray[Any]:
        """Everything that was decided, by time: starts, resumes, migrations and preemptions, and what was logged."""
        from rtsched.trace.decided import decisions

        return decisions(self)

    @cached_property
    def history(self) -> History:
        """The trace by node, processor and resource, for explanations."""
        from rtsched.trace.causes.history import History

        return History(self)

    def explain(self, task: str | int, index: int) -> Explanation:
        """Why job number `index` of a task took as long as it did: what it met in each instant. Raises InputError.

        Who was more urgent, and by what, is known of runs with ``reasons=True`` alone.
        """
        from rtsched.trace.causes.explanation import explain, number_of

        return explain(self, number_of(self, task, index))

    def node_times(self) -> NDArray[Any]:
        """Per node of every job: rows (job, node, first start, finish, processor of the first start); -1 for never."""
        work = self.remained[~np.isin(self.remained["reason"], (OVERHEAD, DRAINED))]
        node, processor = work.dtype["node"], work.dtype["processor"]
        dtype = [("job", "i4"), ("node", node), ("start", "i8"), ("finish", "i8"), ("processor", processor)]
        order = np.lexsort((work["end"], work["start"], work["node"], work["job"]))
        work = work[order]
        first = np.ones(len(work), bool)
        first[1:] = (work["job"][1:] != work["job"][:-1]) | (work["node"][1:] != work["node"][:-1])
        last = np.append(first[1:], True) if len(work) else first
        rows = np.empty(int(first.sum()), dtype)
        for name in ("job", "node", "start", "processor"):
            rows[name] = work[name][first]
        rows["finish"] = np.where(work["reason"][last] == COMPLETED, work["end"][last], -1)
        return rows

    def check(self) -> list[str]:
        """What must hold in every run and does not, as sentences; empty when all is well.

        No processor runs two slices at once, no node of a job runs twice at once, nothing runs before its release or
        its predecessors' end or after the end of its job (but what drains), finished jobs ran all their nodes,
        deadlines are those of the tasks, outcomes fit the times, jobs of a task that must not overlap do not, no
        resource has two holders, and slices on one processor add up to its busy time.
        """
        from rtsched.trace.check import violations

        return violations(self)


def resources(system: SystemSpec) -> tuple[str, ...]:
    """All resources of a system: those with a protocol first, then any that only sections name."""
    named = (section.resource for task in system.tasks for node in task.all_nodes for section in node.sections)
    return tuple(dict.fromkeys((*system.protocols, *named)))
