"""From files to integers: times per processor, transfers, jobs, horizons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched import analyse
from rtsched.api import Loaded, load, simulate
from rtsched.dnn.horizon import horizon
from rtsched.errors import HorizonError, InputError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.model.taskgraph import ChainSpec, SystemSpec
from rtsched.units import MS
from tests.chips import loaded as chip
from tests.chips import run, slices

CHIP = """\
name: chip
processors:
  little: {cores: 2, speed: 0.5}
  big: {cores: 1, speed: 2}
  gpu: {kind: gpu}
links:
  bus: {between: [big, gpu], latency: 10 us, bandwidth: 1 GB/s}
"""


def lower(tasks: str, platform: str = CHIP, folder: Path | None = None, **more: str) -> SystemSpec:
    """Lower tasks (a YAML list) on a platform."""
    text = "platform: chip\n" + "".join(f"{key}: {value}\n" for key, value in more.items()) + f"tasks:\n{tasks}"
    system = validate(System, parse_yaml(text))
    chip = validate(Platform, parse_yaml(platform))
    return Loaded(system, chip, None, None if folder is None else folder / "system.yaml").lower()


def times(spec: SystemSpec, task: int = 0, node: int = 0) -> dict[str, int | None]:
    return dict(zip([p.name for p in spec.processors], spec.tasks[task].nodes[node].times, strict=True))


def test_processors_are_named_after_their_cluster() -> None:
    spec = lower("  - {name: a, wcet: 1 ms, period: 5 ms}")
    assert [p.name for p in spec.processors] == ["little0", "little1", "big", "gpu", "bus"]
    assert [p.service for p in spec.processors] == ["preemptive"] * 3 + ["node", "run-to-completion"]


def test_a_plain_time_holds_on_every_cpu_at_its_speed() -> None:
    spec = lower("  - {name: a, wcet: 1001 ns, period: 5 ms}")
    assert times(spec) == {"little0": 2002, "little1": 2002, "big": 501, "gpu": None, "bus": None}


def test_a_time_for_a_cluster_is_not_scaled_and_beats_its_kind() -> None:
    spec = lower("  - {name: a, wcet: {cpu: 8 us, big: 3 us, gpu: 1 us, little1: 9 us}, period: 5 ms}")
    assert times(spec) == {"little0": 16000, "little1": 9000, "big": 3000, "gpu": 1000, "bus": None}


def test_pins_and_affinities_leave_some_processors() -> None:
    spec = lower(
        "  - {name: a, wcet: 1 us, period: 5 ms, pin: big}\n  - {name: b, wcet: 1 us, period: 5 ms, processors: [little]}"
    )
    assert [node.nodes[0].eligible for node in spec.tasks] == [(2,), (0, 1)]


def test_cores_of_one_cluster_may_differ_in_speed() -> None:
    chip = "processors: {cpu: {cores: 2, speeds: [1, '1/3']}}\n"
    assert times(lower("  - {name: a, wcet: 1 us, period: 5 ms}", chip)) == {"cpu0": 1000, "cpu1": 3000}


def test_bytes_that_cross_a_link_become_a_transfer() -> None:
    spec = lower(
        "  - {name: a, period: 5 ms, graph: {nodes: {x: {wcet: {big: 1 ms}}, y: {wcet: {gpu: 1 ms}}}, edges: [[x, y, 1 MB]]}}"
    )
    x, y, transfer = spec.tasks[0].nodes
    assert times(spec, 0, 2)["bus"] == 10_000 + 1_000_000
    assert (x.successors, transfer.predecessors, transfer.successors, y.predecessors) == ((2,), (0,), (1,), (2,))
    assert spec.tasks[0].critical_path == 3_010_000


def test_two_transfers_share_their_link_one_after_the_other() -> None:
    graph = "graph: {nodes: {x: {wcet: {big: 1 us}}, y: {wcet: {gpu: 1 us}}}, edges: [[x, y, 10 kB]]}"
    system = validate(
        System,
        parse_yaml(
            "platform: chip\nsimulate: {until: 1 ms}\ntasks:\n"
            f"  - {{name: a, period: 1 ms, {graph}}}\n  - {{name: b, period: 1 ms, {graph}}}\n"
        ),
    )
    trace = simulate(Loaded(system, validate(Platform, parse_yaml(CHIP))))
    # x of a 0-1, of b 1-2 us; transfers of 20 us: 1-21 and 21-41; y: 21-22 and 41-42
    assert trace.check() == []
    assert trace.jobs["finish"].tolist() == [22_000, 42_000]


def test_transfers_without_a_link_are_free_and_said_to_be() -> None:
    spec = lower(
        "  - {name: a, period: 5 ms, graph: {nodes: {x: {wcet: {little: 1 ms}}, y: {wcet: {gpu: 1 ms}}}, edges: [[x, y, 1 MB]]}}"
    )
    assert len(spec.tasks[0].nodes) == 2
    assert spec.assumed == ("transfers between gpu and little take no time: the platform has no link there",)


def test_instances_and_their_triggers() -> None:
    spec = lower(
        "  - {name: a, wcet: 1 us, period: 5 ms, instances: 2}\n  - {name: b, wcet: 1 us, deadline: 5 ms, after: a, instances: 2}"
    )
    assert [(task.name, task.after) for task in spec.tasks] == [
        ("a[0]", None),
        ("a[1]", None),
        ("b[0]", 0),
        ("b[1]", 1),
    ]
    with pytest.raises(InputError, match="3 instances after the 2 of 'a'"):
        lower(
            "  - {name: a, wcet: 1 us, period: 5 ms, instances: 2}\n  - {name: b, wcet: 1 us, deadline: 5 ms, after: a, instances: 3}"
        )


def test_files_beside_the_system(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text(
        "release_us,deadline,execution,execution_provider\n0,5 ms,0.5 ms,x\n1500,5 ms,1 ms,y\n"
    )
    (tmp_path / "samples.csv").write_text("name,latency_ms\nx,0.25\ny,0.75\n")
    (tmp_path / "jobs.csv").write_text("name,release_ms,wcet_ms,deadline_ms,priority\nj,1,2,9,4\n")
    spec = lower(
        "  - {name: a, wcet: 1 ms, deadline: 5 ms, arrival: {kind: trace, file: arrivals.csv}}\n"
        "  - {name: b, wcet: 1 ms, period: 5 ms, execution: {kind: empirical, file: samples.csv, column: latency_ms}}\n",
        folder=tmp_path,
        jobs="jobs.csv",
    )
    assert spec.tasks[0].arrival.times == (0, 1_500_000)  # type: ignore[union-attr]
    assert spec.tasks[0].arrival.execution == (500_000, 1_000_000)  # type: ignore[union-attr]
    assert spec.tasks[1].execution.samples == (250_000, 750_000)  # type: ignore[union-attr]
    job = spec.tasks[2]
    assert (job.name, job.release, job.nodes[0].fastest, job.deadline, job.priority) == (
        "j",
        10**6,
        10**6,
        8 * 10**6,
        4,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("release_us\n5\n3\n", ":3:1: release: the trace goes back in time (3 us after 5 us); sort it"),
        ("release_us\nx\n", ":2:1: release: 'x' is not a number"),
        ("release_us\nnan\n", ":2:1: release: 'nan' is not a time"),
        ("release_us\n1e999999999\n", ":2:1: release: '1e999999999' is not a time below 100 years"),
        ("release_us\n1e999999\n", ":2:1: release: '1e999999' is not a time below 100 years"),
        ("release_us\n-1\n", ":2:1: release: must be zero or more"),
        ("release\n5\n", ":2:1: release: '5' has no unit"),
        ("time\n5\n", ":1:1: column 'release' is missing (found: time)"),
        ("release_us,deadline_us\n5\n", ":2:2: deadline: the row has 1 cells"),
        ("release_us,deadline_us\n5,0\n", ":2:2: deadline: must be positive"),
        ("", ":1:1: the file is empty"),
        ("release_us\n", "no arrivals"),
    ],
)
def test_bad_arrival_traces(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "arrivals.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        lower("  - {name: a, wcet: 1 ms, deadline: 5 ms, arrival: {kind: trace, file: arrivals.csv}}", folder=tmp_path)
    assert message in str(caught.value)
    assert "arrivals.csv" in str(caught.value)


def test_networks_take_their_times_from_the_tables() -> None:
    spec = load("drone_xavier_nx").lower()
    gpu = next(p.index for p in spec.processors if p.name == "gpu")
    times = {task.name: task.nodes[0].times[gpu] for task in spec.tasks}
    assert times["obstacle_det"] == 5_526_100
    assert times["tracker_reid[1]"] == 2_419_000
    assert times["landing_seg"] == 38_462_000
    assert any("bound" in note for note in spec.assumed)


def periodic(*rows: tuple[int, int]) -> SystemSpec:
    """Tasks of (period, offset) in ms."""
    return lower(
        "".join(f"  - {{name: t{i}, wcet: 1 us, period: {p} ms, offset: {o} ms}}\n" for i, (p, o) in enumerate(rows))
    )


def test_horizons() -> None:
    ms = 10**6
    assert horizon(periodic((4, 0), (6, 0)), "hyperperiod") == 12 * ms
    assert horizon(periodic((4, 0), (6, 5)), "hyperperiod") == 29 * ms  # the last offset and two hyperperiods
    assert horizon(periodic((4, 0), (6, 0)), 7) == 7
    assert horizon(periodic((4, 0), (6, 0)), "auto") == 12 * ms
    assert horizon(periodic((997, 0), (1009, 0), (1013, 0)), "auto") == 10 * 10**9
    with pytest.raises(HorizonError, match=r"the hyperperiod is .* years .*; ask for a time"):
        horizon(periodic((9973, 0), (9967, 0), (9949, 0), (9941, 0)), "hyperperiod")
    chained = replace(periodic((4, 0), (6, 0)), chains=(ChainSpec("c", (0, 1)),))
    assert horizon(chained, "hyperperiod") == 12 * ms
    assert horizon(chained, "auto") == 36 * ms  # 20 ms more, in whole hyperperiods: the longest that c may take
    aperiodic = lower("  - {name: a, wcet: 1 us, deadline: 5 ms, arrival: {kind: trace, times: [1 ms]}}")
    with pytest.raises(HorizonError, match="not every task is periodic"):
        horizon(aperiodic, "hyperperiod")


COPIES = """
platform:
  processors: {cpu: {cores: 2}, npu: {kind: npu}}
  links: {bus: {between: [cpu, npu], latency: 100 us, bandwidth: 1 GB/s}}
