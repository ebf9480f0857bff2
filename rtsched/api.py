"""The front door: load a system, simulate it, ask what happened.

>>> import rtsched
>>> trace = rtsched.simulate("buttazzo_rm_edf", scheduler="edf")
>>> rtsched.summary(trace).misses
0
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.errors import HorizonError, InputError
from rtsched.model import catalogue
from rtsched.model.base import whole_number
from rtsched.model.collector import collector_paused
from rtsched.model.document import cut, parse_value
from rtsched.model.platform import Platform
from rtsched.model.system import Estimates, Simulate, System
from rtsched.registry import PARTS, REGISTRY, build

if TYPE_CHECKING:
    from rtsched.engine.under_way import UnderWay
    from rtsched.metrics.summary import Summary
    from rtsched.model.config import Document
    from rtsched.model.policy import Policy
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulers.base import Scheduler
    from rtsched.trace.trace import Trace

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

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Loaded:
        """The same with some values of the system set anew, as `System.with_` does; its files stay where they are."""
        system = self.system.with_(changes, **fields)
        platform = self.platform
        if system.platform != self.system.platform:
            platform = _platform(system.platform, None if self.path is None else self.path.parent)
        return Loaded(system, platform, None, self.path)

    def where(self, *place: str | int) -> str:
        """``file:line:column: place: ``; the place alone for a system made in Python."""
        shown = ".".join(map(str, place)) + ": "
        return shown if self.document is None else f"{self.document.where(place)}: {shown}"

    @collector_paused()
    def lower(self, *, largest: bool = False) -> SystemSpec:
        """The system in integers; with the `largest` time that was measured of each network, as proofs want it."""
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
            return Lowering(self.system, self.platform, latency, folder, largest).lower()
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


#: What a system can be given as: a catalogue name, a path, its contents as a mapping, or the thing itself.
Source = str | Path | Mapping[str, Any] | System | Loaded


@collector_paused()
def load(
    source: Source, *, platform: str | Mapping[str, Any] | Platform | None = None, overrides: Sequence[str] = ()
) -> Loaded:
    """A system by catalogue name or path, out of a mapping, or as it is, on its own platform or another.

    A mapping holds what a file would; as in all of Python a time may also be an ``int`` of nanoseconds. `overrides` are
    texts such as ``"tasks.detector.period=20ms"``. A system made in Python is validated again, since ``model_copy`` and
    ``model_construct`` do not do it. Raises InputError.
    """
    document: Document | None = None
    path: Path | None = None
    if isinstance(source, Loaded):
        if not overrides:
            return _checked(source if platform is None else replace(source, platform=_platform(platform, None)))
        path = source.path
        source = source.system if source.document is None or path is None else path
    if isinstance(source, System | Mapping):
        system = System.model_validate(source)
        if overrides:
            from rtsched.model.config import change, parse_override

            system = change(system, [parse_override(text) for text in overrides])
    elif isinstance(source, str | Path):
        system, document, path = catalogue.load_system(str(source), overrides)
    else:
        raise InputError(
            f"a system is a catalogue name, a path, a mapping or a System (found {_found(source)}); e.g. 'dhall'"
        )
    try:
        if platform is not None:
            found = _platform(platform, None)
        else:
            found = _platform(system.platform, None if path is None else path.parent)
    except InputError as error:
        if document is None or platform is not None or len(error.problems) > 1 or ".yaml:" in str(error):
            raise
        raise InputError(f"{document.where(('platform',))}: platform: {error}") from None
    return Loaded(system, found, document, path)


def _platform(chosen: str | Mapping[str, Any] | Platform, folder: Path | None) -> Platform:
    """A platform by name or path (relative to a folder), out of a mapping, or as it is."""
    return catalogue.load_platform(chosen, folder) if isinstance(chosen, str) else Platform.model_validate(chosen)


def _checked(loaded: Loaded) -> Loaded:
    """The same, its models validated again."""
    return replace(
        loaded, system=System.model_validate(loaded.system), platform=Platform.model_validate(loaded.platform)
    )


def _found(thing: Any) -> str:
    """A thing that has no place here, for an error."""
    return f"{type(thing).__name__} {cut(repr(thing))}"


def scheduler(choice: str | Mapping[str, Any] | Scheduler, *, code: bool = True) -> Scheduler:
    """A scheduler by description; one out of a file may not name `code` (``module:Class``).

    A name, or names joined by ``+`` (``"rm+first-fit+nonpreemptive"``), or a mapping as in a system file, also as text:
    ``{ordering: edf, placement: global, preemption: preemptive}`` or ``{name: my-plugin, parameter: value}``.
    """
    from rtsched.schedulers.base import Scheduler

    if isinstance(choice, Scheduler):
        return choice
    if isinstance(choice, type) and issubclass(choice, Scheduler):
        raise InputError(f"{choice.__name__} is a class of schedulers; make one: {choice.__name__}()")
    parts = {str(key): value for key, value in parts_of(choice).items()}
    name = parts.pop("name", "composed")
    if not isinstance(name, str):
        raise InputError(f"scheduler name {name!r} is no text; quote it")
    if name in REGISTRY.names("ordering") and name not in REGISTRY.names("scheduler"):
        if parts.setdefault("ordering", name) != name:
            raise InputError(f"both {name!r} and {parts['ordering']!r} are an ordering; give one")
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
    return _usable(made)


def _usable(made: Scheduler) -> Scheduler:
    """The scheduler, if the engine can call it. Raises InputError."""
    from rtsched.schedulers.base import Scheduler

    kind = type(made)
    if getattr(made.dispatch, "__func__", None) is Scheduler.dispatch:
        raise InputError(
            f"scheduler {kind.__name__} has no dispatch; write 'def dispatch(self)', which starts segments"
        )
    for event in ("setup", "dispatch", *(name for name in vars(Scheduler) if name.startswith("on_"))):
        method = getattr(made, event)
        if not callable(method):
            raise InputError(f"scheduler {kind.__name__}: {event} is a {type(method).__name__}; write it as a method")
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise InputError(
                f"scheduler {kind.__name__}: {event} is async, and nobody waits for it; write 'def {event}'"
            )
        if inspect.isgeneratorfunction(method):
            raise InputError(
                f"scheduler {kind.__name__}: {event} has a 'yield', so that calling it does nothing; write it without"
            )
        told = list(inspect.signature(getattr(Scheduler, event)).parameters)[1:]
        try:
            inspect.signature(method).bind(*told)
        except TypeError:
            raise InputError(
                f"scheduler {kind.__name__}: {event} is called with {', '.join(told) or 'nothing'}; write "
                f"'def {event}({', '.join(['self', *told])})'"
            ) from None
        except ValueError:
            pass  # nobody can say what it takes
    if made.preemption not in MODES:
        raise InputError(
            f"scheduler {kind.__name__}: preemption {cut(repr(made.preemption))} is not one of {', '.join(MODES)}"
        )
    return made


def policy(choice: str | Mapping[str, Any] | Scheduler, *, code: bool = True) -> Policy:
    """What a scheduler declares of itself to proofs, its parts called as they were chosen. Raises InputError.

    >>> policy("rm+first-fit").order
    'FP'
    >>> str(policy("band-heft"))
    'band-heft'
    """
    from rtsched.schedulers.base import Scheduler

    made = scheduler(choice, code=code)
    return made.policy({} if isinstance(choice, Scheduler) else _names(parts_of(choice)))


def _names(parts: dict[str, Any]) -> dict[str, str]:
    """The names of a scheduler's parts, without their parameters."""
    names = {key: value.get("name") if isinstance(value, dict) else value for key, value in parts.items()}
    name = names.get("name")
    if name in REGISTRY.names("ordering") and name not in REGISTRY.names("scheduler"):
        names["ordering"] = names.pop("name")
    return {"ordering": "edf", "placement": "global"} | {key: str(value) for key, value in names.items()}


