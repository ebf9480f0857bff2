"""A system on other boards, in other power modes, under other policies."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

import rtsched
from rtsched.alternatives import alternatives, search
from rtsched.alternatives.answer import FORMAT, told
from rtsched.errors import InputError
from rtsched.verify.verification import verify
from tests.cli.command import ended
from tests.cli.command import rtsched as command
from tests.metrics.test_summary import validate

MS = 1_000_000
CHIP = {
    "name": "chip",
    "processors": {"cpu": {"kind": "cpu", "cores": 2}},
    "power_modes": {"low": {"cpu": {"cores": 1}}, "high": {"cpu": {"cores": 2}}},
}
TASKS = [{"name": name, "wcet": 4 * MS, "period": 10 * MS} for name in "abc"]
SYSTEM = {"name": "s", "platform": CHIP, "scheduler": "edf+first-fit", "tasks": TASKS}


def rows(source: Any, **options: Any) -> list[tuple[Any, ...]]:
    found = alternatives(source, **options)
    return [(row.platform, row.mode, row.scheduler, row.verdict) for row in found.rows]


def test_each_row_is_what_an_analysis_says() -> None:
    found = alternatives(SYSTEM, platforms=["file"], schedulers=["file", "dm+first-fit"])
    assert [(row.mode, row.scheduler) for row in found.rows] == [
        (mode, policy) for mode in (None, "low", "high") for policy in ("edf + first-fit, preemptive", "dm+first-fit")
    ]
    assert [row.verdict for row in found.rows] == ["schedulable"] * 2 + ["unschedulable"] * 2 + ["schedulable"] * 2
    assert found.rows[0].own
    assert not any(row.own for row in found.rows[1:])
    low = verify({**SYSTEM, "power": {"mode": "low"}}, runs=0)
    assert found.rows[2].breakdown == float(low.breakdown or 0) < 1
    assert found.rows[2].margin.startswith("must shrink by ")
    assert found.rows[2].open
    assert "use 120" in found.rows[2].reason or found.rows[2].reason
    assert len(found.proven) == 4


def test_what_is_named_is_looked_at_and_nothing_else() -> None:
    assert rows(SYSTEM, platforms=["file"], modes=["low"], schedulers=["edf"]) == [
        ("chip", "low", "edf", "unschedulable")
    ]
    assert rows(SYSTEM, platforms=["uniprocessor"], modes=["file"], schedulers=["edf"]) == [
        ("uniprocessor", None, "edf", "unschedulable")
    ]


def test_times_that_nobody_measured_there_prove_nothing() -> None:
    (row,) = alternatives(SYSTEM, platforms=["multicore:4"], schedulers=["edf+first-fit"]).rows
    assert (row.verdict, row.basis, row.carried) == ("schedulable", "modelled", ("a", "b", "c"))


def test_boards_that_lack_something_are_listed_with_all_of_it() -> None:
    tasks = [{"name": name, "network": "yolov8n", "period": 100 * MS} for name in ("one", "two")]
    found = alternatives({"platform": "rk3588", "tasks": tasks}, platforms=["stm32h7a3"], schedulers=["edf"])
    assert not found.rows
    assert len(found.lacking["stm32h7a3"]) == 2
    assert "tasks 'one', 'two': network 'yolov8n' has no latency (it has on" in found.text()
    assert told("x", ["planner.core: no"]) == ["planner.core: no"]


def test_without_boards_its_family_and_all_that_were_measured_are_looked_at() -> None:
    tasks = [{"name": "a", "network": {"network": "yolov8n", "input": "640x640"}, "period": 100 * MS}]
    found = alternatives({"platform": "rk3588", "tasks": tasks}, schedulers=["edf"])
    assert {row.platform for row in found.rows} >= {"rk3588"}
    assert all(row.platform.startswith("rk") or not row.carried for row in found.rows)
    assert found.others


def test_energy_is_that_of_a_run_and_not_known_where_nobody_measured_it() -> None:
    power = {"active": "100 mW", "idle": "10 mW"}
    known = {"name": "known", "processors": {"cpu": {"kind": "cpu", "power": power}}}
    tasks = [{"name": "a", "wcet": 5 * MS, "period": 10 * MS}]
    first, = alternatives({"platform": known, "tasks": tasks, "simulate": {"until": 100 * MS}}, platforms=["file"],
                          schedulers=["edf"], energy=True).rows  # fmt: skip
    assert first.energy is not None
    assert first.energy.mean_power == pytest.approx(55)
    unknown = alternatives(SYSTEM, platforms=["file"], modes=["file"], schedulers=["edf"], energy=True)
    assert str(unknown.rows[0].energy) == "not known"
    assert unknown.to_dict()["alternatives"][0]["mean_power_mw"] is None


def test_a_policy_that_does_not_go_with_the_system_is_refused_in_its_row() -> None:
    (row,) = alternatives(SYSTEM, platforms=["file"], modes=["file"], schedulers=["edf+cycle-conserving"]).rows
    assert row.verdict == "refused"
    assert row.reason


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modes": ["maxn"]}, "none of these boards has such a power mode; known: low, high"),
        ({"schedulers": ["edff"]}, "edff"),
        ({"platforms": ["nowhere"]}, "nowhere"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        alternatives(SYSTEM, **{"platforms": ["file"], **options})


def test_too_many_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 2)
    with pytest.raises(InputError, match="more than 2; name some boards"):
        alternatives(SYSTEM, platforms=["file"])


def test_an_interruption_keeps_what_was_done() -> None:
    def progress(done: int, _total: int, _failed: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alternatives(SYSTEM, platforms=["file"], progress=progress)
    found = alternatives(SYSTEM, platforms=["file"], progress=progress, keep_partial=True)
    assert (len(found.rows), found.left > 0, found.to_dict()["partial"]) == (2, True, True)
    assert "PARTIAL: interrupted" in found.text()


def test_it_is_public_and_shows_itself() -> None:
    found = rtsched.alternatives(SYSTEM, platforms=["file"], modes=["file"], schedulers=["edf"])
    assert repr(found) == "<Alternatives of 's': 1 analysed, 1 proven>"
    assert "<table" in found._repr_html_()


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    name = "=cmd|' /C'!A0\x1b[31m<b>"
    found = alternatives({**SYSTEM, "tasks": [{**TASKS[0], "name": name, "wcet": 11 * MS}]}, platforms=["file"])
    assert "\x1b" not in found.text()
    assert "!A0<b>" not in found._repr_html_()
    for row in csv.reader(io.StringIO(found.csv())):
        assert not any(cell.startswith(("=", "@")) for cell in row)


# ---- the command -----------------------------------------------------------------------------------------------------

ASKED = ("what-if", "burns_wellings", "--platforms", "file", "-s", "file,edf")


def test_the_command_prints_a_table() -> None:
    printed = command(*ASKED)
    assert printed.exit_code == 0
    assert "board" in printed.output
    assert "uniprocessor (the file)" in printed.output
    assert "Proven: 1 of 2 alternatives." in printed.output


def test_the_command_prints_json_by_its_schema() -> None:
    data = json.loads(command(*ASKED, "--json").output)
    schema = json.loads(command("schema", "alternatives").output)
    validate(data, schema)
    assert (data["format"], data["partial"]) == (FORMAT, False)
    assert [row["verdict"] for row in data["alternatives"]] == ["unschedulable", "schedulable"]


def test_the_command_writes_csv() -> None:
    lines = list(csv.DictReader(io.StringIO(command(*ASKED, "--csv", "-").stdout)))
    assert [line["verdict"] for line in lines] == ["unschedulable", "schedulable"]


def test_the_command_refuses_a_length_of_no_run() -> None:
    assert ended(*ASKED, "--until", "1 s").exit_code == 2


def test_all_alternatives_take_the_figure_that_is_asked_for() -> None:
    """As `analyse` takes it; what is asked for stands in every form of the answer."""
    found = alternatives("wearable_mcu", platforms=["file"], schedulers=["file"], wcet="max*1.2")
    alone = verify("wearable_mcu", wcet="max*1.2", runs=0)
    assert found.rows[0].breakdown == float(alone.breakdown or 0)
    assert found.wcet == found.to_dict()["wcet"] == "max*1.2"
    assert "Of measured times the figure 'max*1.2' counts as C, everywhere." in found.text()
    assert alternatives("wearable_mcu", platforms=["file"], schedulers=["file"]).to_dict()["wcet"] is None
    assert "most" in ended("what-if", "wearable_mcu", "--wcet", "most").output
