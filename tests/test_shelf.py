"""analysis/shelf: every policy is on it, its studies read and name what there is, its tables are made of runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rtsched.description import parts_of
from rtsched.experiment.study import read
from rtsched.experiment.sweep import sweep
from rtsched.model import catalogue
from rtsched.registry import POLICIES, REGISTRY

SHELF = Path(__file__).parents[1] / "analysis" / "shelf"
STUDY = read(SHELF / "shelf.yaml")
SYSTEMS = [str(point.shown[0]) for point in STUDY.points()]


def script(name: str) -> ModuleType:
    """One of the folder's scripts."""
    spec = importlib.util.spec_from_file_location(f"shelf_{name}", SHELF / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named() -> set[str]:
    """The names of all parts of all policies of the study."""
    parts = [part for choice in STUDY.policies.values() for part in parts_of(choice).values()]
    return {str(part["name"] if isinstance(part, dict) else part) for part in parts}


def test_every_policy_is_on_the_shelf_or_left_out_with_a_reason() -> None:
    own = {name for kind in POLICIES for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name)}
    out = set(script("tables").OUT)
    assert own - named() - out == set(), "write a line for it in analysis/shelf/shelf.yaml, or in OUT of its tables.py"
    assert not out & named()
    assert out <= own


def test_the_study_names_systems_that_there_are_and_the_page_shows_them() -> None:
    assert set(SYSTEMS) <= set(catalogue.names("workloads"))
    page = (SHELF / "README.md").read_text()
    assert page.count("| `xrbench_") == 14  # who is best where, and windows
    assert page.count("<!-- end of") == page.count("<!-- ") / 2 == 10


def test_the_tables_are_made_of_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = script("tables")
    monkeypatch.setattr(tables, "README", tmp_path / "README.md")
    names = ("standings", "few", "answers", "systems", "claims", "erring", "refusals", "out", "windows", "counts")
    (tmp_path / "README.md").write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in names))
    measured = "a_second,100,\ngraham,LSF,a_second,25,\ngraham,,gap,0,1 s, 2 jobs\ngraham,EDF,regret,0.5,\n"
    (tmp_path / "measured.csv").write_text(
        f"system,policy,what,value,note\ngraham,EDF,{measured}graham,LSF,regret,0.25,\n"
    )
    (tmp_path / "papers.csv").write_text("policy,figure,published\nLSF,misses,0.5\n")
    for name, more in (("shelf", []), ("erring", ["set={estimates.bias: 3}"])):
        sweep(
            overrides=more, axes={"system": ["band_phone", "graham"]}, database=tmp_path / f"{name}.db", jobs=1,
            policies={"EDF": "edf", "LSF": "band-lsf", "XR": "xrbench"}, metrics=["miss_ratio"], until="400 ms",
        )  # fmt: skip
    tables.main([str(tmp_path / name) for name in ("shelf.db", "erring.db", "measured.csv", "papers.csv")])
    page = (tmp_path / "README.md").read_text()
    assert "| EDF | 2 |" in page
    assert "| 25 % (50 %) | 0.25 |" in page
    assert "| `graham` | 2 |" in page
    assert "| XR | 2 | the frames of a task must be free to overlap | 2 |" in page
    assert "| LSF | misses | 0.5 |" in page


def test_a_regret_and_the_decisions_of_a_policy_are_measured() -> None:
    measure = script("measure")
    rows = [*measure.regrets("graham", {"EDF": "edf"}), *measure.costs("graham", {"EDF": "edf", "XR": "xrbench"})]
    assert [(policy, what) for _, policy, what, _, _ in rows] == [("", "gap"), ("EDF", "regret"), ("EDF", "a_second")]
    assert rows[0][3] == 0
    assert rows[2][3] > 0


def test_a_papers_figure_stands_beside_ours_with_direction_and_factor() -> None:
    papers = script("papers")
    claim = papers.Claim("P", "misses in EDF's", 0.5, "abstract", lambda: 1.5, "why")
    assert claim.row() == ("P", "misses in EDF's", "0.5", "abstract", "1.5", "wrong, 3.0", "why")


def test_the_load_that_a_policy_bears_is_that_of_the_theorem() -> None:
    """Two tasks of utilisation 2/5 + 4/7 = 0.971: EDF bears it whole and no tenth more; rate monotonic does not."""
    papers = script("papers")
    assert papers.most_load("buttazzo_rm_edf", "edf") == pytest.approx(1.0)
    assert papers.most_load("buttazzo_rm_edf", "rm") < 1.0
