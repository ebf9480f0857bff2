"""Jobs that may go several ways: variants, exits, branches, and what their answers are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import SchedulerError, summary
from rtsched.engine.job_path import confidence
from rtsched.errors import InputError
from rtsched.model.paths import shortest_paths
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import ACTIONS
from tests.chips import loaded, run, slices

GPU = "platform: {processors: {gpu: {kind: gpu, service: node}}}\n"

TWO = (
    GPU
    + """
scheduler: {ordering: edf}
simulate: {until: 40 ms}
tasks:
  - name: det
    period: 10 ms
    variants:
      - {name: small, wcet: {gpu: 2 ms}, accuracy: 0.7}
      - {name: large, wcet: {gpu: 6 ms}, accuracy: 0.9}
"""
)

EXITS = (
    GPU
    + """
scheduler: {ordering: edf, adaptation: SCHEDULER}
simulate: {until: 20 s}
tasks:
  - name: net
    period: 10 ms
    difficulty: {reliability: 0.8}
    graph:
      nodes: {s1: {wcet: {gpu: 2 ms}}, s2: {wcet: {gpu: 3 ms}}, s3: {wcet: {gpu: 4 ms}}}
      edges: [[s1, s2], [s2, s3]]
    exits: [{node: s1, accuracy: 0.6}, {node: s2, accuracy: 0.8}, {node: s3, accuracy: 0.9}]
"""
)


class First(Scheduler):
    """First come first served, and what a test makes of the events."""

    preemption = "nonpreemptive"

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            free = [p for p in self.soc.processors if p.segment is None and segment.node.times[p.index] is not None]
            if free and segment.state == 1:
                self.soc.start(segment.job, segment, free[0])


# ---- variants --------------------------------------------------------------------------------------------------------


def test_without_an_adaptation_the_best_variant_runs() -> None:
    trace = run(TWO)
    assert slices(trace)[:2] == [("det", "gpu", 0, 6, "completed"), ("det", "gpu", 10, 16, "completed")]
    assert trace.answers["accuracy"].tolist() == [900_000] * 4


def test_variants_are_ordered_from_the_best_down_whatever_the_file_says() -> None:
    quality = loaded(TWO).lower().tasks[0].quality
    assert quality is not None
    assert [variant.name for variant in quality.variants] == ["large", "small"]
    by_time = loaded(TWO.replace(", accuracy: 0.7", "").replace(", accuracy: 0.9", "")).lower().tasks[0].quality
    assert by_time is not None
    assert not by_time.measured
    assert [variant.name for variant in by_time.variants] == ["large", "small"]


def test_reconfigure_changes_the_times_of_what_has_not_started() -> None:
    class Second(First):
        def on_release(self, job) -> None:
            if job.index % 2:
                self.soc.reconfigure(job, 1)

    trace = run(TWO, scheduler=Second())
    assert [(row[2], row[3]) for row in slices(trace)] == [(0, 6), (10, 12), (20, 26), (30, 32)]
    assert summary(trace).tasks[0].variants == {"large": 2, "small": 2}
    assert trace.chosen == {(0, 0): 0, (1, 0): 1, (2, 0): 0, (3, 0): 1}


def test_a_started_job_keeps_its_variant_unless_variants_share_what_is_done() -> None:
    text = (
        GPU
        + """
simulate: {until: 10 ms}
tasks:
  - name: net
    period: 10 ms
    graph: {nodes: {a: {wcet: {gpu: 2 ms}}, b: {wcet: {gpu: 4 ms}}}, edges: [[a, b]]}
    variants:
      switch: node
      shares: {a: 1, b: 3}
      choices: [{name: full, scale: 1, accuracy: 0.9}, {name: half, scale: 0.5, accuracy: 0.5}]
