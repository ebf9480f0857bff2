"""Servers beside their theorems: the books' numbers, runs that attain the bounds, and mutants that a run must notice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import rtsched
from rtsched import units
from rtsched.engine.simulation import run
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Sporadic
from rtsched.schedulability.theorems import servers
from rtsched.schedulability.theorems.servers import (
    ServedTask,
    ServedTasks,
    bandwidth_servers,
    interference,
    priority_servers,
)
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.systems.classical.grub import GRUB
from rtsched.schedulers.systems.classical.servers import DeferrableServer, PollingServer, SporadicServer
from rtsched.verify.examine import examine
from rtsched.verify.generate import processors_of
from rtsched.verify.verification import verify
from tests.schedulability.drawn_policies import bounds_that_hold


def periodic(name: str, wcet: str, period: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "wcet": wcet, "period": period, **more}


def requests(budget: str, period: str, *jobs: tuple[float, float], **more: Any) -> dict[str, Any]:
    """Requests (arrival and length in ms) at a server."""
    times, lengths = [f"{at} ms" for at, _ in jobs], [f"{length} ms" for _, length in jobs]
    return {
        "name": "requests", "wcet": "5 ms", "deadline": "1 s", "budget": budget, "server_period": period,
        "arrival": {"kind": "trace", "times": times, "execution": lengths}, **more,
    }  # fmt: skip


def response(policy: Any, task: str, *tasks: dict[str, Any]) -> float:
    """The longest response of a task in ms."""
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": list(tasks)}, scheduler=policy, until="60 ms")
    assert trace.check() == []
    jobs = trace.jobs_of([each["name"] for each in tasks].index(task))
    return float((jobs["finish"] - jobs["arrival"]).max()) / units.MS


def bound(policy: Any, task: str, *tasks: dict[str, Any]) -> float | None:
    found = verify({"platform": "uniprocessor", "tasks": list(tasks)}, scheduler=policy, runs=5)
    wcrt = next(each.wcrt for each in found.bounds if each.task == task)
    return None if wcrt is None else wcrt / units.MS


def test_a_deferrable_server_serves_back_to_back_and_a_polling_one_does_not() -> None:
    """Budget 2 each 5. With requests at 3 and 5: 3 to 5 and 5 to 7, before a task that comes at 3 and takes 2."""
    low, served = periodic("low", "2 ms", "9 ms", offset="3 ms"), requests("2 ms", "5 ms", (3, 2), (5, 2))
    assert response("deferrable-server", "low", low, served) == 6 == bound("deferrable-server", "low", low, served)
    assert response("polling-server", "low", low, served) == 2
    assert bound("polling-server", "low", low, served) == 4


def test_a_polling_server_has_no_budget_before_its_first_poll() -> None:
    """Nobody was there at 0: the request of 3 waits until 5, also if it is the first thing that happens."""
    trace = rtsched.simulate(
        {"platform": "uniprocessor", "tasks": [requests("2 ms", "5 ms", (3, 2))]},
        scheduler="polling-server",
        until=units.S,
    )
    assert [(int(s["start"]) / units.MS, int(s["end"]) / units.MS) for s in trace.slices] == [(5, 7)]


#: Budget 3 each 10, after h and before low. 1 is used at 0 and back at 10. The server is active from 6 on, since h runs.
STANOVICH = (
    periodic("h", "4 ms", "50 ms", offset="6 ms", priority=0),
    requests("3 ms", "10 ms", (0, 1), (6, 3), (16, 3), priority=1),
    periodic("low", "10 ms", "50 ms", deadline="20 ms", priority=2),
)
BY_FILE = {"name": "sporadic-server", "priorities": "file"}


def textbook(self: SporadicServer, line: Any, now: int) -> None:
    """The published rule: what returns to an active server goes back a period after that became active."""
    if line.active is not None and line.budget == 0:
        self._rests(line)
    coming = self.back[line.task.index]
    while coming and coming[0][0] <= now:
        line.budget += coming.pop(0)[1]


def test_what_returns_to_a_sporadic_server_is_not_back_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stanovich et al., RTAS 2010: by the textbook all 3 of 10 to 13 are back at 16, though 1 of them came at 10.

    Low runs in 1..6 and 13..16 then, gives way until 19, and is done at 21: the server has run for 7 of 20. As a
    periodic task it may run for 6: 10 + 4 + 6 = 20.
    """
    assert bound(BY_FILE, "low", *STANOVICH) == 20
    assert response(BY_FILE, "low", *STANOVICH) == 18
    monkeypatch.setattr(SporadicServer, "refill", textbook)
    assert response(BY_FILE, "low", *STANOVICH) == 21


