"""The common ground of all models: frozen pydantic, unknown keys refused, quantities that carry units.

In a file a time is text with a unit (``"5 ms"``); in Python an ``int`` is nanoseconds. The validation context
``{"file": ...}`` tells the two apart, so that a bare number in a file is an error and never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Integral
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from rtsched import units
from rtsched.errors import InputError
from rtsched.visible import cut


class Model(BaseModel):
    """A frozen description: compares and hashes by value, refuses unknown keys and non-finite numbers.

    Whatever is wrong raises InputError. `with_` changes a description and validates what comes out; pydantic's own
    ``model_copy(update=...)`` does not, so what it made is validated where it is used: inside another description, and
    by ``rtsched.load``.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
        revalidate_instances="always",
        defer_build=True,
    )

    def __init__(self, /, **data: Any) -> None:
        try:
            self.__pydantic_validator__.validate_python(data, self_instance=self)
        except ValidationError as error:
            raise _refusal(type(self), data, error, None) from None

    # Models inside of others are not made by calling them: pydantic may go the short way.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """The model that `obj`, a mapping or another model, describes. Raises InputError."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise _refusal(cls, obj, error, options.get("context")) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """The model that a JSON text describes. Raises InputError."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise _refusal(cls, {}, error, options.get("context")) from None

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Self:
        """A copy with some values set anew, validated as a whole.

        ``system.with_(scheduler="edf")`` sets fields, ``system.with_({"tasks.detector.period": "20 ms"})`` values by
        path, as ``--set`` does on the command line; ``system.with_(tasks={"detector": {"period": "20 ms"}})`` says the
        same. An ``int`` is nanoseconds (bytes, Hz, …). Raises InputError.
        """
        from rtsched.model.config import change, plain
        from rtsched.model.overrides import Override

        if not isinstance(changes, Mapping | None):
            raise InputError(f"with_ takes a mapping of paths to values (found {changes!r}); e.g. {{'name': 'x'}}")
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        given = {**(changes or {}), **{names.get(name, name): value for name, value in fields.items()}}
        listed = {key for key, value in plain(self).items() if isinstance(value, list)}
        anew = [pair for path, value in given.items() for pair in _by_item(str(path), value, path in listed)]
        return change(self, [Override(path, value, f"{path}={value!r}", "with_") for path, value in anew])


def _by_item(path: str, value: Any, listed: bool) -> list[tuple[str, Any]]:
    """What to set where: a mapping in place of a list names items of it, and what to set in each."""
    if not listed or not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        return [(path, value)]
    return [(f"{path}.{name}.{key}", inner) for name, item in value.items() for key, inner in item.items()]


def _refusal(model: type[BaseModel], data: Any, error: ValidationError, context: Any) -> Exception:
    """What is wrong with Python data, in the words of a file's errors."""
    from rtsched.model.config import Document, plain, refusal

    file = context.get("file") if context else None
    return refusal(model, Document(plain(data), file or model.__name__), error)


def whole_number(value: Any) -> int | None:
    """An integer of any kind (numpy's, too) as Python's own; None for everything else, also for true and false."""
    if type(value) is int:  # nearly always; the abstract class takes its time
        return value
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def problem(message: str, *key: str | int | None, also: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """A validation error whose text is exactly `message` (pydantic's own would prefix "Value error,").

    It is about the whole model that is validated, or about one `key` of it (or of what lies in it: the way to it), at
    which the message then points. `also` is the way to another place, which is named behind the message.
    """
    return PydanticCustomError(
        "rtsched",
        "{message}",
        {"message": message, "key": tuple(part for part in key if part is not None), "also": also},
    )


def _id(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip() or not value.isprintable() or len(value) > LONGEST_ID:
        raise problem(
            f"an id is printable text of at most {LONGEST_ID} letters (found {cut(value)!r}); write e.g. REQ-017"
        )
    return value


#: Letters of an id.
LONGEST_ID = 60
#: What a requirement is called elsewhere, e.g. ``REQ-017``.
Id = Annotated[str, BeforeValidator(_id)]


def _quantity(parse: Callable[[str], int], what: str, example: str, least: int) -> Callable[[Any, ValidationInfo], int]:
    article = "an" if what[0] in "aeiou" else "a"
    parse = lru_cache(maxsize=4096)(parse)  # of many thousand tasks most have the same few periods and times

    def validate(value: Any, info: ValidationInfo) -> int:
        if isinstance(value, str):
            try:
                number = parse(value)
            except ValueError as error:
                raise problem(str(error)) from None
        else:
            given = whole_number(value)
            if given is None:
                raise problem(f"{article} {what} is text with a unit; write e.g. {example!r}")
            if given != 0 and info.context is not None and info.context.get("file"):
                raise problem(f"{article} {what} needs a unit; write e.g. {example!r}")
            number = given
        if abs(number) > units.LARGEST:
            raise problem("is more than any chip has; below 2^62 is counted")
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
