"""Estimates that err: what policies believe of execution times, by hand; what nodes really take stays as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.engine import simulation
from rtsched.engine.beliefs import ALWAYS, NEVER
from rtsched.errors import InputError
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.orderings.shortest_job_first import ShortestJobFirst
from rtsched.trace.trace import Trace
from rtsched.units import MS
from tests.chips import loaded, run, slices

TWO = """
platform: {processors: {cpu: {}}}
scheduler: {ordering: sjf, preemption: nonpreemptive}
simulate: {until: 50 ms}
estimates: {ESTIMATES}
tasks:
  - {name: a, wcet: 2 ms, period: 10 ms}
  - {name: b, wcet: 3 ms, period: 10 ms}
"""


def first(text: str, estimates: str, **options: Any) -> str:
    """Who runs first in each period of 10 ms."""
    trace = run(text.replace("ESTIMATES", estimates), **options)
    return "".join(name for name, _, start, _, _ in slices(trace) if start % 10 == 0)


def same(one: Trace, other: Trace) -> bool:
    return one.jobs.tobytes() == other.jobs.tobytes() and one.slices.tobytes() == other.slices.tobytes()


# ---- two tasks by hand -----------------------------------------------------------------------------------------------


def test_a_bias_makes_shortest_job_first_choose_wrongly() -> None:
    assert first(TWO, "") == "aaaaa"
    assert first(TWO, "bias: {a: 2}") == "bbbbb"  # believed 6 ms, not 2


def test_learning_mends_it_after_as_many_jobs_as_it_takes() -> None:
    # believed of a: 6, then (6 + 2) / 2 = 4, then 3, which is no more than b's
    assert first(TWO, "bias: {a: 2}, learning: 0.5") == "bbaaa"
    assert first(TWO, "bias: {a: 2}, learning: 1") == "baaaa"


def test_staleness_delays_what_is_learnt() -> None:
    # the first job of a ends at 5 ms and counts from 17 ms on, the second ends at 15 ms and counts from 27 ms on
    assert first(TWO, "bias: {a: 2}, learning: 0.5, staleness: 12 ms") == "bbbaa"
    assert first(TWO, "bias: {a: 2}, learning: 0.5, staleness: 5 ms") == "bbaaa"  # counts at 10 ms, in time for it
    assert first(TWO, "bias: {a: 2}, learning: 0.5, staleness: 5000001 ns") == "bbbaa"


def test_the_same_bias_for_all_changes_slack() -> None:
    text = TWO.replace("ordering: sjf", "ordering: lst").replace("wcet: 2 ms, period: 10 ms", "wcet: 2 ms, DUE")
    text = text.replace("DUE", "period: 10 ms, deadline: 9600 us").replace("b, wcet: 3 ms", "b, wcet: 2500 us")
    assert first(text, "") == "bbbbb"  # slack 7.6 ms and 7.5 ms
    assert first(text, "bias: -0.5") == "aaaaa"  # 8.6 ms and 8.75 ms


# ---- what is asked of the handle -------------------------------------------------------------------------------------


class Listening(ComposedScheduler):
    """Serves by priority, and notes at each release what it believes of the times of `a`, in ms."""

    def __init__(self, **options: Any) -> None:
        super().__init__(FixedPriority(), **options)
        self.noted: list[float | None] = []

    def on_release(self, job: Any) -> None:
        if job.task.name.startswith("a"):
            time = self.soc.beliefs.time(job.task.nodes[0], 0)
            self.noted.append(None if time is None else time / MS)


def believed(text: str, **options: Any) -> list[float | None]:
    policy = Listening(**options)
    run(text, scheduler=policy)
    return policy.noted


class Asking(Listening):
    """Notes at the release of `b` what is left of `a`, and its times and energies at its clocks."""

    def on_release(self, job: Any) -> None:
        active = self.soc.tasks[0].active
        if job.task.name == "b" and active is not None:
            segment, processor = active.segments[0], self.soc.processors[0]
            self.answers = (
                self.soc.remaining(segment) / MS,
                (self.soc.expected(segment, processor) or 0) / MS,
                (self.soc.expected(segment, processor, 500_000_000) or 0) / MS,
                self.soc.expected_energy(segment, processor),
            )


CLOCKED = """
platform:
  processors:
    cpu:
      operating_points: [{frequency: 500 MHz}, {frequency: 1 GHz}]
      power: {active: 2 W}
