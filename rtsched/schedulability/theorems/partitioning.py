"""Tasks on unrelated processors, each at home on one of them: bin packing, exact assignment, and what no one can meet.

A task takes a time of its own on every processor that can run it (a network on CPU, GPU and NPU). Once each has its
processor, the uniprocessor theorems decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from rtsched import units
from rtsched.errors import InputError
from rtsched.schedulability.models import Mode, Sporadic, Uniprocessor
from rtsched.schedulability.result import Assumption, Bound, Evidence, Failure, Result, unknown
from rtsched.schedulability.theorem import theorem

Rule = Literal["first-fit", "best-fit", "worst-fit", "next-fit"]
By = Literal["utilisation", "density"]
Test = Callable[[Uniprocessor], Result]

RULES: tuple[Rule, ...] = ("first-fit", "best-fit", "worst-fit", "next-fit")
MEASURES: tuple[By, ...] = ("utilisation", "density")


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A sporadic task that takes `times[p]` on processor p, and cannot run where no time is given.

    `regions[p]`, where given, sum to `times[p]`: what cannot be preempted there in limited mode.
    """

    name: str
    times: dict[str, int]
    T: int
    D: int
    J: int = 0
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def u(self, processor: str, by: By = "utilisation") -> Fraction:
        """Its share of a processor: C / T, or its density C / min(D, T)."""
        return Fraction(self.times[processor], self.T if by == "utilisation" else min(self.D, self.T))

    def least(self, by: By = "utilisation") -> Fraction:
        """The smallest share over the processors that can run it."""
        return min(self.u(processor, by) for processor in self.times)

    def on(self, processor: str) -> Sporadic:
        """The task as the uniprocessor theorems see it, on this processor."""
        regions = self.regions.get(processor, ())
        return Sporadic(self.name, self.times[processor], self.T, self.D, self.J, regions=regions)


@dataclass(frozen=True)
class Unrelated:
    """Independent sporadic tasks, most urgent first, each to be placed on one of `processors` for good."""

    tasks: tuple[PlacedTask, ...]
    processors: tuple[str, ...]
    order: Literal["FP", "EDF"] = "FP"
    modes: dict[str, Mode] | None = None
    name: str = "system"

    def mode(self, processor: str) -> Mode:
        """How a processor is preempted."""
        return "preemptive" if self.modes is None else self.modes.get(processor, "preemptive")

    def on(self, processor: str, tasks: Sequence[PlacedTask]) -> Uniprocessor:
        """One processor with the tasks given to it, in their order."""
        return Uniprocessor(tuple(task.on(processor) for task in tasks), self.order, self.mode(processor), processor)


@dataclass(frozen=True)
class Assignment:
    """Which processor each task got, the exact utilisation of every processor, and its model where it got tasks.

    `rule` names what found it. `optimal`: the solver says that no assignment has a smaller largest load. `note` says
    where the exact loads contradict what the solver reported.
    """

    places: dict[str, str]
    loads: dict[str, Fraction]
    models: dict[str, Uniprocessor]
    rule: str
    optimal: bool = False
    note: str = ""

    @property
    def largest(self) -> Fraction:
        """The largest load, the Z that `assign` minimises."""
        return max(self.loads.values(), default=Fraction(0))


def well_formed(model: Unrelated) -> str | None:
    """Names are unique, and every task can run on at least one of the processors."""
    if len(set(model.processors)) < len(model.processors):
        return "two processors have the same name"
    seen: set[str] = set()
    for task in model.tasks:
        if task.name in seen:
            return f"two tasks are called {task.name!r}"
        seen.add(task.name)
        if not task.times:
            return f"task {task.name!r} can run on no processor"
        missing = next((processor for processor in task.times if processor not in model.processors), None)
        if missing is not None:
            return f"task {task.name!r} has a time on {missing!r}, which is not among the processors"
        for processor, regions in task.regions.items():
            if regions and sum(regions) != task.times.get(processor, sum(regions)):
                return f"the regions of task {task.name!r} on {processor!r} do not sum to its time there"
    return None


