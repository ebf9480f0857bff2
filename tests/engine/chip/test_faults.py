"""Processors that fail or slow down, links whose bandwidth varies, announced changes."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.base import Scheduler
from tests.chips import changes, loaded, run, slices

CHIP = """
platform: {name: chip, processors: {npu: {kind: npu}, gpu: {kind: gpu}}}
faults: [{processor: npu, at: 3 ms, lasts: 4 ms}]
tasks:
  - {name: a, wcet: {npu: 5 ms}, period: 20 ms, on_fault: restart}
"""


def test_a_segment_restarts_when_its_processor_is_back() -> None:
    trace = run(CHIP, until="20 ms")
    assert slices(trace) == [("a", "npu", 0, 3, "killed"), ("a", "npu", 7, 12, "completed")]
    assert changes(trace) == [(3, "down", 0, 0), (7, "up", 0, 0)]


def test_a_segment_resumes_where_it_was() -> None:
    trace = run(CHIP.replace("restart", "resume"), until="20 ms")
    assert slices(trace) == [("a", "npu", 0, 3, "failed"), ("a", "npu", 7, 9, "completed")]


def test_a_job_is_dropped() -> None:
    trace = run(CHIP.replace("restart", "drop"), until="40 ms")
    assert slices(trace) == [("a", "npu", 0, 3, "stopped"), ("a", "npu", 20, 25, "completed")]
    assert [int(outcome) for outcome in trace.jobs["outcome"]] == [3, 0]
    assert changes(trace, "down") == [(3, "down", 0, 0)]  # the trace tells which job was hit


def test_a_segment_goes_on_elsewhere() -> None:
    text = CHIP.replace("{npu: 5 ms}", "{npu: 5 ms, gpu: 10 ms}")
    assert slices(run(text, until="20 ms")) == [("a", "npu", 0, 3, "killed"), ("a", "gpu", 3, 13, "completed")]
    resumed = slices(run(text.replace("restart", "resume"), until="20 ms"))
    assert resumed == [("a", "npu", 0, 3, "failed"), ("a", "gpu", 3, 7, "completed")]  # 2/5 of 10 ms


@pytest.mark.parametrize("placement", ["global", "partitioned", "earliest-finish", "clustered"])
@pytest.mark.parametrize("ordering", ["edf", "fp", "llf", "rr"])
@pytest.mark.parametrize("mode", ["preemptive", "limited", "nonpreemptive"])
def test_every_policy_survives_failures_and_loses_nothing(ordering: str, placement: str, mode: str) -> None:
    text = f"""
platform: {{name: chip, processors: {{cpu: {{cores: 3}}, npu: {{kind: npu, contexts: 2}}}}}}
faults:
  - {{processor: cpu0, mean_up: 20 ms, mean_down: 5 ms}}
  - {{processor: cpu, at: 50 ms, lasts: 10 ms}}
  - {{processor: npu, mean_up: 10 ms, mean_down: 3 ms}}
scheduler: {{ordering: {ordering}, placement: {placement}, preemption: {mode}}}
simulate: {{drain: all}}
tasks:
  - {{name: a, wcet: {{cpu: 3 ms, npu: 1 ms}}, period: 10 ms, on_fault: resume}}
  - {{name: b, wcet: 4 ms, period: 15 ms}}
  - {{name: c, wcet: 5 ms, period: 20 ms, on_miss: abort}}
  - {{name: d, wcet: {{npu: 4 ms}}, period: 30 ms, on_fault: drop}}
  - {{name: e, graph: {{nodes: {{x: {{wcet: 2 ms}}, y: {{wcet: {{npu: 2 ms, cpu: 9 ms}}}}}}, edges: [[x, y]]}}, period: 40 ms}}
