"""Adapters of the corpus kinds that analyses answer: exact tests equal, sufficient tests never optimistic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from rtsched.engine.simulation import run
from rtsched.metrics import summary as metrics
from rtsched.model.taskgraph import ChainSpec, NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import (
    Cluster,
    Dag,
    DagTask,
    Mode,
    Order,
    Pipelines,
    PipelineTask,
    Sporadic,
    Stage,
    TypedPools,
    Uniprocessor,
    Vertex,
)
from rtsched.schedulability.result import Result
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems import chains, clocked_jobs, edf, federated, sampled_chains, suspension, typed_dag
from rtsched.schedulability.theorems.compositional import Component, EventNetwork, Events
from rtsched.schedulability.theorems.job_sets import Job, JobSet, completions, read_csv
from rtsched.schedulability.theorems.multiprocessor import mcnaughton
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import FixedPriority

Record = dict[str, Any]

FP_TESTS = {"preemptive": "fp-rta", "limited": "limited-fp-rta", "nonpreemptive": "np-fp-rta"}
EDF_TESTS = {"preemptive": "edf-qpa", "limited": "limited-edf", "nonpreemptive": "np-edf"}


def sporadic(tasks: Sequence[Record]) -> tuple[Sporadic, ...]:
    return tuple(
        Sporadic(
            str(index),
            task["C"],
            task["T"],
            task.get("D", task["T"]),
            task.get("J", 0),
            task.get("B", 0),
            task.get("S", 0),
            tuple(task.get("segments", ())),
        )
        for index, task in enumerate(tasks)
    )


def checked(result: Result) -> Result:
    """Whatever a theorem says: parts sum (Bound asserts it), no value above a deadline in a green result."""
    if result.verdict == "schedulable":
        assert all(bound.wcrt is None or bound.wcrt <= bound.deadline for bound in result.bounds)
    for bound in result.bounds:
        if bound.parts:
            assert sum(part.amount for part in bound.parts) == bound.wcrt
            assert all(part.amount > 0 for part in bound.parts), bound.parts
    return result


def never_optimistic(model: Any, schedulable: bool, worst: Sequence[int] | None, skip: tuple[str, ...] = ()) -> None:
    """Every theorem that applies agrees with the truth: no false green, no false red, no bound below the worst."""
    for theorem in theorems().values():
        if theorem.name in skip or theorem.reason(model) is not None:
            continue
        result = checked(theorem(model))
        assert result.verdict != ("unschedulable" if schedulable else "schedulable"), theorem.name
        if theorem.strength == "exact" and result.verdict == "unknown":
            raise AssertionError(f"{theorem.name} is exact and does not know: {result.reason}")
        if worst is None or not result.bounds or (theorem.interlocked and result.verdict != "schedulable"):
            continue
        for bound, truth in zip(result.bounds, worst, strict=True):
            assert bound.wcrt is None or bound.wcrt >= truth, (theorem.name, bound, truth)


def check_rta(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    model = Uniprocessor(sporadic(given["tasks"]), "FP", given["mode"])
    result = checked(theorems()[FP_TESTS[given["mode"]]](model))
    assert result.responses == expected["R"]
    if "schedulable" in expected:
        assert (result.verdict == "schedulable") == expected["schedulable"]
        assert result.verdict != "unknown"
    if "missing" in expected:
        late = [i for i, bound in enumerate(result.bounds) if bound.wcrt is None or bound.wcrt > bound.deadline]
        assert late == expected["missing"]


def check_edf(record: Record) -> None:
    tasks = sporadic(record["input"]["tasks"])
    expected = record["expected"]
    for mode in ("preemptive", "nonpreemptive"):
        if expected[mode] is None:
            continue
        model = Uniprocessor(tasks, "EDF", mode)
        result = checked(theorems()[EDF_TESTS[mode]](model))
        assert result.verdict == ("schedulable" if expected[mode] else "unschedulable")
        assert result.details.get("overload_at_ns") == expected[f"{mode}_witness"]


def check_edf_demand(record: Record) -> None:
    tasks = sporadic(record["input"]["tasks"])
    for t, value in record["expected"].get("dbf", {}).items():
        assert edf.dbf(tasks, int(t)) == value
    if "schedulable" in record["expected"]:
        result = theorems()["edf-qpa"](Uniprocessor(tasks, "EDF"))
        assert (result.verdict == "schedulable") == record["expected"]["schedulable"]


def check_sporadic_uni(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    mode: Mode = given["mode"]
    order: Order = given["order"]
    model = Uniprocessor(sporadic(given["tasks"]), order, mode)
    never_optimistic(model, expected["schedulable"], expected["worst"])
    test = theorems()[(FP_TESTS if order == "FP" else EDF_TESTS)[mode]]
    if test.strength == "exact":
        assert (test(model).verdict == "schedulable") == expected["schedulable"]
    if order == "FP" and expected["worst"] is not None:
        assert test(model).responses == expected["worst"]


def check_sporadic_global(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    tasks, m = sporadic(given["tasks"]), given["m"]
    for order in ("FP", "EDF"):
        model = Cluster(tasks, m, order)
        truth = expected[order]
        never_optimistic(model, truth["schedulable"], truth["worst"], skip=("exhaustive-global",))
        own = theorems()["exhaustive-global"](model)
        assert (own.verdict == "schedulable") == truth["schedulable"]
        if truth["worst"] is not None:
            assert own.responses == truth["worst"]
    fp, by_deadline, tests = Cluster(tasks, m, "FP"), Cluster(tasks, m, "EDF"), expected["tests"]
    assert (theorems()["gfb"](by_deadline).verdict == "schedulable") == tests["gfb"]
    assert (theorems()["bcl"](fp).verdict == "schedulable") == tests["bcl_fp"]
    assert theorems()["global-rta"](fp).responses == tests["rta_fp"]
    assert theorems()["global-rta-lc"](fp).responses == tests["rta_lc"]


def check_self_suspension(record: Record) -> None:
    expected = record["expected"]
    model = Uniprocessor(sporadic(record["input"]["tasks"]))
    found = {name: [bound.wcrt for bound in bounds] for name, bounds in suspension.bounds_of(model).items()}
    if "bounds" in expected:
        assert {name: found[name] for name in expected["bounds"]} == expected["bounds"]
    if "best_bound" in expected:
        best = found["best"]
        gone = next((i for i, value in enumerate(expected["best_bound"]) if value is None), len(best))
        assert best[:gone] == expected["best_bound"][:gone]
    if "worst" in expected:
        never_optimistic(model, expected["schedulable"], expected["worst"])


def dag_of(given: Record) -> Dag:
    vertices = tuple(
        Vertex(str(i), c, kind) for i, (c, kind) in enumerate(zip(given["wcet"], given["types"], strict=True))
    )
    return Dag(vertices, tuple((u, v) for u, v in given["edges"]))


def check_dag(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    dag, cores = dag_of(given), given["cores"]
    kinds = set(given["types"])
    values: dict[str, Fraction] = {
        "jaffe": typed_dag.jaffe(dag, cores),
        "han1": typed_dag.han1(dag, cores)[0],
        "han2": typed_dag.han2(dag, cores)[0],
    }
    if len(kinds) == 1:
        m = cores[min(kinds)]
        values["graham"] = typed_dag.graham(dag, m)
        values["long_paths_greedy"] = typed_dag.long_paths(dag, m)
    for name, value in expected["bounds"].items():
        assert values[name] == Fraction(value), name
    worst = [value for key, value in expected.items() if key.startswith("worst")]
    enough = 10 * (dag.volume + 1)
    for mode in ("preemptive", "nonpreemptive"):
        model = TypedPools((DagTask("dag", dag, enough, enough),), cores, "any", dict.fromkeys(cores, mode))
        never_optimistic(model, True, [max(worst)])
        # the records take the nodes in any order; some bounds know that of fixed priorities
        skip = ("pinned-paths", *(("a6-fp", "a6-work-conserving", "node-order") if mode == "preemptive" else ()))
        never_optimistic(replace(model, order="FP"), True, [max(worst)], skip)


def check_pipeline(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    modes: dict[str, Mode] = given["modes"]
    tasks = tuple(
        PipelineTask(str(i), tuple(Stage(p, c) for p, c in task["segs"]), task["T"], task["D"])
        for i, task in enumerate(given["tasks"])
    )
    model = Pipelines(tasks, modes)
    result = checked(theorems()["holistic"](model))
    assert result.responses == expected["holistic"]
    never_optimistic(model, expected["variable"] is not None, expected["variable"])
    fixed = checked(theorems()["holistic"](Pipelines(tasks, modes, fixed_times=True)))
    if fixed.verdict == "schedulable":
        assert expected["fixed"] is not None
        assert all(bound.wcrt >= truth for bound, truth in zip(fixed.bounds, expected["fixed"], strict=True))
    # the same systems as typed DAGs: every processor is a type of its own
    pools = TypedPools(
        tuple(
            DagTask(
                task.name,
                Dag(
                    tuple(Vertex(str(k), stage.C, stage.processor) for k, stage in enumerate(task.stages)),
                    tuple((k, k + 1) for k in range(len(task.stages) - 1)),
                ),
                task.T,
                task.D,
            )
            for task in tasks
        ),
        dict.fromkeys(modes, 1),
        "FP",
        modes,
    )
    never_optimistic(pools, expected["variable"] is not None, expected["variable"])


def check_chain(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    tasks = sporadic(given["tasks"])
    R = theorems()["fp-rta"](Uniprocessor(tasks)).responses
    assert expected["wcrt"] == R
    path = given["chain"]
    chain = chains.CauseEffectChain(
        "chain",
        tuple(str(i) for i in path),
        tuple(tasks[i].T for i in path),
        tuple(R[i] or 0 for i in path),
        tuple(a < b for a, b in pairwise(path)),
    )
    assert chains.davare(chain) == expected["davare"]
    assert chains.reaction_time(chain) == expected["duerr_mrt"]
    assert chains.reduced_data_age(chain) == expected["duerr_mrda"]
    found = simulated_chain(given)
    for name in ("mrt", "mda", "mrda"):
        assert found[name] == expected[name], name
    assert checked(theorems()["chain-latency"](chain)).responses[0] >= found["mrt"]
    O = [each.get("O", 0) for each in given["tasks"]]
    jobs = clocked_jobs.latest_ends(
        [clocked_jobs.Clocked(task.C, task.T, at) for task, at in zip(tasks, O, strict=True)]
    )
    assert jobs is not None
    most = expected["duerr_mrt"]
    for ends in ([() for _ in jobs], jobs):  # by the worst responses, and by the ends of single jobs
        steps = tuple(
            sampled_chains.Sampler(str(i), tasks[i].T, R[i] or 0, clock="clock", phase=O[i], ends=ends[i]) for i in path
        )
        clocked = checked(theorems()["chain-clocks"](sampled_chains.SampledChain("chain", steps, chain.ahead)))
        assert all(clocked.details[f"{code}_ns"] >= found[code] for code in ("mrt", "mda", "mrda"))
        assert (clocked.responses[0] or 0) <= most
        most = clocked.responses[0] or 0


def simulated_chain(given: Record) -> dict[str, int]:
    """Reaction time and data ages of the concrete schedule, from rtsched's own simulation."""
    H = math.lcm(*(task["T"] for task in given["tasks"]))
    specs = tuple(
        TaskSpec(i, str(i), (NodeSpec(0, "0", (task["C"],)),), task["T"], task["D"], i, offset=task.get("O", 0))
        for i, task in enumerate(given["tasks"])
    )
    system = SystemSpec((ProcessorSpec(0, "cpu", "cpu"),), specs)
    trace = run(system, ComposedScheduler(FixedPriority()), until=8 * H, drain="all")
    chain = ChainSpec("chain", tuple(given["chain"]))
    window = (3 * H, 4 * H)
    return {
        "mrt": int(metrics.reaction_times(trace, chain, window).max()),
        "mda": int(metrics.data_ages(trace, chain, window).max()),
        "mrda": int(metrics.data_ages(trace, chain, window, reduced=True).max()),
    }


