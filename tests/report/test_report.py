"""The report: what it says is what was verified, in four formats, the same bytes each time, whatever names contain."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from click.testing import CliRunner

from rtsched.cli import cli, main
from rtsched.errors import InputError
from rtsched.report import facts
from rtsched.report.blocks import Table
from rtsched.report.content import Report
from rtsched.report.critical import again, critical
from rtsched.report.drawing import style, svg
from rtsched.report.figures import chains, drawings, edges, sensitivity
from rtsched.report.graph import attained, layers
from rtsched.report.html import html
from rtsched.report.markdown import markdown
from rtsched.schedulability.models import Dag, Vertex
from rtsched.schedulability.result import Bound, Contribution
from rtsched.verify import words
from rtsched.verify.verification import Verification, verify

DAY = "2025-01-31"
SECTIONS = (
    "Verdict",
    "Assumptions",
    "Requirements",
    "Tasks",
    "Execution times",
    "Loads and resources",
    "Figures",
    "What is not proven",
    "Actions",
    "Configuration",
    "Tool",
)

GOOD = """
name: good
platform: uniprocessor
scheduler: {ordering: rm}
tasks:
  - {name: fast, wcet: 1 ms, period: 4 ms, criticality: hard}
  - {name: slow, wcet: 3 ms, period: 10 ms, jitter: 1 ms}
"""
BAD = """
name: bad
platform: uniprocessor
scheduler: {ordering: fp, preemption: nonpreemptive}
tasks:
  - {name: urgent, wcet: 2 ms, period: 5 ms}
  - {name: bulk, wcet: 6 ms, period: 30 ms}
"""
OPEN = """
name: open
platform: multicore:2
scheduler: {name: band-heft}
tasks:
  - {name: here, wcet: 1 ms, period: 20 ms}
  - {name: there, wcet: 2 ms, period: 30 ms}
"""
CHAINED = """
name: braking
platform: multicore:2
scheduler: {ordering: fp, placement: pinned}
tasks:
  - {name: camera, wcet: {cpu0: 3 ms}, period: 33 ms, jitter: 1 ms}
  - {name: fuse, wcet: {cpu1: 4 ms}, period: 20 ms}
  - {name: brake, wcet: {cpu1: 1 ms}, period: 10 ms}
chains:
  - {name: see to act, tasks: [camera, fuse, brake]}
"""
TYPED = """
name: vision
platform: {name: board, processors: {cpu: {kind: cpu, cores: 2}, npu: {kind: npu}}}
scheduler: {ordering: fp}
tasks:
  - name: detector
    period: 40 ms
    graph:
      nodes: {resize: {wcet: {cpu: 2 ms}}, head: {wcet: {npu: 6 ms}}, edge: {wcet: {cpu: 4 ms}}, merge: {wcet: {cpu: 1 ms}}}
      edges: [[resize, head], [resize, edge], [head, merge], [edge, merge]]
  - {name: logger, period: 80 ms, wcet: {cpu: 5 ms}}
"""
HOSTILE = r"""
name: "a </title><script>alert(1)</script> & $x_1$ `b`"
why: "<img src=x onerror=alert(2)> ![x](y)"
platform: uniprocessor
scheduler: {ordering: fp}
tasks:
  - {name: "<script>alert('x')</script>", wcet: 1 ms, period: 10 ms}
  - {name: "$\\frac{1$ | *star* 日本", wcet: 2 ms, period: 20 ms}
  - {name: "a_very_long_name_without_any_space_that_goes_on_and_on_until_it_is_wider_than_a_column_ever_was", wcet: 2 ms, period: 30 ms}
chains: [{name: "<i>$c$", tasks: ["<script>alert('x')</script>", "$\\frac{1$ | *star* 日本"]}]
"""


@cache
def made(text: str, runs: int = 4) -> Report:
    """The report on a system written here."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "system.yaml"
        path.write_text(text)
        return Report(verify(str(path), runs=runs), DAY, "rtsched report system.yaml -o report.html")


@cache
def page_of(text: str) -> str:
    """The same as a page."""
    return html(made(text))


def task_table(of: Report) -> Table:
    """The table of section 4."""
    return next(block for block in of.sections[3].blocks if isinstance(block, Table))


def run(*arguments: str) -> str:
    """The command's output; what went wrong is raised."""
    result = CliRunner().invoke(cli, ["report", *arguments], catch_exceptions=False)
    return result.output


