"""The smallest change of each kind that would have met a deadline: less C, other rank or processor, variant, split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.errors import RtschedError
from rtsched.model.system import instance_names
from rtsched.trace.causes.explanation import number_of
from rtsched.units import format_duration
from rtsched.whatif.answer import Remedy, WhatIf
from rtsched.whatif.culprits import Culprits
from rtsched.whatif.edits import in_parts, in_variant, shortened, with_task
from rtsched.whatif.trials import Trials

if TYPE_CHECKING:
    from rtsched.loading import Loaded
    from rtsched.model.task import Task
    from rtsched.model.taskgraph import SystemSpec, TaskSpec
    from rtsched.trace.trace import Trace

#: So many processors, or variants of a task, are tried.
MOST_TRIED = 16
#: Into so many parts a node is divided.
PARTS = (2, 3, 4, 8)


def what_if(
    loaded: Loaded, trace: Trace, task: str | int, index: int, *, scheduler: str | Mapping[str, Any] | None = None
) -> WhatIf:
    """What would have met the deadline of a job of `trace`, the run of `loaded` under `scheduler` (None: its own).

    Each change is simulated again with the same seed. Raises InputError.
    """
    return asked(Trials(loaded, trace, number_of(trace, task, index), scheduler), number_of(trace, task, index))


def asked(trials: Trials, job: int) -> WhatIf:
    """All kinds of changes for one job."""
    name = f"{trials.spec.tasks[trials.task].name}[{trials.name[1]}]"
    if trials.name not in trials.missed:
        return WhatIf(name, trials.trace.seed, False, ())
    culprits = Culprits(trials.trace, job)
    main = culprits.main
    tasks = [trials.spec.tasks[number] for number in dict.fromkeys((trials.task, main)) if number is not None]
    changes = [_less(trials, task) for task in tasks]
    changes += _ranks(trials, culprits)
    changes += _processors(trials)
    changes += [change for task in tasks for change in _variants(trials, task, culprits)]
    changes += _splits(trials, culprits)
    return WhatIf(name, trials.trace.seed, True, tuple(changes))


def _tried(trials: Trials, change: Remedy, make: Callable[[], SystemSpec]) -> Remedy:
    """The change with what came of it, or why it cannot be made."""
    try:
        return replace(change, fate=trials.fate(make()))
    except RtschedError as error:
        return replace(change, note=f"refused: {str(error).splitlines()[0]}")


def _until_met(changes: Iterable[Remedy]) -> Iterator[Remedy]:
    """Changes up to the first that meets the deadline."""
    for change in changes:
        yield change
        if change.met:
            return


# ---- less C ----------------------------------------------------------------------------------------------------------


def _less(trials: Trials, task: TaskSpec) -> Remedy:
    """A shorter C at which the deadline is met, and is not with 1 ns more."""
    name, whole = task.name, task.volume
    change = Remedy("less C", name, f"C of {name}: any below {_time(whole)}", now=whole)
    try:
        shortened(trials.spec, task.index, whole)
    except RtschedError as error:
        return replace(change, words="", note=f"C of {name}: {error}")
    found = largest(lambda time: _meets(trials, task.index, time), whole)
    if found is None:
        return replace(change, note="missed with an eighth less, two, …, and with 1 ns")
    share = format(found / whole, ".4g")
    change = replace(
        change,
        words=f"C of {name}: {_time(found)} in place of {_time(whole)} (x {share}, by bisection)",
        then=found,
        setting=_set_wcet(trials, task, found),
    )
    return _tried(trials, change, lambda: shortened(trials.spec, task.index, found))


def _meets(trials: Trials, task: int, time: int) -> bool:
    try:
        return trials.meets(shortened(trials.spec, task, time))
    except RtschedError:
        return False


def largest(met: Callable[[int], bool], whole: int) -> int | None:
    """A number below `whole` (which is not met) that is met, and of which the next is not; None: none was found.

    Eighths are tried from above, then the interval in between is halved. Of a `met` that only falls it is the largest;
    nothing is assumed of any other, of which a larger one may have been passed over.
    """
    above, below = whole, 0
    for eighths in range(7, -1, -1):
        probe = max(1, whole * eighths // 8)
        if probe < above and met(probe):
            below = probe
            break
        above = min(above, probe)
    while below and above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if met(middle) else (below, middle)
    return below or None


# ---- other rank, other processor -------------------------------------------------------------------------------------


def _ranks(trials: Trials, culprits: Culprits) -> Iterator[Remedy]:
    """A task above those that were ahead of it, the nearest first, until the deadline is met."""
    own = trials.spec.tasks[trials.task]
    if not _by_priority(trials, own):
        yield Remedy("other rank", own.name, note="this policy goes by no priorities of the file")
        return
    ahead = [(low, high) for low, high in culprits.passed if high.priority <= low.priority]
    if not ahead:
        yield Remedy("other rank", own.name, note="nothing more urgent was ahead of it")
        return
    nearest = sorted({(low.index, high.priority) for low, high in ahead}, key=lambda pair: (pair[0], -pair[1]))
    yield from _until_met(_raised(trials, trials.spec.tasks[number], above - 1) for number, above in nearest)


def _raised(trials: Trials, task: TaskSpec, priority: int) -> Remedy:
    """A task with another priority."""
    words = f"priority of {task.name}: {priority} in place of {task.priority}"
    setting = _setting(trials, task, f"priority={priority}")
    change = Remedy("other rank", task.name, words, task.priority, priority, setting=setting)
    return _tried(trials, change, lambda: with_task(trials.spec, replace(task, priority=priority)))


def _by_priority(trials: Trials, task: TaskSpec) -> bool:
    """Whether the policy ranks tasks by the priorities of the file."""
    choice = trials.loaded.system.scheduler if trials.choice is None else trials.choice
    policy = api.policy(choice, code=trials.choice is not None or trials.loaded.document is None)
    if policy.whole is not None:
        return policy.plan is not None and policy.plan.accelerator is not None
    level = policy.ordering.level
    raised = replace(task, priority=task.priority - 1)
    return policy.ordering.order == "FP" and level is not None and bool(level(raised) < level(task))


def _processors(trials: Trials) -> Iterator[Remedy]:
    """The task pinned to each processor that all its nodes may use."""
    own = trials.spec.tasks[trials.task]
    model = _model(trials, own)
    may = sorted(set.intersection(*(set(node.eligible) for node in own.nodes)))
    if model is None or len(may) < 2:
        none = f"{own.name} may use no other" if may else f"none may run all of {own.name}"
        why = "it is a job by itself" if model is None else none
        yield Remedy("other processor", own.name, note=why)
        return
    for place in may[:MOST_TRIED]:
        name = trials.spec.processors[place].name
        path = f"tasks.{model.name}.pin"
        words = f"{model.name} on {name} only"
        change = Remedy("other processor", model.name, words, then=name, setting=f"--set {path}={name}")
        yield _tried(trials, change, lambda: trials.with_system(trials.loaded.with_({path: name})))  # noqa: B023
    if len(may) > MOST_TRIED:
        yield Remedy("other processor", own.name, note=f"{len(may) - MOST_TRIED} more of them")


# ---- smaller variant, split ------------------------------------------------------------------------------------------


def _variants(trials: Trials, task: TaskSpec, culprits: Culprits) -> Iterator[Remedy]:
    """The task in each smaller variant for good, the largest first, until the deadline is met."""
    variants = () if task.quality is None else task.quality.variants
    ran = culprits.variant(task.index)
    smaller = variants[ran + 1 : ran + 1 + MOST_TRIED]
    if not smaller:
        why = "ran its smallest" if variants else "has no variants"
        yield Remedy("smaller variant", task.name, note=f"{task.name} {why}")
        return

    def tried(number: int) -> Remedy:
        words = f"{task.name} always {variants[number].name}"
        change = Remedy("smaller variant", task.name, words, variants[ran].name, variants[number].name)
        return _tried(trials, change, lambda: in_variant(trials.spec, task.index, number))

    yield from _until_met(tried(variant.index) for variant in smaller)


def _splits(trials: Trials, culprits: Culprits) -> Iterator[Remedy]:
    """What was not interrupted, divided into parts, until the deadline is met."""
    blocker = culprits.blocker
    if blocker is None:
        name = trials.spec.tasks[trials.task].name
        yield Remedy("split", name, note="it did not wait for the end of a less urgent node")
        return
    task, node = trials.spec.tasks[blocker[0]], blocker[1]
    name = task.name if len(task.nodes) == 1 else f"node {task.nodes[node].name} of {task.name}"

    def tried(parts: int) -> Remedy:
        change = Remedy("split", task.name, f"{name} in {parts} equal nodes", now=1, then=parts)
        return _tried(trials, change, lambda: in_parts(trials.spec, task.index, node, parts))

    yield from _until_met(map(tried, PARTS))


# ---- names -----------------------------------------------------------------------------------------------------------


def _model(trials: Trials, task: TaskSpec) -> Task | None:
    """The task of the file that a lowered one comes of; None: it is a job by itself."""
    names = ((model, name) for model in trials.loaded.system.tasks for name in instance_names(model))
    return next((model for number, (model, _) in enumerate(names) if number == task.index), None)


def _setting(trials: Trials, task: TaskSpec, value: str) -> str | None:
    """How ``--set`` gives a task of the file, and no other, a value."""
    model = _model(trials, task)
    return f"--set tasks.{model.name}.{value}" if model is not None and model.instances == 1 else None


def _set_wcet(trials: Trials, task: TaskSpec, time: int) -> str | None:
    """How ``--set`` makes its C `time` ns, where that is one value of the file."""
    model = _model(trials, task)
    if model is None or model.wcet != {"any": task.volume} or model.regions or model.sections or model.variants:
        return None
    same_speed = len({each for each in task.nodes[0].times if each is not None}) == 1
    return _setting(trials, task, f"wcet={time}ns") if same_speed else None


def _time(nanoseconds: int) -> str:
    return format_duration(nanoseconds)
