"""Batches: several jobs in one slice-time of a processor, in the time that is declared for so many."""

from __future__ import annotations

import random
from typing import Any

import pytest

import rtsched
from rtsched.engine import batches
from rtsched.engine.batches import Batches, Together
from rtsched.engine.core import Core
from rtsched.errors import InputError, SchedulerError
from rtsched.trace.trace import OUTCOMES, REASONS

MS = 1_000_000


class Greedy(rtsched.Scheduler):
    """Batches all that is ready and called the same, on the first free processor that takes it; then `acts`."""

    preemption = "preemptive"
    reads = frozenset({"batch"})

    def __init__(self, acts: dict[int, Any] | None = None) -> None:
        self.acts = acts or {}
        self.told: list[Any] = []
        self.heard: list[Any] = []

    def setup(self, soc: Any) -> None:
        for time, act in self.acts.items():
            soc.wake_at(time, act)

    def on_timer(self, tag: Any) -> None:
        tag(self.soc)

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        self.told.append((segment.job.task.name, observation["time"], observation.get("batch")))

    def on_ready(self, job: Any, segments: Any) -> None:
        self.heard.append((self.soc.now, job.task.name))

    def dispatch(self) -> None:
        for processor in self.soc.processors:
            groups: dict[Any, list[Any]] = {}
            for segment in self.soc.ready:
                if self.soc.expected_batch(segment, processor, 1) is not None:
                    name = segment if segment.node.batch is None or segment.stopped >= 0 else segment.node.batch.name
                    groups.setdefault(name, []).append(segment)
            for group in groups.values():
                size = len(group)
                while self.soc.expected_batch(group[0], processor, size) is None:
                    size -= 1
                if processor.segment is None:
                    self.soc.start_batch(group[:size], processor)


