"""Non-preemptive job sets (A10): published examples, and every schedule of small random sets."""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest

from rtsched.errors import InputError
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems import job_set_graph, job_sets
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.job_sets import (
    Job,
    JobSet,
    completions,
    explore,
    np_job_sets,
    np_job_sets_global,
    read_csv,
)
from tests.conftest import DATA

FILES = DATA / "corpus" / "np_jobsets"
FIG1A = FILES / "fig1a.csv"


# --- what the analysis is compared with: every release, execution time, trigger and cleanup, one schedule each


def latest_start(model: JobSet, waiting: list[int], chosen: int, now: int) -> float:
    """The two policies that idle, as their papers put it: after this instant `chosen` is not started."""
    jobs = model.jobs
    if model.policy == "P-RM":
        top = min(job.priority for job in jobs)
        coming = [i for i in waiting if jobs[i].priority == top and jobs[i].r_max > now]
        if jobs[chosen].priority == top or not coming:
            return float("inf")
        h = jobs[min(coming, key=lambda i: jobs[i].r_max)]
        return h.deadline - h.c_max - jobs[chosen].c_max
    if model.policy == "CW-EDF":
        nexts = []
        for task in {job.task for job in jobs} - {jobs[chosen].task}:
            left = [jobs[i] for i in waiting if jobs[i].task == task]
            nexts += [min(left, key=lambda job: (job.r_min, job.number))] if left else []
        x = float("inf")
        for job in sorted(nexts, key=lambda job: job.deadline, reverse=True):
            x = min(x, job.deadline) - job.c_max
        return x - jobs[chosen].c_max
    return float("inf")


def schedule(model: JobSet, releases: list[int], costs: list[int], stops: dict[int, tuple[int, int]]) -> list[int]:
    """The completions of one schedule, tick by tick; `stops` are triggers and lengths of cleanups."""
    jobs = model.jobs
    waiting = sorted(range(len(jobs)), key=lambda i: (jobs[i].priority, jobs[i].task, jobs[i].number, i))
    end = [10**9] * len(jobs)
    free = [0] * model.m
    for now in range(10_000):
        for processor in range(model.m):
            if free[processor] > now:
                continue
            ready = (i for i in waiting if releases[i] <= now and all(end[a] <= now for a, b in model.edges if b == i))
            chosen = next(ready, None)
            if chosen is None or now > latest_start(model, waiting, chosen, now):
                break
            end[chosen] = now + costs[chosen]
            if chosen in stops and end[chosen] > stops[chosen][0]:
                end[chosen] = max(now, stops[chosen][0]) + stops[chosen][1]
            free[processor] = end[chosen]
            waiting.remove(chosen)
        if not waiting:
            return end
    raise AssertionError(f"jobs {waiting} are never started")


def choices(model: JobSet) -> list[range]:
    """The ranges of all that may vary."""
    ranges = [range(job.r_min, job.r_max + 1) for job in model.jobs]
    ranges += [range(job.c_min, job.c_max + 1) for job in model.jobs]
    for first, last, least, most in model.aborts.values():
        ranges += [range(first, last + 1), range(least, most + 1)]
    return ranges


def enumerated(model: JobSet) -> list[tuple[int, int]]:
    """The earliest and latest completion of each job over all schedules."""
    n = len(model.jobs)
    runs = []
    for values in itertools.product(*choices(model)):
        stops = {i: (values[2 * n + 2 * k], values[2 * n + 2 * k + 1]) for k, i in enumerate(model.aborts)}
        runs.append(schedule(model, list(values[:n]), list(values[n : 2 * n]), stops))
    return [(min(column), max(column)) for column in zip(*runs, strict=True)]


