"""The section of loads and resources: processors, allocation, memory, weights and energy, each with its limit."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched import api, units
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.report.blocks import Block, Table, Text
from rtsched.report.critical import again
from rtsched.report.facts import counted, listed
from rtsched.report.section import section
from rtsched.verify import words
from rtsched.verify.loads import judged
from rtsched.verify.verification import Verification

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.report.content import Report

#: More names than this are counted; the data have them all.
MOST = 40
#: The name of the run that the file declares.
DECLARED = "as declared"


@section("Loads and resources", 6)
def resources(report: Report) -> tuple[Block, ...]:
    """What is used of every unit, against what there is."""
    found = report.found
    seen = None
    if found.observation is not None:
        seen = api.summary(again(found, DECLARED, found.seed))
    blocks: list[Block] = [_loads(found, seen), Text(_LEGEND, note=True), _allocation(found), *_memory(found)]
    return (*blocks, *_energy(found, seen))


_LEGEND = (
    "load: the sum of C/T of what may run on this unit only, C without switches; shared: of what may also run "
    "elsewhere, on its fastest unit there; a task without a period, or after another, counts with its least distance "
    "or not at all. Lines with a dot are what must run on that one processor. More than 100 % per server cannot be "
    "scheduled; a smaller limit is one that the file states. busy: in the simulated run that the file declares, a "
    "sample and no bound."
)


def clusters(system: SystemSpec) -> dict[str, list[int]]:
    """The processors of each cluster, in the order of the platform."""
    made: dict[str, list[int]] = {}
    for processor in system.processors:
        made.setdefault(processor.cluster, []).append(processor.index)
    return made


def loads(system: SystemSpec) -> dict[str, tuple[Fraction, Fraction]]:
    """Per cluster C/T of the nodes that may run nowhere else, and of those that may run elsewhere, too."""
    made = {name: (Fraction(0), Fraction(0)) for name in clusters(system)}
    for task in system.tasks:
        period = _period(system, task)
        if not period:
            continue
        for node in task.nodes:
            best: dict[str, int] = {}
            for processor, time in zip(system.processors, node.times, strict=True):
                if time is not None:
                    best[processor.cluster] = min(time, best.get(processor.cluster, time))
            for name, time in best.items():
                alone, shared = made[name]
                share = Fraction(time, period)
                made[name] = (alone + share, shared) if len(best) == 1 else (alone, shared + share)
    return made


def pinned(system: SystemSpec) -> dict[int, Fraction]:
    """Per processor C/T of the nodes that may run on no other, where there are any."""
    made: dict[int, Fraction] = {}
    for task in system.tasks:
        period = _period(system, task)
        for node in task.nodes if period else ():
            if len(node.eligible) == 1:
                place = node.eligible[0]
                made[place] = made.get(place, Fraction(0)) + Fraction(node.times[place] or 0, period or 1)
    return made


def _period(system: SystemSpec, task: TaskSpec) -> int | None:
    """The least distance of a task's jobs, or of the one at the head of those that release it."""
    seen = {task.index}
    while task.period is None and task.after is not None and task.after not in seen:
        task = system.tasks[task.after]
        seen.add(task.index)
    return task.period


def _loads(found: Verification, seen: Summary | None) -> Table:
    busy: dict[str, list[float]] = {}
    for each in seen.processors if seen is not None else ():
        busy.setdefault(each.cluster, []).append(each.utilisation)
    taken = {each.name: each.utilisation for each in seen.processors} if seen is not None else {}
    places, own = clusters(found.system), pinned(found.system)
    rows: list[tuple[str, ...]] = []
    marked: set[int] = set()
    stated = {each.limit.of: each for each in judged(found)}

    def limit(name: str) -> str:
        if name not in stated:
            return "100 %"
        if stated[name].verdict == "unschedulable":
            marked.add(len(rows))
        id = stated[name].limit.id
        return words.percent(float(stated[name].limit.max_utilisation)) + f" ({id})" * bool(id)

    for name, (alone, shared) in loads(found.system).items():
        servers = len(places[name])
        if alone > servers:
            marked.add(len(rows))
        rows.append(
            (
                name,
                str(servers),
                words.percent(float(alone / servers)),
                words.percent(float(shared / servers)) if shared else "–",
                limit(name),
                words.percent(sum(busy[name]) / len(busy[name])) if name in busy else "–",
            )
        )
        for place in places[name] if servers > 1 else ():
            one = found.system.processors[place].name
            if place in own or one in stated:
                mine = own.get(place, Fraction(0))
                if mine > 1:
                    marked.add(len(rows))
                seen_of = words.percent(taken[one]) if one in taken else "–"
                rows.append((f"· {one}", "1", words.percent(float(mine)), "–", limit(one), seen_of))
    head = ("unit", "servers", "load", "shared", "limit", "busy")
    title = "Utilisation, per server of each unit"
    return Table(title, head, tuple(rows), (2.4, 1, 1, 1, 1, 1), frozenset(range(1, 6)), frozenset(marked))


