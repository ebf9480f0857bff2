"""The system in integers as plain data, and back: what a report needs to be proven again without the catalogue."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rtsched.errors import InputError
from rtsched.model.taskgraph import SystemSpec


@cache
def _adapter() -> TypeAdapter[SystemSpec]:
    return TypeAdapter(SystemSpec)


def dump(system: SystemSpec) -> dict[str, Any]:
    """Everything that the engine and the proofs see of a system, times in ns, as JSON has it."""
    found: dict[str, Any] = json.loads(_adapter().dump_json(system))
    return found


def load(data: Any) -> SystemSpec:
    """The system that `dump` wrote. Raises InputError where it is none."""
    try:
        return _adapter().validate_python(_keys(data))
    except (ValidationError, AssertionError, ValueError, TypeError, RecursionError) as error:
        place, why = "resolved", str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            place, why = ".".join(map(str, (place, *first["loc"]))), first["msg"]
        raise InputError(f"{place}: {why}; take the report as rtsched wrote it") from None


def _keys(item: Any) -> Any:
    """JSON has pairs of clusters, the keys of the ways of a transfer, as ``one,other``."""
    if isinstance(item, list):
        return [_keys(each) for each in item]
    if not isinstance(item, dict):
        return item
    return {
        key: {tuple(pair.split(",", 1)): link for pair, link in value.items()}
        if key == "links" and isinstance(value, dict) and all("," in pair for pair in value)
        else _keys(value)
        for key, value in item.items()
    }
