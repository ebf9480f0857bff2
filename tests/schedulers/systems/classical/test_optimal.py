"""EKG, RUN, LLREF, DP-WRAP and BF: hand-worked examples, and no miss where all processors are loaded wholly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import units
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.systems.classical.ekg import EKG
from rtsched.verify.verification import verify

OPTIMAL = ["bf", "dp-wrap", "ekg", "llref", "run"]
#: Three tasks of 2/3 fill two processors, where global EDF misses.
THIRDS = {
    "platform": "multicore:2",
    "tasks": [{"name": name, "wcet": "2 ms", "period": "3 ms"} for name in "abc"],
}


def simulated(system: Any, policy: Any, until: str) -> tuple[int, Any]:
    """The misses of a run, and the run."""
    trace = rtsched.simulate(system, scheduler=policy, until=until)
    assert trace.check() == []
    return sum(task.misses for task in rtsched.summary(trace).tasks), trace


def slices(trace: Any) -> list[tuple[int, int, int, int]]:
    """(job, processor, start, end) in ms."""
    return [
        (int(s["job"]), int(s["processor"]), int(s["start"]) // units.MS, int(s["end"]) // units.MS)
        for s in trace.slices
    ]


def full(random: np.random.Generator, processors: int, periods: list[int], unit: str, offsets: int) -> dict[str, Any]:
    """Random tasks of whole units that load so many processors wholly."""
    tasks: list[dict[str, Any]] = []
    left = Fraction(processors)
    while left:
        period = int(random.choice(periods))
        work = int(random.integers(1, period + 1))
        if Fraction(work, period) > left or len(tasks) > 3 * processors:  # what is left, or a whole processor
            period, work = left.denominator, min(left.denominator, left.numerator)
        name = f"t{len(tasks)}"
        offset = int(random.integers(0, offsets + 1))
        tasks.append(
            {"name": name, "wcet": f"{work} {unit}", "period": f"{period} {unit}", "offset": f"{offset} {unit}"}
        )
        left -= Fraction(work, period)
    return {"platform": f"multicore:{processors}", "tasks": tasks}


def test_ekg_shares_the_task_at_the_seam() -> None:
    """a fills 2/3 of 0, b the rest of it and 1/3 of 1, c the rest of that: b runs last on 0 and first on 1, then turns."""
    misses, trace = simulated(THIRDS, "ekg", "6 ms")
    assert not misses
    assert slices(trace) == [
        (0, 0, 0, 2), (1, 1, 0, 1), (2, 1, 1, 3), (1, 0, 2, 3),
        (4, 0, 3, 4), (5, 1, 3, 5), (3, 0, 4, 6), (4, 1, 5, 6),
    ]  # fmt: skip


def test_run_rests_one_of_three_by_edf_over_their_duals() -> None:
    """The duals of three tasks of 2/3 fill one server: it runs that of a, so a rests, then that of b, then that of c."""
    misses, trace = simulated(THIRDS, "run", "3 ms")
    assert not misses
    assert slices(trace) == [(1, 0, 0, 1), (2, 1, 0, 2), (0, 0, 1, 3), (1, 1, 2, 3)]


def test_llref_runs_the_largest_local_remaining_execution() -> None:
    """Of 2, 2, 2 ms until 3 ms a and b run; at 1 ms c has no time to lose and takes the place of b (event C)."""
    misses, trace = simulated(THIRDS, "llref", "3 ms")
    assert not misses
    assert slices(trace) == [(0, 0, 0, 2), (1, 1, 0, 1), (2, 1, 1, 3), (1, 0, 2, 3)]


@pytest.mark.parametrize("policy", OPTIMAL)
def test_no_set_that_fills_all_processors_misses(policy: str) -> None:
    by_edf = 0
    for index in range(10):
        random = np.random.default_rng([7, index])
        system = full(random, 2 + index % 3, [4, 5, 8, 10, 16, 20, 40], "ms", offsets=5 * (index % 2))
        misses, _ = simulated(system, policy, "80 ms")
        assert misses == 0, system
        by_edf += simulated(system, "edf", "80 ms")[0] > 0
    assert by_edf > 5  # which none of these is easy for


@pytest.mark.parametrize("policy", OPTIMAL)
def test_who_is_done_early_makes_nobody_late(policy: str) -> None:
    for index in range(5):
        system = full(np.random.default_rng([8, index]), 3, [4, 5, 8, 10, 20], "ms", offsets=3)
        for task in system["tasks"]:
            task["execution"] = {"kind": "uniform", "low": 0.2, "high": 1.0}
        assert simulated(system, policy, "80 ms")[0] == 0


def test_dp_wrap_lays_shares_end_to_end_and_mirrors_every_second_time() -> None:
    """2, 2, 2 of 3 ms: b lies across the cut, at the end of 0 and the beginning of 1; then the other way round."""
    misses, trace = simulated(THIRDS, "dp-wrap", "6 ms")
    assert not misses
    assert slices(trace) == [
        (0, 0, 0, 2), (1, 1, 0, 1), (2, 1, 1, 3), (1, 0, 2, 3),
        (4, 0, 3, 4), (5, 1, 3, 5), (3, 0, 4, 6), (4, 1, 5, 6),
    ]  # fmt: skip


def test_bf_gives_whole_quanta() -> None:
    """Of 1/2, 1/2 and 1 each interval has whole ms only; halves of 3 ms take turns."""
    tasks = [{"name": name, "wcet": "3 ms", "period": "6 ms"} for name in "ab"]
    system = {"platform": "multicore:2", "tasks": [*tasks, {"name": "c", "wcet": "3 ms", "period": "3 ms"}]}
    misses, trace = simulated(system, "bf", "12 ms")
    assert not misses
    assert all(int(time) % units.MS == 0 for row in trace.slices for time in (row["start"], row["end"]))
    odd = {**system, "tasks": [*tasks, {"name": "c", "wcet": "2.5 ms", "period": "3 ms"}]}
    with pytest.raises(SchedulerError, match="bf: the times of task 'c' are no multiples of 1 ms"):
        simulated(odd, "bf", "12 ms")
    assert simulated(odd, {"name": "bf", "quantum": "500 us"}, "12 ms")[0] == 0
    with pytest.raises(InputError, match="quantum must be positive"):
        simulated(odd, {"name": "bf", "quantum": "0 ms"}, "12 ms")


@pytest.mark.parametrize(
    "policy", ["llref", "dp-wrap", {"name": "bf", "quantum": "1 ns"}], ids=["llref", "dp-wrap", "bf"]
)
def test_odd_nanoseconds_go_where_they_are_needed(policy: Any) -> None:
    """Periods of a few ns: the whole ns between two releases are what there is to give, and all of it is needed."""
    for index in range(15):
        random = np.random.default_rng([9, index])
        system = full(random, 2 + index % 4, [2, 3, 4, 5, 6, 7, 9, 10], "ns", offsets=index % 3)
        assert simulated(system, policy, "120 ns")[0] == 0, system


@pytest.mark.parametrize("policy", ["ekg", "run"])
def test_shares_that_are_no_whole_nanoseconds_are_rounded_up_or_refused(policy: str) -> None:
    thirds = [{"name": name, "wcet": "1 ms", "period": "3 ms"} for name in "abc"]

    def beside(work: int) -> dict[str, Any]:
        return {"platform": "multicore:2", "tasks": [*thirds, {"name": "d", "wcet": f"{work} ms", "period": "4 ms"}]}

    assert simulated(beside(3), policy, "120 ms")[0] == 0  # thirds of 1 ms are 333,334 ns
    with pytest.raises(SchedulerError, match=f"{policy}: the tasks' shares of 1 ms, .* more than 2 processors"):
        simulated(beside(4), policy, "120 ms")
    assert simulated(beside(4), "llref", "120 ms")[0] == 0
    with pytest.raises(SchedulerError, match=f"{policy}: the tasks load 2.667 processors, and there are 2"):
        simulated(
            {**THIRDS, "tasks": [*THIRDS["tasks"], {"name": "d", "wcet": "2 ms", "period": "3 ms"}]}, policy, "9 ms"
        )


@pytest.mark.parametrize("policy", OPTIMAL)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"deadline": "2.5 ms"}, "has a deadline before its period"),
        ({"arrival": {"kind": "sporadic"}}, "arrives as sporadic, not by its period"),
        ({"jitter": "1 ms"}, "has release jitter"),
        ({"period": None, "release": "0 ms", "deadline": "3 ms"}, "has no period"),
    ],
)
def test_what_they_do_not_know_is_refused(policy: str, change: dict[str, Any], reason: str) -> None:
    system = {**THIRDS, "tasks": [{**THIRDS["tasks"][0], **change}, *THIRDS["tasks"][1:]]}
    with pytest.raises(SchedulerError, match=f"{policy}: task 'a' {reason}; choose e.g. edf"):
        simulated(system, policy, "9 ms")
    found = verify(system, scheduler=policy, runs=0)
    assert found.verdict == "unknown"
    assert f"the policy {policy!r} does not run: task 'a' {reason}" in str(found.analysis.parts[0].result.reason)


@pytest.mark.parametrize("policy", OPTIMAL)
def test_a_load_of_all_processors_is_proven(policy: str) -> None:
    found = verify(THIRDS, scheduler=policy, runs=2)
    assert found.verdict == "schedulable"
    assert found.analysis.parts[0].proven_by() == ["optimal-load"]
    assert "from their offsets" in " ".join(each.text for each in found.analysis.parts[0].result.assumptions)
    dear = verify({**THIRDS, "overheads": {"migration": "1 us"}}, scheduler=policy, runs=0)
    assert dear.verdict == "unknown"


def test_a_group_of_fewer_than_all_processors_holds_less() -> None:
    """Of 0.6 each two processors hold two in groups of one, 1/2 of all processors at the least, and three in one of two."""
    tasks = [{"name": name, "wcet": "6 ms", "period": "10 ms"} for name in "abc"]
    system = {"platform": "multicore:2", "tasks": tasks}
    with pytest.raises(SchedulerError, match="3 tasks want a processor each, and there are 2; give a larger k"):
        simulated(system, {"name": "ekg", "k": 1}, "20 ms")
    assert simulated(system, {"name": "ekg", "k": 2}, "20 ms")[0] == 0
    tasks = [{"name": name, "wcet": "6 ms", "period": "10 ms"} for name in "abcde"]
    assert (
        simulated({"platform": "multicore:4", "tasks": tasks}, {"name": "ekg", "k": 2}, "200 ms")[0] == 0
    )  # 3.0 > 8/3
    for k in (0, True, 1.5):
        with pytest.raises(InputError, match="k: must be a whole number of processors"):
            EKG(k)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["c-equals-d", *OPTIMAL])
def test_who_takes_longer_than_declared_is_late_and_still_served(policy: str) -> None:
    tasks = [{**task, "execution": {"kind": "empirical", "samples": ["2.8 ms"]}} for task in THIRDS["tasks"]]
    misses, trace = simulated({**THIRDS, "tasks": tasks, "simulate": {"drain": "all"}}, policy, "9 ms")
    assert misses
    assert (trace.jobs["finish"] > 0).all()


def test_llref_runs_an_overload_and_serves_everybody() -> None:
    over = {**THIRDS, "tasks": [*THIRDS["tasks"], {"name": "d", "wcet": "2 ms", "period": "3 ms"}]}
    misses, trace = simulated(over, "llref", "30 ms")
    assert misses
    assert set(trace.jobs["task"][trace.jobs["finish"] > 0].tolist()) == {0, 1, 2, 3}
    assert verify(over, scheduler="llref", runs=0).verdict == "unschedulable"
