"""docs/times.md: the catalogue's verdicts under three statistics are those that its script finds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def study() -> ModuleType:
    """The script."""
    described = importlib.util.spec_from_file_location("times", ROOT / "analysis" / "times" / "times.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["adas_agx_orin", "wearable_mcu"])
def test_rows_of_the_table_are_reproduced(study: ModuleType, name: str) -> None:
    row = study.row(name)
    assert f"| {' | '.join(row)} |" in study.PAGE.read_text(encoding="utf-8")


def test_a_workload_of_declared_times_has_no_row(study: ModuleType) -> None:
    assert study.row("lehoczky") is None
