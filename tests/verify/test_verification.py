"""What a verdict says: what its times are worth, which criticality it holds for, and the files that show a miss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import rtsched
from rtsched import api
from rtsched.cli import cli
from rtsched.dnn.lowering import Lowering
from rtsched.errors import InputError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.report.markdown import markdown
from rtsched.trace.trace import LATE
from rtsched.verify import words
from rtsched.verify.assumptions import times
from rtsched.verify.criticality import levels
from rtsched.verify.patterns import patterns
from rtsched.verify.verification import Verification, verify
from rtsched.verify.witness import witness

MS = 1_000_000

CHIP = "{name: chip, processors: {cpu: {kind: cpu}, npu: {kind: npu}}}"


def system(text: str) -> System:
    """A system from YAML."""
    return validate(System, parse_yaml(text))


def verified(text: str, runs: int = 3) -> Verification:
    """What is known of a system in YAML."""
    return verify(system(text), runs=runs)


def analyse(*arguments: str) -> Result:
    """The command's answer."""
    return CliRunner().invoke(cli, ["analyse", *arguments])


# ---- what execution times claim -------------------------------------------------------------------------------------

COLUMNS = (
    "platform", "network", "input", "processor", "threads", "precision", "runtime", "latency_ms", "p50_ms", "p99_ms",
    "p99_9_ms", "max_ms", "energy_mj", "memory_mb", "status", "source",
)  # fmt: skip


def row(network: str, processor: str, latency: str, status: str = "measured", **upper: str) -> dict[str, str]:
    """A row of a latency table."""
    about = {"platform": "chip", "network": network, "processor": processor, "latency_ms": latency, "status": status}
    return {**dict.fromkeys(COLUMNS, ""), **about, "source": "lab", **upper}


TABLE = (
    row("known", "npu", "4", p99_ms="5", max_ms="6.5"),
    row("known", "cpu", "9"),
    row("tail", "npu", "4", p99_ms="5", p99_9_ms="7"),
    row("median", "npu", "4"),
    row("same", "npu", "4", max_ms="4"),
    row("guessed", "npu", "4", status="predicted"),
)


def lowered(network: str, largest: bool, more: str = "") -> Any:
    """The only task of a system that looks a network up."""
    text = f"platform: {CHIP}\ntasks: [{{name: net, network: {network}, period: 20 ms{more}}}]"
    described = system(text)
    assert not isinstance(described.platform, str)
    return Lowering(described, described.platform, TABLE, largest=largest).lower().tasks[0]


@pytest.mark.parametrize(
    ("network", "typical", "largest", "basis"),
    [
        ("known", 4.0, 6.5, "high-water"),
        ("tail", 4.0, 7.0, "percentile"),  # a percentile, which some jobs exceed
        ("median", 4.0, 4.0, "typical"),
        ("same", 4.0, 4.0, "typical"),
        ("guessed", 4.0, 4.0, "modelled"),
    ],
)
def test_proofs_take_the_largest_time_of_a_row_and_runs_the_median(
    network: str, typical: float, largest: float, basis: str
) -> None:
    pinned = ", pin: npu"
    assert lowered(network, largest=False, more=pinned).nodes[0].times == (None, int(typical * MS))
    task = lowered(network, largest=True, more=pinned)
    assert task.nodes[0].times == (None, int(largest * MS))
    assert task.basis == basis
    assert len(task.origins) == 1
    assert f"{network} on npu" in task.origins[0].text
    assert "lab" in task.origins[0].text


def test_only_processors_that_a_task_may_use_count() -> None:
    assert lowered("known", largest=True).basis == "typical"  # the CPU's row has no largest time
    assert lowered("known", largest=True, more=", processors: [npu]").basis == "high-water"


def test_the_weakest_times_word_the_verdict() -> None:
    found = verify("adas_agx_orin", runs=0)
    assert found.basis == "typical"  # one network of nine has no largest time
    assert [task.basis for task in found.system.tasks].count("high-water") == 8
    assert found.verdict == "unschedulable"
    assert words.verdict(found).startswith("adas_agx_orin: UNSCHEDULABLE if jobs take the measured maxima\n")


