"""Estimates of the time that jobs need still: each part of them by hand, then every adaptation in every situation."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import summary
from rtsched.engine.views import raw
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority, RateMonotonic
from rtsched.schedulers.placements.clustered import Clustered
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.placements.earliest_finish import EarliestFinish
from rtsched.schedulers.placements.packing import FirstFitDecreasing
from rtsched.units import MS
from tests.chips import asked, loaded, run, slices


def estimate(text: str, at: int = 0, **policy: Any) -> float:
    """The time in ms that the first job from `at` ms on is believed to need, placed globally unless told otherwise."""
    found = asked(loaded(text), lambda each, job: each.rest(job), at=at * MS, **policy)
    return float(found / MS)


# ---- what is counted -------------------------------------------------------------------------------------------------

DIAMOND = """
platform: {processors: {cpu: {cores: CORES}}}
simulate: {until: 1 s}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {in: {wcet: 2 ms}, a: {wcet: 30 ms}, b: {wcet: 20 ms}, c: {wcet: 9 ms}, out: {wcet: 3 ms}}
      edges: [[in, a], [in, b], [in, c], [a, out], [b, out], [c, out]]
"""


@pytest.mark.parametrize(("cores", "time"), [(1, 64), (2, 35), (3, 35)])
def test_branches_share_the_processors_there_are(cores: int, time: float) -> None:
    # two cores: a beside b and then c (29); one: 2 + 59 + 3
    text = DIAMOND.replace("CORES", str(cores))
    assert estimate(text) == time
    assert run(text).jobs["finish"][0] == time * MS


CLUSTERS = """
platform: {processors: {little: {cores: 1}, big: {cores: 1}}}
simulate: {until: 1 s}
tasks:
  - {name: net, period: 100 ms, wcet: {little: 30 ms, big: 10 ms}}
"""


def test_a_pool_gives_the_fastest_or_the_lowest_that_is_free() -> None:
    assert estimate(CLUSTERS) == 10  # R9
    assert estimate(CLUSTERS, preemption="nonpreemptive") == 30  # R6 to the letter: the lowest
    for mode, time in (("preemptive", 10), ("nonpreemptive", 30)):
        assert run(CLUSTERS, scheduler=f"edf+{mode}").jobs["finish"][0] == time * MS


def test_a_partition_gives_what_it_has_given() -> None:
    hog = "  - {name: hog, period: 10 ms, wcet: {big: 9.5 ms}, offset: 1 ms}\n"
    text = CLUSTERS.replace("{little: {cores: 1}, big: {cores: 1}}", "{big: {cores: 1}, little: {cores: 1}}") + hog
    assert estimate(text, placement=FirstFitDecreasing()) == 30
    assert estimate(text, placement=EarliestFinish()) == 10


def test_pins_and_the_costs_of_a_start() -> None:
    text = CLUSTERS + "    pin: little\noverheads: {context_switch: 1 ms, scheduling: 0.5 ms}\n"
    assert estimate(text.replace("    pin: little\n", "").replace("30 ms, big: 10 ms", "30 ms")) == 31.5
    pinned = "\n".join(line for line in text.splitlines() if "pin:" not in line).replace(
        "big: 10 ms}", "big: 10 ms}, pin: little"
    )
    assert estimate(pinned) == 31.5
    assert run(pinned).jobs["finish"][0] == 31.5 * MS


RUNNING = """
platform: {processors: {npu: {kind: npu}, cpu: {}}}
simulate: {until: 1 s}
tasks:
  - {name: long, period: 100 ms, wcet: {WHERE: 12 ms}, priority: PRIORITY}
  - {name: net, period: 50 ms, offset: 5 ms, wcet: {WHERE: 4 ms}, priority: 1}
