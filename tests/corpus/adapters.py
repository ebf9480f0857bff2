"""One adapter per corpus kind: a record in, an AssertionError out if rtsched answers differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np

import rtsched
from rtsched.dnn.network import Network
from rtsched.dnn.onnx import load as load_network
from rtsched.engine.simulation import run
from rtsched.metrics.xrbench import scores
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import LATE, Trace
from tests.corpus import gpu
from tests.corpus.proofs import PROOFS

Record = dict[str, Any]

ORDERINGS: dict[str, type[Ordering]] = {"FP": FixedPriority, "EDF": EDF, "FIFO": FIFO}


def processors(types: list[str]) -> tuple[ProcessorSpec, ...]:
    """The corpus' processors: every type may be preempted; the record's policy says whether it is."""
    return tuple(ProcessorSpec(index, f"{kind}{index}", kind) for index, kind in enumerate(types))


def graph(nodes: list[Record], edges: list[list[int]], platform: list[str]) -> tuple[NodeSpec, ...]:
    """The nodes of one task."""
    return tuple(
        NodeSpec(
            index=index,
            name=str(index),
            times=tuple(
                node["wcet"].get(kind) if node.get("pin") in (None, position) else None
                for position, kind in enumerate(platform)
            ),
            predecessors=tuple(u for u, v in edges if v == index),
            successors=tuple(v for u, v in edges if u == index),
            pinned=node.get("pin") is not None,
            regions=tuple(node.get("segments", ())),
        )
        for index, node in enumerate(nodes)
    )


def system(record: Record) -> SystemSpec:
    """The system of a simulation record."""
    platform = record["platform"]
    tasks = tuple(
        TaskSpec(
            index=index,
            name=str(index),
            nodes=graph(task["nodes"], task.get("edges", []), platform),
            period=task["period"],
            deadline=task["deadline"],
            offset=task["offset"],
            priority=task.get("priority", index),
        )
        for index, task in enumerate(record["tasks"])
    )
    return SystemSpec(processors(platform), tasks)


def scheduler(policy: Record) -> ComposedScheduler:
    """The policy of a simulation record."""
    return ComposedScheduler(ORDERINGS[policy["order"]](), preemption=policy["preemption"])


def simulate(record: Record, make: Callable[[Record], ComposedScheduler] = scheduler) -> Trace:
    """Run a simulation record to the end of all its jobs."""
    trace = run(system(record), make(record["policy"]), until=record["horizon"], drain="all")
    assert trace.check() == []
    return trace


def job_rows(trace: Trace) -> list[list[int]]:
    """Rows [task, job, release, absolute deadline, finish], sorted."""
    return sorted([int(job[name]) for name in ("task", "index", "release", "deadline", "finish")] for job in trace.jobs)


def node_rows(trace: Trace) -> list[list[int]]:
    """Rows [task, job, node, first start, finish, processor of the first start], sorted."""
    jobs = trace.jobs
    return sorted(
        [int(jobs["task"][row["job"]]), int(jobs["index"][row["job"]])]
        + [int(row[name]) for name in ("node", "start", "finish", "processor")]
        for row in trace.node_times()
    )


def check_schedule(record: Record, make: Callable[[Record], ComposedScheduler] = scheduler) -> None:
    """Kinds sim_*: job for job and node for node; processors where the corpus compares them."""
    given, expected = record["input"], record["expected"]
    trace = simulate(given, make)
    assert job_rows(trace) == expected["jobs"]
    rows = node_rows(trace)
    assert [row[:5] for row in rows] == [row[:5] for row in expected["nodes"]]
    platform = given["platform"]
    for ours, theirs in zip(rows, expected["nodes"], strict=True):
        node = given["tasks"][theirs[0]]["nodes"][theirs[2]]
        alone = platform.count(platform[theirs[5]]) == 1
        if given["policy"]["preemption"] == "nonpreemptive" or "pin" in node or alone:
            assert ours == theirs
    late = sorted([int(job["task"]), int(job["index"])] for job in trace.jobs if job["outcome"] == LATE)
    assert late == sorted(expected["late"])


def check_sim(record: Record) -> None:
    """Ground truth of kind sim: whichever figures the source gives."""
    trace = simulate(record["input"])
    jobs, expected = trace.jobs, record["expected"]
    assert set(expected) <= {"responses", "late_tasks", "first_late_deadline", "max_tardiness"}
    late = jobs[jobs["outcome"] == LATE]
    for task, responses in expected.get("responses", {}).items():
        mine = jobs[jobs["task"] == int(task)]
        assert (mine["finish"] - mine["release"])[: len(responses)].tolist() == responses
    if "late_tasks" in expected:
        assert sorted(set(late["task"].tolist())) == expected["late_tasks"]
    if "first_late_deadline" in expected:
        assert late["deadline"].min() == expected["first_late_deadline"]
    if "max_tardiness" in expected:
        assert np.maximum(0, jobs["finish"] - jobs["deadline"]).max() == expected["max_tardiness"]


def one_shot(index: int, nodes: tuple[NodeSpec, ...], release: int, deadline: int, priority: int) -> TaskSpec:
    """A task with a single job."""
    return TaskSpec(index, str(index), nodes, None, deadline, priority, release=release)


def check_list_schedule(record: Record) -> None:
    """Graham's list schedules: one DAG, nodes ordered by the list, non-preemptive."""
    given = record["input"]
    order = given["list"]
    place = {vertex: position for position, vertex in enumerate(order)}
    nodes = [{"wcet": {"cpu": given["wcet"][vertex]}} for vertex in order]
    edges = [[place[u], place[v]] for u, v in given["edges"]]
    platform = ["cpu"] * given["m"]
    task = one_shot(0, graph(nodes, edges, platform), 0, 1, 0)
    policy = ComposedScheduler(FixedPriority(), preemption="nonpreemptive")
    trace = run(SystemSpec(processors(platform), (task,)), policy, until=1, drain="all")
    assert trace.check() == []
    assert trace.jobs["finish"].tolist() == [record["expected"]["makespan"]]


