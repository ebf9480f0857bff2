"""What a verdict rests on: the weakest kind of time it depends on, in words, in JSON and in colour."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import Result

from rtsched.errors import InputError
from rtsched.report import sections
from rtsched.report.blocks import VerdictBox
from rtsched.report.content import Report
from rtsched.verify import words
from rtsched.verify.basis import basis_of, headline
from rtsched.verify.criticality import levels
from rtsched.verify.document import to_dict
from rtsched.verify.requirements import requirements
from rtsched.verify.shown import proof
from rtsched.verify.verification import Verification, verify
from tests.cli.command import rtsched as command

CHIP = {"name": "chip", "processors": {"cpu": {"cores": 1}, "npu": {"kind": "npu"}}}
MAXIMA = {"kind": "high-water", "n": 5000, "margin": 1.2, "reason": "habit", "file": "npu.csv"}


def found(*tasks: dict[str, Any], runs: int = 0, **more: Any) -> Verification:
    """What is known of tasks on a core, the first the most urgent."""
    rows = [{"wcet": "2 ms", "period": "10 ms"} | task for task in tasks]
    return verify({"name": "s", "platform": CHIP, "scheduler": "fp", "tasks": rows} | more, runs=runs)


@pytest.mark.parametrize(
    ("origin", "line", "look"),
    [
        (None, "SCHEDULABLE for declared bounds", "schedulable"),
        ({"kind": "analysed", "tool": "aiT"}, "SCHEDULABLE for analysed bounds", "schedulable"),
        ({"kind": "budget", "enforced_by": "OS"}, "SCHEDULABLE for enforced budgets", "schedulable"),
        (MAXIMA, "SCHEDULABLE if no job exceeds the measured maxima (n = 5000, × 1.2)", "conditional"),
        ({"kind": "high-water"}, "SCHEDULABLE if no job exceeds the measured maxima (n not stated)", "conditional"),
        (
            {"kind": "pwcet", "p": 1e-9},
            "SCHEDULABLE if no job exceeds its probabilistic bound (p = 1e-09 per run)",
            "conditional",
        ),
        ({"kind": "percentile", "q": 0.99, "n": 500}, "NO PROOF: percentiles (all is in time at these)", "unknown"),
        ({"kind": "typical"}, "NO PROOF: typical values (all is in time at these)", "unknown"),
        ({"kind": "modelled"}, "NO PROOF: modelled values (all is in time at these)", "unknown"),
    ],
)
def test_each_kind_words_and_looks_as_it_is_worth(origin: Any, line: str, look: str) -> None:
    verdict = found({"name": "a", "origin": origin})
    assert verdict.verdict == "schedulable"
    assert words.verdict(verdict).split("\n")[0] == f"s: {line}"
    assert (verdict.proven, verdict.conditional) == (look == "schedulable", look == "conditional")
    report = Report(verdict, "2026-01-31")
    box = sections.verdict(report)[0]
    assert isinstance(box, VerdictBox)
    assert box.look == look
    marks = {"schedulable": "✓", "conditional": "(✓)", "unknown": "~"}
    assert sections.row(report, 0)[0] == marks[look]
    assert proof(verdict)["bounds"][0]["verdict"] == {"unknown": "no proof"}.get(look, look)
    words_of_requirement = {"schedulable": "proven", "conditional": "conditional", "unknown": "met, no proof"}
    assert requirements(verdict)[0].word == words_of_requirement[look]


def test_the_weakest_of_several_counts_and_the_number_of_runs_is_a_range() -> None:
    few, none = {"kind": "high-water", "n": 8}, {"kind": "high-water"}
    both = found({"name": "a", "origin": MAXIMA}, {"name": "b", "origin": few}, {"name": "c", "origin": none})
    text = "(n = 8 to 5000, or not stated, × 1 to 1.2)"
    assert headline(both) == ("schedulable", f" if no job exceeds the measured maxima {text}")
    weaker = found({"name": "a", "origin": MAXIMA}, {"name": "b", "origin": {"kind": "typical"}})
    assert headline(weaker) == ("no proof", ": typical values (all is in time at these)")


@pytest.mark.parametrize(
    ("first", "second", "rest"),
    [
        ({"kind": "typical"}, {"kind": "typical"}, ": not met even at typical values"),
        ({"kind": "typical"}, MAXIMA, " if jobs take the measured maxima"),
        ({"kind": "typical"}, None, " at declared bounds and typical values"),
        ({"kind": "modelled"}, {"kind": "modelled"}, " at modelled values"),
        (None, None, ""),
    ],
)
def test_a_refutation_says_at_which_times(first: Any, second: Any, rest: str) -> None:
    late = found({"name": "a", "wcet": "6 ms", "origin": first}, {"name": "b", "wcet": "6 ms", "origin": second})
    assert headline(late) == ("unschedulable", rest)


def test_what_is_less_urgent_does_not_weaken_what_is_more() -> None:
    """On a preemptive core the bound of the urgent task knows nothing of the other; on an NPU the other blocks it."""
    hard, soft = {"name": "a", "criticality": "hard"}, {"name": "b", "origin": {"kind": "typical"}}
    core = found(hard, soft)
    assert [basis_of(core, [index]) for index in (0, 1)] == ["declared", "typical"]
    assert [level.basis for level in levels(core)] == ["declared", "typical"]
    assert core.basis == "typical"
    assert str(levels(core)[0]) == "hard: schedulable (1 of 1 proven)"
    assert str(levels(core)[1]) == "soft: in time at typical values (1 of 1; no proof)"
    npu = found(hard | {"wcet": {"npu": "2 ms"}}, soft | {"wcet": {"npu": "2 ms"}})
    assert [level.basis for level in levels(npu)] == ["typical", "typical"]


def test_another_part_of_the_chip_is_another_basis_and_a_chain_has_its_own() -> None:
    typical = {"kind": "typical"}
    tasks = [{"name": "a"}, {"name": "b"}, {"name": "c", "wcet": {"npu": "1 ms"}, "origin": typical}]
    chains = [{"name": "near", "tasks": ["a", "b"], "max_reaction": "50 ms"}]
    chains.append({"name": "far", "tasks": ["a", "c"], "max_reaction": "50 ms"})
    data = to_dict(found(*tasks, chains=chains))
    assert [(each["name"], each["basis"]) for each in data["chains"]] == [("near", "declared"), ("far", "typical")]
    assert sorted(part["basis"] for part in data["parts"]) == ["declared", "typical"]
    lines = words.chains(found(*tasks, chains=chains))
    assert "max_reaction 50 ms: proven" in lines[0]
    assert "max_reaction 50 ms: kept at typical values, no proof" in lines[1]


def test_json_has_every_time_with_its_kind_and_source() -> None:
    data = to_dict(
        found({"name": "a", "wcet": {"cpu": "2 ms", "npu": "1 ms"}, "origin": {"npu": MAXIMA}, "pin": "npu"})
    )
    (node,) = data["tasks"][0]["nodes"]
    assert (node["node"], node["processors"], node["value_ns"], node["kind"]) == ("a", ["npu"], 1_000_000, "high-water")
    (origin,) = node["from"]
    assert (origin["statistic"], origin["n"], origin["margin"], origin["source"]) == ("max*1.2", 5000, 1.2, "npu.csv")
    assert origin["stated"] == MAXIMA
    assert (data["basis"], data["proven"], data["conditional"]) == ("high-water", False, True)
    shipped = to_dict(verify("wearable_mcu", runs=0))["tasks"][0]["nodes"][0]["from"][0]
    assert shipped["row"].startswith("platforms/latency.csv:")


@pytest.mark.parametrize(
    ("system", "fails"),
    [("lehoczky", ()), ("wearable_mcu", ("unproven", "conditional", "hard-unproven", "hard-conditional"))],
)
def test_fail_on_asks_for_what_a_verdict_rests_on(system: str, fails: tuple[str, ...]) -> None:
    for on in ("unproven", "conditional", *(("hard-unproven", "hard-conditional") if fails else ())):
        done: Result = command("analyse", system, "--runs", "0", "--fail-on", on)
        assert done.exit_code == int(on in fails), on
    if not fails:
        assert isinstance(
            command("analyse", system, "--runs", "0", "--fail-on", "hard-conditional").exception, InputError
        )


def test_measured_maxima_pass_unproven_and_fail_conditional(tmp_path: Any) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "platform: uniprocessor\ntasks: [{name: a, wcet: 2 ms, period: 9 ms, origin: {kind: high-water, n: 9}}]\n"
    )
    assert command("analyse", str(path), "--fail-on", "unproven").exit_code == 0
    assert command("analyse", str(path), "--fail-on", "conditional").exit_code == 1