"""


@pytest.mark.parametrize(
    ("where", "ordering", "priority", "time"),
    [
        ("npu", EDF(), 2, 11),  # runs to completion: 7 ms more
        ("cpu", EDF(), 2, 4),  # is preempted
        ("npu", RateMonotonic(), 2, 11),
        ("cpu", RateMonotonic(), 2, 4),
    ],
)
def test_what_runs_stands_in_the_way_where_it_cannot_be_taken_off(
    where: str, ordering: Any, priority: int, time: float
) -> None:
    text = RUNNING.replace("WHERE", where).replace("PRIORITY", str(priority))
    assert estimate(text, at=5, ordering=ordering) == time


def test_what_comes_first_stands_in_the_way() -> None:
    text = (
        RUNNING.replace("WHERE", "cpu")
        .replace("PRIORITY", "0")
        .replace("100 ms, wcet", "100 ms, deadline: 20 ms, wcet")
    )
    assert estimate(text, at=5) == 11  # EDF: 20 before 55
    assert estimate(text, at=5, ordering=RateMonotonic()) == 4  # the shorter period preempts


def test_the_costs_of_what_runs_are_waited_for() -> None:
    text = RUNNING.replace("WHERE", "npu").replace("PRIORITY", "0") + "overheads: {context_switch: 6 ms}\n"
    assert estimate(text, at=5) == 1 + 12 + 6 + 4


COPIES = """
platform:
  processors: {cpu: {}, npu: {kind: npu}}
  links: {bus: {between: [cpu, npu], latency: 100 us, bandwidth: 1 GB/s}}
simulate: {until: 20 ms}
tasks:
  - name: net
    period: 20 ms
    graph:
      nodes: {a: {wcet: {cpu: 2 ms}}, b: {wcet: {cpu: 6 ms, npu: 2 ms}}, c: {wcet: {cpu: 1 ms, npu: 9 ms}}}
      edges: [[a, b, 1 MB], [b, c, 2 MB]]
"""


def test_copies_between_clusters_are_counted() -> None:
    # 2 on the CPU, 1.1 and 2 on the NPU, 2.1 and 1 back: less than 6 and 1 on the CPU
    assert estimate(COPIES, placement=EarliestFinish()) == 8.2
    assert run(COPIES, scheduler="edf+earliest-finish").jobs["finish"][0] == 8_200_000


NPU = "platform: {name: n, processors: {npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}}\n"


def test_weights_are_loaded_once_as_long_as_they_stay() -> None:
    text = NPU + (
        "simulate: {until: 1 s}\ntasks:\n"
        "  - {name: net, period: 50 ms, wcet: {npu: 3 ms}, weights: 8 MB}\n"
        "  - {name: other, release: 60 ms, deadline: 40 ms, wcet: {npu: 2 ms}, weights: 7 MB}\n"
    )
    assert estimate(text) == 11
    assert estimate(text, at=50) == 3
    assert estimate(text, at=100) == 11  # thrown out by the other one
    assert [end for _, _, _, end, reason in slices(run(text, until="101 ms")) if reason == "completed"] == [
        11,
        53,
        69,
        111,
    ]


def loads_first(each: Estimator, job: Any) -> tuple[int, int]:
    """Before and after the weights are on their way."""
    soc = each._soc
    before = each.rest(job)
    assert soc.load(raw(job.task), soc.processors[0])
    return before, each.rest(job)


def test_weights_on_their_way_are_waited_for_and_not_loaded_again() -> None:
    text = NPU + (
        "simulate: {until: 1 s}\ntasks:\n"
        "  - {name: busy, release: 0 ms, deadline: 90 ms, wcet: {npu: 5 ms}}\n"
        "  - {name: net, release: 1 ms, deadline: 90 ms, wcet: {npu: 3 ms}, weights: 8 MB}\n"
    )
    # 4 ms of what runs, then 8 of loading and 3; with the load under way 8 and 3
    assert asked(loaded(text), loads_first, at=MS, ordering=FIFO()) == (15 * MS, 11 * MS)


def test_plans_see_what_is_on_its_way() -> None:
    """The NPU is slower by its load; once that is under way, every planner takes the NPU."""

    class Ahead(Admission):
        def on_release(self, job: Any) -> None:
            if job.task.name == "first":
                self.soc.load(self.soc.tasks[1], self.soc.processors[1])

    text = """
platform:
  name: chip
  processors: {cpu: {}, npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}
