"""What is still to be done: a point ends when its intervals are narrow, and the study goes no further than that."""

from __future__ import annotations

import sqlite3

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.experiment import rounds
from rtsched.experiment.results import Results
from tests.experiment.test_sweep import STUDY, rows

WIDE = {**STUDY, "metrics": "no_miss", "sets": 60, "axes": {"generate.utilisation": [0.4, 0.95]}}
STOP = {"width": 0.2, "every": 20}


def test_a_study_that_ends_early_has_its_own_sets_alone_whatever_was_run_before(tmp_path):
    alone = rtsched.sweep(WIDE, stop=STOP, jobs=1)
    rtsched.sweep(WIDE, database=tmp_path / "s.db", jobs=1)
    after = rtsched.sweep(WIDE, stop=STOP, database=tmp_path / "s.db", jobs=1)
    assert rows(after) == rows(alone)
    assert rows(Results.open(tmp_path / "s.db")) == rows(alone)
    whole = rtsched.sweep(WIDE, database=tmp_path / "s.db", jobs=1)  # without the rule all are there again
    assert whole.known.statuses.total() == 240
    fewer = rtsched.sweep(WIDE, sets=5, database=tmp_path / "s.db", jobs=1)
    assert fewer.known.statuses.total() == 20


def test_an_interval_of_few_values_is_not_believed(monkeypatch):
    """Two values that are nearly the same have a narrow one by Student's t; shares of 0 and 1 alone have Wilson's."""
    asked = {**WIDE, "metrics": "response", "axes": {"generate.utilisation": [0.4]}, "policies": "edf"}
    results = rtsched.sweep(asked, stop={"width": 1e12, "every": 10}, jobs=1)
    assert results.known.counts[0, 0].units == rounds.LEAST
    shares = rtsched.sweep({**asked, "metrics": "no_miss"}, stop={"width": 0.3, "every": 10}, jobs=1)
    assert shares.known.counts[0, 0].units == 10


def test_a_database_that_says_nonsense_of_its_sets_is_told(tmp_path):
    rtsched.sweep(WIDE, sets=5, database=tmp_path / "s.db", jobs=1)
    with sqlite3.connect(tmp_path / "s.db") as base:
        base.execute("INSERT INTO study VALUES ('reach', '[3]')")
    with pytest.raises(InputError, match=r"s.db: is damaged; name another file"):
        list(Results.open(tmp_path / "s.db"))
