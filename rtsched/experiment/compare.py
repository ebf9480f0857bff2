"""Policies side by side: the same worlds (seeds) for each, in parallel, with intervals and paired differences."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.display import Displayed
from rtsched.errors import InputError, SchedulerError
from rtsched.experiment.bench import Bench
from rtsched.experiment.contrast import Cell, cells, common, remarks
from rtsched.experiment.policies import choices
from rtsched.experiment.regret import regrets
from rtsched.experiment.rounds import Progress
from rtsched.experiment.store import Row as Found
from rtsched.experiment.store import Store
from rtsched.experiment.study import Study
from rtsched.experiment.sweep import crew, fill, survey
from rtsched.metrics.metric import Values, of_value, wanted
from rtsched.metrics.usual import unasked
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.model.platform import Platform

#: What is compared unless more is asked for, as far as a workload has it. Where accuracies count different things there
#: is one effective accuracy for each, e.g. ``effective_accuracy.miou``, and beside them the common scale,
#: `kept_accuracy`. `finished` is shown where some jobs did not finish, since `p95` is of those that did.
METRICS = ("miss_ratio", "effective_accuracy", "finished", "p95", "energy", "uxcost", "xrbench")

#: What is measured for it; `response` only tells runs apart.
MEASURED = (*METRICS[:5], "response", *METRICS[5:])


def title(metric: str) -> str:
    """A metric in words, with its unit where values are shown without."""
    of, thing = of_value(metric)
    return of.heading + (f" ({thing})" if thing else "")


@dataclass(frozen=True)
class Row:
    """One policy: its figures by metric, and each run's own values in the order of the seeds."""

    policy: str
    cells: dict[str, Cell]
    runs: tuple[Values, ...]


@dataclass(frozen=True)
class Comparison(Displayed):
    """What `compare` found; metrics that the workload does not have are left out, `notes` say which a run lacked.

    `fixed`: all seeds gave the same. `id` is what the requirement on all of the system is called elsewhere.
    """

    system: str
    baseline: str
    seeds: tuple[int, ...]
    until: int
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    fixed: bool
    assumed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    id: str | None = None

    def __repr__(self) -> str:
        policies = ", ".join(row.policy for row in self.rows)
        return f"<Comparison of {cut(policies, 200)} on {cut(self.system)!r}: {len(self.seeds)} seeds>"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"format": 2, **asdict(self)}

    @property
    def called(self) -> str:
        """The system, with its id where it has one."""
        return f"{self.id} {self.system}" if self.id else self.system

    @property
    def unseen(self) -> float:
        """The largest share of all runs that may differ from runs that were all the same (the rule of three)."""
        from rtsched.experiment.statistics import rule_of_three

        return rule_of_three(len(self.seeds))

    def to_frame(self) -> Any:
        """A pandas DataFrame with a row for each policy and seed. Raises InputError where pandas is not installed."""
        from rtsched.experiment.frames import to_frame

        return to_frame(self)


def compare(
    source: api.Source,
    policies: Any,
    seeds: int | Sequence[int] = 10,
    *,
    until: int | str | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    baseline: str | None = None,
    metrics: str | Sequence[str] = (),
    progress: Progress | None = None,
    regret: bool = False,
    effort: float | None = None,
) -> Comparison:
    """Run every policy on the same seeds and say how they differ from the baseline (the first, unless named).

    `policies` are what a study takes: names, mappings, classes, objects, or any of them by label; ``file`` is the
    system's own. `seeds` is how many (0, 1, …) or which. `jobs` processes share the work; their number does not change
    the answer. `metrics` names further ones, beside METRICS. With `regret` each run is held against what anybody can
    reach on its seed (``rtsched.optimum``, with this `effort` for each). Raises InputError, and SchedulerError naming
    the policy and the seed.
    """
    numbers = tuple(range(api.checked_seed(seeds))) if isinstance(seeds, int | Integral) else tuple(seeds)
    numbers = tuple(dict.fromkeys(map(api.checked_seed, numbers)))
    chosen = choices(policies)
    names = tuple(choice.label for choice in chosen)
    if not numbers or not names:
        raise InputError("compare needs at least one policy and one seed; e.g. -s edf,rm --seeds 30")
    first = names[0] if baseline is None else baseline
    if first not in names:
        raise InputError(f"the baseline {first!r} is none of the policies compared: {', '.join(names)}")
    if effort is not None and not regret:
        raise InputError("the effort is that of finding the optimum, which only the regret asks for; add --regret")
    more = tuple(each.name for each in wanted([metrics] if isinstance(metrics, str) else metrics))
    loaded = api.load(source, platform=platform, overrides=overrides)
    prepared = api.prepare(loaded, until)
    scale = [name for name in unasked(prepared.spec) if name not in METRICS]
    usual = (*METRICS[:2], *scale, *METRICS[2:])
    reached = ("worth",) if regret else ()
    measured = tuple(dict.fromkeys((*MEASURED[:2], *scale, *MEASURED[2:], *more, *reached)))
    study = Study(system=loaded, until=until, policies=names, seeds=numbers, metrics=measured)
    bench = Bench(study, chosen, study.points(), trusted=loaded.document is None)
    outline = survey(bench)
    store = Store(None)
    fill(bench, outline, store, crew(None, min(jobs or os.cpu_count() or 1, outline.total)), progress)
    results = [_values(row) for row in store.rows(outline)]
    about = [] if not regret else list(regrets(prepared, numbers, results, effort))
    runs = {name: tuple(results[place * len(numbers) : (place + 1) * len(numbers)]) for place, name in enumerate(names)}
    shown = tuple(dict.fromkeys((*usual, *more, *(("regret",) if regret else ()))))
    present = common(results, shown)
    fixed = len(numbers) > 1 and all(len({tuple(run.values()) for run in runs[name]}) == 1 for name in names)
    table = cells(runs, present, first, fixed=fixed)
    return Comparison(
        system=prepared.spec.name,
        baseline=first,
        seeds=numbers,
        until=prepared.until,
        metrics=present,
        rows=tuple(Row(name, table[name], runs[name]) for name in names),
        fixed=fixed,
        assumed=outline.notes,
        notes=(*remarks(results, present, usual, more), *about),
        id=prepared.spec.id,
    )


def _values(row: Found) -> Values:
    """The metrics of a run. Raises SchedulerError, with the policy and the seed, where there are none."""
    if row.status != "ok":
        raise SchedulerError(row.note)
    return row.values
