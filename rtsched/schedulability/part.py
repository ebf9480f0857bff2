"""One group of tasks and the processors they use, lowered into every model of theorems that can hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.compositional import Component, Events, Network
from rtsched.schedulability.job_sets import Job, JobSet
from rtsched.schedulability.locks import blocking_by_locks, circle
from rtsched.schedulability.model import (
    Cluster,
    Dag,
    DagTask,
    Mode,
    Order,
    Pipelines,
    PipelineTask,
    Sporadic,
    Stage,
    TypedPools,
    Uniprocessor,
    Vertex,
)
from rtsched.schedulability.obstacles import Obstacle
from rtsched.schedulability.pieces import Piece, Pieces
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.triggered import TriggeredEDF


@dataclass(frozen=True)
class View:
    """A part of a system that can be looked at by itself, in the models of theorems; or why it has none.

    `tasks` are places in the system. `exact`: what the model allows, the system allows as well, so that a failed exact
    test is a no. `overheads` are the shares of the execution times, per task name, that switches cost.
    """

    name: str
    tasks: tuple[int, ...]
    processors: tuple[int, ...]
    models: tuple[Any, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    exact: bool = True
    overheads: dict[str, int] = field(default_factory=dict)
    obstacle: Obstacle | None = None


class Part(Pieces):
    """One group of tasks and the processors they use, in every model that can hold it."""

    def view(self) -> View:
        """The part in all models that can hold it."""
        models: list[Any] = []
        obstacle = self._locks_obstacle() or self._switching_obstacle()
        if obstacle is None and self.triggered:
            models = [model for model in (self._network(), self._triggered_edf()) if model is not None]
            obstacle = None if models else self._trigger_obstacle()
        elif obstacle is None and all(task.release is not None for task in self.specs) and self._fixed_jobs():
            models.append(self._job_set())
        elif obstacle is None:
            if len(self.pools) == 1 and self.single:
                models.append(self._uniprocessor())
            if len(self.pools) == 1 and not self.single and self.sequential and self._mode(0) == "preemptive":
                models.append(self._cluster())
            if not self.locks:
                models.append(self._typed_pools())
                if (
                    self.single
                    and len(self.pools) > 1
                    and self.policy.order == "FP"
                    and all(map(_is_chain, self.specs))
                ):
                    models.append(self._pipelines())
        overheads = {
            task.name: sum(piece.overhead for piece in self.pieces[task.index])
            for task in self.specs
            if any(piece.overhead for piece in self.pieces[task.index])
        }
        return View(
            self.name,
            tuple(task.index for task in self.specs),
            self.processors,
            tuple(models),
            tuple(self.notes),
            self.exact,
            overheads,
            obstacle,
        )

    def _locks_obstacle(self) -> Obstacle | None:
        if not self.locks:
            return None
        protocols = {self.system.protocols[s.resource] for task in self.specs for n in task.nodes for s in n.sections}
        if "none" in protocols:
            return Obstacle(
                "a lock without a protocol lets tasks in between delay the one that waits for it, without bound",
                "guard the lock with protocol: ceiling (or inheritance)",
            )
        resource = circle(self.specs, self.system.protocols)
        if resource is not None:
            return Obstacle(
                f"sections are nested in opposite orders around {resource!r}: their holders can wait for each other "
                "for ever (deadlock)",
                "take the locks in one order everywhere, or guard them with protocol: ceiling",
            )
        if len(self.pools) > 1 or not self.single or self.policy.order != "FP" or not self.sequential:
            return Obstacle(
                "blocking by locks is bounded here on one processor with fixed priorities only",
                "keep the tasks that share a lock on one processor under fp, rm or dm",
            )
        if any(piece.overhead for each in self.pieces.values() for piece in each):
            return Obstacle("switches that a lock causes are not counted here", "leave the overheads out of this part")
        return None

    def _switching_obstacle(self) -> Obstacle | None:
        """Switches are counted per arrival: an ordering whose keys change with time preempts without one."""
        if self.policy.ordering.steady or not any(piece.overhead for each in self.pieces.values() for piece in each):
            return None
        return Obstacle(
            f"how often {self.policy.ordering.name!r} switches is not bounded here, and every switch costs time",
            "leave the overheads out, or use fp, rm, dm, edf or fifo",
        )

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
        levels = [self.policy.level(task)[0] for task in self.specs]
        factors = [self._factor(task) for task in self.specs]
        tasks = []
        for place, task in enumerate(self.specs):
            pieces = self.pieces[task.index]
            B, blocker = blocking_by_locks(self.specs, place, levels, self.system.protocols, factors)
            if B:
                self.exact = False
                self.note("locks follow their protocol: each blocks a task at most once (ceiling), or once per holder")
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
        order: Order = self.policy.order
        if order == "FIFO" and (graphs or any(task.jitter for task in self.specs)):
            order = "any"
        return Uniprocessor(tuple(tasks), order, mode, self.name)

    def _regions(self, task: TaskSpec, pieces: Sequence[Piece]) -> tuple[int, ...]:
        """The regions of a graph on one processor; the shortest that may come last stands last."""
        found: list[tuple[int, ...]] = []
        for piece in pieces:
            if piece.preemptible:  # its end can be delayed to the last tick; that it blocks is said too much
                self.exact = False
                found.append((piece.c - 1, 1) if piece.c > 1 else (1,))
            else:
                found.append(piece.regions or (piece.c,))
        if not _is_chain(task):
            self.exact = False
            sinks = [index for index, node in enumerate(task.nodes) if not node.successors]
            last = min(sinks, key=lambda index: (found[index][-1], index))
            found.append(found.pop(last))
        return tuple(region for regions in found for region in regions)

    def _cluster(self) -> Cluster:
        """Sequential tasks on the equal processors of one pool."""
        tasks = tuple(
            Sporadic(task.name, self.pieces[task.index][0].c, self.T(task), self.D(task), task.jitter)
            for task in self.specs
        )
        return Cluster(tasks, len(self.processors), self.policy.order, "preemptive", self.name)

    def _typed_pools(self) -> TypedPools:
        """Every pool a type of its own."""
        order = self.policy.order if self.policy.order in ("FP", "EDF") else "any"
        modes: dict[str, Mode] = {}
        for position, pool in enumerate(self.pools):
            mode = modes[self._pool_name(pool)] = self._mode(position)
            pieces = [piece for each in self.pieces.values() for piece in each if piece.pool == pool]
            if mode == "limited" and len(self.pools[pool]) > 1 and any(piece.preemptible for piece in pieces):
                order = "any"  # who waits how often behind a region is not bounded there
        tasks = []
        for task in self.specs:
            vertices = tuple(
                Vertex(piece.node.name, piece.c, self._pool_name(piece.pool), piece.regions, piece.preemptible)
                for piece in self.pieces[task.index]
            )
            edges = tuple((u, node.index) for node in task.nodes for u in node.predecessors)
            tasks.append(DagTask(task.name, Dag(vertices, edges), self.T(task), self.D(task), task.jitter))
        cores = {self._pool_name(pool): len(places) for pool, places in self.pools.items()}
        return TypedPools(tuple(tasks), cores, order, modes, self.name)

    def _pipelines(self) -> Pipelines:
        """Chains of nodes over processors of their own."""
        tasks = []
        for task in self.specs:
            stages = tuple(
                Stage(self._pool_name(piece.pool), piece.c, piece.regions, piece.preemptible)
                for piece in (self.pieces[task.index][index] for index in _sequence(task))
            )
            tasks.append(PipelineTask(task.name, stages, self.T(task), self.D(task), task.jitter))
        modes = {self._pool_name(pool): self._mode(position) for position, pool in enumerate(self.pools)}
        return Pipelines(tuple(tasks), modes, name=self.name)

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

    def _triggered_edf(self) -> TriggeredEDF | None:
        """Tasks on one processor that release each other, under EDF."""
        if not (self.single and len(self.pools) == 1 and self.policy.order == "EDF"):
            return None
        alone = self._uniprocessor()
        places = {task.index: place for place, task in enumerate(self.specs)}
        after = tuple(None if task.after is None else places[task.after] for task in self.specs)
        return TriggeredEDF(alone.tasks, after, alone.mode, self.name)

    def _network(self) -> Network | None:
        """Tasks of one node that release each other, under fixed priorities."""
        modes = {self._pool_name(pool): self._mode(position) for position, pool in enumerate(self.pools)}
        if not (self.single and self.sequential and self.policy.order == "FP") or "limited" in modes.values():
            return None
        components = []
        for place, task in enumerate(self.specs):
            piece = self.pieces[task.index][0]
            before = None if task.after is None else self.system.tasks[task.after]
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
                )
            )
        self.note("a task that another one releases comes as late after it as that one may respond (jitter)")
        return Network(tuple(components), modes, self.name)


def _is_chain(task: TaskSpec) -> bool:
    """Whether the nodes follow each other one by one."""
    return (
        all(len(node.predecessors) <= 1 and len(node.successors) <= 1 for node in task.nodes)
        and sum(not node.predecessors for node in task.nodes) == 1
    )


def _sequence(task: TaskSpec) -> list[int]:
    """The nodes of a chain in their order."""
    at = next(node.index for node in task.nodes if not node.predecessors)
    found = [at]
    while task.nodes[at].successors:
        at = task.nodes[at].successors[0]
        found.append(at)
    return found
