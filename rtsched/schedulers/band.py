"""Band's schedulers: networks cut into subgraphs, each subgraph on one worker of a mobile chip, to completion.

Jeong, Lee, Kim et al., "Band: coordinated multi-DNN inference on heterogeneous mobile processors", MobiSys 2022, with
the rules of its public code (mrsnu/band). In rtsched's words: a *worker* is a processor, a *unit* is a node, a
*subgraph* is a contiguous range of units in topological order on a worker that can run them all (see `band_plan`), a
*request* is a job, and its SLO is the time from its release to its deadline.

What differs from Band, everywhere below: times are ns, not µs; the planner wakes once per instant; profiles are those
at the present clocks, and loads of weights and copies are foreseen (`Estimator`); links are workers too; what a failing
worker leaves unfinished goes on from the first unit that is not done (which restarts, resumes or is dropped as the
task's ``on_fault`` says), where Band starts the whole model again; a worker is back when its fault is over, not when a
retry succeeds. Work stealing is a stub in Band and is left out.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.job import DONE, OPEN
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.band_plan import OUT_OF_SERVICE, Costs, Key, Plan, Request, Run, Units, Worker, best_plan
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.estimate import Estimator
from rtsched.schedulers.placement import Global

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.source import Source


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
    """

    preemption = "nonpreemptive"
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
        self.drop = _one_of("drop", drop or ("quirk" if quirks else "repaired"), ("repaired", "quirk", "never"))
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
        self.units = [Units(task.nodes, self.merge, self.smoothing) for task in soc.tasks]
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
            or any(self.estimator.memories(node, place) for node in nodes for place in node.eligible)
        )

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
        if self.soc.chip is None or self.soc.chip.clocks() == self.clocks:
            return
        self.clocks = self.soc.chip.clocks()
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
            self.soc.drop(request.job)
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
                (number, node.hardware.network): memory.time(node.hardware.weights)
                for node in left
                if node.times[processor.index] is not None and node.hardware is not None
                for number, memory in self.estimator.memories(node, processor.index)
                if node.hardware.network not in memory.inside
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

    def _whole(self, task: Source) -> dict[int, int]:
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


