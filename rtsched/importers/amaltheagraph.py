"""AMALTHEA's call graphs: what a job of a task does, from runnable to runnable, and how long each part takes.

Of a switch the longest branch is taken. Ticks become time by the frequency of the core that runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from rtsched.importers.amaltheafile import AmaltheaFile
from rtsched.importers.xml import Element
from rtsched.model.document import cut

#: The children that are steps, in all versions of the format since 0.7.
STEPS: Final = ("items", "graphEntries", "calls", "runnableItems", "callGraph", "activityGraph")
#: Steps that take no time here and change nothing that is carried over; the value is what is said of them.
SILENT: Final = {
    "LabelAccess": "accesses to labels take no time here: put theirs into the ticks",
    "ModeLabelAccess": "modes are not carried over: of a switch the longest branch is taken",
    "ChannelSend": "accesses to channels take no time here: put theirs into the ticks",
    "ChannelReceive": "accesses to channels take no time here: put theirs into the ticks",
    "CustomEventTrigger": "custom events are not carried over",
    "SetEvent": "OS events that are set are not carried over",
    "ClearEvent": "OS events that are cleared are not carried over",
    "SenderReceiverRead": "accesses to labels take no time here: put theirs into the ticks",
    "SenderReceiverWrite": "accesses to labels take no time here: put theirs into the ticks",
}
CALLS: Final = {
    "RunnableCall": "runnable", "TaskRunnableCall": "runnable", "SynchronousServerCall": "serverRunnable",
}  # fmt: skip
TRIGGERS: Final = ("InterProcessTrigger", "InterProcessActivation")
SWITCHES: Final = ("ModeSwitch", "RunnableModeSwitch", "Switch")
CHANCES: Final = ("ProbabilitySwitch", "RunnableProbabilitySwitch")
#: Of runnables in runnables, and of steps that one task comes to when all calls are written out.
_MOST_CALLS: Final = 100
_MOST_STEPS: Final = 50_000
S: Final = 10**9

#: What ticks (or instructions, where the flag is set) take, in ns.
Rate = Callable[[Element, bool], Fraction]


@dataclass
class Trigger:
    """Another task that is released on the way: how likely, and whether work of the releasing job comes after it."""

    element: Element
    probability: Fraction = Fraction(1)
    inside: bool = False


@dataclass
class Body:
    """What some steps come to, one after the other: times in ns, at most and at least.

    `drawn` are the values that vary, each with what one of it takes.
    """

    high: Fraction = Fraction(0)
    low: Fraction = Fraction(0)
    drawn: list[tuple[Element, Fraction]] = field(default_factory=list)
    branches: bool = False
    sections: list[tuple[str, Fraction, Fraction]] = field(default_factory=list)
    held: dict[str, Fraction] = field(default_factory=dict)
    points: list[Fraction] = field(default_factory=list)
    triggers: dict[str, Trigger] = field(default_factory=dict)

    def take(self, high: Fraction, low: Fraction) -> None:
        """Let time pass."""
        self.high += high
        self.low += low
        if high:
            for trigger in self.triggers.values():
                trigger.inside = True


class CallGraphs:
    """The bodies of tasks, on a core of a given rate."""

    def __init__(self, file: AmaltheaFile, rate: Rate, definition: str = "") -> None:
        self.file = file
        self.rate = rate
        self.definition = definition
        self.steps = 0

    def body(self, task: Element) -> Body:
        """What a job of a task does."""
        body = Body()
        self.steps = 0
        self.sequence(task, body, ())
        for semaphore in body.held:
            self.file.fail(task, f"task {cut(task.get('name'))!r} never releases {cut(semaphore)!r}; let it")
        return body

    def sequence(self, parent: Element, body: Body, calls: tuple[str, ...]) -> None:
        """The steps below an element, one after the other."""
        for step in parent.all(*STEPS):
            self.steps += 1
            if self.steps > _MOST_STEPS:
                self.file.fail(step, f"a task comes to more than {_MOST_STEPS} steps; call less")
            self.step(step, body, calls)

    def step(self, step: Element, body: Body, calls: tuple[str, ...]) -> None:
        """One step."""
        kind = step.type
        if kind in ("", "Group", "CallSequence"):
            if kind == "Group" and step.get("ordered") == "false":
                self.file.warn("where the order of calls is open, the file's is taken")
            self.sequence(step, body, calls)
        elif kind in CALLS:
            self.call(step, body, calls)
        elif kind in ("Ticks", "RunnableInstructions", "ExecutionNeed"):
            self.ticks(step, body)
        elif kind in SWITCHES or kind in CHANCES:
            self.switch(step, body, calls)
        elif kind in TRIGGERS:
            self.trigger(step, body)
        elif kind == "SemaphoreAccess":
            self.semaphore(step, body)
        elif kind == "SchedulePoint":
            body.points.append(body.high)
        elif kind in SILENT:
            self.file.warn(SILENT[kind])
        else:
            self.file.fail(step, f"a step of type {cut(kind)!r} is not carried over; replace it, or remove it")

    def call(self, step: Element, body: Body, calls: tuple[str, ...]) -> None:
        """A runnable, written out where it is called."""
        runnable = self.file.needed(step, CALLS[step.type], "runnables")
        name = runnable.get("name")
        if name in calls:
            self.file.fail(step, f"the runnable {cut(name)!r} calls itself; correct it")
        if len(calls) >= _MOST_CALLS:
            self.file.fail(step, f"runnables call each other deeper than {_MOST_CALLS}; call less")
        if step.find("counter") is not None and self.file.whole(step.all("counter")[0], "prescaler") > 1:
            self.file.warn(f"{cut(name)}: is called each so many times only there, each time here")
        self.sequence(runnable, body, (*calls, name))

    # ---- time ----------------------------------------------------------------------------------------------------

    def ticks(self, step: Element, body: Body) -> None:
        """How long a step computes."""
        instructions = step.type != "Ticks"
        value = self._amount(step)
        if instructions and value.tag in ("default", "extended", "needs") and value.find("value") is not None:
            if value.get("key", "Instructions") != "Instructions":
                self.file.fail(value, f"a need of {cut(value.get('key'))!r} is not carried over; give ticks")
            value = value.all("value")[0]
        high, low = self.bounds(value)
        of_one = self.rate(step, instructions)
        body.take(high * of_one, low * of_one)
        if high != low:
            body.drawn.append((value, of_one))

    def _amount(self, step: Element) -> Element:
        """What holds on this core: its own value, or the default."""
        for each in step.all("extended"):
            if self.definition and each.get("key").partition("?type=")[0] == self.definition:
                return each.find("value") or each
        found = step.find("default")
        if found is None:
            self.file.fail(step, f"{step.type}: holds no default for its core; give it one")
        return found

    def bounds(self, value: Element) -> tuple[Fraction, Fraction]:
        """The most and the least of a number that may be drawn."""
        deviation = value.find("deviation")
        if deviation is not None:  # until 0.9.2
            upper, lower = deviation.find("upperBound"), deviation.find("lowerBound")
            if upper is None:
                self.file.fail(deviation, "has no upper bound, and an execution time needs one; give it")
            return self._ordered(value, self.file.number(upper, "value"), lower, "value")
        if value.get("value"):
            constant = self.file.number(value, "value")
            return constant, constant
        if value.get("upperBound"):
            return self._ordered(value, self.file.number(value, "upperBound"), value, "lowerBound")
        entries = value.all("entries")
        if value.type == "DiscreteValueHistogram" and entries:
            return max(self.file.number(each, "upperBound") for each in entries), min(
                self.file.number(each, "lowerBound") for each in entries
            )
        if value.type.endswith(("Constant", "")) and not value.children and "Distribution" not in value.type:
            return Fraction(0), Fraction(0)  # a value of zero is not written
        self.file.fail(
            value, f"{value.type or value.tag}: has no upper bound, and an execution time needs one; give it"
        )

    def _ordered(self, value: Element, high: Fraction, lower: Element | None, key: str) -> tuple[Fraction, Fraction]:
        low = Fraction(0) if lower is None else self.file.number(lower, key)
        if low > high:
            self.file.fail(value, "the lower bound lies above the upper one; exchange them")
        return high, low

    # ---- branches ------------------------------------------------------------------------------------------------

    def switch(self, step: Element, body: Body, calls: tuple[str, ...]) -> None:
        """The longest branch; releases of other tasks from all of them."""
        entries = step.all("entries")
        chance = step.type in CHANCES
        weights = [self.file.number(each, "probability") for each in entries] if chance else []
        if chance and not sum(weights):
            self.file.fail(step, "the probabilities of its branches are 0; give some")
        shares = [weight / sum(weights) for weight in weights] if chance else [Fraction(1)] * len(entries)
        default = step.find("defaultEntry")
        if default is not None:
            entries, shares = [*entries, default], [*shares, Fraction(1)]
        branches = [self._branch(each, calls) for each in entries]
        if not branches:
            return
        if not chance and default is None:
            branches.append(Body())
        body.branches = True
        longest = max(branches, key=lambda each: each.high)
        for other in branches:
            if not _covers(longest, other):
                self.file.fail(
                    step, "a shorter branch holds a semaphore longer, or others, than the longest; give each its task"
                )
        start = body.high
        if any(each.triggers for each in branches) and not chance:
            self.file.warn("what a mode decides to release is released always here")
        fired = self._fired(branches, shares if chance else None)
        body.take(longest.high, min(each.low for each in branches))
        body.drawn += longest.drawn
        body.sections += [(name, start + at, held) for name, at, held in longest.sections]
        body.points += [start + at for at in longest.points]
        for name, trigger in fired.items():
            self._add(name, trigger, body)

    def _branch(self, entry: Element, calls: tuple[str, ...]) -> Body:
        branch = Body()
        self.sequence(entry, branch, calls)
        for semaphore in branch.held:
            self.file.fail(entry, f"the branch never releases {cut(semaphore)!r}; release it where it was requested")
        return branch

    @staticmethod
    def _fired(branches: list[Body], shares: list[Fraction] | None) -> dict[str, Trigger]:
        """What the branches of one switch release, and how likely."""
        found: dict[str, Trigger] = {}
        for number, branch in enumerate(branches):
            for name, trigger in branch.triggers.items():
                likely = trigger.probability * (shares[number] if shares is not None else 1)
                before = found.get(name)
                if before is None:
                    found[name] = Trigger(trigger.element, likely, trigger.inside)
                else:
                    before.probability = before.probability + likely if shares is not None else Fraction(1)
                    before.inside = before.inside or trigger.inside
        return found

    # ---- other tasks ---------------------------------------------------------------------------------------------

    def trigger(self, step: Element, body: Body) -> None:
        """A task that is released on the way."""
        stimulus = self.file.reference(step, "stimulus", "stimuli")
        if stimulus is None:
            self.file.warn("a trigger without a stimulus releases nothing")
            return
        if step.find("counter") is not None and self.file.whole(step.all("counter")[0], "prescaler") > 1:
            self.file.fail(step, "releases each so many times only: not carried over; remove its counter")
        self._add(stimulus.get("name"), Trigger(step), body)

    def _add(self, name: str, trigger: Trigger, body: Body) -> None:
        if name in body.triggers:
            self.file.fail(trigger.element, f"{cut(name)!r} is released more than once by one job: not carried over")
        body.triggers[name] = trigger

    def semaphore(self, step: Element, body: Body) -> None:
        """The beginning or the end of a critical section."""
        name = self.file.needed(step, "semaphore", "semaphores").get("name")
        access = step.get("access")
        if step.get("waitingBehaviour") == "active":
            self.file.fail(step, "waits actively for a semaphore: not carried over; let it wait passively")
        if access in ("request", "exclusive"):
            if name in body.held:
                self.file.fail(step, f"requests {cut(name)!r} while it holds it; release it first")
            body.held[name] = body.high
        elif access == "release":
            if name not in body.held:
                self.file.fail(step, f"releases {cut(name)!r}, which it does not hold here; request it before")
            start = body.held.pop(name)
            if body.high > start:
                body.sections.append((name, start, body.high - start))
        else:
            self.file.fail(step, f"access {cut(access)!r} to a semaphore is not carried over; request and release it")


def _covers(longest: Body, other: Body) -> bool:
    """Whether one body holds each semaphore as often and as long as another."""
    for name in {section[0] for section in other.sections}:
        here = sorted((held for each, _, held in longest.sections if each == name), reverse=True)
        there = sorted((held for each, _, held in other.sections if each == name), reverse=True)
        if len(here) < len(there) or any(mine < its for mine, its in zip(here, there, strict=False)):
            return False
    return True