def grub_system() -> SystemSpec:
    """Short times, met by the fuzzer: a server that overran its budget by a part of a tick made t2 late."""

    def bursts(times: tuple[int, ...], lengths: tuple[int, ...]) -> TraceArrivals:
        return TraceArrivals.model_construct(kind="trace", times=times, file=None, deadlines=None, execution=lengths)

    def task(index: int, C: int, T: int | None, D: int, Q: int, P: int, arrival: Any = None) -> TaskSpec:
        made = TaskSpec(index, f"t{index}", (NodeSpec(0, "x", (C,)),), T, D, 0, budget=Q, server_period=P)
        return made if arrival is None else replace(made, arrival=arrival)

    first = bursts((1, 3, 16, 28, 39, 44, 45, 47, 58, 58), (3, 4, 4, 3, 6, 6, 3, 5, 4, 7))
    last = bursts((14, 17, 21, 22, 39, 42, 55), (8, 8, 9, 8, 6, 5, 8))
    tasks = (task(0, 1, None, 100, 2, 15, first), task(1, 1, 31, 20, 1, 16), task(2, 1, 33, 30, 1, 14),
             task(3, 2, 6, 5, 1, 2), task(4, 1, None, 100, 2, 13, last))  # fmt: skip
    return SystemSpec(processors_of(("cpu", "cpu", 1)), tasks, "drawn")


def worst(system: SystemSpec, policy: Scheduler, task: int) -> int:
    jobs = run(system, policy, until=330, drain="all").jobs_of(task)
    return int((jobs["finish"] - jobs["arrival"]).max())


def test_reclaiming_leaves_others_every_tick_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may not begin a tick for which its budget does not last: that tick is another one's."""
    assert worst(grub_system(), GRUB(), 2) <= 14
    monkeypatch.setattr(GRUB, "_used_up", lambda self, server: server.budget <= 0)
    monkeypatch.setattr(GRUB, "_lasts", lambda self, server: max(1, -int(-server.budget // self.rate)))
    assert worst(grub_system(), GRUB(), 2) > 14


def test_a_served_task_attains_its_bound() -> None:
    """A poll missed by a tick; and a deferrable server whose budget of 1 is used up at the beginning of a period."""
    server = ServedTask(Sporadic("r", 3, 40, 40), budget=1, period=5)
    assert priority_servers(ServedTasks((server,), "polling")).responses == [5 - 1 + 10 + 1]
    assert priority_servers(ServedTasks((server,), "deferrable")).responses == [4 + 10 + 1]
    arrival = TraceArrivals.model_construct(kind="trace", times=(1, 41), file=None, deadlines=None, execution=None)
    task = TaskSpec(0, "r", (NodeSpec(0, "x", (3,)),), None, 40, 0, budget=1, server_period=5, arrival=arrival)
    assert worst(SystemSpec(processors_of(("cpu", "cpu", 1)), (task,), "one"), PollingServer(), 0) == 15


def test_the_paper_of_the_constant_bandwidth_server() -> None:
    """Abeni and Buttazzo, theorem 1: a hard task of (4, 7) is in time beside a server of (3, 8); n budgets take n P."""
    hard, soft = ServedTask(Sporadic("hard", 4, 7, 7), 4, 7), ServedTask(Sporadic("soft", 4, 20, 20), 3, 8)
    assert bandwidth_servers(ServedTasks((hard, soft), "bandwidth")).responses == [7, 16]
    full = ServedTasks((hard, replace(soft, budget=4)), "bandwidth")
    assert servers.within(full) == "the budgets are 1.071 of 'processor'"


def test_what_is_proven_beside_requests_that_come_when_they_like() -> None:
    """Poisson arrivals have no bound; the periodic task beside their server has one, and is proven by itself."""
    served = {"name": "requests", "wcet": "1 ms", "deadline": "50 ms", "budget": "2 ms", "server_period": "10 ms",
              "rate": "50 Hz", "arrival": {"kind": "poisson"}}  # fmt: skip
    hard = periodic("hard", "4 ms", "20 ms", criticality="hard")
    for policy in ("polling-server", "deferrable-server", "sporadic-server", "cbs", "grub"):
        by_deadline = {"budget": "4 ms", "server_period": "20 ms"} if policy in ("cbs", "grub") else {}
        found = verify({"platform": "uniprocessor", "tasks": [hard | by_deadline, served]}, scheduler=policy, runs=3)
        assert found.verdict != "schedulable"
        assert found.analysis.proves(0), policy
        assert not found.analysis.proves(1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"overheads": {"context_switch": "1 us"}}, "how often 'cbs' switches is not bounded here"),
        ({"platform": "multicore:2"}, None),
        ({"tasks": [{**periodic("a", "1 ms", "5 ms", budget="2 ms"), "preemptive": False}]}, "not all can be"),
        ({"estimates": {"bias": 0.5}}, None),
    ],
)
def test_what_the_model_does_not_have_is_unknown(change: dict[str, Any], why: str | None) -> None:
    system = {"platform": "uniprocessor", "tasks": [periodic("a", "1 ms", "5 ms", budget="2 ms")]}
    assert verify(system, scheduler="cbs", runs=0).verdict == "schedulable"
    found = verify(system | change, scheduler="cbs", runs=0)
    assert found.verdict == ("unknown" if why else "schedulable")
    assert (why or "") in found.analysis.parts[0].result.reason


