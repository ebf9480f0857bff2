"""ApNet-style sharing of layers on worked examples; what it promises, what it comes to, and refuses."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import InputError, SchedulerError, load, scheduler, simulate, summary
from rtsched.trace.trace import Trace
from tests.chips import run, slices

#: Two layers of 4 and 6 ms, or half of that for a loss of 0.04 and 0.06; two at once take 1.5 times as long.
NET = (
    "graph: {nodes: {x: {wcet: {gpu: 4 ms}}, y: {wcet: {gpu: 6 ms}}}, edges: [[x, y]]}, "
    "variants: {switch: node, choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.8}]}, period: 40 ms"
)
BATCH = 'batch: {name: net, times: {"2": 1.5}}'


def board(*tasks: str, more: str = "") -> str:
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform:\n  processors: {{gpu: {{kind: gpu}}, cpu: {{}}}}\n{more}tasks:\n{rows}\n"


def net(name: str, deadline: float, batch: str = BATCH, offset: float = 0) -> str:
    return f"name: {name}, {NET}{batch and ', ' + batch}, deadline: {deadline} ms, offset: {offset} ms"


def apnet(text: str, until: str = "10 ms", **parameters: Any) -> Trace:
    return run(text, scheduler={"name": "apnet-sharing-style", **parameters}, until=until)


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of every slice, by start and task."""
    return sorted(((task, start, end) for task, _, start, end, _ in slices(trace)), key=lambda row: (row[1], row[0]))


def test_who_waits_for_the_same_layer_shares_it() -> None:
    # c comes when x is shared already by as many as may: y of the first two is before it, by deadline
    found = spans(apnet(board(net("a", 30), net("b", 30), net("c", 35, offset=1))))
    assert found[:4] == [("a", 0, 6), ("b", 0, 6), ("a", 6, 15), ("b", 6, 15)]
    assert found[4:] == [("c", 15, 19), ("c", 19, 25)]


def test_what_sharing_saves_lowers_the_approximation() -> None:
    # shared 15 ms in full, 7.5 at least: at 0 a budget of 7.5 + 0.6 · 7.5 = 12, for x approximated (3 + 9: 0.04 lost)
    # and not y (6 + 4.5: 0.06); at 3 there are 9 ms for y
    assert spans(apnet(board(net("a", 12), net("b", 12)))) == [("a", 0, 3), ("b", 0, 3), ("a", 3, 12), ("b", 3, 12)]
    # each for itself: of 12 ms the least take 10, a fifth of the other 10 is left: 6 ms each, and both are approximated
    alone = spans(apnet(board(net("a", 12, ""), net("b", 12, ""))))
    assert alone == [("a", 0, 2), ("b", 2, 4), ("a", 4, 7), ("b", 7, 10)]


def test_who_would_make_somebody_late_goes_apart() -> None:
    # together 7.5 ms at least, and there are 6: of these the second layer gets 3, since (4, 3) are too many
    assert spans(apnet(board(net("a", 6), net("b", 40)))) == [("a", 0, 2), ("a", 2, 5), ("b", 5, 9), ("b", 9, 15)]
    # late in any case: it has its least, and then nobody is made late
    assert spans(apnet(board(net("a", 4), net("b", 40))))[-1] == ("b", 3, 7.5)


def test_networks_share_as_far_as_they_are_the_same() -> None:
    shared = 'x: {wcet: {gpu: 4 ms}, batch: {name: backbone, times: {"2": 1.5}}}'
    heads = [
        f"name: {name}, graph: {{nodes: {{{shared}, y: {{wcet: {{gpu: {time} ms}}}}}}, edges: [[x, y]]}}, period: 40 ms"
        for name, time in (("a", 2), ("b", 3))
    ]
    assert spans(apnet(board(*heads))) == [("a", 0, 6), ("b", 0, 6), ("a", 6, 8), ("b", 8, 11)]


def test_what_a_shared_layer_loses_it_loses_for_all_who_share_it() -> None:
    # x is shared, y is not; of 12 ms in full there are 11: x would lose 0.04 twice, y 0.06 once
    backbone = NET.replace("x: {wcet: {gpu: 4 ms}}", f"x: {{wcet: {{gpu: 4 ms}}, {BATCH}}}")
    tasks = [f"name: {name}, {backbone}, deadline: {due} ms" for name, due in (("a", 11), ("b", 40))]
    assert spans(apnet(board(*tasks))) == [("a", 0, 6), ("b", 0, 6), ("a", 6, 9), ("b", 9, 15)]


def test_a_part_of_the_time_is_left_to_who_comes_later() -> None:
    late = "name: late, wcet: {gpu: 4 ms}, period: 40 ms, offset: 1 ms, deadline: 8 ms"
    # all of 10 ms: late begins behind x, and y is in full no more; half of it: 5 ms, both layers at the least
    assert spans(apnet(board(net("a", 10), late))) == [("a", 0, 4), ("late", 4, 8), ("a", 8, 11)]
    assert spans(apnet(board(net("a", 10), late), share=0.5)) == [("a", 0, 2), ("late", 2, 6), ("a", 6, 9)]


