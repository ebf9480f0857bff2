"""What goes into a proof between features: overheads of nodes that displace others, services that differ in a pool,
regions, kernels, recorded deadlines, locks beside triggers. Each is attacked with the legal run that is worst."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtsched import api
from rtsched.engine.simulation import run
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.model.taskgraph import SystemSpec
from rtsched.report.content import Report
from rtsched.report.sections import row as report_row
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulability.models import Pipelines, PipelineTask, Stage, TypedPools
from rtsched.schedulability.theorems.offsets import pipelines_offsets
from rtsched.schedulability.theorems.pipelines import holistic
from rtsched.schedulability.theorems.suspending import pipelines_suspending
from rtsched.verify import words
from rtsched.verify.document import to_dict
from rtsched.verify.verification import verify

US, MS = 1_000, 1_000_000
CPU = "{name: chip, processors: {cpu: {kind: cpu}}}"


class Case:
    """A system in YAML: its proof, made without any run, and runs of it."""

    def __init__(self, *tasks: str, platform: str = CPU, scheduler: str = "{ordering: fp}", more: str = "") -> None:
        rows = "\n".join(f"  - {{{task}}}" for task in tasks)
        text = f"platform: {platform}\nscheduler: {scheduler}\n{more}\ntasks:\n{rows}\n"
        self.loaded = api.load(validate(System, parse_yaml(text)))
        self.description = api.parts_of(self.loaded.system.scheduler)
        self.system: SystemSpec = self.loaded.lower()
        self.proof: SystemAnalysis = prove(self.system, api.policy(self.description))

    @property
    def bounds(self) -> dict[str, int | None]:
        return {bound.task: bound.wcrt for bound in self.proof.bounds}

    @property
    def why(self) -> str:
        """The obstacle of the first part."""
        obstacle = self.proof.parts[0].view.obstacle
        return "" if obstacle is None else obstacle.reason

    def worst(self, until: int, **offsets: int) -> dict[str, int]:
        """The worst responses of a run with these offsets (in ns)."""
        tasks = tuple(replace(task, offset=offsets.get(task.name, task.offset)) for task in self.system.tasks)
        trace = run(replace(self.system, tasks=tasks), api.scheduler(self.description), until=until, drain="all")
        assert trace.check() == []
        found: dict[str, int] = {}
        for job in trace.jobs:
            name = tasks[job["task"]].name
            found[name] = max(found.get(name, 0), int(job["finish"] - job["arrival"]))
        return found

    def check(self, until: int, **offsets: int) -> dict[str, int]:
        """The worst responses of a run, none of which may beat its bound or a proof."""
        seen = self.worst(until, **offsets)
        for task in self.system.tasks:
            bound = self.bounds[task.name]
            assert bound is None or seen.get(task.name, 0) <= bound
            if self.proof.part_of(task.name).result.verdict == "schedulable":
                assert seen.get(task.name, 0) <= task.deadline
        return seen


# ---- overheads -----------------------------------------------------------------------------------------------------


def test_a_node_that_cannot_be_preempted_pays_for_the_return_of_the_one_it_displaces() -> None:
    tasks = ("name: hi, wcet: 1 ms, period: 5 ms, preemptive: false", "name: lo, wcet: 20 ms, period: 100 ms")
    case = Case(*tasks, more="overheads: {context_switch: 1 ms}")
    # 22 ms of lo and ceil(R / 5 ms) times 3 ms: the switch to hi, hi, and the switch back
    assert case.bounds == {"hi": 3 * MS, "lo": 55 * MS}
    assert case.check(100 * MS)["lo"] == 50 * MS


def test_every_preemption_by_others_that_cannot_be_preempted_counts() -> None:
    abc = [f"name: {name}, wcet: 100 us, period: 1 s, preemptive: false" for name in "abc"]
    case = Case(
        *abc, "name: lo, wcet: 900 us, period: 1 s, deadline: 1206 us", more="overheads: {context_switch: 1 us}"
    )
    assert case.proof.verdict == "unknown"
    assert case.check(1_000 * MS, a=200 * US, b=400 * US, c=600 * US)["lo"] == 1207 * US


@pytest.mark.parametrize("ordering", ["edf", "fp"])
def test_also_under_edf_and_for_the_nodes_of_a_graph(ordering: str) -> None:
    graph = "graph: {nodes: {x: {wcet: 1 ms, preemptive: false}, y: {wcet: {npu: 1 ms}}, z: {wcet: 1 ms, preemptive: false}}, edges: [[x, y], [y, z]]}"
    case = Case(
        f"name: hi, period: 10 ms, {graph}",
        "name: lo, wcet: {cpu: 15 ms}, period: 100 ms",
        platform="{name: chip, processors: {cpu: {kind: cpu}, npu: {kind: npu}}}",
        scheduler=f"{{ordering: {ordering}}}",
        more="overheads: {context_switch: 1 ms}",
    )
    seen = case.check(100 * MS, hi=1 * MS)
    assert seen["lo"] == 40 * MS
    assert case.bounds["lo"] == 47 * MS


def test_where_nobody_is_displaced_a_start_costs_once() -> None:
    """Nodes that cannot be preempted, alone or below those that can; nobody more urgent is charged for them."""
    overheads = "overheads: {context_switch: 1 ms}"
    tasks = ("name: hi, wcet: 2 ms, period: 20 ms", "name: lo, wcet: 3 ms, period: 20 ms, preemptive: false")
    assert Case(*tasks, more=overheads).bounds == {"hi": 4 * MS + 4 * MS - 1, "lo": 8 * MS}
    alone = Case(*tasks, scheduler="{ordering: fp, preemption: nonpreemptive}", more=overheads)
    assert alone.bounds == {"hi": 3 * MS + 4 * MS - 1, "lo": 7 * MS}


# ---- pools ---------------------------------------------------------------------------------------------------------

TWO = "{name: chip, processors: {cpu: {kind: cpu}, npu: {kind: npu}}}"
BOTH = "{cpu: %d ms, npu: %d ms}"


def both(time: int) -> str:
    return f"wcet: {{cpu: {time} ms, npu: {time} ms}}"


@pytest.mark.parametrize("ordering", ["fp", "edf"])
def test_a_pool_with_a_member_that_runs_to_completion_is_not_preemptive(ordering: str) -> None:
    case = Case(
        f"name: hi, {both(2)}, period: 1 s, deadline: 2500 us",
        f"name: mid, {both(2)}, period: 1 s, deadline: 3 ms",
        f"name: lo, {both(10)}, period: 1 s",
        platform=TWO,
        scheduler=f"{{ordering: {ordering}, placement: global}}",
    )
    assert case.proof.verdict == "unknown"
    # hi takes the core, lo the NPU, which it keeps; mid waits for hi
    assert case.check(1_000 * MS, mid=100 * US)["mid"] == 3900 * US


def test_one_that_is_preempted_waits_anew_behind_regions_that_began_meanwhile() -> None:
    """So the bound for fixed priorities, one wait a vertex, does not hold there; that for any order does."""
    tasks = [
        f"name: hi, {both(1)}, period: 4 ms, deadline: 4 ms",
        f"name: mid, {both(6)}, period: 100 ms",
        *(f"name: lo{i}, {both(3)}, period: 100 ms" for i in range(3)),
    ]
    case = Case(*tasks, platform=TWO, scheduler="{ordering: fp, placement: global}")
    tests = {item.theorem.name for part in case.proof.parts for item in part.applied}
    assert "a6-work-conserving" in tests
    assert not tests & {"a6-fp", "global-rta", "melani", "bcl"}
    case.check(400 * MS)


def test_graphs_on_clusters_of_two_services() -> None:
    graph = "graph: {nodes: {a: {wcet: {f: 1 ms, s: 1 ms}}, b: {wcet: {f: 2 ms, s: 2 ms}}, c: {wcet: {f: 2 ms, s: 2 ms}}}, edges: [[a, b], [a, c]]}"
    case = Case(
        f"name: hi, period: 100 ms, deadline: 4 ms, {graph}",
        "name: lo, period: 100 ms, wcet: {f: 9 ms, s: 9 ms}",
        platform="{name: chip, processors: {f: {kind: cpu}, s: {kind: cpu, service: run-to-completion}}}",
        scheduler="{ordering: fp, placement: global}",
    )
    assert case.proof.verdict == "unknown"
    assert case.check(100 * MS)["hi"] == 5 * MS  # lo holds the slow cluster while b and c want both


def test_pools_that_share_a_cluster_do_not_share_a_name() -> None:
    graph = "graph: {nodes: {x: {wcet: 4 ms, processors: [cpu0, cpu1]}, y: {wcet: 4 ms, processors: [cpu2, cpu3, cpu4]}}, edges: [[x, y]]}"
    case = Case(f"name: a, period: 20 ms, {graph}", platform="{name: chip, processors: {cpu: {kind: cpu, cores: 5}}}")
    (part,) = case.proof.parts
    assert part.view.models[0].cores == {"cpu0 + cpu1": 2, "cpu2 + cpu3 + cpu4": 3}


# ---- locks ---------------------------------------------------------------------------------------------------------

SECTION = "sections: [{resource: r, start: %s, length: %s}]"


@pytest.mark.parametrize("protocol", ["ceiling", "inheritance", "original-ceiling"])
def test_locks_block_beside_triggers(protocol: str) -> None:
    tasks = (
        f"name: hi, wcet: 2 ms, period: 1 s, deadline: 2100 us, {SECTION % ('0 ms', '200 us')}",
        f"name: lo, wcet: 40 ms, period: 1 s, {SECTION % ('20 ms', '200 us')}",
        "name: post, wcet: 1 ms, after: lo, deadline: 1 s",
    )
    resources = f"resources: {{r: {{protocol: {protocol}}}}}"
    case = Case(*tasks, more=resources)
    assert case.proof.verdict == "unknown"
    assert case.check(1_000 * MS, hi=20_020 * US)["hi"] == 2180 * US
    roomy = Case(tasks[0].replace("2100", "2200"), *tasks[1:], more=resources)
    assert roomy.bounds["hi"] == 2200 * US
    assert {part.source for bound in roomy.proof.bounds for part in bound.parts if part.kind == "blocking"} == {
        "the lock r"
    }


def test_a_section_blocks_the_stages_of_a_chain_that_never_use_the_lock() -> None:
    tasks = (
        f"name: user, wcet: 1 ms, period: 60 ms, offset: 30 ms, {SECTION % ('0 ms', '500 us')}",
        "name: stage, wcet: 1 ms, period: 60 ms, offset: 3 ms, deadline: 5 ms",
        "name: next, wcet: 1 ms, after: stage, deadline: 20 ms",
        f"name: holder, wcet: 12 ms, period: 60 ms, {SECTION % ('2 ms', '8 ms')}",
        "name: last, wcet: 1 ms, after: holder, deadline: 40 ms",
    )
    resources = "resources: {r: {protocol: ceiling}}"
    case = Case(*tasks, more=resources)
    assert case.proof.verdict == "unknown"
    assert case.check(60 * MS)["stage"] == 8 * MS
    roomy = Case(*(task.replace("deadline: 5 ms", "deadline: 10 ms") for task in tasks), more=resources)
    assert roomy.proof.verdict == "schedulable"
    assert roomy.bounds["stage"] == 10 * MS  # the section, user, and itself
    roomy.check(60 * MS)


# ---- regions -------------------------------------------------------------------------------------------------------


def test_regions_that_do_not_sum_to_the_time_prove_nothing() -> None:
    case = Case("name: lo, wcet: 8 ms, period: 80 ms, regions: [4 ms, 4 ms]", scheduler="{preemption: limited}")
    (task,) = case.system.tasks
    node = replace(task.nodes[0], regions=(4 * MS, 5 * MS))
    system = replace(case.system, tasks=(replace(task, nodes=(node,)),))
    (part,) = prove(system, api.policy(case.description)).parts
    assert part.view.obstacle is not None
    assert "sum to 9 ms" in part.view.obstacle.reason


def test_regions_of_longer_jobs_are_rounded_with_the_job() -> None:
    # 1.06 x 60 = 63.6 ns: the job takes up to 64, its region of 50 up to 54, where 1.06 x 50 is 53
    case = Case(
        "name: hi, wcet: 10 ns, period: 1 us",
        "name: lo, wcet: 60 ns, period: 1 us, regions: [50 ns, 10 ns], execution: {kind: uniform, low: 1.06, high: 1.06}",
        scheduler="{ordering: fp, preemption: limited}",
    )
    assert case.bounds["hi"] == 10 + 54 - 1
    case.check(US, hi=1)


# ---- a GPU served block by block -----------------------------------------------------------------------------------


def gpu(more: str = "", sms: int = 4, service: str = "") -> str:
    level = f"{{sms: {sms}, threads: 1024, streams: 1{more}}}"
    return f"{{name: chip, processors: {{gpu: {{kind: gpu{service}, block_level: {level}}}}}}}"


KERNEL = "kernels: [{blocks: 4, threads: 1024, time: 1 ms}]"


@pytest.mark.parametrize(
    ("more", "waves"),
    [
        ("", 1),
        (", sms_per_tpc: 1, masks: {a: 14}", 4),
        (", sms_per_tpc: 2, masks: {a: 1}", 2),
        (", mps: {c: 25}", 4),
        (", mps: {c: 30}", 2),
        (", mps: {c: 75}, sms_per_tpc: 1, masks: {a: 12}", 2),
        (", mode: fluid, sms_per_tpc: 1, masks: {a: 2}", 2),
    ],
)
def test_masks_and_shares_leave_fewer_multiprocessors(more: str, waves: int) -> None:
    case = Case(f"name: a, period: 10 ms, context: c, {KERNEL}", platform=gpu(more))
    assert case.bounds == {"a": waves * MS}
    assert case.check(10 * MS) == {"a": waves * MS}


@pytest.mark.parametrize("factor", [1.1, 1.234567])
def test_every_kernel_is_rounded_by_itself(factor: float) -> None:
    execution = f"execution: {{kind: uniform, low: {factor}, high: {factor}}}"
    case = Case(f"name: a, period: 50 ms, wcet: {{gpu: 33333 us}}, {execution}", platform=gpu(sms=6))
    seen = case.check(50 * MS)
    assert case.bounds == seen


def test_a_gpu_that_launches_its_kernels_anew_after_a_preemption_has_no_bound() -> None:
    tasks = ("name: hi, period: 10 ms, " + KERNEL, "name: lo, period: 100 ms, " + KERNEL)
    case = Case(*tasks, platform=gpu())
    node = tuple(replace(each, service="preemptive") for each in case.system.processors)
    (part,) = prove(replace(case.system, processors=node), api.policy(case.description)).parts
    assert part.result.verdict == "unknown"
    assert "launches its kernels anew" in part.result.reason


# ---- contention ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "bounded"),
    [
        ("{model: pairwise, pairs: [{victim: npu, beside: cpu, slowdown: 3}]}", False),
        ("{model: pairwise, pairs: [{victim: cpu, beside: npu, slowdown: 3}]}", True),
        ("{model: pccs, processors: {npu: {minor_below: 1, intensive_from: 20, rate: 0.01, minor_loss: 0.1, balance: 9, knee: 30}}}", False),
        ("{model: power-law, a: 1, b: 1}", True),
        ("{model: proportional}", True),
    ],
)  # fmt: skip
def test_a_victim_that_asks_for_no_memory_is_slowed_in_some_models(model: str, bounded: bool) -> None:
    memory = f"{{bandwidth: 10 GB/s, contention: {model}}}"
    case = Case(
        "name: a, wcet: {cpu: 9 ms}, period: 10 ms, memory: {bound: 0.5, demand: 9 GB/s}",
        "name: b, wcet: {npu: 2 ms}, period: 10 ms",
        platform=f"{{name: chip, processors: {{cpu: {{kind: cpu}}, npu: {{kind: npu}}}}, memory: {memory}}}",
    )
    assert case.bounds == {"a": None, "b": 2 * MS if bounded else None}
    seen = case.check(10 * MS)
    assert (seen["b"] == 2 * MS) == bounded


def test_a_measured_pair_slows_its_victim_though_nobody_asks_for_memory() -> None:
    pairs = "[{victim: cpu, beside: npu, slowdown: 2}]"
    case = Case(
        "name: a, wcet: {cpu: 3 ms}, period: 10 ms",
        "name: b, wcet: {npu: 2 ms}, period: 10 ms",
        platform=f"""{{name: chip, processors: {{cpu: {{kind: cpu}}, npu: {{kind: npu}}}},
          memory: {{contention: {{model: pairwise, pairs: {pairs}}}}}}}""",
    )
    assert case.bounds == {"a": None, "b": 2 * MS}
    assert case.check(10 * MS)["a"] == 4 * MS


# ---- recorded deadlines --------------------------------------------------------------------------------------------


def recorded(deadlines: str) -> tuple[str, ...]:
    arrival = f"{{kind: trace, times: [0 ms, 20 ms, 40 ms, 60 ms], deadlines: [{deadlines}]}}"
    return (
        f"name: a, wcet: 3 ms, deadline: 20 ms, arrival: {arrival}",
        "name: b, wcet: 5 ms, period: 20 ms, deadline: 12 ms",
    )


def test_under_edf_recorded_deadlines_that_differ_have_no_bound() -> None:
    mixed = "5 ms, 20 ms, 20 ms, 5 ms"
    case = Case(*recorded(mixed), scheduler="{ordering: edf}")
    assert "have deadlines of their own" in case.why
    assert case.check(80 * MS)["a"] == 8 * MS  # behind b, which is due first
    assert Case(*recorded(mixed)).proof.verdict == "schedulable"  # the least one holds where nobody is ordered by it


TWO = "{name: chip, processors: {cpu: {kind: cpu, cores: 1}, npu: {kind: npu}}}"


@pytest.mark.parametrize("ordering", ["edzl", "edf-us", "edf-k"])
def test_whatever_goes_by_deadlines_on_several_cores_has_no_bound_for_recorded_ones(ordering: str) -> None:
    arrival = "{kind: trace, times: [0 ms, 100 ms], deadlines: [10 ms, 90 ms]}"
    case = Case(
        f"name: rec, wcet: 4 ms, deadline: 10 ms, arrival: {arrival}",
        "name: o1, wcet: 30 ms, period: 100 ms, deadline: 60 ms",
        "name: o2, wcet: 30 ms, period: 100 ms, deadline: 60 ms",
        platform="{name: chip, processors: {cpu: {kind: cpu, cores: 2}}}",
        scheduler=f"{{ordering: {ordering}, placement: global}}",
    )
    assert "have deadlines of their own" in case.why
    assert case.check(200 * MS)["rec"] == 34 * MS  # behind both, which are due before its second job


def test_one_queue_by_deadlines_among_others_has_no_bound_for_recorded_ones() -> None:
    arrival = "{kind: trace, times: [0 ms, 100 ms], deadlines: [10 ms, 90 ms]}"
    graph = "graph: {nodes: {x: {wcet: {cpu: %d ms}}, y: {wcet: {npu: 2 ms}}}, edges: [[x, y]]}"
    tasks = (
        f"name: rec, deadline: 10 ms, arrival: {arrival}, {graph % 4}",
        f"name: other, period: 100 ms, deadline: 60 ms, {graph % 30}",
    )
    case = Case(*tasks, platform=TWO, scheduler="{ordering: edf, placement: pinned, npu: {ordering: fifo}}")
    assert "have deadlines of their own" in case.why
    assert case.check(200 * MS)["rec"] == 36 * MS
    turned = Case(*tasks, platform=TWO, scheduler="{ordering: fp, placement: pinned, npu: {ordering: fifo}}")
    assert turned.why == ""
    assert turned.check(200 * MS)["rec"] <= 8 * MS


def test_recorded_deadlines_that_agree_count_instead_of_the_tasks() -> None:
    case = Case(*recorded("19 ms, 19 ms, 19 ms, 19 ms"), scheduler="{ordering: edf}")
    assert case.proof.verdict == "schedulable"
    assert [bound.deadline for bound in case.proof.bounds] == [19 * MS, 12 * MS]
    assert case.check(80 * MS)["a"] == 8 * MS


def test_a_trigger_with_recorded_deadlines_hands_on_no_lateness() -> None:
    trace = "{kind: trace, times: [0 ms, 20 ms], deadlines: [100 ms, 5 ms]}"
    case = Case(
        f"name: a, wcet: 2 ms, deadline: 100 ms, arrival: {trace}",
        "name: h, wcet: 15 ms, period: 1 s, deadline: 60 ms",
        "name: post, wcet: 10 ms, after: a, deadline: 12 ms",
        scheduler="{ordering: edf}",
    )
    assert "have deadlines of their own" in case.why
    assert case.check(100 * MS)["post"] > 12 * MS


# ---- nodes that are left out ----------------------------------------------------------------------------------------


def chained(*edges: str, more: str = "") -> str:
    """Nodes of 1 ns on the NPU along these edges, and v of 5 ns on the CPU."""
    names = dict.fromkeys(name for edge in edges for name in edge.split(" "))
    nodes = ", ".join(f"{name}: {{wcet: {{{'cpu: 5' if name == 'v' else 'npu: 1'} ns}}}}" for name in names)
    pairs = ", ".join(f"[{edge.replace(' ', ', ')}]" for edge in edges)
    return f"graph: {{nodes: {{{nodes}}}, edges: [{pairs}]{more}}}"


LONG = ("r a1", "a1 a2", "a2 a3", "a3 a4", "a4 a5", "a5 a6", "a6 a7", "a7 v")


def test_what_follows_a_way_that_is_not_taken_is_ready_sooner() -> None:
    graph = chained(*LONG, "r b", "b v", more=", branches: {r: {to: {a1: 0.5, b: 0.5}}}")
    case = Case(
        f"name: j, period: 20 ns, priority: 0, {graph}",
        "name: low, period: 100 ns, offset: 8 ns, priority: 1, wcet: {cpu: 10 ns}",
        platform=TWO,
        scheduler="{ordering: fp, placement: pinned}",
    )
    assert case.check(4000)["low"] == 20  # v of a job that went the long way, then of one that went the short one
    assert case.proof.verdict == "schedulable"
    pools = next(model for model in case.proof.parts[0].view.models if isinstance(model, TypedPools))
    assert [vertex.least for vertex in pools.tasks[0].dag.vertices] == [1, *(0,) * 9]


def test_what_follows_nodes_that_a_variant_skips_is_ready_sooner() -> None:
    skipped = ", ".join(edge.split(" ")[0] for edge in LONG)
    variants = (
        f"variants: {{choices: [{{name: full, accuracy: 0.9}}, {{name: small, skip: [{skipped}], accuracy: 0.5}}]}}"
    )
    case = Case(
        f"name: j, period: 20 ns, priority: 1, {chained(*LONG)}, {variants}",
        "name: low, period: 100 ns, offset: 8 ns, priority: 2, wcet: {cpu: 9 ns}",
        "name: top, period: 200 ns, offset: 20 ns, priority: 0, wcet: {npu: 3 ns}",
        platform=TWO,
        scheduler="{ordering: fp, placement: pinned, adaptation: {name: resolution, margin: 0.3}}",
    )
    assert case.check(200)["low"] == 19  # with 'top' in its way the second job of j is the small one
    assert case.proof.verdict == "schedulable"
    stages = {m.tasks[1].stages for m in case.proof.parts[0].view.models if isinstance(m, Pipelines)}
    assert [stage.least for stage in stages.pop()] == [*(0,) * 8, 1]


def test_each_bound_of_pipelines_counts_stages_that_are_left_out() -> None:
    stages = (*(Stage("npu", 1, least=0) for _ in range(8)), Stage("cpu", 5))
    low = PipelineTask("low", (Stage("cpu", 9),), 100, 100)
    for theorem in (holistic, pipelines_offsets, pipelines_suspending):
        worst = []
        for shown in (stages, tuple(replace(stage, least=1) for stage in stages)):
            model = Pipelines((PipelineTask("j", shown, 20, 13), low), {"cpu": "preemptive", "npu": "nonpreemptive"})
            worst.append(theorem(model).responses[1])
        assert worst == [19, 14]


# ---- the C that is shown is the C of the proof ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "C", "overhead"),
    [
        ("wcet: 2 ms, execution: {kind: empirical, samples: [1 ms, 3 ms]}", 3 * MS, 2 * MS),
        ("wcet: 2 ms, execution: {kind: uniform, low: 0.5, high: 1.25}", 2500 * US, 2 * MS),
        ("wcet: 2 ms, execution: {kind: uniform, low: 0.5, high: 0.75}", 2 * MS, 2 * MS),
        ("graph: {nodes: {x: {wcet: 1 ms}, y: {wcet: 2 ms}}, edges: [[x, y]]}", 3 * MS, 4 * MS),
    ],
)
def test_the_time_that_is_shown_is_that_of_the_proof(task: str, C: int, overhead: int) -> None:
    overheads = "overheads: {context_switch: 1 ms}"
    case = Case(f"name: a, period: 20 ms, {task}", more=overheads)
    (bound,) = case.proof.bounds
    assert case.proof.cost("a") == C == bound.total("own")
    assert bound.total("overhead") == overhead
    found = verify(case.loaded, runs=0)
    (row,) = to_dict(found)["tasks"]
    assert (row["wcet_ns"], row["overhead_ns"]) == (C, overhead)
    assert words.rows(found)[0][3] == words.time(C)
    assert words.time(C) in report_row(Report(found, "2030-12-24", ""), 0)


def test_times_that_no_job_takes_refute_nothing() -> None:
    tasks = "name: a, wcet: 12 ms, period: 10 ms, execution: {kind: uniform, low: 0.25, high: %s}"
    assert Case(tasks % "0.5").proof.verdict == "unknown"
    assert Case(tasks % "1").proof.verdict == "unschedulable"


def test_regions_of_a_network_are_written_for_its_typical_time_and_grow_with_the_largest() -> None:
    """One file runs and is proven: its regions sum to the median, and the proof takes the largest time measured."""
    task = {"name": "t", "network": "mobilenet_v2", "pin": "big1", "period": 70_000_000}
    task["regions"] = [13_290_000, 14_000_000]
    loaded = api.load({"platform": "rk3588", "tasks": [task], "scheduler": {"preemption": "limited"}})
    (run,), (proof,) = (loaded.lower(largest=each).tasks[0].nodes for each in (False, True))
    assert run.regions == (13_290_000, 14_000_000)
    assert sum(proof.regions) == proof.fastest == 27_310_000
    assert proof.regions[0] == 13_290_000 * 27_310_000 // 27_290_000


def test_sections_without_regions_are_scaled_on_a_slow_core() -> None:
    task = {"name": "t", "wcet": 4_000_000, "period": 70_000_000}
    task["sections"] = [{"resource": "r", "start": 1_000_000, "length": 2_000_000}]
    platform = {"processors": {"cpu": {"speed": 0.5}}}
    loaded = api.load({"platform": platform, "resources": {"r": {"protocol": "ceiling"}}, "tasks": [task]})
    (node,) = loaded.lower().tasks[0].nodes
    assert (node.regions, node.fastest) == ((), 8_000_000)
    assert [(each.start, each.end) for each in node.sections] == [(2_000_000, 6_000_000)]