scheduler: {ordering: edf, placement: PLACEMENT}
simulate: {until: 20 ms}
tasks:
  - name: net
    period: 20 ms
    graph:
      nodes: {a: {wcet: {cpu: 2 ms}}, b: {wcet: {cpu: 6 ms, npu: 2 ms}}, c: {wcet: {cpu: 1 ms, npu: 9 ms}}}
      edges: [[a, b, 1 MB], [b, c, 2 MB]]
"""


def test_copies_cost_what_the_link_takes_where_clusters_are_chosen_at_run_time() -> None:
    # 0.1 + 1 ms to the NPU before b, 0.1 + 2 ms back before c
    trace = run(COPIES.replace("PLACEMENT", "earliest-finish"))
    assert [(name, place, start, end, reason) for name, place, start, end, reason in slices(trace)] == [
        ("net", "cpu0", 0, 2, "completed"),
        ("net", "npu", 2, 3.1, "overhead"),
        ("net", "bus", 2, 3.1, "completed"),
        ("net", "npu", 3.1, 5.1, "completed"),
        ("net", "cpu0", 5.1, 7.2, "overhead"),
        ("net", "bus", 5.1, 7.2, "completed"),
        ("net", "cpu0", 7.2, 8.2, "completed"),
    ]
    assert not any("transfers" in note for note in trace.system.assumed)


def test_nothing_is_copied_inside_a_cluster() -> None:
    trace = run(COPIES.replace("PLACEMENT", "earliest-finish").replace(", npu: 2 ms", "").replace(", npu: 9 ms", ""))
    assert trace.jobs["finish"].tolist() == [9_000_000]


def test_a_missing_link_is_said() -> None:
    text = COPIES.replace("PLACEMENT", "earliest-finish").replace(
        "  links: {bus: {between: [cpu, npu], latency: 100 us, bandwidth: 1 GB/s}}\n", ""
    )
    trace = run(text)
    assert trace.jobs["finish"].tolist() == [5_000_000]
    assert "net: transfers take no time where the platform has no link (cpu to npu)" in trace.system.assumed


# ---- regions and sections ------------------------------------------------------------------------------------------


def pieces(platform: str, body: str) -> list[tuple[int | None, tuple[int, ...], tuple[tuple[int, int], ...]]]:
    """(time, regions, sections) in ms of the nodes of the only task."""
    text = f"platform: {{processors: {{{platform}}}}}\nresources: {{r: {{}}}}\ntasks:\n  - {{name: a, period: 90 ms, {body}}}\n"
    return [
        (
            max(time for time in node.times if time is not None) / MS,
            tuple(region / MS for region in node.regions),
            tuple((section.start / MS, section.end / MS) for section in node.sections),
        )
        for node in chip(text).lower().tasks[0].nodes
    ]


HALVES = "regions: [6 ms, 2 ms], sections: [{resource: r, start: 2 ms, length: 3 ms}]"


@pytest.mark.parametrize(
    ("platform", "body", "expected"),
    [
        ("cpu: {}", "wcet: 8 ms", (8, (6, 2), ((2, 5),))),
        ("cpu: {speed: 0.4}", "wcet: 8 ms", (20, (15, 5), ((5, 12.5),))),
        ("cpu: {speed: 2}", "wcet: 8 ms", (4, (3, 1), ((1, 2.5),))),
        ("cpu: {speed: 2}", "wcet: {cpu: 8 ms}", (8, (6, 2), ((2, 5),))),  # written for this very cluster
        ("npu: {kind: npu, speed: 0.5}", "wcet: {npu: 8 ms}", (8, (6, 2), ((2, 5),))),
        ("cpu: {cores: 2, speeds: [1, 0.5]}", "pin: cpu1, wcet: 8 ms", (16, (12, 4), ((4, 10),))),
        ("cpu: {cores: 4, threads: {'1': 1, '4': 2}}", "wcet: 8 ms", (4, (3, 1), ((1, 2.5),))),
        ("cpu: {cores: 4, threads: {'1': 1, '4': 2}}", "threads: 1, wcet: 8 ms", (8, (6, 2), ((2, 5),))),
    ],
)
def test_regions_and_sections_are_scaled_like_the_time_they_are_parts_of(
    platform: str, body: str, expected: Any
) -> None:
    assert pieces(platform, f"{body}, {HALVES}") == [expected]


def test_scaled_regions_sum_to_the_scaled_time_to_the_nanosecond() -> None:
    text = "platform: {processors: {cpu: {speed: '3/7'}}}\ntasks: [{name: a, period: 1 ms, wcet: 10 ns, regions: [1 ns, 1 ns, 8 ns]}]"
    (node,) = chip(text).lower().tasks[0].nodes
    assert (node.times, node.regions) == ((24,), (2, 2, 20))
    (short,) = chip(text.replace("'3/7'", "5")).lower().tasks[0].nodes
    assert (short.times, short.regions) == ((2,), (2,))  # what is shorter than a nanosecond is no region of its own


@pytest.mark.parametrize(
    ("platform", "body", "message"),
    [
        ("cpu: {cores: 2, speeds: [1, 0.5]}", "wcet: 8 ms", "processors of one speed; pin it"),
        ("big: {}, little: {}", "wcet: {big: 8 ms, little: 9 ms}, sections: [{resource: r, start: 0 ms, length: 2 ms}]", "need one execution time"),
        ("cpu: {}", "wcet: 4 ms", "the regions must sum to the wcet"),
        ("cpu: {}", "wcet: 8 ms, sections: [{resource: r, start: 7 ms, length: 2 ms}]", "ends after the node does, at 9 ms of 8 ms"),
    ],
)  # fmt: skip
def test_regions_and_sections_that_do_not_fit_are_refused(platform: str, body: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pieces(platform, f"{body}, {HALVES}" if "sections" not in body else body)


NETWORK = """
platform: rk3588
resources: {{r: {{}}}}
tasks:
  - {{name: a, network: mobilenet_v2, pin: big1, period: 70 ms, {}}}
