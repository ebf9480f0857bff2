"""Whole schedulers with an adaptation and an admission beside them: each pair works, or is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched import api
from rtsched.errors import InputError, SchedulerError
from rtsched.model.system import System
from rtsched.registry import REGISTRY
from rtsched.schedulability.analyse import analyse
from rtsched.schedulers.base import Scheduler
from tests.helpers import outcomes

BAND = sorted(name for name in REGISTRY.names("scheduler") if name.startswith("band-"))
XSCHED = sorted(name for name in REGISTRY.names("scheduler") if name.startswith("xsched-"))
HOSTS = [*BAND, *XSCHED, "blastnet-style", "cbs", "gcaps-style"]
ALONE = {
    "xrbench": "it starts whole inferences by the benchmark's rules",
    "xrbench-fixed": "it starts whole inferences by the benchmark's rules",
    "stream-priority-style": "it admits and holds back by bounds",
    "miriam-style": "it divides the multiprocessors",
    "aaron-style": "it divides the multiprocessors",
    "orion": "it weighs kernels",
    "reef": "it resets and pads kernels",
    "clockwork": "it starts batches of whole models",
    "deeprt-style": "it plans batches and admits tasks before time starts",
}

#: More than two processors can do in time, unless networks shrink, stop early or are refused.
CROWDED = """
platform: {name: chip, processors: {cpu: {}, npu: {kind: npu}}}
tasks:
  - name: shrinking
    graph: {nodes: {x: {wcet: {cpu: 6 ms, npu: 4 ms}}, y: {wcet: {cpu: 6 ms, npu: 4 ms}}}, edges: [[x, y]]}
    variants: {choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.7}]}
    period: 12 ms
    deadline: 7 ms
  - name: leaving
    graph: {nodes: {x: {wcet: {cpu: 5 ms, npu: 5 ms}}, y: {wcet: {cpu: 5 ms, npu: 5 ms}}}, edges: [[x, y]]}
    exits: [{node: x, accuracy: 0.8}, {node: y, accuracy: 0.9}]
    period: 10 ms
  - {name: plain, wcet: {cpu: 5 ms, npu: 5 ms}, period: 11 ms, budget: 5 ms}
simulate: {until: 400 ms}
"""


def run(scheduler: Any, text: str = CROWDED) -> Any:
    trace = api.simulate(crowded(text), scheduler=scheduler)
    assert trace.check() == []
    return trace


def crowded(text: str = CROWDED) -> Any:
    import yaml

    return System.model_validate(yaml.safe_load(text))


GUESTS: dict[str, dict[str, Any]] = {
    "variants": {"adaptation": "subflow"},
    "exits": {"adaptation": {"name": "early-exit", "threshold": 0.5}},
    "refused": {"admission": "drop-hopeless"},
    "both": {"adaptation": "resolution", "admission": "drop-hopeless"},
}
#: Where a run of nodes is one piece, so that the exit inside is never seen.
UNSEEN = {(name, "exits") for name in ("band-fixed-worker", "band-round-robin", "band-sel")}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("guests", GUESTS)
def test_a_guest_changes_the_run_of_its_host(host: str, guests: str) -> None:
    own = {"drop": "never"} if host in BAND else {}
    alone, together = run({"name": host} | own), run({"name": host} | own | GUESTS[guests])
    same = alone.jobs.tolist() == together.jobs.tolist()
    if (host, guests) not in UNSEEN:
        assert not same, (host, guests)
    if guests in ("variants", "both"):
        assert 1 in together.choices["variant"]
        assert set(alone.choices["variant"].tolist()) == {0}
    if guests in ("refused", "both"):
        assert any("dropped" in each for each in outcomes(together).values())
    assert together.scheduler != alone.scheduler


def test_less_to_compute_is_more_in_time() -> None:
    late = [
        sum(outcome == "late" for each in outcomes(run(host)).values() for outcome in each)
        for host in (
            {"name": "band-heft", "drop": "never"},
            {"name": "band-heft", "drop": "never", "adaptation": "subflow"},
        )
    ]
    assert late[1] < late[0]


@pytest.mark.parametrize("kind", ["adaptation", "admission", "speed"])
@pytest.mark.parametrize("host", ALONE)
def test_who_takes_no_guests_says_why(host: str, kind: str) -> None:
    part = REGISTRY.names(kind)[0]
    with pytest.raises(InputError, match=f"scheduler '{host}' takes no {kind}: {ALONE[host]}"):
        api.scheduler({"name": host, kind: part})


@pytest.mark.parametrize("name", REGISTRY.names("scheduler"))
def test_every_whole_scheduler_takes_parts_or_says_why_not(name: str) -> None:
    made = REGISTRY.find("scheduler", name)
    assert made.takes or made.alone != Scheduler.alone  # type: ignore[attr-defined]


def test_a_scheduler_of_yours_takes_parts_where_its_class_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fifo(Scheduler):
        preemption = "nonpreemptive"

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                idle = [i for i in segment.node.eligible if self.soc.processors[i].segment is None]
                if idle:
                    self.soc.start(segment.job, segment, self.soc.processors[idle[0]])

    class Open(Fifo):
        takes = frozenset({"adaptation"})

    monkeypatch.setitem(REGISTRY.own, ("scheduler", "fifo-alone"), Fifo)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "fifo-open"), Open)
    with pytest.raises(InputError, match="'fifo-alone' takes no adaptation: its class does not say that it does"):
        api.scheduler("fifo-alone+subflow")
    with pytest.raises(InputError, match="'fifo-open' takes no admission"):
        api.scheduler("fifo-open+drop-hopeless")
    assert 1 in run("fifo-open+subflow").choices["variant"]


def test_an_error_points_to_the_part_that_is_not_taken(tmp_path: Any) -> None:
    path = tmp_path / "system.yaml"
    path.write_text("scheduler:\n  name: xrbench\n  adaptation: subflow\n" + CROWDED)
    with pytest.raises(InputError, match=r"system.yaml:3:\d+: scheduler.adaptation: scheduler 'xrbench' takes no"):
        api.simulate(path)


SKIPPING = """
platform: {name: chip, processors: {cpu: {}}}
tasks:
  - name: t
    graph: {nodes: {x: {wcet: 6 ms}, y: {wcet: 6 ms}}, edges: [[x, y]]}
    variants: {choices: [{accuracy: 0.9}, {skip: [y], accuracy: 0.7}]}
    period: 12 ms
"""


@pytest.mark.parametrize("host", BAND)
def test_band_plans_no_network_whose_variants_leave_out_units(host: str) -> None:
    with pytest.raises(SchedulerError, match=r"band: the variant .* of task 't' leaves out nodes"):
        run({"name": host, "adaptation": "subflow"}, SKIPPING)


def test_servers_serve_what_a_variant_leaves_of_a_network() -> None:
    trace = run({"name": "cbs", "adaptation": {"name": "fixed", "variant": 1}}, SKIPPING)
    assert set(trace.slices["node"].tolist()) == {0}


def test_a_whole_scheduler_is_called_by_its_name_and_those_of_its_parts() -> None:
    policy = api.policy("band-lsf+subflow+drop-hopeless")
    assert str(policy) == "band-lsf + subflow + drop-hopeless"
    verdict = analyse(api.load(crowded()).lower(), policy)
    assert verdict.verdict == "unknown"
