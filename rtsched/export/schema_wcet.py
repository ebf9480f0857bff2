"""What ``rtsched wcet --json`` prints, as JSON Schema."""

from __future__ import annotations

from rtsched.export.schema_parts import (
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    TEXTS,
    TIME,
    YES,
    document,
    many,
    maybe,
    named,
    thing,
)

_TEST = thing({"name": TEXT, "asks": TEXT, "figure": maybe(NUMBER), "p": maybe(NUMBER, "p-value"), "passed": YES})
_PERCENTILE = thing(
    {
        "q": SHARE,
        "status": {"enum": ["ok", "too few runs", "refused"]},
        **{key: maybe(TIME, "ns") for key in ("estimate", "lower", "upper")},
        "needed": {**COUNT, "description": "runs until their maximum bounds it at 95 %"},
    }
)
_FIT = thing(
    {
        "method": {"enum": ["block maxima", "excesses"]},
        "location": {**NUMBER, "description": "ns; of excesses, the threshold"},
        "count": COUNT,
        "block": maybe(COUNT, "runs in a block"),
        "scale": {**NUMBER, "description": "ns"},
        "estimate": TIME,
        "limit": {**TIME, "description": "ns, at 95 %"},
        "shape": thing({"value": NUMBER, "lower": NUMBER, "upper": NUMBER}),
    }
)
_TAIL = thing(
    {
        "p": SHARE,
        "per_hour": maybe(NUMBER),
        "tests": many(_TEST),
        "fits": many(_FIT),
        "time": maybe(TIME, "ns; null where a test failed"),
        "steep": maybe(TIME, "ns, with the largest shape that the runs do not exclude"),
        "refused": TEXTS,
    }
)
_FRESH = thing(
    {"time": TIME, "claimed": SHARE, "n": COUNT, "exceed": COUNT, "largest": TIME, "p": SHARE, "passed": YES}
)
_CLAIM = thing(
    {
        "kind": {"enum": ["high-water", "percentile", "pwcet"]},
        "time": maybe(TIME, "ns; null where it is refused"),
        "margin": NUMBER,
        "reason": maybe(TEXT, "of the margin"),
        "refused": TEXTS,
        "holds": {**YES, "description": "not refused, and not broken by fresh runs"},
        "origin": maybe({"type": "object"}, "as a system file takes it beside a wcet"),
    }
)

#: What ``rtsched wcet --json`` prints, as JSON Schema.
WCET_SCHEMA = document(
    "claims on measured times",
    1,
    {
        "holds": {**YES, "description": "whether every claim does"},
        "series": many(
            thing(
                {
                    "name": TEXT,
                    "group": named(TEXT),
                    "column": TEXT,
                    "file": TEXT,
                    "sha256": TEXT,
                    "n": COUNT,
                    "largest": TIME,
                    "exceeded": thing({"chance": SHARE, "per_hour": maybe(NUMBER)}),
                    "percentiles": many(_PERCENTILE),
                    "independence": many(_TEST),
                    "tail": maybe(_TAIL),
                    "fresh": many(_FRESH),
                    "claim": _CLAIM,
                }
            )
        ),
    },
)
