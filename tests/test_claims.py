"""A proof rests on a list of what it models: every field of a lowered system is claimed, and what is not is unknown."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import BaseModel

from rtsched import api
from rtsched.model.policy import Policy
from rtsched.model.system import System
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.claims import CLAIMS, names

PLAIN: dict[str, Any] = {
    "platform": {"name": "chip", "processors": {"cpu": {}}},
    "scheduler": {"ordering": "fp"},
    "tasks": [{"name": "a", "wcet": 2_000_000, "period": 10_000_000}],
}


def lowered(**changes: Any) -> tuple[SystemSpec, Policy]:
    loaded = api.load(System.model_validate(PLAIN | changes))
    return loaded.lower(), api.policy(loaded.system.scheduler)


def kinds(hint: Any) -> set[type]:
    """The described classes that a type hint speaks of, inside tuples, dicts and unions, too."""
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
        return {hint} if issubclass(hint, BaseModel) or dataclasses.is_dataclass(hint) else set()
    return {kind for part in typing.get_args(hint) for kind in kinds(part)}


def hints(kind: type) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        return {name: each.annotation for name, each in kind.model_fields.items()}
    return typing.get_type_hints(kind)


def reachable() -> set[type]:
    """All classes whose fields proofs are answerable for: from the system and the policy through opened fields."""
    found: set[type] = set()
    open_ones: list[type] = [SystemSpec, Policy]
    while open_ones:
        kind = open_ones.pop()
        if kind in found:
            continue
        found.add(kind)
        for name, hint in hints(kind).items():
            claim = CLAIMS.get(kind, {}).get(name)
            if claim is None or claim.how == "opened":
                open_ones += kinds(hint)
    return found


@pytest.mark.parametrize("kind", sorted(reachable() | set(CLAIMS), key=lambda kind: kind.__name__))
def test_every_field_is_claimed_once(kind: type) -> None:
    """Whoever adds a field says in rtsched/schedulability/claims.py what proofs make of it."""
    assert kind in CLAIMS, f"{kind.__name__} is part of a lowered system; give it an entry in claims.CLAIMS"
    claimed, have = set(CLAIMS[kind]), set(names(kind))
    assert have - claimed == set(), f"{kind.__name__}: fields without a claim"
    assert claimed - have == set(), f"{kind.__name__}: claims without a field"
    assert kind in reachable(), f"{kind.__name__} is claimed and nothing holds it"


@dataclass(frozen=True, slots=True)
class Shiny(TaskSpec):
    """A task with a feature that no proof has heard of."""

    sparkle: int = 0


def test_a_field_that_nobody_claims_is_unknown_by_name() -> None:
    system, policy = lowered()
    assert analyse(system, policy).verdict == "schedulable"
    (task,) = system.tasks
    values = {each.name: getattr(task, each.name) for each in dataclasses.fields(task)}
    off = replace(system, tasks=(Shiny(**values),))
    assert analyse(off, policy).verdict == "schedulable"
    found = analyse(replace(system, tasks=(Shiny(**values, sparkle=3),)), policy)
    assert found.verdict == "unknown"
    assert "no analysis says what 'sparkle' of shiny 'a' means" in (found.parts[0].result.reason or "")