def _assignment(model: Unrelated, homes: Sequence[str], rule: str, optimal: bool = False, note: str = "") -> Assignment:
    """The assignment of task i to ``homes[i]``, with loads in exact arithmetic."""
    loads = dict.fromkeys(model.processors, Fraction(0))
    given: dict[str, list[PlacedTask]] = {processor: [] for processor in model.processors}
    for task, home in zip(model.tasks, homes, strict=True):
        loads[home] += task.u(home)
        given[home].append(task)
    places = {task.name: home for task, home in zip(model.tasks, homes, strict=True)}
    models = {processor: model.on(processor, tasks) for processor, tasks in given.items() if tasks}
    return Assignment(places, loads, models, rule, optimal, note)


# ---- bin packing -----------------------------------------------------------------------------------------------------

#: In which order a rule tries the processors: by position, the load with the task, and where the last task went. The
#: simulator's placements of the same names choose, and break ties, in the same way.
_PREFERENCE: dict[Rule, Callable[[int, Fraction, int], tuple[Fraction | int, int]]] = {
    "first-fit": lambda at, after, last: (0, at),
    "best-fit": lambda at, after, last: (-after, at),
    "worst-fit": lambda at, after, last: (after, at),
    "next-fit": lambda at, after, last: (at < last, at),
}


class _Left(NamedTuple):
    """The task that fitted nowhere, and the processor on which it would have left the least load."""

    task: str
    processor: str
    load: Fraction


def _pack(model: Unrelated, rule: Rule, by: By, test: Test | None) -> Assignment | _Left:
    position = {processor: index for index, processor in enumerate(model.processors)}
    loads = dict.fromkeys(model.processors, Fraction(0))
    homes: dict[int, str] = {}
    last = 0

    def fits(index: int, processor: str, after: Fraction) -> bool:
        if test is None:
            return after <= 1
        there = [task for i, task in enumerate(model.tasks) if i == index or homes.get(i) == processor]
        return test(model.on(processor, there)).verdict == "schedulable"

    def preference(processor: str) -> tuple[Fraction | int, int]:
        return _PREFERENCE[rule](position[processor], after[processor], last)

    for index in sorted(range(len(model.tasks)), key=lambda index: -model.tasks[index].least(by)):
        task = model.tasks[index]
        after = {processor: loads[processor] + task.u(processor, by) for processor in task.times}
        home = next((p for p in sorted(after, key=preference) if fits(index, p, after[p])), None)
        if home is None:
            roomiest = min(after, key=lambda processor: (after[processor], position[processor]))
            return _Left(task.name, roomiest, after[roomiest])
        homes[index], loads[home], last = home, after[home], position[home]
    return _assignment(model, [homes[index] for index in range(len(model.tasks))], f"{rule} by {by}")


def pack(
    model: Unrelated, rule: Rule = "first-fit", by: By = "utilisation", test: Test | None = None
) -> Assignment | None:
    """Bin packing, the heaviest task first (its smallest share over the processors); None if a task fits nowhere.

    Without `test` a task fits where the sum of what `by` measures stays at most 1; with `test` where that says
    ``schedulable`` of the processor with the task added. First fit takes the first such processor, best fit the one
    left with the least room, worst fit with the most, next fit goes on in turn from where the last task went. Dhall,
    Liu, Operations Research 26(1), 1978; with a test: Fisher, Baruah, Baker, ECRTS 2006.

    >>> times = {"detect": {"cpu": 8, "npu": 2}, "plan": {"cpu": 5}, "track": {"cpu": 4, "npu": 6}}
    >>> system = Unrelated(tuple(PlacedTask(name, each, 10, 10) for name, each in times.items()), ("cpu", "npu"))
    >>> pack(system).places
    {'detect': 'npu', 'plan': 'cpu', 'track': 'cpu'}
    """
    if rule not in RULES or by not in MEASURES:
        raise InputError(f"packing rule {rule!r} by {by!r}: take one of {', '.join(RULES)}, by {' or '.join(MEASURES)}")
    _check(model)
    found = _pack(model, rule, by, test)
    return found if isinstance(found, Assignment) else None


def _check(model: Unrelated) -> None:
    reason = well_formed(model)
    if reason is not None:
        raise InputError(f"{model.name}: {reason}")


