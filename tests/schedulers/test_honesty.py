"""A policy sees beliefs: every truth is out of its reach, and rtsched's own policies reach for none."""

from __future__ import annotations

import sys
from functools import cache
from types import FrameType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.engine.chip.variable_speed import StreamProcessor, VariableSpeedProcessor
from rtsched.engine.job import Job, Segment
from rtsched.engine.job_path import JobPath
from rtsched.engine.processor import Processor
from rtsched.engine.task_state import TaskState
from rtsched.engine.veil import SocView
from rtsched.engine.views import BELIEFS, TRUTHS, HiddenError
from rtsched.errors import InputError, SchedulerError
from rtsched.registry import PARTS, REGISTRY
from rtsched.registry import POLICIES as POLICY_KINDS
from rtsched.schedulers.base import Scheduler

#: What is true and no policy may know: (class, attribute).
TRUTH = [
    (Job, "factor"), (Job, "chances"),
    (Segment, "demand"), (Segment, "remaining"), (Segment, "points"),
    (Processor, "end"), (Processor, "armed"), (Processor, "alarm"), (Processor, "queue"), (Processor, "loop"),
    (VariableSpeedProcessor, "work"), (VariableSpeedProcessor, "left"), (StreamProcessor, "complete"),
    (TaskState, "factors"), (TaskState, "executions"), (TaskState, "deadlines"), (TaskState, "truth"),
    (TaskState, "arrivals"), (TaskState, "arrival"), (TaskState, "release"), (TaskState, "alarm"), (TaskState, "chance"),
    (JobPath, "difficulty"), (JobPath, "noise"), (JobPath, "routes"), (JobPath, "scores"),
]  # fmt: skip

#: What a policy may set: its own notes.
NOTES = {(Segment, "entry"), (Segment, "memo"), (Processor, "ready_queue")}


def own_attributes(kind: type) -> list[str]:
    """The slots of a class; where it is compiled, its properties, too."""
    kinds = (MemberDescriptorType, GetSetDescriptorType)
    return [name for name, what in vars(kind).items() if isinstance(what, kinds) and name[0] != "_" and name != "view"]


def attributes(kind: type) -> list[str]:
    return [name for base in kind.__mro__ for name in own_attributes(base)]


