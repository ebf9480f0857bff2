"""analysis/shelf: its studies read and name policies and systems that there are, and its tables are made of their runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rtsched.experiment.study import read
from rtsched.experiment.sweep import sweep
from rtsched.model import catalogue

SHELF = Path(__file__).parents[1] / "analysis" / "shelf"


@pytest.mark.parametrize("name", ["shelf", "erring"])
def test_the_studies_of_the_shelf_name_what_there_is(name: str) -> None:
    study = read(SHELF / f"{name}.yaml")
    systems = [str(point.shown[0]) for point in study.points()]
    assert len(systems) > 20
    assert set(systems) <= set(catalogue.names("workloads"))
    assert (SHELF / "README.md").read_text().count("`xrbench_") == 7


def test_the_tables_are_made_of_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("tables", SHELF / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    monkeypatch.setattr(tables, "README", tmp_path / "README.md")
    names = ("standings", "systems", "claims", "erring", "refusals")
    (tmp_path / "README.md").write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in names))
    monkeypatch.setattr(tables, "CLAIMS", (("LSF", "EDF", "misses", "-10 %", "why"),))
    for name, more in (("shelf", []), ("erring", ["set={estimates.bias: 3}"])):
        sweep(
            overrides=more, axes={"system": ["band_phone", "graham"]}, database=tmp_path / f"{name}.db", jobs=1,
            policies={"EDF": "edf", "LSF": "band-lsf", "XR": "xrbench"}, metrics=["miss_ratio"], until="400 ms",
        )  # fmt: skip
    tables.main([str(tmp_path / "shelf.db"), str(tmp_path / "erring.db")])
    page = (tmp_path / "README.md").read_text()
    assert "| EDF | 2 |" in page
    assert "| `graham` | 2 |" in page
    assert "| XR | 2 | xrbench: the frames of a task must be free to overlap |" in page
    assert "| LSF | EDF | misses | -10 % |" in page
