"""Pipelines whose stages keep their order: offsets in place of jitter alone, and waits that are counted once.

The holistic analysis lets each stage of a more urgent task be as late as it can, all of them at once, and lets them
interfere anew with every stage. But one job comes to its stages in turn, and the next one only a period later
(Palencia, González Harbour, RTSS 1998 and 1999).

**What a more urgent task brings.** Let E(k) bound the end of stage k after the arrival, for all tasks at most T; let
stage k become ready no sooner than b(k) after it, and no later than l(k) = E(k - 1), the first stage J. Look at a
window of length w from t0 on, an instant at which nothing more urgent is pending on the processor. Only stages that
become ready within it count. Of a job that came at x >= 0 after t0 these are stages with b(k) < w - x. Of one that came
before t0 they are stages with l(k) >= -x, which lie between a first u and a last v: u is ready at t0 or later, v at
least b(v) - b(u) after it, so b(v) - b(u) < w. As E <= T, at most one such job has not ended at t0. Shift it to the
earliest arrival at which the same stages count, which is -l(u), and let all others follow it T apart: the nearer to t0
they come, the more of them counts. So the most is found among as many arrivals as there are stages. No period need be
kept: jobs that are further apart bring less.

In any window whatever, a task whose load of C on the processor lies between its arrival and E after it executes at
most ceil((w + E - C) / T) C (the jitter of tasks that suspend themselves: Chen et al., Real-Time Systems 55, 2019).
Within the window from t0 the smaller of the two counts.

**What a job waits for.** The job before it has ended, since E <= T. Its stage k ends within the smallest of three:

* from the end of stage k - 1 on: the stage itself, what is more urgent, and a region in front of it: of a less urgent
  task; or of an earlier stage of the job, which is over when k is ready, but more urgent work piled up behind it;
* from the instant on at which the job's first stage on the same processor is ready: let t0 be the last instant up to
  then at which nothing more urgent was pending there. Each tick from t0 on has more urgent work there, a stage of the
  job there, a region in front of one, or a stage elsewhere, whose longest wait is known;
* from the release on, over all processors: each tick has the job's own work, a region in front of one of its stages, or
  more urgent work that is executed meanwhile.

**Together.** All this grows with E, so E is iterated from below to the least fixpoint. If a stage of a run ended after
its E, look at the first one: until then all had ended within theirs, which is all that was used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Pipelines
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from rtsched.schedulability.theorems.pipelines import MOST_ROUNDS, best_starts

#: All parts of a bound, by which it is told why it is as long as it is; their sum is the bound.
Parts = tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a task does on one processor: C, b and l of its stages there, and the end of the last of them.

    `rest` is the work from each stage on.
    """

    name: str
    T: int
    C: tuple[int, ...]
    b: tuple[int, ...]
    late: tuple[int, ...]
    end: int
    rest: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        left = sum(self.C)
        object.__setattr__(self, "rest", (left, *(left := left - C for C in self.C)))

    @property
    def load(self) -> int:
        """The work of a job on the processor."""
        return self.rest[0]

    def within(self, w: int) -> int:
        """The most work in a window of w ticks that begins when nothing more urgent is pending."""
        anywhere = self.executed(w)
        if anywhere == self.load and self.b[-1] - self.b[0] < w:  # one job can bring as much
            return anywhere
        return min(anywhere, in_order(self, w))

    def executed(self, w: int) -> int:
        """The most that it executes in any window of w ticks."""
        return -(-(w + self.end - self.load) // self.T) * self.load


def in_order(visitor: Visitor, w: int) -> int:
    """The most work of stages that become ready within a window of w ticks.

    Two stages of 2, the second at least 5 after the first and at most 9 after the arrival:

    >>> two = Visitor("two", 20, (2, 2), (0, 5), (0, 9), 12)
    >>> [in_order(two, w) for w in (1, 5, 6, 11, 12, 16, 17, 21)]
    [2, 2, 4, 4, 4, 4, 6, 6]
    """
    return max(carried(visitor, u, w) + following(visitor, w + late) for u, late in enumerate(visitor.late))


def carried(visitor: Visitor, first: int, w: int) -> int:
    """The most work of neighbouring stages, none before `first`, that one job can make ready within w ticks."""
    b, rest = visitor.b, visitor.rest
    if b[-1] - b[first] < w:
        return rest[first]
    most = end = 0
    for u in range(first, len(b)):
        while end < len(b) and b[end] - b[u] < w:
            end += 1
        most = max(most, rest[u] - rest[end])
    return most


def following(visitor: Visitor, w: int) -> int:
    """The work of stages that are ready within w ticks after the arrival of a job, at their soonest; without that job.

    The jobs come T apart.
    """
    first, last = (-(-(w - b) // visitor.T) - 1 for b in (visitor.b[0], visitor.b[-1]))
    if first == last:
        return max(0, first) * visitor.load
    return sum(max(0, -(-(w - b) // visitor.T) - 1) * C for C, b in zip(visitor.C, visitor.b, strict=True))


def visitors(model: Pipelines, i: int, processor: str, ends: list[list[int]]) -> list[Visitor]:
    """The more urgent tasks on a processor of task i, with the bounds on the ends of all stages as they stand."""
    starts = best_starts(model)
    found = []
    for j in model.above(i, processor):
        task = model.tasks[j]
        places = [k for k, stage in enumerate(task.stages) if stage.processor == processor]
        if places:
            C = tuple(task.stages[k].C for k in places)
            late = tuple(ends[j][k - 1] if k else task.J for k in places)
            found.append(Visitor(task.name, task.T, C, tuple(starts[j][k] for k in places), late, ends[j][places[-1]]))
    return found


def _brought(above: list[Visitor], at: str, w: int) -> Parts:
    return tuple(Contribution("interference", f"{each.name} on {at}", each.within(w)) for each in above)


def wait_from(model: Pipelines, i: int, j: int, k: int, above: list[Visitor], waits: list[Parts]) -> Parts | None:
    """The longest time from the instant at which stage j of task i is ready to the end of stage k; None beyond T.

    Both are on one processor; `waits` are those of the stages in between.
    """
    task, at = model.tasks[i], model.tasks[i].stages[k].processor
    mode = model.modes[at]
    last = task.stages[k].last_region(mode)
    here = [s for s in range(j, k + 1) if task.stages[s].processor == at]
    elsewhere = [part for s in range(j, k) if task.stages[s].processor != at for part in waits[s]]
    blocking, blocker = blocked(model, i, at)
    own = max((each.region(mode) - 1 for each in task.stages[:j] if each.processor == at), default=0)
    C, again = sum(task.stages[s].C for s in here), blocking * (len(here) - 1)
    found = []
    for region, waited in ((blocking, blocking), (own, 0)):  # the job's own earlier stage is over when j is ready
        base = region + again + C + _sum(elsewhere) - last
        start = least_fixpoint(
            lambda s, base=base: base + sum(each.within(s + 1) for each in above),  # type: ignore[misc]
            base,
            limit=task.T + region - waited,
        )
        if start is None:
            return None
        parts = [Contribution("own", f"stage {s + 1} on {at}", task.stages[s].C) for s in here]
        parts.append(Contribution("blocking", blocker, waited + again))
        found.append((*parts, *elsewhere, *_brought(above, at, start + 1)))
    return max(found, key=_sum)


def wait_altogether(model: Pipelines, i: int, k: int, above: dict[str, list[Visitor]]) -> Parts | None:
    """The longest time from the release of a job of task i to the end of its stage k, on all processors together."""
    stages = model.tasks[i].stages[: k + 1]
    processors = dict.fromkeys(stage.processor for stage in stages)
    own = [Contribution("own", f"stage {s + 1} on {stage.processor}", stage.C) for s, stage in enumerate(stages)]
    for at in processors:
        blocking, blocker = blocked(model, i, at)
        own.append(Contribution("blocking", blocker, blocking * sum(stage.processor == at for stage in stages)))
    base = _sum(own)
    others = [(f"{each.name} on {at}", each) for at in processors for each in above[at]]
    R = least_fixpoint(lambda w: base + sum(each.executed(w) for _, each in others), base, limit=model.tasks[i].T)
    if R is None:
        return None
    return (*own, *(Contribution("interference", name, each.executed(R)) for name, each in others))


def blocked(model: Pipelines, i: int, at: str) -> tuple[int, str]:
    """The longest region that a less urgent task can have begun, less the tick that it began before; whose it is."""
    blockers = [
        (stage.region(model.modes[at]) - 1, f"{model.tasks[j].name} stage {place + 1} on {at}")
        for j in model.below(i, at)
        for place, stage in enumerate(model.tasks[j].stages)
        if stage.processor == at
    ]
    return max(blockers, default=(0, ""))


def _sum(parts: Parts | list[Contribution]) -> int:
    return sum(part.amount for part in parts)


def job_waits(model: Pipelines, i: int, ends: list[list[int]]) -> list[Parts] | str:
    """For each stage of task i the longest time from the release of a job to its end; or why it is not within T."""
    task = model.tasks[i]
    above = {stage.processor: visitors(model, i, stage.processor, ends) for stage in task.stages}
    waits: list[Parts] = []
    found: list[Parts] = []
    for k, stage in enumerate(task.stages):
        wait = wait_from(model, i, k, k, above[stage.processor], waits)
        if wait is None:
            return f"stage {k + 1} of {task.name!r} may take longer than its period"
        waits.append(wait)
        ways = [(*found[-1], *wait) if found else wait]
        first = next(j for j, each in enumerate(task.stages) if each.processor == stage.processor)
        if first < k and (together := wait_from(model, i, first, k, above[stage.processor], waits)):
            ways.append((*found[first - 1], *together) if first else together)
        if k and (altogether := wait_altogether(model, i, k, above)):
            ways.append(altogether)
        found.append(min(ways, key=_sum))
        if task.J + _sum(found[-1]) > task.T:
            return f"stage {k + 1} of {task.name!r} may end later than the period after its arrival"
    return found


def ends_in_order(model: Pipelines) -> tuple[list[list[int]], list[list[Parts]]] | str:
    """E, the bound on the end of every stage from the arrival, and its parts; or why there is none."""
    ends = []
    for task in model.tasks:
        done = task.J
        ends.append([done := done + stage.C for stage in task.stages])
    for _ in range(MOST_ROUNDS):
        found = []
        grown = False
        for i, task in enumerate(model.tasks):
            waits = job_waits(model, i, ends)
            if isinstance(waits, str):
                return waits
            found.append(waits)
            new = [task.J + _sum(wait) for wait in waits]
            grown = grown or new != ends[i]
            ends[i] = new
        if not grown:
            return ends, found
    raise NotConverged(f"the ends of the stages still grow after {MOST_ROUNDS} rounds")


@theorem(
    "pipelines-offsets",
    title="Pipelines over processors, stages in their order (A4 with offsets)",
    strength="sufficient",
    citation="Palencia, González Harbour, RTSS 1998 and RTSS 1999; derived in the module",
    model=Pipelines,
    needs=(needs.constrained_deadlines, needs.priorities_everywhere),
    interlocked=True,
)
def pipelines_offsets(model: Pipelines) -> Result:
    """The end of each stage, iterated to a fixpoint at most T; all or nothing. Times may be shorter than C.

    Eight short stages on a core, each followed by the accelerator, and a task beside them that visits both:

    >>> from rtsched.schedulability.models import PipelineTask, Stage
    >>> from rtsched.schedulability.theorems.pipelines import holistic
    >>> camera = PipelineTask("camera", (Stage("cpu", 2), Stage("npu", 3), Stage("cpu", 2)), 40, 40)
    >>> net = PipelineTask("net", (Stage("cpu", 1), Stage("npu", 2)) * 8, 100, 90)
    >>> model = Pipelines((camera, net), {"cpu": "preemptive", "npu": "nonpreemptive"})
    >>> pipelines_offsets(model).responses, holistic(model).responses
    ([8, 31], [9, 88])
    """
    found = ends_in_order(model)
    if isinstance(found, str):
        lost = tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks)
        return Result("unknown", lost, first_failure=Failure(found.split("'")[1], found), reason=found)
    ends, waits = found
    bounds = []
    for i, task in enumerate(model.tasks):
        parts = (*waits[i][-1], Contribution("jitter", task.name, task.J))
        bounds.append(Bound(task.name, ends[i][-1], task.D, tuple(part for part in parts if part.amount)))
    result = from_bounds(tuple(bounds), exact=False)
    if result.verdict == "schedulable":
        return result
    # as in the holistic analysis: one task beyond its deadline takes the ground from under the others' bounds
    return replace(result, bounds=tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks))