def test_schedulable_for_typical_times_is_no_proof() -> None:
    found = verify("wearable_mcu", runs=0)
    assert (found.verdict, found.basis, found.proven) == ("schedulable", "typical", False)
    assert words.verdict(found).startswith("wearable_mcu: NO PROOF: typical values (all is in time at these)\n")
    assert "no proof" in words.scope(found)
    assert next(iter(times(found).values())).startswith("the execution times of 'keyword', ")
    assert "kws on mcu: the typical time (mean or median: not stated), no larger one is known (mlperf_tiny)" in next(
        iter(times(found).values())
    )
    page = html(Report(found, "2025-01-31"))
    assert '<div class="verdict unknown">' in page  # not the look of a proof
    assert "no proof<small>: typical values (all is in time at these)</small>" in page
    text = markdown(Report(found, "2025-01-31"))
    assert "**NO PROOF**: typical values (all is in time at these)" in text
    assert text.index("No proof:") < text.index("Checked by the tool")


def test_declared_times_are_a_proof() -> None:
    found = verify("lehoczky", runs=0)
    assert (found.verdict, found.basis, found.proven) == ("schedulable", "declared", True)
    assert words.verdict(found).startswith("lehoczky: SCHEDULABLE for declared bounds\n")
    assert '<div class="verdict schedulable">' in html(Report(found, "2025-01-31"))


def test_fail_on_unproven_takes_no_typical_times() -> None:
    assert analyse("wearable_mcu", "--runs", "0", "--fail-on", "unproven").exit_code == 1
    assert analyse("wearable_mcu", "--runs", "0", "--fail-on", "unschedulable").exit_code == 0
    assert analyse("lehoczky", "--runs", "0", "--fail-on", "unproven").exit_code == 0
    data = json.loads(analyse("wearable_mcu", "--runs", "0", "--json").output)
    assert (data["verdict"], data["basis"], data["proven"]) == ("schedulable", "typical", False)
    assert {task["basis"] for task in data["tasks"]} == {"typical"}


@pytest.mark.parametrize(
    ("text", "basis"),
    [
        ("network: {network: mobilenet_v2, partition: 2, precision: fp32}", "modelled"),
        ("variants: fcn_resnet18_cityscapes", "typical"),
        ("exit_family: branchynet_b_lenet_mnist, wcet: {gpu: 3 ms}", "typical"),
        ("wcet: {gpu: 3 ms}", "declared"),
    ],
)
def test_every_way_to_a_time_says_what_it_is_worth(text: str, basis: str) -> None:
    source = system(f"platform: jetson_agx_orin_64\ntasks: [{{name: net, {text}, period: 100 ms, pin: gpu}}]")
    try:
        task = api.load(source).lower(largest=True).tasks[0]
    except InputError as error:
        pytest.fail(str(error))
    assert task.basis == basis


# ---- criticality ------------------------------------------------------------------------------------------------------

SOFT_BESIDE_HARD = """
name: beside
platform: uniprocessor
scheduler: {ordering: rm}
tasks:
  - {name: a, wcet: 2 ms, period: 10 ms, criticality: hard}
  - {name: b, wcet: 30 ms, period: 31 ms, criticality: soft}
"""


@pytest.mark.parametrize("runs", [0, 3])
def test_hard_tasks_are_proven_beside_a_soft_overload(runs: int) -> None:
    found = verified(SOFT_BESIDE_HARD, runs)
    assert found.verdict == "unschedulable"
    hard, soft = levels(found)
    assert (hard.criticality, hard.verdict, hard.proven) == ("hard", "schedulable", ("a",))
    assert (soft.criticality, soft.verdict) == ("soft", "unschedulable")
    assert "hard: schedulable (1 of 1 proven); soft: unschedulable (0 of 1 proven)" in words.verdict(found)
    assert "hard: schedulable (1 of 1 proven)" in html(Report(found, "2025-01-31"))


