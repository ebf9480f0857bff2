"""What things show in a notebook: readable, safe whatever they are called, and nothing that costs before it is seen."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import api
from rtsched.conformance.result import Conformance
from rtsched.experiment.study import Study
from rtsched.metrics.summary import summary
from rtsched.notebook import HOMES, html
from rtsched.notebook.window import cut_out, first_miss, window
from rtsched.page.page import page
from rtsched.trace.differing import difference
from rtsched.trace.trace import Trace
from rtsched.whatif import what_if
from tests.helpers import simulate, task
from tests.page.reading import facts, tables

HOSTILE = "</td></script><img src=x onerror=alert(1)> \"'`${x} שלום \u202e\u2028 <!--" + "w" * 90
SYSTEM = {
    "name": HOSTILE,
    "platform": "uniprocessor",
    "scheduler": "rm",
    "simulate": {"until": "70 ms"},
    "assumed": [HOSTILE],
    "why": HOSTILE,
    "tasks": [
        {"name": HOSTILE, "wcet": "2 ms", "period": "5 ms"},
        {"name": "long", "wcet": "4 ms", "period": "7 ms", "criticality": "hard"},
    ],
}
#: All that may stand in what a notebook shows.
ALLOWED = {
    "div", "p", "b", "bdi", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li", "iframe", "pre",
}  # fmt: skip


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.documents: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.documents += [value or "" for name, value in attrs if name == "srcdoc"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(text: str) -> _Seen:
    found = _Seen()
    found.feed(text)
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def things() -> dict[str, Any]:
    """One of everything that shows itself, of a system whose names are hostile."""
    loaded = api.load(SYSTEM)
    runs = [api.simulate(loaded, scheduler=name, reasons=True) for name in ("rm", "edf")]
    policies = {HOSTILE: "rm", "edf": "edf"}
    study = Study(system=loaded, policies=policies, seeds=(0, 1), until="20 ms", metrics=("no_miss",))
    return {
        "Alternatives": rtsched.alternatives(loaded, platforms=["file"], schedulers=["edf"]),
        "Comparison": rtsched.compare(loaded, policies, seeds=2, until="20 ms", jobs=1),
        "Conformance": Conformance(HOSTILE, None, (), 0, systems=1, refused=1, refusal=HOSTILE),
        "Difference": difference(*runs),
        "Explanation": runs[0].explain("long", 0),
        "Loaded": loaded,
        "Platform": loaded.platform.with_(title=HOSTILE),
        "Results": rtsched.sweep(study, jobs=1),
        "Summary": api.summary(runs[0]),
        "System": loaded.system,
        "SystemSpec": runs[0].system,
        "Trace": runs[0],
        "Verification": rtsched.analyse(loaded, runs=1),
        "WhatIf": what_if(loaded, runs[0], "long", 0, scheduler="rm"),
    }


def test_everything_is_a_readable_table_and_names_are_text(things: dict[str, Any]) -> None:
    assert {*things, "Optimum"} == set(HOMES)
    for name, thing in things.items():
        found = seen(thing._repr_html_())
        assert found.tags <= ALLOWED, name
        assert found.attributes <= {"style", "title", "sandbox", "srcdoc"}, name
        assert not set(found.text) & set("\u202e\u2028"), name
        assert not re.search(r"\d{7,}", found.text), name  # no times in ns
        if name != "Trace":
            assert "ms" in found.text or name in ("Alternatives", "Platform", "Results", "Conformance"), name
    assert "long" in seen(things["System"]._repr_html_()).text
    assert "every 7 ms" in seen(things["Loaded"]._repr_html_()).text
    assert "<img" not in things["Trace"]._repr_html_()


def test_reprs_are_short_and_of_one_line(things: dict[str, Any]) -> None:
    for name, thing in things.items():
        text = repr(thing)
        assert text.startswith(f"<{name}"), text
        assert len(text) < 420, (name, text)
        assert text.isprintable(), name
    long = things["Trace"]
    assert repr(long).endswith(": 24 jobs, 2 missed, 34 slices, until 70 ms>")
    assert str(things["Explanation"]).startswith("long[0] missed by 1 ms")
    assert str(things["Difference"]) == things["Difference"].text()


def test_a_short_run_is_its_page_in_a_frame_that_may_do_nothing_else() -> None:
    trace = api.simulate("buttazzo_rm_edf")
    found = seen(trace._repr_html_())
    assert found.documents == [page(trace)]
    assert 'sandbox="allow-scripts"' in trace._repr_html_()
    assert "allow-same-origin" not in trace._repr_html_()


def test_a_run_without_a_trace_says_so() -> None:
    text = seen(api.simulate("buttazzo_rm_edf", trace=False)._repr_html_()).text
    assert text.startswith("This run kept no trace")
    assert "long" in text


# ---- windows of long runs --------------------------------------------------------------------------------------------


def long_run(until: int = 4000) -> Trace:
    """a and b alternate; c, alone and in between, misses its deadline."""
    late = task(2, 1, None, deadline=1, release=3 * until // 4)
    return simulate([task(0, 1, 2), task(1, 2, 10), late], until=until)


def test_a_long_run_is_shown_around_its_first_miss() -> None:
    trace = long_run()
    part = window(trace, 200)
    assert part is not None
    assert part.why == "around the first miss"
    assert first_miss(trace) == 3001
    assert part.start < 3001 < part.end < 3400
    assert 200 <= len(part.trace.slices) <= 210
    names = {(int(row["task"]), int(row["index"])) for row in part.trace.jobs}
    assert (2, 0) in names
    inside = trace.slices[(trace.slices["start"] < part.end) & (trace.slices["end"] > part.start)]
    assert part.trace.slices["start"].tolist() == inside["start"].tolist()
    for new, old in zip(part.trace.slices["job"].tolist(), inside["job"].tolist(), strict=True):
        assert part.trace.jobs[new] == trace.jobs[old]


def test_the_figures_are_those_of_the_whole_run() -> None:
    trace = long_run()
    part = window(trace, 200)
    assert part is not None
    shown = facts(page(part.trace, figures=summary(trace)))
    assert shown["figures"] == facts(page(trace))["figures"]
    assert shown["headline"] == facts(page(trace))["headline"]
    assert shown["until"] == trace.until


def test_without_a_miss_the_first_slices_are_shown() -> None:
    trace = simulate([task(0, 1, 2), task(1, 2, 10)], until=4000)
    part = window(trace, 200)
    assert part is not None
    assert (part.start, part.why) == (0, "the first ones")
    assert window(trace, len(trace.slices)) is None
    early = simulate([task(0, 3, 5), task(1, 3, 7)], until=4000)
    assert (part := window(early, 200)) is not None
    assert (part.start, part.why) == (0, "with the first miss")


def test_a_window_says_so_and_opens_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.notebook.window.window.__defaults__", (200,))
    trace = long_run()
    found = seen(html(trace))
    assert re.search(r"Of [\d,]+ slices the timeline shows 20\d, around the first miss: from", found.text)
    assert re.search(r"<script>location\.hash = \"from=\d+\\u0026to=\d+\";</script>\n</body>", found.documents[0])


@pytest.mark.parametrize(
    "name",
    ["gpu_priorities", "npu_failure", "priority_inversion_inheritance", "drone_exits", "throttling_865", "divided_npu"],
)
def test_windows_of_runs_with_more_to_show(name: str) -> None:
    trace = api.simulate(name, until=None if name.startswith("gpu") else "1 s")
    end = int(trace.slices["end"].max())
    for start, until in ((0, end + 1), (end // 3, 2 * end // 3)):
        part = cut_out(trace, start, until)
        found = tables(page(part, figures=summary(trace)))
        assert max(found["slices"]["job"], default=0) < len(part.jobs)
        assert part.changes.tolist() == sorted(part.changes.tolist(), key=lambda row: row[0])
        if start == 0:
            whole = tables(page(trace))
            assert {key: each for key, each in found.items() if key != "points"} == {
                key: each for key, each in whole.items() if key != "points"
            }


def test_what_held_of_the_hardware_before_a_window_is_kept() -> None:
    trace = api.simulate("throttling_865")
    middle = int(np.median(trace.changes["time"]))
    part = cut_out(trace, middle, trace.end)
    before = trace.changes[trace.changes["time"] < middle]
    kinds = {(int(row["what"]), int(row["subject"])) for row in before}
    assert len(part.changes) == len(trace.changes) - len(before) + len(kinds)


# ---- what it costs ---------------------------------------------------------------------------------------------------


def test_nothing_of_it_is_loaded_before_somebody_looks() -> None:
    code = (
        "import sys, rtsched; t = rtsched.simulate('buttazzo_rm_edf'); repr(t);"
        "assert not [m for m in sys.modules if m.startswith(('rtsched.notebook', 'rtsched.page', 'rtsched.terminal', 'matplotlib'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_texts_are_escaped_once() -> None:
    text = api.load(SYSTEM).system._repr_html_()
    assert "&amp;lt;" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "onerror" in unescape(text)
