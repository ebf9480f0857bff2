"""A study as files: the same bytes whoever ran it, all that is in it, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
from dataclasses import replace

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.experiment.results import Results
from tests.experiment.test_sweep import STUDY, Raises

SMALL = {**STUDY, "sets": 4, "until": "60 ms"}
EVERY = {**SMALL, "do": "both", "per_task": True, "policies": {"G": "edf", "R & M": "rm+first-fit"}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small study with everything: runs, proofs, tasks."""
    path = tmp_path_factory.mktemp("study") / "s.db"
    rtsched.sweep(EVERY, database=path, jobs=1)
    return path


def written(results, ending, folder):
    path = folder / f"out{ending}"
    results.write(path)
    return path.read_bytes()


def test_the_same_bytes_for_any_number_of_workers_and_after_an_interruption(tmp_path):
    class EnoughError(Exception):
        """Somebody ends the study."""

    def end(done, total, failed):
        if done > 4:
            raise EnoughError

    alone = rtsched.sweep(SMALL, database=tmp_path / "alone.db", jobs=1)
    pair = rtsched.sweep(SMALL, database=tmp_path / "pair.db", jobs=2)
    with pytest.raises(EnoughError):
        rtsched.sweep(SMALL, database=tmp_path / "half.db", jobs=1, progress=end)
    half = Results.open(tmp_path / "half.db")
    assert 0 < half.statuses().total() < 16
    resumed = rtsched.sweep(SMALL, database=tmp_path / "half.db", jobs=2)
    rtsched.sweep({**SMALL, "axes": {"generate.utilisation": [0.9]}}, database=tmp_path / "other.db", jobs=1)
    grown = rtsched.sweep(SMALL, database=tmp_path / "other.db", jobs=1)  # the second point was there first
    for ending in (".db", ".csv", ".json", ".tex"):
        expected = written(alone, ending, tmp_path)
        for results in (pair, resumed, grown):
            assert written(results, ending, tmp_path) == expected


def test_the_long_table_has_all_there_is(whole, tmp_path):
    results = Results.open(whole)
    rows = list(csv.DictReader(io.StringIO(written(results, ".csv", tmp_path).decode())))
    assert list(rows[0]) == [
        "point", "generate.utilisation", "set", "policy", "seed", "task", "id", "metric", "value", "status", "note"
    ]  # fmt: skip
    assert len(rows) == sum(len(row.values) + sum(len(task) - 1 for task in row.tasks) for row in results)
    places = [(int(row["point"]), int(row["set"]), row["policy"] != "G", int(row["seed"])) for row in rows]
    assert places == sorted(places)
    proven = [float(row["value"]) for row in rows if (row["metric"], row["policy"]) == ("proven", "R & M")]
    assert proven == [row.values["proven"] for row in results if row.run.policy == 1]
    bounds = {row["value"] for row in rows if row["metric"] == "bound"}
    assert bounds == {str(task["bound"] or "") for row in results for task in row.tasks}


def test_the_database_answers_questions(whole, tmp_path):
    results = Results.open(whole)
    results.write(tmp_path / "out.db")
    base = sqlite3.connect(tmp_path / "out.db")
    query = 'SELECT policy, "generate.utilisation", avg(value) FROM long WHERE metric = ? GROUP BY policy, point'
    found = base.execute(query, ("miss_ratio",)).fetchall()
    expected = [
        (each.policy, 0.5 if each.point == 0 else 0.9, each.band.mean) for each in results.estimates("miss_ratio")
    ]
    assert sorted(found) == [(*place, pytest.approx(mean)) for *place, mean in sorted(expected)]
    assert base.execute("SELECT count(*) FROM runs").fetchone() == (16,)
    assert base.execute("SELECT value FROM study WHERE name = 'digest'").fetchone() == (results.outline.digest,)
    assert str(tmp_path).encode() not in (tmp_path / "out.db").read_bytes()
    base.close()
    with pytest.raises(InputError, match="is a database, but an export; name the one that rtsched sweep wrote"):
        Results.open(tmp_path / "out.db")


def test_rows_of_tasks_have_their_ids(tmp_path):
    tasks = [{"name": "a", "id": "=REQ-1", "wcet": "1 ms", "period": "9 ms"}, {"name": "b", "wcet": 1, "period": 9}]
    study = {
        "system": {"platform": "multicore:2", "tasks": tasks},
        "axes": {"tasks.a.wcet": ["1 ms"]},
        "policies": "edf",
    }
    for do, until in (("analyse", {}), ("simulate", {"until": "18 ns"})):
        results = rtsched.sweep({**study, "do": do, "per_task": True, **until}, jobs=1)
        ids = {record["task"]: record["id"] for record in results.records()}
        assert ids == {None: None, "a": "=REQ-1", "b": None}
        rows = list(csv.DictReader(io.StringIO(written(results, ".csv", tmp_path).decode())))
        assert {row["task"]: row["id"] for row in rows} == {"": "", "a": "'=REQ-1", "b": ""}
        results.write(tmp_path / f"{do}.db")
        base = sqlite3.connect(tmp_path / f"{do}.db")
        assert set(base.execute("SELECT DISTINCT task, id FROM long")) == set(ids.items())
        base.close()


