"""Measured speeds of a node on parts of a unit, which shares go by."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from rtsched.api import simulate
from rtsched.engine.chip.shares import Shares
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from rtsched.units import MS
from tests.chips import loaded, run, slices

NPU = """
platform: {name: chip, processors: {npu: {kind: npu, contexts: 3}, cpu: {cores: 1}}}
simulate: {until: 100 ms}
tasks:
  - {name: a, wcet: {npu: 6 ms}, period: 100 ms, speedup: {"1/4": 0.3, "1/2": 0.6}}
  - {name: b, wcet: {npu: 2 ms}, period: 100 ms}
"""


class Fill(Scheduler):
    """Starts what is ready on what is free, each with its part."""

    preemption = "nonpreemptive"
    reads = frozenset({"speedup"})

    def __init__(self, **parts: Any) -> None:
        self.parts_of = parts

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free:
                self.soc.start(segment.job, segment, free[0])
        for segment in self.soc.running():
            if segment.job.task.name in self.parts_of:
                self.soc.share(segment, self.parts_of[segment.job.task.name])


def ends(trace: Trace) -> dict[str, float]:
    """When the last slice of every task ended, in ms."""
    return {name: end for name, _, _, end, _ in slices(trace)}


@pytest.mark.parametrize(
    ("part", "end"),
    [
        ("1/4", 20), (Fraction(1, 4), 20), ("1/2", 10), (1, 6),
        ("1/3", 20),  # as a quarter: nobody measured more
        (0.999, 10),
        ("1/8", 40),  # turns at a quarter
    ],
)  # fmt: skip
def test_a_part_goes_at_the_speed_that_was_measured_on_it(part: Any, end: float) -> None:
    assert ends(run(NPU, scheduler=Fill(a=part)))["a"] == end


def test_who_has_no_measurements_goes_in_proportion_beside_it() -> None:
    # b at a half takes 4; a at a half 10, and nobody goes faster when the other has left
    assert ends(run(NPU, scheduler=Fill(a=0.5, b=0.5))) == {"a": 10, "b": 4}


def test_equal_turns_need_no_measurement() -> None:
    # nobody was given anything: turns, as ever
    assert ends(run(NPU, scheduler=Fill())) == {"a": 8, "b": 4}
    # b has a half; a takes turns at the rest: 2 of 6 by 4, and is alone after that
    assert ends(run(NPU, scheduler=Fill(b=0.5))) == {"a": 8, "b": 4}


def test_a_task_with_a_graph_says_it_for_each_of_its_nodes_and_a_run_goes_by_each_of_theirs() -> None:
    text = NPU.replace(
        '  - {name: a, wcet: {npu: 6 ms}, period: 100 ms, speedup: {"1/4": 0.3, "1/2": 0.6}}',
        """  - name: a
    period: 100 ms
    speedup: {"1/2": 0.8}
    graph: {nodes: {x: {wcet: {npu: 4 ms}}, y: {wcet: {npu: 3 ms}, speedup: {npu: {"0.5": 0.6}}}}, edges: [[x, y]]}""",
    )

    class Runs(Fill):
        def dispatch(self) -> None:
            job = self.soc.tasks[0].active
            if job is not None and job.segments[0].state == 1:
                self.soc.start(job, [0, 1], self.soc.processors[0])
                self.soc.share(job.segments[0], 0.5)

    rows = [row[2:4] for row in slices(run(text, scheduler=Runs()))]
    assert rows == [(0, 5), (5, 10)]


def test_contention_counts_the_traffic_at_the_measured_speed() -> None:
    text = NPU.replace(
        "cpu: {cores: 1}}",
        "cpu: {cores: 1}}, memory: {bandwidth: 10 GB/s, contention: {model: proportional, usable: 1.0}}",
    )
    text = text.replace("speedup:", "memory: {demand: 10 GB/s, bound: 1.0}, speedup:")
    text += "  - {name: c, wcet: {cpu: 50 ms}, period: 100 ms, memory: {demand: 10 GB/s, bound: 1.0}}\n"

    # a asks for 6 GB/s at a half, c for 10: both take 1.6 times as long
    assert ends(run(text, scheduler=Fill(a=0.5)))["a"] == pytest.approx(16, abs=1e-4)


def test_a_batch_is_of_one_speed() -> None:
    batch = "batch: {name: net, times: {'2': 1.5}}"
    table = 'speedup: {"1/4": 0.3, "1/2": 0.6}'
    text = NPU.replace(table, f"{table}, {batch}").replace(
        "{npu: 2 ms}, period: 100 ms", f"{{npu: 6 ms}}, {batch}, period: 100 ms"
    )

    class Batches(Fill):
        reads = frozenset({"speedup", "batch"})

        def dispatch(self) -> None:
            ready = list(self.soc.ready)
            if len(ready) == 2:
                self.soc.start_batch(ready, self.soc.processors[0])
                self.soc.share(self.soc.processors[0], 0.5)

    with pytest.raises(SchedulerError, match="their speeds on parts of a unit differ"):
        run(text, scheduler=Batches())
    both = text.replace(f"{batch}, period", f"{batch}, {table}, period")
    assert ends(run(both, scheduler=Batches())) == {"a": 15, "b": 15}  # 9 ms for both, at 0.6


def test_expected_share() -> None:
    asked: list[Any] = []

    class Asks(Fill):
        def on_ready(self, job: Any, segments: Any) -> None:
            npu, cpu = self.soc.processors[0], self.soc.processors[-1]
            if job.task.name == "a":
                asked.extend(self.soc.expected_share(segments[0], npu, part) for part in ("1/4", 0.3, "1/2", 1, "1/8"))
                asked.append(self.soc.expected_share(segments[0], cpu, 0.5))
                with pytest.raises(SchedulerError, match="not above 0"):
                    self.soc.expected_share(segments[0], npu, 0)
            else:
                asked.append(self.soc.expected_share(segments[0], npu, 0.25))

    run(NPU, scheduler=Asks())
    assert asked == [20 * MS, 20 * MS, 10 * MS, 6 * MS, 40 * MS, None, 8 * MS]
    asked.clear()
    run(NPU.replace("simulate:", "estimates: {bias: 0.5}\nsimulate:"), scheduler=Asks())
    assert asked[:2] == [30 * MS, 30 * MS]


def test_a_policy_has_to_say_that_it_goes_by_it() -> None:
    class Unaware(Fill):
        reads = frozenset()

    with pytest.raises(SchedulerError, match=r"reads = frozenset\(\{'speedup'\}\)"):
        run(NPU, scheduler=Unaware(a=0.5))
    trace = simulate(loaded(NPU), scheduler=Unaware(b=0.5))
    assert any("'speedup' has no effect" in note for note in trace.system.assumed)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("{}", "above 0 and at most at 1"),
        ("{'1/4': 0.5, '1/2': 0.4}", "a larger part of the unit is slower"),
        ("{'1/4': 1.2}", "less than or equal to 1"),
        ("{'1/4': 0}", "greater than 0"),
        ("{'5/4': 1}", "above 0 and at most at 1"),
        ("{'0': 0.1}", "above 0 and at most at 1"),
        ("{half: 0.5}", "is no number"),
        ("{'1/0': 0.5}", "is no number"),
        ("{'1/2': 0.5, '0.5': 0.6}", "stands twice"),
        ("{'1': 0.9}", "at which the speed is 1"),
        ("{npu: {}}", "above 0 and at most at 1"),
        ("{cpu: {'1/2': 0.6}}", "no contexts that share a unit"),
    ],
)
def test_a_table_that_cannot_be_is_refused(table: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(NPU.replace('{"1/4": 0.3, "1/2": 0.6}', table)).lower()


@pytest.mark.parametrize(
    "cluster", ["{kind: npu}", "{kind: npu, contexts: 2, sharing: none}", "{kind: gpu, block_level: {sms: 2}}"]
)
def test_it_has_no_effect_where_nothing_is_shared(cluster: str) -> None:
    system = loaded(NPU.replace("{kind: npu, contexts: 3}", cluster)).lower()
    assert system.tasks[0].nodes[0].speedup == ()
    assert "a: 'speedup' has no effect on chip: none of its processors has contexts that share a unit" in system.assumed


def test_all_of_the_unit_may_be_named() -> None:
    assert ends(run(NPU.replace('"1/2": 0.6', '"1/2": 0.6, "1": 1'), scheduler=Fill(a=0.5)))["a"] == 10


# ---- mutants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda self, processor, segment, part: part, "slower than by its share"),
        (lambda self, processor, segment, part: part and part * 3 / 2, "faster than by its share"),
    ],
    ids=["in proportion", "too fast"],
)
def test_the_check_notices(wrong: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shares, "speed", wrong)
    trace = simulate(loaded(NPU), scheduler=Fill(a=Fraction(1, 2)))
    assert any(sentence in each for each in trace.check()), trace.check()
