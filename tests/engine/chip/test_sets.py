"""Multiprocessors of a GPU served block by block that a policy gives to what runs on its streams."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from rtsched.api import simulate
from rtsched.engine.chip import sets
from rtsched.engine.chip.sets import Sets
from rtsched.engine.gpu.partition import Partition
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import FULL_SPEED, Trace
from rtsched.units import MS
from tests.chips import changes, loaded, run, slices

QUARTER = FULL_SPEED // 4
Act = Callable[[Any, dict[str, Any]], Any]


class Fill(Scheduler):
    """Starts what is ready on the first free stream; then `act` is called with the handle and the segments by task."""

    preemption = "preemptive"

    def __init__(self, act: Act, timers: tuple[float, ...] = (), limit: int | None = None) -> None:
        self.act, self.timers, self.limit = act, timers, limit

    def setup(self, soc: Any) -> None:
        for time in self.timers:
            soc.wake_at(round(time * MS))
        for processor in soc.processors if self.limit is not None else ():
            soc.limit(processor, self.limit)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free:
                self.soc.start(segment.job, segment, free[0])
        self.act(self.soc, {segment.job.task.name: segment for segment in self.soc.running()})


def fixed(**parts: Any) -> Fill:
    """Everybody has this share from its start on."""

    def act(soc: Any, running: dict[str, Any]) -> None:
        for name in parts.keys() & running.keys():
            soc.share(running[name])
        for name in [each for each in parts if each in running]:
            soc.share(running[name], parts[name])

    return Fill(act)


def at(**acts: tuple[float, Act]) -> Fill:
    """Each act once, from its time (ms) on."""
    left = list(acts.values())

    def act(soc: Any, running: dict[str, Any]) -> None:
        while left and left[0][0] * MS <= soc.now:
            left.pop(0)[1](soc, running)

    return Fill(act, timers=tuple(time for time, _ in left if time))


def give(name: str, part: Any) -> Act:
    return lambda soc, running: soc.share(running[name], part)


def take(name: str) -> Act:
    return lambda soc, running: soc.share(running[name])


def system(*tasks: str, gpu: str = "", cluster: str = "", more: str = "") -> str:
    """A GPU of four SMs, each of which holds one block of 1024 threads, and three streams."""
    return f"""
