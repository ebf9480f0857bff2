"""AMALTHEA's requirements: limits on response times become deadlines, latencies of event chains limits of chains."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from rtsched.importers.amaltheafile import AmaltheaFile, duration
from rtsched.importers.xml import Element
from rtsched.model.document import cut

#: Of a requirement whose breach is more than a blemish.
HARD: Final = ("Major", "Critical", "Blocker")
#: Requirements that are listed only: nothing here checks them.
LEFT_OUT: Final = (
    "dataAgeConstraints", "affinityConstraints", "runnableSequencingConstraints", "dataCoherencyGroups",
    "dataStabilityGroups", "physicalSectionConstraints",
)  # fmt: skip


def limits(file: AmaltheaFile) -> dict[str, tuple[int, str, str]]:
    """By task: the upper limit on its response time in ns, its criticality, and what the requirement is called."""
    found: dict[str, tuple[int, str, str]] = {}
    for requirement in file.all("requirements"):
        limit = requirement.find("limit")
        name = requirement.get("name")
        upper = limit is not None and limit.get("limitType") == "UpperLimit"
        if requirement.type != "ProcessRequirement" or limit is None or not upper:
            _left_out(file, requirement)
            continue
        if limit.type != "TimeRequirementLimit" or limit.get("metric") != "ResponseTime":
            _left_out(file, requirement)
            continue
        task = file.needed(requirement, "process", "tasks").get("name")
        time = file.time(limit.find("limitValue"))
        if not time:
            file.fail(limit, f"requirement {cut(name)!r}: its limit is 0; give it a positive time")
        criticality = "hard" if requirement.get("severity") in HARD else "soft"
        if task in found:
            file.warn(f"{cut(task)}: has several limits on its response time; the shortest is taken")
        if task not in found or time < found[task][0]:
            found[task] = time, criticality, name
    for tag in LEFT_OUT:
        if file.all(tag):
            file.warn(f"{len(file.all(tag))} {tag} are not carried over: nothing here checks them")
    return found


def _left_out(file: AmaltheaFile, requirement: Element) -> None:
    file.warn(
        f"line {requirement.line}: requirement {cut(requirement.get('name'))!r} is not carried over: only upper limits "
        "on the response time of tasks are"
    )


def chains(file: AmaltheaFile, woken: dict[str, str]) -> list[dict[str, Any]]:
    """The chains of which a latency is required; `woken` tells by which task each task is released."""
    found: dict[str, dict[str, Any]] = {}
    for constraint in file.all("timingConstraints"):
        name = cut(constraint.get("name"))
        if constraint.type != "EventChainLatencyConstraint":
            file.warn(f"line {constraint.line}: {constraint.type} {name!r} is not carried over: nothing here checks it")
            continue
        scope = file.needed(constraint, "scope", "eventChains")
        if file.time(constraint.find("minimum")):
            file.warn(f"{name}: a least latency is not checked here")
        maximum = file.time(constraint.find("maximum"))
        if not maximum:
            file.warn(f"{name}: requires no greatest latency and is left out")
            continue
        begin, tasks = _path(file, scope)
        key = _quantity(file, constraint, begin, tasks, woken)
        chain = found.setdefault(scope.get("name"), {"name": scope.get("name"), "tasks": tasks})
        if key in chain:
            file.fail(constraint, f"the chain {cut(scope.get('name'))!r} has two such limits; leave one")
        chain[key] = duration(maximum)
        if "id" not in chain and constraint.get("name"):
            chain["id"] = constraint.get("name")
    for chain_element in file.all("eventChains"):
        if chain_element.get("name") not in found:
            file.warn(f"event chain {cut(chain_element.get('name'))}: nothing is required of it, and it is left out")
    return list(found.values())


def _quantity(file: AmaltheaFile, constraint: Element, begin: str, tasks: list[str], woken: dict[str, str]) -> str:
    """Which limit of a chain a latency is."""
    kind, name = constraint.get("type"), cut(constraint.get("name"))
    if kind == "Reaction":
        if begin == "start":
            return "max_reduced_reaction"
        if all(woken.get(later) == earlier for earlier, later in pairwise(tasks)):
            return "max_latency"
        file.warn(
            f"{name}: counts from an activation there, from a stimulus that the first task just missed here: stricter"
        )
        return "max_reaction"
    if kind == "Age":
        if begin != "start":
            file.fail(constraint, f"{name}: ages count from the start of a task here; let its chain begin with a start")
        return "max_reduced_age"
    file.fail(constraint, f"{name}: its type is {cut(kind)!r}; give Reaction or Age")


def _path(file: AmaltheaFile, chain: Element) -> tuple[str, list[str]]:
    """With what a chain begins, and its tasks one after the other."""
    links = _links(file, chain, ())
    begin, first = _task(file, links[0], "stimulus")
    tasks = [first]
    for number, link in enumerate(links):
        _, here = _task(file, link, "stimulus")
        end, task = _task(file, link, "response")
        if here != tasks[-1]:
            file.fail(link, f"does not begin where the part before it ends, with {cut(tasks[-1])!r}; correct it")
        if task != tasks[-1]:
            tasks.append(task)
        if number == len(links) - 1 and end != "terminate":
            file.fail(link, "ends with an event that is not the termination of a task; let it")
    if len(tasks) < 2 or len(set(tasks)) < len(tasks):
        file.fail(chain, f"the chain {cut(chain.get('name'))!r} has no two tasks, or one of them twice; correct it")
    return begin, tasks


def _links(file: AmaltheaFile, chain: Element, above: tuple[str, ...]) -> list[Element]:
    """The parts of a chain that have no parts."""
    if chain.get("itemType") == "parallel" or chain.all("strands"):
        file.fail(
            chain, f"the chain {cut(chain.get('name'))!r} has parallel parts: not carried over; write each as one"
        )
    if len(above) > 16 or (chain.get("name") and chain.get("name") in above):
        file.fail(chain, f"the chain {cut(chain.get('name'))!r} contains itself; correct it")
    found: list[Element] = []
    for item in chain.all("items", "segments"):
        inner = item.find("eventChain")
        if inner is None:
            inner = file.needed(item, "eventChain", "eventChains")
        found += _links(file, inner, (*above, chain.get("name")))
        if len(found) > 1000:
            file.fail(item, "has more than 1000 parts; write it shorter")
    return found or [chain]


def _task(file: AmaltheaFile, link: Element, end: str) -> tuple[str, str]:
    """What happens at an end of a link, and to which task."""
    event = file.needed(link, end, "events")
    if event.type == "ProcessEvent":
        kind = event.get("eventType")
        if kind not in ("activate", "start", "terminate"):
            file.fail(
                event,
                f"event {cut(event.get('name'))!r}: its eventType is {cut(kind)!r}; give activate, start or terminate",
            )
        return kind, file.needed(event, "entity", "tasks").get("name")
    if event.type == "StimulusEvent":
        stimulus = file.needed(event, "entity", "stimuli")
        users = [task for task in file.all("tasks") if stimulus in file.references(task, "stimuli", "stimuli")]
        if len(users) == 1:
            return "activate", users[0].get("name")
    file.fail(
        event,
        f"event {cut(event.get('name'))!r} is none of a single task: not carried over; let chains consist of those",
    )
