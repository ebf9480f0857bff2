"""What ``rtsched analyse --json --steps`` prints under `steps`, as JSON Schema."""

from __future__ import annotations

from typing import Any


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


def _maybe(kind: str, text: str = "") -> dict[str, Any]:
    return {"type": [kind, "null"], **({"description": text} if text else {})}


def _list(of: dict[str, Any], text: str = "") -> dict[str, Any]:
    return {"type": "array", "items": of, **({"description": text} if text else {})}


_TEXT: dict[str, Any] = {"type": "string"}
_TIME: dict[str, Any] = {"type": "integer", "description": "ns"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_NUMBER: dict[str, Any] = {"type": "number"}
_TERM = {"type": "object", "properties": {"task": _TEXT}, "additionalProperties": _TIME, "required": ["task"]}

#: What the data of a line are, by its kind.
DATA: dict[str, dict[str, Any]] = {
    "load": _object(
        {
            "symbol": _TEXT,
            "value": _NUMBER,
            "exact": _maybe("string", "as a fraction, where that is short"),
            "limit": _NUMBER,
            "of": {**_TEXT, "description": "what the limit is"},
            "terms": _list(_TERM),
        }
    ),
    "iterates": _object(
        {
            "values_ns": _list(_TIME, "the iterates, the start first"),
            "left_out": {**_COUNT, "description": "so many iterates more than are kept"},
            "response_ns": _maybe("integer"),
            "deadline_ns": _TIME,
        },
        {
            "job": {**_COUNT, "description": "of the busy period, from 0"},
            "jobs": _COUNT,
            "worst": {"type": "boolean"},
            "of": {"enum": ["end", "last region"], "description": "of what the iterates are the instants"},
            "due_ns": {**_TIME, "description": "the largest value with which the job is in time"},
            "corners_ns": _list(_list(_TIME), "where the staircase of requests rises, and how far; empty: too many"),
            "arrival_ns": _TIME,
        },
    ),
    "demand": _object(
        {
            "points_ns": _list(_list(_TIME), "deadline, work due by then, blocking"),
            "left_out": _COUNT,
            "end_ns": _TIME,
            "crossing_ns": _maybe("integer", "the first deadline at which more is due than there is time"),
        }
    ),
    "qpa": _object({"points_ns": _list(_list(_TIME), "instant, demand"), "left_out": _COUNT}),
    "blocking": _object(
        {
            "blocking_ns": _TIME,
            "rule": {"enum": ["longest", "per task", "per resource", ""]},
            "sections": _list(_object({"task": _TEXT, "resource": _TEXT, "protocol": _TEXT, "length_ns": _TIME})),
        }
    ),
    "bound": _object(
        {
            "response_ns": _TIME,
            "deadline_ns": _TIME,
            "parts": _list(_object({"kind": _TEXT, "source": _TEXT, "amount_ns": _TIME})),
        },
        {"exact": {**_TEXT, "description": "ns, before it is rounded up"}},
    ),
    "sum": {"type": "object"},
    "words": {"type": "object"},
}

_LINE = {
    "oneOf": [
        _object(
            {
                "kind": {"const": kind},
                "text": {**_TEXT, "description": "in the unit of the board"},
                "task": _TEXT,
                "holds": _maybe("boolean", "whether the comparison that it ends with holds"),
                "data": data,
            }
        )
        for kind, data in DATA.items()
    ]
}

STEPS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtsched: the calculation behind a verdict; times in ns",
    **_list(
        _object(
            {
                "part": _TEXT,
                "unit": {"enum": ["s", "ms", "us", "ns"]},
                "tasks": _list(_TEXT),
                "given": _list(_LINE, "the tasks as the tests saw them"),
                "tests": _list(
                    _object(
                        {
                            "test": _TEXT,
                            "title": _TEXT,
                            "strength": {"enum": ["exact", "sufficient", "necessary"]},
                            "verdict": {"enum": ["schedulable", "unschedulable", "unknown"]},
                            "reason": _TEXT,
                            "formula": _TEXT,
                            "aside": {"type": "boolean", "description": "adds nothing to an exact answer"},
                            "lines": _list(_LINE),
                        }
                    )
                ),
                "silent": _list(_object({"test": _TEXT, "reason": _TEXT})),
                "elsewhere": _list(_object({"test": _TEXT, "about": _TEXT})),
            }
        )
    ),
}
