"""rt-app's JSON: threads that run, lock, sleep and wait for timers under Linux' scheduling classes.

rt-app lets keys repeat ("run" twice in a phase, or "run", "run1") and allows comments and trailing commas; so does this
reader. Times are microseconds. A thread becomes a task whose jobs are its loops, from wake-up to wake-up.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, build, reached, read_source, time
from rtsched.importers.importer import importer
from rtsched.importers.relaxed import Pairs, parse
from rtsched.importers.thread import REAL_TIME, File, Thread
from rtsched.model.document import cut

#: Settings of rt-app itself, its logs and its calibration: they mean nothing to a simulation.
SILENT: Final = {
    "calibration", "default_policy", "duration", "ftrace", "gnuplot", "io_device", "lock_pages", "log_basename",
    "log_size", "logdir", "mem_buffer_size", "pi_enabled", "cumulative_slack",
}  # fmt: skip
#: The length of a run that has no end of its own, where a length is needed.
RUN: Final = 10 * units.S


@importer(begins="{/")
def read(path: str, text: str | None = None, cores: int | None = None) -> ImportResult:
    """The system of an rt-app file (`text`, if it has been read already) on `cores` cores, or as many as it names."""
    data = parse(path, read_source(path) if text is None else text)
    if not isinstance(data, Pairs) or not isinstance(data.get("tasks"), Pairs):
        raise InputError(f"{path}: has no object 'tasks'; an rt-app file has one")
    return _Reader(path, data, cores).system()


class _Reader(File):
    """One file on its way to a system."""

    def __init__(self, path: str, data: Pairs, cores: int | None) -> None:
        super().__init__(path)
        self.options = self.mapping(data.get("global", Pairs()), "global")
        self.cores = cores
        for name, _ in data:
            if name not in ("tasks", "global", "resources"):
                self.warn(f"{name!r} is not carried over")
        for name, _ in self.options:
            if name not in SILENT:
                self.warn(f"global: {name!r} is not carried over")
        self.threads: dict[str, Thread] = {}
        for name, value in data.get("tasks"):
            if name in self.threads:
                self.fail(f"tasks.{name}", "two threads have this name; rename one")
            thread = Thread(self, name, self.mapping(value, f"tasks.{name}"))
            if thread.instances:
                self.threads[name] = thread
            else:
                self.warn(f"{name}: has no instances and is left out")

    def system(self) -> ImportResult:
        """The whole system."""
        duration = self.options.get("duration", -1)
        if isinstance(duration, bool) or not isinstance(duration, int | Decimal):
            self.fail("global.duration", f"{cut(repr(duration))} is not a number; give seconds, or -1")
        until = time(duration, "s", f"{self.path}: global.duration") if duration != -1 else 0
        if not until:
            self.warn("the run has no end of its own: rtsched chooses one")
        tasks = self.tasks(until or RUN)
        if not tasks:
            raise InputError(f"{self.path}: no thread does anything that can be simulated; give one a 'run'")
        policies = {self.threads[task["name"]].policy for task in tasks}
        sections = [section["resource"] for task in tasks for section in task["sections"]]
        protocol = "inheritance" if self.options.get("pi_enabled") is True else "none"
        data = {
            "platform": {"name": "linux", "processors": {"cpu": {"cores": self.place(tasks)}}},
            "scheduler": self.scheduler(policies),
            "simulate": {"until": units.format_duration(until)} if until else {},
            "resources": {resource: {"protocol": protocol} for resource in sections},
            "tasks": tasks,
        }
        return build(self.path, data, self.warnings)

    def scheduler(self, policies: set[str]) -> dict[str, Any]:
        """The policy that comes closest to the classes in use."""
        if "SCHED_DEADLINE" in policies:
            if len(policies) > 1:
                self.warn("threads beside SCHED_DEADLINE run in the background, in order of arrival")
            return {"name": "cbs"}
        if policies & REAL_TIME:
            if policies - REAL_TIME:
                self.warn("threads of SCHED_OTHER and SCHED_IDLE run in the background, by their order in the file")
            if "SCHED_RR" in policies:
                self.warn("equal priorities take turns under SCHED_RR; here they go by their order in the file")
            return {"ordering": "fp"}
        self.warn("the fair scheduling of SCHED_OTHER is approximated by round robin with turns of 4 ms")
        return {"ordering": {"name": "rr", "quantum": "4 ms"}}

    def place(self, tasks: list[dict[str, Any]]) -> int:
        """How many cores there are; gives each task the names of those that it may use."""
        used = {task["name"]: self.threads[task["name"]].cpus() for task in tasks}
        cores = self.cores or max((max(cpus) + 1 for cpus in used.values() if cpus), default=1)
        if self.cores is None and not all(used.values()):
            self.warn(f"the file does not say how many CPUs there are: {cores} taken")
        for task in tasks:
            cpus = used[task["name"]]
            if cpus and max(cpus) >= cores:
                self.fail(
                    f"tasks.{task['name']}.cpus", f"names CPU {max(cpus)}, but there are {cores}; give more cores"
                )
            names = ["cpu" if cores == 1 else f"cpu{number}" for number in cpus]
            task |= {"pin": names[0]} if len(names) == 1 else {"processors": names} if names else {}
        return cores

    # ---- who wakes whom ------------------------------------------------------------------------------------------

    def tasks(self, run: int) -> list[dict[str, Any]]:
        """All threads that ever run, as tasks; `run` is how long the run lasts."""
        wakers = self.wakers()
        starters = {name for name, thread in self.threads.items() if thread.waits_for is None or thread.starts}
        alive, opened = reached(list(self.threads), starters, wakers)
        tasks = []
        for name, thread in self.threads.items():
            if name not in alive:
                self.warn(f"{name}: suspends itself, nobody resumes it, and it is left out")
            elif thread.work:
                task = thread.task(run)
                if thread.waits_for is not None:
                    chain = self.chain(thread, wakers)
                    follows = chain and name not in opened
                    task = thread.woken(task, chain) if follows else thread.opened(task, chain)
                tasks.append(task)
            else:
                kept = ": only its pace is kept" if name in wakers.values() else ""
                self.warn(f"{name}: never runs and is left out{kept}")
        return [self.threads[task["name"]].finish(task) for task in tasks]

    def wakers(self) -> dict[str, str]:
        """The thread that resumes each thread that suspends itself."""
        waiting: dict[str, list[str]] = {}
        for name, thread in self.threads.items():
            if thread.waits_for is not None:
                waiting.setdefault(thread.waits_for, []).append(name)
        wakers: dict[str, str] = {}
        for name, thread in self.threads.items():
            for reference, done in thread.resumes:
                targets = [target for target in waiting.get(reference, ()) if target != name]
                if not targets:
                    self.warn(f"{name}: resumes {reference!r}, for which no other thread waits")
                elif done < thread.work:
                    self.warn(f"{name}: resumes {reference!r} in the middle of its work; here at its end")
                for target in targets:
                    if wakers.setdefault(target, name) != name:
                        self.warn(f"{target}: is resumed by several threads; here only by {wakers[target]!r}")
        return wakers

    def chain(self, thread: Thread, wakers: dict[str, str]) -> list[Thread]:
        """Who wakes a thread, who wakes that one, and so on; ends with `thread` itself if that is a circle."""
        chain: dict[str, Thread] = {}
        here = thread.name
        while here in wakers and wakers[here] not in chain:
            here = wakers[here]
            chain[here] = self.threads[here]
        return list(chain.values())
