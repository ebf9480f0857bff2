"""Studies: the same rows whoever works on them, errors that are rows, and a database from which a study goes on."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import rtsched
from rtsched import InputError, Scheduler, SoundnessError
from rtsched.experiment import limit
from rtsched.experiment.results import Results
from rtsched.experiment.store import Store

STUDY = {
    "generate": {"tasks": 4, "platform": "multicore:2", "periods": {"kind": "uniform", "shortest": "5 ms", "longest": "20 ms"}},
    "axes": {"generate.utilisation": [0.5, 0.9]},
    "policies": {"G": "edf", "P": "edf+first-fit"},
    "sets": 12,
    "until": "100 ms",
}  # fmt: skip
ONE = {"tasks": [{"name": "a", "wcet": "2 ms", "period": "5 ms"}], "platform": "uniprocessor"}


class Raises(Scheduler):
    """Fails in one system of many: where the first task is short."""

    def dispatch(self):
        """As EDF would, until it does not."""
        if self.soc.tasks[0].period < 8_000_000:
            raise KeyError("where is it?")


class Sleeps(Scheduler):
    """Never comes to an end."""

    def dispatch(self):
        """Again and again."""
        while True:
            pass


def rows(results):
    return [(row.run, row.status, row.values, row.tasks) for row in results]


def test_the_same_rows_with_any_number_of_workers_and_any_executor():
    alone = rows(rtsched.sweep(STUDY, jobs=1))
    assert len(alone) == 2 * 12 * 2
    assert rows(rtsched.sweep(STUDY, jobs=2)) == alone
    with ThreadPoolExecutor(2) as executor:
        assert rows(rtsched.sweep(STUDY, executor=executor)) == alone


def test_each_row_is_what_a_run_by_hand_gives():
    results = rtsched.sweep(STUDY, jobs=1, metrics=("miss_ratio", "response"), per_task=True)
    for row in list(results)[::7]:
        load = STUDY["axes"]["generate.utilisation"][row.run.point]
        system = rtsched.generate({**STUDY["generate"], "utilisation": load}, count=12)[row.run.set]
        trace = rtsched.simulate(system, scheduler=["edf", "edf+first-fit"][row.run.policy], until="100 ms", seed=0)
        assert row.values.items() >= rtsched.evaluate(trace, ("miss_ratio", "response")).items()
        assert abs(row.values["utilisation"] - load) < 0.01 * load
        figures = rtsched.summary(trace).tasks
        assert [(task["task"], task["misses"], task["response_max"]) for task in row.tasks] == [
            (task.name, task.misses, task.response.max) for task in figures
        ]


def test_a_study_goes_on_where_it_was(tmp_path):
    """More sets, points, policies: what is there is not run again."""
    path, told = tmp_path / "s.db", []
    part = {**STUDY, "sets": 5, "axes": {"generate.utilisation": [0.9]}, "policies": {"P": "edf+first-fit"}}
    rtsched.sweep(part, database=path, jobs=1)
    whole = rtsched.sweep(STUDY, database=path, jobs=1, progress=lambda *counts: told.append(counts))
    assert rows(whole) == rows(rtsched.sweep(STUDY, jobs=1))
    assert told[0][0] > 5  # those of the part were there
    assert told[-1] == (48, 48, 0)
    told.clear()
    rtsched.sweep(STUDY, database=path, jobs=1, progress=lambda *counts: told.append(counts))
    assert told == []
    assert rows(Results.open(path)) == rows(whole)


def test_errors_are_rows_that_say_who_and_why_and_all_others_go_on():
    results = rtsched.sweep(STUDY, jobs=2, policies={"G": "edf", "mine": Raises})
    failed = [row for row in results if row.status == "error"]
    assert 0 < len(failed) < 24
    assert {row.run.policy for row in failed} == {1}
    assert "mine, seed 0:" in failed[0].note
    assert "test_sweep.py" in failed[0].note
    assert "KeyError: 'where is it?'" in failed[0].note
    (estimate,) = [each for each in results.estimates("no_miss") if (each.point, each.policy) == (0, "mine")]
    assert estimate.lacking == sum(row.run.point == 0 for row in failed)


def test_failed_runs_are_run_again_when_asked(tmp_path):
    path = tmp_path / "s.db"
    rtsched.sweep(STUDY, database=path, jobs=1, policies=[Raises])
    told = []
    rtsched.sweep(STUDY, database=path, jobs=1, policies=[Raises], again=["error"], progress=lambda *c: told.append(c))
    assert told
    assert told[-1][2] == len(Results.open(path).failures())
    with pytest.raises(InputError, match="'errors' is neither 'error' nor 'timeout'"):
        rtsched.sweep(STUDY, database=path, again=["errors"])


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_system_that_takes_too_long_is_a_result(jobs):
    results = rtsched.sweep(system=ONE, policies={"edf": "edf", "mine": Sleeps}, timeout="200 ms", jobs=jobs)
    assert [row.status for row in results] == ["ok", "timeout"]
    assert [row.note for row in results] == ["", "mine, seed 0: took longer than 200 ms"]
    assert [(each.lacking, each.timeouts) for each in results.estimates("no_miss")] == [(0, 0), (1, 1)]


class Deaf(Scheduler):
    """Never comes to an end, and swallows whatever says so."""

    def dispatch(self):
        """Again and again."""
        while True:
            with suppress(BaseException):
                while True:
                    sum(range(1000))


class Drowns(Scheduler):
    """Never comes to an end in C, where nobody hears anything."""

    def dispatch(self):
        """Once, for ever."""
        sum(range(10**15))


class Kills(Scheduler):
    """Kills the process that runs it, in some systems."""

    def dispatch(self):
        """As nobody would."""
        if self.soc.tasks[0].period < 8_000_000:
            os.kill(os.getpid(), 9)


@pytest.mark.parametrize("policy", [Deaf, Drowns])
def test_who_does_not_heed_the_limit_is_ended_with_its_process(monkeypatch, policy):
    monkeypatch.setattr(limit, "GRACE", 0.3)
    results = rtsched.sweep(system=ONE, policies={"mine": policy, "edf": "edf"}, timeout="200 ms", jobs=2)
    assert [row.status for row in results] == ["timeout", "ok"]
    assert next(iter(results)).note == "mine, seed 0: took longer than 200 ms, and had to be killed"


def test_who_kills_processes_takes_nobody_else_along():
    results = rtsched.sweep(STUDY, jobs=2, policies={"G": "edf", "mine": Kills})
    failed = [row for row in results if row.status == "error"]
    assert 0 < len(failed) < 24
    assert {row.run.policy for row in failed} == {1}
    assert len(list(results)) == 48
    assert failed[0].note == "mine, seed 0: the process that ran it was killed each time (is there enough memory?)"


def test_one_seed_speaks_for_all_where_nothing_is_random(monkeypatch):
    from rtsched.api import Prepared

    ran = []
    run = Prepared.run
    monkeypatch.setattr(Prepared, "run", lambda self, *a, **k: ran.append(1) or run(self, *a, **k))
    results = rtsched.sweep(system=ONE, policies=["edf", "rm"], seeds=50, jobs=1)
    assert len(list(results)) == 100
    assert len(ran) == 2
    drawn = {**ONE, "tasks": [{**ONE["tasks"][0], "execution": {"kind": "uniform", "low": 0.5, "high": 1}}]}
    rtsched.sweep(system=drawn, policies="edf", seeds=3, jobs=1)
    assert len(ran) == 5


def test_enough_is_enough_where_the_interval_is_narrow():
    wide = {**STUDY, "metrics": "no_miss", "sets": 60, "axes": {"generate.utilisation": [0.4, 0.95]}}
    every = {"width": 0.2, "every": 20}
    results = rtsched.sweep(wide, stop=every, jobs=2)
    done = [results.known.counts[point, 0].units for point in (0, 1)]
    assert done[0] == 20  # nobody misses: narrow at once
    assert done[1] == 60
    assert rows(results) == rows(rtsched.sweep(wide, stop=every, jobs=1))


def test_a_run_that_ends_at_its_first_miss_says_the_same_of_it():
    asked = {**STUDY, "metrics": "no_miss", "until": "400 ms"}
    whole, first = (rtsched.sweep(asked, stop={"first_miss": stop}, jobs=1) for stop in (False, True))
    assert [row.values["no_miss"] for row in whole] == [row.values["no_miss"] for row in first]
    assert {row.values["no_miss"] for row in whole} == {0, 1}


def test_proofs_stand_beside_the_runs():
    few = {**STUDY, "sets": 5}
    results = rtsched.sweep(few, do="both", jobs=1, per_task=True)
    for row in results:
        assert not (row.values["proven"] and row.values["refuted"])
        assert row.values["no_miss"] >= row.values["proven"]
        for task in row.tasks:
            assert task["bound"] is None or task["response_max"] <= task["bound"]
    assert {row.values["proven"] for row in results} == {0, 1}
    alone = rtsched.sweep({key: value for key, value in few.items() if key != "until"}, do="analyse", jobs=1)
    assert [row.values["proven"] for row in alone] == [row.values["proven"] for row in results]
    assert alone.metrics == ("proven", "refuted")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_contradiction_stops_the_study_with_both_sides(monkeypatch, jobs):
    from rtsched.schedulability.analyse import SystemAnalysis

    monkeypatch.setattr(SystemAnalysis, "proves", lambda self, index: True)
    with pytest.raises(SoundnessError) as error:
        rtsched.sweep({**STUDY, "axes": {"generate.utilisation": [1.4]}}, do="both", jobs=jobs)
    assert error.value.trace is not None
    assert error.value.analysis is not None


def test_mixes_of_another_table_of_times_are_other_systems(tmp_path, monkeypatch):
    """A user's own times stand before those of the catalogue, and may change between two runs of a study."""
    from rtsched.model import catalogue

    study = {"generate": {"platform": "jetson_xavier_nx", "tasks": 3, "networks": "all"}, "policies": "edf", "sets": 1}
    study["generate"]["utilisation"] = {"gpu": 0.5}
    path = tmp_path / "s.db"
    before = rtsched.sweep(study, database=path, jobs=1, until="50 ms").outline.contents
    assert rtsched.sweep(study, database=path, jobs=1, until="50 ms").outline.contents == before
    rows = [dict(row) for row in catalogue.latency_table()]
    rows[-1]["latency_ms"] = "1234.5"
    monkeypatch.setattr(catalogue, "latency_table", lambda: rows)
    assert rtsched.sweep(study, database=path, jobs=1, until="50 ms").outline.contents != before


