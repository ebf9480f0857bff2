"""What a worker does: make a system of a point, run each policy on it, prove what is asked for, say what came of it.

Everything here depends on the study and the numbers of the run alone, so that it may happen in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rtsched import api
from rtsched.engine.under_way import UnderWay
from rtsched.errors import InputError, RtschedError, SoundnessError
from rtsched.experiment.limit import OutOfTimeError, limited
from rtsched.experiment.measures import apart, may_differ
from rtsched.experiment.outline import Run
from rtsched.experiment.policies import Choice
from rtsched.experiment.store import Row
from rtsched.experiment.study import SOURCES, Point, Study
from rtsched.metrics.metric import evaluate, wanted
from rtsched.model.catalogue import is_path
from rtsched.model.overrides import Override, apply
from rtsched.model.system import System
from rtsched.registry import foreign
from rtsched.units import format_duration
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.metrics.metric import Metric
    from rtsched.model.platform import Platform
    from rtsched.model.policy import Policy
    from rtsched.schedulability.result import Verdict
    from rtsched.trace.trace import Trace

T = TypeVar("T")

#: The longest message of an error that is kept.
LONGEST = 600


@dataclass(frozen=True)
class Item:
    """One system of a point, and which runs of it are wanted."""

    point: int
    set: int
    runs: tuple[Run, ...]


@dataclass
class Bench:
    """A study as workers need it. A study out of a file may not name code: it could be a stranger's."""

    study: Study
    choices: tuple[Choice, ...]
    points: tuple[Point, ...]
    folder: Path | None = None
    trusted: bool = False

    def __post_init__(self) -> None:
        make_ready(self.study)
        self._at = -1
        self._parameters: Any = None
        self._platform: Platform | None = None
        self._loaded: api.Loaded | None = None
        self._system: _System | None = None
        self._measures: tuple[Metric, ...] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("study", "choices", "points", "folder", "trusted")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def measures(self) -> tuple[Metric, ...]:
        """What is measured of each run, looked up once."""
        if self._measures is None:
            self._measures = wanted(self.study.measured)
        return self._measures

    # ---- systems -----------------------------------------------------------------------------------------------------

    def load(self, point: Point, number: int) -> api.Loaded:
        """System `number` of a point. Raises InputError, which names the point."""
        try:
            if self._at != point.index:
                self._begin(point)
            return self._drawn(point, number) if self.study.generate is not None else self._named(point)
        except InputError as error:
            where = f"{point}, set {number}" if self.study.generate is not None else str(point)
            raise InputError(*(f"{where}: {text}" for text in error.problems)) from None

    def _named(self, point: Point) -> api.Loaded:
        """The system that the study names, with the values of the point."""
        if self._loaded is None:
            values = dict(point.values)
            source = values.get("system", self.study.system)
            board, overrides = self._board(values), self.overrides(point)
            if isinstance(source, str) and is_path(source) and self.folder is not None:
                source = str(self.folder / source)
            as_it_is = isinstance(source, api.Loaded) and board is None and not overrides
            self._loaded = source if as_it_is else api.load(source, platform=board, overrides=overrides)
        return self._loaded

    def _drawn(self, point: Point, number: int) -> api.Loaded:
        """A random system of the point; its platform is read, and validated, once."""
        document = self.document(point, number)
        if self._platform is None:
            self._platform = api.load(document, platform=self._board(dict(point.values))).platform
        return api.Loaded(System.model_validate(document), self._platform)

    def document(self, point: Point, number: int) -> dict[str, Any]:
        """What a system file of this random system would hold. Raises InputError."""
        from rtsched.generate import draw

        if self._at != point.index:
            self._begin(point)
        if self._parameters is None:
            self._parameters = self.parameters(point)
        document = draw(self._parameters, seed=self.study.seed, index=number)
        for override in self.overrides(point):
            document, _ = apply(document, override)
        return document

    def _begin(self, point: Point) -> None:
        """What is kept from now on is of this point."""
        self._at, self._parameters, self._platform, self._loaded = point.index, None, None, None
        self._system = None

    def parameters(self, point: Point) -> Any:
        """What the generator is asked for at a point. Raises InputError."""
        from rtsched.generate import Generate

        described: Any = self.study.generate
        for name, value in point.values:
            if name.startswith("generate."):
                described, _ = apply(described, _override(name.removeprefix("generate."), value))
        return Generate.model_validate(described)

    def _board(self, values: dict[str, Any]) -> Any:
        """The platform that the study puts in the place of the systems' own."""
        chosen = values.get("platform", self.study.platform)
        if isinstance(chosen, str) and chosen.endswith((".yaml", ".yml")) and self.folder is not None:
            return str(self.folder / chosen)
        return chosen

    def overrides(self, point: Point) -> list[Override]:
        """What the study sets in each of its systems."""
        varied = [(name, value) for name, value in point.values if name not in SOURCES]
        axes = [_override(name, value) for name, value in varied if not _generates(name)]
        return [*(_override(name, value, "set") for name, value in self.study.set.items()), *axes]

    # ---- runs --------------------------------------------------------------------------------------------------------

    def work(self, item: Item) -> list[Row]:
        """What became of each run of an item; where nothing was random, one seed speaks for all."""
        point = self.points[item.point]
        system = self._tried(item.runs[0], "", lambda: self._made(point, item.set))
        if isinstance(system, Row):
            return [replace(system, run=run) for run in item.runs]
        rows: list[Row] = []
        certain: dict[int, Row] = {}
        for run in item.runs:
            row = certain.get(run.policy)
            if row is None:
                row = self._tried(run, self.who(run), partial(self._run, system, run))
                if not row.random:
                    certain[run.policy] = row
            rows.append(row if row.run is run else replace(row, run=run))
        return rows

    def who(self, run: Run) -> str:
        """Whose run it is, as notes begin."""
        labels = [*(choice.label for choice in self.choices), *self.study.tests]
        return f"{labels[run.policy]}, seed {run.seed}: "

    def _made(self, point: Point, number: int) -> _System:
        """A system of a point, lowered; one that is not drawn is so once for all that is done with it."""
        if self.study.generate is not None:
            return _System(self, point, number)
        if self._at != point.index or self._system is None:
            made = _System(self, point, number)
            self._system = made
        return self._system

    def _tried(self, run: Run, who: str, action: Callable[[], T]) -> T | Row:
        """What an action gives; an error is a row, which says who was at it."""
        try:
            with limited(self.study.timeout):
                return action()
        except OutOfTimeError:
            return Row(run, "timeout", f"{who}took longer than {format_duration(self.study.timeout)}")
        except SoundnessError:
            raise
        except RtschedError as error:
            return Row(run, "error", cut(f"{who}{error}", LONGEST))
        except MemoryError:
            return Row(run, "error", f"{who}there was not enough memory")
        except (Exception, SystemExit) as error:
            place = foreign(error)
            if place is None:
                raise
            what = cut(f"{type(error).__name__}: {error}", LONGEST)
            return Row(run, "error", f"{who}{place}: {what}; this is not rtsched's code: mend it there")

    def _run(self, system: _System, run: Run) -> Row:
        choice = self.choices[run.policy]
        values: dict[str, float | None] = dict(system.about)
        trace = figures = analysis = None
        verdict: Verdict = "unknown"
        if self.study.do != "analyse":
            trace = system.simulate(choice, run.seed)
            figures = _figures(trace)
            measured = evaluate(trace, self.measures, figures)
            values |= apart(measured, figures) if may_differ(self.study) else measured
        if self.study.do == "analyse" and not self.study.per_task:
            verdict = system.judge(choice)
        elif self.study.do != "simulate":
            analysis = system.prove(choice)
            verdict = analysis.verdict
        if self.study.do != "simulate":
            values["proven"] = float(verdict == "schedulable")
            values["refuted"] = float(verdict == "unschedulable")
            if trace is not None:
                system.contradict(analysis, trace, choice)
        tasks = tuple(_per_task(system, figures, analysis)) if self.study.per_task else ()
        return Row(run, "ok", "", values, tasks, trace is not None and trace.random)


