"""What ``rtsched what-if --json`` prints, as JSON Schema."""

from __future__ import annotations

from typing import Any

from rtsched.export.schema import _COUNT, _TEXT, _maybe, _object

_NAMES: dict[str, Any] = {"type": "array", "items": _TEXT}

#: What ``rtsched what-if --json`` prints. All times are integer nanoseconds.
ALTERNATIVES_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtsched what-if",
    **_object(
        {
            "format": {"const": 1},
            "system": _TEXT,
            "until_ns": _maybe("integer", "how long jobs were released where energy was counted"),
            "partial": {"type": "boolean", "description": "interrupted"},
            "left": {**_COUNT, "description": "how many alternatives were not analysed any more"},
            "alternatives": {
                "type": "array",
                "items": _object(
                    {
                        "platform": _TEXT,
                        "mode": _maybe("string", "power mode; null: none"),
                        "scheduler": {"type": "string", "description": "as it was asked for"},
                        "policy": _TEXT,
                        "own": {"type": "boolean", "description": "the system as its file has it"},
                        "verdict": {"enum": ["schedulable", "unschedulable", "unknown", "refused"]},
                        "basis": _maybe("string", "the weakest kind of execution time that it rests on"),
                        "breakdown": _maybe("number", "largest factor of all execution times that keeps a proof"),
                        "slack": _maybe("number", "least slack by its bounds, as a share of the deadline"),
                        "tightest": _maybe("string", "the task with the least slack"),
                        "open": {**_NAMES, "description": "tasks that are not proven"},
                        "reason": {"type": "string", "description": "why not all is proven, or why it is refused"},
                        "carried": {**_NAMES, "description": "tasks whose times nobody measured on this board"},
                        "energy_nj": _maybe("integer", "of one run; null: not counted, or not known"),
                        "mean_power_mw": _maybe("number", "of one run"),
                        "without_power_figures": {**_NAMES, "description": "busy units without a figure"},
                    }
                ),
            },
            "lacking": {"type": "array", "items": _object({"platform": _TEXT, "lacks": _NAMES})},
            "others_lacking": {**_NAMES, "description": "further boards that lack something"},
        }
    ),
}
