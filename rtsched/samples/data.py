"""What is found of measured execution times, for programs. Times are whole nanoseconds, chances are a run's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rtsched.samples.assessment import Assessment
from rtsched.samples.fresh import Exceedances
from rtsched.samples.independence import Test
from rtsched.samples.order import Percentile
from rtsched.samples.pwcet import ProbabilisticBound, Tail
from rtsched.samples.tails import Gumbel


def document(found: Sequence[Assessment], origins: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole answer: each series with what is claimed of it, and its origin as a system file takes it."""
    series = [_series(each, origin) for each, origin in zip(found, origins, strict=True)]
    return {"format": 1, "holds": all(each.holds for each in found), "series": series}


def _series(found: Assessment, origin: Mapping[str, Any]) -> dict[str, Any]:
    wanted = found.wanted
    return {
        "name": found.series.name,
        "group": dict(found.series.group),
        "column": found.series.column,
        "file": found.series.file,
        "sha256": found.series.sha256,
        "n": found.n,
        "largest": found.largest,
        "exceeded": {"chance": found.allowed, "per_hour": found.hourly(found.allowed)},
        "percentiles": list(map(_percentile, found.percentiles)),
        "independence": list(map(_test, found.tests)),
        "tail": None if found.tail is None else _tail(found.tail, found),
        "fresh": list(map(_fresh, found.fresh)),
        "claim": {
            "kind": wanted.kind, "time": found.time, "margin": float(wanted.margin), "reason": wanted.reason or None,
            "refused": list(found.refused), "holds": found.holds,
            "origin": None if found.time is None else dict(origin),
        },
    }  # fmt: skip


def _test(test: Test) -> dict[str, Any]:
    return {"name": test.name, "asks": test.asks, "figure": _finite(test.figure), "p": test.p, "passed": test.passed}


def _percentile(each: Percentile) -> dict[str, Any]:
    return {
        "q": each.q, "status": each.word, "estimate": each.estimate, "lower": each.lower, "upper": each.upper,
        "needed": each.needed,
    }  # fmt: skip


def _tail(tail: ProbabilisticBound, found: Assessment) -> dict[str, Any]:
    return {
        "p": tail.p,
        "per_hour": found.hourly(tail.p),
        "tests": list(map(_test, tail.tests)),
        "fits": list(map(_fit, tail.tails)),
        "time": tail.time,
        "steep": tail.steep,
        "refused": list(tail.refused),
    }


def _fit(tail: Tail) -> dict[str, Any]:
    fit, shape = tail.fit, tail.shape
    own: dict[str, Any]
    if isinstance(fit, Gumbel):
        own = {"location": fit.location, "count": fit.blocks, "block": fit.size}
    else:
        own = {"location": fit.threshold, "count": fit.excesses, "block": None}
    return {
        "method": fit.method, **own, "scale": fit.scale, "estimate": round(tail.estimate),
        "limit": math.ceil(tail.limit),
        "shape": {"value": shape.value, "lower": shape.lower, "upper": shape.upper},
    }  # fmt: skip


def _fresh(each: Exceedances) -> dict[str, Any]:
    return {
        "time": each.time, "claimed": each.claimed, "n": each.n, "exceed": each.count, "largest": each.largest,
        "p": each.p, "passed": each.passed,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
