"""Cause-effect chains of a system: through tasks that release each other, and what is required of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.errors import InputError, SoundnessError
from rtsched.metrics.summary import measured, summary
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.report.content import Report
from rtsched.report.markdown import markdown
from rtsched.verify import words
from rtsched.verify.criticality import levels
from rtsched.verify.verification import Verification, verify

MS = 1_000_000

TRIGGERED = """
name: triggered
platform: {name: chip, processors: {cpu: {kind: cpu, cores: 2}, npu: {kind: npu}}}
scheduler: {ordering: dm, placement: pinned}
tasks:
  - {name: cam, wcet: {cpu: 2 ms}, period: 30 ms, pin: cpu0, criticality: hard}
  - {name: det, wcet: {npu: 13 ms}, deadline: 20 ms, pin: npu, after: {task: cam}}
  - {name: post, wcet: {cpu: 1 ms}, deadline: 10 ms, pin: cpu0, after: {task: det}}
  - {name: ctrl, wcet: {cpu: 500 us}, period: 5 ms, pin: cpu0}
  - {name: plan, wcet: {cpu: 3 ms}, period: 20 ms, jitter: 2 ms, pin: cpu1}
"""


def verified(text: str, runs: int = 0) -> Verification:
    """What is known of a system in YAML."""
    return verify(validate(System, parse_yaml(text)), runs=runs)


def chained(*chains: str, text: str = TRIGGERED) -> str:
    """The system with these chains in flow style."""
    return text + "chains:\n" + "".join(f"  - {{{chain}}}\n" for chain in chains)


def reaction(*tasks: str, text: str = TRIGGERED) -> int | str:
    """The bound on the reaction time in us, or why there is none."""
    found = verified(chained(f"name: c, tasks: [{', '.join(tasks)}]", text=text)).analysis.chains[0]
    return (found.bounds[0].wcrt or 0) // 1000 if found.bounds else found.reason


def test_a_triggered_task_reads_what_its_trigger_wrote() -> None:
    # responses: cam 3.5, det 13, post 1.5, ctrl 0.5 ms; one sampling of cam (30 ms) and one of ctrl (5 ms)
    responses = [(bound.wcrt or 0) // 1000 for bound in verified(TRIGGERED).bounds]
    assert responses == [3_500, 13_000, 1_500, 500, 5_000]
    assert reaction("cam", "det", "post") == 30_000 + 3_500 + 13_000 + 1_500
    assert reaction("cam", "det", "post", "ctrl") == 30_000 + 18_000 + 5_000 + 500
    assert reaction("cam", "post") == 48_000  # det lies between, named or not
    assert reaction("ctrl", "cam", "det") == 5_000 + 500 + 30_000 + 3_500 + 13_000
    assert reaction("ctrl", "cam") == 5_000 + 30_000 + 3_500  # ctrl is ahead of cam on its core


def test_a_chain_that_begins_behind_its_trigger() -> None:
    # post comes up to 16.5 ms later than cam does: at most 46.5 ms lie between two of its arrivals
    assert reaction("post", "ctrl") == 46_500 + 1_500 + 5_000 + 500


def test_data_age_goes_through_triggers() -> None:
    found = verified(chained("name: c, tasks: [cam, det, post, ctrl]")).analysis.chains[0]
    assert found.details["mrda_ns"] == (30_000 + 18_000 + 500) * 1000  # to the output
    assert found.details["mda_ns"] == found.details["mrda_ns"] + 5_000 * 1000  # to the next one, a period later
    assert found.details["mrrt_ns"] == (found.bounds[0].wcrt or 0) - 30_000 * 1000  # from the first read on


def test_without_bounds_a_reason() -> None:
    assert reaction("cam", "ctrl", text=TRIGGERED.replace("period: 30 ms", "period: 30 ms, count: 9")) == (
        "'cam' is not periodic"
    )
    sometimes = TRIGGERED.replace("{task: cam}", "{task: cam, probability: 0.5}")
    assert reaction("cam", "det", text=sometimes) == "'det' is not released by every job of 'cam'"
    assert reaction("post", "ctrl", text=sometimes) == "'det' is not released by every job of 'cam'"
    overloaded = TRIGGERED.replace("wcet: {cpu: 500 us}", "wcet: {cpu: 5.1 ms}")
    assert reaction("cam", "ctrl", text=overloaded) == "'cam' has no response-time bound"


def test_jobs_that_may_be_dropped_bound_nothing() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: fp}
tasks:
  - {name: a, wcet: 4 ms, period: 10 ms}
  - {name: b, wcet: 5 ms, period: 20 ms, deadline: 8 ms, on_miss: %s}
"""
    assert reaction("a", "b", text=text % "continue") == 10_000 + 20_000 + 9_000
    assert reaction("a", "b", text=text % "abort") == "late jobs of 'b' may not end (on_miss: abort)"


@pytest.mark.parametrize("seed", range(4))
def test_no_run_beats_a_bound(seed: int) -> None:
    text = chained("name: a, tasks: [cam, det, post, ctrl]", "name: b, tasks: [post, plan, ctrl]")
    found = verified(text)
    trace = rtsched.simulate(validate(System, parse_yaml(text)), until="3 s", seed=seed)
    for chain, result in zip(trace.system.chains, found.analysis.chains, strict=True):
        for code, seen in measured(trace, chain).items():
            assert 0 < seen.times.max() <= result.details[f"{code}_ns"], (chain.name, code)


# ---- requirements -----------------------------------------------------------------------------------------------------

E2E = "name: e2e, tasks: [cam, det, post, ctrl]"


