"""From a system file to a verdict: views, their assumptions, what has no proof, and the simulation beside it."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import rtsched
from rtsched import api
from rtsched.cli import cli
from rtsched.errors import InputError, SoundnessError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.schedulability import analyse as combining
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulability.lowering.policy import homes
from rtsched.schedulability.models import Cluster, Pipelines, TypedPools, Uniprocessor
from rtsched.schedulability.result import Bound
from rtsched.schedulability.search import margins
from rtsched.trace.trace import LATE
from rtsched.verify.verification import verify

MS = 1_000_000


def load(text: str) -> System:
    """A system from YAML."""
    return validate(System, parse_yaml(text))


def analysed(text: str) -> SystemAnalysis:
    """The proof of a system in YAML, without any simulation."""
    loaded = api.load(load(text))
    return prove(loaded.lower(), api.policy(loaded.system.scheduler))


def flow(*tasks: str, platform: str = "uniprocessor", scheduler: str = "{ordering: fp}", more: str = "") -> str:
    """A system with these tasks in flow style."""
    rows = "\n".join(f"  - {{{task}}}" for task in tasks)
    return f"platform: {platform}\nscheduler: {scheduler}\n{more}\ntasks:\n{rows}\n"


CHIP = "{name: chip, processors: {cpu: {kind: cpu, cores: 2}, gpu: {kind: gpu, cores: 1}, npu: {kind: npu, cores: 1}}}"
BIG = "{name: soc, processors: {big: {kind: cpu, cores: 2, speed: 2}, little: {kind: cpu, cores: 2}}}"

# ---- every system of the catalogue ---------------------------------------------------------------------------------

VERDICTS = {
    "adas_agx_orin": "unschedulable",  # by the largest times that were measured
    "adas_resolution": "unschedulable",
    "ar_assistant_sd8gen2": "unschedulable",
    "burns_wellings": "unschedulable",
    "burns_wellings_c": "schedulable",
    "burns_wellings_d": "schedulable",
    "buttazzo_rm_edf": "unschedulable",
    "can_revised": "unschedulable",
    "chained_blocking": "unschedulable",
    "deadlock": "unschedulable",
    "dhall": "unschedulable",
    "dhall_partitioned": "schedulable",
    "drone_xavier_nx": "unschedulable",
    "lehoczky": "schedulable",
    "liu_layland": "schedulable",
    "offload_wifi": "unschedulable",
    "priority_inversion_lock": "unschedulable",
    "smart_camera_coral": "unschedulable",
    "wearable_mcu": "schedulable",
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts_of_the_catalogue(name: str) -> None:
    found = verify(name, runs=2)
    assert found.verdict == VERDICTS[name]
    for bound in found.bounds:
        assert not bound.parts or sum(part.amount for part in bound.parts) == bound.wcrt


def test_textbook_bounds() -> None:
    assert [bound.wcrt for bound in verify("burns_wellings", runs=0).bounds] == [10 * MS, 20 * MS, 52 * MS]
    assert [bound.wcrt for bound in verify("lehoczky", runs=0).bounds] == [26 * MS, 118 * MS]


def test_the_drone_is_refuted_by_the_long_network_in_front() -> None:
    loaded = api.load("drone_xavier_nx")
    found = prove(loaded.lower(), api.policy(loaded.system.scheduler))  # with typical times already
    part = found.parts[0]
    assert part.result.verdict == "unschedulable"
    failure = part.result.first_failure
    assert failure is not None
    assert failure.task == "obstacle_det"
    assert failure.needed == 11_706_100 + 38_461_999
    assert "landing_seg" in failure.hint
    assert margins.breakdown(part.view.models) == Fraction(664, 1000)


# ---- views ---------------------------------------------------------------------------------------------------------


def models(text: str) -> list[Any]:
    """The models of the only part of a system."""
    (part,) = analysed(text).parts
    return list(part.view.models)


def test_one_core_becomes_a_uniprocessor_in_priority_order() -> None:
    text = flow(
        "name: slow, wcet: 4 ms, period: 20 ms, jitter: 1 ms",
        "name: fast, wcet: 2 ms, period: 10 ms, deadline: 8 ms",
        scheduler="{ordering: rm}",
    )
    model = models(text)[0]
    assert isinstance(model, Uniprocessor)
    assert [(t.name, t.C, t.T, t.D, t.J) for t in model.tasks] == [
        ("fast", 2 * MS, 10 * MS, 8 * MS, 0),
        ("slow", 4 * MS, 20 * MS, 20 * MS, MS),
    ]
    assert (model.order, model.mode) == ("FP", "preemptive")


def test_an_accelerator_is_never_preempted_whatever_the_policy_says() -> None:
    text = flow("name: net, wcet: {npu: 4 ms}, period: 20 ms", platform=CHIP, scheduler="{ordering: edf}")
    model = models(text)[0]
    assert (model.mode, model.order, model.name) == ("nonpreemptive", "EDF", "npu")


def test_regions_and_tasks_that_cannot_be_preempted() -> None:
    cut = "name: cut, wcet: 5 ms, regions: [3 ms, 2 ms], period: 20 ms"
    limited = models(flow("name: a, wcet: 1 ms, period: 9 ms", cut, scheduler="{ordering: fp, preemption: limited}"))[0]
    assert limited.mode == "limited"
    assert limited.tasks[1].regions == (3 * MS, 2 * MS)
    mixed = models(flow("name: a, wcet: 1 ms, period: 9 ms", "name: b, wcet: 3 ms, period: 20 ms, preemptive: false"))[
        0
    ]
    assert mixed.mode == "limited"
    assert [task.preemptible for task in mixed.tasks] == [True, False]
    assert (
        analysed(flow("name: a, wcet: 1 ms, period: 9 ms", "name: b, wcet: 3 ms, period: 20 ms, preemptive: false"))
        .bounds[0]
        .wcrt
        == 4 * MS - 1
    )


def test_a_graph_on_one_core_is_a_sequence_of_regions() -> None:
    graph = "graph: {nodes: {p: {wcet: 1 ms}, q: {wcet: 4 ms}, r: {wcet: 2 ms}}, edges: [[p, q], [q, r]]}"
    text = flow(f"name: net, period: 20 ms, {graph}", scheduler="{ordering: fp, preemption: nonpreemptive}")
    model = models(text)[0]
    assert model.mode == "limited"
    assert model.tasks[0].regions == (1 * MS, 4 * MS, 2 * MS)


def test_a_cluster_a_chain_over_processors_and_pools() -> None:
    equal = flow("name: a, wcet: 1 ms, period: 9 ms", "name: b, wcet: 2 ms, period: 9 ms", platform="multicore:2")
    assert [type(model) for model in models(equal)] == [Cluster, TypedPools]
    stages = "graph: {nodes: {pre: {wcet: 1 ms, pin: cpu0}, net: {wcet: {gpu: 4 ms}}}, edges: [[pre, net]]}"
    chain = flow(f"name: camera, period: 20 ms, {stages}", platform=CHIP, scheduler="{ordering: fp}")
    assert [type(model) for model in models(chain)] == [TypedPools, Pipelines]


def test_parts_that_share_nothing_are_judged_apart() -> None:
    text = flow(
        "name: a, wcet: {npu: 9 ms}, period: 10 ms",
        "name: b, wcet: {gpu: 9 ms}, period: 8 ms",
        platform=CHIP,
        scheduler="{ordering: fp}",
    )
    found = analysed(text)
    assert [(part.view.name, part.result.verdict) for part in found.parts] == [
        ("npu", "schedulable"),
        ("gpu", "unschedulable"),
    ]
    assert found.verdict == "unschedulable"


def test_switches_are_inside_the_bound_and_shown_apart() -> None:
    text = flow(
        "name: a, wcet: 1 ms, period: 10 ms",
        "name: b, wcet: 2 ms, period: 20 ms",
        more="overheads: {context_switch: 100 us}",
    )
    bound = analysed(text).bounds[1]
    assert bound.wcrt == 3 * MS + 400_000
    assert bound.total("overhead") == 200_000
    assert bound.total("own") == 2 * MS
    assert not bound.exact
    assert verify(load(text), runs=5).verdict == "schedulable"


def test_measured_times_above_the_plan_are_the_c() -> None:
    text = flow("name: a, wcet: 2 ms, period: 9 ms, execution: {kind: uniform, low: 0.5, high: 1.5}")
    found = analysed(text)
    assert found.bounds[0].wcrt == 3 * MS
    assert any("1.5 times" in item.text for item in found.parts[0].result.assumptions)


def test_locks_block_once_under_a_ceiling() -> None:
    rows = (
        "name: high, wcet: 1 ms, period: 10 ms, sections: [{resource: R, start: 0 ns, length: 1 ms}]",
        "name: low, wcet: 5 ms, period: 30 ms, sections: [{resource: R, start: 1 ms, length: 3 ms}]",
    )
    found = analysed(flow(*rows, more="resources: {R: {protocol: ceiling}}"))
    assert [bound.wcrt for bound in found.bounds] == [4 * MS, 6 * MS]
    assert found.bounds[0].total("blocking") == 3 * MS
    none = analysed(flow(*rows, more="resources: {R: {protocol: none}}"))
    assert none.verdict == "unknown"
    assert "without bound" in none.parts[0].result.reason


def test_the_holder_of_a_lock_goes_first_among_equals() -> None:
    rows = (
        "name: a, priority: 0, wcet: 1 ms, period: 10 ms",
        "name: b, priority: 0, wcet: 2 ms, period: 12 ms, sections: [{resource: R, start: 0 ns, length: 2 ms}]",
    )
    found = verify(load(flow(*rows, more="resources: {R: {protocol: ceiling}}")), runs=10)
    assert found.bounds[0].wcrt == 3 * MS


def test_sections_grow_with_the_execution_time() -> None:
    rows = (
        "name: a, wcet: 2 ms, period: 19 ms, sections: [{resource: R, start: 1 ms, length: 1 ms}]",
        "name: b, wcet: 2 ms, period: 20 ms, execution: {kind: uniform, low: 2.0, high: 2.0}, "
        "sections: [{resource: R, start: 0 ns, length: 2 ms}]",
    )
    found = verify(load(flow(*rows, more="resources: {R: {protocol: ceiling}}")), runs=10)
    assert found.bounds[0].total("blocking") == 4 * MS


def test_sections_inside_a_region_do_not_give_the_processor_away() -> None:
    rows = (
        "name: a, wcet: 2 ms, period: 12 ms",
        "name: b, wcet: 5 ms, period: 20 ms, sections: [{resource: R, start: 4 ms, length: 1 ms}]",
    )
    text = flow(*rows, scheduler="{ordering: fp, preemption: nonpreemptive}", more="resources: {R: {protocol: none}}")
    trace = rtsched.simulate(load(text), until="1 ns")
    assert trace.check() == []
    assert verify(load(text.replace("none", "ceiling")), runs=10).verdict in ("schedulable", "unknown")


def test_switches_without_bound_are_an_obstacle() -> None:
    text = flow(
        "name: a, wcet: 2 ms, period: 9 ms",
        scheduler="{ordering: {name: rr, quantum: 1 ms}}",
        more="overheads: {context_switch: 1 us}",
    )
    assert "switches is not bounded" in analysed(text).parts[0].result.reason


def test_a_task_with_few_jobs_is_not_refuted_as_if_it_had_many() -> None:
    boot = "name: boot, wcet: 60 ms, period: 50 ms, deadline: 90 ms, count: 1"
    text = flow("name: loop, wcet: 1 ms, period: 10 ms", boot)
    assert analysed(text).verdict == "unknown"
    assert verify(load(text), runs=5).verdict == "unknown"
    assert analysed(text.replace(", count: 1", "")).verdict == "unschedulable"


def test_a_starved_queue_is_no_crash() -> None:
    rows = [
        f"name: t{i}, wcet: {{npu: {C} ns}}, period: {T} ns"
        for i, (C, T) in enumerate(((3, 7), (2, 5), (2, 4), (2, 3)))
    ]
    assert analysed(flow(*rows, platform=CHIP)).verdict == "unschedulable"


def test_nested_locks_pass_inheritance_on_and_crossed_ones_are_refused() -> None:
    """High uses A only; mid takes B inside A; low holds B: through mid, low's section blocks high, too."""
    rows = (
        "name: high, wcet: 1 ms, period: 40 ms, sections: [{resource: A, start: 0 ns, length: 1 ms}]",
        "name: mid, wcet: 4 ms, period: 40 ms, sections: "
        "[{resource: A, start: 0 ns, length: 3 ms}, {resource: B, start: 1 ms, length: 1 ms}]",
        "name: low, wcet: 6 ms, period: 40 ms, sections: [{resource: B, start: 0 ns, length: 5 ms}]",
    )
    text = flow(*rows, more="resources: {A: {protocol: inheritance}, B: {protocol: inheritance}}")
    found = analysed(text)
    assert found.bounds[0].total("blocking") == 8 * MS
    assert verify(load(text), runs=5).verdict == "schedulable"
    crossed = text.replace(
        "{resource: B, start: 0 ns, length: 5 ms}",
        "{resource: B, start: 0 ns, length: 5 ms}, {resource: A, start: 1 ms, length: 1 ms}",
    )
    assert "deadlock" in analysed(crossed).parts[0].result.reason
    for protocol in ("ceiling", "original-ceiling"):
        assert verify(load(crossed.replace("inheritance", protocol)), runs=5).verdict == "schedulable"


