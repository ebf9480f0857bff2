"""SimSo's XML: tasks in milliseconds, processors with speeds, overheads in cycles, a scheduler by class name.

Read as SimSo 0.8.5 does: what an attribute defaults to and what a scheduler does there was looked up in its source.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, build, reached, read_source, time
from rtsched.importers.importer import importer
from rtsched.importers.xml import Element, parse
from rtsched.model.document import cut

FILE_ORDER = "it packs the tasks in the order of the file there, by decreasing utilisation here"
ROUNDED = "it may be late by what it rounds there, and is exact in whole ns here"
FIRST_ONLY = "it serves the first processor only there, all of them here"

#: SimSo's schedulers that rtsched has too, by the name of their class, and in what they differ.
SCHEDULERS: dict[str, tuple[dict[str, str], str]] = {
    "BF": ({"name": "bf"}, "it gives odd units by another rule there, and misses"),
    "DP_WRAP": ({"name": "dp-wrap"}, ROUNDED),
    "EDF": ({"ordering": "edf"}, ""),
    "EDF2": ({"ordering": "edf"}, ""),
    "EDF_mono": ({"ordering": "edf"}, FIRST_ONLY),
    "EDF_US": ({"ordering": "edf-us"}, "tasks of more than 1/2 go first there, of more than m/(2m-1) here"),
    "EDZL": ({"ordering": "edzl"}, ""),
    "ER_PD2": ({"ordering": "pd2"}, ""),
    "PD2": ({"ordering": "pd2"}, "no quantum begins before its window there, here as soon as a processor is free"),
    "EKG": ({"name": "ekg"}, ""),
    "LLREF": ({"name": "llref"}, ROUNDED),
    "LLREF2": ({"name": "llref"}, ROUNDED),
    "PriD": ({"ordering": "edf-k"}, ""),
    "P_EDF": ({"ordering": "edf", "placement": "first-fit"}, ""),
    "P_EDF2": ({"ordering": "edf", "placement": "first-fit"}, FILE_ORDER),
    "P_EDF_WF": ({"ordering": "edf", "placement": "next-fit"}, "despite its name it packs by next fit"),
    "LB_P_EDF": ({"ordering": "edf", "placement": "worst-fit"}, FILE_ORDER),
    "RUN": ({"name": "run"}, ""),
    "WC_RUN": ({"name": "run"}, "who is done early leaves the time to others there, and unused here"),
    "RM": ({"ordering": "rm"}, ""),
    "RM_mono": ({"ordering": "rm"}, FIRST_ONLY),
    "P_RM": ({"ordering": "rm", "placement": "worst-fit"}, FILE_ORDER),
    "FP": ({"ordering": "fp"}, ""),
    "LLF": ({"ordering": "llf"}, "laxities that meet alternate there, and keep the processor for 1 ms here"),
    "MLLF": ({"ordering": "llf"}, "laxities that meet keep the processor until a deadline there, for 1 ms here"),
}

#: The attributes that are carried over or spoken of, by element; any other is warned about.
KNOWN: dict[str, set[str]] = {
    "simulation": {"duration", "cycles_per_ms", "etm", "use_wcet"},
    "sched": {"class", "className", "overhead", "overhead_activate", "overhead_terminate"},
    "processors": {"migration_overhead"},
    "processor": {"name", "id", "cs_overhead", "cl_overhead", "speed"},
    "task": {
        "name", "id", "task_type", "periodic", "abort_on_miss", "period", "activationDate", "deadline", "WCET", "ACET",
        "et_stddev", "followed_by", "list_activation_dates", "preemption_cost", "priority", "instructions", "mix",
        "base_cpi", "stack",
    },
}  # fmt: skip

#: What only SimSo's cache models look at, and the values that say nothing.
CACHE_MODEL = {"instructions": ("", "0"), "mix": ("", "0.5"), "base_cpi": ("", "1.0", "1"), "stack": ("",)}


@importer(begins="<")
def read(path: str, text: str | None = None) -> ImportResult:
    """The system of a SimSo file (`text`, if it has been read already); raises InputError with file and line."""
    return _Reader(path, parse(path, read_source(path) if text is None else text, "SimSo")).system()


class _Reader:
    """One file on its way to a system."""

    def __init__(self, path: str, root: Element) -> None:
        if root.tag != "simulation":
            raise InputError(f"{path}:{root.line}: the root is <{cut(root.tag)}>; a SimSo file has <simulation>")
        self.path = path
        self.root = root
        self.warnings: list[str] = []
        self.fixed = False
        self.cycles = self.number(root, "cycles_per_ms", "1000000")
        if not self.cycles:
            raise InputError(f"{self.place(root)}: cycles_per_ms is 0; give a positive number")
        self.task_elements = self.members("tasks", "task")
        self.processor_elements = self.members("processors", "processor")

    def members(self, group: str, tag: str) -> list[Element]:
        """The elements of a tag in a group."""
        element = self.root.find(group)
        return [] if element is None else element.all(tag)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    # ---- attributes ----------------------------------------------------------------------------------------------

    def place(self, element: Element) -> str:
        """Where an element stands."""
        return f"{self.path}:{element.line}: {element.tag} {cut(element.get('name'))}".rstrip()

    def number(self, element: Element, name: str, default: str = "0", least: int = 0) -> Decimal:
        """A plain number of an attribute."""
        text = element.get(name, default)
        try:
            value = Decimal(text)
        except ArithmeticError:
            raise InputError(f"{self.place(element)}: {name}={cut(text)!r} is not a number; give one") from None
        if not value.is_finite() or not least <= value <= 10**18:
            raise InputError(f"{self.place(element)}: {name}={cut(text)!r}: give a number from {least} to 10^18")
        return value

    def ms(self, element: Element, name: str) -> int:
        """An attribute in milliseconds as ns; 0 if it is not there."""
        return time(element.get(name, "0"), "ms", f"{self.place(element)}: {name}")

    def positive(self, element: Element, name: str) -> int:
        """An attribute in milliseconds, which must be there, as ns."""
        if not element.get(name):
            raise InputError(f"{self.place(element)}: {name!r} is missing; add it, in milliseconds")
        value = self.ms(element, name)
        if not value:
            raise InputError(f"{self.place(element)}: {name} is 0; give a positive time in milliseconds")
        return value

    def from_cycles(self, element: Element | None, name: str) -> int:
        """An attribute in cycles as ns."""
        if element is None:
            return 0
        return time(self.number(element, name) / self.cycles, "ms", f"{self.place(element)}: {name}")

    # ---- the system ----------------------------------------------------------------------------------------------

    def system(self) -> ImportResult:
        """The whole system."""
        duration = self.number(self.root, "duration", "50000") / self.cycles
        until = time(duration, "ms", f"{self.place(self.root)}: duration")
        self.leftovers(self.root)
        policy, scheduling = self.scheduler()
        self.fixed = policy.get("ordering") == "fp"
        data = {
            "platform": {"name": "simso", "processors": {"cpu": self.processors()}},
            "scheduler": policy,
            "simulate": {"until": units.format_duration(until)} if until else {},
            "overheads": {"scheduling": units.format_duration(scheduling)},
            "tasks": self.tasks(),
        }
        return build(self.path, data, self.warnings)

    def leftovers(self, element: Element) -> None:
        """Warn about all that nobody reads: caches, fields of the user's own, unknown attributes and elements."""
        for name in element.attributes:
            if name not in KNOWN.get(element.tag, {name}):
                self.warn(f"{element.tag}: {name!r} is not carried over")
        for child in element.children:
            if child.tag == "cache":
                self.warn("caches are not simulated: put their effect into the execution times")
            elif child.tag == "field" and element.tag == "sched":
                self.warn(f"the scheduler's parameter {child.get('name')!r} is not carried over")
            elif child.tag in KNOWN or child.tag in ("caches", "tasks"):
                self.leftovers(child)
            elif child.tag != "field":
                self.warn(f"<{child.tag}> is not carried over")

    def scheduler(self) -> tuple[dict[str, str], int]:
        """The policy, and what a decision costs in ns."""
        element = self.root.find("sched")
        name = "" if element is None else element.get("class", element.get("className"))
        short = re.split(r"[./\\]", name.removesuffix(".py"))[-1]
        policy, difference = SCHEDULERS.get(short, ({"ordering": "edf"}, ""))
        if element is None or not name:
            self.warn("no scheduler is named: edf is taken")
        elif short not in SCHEDULERS:
            self.warn(f"the scheduler {name!r} is unknown here: edf is taken; choose another under 'scheduler:'")
        elif not element.get("class"):
            self.warn(f"the scheduler is the file {name!r}: by its name it is taken for {short}")
        if difference and (difference != FIRST_ONLY or len(self.processor_elements) > 1):
            self.warn(f"the scheduler {short}: {difference}")
        if element is not None:
            for cost in ("overhead_activate", "overhead_terminate"):
                if self.number(element, cost):
                    self.warn(f"{cost} is not simulated; add it to the execution times")
        scheduling = self.from_cycles(element, "overhead")
        if scheduling:
            self.warn("the scheduler's overhead is charged for each decision there, for each start of a job here")
        return policy, scheduling

    def processors(self) -> dict[str, Any]:
        """All processors as one cluster."""
        found = self.processor_elements
        if not found:
            raise InputError(f"{self.path}: has no processor; add <processor name='CPU 1' id='1'/>")
        speeds = [element.get("speed", "1") for element in found]
        plain = all(self.number(element, "speed", "1") == 1 for element in found)
        switches = {self.from_cycles(each, "cs_overhead") + self.from_cycles(each, "cl_overhead") for each in found}
        if len(switches) > 1:
            self.warn("the processors' context-switch costs differ: the largest is taken for all")
        if max(switches):
            self.warn("contexts are saved and loaded at each interruption there, together at each switch here")
        migration = self.from_cycles(self.root.find("processors"), "migration_overhead")
        return {
            "cores": len(found),
            "speeds": None if plain else speeds,
            "context_switch": units.format_duration(max(switches)),
            "migration": units.format_duration(migration),
        }

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks that ever run; a task that another one is followed by is triggered by it."""
        elements: dict[str, Element] = {}
        for element in self.task_elements:
            key = element.get("id", f"no id in line {element.line}")
            if key in elements or not element.get("name"):
                reason = f"the id {cut(key)!r} is used twice" if key in elements else "the name is missing"
                raise InputError(f"{self.place(element)}: {reason}; give each task its own")
            elements[key] = element
        wakers = self.wakers(elements)
        starters = {key for key, element in elements.items() if self.arrivals(element) is not None}
        alive, opened = reached(list(elements), starters, wakers)
        tasks = []
        for key, element in elements.items():
            waker = elements[wakers[key]].get("name") if key in wakers else None
            if key not in alive:
                self.warn(f"{element.get('name')}: is never activated and is left out")
                continue
            if key in opened:
                self.warn(f"{element.get('name')}: follows {waker!r} in a circle, which is opened here")
                waker = None
            tasks.append(self.task(element, waker))
        return tasks

    def wakers(self, elements: dict[str, Element]) -> dict[str, str]:
        """The id of the task that each follower follows."""
        wakers: dict[str, str] = {}
        for key, element in elements.items():
            follower = element.get("followed_by")
            if follower and follower not in elements:
                raise InputError(f"{self.place(element)}: followed_by={cut(follower)!r} is no task's id; correct it")
            if follower in wakers:
                first = elements[wakers[follower]].get("name")
                self.warn(f"{elements[follower].get('name')}: follows several tasks; here only {first!r}")
            elif follower:
                wakers[follower] = key
        return wakers

    def arrivals(self, element: Element) -> dict[str, Any] | None:
        """When a task that follows no other is activated; None if it never is."""
        kind = element.get("task_type", "APeriodic" if element.get("periodic") == "no" else "Periodic")
        if kind == "Sporadic":
            where = f"{self.place(element)}: list_activation_dates"
            dates = element.get("list_activation_dates").split(",")
            times = sorted(time(date, "ms", where) for date in dates if date.strip())
            return (
                {"arrival": {"kind": "trace", "times": [units.format_duration(each) for each in times]}}
                if times
                else None
            )
        if kind == "APeriodic":
            return None
        if kind != "Periodic":
            self.warn(f"{element.get('name')}: the type {kind!r} is unknown: Periodic is taken")
        return {
            "period": units.format_duration(self.positive(element, "period")),
            "offset": units.format_duration(self.ms(element, "activationDate")),
        }

    def task(self, element: Element, waker: str | None) -> dict[str, Any]:
        """One task."""
        name = element.get("name")
        arrivals = self.arrivals(element) or {}
        if waker is not None and arrivals:
            self.warn(f"{name}: has arrivals of its own and follows {waker!r}: only the latter is taken")
        task = {
            "name": name,
            "wcet": units.format_duration(self.positive(element, "WCET")),
            "deadline": units.format_duration(self.positive(element, "deadline")),
            "on_miss": "abort" if element.get("abort_on_miss", "yes") == "yes" else "continue",
            **({"after": waker} if waker is not None else arrivals),
        }
        if element.get("priority") or self.fixed:
            priority = self.number(element, "priority", least=-(10**9))
            if priority != int(priority):
                raise InputError(f"{self.place(element)}: priority={priority} is no whole number; give one")
            task["priority"] = -int(priority)  # the largest wins there, the smallest here
        self.execution(element, task)
        return task

    def execution(self, element: Element, task: dict[str, Any]) -> None:
        """The execution-time model, and what of it cannot be carried over."""
        name = element.get("name")
        model = self.root.get("etm", "wcet" if self.root.get("use_wcet", "yes") in ("true", "yes") else "cache")
        longest, mean, deviation = (self.ms(element, key) for key in ("WCET", "ACET", "et_stddev"))
        if model == "acet" and 0 < mean <= longest:
            task["execution"] = {"kind": "normal", "mean": mean / longest, "std": deviation / longest}
            self.warn("execution times beyond the WCET are drawn again here, cut to the WCET there")
        elif model == "acet":
            self.warn(f"{name}: its ACET does not lie between 0 and its WCET: every job takes the WCET")
        elif mean or deviation:
            self.warn(f"{name}: ACET and et_stddev are not used by the model {model!r} and are left out")
        if model not in ("acet", "wcet"):
            self.warn(f"the execution-time model {model!r} is not simulated: every job takes its WCET")
        if self.number(element, "preemption_cost"):
            self.warn(f"{name}: preemption_cost is not simulated; use 'overheads:'")
        for key, nothing in CACHE_MODEL.items():
            if element.get(key) not in nothing:
                self.warn(f"{key!r} describes the use of caches and is not carried over")
