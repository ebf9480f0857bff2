"""The optimum: what it counts, by hand; the same as trying everything; nothing that a schedule could not do."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError, SoundnessError
from tests.optimum.brute import best, small

pytest.importorskip("ortools", reason="the optimum is found by OR-tools: pip install 'rtsched[optimum]'")

CPU = {"name": "chip", "processors": {"cpu": {}}}
NPU = {"name": "chip", "processors": {"npu": {"kind": "npu"}}}


def system(*tasks: dict[str, Any], platform: Any = CPU, **more: Any) -> dict[str, Any]:
    return {"platform": platform, "scheduler": "edf", "tasks": list(tasks), **more}


def once(name: str, wcet: int, deadline: int, release: int = 0, **more: Any) -> dict[str, Any]:
    """A job of so many ms."""
    return {"name": name, "wcet": f"{wcet} ms", "deadline": f"{deadline} ms", "release": f"{release} ms"} | more


def found(document: Any, until: str = "20 ms", **options: Any) -> rtsched.optimum:  # type: ignore[valid-type]
    answer = rtsched.optimum(document, until=until, **options)
    assert answer.trace.check() == []
    return answer


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_the_heavier_of_two_jobs_of_which_only_one_fits() -> None:
    """4 + 4 ms until 6 ms: one of them, the one of weight 2; EDF takes whichever comes first and meets that alone."""
    answer = found(system(once("light", 4, 6), once("heavy", 4, 6, weight=2)))
    assert (answer.worth, answer.bound, answer.most, answer.proven) == (2, 2, 3, True)
    assert [(each.job, each.why) for each in answer.unmet] == [("light[0]", "")]


def test_a_job_that_is_too_long_for_anybody_is_named() -> None:
    answer = found(system(once("long", 7, 6), once("short", 1, 6)))
    assert [(each.job, each.why) for each in answer.unmet] == [("long[0]", "too long even alone")]
    assert answer.bound == 1


def test_who_knows_what_comes_waits_for_it() -> None:
    """On an NPU, without preemption: 5 ms from 0 would make the 2 ms that come at 1 (until 3) late. It idles until 1."""
    late = system(once("long", 5, 20), once("short", 2, 2, release=1), platform=NPU)
    answer = found(late)
    assert answer.worth == 2
    assert answer.trace.slices[["start", "end", "job"]].tolist() == [
        (1_000_000, 3_000_000, 1),
        (3_000_000, 8_000_000, 0),
    ]
    edf = rtsched.simulate(late, scheduler="edf", until="20 ms")
    assert answer.regret(rtsched.evaluate(edf, "worth")["worth"]) == 0.5
    assert rtsched.evaluate(edf, "regret") == {"regret": 0.5}


def test_three_jobs_of_two_thirds_on_two_cores_need_migration() -> None:
    """McNaughton: three jobs of 4 ms until 6 ms on two cores fill both; without migration two fit."""
    tasks = [once(name, 4, 6) for name in "abc"]
    answer = found(system(*tasks, platform="multicore:2"))
    assert (answer.worth, answer.bound) == (3, 3)


def test_an_interrupted_node_keeps_its_share_where_it_goes_on() -> None:
    """Quick (4 ms) and slow (8 ms): 2 ms on quick are half of it, so the other half takes 4 ms on slow."""
    chip = {"name": "chip", "processors": {"quick": {}, "slow": {}}}
    both = {"quick": "4 ms", "slow": "8 ms"}
    tasks = (once("first", 1, 6) | {"wcet": both}, once("second", 1, 4, release=2) | {"wcet": {"quick": "4 ms"}})
    assert found(system(*tasks, platform=chip)).worth == 2
    later = (tasks[0] | {"deadline": "5 ms"}, tasks[1])
    assert found(system(*later, platform=chip)).bound == 1


def test_the_smallest_variant_that_is_right_is_enough() -> None:
    """Right always (5 ms) or never (1 ms): who knows the inputs gives no answer that is wrong."""
    choices = [{"name": "big", "wcet": "5 ms", "accuracy": 1.0}, {"name": "tiny", "wcet": "1 ms", "accuracy": 1e-12}]
    task = {"name": "a", "period": "10 ms", "deadline": "4 ms", "variants": choices}
    answer = found(system(task))
    assert answer.worth == 0
    assert {each.why for each in answer.unmet} == {"too long even alone"}
    assert found(system(task | {"deadline": "5 ms"})).worth == 2


def test_nodes_may_run_as_other_variants_where_the_answer_stays_right() -> None:
    """Two nodes of 4 ms or 1 ms; half the loss of 0.2 each. Until 5 ms one of them is small: right for 0.9, not 0.8."""
    task = {
        "name": "a", "period": "10 ms", "deadline": "5 ms",
        "graph": {"nodes": {"x": {"wcet": "4 ms"}, "y": {"wcet": "4 ms"}}, "edges": [["x", "y"]]},
        "variants": {"switch": "node", "choices": [
            {"name": "big", "scale": 1, "accuracy": 1.0}, {"name": "small", "scale": 0.25, "accuracy": 0.8}]},
    }  # fmt: skip
    answers = [found(system(task), until="10 ms", seed=seed) for seed in range(30)]
    hard = [seed for seed, answer in enumerate(answers) if not answer.worth]
    policies = ["edf+subflow", "edf"]
    for seed, answer in enumerate(answers):
        reached = [rtsched.simulate(system(task), scheduler=each, until="10 ms", seed=seed) for each in policies]
        assert all(answer.regret(rtsched.evaluate(trace, "worth")["worth"]) >= 0 for trace in reached)
    assert 0 < len(hard) < 10  # one in ten inputs is harder than 0.9


def test_a_job_that_another_one_triggers_has_its_time_from_then_on() -> None:
    """The second is triggered at the end of the first, 3 ms at the earliest, and due 2 ms later."""
    first = once("first", 3, 10)
    second = {"name": "second", "wcet": "2 ms", "deadline": "2 ms", "after": "first"}
    answer = found(system(first, second))
    assert (answer.jobs, answer.worth, answer.proven) == (2, 2, True)
    assert answer.trace.jobs[["release", "deadline", "finish"]].tolist()[1] == (3_000_000, 5_000_000, 5_000_000)
    assert found(system(first, second | {"wcet": "3 ms"})).worth == 1
    assert found(system(first, second), until="2 ms").worth == 1  # nothing is released any more when the first ends


def test_a_late_job_may_still_trigger_one_that_is_in_time() -> None:
    first, second = once("first", 3, 2), {"name": "second", "wcet": "2 ms", "deadline": "2 ms", "after": "first"}
    assert found(system(first, second | {"weight": 5})).worth == 5


def test_who_is_triggered_by_chance_is_known_and_what_that_triggers_may_come() -> None:
    """Of ten jobs about half trigger one, as drawn; each of those may trigger a third one."""
    first = {"name": "first", "wcet": "1 ms", "period": "10 ms"}
    second = {"name": "second", "wcet": "1 ms", "deadline": "3 ms", "after": {"task": "first", "probability": 0.5}}
    third = {"name": "third", "wcet": "1 ms", "deadline": "3 ms", "after": {"task": "second", "probability": 0.5}}
    answer = found(system(first, second, third), until="100 ms", seed=1)
    trace = rtsched.simulate(system(first, second, third), until="100 ms", seed=1)
    came = [len(trace.jobs_of(task)) for task in range(3)]
    assert 2 < came[1] < 8
    assert answer.worth == 10 + 2 * came[1]
    assert answer.relaxed == ("every job of 'second' may trigger one of 'third'",)


def test_jobs_of_one_task_wait_for_each_other_unless_they_may_overlap() -> None:
    """Two cores; jobs of 4 ms each 2 ms, due after 5: the second would begin at 4 and end at 8, its deadline is 7."""
    task = {"name": "a", "wcet": "4 ms", "period": "2 ms", "deadline": "5 ms", "count": 2}
    assert found(system(task, platform="multicore:2")).worth == 1
    assert found(system(task | {"overlap": True}, platform="multicore:2")).worth == 2


def test_jobs_of_the_warm_up_are_worth_nothing() -> None:
    task = {"name": "a", "wcet": "1 ms", "period": "5 ms"}
    answer = found(system(task, simulate={"warm_up": "5 ms"}))
    assert (answer.jobs, answer.most, answer.worth) == (4, 3, 3)


def test_of_the_best_schedules_the_one_with_the_least_energy() -> None:
    """1 W for 4 ms (4 mJ), or 5 W for 2 ms (10 mJ): there is time enough for the small core."""
    chip = {"name": "chip", "processors": {
        "big": {"kind": "npu", "power": {"active": "5 W", "idle": "0 W"}},
        "little": {"kind": "npu", "power": {"active": "1 W", "idle": "0 W"}}}}  # fmt: skip
    task = {"name": "a", "wcet": {"big": "2 ms", "little": "4 ms"}, "period": "10 ms"}
    powered = system(task, platform=chip, power={"governor": "performance"})
    answer = found(powered, until="10 ms")
    assert (answer.energy, answer.trace.slices["processor"].tolist()) == (4_000_000, [1])
    assert found(system(task, platform=chip), until="10 ms").energy is None


# ---- in general ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(4))
def test_tiny_windows_are_as_trying_everything_says(block: int) -> None:
    for seed in range(15 * block, 15 * block + 15):
        window = small(seed)
        answer = rtsched.optimum(window.document, until=window.until, effort=2)
        assert (answer.worth, answer.bound) == (best(window), best(window)), seed
        assert answer.trace.check() == [], seed


@pytest.mark.slow
def test_a_thousand_tiny_windows_are_as_trying_everything_says() -> None:
    for seed in range(60, 1060):
        window = small(seed)
        answer = rtsched.optimum(window.document, until=window.until, effort=5)
        assert answer.worth <= best(window) <= answer.bound, seed
        assert answer.gap == 0, seed


def test_the_same_window_gives_the_same_answer() -> None:
    first, second = (rtsched.optimum("band_phone", until="40 ms", seed=3).to_dict() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("platform", ["multicore:2", NPU], ids=["interrupted", "exact"])
def test_whoever_stops_early_has_what_is_found_and_a_bound_that_holds(platform: Any) -> None:
    """In a microsecond nothing is proven but that no job is worth more than its weight; in a minute all of it."""
    tasks = [once(f"t{number}", 2 + number % 3, 8) for number in range(6)]
    least = found(system(*tasks, platform=platform), limit=1e-6)
    whole = found(system(*tasks, platform=platform), limit=60)
    assert (least.stopped, least.to_dict()["stopped"]) == (True, True)
    assert least.worth <= whole.worth <= whole.bound <= least.bound <= 6
    assert least.gap > 0
    assert (whole.stopped, whole.gap, "stopped" in whole.to_dict()) == (False, 0, False)
    assert whole == found(system(*tasks, platform=platform))


@pytest.mark.parametrize("limit", [0, -1, float("nan"), "5 s"])
def test_a_limit_is_a_time(limit: Any) -> None:
    with pytest.raises(InputError, match="limit: seconds that the solver may take, above 0"):
        rtsched.optimum("graham", limit=limit)


@pytest.mark.parametrize("name", ["mixed_rk3588", "drone_exits", "adas_resolution", "dhall", "graham", "drone_subnets"])
def test_the_schedule_keeps_the_rules_of_every_run(name: str) -> None:
    answer = rtsched.optimum(name, until="40 ms")
    assert answer.trace.check() == []
    assert rtsched.summary(answer.trace).jobs == answer.jobs
    timely = answer.trace.jobs[answer.trace.jobs["outcome"] == 0]
    assert answer.worth == sum(answer.trace.system.tasks[task].weight for task in timely["task"])


def test_a_window_that_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="the window has 20000 jobs, and the optimum is for some hundred"):
        rtsched.optimum(system({"name": "a", "wcet": "1 us", "period": "1 ms"}), until="20 s")


def test_who_reaches_more_than_the_bound_is_told() -> None:
    late = found(system(once("long", 7, 6)))
    assert late.bound == 0
    with pytest.raises(SoundnessError, match=r"a policy has reached 1, .* none exceeds 0: this is a bug"):
        late.regret(1)


def test_without_or_tools_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    with pytest.raises(InputError, match=r"OR-tools, which is not installed; pip install 'rtsched\[optimum\]'"):
        rtsched.optimum("graham")
