"""Metrics: functions of a run that give one number, described by their unit and by which direction is better.

A metric is called with the run's figures and its trace. Built-in ones stand in ``rtsched.metrics.standard``; all are
found by name in the registry (group ``rtsched.metrics``), whoever wrote them.

>>> @metric(unit="ns", better="lower", title="slowest response")
... def slowest(figures, trace):
...     'The longest response time of any job that finished.'
...     return max((task.response.max for task in figures.tasks if task.response.max is not None), default=None)
>>> slowest.metric.unit
'ns'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rtsched import units
from rtsched.errors import InputError
from rtsched.registry import REGISTRY
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.trace.trace import Trace

Better = Literal["lower", "higher"]

#: Metrics by name; None where a run has no such thing. One that has a value for each of several things (a chain, a
#: measure) has them as ``name.thing``, and none of its own.
Values = dict[str, float | None]

#: The unit of shares of one, which are shown in per cent, and that of times, which are shown with a unit that fits.
SHARE, TIME = "share", "ns"

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Metric:
    """What is known of a metric beside its function.

    `unit` is ``"share"`` (of one), ``"ns"``, another one as text, or empty for a plain number. A metric with
    `needs_trace` reads the rows of a kept trace; one with `where` has values for such systems only.
    """

    name: str
    title: str
    unit: str
    better: Better
    function: Callable[[Summary, Trace], Any]
    needs_trace: bool = False
    where: Callable[[SystemSpec], bool] | None = None

    @property
    def meaning(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]

    @property
    def line(self) -> str:
        """Its unit, direction and meaning in one line."""
        about = ", ".join(filter(None, (self.unit, f"{self.better} is better")))
        return f"{about}: {self.meaning}"

    @property
    def heading(self) -> str:
        """Its title, with a unit that its values are shown without."""
        return self.title if self.unit in (SHARE, TIME, "") else f"{self.title} ({self.unit})"

    def reads_trace(self, system: SystemSpec) -> bool:
        """Whether it needs the kept trace of a run of this system."""
        return self.needs_trace and (self.where is None or self.where(system))

    def show(self, value: float, half: float | None = None) -> str:
        """A value, and half the width of its interval, to some digits."""
        if self.unit == SHARE:
            return _percent(value) + (f" ± {_percent(half)}" if half else "") + " %"
        if self.unit == TIME:
            shown = units.format_duration(round(value), digits=4)
            return shown + (f" ± {units.format_duration(round(half), digits=2)}" if half else "")
        return f"{value:.4g}" + (f" ± {half:.2g}" if half else "")

    def show_difference(self, value: float, half: float | None = None) -> str:
        """A difference of two values with its sign, and half its interval's width; of shares in percentage points."""
        shown = self.show(value, half)
        return ("+" if value > 0 else "") + (shown.removesuffix(" %") + " pp" if self.unit == SHARE else shown)


def _percent(share: float) -> str:
    """A share in per cent, to two digits after the point; more where those would read as none or as all."""
    text = f"{100 * share:.2f}"
    if text.lstrip("-") == "0.00" and abs(share) > 1e-12:
        return f"{100 * share:.1g}"
    if text == "100.00" and share < 1 - 1e-12:
        return f"{100 - float(f'{100 * (1 - share):.1g}'):.12g}"
    return text


def metric(
    *,
    unit: str,
    better: Better,
    title: str = "",
    needs_trace: bool = False,
    where: Callable[[SystemSpec], bool] | None = None,
) -> Callable[[Function], Function]:
    """Describe a function of (figures, trace) as a metric; its docstring says what it means.

    It gives a number, None where the run has no such thing, or a mapping of several by name. An entry point in
    ``rtsched.metrics``, or ``REGISTRY.register("metric", name, function)``, makes it known by a name. Raises InputError
    if `better` is neither "lower" nor "higher".
    """
    if better not in ("lower", "higher"):
        raise InputError(f"metric: better is 'lower' or 'higher' (found {cut(repr(better))})")

    def describe(function: Function) -> Function:
        called = title or function.__name__.replace("_", " ")
        function.metric = Metric("", called, unit, better, function, needs_trace, where)  # type: ignore[attr-defined]
        return function

    return describe


def find(name: str) -> Metric:
    """The metric called `name`. Raises InputError, with close names where there is none."""
    described = getattr(REGISTRY.find("metric", name), "metric", None)
    if not isinstance(described, Metric):
        raise InputError(f"{REGISTRY.called('metric', name)} has no unit and no direction; put "
                         "@rtsched.metric(unit=..., better='lower' or 'higher') over it")  # fmt: skip
    return replace(described, name=name)


def of_value(key: str) -> tuple[Metric, str]:
    """The metric that a value belongs to, and of which thing it is: ``effective_accuracy.miou`` is of ``miou``."""
    if key in REGISTRY.names("metric"):
        return find(key), ""
    before, colon, rest = key.rpartition(":")
    name, _, thing = rest.partition(".")
    return find(f"{before}{colon}{name}"), thing


def metrics() -> dict[str, Metric]:
    """All metrics by name."""
    return {name: find(name) for name in REGISTRY.names("metric")}


def wanted(names: Iterable[str | Metric]) -> tuple[Metric, ...]:
    """The metrics of these names, each once; those that are found already as they are. Raises InputError."""
    return tuple(name if isinstance(name, Metric) else find(name) for name in dict.fromkeys(names))


def refuse_without_trace(chosen: Iterable[Metric], system: SystemSpec) -> None:
    """Raise InputError where one of these metrics needs the trace of a run of `system` that is to keep none."""
    for each in chosen:
        if each.reads_trace(system):
            raise InputError(f"{REGISTRY.called('metric', each.name)} needs the trace, and this run keeps sums only; "
                             "leave --no-trace (trace=False) out, or the metric")  # fmt: skip


def evaluate(trace: Trace, names: str | Iterable[str | Metric], figures: Summary | None = None) -> Values:
    """The metrics of a run by name, in the order of `names`; its `figures` are made unless they are given.

    Each may also be the metric itself, as `wanted` finds it: many runs then need not look for it each time. Raises
    InputError where one is not known, needs a trace that was not kept, fails, or gives no finite number.
    """
    chosen = wanted([names] if isinstance(names, str) else names)
    if not trace.kept:
        refuse_without_trace(chosen, trace.system)
    if figures is None:
        from rtsched.metrics.summary import summary

        figures = summary(trace)
    values: Values = {}
    for each in chosen:
        if each.where is not None and not each.where(trace.system):
            values[each.name] = None
            continue
        found = REGISTRY.call("metric", each.name, each.function, figures, trace)
        if isinstance(found, Mapping):
            values[each.name] = None
            values |= {f"{each.name}.{key}": _number(each, value) for key, value in found.items()}
        else:
            values[each.name] = _number(each, found)
    return values


def _number(of: Metric, value: Any) -> float | None:
    """A value as Python's own number. Raises InputError if it is none."""
    if value is None:
        return None
    if isinstance(value, Integral):
        return int(value)
    if not isinstance(value, Real) or not math.isfinite(value):
        who = REGISTRY.called("metric", of.name)
        raise InputError(f"{who} gives {cut(repr(value))}; it has to give a finite number, or None where there is none")
    return float(value)
