"""What the fuzzer draws: every key that a file may hold, every policy, or a reason why not; and it is worth drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

from rtsched.engine.simulation import run
from rtsched.errors import RtschedError
from rtsched.model.labels import LABELS
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.registry import POLICIES, REGISTRY
from rtsched.verify import acting
from rtsched.verify.acting import ACTING, EVERYTHING, STRANGER, Hand, scheduler_of
from rtsched.verify.draw import Draw
from rtsched.verify.fuzz import case
from rtsched.verify.pencil import FOCI
from rtsched.verify.sketch import Sketch
from tests.test_keys import models

LOOKED_UP = "out of the catalogue, which lowers to times as they are drawn"
FILE = "a file, which is read into what is drawn in its place"
DEFAULT = "what holds where nothing is drawn"
OPTIONS = "an option of a run: the fuzzer says itself how long it runs, how it ends, and with which seed"
SAID = "what a time is worth, which changes no run but with a factor over what was measured"
WORKED_OUT = "a kernel by its work has become one with a time before time starts"
LABELLED = "what people know of the chip and of a proof changes no run"
#: What no document holds: a model, a key of one, or one of the words that a key may be.
NOT_DRAWN = {
    "Simulate": OPTIONS,
    "System.simulate": OPTIONS,
    "System.wcet": LOOKED_UP,
    "Provenance": SAID,
    "Provenance.kind": SAID,
    "Provenance.margin": SAID,
    **{f"{model}.origin": SAID for model in ("Task", "NodeModel", "JobModel", "Choice")},
    "NetworkUse": LOOKED_UP,
    "Task.network": LOOKED_UP,
    "Task.exit_family": LOOKED_UP,
    "NodeModel.network": LOOKED_UP,
    "Choice.network": LOOKED_UP,
    "Variants.family": LOOKED_UP,
    "Variants.values": LOOKED_UP,
    "Variants.between": LOOKED_UP,
    "Platform.aliases": LOOKED_UP,
    "TraceArrivals.file": FILE,
    "Empirical.file": FILE,
    "Empirical.column": FILE,
    "Periodic": DEFAULT,
    "Constant": DEFAULT,
    "Task.criticality=soft": DEFAULT,
    "Task.on_miss=continue": DEFAULT,
    "Task.on_fault=restart": DEFAULT,
    "Branch.by=draw": DEFAULT,
    "BlockLevel.mode=exact": DEFAULT,
    "Governor.name=performance": DEFAULT,
    "BlockLevel.waves": WORKED_OUT,
    "Waves": WORKED_OUT,
    "Waves.bandwidth": WORKED_OUT,
    "ComputedKernel": WORKED_OUT,
    **{f"ComputedKernel.{key}": WORKED_OUT for key in ("threads", "shared_memory", "registers", "macs", "bytes")},
    "Cluster.kind=link": "links stand by themselves",
    "Driver": LABELLED,
    "Validation": LABELLED,
    "Limit": LABELLED,
    "Misses": LABELLED,
}


def wanted() -> Iterator[str]:
    """Every model, every optional key of one that is no label, and every word that such a key may be."""
    for name, model in models(System, models(Platform, {})).items():
        yield name
        for key, field in model.model_fields.items():
            if name in NOT_DRAWN or key in LABELS.get(name, ()):
                continue
            if not field.is_required():
                yield f"{name}.{key}"
            words = words_of(field.annotation)
            yield from (f"{name}.{key}={word}" for word in words if len(words) > 1 and f"{name}.{key}" not in NOT_DRAWN)


def words_of(annotation: Any) -> list[Any]:
    """The words that a value may be."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for each in get_args(annotation) for word in words_of(each)] if get_origin(annotation) else []


def held(item: Any) -> Iterator[str]:
    """What a parsed document holds: models, their keys, and the words that these are."""
    if isinstance(item, BaseModel):
        name = type(item).__name__
        yield name
        for key in item.model_fields_set:
            value = getattr(item, key)
            yield f"{name}.{key}"
            if isinstance(value, str | int):
                yield f"{name}.{key}={value}"
            yield from held(value)
    elif isinstance(item, list | tuple | dict):
        for each in item.values() if isinstance(item, dict) else item:
            yield from held(each)


def documents() -> Iterator[Any]:
    """Documents around everything with more of the rare keys than others, without those that are refused."""
    for number in range(800):
        for focus in FOCI:
            sketch = Sketch(Draw(np.random.default_rng([8, number])), focus)
            sketch.spiced = True
            document = sketch.make()
            with suppress(RtschedError):
                yield document, System.model_validate(document, context={"file": True})


def test_every_key_is_drawn_or_named_with_a_reason() -> None:
    missing = {each for each in wanted() if each not in NOT_DRAWN}
    policies = {name for kind in POLICIES for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name)}
    policies -= {"composed"}  # what others are parts of
    for document, system in documents():
        missing.difference_update(held(system))
        words = [*document["scheduler"].values()]
        policies.difference_update(str(each.get("name")) if isinstance(each, dict) else str(each) for each in words)
        if not missing and not policies:
            return
    assert not missing | policies, (
        f"{', '.join(sorted(missing | policies))}: no document has it; draw it in rtsched/verify/sketch*.py, or name it "
        "with the reason in NOT_DRAWN"
    )


def test_what_is_said_not_to_be_drawn_is_a_key_and_is_not_drawn() -> None:
    known = set(models(System, models(Platform, {})))
    known |= {
        f"{name}.{key}" for name, model in models(System, models(Platform, {})).items() for key in model.model_fields
    }
    assert {each.partition("=")[0] for each in NOT_DRAWN} <= known
    firm = {each for each, why in NOT_DRAWN.items() if why is not DEFAULT}
    assert not firm & {each for _, system in islice(documents(), 600) for each in held(system)}


# ---- policies that act -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [ACTING, STRANGER])
def test_whoever_acts_at_random_is_granted_everything_somewhere(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action of the handle, to rtsched's own and to strangers, who see views."""
    granted: set[str] = set()
    names = {action.__name__ for action in EVERYTHING}
    monkeypatch.setattr(acting, "EVERYTHING", tuple(_watched(action, granted) for action in EVERYTHING))
    for number in range(200):
        drawn = case(4, number, "actions")
        if drawn.scheduler.get("name") in (ACTING, STRANGER):
            chosen = scheduler_of({**drawn.scheduler, "name": who})
            with suppress(RtschedError):  # some systems are refused by parts beside it
                run(drawn.system, chosen, until=5 * max(task.deadline for task in drawn.system.tasks))
        if granted >= names:
            return
    assert not names - granted


def _watched(action: Callable[[Hand], None], granted: set[str]) -> Callable[[Hand], None]:
    def told(hand: Hand) -> None:
        action(hand)
        granted.add(action.__name__)

    return told
