"""Which analysis bounds what: the line of the coverage table that applies to a part of a system."""

from __future__ import annotations

from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.models import Cluster, Pipelines, TypedPools, Uniprocessor
from rtsched.schedulability.theorems.accelerators import SharedAccelerator
from rtsched.schedulability.theorems.compositional import EventNetwork
from rtsched.schedulability.theorems.mixed_criticality import MixedCriticality
from rtsched.schedulability.theorems.preemptive_jobs import PreemptiveJobs
from rtsched.schedulability.theorems.semi_partitioned import SplitTasks
from rtsched.schedulability.theorems.servers import ServedTasks
from rtsched.verify.verification import Verification

_ONE = {
    ("FP", "preemptive"): "One processor, preemptive fixed priorities: response-time analysis, exact.",
    ("FP", "nonpreemptive"): "One processor that runs nodes to completion from a priority queue: response-time "
    "analysis over the whole busy period, exact.",
    ("FP", "limited"): "One processor, fixed priorities, preempted between regions only: response-time analysis with "
    "fixed preemption points, exact.",
    ("EDF", "preemptive"): "One processor, preemptive EDF: processor demand (QPA), exact.",
    ("EDF", "nonpreemptive"): "One processor that runs nodes to completion from a deadline queue: demand with "
    "blocking, exact.",
    ("EDF", "limited"): "One processor, EDF, preempted between regions only: demand, behind the longest region.",
}
_SHARED = {
    "fifo": "Cores by priority, accelerators first come, first served: a request waits for one of each other client, "
    "and waiting counts as execution, sufficient.",
    "server": "Cores and requests to an accelerator by priority, each request to its end: suspension as jitter, "
    "sufficient.",
    "gcaps": "Cores and an accelerator, each with the most urgent context alone: suspension as jitter, sufficient.",
    "time-slicing": "Cores by priority, and a GPU whose contexts take turns: suspension as jitter, sufficient.",
}
_FIFO = "One processor, first in, first out: response times as under EDF with one deadline for all, sufficient."


def coverage(found: Verification, part: GroupAnalysis) -> str:
    """What can bound this part at all, in one sentence."""
    if part.view.obstacle is not None:
        return _outside(found, part)
    alone = [model for model in part.view.models if isinstance(model, Uniprocessor) and not model.whole]
    kinds = {type(model): model for model in part.view.models if model not in alone}
    if Uniprocessor in kinds:
        one = kinds[Uniprocessor]
        if one.order == "FIFO":
            return _FIFO
        other = f"One processor under an order ({one.order}) without a test of its own: bounds that hold for any "
        line = _ONE.get((one.order, one.mode), other + "work-conserving order.")
        inexact = any(bound.wcrt is not None and not bound.exact for bound in part.result.bounds)
        return line.replace(", exact.", "; the bounds here are safe, not exact.") if inexact else line
    if PreemptiveJobs in kinds:
        return "Jobs at known instants on one preemptive processor: the schedule with every C is the worst one, exact."
    if EventNetwork in kinds:
        own = "" if kinds[EventNetwork].queues is None else ", or any order of a queue's own"
        return (
            f"Tasks that release each other under fixed priorities{own}: busy windows per processor, jitter handed on."
        )
    if SharedAccelerator in kinds:
        return _SHARED[kinds[SharedAccelerator].policy]
    if ServedTasks in kinds:
        several = f"{kinds[ServedTasks].m} processors" if kinds[ServedTasks].m > 1 else "one processor"
        return f"Servers on {several}: what they give and take, with each task's own response, sufficient."
    if MixedCriticality in kinds:
        return "Two criticalities on one processor under EDF-VD: utilisations; hard tasks apart from all others."
    if SplitTasks in kinds:
        return "Semi-partitioned EDF: the demand of whole tasks and pieces on each processor (QPA), sufficient."
    if Cluster in kinds and kinds[Cluster].order == "optimal":
        return f"{kinds[Cluster].m} identical processors under an optimal policy: the utilisation, exact."
    if Cluster in kinds:
        return (
            f"{kinds[Cluster].m} identical processors shared globally: sufficient tests (fixed priorities: response "
            "times with limited carry-in; EDF: density and response times); exact for tiny sets only."
        )
    if TypedPools in kinds:
        pools = kinds[TypedPools]
        if len(pools.tasks) == 1:
            return "One task graph alone on typed processors: the least of Jaffe's and Han's two bounds, sufficient."
        more = ", or the holistic analysis of pipelines" if Pipelines in kinds else ""
        more += "".join(f", or of tasks that suspend themselves on {model.name!r}" for model in alone)
        order = {"FP": "fixed priorities", "EDF": "EDF"}.get(pools.order, "any work-conserving order")
        order = order if pools.queues is None else "an order of each pool's own"
        return f"Several task graphs on shared typed processors under {order}: bounds for typed DAGs{more}, sufficient."
    titles = dict.fromkeys(item.theorem.title for item in part.applied)
    return f"Covered by: {'; '.join(titles)}." if titles else "No theorem speaks of this combination: simulate."


def _outside(found: Verification, part: GroupAnalysis) -> str:
    """Why nothing sound is implemented for this kind of platform, policy or task."""
    system, obstacle = found.system, part.view.obstacle
    area = None if obstacle is None else obstacle.area
    hardware = system.hardware
    if area == "policy":
        return (
            "Mapping or adaptation decided at run time: no sound analysis (federated shares apart); simulation is the "
            "only evidence."
        )
    if area == "hardware":
        units = () if hardware is None else hardware.units
        if any(unit.block_level is not None for unit in units):
            return (
                "A GPU whose streams share it block by block: its dispatch is undocumented, no sound analysis; sound "
                "only with kernels serialised or SMs partitioned."
            )
        return (
            "Hardware whose times depend on what else happens (memory contention, clocks, heat, weights, links, "
            "faults): no sound analysis; a bound needs execution times that cover the worst of it."
        )
    if area == "task":
        return "Arrivals without a minimum distance, or jobs that overlap: no bound exists or none is implemented."
    if any(system.tasks[index].after is not None for index in part.view.tasks):
        return "Tasks that release each other: only under EDF on one processor, or tasks of one node under FP."
    return (
        "Migration between unlike or partly shared processors: no sound analysis is implemented; pin or partition, or "
        "simulate."
    )
