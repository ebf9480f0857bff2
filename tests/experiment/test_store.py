"""The database of a study: what is in it, and what it refuses."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from rtsched.errors import InputError
from rtsched.experiment.outline import Outline, Run
from rtsched.experiment.store import Row, Store

OUTLINE = Outline(
    name="o", axes=("a",), points=((1,), (2,)), contents=("x", "y"), policies=("edf", "rm"), fingerprints=("e", "r"),
    sets=2, seeds=(0, 5), metrics=("m",), do="simulate", base="b", study={},
)  # fmt: skip


def rows():
    runs = (run for point in range(2) for number in range(2) for run in OUTLINE.runs(point, number))
    return [Row(run, "ok", "", {"m": run.seed / 3, "n": None}, ({"task": "t", "jobs": 3},), False) for run in runs]


def filled(path):
    store = Store(path)
    store.begin(OUTLINE)
    store.add([(OUTLINE.key(row.run), row) for row in reversed(rows())])
    return store


def test_rows_come_back_as_they_were_in_the_order_of_the_study(tmp_path):
    with filled(tmp_path / "s.db"):
        pass
    with Store(tmp_path / "s.db", new=False) as store:
        assert store.outline() == OUTLINE
        assert list(store.rows(store.outline())) == rows()


def test_a_study_that_has_changed_finds_what_it_shares():
    store = filled(None)
    wider = replace(
        OUTLINE, points=((2,), (3,)), contents=("y", "z"), seeds=(5,), policies=("rm",), fingerprints=("r",)
    )
    keys = {wider.key(run): run for number in range(2) for point in range(2) for run in wider.runs(point, number)}
    missing = store.missing(list(keys))
    assert sorted((keys[key].point, keys[key].set) for key in missing) == [(1, 0), (1, 1)]


def test_keys_depend_on_all_that_a_run_depends_on():
    run = Run(1, 1, 1, 5)
    others = [
        replace(OUTLINE, base="c"),
        replace(OUTLINE, contents=("x", "w")),
        replace(OUTLINE, fingerprints=("e", "s")),
    ]
    assert len({outline.key(run) for outline in [OUTLINE, *others]}) == 4
    assert len({OUTLINE.key(row.run) for row in rows()}) == 16
    assert replace(OUTLINE, name="other", sets=9, points=((1,), (7,)), seeds=(5, 6)).key(run) == OUTLINE.key(run)


def test_rows_of_another_rtsched_are_not_mixed_in(tmp_path):
    filled(tmp_path / "s.db").base.close()
    with (
        Store(tmp_path / "s.db") as store,
        pytest.raises(InputError, match=r"holds runs of rtsched .* and this is 9\.9"),
    ):
        store.begin(replace(OUTLINE, version="9.9"))


def test_failed_runs_are_forgotten_when_asked():
    store = filled(None)
    row = rows()[3]
    store.add([(OUTLINE.key(row.run), replace(row, status="timeout"))])
    assert [store.forget("error"), store.forget("timeout")] == [0, 1]
    assert len(list(store.rows(OUTLINE))) == 15


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.write_text("tasks: []\n" * 200), "is no database that can be read"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE a (b)"), "is a database, but not of a study"),
        (lambda path: path.mkdir(), "cannot be opened"),
    ],
)
def test_what_is_no_database_of_a_study_is_left_alone(tmp_path, make, problem):
    make(tmp_path / "s.db")
    with pytest.raises(InputError, match=problem):
        Store(tmp_path / "s.db")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DROP TABLE runs", "lacks what the database of a study has"),
        ("UPDATE study SET value = '{}'", "is of another version of rtsched, or damaged; use that version"),
        ("UPDATE study SET value = 'x'", "is of another version of rtsched, or damaged"),
        ("UPDATE study SET value = json_set(value, '$.format', 7)", "is of another version of rtsched"),
        ("UPDATE runs SET found = '{'", "holds a row that cannot be read"),
        ("UPDATE runs SET tasks = 3", "holds a row that cannot be read"),
    ],
)
def test_a_database_that_is_not_as_it_was_written_is_told(tmp_path, change, problem):
    with filled(tmp_path / "s.db") as store:
        store.base.execute(change)
    with pytest.raises(InputError, match=f"s.db: {problem}"), Store(tmp_path / "s.db", new=False) as store:
        list(store.rows(store.outline()))


def test_a_database_that_is_write_protected_is_told(tmp_path):
    with filled(tmp_path / "s.db") as store:
        store.base.execute("PRAGMA query_only=1")
        with pytest.raises(InputError, match=r"s.db: is write-protected; choose another place"):
            store.begin(OUTLINE)


def test_a_full_disk_keeps_what_was_written(tmp_path):
    store = filled(tmp_path / "s.db")
    store.base.execute(f"PRAGMA max_page_count={store.base.execute('PRAGMA page_count').fetchone()[0]}")
    more = [Row(Run(0, number, 0, number), "ok", "x" * 1000) for number in range(2, 500)]
    with pytest.raises(InputError, match="the disk is full; make room: what was written so far is kept"):
        store.add([(OUTLINE.key(row.run), row) for row in more])
    assert len(list(store.rows(OUTLINE))) == 16