def test_the_original_ceiling_bounds_as_the_immediate_one_and_knows_no_other_beside_it() -> None:
    """Two less urgent sections: under ceilings the longer one counts, under inheritance both."""
    rows = (
        "name: high, wcet: 3 ms, period: 40 ms, sections: "
        "[{resource: A, start: 0 ns, length: 1 ms}, {resource: B, start: 1 ms, length: 1 ms}]",
        "name: mid, wcet: 4 ms, period: 40 ms, sections: [{resource: A, start: 0 ns, length: 3 ms}]",
        "name: low, wcet: 6 ms, period: 40 ms, sections: [{resource: B, start: 0 ns, length: 5 ms}]",
    )
    text = flow(*rows, more="resources: {A: {protocol: original-ceiling}, B: {protocol: original-ceiling}}")
    found = verify(load(text), runs=5)
    assert found.verdict == "schedulable"
    assert [bound.total("blocking") for bound in found.bounds] == [5 * MS, 5 * MS, 0]
    assert analysed(text.replace("original-ceiling", "ceiling")).bounds == analysed(text).bounds
    assert analysed(text.replace("original-ceiling", "inheritance")).bounds[0].total("blocking") == 8 * MS
    mixed = analysed(text.replace("A: {protocol: original-ceiling}", "A: {protocol: ceiling}"))
    assert mixed.verdict == "unknown"
    assert "says nothing of locks of another protocol" in mixed.parts[0].result.reason