def test_fail_on_hard_unproven(tmp_path: Path) -> None:
    path = tmp_path / "beside.yaml"
    path.write_text(SOFT_BESIDE_HARD)
    assert analyse(str(path), "--runs", "0", "--fail-on", "hard-unproven").exit_code == 0
    assert analyse(str(path), "--runs", "0", "--fail-on", "unproven").exit_code == 1
    data = json.loads(analyse(str(path), "--runs", "0", "--json").output)
    assert data["criticality"]["hard"]["verdict"] == "schedulable"
    assert data["criticality"]["soft"]["verdict"] == "unschedulable"
    path.write_text(SOFT_BESIDE_HARD.replace("rm", "edf"))  # a shared backlog: nobody is safe from it
    assert analyse(str(path), "--runs", "0", "--fail-on", "hard-unproven").exit_code == 1
    path.write_text(SOFT_BESIDE_HARD.replace("hard", "soft"))
    answer = analyse(str(path), "--runs", "0", "--fail-on", "hard-unproven")
    assert isinstance(answer.exception, InputError)
    assert "no task of 'beside' is hard" in str(answer.exception)


def test_hard_tasks_on_typical_times_are_not_proven() -> None:
    assert analyse("wearable_mcu", "--runs", "0", "--fail-on", "hard-unproven").exit_code == 1


def test_the_heaviest_task_is_not_blamed_for_an_overload_that_it_survives() -> None:
    text = SOFT_BESIDE_HARD.replace("wcet: 2 ms", "wcet: 6 ms").replace("wcet: 30 ms", "wcet: 13 ms")
    found = verified(text, runs=0)
    assert found.analysis.parts[0].result.verdict == "unschedulable"
    assert [found.task_verdict(index) for index in range(2)] == ["schedulable", "unschedulable"]


def test_a_hard_task_behind_a_late_one_on_an_accelerator() -> None:
    """Soft jobs that are aborted or dropped take no more than all of them would: the bound of the hard one holds."""
    text = f"""
platform: {CHIP}
scheduler: {{ordering: fp}}
tasks:
  - {{name: hard, wcet: {{npu: 2 ms}}, period: 20 ms, criticality: hard}}
  - {{name: soft, wcet: {{npu: 9 ms}}, period: 10 ms, on_miss: %s}}
"""
    for rule in ("continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next"):
        hard, soft = levels(verified(text % rule, runs=10))
        assert (hard.verdict, soft.verdict) == ("schedulable", "unschedulable"), rule


def test_a_task_behind_one_that_sheds_its_load_is_not_refuted_by_what_would_run() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: fp}
tasks:
  - {name: a, wcet: 9 ms, period: 20 ms, deadline: 5 ms, on_miss: abort}
  - {name: b, wcet: 4 ms, period: 40 ms, deadline: 12 ms, criticality: hard}
"""
    found = verified(text, runs=5)
    hard, soft = levels(found)
    assert (hard.verdict, soft.verdict) == ("unknown", "unschedulable")
    assert found.observed(1) == 9 * MS  # 9 ms of a are never run: it is aborted after 5
    shedding = levels(verified(text.replace(", on_miss: abort", ""), runs=0))
    assert [level.verdict for level in shedding] == ["unschedulable", "unschedulable"]


# ---- what a run may do ------------------------------------------------------------------------------------------------


def below(kind: str) -> str:
    """Two tasks that would overload a processor if they took their whole time, which they never do."""
    return f"""
platform: uniprocessor
scheduler: {{ordering: edf}}
tasks:
  - {{name: a, wcet: 6 ms, period: 10 ms, execution: {kind}}}
  - {{name: b, wcet: 6 ms, period: 10 ms, execution: {kind}}}
