"""What a proof takes for granted of the chip, its software and the world: each to be declared by who knows them.

What a system file or its platform models is asked for as it is modelled; all else is asked for as nothing: one overhead
that is given does not stand for the others. What a source says of a chip's driver stands beside the assumption.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtsched.model.platform import Driver
from rtsched.schedulability.result import Assumption
from rtsched.units import format_duration
from rtsched.verify.verification import Verification

#: What is taken to cost nothing, unless it is given: by the assumption's name, in a word.
COSTS = {
    "switches": "switches",
    "migrations": "migrations",
    "decisions": "scheduling decisions",
    "caches": "refilled caches",
    "interrupts": "interrupts",
    "submission": "submitting to accelerators and waiting for them",
}
#: Who says what something costs, where it is not nothing.
GIVEN = "the system file"
#: What is taken to stay away.
QUIET = {
    "other-load": "other load",
    "timers": "late timers",
    "frequency": "slower clocks",
    "temperature": "throttling",
    "memory": "paging",
    "faults": "faults",
}
_ORDERS = {"fifo": "first come, first served", "fp": "by fixed priorities", "edf": "by deadline", "fair": "in turns, "
           "by the time that each has had", "time slices": "in turns, a slice of time each"}  # fmt: skip
#: How a driver calls the orders that theorems know.
_SAME = {"FP": "fp", "EDF": "edf", "FIFO": "fifo"}
_TIES = {
    "FP": "equal priorities: the task that stands first in the file, and its earlier job; "
    "of a job the node that stands first",
    "EDF": "equal deadlines: what was released first, then the task, of a job the node that stands first in the file",
    "FIFO": "the same instant: the task that stands first in the file",
}


def surroundings(found: Verification) -> list[Assumption]:
    """What the chip, its drivers, the operating system and the world are assumed to do."""
    places = _used(found)
    made = [*_service(found), *_order(found, places), *_costs(found, places), *_quiet(found, places)]
    if len(found.system.processors) > 1:
        text = "the execution times were measured under the contention for memory that the whole system causes"
        made.append(Assumption(text, "declared", id="contention"))
    return made


def brief(items: Iterable[Assumption]) -> list[str]:
    """The assumptions for a screen: what costs nothing in one sentence, what stays away in another, the rest whole."""
    shown, free, away = [], [], []
    for item in items:
        if item.id in COSTS and not item.by and item.state == "open":
            free.append(COSTS[item.id])
        elif item.id in QUIET and item.state == "open":
            away.append(QUIET[item.id])
        else:
            evidence = f" ({item.evidence})" if item.evidence and item.against else ""
            said = f" [{': '.join(word for word in (item.state, item.how) if word)}]" if item.state != "open" else ""
            shown.append(f"{item.status}: {item.text}{evidence}{said}")
    if free:
        shown.append(f"declared: nothing beyond the execution times is lost to {_either(free)}")
    if away:
        shown.append(f"declared: no {_either(away)}")
    return shown


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _used(found: Verification) -> list[int]:
    """The processors that some node may use, ascending; links are none."""
    system = found.system
    places = {place for task in system.tasks for node in task.nodes for place in node.eligible}
    return sorted(place for place in places if system.processors[place].kind != "link")


def _names(found: Verification, places: Iterable[int]) -> str:
    """Processors by name, whole clusters by theirs."""
    processors, mine = found.system.processors, set(places)
    shown: dict[str, None] = {}
    for place in sorted(mine):
        cluster = processors[place].cluster
        whole = all(each.index in mine for each in processors if each.cluster == cluster)
        shown[cluster if whole else processors[place].name] = None
    names = list(shown)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _driver(found: Verification, cluster: str) -> Driver | None:
    described = found.loaded.platform.processors.get(cluster)
    return None if described is None else described.driver


def _by_driver(found: Verification, places: Iterable[int]) -> dict[tuple[str, str], list[int]]:
    """Processors that go by one ordering, together where no driver is named, else cluster by cluster.

    By the name of that cluster, if any, and of the ordering.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place in places:
        cluster = found.system.processors[place].cluster
        named = cluster if _driver(found, cluster) is not None else ""
        name = found.analysis.policy.of([cluster]).ordering.name
        groups.setdefault((named, name), []).append(place)
    return groups


def _told(driver: Driver) -> str:
    version = "" if driver.version is None else f" {driver.version}"
    return f"{driver.name}{version}: {driver.evidence}"


def _service(found: Verification) -> list[Assumption]:
    """Whether processors interrupt what they run, and what is known of that."""
    serving: dict[str, set[int]] = {}
    for part in found.analysis.parts:
        for how, places in part.view.service.items():
            serving.setdefault(how, set()).update(places)
    made = []
    for how, mine in serving.items():
        for (cluster, _), those in _by_driver(found, sorted(mine)).items():
            driver = _driver(found, cluster) if cluster else None
            against = driver is not None and driver.interrupts not in (None, "never" if "never" in how else "any time")
            who = _names(found, those)
            verb = how if " and " not in who else _plural(how)
            made.append(
                Assumption(
                    f"{who} {verb}",
                    "declared",
                    id=f"service.{_tag(who)}",
                    evidence="" if driver is None else _told(driver),
                    against=against,
                )
            )
    return made