def random_set(
    rng: random.Random, edges: bool = False, aborts: bool = False, most: int = 600, slack: int = 9, **more: Any
) -> JobSet:
    """A few jobs that crowd each other, with not too few schedules and at most `most`."""
    while True:
        n, jobs = rng.randint(3, 6), []
        for i in range(n):
            r, c = rng.randint(0, 9), rng.randint(1, 5)
            late, longer = rng.choice((0, 0, 1, 2, 4)), rng.choice((0, 0, 1, 2, 4))
            deadline = r + late + c + longer + rng.randint(0, slack)
            priority = rng.choice((deadline, rng.randint(0, 3)))
            jobs.append(Job(f"J{i}", r, r + late, c, c + longer, deadline, priority, rng.randint(0, 2), i))
        some = tuple((a, b) for a in range(n) for b in range(a + 1, n) if rng.random() < 0.3) if edges else ()
        stops = {}
        for i in rng.sample(range(n), 2) if aborts else ():
            first, least = rng.randint(jobs[i].r_min, jobs[i].r_min + 9), rng.randint(1, 3)
            stops[i] = first, first + rng.randint(0, 3), least, least + rng.randint(0, 1)
        model = JobSet(tuple(jobs), edges=some, aborts=stops, **more)
        if most // 8 <= math.prod(len(each) for each in choices(model)) <= most:
            return model


def contains(bounds: list[tuple[int, int]], truth: list[tuple[int, int]]) -> bool:
    return all(a <= b and c >= d for (a, c), (b, d) in zip(bounds, truth, strict=True))


# --- what was published, and what was enumerated elsewhere


def records(name: str) -> list[Any]:
    """The job sets among the records of a file."""
    found = json.loads((DATA / "corpus" / name).read_text())["instances"]
    return [pytest.param(each, id=each["id"]) for each in found if each.get("kind", "np_jobset") == "np_jobset"]


@pytest.mark.parametrize("record", records("public_np_jobset.json") + records("ground_truth.json"))
def test_corpus_records(record: dict[str, Any]) -> None:
    given, expected = record["input"], record["expected"]
    jobs = tuple(Job(f"J{i}", **job) for i, job in enumerate(given["jobs"]))
    model = JobSet(jobs, given["m"], tuple((a, b) for a, b in given.get("edges", ())))
    truth = list(zip(expected["best"], expected["worst"], strict=True))
    judge(model, truth, expected["schedulable"])


@pytest.mark.parametrize("record", records("np_jobsets/expected.json"))
def test_published_files(record: dict[str, Any]) -> None:
    files = {key: FILES / record[key] if record[key] else None for key in ("precedence", "aborts")}
    model = read_csv(FILES / record["jobs"], m=record["m"], policy=record["policy"], **files)
    assert [(job.task, job.number) for job in model.jobs] == [(row[0], row[1]) for row in record["completion"]]
    judge(model, [(row[2], row[3]) for row in record["completion"]], record["schedulable"])


def judge(model: JobSet, truth: list[tuple[int, int]], schedulable: bool) -> None:
    """One processor: the truth; several: these sets are small enough for the sufficient bounds to be the truth too."""
    assert completions(model) == truth
    result = np_job_sets(model) if model.m == 1 else np_job_sets_global(model)
    late = "unschedulable" if model.m == 1 else "unknown"
    assert result.verdict == ("schedulable" if schedulable else late)
    assert result.responses == [last - job.r_min for job, (_, last) in zip(model.jobs, truth, strict=True)]
    assert all(bound.exact == (model.m == 1) for bound in result.bounds)


# --- every schedule of small sets


@pytest.mark.parametrize(
    "options",
    [{}, {"edges": True}, {"aborts": True}, {"edges": True, "aborts": True}, {"policy": "P-RM"}],
    ids=["independent", "precedence", "aborts", "precedence and aborts", "P-RM"],
)
def test_one_processor_is_exact(options: dict[str, Any]) -> None:
    rng = random.Random(10)
    for _ in range(300):
        model = random_set(rng, **options)
        assert completions(model) == enumerated(model), model


