"""Where an execution time is from: what each kind must say, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import rtsched
from rtsched.errors import InputError
from rtsched.model.config import to_yaml
from rtsched.model.origin import BASES, Provenance, fewest_runs
from rtsched.model.system import System

CHIP = {"name": "chip", "processors": {"cpu": {"cores": 1}, "npu": {"kind": "npu"}}}


def system(origin: Any, wcet: Any = "2 ms", **more: Any) -> System:
    task = {"name": "a", "wcet": wcet, "origin": origin, "period": "10 ms"}
    return System.model_validate({"platform": CHIP, "tasks": [task], **more}, context={"file": "a.yaml"})


def task_of(source: System, **how: Any) -> Any:
    return rtsched.load(source).lower(**how).tasks[0]


@pytest.mark.parametrize(
    ("about", "text"),
    [
        ({"n": 5}, "tasks.a.origin: 'kind' is missing; add it"),
        ({"kind": "wild"}, "kind: "),
        ({"kind": "budget"}, "a budget needs 'enforced_by'"),
        ({"kind": "percentile", "q": 0.99}, "needs 'q' (e.g. 0.99) and 'n'"),
        ({"kind": "percentile", "q": 0.99, "n": 99}, "of 99 runs there is no percentile 0.99; it takes 100 at least"),
        ({"kind": "pwcet"}, "a pwcet needs 'p'"),
        ({"kind": "high-water", "margin": 1.2}, "a margin needs a 'reason'"),
        ({"kind": "high-water", "reason": "habit"}, "add 'margin'"),
        ({"kind": "declared", "margin": 1.2, "reason": "habit"}, "not with declared; leave it out"),
        ({"kind": "high-water", "q": 0.9}, "'q' goes with kind percentile, not with high-water"),
        ({"kind": "declared", "sha256": "abc"}, "sha256"),
        ({"kind": "declared", "baord": "x"}, "unknown key 'baord'; did you mean 'board'"),
        ({"npu": {"kind": "declared"}}, "'origin' names 'npu', which has no wcet here; it has: one time for all"),
    ],
)
def test_what_an_origin_lacks_is_said(about: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as caught:
        system(about)
    assert text in str(caught.value)


def test_an_origin_without_a_wcet_is_refused() -> None:
    with pytest.raises(InputError, match="there is none beside it"):
        rtsched.load({"platform": CHIP, "tasks": [{"name": "a", "network": "x", "origin": {"kind": "declared"}}]})


def test_a_plain_wcet_is_declared_and_says_nothing() -> None:
    task = task_of(system(None))
    assert (task.basis, task.origins, task.nodes[0].origins) == ("declared", (), ())


def test_an_origin_may_differ_by_cluster_and_comes_along() -> None:
    measured = {"kind": "high-water", "n": 5000, "margin": 1.2, "reason": "habit", "file": "npu.csv"}
    task = task_of(system({"npu": measured}, {"cpu": "2 ms", "npu": "1 ms"}))
    assert task.basis == "high-water"
    cpu, npu = task.nodes[0].origins
    assert cpu is None
    assert (npu.basis, npu.statistic, npu.n, npu.margin, npu.source) == ("high-water", "max*1.2", 5000, 1.2, "npu.csv")
    assert npu.text == "task 'a' on npu: the largest of 5000 runs × 1.2 (npu.csv)"
    assert npu.about.board is None


def test_a_measured_time_scaled_to_another_speed_was_not_measured() -> None:
    chip = {"name": "chip", "processors": {"big": {"cores": 1}, "slow": {"cores": 1, "speed": 0.5}}}
    source = system({"kind": "high-water", "n": 9}, platform=chip)
    fast, slow = task_of(source).nodes[0].origins
    assert (fast.basis, slow.basis) == ("high-water", "modelled")
    assert slow.text.endswith("scaled to this processor")


def test_too_few_runs_for_a_percentile_are_marked() -> None:
    assert Provenance(kind="percentile", q=0.99, n=200).too_few == fewest_runs(0.99) == 299
    assert Provenance(kind="percentile", q=0.99, n=299).too_few is None
    assert "too few runs (299 bound it at 95 %)" in Provenance(kind="percentile", q=0.99, n=200).figure


@pytest.mark.parametrize("kind", BASES)
def test_every_kind_is_kept_by_a_file(kind: str) -> None:
    more = {"budget": {"enforced_by": "OSEK"}, "percentile": {"q": 0.9, "n": 50}, "pwcet": {"p": 1e-9}}.get(kind, {})
    source = system({"kind": kind, "board": "rk3588 <b>", **more})
    again = System.model_validate(yaml.safe_load(to_yaml(source)), context={"file": "b.yaml"})
    assert again == source
    assert task_of(source).basis == kind


def test_jobs_and_variants_have_origins_too() -> None:
    origin = {"kind": "typical", "n": 9}
    source = System.model_validate(
        {
            "platform": CHIP,
            "jobs": [{"wcet": "1 ms", "deadline": "9 ms", "origin": origin}],
            "tasks": [
                {
                    "name": "v",
                    "period": "9 ms",
                    "variants": [
                        {"wcet": "3 ms", "accuracy": 0.9},
                        {"wcet": "1 ms", "accuracy": 0.5, "origin": origin},
                    ],
                }
            ],
        }
    )
    variants, job = rtsched.load(source).lower().tasks
    assert (variants.basis, job.basis) == ("typical", "typical")
    assert job.origins[0].text == "job 'job0': a typical time of 9 runs"


def test_longer_recorded_execution_times_raise_the_planned_one_and_say_so() -> None:
    arrival = {"kind": "trace", "times": [0, 20_000_000], "execution": [1_000_000, 3_000_000]}
    source = {"platform": CHIP, "tasks": [{"name": "a", "wcet": "2 ms", "deadline": "9 ms", "arrival": arrival}]}
    (origin,) = rtsched.load(source).lower().tasks[0].origins
    assert (origin.basis, origin.n) == ("high-water", 2)
    assert origin.text == "the largest of 2 recorded execution times, 3 ms, above the planned 2 ms"