"""
    trace = run(text, until="200 ms", seed=5)
    assert (trace.jobs["outcome"] >= 0).all()
    assert len(changes(trace, "down")) >= 8
    assert len(changes(trace, "down")) == len(changes(trace, "up"))
    down: dict[int, float] = {}
    for time, what, place, _ in changes(trace, "down", "up"):
        if what == "down":
            down[place] = time
        else:
            since, until = round(down.pop(place) * 1e6), round(time * 1e6)
            mine = trace.slices[trace.slices["processor"] == place]
            assert not ((mine["start"] < until) & (mine["end"] > since)).any()


def test_random_faults_depend_on_the_seed_alone() -> None:
    text = CHIP.replace("{processor: npu, at: 3 ms, lasts: 4 ms}", "{processor: npu, mean_up: 9 ms, mean_down: 2 ms}")
    one, same, other = (run(text, until="200 ms", seed=seed) for seed in (1, 1, 2))
    assert one.slices.tobytes() == same.slices.tobytes()
    assert changes(one) == changes(same)
    assert changes(one) != changes(other)
    policy = run(text, until="200 ms", seed=1, scheduler="fifo")
    assert changes(policy, "up") == changes(one, "up")  # another policy, the same world


def test_a_slow_down_is_not_a_failure() -> None:
    text = CHIP.replace("lasts: 4 ms", "lasts: 4 ms, speed: 0.25")
    assert slices(run(text, until="20 ms")) == [("a", "npu", 0, 8, "completed")]  # 3 + 4 * 0.25 + 1


def test_slow_downs_multiply_and_end_one_by_one() -> None:
    more = "lasts: 4 ms, speed: 0.5}, {processor: npu, at: 5 ms, lasts: 4 ms, speed: 0.5}"
    text = CHIP.replace("lasts: 4 ms}", more)
    # full to 3, half to 5, a quarter to 7, half to 8: 3 + 1 + 0.5 + 0.5 = 5
    assert slices(run(text, until="20 ms")) == [("a", "npu", 0, 8, "completed")]


def test_a_slow_accelerator_slows_each_of_its_contexts_once() -> None:
    text = CHIP.replace("{kind: npu}", "{kind: npu, contexts: 2}").replace("lasts: 4 ms", "lasts: 4 ms, speed: 0.5")
    assert slices(run(text, until="20 ms")) == [("a", "npu.0", 0, 7, "completed")]


def test_a_slow_link_is_slow() -> None:
    assert transfer(more="faults: [{processor: wifi, at: 7 ms, speed: 0.5}]\n") == (1, 17)


def test_a_processor_that_is_down_for_good_leaves_jobs_unfinished_and_says_so() -> None:
    trace = run(CHIP.replace(", lasts: 4 ms", ""), until="20 ms")
    assert slices(trace) == [("a", "npu", 0, 3, "killed")]
    assert [int(outcome) for outcome in trace.jobs["outcome"]] == [1]  # its deadline has passed: late


def test_overlapping_faults_end_when_the_last_one_does() -> None:
    text = CHIP.replace("lasts: 4 ms}", "lasts: 4 ms}, {processor: npu, at: 5 ms, lasts: 5 ms}")
    assert changes(run(text, until="20 ms")) == [(3, "down", 0, 0), (10, "up", 0, 0)]


def test_policies_are_told_and_cannot_start_on_what_is_down() -> None:
    heard = []

    class Stubborn(Scheduler):
        def on_processor(self, processor: Any, change: str) -> None:
            heard.append((self.soc.now, change, self.soc.available(processor)))

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[0])

    with pytest.raises(SchedulerError, match="the processor is down; wait for on_processor"):
        run(CHIP, scheduler=Stubborn(), until="20 ms")
    assert heard == [(3_000_000, "down", False)]


LINK = """
platform:
  name: edge
  processors: {cpu: {}, cloud: {kind: cloud}}
  links: {wifi: {between: [cpu, cloud], latency: 1 ms, bandwidth: 10 MB/s%s}}
tasks:
  - name: offload
    graph:
      nodes: {before: {wcet: {cpu: 1 ms}}, after: {wcet: {cloud: 2 ms}}}
      edges: [[before, after, 100 kB]]
    period: 100 ms
