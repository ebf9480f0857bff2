"""``rtsched export``."""

from __future__ import annotations

import pytest

import rtsched as package
from rtsched.experiment.results import Results
from tests.cli.command import answer, ended, process


@pytest.fixture
def study(here):
    path = here / "s.db"
    axes = {"tasks.a.wcet": ["1 ms", "3 ms"]}
    system = {"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "2 ms", "period": "5 ms"}]}
    package.sweep(system=system, axes=axes, policies="edf", database=path, jobs=1)
    return path


def test_a_study_is_exported(study, here):
    result = ended("export", study, here / "out.csv")
    assert (result.exit_code, result.output) == (0, f"{here / 'out.csv'}: 2 of 2 runs\n")
    assert (
        (here / "out.csv")
        .read_text()
        .startswith("point,tasks.a.wcet,set,policy,seed,task,id,metric,value,status,note\n0,1 ms,0,edf")
    )


def test_standard_output_is_the_table_alone(study, here):
    Results.open(study).write(here / "out.csv")
    done = process("export", study, "-")
    assert done.stdout == (here / "out.csv").read_bytes()
    assert done.stderr == b"-: 2 of 2 runs\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("s.db", "s.db"), "s.db: is the study itself; name another file"),
        (("nowhere.db", "out.csv"), "nowhere.db: there is no such file; name the database of a study"),
        (("s.db", "nowhere/out.csv"), "there is no such folder"),
        (("s.db", "out.tex", "--metric", "speed"), "no run of this study has 'speed'; there are miss_ratio, no_miss"),
    ],
)
def test_what_cannot_be_exported_is_told(study, words, problem):
    result = ended("export", *words)
    assert result.exit_code == 2
    assert problem in result.output


def test_a_script_is_told_what_was_written(study, here):
    data = answer("export", study, here / "out.csv")
    assert data["file"] == str(here / "out.csv")
    assert (data["runs"], data["total"], data["ok"], data["error"], data["timeout"]) == (2, 2, 2, 0, 0)
    drawn = answer("plot", study, "-o", here / "out.svg", "--over", "tasks.a.wcet", "--size", "double")
    assert (drawn["kind"], drawn["digest"]) == ("curves", data["digest"])
    assert drawn["command"] == "rtsched plot s.db --kind curves --size double --over tasks.a.wcet"
    refused = ended("export", study, "-", "--json")
    assert "only one thing can go there" in refused.output