simulate: {until: 20 ms}
tasks:
  - {name: first, wcet: {cpu: 1 ms}, release: 0 ms, deadline: 20 ms}
  - {name: net, release: 3 ms, deadline: 17 ms, wcet: {cpu: 5 ms, npu: 3 ms}, weights: 4 MB}
"""
    for parts in ({"placement": EarliestFinish()}, {"placement": EarliestFinish(), "ordering": FIFO()}):
        assert slices(run(text, scheduler=ComposedScheduler(**parts)))[-1][:3] == ("net", "cpu", 3)
        assert slices(run(text, scheduler=ComposedScheduler(**parts, admission=Ahead())))[-1][:3] == ("net", "npu", 4)


CLOCKS = """
platform: {processors: {cpu: {operating_points: [{frequency: 500 MHz, milliwatt: 200}, {frequency: 1 GHz, milliwatt: 1000}]}}}
power: {governor: GOVERNOR}
simulate: {until: 1 s}
tasks: [{name: net, period: 20 ms, wcet: 8 ms, memory: {bound: 0.25}}]
"""


@pytest.mark.parametrize(("governor", "time"), [("performance", 8), ("powersave", 14)])
def test_the_clock_in_force_stretches_what_is_bound_by_it(governor: str, time: float) -> None:
    text = CLOCKS.replace("GOVERNOR", governor)
    assert estimate(text) == time
    assert run(text).jobs["finish"][0] == time * MS


def test_a_clock_that_changes_changes_what_is_believed() -> None:
    def before_and_after(each: Estimator, job: Any) -> tuple[int, int]:
        before = each.rest(job)
        each._soc.set_speed("cpu", level=0)
        return before, each.rest(job)

    assert asked(loaded(CLOCKS.replace("GOVERNOR", "userspace")), before_and_after) == (8 * MS, 14 * MS)


def test_a_link_at_its_present_bandwidth() -> None:
    text = """
platform:
  processors: {cpu: {}, cloud: {kind: cloud}}
  links:
    wifi:
      between: [cpu, cloud]
      latency: 2 ms
      bandwidth: 1 MB/s
      trace: [{at: 0 s, bandwidth: 1 MB/s}, {at: 200 ms, bandwidth: 250 kB/s}]
simulate: {until: 1 s}
tasks:
  - name: net
    period: 200 ms
    offset: 10 ms
    graph:
      nodes: {a: {wcet: {cpu: 3 ms}}, b: {wcet: {cloud: 1 ms}}}
      edges: [[a, b, 10 kB]]
"""
    assert estimate(text, at=10) == 3 + 2 + 10 + 1
    assert estimate(text, at=210) == 3 + 2 + 40 + 1


BRANCH = """
platform: {processors: {cpu: {}}}
simulate: {until: 1 s}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes: {ask: {wcet: 1 ms}, long: {wcet: 20 ms}, more: {wcet: 5 ms}, short: {wcet: 2 ms}, out: {wcet: 1 ms}}
      edges: [[ask, long], [long, more], [ask, short], [more, out], [short, out]]
      branches: {ask: {to: {long: 0.5, short: 0.5}}}
"""


@st.composite
def graphs(draw: Any) -> str:
    """Up to six nodes in any order that goes forward, on two cores, a slow core and an NPU that needs weights."""
    count = draw(st.integers(1, 6))
    described, edges = [], []
    for node in range(count):
        places = draw(st.lists(st.sampled_from(["big", "little", "npu"]), min_size=1, max_size=3, unique=True))
        times = ", ".join(f"{place}: {draw(st.integers(1, 20))} ms" for place in places)
        weights = draw(st.sampled_from(["", ", weights: 4 MB", ", weights: 12 MB"]))
        described.append(f"n{node}: {{wcet: {{{times}}}{weights}}}")
        edges += [f"[n{before}, n{node}]" for before in range(node) if draw(st.booleans())]
    return f"""
platform:
  name: chip
  processors:
    big: {{cores: 2, operating_points: [{{frequency: 700 MHz, milliwatt: 1}}, {{frequency: 1 GHz, milliwatt: 9}}]}}
    little: {{cores: 1}}
    npu: {{kind: npu, weights: {{capacity: 10 MB, bandwidth: 1 GB/s}}}}