def drawn(seed: int, tasks: int, batch: str = "", **timing: str) -> str:
    draw = random.Random(seed)
    rows = []
    for number in range(tasks):
        nodes = ", ".join(f"n{n}: {{wcet: {{gpu: {draw.randint(1000, 9000)} us}}}}" for n in range(4))
        scales = ", ".join(f"n{n}: {draw.randint(2, 8) / 10}" for n in range(4))
        when = ", ".join(f"{key}: {draw.randint(*map(int, value.split()))} us" for key, value in timing.items())
        rows.append(
            f"name: t{number}, graph: {{nodes: {{{nodes}}}, edges: [[n0, n1], [n1, n2], [n2, n3]]}}, {when}{batch}, "
            f"variants: {{switch: node, choices: [{{accuracy: 0.9}}, {{nodes: {{{scales}}}, accuracy: 0.8}}]}}"
        )
    return board(*rows, more="simulate: {drain: all}\n")


@pytest.mark.parametrize("seed", range(6))
def test_one_network_is_approximated_as_by_apnet(seed: int) -> None:
    text = drawn(seed, 1, ", deadline: 12 ms", period="30000 40000")
    own, plain = (
        run(text, scheduler=each, until="100 ms") for each in ("apnet-sharing-style", "edf+nonpreemptive+apnet-style")
    )
    assert own.slices.tobytes() == plain.slices.tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_jobs_that_keep_their_deadlines_at_the_least_keep_them(seed: int) -> None:
    text = drawn(seed, 4, ", release: 0 ms", deadline="25000 80000")
    least = run(text, scheduler="{ordering: edf, preemption: nonpreemptive, adaptation: {name: fixed, variant: 1}}")
    assert (least.jobs["finish"] <= least.jobs["deadline"]).all()
    trace = apnet(text, "1 s")
    assert (trace.jobs["finish"] <= trace.jobs["deadline"]).all()
    assert apnet(text, "1 s").slices.tobytes() == trace.slices.tobytes()


def test_cameras_are_approximated_the_less_the_less_a_shared_layer_takes() -> None:
    def approximated(ratio: float) -> int:
        cameras = [net(f"c{n}", 14, f'batch: {{name: net, times: {{"4": {ratio}}}}}') for n in range(4)]
        trace = apnet(board(*cameras))
        assert not any(task.misses for task in summary(trace).tasks)
        return int(sum(trace.choices["variant"]))

    # 28, 20 and 14 ms in full: of 14 ms both layers, y only, or none is approximated
    assert [approximated(ratio) for ratio in (2.8, 2, 1.4)] == [8, 4, 0]


def test_what_it_meets() -> None:
    two = (net("a", 30), net("b", 30))
    # a failure: who has begun goes on alone, and as it was
    failing = "faults: [{processor: gpu, at: 7 ms, lasts: 1 ms}]\n"
    assert spans(apnet(board(*two, more=failing)))[-2:] == [("a", 8, 14), ("b", 14, 20)]
    # beliefs: taken for half as long, both are thought to fit in full, and they are late
    tight = (net("a", 12), net("b", 12))
    assert spans(apnet(board(*tight, more="estimates: {bias: -0.5}\n")))[-1] == ("b", 6, 15)
    # what a start costs is counted: of 10 ms both layers take 11 then, and 9 with x approximated
    costly = "overheads: {context_switch: 0.5 ms}\n"
    assert spans(apnet(board(net("a", 10, ""), more=costly)))[-1][2] == 9
    assert spans(apnet(board(net("a", 10, ""))))[-1][2] == 10
    # the cores serve others
    log = "name: log, wcet: {cpu: 2 ms}, period: 40 ms"
    assert ("log", 0, 2) in spans(apnet(board(*two, log)))


def test_it_runs_on_the_catalogue() -> None:
    """Five cameras whose frames come at once: all are in time, where each by itself leaves the last ones late."""
    for name in ("adas_resolution", "drone_subnets", "inspection_batches"):
        trace = simulate(load(name), scheduler="apnet-sharing-style", until="500 ms")
        assert trace.check() == []
        assert not any(task.misses for task in summary(trace).tasks)
    apart = simulate(load("adas_resolution"), scheduler="edf+nonpreemptive+apnet-style", until="500 ms")
    assert any(task.misses for task in summary(apart).tasks)


def test_what_it_refuses() -> None:
    with pytest.raises(InputError, match="share 0 is no part of the deadline"):
        apnet(board(net("a", 30)), share=0)
    with pytest.raises(SchedulerError, match="task 'a': its variants need 'switch: node'"):
        apnet(board(net("a", 30).replace("switch: node, ", "")))
    with pytest.raises(SchedulerError, match="task 'a' is no chain at its node 'y'; write its nodes in a row"):
        apnet(board(net("a", 30).replace(", edges: [[x, y]]", "")))
    with pytest.raises(SchedulerError, match="task 'a': a variant leaves out nodes; a degree has all of them"):
        apnet(board(net("a", 30).replace("scale: 0.5", "scale: 0.5, skip: [y]")))
    with pytest.raises(
        InputError, match="'apnet-sharing-style' takes no adaptation: it chooses the degree of each layer"
    ):
        scheduler("apnet-sharing-style+subflow")
    with pytest.raises(SchedulerError, match="apnet-sharing-style: it shares accelerators, and the platform has none"):
        simulate(load("liu_layland"), scheduler="apnet-sharing-style")
