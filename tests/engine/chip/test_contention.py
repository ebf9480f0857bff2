"""Shared memory: what co-runners do to each other, and that no work is made or lost."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import pytest

import rtsched
from rtsched.engine.chip.memory import MeasuredPairs, PowerLawSlowdown, ThreeRegions, User
from rtsched.errors import InputError
from rtsched.model.memory import Pair, Pairwise, PccsProcessor
from rtsched.trace.trace import FULL_SPEED
from tests.chips import changes, loaded, run, slices

TWO = """
platform:
  name: chip
  processors: {gpu: {kind: gpu}, npu: {kind: npu}}
  memory: {bandwidth: 40 GB/s, contention: {model: proportional, usable: 0.5}}
scheduler: {ordering: fifo}
tasks:
  - {name: g, wcet: {gpu: 10 ms}, memory: {bound: 0.5, demand: 20 GB/s}, period: 100 ms}
  - {name: n, wcet: {npu: 6 ms}, memory: {bound: 1, demand: 20 GB/s}, period: 100 ms, offset: 2 ms}
"""


def test_proportional_share_slows_the_memory_bound_part_of_both() -> None:
    # Usable 20 GB/s, asked for 40: memory parts take twice as long. g: 1/(0.5 + 0.5 * 2) = 2/3, n: 1/2.
    # n: 6 ms of work at 1/2 from 2: ends at 14. g: 2 + 12 * 2/3 = 10: ends at 14 too.
    trace = run(TWO, until="100 ms")
    found = slices(trace)
    assert found[1] == ("n", "npu", 2, 14, "completed")
    assert found[0][3] == 14
    speeds = {(subject, value) for _, _, subject, value in changes(trace, "speed")}
    assert (1, FULL_SPEED // 2) in speeds
    assert (0, math.ceil(FULL_SPEED * 2 / 3)) in speeds


def test_below_the_usable_bandwidth_nobody_slows() -> None:
    trace = run(TWO.replace("usable: 0.5", "usable: 1"), until="100 ms")
    assert [row[3] for row in slices(trace)] == [10, 8]
    assert not len(trace.changes)


def test_demand_may_be_given_as_traffic() -> None:
    one = run(TWO, until="100 ms")
    text = TWO.replace("bound: 1, demand: 20 GB/s", "bound: 1, traffic: 120 MB")  # 120 MB in 6 ms is 20 GB/s
    assert slices(run(text, until="100 ms")) == slices(one)


def test_a_segment_speeds_up_again_when_its_neighbour_is_done() -> None:
    text = TWO.replace("wcet: {npu: 6 ms}", "wcet: {npu: 3 ms}")
    # n [2, 8) at 1/2; g has then done 2 + 6 * 2/3 = 6 and needs 4 more alone
    found = slices(run(text, until="100 ms"))
    assert found[1] == ("n", "npu", 2, 8, "completed")
    assert found[0][3] == 12


def test_without_memory_use_contention_costs_nothing() -> None:
    text = TWO.replace(", memory: {bound: 0.5, demand: 20 GB/s}", "").replace(
        ", memory: {bound: 1, demand: 20 GB/s}", ""
    )
    assert loaded(text).lower().hardware is None


def test_alone_nobody_is_slowed_by_itself() -> None:
    text = TWO.replace(
        "demand: 20 GB/s}, period: 100 ms}\n  - {name: n", "demand: 39 GB/s}, period: 100 ms}\n  - {name: n"
    )
    assert slices(run(text.replace("offset: 2 ms", "offset: 50 ms"), until="100 ms"))[0][3] == 10


SHARED = """
platform:
  name: chip
  processors: {gpu: {kind: gpu, contexts: 2}, npu: {kind: npu}}
  memory: {bandwidth: 40 GB/s, contention: %s}
scheduler: {ordering: fifo}
tasks:
  - {name: a, wcet: {gpu: 10 ms}, memory: {bound: 1, demand: 20 GB/s}, period: 100 ms, deadline: 99 ms}
  - {name: b, wcet: {gpu: 10 ms}, memory: {bound: 1, demand: 20 GB/s}, period: 100 ms, deadline: 99 ms}
