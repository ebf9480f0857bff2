"""AMALTHEA models of Eclipse APP4MC (.amxmi): tasks that call runnables, on the cores that their scheduler serves.

Read are the versions 0.8 to 0.9 as published, and the later ones where they have the same elements. What has the same
meaning here is carried over, what only describes more is listed, and what would change a verdict is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

from rtsched.errors import InputError
from rtsched.importers import amaltheachains
from rtsched.importers.amaltheafile import AmaltheaFile, above, duration
from rtsched.importers.amaltheagraph import Body, Graphs, S, Trigger
from rtsched.importers.amaltheastimuli import WOKEN, arrivals
from rtsched.importers.common import MOST_TASKS, ImportResult, build, reached, read_source
from rtsched.importers.importer import importer
from rtsched.importers.xml import Element
from rtsched.model.document import cut

#: Scheduling algorithms (or the names of scheduler definitions) that rtsched has, too.
ORDERINGS: Final = {
    "OSEK": "fp", "FixedPriorityPreemptive": "fp", "FixedPriority": "fp", "RateMonotonic": "rm",
    "DeadlineMonotonic": "dm", "EarliestDeadlineFirst": "edf",
}  # fmt: skip
_PRIORITY: Final = re.compile(r"-?\d{1,9}")


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


class _Reader:
    """One file on its way to a system."""

    def __init__(self, file: AmaltheaFile) -> None:
        self.file = file
        self.cores = file.named("modules") or file.named("cores")
        self.limits = amaltheachains.limits(file)
        for interrupt in file.all("isrs"):
            if interrupt.get("stimuli"):
                file.fail(interrupt, f"the interrupt routine {cut(interrupt.get('name'))!r} is not carried over; write it as a task")
            file.warn(f"the interrupt routine {cut(interrupt.get('name'))} is never activated and is left out")
        for tag in ("overhead", "osOverheads", "computationItems"):
            if file.all(tag):
                file.fail(file.all(tag)[0], "overheads of the operating system are not carried over; add them to the ticks")

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
                f"{file.path}: has no task that is ever activated; give a task a stimulus, a call graph and an allocation"
            )
        self.check_priorities()
        chains = amaltheachains.chains(file, {name: waker for name, (waker, _) in self.woken.items()})
        for chain in chains:
            gone = [name for name in chain["tasks"] if name not in self.tasks]
            if gone:
                raise InputError(f"{file.path}: the event chain {cut(chain['name'])!r} needs {cut(gone[0])!r}, which is never activated")
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
                self.file.root, "schedulers of several algorithms, and tasks that migrate: not carried over; split the file"
            )
        return {
            "ordering": common,
            "placement": "global" if migrates else "pinned",
            **({"preemption": "limited"} if self.limited() else {}),
            **{core: {"ordering": ordering} for core, ordering in by_core.items() if ordering != common},
        }

    # ---- hardware ------------------------------------------------------------------------------------------------

    def hertz(self, core: Element) -> Fraction:
        """The frequency of a core."""
        if core.tag == "modules":
            value = self.file.needed(core, "frequencyDomain", "domains").find("defaultValue")
        else:
            prescaler = core.find("prescaler")
            if prescaler is None:
                self.file.fail(core, f"the core {cut(core.get('name'))!r} has no prescaler; give it one with a quartz")
            value = self.file.needed(prescaler, "quartz", "quartzes").find("frequency")
            ratio = self.file.number(prescaler, "clockRatio", "1")
            if ratio not in (0, 1):
                self.file.fail(prescaler, "its clockRatio is not 1; give its quartz the frequency of the core")
        if value is None:
            self.file.fail(core, f"the core {cut(core.get('name'))!r} has no frequency; give its domain one")
        return self.file.hertz(value)

    def instructions(self, core: Element) -> Fraction:
        """The instructions per cycle of a core."""
        kind = "definition" if core.tag == "modules" else "coreType"
        definition = self.file.reference(core, kind, "definitions" if core.tag == "modules" else "coreTypes")
        if definition is None:
            return Fraction(1)
        value = Fraction(1)
        if core.tag == "modules":
            words = [unquote_plus(word.partition("?type=")[0]) for word in definition.get("features").split()]
            for category in self.file.all("featureCategories"):
                for feature in category.all("features"):
                    if f"{category.get('name')}/{feature.get('name')}" in words and category.get("name") == "Instructions":
                        value = self.file.number(feature, "value")
        else:
            value = self.file.number(definition, "instructionsPerCycle", "1")
        if not value:
            self.file.fail(definition, "its instructions per cycle are 0; give a positive number")
        return value

    def graphs(self, core: Element) -> Graphs:
        """What computes the times of tasks on a core."""
        of_tick = S / self.hertz(core)
        of_instruction: list[Fraction] = []

        def rate(_: Element, instructions: bool) -> Fraction:
            if not instructions:
                return of_tick
            if not of_instruction:
                of_instruction.append(of_tick / self.instructions(core))
            return of_instruction[0]

        return Graphs(self.file, rate, unquote_plus(core.get("definition").partition("?type=")[0]))

    # ---- where tasks run -----------------------------------------------------------------------------------------

    def allocated(self, task: Element) -> _Allocated | None:
        """A task with its stimulus, its scheduler and its cores; None where nothing activates it."""
        file, name = self.file, task.get("name")
        if len(name) > 200:
            file.fail(task, "its name has more than 200 letters; give it a shorter one")
        stimuli = file.references(task, "stimuli", "stimuli")
        if not stimuli:
            file.warn(f"{cut(name)}: is never activated and is left out")
            return None
        if len(stimuli) > 1:
            file.fail(task, f"task {cut(name)!r} has {len(stimuli)} stimuli: not carried over; give it one")
        found = [each for each in file.all("taskAllocation") if file.reference(each, "task", "tasks") is task]
        only = self.only_scheduler()
        if not file.all("taskAllocation") and only:
            found = [Element("taskAllocation", {"task": "", "scheduler": only}, task.line)]
            file.warn("no task is allocated to a scheduler; there is only one, and it is taken")
        if len(found) != 1:
            file.fail(task, f"task {cut(name)!r} is allocated to {len(found)} schedulers; give it one taskAllocation")
        scheduler = file.needed(found[0], "scheduler", "taskSchedulers")
        cores = self.eligible(found[0], scheduler)
        if task.get("preemption") not in ("", "preemptive", "non_preemptive", "cooperative"):
            file.fail(task, f"its preemption is {cut(task.get('preemption'))!r}; give preemptive, non_preemptive or cooperative")
        bodies = {core.get("name"): self.graphs(core).body(task) for core in cores}
        if not all(body.high for body in bodies.values()):
            file.fail(task, f"task {cut(name)!r} takes no time; give the runnables that it calls ticks")
        return _Allocated(task, name, stimuli[0], found[0], self.ordering(scheduler), scheduler.get("name"), bodies)

    def only_scheduler(self) -> str:
        """The scheduler of a file that has no other; empty where it has."""
        names = list(self.file.named("taskSchedulers"))
        return quote_plus(names[0]) if len(names) == 1 else ""

    def ordering(self, scheduler: Element) -> str:
        """The ordering of a scheduler."""
        algorithm = scheduler.find("schedulingAlgorithm")
        if algorithm is not None:
            kind = algorithm.type
        else:
            kind = unquote_plus(scheduler.get("definition").partition("?type=")[0])
        if scheduler.find("parentAssociation") is not None:
            self.file.fail(scheduler, f"scheduler {cut(scheduler.get('name'))!r} has a parent: not carried over; give it cores of its own")
        if kind not in ORDERINGS:
            known = ", ".join(sorted(ORDERINGS))
            self.file.fail(algorithm or scheduler, f"the scheduling algorithm {cut(kind)!r} is not carried over; known: {known}")
        return ORDERINGS[kind]

    def eligible(self, allocation: Element, scheduler: Element) -> list[Element]:
        """The cores that a task may run on."""
        file = self.file
        tag = "modules" if file.named("modules") else "cores"
        served = {
            core.get("name"): core
            for each in file.all("schedulerAllocation")
            if file.reference(each, "scheduler", "taskSchedulers") is scheduler
            for core in file.references(each, "responsibility", tag)
        }
        for each in file.all("schedulerAllocation"):
            other = file.reference(each, "scheduler", "taskSchedulers")
            if other is not scheduler and other is not None:
                for core in file.references(each, "responsibility", tag):
                    if core.get("name") in served:
                        file.fail(each, f"two schedulers serve {cut(core.get('name'))!r}: not carried over; give each its own cores")
        if not file.all("schedulerAllocation") and self.only_scheduler() and len(self.cores) == 1:
            served = self.cores
            file.warn("no scheduler is allocated to a core; there is only one of each, and they are taken")
        wanted = {core.get("name") for core in file.references(allocation, "affinity", tag)}
        cores = [core for name, core in served.items() if not wanted or name in wanted]
        if not cores:
            name = cut(scheduler.get("name"))
            file.fail(allocation, f"scheduler {name!r} serves no core that the task may use; add a schedulerAllocation")
        return cores

    def priority(self, task: _Allocated) -> int:
        """The priority of a task, largest first there and smallest first here."""
        parameters = task.allocation.find("schedulingParameters")
        word = "" if parameters is None else parameters.get("priority")
        for each in task.allocation.all("schedulingParameters"):
            value = each.find("value")
            if each.get("key").partition("?type=")[0] == "priority" and value is not None:
                word = value.get("value")
        if not word:
            word = self.file.property(task.element, "priority")
            if word:
                self.file.warn("priorities are taken from the custom property 'priority', where migrated models have them")
        if not _PRIORITY.fullmatch(word):
            self.file.fail(
                task.allocation, f"task {cut(task.name)!r} has no priority that is a whole number; give schedulingParameters one"
            )
        return -int(word)

    def check_priorities(self) -> None:
        """Refuse equal priorities: they are served first come first there, and in the order of the file here."""
        taken: dict[tuple[str, int], str] = {}
        for task in self.tasks.values():
            if task.ordering == "fp":
                key = task.scheduler, self.priority(task)
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
                self.file.fail(triggers[1][1].element, f"{cut(task.name)!r} is released by {names}: only one is carried over")
            for waker, trigger in triggers:
                self.check_place(task, waker, trigger)
                found[task.name] = waker.name, trigger.probability
        return found

    def ended(self, task: _Allocated) -> str:
        """The task whose end activates another one."""
        events = self.file.references(task.stimulus, "triggeringEvents", "events")
        if len(events) == 1 and events[0].type == "ProcessEvent" and events[0].get("eventType") == "terminate":
            name = self.file.needed(events[0], "entity", "tasks").get("name")
            if name in self.tasks:
                return name
        self.file.fail(
            task.stimulus, f"stimulus {cut(task.stimulus.get('name'))!r}: only the end of one activated task is carried over as its event"
        )

    def check_place(self, task: _Allocated, waker: _Allocated, trigger: Trigger) -> None:
        """A task is released by the end of another here; refuse where an earlier release would change anything."""
        if not trigger.inside:
            return
        same_core = len(waker.bodies) == 1 and waker.bodies.keys() == task.bodies.keys()
        waits = task.ordering == "fp" and self.priority(task) > self.priority(waker)
        alone = waker.element.get("preemption") == "non_preemptive" and not waker.body.points
        if not same_core or not (waits or alone) or waker.body.sections or task.name in self.limits:
            self.file.fail(
                trigger.element,
                f"{cut(waker.name)!r} releases {cut(task.name)!r} before it ends, and would at its end here; move the "
                "trigger to the end, or split the task there",
            )
        self.file.warn(
            f"{cut(task.name)}: is released before {cut(waker.name)} ends there, when it ends here; it is less urgent on "
            "the same core, so it runs at the same times"
        )

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def task(self, task: _Allocated) -> dict[str, Any]:
        """One task."""
        body, name = task.body, task.name
        times = {core: above(each.high) for core, each in task.bodies.items()}
        if any(each.high.denominator != 1 for each in task.bodies.values()):
            self.file.warn("execution times are rounded up to whole ns")
        if body.branches:
            self.file.warn(f"{cut(name)}: of its switches the longest branch is taken, {duration(times[next(iter(times))])}")
        if len(times) > 1 and (body.sections or body.points) and len(set(times.values())) > 1:
            self.file.fail(task.element, f"task {cut(name)!r} holds semaphores on cores of several speeds: not carried over")
        found: dict[str, Any] = {
            "name": name,
            "wcet": {core: duration(time) for core, time in times.items()},
            "sections": self.sections(body, next(iter(times.values()))),
            **self.release(task),
        }
        if task.ordering == "fp":
            found["priority"] = self.priority(task)
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
            self.file.fail(task.element, f"task {cut(task.name)!r} has one job and no limit on its response time; give it one")
        found["deadline"] = first["period"]
        self.file.warn(f"{cut(task.name)}: nothing limits its response time; its deadline is {first['period']} here, soft")
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
            f"{cut(task.name)}: takes between {duration(int(body.low))} and {duration(above(body.high))} there; every job takes "
            "the most here"
        )

    def protocol(self, name: str) -> str:
        """The protocol of a semaphore."""
        semaphore = self.file.named("semaphores")[name]
        kind = semaphore.get("semaphoreType", "Mutex")
        if self.file.number(semaphore, "maxValue", "1") != 1 or semaphore.get("initialValue", "0") != "0" or kind == "Spinlock":
            self.file.fail(
                semaphore, f"semaphore {cut(name)!r}: only those that one task holds at a time, and waits for passively, are carried over"
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
