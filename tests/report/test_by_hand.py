"""Three systems as an engineer signs them: every number of one report computed anew, and the words of all three.

What stands here takes nothing from rtsched but the report: periods and times come from the system's file by eye, the
rest is the arithmetic of the textbooks.
"""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from rtsched.model.config import parse_yaml
from rtsched.report import front
from rtsched.report.blocks import Table, VerdictBox
from rtsched.report.canonical import RECIPE
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.report.markdown import markdown
from rtsched.report.rerun import rerun
from rtsched.verify.basis import headline
from rtsched.verify.verification import verify

ROOT = Path(__file__).resolve().parents[2]
ROOM = ROOT / "analysis" / "reports"
DAY = "2026-11-20"

#: The tasks of wake_word_mcu.yaml, the most urgent first (rate-monotonic): name, C, T, D, J in ns.
TASKS = (
    ("audio", 300_000, 10_000_000, 10_000_000, 0),
    ("radio", 5_000_000, 50_000_000, 50_000_000, 0),
    ("spot", 21_500_000, 200_000_000, 150_000_000, 1_000_000),
)
SWITCH = 4_000  # twice in every job: a job that preempts is switched to, and away from
#: Sections that are computed here.
SECTIONS = ("Verdict", "Requirements", "Tasks", "Execution times", "Loads and resources")


@cache
def report(name: str) -> Report:
    """A report without runs."""
    page = front.read(ROOM / f"{name}.front.yaml")
    made = Report(verify(str(ROOM / f"{name}.yaml"), wcet="max", runs=0), DAY, "", page)
    made.__dict__["drawings"] = ()
    return made


# ---- by hand ---------------------------------------------------------------------------------------------------------


def ceiling(a: int, b: int) -> int:
    """a/b, rounded up."""
    return -(-a // b)


def response(place: int, factor: Fraction = Fraction(1)) -> int | None:
    """R = J + w, w = C + sum of ceil((w + Jj)/Tj) Cj of the more urgent; two switches in each C; None beyond T."""
    costs = [ceiling((c + 2 * SWITCH) * factor.numerator, factor.denominator) for _, c, _, _, _ in TASKS]
    w = costs[place]
    while True:
        more = [ceiling(w + TASKS[j][4], TASKS[j][2]) * costs[j] for j in range(place)]
        if w == costs[place] + sum(more):
            return w + TASKS[place][4]
        w = costs[place] + sum(more)
        if w > TASKS[place][2]:
            return None


def in_time(factor: Fraction) -> bool:
    """Whether every response is within its deadline with all times that much longer."""
    found = [(response(place, factor), task[3]) for place, task in enumerate(TASKS)]
    return all(R is not None and R <= D for R, D in found)


def breakdown() -> Fraction:
    """The largest number of thousandths by which all times may be multiplied."""
    low, high = 1000, 16_000
    assert in_time(Fraction(low, 1000))
    assert not in_time(Fraction(high, 1000))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if in_time(Fraction(middle, 1000)) else (low, middle)
    return Fraction(low, 1000)


def time(ns: int) -> str:
    """Nanoseconds in the largest unit that leaves at least one, to four digits."""
    unit, size = next((u, s) for u, s in (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)) if ns >= s)
    return f"{ns / size:.4g} {unit}"


def computed() -> set[str]:
    """Every number with a unit, and every count, that the report may print."""
    found = {time(SWITCH), "0", "100 %"}
    for place, (_, c, t, d, j) in enumerate(TASKS):
        R = response(place)
        assert R is not None
        found |= {time(c), time(t), time(d), time(R), time(d - R), f"{100 * (d - R) / d:.1f} %"}
        found |= {time(j)} if j else set()
    factor = breakdown()
    found |= {f"{float(factor):.3f}", f"{float(100 * factor - 100):.1f} %"}
    found.add(f"{float(100 * sum((Fraction(c, t) for _, c, t, _, _ in TASKS), Fraction())):.1f} %")
    return found


# ---- what is printed -------------------------------------------------------------------------------------------------

#: Numbers that are no results: names, versions, the day, and sections that are referred to.
NAMED = re.compile(
    r"rtsched \d+\.\d+\.\d+|\d{4}-\d\d-\d\d|REQ-\d+|SYS-\d|stm32h7a3|STM32H7A3|NUCLEO-H7A3ZI-Q|specification 4\.1|"
    r"analyser 23\.04|version: 23\.04|section \d+"
)
NUMBER = re.compile(r"\d[\d.]*(?: (?:ns|us|ms|s|%)(?![a-z]))?")


