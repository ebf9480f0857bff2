"""Explanations and queues in a browser: what the page says of a job and of an instant, by keys and mouse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtsched import api
from rtsched.page import causes, queues
from rtsched.page.page import page
from rtsched.trace.causes.explanation import explain
from rtsched.units import format_duration
from tests.helpers import simulate, task
from tests.page.browser import Browser

MS = 10**6
#: What the panel of each job shows: its sentences, the sums and the pieces, cell by cell.
PANELS = """run.jobs.task.reduce((found, _, job) => { choose(job);
  const texts = (at, cells) => [...document.querySelectorAll(at)].map((row) => cells.map((cell) => row.cells[cell].innerText.trim()));
  return [...found, [[...document.querySelectorAll('.why > p')].map((each) => each.innerText),
    texts('.why > table tbody tr', [0, 1]), texts('.why details tbody tr', [0, 1, 2])]]; }, [])"""


def shown(ns: int) -> str:
    """A time as the page has it: exact."""
    return format_duration(ns) if ns else "0"


@pytest.fixture(scope="module")
def inversion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a priority inversion: `high` waits for the lock of `low`, while `middle` runs."""
    path = tmp_path_factory.mktemp("page") / "run.html"
    path.write_text(page(api.simulate("priority_inversion_lock", reasons=True)))
    return path


@pytest.mark.parametrize("name", ["buttazzo_rm_edf", "priority_inversion_lock", "gpu_priorities"])
def test_the_panel_of_every_job_says_what_explain_says(browser: Browser, tmp_path: Path, name: str) -> None:
    trace = api.simulate(name, reasons=True)
    path = tmp_path / "run.html"
    path.write_text(page(trace))
    browser.open(path)
    panels = browser.js(PANELS)
    assert len(panels) == len(trace.jobs)
    for job, (sentences, sums, pieces) in enumerate(panels):
        found = explain(trace, job)
        words = found.words
        assert sentences == [found.headline, *words.gone()]
        assert sums == [[shown(ns), said] for ns, said in words.items(found.pieces)]
        several = found.pieces if len(found.pieces) > 1 else ()
        assert pieces == [[shown(each.start), shown(each.length), words.said([each])] for each in several]
    assert browser.said == []


def test_the_bar_leads_to_pieces_and_culprits(browser: Browser, inversion: Path) -> None:
    browser.open(inversion, "#from=12ms&to=17ms&job=high[0]")
    assert browser.js("[...document.querySelectorAll('.bar button')].map((each) => each.ariaLabel)") == [
        "6 ms, 46.2 %: blocked: low[0] held R, and middle[0] ran instead of it (priority inversion)",
        "4 ms, 30.8 %: own work on cpu",
        "3 ms, 23.1 %: blocked: low[0] held R",
    ]
    browser.js("document.querySelectorAll('.bar button')[1].focus()")
    for start, end in ((3, 4), (13, 16), (3, 4)):  # from one of its pieces to the next, and to the first again
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if kind == "keyDown" else {}
            browser("Input.dispatchKeyEvent", type=kind, key="Enter", windowsVirtualKeyCode=13, **text)
        assert browser.js("[view.piece.start, view.piece.end]") == [start * MS, end * MS]
    assert browser.js("view.from") <= 3 * MS
    assert browser.js("byId('said').textContent") == "3 ms, for 1 ms: own work on cpu"
    browser.js("document.querySelector('.why td button').click()")
    assert browser.js("[jobName(view.job), view.piece]") == ["middle[0]", None]


def test_causes_are_shaded_on_the_rows_of_the_culprits(browser: Browser, inversion: Path) -> None:
    shades = """(() => { drawAll(); const { data, width } = pen.getImageData(0, 0, canvas.width, canvas.height);
      const at = (ms, row) => data.slice(...[0, 4].map((more) => 4 * (Math.round(row.top + row.height * 0.15) * width + Math.round(xOf(ms * 1e6))) + more)).join();
      return rows.map((row) => [3.5, 7, 11.5].map((ms) => at(ms, row) !== at(0.5, row))); })()"""
    browser.open(inversion, "#job=high[0]&look=light")
    seen = browser.js(shades)
    assert seen[1] == [False, True, False]  # middle, while it ran instead of the holder
    assert seen[2] == [False, True, True]  # low, while it held the lock
    browser.js("choose(-1)")
    assert browser.js(shades)[1:3] == [[False] * 3] * 2


def test_a_job_that_is_not_explained_has_the_command_that_does(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causes, "MOST_JOBS", 1)
    monkeypatch.setattr(causes, "MOST_MISSES", 1)
    tasks = [task(0, 2, 5), replace(task(1, 4, 7), name="it's")]
    trace, path = simulate(tasks, until=10), tmp_path / "run.html"
    path.write_text(page(trace, command="rtsched explain file.yaml JOB --seed=3"))
    browser.open(path, "#job=a[0]")
    assert browser.js("document.querySelector('.why pre').textContent") == "rtsched explain file.yaml 'a[0]' --seed=3"
    browser.js('choose(jobCalled("it\'s[1]"))')
    assert browser.js("document.querySelector('.why pre').textContent").split()[3] == "'it'\\''s[1]'"
    path.write_text(page(trace))
    browser.open(path, "#job=a[0]")
    assert browser.js("document.querySelector('.why pre').textContent") == 'trace.explain("a", 0)'


def test_an_instant_has_its_queues_in_their_order_and_its_locks(
    browser: Browser, inversion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(ms: float) -> str:
        found: str = browser.js(f"standing({ms} * 1e6)")
        return found

    browser.open(inversion)
    assert said(3) == "cpu high[0]; ready, by priority: low[0]; R held by low[0]"
    assert said(5) == "cpu middle[0]; ready, by priority: low[0]; R held by low[0], high[0] waits for it"
    tasks = [task(0, 2, 20, offset=3), task(1, 3, 20, deadline=15), task(2, 4, 20, deadline=12), task(3, 1, 9)]
    trace, path, other = simulate(tasks, until=20, reasons=True), tmp_path / "run.html", tmp_path / "other.html"
    path.write_text(page(trace))
    browser.open(path)
    assert browser.js("standing(0)") == "cpu0 b[0]; ready, by priority: c[0], d[0]"
    assert browser.js("standing(3)") == "cpu0 a[0]; ready, by priority: c[0], d[0]"
    busy = "instants().every((time) => { const found = standing(time); return !found.includes('ready') || !found.includes('idle'); })"
    assert browser.js(busy)
    other.write_text(page(api.simulate("dhall_partitioned", until="20 ms", reasons=True)))
    browser.open(other)
    assert said(10).endswith("; ready for cpu0, by deadline, then release: light4[1]")
    monkeypatch.setattr(queues, "MOST_LETTERS", 10)
    path.write_text(page(trace))
    browser.open(path)
    assert "(as they came: the run is too long for their order to be in this page): c[0], d[0]" in browser.js(
        "standing(0)"
    )