def _generates(name: str) -> bool:
    return name.startswith("generate.")


def _override(path: str, value: Any, key: str = "axis") -> Override:
    return Override(path, value, f"{path}={value}", key)


def _figures(trace: Trace) -> Summary:
    from rtsched.metrics.summary import summary

    return summary(trace)


class _System:
    """One system of a study, lowered once for all policies and seeds."""

    def __init__(self, bench: Bench, point: Point, number: int) -> None:
        self.bench = bench
        self.loaded = bench.load(point, number)
        self.about = reached(self.loaded)
        study = bench.study
        if study.do != "analyse":
            self.prepared = replace(api.prepare(self.loaded, study.until), trusted=bench.trusted)
            self.kept = study.do == "both" or any(each.reads_trace(self.prepared.spec) for each in bench.measures)
        if study.do != "simulate":
            self.proving = self.loaded.lower(largest=True)

    def simulate(self, choice: Choice, seed: int) -> Trace:
        """One run."""
        scheduler = self.prepared.scheduler(api.OWN) if choice.own else choice.make()
        watch = UnderWay.end_at_miss if self.bench.study.stop.first_miss else None
        return self.prepared.run(scheduler, seed, trace=self.kept, watch=watch)

    def prove(self, choice: Choice) -> Any:
        """What is proven of it."""
        from rtsched.schedulability.analyse import analyse

        return analyse(self.proving, self._policy(choice), declared=False)

    def judge(self, choice: Choice) -> Verdict:
        """The verdict of what `prove` gives, where nobody asks for the bounds."""
        from rtsched.schedulability.judge import judge

        return judge(self.proving, self._policy(choice))

    def _policy(self, choice: Choice) -> Policy:
        if choice.own:
            return api.policy(self.loaded.system.scheduler, code=self.bench.trusted)
        what = choice.what if isinstance(choice.what, str | Mapping) else choice.make()
        return api.policy(what, code=choice.code)

    def contradict(self, analysis: Any, trace: Trace, choice: Choice) -> None:
        """Raise SoundnessError, with both sides, where the run beats what is proven."""
        from rtsched.schedulability.lowering.policy import homes
        from rtsched.verify.observation import Observer
        from rtsched.verify.patterns import Pattern

        policy = self._policy(choice)
        if homes(self.prepared.spec, policy) != homes(self.proving, policy):
            raise InputError(
                f"{policy.placement.name} packs the usual times, which a run takes, in another way than the largest "
                "ones, which the proof takes: they are about two partitions; say where tasks run ('pin', "
                "'processors'), or study runs and proofs apart"
            )
        observer = Observer(analysis, {}, trace.seed)
        try:
            observer.judge(trace, Pattern(f"as declared, {choice.label}", trace.system, trace.until, trace.seed))
        except SoundnessError as error:
            described = self.loaded.system.scheduler if choice.own else choice.what
            if isinstance(described, str | Mapping):  # what a file can hold
                error.source = self.loaded, api.parts_of(described)
            raise


