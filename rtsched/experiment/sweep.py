"""The front door of studies: systems x policies x seeds, in many processes, into a database from which it goes on."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rtsched import __version__, api
from rtsched.errors import InputError
from rtsched.experiment import arrays, cluster
from rtsched.experiment.arrays import Block
from rtsched.experiment.bench import Bench, Item
from rtsched.experiment.limit import SECOND
from rtsched.experiment.outline import Outline, code_digest, digest
from rtsched.experiment.places import Places
from rtsched.experiment.policies import choices, modules_of, source_of
from rtsched.experiment.pool import Crew, Processes, Spread
from rtsched.experiment.results import Results
from rtsched.experiment.rounds import Counted, Look, Progress, rounds
from rtsched.experiment.store import Row, Store
from rtsched.experiment.study import MOST_RUNS, Study, of_document, of_mapping
from rtsched.metrics.metric import wanted
from rtsched.model.config import change
from rtsched.model.document import read_yaml
from rtsched.model.overrides import parse_override
from rtsched.registry import POLICIES, REGISTRY
from rtsched.units import format_duration

if TYPE_CHECKING:
    from rtsched.model.taskgraph import SystemSpec

#: Things by kind and name, as the registry has them.
Named = dict[tuple[str, str], Callable[..., Any]]
#: Runs whose rows are written together.
AT_ONCE = 2_000
#: Seconds after which a row that is done is written.
SOON = 0.5


def sweep(
    study: str | Path | Mapping[str, Any] | Study | None = None,
    /,
    *,
    database: str | Path | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    look: Look | None = None,
    again: Iterable[str] = (),
    overrides: Sequence[str] = (),
    **keys: Any,
) -> Results:
    """Do a study, or the rest of it, and return what came of it.

    `study` is a file, a mapping of what a file holds, or left out; further `keys` (``sets=100``), or `overrides` as
    texts (``"axes.generate.tasks=[5, 10]"``), are set in it. Rows go into `database` as they come, and what is there is
    not run again, but for what ended as `again` says ("error", "timeout"); without one they are kept in memory. `jobs`
    processes share the work (default: one per CPU), or any `executor` does; neither changes the answer. `look` is told
    how many points were looked at, of how many, before anything runs; `progress` then how many runs are done, of how
    many, and how many of those came to nothing. Raises InputError before anything runs where something cannot be meant,
    and SoundnessError where a run beats a proof.
    """
    folder = Path(study).parent if isinstance(study, str | Path) else None
    found, places = _study(study, overrides, keys)
    with places.at("policies"):
        named = choices(found.policies, code=folder is None or "policies" in keys)
    with places.at("metrics"):
        wanted(found.measured, code=folder is None or "metrics" in keys)
    bench = Bench(found, named, found.points(), folder, trusted=folder is None)
    outline = survey(bench, places, kept=database is not None, look=look)
    store = Store(None if database is None else Path(database))
    store.begin(outline)
    for status in [again] if isinstance(again, str) else again:
        if status not in ("error", "timeout"):
            raise InputError(f"again: {status!r} is neither 'error' nor 'timeout'")
        store.forget(status)  # type: ignore[arg-type]
    fill(bench, outline, store, crew(executor, jobs), progress)
    return Results(outline, store)


def _study(study: Any, overrides: Sequence[str], keys: dict[str, Any]) -> tuple[Study, Places]:
    """The study, with some of its keys set anew, and where the others stand."""
    places = Places()
    if isinstance(study, str | Path):
        document = read_yaml(study)
        found = of_document(document, overrides)
        places = Places(document, {*keys, *(parse_override(text).path.split(".")[0] for text in overrides)})
    else:
        found = study if isinstance(study, Study) else of_mapping({**(study or {}), **keys})
        if overrides:
            found = change(found, [parse_override(text) for text in overrides])
    if not keys:
        return found, places
    return Study.model_validate({**{name: getattr(found, name) for name in found.model_fields_set}, **keys}), places


def crew(executor: Executor | None, jobs: int | None) -> Crew | None:
    """Who works: an executor, so many processes, or nobody but this one."""
    if executor is not None:
        if jobs is not None:
            raise InputError("'jobs' (-j) has no effect on workers of an executor, or of Dask; leave it out")
        return Crew(executor, _workers(executor))
    count = jobs or os.cpu_count() or 1
    return None if count == 1 else Processes(count)


def _workers(executor: Any) -> int:
    """How many workers an executor has, as far as it says so."""
    return int(getattr(executor, "_max_workers", 0) or cluster.workers(executor) or os.cpu_count() or 1)


# ---- before anything runs --------------------------------------------------------------------------------------------


def survey(bench: Bench, places: Places | None = None, *, kept: bool = False, look: Look | None = None) -> Outline:
    """Look at every point once: what cannot be meant is refused now, what is to know is noted. Raises InputError.

    Rows that are `kept` need fingerprints of all that they depend on.
    """
    study, places = bench.study, places or Places()
    with places.at("tests"):
        arrays.check(study)
    measures = wanted(study.measured)
    runs = len(bench.points) * study.count * (len(bench.choices) + len(study.tests)) * len(study.numbers)
    if runs > MOST_RUNS:
        raise InputError(f"{runs:,} runs are more than anybody waits for ({MOST_RUNS:,}); take fewer sets or seeds")
    contents, notes = [], {}
    for point in bench.points:
        with places.at_point(study, point):
            loaded = bench.load(point, 0)
            spec = loaded.lower()
            arrays.check_point(bench, point)
            contents.append(_content(bench, point, loaded, spec) if kept else str(point.index))
        notes.update(dict.fromkeys(spec.assumed))
        for choice in bench.choices:
            own = choice.own and loaded.document is not None
            with places.at_point(study, point) if choice.own else places.at("policies"):
                made = api.scheduler_of(loaded, None) if own else _made(bench, choice, loaded)
            notes.update(dict.fromkeys(api.without_effect(loaded.system, made, spec)))
        if look is not None:
            look(point.index + 1, len(bench.points))
    metrics = [[each.name, source_of(each.function)] for each in measures]
    code = code_digest() if kept else ""
    seed = study.seed if study.generate is not None else None
    asked = [study.do, metrics, study.per_task, study.stop.first_miss, study.until, study.timeout, seed]
    return Outline(
        name=study.name,
        axes=tuple(study.axes),
        points=tuple(tuple(map(_shown, point.shown)) for point in bench.points),
        contents=tuple(contents),
        policies=(*(choice.label for choice in bench.choices), *study.tests),
        fingerprints=(*(digest(choice.fingerprint()) for choice in bench.choices), *map("test {}".format, study.tests)),
        tests=len(study.tests),
        sets=study.count,
        seeds=study.numbers,
        metrics=study.measured,
        measures=tuple((each.name, each.title, each.unit, each.better) for each in measures),
        do=study.do,
        base=digest([__version__, code, *asked]),
        study=_described(study, bench),
        notes=tuple(notes),
        code=code,
    )


def _made(bench: Bench, choice: Any, loaded: api.Loaded) -> Any:
    if choice.own:
        return api.scheduler(loaded.system.scheduler, code=bench.trusted)
    return choice.make()


def _content(bench: Bench, point: Any, loaded: api.Loaded, spec: SystemSpec) -> str:
    """A fingerprint of what the systems of a point are made of."""
    from rtsched.verify.replay import dump

    platform = loaded.platform.model_dump(mode="json", by_alias=True)
    if bench.study.generate is None:
        options = loaded.system.simulate.model_dump(mode="json")
        found = [_named(dump(spec)), platform, options, loaded.system.scheduler]
        if bench.study.do != "simulate" and loaded.system.wcet is None:  # proofs take the largest times measured
            largest = loaded.lower(largest=True)
            found += [] if largest.tasks == spec.tasks else [_named(dump(largest))]
        return digest(found)
    parameters = bench.parameters(point)
    overrides = [(each.path, each.value) for each in bench.overrides(point)]
    tables = [] if parameters.networks is None else parameters.networks.tables()
    drawn = [parameters.model_dump(mode="json", by_alias=True), platform, overrides, tables, _named(dump(spec))]
    suspended = bench.study.suspended(point)
    return digest(drawn if suspended is None else [*drawn, suspended.model_dump()])


def _named(value: Any) -> Any:
    """Plain data whose mappings have names for keys: the links of a copy go by two clusters."""
    if isinstance(value, dict):
        return {str(key) if isinstance(key, tuple) else key: _named(each) for key, each in value.items()}
    return [_named(each) for each in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    """The value of an axis as plain data."""
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)


def _described(study: Study, bench: Bench) -> dict[str, Any]:
    """The study as plain data, for whoever reads the database."""
    told = {name: getattr(study, name) for name in sorted(study.model_fields_set) if name not in ("policies", "system")}
    found = Study.model_validate(told | {"system": "?"} if study.generate is None else told)
    data = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if study.generate is None:
        data["system"] = study.system if isinstance(study.system, str) else "(made in Python)"
    return data | {"policies": [choice.label for choice in bench.choices]}


# ---- the runs --------------------------------------------------------------------------------------------------------


def fill(bench: Bench, outline: Outline, store: Store, crew: Crew | None, progress: Progress | None) -> None:
    """Run what the store lacks; a row is in it within a second."""
    counted = Counted(outline, progress)
    written = _Written(outline, store)
    try:
        for items in rounds(bench, outline, store, counted):
            for rows in _done(bench, items, crew):
                written.add(rows)
                counted.add(rows)
            written.flush()
    finally:
        try:
            written.flush()
            counted.agree(written.count())
        finally:
            if crew is not None:
                crew.close()


class _Written:
    """Rows on their way into the store: every commit waits for the disk, so several are written together."""

    def __init__(self, outline: Outline, store: Store) -> None:
        self.outline, self.store = outline, store
        #: How many are written, and the keys of those that are just being written: an interruption may come in between.
        self.state: tuple[int, list[bytes]] = 0, []
        self.rows: list[Row] = []
        self.last = time.monotonic()

    def add(self, rows: list[Row]) -> None:
        """Rows that are done."""
        self.rows += rows
        if len(self.rows) > AT_ONCE or time.monotonic() > self.last + SOON:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        rows, self.rows = self.rows, []
        if rows:
            keys = [self.outline.key(row.run) for row in rows]
            self.state = self.count(), keys
            self.store.add(zip(keys, rows, strict=True))
            self.state = self.state[0] + len(rows), []
        self.last = time.monotonic()

    def count(self) -> int:
        """How many rows are in the store."""
        done, keys = self.state
        return done + len(keys) - len(self.store.missing(keys)) if keys else done


def _done(bench: Bench, items: Iterator[Item | Block], crew: Crew | None) -> Iterator[list[Row]]:
    """The rows of items, as they come."""
    if crew is None:
        yield from map(Worker(bench, None), items)
        return
    patience = bench.study.timeout / SECOND or None
    named = None
    if not crew.inherits:
        known = REGISTRY.imported | REGISTRY.own
        named = {key: thing for key, thing in known.items() if key[0] in (*POLICIES, "metric")}
        crew.modules = _modules(bench, named)
    for part in Spread(Worker(bench, named), crew, partial(_lost, bench), _pieces, patience).run(items):
        yield [row for rows in part for row in rows]


def _modules(bench: Bench, named: Named) -> dict[str, ModuleType]:
    """The user's own modules that policies and metrics are made of."""
    kinds = [choice.what if isinstance(choice.what, type) else type(choice.what) for choice in bench.choices]
    parts = [type(part) for choice in bench.choices if not choice.own for part in choice.make().parts()]
    found: dict[str, ModuleType] = {}
    for thing in (*kinds, *parts, *named.values()):
        found |= modules_of(thing)
    return found


