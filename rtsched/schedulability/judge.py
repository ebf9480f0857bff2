"""The verdict alone: what `analyse` says of a system, schedulable or not, without the bounds that nobody asked for.

A study of thousands of systems asks for no more. The quick tests come first, and the first proof (or the first no that
is one of the system, too) ends the search; only where no test decides all of them are asked, and their bounds combined.
That two tests contradict each other is not noticed here: `analyse` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rtsched.model.policy import Policy
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability.analyse import Applied, analyse, combine
from rtsched.schedulability.lowering.group import View
from rtsched.schedulability.lowering.view import views
from rtsched.schedulability.result import Verdict
from rtsched.schedulability.theorem import Theorem, theorems

#: Tests that decide most of what they are asked within half a millisecond, in this order.
FIRST = (
    "edf-qpa", "np-edf", "limited-edf", "fp-rta", "np-fp-rta", "limited-fp-rta", "cluster-overload", "gfb", "bcl",
    "global-rta", "pool-overload",
)  # fmt: skip
#: Tests that work for milliseconds, most of all on bounds; the last of them for longest.
LAST = ("a6-edf", "global-edf-rta", "edf-rta", "exhaustive-global", "np-job-sets")
_RANKS = {name: place - len(FIRST) for place, name in enumerate(FIRST)} | {
    name: place + 1 for place, name in enumerate(LAST)
}


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
    for theorem, model in _in_turn(view.models):
        if theorem.reason(model) is not None:
            continue
        result = theorem.answer(model)
        if result.verdict == "schedulable":
            return "schedulable"
        if result.verdict == "unschedulable" and view.exact:
            return "unschedulable"
        applied.append(Applied(theorem, model, result))
    return combine(view, applied, due).verdict


def _in_turn(models: Sequence[Any]) -> Iterator[tuple[Theorem, Any]]:
    """The tests that speak of any of the models, the quick ones first."""
    found = [
        (_RANKS.get(theorem.name, 0), theorem, model)
        for model in models
        for theorem in theorems().values()
        if isinstance(model, theorem.model)
    ]
    found.sort(key=lambda item: item[0])
    for _, theorem, model in found:
        yield theorem, model
