"""Schedulability tests of many drawn sets at once, as arrays: curves beside the simulated ones at hardly any cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.outline import Run
from rtsched.experiment.store import Row
from rtsched.schedulability.search import batch
from rtsched.schedulability.search.batch import LATE, TaskSets

if TYPE_CHECKING:
    from rtsched.experiment.bench import Bench
    from rtsched.experiment.study import Study

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
TESTS = (*ONE, *SEVERAL)
#: What a drawn set may be asked to have for these tests to speak of it.
SPOKEN_OF = {
    "deadlines", "jitter", "offsets", "periods", "platform", "scheduler", "simulate", "tasks", "total_utilisation",
    "utilisation", "utilisations",
}  # fmt: skip


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
        return
    if study.generate is None:
        raise InputError("tests: tests over arrays are of drawn sets ('generate'); write 'do: analyse' for a system")
    asked = set(study.generate) | {
        name.split(".")[1] if name.startswith("generate.") else name for name in (*study.axes, *study.set)
    }
    if study.platform is not None:
        asked.add("platform")
    unspoken = sorted(asked - SPOKEN_OF)
    if unspoken:
        raise InputError(
            f"tests: tests over arrays know nothing of {', '.join(map(repr, unspoken))}; leave it out, or write "
            "'do: analyse' instead of 'tests'"
        )


def rows(bench: Bench, block: Block) -> list[Row]:
    """What the tests say of the systems of a block: each proven or not."""
    numbers = sorted({run.set for run in block.runs})
    documents = {number: bench.document(bench.points[block.point], number) for number in numbers}
    loaded = bench.load(bench.points[block.point], numbers[0])
    m = _processors(loaded.platform)
    described = [list(_tasks(documents[number])) for number in numbers]
    found: list[Row] = []
    answers: dict[int, dict[int, bool]] = {}
    for policy in sorted({run.policy for run in block.runs}):
        test = bench.study.tests[policy - len(bench.choices)]
        accepted = _accepted(test, described, m)
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


def _accepted(test: str, described: list[list[tuple[int, int, int, int]]], m: int) -> list[bool]:
    """Which of the sets a test accepts; sets of different sizes go by themselves."""
    import numpy as np

    found = [False] * len(described)
    for size in sorted({len(tasks) for tasks in described}):
        places = [place for place, tasks in enumerate(described) if len(tasks) == size]
        columns = np.array([described[place] for place in places], np.int64)
        sets = batch.dm_order(TaskSets(*(columns[:, :, each] for each in range(4))))
        if test in SEVERAL:
            answer = SEVERAL[test](sets, m)
        elif m > 1:
            raise InputError(f"tests: {test} is of one processor, and the platform has {m}")
        else:
            answer = ONE[test](sets)
        good = answer if answer.ndim == 1 else (answer != LATE).all(axis=1)
        for place, accepted in zip(places, good.tolist(), strict=True):
            found[place] = accepted
    return found
