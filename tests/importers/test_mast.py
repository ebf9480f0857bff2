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


def test_xml_says_the_same_as_text() -> None:
    text, xml = import_file(str(FILE)), import_file(str(DATA / "import" / "box.xml"))
    assert xml.system == text.system
    assert set(xml.warnings) <= set(text.warnings)


XML = (DATA / "import" / "box.xml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("MAST_MODEL", "MAST_MODEL/><a", "is not XML"),
        ("<mast_mdl:MAST_MODEL", "<!DOCTYPE a [<!ENTITY b 'c'>]><mast_mdl:MAST_MODEL", ":3: has a document type"),
        ("Regular_Processor", "Packet_Based_Network", ":4: processing resource of type packet_based_network"),
        ("mast_mdl:Simple_Operation", "mast_mdl:Strange_Thing", "is not XML"),
        ("Read Compute Compute", "Read Compute Nothing", ":17: there is no operation called 'Nothing'"),
        ("Read Compute Compute", "Read Plan", "operation Plan contains itself"),
        ("<mast_mdl:Shared_Resources_To_Unlock>Data</mast_mdl:Shared_Resources_To_Unlock>", "", "never unlocks Data on its server"),
        ("<mast_mdl:Shared_Resources_To_Lock>Data</mast_mdl:Shared_Resources_To_Lock>", "", "was not locked"),
        ('The_Priority="5"', 'The_Priority="9"', "two servers of CPU_1 have the priority 9"),
        ('The_Priority="5"', 'The_Priority="' + "9" * 99 + '"', "the_priority is no whole number"),
        ('Period="100.00"', 'Period="1e99"', "is no time below 100 years"),
        ('Period="100.00"', 'Period="100.00" PERIOD="1"', "stands twice"),
        ('Worst_Case_Execution_Time="18.00"/>', 'Worst_Case_Execution_Time="18.00">'
         '<mast_mdl:Overridden_Fixed_Priority The_Priority="3"/></mast_mdl:Simple_Operation>', "overrides the priority"),
        ("<mast_mdl:Regular_Event Event=\"M2\"/>", "<a>" * 60 + "</a>" * 60, "nested deeper than 32"),
    ],
)  # fmt: skip
def test_xml_that_has_no_place_here_is_refused_by_line(tmp_path, old: str, new: str, said: str) -> None:
    assert old in XML
    (tmp_path / "x.mast").write_text(XML.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        import_file(str(tmp_path / "x.mast"))
    assert said in str(refused.value)


def test_a_file_of_results_is_told(tmp_path) -> None:
    (tmp_path / "x.mast").write_text("<mast_res:REAL_TIME_SITUATION/>")
    with pytest.raises(InputError, match="the root is <mast_res:REAL_TIME_SITUATION>; a MAST model has <MAST_MODEL>"):
        import_file(str(tmp_path / "x.mast"))


def test_operations_that_contain_each_other_twice_end(tmp_path) -> None:
    doubling = "".join(
        f"Operation (Type => Composite, Name => o{n}, Composite_Operation_List => (o{n + 1}, o{n + 1}));\n"
        for n in range(25)
    )
    text = TEXT.replace("(Compute, READ)", "(o0)").replace("Operation (", doubling + "Operation (", 1)
    text += "Operation (Type => Simple, Name => o25, Worst_Case_Execution_Time => 0);\n"
    (tmp_path / "x.mast").write_text(text)
    with pytest.raises(InputError, match="more than 50000 steps"):
        import_file(str(tmp_path / "x.mast"))


def test_a_transaction_over_several_servers_is_tasks_that_release_each_other(tmp_path) -> None:
    text = TEXT.replace(
        "Activity_Operation => Read, Activity_Server => S2", "Activity_Operation => Read, Activity_Server => S3"
    )
    text += """Scheduling_Server (Type => Fixed_Priority, Name => S3, Server_Processing_Resource => CPU_2,
      Server_Sched_Parameters => (Type => Interrupt_FP_Policy, The_Priority => 12));
    Processing_Resource (Type => Regular_Processor, Name => CPU_2, Speed_Factor => 2, Worst_ISR_Switch => 0);"""
    (tmp_path / "x.mast").write_text(text)
    system = import_file(str(tmp_path / "x.mast")).system
    assert [(task.name, task.after.task if task.after else None) for task in system.tasks] == [
        ("control", None), ("plan.1", None), ("plan.2", "plan.1"),
    ]  # fmt: skip
    assert dict(system.tasks[1].wcet or {}) == {"CPU_2": 1_000_000}  # 2 at twice the speed
    assert [(chain.name, chain.tasks, chain.max_latency) for chain in system.chains] == [
        ("plan", ("plan.1", "plan.2"), 200_000_000)
    ]


def test_the_context_switch_of_a_scheduler_counts_and_servers_may_not_be_preempted(tmp_path) -> None:
    text = TEXT.replace(", Worst_Context_Switch => 0.25", "").replace(
        "Server_Processing_Resource => cpu_1", "Scheduler => S"
    )
    text = text.replace(
        "Type => Fixed_Priority_Policy, The_Priority => 5", "Type => Non_Preemptible_FP_Policy, The_Priority => 5"
    )
    text += """Scheduler (Type => Primary_Scheduler, Name => S, Host => CPU_1,
      Policy => (Type => Fixed_Priority, Worst_Context_Switch => 0.25));"""
    (tmp_path / "x.mast").write_text(text)
    system = import_file(str(tmp_path / "x.mast")).system
    assert dict(system.tasks[0].wcet or {}) == {"CPU_1": 22_500_000}
    assert [task.preemptive for task in system.tasks] == [None, False]


def test_a_lock_may_span_operations(tmp_path) -> None:
    text = TEXT.replace(
        "Worst_Case_Execution_Time => 2, Shared_Resources_List => (Data)", "Worst_Case_Execution_Time => 2"
    )
    text = text.replace("Avg_Case_Execution_Time => 9", "Shared_Resources_To_Unlock => (Data)")
    text = text.replace(
        "Type => Composite, Name => Plan, ", "Type => Composite, Name => Plan, Shared_Resources_To_Lock => (Data), "
    )
    (tmp_path / "x.mast").write_text(text)
    with pytest.raises(InputError, match="Data is unlocked and was not locked"):
        import_file(str(tmp_path / "x.mast"))
    text = text.replace("(Read, Compute, Compute)", "(Read, Compute)").replace("(Compute, READ)", "(READ)")
    (tmp_path / "x.mast").write_text(text)
    plan = import_file(str(tmp_path / "x.mast")).system.tasks[1]
    assert [(each.start, each.length) for each in plan.sections] == [(2_750_000, 20_000_000)]


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
