"""XSched's policies on worked examples: levels, priorities, deadlines, laxity, turns; what they promise; refusals."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, simulate
from rtsched.trace.trace import Trace
from tests.chips import changes, run, slices

#: Alone it fills the GPU for 1 ms; two of the others fill it together.
FULL = "{blocks: 4, threads: 1024, time: 1 ms}"
HALF = "{blocks: 2, threads: 1024, time: 1 ms}"


def kernels(count: int, kernel: str = FULL) -> str:
    return "kernels: [" + ", ".join([kernel] * count) + "]"


def gpu(*tasks: str) -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    block_level = "{sms: 2, threads: 2048, streams: 2}"
    return f"platform:\n  processors: {{gpu: {{kind: gpu, block_level: {block_level}}}}}\ntasks:\n{rows}\n"


def pair(*tasks: str) -> str:
    """A GPU and an NPU, each of which serves one at a time, and stops between regions."""
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{gpu: {{kind: gpu}}, npu: {{kind: npu, service: node}}}}\ntasks:\n{rows}\n"


def spans(text: str, name: str, until: str = "20 ms", **parameters: Any) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice."""
    trace = run(text, scheduler={"name": name, **parameters}, until=until)
    return [(task, start, end) for task, _, start, end, _ in slices(trace)]


LOW = f"name: low, {kernels(8)}, period: 100 ms"
HIGH = f"name: high, {kernels(1)}, period: 100 ms, offset: 3.5 ms, priority: -1"


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        # four in flight, two launched whenever two have ended: at 3.5 the fourth kernel runs, the fifth and sixth are
        # launched. high's is next on the GPU [4, 5); the fifth and sixth end [5, 7), then low is started again: [7, 9)
        (1, [("low", 0, 7), ("high", 3.5, 5), ("low", 7, 9)]),
        # the fifth and sixth are taken back; the fourth ends at 4, the other four follow high
        (2, [("low", 0, 4), ("high", 3.5, 5), ("low", 5, 9)]),
        # the fourth is interrupted, and begins anew after high
        (3, [("low", 0, 3.5), ("high", 3.5, 4.5), ("low", 4.5, 9.5)]),
    ],
)
def test_what_suspending_leaves_in_the_way_at_each_level(level: int, expected: list[tuple[str, float, float]]) -> None:
    assert spans(gpu(LOW, HIGH), "xsched-hpf", level=level, in_flight=4) == expected
    trace = run(gpu(LOW, HIGH), scheduler={"name": "xsched-hpf", "level": level, "in_flight": 4}, until="20 ms")
    assert changes(trace) == [(0, "limit", 0, 4), (0, "limit", 1, 4), (3.5, "suspend", 0, level)]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_who_may_not_be_stopped_goes_on(level: int) -> None:
    # high's kernel is next after the fourth of low, which is launched as a whole
    assert spans(gpu(LOW + ", preemptive: false", HIGH), "xsched-hpf", level=level) == [("low", 0, 9), ("high", 3.5, 5)]


def test_only_equal_priorities_run_side_by_side() -> None:
    same = gpu(*(f"name: {name}, {kernels(2, HALF)}, period: 100 ms, priority: 1" for name in "ab"))
    assert spans(same, "xsched-hpf") == [("a", 0, 2), ("b", 0, 2)]
    assert spans(same.replace("priority: 1}", "priority: 2}", 1), "xsched-hpf") == [("b", 0, 2), ("a", 2, 4)]


BESIDE = pair(
    "name: low, wcet: {gpu: 4 ms}, regions: [2 ms, 2 ms], period: 100 ms",
    "name: high, wcet: {npu: 3 ms}, offset: 1 ms, period: 100 ms, priority: -1",
)


