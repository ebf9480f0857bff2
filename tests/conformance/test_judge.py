"""What is counted, what is refused, what is kept of an example, and what the command says and how it ends."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from tests.cli.command import answer
from tests.cli.command import rtsched as command
from tests.conformance.broken import policies

HERE = "tests.conformance.broken.policies"


def test_who_refuses_everything_has_not_been_checked() -> None:
    found = rtsched.check_scheduler(policies.Refuses, systems=2)
    assert not found.fits
    assert found.failed == ()
    assert found.refused == found.systems == 100
    assert str(found).endswith(
        "NOT CHECKED: it refuses every system, the first one with: Refuses: it wants a quantum computer"
    )


def test_systems_are_those_that_the_policy_takes() -> None:
    found = rtsched.check_scheduler("edf+early-exit", systems=2, others=False, shrink=False)
    assert found.systems - found.refused == found.row("ends").asked == 2
    assert found.refused > 2
    assert "no task has 'exits'" in found.refusal


def test_the_same_seed_is_the_same_answer() -> None:
    def told(seed: int) -> dict[str, Any]:
        return rtsched.check_scheduler("fifo", systems=3, seed=seed, others=False, shrink=False).to_dict()

    assert told(5) == told(5)
    assert told(5)["checks"] != told(6)["checks"]


def test_costs_are_counted_and_kept_out_of_what_is_compared() -> None:
    found = rtsched.check_scheduler("fifo", systems=2, only=["ends"])
    cost = found.cost()
    assert cost["decisions"] == len(found.costs) > 10
    assert 0 < cost["median_ns"] <= cost["p99_ns"]
    assert "cost" not in found.to_dict()
    assert found.to_dict(cost=True)["cost"] == cost


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"only": ["wake-up"]}, "no check is called 'wake-up'; there are ends, legal-actions"),
        ({"systems": 0}, "systems: how many, at least one"),
        ({"limit": 0}, "limit: seconds that a run may take, above 0"),
        ({"seed": -1}, "a seed is a whole number"),
        ({"system": "no_such_system"}, "no_such_system"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        rtsched.check_scheduler("fifo", **options)


def test_a_system_of_ones_own_is_checked_as_it_is() -> None:
    found = rtsched.check_scheduler("edf", system="buttazzo_rm_edf")
    assert found.fits
    assert found.systems == 1
    assert found.elsewhere == "another process has the same traces"


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_saves_what_shows_it_again(tmp_path: Path) -> None:
    ended = command(
        "check-scheduler", f"{HERE}:Idler", "--systems", "2", "--only", "work-conserving", "--save", str(tmp_path)
    )
    assert ended.exit_code == 1
    assert "FAILS: work-conserving: " in ended.stdout
    folder = tmp_path / "work-conserving"
    assert f"saved: {folder}" in ended.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["gantt.png", "system.yaml", "what.txt"]
    assert (folder / "gantt.png").read_bytes().startswith(b"\x89PNG")
    what, again = (folder / "what.txt").read_text().splitlines()
    assert what.startswith("work-conserving: ")
    words = shlex.split(again)
    assert words[:2] == ["rtsched", "check-scheduler"]
    once_more = command(*words[1:])
    assert once_more.exit_code == 1
    assert what.removeprefix("work-conserving: ") in once_more.stdout


def test_the_command_ends_well_for_who_conforms() -> None:
    ended = command("check-scheduler", "fifo", "--systems", "2", "--only", "ends", "--only", "wake-ups")
    assert ended.exit_code == 0
    assert ended.stdout.endswith("conforms: it keeps what every policy must keep, and what it claims\n")


def test_json_is_the_answer_alone() -> None:
    told = answer("check-scheduler", "fifo", "--systems", "2", "--only", "ends", "--json")
    assert told["fits"] is True
    assert told["checks"][0]["check"] == "ends"
    assert told["checks"][0]["asked"] == 2
    assert "cost" not in told
    assert "cost" in answer("check-scheduler", "fifo", "--systems", "1", "--only", "ends", "--json", "--cost")
    ended = command("check-scheduler", f"{HERE}:Refuses", "--systems", "1", "--json")
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["refusal"] == "Refuses: it wants a quantum computer"


def test_bad_input_is_told_in_a_line() -> None:
    from rtsched.cli import cli, ending

    for policy, says in (("edff", "no scheduler is called"), (f"{HERE}:Needs", "cannot be made without quantum")):
        ended = command("check-scheduler", policy)
        assert isinstance(ended.exception, InputError)
        assert says in str(ended.exception)
    assert ending.ended(lambda: cli(["check-scheduler", "edff"], standalone_mode=False)) == 2


def test_one_processor_more_is_not_asked_of_variants_whose_times_are_by_processor() -> None:
    choices = [{"accuracy": 0.9, "wcet": "4 ms"}, {"accuracy": 0.7, "wcet": "2 ms"}]
    system = {
        "platform": "multicore:2",
        "tasks": [{"name": "a", "period": "10 ms", "variants": {"choices": choices}}],
    }
    found = rtsched.check_scheduler("edf+fixed", system=system, only=["sustainable-processors", "monotone"])
    assert found.row("sustainable-processors").asked == 0
    assert found.row("monotone").outcome == "fits"


@pytest.mark.parametrize(("policy", "asked"), [("edf+stage-dp-style", 0), ("dream-style", 1)])
def test_who_claims_that_more_time_is_never_worse_is_asked_where_times_are_as_planned(policy: str, asked: int) -> None:
    """Who plans for 4 ms and needs 8 may be late with more time; who claims nothing is asked all the same."""
    exits = [{"node": "a", "accuracy": 0.6}, {"node": "b", "accuracy": 0.9}]
    graph = {"nodes": {"a": {"wcet": "1 ms"}, "b": {"wcet": "3 ms"}}, "edges": [["a", "b"]]}
    task = {"name": "net", "period": "20 ms", "graph": graph, "exits": exits}
    late = {"execution": {"kind": "empirical", "samples": ["8 ms"]}}
    system = {"platform": "uniprocessor", "tasks": [task | late]}
    assert rtsched.check_scheduler(policy, system=system, only=["monotone"]).row("monotone").asked == asked
    plain = {"platform": "uniprocessor", "tasks": [task]}
    assert rtsched.check_scheduler(policy, system=plain, only=["monotone"]).row("monotone").asked == 1


class Ticking(policies.Sound):
    """Asks for a timer at every one of its timers, for ever."""

    def setup(self, soc: Any) -> None:
        soc.wake_at(soc.now + 1_000_000, "tick")

    def on_timer(self, tag: Any) -> None:
        self.soc.wake_at(self.soc.now + 1_000_000, tag)


def test_a_run_ends_with_its_jobs_also_where_timers_go_on() -> None:
    system = {"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "1 ms", "period": "4 ms"}]}
    found = rtsched.check_scheduler(Ticking, system=system, only=["ends", "wake-ups"])
    assert found.fits
    assert found.cost()["decisions"] < 1_000
