"""The report as a document: its front page, its digest, what it was made from, and the same answers from its data alone."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
import zlib
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from rtsched import __version__
from rtsched.errors import InputError
from rtsched.loading import load
from rtsched.model.config import parse_yaml, validate
from rtsched.report import front, inputs, letters, resources
from rtsched.report.blocks import Table
from rtsched.report.canonical import RECIPE, canonical, digest
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.report.markdown import markdown
from rtsched.report.pdf import MISSING, NO_PANGO, pdf, told
from rtsched.report.rerun import read, rerun
from rtsched.verify.verification import verify
from tests.cli.command import ended, rtsched
from tests.pdf import needs_weasyprint

DAY = "2026-01-31"
SYSTEM: dict[str, Any] = {
    "name": "good",
    "platform": {
        "name": "board",
        "memory": {"bandwidth": "10 GB/s", "capacity": "1 GB"},
        "processors": {"cpu": {"kind": "cpu", "cores": 2}, "npu": {"kind": "npu"}},
    },
    "scheduler": {"ordering": "fp", "placement": "pinned"},
    "tasks": [
        {"name": "fast", "wcet": {"cpu0": "1 ms"}, "period": "4 ms", "criticality": "hard"},
        {"name": "slow", "wcet": {"cpu0": "3 ms"}, "period": "10 ms"},
        {
            "name": "see", "wcet": {"npu": "2 ms"}, "period": "8 ms",
            "origin": {"kind": "high-water", "n": 5000, "margin": 1.2, "reason": "as usual here", "board": "rev C", "date": "2026-01-20"},
        },
    ],
}  # fmt: skip
PAGE = front.FrontPage(
    number="ADAS-VR-0042",
    revision="B",
    status="draft",
    integrity="ASIL B(D)",
    prepared=front.Person(name="A. Müller", date="2026-01-30"),
    reviewed=front.Person(name="佐藤", independence="I1"),
    history=(front.Revision(revision="A", date="2025-11-02", change="first issue"),),
)


@cache
def made() -> Report:
    """A report with everything filled in."""
    return Report(verify(SYSTEM, runs=1), DAY, "rtsched report good.yaml -o report.json", PAGE)


@cache
def page() -> str:
    """The same as a page."""
    return html(made())


def without_figures(report: Report) -> Report:
    """The same, drawn quickly."""
    report.__dict__["drawings"] = ()
    return report


def data() -> dict[str, Any]:
    """The report as its JSON form has it, to be changed."""
    return copy.deepcopy(made().to_dict())


# ---- the digest ------------------------------------------------------------------------------------------------------


def test_the_digest_is_what_the_recipe_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("report.json").write_text(json.dumps(made().to_dict(), indent=2, ensure_ascii=False), encoding="utf-8")
    code = RECIPE.removeprefix('python3 -c "').removesuffix('"')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == made().digest == digest(data())
    assert canonical({"b": 1, "a": "é", "digest": 2}) == '{"a":"é","b":1}'.encode()


def test_every_form_has_the_digest_and_the_data_have_what_is_printed() -> None:
    report = made()
    shown, text = page(), markdown(report)
    assert shown.count(report.digest) == 2  # at the foot of every page, and at the end
    assert f"SHA-256 of the data: `{report.digest}`" in text
    printed = report.to_dict()["report"]
    assert [section["title"] for section in printed["sections"]] == [section.title for section in report.sections]
    rows = [row for section in printed["sections"] for block in section["blocks"] for row in block.get("rows", ())]
    plain = unescape(re.sub("</?a[^>]*>|<wbr>", "", shown))
    for row in rows:
        for cell in row:
            assert cell in plain
    changed = data()
    changed["report"]["sections"][0]["blocks"][0]["scope"] = "All is well."
    assert digest(changed) != report.digest


def test_the_same_report_has_the_same_digest_whatever_its_form(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(json.dumps(SYSTEM))
    for ending in ("md", "json"):
        assert (
            ended("report", str(path), "-o", str(tmp_path / f"r.{ending}"), "--runs", "0", "--date", DAY).exit_code == 0
        )
    assert json.loads((tmp_path / "r.json").read_text())["digest"]["sha256"] in (tmp_path / "r.md").read_text()
    good = ended("verify-report", str(tmp_path / "r.json"))
    assert (good.exit_code, "as stated" in good.stdout, "confirmed: schedulable" in good.stdout) == (0, True, True)
    document = json.loads((tmp_path / "r.json").read_text())
    document["tasks"][0]["bound"]["wcrt_ns"] = 1
    (tmp_path / "r.json").write_text(json.dumps(document))
    bad = rtsched("verify-report", str(tmp_path / "r.json"), "--json")
    assert bad.exit_code == 1
    answer = json.loads(bad.stdout)
    assert answer["digest"]["stated"] != answer["digest"]["computed"]
    assert answer["differences"] == ["tasks.fast.bound.wcrt_ns: 1 in the report, 1000000 computed now"]


# ---- the same answers again ------------------------------------------------------------------------------------------


def test_the_data_are_enough_without_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(verify("drone_xavier_nx", runs=1), DAY)
    document = json.loads(json.dumps(without_figures(report).to_dict()))
    monkeypatch.setattr("rtsched.model.catalogue.folders", lambda kind: [])
    done = rerun(document)
    assert done.confirmed, done.differences
    assert done.found.inputs_sha256 == report.found.inputs_sha256


@pytest.mark.parametrize(
    ("forge", "named"),
    [
        (
            lambda d: d["report"]["sections"][3]["blocks"][0]["rows"][0].__setitem__(6, "1 us"),
            "section Tasks.0.rows.0.6",
        ),
        (lambda d: d["report"]["marks"].update(fast="(✓)"), "marks.fast"),
        (lambda d: d["report"].update(title="All is well"), "title"),
        (lambda d: d.update(scope="All is well."), "scope"),
        (lambda d: d["resolved"]["tasks"][0].update(weight=7.0), "resolved.tasks.fast.weight"),
    ],
)
def test_what_is_printed_follows_from_the_answers_also_under_a_new_digest(forge: Any, named: str) -> None:
    document = data()
    forge(document)
    document["digest"]["sha256"] = digest(document)
    done = rerun(document)
    assert done.untouched
    assert not done.confirmed
    assert done.differences[0].startswith(named), done.differences


def test_integers_that_do_not_fit_together_are_named() -> None:
    document = data()
    document["resolved"]["tasks"][1]["index"] = 5
    with pytest.raises(InputError, match="'resolved' does not fit together"):
        rerun(document)


def test_what_was_changed_is_named() -> None:
    document = data()
    document["resolved"]["tasks"][1]["nodes"][0]["times"][0] = 9_000_000
    document["digest"]["sha256"] = digest(document)  # by somebody who knows how
    done = rerun(document)
    assert done.untouched
    assert not done.confirmed
    assert "verdict: 'schedulable' in the report, 'unschedulable' computed now" in done.differences
    document = data()
    document["report"]["inputs"]["system"] = document["report"]["inputs"]["system"].replace("10 ms", "11 ms")
    assert any(line.startswith("inputs_sha256:") for line in rerun(document).differences)


def test_another_version_is_told_and_its_words_are_not_compared() -> None:
    from rtsched.report.rerun import text

    document = data()
    document["version"] = "0.0.9"
    document["assumptions"] = []
    document["tasks"][0]["something"] = "that the old one had"
    done = rerun(document)
    assert done.differences == ()
    assert f"report of rtsched 0.0.9, verified by {__version__}" in text(done)[0]
    assert "another version" in text(done)[1]


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content, complaint in (("{", "is no JSON"), ("[]", "is no report"), ('{"digest": 1}', "is missing")):
        path.write_text(content)
        with pytest.raises(InputError, match=complaint):
            read(path)
    document = data()
    document["scheduler"] = {"name": "os:system"}
    with pytest.raises(InputError, match="os:system"):
        rerun(document)
    document = data()
    del document["resolved"]["tasks"][0]["name"]
    with pytest.raises(InputError, match=r"resolved\.tasks\.0"):
        rerun(document)


# ---- the front page --------------------------------------------------------------------------------------------------


def test_the_front_page_has_what_the_file_says_and_boxes_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "front.yaml"
    path.write_text("number: X-1\nprepared: {name: A, date: 2026-01-30}\n")
    given = front.read(path)
    assert (given.number, given.prepared.date, given.status) == ("X-1", "2026-01-30", None)
    for wrong, complaint in (
        ("numbr: X", "numbr"),
        ("status: final", "draft"),
        ("prepared: {date: soon}", "YYYY-MM-DD"),
    ):
        path.write_text(wrong + "\n")
        with pytest.raises(InputError, match=complaint):
            front.read(path)
    whole = page()
    assert "<dt>Document</dt><dd>ADAS-VR-0042</dd>" in whole
    assert "<td>I1</td>" in whole
    assert 'data-foot="ADAS-VR-0042 · revision B · draft · good · ' in whole
    assert whole.count('class="fill"') == 5  # project, item, applicability, plan, requirements
    blank = Report(made().found, DAY)
    assert html(without_figures(blank)).count('class="fill"') == 9
    assert markdown(blank).count("**Status:** \\_\\_") == 1


# ---- what it was made from -------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_inputs_are_named_with_their_revision(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(json.dumps(SYSTEM))
    assert [each.state for each in inputs.inputs(load(str(path)))] == ["not stated (in no git work tree)"]
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "good.yaml"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    (found,) = inputs.inputs(load(str(path)))
    assert found.state.endswith(", as committed")
    assert re.fullmatch("[0-9a-f]{40}", str(found.commit))
    path.write_text(json.dumps(SYSTEM) + "\n")
    (found,) = inputs.inputs(load(str(path)))
    assert found.state.endswith(", with changes that are not committed")
    (tmp_path / "other.yaml").write_text(json.dumps(SYSTEM))
    (found,) = inputs.inputs(load(str(tmp_path / "other.yaml")))
    assert found.state.startswith("not under revision control")


def test_platform_tables_and_named_files_are_inputs() -> None:
    names = [each.name for each in inputs.inputs(load("drone_xavier_nx"))]
    assert names == ["drone_xavier_nx.yaml", "jetson_xavier_nx.yaml", "latency.csv"]


def table(title: str) -> Table:
    """A table of the report."""
    return next(
        block
        for section in made().sections
        for block in section.blocks
        if isinstance(block, Table) and block.title.startswith(title)
    )


def test_times_are_resolved_and_say_where_they_are_from() -> None:
    assert table("Resolved").rows[0] == ("fast", "–", "cpu0", "1 ms", "declared")
    origins = {row[0]: row for row in table("Where").rows}
    assert origins["see"][2:5] == ("max*1.2", "5000", "1.2")
    assert origins["see"][7] == "2026-01-20"
    assert origins["fast"][5] == "not stated"
    assert "board: rev C" in page()
    assert "Not stated: clocks, power mode, temperature, co runners, inputs, driver, runtime, timer." in page()


def test_loads_and_allocation_by_hand() -> None:
    loads = {
        name: (float(alone), float(shared)) for name, (alone, shared) in resources.loads(made().found.system).items()
    }
    assert loads == {"cpu": (pytest.approx(0.55), 0.0), "npu": (pytest.approx(0.25), 0.0)}
    assert table("Utilisation").rows[0][:5] == ("cpu", "2", "27.5 %", "–", "100 %")
    assert table("Allocation").rows == (("cpu", "'fast' and 'slow'", "–"), ("npu", "'see'", "–"))
    assert "the platform has 1 GB" in page()


def test_weights_and_energy_have_their_limits() -> None:
    assert resources.words_energy(2_500_000_000) == "2.5 J"
    weighed = Report(verify("model_switching", runs=0), DAY)
    blocks = [block for block in resources.resources(weighed) if isinstance(block, Table)]
    memory = next(block for block in blocks if block.title == "Memory")
    assert memory.rows[1] == ("npu", "weights of 3 networks", "24 MB", "16 MB", "150.0 %")
    assert memory.marked == {1}


# ---- the page of the documentation -----------------------------------------------------------------------------------


def test_the_page_has_the_sections_the_recipe_and_the_keys() -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text()
    rows = re.findall(r"^\| ([\w ]+) \|", text[: text.index("## The front page")], re.MULTILINE)
    assert rows == ["section", "front page", *(section.title for section in made().sections)]
    assert f"    {RECIPE}\n" in text
    shown = validate(front.FrontPage, parse_yaml(text.split("```")[1].removeprefix("yaml\n")))
    assert shown.model_fields_set == set(front.FrontPage.model_fields)
    assert "TCL" not in page()


# ---- PDF -------------------------------------------------------------------------------------------------------------


def streams(written: bytes) -> list[bytes]:
    """What stands in a PDF, uncompressed."""
    found = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", written, re.DOTALL):
        try:
            found.append(zlib.decompress(packed))
        except zlib.error:
            found.append(packed)
    return found


@needs_weasyprint
def test_a_pdf_is_an_archive_with_its_data_and_the_same_bytes_again() -> None:
    report = without_figures(Report(made().found, DAY, "", PAGE))
    written = pdf(report)
    assert written.startswith(b"%PDF-1.7")
    inside = streams(written)
    attached = next(json.loads(each) for each in inside if each.startswith(b'{\n  "format"'))
    assert attached["digest"]["sha256"] == report.digest
    assert digest(attached) == report.digest
    again = without_figures(Report(made().found, DAY, "", PAGE))
    assert pdf(again) == written
    archived(written, report.digest)


def archived(written: bytes, identifier: str) -> None:
    """What PDF/A-3u asks for and can be counted here (ISO 19005-3, clauses 6.1.3, 6.2.3, 6.2.11, 6.6, 6.8)."""
    text = b"\n".join([re.sub(rb"stream\r?\n.*?\r?\nendstream", b"", written, flags=re.DOTALL), *streams(written)])
    assert b"/Encrypt" not in text
    assert re.search(rb"/ID\s*\[", text)
    metadata = next(each for each in streams(written) if b"pdfaid" in each)
    assert b'pdfaid:part="3"' in metadata
    assert b'pdfaid:conformance="U"' in metadata
    (day,) = re.findall(rb"<xmp:CreateDate>([\d-]+)", metadata)
    for name in (b"/CreationDate", b"/ModDate"):
        assert set(re.findall(name + rb"\s*\(D:(\d{8})", text)) <= {day.replace(b"-", b"")}
    assert text.count(b"/GTS_PDFA1") == text.count(b"/DestOutputProfile") == 1
    fonts = len(re.findall(rb"/Subtype\s*/Type0", text))
    assert fonts == len(re.findall(rb"/Encoding\s*/Identity-H", text)) == len(re.findall(rb"/ToUnicode ", text)) > 0
    assert len(re.findall(rb"/FontFile[23]? ", text)) == len(re.findall(rb"/Type\s*/FontDescriptor", text)) == fonts
    assert len(re.findall(rb"/AFRelationship\s*/Source", text)) == len(re.findall(rb"/Type\s*/EmbeddedFile", text)) == 1
    assert re.search(rb"/Subtype\s*/application#2[Ff]json", text)
    for forbidden in (rb"/JavaScript", rb"/Launch", rb"/XFA", rb"/LZWDecode", rb"/Movie", rb"/Sound"):
        assert not re.search(forbidden + rb"\b", text), forbidden
    assert len(re.findall(rb"/Subtype\s*/Link", text)) == len(re.findall(rb"/F 4\b", text))  # printed as shown


@needs_weasyprint
def test_letters_that_no_font_has_are_told_and_spelled() -> None:
    system = SYSTEM | {"name": "𒀀𒀁", "tasks": [{"name": "日本", "wcet": "1 ms", "period": "9 ms"}]}
    heard: list[str] = []
    pdf(without_figures(Report(verify(system, runs=0), DAY)), tell=heard.append)
    assert len(heard) <= 1  # none where a font has them all
    assert all("written as codes" in line for line in heard)


def test_missing_letters_are_written_as_codes_everywhere() -> None:
    report = Report(verify(SYSTEM | {"name": "日本"}, runs=0), DAY)
    page = html(without_figures(report), lacking="日")
    assert "\\u65e5本" in page
    assert "日" not in page
    assert "no two names look alike" in page
    assert told("日本", most=1).startswith("no font here has 日 (U+65E5) and 1 more: written as codes")
    used, lacking = letters.families("abc")
    assert (used, lacking) == ((letters.OWN,), "")


@pytest.mark.parametrize(("error", "text"), [(ImportError, MISSING), (OSError, NO_PANGO)])
def test_without_the_library_it_is_said_what_to_install(
    error: type[Exception], text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "weasyprint":
                raise error

    monkeypatch.chdir(tmp_path)
    for name in [each for each in sys.modules if each.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    result = ended("report", "lehoczky", "-o", "x.pdf", "--runs", "0")
    assert (result.exit_code, result.stderr.strip()) == (2, text)
    assert list(tmp_path.iterdir()) == []


def test_a_font_is_one_and_is_only_for_what_has_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.ttf").write_text("none")
    for arguments, complaint in (
        (("-o", "x.html", "--font", "no.ttf"), "is no font"),
        (("-o", "x.html", "--font", "nowhere.ttf"), "there is no such file"),
        (("-o", "x.md", "--font", "no.ttf"), "leave it out"),
    ):
        result = ended("report", "lehoczky", *arguments, "--runs", "0")
        assert (result.exit_code, complaint in result.stderr) == (2, True)
