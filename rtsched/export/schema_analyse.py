"""What proofs print as JSON, and what a contradiction leaves, as JSON Schema: ``analyse --json``, ``report -o x.json``.

Times are integer nanoseconds.
"""

from __future__ import annotations

from rtsched.export.schema_parts import (
    COUNT,
    NUMBER,
    STRENGTH,
    TEXT,
    TEXTS,
    TIME,
    VERDICT,
    YES,
    Schema,
    document,
    many,
    maybe,
    named,
    thing,
)  # fmt: skip
from rtsched.export.schema_steps import STEPS_SCHEMA
from rtsched.model.origin import BASES
from rtsched.model.quantities import QUANTITIES

BASIS: Schema = {"enum": list(BASES), "description": "the weakest of what the execution times claim to be"}
_SHA: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
STEPS: Schema = {key: value for key, value in STEPS_SCHEMA.items() if key not in ("$schema", "title")}

_PART = thing({"kind": TEXT, "source": TEXT, "amount_ns": TIME})
_BOUND = thing(
    {
        "task": TEXT,
        "wcrt_ns": maybe(TIME, "worst-case response time from the arrival; null: no bound is known"),
        "deadline_ns": TIME,
        "slack_ns": maybe(TIME),
        "exact": YES,
        "test": TEXT,
        "converged": YES,
        "parts": many(_PART, "what the bound consists of"),
    }
)
_FAILURE = maybe(
    thing({"task": TEXT, "why": TEXT, "needed_ns": maybe(TIME), "available_ns": maybe(TIME), "hint": TEXT})
)
_ASSUMPTION = thing(
    {
        "status": {"enum": ["checked", "declared"]},
        "state": {"enum": ["open", "validated", "violated"], "description": "what a person says of it"},
        "against": {**YES, "description": "its source says something else"},
        **dict.fromkeys(("id", "text", "by", "evidence", "owner", "how"), TEXT),
    }
)
_EVIDENCE = {"kind": TEXT, "test": TEXT, "citation": TEXT, "strength": STRENGTH}
#: The answer of theorems, as `Result.to_dict` has it.
_RESULT = {
    "verdict": VERDICT,
    "reason": TEXT,
    "bounds": many(_BOUND),
    "evidence": many(thing(_EVIDENCE)),
    "assumptions": many(_ASSUMPTION),
    "first_failure": _FAILURE,
    "details": {"type": "object"},
}
_ID = maybe(TEXT, "of the requirement, as the file has it")
_QUANTITY: Schema = {"enum": list(QUANTITIES)}
_ORIGIN = thing(
    {
        "basis": BASIS,
        "text": TEXT,
        "statistic": maybe(TEXT, "which figure of a table or of samples"),
        "n": maybe(COUNT, "runs that it is from; null: not stated"),
        "margin": NUMBER,
        **dict.fromkeys(("source", "row", "date"), maybe(TEXT, "null: not stated")),
        "stated": maybe({"type": "object"}, "what the file states of it"),
    }
)
_NODE = thing(
    {
        "node": TEXT,
        "processors": TEXTS,
        "value_ns": TIME,
        "kind": BASIS,
        "from": many(_ORIGIN),
    }
)
_TASK = thing(
    {
        "name": TEXT,
        "id": _ID,
        "period_ns": maybe(TIME),
        "deadline_ns": TIME,
        "jitter_ns": TIME,
        "wcet_ns": maybe(TIME),
        "overhead_ns": TIME,
        "criticality": {"enum": ["hard", "firm", "soft"]},
        "verdict": VERDICT,
        "basis": BASIS,
        "reason": {**TEXT, "description": "why it is not proven"},
        "rests_on": {**BASIS, "description": "the weakest of all that its verdict rests on"},
        "nodes": many(_NODE, "every time of every node"),
        "origins": many(_ORIGIN, "where its execution times come from"),
        "bound": _BOUND,
        "observed_ns": maybe(TIME, "the worst response that was seen"),
        "observed_in": maybe(TEXT),
        "observed_per_bound": maybe(NUMBER),
        "misses_seen": maybe(COUNT),
    }
)
_LEVEL = thing({"verdict": VERDICT, "basis": BASIS, **dict.fromkeys(("proven", "refuted", "open", "chains"), TEXTS)})
_TEST = thing({**_EVIDENCE, "title": TEXT, "verdict": VERDICT, "reason": TEXT, "bounds_ns": named(maybe(TIME))})
_GROUP = thing(
    {
        "name": TEXT,
        "tasks": TEXTS,
        "verdict": VERDICT,
        "basis": BASIS,
        "reason": TEXT,
        "phases_as_declared": maybe(VERDICT, "the exact answer for the phases of the file, where it is another"),
        "change": maybe(TEXT, "what would let a theorem apply"),
        "first_failure": _FAILURE,
        "tests": many(_TEST),
        "not_applicable": many(thing({"test": TEXT, "reason": TEXT})),
    }
)
_END = thing(
    {
        "quantity": _QUANTITY,
        **dict.fromkeys(("name", "begins", "ends", "sampling"), TEXT),
        **dict.fromkeys(("limit_ns", "bound_ns", "slack_ns", "observed_ns"), maybe(TIME)),
        "observed": {**COUNT, "description": "how many were seen"},
        "observed_in": maybe(TEXT),
        "verdict": maybe(VERDICT),
    }
)
_REQUIREMENT = thing(
    {
        "id": _ID,
        "of": {"enum": ["system", "task", "chain", "load"]},
        "name": TEXT,
        "quantity": {"enum": ["response", *QUANTITIES, "all", "utilisation", "misses"]},
        **dict.fromkeys(("called", "begins", "ends", "sampling"), TEXT),
        **dict.fromkeys(("limit_ns", "bound_ns", "slack_ns", "observed_ns"), maybe(TIME)),
        "count": {**COUNT, "description": "how many were seen"},
        "observed_in": TEXT,
        "verdict": VERDICT,
        "basis": BASIS,
        "test": TEXT,
        "reason": TEXT,
        "shares": maybe(
            thing({"limit": NUMBER, "bound": maybe(NUMBER), "slack": maybe(NUMBER)}), "of a load, per server"
        ),
        "counts": maybe(
            thing(
                {"limit": COUNT, "of": COUNT, "bound": maybe(COUNT), "slack": maybe(NUMBER), "observed": maybe(COUNT)}
            ),
            "of misses in a row",
        ),
    }
)
_CHAIN = thing(
    {
        "name": TEXT,
        "id": _ID,
        "tasks": TEXTS,
        "max_reaction_ns": maybe(TIME),
        "max_age_ns": maybe(TIME),
        **_RESULT,
        "basis": BASIS,
        "observed_reaction_ns": maybe(TIME),
        "observed_age_ns": maybe(TIME),
        "ends": many(_END, "its end-to-end quantities"),
    }
)
_COUNTER = thing(
    {
        "task": TEXT,
        "pattern": TEXT,
        "seed": COUNT,
        "release_ns": TIME,
        "deadline_ns": TIME,
        "finish_ns": maybe(TIME),
    }
)
_BROKEN = thing(
    {
        "chain": TEXT,
        "quantity": _QUANTITY,
        "time_ns": maybe(TIME, "null: a job was lost on the way"),
        "limit_ns": TIME,
        "pattern": TEXT,
        "seed": COUNT,
    }
)
_ANALYSED = {
    "version": TEXT,
    "system": TEXT,
    "id": _ID,
    "platform": TEXT,
    "policy": TEXT,
    "inputs_sha256": _SHA,
    "verdict": VERDICT,
    "basis": BASIS,
    "proven": {**YES, "description": "schedulable, and for execution times of which a proof is one"},
    "conditional": {**YES, "description": "schedulable if no job exceeds the measured maxima"},
    "violated": {**TEXTS, "description": "assumptions of which the file says that they do not hold: nothing is proven"},
    "outcome": {**TEXT, "description": "the verdict with what it rests on, in words"},
    "criticality": named(_LEVEL),
    "scope": {**TEXT, "description": "what exactly is claimed"},
    "breakdown": maybe(NUMBER, "the factor of all execution times up to which all is proven"),
    "tasks": many(_TASK),
    "parts": many(_GROUP),
    "chains": many(_CHAIN),
    "assumptions": many(_ASSUMPTION),
    "requirements": many(_REQUIREMENT, "each deadline, and each limit of misses, a chain or a load"),
    "counterexample": maybe(_COUNTER),
    "broken_chain": maybe(_BROKEN),
    "simulated": maybe(thing({"runs": COUNT, "jobs": COUNT, "seed": COUNT, "interrupted": YES})),
    "unrun": maybe(TEXT, "why nothing was simulated, though it was asked for"),
}
_ACTION = thing(
    {
        **dict.fromkeys(("part", "kind", "text", "cost"), TEXT),
        "set": {**TEXTS, "description": "the change, each for --set"},
        "verdict": VERDICT,
        "basis": BASIS,
        "gained": TEXTS,
    }
)
_MARGINS = {
    "margins": named(thing({"C": maybe(NUMBER), "T": maybe(NUMBER)}), "with --margins: factors, task by task"),
    "actions": many(_ACTION, "with --margins: what would make a part, or all (system), provable"),
    "tried": thing({"changes": COUNT, "ended_early": YES}),
}