"""
    )

    class Late(First):
        def on_completion(self, segment, observation) -> None:
            if segment.node.name == "a":
                self.soc.reconfigure(segment.job, 1)

    trace = run(text, scheduler=Late())
    assert [(row[2], row[3]) for row in slices(trace)] == [(0, 2), (2, 4)]
    # a, a quarter of the loss, ran in full; b at half: 0.9 - 3/4 (0.9 - 0.5)
    assert trace.answers["accuracy"].tolist() == [600_000]
    with pytest.raises(SchedulerError, match="do not share what is done"):
        run(text.replace("switch: node\n      shares: {a: 1, b: 3}", "switch: start"), scheduler=Late())


@pytest.mark.parametrize("number", [2, -1])
def test_only_variants_that_there_are(number: int) -> None:
    class Wrong(First):
        def on_release(self, job) -> None:
            self.soc.reconfigure(job, number)

    with pytest.raises(SchedulerError, match="it has 2 variants"):
        run(TWO, scheduler=Wrong())


def test_an_ended_job_cannot_be_reconfigured() -> None:
    class Dead(First):
        def on_release(self, job) -> None:
            if job.index == 1:
                self.soc.drop(job)
                self.soc.reconfigure(job, 1)

    with pytest.raises(SchedulerError, match="ended already"):
        run(TWO, scheduler=Dead())


def test_a_path_leaves_out_nodes_and_what_joins_them_goes_on() -> None:
    trace = run(
        GPU
        + """
scheduler: {ordering: edf, adaptation: {name: fixed, variant: short}}
simulate: {until: 10 ms}
tasks:
  - name: net
    period: 10 ms
    graph:
      nodes: {a: {wcet: {gpu: 1 ms}}, b: {wcet: {gpu: 4 ms}}, c: {wcet: {gpu: 2 ms}}}
      edges: [[a, b], [b, c]]
    variants: [{name: long, accuracy: 0.9}, {name: short, skip: [b], accuracy: 0.8}]
"""
    )
    assert [(row[2], row[3]) for row in slices(trace)] == [(0, 1), (1, 3)]
    assert trace.jobs["finish"].tolist() == [3_000_000]


# ---- accuracy --------------------------------------------------------------------------------------------------------


def long_run(text: str, seconds: int = 200, **options):
    return run(text.replace("until: 40 ms", f"until: {seconds} s"), trace=True, **options)


@pytest.mark.parametrize("correlation", [0, 0.9])
def test_the_share_of_right_answers_is_the_accuracy(correlation: float) -> None:
    text = TWO + f"    difficulty: {{correlation: {correlation}}}\n"
    right = long_run(text).answers["right"]
    # successive answers resemble each other, so that they count for less
    error = math.sqrt(0.9 * 0.1 / len(right) * (1 + correlation) / (1 - correlation))
    assert abs(right.mean() - 0.9) < 4 * error
    pairs = np.corrcoef(right[1:], right[:-1])[0, 1]
    assert (pairs > 0.3) == (correlation > 0.5)


def test_inputs_are_the_same_for_all_policies_and_worse_variants_fail_on_more_of_them() -> None:
    small = long_run(TWO, 20, scheduler="edf+fixed").answers["right"]
    large = long_run(
        TWO, 20, scheduler={"ordering": "edf", "adaptation": {"name": "fixed", "variant": "small"}}
    ).answers["right"]
    assert (large <= small).all()
    assert large.sum() < small.sum()


def test_late_is_wrong_unless_a_decay_is_declared() -> None:
    late = (
        GPU
        + """