# ---- what cannot be meant --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"axes": {"generate.utilization": [0.5]}}, "utilization"),
        ({"axes": {"task.a.wcet": [1]}}, "task.a.wcet=1"),
        ({"axes": {"tasks.nobody.wcet": ["1 ms"]}}, "nothing here is called 'nobody'"),
        ({"axes": {"platform": ["nowhere"]}}, "nowhere"),
        ({"metrics": ["speed"]}, "no metric is called 'speed'"),
        ({"policies": ["edff"]}, "edff"),
        ({"set": {"simulate.until": "long"}}, "long"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_runs(tmp_path, keys, problem):
    with pytest.raises(InputError, match=problem):
        rtsched.sweep({**STUDY, **keys}, database=tmp_path / "s.db", jobs=1)
    assert not os.path.exists(tmp_path / "s.db")


def test_a_metric_that_some_policy_lacks_is_lacking_and_not_zero():
    results = rtsched.sweep(STUDY, metrics=["miss_ratio", "energy"], jobs=1)
    assert {row.values["energy"] for row in results} == {None}
    assert [(each.band, each.lacking) for each in results.estimates("energy")] == [(None, 12)] * 4


def test_a_file_names_no_code_but_a_command_does(tmp_path):
    (tmp_path / "s.yaml").write_text("system: dhall\npolicies: ['tests.experiment.test_sweep:Sleeps']\n")
    with pytest.raises(InputError, match="names code, which a file may not"):
        rtsched.sweep(tmp_path / "s.yaml", jobs=1)
    results = rtsched.sweep(
        tmp_path / "s.yaml", policies=["tests.experiment.test_sweep:Sleeps"], timeout="50 ms", jobs=1
    )
    assert [row.status for row in results] == ["timeout"]


@pytest.mark.parametrize("key", ["metrics: ['{}']", "metrics: ['{}']\nstop: {width: 0.1, metric: '{}'}"])
def test_metrics_of_a_file_name_no_code(tmp_path, monkeypatch, key):
    (tmp_path / "strange.py").write_text("open('executed', 'w').close()\n")
    (tmp_path / "s.yaml").write_text("generate: {tasks: 3}\n" + key.replace("{}", "strange:lag"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"s.yaml:2:10: metric 'strange:lag' names code, which a file may not"):
        rtsched.sweep("s.yaml", jobs=1)
    assert not os.path.exists("executed")


def test_a_database_of_a_stranger_runs_no_code(tmp_path, monkeypatch):
    (tmp_path / "strange.py").write_text("open('executed', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    rtsched.sweep(STUDY, sets=1, database="s.db", jobs=1)
    with sqlite3.connect("s.db") as base:
        base.execute("UPDATE study SET value = replace(value, 'miss_ratio', 'strange:lag')")
        base.execute("UPDATE runs SET found = replace(found, 'miss_ratio', 'strange:lag')")
    Results.open("s.db").to_dict()  # what the metric is stands in the database
    with sqlite3.connect("s.db") as base:  # an older one says only how it is called
        base.execute("UPDATE study SET value = replace(value, '\"measures\"', '\"strange\"')")
        base.execute("UPDATE study SET value = json_remove(value, '$.strange')")
    with pytest.raises(InputError, match="names code, which a file may not"):
        Results.open("s.db").to_dict()
    assert not os.path.exists("executed")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("axes: {generate.utilisation: [0.1, 700]}", "s.yaml:2:36: generate.utilisation=700, set 0: "),
        ("axes: {generate.utilisation: [0.1], generate.tasks: [2, x]}", "s.yaml:2:57: generate.utilisation=0.1, generate.tasks=x, "),
        ("axes: {generate.tasks: {from: 1, to: 0, points: 2}}", "s.yaml:2:24: generate.tasks=0, set 0: "),
        ("set: {tasks.t7.period: 3 ms}", "s.yaml:1:11: the only point, set 0: set tasks.t7.period=3 ms: nothing here is called 't7'"),
        ("policies: [edff]", "s.yaml:2:11: no scheduler is called 'edff'"),
        ("axes: {scheduler: [edff]}", "s.yaml:2:20: no scheduler is called 'edff'"),
        ("metrics: [speed]", "s.yaml:2:10: no metric is called 'speed'"),
        ("policies: [3]", "s.yaml:2:11: a policy is a name"),
    ],
)  # fmt: skip
def test_what_is_wrong_at_a_point_is_told_with_its_place(tmp_path, monkeypatch, text, problem):
    (tmp_path / "s.yaml").write_text("generate: {tasks: 3}\n" + text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        rtsched.sweep("s.yaml", jobs=1)
    assert str(error.value).startswith(problem)
    with pytest.raises(InputError) as error:
        rtsched.sweep(STUDY, policies=["edff"])
    assert str(error.value).startswith("no scheduler is called 'edff'")


def test_more_runs_than_anybody_waits_for_are_refused_at_once():
    with pytest.raises(InputError, match="40,000,000,000 runs are more than anybody waits for"):
        rtsched.sweep(STUDY, sets=10_000_000, seeds=1000)


def test_many_sets_begin_at_once(tmp_path):
    """And whoever reads what is there so far does not wait for those that are not."""
    told = []

    def enough(*counts):
        told.append(counts)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rtsched.sweep(STUDY, sets=10_000_000, database=tmp_path / "s.db", jobs=1, progress=enough)
    assert told == [(2, 40_000_000, 0)]


def test_a_system_with_links_is_kept_in_a_database(tmp_path):
    results = rtsched.sweep(system="v2x_roadside", policies=["edf"], database=tmp_path / "s.db", jobs=1, until="100 ms")
    assert results.statuses() == {"ok": 1}


@pytest.mark.parametrize("key", ["scheduler", "set"])
def test_systems_of_a_file_name_no_code_either(tmp_path, key):
    code = "tests.experiment.test_sweep:Sleeps"
    inner = f"  scheduler: '{code}'\n" if key == "scheduler" else ""
    outer = f"set: {{scheduler: '{code}'}}\n" if key == "set" else ""
    (tmp_path / "s.yaml").write_text(f"generate:\n  tasks: 3\n{inner}{outer}sets: 1\n")
    with pytest.raises(InputError, match="names code, which a file may not"):
        rtsched.sweep(tmp_path / "s.yaml", jobs=1)


def test_files_that_a_study_names_lie_beside_it(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "mine.yaml").write_text(
        "platform: uniprocessor\ntasks: [{name: a, wcet: 2 ms, period: 5 ms}]\nscheduler: edf\n"
    )
    (tmp_path / "inner" / "s.yaml").write_text("system: mine.yaml\naxes: {tasks.a.wcet: [2 ms, 6 ms]}\nuntil: 20 ms\n")
    monkeypatch.chdir(tmp_path)
    results = rtsched.sweep("inner/s.yaml", jobs=1)
    assert [row.values["no_miss"] for row in results] == [1, 0]


def test_a_run_and_a_proof_of_two_partitions_are_not_compared(tmp_path, monkeypatch):
    """By its usual times a is the heavier one and goes first, by the largest ones b."""
    board = tmp_path / "platforms"
    board.mkdir()
    (board / "twin.yaml").write_text("name: twin\nprocessors: {npu: {kind: npu, cores: 2}}\n")
    (board / "latency.csv").write_text(
        "platform,network,input,processor,threads,precision,runtime,latency_ms,max_ms,status,source\n"
        "twin,a,1x1,npu,,,,10,11,measured,here\ntwin,b,1x1,npu,,,,9,13,measured,here\n"
    )
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    tasks = [{"name": name, "network": {"network": name, "input": "1x1"}, "rate": "30 Hz"} for name in "ab"]
    system = {"platform": "twin", "tasks": tasks}
    policies = {"packed": "edf+nonpreemptive+worst-fit", "global": "edf+nonpreemptive"}
    results = rtsched.sweep(system=system, policies=policies, do="both", until="1 s", jobs=1)
    assert [row.status for row in results] == ["error", "ok"]
    assert "packs the usual times, which a run takes, in another way than the largest ones" in next(iter(results)).note


def test_who_interrupts_just_after_rows_were_written_is_told_of_them(tmp_path, monkeypatch):
    write, told = Store.add, []

    def interrupted(self, rows):
        write(self, rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rtsched.sweep(
            {"generate": {"tasks": 2}, "sets": 3, "policies": "edf", "until": "10 ms"},
            database=tmp_path / "s.db", jobs=1, progress=lambda *counts: told.append(counts),
        )  # fmt: skip
    assert told[-1] == (3, 3, 0)
