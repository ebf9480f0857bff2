"""Weights that a policy moves itself: loads ahead of time overlap computing, one at a time in each memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtsched.api import simulate
from rtsched.engine.chip import residency
from rtsched.engine.chip.loads import Loads
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from tests.chips import MS, changes, loaded, run, slices

Order = Callable[[Any], Any]


class Mover(Scheduler):
    """First come, first served, with orders to the handle at given ms (0: before time starts); notes the answers."""

    def __init__(self, orders: list[tuple[float, Order]], preemption: str = "nonpreemptive") -> None:
        self.preemption = preemption
        self.orders = orders
        self.answers: list[Any] = []
        self.heard: list[tuple[float, str, str]] = []

    def setup(self, soc: Any) -> None:
        for time, order in self.orders:
            if time:
                soc.wake_at(int(time * MS), order)
            else:
                self.answers.append(order(soc))

    def on_timer(self, order: Order) -> None:
        self.answers.append(order(self.soc))

    def on_processor(self, processor: Any, change: str) -> None:
        if change != "idle":
            self.heard.append((self.soc.now / MS, processor.name, change))

    def dispatch(self) -> None:
        soc = self.soc
        for segment in soc.ready:
            able = [p for p in soc.processors if p.segment is None and soc.expected(segment, p) is not None]
            if able:
                soc.start(segment.job, segment, able[0])


def load(task: int, place: int = 0) -> Order:
    return lambda soc: soc.load(soc.tasks[task], soc.processors[place])


def evict(task: int, place: int = 0) -> Order:
    return lambda soc: soc.evict(soc.tasks[task], soc.processors[place])


def resident(soc: Any) -> dict[str, float]:
    return {name.split("'")[1]: left / MS for name, left in soc.resident(soc.processors[0]).items()}


NPU = """
platform:
  name: chip
  processors: {npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}%s}}
simulate: {until: 100 ms, drain: all}
tasks:
  - {name: a, wcet: {npu: 5 ms}, weights: 6 MB, period: 100 ms, deadline: 90 ms}
  - {name: b, wcet: {npu: 5 ms}, weights: 4 MB, period: 100 ms, deadline: 90 ms}
  - {name: c, wcet: {npu: 5 ms}, weights: 3 MB, period: 100 ms, deadline: 90 ms}
