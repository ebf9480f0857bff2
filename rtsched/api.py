"""The front door: load a system, simulate it, ask what happened.

>>> import rtsched
>>> trace = rtsched.simulate("buttazzo_rm_edf", scheduler="edf")
>>> rtsched.summary(trace).misses
0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from rtsched.description import MODES, clusters_of, names_of, parts_of
from rtsched.errors import HorizonError, InputError
from rtsched.loading import Loaded, Source, load
from rtsched.model.base import whole_number
from rtsched.model.document import cut
from rtsched.model.platform import Platform
from rtsched.model.system import Estimates, Simulate, System
from rtsched.registry import GROUPS, PARTS, REGISTRY, build, parameters_of
from rtsched.visible import as_found

if TYPE_CHECKING:
    from rtsched.engine.under_way import UnderWay
    from rtsched.metrics.figures import Summary
    from rtsched.model.policy import Policy
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulers.base import Scheduler
    from rtsched.trace.trace import Trace

__all__ = [
    "OWN", "SERVER_KEYS", "Loaded", "Prepared", "Source", "checked_seed", "load", "parts_of", "policy", "prepare",
    "scheduler", "scheduler_of", "simulate", "summary", "without_effect",
]  # fmt: skip

#: What names the system's own scheduler where policies are compared.
OWN = "file"


def scheduler(choice: str | Mapping[str, Any] | Scheduler, *, code: bool = True) -> Scheduler:
    """A scheduler by description; one out of a file may not name `code` (``module:Class``).

    A name, or names joined by ``+`` (``"rm+first-fit+nonpreemptive"``), or a mapping as in a system file, also as text:
    ``{ordering: edf, placement: global, preemption: preemptive}`` or ``{name: my-plugin, parameter: value}``.
    """
    from rtsched.schedulers.base import GUESTS, Scheduler

    if isinstance(choice, Scheduler):
        return choice
    if isinstance(choice, type) and issubclass(choice, Scheduler):
        raise InputError(f"{choice.__name__} is a class of schedulers; make one: {choice.__name__}()")
    parts = {str(key): value for key, value in parts_of(choice).items()}
    name = parts.pop("name", "composed")
    if not isinstance(name, str):
        raise InputError(f"scheduler name {name!r} is no text; quote it")
    clusters = clusters_of({"name": name, **parts})
    parts = {key: value for key, value in parts.items() if key not in clusters}
    if REGISTRY.knows("ordering", name) and not REGISTRY.knows("scheduler", name):
        if parts.setdefault("ordering", name) != name:
            raise InputError(f"both {name!r} and {parts['ordering']!r} are an ordering; give one")
        name = "composed"
    oracle = parts.pop("oracle", None)
    if not isinstance(oracle, bool | None):
        raise InputError(f"scheduler: oracle must be true or false (found {as_found(oracle)})")
    own = {} if name == "composed" else _own_parameters(name, code)
    guests = [kind for kind in GUESTS if kind not in own]
    parts = {key: value for key, value in parts.items() if value != "none" or not (key in guests or name == "composed")}
    described = parts.get("ordering")
    for kind in PARTS:
        if kind in parts and (kind in guests or kind != "speed"):  # which may be a parameter of a plug-in's own
            parts[kind] = _part(kind, parts[kind], code)
    mode = parts.get("preemption", MODES[0])
    if mode not in MODES:
        raise InputError(f"preemption {mode!r} is not one of {', '.join(MODES)}")
    if clusters:
        return _usable(_with_truth(_per_cluster(clusters, parts, described, code), oracle))
    beside = {kind: parts.pop(kind) for kind in guests if kind in parts}
    made = build("scheduler", name, parts, code)
    if not isinstance(made, Scheduler):
        raise InputError(f"scheduler {name!r} makes a {type(made).__name__}, which is no rtsched Scheduler")
    for kind, part in beside.items():
        made.take(kind, part, name)
    return _usable(_with_truth(made, oracle))


def _with_truth(made: Scheduler, oracle: bool | None) -> Scheduler:
    """The scheduler, which sees the truth where that is asked for. Raises InputError where it must not."""
    if oracle is False and made.oracle:
        raise InputError(f"scheduler {made.describe()}: it rests on the truth; leave out 'oracle: false'")
    made.oracle = made.oracle or bool(oracle)
    return made


def _own_parameters(name: str, code: bool) -> dict[str, Any]:
    """What the scheduler `name` can be made with. Raises InputError, also where it is a part of one."""
    from rtsched.schedulers.part import Part

    found = REGISTRY.find("scheduler", name, code)
    if isinstance(found, type) and issubclass(found, Part) and found.kind in PARTS:
        beside = "" if found.kind == "ordering" else "edf+"
        by_code, by_name = f"write '{beside}{found.kind}={cut(name)}'", f"register it in {GROUPS[found.kind]}"
        raise InputError(
            f"scheduler {cut(name)!r} is no scheduler, but a part of one ({found.kind}); "
            f"{by_code if ':' in name else by_name}"
        )
    return parameters_of("scheduler", name, code)


def _usable(made: Scheduler) -> Scheduler:
    """The scheduler, if the engine can call it. Raises InputError."""
    from rtsched.engine.veil import is_ours
    from rtsched.schedulers.base import Scheduler
    from rtsched.schedulers.events import check

    kind = type(made)
    if getattr(made.dispatch, "__func__", None) is Scheduler.dispatch:
        raise InputError(
            f"scheduler {kind.__name__} has no dispatch; write 'def dispatch(self)', which starts segments"
        )
    check(made, "scheduler", ("setup", "dispatch"))
    foresees = kind.oracle or any(getattr(part, "oracle", False) for part in made.parts())
    if made.oracle and not foresees and is_ours(made) and all(map(is_ours, made.parts())):
        raise InputError(f"scheduler {made.describe()}: 'oracle' has no effect: rtsched's own policies read no truth")
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
    return made.policy({} if isinstance(choice, Scheduler) else names_of(parts_of(choice)))


def _part(kind: str, value: Any, code: bool) -> Any:
    """A part of a policy by name, or by a mapping of name and parameters."""
    if isinstance(value, str):
        return build(kind, value, {}, code)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return build(kind, value["name"], {key: item for key, item in value.items() if key != "name"}, code)
    raise InputError(f"{kind}: write a name, or a mapping with 'name' and parameters (found {value!r})")


def _per_cluster(clusters: dict[str, dict[str, Any]], parts: dict[str, Any], described: Any, code: bool) -> Scheduler:
    """A composed scheduler whose clusters have rules of their own; equal descriptions are one ordering."""
    from rtsched.schedulers.per_cluster import ClusterRule, PerCluster

    described = "edf" if described is None else described
    known = [(described, parts.setdefault("ordering", _part("ordering", described, code)))]
    mode = parts.get("preemption", MODES[0])
    rules = {}
    for cluster, own in clusters.items():
        wanted, what = own.get("preemption", mode), own.get("ordering", described)
        if wanted not in MODES:
            raise InputError(f"{cut(cluster)}: preemption {cut(repr(wanted))} is not one of {', '.join(MODES)}")
        found = next((ordering for each, ordering in known if each == what), None)
        if found is None:
            try:
                found = _part("ordering", what, code)
            except InputError as error:
                raise InputError(*(f"{cut(cluster)}: {text}" for text in error.problems)) from None
            known.append((what, found))
        rules[cluster] = ClusterRule(found, wanted)
    return PerCluster(rules, **parts)


def simulate(
    source: Source,
    *,
    scheduler: str | Mapping[str, Any] | Scheduler | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    until: int | str | None = None,
    seed: int | None = None,
    trace: bool = True,
    watch: Callable[[UnderWay], None] | None = None,
    reasons: bool = False,
) -> Trace:
    """Run a system (a name, a path, a mapping, a System) and return what happened.

    `until` is ns, text with a unit or ``"hyperperiod"``. With ``trace=False`` only the sums are kept and memory stays
    flat, however long the run. `watch` is given the run before time starts: to look at it from another thread, or to
    interrupt it. With ``reasons=True`` the trace has what the policy went by, for ``trace.explain``. Raises InputError,
    and SchedulerError when a policy acts illegally.
    """
    if reasons and not trace:
        raise InputError("reasons are kept with the trace that they explain; leave out trace=False, or reasons=True")
    loaded = load(source, platform=platform)
    chosen = scheduler_of(loaded, scheduler)
    number = loaded.system.simulate.seed if seed is None else checked_seed(seed)
    prepared = prepare(loaded, until)
    prepared = prepared.noting(without_effect(loaded.system, chosen, prepared.spec))
    del loaded, source  # kilobytes for every task, which are not needed while time runs
    return prepared.run(chosen, number, trace=trace, watch=watch, reasons=reasons)


def checked_seed(seed: Any) -> int:
    """A seed as Python's own integer. Raises InputError."""
    number = whole_number(seed)
    if number is None or not 0 <= number < 2**63:
        raise InputError(f"a seed is a whole number, zero or more and below 2^63 (found {as_found(seed)}); e.g. 1")
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
        reasons: bool = False,
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
            reasons=reasons,
        )


