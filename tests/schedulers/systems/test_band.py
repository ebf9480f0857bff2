"""Band's schedulers: the plan against every plan there is, one example for all policies worked by hand, and what must hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched.errors import InputError, SchedulerError
from rtsched.model.taskgraph import NodeSpec
from rtsched.schedulers.systems.band.base import Band
from rtsched.schedulers.systems.band.fixed_worker import BandFixedWorker
from rtsched.schedulers.systems.band.heft import BandHEFT, BandHEFTReserved
from rtsched.schedulers.systems.band.least_slack_first import BandLeastSlackFirst
from rtsched.schedulers.systems.band.plan import Key, Units, best_plan
from rtsched.schedulers.systems.band.planned import BandShortestExpectedLatency
from rtsched.schedulers.systems.band.round_robin import BandRoundRobin
from rtsched.trace.trace import LATE, REASONS, UNFINISHED, Trace
from rtsched.units import MS
from tests.chips import run
from tests.helpers import outcomes

Times = list[tuple[int | None, ...]]


def chain(times: Times) -> list[NodeSpec]:
    last = len(times) - 1
    return [
        NodeSpec(i, f"u{i}", row, (i - 1,) if i else (), (i + 1,) if i < last else ()) for i, row in enumerate(times)
    ]


# ---- the plan ----------------------------------------------------------------------------------------------------


def latency(times: Times, pieces: list[tuple[int, int, int]], waiting: list[int]) -> int | None:
    """When a plan ends; None if a worker cannot run a piece of it."""
    end = 0
    for first, last, place in pieces:
        parts = [row[place] for row in times[first : last + 1]]
        if None in parts:
            return None
        end = max(end, waiting[place]) + sum(part for part in parts if part is not None)
    return end


def shortest(times: Times, start: int, end: int, waiting: list[int], merge: bool) -> int:
    """The least latency of the units start..end-1 over all cuts and all choices of workers."""
    if start == end:
        return 0
    best = []
    for cuts in product([False, True], repeat=end - start - 1):
        if merge or all(cuts):
            begins = [start, *(start + 1 + place for place, cut in enumerate(cuts) if cut)]
            ranges = list(zip(begins, [*(begin - 1 for begin in begins[1:]), end - 1], strict=True))
            for places in product(range(len(waiting)), repeat=len(ranges)):
                pieces = [(first, last, place) for (first, last), place in zip(ranges, places, strict=True)]
                found = latency(times, pieces, waiting)
                if found is not None:
                    best.append(found)
    return min(best)


@st.composite
def networks(draw: Any) -> tuple[Times, int, list[int]]:
    """Small times, so that there are ties; every unit can run somewhere."""
    workers = draw(st.integers(1, 3))
    time = st.one_of(st.none(), st.integers(1, 3))
    row = st.tuples(*[time] * workers).filter(lambda row: any(row))
    times = draw(st.lists(row, min_size=1, max_size=5))
    return (
        times,
        draw(st.integers(0, len(times) - 1)),
        draw(st.lists(st.integers(0, 4), min_size=workers, max_size=workers)),
    )


@settings(max_examples=150)
@given(networks(), st.booleans())
def test_the_plan_is_the_best_of_all_and_breaks_ties_as_band_does(
    network: tuple[Times, int, list[int]], merge: bool
) -> None:
    times, start, waiting = network
    plan = best_plan(Units(chain(times), merge), start, waiting)
    assert [piece.first for piece in plan.pieces] == [start, *(piece.last + 1 for piece in plan.pieces[:-1])]
    assert plan.pieces[-1].last == len(times) - 1
    assert latency(times, list(plan.pieces), waiting) == plan.latency
    assert plan.latency == shortest(times, start, len(times), waiting, merge)
    for piece in plan.pieces:  # no shorter piece in its place, and no later worker, attains the same
        best = shortest(times, start, piece.last + 1, waiting, merge)
        others = [(first, place) for first in range(piece.first, piece.last + 1) for place in range(len(waiting))]
        for first, place in others:
            before = shortest(times, start, first, waiting, merge)
            own = latency(times, [(first, piece.last, place)], [max(before, time) for time in waiting])
            if own == best and (merge or first == piece.last):
                assert (first, place) <= (piece.first, piece.processor)


def test_what_was_measured_changes_the_plan() -> None:
    """Profiles add up, so at first a merged subgraph never beats its pieces, and the pieces win the tie."""
    units = Units(chain([(10,), (10,)]))
    assert best_plan(units, 0, [5]) == (25, (Key(0, 0, 0), Key(1, 1, 0)))
    units.observe(Key(1, 1, 0), 20)  # 0.1 * 20 + 0.9 * 10 = 11
    assert units.expected(Key(1, 1, 0)) == 11
    assert units.profiled(Key(1, 1, 0)) == 10
    assert best_plan(units, 0, [5]) == (25, (Key(0, 1, 0),))
    units.observe(Key(0, 1, 0), 50)  # 0.1 * 50 + 0.9 * 20 = 23
    assert best_plan(units, 0, [5]) == (26, (Key(0, 0, 0), Key(1, 1, 0)))
    assert best_plan(units, 1, [5]) == (16, (Key(1, 1, 0),))


def test_units_follow_the_graph() -> None:
    """A diamond written backwards: 3 -> 1, 2 -> 0."""
    edges = [(3, 1), (3, 2), (1, 0), (2, 0)]
    nodes = [
        NodeSpec(i, f"n{i}", (1,), tuple(u for u, v in edges if v == i), tuple(v for u, v in edges if u == i))
        for i in range(4)
    ]
    assert Units(nodes).nodes == (3, 1, 2, 0)


# ---- one example, worked by hand -----------------------------------------------------------------------------------
#        cpu gpu npu
#   X.a   6   4   1      All three arrive at 0, in the order X, Y, Z. Alone: X npu 1 + gpu 4 + npu 1 = 6,
#   X.b   6   4   -      Y npu 2 + gpu 3 = 5, Z npu 3.
#   X.c   6   4   1
#   Y.p   5   3   2
#   Y.q   5   3   -
#   Z     -   5   3

CHIP = """
platform: {name: chip, processors: {cpu: {}, gpu: {kind: gpu}, npu: {kind: npu}}}
tasks:
  - name: X
    period: 100 ms
    deadline: 90 ms
    graph:
      nodes:
        a: {wcet: {cpu: 6 ms, gpu: 4 ms, npu: 1 ms}}
        b: {wcet: {cpu: 6 ms, gpu: 4 ms}}
        c: {wcet: {cpu: 6 ms, gpu: 4 ms, npu: 1 ms}}
      edges: [[a, b], [b, c]]
  - name: Y
    period: 100 ms
    deadline: 91 ms
    graph:
      nodes: {p: {wcet: {cpu: 5 ms, gpu: 3 ms, npu: 2 ms}}, q: {wcet: {cpu: 5 ms, gpu: 3 ms}}}
      edges: [[p, q]]
  - {name: Z, period: 100 ms, deadline: 92 ms, wcet: {gpu: 5 ms, npu: 3 ms}}
