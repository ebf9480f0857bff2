"""S3DNN-style fusion and streams on worked examples; what it promises, what it comes to, and refuses."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, scheduler, simulate, summary
from rtsched.trace.trace import Trace
from tests.chips import run, slices

NET = 'wcet: {gpu: 3 ms}, batch: {name: net, times: {"2": 1.5, "4": 2.5}}'
STREAMS = "kind: gpu, block_level: {sms: 4, threads: 1024, streams: 4}"


def board(*tasks: str, gpu: str = "kind: gpu", more: str = "") -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{gpu: {{{gpu}}}, cpu: {{}}}}\n{more}tasks:\n{rows}\n"


def s3dnn(text: str, until: str = "10 ms", **options: Any) -> Trace:
    return run(text, scheduler="s3dnn-style", until=until, **options)


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice, by start and task."""
    return sorted(((task, start, end) for task, _, start, end, _ in slices(trace)), key=lambda row: (row[1], row[0]))


def kernel(blocks: int, time: int) -> str:
    return f"kernels: [{{blocks: {blocks}, threads: 1024, time: {time} ms}}]"


def test_frames_of_several_cameras_are_fused() -> None:
    # two take 3 · 1.5 = 4.5 ms; the third camera's comes while they run
    cameras = [f"name: c{n}, {NET}, period: 40 ms, offset: {n // 2} ms" for n in range(3)]
    assert spans(s3dnn(board(*cameras))) == [("c0", 0, 4.5), ("c1", 0, 4.5), ("c2", 4.5, 7.5)]


def test_nobody_is_fused_who_would_be_late_for_it() -> None:
    # tight has 4 - 3 = 1 ms of slack, and two take 1.5 ms more than one; the other two go together behind it
    tasks = [f"name: a, {NET}, period: 40 ms", f"name: b, {NET}, period: 40 ms"]
    tight = f"name: tight, {NET}, period: 40 ms, deadline: 4 ms"
    assert spans(s3dnn(board(*tasks, tight))) == [("tight", 0, 3), ("a", 3, 7.5), ("b", 3, 7.5)]
    # with 1.5 ms one goes along, of three (7.5 ms, as four) it would be late
    assert spans(s3dnn(board(*tasks, tight.replace("deadline: 4 ms", "deadline: 4.5 ms")))) == [
        ("a", 0, 4.5),
        ("tight", 0, 4.5),
        ("b", 4.5, 7.5),
    ]
    # who is late in any case has nothing to lose
    late = spans(s3dnn(board(*tasks, tight.replace("deadline: 4 ms", "deadline: 2 ms"))))
    assert late == [("a", 0, 7.5), ("b", 0, 7.5), ("tight", 0, 7.5)]


def test_the_least_slack_goes_first_and_it_is_that_of_the_whole_job() -> None:
    nodes = "graph: {nodes: {x: {wcet: {gpu: 2 ms}}, y: {wcet: {gpu: 6 ms}}}, edges: [[x, y]]}"
    # 10 - 8 = 2 ms against 9 - 3 = 6 ms; at 2 ms (still 2) against 4
    tasks = (
        f"name: long, {nodes}, period: 40 ms, deadline: 10 ms",
        "name: short, wcet: {gpu: 3 ms}, period: 40 ms, deadline: 9 ms",
    )
    assert spans(s3dnn(board(*tasks))) == [("long", 0, 2), ("long", 2, 8), ("short", 8, 11)]


def test_small_kernels_run_beside_others_as_long_as_all_fit() -> None:
    # 3 and 2 of 4 multiprocessors do not fit; one more would, but nobody overtakes
    tasks = [
        f"name: {name}, {kernel(blocks, 4)}, period: 40 ms, deadline: {due} ms"
        for name, blocks, due in (("a", 3, 20), ("b", 2, 21), ("c", 1, 22))
    ]
    assert spans(s3dnn(board(*tasks, gpu=STREAMS))) == [("a", 0, 4), ("b", 4, 8), ("c", 4, 8)]
    # networks need less of the GPU layer by layer: the end of one runs beside the beginning of the next
    layers = (
        f"graph: {{nodes: {{conv: {{{kernel(3, 4)}}}, fc: {{{kernel(1, 2)}}}}}, edges: [[conv, fc]]}}, period: 40 ms"
    )
    found = spans(s3dnn(board(f"name: a, {layers}", f"name: b, {layers}", gpu=STREAMS)))
    assert found == [("a", 0, 4), ("a", 4, 6), ("b", 4, 8), ("b", 8, 10)]


def test_on_parts_of_a_unit_both_go_together() -> None:
    # two fused ones need twice a quarter, the third half: at full speed all; the last one needs all of it
    small = f'{NET}, speedup: {{"1/4": 1}}, period: 40 ms, deadline: 20 ms'
    half = 'name: half, wcet: {gpu: 4 ms}, speedup: {"1/2": 1}, period: 40 ms, deadline: 21 ms'
    whole = 'name: whole, wcet: {gpu: 2 ms}, speedup: {"1/2": 0.9}, period: 40 ms, deadline: 22 ms'
    text = board(f"name: a, {small}", f"name: b, {small}", half, whole, gpu="kind: gpu, contexts: 4, sharing: equal")
    assert spans(s3dnn(text)) == [("a", 0, 4.5), ("b", 0, 4.5), ("half", 0, 4), ("whole", 4.5, 6.5)]