class Watched:
    """Stands before an attribute: policies (whoever is in the room of schedulers) that come for it are told off."""

    def __init__(self, plain: Any, name: str, reading: bool) -> None:
        self.plain, self.name, self.reading = plain, name, reading

    def _check(self, frame: FrameType | None, act: str) -> None:
        assert frame is not None
        if frame.f_globals["__name__"].startswith("rtsched.schedulers"):
            raise AssertionError(f"{frame.f_globals['__name__']}:{frame.f_lineno} {act} {self.name}")

    def __get__(self, thing: Any, kind: type) -> Any:
        if thing is None:
            return self.plain
        if self.reading:
            self._check(sys._getframe(1), "reads")
        return self.plain.__get__(thing, kind)

    def __set__(self, thing: Any, value: Any) -> None:
        self._check(sys._getframe(1), "writes")
        self.plain.__set__(thing, value)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in the room of schedulers reads a truth, or writes anything but notes."""
    for kind in (Job, Segment, Processor, VariableSpeedProcessor, StreamProcessor, TaskState, JobPath):
        for name in own_attributes(kind):
            if (kind, name) not in NOTES:
                watch = Watched(vars(kind)[name], f"{kind.__name__}.{name}", (kind, name) in TRUTH)
                monkeypatch.setattr(kind, name, watch)


#: Systems that between them have variants, exits, links, faults, GPU blocks, power, heat, locks; and how long to run them.
SYSTEMS = {
    "drone_subnets": "100 ms", "drone_exits": "100 ms", "band_phone": "100 ms", "mixed_rk3588": "100 ms",
    "npu_failure": "350 ms", "offload_wifi": "200 ms", "throttling_865": "100 ms", "model_switching": "200 ms",
    "memory_contention": "100 ms", "gpu_priorities": "20 ms", "gpu_robot_orin_nano": "40 ms",
    "priority_inversion_inheritance": "100 ms",
    "xrbench_vr_gaming": None, "streamed_layers": "100 ms", "protected_layers": "100 ms", "sign_ensemble_8gen2": "60 ms",
}  # fmt: skip
#: Beside them one whose clock belongs to the policy.
CLOCKED = {
    "name": "clocked",
    "platform": {
        "name": "chip",
        "processors": {
            "cpu": {
                "operating_points": [
                    {"frequency": "500 MHz", "microvolt": 3000000}, {"frequency": "1 GHz", "microvolt": 5000000}
                ],
                "power": {"active": "1 W"},
            }
        },
    },
    "power": {"governor": "userspace", "switch_latency": "0 us", "battery": {"capacity": "1 Wh"}},
    "tasks": [
        {"name": "a", "wcet": "3 ms", "period": "8 ms", "execution": {"kind": "uniform", "low": 0.3, "high": 1.0}},
        {"name": "b", "wcet": "3 ms", "period": "10 ms", "execution": {"kind": "uniform", "low": 0.3, "high": 1.0}},
    ],
}  # fmt: skip
#: And one whose inputs were recorded.
MEASURED = {
    "name": "measured",
    "platform": "multicore:2",
    "tasks": [
        {"name": "a", "wcet": "3 ms", "period": "8 ms", "inputs": [{"a": {"time": "1 ms"}}, {"a": {"time": "5 ms"}}]},
        {"name": "b", "period": "10 ms", "inputs": [{"y": {"time": "1 ms"}}, {"y": {"time": "6 ms"}}],
         "graph": {"nodes": {"x": {"wcet": "2 ms"}, "y": {"wcet": "4 ms"}}, "edges": [["x", "y"]]}},
    ],
}  # fmt: skip
#: And one whose accelerator is divided.
DIVIDED = {
    "name": "divided",
    "platform": {"name": "board", "processors": {"npu": {"kind": "npu", "contexts": 4, "sharing": "equal"}}},
    "tasks": [
        {"name": "a", "wcet": {"npu": "3 ms"}, "period": "8 ms", "speedup": {"1/2": 0.7}, "on_miss": "abort"},
        {"name": "b", "period": "20 ms", "execution": {"kind": "uniform", "low": 0.3, "high": 1.0},
         "graph": {"nodes": {"x": {"wcet": {"npu": "4 ms"}}, "y": {"wcet": {"npu": "6 ms"}}}, "edges": [["x", "y"]]}},
    ],
}  # fmt: skip
WORLDS: list[tuple[Any, str | None]] = [
    *SYSTEMS.items(), (CLOCKED, "100 ms"), (MEASURED, "100 ms"), (DIVIDED, "100 ms"), ("wearable_harvest", "5 s"),
]  # fmt: skip


def alone() -> list[str]:
    """Every built-in policy, each part with what is simplest beside it."""
    names = {kind: [name for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name)] for kind in POLICY_KINDS}
    parts = [f"edf+{name}" for kind in PARTS[1:] for name in names[kind]]
    return [*names["ordering"], *parts, *(name for name in names["scheduler"] if name != "composed")]


POLICIES = [
    *alone(),
    "rm+first-fit", "fifo+nonpreemptive", "lst+limited", "edzl+limited", "fp+pinned",
    "edf+resolution+drop-hopeless", "best-return+anytime", "mandatory-first+exit-budget",
]  # fmt: skip

#: Recorded arrivals and execution times, a branch by the input, random times: what an honest policy must not foresee.
RECORDED = {
    "name": "recorded",
    "platform": "multicore:2",
    "tasks": [
        {"name": "a", "wcet": "4 ms", "deadline": "9 ms",
         "arrival": {"kind": "trace", "times": ["1 ms", "8 ms", "30 ms"], "execution": ["1 ms", "4 ms", "2 ms"]}},
        {"name": "b", "wcet": "3 ms", "period": "10 ms", "execution": {"kind": "uniform", "low": 0.5, "high": 1.0}},
    ],
}  # fmt: skip


@cache
def world(number: int) -> api.Prepared:
    """One of WORLDS, lowered once."""
    system, until = WORLDS[number]
    return api.prepare(api.load(system), until)


@pytest.mark.parametrize("policy", POLICIES)
def test_our_policies_read_no_truth_and_write_nothing_but_notes(policy: str, watched: None) -> None:
    accepted = 0
    for number in range(len(WORLDS)):
        try:
            world(number).run(api.scheduler(policy), 1)
        except (SchedulerError, InputError):
            continue  # not a system for this policy
        accepted += 1
    assert accepted


def test_the_watch_notices(watched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.schedulers.orderings import edf

    exec("def key(self, segment): return (segment.job.factor or 0,)", vars(edf))
    monkeypatch.setattr(edf.EDF, "key", vars(edf).pop("key"))
    with pytest.raises(AssertionError, match=r"rtsched.schedulers.orderings.edf:1 reads Job.factor"):
        rtsched.simulate("dhall", scheduler="edf+nonpreemptive")


# ---- views -----------------------------------------------------------------------------------------------------------


class Spy(Scheduler):
    """Runs whatever is ready, and looks at everything while it does."""

    preemption = "nonpreemptive"

    def __init__(self, look: Any) -> None:
        self.look = look
        self.looked = 0

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free:
                self.soc.start(segment.job, segment, free[0])
                things = {Job: segment.job, Segment: segment, Processor: free[0], TaskState: segment.job.task}
                if segment.job.task.adaptive:
                    things[JobPath] = segment.job.path
                self.look(self, things)
                self.looked += 1


def spied(look: Any, system: Any = "drone_exits", oracle: bool = False) -> Spy:
    spy = Spy(look)
    spy.oracle = oracle
    assert rtsched.simulate(system, scheduler=spy, until="100 ms").check() == []
    assert spy.looked
    return spy


#: All views come from these, by the class that they stand for.
BEHIND = {Job: Job, Segment: Segment, Processor: VariableSpeedProcessor, TaskState: TaskState, JobPath: JobPath}


@pytest.mark.parametrize(("kind", "name"), TRUTH, ids=lambda each: getattr(each, "__name__", each))
def test_no_truth_is_in_sight(kind: type, name: str) -> None:
    shown = next(each for each in BEHIND if issubclass(kind, each))

    def look(spy: Spy, things: dict[type, Any]) -> None:
        if shown in things:
            if hasattr(type(things[shown]._raw), name):
                with pytest.raises(HiddenError, match=f"does not see '{name}'.*oracle: true"):
                    getattr(things[shown], name)
            assert not hasattr(things[shown], name)

    spied(look)


@pytest.mark.parametrize("kind", list(BEHIND), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("oracle", [False, True], ids=["beliefs", "oracle"])
def test_nothing_can_be_set_but_notes(kind: type, oracle: bool) -> None:
    def look(spy: Spy, things: dict[type, Any]) -> None:
        if kind in things:
            for name in attributes(type(things[kind]._raw)):
                if (kind, name) not in NOTES:
                    with pytest.raises(HiddenError, match=f"{name!r} is not the policy's to set"):
                        setattr(things[kind], name, 0)

    spied(look, oracle=oracle)


def test_what_is_shown_is_what_is_declared_shown() -> None:
    """An attribute that is neither truth nor shown is the engine's: a new one is decided on, not forgotten."""
    inner = {
        Job: {"path", "segments", "task"},
        Segment: {"run", "job", "processor", "seen"},
        Processor: {
            "boundary_stop",
            "costly",
            "done",
            "mode",
            "overhead_total",
            "rank",
            "special",
            "supply",
            "unpaid",
            "waited",
            "yields",
        },
        TaskState: {"core", "followers", "nested", "plain", "skip", "step", "told", "watch", "rank"},
        JobPath: set(),
    }
    truth = {(kind, name) for kind, name in TRUTH}
    for kind, seen in BELIEFS.items():
        names = set(attributes(kind))
        shown = {name for name in dir(seen) if not name.startswith("_")}
        hidden = {name for each, name in truth if each is kind}
        assert names - shown - hidden == inner[kind] - shown
        assert not shown & hidden


