"""What comparisons, studies and optima print as JSON, as JSON Schema."""

from __future__ import annotations

from rtsched.export.schema_parts import (
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    TEXTS,
    TIME,
    YES,
    Schema,
    document,
    many,
    maybe,
    named,
    thing,
)  # fmt: skip

_NUMBER = maybe(NUMBER)
_EFFECT = dict.fromkeys(("difference", "difference_half", "p", "p_alone", "d", "superiority"), _NUMBER)
_CELL = thing({"mean": NUMBER, "half": _NUMBER, "low": _NUMBER, "high": _NUMBER, **_EFFECT})
_POLICY = thing({"policy": TEXT, "cells": named(_CELL), "runs": many(named(_NUMBER), "a run of each seed")})

COMPARE_SCHEMA = document(
    "a comparison of policies",
    2,
    {
        "system": TEXT,
        "baseline": TEXT,
        "seeds": many(COUNT),
        "until": TIME,
        "metrics": TEXTS,
        "rows": many(_POLICY),
        "fixed": {**YES, "description": "all seeds gave the same"},
        "assumed": TEXTS,
        "notes": TEXTS,
        "id": maybe(TEXT, "of the requirement on all of the system, as the file has it"),
    },
)

_AXES: Schema = named({"type": ["string", "number", "boolean", "null"]}, "the values of the axes")
_ESTIMATE = thing(
    {
        "point": COUNT,
        "axes": _AXES,
        "policy": TEXT,
        "metric": TEXT,
        **dict.fromkeys(("mean", "low", "high"), _NUMBER),
        "count": COUNT,
        "lacking": {**COUNT, "description": "units without a value: failed, or not known"},
        "timeouts": COUNT,
    }
)
_PAIRED = thing(
    {
        "metric": TEXT,
        "policy": TEXT,
        "baseline": TEXT,
        "point": maybe(COUNT, "null: over all points"),
        "weighted": YES,
        "pairs": COUNT,
        "lacking": COUNT,
        **_EFFECT,
        "discordance": {"type": ["object", "null"]},
        "axes": _AXES,
    }
)
_BAND = thing({"metric": TEXT, "policy": TEXT, "mean": _NUMBER, "low": _NUMBER, "high": _NUMBER, "count": COUNT})

SWEEP_SCHEMA = document(
    "a study and its estimates",
    1,
    {
        "digest": TEXT,
        "study": {"type": "object", "description": "the outline: points, policies, seeds, fingerprints"},
        "estimates": many(_ESTIMATE),
        "failed": {**COUNT, "description": "runs that came to nothing"},
    },
    {"paired": many(_PAIRED, "with --paired"), "weighted": many(_BAND, "with --paired")},
)

_STUDY = {"file": TEXT, "study": TEXT, "digest": TEXT}

EXPORT_SCHEMA = document(
    "an exported study", 1, {**_STUDY, **dict.fromkeys(("runs", "total", "ok", "error", "timeout"), COUNT)}
)

PLOT_SCHEMA = document("a figure of a study", 1, {**_STUDY, "kind": TEXT, "command": TEXT})

_ROW = thing({"job": TEXT, "node": TEXT, "processor": TEXT, "start": TIME, "end": TIME})

OPTIMUM_SCHEMA = document(
    "the optimum of a window",
    1,
    {
        "system": TEXT,
        "seed": COUNT,
        "until": TIME,
        "jobs": COUNT,
        "nodes": COUNT,
        **dict.fromkeys(("most", "worth", "bound"), NUMBER),
        "gap": SHARE,
        "proven": YES,
        "energy": maybe(NUMBER, "nJ beyond idling"),
        "effort": NUMBER,
        "relaxed": TEXTS,
        "unmet": many(thing({"job": TEXT, "why": maybe(TEXT)})),
        "schedule": many(_ROW),
    },
    {"stopped": {"const": True, "description": "at the --limit"}},
)