power: {governor: {name: fixed, frequency: CLOCK}}
simulate: {until: 50 ms}
estimates: {ESTIMATES}
tasks:
  - {name: a, wcet: 8 ms, period: 20 ms}
"""


def test_the_handle_tells_what_is_believed() -> None:
    policy = Asking()
    text = CLOCKED.replace("CLOCK", "1 GHz") + "  - {name: b, wcet: 1 ms, offset: 7 ms, period: 60 ms}\n"
    run(text.replace("ESTIMATES", "bias: 0.5"), scheduler=policy)
    assert policy.answers == (5, 12, 24, 24 * 10**6)
    run(text.replace("ESTIMATES", "bias: -0.5"), scheduler=policy)
    # believed to take 4 ms, it has run for 7: one ns is the least that is left of anything
    assert policy.answers == (1 / MS, 4, 8, 8 * 10**6)


# ---- what is a measurement -------------------------------------------------------------------------------------------

ONE = """
platform: {processors: {cpu: {}}}
simulate: {until: 50 ms}
estimates: {learning: 1}
MORE
tasks:
  - {name: a, wcet: 8 ms, period: 20 ms, AND}
"""


def one(more: str = "", of_a: str = "") -> str:
    return ONE.replace("MORE", more).replace(", AND", ", " + of_a if of_a else "")


SHORT = "execution: {kind: uniform, low: 0.5, high: 0.5}"


def test_what_a_node_took_is_learnt() -> None:
    assert believed(one(of_a=SHORT)) == [8, 4, 4]
    assert believed(one(of_a=SHORT).replace("learning: 1", "learning: 0.25")) == [8, 7, 6.25]


def test_costs_of_switching_are_not_its_own() -> None:
    assert believed(one("overheads: {context_switch: 1 ms, scheduling: 1 ms}", SHORT)) == [8, 4, 4]


def test_neither_is_the_time_in_which_its_processor_stood_still() -> None:
    policy = Listening()
    system = loaded(one(of_a=SHORT)).lower()
    processors = tuple(replace(each, blackouts=((MS, 3 * MS),)) for each in system.processors)
    trace = simulation.run(replace(system, processors=processors), policy, until=50 * MS)
    assert trace.check() == []
    assert (slices(trace)[0][3], policy.noted) == (6, [8, 4, 4])


def test_nor_is_the_time_in_which_it_waited_for_what_it_reads() -> None:
    text = """
    platform:
      processors: {npu: {kind: npu}, cpu: {}}
      links: {bus: {between: [cpu, npu], bandwidth: 10 MB/s}}
    simulate: {until: 50 ms}
    estimates: {learning: 1, bias: 1}
    tasks:
      - name: b
        period: 20 ms
        graph: {nodes: {x: {wcet: {cpu: 1 ms}}, y: {wcet: {npu: 4 ms, cpu: 99 ms}}}, edges: [[x, y, 20 kB]]}
    """
    policy = ComposedScheduler(ShortestJobFirst(), preemption="nonpreemptive")
    trace = run(text, scheduler=policy)
    assert ("b", "npu", 1, 3, "overhead") in slices(trace)
    beliefs, nodes = policy.soc.beliefs, policy.soc.tasks[0].nodes
    assert [beliefs.time(nodes[0], 1), beliefs.time(nodes[1], 0), beliefs.time(nodes[1], 1)] == [MS, 4 * MS, 198 * MS]


def test_who_was_taken_off_teaches_nothing() -> None:
    text = one(of_a=f"{SHORT}, priority: 9") + "  - {name: b, wcet: 1 ms, period: 40 ms, offset: 22 ms}\n"
    assert believed(text) == [8, 4, 4]
    text = text.replace("SHORT", SHORT).replace("offset: 22 ms", "offset: 2 ms, deadline: 40 ms")
    assert believed(text) == [8, 8, 4]


def test_the_clock_at_its_end_is_allowed_for() -> None:
    text = CLOCKED.replace("CLOCK", "500 MHz").replace("ESTIMATES", "learning: 1")
    assert believed(text) == [8, 8, 8]  # measured 16 ms at half the clock
    assert believed(text.replace("period: 20 ms", f"period: 20 ms, {SHORT}")) == [8, 4, 4]


def test_what_a_neighbour_took_of_the_memory_counts() -> None:
    text = """
    platform:
      processors: {cpu: {cores: 2}}
      memory: {bandwidth: 1 GB/s, contention: {model: proportional, usable: 1}}
    simulate: {until: 50 ms}
    estimates: {learning: 1}
    tasks:
      - {name: a, wcet: 8 ms, period: 20 ms, pin: cpu0, memory: {demand: 1 GB/s, bound: 1}}
      - {name: b, wcet: 8 ms, period: 20 ms, pin: cpu1, memory: {demand: 1 GB/s, bound: 1}}
    """
    assert believed(text) == [8, 16, 16]


def test_the_inner_nodes_of_a_run_teach_nothing() -> None:
    """Nobody is told of them; the last one is a node like any other."""

    class Runs(Scheduler):
        noted: list[float]

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, [0, 1], self.soc.processors[0])

        def on_release(self, job: Any) -> None:
            self.noted += [(self.soc.beliefs.time(node, 0) or 0) / MS for node in job.task.nodes]

    policy = Runs()
    policy.noted = []
    text = """
    platform: {processors: {cpu: {}}}
    simulate: {until: 50 ms}
    estimates: {learning: 1}
    tasks:
      - name: a
        period: 20 ms
        execution: {kind: uniform, low: 0.5, high: 0.5}
        graph: {nodes: {x: {wcet: 4 ms}, y: {wcet: 6 ms}}, edges: [[x, y]]}
    """
    run(text, scheduler=policy)
    assert policy.noted == [4, 6, 4, 3, 4, 3]


# ---- noise -----------------------------------------------------------------------------------------------------------

NOISY = """
platform: {processors: {cpu: {cores: 2}}}
simulate: {until: 1 ms}
estimates: {noise: 0.5}
tasks:
  - {name: a, wcet: 8 ms, period: 20 ms}
  - {name: b, wcet: 8 ms, period: 20 ms}