ANALYSE_SCHEMA = document("a verification", 1, _ANALYSED, {**_MARGINS, "steps": STEPS})

_BLOCKS = many({"type": "object", "required": ["kind"]}, "texts, tables, lists, figures")
_INPUT = thing({"name": TEXT, "what": TEXT, "sha256": _SHA, "commit": maybe(TEXT), "changed": maybe(YES)})
_CITATION = dict.fromkeys(("test", "title", "strength", "citation", "corpus", "mutants", "parts"), TEXT)
_REPORTED = thing(
    {
        "date": {"type": "string", "format": "date"},
        "command": TEXT,
        "smallest_margin": TEXT,
        "breakdown": TEXT,
        "marks": named(TEXT),
        "first_failures": many(thing({"part": TEXT, "why": TEXT})),
        "not_proven": many(thing({"part": TEXT, "tasks": TEXTS, "evidence": TEXT})),
        "coverage": named(TEXT),
        "citations": many(thing(_CITATION)),
        "versions": named(TEXT),
        "inputs": thing({"system": TEXT, "platform": TEXT}),
        "files": many(_INPUT),
        "document": {"type": "object", "description": "the front page"},
        "checks": TEXT,
        "title": TEXT,
        "front": _BLOCKS,
        "sections": many(thing({"number": COUNT, "name": TEXT, "title": TEXT, "blocks": _BLOCKS})),
        "figures": many(thing({"title": TEXT, "text": TEXT})),
    }
)

