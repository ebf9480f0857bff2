"""The rows beside tasks and processors, the counters and the histograms, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtsched import api
from rtsched.page.page import page
from rtsched.verify.shown import declared_run, proof
from rtsched.verify.verification import verify
from tests.chips import run
from tests.helpers import simulate, task
from tests.page.browser import COMMAND, Browser
from tests.page.test_in_chromium import at
from tests.page.test_power import ALL
from tests.page.test_rows import CHAINS

pytestmark = pytest.mark.skipif(
    COMMAND is None, reason="Chromium is not installed here, which these tests look through"
)


def opened(browser: Browser, folder: Path, text: str, part: str = "") -> None:
    """Open a page, as wide as a laptop."""
    path = folder / "run.html"
    path.write_text(text)
    browser("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(path, part)


def names(browser: Browser) -> list[str]:
    """The rows that are shown."""
    found: list[str] = browser.js("rows.map((row) => row.name)")
    return found


def test_nodes_of_a_graph_are_rows_that_wait_until_they_run(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(api.simulate("graham")), "#show=node&rows=t7")
    assert names(browser) == ["job · t7"]
    assert browser.js("[rows[0].open.start[0], rows[0].own.start[0], rows[0].open.end[0]]") == [4e6, 8e6, 12e6]
    browser.drag(*at(browser, 9, 0))
    assert browser.js("jobName(view.job)") == "job[0]"
    assert browser.js("[...byId('kind').options].map((option) => option.value)") == [
        "all", "task", "processor", "node", "counter",
    ]  # fmt: skip
    assert browser.said == []


def test_chains_are_rows_from_the_first_release_to_the_last_end(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(run(CHAINS, until="40 ms")), "#show=chain&rows=arc")
    assert browser.js("[rows[0].table.start[0], rows[0].table.end[0], rows[0].table.jobs[0].map(jobName)]") == [
        0, 13e6, ["sense[0]", "see[1]", "act[2]"],
    ]  # fmt: skip
    browser.mouse("mouseMoved", *at(browser, 1.5, 0))
    browser.drawn()
    assert browser.js("byId('tip').textContent").endswith("sense[0] → see[1] → act[2]: 13 ms")


def test_blocks_on_a_gpu_have_their_place_and_never_overlap(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(api.simulate("gpu_head_of_line")), "#show=sm")
    assert names(browser) == ["gpu: blocks on its SMs", "gpu: copies"]
    table = browser.js("(({start, end, foot, tall}) => ({start, end, foot, tall}))(rows[0].table)")
    boxes = list(zip(*(table[key] for key in ("start", "end", "foot", "tall")), strict=True))
    assert [box for box in boxes if box[0] == 0] == [(0, 1e9, 0, 3072)]
    for place, (start, end, foot, tall) in enumerate(boxes):
        assert foot + tall <= 4096
        for other in boxes[place + 1 :]:
            apart = other[0] >= end or other[1] <= start
            assert apart or other[2] >= foot + tall or other[2] + other[3] <= foot


def test_rows_in_the_order_of_priorities(browser: Browser, tmp_path: Path) -> None:
    tasks = [task(0, 1, 20, priority=2), task(1, 1, 10, priority=0), task(2, 1, 15, priority=1)]
    opened(browser, tmp_path, page(simulate(tasks, until=20)), "#by=priority")
    assert names(browser) == ["b", "c", "a", "cpu0"]
    browser.js("byId('by').value = 'file'; byId('by').dispatchEvent(new Event('change'))")
    assert names(browser) == ["a", "b", "c", "cpu0"]
    opened(browser, tmp_path, page(api.simulate("dhall")))
    assert browser.js("byId('by').parentElement.hidden")


def test_a_wait_for_a_lock_names_its_holder(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(api.simulate("priority_inversion_lock")))
    browser.mouse("mouseMoved", *at(browser, 8, 0))
    browser.drawn()
    assert browser.js("byId('tip').textContent").endswith("\nwaits for R, held by low[0]")
    assert "waits for a resource" in browser.js("byId('legend').textContent")


def test_power_is_a_counter_and_its_parts_are_among_the_counters(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(run(ALL, until="100 ms")))
    assert names(browser)[-3:] == ["power", "memory traffic", "clock of big0"]
    browser.js("byId('kind').value = 'counter'; byId('kind').dispatchEvent(new Event('change'))")
    assert {"jobs in the system", "power of npu", "power of base"} < set(names(browser))


def test_histograms_have_deadline_bound_and_words(browser: Browser, tmp_path: Path) -> None:
    found = verify("burns_wellings", runs=0)
    opened(browser, tmp_path, page(declared_run(found), proof=proof(found)))
    assert browser.js("document.querySelectorAll('#responses svg').length") == 3
    words = browser.js("document.querySelectorAll('#responses figcaption')[2].textContent")
    assert words == (
        "c 12 finished in 12 ms to 52 ms, median 32 ms; 1 late. Deadline 50 ms, "
        "bound 52 ms by fp-rta, attained; unschedulable."
    )
    last = "document.querySelectorAll('#responses svg')[2]"
    assert "1 up to 12 ms" in browser.js(f"{last}.ariaLabel ?? {last}.getAttribute('aria-label')")
    assert browser.js(
        f"[{last}.querySelectorAll('.deadline, .bound').length, {last}.querySelectorAll('.late').length]"
    ) == [2, 1]
    assert browser.js("byId('proof').textContent").startswith("burns_wellings: UNSCHEDULABLE")
    assert browser.js("byId('steps').textContent").startswith("The calculation for cpu, times in ms\n")
    assert browser.js("byId('tasks').tHead.innerText").strip().endswith("bound\tverdict")


def test_jobs_that_never_finished_are_counted_beside_the_others(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, page(simulate([task(0, 2, 5), task(1, 4, 7, on_miss="abort")], until=10)))
    words = browser.js("[...document.querySelectorAll('#responses figcaption')].map((each) => each.textContent)")
    assert words == [
        "a 2 finished in 2 ns. Deadline 5 ns.",
        "b 1 finished in 4 ns; 1 aborted. Deadline 7 ns.",
    ]