"""


def test_the_regions_of_a_looked_up_network_sum_to_its_measured_time(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(NETWORK.format("regions: [2 ms, 4 ms]"), "utf-8")
    with pytest.raises(
        InputError, match=r"system.yaml:5:\d+: .*the regions sum to 6 ms, its execution time is 27.29 ms"
    ):
        load(file).lower()
    file.write_text(NETWORK.format("regions: [20 ms, 7.29 ms]"), "utf-8")
    assert load(file).lower().tasks[0].nodes[0].regions == (20_000_000, 7_290_000)


def test_the_stages_of_a_family_of_exits_take_their_parts_of_regions_and_sections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    # the exits of this family lie at 40 and 70 % of the time
    exits = tmp_path / "platforms" / "exits.csv"
    exits.parent.mkdir()
    columns = "family,network,exit,share,accuracy,relative_cost,status,source\n"
    exits.write_text(columns + "f,n,1,0.5,,0.4,,\nf,n,2,0.3,,0.7,,\nf,n,3,0.2,,1,,\nf,n,all,1,0.9,,,\n", "utf-8")
    body = "wcet: 10 ms, exit_family: f, regions: [3 ms, 3 ms, 4 ms], sections: [{resource: r, start: %s ms, length: 2 ms}]"
    file = tmp_path / "system.yaml"
    text = "platform: uniprocessor\nresources: {r: {}}\ntasks: [{name: a, period: 90 ms, %s}]\n"
    file.write_text(text % body % 5, "utf-8")
    nodes = load(file).lower().tasks[0].nodes
    assert [node.times[0] for node in nodes] == [4 * MS, 3 * MS, 3 * MS]
    assert [node.regions for node in nodes] == [(3 * MS, 1 * MS), (2 * MS, 1 * MS), (3 * MS,)]
    assert [[(s.start, s.end) for s in node.sections] for node in nodes] == [[], [(1 * MS, 3 * MS)], []]
    file.write_text(text % body % 3, "utf-8")
    with pytest.raises(InputError, match="from 3 ms to 5 ms, over an exit"):
        load(file).lower()


def test_a_slow_core_has_long_regions_in_the_run_and_in_the_proof() -> None:
    text = """
