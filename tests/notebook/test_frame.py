"""The page of a run in the frame of a notebook: it draws there, opens where it is told, and reaches nothing outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtsched.notebook.runs import framed
from rtsched.page.page import page
from tests.helpers import simulate, task
from tests.page.browser import COMMAND, PATIENCE, Browser

pytestmark = pytest.mark.skipif(COMMAND is None, reason="Chromium is not installed here, which this looks through")

#: Says from inside, when the page is ready, what it has and what it may.
PROBE = """<script>
const may = (what) => { try { what(); return true; } catch { return false; } };
const wait = setInterval(() => {
  if (document.documentElement.dataset.ready !== "yes") return;
  clearInterval(wait);
  setTimeout(() => parent.postMessage([view.from, view.to, run.jobs.task.length, byId("tasks").rows.length, self.origin,
    may(() => parent.document.title), may(() => localStorage.length), may(() => document.cookie)], "*"), 250);
}, 20);
</script></body>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        found = Browser(tmp_path_factory.mktemp("browser"))
    except (AssertionError, OSError) as error:
        pytest.skip(f"Chromium does not start here: {error}")
    yield found
    found.close()


def heard(browser: Browser, path: Path, view: str) -> Any:
    """What the page says from inside of its frame."""
    hostile = "</script><img src=x onerror=\"parent.postMessage('hit', '*')\">"
    trace = simulate([replace(task(0, 2, 5), name=hostile), task(1, 4, 7)], until=35)
    inside = page(trace).replace("</body>", PROBE)
    first = "<script>heard = []; onmessage = (event) => heard.push(event.data);</script>"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{first}{framed(inside, view)}", encoding="utf-8")
    browser("Page.navigate", url=path.as_uri())
    until = time.monotonic() + PATIENCE
    while not (found := browser.js("self.heard ?? []")):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(found) == 1
    return found[0]


def test_the_page_works_in_the_frame_and_reaches_nothing_outside(browser: Browser, tmp_path: Path) -> None:
    start, end, jobs, rows, origin, *may = heard(browser, tmp_path / "a.html", "")
    assert (start, end) == pytest.approx((-0.35, 35.35), abs=0.02)
    assert (jobs, rows) == (12, 3)
    assert origin == "null"
    assert may == [False, False, False]


def test_it_opens_where_it_is_told(browser: Browser, tmp_path: Path) -> None:
    start, end, *_ = heard(browser, tmp_path / "b.html", "from=5&to=30")
    assert (start, end) == (5, 30)
