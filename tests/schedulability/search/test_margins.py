"""How far a system can move: every model is scaled, and what is blocked grows with what blocks."""

from __future__ import annotations

from fractions import Fraction

from rtsched.schedulability.analyse import decide
from rtsched.schedulability.models import Cluster, Sporadic, Uniprocessor
from rtsched.schedulability.search.margins import MOST, Margin, breakdown, scaled, sensitivity
from rtsched.schedulability.theorems.compositional import Component, EventNetwork, Events
from rtsched.schedulability.theorems.heavy_first import HeavyFirst
from rtsched.schedulability.theorems.job_sets import Job, JobSet
from rtsched.schedulability.theorems.servers import ServedTask, ServedTasks
from rtsched.schedulability.theorems.triggered import TriggeredEDF

HALF = Fraction(1, 2)


def test_blocking_grows_with_the_sections_of_others() -> None:
    tasks = (Sporadic("a", 20, 100, 100, B=20), Sporadic("b", 20, 100, 100))
    model = Uniprocessor(tasks)
    assert [task.B for task in scaled(model, C=Fraction(2)).tasks] == [40, 0]
    assert [task.B for task in scaled(model, C=Fraction(2), task="b").tasks] == [40, 0]
    assert [task.B for task in scaled(model, C=Fraction(2), task="a").tasks] == [20, 0]
    assert [task.B for task in scaled(model, C=HALF, task="b").tasks] == [20, 0]
    assert breakdown([model]) == Fraction(5, 2)  # 50 + 50 for a, and as much for b


def test_blocking_grows_in_a_network_too() -> None:
    events = Events(1000)
    first = Component("a", "cpu", 1, 100, 0, events, deadline=400, B=100)
    net = EventNetwork((first, Component("b", "cpu", 1, 100, 1, after="a", deadline=1000)), {"cpu": "preemptive"})
    factor = breakdown([net])
    assert factor == 2
    assert decide([scaled(net, C=factor)])


def test_tasks_that_release_each_other_have_margins() -> None:
    """Under EDF they once stayed as they are, whatever the factor: all of them looked sixteen times too fast."""
    model = TriggeredEDF((Sporadic("a", 10, 100, 100), Sporadic("b", 10, 100, 100)), (None, 0))
    factor = breakdown([model])
    assert factor is not None
    assert 1 < factor < MOST
    assert decide([scaled(model, C=factor)])
    assert not decide([scaled(model, C=factor + Fraction(1, 1000))])
    a, b = sensitivity([model], ["a", "b"])
    assert b.T is None  # it comes when a ends
    assert a.T is not None
    assert 0 < a.T < 1
    assert [task.T for task in scaled(model, T=HALF, task="a").tasks] == [50, 50]


def test_jobs_at_given_instants_have_margins_of_their_times_only() -> None:
    model = JobSet((Job("a", 0, 0, 1, 10, 20, 0), Job("b", 0, 0, 1, 10, 40, 1)))
    assert breakdown([model]) == 2
    assert sensitivity([model], ["b"]) == [Margin("b", Fraction(3), None)]


def test_of_models_that_cannot_be_scaled_nothing_is_said() -> None:
    """Which tasks are heavy rests on their times: what EDF-US would make of longer ones is another model."""
    tasks = (Sporadic("a", 1, 5, 5), Sporadic("b", 1, 5, 5), Sporadic("c", 6, 6, 6))
    models = [Cluster(tasks, 2, "any"), HeavyFirst(Cluster(tasks, 2, "any"), frozenset("c"))]
    assert decide(models)
    assert breakdown(models) is None
    assert sensitivity(models, ["a"]) == [Margin("a", None, None)]


def test_execution_times_within_servers_grow_and_budgets_stay() -> None:
    served = ServedTask(Sporadic("r", 2, 20, 20), budget=2, period=5)
    models = [ServedTasks((served, ServedTask(Sporadic("low", 2, 8, 8))), "polling")]
    assert breakdown(models) == 2  # of low 4: 4 + 2 * 2; r needs 2 budgets