# ---- the numbers -----------------------------------------------------------------------------------------------------


def test_the_sections_stand_in_their_order() -> None:
    answer = made(GOOD)
    assert tuple(section.title for section in answer.sections) == SECTIONS
    page, text = page_of(GOOD), markdown(answer)
    for number, title in enumerate(SECTIONS, 1):
        assert f'<h2 id="s{number}">{number}. {title}</h2>' in page
        assert f"## {number}. {title}" in text


@pytest.mark.parametrize("text", [GOOD, BAD, CHAINED, TYPED])
def test_numbers_are_those_of_the_verification(text: str) -> None:
    answer = made(text)
    found = answer.found
    rows = {row[1].removesuffix(" (hard)"): row for row in task_table(answer).rows}
    assert len(rows) == len(found.bounds)
    for place, bound in enumerate(found.bounds):
        row = rows[bound.task]
        assert row[5] == words.time(found.system.tasks[place].volume)
        assert row[6] == words.time(bound.wcrt)
        assert row[8] == words.time(found.observed(place))
        assert row[11] == ("–" if bound.wcrt is None else "yes" if bound.exact else "no")
        if bound.slack is not None:
            assert row[7].replace("−", "-") == words.percent(bound.slack / bound.deadline)
    page = page_of(text)
    assert found.inputs_sha256 in page
    assert found.verdict in page
    assert DAY in page


def test_a_schedulable_system_says_of_whom_and_provided_what() -> None:
    answer = made(GOOD)
    page = page_of(GOOD)
    assert '<div class="verdict schedulable">' in page
    signed = [each for each in answer.to_dict()["assumptions"] if each["status"] == "declared"]
    assert f"provided the {len(signed)} declared assumptions hold" in page
    assert page.count('<td class="mark">☐</td>') == len(signed)
    assert "No task fails." in page
    assert "None is needed" in page
    assert [row[0] for row in task_table(answer).rows] == [facts.PROVEN] * 2
    assert [row[1] for row in task_table(answer).rows] == ["slow", "fast (hard)"]  # the least slack first


def test_an_unschedulable_system_explains_its_first_failure_and_what_helps() -> None:
    answer = made(BAD)
    page = page_of(BAD)
    assert '<div class="verdict unschedulable">' in page
    assert "First failing task, part cpu (unschedulable):" in page
    assert "Counterexample: &#x27;urgent&#x27; released at" in page
    assert "of blocking by bulk" in page
    assert "&#x27;urgent&#x27; can be late" in page
    assert "each was verified by analysing the changed file" in page
    assert {action.kind for action in answer.actions} >= {"split", "shorten"}
    row = next(row for row in task_table(answer).rows if row[1] == "urgent")
    assert row[0] == facts.REFUTED
    assert row[7].startswith("−")


def test_an_unknown_system_says_why_and_labels_its_evidence() -> None:
    answer = made(OPEN)
    page = page_of(OPEN)
    assert answer.found.verdict == "unknown"
    assert '<div class="verdict unknown">' in page
    assert "No sound analysis is known for the policy &#x27;band-heft&#x27;" in page
    assert "Evidence, not proof: no deadlines missed in" in page
    assert "simulation is the only evidence" in page
    assert [row[0] for row in task_table(answer).rows] == [facts.OPEN] * 2
    assert "Left out: no theorem speaks of this system" in page


def test_without_simulation_nothing_is_claimed_to_be_seen() -> None:
    answer = made(GOOD, runs=0)
    assert [each.key for each in drawings(answer.found) if each.draw is None] == ["fb", "fc", "fe", "ff"]
    assert "nothing was simulated" in html(answer)


def test_rounding_never_hides_a_miss() -> None:
    late = Bound("a", 1_000_001, 1_000_000, (Contribution("own", "a", 1_000_001),))
    assert facts.slack_percent(late) == "> −0.1 %"
    assert facts.slack_percent(Bound("a", 999_999, 1_000_000)) == "< 0.1 %"
    assert facts.slack_percent(Bound("a", 1_000_000, 1_000_000)) == "0.0 %"


