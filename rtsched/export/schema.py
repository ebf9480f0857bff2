"""What ``rtsched run --json`` prints, as JSON Schema."""

from __future__ import annotations

from typing import Any

from rtsched.model.quantities import QUANTITIES


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _maybe(kind: str, text: str) -> dict[str, Any]:
    return {"type": [kind, "null"], "description": text}


_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}

_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER: dict[str, Any] = {"type": "number", "minimum": 0}


def _list(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object({"name": _TEXT, **properties})}


#: What the hardware did; null for a system of plain processors.
_HARDWARE = _object(
    {
        "energy": {
            "oneOf": [
                {"type": "null"},
                _object(
                    {
                        "total": {**_COUNT, "description": "nJ"},
                        "mean_power": {**_NUMBER, "description": "mW over the run"},
                        "base": {**_COUNT, "description": "nJ"},
                        "memory": {**_COUNT, "description": "nJ"},
                        "units": _list({"active": _COUNT, "idle": _COUNT}),
                        "tasks": _list({"total": _COUNT, "per_job": _maybe("number", "nJ")}),
                    }
                ),
            ]
        },
        "battery": {
            "oneOf": [
                {"type": "null"},
                _object(
                    {
                        **dict.fromkeys(("start", "end", "least", "off"), _SHARE),
                        **{key: {**_COUNT, "description": "nJ"} for key in ("harvested", "lost", "short")},
                        "stops": _COUNT,
                    }
                ),
            ]
        },
        "clocks": _list({"mean": {**_NUMBER, "description": "Hz over time"}, "changes": _COUNT}),
        "heat": {
            "oneOf": [
                {"type": "null"},
                _object({"highest": {"type": "number"}, "throttled": _SHARE, "trips": _COUNT}),
            ]
        },
        "failures": _list({"failures": _COUNT, "down": _SHARE, "hit": _COUNT}),
        "links": _list({"mean": {**_NUMBER, "description": "bytes per second over time"}}),
        **dict.fromkeys(("loads", "loaded_bytes", "evictions", "checkpoints"), _COUNT),
    }
)

_ID = _maybe("string", "what the requirement is called elsewhere")

#: One end-to-end quantity of a chain in a run.
_END = _object(
    {
        "quantity": {"enum": [*QUANTITIES]},
        "name": _TEXT,
        "begins": {**_TEXT, "description": "the event with which it begins"},
        "ends": {**_TEXT, "description": "the event with which it ends"},
        "max": _maybe("integer", "the longest that was seen, ns: a lower bound on the worst"),
        "count": {**_COUNT, "description": "of how many"},
        "limit": _maybe("integer", "what is required, ns"),
        "slack": _maybe("integer", "limit - max, ns"),
        "kept": _maybe("boolean", "whether the limit was kept; null where there is none, or nothing was seen"),
    }
)

