"""MAST's text becomes a system with the same bounds; what has no place here is refused by name."""

from __future__ import annotations

import json

import pytest

from rtsched.errors import InputError
from rtsched.importers import import_file
from rtsched.model.config import to_yaml
from tests.cli.command import rtsched
from tests.conftest import DATA

FILE = DATA / "import" / "box.mast"
TEXT = FILE.read_text()


def test_the_bounds_are_those_computed_by_hand(tmp_path) -> None:
    found = import_file(str(FILE))
    (tmp_path / "box.yaml").write_text(to_yaml(found.system))
    answer = json.loads(rtsched("analyse", str(tmp_path / "box.yaml"), "--runs", "0", "--json").output)
    bounds = {task["name"]: task["bound"]["wcrt_ns"] for task in answer["tasks"]}
    # control: 22 + 2 x 0.25 of its own, 2 of the lower one's section, 1.5 of jitter
    # plan: (2 + 0.5) + (2 + 18 + 18 + 0.5) of its own, and control once
    assert bounds == {"control": 26_000_000, "plan": 63_500_000}
    assert [task.criticality for task in found.system.tasks] == ["hard", "soft"]
    assert len(found.warnings) == 2


def test_edf_is_taken_where_deadlines_agree(tmp_path) -> None:
    text = TEXT.replace("Fixed_Priority_Policy, The_Priority => 9", "EDF_Policy, Deadline => 80")
    (tmp_path / "e.mast").write_text(
        text.replace("Fixed_Priority_Policy, The_Priority => 5", "EDF_Policy, Deadline => 200")
    )
    assert "ordering: edf" in to_yaml(import_file(str(tmp_path / "e.mast")).system)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Type => Fixed_Priority_Processor",
            "Type => Packet_Based_Network",
            ":3: processing resource of type packet_based_network",
        ),
        ("Type => Immediate_Ceiling_Resource", "Type => SRP_Resource", "shared resource of type srp_resource"),
        ("Type => Fixed_Priority_Policy, The_Priority => 9", "Type => Polling_Policy", "policy polling_policy"),
        (
            "Type => Fixed_Priority_Policy, The_Priority => 9",
            "Type => EDF_Policy, Deadline => 79",
            "scheduling deadline",
        ),
        ("Type => Fixed_Priority_Policy, The_Priority => 9", "Type => EDF_Policy, Deadline => 80", "and some EDF"),
        ("Type => Sporadic", "Type => Bursty", "external event of type bursty"),
        (
            "Type => Activity, Input_Event => E1",
            "Type => Multicast, Input_Event => E1",
            "event handler of type multicast",
        ),
        (
            "Activity_Operation => Read, Activity_Server => S2",
            "Activity_Operation => Read, Activity_Server => S1",
            "have the priority 9, or one serves twice",
        ),
        ("Type => Hard_Global_Deadline", "Type => Hard_Local_Deadline", "requirement hard_local_deadline of O1"),
        ("Referenced_Event => E1", "Referenced_Event => O1", "another event than the first"),
        ("Input_Event => E1, Output_Event => O1", "Input_Event => X, Output_Event => O1", "0 activities follow 'E1'"),
        ("(Compute, READ)", "(Control, READ)", "contains itself"),
        ("Name => Compute, Worst", "Name => Other, Worst", "no operation called 'Compute'"),
        ("Worst_Case_Execution_Time => 22", "Worst_Case_Execution_Time => 2", "encloses more than its own time"),
        ("Worst_Context_Switch => 0.25", "Worst_Context_Switch => 1, Speed_Factor => 2", "speed_factor is not 1"),
        ("Worst_Context_Switch => 0.25", "Speed_Factor => 1e9", "no number from 0.000001"),
        ("Worst_Context_Switch => 0.25", "System_Timer => (Type => Ticker, Period => 1)", "system_timer"),
        ("Model (", "Driver (Name => d);\nModel (", "the element driver is not known"),
        ("Model (", "Model ((((", "is not MAST text"),
        ("Activity_Server => S2)));", "Activity_Server => S2)))", "';' is missing"),
        ("Period => 100", "Period => soon", "is not a number"),
        ("Period => 100", "Period => ", "a value is to be"),
    ],
)
def test_what_has_no_place_here_is_refused_by_name(tmp_path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    (tmp_path / "x.mast").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        import_file(str(tmp_path / "x.mast"))
    assert said in str(refused.value)


def test_what_only_describes_is_listed(tmp_path) -> None:
    (tmp_path / "x.mast").write_text(TEXT.replace("Name => Data)", "Name => Data, Colour => Red)"))
    assert "shared_resource Data: 'colour' is not carried over" in import_file(str(tmp_path / "x.mast")).warnings


def test_brackets_without_end_are_refused_at_once(tmp_path) -> None:
    (tmp_path / "x.mast").write_text("Operation " + "(" * 100_000)
    with pytest.raises(InputError, match="nested deeper"):
        import_file(str(tmp_path / "x.mast"))