def test_words() -> None:
    assert facts.counted(1, "task") == "1 task"
    assert facts.counted(0, "run") == "0 runs"
    assert facts.listed(["a"]) == "'a'"
    assert facts.listed(["a", "b", "c"]) == "'a', 'b' and 'c'"
    assert facts.listed(["a", "b", "c"], most=1) == "'a' and 2 more"
    parts = (
        Contribution("own", "a", 2_000_000),
        Contribution("interference", "b", 3_000_000),
        Contribution("interference", "c", 1_000_000),
    )
    assert facts.consists(Bound("a", 6_000_000, 9_000_000, parts)) == (
        "The bound of 'a', 6 ms, consists of 2 ms of its own execution and 4 ms of interference (largest: b, 3 ms)."
    )


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_the_worst_run_is_found_again() -> None:
    found = made(GOOD, runs=6).found
    assert found.observation is not None
    for place, worst in enumerate(found.observation.worst):
        assert worst is not None
        jobs = again(found, worst.run, worst.seed).jobs
        mine = jobs[jobs["task"] == place]
        assert int((mine["finish"] - mine["arrival"]).max()) == worst.response


def test_a_counterexample_is_what_the_chart_shows() -> None:
    shown = critical(made(BAD).found)
    assert shown.draw is not None
    assert "the counterexample" in shown.text
    with style():
        figure = shown.draw()
    assert "late" in figure.axes[0].get_title(loc="left")


def test_of_many_tasks_the_chart_shows_those_that_work() -> None:
    tasks = "".join(f"  - {{name: t{i}, wcet: {1 + i % 3} ms, period: 100 ms}}\n" for i in range(30))
    found = made(f"name: many\nplatform: uniprocessor\nscheduler: {{ordering: fp}}\ntasks:\n{tasks}").found
    shown = critical(found)
    assert shown.draw is not None
    assert "Not shown: 6 tasks that did least" in shown.text
    with style():
        axes = shown.draw().axes[0]
    assert len(axes.get_yticks()) == 24
    assert "t29" in [label.get_text() for label in axes.get_yticklabels()]


def test_no_bar_of_a_histogram_crosses_bound_or_deadline() -> None:
    bound = Bound("a", 5_000_000, 20_000_000)
    places = edges(20_000_000, bound)
    counts, _ = np.histogram([5_000_000, 5_000_001, 20_000_000], places)
    assert counts[places[1:] <= 5_000_001].sum() == 1
    assert counts[places[1:] <= 20_000_001].sum() == 3


def test_a_chain_has_its_budget() -> None:
    answer = made(CHAINED)
    budget = chains(answer.found)
    assert budget.draw is not None
    with style():
        figure = budget.draw()
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    total = answer.found.analysis.chains[0].bounds[0].wcrt
    assert total is not None
    assert sum(widths) == pytest.approx(total / 1e6)
    table = [block for block in answer.sections[3].blocks if isinstance(block, Table)][1]
    assert table.rows[0][:4] == ("see to act", "camera → fuse → brake", "–", words.time(total))


def test_a_typed_graph_shows_the_path_of_its_bound() -> None:
    answer = made(TYPED)
    path = attained(answer.found, "detector")
    assert path is not None
    dag, way, test = path
    assert test == answer.found.analysis.bounds[0].test
    assert [dag.vertices[index].name for index in way] == ["resize", "head", "merge"]
    page = page_of(TYPED)
    assert "The path that attains the bound: detector" in page
    assert page.count("<svg") == 5  # (a) to (d), and the graph


def test_layers_follow_the_edges() -> None:
    dag = Dag(tuple(Vertex(str(i), 1, "cpu") for i in range(5)), ((0, 2), (1, 2), (2, 3), (0, 4), (4, 3)))
    assert [sorted(row) for row in layers(dag)] == [[0, 1], [2, 4], [3]]


def test_sensitivity_follows_the_bounds() -> None:
    found = made(GOOD).found
    with style():
        drawing = sensitivity(found)
        assert drawing.draw is not None
        lines = {line.get_label(): line for line in drawing.draw().axes[0].lines}
    for bound in found.bounds:
        line = lines[bound.task]
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert bound.wcrt is not None
        assert float(y[np.isclose(x, 1.0)][0]) == pytest.approx(bound.wcrt / bound.deadline)


# ---- formats ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would make of a page: its elements, all closed, and everything that they refer to."""

    void = {"meta", "col", "br", "img", "link", "wbr"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.data: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "srcset", "action"):
                self.references.append(value or "")
            self.references += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.data.append(data)