# ---- exact assignment ------------------------------------------------------------------------------------------------

#: Loads become integers for the solver where their common denominator is at most this; else they count in these parts.
FINEST = 10**4
#: What the solver may take for equal.
TOLERANCE = 1e-6


def assign(model: Unrelated, *, time_limit: float | None = None, node_limit: int | None = None) -> Assignment:
    """The assignment with the smallest largest load Z, by integer programming (HiGHS): x in {0, 1}, one processor each.

    Minimise Z with Σ_i u_ip x_ip <= Z on each p (Lenstra, Shmoys, Tardos, Math. Programming 46, 1990; Baruah 2004).
    Loads are computed anew in exact arithmetic: of the solver only who goes where is believed, and `optimal` within its
    tolerance, unless plain worst fit does better. At `time_limit` (in seconds: it depends on the machine) or
    `node_limit` (which does not) the best so far is returned, with `optimal` False.
    Z <= 1 proves nothing for D < T, fixed priorities or regions: test the models of the result.
    """
    _check(model)
    greedy = _pack(model, "worst-fit", "utilisation", lambda each: Result("schedulable"))  # takes all: balance alone
    assert isinstance(greedy, Assignment)
    if not model.tasks:
        return replace(greedy, rule="exact assignment", optimal=True)
    pairs = [(i, p) for i, task in enumerate(model.tasks) for p in model.processors if p in task.times]
    unit = min(FINEST, math.lcm(*(model.tasks[i].u(p).denominator for i, p in pairs)))
    found = _milp(model, pairs, unit, {"time_limit": time_limit, "node_limit": node_limit})
    if found.x is None:
        return replace(greedy, note=f"the solver found no assignment: {found.message}")
    best: dict[int, tuple[float, str]] = {}
    for (i, p), value in zip(pairs, found.x[:-1], strict=True):  # the last variable is Z
        if i not in best or value > best[i][0]:
            best[i] = (float(value), p)
    homes = [best[i][1] for i in range(len(model.tasks))]
    exact = _assignment(model, homes, "exact assignment")
    note = _contradiction(exact.largest, greedy.largest, float(found.x[-1]) / unit, found.status == 0)
    if greedy.largest < exact.largest:
        return replace(greedy, note=note)
    return replace(exact, optimal=found.status == 0, note=note)


def _milp(model: Unrelated, pairs: list[tuple[int, str]], unit: int, limits: dict[str, Any]) -> Any:
    """What HiGHS finds for min Z, in `unit` parts of a load; the variables are the pairs, then Z.

    Z stays a real number even where all loads are integers: HiGHS 1.12 has called a worse assignment optimal when Z was
    an integer whose lower bound was not.
    """
    from scipy import optimize, sparse

    n, z = len(model.tasks), len(pairs)
    row = {processor: n + index for index, processor in enumerate(model.processors)}
    entries = [(1.0, i, column) for column, (i, _) in enumerate(pairs)]
    entries += [(float(model.tasks[i].u(p) * unit), row[p], column) for column, (i, p) in enumerate(pairs)]
    entries += [(-1.0, row[p], z) for p in model.processors]
    values, rows, columns = zip(*entries, strict=True)
    matrix = sparse.csr_array((values, (rows, columns)), shape=(n + len(row), z + 1))
    least = [task.least() * unit for task in model.tasks]
    lowest = max(max(least), sum(least, Fraction(0)) / len(row))  # no less than any task alone, nor than the mean
    return optimize.milp(
        [0.0] * z + [1.0],
        integrality=[1] * z + [0],
        bounds=optimize.Bounds([0.0] * z + [float(lowest)], [1.0] * z + [math.inf]),
        constraints=optimize.LinearConstraint(matrix, [1.0] * n + [-math.inf] * len(row), [1.0] * n + [0.0] * len(row)),
        options={"mip_rel_gap": 0.0, **{name: limit for name, limit in limits.items() if limit is not None}},
    )