def test_the_engine_is_out_of_reach() -> None:
    def look(spy: Spy, things: dict[type, Any]) -> None:
        assert type(spy.soc) is SocView
        for name in ("core", "loop", "record", "chip", "seed", "begin_run", "changed"):
            assert not hasattr(spy.soc, name)
        with pytest.raises(HiddenError, match="'now' is not the policy's to set"):
            spy.soc.now = 5  # type: ignore[misc]
        with pytest.raises(HiddenError):
            spy.soc.start = None  # type: ignore[assignment, method-assign]
        with pytest.raises(TypeError):
            things[JobPath].ran[0] = 1

    spied(look)


def test_the_handle_shows_all_that_it_has() -> None:
    def public(handle: Any) -> set[str]:
        return {name for name in dir(handle) if not name.startswith("_")}

    def look(spy: Spy, things: dict[type, Any]) -> None:
        assert public(spy.soc) == public(spy.soc._soc) - {"begin_run", "core", "loop"} | {"show"}

    spied(look)


def test_what_was_recorded_and_is_to_come_is_not_shown() -> None:
    def look(spy: Spy, things: dict[type, Any]) -> None:
        task = things[TaskState]
        assert task.spec.name == task.name == spy.soc.system.tasks[task.index].name
        for spec in (task.spec, spy.soc.system.tasks[task.index]):
            assert not getattr(spec.arrival, "times", ())
            assert getattr(spec.arrival, "execution", None) is None

    spied(look, RECORDED)

    def clairvoyant(spy: Spy, things: dict[type, Any]) -> None:
        if things[TaskState].name == "a":
            assert len(things[TaskState].spec.arrival.times) == 3

    spied(clairvoyant, RECORDED, oracle=True)


