"""What a policy does while it is told something keeps the rules of everything else. Found by policies that act at random."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.engine.job import READY
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace

PLATFORM: dict[str, Any] = {"name": "chip", "processors": {"cpu": {"kind": "cpu", "cores": 3}}}


class Serving(Scheduler):
    """Runs what is ready, first come, first served."""

    reads = frozenset({"spawned", "batch", "split"})

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            for index in segment.node.eligible:
                processor = self.soc.processors[index]
                if segment.state == READY and processor.segment is None:
                    self.soc.start(segment.job, segment, processor)


def run(policy: Scheduler, *tasks: dict[str, Any], until: str = "20 ms") -> Trace:
    trace = rtsched.simulate(
        {"platform": PLATFORM, "tasks": list(tasks), "simulate": {"until": until}}, scheduler=policy
    )
    assert trace.check() == []
    return trace


# ---- releases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"variants": {"choices": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.8}]}}])
def test_jobs_spawned_while_the_policy_is_told_of_one_wait_for_it(more: dict[str, Any]) -> None:
    class Nesting(Serving):
        def on_release(self, job: Any) -> None:
            if job.task.name == "first" or (job.index < 4 and job.index != 2):
                self.soc.spawn(self.soc.tasks[1])

    trace = run(
        Nesting(),
        {"name": "first", "wcet": "1 ms", "period": "20 ms"},
        {"name": "drafts", "wcet": "1 ms", "arrival": {"kind": "spawned"}, "deadline": "9 ms", **more},
    )
    mine = trace.jobs_of(1)
    assert len(mine) == 3
    assert mine["start"].tolist() == sorted(mine["start"].tolist()) == [0, 1_000_000, 2_000_000]


def test_jobs_triggered_while_the_policy_is_told_of_one_wait_for_it() -> None:
    class Accepting(Serving):
        """Accepts the answers that heads have as soon as it hears of a job behind one."""

        def on_release(self, job: Any) -> None:
            if job.task.name == "tail":
                for segment in [*self.soc.running(), *self.soc.ready]:
                    if segment.job.task.name == "head" and self.soc.answer(segment.job)[0] >= 0:
                        self.soc.finish(segment.job)

    graph = {"nodes": {"a": {"wcet": "4 ms"}, "b": {"wcet": "4 ms"}}, "edges": [["a", "b"]]}
    exits = [{"node": "a", "accuracy": 0.6}, {"node": "b", "accuracy": 0.9}]
    trace = run(
        Accepting(),
        {"name": "head", "graph": graph, "exits": exits, "period": "5 ms", "deadline": "9 ms", "overlap": True},
        {"name": "tail", "wcet": "3 ms", "after": "head", "deadline": "19 ms"},
        until="60 ms",
    )
    starts = trace.jobs_of(1)["start"]
    assert len(starts) > 10
    assert (starts[1:] > starts[:-1]).all()


def test_a_job_that_is_refused_when_told_does_not_hold_those_spawned_meanwhile() -> None:
    class Refusing(Serving):
        def on_release(self, job: Any) -> None:
            if job.task.name == "first":
                self.soc.spawn(self.soc.tasks[1])
            elif job.index == 0:
                self.soc.spawn(self.soc.tasks[1])
                self.soc.drop(job)

    trace = run(
        Refusing(),
        {"name": "first", "wcet": "1 ms", "period": "20 ms"},
        {"name": "drafts", "wcet": "1 ms", "arrival": {"kind": "spawned"}, "deadline": "9 ms"},
    )
    assert trace.jobs_of(1)["start"].tolist() == [-1, 0]


# ---- starts ------------------------------------------------------------------------------------------------------

CHOICES = {"choices": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.8}]}


@pytest.mark.parametrize("how", ["start", "start_batch", "split"])
def test_who_gives_the_processor_away_while_a_node_starts_there_is_told_so(how: str) -> None:
    class Stealing(Serving):
        """Starts others where one is about to start; goes on when that is refused."""

        refused = 0

        def on_start(self, segment: Any, processor: Any) -> None:
            for each in self.soc.ready:
                if each.job.task.name == "other" and each.state == READY:
                    self.soc.start(each.job, each, processor)

        def dispatch(self) -> None:
            free = [each for each in self.soc.processors if each.segment is None]
            mine = [each for each in self.soc.ready if each.job.task.name != "other"]
            try:
                if mine and len(free) == 3 and how == "start_batch":
                    self.soc.start_batch(mine[:2], free[0])
                elif mine and len(free) == 3 and how == "split":
                    self.soc.split(mine[0], {free[0]: 0.5, free[1]: 0.5})
                elif mine and len(free) == 3:
                    self.soc.start(mine[0].job, mine[0], free[0])
            except SchedulerError as error:
                assert "on_start" in str(error)
                self.refused += 1
            super().dispatch()

    policy = Stealing()
    about = {"wcet": "2 ms", "period": "10 ms", "variants": CHOICES, "batch": {"name": "net", "times": {"2": 1.5}}}
    trace = run(
        policy,
        {"name": "a", **about, "split": {"join": "0 ns"}},
        {"name": "b", **about},
        {"name": "other", "wcet": "1 ms", "period": "10 ms"},
    )
    assert policy.refused == 2
    assert not trace.switches
    assert (trace.jobs["finish"] > 0).all()


def test_who_looks_at_the_input_of_a_task_with_branches_alone_learns_nothing_of_it() -> None:
    class Looking(Serving):
        seen: list[float]

        def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
            self.seen = [*getattr(self, "seen", []), self.soc.expected_accuracy(segment.job, 0.7)]

    policy = Looking()
    nodes = {name: {"wcet": "1 ms"} for name in ("a", "b", "c")}
    graph = {"nodes": nodes, "edges": [["a", "b"], ["a", "c"]], "branches": {"a": {"to": {"b": 0.5, "c": 0.5}}}}
    run(policy, {"name": "t", "graph": graph, "period": "10 ms"})
    assert policy.seen == [0.7] * 4


# ---- stops -------------------------------------------------------------------------------------------------------


def test_a_node_killed_in_the_instant_in_which_it_started_ends_when_it_is_done() -> None:
    class Restarting(Serving):
        """Splits over all three, changes its mind, and starts anew on the first."""

        def dispatch(self) -> None:
            for segment in list(self.soc.ready):
                if segment.node.split is not None and segment.processor is None:
                    self.soc.split(segment, dict.fromkeys(self.soc.processors, 0.25) | {self.soc.processors[0]: 0.5})
                    self.soc.preempt(self.soc.processors[0], "kill")
            super().dispatch()

    nodes = {"x": {"wcet": "2 ms", "split": {"join": "0 ns"}}, "y": {"wcet": "1 ms"}}
    trace = run(Restarting(), {"name": "t", "graph": {"nodes": nodes, "edges": [["x", "y"]]}, "period": "10 ms"})
    assert trace.node_times()["finish"].tolist() == [2_000_000, 3_000_000, 12_000_000, 13_000_000]


def test_nothing_is_told_when_the_run_is_over() -> None:
    class Killing(Serving):
        """Kills what is ready again at once."""

        told = 0

        def on_ready(self, job: Any, segments: Any) -> None:
            self.told = max(self.told, self.soc.now)
            for processor in self.soc.processors:
                if processor.segment is not None and self.soc.now >= 7_000_000:
                    self.soc.preempt(processor, "kill")

        def on_timer(self, tag: Any) -> None:
            self.soc.preempt(self.soc.processors[0], "kill")

        def setup(self, soc: Any) -> None:
            soc.wake_at(6_000_000)

    system = {
        "platform": {"name": "chip", "processors": {"npu": {"kind": "npu", "cores": 2, "reset": "9 ms"}}},
        "tasks": [{"name": f"t{each}", "wcet": "30 ms", "period": "5 ms", "deadline": "7 ms"} for each in range(2)],
        "simulate": {"until": "5 ms"},
    }
    policy = Killing()
    trace = rtsched.simulate(system, scheduler=policy)
    assert trace.check() == []
    assert policy.told < trace.end == 12_000_000