REPORT_SCHEMA = document(
    "a report",
    1,
    {
        **_ANALYSED,
        **_MARGINS,
        "scheduler": {"type": "object"},
        "seed": COUNT,
        "runs": COUNT,
        "resolved": {"type": "object", "description": "the system as it was analysed, from which all is recomputed"},
        "report": _REPORTED,
        "digest": thing({"sha256": _SHA, "recipe": TEXT}),
    },
)

RERUN_SCHEMA = document(
    "a report proven again",
    1,
    {
        "system": TEXT,
        "confirmed": YES,
        "digest": thing({"stated": TEXT, "computed": TEXT}),
        "version": thing({"report": TEXT, "this": TEXT}),
        "verdict": VERDICT,
        "basis": BASIS,
        "differences": TEXTS,
    },
)

_CLAIM = thing(
    {"test": TEXT, "bound_ns": TIME, "observed_ns": TIME, "pattern": TEXT, "seed": COUNT},
    {"task": TEXT, "chain": TEXT, "quantity": _QUANTITY},
)
_MISSED = thing({"task": TEXT, "deadline_ns": TIME, "pattern": TEXT, "seed": COUNT})

SOUNDNESS_SCHEMA = document(
    "a simulation that beats a proof",
    2,
    {
        "message": TEXT,
        "claim": {"oneOf": [{"type": "null"}, _CLAIM, _MISSED], "description": "what was claimed, and what was seen"},
        "command": TEXTS,
        "versions": named(TEXT),
    },
    {
        "system": {"type": "object", "description": "of the run, lowered"},
        "scheduler": TEXT,
        "seed": COUNT,
        "until": TIME,
        "trace": named(named({"type": "array"}), "tables in columns"),
        "analysed": {"type": "object", "description": "lowered"},
        "analysis": many(thing({"part": TEXT, **_RESULT})),
        "steps": STEPS,
        "steps_failed": TEXT,
    },
)
