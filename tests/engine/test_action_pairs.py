"""Two actions meet: splits, duplicates, limits, spawned jobs and recorded inputs with each other, with batches, shares,
checkpoints, decisions that take time, and with a policy that acts while it is told."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import rtsched
from rtsched.engine.job import READY
from rtsched.engine.splits import Splits
from rtsched.errors import InputError, SchedulerError
from rtsched.trace.trace import REASONS

MS = 1_000_000
READS = frozenset({"batch", "reservable", "values", "spawned", "split"})
Act = Callable[[Any], Any]


class Script(rtsched.Scheduler):
    """Does each act at its time (ms); nothing by itself. What it is told of completions is kept."""

    reads = READS

    def __init__(self, acts: dict[float, Act], preemption: str = "preemptive", idle: Act | None = None) -> None:
        self.acts = dict(acts)
        self.preemption = preemption
        self.idle = idle
        self.told: list[Any] = []

    def setup(self, soc: Any) -> None:
        for processor in soc.processors:
            if processor.block_level is not None:
                soc.limit(processor, 1)
        for time in self.acts.keys() - {0}:
            soc.wake_at(round(time * MS), time)

    def dispatch(self) -> None:
        self.acts.pop(0, lambda soc: None)(self.soc)

    def on_timer(self, tag: Any) -> None:
        self.acts[tag](self.soc)

    def on_processor(self, processor: Any, change: str) -> None:
        if self.idle is not None:
            self.idle(self.soc)

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        assert self.soc.seen(segment) == observation
        self.told.append(observation)


def at(soc: Any, name: str) -> Any:
    return next(each for each in soc.processors if each.name == name)


def start(*names: str) -> Act:
    """The ready segments, each on a processor."""
    return lambda soc: [soc.start(each.job, each, at(soc, name)) for each, name in zip(soc.ready, names, strict=False)]


def split(**shares: Any) -> Act:
    return lambda soc: soc.split(soc.ready[0], {at(soc, name): share for name, share in shares.items()})


def copy(here: str, there: str) -> Act:
    return lambda soc: soc.duplicate(at(soc, here).segment, at(soc, there))


def stop(name: str, how: str = "now") -> Act:
    return lambda soc: soc.preempt(at(soc, name), how)


def batch(name: str) -> Act:
    return lambda soc: soc.start_batch(soc.ready, at(soc, name))


def drop(soc: Any) -> None:
    soc.drop(soc.tasks[0].active)


def system(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Jobs that come once, on a CPU that takes 20 ms and an NPU that takes 10 ms."""
    plain = {"wcet": {"cpu": "20 ms", "npu": "10 ms"}, "release": "0 ms", "deadline": "100 ms"}
    plain |= {"split": {"join": "1 ms"}, "batch": {"name": "net", "times": {"npu": {"2": 1.6}}}}
    chip = {
        "cpu": more.pop("cpu", {}),
        "npu": {"kind": "npu", "service": "preemptive", **more.pop("npu", {})},
        **more.pop("chip", {}),
    }
    return {
        "platform": {"name": "board", "processors": chip},
        "tasks": [{"name": f"t{number}", **plain, **task} for number, task in enumerate(tasks or ({},))],
        **more,
    }


def inputs(time: str) -> list[Any]:
    """The only input there is."""
    return [{"0": {"time": time, "values": {"tokens": 7.0}}}]


def rows(trace: rtsched.Trace, job: int | None = None) -> list[Any]:
    """The slices, in ms."""
    assert trace.check() == []
    names = [processor.name for processor in trace.system.processors]
    return [
        (names[row["processor"]], row["start"] / MS, row["end"] / MS, REASONS[row["reason"]])
        for row in trace.slices
        if job in (None, row["job"])
    ]


def run(about: dict[str, Any], acts: dict[float, Act], **more: Any) -> tuple[list[Any], Script]:
    script = Script(acts, **more)
    return rows(rtsched.simulate(about, scheduler=script, until="90 ms")), script


# ---- splits and duplicates -------------------------------------------------------------------------------------------