"""


PLAIN = "platform: {processors: {cpu: {}}}\nsimulate: {until: 9 ms}\ntasks: [{name: a, wcet: 1 ms, period: 9 ms}]"


def moved(orders: list[tuple[float, Order]], text: str = NPU % "", **options: Any) -> tuple[Mover, Trace]:
    policy = Mover(orders, **options)
    return policy, run(text, scheduler=policy)


def costs(trace: Trace) -> list[tuple[str, float, float]]:
    return [(task, start, end) for task, _, start, end, reason in slices(trace) if reason == "overhead"]


def test_a_load_overlaps_what_runs_and_the_start_pays_only_the_rest() -> None:
    # a fetches until 6 and runs until 11; b takes 4 ms to load
    assert costs(moved([])[1])[1] == ("b", 11, 15)
    assert costs(moved([(9, load(1))])[1])[1] == ("b", 11, 13)
    policy, trace = moved([(7, load(1))])
    assert [each[:4] for each in slices(trace)][:3] == [("a", "npu", 0, 6), ("a", "npu", 6, 11), ("b", "npu", 11, 16)]
    assert changes(trace, "load", "loaded")[:3] == [
        (0, "load", 0, 6_000_000), (7, "load", 0, 4_000_000), (11, "loaded", 0, 4_000_000)
    ]  # fmt: skip
    assert policy.answers == [True]
    assert policy.heard == [(11, "npu", "loaded")]


def test_loads_wait_for_each_other_and_for_what_a_start_fetches() -> None:
    # b and c are asked for while a fetches until 6: b comes from 6 to 9, c from 9 to 10
    text = (NPU % "").replace("weights: 3 MB", "weights: 1 MB").replace("weights: 4 MB", "weights: 3 MB")
    policy, trace = moved([(1, load(1)), (1, load(2)), (7, resident)], text)
    assert policy.answers == [True, True, {"a": 0, "b": 2, "c": 3}]
    assert [time for time, *_ in policy.heard] == [9, 10]
    assert costs(trace) == [("a", 0, 6)]


def test_a_start_that_has_to_fetch_waits_for_the_loads_before_it() -> None:
    # b is loaded from 0 to 4 before time starts; a starts at 0 and fetches from 4 to 10
    _, trace = moved([(0, load(1))])
    assert costs(trace) == [("a", 0, 10), ("c", 20, 23)]


def test_what_is_there_or_on_its_way_is_not_loaded_again() -> None:
    policy, trace = moved([(0, load(0)), (0, load(0)), (8, load(0))])
    assert policy.answers == [True, True, True]
    assert changes(trace, "load")[0] == (0, "load", 0, 6_000_000)
    assert policy.heard == [(6, "npu", "loaded")]
    assert costs(trace)[0] == ("a", 0, 6)  # the rest of its load


def test_without_room_beside_what_runs_and_what_comes_a_load_is_refused() -> None:
    policy, trace = moved([(7, load(1)), (8, load(2)), (12, load(2)), (12, resident)])
    assert policy.answers == [True, False, True, {"b": 0, "c": 3}]  # at 12 a is out of use, and gives way
    assert changes(trace, "evict")[0] == (12, "evict", 0, 6_000_000)


def test_evictions_leave_what_runs_and_what_comes() -> None:
    policy, trace = moved([(7, evict(0)), (7, load(1)), (8, evict(1)), (12, evict(0)), (13, evict(0)), (13, resident)])
    assert policy.answers == [False, True, False, True, True, {"b": 0}]
    assert changes(trace, "evict") == [(12, "evict", 0, 6_000_000)]


def test_an_evicted_network_is_fetched_again() -> None:
    text = (NPU % "").replace("weights: 6 MB", "weights: 3 MB").replace("until: 100 ms", "until: 200 ms")
    assert costs(moved([], text)[1]) == [("a", 0, 3), ("b", 8, 12), ("c", 17, 20)]
    assert costs(moved([(50, evict(1))], text)[1]) == [("a", 0, 3), ("b", 8, 12), ("c", 17, 20), ("b", 105, 109)]


@pytest.mark.parametrize(
    ("order", "text", "reason"),
    [
        (load(0), PLAIN, "load of 'a' on processor 'cpu': it has no memory for weights; give its cluster 'weights"),
        (evict(0), PLAIN, "evict of 'a' on processor 'cpu': it has no memory"),
        (lambda soc: soc.load("d", soc.processors[0]), NPU % "", "no such weights are needed there .these are: .*'a'"),
        (load(2), (NPU % "").replace(", weights: 3 MB", ""), "load of 'c' on processor 'npu': no node of this task has weights"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(order: Order, text: str, reason: str) -> None:
    with pytest.raises(SchedulerError, match=reason):
        moved([(0.5, order)], text)


def test_where_nothing_can_be_loaded_nothing_is_resident() -> None:
    policy, _ = moved([(0.5, resident)], PLAIN)
    assert policy.answers == [{}]


# ---- what it meets ---------------------------------------------------------------------------------------------------


def test_layers_with_weights_of_their_own_are_loaded_while_the_one_before_runs() -> None:
    """Demand layering: the memory holds two layers, and loading hides behind computing."""
    text = """
platform: {name: chip, processors: {npu: {kind: npu, weights: {capacity: 4 MB, bandwidth: 1 GB/s}}}}
simulate: {until: 100 ms, drain: all}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes:
        x: {wcet: {npu: 3 ms}, weights: 2 MB}
        y: {wcet: {npu: 3 ms}, weights: 2 MB}
        z: {wcet: {npu: 3 ms}, weights: 2 MB}
      edges: [[x, y], [y, z]]
"""

    class Layers(Mover):
        def on_ready(self, job: Any, segments: Any) -> None:
            number = segments[0].node.index + 1
            if number < len(job.task.nodes):
                self.soc.wake_at(self.soc.now + 1, job.task.nodes[number].hardware.network)

        def on_timer(self, order: Any) -> None:
            self.answers.append(self.soc.load(order, self.soc.processors[0]))

    policy = Layers([])
    trace = run(text, scheduler=policy)
    # x is fetched until 2, y meanwhile waits its turn and is there at 4, when x runs still (until 5)
    assert trace.jobs["finish"][0] == (2 + 3 + 3 + 3) * MS
    assert policy.answers == [True, True]
    assert run(text, scheduler=Mover([])).jobs["finish"][0] == 3 * (2 + 3) * MS


def test_both_memories_are_loaded_one_after_the_other() -> None:
    text = (NPU % "").replace("  processors:", "  memory: {capacity: 20 MB, load_bandwidth: 2 GB/s}\n  processors:")
    assert costs(moved([], text)[1])[:2] == [("a", 0, 9), ("b", 14, 20)]
    policy, trace = moved([(10, load(1)), (15, resident)], text)  # DRAM has it at 12, the NPU at 16
    assert policy.answers == [True, {"a": 0, "b": 1}]
    assert costs(trace)[1] == ("b", 14, 16)
    assert policy.heard == [(16, "npu", "loaded")]


def test_a_memory_that_all_share_is_loaded_for_all() -> None:
    text = """