def run_jobs(jobs: list[Record], priorities: list[int] | None, preemption: str) -> Trace:
    """One machine, one job a task; ordered by EDF, or by the priorities given."""
    tasks = tuple(
        one_shot(
            index,
            (NodeSpec(0, "0", (job["C"],)),),
            job["release"],
            job["deadline"] - job["release"],
            index if priorities is None else priorities[index],
        )
        for index, job in enumerate(jobs)
    )
    ordering = EDF() if priorities is None else FixedPriority()
    until = max(job["release"] for job in jobs) + 1
    policy = ComposedScheduler(ordering, preemption=preemption)  # type: ignore[arg-type]
    trace = run(SystemSpec(processors(["cpu"]), tasks), policy, until=until, drain="all")
    assert trace.check() == []
    return trace


def latest_deadline_first(given: Record) -> list[int]:
    """Lawler's sequence: built backwards, among the jobs without pending successor the latest deadline goes last."""
    left = set(range(len(given["jobs"])))
    backwards = []
    while left:
        last = [u for u in left if not any(a == u and b in left for a, b in given["edges"])]
        chosen = max(last, key=lambda index: (given["jobs"][index]["deadline"], index))
        backwards.append(chosen)
        left.remove(chosen)
    return backwards[::-1]


def check_single_machine(record: Record) -> None:
    """Textbook rules on one machine; the schedule is always the engine's."""
    given, expected = record["input"], record["expected"]
    jobs, edges, rule = given["jobs"], given["edges"], given["rule"]
    if rule == "all_orders":
        found = [list(order) for order in permutations(range(len(jobs))) if _in_order_feasible(jobs, order)]
        assert sorted(found) == expected["feasible_orders"]
        return
    if rule == "EDD":
        trace = run_jobs(jobs, None, "nonpreemptive")
    elif rule == "LDF":
        sequence = latest_deadline_first(given)
        trace = run_jobs(jobs, [sequence.index(index) for index in range(len(jobs))], "nonpreemptive")
    else:
        assert rule == "EDF"
        trace = _edf_with_precedence(jobs, edges)
    finish = trace.jobs[np.argsort(trace.jobs["task"])]["finish"]
    assert finish.tolist() == expected["finish"]
    assert np.argsort(finish, kind="stable").tolist() == expected["order"]
    deadlines = np.array([job["deadline"] for job in jobs])
    assert (finish - deadlines).max() == expected["max_lateness"]
    assert np.flatnonzero(finish > deadlines).tolist() == expected["late"]


def _edf_with_precedence(jobs: list[Record], edges: list[list[int]]) -> Trace:
    """EDF among the jobs without pending predecessor: one task graph whose nodes carry the jobs' deadlines."""
    assert all(job["release"] == 0 for job in jobs), "precedence between jobs of different release is not in the format"
    order = sorted(range(len(jobs)), key=lambda index: (jobs[index]["deadline"], index))
    place = {job: position for position, job in enumerate(order)}
    nodes = graph(
        [{"wcet": {"cpu": jobs[job]["C"]}} for job in order], [[place[u], place[v]] for u, v in edges], ["cpu"]
    )
    policy = ComposedScheduler(FixedPriority(), preemption="nonpreemptive")
    whole = run(SystemSpec(processors(["cpu"]), (one_shot(0, nodes, 0, 1, 0),)), policy, until=1, drain="all")
    finish = {order[int(row["node"])]: int(row["finish"]) for row in whole.node_times()}
    sequence = sorted(range(len(jobs)), key=finish.__getitem__)
    return run_jobs(jobs, [sequence.index(index) for index in range(len(jobs))], "nonpreemptive")


def _in_order_feasible(jobs: list[Record], order: tuple[int, ...]) -> bool:
    """Whether running the jobs in exactly this order, idling only for releases, meets every deadline."""
    now = 0
    for index in order:
        now = max(now, jobs[index]["release"]) + jobs[index]["C"]
        if now > jobs[index]["deadline"]:
            return False
    return True


PROTOCOLS = {"none": "none", "PIP": "inheritance", "ICPP": "ceiling"}


