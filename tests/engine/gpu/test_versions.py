"""Variants with kernels of their own, block by block: what is launched, shown, believed and proven of them."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched import load, simulate
from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.plot.gantt import gantt
from rtsched.trace.trace import FULL_SPEED
from tests.chips import changes, loaded, run, slices

FIXED = {"ordering": "fifo", "adaptation": {"name": "fixed", "variant": "small"}}


def board(gpu: str = "", switch: str = "start", more: str = "") -> str:
    """Two multiprocessors of one block each; `net` is four blocks of 2 ms, or as `small` two of 3 ms."""
    return f"""
platform:
  processors:
    gpu: {{kind: gpu, block_level: {{sms: 2, threads: 1024, sms_per_tpc: 1, streams: 2{gpu}}}}}
tasks:
  - name: net
    period: 50 ms
    kernels: [{{blocks: 4, threads: 1024, time: 2 ms}}]
    {more}
    variants:
      switch: {switch}
      choices:
        - {{name: full, accuracy: 0.9}}
        - {{name: small, accuracy: 0.9, kernels: [{{blocks: 2, threads: 512, time: 3 ms}}]}}
"""


def waves(text: str, **options: Any) -> list[tuple[float, float, int]]:
    """(start, end, blocks) in ms of every wave of the first job."""
    rows = run(text, until="20 ms", **options).waves
    return [(row["start"] / 1e6, row["end"] / 1e6, int(row["blocks"])) for row in rows]


def test_a_job_launches_the_kernels_of_its_variant() -> None:
    assert waves(board()) == [(0, 2, 2), (2, 4, 2)]
    assert waves(board(), scheduler=FIXED) == [(0, 3, 2)]
    # two blocks of 512 threads are together on an SM of 1024: the half that a percentage leaves is enough
    shared = board(", mps: {half: 50}", more="context: half")
    assert waves(shared) == [(0, 2, 1), (2, 4, 1), (4, 6, 1), (6, 8, 1)]
    assert waves(shared, scheduler=FIXED) == [(0, 3, 2)]


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_it_takes_as_long_in_either_mode_and_scales_with_what_a_job_takes(mode: str) -> None:
    text = board(f", mode: {mode}")
    assert slices(run(text, scheduler=FIXED, until="20 ms"))[0][2:4] == (0, 3)
    half = board(f", mode: {mode}", more="execution: {kind: empirical, samples: [2 ms]}")  # half of the full 4 ms
    assert slices(run(half, scheduler=FIXED, until="20 ms"))[0][2:4] == (0, 1.5)


def test_an_adaptation_takes_a_version_for_its_time() -> None:
    # behind 2 ms of another task the full one is done at 6, small at 5
    text = board(", priorities: 1", more="deadline: 5 ms") + (
        "  - {name: first, period: 50 ms, priority: 0, kernels: [{blocks: 2, threads: 1024, time: 2 ms}]}\n"
    )
    text = text.replace("- name: net", "- name: net\n    priority: 1").replace("streams: 2", "streams: 1")
    trace = run(text, scheduler="fp+resolution", until="20 ms")
    assert trace.choices["variant"].tolist() == [1]
    assert slices(trace)[-1][2:4] == (2, 5)


def test_the_trace_s_check_notices_kernels_of_another_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: StreamProcessor, segment: Any) -> Any:
        segment.node = segment.job.task.nodes[segment.node.index]
        return plain(self, segment)

    plain = StreamProcessor._operations
    monkeypatch.setattr(StreamProcessor, "_operations", full)
    trace = simulate(loaded(board()), scheduler=FIXED, until="20 ms")
    assert any("ran 4 of its 2 blocks" in each for each in trace.check())


def test_limits_and_shares_hold_for_the_version() -> None:
    text = board().replace("kernels: [{blocks: 2", "kernels: [{blocks: 1, threads: 1024, time: 1 ms}, {blocks: 2")
    trace = run(text, scheduler={"name": "xsched-hpf"}, until="20 ms")
    assert trace.choices["variant"].tolist() == [0]
    versions = text.replace("name: full", "name: full, kernels: [{blocks: 4, threads: 1024, time: 3 ms}]")
    versions = versions.replace("    kernels: [{blocks: 4, threads: 1024, time: 2 ms}]\n", "")
    # 6 ms for the first one, 1 and 3 ms for small, which needs one SM
    assert slices(run(versions, scheduler="miriam-style", until="20 ms"))[0][2:4] == (0, 6)
    trace = run(versions, scheduler="aaron-style", until="20 ms")
    assert slices(trace)[0][2:4] == (0, 4)
    assert [row[3] / FULL_SPEED for row in changes(trace, "share")][:1] == [0.5]


def test_beliefs_err_for_each_version_by_itself_and_learn() -> None:
    system = loaded(board() + "estimates: {noise: 0.5, learning: 1}\n")
    trace = simulate(system, scheduler="edf+nonpreemptive+resolution", until="200 ms")
    assert trace.check() == []
    seen: list[tuple[int, int]] = []

    class Asking(rtsched.Scheduler):
        def dispatch(self) -> None:
            for segment in list(self.soc.ready):
                for number in (0, 1):
                    self.soc.reconfigure(segment.job, number)
                    seen.append((number, self.soc.expected(segment, self.soc.processors[0]) or 0))
                self.soc.start(segment.job, segment, self.soc.processors[0])

    simulate(system, scheduler=Asking(), until="60 ms")
    (full, small), (again, learnt) = (dict(seen[:2]).values(), dict(seen[2:]).values())
    assert (full, again) == (full, full)  # it has not run
    assert full * 3 != small * 4  # drawn apart
    assert learnt == 3_000_000


def test_a_proof_takes_the_longest_version_where_a_mask_makes_it_longer() -> None:
    # alone on both SMs the first takes 3 ms and the second 2; on the one that the mask leaves 3 and 4
    text = """
