"""`rtsched show`: everything by its name."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import rtsched


@pytest.mark.parametrize(
    "name", ["uniprocessor", "rk3588", "drone_xavier_nx", "edf", "first-fit", "cbs", "yolov8n", "multicore:3"]
)
def test_show_knows_everything_by_name(name: str) -> None:
    result = rtsched("show", name)
    assert result.exit_code == 0, result.exception
    assert name.split(":")[0] in result.output
    json.loads(rtsched("show", name, "--json").output)