"""


def table(text: str, seed: int = 0, policy: ComposedScheduler | None = None) -> dict[str, list[float]]:
    """What is believed of each task on each processor, in ms."""
    made = policy or ComposedScheduler(EDF())
    api.simulate(loaded(text), scheduler=made, seed=seed)
    places = range(len(made.soc.processors))
    return {
        task.name: [(made.soc.beliefs.time(task.nodes[0], place) or 0) / MS for place in places]
        for task in made.soc.tasks
    }


def test_two_policies_share_the_noise() -> None:
    assert table(NOISY) == table(NOISY, policy=Listening(preemption="nonpreemptive"))
    assert table(NOISY, 1) == table(NOISY, 1) != table(NOISY)


def test_noise_belongs_to_names() -> None:
    found = table(NOISY)
    assert len({time for times in found.values() for time in times}) == 4
    turned = NOISY.replace("name: a", "name: z").replace("name: b", "name: a")
    assert table(turned)["a"] == found["a"]
    many = table(NOISY.replace("name: a,", "name: a, instances: 2,"))
    assert many["a[0]"] == many["a[1]"] == found["a"]
    assert many["b"] == found["b"]


def test_noise_is_log_normal_with_median_one() -> None:
    tasks = "".join(f"  - {{name: t{n}, wcet: 1 s, period: 20 s}}\n" for n in range(400))
    times = sorted(
        time / 1000 for each in table(NOISY.partition("tasks:")[0] + "tasks:\n" + tasks).values() for time in each
    )
    assert 0.93 < times[400] < 1.07
    assert 0.55 < times[int(0.16 * 800)] < 0.67  # exp(-0.5) = 0.61
    assert 1.5 < times[int(0.84 * 800)] < 1.8  # exp(0.5) = 1.65


@pytest.mark.parametrize(
    "policy", ["sjf", "lst", "llf", "edf+earliest-finish+nonpreemptive", "band-heft", "sjf+limited"]
)
def test_the_same_seed_gives_the_same_bytes_and_work_is_what_it_was(policy: str) -> None:
    text = NOISY.replace("1 ms}", "200 ms, drain: all}").replace(
        "noise: 0.5", "noise: 0.5, learning: 0.3, staleness: 1 ms"
    )
    text = text.replace("period: 20 ms}", "period: 9 ms, execution: {kind: uniform, low: 0.3}}")
    one, other = (api.simulate(loaded(text), scheduler=policy) for _ in range(2))
    assert same(one, other)
    plain = api.simulate(loaded(re.sub("estimates: .*", "", text)), scheduler=policy)
    work = [
        {
            int(job): int((rows["end"] - rows["start"]).sum())
            for job in range(len(trace.jobs))
            for rows in [trace.slices[trace.slices["job"] == job]]
        }
        for trace in (one, plain)
    ]
    assert work[0] == work[1]


# ---- what rests on planned times whatever is believed ----------------------------------------------------------------


def test_a_job_that_could_be_in_time_is_not_dropped_as_hopeless() -> None:
    text = TWO.replace("period: 10 ms}", "period: 10 ms, on_miss: drop_if_hopeless, deadline: 6 ms}")
    trace = run(text.replace("ESTIMATES", "bias: 2"))
    assert rtsched.summary(trace).misses == 0


def test_packing_and_the_fastest_processor_are_planned() -> None:
    text = """
    platform: {processors: {big: {}, little: {speed: 0.5}, tiny: {speed: 0.4}}}
    simulate: {until: 50 ms}
    estimates: {noise: 2, bias: {a: 3}}
    tasks:
      - {name: a, wcet: {big: 4 ms, little: 8 ms, tiny: 10 ms}, period: 10 ms}
      - {name: b, wcet: {big: 3 ms, little: 6 ms, tiny: 9 ms}, period: 10 ms}
      - {name: c, wcet: {big: 2 ms, little: 4 ms, tiny: 5 ms}, period: 10 ms}
    """
    plain = re.sub("estimates: .*", "", text)
    for policy in ("edf", "rm+first-fit", "rm+best-fit", "fp+clustered", "edf+worst-fit+nonpreemptive"):
        assert same(api.simulate(loaded(text), scheduler=policy), api.simulate(loaded(plain), scheduler=policy))
    assert not same(api.simulate(loaded(text), scheduler="sjf"), api.simulate(loaded(plain), scheduler="sjf"))


def test_no_policy_reads_planned_times_beside_the_beliefs() -> None:
    """Who does stands here: packing (as proofs do), bounds that clocks follow, R9, whether a node can run somewhere."""
    room = Path(rtsched.__file__).parent / "schedulers"
    planned = {
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        if re.search(r"\.times\[|\.times\b(?! is)|\.fastest\b", path.read_text().replace("beliefs.fastest", ""))
    }
    assert planned == {
        "composed.py", "devices.py", "estimator.py", "general_queues.py", "orderings/split_first.py", "placements/packing.py",
        "speeds/cycle_conserving.py", "systems/band/base.py", "systems/band/plan.py",
    }  # fmt: skip


# ---- which policies have beliefs -------------------------------------------------------------------------------------


CHIP = """
platform:
  name: chip
  processors: {cpu: {cores: 1}, gpu: {kind: gpu, cores: 1}}