platform: {processors: {cpu: {kind: cpu, speed: 0.4}}}
scheduler: {ordering: fp, preemption: limited}
tasks:
  - {name: hi, period: 80 ms, deadline: 9 ms, offset: 1 ms, wcet: 1 ms}
  - {name: lo, period: 80 ms, wcet: 8 ms, regions: [4 ms, 4 ms]}
"""
    trace = run(text, until="80 ms")
    assert [row[:4] for row in slices(trace)] == [
        ("lo", "cpu", 0, 10),
        ("hi", "cpu", 10, 12.5),
        ("lo", "cpu", 12.5, 22.5),
    ]
    assert trace.jobs["outcome"].tolist() == [0, 1]
    assert analyse(chip(text), runs=0).verdict == "unschedulable"


@pytest.mark.parametrize(
    ("rows", "message"),
    [("", "no jobs; add a row"), ("j,1,2,9,٣", "is no whole number"), ("j,1,2,9," + "9" * 5000, "at most 18 digits")],
)
def test_a_table_of_jobs_that_cannot_be_used(rows: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text(f"name,release_ms,wcet_ms,deadline_ms,priority\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        rtsched.simulate({"platform": "uniprocessor", "jobs": str(path)})


def test_no_quantity_is_beyond_64_bits(tmp_path: Path) -> None:
    task = {"name": "a", "wcet": "1 ms", "period": "9 ms"}
    for bandwidth in ("9223372036854775807 MB/s", 2**62 + 1):
        platform = {"processors": {"a": {}, "b": {}}, "links": {"l": {"between": ["a", "b"], "bandwidth": bandwidth}}}
        with pytest.raises(InputError, match="more than any chip has"):
            rtsched.simulate({"platform": platform, "tasks": [task]})


@pytest.mark.parametrize("bandwidth", ["99999999999 MB/s", "1 B/s"])
def test_a_link_stays_near_its_nominal_bandwidth(bandwidth: str) -> None:
    link = {"between": ["a", "b"], "bandwidth": "2 GB/s", "trace": [{"at": "0 ms", "bandwidth": bandwidth}]}
    platform = {"processors": {"a": {}, "b": {}}, "links": {"l": link}}
    with pytest.raises(InputError, match=r"link 'l': .* is too far from its nominal 2 GB/s"):
        rtsched.simulate({"platform": platform, "tasks": [{"name": "t", "wcet": "1 ms", "period": "9 ms"}]})


@pytest.mark.parametrize(
    ("platform", "sizes"), [("jetson_agx_orin", ("640", "640x640")), ("rk3588", ("640x640", "640"))]
)
def test_a_square_input_may_say_one_side_or_both_whatever_the_table_does(platform: str, sizes: tuple[str, str]) -> None:
    times = set()
    for size in sizes:
        task = {"name": "a", "network": {"network": "yolov8s", "input": size}, "period": "100 ms"}
        system = {"platform": platform, "scheduler": "rm", "tasks": [task]}
        times.add(load(system).lower().tasks[0].nodes[0].times)
    assert len(times) == 1
    with pytest.raises(InputError, match=r"was not measured on .* that way; it was with: input (160|640x640),"):
        load(system | {"tasks": [task | {"network": {"network": "yolov8s", "input": "641"}}]}).lower()
