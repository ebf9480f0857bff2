"""What commands print as JSON that list, check and measure, as JSON Schema."""

from __future__ import annotations

from rtsched.export.problems import RULES, WARNINGS
from rtsched.export.schema_parts import (
    COUNT,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    YES,
    document,
    many,
    maybe,
    named,
    thing,
)  # fmt: skip

LIST_SCHEMA = document("what is known by name", 1, {}) | {"additionalProperties": named(TEXT, "a line for each name")}

SHOW_SCHEMA = document(
    "one thing by name",
    1,
    {
        "kind": TEXT,
        "shown": {"type": "object", "description": "by kind; a platform or a workload as its file has it"},
    },
)

_PROBLEM = thing(
    {
        "rule": {"enum": [*RULES, *WARNINGS]},
        "path": TEXT,
        "line": maybe(COUNT, "from 1"),
        "column": maybe(COUNT, "from 1, in characters"),
        "message": TEXT,
        "level": {"enum": ["error", "warning", "note"]},
    }
)

_FILE = thing(
    {
        "file": TEXT,
        "valid": YES,
        "problems": {**TEXTS, "description": "as told"},
        "results": many(_PROBLEM),
        "warnings": many(_PROBLEM) | {"description": "what of a valid file deserves a look"},
    }
)

VALIDATE_SCHEMA = document("problems of files", 2, {"files": many(_FILE)})

_TIMES = thing({"median": NUMBER, "p99": NUMBER, "max": NUMBER, "count": COUNT})

PROFILE_SCHEMA = document(
    "a measured model; times in microseconds",
    1,
    {
        "network": TEXT,
        "threads": COUNT,
        "inputs": TEXT,
        "whole": _TIMES,
        "nodes": many(thing({"name": TEXT, "operator": TEXT, "times": _TIMES, "scaled": NUMBER, "largest": NUMBER})),
    },
)

_EXAMPLE = thing({"text": TEXT, "number": COUNT, "seed": COUNT, "smallest": YES, "yaml": TEXT})

CHECK_SCHEMA = document(
    "a policy held to the contracts",
    1,
    {
        "version": TEXT,
        "policy": TEXT,
        "claims": TEXTS,
        "seed": COUNT,
        "systems": COUNT,
        "refused": COUNT,
        "refusal": maybe(TEXT),
        "fits": YES,
        "failed": TEXTS,
        "other_process": TEXT,
        "checks": many(
            thing(
                {
                    "check": TEXT,
                    "question": TEXT,
                    "claimed": maybe(YES),
                    "outcome": TEXT,
                    "asked": COUNT,
                    "broken": COUNT,
                    "fails": YES,
                    "example": maybe(_EXAMPLE),
                }
            )
        ),
    },
    {"cost": thing({"decisions": COUNT, "a_second": COUNT, "median_ns": COUNT, "p99_ns": COUNT})},
)

_RATIO = maybe(NUMBER, "of the longest response seen to the bound")
_TALLY = thing(
    {
        **dict.fromkeys(("applied", "schedulable", "unschedulable", "refuted", "bounds", "attained"), COUNT),
        "max_ratio": _RATIO,
        "mean_ratio": _RATIO,
    }
)
#: A replay file.
_FOUND = thing(
    {
        "format": {"type": "string", "pattern": "^rtsched fuzz-soundness [0-9]+$"},
        "version": TEXT,
        "number": COUNT,
        "seed": COUNT,
        "shrunk": YES,
        "theorem": TEXT,
        "kind": TEXT,
        "task": maybe(TEXT),
        "claimed_ns": maybe(TIME),
        "observed_ns": maybe(TIME),
        "pattern": TEXT,
        "text": TEXT,
        "scheduler": {"type": "object"},
        "system": {"type": ["object", "null"]},
        "document": {"type": ["object", "null"]},
        "yaml": TEXT,
    }
)

FUZZ_SCHEMA = document(
    "a search for proofs that a run beats",
    1,
    {
        "version": TEXT,
        "seed": COUNT,
        "systems": COUNT,
        "interrupted": YES,
        "simulations": COUNT,
        "jobs": COUNT,
        "verdicts": named(COUNT),
        "theorems": named(_TALLY),
        "violated": named(COUNT),
        "violations": many(_FOUND),
    },
)

REPLAY_SCHEMA = document(
    "a replayed violation", 1, {"replayed": _FOUND, "violated": YES, "now": maybe(TEXT, "what is violated now")}
)