def test_a_trigger_makes_the_next_task_late() -> None:
    text = flow("name: see, wcet: 2 ms, period: 20 ms", "name: act, wcet: 3 ms, deadline: 9 ms, after: see")
    found = analysed(text)
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [2 * MS, 5 * MS]
    assert verify(load(text), runs=5).verdict == "schedulable"
    jittery = verify(load(text.replace("period: 20 ms", "period: 20 ms, jitter: 4 ms")), runs=5)
    assert [bound.wcrt for bound in jittery.bounds] == [6 * MS, 5 * MS]


def test_a_trigger_under_edf() -> None:
    """On an NPU: the demand test takes the activation to come as late as the deadline of what triggers it."""
    rows = (
        "name: keyword, wcet: {npu: 1 ms}, period: 60 ms, deadline: 30 ms",
        "name: speech, wcet: {npu: 9 ms}, deadline: 60 ms, after: keyword",
    )
    good = flow(*rows, "name: seg, wcet: {npu: 4 ms}, period: 20 ms", platform=CHIP, scheduler="{ordering: edf}")
    found = verify(load(good), runs=10)
    assert found.analysis.parts[0].proven_by() == ["edf-triggered"]
    tight = flow(*rows, "name: seg, wcet: {npu: 4 ms}, period: 12 ms", platform=CHIP, scheduler="{ordering: edf}")
    assert verify(load(tight), runs=0).verdict == "unknown"


