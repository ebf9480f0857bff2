"""Files from strangers: whatever they hold, the answer is a system or an InputError, and soon."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtsched.api import Loaded, scheduler
from rtsched.errors import InputError, RtschedError
from rtsched.model.catalogue import load_platform
from rtsched.model.config import parse_yaml, to_yaml, validate
from rtsched.model.overrides import parse_override
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.model.task import Task

QUIET = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])

SEED = """\
platform: uniprocessor
scheduler: {ordering: edf, preemption: limited}
simulate: {until: 40 ms, seed: 3}
resources: {R: {protocol: inheritance}}
overheads: {context_switch: 5 us}
tasks:
  - {name: a, wcet: 2 ms, period: 10 ms, jitter: 1 ms, regions: [1 ms, 1 ms]}
  - name: b
    rate: 50 Hz
    deadline: 15 ms
    on_miss: abort
    execution: {kind: uniform, low: 0.5}
    graph:
      nodes: {x: {wcet: 1 ms}, y: {wcet: {cpu: 2 ms}}}
      edges: [[x, y, 4 kB]]
  - {name: c, wcet: 1 ms, deadline: 5 ms, after: {task: a, probability: 0.5}}
  - {name: d, wcet: 3 ms, deadline: 9 ms, arrival: {kind: bursty, states: [{gap: 2 ms, dwell: 9 ms}, {gap: 1 ms, dwell: 5 ms}]}}
jobs: [{release: 0 ms, wcet: 1 ms, deadline: 5 ms}]
chains: [{name: k, tasks: [a, c]}]
"""


def attempt(text: str) -> None:
    """Load, lower and simulate a text; only a user's mistake may stop that."""
    try:
        document = parse_yaml(text, "fuzz.yaml")
        system = validate(System, document)
        name = system.platform
        platform = (
            load_platform(name) if isinstance(name, str) and name.isidentifier() else Platform(processors={"cpu": {}})
        )
        spec = Loaded(system, platform, document).lower()
        policy = scheduler(system.scheduler)
    except InputError as error:
        assert str(error)
        assert len(error.problems) <= 21
        return
    from rtsched.engine.simulation import run

    try:
        run(spec, policy, until=10_000_000, seed=1)
    except RtschedError as error:
        assert str(error)


@QUIET
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    attempt(text)


@QUIET
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    attempt(data.decode("latin-1"))


@QUIET
@given(st.data())
def test_mutated_systems(data: Any) -> None:
    """A good system with pieces cut out, doubled or replaced."""
    text = SEED
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(begin, min(len(text), begin + 20)))
        middle = data.draw(
            st.sampled_from(["", text[begin:end] * 2, "-", "0", "[", "}", ": ", "&a ", "*a", "~", "1e9 s", "\t"])
        )
        text = text[:begin] + middle + text[end:]
    attempt(text)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["1 ms", "-1 ms", "1e300 s", "0 ns", "a", "cpu", "edf", "hyperperiod", "", "50 Hz", "nan", "1 µs"]),
)


@QUIET
@given(st.data())
def test_wrong_values_in_right_places(data: Any) -> None:
    """A good system with values of other types put in."""
    tree = yaml.safe_load(SEED)
    for _ in range(data.draw(st.integers(1, 3))):
        here = tree
        while isinstance(here, dict | list) and here:
            step = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[step], dict | list) or data.draw(st.integers(0, 4)) == 0:
                here[step] = data.draw(SCALARS)
                break
            here = here[step]
    attempt(yaml.safe_dump(tree, allow_unicode=True))


def test_the_seed_itself_is_good() -> None:
    system = validate(System, parse_yaml(SEED))
    assert len(system.tasks) == 4
    Loaded(system, load_platform("uniprocessor")).lower()


@QUIET
@given(st.text(max_size=60), st.text(max_size=30))
def test_any_override(path: str, value: str) -> None:
    document = parse_yaml(SEED)
    before = repr(document.data)
    try:
        validate(System, document, [parse_override(f"{path}={value}")])
    except InputError as error:
        assert "--set" in str(error)
    assert repr(document.data) == before


# ---- there and back --------------------------------------------------------------------------------------------------

TIMES = st.integers(1, 10**13)

TASKS = st.builds(
    Task,
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8),
    wcet=st.one_of(
        TIMES.map(lambda time: {"any": time}), st.dictionaries(st.sampled_from(["big", "gpu"]), TIMES, min_size=1)
    ),
    period=TIMES,
    deadline=st.one_of(st.none(), TIMES),
    offset=st.integers(0, 10**12),
    jitter=st.integers(0, 10**9),
    priority=st.one_of(st.none(), st.integers(-9, 9)),
    criticality=st.sampled_from(["hard", "firm", "soft"]),
    on_miss=st.sampled_from(["continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next"]),
    instances=st.integers(1, 5),
)


@QUIET
@given(TASKS)
def test_a_task_survives_its_yaml(task: Task) -> None:
    assert validate(Task, parse_yaml(to_yaml(task))) == task


@pytest.mark.parametrize("text", [SEED])
def test_a_system_survives_its_yaml(text: str) -> None:
    system = validate(System, parse_yaml(text))
    assert validate(System, parse_yaml(to_yaml(system))) == system


@QUIET
@given(st.integers(1, 10**11))
def test_a_rate_survives_its_yaml(period: int) -> None:
    task = Task(name="a", wcet={"any": 1}, rate=period)
    assert validate(Task, parse_yaml(to_yaml(task))).rate == period