"""
BESIDE = "  - {name: n, wcet: {npu: 10 ms}, memory: {bound: 1, demand: 20 GB/s}, period: 100 ms}\n"


@pytest.mark.parametrize(
    ("model", "end"),
    [
        ("{model: proportional, usable: 0.5}", 20),  # 40 GB/s of usable 20
        ("{model: power-law, a: 1, b: 0}", 20),
        ("{model: pairwise, pairs: [{victim: npu, beside: gpu, slowdown: 1.5}]}", 15),
        (
            "{model: pccs, processors: {npu: {minor_below: 0, intensive_from: 0, rate: 0.0125, minor_loss: 0, balance: 40, knee: 0}}}",
            10 / 0.75,
        ),
    ],
)
def test_segments_that_share_a_unit_are_one_neighbour_and_none_to_each_other(model: str, end: float) -> None:
    assert [row[3] for row in slices(run(SHARED % model, until="100 ms"))] == [20, 20]  # half of the unit each, no more
    found = {row[0]: row[3] for row in slices(run(SHARED % model + BESIDE, until="100 ms"))}
    assert found["n"] == pytest.approx(end, abs=1e-5)


PCCS = PccsProcessor(minor_below=5, intensive_from=20, rate=0.02, minor_loss=0.03, balance=30, knee=25)


@pytest.mark.parametrize(
    ("own", "others", "speed"),
    [
        (2, 0, 1.0),  # alone
        (2, 1, 0.97),  # minor: flat
        (2, 100, 0.97),
        (10, 15, 1.0),  # normal: up to the knee nothing
        (10, 20, 0.9),  # 5 GB/s beyond it
        (10, 30, 0.7),
        (10, 99, 0.7),  # flat after the balance point
        (25, 1, 0.98),  # intensive: from the first GB/s on
        (25, 30, 0.4),
        (25, 99, 0.4),
    ],
)
def test_three_regions(own: float, others: float, speed: float) -> None:
    assert ThreeRegions({"gpu": PCCS}).speed("gpu", own, others) == pytest.approx(speed)


def test_three_regions_in_a_run() -> None:
    text = TWO.replace(
        "{model: proportional, usable: 0.5}",
        "{model: pccs, processors: {gpu: {minor_below: 5, intensive_from: 15, rate: 0.025, minor_loss: 0, balance: 30, knee: 25}}}",
    )
    # gpu: intensive, 20 GB/s of others: 1 - 0.025 * 20 = 0.5; the npu has no parameters and keeps its speed
    assert slices(run(text, until="100 ms")) == [
        ("g", "gpu", 0, 13, "completed"),  # 2 + 6 * 0.5 = 5 done at 8, 5 more
        ("n", "npu", 2, 8, "completed"),
    ]


def test_power_law() -> None:
    law = PowerLawSlowdown(0.5, 2, 40e9)
    users = [User("gpu", "", 1, 20e9), User("npu", "", 1, 20e9)]
    assert law.effects(users) == [(1.0, 1 / 1.5)] * 2
    assert law.effects(users[:1]) == [(1.0, 1.0)]
    idle = User("cpu", "", 0, 0)
    assert law.effects([users[0], idle]) == [(1.0, 1.0)] * 2  # who moves no data is no neighbour


def test_measured_pairs_multiply_up_to_the_cap_and_classes_go_first() -> None:
    pairs = (
        Pair(victim="gpu", beside="npu", slowdown=1.5),
        Pair(victim="gpu", beside="cpu", slowdown=2),
        Pair(victim="gpu/conv", beside="cpu", slowdown=1.25),
    )
    model = MeasuredPairs(Pairwise(model="pairwise", pairs=pairs, cap=2.5))
    gpu, conv = User("gpu", "", 0, 0), User("gpu", "conv", 0, 0)
    npu, cpu = User("npu", "", 0, 0), User("cpu", "", 0, 0)
    assert model.effects([gpu, npu]) == [(1.0, 1 / 1.5), (1.0, 1.0)]
    assert model.effects([gpu, npu, cpu])[0] == (1.0, 1 / 2.5)  # 3, capped
    assert model.effects([conv, cpu])[0] == (1.0, 1 / 1.25)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bandwidth: 40 GB/s, ", "", "needs the memory's 'bandwidth'"),
        ("bandwidth: 40 GB/s", "bandwidth: 0 GB/s", "must be positive"),
        ("usable: 0.5", "usable: 0", "greater than 0"),
        ("usable: 0.5", "usable: 1.2", "less than or equal to 1"),
        ("bound: 1,", "bound: 1.2,", "less than or equal to 1"),
        ("demand: 20 GB/s", "demand: 0 GB/s", "must be positive"),
        (
            "{model: proportional, usable: 0.5}",
            "{model: pairwise, pairs: [{victim: gpu, beside: npu, slowdown: 0.9}]}",
            "a slow-down of 0.9 is a gain",
        ),
        (
            "{model: proportional, usable: 0.5}",
            "{model: pairwise, pairs: [{victim: gpu/conv, beside: dsp, slowdown: 1.1}]}",
            "memory.contention names 'dsp', which is no cluster; known: gpu, npu",
        ),
        (
            "{model: proportional, usable: 0.5}",
            "{model: pccs, processors: {gpu: {minor_below: 5, intensive_from: 15, rate: 0.1, minor_loss: 0, balance: 30, knee: 25}}}",
            "the processor would stop",
        ),
    ],
)
def test_bad_input(old: str, new: str, message: str) -> None:
    assert old in TWO
    with pytest.raises(InputError, match=message):
        loaded(TWO.replace(old, new))


@pytest.mark.parametrize("seed", range(30))
def test_work_is_conserved_in_random_runs(seed: int) -> None:
    """Contention, clocks that governors change, contexts that share, slow-downs: speed dt adds up to the work.

    `run` lets the trace check itself, node for node; here the sum over everything is taken once more, apart from it.
    """
    draw = random.Random(seed)
    tasks = "\n".join(
        f"  - {{name: t{n}, wcet: {{{draw.choice(['cpu', 'gpu', 'npu'])}: {draw.randint(1, 9000)} us}}, "
        f"memory: {{bound: {draw.random():.3f}, demand: {draw.randint(1, 30)} GB/s}}, "
        f"period: {draw.choice([5, 8, 10, 20])} ms, offset: {draw.randint(0, 5000)} us, overlap: {draw.choice(['true', 'false'])}}}"
        for n in range(draw.randint(2, 7))
    )
    text = f"""
