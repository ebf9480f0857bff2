"""Keys that the platform or the policy at hand knows nothing of are noted."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.api import load
from rtsched.errors import InputError
from rtsched.experiment.compare import compare
from tests.chips import loaded

TEXT = """
platform: {name: small, processors: {cpu: {}, npu: {kind: npu}}}
tasks:
  - {name: a, wcet: {npu: 2 ms}, period: 10 ms, threads: 2, kernels: [{blocks: 1, time: 1 ms}], weights: 1 MB}
  - {name: b, period: 10 ms, context: own, graph: {nodes: {x: {wcet: 1 ms, state: 1 kB}, y: {wcet: 1 ms}}}}
"""


def test_keys_that_no_processor_knows_of_are_noted() -> None:
    server = "none of its processors is a GPU served block by block"
    assert loaded(TEXT).lower().assumed == (
        "a: 'threads' has no effect on small: none of its processors is a CPU cluster as one server",
        f"a: 'kernels' has no effect on small: {server}",
        "a: 'weights' has no effect on small: none of its processors has a memory for weights, nor has the platform a "
        "storage to load them from",
        f"b: 'context' has no effect on small: {server}",
        "b.x: 'state' has no effect on small: none of its processors has checkpoints",
    )


def test_keys_that_a_processor_knows_of_are_not() -> None:
    text = TEXT.replace(
        "cpu: {}", "cpu: {cores: 2, checkpoint: {state: 1 MB, bandwidth: 1 GB/s}, threads: {'2': 1.5}}"
    ).replace("kind: npu", "kind: gpu, block_level: {sms: 1}, weights: {capacity: 1 MB, bandwidth: 1 GB/s}")
    assert [
        note for note in loaded(text.replace("wcet: {npu: 2 ms}", "wcet: 2 ms")).lower().assumed if "effect" in note
    ] == ["b: 'context' has no effect on small: none of its processors is a GPU served block by block"]


SERVER = (
    "platform: uniprocessor\nscheduler: SCHEDULER\ntasks:\n  - {name: a, wcet: 2 ms, period: 10 ms, budget: 1 ms}\n"
)


def test_a_budget_needs_a_scheduler_with_servers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name in ("edf", "cbs"):
        (tmp_path / f"{name}.yaml").write_text(SERVER.replace("SCHEDULER", name))
    with pytest.raises(InputError, match=r"edf.yaml:4:50: tasks.0.budget: 'budget' has no effect under the file's own"):
        rtsched.simulate(load(tmp_path / "edf.yaml"))
    with pytest.raises(InputError, match=r"tasks.0.budget"):
        rtsched.analyse(load(tmp_path / "edf.yaml"), runs=0)
    assert rtsched.simulate(load(tmp_path / "cbs.yaml")).system.assumed == ()


def test_another_scheduler_on_the_command_line_may_pass_over_a_budget_and_says_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "cbs.yaml"
    path.write_text(SERVER.replace("SCHEDULER", "cbs"))
    note = "a: 'budget' has no effect under EDF, preemptive"
    assert rtsched.simulate(load(path), scheduler="edf").system.assumed == (note,)
    assert compare(path, ["cbs", "edf"], seeds=1).assumed == (note,)
