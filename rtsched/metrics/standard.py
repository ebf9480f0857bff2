"""The built-in metrics: one function each, named in ``pyproject.toml`` as anybody's are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rtsched.metrics.metric import SHARE, TIME, metric
from rtsched.trace.trace import OK

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.model.taskgraph import NodeSpec, SystemSpec
    from rtsched.trace.trace import Trace


# ---- deadlines -------------------------------------------------------------------------------------------------------


@metric(unit=SHARE, better="lower", title="misses")
def miss_ratio(figures: Summary, trace: Trace) -> float | None:
    """Jobs that were late, dropped or aborted, of all."""
    return figures.miss_ratio


@metric(unit=SHARE, better="higher", title="runs without a miss")
def no_miss(figures: Summary, trace: Trace) -> int | None:
    """1 where every job met its deadline, 0 where one did not: over many systems, the share that did."""
    return int(not figures.misses) if figures.jobs else None


@metric(unit=SHARE, better="higher")
def finished(figures: Summary, trace: Trace) -> float | None:
    """Jobs that finished, on time or late, of all."""
    return sum(task.finished for task in figures.tasks) / figures.jobs if figures.jobs else None


@metric(unit="", better="lower", title="longest run of misses")
def longest_miss_run(figures: Summary, trace: Trace) -> int | None:
    """The most consecutive misses of any task."""
    return max((task.longest_miss_run for task in figures.tasks), default=None)


@metric(unit=TIME, better="lower", title="largest tardiness")
def tardiness(figures: Summary, trace: Trace) -> int | None:
    """How late the latest job finished after its deadline; 0 where none was late."""
    return max((task.tardiness_max for task in figures.tasks if task.tardiness_max is not None), default=None)


# ---- response times --------------------------------------------------------------------------------------------------


@metric(unit="", better="lower", title="p95 / deadline of finished jobs")
def p95(figures: Summary, trace: Trace) -> float | None:
    """The largest 95th percentile of a task's response times, in relative deadlines, over the jobs that finished."""
    tails = [task.response.p95 / task.deadline for task in figures.tasks if task.response.p95 is not None]
    return max(tails) if tails else None


@metric(unit=TIME, better="lower", title="sum of mean responses")
def response(figures: Summary, trace: Trace) -> float:
    """The mean response times of all tasks, added up: it tells runs apart."""
    return math.fsum(task.response.mean or 0.0 for task in figures.tasks)


@metric(unit="", better="lower", title="ANTT")
def antt(figures: Summary, trace: Trace) -> float | None:
    """Average normalised turnaround time (Eyerman and Eeckhout, IEEE Micro 28(3), 2008)."""
    return figures.antt


@metric(unit="", better="higher", title="STP")
def stp(figures: Summary, trace: Trace) -> float | None:
    """System throughput (Eyerman and Eeckhout, IEEE Micro 28(3), 2008)."""
    return figures.stp


@metric(unit=SHARE, better="higher")
def fairness(figures: Summary, trace: Trace) -> float | None:
    """The smallest slowdown of a task in the largest; 0 where a task with jobs finished none."""
    return figures.fairness


@metric(unit=TIME, better="lower", title="reaction time", needs_trace=True, where=lambda system: bool(system.chains))
def reaction_time(figures: Summary, trace: Trace) -> dict[str, int | None]:
    """The longest reaction time (mrt: sampling included) of each cause-effect chain."""
    return {chain.name: chain.reaction_time_max for chain in figures.chains}


@metric(unit=TIME, better="lower", title="data age", needs_trace=True, where=lambda system: bool(system.chains))
def data_age(figures: Summary, trace: Trace) -> dict[str, int | None]:
    """The largest data age (mda: to the next output) of each cause-effect chain."""
    return {chain.name: chain.data_age_max for chain in figures.chains}


# ---- interruptions ---------------------------------------------------------------------------------------------------


@metric(unit="", better="lower", title="preemptions a job")
def preemptions(figures: Summary, trace: Trace) -> float | None:
    """How often work was taken off a processor before its end, for each job that was released."""
    return sum(each.preemptions for each in figures.processors) / figures.jobs if figures.jobs else None


@metric(unit="", better="lower", title="migrations a job")
def migrations(figures: Summary, trace: Trace) -> float | None:
    """How often work that had begun went on elsewhere, for each job that was released."""
    return sum(each.migrations for each in figures.processors) / figures.jobs if figures.jobs else None


# ---- answers ---------------------------------------------------------------------------------------------------------


@metric(unit=SHARE, better="higher")
def accuracy(figures: Summary, trace: Trace) -> float | dict[str, float | None] | None:
    """Right answers of those given, by the tasks' weights; apart for each measure where they count different things."""
    if len(figures.measures) > 1:
        return {measure.name: measure.accuracy for measure in figures.measures}
    return figures.accuracy