simulate: {until: 1 s}
tasks: [{name: a, period: 10 ms, deadline: 5 ms, wcet: {gpu: 6 ms}, accuracy: 1.0DECAY}]
"""
    )
    figures = summary(run(late.replace("DECAY", "")))
    assert (figures.accuracy, figures.effective_accuracy) == (1.0, 0.0)
    figures = summary(run(late.replace("DECAY", ", decay: 4 ms")))
    assert figures.effective_accuracy == pytest.approx(0.75)


def test_a_tally_knows_what_a_trace_knows() -> None:
    text = EXITS.replace("SCHEDULER", "early-exit")
    with_trace, without = (summary(run(text, trace=keep)) for keep in (True, False))
    for name in ("accuracy", "effective_accuracy"):
        assert getattr(with_trace, name) == getattr(without, name) is not None
    assert with_trace.tasks[0].variants == without.tasks[0].variants


# ---- exits and confidence --------------------------------------------------------------------------------------------


@given(st.floats(0.01, 0.99), st.floats(0, 0.99))
@settings(max_examples=30)
def test_confidence_is_calibrated(accuracy: float, reliability: float) -> None:
    scores = np.linspace(-8, 8, 4001)
    weights = np.exp(-(scores**2) / 2)
    values = np.array([confidence(accuracy, float(score), reliability) for score in scores])
    assert np.average(values, weights=weights) == pytest.approx(accuracy, abs=2e-3)
    assert (np.diff(values) <= 1e-12).all()  # the harder it looks, the less likely


def test_those_who_leave_with_confidence_are_right_as_often_as_they_said() -> None:
    seen: list[tuple[float, int]] = []

    class Watch(First):
        def on_completion(self, segment, observation) -> None:
            if observation.get("exit") == 0:
                seen.append((observation["confidence"], segment.job.number))
                self.soc.finish(segment.job)

    trace = run(EXITS.replace(", adaptation: SCHEDULER", "").replace("20 s", "100 s"), scheduler=Watch())
    right = dict(zip(trace.answers["job"].tolist(), trace.answers["right"].tolist(), strict=True))
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.01)):
        group = [(said, right[job]) for said, job in seen if low <= said < high]
        said, was = (sum(column) / len(group) for column in zip(*group, strict=True))
        assert abs(said - was) < 4 * math.sqrt(0.25 / len(group))


def test_the_answer_is_that_of_the_last_exit_reached() -> None:
    class Middle(First):
        def on_completion(self, segment, observation) -> None:
            if observation.get("exit") == 1:
                assert self.soc.answer(segment.job) == (1, 0.8)
                self.soc.finish(segment.job)

    trace = run(EXITS.replace(", adaptation: SCHEDULER", "").replace("20 s", "20 ms"), scheduler=Middle())
    assert trace.answers["accuracy"].tolist() == [800_000] * 2
    assert trace.jobs["finish"].tolist() == [5_000_000, 15_000_000]
    assert [ACTIONS[action] for action in trace.logged["action"]] == ["finish"] * 2


def test_there_is_no_answer_before_the_first_exit() -> None:
    class Hasty(First):
        def on_release(self, job) -> None:
            self.soc.finish(job)

    with pytest.raises(SchedulerError, match="reached no exit"):
        run(EXITS.replace(", adaptation: SCHEDULER", ""), scheduler=Hasty())


def test_the_future_of_an_input_is_not_known_before_it_is_seen() -> None:
    class Ask(First):
        asked: list[float] = []

        def on_release(self, job) -> None:
            self.asked.append(self.soc.expected_accuracy(job, 0.8))

    scheduler = Ask()
    text = EXITS.replace(", adaptation: SCHEDULER", "").replace("20 s", "200 ms")
    run(text, scheduler=scheduler)
    assert set(scheduler.asked) == {0.8}
    predicted = Ask()
    predicted.asked = []
    run(text.replace("reliability: 0.8", "predictor: 0.7"), scheduler=predicted)
    assert len(set(predicted.asked)) == 20


# ---- branches --------------------------------------------------------------------------------------------------------

BRANCHES = """
platform: {processors: {cpu: {cores: 2}}}
scheduler: {ordering: edf}
simulate: {until: 20 s}
tasks:
  - name: net
    period: 20 ms
    graph:
      nodes:
        gate: {wcet: 1 ms}
        light: {wcet: 2 ms}
        heavy: {wcet: 5 ms}
        more: {wcet: 3 ms}
        join: {wcet: 1 ms}
      edges: [[gate, light], [gate, heavy], [heavy, more], [light, join], [more, join]]
      branches: {gate: {to: {light: 0.7, heavy: 0.3}}}
