"""Band's schedulers: networks cut into subgraphs, each subgraph on one worker of a mobile chip, to completion.

Jeong, Lee, Kim et al., "Band: coordinated multi-DNN inference on heterogeneous mobile processors", MobiSys 2022, with
the rules of its public code (mrsnu/band). In rtsched's words: a *worker* is a processor, a *unit* is a node, a
*subgraph* is a contiguous range of units in topological order on a worker that can run them all (see `plan`), a
*request* is a job, and its SLO is the time from its release to its deadline.

What differs from Band, everywhere below: times are ns, not µs; the planner wakes once per instant; profiles are those
at the present clocks (off by the bias and noise of the system's `estimates`, which learn nothing here: Band's averages
do), and loads of weights and copies are foreseen (`Estimator`); links are workers too; what a failing
worker leaves unfinished goes on from the first unit that is not done (which restarts, resumes or is dropped as the
task's ``on_fault`` says), where Band starts the whole model again; a worker is back when its fault is over, not when a
retry succeeds. Work stealing is a stub in Band and is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.beliefs import AT_SETUP
from rtsched.engine.job import DONE
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.base import GUESTS, Scheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.systems.band.plan import (
    OUT_OF_SERVICE,
    Costs,
    Key,
    Plan,
    Request,
    Run,
    Units,
    Worker,
)
from rtsched.trace.trace import OPEN

#: What is said of a job that is given up as it is enqueued, by `drop`.
TOO_LATE = {
    "repaired": "its worker would be done with its piece after its deadline",
    "quirk": "its deadline had passed",
}

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class Band(Scheduler):
    """What Band's schedulers share: queues, estimates, waiting times, and the rule of drops.

    Requests are moved, in order, to the end of the planner's queue when it wakes, and stay there until they are
    enqueued to a worker. A request comes back to the *front* of the requests with its next piece, when its worker goes
    down, and when it was enqueued to a worker that cannot take it (several sent back at one instant keep their order).

    Waiting time of a worker: what its queue is expected to take, less min(elapsed, expected) of what runs; a worker
    that overruns its estimate therefore looks idle. `smoothing` is the weight of a new measurement.

    `drop` says when a job is given up as it is enqueued: ``repaired``, if the worker's waiting time and the expected
    time of the piece exceed what is left to the deadline; ``quirk``, as Band's code does (it compares before it sets
    either), only if the deadline has passed; ``never``. It follows `quirks` unless given: False is the rules as meant,
    True as coded. Jobs of the tasks named in `best_effort` have no SLO and are never dropped. After a drop the planner
    wakes again at once.

    An adaptation that stands beside it chooses variants; the planner goes on expecting the times of the whole network,
    until it has measured others. A run of several units is one piece: an exit inside it is not seen.
    """

    claims = frozenset({"monotone", "symmetric"})
    believes = AT_SETUP  # from then on its own averages learn
    preemption = "nonpreemptive"
    takes = frozenset(GUESTS)
    #: whether workers keep a queue (else they hold one job at a time)
    queued: ClassVar[bool] = False
    merge: bool = False

    def __init__(
        self,
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        if not 0 <= smoothing <= 1:
            raise InputError(f"band: smoothing {smoothing!r} is not between 0 and 1")
        self.smoothing = Fraction(str(smoothing))
        self.drop = one_of("drop", drop or ("quirk" if quirks else "repaired"), ("repaired", "quirk", "never"))
        self.quirks = quirks
        self.best_effort = tuple(best_effort or ())

    def setup(self, soc: Soc) -> None:
        names = {task.name: task.index for task in soc.tasks}
        for name in self.best_effort:
            if name not in names:
                raise SchedulerError(f"band: 'best_effort' names {name!r}, which is no task")
        self.without_slo = {names[name] for name in self.best_effort}
        for task in soc.tasks:
            if task.spec.branches or any(node.sections for node in task.nodes):
                raise SchedulerError(f"band: task {task.name!r} has branches or sections; use another scheduler")
            if "adaptation" in self.guests:
                _must_keep_units(task)
        self.units = [Units(task.nodes, self.merge, self.smoothing, soc.beliefs.time) for task in soc.tasks]
        self.workers = [Worker(processor, deque()) for processor in soc.processors]
        self.open: dict[int, Request] = {}
        self.requests: deque[Request] = deque()
        self.sent_back: list[Request] = []
        self.queue: list[Request] = []
        self.plans: dict[tuple[tuple[int, int], tuple[int, ...], int], Plan] = {}
        self.estimator = Estimator(soc, Global())
        self.clocks: tuple[int, ...] = ()
        nodes = [node for task in soc.tasks for node in task.nodes]
        #: whether anything is loaded or copied
        self.costly = bool(
            any(node.copies for node in nodes)
            or any(self.estimator._memories(node, place) for node in nodes for place in node.eligible)
        )

    def beliefs(self, soc: Soc) -> Estimator:
        return self.estimator

    # ---- what happens --------------------------------------------------------------------------------------------

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        if job.number not in self.open:
            self.open[job.number] = Request(job, self.units[job.task.index])
            self.requests.append(self.open[job.number])

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        assert segment.processor is not None
        run = self.workers[segment.processor.index].runs.popleft()
        request = run.request
        if run.afresh:
            request.units.observe(run.key, max(1, self.soc.now - run.started - run.cost))
        request.start = run.key.last + 1
        if request.start == request.units.count:
            del self.open[request.job.number]
        else:
            self.requests.appendleft(request)

    def on_processor(self, processor: Processor, change: str) -> None:
        runs = self.workers[processor.index].runs
        while change == "down" and runs:
            request = runs.pop().request
            if request.job.outcome == OPEN:
                while request.job.segments[request.units.nodes[request.start]].state == DONE:
                    request.start += 1
                self.requests.appendleft(request)

    def dispatch(self) -> None:
        self._forget_ended()
        self._profile()
        self.plans.clear()
        self.queue.extend(self.requests)
        self.requests.clear()
        self.schedule()
        self.requests.extendleft(reversed(self.sent_back))
        self.sent_back.clear()
        for worker in self.workers:
            if worker.runs and worker.processor.segment is None:
                self._start(worker)

    def schedule(self) -> None:
        """Look through `queue`, and enqueue what shall run."""
        raise NotImplementedError

    def _profile(self) -> None:
        """Where clocks have changed, take the times at the present ones for the profiles."""
        if self.soc.clocks() == self.clocks:
            return
        self.clocks = self.soc.clocks()
        self.estimator.idle()
        places = range(len(self.soc.processors))
        for units in self.units:
            nodes = [units.specs[index] for index in units.nodes]
            units.profile(
                [
                    [0 if node.times[place] is None else self.estimator.time(node, place) for node in nodes]
                    for place in places
                ]
            )

    def _forget_ended(self) -> None:
        """Jobs that were given up since the last time are gone, wherever they stood."""
        if all(request.job.outcome == OPEN for request in self.open.values()):
            return
        self.open = {number: request for number, request in self.open.items() if request.job.outcome == OPEN}
        self.queue = [request for request in self.queue if request.job.outcome == OPEN]
        self.requests = deque(request for request in self.requests if request.job.outcome == OPEN)
        for _, runs in self.workers:
            for run in [run for run in runs if run.request.job.outcome != OPEN]:
                runs.remove(run)

    def _start(self, worker: Worker) -> None:
        run = worker.runs[0]
        job = run.request.job
        nodes = run.request.units.nodes[run.key.first : run.key.last + 1]
        run.afresh = job.segments[nodes[0]].processor is None
        run.started = self.soc.now
        self.soc.start(job, nodes[0] if len(nodes) == 1 else nodes, worker.processor)

    # ---- what the policies ask -----------------------------------------------------------------------------------

    def waiting(self) -> list[int]:
        """The waiting time of every worker in ns."""
        now, available = self.soc.now, self.soc.available
        return [worker.waiting(now) if available(worker.processor) else OUT_OF_SERVICE for worker in self.workers]

    def enqueue(self, request: Request, key: Key) -> bool:
        """Give a piece to its worker; False if the job was dropped instead, or sent back."""
        runs = self.workers[key.processor].runs
        waiting = self.waiting()[key.processor]
        costs = self.costs(request)
        cost = 0 if costs is None else costs.of(key, ())
        if self._too_late(request, key, waiting + cost):
            self.soc.drop(request.job, reason=TOO_LATE[self.drop])
            return False
        if waiting >= OUT_OF_SERVICE or (runs and not self.queued):
            self.sent_back.append(request)
            return False
        runs.append(Run(request, key, cost))
        return True

    def costs(self, request: Request) -> Costs | None:
        """What pieces of a request are believed to take before they make progress; None where that is nothing."""
        if not self.costly:
            return None
        soc, units = self.soc, request.units
        left = [units.specs[index] for index in units.nodes[request.start :]]
        loads = []
        for processor in soc.processors:
            due = {
                node.hardware.network: self.estimator.loading(node, processor.index)
                for node in left
                if node.times[processor.index] is not None and node.hardware is not None
            }
            loads.append(sum(due.values()))
        done = [request.job.segments[index].processor for index in units.nodes[: request.start]]
        return Costs(
            loads,
            units,
            [place.index for place in done if place is not None],
            [processor.cluster for processor in soc.processors],
            self.estimator.copy,
        )

    def _whole(self, task: TaskState) -> dict[int, int]:
        """The workers that can run all of a network, and how long it takes there in ns; an error if there are none."""
        units = self.units[task.index]
        keys = [Key(0, units.count - 1, worker.processor.index) for worker in self.workers]
        times = {key.processor: units.profiled(key) for key in keys if units.available(key)}
        if not times:
            raise SchedulerError(
                f"band: no processor runs all of task {task.name!r}; use band-heft, which cuts networks"
            )
        return times

    def has_slo(self, request: Request) -> bool:
        """Whether the deadline of a request counts."""
        return request.job.task.index not in self.without_slo

    def _too_late(self, request: Request, key: Key, waiting: int) -> bool:
        if self.drop == "never" or not self.has_slo(request):
            return False
        left = request.job.deadline - self.soc.now
        if self.drop == "quirk":
            return left < 0
        return waiting + request.units.expected(key) > left


def _must_keep_units(task: TaskState) -> None:
    """Refuse variants that have other units than the network has, or run elsewhere: subgraphs are planned without."""
    quality = task.spec.quality
    for variant in () if quality is None else quality.variants:
        pairs = zip(task.nodes, variant.nodes, strict=True)
        if variant.skipped or any(set(own.eligible) - set(new.eligible) for own, new in pairs):
            raise SchedulerError(
                f"band: the variant {variant.name!r} of task {task.name!r} leaves out nodes, or cannot run where the "
                "whole network can: its subgraphs would not be those that are planned; use another scheduler"
            )


def one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    """The value, if it is one of the choices. Raises InputError that names the parameter."""
    if value not in choices:
        raise InputError(f"band: {name} {value!r} is not one of {', '.join(choices)}")
    return value
