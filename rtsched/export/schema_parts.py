"""What JSON Schemas are put together from."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

TEXT: Schema = {"type": "string"}
YES: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "integer", "description": "ns"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
TEXTS: Schema = {"type": "array", "items": TEXT}
VERDICT: Schema = {"enum": ["schedulable", "unschedulable", "unknown"]}
STRENGTH: Schema = {"enum": ["exact", "sufficient", "necessary"]}
ANY: Schema = {}


def thing(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these keys and no others."""
    keys = required | (optional or {})
    return {"type": "object", "properties": keys, "required": list(required), "additionalProperties": False}


def maybe(schema: Schema, text: str = "") -> Schema:
    """That, or null."""
    about = {"description": text} if text else {}
    kind = schema.get("type")
    if isinstance(kind, str) and kind not in ("object", "array"):
        return schema | {"type": [kind, "null"]} | about
    return {"oneOf": [{"type": "null"}, schema]} | about


def many(schema: Schema, text: str = "") -> Schema:
    """A list of those."""
    return {"type": "array", "items": schema} | ({"description": text} if text else {})


def named(schema: Schema, text: str = "") -> Schema:
    """Those by name."""
    about = {"description": text} if text else {}
    return {"type": "object", "additionalProperties": schema} | about


def document(title: str, number: int, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """A whole document, whose `format` is this number."""
    return {"$schema": DRAFT, "title": f"rtsched: {title}", **thing({"format": {"const": number}} | required, optional)}