"""


def test_each_input_goes_one_way_and_the_ways_meet_again() -> None:
    trace = run(BRANCHES)
    ran = {}
    for row in trace.slices:
        ran.setdefault(int(row["job"]), []).append(trace.system.tasks[0].nodes[row["node"]].name)
    assert {tuple(names) for names in ran.values()} == {("gate", "light", "join"), ("gate", "heavy", "more", "join")}
    took = trace.jobs["finish"] - trace.jobs["release"]
    assert set(took.tolist()) == {4_000_000, 10_000_000}
    light = (took == 4_000_000).mean()
    assert abs(light - 0.7) < 4 * math.sqrt(0.7 * 0.3 / len(took))


def test_a_policy_learns_the_way_when_the_gate_is_done() -> None:
    ways = []

    class Watch(First):
        def on_completion(self, segment, observation) -> None:
            if segment.node.name == "gate":
                ways.append(segment.job.task.nodes[observation["branch"]].name)

    trace = run(BRANCHES, scheduler=Watch())
    assert ways.count("light") == int((trace.jobs["finish"] - trace.jobs["release"] == 4_000_000).sum())


def test_difficulty_can_choose_the_way() -> None:
    text = BRANCHES.replace("heavy: 0.3}}", "heavy: 0.3}, by: difficulty}").replace(
        "tasks:\n  - ", "tasks:\n  - accuracy: 0.7\n    "
    )
    trace = run(text)
    easy = trace.jobs["finish"] - trace.jobs["release"] == 4_000_000
    assert (trace.answers["right"].astype(bool) == easy).all()  # right on the easiest 0.7, which went the light way


def test_runs_of_nodes_stop_at_a_branch() -> None:
    class Blind(First):
        def dispatch(self) -> None:
            for segment in self.soc.ready[:1]:
                self.soc.start(segment.job, [0, 1], self.soc.processors[0])

    with pytest.raises(SchedulerError, match="which way it goes"):
        run(BRANCHES, scheduler=Blind())


# ---- what a file may not say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWO.replace("accuracy: 0.9", "accuracy: 1.5"), "less than or equal to 1"),
        (TWO.replace("accuracy: 0.9", "accuracy: -0.1"), "greater than or equal to 0"),
        (TWO.replace("large, wcet: {gpu: 6 ms}", "large, wcet: {npu: 6 ms}"), "'npu' is no processor"),
        (TWO.replace("name: large", "name: small"), "same name"),
        (TWO.replace("wcet: {gpu: 6 ms}", "scale: 0.5"), "exactly one of 'wcet'"),
        (TWO.replace("wcet: {gpu: 6 ms}", "wcet: {gpu: 6 ms}, scale: 0.5"), "one of 'wcet', 'network', and shares"),
        (EXITS.replace("node: s3, accuracy: 0.9", "node: s4, accuracy: 0.9"), "no node"),
        (EXITS + "    accuracy: 0.5\n", "leave the task's own out"),
        (BRANCHES.replace("heavy: 0.3", "heavy: 0.4"), "sum to 1.1"),
        (BRANCHES.replace("light: 0.7, heavy: 0.3", "light: 0.7, more: 0.3"), "must name the nodes that follow"),
    ],
)
def test_bad_files_are_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(text).lower()


def test_a_loss_needs_something_to_be_lost_from() -> None:
    text = GPU + "simulate: {until: 10 ms}\ntasks: [{name: a, period: 10 ms, wcet: {gpu: 6 ms}, loss: {gpu: 0.1}}]\n"
    with pytest.raises(InputError, match="needs the accuracy"):
        loaded(text).lower()
    trace = run(text.replace("loss:", "accuracy: 0.8, loss:"))
    assert trace.answers["accuracy"].tolist() == [700_000]


def test_each_variant_has_its_own_energy() -> None:
    text = TWO.replace("simulate:", "power: {}\nsimulate:").replace(
        "    variants:", "    energy: {gpu: 5 mJ}\n    variants:"
    )
    with pytest.raises(InputError, match="all variants have times of their own, so 'energy' has no effect"):
        loaded(text)
    text = (
        text.replace("    energy: {gpu: 5 mJ}\n", "")
        .replace("accuracy: 0.7", "accuracy: 0.7, energy: {gpu: 1 mJ}")
        .replace("accuracy: 0.9", "accuracy: 0.9, energy: {gpu: 5 mJ}")
    )
    for variant, energy in (("large", 20), ("small", 4)):
        policy = {"ordering": "edf", "adaptation": {"name": "fixed", "variant": variant}}
        figures = summary(run(text, scheduler=policy)).hardware
        assert figures is not None
        assert figures.energy is not None
        assert figures.energy.tasks[0].total == pytest.approx(energy * 10**6, rel=1e-6)


def test_kernels_of_a_gpu_shrink_with_the_variant() -> None:
    text = """
