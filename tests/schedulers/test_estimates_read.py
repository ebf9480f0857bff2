"""Every built-in policy says truly which keys of `estimates` matter to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from rtsched import api
from rtsched.engine.beliefs import ALWAYS, AT_SETUP, NEVER
from rtsched.errors import InputError, SchedulerError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.registry import POLICIES, REGISTRY
from rtsched.trace.trace import Trace

HEAD = """
platform:
  name: chip
  processors: {cpu: {}, gpu: {kind: gpu, cores: 1}}
simulate: {until: 100 ms}
power: {battery: {capacity: 1 Wh}}
estimates: {ESTIMATES}
tasks:
"""
GRAPHS = """
  - name: t
    period: 12 ms
    deadline: 6 ms
    overlap: false
    accuracy: 0.9
    execution: {kind: uniform, low: 0.4}
    graph:
      nodes:
        x: {wcet: {cpu: 4 ms, gpu: 3 ms}, loss: {cpu: 0.01, gpu: 0.03}}
        y: {wcet: {cpu: 6 ms, gpu: 4 ms}, loss: {cpu: 0.02, gpu: 0.01}}
      edges: [[x, y]]
    MORE
  - {name: u, wcet: {cpu: 6 ms, gpu: 7 ms}, period: 15 ms, deadline: 9 ms, execution: {kind: uniform, low: 0.4}}
  - {name: v, wcet: {cpu: 3 ms, gpu: 2 ms}, period: 10 ms, deadline: 8 ms, execution: {kind: uniform, low: 0.4}}
"""
PLAIN = GRAPHS.replace("    MORE\n", "")
OWN = GRAPHS.replace("    accuracy: 0.9\n", "")
STAGED = OWN.replace("MORE", "exits: [{node: x, accuracy: 0.6}, {node: y, accuracy: 0.9}]")
FRAMES = """
  - {name: t, wcet: {cpu: 5 ms, gpu: 6 ms}, period: 12 ms, count: 20, overlap: true, execution: {kind: uniform, low: 0.4}}
  - {name: u, wcet: {cpu: 6 ms, gpu: 5 ms}, period: 10 ms, count: 20, overlap: true, execution: {kind: uniform, low: 0.4}}
"""
VARIED = """
  - {name: t, wcet: {gpu: 12 ms}, period: 10 ms, variants: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.7}]}
  - {name: u, wcet: {cpu: 1 ms}, period: 15 ms}
"""
CORES = """
platform: multicore:2
simulate: {until: 100 ms}
estimates: {ESTIMATES}
tasks:
  - {name: t, wcet: 4 ms, period: 8 ms, execution: {kind: uniform, low: 0.4}}
  - {name: u, wcet: 6 ms, period: 10 ms, execution: {kind: uniform, low: 0.4}}
  - {name: v, wcet: 8 ms, period: 20 ms, execution: {kind: uniform, low: 0.4}}
"""
DIVIDED = """
platform:
  name: board
  processors: {npu: {kind: npu, contexts: 4, sharing: equal}}
  memory: {bandwidth: 10 GB/s, contention: {model: proportional}}
simulate: {until: 200 ms}
estimates: {ESTIMATES}
tasks:
  - {name: t, wcet: {npu: 3 ms}, period: 8 ms, memory: {bound: 0.5, demand: 6 GB/s}}
  - {name: u, wcet: {npu: 3 ms}, period: 10 ms, memory: {bound: 0.5, demand: 6 GB/s}}
  - {name: v, wcet: {npu: 6 ms}, period: 20 ms, memory: {bound: 0.5, demand: 6 GB/s}}
"""
LAYERS = """
platform: uniprocessor
simulate: {until: 200 ms}
estimates: {ESTIMATES}
tasks:
  - name: t
    period: 20 ms
    graph: {nodes: {x: {wcet: 6 ms}, y: {wcet: 8 ms}}, edges: [[x, y]]}
    variants: {switch: node, choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.7}]}
  - {name: u, wcet: 1 ms, period: 20 ms}
  - {name: v, wcet: 1 ms, period: 20 ms}
"""
HEADS = """
platform: uniprocessor
simulate: {until: 100 ms}
estimates: {ESTIMATES}
tasks:
  - name: t
    period: 20 ms
    graph:
      nodes: {s1: {wcet: 2 ms}, h1: {wcet: 2.4 ms}, s2: {wcet: 3 ms}, h2: {wcet: 3 ms}, s3: {wcet: 5 ms}}
      edges: [[s1, h1], [s1, s2], [s2, h2], [s2, s3]]
    exits: [{node: h1, accuracy: 0.5}, {node: h2, accuracy: 0.6}, {node: s3, accuracy: 0.9}]
  - {name: u, wcet: 1 ms, period: 20 ms}
  - {name: v, wcet: 1 ms, period: 20 ms}