def prepare(loaded: Loaded, until: int | str | None = None) -> Prepared:
    """Lower a system once, for any number of runs. Raises InputError."""
    from rtsched.dnn.horizon import horizon

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
        return _clocked(loaded, _on_platform(loaded, _usable(scheduler(choice))))
    try:
        own = _on_platform(loaded, scheduler(loaded.system.scheduler, code=loaded.document is None))
    except InputError as error:
        place = _blamed(loaded.system.scheduler, str(error))
        raise InputError(f"{loaded.where('scheduler', *place)}{error}") from None
    for index, way in _unread(loaded.system, own):
        why, instead = POLICY_KEYS[str(way[-1])]
        raise InputError(
            f"{loaded.where('tasks', index, *way)}{way[-1]!r} has no effect under the file's own scheduler, {why}; "
            f"leave it out, or {instead}"
        )
    if _unreserved(loaded.system, own):
        raise InputError(
            f"{loaded.where('reservable')}'reservable' has no effect under the file's own scheduler, which reserves "
            "nothing; leave it out, or name a policy that does"
        )
    for index in _unspawned(loaded.system, own):
        raise InputError(
            f"{loaded.where('tasks', index, 'arrival')}'arrival: {{kind: spawned}}' has no effect under the file's own "
            "scheduler, which spawns no jobs; say when they come (period, after, …), or name a policy that does"
        )
    for key in _unread_estimates(loaded.system, own):
        raise InputError(
            f"{loaded.where('estimates', key)}{key!r} has no effect under the file's own scheduler, which "
            f"{_how_it_believes(own)}; leave it out, or write e.g. 'scheduler: sjf'"
        )
    return _clocked(loaded, own)