platform: {processors: {gpu: {kind: gpu, block_level: {sms: 2, threads: 1024, streams: 1}}}}
scheduler: {ordering: edf, adaptation: {name: fixed, variant: half}}
simulate: {until: 10 ms}
tasks:
  - name: net
    period: 10 ms
    kernels: [{blocks: 2, threads: 1024, time: 4 ms}, {blocks: 4, threads: 1024, time: 1 ms}]
    variants: [{name: full, scale: 1, accuracy: 0.9}, {name: half, scale: 0.5, accuracy: 0.8}]
"""
    assert run(text).jobs["finish"].tolist() == [3_000_000]  # 2 + 2 x 0.5 ms instead of 4 + 2 x 1
    with pytest.raises(InputError, match="shares of it"):
        loaded(text.replace("scale: 0.5", "wcet: {gpu: 2 ms}")).lower()


# ---- where variants, exits and branches meet regions, sections and skipped nodes -----------------------------------


LIMITED = """
platform: {{processors: {{npu: {{kind: npu}}}}}}
scheduler: {{ordering: fp, preemption: limited}}
simulate: {{until: 20 ms}}
tasks:
  - {{name: hi, period: 20 ms, deadline: 3 ms, offset: 1 ms, wcet: {{npu: 1 ms}}}}
  - {{name: lo, period: 20 ms, {}}}
"""
PIECES = "wcet: {npu: 6 ms}, regions: [2 ms, 2 ms, 2 ms]"
NODES = "nodes: {a: {wcet: {npu: 6 ms}, regions: [2 ms, 2 ms, 2 ms]}, b: {wcet: {npu: 1 ms}}, c: {wcet: {npu: 1 ms}}}"


@pytest.mark.parametrize(
    "body",
    [
        PIECES + ", accuracy: 0.9",
        f"graph: {{{NODES}, edges: [[a, b], [b, c]]}}, exits: [{{node: a, accuracy: 0.5}}, {{node: c, accuracy: 0.9}}]",
        f"graph: {{{NODES}, edges: [[a, b], [a, c]], branches: {{a: {{to: {{b: 0.5, c: 0.5}}}}}}}}",
    ],
    ids=["accuracy", "exits", "branches"],
)
def test_regions_hold_whatever_else_a_task_declares(body: str) -> None:
    # hi comes at 1 and waits for the first region of lo only
    rows = [row[:4] for row in slices(run(LIMITED.format(body)))]
    assert rows[:3] == [("lo", "npu", 0, 2), ("hi", "npu", 2, 3), ("lo", "npu", 3, 7)]


@pytest.mark.parametrize("extra", ["accuracy: 0.9", "accuracy: 0.9, decay: 5 ms"])
def test_sections_hold_whatever_else_a_task_declares(extra: str) -> None:
    text = """
platform: {processors: {cpu: {kind: cpu}}}
scheduler: {ordering: fp}
simulate: {until: 20 ms}
resources: {r: {protocol: inheritance}}
tasks:
  - {name: hi, period: 20 ms, offset: 1 ms, wcet: 2 ms, sections: [{resource: r, start: 0 ms, length: 2 ms}]}
  - {name: lo, EXTRA, period: 20 ms, wcet: 10 ms, sections: [{resource: r, start: 0 ms, length: 10 ms}]}