def test_jobs_at_known_instants_are_decided_exactly() -> None:
    """The late one is late only because the long job in front may take its whole time: the exact test sees it."""
    text = """
platform: uniprocessor
scheduler: {ordering: edf, preemption: nonpreemptive}
jobs:
  - {name: long, release: 0 ms, wcet: 7 ms, deadline: 20 ms}
  - {name: short, release: 1 ms, wcet: 2 ms, deadline: 8 ms}
"""
    found = analysed(text)
    assert found.verdict == "unschedulable"
    assert found.bounds[1].wcrt == 8 * MS


PHASES = """
platform: {name: chip, processors: {npu: {kind: npu, cores: 1}}}
scheduler: {ordering: edf}
tasks:
  - {name: short, wcet: {npu: 2 ms}, period: 10 ms, deadline: 5 ms}
  - {name: long, wcet: {npu: 5 ms}, period: 20 ms, offset: 3 ms, deadline: 14 ms}
"""


def test_phases_that_are_held_are_decided_exactly() -> None:
    """In any phases the long one may stand in front; as declared it begins 3 ms after the short one and is gone."""
    (part,) = analysed(PHASES).parts
    assert part.result.verdict == "unschedulable"
    assert part.declared is not None
    assert part.declared.verdict == "schedulable"
    assert [bound.wcrt for bound in part.declared.bounds] == [2 * MS, 5 * MS]
    late = analysed(PHASES.replace("offset: 3 ms", "offset: 9 ms")).parts[0]
    assert late.declared is not None
    assert late.declared.verdict == "unschedulable"
    assert late.declared.bounds == ()