platform: {name: chip, processors: {big: {}, npu: {kind: npu}}, memory: {capacity: 8 MB, load_bandwidth: 1 GB/s}}
simulate: {until: 100 ms, drain: all}
tasks:
  - {name: a, wcet: {big: 5 ms}, weights: 3 MB, period: 100 ms}
  - {name: b, wcet: {npu: 5 ms}, weights: 4 MB, release: 10 ms, deadline: 90 ms}
"""
    assert costs(moved([], text)[1]) == [("a", 0, 3), ("b", 10, 14)]
    policy, trace = moved([(4, load(1, 1)), (5, evict(1, 1)), (5, evict(0)), (30, evict(1, 1)), (31, resident)], text)
    assert costs(trace) == [("a", 0, 3)]
    assert policy.answers == [True, False, False, True, {"a": 0}]
    assert policy.heard == [(8, "npu", "loaded")]


def test_contexts_of_a_unit_share_its_memory() -> None:
    policy, trace = moved([(7, load(2, 1)), (7, evict(0, 1))], (NPU % ", contexts: 2").replace("6 MB", "3 MB"))
    assert policy.answers == [True, False]  # what runs in the other context stays
    assert [(task, end - start) for task, start, end in costs(trace)] == [("a", 3), ("b", 4)]


PREEMPTIVE = """
platform:
  name: chip
  processors: {npu: {kind: npu, service: preemptive, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}
simulate: {until: 100 ms, drain: all}
tasks:
  - {name: a, wcet: {npu: 5 ms}, weights: 6 MB, period: 100 ms, deadline: 90 ms}
"""


def test_who_is_stopped_while_it_waits_for_a_load_goes_on_waiting() -> None:
    def stop(soc: Any) -> None:
        soc.preempt(soc.processors[0])

    # loaded from 0 to 6; the same segment starts again at the instant at which it was stopped
    _, trace = moved([(0, load(0)), (2, stop)], PREEMPTIVE, preemption="preemptive")
    assert slices(trace) == [
        ("a", "npu", 0, 2, "overhead"), ("a", "npu", 2, 6, "overhead"), ("a", "npu", 6, 11, "completed")
    ]  # fmt: skip


def test_who_is_stopped_and_loses_its_weights_fetches_them_again() -> None:
    def stop(soc: Any) -> bool:
        soc.preempt(soc.processors[0])
        return soc.evict(soc.tasks[0], soc.processors[0])  # type: ignore[no-any-return]

    policy, trace = moved([(8, stop)], PREEMPTIVE, preemption="preemptive")
    assert policy.answers == [True]
    assert slices(trace) == [
        ("a", "npu", 0, 6, "overhead"), ("a", "npu", 6, 8, "preempted"), ("a", "npu", 8, 14, "overhead"),
        ("a", "npu", 14, 17, "completed"),
    ]  # fmt: skip


def test_a_processor_that_fails_keeps_its_weights_and_those_that_come() -> None:
    text = (NPU % "") + "faults: [{processor: npu, at: 8 ms, lasts: 20 ms}]\n"
    policy, trace = moved([(7, load(1)), (9, evict(0)), (10, load(0))], text)
    assert policy.heard == [
        (8, "npu", "down"), (11, "npu", "loaded"), (17, "npu", "loaded"), (28, "npu", "up")
    ]  # fmt: skip
    assert policy.answers == [True, True, True]
    assert costs(trace)[1:] == [("c", 38, 41)]


def test_the_jobs_of_a_load_may_end_and_the_load_goes_on() -> None:
    policy, trace = moved([(7, load(1)), (8, lambda soc: soc.drop(soc.tasks[1].active))])
    assert policy.heard == [(11, "npu", "loaded")]
    assert changes(trace, "loaded") == [(11, "loaded", 0, 4_000_000)]


def test_a_load_that_comes_when_all_is_over_is_not_in_the_trace() -> None:
    policy, trace = moved([(95, load(0))], (NPU % "").replace("deadline: 90 ms", "deadline: 100 ms"))
    assert policy.answers == [True]
    assert policy.heard == []
    assert changes(trace, "loaded") == []


def test_a_variant_is_loaded_by_the_name_of_its_network() -> None:
    text = """
platform: {name: chip, processors: {npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}}
simulate: {until: 100 ms, drain: all}
tasks:
  - name: net
    period: 100 ms
    weights: 4 MB
    variants:
      choices: [{name: full, wcet: {npu: 8 ms}, accuracy: 0.9}, {name: small, wcet: {npu: 2 ms}, accuracy: 0.8}]
"""

    def small(soc: Any) -> bool:
        task = soc.system.tasks[0]
        network = task.quality.variants[1].nodes[0].hardware.network
        return soc.load(network, soc.processors[0])  # type: ignore[no-any-return]

    class Small(Mover):
        def on_release(self, job: Any) -> None:
            self.soc.reconfigure(job, 1)

    policy = Small([(0, small)])
    trace = run(text, scheduler=policy)
    assert policy.answers == [True]
    assert [each[2:] for each in slices(trace)] == [(0, 4, "overhead"), (4, 6, "completed")]
    assert len(changes(trace, "load")) == 1


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_a_gpu_served_block_by_block_launches_when_the_weights_are_there(mode: str) -> None:
    text = """
platform:
  name: chip
  processors:
    gpu:
      kind: gpu
      weights: {capacity: 10 MB, bandwidth: 1 GB/s}
      block_level: {sms: 2, threads: 1024, mode: MODE}
simulate: {until: 100 ms, drain: all}
tasks:
  - {name: a, period: 100 ms, weights: 4 MB, kernels: [{blocks: 2, threads: 1024, time: 3 ms}]}
""".replace("MODE", mode)
    _, trace = moved([(0, load(0))], text)
    assert trace.jobs["finish"][0] == 7 * MS
    text = text.replace("period: 100 ms", "release: 3 ms, deadline: 90 ms")
    assert moved([(0, load(0))], text)[1].jobs["finish"][0] == 7 * MS
    assert moved([], text)[1].jobs["finish"][0] == 10 * MS


# ---- what keeps it honest --------------------------------------------------------------------------------------------


def test_a_memory_that_takes_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residency.Residency, "has_room", lambda *_: True)
    monkeypatch.setattr(residency.Residency, "_throw_out", lambda *_: None)
    trace = simulate(loaded(NPU % ""), scheduler=Mover([(7, load(1)), (8, load(2))]))
    assert trace.check()[0] == "the memory of 'npu' holds 13000000 bytes of weights at 8000000, of 10000000"


def test_a_memory_that_loads_two_at_a_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = residency.Residency.load

    def hasty(self: residency.Residency, *about: Any) -> int:
        self.booked = 0
        return plain(self, *about)

    monkeypatch.setattr(residency.Residency, "load", hasty)
    trace = simulate(loaded(NPU % ""), scheduler=Mover([(0, load(1)), (0, load(2))]))
    assert any("too fast" in sentence for sentence in trace.check())


def test_a_memory_that_loses_what_it_has_not_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residency.Residency, "evict", lambda self, network, _: self.note(network, 10**9, False))
    trace = simulate(loaded(NPU % ""), scheduler=Mover([(12, evict(0))]))
    assert "the memory of 'npu' loses weights at 12000000 that it does not hold" in trace.check()


def test_a_run_that_moves_nothing_itself_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(Loads, "__init__", never)
    monkeypatch.setattr(residency.Residency, "load", never)
    assert run(NPU % "", scheduler=Mover([])).check() == []


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["load", "evict"]), st.integers(0, 2)), max_size=12
    ),
    st.sampled_from(["", ", contexts: 2", ", checkpoint: {state: 1 MB, bandwidth: 1 GB/s}"]),
    st.booleans(),
)  # fmt: skip
def test_whatever_is_moved_no_memory_overflows_and_every_job_ends(
    orders: list[tuple[int, str, int]], more: str, shared: bool
) -> None:
    text = NPU % more
    if shared:
        text = text.replace("  processors:", "  memory: {capacity: 12 MB, load_bandwidth: 1500 MB/s}\n  processors:")
    acts = {"load": load, "evict": evict}
    policy, trace = moved([(time, acts[act](task)) for time, act, task in orders], text)
    assert (trace.jobs["finish"] >= 0).all()
    assert len(policy.answers) == len(orders)
    for processor in trace.processors:  # no more than to fetch everything in its turn, and to wait for loads before it
        assert processor.overhead <= 3 * sum(each[2] != -1 for each in orders) * 20 * MS + 3 * 20 * MS
