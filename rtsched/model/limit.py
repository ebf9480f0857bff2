"""Limits of loads: how much of a processor, or of a cluster, tasks may ask for."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from rtsched.model.base import Id, Model, problem


def _share(value: Any) -> Fraction:
    """An exact share of a whole: ``70 %`` or 0.7."""
    found = value if isinstance(value, Fraction) else _read(str(value).strip())
    if isinstance(value, bool) or not 0 < found <= 1:
        raise problem(f"must be a share above 0 and at most 100 % (found {value!r}); write e.g. 70 %, or 0.7")
    return found


def _read(text: str) -> Fraction:
    """The share that a text is; 0 where it is none."""
    try:
        number = Decimal(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        return Fraction(0)
    return Fraction(number) if number.is_finite() else Fraction(0)


#: A share of a whole, above 0.
Share = Annotated[
    Fraction,
    BeforeValidator(_share),
    PlainSerializer(lambda value: f"{float(100 * value):.12g} %", when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "examples": ["70 %"]}, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}]}
    ),
]


class Limit(Model):
    """How much tasks may ask for, in all, of a cluster (per server of it) or of one processor: the sum of their C/T."""

    of: str = Field(description="a cluster, or a processor of one")
    id: Id | None = Field(default=None, description="what a requirement on it is called elsewhere, e.g. REQ-019")
    max_utilisation: Share
