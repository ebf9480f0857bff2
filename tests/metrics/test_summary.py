"""Figures of small runs against literals, and of the streaming tally against the trace."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.engine.simulation import run
from rtsched.export.schema import SUMMARY_SCHEMA
from rtsched.export.text import render_table
from rtsched.metrics import tally
from rtsched.metrics.summary import data_ages, headline, mk, output_jitter, reaction_times, start_jitter, summary
from rtsched.metrics.tally import MissRuns, Tally
from rtsched.model.task import Sporadic, Uniform
from rtsched.model.taskgraph import ChainSpec, NodeSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import JOBS
from tests.conftest import DATA
from tests.helpers import cpus, edf, fp, simulate, task

MS = 1_000_000


def test_figures_of_a_run_worked_by_hand() -> None:
    # Buttazzo's set under RM: b runs 2-5, 7-10, 12-15, 17-20, 22-25, 27-30, 32-34 and misses its first deadline by 1
    trace = simulate([task(0, 2, 5), task(1, 4, 7)], until=35)
    a, b = summary(trace).tasks
    assert (a.jobs, a.misses, a.miss_ratio, a.response.max, a.response.mean) == (7, 0, 0.0, 2, 2.0)
    assert (trace.jobs["finish"] - trace.jobs["arrival"])[trace.jobs["task"] == 1].tolist() == [8, 7, 6, 7, 6]
    assert (b.jobs, b.late, b.misses, b.miss_ratio, b.longest_miss_run) == (5, 1, 1, 0.2, 1)
    assert (b.response.min, b.response.mean, b.response.p50, b.response.p95, b.response.max) == (6, 6.8, 7, 8, 8)
    assert (b.response.jitter, b.lateness_max, b.tardiness_max, b.tardiness_mean) == (2, 1, 1, 0.2)
    assert b.response.normalised == pytest.approx(6.8 / 7)
    assert b.slowdown == pytest.approx(1.7)
    assert (mk(trace, 1, 3), mk(trace, 1, 5), mk(trace, 1, 6), mk(trace, 0, 7)) == (2, 4, None, 7)
    assert (start_jitter(trace, 1), output_jitter(trace, 1)) == (2, 1)
    figures = summary(trace)
    assert figures.antt == pytest.approx((1 + 1.7) / 2)
    assert figures.stp == pytest.approx(1 + 1 / 1.7)
    assert figures.fairness == pytest.approx(1 / 1.7)
    assert figures.processors[0].utilisation == pytest.approx(34 / 35)


def test_a_task_that_finishes_nothing_stands_still() -> None:
    starved = SystemSpec(cpus(), (task(0, 10, 10), task(1, 10, 20, on_miss="abort")))
    for sums in (None, Tally(starved, 0)):
        figures = summary(run(starved, fp(), until=100, tally=sums))
        assert [each.finished for each in figures.tasks] == [10, 0]
        assert (figures.antt, figures.stp, figures.fairness) == (None, 1.0, 0.0)
        assert "those of the jobs that finished: 0 of 5 of b" in render_table(figures)
    hopeless = [task(0, 10, 20, on_miss="abort", deadline=5)]
    nobody = summary(simulate(hopeless, until=100))
    assert (nobody.antt, nobody.stp, nobody.fairness) == (None, 0.0, None)
    idle = [task(0, 2, 5), task(1, 1, 100, offset=50)]  # b has no job yet: it is no part of the mix
    figures = summary(simulate(idle, until=20))
    assert (figures.antt, figures.stp, figures.fairness) == (1.0, 1.0, 1.0)
    assert "jobs that finished" not in render_table(figures)


MIXED: dict[str, Any] = {
    "platform": "jetson_agx_orin_64",
    "simulate": {"until": "1 s"},
    "tasks": [
        {"name": "seg", "rate": "5 Hz", "variants": {"family": "fcn_resnet18_cityscapes"}},
        {"name": "cls", "rate": "5 Hz", "wcet": {"gpu": "2 ms"}, "accuracy": 0.7, "weight": 3},
        {"name": "too", "rate": "5 Hz", "wcet": {"gpu": "2 ms"}, "accuracy": 0.9},
    ],
}


def test_accuracies_that_count_different_things_have_no_mean() -> None:
    for kept in (True, False):
        figures = summary(rtsched.simulate(MIXED, trace=kept))
        seg, cls, too = figures.tasks
        assert (seg.measure, cls.measure, too.measure) == ("pixel_accuracy", "top1", "top1")
        assert (figures.accuracy, figures.effective_accuracy) == (None, None)
        pixels, right = figures.measures
        assert (pixels.name, pixels.tasks, pixels.accuracy) == ("pixel_accuracy", ("seg",), seg.accuracy)
        assert (right.name, right.tasks) == ("top1", ("cls", "too"))
        assert cls.accuracy is not None
        assert too.accuracy is not None
        assert right.accuracy == pytest.approx((3 * cls.accuracy + too.accuracy) / 4)
        text = render_table(figures)
        assert "accuracy (pixel_accuracy: seg)" in text
        assert "accuracy (top1: cls, too)" in text
        assert "have no common mean" in text


def test_accuracies_of_one_measure_have_a_mean() -> None:
    pixels = MIXED["tasks"][1] | {"measure": "pixel_accuracy"}
    figures = summary(rtsched.simulate(MIXED | {"tasks": [MIXED["tasks"][0], pixels]}))
    assert [each.name for each in figures.measures] == ["pixel_accuracy"]
    assert figures.accuracy == figures.measures[0].accuracy is not None
    assert "no common mean" not in render_table(figures)
    plain = summary(simulate([task(0, 2, 5)], until=35))
    assert (plain.measures, plain.accuracy, plain.tasks[0].measure) == ((), None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a", "wcet": "1 ms", "period": "9 ms", "measure": "miou"}, "and there is none; add 'accuracy'"),
        (MIXED["tasks"][0] | {"measure": "miou"}, "the family says what its accuracies measure"),
    ],
)
def test_a_measure_without_accuracies_of_its_own_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(rtsched.InputError, match=message):
        rtsched.load(MIXED | {"tasks": [change]})


@pytest.mark.parametrize("name", ["model_switching", "npu_failure", "offload_wifi", "throttling_865", "gpu_priorities"])
def test_what_the_hardware_did_does_not_depend_on_a_trace(name: str) -> None:
    kept, flat = (summary(rtsched.simulate(name, until="2 s", trace=trace)) for trace in (True, False))
    assert kept.hardware == flat.hardware is not None
    assert kept.to_dict() == flat.to_dict()


def test_warm_up_leaves_early_jobs_out() -> None:
    trace = simulate([task(0, 2, 5), task(1, 4, 7)], until=35, warm_up=7)
    assert [figures.jobs for figures in summary(trace).tasks] == [5, 4]


def test_headline_names_the_hard_task_first() -> None:
    hard = [task(0, 3, 4), task(1, 2, 5, criticality="hard"), task(2, 1, 100)]
    line = summary(simulate(hard, until=40)).headline
    assert line.startswith("Hard task b misses")
    assert "by up to" in line
    assert "cpu0 is busy" in line
    fine = summary(simulate([task(0, 1, 4), task(1, 2, 8)], until=8)).headline
    assert fine.startswith("All 3 jobs met their deadlines; the tightest is b, whose slowest job used 37.5 %")


def test_what_is_open_at_the_end_is_never_called_met() -> None:
    figures = summary(simulate([task(0, 1, 4), task(1, 2, 8)], until=8))
    a, b = figures.tasks
    some = replace(figures, jobs=2, tasks=(a, replace(b, jobs=0, ok=0, unfinished=1)))
    assert headline(some).startswith(
        "2 jobs met their deadlines, and 1 job still open at the end, before its deadline; "
    )
    none = replace(figures, jobs=0, tasks=(replace(a, jobs=0, ok=0, unfinished=2),))
    assert headline(none).startswith("No job was judged: 2 jobs still open at the end, before their deadlines; ")
    missing = replace(some, tasks=(replace(a, ok=1, late=1, misses=1, miss_ratio=0.5), some.tasks[1]))
    assert "1 job still open at the end" in headline(missing)


def test_table_shows_every_task_and_processor() -> None:
    text = render_table(summary(simulate([task(0, 2 * MS, 5 * MS), task(1, 4 * MS, 7 * MS)], until=35 * MS)))
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("b "))
    assert row.split() == ["b", "5", "1", "20.0", "6.8", "ms", "8", "ms", "8", "ms", "7", "ms", "0", "–"]
    assert next(line for line in lines if line.startswith("cpu0")).split()[1:] == ["97.1", "5", "0"]
    assert max(map(len, lines)) <= 120


def validate(value: Any, schema: dict[str, Any], where: str = "") -> None:
    """The part of JSON Schema that the summary's schema uses."""
    if "const" in schema:
        assert value == schema["const"], where
    elif "enum" in schema:
        assert value in schema["enum"], where
    elif "oneOf" in schema:
        nothing, something = schema["oneOf"]
        validate(value, nothing if value is None else something, where)
    else:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        python = {
            "object": dict,
            "array": list,
            "string": str,
            "integer": int,
            "number": (int, float),
            "boolean": bool,
            "null": type(None),
        }
        assert any(isinstance(value, python[kind]) for kind in kinds), where  # type: ignore[arg-type]
        if isinstance(value, dict):
            required, known = set(schema["required"]), set(schema["properties"])
            assert required <= set(value) <= known, where
            assert known - required <= {"metrics", "reasons"}, where  # there only where it was asked for
            for name, item in value.items():
                validate(item, schema["properties"][name], f"{where}.{name}")
        elif isinstance(value, list):
            for item in value:
                validate(item, schema["items"], f"{where}[]")
        elif value is not None and "minimum" in schema:
            assert schema["minimum"] <= value <= schema.get("maximum", math.inf), where