"""


@pytest.mark.parametrize(
    "kind",
    [
        "{kind: uniform, low: 0.1, high: 0.5}",
        "{kind: normal, mean: 0.3, std: 0.1, high: 0.5}",
        "{kind: lognormal, mean: 0.3, std: 0.1, high: 0.5}",
        "{kind: empirical, samples: [1 ms, 3 ms]}",
        "{kind: autocorrelated, correlation: 0.9, marginal: {kind: uniform, low: 0.1, high: 0.5}}",
    ],
)
def test_no_run_takes_longer_than_the_file_allows(kind: str) -> None:
    found = verified(below(kind), runs=10)
    assert found.verdict == "unknown"
    assert "may ask for more than the system does" in found.analysis.parts[0].result.reason
    assert found.observed(0) is not None
    assert all((found.observed(index) or 0) <= 6 * MS for index in range(2))


def test_recorded_executions_are_those_that_run() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: edf}
tasks:
  - {name: a, wcet: 6 ms, deadline: 5 ms, arrival: {kind: trace, times: [0 ms, 10 ms], execution: [2 ms, 3 ms]}}
"""
    assert verified(text, runs=3).verdict != "unschedulable"


def test_longer_executions_that_the_file_allows_are_searched() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: fp}
tasks:
  - {name: a, wcet: 8 ms, period: 10 ms, execution: {kind: normal, mean: 0.5, std: 0.2, high: 1.5}}
"""
    found = verified(text, runs=0)
    together = next(iter(patterns(found.system, 0, 0)))
    trace = rtsched.engine.simulation.run(together.system, api.scheduler("fp"), until=20 * MS)
    assert trace.jobs["finish"][0] == 12 * MS


def test_what_is_open_when_a_run_ends_is_late() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: edf}
tasks:
  - {name: a, release: 0 ms, wcet: 9 ms, deadline: 24 ms}
  - {name: b, release: 3 ms, wcet: 20 ms, deadline: 22 ms}
"""
    found = verified(text, runs=1)
    assert found.observation is not None
    assert [bool(misses) for misses in found.observation.misses] == [False, True]
    assert found.verdict == "unschedulable"


# ---- counterexamples --------------------------------------------------------------------------------------------------

ONE_CORE = "platform: uniprocessor\nscheduler: {ordering: fp}\n"
MISSING = {
    "normal": ONE_CORE
    + "tasks: [{name: a, wcet: 8 ms, period: 10 ms, execution: {kind: normal, mean: 1.2, std: 0.2, high: 1.5}}]",
    "empirical": ONE_CORE
    + "tasks: [{name: a, wcet: 8 ms, period: 10 ms, execution: {kind: empirical, samples: [1 ms, 12 ms]}}]",
    "autocorrelated": ONE_CORE
    + "tasks: [{name: a, wcet: 8 ms, period: 10 ms, execution: {kind: autocorrelated, correlation: 0.5, marginal: "
    "{kind: uniform, low: 0.5, high: 1.4}}}]",
    "recorded": ONE_CORE
    + "tasks: [{name: a, wcet: 8 ms, deadline: 9 ms, arrival: {kind: trace, times: [0 ms, 5 ms, 30 ms], deadlines: "
    "[9 ms, 6 ms, 9 ms], execution: [8 ms, 4 ms, 1 ms]}}]",
    "jitter": ONE_CORE
    + "tasks: [{name: a, wcet: 3 ms, period: 10 ms, deadline: 4 ms, jitter: 3 ms}, {name: b, wcet: 2 ms, period: 7 ms}]",
    "instances": ONE_CORE
    + "tasks: [{name: a, wcet: 2 ms, period: 10 ms, instances: 3}, {name: b, wcet: 6 ms, period: 10 ms, "
    "after: null}]",
    "trigger": ONE_CORE
    + "tasks: [{name: a, wcet: 2 ms, period: 10 ms, instances: 2}, {name: b, wcet: 7 ms, deadline: 8 ms, instances: 2, "
    "after: {task: a, probability: 0.5}}]",
    "lock": ONE_CORE + "resources: {r: {protocol: inheritance}}\n"
    "tasks: [{name: a, wcet: 2 ms, period: 10 ms, deadline: 3 ms, sections: [{resource: r, start: 1 ms, length: 1 ms}]}, "
    "{name: b, wcet: 9 ms, period: 50 ms, sections: [{resource: r, start: 0 ms, length: 9 ms}]}]",
    "variants": ONE_CORE
    + "tasks: [{name: a, wcet: 12 ms, period: 10 ms, variants: {choices: [{name: full, scale: 1, accuracy: 0.9}, "
    "{name: half, scale: 0.5, accuracy: 0.8}]}}]",
    "graph": f"platform: {CHIP}\nscheduler: {{ordering: edf}}\n"
    "tasks: [{name: a, period: 10 ms, on_miss: abort, graph: {nodes: {x: {wcet: 4 ms}, y: {wcet: {npu: 8 ms}}}, edges: "
    "[[x, y]]}}]",
    "fault": f"platform: {CHIP}\nscheduler: {{ordering: edf}}\nfaults: [{{processor: npu, at: 5 ms, lasts: 20 ms}}]\n"
    "tasks: [{name: a, wcet: {npu: 4 ms}, period: 10 ms}]",
    "jobs": ONE_CORE + "jobs: [{wcet: 4 ms, deadline: 4 ms}, {name: j, release: 1 ms, wcet: 2 ms, deadline: 5 ms}]",
}