def test_a_page_is_whole_and_needs_nothing_from_outside() -> None:
    page = page_of(TYPED)
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert all(reference.startswith("#") and reference[1:] in set(parser.ids) for reference in parser.references)
    assert not parser.tags & {"script", "link", "img", "iframe", "object", "foreignobject"}
    assert "http" not in page
    assert "@import" not in page


@pytest.mark.filterwarnings("error")
def test_hostile_names_are_only_text() -> None:
    answer = made(HOSTILE)
    page = html(answer)
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    assert not parser.tags & {"script", "i", "img"}
    assert any("<script>alert('x')</script>" in text for text in parser.data)
    text = markdown(answer).split("```")[0]
    assert "<script>" not in text.replace("\\<", "")
    assert "$\\" not in text.replace("\\$", "")


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = made(CHAINED), made.__wrapped__(CHAINED)
    page = page_of(CHAINED)
    assert page == html(second)
    assert markdown(first) == markdown(second)
    assert json.dumps(first.to_dict()) == json.dumps(second.to_dict())
    other = Report(first.found, "2030-12-24", first.command)
    assert html(other) == page.replace(DAY, "2030-12-24").replace(first.digest, other.digest)


def test_an_svg_has_a_title_and_ids_of_its_own() -> None:
    shown = critical(made(GOOD).found)
    assert shown.draw is not None
    with style():
        text = svg(shown.draw(), "fb", "a < b")
    assert '<title id="fb-title">a &lt; b</title>' in text
    assert not re.search(r'\sid="(?!fb-)', text)
    assert "metadata" not in text


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_every_format(tmp_path: Path) -> None:
    source = tmp_path / "good.yaml"
    source.write_text(GOOD)
    for ending, begin in (
        (".html", b"<!DOCTYPE html>"),
        (".md", b"# Schedulability"),
        (".json", b"{"),
    ):
        path = tmp_path / f"report{ending}"
        assert "good: schedulable" in run(str(source), "-o", str(path), "--runs", "2", "--date", DAY)
        assert path.read_bytes().startswith(begin)
    answer = json.loads((tmp_path / "report.json").read_text())
    assert answer["verdict"] == "schedulable"
    assert answer["report"]["date"] == DAY
    assert {item["test"] for item in answer["report"]["citations"]} >= {"fp-rta"}
    assert answer["report"]["command"].endswith(f"-o report.json --runs 2 --seed 0 --date {DAY}")
    assert "wcet: 3 ms" in answer["report"]["inputs"]["system"]


def test_changes_of_the_command_line_are_in_the_report(tmp_path: Path) -> None:
    source, path = tmp_path / "good.yaml", tmp_path / "report.md"
    source.write_text(GOOD)
    run(str(source), "-o", str(path), "--runs", "0", "--scheduler", "edf", "--set", "tasks.slow.period=50ms")
    text = path.read_text()
    assert "period: 50 ms" in text
    assert "--scheduler edf --set tasks.slow.period=50ms" in text.replace("\\", "")
    assert "edf + global, preemptive" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-o", "report.docx"), "use .html, .pdf, .md or .json"),
        (("-o", "report"), "use .html, .pdf, .md or .json"),
        (("-o", "nowhere/report.html"), "there is no such folder"),
        (("-o", "report.html", "--date", "yesterday"), "write YYYY-MM-DD"),
    ],
)
def test_bad_options_end_with_2_and_say_what_to_do(
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rtsched", "report", "burns_wellings_c", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_system_with_a_mistake_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nosuchsystem"):
        run("nosuchsystem", "-o", str(tmp_path / "x.html"))
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_system_whole(tmp_path: Path) -> None:
    path = tmp_path / "drone.html"
    run("drone_xavier_nx", "-o", str(path), "--date", DAY)
    page = path.read_text()
    assert "unschedulable<small> if jobs take the measured maxima</small>" in page
    assert "0.209" in page
    found: Verification = verify("drone_xavier_nx")
    for bound in found.bounds:
        assert words.time(bound.wcrt) in page


def test_what_reports_say_of_the_checks_is_what_they_are() -> None:
    """The stored counts are those of this version: ``python -m tests.corpus.status`` writes them anew."""
    from tests.corpus.status import FILE, mutants, passed

    stored = json.loads(FILE.read_text())
    assert stored["corpus"] == passed()
    assert stored["mutants"] == mutants()
    assert stored["fuzz"]["violations"] == 0
