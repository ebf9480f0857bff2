"""What policies set aside for jobs: never more than there is, free again when a job ends or is killed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtsched
from rtsched import api
from rtsched.engine.reservations import Reservations
from rtsched.errors import InputError, SchedulerError
from rtsched.export.tables import columns
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.systems.cbs import ConstantBandwidthServer
from rtsched.trace.trace import Trace
from tests.chips import MS, changes, loaded, run

TEXT = """
platform: {name: chip, processors: {cpu: {}}}
reservable: {kv: 1000 B, energy: 7}
simulate: {until: 20 ms}
tasks:
  - {name: a, wcet: 2 ms, period: 10 ms%s}
  - {name: b, wcet: 3 ms, period: 10 ms}
"""


class Room(Admission):
    """Each job takes 600 bytes when it is released, as far as there are any; then what the test asks for."""

    reads = frozenset({"reservable"})

    def __init__(self, **orders: Any) -> None:
        self.orders = {float(name[1:].replace("_", ".")): order for name, order in orders.items()}
        self.answers: list[Any] = []

    def setup(self, soc: Any) -> None:
        super().setup(soc)
        for time, order in self.orders.items():
            soc.wake_at(int(time * MS), order)

    def on_release(self, job: Any) -> None:
        self.answers.append(self.soc.reserve("kv", 600, job))

    def on_timer(self, order: Any) -> None:
        self.answers.append(order(self.soc))

    def on_job_end(self, job: Any) -> None:
        self.answers.append((job.task.name, self.soc.reserved("kv"), self.soc.reserved("kv", job)))


def reserving(text: str = TEXT % "", **orders: Any) -> tuple[Room, Trace]:
    room = Room(**orders)
    return room, run(text, scheduler=ComposedScheduler(FixedPriority(), admission=room))


def rows(trace: Trace) -> list[tuple[float, int]]:
    return [(time, value) for time, _, _, value in changes(trace, "reserve")]


def test_what_is_left_is_given_and_a_job_that_ends_gives_it_back() -> None:
    room, trace = reserving()
    assert room.answers == [True, False, ("a", 0, 0), ("b", 0, 0)] * 2
    assert rows(trace) == [(0, 600), (2, 0), (10, 600), (12, 0)]


def test_a_part_can_be_given_back_and_asked_for_again() -> None:
    def less(soc: Any) -> tuple[bool, int, bool, int]:
        a, b = (task.active for task in soc.tasks)
        return (
            soc.reserve("kv", -100, a),
            soc.reserved("kv", a),
            soc.reserve("kv", np.int64(500), b),
            soc.reserved("kv"),
        )

    room, trace = reserving(_1=less)
    assert room.answers[:3] == [True, False, (True, 500, True, 1000)]
    assert rows(trace)[:5] == [(0, 600), (1, 500), (1, 1000), (2, 500), (5, 0)]


def test_resources_are_counted_apart() -> None:
    def energy(soc: Any) -> list[bool]:
        return [soc.reserve("energy", amount, soc.tasks[1].active) for amount in (8, 7, 1, 0)]

    room, trace = reserving(_1=energy)
    assert room.answers[2] == [False, True, False, True]
    assert (trace.changes["subject"][trace.changes["value"] == 7] == 1).all()
    assert columns(trace, "changes")["subject"][:2] == ["kv", "energy"]


def test_who_is_dropped_holds_nothing() -> None:
    room, trace = reserving(_1=lambda soc: soc.drop(soc.tasks[0].active))
    assert rows(trace)[:2] == [(0, 600), (1, 0)]
    assert ("a", 0, 0) in room.answers


def test_who_is_killed_holds_nothing_and_who_is_preempted_keeps_it() -> None:
    _, trace = reserving(_1=lambda soc: soc.preempt(soc.processors[0], "kill"))
    assert rows(trace)[:2] == [(0, 600), (1, 0)]

    def again(soc: Any) -> None:
        segment = soc.preempt(soc.processors[0])
        soc.start(segment.job, segment, soc.processors[0])

    _, trace = reserving(_1=again)
    assert rows(trace)[:2] == [(0, 600), (2, 0)]


@pytest.mark.parametrize(("fate", "until"), [("restart", 1), ("drop", 1), ("resume", 5)])
def test_after_a_failure_a_job_holds_what_it_held_only_if_it_resumes(fate: str, until: float) -> None:
    text = TEXT % f", on_fault: {fate}" + "faults: [{processor: cpu, at: 1 ms, lasts: 3 ms}]\n"
    assert rows(reserving(text)[1])[:2] == [(0, 600), (until, 0)]


def test_a_deadline_that_aborts_and_the_end_of_the_run_set_free() -> None:
    text = (TEXT % ", deadline: 1 ms, on_miss: abort").replace("wcet: 3 ms", "wcet: 30 ms").replace("600", "1")
    _, trace = reserving(text, _5=lambda soc: soc.reserve("kv", 10, soc.tasks[1].active))
    assert rows(trace)[:3] == [(0, 600), (1, 0), (5, 10)]
    assert rows(trace)[-1] == (30, 0)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda soc: soc.reserve("heat", 1, soc.tasks[0].active), "'heat' is not reservable .the system declares: kv, energy.; write 'reservable: {heat: 2 GB}'"),
        (lambda soc: soc.reserved("heat"), "'heat' is not reservable"),
        (lambda soc: soc.reserve("kv", -601, soc.tasks[0].active), "reserve -601 of 'kv' for job 0 of 'a': it holds only 600"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(order: Any, reason: str) -> None:
    with pytest.raises(SchedulerError, match=reason):
        reserving(_1=order)


def test_a_job_that_has_ended_gets_nothing() -> None:
    class Late(Room):
        def on_job_end(self, job: Any) -> None:
            self.soc.reserve("kv", 1, job)

    with pytest.raises(SchedulerError, match="reserve of job 0 of 'a': it has ended already"):
        run(TEXT % "", scheduler=ComposedScheduler(FixedPriority(), admission=Late()))


def test_the_key_is_refused_or_noted_where_nobody_reserves() -> None:
    with pytest.raises(InputError, match="'reservable' has no effect under the file's own scheduler"):
        run(TEXT % "")
    system = loaded(TEXT % "").system
    assert api.without_effect(system, ConstantBandwidthServer())[-1].startswith("'reservable' has no effect under")
    assert api.without_effect(system, ComposedScheduler(admission=Room())) == []


@pytest.mark.parametrize("amount", ["0 B", "-1", "much", "1.5", "true"])
def test_an_amount_is_a_positive_whole_number(amount: str) -> None:
    with pytest.raises(InputError, match=r"reservable\.kv"):
        loaded((TEXT % "").replace("1000 B", amount))


# ---- what keeps it honest --------------------------------------------------------------------------------------------


def broken() -> list[str]:
    return rtsched.simulate(loaded(TEXT % ""), scheduler=ComposedScheduler(FixedPriority(), admission=Room())).check()


def test_more_than_there_is_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_it(self: Reservations, resource: str, amount: int, job: Any) -> bool:
        self._set(resource, job, amount)
        return True

    monkeypatch.setattr(Reservations, "reserve", all_of_it)
    assert broken()[0] == "1200 of 'kv' are reserved at 0, of 1000"


def test_what_nobody_gives_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reservations, "release", lambda *_: None)
    assert broken() == ["600 of 'kv' are still reserved when all is over"]


def test_without_the_key_there_is_nothing_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(Reservations, "__init__", never)
    assert len(run((TEXT % "").replace("reservable: {kv: 1000 B, energy: 7}", "")).jobs) == 4


@given(
    st.lists(
        st.tuples(st.integers(1, 190), st.integers(0, 1), st.integers(-300, 700)),
        max_size=15,
        unique_by=lambda each: each[0],
    )
)
def test_whatever_is_asked_for_there_is_never_more_held_than_there_is(asked: list[tuple[int, int, int]]) -> None:
    def order(task: int, amount: int) -> Any:
        def ask(soc: Any) -> int:
            job = soc.tasks[task].active
            if job is not None and soc.reserved("kv", job) + amount >= 0:
                soc.reserve("kv", amount, job)
            return soc.reserved("kv")  # type: ignore[no-any-return]

        return ask

    room, _ = reserving(**{f"_{time / 10}".replace(".", "_"): order(task, amount) for time, task, amount in asked})
    assert all(0 <= answer <= 1000 for answer in room.answers if isinstance(answer, int))