def several(count: int, m: int, **more: Any) -> dict[str, Any]:
    """So many tasks of (3, 5) in servers on m cores."""
    tasks = [periodic(f"t{place}", "3 ms", "5 ms", budget="3 ms", **more) for place in range(count)]
    return {"platform": f"multicore:{m}", "tasks": tasks}


def test_servers_on_several_processors_need_room_for_the_largest() -> None:
    """Σ Q/P <= m - (m - 1) max Q/P: on 2 cores 7/5, on 3 cores 9/5; two servers of 3/5 have 6/5, three 9/5."""
    for count, m, accepted in ((2, 2, True), (3, 2, False), (3, 3, True), (4, 3, False)):
        found = verify(several(count, m), scheduler="cbs", runs=2)
        assert (found.verdict == "schedulable") == accepted, (count, m)
    text = " ".join(
        item.text for item in verify(several(3, 2), scheduler="cbs", runs=0).analysis.parts[0].view.assumptions
    )
    assert "the servers have 90.0 % of" in text
    assert "Linux admits that by default" in text
    full = [ServedTask(Sporadic(name, 1, 1, 1), 1, 1) for name in "abc"]
    assert servers.within(ServedTasks(tuple(full[:1]), "bandwidth", m=2)) is None
    assert (
        servers.within(ServedTasks(tuple(full[:2]), "bandwidth", m=2))
        == "the budgets are 2.000 of 'processor', more than 1.000"
    )
    assert "about one processor" in str(servers.fixed_priorities(ServedTasks((), "polling", m=2)))