"""
    trace = run(text.replace("EXTRA", extra))
    assert slices(trace) == slices(run(text.replace("EXTRA, ", "")))
    assert trace.jobs["finish"].tolist() == [10_000_000, 12_000_000]


SKIPPING = """
platform: {processors: {cpu: {kind: cpu}}}
scheduler: {ordering: fp, adaptation: ADAPTATION}
simulate: {until: 20 ms}
tasks:
- {name: hog, period: 20 ms, wcet: {cpu: 3 ms}}
- name: net
  period: 20 ms
  deadline: 6 ms
  graph: {nodes: {n0: {wcet: {cpu: 2 ms}}, n1: {wcet: {cpu: 2 ms}}}, edges: [[n0, n1]]}
  variants: {choices: [{name: full, accuracy: 0.9, scale: 1.0}, {name: tiny, accuracy: 0.6, skip: [n0]}], switch: SWITCH}
"""


@pytest.mark.parametrize(("switch", "accuracy"), [("start", 600_000), ("node", 750_000)])
def test_a_job_goes_on_behind_the_node_that_its_new_variant_skips(switch: str, accuracy: int) -> None:
    # at 3 there is no time for n0 any more: tiny skips it. Where variants share what is done n1 is full again, and what
    # was left out still counts: half of the network ran as full, half of it as tiny.
    trace = run(SKIPPING.replace("SWITCH", switch).replace("ADAPTATION", "subflow"))
    assert [row[:4] for row in slices(trace)] == [("hog", "cpu", 0, 3), ("net", "cpu", 3, 5)]
    assert trace.slices["node"].tolist() == [0, 1]
    assert trace.jobs["finish"].tolist() == [3_000_000, 5_000_000]
    assert trace.answers[["variant", "accuracy"]].tolist() == [(1, accuracy)]


def test_a_job_ends_at_once_when_its_new_variant_skips_all_that_is_left() -> None:
    class Enough(First):
        def on_start(self, segment, processor) -> None:
            if segment.node.name == "n1":
                self.soc.reconfigure(segment.job, 1)

    trace = run(
        SKIPPING.replace("SWITCH", "node").replace("ADAPTATION", "none").replace("[n0]", "[n1]"), scheduler=Enough()
    )
    assert [row[:4] for row in slices(trace)] == [("hog", "cpu", 0, 3), ("net", "cpu", 3, 5)]
    assert trace.jobs["finish"].tolist() == [3_000_000, 5_000_000]


def test_what_was_left_out_cannot_come_back() -> None:
    class Regrets(First):
        def on_start(self, segment, processor) -> None:
            if segment.job.task.name == "net":
                assert self.soc.changeable(segment.job) == (segment.node.name == "n0")
                self.soc.reconfigure(segment.job, 1 if segment.node.name == "n0" else 0)

    with pytest.raises(SchedulerError, match="do not share what is done"):
        run(SKIPPING.replace("SWITCH", "start").replace("ADAPTATION", "none"), scheduler=Regrets())


def test_a_job_that_is_given_up_when_it_is_about_to_start_does_not_start() -> None:
    class Refuses(First):
        def on_start(self, segment, processor) -> None:
            self.soc.drop(segment.job)

    trace = run(TWO, scheduler=Refuses())
    assert len(trace.slices) == 0
    assert [ACTIONS[row["action"]] for row in trace.decisions] == ["drop"] * 4


BUSY = TWO + "  - {name: other, period: 10 ms, wcet: {gpu: 3 ms}}\n"


class Meddling(First):
    """While it is asked how `det` is to run it starts `other`: on that processor, or elsewhere."""

    place = 0

    def on_start(self, segment, processor) -> None:
        for each in self.soc.ready:
            if each.job.task.name == "other":
                self.soc.start(each.job, each, self.soc.processors[self.place])


def test_what_on_start_starts_on_that_very_processor_is_refused() -> None:
    with pytest.raises(SchedulerError, match="on_start has started node 'other' of job 0 of 'other' there"):
        run(BUSY, scheduler=Meddling())


def test_on_start_may_start_others_elsewhere() -> None:
    policy = Meddling()
    policy.place = 1
    trace = run(
        BUSY.replace("gpu: {kind: gpu, service: node}", "gpu: {kind: gpu, cores: 2, service: node}"), scheduler=policy
    )
    assert slices(trace)[:2] == [("det", "gpu0", 0, 6, "completed"), ("other", "gpu1", 0, 3, "completed")]


def test_on_start_may_take_the_processor_from_a_job_that_it_drops() -> None:
    class Rather(Meddling):
        def on_start(self, segment, processor) -> None:
            self.soc.drop(segment.job)
            super().on_start(segment, processor)

    assert slices(run(BUSY, scheduler=Rather()))[:1] == [("other", "gpu", 0, 3, "completed")]


@pytest.mark.parametrize("nodes", [[2], [-1], [0, 7]])
def test_nodes_that_a_job_does_not_have_are_not_reconfigured(nodes) -> None:
    class Wrong(First):
        def on_release(self, job) -> None:
            self.soc.reconfigure(job, 1, nodes)

    text = SKIPPING.replace("SWITCH", "node").replace("ADAPTATION", "none")
    text = text.replace("- {name: hog, period: 20 ms, wcet: {cpu: 3 ms}}\n", "")
    with pytest.raises(SchedulerError, match=rf"has no node {nodes[-1]}; its nodes are 0 \(n0\), 1 \(n1\)"):
        run(text, scheduler=Wrong())


def test_a_run_of_nodes_goes_on_behind_what_a_new_variant_skips() -> None:
    class Runs(First):
        def dispatch(self) -> None:
            cpu = self.soc.processors[0]
            for segment in self.soc.ready:
                if cpu.segment is None and segment.job.task.name == "net":
                    first = segment.node.index
                    self.soc.start(segment.job, list(range(first, 3)), cpu)

        def on_start(self, segment, processor) -> None:
            if segment.node.name == "n0":
                self.soc.reconfigure(segment.job, 1)

    text = SKIPPING.replace("SWITCH", "node").replace("ADAPTATION", "none").replace("[n0]", "[n1]")
    text = text.replace("n1: {wcet: {cpu: 2 ms}}}", "n1: {wcet: {cpu: 2 ms}}, n2: {wcet: {cpu: 1 ms}}}")
    text = text.replace("- {name: hog, period: 20 ms, wcet: {cpu: 3 ms}}\n", "")
    trace = run(text.replace("[[n0, n1]]", "[[n0, n1], [n1, n2]]"), scheduler=Runs())
    assert trace.slices[["node", "start", "end"]].tolist() == [(0, 0, 2_000_000), (2, 2_000_000, 3_000_000)]


def test_no_job_that_could_be_in_time_on_a_short_way_is_hopeless() -> None:
    """Ways of branches at the times of the variant; where it may change before each node, the least of each."""
    task = """
