"""Bounds for shared accelerators: by hand, against an independent tick-level simulation, and with seeded defects."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from rtsched.schedulability.result import Result
from rtsched.schedulability.theorems import accelerators
from rtsched.schedulability.theorems.accelerators import (
    Client,
    FifoAccelerator,
    GpuTask,
    SharedAccelerator,
    fifo_accelerator,
    fifo_accelerator_tasks,
    gcaps,
    gpu_server,
    gpu_time_slicing,
)

THEOREMS = {
    "fifo": fifo_accelerator_tasks,
    "server": gpu_server,
    "gcaps": gcaps,
    "time-slicing": gpu_time_slicing,
}


class Simulation:
    """One run, tick by tick; shares no code with the bounds.

    A job is a list of phases [kind, ticks, place]: "cpu" or "gpu". Requests that come at one instant queue in a random
    order. `switch` is what the GPU loses whenever it changes the process (time slicing).
    """

    def __init__(self, model: SharedAccelerator, rng: random.Random, switch: int = 0, shorter: bool = True) -> None:
        self.model, self.rng, self.switch, self.shorter = model, rng, switch, shorter
        n = len(model.tasks)
        self.backlog: list[list[int]] = [[] for _ in range(n)]
        self.active: list[list[list] | None] = [None] * n
        self.queue: list[int] = []
        self.asked = [0] * n
        self.holder: int | None = None
        self.last: int | None = None
        self.slice = self.switching = 0
        self.responses = [0] * n
        self.accesses: dict[tuple[int, int], int] = {}

    def phases(self, index: int) -> list[list]:
        task, e, policy = self.model.tasks[index], self.model.epsilon, self.model.policy
        cuts = sorted(self.rng.randint(0, task.C) for _ in task.segments)
        chunks = [b - a for a, b in zip([0, *cuts], [*cuts, task.C], strict=True)]
        take = (lambda x: self.rng.randint(0, x)) if self.shorter and self.rng.random() < 0.5 else (lambda x: x)
        made: list[list] = [["cpu", take(chunks[0]), 0]]
        extra = {"fifo": e, "server": 2 * e}.get(policy, 0)
        for place, segment in enumerate(task.segments):
            length = max(1, take(segment)) + extra
            if policy == "gcaps":  # both updates of the runlist are done by the core of the task
                made += [["cpu", e, 0], ["gpu", length, place], ["cpu", e, 0]]
            else:
                made.append(["gpu", length, place, length])
            made.append(["cpu", take(chunks[place + 1]), 0])
        return made

    def settle(self, now: int, releases: list[list[int]]) -> None:
        """Completions, releases and new requests of this instant."""
        order = list(range(len(self.model.tasks)))
        self.rng.shuffle(order)
        for index in order:
            while releases[index] and releases[index][0] <= now:
                self.backlog[index].append(releases[index].pop(0))
            while True:
                job = self.active[index]
                if job is None:
                    if not self.backlog[index]:
                        break
                    self.active[index] = job = self.phases(index)
                    self.enter(index, now)
                elif job and job[0][1] == 0:
                    if job[0][0] == "gpu":
                        self.queue.remove(index)
                        key = (index, job[0][2])
                        self.accesses[key] = max(self.accesses.get(key, 0), now - self.asked[index])
                        self.holder = None if self.holder == index else self.holder
                    job.pop(0)
                    self.enter(index, now)
                elif not job:
                    self.active[index] = None
                    self.responses[index] = max(self.responses[index], now - self.backlog[index].pop(0))
                else:
                    break

    def enter(self, index: int, now: int) -> None:
        job = self.active[index]
        if job and job[0][0] == "gpu":
            self.queue.append(index)
            self.asked[index] = now

    def choose(self) -> None:
        """Who has the accelerator in this tick."""
        policy = self.model.policy
        if policy == "gcaps":
            self.holder = min(self.queue, default=None)
        elif policy == "time-slicing":
            if self.holder is not None and self.slice == 0 and self.switching == 0:
                self.queue.remove(self.holder)
                self.queue.append(self.holder)
                self.holder = None
            if self.holder is None and self.queue:
                self.holder, self.slice = self.queue[0], self.model.Lts
                self.switching = 0 if self.last in (None, self.holder) else self.switch
                self.last = self.holder
        elif self.holder is None:
            self.holder = min(self.queue, default=None) if policy == "server" else next(iter(self.queue), None)

    def tick(self) -> None:
        busy = None  # the core on which the server computes in this tick
        self.choose()
        if self.holder is not None:
            phase = self.active[self.holder][0]
            if self.model.policy == "server":
                e = self.model.epsilon
                if phase[1] <= e or phase[1] > phase[3] - e:
                    busy = self.model.server_core
            if self.switching:
                self.switching -= 1
            else:
                phase[1] -= 1
                self.slice -= 1
        for core in {task.core for task in self.model.tasks}:
            ready = [
                index
                for index, job in enumerate(self.active)
                if job and job[0][0] == "cpu" and self.model.tasks[index].core == core
            ]
            if ready and core != busy:
                self.active[min(ready)][0][1] -= 1

    def run(self, horizon: int, phases: list[int] | None = None) -> Simulation:
        releases = []
        for index, task in enumerate(self.model.tasks):
            at = self.rng.randint(0, task.T) if phases is None else phases[index]
            times = []
            while at < horizon:
                times.append(at)
                at += task.T + (self.rng.randint(0, 5) if phases is None and self.rng.random() < 0.3 else 0)
            releases.append(times)
        for now in range(horizon * 2):
            self.settle(now, releases)
            self.tick()
        return self


def some_model(rng: random.Random, policy: str) -> SharedAccelerator:
    tasks = []
    for index in range(rng.randint(2, 4)):
        T = rng.randint(20, 60)
        segments = tuple(rng.randint(1, 5) for _ in range(rng.choice((0, 1, 1, 2))))
        tasks.append(GpuTask("abcd"[index], f"cpu{rng.randint(0, 1)}", rng.randint(1, 6), T, T, segments))
    epsilon = 0 if policy == "time-slicing" else rng.randint(0, 1)
    core = rng.choice(("", "cpu0")) if policy == "server" else ""
    Lts, theta = (rng.randint(1, 4), 2) if policy == "time-slicing" else (0, 0)
    return SharedAccelerator(tuple(tasks), policy, epsilon, theta, Lts, core)


def beaten(policy: str, analyse: Callable[[SharedAccelerator], Result], systems: int) -> tuple[int, int, int]:
    """How many systems the analysis accepts, in how many a simulation beats it, how many bounds are attained."""
    accepted = wrong = attained = 0
    for seed in range(systems):
        rng = random.Random(seed)
        model = some_model(rng, policy)
        result = analyse(model)
        if result.verdict != "schedulable":
            continue
        accepted += 1
        worst = [0] * len(model.tasks)
        for run in range(4):
            together = [rng.randint(0, 2) for _ in model.tasks] if run < 2 else None
            seen = Simulation(model, rng, switch=model.theta // 2, shorter=run % 2 == 1).run(250, together)
            worst = [max(pair) for pair in zip(worst, seen.responses, strict=True)]
        wrong += any(found > bound for found, bound in zip(worst, result.responses, strict=True))
        attained += sum(found == bound for found, bound in zip(worst, result.responses, strict=True))
    return accepted, wrong, attained


@pytest.mark.parametrize("policy", THEOREMS)
def test_no_simulation_beats_a_bound(policy: str) -> None:
    accepted, wrong, attained = beaten(policy, THEOREMS[policy], 120)
    assert accepted > 40
    assert wrong == 0
    assert attained > 10  # the comparison has teeth


@pytest.mark.slow
@pytest.mark.parametrize("policy", THEOREMS)
def test_no_simulation_beats_a_bound_often(policy: str) -> None:
    accepted, wrong, _ = beaten(policy, THEOREMS[policy], 3000)
    assert accepted > 1000
    assert wrong == 0


def test_no_simulation_beats_the_bound_of_a_request() -> None:
    tried = attained = 0
    for seed in range(150):
        rng = random.Random(seed)
        model = some_model(rng, "fifo")
        result = fifo_accelerator(model.queue())
        bounds = {bound.task: bound.wcrt for bound in result.bounds}
        seen = Simulation(model, rng).run(250)
        for (index, place), took in seen.accesses.items():
            task = model.tasks[index]
            bound = bounds[task.name if task.eta == 1 else f"{task.name} request {place + 1}"]
            assert took <= bound, (seed, task, took, bound)
            tried += 1
            attained += took == bound
    assert tried > 200
    assert attained > 10


# Seeded defects: each makes some bound too small, and the same comparison notices.


def test_forgetting_the_overhead_is_noticed() -> None:
    for policy in ("fifo", "server", "gcaps"):
        assert beaten(policy, lambda model, policy=policy: THEOREMS[policy](replace(model, epsilon=0)), 120)[1] > 0


def test_forgetting_the_switches_is_noticed() -> None:
    assert beaten("time-slicing", lambda model: gpu_time_slicing(replace(model, theta=0)), 120)[1] > 0


@pytest.mark.parametrize("policy", ["server", "gcaps", "time-slicing"])
def test_forgetting_the_own_segments_is_noticed(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = accelerators._own
    monkeypatch.setattr(accelerators, "_own", lambda model, task: own(model, task)[:1])
    assert beaten(policy, THEOREMS[policy], 120)[1] > 0


def test_forgetting_the_own_segment_in_the_queue_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    access = accelerators._access
    monkeypatch.setattr(accelerators, "_access", lambda *args: access(*args)[1:])
    assert beaten("fifo", fifo_accelerator_tasks, 120)[1] > 0


def test_forgetting_who_else_is_in_the_queue_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    access = accelerators._access
    monkeypatch.setattr(
        accelerators, "_access", lambda *args: tuple(part for part in access(*args) if part.kind != "blocking")
    )
    assert beaten("fifo", fifo_accelerator_tasks, 120)[1] > 0


def test_forgetting_to_wait_for_the_server_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "_server_wait", lambda model, index, known: [])
    assert beaten("server", gpu_server, 120)[1] > 0


def test_suspension_without_jitter_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that suspends itself runs late, and the next one in time: two of them close together.

    (C, S, T) = (1, 0, 2), (5, 5, 20), (1, 0, 40) on one core: the third can take 22; without jitter it seems to take 12.
    """
    tasks = (
        GpuTask("1", "cpu", 1, 2, 2),
        GpuTask("2", "cpu", 5, 20, 20, (5,)),
        GpuTask("3", "cpu", 1, 40, 40),
    )
    model = SharedAccelerator(tasks, "gcaps")
    assert gcaps(model).responses == [1, 20, 22]
    monkeypatch.setattr(accelerators, "_late", lambda task, R, C: 0)
    assert gcaps(model).responses[2] == 12