#: What ``rtsched run --json`` prints, as JSON Schema. All times are integer nanoseconds (means: numbers).
SUMMARY_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtsched run summary",
    **_object(
        {
            "format": {"const": 1},
            "system": _TEXT,
            "id": _ID,
            "scheduler": _TEXT,
            "seed": _COUNT,
            "until": {**_COUNT, "description": "releases lie in [0, until), ns"},
            "end": {**_COUNT, "description": "when the run was over, ns"},
            "warm_up": {**_COUNT, "description": "jobs released before are not counted, ns"},
            "jobs": _COUNT,
            "misses": {**_COUNT, "description": "late + dropped + aborted"},
            "miss_ratio": _maybe("number", "misses / jobs"),
            "antt": _maybe("number", "average normalised turnaround time; null where a task with jobs finished none"),
            "stp": _maybe("number", "system throughput: sum of time alone / mean response of finished jobs"),
            "fairness": _maybe("number", "smallest / largest slowdown; 0 where a task with jobs finished none"),
            "accuracy": _maybe("number", "mean of the tasks' by weight; null where none is known, or measures differ"),
            "effective_accuracy": _maybe("number", "as accuracy"),
            "measures": {
                **_list(
                    {
                        "tasks": {"type": "array", "items": _TEXT},
                        "accuracy": _maybe("number", "mean of these tasks' by weight"),
                        "effective_accuracy": _maybe("number", "mean of these tasks' by weight"),
                    }
                ),
                "description": "accuracies by what they count (top1, miou, …), which have no common mean",
            },
            "tasks": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "id": _ID,
                        "criticality": {"enum": ["hard", "firm", "soft"]},
                        "deadline": {**_COUNT, "description": "relative, ns"},
                        **dict.fromkeys(("jobs", "ok", "late", "dropped", "aborted"), _COUNT),
                        "unfinished": {
                            **_COUNT,
                            "description": "open at the end before their deadline; in no other count",
                        },
                        "finished": {**_COUNT, "description": "on time or late: those that response is about"},
                        "misses": _COUNT,
                        "miss_ratio": _maybe("number", "misses / jobs"),
                        "longest_miss_run": {**_COUNT, "description": "consecutive misses"},
                        "response": _object(
                            {
                                "min": _maybe("integer", "ns"),
                                "mean": _maybe("number", "ns"),
                                "p50": _maybe("integer", "ns"),
                                "p95": _maybe("integer", "ns"),
                                "p99": _maybe("integer", "ns"),
                                "max": _maybe("integer", "ns"),
                                "jitter": _maybe("integer", "max - min, ns"),
                                "normalised": _maybe("number", "mean of response / relative deadline"),
                            }
                        ),
                        "lateness_max": _maybe("integer", "finish - deadline, may be negative, ns"),
                        "tardiness_mean": _maybe("number", "mean of max(0, lateness), ns"),
                        "tardiness_max": _maybe("integer", "ns"),
                        "slowdown": _maybe("number", "mean response / critical path"),
                        "measure": _maybe("string", "what accuracies count: top1 (right answers), miou, …"),
                        "accuracy": _maybe("number", "right answers / answers; null where it is not known"),
                        "effective_accuracy": _maybe("number", "worth of the answers / jobs: late is wrong, or decays"),
                        "variants": {
                            "type": ["object", "null"],
                            "additionalProperties": _COUNT,
                            "description": "answers by variant or exit, the best variant first",
                        },
                        "misses_in_a_row": {
                            "oneOf": [{"type": "null"}, _object(dict.fromkeys(("most", "of", "seen"), _COUNT))],
                            "description": "of any so many consecutive jobs: how many may miss, and were seen to",
                        },
                    }
                ),
            },
            "processors": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "cluster": _TEXT,
                        "utilisation": {**_SHARE, "description": "of the run; on a stream: something of it ran"},
                        "waiting": {**_SHARE, "description": "on a stream: what it had launched only waited"},
                        "overhead": {**_SHARE, "description": "part of utilisation"},
                        **dict.fromkeys(("starts", "preemptions", "migrations"), _COUNT),
                    }
                ),
            },
            "chains": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "tasks": {"type": "array", "items": _TEXT},
                        **{
                            name: _maybe("integer", "ns")
                            for name in (
                                "reaction_time_max",
                                "data_age_max",
                                "reduced_data_age_max",
                                "max_reaction",
                                "max_age",
                            )
                        },
                        "kept": _maybe("boolean", "whether the chain keeps all that is required of it"),
                        "id": _ID,
                        "ends": {
                            "type": "array",
                            "items": _END,
                            "description": "its end-to-end quantities, from when all its tasks have begun",
                        },
                        "samples": _maybe("integer", "reads of the first task; null where tasks release each other"),
                        "samples_lost": _maybe("integer", "reads that no output knows of"),
                        "outputs": _maybe("integer", "outputs of the last task"),
                        "outputs_repeated": _maybe("integer", "outputs from the same read as one before"),
                        "lost": _maybe("integer", "jobs lost on the way, where tasks release each other"),
                    }
                ),
            },
            "hardware": {"oneOf": [{"type": "null"}, _HARDWARE]},
            "deadlocks": {
                "type": "array",
                "items": _object({"time": {**_COUNT, "description": "ns"}, "text": _TEXT}),
                "description": "the first of them: jobs that wait for each other's resources in a circle",
            },
            "deadlock_count": _COUNT,
            "stranded": {
                "type": "array",
                "items": _TEXT,
                "description": "the first of the jobs that can never finish, of a run that drains all",
            },
            "stranded_count": _COUNT,
            "standstill": _maybe("integer", "since when only timers happened, at the end of a run that drains all, ns"),
            "planned": _maybe("integer", "the until that was asked for, of a run that was interrupted; else null"),
            "assumed": {"type": "array", "items": _TEXT, "description": "numbers without a source of their own"},
            "headline": {"type": "string", "description": "what to look at"},
        }
    ),
}
SUMMARY_SCHEMA["properties"]["metrics"] = {
    "type": "object",
    "additionalProperties": {"type": ["number", "null"]},
    "description": "those asked for with --metric, by name; absent without",
}
SUMMARY_SCHEMA["properties"]["reasons"] = {
    "type": "array",
    "items": _object(
        {
            "task": _TEXT,
            "job": {"type": "string", "description": "the latest of its jobs that missed"},
            "late": _maybe("integer", "by how much, ns; null: it never finished"),
            "waited": {
                "type": "array",
                "items": _object({"task": _TEXT, "time": {**_COUNT, "description": "ns"}}),
                "description": "for whom, the longest first",
            },
            "text": _TEXT,
        }
    ),
    "description": "why up to three tasks missed; absent where none did, empty where no trace tells",
}