"""
STREAMED = """
platform: {name: chip, processors: {npu: {kind: npu, weights: {capacity: 6 MB, bandwidth: 1 GB/s}}}}
simulate: {until: 100 ms}
estimates: {ESTIMATES}
tasks:
  - name: t
    period: 20 ms
    execution: {kind: uniform, low: 0.4}
    graph:
      nodes: {x: {wcet: {npu: 3 ms}, weights: 3 MB}, y: {wcet: {npu: 3 ms}, weights: 3 MB}}
      edges: [[x, y]]
  - {name: u, wcet: {npu: 2 ms}, period: 15 ms, execution: {kind: uniform, low: 0.4}}
"""
#: Systems, one of which at least gives each policy something to do.
WORLDS = {
    "graphs": HEAD + PLAIN,
    "exits": HEAD + STAGED,
    "staged": HEAD
    + STAGED
    + STAGED.replace("name: t", "name: w").replace("name: u", "name: r").replace("name: v", "name: s"),
    "variants": HEAD
    + OWN.replace("MORE", "variants: {switch: node, choices: [{accuracy: 0.9}, {scale: 0.6, accuracy: 0.7}]}"),
    "frames": HEAD + FRAMES,
    "varied": HEAD + VARIED,
    "cores": CORES,
    "divided": DIVIDED,
    "streamed": STREAMED,
    "layers": LAYERS,
    "heads": HEADS,
    "core": CORES.replace("multicore:2", "uniprocessor"),
    "npu": (HEAD + PLAIN).replace("kind: gpu", "kind: npu").replace("gpu:", "npu:"),
    "pinned": HEAD + re.sub(r"cpu: \d ms, gpu", "gpu", PLAIN),
    "streams": (HEAD + PLAIN).replace("gpu, cores: 1", "gpu, block_level: {sms: 2, streams: 2}"),
}
ERRING = "bias: {t: -0.5, u: 1.5}, noise: 0.3"
LEARNING = f"{ERRING}, learning: 0.5, staleness: 1 ms"


def policies() -> list[str]:
    """Every built-in policy, and every part under fixed priorities."""
    own = {kind: [name for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name)] for kind in POLICIES}
    parts = [f"fp+{name}" for kind in ("placement", "adaptation", "admission") for name in own[kind]]
    return [*own["ordering"], *parts, *(name for name in own["scheduler"] if name != "composed")]


@cache
def lowered(world: str, estimates: str) -> tuple[api.Loaded, api.Prepared]:
    """One of WORLDS, read and lowered once."""
    loaded = api.load(validate(System, parse_yaml(WORLDS[world].replace("ESTIMATES", estimates))))
    return loaded, api.prepare(loaded)


def run(policy: str, world: str, estimates: str) -> Trace:
    """As `simulate` does it."""
    loaded, prepared = lowered(world, estimates)
    chosen = api.scheduler_of(loaded, policy)
    noted = prepared.noting(api.without_effect(loaded.system, chosen, prepared.spec))
    return noted.run(chosen, loaded.system.simulate.seed)


def accepted(policy: str) -> Iterator[tuple[Trace, Trace, Trace]]:
    """Runs with beliefs that are true, that err, and that err and learn, of every system that is one for the policy."""
    for world in WORLDS:
        try:
            plain, erring, learning = (run(policy, world, estimates) for estimates in ("", ERRING, LEARNING))
        except (InputError, SchedulerError):
            continue
        yield plain, erring, learning


def same(one: Trace, other: Trace) -> bool:
    return one.jobs.tobytes() == other.jobs.tobytes() and one.slices.tobytes() == other.slices.tobytes()


@pytest.mark.parametrize("policy", policies())
def test_every_policy_says_truly_which_estimates_matter_to_it(policy: str) -> None:
    """One that says it goes by no expected times, or by none that are learnt, is not changed by them, and others are."""
    read = api.scheduler(policy).estimates_read()
    assert read in (NEVER, AT_SETUP, ALWAYS)
    runs = 0
    for plain, erring, learning in accepted(policy):
        runs += 1
        if read == NEVER:
            assert same(plain, erring)
        if read != ALWAYS:
            assert same(erring, learning)
        notes = [note for note in learning.system.assumed if note.startswith("estimates: ")]
        assert len(notes) == len(ALWAYS - read)
        if read and not same(plain, erring):
            return  # they change what it does
    assert runs
    assert not read, f"{policy}: no estimate changed what it does"


def test_xrbench_by_energy_goes_by_no_times() -> None:
    assert api.scheduler({"name": "xrbench", "cost": "edp"}).estimates_read() == NEVER
