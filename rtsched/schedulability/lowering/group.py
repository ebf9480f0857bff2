"""One group of tasks and the processors they use, lowered into every model of theorems that can hold it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from rtsched import units
from rtsched.model.known import known_before
from rtsched.model.policy import Order
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.lowering import accelerators, planned, suspending
from rtsched.schedulability.lowering.delays import Queue, queues
from rtsched.schedulability.lowering.locked import locks_obstacle
from rtsched.schedulability.lowering.obstacles import Obstacle
from rtsched.schedulability.lowering.pieces import Piece, Pieces, is_chain, recorded_deadlines
from rtsched.schedulability.models import (
    Cluster,
    Dag,
    DagTask,
    Mode,
    Pipelines,
    PipelineTask,
    Queues,
    Sporadic,
    Stage,
    TypedPools,
    Uniprocessor,
    Vertex,
)
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorems.compositional import Component, EventNetwork, Events
from rtsched.schedulability.theorems.heavy_first import HeavyFirst
from rtsched.schedulability.theorems.job_sets import Job, JobSet
from rtsched.schedulability.theorems.locks import Blocker, blockers, blocking_by_locks
from rtsched.schedulability.theorems.preemptive_jobs import PreemptiveJobs, deadlines_in_order
from rtsched.schedulability.theorems.triggered import TriggeredEDF


@dataclass(frozen=True)
class View:
    """A part of a system that can be looked at by itself, in the models of theorems; or why it has none.

    `tasks` are places in the system. `exact`: what the model allows, the system allows as well, so that a failed exact
    test is a no. `costs` are the execution times that the models take, by task name, and `overheads` what switches cost
    besides; `blockers` the sections of which one or more block a task. `service` says what the models take processors
    to do, and which. `queues` say who waits for whom; there are none where all may.
    """

    name: str
    tasks: tuple[int, ...]
    processors: tuple[int, ...]
    models: tuple[Any, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    exact: bool = True
    overheads: dict[str, int] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    blockers: dict[str, tuple[Blocker, ...]] = field(default_factory=dict)
    obstacle: Obstacle | None = None
    service: dict[str, tuple[int, ...]] = field(default_factory=dict)
    queues: tuple[Queue, ...] = ()


class TaskGroup(Pieces):
    """One group of tasks and the processors they use, in every model that can hold it."""

    def view(self) -> View:
        """The part in all models that can hold it."""
        models: list[Any] = []
        obstacle = self._obstacle()
        if obstacle is None and self.policy.plan is not None:
            models += planned.models(self, self.policy.plan)
        elif obstacle is None and accelerators.takes_turns(self):
            models.append(accelerators.in_turn(self))
        elif obstacle is None and self.triggered:
            models = [model for model in (self._network(), self._triggered_edf()) if model is not None]
            obstacle = None if models else self._trigger_obstacle()
        elif obstacle is None and all(task.release is not None for task in self.specs) and self._fixed_jobs():
            models.append(self._job_set())
        elif obstacle is None and self._at_known_instants():
            models.append(self._preemptive_jobs())
        elif obstacle is None:
            if len(self.pools) == 1 and self.single:
                models.append(self._uniprocessor())
                if self.order == "EDZL" and self._mode(0) == "preemptive":
                    models.append(self.cluster())
            if len(self.pools) == 1 and not self.single and self.sequential and self._mode(0) == "preemptive":
                models += [self.cluster(), *self._heavy_first()]
            if not self.locks:
                models.append(self._typed_pools())
                if self.single and len(self.pools) > 1 and self._by_priority() and all(map(is_chain, self.specs)):
                    models.append(self._pipelines())
                models += accelerators.behind_driver(self)
                models += suspending.on_one_processor(self)
        overheads, costs = {}, {}
        for task in self.specs:
            pieces = self.pieces[task.index]
            costs[task.name] = sum(piece.c - piece.overhead for piece in pieces)
            if any(piece.overhead for piece in pieces):
                overheads[task.name] = sum(piece.overhead for piece in pieces)
        return View(
            self.name,
            tuple(task.index for task in self.specs),
            self.processors,
            tuple(models),
            tuple(self.notes),
            self.exact,
            overheads,
            costs,
            self.blockers,
            obstacle,
            self.service,
            queues(self) if self.policy.plan is None and not accelerators.takes_turns(self) else (),
        )

    def _obstacle(self) -> Obstacle | None:
        """What no model of this part could hold."""
        return (
            locks_obstacle(self)
            or self._switching_obstacle()
            or self._regions_obstacle()
            or self._plan_obstacle()
            or (accelerators.turns_obstacle(self) if accelerators.takes_turns(self) else None)
            or (None if self.policy.plan is not None or self._at_known_instants() else self._recording_obstacle())
        )

    def _switching_obstacle(self) -> Obstacle | None:
        """Switches are counted per arrival: an ordering whose keys change with time preempts without one."""
        if self.policy.ordering.steady or not any(piece.overhead for each in self.pieces.values() for piece in each):
            return None
        return Obstacle(
            f"how often {self.policy.ordering.name!r} switches is not bounded here, and every switch costs time",
            "leave the overheads out, or use fp, rm, dm, edf or fifo",
        )

    def _recording_obstacle(self) -> Obstacle | None:
        """By deadlines a job with more time than the others of its task waits for them: no one deadline stands for all.

        So it is under EDF, EDZL and whatever goes by EDF but for some, on any pool that the task uses.
        """
        ordered = {
            pool
            for pool, policy in enumerate(self.at)
            if policy.order in ("EDF", "EDZL") or policy.ordering.first is not None
        }
        task = next(
            (
                task
                for task in self.specs
                if len(set(recorded_deadlines(task))) > 1
                and any(piece.pool in ordered for piece in self.pieces[task.index])
            ),
            None,
        )
        if task is None:
            return None
        return Obstacle(
            f"the recorded jobs of {task.name!r} have deadlines of their own, by which EDF orders them",
            f"give all jobs of {task.name!r} one deadline, or use fp, rm or dm",
        )

    def _regions_obstacle(self) -> Obstacle | None:
        """Regions say nothing about a time that they do not sum to."""
        for task in self.specs:
            for node in task.nodes:
                if self.at[self.home[task.index, node.index]].preemption != "limited":
                    continue
                total = sum(node.regions)
                if total and any(node.times[place] != total for place in node.eligible):
                    return Obstacle(
                        f"the regions of {task.name!r} sum to {units.format_duration(total)}, which is not its time "
                        "on the processor",
                        "give regions that sum to the execution time",
                    )
        return None

    def _plan_obstacle(self) -> Obstacle | None:
        return None if self.policy.plan is None else planned.obstacle(self, self.policy.plan)

    def _trigger_obstacle(self) -> Obstacle:
        chain = ", ".join(repr(task.name) for task in self.specs if task.after is not None)
        return Obstacle(
            f"{chain}: released by the completion of another task, which is analysed here only under EDF on one "
            "processor, or for tasks of one node under fixed priorities on processors of their own",
            "use fp, rm or dm with every task pinned, or join the tasks into one graph with one deadline",
        )

    def _uniprocessor(self) -> Uniprocessor:
        """All tasks on one processor; graphs are sequences of regions, since it runs one node at a time."""
        mode = self._mode(0)
        graphs = [task for task in self.specs if len(task.nodes) > 1]
        if graphs and mode == "nonpreemptive":
            mode = "limited"
        tasks = []
        for place, task in enumerate(self.specs):
            pieces = self.pieces[task.index]
            B, blocker = self._blocking(place)
            whole = all(piece.preemptible for piece in pieces)
            tasks.append(
                Sporadic(
                    task.name,
                    sum(piece.c for piece in pieces),
                    self.T(task),
                    self.D(task),
                    task.jitter,
                    B,
                    regions=() if whole or mode != "limited" else self._regions(task, pieces),
                    blocker=blocker,
                    preemptible=whole and mode == "limited",
                )
            )
        order = self.order
        if order == "FIFO" and (graphs or any(task.jitter for task in self.specs)):
            order = "any"
        return Uniprocessor(tuple(tasks), order, mode, self.name)

    def _blocking(self, place: int) -> tuple[int, str]:
        """How long locks block the task at `place` of `specs` in a busy period, and which."""
        if not self.locks:
            return 0, ""
        task = self.specs[place]
        pool = self.pieces[task.index][0].pool
        specs = [each for each in self.specs if self.pieces[each.index][0].pool == pool]
        level = self.at[pool].level
        if len(self.pools) > 1:  # elsewhere they may stand in another order
            specs.sort(key=level)
        levels = [level(each)[0] for each in specs]
        factors = []
        for each in specs:
            (piece,) = self.pieces[each.index]
            factors.append(Fraction(piece.c - piece.overhead, piece.node.fastest))
        B, blocker = blocking_by_locks(specs, specs.index(task), levels, self.system.protocols, factors)
        self.blockers[task.name] = blockers(specs, specs.index(task), levels, self.system.protocols, factors)
        if B:
            self.exact = False
            self.note("locks follow their protocol: each blocks a task at most once (ceiling), or once per holder")
        return B, blocker

    def _regions(self, task: TaskSpec, pieces: Sequence[Piece]) -> tuple[int, ...]:
        """The regions of a graph on one processor; the shortest that may come last stands last."""
        found: list[tuple[int, ...]] = []
        for piece in pieces:
            if piece.preemptible:  # its end can be delayed to the last tick; that it blocks is said too much
                self.exact = False
                found.append((piece.c - 1, 1) if piece.c > 1 else (1,))
            else:
                found.append(piece.regions or (piece.c,))
        if not is_chain(task):
            self.exact = False
            sinks = [index for index, node in enumerate(task.nodes) if not node.successors]
            last = min(sinks, key=lambda index: (found[index][-1], index))
            found.append(found.pop(last))
        return tuple(region for regions in found for region in regions)

    def _heavy_first(self) -> list[HeavyFirst]:
        """Equal processors where some tasks go before all others, which are served by EDF."""
        if self.policy.ordering.first is None or self.locks:
            return []
        first = self.policy.ordering.first(known_before(self.system).tasks)
        return [HeavyFirst(self.cluster(), frozenset(task.name for task in self.specs if task.index in first))]

    def cluster(self) -> Cluster:
        """Sequential tasks on the equal processors of one pool."""
        tasks = tuple(
            Sporadic(task.name, self.pieces[task.index][0].c, self.T(task), self.D(task), task.jitter)
            for task in self.specs
        )
        return Cluster(tasks, len(self.processors), self.order, "preemptive", self.name)

    def _typed_pools(self) -> TypedPools:
        """Every pool a type of its own."""
        order = self.policy.order if self.policy.order in ("FP", "EDF") else "any"
        modes: dict[str, Mode] = {}
        unbounded = set()
        for position, pool in enumerate(self.pools):
            mode = modes[self._pool_name(pool)] = self._mode(position)
            pieces = [piece for each in self.pieces.values() for piece in each if piece.pool == pool]
            several = mode == "limited" and len(self.pools[pool]) > 1
            if several and any(piece.preemptible or piece.mixed for piece in pieces):
                order = "any"  # who is preempted waits anew, behind other regions: how often is not bounded there
                unbounded.add(pool)
        tasks = []
        for task in self.specs:
            vertices = tuple(
                Vertex(
                    piece.node.name, piece.c, self._pool_name(piece.pool), piece.regions, piece.preemptible, piece.least
                )
                for piece in self.pieces[task.index]
            )
            edges = tuple((u, node.index) for node in task.nodes for u in node.predecessors)
            dag = Dag(vertices, edges)
            tasks.append(DagTask(task.name, dag, self.T(task), self.D(task), task.jitter, self._drains(task)))
        cores = {self._pool_name(pool): len(places) for pool, places in self.pools.items()}
        return TypedPools(tuple(tasks), cores, order, modes, self.name, self._queues(unbounded))

    def _drains(self, task: TaskSpec) -> Literal["", "missed", "exits"]:
        """Whether nodes of the task may go on for nothing when its job has ended, and its next job runs."""
        places = {place for piece in self.pieces[task.index] for place in self.pools[piece.pool]}
        if all(self.system.processors[place].service == "preemptive" for place in places):
            return ""
        exits = task.quality is not None and task.quality.exits and not is_chain(task)
        if exits and self.policy.adaptation is not None and not self.policy.adaptation.fixed:
            return "exits"
        return "missed" if task.on_miss in ("abort", "drop_if_hopeless") else ""

    def _by_priority(self) -> bool:
        """Whether fixed priorities serve all queues, or, where these differ, one at least."""
        return any(policy.order == "FP" for policy in self.at) if self.mixed else self.policy.order == "FP"

    def _queues(self, unbounded: Collection[int] = ()) -> Queues | None:
        """The order of each pool where they differ; of an `unbounded` one none is made use of."""
        if not self.mixed:
            return None
        orders: dict[str, Order] = {}
        ranks: dict[str, tuple[str, ...]] = {}
        for pool, policy in enumerate(self.at):
            name, order = self._pool_name(pool), policy.order
            orders[name] = order if order in ("FP", "EDF", "FIFO") and pool not in unbounded else "any"
            if orders[name] == "FP":
                ranks[name] = tuple(task.name for task in sorted(self.specs, key=policy.level))
        return Queues(orders, ranks)

    def _pipelines(self) -> Pipelines:
        """Chains of nodes over processors of their own."""
        tasks = []
        for task in self.specs:
            stages = tuple(
                Stage(self._pool_name(piece.pool), piece.c, piece.regions, piece.preemptible, piece.least)
                for piece in (self.pieces[task.index][index] for index in _sequence(task))
            )
            tasks.append(PipelineTask(task.name, stages, self.T(task), self.D(task), task.jitter))
        modes = {self._pool_name(pool): self._mode(position) for position, pool in enumerate(self.pools)}
        return Pipelines(tuple(tasks), modes, name=self.name, queues=self._queues())

    def _fixed_jobs(self) -> bool:
        """Whether all that runs is a list of jobs on one processor that is never preempted (FP or EDF)."""
        jitter = any(task.jitter for task in self.specs)  # equal deadlines would be served by release
        order = self.policy.order == "FP" or (self.policy.order == "EDF" and not jitter)
        return len(self.pools) == 1 and self.single and self.sequential and order and self._mode(0) == "nonpreemptive"

    def _job_set(self) -> JobSet:
        """Jobs that arrive once, at known instants: as the priorities of the policy order them."""
        jobs = []
        for place, task in enumerate(self.specs):
            release = task.release or 0
            jobs.append(
                Job(
                    task.name,
                    release,
                    release + task.jitter,
                    1,
                    self.pieces[task.index][0].c,
                    release + self.D(task),
                    place if self.policy.order == "FP" else release + self.D(task),
                )
            )
        if self.policy.order == "EDF":
            jobs.sort(key=lambda job: (job.deadline, job.r_min))
        return JobSet(tuple(jobs), name=self.name)

    def _at_known_instants(self) -> bool:
        """Whether all that runs is a list of jobs on one processor that is preempted at any time (FP or EDF)."""
        if len(self.pools) > 1 or not self.single or self.locks or self._mode(0) != "preemptive":
            return False
        given = all(task.release is not None or task.arrival.kind == "trace" for task in self.specs)
        jitter = any(task.jitter for task in self.specs)
        if not given or self.policy.order not in ("FP", "EDF") or (jitter and self.policy.order == "FP"):
            return False
        return deadlines_in_order(self._listed()) is None or self.policy.order == "FP"

    def _preemptive_jobs(self) -> PreemptiveJobs:
        """Jobs at known instants, and what that claims."""
        for task in self.specs:
            recorded = task.arrival.execution if isinstance(task.arrival, TraceArrivals) else None
            if len(set(recorded or ())) > 1:
                self.exact = False
                self.note(f"every job of {task.name!r} is taken to take the longest recorded time")
        self.note("the jobs arrive at the given instants, and no others do")
        return self._listed()

    def _listed(self) -> PreemptiveJobs:
        jobs = []
        for place, task in enumerate(self.specs):
            times: tuple[int, ...] = (task.release or 0,)
            deadlines: tuple[int, ...] = ()
            if isinstance(task.arrival, TraceArrivals):
                times = tuple(task.offset + time for time in task.arrival.times or ())
                deadlines = task.arrival.deadlines or ()
            c = sum(piece.c for piece in self.pieces[task.index])
            for number, at in enumerate(times):
                due = at + (deadlines[number] if deadlines else task.deadline)
                jobs.append(Job(task.name, at, at + task.jitter, 1, c, due, place, place, number))
        order: Literal["FP", "EDF"] = "FP" if self.policy.order == "FP" else "EDF"
        return PreemptiveJobs(tuple(jobs), tuple(task.name for task in self.specs), order, self.name)

    def _triggered_edf(self) -> TriggeredEDF | None:
        """Tasks on one processor that release each other, under EDF."""
        if not (self.single and len(self.pools) == 1 and self.policy.order == "EDF"):
            return None
        alone = self._uniprocessor()
        places = {task.index: place for place, task in enumerate(self.specs)}
        after = tuple(None if task.after is None else places[task.after] for task in self.specs)
        return TriggeredEDF(alone.tasks, after, alone.mode, self.name)

    def _network(self) -> EventNetwork | None:
        """Tasks of one node that release each other, under fixed priorities."""
        modes = {self._pool_name(pool): self._mode(position) for position, pool in enumerate(self.pools)}
        if not (self.single and self.sequential and self._by_priority()) or "limited" in modes.values():
            return None
        components = []
        for place, task in enumerate(self.specs):
            piece = self.pieces[task.index][0]
            before = None if task.after is None else self.system.tasks[task.after]
            B, blocker = self._blocking(place)
            components.append(
                Component(
                    task.name,
                    self._pool_name(piece.pool),
                    1,
                    piece.c,
                    place,
                    Events(self.T(task), task.jitter) if before is None else None,
                    None if before is None else before.name,
                    self.D(task),
                    from_arrival=True,
                    B=B,
                    blocker=blocker,
                )
            )
        self.note("a task that another one releases comes as late after it as that one may respond (jitter)")
        return EventNetwork(tuple(components), modes, self.name, self._queues())


def _sequence(task: TaskSpec) -> list[int]:
    """The nodes of a chain in their order."""
    at = next(node.index for node in task.nodes if not node.predecessors)
    found = [at]
    while task.nodes[at].successors:
        at = task.nodes[at].successors[0]
        found.append(at)
    return found
