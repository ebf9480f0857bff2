"""Splitting: what cannot be preempted in pieces, between which it can, as few as help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.taskgraph import NodeSpec
from rtsched.model.work import ANY, NetworkUse
from rtsched.schedulability.analyse import GroupAnalysis, decide
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.search import margins
from rtsched.verify.actions.action import Change
from rtsched.verify.actions.file_tasks import TARGET, FileTask, FileTasks, exact, time, written
from rtsched.verify.verification import Verification

#: What cannot be preempted is split into at most so many pieces.
MOST_PIECES = 64
#: How many pieces are tried where no model says how many it takes.
BLIND = (2, 4, 8)
WORK = (
    "work for the developer: cutting the network, and each cut costs a switch and memory traffic that no overhead of "
    "this file may count yet"
)


def splits(found: Verification, tasks: FileTasks, part: GroupAnalysis) -> Iterator[Change]:
    """The longest piece that cannot be preempted split; then all that are too long."""
    long = sorted(
        ((task, _region(found, task)) for task in tasks.of(part.view.tasks)),
        key=lambda item: (-item[1], item[0].number),
    )
    long = [(task, region) for task, region in long if region > 1]
    if not long:
        return
    model = next((each for each in part.view.models if isinstance(each, Uniprocessor) and each.whole), None)
    tried: set[tuple[str, ...]] = set()
    for pieces in chain(_alone(model, long), _together(model, long)):
        settings = _settings(found, tasks, pieces)
        if settings is None or settings in tried:
            continue
        tried.add(settings)
        said = "; ".join(
            f"let {task.shown} be preempted every {time(-(-region // pieces[task.number]))} "
            f"(now every {time(region)}): {pieces[task.number]} pieces"
            for task, region in long
            if task.number in pieces
        )
        guessed = (
            tuple(tasks.all[number].name for number in pieces) if any("graph=" in each for each in settings) else ()
        )
        yield Change("split", said, WORK, settings, guessed)


#: By the number of a task in the file into how many pieces it is split.
Pieces = dict[int, int]


def _region(found: Verification, task: FileTask) -> int:
    """The longest piece of a task that nobody can preempt, in ns; 0 where everything can be preempted."""
    policy = found.analysis.policy.preemption
    longest = 0
    for node in task.spec.nodes:
        for place in node.eligible:
            service = found.system.processors[place].service
            if policy == "preemptive" and service == "preemptive" and node.preemptive:
                continue
            whole = node.times[place] or 0
            regions = node.regions if policy != "nonpreemptive" and service != "run-to-completion" else ()
            longest = max(longest, max(regions, default=whole))
    return longest


def _alone(model: Uniprocessor | None, long: Sequence[tuple[FileTask, int]]) -> Iterator[Pieces]:
    """The longest by itself."""
    task, region = long[0]
    if model is None:
        yield from ({task.number: pieces} for pieces in BLIND)
        return
    for pieces in range(2, MOST_PIECES + 1):
        if _holds(model, [(task, -(-region // pieces))]):
            yield {task.number: pieces}
            return


def _together(model: Uniprocessor | None, long: Sequence[tuple[FileTask, int]]) -> Iterator[Pieces]:
    """All that are longer than some length, which falls until the model is proven."""
    worst = long[0][1]
    counts = range(2, MOST_PIECES + 1) if model is not None else BLIND
    for count in counts:
        limit = -(-worst // count)
        pieces = {task.number: -(-region // limit) for task, region in long if region > limit}
        if model is None:
            yield pieces
        elif _holds(
            model, [(task, -(-region // pieces[task.number])) for task, region in long if task.number in pieces]
        ):
            yield pieces
            return


def _holds(model: Uniprocessor, lengths: Sequence[tuple[FileTask, int]]) -> bool:
    """Whether the model is proven with the regions of some tasks no longer than that."""
    made = model
    for task, length in lengths:
        for spec in task.specs:
            if any(each.name == spec.name for each in made.tasks):
                made = margins.with_regions(made, spec.name, length)
    return decide([made])


def _settings(found: Verification, tasks: FileTasks, pieces: Pieces) -> tuple[str, ...] | None:
    """The split as the file can say it; None where it cannot."""
    made: list[str] = []
    regions = False
    for number, count in pieces.items():
        own = _own(found, tasks, tasks.all[number], count)
        if own is None:
            return None
        made += own
        regions = regions or any(".regions=" in each for each in own)
    if regions:
        rule = _limited(found, [tasks.all[number] for number in pieces])
        if rule is None:
            return None
        made += rule
    return tuple(made)


def _limited(found: Verification, those: Sequence[FileTask]) -> list[str] | None:
    """Let regions be left where the tasks run: a mode of their clusters, or of all; None where nobody can say so."""
    system, policy = found.system, found.analysis.policy
    places = {place for task in those for node in task.spec.nodes for place in node.eligible}
    used = {place for task in system.tasks for node in task.nodes for place in node.eligible}
    clusters = list(dict.fromkeys(system.processors[place].cluster for place in sorted(places)))
    strict = [name for name in clusters if policy.of([name]).preemption != "limited"]
    if not strict:
        return []
    choice: dict[str, Any] = dict(found.description)
    if policy.whole is not None or "+" in str(choice.get("name", "")):
        return None
    if policy.clusters or {system.processors[place].cluster for place in used} > set(clusters):
        rules = {name: {**_rule(choice.get(name)), "preemption": "limited"} for name in strict}
        return [f"scheduler={written(choice | rules)}"]
    return [f"scheduler={written(choice | {'preemption': 'limited'})}"]


def _rule(said: Any) -> dict[str, Any]:
    """What a description says of a cluster."""
    return dict(said) if isinstance(said, Mapping) else {} if said is None else {"ordering": said}


def _own(found: Verification, tasks: FileTasks, task: FileTask, count: int) -> list[str] | None:
    """The settings of one task: regions where its processors leave at them, else nodes."""
    model = task.model
    if len(task.spec.nodes) != 1 or model.variants is not None or model.exits or model.exit_family or model.kernels:
        return None
    if model.sections or model.inputs is not None:
        return None
    (node,) = task.spec.nodes
    services = {found.system.processors[place].service for place in node.eligible}
    if "run-to-completion" not in services and not model.batch and not model.split:
        length = _as_written(found, task)
        if length is not None and length >= count:
            parts = [exact(length * (each + 1) // count - length * each // count) for each in range(count)]
            return [tasks.setting(task, "regions", parts)]
    return _nodes(found, tasks, task, node, count)


def _as_written(found: Verification, task: FileTask) -> int | None:
    """Its time as the file gives it, which its regions sum to; None where it is not one."""
    if task.model.wcet is not None:
        given = set(task.model.wcet.values())
        return given.pop() if len(given) == 1 else None
    (node,) = found.loaded.lower().tasks[task.spec.index].nodes
    given = {time for time in node.times if time is not None}
    return given.pop() if len(given) == 1 else None


def _nodes(found: Verification, tasks: FileTasks, task: FileTask, node: NodeSpec, count: int) -> list[str] | None:
    """The task as a row of nodes: its network cut by its operators, where they are known, else equal pieces."""
    use = task.model.network
    if use is not None:
        name = use if isinstance(use, str) else use.network
        given = {} if isinstance(use, str) else use.model_dump(mode="json", exclude_unset=True)
        try:
            catalogue.find_network(name)
        except InputError:
            pass
        else:
            if not isinstance(use, NetworkUse) or not use.is_cut:
                return [tasks.setting(task, "network", {**given, "network": name, "partition": count})]
    if task.model.regions or node.fastest < count:
        return None
    names = [f"{task.name[:60]}_{number + 1}" for number in range(count)]
    if task.model.wcet is not None and ANY not in task.model.wcet:
        times: dict[str, int] = dict(task.model.wcet)
    elif task.model.wcet is not None:
        times = {ANY: task.model.wcet[ANY]} | {key: value for key, value in task.model.wcet.items() if key != ANY}
    else:
        times = _by_cluster(found, node)
    nodes = {
        name: {
            "wcet": {
                key: exact(max(1, value * (number + 1) // count - value * number // count))
                for key, value in times.items()
            },
            "origin": TARGET,
        }
        for number, name in enumerate(names)
    }
    edges = [{"from": first, "to": then} for first, then in pairwise(names)]
    settings = [tasks.setting(task, key, None) for key in ("wcet", "network", "origin")]
    return [*settings, tasks.setting(task, "graph", {"nodes": nodes, "edges": edges})]


def _by_cluster(found: Verification, node: NodeSpec) -> dict[str, int]:
    """The times of a node by cluster."""
    return {found.system.processors[place].cluster: node.times[place] or 0 for place in node.eligible}
