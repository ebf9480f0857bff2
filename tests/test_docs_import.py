"""The page on other tools' files shows what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.consoles import check, shown

ROOT = Path(__file__).parents[1]


def test_what_is_shown_is_what_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    consoles = shown((ROOT / "docs" / "import.md").read_text())
    assert len(consoles) == 2
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    for line, printed in consoles:
        check(line, printed)