# By hand.


def test_a_fifo_queue_full_of_the_others() -> None:
    """Three clients ask at once: each may come last."""
    tasks = (
        GpuTask("a", "cpu0", 1, 100, 100, (4, 2)),
        GpuTask("b", "cpu1", 2, 100, 100, (7,)),
        GpuTask("c", "cpu2", 3, 100, 100, (1, 5)),
    )
    model = SharedAccelerator(tasks, "fifo", epsilon=1)
    requests = fifo_accelerator(model.queue())
    assert {bound.task: bound.wcrt for bound in requests.bounds} == {
        "a request 1": 7 + 5 + 4 + 3,
        "a request 2": 7 + 5 + 2 + 3,
        "b": 4 + 5 + 7 + 3,
        "c request 1": 4 + 7 + 1 + 3,
        "c request 2": 4 + 7 + 5 + 3,
    }
    assert [(part.kind, part.source, part.amount) for part in requests.bound("b").parts] == [
        ("own", "b", 7),
        ("blocking", "a on accelerator", 4),
        ("blocking", "c on accelerator", 5),
        ("overhead", "requests to accelerator", 3),
    ]
    result = fifo_accelerator_tasks(model)
    assert result.responses == [1 + 19 + 17, 2 + 19, 3 + 15 + 19]
    assert [(part.kind, part.source, part.amount) for part in result.bound("a").parts] == [
        ("own", "a", 1),
        ("suspension", "a on accelerator", 6),
        ("blocking", "b on accelerator", 14),
        ("blocking", "c on accelerator", 10),
        ("overhead", "requests to accelerator", 6),
    ]


