"""EDZL on identical processors: EDF, but what has no laxity left, by the C of its task, goes before all others.

A job may take less than its C. Its laxity is what is left to its deadline less its C and plus what it has run.
"""

from __future__ import annotations

from dataclasses import replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster, Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Result, unknown
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.edf import edf_qpa
from rtsched.schedulability.theorems.multiprocessor import edf_workload, gfb, global_edf_rta


def _as_edf(model: Cluster) -> Result | None:
    """What a test of EDF says that accepts the tasks; None where none does."""
    if model.m == 1:
        found = edf_qpa(Uniprocessor(model.tasks, "EDF", "preemptive", model.name))
        return found if found.verdict == "schedulable" else None
    edf = replace(model, order="EDF")
    tests = (gfb,) if needs.constrained_deadlines(model) else (global_edf_rta, gfb)
    return next((found for found in (test(edf) for test in tests) if found.verdict == "schedulable"), None)


def _delayed(model: Cluster, task: Sporadic, others: list[int], by: int) -> bool:
    """Whether a task may be kept from running for `by` ticks until its deadline."""
    return sum(min(work, by) for work in others) >= model.m * by


def _out_of_laxity(model: Cluster) -> tuple[list[str], list[str]]:
    """The tasks that may come to have no laxity, and those that may be kept waiting beyond that."""
    without, late = [], []
    for place, task in enumerate(model.tasks):
        others = [edf_workload(each, task.D, 0) for other, each in enumerate(model.tasks) if other != place]
        if _delayed(model, task, others, task.D - task.C):
            without.append(task.name)
        if _delayed(model, task, others, task.D - task.C + 1):
            late.append(task.name)
    return without, late


@theorem(
    "edzl",
    title="Global EDF until zero laxity (EDZL)",
    strength="sufficient",
    citation="Cirinei, Baker, ECRTS 2007; Baker, Cirinei, Bertogna, Real-Time Systems 40(3), 2008; dominance over EDF: "
    "Park, Han, Kim, Cho, Cho, IEICE Trans. E88-D(8), 2005",
    model=Cluster,
    needs=(
        needs.few_tasks,
        needs.order("EDZL"),
        needs.mode("preemptive"),
        needs.no_jitter,
        needs.no_blocking,
        needs.no_suspension,
    ),
    interlocked=True,
)
def edzl(model: Cluster) -> Result:
    """All are in time where EDF is proven, or at most m tasks may come to have no laxity, or none to wait beyond that.

    Where EDF meets all deadlines for all execution times up to C, EDZL is EDF, with its bounds: did it differ first by
    running a job without laxity that EDF leaves waiting, that job would be late under EDF if it took its C.

    Else let t be the first instant at which a job without laxity waits. m others without laxity run then. Each of the
    m + 1 has been kept waiting for D - C at least, the one for D - C + 1 by t + 1, while m others ran: jobs due before
    it, or ones without laxity. Of these, who is due x after it has C - x behind it at most at its deadline, so that all
    jobs of a task do no more than if one were due with it (the workload of EDF).

    >>> from rtsched.schedulability.models import Cluster, Sporadic
    >>> thirds = tuple(Sporadic(name, 2, 3, 3) for name in "abc")                     # EDF misses here on two
    >>> edzl(Cluster(thirds, 2, "EDZL")).verdict
    'unknown'
    >>> heavy = (Sporadic("a", 1, 5, 5), Sporadic("b", 1, 5, 5), Sporadic("c", 6, 6, 6))     # and here (Dhall)
    >>> edzl(Cluster(heavy, 2, "EDZL")).verdict
    'schedulable'
    """
    found = _as_edf(model)
    if found is not None:
        return Result("schedulable", found.bounds)
    bounds = tuple(Bound(task.name, None, task.D) for task in model.tasks)
    late = next((task.name for task in model.tasks if task.C > task.D), None)
    if late is not None:
        return unknown(f"{late!r} is not done by its deadline even alone", bounds)
    reason = needs.constrained_deadlines(model)
    if reason is not None:
        return unknown(f"no test of EDF accepts it, and beyond that {reason}", bounds)
    without, waiting = _out_of_laxity(model)
    if len(without) <= model.m or not waiting:
        return Result("schedulable", bounds)
    return unknown(f"{len(without)} tasks may come to have no laxity, and {waiting[0]!r} to wait beyond that", bounds)
