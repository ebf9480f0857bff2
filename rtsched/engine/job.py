"""Jobs and segments: what runs. Small, slotted, made once per release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.job_path import JobPath
    from rtsched.engine.processor import Processor
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec

# The states of a segment. (Final, each by itself: compiled code then has the number instead of looking it up.)
WAITING: Final = 0
READY: Final = 1
RUNNING: Final = 2
BLOCKED: Final = 3
DONE: Final = 4
DEAD: Final = 5
CLAIMED: Final = 6
COPYING: Final = 7
DRAINING: Final = 8
BATCHED: Final = 9
SPLIT: Final = 10
STATES = (
    "waiting", "ready", "running", "blocked", "done", "dead", "claimed by a run of nodes", "a copy on a link",
    "draining, or its processor is being reset", "in a batch", "split over several processors",
)  # fmt: skip


class Job:
    """One instance of a task.

    `arrival`, `release`, `deadline`, `start`, `finish` are instants in ns, -1 where not yet (or never) reached;
    `deadline` is absolute. `number` counts all jobs of a run in the order of release, `index` those of its task.
    `factor` is the truth about its execution times (None: as planned; a factor; or a function), not for policies.
    `chances`, only where tasks follow with a probability, are its draws by the index of the follower; `path`, only
    where it may go several ways, is what it has met and chosen.
    """

    __slots__ = (
        "arrival", "chances", "deadline", "factor", "finish", "index", "left", "number", "outcome", "path", "release",
        "segments", "start", "task", "view",
    )  # fmt: skip

    chances: dict[int, float]
    path: JobPath
    view: Any

    def __init__(self, task: TaskState, index: int, number: int, arrival: int, release: int, deadline: int) -> None:
        self.task = task
        self.index = index
        self.number = number
        self.arrival = arrival
        self.release = release
        self.deadline = deadline
        self.factor: Any = None
        self.start = -1
        self.finish = -1
        self.outcome = OPEN
        self.left = 1
        self.segments: tuple[Segment, ...] = ()

    def __repr__(self) -> str:
        return f"job {self.index} of {self.task.name!r}"


class Segment:
    """The piece of a job that runs without the scheduler being asked again: one node, or a run of nodes.

    `since` is the instant at which it first became ready. `remaining` is the work left in ns on the processor it last
    ran on (exact: an int, or a Fraction after a move between processors of different speed); `demand` the whole of it
    there. `run` are the nodes to go on with when it ends; `stopped` is the instant of the last stop; `memo` and `entry`
    belong to the scheduler. `seen`, only for policies that read values, is what its completion showed.
    """

    __slots__ = (
        "demand", "entry", "job", "memo", "node", "points", "processor", "remaining", "run", "seen", "since",
        "state", "stopped", "view", "waits",
    )  # fmt: skip

    seen: Mapping[str, Any]
    view: Any

    def __init__(self, job: Job, node: NodeSpec, waits: int) -> None:
        self.job = job
        self.node = node
        self.waits = waits
        self.state = WAITING
        self.processor: Processor | None = None
        self.remaining: int | Fraction = 0
        self.demand = 0
        self.since = -1
        self.stopped = -1
        self.points: Any = None
        self.run: tuple[Segment, ...] = ()
        self.entry: Any = None
        self.memo: Any = None

    def __repr__(self) -> str:
        return f"node {self.node.name!r} of {self.job!r}"


def make_ready(segments: Iterable[Segment], now: int) -> None:
    """Let segments start from `now` on."""
    for segment in segments:
        segment.state = READY
        segment.since = now
