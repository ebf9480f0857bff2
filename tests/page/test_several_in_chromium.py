"""The page of several runs in a browser: lanes on one axis, one job chosen in all of them, where they part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtsched import api
from rtsched.model.taskgraph import NodeSpec, TaskSpec
from rtsched.page.several import comparison
from tests.helpers import cpus, simulate, task
from tests.page.browser import Browser
from tests.page.test_page import HOSTILE

MS = 10**6


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Under RM `long[0]` is late; under EDF it is not preempted at 5 ms, and in time."""
    path = tmp_path_factory.mktemp("page") / "several.html"
    traces = {policy: api.simulate("buttazzo_rm_edf", scheduler=policy) for policy in ("rm", "edf")}
    path.write_text(comparison(traces, "name: as given", "a table"))
    return path


def rows(browser: Browser) -> list[str]:
    """The rows from top to bottom, each with the letter of its policy."""
    found: list[str] = browser.js("rows.map((row) => `${runs[row.run].facts.letter} ${row.name}`)")
    return found


def test_each_policy_has_its_lanes(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    assert rows(browser) == ["A rm", "A short", "A long", "A cpu", "B edf", "B short", "B long", "B cpu"]
    browser.js("byId('order').value = 'rows'; byId('order').dispatchEvent(new Event('change'))")
    assert rows(browser) == ["A rm", "B edf", "A short", "B short", "A long", "B long", "A cpu", "B cpu"]
    browser.js("byId('filter').value = 'edf cpu'; byId('filter').dispatchEvent(new Event('input'))")
    assert rows(browser) == ["B edf", "B cpu"]
    assert browser.said == []


def test_a_job_is_chosen_under_all_policies(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    browser.key("n")
    assert browser.js("byId('said').textContent") == "miss 1 of 1: long[0]: A 8 ms late, B 6 ms"
    assert browser.js("ofEach(() => jobName(view.job))") == ["long[0]", "long[0]"]
    table = "[...document.querySelectorAll('.fates tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
    found = {line[0]: line[1:] for line in browser.js(table)}
    assert found[""] == ["A rm", "B edf"]
    assert (found["outcome"], found["response"], found["preemptions"]) == (["late", "ok"], ["8 ms", "6 ms"], ["1", "0"])
    browser.js("document.querySelectorAll('.fates button')[1].click()")
    assert browser.js("[facts.letter, document.querySelector('.fates h3').textContent]") == ["B", "Under B edf"]
    browser.key(".")
    assert browser.js("ofEach(() => jobName(view.job))") == ["long[1]", "long[1]"]
    browser.key("Escape")
    assert browser.js("runs.map((each) => each.chosen)") == [-1, -1]


def test_a_click_chooses_in_the_lane_under_the_pointer(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    place = """(() => { const box = canvas.getBoundingClientRect(); const row = rows[5];
      return [box.left + xOf(6e6), box.top + row.top + row.height * 0.6]; })()"""
    x, y = browser.js(place)
    browser.mouse("mouseMoved", x, y)
    browser.drawn()
    assert browser.js("byId('tip').textContent").startswith("short[1]\noutcome: ok\n")
    browser.drag(x, y)
    assert browser.js("[facts.letter, jobName(view.job), fared(view.job)]") == ["B", "short[1]", "3 ms"]
    browser.drag(x, y)
    assert browser.js("view.job") == -1


def test_where_they_part_and_who_fares_otherwise(browser: Browser, rates: Path) -> None:
    browser.open(rates, "#from=20ms&to=30ms")
    browser.key("f")
    said = "First difference at 5 ms: A: start short[1] on cpu; preempt long[0] on cpu; B: long[0] on cpu goes on."
    assert browser.js("byId('said').textContent") == said
    assert browser.js("view.from < 5e6 && view.to > 5e6")
    assert said in browser.js("byId('parting').innerText")
    dashes = """(() => { const at = Math.round(xOf(5e6)); const data = pen.getImageData(at - 1, 40, 2, 200).data;
      const ink = hatch && colours.parted; pen.fillStyle = ink; let seen = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] > 120 && data[i + 1] < 60 && data[i + 2] > 120) seen++;
      return seen; })()"""
    assert browser.js(dashes) > 100
    browser.key("0")
    browser.key("d")
    assert browser.js("byId('said').textContent") == "1 of 8 that fare otherwise: long[0]: A 8 ms late, B 6 ms"
    browser.key("d")
    assert "2 of 8 that fare otherwise: short[1]: A 2 ms, B 3 ms" in browser.js("byId('said').textContent")
    browser.key("D", shift=True)
    browser.key("D", shift=True)
    assert browser.js("byId('said').textContent") == "that was the first job that fares otherwise"


def test_tables_have_both_policies(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    text = "[...byId('{}').rows].map((row) => row.innerText)"
    assert browser.js(text.format("jobs"))[:3] == [
        "job\trelease\tdeadline\tA rm\tB edf\tB − A", "short[0]\t0\t5 ms\t2 ms\t2 ms\t0", "long[0]\t0\t7 ms\t8 ms late\t6 ms\t−2 ms",
    ]  # fmt: skip
    browser.js("[...byId('jobs').tHead.querySelectorAll('button')].at(-1).click()")
    assert browser.js(text.format("jobs"))[1].endswith("−2 ms")
    browser.js("byId('which').value = 'differs short'; byId('which').dispatchEvent(new Event('input'))")
    assert browser.js("byId('pages').textContent").split() == ["‹", "1", "to", "4", "of", "4", "›"]
    browser.js("byId('jobs').tBodies[0].rows[0].click()")
    assert browser.js("jobName(view.job).startsWith('short')")
    assert browser.js(text.format("tasks"))[3].startswith("long\tA rm\t5\t1\t0\t")
    assert browser.js(text.format("totals"))[2].startswith("B edf\t12\t0\t0.8571\t")
    assert browser.js("[byId('compared').textContent, byId('given').textContent]") == ["a table", "name: as given"]


def test_the_address_says_which_policy_too(browser: Browser, rates: Path) -> None:
    browser.open(rates, "#from=1000000&to=9000000&job=long%5B1%5D&policy=B&order=rows&misses=A")
    assert browser.js("[facts.letter, jobName(view.job), view.order, view.of]") == ["B", "long[1]", "rows", "A"]
    browser.key("ArrowRight")
    browser.js("new Promise((then) => setTimeout(then, 200))")
    wanted = "#from=2600000&to=10600000&job=long%5B1%5D&policy=B&order=rows&misses=A"
    assert browser.js("location.hash") == wanted
    browser.open(rates, "#policy=Z&misses=Z&order=Z")
    assert browser.js("[facts.letter, view.order, view.of]") == ["A", "policies", "any"]


def test_space_says_who_runs_under_each(browser: Browser, rates: Path) -> None:
    browser.open(rates, "#from=5.5 ms&to=12ms")
    browser.key(" ")
    assert browser.js("byId('said').textContent") == (
        "6 ms: A cpu short[1]; not running: long[0] | B cpu short[1]; nobody waits"
    )


def test_jobs_that_only_one_run_released_are_said_and_matched_by_index(browser: Browser, tmp_path: Path) -> None:
    spawned = TaskSpec(1, "b", (NodeSpec(0, "b", (1,)),), None, 5, 1, after=0)
    runs = [simulate([task(0, 6, 10, deadline=5, on_miss=what), spawned], until=30) for what in ("continue", "abort")]
    path = tmp_path / "spawned.html"
    path.write_text(comparison(dict(zip(("continue", "abort"), runs, strict=True))))
    browser.open(path, "#job=b%5B1%5D&policy=B")
    assert "Not released in B: 3 of them: jobs are matched by task and index." in browser.js(
        "byId('parting').innerText"
    )
    assert browser.js("[facts.letter, jobName(view.job), runs[1].chosen]") == ["A", "b[1]", -1]  # where it is
    assert "outcome\tok\tno such job" in browser.js("document.querySelector('.fates').innerText")
    assert browser.js("document.querySelectorAll('.fates button')[1].disabled")
    texts = browser.js("[...byId('jobs').tBodies[0].rows].map((row) => row.innerText)")
    last = next(text for text in texts if text.startswith("b[1]"))
    assert last.split("\t")[3:] == ["1 ns", "no such job", "–"]


@pytest.mark.parametrize(("width", "count"), [(400, 2), (1280, 6)])
def test_hostile_names_run_and_overlap_nothing(browser: Browser, tmp_path: Path, width: int, count: int) -> None:
    tasks = [replace(task(0, 2, 5), name=HOSTILE), task(1, 2, 9)]
    machine = replace(cpus()[0], name=HOSTILE)
    trace = simulate(tasks, processors=(machine,), until=10)
    path = tmp_path / "hostile.html"
    labels = [f"{number}{HOSTILE}" for number in range(count)]
    path.write_text(comparison(dict(zip(labels, [trace] * count, strict=True)), HOSTILE, HOSTILE, HOSTILE))
    browser("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.open(path)
    browser.js("choose(0)")
    assert browser.js("document.querySelectorAll('img').length") == 0
    assert browser.js("document.documentElement.scrollWidth <= innerWidth")
    assert browser.js("gutter <= canvas.clientWidth / 4")
    assert browser.js(
        "[...document.querySelectorAll('h1, h2, h3, p, #headline')].every((each) => each.scrollWidth <= each.clientWidth + 1)"
    )
    assert browser.said == []
    browser("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
