"""Schedulability tests of many drawn sets at once, as arrays: curves beside the simulated ones at hardly any cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.outline import Run
from rtsched.experiment.store import Row
from rtsched.generate.streams import stream
from rtsched.schedulability.models import Dag, DagTask, Order, TypedPools, Vertex
from rtsched.schedulability.search import batch, batch_graphs, batch_suspension
from rtsched.schedulability.search.batch import LATE, TaskSets
from rtsched.schedulability.search.batch_graphs import GraphSets
from rtsched.schedulability.search.batch_suspension import SuspendingSets

if TYPE_CHECKING:
    from rtsched.experiment.bench import Bench
    from rtsched.experiment.study import Point, Study

#: The tests of one processor, and those of several; fixed priorities are deadline-monotonic.
ONE: dict[str, Callable[[TaskSets], Any]] = {
    "edf-qpa": batch.edf_qpa,
    "fp-rta": batch.fp_rta,
    "hyperbolic": batch.hyperbolic,
    "liu-layland": batch.liu_layland,
    "np-edf": batch.np_edf,
    "np-fp-rta": batch.np_fp_rta,
}
SEVERAL: dict[str, Callable[[TaskSets, int], Any]] = {
    "bcl": batch.bcl,
    "gfb": batch.gfb,
    "global-rta": batch.global_rta,
}
#: Those of tasks that suspend themselves, on one processor; and those of graphs, with the order that they are about.
SUSPENDING: dict[str, Callable[[SuspendingSets], Any]] = {
    "edf-suspension": batch_suspension.edf_suspension,
    "self-suspension": batch_suspension.self_suspension,
    "suspension-framework": batch_suspension.suspension_framework,
    "suspension-oblivious": batch_suspension.suspension_oblivious,
}
GRAPHS: dict[str, tuple[Order, Callable[[GraphSets], Any]]] = {
    "a6-edf": ("EDF", batch_graphs.a6_edf),
    "a6-fp": ("FP", batch_graphs.a6_fp),
    "a6-work-conserving": ("any", batch_graphs.a6_work_conserving),
    "melani-edf": ("EDF", batch_graphs.melani),
    "melani-fp": ("FP", batch_graphs.melani),
}
TESTS = (*ONE, *SEVERAL, *SUSPENDING, *GRAPHS)
#: What a drawn set may be asked to have for these tests to speak of it; `jitter` is for those of plain tasks alone.
SPOKEN_OF = {
    "deadlines", "offsets", "periods", "platform", "scheduler", "simulate", "suspensions", "tasks", "total_utilisation",
    "utilisation", "utilisations",
}  # fmt: skip
#: What those of tasks that suspend themselves, of graphs, and of neither can make use of besides.
MORE = {"suspending": {"suspensions"}, "graphs": {"graph"}, "plain": {"jitter"}}


@dataclass(frozen=True)
class Block:
    """Some systems of a point, and which tests of them are wanted."""

    point: int
    runs: tuple[Run, ...]


def check(study: Study) -> None:
    """Refuse a study whose systems the wanted tests do not speak of. Raises InputError."""
    for name in study.tests:
        if name not in TESTS:
            raise InputError(f"tests: no test over arrays is called {name!r}; known: {', '.join(TESTS)}")
    if not study.tests:
        if "suspensions" in asked_of(study):
            raise InputError("suspensions: only tests over arrays know of them; name some in 'tests', or leave it out")
        return
    if study.generate is None:
        raise InputError("tests: tests over arrays are of drawn sets ('generate'); write 'do: analyse' for a system")
    asked = asked_of(study)
    kinds = {
        name: "suspending" if name in SUSPENDING else "graphs" if name in GRAPHS else "plain" for name in study.tests
    }
    for name, kind in kinds.items():
        for key in sorted(set().union(*MORE.values())):
            if (key in asked) != (key in MORE[kind]) and (key in asked or kind != "plain"):
                where = key if key == "suspensions" else f"generate: {key}"
                raise InputError(
                    f"tests: {name} knows nothing of {where!r}; name tests that do, in a study of their own"
                    if key in asked
                    else f"tests: {name} is of sets that have {where!r}; add it"
                )
    if "suspensions" in asked and study.policies not in ((), [], {}):
        raise InputError(
            "suspensions: what is simulated or analysed does not suspend itself, only tests over arrays know of it; "
            "write 'policies: []'"
        )
    spoken = SPOKEN_OF | set().union(*(MORE[kind] for kind in kinds.values()))
    unspoken = sorted(asked - spoken)
    if unspoken:
        raise InputError(
            f"tests: tests over arrays know nothing of {', '.join(map(repr, unspoken))}; leave it out, or write "
            "'do: analyse' instead of 'tests'"
        )


def asked_of(study: Study) -> set[str]:
    """What a study says of its systems, by the names of the keys."""
    asked = set(study.generate or ()) | {
        name.split(".")[1] if name.startswith("generate.") else name for name in (*study.axes, *study.set)
    }
    for key in ("platform", "suspensions"):
        if getattr(study, key) is not None:
            asked.add(key)
    return asked


def check_point(bench: Bench, point: Point) -> None:
    """Refuse a point whose systems the wanted tests do not speak of. Raises InputError."""
    span = bench.study.suspended(point)
    if span is not None and not span.most:
        raise InputError("suspensions: 'most' is 0: tests of tasks that suspend themselves say nothing then; raise it")


def rows(bench: Bench, block: Block) -> list[Row]:
    """What the tests say of the systems of a block: each proven or not."""
    numbers = sorted({run.set for run in block.runs})
    documents = {number: bench.document(bench.points[block.point], number) for number in numbers}
    loaded = bench.load(bench.points[block.point], numbers[0])
    m = _processors(loaded.platform)
    sets = _Sets(bench, bench.points[block.point], documents, m)
    found: list[Row] = []
    answers: dict[int, dict[int, bool]] = {}
    for policy in sorted({run.policy for run in block.runs}):
        test = bench.study.tests[policy - len(bench.choices)]
        accepted = sets.accepted(test)
        answers[policy] = dict(zip(numbers, accepted, strict=True))
    for run in block.runs:
        load = float(documents[run.set]["generated"]["reached"])
        proven = float(answers[run.policy][run.set])
        found.append(Row(run, "ok", "", {"utilisation": load, "proven": proven}, random=False))
    return found


def _processors(platform: Any) -> int:
    """How many processors there are, if all are equal. Raises InputError."""
    clusters = list(platform.processors.values())
    if len(clusters) != 1:
        raise InputError("tests: tests over arrays are of equal processors; name a platform of one cluster")
    return int(clusters[0].cores)


def _tasks(document: Mapping[str, Any]) -> Iterator[tuple[int, int, int, int]]:
    """Execution time, period, deadline and jitter of the tasks of a drawn system, in ns."""
    for task in document["tasks"]:
        wcet = task["wcet"]
        time = next(iter(wcet.values())) if isinstance(wcet, Mapping) else wcet
        gap = task.get("period") or task["arrival"]["min"]
        yield time, gap, task.get("deadline", gap), task.get("jitter", 0)


class _Sets:
    """The drawn sets of a block in the forms that tests take."""

    def __init__(self, bench: Bench, point: Point, documents: Mapping[int, Mapping[str, Any]], m: int) -> None:
        self.bench, self.point, self.documents, self.m = bench, point, documents, m

    def accepted(self, test: str) -> list[bool]:
        """Which of the sets a test accepts; sets of different sizes go by themselves."""
        import numpy as np

        if test in ONE or test in SUSPENDING:
            if self.m > 1:
                raise InputError(f"tests: {test} is of one processor, and the platform has {self.m}")
        found = [False] * len(self.documents)
        for places, given in self._graphs(test) if test in GRAPHS else self._plain(test in SUSPENDING):
            if isinstance(given, GraphSets):
                answer = GRAPHS[test][1](given)
            elif isinstance(given, SuspendingSets):
                answer = SUSPENDING[test](given)
            else:
                answer = SEVERAL[test](given, self.m) if test in SEVERAL else ONE[test](given)
            good = answer if answer.ndim == 1 else (answer != LATE).all(axis=1)
            for place, accepted in zip(places, np.asarray(good).tolist(), strict=True):
                found[place] = accepted
        return found

    @cached_property
    def _described(self) -> list[list[tuple[int, int, int, int]]]:
        return [list(_tasks(document)) for document in self.documents.values()]

    def _plain(self, suspending: bool) -> Iterator[tuple[list[int], TaskSets | SuspendingSets]]:
        import numpy as np

        for size in sorted({len(tasks) for tasks in self._described}):
            places = [place for place, tasks in enumerate(self._described) if len(tasks) == size]
            columns = np.array([self._described[place] for place in places], np.int64)
            sets = TaskSets(*(columns[:, :, each] for each in range(4)))
            if not suspending:
                yield places, batch.dm_order(sets)
                continue
            parts = np.array([self._parts(number, size) for number in np.array(list(self.documents))[places].tolist()])
            S = np.maximum(1, np.floor(parts * np.maximum(sets.T - sets.C, 0))).astype(np.int64)
            yield places, SuspendingSets(sets, S).sorted_by(sets.D)

    def _parts(self, number: int, size: int) -> Any:
        """Which part of what its period leaves each task of a set suspends itself; the same draws whatever the span."""
        span = self.bench.study.suspended(self.point)
        assert span is not None
        random = stream("suspensions", self._content, self.bench.study.seed, number)
        return span.least + (span.most - span.least) * random.random(size)

    @cached_property
    def _content(self) -> str:
        return str(self.bench.parameters(self.point).content)

    @cached_property
    def _dags(self) -> list[tuple[DagTask, ...]]:
        return [tuple(_graph_tasks(document)) for document in self.documents.values()]

    def _graphs(self, test: str) -> Iterator[tuple[list[int], GraphSets]]:
        order = GRAPHS[test][0]
        for size in sorted({len(tasks) for tasks in self._dags}):
            places = [place for place, tasks in enumerate(self._dags) if len(tasks) == size]
            models = (TypedPools(self._dags[place], {"cpu": self.m}, order) for place in places)
            yield places, GraphSets(tuple(models))


def _graph_tasks(document: Mapping[str, Any]) -> list[DagTask]:
    """The tasks of a drawn system of graphs, the shortest deadline first."""
    found = []
    for task in document["tasks"]:
        nodes = task["graph"]["nodes"]
        places = {name: place for place, name in enumerate(nodes)}
        times = (node["wcet"] for node in nodes.values())
        vertices = tuple(
            Vertex(name, next(iter(time.values())) if isinstance(time, Mapping) else time, "cpu")
            for name, time in zip(nodes, times, strict=True)
        )
        edges = tuple((places[source], places[target]) for source, target in task["graph"]["edges"])
        gap = task.get("period") or task["arrival"]["min"]
        found.append(DagTask(task["name"], Dag(vertices, edges), gap, task.get("deadline", gap)))
    return sorted(found, key=lambda task: task.D)