def test_a_heterogeneous_priority_stops_other_devices_at_their_next_boundary() -> None:
    assert spans(BESIDE, "xsched-hpf") == [("low", 0, 4), ("high", 1, 4)]
    assert spans(BESIDE, "xsched-hhpf") == [("low", 0, 2), ("high", 1, 4), ("low", 4, 6)]
    assert spans(BESIDE, "xsched-hhpf", level=2) == [("low", 0, 4), ("high", 1, 4)]  # its only boundary is its end
    at_once = BESIDE.replace("gpu: {kind: gpu}", "gpu: {kind: gpu, service: preemptive}").replace(
        "regions: [2 ms, 2 ms], ", ""
    )
    assert spans(at_once, "xsched-hhpf", level=3) == [("low", 0, 1), ("high", 1, 4), ("low", 4, 7)]


def test_the_k_earliest_deadlines_run_wherever_they_are() -> None:
    text = pair(
        "name: late, wcet: {npu: 3 ms}, deadline: 10 ms, period: 100 ms",
        "name: soon, wcet: {gpu: 4 ms}, deadline: 5 ms, period: 100 ms",
    )
    assert spans(text, "xsched-kedf") == [("soon", 0, 4), ("late", 4, 7)]
    assert spans(text, "xsched-kedf", k=2) == [("soon", 0, 4), ("late", 0, 3)]


FRAME = f"name: frame, {kernels(1)}, period: 100 ms"
CAPTIONS = f"name: captions, {kernels(6)}, period: 100 ms"


def test_one_with_laxity_waits_until_it_has_passed_and_is_critical_from_then_on() -> None:
    # one in flight: the fourth kernel of captions ends at 4, frame follows, then what is left of captions
    found = spans(gpu(FRAME, CAPTIONS), "xsched-lax", laxity={"frame": "3.5 ms"}, in_flight=1)
    assert found == [("captions", 0, 4), ("frame", 3.5, 5), ("captions", 5, 7)]
    # by itself each may wait until its deadline less its work: frame at 5 - 1, captions longer; both are low before
    own = spans(gpu(FRAME + ", deadline: 5 ms", CAPTIONS), "xsched-lax", in_flight=1, level=3)
    assert own == [("frame", 0, 1), ("captions", 0, 7)]
    held = spans(gpu(FRAME + ", deadline: 5 ms, offset: 0.5 ms", CAPTIONS), "xsched-lax", in_flight=1, level=3)
    assert held == [("captions", 0, 7), ("frame", 0.5, 2)]


def test_a_turn_is_as_long_as_its_share_of_the_slice() -> None:
    # of 3 ms a has 2, b 1; when a is done at 5 nobody takes the turn of b, whose next three kernels run on
    text = gpu(f"name: a, {kernels(4)}, period: 100 ms", f"name: b, {kernels(4)}, period: 100 ms")
    found = spans(text, "xsched-up", share={"b": 50}, slice="3 ms", level=3)
    assert found == [("a", 0, 2), ("b", 2, 3), ("a", 3, 5), ("b", 5, 8)]


def test_a_process_keeps_what_it_did_not_use() -> None:
    # 1.5 ms x 2 x 100/150: a has 2 a turn, b 1. a is done at 4, 1 before its end, and is passed over at 5 (1 + 2 = 3)
    # and at 6 (2 + 0.9 + 2 = 4.9), so that its next job, which comes at 6.5, runs [7, 10) in one turn
    text = gpu(f"name: a, {kernels(3)}, period: 6.5 ms", f"name: b, {kernels(5)}, period: 100 ms")
    found = spans(text, "xsched-pup", until="10 ms", share={"b": 50}, slice="1.5 ms", level=3)
    assert found == [("a", 0, 2), ("b", 2, 3), ("a", 3, 4), ("b", 4, 7), ("a", 7, 10), ("b", 10, 11)]
    cut = spans(text, "xsched-up", until="10 ms", share={"b": 50}, slice="3 ms", level=3)
    assert cut[4:6] == [("a", 7, 9), ("b", 9, 10)]  # where nothing is kept its turn ends after 2


# ---- what they promise -----------------------------------------------------------------------------------------------