class BandFixedWorker(Band):
    """Band's fixed_worker: every network has its worker, whole, first come first served (device queues).

    `workers` maps a task to the name of a processor. A task that is not named gets the processor on which it takes
    least (the first of equals); with `quirks` processor 0, since Band never fills its map. Jobs are enqueued as they
    arrive; each worker is a FIFO. One worker for all is plain FIFO. It promises nothing; it needs a worker that
    supports all units of a network, and fails by leaving other workers idle.
    """

    queued = True

    def __init__(
        self,
        workers: dict[str, str] | None = None,
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(smoothing, drop, quirks, best_effort)
        self.named = dict(workers or {})

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        places = {processor.name: processor.index for processor in soc.processors}
        for name in sorted(
            self.named.keys() - {task.name for task in soc.tasks} | set(self.named.values()) - places.keys()
        ):
            raise SchedulerError(f"band-fixed-worker: 'workers' names {name!r}, which is no task or no processor")
        self.homes: list[int] = []
        for task in soc.tasks:
            times = self._whole(task)
            chosen = 0 if self.quirks else min(times, key=lambda place: (times[place], place))
            home = places[self.named[task.name]] if task.name in self.named else chosen
            if home not in times:
                fit = ", ".join(soc.processors[place].name for place in times)
                what = f"{soc.processors[home]!r} cannot run all of task {task.name!r}"
                raise SchedulerError(f"band-fixed-worker: {what}; name one of {fit} in 'workers'")
            self.homes.append(home)

    def schedule(self) -> None:
        queue, self.queue = self.queue, []
        for request in queue:
            self.enqueue(request, request.rest(self.homes[request.job.task.index]))


class BandRoundRobin(Band):
    """Band's round_robin: each idle worker, by number, takes the first queued job that it can run whole.

    With `quirks` workers always look idle (Band never refreshes its snapshot), so that each of them takes one job into
    its queue per wake-up. It promises nothing; it needs, for each network, a worker that supports all its units, and
    fails by giving networks to slow workers.
    """

    queued = True

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        for task in soc.tasks:
            self._whole(task)

    def schedule(self) -> None:
        for place, time in enumerate(self.waiting()):
            if time and not (self.quirks and time < OUT_OF_SERVICE):
                continue
            for request in self.queue:
                key = request.rest(place)
                if request.units.available(key):
                    self.queue.remove(request)
                    self.enqueue(request, key)
                    break


class PlannedBand(Band):
    """What Band's schedulers that cut networks share: a plan, and one job at a time on each worker.

    Only the first `window` requests of the queue are looked at (None: all; Band's examples use 10). `order` says what a
    plan is made of: ``merge``, all contiguous ranges of units; ``unit``, single units.
    """

    def __init__(
        self,
        window: int | None = None,
        order: str = "merge",
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(smoothing, drop, quirks, best_effort)
        if window is not None and window < 1:
            raise InputError(f"band: window {window!r} is not a number of jobs from 1")
        self.window = sys.maxsize if window is None else window
        self.merge = _one_of("order", order, ("merge", "unit")) == "merge"

    def plan(self, request: Request, waiting: Sequence[int]) -> Plan:
        """The best plan for what is left of a request."""
        state = (request.state, tuple(waiting), request.job.number if self.costly else -1)
        if state not in self.plans:
            self.plans[state] = best_plan(request.units, request.start, waiting, self.costs(request))
        return self.plans[state]

    def longest(self, requests: Iterable[Request], waiting: Sequence[int]) -> tuple[Request, Plan] | None:
        """The request whose shortest latency is the largest, the first of equals, with its plan.

        Of requests with the same network and progress only the first is planned.
        """
        best: tuple[Request, Plan] | None = None
        seen = set()
        for request in requests:
            if request.state not in seen:
                seen.add(request.state)
                plan = self.plan(request, self.seen_by(request, waiting))
                if best is None or plan.latency > best[1].latency:
                    best = (request, plan)
        return best

    def seen_by(self, request: Request, waiting: Sequence[int]) -> Sequence[int]:
        """The waiting times that hold for `request`."""
        return waiting


class BandShortestExpectedLatency(PlannedBand):
    """Band's shortest_expected_latency: of the shortest latencies, the largest goes first, to its worker, busy or not.

    The jobs of the window are taken one by one, each time the one whose best plan ends last (first of equals); its
    first piece is enqueued, and if the worker is busy the job goes back. It promises nothing; it needs estimates that
    hold. Blind to deadlines but for the drops, it fails by running the longest network first, however late.
    """

    def schedule(self) -> None:
        window, self.queue = self.queue[: self.window], self.queue[self.window :]
        while True:
            found = self.longest(window, self.waiting())
            if found is None:
                return
            window.remove(found[0])
            self.enqueue(found[0], found[1].pieces[0])


class BandHEFT(PlannedBand):
    """Band's heterogeneous_earliest_finish_time: the largest shortest latency first, only where its worker is idle.

    While a worker is idle, the job of the window whose best plan ends last is looked at; if the plan begins on a busy
    worker, that worker's waiting time grows by the piece and the job is set aside for this round. The window shrinks by
    one with every job that is enqueued. With `reserved`, the piece that follows one just enqueued is added to its
    worker's waiting time when other jobs are planned, until the job has enqueued its last piece. Not the classical
    HEFT: there are no upward ranks. It promises nothing; it needs estimates that hold, and a window where many jobs
    wait, since each round may plan for every one of them. Blind to deadlines but for the drops, it fails in overload.
    """

    reserves: ClassVar[bool] = False

    def __init__(
        self,
        window: int | None = None,
        reserved: bool | None = None,
        order: str = "merge",
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(window, order, smoothing, drop, quirks, best_effort)
        self.reserving = self.reserves if reserved is None else reserved

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.reserved: dict[int, Key] = {}

    def schedule(self) -> None:
        self.reserved = {number: key for number, key in self.reserved.items() if number in self.open}
        left = min(self.window, len(self.queue))
        while left > 0:
            found = self._startable(self.queue[:left])
            if found is None:
                return
            request, plan = found
            self.queue.remove(request)
            left -= 1
            if self.enqueue(request, plan.pieces[0]) and self.reserving:
                self.reserved.pop(request.job.number, None)
                if len(plan.pieces) > 1:
                    self.reserved[request.job.number] = plan.pieces[1]

    def _startable(self, requests: list[Request]) -> tuple[Request, Plan] | None:
        """The most urgent of the requests whose plan begins on an idle worker."""
        waiting = self.waiting()
        idle = {place for place, time in enumerate(waiting) if time == 0}
        self.promised = [0] * len(waiting)
        for number, key in self.reserved.items():
            self.promised[key.processor] += self.open[number].units.expected(key)
        while idle:
            found = self.longest(requests, waiting)
            if found is None:
                break
            key = found[1].pieces[0]
            if key.processor in idle:
                return found
            waiting[key.processor] += found[0].units.expected(key)
            requests.remove(found[0])
        return None

    def seen_by(self, request: Request, waiting: Sequence[int]) -> Sequence[int]:
        times = [time + promised for time, promised in zip(waiting, self.promised, strict=True)]
        own = self.reserved.get(request.job.number)
        if own is not None:
            times[own.processor] -= request.units.expected(own)
        return times


class BandHEFTReserved(BandHEFT):
    """Band's HEFT with reservation: `BandHEFT` that keeps the worker of each job's next piece for it by default."""

    reserves = True


class BandLeastSlackFirst(PlannedBand):
    """Band's least_slack_time_first: the jobs of the window by the time they can spare, hopeless ones dropped.

    Slack is deadline - now - latency of the best plan (without SLO: the most), ties in the order of the queue (Band's
    sort is not stable). In that order each job is planned again with a copy of the waiting times: if the plan ends
    after the deadline the job is dropped (not with ``drop: never``), else if it begins on an idle worker its piece is
    added to the copy and enqueued, else it is left. Nothing happens while no worker is idle. It promises nothing; it
    needs estimates that hold, and fails by dropping what a worker soon to be free, or back, could have saved.
    """

    def schedule(self) -> None:
        waiting = self.waiting()
        idle = {place for place, time in enumerate(waiting) if time == 0}
        if not idle:
            return
        left = []
        for request in sorted(self.queue[: self.window], key=lambda request: self._slack(request, waiting)):
            plan = self.plan(request, waiting)
            key = plan.pieces[0]
            hopeless = self.soc.now + plan.latency > request.job.deadline
            if hopeless and self.has_slo(request) and self.drop != "never":
                self.soc.drop(request.job)
            elif key.processor in idle:
                waiting[key.processor] += request.units.expected(key)
                self.enqueue(request, key)
            else:
                left.append(request)
        self.queue[: self.window] = left

    def _slack(self, request: Request, waiting: Sequence[int]) -> int:
        if not self.has_slo(request):
            return OUT_OF_SERVICE
        return request.job.deadline - self.soc.now - self.plan(request, waiting).latency


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(f"band: {name} {value!r} is not one of {', '.join(choices)}")
    return value
