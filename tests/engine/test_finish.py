"""Accepting an answer: only one that is there; what the job still ran then goes, with all that it held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import rtsched
from rtsched.engine import soc as handle
from rtsched.errors import SchedulerError
from rtsched.trace.trace import ACTIONS, OUTCOMES, REASONS, Trace

MS = 1_000_000


class Accepting(rtsched.Scheduler):
    """Starts all that is ready where it is idle; accepts what a job has at an event, or at 2 ms."""

    preemption = "preemptive"
    reads = frozenset({"reservable"})

    def __init__(self, event: str = "", nodes: str = "a", act: Any = None) -> None:
        self.event, self.nodes, self.act = event, nodes, act

    def setup(self, soc: Any) -> None:
        if self.event == "on_timer":
            soc.wake_at(2 * MS)

    def on_release(self, job: Any) -> None:
        if self.event == "on_release":
            self.soc.finish(job)

    def on_timer(self, tag: Any) -> None:
        self.soc.finish(self.soc.tasks[0].active)

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        if self.event == "on_completion" and segment.node.name in self.nodes:
            self.soc.finish(segment.job)

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            if self.act is not None and segment.node.name == "b":
                self.act(self.soc, segment)
                continue
            free = [index for index in segment.node.eligible if self.soc.processors[index].segment is None]
            if free:
                self.soc.start(segment.job, segment, self.soc.processors[free[0]])


def system(npu: dict[str, Any] | None = None, b: dict[str, Any] | None = None, **task: Any) -> dict[str, Any]:
    """One job of two nodes: `a` takes 1 ms of a CPU; `b`, beside it, 4 ms of an NPU."""
    second = {"wcet": {"npu": "4 ms", "cpu": "8 ms"}, **(b or {})}
    graph = {"nodes": {"a": {"wcet": {"cpu": "1 ms"}}, "b": second}, **task.pop("more", {})}
    return {
        "platform": {"name": "chip", "processors": {"npu": {"kind": "npu", **(npu or {})}, "cpu": {}}},
        "tasks": [{"name": "net", "graph": graph, "release": "0 ms", "deadline": "20 ms", **task}],
    }


EXITS = {"exits": [{"node": "a", "accuracy": 0.6}, {"node": "b", "accuracy": 0.9}]}


def run(source: dict[str, Any], policy: rtsched.Scheduler) -> Trace:
    trace = rtsched.simulate(source, scheduler=policy, until="20 ms")
    assert trace.check() == []
    return trace


def slices(trace: Trace) -> list[tuple[Any, ...]]:
    names = [processor.name for processor in trace.system.processors]
    return [
        (names[row["processor"]], row["start"] / MS, row["end"] / MS, REASONS[row["reason"]]) for row in trace.slices
    ]


def outcome(trace: Trace) -> list[str]:
    return [OUTCOMES[code] for code in trace.jobs["outcome"]]


# ---- an answer that is not there -------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["on_release", "on_timer", "on_completion"])
@pytest.mark.parametrize("task", [{}, {"accuracy": 0.9}], ids=str)
def test_a_job_without_exits_has_no_answer_before_its_last_node_is_done(event: str, task: dict[str, Any]) -> None:
    """Neither before it begins, nor while `b` runs (at 2 ms), nor when `a` is done: then `b` is still to be run."""
    with pytest.raises(SchedulerError, match=r"^finish job 0 of 'net': it has no exits, and its answer is there when"):
        run(system(**task), Accepting(event))


def test_of_a_single_node_nothing_is_accepted_while_it_runs() -> None:
    plain = {
        "platform": "uniprocessor",
        "tasks": [{"name": "net", "wcet": "5 ms", "release": "0 ms", "deadline": "9 ms"}],
    }
    with pytest.raises(SchedulerError, match="it has no exits"):
        run(plain, Accepting("on_timer"))


def test_who_is_refused_goes_on_and_is_what_it_would_have_been() -> None:
    class Patient(Accepting):
        def on_timer(self, tag: Any) -> None:
            with pytest.raises(SchedulerError, match="it has no exits"):
                super().on_timer(tag)

    trace, plain = run(system(), Patient("on_timer")), run(system(), Accepting())
    assert trace.slices.tolist() == plain.slices.tolist()
    assert trace.logged.tolist() == plain.logged.tolist()


# ---- one that is there -----------------------------------------------------------------------------------------------


def test_when_its_last_node_is_done_it_may_be_accepted() -> None:
    trace = run(system(), Accepting("on_completion", "b"))
    assert trace.jobs["finish"].tolist() == [4 * MS]
    assert outcome(trace) == ["ok"]


@pytest.mark.parametrize("left_out", ["variant", "branch"])
def test_nodes_that_are_left_out_are_not_waited_for(left_out: str) -> None:
    """`c` comes after `b`, and the variant that runs, or the way that is taken, does not have it."""
    source = system(more={"edges": [["b", "c"]]})
    source["tasks"][0]["graph"]["nodes"]["c"] = {"wcet": {"cpu": "3 ms"}}
    if left_out == "variant":
        source["tasks"][0]["variants"] = {"choices": [{"accuracy": 0.9, "skip": ["c"]}]}
        trace = run(source, Accepting("on_completion", "b"))
        assert trace.jobs["finish"].tolist() == [4 * MS]
        return
    source["tasks"][0]["graph"]["nodes"]["d"] = {"wcet": {"cpu": "2 ms"}}
    source["tasks"][0]["graph"]["edges"].append(["b", "d"])
    source["tasks"][0]["graph"]["branches"] = {"b": {"to": {"c": 0.5, "d": 0.5}}}
    trace = run(source, Accepting("on_completion", "cd"))
    assert trace.jobs["finish"][0] in (6 * MS, 7 * MS)
    assert outcome(trace) == ["ok"]


def holding(soc: Any, segment: Any) -> None:
    """Start `b` on the NPU, with something set aside for its job."""
    soc.reserve("kv", 100, segment.job)
    soc.start(segment.job, segment, soc.processors[0])


@pytest.mark.parametrize(
    ("npu", "end"),
    [
        ({"service": "preemptive"}, [("npu", 0, 1, "stopped")]),
        ({}, [("npu", 0, 1, "stopped"), ("npu", 1, 4, "drained")]),
        ({"reset": "0.5 ms"}, [("npu", 0, 1, "stopped"), ("npu", 1, 1.5, "drained")]),
    ],
    ids=["preemptive", "drains", "resets"],
)
def test_the_answer_of_an_exit_ends_what_still_runs(npu: dict[str, Any], end: list[tuple[Any, ...]]) -> None:
    trace = run(system(npu, **EXITS), Accepting("on_completion"))
    assert [row for row in slices(trace) if row[0] == "npu"] == end
    assert trace.jobs["finish"].tolist() == [MS]
    assert outcome(trace) == ["ok"]
    assert trace.answers["accuracy"].tolist() == [600_000]
    assert "finish" in [ACTIONS[row["action"]] for row in trace.logged]


def test_whose_answer_is_accepted_holds_nothing_any_more() -> None:
    source = system(**EXITS) | {"reservable": {"kv": 200}}
    trace = run(source, Accepting("on_completion", act=holding))
    held = trace.changes[trace.changes["subject"] == 0]["value"].tolist()
    assert held[-2:] == [100, 0]


# ---- the rules of a trace --------------------------------------------------------------------------------------------


def test_an_engine_that_accepts_what_is_not_there_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "check_answer", lambda core, job: None)
    for source, node, sentence in (
        (system(), "a", "job 0 of 'net' finished with 1 of its 2 nodes"),
        (system(exits=EXITS["exits"][1:]), "a", "job 0 of 'net' finished with 1 of its 2 nodes"),
    ):
        trace = rtsched.simulate(source, scheduler=Accepting("on_completion", node), until="20 ms")
        assert sentence in trace.check()


def test_a_trace_in_which_an_exit_was_accepted_that_nobody_reached_is_broken() -> None:
    trace = run(system(**EXITS), Accepting("on_completion"))
    gone = trace.slices[trace.slices["node"] != 0]
    assert any("finished with 0 of its 2 nodes" in each for each in replace(trace, slices=gone).check())