def _on_platform(loaded: Loaded, chosen: Scheduler) -> Scheduler:
    """The scheduler, if the clusters that it names are there. Raises InputError."""
    from rtsched.schedulers.per_cluster import PerCluster

    if isinstance(chosen, PerCluster):
        for name in chosen.clusters:
            if name not in loaded.platform.processors:
                raise InputError(
                    f"{name!r} is no part of a scheduler ({', '.join((*PARTS, 'preemption'))}) and no cluster of this "
                    f"platform ({', '.join(loaded.platform.processors)})"
                )
    return chosen


def _clocked(loaded: Loaded, chosen: Scheduler) -> Scheduler:
    """The scheduler, if clocks are left to its speed part, where it has one. Raises InputError with the place."""
    speed, power = chosen.guests.get("speed"), loaded.system.power
    if speed is None:
        return chosen
    name = type(speed).__name__
    if power is None:
        raise InputError(
            f"{loaded.where('scheduler', 'speed')}{name} sets clocks, and the system counts none; write "
            "'power: {governor: userspace}'"
        )
    governors = [power.clusters.get(each, power.governor).name for each in loaded.platform.processors]
    if "userspace" not in governors:
        raise InputError(
            f"{loaded.where('power', 'governor')}clocks belong to the governor {governors[0]!r}, and the scheduler's "
            f"speed part ({name}) sets them, too; write 'governor: userspace', or leave 'speed' out"
        )
    return chosen