@pytest.mark.parametrize("name", MISSING)
def test_the_file_of_a_counterexample_misses(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(MISSING[name])
    miss = tmp_path / "miss.yaml"
    answer = analyse(str(path), "--runs", "5", "--counterexample", str(miss))
    assert answer.exit_code == 0, answer.exception
    counter = verify(str(path), runs=5).counterexample
    assert counter is not None
    trace = rtsched.simulate(str(miss))
    again, job = trace.jobs[counter.job], counter.trace.jobs[counter.job]
    for column in ("task", "release", "deadline", "finish", "outcome"):
        assert again[column] == job[column]
    assert trace.system.tasks[int(again["task"])].name == counter.task
    assert (again["outcome"] == LATE) or again["finish"] < 0


def test_a_counterexample_keeps_the_largest_times_of_networks(tmp_path: Path) -> None:
    found = verify("adas_agx_orin", runs=2)
    assert found.counterexample is not None
    path = tmp_path / "miss.yaml"
    path.write_text(witness(found))
    assert api.load(str(path)).lower().tasks[0].nodes[0].fastest == 12_814_400  # not the median, 12 199 100


def test_what_no_file_can_say_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file would not show the miss, there is no file."""
    found = verified(MISSING["normal"], runs=0)
    with pytest.raises(InputError, match="no counterexample"):
        witness(found)
    found = verified(MISSING["normal"])
    late = {"offset": 1_000}
    monkeypatch.setattr("rtsched.verify.witness._task", lambda task, name, spec: task.model_copy(update=late))
    with pytest.raises(InputError, match="cannot be written as a file of its own"):
        witness(found)


def test_samples_above_the_planned_time_are_measured_maxima() -> None:
    text = ONE_CORE + "tasks: [{name: a, wcet: 2 ms, period: 10 ms, execution: {kind: empirical, samples: %s}}]"
    above, below_it = (api.load(system(text % samples)).lower().tasks[0] for samples in ("[1 ms, 3 ms]", "[1 ms]"))
    assert [(origin.basis, origin.text) for origin in above.origins] == [
        ("high-water", "the largest of 2 samples, 3 ms, above the planned 2 ms")
    ]
    assert below_it.basis == "declared"


def test_a_level_that_rests_on_typical_times_is_not_called_proven() -> None:
    hard, soft = levels(verify("wearable_mcu", runs=0))
    assert str(hard) == "hard: in time at typical values (1 of 1; no proof)"
    assert not soft.is_proven


def test_the_fingerprint_of_a_system_stays() -> None:
    """Keys that came later are in it only where they are written."""
    plain = rtsched.analyse("dhall", runs=0)
    assert plain.inputs_sha256 == "7c510768bea3ff6f7cabb1c933fe480b146a52fd3f658eb09eefb21ef68fe491"
    erring = rtsched.load("dhall").with_({"estimates.bias": 0.5}, scheduler="sjf")
    assert (
        rtsched.analyse(erring, runs=0).inputs_sha256 != rtsched.analyse("dhall", scheduler="sjf", runs=0).inputs_sha256
    )