power: {{governor: {draw(st.sampled_from(["performance", "powersave"]))}}}
overheads: {{context_switch: {draw(st.integers(0, 2))} ms}}
simulate: {{until: 1 s}}
tasks:
  - name: net
    period: 1 s
    graph: {{nodes: {{{", ".join(described)}}}, edges: [{", ".join(edges)}]}}
"""


@given(graphs(), st.sampled_from(["global", "first-fit", "clustered"]))
@settings(max_examples=60)
def test_alone_and_as_planned_a_job_takes_what_was_estimated(text: str, placement: str) -> None:
    policy = {"ordering": "edf", "placement": placement, "preemption": "nonpreemptive"}
    took = run(text, scheduler=policy).jobs["finish"][0]
    places = {"global": Global, "first-fit": FirstFitDecreasing, "clustered": Clustered}[placement]
    believed = asked(loaded(text), lambda each, job: each.rest(job), placement=places(), preemption="nonpreemptive")
    assert believed == pytest.approx(took, abs=10)  # speeds are rounded


def test_of_two_ways_one_is_gone() -> None:
    system = loaded(BRANCH)

    def ways(each: Estimator, job: Any) -> tuple[int, int]:
        return each.rest(job), each.idle().run(job, least=True)

    assert asked(system, ways) == (27 * MS, 4 * MS)


def test_what_is_believed_is_what_is_planned_never_what_happens() -> None:
    text = DIAMOND.replace("CORES", "1") + "    execution: {kind: uniform, low: 0.1, high: 0.3}\n"
    assert estimate(text) == 64
    assert run(text).jobs["finish"][0] < 20 * MS


def test_a_belief_of_its_own_is_one_method() -> None:
    class Pessimist(Estimator):
        def time(self, node: Any, place: int) -> int:
            return 2 * super().time(node, place)

    def doubled(each: Estimator, job: Any) -> int:
        return Pessimist(each._soc, each._placement).rest(job)

    assert asked(loaded(DIAMOND.replace("CORES", "2")), doubled) == 70 * MS


def test_a_policy_without_estimates_makes_none() -> None:
    from rtsched.schedulers.composed import ComposedScheduler

    policy = ComposedScheduler(EDF(), Global())
    run(CLUSTERS, scheduler=policy)
    assert not hasattr(policy.placement, "estimator")


# ---- every policy in every situation ---------------------------------------------------------------------------------


def situation(platform: str, net: str, others: str = "", more: str = "", placement: str = "global") -> tuple[str, str]:
    """A system whose task `net` is described by `net`, and where it is placed."""
    text = f"platform: {platform}\nsimulate: {{until: 1 s}}\ntasks:\n{others}  - name: net\n{net}"
    return text + "ADAPTIVE" + more, placement


def nodes(*each: str) -> str:
    """A chain of nodes s1, s2… with these execution times."""
    names = [f"s{number + 1}" for number in range(len(each))]
    edges = ", ".join(f"[{one}, {other}]" for one, other in pairwise(names))
    described = ", ".join(f"{name}: {{wcet: {time}}}" for name, time in zip(names, each, strict=True))
    return f"    graph: {{nodes: {{{described}}}, edges: [{edges}]}}\n"


BIG_LITTLE = "{name: chip, processors: {big: {cores: 1}, little: {cores: 1}}}"
LINKED = (
    "{processors: {cpu: {}, npu: {kind: npu}}, links: {bus: {between: [cpu, npu], latency: 1 ms, bandwidth: 1 GB/s}}}"
)
SITUATIONS = {
    # big is full, so the partition has given s1 the slow cluster
    "slow cluster": situation(
        BIG_LITTLE,
        "    period: 100 ms\n    deadline: 60 ms\n"
        + nodes("{big: 25 ms, little: 75 ms}", "{big: 15 ms, little: 45 ms}"),
        others="  - {name: hog, period: 10 ms, wcet: {big: 8 ms}, pin: big}\n",
        placement="first-fit",
    ),
    # without preemption the lowest free processor serves, which is slow
    "lowest first": situation(
        "{name: chip, processors: {little: {cores: 1}, big: {cores: 1}}}",
        "    period: 100 ms\n    deadline: 20 ms\n" + nodes("{big: 5 ms, little: 15 ms}", "{big: 5 ms, little: 15 ms}"),
    ),
    "clock": situation(
        "{processors: {cpu: {operating_points: [{frequency: 500 MHz, milliwatt: 1}, {frequency: 1 GHz, milliwatt: 9}]}}}",
        "    period: 20 ms\n" + nodes("6 ms", "6 ms"),
        more="power: {governor: powersave}\n",
    ),
    "switches": situation(
        "{processors: {cpu: {}}}",
        "    period: 20 ms\n    deadline: 13 ms\n" + nodes("3 ms", "3 ms", "3 ms"),
        more="overheads: {context_switch: 2 ms}\n",
    ),
    # a CPU for s1, an NPU for s2, and 1 ms and 1 ms for the 1 MB between
    "copy": situation(
        LINKED,
        "    period: 20 ms\n    deadline: 10 ms\n"
        + nodes("{cpu: 4 ms}", "{cpu: 40 ms, npu: 5 ms}").replace("[s1, s2]", "[s1, s2, 1 MB]"),
        placement="earliest-finish",
    ),
    "run to completion": situation(
        "{processors: {npu: {kind: npu}}}",
        "    period: 20 ms\n    offset: 1 ms\n    deadline: 15 ms\n" + nodes("{npu: 4 ms}", "{npu: 4 ms}"),
        others="  - {name: long, period: 40 ms, wcet: {npu: 12 ms}}\n",
    ),
}
BRANCHES = situation(
    "{processors: {gpu: {kind: gpu}}}",
    """    period: 100 ms
    deadline: 50 ms
    graph:
      nodes: {s1: {wcet: {gpu: 2 ms}}, a: {wcet: {gpu: 30 ms}}, b: {wcet: {gpu: 30 ms}}, out: {wcet: {gpu: 2 ms}}}
      edges: [[s1, a], [s1, b], [a, out], [b, out]]
