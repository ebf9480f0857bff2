"""A thread of rt-app: what it does in a loop, how it is scheduled, and the task that this makes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NoReturn

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import time
from rtsched.importers.relaxed import Pairs
from rtsched.model.document import cut

#: What a thread or a phase is told beside its events. The last three are the old names of dl-runtime and so on.
SETTINGS: Final = {
    "policy", "priority", "cpus", "instance", "delay", "loop", "phases", "dl-runtime", "dl-period", "dl-deadline",
    "period", "deadline",
}  # fmt: skip
#: The settings that a phase may change.
OF_PHASES: Final = ("policy", "priority", "cpus", "dl-runtime", "dl-period", "dl-deadline")
#: The events, as rt-app knows them: by the first of these that a key begins with.
EVENTS: Final = (
    "runtime", "run", "sleep", "mem", "iorun", "lock", "unlock", "signal", "broad", "wait", "sync", "barrier", "timer",
    "resume", "suspend", "yield", "fork",
)  # fmt: skip
POLICIES: Final = ("SCHED_OTHER", "SCHED_IDLE", "SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE")
REAL_TIME: Final = {"SCHED_FIFO", "SCHED_RR"}
#: Behind all real-time priorities, which become 1 (most urgent) to 99.
BACKGROUND: Final = 1000
MOST_PHASES: Final = 10_000
MOST_CORES: Final = 1024


def _event(key: str) -> str | None:
    """The event that a key names; None for settings and what rt-app passes over."""
    if key in SETTINGS or key.startswith("membind"):
        return None
    return next((event for event in EVENTS if key.startswith(event)), None)


class File:
    """A file: its name for errors, its global options, and the sentences about what is lost."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.options = Pairs()

    def warn(self, sentence: str) -> None:
        """Note a sentence about what the system file says otherwise, or not at all."""
        self.warnings.append(sentence)

    def fail(self, where: str, what: str) -> NoReturn:
        """Refuse the file: what is wrong, and where in it. Raises InputError."""
        raise InputError(f"{self.path}: {cut(where, 120)}: {what}")

    def us(self, value: Any, where: str) -> int:
        """A number of microseconds in ns."""
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.fail(where, f"{cut(repr(value))} is not a number; give microseconds")
        return time(value, "us", f"{self.path}: {cut(where, 120)}")

    def whole(self, value: Any, where: str, least: int = 0) -> int:
        """A whole number from `least` to a million, as it stands. Raises InputError."""
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10**6:
            self.fail(where, f"{cut(repr(value))}: give a whole number from {least} to a million")
        return value

    def mapping(self, value: Any, where: str) -> Pairs:
        """An object of the file with its keys in order. Raises InputError."""
        if not isinstance(value, Pairs):
            self.fail(where, "is no object; write {...}")
        return value