platform:
  processors:
    gpu: {kind: gpu, block_level: {sms: 2, threads: 1024, sms_per_tpc: 1, streams: 1, masks: {net: 1}}}
scheduler: {ordering: dm, adaptation: subflow}
tasks:
  - name: net
    period: 50 ms
    variants:
      - {kernels: [{blocks: 1, threads: 1024, time: 3 ms}], accuracy: 0.9}
      - {kernels: [{blocks: 2, threads: 1024, time: 2 ms}], accuracy: 0.8}
"""
    report = rtsched.analyse(loaded(text))
    assert report.verdict == "schedulable"
    assert report.bounds[0].wcrt == 4_000_000
    fixed = rtsched.analyse(loaded(text), scheduler={"ordering": "dm", "adaptation": {"name": "fixed", "variant": 0}})
    assert fixed.bounds[0].wcrt == 3_000_000
    several = rtsched.analyse(loaded(text.replace("streams: 1", "streams: 2")))
    assert several.verdict == "unknown"


def test_the_best_that_anybody_can_do_is_refused_for_such_a_gpu() -> None:
    pytest.importorskip("ortools")
    with pytest.raises(rtsched.InputError, match="GPU served block by block"):
        rtsched.optimum(loaded(board()), until="50 ms")


def test_a_picture_has_the_blocks_of_the_version(tmp_path: Any) -> None:
    gantt(run(board(), scheduler=FIXED, until="20 ms"), tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text().count("<svg") == 1


def test_it_can_be_set_and_changed_like_any_key() -> None:
    text = board()
    system = loaded(text).with_(
        {"tasks.net.variants.choices.1.kernels": [{"blocks": 8, "threads": 512, "time": "1 ms"}]}
    )
    assert slices(simulate(system, scheduler=FIXED, until="20 ms"))[0][2:4] == (0, 2)
    assert load(system.system).lower().tasks[0].quality is not None