"""


def rows(trace: Trace) -> list[str]:
    """What ran, as ``task.node processor start-end``, times in ms."""
    found = []
    for row in trace.slices:
        task = trace.system.tasks[trace.jobs["task"][row["job"]]]
        name = task.name if len(task.nodes) == 1 else f"{task.name}.{task.nodes[row['node']].name}"
        place = trace.system.processors[row["processor"]].name
        reason = REASONS[row["reason"]]
        ended = "" if reason == "completed" else f" {reason}"
        found.append(f"{name} {place} {row['start'] / MS:g}-{row['end'] / MS:g}{ended}")
    return found


def example(policy: Band, text: str = CHIP) -> list[str]:
    return rows(run(text, scheduler=policy, until="50 ms"))


def test_fixed_worker() -> None:
    """Each whole where it takes least: X gpu 12 (cpu 18), Y gpu 6 (cpu 10) behind it, Z npu 3 (gpu 5)."""
    assert example(BandFixedWorker()) == [
        "X.a gpu 0-4", "Z npu 0-3", "X.b gpu 4-8", "X.c gpu 8-12", "Y.p gpu 12-15", "Y.q gpu 15-18",
    ]  # fmt: skip
    named = BandFixedWorker({"X": "cpu", "Z": "gpu"})  # Y arrived before Z
    assert example(named) == [
        "X.a cpu 0-6", "Y.p gpu 0-3", "Y.q gpu 3-6", "X.b cpu 6-12", "Z gpu 6-11", "X.c cpu 12-18",
    ]  # fmt: skip


def test_round_robin() -> None:
    """cpu takes the first job it can run, X; gpu the next, Y; npu can run only Z whole."""
    assert example(BandRoundRobin()) == [
        "X.a cpu 0-6", "Y.p gpu 0-3", "Z npu 0-3", "Y.q gpu 3-6", "X.b cpu 6-12", "X.c cpu 12-18",
    ]  # fmt: skip


def test_round_robin_takes_every_worker_for_idle_as_coded() -> None:
    """W is left at 0. As meant it takes gpu when that is idle, at 6; as coded cpu queues it at the wake-up at 3."""
    more = CHIP + "  - {name: W, period: 100 ms, wcet: {cpu: 2 ms, gpu: 2 ms}}\n"
    assert "W gpu 6-8" in example(BandRoundRobin(), more)
    assert "W cpu 18-20" in example(BandRoundRobin(quirks=True), more)


def test_shortest_expected_latency() -> None:
    """The longest goes first, to its worker even if that is busy; then it waits, though another is idle.

    0: X (6) takes npu for a. Y: npu 1 + 2, then gpu 3: 6, as long as gpu 6 from 0 on; the shorter last piece wins, so
       npu, busy: sent back. Z: npu 1 + 3 = 4 < gpu 5: sent back. gpu is idle.
    1: X (gpu 4 + npu 1 = 5) before Y (5) before Z (3): b to gpu. Y: npu 2, then gpu at 4 + 3 = 7: p to npu.
       Z: npu 2 + 3 = 5: sent back.
    3: Y: gpu 2 + 3 = 5 = cpu 5, the last listed wins: gpu, sent back. Z (3) to npu.
    5: Y (gpu 3) before X (npu 1 + 1 = 2): q to gpu; c sent back, to npu at 6.
    """
    expected = ["X.a npu 0-1", "X.b gpu 1-5", "Y.p npu 1-3", "Z npu 3-6", "Y.q gpu 5-8", "X.c npu 6-7"]
    assert example(BandShortestExpectedLatency()) == expected
    assert example(BandShortestExpectedLatency(order="unit")) == expected  # see test_what_was_measured_...


def test_heft() -> None:
    """As above, but who must wait for a worker is counted there, so that others look elsewhere.

    0: X (6) takes npu for a. Y (6, npu busy) is set aside: npu now waits 1 + 2. Z: gpu 5 < npu 3 + 3: to gpu.
    1: Y was left in the queue, before X. Y: npu 2, then gpu 4 + 3 = 7. X: b cpu 6 < gpu 4 + 4, then npu: 7. Y is first:
       p to npu; X: b to cpu.
    3: Y: gpu 2 + 3 = 5, busy: left. 5: q to gpu. 7: c to npu.
    """
    expected = ["Z gpu 0-5", "X.a npu 0-1", "X.b cpu 1-7", "Y.p npu 1-3", "Y.q gpu 5-8", "X.c npu 7-8"]
    assert example(BandHEFT()) == expected


def test_a_window_of_one_starts_one_job_per_wake_up() -> None:
    """Queue at 0: X, Y, Z; 1: Y, Z, X; 3: Z, X, Y; 6: X, Y; 10: Y, X; 13: X. The first has its choice of idle workers."""
    assert example(BandHEFT(window=1)) == [
        "X.a npu 0-1", "Y.p npu 1-3", "Z npu 3-6", "X.b gpu 6-10", "Y.q gpu 10-13", "X.c npu 13-14",
    ]  # fmt: skip


def test_heft_with_reservation() -> None:
    """The next piece of a job counts where it is to run.

    0: X takes npu for a, and reserves gpu for b (4). Y: npu 1 + 2, gpu 4 + 3 = 7: set aside (npu 1 + 2). Z: npu 3 + 3 = 6
       < gpu 4 + 5: set aside. gpu stays idle.
    1: queue Y, Z, X. Y: npu 2, then gpu 4 + 3 = 7; Z: npu 3; X: gpu 4 (its own reservation counts nothing), npu: 5.
       Y: p to npu, reserves gpu for q (3). X: b cpu 6 < gpu 3 + 4, then npu: 7; Z: npu 2 + 3 = 5. X: b to cpu, reserves
       npu for c (1). Z: npu 2 + 1 + 3 = 6 < gpu 3 + 5: set aside.
    3: Z: npu 1 + 3 = 4; Y: gpu 3. Both start. 7: c to npu.
    """
    expected = ["X.a npu 0-1", "X.b cpu 1-7", "Y.p npu 1-3", "Y.q gpu 3-6", "Z npu 3-6", "X.c npu 7-8"]
    assert example(BandHEFTReserved()) == expected
    assert example(BandHEFT(reserved=True)) == expected


def test_a_reservation_is_for_others_and_ends_with_the_last_piece() -> None:
    """X alone: its own reservation of gpu does not send b to cpu (6 < 4 + 4).

    W arrives at 2, when b runs on gpu to 5: gpu 3 + 5 = 8 < cpu 11. If gpu were still kept for b, cpu would seem sooner.
    """
    alone = CHIP.partition("  - name: Y")[0]
    assert example(BandHEFTReserved(), alone) == ["X.a npu 0-1", "X.b gpu 1-5", "X.c npu 5-6"]
    two = alone.replace("        c: {wcet: {cpu: 6 ms, gpu: 4 ms, npu: 1 ms}}\n", "").replace(", [b, c]", "")
    two += "  - {name: W, period: 100 ms, offset: 2 ms, wcet: {cpu: 11 ms, gpu: 5 ms}}\n"
    assert example(BandHEFTReserved(), two) == ["X.a npu 0-1", "X.b gpu 1-5", "W gpu 5-10"]


def test_the_first_of_equals_is_what_came_to_the_front_last() -> None:
    """A and B end a piece at 2, on cpu and then on npu: B stands in front, and takes gpu first."""
    text = """