platform:
  name: chip
  processors: {{gpu: {{kind: gpu, block_level: {{sms: 4, sms_per_tpc: 1, threads: 1024, streams: 3{gpu}}}{cluster}}}}}
{more}
tasks:
""" + "\n".join(tasks)


def task(name: str, *kernels: int | str, more: str = "") -> str:
    """Kernels of so many blocks of 1 ms, once."""
    items = [each if isinstance(each, str) else f"{{blocks: {each}, threads: 1024, time: 1 ms}}" for each in kernels]
    return f"  - {{name: {name}, kernels: [{', '.join(items)}], period: 100 ms{more}}}"


def ends(trace: Trace) -> dict[str, float]:
    """When the last slice of every task ended, in ms."""
    return {name: end for name, _, _, end, _ in slices(trace)}


def waves(trace: Trace) -> list[tuple[str, float, float, int]]:
    """(task and kernel, start, end, blocks), in ms."""
    rows = trace.waves[trace.waves["blocks"] > 0]
    names = [trace.system.tasks[trace.jobs["task"][row["job"]]].name for row in rows]
    return [(f"{name}{row['kernel']}", row["start"] / MS, row["end"] / MS, int(row["blocks"]))
            for name, row in zip(names, rows, strict=True)]  # fmt: skip


def waits(trace: Trace) -> list[tuple[str, float, float]]:
    names = [trace.system.tasks[trace.jobs["task"][row["job"]]].name for row in trace.waits]
    return [(name, row["start"] / MS, row["end"] / MS) for name, row in zip(names, trace.waits, strict=True)]


# ---- the rule --------------------------------------------------------------------------------------------------------

TWO = (task("a", 4, 4), task("b", 4, 2), task("c", 2))


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_each_runs_on_its_own_multiprocessors(mode: str) -> None:
    trace = run(system(*TWO, gpu=f", mode: {mode}"), scheduler=fixed(a=0.5, b=Fraction(1, 2)), until="100 ms")
    assert waves(trace) == [
        ("a0", 0, 1, 2), ("a0", 1, 2, 2), ("b0", 1, 2, 2), ("b0", 2, 3, 2), ("a1", 2, 3, 2), ("a1", 3, 4, 2),
        ("b1", 3, 4, 2), ("c0", 4, 5, 2),
    ]  # fmt: skip
    assert changes(trace, "share") == [
        (0, "share", 0, 2 * QUARTER), (0, "share", 1, 2 * QUARTER), (4, "share", 0, 0), (4, "share", 1, 0),
    ]  # fmt: skip
    # nothing is left for c until both are done: it waits
    assert ("c", 0, 4) in waits(trace)


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_who_was_given_nothing_has_what_is_left(mode: str) -> None:
    trace = run(system(*TWO, gpu=f", mode: {mode}"), scheduler=fixed(a=0.25), until="100 ms")
    # a0 is at the head of the queue until its last block is assigned, at 3; then b has three multiprocessors
    assert ("b0", 3, 4, 3) in waves(trace)
    assert ends(trace) == {"a": 8, "b": 8, "c": 5}


def test_a_kernel_keeps_the_multiprocessors_with_which_it_began() -> None:
    text = system(task("a", 8, 8), task("b", 1))
    # half of it from 0.5 on: a0 has all four to its end at 2
    trace = run(text, scheduler=at(x=(0.5, give("a", 0.5))), until="100 ms")
    assert [row for row in waves(trace) if row[0] != "b0"] == [
        ("a0", 0, 1, 4), ("a0", 1, 2, 4), ("a1", 2, 3, 2), ("a1", 3, 4, 2), ("a1", 4, 5, 2), ("a1", 5, 6, 2),
    ]  # fmt: skip
    # and back from 3.5 on: a1 keeps its half
    trace = run(text, scheduler=at(x=(0.5, give("a", 0.5)), y=(3.5, take("a"))), until="100 ms")
    assert ends(trace)["a"] == 6


def test_with_a_limit_the_next_kernel_that_is_launched_has_it() -> None:
    script = at(x=(0.5, give("a", 0.5)))
    script.limit = 1
    assert ends(run(system(task("a", 4, 4)), scheduler=script, until="100 ms")) == {"a": 3}


def test_multiprocessors_that_were_given_stay_where_they_are() -> None:
    # everything is taken back and given again at 1.5 and 2.5, to b first: nobody moves, and nothing is logged
    def act(soc: Any, running: dict[str, Any]) -> None:
        for segment in running.values():
            soc.share(segment)
        for name in ("a", "b") if soc.now < MS else ("b", "a"):
            if name in running:
                soc.share(running[name], 0.5)

    trace = run(system(task("a", 2, 2, 2), task("b", 2, 2, 2)), scheduler=Fill(act, timers=(1.5, 2.5)), until="100 ms")
    assert ends(trace) == {"a": 3, "b": 3}
    assert [time for time, *_ in changes(trace, "share")] == [0, 0, 3, 3]


@pytest.mark.parametrize(("part", "end"), [(0.5, 4), (0.74, 4), (0.75, 4), (1, 2), (Fraction(1, 3), 8)])
def test_whole_tpcs_are_given(part: Any, end: float) -> None:
    # four TPCs of two: of 1/3 of 8, 2.67, one TPC; of 3/4 three
    text = system(task("a", 8, 8)).replace("sms: 4, sms_per_tpc: 1", "sms: 8, sms_per_tpc: 2")
    trace = run(text, scheduler=fixed(a=part), until="100 ms")
    assert ends(trace) == {"a": end}
    sms = 2 * (int(part * 8) // 2)
    assert changes(trace, "share")[0] == (0, "share", 0, sms * FULL_SPEED // 8)


# ---- nothing is left -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gpu", ["", ", channels: 1", ", null_stream: true", ", time_slice: 1 ms", ", mode: fluid"])
def test_who_has_nothing_left_waits_outside_and_blocks_nobody(gpu: str) -> None:
    text = system(task("b", 4), task("a", 4, 4), gpu=gpu)
    trace = run(text, scheduler=fixed(a=1), until="100 ms")
    assert ends(trace) == {"b": 3, "a": 2}
    assert waits(trace) == [("b", 0, 2)]


def test_its_copies_before_its_first_kernel_go_on_and_those_behind_it_do_not() -> None:
    about = (task("b", "{copy: in, time: 500 us}", 4, "{copy: out, time: 500 us}"), task("a", 4, 4))
    trace = run(system(*about), scheduler=fixed(a=1), until="100 ms")
    assert ends(trace) == {"b": 3.5, "a": 2}
    assert waits(trace) == [("b", 0.5, 2)]


def test_a_kernel_that_runs_goes_on_and_the_next_one_waits() -> None:
    trace = run(system(task("b", 8, 4), task("a", 4, 4)), scheduler=at(x=(0.5, give("a", 1))), until="100 ms")
    assert waves(trace) == [("b0", 0, 1, 4), ("b0", 1, 2, 4), ("a0", 2, 3, 4), ("a1", 3, 4, 4), ("b1", 4, 5, 4)]
    assert waits(trace) == [("a", 0, 2), ("b", 2, 4)]


@pytest.mark.parametrize("how", ["kill", "drop", "now", "recall", "boundary"])
def test_who_waits_outside_may_be_taken_off(how: str) -> None:
    def off(soc: Any, running: dict[str, Any]) -> None:
        if how == "drop":
            soc.drop(running["b"].job)
        else:
            soc.preempt(running["b"].processor, how)
            if how != "boundary":
                soc.start(running["b"].job, running["b"], soc.processors[2])

    script = at(x=(0, give("a", 1)), y=(1.5, off))
    script.limit = 2 if how in ("now", "recall", "boundary") else None
    about = system(
        task("b", 4, 4, more=", on_miss: abort"), task("a", 4, 4, 4), cluster=", reset: 1 us" * (how == "drop")
    )
    trace = run(about, scheduler=script, until="100 ms")
    # under a limit b has begun nothing, and what is in flight is launched when a is done
    first = next(row for row in waits(trace) if row[0] == "b")
    assert first == (("b", 0, 3) if how == "boundary" else ("b", 0, 1.5))
    assert ends(trace)["b"] == (1.501 if how == "drop" else 5)
    assert ends(trace)["a"] == 3


def test_what_was_taken_back_while_it_waits_outside_is_not_launched_again() -> None:
    # of b the first kernel runs from 0 to 2; the second, outside, is taken back at 1; it is stopped at 2
    script = at(x=(0.5, give("a", 1)), y=(1, lambda soc, running: soc.preempt(running["b"].processor, "recall")))
    script.limit = 2
    trace = run(system(task("b", 8, 4), task("a", 4, 4)), scheduler=script, until="100 ms")
    assert [row[1:] for row in slices(trace) if row[0] == "b"] == [
        ("gpu.0", 0, 2, "preempted"), ("gpu.0", 2, 5, "completed"),
    ]  # fmt: skip
    assert waves(trace)[-1] == ("b1", 4, 5, 4)


def test_who_waits_outside_at_the_end_has_waited() -> None:
    text = system(task("b", 4), task("a", "{blocks: 4, threads: 1024, time: 300 ms}"))
    trace = run(text, scheduler=fixed(a=1), until="100 ms")
    assert waits(trace) == [("b", 0, trace.end / MS)]


def test_an_aborted_job_drains_when_something_is_left_for_it() -> None:
    trace = run(
        system(task("b", 4, more=", deadline: 1 ms, on_miss: abort"), task("a", 4, 4)),
        scheduler=fixed(a=1),
        until="100 ms",
    )
    assert [row[3:] for row in slices(trace) if row[0] == "b"] == [(1, "stopped"), (3, "drained")]


# ---- what it meets ---------------------------------------------------------------------------------------------------


def test_a_share_ends_with_its_stay() -> None:
    def kill(soc: Any, running: dict[str, Any]) -> None:
        place = running["a"].processor
        soc.start(running["a"].job, soc.preempt(place, "kill"), place)

    trace = run(system(task("a", 4)), scheduler=at(x=(0, give("a", 0.5)), y=(0.5, kill)), until="100 ms")
    assert ends(trace) == {"a": 1.5}
    assert changes(trace, "share") == [(0, "share", 0, 2 * QUARTER), (0.5, "share", 0, 0)]


def test_a_run_of_nodes_keeps_it() -> None:
    kernels = "kernels: [{blocks: 4, threads: 1024, time: 1 ms}]"
    graph = (
        f"  - {{name: a, period: 100 ms, graph: {{nodes: {{x: {{{kernels}}}, y: {{{kernels}}}}}, edges: [[x, y]]}}}}"
    )

    class Whole(Fill):
        def dispatch(self) -> None:
            if self.soc.ready:
                self.soc.share(self.soc.start(self.soc.ready[0].job, [0, 1], self.soc.processors[0]), 0.5)

    trace = run(system(graph), scheduler=Whole(lambda *_: None), until="100 ms")
    assert ends(trace) == {"a": 4}


def test_a_mask_of_the_file_holds_too() -> None:
    # a may not use SMs 0 and 1
    text = system(task("a", 4), task("b", 4), gpu=", masks: {a: 3}")
    assert ends(run(text, scheduler=fixed(a=0.5), until="100 ms")) == {"a": 2, "b": 3}
    assert ends(run(text, scheduler=fixed(b=0.5), until="100 ms")) == {"a": 2, "b": 3}
    # b has all but one, so one of those of a's mask; a has the other
    assert ends(run(text, scheduler=fixed(b=0.75), until="100 ms")) == {"a": 4, "b": 5}
    assert refused(text, fixed(a=0.75)).endswith(
        "but its mask and the others leave it 2; ask for less, or lower theirs first"
    )


def test_the_percentage_of_mps_holds_too() -> None:
    # a's context has blocks on two SMs at a time, whatever it was given
    text = system(task("a", 4, more=", context: x"), task("b", 4, more=", context: y"), gpu=", mps: {x: 50}")
    assert ends(run(text, scheduler=fixed(a=0.75), until="100 ms")) == {"a": 2, "b": 5}
    assert ends(run(text, scheduler=fixed(a=0.25, b=0.75), until="100 ms")) == {"a": 4, "b": 5}


def test_a_part_of_an_instance_is_one_of_its_own() -> None:
    text = system(task("a", 4)).replace("sms: 4", "sms: 28, mig: [1, 3]")
    assert ends(run(text, scheduler=fixed(a=0.5), until="100 ms")) == {"a": 2}


def test_contexts_that_take_turns_each_have_all_of_it() -> None:
    text = system(
        task("a", 4, 4, more=", context: x"), task("b", 4, 4, more=", context: y"), gpu=", time_slice: 10 ms",
    )  # fmt: skip
    assert ends(run(text, scheduler=fixed(a=1, b=0.5), until="100 ms")) == {"a": 2, "b": 6}


def test_priorities_decide_who_is_next_and_sets_where() -> None:
    class Urgent(Fill):
        def dispatch(self) -> None:
            for number, segment in enumerate(self.soc.ready):
                self.soc.start(segment.job, segment, self.soc.processors[number], priority=-number)
            for segment in self.soc.running():
                self.soc.share(segment, 0.5)

    trace = run(system(task("a", 4), task("b", 4)), scheduler=Urgent(lambda *_: None), until="100 ms")
    # b is more urgent; a's first blocks wait until all of b's are assigned, though its multiprocessors are free
    assert waves(trace) == [("b0", 0, 1, 2), ("b0", 1, 2, 2), ("a0", 1, 2, 2), ("a0", 2, 3, 2)]


def test_a_failure_takes_it_away() -> None:
    more = "faults: [{processor: gpu.0, at: 1500 us, lasts: 1 ms}]"
    trace = run(system(task("a", 4, 4), task("b", 4), more=more), scheduler=at(x=(0, give("a", 1))), until="100 ms")
    assert changes(trace, "share") == [(0, "share", 0, FULL_SPEED), (1.5, "share", 0, 0)]
    # a begins anew at once, and is launched before b, which has waited outside, is launched again
    assert waves(trace)[2:] == [("a0", 1.5, 2.5, 4), ("b0", 2.5, 3.5, 4), ("a1", 3.5, 4.5, 4)]


def test_a_part_and_a_cap_go_together() -> None:
    memory = "  memory: {bandwidth: 20 GB/s, contention: {model: proportional, usable: 1}}"
    text = system(task("a", 4, more=", memory: {bound: 1, demand: 20 GB/s}"), more=memory)
    both = Fill(lambda soc, running: [soc.share(each, 0.5, 10**10) for each in running.values()])
    # two waves, each twice as long
    assert ends(run(text, scheduler=both, until="100 ms"))["a"] == pytest.approx(4, abs=1e-4)


def test_measured_speeds_of_other_units_do_not_matter_here() -> None:
    text = system(task("a", 4)).replace("processors: {gpu", "processors: {npu: {kind: npu, contexts: 2}, gpu")
    text = text.replace("period", "wcet: {npu: 9 ms}, speedup: {npu: {'1/2': 0.9}}, period")

    class Gpu(Fill):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                gpu = next(each for each in self.soc.processors if each.block_level is not None)
                self.soc.share(self.soc.start(segment.job, segment, gpu), 0.5)

    assert ends(run(text, scheduler=Gpu(lambda *_: None), until="100 ms")) == {"a": 2}


def test_without_a_share_nothing_is_different(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(sets, "Sets", lambda *about: made.append(about))
    plain = run(system(*TWO), scheduler=Fill(lambda *_: None), until="100 ms")
    taken_back = run(system(*TWO), scheduler=Fill(lambda soc, running: [soc.share(each) for each in running.values()]))
    assert plain.waves.tobytes() == taken_back.waves.tobytes()
    assert plain.changes.tobytes() == taken_back.changes.tobytes()
    assert made == []


# ---- refusals, and what is believed ----------------------------------------------------------------------------------


def refused(text: str, script: Scheduler) -> str:
    with pytest.raises(SchedulerError) as caught:
        simulate(loaded(text), scheduler=script, until="100 ms")
    return str(caught.value)


def test_more_than_all_is_refused() -> None:
    said = refused(system(*TWO), fixed(a=0.55, b=0.5))
    assert "1/2 beside the 11/20 that others have of 'gpu' is more than all of it; lower theirs first" in said


def test_less_than_one_tpc_is_refused() -> None:
    text = system(*TWO).replace("sms_per_tpc: 1", "sms_per_tpc: 2")
    said = refused(text, fixed(a=0.25))
    assert "1/4 of 4 SMs is not one whole TPC of 2 ('sms_per_tpc'), and TPCs are not divided; give at least 1/2" in said


def test_what_a_mask_does_not_leave_is_refused() -> None:
    said = refused(system(*TWO, gpu=", masks: {a: 3}"), fixed(a=0.75))
    assert said.endswith("3/4 is 3 of 4 SMs in whole TPCs, but its mask and the others leave it 2; ask for less, or "
                         "lower theirs first")  # fmt: skip


def test_the_time_on_a_part_is_believed_in_waves() -> None:
    asked: list[Any] = []

    def ask(soc: Any, running: dict[str, Any]) -> None:
        parts = (Fraction(1, 4), 0.5, 0.74, 0.75, 1)
        asked.extend(soc.expected_share(running["a"], soc.processors[0], part) for part in parts)
        with pytest.raises(SchedulerError, match=r"expected_share of .*: 1/5 of 4 SMs is not one whole TPC"):
            soc.expected_share(running["a"], soc.processors[0], 0.2)

    # a copy of 1 ms, then 4 + 2 blocks: 6, 3, 3, 2 + 1 and 2 ms of waves
    text = system(task("a", "{copy: in, time: 1 ms}", 4, 2))
    run(text, scheduler=at(x=(0, ask)), until="100 ms")
    assert [time / MS for time in asked] == [7, 4, 4, 4, 3]
    assert ends(run(text, scheduler=fixed(a=0.5), until="100 ms")) == {"a": 4}
    # what is believed of all of it is believed of the part: twice as long
    asked.clear()
    run("estimates: {bias: 1}\n" + text, scheduler=at(x=(0, ask)), until="100 ms")
    assert [time / MS for time in asked] == [14, 8, 8, 8, 6]


# ---- everything at once ----------------------------------------------------------------------------------------------


class Restless(Scheduler):
    """Other parts at every turn; now and then somebody is stopped, dropped or killed."""

    def __init__(self, seed: int, limits: bool) -> None:
        self.draw, self.limits = random.Random(seed), limits

    def setup(self, soc: Any) -> None:
        for processor in soc.processors if self.limits else ():
            soc.limit(processor, self.draw.choice([1, 2, 3, None]))
        for time in range(300, 30_000, 300 + self.draw.randint(0, 99)):
            soc.wake_at(time * 1000)

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            free = [p for p in self.soc.processors if p.segment is None and self.soc.available(p)]
            if free and self.draw.random() < 0.9:
                self.soc.start(
                    segment.job, segment, self.draw.choice(free), priority=self.draw.choice([None, 0, -1])
                )  # fmt: skip
        if self.draw.random() < 0.6:
            self._share(list(self.soc.running()))

    def _share(self, running: list[Any]) -> None:
        for segment in running if self.draw.random() < 0.5 else ():
            self.soc.share(segment)
        for segment in running:
            try:
                self.soc.share(segment, self.draw.choice([Fraction(1, 4), Fraction(1, 3), 0.5, 0.75, 1]))
            except SchedulerError as error:
                assert any(why in str(error) for why in ("more than all", "leave it", "one whole TPC")), error

    def on_timer(self, tag: Any) -> None:
        running = list(self.soc.running())
        if running and self.draw.random() < 0.3:
            ways = ["kill", "now", "recall", "boundary"] if self.limits else ["kill"]
            segment, how = self.draw.choice(running), self.draw.choice(ways)
            try:
                self.soc.preempt(segment.processor, how)
            except SchedulerError as error:  # one that began before the limits were set
                assert "only a stream with a limit" in str(error), error
        elif running and self.draw.random() < 0.1:
            self.soc.drop(self.draw.choice(running).job)


def drawn(draw: random.Random) -> str:
    """A GPU with anything, and four tasks with anything."""
    gpu = [f"mode: {draw.choice(['exact', 'exact', 'fluid'])}", f"placement: {draw.choice(['spread', 'pack'])}"]
    gpu += [f"copy_engines: {draw.choice([1, 2])}", f"launch: {draw.choice(['0 us', '20 us'])}"]
    gpu += [draw.choice(["priorities: 2", "channels: 1", "channels: 2", "null_stream: true"])]
    more = draw.choice(["masks: {a: 1}", "time_slice: 500 us", "mps: {x: 50}", "mig: [1, 3]", ""])
    gpu += [more] * bool(more)
    size = "sms: 28, sms_per_tpc: 2" if "mig" in more else draw.choice(["sms: 5, sms_per_tpc: 2", "sms: 8"])
    tasks = []
    for name in "abcd":
        kernels: list[int | str] = [
            f"{{blocks: {draw.randint(1, 20)}, threads: {draw.choice([256, 512, 1024])}, time: {draw.randint(20, 300)} us}}"
            for _ in range(draw.randint(1, 4))
        ]
        kernels.insert(draw.randint(0, len(kernels)), f"{{copy: {draw.choice(['in', 'out'])}, time: 50 us}}")
        about = (
            f", context: {draw.choice('xy') if 'slice' in more else 'x'}, on_miss: {draw.choice(['continue', 'abort'])}"
        )
        tasks.append(task(name, *kernels, more=about).replace("100 ms", f"{draw.randint(3, 9)} ms"))
    faults = draw.choice(["", "faults: [{processor: gpu.1, at: 8 ms, lasts: 5 ms}]"]) if "mig" not in more else ""
    text = system(*tasks, gpu=", " + ", ".join(gpu), cluster=draw.choice(["", ", reset: 50 us"]), more=faults)
    return text.replace("sms: 4, sms_per_tpc: 1", size)


@pytest.mark.parametrize("limits", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_given_everything_ends_and_holds(seed: int, limits: bool) -> None:
    text = drawn(random.Random(seed))
    trace = run(text, scheduler=Restless(seed, limits), until="30 ms")
    again = run(text, scheduler=Restless(seed, limits), until="30 ms")
    for table in ("slices", "waves", "waits", "changes", "launches"):
        assert getattr(trace, table).tobytes() == getattr(again, table).tobytes()
    assert len(changes(trace, "share")) > 20
    assert (trace.jobs["outcome"] >= 0).all()
    assert (trace.jobs["finish"] >= 0).sum() > 3
    for place in range(len(trace.system.processors)):
        spans = sorted((int(row["start"]), int(row["end"])) for row in trace.waits if row["processor"] == place)
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


# ---- invariants, and what breaks them --------------------------------------------------------------------------------


def _all(self: Partition, stream: Any) -> tuple[int, ...]:
    return self.eligible(stream)


def _given_to_others_too(self: Partition, stream: Any) -> tuple[int, ...]:
    return self.given.get(stream, self.eligible(stream))


def _the_same_for_all(self: Partition, stream: Any) -> tuple[int, ...]:
    return self.eligible(stream)[: len(self.given[stream])] if stream in self.given else self.eligible(stream)


@pytest.mark.parametrize(
    ("mode", "wrong", "sentence"),
    [
        ("exact", _all, "kernel 1 of job 0 of 'a' at 2000000 runs 4 blocks at once, which 2 SMs do not hold"),
        ("fluid", _all, "of 'c' at 3000000 runs 4 blocks at once, which 1 SMs do not hold"),
        ("exact", _given_to_others_too, "of 'c' at 3000000 runs 3 blocks at once, which 1 SMs do not hold"),
        ("fluid", _given_to_others_too, "of 'c' at 3000000 runs 3 blocks at once, which 1 SMs do not hold"),
        ("exact", _the_same_for_all, "begins with 1 blocks, where its own SMs hold 2"),
    ],
)
def test_the_check_notices(mode: str, wrong: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partition, "allowed", wrong)
    size = 4 if wrong is _all else 3
    text = system(
        task("a", size, size, 2), task("b", size, size, 2), task("c", 4, more=", offset: 1 ms"), gpu=f", mode: {mode}"
    )
    trace = simulate(loaded(text), scheduler=fixed(a=0.5, b=0.25), until="100 ms")
    assert any(sentence in said for said in trace.check()), (trace.check(), waves(trace))


def test_the_check_adds_parts_up() -> None:
    trace = run(system(*TWO), scheduler=fixed(a=0.5, b=0.5), until="100 ms")
    trace.changes["value"][trace.changes["value"] > 0] += QUARTER
    assert "shares of 1.5 of unit 'gpu' are given at 0" in trace.check()


def test_nobody_waits_outside_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sets, "_launch", lambda *_: None)
    trace = simulate(loaded(system(task("b", 4), task("a", 4))), scheduler=fixed(a=1), until="100 ms")
    assert (trace.jobs["finish"] < 0).sum() == 1
