"""Accuracies of unlike kinds are never one mean in a study, whether a system has several of them or systems differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.experiment.measures import may_differ, unlike
from rtsched.experiment.study import Study

#: One network a system: some are judged by mIoU, some by mAP, some by right answers.
DRAWN: dict[str, Any] = {
    "generate": {
        "platform": "snapdragon_8gen3",
        "networks": {"variants": True, "units": ["npu"], "tolerance": 0.5},
        "tasks": 1,
        "utilisation": 0.3,
    },
    "policies": ["edf+nonpreemptive"],
    "metrics": ["accuracy", "effective_accuracy", "kept_accuracy"],
    "sets": 12,
    "until": "300 ms",
}
#: What is counted is an axis.
JUDGED: dict[str, Any] = {
    "system": {
        "platform": "uniprocessor",
        "tasks": [{"name": "a", "wcet": "2 ms", "period": "10 ms", "accuracy": 0.8, "measure": "miou"}],
    },
    "axes": {"tasks.a.measure": ["miou", "top1"]},
    "policies": ["edf"],
    "metrics": ["effective_accuracy"],
    "until": "1 s",
}


def test_systems_that_are_drawn_have_their_accuracies_apart() -> None:
    results = rtsched.sweep(DRAWN, jobs=1)
    apart = [metric for metric in results.metrics if metric.startswith("effective_accuracy")]
    assert len(apart) >= 2
    assert "effective_accuracy" not in apart
    seen = dict.fromkeys(apart, 0)
    for row in results:
        mine = [metric for metric in apart if row.values.get(metric) is not None]
        assert len(mine) == 1
        assert row.values["effective_accuracy"] is None
        seen[mine[0]] += 1
    for metric in apart:
        (estimate,) = results.estimates(metric)
        assert estimate.band is not None
        assert estimate.band.count == seen[metric]
        assert estimate.lacking == 12 - seen[metric]
    (kept,) = results.estimates("kept_accuracy")
    assert kept.lacking == 0


def test_an_axis_that_changes_what_is_counted_keeps_it_apart() -> None:
    results = rtsched.sweep(JUDGED, jobs=1)
    assert results.metrics == ("effective_accuracy.miou", "effective_accuracy.top1")
    for place, measure in enumerate(("miou", "top1")):
        found = results.estimates(f"effective_accuracy.{measure}")
        assert [each.band is not None for each in found] == [at == place for at in range(2)]


def test_where_all_count_the_same_the_name_stays() -> None:
    plain = JUDGED | {"axes": {"tasks.a.wcet": ["2 ms", "3 ms"]}}
    assert rtsched.sweep(plain, jobs=1).metrics == ("effective_accuracy",)
    assert not may_differ(Study.model_validate(plain))


@pytest.mark.parametrize(
    "axis", ["tasks.a.variants.family", "tasks.a.measure", "tasks.a.exit_family", "tasks.a.variants", "system"]
)
def test_what_may_change_what_is_counted(axis: str) -> None:
    described = {key: value for key, value in JUDGED.items() if key != "system" or axis != "system"}
    assert may_differ(Study.model_validate(described | {"axes": {axis: ["one", "two"]}}))


def test_the_command_says_that_they_have_no_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (said,) = unlike(["effective_accuracy.miou", "miss_ratio", "accuracy.miou", "effective_accuracy.top1"])
    assert said.startswith("accuracies that count different things (miou, top1) have no common mean")
    assert not list(unlike(["effective_accuracy.miou", "miss_ratio"]))
    named = "platform: uniprocessor\ntasks: [{name: a, wcet: 2 ms, period: 10 ms, accuracy: 0.8, measure: miou}]\n"
    (tmp_path / "s.yaml").write_text(named)
    (tmp_path / "study.yaml").write_text(
        "system: s.yaml\npolicies: [edf]\nmetrics: effective_accuracy\nuntil: 1 s\naxes: {tasks.a.measure: [miou, top1]}\n"
    )
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["sweep", "study.yaml", "-j", "1"], catch_exceptions=False)
    assert result.exit_code == 0
    assert said in result.output
