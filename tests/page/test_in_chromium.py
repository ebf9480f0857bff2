"""The page in a browser: looked at by keys and mouse. Chromium costs a few seconds once, and nothing where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtsched import api
from rtsched.page.page import page
from tests.helpers import cpus, simulate, task
from tests.page.browser import Browser
from tests.page.test_page import HOSTILE

MS = 10**6


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the textbook's example in which `long` misses at 7 ms, and is preempted in every job."""
    path = tmp_path_factory.mktemp("page") / "run.html"
    path.write_text(page(api.simulate("buttazzo_rm_edf", reasons=True), "name: as given"))
    return path


def at(browser: Browser, ms: float, row: int) -> tuple[float, float]:
    """Where an instant lies in a row, on the screen."""
    script = (
        f"(() => {{ const box = canvas.getBoundingClientRect(); const row = rows[{row}];"
        f" return [box.left + xOf({ms} * 1e6), box.top + row.top + row.height * 0.6]; }})()"
    )
    x, y = browser.js(script)
    return x, y


def window(browser: Browser) -> tuple[float, float]:
    """What the timeline shows, in ms."""
    start, end = browser.js("[view.from, view.to]")
    return start / MS, end / MS


def test_keys_and_mouse_move_the_window(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    assert window(browser) == pytest.approx((-0.35, 35.35))
    x, y = at(browser, 20, 0)
    browser.mouse("mouseMoved", x, y)
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-500)
    browser.drawn()
    start, end = window(browser)
    assert end - start == pytest.approx(35.7 * 1.0015**-500)
    assert (20 - start) / (end - start) == pytest.approx((20 + 0.35) / 35.7, abs=1e-3)  # the pointer's instant stays
    browser.drag(x, y, x - 100)
    assert window(browser)[0] > start
    browser.key("+")
    assert window(browser)[1] - window(browser)[0] == pytest.approx(0.7 * (end - start))
    browser.key("ArrowLeft")
    browser.key("0")
    assert window(browser) == pytest.approx((-0.35, 35.35))
    assert browser.said == []


