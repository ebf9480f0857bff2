"""Locks in the picture of a schedule: who holds what, who waits for whom, whose priority is raised meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtsched.plot.look import INSIDE
from rtsched.plot.scene import TOP, Scene
from rtsched.trace.trace import Trace
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Sections stand in the upper part of a bar, beside each other where they are nested.
BAND = 0.25
HATCHES = ("//////", "\\\\\\\\\\\\", "||||||", "------", "oooo", "++++")
SECTION: dict[str, Any] = {"facecolor": "white", "edgecolor": "black", "linewidth": 0.5}
BLOCKED: dict[str, Any] = {"facecolor": "#C4C4C4", "edgecolor": "black", "linewidth": 0.8}
RAISED: dict[str, Any] = {"color": "black", "linewidth": 2.6, "solid_capstyle": "butt"}
#: The longest name of a resource in a bar.
LONGEST = 24


class Holding(NamedTuple):
    """A node (job, node) holds a resource in [start, end); `depth` others that it took earlier are held meanwhile."""

    start: int
    end: int
    job: int
    node: int
    resource: int
    depth: int


class LockWait(NamedTuple):
    """A node waits for a resource in [start, end), which `holder` (None: nobody) holds at the beginning.

    Or `by_ceiling`: the ceiling of that resource keeps it from another one.
    """

    start: int
    end: int
    job: int
    node: int
    resource: int
    holder: int | None
    by_ceiling: bool = False


class Lent(NamedTuple):
    """A protocol lends a node an urgency in [start, end): that of a job of `task`, if it is known."""

    start: int
    end: int
    job: int
    node: int
    task: int | None


def hatch(resource: int) -> str:
    """How sections on a resource are hatched."""
    return HATCHES[resource % len(HATCHES)]


def holds(trace: Trace) -> list[Holding]:
    """Every section of a run, by start."""
    found = sorted(
        (start, end, job, node, resource)
        for resource in range(len(trace.resources))
        for start, end, (job, node) in trace.history.held(resource, 0, trace.end + 1)
    )
    open_ones: dict[tuple[int, int], list[tuple[int, int]]] = {}
    held = []
    for start, end, job, node, resource in found:
        mine = [each for each in open_ones.get((job, node), []) if each[0] > start]
        taken = {depth for _, depth in mine}
        depth = next(level for level in range(len(taken) + 1) if level not in taken)
        open_ones[job, node] = [*mine, (end, depth)]
        held.append(Holding(start, end, job, node, resource, depth))
    return held


def waitings(trace: Trace) -> list[LockWait]:
    """Every wait for a resource, by start."""
    found = []
    for (job, node), spans in trace.history.blocked.items():
        for start, end, resource, by_ceiling in spans:
            holder = next((who[0] for *_, who in trace.history.held(resource, start, start + 1)), None)
            found.append(LockWait(start, end, job, node, resource, holder, by_ceiling))
    return sorted(found, key=lambda each: each[:5])


def lent(trace: Trace) -> list[Lent]:
    """Where a protocol raised a priority, of runs that kept the reasons of their policy."""
    if trace.reasons is None or not len(trace.locks):
        return []
    reasons = trace.reasons
    levels: dict[Any, int] = {}
    for who in sorted(reasons.ranks):
        own = reasons.own(who)
        if own is not None:
            levels.setdefault(own.key[0], int(trace.jobs["task"][who[0]]))
    found: list[Lent] = []
    for who, ranks in sorted(reasons.ranks.items()):
        own = reasons.own(who)
        ends = [rank.time for rank in ranks[1:]] + [trace.history.ends[who[0]]]
        for rank, end in zip(ranks, ends, strict=True):
            if not rank.lent or end <= rank.time or own is None or rank.key[0] == own.key[0]:
                continue
            task = levels.get(rank.key[0])
            if found and found[-1][1:] == (rank.time, *who, task):
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(Lent(rank.time, end, *who, task))
    return sorted(found, key=lambda each: each[:4])


class LockSigns:
    """What of all that can be seen in the rows of a picture, each with its row."""

    def __init__(self, scene: Scene) -> None:
        trace = scene.trace
        self.owner: list[int] = trace.jobs["task"].tolist()
        whole = {row.task: lane for lane, row in enumerate(scene.rows) if row.node is None}
        nodes = {(row.task, row.node): lane for lane, row in enumerate(scene.rows)}

        def inside(each: Any, node: int) -> int | None:
            if each.start >= scene.end or each.end <= scene.start:
                return None
            task = self.owner[each.job]
            return whole.get(task, nodes.get((task, node)))

        self.holds = [(each, lane) for each in holds(trace) if (lane := inside(each, each.node)) is not None]
        self.waits = [(each, lane) for each in waitings(trace) if (lane := inside(each, each.node)) is not None]
        self.lent = [(each, lane) for each in lent(trace) if (lane := inside(each, each.node)) is not None]

    def kinds(self) -> set[str]:
        """What there is, for the legend."""
        found = {"section": self.holds, "blocked": self.waits, "raised": self.lent}
        return {kind for kind, those in found.items() if those}


def draw_locks(axes: Axes, scene: Scene, locks: LockSigns) -> None:
    """Sections as hatched bands, waits as grey strips, raised priorities as thick lines."""
    names = [task.name for task in scene.trace.system.tasks]
    resources = [cut(name, LONGEST) for name in scene.trace.resources]
    deepest: dict[int, int] = {}
    for held, lane in locks.holds:
        deepest[lane] = max(deepest.get(lane, 0), held.depth + 1)
    for held, lane in locks.holds:
        high = BAND / deepest[lane]
        edge = lane + TOP + held.depth * high
        scene.strip(axes, [held[:2]], edge, high, 2.4, hatch=hatch(held.resource), **SECTION)
        if high * scene.high > INSIDE:  # else it is too low for letters
            scene.write(axes, held.start, held.end, edge + high / 2, resources[held.resource])
    for wait, lane in locks.waits:
        scene.strip(axes, [wait[:2]], lane + 0.04, 0.26, 1.7, **BLOCKED)
        what = f"{'kept out by the ceiling of' if wait.by_ceiling else 'waits for'} {resources[wait.resource]}"
        holder = -1 if wait.holder is None else locks.owner[wait.holder]
        who = "" if holder < 0 else names[holder]
        texts = [f"{what}, held by {who}", f"{what} ({who})"] if who else []
        if 0.26 * scene.high > INSIDE:
            scene.write(axes, wait.start, wait.end, lane + 0.17, *texts, what, resources[wait.resource])
    for raised, lane in locks.lent:
        left, right = max(raised.start, scene.start), min(raised.end, scene.end)
        axes.plot([left / scene.scale, right / scene.scale], [lane + TOP - 0.05] * 2, zorder=4.2, **RAISED)
        text = "" if raised.task is None or raised.task < 0 else f"as {names[raised.task]}"
        if text and 0.3 * scene.high > INSIDE and scene.ruler.measure(text, INSIDE) <= scene.room(left, right) - 8:
            axes.text(
                scene.middle(left, right), lane + TOP - 0.09, text, ha="center", va="bottom", fontsize=INSIDE,
                zorder=4.3,
            )  # fmt: skip
