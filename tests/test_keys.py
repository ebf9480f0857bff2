"""No declared key is without effect.

Every key that a file may hold has a line in the tables below, a key of a task one for every shape of a task: a value
with which it must change a run (`matters`), or be refused where it stands (`refused`). Labels are listed in
rtsched/model/labels.py. Whoever adds a key adds a line; a key without one fails the test, and so does a key that no
longer does anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

import rtsched
from rtsched.api import Loaded
from rtsched.engine.job import READY
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.config import json_schema, parse_yaml, validate
from rtsched.model.document import parse_value
from rtsched.model.labels import LABELS
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.registry import REGISTRY
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from tests.key_lines import BESIDE, CUT, KEYS, NODE, PARTS, SHAPES, TASK, WORLD, Line

# ---- the tests -------------------------------------------------------------------------------------------------------


class Checkpoints(Scheduler):
    """Runs what is ready, first come, first served; puts what runs aside 1 ms after each start, once per job."""

    def setup(self, soc: Any) -> None:
        self.put_aside: set[int] = set()

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            for index in segment.node.eligible:
                processor = self.soc.processors[index]
                if segment.state == READY and processor.segment is None:
                    self.soc.start(segment.job, segment, processor)
                    if processor.name == "little" and segment.job.number not in self.put_aside:
                        self.put_aside.add(segment.job.number)
                        self.soc.wake_at(self.soc.now + 1_000_000, processor)

    def on_timer(self, tag: Any) -> None:
        if tag.segment is not None:
            self.soc.preempt(tag, "checkpoint")


class Batching(Scheduler):
    """Runs what is ready, first come, first served, together with what goes together."""

    reads = frozenset({"batch"})

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            for index in segment.node.eligible:
                processor, about = self.soc.processors[index], segment.node.batch
                if segment.state == READY and processor.segment is None:
                    alike = [each for each in self.soc.ready if about and each.node.batch == about]
                    both = len(alike) > 1 and self.soc.expected_batch(segment, processor, 2) is not None
                    self.soc.start_batch(alike[:2] if both else [segment], processor)


class Splitting(Scheduler):
    """Runs what is ready, first come, first served, in halves where two of its places are free."""

    reads = frozenset({"split"})

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            free = [self.soc.processors[index] for index in segment.node.eligible]
            free = [each for each in free if each.segment is None and each.block_level is None][:2]
            if segment.node.split is not None and len(free) == 2:
                self.soc.split(segment, dict.fromkeys(free, 0.5))
            elif free:
                self.soc.start(segment.job, segment, free[0])


class Sharing(Scheduler):
    """Runs what is ready, first come, first served, each on a half of its unit where that is shared."""

    reads = frozenset({"speedup"})

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            for index in segment.node.eligible:
                processor = self.soc.processors[index]
                if segment.state == READY and processor.segment is None:
                    self.soc.start(segment.job, segment, processor)
                    if processor.cluster == "little":
                        self.soc.share(segment, 0.5)


class Listener(ComposedScheduler):
    """EDF, which remembers what it is told of its environment, and what it may expect of answers."""

    def on_release(self, job: Any) -> None:
        if job.task.name == "t":
            self.heard = f"{getattr(self, 'heard', '')} {self.soc.expected_accuracy(job, 0.7):.3f}"

    def on_environment(self, change: dict[str, Any]) -> None:
        self.heard = f"{getattr(self, 'heard', '')} {self.soc.now} {change}"

    def describe(self) -> str:
        return getattr(self, "heard", "")


class Reserves(ComposedScheduler):
    """EDF, which sets aside what it can for each job, and remembers where that was refused."""

    reads = frozenset({"reservable"})

    def on_release(self, job: Any) -> None:
        for resource in self.soc.system.reservable:
            if not self.soc.reserve(resource, 600, job):
                self.refused = getattr(self, "refused", 0) + 1

    def describe(self) -> str:
        return f"refused {getattr(self, 'refused', 0)} times"


class Reader(ComposedScheduler):
    """EDF, which remembers what was seen of each completed segment."""

    reads = frozenset({"values"})

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        self.heard = f"{getattr(self, 'heard', '')} {self.soc.seen(segment)}"

    def describe(self) -> str:
        return getattr(self, "heard", "")


class Spawning(ComposedScheduler):
    """EDF, which releases a job of each task that waits for that whenever another one is released."""

    reads = frozenset({"spawned"})

    def on_release(self, job: Any) -> None:
        for task in self.soc.tasks:
            if task.spec.arrival.kind == "spawned" and task is not job.task:
                self.soc.spawn(task)


NETWORKS = ("mobilenet_v2", "squeezenet", "resnet18", "yolov8n")

#: Files that keys name.
FILES = {
    "jobs.csv": "name,release_ms,wcet_ms,deadline_ms\nj,1,2,9\n",
    "arrivals.csv": "release_us,execution_us\n0,3000\n9000,2000\n",
    "more.csv": "release_us,execution_us\n100,7000\n9000,6000\n",
    "demands.csv": "release_ms,execution_ms\n0,3\n",
    "link.csv": "at_ms,bandwidth\n0,2 MB/s\n",
}


@cache
def few_latencies() -> list[dict[str, str]]:
    """The measured times of the networks that lines name: to fit cost models to all of them takes long."""
    return [row for row in catalogue.latency_table() if row["network"] in NETWORKS]


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = few_latencies()
    monkeypatch.setattr(catalogue, "latency_table", lambda: rows)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-checkpoint"), Checkpoints)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-listener"), Listener)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-reserve"), Reserves)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-batching"), Batching)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-reader"), Reader)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-spawning"), Spawning)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-splitting"), Splitting)
    monkeypatch.setitem(REGISTRY.own, ("scheduler", "test-sharing"), Sharing)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the files are."""
    path = tmp_path_factory.mktemp("keys")
    for name, text in FILES.items():
        (path / name).write_text(text)
    return str(path)


Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
SHORT = {"x": "tasks.t.graph.nodes.x", **{name: f"tasks.{name}" for name in ("t", "rival", "other", "shader")}}