def drawn(seed: int) -> tuple[str, int, int]:
    """A random GPU with an urgent task and three others; the work of the one, the longest kernel of the others."""
    draw = random.Random(seed)
    times = [[draw.randint(1, 9) for _ in range(draw.randint(1, 6))] for _ in range(4)]
    rows = [
        f"name: t{index}, priority: {index}, period: {draw.choice((40, 50, 70))} ms, offset: {draw.randint(0, 9)} ms, "
        "kernels: [" + ", ".join(f"{{blocks: 4, threads: 1024, time: {each} ms}}" for each in mine) + "]"
        for index, mine in enumerate(times)
    ]
    return gpu(*rows).replace("streams: 2", "streams: 4"), sum(times[0]), max(map(max, times[1:]))


@pytest.mark.parametrize("seed", range(8))
def test_the_most_urgent_waits_for_one_command_at_most_and_for_none_if_that_is_interrupted(seed: int) -> None:
    text, work, longest = drawn(seed)
    for level, waits in ((2, longest), (3, 0)):
        trace = run(text, scheduler={"name": "xsched-hpf", "level": level}, until="300 ms")
        jobs = trace.jobs[trace.jobs["task"] == 0]
        assert max(jobs["finish"] - jobs["release"]) <= (work + waits) * 10**6


@pytest.mark.parametrize("seed", range(4))
def test_as_many_deadlines_as_queues_and_one_priority_for_all_suspend_nobody(seed: int) -> None:
    text, _, _ = drawn(seed)
    one = text
    for index in range(1, 4):
        one = one.replace(f"priority: {index}", "priority: 0")
    all_ = run(one, scheduler={"name": "xsched-kedf", "k": 4}, until="300 ms")
    same = run(one, scheduler="xsched-hpf", until="300 ms")
    assert all_.slices.tobytes() == same.slices.tobytes()
    assert not changes(all_, "suspend")


@pytest.mark.parametrize("name", ["hpf", "hhpf", "kedf", "lax", "up", "pup"])
@pytest.mark.parametrize("seed", range(3))
def test_nobody_waits_for_ever_and_the_same_run_twice_is_the_same(name: str, seed: int) -> None:
    text, _, _ = drawn(seed)

    def once() -> Trace:
        return run(text.replace("tasks:", "simulate: {drain: all}\ntasks:"), scheduler=f"xsched-{name}", until="90 ms")

    trace = once()
    assert (trace.jobs["finish"] >= 0).all()
    assert trace.slices.tobytes() == once().slices.tobytes()


@pytest.mark.parametrize("system", ["gpu_priorities", "gpu_head_of_line", "adas_agx_orin", "npu_failure"])
def test_systems_of_the_catalogue_run(system: str) -> None:
    trace = simulate(load(system), scheduler="xsched-hpf", until="300 ms")
    assert trace.check() == []
    assert (trace.jobs["finish"] >= 0).sum() >= len(trace.jobs) - len(trace.system.tasks)  # but what the end cuts off


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("hpf", {"level": 4}, "level 4 is not one of 1"),
        ("hpf", {"in_flight": 0}, "in_flight 0 is no whole number from 1"),
        ("kedf", {"k": 0}, "k 0 is no whole number from 1"),
        ("lax", {"laxity": {"frame": "0 ms"}}, "laxity of 'frame' must be positive"),
        ("lax", {"low": 2}, "critical 1 is below low 2"),
        ("up", {"share": {"frame": 101}}, "the share 101 of 'frame' is no whole number from 1 to 100"),
        ("pup", {"slice": "0 ms"}, "the slice must be positive"),
    ],
)
def test_parameters_that_are_none_are_refused(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        spans(gpu(FRAME), f"xsched-{name}", **parameters)


def test_names_of_no_task_and_platforms_without_accelerators_are_refused() -> None:
    with pytest.raises(SchedulerError, match="'laxity' names 'fram', which is no task"):
        spans(gpu(FRAME), "xsched-lax", laxity={"fram": "1 ms"})
    with pytest.raises(SchedulerError, match="'share' names 'fram', which is no task"):
        spans(gpu(FRAME), "xsched-up", share={"fram": 50})
    with pytest.raises(SchedulerError, match="it shares accelerators, and the platform has none"):
        simulate(load("dhall"), scheduler="xsched-hpf")
