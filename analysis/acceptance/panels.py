"""The figures: of each panel how its sets are drawn, over which loads, and after which published evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import cases
import graphs
from cases import Draw


@dataclass(frozen=True)
class Panel:
    """One panel: sets drawn at each of `xs`. Panels of one `world` see the same sets. `part` of the sets are drawn."""

    name: str
    title: str
    xs: tuple[float, ...]
    draw: Draw
    world: str
    part: float = 1.0


@dataclass(frozen=True)
class Figure:
    """Panels beside each other, and what their common axis is."""

    name: str
    x: str
    panels: tuple[Panel, ...]


def steps(first: float, last: float, count: int) -> tuple[float, ...]:
    """So many loads, evenly apart."""
    return tuple(round(first + (last - first) * place / (count - 1), 4) for place in range(count))


#: Never all of a processor: there busy periods, and so the exact tests, take for ever.
ONE, NP = (*steps(0.6, 0.95, 8), 0.98), (*steps(0.2, 0.9, 8), 0.95)
FOUR = steps(1.2, 3.6, 7)
SHARED, PINNED = steps(2.0, 3.6, 5), steps(0.25, 2.0, 8)
GRAPHS = (0.5, 1.0, 1.5, 2.0, 2.25, 2.5, 3.0)

FIGURES = (
    Figure(
        "one_processor", "utilisation",
        (
            Panel("rm_implicit", "RM, D = T", ONE, cases.one("rm", "implicit"), "implicit"),
            Panel("dm_constrained", "DM, D ≤ T", ONE, cases.one("dm", "constrained"), "constrained"),
            Panel("dm_arbitrary", "DM, any D", ONE, cases.one("dm", "arbitrary"), "arbitrary"),
            Panel("edf_constrained", "EDF, D ≤ T", ONE, cases.one("edf", "constrained"), "constrained"),
        ),
    ),
    Figure(
        "nonpreemptive", "utilisation",
        (
            Panel("np_fp", "non-preemptive DM, D = T", NP, cases.one("dm", "implicit", "npu", 6, 100), "np"),
            Panel("np_edf", "non-preemptive EDF, D = T", NP, cases.one("edf", "implicit", "npu", 6, 100), "np"),
            Panel("regions_rm", "RM, by regions", NP, cases.regions("rm"), "regions"),
            Panel("regions_edf", "EDF, by regions", NP, cases.regions("edf"), "regions"),
        ),
    ),
    Figure(
        "beside", "utilisation",
        (
            Panel("locks", "RM and two locks", ONE, cases.locks, "locks"),
            Panel("servers", "tasks beside a server of 0.2", ONE, cases.servers, "servers"),
            Panel("criticalities", "two criticalities", ONE, cases.criticalities, "criticalities"),
        ),
    ),
    Figure(
        "global", "utilisation of four processors",
        (
            Panel("global_dm_same", "global DM, D = T", FOUR, cases.cluster("dm", "implicit", 4, 20), "implicit4"),
            Panel("global_dm", "global DM, D ≤ T", FOUR, cases.cluster("dm", "constrained", 4, 20), "constrained4"),
            Panel("global_edf_same", "global EDF, D = T", FOUR, cases.cluster("edf", "implicit", 4, 20), "implicit4"),
            Panel("global_edf", "global EDF, D ≤ T", FOUR, cases.cluster("edf", "constrained", 4, 20), "constrained4"),
        ),
    ),
    Figure(
        "sharing", "utilisation of four processors",
        (
            Panel("sharing_6", "6 tasks, D = T", SHARED, cases.sharing(6), "six"),
            Panel("sharing_12", "12 tasks, D = T", SHARED, cases.sharing(12), "twelve", 0.7),
        ),
    ),
    Figure(
        "suspending", "utilisation",
        (
            Panel("suspension_fp_short", "RM, S up to 0.1 (T − C)", NP, cases.suspending("FP", 0.01, 0.1), "short"),
            Panel("suspension_fp", "RM, S in 0.1–0.3 (T − C)", NP, cases.suspending("FP", 0.1, 0.3), "moderate"),
            Panel("suspension_edf_short", "EDF, S up to 0.1 (T − C)", NP, cases.suspending("EDF", 0.01, 0.1), "short"),
            Panel("suspension_edf", "EDF, S in 0.1–0.3 (T − C)", NP, cases.suspending("EDF", 0.1, 0.3), "moderate"),
        ),
    ),
    Figure(
        "graphs", "utilisation of four processors",
        (
            Panel("graphs_edf", "global EDF", GRAPHS, graphs.equal_cores("edf", "preemptive"), "graphs"),
            Panel("graphs_dm", "global DM", GRAPHS, graphs.equal_cores("dm", "preemptive"), "graphs"),
            Panel("graphs_np_edf", "EDF, non-preemptive", GRAPHS, graphs.equal_cores("edf", "nonpreemptive"), "graphs"),
            Panel("graphs_np_dm", "DM, non-preemptive", GRAPHS, graphs.equal_cores("dm", "nonpreemptive"), "graphs"),
        ),
    ),
    Figure(
        "federated", "utilisation of the processors",
        (
            Panel("federated_4", "4 processors", GRAPHS, graphs.federated(4), "graphs"),
            Panel("federated_8", "8 processors", steps(1.0, 7.0, 7), graphs.federated(8), "graphs8", 0.7),
        ),
    ),
    Figure(
        "typed", "utilisation of all six processors",
        (
            Panel("typed_dm", "DM", steps(0.5, 3.0, 6), graphs.typed("dm"), "typed"),
            Panel("typed_edf", "EDF", steps(0.5, 3.0, 6), graphs.typed("edf"), "typed"),
            Panel("typed_fifo", "FIFO", steps(0.5, 3.0, 6), graphs.typed("fifo"), "typed"),
        ),
    ),
    Figure(
        "pinned", "utilisation of four processors",
        (
            Panel("pinned_dm", "DM", PINNED, graphs.pinned("dm", "preemptive"), "pinned"),
            Panel("pinned_np_dm", "DM, non-preemptive", PINNED, graphs.pinned("dm", "nonpreemptive"), "pinned"),
            Panel("pinned_edf", "EDF", PINNED, graphs.pinned("edf", "preemptive"), "pinned"),
        ),
    ),
    Figure(
        "pipelines", "utilisation of each processor",
        (
            Panel("pipelines_cpu", "core, preemptive unit", NP, graphs.pipelines("cpu"), "pipelines"),
            Panel("pipelines_npu", "core, NPU that runs to the end", NP, graphs.pipelines("npu"), "pipelines"),
        ),
    ),
    Figure(
        "job_sets", "utilisation of each processor",
        (
            Panel("job_sets_fp", "RM, one processor", NP, cases.job_sets("FP", 1), "jobs"),
            Panel("job_sets_edf", "EDF, one processor", NP, cases.job_sets("EDF", 1), "jobs"),
            Panel("job_sets_2", "EDF, two processors", NP, cases.job_sets("EDF", 2), "jobs2"),
        ),
    ),
)  # fmt: skip