def system(*tasks: dict[str, Any], cluster: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Jobs that come once, on one NPU."""
    plain = {"wcet": {"npu": "10 ms"}, "release": "0 ms", "deadline": "100 ms"}
    plain |= {"batch": {"name": "net", "times": {2: 1.5, 4: 2.5}}}
    return {
        "platform": {"name": "board", "processors": {"npu": {"kind": "npu", **(cluster or {})}}},
        "tasks": [{"name": f"t{number}", **plain, **task} for number, task in enumerate(tasks)],
        **more,
    }


def run(source: dict[str, Any], policy: Any = None, **more: Any) -> Any:
    trace = rtsched.simulate(source, scheduler=policy or Greedy(), until=more.pop("until", "1 ms"), **more)
    assert trace.check() == []
    return trace


def slices(trace: Any) -> list[tuple[Any, ...]]:
    """(start, end, job, reason), in ms."""
    return [(row["start"] / MS, row["end"] / MS, int(row["job"]), REASONS[row["reason"]]) for row in trace.slices]


def outcomes(trace: Any) -> list[str]:
    return [OUTCOMES[code] for code in trace.jobs["outcome"]]


def test_members_begin_and_end_together_in_the_time_of_so_many() -> None:
    policy = Greedy()
    trace = run(system({}, {}), policy)
    assert slices(trace) == [(0, 15, 0, "completed"), (0, 15, 1, "completed")]
    assert trace.jobs["finish"].tolist() == [15 * MS, 15 * MS]
    assert trace.processors[0].busy == 15 * MS
    assert trace.processors[0].starts == 1
    assert policy.told == [("t0", 15 * MS, 2), ("t1", 15 * MS, 2)]
    assert trace.batches[["start", "job", "size", "leads"]].tolist() == [(0, 0, 2, 1), (0, 1, 2, 0)]


def test_a_size_between_two_is_padded_to_the_larger() -> None:
    assert slices(run(system({}, {}, {}))) == [(0, 25, job, "completed") for job in range(3)]


def test_more_than_the_largest_size_are_two_batches() -> None:
    ends = [end for _, end, *_ in slices(run(system(*[{}] * 5)))]
    assert ends == [25, 25, 25, 25, 35]


def test_one_alone_is_started_as_ever() -> None:
    trace = run(system({}))
    assert slices(trace) == [(0, 10, 0, "completed")]
    assert len(trace.batches) == 0


def test_jobs_of_one_task_and_its_instances_go_together() -> None:
    times = {"release": None, "arrival": {"kind": "trace", "times": ["0 ms", "0 ms"]}, "overlap": True}
    assert [end for _, end, *_ in slices(run(system({**times, "instances": 2})))] == [25] * 4


def test_the_longest_member_decides() -> None:
    half = {"execution": {"kind": "uniform", "low": 0.5, "high": 0.5}}
    assert [end for _, end, *_ in slices(run(system(half, half)))] == [7.5, 7.5]
    assert [end for _, end, *_ in slices(run(system(half, {})))] == [15, 15]


def test_nodes_of_a_graph_are_batched_node_by_node() -> None:
    graph = {"nodes": {"a": {"wcet": {"npu": "2 ms"}}, "b": {"wcet": {"npu": "4 ms"}}}, "edges": [["a", "b"]]}
    task = {"wcet": None, "graph": graph}
    assert [row[:3] for row in slices(run(system(task, task)))] == [(0, 3, 0), (0, 3, 1), (3, 9, 0), (3, 9, 1)]


def test_costs_before_a_batch_are_paid_once_by_the_first() -> None:
    trace = run(system({}, {}, overheads={"context_switch": "1 ms"}))
    assert slices(trace) == [(0, 1, 0, "overhead"), (1, 16, 0, "completed"), (1, 16, 1, "completed")]
    assert trace.processors[0].overhead == MS
    assert [row["action"] for row in trace.decisions] == [0, 0]  # two starts


def test_weights_of_one_network_are_loaded_once() -> None:
    room = {"weights": {"capacity": "8 MB", "bandwidth": "1 GB/s"}}
    own = {"weights": "2 MB"}
    with pytest.raises(SchedulerError, match="they load weights of their own"):
        run(system(own, own, cluster=room))
    twice = own | {"release": None, "arrival": {"kind": "trace", "times": ["0 ms", "0 ms"]}, "overlap": True}
    trace = run(system(twice, cluster=room))
    assert [row[:2] for row in slices(trace)] == [
        (
            0,
            2,
        ),
        (2, 17),
        (2, 17),
    ]


# ---- dropped, accepted, preempted, failed ----------------------------------------------------------------------------


def dropping(*names: str) -> Any:
    def act(soc: Any) -> None:
        for task in soc.tasks:
            if task.name in names:
                soc.drop(task.active)

    return act


def test_a_batch_goes_on_without_one_that_is_dropped() -> None:
    trace = run(system({}, {}), Greedy({4 * MS: dropping("t0")}))
    assert slices(trace) == [(0, 4, 0, "stopped"), (0, 15, 1, "completed")]
    assert outcomes(trace) == ["aborted", "ok"]
    assert trace.batches["leads"].tolist() == [0, 1]


def test_the_last_that_is_dropped_drains() -> None:
    trace = run(system({}, {}), Greedy({4 * MS: dropping("t0"), 6 * MS: dropping("t1")}))
    assert slices(trace) == [(0, 4, 0, "stopped"), (0, 6, 1, "stopped"), (6, 15, 1, "drained")]
    assert trace.processors[0].busy == 15 * MS


def test_the_last_that_is_dropped_stops_at_once_where_it_can() -> None:
    source = system({}, {}, cluster={"service": "preemptive"})
    trace = run(source, Greedy({4 * MS: dropping("t0", "t1")}))
    assert slices(trace) == [(0, 4, 0, "stopped"), (0, 4, 1, "stopped")]
    assert trace.processors[0].busy == 4 * MS


def test_a_reset_follows_the_last_that_is_dropped() -> None:
    trace = run(system({}, {}, cluster={"reset": "1 ms"}), Greedy({4 * MS: dropping("t0", "t1")}))
    assert trace.processors[0].busy == 5 * MS


def test_a_deadline_that_aborts_one_leaves_the_others() -> None:
    trace = run(system({"deadline": "8 ms", "on_miss": "abort"}, {}))
    assert outcomes(trace) == ["aborted", "ok"]
    assert slices(trace)[-1] == (0, 15, 1, "completed")


def test_a_hopeless_job_stays_in_its_batch_to_the_end() -> None:
    trace = run(system({"deadline": "12 ms", "on_miss": "drop_if_hopeless"}, {}))
    assert outcomes(trace) == ["late", "ok"]


@pytest.mark.parametrize("how", ["now", "kill"])
def test_a_preempted_batch_falls_apart(how: str) -> None:
    policy = Greedy({6 * MS: lambda soc: soc.preempt(soc.processors[0], how)})
    trace = run(system({}, {}, cluster={"service": "preemptive"}), policy)
    left = 10 if how == "kill" else 6  # of each 9 of 15 ms were left: six of its own ten
    expected = "killed" if how == "kill" else "preempted"
    assert slices(trace)[:2] == [(0, 6, 0, expected), (0, 6, 1, expected)]
    assert [end - start for start, end, *_ in slices(trace)[2:]] == [left, left]
    assert policy.heard == [(0, "t0"), (0, "t1"), (6 * MS, "t1")]
    assert trace.processors[0].preemptions == 1


def test_what_was_killed_may_be_batched_again() -> None:
    class Again(Greedy):
        def dispatch(self) -> None:
            if len(self.soc.ready) == 2:
                self.soc.start_batch(self.soc.ready, self.soc.processors[0])

    policy = Again({6 * MS: lambda soc: soc.preempt(soc.processors[0], "kill")})
    assert slices(run(system({}, {}), policy))[2:] == [(6, 21, 0, "completed"), (6, 21, 1, "completed")]


def test_a_killed_batch_is_ready_again_when_its_processor_has_been_reset() -> None:
    policy = Greedy({6 * MS: lambda soc: soc.preempt(soc.processors[0], "kill")})
    trace = run(system({}, {}, cluster={"reset": "1 ms"}), policy)
    assert policy.heard[2:] == [(7 * MS, "t0"), (7 * MS, "t1")]
    assert trace.jobs["finish"].tolist() == [17 * MS, 27 * MS]


def test_draining_or_a_boundary_leaves_a_batch_to_its_end() -> None:
    policy = Greedy({6 * MS: lambda soc: soc.preempt(soc.processors[0], "drain")})
    assert slices(run(system({}, {}), policy)) == [(0, 15, 0, "completed"), (0, 15, 1, "completed")]
    policy = Greedy({6 * MS: lambda soc: soc.preempt(soc.processors[0], "boundary")})
    assert slices(run(system({}, {}, cluster={"service": "node"}), policy))[0] == (0, 15, 0, "completed")


def test_the_state_of_a_batch_is_not_put_aside() -> None:
    cluster = {"checkpoint": {"state": "1 MB", "bandwidth": "1 GB/s"}}
    with pytest.raises(SchedulerError, match="the state of a batch is not put aside; use how='kill'"):
        run(system({}, {}, cluster=cluster), Greedy({MS: lambda soc: soc.preempt(soc.processors[0], "checkpoint")}))


@pytest.mark.parametrize(
    ("fates", "rows"),
    [
        (("resume", "resume"), [(0, 6, 0, "failed"), (0, 6, 1, "failed"), (8, 14, 0, "completed")]),
        (("restart", "resume"), [(0, 6, 0, "killed"), (0, 6, 1, "killed"), (8, 18, 0, "completed")]),
        (("resume", "drop"), [(0, 6, 0, "failed"), (0, 6, 1, "failed"), (8, 14, 0, "completed")]),
        (("drop", "drop"), [(0, 6, 0, "failed"), (0, 6, 1, "failed")]),
    ],
)
def test_a_batch_whose_processor_fails_does_as_its_tasks_say(fates: tuple[str, str], rows: list[Any]) -> None:
    fault = {"processor": "npu", "at": "6 ms", "lasts": "2 ms"}
    trace = run(system(*({"on_fault": fate} for fate in fates), faults=[fault]))
    assert slices(trace)[: len(rows)] == rows
    assert [outcome == "aborted" for outcome in outcomes(trace)] == [fate == "drop" for fate in fates]


def test_a_run_that_ends_in_the_middle_of_a_batch_shows_it() -> None:
    trace = run(system({"deadline": "5 ms"}, {"deadline": "5 ms"}))
    assert {row[3] for row in slices(trace)} == {"end"}


# ---- energy, speed, beliefs ------------------------------------------------------------------------------------------


def test_energy_follows_the_time_and_is_shared_equally() -> None:
    power = {"power": {"active": "2 W", "idle": "0 W"}}
    trace = run(system({}, {}, cluster=power, power={}))
    assert trace.energy.units[0].active == 30 * MS  # nJ: 2 W for 15 ms
    assert trace.energy.tasks == (15 * MS, 15 * MS)
    measured = run(system({"energy": "8 mJ"}, {"energy": "8 mJ"}, cluster=power, power={}))
    assert measured.energy.units[0].active == pytest.approx(12 * MS, rel=1e-6)


def test_contention_slows_a_batch_as_it_slows_one() -> None:
    memory = {"bandwidth": "1 GB/s", "contention": {"model": "proportional", "usable": 0.5}}
    use = {"memory": {"demand": "1 GB/s", "bound": 1.0}}
    source = system(use, use, {**use, "wcet": {"cpu": "99 ms"}, "batch": None})
    source["platform"]["memory"] = memory
    source["platform"]["processors"]["cpu"] = {}
    assert [end for _, end, *_ in slices(run(source))][:2] == [60, 60]  # two GB/s through half of one


def test_what_is_left_of_a_batch_is_believed_by_its_size() -> None:
    seen = []

    def look(soc: Any) -> None:
        seen.extend(soc.remaining(segment) for segment in soc.tasks[0].active.segments + soc.tasks[1].active.segments)
        seen.append(soc.expected_batch(soc.processors[0].segment, soc.processors[0], 3))

    run(system({}, {}), Greedy({6 * MS: look}))
    assert seen == [9 * MS, 9 * MS, 25 * MS]


def test_estimates_scale_with_the_batch_and_learn_nothing_from_it() -> None:
    seen = []

    def look(soc: Any) -> None:
        segment = soc.tasks[2].active.segments[0]
        seen.append([soc.expected_batch(segment, soc.processors[0], size) for size in (1, 2)])

    source = system({}, {}, {"release": "40 ms"}, estimates={"bias": 1.0, "learning": 1.0})
    run(source, Greedy({41 * MS: look}), until="50 ms")
    assert seen == [[20 * MS, 30 * MS]]


def test_variants_that_differ_do_not_go_together() -> None:
    choices = {"variants": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.7}]}

    class Chooses(Greedy):
        def on_start(self, segment: Any, processor: Any) -> None:
            self.soc.reconfigure(segment.job, self.chosen[segment.job.task.index])

    policy = Chooses()
    policy.chosen = (1, 1)  # type: ignore[attr-defined]
    assert [end for _, end, *_ in slices(run(system(choices, choices), policy))] == [7.5, 7.5]
    policy = Chooses()
    policy.chosen = (0, 1)  # type: ignore[attr-defined]
    with pytest.raises(SchedulerError, match="do not go together: they take 10000000 and 5000000 ns there"):
        run(system(choices, choices), policy)


def test_who_is_given_up_at_the_last_moment_is_not_in_the_batch() -> None:
    choices = {"variants": [{"accuracy": 0.9}, {"scale": 0.5, "accuracy": 0.7}]}

    class GivesUp(Greedy):
        def on_start(self, segment: Any, processor: Any) -> None:
            if segment.job.task.name == "t1":
                self.soc.drop(segment.job)

    trace = run(system(choices, choices, choices), GivesUp())
    assert slices(trace) == [(0, 15, 0, "completed"), (0, 15, 2, "completed")]


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "error"),
    [
        (({}, {"batch": {"name": "other", "times": {2: 1.5}}}), "called 'net' and 'other'"),
        (({}, {"wcet": {"npu": "9 ms"}}), "they take 10000000 and 9000000 ns there"),
        (({}, {"batch": {"name": "net", "times": {2: 1.6, 4: 2.5}}}), "their times by batch size differ"),
        (({}, {"preemptive": False}), "or one is not preemptive"),
        (({}, {}, {}, {}, {}), "has times for at most 4 there \\(found 5\\)"),
        (({"release": "2 ms"}, {}), "the processor is busy"),
    ],
)
def test_what_does_not_go_together_is_refused(tasks: tuple[dict[str, Any], ...], error: str) -> None:
    class All(Greedy):
        def dispatch(self) -> None:
            found = [task.active.segments[0] for task in self.soc.tasks if task.active is not None]
            self.soc.start_batch(found, self.soc.processors[0])

    with pytest.raises(SchedulerError, match=error):
        run(system(*tasks), All(), until="3 ms")


def test_a_policy_that_does_not_say_so_starts_no_batches() -> None:
    class Silent(Greedy):
        reads = frozenset()

    with pytest.raises(SchedulerError, match="reads = frozenset"):
        run(system({}, {}), Silent())


def test_nobody_is_twice_in_a_batch() -> None:
    class Twice(Greedy):
        def dispatch(self) -> None:
            self.soc.start_batch([self.soc.ready[0]] * 2, self.soc.processors[0])

    with pytest.raises(SchedulerError, match="is named twice"):
        run(system({}), Twice())


def test_what_has_begun_is_in_no_batch() -> None:
    class Mixes(Greedy):
        def dispatch(self) -> None:
            if self.soc.ready:
                self.soc.start_batch(self.soc.ready, self.soc.processors[0])

    policy = Mixes({3 * MS: lambda soc: soc.preempt(soc.processors[0])})
    with pytest.raises(SchedulerError, match="has begun; a batch takes what begins with it"):
        run(system({}, {"release": "3 ms"}, cluster={"service": "preemptive"}), policy, until="4 ms")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"batch": {4: 2, 8: 1.5}}, "a larger batch takes less time"),
        ({"batch": {1: 1}}, "greater than or equal to 2"),
        ({"batch": {}}, "at least 1 item|no sizes"),
        ({"batch": {"gpu": {2: 2}}}, "gpu"),
        ({"regions": ["4 ms", "6 ms"]}, "runs in no batch"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(more: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        rtsched.load(system(more)).lower()


def test_a_gpu_served_block_by_block_runs_no_batches() -> None:
    source = system({"wcet": {"gpu": "9 ms"}, "batch": {2: 1.5}})
    source["platform"]["processors"] = {"gpu": {"kind": "gpu", "block_level": {"sms": 2}}}
    with pytest.raises(InputError, match="'batch' has no effect: nothing that it may run on"):
        rtsched.load(source).lower()


def test_the_key_is_noted_or_refused_under_policies_that_never_batch() -> None:
    with pytest.raises(InputError, match="'batch' has no effect under the file's own scheduler, which starts no batch"):
        rtsched.simulate(system({}), until="1 ms")
    trace = rtsched.simulate(system({}), scheduler="fp+nonpreemptive", until="1 ms")
    assert any("'batch' has no effect under" in note for note in trace.system.assumed)


def test_a_declared_batch_changes_no_byte_of_a_policy_that_never_batches() -> None:
    plain = system({"batch": None}, {"batch": None})
    one, two = (rtsched.simulate(source, scheduler="edf", until="1 ms") for source in (plain, system({}, {})))
    assert one.slices.tobytes() == two.slices.tobytes()
    assert one.events == two.events


# ---- broken on purpose -----------------------------------------------------------------------------------------------


def check_broken(source: dict[str, Any], policy: Any = None) -> str:
    return " ".join(rtsched.simulate(source, scheduler=policy or Greedy(), until="1 ms").check())


def test_a_batch_that_takes_the_time_of_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_ratio", lambda *_: 1)
    assert "of its work by" in check_broken(system({}, {}))


def test_a_batch_of_strangers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_unlike", lambda *_: "")

    class All(Greedy):
        def dispatch(self) -> None:
            if len(self.soc.ready) > 1:
                self.soc.start_batch(self.soc.ready, self.soc.processors[0])

    other = {"batch": {"name": "other", "times": {2: 1.5}}}
    assert "has members that do not go together" in check_broken(system({}, other), All())


def test_more_members_than_it_began_with_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fewer(members: Any, alone: Any, size: int, *rest: Any) -> Together:
        return Together(members, alone, size - 1, *rest)

    monkeypatch.setattr(batches, "Together", fewer)
    assert "of 2 has 3 members" in check_broken(system({}, {}, {}))


def test_a_batch_that_is_not_written_down_is_two_on_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Batches._row

    def unwritten(self: Any, *arguments: Any) -> None:
        row(self, *arguments)
        self.core.record.batches.buffer.clear()

    monkeypatch.setattr(Batches, "_row", unwritten)
    assert "processor 'npu' runs job 0 of 't0' and job 0 of 't1' at 0" in check_broken(system({}, {}))


def test_a_job_that_stays_in_its_batch_after_its_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    halt = Core.halt

    def forgetful(self: Any, job: Any, now: int) -> None:
        found, self.batches = self.batches, None
        for segment in job.segments:
            segment.state = 5
        halt(self, job, now)
        self.batches = found

    monkeypatch.setattr(Core, "halt", forgetful)
    assert "after the end of its job" in check_broken(system({}, {}), Greedy({4 * MS: dropping("t1")}))


# ---- random systems --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_random_batches_keep_every_invariant(seed: int) -> None:
    """Drops, kills, preemptions and faults at random: nothing is lost, nobody overlaps, all jobs end."""
    draw = random.Random(seed)
    cluster = {"cores": 2, "service": draw.choice(["preemptive", "run-to-completion", "node"])}
    if draw.random() < 0.5 and cluster["service"] != "preemptive":
        cluster["reset"] = "100 us"
    tasks = []
    for _ in range(4):
        task: dict[str, Any] = {"release": None, "period": f"{draw.randint(4, 9)} ms", "deadline": "30 ms"}
        task |= {"wcet": {"npu": "2 ms"}, "overlap": draw.random() < 0.5, "on_fault": draw.choice(["restart", "drop"])}
        task["on_miss"] = draw.choice(["continue", "abort", "drop_if_hopeless"])
        if draw.random() < 0.5:
            task["execution"] = {"kind": "uniform", "low": 0.3}
        tasks.append(task)
    faults = [{"processor": "npu0", "at": "13 ms", "lasts": "2 ms"}]
    ways = ["now", "kill", "drain"] if cluster["service"] == "preemptive" else ["kill", "drain"]

    def disturb(soc: Any) -> None:
        for processor in soc.processors:
            if any(segment.processor is processor for segment in soc.running()) and draw.random() < 0.6:
                soc.preempt(processor, draw.choice(ways))
        jobs = [segment.job for segment in soc.running()]
        if jobs and draw.random() < 0.5:
            soc.drop(draw.choice(jobs))

    policy = Greedy({time * 700_000: disturb for time in range(1, 90)})
    overheads = {"context_switch": draw.choice(["0 us", "50 us"])}
    trace = run(system(*tasks, cluster=cluster, faults=faults, overheads=overheads), policy, until="60 ms", seed=seed)
    assert len(trace.batches) > 10