def test_a_part_has_no_copy_and_neither_has_the_whole() -> None:
    about = system(chip={"dsp": {}})
    about["tasks"][0]["wcet"]["dsp"] = "20 ms"
    for what, error in (
        (lambda soc: at(soc, "cpu").segment, "it is a part of a node that is split"),
        (lambda soc: soc.tasks[0].active.segments[0], "it is split over several processors; only what runs"),
    ):
        double: Act = lambda soc, what=what: soc.duplicate(what(soc), at(soc, "dsp"))  # noqa: E731
        with pytest.raises(SchedulerError, match=error):
            run(about, {0: split(cpu=0.5, npu=0.5), 2: double})


def test_one_that_runs_twice_is_not_split() -> None:
    with pytest.raises(SchedulerError, match="it is running; only ready segments can start"):
        run(system(), {0: start("cpu"), 1: copy("cpu", "npu"),
                       2: lambda soc: soc.split(at(soc, "cpu").segment, {at(soc, "cpu"): 0.5, at(soc, "npu"): 0.5})})  # fmt: skip


def test_what_is_left_of_a_split_may_run_twice_and_the_copy_does_all_of_it() -> None:
    # 2 ms in parts: a tenth on the CPU, a fifth on the NPU; on the CPU 14 ms are left, on the NPU all 10
    acts = {0: split(cpu=0.5, npu=0.5), 2: lambda soc: (stop("cpu")(soc), start("cpu")(soc), copy("cpu", "npu")(soc))}
    found, script = run(system(), acts)
    assert found[2:] == [("cpu", 2, 12, "stopped"), ("npu", 2, 12, "completed")]
    assert script.told == [{"time": 10 * MS}]


def test_of_one_that_ran_twice_the_one_that_stays_may_be_split() -> None:
    # the copy is thrown away at 4; the first one has 16 of 20 ms left then, of which each gets a half: 8 and 4 ms
    acts = {0: start("cpu"), 2: copy("cpu", "npu"), 4: lambda soc: (stop("npu")(soc), stop("cpu")(soc))}
    found, _ = run(system(), {**acts, 5: split(cpu=0.5, npu=0.5)})
    assert sorted(found) == [
        ("cpu", 0, 4, "preempted"), ("cpu", 5, 13, "part"), ("cpu", 13, 14, "overhead"), ("cpu", 14, 14, "completed"),
        ("npu", 2, 4, "stopped"), ("npu", 5, 9, "part"),
    ]  # fmt: skip


# ---- splits and batches ----------------------------------------------------------------------------------------------


def test_what_was_split_and_killed_may_be_in_a_batch() -> None:
    found, _ = run(system({}, {}), {0: split(cpu=0.5, npu=0.5), 2: stop("cpu", "kill"), 3: batch("npu")})
    assert found[2:] == [("npu", 3, 19, "completed")] * 2


def test_what_is_left_of_a_batch_may_be_split() -> None:
    # half of the batch's 16 ms; the first one's half is split: 5 ms of its 20 on the CPU, and 2.5 of its 10 on the NPU
    trace = rtsched.simulate(
        system({}, {}), scheduler=Script({0: batch("npu"), 8: stop("npu"), 9: split(cpu=0.5, npu=0.5)}), until="90 ms"
    )
    assert sorted(rows(trace, 0)) == [
        ("cpu", 9, 14, "part"), ("cpu", 14, 15, "overhead"), ("cpu", 15, 15, "completed"), ("npu", 0, 8, "preempted"),
        ("npu", 9, 11.5, "part"),
    ]  # fmt: skip


def test_parts_are_in_no_batch_and_what_runs_in_a_batch_is_neither_split_nor_doubled() -> None:
    with pytest.raises(SchedulerError, match="it is in a batch; only ready segments can start"):
        run(system({}, {}), {0: batch("npu"), 1: lambda soc: soc.split(
            soc.tasks[1].active.segments[0], {at(soc, "cpu"): 0.5, at(soc, "npu"): 0.5})})  # fmt: skip
    with pytest.raises(SchedulerError, match="it runs in a batch"):
        run(system({}, {}), {0: batch("npu"), 1: copy("npu", "cpu")})


# ---- recorded inputs -------------------------------------------------------------------------------------------------