platform: {name: chip, processors: {cpu: {}, gpu: {kind: gpu}, npu: {kind: npu}}}
tasks:
  - {name: A, period: 50 ms, graph: {nodes: {a: {wcet: {cpu: 2 ms}}, b: {wcet: {gpu: 2 ms}}}, edges: [[a, b]]}}
  - {name: B, period: 50 ms, graph: {nodes: {a: {wcet: {npu: 2 ms}}, b: {wcet: {gpu: 2 ms}}}, edges: [[a, b]]}}
"""
    assert example(BandHEFT(), text) == ["A.a cpu 0-2", "B.a npu 0-2", "B.b gpu 2-4", "A.b gpu 4-6"]


def test_a_worker_that_overruns_looks_idle() -> None:
    """A is believed to need npu to 2, but the switch makes it 3: at 2.5 npu seems idle, and B queues there, not on cpu."""
    text = """
platform: {name: chip, processors: {npu: {kind: npu}, cpu: {}}}
overheads: {context_switch: 1 ms}
tasks:
  - {name: A, period: 50 ms, wcet: {npu: 2 ms, cpu: 4 ms}}
  - {name: B, period: 50 ms, offset: OFFSET ms, wcet: {npu: 2 ms, cpu: 4 ms}}
"""
    assert example(BandRoundRobin(), text.replace("OFFSET", "2.5"))[-1] == "B npu 4-6"
    assert example(BandRoundRobin(), text.replace("OFFSET", "1.5"))[-1] == "B cpu 2.5-6.5"


def test_least_slack_first() -> None:
    """Deadlines X 8, Y 7, Z 5.

    0: slacks 8 - 6 = 7 - 5 = 5 - 3 = 2: in the order of the queue. X: a to npu. Y: npu 1 + 2 = gpu 3, the last listed
       wins: npu, sent back (npu 3). Z: gpu 5 < npu 3 + 3, by 5: to gpu.
    1: X: cpu 6 < gpu 4 + 4, npu 1: by 8, slack 0. Y: npu 2, then gpu 4 + 3 = 7, by 8 > 7: dropped. X: b to cpu.
    """
    text = CHIP.replace("90 ms", "8 ms").replace("91 ms", "7 ms").replace("92 ms", "5 ms")
    trace = run(text, scheduler=BandLeastSlackFirst(), until="50 ms")
    assert rows(trace) == ["Z gpu 0-5", "X.a npu 0-1", "X.b cpu 1-7", "X.c npu 7-8"]
    assert outcomes(trace) == {"X": ["ok"], "Y": ["dropped"], "Z": ["ok"]}
    # never dropped, Y goes first at 1 (slack -1); without an SLO it has all the time
    trace = run(text, scheduler=BandLeastSlackFirst(drop="never"), until="50 ms")
    assert rows(trace) == ["Z gpu 0-5", "X.a npu 0-1", "X.b cpu 1-7", "Y.p npu 1-3", "Y.q gpu 5-8", "X.c npu 7-8"]
    assert outcomes(trace) == {"X": ["ok"], "Y": ["late"], "Z": ["ok"]}
    trace = run(text, scheduler=BandLeastSlackFirst(best_effort=["Y"]), until="50 ms")
    assert outcomes(trace) == {"X": ["ok"], "Y": ["late"], "Z": ["ok"]}


def test_the_rule_of_drops() -> None:
    """X keeps gpu to 12, so that Y would end at 18. As meant it goes when it is enqueued; as coded only if late by then."""
    text = CHIP.replace("91 ms", "17 ms")
    fates = [outcomes(run(text, scheduler=policy, until="50 ms"))["Y"] for policy in (
        BandFixedWorker(), BandFixedWorker(quirks=True, workers={"X": "gpu", "Y": "gpu", "Z": "gpu"}),
        BandFixedWorker(drop="quirk"), BandFixedWorker(drop="never"), BandFixedWorker(best_effort=["Y"]),
    )]  # fmt: skip
    assert fates == [["dropped"], ["late"], ["late"], ["late"], ["late"]]
    # the second job of V is enqueued when the first is done, at 30: too late
    text = CHIP + "  - {name: V, period: 10 ms, deadline: 19 ms, wcet: {cpu: 30 ms}}\n"
    coded = outcomes(run(text, scheduler=BandHEFT(drop="quirk"), until="20 ms"))["V"]
    assert coded == ["late", "dropped"]
    coded = outcomes(run(text.replace("19 ms", "20 ms"), scheduler=BandHEFT(drop="quirk"), until="20 ms"))["V"]
    assert coded == ["late", "late"]  # at its deadline it is not late yet


# ---- faults ------------------------------------------------------------------------------------------------------

FRAIL = """
platform: {name: chip, processors: {npu: {kind: npu}, cpu: {}}}
faults: [{processor: npu, at: 3 ms, lasts: 4 ms}]
tasks:
  - {name: A, period: 5 ms, deadline: 20 ms, overlap: true, wcet: {npu: 2 ms, cpu: 4 ms}}