"""


def transfer(extra: str = "", more: str = "", **options: Any) -> tuple[float, float]:
    trace = run(LINK % extra + more, until="100 ms", **options)
    return next((row[2], row[3]) for row in slices(trace) if row[1] == "wifi")


def test_a_transfer_follows_the_bandwidth_of_the_moment() -> None:
    assert transfer() == (1, 12)  # 1 ms latency, 100 kB at 10 MB/s
    # half the bandwidth from 7 ms on: by then 5 ms of the transfer are done, the other 5 take 10
    points = ", trace: [{at: 0 s, bandwidth: 10 MB/s}, {at: 7 ms, bandwidth: 5 MB/s}]"
    assert transfer(points) == (1, 17)
    # the latency does not shorten with the bandwidth: 1 + 5
    assert transfer(", trace: [{at: 0 s, bandwidth: 20 MB/s}]") == (1, 7)


def test_an_announced_bandwidth_holds_and_policies_hear_of_it() -> None:
    heard = []

    class Listener(Scheduler):
        def on_environment(self, change: dict[str, Any]) -> None:
            heard.append((self.soc.now, change))

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                place = self.soc.processors[segment.node.eligible[0]]
                if place.segment is None:
                    self.soc.start(segment.job, segment, place)

    more = "environment:\n  - {at: 7 ms, link: wifi, bandwidth: 20 MB/s}\n  - {at: 9 ms, name: user, value: away}\n"
    assert transfer(more=more, scheduler=Listener()) == (1, 9.5)
    assert heard == [
        (7_000_000, {"link": "wifi", "bandwidth": 20_000_000}),
        (9_000_000, {"name": "user", "value": "away"}),
    ]


def test_a_link_that_wanders_is_the_same_for_every_policy() -> None:
    extra = ", markov: {states: [{bandwidth: 10 MB/s, dwell: 3 ms}, {bandwidth: 1 MB/s, dwell: 2 ms}, {bandwidth: 4 MB/s, dwell: 1 ms}]}"
    first = run(LINK % extra, until="200 ms", seed=3)
    assert {value for *_, value in changes(first, "bandwidth")} == {1_000_000, 4_000_000, 10_000_000}
    assert changes(first, "bandwidth") == changes(
        run(LINK % extra, until="200 ms", seed=3, scheduler="fifo"), "bandwidth"
    )


def test_a_recorded_bandwidth_comes_from_a_file(tmp_path: Any) -> None:
    import rtsched

    (tmp_path / "wifi.csv").write_text("at,bandwidth\n0 ms,10 MB/s\n7 ms,5 MB/s\n")
    (tmp_path / "chip.yaml").write_text(
        "processors: {cpu: {}, cloud: {kind: cloud}}\n"
        "links: {wifi: {between: [cpu, cloud], latency: 1 ms, bandwidth: 10 MB/s, trace: wifi.csv}}\n"
    )
    (tmp_path / "system.yaml").write_text("platform: chip.yaml\n" + LINK[LINK.index("tasks:") :].replace("%s", ""))
    trace = rtsched.simulate(tmp_path / "system.yaml", until="100 ms")
    assert [row[3] for row in slices(trace) if row[1] == "wifi"] == [17]
    (tmp_path / "wifi.csv").write_text("at,bandwidth\n0 ms,0 MB/s\n")
    with pytest.raises(
        InputError, match=r"wifi.csv:2: the bandwidth must be positive; an outage is a fault of the link"
    ):
        rtsched.simulate(tmp_path / "system.yaml", until="100 ms")


def test_a_link_can_fail() -> None:
    assert transfer(more="faults: [{processor: wifi, at: 5 ms, lasts: 10 ms}]\n") == (1, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHIP.replace("processor: npu", "processor: dsp"), r"'dsp' is no processor or cluster; known: gpu, npu"),
        (CHIP.replace("at: 3 ms, lasts", "mean_up: 3 ms, lasts"), "either planned .* or random"),
        (CHIP.replace("lasts: 4 ms", "speed: 1"), "less than 1"),
        (LINK % ", trace: [{at: 0 s, bandwidth: 0 MB/s}]", "must be positive"),
        ((LINK % "").replace("bandwidth: 10 MB/s", "bandwidth: 0 MB/s"), "must be positive"),
        (
            (LINK % ", trace: [{at: 0 s, bandwidth: 1 MB/s}]").replace("bandwidth: 10 MB/s, ", ""),
            "needs a nominal 'bandwidth'",
        ),
        (LINK % ", trace: [{at: 1 s, bandwidth: 1 MB/s}, {at: 0 s, bandwidth: 2 MB/s}]", "must ascend in time"),
        (LINK % "" + "environment: [{at: 1 ms, link: lte, bandwidth: 1 MB/s}]\n", "'lte' is no link with a bandwidth"),
        (LINK % "" + "environment: [{at: 1 ms, link: wifi}]\n", "a 'link' comes with a 'bandwidth'"),
    ],
)
def test_bad_input(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(text).lower()


@pytest.mark.parametrize("protocol", ["none", "inheritance", "ceiling"])
def test_a_lost_segment_gives_back_what_it_held(protocol: str) -> None:
    trace = run(
        f"""
platform: {{name: chip, processors: {{cpu: {{cores: 2}}}}}}
scheduler: {{ordering: fp, placement: pinned}}
resources: {{bus: {{protocol: {protocol}}}}}
faults: [{{processor: cpu0, at: 3 ms, lasts: 5 ms}}]
tasks:
  - {{name: a, wcet: 4 ms, sections: [{{resource: bus, start: 1 ms, length: 3 ms}}], pin: cpu0, period: 50 ms}}
  - {{name: b, wcet: 2 ms, sections: [{{resource: bus, start: 0 ms, length: 2 ms}}], pin: cpu1, offset: 2 ms, period: 50 ms}}
