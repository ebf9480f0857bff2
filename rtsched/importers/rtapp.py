"""rt-app's JSON: threads that run, lock, sleep and wait for timers under Linux' scheduling classes.

rt-app lets keys repeat ("run" twice in a phase) and allows comments and trailing commas; so does this reader. Times
are microseconds.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, build, time

MOST_DEPTH = 32

#: Settings of rt-app itself, its logs and its calibration: they mean nothing to a simulation.
SILENT = {
    "calibration", "cumulative_slack", "default_policy", "duration", "ftrace", "gnuplot", "io_device", "lock_pages",
    "log_basename", "log_size", "logdir", "mem_buffer_size", "pi_enabled",
}  # fmt: skip
SETTINGS = {
    "policy", "priority", "cpus", "instance", "delay", "loop", "phases", "dl-runtime", "dl-period", "dl-deadline",
    "runtime", "period", "deadline",
}  # fmt: skip
TEXT = r'"(?:[^"\\\n]|\\.)*"'
COMMENT = re.compile(TEXT + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(TEXT + r"|,(?=\s*[}\]])|[\[\]{}]")


class Pairs(list[tuple[str, Any]]):
    """A JSON object whose keys may repeat."""

    def get(self, key: str, default: Any = None) -> Any:
        """The first value of a key."""
        return next((value for name, value in self if name == key), default)


def read(path: str, text: str) -> ImportResult:
    """The system of an rt-app file. Raises InputError with file and line where they are known."""
    try:
        data = json.loads(_plain(path, text), object_pairs_hook=Pairs)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}:{getattr(error, 'colno', 1)}" if line else path
        raise InputError(f"{place}: is not JSON: {getattr(error, 'msg', error)}; check the file") from None
    if not isinstance(data, Pairs) or not isinstance(data.get("tasks"), Pairs):
        raise InputError(f"{path}: has no object 'tasks'; an rt-app file has one")
    return _Reader(path, data).system()


def _plain(path: str, text: str) -> str:
    """The text without comments and trailing commas, of bounded depth; lines stay where they are."""
    depth = 0

    def uncommented(match: re.Match[str]) -> str:
        token = match.group()
        return "\n" * token.count("\n") if token[0] == "/" else token

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        token = match.group()
        if token in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise InputError(f"{path}: is nested deeper than {MOST_DEPTH} levels; this is no rt-app file")
        elif token in "]}":
            depth -= 1
        return "" if token == "," else token

    return TOKEN.sub(keep, COMMENT.sub(uncommented, text))


class _Reader:
    """One file on its way to a system."""

    def __init__(self, path: str, data: Pairs) -> None:
        self.path = path
        self.options: Pairs = data.get("global") if isinstance(data.get("global"), Pairs) else Pairs()
        self.threads: Pairs = data.get("tasks")
        self.warnings: list[str] = []
        self.policies: set[str] = set()
        self.resources: dict[str, dict[str, str]] = {}
        self.cores = 1
        for name, _ in self.options:
            if name not in SILENT:
                self.warn(f"global.{name} is not carried over")

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def us(self, value: Any, where: str) -> int:
        """A number of microseconds in ns."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InputError(f"{self.path}: {where}: {value!r} is not a number of microseconds")
        return time(value, "us", f"{self.path}: {where}")

    def whole(self, value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not -(10**6) < value < 10**6:
            raise InputError(f"{self.path}: {where}: {value!r} is not a whole number below a million")
        return value

    def system(self) -> ImportResult:
        """The whole system."""
        tasks = [task for name, thread in self.threads if (task := self.task(str(name), thread)) is not None]
        if not tasks:
            raise InputError(f"{self.path}: no thread does anything that can be simulated")
        wakers = {target: name for name, thread in self.threads for target in _targets(thread)}
        known = {task["name"] for task in tasks}
        for task in tasks:
            if task.pop("suspended", False):
                self.triggered(task, wakers.get(task["name"]), known)
        if self.cores == 1:
            for task in tasks:
                task.pop("processors", None)  # the only core there is
        until = self.seconds(self.options.get("duration", -1))
        data = {
            "name": re.split(r"[/\\]", self.path)[-1].rsplit(".", 1)[0],
            "platform": {"name": "linux", "processors": {"cpu": {"cores": self.cores}}},
            "scheduler": self.scheduler(),
            "simulate": {"until": until},
            "resources": self.resources,
            "tasks": tasks,
        }
        return build(self.path, data, self.warnings)

    def seconds(self, duration: Any) -> int:
        """How long the run is, in ns."""
        if isinstance(duration, int | float) and not isinstance(duration, bool) and duration > 0:
            return time(duration, "s", f"{self.path}: global.duration")
        self.warn("the run has no end of its own: 10 s are taken")
        return 10 * units.S

    def scheduler(self) -> dict[str, Any]:
        """The policy that comes closest to the classes in use."""
        if "SCHED_DEADLINE" in self.policies:
            if self.policies - {"SCHED_DEADLINE"}:
                self.warn("threads beside SCHED_DEADLINE run in the background, in order of arrival")
            return {"name": "cbs"}
        if self.policies & {"SCHED_FIFO", "SCHED_RR"}:
            return {"ordering": "fp"}
        self.warn("SCHED_OTHER is approximated by round robin with 4 ms turns")
        return {"ordering": {"name": "rr", "quantum": "4 ms"}}

    def triggered(self, task: dict[str, Any], waker: str | None, known: set[str]) -> None:
        """A thread that suspends itself runs when another one resumes it."""
        if waker is None or waker not in known:
            self.warn(f"{task['name']}: nobody resumes it; it is left as a single job")
            return
        for key in ("period", "release", "offset"):
            task.pop(key, None)
        task["after"] = waker
        task.setdefault("deadline", self.seconds(self.options.get("duration", 10)))

    def task(self, name: str, thread: Any) -> dict[str, Any] | None:
        """One thread as a periodic task: what it runs per loop, and how long a loop takes."""
        if not isinstance(thread, Pairs):
            raise InputError(f"{self.path}: tasks.{name} is no object")
        instances = self.whole(thread.get("instance", 1), f"tasks.{name}.instance")
        if instances < 1:
            self.warn(f"{name}: has no instances and is left out")
            return None
        loop = _Loop(self, name)
        for phase in self.phases(name, thread):
            loop.take(phase)
        if not loop.work:
            self.warn(f"{name}: never runs and is left out")
            return None
        task: dict[str, Any] = {"name": name, "wcet": loop.work, "instances": instances, "sections": loop.closed()}
        if thread.get("delay"):
            task["offset"] = self.us(thread.get("delay"), f"tasks.{name}.delay")
        if self.whole(thread.get("loop", -1), f"tasks.{name}.loop") != -1:
            self.warn(f"{name}: runs a finite number of loops there, for the whole run here")
        self.policy(name, thread, task)
        self.affinity(name, thread, task)
        if loop.suspends:
            task["suspended"] = True
        if loop.period:
            task["period"] = max(loop.period, 1)
        else:
            if not loop.suspends:
                self.warn(f"{name}: never sleeps nor waits for a timer: it is taken as a single job")
            task["release"] = task.pop("offset", 0)
            task.setdefault("deadline", self.seconds(self.options.get("duration", 10)))
        return task

    def phases(self, name: str, thread: Pairs) -> list[Pairs]:
        """The phases of a loop, repeated as often as they say."""
        phases = thread.get("phases")
        if phases is None:
            return [thread]
        if not isinstance(phases, Pairs):
            raise InputError(f"{self.path}: tasks.{name}.phases is no object")
        if len(phases) > 1:
            self.warn(f"{name}: its {len(phases)} phases are merged into one job a loop")
        unrolled: list[Pairs] = []
        for phase_name, phase in phases:
            if not isinstance(phase, Pairs):
                raise InputError(f"{self.path}: tasks.{name}.phases.{phase_name} is no object")
            times = max(1, self.whole(phase.get("loop", 1), f"tasks.{name}.phases.{phase_name}.loop"))
            if len(phases) == 1:
                times = 1  # one phase over and over is what a periodic task does
            unrolled += [phase] * times
            if len(unrolled) > 10_000:
                raise InputError(f"{self.path}: tasks.{name}: more than 10000 phases a loop; shorten them")
        return unrolled

    def policy(self, name: str, thread: Pairs, task: dict[str, Any]) -> None:
        """The scheduling class: larger priorities win there, smaller ones here."""
        policy = str(thread.get("policy", self.options.get("default_policy", "SCHED_OTHER")))
        self.policies.add(policy)
        if policy in ("SCHED_FIFO", "SCHED_RR"):
            task["priority"] = 100 - self.whole(thread.get("priority", 10), f"tasks.{name}.priority")
            if policy == "SCHED_RR":
                self.warn(f"{name}: SCHED_RR shares its priority in turns there, by order here")
        elif policy == "SCHED_DEADLINE":
            for key, here in (("runtime", "budget"), ("period", "server_period"), ("deadline", "deadline")):
                value = thread.get(f"dl-{key}", thread.get(key))
                if value is not None:
                    task[here] = self.us(value, f"tasks.{name}.dl-{key}")
            task.setdefault("budget", task["wcet"])
        else:
            task["priority"] = 1000

    def affinity(self, name: str, thread: Pairs, task: dict[str, Any]) -> None:
        """The cores a thread may use."""
        cpus = thread.get("cpus")
        if not cpus:
            return
        if not isinstance(cpus, list) or isinstance(cpus, Pairs):
            raise InputError(f"{self.path}: tasks.{name}.cpus is no list of numbers")
        numbers = sorted({self.whole(cpu, f"tasks.{name}.cpus") for cpu in cpus})
        if numbers[0] < 0 or numbers[-1] > 1023:
            raise InputError(f"{self.path}: tasks.{name}.cpus: cores are numbered 0 to 1023")
        self.cores = max(self.cores, numbers[-1] + 1)
        task["processors"] = tuple(f"cpu{number}" for number in numbers)


class _Loop:
    """What a thread does in one loop: work in ns, the loop's period, critical sections."""

    def __init__(self, reader: _Reader, name: str) -> None:
        self.reader = reader
        self.name = name
        self.work = 0
        self.period = 0
        self.pauses = 0
        self.since_pause = 0
        self.suspends = False
        self.open: dict[str, int] = {}
        self.sections: list[dict[str, Any]] = []

    def take(self, phase: Pairs) -> None:
        """Go through the events of a phase in order."""
        for key, value in phase:
            event = re.sub(r"\d+$", "", key)
            where = f"tasks.{self.name}.{key}"
            if event == "run" or (event == "runtime" and phase.get("policy") != "SCHED_DEADLINE"):
                time = self.reader.us(value, where)
                self.work += time
                self.since_pause += time
            elif event == "timer":
                if not isinstance(value, Pairs) or value.get("period") is None:
                    raise InputError(f"{self.reader.path}: {where} needs a 'period'")
                self.pause(self.reader.us(value.get("period"), where))
            elif event == "sleep":
                self.reader.warn(f"{self.name}: sleeps for a while there; here its period is run + sleep")
                self.pause(self.since_pause + self.reader.us(value, where))
            elif event == "lock":
                self.open[str(value)] = self.work
            elif event == "unlock":
                self.unlock(str(value))
            elif event == "suspend":
                self.suspends = True
            elif event != "resume" and key not in SETTINGS:
                self.reader.warn(f"{self.name}: {key!r} is not carried over")

    def pause(self, length: int) -> None:
        self.period += length
        self.since_pause = 0
        self.pauses += 1
        if self.pauses == 2:
            self.reader.warn(f"{self.name}: wakes up several times a loop there, once here")

    def unlock(self, resource: str) -> None:
        start = self.open.pop(resource, None)
        if start is None:
            raise InputError(f"{self.reader.path}: tasks.{self.name}: unlocks {resource!r} without a lock")
        if self.work > start:
            protocol = "inheritance" if self.reader.options.get("pi_enabled") is True else "none"
            self.reader.resources[resource] = {"protocol": protocol}
            self.sections.append({"resource": resource, "start": start, "length": self.work - start})

    def closed(self) -> tuple[dict[str, Any], ...]:
        """The critical sections; one that is never left is an error there, too."""
        if self.open:
            raise InputError(f"{self.reader.path}: tasks.{self.name}: never unlocks {next(iter(self.open))!r}")
        return tuple(self.sections)


def _targets(thread: Any) -> list[str]:
    """The threads that a thread resumes."""
    if not isinstance(thread, Pairs):
        return []
    found = [str(value) for key, value in thread if re.sub(r"\d+$", "", key) == "resume"]
    for _, value in thread:
        found += _targets(value)
    return found
