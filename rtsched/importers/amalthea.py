"""AMALTHEA models of Eclipse APP4MC (.amxmi): tasks that call runnables, on the cores that their scheduler serves.

Read are the versions 0.8 to 0.9 as published, and the later ones where they have the same elements. What has the same
meaning here is carried over, what only describes more is listed, and what would change a verdict is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rtsched.errors import InputError
from rtsched.importers import amaltheachains
from rtsched.importers.amaltheafile import AmaltheaFile, above, duration
from rtsched.importers.amaltheagraph import Body, Trigger
from rtsched.importers.amaltheaplaces import Places
from rtsched.importers.amaltheastimuli import WOKEN, arrivals
from rtsched.importers.common import MOST_TASKS, ImportResult, build, reached, read_source
from rtsched.importers.importer import importer
from rtsched.importers.xml import Element
from rtsched.model.document import cut


@importer(".amxmi", root="Amalthea")
def read(path: str, text: str | None = None) -> ImportResult:
    """The system of an AMALTHEA file (`text`, if it has been read already). Raises InputError with file and line."""
    return _Reader(AmaltheaFile(path, read_source(path) if text is None else text)).system()


@dataclass
class _Allocated:
    """A task that is activated: its place, and what its jobs do on each core there."""

    element: Element
    name: str
    stimulus: Element
    allocation: Element
    ordering: str
    scheduler: str
    bodies: dict[str, Body]

    @property
    def body(self) -> Body:
        """Its job on the first of its cores."""
        return next(iter(self.bodies.values()))


class _Reader(Places):
    """One file on its way to a system."""

    def __init__(self, file: AmaltheaFile) -> None:
        super().__init__(file)
        self.allocations: dict[str, list[Element]] = {}
        for allocation in file.all("taskAllocation"):
            allotted = file.reference(allocation, "task", "tasks")
            if allotted is not None:
                self.allocations.setdefault(allotted.get("name"), []).append(allocation)
        self.limits = amaltheachains.limits(file)
        for interrupt in file.all("isrs"):
            if interrupt.get("stimuli"):
                file.fail(
                    interrupt,
                    f"the interrupt routine {cut(interrupt.get('name'))!r} is not carried over; write it as a task",
                )
            file.warn(f"the interrupt routine {cut(interrupt.get('name'))} is never activated and is left out")
        for tag in ("overhead", "osOverheads", "computationItems"):
            if file.all(tag):
                file.fail(
                    file.all(tag)[0], "overheads of the operating system are not carried over; add them to the ticks"
                )

    def system(self) -> ImportResult:
        """The whole system."""
        file = self.file
        if len(file.all("tasks")) > MOST_TASKS:
            raise InputError(f"{file.path}: has more than {MOST_TASKS} tasks; split it")
        self.tasks = {each.name: each for each in map(self.allocated, file.named("tasks").values()) if each is not None}
        self.woken = self.wakers()
        starters = {name for name, task in self.tasks.items() if task.stimulus.type not in WOKEN}
        alive, _ = reached(list(self.tasks), starters, {name: waker for name, (waker, _) in self.woken.items()})
        for name in self.tasks:
            if name not in alive:
                file.warn(f"{cut(name)}: is never activated and is left out")
        self.tasks = {name: task for name, task in self.tasks.items() if name in alive}
        if not self.tasks:
            raise InputError(
                f"{file.path}: no task is ever activated; give one a stimulus, a call graph and an allocation"
            )
        self.check_priorities()
        chains = amaltheachains.chains(file, {name: waker for name, (waker, _) in self.woken.items()})
        for chain in chains:
            gone = [name for name in chain["tasks"] if name not in self.tasks]
            if gone:
                raise InputError(
                    f"{file.path}: event chain {cut(chain['name'])!r} needs {cut(gone[0])!r}, which never runs"
                )
        tasks = [self.task(task) for task in self.tasks.values()]
        self.unique_ids([*tasks, *chains])
        held = sorted({section["resource"] for task in tasks for section in task["sections"]})
        if any(task.element.get("multipleTaskActivationLimit") for task in self.tasks.values()):
            file.warn("activations beyond a task's multipleTaskActivationLimit are ignored there, and wait here")
        used = [name for name in self.cores if any(name in task.bodies for task in self.tasks.values())]
        data = {
            "platform": {"name": "amalthea", "processors": {name: {"kind": "cpu", "cores": 1} for name in used}},
            "scheduler": self.policy(),
            "resources": {name: {"protocol": self.protocol(name)} for name in held},
            "tasks": tasks,
            "chains": chains,
        }  # fmt: skip
        return build(file.path, data, file.warnings)

    def policy(self) -> dict[str, Any]:
        """The orderings, by core where they differ, and whether tasks keep to one core."""
        by_core = {core: task.ordering for task in self.tasks.values() for core in task.bodies}
        counts = list(by_core.values())
        common = max(dict.fromkeys(counts), key=counts.count)
        migrates = any(len(task.bodies) > 1 for task in self.tasks.values())
        if migrates and len(set(counts)) > 1:
            self.file.fail(
                self.file.root,
                "schedulers of several algorithms, and tasks that migrate: not carried over; split the file",
            )
        return {
            "ordering": common,
            "placement": "global" if migrates else "pinned",
            **({"preemption": "limited"} if self.limited() else {}),
            **{core: {"ordering": ordering} for core, ordering in by_core.items() if ordering != common},
        }

    # ---- where tasks run -----------------------------------------------------------------------------------------

    def allocated(self, task: Element) -> _Allocated | None:
        """A task with its stimulus, its scheduler and its cores; None where nothing activates it."""
        file, name = self.file, task.get("name")
        stimuli = file.references(task, "stimuli", "stimuli")
        if not stimuli:
            file.warn(f"{cut(name)}: is never activated and is left out")
            return None
        if len(stimuli) > 1:
            file.fail(task, f"task {cut(name)!r} has {len(stimuli)} stimuli: not carried over; give it one")
        found = self.allocations.get(name, [])
        only = self.only_scheduler()
        if not file.all("taskAllocation") and only:
            found = [Element("taskAllocation", {"task": "", "scheduler": only}, task.line)]
            file.warn("no task is allocated to a scheduler; there is only one, and it is taken")
        if len(found) != 1:
            file.fail(task, f"task {cut(name)!r} is allocated to {len(found)} schedulers; give it one taskAllocation")
        scheduler = file.needed(found[0], "scheduler", "taskSchedulers")
        cores = self.eligible(found[0], scheduler)
        if task.get("preemption") not in ("", "preemptive", "non_preemptive", "cooperative"):
            file.fail(
                task,
                f"its preemption is {cut(task.get('preemption'))!r}; give preemptive, non_preemptive or cooperative",
            )
        bodies = {core.get("name"): self.graphs(core).body(task) for core in cores}
        if not all(body.high for body in bodies.values()):
            file.fail(task, f"task {cut(name)!r} takes no time; give the runnables that it calls ticks")
        return _Allocated(task, name, stimuli[0], found[0], self.ordering(scheduler), scheduler.get("name"), bodies)

    def check_priorities(self) -> None:
        """Refuse equal priorities: they are served first come first there, and in the order of the file here."""
        taken: dict[tuple[str, int], str] = {}
        for task in self.tasks.values():
            if task.ordering == "fp":
                key = task.scheduler, self.priority(task.element, task.allocation)
                if key in taken:
                    self.file.fail(
                        task.allocation,
                        f"{cut(taken[key])!r} and {cut(task.name)!r} have the same priority, and are served first come "
                        "first there; give each its own",
                    )
                taken[key] = task.name

    # ---- who wakes whom ------------------------------------------------------------------------------------------

    def wakers(self) -> dict[str, tuple[str, Fraction]]:
        """By task: which other one releases it, and how likely."""
        found: dict[str, tuple[str, Fraction]] = {}
        for task in self.tasks.values():
            if task.stimulus.type not in WOKEN:
                continue
            if task.stimulus.find("counter") is not None:
                self.file.fail(task.stimulus, "activates each so many times only: not carried over; remove its counter")
            if task.stimulus.type == "EventStimulus":
                found[task.name] = self.ended(task), Fraction(1)
                continue
            triggers = [
                (waker, waker.body.triggers[task.stimulus.get("name")])
                for waker in self.tasks.values()
                if task.stimulus.get("name") in waker.body.triggers
            ]
            if len(triggers) > 1:
                names = " and ".join(cut(waker.name) for waker, _ in triggers[:3])
                self.file.fail(
                    triggers[1][1].element, f"{cut(task.name)!r} is released by {names}: only one is carried over"
                )
            for waker, trigger in triggers:
                self.check_place(task, waker, trigger)
                found[task.name] = waker.name, trigger.probability
        used = {task.stimulus.get("name") for task in self.tasks.values()}
        for task in self.tasks.values():
            for name in task.body.triggers:
                if name not in used:
                    self.file.warn(f"{cut(task.name)}: triggers {cut(name)}, which activates no task, and is left out")
        return found

    def ended(self, task: _Allocated) -> str:
        """The task whose end activates another one."""
        events = self.file.references(task.stimulus, "triggeringEvents", "events")
        if len(events) == 1 and events[0].type == "ProcessEvent" and events[0].get("eventType") == "terminate":
            name = self.file.needed(events[0], "entity", "tasks").get("name")
            if name in self.tasks:
                return name
        self.file.fail(
            task.stimulus,
            f"stimulus {cut(task.stimulus.get('name'))!r}: of events only the end of one task is carried over",
        )

    def check_place(self, task: _Allocated, waker: _Allocated, trigger: Trigger) -> None:
        """A task is released by the end of another here; refuse where an earlier release would change anything."""
        if not trigger.inside:
            return
        same_core = len(waker.bodies) == 1 and waker.bodies.keys() == task.bodies.keys()
        waits = task.ordering == "fp" and self.priority(task.element, task.allocation) > self.priority(
            waker.element, waker.allocation
        )
        alone = waker.element.get("preemption") == "non_preemptive" and not waker.body.points
        if not same_core or not (waits or alone) or waker.body.sections or task.name in self.limits:
            self.file.fail(
                trigger.element,
                f"{cut(waker.name)!r} releases {cut(task.name)!r} before it ends, and would at its end here; move the "
                "trigger to the end, or split the task there",
            )
        self.file.warn(
            f"{cut(task.name)}: is released before {cut(waker.name)} ends there, when it ends here; it is less urgent "
            "on the same core, so it runs at the same times"
        )

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def task(self, task: _Allocated) -> dict[str, Any]:
        """One task."""
        body, name = task.body, task.name
        times = {core: above(each.high) for core, each in task.bodies.items()}
        if any(each.high.denominator != 1 for each in task.bodies.values()):
            self.file.warn("execution times are rounded up to whole ns")
        if body.branches:
            self.file.warn(
                f"{cut(name)}: of its switches the longest branch is taken, {duration(times[next(iter(times))])}"
            )
        if len(times) > 1 and (body.sections or body.points) and len(set(times.values())) > 1:
            self.file.fail(
                task.element, f"task {cut(name)!r} holds semaphores on cores of several speeds: not carried over"
            )
        found: dict[str, Any] = {
            "name": name,
            "wcet": {core: duration(time) for core, time in times.items()},
            "sections": self.sections(body, next(iter(times.values()))),
            **self.release(task),
        }
        if task.ordering == "fp":
            found["priority"] = self.priority(task.element, task.allocation)
        if task.element.get("preemption") in ("non_preemptive", "cooperative"):
            self.file.warn("non-preemptive and cooperative tasks run without preemption between their schedule points")
            regions = self.regions(body, next(iter(times.values())))
            found.update({"regions": regions} if regions else {"preemptive": False})
        self.execution(task, found)
        return found

    def sections(self, body: Body, time: int) -> list[dict[str, str]]:
        """Critical sections, rounded outwards and not beyond the end."""
        found = []
        for name, start, held in sorted(body.sections, key=lambda each: each[1]):
            begin, end = int(start), min(above(start + held), time)
            found.append({"resource": name, "start": duration(begin), "length": duration(end - begin)})
        return found

    def regions(self, body: Body, time: int) -> list[str]:
        """What runs without preemption between schedule points; nothing where there are none inside."""
        ends = sorted({above(at) for at in body.points if 0 < above(at) < time})
        return [duration(b - a) for a, b in zip([0, *ends], [*ends, time], strict=True)] if ends else []

    def limited(self) -> bool:
        """Whether tasks have schedule points within, which takes that none is preemptive."""
        kinds = {task.element.get("preemption", "preemptive") for task in self.tasks.values()}
        if not any(
            task.body.points and self.regions(task.body, above(task.body.high))
            for task in self.tasks.values()
            if task.element.get("preemption") in ("non_preemptive", "cooperative")
        ):
            return False
        if "preemptive" in kinds:
            self.file.fail(
                self.file.root,
                "schedule points within a task beside preemptive tasks are not carried over; remove the points, or "
                "split the task there",
            )
        return True

    def release(self, task: _Allocated) -> dict[str, Any]:
        """When a task is released, and by when it has to be done."""
        limit = self.limits.get(task.name)
        found: dict[str, Any] = {}
        if task.name in self.woken:
            waker, likely = self.woken[task.name]
            found["after"] = {"task": waker, "probability": float(likely)} if likely < 1 else waker
        else:
            found.update(arrivals(self.file, task.stimulus))
        if limit is not None:
            found.update(deadline=duration(limit[0]), criticality=limit[1])
            if limit[2]:
                found["id"] = limit[2]
            return found
        root = task
        while root.name in self.woken:
            root = self.tasks[self.woken[root.name][0]]
        first = arrivals(self.file, root.stimulus)
        if "period" not in first:
            self.file.fail(
                task.element, f"task {cut(task.name)!r} has one job and no limit on its response time; give it one"
            )
        found["deadline"] = first["period"]
        self.file.warn(
            f"{cut(task.name)}: nothing limits its response time; its deadline is {first['period']} here, soft"
        )
        return found

    def execution(self, task: _Allocated, found: dict[str, Any]) -> None:
        """How execution times vary, where that can be said of the whole task."""
        body = task.body
        if body.low == body.high:
            return
        if len(body.drawn) == 1 and not body.branches:
            value, of_one = body.drawn[0]
            deviation = value.find("deviation")
            kind = value.type if deviation is None else "".join(each.type for each in deviation.all("distribution"))
            if kind in ("DiscreteValueUniformDistribution", "UniformDistribution") and body.low:
                found["execution"] = {"kind": "uniform", "low": float(body.low / body.high)}
                return
            if kind == "DiscreteValueGaussDistribution":
                high, low = (self.file.number(value, key) * of_one for key in ("upperBound", "lowerBound"))
                mean = body.high - high + self.file.number(value, "mean") * of_one
                if body.high - high + low <= mean <= body.high and float(mean / body.high) >= 1e-6:
                    found["execution"] = {
                        "kind": "normal", "mean": float(mean / body.high),
                        "std": float(self.file.number(value, "sd") * of_one / body.high),
                        "low": max(float(body.low / body.high), 1e-6),
                    }  # fmt: skip
                    return
        self.file.warn(
            f"{cut(task.name)}: takes between {duration(int(body.low))} and {duration(above(body.high))} there; every "
            "job takes the most here"
        )

    def protocol(self, name: str) -> str:
        """The protocol of a semaphore."""
        semaphore = self.file.named("semaphores")[name]
        kind = semaphore.get("semaphoreType", "Mutex")
        if (
            self.file.number(semaphore, "maxValue", "1") != 1
            or semaphore.get("initialValue", "0") != "0"
            or kind == "Spinlock"
        ):
            self.file.fail(
                semaphore,
                f"semaphore {cut(name)!r}: only those that one task holds, and others wait for passively, are "
                "carried over",
            )
        return "ceiling" if semaphore.get("priorityCeilingProtocol") == "true" else "none"

    def unique_ids(self, found: list[dict[str, Any]]) -> None:
        """Names of requirements as ids, where they can be."""
        seen: set[str] = set()
        for each in found:
            name = each.get("id", "")
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}", name) or name in seen:
                each.pop("id", None)
            seen.add(name)