def test_held_phases_against_the_simulation() -> None:
    """The exact bound is never beaten, and with every job at its C it is often attained."""
    from rtsched.engine.simulation import run as simulate
    from rtsched.schedulability.lowering.declared import as_declared
    from rtsched.schedulability.lowering.view import views

    random_ = random.Random(4)
    known = attained = 0
    for _ in range(120):
        rows = []
        for index in range(random_.randint(2, 4)):
            T = random_.choice((8, 12, 16, 24))
            C, D = random_.randint(1, 4), random_.randint(5, T)
            rows.append(
                f"name: t{index}, wcet: {{npu: {C} ns}}, period: {T} ns, deadline: {D} ns, offset: {random_.randint(0, T)} ns"
            )
        order = random_.choice(("fp", "edf"))
        loaded = api.load(load(flow(*rows, platform=CHIP, scheduler=f"{{ordering: {order}}}")))
        spec = loaded.lower()
        (view,) = views(spec, api.policy(loaded.system.scheduler))
        found = as_declared(view, spec)
        if found is None or found.verdict != "schedulable":
            continue
        known += 1
        trace = simulate(spec, api.scheduler(loaded.system.scheduler), until=200)
        for index, task in enumerate(view.tasks):
            mine = trace.jobs[trace.jobs["task"] == task]
            seen = int((mine["finish"] - mine["arrival"]).max())
            bound = found.bounds[index].wcrt
            assert bound is not None
            assert seen <= bound
            attained += seen == bound
    assert known > 20
    assert attained > 20


PLACEMENTS = ("first-fit", "best-fit", "worst-fit", "next-fit", "clustered")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_homes_are_those_of_the_simulator(placement: str) -> None:
    """Two implementations of one rule: the proofs' own, and the one that runs."""
    from rtsched.engine.core import Core
    from rtsched.engine.event_loop import EventLoop
    from rtsched.engine.recorder import Recorder
    from rtsched.engine.soc import Soc

    random_ = random.Random(3)
    for _ in range(40):
        rows = []
        for index in range(random_.randint(1, 7)):
            big, period = random_.randint(1, 9), random_.randint(10, 30)
            little = big * random_.randint(1, 3)
            rows.append(f"name: t{index}, wcet: {{big: {big} ms, little: {little} ms}}, period: {period} ms")
        text = flow(
            *rows, platform=BIG.replace(", speed: 2", ""), scheduler=f"{{ordering: edf, placement: {placement}}}"
        )
        loaded = api.load(load(text))
        spec = loaded.lower()
        scheduler = api.scheduler(loaded.system.scheduler)
        soc = Soc(Core(spec, scheduler, EventLoop(), 1, Recorder(True, None, None), 0))
        scheduler.begin(soc)
        own = homes(spec, api.policy(loaded.system.scheduler))
        theirs = [[scheduler.placement.where(task, node) for node in task.nodes] for task in soc.tasks]  # type: ignore[attr-defined]
        assert own == theirs


# ---- what has no proof ---------------------------------------------------------------------------------------------

MODE = "{name: chip, processors: {cpu: {frequency_max: %d GHz, operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}]}}, power_modes: {low: {cpu: {frequency_max: 1 GHz}}}}"
DIVIDED = "{name: chip, processors: {gpu: {kind: gpu, block_level: {sms: 14, streams: 1, mig: [3, 1]}}}, memory: {bandwidth: 10 GB/s}}"
LINKED = "{name: chip, processors: {cpu: {}, npu: {kind: npu}, gpu: {kind: gpu}}, links: {bus: {between: [cpu, npu], bandwidth: 1 GB/s}}}"
OBSTACLES = {
    "run time": (flow("name: a, wcet: 1 ms, period: 9 ms", scheduler="{ordering: edf, placement: earliest-finish}", platform="multicore:2"), "decided at run time"),
    "policy": (flow("name: a, wcet: 1 ms, period: 9 ms", scheduler="band-heft"), "'band-heft'"),
    "adaptation": (flow("name: a, wcet: 1 ms, period: 9 ms", scheduler="{ordering: edf, adaptation: rtscale-style}"), "rtscale-style"),
    "poisson": (flow("name: a, wcet: 1 ms, period: 9 ms, arrival: {kind: poisson}"), "any number may come at once"),
    "overlap": (flow("name: a, wcet: 1 ms, period: 9 ms, overlap: true"), "may overlap"),
    "speeds": (flow("name: a, wcet: 1 ms, period: 9 ms", platform=BIG), "big.LITTLE"),
    "pins beside free": (flow("name: a, wcet: 1 ms, period: 9 ms, pin: cpu0", "name: b, wcet: 1 ms, period: 9 ms", platform="multicore:2"), "only some of the processors"),
    "governor": (flow("name: a, wcet: 1 ms, period: 9 ms", platform="snapdragon_865", more="power: {governor: ondemand}"), "follows the governor"),
    "mode": (flow("name: a, wcet: 6 ms, period: 13 ms", platform=MODE % 2, more="power: {mode: low}"), "stands at another frequency"),
    "reference clock": (flow("name: a, wcet: 6 ms, period: 13 ms", platform=MODE % 3, more="power: {}"), "stands at another frequency"),
    "mig": (flow("name: a, wcet: {gpu: 1 ms}, memory: {bound: 1, demand: 9 GB/s}, pin: gpu1.0, period: 9 ms", platform=DIVIDED), "only a part of the memory's bandwidth"),
    "copies": (flow("name: a, graph: {nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {npu: 2 ms, gpu: 2 ms}}}, edges: [[x, y, 2 MB]]}, period: 90 ms", platform=LINKED), "may have to cross a link"),
}  # fmt: skip