def put(data: Any, path: str, value: Any) -> tuple[str | int, ...]:
    """Set a value; the place of it."""
    steps: list[str | int] = []
    first, dot, rest = path.partition(".")
    if first in ("big", "little", "npu", "gpu"):
        first = f"platform.processors.{first}"
    *above, last = (SHORT.get(first, first) + dot + rest).split(".")
    for step in above:
        key = step if isinstance(data, dict) else index_of(data, step)
        data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]
        steps.append(key)
    key = last if isinstance(data, dict) else index_of(data, last)
    data[key] = value
    return (*steps, key)


def index_of(items: list[Any], step: str) -> int:
    return next((n for n, item in enumerate(items) if item.get("name") == step), int(step) if step.isdecimal() else -1)


@cache
def document(shape: str, *settings: str) -> tuple[str, list[tuple[str | int, ...]]]:
    """The text of the world with a task of this shape and some settings, and the places of the settings."""
    data = yaml.load(world(shape), Loader)
    places = []
    for setting in settings:
        path, _, value = setting.partition("=")
        places.append(put(data, path, parse_value(value, path)))
    return yaml.dump(data, Dumper=Dumper, sort_keys=False), places


@cache
def world(shape: str) -> str:
    """The world with a task of this shape."""
    data = yaml.load(WORLD, Loader)
    data["tasks"][0].update(yaml.load(SHAPES[shape], Loader))
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False))


@cache
def outcome(text: str) -> tuple[Any, ...]:
    """All that a run shows, but for labels."""
    document = parse_yaml(text)
    system = validate(System, document)
    assert isinstance(system.platform, Platform)
    trace = rtsched.simulate(Loaded(system, system.platform, document))
    assert trace.check() == []
    figures = rtsched.summary(trace).to_dict()
    del figures["assumed"]
    return trace.jobs.tobytes(), trace.slices.tobytes(), trace.answers.tobytes(), str(figures)


def check(shape: str, line: Line, folder: str) -> None:
    """The line holds: an effect, or a refusal at its place."""
    line = replace(line, change=line.change.replace("FOLDER", folder), beside=line.beside.replace("FOLDER", folder))
    beside = [setting for setting in line.beside.split("; ") if setting]
    plain, _ = document(shape, *beside)
    text, places = document(shape, *beside, *line.change.split("; "))
    before = outcome(plain)
    if not line.error:
        assert outcome(text) != before, f"{line.change}: without effect"
        return
    with pytest.raises(InputError) as caught:
        outcome(text)
    error = str(caught.value)
    assert re.search(line.error, error), error
    file, place = (
        parse_yaml(text),
        put(yaml.load(text, Loader), line.place, None) if line.place else places[len(beside)],
    )
    here = file.data
    for step in place[:-1]:
        here = here[step]
    named = [(*place[:-1], key) for key in here if f"'{key}'" in error] if isinstance(here, dict) else []
    known = {file.where(each, key=key) for each in (place, *named) for key in (True, False)}
    assert error.startswith(tuple(f"{each}: " for each in known)), error


