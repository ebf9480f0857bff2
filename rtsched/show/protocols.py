"""The locking protocols in words, and what they make of a system: its ceilings, and how long its tasks are blocked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.show.text import WIDTH, Answer, table, wrapped
from rtsched.visible import cut, visible

if TYPE_CHECKING:
    from rtsched.model.policy import Policy
    from rtsched.model.taskgraph import SystemSpec

SHA = "Sha, Rajkumar, Lehoczky, Priority Inheritance Protocols, IEEE Trans. Computers 39(9), 1990"


@dataclass(frozen=True)
class Protocol:
    """What guards a resource: its rule, what it guarantees, costs and needs, its source, and where to see it."""

    title: str
    rule: str
    guarantees: str
    costs: str
    needs: str
    source: str
    see: tuple[str, ...]


#: So many characters of a name are shown in a column.
LONGEST = 40
LABELS = ("title", "rule", "guarantees", "costs", "needs", "source")

PROTOCOLS: Mapping[str, Protocol] = {
    "none": Protocol(
        "a plain lock",
        "Who wants a resource that another job holds waits until that one gives it back. Nobody's priority changes.",
        "One holder at a time; nothing else.",
        "Priority inversion without bound: any task in between keeps the holder from going on, and so delays who "
        "waits. Holders can wait for each other for ever (deadlock). No proof bounds it: the verdict is unknown.",
        "Nothing.",
        f"{SHA}: the problem; Lampson, Redell, Experience with Processes and Monitors in Mesa, CACM 23(2), 1980",
        (
            "rtsched explain priority_inversion_lock",
            "rtsched diff priority_inversion_lock file --change resources.R.protocol=inheritance",
        ),
    ),
    "inheritance": Protocol(
        "the priority inheritance protocol",
        "While a more urgent job waits for what it holds, directly or through others, a job runs at that one's "
        "priority. With the resource it gives the priority back.",
        "A job is blocked for at most one section of each less urgent task, and one for each resource: whichever sum "
        "is smaller.",
        "Blocking adds up: by one holder after the other (chained blocking). Holders can still wait for each other "
        "for ever (deadlock), unless all take their resources in one order.",
        "An ordering whose urgencies stand: fixed priorities, EDF and others. Proofs: fixed priorities, one processor.",
        f"{SHA}, section III",
        ("rtsched explain chained_blocking high", "rtsched run deadlock"),
    ),
    "ceiling": Protocol(
        "the immediate priority ceiling protocol",
        "The ceiling of a resource is the priority of the most urgent task that ever uses it. From the instant at "
        "which it takes a resource until it gives it back, a job runs at the ceiling, whether anybody waits or not.",
        "On one processor a job is blocked once at most, for one section of a less urgent task, and before it begins; "
        "then it never waits for a resource. No deadlock. No switches beyond those of preemption.",
        "Every task up to the ceiling is kept out for the whole section, also when nobody wants the resource. Who "
        "uses what must be known beforehand.",
        "Fixed priorities (fp, rm, dm). On several processors it runs, and nothing is guaranteed.",
        f"{SHA}: the ceilings; Baker, Stack-Based Scheduling of Realtime Processes, Real-Time Systems 3(1), 1991: its "
        "rule for fixed priorities; Ceiling_Locking in Ada, PTHREAD_PRIO_PROTECT in POSIX",
        (
            "rtsched run chained_blocking --set resources.R.protocol=ceiling --set resources.S.protocol=ceiling",
            "rtsched run deadlock --set resources.R.protocol=ceiling --set resources.S.protocol=ceiling",
        ),
    ),
    "original-ceiling": Protocol(
        "the original priority ceiling protocol",
        "The ceiling of a resource is the priority of the most urgent task that ever uses it. A job may take a "
        "resource only if its priority is higher than the ceilings of all that other jobs hold. Otherwise it waits "
        "for the holder of the one of the highest ceiling, which inherits its priority.",
        "A job is blocked once at most, for one section of a less urgent task. No deadlock, and nobody waits for one "
        "who waits. The same bound as under the immediate ceiling, though in a run often less: who asks for nothing "
        "is delayed only if the holder inherits.",
        "A free resource may be refused. A job may begin, and be blocked in its midst: more switches than under the "
        "immediate ceiling. Who uses what must be known beforehand.",
        "Fixed priorities (fp, rm, dm), and all users of a resource on one processor: otherwise a run is refused. "
        "Under EDF it is another protocol (Chen, Lin, Dynamic Priority Ceilings, 1990), which is not built. "
        "Proofs: all locks of the processor under it.",
        f"{SHA}, section IV",
        (
            "rtsched explain chained_blocking middle --set resources.R.protocol=original-ceiling "
            "--set resources.S.protocol=original-ceiling",
            "rtsched show original-ceiling chained_blocking",
        ),
    ),
}  # fmt: skip


def describe_protocol(name: str, system: str | None = None) -> Answer:
    """The view of a protocol, with the ceilings and the blocking of a `system` if one is named. Raises InputError."""
    if name not in PROTOCOLS:
        raise InputError(f"no protocol is called {name!r}; protocols: {', '.join(PROTOCOLS)}")
    about = PROTOCOLS[name]
    rows = [(label, str(getattr(about, label))) for label in LABELS]
    rows.append(("in a file", f"resources: {{R: {{protocol: {name}}}}}"))
    lines = [f"{name} (protocol)", "", *table(rows), "", "  to see it:", *(f"    {each}" for each in about.see)]
    data: dict[str, Any] = {"name": name, "kind": "protocol", **asdict(about)}
    if system is not None:
        told, data["system"] = _of_system(name, system)
        lines += ["", *told]
    return Answer("\n".join(lines), data, "protocol")


def _of_system(name: str, source: str) -> tuple[list[str], dict[str, Any]]:
    """Ceilings and blocking of a system, were all its resources under one protocol: in lines, and as data."""
    from rtsched.api import load, parts_of, policy

    loaded = load(source)
    spec = loaded.lower()
    users = _users(spec)
    if not users:
        raise InputError(f"{source!r} has no critical sections; try `rtsched show {name} chained_blocking`")
    guarding = (node for task in spec.tasks for node in task.nodes if node.sections)
    clusters = dict.fromkeys(spec.processors[place].cluster for node in guarding for place in node.eligible)
    chosen = policy(parts_of(loaded.system.scheduler)).of(clusters)
    ranked = sorted(spec.tasks, key=chosen.level)
    ranks = {task.index: place for place, task in enumerate(ranked, 1)}
    fixed = chosen.order == "FP"
    resources = [_Guarded(spec, resource, lengths, ranks, fixed) for resource, lengths in users.items()]
    lines = [f"{visible(loaded.system.name)} under {chosen}:", ""]
    lines += _columns([("resource", "ceiling", "used by (its longest section)"), *(each.row for each in resources)])
    if not fixed:
        lines += ["", f"  ceilings need fixed priorities (fp, rm, dm), and {chosen.ordering.name} has none"]
    blocked: dict[str, dict[str, int]] = {}
    why: dict[str, str] = {}
    for protocol in PROTOCOLS:
        blocked[protocol], why[protocol] = _blocking(replace(spec, protocols=dict.fromkeys(users, protocol)), chosen)
    lines += ["", "  how long sections of less urgent tasks can block each task, were all resources under:", ""]
    columns: list[tuple[str, ...]] = [("rank", "task", *PROTOCOLS)]
    for task in ranked:
        found = [blocked[protocol].get(task.name) for protocol in PROTOCOLS]
        columns.append((str(ranks[task.index]), task.name, *("–" if each is None else _time(each) for each in found)))
    lines += _columns(columns)
    silent: dict[str, list[str]] = {}
    for protocol, reason in why.items():
        if reason:
            silent.setdefault(reason, []).append(protocol)
    lines += [""] if silent else []
    for reason, those in silent.items():
        lines += wrapped(f"no bound: {reason}", f"  {', '.join(those)}: ")
    data = {
        "name": loaded.system.name, "scheduler": str(chosen), "resources": [each.data for each in resources],
        "blocking": blocked, "no_bound": why,
    }  # fmt: skip
    return lines, data


class _Guarded:
    """A resource of a system: as the row of a table, and as data."""

    def __init__(
        self, spec: SystemSpec, name: str, lengths: dict[int, int], ranks: dict[int, int], fixed: bool
    ) -> None:
        first, *_ = order = sorted(lengths, key=ranks.__getitem__)
        users = {spec.tasks[index].name: lengths[index] for index in order}
        told = ", ".join(f"{cut(user, LONGEST)} ({_time(length)})" for user, length in users.items())
        self.row = (name, f"{ranks[first]} ({cut(spec.tasks[first].name, 30)})" if fixed else "–", told)
        self.data = {"resource": name, "ceiling": ranks[first] if fixed else None, "users": users}


def _users(spec: SystemSpec) -> dict[str, dict[int, int]]:
    """By resource: the longest section, in ns of planned time, of each task that uses it."""
    found: dict[str, dict[int, int]] = {}
    for task in spec.tasks:
        for node in task.nodes:
            for section in node.sections:
                mine = found.setdefault(section.resource, {})
                mine[task.index] = max(mine.get(task.index, 0), section.end - section.start)
    return found


def _blocking(spec: SystemSpec, policy: Policy) -> tuple[dict[str, int], str]:
    """How long locks can block each task, in ns, as proofs take it; and why it is not bounded for some."""
    from rtsched.schedulability.lowering.view import ProofLowering
    from rtsched.schedulability.models import Uniprocessor

    found: dict[str, int] = {}
    why = ""
    for view in ProofLowering(spec, policy).views():
        if view.obstacle is not None:
            why = view.obstacle.reason
        for model in view.models:
            if isinstance(model, Uniprocessor):
                found |= {task.name: task.B for task in model.tasks}
    return found, why


def _time(length: int) -> str:
    return units.format_duration(length, digits=4)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of columns, each as wide as its widest; what is too long in the last one is broken."""
    shown = [[*(cut(cell, LONGEST) for cell in row[:-1]), visible(row[-1])] for row in rows]
    widths = [max(len(row[place]) for row in shown) for place in range(len(shown[0]))]
    lines = []
    for row in shown:
        first = "  " + "".join(f"{cell:<{width}}  " for cell, width in zip(row[:-1], widths, strict=False))
        lines += wrapped(row[-1], first) if len(first) < WIDTH else [first + row[-1]]
    return [line.rstrip() for line in lines]