def test_cw_edf_is_exact_and_starves_where_a_schedule_does() -> None:
    rng = random.Random(11)
    starved = 0
    for _ in range(150):
        model = random_set(rng, policy="CW-EDF", most=100, slack=20)
        try:
            found = completions(model)
        except job_set_graph.Starved:
            starved += 1
            assert np_job_sets(model).verdict == "unschedulable"
            with pytest.raises(AssertionError, match="never started"):
                enumerated(model)
        else:
            assert found == enumerated(model), model
    assert 10 < starved < 100


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("options", [{}, {"edges": True}, {"edges": True, "aborts": True}])
def test_several_processors_contain_the_truth(m: int, options: dict[str, Any]) -> None:
    rng = random.Random(12)
    tight = 0
    for _ in range(150):
        model = random_set(rng, m=m, **options)
        bounds, truth = completions(model), enumerated(model)
        assert contains(bounds, truth), model
        tight += bounds == truth
    assert tight > 100  # sufficient, and yet not far from it


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_soak(seed: int) -> None:
    rng = random.Random(1000 + seed)
    for _ in range(100):
        options = {"edges": rng.random() < 0.5, "aborts": rng.random() < 0.5, "most": 2000}
        model = random_set(rng, **options)
        assert completions(model) == enumerated(model), model
        model = random_set(rng, policy="P-RM", most=2000, aborts=rng.random() < 0.5)
        assert completions(model) == enumerated(model), model
        model = random_set(rng, m=rng.randint(2, 4), **options)
        assert contains(completions(model), enumerated(model)), model


# --- mistakes that these examples would show


def test_longest_times_are_not_the_worst_case() -> None:
    """Figure 1 of the paper: with every job at its longest, nothing is late; the truth is 24 > 20."""
    model = read_csv(FIG1A)
    longest = schedule(model, [job.r_min for job in model.jobs], [job.c_max for job in model.jobs], {})
    assert longest == [2, 12, 27, 32, 42, 52, 10, 39, 25]
    assert all(end <= job.deadline for end, job in zip(longest, model.jobs, strict=True))
    assert completions(model)[1] == (11, 24)
    assert np_job_sets(model).verdict == "unschedulable"


def gap() -> JobSet:
    """A ends by 4 or, stopped at 4 and cleaned up, at 9. At 4 B starts (until 10) before C comes at 6, at 9 C does."""
    jobs = (Job("A", 0, 0, 1, 10, 30, 1), Job("B", 0, 0, 6, 6, 30, 3), Job("C", 6, 6, 1, 1, 30, 2))
    return JobSet(jobs, aborts={0: (4, 4, 5, 5)})