""",
)
#: The load takes 8 ms, and the variants do not fit beside each other; the first job cannot be in time.
LOADS = (
    NPU
    + """
simulate: {until: 200 ms}
tasks:
  - name: net
    period: 20 ms
    weights: 8 MB
    variants: {choices: [{name: full, wcet: {npu: 9 ms}, accuracy: 0.9}, {name: small, wcet: {npu: 3 ms}, accuracy: 0.8}]}
  - {name: other, wcet: {npu: 12 ms}, period: 40 ms, deadline: 15 ms}
""",
    "global",
)
VARIANTS = """    variants:
      switch: node
      choices: [{name: full, scale: 1, accuracy: 0.95}, {name: half, scale: 0.5, accuracy: 0.9}]
"""
CHOOSING = ("subflow", "resolution", "multi-path-style", "rtscale-style", "apnet-style")


def misses(where: tuple[str, str], adaptive: str, adaptation: Any) -> int:
    """How many jobs of `net` are late."""
    text, placement = where
    policy = {"ordering": "edf", "placement": placement, "preemption": "nonpreemptive", "adaptation": adaptation}
    trace = run(text.replace("ADAPTIVE", adaptive), scheduler=policy)
    return next(task.misses for task in summary(trace).tasks if task.name == "net")


@pytest.mark.parametrize("adaptation", CHOOSING)
@pytest.mark.parametrize("name", [*SITUATIONS, "branches", "loads"])
def test_an_adaptation_is_in_time_where_a_fixed_variant_is(name: str, adaptation: str) -> None:
    where = {**SITUATIONS, "branches": BRANCHES, "loads": LOADS}[name]
    least = misses(where, VARIANTS, {"name": "fixed", "variant": -1})
    assert least == (1 if name == "loads" else 0)
    assert misses(where, VARIANTS, "fixed") > least
    assert misses(where, VARIANTS, adaptation) == least


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_plan_over_stages_is_in_time_where_the_first_stage_is(name: str) -> None:
    stages = "    exits: [{node: s1, accuracy: 0.6}, {node: LAST, accuracy: 0.9}]\n"
    stages = stages.replace("LAST", "s3" if name == "switches" else "s2")
    first = misses(SITUATIONS[name], stages, {"name": "early-exit", "threshold": 0.0})
    assert misses(SITUATIONS[name], stages, {"name": "early-exit", "threshold": 1.0}) > 0
    assert misses(SITUATIONS[name], stages, "stage-dp-style") == first


# ---- placements, admissions, plans -----------------------------------------------------------------------------------

CHOICE = """
platform:
  name: chip
  processors:
    cpu: {operating_points: [{frequency: 500 MHz, milliwatt: 1}, {frequency: 1 GHz, milliwatt: 9}]}
    npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}
