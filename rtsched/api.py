"""The front door: load a system, simulate it, ask what happened.

>>> import rtsched
>>> trace = rtsched.simulate("buttazzo_rm_edf", scheduler="edf")
>>> rtsched.summary(trace).misses
0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.errors import HorizonError, InputError
from rtsched.model import catalogue
from rtsched.model.document import parse_value
from rtsched.model.platform import Platform
from rtsched.model.system import Simulate, System
from rtsched.registry import PARTS, REGISTRY, build

if TYPE_CHECKING:
    from rtsched.engine.trace import Trace
    from rtsched.metrics import Summary
    from rtsched.model.config import Document
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulers.base import Scheduler

#: The dotted place that a lowering error begins with, e.g. ``faults.0: …``.
_PLACE = re.compile(r"([a-z_]+(?:\.[\w-]+)*): ")
_NODE = re.compile(r", node '([^']*)':")

#: What names the system's own scheduler where policies are compared.
OWN = "file"

MODES = ("preemptive", "limited", "nonpreemptive")


@dataclass(frozen=True)
class Loaded:
    """A system with its platform, and where it was read, so that errors can point there."""

    system: System
    platform: Platform
    document: Document | None = None
    path: Path | None = None

    def where(self, *place: str | int) -> str:
        """``file:line:column: place: ``; the place alone for a system made in Python."""
        shown = ".".join(map(str, place)) + ": "
        return shown if self.document is None else f"{self.document.where(place)}: {shown}"

    def lower(self) -> SystemSpec:
        """The system in integers."""
        from rtsched.dnn.lowering import Lowering

        uses_tables = any(
            task.network is not None
            or (task.graph is not None and any(node.network is not None for node in task.graph.nodes.values()))
            or (task.variants is not None and any(choice.network is not None for choice in task.variants.choices))
            for task in self.system.tasks
        )
        latency = catalogue.latency_table() if uses_tables else []
        folder = None if self.path is None else self.path.parent
        try:
            return Lowering(self.system, self.platform, latency, folder).lower()
        except InputError as error:
            raise InputError(*(self._placed(problem) for problem in error.problems)) from None

    def _placed(self, problem: str) -> str:
        """Put the place of the task that a lowering error names in front of it."""
        if self.document is None:
            return problem
        for index, task in enumerate(self.system.tasks):
            if problem.startswith((f"task {task.name!r}:", f"task {task.name!r},")):
                key = _key_in(self.document.data["tasks"][index], problem.removeprefix(f"task {task.name!r}"))
                return f"{self.document.where(('tasks', index, *key), key=True)}: tasks.{problem.removeprefix('task ')}"
        place = _PLACE.match(problem)
        if place is not None and place[1].split(".")[0] in self.document.data:
            path = tuple(int(key) if key.isdecimal() else key for key in place[1].split("."))
            return f"{self.document.where(path)}: {problem}"
        return f"{self.document.path}: {problem}"


def _key_in(task: dict[str, Any], problem: str) -> tuple[str, ...]:
    """The key of a task (or of one of its nodes) that a problem names first; () if it names none."""
    place: tuple[str, ...] = ()
    node = _NODE.match(problem)
    if node is not None:
        place, task = ("graph", "nodes", node[1]), (task.get("graph") or {}).get("nodes", {}).get(node[1], {})
    named = (word for word in re.findall(r"\w+", problem.partition(": ")[2]) if isinstance(task, dict) and word in task)
    key = next(named, None)
    return place if key is None else (*place, key)


def load(
    source: str | Path | System | Loaded, *, platform: str | Platform | None = None, overrides: Sequence[str] = ()
) -> Loaded:
    """A system by catalogue name or path (or as it is), on its own platform or another.

    `overrides` are texts such as ``"tasks.detector.period=20ms"``. Raises InputError.
    """
    if isinstance(source, Loaded):
        loaded = source
        if platform is None and not overrides:
            return loaded
        source = loaded.system if loaded.path is None else loaded.path
    if isinstance(source, System):
        if overrides:
            raise InputError("overrides need a file; change a System with system.model_copy(update=...)")
        system, document, path = source, None, None
    else:
        system, document, path = catalogue.load_system(str(source), overrides)
    chosen = platform if platform is not None else system.platform
    if isinstance(chosen, str):
        try:
            chosen = catalogue.load_platform(chosen, None if path is None or platform is not None else path.parent)
        except InputError as error:
            if document is None or platform is not None or len(error.problems) > 1 or ".yaml:" in str(error):
                raise
            raise InputError(f"{document.where(('platform',))}: platform: {error}") from None
    return Loaded(system, chosen, document, path)


def scheduler(choice: str | dict[str, Any] | Scheduler, *, code: bool = True) -> Scheduler:
    """A scheduler by description; one out of a file may not name `code` (``module:Class``).

    A name, or names joined by ``+`` (``"rm+first-fit+nonpreemptive"``), or a mapping as in a system file, also as text:
    ``{ordering: edf, placement: global, preemption: preemptive}`` or ``{name: my-plugin, parameter: value}``.
    """
    from rtsched.schedulers.base import Scheduler

    if isinstance(choice, Scheduler):
        return choice
    parts = parts_of(choice)
    name = parts.pop("name", "composed")
    if not isinstance(name, str):
        raise InputError(f"scheduler name {name!r} is no text; quote it")
    if name in REGISTRY.names("ordering") and name not in REGISTRY.names("scheduler"):
        parts.setdefault("ordering", name)
        name = "composed"
    if name == "composed":
        if parts.pop("speed", None) not in (None, "none"):
            raise InputError("speed: clocks are set by 'power: {governor: ...}', or by a scheduler with soc.set_speed")
        parts = {key: value for key, value in parts.items() if value != "none"}
    for kind in PARTS:
        if kind in parts:
            parts[kind] = _part(kind, parts[kind], code)
    mode = parts.get("preemption", MODES[0])
    if mode not in MODES:
        raise InputError(f"preemption {mode!r} is not one of {', '.join(MODES)}")
    made = build("scheduler", name, parts, code)
    if not isinstance(made, Scheduler):
        raise InputError(f"scheduler {name!r} makes a {type(made).__name__}, which is no rtsched Scheduler")
    return made


def parts_of(choice: str | dict[str, Any]) -> dict[str, Any]:
    """The description of a scheduler as a mapping of its parts, however it was written.

    >>> parts_of("rm+first-fit+nonpreemptive")
    {'name': 'rm', 'placement': 'first-fit', 'preemption': 'nonpreemptive'}
    """
    if isinstance(choice, dict):
        return dict(choice)
    if choice.lstrip().startswith("{"):
        parsed = parse_value(choice, "scheduler")
        if not isinstance(parsed, dict):
            raise InputError(f"scheduler {choice!r} is no mapping; write e.g. '{{ordering: edf}}'")
        return parsed
    return _parts(choice)


def _parts(text: str) -> dict[str, Any]:
    """``"edf+global+limited"`` or ``"ordering=edf,placement=global"`` as a mapping."""
    parts: dict[str, Any] = {}
    for word in text.replace(",", "+").split("+"):
        word = word.strip()
        key, equals, value = word.partition("=")
        if equals:
            kind, word = key.strip(), value.strip()
        elif word in MODES:
            kind = "preemption"
        else:
            kind = next((part for part in PARTS[1:] if word in REGISTRY.names(part)), "name")
        if kind in parts:
            raise InputError(f"scheduler {text!r}: both {parts[kind]!r} and {word!r} are a {kind}; give one")
        parts[kind] = word
    return parts


def _part(kind: str, value: Any, code: bool) -> Any:
    """A part of a policy by name, or by a mapping of name and parameters."""
    if isinstance(value, str):
        return build(kind, value, {}, code)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return build(kind, value["name"], {key: item for key, item in value.items() if key != "name"}, code)
    raise InputError(f"{kind}: write a name, or a mapping with 'name' and parameters (found {value!r})")


def simulate(
    source: str | Path | System | Loaded,
    *,
    scheduler: str | dict[str, Any] | Scheduler | None = None,
    platform: str | Platform | None = None,
    until: int | str | None = None,
    seed: int | None = None,
    trace: bool = True,
) -> Trace:
    """Run a system and return what happened.

    `until` is ns, text with a unit or ``"hyperperiod"``. With ``trace=False`` only the sums are kept and memory stays
    flat, however long the run. Raises InputError, and SchedulerError when a policy acts illegally.
    """
    loaded = load(source, platform=platform)
    chosen = _scheduler_of(loaded, scheduler)
    prepared = prepare(loaded, until).noting(without_effect(loaded.system, chosen))
    return prepared.run(chosen, loaded.system.simulate.seed if seed is None else seed, trace=trace)


@dataclass(frozen=True)
class Prepared:
    """A lowered system and how long to run it: what many runs share; `own` is the scheduler that its file names."""

    spec: SystemSpec
    options: Simulate
    until: int
    own: dict[str, Any]
    trusted: bool = False

    def scheduler(self, choice: str) -> Scheduler:
        """A new scheduler by description, ``file`` for the system's own."""
        return scheduler(self.own, code=self.trusted) if choice == OWN else scheduler(choice)

    def noting(self, notes: Iterable[str]) -> Prepared:
        """The same with `notes` beside what is assumed."""
        more = dict.fromkeys((*self.spec.assumed, *notes))
        return replace(self, spec=replace(self.spec, assumed=tuple(more)))

    def run(self, scheduler: Scheduler, seed: int, *, trace: bool = True) -> Trace:
        """One run under a scheduler made for it (a scheduler keeps state: make a new one for each)."""
        from rtsched.engine.simulation import run

        tally = None
        if not trace:
            from rtsched.tally import Tally

            tally = Tally(self.spec, self.options.warm_up)
        return run(
            self.spec,
            scheduler,
            until=self.until,
            seed=seed,
            warm_up=self.options.warm_up,
            drain=self.options.drain,
            tally=tally,
        )


