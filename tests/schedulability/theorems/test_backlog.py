"""The parts of a bound against the run that attains it: what ran between the arrival and the end, task by task."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from rtsched.schedulability.models import Mode, Pipelines, PipelineTask, Sporadic, Stage, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution
from rtsched.schedulability.theorems.backlog import EARLIER, MOST_JOBS, Work, done_before, parts_from
from rtsched.schedulability.theorems.compositional import Component, EventNetwork, Events, compositional
from rtsched.schedulability.theorems.edf import _arrivals, edf_rta, finish, horizon_busy
from rtsched.schedulability.theorems.fixed_priority import fp_rta, limited_fp_rta, np_fp_rta
from rtsched.schedulability.theorems.offsets import pipelines_offsets
from rtsched.schedulability.theorems.pipelines import holistic
from rtsched.schedulability.theorems.suspending import pipelines_suspending
from rtsched.trace.trace import Trace
from tests.helpers import edf, fp, simulate, task

THEOREMS = {"preemptive": fp_rta, "nonpreemptive": np_fp_rta, "limited": limited_fp_rta}


def told(bound: Bound) -> Counter[str]:
    """The parts of a bound by the task they come from; earlier jobs of its own apart."""
    found: Counter[str] = Counter()
    for part in bound.parts:
        found[part.source.partition(" region")[0]] += part.amount
    return found


def ran(trace: Trace, job: int) -> Counter[str]:
    """What ran from the arrival of a job to its end, by task; earlier jobs of its own apart."""
    row = trace.jobs[job]
    found: Counter[str] = Counter()
    for piece in trace.slices:
        length = min(piece["end"], row["finish"]) - max(piece["start"], row["arrival"])
        if length > 0:
            other = trace.jobs[piece["job"]]
            mine = other["task"] == row["task"] and piece["job"] != job
            found[trace.system.tasks[other["task"]].name + (EARLIER if mine else "")] += int(length)
    return found


def drawn(seed: int, mode: Mode) -> list[Sporadic]:
    """A few tasks with short periods, so that busy periods hold several jobs; the last, of long period, only blocks."""
    r = random.Random(seed)
    found = []
    for index in range(r.randint(2, 4)):
        T = r.choice([5, 7, 9, 11, 13])
        C = r.randint(T // 5 + 1, T // 3 + 1)
        regions = () if mode != "limited" else (C,) if C < 2 or r.random() < 0.4 else (C - 1, 1)
        found.append(Sporadic("abcdefgh"[index], C, T, 60, regions=regions))
    blocker = Sporadic("abcdefgh"[len(found)], 4, 400, 400, regions=(4,) if mode == "limited" else ())
    return [*found, blocker]


@pytest.mark.parametrize("mode", THEOREMS)
def test_fixed_priorities(mode: Mode) -> None:
    later = 0
    for seed in range(120):
        tasks = drawn(seed, mode)
        result = THEOREMS[mode](Uniprocessor(tuple(tasks), "FP", mode))
        for index, bound in enumerate(result.bounds[:-1]):
            if bound.wcrt is None or sum(t.U for t in tasks[: index + 1]) > 1:
                continue
            below = tasks[index + 1 :]
            blocker = max(below, key=lambda t: (t.region(mode), -below.index(t)))
            chosen = [*tasks[: index + 1], blocker]
            late = 0 if mode == "preemptive" else 1
            specs = [
                task(
                    place,
                    each.C,
                    each.T if place <= index else 4000,
                    deadline=each.D,
                    offset=late if place <= index else 0,
                    regions=each.regions,
                )
                for place, each in enumerate(chosen)
            ]
            trace = simulate(specs, fp(preemption=mode), until=1200)
            jobs = [j for j, row in enumerate(trace.jobs) if row["task"] == index]
            job = next(j for j in jobs if trace.jobs[j]["finish"] - trace.jobs[j]["arrival"] == bound.wcrt)
            later += job != jobs[0]
            names = {specs[-1].name: blocker.name} if mode != "preemptive" else {}
            seen = Counter({names.get(name, name): amount for name, amount in ran(trace, job).items()})
            assert told(bound) == seen, (seed, bound, seen)
    assert later > 5


@pytest.mark.parametrize("mode", ["preemptive", "nonpreemptive"])
def test_edf(mode: Mode) -> None:
    """Wherever the run of which the bound speaks attains it: all others at once (or just after a blocker began)."""
    compared = 0
    for seed in range(150):
        r = random.Random(seed)
        periods = [r.choice([6, 8, 9, 10, 15]) for _ in range(r.randint(2, 3))]
        tasks = [Sporadic("abc"[i], r.randint(1, 4), T, r.randint(T // 2, 2 * T)) for i, T in enumerate(periods)]
        model = Uniprocessor(tuple(tasks), "EDF", mode)
        if model.U >= 1:
            continue
        me = tasks[-1]  # behind the others where deadlines are equal
        bound = edf_rta(model).bounds[-1]
        L = horizon_busy(tasks, max(each.region(mode) for each in tasks) - 1)
        assert L is not None
        a = next(a for a in _arrivals(tasks, me, L) if finish(model, len(tasks) - 1, a) - a == bound.wcrt)
        blocker = max((each for each in tasks if a + me.D < each.D), key=lambda each: each.region(mode), default=None)
        late = int(blocker is not None and blocker.region(mode) > 1)
        offsets = [0 if each is blocker else late for each in tasks[:-1]]
        offsets.append(late + a % me.T)
        specs = [task(i, each.C, each.T, deadline=each.D, offset=offsets[i]) for i, each in enumerate(tasks)]
        trace = simulate(specs, edf(preemption=mode), until=100)
        rows = trace.jobs
        job = next(j for j, row in enumerate(rows) if row["task"] == len(tasks) - 1 and row["arrival"] == late + a)
        if rows[job]["finish"] - rows[job]["arrival"] == bound.wcrt:
            assert told(bound) == ran(trace, job), (seed, bound)
            compared += 1
    assert compared > 40


def test_jitter_is_what_lies_before_the_busy_period() -> None:
    """With a jitter of 12, the first two jobs of b arrive 12 and 2 before the busy period begins: both in full."""
    tasks = (Sporadic("a", 6, 20, 20), Sporadic("b", 4, 10, 40, J=12))
    bound = fp_rta(Uniprocessor(tasks)).bounds[1]
    assert bound.wcrt == 22
    assert bound.parts == (
        Contribution("own", "b", 4),
        Contribution("interference", "a", 6),
        Contribution("jitter", "b", 12),
    )


def test_jitter_moves_the_arrival_into_the_busy_period() -> None:
    """Lehoczky's example with a jitter of 10: a later job of b is the worst, and comes 10 earlier."""
    bound = fp_rta(Uniprocessor((Sporadic("a", 26, 70, 70), Sporadic("b", 62, 100, 200, J=10)))).bounds[1]
    assert bound.wcrt == 128
    assert told(bound) == Counter({"b": 62, "a": 52, "b" + EARLIER: 14})