def printed(text: str) -> set[str]:
    """The numbers of a text, with their units."""
    return {found.rstrip(".") for found in NUMBER.findall(NAMED.sub("", text))}


def sections(text: str, begins: str) -> list[str]:
    """The text of the sections that are computed here, without their headings."""
    parts = re.split(begins, text)[1:]
    chosen = [part for part in parts if part.startswith(SECTIONS)]
    assert len(chosen) == len(SECTIONS)
    return chosen


def counts() -> set[str]:
    """Tasks and processors of the system, and what persons have to answer for."""
    made = report("wake_word_mcu")
    table = next(block for block in made.sections[1].blocks if isinstance(block, Table))
    platform = parse_yaml((ROOT / "platforms" / "stm32h7a3.yaml").read_text(encoding="utf-8")).data
    hard = 1  # audio
    cores = platform["processors"]["mcu"]["cores"]
    return {*map(str, (len(TASKS), hard, len(TASKS) - hard, len(table.rows), cores)), "1", "4"}  # the sections' numbers


def test_by_hand() -> None:
    assert [response(place) for place in range(3)] == [308_000, 5_316_000, 28_440_000]
    assert breakdown() == Fraction(3620, 1000)


def test_no_number_of_the_page_is_left_over() -> None:
    made = report("wake_word_mcu")
    known = computed()
    text = "".join(sections(markdown(made).replace("\\", ""), r"\n## \d+\. "))
    page = unescape(re.sub(r"<[^>]*>", " ", "".join(sections(html(made).partition("</main>")[0], r"<h2[^>]*>\d+\. "))))
    for shown in (printed(text), printed(page)):
        assert shown - known - counts() == set()
        results = known - {time(SWITCH), time(50_000_000 - 5_316_000)}  # an assumption; a slack that nobody asks for
        assert results - shown == set()


def test_each_number_stands_where_it_belongs() -> None:
    made = report("wake_word_mcu")
    lines = markdown(made).replace("\\", "").splitlines()
    order = sorted(range(3), key=lambda place: Fraction(TASKS[place][3] - (response(place) or 0), TASKS[place][3]))
    rows = [line for line in lines if line.endswith("| fp-rta | no |")]
    for place, row in zip(order, rows, strict=True):
        name, c, t, d, j = TASKS[place]
        R = response(place) or 0
        cells = [each.strip() for each in row.strip("|").split("|")]
        assert name in cells[1]
        wanted = [time(t), time(d), time(j) if j else "0", time(c), time(R), f"{100 * (d - R) / d:.1f} %"]
        assert cells[2:8] == wanted
    name, _, _, d, _ = TASKS[order[0]]
    R = response(order[0]) or 0
    margin = f"{time(d - R)} or {100 * (d - R) / d:.1f} % of the deadline, for '{name}' (bound {time(R)}, deadline {time(d)})"
    assert f"- **Smallest margin:** {margin}" in lines
    bounds = {each["name"]: each["bound"]["wcrt_ns"] for each in made.data["tasks"]}
    assert bounds == {task[0]: response(place) for place, task in enumerate(TASKS)}


def test_the_digest_is_what_its_recipe_says() -> None:
    data: dict[str, Any] = json.loads(json.dumps(report("wake_word_mcu").to_dict()))
    stated = data.pop("digest")
    plain = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(plain.encode()).hexdigest() == stated["sha256"]
    assert stated["recipe"] == RECIPE
    assert f"`{stated['sha256']}`" in markdown(report("wake_word_mcu"))


# ---- all three -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "look"),
    [
        ("gate_rk3588", ("no proof", ": typical values (all is in time at these)"), "unknown"),
        ("harvester_orin", ("schedulable", " if no job exceeds the measured maxima (n = 1000 to 5000)"), "conditional"),
        ("wake_word_mcu", ("schedulable", " for declared bounds"), "schedulable"),
    ],
)
def test_a_verdict_says_what_it_rests_on(name: str, words: tuple[str, str], look: str) -> None:
    made = report(name)
    assert headline(made.found) == words
    box = made.sections[0].blocks[0]
    assert isinstance(box, VerdictBox)
    assert box.look == look  # only the last one is drawn as a proof
    page = html(made)
    assert (f'<div class="verdict {look}">') in page
    assert ("Nothing is left open: every task is proven." in page) == (name == "wake_word_mcu")
    assert "hyphens: auto" not in page  # a hyphen that is put into a name or a sum changes it


def test_a_report_is_confirmed_from_its_own_data() -> None:
    data = json.loads(json.dumps(report("wake_word_mcu").to_dict()))
    assert rerun(data).confirmed
