"""`rtsched validate`: the catalogue is valid, and every problem is named."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import answer, rtsched


def test_every_workload_of_the_catalogue_is_valid() -> None:
    for name in answer("list", "workloads")["workloads"]:
        assert rtsched("validate", name).exit_code == 0, name


def test_validate_names_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "platform: uniprocessor\ntasks:\n"
        "  - {name: a, wcet: 1, period: 5 ms}\n  - {name: b, wcet: 1 ms, perod: 5 ms, period: 0 ms}\n"
    )
    result = rtsched("validate", path, "--json")
    (entry,) = json.loads(result.output)["files"]
    assert result.exit_code == 2
    assert [problem.split(": ")[1] for problem in entry["problems"]] == [
        "tasks.a.wcet",
        "tasks.b.period",
        "tasks.b.perod",
    ]