def _plural(how: str) -> str:
    return how.replace("never interrupts", "never interrupt").replace("is preempted", "are preempted")


def _tag(who: str) -> str:
    return who.replace(" and ", "+").replace(", ", "+")


def _order(found: Verification, places: list[int]) -> list[Assumption]:
    """The order in which what waits is served, and how ties end; what a driver is known to do instead."""
    policy = found.analysis.policy
    if policy.whole is not None:
        return [Assumption(f"the scheduler does what {policy.whole} says, its ties included", "declared", id="order")]
    made = []
    groups = _by_driver(found, places)
    several = sum(not cluster for cluster, _ in groups) > 1
    for (cluster, name), mine in groups.items():
        order = policy.of([found.system.processors[mine[0]].cluster]).order
        tie = _TIES.get(order, "its own key, then the task that stands first in the file")
        driver = _driver(found, cluster) if cluster else None
        who = _names(found, mine)
        text = f"what waits for {who} is served in the order of the policy, {name}"
        against = driver is not None and driver.order not in (None, _SAME.get(order))
        if against and driver is not None and driver.order is not None:
            text += (
                f"; its driver serves {_ORDERS[driver.order]}: something above it has to hold the rest back "
                "and to submit one at a time"
            )
        else:
            text += f", and no processor idles while something could run on it ({tie})"
        evidence = "" if driver is None else _told(driver)
        named = cluster or (_tag(who) if several else "")
        id = f"order.{named}" if named else "order"
        made.append(Assumption(text, "declared", id=id, evidence=evidence, against=against))
    return made


def _costs(found: Verification, places: list[int]) -> list[Assumption]:
    """What switches, decisions, interrupts and drivers cost: what is given, else nothing."""
    system = found.system
    processors, given = system.processors, system.overheads
    cores = [place for place in places if processors[place].kind in ("cpu", "mcu")]
    others = [place for place in places if place not in cores]
    preempted = {place for part in found.analysis.parts for how, mine in part.view.service.items()
                 if "preempted" in how for place in mine}  # fmt: skip
    several = any(len(node.eligible) > 1 for task in system.tasks for node in task.nodes)
    start = [processors[place].context_switch + given.context_switch for place in places]
    move = [processors[place].migration + given.migration for place in places]
    made = [_cost("switches", start, "a switch from one task to another", "no switch takes longer than")]
    if several and preempted:
        made.append(
            _cost("migrations", move, "a job that goes on on another processor", "no migration costs more than")
        )
    if found.system.planner is None:
        text = "no decision of the scheduler takes longer than"
        made.append(_cost("decisions", [given.scheduling], "a decision of the scheduler", text))
    if preempted:
        who = _names(found, preempted)
        text = f"who goes on after an interruption on {who} finds the caches as it left them"
        if any(start):
            text = "what is given for a switch contains refilling the caches (cache-related preemption delay)"
        made.append(Assumption(text, "declared", id="caches", by=GIVEN if any(start) else ""))
    if cores:
        text = f"interrupts, and what the operating system does by itself, take no time from {_names(found, cores)}"
        made.append(Assumption(text, "declared", id="interrupts"))
    if others:
        text = f"submitting to {_names(found, others)} and waiting for the end takes no time, of whatever processor"
        levels = [unit.block_level for unit in found.loaded.platform.processors.values() if unit.block_level]
        launch = max((level.launch for level in levels), default=0)
        if launch:
            text += f", beside the {format_duration(launch)} of a launch"
        made.append(Assumption(text, "declared", id="submission", by=GIVEN if launch else ""))
    return made


def _cost(name: str, amounts: list[int], who: str, limit: str) -> Assumption:
    """That something costs nothing, or no more than is given."""
    most = max(amounts, default=0)
    if not most:
        return Assumption(f"{who} takes no time beyond the execution times", "declared", id=name)
    where = "" if min(amounts) else ", and nothing where none is given"
    return Assumption(f"{limit} {format_duration(most)}{where}", "declared", id=name, by=GIVEN)


def _quiet(found: Verification, places: list[int]) -> list[Assumption]:
    """What stays away: other load, late timers, slower clocks, heat, paging, faults."""
    loaded, hardware = found.loaded, found.system.hardware
    who = _names(found, places) if places else "the platform"
    clusters = {found.system.processors[place].cluster for place in places}
    clock = "timers fire on time: no release is later than the given jitter"
    if len(clusters) > 1:
        clock += f", and {who} go by one clock"
    power = None if hardware is None else hardware.power
    mode = "" if power is None or power.mode is None else f" (power mode {power.mode})"
    texts: list[tuple[str, str, bool]] = [
        ("other-load", f"nothing else runs on {who}: no other process, driver, display or network", True),
        ("timers", clock, True),
        ("frequency", f"the clocks of {who} stay where the execution times hold{mode}", True),
        ("temperature", f"nothing slows {who} down for heat or power", True),
        ("memory", "code, weights and buffers stay in memory: nothing is paged or loaded while jobs run",
         not any(loaded.platform.processors[name].weights for name in clusters if name in loaded.platform.processors)),
        ("faults", "no processor, link, sensor or memory fails", not (hardware is not None and hardware.faults)),
    ]  # fmt: skip
    return [Assumption(text, "declared", id=name) for name, text, asked in texts if asked]