def prepare(loaded: Loaded, until: int | str | None = None) -> Prepared:
    """Lower a system once, for any number of runs. Raises InputError."""
    from rtsched.dnn.lowering import horizon

    options = loaded.system.simulate
    spec = loaded.lower()
    try:
        end = horizon(spec, options.until if until is None else _until(until))
    except HorizonError as error:
        place = loaded.where("simulate", "until") if until is None else "--until: "
        raise HorizonError(*(f"{place}{text}" for text in error.problems)) from None
    return Prepared(spec, options, end, loaded.system.scheduler, loaded.document is None)


def _until(until: int | str) -> int | str:
    from pydantic import TypeAdapter, ValidationError

    from rtsched.model.system import Until

    try:
        return TypeAdapter(Until).validate_python(until)
    except ValidationError as error:
        raise InputError(f"--until: {error.errors()[0]['msg']}") from None


def _scheduler_of(loaded: Loaded, choice: str | dict[str, Any] | Scheduler | None) -> Scheduler:
    if choice is not None:
        return scheduler(choice)
    try:
        own = scheduler(loaded.system.scheduler, code=loaded.document is None)
    except InputError as error:
        place = _blamed(loaded.system.scheduler, str(error))
        raise InputError(f"{loaded.where('scheduler', *place)}{error}") from None
    for index, key in _unread(loaded.system, own):
        raise InputError(
            f"{loaded.where('tasks', index, key)}{key!r} has no effect under the file's own scheduler, which has no "
            f"servers; leave it out, or write 'scheduler: cbs'"
        )
    return own


#: Keys of a task that only policies with servers read.
SERVER_KEYS = ("budget", "server_period")


def _unread(system: System, scheduler: Scheduler) -> list[tuple[int, str]]:
    """The keys that this policy does not read, though others would: (number of the task, key)."""
    return [
        (index, key)
        for index, task in enumerate(system.tasks)
        for key in SERVER_KEYS
        if getattr(task, key) is not None and key not in scheduler.reads
    ]


def without_effect(system: System, scheduler: Scheduler) -> list[str]:
    """What to note of a system's keys where it is run under a policy that its file does not name."""
    return [
        f"{system.tasks[index].name}: {key!r} has no effect under {scheduler.describe()}"
        for index, key in _unread(system, scheduler)
    ]


def _blamed(description: dict[str, Any], message: str) -> tuple[str, ...]:
    """The key of a scheduler's description that an error is about."""
    for key, value in description.items():
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str) and repr(name) in message:
            return (key,)
    return ()


def summary(trace: Trace) -> Summary:
    """The figures of a run, as the command line prints them."""
    from rtsched import metrics

    return metrics.summary(trace)