"""
LONG = """
platform: {name: chip, processors: {npu: {kind: npu}, cpu: {}}}
faults: [{processor: npu, at: 3 ms, lasts: 4 ms}]
tasks:
  - name: A
    period: 50 ms
    graph:
      nodes: {a: {wcet: {npu: 2 ms, cpu: 4 ms}}, b: {wcet: {npu: 2 ms, cpu: 4 ms}}, c: {wcet: {npu: 2 ms, cpu: 4 ms}}}
      edges: [[a, b], [b, c]]
"""


@pytest.mark.parametrize("policy", [BandShortestExpectedLatency, BandHEFT, BandHEFTReserved, BandLeastSlackFirst, BandRoundRobin])  # fmt: skip
def test_a_processor_that_is_down_is_avoided_and_used_again(policy: Callable[..., Band]) -> None:
    trace = run(FRAIL, scheduler=policy(), until="15 ms")
    assert rows(trace) == ["A npu 0-2", "A cpu 5-9", "A npu 10-12"]


def test_what_fails_goes_on_from_the_first_unit_that_is_not_done() -> None:
    failed = ["A.a npu 0-2", "A.b npu 2-3 killed", "A.b cpu 3-7"]
    assert rows(run(LONG, scheduler=BandRoundRobin(), until="50 ms")) == [*failed, "A.c cpu 7-11"]
    assert rows(run(LONG, scheduler=BandHEFT(), until="50 ms")) == [*failed, "A.c npu 7-9"]  # asked again, npu is back


def test_a_fixed_worker_that_is_down_keeps_its_jobs_waiting() -> None:
    trace = run(LONG, scheduler=BandFixedWorker(drop="never"), until="50 ms")
    assert rows(trace) == ["A.a npu 0-2", "A.b npu 2-3 killed", "A.b npu 7-9", "A.c npu 9-11"]
    # several keep their order, however often the planner wakes in between
    more = "".join(
        f"  - {{name: {n}, period: 50 ms, offset: {i} ms, wcet: {{npu: 1 ms}}}}\n" for i, n in enumerate("PQR", 4)
    )
    trace = run(FRAIL + more, scheduler=BandFixedWorker(drop="never"), until="10 ms")
    assert rows(trace) == ["A npu 0-2", "P npu 7-8", "A npu 8-10", "Q npu 10-11", "R npu 11-12"]
    # as the rule of drops is meant: its waiting time is endless, so no deadline can be met
    trace = run(LONG, scheduler=BandFixedWorker(), until="50 ms")
    assert outcomes(trace) == {"A": ["aborted"]}


# ---- what must hold ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_estimate_moves_by_a_tenth_of_the_error(count: int) -> None:
    """10 ms planned, 11 ms measured with the switch: 10.1, 10.19, 10.271 ms."""
    text = f"""