def test_dhalls_effect_beats_the_sum_of_bandwidths_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two light servers go first on both cores; the heavy one, of 11 in 12, begins at 2 and ends at 13."""
    rows = (("light", "2 ms", "11 ms"), ("other", "2 ms", "11 ms"), ("heavy", "11 ms", "12 ms"))
    tasks = [periodic(name, wcet, period, budget=wcet) for name, wcet, period in rows]
    system = {"platform": "multicore:2", "tasks": tasks}
    assert verify(system, scheduler="cbs", runs=2).verdict == "unschedulable"
    monkeypatch.setattr(servers, "most", lambda model: model.m)
    with pytest.raises(rtsched.SoundnessError, match="heavy"):
        verify(system, scheduler="cbs", runs=2)


def test_servers_with_a_core_each_are_proven_core_by_core() -> None:
    system = several(3, 3)
    for place, task in enumerate(system["tasks"]):
        task["pin"] = f"cpu{min(place, 1)}"
    found = verify(system, scheduler="cbs", runs=2)
    assert [part.result.verdict for part in found.analysis.parts] == ["schedulable", "unknown"]
    assert found.verdict != "schedulable"  # two of 3/5 on one core


def test_what_reclaims_has_one_processor() -> None:
    found = verify(several(1, 2), scheduler="cbs", runs=0)
    assert found.verdict == "schedulable"
    with pytest.raises(rtsched.SchedulerError, match="it shares out one processor"):
        rtsched.simulate(several(1, 2), scheduler="grub", until="20 ms")
    grub = verify(several(1, 2), scheduler="grub", runs=0)
    assert "servers are analysed on one processor" in grub.analysis.parts[0].result.reason


def test_a_server_and_a_graph_under_it() -> None:
    """Between two nodes of a job a server by deadlines looks idle; one with a fixed priority serves their sum."""
    graph = {"nodes": {"x": {"wcet": "1 ms"}, "y": {"wcet": "2 ms"}}, "edges": [["x", "y"]]}
    task = {"name": "a", "graph": graph, "period": "20 ms", "budget": "2 ms", "server_period": "5 ms"}
    assert verify({"platform": "uniprocessor", "tasks": [task]}, scheduler="cbs", runs=0).verdict == "unknown"
    assert bound("polling-server", "a", task) == 10.999999  # a poll is missed by a tick; 2, and 1 more


def test_a_class_of_others_inherits_no_proof() -> None:
    stranger = type("Mine", (DeferrableServer,), {"__module__": "somewhere.mine"})
    assert DeferrableServer().policy({}).plan is not None
    assert stranger().policy({}).plan is None


@pytest.mark.parametrize("family", ["fixed-servers", "bandwidths", "global-bandwidths"])
def test_no_run_beats_a_bound(family: str) -> None:
    assert bounds_that_hold(family, range(2))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["fixed-servers", "bandwidths", "global-bandwidths"])
def test_no_run_of_many_beats_a_bound(family: str) -> None:
    assert bounds_that_hold(family, range(1000)) > 500


# ---- a theorem with a term removed is caught by a run ----------------------------------------------------------------


def one_core(*tasks: TaskSpec) -> SystemSpec:
    return SystemSpec(processors_of(("cpu", "cpu", 1)), tasks, "mutant")


def task_of(
    index: int, C: int, T: int, offset: int = 0, budget: int | None = None, period: int | None = None
) -> TaskSpec:
    node = NodeSpec(0, "x", (C,))
    return TaskSpec(index, "ab"[index], (node,), T, T, index, offset=offset, budget=budget, server_period=period)


def caught(system: SystemSpec, policy: str) -> bool:
    return any(each.kind == "bound" for each in examine(system, {"name": policy}, 0).violations)


def test_a_deferrable_server_is_no_periodic_task(monkeypatch: pytest.MonkeyPatch) -> None:
    arrival = TraceArrivals.model_construct(kind="trace", times=(3, 5), file=None, deadlines=None, execution=(2, 2))
    served = replace(task_of(0, 2, 90, 0, 2, 5), arrival=arrival, period=None)
    system = one_core(served, task_of(1, 2, 9, offset=3))
    assert not caught(system, "deferrable-server")
    monkeypatch.setattr(servers, "interference", lambda each, kind, window: interference(each, "polling", window))
    assert caught(system, "deferrable-server")


def test_a_request_waits_for_its_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    system = one_core(task_of(0, 3, 21, 1, 1, 5))
    assert not caught(system, "polling-server")
    monkeypatch.setattr(servers, "_first_wait", lambda each, kind, whole: 0)
    assert caught(system, "polling-server")


@pytest.mark.parametrize("policy", ["cbs", "grub"])
def test_a_job_of_two_budgets_needs_two_periods(monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    system = one_core(task_of(0, 4, 7, 0, 4, 7), task_of(1, 4, 20, 3, 3, 8))
    assert not caught(system, policy)
    monkeypatch.setattr(ServedTask, "chunks", 1)
    assert caught(system, policy)