class Thread:
    """What one thread does in a loop (work, pauses and critical sections in ns), and how it is scheduled."""

    def __init__(self, file: File, name: str, data: Pairs) -> None:
        self.file = file
        self.name = name
        self.where = f"tasks.{name}"
        self.data = data
        phases = list(self.phases())
        #: where settings are looked up: the only phase may change those of its thread
        self.levels = [*phases, data] if len({id(phase) for phase in phases}) == 1 else [data]
        self.instances = file.whole(data.get("instance", 1), f"{self.where}.instance")
        self.policy = str(self.setting("policy", file.options.get("default_policy", "SCHED_OTHER")))
        if self.policy not in POLICIES:
            file.fail(f"{self.where}.policy", f"{cut(repr(self.policy))} is none of {', '.join(POLICIES)}")
        self.work = self.slept = self.pauses = 0
        self.timers: dict[str, int] = {}
        self.starts = False
        #: the name under which it is resumed, if it suspends itself
        self.waits_for: str | None = None
        self.resumes: list[tuple[str, int]] = []
        self.held: list[tuple[str, int]] = []
        self.released: set[str] = set()
        #: the deadline of a job that has neither a period nor a reservation
        self.due = 0
        self.sections: list[dict[str, Any]] = []
        for phase in phases:
            self.take(phase)
        if self.held:
            file.fail(self.where, f"never unlocks {cut(self.held[-1][0])!r}; add 'unlock'")
        for name, _ in data if data.get("phases") is not None else ():
            if name not in SETTINGS:
                self.lost(name)

    def lost(self, what: str) -> None:
        """Note that something of this thread is not carried over."""
        self.file.warn(f"{self.name}: {what!r} is not carried over")

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of the only phase, else of the thread."""
        return next((level.get(key) for level in self.levels if level.get(key) is not None), default)

    # ---- one loop ------------------------------------------------------------------------------------------------

    def phases(self) -> Iterator[Pairs]:
        """The phases of a loop, each as often as it says."""
        phases = self.data.get("phases")
        if phases is None:
            yield self.data
            return
        listed = self.file.mapping(phases, f"{self.where}.phases")
        if len(listed) > 1:
            self.file.warn(f"{self.name}: its {len(listed)} phases are merged: one loop through all of them is one job")
        unrolled = 0
        for name, value in listed:
            where = f"{self.where}.phases.{name}"
            phase = self.file.mapping(value, where)
            times = self.file.whole(phase.get("loop", 1), f"{where}.loop", least=-1)
            if len(listed) == 1:
                times = 1  # one phase over and over is what a periodic task does
            elif times < 1:
                self.file.warn(f"{self.name}: phase {name!r} has {times} loops; here one")
            unrolled += max(1, times)
            if unrolled > MOST_PHASES:
                self.file.fail(where, f"more than {MOST_PHASES} phases a loop; shorten the loop")
            for key in OF_PHASES if len(listed) > 1 else ():
                if phase.get(key) is not None:
                    self.lost(f"{name}.{key}")
            for _ in range(max(1, times)):
                yield phase

    def take(self, phase: Pairs) -> None:
        """Go through the events of a phase in order."""
        for key, value in phase:
            event = _event(key)
            where = f"{self.where}.{key}"
            if key in SETTINGS or (key == "runtime" and self.policy == "SCHED_DEADLINE"):
                continue
            if event in ("run", "runtime"):
                self.work += self.file.us(value, where)
                self.starts = self.starts or self.waits_for is None
            elif event == "timer":
                self.timer(self.file.mapping(value, where), where)
            elif event == "sleep":
                self.slept += self.file.us(value, where)
                self.pauses += 1 if value else 0
            elif event == "lock":
                self.held.append((str(value), self.work))
            elif event == "unlock":
                self.unlock(str(value))
            elif event == "suspend":
                self.suspend(str(value) or self.name)
            elif event == "resume":
                self.resumes.append((str(value), self.work))
            else:
                self.lost(key)

    def suspend(self, reference: str) -> None:
        """Wait until somebody resumes `reference`."""
        if self.waits_for not in (None, reference):
            self.file.warn(f"{self.name}: waits for {self.waits_for!r} and for {reference!r}; here only for the former")
        self.waits_for = self.waits_for or reference

    def timer(self, value: Pairs, where: str) -> None:
        """A timer wakes up a period after its last use; each has its own time."""
        if value.get("period") is None:
            self.file.fail(where, "has no 'period'; add it, in microseconds")
        reference = str(value.get("ref", "unknown"))
        self.timers[reference] = self.timers.get(reference, 0) + self.file.us(value.get("period"), where)
        self.pauses += 1 if value.get("period") else 0

    def unlock(self, resource: str) -> None:
        """Close critical sections so that they nest: one that is left before an inner one lasts as long as that."""
        if resource not in (name for name, _ in self.held):
            self.file.fail(self.where, f"unlocks {cut(resource)!r} without a lock; lock it first")
        self.released.add(resource)
        if self.held[-1][0] != resource:
            self.file.warn(f"{self.name}: unlocks {resource!r} before what it locked later; here together with that")
        while self.held and self.held[-1][0] in self.released:
            name, start = self.held.pop()
            self.released.discard(name)
            if self.work > start:
                times = {"start": start, "length": self.work - start}
                section = {key: units.format_duration(value) for key, value in times.items()}
                self.sections.append({"resource": name, **section})

    @property
    def period(self) -> int:
        """How long a loop takes: by its timers, else running and sleeping; 0 if nothing tells."""
        return max(self.timers.values(), default=0) or (self.work + self.slept if self.slept else 0)

    # ---- the task ------------------------------------------------------------------------------------------------

    def task(self, run: int) -> dict[str, Any]:
        """The thread as a task on its own, with times in ns; `run` is how long the run lasts."""
        task: dict[str, Any] = {"name": self.name, "wcet": self.work, "instances": self.instances}
        delay = self.file.us(self.data.get("delay", 0), f"{self.where}.delay")
        loops = self.file.whole(self.data.get("loop", -1), f"{self.where}.loop", least=-1)
        self.due = run
        if self.waits_for is None and not self.period and loops != -1:
            self.file.warn(f"{self.name}: never pauses: its {loops} loops are a single job, due at the end of the run")
            return {**task, "wcet": self.work * max(1, loops), "release": delay}
        if loops != -1:
            self.file.warn(f"{self.name}: ends after {loops} loops there, runs on here")
        if self.waits_for is not None:
            return {**task, "release": delay}
        if not self.period:
            self.file.warn(f"{self.name}: never pauses: taken as always busy, with a job for each loop")
        elif not self.timers:
            self.file.warn(f"{self.name}: sleeps, so its period grows with delays there; here it is run + sleep")
        if self.pauses > 1:
            self.file.warn(f"{self.name}: pauses {self.pauses} times a loop; here its work is one piece")
        return {**task, "period": self.period or self.work, "offset": delay}

    def opened(self, task: dict[str, Any], chain: list[Thread]) -> dict[str, Any]:
        """A thread that runs first and is resumed only in consequence: once round the circle is its period."""
        if self not in chain:
            self.file.warn(f"{self.name}: suspends itself for good: it is a single job, due at the end of the run")
            return task
        pace = sum(thread.work + thread.slept for thread in chain)
        every = units.format_duration(pace)
        self.file.warn(f"{self.name}: threads resume each other in a circle; here it starts one every {every}")
        return self.paced(task, pace)

    def woken(self, task: dict[str, Any], chain: list[Thread]) -> dict[str, Any]:
        """A thread that suspends itself runs after the one that resumes it, or at the pace of that one's timer."""
        waker = next((thread for thread in chain if thread.work or thread.waits_for is None), chain[-1])
        if self.timers or self.slept:
            self.file.warn(f"{self.name}: suspends itself and pauses, too; here it only follows {waker.name!r}")
        pace = next((thread.period for thread in chain if thread.period and thread.waits_for is None), 0)
        if not waker.work or waker.instances not in (1, self.instances):
            pace = pace or waker.work or self.due
            self.file.warn(f"{self.name}: is released every {units.format_duration(pace)}, at {waker.name!r}'s pace")
            return self.paced(task, pace)
        self.due = pace or self.due
        what = f"the period at the head of its chain, {units.format_duration(pace)}," if pace else "the whole run"
        self.file.warn(f"{self.name}: has no deadline of its own: {what} is taken")
        if task.pop("release"):
            self.lost("delay")
        return {**task, "after": waker.name}

    @staticmethod
    def paced(task: dict[str, Any], period: int) -> dict[str, Any]:
        """A task with a period instead of its single release."""
        delay = task.pop("release")
        return {**task, "period": period, "offset": delay}

    def finish(self, task: dict[str, Any]) -> dict[str, Any]:
        """The task with its scheduling class, its critical sections, and units."""
        self.schedule(task)
        task.setdefault("deadline", task.get("period", self.due))
        for key in ("wcet", "period", "offset", "release", "deadline", "budget", "server_period"):
            if key in task:
                task[key] = units.format_duration(task[key])
        return {**task, "sections": self.sections}

    def schedule(self, task: dict[str, Any]) -> None:
        """The scheduling class: the largest priority wins there, the smallest here."""
        where = f"{self.where}.priority"
        if self.policy in REAL_TIME:
            task["priority"] = 100 - self.file.whole(self.setting("priority", 10), where)
        elif self.policy == "SCHED_DEADLINE":
            self.reserve(task)
        else:
            task["priority"] = BACKGROUND
            if self.file.whole(self.setting("priority", 0), where, least=-20):
                self.file.warn(f"{self.name}: its nice value is not carried over")

    def reserve(self, task: dict[str, Any]) -> None:
        """The reservation of SCHED_DEADLINE; as rt-app, a period defaults to the runtime, a deadline to the period."""
        given = {}
        for key in ("runtime", "period", "deadline"):
            value = self.setting(f"dl-{key}", self.data.get(key))
            if value is not None:
                given[key] = self.file.us(value, f"{self.where}.dl-{key}")
        if not given.get("runtime"):
            self.file.fail(self.where, "has SCHED_DEADLINE and no 'dl-runtime'; add it, in microseconds")
        task["budget"] = given["runtime"]
        task["server_period"] = given.get("period") or given["runtime"]
        if "deadline" in given:
            task["deadline"] = given["deadline"]
            if given["deadline"] != task["server_period"]:
                self.file.warn(f"{self.name}: its dl-deadline is that of its jobs; its server's is the dl-period here")

    def cpus(self) -> list[int]:
        """The numbers of the cores that the thread may use; none for all."""
        cpus = self.setting("cpus", [])
        where = f"{self.where}.cpus"
        if not isinstance(cpus, list) or isinstance(cpus, Pairs):
            self.file.fail(where, "is no list of numbers; write e.g. [0, 1]")
        numbers = sorted({self.file.whole(cpu, where) for cpu in cpus})
        if numbers and numbers[-1] >= MOST_CORES:
            self.file.fail(where, f"cores are numbered 0 to {MOST_CORES - 1}; correct it")
        return numbers