platform: {{processors: {{cpu: {{}}}}}}
overheads: {{context_switch: 1 ms}}
tasks: [{{name: a, period: 20 ms, wcet: 10 ms, count: {count}}}]
"""
    policy = BandHEFT()
    run(text, scheduler=policy, until="100 ms")
    average = 11 - Fraction(9, 10) ** count
    assert policy.units[0].expected(Key(0, 0, 0)) == average * MS
    # what resumes after a fault has a part behind it, and says nothing of the whole
    policy = BandHEFT()
    run(
        FRAIL.replace("npu: 2 ms, cpu: 4 ms", "npu: 4 ms").replace("over", "on_fault: resume, over"),
        scheduler=policy,
        until="1 ms",
    )
    assert policy.units[0].expected(Key(0, 0, 0)) == 4 * MS
    still = BandHEFT(smoothing=0)
    run(text, scheduler=still, until="100 ms")
    assert still.units[0].expected(Key(0, 0, 0)) == 10 * MS


POLICIES: list[Callable[..., Band]] = [
    BandFixedWorker, BandRoundRobin, BandShortestExpectedLatency, BandHEFT, BandHEFTReserved, BandLeastSlackFirst,
]  # fmt: skip


def watched(policy: Band) -> Band:
    """`policy`, of which it is asserted that whenever it rests, nothing waits while all processors stand idle."""
    dispatch = policy.dispatch

    def checked() -> None:
        dispatch()
        soc = policy.soc
        if not soc.core.changed[0] and all(processor.segment is None for processor in soc.processors):
            assert soc.ready == []

    policy.dispatch = checked  # type: ignore[method-assign]
    return policy


def all_ended(trace: Trace) -> bool:
    """No job was left over when the run came to its end."""
    left = (trace.jobs["outcome"] == UNFINISHED) | ((trace.jobs["outcome"] == LATE) & (trace.jobs["finish"] < 0))
    return not left.any()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("overlap", ["true", "false"])
def test_dropping_everything_loses_no_wake_up(policy: Callable[..., Band], overlap: str) -> None:
    tasks = "\n".join(
        f"  - {{name: t{i}, period: 5 ms, deadline: 2 ms, overlap: {overlap}, wcet: 3 ms}}" for i in range(4)
    )
    text = f"platform: {{processors: {{cpu: {{}}, gpu: {{kind: gpu}}}}}}\nsimulate: {{drain: all}}\ntasks:\n{tasks}\n"
    trace = run(text, scheduler=watched(policy()), until="50 ms")
    assert {fate for fates in outcomes(trace).values() for fate in fates} == {"dropped"}
    assert len(trace.slices) == 0
    assert len(trace.jobs) == 40


def system(draw: random.Random) -> str:
    """Chains and graphs of which cpu and big can run all; faults, switches, uncertain times, every way to miss."""
    lines = ["platform: {name: chip, processors: {npu: {kind: npu}, cpu: {cores: 2}, big: {}, gpu: {kind: gpu}}}"]
    if draw.random() < 0.4:
        lines.append("overheads: {context_switch: 300 us, migration: 100 us}")
    faults = [
        f"{{processor: {draw.choice(['npu', 'gpu', 'cpu', 'big'])}, mean_up: 15 ms, mean_down: 4 ms}}"
        for _ in range(draw.randint(0, 2))
    ]
    lines += [f"faults: [{', '.join(faults)}]", "simulate: {drain: all}", "tasks:"]
    for number in range(draw.randint(2, 5)):
        size = draw.randint(1, 5)
        nodes = []
        for unit in range(size):
            extra = "".join(f", {p}: {draw.randint(100, 4000)} us" for p in ("gpu", "npu") if draw.random() < 0.6)
            nodes.append(f"n{unit}: {{wcet: {{cpu: {draw.randint(1, 6)} ms, big: {draw.randint(1, 4)} ms{extra}}}}}")
        if draw.random() < 0.7:
            edges = [(a, a + 1) for a in range(size - 1)]
        else:
            edges = [(a, b) for a in range(size) for b in range(a + 1, size) if draw.random() < 0.5]
        if draw.random() < 0.3:
            nodes.reverse()
        graph = f"{{nodes: {{{', '.join(nodes)}}}, edges: [{', '.join(f'[n{a}, n{b}]' for a, b in edges)}]}}"
        lines.append(
            f"  - {{name: t{number}, graph: {graph}, period: {draw.randint(5, 30)} ms, deadline: {draw.randint(3, 40)} ms, "
            f"overlap: {draw.choice(['true', 'false'])}, on_fault: {draw.choice(['restart', 'resume', 'drop'])}, "
            f"on_miss: {draw.choice(['continue', 'abort', 'drop_at_start', 'skip_next'])}, "
            f"execution: {draw.choice(['{kind: constant}', '{kind: uniform, low: 0.4}'])}}}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("policy", POLICIES)
def test_random_systems_obey_every_rule_and_come_out_the_same_again(policy: Callable[..., Band]) -> None:
    ran = 0
    for seed in range(25):
        draw = random.Random(seed)
        text = system(draw)
        options: dict[str, Any] = {
            "quirks": draw.random() < 0.5, "drop": draw.choice([None, "never"]), "smoothing": draw.choice([0, 0.1, 0.5, 1]),
        }  # fmt: skip
        if policy is BandFixedWorker:
            options["workers"] = {f"t{number}": draw.choice(["cpu0", "cpu1", "big"]) for number in range(5)}
            options["workers"] = {name: place for name, place in options["workers"].items() if f"name: {name}," in text}
        elif policy is not BandRoundRobin:
            options |= {"window": draw.choice([None, 1, 3]), "order": draw.choice(["merge", "unit"])}
        one = run(text, scheduler=watched(policy(**options)), until="60 ms", seed=seed)
        two = run(text, scheduler=policy(**options), until="60 ms", seed=seed)
        assert all_ended(one)
        assert one.slices.tobytes() == two.slices.tobytes()
        assert one.jobs.tobytes() == two.jobs.tobytes()
        ran += len(one.slices)
    assert ran > 1000


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BandHEFT(window=0), "window 0 is not a number of jobs from 1"),
        (lambda: BandHEFT(order="all"), "order 'all' is not one of merge, unit"),
        (lambda: BandHEFT(drop="late"), "drop 'late' is not one of repaired, quirk, never"),
        (lambda: BandHEFT(smoothing=1.5), "smoothing 1.5 is not between 0 and 1"),
    ],
)
def test_bad_parameters(make: Callable[[], Band], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (BandHEFT(best_effort=["Q"]), "'best_effort' names 'Q', which is no task"),
        (BandFixedWorker({"X": "dsp"}), "'workers' names 'dsp', which is no task or no processor"),
        (BandFixedWorker({"X": "npu"}), "processor 'npu' cannot run all of task 'X'; name one of cpu, gpu"),
        (BandFixedWorker(quirks=True), "processor 'cpu' cannot run all of task 'Z'"),
    ],
)
def test_what_a_system_must_have(policy: Band, message: str) -> None:
    with pytest.raises(SchedulerError, match=message):
        example(policy)


def test_whole_networks_need_a_worker() -> None:
    text = CHIP.replace("a: {wcet: {cpu: 6 ms, gpu: 4 ms, npu: 1 ms}}", "a: {wcet: {npu: 1 ms}}")
    with pytest.raises(SchedulerError, match="no processor runs all of task 'X'; use band-heft"):
        example(BandRoundRobin(), text)