def test_activations_that_pile_up() -> None:
    """b comes at 0, 0 (late), 8: the third finds what is left of a and of the two before it."""
    net = EventNetwork(
        (Component("a", "cpu", 1, 4, 0, Events(30)), Component("b", "cpu", 1, 5, 1, Events(10, 12))),
        {"cpu": "preemptive"},
    )
    bound = compositional(net).bounds[1]
    assert bound.wcrt == 14
    assert told(bound) == Counter({"b": 5, "a": 4, "b" + EARLIER: 5})


def test_beyond_so_many_jobs_nobody_is_told_apart() -> None:
    many = [Work(0, 0, (0, k), 1) for k in range(MOST_JOBS + 1)]
    parts = parts_from(10, Contribution("own", "b", 5), (), (("a", 20_001),), lambda: many)
    assert parts == (Contribution("own", "b", 5), Contribution("interference", "earlier and more urgent jobs", 19_991))


def test_where_a_bound_counts_what_has_not_come_yet_nothing_stands_still() -> None:
    assert done_before([Work(0, 0, (0,), 2), Work(0, 5, (0,), 2)], 0, 3) == {0: 3}


# ---- pipelines -----------------------------------------------------------------------------------------------------

CAMERA = PipelineTask("camera", (Stage("cpu", 2), Stage("gpu", 8), Stage("cpu", 1)), 33, 33)
MAPPING = PipelineTask("mapping", (Stage("cpu", 3), Stage("gpu", 10)), 66, 66)
MODEL = Pipelines((CAMERA, MAPPING), {"cpu": "preemptive", "gpu": "nonpreemptive"})


def test_stages_name_what_delays_them() -> None:
    for theorem in (holistic, pipelines_suspending):
        camera, mapping = theorem(MODEL).bounds
        assert {(part.kind, part.source) for part in camera.parts} <= {
            ("own", "camera"),
            ("own", "stage 1 on cpu"),
            ("own", "stage 2 on gpu"),
            ("own", "stage 3 on cpu"),
            ("blocking", "mapping stage 2 on gpu"),
        }
        assert camera.total("own") == 11
        assert camera.total("blocking") == 9
        assert mapping.total("own") == 13
        assert mapping.total("jitter") == 0
        assert "camera stage 2 on gpu" in {part.source for part in mapping.parts}


def test_parts_of_random_pipelines_sum() -> None:
    later = 0
    for seed in range(300):
        r = random.Random(seed)
        tasks = []
        for name in "abc":
            stages = tuple(Stage(r.choice(["cpu", "gpu"]), r.randint(1, 3)) for _ in range(r.randint(1, 3)))
            T = r.choice([8, 12, 20, 30])
            tasks.append(PipelineTask(name, stages, T, T, r.choice([0, 0, 3])))
        model = Pipelines(tuple(tasks), {"cpu": "preemptive", "gpu": "nonpreemptive"})
        for theorem in (holistic, pipelines_suspending, pipelines_offsets):
            for bound in theorem(model).bounds:  # a Bound refuses parts that do not sum
                later += bool(bound.parts)
                assert all(part.amount > 0 for part in bound.parts)
    assert later > 300