def check_locks(record: Record) -> None:
    """Critical sections on one preemptive processor."""
    given = record["input"]
    tasks = []
    for index, task in enumerate(given["tasks"]):
        position, sections = 0, []
        for ticks, resource in task["code"]:
            if resource is not None:
                sections.append(SectionSpec(resource, position, position + ticks))
            position += ticks
        node = NodeSpec(0, "0", (position,), sections=tuple(sections))
        tasks.append(one_shot(index, (node,), task["release"], 10**6, index))
    names = {section.resource for task in tasks for section in task.nodes[0].sections}
    protocol = PROTOCOLS[given["protocol"]]
    spec = SystemSpec(processors(["cpu"]), tuple(tasks), protocols=dict.fromkeys(names, protocol))
    trace = run(spec, ComposedScheduler(FixedPriority()), until=10**6, drain="all")
    assert trace.check() == []
    finish = trace.jobs[np.argsort(trace.jobs["task"])]["finish"]
    assert finish.tolist() == record["expected"]["finish"]


def check_gpu_vector(record: Record) -> None:
    """Waves and copies of a program on a GPU served block by block (see tests/data/gpu/README.md)."""
    assert gpu.replay(record) == gpu.expected(record)


XRBENCH = {
    "VR_gaming": "xrbench_vr_gaming",
    "AR_gaming": "xrbench_ar_gaming",
    "social_interactionA": "xrbench_social_interaction_a",
    "social_interactionB": "xrbench_social_interaction_b",
}


def check_xrbench_cell(record: Record) -> None:
    """A cell of XRBench: frame counts equal, exact scores to six decimals."""
    scenario, organisation, dataflow = record["cell"]
    trace = rtsched.simulate(XRBENCH[scenario], platform=f"xrbench_{organisation}_{dataflow}".lower())
    assert trace.check() == []
    found = scores(trace)
    expected = {row["model"]: row for row in record["rows"]}
    overall = expected.pop("overall")
    assert [model.name for model in found.models] == sorted(expected)
    for model in found.models:
        row = expected[model.name]
        assert (model.executed, model.dropped) == (int(row["executed"]), int(row["dropped"])), model.name
        assert abs(model.realtime - float(row["realtime_exact"])) < 1e-6, model.name
        assert abs(model.energy - float(row["energy_score"])) < 2e-6, model.name
        assert abs(model.qoe - float(row["qoe_score"])) < 2e-6, model.name
    assert abs(found.overall - float(overall["overall_exact"])) < 1e-6


COUNTS: dict[str, Callable[[Network], int]] = {
    "nodes": lambda network: network.nodes,
    "macs": lambda network: network.macs,
    "initializer_elements": lambda network: network.initializer_elements,
    "output_elements_sum": lambda network: network.output_elements,
    "tensors_without_shape": lambda network: len(network.unknown),
    "activation_bytes": lambda network: network.activation_bytes,
    "initializer_bytes": lambda network: network.initializer_bytes,
    "peak_node_io_bytes": lambda network: network.peak_bytes,
    "macs_conv": lambda network: sum(network.macs_by_kind.get(kind, 0) for kind in ("Conv", "ConvTranspose")),
    "macs_gemm": lambda network: network.macs_by_kind.get("Gemm", 0),
    "macs_matmul": lambda network: network.macs_by_kind.get("MatMul", 0),
}


def check_onnx_counts(record: Record) -> None:
    """The counts of an ONNX graph beside the table, exact; an unknown count is None, and what it rests on is said."""
    name, _, shape = (record.get("shape") or "").partition("=")
    given = {name: tuple(map(int, shape.split("x")))} if name else {}
    network = load_network(record["folder"] / record["file"], given)
    allowed = record["macs"].split("|")
    assert ("unknown" if network.macs is None else str(network.macs)) in allowed
    wanted = {name: int(record[name]) for name in COUNTS if record.get(name) and name != "macs"}
    if "unknown" in allowed:  # sums that depend on the same shapes are not known either
        wanted = {
            name: wanted[name] for name in wanted if name in ("nodes", "initializer_elements", "initializer_bytes")
        }
    assert {name: COUNTS[name](network) for name in wanted} == wanted
    shapes = "; ".join(
        f"{name}:{'x'.join('?' if size is None else str(size) for size in shape)}"
        for name, shape in network.inputs.items()
    )
    assert shapes == (record.get("inputs") or shapes)
    if network.macs is not None:
        assert re.search(record.get("says") or "", " ".join(network.notes))
    moved = sum((each.input_bytes or 0) + (each.output_bytes or 0) for each in network.operators)
    assert moved <= int(record.get("bytes_at_most") or moved)


ADAPTERS: dict[str, Callable[[Record], None]] = {
    "sim_uniproc": check_schedule,
    "sim_global": check_schedule,
    "sim_np_unrelated": check_schedule,
    "sim_limited_dag": check_schedule,
    "sim_preemptive_dag": check_schedule,
    "sim": check_sim,
    "list_schedule": check_list_schedule,
    "single_machine": check_single_machine,
    "locks": check_locks,
    "gpu_vector": check_gpu_vector,
    "xrbench_cell": check_xrbench_cell,
    "onnx_counts": check_onnx_counts,
    **PROOFS,
}
