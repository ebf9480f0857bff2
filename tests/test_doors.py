"""The doors beside policies: metrics, theorems, exporters, importers and sections of reports, each by one function."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.errors import InputError
from rtsched.importers import build, import_file
from rtsched.metrics.metric import evaluate, metrics, wanted
from rtsched.registry import GROUPS, OTHERS, REGISTRY
from rtsched.report.content import Report
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorem import theorems
from tests.pdf import needs_weasyprint
from tests.test_plugin import SYSTEM, system
from tests.test_plugin import rtsched as command

ROOT = Path(__file__).parents[1]
CHAINED = {
    "platform": "uniprocessor",
    "simulate": {"until": "100 ms"},
    "tasks": [{"name": "a", "wcet": "1 ms", "period": "10 ms"}, {"name": "b", "wcet": "1 ms", "period": "20 ms"}],
    "chains": [{"name": "ab", "tasks": ["a", "b"]}],
}
#: One processor, no more than half of it asked for.
LIGHT = {"platform": "uniprocessor", "scheduler": "edf", "tasks": [{"name": "t", "wcet": "1 ms", "period": "10 ms"}]}

__all__ = ["system"]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], object]:
    """What is registered in this process, forgotten afterwards."""
    found: dict[tuple[str, str], object] = {}
    monkeypatch.setattr(REGISTRY, "own", found)
    return found


# ---- metrics ---------------------------------------------------------------------------------------------------------


def test_every_metric_says_its_unit_its_direction_and_what_it_means() -> None:
    for name, metric in metrics().items():
        assert metric.better in ("lower", "higher"), name
        assert metric.meaning.endswith("."), name
        assert metric.title, name


def test_metrics_are_the_figures_of_the_run() -> None:
    trace = rtsched.simulate(CHAINED)
    figures = rtsched.summary(trace)
    found = rtsched.evaluate(trace, ["miss_ratio", "finished", "reaction_time", "energy", "xrbench"])
    assert found == {
        "miss_ratio": 0.0, "finished": 1.0, "reaction_time": None,
        "reaction_time.ab": figures.chains[0].reaction_time_max, "energy": None, "xrbench": None,
    }  # fmt: skip
    assert evaluate(trace, "stp", figures) == {"stp": figures.stp}


def test_a_metric_that_needs_the_trace_is_refused_without_one(tmp_path: Path) -> None:
    sums = rtsched.simulate(CHAINED, trace=False)
    assert rtsched.evaluate(sums, "miss_ratio") == {"miss_ratio": 0.0}
    with pytest.raises(InputError, match="metric 'reaction_time' needs the trace, and this run keeps sums only"):
        rtsched.evaluate(sums, "reaction_time")
    assert rtsched.evaluate(rtsched.simulate(LIGHT, until="1 s", trace=False), "reaction_time") == {
        "reaction_time": None
    }
    path = tmp_path / "chained.yaml"
    path.write_text(json.dumps(CHAINED))
    refused = CliRunner().invoke(cli, ["run", str(path), "--no-trace", "--metric", "reaction_time"])
    assert isinstance(refused.exception, InputError)
    assert "needs the trace" in str(refused.exception)


def test_metrics_stand_beside_the_figures_and_change_none_of_them(system: str) -> None:
    line = ["run", system, "--until", "20 ms", "--json"]
    plain = json.loads(command(*line, plugin=False).stdout)
    beside = command(*line)
    assert json.loads(beside.stdout) == plain  # an installed package changes nothing until it is asked for
    more = json.loads(command(*line, "--metric", "slowest", "--metric", "slices", "--metric", "p95").stdout)
    assert more.pop("metrics") == {
        "slowest": 7_000_000, "slices": None, "slices.short": 2, "slices.long": 1, "p95": 0.35,
    }  # fmt: skip
    assert more == plain
    text = command("run", system, "--until", "20 ms", "--metric", "slowest", "--metric", "slices").stdout
    assert re.search(r"slowest response +7 ms\nslices \(short\) +2\nslices \(long\) +1\n", text)


def test_a_plugged_in_metric_is_compared(system: str, tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    line = ["compare", system, "-s", "rm,rm+nonpreemptive", "--seeds", "2", "--until", "20 ms", "--metric", "slowest"]
    answer = command(*line, "--csv", str(table), "-j", "2")
    assert answer.returncode == 0, answer.stderr
    assert "slowest response" in answer.stdout.splitlines()[2]
    assert "7 ms" in answer.stdout
    assert table.read_text().splitlines()[0] == "policy,seed,miss_ratio,p95,slowest"
    found = json.loads(command(*line, "--json").stdout)
    assert found["metrics"] == ["miss_ratio", "p95", "slowest"]
    assert found["rows"][1]["cells"]["slowest"]["difference"] == 0
    assert [run["slowest"] for run in found["rows"][0]["runs"]] == [7_000_000, 7_000_000]
    kept = command("compare", system, "-s", "rm", "--seeds", "1", "--until", "20 ms", "--metric", "slices")
    assert "slices (short)  slices (long)" in kept.stdout  # it needs the trace, so that is kept


def test_a_metric_that_was_asked_for_and_is_nowhere_is_told() -> None:
    answer = rtsched.compare(LIGHT, ["rm"], 1, until="1 s", jobs=1, metrics="energy")
    assert answer.metrics == ("miss_ratio", "p95")
    assert answer.notes == ("energy (J): left out, since 1 of 1 runs have none",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "package rtsched-example (rtsched_example_doors:broken): ZeroDivisionError: division by zero"),
        ("wordy", "(rtsched_example_doors:wordy) gives 'many'; it has to give a finite number"),
        ("no-metric", "(rtsched_example_doors:no_metric) has no unit and no direction; put @rtsched.metric"),
        ("slowset", "no metric is called 'slowset'; did you mean 'slowest'"),
    ],
)
def test_a_bad_metric_is_named_with_its_package(system: str, name: str, said: str) -> None:
    for line in (["run", system], ["compare", system, "-s", "rm", "--seeds", "1", "-j", "1"]):
        refused = command(*line, "--until", "20 ms", "--metric", name)
        assert refused.returncode == 2
        assert said in refused.stderr


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", [1.0]])
def test_a_metric_gives_a_finite_number(own: object, value: object) -> None:
    @rtsched.metric(unit="", better="lower")
    def odd(figures: object, trace: object) -> object:
        return value

    REGISTRY.register("metric", "odd", odd)
    with pytest.raises(InputError, match="has to give a finite number"):
        rtsched.evaluate(rtsched.simulate(LIGHT, until="1 s"), "odd")


def test_a_metric_that_was_found_stands_for_its_name(own: object) -> None:
    trace = rtsched.simulate(LIGHT, until="1 s")
    found = wanted(["p95", "miss_ratio", "p95"])
    assert [each.name for each in found] == ["p95", "miss_ratio"]
    assert wanted(found) == found
    assert rtsched.evaluate(trace, found) == rtsched.evaluate(trace, ["p95", "miss_ratio"])


def test_names_of_ours_are_taken_and_descriptions_are_checked(own: object) -> None:
    with pytest.raises(InputError, match="'p95' is the name of rtsched's own metric"):
        REGISTRY.register("metric", "p95", len)
    with pytest.raises(InputError, match="give a class or a function"):
        REGISTRY.register("metric", "mine", 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="better is 'lower' or 'higher'"):
        rtsched.metric(unit="", better="larger")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="endings begin with a dot"):
        rtsched.exporter("vcd")
    with pytest.raises(InputError, match="endings begin with a dot"):
        rtsched.importer("xml")


def test_a_metric_may_be_named_by_its_place(system: str) -> None:
    answer = command("run", system, "--until", "20 ms", "--metric", "rtsched_example_doors:slowest", "--json")
    assert json.loads(answer.stdout)["metrics"] == {"rtsched_example_doors:slowest": 7_000_000}


def test_the_page_of_metrics_lists_them_all() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(name, each.unit or "–", each.better, each.meaning) for name, each in metrics().items()]


# ---- theorems --------------------------------------------------------------------------------------------------------


def test_every_theorem_of_the_room_has_its_line() -> None:
    room = ROOT / "rtsched" / "schedulability" / "theorems"
    written = {
        name for path in room.glob("*.py") for name in re.findall(r'^@theorem\(\n? *"([\w-]+)"', path.read_text(), re.M)
    }
    assert written == {name for name, each in theorems().items() if not each.package}


def test_a_plugged_in_theorem_takes_part_and_is_named_as_a_claim(system: str) -> None:
    path = Path(system)
    path.write_text(json.dumps(LIGHT))
    answer = command("analyse", system, "--runs", "1")
    assert answer.returncode == 0, answer.stderr
    claim = "example-half holds: package rtsched-example claims it, and rtsched has not checked it"
    assert f"declared: {claim}" in answer.stdout
    found = json.loads(command("analyse", system, "--runs", "1", "--json").stdout)
    cited = {item["test"]: item["citation"] for part in found["parts"] for item in part["tests"]}
    assert cited["example-half"].endswith("2024 (claimed by package rtsched-example, not by rtsched)")
    assert "claimed" not in cited["edf-qpa"]
    assert "example-half" not in command("analyse", system, "--runs", "1", plugin=False).stdout
    assert "(claimed by package rtsched-example)" in command("list", "theorems").stdout
    shown = command("show", "example-half").stdout
    assert "not by rtsched" in shown


def claimed(name: str, answer: object) -> None:
    """Register a theorem of uniprocessors that says `answer`, whatever it is asked."""

    @rtsched.theorem(name, title="Anything", strength="exact", citation="nobody, nowhere", model=Uniprocessor)
    def anything(model: Uniprocessor) -> Result:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    REGISTRY.register("theorem", name, anything)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (KeyError("x"), r"theorem 'mine' of package tests.test_doors .*KeyError: 'x'"),
        ("schedulable", "theorem 'mine' of package tests.test_doors .* gives a str; it has to give a Result"),
        (
            Result("unschedulable"),
            "edf-.* says schedulable and mine .claimed by package tests.test_doors. unschedulable",
        ),
    ],
)
def test_a_bad_theorem_is_named_with_its_package(own: object, answer: object, said: str) -> None:
    claimed("mine", answer)
    with pytest.raises(InputError, match=said):
        rtsched.analyse(LIGHT, runs=0)


def test_a_claim_that_a_run_beats_is_named(own: object) -> None:
    claimed("mine", Result("schedulable", (Bound("t", 10, 10_000_000),)))
    with pytest.raises(
        rtsched.SoundnessError, match=r"mine \(claimed by package tests.test_doors\) proves at most 10 ns"
    ):
        rtsched.analyse(LIGHT, runs=1)


def test_a_theorem_has_one_name(own: object) -> None:
    claimed("mine", Result("unknown"))
    REGISTRY.register("theorem", "other", REGISTRY.own["theorem", "mine"])
    with pytest.raises(InputError, match="calls itself 'mine'; give both one name"):
        theorems()


# ---- exporters and importers -----------------------------------------------------------------------------------------


def test_a_plugged_in_exporter_writes_by_ending_and_by_name(system: str, tmp_path: Path) -> None:
    line = ["run", system, "--until", "20 ms", "--export"]
    assert command(*line, str(tmp_path / "run.starts")).returncode == 0
    assert (tmp_path / "run.starts").read_text().split() == ["0", "1000000", "10000000"]
    written = command(*line, "-", "--format", "starts")
    assert written.stdout.split() == ["0", "1000000", "10000000"]
    assert "jobs released for" in written.stderr
    gone = command(*line, str(tmp_path / "run.starts"), plugin=False)
    assert gone.returncode == 2
    assert (
        "use .btf, .htm, .html, .json, .pdf, .perfetto-trace, .pftrace, .png, .svg, .vcd, or --format (btf, chrome, csv, html, pdf, pftrace, png, svg, vcd)"
        in gone.stderr
    )


def test_the_formats_of_run_are_exporters(tmp_path: Path, system: str) -> None:
    line = ["run", system, "--until", "20 ms"]
    run = CliRunner().invoke(cli, [*line, "--csv", str(tmp_path / "a"), "--gantt", str(tmp_path / "a.svg")])
    assert run.exit_code == 0
    rtsched.write(rtsched.simulate(system, until="20 ms"), tmp_path / "b", "csv")
    rtsched.write(rtsched.simulate(system, until="20 ms"), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    with pytest.raises(InputError, match="kept no trace to write"):
        rtsched.write(rtsched.simulate(system, until="20 ms", trace=False), tmp_path / "c.svg")


@pytest.mark.parametrize("content", [3, {"../up": "x"}, {"a": 1}, None])
def test_an_exporter_gives_contents(own: object, tmp_path: Path, content: object) -> None:
    @rtsched.exporter(".odd")
    def odd(trace: object) -> object:
        return content

    REGISTRY.register("exporter", "odd", odd)
    with pytest.raises(InputError, match="has to give text, bytes, or those by plain file names"):
        rtsched.write(rtsched.simulate(LIGHT, until="1 s"), tmp_path / "out.odd")
    assert list(tmp_path.iterdir()) == []


def test_two_that_want_one_ending_are_told(own: object, tmp_path: Path) -> None:
    @rtsched.exporter(".SVG")
    @rtsched.importer(begins="<")
    def other(*_: object) -> str:
        return "mine"

    REGISTRY.register("exporter", "other", other)
    REGISTRY.register("importer", "other", other)
    with pytest.raises(InputError, match=r"other and svg both write .svg; say which with --format"):
        rtsched.write(rtsched.simulate(LIGHT, until="1 s"), tmp_path / "a.svg")
    rtsched.write(rtsched.simulate(LIGHT, until="1 s"), tmp_path / "a.svg", "other")
    assert (tmp_path / "a.svg").read_text() == "mine"
    simso = str(ROOT / "tests" / "data" / "import" / "simso.xml")
    with pytest.raises(InputError, match="other and simso both read such files; say which with --format"):
        import_file(simso)
    with pytest.raises(InputError, match=r"gives a str; it has to give what rtsched.importers.build makes"):
        import_file(simso, "other")
    assert import_file(simso, "simso").system.tasks


def test_a_plugged_in_importer_reads_its_files(tmp_path: Path) -> None:
    path = tmp_path / "set.tasks"
    path.write_text("camera 2 10\nradio 1 20\n")
    answer = command("import", str(path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == f"{path}: deadlines are the periods\n"
    (tmp_path / "made.yaml").write_text(answer.stdout)
    assert [task.name for task in rtsched.load(tmp_path / "made.yaml").system.tasks] == ["camera", "radio"]
    (tmp_path / "set.txt").write_text("camera 2 10\n")
    assert command("import", str(tmp_path / "set.txt"), "--format", "example-tasks").returncode == 0
    refused = command("import", str(tmp_path / "set.txt"))
    assert refused.returncode == 2
    assert "nor for example-tasks (.tasks)" in refused.stderr
    path.write_text("camera 2\n")
    broken = command("import", str(path))
    assert broken.returncode == 2
    assert "importer 'example-tasks' of package rtsched-example (rtsched_example_doors:read_tasks)" in broken.stderr
    assert build(str(path), LIGHT, []).system.tasks[0].name == "t"


# ---- reports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["html", "md", "json", pytest.param("pdf", marks=needs_weasyprint)])
def test_a_plugged_in_section_is_in_every_report(system: str, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"report.{ending}"
    answer = command("report", system, "-o", str(path), "--runs", "0", "--date", "2025-01-31")
    assert answer.returncode == 0, answer.stderr
    if ending == "json":
        made = json.loads(path.read_text())["report"]["sections"][-1]
        assert (made["name"], made["title"]) == ("house-rules", "House rules")
        assert made["blocks"][0] == {"kind": "text", "text": "load below 80 %.", "note": False, "strong": "Rule 1:"}
    elif ending != "pdf":
        text = path.read_text()
        assert "12. House rules" in text
        assert text.rindex("11. Tool") < text.rindex("12. House rules")


def test_a_bad_section_is_named_with_its_package(own: object) -> None:
    @rtsched.section("Mine", place=1)
    def mine(report: Report) -> object:
        return ["a text"]

    REGISTRY.register("section", "mine", mine)
    report = Report(rtsched.analyse(LIGHT, runs=0), "2025-01-31")
    with pytest.raises(InputError, match=r"section 'mine' of package tests.test_doors .* has to give blocks"):
        assert report.sections
    with pytest.raises(InputError, match="has to give blocks"):
        report.to_dict()


# ---- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OTHERS)
def test_each_kind_is_listed_and_shown(kind: str) -> None:
    name = {"metric": "slowest", "theorem": "example-half", "exporter": "starts", "importer": "example-tasks",
            "section": "house-rules"}[kind]  # fmt: skip
    listed = command("list", f"{kind}s").stdout
    assert re.search(rf"^  {name} ", listed, re.MULTILINE)
    assert "rtsched-example" in command("show", kind, name).stdout
    assert f"({kind})" in command("show", name).stdout


def test_the_plug_in_has_a_door_of_each_kind() -> None:
    points = (ROOT / "tests" / "plugin" / "rtsched_example-1.0.dist-info" / "entry_points.txt").read_text()
    assert {f"[{GROUPS[kind]}]" for kind in OTHERS} <= set(points.split())


def test_help_reads_no_entry_points() -> None:
    code = "import sys; from rtsched.cli import cli; cli(['--help'], standalone_mode=False); print('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.endswith(
        "False\n"
    )


def test_an_admission_is_a_rule_of_its_own() -> None:
    assert issubclass(REGISTRY.find("admission", "drop-hopeless"), rtsched.Admission)  # type: ignore[arg-type]
    assert not issubclass(REGISTRY.find("adaptation", "subflow"), rtsched.Admission)  # type: ignore[arg-type]


def test_results_become_frames(system: str) -> None:
    trace = rtsched.simulate(system, until="20 ms")
    pandas = pytest.importorskip("pandas")
    jobs = rtsched.to_frame(trace)
    assert isinstance(jobs, pandas.DataFrame)
    assert list(jobs["task"]) == ["short", "long", "short"]
    assert list(rtsched.to_frame(trace, "slices")["processor"].unique()) == ["cpu"]
    figures = rtsched.to_frame(rtsched.summary(trace))
    assert list(figures["response_max"]) == [1_000_000, 7_000_000]
    runs = rtsched.to_frame(rtsched.compare(system, ["rm", "edf"], 2, until="20 ms", jobs=1, metrics=["stp"]))
    assert list(runs.columns) == ["policy", "seed", "miss_ratio", "p95", "stp"]
    assert len(runs) == 4


def test_what_is_no_result_is_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="to_frame takes a Trace, a Summary, a Comparison or the Results of a study"):
        rtsched.to_frame(SYSTEM)  # type: ignore[arg-type]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match="pandas is not installed"):
        rtsched.to_frame(rtsched.simulate(LIGHT, until="1 s"))