def test_each_part_takes_its_share_of_what_was_recorded_there() -> None:
    # the input takes 5 ms on the NPU, so 10 ms on the CPU
    found, script = run(system({"inputs": inputs("5 ms")}), {0: split(cpu=0.5, npu=0.5)})
    assert sorted(found)[:2] == [("cpu", 0, 5, "part"), ("cpu", 5, 6, "overhead")]
    assert script.told == [{"time": 6 * MS, "split": {"cpu": Fraction(1, 2), "npu": Fraction(1, 2)}, "tokens": 7.0}]
    # a third of 10 ms is 3333333 ns wherever it is asked for: of that nine tenths, rounded up
    thirds = system({"inputs": inputs("1 ms"), "wcet": {"cpu": "10 ms", "npu": "3 ms"}})
    found, _ = run(thirds, {0: split(cpu=0.9, npu=0.1)})
    assert ("cpu", 0, 3, "part") in found


def test_the_checks_notice_parts_of_another_time_than_the_recorded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_planned(self: Any, segment: Any, processors: list[Any]) -> dict[Any, int]:
        return {each: segment.node.times[each.index] for each in processors}

    monkeypatch.setattr(Splits, "_demands", as_planned)
    with pytest.raises(AssertionError, match="of its work in a part of"):
        run(system({"inputs": inputs("5 ms")}), {0: split(cpu=0.5, npu=0.5)})


def test_a_copy_has_the_same_input_and_who_is_done_is_seen() -> None:
    # 5 ms on the NPU, 10 on the CPU: the copy is done first
    found, script = run(system({"inputs": inputs("5 ms")}), {0: start("cpu"), 1: copy("cpu", "npu")})
    assert found == [("cpu", 0, 6, "stopped"), ("npu", 1, 6, "completed")]
    assert script.told == [{"time": 5 * MS, "tokens": 7.0}]


def test_a_split_stopped_and_resumed_on_one_keeps_its_input() -> None:
    acts = {0: split(cpu=0.5, npu=0.5), 2: stop("cpu"), 3: start("npu")}
    found, script = run(system({"inputs": inputs("5 ms")}), acts)
    assert found[2:] == [("npu", 3, 5, "completed")]  # a fifth was done on the CPU, two on the NPU; 2 of 5 ms are left
    assert script.told == [{"time": 2 * MS, "tokens": 7.0}]


def test_no_side_value_is_called_as_a_completion_tells_of_a_split() -> None:
    with pytest.raises(InputError, match="no side value can be called 'split'"):
        rtsched.load(system({"inputs": [{"0": {"time": "5 ms", "values": {"split": 1.0}}}]}))


# ---- limits ----------------------------------------------------------------------------------------------------------

GPU = {"kind": "gpu", "block_level": {"sms": 2, "threads": 2048, "streams": 1, "assumed_kernels": {"length": "1 ms"}}}


def stream(**task: Any) -> dict[str, Any]:
    """Three kernels of 1 ms on a GPU, or 20 ms on the CPU, or 10 ms on the NPU."""
    about = system({"wcet": {"gpu": "3 ms", "cpu": "20 ms", "npu": "10 ms"}, **task}, chip={"gpu": GPU})
    del about["tasks"][0]["batch"]
    return about


def test_what_was_stopped_between_kernels_is_split_from_its_beginning_and_is_not_taken_up_there_again() -> None:
    acts = {0: start("gpu.0"), 0.5: stop("gpu.0", "boundary"), 2: split(cpu=0.5, npu=0.5)}
    found, _ = run(stream(), acts)
    assert sorted(found) == [
        ("cpu", 2, 12, "part"), ("cpu", 12, 13, "overhead"), ("cpu", 13, 13, "completed"), ("gpu.0", 0, 1, "preempted"),
        ("npu", 2, 7, "part"),
    ]  # fmt: skip
    found, _ = run(stream(), {**acts, 4: stop("cpu"), 5: start("gpu.0")})
    assert found[-1] == ("gpu.0", 5, 8, "completed")  # all its kernels