power: {governor: GOVERNOR}
simulate: {until: 20 ms}
tasks:
  - {name: net, period: 20 ms, wcet: {cpu: 5 ms, npu: NPU ms}, weights: 4 MB}
"""


@pytest.mark.parametrize("policy", ["edf+earliest-finish", "band-heft", "band-sel", "band-lsf"])
@pytest.mark.parametrize(
    ("governor", "npu", "taken"),
    [
        ("performance", 2, "cpu"),  # 5 ms against 4 of loading and 2
        ("performance", 0.5, "npu"),  # 4.5 ms
        ("powersave", 2, "npu"),  # 10 against 6
    ],
)
def test_the_processor_is_chosen_by_what_it_takes_now(policy: str, governor: str, npu: float, taken: str) -> None:
    trace = run(CHOICE.replace("GOVERNOR", governor).replace("NPU ms", f"{npu} ms"), scheduler=policy)
    assert {place for _, place, *_ in slices(trace)} == {taken}


def test_a_later_job_finds_the_weights_where_they_are() -> None:
    text = CHOICE.replace("GOVERNOR", "performance").replace("NPU ms", "0.5 ms").replace("until: 20", "until: 40")
    for policy in ("edf+earliest-finish", "band-heft"):
        assert [
            (start, end)
            for _, place, start, end, reason in slices(run(text, scheduler=policy))
            if reason == "completed"
        ] == [
            (4, 4.5),
            (20, 20.5),
        ]


@pytest.mark.parametrize("governor", ["performance", "powersave"])
def test_admission_drops_what_the_clock_makes_hopeless(governor: str) -> None:
    text = CLOCKS.replace("GOVERNOR", governor).replace("period: 20 ms", "period: 20 ms, deadline: 10 ms")
    policy = {"ordering": "edf", "admission": "drop-hopeless"}
    task = summary(run(text, scheduler=policy)).tasks[0]
    assert (task.jobs, task.dropped) == (50, 0 if governor == "performance" else 50)


def test_what_has_begun_is_not_left_out_by_a_variant_that_skips_it() -> None:
    # n0 has 1 of its 2 ms done at 1, when both cores are taken until 4; then it needs 1 more, and n1 2
    text = """
platform: {processors: {cpu: {cores: 2}}}
scheduler: {ordering: fp}
tasks:
  - {name: hog, instances: 2, wcet: 3 ms, priority: 0, offset: 1 ms, period: 100 ms}
  - name: net
    priority: 1
    graph: {nodes: {n0: {wcet: 2 ms}, n1: {wcet: 2 ms}}, edges: [[n0, n1]]}
    variants: {switch: node, choices: [{accuracy: 0.9}, {skip: [n0], accuracy: 0.6}]}
    period: 100 ms
  - {name: asks, wcet: 1 ms, priority: 2, offset: 1500 us, period: 100 ms}
"""
    answers: list[int] = []

    class Asking(Adaptation):
        def on_release(self, job: Any) -> None:
            if job.task.name == "net":
                self.net = job
            elif job.task.name == "asks":
                answers.extend(self.estimator.rest(self.net, number) for number in (0, 1))

    trace = run(text, scheduler=ComposedScheduler(FixedPriority(), adaptation=Asking()), until="50 ms")
    assert answers == [5_500_000, 5_500_000]
    assert trace.jobs["finish"][trace.jobs["task"] == 2].tolist() == [7 * MS]