def _contradiction(exact: Fraction, greedy: Fraction, reported: float, optimal: bool) -> str:
    """What to say where exact arithmetic does not bear out what the solver reported."""
    if exact > 1 and reported <= 1 + TOLERANCE:
        return f"the solver takes the largest load for 1, within its tolerance; it is above by {float(exact - 1):.3g}"
    if float(exact) > reported + TOLERANCE:
        return f"the solver reports a largest load of {reported:.9g}; exactly it is {float(exact):.9g}"
    if optimal and greedy < exact:
        return f"the solver calls a largest load of {float(exact):.9g} the smallest; worst fit has {float(greedy):.9g}"
    return ""


# ---- theorems --------------------------------------------------------------------------------------------------------

#: The limits of the solver inside the theorem: nodes, which are the same everywhere, and as a last resort seconds.
NODES, SECONDS = 1000, 30.0


def uniprocessor_test(model: Uniprocessor) -> Result:
    """The strongest theorem for a processor by its order and mode: exact, save for jitter or regions under EDF."""
    if model.order == "FP":
        from rtsched.schedulability.theorems.fixed_priority import fp_rta, limited_fp_rta, np_fp_rta

        return {"preemptive": fp_rta, "nonpreemptive": np_fp_rta, "limited": limited_fp_rta}[model.mode](model)
    from rtsched.schedulability.theorems.edf import edf_qpa, limited_edf, np_edf, np_edf_jitter

    if model.mode == "nonpreemptive":
        return np_edf_jitter(model) if any(task.J for task in model.tasks) else np_edf(model)
    return edf_qpa(model) if model.mode == "preemptive" else limited_edf(model)


def _remembering(test: Test) -> Test:
    """The test, asked once for each set on each processor: the packing rules try the same sets again and again."""
    known: dict[tuple[str, tuple[Sporadic, ...]], Result] = {}

    def ask(model: Uniprocessor) -> Result:
        key = (model.name, model.tasks)
        if key not in known:
            known[key] = test(model)
        return known[key]

    return ask


def _percent(load: Fraction) -> str:
    return f"{float(100 * load):.1f} %"


def _too_much(model: Unrelated) -> Failure | None:
    """What no policy can meet: a task too long everywhere, or more work than the processors that can do it."""
    for task in model.tasks:
        quickest = min(task.times.values()) + task.J
        if quickest > task.D:
            needed, there = units.format_duration(quickest, digits=4), units.format_duration(task.D, digits=4)
            why = f"{task.name!r} may need {needed} where it is quickest and alone, and has {there}"
            return Failure(task.name, why, quickest, task.D)
    groups = {frozenset(task.times): None for task in model.tasks}
    for group in (*groups, frozenset().union(*groups)):
        bound = [task for task in model.tasks if group.issuperset(task.times)]
        load = sum((task.least() for task in bound), Fraction(0))
        if load > len(group):
            heaviest = max(bound, key=lambda task: task.least())
            names = ", ".join(processor for processor in model.processors if processor in group)
            why = f"{len(bound)} tasks can run on {names} only, and take at least {_percent(load)} of one processor"
            hint = f"largest share: {heaviest.name}, {_percent(heaviest.least())}"
            return Failure(heaviest.name, why, hint=hint)
    return None


@theorem(
    "unrelated-load",
    title="More work than the processors that can do it, or a task too long for all of them",
    strength="necessary",
    citation="Horn 1974, with the smallest time of each task",
    model=Unrelated,
    needs=(well_formed,),
)
def unrelated_load(model: Unrelated) -> Result:
    """No policy meets all deadlines, migration or not, when Σ_i min_p u_ip exceeds the number of processors.

    Nor when the tasks that can run on some of the processors only exceed those.

    >>> tasks = (PlacedTask("a", {"cpu": 9, "gpu": 6}, 10, 10), PlacedTask("b", {"gpu": 5}, 10, 10))
    >>> unrelated_load(Unrelated(tasks, ("cpu", "gpu"))).verdict
    'unknown'
    >>> unrelated_load(Unrelated((*tasks, PlacedTask("c", {"gpu": 6}, 10, 10)), ("cpu", "gpu"))).first_failure.why
    '2 tasks can run on gpu only, and take at least 110.0 % of one processor'
    """
    failure = _too_much(model)
    if failure is None:
        return unknown("no group of processors is overloaded: that decides nothing")
    return Result("unschedulable", first_failure=failure)


