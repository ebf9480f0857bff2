"""SimSo's XML: tasks in milliseconds, processors with speeds, overheads in cycles, a scheduler by class name."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, build, time

MOST_ELEMENTS = 100_000

#: SimSo's schedulers that rtsched has too, by the name of their class.
SCHEDULERS: dict[str, dict[str, str]] = {
    "EDF": {"ordering": "edf"},
    "EDF_mono": {"ordering": "edf"},
    "EDF2": {"ordering": "edf"},
    "P_EDF": {"ordering": "edf", "placement": "first-fit"},
    "P_EDF2": {"ordering": "edf", "placement": "first-fit"},
    "P_EDF_WF": {"ordering": "edf", "placement": "worst-fit"},
    "RM": {"ordering": "rm"},
    "RM_mono": {"ordering": "rm"},
    "P_RM": {"ordering": "rm", "placement": "first-fit"},
    "FP": {"ordering": "fp"},
    "LLF": {"ordering": "llf"},
}


def read(path: str, text: str) -> ImportResult:
    """The system of a SimSo file. Raises InputError with file, line and column where they are known."""
    return _Reader(path, _parse(path, text)).system()


def _parse(path: str, text: str) -> ElementTree.Element:
    """The tree of a text without document types and entities, which could grow without bound."""
    declaration = re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE)
    if declaration:
        line = text.count("\n", 0, declaration.start()) + 1
        raise InputError(f"{path}:{line}: has a document type or entity; remove it, SimSo files need none")
    if text.count("<") > 2 * MOST_ELEMENTS:
        raise InputError(f"{path}: has more than {MOST_ELEMENTS} elements; split it")
    parser: Any = ElementTree.XMLPullParser(events=("start", "end"))
    depth = 0
    try:
        for begin in range(0, len(text), 65_536):
            parser.feed(text[begin : begin + 65_536])
            for event, _ in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > 32:
                    raise InputError(f"{path}: is nested deeper than 32 elements; this is no SimSo file")
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        raise InputError(f"{path}:{line}:{column + 1}: is not XML: {reason}; check the file") from None


class _Reader:
    """One file on its way to a system."""

    def __init__(self, path: str, root: ElementTree.Element) -> None:
        if root.tag != "simulation":
            raise InputError(f"{path}: the root is <{root.tag}>; a SimSo file has <simulation>")
        self.path = path
        self.root = root
        self.warnings: list[str] = []
        self.cycles = self.number(root, "cycles_per_ms", "1000000")
        if self.cycles <= 0:
            raise InputError(f"{path}: simulation: cycles_per_ms must be positive")

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def number(self, element: ElementTree.Element, name: str, default: str) -> Decimal:
        """A plain number of an attribute."""
        text = element.get(name, default) or default
        try:
            value = Decimal(text.strip())
        except ArithmeticError:
            raise InputError(f"{self.place(element)}: {name}={text!r} is not a number") from None
        if not value.is_finite() or value < 0:
            raise InputError(f"{self.place(element)}: {name}={text!r} must be zero or more")
        return value

    def place(self, element: ElementTree.Element) -> str:
        return f"{self.path}: {element.tag} {element.get('name', '')}".rstrip()

    def ms(self, element: ElementTree.Element, name: str, default: str = "0") -> int:
        """An attribute in milliseconds as ns."""
        return time(element.get(name, default) or default, "ms", f"{self.place(element)}: {name}")

    def from_cycles(self, element: ElementTree.Element, name: str) -> int:
        """An attribute in cycles as ns."""
        return round(self.number(element, name, "0") / self.cycles * units.MS)

    def system(self) -> ImportResult:
        """The whole system."""
        duration = self.number(self.root, "duration", "50000") / self.cycles
        until = time(duration, "ms", f"{self.path}: simulation: duration")
        if self.root.find("caches/cache") is not None:
            self.warn("caches are not simulated: leave their effect in the execution times")
        policy, overheads = self.scheduler()
        data = {
            "name": re.split(r"[/\\]", self.path)[-1].rsplit(".", 1)[0],
            "platform": {"name": "simso", "processors": {"cpu": self.processors()}},
            "scheduler": policy,
            "overheads": overheads,
            "simulate": {"until": until} if until else {},
            "tasks": self.tasks(),
        }
        return build(self.path, data, self.warnings)

    def scheduler(self) -> tuple[dict[str, str], dict[str, int]]:
        """The policy, and what SimSo charges for a decision."""
        element = self.root.find("sched")
        if element is None:
            self.warn("no scheduler is named: edf is taken")
            return {"ordering": "edf"}, {}
        name = element.get("class") or element.get("className") or ""
        short = re.split(r"[./\\]", name.removesuffix(".py"))[-1]
        if short not in SCHEDULERS:
            self.warn(f"scheduler {name or 'of no name'!r} is unknown here: edf is taken; choose with 'scheduler:'")
        for cost in ("overhead_activate", "overhead_terminate"):
            if self.number(element, cost, "0"):
                self.warn(f"{cost} is not simulated; add it to the execution times")
        for field in element.iter("field"):
            self.warn(f"the scheduler's parameter {field.get('name')!r} is not carried over")
        overhead = self.from_cycles(element, "overhead")
        return SCHEDULERS.get(short, {"ordering": "edf"}), {"scheduling": overhead} if overhead else {}

    def processors(self) -> dict[str, Any]:
        """All processors as one cluster."""
        group = self.root.find("processors")
        found = [] if group is None else group.findall("processor")
        if group is None or not found:
            raise InputError(f"{self.path}: has no processor; add <processor name='CPU 1' id='1'/>")
        cluster: dict[str, Any] = {"cores": len(found)}
        speeds = [element.get("speed", "1") for element in found]
        if any(self.number(element, "speed", "1") != 1 for element in found):
            cluster["speeds"] = tuple(speeds)
        switches = {self.from_cycles(e, "cs_overhead") + self.from_cycles(e, "cl_overhead") for e in found}
        if len(switches) > 1:
            self.warn("the processors' context-switch costs differ: the largest is taken for all")
        cluster["context_switch"] = max(switches)
        cluster["migration"] = self.from_cycles(group, "migration_overhead")
        return cluster

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks; a task that another one is followed by is triggered by it."""
        elements = self.root.findall("tasks/task")
        names = {element.get("id"): element.get("name", f"task{index}") for index, element in enumerate(elements)}
        triggers: dict[str, str] = {}
        for element in elements:
            follower = element.get("followed_by")
            if follower:
                if follower not in names:
                    raise InputError(f"{self.place(element)}: followed_by={follower!r} is no task's id")
                triggers[names[follower]] = names[element.get("id")]
        fields = {field.get("name") for field in self.root.findall("tasks/field")}
        for name in sorted(field for field in fields if field and field != "priority"):
            self.warn(f"the tasks' field {name!r} is not carried over")
        return [self.task(element, triggers.get(element.get("name", ""))) for element in elements]

    def task(self, element: ElementTree.Element, trigger: str | None) -> dict[str, Any]:
        """One task."""
        wcet = self.ms(element, "WCET")
        task: dict[str, Any] = {
            "name": element.get("name", ""),
            "wcet": wcet,
            "deadline": self.ms(element, "deadline"),
            "on_miss": "abort" if element.get("abort_on_miss", "yes") == "yes" else "continue",
        }
        kind = element.get("task_type", "Periodic" if element.get("periodic", "yes") == "yes" else "APeriodic")
        dates = [date for date in element.get("list_activation_dates", "").split(",") if date.strip()]
        if trigger is not None:
            task["after"] = trigger
            if kind == "Periodic":
                self.warn(f"task {task['name']!r} is periodic and follows {trigger!r}: its own period is left out")
        elif kind == "Periodic":
            task["period"] = self.ms(element, "period")
            task["offset"] = self.ms(element, "activationDate")
        elif dates:
            times = sorted(time(date, "ms", f"{self.place(element)}: list_activation_dates") for date in dates)
            task["arrival"] = {"kind": "trace", "times": tuple(times)}
        else:
            self.warn(f"task {task['name']!r} is never activated in the file: it is left as a single job at 0")
            task["release"] = 0
        priority = element.get("priority")
        if priority is not None:
            task["priority"] = -int(self.number(element, "priority", "0"))
        self.execution(element, task, wcet)
        return task

    def execution(self, element: ElementTree.Element, task: dict[str, Any], wcet: int) -> None:
        """The execution-time model, and what of it cannot be carried over."""
        model = self.root.get("etm", "wcet" if self.root.get("use_wcet", "yes") in ("true", "yes") else "cache")
        if model == "acet" and wcet:
            mean, std = self.ms(element, "ACET"), self.ms(element, "et_stddev")
            if 0 < mean <= wcet:
                task["execution"] = {"kind": "normal", "mean": mean / wcet, "std": std / wcet}
        elif model != "wcet":
            self.warn(f"the execution-time model {model!r} is not simulated: every job takes its WCET")
        if self.number(element, "preemption_cost", "0"):
            self.warn(f"task {task['name']!r}: preemption_cost is not simulated; use 'overheads:'")