def test_what_came_to_nothing_is_in_every_table(tmp_path):
    results = rtsched.sweep(SMALL, jobs=1, policies={"G": "edf", "mine": Raises}, sets=12)
    failed = results.statuses()["error"]
    assert failed
    rows = list(csv.DictReader(io.StringIO(written(results, ".csv", tmp_path).decode())))
    assert sum(row["status"] == "error" and "KeyError" in row["note"] for row in rows) == failed
    results.write(tmp_path / "out.db")
    base = sqlite3.connect(tmp_path / "out.db")
    assert base.execute("SELECT count(*) FROM long WHERE status = 'error' AND note LIKE '%KeyError%'").fetchone() == (
        failed,
    )
    base.close()
    assert f"({failed // 2 + failed % 2} lacking)" in written(results, ".tex", tmp_path).decode() or failed % 2 == 0


def test_parquet_is_the_long_table(whole, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    results = Results.open(whole)
    first = written(results, ".parquet", tmp_path)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.to_pylist() == [
        {**record, "value": None if record["value"] is None else float(record["value"])} for record in results.records()
    ]
    assert table.schema.metadata[b"study"] == results.outline.digest.encode()
    assert written(Results.open(whole), ".parquet", tmp_path) == first


def test_a_table_for_latex(whole):
    from rtsched.experiment.latex import table

    results = Results.open(whole)
    lines = table(results, "proven").splitlines()
    assert lines[0].endswith(f"({results.outline.digest}): preview: n = 4 systems a point, 95 % intervals.")
    assert r"utilisation of the processors & G & R \& M \\" in lines
    assert r"& \multicolumn{2}{c}{proven schedulable (\%)} \\" in lines
    estimate = results.estimates("proven")[1].band
    (row,) = [line for line in lines if line.startswith("0.5 & ")]
    assert row.endswith(f" & {100 * estimate.mean:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}] \\\\")
    with pytest.raises(InputError, match="no run of this study has 'speed'; there are miss_ratio, no_miss, proven"):
        table(results, "speed")


def test_frames(whole):
    pandas = pytest.importorskip("pandas")
    results = Results.open(whole)
    values = results.to_frame()
    assert isinstance(values, pandas.DataFrame)
    assert values.to_dict("list").keys() == next(results.records()).keys()
    estimates = rtsched.to_frame(results, "estimates")
    of = estimates[(estimates["metric"] == "no_miss") & (estimates["policy"] == "G")]
    assert list(of["generate.utilisation"]) == [0.5, 0.9]
    assert list(of["mean"]) == [each.band.mean for each in results.estimates("no_miss") if each.policy == "G"]
    with pytest.raises(InputError, match="no table of a study is called 'jobs'; known: values, estimates"):
        results.to_frame("jobs")
    runs = rtsched.compare("dhall", ["edf", "rm"], 2, jobs=1).to_frame()
    assert list(runs["policy"]) == ["edf", "edf", "rm", "rm"]
    with pytest.raises(InputError, match="a Comparison is one table"):
        rtsched.to_frame(rtsched.compare("dhall", "edf", 1, jobs=1), "jobs")


def test_what_cannot_be_written_is_told(whole, tmp_path, monkeypatch):
    results = Results.open(whole)
    with pytest.raises(InputError, match=r"out.xls: a study is written as .csv, .parquet, .db, .json, .tex; rename it"):
        results.write(tmp_path / "out.xls")
    with pytest.raises(InputError, match=r".csv holds all metrics, not 'no_miss' alone; name none, or write .tex"):
        results.write(tmp_path / "out.csv", "no_miss")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pyarrow is not installed; pip install 'rtsched\[parquet\]', or write .csv"):
        results.write(tmp_path / "out.parquet")
    assert not list(tmp_path.iterdir())


def test_an_error_in_the_middle_leaves_the_old_file(whole, tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fails(self):
        yield {"point": 0}
        raise KeyError("in the middle")

    monkeypatch.setattr(Results, "records", fails)
    with pytest.raises(KeyError):
        Results.open(whole).write(path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


def test_json_is_the_study(whole, tmp_path):
    results = Results.open(whole)
    assert json.loads(written(results, ".json", tmp_path)) == results.to_dict()


def test_the_digest_on_figures_is_of_what_was_studied_and_not_of_the_source_that_did_it(tmp_path):
    outline = rtsched.sweep(generate={"tasks": 2}, policies=["edf"], sets=1, until="50 ms").outline
    assert replace(outline, code="another", base="another").digest == outline.digest
    for other in ({"sets": 2}, {"contents": ("another",)}, {"fingerprints": ("another",)}, {"version": "9"}):
        assert replace(outline, **other).digest != outline.digest