@theorem(
    "partitioned",
    title="A partition found by packing or exact assignment, each processor tested by itself",
    strength="sufficient",
    citation="Dhall, Liu 1978; Fisher, Baruah, Baker, ECRTS 2006; Lenstra, Shmoys, Tardos 1990",
    model=Unrelated,
    needs=(well_formed,),
    sustainable="",  # packing has anomalies: a set that fits may no longer be packed once a time is shorter
)
def partitioned(model: Unrelated) -> Result:
    """Schedulable once tasks are placed as in ``details["assignment"]``; the bounds are those of the processors' tests.

    The rules are tried in the order of `RULES`, by utilisation and then by density, and then the exact assignment.
    Nothing follows where none of them finds a partition.

    >>> times = {"detect": {"cpu": 8, "npu": 2}, "plan": {"cpu": 5}, "track": {"cpu": 4, "npu": 6}}
    >>> system = Unrelated(tuple(PlacedTask(name, each, 10, 10) for name, each in times.items()), ("cpu", "npu"))
    >>> result = partitioned(system)
    >>> result.responses, result.details["rule"]
    ([2, 5, 9], 'first-fit by utilisation')
    """
    failure = _too_much(model)
    if failure is not None:
        return Result("unknown", first_failure=failure, reason=failure.why)
    test = _remembering(uniprocessor_test)
    first: _Left | None = None
    for by in MEASURES:
        for rule in RULES:
            found = _pack(model, rule, by, test)
            if isinstance(found, Assignment):
                return _accepted(model, found, test)
            first = first or found
    assert first is not None
    exact = assign(_in_time(model), time_limit=SECONDS, node_limit=NODES)
    late = next((each for each in exact.models.values() if test(each).verdict != "schedulable"), None)
    if late is None:
        return _accepted(model, exact, test)
    most = max(exact.loads, key=exact.loads.__getitem__)
    said = f"the exact assignment, with at most {_percent(exact.largest)} on {most!r}, fails on {late.name!r}"
    return _rejected(first, f"{said}; {exact.note}" if exact.note else said)


def _in_time(model: Unrelated) -> Unrelated:
    """The model without the processors on which a task would be late even alone."""
    times = [{p: C for p, C in task.times.items() if C + task.J <= task.D} for task in model.tasks]
    tasks = [replace(task, times=short) for task, short in zip(model.tasks, times, strict=True)]
    return replace(model, tasks=tuple(tasks))


def _accepted(model: Unrelated, found: Assignment, test: Test) -> Result:
    """The verdict that a partition gives which passes the test on every processor."""
    bounds: dict[str, Bound] = {}
    evidence: dict[Evidence, None] = {}
    for each in found.models.values():
        for result in (test(each), *_responses(each)):
            for bound in result.bounds:
                if bound.task not in bounds or (bound.wcrt is not None and bound.wcrt <= bound.deadline):
                    bounds[bound.task] = bound
            evidence.update(dict.fromkeys(result.evidence))
    return Result(
        "schedulable",
        tuple(bounds[task.name] for task in model.tasks),
        tuple(evidence),
        (Assumption("every task runs only on the processor that the assignment gives it", "declared"),),
        details={
            "assignment": found.places,
            "rule": found.rule,
            "loads": {processor: float(load) for processor, load in found.loads.items()},
        },
    )


def _responses(model: Uniprocessor) -> tuple[Result, ...]:
    """Response times that come on top of the test: those of EDF do, as its demand tests decide without any."""
    from rtsched.schedulability.theorems.edf import edf_rta

    return (edf_rta(model),) if model.order == "EDF" else ()


def _rejected(left: _Left, exact: str) -> Result:
    """No partition was found: which task fitted nowhere under the first rule, and what the exact assignment said."""
    why = f"{left.task!r} fits on no processor under {RULES[0]}, and no other rule finds a partition"
    hint = f"least loaded with it: {left.processor!r}, {_percent(left.load)}"
    return Result("unknown", first_failure=Failure(left.task, why, hint=hint), reason=f"{why}; {exact}")
