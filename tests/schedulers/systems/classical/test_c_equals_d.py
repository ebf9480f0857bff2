"""C=D semi-partitioning: pieces as in schedcat's tests, the demand on each processor, and no miss of what is proven."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched import units
from rtsched.errors import SchedulerError
from rtsched.generate import Generate, draw
from rtsched.schedulers.placements.fitting import Tenant
from rtsched.schedulers.systems.classical.c_equals_d import longest
from rtsched.verify.verification import verify

#: Three tasks of 66/100 on two processors: no partition holds them.
THREE = {
    "platform": "multicore:2",
    "tasks": [{"name": name, "wcet": "66 ms", "period": "100 ms"} for name in "abc"],
}


def slices(trace: Any) -> list[tuple[int, int, int, int]]:
    """(job, processor, start, end) in ms."""
    return [
        (int(s["job"]), int(s["processor"]), int(s["start"]) // units.MS, int(s["end"]) // units.MS)
        for s in trace.slices
    ]


def test_a_task_is_split_where_a_processor_is_full() -> None:
    """a has 0; 34 of b fit beside it, due at once; c has 1; the other 32 of b go there, due at 100 as c is."""
    trace = rtsched.simulate(THREE, scheduler="c-equals-d", until="100 ms")
    assert trace.check() == []
    assert slices(trace) == [(1, 0, 0, 34), (2, 1, 0, 34), (0, 0, 34, 100), (1, 1, 34, 66), (2, 1, 66, 98)]
    assert rtsched.analyse(THREE, scheduler="c-equals-d").verdict == "schedulable"
    assert rtsched.analyse(THREE, scheduler="edf+first-fit").verdict == "unschedulable"


@pytest.mark.parametrize(
    ("there", "split", "length"),
    [
        ([(66, 100, 100)], (66, 100), 34),
        ([(14, 40, 40), (16, 48, 48)], (6, 16), 5),
        ([(1, 16, 11), (6, 15, 15), (9, 20, 20)], (6, 12), 1),
        ([(10, 100, 100), (30, 100, 100)], (21, 30), 16),
    ],
)
def test_the_longest_piece_is_that_of_schedcats_tests(there: Any, split: tuple[int, int], length: int) -> None:
    assert longest([Tenant(*each, 0) for each in there], Tenant(*split, split[1], 0)) == length


def test_what_first_fit_holds_is_not_split_where_partitions_are_tried_first() -> None:
    """d + a and b + c fill a processor each: 4/5 + 1/5, 3/4 + 2/8. Otherwise a piece of b goes beside d, and a has no room."""
    times = {"a": (1, 5), "b": (3, 4), "c": (2, 8), "d": (4, 5)}
    tasks = [{"name": name, "wcet": f"{wcet} ms", "period": f"{period} ms"} for name, (wcet, period) in times.items()]
    system = {"platform": "multicore:2", "tasks": tasks}
    first = {"name": "c-equals-d", "partition_first": True}
    assert rtsched.analyse(system, scheduler=first).verdict == "schedulable"
    assert rtsched.analyse(system, scheduler="c-equals-d").verdict == "unschedulable"
    trace = rtsched.simulate(system, scheduler=first, until="4 ms")
    assert slices(trace) == [(0, 0, 0, 1), (1, 1, 0, 3), (3, 0, 1, 5), (2, 1, 3, 5)]
    assert rtsched.analyse(THREE, scheduler=first).verdict == "schedulable"


def test_what_is_proven_is_in_time_and_is_more_than_partitions_hold() -> None:
    """Random sets of 93 % of three processors: sporadic, with any phase and shorter executions, as `verify` tries."""
    asked = Generate(platform="multicore:3", tasks=6, total_utilisation=2.8, periods={"longest": "50 ms"})  # type: ignore[arg-type]
    proven = partitioned = 0
    for index in range(15):
        system = draw(asked, seed=4, index=index)
        found = verify(system, scheduler="c-equals-d", runs=2)  # raises SoundnessError where a proven set misses
        proven += found.verdict == "schedulable"
        partitioned += verify(system, scheduler="edf+first-fit", runs=0).verdict == "schedulable"
    assert proven > partitioned > 0


def test_what_fits_nowhere_goes_to_the_last_processor_and_nothing_is_proven() -> None:
    system = {**THREE, "tasks": [*THREE["tasks"], {"name": "d", "wcet": "31 ms", "period": "100 ms"}]}
    trace = rtsched.simulate(system, scheduler="c-equals-d", until="1 s")
    assert trace.check() == []
    assert sum(task.misses for task in rtsched.summary(trace).tasks)
    assert verify(system, scheduler="c-equals-d", runs=0).verdict == "unschedulable"  # 2.29 on two


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"jitter": "1 ms"}, "task 'a' has release jitter"),
        ({"arrival": {"kind": "poisson"}}, "task 'a' arrives as poisson, not by its period"),
        ({"preemptive": False}, "task 'a' cannot be preempted"),
        ({"pin": "cpu0"}, "task 'b' may use other processors than 'a'"),
        ({"overlap": True}, "task 'a' has jobs that overlap"),
    ],
)
def test_what_it_does_not_know_is_refused(change: dict[str, Any], reason: str) -> None:
    system = {**THREE, "tasks": [{**THREE["tasks"][0], **change}, *THREE["tasks"][1:]]}
    with pytest.raises(SchedulerError, match=f"c-equals-d: {reason}; choose e.g. edf"):
        rtsched.simulate(system, scheduler="c-equals-d", until="100 ms")
    found = verify(system, scheduler="c-equals-d", runs=0)
    assert found.verdict == "unknown"


def test_switches_that_cost_time_make_it_unknown() -> None:
    found = verify({**THREE, "overheads": {"context_switch": "10 us"}}, scheduler="c-equals-d", runs=0)
    assert found.verdict == "unknown"
    assert "may take longer than 'c-equals-d' plans for" in str(found.analysis.parts[0].result.reason)