def test_kernels_take_what_was_recorded_and_what_was_stopped_between_them_is_seen_when_it_is_done() -> None:
    # the GPU is the fastest: half of 3 ms there, in kernels of half a ms
    acts = {0: start("gpu.0"), 0.7: stop("gpu.0", "boundary"), 2: start("gpu.0")}
    found, script = run(stream(inputs=inputs("1500 us")), acts)
    assert found == [("gpu.0", 0, 1, "preempted"), ("gpu.0", 2, 2.5, "completed")]
    assert script.told == [{"time": MS // 2, "tokens": 7.0}]
    found, _ = run(stream(inputs=inputs("1500 us")), {**acts, 2: split(cpu=0.5, npu=0.5)})
    assert ("cpu", 2, 7, "part") in found


def test_nothing_runs_twice_on_a_stream_with_a_limit() -> None:
    for here, there in (("gpu.0", "cpu"), ("cpu", "gpu.0")):
        with pytest.raises(SchedulerError, match="have no progress of their own to be cancelled with"):
            run(stream(), {0: start(here), 1: copy(here, there)})


def test_what_was_stopped_between_kernels_may_run_twice_elsewhere() -> None:
    acts = {0: start("gpu.0"), 0.5: stop("gpu.0", "boundary"), 2: start("cpu"), 3: copy("cpu", "npu")}
    found, _ = run(stream(), acts)
    assert found == [("gpu.0", 0, 1, "preempted"), ("cpu", 2, 13, "stopped"), ("npu", 3, 13, "completed")]


def half(name: str) -> Act:
    return lambda soc: (start(name)(soc), soc.share(at(soc, name), 0.5))


def sets(**task: Any) -> dict[str, Any]:
    """The same, with multiprocessors that are given one by one."""
    about = stream(**task)
    gpu = about["platform"]["processors"]["gpu"]
    about["platform"]["processors"]["gpu"] = {**gpu, "block_level": {**gpu["block_level"], "sms_per_tpc": 1}}
    return about


def test_who_is_stopped_between_kernels_goes_on_without_the_multiprocessors_that_it_had() -> None:
    # a kernel takes two waves of 1 ms on half of the GPU, and one on all of it
    found, _ = run(sets(), {0: half("gpu.0"), 0.5: stop("gpu.0", "boundary"), 3: start("gpu.0")})
    assert found == [("gpu.0", 0, 2, "preempted"), ("gpu.0", 3, 5, "completed")]
    found, _ = run(sets(), {0: half("gpu.0"), 0.5: stop("gpu.0", "boundary"), 3: half("gpu.0")})
    assert found == [("gpu.0", 0, 2, "preempted"), ("gpu.0", 3, 7, "completed")]


def test_waves_on_a_part_take_what_was_recorded() -> None:
    found, script = run(sets(inputs=inputs("1500 us")), {0: half("gpu.0")})
    assert found == [("gpu.0", 0, 3, "completed")]
    assert script.told == [{"time": 3 * MS, "tokens": 7.0}]


def test_a_spawned_job_has_a_part_as_any() -> None:
    about = sets(arrival={"kind": "spawned"})
    del about["tasks"][0]["release"]
    found, _ = run(about, {1: lambda soc: (soc.spawn(soc.tasks[0]), half("gpu.0")(soc))})
    assert found == [("gpu.0", 1, 7, "completed")]


# ---- checkpoints, spawned jobs ---------------------------------------------------------------------------------------


def test_a_state_that_was_put_aside_is_brought_back_to_each_unit_that_has_a_part() -> None:
    # 1 MB at 1 GB/s: 1 ms to put aside, and 1 ms before each part goes on
    aside = {"checkpoint": {"state": "1 MB", "bandwidth": "1 GB/s"}, "service": "run-to-completion"}
    acts = {0: start("npu"), 4: stop("npu", "checkpoint"), 6: split(cpu=0.5, npu=0.5)}
    found, _ = run(system(npu=aside), acts)
    assert found[:2] == [("npu", 0, 4, "preempted"), ("npu", 4, 5, "overhead")]
    assert ("npu", 6, 7, "overhead") in found
    assert ("npu", 7, 10, "part") in found  # half of the 6 ms that are left
    assert ("cpu", 7, 13, "part") in found


@pytest.mark.parametrize(
    ("first", "second", "end"),
    [(split(cpu=0.5, npu=0.5), lambda soc: None, 12), (start("cpu"), copy("cpu", "npu"), 12), (start("npu"), drop, 0)],
)
def test_a_spawned_job_is_split_duplicated_or_dropped_as_any(first: Act, second: Act, end: int) -> None:
    about = system({"arrival": {"kind": "spawned"}})
    del about["tasks"][0]["release"]
    script = Script({1: lambda soc: (soc.spawn(soc.tasks[0]), first(soc)), 2: second})
    trace = rtsched.simulate(about, scheduler=script, until="90 ms")
    assert trace.check() == []
    assert trace.jobs["finish"].tolist() == [end * MS if end else -1]


# ---- a policy that acts while it is told -----------------------------------------------------------------------------


def test_who_hears_that_a_part_stopped_finds_nothing_of_its_job_running() -> None:
    running: list[Any] = []
    found, _ = run(
        system(), {0: split(cpu=0.5, npu=0.5), 2: drop}, idle=lambda soc: running.append(list(soc.running()))
    )
    assert running == [[], []]
    assert sorted(found) == [("cpu", 0, 2, "stopped"), ("npu", 0, 2, "stopped")]


def test_a_job_that_is_ended_once_more_while_it_ends_ends_once() -> None:
    def again(soc: Any) -> None:
        if soc.tasks[0].active is not None:
            soc.drop(soc.tasks[0].active)

    for first in (start("cpu"), split(cpu=0.5, npu=0.5), lambda soc: (start("cpu")(soc), copy("cpu", "npu")(soc))):
        trace = rtsched.simulate(system(), scheduler=Script({0: first, 2: drop}, idle=again), until="90 ms")
        assert trace.check() == []
        assert len(trace.jobs) == 1
        assert {row["end"] for row in trace.slices} == {2 * MS}


def test_a_job_that_ends_leaves_no_copy_behind_that_was_begun_while_it_did() -> None:
    about = system(chip={"dsp": {}})
    about["tasks"][0]["wcet"]["dsp"] = "20 ms"

    def once_more(soc: Any) -> None:
        for segment in list(soc.running()):
            soc.duplicate(segment, at(soc, "dsp"))

    found, _ = run(about, {0: start("cpu"), 1: copy("cpu", "npu"), 2: drop}, idle=once_more)
    assert found == [("cpu", 0, 2, "stopped"), ("npu", 1, 2, "stopped")]


# ---- what the checks took for wrong ----------------------------------------------------------------------------------


def test_a_batch_keeps_its_share_when_its_first_one_is_dropped() -> None:
    about = system({}, {}, npu={"service": "run-to-completion", "contexts": 2, "sharing": "equal"})
    share: Act = lambda soc: (soc.start_batch(soc.ready, at(soc, "npu.0")), soc.share(at(soc, "npu.0"), 0.5))  # noqa: E731
    found, _ = run(about, {0: share, 8: drop})
    assert found == [("npu.0", 0, 8, "stopped"), ("npu.0", 0, 32, "completed")]


def test_parts_on_two_contexts_are_reset_at_once() -> None:
    about = system(npu={"service": "run-to-completion", "contexts": 2, "sharing": "equal", "reset": "1 ms"})
    found, _ = run(about, {0: split(**{"npu.0": 0.5, "npu.1": 0.5}), 2: stop("npu.0", "kill"), 3.5: start("cpu")})
    assert found[2:] == [("npu.0", 2, 3, "overhead"), ("npu.1", 2, 3, "overhead"), ("cpu", 3.5, 23.5, "completed")]


def test_a_batch_begins_with_its_first_one_also_where_the_next_decision_is_made_then() -> None:
    class Batching(rtsched.Scheduler):
        preemption = "nonpreemptive"
        reads = READS

        def dispatch(self) -> None:
            same = [each for each in self.soc.ready if each.state == READY]
            if len(same) > 1 and at(self.soc, "npu").segment is None:
                self.soc.start_batch(same[:2], at(self.soc, "npu"))

    about = system({}, {}, {"release": "1 us"}, planner={"core": "cpu", "cost": "1 ms"},
                   overheads={"context_switch": "500 us"})  # fmt: skip
    trace = rtsched.simulate(about, scheduler=Batching(), until="90 ms")
    assert len(trace.batches) == 2
    assert trace.check() == []


def test_a_split_may_be_given_up_and_begun_anew_at_one_instant() -> None:
    halves = split(cpu=0.5, npu=0.5)
    found, _ = run(system(), {0: lambda soc: (halves(soc), stop("cpu", "kill")(soc), halves(soc))})
    assert ("cpu", 0, 10, "part") in found
    assert ("npu", 0, 5, "part") in found
