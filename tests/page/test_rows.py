"""The rows beside tasks and processors: chains, GPUs, waits for locks, the order of priorities; and what is proven."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtsched import api
from rtsched.cli import cli
from rtsched.errors import SoundnessError
from rtsched.metrics.chains import reaction_times
from rtsched.page import rows as more
from rtsched.page.page import SCRIPTS, SEVERAL, asset, page
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import DeadlineMonotonic, RateMonotonic
from rtsched.verify.shown import declared_run, proof
from rtsched.verify.verification import verify
from tests.chips import run
from tests.helpers import edf, simulate, task
from tests.page.reading import facts, tables
from tests.page.test_page import HOSTILE

MS = 10**6
CHAINS = """
platform: {processors: {cpu: {cores: 2}}}
scheduler: {ordering: fp}
tasks:
  - {name: sense, wcet: 1 ms, period: 10 ms}
  - {name: see, wcet: 3 ms, period: 4 ms, deadline: 10 ms}
  - {name: act, wcet: 1 ms, period: 6 ms}
  - {name: log, wcet: 1 ms, after: {task: act, probability: 0.5}, deadline: 20 ms}
  - {name: send, wcet: 2 ms, after: log, deadline: 20 ms}
chains: [{name: arc, tasks: [sense, see, act], max_reaction: 12 ms}]
"""


def test_tasks_in_the_order_of_fixed_priorities() -> None:
    tasks = [task(0, 1, 20, deadline=5, priority=1), task(1, 1, 10, priority=2), task(2, 1, 15, priority=0)]
    assert more.order(simulate(tasks, until=20)) == [2, 0, 1]
    assert more.order(simulate(tasks, ComposedScheduler(RateMonotonic()), until=20)) == [1, 2, 0]
    assert more.order(simulate(tasks, ComposedScheduler(DeadlineMonotonic()), until=20)) == [0, 1, 2]
    assert more.order(simulate(tasks, edf(), until=20)) is None


def test_chains_react_as_the_metric_says() -> None:
    trace = run(CHAINS, until="100 ms")
    assert [chain.name for chain in more.chains(trace.system)] == ["arc", "act → log → send"]
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for chain, instance, job, reaction in more.instances(trace):
        ways.setdefault((chain, instance), []).append((job, reaction))
    seen = [rows[-1][1] for (chain, _), rows in ways.items() if chain == 0]
    assert seen[0] == -1
    assert seen[1:] == reaction_times(trace, trace.system.chains[0]).tolist()
    jobs = trace.jobs
    for (chain, _), rows in ways.items():
        way = [job for job, _ in rows]
        assert [trace.system.tasks[jobs["task"][job]].name for job in way] == [
            ["sense", "see", "act"],
            ["act", "log", "send"],
        ][chain]
        for one, other in pairwise(way):
            assert jobs["start"][other] >= jobs["finish"][one]
            assert chain == 0 or jobs["arrival"][other] == jobs["finish"][one]
    sent = sum(1 for chain, _ in ways if chain == 1)
    assert sent == int((jobs["task"] == 4).sum()) < int((jobs["task"] == 2).sum())


def test_a_chain_that_is_declared_is_not_found_again() -> None:
    text = CHAINS.replace("chains: [", "chains: [{name: tell, tasks: [act, log, send]}, ")
    assert [chain.name for chain in more.chains(run(text, until="1 ms").system)] == ["tell", "arc"]


def test_blocks_on_a_gpu_are_those_of_the_trace() -> None:
    trace = api.simulate("gpu_head_of_line")
    found = facts(page(trace))
    assert found["devices"] == [{"name": "gpu", "threads": 4096, "copies": 1}]
    waves = tables(page(trace))["waves"]
    assert waves["start"] == trace.waves["start"].tolist()
    assert waves["threads"][:2] == [2 * 2 * 768, 2 * 768]  # the first kernel: four blocks fit, two come after
    assert [threads for threads, blocks in zip(waves["threads"], waves["blocks"], strict=True) if not blocks] == [0] * 4


def test_too_many_blocks_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(more, "MOST_WAVES", 5)
    text = page(api.simulate("gpu_head_of_line"))
    assert "waves" not in tables(text)
    assert facts(text)["too many waves"]


def test_most_runs_have_none_of_it() -> None:
    text = page(simulate([task(0, 1, 10)], edf(), until=20))
    assert not {"ways", "waves"} & tables(text).keys()
    found = facts(text)
    assert (found["order"], found["chains"], found["devices"], found["too many waves"]) == (None, [], [], False)
    assert "proof" not in found


def test_names_of_chains_are_only_text() -> None:
    trace = run(CHAINS, until="20 ms")
    system = replace(trace.system, chains=(replace(trace.system.chains[0], name=HOSTILE),))
    text = page(replace(trace, system=system))
    assert "<img" not in text
    assert len(facts(text)["chains"][0]["name"]) == 300


def test_scripts_lose_nothing_but_comments_and_indents() -> None:
    for name in SCRIPTS:
        lines = asset(name).split("\n")
        assert all(line.count("`") % 2 == 0 for line in lines), f"{name}: a text over several lines"
        assert all(line.strip().endswith("*/") for line in lines if line.strip().startswith("/*")), name


def test_scripts_have_no_name_twice() -> None:
    found = [
        re.findall(r"^(?:const|let|class|(?:async )?function) (\w+)", asset(name), re.M)
        for name in (*SCRIPTS, *SEVERAL)
    ]
    every = [name for each in found for name in each]
    assert sorted(every) == sorted(set(every))


def test_an_analysis_has_a_page_with_its_bounds(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    done = CliRunner().invoke(cli, ["analyse", "burns_wellings", "--runs", "1", "--html", str(path)])
    assert done.exit_code == 0, done.output
    found = facts(path.read_text())
    assert [each["most"] for each in found["proof"]["bounds"]] == [10 * MS, 20 * MS, 52 * MS]
    assert [each["verdict"] for each in found["proof"]["bounds"]] == ["schedulable", "schedulable", "unschedulable"]
    assert found["proof"]["words"].startswith("burns_wellings: UNSCHEDULABLE\n")
    assert "\n    b: 10 → 20 → 20 ≤ 40\n" in found["proof"]["steps"]
    assert "name: burns_wellings" in found["given"]
    assert CliRunner().invoke(cli, ["run", "burns_wellings", "--html", str(path)]).exit_code == 0
    assert "proof" not in facts(path.read_text())


def test_what_has_no_bound_says_what_is_known_instead() -> None:
    bounds = proof(verify("npu_failure", runs=0))["bounds"]
    assert {each["most"] for each in bounds} == {None}
    assert {each["words"] for each in bounds} == {"no bound; unknown"}


def test_what_is_proven_of_chains_stands_with_the_verdict() -> None:
    tasks = [{"name": name, "wcet": "1 ms", "period": period} for name, period in (("a", "5 ms"), ("b", "10 ms"))]
    chain = {"name": "arc", "tasks": ["a", "b"], "max_reaction": "30 ms"}
    system = {"platform": "uniprocessor", "scheduler": "rm", "tasks": tasks, "chains": [chain]}
    said = proof(verify(system, runs=0))["words"].splitlines()[-1]
    assert said.startswith("chain arc: reacts within 17 ms (mrt")  # Dürr: 5 + 10 + 2, a being more urgent
    assert said.endswith("; max_reaction 30 ms: proven")


def test_a_run_that_beats_a_bound_has_no_page() -> None:
    found = verify("burns_wellings", runs=0)
    assert len(declared_run(found).jobs) == 47
    part = found.analysis.parts[0]
    bound = replace(part.result.bounds[2], wcrt=51 * MS, parts=())
    wrong = replace(part.result, bounds=(*part.result.bounds[:2], bound))
    with pytest.raises(SoundnessError, match="'c' took 52000000 ns"):
        declared_run(replace(found, analysis=replace(found.analysis, parts=(replace(part, result=wrong),))))