def hull(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What states with a gap between their intervals must not be merged to."""
    return [(min(first for first, _ in spans), max(last for _, last in spans))]


def test_intervals_with_a_gap_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions(gap()) == enumerated(gap()) == [(1, 9), (7, 16), (8, 11)]
    monkeypatch.setattr(job_set_graph, "_merged", hull)  # A could end at 5, then B at 11, C at 12; or at 6, then C at 7
    assert completions(gap()) == [(1, 9), (7, 16), (7, 12)]


def test_intervals_that_overlap_or_touch_become_one() -> None:
    assert job_set_graph._merged([(5, 6), (1, 2), (3, 4), (9, 9), (5, 5)]) == [(1, 6), (9, 9)]
    # Two orders of A and B, both before C; they end at 4..5 and 4..5: one state each for {}, {A}, {B}, {A, B}.
    jobs = (Job("A", 0, 1, 2, 2, 9, 1), Job("B", 0, 1, 2, 2, 9, 2), Job("C", 9, 9, 1, 1, 12, 3))
    assert explore(JobSet(jobs)).states == 4


def test_merging_changes_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(13)
    models = [random_set(rng) for _ in range(100)]
    merged = [completions(model) for model in models]
    monkeypatch.setattr(job_set_graph, "_merged", sorted)
    assert [completions(model) for model in models] == merged


def test_the_processor_waits_for_what_is_certain_not_for_what_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """High may come up to 8, long after low has ended: a bound of idling by the earliest releases would lose it."""
    model = JobSet((Job("low", 0, 0, 2, 2, 10, 2), Job("high", 0, 8, 2, 2, 10, 1)))
    assert completions(model) == enumerated(model) == [(2, 4), (2, 10)]
    monkeypatch.setattr(job_set_graph.Graph, "soonest", lambda self, todo, ends: 0)
    assert completions(model) == [(2, 4), (2, 4)]


# --- theorems


def test_verdict_bounds_and_the_first_late_job() -> None:
    result = np_job_sets(read_csv(FIG1A))
    assert result.verdict == "unschedulable"
    assert result.first_failure is not None
    assert str(result.first_failure) == "'T1J2' may need 14 ns and has 10 ns, 4 ns too little"
    assert (result.bound("T1J2").wcrt, result.bound("T1J2").deadline) == (14, 10)  # from the earliest release
    assert result.evidence[0].strength == "exact"
    assert result.details == {"states": 10}
    assert np_job_sets(read_csv(FIG1A, FILES / "fig1a.prec.csv")).verdict == "schedulable"


def test_each_theorem_keeps_to_its_number_of_processors() -> None:
    one, two = read_csv(FIG1A), read_csv(FIG1A, m=2)
    assert np_job_sets(two).reason == "np-job-sets does not apply: it is about one processor; there are 2"
    assert np_job_sets_global(one).verdict == "unknown"
    assert np_job_sets_global(two).verdict == "schedulable"
    assert theorems()["np-job-sets"].strength == "exact"
    assert theorems()["np-job-sets-global"].strength == "sufficient"


def test_a_late_bound_on_several_processors_proves_nothing() -> None:
    result = np_job_sets_global(read_csv(FILES / "global-fig1.csv", m=2))
    assert result.verdict == "unknown"
    assert result.reason == "'T5J1' may need 8 ns and has 6 ns, 2 ns too little"


def test_no_jobs_are_schedulable() -> None:
    assert np_job_sets(JobSet(())).verdict == "schedulable"
    assert np_job_sets_global(JobSet((), m=2)).verdict == "schedulable"
    assert completions(JobSet(())) == []


def test_the_number_of_states_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = tuple(Job(f"J{i}", 0, 20, 1, 3, 999, i) for i in range(12))
    with pytest.raises(NotConverged, match="more ways than 500 states"):
        completions(JobSet(jobs), cap=500)
    with pytest.raises(NotConverged):
        completions(JobSet(jobs, m=2), cap=50)
    monkeypatch.setattr(job_sets, "MOST_STATES", 500)
    cut = np_job_sets(JobSet(jobs))
    assert cut.verdict == "unknown"
    assert cut.reason.startswith("np-job-sets: the jobs can be dispatched in more ways")
    # A job that is late on the way is late, whatever comes after.
    late = np_job_sets(JobSet((Job("hurried", 0, 0, 5, 5, 4, 0), *jobs)))
    assert late.verdict == "unschedulable"
    assert late.first_failure is not None
    assert late.first_failure.task == "hurried"
    monkeypatch.setattr(job_set_graph, "MOST_BYTES", 50_000)
    with pytest.raises(NotConverged, match=r"after \d+ states the next \d+ take more than 0 MiB"):
        completions(JobSet(jobs))


def test_a_search_ends_soon_after_a_job_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = (Job("hurried", 0, 0, 5, 5, 4, 0), *(Job(f"J{i}", 0, 20, 1, 3, 999, i) for i in range(1, 9)))
    whole = np_job_sets(JobSet(jobs))
    assert whole.details["states"] == 256  # all of them: no more than are looked at anyway
    monkeypatch.setattr(job_set_graph, "ONCE_LATE", 20)
    soon = np_job_sets(JobSet(jobs))
    assert (soon.verdict, soon.first_failure) == ("unschedulable", whole.first_failure)
    assert soon.reason == "a job is late; not all states were seen"
    assert [latest for _, latest in completions(JobSet(jobs))] == whole.responses  # who asks for all gets all


def test_jobs_that_may_take_no_time_leave_the_bounds_sufficient() -> None:
    """At 0 low runs for no time, so high was not released at 0, and cannot end at 1 after it: the bounds forget that."""
    jobs = (Job("low", 0, 0, 0, 0, 9, 2), Job("high", 0, 2, 1, 1, 3, 1), Job("mid", 0, 0, 1, 1, 3, 1, 1))
    assert contains(completions(JobSet(jobs)), enumerated(JobSet(jobs)))
    result = np_job_sets(JobSet(jobs))
    assert not any(bound.exact for bound in result.bounds)
    tight = np_job_sets(JobSet((jobs[0], Job("high", 0, 2, 1, 1, 2, 1))))
    assert tight.verdict == "unknown"
    # The same where a job may start after its trigger, and is stopped at once without a cleanup.
    for trigger, exact in ((3, True), (2, False)):
        stopped = JobSet((Job("late", 0, 2, 4, 4, 9, 1),), aborts={0: (trigger, 5, 0, 0)})
        assert np_job_sets(stopped).bounds[0].exact == exact


def test_a_policy_that_starts_nothing_any_more_is_late() -> None:
    """Both are hopeless: CW-EDF lets neither go first, and waits for ever."""
    jobs = (Job("a", 0, 0, 5, 5, 4, 1, task=1), Job("b", 0, 0, 5, 5, 4, 2, task=2))
    result = np_job_sets(JobSet(jobs, policy="CW-EDF"))
    assert result.verdict == "unschedulable"
    assert "CW-EDF may refuse 'a' for ever" in result.reason


def test_p_rm_idles_for_the_most_urgent_job() -> None:
    """Work-conserving, the long job starts at 9 and the second job of task 1 ends at 27; P-RM waits for it at 10."""
    path = FILES / "prm-fig1.csv"
    assert completions(read_csv(path))[1] == (27, 27)
    assert completions(read_csv(path, policy="P-RM"))[1] == (11, 11)
    assert np_job_sets(read_csv(path, policy="P-RM")).verdict == "schedulable"


def test_cw_edf_keeps_room_for_all_jobs_to_come() -> None:
    """b must start by 12 - 6 = 6, so a by 6 - 2 = 4, so the long job by 4 - 5: it waits, though a alone would let it."""
    a, b = Job("a", 4, 4, 2, 2, 10, 10, task=1), Job("b", 4, 4, 6, 6, 12, 12, task=2)
    jobs = (a, b, Job("long", 0, 0, 5, 5, 30, 30, task=3))
    assert completions(JobSet(jobs)) == [(7, 7), (13, 13), (5, 5)]
    assert completions(JobSet(jobs, policy="CW-EDF")) == [(6, 6), (12, 12), (17, 17)]


# --- large sets


def hyperperiod(jobs: int, least: float, m: int = 1) -> JobSet:
    """The first jobs of twenty periodic tasks, rate-monotonic, no jitter, from `least` of the longest time to it."""
    rng = random.Random(5)
    periods = sorted(rng.choice((1000, 2000, 5000, 10_000, 20_000, 50_000)) for _ in range(20))
    shares = [rng.random() for _ in periods]
    made = []
    for task, (period, share) in enumerate(zip(periods, shares, strict=True)):
        longest = max(1, int(0.7 * m * period * share / sum(shares)))
        for number in range(300_000 // period):
            r = number * period
            made.append(Job(f"{task}.{number}", r, r, int(longest * least), longest, r + period, task, task, number))
    made.sort(key=lambda job: (job.r_min, job.task))
    return JobSet(tuple(made[:jobs]), m=m)


@pytest.mark.parametrize(
    ("jobs", "least", "m", "states", "seconds"),
    [(318, 1.0, 1, 318, 0.1), (1459, 1.0, 1, 1459, 0.5), (1459, 0.5, 1, 12_000, 1), (1459, 0.5, 2, 30_000, 2)],
)
def test_large_sets_take_little_time(jobs: int, least: float, m: int, states: int, seconds: float) -> None:
    """Measured: 1, 5, 30 and 90 ms; the limits leave room for a busy machine."""
    model = hyperperiod(jobs, least, m)
    begin = time.process_time()
    graph = explore(model)
    assert time.process_time() - begin < seconds
    assert len(model.jobs) == jobs
    assert jobs <= graph.states <= states


def test_what_has_run_is_not_walked_past() -> None:
    """A job that some states still wait for, and others ran at first: 1.4 s when each state looked at all since then."""
    others = [Job(f"h{i}", 10 * i, 10 * i + (not i), 10, 10, 10 * i + 40, 0, 0, i) for i in range(4000)]
    model = JobSet((Job("w", 0, 0, 1, 1, 10**9, 10**6, 1, 0), *others))
    begin = time.process_time()
    assert np_job_sets(model).verdict == "schedulable"
    assert time.process_time() - begin < 0.7


# --- files and models that cannot be used


HEADER = "Task ID, Job ID, Arrival min, Arrival max, Cost min, Cost max, Deadline, Priority\n"
ROW = "1, 1, 0, 0, 1, 2, 10, 10\n"


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("\ufeff" + HEADER + ROW + "\n  2,\t7, -3, 4, 1, 2, 10, 5")
    model = read_csv(path, m=2)
    assert model.jobs == (Job("T1J1", 0, 0, 1, 2, 10, 10, 1, 1), Job("T2J7", -3, 4, 1, 2, 10, 5, 2, 7))
    assert (model.m, model.name, model.policy) == (2, "two", "work-conserving")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER, ": no jobs; add a row each: task, job, release min"),
        (ROW, ":1: the first line is a header, and this is a row; put one above: task"),
        (HEADER + ROW + "1, 2, 3", ":3: 3 columns instead of 8; write task, job"),
        (HEADER + "1, 1, 0, 0, 1.5, 2, 10, 10", ":2: '1.5' is no integer; scale the times to whole ticks"),
        (HEADER + "1, 1, 0, 0, 1, , 10, 10", ":2: '' is no integer"),
        (HEADER + "1, 1, 5, 4, 1, 2, 10, 10", ":2: job 'T1J1' has releases or costs out of order; write least, most"),
        (HEADER + "1, 1, 4, 4, 3, 2, 10, 10", ":2: job 'T1J1' has releases or costs out of order"),
        (HEADER + "1, 1, 4, 4, -1, 2, 10, 10", ":2: job 'T1J1' has releases or costs out of order"),
        (HEADER + ROW + ROW, ":3: job 1 of task 1 stands here again; give it a number of its own"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_csv(path)
    assert str(caught.value).startswith(f"{path}{problem}")


@pytest.mark.parametrize(
    ("which", "text", "problem"),
    [
        ("precedence", "h\n1, 1, 1, 99", ":2: there is no job 99 of task 1; name one of "),
        ("precedence", "h\n1, 1, 1, 2, 0, 5", ":2: 6 columns instead of 4; write predecessor task"),
        ("precedence", "h\n1, 1, 1, 2\n1, 2, 1, 1", ": the precedence has a cycle, of which no job can be first"),
        ("precedence", "h\n1, 1, 1, 1", ": the precedence has a cycle"),
        ("aborts", "h\n9, 1, 1, 1, 0, 0", ":2: there is no job 1 of task 9"),
        ("aborts", "h\n1, 1, 5, 4, 0, 0", ":2: triggers or cleanups are out of order; write least, most"),
        ("aborts", "h\n1, 1, 5, 5, -1, 0", ":2: triggers or cleanups are out of order"),
    ],
)
def test_bad_precedences_and_aborts_are_named(tmp_path: Path, which: str, text: str, problem: str) -> None:
    path = tmp_path / "more.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_csv(FIG1A, **{which: path})
    assert str(caught.value).startswith(f"{path}{problem}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "noise.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"noise\.csv:1:1: is not UTF-8 text"):
        read_csv(tmp_path / "noise.csv")
    with pytest.raises(InputError, match="P-RM is about independent jobs on one processor; take work-conserving"):
        read_csv(FIG1A, m=2, policy="P-RM")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"m": 0}, "0 processors cannot run anything"),
        ({"policy": "LIFO"}, "'LIFO' is no policy; take one of work-conserving, P-RM, CW-EDF"),
        ({"edges": ((0, 2),)}, "names a position without a job"),
        ({"aborts": {-1: (0, 0, 0, 0)}}, "names a position without a job"),
        ({"edges": ((0, 1), (1, 0))}, "cycle"),
    ],
)
def test_models_that_mean_nothing(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        JobSet((Job("a", 0, 0, 1, 1, 9, 1), Job("b", 0, 0, 1, 1, 9, 1)), **change)