def lines_of_a_task() -> Iterator[Any]:
    for key, by_shape in TASK.items():
        for shape in SHAPES:
            named = [line for shapes, line in by_shape.items() if shape in shapes.split()]
            line = named[0] if named else by_shape["*"]
            yield pytest.param(key, shape, line, id=f"{key}-{shape}")


@pytest.mark.parametrize(("key", "shape", "line"), list(lines_of_a_task()))
def test_a_key_of_a_task_matters_in_every_shape(key: str, shape: str, line: Line, folder: str) -> None:
    check(shape, line, folder)


@pytest.mark.parametrize("key", NODE)
def test_a_key_of_a_node_matters(key: str, folder: str) -> None:
    check("graph", NODE[key], folder)


@pytest.mark.parametrize("key", KEYS)
def test_every_other_key_matters(key: str, folder: str) -> None:
    check(KEYS[key].shape, KEYS[key], folder)


@pytest.mark.parametrize("line", CUT, ids=lambda line: line.change.partition("=")[0])
def test_the_keys_of_a_network_hold_wherever_it_is_looked_up(line: Line, folder: str) -> None:
    check(line.shape, line, folder)


@pytest.mark.parametrize("line", PARTS, ids=lambda line: line.change.partition("=")[0])
def test_every_part_of_a_scheduler_matters(line: Line, folder: str) -> None:
    check(line.shape, line, folder)


@pytest.mark.parametrize("line", BESIDE, ids=lambda line: line.change.partition("=")[0])
def test_what_can_have_no_effect_beside_other_keys_is_refused(line: Line, folder: str) -> None:
    check(line.shape, line, folder)


# ---- nothing is left out ---------------------------------------------------------------------------------------------


def models(annotation: Any, found: dict[str, type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """All models that values of a type hold, by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation.__name__ not in found:
            found[annotation.__name__] = annotation
            for field in annotation.model_fields.values():
                models(field.annotation, found)
    for each in get_args(annotation):
        models(each, found)
    return found


def holds_models_only(annotation: Any) -> bool:
    """Whether a value has nothing of its own beside the keys of models (and None)."""
    arguments = [each for each in get_args(annotation) if each not in (type(None), ...)]
    if get_origin(annotation) is dict:
        arguments = arguments[1:]
    if not arguments or get_origin(annotation) is Literal:
        return isinstance(annotation, type) and issubclass(annotation, BaseModel)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    return all(holds_models_only(each) for each in arguments)


def keys() -> Iterator[tuple[str, str]]:
    """Every key of every model that needs a line: (model, key)."""
    for name, model in models(System, models(Platform, {})).items():
        for key, field in model.model_fields.items():
            is_tag = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
            covered = name not in ("Task", "NodeModel") and holds_models_only(field.annotation)
            if key not in LABELS.get(name, ()) and not is_tag and not covered:
                yield name, field.alias if field.alias and name in ("Copy", "MemoryUse") else key


def test_no_key_is_without_a_line() -> None:
    tables = {"Task": TASK, "NodeModel": NODE}
    missing = [
        f"{name}.{key}" for name, key in keys() if key not in tables.get(name, ()) and f"{name}.{key}" not in KEYS
    ]
    assert not missing, (
        f"{', '.join(missing)}: say in tests/key_lines.py where each changes a run or is refused, or, if it is a label, "
        "name it in rtsched/model/labels.py"
    )


def test_the_schema_and_the_readme_call_labels_so() -> None:
    schemas = [json_schema(model) for model in (System, Platform)]
    described = {each["title"]: each for schema in schemas for each in (schema, *schema["$defs"].values())}
    labels = [(model, key) for model, keys in LABELS.items() for key in keys]
    assert all(
        described[model]["properties"][key]["description"].endswith("it changes no run") for model, key in labels
    )
    readme = (Path(__file__).parents[1] / "README.md").read_text().partition("Labels are")[2].partition("What")[0]
    assert set(re.findall(r"`(\w+)`", readme)) == {key for model, key in labels if model != "Provenance"} | {
        "origin",
        "assumptions",
    }


def test_the_lines_and_labels_are_those_of_keys() -> None:
    known = {
        f"{name}.{field.alias or key}"
        for name, model in models(System, models(Platform, {})).items()
        for key, field in model.model_fields.items()
    }
    known |= {
        f"{name}.{key}" for name, model in models(System, models(Platform, {})).items() for key in model.model_fields
    }
    lines = {*KEYS, *(f"Task.{key}" for key in TASK), *(f"NodeModel.{key}" for key in NODE)}
    labels = {f"{name}.{key}" for name, listed in LABELS.items() for key in listed}
    assert not (lines | labels) - known
    assert not lines & labels
