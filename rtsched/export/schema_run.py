"""What explanations and what-ifs print as JSON, as JSON Schema: ``explain``, ``diff``, ``what-if``. Times in ns."""

from __future__ import annotations

from rtsched.export.schema_parts import COUNT, TEXT, TEXTS, TIME, YES, document, many, maybe, named, thing

_INSTANT = maybe(TIME)
_PIECE = thing(
    {
        "start": TIME,
        "end": TIME,
        "cause": TEXT,
        "node": maybe(TEXT),
        "processor": maybe(TEXT),
        "culprits": TEXTS,
        "words": TEXT,
    }
)
_GONE = thing({"why": TEXT, "left": TIME, "own": _INSTANT, "expected": _INSTANT, "reason": maybe(TEXT)})
_FATE = thing(
    {
        "met": YES,
        "outcome": maybe(TEXT),
        "late": maybe(TIME, "how long after its deadline; below 0: before"),
        "lost": TEXTS,
        "still": TEXTS,
        "saved": COUNT,
    }
)
_VALUE = {"type": ["integer", "string", "null"]}
_CHANGE = thing(
    {
        "kind": TEXT,
        "task": TEXT,
        "words": TEXT,
        "now": _VALUE,
        "then": _VALUE,
        "fate": maybe(_FATE),
        "note": TEXT,
        "setting": maybe(TEXT, "what brings it about by --set"),
        "met": YES,
    }
)

EXPLAIN_SCHEMA = document(
    "an explanation of a job",
    1,
    {
        "system": TEXT,
        "scheduler": TEXT,
        "seed": COUNT,
        "job": TEXT,
        "task": TEXT,
        "id": maybe(TEXT, "of the requirement, as the file has it"),
        "index": COUNT,
        "outcome": TEXT,
        **dict.fromkeys(("arrival", "release", "deadline", "start", "finish"), _INSTANT),
        "response": _INSTANT,
        "span": TIME,
        "given_up": maybe(_GONE),
        "causes": named(TIME, "where its time went"),
        "pieces": many(_PIECE),
    },
    {"what_if": many(_CHANGE, "with --what-if")},
)

DIFF_SCHEMA = document(
    "a difference of two runs",
    1,
    {
        "system": TEXT,
        "id": maybe(TEXT, "of the requirement on all of the system, as the file has it"),
        "runs": TEXTS,
        "time": maybe(TIME, "the first decision that differs; null: all are the same"),
        "decisions": many(TEXTS, "of each run those of that instant that the other lacks"),
        "alike": {**COUNT, "description": "jobs that fare alike"},
        "jobs": many(
            thing(
                {
                    "job": TEXT,
                    "id": maybe(TEXT, "of its task"),
                    "responses": many(_INSTANT),
                    "outcomes": many(maybe(TEXT)),
                }
            )
        ),
    },
)
