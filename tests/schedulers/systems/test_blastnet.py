"""BlastNet-style blocks on worked examples: where, when that is decided, at what loss; what it comes to."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import load, simulate, summary
from rtsched.trace.trace import Trace
from tests.chips import run, slices


def board(*tasks: str, more: str = "", chip: str = "cpu: {}, gpu: {kind: gpu}") -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{{chip}}}\n{more}tasks:\n{rows}\n"


def blastnet(text: str, until: str = "10 ms", scheduler: Any = "blastnet-style") -> Trace:
    return run(text, scheduler=scheduler, until=until)


def stays(trace: Trace) -> list[tuple[str, str, float, float]]:
    """(task, processor, start, end) in ms of every slice, by start."""
    return sorted((row[:4] for row in slices(trace)), key=lambda row: (row[2], row[0]))


#: Two blocks: x takes 2 ms on the GPU and 3 on the CPU, y 2 and 6.
NET = "graph: {nodes: {x: {wcet: {gpu: 2 ms, cpu: 3 ms}}, y: {wcet: {gpu: 2 ms, cpu: CPU ms}}}, edges: [[x, y]]}, period: 40 ms"


def net(name: str, deadline: float, cpu: float = 6) -> str:
    return f"name: {name}, {NET.replace('CPU', str(cpu))}, deadline: {deadline} ms"


def test_blocks_of_two_networks_use_both_processors() -> None:
    # b.x would end at 4 on the GPU behind a's, at 3 on the CPU; b.y at 9 on the CPU, at 6 on the GPU, which it waits for
    assert stays(blastnet(board(net("a", 10), net("b", 12)))) == [
        ("a", "gpu", 0, 2),
        ("b", "cpu", 0, 3),
        ("a", "gpu", 2, 4),
        ("b", "gpu", 4, 6),
    ]


def test_who_runs_out_for_a_job_that_has_ended_waits_for_nothing_any_more() -> None:
    """Its output would come over a link; it was aborted, its GPU goes on to the end, and others look behind it."""
    trace = simulate("v2x_roadside", scheduler="blastnet-style", until="1.5 s", seed=0)
    assert trace.check() == []
    assert summary(trace).jobs > 100


#: Comes at 3.5, and only the GPU can run it.
URGENT = "name: urgent, wcet: {gpu: 2 ms}, period: 40 ms, offset: 3.5 ms, deadline: 4 ms"


def test_who_waits_for_a_processor_may_still_go_to_another() -> None:
    # b.y waits from 3 on for the GPU, until 4: then till 6, against 7 on the CPU. At 3.5 urgent goes before it there, and
    # it would end at 8, on the CPU at 7.5
    found = stays(blastnet(board(net("a", 10), net("b", 12, cpu=4), URGENT)))
    assert found[2:] == [("a", "gpu", 2, 4), ("b", "cpu", 3.5, 7.5), ("urgent", "gpu", 4, 6)]
    # decided once, when it became ready, it stays where it is
    other = stays(
        blastnet(board(net("a", 10), net("b", 12, cpu=4), URGENT), scheduler="edf+earliest-finish+nonpreemptive")
    )
    assert other[-1] == ("b", "gpu", 6, 8)


def test_the_later_blocks_of_jobs_before_it_are_before_it() -> None:
    # on the GPU, behind x, b would seem to end at 4; behind y, which comes next there, it is 10, and 5 on the CPU
    nodes = "{x: {wcet: {gpu: 2 ms, cpu: 20 ms}}, y: {wcet: {gpu: 6 ms, cpu: 20 ms}}}"
    a = f"name: a, graph: {{nodes: {nodes}, edges: [[x, y]]}}, period: 40 ms, deadline: 20 ms"
    b = "name: b, wcet: {gpu: 2 ms, cpu: 5 ms}, period: 40 ms, deadline: 30 ms"
    assert stays(blastnet(board(a, b))) == [("a", "gpu", 0, 2), ("b", "cpu", 0, 5), ("a", "gpu", 2, 8)]


def lossy(deadline: float) -> str:
    """Two blocks, each 2 ms on the GPU, which loses something, and 4 on the CPU."""
    node = "{wcet: {gpu: 2 ms, cpu: 4 ms}, loss: {gpu: 0.02}}"
    graph = f"{{nodes: {{x: {node}, y: {node}}}, edges: [[x, y]]}}"
    return f"name: t, accuracy: 0.9, graph: {graph}, period: 40 ms, deadline: {deadline} ms"


@pytest.mark.parametrize(
    ("deadline", "where"), [(8, ["cpu", "cpu"]), (7.9, ["cpu", "gpu"]), (5.9, ["gpu", "gpu"]), (3, ["gpu", "gpu"])]
)
def test_the_least_loss_that_keeps_the_deadline(deadline: float, where: list[str]) -> None:
    # 4 + 4 ms, 4 + 2, 2 + 2; where nothing is in time the earliest
    assert [row[1] for row in stays(blastnet(board(lossy(deadline))))] == where


def test_nothing_is_lost_for_a_processor_that_is_free_too_late() -> None:
    # the CPU is taken until 3, and lossless it would end at 7
    before = "name: before, wcet: {cpu: 3 ms}, period: 40 ms, deadline: 3 ms"
    one = "name: t, accuracy: 0.9, wcet: {gpu: 2 ms, cpu: 4 ms}, loss: {gpu: 0.02}, period: 40 ms, deadline: DUE ms"
    assert stays(blastnet(board(before, one.replace("DUE", "7"))))[1] == ("t", "cpu", 3, 7)
    assert stays(blastnet(board(before, one.replace("DUE", "6.9"))))[1] == ("t", "gpu", 0, 2)


def drawn(seed: int, kinds: tuple[str, ...], losses: bool = False) -> str:
    draw = random.Random(seed)
    rows = []
    for number in range(6):
        times = ", ".join(f"{kind}: {draw.randint(500, 6000)} us" for kind in kinds)
        loss = ", ".join(f"{kind}: {draw.randint(0, 9) / 100}" for kind in kinds)
        rows.append(
            f"name: t{number}, wcet: {{{times}}}, period: {draw.randint(9000, 30000)} us, offset: {draw.randint(1, 9999)} us, "
            f"deadline: {draw.randint(4000, 20000)} us" + (f", accuracy: 0.9, loss: {{{loss}}}" if losses else "")
        )
    chip = ", ".join(f"{kind}: {{kind: {kind}}}" for kind in kinds)
    return board(*rows, chip=chip, more="simulate: {drain: all}\n")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chip", ["cpu: {}", "cpu: {cores: 3}"])
def test_where_there_is_nothing_to_choose_it_is_edf(seed: int, chip: str) -> None:
    text = drawn(seed, ("cpu",)).replace("cpu: {kind: cpu}", chip)
    own, plain = (blastnet(text, "300 ms", each) for each in ("blastnet-style", "edf+nonpreemptive"))
    assert own.slices.tobytes() == plain.slices.tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_who_loses_something_could_not_have_been_in_time_for_less(seed: int) -> None:
    trace = blastnet(drawn(seed, ("cpu", "gpu", "npu"), losses=True), "300 ms")
    assert (trace.jobs["finish"] >= 0).all()  # nobody waits for ever
    busy = [(row["start"], row["end"], row["processor"]) for row in trace.slices]
    for row in trace.slices:
        job, here, now = trace.jobs[row["job"]], row["processor"], row["start"]
        node = trace.system.tasks[job["task"]].nodes[0]
        if row["end"] <= job["deadline"]:  # in time, and so whatever is idle and loses less was too slow
            for place, time in enumerate(node.times):
                idle = not any(start <= now < end for start, end, other in busy if other == place)
                assert time is not None
                assert not (idle and node.losses[place] < node.losses[here] and now + time <= job["deadline"])


def test_what_it_meets() -> None:
    two = (net("a", 10), net("b", 12))
    # the GPU fails at 1 and comes back at 2: on the CPU, behind b.x, a.x would end at 6
    failing = "faults: [{processor: gpu, at: 1 ms, lasts: 1 ms}]\n"
    found = stays(blastnet(board(*two, more=failing)))
    assert found[:3] == [("a", "gpu", 0, 1), ("b", "cpu", 0, 3), ("a", "gpu", 2, 4)]
    # a copy of 2 ms: b.y would end at 9 on the CPU, at 8 on the GPU (4 + 2 + 2); of 4 ms it stays where x was
    for size, place in ((2, "gpu"), (4, "cpu")):
        linked = board(*(each.replace("[x, y]", f"[x, y, {size} MB]") for each in two), more="  links: {bus: {between: [cpu, gpu], bandwidth: 1 GB/s}}\n")  # fmt: skip
        assert stays(blastnet(linked))[-1][:2] == ("b", place)
    # beliefs: a.y is taken for 4 ms, and b.y for done at 8 behind it; on the CPU it would be at 7
    faster = (two[0], net("b", 12, cpu=4))
    assert stays(blastnet(board(*faster)))[-1] == ("b", "gpu", 4, 6)
    assert stays(blastnet(board(*faster, more="estimates: {bias: {a: 1}}\n")))[-1] == ("b", "cpu", 3, 7)
    # variants: chosen as a block starts, on the processor that it was given
    varied = net("a", 3) + ", variants: {switch: node, choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.7}]}"
    assert stays(blastnet(board(varied), scheduler="blastnet-style+subflow"))[-1][3] <= 3
    refused = summary(blastnet(board(net("a", 3)), scheduler="blastnet-style+drop-hopeless"))
    assert refused.tasks[0].dropped == 1


def test_it_runs_on_the_catalogue() -> None:
    """Networks in units on CPU, GPU and NPU: nobody is late who waits for the better one; who takes what is idle is."""
    trace = simulate(load("band_phone"), scheduler="blastnet-style", until="1 s")
    assert trace.check() == []
    assert not any(task.misses for task in summary(trace).tasks)
    assert any(task.misses for task in summary(simulate(load("band_phone"), scheduler="edf", until="1 s")).tasks)