def check_federated(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    vol, length, D = given["vol"], given["len"], given["D"]
    # a path of `length` beside enough single ticks makes a DAG with this volume and this longest path
    rest = tuple(Vertex(str(i), 1, "cpu") for i in range(1, vol - length + 1))
    task = DagTask("dag", Dag((Vertex("0", length, "cpu"), *rest)), given["T"], D)
    shares = federated.shares(task, {"cpu": 10_000})
    assert shares == {"cpu": expected["cores"]}
    assert typed_dag.graham(task.dag, expected["cores"]) == Fraction(expected["bound"])


def check_ll_bound(record: Record) -> None:
    """Just below the bound the test accepts n equal tasks, just above it does not."""
    test = theorems()["liu-layland"]
    for n, value in zip(record["input"]["n"], record["expected"]["bound"], strict=True):
        for shift, verdict in ((-1, "schedulable"), (1, "unknown")):
            T = 10**9
            C = math.floor(T * (float(value) + shift * 0.0001) / n)
            tasks = tuple(Sporadic(str(i), C, T, T) for i in range(n))
            assert test(Uniprocessor(tasks)).verdict == verdict, (n, value, shift)


def check_utilisation(record: Record) -> None:
    expected = record["expected"]
    tasks = sporadic(sorted(record["input"]["tasks"], key=lambda task: task["T"]))
    for key, name in (("ll_accepts", "liu-layland"), ("hyperbolic_accepts", "hyperbolic")):
        if key in expected:
            assert (theorems()[name](Uniprocessor(tasks)).verdict == "schedulable") == expected[key]
    if "gfb_accepts" in expected:
        model = Cluster(tasks, record["input"]["m"], "EDF")
        assert (theorems()["gfb"](model).verdict == "schedulable") == expected["gfb_accepts"]


def check_cpa(record: Record) -> None:
    given = record["input"]
    before = {target: source for source, target in given["links"]}
    components = tuple(
        Component(
            task["name"],
            task["resource"],
            task["bcet"],
            task["wcet"],
            task["priority"],
            None if task["name"] in before else Events(task["P"], task["J"]),
            before.get(task["name"]),
        )
        for task in given["tasks"]
    )
    modes: dict[str, Mode] = dict.fromkeys((task["resource"] for task in given["tasks"]), "preemptive")
    result = checked(theorems()["compositional"](EventNetwork(components, modes)))
    found = {bound.task: bound.wcrt for bound in result.bounds}
    assert found == record["expected"]["wcrt"]


def check_mcnaughton(record: Record) -> None:
    given = record["input"]
    assert mcnaughton(given["C"], given["m"]) == record["expected"]["makespan"]


def check_np_jobset(record: Record) -> None:
    given, expected = record["input"], record["expected"]
    jobs = tuple(Job(str(i), *(job[key] for key in JOB)) for i, job in enumerate(given["jobs"]))
    edges = tuple((u, v) for u, v in given.get("edges", ()))
    check_completions(JobSet(jobs, given["m"], edges), expected["best"], expected["worst"], expected["schedulable"])


JOB = ("r_min", "r_max", "c_min", "c_max", "deadline", "priority")


def check_np_jobsets(record: Record) -> None:
    folder = Path(record["folder"])
    job_set = read_csv(
        folder / record["jobs"],
        None if record["precedence"] is None else folder / record["precedence"],
        None if record["aborts"] is None else folder / record["aborts"],
        m=record["m"],
        policy=record["policy"],
    )
    expected = {(task, job): (best, worst) for task, job, best, worst in record["completion"]}
    found = [expected[job.task, job.number] for job in job_set.jobs]
    check_completions(job_set, [best for best, _ in found], [worst for _, worst in found], record["schedulable"])


def check_completions(job_set: JobSet, best: list[int], worst: list[int], schedulable: bool) -> None:
    """Exact on one processor; on several the bounds contain the truth, and a green is true."""
    result = checked(theorems()["np-job-sets" if job_set.m == 1 else "np-job-sets-global"](job_set))
    found = completions(job_set)
    if job_set.m == 1:
        assert found == list(zip(best, worst, strict=True))
        assert (result.verdict == "schedulable") == schedulable
    for (early, late), b, w in zip(found, best, worst, strict=True):
        assert early <= b <= w <= late
    assert result.verdict != ("unschedulable" if schedulable else "schedulable")


PROOFS = {
    "np_jobset": check_np_jobset,
    "np_jobsets": check_np_jobsets,
    "cpa": check_cpa,
    "mcnaughton": check_mcnaughton,
    "rta": check_rta,
    "fp_rta": check_rta,
    "edf": check_edf,
    "edf_demand": check_edf_demand,
    "sporadic_uni": check_sporadic_uni,
    "sporadic_global": check_sporadic_global,
    "self_suspension": check_self_suspension,
    "dag": check_dag,
    "pipeline": check_pipeline,
    "chain": check_chain,
    "federated": check_federated,
    "ll_bound": check_ll_bound,
    "utilisation_test": check_utilisation,
}