def _allocation(found: Verification) -> Table:
    """Which nodes may run on which unit, and which of them must."""
    system = found.system
    rows = []
    for name, places in clusters(system).items():
        only: dict[str, None] = {}
        also: dict[str, None] = {}
        for task in system.tasks:
            here = [node for node in task.nodes if set(node.eligible) & set(places)]
            for group, mine in ((only, True), (also, False)):
                nodes = [node for node in here if (set(node.eligible) <= set(places)) == mine]
                if len(nodes) == len(task.nodes):
                    group[task.name] = None
                else:
                    group.update(dict.fromkeys(f"{task.name}.{node.name}" for node in nodes))
        rows.append((name, listed(list(only), MOST) if only else "–", listed(list(also), MOST) if also else "–"))
    return Table("Allocation", ("unit", "runs nowhere else", "may run here"), tuple(rows), (1.5, 4, 4))


def _memory(found: Verification) -> list[Block]:
    system, platform = found.system, found.loaded.platform
    weights: dict[str, int] = {}
    on: dict[str, dict[str, int]] = {}
    for task in system.tasks:
        for node in task.all_nodes:
            if node.hardware is None or not node.hardware.weights:
                continue
            network = node.hardware.network or task.name
            weights[network] = max(weights.get(network, 0), node.hardware.weights)
            for place in node.eligible:
                mine = on.setdefault(system.processors[place].cluster, {})
                mine[network] = max(mine.get(network, 0), node.hardware.weights)
    rows: list[tuple[str, ...]] = []
    marked: set[int] = set()

    def row(where: str, used: int, of: int | None, what: str) -> None:
        if of is not None and used > of:
            marked.add(len(rows))
        share = "–" if of is None else words.percent(used / of)
        rows.append((where, what, _size(used), "not stated" if of is None else _size(of), share))

    capacity = None if platform.memory is None else platform.memory.capacity
    if weights:
        row("memory", sum(weights.values()), capacity, f"weights of {counted(len(weights), 'network')}")
    for name, mine in on.items():
        own = platform.processors[name].weights if name in platform.processors else None
        if own is not None:
            row(name, sum(mine.values()), own.capacity, f"weights of {counted(len(mine), 'network')}")
    if not rows:
        text = "no weights or other memory are declared of what runs here, so nothing is compared with a capacity"
        limit = "" if capacity is None else f" (the platform has {_size(capacity)})"
        return [Text(f"{text}{limit}.", strong="Memory:")]
    head = ("where", "what", "used", "capacity", "share")
    table = Table("Memory", head, tuple(rows), (1.5, 4, 1.2, 1.2, 1), frozenset({2, 3, 4}), frozenset(marked))
    text = "more weights than an accelerator holds are loaded again and again. Activations and buffers are not counted."
    return [table, Text(text, note=True)]


def _energy(found: Verification, seen: Summary | None) -> list[Block]:
    figures = None if seen is None or seen.hardware is None else seen.hardware.energy
    if seen is None or figures is None:
        why = "nothing was simulated" if seen is None else "the system has no power model"
        return [Text(f"not known: {why}.", strong="Energy:")]
    power = found.system.hardware.power if found.system.hardware is not None else None
    battery = None if power is None else power.battery
    limit = "not stated" if battery is None else f"battery {words_energy(battery.capacity)}"
    rows = [
        ("all", words_energy(figures.total), f"{figures.mean_power / 1000:.3g} W", limit),
        *((each.name, words_energy(each.active + each.idle), "–", "–") for each in figures.units),
    ]
    if figures.memory:
        rows.append(("memory", words_energy(figures.memory), "–", "–"))
    if figures.base:
        rows.append(("base", words_energy(figures.base), "–", "–"))
    title = f"Energy, simulated over {units.format_duration(seen.end, digits=4)} (a sample, no bound)"
    head = ("what", "energy", "mean power", "limit")
    return [Table(title, head, tuple(rows), (2, 1.4, 1.4, 2), frozenset({1, 2}))]


def words_energy(nanojoules: int) -> str:
    """An energy to three digits."""
    for size, unit in ((10**9, "J"), (10**6, "mJ"), (10**3, "µJ")):
        if nanojoules >= size:
            return f"{nanojoules / size:.4g} {unit}"
    return f"{nanojoules} nJ"


def _size(amount: int) -> str:
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if amount >= size:
            return f"{amount / size:.4g} {unit}"
    return f"{amount} B"