@pytest.mark.parametrize("name", OBSTACLES)
def test_where_nothing_sound_exists_the_answer_is_unknown_with_a_way_out(name: str) -> None:
    text, reason = OBSTACLES[name]
    found = analysed(text)
    assert found.verdict == "unknown"
    assert reason in found.parts[0].result.reason
    failure = found.parts[0].result.first_failure
    assert failure is not None
    assert failure.hint.startswith("to make it provable: ")


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        ("gpu_priorities", "block by block"),
        ("memory_contention", "others use the memory"),
        ("throttling_865", "throttle"),
        ("npu_failure", "fail"),
        ("model_switching", "weights"),
        ("offload_wifi", "varies with time"),
        ("xrbench_vr_gaming", "'xrbench'"),
    ],
)
def test_hardware_without_a_model_is_named(workload: str, reason: str) -> None:
    found = verify(workload, runs=0)
    assert found.verdict == "unknown"
    assert any(reason in part.result.reason for part in found.analysis.parts)


STREAM = """
platform:
  name: one_stream
  processors:
    gpu: {kind: gpu, block_level: {sms: 2, threads: 2048, streams: 1}}
scheduler: {ordering: fp}
tasks:
  - {name: urgent, kernels: [{blocks: 4, threads: 1024, time: 1 ms}], period: 10 ms}
  - {name: long, kernels: [{blocks: 8, threads: 1024, time: 2 ms}, {blocks: 2, threads: 1024, time: 1 ms}], period: 40 ms}
"""


def test_a_gpu_with_one_stream_runs_its_kernels_one_by_one() -> None:
    """8 blocks of 2 ms, four at a time, and one wave of 1 ms: five; the urgent one waits for nearly all of it."""
    found = verify(load(STREAM), runs=10)
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [6 * MS - 1, 6 * MS]
    assert [found.observed(index) for index in range(2)] == [6 * MS - 1, 6 * MS]
    side_by_side = analysed(STREAM.replace("streams: 1", "streams: 2"))
    assert "block by block" in side_by_side.parts[0].result.reason


def test_overload_and_deadlines_beyond_periods_are_never_green_and_never_hang() -> None:
    for scheduler in (
        "{ordering: fp}",
        "{ordering: edf}",
        "{ordering: edf, preemption: nonpreemptive}",
        "{ordering: lst}",
    ):
        over = analysed(
            flow("name: a, wcet: 6 ms, period: 10 ms", "name: b, wcet: 5 ms, period: 10 ms", scheduler=scheduler)
        )
        assert over.verdict == "unschedulable"
        assert over.parts[0].result.evidence[0].strength in ("exact", "necessary")
    late = "wcet: 9 ms, period: 10 ms, deadline: 30 ms"
    assert analysed(flow(f"name: a, {late}", platform="multicore:2")).verdict == "schedulable"  # over before the next
    three = flow(f"name: a, {late}", f"name: b, {late}", "name: c, wcet: 2 ms, period: 10 ms", platform="multicore:2")
    assert analysed(three).verdict == "unknown"
    full = flow("name: a, wcet: 333333331 ns, period: 333333333 ns", "name: b, wcet: 1 ns, period: 1 s, deadline: 2 s")
    assert analysed(full).verdict in ("schedulable", "unknown")


# ---- the simulation beside the proof -------------------------------------------------------------------------------


def test_a_miss_that_is_found_refutes() -> None:
    """Dhall: no test decides, and the run as declared shows the miss."""
    found = verify("dhall", runs=1)
    assert found.analysis.verdict == "unknown"
    assert found.verdict == "unschedulable"
    assert found.counterexample is not None
    assert (found.counterexample.task, found.counterexample.deadline) == ("heavy", 11 * MS)
    assert found.counterexample.trace.check() == []