def make_ready(study: Study) -> None:
    """Import what runs and proofs need, before a limit of time counts it to the first of them."""
    for module in ("rtsched.engine.simulation", "rtsched.metrics.summary", "rtsched.dnn.horizon"):
        import_module(module)
    if study.do != "simulate":
        import_module("rtsched.schedulability.judge")
    if study.do == "both":
        import_module("rtsched.verify.observation")


def reached(loaded: api.Loaded) -> dict[str, float | None]:
    """The utilisation that a drawn system says it reaches."""
    about = loaded.system.generated
    return {} if about is None else {"utilisation": float(about["reached"])}


def _per_task(system: _System, figures: Summary | None, analysis: Any) -> Iterator[dict[str, Any]]:
    """The figures of each task: those of the run, and what is proven of it."""
    bounds = {} if analysis is None else {bound.task: bound for bound in analysis.bounds}
    seen = {} if figures is None else {task.name: task for task in figures.tasks}
    spec = system.proving if analysis is not None else system.prepared.spec
    ids = {task.name: task.id for task in spec.tasks if task.id is not None}
    for name in seen or bounds:
        found: dict[str, Any] = {"task": name} | ({"id": ids[name]} if name in ids else {})
        if name in seen:
            task = seen[name]
            found |= {"jobs": task.jobs, "misses": task.misses, "deadline": task.deadline}
            found["response_max"] = task.response.max
        if name in bounds:
            found["bound"] = bounds[name].wcrt
            found.setdefault("deadline", bounds[name].deadline)
        yield found
