"""docs/policies.md is what its script writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
AGAIN = "docs/policies.md is not what `python analysis/shelf/policies.py` writes: run it"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("policies", ROOT / "analysis" / "shelf" / "policies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_policy_has_its_line(script: ModuleType) -> None:
    page = (ROOT / "docs" / "policies.md").read_text()
    assert page.startswith(script.HEAD + "".join(script.tables())), AGAIN


def test_what_proofs_know_is_what_they_use(script: ModuleType) -> None:
    page = (ROOT / "docs" / "policies.md").read_text()
    assert page.endswith(script.PROOFS + "".join(script.proofs())), AGAIN


@pytest.mark.slow  # runs every two parts together
def test_what_goes_together_does(script: ModuleType) -> None:
    assert (ROOT / "docs" / "policies.md").read_text() == script.page(), AGAIN
