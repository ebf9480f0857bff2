"""Where AMALTHEA's tasks run: cores with their frequencies, schedulers with their algorithms, and who serves whom."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from rtsched.importers.amaltheafile import AmaltheaFile
from rtsched.importers.amaltheagraph import CallGraphs, S
from rtsched.importers.xml import Element
from rtsched.model.document import cut

#: Scheduling algorithms (or the names of scheduler definitions) that rtsched has, too.
ORDERINGS: Final = {
    "OSEK": "fp", "FixedPriorityPreemptive": "fp", "FixedPriority": "fp", "RateMonotonic": "rm",
    "DeadlineMonotonic": "dm", "EarliestDeadlineFirst": "edf",
}  # fmt: skip
_PRIORITY: Final = re.compile(r"-?\d{1,9}")


class Places:
    """The cores and the schedulers of a file."""

    def __init__(self, file: AmaltheaFile) -> None:
        self.file = file
        self.cores = file.named("modules") or file.named("cores")
        self.served: dict[str, dict[str, Element]] = {}

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
                    if (
                        f"{category.get('name')}/{feature.get('name')}" in words
                        and category.get("name") == "Instructions"
                    ):
                        value = self.file.number(feature, "value")
        else:
            value = self.file.number(definition, "instructionsPerCycle", "1")
        if not value:
            self.file.fail(definition, "its instructions per cycle are 0; give a positive number")
        return value

    def graphs(self, core: Element) -> CallGraphs:
        """What computes the times of tasks on a core."""
        of_tick = S / self.hertz(core)
        of_instruction: list[Fraction] = []

        def rate(_: Element, instructions: bool) -> Fraction:
            if not instructions:
                return of_tick
            if not of_instruction:
                of_instruction.append(of_tick / self.instructions(core))
            return of_instruction[0]

        return CallGraphs(self.file, rate, unquote_plus(core.get("definition").partition("?type=")[0]))

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
            self.file.fail(
                scheduler,
                f"scheduler {cut(scheduler.get('name'))!r} has a parent: not carried over; give it cores of its own",
            )
        if kind not in ORDERINGS:
            known = ", ".join(sorted(ORDERINGS))
            self.file.fail(
                algorithm or scheduler, f"the scheduling algorithm {cut(kind)!r} is not carried over; known: {known}"
            )
        return ORDERINGS[kind]

    def eligible(self, allocation: Element, scheduler: Element) -> list[Element]:
        """The cores that a task may run on."""
        file = self.file
        tag = "modules" if file.named("modules") else "cores"
        if not self.served:
            self.allocate(tag)
        served = self.served.get(scheduler.get("name"), {})
        if not file.all("schedulerAllocation") and self.only_scheduler() and len(self.cores) == 1:
            served = self.cores
            file.warn("no scheduler is allocated to a core; there is only one of each, and they are taken")
        wanted = {core.get("name") for core in file.references(allocation, "affinity", tag)}
        cores = [core for name, core in served.items() if not wanted or name in wanted]
        if not cores:
            name = cut(scheduler.get("name"))
            file.fail(allocation, f"scheduler {name!r} serves no core that the task may use; add a schedulerAllocation")
        return cores

    def allocate(self, tag: str) -> None:
        """Find which cores each scheduler serves."""
        by_core: dict[str, str] = {}
        for each in self.file.all("schedulerAllocation"):
            scheduler = self.file.reference(each, "scheduler", "taskSchedulers")
            for core in self.file.references(each, "responsibility", tag) if scheduler is not None else ():
                name = scheduler.get("name") if scheduler is not None else ""
                if by_core.setdefault(core.get("name"), name) != name:
                    self.file.fail(
                        each,
                        f"two schedulers serve {cut(core.get('name'))!r}: not carried over; give each its own cores",
                    )
                self.served.setdefault(name, {})[core.get("name")] = core

    def priority(self, task: Element, allocation: Element) -> int:
        """The priority of a task, largest first there and smallest first here."""
        parameters = allocation.find("schedulingParameters")
        word = "" if parameters is None else parameters.get("priority")
        for each in allocation.all("schedulingParameters"):
            value = each.find("value")
            if each.get("key").partition("?type=")[0] == "priority" and value is not None:
                word = value.get("value")
        if not word:
            word = self.file.property(task, "priority")
            if word:
                self.file.warn(
                    "priorities are taken from the custom property 'priority', where migrated models have them"
                )
        if not _PRIORITY.fullmatch(word):
            self.file.fail(
                allocation,
                f"task {cut(task.get('name'))!r} has no priority that is a whole number; give schedulingParameters one",
            )
        return -int(word)