@pytest.mark.parametrize("seed", range(6))
def test_on_one_accelerator_without_batches_it_is_least_slack_first(seed: int) -> None:
    draw = random.Random(seed)
    tasks = [
        f"name: t{n}, wcet: {{gpu: {draw.randint(1000, 5000)} us}}, period: {draw.randint(12000, 30000)} us, "
        f"offset: {draw.randint(1, 9999)} us"
        for n in range(5)
    ]
    text = board(*tasks)
    own = s3dnn(text, "300 ms")
    plain = run(text, scheduler="lst+nonpreemptive", until="300 ms")
    assert own.slices.tobytes() == plain.slices.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_who_would_be_in_time_alone_when_it_starts_is_in_time_fused(seed: int) -> None:
    draw = random.Random(seed)
    tasks = [
        f"name: t{n}, {NET}, period: {draw.randint(8000, 30000)} us, deadline: {draw.randint(3000, 12000)} us, "
        f"offset: {draw.randint(0, 9999)} us"
        for n in range(6)
    ]
    trace = s3dnn(board(*tasks), "300 ms")
    assert trace.batches is not None
    assert len(trace.batches)
    jobs = trace.jobs
    able = jobs["start"] + 3_000_000 <= jobs["deadline"]
    assert able.any()
    assert (jobs["finish"][able] <= jobs["deadline"][able]).all()


@pytest.mark.parametrize("seed", range(6))
def test_what_runs_at_once_fits(seed: int) -> None:
    draw = random.Random(seed)
    blocks = [draw.randint(1, 5) for _ in range(6)]
    tasks = [
        f"name: t{n}, {kernel(each, draw.randint(1, 4))}, period: {draw.randint(10, 30)} ms, offset: {draw.randint(0, 9)} ms"
        for n, each in enumerate(blocks)
    ]
    trace = s3dnn(board(*tasks, gpu=STREAMS, more="simulate: {drain: all}\n"), "200 ms")
    rows = [(row["start"], row["end"], min(4, blocks[trace.jobs["task"][row["job"]]])) for row in trace.slices]
    for now, _, _ in rows:
        assert sum(need for start, end, need in rows if start <= now < end) <= 4
    assert (trace.jobs["finish"] >= 0).all()  # nobody waits for ever
    assert (
        s3dnn(board(*tasks, gpu=STREAMS, more="simulate: {drain: all}\n"), "200 ms").slices.tobytes()
        == trace.slices.tobytes()
    )


def test_what_it_meets() -> None:
    two = (f"name: a, {NET}, period: 40 ms", f"name: b, {NET}, period: 40 ms")
    # a failure: both begin anew, one by one, since what has begun goes alone
    failing = "faults: [{processor: gpu, at: 1 ms, lasts: 1 ms}]\n"
    assert spans(s3dnn(board(*two, more=failing)))[-2:] == [("a", 2, 5), ("b", 5, 8)]
    # decisions that take time: half a millisecond each, and the second sees both
    planner = "planner: {core: cpu, cost: 0.5 ms}\n"
    assert spans(s3dnn(board(*two, more=planner))) == [("a", 0.5, 5), ("b", 0.5, 5)]
    # beliefs: taken for 4 ms of work it would be late fused, by 2 ms, and is not
    tight = f"name: tight, {NET}, period: 40 ms, deadline: 5.5 ms"
    assert spans(s3dnn(board(tight, two[1]))) == [("b", 0, 4.5), ("tight", 0, 4.5)]
    erring = "estimates: {bias: 0.34}\n"
    assert spans(s3dnn(board(tight, two[1], more=erring))) == [("tight", 0, 3), ("b", 3, 6)]
    # the same network in another variant is other work: nobody goes with it
    variants = "variants: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.8}]"
    varied = spans(s3dnn(board(*(f"{task}, {variants}" for task in two))))
    assert varied == [("a", 0, 4.5), ("b", 0, 4.5)]


@pytest.mark.parametrize(
    ("link", "fused"), [("", 1), ("  links: {bus: {between: [cpu, gpu], bandwidth: 1 GB/s}}\n", 0)]
)
def test_what_is_sent_over_a_link_when_it_starts_goes_alone(link: str, fused: int) -> None:
    net = NET.replace("gpu: 3 ms", "gpu: 3 ms, cpu: 30 ms").replace('{"2"', '{gpu: {"2"').replace("}}", "}}}")
    nodes = f"graph: {{nodes: {{x: {{wcet: {{cpu: 1 ms}}}}, y: {{{net}}}}}, edges: [[x, y, 1 MB]]}}, period: 40 ms"
    before = "name: before, wcet: {gpu: 4 ms}, period: 40 ms, deadline: 5 ms"
    trace = s3dnn(board(f"name: a, {nodes}", f"name: b, {nodes}", before, more=link))
    assert bool(trace.batches is not None and len(trace.batches)) == fused


def test_it_runs_on_the_catalogue_and_says_what_it_needs() -> None:
    cameras = simulate(load("inspection_batches"), scheduler="s3dnn-style", until="1 s")
    assert cameras.check() == []
    assert not any(task.misses for task in summary(cameras).tasks)
    for name in ("gpu_priorities", "gpu_head_of_line", "divided_npu"):
        trace = simulate(load(name), scheduler="s3dnn-style")
        assert trace.check() == []
        assert (trace.jobs["finish"] >= 0).all()
    with pytest.raises(SchedulerError, match="s3dnn-style: it shares accelerators, and the platform has none"):
        simulate(load("liu_layland"), scheduler="s3dnn-style")
    with pytest.raises(InputError, match="'s3dnn-style' takes no adaptation: it fuses requests as they are planned"):
        scheduler("s3dnn-style+subflow")
