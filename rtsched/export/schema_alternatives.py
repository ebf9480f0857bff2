"""What ``rtsched what-if --json`` prints, as JSON Schema."""

from __future__ import annotations

from rtsched.export.schema_parts import COUNT, NUMBER, TEXT, TEXTS, TIME, YES, document, many, maybe, thing

#: What ``rtsched what-if --json`` prints. All times are integer nanoseconds.
ALTERNATIVES_SCHEMA = document(
    "a system on other boards, in other modes, under other policies",
    1,
    {
        "system": TEXT,
        "id": maybe(TEXT, "of the requirement on all of it, as the file has it"),
        "wcet": maybe(TEXT, "which of the measured times is C; null: the largest that is known"),
        "until_ns": maybe(TIME, "how long jobs were released where energy was counted"),
        "partial": {**YES, "description": "interrupted"},
        "left": {**COUNT, "description": "how many alternatives were not analysed any more"},
        "alternatives": many(
            thing(
                {
                    "platform": TEXT,
                    "mode": maybe(TEXT, "power mode; null: none"),
                    "scheduler": {**TEXT, "description": "as it was asked for"},
                    "policy": TEXT,
                    "own": {**YES, "description": "the system as its file has it"},
                    "verdict": {"enum": ["schedulable", "unschedulable", "unknown", "refused"]},
                    "basis": maybe(TEXT, "the weakest kind of execution time that it rests on"),
                    "breakdown": maybe(NUMBER, "largest factor of all execution times that keeps a proof"),
                    "slack": maybe(NUMBER, "least slack by its bounds, as a share of the deadline"),
                    "tightest": maybe(TEXT, "the task with the least slack"),
                    "open": {**TEXTS, "description": "tasks that are not proven"},
                    "reason": {**TEXT, "description": "why not all is proven, or why it is refused"},
                    "carried": {**TEXTS, "description": "tasks whose times nobody measured on this board"},
                    "energy_nj": maybe({"type": "integer"}, "of one run; null: not counted, or not known"),
                    "mean_power_mw": maybe(NUMBER, "of one run"),
                    "violated": {**TEXTS, "description": "assumptions of which the file says that they do not hold"},
                    "without_power_figures": {**TEXTS, "description": "busy units without a figure"},
                }
            )
        ),
        "lacking": many(thing({"platform": TEXT, "lacks": TEXTS})),
        "others_lacking": {**TEXTS, "description": "further boards that lack something"},
    },
)
