"""Random systems with variants, exits and branches under every adaptation: no rule breaks, the same seed gives the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import SchedulerError, simulate, summary
from rtsched.api import Loaded
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System

PLATFORMS = [
    "processors: {cpu: {cores: 2}}",
    "processors: {gpu: {kind: gpu, service: node}, cpu: {cores: 2}}",
    "processors: {npu: {kind: npu}, cpu: {speed: 1/2}}",
    "processors: {gpu: {kind: gpu, block_level: {sms: 2, threads: 1024, streams: 2}}, cpu: {}}",
]
ADAPTATIONS: list[Any] = [
    None, "fixed", "subflow", "resolution", "rtscale-style", {"name": "rtscale-style", "method": "exact"},
    "multi-path-style", "apnet-style", "early-exit", {"name": "early-exit", "gain": 0.05}, "exit-budget", "anytime",
    "stage-dp-style",
]  # fmt: skip


def node(rng: random.Random, times: Any, pieces: bool) -> str:
    """A node; with `pieces` perhaps with regions, or a section of the only resource, on one kind of processor."""
    kinds = times()
    if not pieces or rng.random() < 0.5:
        return f"{{wcet: {kinds}}}"
    kind, time = kinds.strip("{}").split(",")[0].split(": ")
    length = int(time.split()[0])
    if rng.random() < 0.5 or length == 1:
        return f"{{wcet: {{{kind}: {time}}}, sections: [{{resource: r, start: 0 ms, length: {rng.randint(1, length)} ms}}]}}"
    return f"{{wcet: {{{kind}: {time}}}, regions: [1 ms, {length - 1} ms]}}"


def graph(rng: random.Random, times: Any, pieces: bool = False) -> tuple[str, int]:
    """A chain, a diamond or a fork with branches, and its number of nodes."""
    shape = rng.choice(["chain", "diamond", "branch"])
    if shape == "chain":
        count = rng.randint(1, 4)
        edges = ", ".join(f"[n{i}, n{i + 1}]" for i in range(count - 1))
    else:
        count, edges = 4, "[n0, n1], [n0, n2], [n1, n3], [n2, n3]"
    nodes = ", ".join(f"n{i}: {node(rng, times, pieces)}" for i in range(count))
    by = rng.choice(["draw", "difficulty"])
    extra = f", branches: {{n0: {{to: {{n1: 0.6, n2: 0.4}}, by: {by}}}}}" if shape == "branch" else ""
    return f"{{nodes: {{{nodes}}}, edges: [{edges}]{extra}}}", count


def task(rng: random.Random, number: int, kinds: list[str], pieces: bool) -> str:
    def times() -> str:
        each = ", ".join(f"{kind}: {rng.randint(1, 6)} ms" for kind in kinds)
        return f"{{{each}}}"

    kind = rng.choice(["variants", "exits", "accuracy", "plain"])
    text, count = graph(rng, times, pieces and kind != "variants")
    extra = {
        "variants": "variants: {switch: SWITCH, choices: [{scale: 1, accuracy: 0.9}, {scale: 0.5, accuracy: 0.7SKIP}, "
        "{scale: 0.2, accuracy: 0.5}]}",
        "exits": f"exits: [{{node: n0, accuracy: 0.6}}, {{node: n{count - 1}, accuracy: 0.9}}]"
        if count > 1
        else "accuracy: 0.5",
        "accuracy": "accuracy: 0.8, decay: 5 ms",
        "plain": "weight: 2",
    }[kind]
    skip = (
        f", skip: [n{rng.randint(0, count - 1)}]" if count > 1 and rng.random() < 0.4 and "branches" not in text else ""
    )
    extra = extra.replace("SWITCH", rng.choice(["start", "node"])).replace("SKIP", skip)
    miss = rng.choice(["continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next"])
    period = rng.randint(4, 30)
    difficulty = f"difficulty: {{correlation: {rng.choice([0, 0.5])}}}, "
    return (
        f"  - {{name: t{number}, period: {period} ms, deadline: {rng.randint(3, 40)} ms, on_miss: {miss}, "
        f"overlap: {str(rng.random() < 0.3).lower()}, graph: {text}, {extra}, "
        f"{difficulty if kind != 'plain' else ''}execution: {{kind: uniform, low: {rng.choice([0.3, 1.0])}}}}}\n"
    )


def system(seed: int) -> Loaded:
    rng = random.Random(seed)
    platform = rng.choice(PLATFORMS)
    kinds = [kind for kind in ("gpu", "npu", "cpu") if f"{kind}:" in platform]
    pieces = "block_level" not in platform
    text = f"platform:\n  {platform}\nresources: {{r: {{}}}}\nsimulate: {{until: 400 ms, seed: {seed}}}\ntasks:\n"
    text += "".join(task(rng, number, kinds, pieces) for number in range(rng.randint(1, 4)))
    model = validate(System, parse_yaml(text))
    return Loaded(model, model.platform)  # type: ignore[arg-type]


def policy(seed: int) -> dict[str, Any]:
    rng = random.Random(seed + 1)
    found = {
        "ordering": rng.choice(["edf", "fp", "lst", "mandatory-first", "best-return"]),
        "placement": rng.choice(["global", "earliest-finish", "first-fit"]),
        "preemption": rng.choice(["preemptive", "nonpreemptive", "limited"]),
    }
    adaptation = rng.choice(ADAPTATIONS)
    if adaptation is not None:
        found["adaptation"] = adaptation
    if rng.random() < 0.3:
        found["admission"] = "drop-hopeless"
    return found


def play(seed: int) -> None:
    loaded = system(seed)
    chosen = policy(seed)
    try:
        trace = simulate(loaded, scheduler=chosen)
    except SchedulerError as error:
        assert "give" in str(error) or "switch: node" in str(error), (
            seed,
            chosen,
        )  # an adaptation without what it needs
        return
    assert trace.check() == [], (seed, chosen)
    again = simulate(loaded, scheduler=chosen)
    for name in ("jobs", "slices", "answers", "choices"):
        assert getattr(trace, name).tobytes() == getattr(again, name).tobytes(), (seed, chosen, name)
    figures = summary(trace)
    assert figures.to_dict()["tasks"] == summary(again).to_dict()["tasks"]
    sums = summary(simulate(loaded, scheduler=chosen, trace=False))
    for one, other in zip(figures.tasks, sums.tasks, strict=True):
        assert (one.ok, one.misses, one.accuracy, one.effective_accuracy) == (
            other.ok,
            other.misses,
            other.accuracy,
            other.effective_accuracy,
        )
    for one in figures.tasks:
        if one.effective_accuracy is not None:
            assert 0 <= one.effective_accuracy <= 1
            assert one.effective_accuracy * one.jobs <= (one.accuracy or 0) * (one.ok + one.late) + 1e-9


@pytest.mark.parametrize("seed", range(30))
def test_random_courses(seed: int) -> None:
    play(seed)


@pytest.mark.slow
def test_a_thousand_random_courses() -> None:
    for seed in range(1000, 2000):
        play(seed)