def test_a_simulation_without_a_miss_proves_nothing() -> None:
    text = flow(
        "name: a, wcet: 1 ms, period: 9 ms",
        scheduler="{ordering: edf, placement: earliest-finish}",
        platform="multicore:2",
    )
    assert verify(load(text), runs=10).verdict == "unknown"


def test_a_bound_that_a_simulation_beats_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    text = flow("name: a, wcet: 2 ms, period: 10 ms", "name: b, wcet: 3 ms, period: 20 ms")
    honest = combining.combine

    def optimistic(*arguments: Any) -> Any:
        result = honest(*arguments)
        from dataclasses import replace

        low = tuple(Bound(bound.task, (bound.wcrt or 0) - 1, bound.deadline, test="wrong") for bound in result.bounds)
        return replace(result, bounds=low)

    monkeypatch.setattr(combining, "combine", optimistic)
    with pytest.raises(SoundnessError, match="one of the two is wrong") as caught:
        verify(load(text), runs=1)
    assert isinstance(caught.value.analysis, SystemAnalysis)
    assert caught.value.trace.check() == []


def test_a_false_green_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    honest = combining.combine
    monkeypatch.setattr(combining, "combine", lambda *a: replace(honest(*a), verdict="schedulable", bounds=()))
    with pytest.raises(SoundnessError, match="proven schedulable and missed"):
        verify("burns_wellings", runs=0 + 1)


def test_exact_bounds_are_attained() -> None:
    """Preemptive fixed priorities: what is exact is seen, in the runs that theory calls bad."""
    found = verify("burns_wellings_d", runs=3)
    assert [found.observed(index) for index in range(3)] == [bound.wcrt for bound in found.bounds]


# ---- the command line ------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["analyse", *arguments])


def test_exit_codes() -> None:
    assert run("lehoczky", "--runs", "1").exit_code == 0
    assert run("drone_xavier_nx", "--runs", "1").exit_code == 0
    assert run("drone_xavier_nx", "--runs", "1", "--fail-on", "unschedulable").exit_code == 1
    assert run("mixed_rk3588", "--runs", "0", "--fail-on", "unschedulable").exit_code == 0
    assert run("mixed_rk3588", "--runs", "0", "--fail-on", "unproven").exit_code == 1
    answer = run("lehoczky", "--scheduler", "nonsense")
    assert isinstance(answer.exception, InputError)


def test_text_says_verdict_scope_bounds_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "long_in_front.yaml"
    rows = "name: det, wcet: {gpu: 5 ms}, period: 20 ms", "name: seg, wcet: {gpu: 30 ms}, period: 200 ms"
    path.write_text("name: long_in_front\n" + flow(*rows, platform=CHIP, scheduler="{ordering: edf}"))
    text = run(str(path), "--runs", "2", "--margins", "--parts").output
    assert text.startswith("long_in_front: UNSCHEDULABLE")
    for words in ("seg (30 ms)", "to do (system): let 'seg' be preempted every 15 ms", "declared: "):
        assert words in text


def test_json_is_the_same_twice_and_complete() -> None:
    first, second = (run("burns_wellings_c", "--json", "--runs", "3", "--margins").output for _ in range(2))
    assert first == second
    data = json.loads(first)
    assert data["verdict"] == "schedulable"
    assert [task["bound"]["wcrt_ns"] for task in data["tasks"]] == [5 * MS, 15 * MS, 80 * MS]
    assert data["breakdown"] == 1.0
    assert data["parts"][0]["tests"][0]["citation"]
    assert len(data["inputs_sha256"]) == 64


@pytest.mark.parametrize(
    "name", ["drone_xavier_nx", "dhall", "can_revised", "smart_camera_coral", "phone_assistant_sd8gen3"]
)
def test_a_counterexample_is_a_system_that_misses(name: str, tmp_path: Path) -> None:
    path = tmp_path / "miss.yaml"
    assert run(name, "--runs", "5", "--counterexample", str(path)).exit_code == 0
    found = verify(name, runs=5).counterexample
    assert found is not None
    trace = rtsched.simulate(str(path))
    missed = trace.jobs[trace.jobs["outcome"] == LATE]
    names = [trace.system.tasks[index].name for index in missed["task"]]
    assert (found.task, found.deadline) in zip(names, missed["deadline"].tolist(), strict=True)


def test_no_counterexample_no_file(tmp_path: Path) -> None:
    answer = run("lehoczky", "--runs", "1", "--counterexample", str(tmp_path / "miss.yaml"))
    assert isinstance(answer.exception, InputError)
    assert not (tmp_path / "miss.yaml").exists()


