"""Policies side by side: the same worlds, honest intervals, the same answer from any number of processes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import rtsched
from rtsched.cli import cli
from rtsched.cli.compare import render
from rtsched.errors import InputError, SchedulerError
from rtsched.experiment.compare import METRICS, compare
from rtsched.experiment.contrast import remarks
from rtsched.metrics.hardware import TaskUse
from rtsched.metrics.standard import uxcost
from rtsched.plot.front import front, points

SYSTEM = """
platform: {processors: {gpu: {kind: gpu, service: node}}}
simulate: {until: 2 s}
tasks:
  - name: det
    rate: 30 Hz
    execution: {kind: uniform, low: 0.5}
    variants: [{name: big, wcet: {gpu: 30 ms}, accuracy: 0.9}, {name: small, wcet: {gpu: 10 ms}, accuracy: 0.7}]
  - {name: seg, rate: 30 Hz, accuracy: 0.8, wcet: {gpu: 15 ms}}
"""


@pytest.fixture
def system(tmp_path: Path) -> str:
    path = tmp_path / "pair.yaml"
    path.write_text(SYSTEM)
    return str(path)


def main(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["compare", *arguments])


# ---- runs ------------------------------------------------------------------------------------------------------------


def test_the_worlds_are_the_same_for_every_policy(system: str) -> None:
    answer = compare(system, ["edf", "edf+fixed"], 4, jobs=1)  # fixed at the best variant is edf under another name
    assert answer.rows[0].runs == answer.rows[1].runs
    assert len({tuple(run.values()) for run in answer.rows[0].runs}) == 4  # and no two seeds are the same world
    assert answer.rows[1].cells["miss_ratio"].difference == 0
    assert answer.rows[1].cells["miss_ratio"].p == 1


def test_the_number_of_processes_does_not_change_the_answer(system: str) -> None:
    names = ["edf", "edf+subflow", "rm"]
    assert compare(system, names, 3, jobs=1) == compare(system, names, 3, jobs=2)


def test_the_figures_are_those_of_single_runs(system: str) -> None:
    answer = compare(system, ["edf+subflow"], [3], jobs=1)
    figures = rtsched.summary(rtsched.simulate(system, scheduler="edf+subflow", seed=3))
    run = answer.rows[0].runs[0]
    assert run["miss_ratio"] == figures.miss_ratio
    assert run["effective_accuracy"] == figures.effective_accuracy
    assert run["p95"] == max(task.response.p95 / task.deadline for task in figures.tasks)
    assert (run["energy"], run["uxcost"], run["xrbench"]) == (None, None, None)
    # overloaded: the last job, whose deadline lies just before the end of the drain, is late and has not finished
    assert answer.metrics == ("miss_ratio", "effective_accuracy", "finished", "p95")


STARVED = {
    "platform": "uniprocessor",
    "simulate": {"until": "1 s"},
    "tasks": [
        {"name": "fast", "wcet": "10 ms", "period": "10 ms"},
        {"name": "starved", "wcet": "10 ms", "period": "20 ms", "on_miss": "abort"},
    ],
}


def test_response_times_of_finished_jobs_say_so_where_they_are_compared(tmp_path: Path) -> None:
    answer = compare(STARVED, ["rm", "edf"], 1, jobs=1)
    assert answer.metrics == ("miss_ratio", "finished", "p95")
    rm = answer.rows[0].cells
    assert (rm["finished"].mean, rm["p95"].mean) == (pytest.approx(2 / 3), 1.0)  # nothing of the starved one is in it
    text = render(answer)
    assert "p95 / deadline of finished jobs" in text
    assert "66.67 %" in text
    front(answer, tmp_path / "front.svg")
    assert "of finished jobs" in (tmp_path / "front.svg").read_text()
    fine = compare(STARVED | {"tasks": STARVED["tasks"][:1]}, ["rm"], 1, jobs=1)
    assert fine.metrics == ("miss_ratio", "p95")


def test_a_metric_that_some_runs_lack_is_left_out_with_a_word() -> None:
    lost = STARVED["tasks"][1] | {"deadline": "5 ms"}
    answer = compare(STARVED | {"tasks": [lost]}, ["rm"], 1, jobs=1)
    assert answer.metrics == ("miss_ratio", "finished")
    assert answer.notes == ()  # no run has any: there is nothing to compare
    half = remarks([dict.fromkeys(METRICS, 1.0), dict.fromkeys(METRICS, 1.0) | {"p95": None}], (), METRICS)
    assert list(half) == ["p95 / deadline of finished jobs: left out, since 1 of 2 runs have none"]


def test_accuracies_of_different_measures_are_compared_apart(tmp_path: Path) -> None:
    tasks = [
        {"name": name, "rate": "10 Hz", "wcet": {"gpu": "10 ms"}, "accuracy": 0.8, "measure": measure}
        for name, measure in (("seg", "miou"), ("cls", "top1"))
    ]
    mixed = {"platform": {"processors": {"gpu": {"kind": "gpu"}}}, "simulate": {"until": "1 s"}, "tasks": tasks}
    answer = compare(mixed, ["rm", "edf"], 2, jobs=1)
    apart = ("effective_accuracy.miou", "effective_accuracy.top1")
    assert answer.metrics == ("miss_ratio", *apart, "kept_accuracy", "p95")
    for metric in (*apart, "kept_accuracy"):  # each with its interval
        cell = answer.rows[1].cells[metric]
        assert cell.low is not None
        assert cell.low <= cell.mean <= (cell.high or 0)
    assert answer.notes == ("accuracies that count different things (miou, top1) have no common mean",)
    text = render(answer)
    assert "effective accuracy (miou)" in text
    assert answer.notes[0] in text
    assert "accuracy kept" in text
    assert points(answer)[1] == "kept_accuracy"
    front(answer, tmp_path / "front.svg")
    assert answer.notes[0] in (tmp_path / "front.svg").read_text()
    same = compare(mixed | {"tasks": [each | {"measure": "top1"} for each in tasks]}, ["rm"], 2, jobs=1)
    assert same.metrics == ("miss_ratio", "effective_accuracy", "p95")
    assert same.notes == ()


def test_an_adaptation_that_helps_is_seen_to_help(system: str) -> None:
    answer = compare(system, ["edf", "edf+rtscale-style"], 10, jobs=1)
    cell = answer.rows[1].cells["effective_accuracy"]
    assert cell.difference is not None
    assert cell.p is not None
    assert cell.difference > 0.3
    assert cell.p < 0.01
    marks, metric = points(answer)
    assert metric == "effective_accuracy"
    assert [mark.best for mark in marks] == [False, True]


def test_xrbench_scores_and_uxcost_come_with_its_workloads() -> None:
    answer = compare("xrbench_vr_gaming", ["edf+nonpreemptive"], 1, jobs=1)
    assert {"energy", "uxcost", "xrbench"} <= set(answer.metrics)


def test_uxcost_by_hand() -> None:
    trace = rtsched.simulate("xrbench_vr_gaming", scheduler="edf+nonpreemptive")
    figures = rtsched.summary(trace)
    assert figures.hardware is not None
    assert figures.hardware.energy is not None
    # one accelerator only: every job costs what it costs at worst, so each task's share is executed / released
    rates = [task.misses / task.jobs if task.misses else 1 / (2 * task.jobs) for task in figures.tasks]
    shares = [(task.jobs - task.dropped) / task.jobs for task in figures.tasks]
    assert uxcost(figures, trace) == pytest.approx(sum(rates) * sum(shares), rel=1e-6)
    half = replace(
        figures.hardware.energy,
        tasks=tuple(TaskUse(task.name, task.total // 2, None) for task in figures.hardware.energy.tasks),
    )
    halved = replace(figures, hardware=replace(figures.hardware, energy=half))
    assert uxcost(halved, trace) == pytest.approx(sum(rates) * sum(shares) / 2, rel=1e-6)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_a_row_a_policy_in_order(system: str, tmp_path: Path) -> None:
    result = main(
        system, "-s", "rm,edf+subflow", "-s", "edf", "--seeds", "3", "-j", "1", "--csv", str(tmp_path / "runs.csv")
    )
    assert result.exit_code == 0, result.output
    lines = [line.split()[0] for line in result.output.splitlines() if line.startswith(("rm", "edf"))]
    assert lines == ["rm", "edf+subflow", "edf"]
    rows = (tmp_path / "runs.csv").read_text().splitlines()
    assert rows[0] == "policy,seed,miss_ratio,effective_accuracy,finished,p95"  # some jobs are not done at the end
    assert [row.split(",")[:2] for row in rows[1:4]] == [["rm", "0"], ["rm", "1"], ["rm", "2"]]


def test_the_command_speaks_json_and_draws(system: str, tmp_path: Path) -> None:
    picture = tmp_path / "front.png"
    result = main(
        system, "-s", "edf,edf+subflow", "--seeds", "2", "--seed", "7", "-j", "1", "--json", "--plot", str(picture)
    )
    answer = json.loads(result.output)
    assert answer["seeds"] == [7, 8]
    assert [row["policy"] for row in answer["rows"]] == ["edf", "edf+subflow"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_workload_without_chance_says_so() -> None:
    result = main("buttazzo_rm_edf", "-s", "rm,edf", "--seeds", "3", "-j", "1")
    assert "All seeds gave the same" in result.output
    assert "*" not in result.output
    assert "±" not in result.output


def test_a_policy_in_its_own_file_compares(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_policy.py").write_text(
        "from rtsched import Scheduler\n"
        "class MyPolicy(Scheduler):\n"
        "    preemption = 'nonpreemptive'\n"
        "    def dispatch(self):\n"
        "        for segment in self.soc.ready:\n"
        "            for index in segment.node.eligible:\n"
        "                if self.soc.processors[index].segment is None:\n"
        "                    self.soc.start(segment.job, segment, self.soc.processors[index])\n"
        "                    break\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = main(system, "-s", "my_policy:MyPolicy,edf", "--seeds", "2", "-j", "2")
    assert result.exit_code == 0, result.output
    assert "my_policy:MyPolicy" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_system", "-s", "edf"], "no workload is called"),
        (["buttazzo_rm_edf", "-s", "edg"], "did you mean"),
        (["buttazzo_rm_edf", "-s", "edf", "--baseline", "rm"], "is none of the policies compared"),
        (["buttazzo_rm_edf", "-s", "edf", "--plot", "x.gif"], "pictures are .png, .svg, .pdf"),
        (["buttazzo_rm_edf", "-s", "edf+subflow,edf+early-exit", "--seeds", "1"], "edf+early-exit, seed 0: adaptation"),
    ],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_mistakes_are_one_clear_line(arguments: list[str], message: str, jobs: str) -> None:
    result = main(*arguments, "-j", jobs)
    assert isinstance(result.exception, InputError | SchedulerError)
    assert message in str(result.exception)


def test_a_workload_whose_chance_shows_in_the_times_only_is_not_fixed(tmp_path: Path) -> None:
    path = tmp_path / "random.yaml"
    path.write_text(
        "platform: multicore:1\nsimulate: {until: 1 s}\n"
        "tasks: [{name: a, wcet: 2 ms, period: 10 ms, execution: {kind: empirical, samples: [1 ms, 2 ms]}}]\n"
    )
    answer = compare(str(path), ["edf"], 2, jobs=1)
    assert not answer.fixed


def test_seeds_are_told_once_and_are_no_less_than_zero(system: str) -> None:
    assert compare(system, ["edf"], [3, 3], jobs=1).seeds == (3,)
    with pytest.raises(InputError, match="zero or more"):
        compare(system, ["edf"], [-1])


def test_uxcost_is_not_told_with_a_warm_up() -> None:
    loaded = rtsched.load("xrbench_vr_gaming")
    warm = loaded.system.model_copy(
        update={"simulate": loaded.system.simulate.model_copy(update={"warm_up": 350_000_000})}
    )
    figures = rtsched.summary(rtsched.simulate(warm, scheduler="edf+nonpreemptive"))
    assert uxcost(figures, rtsched.simulate(warm, scheduler="edf")) is None


def test_the_id_of_a_system_stands_where_its_name_does() -> None:
    from rtsched.cli.compare import render

    tasks = [{"name": "a", "wcet": "2 ms", "period": "5 ms"}]
    system = {"name": "s", "id": "REQ-1", "platform": "uniprocessor", "tasks": tasks}
    found = rtsched.compare(system, ["edf", "fp"], 1, until="20 ms")
    assert (found.id, found.to_dict()["id"]) == ("REQ-1", "REQ-1")
    assert render(found).startswith("REQ-1 s: 1 seed")
    other = rtsched.alternatives(system, platforms=["file"], schedulers=["file"])
    assert other.to_dict()["id"] == "REQ-1"
    assert other.text().startswith("REQ-1 s: what if")
