"""The verdict alone: what `analyse` says of a system, schedulable or not, without the bounds that nobody asked for.

A study of thousands of systems asks for no more. The quick tests come first, and the first proof (or the first no that
is one of the system, too) ends the search; only where no test decides all of them are asked, and their bounds combined.
That two tests contradict each other is not noticed here: `analyse` does.

**Tests that are covered** are left out where the one that covers them has said no: it accepts all that they accept, and
its bounds are no larger. Let W be the work of a sequential task in a window: `JobWork.within` is `workload` (rate 1, up
to what the window itself cuts off), `due_within` is `edf_workload`, and `carried` is no more than `workload`.

* ``global-edf-rta`` by ``a6-edf``: where the former accepts, its bounds R hold with the slack D - R, that is, F(R) <= R
  with the F of A6-E for lines. ``a6-edf`` finds the least such R.
* ``global-rta`` and (on sequential tasks) ``a6-fp`` by ``global-rta-lc``: the same F, with less carried in.
* ``melani`` by ``a6-fp`` and by ``a6-edf``: the same F on preemptive processors of one type, with fewer vertices beside
  the path and rates that are no larger.
* ``a6-work-conserving`` by ``a6-edf``, which has its windows; on sequential tasks by ``global-rta-lc``, for more tasks
  interfere in it.

A search that was cut off covers nothing, nor does a test of another package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from rtsched.model.policy import Policy
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability.analyse import Applied, analyse, combine
from rtsched.schedulability.lowering.group import View
from rtsched.schedulability.lowering.view import views
from rtsched.schedulability.models import Cluster, TypedPools
from rtsched.schedulability.result import Verdict
from rtsched.schedulability.theorem import Registered, Theorem, registered, theorems
from rtsched.schedulability.theorems.multiprocessor import accepts_at_once

#: Tests that decide most of what they are asked within half a millisecond, in this order.
FIRST = (
    "edf-qpa", "np-edf", "limited-edf", "fp-rta", "np-fp-rta", "limited-fp-rta", "cluster-overload", "gfb", "bcl",
    "global-rta-lc", "pool-overload",
)  # fmt: skip
#: Tests that work for milliseconds, most of all on bounds; the last of them for longest.
LAST = ("a6-fp", "a6-edf", "melani", "a6-work-conserving", "global-rta", "global-edf-rta", "edf-rta",
        "exhaustive-global", "np-job-sets")  # fmt: skip
_RANKS = {name: place - len(FIRST) for place, name in enumerate(FIRST)} | {
    name: place + 1 for place, name in enumerate(LAST)
}
#: By test those that accept all it accepts, on the models of one part (see above).
COVERED = {
    "global-rta": ("global-rta-lc",),
    "a6-fp": ("global-rta-lc",),
    "global-edf-rta": ("a6-edf",),
    "melani": ("global-rta-lc", "a6-fp", "a6-edf"),
    "a6-work-conserving": ("global-rta-lc", "a6-edf"),
}
#: Tests of which a moment's look may say that they accept.
AT_ONCE: dict[str, Callable[[Any], bool]] = {"global-edf-rta": accepts_at_once}


def judge(system: SystemSpec, policy: Policy) -> Verdict:
    """The verdict of `analyse` on a system under a policy: the same, and sooner.

    >>> from rtsched import api
    >>> loaded = api.load({"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "1 ms", "period": "4 ms"}]})
    >>> judge(loaded.lower(largest=True), api.policy("edf"))
    'schedulable'
    """
    if any(chain.limits for chain in system.chains):
        return analyse(system, policy, declared=False).verdict  # what chains need of it are bounds
    found: set[Verdict] = set()
    for view in views(system, policy):
        found.add(settle(view, {system.tasks[index].name: system.tasks[index].deadline for index in view.tasks}))
        if "unschedulable" in found:
            return "unschedulable"
    return "unknown" if "unknown" in found else "schedulable"


def settle(view: View, due: Mapping[str, int]) -> Verdict:
    """The verdict on one part, of whose tasks `due` has the relative deadlines in ns, by name."""
    if view.obstacle is not None:
        return "unknown"
    applied: list[Applied] = []
    rejected: dict[str, Any] = {}
    for theorem, place, at_once in _turns(tuple(map(type, view.models)), registered()):
        model = view.models[place]
        if theorem.reason(model) is not None:
            continue
        if at_once is not None:
            if at_once(model):
                return "schedulable"
            continue
        if not theorem.package and any(_same(rejected.get(name), model) for name in COVERED.get(theorem.name, ())):
            continue
        result = theorem.answer(model)
        if result.verdict == "schedulable":
            return "schedulable"
        if result.verdict == "unschedulable" and view.exact:
            return "unschedulable"
        applied.append(Applied(theorem, model, result))
        if result.bounds and not theorem.package:  # it was not cut off
            rejected[theorem.name] = model
    return combine(view, applied, due).verdict


def _same(one: Any, other: Any) -> bool:
    """Whether two models are one, or sequential tasks on equal processors and the same as graphs."""
    if isinstance(one, TypedPools):
        one, other = other, one
    if one is other or not (isinstance(one, Cluster) and isinstance(other, TypedPools)):
        return one is other
    tasks = [(task.name, task.C, task.T, task.D, task.J, 1) for task in one.tasks]
    graphs = [(task.name, task.dag.volume, task.T, task.D, task.J, len(task.dag.vertices)) for task in other.tasks]
    return tasks == graphs and [one.m] == list(other.cores.values()) and one.order == other.order


#: A test, the place of the model it speaks of, and what may say at once that it accepts: that is asked alone then.
Turn = tuple[Theorem, int, Callable[[Any], bool] | None]


@cache
def _turns(kinds: tuple[type, ...], _own: Registered) -> tuple[Turn, ...]:
    """The tests that speak of models of these classes, the quick ones first."""
    ranked: list[tuple[int, Turn]] = []
    for place, kind in enumerate(kinds):
        for theorem in theorems().values():
            if issubclass(kind, theorem.model):
                ranked.append((_RANKS.get(theorem.name, 0), (theorem, place, None)))
                if theorem.name in AT_ONCE:
                    ranked.append((0, (theorem, place, AT_ONCE[theorem.name])))
    ranked.sort(key=lambda item: item[0])
    return tuple(turn for _, turn in ranked)