scheduler: {ordering: fp, adaptation: {name: fixed, variant: small}}
simulate: {until: 400 ms}
tasks:
  - name: net
    period: 40 ms
    deadline: 8 ms
    on_miss: drop_if_hopeless
    graph:
      nodes: {r: {wcet: {gpu: 10 ms}}, a: {wcet: {gpu: 4 ms}}, b: {wcet: {gpu: 6 ms}}}
      edges: [[r, a], [r, b]]
      branches: {r: {to: {a: 0.5, b: 0.5}}}
    variants: {choices: [{name: full, accuracy: 0.9}, {name: small, scale: 0.5, accuracy: 0.5}]}
"""
    assert summary(run(GPU + task)).misses == 0
    (spec,) = loaded(GPU + task).lower().tasks
    assert shortest_paths(spec) == [7 * 10**6, 2 * 10**6, 3 * 10**6]
    pieces = "variants: {choices: [{name: full, accuracy: 0.9}, {name: one, nodes: {r: 0.5}, accuracy: 0.7}, "
    pieces += "{name: two, nodes: {a: 0.5}, skip: [b], accuracy: 0.5}], switch: SWITCH}\n"
    for switch, least in (("start", [9 * 10**6, 2 * 10**6, 0]), ("node", [5 * 10**6, 2 * 10**6, 0])):
        text = task[: task.index("    variants")] + "    " + pieces.replace("SWITCH", switch)
        (spec,) = loaded(GPU + text).lower().tasks
        assert shortest_paths(spec) == least, switch