def parts_of(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    """The description of a scheduler as a mapping of its parts, however it was written.

    >>> parts_of("rm+first-fit+nonpreemptive")
    {'name': 'rm', 'placement': 'first-fit', 'preemption': 'nonpreemptive'}
    """
    if isinstance(choice, Mapping):
        return _spread(dict(choice))
    if not isinstance(choice, str):
        found = _found(choice)
        raise InputError(f"a scheduler is a name, a mapping or a Scheduler (found {found}); e.g. 'rm+first-fit'")
    if choice.lstrip().startswith("{"):
        parsed = parse_value(choice, "scheduler")
        if not isinstance(parsed, dict):
            raise InputError(f"scheduler {choice!r} is no mapping; write e.g. '{{ordering: edf}}'")
        return _spread(parsed)
    return _parts(choice)


def _spread(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts that a name such as ``rm+first-fit`` stands for, put beside the others."""
    name = parts.get("name")
    if not isinstance(name, str) or not set(name) & set("+,={"):
        return parts
    named, others = parts_of(name), {key: value for key, value in parts.items() if key != "name"}
    for key in named.keys() & others.keys():
        raise InputError(f"scheduler {name!r}: both {named[key]!r} and {others[key]!r} are a {key}; give one")
    return named | others


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
            _must_exist(text, parts[kind], word)
            raise InputError(f"scheduler {text!r}: both {parts[kind]!r} and {word!r} are a {kind}; give one")
        parts[kind] = word
    return parts


def _must_exist(text: str, *words: str) -> None:
    """Words that nobody knows all count as the policy's name; say so rather than that there are two."""
    known = {name for kind in ("scheduler", *PARTS) for name in REGISTRY.names(kind)}
    for word in words:
        if word not in known and ":" not in word:
            close = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "`rtsched list` names them all"
            raise InputError(f"scheduler {text!r}: nothing is called {word!r}; {hint}")


def _part(kind: str, value: Any, code: bool) -> Any:
    """A part of a policy by name, or by a mapping of name and parameters."""
    if isinstance(value, str):
        return build(kind, value, {}, code)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return build(kind, value["name"], {key: item for key, item in value.items() if key != "name"}, code)
    raise InputError(f"{kind}: write a name, or a mapping with 'name' and parameters (found {value!r})")


def simulate(
    source: Source,
    *,
    scheduler: str | Mapping[str, Any] | Scheduler | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    until: int | str | None = None,
    seed: int | None = None,
    trace: bool = True,
    watch: Callable[[UnderWay], None] | None = None,
) -> Trace:
    """Run a system (a name, a path, a mapping, a System) and return what happened.

    `until` is ns, text with a unit or ``"hyperperiod"``. With ``trace=False`` only the sums are kept and memory stays
    flat, however long the run. `watch` is given the run before time starts: to look at it from another thread, or to
    interrupt it. Raises InputError, and SchedulerError when a policy acts illegally.
    """
    loaded = load(source, platform=platform)
    chosen = scheduler_of(loaded, scheduler)
    number = loaded.system.simulate.seed if seed is None else checked_seed(seed)
    prepared = prepare(loaded, until).noting(without_effect(loaded.system, chosen))
    del loaded, source  # kilobytes for every task, which are not needed while time runs
    return prepared.run(chosen, number, trace=trace, watch=watch)


def checked_seed(seed: Any) -> int:
    """A seed as Python's own integer. Raises InputError."""
    number = whole_number(seed)
    if number is None or not 0 <= number < 2**63:
        raise InputError(f"a seed is a whole number, zero or more and below 2^63 (found {_found(seed)}); e.g. 1")
    return number


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

    def run(
        self,
        scheduler: Scheduler,
        seed: int,
        *,
        trace: bool = True,
        watch: Callable[[UnderWay], None] | None = None,
    ) -> Trace:
        """One run under a scheduler made for it (a scheduler keeps state: make a new one for each)."""
        from rtsched.engine.simulation import run

        tally = None
        if not trace:
            from rtsched.metrics.tally import Tally

            tally = Tally(self.spec, self.options.warm_up)
        return run(
            self.spec,
            scheduler,
            until=self.until,
            seed=seed,
            warm_up=self.options.warm_up,
            drain=self.options.drain,
            tally=tally,
            watch=watch,
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
    try:
        return Simulate(until=until).until
    except InputError as error:
        raise InputError(*(text.replace("Simulate: until: ", "--until: ") for text in error.problems)) from None


def scheduler_of(loaded: Loaded, choice: str | Mapping[str, Any] | Scheduler | None) -> Scheduler:
    """A new scheduler by description, the system's own without one. Raises InputError with its place in the file."""
    if choice is not None:
        return _usable(scheduler(choice))
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
    for key in _unread_estimates(loaded.system, own):
        raise InputError(
            f"{loaded.where('estimates', key)}{key!r} has no effect under the file's own scheduler, which "
            f"{_how_it_believes(own)}; leave it out, or write e.g. 'scheduler: sjf'"
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
    servers = [
        f"{system.tasks[index].name}: {key!r} has no effect under {scheduler.describe()}"
        for index, key in _unread(system, scheduler)
    ]
    estimates = [
        f"estimates: {key!r} has no effect under {scheduler.describe()}, which {_how_it_believes(scheduler)}"
        for key in _unread_estimates(system, scheduler)
    ]
    return servers + estimates


def _unread_estimates(system: System, scheduler: Scheduler) -> list[str]:
    """The keys of `estimates` that change nothing of what this policy believes."""
    neutral = Estimates()
    read = scheduler.estimates_read()
    return [
        key
        for key in Estimates.model_fields
        if getattr(system.estimates, key) != getattr(neutral, key) and key not in read
    ]


def _how_it_believes(scheduler: Scheduler) -> str:
    """Why some estimates change nothing under a scheduler."""
    once = "takes expected times once, before time starts, and learns from then on, if at all, in its own way"
    return once if scheduler.estimates_read() else "goes by no expected times"


def _blamed(description: dict[str, Any], message: str) -> tuple[str, ...]:
    """The key of a scheduler's description that an error is about."""
    for key, value in description.items():
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str) and repr(name) in message:
            return (key,)
    return ()


def summary(trace: Trace) -> Summary:
    """The figures of a run, as the command line prints them."""
    from rtsched.metrics import summary as metrics
    from rtsched.trace.trace import Trace

    if not isinstance(trace, Trace):
        raise InputError(f"a summary is made of a trace, as simulate returns it (found {_found(trace)})")
    return metrics.summary(trace)