def test_json_fits_its_schema() -> None:
    chain = (ChainSpec("c", (0, 1)),)
    system = SystemSpec(cpus(), (task(0, 2, 5), task(1, 4, 7)), chains=chain, assumed=("x",))
    for trace in (run(system, fp(), until=35), run(system, fp(), until=35, tally=Tally(system, 0))):
        validate(json.loads(json.dumps(summary(trace).to_dict())), SUMMARY_SCHEMA)


def random_system() -> SystemSpec:
    """Overloaded, with random gaps and times, drops and skips."""
    times = Uniform(kind="uniform", low=0.2)
    return SystemSpec(
        cpus(),
        tuple(
            task(
                index, c * MS, t * MS, on_miss=on_miss, execution=times,
                arrival=Sporadic(kind="sporadic", mean_extra=MS),
            )
            for index, (c, t, on_miss) in enumerate(
                [(2, 5, "continue"), (4, 9, "abort"), (9, 20, "drop_at_start"), (8, 16, "skip_next"),
                 (11, 30, "drop_if_hopeless"), (9, 45, "continue")]
            )
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("samples", "within"), [(1_000_000, 0), (0, 0.006)])
def test_tally_agrees_with_the_trace(samples: int, within: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_SAMPLES", samples)
    system = random_system()
    kept = summary(run(system, edf(), until=60_000 * MS, seed=3))
    flat = summary(run(system, edf(), until=60_000 * MS, seed=3, tally=Tally(system, 0)))
    assert kept.misses > 1000
    for one, other in zip(kept.tasks, flat.tasks, strict=True):
        assert one.misses > 0
        exact, close = one.response, other.response
        for name in ("jobs", "ok", "late", "dropped", "aborted", "misses", "longest_miss_run", "lateness_max"):
            assert getattr(one, name) == getattr(other, name), name
        for name in ("min", "max", "mean", "jitter", "normalised"):
            assert getattr(exact, name) == getattr(close, name), name
        for name in ("p50", "p95", "p99"):
            assert abs(getattr(close, name) - getattr(exact, name)) <= within * getattr(exact, name)
    assert kept.processors == flat.processors


def ended(rows: list[tuple[int, int, int]]) -> np.ndarray[Any, Any]:
    """Jobs of one task that were released at 0 and finished: (number, deadline, finish)."""
    table = np.zeros(len(rows), JOBS)
    for name, column in zip(("index", "deadline", "finish"), zip(*rows, strict=True), strict=True):
        table[name] = column
    return table


def test_percentiles_are_the_responses_that_a_share_does_not_exceed() -> None:
    """As numpy's inverted_cdf has them, also at numbers of jobs where a share falls on a whole one (20 * 0.95 = 19)."""
    random = np.random.default_rng(7)
    for count in (*range(1, 260), 2000, 9999, 10_000):
        times = random.integers(1, 10**9, count)
        sums = Tally(SystemSpec(cpus(), (task(0, 1, 10**9),)), 0)
        sums.update(ended([(number, 10**9, time) for number, time in enumerate(times.tolist())]))
        expected = np.percentile(times, (50, 95, 99), method="inverted_cdf").tolist()
        assert sums.percentiles(0, (0.5, 0.95, 0.99)) == expected, count


def test_responses_are_taken_in_the_deadline_of_their_own_job() -> None:
    """Where all jobs of a block have that of their task, and where some have another."""
    sums = Tally(SystemSpec(cpus(), (task(0, 1, 10),)), 0)
    for rows in ([(0, 10, 5), (1, 10, 3)], [(2, 20, 5), (3, 10, 2)], [(4, 20, 10)]):
        sums.update(ended(rows))
    assert sums.by_deadline == [{10: 10, 20: 15}]
    assert sums.normalised(0) == 10 / 10 + 15 / 20
    assert sums.totals == [25]


def longest_run(flags: list[bool]) -> int:
    """The longest run of True, the plain way."""
    best = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        best = max(best, now)
    return best


def test_miss_runs_in_any_order_and_blocks() -> None:
    random = np.random.default_rng(5)
    flags = [(random.random(500) < share).tolist() for share in (0.1, 0.5, 0.9, 1.0)]
    rows = [(t, i) for i in range(500) for t in range(4)]
    for block in (1, 7, 100, 5000):
        # jobs end a little out of order
        order = sorted(rows, key=lambda row: row[1] + random.integers(0, 4))
        runs = MissRuns(4)
        for begin in range(0, len(order), block):
            part = order[begin : begin + block]
            task_column, index_column = (np.array(column) for column in zip(*part, strict=True))
            runs.update(task_column, index_column, np.array([flags[t][i] for t, i in part]))
        assert runs.longest.tolist() == [longest_run(each) for each in flags]


CHAINS = json.loads((DATA / "corpus" / "public_chain.json").read_text())["instances"]


@pytest.mark.parametrize("record", CHAINS, ids=[record["id"] for record in CHAINS])
def test_reaction_time_and_data_age_are_the_corpus(record: dict[str, Any]) -> None:
    given, expected = record["input"], record["expected"]
    period = math.lcm(*(each["T"] for each in given["tasks"]))
    tasks = tuple(
        TaskSpec(index, str(index), (NodeSpec(0, "0", (t["C"],)),), t["T"], t["D"], index, offset=t["O"])
        for index, t in enumerate(given["tasks"])
    )
    trace = run(SystemSpec(cpus(), tasks), fp(), until=8 * period, drain="all")
    chain, window = ChainSpec("chain", tuple(given["chain"])), (3 * period, 4 * period)
    assert reaction_times(trace, chain, window).max() == expected["mrt"]
    assert data_ages(trace, chain, window).max() == expected["mda"]
    assert data_ages(trace, chain, window, reduced=True).max() == expected["mrda"]


def test_streaming_keeps_memory_flat() -> None:
    import tracemalloc

    system = SystemSpec(cpus(), (task(0, 2, 5), task(1, 4, 9)))
    peaks = []
    for until in (50_000, 300_000):
        tracemalloc.start()
        run(system, fp(), until=until, tally=Tally(system, 0))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_kept_accuracy_has_one_scale_for_all_measures_and_counts_what_is_in_time() -> None:
    assert rtsched.evaluate(rtsched.simulate(MIXED), "kept_accuracy") == {"kept_accuracy": 1.0}
    smallest = {"ordering": "edf", "adaptation": {"name": "fixed", "variant": -1}}
    # 0.833 of 0.896 at 512x256, the others at their best; weights 1, 3, 1
    kept = rtsched.evaluate(rtsched.simulate(MIXED, scheduler=smallest), "kept_accuracy")["kept_accuracy"]
    assert kept == pytest.approx((0.833 / 0.896 + 3 + 1) / 5)
    late: list[dict[str, Any]] = [MIXED["tasks"][1] | {"deadline": "1 ms"}, MIXED["tasks"][2]]
    cut = MIXED | {"tasks": late, "scheduler": "edf+nonpreemptive"}
    assert rtsched.evaluate(rtsched.simulate(cut), "kept_accuracy") == {"kept_accuracy": 1 / 4}
    for tasks in ([late[0] | {"decay": "5 ms"}], [{"name": "plain", "rate": "5 Hz", "wcet": {"gpu": "2 ms"}}]):
        assert rtsched.evaluate(rtsched.simulate(MIXED | {"tasks": tasks}), "kept_accuracy") == {"kept_accuracy": None}
