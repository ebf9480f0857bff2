"""Traces for other tools: every kind of run in every format, by the rules of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

import rtsched
from rtsched.api import scheduler
from rtsched.cli import cli
from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.engine.simulation import run
from rtsched.engine.under_way import UnderWay
from rtsched.errors import InputError
from rtsched.export.btf import btf
from rtsched.export.chrome import chrome
from rtsched.export.courses import courses
from rtsched.export.exporter import exporter, write
from rtsched.export.identifiers import distinct, identifiers, labels
from rtsched.export.lanes import lanes
from rtsched.export.pftrace import pftrace
from rtsched.export.ready import activations, over, ready
from rtsched.export.vcd import vcd
from rtsched.export.wire import Times, varint
from rtsched.model.taskgraph import SystemSpec
from rtsched.registry import REGISTRY
from rtsched.trace.trace import DRAINED, KILLED, PREEMPTED, Trace
from rtsched.units import MS
from tests.engine.test_actions_together import DECLARED, SYSTEM, Everything
from tests.engine.test_engine_fuzz import cases
from tests.export.formats import best, chromium, every, perfetto, waves
from tests.helpers import cpus, simulate, task

#: Runs of the catalogue, each with something that the others lack.
RUNS = {
    "buttazzo_rm_edf": "70 ms",  # preempted, late
    "graham": "1 s",  # a graph on three processors
    "gpu_priorities": "1 s",  # blocks, streams that wait
    "gpu_robot_orin_nano": "25 ms",  # limits, suspensions
    "inspection_batches": "100 ms",
    "model_switching": "100 ms",  # loads and evictions
    "npu_failure": "2 s",  # faults, kills
    "offload_wifi": "200 ms",  # copies over a link of varying bandwidth
    "priority_inversion_inheritance": "1 s",  # locks
    "priority_inversion_lock": "1 s",
    "pruned_exits": "40 ms",  # exits of a graph
    "requests_mcu": "300 ms",  # servers
    "satellite_jetson_nano": "300 ms",  # power, a battery, drains, dropped and aborted jobs
    "service_robot_8gen2": "200 ms",  # variants, dropped jobs
    "streamed_layers": "30 ms",
    "throttling_865": "1 s",  # clocks, heat
}


@cache
def ran(name: str) -> Trace:
    return rtsched.simulate(name, until=RUNS[name], reasons=True)


@cache
def mixed() -> Trace:
    """Batches, splits, duplicates, kills, shares, spawned jobs, decisions that take time, a fault, power."""
    return rtsched.simulate({**SYSTEM, **DECLARED}, scheduler=Everything(1))


# ---- all formats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_every_format_keeps_its_rules(name: str) -> None:
    every(ran(name))


def test_every_format_keeps_its_rules_whatever_is_mixed() -> None:
    found, *_ = every(mixed())
    lanes = [name for name in found.tracks.values() if name == ("Processors", "npu.0")]
    assert len(lanes) == 2  # a batch has two members
    assert len(mixed().splits) > 0


def both(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    system, policy = case
    for drain in ("deadline", "all"):
        options = {"drain": drain} if drain == "all" else {}
        every(run(system, scheduler(dict(policy)), until=60, seed=5, **options))


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cases())
def test_every_format_keeps_its_rules_on_random_systems(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    both(case)


@pytest.mark.slow
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cases())
def test_every_format_keeps_its_rules_on_many_random_systems(case: tuple[SystemSpec, dict[str, Any]]) -> None:
    both(case)


#: Names that end lines and strings, that look alike once they are cleaned, or are nothing at all.
HOSTILE = [
    "a b", "a_b", "a,b", "a#b", "a\nb", "a\tb", 'a"b', "a$end b", "ä", "ö", "‮rtl", "\x1b[31m", "💥", "</script>", "a.b",
    "x" * 10_000, "x" * 10_001, "a b 2", "\ud800",
]  # fmt: skip


def test_hostile_names_stay_names() -> None:
    plain = simulate([replace(task(0, (1, 1), 40), index=n, name=str(n)) for n in range(len(HOSTILE))],
                     until=40, processors=cpus(2))  # fmt: skip
    tasks = tuple(replace(each, name=name) for each, name in zip(plain.system.tasks, HOSTILE, strict=True))
    machines = tuple(
        replace(each, name=name) for each, name in zip(plain.system.processors, ("c p,u", "c_p_u"), strict=True)
    )
    trace = replace(plain, system=replace(plain.system, tasks=tasks, processors=machines, name="a\nb,c $end"))
    found, events, lines, signals = every(trace)
    assert len({track for track in found.tracks.values() if track[0] == "Tasks"}) == len(tasks)
    assert len({parts[4] for parts in lines.lines if parts[6] == "activate"}) == len(tasks)
    assert len([name for name in signals if name.endswith("_running")]) == len(tasks)
    assert {event["args"]["name"] for event in events if event["name"] == "thread_name"} >= {"a b", "a_b", "a\\nb", "ä"}
    assert "# TASK_a_b is a b\n" in lines.text
    assert max(map(len, lines.text.splitlines())) < 600
    assert {parts[1] for parts in lines.lines if parts[6] == "start"} == {"Core_c_p_u", "Core_c_p_u_2"}


def test_what_takes_no_time_begins_and_ends() -> None:
    plain = overloaded()
    rows = plain.slices[[0, 0, 1, 2, 3, 3]].copy()
    rows["end"][0], rows["reason"][0] = 0, KILLED  # at the beginning of what follows on the same processor
    rows["start"][-1], rows["reason"][-2] = 11, PREEMPTED
    found, _, lines, _ = every(replace(plain, slices=rows))
    assert [(start, end) for start, end, *_ in found.named("Processors", "cpu0")] == [
        (0, 0), (0, 2), (2, 5), (5, 7), (7, 11), (11, 11),
    ]  # fmt: skip
    assert [line[6] for line in lines.lines if line[4] == "TASK_a" and line[5] == "0"] == [
        "activate", "start", "preempt", "resume", "terminate",
    ]  # fmt: skip


def test_a_run_without_jobs_is_written() -> None:
    trace = simulate([task(0, 2, 5, offset=100)], until=10)
    assert not len(trace.jobs)
    found, events, lines, signals = every(trace)
    assert list(found.tracks.values()) == [("Processors", "cpu0"), ("Tasks", "a")]
    assert {event["ph"] for event in events} == {"M"}
    assert lines.lines == []
    assert signals == {"tasks.a.a_running": [(0, "0")], "tasks.a.a_ready": [(0, "0")],
                       "processors.cpu0.cpu0_busy": [(0, "0")], "processors.cpu0.cpu0_runs": [(0, "-")]}  # fmt: skip


def test_a_run_without_a_trace_is_refused(tmp_path: Path) -> None:
    sums = rtsched.simulate("buttazzo_rm_edf", trace=False)
    for made in (pftrace, chrome, btf, vcd):
        with pytest.raises(InputError, match="this run kept no trace to write; run it with a trace"):
            list(made(sums))
    with pytest.raises(InputError, match="this run kept no trace to write"):
        write(sums, tmp_path / "a.btf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["buttazzo_rm_edf", "npu_failure", "priority_inversion_lock", "satellite_jetson_nano"])
def test_a_run_that_was_interrupted_is_written_until_then(name: str) -> None:
    def watch(way: UnderWay) -> None:
        way.loop.arm(Alarm(way.loop, TIMER, way.interrupt), 12 * MS)

    trace = rtsched.simulate(name, watch=watch)
    assert trace.planned is not None
    found, *_ = every(trace)
    assert max(end for spans in found.spans.values() for _, end, *_ in spans) == trace.end == 12 * MS


# ---- one format at a time --------------------------------------------------------------------------------------------


def overloaded() -> Trace:
    """a takes the core from b at 5; b misses, and its second job is aborted."""
    return simulate([task(0, 2, 5), task(1, 4, 7, on_miss="abort")], until=10)


def test_perfetto_tells_who_ran_and_what_became_of_it() -> None:
    found = perfetto(overloaded())
    ran = [
        (start, end, name, more["job"], more["ended"]) for start, end, name, more in found.named("Processors", "cpu0")
    ]
    assert ran == [
        (0, 2, "a", 0, "completed"), (2, 5, "b", 0, "preempted"), (5, 7, "a", 1, "completed"),
        (7, 11, "b", 1, "completed"),
    ]  # fmt: skip
    jobs = [
        (start, end, more["outcome"], more.get("response (ns)")) for start, end, _, more in found.named("Tasks", "b")
    ]
    assert jobs == [(0, 7, "aborted", None), (7, 11, "ok", 4)]
    assert (7, "b", "miss") in found.instants
    assert (7, "b", "abort") in found.instants
    assert found.counters == {"cpu0 ready": [(0, 1), (2, 0), (5, 1), (7, 0)]}
    assert not found.flows


def test_flows_lead_from_piece_to_piece_and_from_node_to_node() -> None:
    trace = simulate([task(0, 2, 20, offset=1), task(1, 6, 20)], until=2)
    assert list(perfetto(trace).flows.values()) == [[(0, 1), (3, 8)]]
    graph = ran("graham")
    own = graph.system.tasks[0]
    assert len(perfetto(graph).flows) == sum(len(node.predecessors) for node in own.nodes)


def test_what_the_policy_went_by_is_told() -> None:
    found = perfetto(rtsched.simulate("buttazzo_rm_edf", scheduler="edf", until="20 ms", reasons=True))
    first = found.named("Processors", "cpu")[0]
    ranks = {"rank: deadline": 5_000_000, "rank: release": 0}
    assert first[3] == {"task": "short", "ended": "completed", "job": 0, **ranks}
    plain = perfetto(rtsched.simulate("buttazzo_rm_edf", scheduler="edf", until="20 ms"))
    assert not any(name.startswith("rank") for name in plain.named("Processors", "cpu")[0][3])


def test_counters_tell_what_moved() -> None:
    hot = perfetto(ran("throttling_865")).counters
    assert "temperature" in hot
    assert any(name.endswith("clock") for name in hot)
    assert "battery" in perfetto(rtsched.simulate("satellite_jetson_nano", until="61 s")).counters
    assert any(name.endswith("bandwidth") for name in perfetto(ran("offload_wifi")).counters)


@pytest.mark.parametrize("name", ["throttling_865", "satellite_jetson_nano"])
def test_the_power_that_is_drawn_adds_up_to_the_energy(name: str) -> None:
    trace = ran(name)
    assert trace.energy is not None
    rows = [*trace.powers.tolist(), (trace.end, 0)]
    spent = sum(value * (then - time) for (time, value), (then, _) in pairwise(rows))
    units = trace.energy.units
    parts = (trace.energy.base, trace.energy.memory, *(unit.active + unit.idle for unit in units))
    assert 0 <= spent // 10**9 - sum(parts) <= len(parts)


def test_blocks_holders_and_outages_have_tracks_of_their_own() -> None:
    groups = {name: {track for track, _ in perfetto(ran(name)).tracks.values()} for name in RUNS}
    assert "GPU blocks" in groups["gpu_priorities"]
    assert "Resources" in groups["priority_inversion_lock"]
    assert "Hardware" in groups["npu_failure"]
    assert groups["graham"] == {"Processors", "Tasks", "Counters"}
    held = perfetto(ran("priority_inversion_lock")).named("Resources", "R")
    assert [(start, end, name) for start, end, name, _ in held] == [
        (1_000_000, 13_000_000, "low"), (13_000_000, 15_000_000, "high"),
    ]  # fmt: skip


def test_chrome_keeps_nanoseconds() -> None:
    spans = [event for event in chromium(overloaded()) if event["ph"] == "X" and event["pid"] == 1]
    assert [(span["ts"], span["dur"]) for span in spans] == [(0, 2), (2, 3), (5, 2), (7, 4)]
    assert '"ts":0.002,"dur":0.003,"name":"b","cat":"exec"' in "".join(chrome(overloaded()))


def test_btf_of_an_inversion() -> None:
    found = best(ran("priority_inversion_lock"))
    high = [(int(line[0]), line[6]) for line in found.lines if line[4] == "TASK_high"]
    assert high == [
        (3_000_000, "activate"), (3_000_000, "start"), (4_000_000, "wait"), (13_000_000, "release"),
        (13_000_000, "resume"), (16_000_000, "terminate"),
    ]  # fmt: skip
    asked = [(int(line[0]), line[1], line[6]) for line in found.lines if line[3] == "SEM" and line[1] != "SEM_R"]
    assert asked == [
        (1_000_000, "TASK_low", "requestsemaphore"), (1_000_000, "TASK_low", "assigned"),
        (4_000_000, "TASK_high", "requestsemaphore"), (4_000_000, "TASK_high", "waiting"),
        (13_000_000, "TASK_low", "released"), (13_000_000, "TASK_high", "requestsemaphore"),
        (13_000_000, "TASK_high", "assigned"), (15_000_000, "TASK_high", "released"),
    ]  # fmt: skip
    assert "# 11000000 TASK_high 0 missed its deadline" in found.comments


@pytest.mark.parametrize("name", ["buttazzo_rm_edf", "npu_failure", "satellite_jetson_nano"])
def test_btf_cores_are_busy_as_long_as_in_the_run(name: str) -> None:
    trace = ran(name)
    found = best(trace)
    names = [f"Core_{each}" for each in identifiers(each.name for each in trace.system.processors)]
    assert [found.busy[each] for each in names] == [counters.busy for counters in trace.processors]


def test_btf_of_jobs_that_never_ran() -> None:
    trace = ran("service_robot_8gen2")
    found = best(trace)
    gone = sum(line.endswith("was dropped") for line in found.comments)
    assert gone == int((trace.jobs["outcome"] == 2).sum()) > 0
    instances = {(line[4], line[5]) for line in found.lines if line[3] == "T"}
    assert len(instances) == len(trace.jobs)


def test_vcd_of_an_overload() -> None:
    found = waves(overloaded())
    assert found["tasks.a.a_running"] == [(0, "0"), (0, "1"), (2, "0"), (5, "1"), (7, "0")]
    assert found["tasks.b.b_miss"] == [(7, "1")]
    assert found["processors.cpu0.cpu0_runs"][1:] == [
        (0, "a[0]"), (2, "b[0]"), (5, "a[1]"), (7, "b[1]"), (11, "-"),
    ]  # fmt: skip
    assert "tasks.a.a_miss" not in found  # GTKWave draws an event that never is at 0


@pytest.mark.parametrize("name", RUNS)
def test_vcd_wires_are_up_as_long_as_in_the_run(name: str) -> None:
    trace = ran(name)
    found = waves(trace)
    names = identifiers(each.name for each in trace.system.processors)
    for processor, counters in zip(names, trace.processors, strict=True):
        edges = [*found[f"processors.{processor}.{processor}_busy"], (trace.end, "0")]
        assert sum(then - time for (time, value), (then, _) in pairwise(edges) if value == "1") == counters.busy


# ---- what they are made of -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RUNS, ""])
def test_readiness_is_that_of_the_explanations(name: str) -> None:
    trace = ran(name) if name else mixed()
    assert activations(trace).tolist() == trace.history.activations
    assert over(trace).tolist() == trace.history.ends


def test_who_waited_for_what() -> None:
    assert ready(overloaded()).tolist() == [(0, 2, 1, 0, 0), (5, 7, 1, 0, 0)]
    graph = ran("graham")
    waits, slices = ready(graph), graph.slices
    for start, end, job, node, place in waits.tolist():
        following = slices[(slices["job"] == job) & (slices["node"] == node) & (slices["start"] == end)]
        assert following["processor"].tolist() == [place]
        done = [
            slices["end"][(slices["node"] == each)].max() for each in graph.system.tasks[0].nodes[node].predecessors
        ]
        assert max([0, *done]) == start


@pytest.mark.parametrize("name", ["buttazzo_rm_edf", "graham", "inspection_batches", "priority_inversion_lock"])
def test_nobody_waits_where_he_runs(name: str) -> None:
    trace = ran(name)
    work = trace.remained[trace.remained["reason"] != DRAINED]
    for start, end, job, node, _ in ready(trace).tolist():
        mine = work[(work["job"] == job) & (work["node"] == node)]
        assert not ((mine["start"] < end) & (mine["end"] > start)).any()


def test_lanes_hold_what_overlaps() -> None:
    start, end = np.array([0, 2, 3, 5, 5, 0]), np.array([4, 3, 6, 5, 9, 9])
    assert lanes(start, end, np.array([0, 0, 0, 0, 0, 1])).tolist() == [0, 1, 1, 0, 0, 0]
    assert lanes(start[:0], end[:0], end[:0]).tolist() == []


def test_names_are_told_apart() -> None:
    assert labels(["a", "a\n", "a\\n", "a", "", "x" * 300]) == [
        "a",
        "a\\n",
        "a\\n 2",
        "a 2",
        "(no name)",
        f"{'x' * 199}…",
    ]
    assert identifiers(["a b", "a_b", "", "ä", "_"]) == ["a_b", "a_b_2", "_", "__2", "__3"]
    assert distinct(["a", "a", "a 2", "a"]) == ["a", "a 3", "a 2", "a 4"]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, (1 << 14) - 1, 1 << 14, 1 << 35, (1 << 63) - 1, -1])
def test_varints_are_those_of_protocol_buffers(number: int) -> None:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket

    raw = TracePacket.FromString(b"\x40" + varint(number)).timestamp
    assert raw == number % (1 << 64)
    if number >= 0:
        assert Times()(number) == varint(number)


def test_courses_hold_one_value_at_a_time() -> None:
    for course in courses(ran("throttling_865")):
        assert (np.diff(course.times) > 0).all()
        assert len(course.times) == len(course.values) > 0


# ---- files -----------------------------------------------------------------------------------------------------------


def test_run_writes_them(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.pftrace", "b.json", "c.btf", "d.vcd", "e")]
    line = ["run", "buttazzo_rm_edf", *(f"--export={path}" for path in files[:4]), f"--pftrace={files[4]}"]
    answer = CliRunner().invoke(cli, line)
    assert answer.exit_code == 0, answer.output
    trace = rtsched.simulate("buttazzo_rm_edf", reasons=True)
    assert files[0].read_bytes() == files[4].read_bytes() == b"".join(pftrace(trace))
    assert json.loads(files[1].read_text())["displayTimeUnit"] == "ns"
    assert files[2].read_text() == "".join(btf(trace))
    assert files[3].read_text() == "".join(vcd(trace))
    refused = CliRunner().invoke(cli, ["run", "buttazzo_rm_edf", "--no-trace", "--pftrace", str(files[0])])
    assert isinstance(refused.exception, InputError)
    assert "--no-trace keeps no trace" in str(refused.exception)
    alone = CliRunner().invoke(cli, ["run", "buttazzo_rm_edf", "--pftrace", "-"])
    assert alone.stdout_bytes == files[0].read_bytes()


def test_what_comes_piece_by_piece_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(REGISTRY, "own", {})
    path = tmp_path / "a.pieces"
    path.write_text("before")

    @exporter(".pieces")
    def pieces(trace: Trace) -> Iterator[str | bytes]:
        """Two pieces."""
        yield "ä"
        yield b"b"
        if len(trace.jobs) > 2:
            raise RuntimeError("stop")

    REGISTRY.register("exporter", "pieces", pieces)
    with pytest.raises(RuntimeError, match="stop"):
        write(overloaded(), path)
    assert path.read_text() == "before"
    write(simulate([task(0, 2, 5)], until=5, processors=cpus(1)), path)
    assert path.read_text() == "äb"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.pieces"]