def test_faults_to_come_are_not_shown() -> None:
    def look(spy: Spy, things: dict[type, Any]) -> None:
        assert spy.soc.system.hardware is not None
        assert spy.soc.system.hardware.faults == ()

    spied(look, "npu_failure")


def test_views_stand_for_one_thing_for_good() -> None:
    def look(spy: Spy, things: dict[type, Any]) -> None:
        segment, job, processor = things[Segment], things[Job], things[Processor]
        assert segment.job is job
        assert processor.segment is segment
        assert segment.processor is processor is spy.soc.processors[processor.index]
        assert job.task is spy.soc.tasks[job.task.index]
        assert job.segments[segment.node.index] is segment
        assert {segment: 1}[processor.segment] == 1
        segment.memo = "mine"
        assert processor.segment.memo == "mine"

    spied(look)


def test_an_oracle_sees_the_truth() -> None:
    ends = []

    def look(spy: Spy, things: dict[type, Any]) -> None:
        processor, segment = things[Processor], things[Segment]
        if segment.job.task.name == "a":
            ends.append(segment.demand)
        assert processor.end >= spy.soc.now + segment.demand

    spied(look, RECORDED, oracle=True)
    assert ends[0] == 1_000_000  # as recorded, where 4 ms are planned
    assert set(TRUTHS) == set(BELIEFS)


# ---- our own policies through views ----------------------------------------------------------------------------------


def estranged(thing: Any) -> None:
    """Make a policy, or a part of one, somebody else's: of a class derived from its own, in another package."""
    thing.__class__ = type(type(thing).__name__, (type(thing),), {"__module__": "elsewhere"})


def parts_of(scheduler: Scheduler) -> list[Any]:
    return [part for part in scheduler.parts() if part is not None]


def columns(trace: Any) -> list[bytes]:
    tables = (trace.jobs, trace.slices, trace.logged, trace.answers, trace.choices, trace.changes, trace.waves)
    return [table.tobytes() for table in tables]


@pytest.mark.parametrize("policy", POLICIES)
def test_our_policies_do_the_same_through_views(policy: str) -> None:
    """Whether their parts are somebody else's, or the whole."""
    compared = 0
    for number in range(len(WORLDS)):
        try:
            plain = columns(world(number).run(api.scheduler(policy), 1))
        except (SchedulerError, InputError):
            continue
        for whole in (False, True):
            veiled = api.scheduler(policy)
            for part in parts_of(veiled):
                estranged(part)
            if whole:
                estranged(veiled)
            assert columns(world(number).run(veiled, 1)) == plain, (WORLDS[number], whole)
        compared += 1
    assert compared