def test_the_public_name() -> None:
    found = rtsched.analyse("lehoczky", runs=1)
    assert found.verdict == "schedulable"
    assert "lehoczky</bdi></b>: schedulable" in found._repr_html_()
    with pytest.raises(TypeError, match="three-valued"):
        bool(found)


def test_actions_make_the_system_provable() -> None:
    """What is advised holds when it is done: other priorities, an earlier preemption, a shorter task."""
    from rtsched.verify.actions import actions

    rows = ("name: long, wcet: 6 ms, period: 30 ms", "name: short, wcet: 2 ms, period: 8 ms, deadline: 5 ms")
    found = verify(load(flow(*rows)), runs=1)
    texts = [action.text for action in actions(found)]
    assert any("short, long" in text for text in texts)
    assert analysed(flow(*reversed(rows))).verdict == "schedulable"
    shorter = next(text for text in texts if text.startswith("shorten 'long'"))
    assert shorter == "shorten 'long' by 50 % to 3 ms (now 6 ms)"
    assert analysed(flow(rows[0].replace("6 ms", "3 ms", 1), rows[1])).verdict == "schedulable"


def test_smaller_variants_are_an_action() -> None:
    """Full resolution is too much; the advised one is proven, and runs without a miss when it is fixed."""
    from rtsched.verify.actions import actions

    found = verify("adas_resolution", runs=1)
    (action,) = (each for each in actions(found) if each.kind == "variant")
    assert action.text == "fix 'surround' (all 4 instances) at its variant '512x256'"
    assert verify("adas_resolution", overrides=action.settings, runs=3).verdict == "schedulable"
    fixed = {"ordering": "edf", "preemption": "nonpreemptive", "adaptation": {"name": "fixed", "variant": "1024x512"}}
    assert rtsched.summary(rtsched.simulate("adas_resolution", scheduler=fixed, until="5 s")).misses == 0
    assert verify("adas_resolution", scheduler=fixed, runs=3).verdict == "schedulable"
    assert verify("drone_exits", scheduler="edf+early-exit", runs=0).verdict == "unknown"


def test_margins_in_arrays_are_those_of_the_theorems() -> None:
    """Many variants at once, or one after the other: the same answers, in both orders and modes."""
    from rtsched.schedulability.analyse import decide
    from rtsched.schedulability.models import Mode, Order, Sporadic
    from rtsched.schedulability.search import margins

    random_ = random.Random(6)
    orders: tuple[Order, ...] = ("FP", "EDF")
    modes: tuple[Mode, ...] = ("preemptive", "nonpreemptive")
    known = 0
    for _ in range(30):
        periods = [random_.randint(20, 90) for _ in range(random_.randint(1, 4))]
        tasks = tuple(
            Sporadic(str(i), random_.randint(1, T // 3), T, random_.randint(T // 2, T)) for i, T in enumerate(periods)
        )
        model = Uniprocessor(tasks, random_.choice(orders), random_.choice(modes))
        factor = margins.breakdown([model])
        if factor is None:
            continue
        known += 1
        assert decide([margins.scaled(model, C=factor)])
        assert not decide([margins.scaled(model, C=factor + Fraction(1, 1000))]) or factor == margins.MOST
        for margin in margins.sensitivity([model], [task.name for task in tasks]):
            if margin.C is not None and margin.C < margins.MOST:
                assert decide([margins.scaled(model, C=margin.C, task=margin.task)])
                assert not decide([margins.scaled(model, C=margin.C + Fraction(1, 1000), task=margin.task)])
            if margin.T is not None and Fraction(1, 1000) < margin.T:
                assert decide([margins.scaled(model, T=margin.T, task=margin.task)])
                assert not decide([margins.scaled(model, T=margin.T - Fraction(1, 1000), task=margin.task)])
    assert known > 20


def test_a_model_that_asks_for_too_much_may_fail_beside_a_proof() -> None:
    """Found by the fuzzer: as a row of regions a graph seems to block, on its own pool it does not."""
    document = {
        "platform": {"processors": {"cpu": {}}},
        "scheduler": {"ordering": "dm"},
        "tasks": [
            {"name": "a", "period": 3, "deadline": 1, "wcet": 1},
            {"name": "b", "period": 7, "graph": {"nodes": {"x": {"wcet": 3}, "y": {"wcet": 1, "preemptive": False}}}},
        ],
    }
    found = verify(document, runs=5)
    assert found.verdict == "schedulable"
    assert found.observed(0) == 1
