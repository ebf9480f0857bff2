"""A counterexample as a system file: the file that was analysed, with the phases and times of the run that missed.

Everything of the file is kept: the scheduler, graphs, variants, faults, the chip. What is written is run first: a file
that did not show the same miss would be no counterexample.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.errors import InputError, RtschedError
from rtsched.files import write_whole
from rtsched.model import catalogue
from rtsched.model.base import LONGEST_ID
from rtsched.model.config import to_yaml
from rtsched.model.origin import Origin, Provenance
from rtsched.model.platform import Platform
from rtsched.model.system import JobModel, Simulate, System, instance_names
from rtsched.model.task import Task
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.verify.observation import BrokenChain, Counterexample
from rtsched.verify.verification import Verification

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace


#: What has to be the same of a job in a run from a file.
TOLD = ("task", "arrival", "release", "deadline", "finish", "outcome")


def witness(found: Verification) -> str:
    """The counterexample of a verification as a system file: ``rtsched run`` shows the miss again.

    A missed deadline goes before a chain that does not keep what is required of it. Raises InputError where none was
    found, or where no file says what the run was.
    """
    counter = found.counterexample or found.broken
    if counter is None:
        raise InputError(f"no counterexample of {found.system.name!r} was found; more --runs look further")
    text = to_yaml(_described(found, counter))
    problem = _problem(text, counter)
    if problem:
        raise InputError(
            f"the counterexample ({counter.run}, seed {counter.seed}) cannot be written as a file of its own: "
            f"{problem}; `rtsched report` shows it"
        )
    return text


def _problem(text: str, counter: Counterexample | BrokenChain) -> str:
    """Why the file does not show the miss of the counterexample; nothing if it does."""
    trace = rerun(text)
    if isinstance(trace, str):
        return trace
    job = counter.trace.jobs[counter.job]
    if counter.job < len(trace.jobs):
        again = trace.jobs[counter.job]
        if all(again[name] == job[name] for name in TOLD):
            return ""
    return f"run again from a file, {counter.task!r} has another finish"


def rerun(text: str) -> Trace | str:
    """The run that a system file describes; why there is none."""
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "miss.yaml"
            try:
                write_whole(path, text)
                return api.simulate(str(path))
            except RtschedError as error:
                return str(error).split("\n", 1)[0].removeprefix(f"{path}:")
    except OSError as error:
        return f"there is no room for it to be tried: {error.strerror}"


def _described(found: Verification, counter: Counterexample | BrokenChain) -> System:
    """The system as it was described, with what the counterexample fixes."""
    why = f"{counter}; found by rtsched analyse"
    return as_run(found.loaded, found.description, counter.trace, "miss", why)


def as_run(loaded: api.Loaded, description: dict[str, Any], trace: Trace, suffix: str, why: str) -> System:
    """The system as it was described, with what a run of it fixes: phases, arrivals, execution times, seed."""
    described, spec = loaded.system, trace.system
    tasks = tuple(_task(task, name, spec) for task in described.tasks for name in instance_names(task))
    return described.model_copy(
        update={
            "name": f"{described.name}_{suffix}",
            "title": None,
            "why": why,
            "platform": _platform(loaded),
            "scheduler": description,
            "simulate": Simulate(until=trace.until, seed=trace.seed),
            "tasks": tasks,
            "jobs": tuple(_job(task, spec) for task in spec.tasks[len(tasks) :]),
            "notes": (),
            "sources": {},
            "chosen": (),
            "assumed": (),
            "wcet": described.wcet or ("max" if any(task.origins for task in spec.tasks) else None),
        }
    )


def _platform(loaded: api.Loaded) -> str | Platform:
    """The platform by its name in the catalogue, or whole where it has none."""
    named = loaded.system.platform
    if isinstance(named, str) and not catalogue.is_path(named):
        try:
            if catalogue.load_platform(named, None) == loaded.platform:
                return named
        except InputError:
            pass
    return loaded.platform


def _task(task: Task, name: str, system: SystemSpec) -> Task:
    """One instance of a task as it was in the run."""
    spec = next(each for each in system.tasks if each.name == name)
    changes: dict[str, Any] = {
        "name": name,
        "id": None if task.id is None else f"{task.id}{name.removeprefix(task.name)}"[:LONGEST_ID],
        "instances": 1,
        "priority": spec.priority,
        "offset": spec.offset,
        "jitter": spec.jitter,
        "arrival": spec.arrival,
        "execution": spec.execution,
        "sources": {},
        "assumed": (),
    }
    if task.after is not None and spec.after is not None:
        changes["after"] = task.after.model_copy(update={"task": system.tasks[spec.after].name})
    return task.model_copy(update=changes | _times(task, spec, system.processors))


def _times(task: Task, spec: TaskSpec, processors: tuple[ProcessorSpec, ...]) -> dict[str, Any]:
    """The execution times of looked-up networks as figures: whoever has the file needs no tables, and no other ones."""
    if all(origin.statistic in ("", "typical") for origin in spec.origins):
        return {}
    if task.graph is not None:
        nodes = {
            name: model if model.network is None else model.model_copy(update=_figures(node, processors))
            for (name, model), node in zip(task.graph.nodes.items(), spec.nodes, strict=False)
        }
        return {"graph": task.graph.model_copy(update={"nodes": nodes})}
    if task.network is not None and len(spec.nodes) == 1 and task.variants is None:
        return _figures(spec.nodes[0], processors)
    return {}


def _figures(node: NodeSpec, processors: tuple[ProcessorSpec, ...]) -> dict[str, Any]:
    origins = {processors[place].name: node.origins[place] for place in node.eligible if node.origins}
    return {
        "network": None,
        "wcet": {processors[place].name: node.times[place] for place in node.eligible},
        "origin": {name: _stated(origin) for name, origin in origins.items() if origin is not None} or None,
    }


def _stated(origin: Origin) -> Provenance:
    """Where a time is from, for a file: of a percentile whose runs nobody counted it is only known that it is usual."""
    kind = "typical" if origin.basis == "percentile" else origin.basis
    factor = None if origin.margin == 1 else origin.margin
    return Provenance(
        kind=kind,
        n=origin.n,
        margin=factor,
        reason=None if factor is None else f"asked for: wcet {origin.statistic}",
        date=origin.date or None,
        document=f"{origin.text[:400]}; {origin.row}" if origin.row else origin.text[:400],
    )


def _job(spec: TaskSpec, system: SystemSpec) -> JobModel:
    """An explicit job with its absolute times."""
    release = spec.release or 0
    times = {system.processors[place].name: spec.nodes[0].times[place] or 1 for place in spec.nodes[0].eligible}
    return JobModel(
        name=spec.name, release=release, wcet=times, deadline=release + spec.deadline, priority=spec.priority
    )