""",
        until="50 ms",
    )
    assert slices(trace) == [
        ("a", "cpu0", 0, 3, "killed"),
        ("b", "cpu1", 3, 5, "completed"),  # it waited for the bus, which the failure freed
        ("a", "cpu0", 8, 12, "completed"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("faults: [{processor: dsp, at: 1 s}]", "system.yaml:2:10: faults.0: 'dsp' is no processor or cluster"),
        ("power: {clusters: {gpu: powersave}}", "system.yaml:2:25: power.clusters.gpu: 'gpu' is no cluster of"),
        ("environment: [{at: 1 s, link: lte, bandwidth: 1 MB/s}]", "system.yaml:2:15: environment.0: 'lte' is no link"),
    ],
)
def test_errors_name_the_place_in_the_file(tmp_path: Any, line: str, message: str) -> None:
    import rtsched

    path = tmp_path / "system.yaml"
    path.write_text(f"platform: uniprocessor\n{line}\ntasks: [{{name: a, wcet: 1 ms, period: 10 ms}}]\n")
    with pytest.raises(InputError) as caught:
        rtsched.load(path).lower()
    assert message in str(caught.value)


class Eager(Scheduler):
    """Starts what it hears of at once, wherever a processor is idle, and does nothing in dispatch but what is left."""

    preemption = "nonpreemptive"

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, str]] = []

    def serve(self) -> None:
        for processor in self.soc.processors:
            for segment in list(self.soc.ready):
                if processor.segment is None and segment.node.times[processor.index] is not None:
                    self.soc.start(segment.job, segment, processor)

    def on_ready(self, job: Any, segments: Any) -> None:
        self.serve()

    def on_processor(self, processor: Any, change: str) -> None:
        self.heard.append((self.soc.now / 1e6, processor.name, change))
        self.serve()

    def dispatch(self) -> None:
        self.serve()


@pytest.mark.parametrize("reset", ["", ", reset: 1 ms"])
@pytest.mark.parametrize(("fate", "end"), [("restart", 12), ("resume", 9), ("drop", 25)])
def test_nobody_starts_on_a_processor_that_is_about_to_be_down(fate: str, end: float, reset: str) -> None:
    policy = Eager()
    trace = run(
        CHIP.replace("restart", fate).replace("kind: npu", f"kind: npu{reset}"), scheduler=policy, until="40 ms"
    )
    assert next(row for row in slices(trace) if row[4] == "completed")[3] == end
    assert [each for each in policy.heard if each[0] == 3] == [(3, "npu", "down")]


def test_of_a_cluster_that_fails_no_idle_core_is_to_be_had() -> None:
    text = CHIP.replace("npu: {kind: npu}", "npu: {kind: npu, cores: 2}").replace("lasts: 4 ms", "lasts: 1 ms")
    assert slices(run(text, scheduler=Eager(), until="20 ms")) == [
        ("a", "npu0", 0, 3, "killed"),
        ("a", "npu0", 4, 9, "completed"),
    ]


def test_a_preemptive_core_that_fails_is_not_told_to_be_idle() -> None:
    text = CHIP.replace("kind: npu", "cores: 1").replace("restart", "drop")
    policy = Eager()
    run(text, scheduler=policy, until="20 ms")
    assert [each for each in policy.heard if each[0] == 3] == [(3, "npu", "down")]


@pytest.mark.parametrize("places", ["cloud: 2 ms", "cloud: 2 ms, far: 9 ms"])
def test_a_link_that_fails_takes_no_other_transfer_at_that_instant(places: str) -> None:
    # a transfer of its own, and a copy to where the node was started
    text = (LINK % "").replace("cloud: 2 ms", places).replace("cloud: {kind: cloud}", "cloud: {kind: cloud}, far: {}")
    text = text.replace("100 ms\n", "100 ms\n    on_fault: drop\n")
    policy = Eager()
    trace = run(text + "faults: [{processor: wifi, at: 5 ms, lasts: 4 ms}]", scheduler=policy, until="100 ms")
    assert [each for each in policy.heard if each[:2] == (5, "wifi")] == [(5, "wifi", "down")]
    assert trace.jobs["outcome"].tolist()[:1] == [3]