@pytest.mark.parametrize(
    ("limits", "verdict", "said"),
    [
        ("max_reaction: 54 ms, max_age: 54 ms", "schedulable", "max_reaction 54 ms: proven"),
        ("max_reduced_reaction: 24 ms", "schedulable", "max_reduced_reaction 24 ms: proven"),
        ("max_reduced_age: 49 ms", "schedulable", "max_reduced_age 49 ms: proven"),
        ("max_reduced_age: 48 ms", "unknown", "max_reduced_age 48 ms: not proven"),
        ("max_reaction: 53 ms", "unknown", "max_reaction 53 ms: not proven"),
        ("max_age: 53 ms", "unknown", "max_age 53 ms: not proven"),
        ("max_reaction: 20 ms", "unschedulable", "max_reaction 20 ms: broken ("),
        ("max_age: 10 ms", "unschedulable", "max_age 10 ms: broken ("),
    ],
)
def test_what_is_required_is_judged(limits: str, verdict: str, said: str) -> None:
    found = verified(chained(f"{E2E}, {limits}"), runs=3)
    assert found.chain_verdict(0) == verdict
    assert found.verdict == verdict  # it counts as a deadline does
    assert said in words.chains(found)[0]
    assert said.split(" ", 1)[1] in markdown(Report(found, "2025-01-31"))
    hard, soft = levels(found)
    assert hard.verdict == verdict  # its most critical task is hard
    assert soft.verdict == "schedulable"
    assert ("chain e2e not" in str(hard)) == (verdict != "schedulable")


def test_without_a_requirement_a_chain_decides_nothing() -> None:
    text = TRIGGERED.replace("{task: cam}", "{task: cam, probability: 0.5}")
    found = verified(chained(E2E, text=text), runs=2)
    assert (found.chain_verdict(0), found.verdict) == ("unknown", "schedulable")
    text = TRIGGERED.replace("{task: cam}", "{task: cam, probability: 0.5}")
    assert verified(chained(f"{E2E}, max_reaction: 1 s", text=text)).verdict == "unknown"


def answer(command: str, path: Path, *arguments: str) -> Any:
    """What a command says of a file."""
    return CliRunner().invoke(cli, [command, str(path), *arguments])


def test_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "triggered.yaml"
    path.write_text(chained(f"{E2E}, max_reaction: 54 ms, max_age: 54 ms"))
    assert answer("analyse", path, "--fail-on", "unproven").exit_code == 0
    assert answer("run", path, "--fail-on", "miss").exit_code == 0
    assert re.search(r"e2e +reaction time \(mrt\) +54 ms .* kept\n", answer("run", path).output)
    path.write_text(chained(f"{E2E}, max_reaction: 20 ms"))
    assert answer("analyse", path, "--fail-on", "unproven", "--runs", "0").exit_code == 1
    assert answer("analyse", path, "--fail-on", "hard-unproven", "--runs", "0").exit_code == 1
    assert answer("run", path, "--fail-on", "miss").exit_code == 1
    assert answer("run", path, "--fail-on", "hard-miss").exit_code == 1
    assert re.search(r"e2e +reaction time \(mrt\) +20 ms .* BROKEN\n", answer("run", path).output)
    data = json.loads(answer("analyse", path, "--json", "--runs", "1").output)["chains"][0]
    assert (data["max_reaction_ns"], data["verdict"]) == (20 * MS, "unschedulable")
    assert data["observed_reaction_ns"] > 20 * MS
    refused = answer("run", path, "--fail-on", "miss", "--no-trace")
    assert isinstance(refused.exception, InputError)
    path.write_text(chained("name: soft, tasks: [plan, ctrl], max_reaction: 1 ms"))
    assert answer("run", path, "--fail-on", "miss").exit_code == 1
    assert answer("run", path, "--fail-on", "hard-miss").exit_code == 0


def test_a_chain_that_never_reacts_is_broken() -> None:
    text = """
platform: uniprocessor
scheduler: {ordering: fp}
simulate: {until: 100 ms}
tasks:
  - {name: a, wcet: 10 ms, period: 10 ms}
  - {name: b, wcet: 1 ms, period: 10 ms}
chains: [{name: c, tasks: [a, b], max_reaction: 50 ms}]
"""
    figures = summary(rtsched.simulate(validate(System, parse_yaml(text))))
    assert figures.chains[0].kept is False


def test_a_bound_that_a_run_beats_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def later(*of: Any) -> Any:
        return {code: each._replace(ends=each.ends + 50 * MS) for code, each in measured(*of).items()}

    monkeypatch.setattr("rtsched.metrics.summary.measured", later)
    with pytest.raises(SoundnessError, match=r"the reaction time \(mrt\) of chain 'e2e' was"):
        verified(chained(E2E), runs=1)


def test_a_chain_whose_tasks_respond_beyond_their_periods_has_its_bound_from_the_other_theorem() -> None:
    """Found by the fuzzer: Dürr's theorem does not apply, and says so; that of clocks asks for no R <= T."""
    text = """
platform: {processors: {cpu: {}}}
scheduler: {ordering: fp, placement: global}
tasks:
  - {name: a, period: 6 ns, priority: 1, graph: {nodes: {x: {wcet: 1 ns}, y: {wcet: 1 ns}, z: {wcet: 1 ns}}}}
  - {name: b, period: 8 ns, priority: 1, graph: {nodes: {x: {wcet: 1 ns}, y: {wcet: 1 ns}}}}
  - {name: c, period: 4 ns, priority: 0, wcet: 1 ns}
chains:
  - {name: chain, tasks: [b, c, a]}
"""
    (chain,) = verified(text).analysis.chains
    assert chain.details["tests"]["mrt"] == "chain-clocks"
    assert chain.bounds[0].wcrt == 8 + 11 + 4 + 6 + 4  # c is ahead of a