@metric(unit=SHARE, better="higher", title="effective accuracy")
def effective_accuracy(figures: Summary, trace: Trace) -> float | dict[str, float | None] | None:
    """As accuracy, of all jobs: what is late (beyond its decay), dropped or aborted counts as wrong."""
    if len(figures.measures) > 1:
        return {measure.name: measure.effective_accuracy for measure in figures.measures}
    return figures.effective_accuracy


def _no_decay(system: SystemSpec) -> bool:
    """Whether a late answer is worth nothing, whoever gives it."""
    return all(task.quality is None or task.quality.decay is None for task in system.tasks)


@metric(unit=SHARE, better="higher", title="accuracy kept", needs_trace=True, where=_no_decay)
def kept_accuracy(figures: Summary, trace: Trace) -> float | None:
    """The accuracy of the answers in time, of all jobs, in that of each task's best: one scale for all measures.

    The mean over tasks by their weights. It takes what a variant or exit is worth on average, and not which inputs it
    was right on. None where a late answer is worth something (`decay`), or no accuracy is known.
    """
    rows = trace.answers[trace.answers["accuracy"] >= 0]
    rows = rows[(rows["release"] >= figures.warm_up) & (trace.jobs["outcome"][rows["job"]] == OK)]
    found, weights = [], []
    for number, (spec, task) in enumerate(zip(trace.system.tasks, figures.tasks, strict=True)):
        best = None if spec.quality is None else spec.quality.accuracy
        if task.measure is not None and task.jobs and best:
            worth = int(rows["accuracy"][rows["task"] == number].sum()) / 1e6
            found.append(spec.weight * worth / (task.jobs * best))
            weights.append(spec.weight)
    return math.fsum(found) / math.fsum(weights) if weights else None


@metric(unit="", better="higher", title="worth")
def worth(figures: Summary, trace: Trace) -> float | None:
    """The sum over jobs of the task's weight times what the answer was worth: 1 for a right one in time.

    What is late beyond its decay, dropped or wrong is worth nothing; where accuracies are not known every answer in
    time is right. It is what ``rtsched optimum`` bounds.
    """
    found = [
        spec.weight * (task.ok if task.effective_accuracy is None else task.effective_accuracy * task.jobs)
        for spec, task in zip(trace.system.tasks, figures.tasks, strict=True)
    ]
    return math.fsum(found) if figures.jobs else None


# ---- energy ----------------------------------------------------------------------------------------------------------


@metric(unit="J", better="lower")
def energy(figures: Summary, trace: Trace) -> float | None:
    """The energy of the whole run; none where no power is modelled."""
    used = None if figures.hardware is None else figures.hardware.energy
    return None if used is None or not used.total else used.total / 1e9


@metric(unit="", better="lower", title="UXCost")
def uxcost(figures: Summary, trace: Trace) -> float | None:
    """Violation rates times normalised energies, in the style of DREAM (Kim et al., ASPLOS 2023, not read).

    Our definition: the sum over tasks of misses over jobs, or 1 / (2 jobs) without any, times the sum over tasks of the
    energy used over that of all jobs with every node on its worst processor. None where a node has no energy of its own
    (it is then known of processors only), or where jobs of a warm-up used some, too.
    """
    used = None if figures.hardware is None else figures.hardware.energy
    if used is None or figures.warm_up:
        return None
    rates, shares = 0.0, 0.0
    for spec, task, mine in zip(trace.system.tasks, figures.tasks, used.tasks, strict=True):
        worst = [_worst_energy(node) for node in spec.nodes]
        if not all(worst) or not task.jobs:
            return None
        rates += task.misses / task.jobs if task.misses else 1 / (2 * task.jobs)
        shares += mine.total / (task.jobs * sum(value for value in worst if value is not None))
    return rates * shares


def _worst_energy(node: NodeSpec) -> int | None:
    values = node.hardware.energy if node.hardware is not None else ()
    return max((value for value in values if value is not None), default=None)


def has_scores(system: SystemSpec) -> bool:
    """Whether XRBench's scores are defined: single inferences with energies, a known number of frames each."""
    return all(
        len(task.nodes) == 1 and task.count is not None and _worst_energy(task.nodes[0]) is not None
        for task in system.tasks
    )


@metric(unit="", better="higher", title="XRBench", needs_trace=True, where=has_scores)
def xrbench(figures: Summary, trace: Trace) -> float:
    """The score of XRBench between 0 and 100: real time, energy and quality of experience (Kwon et al., MLSys 2023)."""
    from rtsched.metrics.xrbench import scores

    return scores(trace).overall