simulate: {until: 300 ms}
power: {}
estimates: {bias: LEARNING}
tasks:
  - {name: v, wcet: {cpu: 5 ms, gpu: 6 ms}, period: 12 ms, count: 4, overlap: true, execution: {kind: uniform, low: 1.6, high: 1.6}}
"""


def test_a_strangers_policy_may_ask_for_anything() -> None:
    assert Listening().estimates_read() == ALWAYS
    assert ComposedScheduler(type("Mine", (EDF,), {})()).estimates_read() == ALWAYS
    assert ComposedScheduler(type("Mine", (EDF,), {"believes": NEVER})()).estimates_read() == NEVER


def test_adaptations_learn_how_long_variants_take() -> None:
    """Believed to take half as long the full network is run, and is late; from then on its time is known."""
    text = """
    platform: {processors: {cpu: {}}}
    scheduler: {ordering: edf, adaptation: subflow}
    simulate: {until: 50 ms}
    estimates: {bias: -0.5, learning: LEARNING}
    tasks:
      - {name: t, wcet: 10 ms, period: 20 ms, deadline: 8 ms, variants: [{accuracy: 0.9}, {scale: 0.4, accuracy: 0.7}]}
    """
    assert [end - start for _, _, start, end, _ in slices(run(text.replace("LEARNING", "0")))] == [10, 10, 10]
    assert [end - start for _, _, start, end, _ in slices(run(text.replace("LEARNING", "1")))] == [10, 4, 4]


def test_xrbench_goes_to_what_was_quick() -> None:
    places = [
        [place for _, place, *_ in slices(run(CHIP.replace("LEARNING", about), scheduler="xrbench"))]
        for about in ("0.0", "0.0, learning: 1")
    ]
    assert places == [["cpu"] * 3, ["cpu", "gpu", "cpu"]]  # 8 ms there, and then 9.6 here


# ---- files -----------------------------------------------------------------------------------------------------------


def test_what_has_no_effect_is_refused_in_a_file_and_noted_elsewhere() -> None:
    text = TWO.replace("ESTIMATES", "bias: {a: 2}, learning: 0.5")
    trace = run(text, scheduler="edf")
    assert [note for note in trace.system.assumed if "estimates" in note] == [
        f"estimates: {key!r} has no effect under EDF, preemptive, which goes by no expected times"
        for key in ("bias", "learning")
    ]
    with pytest.raises(InputError, match="'bias' has no effect under the file's own scheduler, which goes by no"):
        run(text.replace("sjf", "edf"))
    with pytest.raises(InputError, match=r"'learning' has no effect .* which takes expected times once"):
        run(text.replace("{ordering: sjf, preemption: nonpreemptive}", "band-heft"))


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ("bias: -1", "greater than -1"),
        ("bias: {c: 1}", "names 'c', which is no task"),
        ("noise: -0.1", "greater than or equal to 0"),
        ("learning: 1.5", "less than or equal to 1"),
        ("learning: 1, staleness: 5", "a duration needs a unit"),
        ("staleness: 5 ms", "'staleness' has no effect where nothing is learnt"),
    ],
)
def test_what_makes_no_sense_is_refused(about: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        loaded(TWO.replace("ESTIMATES", about))


def test_a_proof_is_what_it_was() -> None:
    """Beliefs change no bound; those that go by them are proven for any order, if at all."""
    for policy in ("edf", "sjf+nonpreemptive", "lst", "rm+first-fit"):
        found = []
        for about in ("", "bias: 3, noise: 1, learning: 0.2"):
            system = loaded(TWO.replace("ESTIMATES", about))
            found.append(rtsched.analyse(system, scheduler=policy).verdict)
        assert found[0] == found[1]