def test_the_bound_of_a_request_is_attained() -> None:
    """All ask at the same instant; in one of the orders each one is the last."""
    tasks = tuple(GpuTask(name, name, 0, 50, 50, (G,)) for name, G in (("a", 3), ("b", 5), ("c", 2)))
    model = SharedAccelerator(tasks, "fifo")
    worst = [0, 0, 0]
    for seed in range(30):
        seen = Simulation(model, random.Random(seed), shorter=False).run(40, [0, 0, 0])
        worst = [max(pair) for pair in zip(worst, seen.responses, strict=True)]
    assert worst == fifo_accelerator_tasks(model).responses == [10, 10, 10]


def test_the_server_prefers_the_urgent() -> None:
    tasks = (
        GpuTask("a", "cpu0", 2, 20, 20, (3,)),
        GpuTask("b", "cpu1", 3, 50, 50, (2, 2)),
        GpuTask("c", "cpu1", 4, 90, 90, (6,)),
    )
    result = gpu_server(SharedAccelerator(tasks, "server", epsilon=1))
    # a waits for c (6 + 2). b waits for c and two jobs of a: 8 + 2 * 5 = 18, each time; c for two of a and two of b.
    a = 2 + 8 + 3 + 2
    b = 3 + 2 * 18 + 4 + 4
    assert result.responses[:2] == [a, b] == [15, 47]
    wait = 3 * 5 + 2 * 8  # 2 jobs of a and of b: 10 + 16 = 26 > 20, so a third job of a; 31 <= 40
    late = 47 - 3  # the jitter of b on the core
    assert result.responses[2] == 4 + wait + 6 + 2 + 2 * 3 == 49
    assert -(-(49 + late) // 50) == 2
    assert {part.source: part.amount for part in result.bound("c").parts if part.kind == "interference"} == {
        "a on accelerator": 15,
        "b on accelerator": 16,
        "b": 6,
    }


def test_the_server_takes_time_on_its_core() -> None:
    tasks = (GpuTask("a", "cpu0", 2, 20, 20, (3,)), GpuTask("b", "cpu1", 3, 50, 50))
    assert gpu_server(SharedAccelerator(tasks, "server", epsilon=1)).responses == [7, 3]
    shared = gpu_server(SharedAccelerator(tasks, "server", epsilon=1, server_core="cpu1"))
    assert shared.responses == [7, 3 + 2 * 2]
    assert shared.bound("b").total("overhead") == 4


def test_gcaps_by_hand() -> None:
    tasks = (
        GpuTask("a", "cpu0", 2, 20, 20, (3,)),
        GpuTask("b", "cpu0", 1, 40, 40),
        GpuTask("c", "cpu1", 4, 100, 100, (5, 5)),
    )
    result = gcaps(SharedAccelerator(tasks, "gcaps", epsilon=1))
    # a: 5 + 1 + 3. b: 1 + 1 + ceil((6 + 7) / 20) (2 + 2). c: 14 + 1 + 6 + 2 (3 + 2) = 31, and 31 + 6 <= 40.
    assert result.responses == [9, 6, 31]
    assert [item.id for item in result.assumptions] == ["updates"]
    assert gcaps(SharedAccelerator(tasks, "gcaps")).assumptions == ()
    assert {(part.kind, part.source): part.amount for part in result.bound("c").parts} == {
        ("own", "c"): 4,
        ("suspension", "c on accelerator"): 10,
        ("overhead", "runlist of accelerator"): 7,
        ("interference", "a on accelerator"): 6,
        ("overhead", "a on accelerator"): 4,
    }


def test_a_late_segment_and_the_next_one_meet_the_same_job() -> None:
    """x delays the first segment of h to 7-12, its next one comes at 13-18: c, which came at 6, waits for both."""
    tasks = (
        GpuTask("x", "cpu0", 6, 20, 20),
        GpuTask("h", "cpu0", 1, 12, 12, (5,)),
        GpuTask("c", "cpu1", 1, 50, 50, (6,)),
    )
    model = SharedAccelerator(tasks, "gcaps")
    assert gcaps(model).responses == [6, 12, 17]
    runs = [Simulation(model, random.Random(seed), shorter=False).run(40, [0, 0, 6]) for seed in range(30)]
    assert max(run.responses[2] for run in runs) == 17


def test_time_slices_by_hand() -> None:
    """Segments of 5 with slices of 2: three rounds, in each a turn (2 + 1) of both others."""
    tasks = tuple(GpuTask(name, name, 1, 100, 100, (5,)) for name in "abc")
    model = SharedAccelerator(tasks, "time-slicing", Lts=2, theta=1)
    assert gpu_time_slicing(model).responses == [1 + 5 + 3 * 2 * 3] * 3
    alone = SharedAccelerator(tasks[:1], "time-slicing", Lts=2, theta=1)
    assert gpu_time_slicing(alone).responses == [6]


def test_parts_sum_to_the_bound_and_have_amounts() -> None:
    for policy, analyse in THEOREMS.items():
        for seed in range(50):
            for bound in analyse(some_model(random.Random(seed), policy)).bounds:
                assert all(part.amount > 0 for part in bound.parts)
                if bound.wcrt is not None:
                    assert sum(part.amount for part in bound.parts) == bound.wcrt


def test_what_has_no_bound_is_unknown() -> None:
    tasks = (GpuTask("a", "cpu0", 5, 10, 10, (5,)), GpuTask("b", "cpu0", 5, 40, 40, (9,)))
    for policy, analyse in THEOREMS.items():
        result = analyse(SharedAccelerator(tasks, policy, Lts=1))
        assert result.verdict == "unknown"
        assert result.first_failure is not None
    late = SharedAccelerator((GpuTask("a", "cpu0", 5, 20, 8, (5,)),), "gcaps")
    assert gcaps(late).verdict == "unknown"
    assert gcaps(late).responses == [10]


def test_a_theorem_refuses_another_policy() -> None:
    model = SharedAccelerator((GpuTask("a", "cpu0", 1, 10, 10, (2,)),), "fifo")
    assert "scheduled by fifo" in gcaps(model).reason
    assert fifo_accelerator_tasks(model).verdict == "schedulable"
    assert "Lts" in gpu_time_slicing(replace(model, policy="time-slicing")).reason
    shared = (GpuTask("a", "cpu0", 1, 10, 10, (2,), "p"), GpuTask("b", "cpu0", 1, 10, 10, (2,), "p"))
    assert "process 'p'" in gpu_time_slicing(SharedAccelerator(shared, "time-slicing", Lts=1)).reason
    assert "one tick" in fifo_accelerator(FifoAccelerator((Client("a", (0,), 5),))).reason
    assert "D <= T" in gcaps(SharedAccelerator((GpuTask("a", "cpu0", 1, 10, 12),), "gcaps")).reason