def test_two_fingers_zoom(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    x, y = at(browser, 10, 0)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", None)):
        places = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        browser("Input.dispatchTouchEvent", type=kind, touchPoints=places)
    browser.drawn()
    start, end = window(browser)
    assert end - start == pytest.approx(35.7 / 2)
    assert (10 - start) / (end - start) == pytest.approx((10 + 0.35) / 35.7, abs=1e-3)


def test_the_strip_has_a_window_to_drag(browser: Browser, rates: Path) -> None:
    browser.open(rates, "#from=10 ms&to=20ms")
    box = browser.js("(({left, top, width, height}) => [left, top + height / 2, width])(strip.getBoundingClientRect())")
    inside = [box[0] + box[2] * ms / 35 for ms in (15, 22)]
    browser.drag(inside[0], box[1], inside[1])
    assert window(browser) == pytest.approx((17, 27), abs=0.1)


def test_from_miss_to_miss_and_a_job_by_its_name(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    browser.key("n")
    assert browser.js("jobName(view.job)") == "long[0]"
    said = browser.js("byId('job').innerText")
    assert all(fact in said for fact in ("late", "8 ms", "7 ms", "late by", "1 ms", "cpu 4 ms"))
    start, end = window(browser)
    assert start <= 0
    assert end >= 8
    browser.key("n")
    assert "last miss" in browser.js("byId('said').textContent")
    browser.key(".")
    assert browser.js("jobName(view.job)") == "long[1]"
    browser.key("Escape")
    assert browser.js("byId('job').hidden")


def test_hover_and_click_show_a_job(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    x, y = at(browser, 4, 1)
    browser.mouse("mouseMoved", x, y)
    browser.drawn()
    assert browser.js("byId('tip').textContent").startswith("long[0]\noutcome: late\n")
    browser.drag(*at(browser, 11, 2))
    assert browser.js("jobName(view.job)") == "short[2]"


def test_two_clicks_measure_and_space_steps(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    browser.drag(*at(browser, 2.17, 0))  # beside short[0], which ended at 2
    browser.drag(*at(browser, 4.75, 0))
    assert browser.js("byId('said').textContent") == "3 ms from 2 ms to 5 ms"
    for _ in range(3):
        browser.key(" ")
    assert browser.js("byId('said').textContent") == "5 ms: cpu short[1]; ready, by period: long[0]"


def test_the_address_says_what_is_seen(browser: Browser, rates: Path) -> None:
    browser.open(rates, "#from=1000000&to=9000000&job=long%5B1%5D&rows=ong&look=dark")
    assert browser.js("[view.from, view.to, jobName(view.job), rows.map((row) => row.name).join()]") == [
        MS, 9 * MS, "long[1]", "long",
    ]  # fmt: skip
    assert browser.js("document.documentElement.dataset.look") == "dark"
    browser.key("ArrowRight")
    browser.js("new Promise((then) => setTimeout(then, 200))")
    assert browser.js("location.hash") == "#from=2600000&to=10600000&job=long%5B1%5D&rows=ong&look=dark"
    browser.open(rates, "#from=x&to=%E0%A4%A&job=nobody%5B1%5D&look=nothing")
    assert window(browser) == pytest.approx((-0.35, 35.35))


def test_the_table_has_all_jobs_and_sorts(browser: Browser, rates: Path) -> None:
    browser.open(rates)
    assert browser.js("byId('jobs').tBodies[0].rows.length") == 12
    browser.js("[...byId('jobs').tHead.querySelectorAll('button')][6].click()")
    browser.js("[...byId('jobs').tHead.querySelectorAll('button')][6].click()")
    assert browser.js("byId('jobs').tBodies[0].rows[0].innerText").split("\t")[:2] == ["long[0]", "late"]
    browser.js("byId('which').value = 'late'; byId('which').dispatchEvent(new Event('input'))")
    assert browser.js("byId('pages').textContent").split() == ["‹", "1", "to", "1", "of", "1", "›"]
    assert browser.js("byId('given').textContent") == "name: as given"


def test_counters_have_the_jobs_in_the_system_and_what_moved(browser: Browser, rates: Path, tmp_path: Path) -> None:
    browser.open(rates)
    steps = "allRows.find((row) => row.kind === 'counter')"
    assert browser.js(f"[...{steps}.time].map((time, i) => [time / 1e6, {steps}.value[i]]).slice(0, 6)") == [
        [0, 2], [2, 1], [5, 2], [7, 2], [8, 1], [10, 2],
    ]  # fmt: skip
    path = tmp_path / "heat.html"
    path.write_text(page(api.simulate("throttling_865", until="60 s")))
    browser.open(path)
    assert browser.js("rows.map((row) => row.name)") == ["camera", "prime", "power", "clock of prime", "temperature"]
    assert browser.js("rows.map((row) => row.unit ?? '')") == ["", "", "W", "MHz", "°C"]
    assert browser.js("rows[3].most") == 2841


def test_no_miss_is_lost_where_a_pixel_holds_many_jobs(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    tasks = [task(0, 1, 1000), task(1, 3, 2, offset=600_000, count=1)]
    path.write_text(page(simulate(tasks, until=1_200_000)))
    browser.open(path, "#look=light")
    script = """(() => { const box = rows[1]; const at = Math.round(xOf(600002));
      const data = pen.getImageData(at - 8, box.top, 17, box.height).data;
      for (let i = 0; i < data.length; i += 4) if (data[i] > 170 && data[i + 1] < 30) return true;
      return false; })()"""
    assert browser.js("misses.length") == 1
    assert browser.js(script)


@pytest.mark.parametrize("width", [400, 1280])
def test_hostile_names_run_and_overlap_nothing(browser: Browser, tmp_path: Path, width: int) -> None:
    tasks = [replace(task(0, 2, 5), name=HOSTILE), task(1, 2, 9)]
    trace = simulate(tasks, processors=(replace(cpus()[0], name=HOSTILE),), until=10)
    path = tmp_path / "hostile.html"
    path.write_text(page(replace(trace, scheduler=HOSTILE, system=replace(trace.system, name=HOSTILE)), HOSTILE))
    browser("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.open(path)
    browser.js("choose(0)")
    assert browser.js("document.querySelectorAll('img').length") == 0
    assert browser.js("document.documentElement.scrollWidth <= innerWidth")
    assert browser.js("gutter <= canvas.clientWidth / 4")
    assert browser.js(
        "[...document.querySelectorAll('h1, h2, dd, p')].every((each) => each.scrollWidth <= each.clientWidth + 1)"
    )
    assert browser.said == []
