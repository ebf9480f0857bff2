"""What ``rtsched wcet --json`` prints, as JSON Schema."""

from __future__ import annotations

from typing import Any


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _maybe(kind: str, text: str = "") -> dict[str, Any]:
    return {"type": [kind, "null"], **({"description": text} if text else {})}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_TEXT: dict[str, Any] = {"type": "string"}
_TIME: dict[str, Any] = {"type": "integer", "description": "ns"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_NUMBER: dict[str, Any] = {"type": "number"}
_CHANCE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_YES: dict[str, Any] = {"type": "boolean"}
_TEST = _object(
    {"name": _TEXT, "asks": _TEXT, "figure": _maybe("number"), "p": _maybe("number", "p-value"), "passed": _YES}
)
_PERCENTILE = _object(
    {
        "q": _CHANCE,
        "status": {"enum": ["ok", "too few runs", "refused"]},
        **{key: _maybe("integer", "ns") for key in ("estimate", "lower", "upper")},
        "needed": {**_COUNT, "description": "runs until their maximum bounds it at 95 %"},
    }
)
_FIT = _object(
    {
        "method": {"enum": ["block maxima", "excesses"]},
        "location": {**_NUMBER, "description": "ns; of excesses, the threshold"},
        "count": _COUNT,
        "block": _maybe("integer", "runs in a block"),
        "scale": {**_NUMBER, "description": "ns"},
        "estimate": _TIME,
        "limit": {**_TIME, "description": "ns, at 95 %"},
        "shape": _object({"value": _NUMBER, "lower": _NUMBER, "upper": _NUMBER}),
    }
)
_TAIL = _object(
    {
        "p": _CHANCE,
        "per_hour": _maybe("number"),
        "tests": _list(_TEST),
        "fits": _list(_FIT),
        "time": _maybe("integer", "ns; null where a test failed"),
        "steep": _maybe("integer", "ns, with the largest shape that the runs do not exclude"),
        "refused": _list(_TEXT),
    }
)
_FRESH = _object(
    {"time": _TIME, "claimed": _CHANCE, "n": _COUNT, "exceed": _COUNT, "largest": _TIME, "p": _CHANCE, "passed": _YES}
)
_CLAIM = _object(
    {
        "kind": {"enum": ["high-water", "percentile", "pwcet"]},
        "time": _maybe("integer", "ns; null where it is refused"),
        "margin": _NUMBER,
        "reason": _maybe("string", "of the margin"),
        "refused": _list(_TEXT),
        "holds": {**_YES, "description": "not refused, and not broken by fresh runs"},
        "origin": _maybe("object", "as a system file takes it beside a wcet"),
    }
)

#: What ``rtsched wcet --json`` prints, as JSON Schema.
WCET_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtsched wcet",
    **_object(
        {
            "format": {"const": 1},
            "holds": {**_YES, "description": "whether every claim does"},
            "series": _list(
                _object(
                    {
                        "name": _TEXT,
                        "group": {"type": "object", "additionalProperties": _TEXT},
                        "column": _TEXT,
                        "file": _TEXT,
                        "sha256": _TEXT,
                        "n": _COUNT,
                        "largest": _TIME,
                        "exceeded": _object({"chance": _CHANCE, "per_hour": _maybe("number")}),
                        "percentiles": _list(_PERCENTILE),
                        "independence": _list(_TEST),
                        "tail": {"oneOf": [{"type": "null"}, _TAIL]},
                        "fresh": _list(_FRESH),
                        "claim": _CLAIM,
                    }
                )
            ),
        }
    ),
}
