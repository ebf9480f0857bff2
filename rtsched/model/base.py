"""The common ground of all models: frozen pydantic, unknown keys refused, quantities that carry units.

In a file a time is text with a unit (``"5 ms"``); in Python an ``int`` is nanoseconds. The validation context
``{"file": ...}`` tells the two apart, so that a bare number in a file is an error and never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from rtsched import units


class Model(BaseModel):
    """A frozen description: compares and hashes by value, refuses unknown keys and non-finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


def problem(message: str, key: str | None = None) -> PydanticCustomError:
    """A validation error whose text is exactly `message` (pydantic's own would prefix "Value error,").

    It is about the whole model that is validated, or about one `key` of it, at which the message then points.
    """
    return PydanticCustomError("rtsched", "{message}", {"message": message, "key": key})


def _quantity(parse: Callable[[str], int], what: str, example: str, least: int) -> Callable[[Any, ValidationInfo], int]:
    def validate(value: Any, info: ValidationInfo) -> int:
        if isinstance(value, str):
            try:
                number = parse(value)
            except ValueError as error:
                raise problem(str(error)) from None
        elif isinstance(value, int) and not isinstance(value, bool):
            if value != 0 and info.context is not None and info.context.get("file"):
                raise problem(f"a {what} needs a unit; write e.g. {example!r}")
            number = value
        else:
            raise problem(f"a {what} is text with a unit; write e.g. {example!r}")
        if number < least:
            raise problem(f"must be {'positive' if least > 0 else 'zero or more'}; write e.g. {example!r}")
        return number

    return validate


def _schema(what: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": f"{what}, e.g. '{example}'", "examples": [example]})


#: Nanoseconds, one or more.
PositiveDuration = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_duration, "duration", "5 ms", 1)),
    PlainSerializer(units.format_duration, return_type=str, when_used="json"),
    _schema("duration", "5 ms"),
]
#: Nanoseconds, none or more.
Duration = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_duration, "duration", "5 ms", 0)),
    PlainSerializer(units.format_duration, return_type=str, when_used="json"),
    _schema("duration", "5 ms"),
]
#: Bytes per second, more than none.
Bandwidth = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_bandwidth, "bandwidth", "51.2 GB/s", 1)),
    PlainSerializer(units.format_bandwidth, return_type=str, when_used="json"),
    _schema("bandwidth", "51.2 GB/s"),
]
#: Bytes.
Size = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_size, "size", "4 MB", 0)),
    PlainSerializer(units.format_size, return_type=str, when_used="json"),
    _schema("size", "4 MB"),
]
#: Hertz.
Frequency = Annotated[
    int,
    BeforeValidator(_quantity(lambda text: round(units.parse_rate(text)), "frequency", "2.4 GHz", 1)),
    PlainSerializer(units.format_rate, return_type=str, when_used="json"),
    _schema("frequency", "2.4 GHz"),
]
#: A period in nanoseconds, written as a rate.
RatePeriod = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_period, "rate", "30 Hz", 1)),
    PlainSerializer(units.format_period, return_type=str, when_used="json"),
    _schema("rate", "30 Hz"),
]
#: Microwatts, none or more.
Power = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_power, "power", "1.2 W", 0)),
    PlainSerializer(units.format_power, return_type=str, when_used="json"),
    _schema("power", "1.2 W"),
]
#: Nanojoules, none or more.
Energy = Annotated[
    int,
    BeforeValidator(_quantity(units.parse_energy, "energy", "2.4 mJ", 0)),
    PlainSerializer(units.format_energy, return_type=str, when_used="json"),
    _schema("energy", "2.4 mJ"),
]