#: Keys of a task that only policies with servers read.
SERVER_KEYS = ("budget", "server_period")
#: Keys of a task that some policies read (`Scheduler.reads`): why others do not, and what to do about it.
POLICY_KEYS = {
    **dict.fromkeys(SERVER_KEYS, ("which has no servers", "write 'scheduler: cbs'")),
    "batch": ("which starts no batches", "name a scheduler of yours that does"),
    "values": ("which reads no values of inputs", "name a policy of yours that does"),
    "split": ("which splits no nodes", "name a scheduler of yours that does"),
    "speedup": ("which gives nobody a part of a unit", "name a scheduler of yours that does"),
}


def _unread(system: System, scheduler: Scheduler) -> list[tuple[int, tuple[str | int, ...]]]:
    """The keys that this policy does not read, though others would: (number of the task, the way to the key)."""
    read = scheduler.keys_read()
    keys = [key for key in POLICY_KEYS if key not in read]
    found: list[tuple[int, tuple[str | int, ...]]] = []
    for index, task in enumerate(system.tasks):
        found += [(index, (key,)) for key in keys if key != "values" and getattr(task, key) is not None]
        if "values" in keys and isinstance(task.inputs, tuple):
            with_values = (node for node, each in task.inputs[0].items() if each.values)
            found += [(index, ("inputs", 0, node, "values")) for node in islice(with_values, 1)]
        for name, node in () if task.graph is None else task.graph.nodes.items():
            own = [key for key in ("batch", "split", "speedup") if key in keys and getattr(node, key) is not None]
            found += [(index, ("graph", "nodes", name, key)) for key in own]
    return found


def without_effect(system: System, scheduler: Scheduler, lowered: SystemSpec | None = None) -> list[str]:
    """What to note of a system's keys where it is run under a policy that its file does not name."""
    name = scheduler.described(lowered)
    servers = [
        f"{system.tasks[index].name}: {way[-1]!r} has no effect under {name}"
        for index, way in _unread(system, scheduler)
    ]
    estimates = [
        f"estimates: {key!r} has no effect under {name}, which {_how_it_believes(scheduler)}"
        for key in _unread_estimates(system, scheduler)
    ]
    reserving = [f"'reservable' has no effect under {name}, which reserves nothing"]
    spawning = [
        f"{system.tasks[index].name}: has no jobs under {name}, which spawns none"
        for index in _unspawned(system, scheduler)
    ]
    return servers + estimates + reserving * _unreserved(system, scheduler) + spawning


def _unreserved(system: System, scheduler: Scheduler) -> bool:
    """Whether the system has something to reserve, and neither the policy nor a part of it does."""
    return bool(system.reservable) and "reservable" not in scheduler.keys_read()


def _unspawned(system: System, scheduler: Scheduler) -> list[int]:
    """The numbers of the tasks whose jobs somebody would have to spawn, where neither the policy nor a part does."""
    if "spawned" in scheduler.keys_read():
        return []
    return [index for index, task in enumerate(system.tasks) if task.arrival.kind == "spawned"]


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
    refused = [key for key in description if f" takes no {key}: " in message or message.startswith(f"{key!r} is no ")]
    if refused:
        return (refused[0],)
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
        raise InputError(f"a summary is made of a trace, as simulate returns it (found {as_found(trace)})")
    return metrics.summary(trace)