platform:
  name: chip
  processors:
    cpu: {{cores: 2, operating_points: [{{frequency: 700 MHz}}, {{frequency: 1 GHz}}, {{frequency: 1.9 GHz}}], switch_latency: {draw.choice([0, 40])} us}}
    gpu: {{kind: gpu}}
    npu: {{kind: npu, contexts: {draw.randint(1, 3)}, checkpoint: {{state: 10 kB, bandwidth: 1 GB/s}}}}
  memory: {{bandwidth: 40 GB/s, contention: {{model: proportional, usable: 0.7}}}}
power: {{governor: {{name: {draw.choice(["ondemand", "schedutil"])}, period: 3 ms}}}}
faults:
  - {{processor: gpu, mean_up: 20 ms, mean_down: 5 ms, speed: 0.3}}
  - {{processor: npu, mean_up: 40 ms, mean_down: 5 ms}}
scheduler: {{ordering: {draw.choice(["edf", "fp", "fifo"])}, placement: {draw.choice(["global", "earliest-finish", "partitioned"])}}}
tasks:
{tasks}
"""
    trace = run(text, until="100 ms", seed=seed)
    assert len(trace.slices) > 5
    done: dict[tuple[int, int], Fraction] = {}
    rows = trace.changes[trace.changes["what"] == 3]
    for row in trace.slices:
        key = (int(row["job"]), int(row["processor"]))
        if row["reason"] == 4:
            continue
        mine = rows[rows["subject"] == row["processor"]]
        edges = sorted(
            {int(row["start"]), int(row["end"]), *(int(t) for t in mine["time"] if row["start"] < t < row["end"])}
        )
        total = 0
        for left, right in pairwise(edges):
            before = mine[mine["time"] <= left]
            total += (right - left) * (int(before["value"][-1]) if len(before) else FULL_SPEED)
        done[key] = Fraction(0) if row["reason"] == 6 else done.get(key, Fraction(0)) + Fraction(total, FULL_SPEED)
    finished = [number for number, job in enumerate(trace.jobs) if job["finish"] >= 0]
    assert finished
    for number in finished:
        task = trace.system.tasks[trace.jobs["task"][number]]
        shares = [Fraction(work) / task.nodes[0].times[place] for (job, place), work in done.items() if job == number]
        assert 1 <= sum(shares) < 1 + Fraction(1, 900)


def test_a_region_that_ends_between_two_nanoseconds_breaks_no_rule() -> None:
    """Found by the fuzzer: slowed by the memory, each region ends at a whole nanosecond."""
    trace = rtsched.simulate(
        {
            "platform": {
                "processors": {"cpu": {}, "npu": {"kind": "npu"}},
                "memory": {"bandwidth": 10**6, "contention": {"model": "power-law", "a": 0.37, "b": 1.0}},
            },
            "scheduler": {"ordering": "fp", "preemption": "limited"},
            "tasks": [
                {
                    "name": "victim", "period": 9000, "wcet": {"npu": 2000}, "regions": [700, 700, 600],
                    "memory": {"bound": 0.3, "demand": 10**6},
                },
                {"name": "beside", "period": 3001, "wcet": {"cpu": 999}, "memory": {"bound": 1.0, "demand": 10**6}},
            ],
        },
        until=300_000,
    )  # fmt: skip
    slowed = trace.slices["end"][trace.slices["processor"] == 1] - trace.slices["start"][trace.slices["processor"] == 1]
    assert slowed.max() > 2000
    assert trace.check() == []
