"""(m,k)-firm deadlines: of any k consecutive jobs of a task at least m should be in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.trace.trace import OK

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class Firm(Ordering):
    """An ordering that knows (m,k) of each task: `m` and `k` for all, or ``tasks: {name: [m, k]}`` for some of them."""

    def __init__(self, m: int = 1, k: int = 2, tasks: Mapping[str, Sequence[int]] | None = None) -> None:
        self.default = constraint("m and k", (m, k))
        self.named = {str(name): constraint(f"tasks: {name}", pair) for name, pair in (tasks or {}).items()}

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        names = [task.name for task in soc.tasks]
        for name in self.named:
            if name not in names:
                raise InputError(f"tasks: no task is called {name!r}; there are {', '.join(names)}")
        self.constraints = [self.named.get(name, self.default) for name in names]


class DistanceBasedPriority(Firm):
    """In the style of distance-based priority (DBP): who is nearest to fewer than m of k jobs in time goes first.

    The paper was not read; our definition is: a job's distance, fixed when it is released, is k - l + 1, with l the
    place (newest first, from 1) of the m-th success among the last k outcomes of its task; 0 where there are fewer.
    Smaller goes first, equals by deadline, then release. Before time starts all were successes. A failure counts from
    the deadline that passes, or the drop. It guarantees nothing; it wants late jobs to end there (``on_miss: abort``),
    and fails by treating two tasks alike that need a very different time to be saved. After Hamdaoui and Ramanathan,
    "A dynamic priority assignment technique for streams with (m,k)-firm deadlines", IEEE ToC 44(12), 1995.
    """

    claims = GREEDY

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        #: by task, the last k outcomes, newest first: whether in time
        self.history = [[True] * k for _, k in self.constraints]
        self.distances: dict[Job, int] = {}
        self.undecided: set[Job] = set()

    def on_release(self, job: Job) -> None:
        m, k = self.constraints[job.task.index]
        self.distances[job] = distance(self.history[job.task.index], m, k)
        self.undecided.add(job)

    def on_deadline(self, job: Job) -> None:
        self._learn(job, success=False)

    def on_job_end(self, job: Job) -> None:
        self._learn(job, success=job.outcome == OK)
        del self.distances[job]

    def _learn(self, job: Job, success: bool) -> None:
        """What is known first counts: a deadline that has passed, or an end before."""
        if job in self.undecided:
            self.undecided.remove(job)
            history = self.history[job.task.index]
            history.insert(0, success)
            history.pop()

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (self.distances[job], job.deadline, job.release)


class EvenPattern(Firm):
    """In the style of the E-pattern: m of any k jobs, evenly spread, are mandatory and rate monotonic; the others wait.

    The paper was not read; our definition is: job a (from 0) is mandatory iff a = floor(ceil(a m / k) k / m); with
    ``pattern: deep-red`` the first m of each k are. Mandatory jobs go by period, optional ones after all of them, by
    period. If the mandatory jobs alone are schedulable, m of any k are in time; it fails by spending processors on
    late mandatory jobs while optional ones could be saved. After Ramanathan, "Overload management in real-time control
    applications using (m,k)-firm guarantee", IEEE TPDS 10(6), 1999; deep-red: Koren and Shasha, "Skip-over", RTSS 1995.
    """

    claims = GREEDY  # not sustainable: a mandatory job waits for the optional one of its task before it

    def __init__(
        self, m: int = 1, k: int = 2, tasks: Mapping[str, Sequence[int]] | None = None, pattern: str = "even"
    ) -> None:
        super().__init__(m, k, tasks)
        if pattern not in ("even", "deep-red"):
            raise InputError(f"pattern: must be even or deep-red (found {pattern!r})")
        self.pattern = pattern

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        m, k = self.constraints[job.task.index]
        wanted = evenly(job.index, m, k) if self.pattern == "even" else job.index % k < m
        return (not wanted, job.task.spec.period or job.task.spec.deadline, job.release)


def constraint(what: str, pair: Any) -> tuple[int, int]:
    """(m, k), checked. Raises InputError."""
    try:
        m, k = pair
        if type(m) is type(k) is int and 1 <= m <= k:
            return m, k
    except (TypeError, ValueError):
        pass
    raise InputError(f"{what}: must be whole numbers, 1 <= m <= k (found {pair!r}); e.g. m = 2 of k = 3")


def distance(history: Sequence[bool], m: int, k: int) -> int:
    """How many failures in a row from now on leave fewer than m successes among k; 0 where it is so already.

    >>> [distance(history, 2, 3) for history in ([True, True, True], [False, True, True], [False, False, True])]
    [2, 1, 0]
    """
    places = [place for place, success in enumerate(history, 1) if success]
    return k - places[m - 1] + 1 if len(places) >= m else 0


def evenly(index: int, m: int, k: int) -> bool:
    """Whether a job is mandatory where m of k are, evenly spread.

    >>> "".join("mo"[not evenly(index, 3, 5)] for index in range(10))
    'mmomommomo'
    """
    return index == -(-index * m // k) * k // m