class Worker:
    """What is sent to the workers: all rows of an item; `named` in other places, what names mean here."""

    def __init__(self, bench: Bench, named: Named | None) -> None:
        self.bench, self.named = bench, named
        self.home = _process()
        self.code = "" if named is None else code_digest()

    def __call__(self, item: Item | Block) -> list[Row]:
        if self.named is not None:
            self._arrive(self.named)
            self.named = None  # once is enough
        return arrays.rows(self.bench, item) if isinstance(item, Block) else self.bench.work(item)

    def _arrive(self, named: Named) -> None:
        if self.home == _process():
            return
        if self.code != code_digest():
            raise InputError("a worker has another version of rtsched; install the same one everywhere")
        REGISTRY.own.update(named)


def _process() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _lost(bench: Bench, item: Item | Block, seconds: float) -> list[Row]:
    """The rows of an item whose worker dies each time; with a limit of time, also because it did not heed that."""
    limit = bench.study.timeout
    if limit and seconds * SECOND > limit:
        why = f"took longer than {format_duration(limit)}, and had to be killed"
        return [Row(run, "timeout", f"{bench.who(run)}{why}") for run in item.runs]
    why = "the process that ran it was killed each time (is there enough memory?)"
    return [Row(run, "error", f"{bench.who(run)}{why}") for run in item.runs]


def _pieces(item: Item | Block) -> list[Item | Block]:
    """An item by policies: who kills workers is one of them."""
    policies = dict.fromkeys(run.policy for run in item.runs)
    return [replace(item, runs=tuple(run for run in item.runs if run.policy == policy)) for policy in policies]
